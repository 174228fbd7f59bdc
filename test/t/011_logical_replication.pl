# What a publisher changes of issuers, keys and revocations counts for its
# subscriber's sessions at the next statement, its secrets stay at home, and
# nothing that is on the subscriber already holds up what comes.
use strict;
use warnings;
use FindBin;
use lib "$FindBin::Bin/../perl";
use PostgreSQL::Test::Cluster;
use PostgreSQL::Test::Utils;
use Test::More;
use TestServer qw(:DEFAULT outcome);
use TokenAuth;

my @configuration = ('token_auth.binding = session', 'autovacuum = off', 'max_prepared_transactions = 5',
	# a lost message must not be made good by time
	'token_auth.recheck_interval = 60s');
my $publisher = new_server('publisher', { allows_streaming => 'logical' }, @configuration);
my $subscriber = new_server('subscriber', { allows_streaming => 'logical' }, @configuration);
install($publisher);
my $key = keypair('ES256');
my $jwks = jwks($key);
my $long = 'x' x 600;
$publisher->safe_psql('postgres', qq{
	SELECT token_auth.import_jwks('idp', '$jwks');
	SELECT token_auth.revoke_subject('idp', 'bob', 'infinity');
	SELECT token_auth.revoke_subject('idp', 'carol', '2000-01-01');
	SELECT token_auth.revoke_subject('idp', '$long', '2000-01-01');
	CREATE ROLE app LOGIN;
	CREATE ROLE replicator LOGIN REPLICATION;
	CREATE PUBLICATION tokens FOR TABLE token_auth.issuer, token_auth.key, token_auth.revocation;
});
$subscriber->safe_psql('postgres', 'CREATE EXTENSION token_auth; CREATE ROLE app LOGIN');
my $connection = $publisher->connstr . ' dbname=postgres user=replicator';
my $subject = 'SELECT token_auth.subject()';
my $admin = connect_to($publisher);

sub token_of
{
	my ($name) = @_;
	return mint($key, default_claims(sub => $name, jti => "token of $name", sid => "session of $name",
		device_id => "phone of $name", client_id => "client of $name"));
}

# A session on the subscriber, and what comes of a token in it.
sub set_token
{
	my ($token) = @_;
	my $session = connect_to($subscriber, user => 'app');

	return ($session, outcome($session, "SELECT token_auth.set_session_token('$token')"));
}

sub is_refused
{
	my ($token, $sqlstate, $words) = @_;
	my ($session, $outcome) = set_token($token);

	is($outcome, $sqlstate, $words);
	$session->quit;
	return;
}

# A session there in which somebody's token is good.
sub session_of
{
	my ($name) = @_;
	my ($session, $outcome) = set_token(token_of($name));

	is($outcome, $name, "$name on the subscriber");
	return $session;
}

# Change something on the publisher, and wait until it has been applied.
sub publish
{
	my ($sql) = @_;
	my $refusal = $admin->refusal($sql);

	die $refusal if $refusal =~ /ERROR/;
	$publisher->wait_for_catchup('tokens');
	return;
}

sub subscribe
{
	my ($options) = @_;

	$subscriber->safe_psql('postgres', "CREATE SUBSCRIPTION tokens CONNECTION '$connection' PUBLICATION tokens $options");
	return;
}

sub unsubscribe
{
	$subscriber->safe_psql('postgres', 'DROP SUBSCRIPTION tokens; TRUNCATE token_auth.issuer, token_auth.key, token_auth.revocation');
	return;
}

sub rows_copied
{
	return $subscriber->safe_psql('postgres', 'SELECT ' . join ', ', map { "(SELECT count(*) FROM token_auth.$_)" } qw(issuer key revocation));
}

sub cut_off
{
	my ($name) = @_;
	return $subscriber->safe_psql('postgres', "SELECT string_agg(issued_until::text, ' ') FROM token_auth.revocation "
		. "WHERE kind = 'subject' AND value = token_auth.lookup_value('$name')");
}

