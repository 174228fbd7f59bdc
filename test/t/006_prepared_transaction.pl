# A prepared transaction takes no token with it, and a revocation in it counts
# from COMMIT PREPARED on, whichever session runs that.
use strict;
use warnings;
use FindBin;
use lib "$FindBin::Bin/../perl";
use PostgreSQL::Test::Cluster;
use PostgreSQL::Test::Utils;
use Test::More;
use TestServer;
use TokenAuth;

my $node = new_server('prepared', 'max_prepared_transactions = 10');
install($node);
$node->safe_psql('postgres', 'CREATE ROLE app LOGIN; CREATE TABLE t (n int); GRANT ALL ON t TO app');
my $subject = "SELECT coalesce(token_auth.subject(), 'nobody')";

sub outcome
{
	my ($session, $sql) = @_;
	my $rows = $session->query($sql);
	my ($sqlstate) = $session->messages =~ /^ERROR:  (\w+)/m;
	return $sqlstate || $rows;
}

# --- a token across PREPARE TRANSACTION ---------------------------------------
my $alice = new_token();
my $bob = new_token(sub => 'bob');
for my $binding (qw(session transaction))
{
	my $session = connect_to($node, user => 'app');
	$node->safe_psql('postgres', "ALTER ROLE app SET token_auth.binding = '$binding'");
	$session->quit;
	$session = connect_to($node, user => 'app');

	is(outcome($session, "BEGIN; SELECT token_auth.set_local_token('$alice')"), 'alice', "binding $binding: a token");
	is(outcome($session, "INSERT INTO t VALUES (1); PREPARE TRANSACTION 'one'"), '', '... PREPARE TRANSACTION');
	is(outcome($session, $subject), 'nobody', '... ends it');
	is(outcome($session, "COMMIT PREPARED 'one'"), '', '... COMMIT PREPARED');
	is(outcome($session, $subject), 'nobody', '... does not bring it back');

	outcome($session, "BEGIN; SELECT token_auth.set_local_token('$alice'); INSERT INTO t VALUES (1); PREPARE TRANSACTION 'two'; ROLLBACK PREPARED 'two'");
	is(outcome($session, $subject), 'nobody', '... nor does ROLLBACK PREPARED');
	$session->quit;
}
$node->safe_psql('postgres', 'ALTER ROLE app RESET token_auth.binding');

my $session = connect_to($node, user => 'app');
$session->query("SELECT token_auth.set_session_token('$bob'); BEGIN; SELECT token_auth.set_local_token('$alice'); INSERT INTO t VALUES (1); PREPARE TRANSACTION 'three'");
is(outcome($session, $subject), 'bob', 'the token of the session is back after PREPARE TRANSACTION');
$session->query("BEGIN; SELECT token_auth.set_session_token('$alice'); INSERT INTO t VALUES (1); PREPARE TRANSACTION 'four'");
is(outcome($session, $subject), 'alice', 'one set for the session stays, as with COMMIT');
$node->safe_psql('postgres', "ROLLBACK PREPARED 'three'; ROLLBACK PREPARED 'four'");
is(outcome($session, $subject), 'alice', '... whatever becomes of the transaction');
$session->quit;

# --- a change in a prepared transaction ----------------------------------------
my %changes = (
	'a revocation' => [ "SELECT token_auth.revoke_subject('idp', 'alice', 'infinity')", '28T10',
		"SELECT token_auth.reinstate('idp', 'subject', 'alice')" ],
	'a revocation after one rolled back' => [
		"SAVEPOINT s; SELECT token_auth.revoke_subject('idp', 'bob', 'infinity'); ROLLBACK TO s; SELECT token_auth.revoke_subject('idp', 'alice', 'infinity')",
		'28T10', "SELECT token_auth.reinstate('idp', 'subject', 'alice')" ],
	'a disabled key' => [ "SELECT token_auth.disable_key('idp', 'first')", '28T05',
		"SELECT token_auth.enable_key('idp', 'first')" ],
	'a disabled issuer' => [ 'UPDATE token_auth.issuer SET enabled = false', '28T04',
		'UPDATE token_auth.issuer SET enabled = true' ],
);
for my $name (sort keys %changes)
{
	my ($change, $sqlstate, $undo) = @{ $changes{$name} };
	my $reader = connect_to($node, user => 'app');
	my $administrator = connect_to($node);

	is(outcome($reader, "SELECT token_auth.set_session_token('$alice')"), 'alice', "$name: before it");
	$administrator->query("SELECT token_auth.set_session_token('$alice')");
	is($administrator->refusal("BEGIN; $change; PREPARE TRANSACTION 'change'") =~ /ERROR/ ? 1 : 0, 0, '... it can be prepared');
	is(outcome($reader, $subject), 'alice', '... does not count while prepared');
	is(outcome($administrator, $subject), 'alice', '... not for who prepared it either');
	$node->restart('immediate') if $name eq 'a revocation';
	if ($name eq 'a revocation')
	{
		eval { $_->quit } for $reader, $administrator;
		$reader = connect_to($node, user => 'app');
		$administrator = connect_to($node);
		is(outcome($reader, "SELECT token_auth.set_session_token('$alice')"), 'alice', '... nor after a crash');
	}
	# a third session, in which the library is not even loaded
	$node->safe_psql('postgres', "COMMIT PREPARED 'change'");
	is(outcome($reader, $subject), $sqlstate, '... counts after COMMIT PREPARED');
	is(outcome($administrator, "SELECT token_auth.set_session_token('$alice')"), $sqlstate, '... for who prepared it, too');

	is($administrator->refusal("BEGIN; $undo; PREPARE TRANSACTION 'undo'") =~ /ERROR/ ? 1 : 0, 0, '... undone in another');
	is(outcome($reader, $subject), $sqlstate, '... counts on until that is committed');
	$node->safe_psql('postgres', "ROLLBACK PREPARED 'undo'");
	is(outcome($reader, $subject), $sqlstate, '... or rolled back');
	$administrator->query("$undo");
	is(outcome($reader, $subject), 'alice', '... undone');

	# rolled back
	$administrator->query("BEGIN; $change; PREPARE TRANSACTION 'change'");
	$node->safe_psql('postgres', "ROLLBACK PREPARED 'change'");
	is(outcome($reader, $subject), 'alice', '... ROLLBACK PREPARED leaves nothing of it');
	is(outcome($administrator, "SELECT token_auth.set_session_token('$alice')"), 'alice', '... nowhere');
	$_->quit for $reader, $administrator;
}

stop_servers($node);
done_testing();
