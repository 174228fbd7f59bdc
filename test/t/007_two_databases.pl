# The extension in one database has no part in another; DROP EXTENSION ends
# every token, and a new CREATE EXTENSION begins with none.
use strict;
use warnings;
use FindBin;
use lib "$FindBin::Bin/../perl";
use PostgreSQL::Test::Cluster;
use PostgreSQL::Test::Utils;
use Test::More;
use TestServer qw(:DEFAULT outcome);
use TokenAuth;

my $node = new_server('databases', 'token_auth.binding = session');
install($node);
$node->safe_psql('postgres', "CREATE ROLE app LOGIN; CREATE DATABASE $_") for qw(other);
$node->safe_psql('postgres', 'CREATE DATABASE none TEMPLATE template0');
$node->safe_psql('other', q{
	CREATE EXTENSION token_auth;
	SELECT token_auth.add_issuer('https://idp.example.com', '{orders-api}', name => 'idp');
	SELECT token_auth.add_secret('idp', sha256('yet another secret'), 'HS256', 'first');
});
my $alice = new_token();
my $subject = "SELECT coalesce(token_auth.subject(), 'nobody')";

# --- two databases ---------------------------------------------------------------
my $here = connect_to($node, user => 'app');
my $there = connect_to($node, user => 'app', dbname => 'other');
is(outcome($there, "SELECT token_auth.set_session_token('$alice')"), '28T03', 'another database has its own keys');
is(outcome($here, "SELECT token_auth.set_session_token('$alice')"), 'alice', '... this one verifies');
$node->safe_psql('other', "SELECT token_auth.revoke_subject('idp', 'alice', 'infinity'); SELECT token_auth.disable_key('idp', 'first'); UPDATE token_auth.issuer SET enabled = false");
is(outcome($here, $subject), 'alice', 'what another database revokes or disables does not matter here');
$node->safe_psql('other', "DELETE FROM token_auth.$_") for qw(issuer key secret revocation);
my $secret = unpack 'H*', test_secret();
$node->safe_psql('other', "SELECT token_auth.add_issuer('https://idp.example.com', '{orders-api}', name => 'idp'); SELECT token_auth.add_secret('idp', '\\x$secret', 'HS256', 'first')");
is(outcome($there, "SELECT token_auth.set_session_token('$alice')"), 'alice', 'both verify now');
$node->safe_psql('postgres', "SELECT token_auth.revoke_subject('idp', 'alice', 'infinity')");
is(outcome($there, $subject), 'alice', 'what this one revokes does not matter there');
is(outcome($here, $subject), '28T10', '... but here');
$node->safe_psql('postgres', "SELECT token_auth.reinstate('idp', 'subject', 'alice')");

# --- a database without the extension ----------------------------------------------
my $none = connect_to($node, dbname => 'none', options => "-c token_auth.token=$alice");
is(outcome($none, "LOAD 'token_auth'"), '', 'the library can be loaded where the extension is not');
is(outcome($none, 'SELECT 1'), '1', '... and does nothing');
is(outcome($none, 'CREATE TABLE t AS SELECT 1; BEGIN; DROP TABLE t; ROLLBACK'), '', '... at transaction ends either');
# somebody makes look-alikes: schema, tables, functions of the library
is( outcome($none, q{
		CREATE SCHEMA token_auth;
		CREATE TABLE token_auth.issuer (issuer text PRIMARY KEY);
		CREATE FUNCTION token_auth.subject() RETURNS text LANGUAGE c AS 'token_auth', 'token_auth_subject';
		SELECT token_auth.subject()}),
	'42P01', 'tables that are not the extension\'s are not believed');
$none->quit;