sub log_has
{
	my ($pattern, $position, $words) = @_;
	ok($subscriber->wait_for_log($pattern, $position), $words);
	return;
}

# --- the role that the subscriber connects as ------------------------------------------
# refused: without SELECT nothing is copied, and the log says so
my $position = log_position($subscriber);
subscribe('');
log_has(qr/could not start initial contents copy for table "token_auth\.$_": ERROR:  permission denied/, $position,
	"without SELECT on token_auth.$_ it is not copied") for qw(issuer key revocation);
is(rows_copied(), '0|0|0', '... nor anything else');
unsubscribe();

# refused: where row security is not to be applied silently
$publisher->safe_psql('postgres', 'GRANT SELECT ON token_auth.issuer, token_auth.key, token_auth.revocation TO replicator; '
	. 'ALTER ROLE replicator SET row_security = off');
$position = log_position($subscriber);
subscribe('');
log_has(qr/could not start initial contents copy for table "token_auth\.$_": ERROR:  query would be affected by row-level security/, $position,
	"with row_security = off, but without BYPASSRLS, the copy of token_auth.$_ fails") for qw(issuer key);
unsubscribe();

# the trap: nothing fails, and nothing is there
$publisher->safe_psql('postgres', 'ALTER ROLE replicator RESET row_security');
subscribe('');
$subscriber->wait_for_subscription_sync($publisher, 'tokens');
is(rows_copied(), '0|0|3', 'with neither, issuers and keys are silently not copied, revocations are');
is_refused(token_of('alice'), '28T04', '... so no token is accepted');
publish("SELECT token_auth.revoke_subject('idp', 'dave', 'infinity')");
publish("SELECT token_auth.add_issuer('https://elsewhere.example.com', '{orders-api}', name => 'elsewhere')");
is(rows_copied(), '1|0|4', '... what is added later comes');
publish("SELECT token_auth.drop_issuer('elsewhere')");
unsubscribe();

# --- a copy into a table that has the same rows already -----------------------------------
$subscriber->safe_psql('postgres', qq{
	INSERT INTO token_auth.revocation (issuer, kind, value, issued_until)
	VALUES ('https://idp.example.com', 'subject', 'bob', '2000-01-01'),
	       ('https://idp.example.com', 'subject', 'carol', 'infinity'),
	       ('https://idp.example.com', 'subject', '$long', 'infinity');
});
$publisher->safe_psql('postgres', 'ALTER ROLE replicator BYPASSRLS');
$position = log_position($subscriber);
subscribe('WITH (two_phase = true)');
$subscriber->wait_for_subscription_sync($publisher, 'tokens');
$subscriber->poll_query_until('postgres', q{SELECT subtwophasestate = 'e' FROM pg_subscription});
unlike(log_of($subscriber, $position), qr/duplicate key|could not/, 'with BYPASSRLS all is copied without an error');
is(rows_copied(), '1|3|4', '... issuers, keys, and revocations, those that were here not twice');
is_refused(token_of('bob'), '28T10', '... a later cut-off that is copied counts');
is_refused(token_of('carol'), '28T10', '... a later one that was here stays');
is_refused(token_of($long), '28T10', '... also for a long value');
is(cut_off('bob') . ' ' . cut_off('carol') . ' ' . cut_off($long), 'infinity infinity infinity', '... as the table says');

# --- secrets ---------------------------------------------------------------------------------
is($publisher->safe_psql('postgres', q{SELECT string_agg(tablename, ' ' ORDER BY tablename) FROM pg_publication_tables WHERE pubname = 'tokens'}),
	'issuer key revocation', 'secrets are not published');
is($subscriber->safe_psql('postgres', 'SELECT count(*) FROM token_auth.secret'), '0', '... nor here');
is_refused(new_token(), '28T05', '... a token signed with one is refused here');
my $at_home = connect_to($publisher, user => 'app');
is(outcome($at_home, "SELECT token_auth.set_session_token('" . new_token() . "')"), 'alice', '... and accepted at home');

