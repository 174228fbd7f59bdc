# Whatever befalls a session or the tables in the middle of something, no token
# is accepted that should not be, no process dies, and the sessions go on.
use strict;
use warnings;
use FindBin;
use lib "$FindBin::Bin/../perl";
use PostgreSQL::Test::Cluster;
use PostgreSQL::Test::Utils;
use Test::More;
use TestServer;
use TokenAuth;

my $node = new_server('faults', 'token_auth.binding = session', 'autovacuum = off', 'restart_after_crash = on');
install($node);
my $key = keypair('RS256');
my $jwks = jwks($key);
$node->safe_psql('postgres', qq{
	CREATE ROLE app LOGIN;
	GRANT EXECUTE ON FUNCTION token_auth.verify(text) TO app;
	SELECT token_auth.import_jwks('idp', '$jwks');
});
my $token = new_token();
my $by_key = mint($key, default_claims(client_id => 'shop', sub => 'bob'));
my $admin = connect_to($node);
my $app = connect_to($node, user => 'app');

# What comes of setting a token: the subject or the SQLSTATE.
sub outcome
{
	my ($session, $token) = @_;
	my $subject = $session->query("SELECT token_auth.set_session_token('$token')");
	my ($sqlstate) = $session->messages =~ /^ERROR:  (\w+)/m;
	return $sqlstate || $subject;
}

sub both { return outcome($app, $token) . ' ' . outcome($app, $by_key) }

is(both(), 'alice bob', 'both tokens are good');

# Damage the configuration, look, and repair it. The trigger that would refuse
# the damage is taken away, as the checks are.
sub damaged
{
	my ($what, $expected, @statements) = @_;
	my ($outcomes, $fresh);

	$admin->query('BEGIN; CREATE TEMP TABLE old_issuer AS TABLE token_auth.issuer; '
		  . 'CREATE TEMP TABLE old_key AS TABLE token_auth.key; CREATE TEMP TABLE old_secret AS TABLE token_auth.secret; COMMIT');
	$admin->query('ALTER TABLE token_auth.issuer DISABLE TRIGGER check_policy');
	for my $statement (@statements)
	{
		is($admin->refusal($statement), '', "damage: $what");
	}
	$outcomes = both();
	like($outcomes, $expected, "... is never taken for good ($outcomes)");
	$fresh = connect_to($node, user => 'app');
	is(outcome($fresh, $token) . ' ' . outcome($fresh, $by_key), $outcomes, '... nor in a new session');
	$fresh->quit;
	$admin->query('BEGIN; TRUNCATE token_auth.issuer, token_auth.key, token_auth.secret; '
		  . 'INSERT INTO token_auth.issuer TABLE old_issuer; INSERT INTO token_auth.key TABLE old_key; '
		  . 'INSERT INTO token_auth.secret TABLE old_secret; DROP TABLE old_issuer, old_key, old_secret; COMMIT');
	$admin->query('ALTER TABLE token_auth.issuer ENABLE TRIGGER check_policy');
	is(both(), 'alice bob', '... and once repaired both tokens are good');
}

# the constraints that stand in the way of damage
my $constraints = $admin->query(q{
	SELECT string_agg(format('ALTER TABLE %s DROP CONSTRAINT %I', conrelid::regclass, conname), '; ')
	FROM pg_constraint WHERE contype = 'c' AND connamespace = 'token_auth'::regnamespace});
is($admin->refusal($constraints), '', 'the checks are gone');

