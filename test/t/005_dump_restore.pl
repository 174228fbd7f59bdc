# pg_dump and pg_restore, in every way to call them, keep issuers, keys,
# secrets and revocations; who does not own the tables cannot dump them.
use strict;
use warnings;
use FindBin;
use lib "$FindBin::Bin/../perl";
use PostgreSQL::Test::Cluster;
use PostgreSQL::Test::Utils;
use Test::More;
use TestServer;
use TokenAuth;

my $node = new_server('dump');
install($node);
my $key = keypair('ES256');
my ($by_secret, $by_key) = (new_token(), mint($key, default_claims(client_id => 'shop', sub => 'carol')));
my ($by_disabled, $revoked) = (undef, new_token(sub => 'bob'));
my $disabled_key = keypair('ES256');
$by_disabled = mint($disabled_key, default_claims(client_id => 'shop'));
my ($jwks, $banned) = (jwks($key, $disabled_key), new_token(sub => 'banned'));
$node->safe_psql('postgres', qq{
	CREATE ROLE app LOGIN;
	ALTER ROLE app SET token_auth.binding = 'session';
	CREATE ROLE other LOGIN;
	ALTER DATABASE postgres SET token_auth.binding = 'session';
	CREATE ROLE reader LOGIN;
	GRANT pg_read_all_data TO reader;
	SELECT token_auth.import_jwks('idp', '$jwks');
	SELECT token_auth.disable_key('idp', '$disabled_key->{kid}');
	SELECT token_auth.revoke_token('$revoked');
	SELECT token_auth.revoke_subject('idp', 'banned', 'infinity');
	CREATE TABLE orders (id int, owner_id text);
	INSERT INTO orders VALUES (1, 'alice'), (2, 'carol');
	GRANT SELECT ON orders TO app;
	ALTER TABLE orders ENABLE ROW LEVEL SECURITY;
	CREATE POLICY own ON orders TO app USING (owner_id = token_auth.subject());
});

my %expected = (
	'a token by the secret' => [ $by_secret, 'alice|1' ],
	'a token by the JWKS' => [ $by_key, 'carol|2' ],
	'a token by a disabled key' => [ $by_disabled, '28T05' ],
	'a revoked token' => [ $revoked, '28T10' ],
	'a token of a banned subject' => [ $banned, '28T10' ],
	'a token of another issuer' => [ new_token(iss => 'https://elsewhere.example.com'), '28T04' ],
);
my @tables = qw(issuer key secret revocation);

sub contents
{
	my ($database, $table) = @_;
	return $node->safe_psql($database, "SELECT * FROM token_auth.$table ORDER BY 1, 2, 3");
}

sub check
{
	my ($database, $way) = @_;

	isnt(contents($database, $_), '', "$way: $_ is not empty") for @tables;
	is(contents($database, $_), contents('postgres', $_), "$way: $_ is the same") for @tables;
	for my $name (sort keys %expected)
	{
		my ($token, $outcome) = @{ $expected{$name} };
		my $session = connect_to($node, dbname => $database, user => 'app');
		my $rows = $session->query("SELECT token_auth.set_session_token('$token'); SELECT id FROM orders");
		my ($sqlstate) = $session->messages =~ /^ERROR:  (\w+)/m;
		$rows =~ s/\n/|/g;
		is($sqlstate || $rows, $outcome, "$way: $name");
		$session->quit;
	}
	# what ALTER DATABASE stored is not in the dump: session tokens are refused, for all but a role that has the setting
	my $other = connect_to($node, dbname => $database, user => 'other');
	like($other->refusal("SELECT token_auth.set_session_token('$by_secret')"), qr/55000/, "$way: the setting of the database is lost, and no session token allowed");
	is($other->query('SELECT token_auth.is_authenticated()'), 'f', '... nor set');
	$other->quit;
	# the triggers of the restored tables announce changes
	my $session = connect_to($node, dbname => $database, user => 'app');
	is($session->query("SELECT token_auth.set_session_token('$by_secret')"), 'alice', "$way: a session");
	$node->safe_psql($database, "SELECT token_auth.revoke_subject('idp', 'alice', 'infinity')");
	like($session->refusal('SELECT token_auth.subject()'), qr/28T10/, '... sees a revocation that comes later');
	$session->quit;
	$session = connect_to($node, dbname => $database, user => 'app');
	is($session->query("SELECT token_auth.set_session_token('$by_key')"), 'carol', '... and another session');
	$node->safe_psql($database, q{UPDATE token_auth.issuer SET enabled = false});
	like($session->refusal('SELECT token_auth.subject()'), qr/28T04/, '... sees a change of the issuer');
	$session->quit;
	return;
}