# --- revocations, by whatever names the token ----------------------------------------------
my $reader = session_of('alice');
my $in_transaction = session_of('alice');
my $other = session_of('erin');
my $token = token_of('alice');
my $row = q{('https://idp.example.com', 'session_id', 'session of alice')};
my %revocations = (
	revoke_token => "SELECT token_auth.revoke_token('$token')",
	revoke_token_id => "SELECT token_auth.revoke_token_id('idp', 'token of alice')",
	revoke_session => "SELECT token_auth.revoke_session('idp', 'session of alice')",
	revoke_subject => "SELECT token_auth.revoke_subject('idp', 'alice')",
	revoke_client => "SELECT token_auth.revoke_client('idp', 'client of alice')",
	revoke_device => "SELECT token_auth.revoke_device('idp', 'phone of alice')",
	revoke_issuer => "SELECT token_auth.revoke_issuer('idp')",
	INSERT => "INSERT INTO token_auth.revocation (issuer, kind, value) VALUES $row",
	COPY => "COPY token_auth.revocation (issuer, kind, value) FROM stdin;\n"
	  . "https://idp.example.com\tsession_id\tsession of alice\n\\.",
	UPDATE => "INSERT INTO token_auth.revocation (issuer, kind, value) VALUES ('https://idp.example.com', 'session_id', 'nobody''s'); "
	  . "UPDATE token_auth.revocation SET value = 'session of alice' WHERE value = 'nobody''s'",
);
# in turn, what brings the token back
my @undoings = (q{DELETE FROM token_auth.revocation WHERE value NOT IN ('bob', 'carol')}, 'TRUNCATE token_auth.revocation',
	q{SELECT token_auth.reinstate('https://idp.example.com', kind, value) FROM (TABLE token_auth.revocation) AS r});
for my $way (sort keys %revocations)
{
	my $undoing = shift @undoings;
	push @undoings, $undoing;

	$in_transaction->query('ROLLBACK; BEGIN ISOLATION LEVEL REPEATABLE READ');
	is(outcome($in_transaction, "$subject; SAVEPOINT s"), 'alice', "$way: before it, in a transaction");
	publish($revocations{$way});
	is(outcome($reader, $subject), '28T10', '... the next statement on the subscriber is refused');
	is(outcome($in_transaction, $subject), '28T10', '... also in a transaction that began before');
	is(outcome($other, $subject), $way eq 'revoke_issuer' ? '28T10' : 'erin', '... another token as it should be');
	publish($undoing);
	is(outcome($reader, $subject), 'alice', "... $undoing lets it in again");
	is(outcome($in_transaction, "ROLLBACK TO s; $subject"), 'alice', '... in that transaction, too');
}
$in_transaction->quit;

# --- two-phase commit ----------------------------------------------------------------------
for my $end ('ROLLBACK', 'COMMIT')
{
	publish("BEGIN; SELECT token_auth.revoke_subject('idp', 'alice', 'infinity'); PREPARE TRANSACTION 'revocation'");
	is($subscriber->safe_psql('postgres', 'SELECT count(*) FROM pg_prepared_xacts'), '1', 'a prepared revocation is prepared here, too');
	is(outcome($reader, $subject), 'alice', '... and does not count');
	publish("$end PREPARED 'revocation'");
	is(outcome($reader, $subject), $end eq 'COMMIT' ? '28T10' : 'alice', "... until $end PREPARED decides");
}
publish("SELECT token_auth.reinstate('idp', 'subject', 'alice')");

