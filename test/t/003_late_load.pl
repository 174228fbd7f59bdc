# A token that was set before the library is loaded counts as if it had been
# loaded; one that is left over or stored in the configuration does not.
use strict;
use warnings;
use FindBin;
use lib "$FindBin::Bin/../perl";
use PostgreSQL::Test::Cluster;
use PostgreSQL::Test::Utils;
use Test::More;
use TestServer qw(:DEFAULT outcome);
use TokenAuth;

my $node = new_server('late_load', 'token_auth.binding = session');
install($node);
$node->safe_psql('postgres', q{
	CREATE ROLE app LOGIN;
	CREATE ROLE stored LOGIN;
	CREATE TABLE numbers AS SELECT g AS n FROM generate_series(1, 10000) AS g;
	GRANT SELECT ON numbers TO app;
	CREATE FUNCTION subject_late() RETURNS text LANGUAGE plpgsql STABLE PARALLEL SAFE
	AS $$ BEGIN RETURN token_auth.subject(); END $$;
});
my $alice = new_token();
my $bob = new_token(sub => 'bob');
my $subject = "SELECT coalesce(token_auth.subject(), 'nobody')";
my $loaded = "SELECT count(*) FROM pg_settings WHERE name = 'token_auth.binding'";
my $force_parallel = $node->pg_version >= 16 ? 'debug_parallel_query' : 'force_parallel_mode';

# What stands in the middle of a session: nobody must have loaded it before.
sub fresh
{
	my (%options) = @_;
	my $session = connect_to($node, user => 'app', %options);
	is($session->query($loaded), '0', 'the library is not loaded');
	return $session;
}

# --- binding = session -------------------------------------------------------
my $session = fresh();
$session->query("SET token_auth.token = 'not a token'");
is(outcome($session, $subject), '28T00', 'SET before the library is loaded: a bad one is refused');
$session->quit;

$session = fresh();
$session->query("SET token_auth.token = '$alice'");
is(outcome($session, $subject), 'alice', 'SET before the library is loaded counts');
is($session->query('SHOW token_auth.token'), '********', '... and cannot be read back then');
is($session->query("SELECT current_setting('token_auth.token')"), '********', '... by no function');
is($session->query("SELECT count(*) FROM pg_settings WHERE name = 'token_auth.token'"), '0', '... nor by a view');
$session->query('RESET token_auth.token');
is(outcome($session, $subject), 'nobody', '... RESET clears it');
$session->quit;

$session = fresh();
$session->query("BEGIN; SET LOCAL token_auth.token = '$alice'");
is(outcome($session, $subject), 'alice', 'SET LOCAL before the library is loaded counts');
$session->query('COMMIT');
is(outcome($session, $subject), 'nobody', '... to the end of the transaction');
$session->quit;

$session = fresh();
$session->query("SET token_auth.token = '$bob'; BEGIN; SET LOCAL token_auth.token = '$alice'");
is(outcome($session, $subject), 'alice', 'SET LOCAL above SET, both before the library is loaded');
$session->query('ROLLBACK');
is(outcome($session, $subject), 'bob', '... ROLLBACK brings back the earlier one');
$session->quit;

$session = fresh(options => "-c token_auth.token=$alice");
is(outcome($session, $subject), 'alice', 'a connection option counts');
$session->query("SET token_auth.token = '$bob'");
is(outcome($session, $subject), 'bob', '... below SET');
$session->query('RESET ALL');
is(outcome($session, $subject), 'alice', '... RESET ALL returns to it');
$session->query("SET token_auth.token = '$bob'; DISCARD ALL");
is(outcome($session, $subject), 'alice', '... and so does DISCARD ALL');
is($session->query('SHOW token_auth.token'), '********', '... it cannot be read back');
is($session->query("SELECT count(*) FROM pg_settings WHERE reset_val LIKE 'ey%' OR boot_val LIKE 'ey%' OR setting LIKE 'ey%'"),
	'0', '... not as reset_val either');
$session->quit;

# --- first load inside a parallel plan ----------------------------------------
my $parallel = "SET $force_parallel = on; SET parallel_setup_cost = 0; SET parallel_tuple_cost = 0; "
  . 'SET min_parallel_table_scan_size = 0; SET max_parallel_workers_per_gather = 2';
my $in_workers = "SELECT string_agg(DISTINCT coalesce(subject_late(), 'nobody'), ',') FROM numbers";
for my $participation (qw(on off))
{
	$session = fresh();
	$session->query("$parallel; SET parallel_leader_participation = $participation");
	$session->query("SET token_auth.token = '$alice'");
	like($session->query("EXPLAIN SELECT subject_late() FROM numbers"), qr/Gather/, 'the plan is parallel');
	is(outcome($session, $in_workers), 'alice', "first load in a parallel plan (leader participation $participation)");
	is(outcome($session, $subject), 'alice', '... the token stays');
	$session->quit;
}