sub dump_and_restore
{
	my ($way, $dump, @restore) = @_;
	my $file = $node->basedir . "/$way.dump";
	$file =~ s/[ ,]/_/g;
	(my $database = $way) =~ s/\W+/_/g;

	$node->command_ok([ 'pg_dump', '-d', $node->connstr('postgres'), '-f', $file, @$dump ], "$way: pg_dump");
	$node->safe_psql('postgres', "CREATE DATABASE $database TEMPLATE template0");
	for my $restore (@restore)
	{
		my @command = map { my $part = $_; $part =~ s/FILE/$file/; $part =~ s/DATABASE/$node->connstr($database)/e; $part } @$restore;
		$node->command_ok(\@command, "$way: $command[0]");
	}
	check($database, $way);
	return;
}

my $other = connect_to($node, user => 'other');
is($other->query("SELECT token_auth.set_session_token('$by_secret')"), 'alice', 'ALTER DATABASE allows session tokens');
$other->quit;

# refused: somebody who may read all data gets no secrets
my ($out, $err);
ok(!run_log([ 'pg_dump', '-d', $node->connstr('postgres') . ' user=reader', '-T', 'orders' ], '>', \$out, '2>', \$err),
	'pg_read_all_data cannot dump the tables');
like($err, qr/row-level security policy for table "(issuer|key|secret)"/, '... and is told why');
my $secret = unpack 'H*', test_secret();
unlike($out, qr/$secret/, '... without having got a secret');
my $reader = connect_to($node, user => 'reader');
is($reader->query("SELECT count(*) FROM token_auth.$_"), '0', "... nor reads one: $_") for qw(issuer key secret);
$reader->quit;

my @restore = ('pg_restore', '--exit-on-error', '-d', 'DATABASE');
dump_and_restore('plain', [], [ 'psql', '-XqAt', '-v', 'ON_ERROR_STOP=1', '-o', '/dev/null', '-f', 'FILE', '-d', 'DATABASE' ]);
dump_and_restore('custom', ['-Fc'], [ @restore, 'FILE' ]);
dump_and_restore('directory, parallel', [ '-Fd', '-j4' ], [ @restore, '-j4', 'FILE' ]);
dump_and_restore('inserts', [ '--inserts' ], [ 'psql', '-XqAt', '-v', 'ON_ERROR_STOP=1', '-o', '/dev/null', '-f', 'FILE', '-d', 'DATABASE' ]);
dump_and_restore('one transaction', ['-Fc'], [ @restore, '--single-transaction', 'FILE' ]);
dump_and_restore('schema, then data', ['-Fc'], [ @restore, '--schema-only', 'FILE' ], [ @restore, '--data-only', 'FILE' ]);
dump_and_restore('schema, then data without triggers', ['-Fc'],
	[ @restore, '--schema-only', 'FILE' ], [ @restore, '--data-only', '--disable-triggers', '-j4', 'FILE' ]);

# a session that had read the empty tables before the data came
$node->safe_psql('postgres', 'CREATE DATABASE busy TEMPLATE template0');
$node->safe_psql('busy', 'CREATE EXTENSION token_auth');
for my $option ('--data-only', '--disable-triggers')
{
	my $file = $node->basedir . '/custom.dump';
	my $session = connect_to($node, dbname => 'busy', user => 'app');
	like($session->refusal("SELECT token_auth.set_session_token('$by_secret')"), qr/28T04/, 'before the restore');
	$node->command_ok([ 'pg_restore', '--exit-on-error', '-d', $node->connstr('busy'), '--data-only',
			($option eq '--data-only' ? () : $option), map({ ('-t', $_) } @tables), $file ], "pg_restore $option -t");
	is($session->query("SELECT token_auth.set_session_token('$by_secret')"), 'alice', "... $option counts in a session that was there");
	$session->quit;
	$node->safe_psql('busy', join '; ', map { "DELETE FROM token_auth.$_" } @tables);
}

stop_servers($node);
done_testing();
