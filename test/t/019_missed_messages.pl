# As installed, each change of revocations is announced, whatever
# session_replication_role is. Where triggers are disabled, or enabled anew but
# not for replication, one that is not counts within recheck_interval.
use strict;
use warnings;
use FindBin;
use lib "$FindBin::Bin/../perl";
use PostgreSQL::Test::Cluster;
use PostgreSQL::Test::Utils;
use Test::More;
use TestServer qw(:DEFAULT outcome);
use TokenAuth;

# what is vacuumed or analyzed is looked at anew, announced or not
my $node = new_server('missed', 'token_auth.binding = session', 'autovacuum = off', 'token_auth.recheck_interval = 60s');
install($node);
$node->safe_psql('postgres', q{
	CREATE ROLE app LOGIN;
	CREATE ROLE watchful LOGIN;
	ALTER ROLE watchful SET token_auth.recheck_interval = 0;
});
my $token = new_token(jti => 'token of alice', sid => 'session of alice');
my $subject = 'SELECT token_auth.subject()';

my $admin = connect_to($node);
my $writer = connect_to($node);
my $reader = connect_to($node, user => 'app');
my $watchful = connect_to($node, user => 'watchful');

sub administer
{
	my ($sql) = @_;
	my $refusal = $admin->refusal($sql);

	die $refusal if $refusal =~ /ERROR/;
	return;
}

# Both sessions have judged the token a moment ago, and taken in all news so far.
sub judged
{
	my ($words) = @_;

	administer('UPDATE token_auth.issuer SET enabled = enabled');
	is(outcome($reader, "SELECT token_auth.set_session_token('$token')"), 'alice', $words);
	is(outcome($watchful, "SELECT token_auth.set_session_token('$token')"), 'alice', '... also in a session that always looks');
	return;
}

# Another recheck_interval for the running session.
sub recheck_after
{
	my ($interval) = @_;

	administer("LOAD 'token_auth'; ALTER SYSTEM SET token_auth.recheck_interval = '$interval'; SELECT pg_reload_conf()");
	$reader->query_until('SHOW token_auth.recheck_interval', $interval)
	  or die "token_auth.recheck_interval is not $interval";
	return;
}

# A revocation that is not announced, and withdrawn in the end.
sub missed
{
	my ($sqlstate, $revocation, $undoing) = @_;

	is($writer->refusal($revocation), '', "... $revocation");
	is(outcome($watchful, $subject), $sqlstate, '... with recheck_interval = 0 the next statement is refused');
	is(outcome($reader, $subject), 'alice', '... who was not told goes on, as long as recheck_interval lasts');
	recheck_after('1s');
	ok($reader->query_until($subject, $sqlstate), '... and no longer');
	recheck_after('1min');
	administer($undoing);
	return;
}

# One that is.
sub announced
{
	my ($sqlstate, $revocation, $undoing) = @_;

	is($writer->refusal($revocation), '', "... $revocation");
	is(outcome($reader, $subject), $sqlstate, '... the next statement of another session is refused');
	administer($undoing);
	return;
}

my $insert = q{INSERT INTO token_auth.revocation (issuer, kind, value) VALUES ('https://idp.example.com', 'token_id', 'token of alice')};
my $copy = "COPY token_auth.revocation (issuer, kind, value) FROM stdin;\nhttps://idp.example.com\ttoken_id\ttoken of alice\n\\.";
my $update = q{UPDATE token_auth.revocation SET value = 'session of alice' WHERE value = 'session of nobody'};
my $merge = q{INSERT INTO token_auth.revocation (issuer, kind, value, issued_until) VALUES ('https://idp.example.com', 'subject', 'alice', 'infinity')};
my $function = q{DO $$ BEGIN PERFORM token_auth.revoke_session('idp', 'session of alice'); END $$};
my $disable = q{UPDATE token_auth.key SET enabled = false WHERE key_id = 'first'};
my $delete = 'DELETE FROM token_auth.revocation';
my $enable = 'UPDATE token_auth.key SET enabled = true; UPDATE token_auth.issuer SET enabled = enabled';

# --- as installed: announced, for replication as well --------------------------------
for my $role ('replica', 'origin')
{
	administer(q{INSERT INTO token_auth.revocation (issuer, kind, value, issued_until)
		VALUES ('https://idp.example.com', 'session_id', 'session of nobody', NULL), ('https://idp.example.com', 'subject', 'alice', '2000-01-01')});
	$writer->query("SET session_replication_role = $role");
	judged("session_replication_role = $role");
	announced('28T10', $update, $delete);
	if ($role eq 'replica')
	{
		administer(q{INSERT INTO token_auth.revocation (issuer, kind, value, issued_until) VALUES ('https://idp.example.com', 'subject', 'alice', '2000-01-01')});
		judged('a row that is merged');
		announced('28T10', $merge, $delete);
	}
	for my $change ([ $insert, '28T10', $delete ], [ $copy, '28T10', $delete ], [ $function, '28T10', $delete ], [ $disable, '28T05', $enable ])
	{
		my ($revocation, $sqlstate, $undoing) = @$change;
		judged('once more');
		announced($sqlstate, $revocation, $undoing);
	}
	for my $undoing ($delete, 'TRUNCATE token_auth.revocation')
	{
		judged('once more');
		announced('28T10', $insert, 'SELECT');
		is($writer->refusal($undoing), '', "... $undoing");
		is(outcome($reader, $subject), 'alice', '... lets it in again');
	}
}

# --- disabled, as while pg_restore --disable-triggers loads the tables -----------------
administer("ALTER TABLE token_auth.$_ DISABLE TRIGGER ALL") for qw(revocation key);
judged('triggers are disabled');
missed('28T10', $insert, $delete);
judged('a key');
missed('28T05', $disable, $enable);

# --- enabled, as it leaves them: not for replication ------------------------------------
administer("ALTER TABLE token_auth.$_ ENABLE TRIGGER ALL") for qw(revocation key);
judged('triggers are enabled anew');
announced('28T10', $insert, $delete);
judged('a function');
announced('28T10', $function, $delete);
judged('a key');
announced('28T05', $disable, $enable);

$writer->query('SET session_replication_role = replica');
judged('session_replication_role = replica');
missed('28T10', $insert, $delete);
judged('a key');
missed('28T05', $disable, $enable);

$_->quit for $admin, $writer, $reader, $watchful;
stop_servers($node);
done_testing();
