# Tokens are verified on a hot standby, and what the primary revokes or
# disables counts there once it has been replayed, also across a promotion.
use strict;
use warnings;
use FindBin;
use lib "$FindBin::Bin/../perl";
use PostgreSQL::Test::Cluster;
use PostgreSQL::Test::Utils;
use Test::More;
use TestServer qw(:DEFAULT outcome);
use TokenAuth;

my $primary = new_server('primary', { allows_streaming => 1 }, 'token_auth.binding = session', 'max_prepared_transactions = 5',
	# a lost message must not be made good by time
	'token_auth.recheck_interval = 60s');
install($primary);
$primary->safe_psql('postgres', q{
	CREATE ROLE app LOGIN;
	CREATE TABLE orders (id int, owner_id text);
	INSERT INTO orders VALUES (1, 'alice'), (2, 'bob');
	GRANT SELECT ON orders TO app;
	ALTER TABLE orders ENABLE ROW LEVEL SECURITY;
	CREATE POLICY own ON orders TO app USING (owner_id = token_auth.subject() AND token_auth.has_scope('orders:read'));
});
$primary->backup('backup');
my $standby = PostgreSQL::Test::Cluster->new('standby');
$standby->init_from_backup($primary, 'backup', has_streaming => 1);
$standby->append_conf('postgresql.conf', 'hot_standby_feedback = on');
$standby->start;

my $subject = "SELECT coalesce(token_auth.subject(), 'nobody')";
my %token = map { $_ => new_token(sub => $_) } qw(alice bob carol dave erin frank grace);

sub replay { $primary->wait_for_catchup($standby, 'replay', $primary->lsn('insert')) }

sub on_standby
{
	my ($name) = @_;
	my $session = connect_to($standby, user => 'app');
	is(outcome($session, "SELECT token_auth.set_session_token('$token{$name}')"), $name, "$name on the standby");
	return $session;
}

replay();
my $session = connect_to($standby, user => 'app');
is(outcome($session, $subject), 'nobody', 'no token, no identity');
is(outcome($session, 'SELECT token_auth.set_session_token(\'' . new_token(exp => time - 999) . '\')'), '28T01', 'an expired token is refused');
is(outcome($session, "SELECT token_auth.set_session_token('$token{alice}')"), 'alice', 'a good one is accepted');
is(outcome($session, 'SELECT id FROM orders'), '1', '... and gets its rows');
is(outcome($session, 'SELECT token_auth.revoke_current_token()'), '25006', 'nobody can revoke on a standby');
is(outcome($session, $subject), 'alice', '... so it stays good');
$session->quit;

# --- revocation, from statement to statement and in an open transaction ---------------
my $alice = on_standby('alice');
my $bob = on_standby('bob');
$bob->query('BEGIN ISOLATION LEVEL REPEATABLE READ');
is(outcome($bob, $subject), 'bob', 'in an open transaction');
$bob->query('DECLARE c CURSOR FOR SELECT token_auth.subject() FROM generate_series(1, 3)');
is(outcome($bob, 'FETCH c'), 'bob', '... with a cursor');
$primary->safe_psql('postgres', "SELECT token_auth.revoke_token('$token{alice}')");
replay();
is(outcome($alice, $subject), '28T10', 'a revoked token is refused after replay');
is(outcome($bob, $subject), 'bob', '... another is not');
$primary->safe_psql('postgres', "SELECT token_auth.revoke_subject('idp', 'bob', 'infinity')");
replay();
is(outcome($bob, "SAVEPOINT s; FETCH c"), '28T10', 'a cursor in an open transaction');
is(outcome($bob, "ROLLBACK TO s; $subject"), '28T10', '... and every statement is refused');
$_->quit for $alice, $bob;