# --- binding = transaction ----------------------------------------------------
# the default
$node->adjust_conf('postgresql.conf', 'token_auth.binding', undef);
$node->restart;

$session = fresh();
$session->query("SET token_auth.token = '$alice'");
is(outcome($session, $subject), 'nobody', 'one left over from an earlier transaction does not count');
is($session->query('SHOW token_auth.binding'), 'transaction', '... by default');
like($session->query('SELECT detail FROM token_auth.inspect()'), qr/^The token was set for the session, but .* ALTER ROLE or ALTER DATABASE/, '... inspect() says why, and what allows it');
is($session->query('SHOW token_auth.token'), '', '... and is gone');
$session->quit;

$session = fresh();
$session->query("SET token_auth.token = '$alice'; BEGIN");
is(outcome($session, $subject), 'nobody', 'one left over does not count inside a transaction');
$session->query('SAVEPOINT s');
is(outcome($session, $subject), 'nobody', '... nor after a savepoint');
$session->query('ROLLBACK TO s');
is(outcome($session, $subject), 'nobody', '... nor after ROLLBACK TO');
$session->query('ROLLBACK');
is(outcome($session, $subject), 'nobody', '... nor after ROLLBACK');
$session->quit;

$session = fresh();
$session->query("BEGIN; SET LOCAL token_auth.token = '$alice'");
is(outcome($session, $subject), 'alice', 'SET LOCAL of this transaction counts');
$session->query('COMMIT');
is(outcome($session, $subject), 'nobody', '... and not in the next');
$session->quit;

$session = fresh();
$session->query("BEGIN; SET token_auth.token = '$alice'");
is(outcome($session, $subject), 'alice', 'SET of this transaction counts');
$session->query('COMMIT');
is(outcome($session, $subject), 'nobody', '... and not in the next');
$session->quit;

for my $end (qw(COMMIT ROLLBACK))
{
	$session = fresh();
	$session->query("SET token_auth.token = '$bob'; BEGIN; SET LOCAL token_auth.token = '$alice'");
	is(outcome($session, $subject), 'alice', 'SET LOCAL above one left over counts');
	$session->query($end);
	is(outcome($session, $subject), 'nobody', "... after $end nobody is there");
	is(outcome($session, $subject), 'nobody', '... nor later');
	$session->quit;
}

for my $back ('ROLLBACK TO s', 'RELEASE s; SET LOCAL token_auth.token = DEFAULT')
{
	$session = fresh();
	$session->query("SET token_auth.token = '$bob'; BEGIN; SAVEPOINT s; SET LOCAL token_auth.token = '$alice'");
	is(outcome($session, $subject), 'alice', 'SET LOCAL in a savepoint above one left over counts');
	$session->query($back);
	is(outcome($session, $subject), 'nobody', "... after $back the one left over does not count");
	$session->query('COMMIT');
	is(outcome($session, $subject), 'nobody', '... nor later');
	$session->quit;
}

$session = fresh();
$session->query("SET token_auth.token = '$bob'; BEGIN; SAVEPOINT s; SET LOCAL token_auth.token = '$alice'; ROLLBACK TO s");
is(outcome($session, $subject), 'nobody', 'one left over below a savepoint that was rolled back before the load');
$session->quit;

$session = fresh(options => "-c token_auth.token=$alice");
is(outcome($session, $subject), 'nobody', 'a connection option does not count');
is(outcome($session, "BEGIN; SAVEPOINT s; $subject"), 'nobody', '... nor in a transaction');
$session->query("ROLLBACK; BEGIN; SET LOCAL token_auth.token = '$bob'");
is(outcome($session, $subject), 'bob', '... one set in the transaction does');
$session->query('COMMIT');
is(outcome($session, $subject), 'nobody', '... until it ends');
$session->quit;

for my $participation (qw(on off))
{
	$session = fresh();
	$session->query("$parallel; SET parallel_leader_participation = $participation; SET token_auth.token = '$alice'");
	isnt(outcome($session, $in_workers), 'alice',
		"one left over does not count in a parallel plan (leader participation $participation)");
	is(outcome($session, $subject), 'nobody', '... nor later');
	is(outcome($session, $in_workers), 'nobody', '... nor in the next parallel plan');
	$session->quit;

	$session = fresh();
	$session->query("$parallel; SET parallel_leader_participation = $participation; "
		. "SET token_auth.token = '$bob'; BEGIN; SET LOCAL token_auth.token = '$alice'");
	is(outcome($session, $subject), 'alice', 'SET LOCAL of this transaction');
	is(outcome($session, $in_workers), 'alice', '... counts in a parallel plan');
	$session->query('COMMIT');
	is(outcome($session, $in_workers), 'nobody', '... and not in the next transaction');
	$session->quit;
}

# --- the other settings ---------------------------------------------------------
# a first load inside a parallel plan must not bring back the defaults
my %settings = ('on_missing' => 'error', 'on_expired' => 'anonymous', 'recheck_interval' => '3s',
	'cache_size' => '2MB', 'max_token_size' => '8kB', 'log_accepted' => 'on', 'binding' => 'transaction');
