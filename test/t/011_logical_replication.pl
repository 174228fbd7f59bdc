# Revocations, issuers and keys that logical replication brings count on the
# subscriber like any other change.
use strict;
use warnings;
use FindBin;
use lib "$FindBin::Bin/../perl";
use PostgreSQL::Test::Cluster;
use PostgreSQL::Test::Utils;
use Test::More;
use TestServer;
use TokenAuth;

my $publisher = new_server('publisher', { allows_streaming => 'logical' });
my $subscriber = new_server('subscriber', { allows_streaming => 'logical' },
	# a lost message must not be made good by time
	'token_auth.recheck_interval = 60s');
install($publisher);
my %token = map { $_ => new_token(sub => $_) } qw(alice bob carol);
$publisher->safe_psql('postgres', "SELECT token_auth.revoke_subject('idp', 'bob', 'infinity')");
$publisher->safe_psql('postgres',
	'CREATE PUBLICATION tokens FOR TABLE ' . join ', ', map { "token_auth.$_" } qw(issuer key secret revocation));
$subscriber->safe_psql('postgres', 'CREATE EXTENSION token_auth; CREATE ROLE app LOGIN');
my $connection = $publisher->connstr . ' dbname=postgres';
$subscriber->safe_psql('postgres', "CREATE SUBSCRIPTION tokens CONNECTION '$connection' PUBLICATION tokens");
$subscriber->poll_query_until('postgres',
	q{SELECT count(*) = 4 AND bool_and(srsubstate = 'r') FROM pg_subscription_rel});

sub outcome
{
	my ($session, $sql) = @_;
	my $rows = $session->query($sql);
	my ($sqlstate) = $session->messages =~ /^ERROR:  (\w+)/m;
	return $sqlstate || $rows;
}

sub publish
{
	my ($sql) = @_;
	$publisher->safe_psql('postgres', $sql);
	$publisher->wait_for_catchup('tokens');
	return;
}

my $subject = 'SELECT token_auth.subject()';
my $session = connect_to($subscriber, user => 'app');
is(outcome($session, "SELECT token_auth.set_session_token('$token{bob}')"), '28T10', 'what was revoked before the subscription is refused');
is(outcome($session, "SELECT token_auth.set_session_token('$token{alice}')"), 'alice', '... another is accepted by the copied keys');

publish("SELECT token_auth.revoke_subject('idp', 'carol', 'infinity')");
is(outcome($session, $subject), 'alice', 'a revocation of another one arrives');
$session->query('BEGIN ISOLATION LEVEL REPEATABLE READ');
is(outcome($session, $subject), 'alice', '... in an open transaction');
publish("SELECT token_auth.revoke_subject('idp', 'alice', 'infinity')");
is(outcome($session, $subject), '28T10', '... its own arrives, and the next statement is refused');
$session->query('ROLLBACK');
publish("SELECT token_auth.reinstate('idp', 'subject', 'alice')");
is(outcome($session, $subject), 'alice', '... it is withdrawn');

for my $change ([ "SELECT token_auth.disable_key('idp', 'first')", '28T05', "SELECT token_auth.enable_key('idp', 'first')" ],
	[ 'UPDATE token_auth.issuer SET enabled = false', '28T04', 'UPDATE token_auth.issuer SET enabled = true' ],
	[ 'TRUNCATE token_auth.key', '28T06', undef ])
{
	my ($sql, $sqlstate, $undo) = @$change;
	publish($sql);
	is(outcome($session, $subject), $sqlstate, "$sql arrives");
	next if !$undo;
	publish($undo);
	is(outcome($session, $subject), 'alice', '... and its undoing');
}

$session->quit;
$subscriber->safe_psql('postgres', 'DROP SUBSCRIPTION tokens');
stop_servers($publisher, $subscriber);
done_testing();