# --- who revokes with remote_apply waits for a subscriber that the publisher waits for -------
$publisher->safe_psql('postgres', "ALTER SYSTEM SET synchronous_standby_names = 'tokens'");
$publisher->reload;
$publisher->poll_query_until('postgres', q{SELECT sync_state = 'sync' FROM pg_stat_replication WHERE application_name = 'tokens'});
my $pid = $admin->pid;
$subscriber->safe_psql('postgres', 'ALTER SUBSCRIPTION tokens DISABLE');
$subscriber->poll_query_until('postgres', q{SELECT bool_and(pid IS NULL) FROM pg_stat_subscription});
$admin->start("SET synchronous_commit = remote_apply; SELECT token_auth.revoke_subject('idp', 'alice', 'infinity')");
ok($publisher->poll_query_until('postgres', "SELECT wait_event = 'SyncRep' FROM pg_stat_activity WHERE pid = $pid"),
	'with synchronous_commit = remote_apply a revocation waits');
is(outcome($reader, $subject), 'alice', '... until then the token is good here');
$subscriber->safe_psql('postgres', 'ALTER SUBSCRIPTION tokens ENABLE');
is($admin->finish, 't', '... once it is applied, it returns');
is(outcome($reader, $subject), '28T10', '... and the next statement is refused');
$publisher->safe_psql('postgres', 'ALTER SYSTEM RESET synchronous_standby_names');
$publisher->reload;
publish("RESET synchronous_commit; SELECT token_auth.reinstate('idp', 'subject', 'alice')");

# --- issuers and keys -----------------------------------------------------------------------
for my $change ([ "SELECT token_auth.disable_key('idp', '$key->{kid}')", '28T05', "SELECT token_auth.enable_key('idp', '$key->{kid}')" ],
	[ 'UPDATE token_auth.issuer SET enabled = false', '28T04', 'UPDATE token_auth.issuer SET enabled = true' ],
	[ 'TRUNCATE token_auth.key', '28T05', "SELECT token_auth.import_jwks('idp', '$jwks')" ])
{
	my ($sql, $sqlstate, $undo) = @$change;
	is(outcome($reader, $subject), 'alice', "before $sql");
	publish($sql);
	is(outcome($reader, $subject), $sqlstate, '... it counts here');
	publish($undo);
	is(outcome($reader, $subject), 'alice', '... and its undoing');
}

# --- pruning --------------------------------------------------------------------------------
publish("INSERT INTO token_auth.revocation (issuer, kind, value, expires_at) VALUES ('https://idp.example.com', 'token_id', 'token of alice', '2000-01-01')");
is(outcome($reader, $subject), '28T10', 'a revocation that nobody needs any more');
my $local = connect_to($subscriber);
is(outcome($local, 'SELECT token_auth.prune_revocations()'), '55000', '... the subscriber does not prune it');
is(outcome($reader, $subject), '28T10', '... so it counts on');
publish('SELECT token_auth.prune_revocations()');
is(outcome($reader, $subject), 'alice', '... the publisher does, for both');

# --- what both sides revoke: each has a row of its own, and nothing stops --------------------
$position = log_position($subscriber);
my ($early, $late) = ('2000-01-01 00:00:00+00', 'infinity');
my $reinstate = "SELECT token_auth.reinstate('idp', 'subject', 'frank')";
$subscriber->safe_psql('postgres', "ALTER DATABASE postgres SET timezone = 'UTC'");
for my $case ([ $early, $late ], [ $late, $early ])
{
	my ($here, $there) = @$case;
	my $revoke_here = "SELECT token_auth.revoke_subject('idp', 'frank', '$here')";
	my $revoke_there = "SELECT token_auth.revoke_subject('idp', 'frank', '$there')";

	is($local->query($revoke_here), 't', "up to $here, written here");
	publish($revoke_there);
	is(join(' ', sort split / (?=inf|20)/, cut_off('frank')), join(' ', sort $here, $there), "... up to $there, which comes after it");
	is_refused(token_of('frank'), '28T10', '... the later counts');
	publish("SELECT token_auth.revoke_subject('idp', 'frank', '2000-01-02')");
	is_refused(token_of('frank'), '28T10', '... also when the publisher revokes once more');
	publish($reinstate);
	is(cut_off('frank'), $here, '... the publisher takes its own back');
	publish($revoke_there);
	is($local->query($reinstate), 't', '... and so does this side');
	is(cut_off('frank'), $there, '... which leaves the publisher\'s');
	like($local->refusal($reinstate), qr/ERROR:  55000/, '... and does not take that back');
	is(cut_off('frank'), $there, '... not even as an error');
	publish("SELECT token_auth.revoke_subject('idp', 'frank', 'infinity')");
	is_refused(token_of('frank'), '28T10', '... so that a later ban finds it');
	publish($reinstate);
	is($local->query($reinstate), 'f', '... nothing is left');
}

