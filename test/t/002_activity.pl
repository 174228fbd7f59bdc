# Another session sees no token in pg_stat_activity, neither while a statement
# runs nor afterwards, and the query id stays; pg_stat_statements keeps the
# calls without their literals. The session itself, which may be another
# client's by then, sees none in pg_prepared_statements and pg_cursors.
use strict;
use warnings;
use FindBin;
use lib "$FindBin::Bin/../perl";
use PostgreSQL::Test::Cluster;
use PostgreSQL::Test::Utils;
use Test::More;
use TestServer;
use TokenAuth;

my $has_statements = check_extension('pg_stat_statements');
my $node = new_server('activity', 'token_auth.binding = session', 'compute_query_id = on',
	$has_statements
	? ("shared_preload_libraries = 'pg_stat_statements'", 'pg_stat_statements.track = top',
		'pg_stat_statements.track_utility = off')
	: ());
install($node);
$node->safe_psql('postgres', q{
	CREATE ROLE app LOGIN;
	GRANT EXECUTE ON ALL FUNCTIONS IN SCHEMA token_auth TO app;
	CREATE TABLE gate ();
	GRANT SELECT ON gate TO app;
	CREATE FUNCTION pass_gate() RETURNS text LANGUAGE plpgsql PARALLEL SAFE
	AS $$ BEGIN PERFORM FROM gate; RETURN token_auth.subject(); END $$;
});

sub check_extension
{
	my ($name) = @_;
	chomp(my $folder = `pg_config --sharedir`);
	return -e "$folder/extension/$name.control";
}

my $watcher = connect_to($node);
my $client = connect_to($node, user => 'app');
my $pid = $client->pid;
my $force_parallel = $node->pg_version >= 16 ? 'debug_parallel_query' : 'force_parallel_mode';

# What the watcher sees of the client, or of its parallel workers.
sub seen
{
	my ($column, $condition) = @_;
	$condition ||= "pid = $pid";
	return $watcher->query("SELECT $column FROM pg_stat_activity WHERE $condition");
}

# Run a statement up to the gate, which the watcher holds; look; let it end.
sub look_while_running
{
	my ($statement, $token, $name) = @_;

	$watcher->query('BEGIN; LOCK TABLE gate');
	$client->start($statement);
	$client->wait_until_blocked($node, $pid);
	my ($query, $query_id) = (seen('query'), seen('query_id'));
	$watcher->query('COMMIT');
	$client->finish;

	is(leaks($query, $token), '', "$name: no token while it runs");
	like($query, qr/\*\*\*/, '... it is blotted out');
	like($query, qr/token_auth/, '... and nothing else is');
	isnt($query_id, '', '... the query id stays');
	is(leaks(seen('query'), $token), '', '... no token afterwards');
	return $query_id;
}

my $token = new_token();
my $query_id = look_while_running(
	"SELECT token_auth.set_session_token('$token'), pass_gate()", $token, 'set_session_token');
is(seen('state'), 'idle', 'the client is idle then');

$token = new_token(exp => time - 9999, iat => time - 19999);
$client->query("SELECT token_auth.set_local_token('$token')");
is(leaks(seen('query'), $token), '', 'no token of a refused statement');
for my $function (qw(verify inspect revoke_token set_local_token))
{
	$token = new_token();
	look_while_running("SELECT count(*), pass_gate() FROM token_auth.$function('$token')", $token, $function);
}
$token = new_token();
$client->query("SET token_auth.token = '$token'");
is(leaks(seen('query'), $token), '', 'no token of SET');
like(seen('query'), qr/SET token_auth\.token = '\*\*\*'/, '... the rest is there');
look_while_running("SELECT set_config('token_auth.token', '$token', false) IS NULL, pass_gate()",
	$token, 'set_config');
my $secret = unpack 'H*', 'another secret of 32 octets or so';
$client->query("SELECT token_auth.add_secret('idp', '\\x$secret', 'HS256', 'second')");
is(leaks(seen('query'), $secret), '', 'no secret of add_secret');

# what only looks like one stays
$client->query("SELECT 'no token' AS \"" . 'a' x 30 . '"');
like(seen('query'), qr/"a{30}"/, 'a long name stays');

