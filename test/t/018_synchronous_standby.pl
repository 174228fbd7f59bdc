# With synchronous_commit = remote_apply a revocation returns when the standby
# refuses the token. Whoever gives up waiting has revoked it all the same.
use strict;
use warnings;
use FindBin;
use lib "$FindBin::Bin/../perl";
use PostgreSQL::Test::Cluster;
use PostgreSQL::Test::Utils;
use Test::More;
use TestServer qw(:DEFAULT outcome);
use TokenAuth;

my $primary = new_server('primary', { allows_streaming => 1 }, 'token_auth.binding = session', 'autovacuum = off', 'max_prepared_transactions = 5',
	# a lost message must not be made good by time
	'token_auth.recheck_interval = 60s');
install($primary);
$primary->safe_psql('postgres', 'CREATE ROLE app LOGIN');
$primary->backup('backup');
my $standby = PostgreSQL::Test::Cluster->new('standby');
$standby->init_from_backup($primary, 'backup', has_streaming => 1);
$standby->start;
$primary->append_conf('postgresql.conf', "synchronous_standby_names = 'standby'");
$primary->reload;
$primary->poll_query_until('postgres', q{SELECT sync_state = 'sync' FROM pg_stat_replication});

my $subject = 'SELECT token_auth.subject()';

# A session in which a token is good.
sub session_of
{
	my ($node, $token) = @_;
	my $session = connect_to($node, user => 'app');
	my $name = payload($token)->{sub};

	is(outcome($session, "SELECT token_auth.set_session_token('$token')"), $name, "$name on the " . $node->name);
	return $session;
}

sub replay { $primary->wait_for_catchup($standby, 'replay', $primary->lsn('insert')) }

sub pause
{
	replay();
	$standby->safe_psql('postgres', 'SELECT pg_wal_replay_pause()');
	$standby->poll_query_until('postgres', q{SELECT pg_get_wal_replay_pause_state() = 'paused'});
	return;
}

sub resume { $standby->safe_psql('postgres', 'SELECT pg_wal_replay_resume()') }

sub wait_until_waiting
{
	my ($pid) = @_;
	return $primary->poll_query_until('postgres', "SELECT wait_event = 'SyncRep' FROM pg_stat_activity WHERE pid = $pid");
}

# --- who does not ask to wait does not ------------------------------------------------
my $revoker = connect_to($primary);
for my $setting ('on', 'off')
{
	my $token = new_token(sub => "synchronous_commit $setting");
	my ($here, $there) = (session_of($primary, $token), session_of($standby, $token));

	pause();
	is(outcome($revoker, "SET synchronous_commit = $setting; SELECT token_auth.revoke_token('$token')"), 't', "... $setting: revoked at once");
	is(outcome($here, $subject), '28T10', '... on the primary');
	is(outcome($there, $subject), "synchronous_commit $setting", '... not yet on a standby that does not replay');
	resume();
	replay();
	is(outcome($there, $subject), '28T10', '... but once it does');
	$_->quit for $here, $there;
}

# --- who asks waits until the standby refuses the token ---------------------------------
my %ways = (
	'SET' => sub { "SET synchronous_commit = remote_apply; SELECT token_auth.revoke_token('$_[0]')" },
	'SET LOCAL' => sub { "RESET synchronous_commit; BEGIN; SET LOCAL synchronous_commit = remote_apply; SELECT token_auth.revoke_token('$_[0]'); COMMIT" },
	'INSERT' => sub { "SET synchronous_commit = remote_apply; INSERT INTO token_auth.revocation (issuer, kind, value) "
		  . "VALUES ('https://idp.example.com', 'token_id', '" . payload($_[0])->{jti} . "') RETURNING true" },
	'COMMIT PREPARED' => sub { "RESET synchronous_commit; BEGIN; SELECT token_auth.revoke_token('$_[0]'); PREPARE TRANSACTION 'revocation'; "
		  . "SET synchronous_commit = remote_apply; COMMIT PREPARED 'revocation'" },
	'logout' => sub { "SET synchronous_commit = remote_apply; SELECT token_auth.revoke_current_token()" },
);
for my $way (sort keys %ways)
{
	my $token = new_token(sub => "subject of $way");
	my ($here, $there) = (session_of($primary, $token), session_of($standby, $token));
	my $by = $way eq 'logout' ? session_of($primary, $token) : $revoker;
	my $pid = $by->pid;

	pause();
	$by->start($ways{$way}->($token));
	ok(wait_until_waiting($pid), "$way: the revocation waits");
	is(outcome($there, $subject), "subject of $way", '... until then the token is good on the standby');
	is(outcome($here, $subject), "subject of $way", '... and on the primary, where the commit is not seen yet');
	my $fresh = session_of($primary, $token);
	resume();
	is($by->finish, 't', '... once it is replayed, it returns');
	is(outcome($there, $subject), '28T10', '... and the next statement on the standby is refused');
	is(outcome($here, $subject), '28T10', '... as on the primary');
	is(outcome($fresh, $subject), '28T10', '... where it was set meanwhile, too');
	$_->quit for $here, $there, $fresh, $by eq $revoker ? () : $by;
}

# --- who gives up waiting has committed ---------------------------------------------------
for my $function ('pg_cancel_backend', 'pg_terminate_backend')
{
	my $token = new_token(sub => "subject of $function");
	my ($here, $there) = (session_of($primary, $token), session_of($standby, $token));
	my $pid = $revoker->pid;

	$revoker->query('SET synchronous_commit = remote_apply');
	pause();
	$revoker->start("SELECT token_auth.revoke_token('$token')");
	ok(wait_until_waiting($pid), "$function: the revocation waits");
	is(outcome($here, $subject), "subject of $function", '... and does not count yet');
	$primary->safe_psql('postgres', "SELECT $function($pid)");
	$revoker->finish;
	like($revoker->messages, qr/^WARNING: .* wait for synchronous replication/m, '... it gives up');
	is(outcome($here, $subject), '28T10', '... the next statement on the primary is refused');
	is(outcome($there, $subject), "subject of $function", '... not yet on the standby');
	resume();
	replay();
	is(outcome($there, $subject), '28T10', '... but once it has replayed it');
	$_->quit for $here, $there;
}

eval { $revoker->quit };
stop_servers($primary, $standby);
done_testing();
