# A connection that a pooler hands from client to client carries no token
# along: none under binding = transaction, the default; DISCARD ALL removes one
# under binding = session.
use strict;
use warnings;
use FindBin;
use lib "$FindBin::Bin/../perl";
use PostgreSQL::Test::Cluster;
use PostgreSQL::Test::Utils;
use Test::More;
use TestServer qw(:DEFAULT outcome);
use TokenAuth;

my $node = new_server('reuse');
install($node);
$node->safe_psql('postgres', q{
	CREATE ROLE app LOGIN;
	CREATE TABLE orders (id int, owner_id text);
	INSERT INTO orders VALUES (1, 'alice'), (2, 'bob'), (3, 'carol');
	GRANT SELECT ON orders TO app;
	ALTER TABLE orders ENABLE ROW LEVEL SECURITY;
	CREATE POLICY own ON orders TO app USING (owner_id = token_auth.subject());
});
my %token = map { $_ => new_token(sub => $_) } qw(alice bob carol);
my $orders = "SELECT coalesce(string_agg(id::text, ',' ORDER BY id), 'none') FROM orders";

configure($node, 'token_auth.binding' => 'session');

# --- session pooling ------------------------------------------------------------------
my $connection = connect_to($node, user => 'app');
for my $leave ("SELECT token_auth.set_session_token('$token{alice}')",
	"SET token_auth.token = '$token{alice}'",
	"SELECT set_config('token_auth.token', '$token{alice}', false) = ''",
	"SELECT token_auth.set_session_token('$token{alice}'); BEGIN; SELECT token_auth.set_local_token('$token{bob}'); COMMIT",
	"SELECT token_auth.set_session_token('$token{alice}'); BEGIN; SELECT 1/0; ROLLBACK",
	"SELECT token_auth.set_session_token('$token{alice}'); PREPARE p AS SELECT id FROM orders; EXECUTE p")
{
	$connection->query($leave);
	is(outcome($connection, $orders), '1', 'a client leaves its token behind');
	$connection->query('DISCARD ALL');
	is(outcome($connection, $orders), 'none', '... DISCARD ALL removes it');
	is(outcome($connection, "SELECT token_auth.set_session_token('$token{bob}')"), 'bob', '... the next client sets its own');
	is(outcome($connection, $orders), '2', '... and gets its rows');
	$connection->query('RESET ALL');
	is(outcome($connection, $orders), 'none', '... RESET ALL does it, too');
}
$connection->quit;

# --- transaction pooling ----------------------------------------------------------------
$node->adjust_conf('postgresql.conf', 'token_auth.binding', undef);
$node->restart;
$connection = connect_to($node, user => 'app');
is(outcome($connection, "SELECT token_auth.set_session_token('$token{alice}')"), '55000', 'a session token is refused');
for my $set ('SELECT token_auth.set_local_token(\'%s\')', 'SET LOCAL token_auth.token = \'%s\'',
	'SET token_auth.token = \'%s\'', 'SELECT set_config(\'token_auth.token\', \'%s\', false) = \'\'')
{
	for my $end ('COMMIT', 'ROLLBACK', 'COMMIT AND CHAIN; COMMIT', 'ROLLBACK AND CHAIN; ROLLBACK', 'SELECT 1/0; COMMIT')
	{
		$connection->query('BEGIN; ' . sprintf $set, $token{alice});
		is(outcome($connection, $orders), '1', "a client's transaction, by " . ($set =~ /^(\w+ [\w.]+)/)[0]);
		$connection->query($end);
		is($connection->query('SHOW token_auth.token'), '', "... after $end nothing is left over");
		is(outcome($connection, $orders), 'none', '... and the next has nothing');
		is(outcome($connection, "BEGIN; SAVEPOINT s; $orders"), 'none', '... nor in a transaction');
		is(outcome($connection, "ROLLBACK TO s; $orders"), 'none', '... nor after ROLLBACK TO');
		$connection->query('ROLLBACK');
	}
}
for my $clear ('SELECT token_auth.set_local_token(NULL)', "SET LOCAL token_auth.token = ''", 'SAVEPOINT s; SET LOCAL token_auth.token = DEFAULT; RELEASE s')
{
	for my $end ('COMMIT', 'COMMIT AND CHAIN; COMMIT')
	{
		$connection->query("BEGIN; SET token_auth.token = '$token{alice}'; $clear; $end");
		is($connection->query('SHOW token_auth.token'), '', "a session-level SET below '$clear': after $end nothing is left over");
		is(outcome($connection, $orders), 'none', '... and the next has nothing');
	}
}
for my $set ('SET token_auth.token = \'%s\'', 'SELECT set_config(\'token_auth.token\', \'%s\', false) = \'\'')
{
	my $statement = sprintf $set, $token{alice};
	is(outcome($connection, $statement), '55000', 'outside a transaction block it is refused: ' . ($set =~ /^(\w+ [\w.]+)/)[0]);
	like($connection->messages, qr/^ERROR:  55000: a session token cannot be set$/m, '... in the words of set_session_token()');
	is(leaks($connection->messages, $token{alice}), '', '... which do not show it');
	is(outcome($connection, $orders), 'none', '... and does not reach the next statement');
}
unlike(slurp_file($node->logfile), qr/SET token_auth\.token|set_config/, '... nor is the statement in the log');
is(outcome($connection, "SELECT set_config('token_auth.token', '$token{alice}', true) = ''"), 'f', 'for the transaction it is not');
like($connection->messages, qr/^WARNING: .* set by set_config\(\) ended with its transaction/m, '... but there is a warning');

