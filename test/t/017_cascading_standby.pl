# A standby of a standby refuses what the primary revokes, by whatever means,
# once it has replayed it; also in open transactions, and after a promotion.
use strict;
use warnings;
use FindBin;
use lib "$FindBin::Bin/../perl";
use PostgreSQL::Test::Cluster;
use PostgreSQL::Test::Utils;
use Test::More;
use TestServer qw(:DEFAULT outcome);
use TokenAuth;

my $primary = new_server('primary', { allows_streaming => 1 }, 'token_auth.binding = session', 'autovacuum = off', 'hot_standby_feedback = on',
	# a lost message must not be made good by time
	'token_auth.recheck_interval = 60s');
install($primary);
$primary->safe_psql('postgres', 'CREATE ROLE app LOGIN');
$primary->backup('backup');
my $standby = PostgreSQL::Test::Cluster->new('standby');
$standby->init_from_backup($primary, 'backup', has_streaming => 1);
$standby->start;
$standby->backup('backup');
my $cascaded = PostgreSQL::Test::Cluster->new('cascaded');
$cascaded->init_from_backup($standby, 'backup', has_streaming => 1);
$cascaded->start;

my $subject = 'SELECT token_auth.subject()';
my $alice = new_token(jti => 'token of alice', sid => 'session of alice', device_id => 'phone of alice', client_id => 'shop');
my $bob = new_token(sub => 'bob', jti => 'token of bob', sid => 'session of bob', device_id => 'phone of bob', client_id => 'desk');

sub replay
{
	my $position = $primary->lsn('insert');

	$primary->wait_for_catchup($standby, 'replay', $position);
	$standby->wait_for_catchup($cascaded, 'replay', $position);
	return;
}

sub session_of
{
	my ($node, $token) = @_;
	my $session = connect_to($node, user => 'app');
	my $name = payload($token)->{sub};

	is(outcome($session, "SELECT token_auth.set_session_token('$token')"), $name, "$name on the " . $node->name);
	return $session;
}

replay();
my $admin = connect_to($primary);
my $middle = session_of($standby, $alice);
my $reader = session_of($cascaded, $alice);
my $in_transaction = session_of($cascaded, $alice);
my $other = session_of($cascaded, $bob);

# --- by whatever names the token -------------------------------------------------
my $row = q{('https://idp.example.com', 'session_id', 'session of alice')};
my %revocations = (
	revoke_token => "SELECT token_auth.revoke_token('$alice')",
	revoke_token_id => "SELECT token_auth.revoke_token_id('idp', 'token of alice')",
	revoke_session => "SELECT token_auth.revoke_session('idp', 'session of alice')",
	revoke_subject => "SELECT token_auth.revoke_subject('idp', 'alice')",
	revoke_client => "SELECT token_auth.revoke_client('idp', 'shop')",
	revoke_device => "SELECT token_auth.revoke_device('idp', 'phone of alice')",
	revoke_issuer => "SELECT token_auth.revoke_issuer('idp')",
	INSERT => "INSERT INTO token_auth.revocation (issuer, kind, value) VALUES $row",
	COPY => "COPY token_auth.revocation (issuer, kind, value) FROM stdin;\n"
	  . "https://idp.example.com\tsession_id\tsession of alice\n\\.",
	UPDATE => "INSERT INTO token_auth.revocation (issuer, kind, value) VALUES ('https://idp.example.com', 'session_id', 'nobody''s'); "
	  . "UPDATE token_auth.revocation SET value = 'session of alice'",
);
# in turn, what brings the token back
my @undoings = ('DELETE FROM token_auth.revocation', 'TRUNCATE token_auth.revocation',
	q{SELECT token_auth.reinstate('https://idp.example.com', kind, value) FROM (TABLE token_auth.revocation) AS r});
for my $way (sort keys %revocations)
{
	my $undoing = shift @undoings;
	push @undoings, $undoing;

	$in_transaction->query('ROLLBACK; BEGIN ISOLATION LEVEL REPEATABLE READ');
	is(outcome($in_transaction, "$subject; SAVEPOINT s"), 'alice', "$way: before it, in a transaction");
	unlike($admin->refusal($revocations{$way}), qr/ERROR/, '... on the primary');
	replay();
	is(outcome($reader, $subject), '28T10', '... two steps away the next statement is refused');
	is(outcome($in_transaction, $subject), '28T10', '... also in a transaction that began before');
	is(outcome($middle, $subject), '28T10', '... and on the standby between');
	is(outcome($other, $subject), $way eq 'revoke_issuer' ? '28T10' : 'bob', '... another token as it should be');

	unlike($admin->refusal($undoing), qr/ERROR/, "... $undoing");
	replay();
	is(outcome($reader, $subject), 'alice', '... lets it in again');
	is(outcome($in_transaction, "ROLLBACK TO s; $subject"), 'alice', '... in that transaction, too');
}
$in_transaction->query('ROLLBACK');

# --- the standby between becomes the primary --------------------------------------
$admin->quit;
$primary->stop;
$standby->promote;
$standby->poll_query_until('postgres', 'SELECT NOT pg_is_in_recovery()');

$in_transaction->query('BEGIN ISOLATION LEVEL REPEATABLE READ');
is(outcome($in_transaction, $subject), 'alice', 'after the promotion, in a transaction');
is(outcome($middle, $subject), 'alice', '... on the new primary');
$standby->safe_psql('postgres', "SELECT token_auth.revoke_session('idp', 'session of alice')");
is(outcome($middle, $subject), '28T10', '... which revokes');
$standby->wait_for_catchup($cascaded, 'replay', $standby->lsn('insert'));
is(outcome($reader, $subject), '28T10', '... for its standby, too');
is(outcome($in_transaction, $subject), '28T10', '... in an open transaction as well');
is(outcome($other, $subject), 'bob', '... but not another token');
$standby->safe_psql('postgres', "SELECT token_auth.disable_key('idp', 'first')");
$standby->wait_for_catchup($cascaded, 'replay', $standby->lsn('insert'));
is(outcome($other, $subject), '28T05', '... until its key is disabled');

$_->quit for $middle, $reader, $in_transaction, $other;
stop_servers($cascaded, $standby);
done_testing();