# keys: that of the RS256 token is damaged, the other goes on
my $refused = qr/^alice 28T\d\d$/;
for my $jwk ('{}', '[]', '"text"', 'null', '17', '{"kty": "RSA"}', '{"kty": "RSA", "n": "AQAB", "e": "AQAB"}',
	'{"kty": "RSA", "n": 7, "e": {}}', '{"kty": "oct", "k": "AAAA"}', '{"kty": "EC", "crv": "P-256", "x": "AA", "y": "AA"}',
	'{"kty": ["RSA"]}', '{"kty": "RSA", "n": "' . 'A' x 100_000 . '", "e": "AQAB"}')
{
	damaged('the key is ' . substr($jwk, 0, 40), $refused,
		"UPDATE token_auth.key SET jwk = '$jwk' WHERE origin = 'jwks'");
}
for my $algorithm ('ES256', 'HS256', 'none', '', 'RS256 ', 'rs256', 'RS512')
{
	damaged("the algorithm of the key is '$algorithm'", $refused,
		"UPDATE token_auth.key SET algorithm = '$algorithm' WHERE origin = 'jwks'");
}
damaged('the RSA key is taken for a secret, with a secret to it', $refused,
	q{INSERT INTO token_auth.secret SELECT issuer, thumbprint, convert_to(jwk ->> 'n', 'UTF8') FROM token_auth.key WHERE origin = 'jwks'},
	q{UPDATE token_auth.key SET algorithm = 'HS256' WHERE origin = 'jwks'});
damaged("the key's column key_id names another kid than the key itself", $refused, q{UPDATE token_auth.key SET key_id = 'another' WHERE origin = 'jwks'});
damaged("the key's own kid is another than in its column key_id", $refused,
	q{UPDATE token_auth.key SET jwk = jwk || '{"kid": "another"}' WHERE origin = 'jwks'});
damaged("the key's column key_id is empty, its own kid is not", $refused, q{UPDATE token_auth.key SET key_id = NULL WHERE origin = 'jwks'});
# a token without a kid may mean any key, but not one whose row and whose own kid differ
my $unnamed = mint($key, default_claims(client_id => 'shop', sub => 'bob'), { kid => undef });
is(outcome($app, $unnamed), 'bob', 'a token without a kid is good');
is($admin->refusal(q{UPDATE token_auth.key SET key_id = key_id || ' once' WHERE origin = 'jwks'}), '', '... its key gets another key_id');
is(outcome($app, $unnamed), '28T06', '... and it is refused');
is($admin->refusal(q{UPDATE token_auth.key SET key_id = jwk ->> 'kid' WHERE origin = 'jwks'}), '', '... the row is repaired');
is(outcome($app, $unnamed), 'bob', '... and it is good again');
damaged('the key is of nobody', $refused, q{UPDATE token_auth.key SET issuer = 'nobody' WHERE origin = 'jwks'});
damaged('the key is of an unknown origin and retired', $refused,
	q{UPDATE token_auth.key SET origin = 'somewhere', retired_at = now() WHERE origin = 'jwks'});

# secrets
damaged('the secrets are missing', qr/^28T\d\d bob$/, 'DELETE FROM token_auth.secret');
damaged('the secrets are empty', qr/^28T\d\d bob$/, q{UPDATE token_auth.secret SET secret = ''});
damaged('the secrets are others', qr/^28T03 bob$/, q{UPDATE token_auth.secret SET secret = sha256('x')});
damaged('the secrets are large', qr/^28T\d\d bob$/, q{UPDATE token_auth.secret SET secret = convert_to(repeat('x', 1000000), 'UTF8')});
damaged('the key of a secret is an RSA key', qr/^28T\d\d bob$/,
	q{UPDATE token_auth.key SET algorithm = 'RS256' WHERE origin = 'manual'});

# issuers: nothing at all must pass
my %columns = (
	audiences => ['{}', '{""}', '{NULL}', '{{a},{b}}'],
	audience_claim => [''],
	token_types => ['{}', '{NULL}'],
	required_claims => ['{NULL}', '{""}'],
	claim_constraints => ['[]', 'null', '"text"', '{"aud": {"a": {"b": {}}}}', '{"": 1}'],
	leeway => ['1 year', '-1 second'],
	max_lifetime => ['1 month', '-1 microsecond', '2147483647 days'],
	max_age => ['-1 day', '-2147483648 days'],
	subject_claim => ['{}', '{NULL}', '{""}'],
	client_claim => ['{}'],
	scope_claims => ['{}', '[[]]', '[1]', '[[1]]'],
	role_claims => ['7', '[""]'],
	purposes => ['{}', '{event}', '{NULL}', '{nonsense}'],
);
for my $column (sort keys %columns)
{
	for my $value (@{ $columns{$column} })
	{
		damaged("$column of the issuer is $value", qr/^(?:28T\d\d|22\w{3}) (?:28T\d\d|22\w{3})$/,
			"UPDATE token_auth.issuer SET $column = '$value'");
	}
}
# a key added by hand brings its own algorithm, one of a JWK Set must be allowed
for my $algorithms ('{none}', '{}')
{
	damaged("algorithms of the issuer is $algorithms", qr/^alice 28T06$/,
		"UPDATE token_auth.issuer SET algorithms = '$algorithms'");
}
damaged('the issuer has another name', qr/^28T04 28T04$/, q{UPDATE token_auth.issuer SET issuer = 'x'});
damaged('the issuer is gone', qr/^28T04 28T04$/, 'DELETE FROM token_auth.issuer');
is(both(), 'alice bob', 'all is repaired');

