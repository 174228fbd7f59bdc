# What a policy costs, in instructions: a reader in a judged statement a few, a
# token that is remembered no signature check, no JSON and no look into a table.
#
# Counted by valgrind, they are the same on a busy machine. The bounds are about
# twice what the compilers of Debian 12 make: they are for what was done once
# and is done for every row now, not for a slower compiler.
use strict;
use warnings;
use FindBin;
use IPC::Run ();
use lib "$FindBin::Bin/../perl";
use PostgreSQL::Test::Cluster;
use PostgreSQL::Test::Utils;
use Test::More;
use TestServer;
use TokenAuth;

my $n_rows = 20000;
my $n_members = 100;

my $node = new_server('instructions', 'token_auth.binding = session', 'autovacuum = off', 'token_auth.max_token_size = 64kB');
install($node);
my $key = keypair('ES256');
my $other = keypair('RS256');
my $jwks = jwks($key, $other);
my $token = mint($key, default_claims(client_id => 'shop', sub => '7d444840-9dc0-11d1-b245-5ffdce74fad2', scope => 'orders:read', teams => [ map { "team $_" } 1 .. $n_members ], numbers => [ 1 .. $n_members ]));
my $small = mint($key, default_claims(client_id => 'shop', scope => 'orders:read'));
$node->safe_psql('postgres', qq{
	SELECT token_auth.import_jwks('idp', '$jwks');
	CREATE TABLE item AS
		SELECT n, 'team ' || n % 1000 AS team, '7d444840-9dc0-11d1-b245-5ffdce74fad2' AS owner,
			'7d444840-9dc0-11d1-b245-5ffdce74fad2'::uuid AS owner_id
		FROM generate_series(1, $n_rows) AS n;
	VACUUM ANALYZE item;
});
$node->stop;
chomp(my $bindir = `pg_config --bindir`);

# Run statements in a server of one process, and count what that executes while
# the function is running: a hash of functions, with those that they call.
sub instructions
{
	my ($function, @statements) = @_;
	my $counts = "$PostgreSQL::Test::Utils::tmp_check/$function.callgrind";
	my ($output, $log) = ('', '');

	s/\s+/ /g for @statements;
	my $succeeded = IPC::Run::run(
		[
			'valgrind', '--tool=callgrind', "--toggle-collect=$function", "--callgrind-out-file=$counts",
			"$bindir/postgres", '--single', '-D', $node->data_dir, 'postgres'
		],
		'<', \join('', map { "$_\n" } @statements), '>', \$output, '2>', \$log);
	ok($succeeded && $log !~ /ERROR|FATAL|PANIC/, "$function ran under valgrind") or diag($log);

	my ($report, $errors) = run_command([ 'callgrind_annotate', '--inclusive=yes', '--threshold=100', $counts ]);
	my %counts;
	while ($report =~ /^\s*([\d,]+) \([^)]*\)\s+\S*?:([\w.]+)/mg)
	{
		my ($count, $name) = ($1, $2);
		$count =~ tr/,//d;
		$counts{$name} = $count if $count > ($counts{$name} || 0);
	}
	ok($counts{$function}, "$function was counted") or diag("$report\n$errors");
	return (\%counts, $output);
}

# Instructions of a reader for each row, in a statement over all of them that finds so many.
sub per_row
{
	my ($function, $condition, $n_found) = @_;
	my ($counts, $output) = instructions("token_auth_$function",
		"SELECT token_auth.set_session_token('$token')",
		'SET max_parallel_workers_per_gather = 0',
		"SELECT count(*) FROM item WHERE $condition");
	like($output, qr/count = "$n_found"/, "$condition finds $n_found rows");
	return $counts->{"token_auth_$function"} / $n_rows;
}

# refusals first: what must not be called is called where the token is new
my @checks = qw(json_loadb strict_json_object signature_verify EVP_DigestVerify jsonb_in catalog_open index_beginscan);
my ($new) = instructions('token_auth_set_local_token', "SELECT token_auth.set_local_token('$small')");
ok($new->{$_}, "a token that is new calls $_()") for @checks;
my ($known) = instructions('token_auth_set_local_token',
	"SELECT token_auth.set_session_token('$small')", "SELECT token_auth.set_session_token('$token')", "SELECT token_auth.set_local_token('$small')");
ok(!$known->{$_}, "a token that is remembered does not call $_()") for @checks;

# a key is judged when a token names it, and not for those that name another; without a kid it may be any
my ($unnamed) = instructions('token_auth_verify', "SELECT token_auth.verify('" . mint($other, default_claims(client_id => 'shop'), { kid => undef }) . "')");
ok($unnamed->{$_}, "a token without a kid calls $_()") for qw(EVP_PKEY_public_check BN_mod_word);
ok($new->{EVP_PKEY_public_check}, "a token that names its key calls EVP_PKEY_public_check() for that");
ok(!$new->{BN_mod_word}, "... and not BN_mod_word() for the other, an RSA key");

cmp_ok($known->{token_auth_set_local_token}, '<', 20000, 'setting a token that is remembered');
cmp_ok($known->{token_auth_set_local_token}, '<', $new->{token_auth_set_local_token} / 20, 'it costs a fraction of one that is new');

for my $case (
	[ subject => 'owner = token_auth.subject()', $n_rows, 30 ],
	[ subject_uuid => 'owner_id = token_auth.subject_uuid()', $n_rows, 30 ],
	[ claim => "owner = token_auth.claim('sub')", $n_rows, 30 ],
	[ claim_uuid => "owner_id = token_auth.claim_uuid('sub')", $n_rows, 30 ],
	[ has_scope => "token_auth.has_scope('orders:read') IS DISTINCT FROM (n < 0)", $n_rows, 30 ],
	[ in_claim_text => "token_auth.in_claim(team, 'teams')", $n_rows / 10, 160 ],
	[ in_claim_int4 => "token_auth.in_claim(n, 'numbers')", $n_members, 95 ],)
{
	my ($function, $condition, $n_found, $most) = @$case;
	my $instructions = per_row($function, $condition, $n_found);
	# that it was called for each row, and no more than that
	cmp_ok($instructions, '>', 8, sprintf('%s: %.0f instructions a row', $condition, $instructions));
	cmp_ok($instructions, '<', $most, "$condition: fewer than $most");
}

# what is deleted and not vacuumed is not walked through for each token that is new
my @others = map { mint($key, default_claims(client_id => 'shop', sub => "user $_")) } 1 .. 3;
my @verifications = map { "SELECT token_auth.verify('$_')" } @others;
my @deleted = (
	"INSERT INTO token_auth.revocation (issuer, kind, value) SELECT 'https://idp.example.com', 'token_id', g FROM generate_series(1, 10000) AS g",
	'DELETE FROM token_auth.revocation');
my ($clean) = instructions('token_auth_verify', @verifications);
my ($littered) = instructions('token_auth_verify', @deleted, @verifications);
cmp_ok($littered->{token_auth_verify}, '<', 1.3 * $clean->{token_auth_verify}, 'three new tokens beside 10000 revocations that are deleted');

done_testing();