# --- DROP EXTENSION under a session that holds a token --------------------------------
$node->safe_psql('postgres', q{
	CREATE TABLE orders AS SELECT 1 AS id;
	GRANT SELECT ON orders TO app;
	CREATE FUNCTION subject_by_function() RETURNS text LANGUAGE plpgsql AS 'BEGIN RETURN token_auth.subject(); END';
});
$here->quit;
$here = connect_to($node, user => 'app');
is(outcome($here, "SELECT token_auth.set_session_token('$alice')"), 'alice', 'a session holds a token');
outcome($here, 'PREPARE p AS SELECT token_auth.subject()');
is(outcome($here, 'EXECUTE p'), 'alice', '... in a prepared statement');
is(outcome($here, 'SELECT subject_by_function()'), 'alice', '... in a function');
outcome($here, 'BEGIN; DECLARE c CURSOR FOR SELECT id FROM orders');
$node->safe_psql('postgres', 'DROP EXTENSION token_auth');
isnt(outcome($here, 'SAVEPOINT s; EXECUTE p'), 'alice', 'after DROP EXTENSION: the prepared statement fails');
$here->query('ROLLBACK TO s');
isnt(outcome($here, 'SELECT subject_by_function()'), 'alice', '... and the function');
$here->query('ROLLBACK');
is(outcome($here, $subject), '3F000', '... there is no schema');
is(outcome($here, 'SELECT id FROM orders'), '1', '... the session lives');
is(outcome($here, "SET token_auth.token = '$alice'"), '', '... and the setting is only a setting');

$node->safe_psql('postgres', 'CREATE EXTENSION token_auth');
is(outcome($here, $subject), '28T04', 'after a new CREATE EXTENSION its issuer is unknown');
is(outcome($here, 'EXECUTE p'), '28T04', '... in the prepared statement');
is(outcome($here, 'SELECT subject_by_function()'), '28T04', '... and in the function');
$node->safe_psql('postgres', "SELECT token_auth.add_issuer('https://idp.example.com', '{orders-api}', name => 'idp'); SELECT token_auth.add_secret('idp', '\\x$secret', 'HS256', 'first')");
is(outcome($here, 'EXECUTE p'), 'alice', '... and known once it is added again');
$node->safe_psql('postgres', "SELECT token_auth.revoke_subject('idp', 'alice', 'infinity')");
is(outcome($here, 'EXECUTE p'), '28T10', '... revocations reach the session as before');

# --- DROP EXTENSION while an open transaction has read ---------------------------------
$node->safe_psql('postgres', "SELECT token_auth.reinstate('idp', 'subject', 'alice')");
$here->query("BEGIN; SELECT token_auth.subject()");
$node->safe_psql('postgres', "SET lock_timeout = '180s'; DROP EXTENSION token_auth");
like(outcome($here, $subject), qr/^(3F000|42P01)$/, 'a reader keeps no lock that DROP EXTENSION would wait for');
$here->query('ROLLBACK');

# dropped and created in one transaction, rolled back
install($node);
is(outcome($here, "SELECT token_auth.set_session_token('$alice')"), 'alice', 'installed again');
$node->safe_psql('postgres', 'BEGIN; DROP EXTENSION token_auth; CREATE EXTENSION token_auth; ROLLBACK');
is(outcome($here, $subject), 'alice', 'DROP and CREATE that were rolled back change nothing');
$node->safe_psql('postgres', 'BEGIN; DROP EXTENSION token_auth; CREATE EXTENSION token_auth; COMMIT');
is(outcome($here, $subject), '28T04', '... and committed, leave no issuer');

# in the session that holds the token
$node->safe_psql('postgres', 'DROP EXTENSION token_auth');
install($node);
my $own = connect_to($node);
is(outcome($own, "SELECT token_auth.set_session_token('$alice')"), 'alice', 'a session that drops the extension itself');
is(outcome($own, "BEGIN; DROP EXTENSION token_auth; $subject"), '3F000', '... finds no function');
is(outcome($own, "ROLLBACK; $subject"), 'alice', '... and its token after ROLLBACK');
is(outcome($own, "BEGIN; DROP EXTENSION token_auth; CREATE EXTENSION token_auth; $subject"), '28T04', '... no issuer after creating it anew');
is(outcome($own, "ROLLBACK; $subject"), 'alice', '... and its token after ROLLBACK');
is(outcome($own, "BEGIN; SAVEPOINT s; DROP EXTENSION token_auth; CREATE EXTENSION token_auth; ROLLBACK TO s; $subject"), 'alice', '... and after ROLLBACK TO');
is(outcome($own, "COMMIT; $subject"), 'alice', '... and then');

$_->quit for $here, $there, $own;
stop_servers($node);
done_testing();