# --- in parallel workers -----------------------------------------------------------------
$primary->safe_psql('postgres', q{
	CREATE TABLE numbers AS SELECT g AS n FROM generate_series(1, 10000) AS g;
	GRANT SELECT ON numbers TO app;
});
replay();
my $grace = on_standby('grace');
$grace->query('SET parallel_setup_cost = 0; SET parallel_tuple_cost = 0; SET min_parallel_table_scan_size = 0; SET parallel_leader_participation = off');
my $parallel = "SELECT count(*) FROM numbers WHERE token_auth.subject() || n::text <> ''";
like($grace->query("EXPLAIN $parallel"), qr/Gather/, 'a parallel plan on the standby');
is(outcome($grace, $parallel), '10000', '... runs under the token');
$primary->safe_psql('postgres', "SELECT token_auth.revoke_subject('idp', 'grace', 'infinity')");
replay();
is(outcome($grace, $parallel), '28T10', '... and is refused when it is revoked');
$grace->quit;

# --- one that is rolled back, one that is prepared --------------------------------------
my $carol = on_standby('carol');
$primary->safe_psql('postgres', "BEGIN; SELECT token_auth.revoke_subject('idp', 'carol', 'infinity'); ROLLBACK");
$primary->safe_psql('postgres', "BEGIN; SELECT token_auth.revoke_subject('idp', 'carol', 'infinity'); PREPARE TRANSACTION 'carol'");
replay();
is(outcome($carol, $subject), 'carol', 'a rolled back or prepared revocation does not count');
$primary->safe_psql('postgres', "COMMIT PREPARED 'carol'");
replay();
is(outcome($carol, $subject), '28T10', '... until it is committed');
$primary->safe_psql('postgres', "SELECT token_auth.reinstate('idp', 'subject', 'carol')");
replay();
is(outcome($carol, $subject), 'carol', 'reinstated');
# tuples move and are cleaned away
$primary->safe_psql('postgres', 'VACUUM token_auth.revocation; REINDEX TABLE token_auth.revocation');
replay();
is(outcome($carol, $subject), 'carol', '... also after VACUUM and REINDEX');
$primary->safe_psql('postgres', "SELECT token_auth.revoke_subject('idp', 'carol', 'infinity')");
replay();
is(outcome($carol, $subject), '28T10', '... and revoked again');
$carol->quit;

# --- configuration -----------------------------------------------------------------------
my $dave = on_standby('dave');
for my $change ([ "SELECT token_auth.disable_key('idp', 'first')", '28T05', "SELECT token_auth.enable_key('idp', 'first')" ],
	[ 'UPDATE token_auth.issuer SET enabled = false', '28T04', 'UPDATE token_auth.issuer SET enabled = true' ],
	[ "UPDATE token_auth.issuer SET audiences = '{billing}'", '28T07', "UPDATE token_auth.issuer SET audiences = '{orders-api}'" ])
{
	my ($sql, $sqlstate, $undo) = @$change;
	$primary->safe_psql('postgres', $sql);
	replay();
	is(outcome($dave, $subject), $sqlstate, "$sqlstate after replay");
	$primary->safe_psql('postgres', $undo);
	replay();
	is(outcome($dave, $subject), 'dave', '... and good again');
}

# --- a revocation that is replayed just before the standby is promoted ------------------
my $erin = on_standby('erin');
is(outcome($erin, $subject), 'erin', 'good before the promotion');
$primary->safe_psql('postgres', "SELECT token_auth.revoke_subject('idp', 'erin', 'infinity')");
replay();
$standby->promote;
$standby->poll_query_until('postgres', 'SELECT NOT pg_is_in_recovery()');
is(outcome($erin, $subject), '28T10', 'revoked before the promotion, asked after it');
is(outcome($dave, $subject), 'dave', '... another is not');
my $frank = on_standby('frank');
$standby->safe_psql('postgres', "SELECT token_auth.revoke_subject('idp', 'frank', 'infinity')");
is(outcome($frank, $subject), '28T10', 'the new primary revokes');
is(outcome($dave, 'SELECT token_auth.revoke_current_token()'), 't', '... for everybody who holds a token, too');
is(outcome($dave, $subject), '28T10', '... which is refused from then on');

$_->quit for $dave, $erin, $frank;
stop_servers($standby, $primary);
done_testing();
