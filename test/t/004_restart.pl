# Configuration and revocations survive restarts, a revocation also a crash
# right after its commit; preloading the library changes nothing.
use strict;
use warnings;
use FindBin;
use lib "$FindBin::Bin/../perl";
use PostgreSQL::Test::Cluster;
use PostgreSQL::Test::Utils;
use Test::More;
use TestServer;
use TokenAuth;

# the WAL writer sleeps, so nothing but a commit flushes
my $node = new_server('restart', 'token_auth.binding = session', 'synchronous_commit = off', 'wal_writer_delay = 10s',
	'checkpoint_timeout = 1h', 'autovacuum = off');
install($node);
$node->safe_psql('postgres', 'CREATE ROLE app LOGIN; CHECKPOINT');
my $token = new_token();
my $other = new_token(sub => 'bob');

sub outcome
{
	my ($token) = @_;
	my $session = connect_to($node, user => 'app');
	my $rows = $session->query("SELECT token_auth.set_session_token('$token')");
	my ($sqlstate) = $session->messages =~ /^ERROR:  (\w+)/m;
	$session->quit;
	return $sqlstate || $rows;
}

is(outcome($token), 'alice', 'the token is good');

# a crash right after each kind of revocation
my %revocations = (
	revoke_token => sub { "SELECT token_auth.revoke_token('$_[0]')" },
	revoke_token_id => sub { "SELECT token_auth.revoke_token_id('idp', '" . payload($_[0])->{jti} . "')" },
	revoke_subject => sub { "SELECT token_auth.revoke_subject('idp', '" . payload($_[0])->{sub} . "')" },
	revoke_current_token => sub { "SELECT token_auth.set_session_token('$_[0]'); SELECT token_auth.revoke_current_token()" },
	'UPDATE' => sub { "UPDATE token_auth.revocation SET kind = 'subject', value = '" . payload($_[0])->{sub}
		  . "', issued_until = 'infinity' WHERE value = 'nobody'" },
	'COPY' => sub { "COPY token_auth.revocation (issuer, kind, value) FROM stdin;\nhttps://idp.example.com\ttoken_id\t"
		  . payload($_[0])->{jti} . "\n\\." },
	'INSERT' => sub { "INSERT INTO token_auth.revocation (issuer, kind, value) VALUES ('https://idp.example.com', 'token_id', '"
		  . payload($_[0])->{jti} . "')" },
);
$node->safe_psql('postgres', "SELECT token_auth.revoke_subject('idp', 'nobody', 'infinity'); CREATE TABLE plain (n int)");
for my $way (sort keys %revocations)
{
	my $revoked = new_token(sub => "subject of $way");
	my $session = connect_to($node);

	$session->query('CHECKPOINT');
	$session->query('INSERT INTO plain VALUES (1)');
	is($session->query('SELECT pg_current_wal_flush_lsn() < pg_current_wal_insert_lsn()'), 't',
		'a plain commit is not flushed');
	$session->query($revocations{$way}->($revoked));
	is($session->messages =~ /ERROR/ ? $session->messages : '', '', "revoked by $way");
	$node->stop('immediate');
	$node->start;
	is(outcome($revoked), '28T10', "$way: still revoked after a crash");
	is(outcome($other), 'bob', '... another token is not');
}

# a clean restart, with the library preloaded
$node->safe_psql('postgres', "SELECT token_auth.revoke_token('$token')");
for my $preload ('shared_preload_libraries', 'session_preload_libraries')
{
	$node->append_conf('postgresql.conf', "$preload = 'token_auth'\n");
	$node->restart;
	is(outcome($token), '28T10', "$preload: what was revoked still is");
	is(outcome($other), 'bob', '... another token is good');
	is(outcome(new_token(iss => 'https://elsewhere.example.com')), '28T04', '... another issuer is unknown');

	my $session = connect_to($node, user => 'app', options => "-c token_auth.token=$other");
	is($session->query('SELECT token_auth.subject()'), 'bob', '... a connection option counts');
	$session->query('SET token_auth.binding = \'transaction\'');
	like($session->messages, qr/42501/, '... an ordinary role changes no other setting');
	$session->quit;
	like($node->safe_psql('template1', 'SHOW token_auth.token'), qr/^$/, '... a database without the extension works');
	$node->append_conf('postgresql.conf', "$preload = ''\n");
}

# issuers and keys
$node->safe_psql('postgres', "SELECT token_auth.disable_key('idp', 'first')");
$node->restart;
is(outcome($other), '28T05', 'a disabled key stays disabled');
$node->safe_psql('postgres', "SELECT token_auth.enable_key('idp', 'first')");
$node->restart;
is(outcome($other), 'bob', 'an enabled one stays enabled');
$node->safe_psql('postgres', "SELECT token_auth.drop_issuer('idp')");
$node->restart;
is(outcome($other), '28T04', 'a dropped issuer stays dropped');

stop_servers($node);
done_testing();