# the extended protocol: a statement of its own, and a pipeline, which is one transaction
my $is_alice = "SELECT 1 / (coalesce(token_auth.subject(), '') = 'alice')::int;\n";
my $is_nobody = "SELECT 1 / (token_auth.subject() IS NULL)::int;\n";
for my $set ("SET token_auth.token = '$token{alice}';\n", "SELECT set_config('token_auth.token', '$token{alice}', false) = '';\n")
{
	my ($name) = $set =~ /^(\w+ [\w.]+)/;
	for my $mode (qw(simple extended prepared))
	{
		like(pgbench($mode, $is_nobody . $set), qr/ERROR:  a session token cannot be set/, "$name, $mode: refused");
	}
	for my $mode (qw(extended prepared))
	{
		is(pgbench($mode, "\\startpipeline\n$set$is_alice\\endpipeline\n$is_nobody"), '', "$name, $mode: counts to the end of its pipeline");
		like(pgbench($mode, "\\startpipeline\n$is_nobody$set\\endpipeline\n"), qr/ERROR:  a session token cannot be set/, '... refused as the last of it');
		is(pgbench($mode, "BEGIN;\n$set${is_alice}COMMIT;\n$is_nobody"), '', '... counts to the end of a block');
	}
}

# statements of several clients in turn, prepared ones too
$connection->query('PREPARE mine AS SELECT id FROM orders');
for my $round (1 .. 3)
{
	my $expected = 0;
	for my $name (sort keys %token)
	{
		$expected++;
		is(outcome($connection, "BEGIN; SELECT token_auth.set_local_token('$token{$name}')"), $name, "round $round: $name");
		is(outcome($connection, 'EXECUTE mine'), $expected, '... gets the rows of its token');
		$connection->query('COMMIT');
		is(outcome($connection, 'EXECUTE mine'), '', '... and nothing without');
	}
}

# the setting decides for transactions that begin after it, and for running sessions
$connection->quit;
configure($node, 'token_auth.binding' => 'session');
$connection = connect_to($node, user => 'app');
is(outcome($connection, "SELECT token_auth.set_session_token('$token{alice}'); $orders"), "alice\n1", 'a session token');
configure($node, 'token_auth.binding' => 'transaction');
ok(wait_for_binding($connection, 'transaction'), 'the binding is changed under it');
is(outcome($connection, $orders), 'none', '... it does not count any more');
configure($node, 'token_auth.binding' => 'session');
ok(wait_for_binding($connection, 'session'), '... changed back');
is(outcome($connection, $orders), 'none', '... it does not come back');
$connection->quit;

# What pgbench says of a script that it cannot run to its end; '' if it can.
sub pgbench
{
	my ($mode, $script) = @_;
	my $file = PostgreSQL::Test::Utils::tempdir() . '/script';
	append_to_file($file, $script);
	IPC::Run::run([ 'pgbench', '-n', '-M', $mode, '-t', '1', '-f', $file, '-d', $node->connstr('postgres') . ' user=app' ],
		'>', \my $output, '2>', \my $messages) and return '';
	return $messages || 'pgbench failed';
}

sub wait_for_binding
{
	my ($session, $binding) = @_;
	for (1 .. 1800)
	{
		return 1 if $session->query('SHOW token_auth.binding') eq $binding;
		select undef, undef, undef, 0.1;
	}
	return 0;
}

stop_servers($node);
done_testing();