# a worker shows the statement of its leader
$client->query("SET $force_parallel = on; SET parallel_leader_participation = off");
$token = new_token();
$watcher->query('BEGIN; LOCK TABLE gate');
$client->start("SELECT pass_gate() WHERE '$token' <> ''");
ok($node->poll_query_until('postgres',
		"SELECT count(*) > 0 FROM pg_stat_activity WHERE leader_pid = $pid AND wait_event_type = 'Lock'"),
	'a parallel worker waits at the gate');
is(leaks(seen('query', "leader_pid = $pid"), $token), '', 'no token in what a parallel worker shows');
$watcher->query('COMMIT');
$client->finish;

# The client's own views, as the next client behind a pooler would read them.
my $masked = qr/\*{40,}/;
sub is_masked
{
	my ($text, $token, $name) = @_;

	is(leaks($text, $token), '', "$name: no token");
	like($text, $masked, '... it is masked');
	return;
}

$client->query("RESET $force_parallel");
$token = new_token(sub => 'prepared');
$client->query("PREPARE kept AS SELECT 'before' AS a, token_auth.set_session_token('$token') AS subject, \$1::text AS b");
my $kept_text = $client->query('SELECT statement FROM pg_prepared_statements');
is_masked($kept_text, $token, 'PREPARE');
is($kept_text, "PREPARE kept AS SELECT 'before' AS a, token_auth.set_session_token('" . '*' x length($token) . q{') AS subject, $1::text AS b;},
	'... everything else is where it was');
is_masked($client->query('SELECT (pg_prepared_statement()).statement'), $token, 'the function in a select list');
is($client->query("EXECUTE kept('x')"), 'before|prepared|x', 'the statement still has its token');
is($client->query("DISCARD PLANS; EXECUTE kept('y')"), 'before|prepared|y', '... also where it is planned anew');
is_masked($client->query('SELECT statement FROM pg_prepared_statements'), $token, 'PREPARE, after it was executed');
$token = new_token();
$client->query("BEGIN; DECLARE held CURSOR WITH HOLD FOR SELECT token_auth.set_session_token('$token'); COMMIT");
is_masked($client->query("SELECT statement FROM pg_cursors WHERE name = 'held'"), $token, 'DECLARE');
is($client->query('FETCH held'), 'alice', 'the cursor still has its row');
$client->query('CLOSE held; DEALLOCATE kept; SELECT token_auth.clear_token()');

# a statement from before the library was loaded
my $late = connect_to($node, user => 'app');
$token = new_token();
$late->query("PREPARE early AS SELECT token_auth.set_local_token('$token')");
isnt(leaks($late->query('SELECT statement FROM pg_prepared_statements'), $token), '', 'in clear before the library is loaded');
$late->query('SELECT token_auth.subject()');
is_masked($late->query('SELECT statement FROM pg_prepared_statements'), $token, '... masked afterwards');
$late->quit;

# named statements of the extended protocol, as pgbench makes them
$token = new_token();
$node->safe_psql('postgres', 'CREATE TABLE kept_text (statement text); GRANT INSERT ON kept_text TO app');
my $script = $node->basedir . '/named.pgbench';
append_to_file($script, "SELECT token_auth.set_local_token('$token');\nINSERT INTO kept_text SELECT statement FROM pg_prepared_statements;\n");
$node->command_ok([ 'pgbench', '-n', '-t', '1', '-M', 'prepared', '-U', 'app', '-f', $script, 'postgres' ], 'pgbench prepares');
is_masked($node->safe_psql('postgres', "SELECT statement FROM kept_text WHERE statement ~ 'set_local_token'"), $token, 'a named statement');

SKIP:
{
	skip 'pg_stat_statements is not installed', 3 if !$has_statements;

	$node->safe_psql('postgres', 'CREATE EXTENSION pg_stat_statements');
	my $kept = $node->safe_psql('postgres', 'SELECT query FROM pg_stat_statements');
	is(leaks($kept, $token), '', 'pg_stat_statements keeps no token');
	like($kept, qr/set_session_token\(\$1\)/, '... but the call');
	is( $node->safe_psql('postgres',
			"SELECT count(*) FROM pg_stat_statements WHERE queryid = $query_id AND query LIKE '%set_session_token%'"),
		'1', '... under the query id that pg_stat_activity showed');
}

stop_servers($node);
done_testing();