# a column, an index, a table that is not there: an error, and no pass
for my $missing (
	[ 'a column of the key', 'ALTER TABLE token_auth.key RENAME enabled TO off', 'ALTER TABLE token_auth.key RENAME off TO enabled' ],
	(map { [ "the column $_ of the issuer", "ALTER TABLE token_auth.issuer RENAME $_ TO gone", "ALTER TABLE token_auth.issuer RENAME gone TO $_" ] }
		qw(audiences clients claim_constraints token_types required_claims max_age)),
	[ 'the index of revocations', 'ALTER INDEX token_auth.revocation_pkey RENAME TO r', 'ALTER INDEX token_auth.r RENAME TO revocation_pkey' ],
	[ 'the table of revocations', 'ALTER TABLE token_auth.revocation RENAME TO r', 'ALTER TABLE token_auth.r RENAME TO revocation' ],
	[ 'the table of secrets', 'ALTER TABLE token_auth.secret RENAME TO s', 'ALTER TABLE token_auth.s RENAME TO secret' ],
	[ 'a signal table', 'ALTER TABLE token_auth.status RENAME TO s', 'ALTER TABLE token_auth.s RENAME TO status' ],
	[ 'the schema', 'ALTER SCHEMA token_auth RENAME TO t', 'ALTER SCHEMA t RENAME TO token_auth' ])
{
	my ($what, $damage, $repair) = @$missing;
	my $fresh = connect_to($node, user => 'app');

	is(both(), 'alice bob', "before $what is gone");
	is($admin->refusal($damage), '', "... it goes");
	my $outcome = outcome($fresh, $token);
	like($outcome, qr/^(?:42P01|42703|3F000|22023)$/, "without $what no token is accepted ($outcome)");
	# a session that has it open may keep what it knows, but must notice a change
	like(both(), qr/^(?:42P01|42703|3F000|22023|alice) (?:42P01|42703|3F000|22023|bob)$/, '... nor in a session that knew it');
	is($admin->refusal($repair), '', '... it is back');
	is(both() . ' ' . outcome($fresh, $token), 'alice bob alice', '... and all is well');
	$fresh->quit;
}

# locked tables: the reader waits, and lock_timeout is an error
for my $table (qw(issuer key secret revocation))
{
	my $pid = $app->pid;

	$admin->query('UPDATE token_auth.issuer SET enabled = enabled');
	$admin->query("SELECT token_auth.revoke_token_id('idp', 'another token')");
	$admin->query("BEGIN; LOCK TABLE token_auth.$table IN ACCESS EXCLUSIVE MODE");
	$app->query("SET lock_timeout = '50ms'");
	is(outcome($app, new_token()), '55P03', "token_auth.$table is locked: lock_timeout is an error");
	$app->query("SET lock_timeout = 0; SET statement_timeout = '50ms'");
	is(outcome($app, new_token()), '57014', '... and so is statement_timeout');
	$app->query('SET statement_timeout = 0');
	$app->start("SELECT token_auth.verify('$token') ->> 'sub'");
	ok($app->wait_until_blocked($node, $pid), '... without them the reader waits');
	$admin->query('COMMIT');
	is($app->finish, 'alice', '... and goes on when it is free');

	# what is revoked meanwhile counts
	my $doomed = new_token(sub => 'carol');
	$admin->query('UPDATE token_auth.issuer SET enabled = enabled');
	$admin->query("BEGIN; LOCK TABLE token_auth.$table IN ACCESS EXCLUSIVE MODE; SELECT token_auth.revoke_token('$doomed')");
	$app->start("SELECT token_auth.set_session_token('$doomed')");
	ok($app->wait_until_blocked($node, $pid), '... a reader waits');
	$admin->query('COMMIT');
	$app->finish;
	like($app->messages, qr/28T10/, '... and sees what was revoked meanwhile');
}