# an administrator here in an open transaction, and one there
my $support = connect_to($subscriber);
is(outcome($support, "BEGIN; SELECT token_auth.revoke_subject('idp', 'grace', 'infinity')"), 't', 'in an open transaction here');
publish("SELECT token_auth.revoke_subject('idp', 'grace', 'infinity')");
is_refused(token_of('grace'), '28T10', '... the publisher\'s does not wait for it');
is(outcome($support, 'COMMIT'), '', '... nor the other way round');
$support->quit;
publish("SELECT token_auth.reinstate('idp', 'subject', 'grace')");
is_refused(token_of('grace'), '28T10', '... each stands for itself');
is($local->query("SELECT token_auth.reinstate('idp', 'subject', 'grace')"), 't', '... until it is taken back');

# a row that was written here as if it were the publisher's: the later cut-off counts, and nothing stops
for my $case ([ $early, $late ], [ $late, $early ])
{
	my ($here, $there) = @$case;
	$local->query("INSERT INTO token_auth.revocation (issuer, kind, value, issued_until) VALUES ('https://idp.example.com', 'subject', '$long', '$here')");
	publish("SELECT token_auth.revoke_subject('idp', '$long', '$there')");
	is(cut_off($long), $late, "up to $here, written here by INSERT, up to $there, which comes");
	is_refused(token_of($long), '28T10', '... a long value, too');
	publish("SELECT token_auth.reinstate('idp', 'subject', '$long')");
}
# as a publisher would send it that keeps it whole
$local->query('SET session_replication_role = replica');
for my $cut_off ($late, $early)
{
	is($local->refusal("INSERT INTO token_auth.revocation (issuer, kind, value, issued_until) VALUES ('https://idp.example.com', 'subject', '$long z', '$cut_off')"),
		'', "... also where the value itself comes, up to $cut_off");
	is(cut_off("$long z"), $late, '... the later counts');
}
$local->query('RESET session_replication_role');
# of two times to keep a row none, which is for ever, is the longer
for my $case ([ 'NULL', "'2100-01-01'" ], [ "'2100-01-01'", 'NULL' ])
{
	my ($here, $there) = @$case;
	$local->query("INSERT INTO token_auth.revocation (issuer, kind, value, expires_at) VALUES ('https://idp.example.com', 'token_id', 'token of frank', $here)");
	publish("SELECT token_auth.revoke_token_id('idp', 'token of frank', $there)");
	is($local->query("SELECT count(*), count(expires_at) FROM token_auth.revocation WHERE value = 'token of frank'"), '1|0',
		"to be kept until $here here, until $there there: for ever");
	publish("SELECT token_auth.reinstate('idp', 'token_id', 'token of frank')");
}

publish("SELECT token_auth.revoke_subject('idp', 'alice', 'infinity')");
is(outcome($reader, $subject), '28T10', 'revocations come as before');
publish("SELECT token_auth.reinstate('idp', 'subject', 'alice')");

# --- logouts on both sides, here in a transaction that stays open ---------------------------
my $holder = session_of('ivan');
my $witness = session_of('ivan');
my $database = $local->query("SELECT system_identifier || '/' || (SELECT oid FROM pg_database WHERE datname = 'postgres') FROM pg_control_system()");
my $sources = q{SELECT string_agg(DISTINCT source, ', ' ORDER BY source), count(*) FROM token_auth.revocation WHERE revoked_by = 'app'};