configure($node, map { ("token_auth.$_" => $settings{$_}) } keys %settings);
for my $participation (qw(on off))
{
	$session = fresh();
	$session->query("$parallel; SET parallel_leader_participation = $participation");
	is(outcome($session, $in_workers), '28T17', "first load in a parallel plan (leader participation $participation)");
	is($session->query("SHOW token_auth.$_"), $settings{$_}, "... keeps $_") for sort keys %settings;
	$session->quit;
}
# an ordinary role that sets them before the library is loaded does not get its way
$session = fresh();
$session->query(join ';', map { "SET token_auth.$_ = DEFAULT" } keys %settings);
$session->query("SET token_auth.on_missing = 'anonymous'; SET token_auth.binding = 'session'; SET token_auth.on_expired = 'anonymous'; "
	. "SET token_auth.log_accepted = off; SET token_auth.max_token_size = '64kB'; SET token_auth.recheck_interval = '60s'; SET token_auth.cache_size = 0");
is(outcome($session, $subject), '28T17', 'an ordinary role sets on_missing before the library is loaded: in vain');
is($session->query("SHOW token_auth.$_"), $settings{$_}, "... as with $_") for sort keys %settings;
$session->quit;
# nor one that sets them by connection options; whether that is refused or ignored
$session = fresh(options => '-c token_auth.on_missing=anonymous');
isnt(outcome($session, $subject), 'nobody', 'on_missing as a connection option of an ordinary role: in vain');
$session->quit;
$session = fresh(options => "-c token_auth.binding=session -c token_auth.token=$alice");
isnt(outcome($session, $subject), 'alice', '... as is binding');
$session->quit;
my %defaults = (%settings, on_missing => 'anonymous', on_expired => 'error', binding => 'session');
configure($node, map { ("token_auth.$_" => $defaults{$_}) } keys %defaults);

# --- stored in the configuration ----------------------------------------------
for my $place ('ROLE stored', 'DATABASE postgres', 'ROLE stored IN DATABASE postgres', 'ROLE ALL')
{
	# the library is not loaded, so the server takes it for any setting
	$node->safe_psql('postgres', "ALTER $place SET token_auth.token = '$alice'");
	$session = connect_to($node, user => 'stored');
	my $position = log_position($node);
	is(outcome($session, $subject), 'nobody', "a token stored by ALTER $place does not count");
	like($session->messages, qr/^WARNING:  22023: token_auth\.token cannot be stored in the configuration/m,
		'... a warning says so');
	is(leaks($session->messages, $alice), '', '... and does not show it');
	is(leaks(log_of($node, $position), $alice), '', '... nor does the log');
	is(outcome($session, $subject), 'nobody', '... at the next statement, too');
	$session->query("SET token_auth.token = '$bob'");
	is(outcome($session, $subject), 'bob', '... SET works there');
	$session->query('RESET token_auth.token');
	is(outcome($session, $subject), 'nobody', '... and RESET does not bring the stored one back');
	$session->quit;
	$node->safe_psql('postgres', "ALTER $place RESET token_auth.token");
}

$session = connect_to($node);
$session->query('LOAD \'token_auth\'');
for my $statement ("ALTER ROLE stored SET token_auth.token = '$alice'",
	"ALTER DATABASE postgres SET token_auth.token = '$alice'",
	"ALTER SYSTEM SET token_auth.token = '$alice'",
	"CREATE FUNCTION f() RETURNS text LANGUAGE sql SET token_auth.token = '$alice' AS 'SELECT 1::text'")
{
	$statement =~ /^(\w+ \w+)/;
	my $messages = $session->refusal($statement);
	like($messages, qr/^ERROR: /m, "refused once the library is loaded: $1");
	is(leaks($messages, $alice), '', '... without showing it');
}
is($session->refusal("ALTER ROLE stored SET token_auth.token = ''"), '', 'the empty value may be stored');
is($session->refusal('ALTER ROLE stored RESET token_auth.token'), '', '... and taken away');
$session->quit;

$node->append_conf('postgresql.conf', "token_auth.token = '$alice'\n");
my $position = log_position($node);
for my $preload ('', 'token_auth')
{
	$node->append_conf('postgresql.conf', "shared_preload_libraries = '$preload'\n");
	$node->restart;
	$session = connect_to($node, user => 'app');
	is(outcome($session, $subject), 'nobody', "a token in postgresql.conf does not count (preload '$preload')");
	$session->query("SET token_auth.token = '$bob'");
	is(outcome($session, $subject), 'bob', '... SET works');
	$node->reload;
	is(outcome($session, $subject), 'bob', '... also after a reload');
	$session->quit;
}
is(leaks(log_of($node, $position), $alice), '', '... and the log does not show it');
like(log_of($node, $position), qr/token_auth\.token cannot be stored in the configuration/, '... but that it is there');

stop_servers($node);
done_testing();
