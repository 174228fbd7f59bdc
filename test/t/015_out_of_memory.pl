# Memory runs out at any allocation of a verification, the server's or a
# library's: nothing crashes, nothing bad is accepted, the session goes on.
use strict;
use warnings;
use FindBin;
use JSON::PP ();
use lib "$FindBin::Bin/../perl";
use PostgreSQL::Test::Cluster;
use PostgreSQL::Test::Utils;
use Test::More;
use TestServer;
use TokenAuth;

# a library beside the test's own files whose malloc fails on demand
my $library = "$PostgreSQL::Test::Utils::tmp_check/allocation.so";
chomp(my $include = `pg_config --includedir-server`);
system_or_bail('cc', '-shared', '-fPIC', '-fno-builtin', '-O1', "-I$include",
	'-o', $library, "$FindBin::Bin/../faults/allocation.c");

my $node;
{
	local $ENV{LD_PRELOAD} = $library;
	$node = new_server('out_of_memory', 'token_auth.binding = session', 'autovacuum = off');
}
install($node);
my $key = keypair('RS256');
my $ec = keypair('ES256');
my $jwks = jwks($key, $ec);
$node->safe_psql('postgres', qq{
	SELECT token_auth.import_jwks('idp', '$jwks');
	CREATE FUNCTION fail_allocation(integer) RETURNS void LANGUAGE c STRICT AS '$library';
	CREATE FUNCTION allocation_failed() RETURNS boolean LANGUAGE c AS '$library';
	CREATE FUNCTION use_up_room(integer) RETURNS void LANGUAGE c STRICT AS '$library';
	-- what comes of a statement when an allocation fails: true if none did
	CREATE FUNCTION try(statement text, n integer, OUT outcome text, OUT reached boolean)
	LANGUAGE plpgsql AS \$\$
	BEGIN
		BEGIN
			PERFORM fail_allocation(n);
			EXECUTE statement INTO outcome;
			reached := allocation_failed();
		EXCEPTION WHEN OTHERS THEN
			reached := allocation_failed();
			outcome := SQLSTATE;
		END;
	END \$\$;
	-- every outcome of a statement over all its allocations; the same statement
	-- right after a fault must give what it gives without any
	CREATE FUNCTION outcomes(statement text, before text) RETURNS text
	LANGUAGE plpgsql AS \$\$
	DECLARE
		usual text;
		t record;
		seen text[] := '{}';
		n_unreached integer := 0;
	BEGIN
		FOR n IN 1 .. 20000 LOOP
			EXECUTE before;
			usual := (try(statement, 0)).outcome;
			EXECUTE before;
			t := try(statement, n);
			seen := seen || t.outcome;
			IF (try(statement, 0)).outcome IS DISTINCT FROM usual THEN
				seen := seen || format('then:%s', (try(statement, 0)).outcome);
			END IF;
			-- how many there are varies a little with what is cached
			n_unreached := CASE WHEN t.reached THEN 0 ELSE n_unreached + 1 END;
			EXIT WHEN n_unreached > 20;
		END LOOP;
		RETURN (SELECT string_agg(DISTINCT o COLLATE "C", ' ' ORDER BY o COLLATE "C") FROM unnest(seen) o);
	END \$\$;
});
# long enough that a parser's buffer has to grow in the middle of it
my $alice = 'the-subject-of-this-token-is-alice-' . join '-', 1 .. 30;
my %good = (
	secret => new_token(sub => $alice),
	map { ($_->{alg} => mint($_, default_claims(client_id => 'shop', sub => $alice))) } $key, $ec);
my %bad = (
	expired => new_token(exp => time - 1000, iat => time - 2000),
	'for another audience' => new_token(aud => 'else'),
	malformed => '{"x":1}.e30.AA',
	'of an unknown issuer' => new_token(iss => 'https://elsewhere.example.com'),
	'with an unknown key' => mint_hs256({ kid => 'third' }, default_claims(client_id => 'shop'), test_secret()),
	# the right form, and the wrong signature
	map { ("forged ($_)" => substitute_signature($good{$_})) } sort keys %good
);