is(outcome($holder, 'BEGIN; SELECT token_auth.revoke_current_token()'), 't', '... logs out in an open transaction');
is(outcome($at_home, "SELECT token_auth.set_session_token('" . token_of('ivan') . "'); SELECT token_auth.revoke_current_token()"), "ivan\nt",
	'... and on the publisher');
$publisher->wait_for_catchup('tokens');
is(outcome($witness, $subject), '28T10', '... which counts here, as nothing waits');
is($local->query($sources), 'holder|2', '... and is all that is committed');
publish("SELECT token_auth.revoke_subject('idp', 'alice', 'infinity')");
is(outcome($reader, $subject), '28T10', '... nor do other revocations wait');
is(outcome($holder, 'COMMIT'), '', '... the transaction ends well');
is($local->query($sources), "holder, holder $database|4", '... and each logout has rows of its own');
my $second = session_of('judy');
is(outcome($holder, "BEGIN; SELECT token_auth.set_local_token('" . token_of('judy') . "') IS NOT NULL; SELECT token_auth.revoke_current_token()"), "t\nt", '... another one is left open');
is(outcome($second, "SET lock_timeout = '20s'; SELECT token_auth.revoke_current_token()"), 't', '... a second one here does not wait either');
is(outcome($holder, 'ROLLBACK'), '', '... which counts when the first is rolled back');
is($local->query("SELECT DISTINCT source FROM token_auth.revocation WHERE source ~ '2\$'"), "holder $database 2", '... under a source of this database, with a number');
is(outcome($local, "SELECT bool_and(token_auth.reinstate(issuer, kind, value, 'holder')) FROM token_auth.revocation WHERE source ~ ' 2\$'"), 't', '... and is withdrawn by its name');
publish("SELECT token_auth.reinstate('idp', 'subject', 'alice')");
is(outcome($reader, $subject), 'alice', '... replication goes on');
unlike(log_of($subscriber, $position), qr/duplicate key|logical replication[^"]*worker" \(PID \d+\) exited/, 'no error stopped it meanwhile');

# --- a subscription whose owner is no superuser any more --------------------------------------
SKIP:
{
	skip 'from PostgreSQL 16 on the owner of the table writes', 4 if $subscriber->pg_version >= 16;

	$subscriber->safe_psql('postgres', q{
		CREATE ROLE owner LOGIN SUPERUSER;
		ALTER SUBSCRIPTION tokens OWNER TO owner;
		ALTER ROLE owner NOSUPERUSER;
	});
	$position = log_position($subscriber);
	$admin->query("SELECT token_auth.revoke_subject('idp', 'alice', 'infinity')");
	log_has(qr/ERROR:  42501: permission denied for table revocation/, $position, 'an owner without privileges applies nothing');
	$subscriber->safe_psql('postgres',
		'GRANT SELECT, INSERT, UPDATE, DELETE, TRUNCATE ON token_auth.issuer, token_auth.key, token_auth.revocation TO owner');
	$publisher->wait_for_catchup('tokens');
	is(outcome($reader, $subject), '28T10', '... with those of a writer it applies revocations');
	$position = log_position($subscriber);
	$admin->query("SELECT token_auth.disable_key('idp', '$key->{kid}')");
	log_has(qr/user "owner" cannot replicate into relation with row-level security enabled: "key"/, $position, '... but no keys');
	$subscriber->safe_psql('postgres', 'ALTER ROLE owner BYPASSRLS');
	$publisher->wait_for_catchup('tokens');
	is(outcome($reader, $subject), '28T05', '... with BYPASSRLS those, too');
}

$_->quit for $admin, $at_home, $local, $reader, $other, $holder, $witness;
$subscriber->safe_psql('postgres', 'DROP SUBSCRIPTION tokens');
stop_servers($publisher, $subscriber);
done_testing();
