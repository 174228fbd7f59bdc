# Cancelling statements and terminating backends in the midst of verification
# hurts nobody: no crash, and the next statement is judged as ever.
use strict;
use warnings;
use FindBin;
use lib "$FindBin::Bin/../perl";
use PostgreSQL::Test::Cluster;
use PostgreSQL::Test::Utils;
use Test::More;
use TestServer;
use TokenAuth;

my $node = new_server('termination', 'token_auth.binding = session');
install($node);
my $key = keypair('RS256');
my $jwks = jwks($key);
$node->safe_psql('postgres', qq{
	CREATE ROLE app LOGIN;
	GRANT EXECUTE ON ALL FUNCTIONS IN SCHEMA token_auth TO app;
	SELECT token_auth.import_jwks('idp', '$jwks');
});
my $by_key = mint($key, default_claims(client_id => 'shop'));
my $by_secret = new_token();
my $forged = $by_key;
$forged =~ s/\.([^.]*)\.\w/.$1.A/;
my $keys = $jwks;

# Statements that verify for ever.
my %loops = (
	'set_local_token' => "DO \$\$ BEGIN LOOP PERFORM token_auth.set_local_token('$by_key'); PERFORM token_auth.clear_token(); END LOOP; END \$\$",
	'verify without memory' => "SET token_auth.cache_size = 0; DO \$\$ BEGIN LOOP PERFORM token_auth.verify('$by_key'); END LOOP; END \$\$",
	'verify under changes' => "DO \$\$ BEGIN LOOP PERFORM token_auth.verify('$by_key'); PERFORM token_auth.disable_key('idp', 'first'); PERFORM token_auth.enable_key('idp', 'first'); END LOOP; END \$\$",
	'verify of forged tokens' => "DO \$\$ BEGIN LOOP BEGIN PERFORM token_auth.verify('$forged'); EXCEPTION WHEN invalid_authorization_specification THEN NULL; END; END LOOP; END \$\$",
	'inspect' => "DO \$\$ BEGIN LOOP PERFORM * FROM token_auth.inspect('$by_key'); END LOOP; END \$\$",
	'verify_jws' => "DO \$\$ BEGIN LOOP PERFORM token_auth.verify_jws('$by_key', '$keys', '{RS256}'); END LOOP; END \$\$",
	'import_jwks' => "DO \$\$ BEGIN LOOP PERFORM token_auth.import_jwks('idp', '$keys'); END LOOP; END \$\$",
	'revoke_token' => "DO \$\$ BEGIN LOOP PERFORM token_auth.revoke_token('$by_secret'); PERFORM token_auth.reinstate('idp', 'token_id', '"
	  . payload($by_secret)->{jti} . "'); END LOOP; END \$\$",
	'readers' => "SELECT token_auth.set_session_token('$by_secret'); SELECT count(token_auth.subject()), count(token_auth.claims()), count(token_auth.claim_array('scope')) "
	  . 'FROM generate_series(1, 1000000000)',
	'cursors and exceptions' => "SELECT token_auth.set_session_token('$by_secret'); DO \$\$ DECLARE r record; BEGIN LOOP BEGIN FOR r IN SELECT token_auth.subject() FROM generate_series(1, 20) LOOP PERFORM token_auth.claims(); END LOOP; "
	  . "RAISE EXCEPTION 'x'; EXCEPTION WHEN raise_exception THEN NULL; END; END LOOP; END \$\$",
);

for my $name (sort keys %loops)
{
	my $session = connect_to($node);
	my $pid = $session->pid;

	# cancel, several times: each hits it somewhere else
	for my $round (1 .. 5)
	{
		$session->start($loops{$name});
		wait_until_running($pid);
		$node->safe_psql('postgres', "SELECT pg_cancel_backend($pid)");
		$session->finish;
		like($session->messages, qr/57014/, "$name: cancelled, for the $round. time");
	}
	is($session->query("SELECT token_auth.verify('$by_key') ->> 'sub'"), 'alice', '... and the session verifies on');
	like($session->refusal("SELECT token_auth.verify('$forged')"), qr/28T03/, '... and refuses on');

	# a timeout
	$session->query("SET statement_timeout = '50ms'");
	$session->query($loops{$name});
	like($session->messages, qr/57014/, '... a timeout ends it');
	$session->query('RESET statement_timeout');
	is($session->query("SELECT token_auth.verify('$by_key') ->> 'sub'"), 'alice', '... and the session verifies on');

	# the end of the backend
	$session->start($loops{$name});
	wait_until_running($pid);
	is($node->safe_psql('postgres', "SELECT pg_terminate_backend($pid)"), 't', '... terminated');
	ok($node->poll_query_until('postgres', "SELECT count(*) = 0 FROM pg_stat_activity WHERE pid = $pid"), '... is gone');
	eval { $session->finish; $session->quit };
}

sub wait_until_running
{
	my ($pid) = @_;
	return $node->poll_query_until('postgres',
		"SELECT state = 'active' AND (query LIKE '%LOOP%' OR query LIKE '%generate_series%') FROM pg_stat_activity WHERE pid = $pid");
}

# one call that has much to do: a list as long as the caller likes, none of it in
# the token, whose own list is as long as it may be
$node->safe_psql('postgres', q{ALTER ROLE app SET token_auth.max_token_size = '64kB'});
my $many = new_token(scope => [ map { "s$_" } 1 .. 4000 ]);
my $asking = connect_to($node, user => 'app');
$asking->query("SELECT token_auth.set_session_token('$many')");
my $asking_pid = $asking->pid;
$asking->start(q{SELECT token_auth.has_any_scope(VARIADIC array_fill('zzzz'::text, ARRAY[20000000 + 0 * g])) FROM generate_series(1, 1000) AS g});
wait_until_running($asking_pid);
is($node->safe_psql('postgres', "SELECT pg_terminate_backend($asking_pid)"), 't', 'has_any_scope of a long list: terminated');
ok($node->poll_query_until('postgres', "SELECT count(*) = 0 FROM pg_stat_activity WHERE pid = $asking_pid"), '... is gone');
eval { $asking->finish; $asking->quit };

# the server itself stops and starts in between
my $session = connect_to($node);
my $pid = $session->pid;
$session->start($loops{readers});
wait_until_running($pid);
$node->stop('fast');
eval { $session->finish };
$node->start;
$session = connect_to($node);
is($session->query("SELECT token_auth.verify('$by_secret') ->> 'sub'"), 'alice', 'a fast shutdown in between');
$session->quit;

stop_servers($node);
done_testing();