sub substitute_signature
{
	my ($token) = @_;
	$token =~ s{\.(.)([^.]*)$}{'.' . ($1 eq 'A' ? 'B' : 'A') . $2}e;
	return $token;
}

my $session = connect_to($node);

# keys and issuers are read anew before each try
my $change = 'UPDATE token_auth.issuer SET enabled = enabled';

# all that comes of a statement, in order
sub outcomes
{
	my ($statement, $before) = @_;
	my $outcomes = $session->query(sprintf 'SELECT outcomes($try$%s$try$, $before$%s$before$)',
		$statement, $before || $change);
	diag($session->messages) if $outcomes eq '';
	return $outcomes;
}

# an error of memory, or a refusal: some libraries do not say why they failed
my $error = qr/(?:53200|22023|28T\d\d) /;

for my $name (sort keys %bad)
{
	my $outcomes = outcomes("SELECT token_auth.verify('$bad{$name}') ->> 'sub'");
	like("$outcomes ", qr/^$error+$/, "a token $name is never accepted ($outcomes)");
}
for my $name (sort keys %good)
{
	for my $way ("token_auth.verify('%s') ->> 'sub'", "token_auth.set_session_token('%s')")
	{
		my $outcomes = outcomes(sprintf("SELECT $way", $good{$name}));
		like($outcomes, qr/^$error+\Q$alice\E$/, "a good token ($name): $way ($outcomes)");
	}
	is($session->query("SELECT token_auth.set_session_token('$good{$name}')"), $alice, '... and the session goes on');
}

# the token stays what it was, or becomes the other one
my $bobs_name = $alice =~ s/alice/bob/r;
my $bob = new_token(sub => $bobs_name);
like(outcomes("SELECT token_auth.set_session_token('$bob')", "SELECT token_auth.set_session_token('$good{secret}')"),
	qr/^$error+\Q$bobs_name\E$/, 'setting another token');
is($session->query('SELECT token_auth.subject()'), $bobs_name, '... the last one holds');

# readers
my %answers = (
	'token_auth.subject()' => $bobs_name,
	"token_auth.claims() ->> 'sub'" => $bobs_name,
	"token_auth.claim('sub')" => $bobs_name,
	"token_auth.has_scope('orders:read')::text" => 'true',
	"token_auth.has_scope('orders:write')::text" => 'false',
);
for my $reader (sort keys %answers)
{
	my $outcomes = outcomes("SELECT $reader");
	like($outcomes, qr/^$error*\Q$answers{$reader}\E$/, "$reader answers rightly or not at all ($outcomes)");
}

# the other functions that read a token or keys
my %others = (
	"(SELECT string_agg(outcome, ',') FROM token_auth.inspect('$good{RS256}'))" => qr/\S*fail\S*|\S*pass\S*/,
	"length(token_auth.verify_jws('$good{ES256}', '$jwks', '{ES256}')) > 0" => qr/t|true/,
	"token_auth.jwk_thumbprint('" . JSON::PP->new->encode($key->{jwk}) . "')" => qr/[\w-]{43}/,
);
for my $call (sort keys %others)
{
	my $outcomes = outcomes("SELECT $call");
	my ($answers, $errors) = ([], []);

	# sorted by their first character, which may be any in a thumbprint
	push @{ "$_ " =~ /^$error$/ ? $errors : $answers }, $_ for split / /, $outcomes;
	ok(@$errors > 0 && @$answers > 0 && !(grep { !/^(?:$others{$call})$/ } @$answers),
		'without memory: ' . substr($call, 0, 40) . " ($outcomes)");
}
my $outcomes = outcomes("SELECT length(token_auth.verify_jws('$bad{'forged (ES256)'}', '$jwks', '{ES256}'))");
like("$outcomes ", qr/^$error+$/, "verify_jws never accepts a forged one ($outcomes)");

# a revocation
my $revoked = new_token(sub => 'carol');
$session->query("SELECT token_auth.revoke_token('$revoked')");
$outcomes = outcomes("SELECT token_auth.verify('$revoked') ->> 'sub'");
like("$outcomes ", qr/^$error+$/, "a revoked token is never accepted ($outcomes)");
unlike($outcomes, qr/28T05/, '... nor told that its key, for which there was no memory, is unknown');