# a token that the session has judged already: no look into a table is needed until
# there is news or recheck_interval is over, and then it waits as others do
$node->safe_psql('postgres', 'CREATE ROLE watchful LOGIN; ALTER ROLE watchful SET token_auth.recheck_interval = 0');
my $watchful = connect_to($node, user => 'watchful');
for my $session ($app, $watchful)
{
	is(outcome($session, $token), 'alice', 'a token is judged');
	is($session->query('SELECT token_auth.subject()'), 'alice', '... and read');
	$session->query("SET lock_timeout = '50ms'");
}
$admin->query('BEGIN; LOCK TABLE token_auth.revocation IN ACCESS EXCLUSIVE MODE');
is($app->query('SELECT token_auth.subject()'), 'alice', 'while token_auth.revocation is locked: without news it is read on');
like($watchful->refusal('SELECT token_auth.subject()'), qr/55P03/, '... who must look again cannot');
$watchful->query('SET lock_timeout = 0');
my $watchful_pid = $watchful->pid;
$admin->query("SELECT token_auth.revoke_token('$token')");
$watchful->start('SELECT token_auth.subject()');
ok($watchful->wait_until_blocked($node, $watchful_pid), '... but waits');
$admin->query('COMMIT');
$watchful->finish;
like($watchful->messages, qr/28T10/, '... and sees what was revoked meanwhile');
like($app->refusal('SELECT token_auth.subject()'), qr/28T10/, '... as do the others');
$admin->query('DELETE FROM token_auth.revocation');
$app->query('RESET lock_timeout');
$watchful->quit;

# an error between the steps undoes what a transaction did, no more
is($app->query("SELECT token_auth.set_session_token('$token')"), 'alice', 'a session token');
$app->query("BEGIN; SELECT token_auth.set_local_token('$by_key')");
like($app->refusal('SELECT token_auth.subject(), 1 / 0'), qr/22012/, '... an error in a transaction with another');
like($app->refusal('SELECT token_auth.subject()'), qr/25P02/, '... no statement runs in it any more');
$app->query('ROLLBACK');
is($app->query('SELECT token_auth.subject()'), 'alice', '... afterwards the session token counts');
$app->query("BEGIN; SAVEPOINT s; SELECT token_auth.set_local_token('$by_key')");
like($app->refusal("SELECT token_auth.set_local_token('x.y.z')"), qr/28T00/, '... a refused token in a savepoint');
is($app->query('ROLLBACK TO s; SELECT token_auth.subject()'), 'alice', '... and back');
$app->query('COMMIT');
my $doomed = new_token(sub => 'dave');
$admin->query("BEGIN; SELECT token_auth.revoke_token('$doomed'); SELECT 1 / 0");
$admin->query('COMMIT');
is(outcome($app, $doomed), 'dave', 'a revocation that failed is none');

