# A prepared transaction takes no token with it, and what it does to revocations
# counts from COMMIT PREPARED on, whichever session runs that.
use strict;
use warnings;
use FindBin;
use lib "$FindBin::Bin/../perl";
use PostgreSQL::Test::Cluster;
use PostgreSQL::Test::Utils;
use Test::More;
use TestServer qw(:DEFAULT outcome);
use TokenAuth;

my $node = new_server('prepared', 'token_auth.binding = session', 'max_prepared_transactions = 10', 'autovacuum = off',
	# a lost message must not be made good by time
	'token_auth.recheck_interval = 60s');
install($node);
$node->safe_psql('postgres', 'CREATE ROLE app LOGIN; CREATE TABLE t (n int); GRANT ALL ON t TO app');
my $subject = "SELECT coalesce(token_auth.subject(), 'nobody')";

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

	if ($binding eq 'transaction')
	{
		for my $clear ('SELECT token_auth.set_local_token(NULL)', "SET LOCAL token_auth.token = ''")
		{
			outcome($session, "BEGIN; SET token_auth.token = '$alice'; $clear; INSERT INTO t VALUES (1); PREPARE TRANSACTION 'masked'");
			is($session->query('SHOW token_auth.token'), '', "... nor is one left that was set for the session, below $clear");
			outcome($session, "ROLLBACK PREPARED 'masked'");
			is(outcome($session, $subject), 'nobody', '... before or after ROLLBACK PREPARED');
		}
	}

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
	'a revocation by hand' => [
		"INSERT INTO token_auth.revocation (issuer, kind, value, issued_until) VALUES ('https://idp.example.com', 'subject', 'alice', 'infinity')",
		'28T10', 'DELETE FROM token_auth.revocation' ],
	'revocations that are copied' => [
		"COPY token_auth.revocation (issuer, kind, value, issued_until) FROM stdin;\n"
		  . "https://idp.example.com\tsubject\tcarol\tinfinity\nhttps://idp.example.com\tsubject\talice\tinfinity\n\\.\nSELECT",
		'28T10', 'DELETE FROM token_auth.revocation' ],
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

# --- what is prepared holds up nobody, and takes back nothing of others ------------
my %prepared = (
	'a logout' => [ app => "SELECT token_auth.set_local_token('$alice'); SELECT token_auth.revoke_current_token()",
		app => "BEGIN; SELECT token_auth.set_local_token('$alice'); SELECT token_auth.revoke_current_token(); COMMIT", "alice\nt", '28T10' ],
	'a revocation' => [ postgres => "SELECT token_auth.revoke_subject('idp', 'alice', '2000-01-01')",
		postgres => "SELECT token_auth.revoke_subject('idp', 'alice', 'infinity')", 't', '28T10' ],
	'a disabled key' => [ postgres => "SELECT token_auth.disable_key('idp', 'first')",
		postgres => 'UPDATE token_auth.issuer SET enabled = false', '', '28T04' ],
	'an added key' => [ postgres => "SELECT token_auth.add_secret('idp', sha256('a secret that is being added'), 'HS256', 'another')",
		postgres => "SELECT token_auth.disable_key('idp', 'first')", 't', '28T05' ],
);
for my $name (sort keys %prepared)
{
	my ($preparing, $change, $user, $statement, $answer, $sqlstate) = @{ $prepared{$name} };
	my $first = connect_to($node, user => $preparing);

	unlike($first->refusal("BEGIN; $change; PREPARE TRANSACTION 'held'"), qr/ERROR/, "$name: it can be prepared");
	$first->quit;
	# the lock that reserves a name comes back with the transaction
	$node->restart if $name eq 'a logout';
	my $second = connect_to($node, user => $user);
	my $reader = connect_to($node, user => 'app');
	is(outcome($second, "SET lock_timeout = '20s'; SET client_min_messages = error; $statement"), $answer, '... nobody waits for that');
	is(outcome($reader, "SELECT token_auth.set_session_token('$alice')"), $sqlstate, '... what the other did counts');
	$node->safe_psql('postgres', "ROLLBACK PREPARED 'held'");
	is(outcome($reader, "SELECT token_auth.set_session_token('$alice')"), $sqlstate, '... and goes on counting after ROLLBACK PREPARED');
	$node->safe_psql('postgres', "DELETE FROM token_auth.revocation; UPDATE token_auth.issuer SET enabled = true; SELECT token_auth.enable_key('idp', 'first')");
	$_->quit for $second, $reader;
}

# --- TRUNCATE: who must look at the table waits for what becomes of it -----------
my $administrator = connect_to($node);
my $revoked = connect_to($node, user => 'app');
my $other = connect_to($node, user => 'app');
my $pid = $revoked->pid;

$administrator->query("SELECT token_auth.revoke_subject('idp', 'alice', 'infinity')");
is(outcome($revoked, "SELECT token_auth.set_session_token('$alice')"), '28T10', 'TRUNCATE: before it');
is(outcome($other, "SELECT token_auth.set_session_token('$bob')"), 'bob', '... and a session that has looked');
for my $end ('ROLLBACK', 'COMMIT')
{
	unlike($administrator->refusal("BEGIN; TRUNCATE token_auth.revocation; PREPARE TRANSACTION 'truncate'"), qr/ERROR/, '... it can be prepared');
	is(outcome($revoked, "SET lock_timeout = '50ms'; SELECT token_auth.set_session_token('$alice')"), '55P03', '... nobody is let in meanwhile');
	is(outcome($other, $subject), 'bob', '... who has looked goes on');
	$revoked->query('RESET lock_timeout');
	$revoked->start("SELECT token_auth.set_session_token('$alice')");
	ok($revoked->wait_until_blocked($node, $pid), '... who must look waits');
	$node->safe_psql('postgres', "$end PREPARED 'truncate'");
	$revoked->finish;
	like($revoked->messages, qr/28T10/, '... and is refused after ROLLBACK PREPARED') if $end eq 'ROLLBACK';
	is($revoked->messages, '', '... and is let in after COMMIT PREPARED') if $end eq 'COMMIT';
}
is(outcome($revoked, $subject), 'alice', '... for good');
is(outcome($other, $subject), 'bob', '... as the other is');

# --- prune_revocations() -------------------------------------------------------------
my $token_id = payload($alice)->{jti};
$administrator->query("INSERT INTO token_auth.revocation (issuer, kind, value, expires_at) VALUES ('https://idp.example.com', 'token_id', '$token_id', '2000-01-01'); "
	. "SELECT token_auth.revoke_subject('idp', 'carol', 'infinity')");
is(outcome($revoked, $subject), '28T10', 'prune_revocations(): before it');
for my $end ('ROLLBACK', 'COMMIT')
{
	is($administrator->query("BEGIN; SELECT token_auth.prune_revocations(); PREPARE TRANSACTION 'prune'"), '1', '... a row goes in a prepared transaction');
	is(outcome($revoked, $subject), '28T10', '... and counts meanwhile');
	is($administrator->query('SELECT token_auth.prune_revocations()'), '0', '... another does not wait for it');
	$node->safe_psql('postgres', "$end PREPARED 'prune'");
	is($administrator->query('SELECT count(*) FROM token_auth.revocation'), $end eq 'COMMIT' ? '1' : '2', "... $end PREPARED");
	is(outcome($revoked, $subject), $end eq 'COMMIT' ? 'alice' : '28T10', '... decides about it');
}
is(outcome($other, "SELECT token_auth.set_session_token('" . new_token(sub => 'carol') . "')"), '28T10', '... the other row counts on');

$_->quit for $administrator, $revoked, $other;
stop_servers($node);
done_testing();