# nothing is left of the tries but what a session keeps anyway
my ($bytes) = $session->query("SELECT sum(total_bytes) FROM pg_backend_memory_contexts WHERE name LIKE 'token_auth%'");
cmp_ok($bytes, '<', 2 * 1024 * 1024, "the library holds $bytes bytes");
$session->quit;

# memory runs out at each allocation while the library is being loaded
my ($n_loads, $n_accepted, $last_reached) = (0, 0, 't');
my %afterwards;
my $shown = '';
while ($last_reached eq 't' && $n_loads < 400)
{
	my $loading = connect_to($node, options => "-c token_auth.token=$good{secret}");
	my $forged = '';

	# the server may end a session where its own settings get no memory
	eval {
		$loading->query('SELECT fail_allocation(0)');	# load what is ours
		my $reached = $loading->query('SELECT reached FROM try($$LOAD \'token_auth\'$$, ' . ++$n_loads . ')');
		$shown = leaks($loading->messages, $good{secret}) || $shown;
		$last_reached = $reached if $reached ne '';
		$forged = $loading->query("SELECT token_auth.set_session_token('$bad{'forged (secret)'}')");
		$afterwards{$1}++ if $loading->messages =~ /^ERROR:  (\w+)/m;
	};
	$n_accepted++ if $forged ne '';
	eval { $loading->quit };
}
cmp_ok($n_loads, '>', 20, "memory ran out at each of $n_loads allocations of the loading");
is($n_accepted, 0, '... and a forged token was never accepted afterwards');
is($shown, '', '... no error shows the token that came with the connection');
is(join(' ', sort keys %afterwards), '28T03 55000', '... but refused, or the session is told to reconnect');

# ... and while what the session must be told of is registered: it is told of
# all of it or of no use at all. Seen by what a revocation of its own does elsewhere.
$node->safe_psql('postgres', q{
	CREATE FUNCTION load_without(n integer, spared integer) RETURNS text LANGUAGE plpgsql AS $$
	DECLARE
		outcome text := 'loaded';
	BEGIN
		PERFORM allocation_failed();
		BEGIN
			IF spared >= 0 THEN
				PERFORM use_up_room(spared);
			END IF;
			PERFORM fail_allocation(n);
			LOAD 'token_auth';
		EXCEPTION WHEN OTHERS THEN
			outcome := SQLSTATE;
		END;
		RETURN outcome || ' ' || allocation_failed();
	END $$;
});
my $elsewhere = connect_to($node);
$elsewhere->query('SET token_auth.recheck_interval = 60');
my (%loads, @deaf);
for my $spared (0 .. 3)
{
	for (my ($n, $n_unreached) = (1, 0); $n < 200 && $n_unreached < 3; $n++)
	{
		my $loading = connect_to($node);
		my ($first, $second);

		$loading->query('SELECT load_without(0, -1) WHERE false');
		$first = eval { $loading->query("SELECT load_without($n, $spared)") } || 'ended';
		$second = eval { $loading->query("SELECT load_without(0, -1)") } || 'ended';
		$n_unreached = $first =~ / false/ ? $n_unreached + 1 : 0;
		$loads{"$first, $second"}++;
		if ($second =~ /^loaded/)
		{
			my $victim = new_token(sub => "victim-$spared-$n");
			$elsewhere->query("SELECT token_auth.set_session_token('$victim')");
			$loading->query("SELECT token_auth.revoke_token('$victim')");
			push @deaf, "$spared, $n" if $elsewhere->refusal('SELECT token_auth.subject()') !~ /28T10/;
		}
		eval { $loading->quit };
	}
}
note(map { "$_: $loads{$_}\n" } sort keys %loads);
cmp_ok($loads{'53200 true, 55000 false'} || 0, '>', 20, 'loading that ended half way is not begun again');
is("@deaf", '', '... and no session that goes on is without its callbacks');
$elsewhere->quit;

stop_servers($node);
done_testing();