# DROP EXTENSION and ALTER EXTENSION beside a session that holds a token
is(outcome($app, $token), 'alice', 'a session holds a token');
unlike($admin->refusal('ALTER EXTENSION token_auth UPDATE'), qr/ERROR/, '... an update to the same version');
is($app->query('SELECT token_auth.subject()'), 'alice', '... leaves it');
like($admin->refusal('CREATE SCHEMA elsewhere; ALTER EXTENSION token_auth SET SCHEMA elsewhere'), qr/0A000/, '... the extension cannot be moved');
is($app->query('SELECT token_auth.subject()'), 'alice', '... and goes on');
for my $table (qw(issuer key secret revocation configuration status))
{
	my $fresh = connect_to($node, user => 'app');

	is($admin->refusal("ALTER EXTENSION token_auth DROP TABLE token_auth.$table"), '', "... token_auth.$table is taken out of it");
	is(outcome($fresh, $token), '42P01', '... and no longer believed');
	is($admin->refusal("ALTER EXTENSION token_auth ADD TABLE token_auth.$table"), '', '... it is put back');
	is(outcome($fresh, $token) . ' ' . $app->query('SELECT token_auth.subject()'), 'alice alice', '... and all is well');
	$fresh->quit;
}
SKIP:
{
	chomp(my $version = $admin->query(q{SELECT extversion FROM pg_extension WHERE extname = 'token_auth'}));
	my $script = script_of_update($version) or skip 'the extension folder is not ours to write to', 6;
	my $position = log_position($node);

	$app->query('BEGIN ISOLATION LEVEL REPEATABLE READ; SELECT token_auth.subject()');
	is($admin->refusal('ALTER EXTENSION token_auth UPDATE TO \'test\''), '', '... an update that adds columns in all tables, and fills them');
	is($app->query('SELECT token_auth.subject()'), 'alice', '... leaves it, also in an open transaction');
	$app->query('COMMIT');
	is(both(), 'alice bob', '... tokens are verified by what is there now');
	is($admin->query("SELECT token_auth.revoke_token('$by_key')"), 't', '... the functions work');
	is(both(), 'alice 28T10', '... and their effect is seen');
	$admin->query(q{DELETE FROM token_auth.revocation; ALTER EXTENSION token_auth UPDATE TO '} . $version . q{'});
	is(both(), 'alice bob', '... an update that drops a column again');
	unlink script_of_update($version, 1);
}

# Scripts that lead to another version and back; their names, or nothing where
# they cannot be written.
sub script_of_update
{
	my ($version, $only_names) = @_;
	chomp(my $folder = `pg_config --sharedir`);
	my ($there, $back) = ("$folder/extension/token_auth--$version--test.sql", "$folder/extension/token_auth--test--$version.sql");
	my @tables = map { "token_auth.$_" } qw(issuer key secret revocation);

	return ($there, $back) if $only_names;
	return if !-w "$folder/extension";
	append_to_file($there, join '', map { "ALTER TABLE $_ ADD COLUMN note text DEFAULT 'new'; UPDATE $_ SET note = 'filled';\n" } @tables);
	append_to_file($back, join '', map { "ALTER TABLE $_ DROP COLUMN note;\n" } @tables);
	return ($there, $back);
}

is(outcome($app, $token), 'alice', 'the session holds a token');
$app->query('PREPARE reader AS SELECT token_auth.subject()');
$admin->query('BEGIN; DROP EXTENSION token_auth; ROLLBACK');
is($app->query('EXECUTE reader'), 'alice', '... a DROP that was rolled back, too');
$admin->query('DROP EXTENSION token_auth');
like($app->refusal('SELECT token_auth.subject()'), qr/3F000|42883/, '... a DROP ends it');
like($app->refusal('EXECUTE reader'), qr/3F000|42883|0A000|XX000/, '... for a prepared statement, too');
install($node);
is(outcome($app, $token), 'alice', '... created anew it works in the same session');
is($app->query('EXECUTE reader'), 'alice', '... and in the prepared statement');
is(outcome($app, $by_key), '28T05', '... without the keys that it had');

# nothing has died so far
unlike(log_of($node, 0), qr/terminated by signal|TRAP:|PANIC:/, 'no process died');

# a backend is killed right after it committed a revocation
my $pid = $admin->pid;
is(outcome($app, $token), 'alice', 'a token is good');
$admin->query("SELECT token_auth.revoke_token('$token')");
my $position = log_position($node);
is(kill('KILL', $pid), 1, '... the backend that revoked it is killed');
$node->wait_for_log(qr/all server processes terminated; reinitializing/, $position) if $node->can('wait_for_log');
ok($node->poll_query_until('postgres', 'SELECT NOT pg_is_in_recovery()'), '... the server recovers');
eval { $_->quit } for $app, $admin;
$app = connect_to($node, user => 'app');
is(outcome($app, $token), '28T10', '... and the revocation holds');
is(outcome($app, new_token(sub => 'erin')), 'erin', '... another token is good');
my @died = log_of($node, $position) =~ /\(PID (\d+)\) was terminated by signal/g;
is("@died", $pid, '... and nobody else died');

$app->quit;
$node->stop;
done_testing();
