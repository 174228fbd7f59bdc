# No token and no secret stands in the server log or in an error that the
# client gets, however the token was handed over; issuer and key of a refused
# token stand in the log alone.
use strict;
use warnings;
use FindBin;
use lib "$FindBin::Bin/../perl";
use PostgreSQL::Test::Cluster;
use PostgreSQL::Test::Utils;
use Test::More;
use TestServer;
use TokenAuth;

my $node = new_server('log', 'token_auth.binding = session', 'log_min_messages = debug1');
install($node);
$node->safe_psql('postgres', q{
	CREATE ROLE app LOGIN;
	GRANT EXECUTE ON FUNCTION token_auth.verify(text), token_auth.inspect(text) TO app;
	GRANT EXECUTE ON FUNCTION token_auth.revoke_token(text, text) TO app;
	CREATE TABLE orders AS SELECT g AS id FROM generate_series(1, 1000) AS g;
	GRANT SELECT ON orders TO app;
	ALTER TABLE orders ENABLE ROW LEVEL SECURITY;
	CREATE POLICY own ON orders USING (token_auth.subject() = 'alice');

	CREATE FUNCTION build_and_run(statement text) RETURNS text LANGUAGE plpgsql
	AS $$ DECLARE result text; BEGIN EXECUTE statement INTO result; RETURN result; END $$;
	CREATE FUNCTION subject_in_worker() RETURNS text LANGUAGE plpgsql STABLE PARALLEL SAFE
	AS $$ BEGIN RETURN token_auth.subject(); END $$;
});

my $force_parallel = $node->pg_version >= 16 ? 'debug_parallel_query' : 'force_parallel_mode';
my %refused = (
	expired => [ '28T01', new_token(kid => 1, exp => time - 3600, iat => time - 7200) ],
	forged => [ '28T03', do { my $token = new_token(); (my $other = new_token(sub => 'mallory')) =~ s/\.[^.]*$//; $other . substr($token, rindex($token, '.')) } ],
	'of an unknown issuer' => [ '28T04', new_token(iss => 'https://elsewhere.example.com') ],
	'of another audience' => [ '28T07', new_token(aud => 'billing-api') ],
	'not a token' => [ '28T00', 'Bearer ' . new_token() ],
	'with a claim that is missing' => [ '28T09', new_token(sub => undef) ],
);

# The ways to hand a token over; %s is the token.
my %ways = (
	'set_local_token' => "SELECT token_auth.set_local_token('%s')",
	'set_session_token' => "SELECT token_auth.set_session_token('%s')",
	'verify' => "SELECT token_auth.verify('%s')",
	'SET' => "SET token_auth.token = '%s'; SELECT token_auth.subject()",
	'SET LOCAL' => "BEGIN; SET LOCAL token_auth.token = '%s'; SELECT * FROM orders; ROLLBACK",
	'set_config' => "SELECT set_config('token_auth.token', '%s', false) = ''; SELECT count(*) FROM orders",
	'a prepared statement' => "PREPARE p AS SELECT token_auth.set_session_token(\$1); EXECUTE p('%s')",
	'EXECUTE in PL/pgSQL' => "SELECT build_and_run('SELECT token_auth.set_local_token(''%s'')')",
	'EXECUTE in EXECUTE' => "SELECT build_and_run('SELECT build_and_run(''SELECT token_auth.verify(''''%s'''')'')')",
	'a DO block' => "DO \$\$ BEGIN PERFORM token_auth.verify('%s'); END \$\$",
	'a DO block with SET' => "DO \$\$ BEGIN SET token_auth.token = '%s'; PERFORM * FROM orders; END \$\$",
	'revoke_token' => "SELECT token_auth.revoke_token('%s')",
	'COPY' => "COPY (SELECT token_auth.set_session_token('%s')) TO STDOUT",
	'EXPLAIN ANALYZE' => "EXPLAIN ANALYZE SELECT token_auth.set_session_token('%s')",
	'a cursor' => "BEGIN; DECLARE c CURSOR FOR SELECT token_auth.verify('%s'); FETCH c; ROLLBACK",
	'a parallel worker' => "SET $force_parallel = on; "
	  . "SET token_auth.token = '%s'; SELECT subject_in_worker() FROM orders LIMIT 1",
);

for my $kind (sort keys %refused)
{
	my ($sqlstate, $token) = @{ $refused{$kind} };

	for my $way (sort keys %ways)
	{
		# what a signature and nothing else is asked of
		next if $way eq 'revoke_token' && $sqlstate !~ /28T0[034]/;
		my $session = connect_to($node, user => 'app');
		my $position = log_position($node);
		my $messages = $session->refusal(sprintf $ways{$way}, $token);
		my $log = log_of($node, $position);

		like($messages, qr/^ERROR:  $sqlstate: token refused: /m, "a token $kind by $way is refused");
		is(leaks($messages, $token), '', "... its error has no token");
		like($log, qr/ERROR:  $sqlstate: token refused: /, '... the log tells of it');
		is(leaks($log, $token), '', '... without the token');
		$session->quit;
	}
}

# --- a connection option, and a role that bypasses row security -------------------------
my $forged = $refused{forged}[1];
my $good = new_token();
my $session = connect_to($node, user => 'app', options => "-c token_auth.token=$forged");
my $position = log_position($node);
like($session->refusal('SELECT * FROM orders'), qr/^ERROR:  28T03: /m, 'a forged token in a connection option is refused');
is(leaks($session->messages . log_of($node, $position), $forged), '', '... and stands nowhere');
$session->quit;

for my $way (grep { !/DO block with SET|parallel/ } sort keys %ways)
{
	$session = connect_to($node);
	$position = log_position($node);
	my $messages = $session->refusal(sprintf $ways{$way}, $good);
	unlike($messages, qr/^ERROR: /m, "a good token by $way is accepted");
	is(leaks($messages, $good), '', '... and stands in no warning');
	is(leaks(log_of($node, $position), $good), '', '... nor in the log');
	$session->quit;
	$node->safe_psql('postgres', 'DELETE FROM token_auth.revocation');
}

# one that only looks at it
$session = connect_to($node, user => 'app');
for my $kind (sort keys %refused)
{
	my ($sqlstate, $token) = @{ $refused{$kind} };
	$position = log_position($node);
	like($session->query("SELECT outcome, detail FROM token_auth.inspect('$token') WHERE outcome = 'fail'"),
		qr/^fail\|$sqlstate /, "inspect of a token $kind");
	is(leaks($session->query("SELECT * FROM token_auth.inspect('$token')"), $token), '', '... does not show it');
	is(leaks($session->messages . log_of($node, $position), $token), '', '... anywhere');
}
$session->quit;

# --- secrets and keys -----------------------------------------------------------------------
my $secret = 'a secret of fourty characters, and no less';
my $hex = unpack 'H*', $secret;
my $key = keypair('ES256');
chomp(my $pem = slurp_file($key->{pem}));
my %admin = (
	'of an unknown issuer' => [ '42704', "SELECT token_auth.add_secret('nobody', '\\x$hex', 'HS256')", $hex ],
	'for an unknown algorithm' => [ '22023', "SELECT token_auth.add_secret('idp', '\\x$hex', 'XS256')", $hex ],
	'for a public key algorithm' => [ '22023', "SELECT token_auth.add_secret('idp', '$secret', 'ES256')", $secret ],
	'that is too short' => [ '22023', "SELECT token_auth.add_secret('idp', '" . substr($secret, 0, 20) . "', 'HS256')", substr($secret, 0, 20) ],
	'that is too long' => [ '22023', "SELECT token_auth.add_secret('idp', '" . $secret x 30 . "', 'HS256')", $secret ],
	'with a bad key_id' => [ '22023', "SELECT token_auth.add_secret('idp', '$secret', 'HS256', '')", $secret ],
	'with a key_id that exists' => [ '42710', "SELECT token_auth.add_secret('idp', '$secret', 'HS256', 'first')", $secret ],
	'that exists' => [ '42710', "SELECT token_auth.add_secret('idp', '" . test_secret() . "', 'HS256', 'other')", test_secret() ],
	'of no algorithm' => [ '22004', "SELECT token_auth.add_secret('idp', '$secret', NULL)", $secret ],
	'of no issuer' => [ '22004', "SELECT token_auth.add_secret(NULL, '$secret', 'HS256')", $secret ],
	'as a JWK' => [ '22023', "SELECT token_auth.add_key('idp', '{\"kty\":\"oct\",\"k\":\"" . base64url($secret) . "\"}')", base64url($secret) ],
	'in a JWK Set' => [ '22023', "SELECT * FROM token_auth.import_jwks('idp', '{\"keys\":[{\"kty\":\"oct\",\"k\":\"" . base64url($secret) . "\"}]}')", base64url($secret) ],
	'as a private JWK' => [ '22023', "SELECT token_auth.add_key('idp', '" . encode_jwk(%{ $key->{jwk} }, d => base64url($secret)) . "')", base64url($secret) ],
	'as a private key in PEM' => [ '22023', "SELECT token_auth.jwk_from_pem('$pem', 'ES256')", (split /\n/, $pem)[1] ],
);

sub encode_jwk
{
	my (%members) = @_;
	return '{' . join(',', map { "\"$_\":\"$members{$_}\"" } sort keys %members) . '}';
}

$session = connect_to($node);
for my $name (sort keys %admin)
{
	my ($sqlstate, $sql, $hidden) = @{ $admin{$name} };
	(my $quoted = $sql) =~ s/'/''/g;
	for my $way ($sql, "SELECT build_and_run('$quoted')")
	{
		$position = log_position($node);
		like($session->refusal($way), qr/^ERROR:  $sqlstate: /m, "a secret $name is refused");
		is(leaks($session->messages, $hidden), '', '... and does not stand in the error');
		like(log_of($node, $position), qr/ERROR:  $sqlstate: /, '... which is logged');
		is(leaks(log_of($node, $position), $hidden), '', '... without it');
	}
}

# --- what the log says, and the client is not told --------------------------------------------
$session->quit;
$session = connect_to($node, user => 'app');
sub refusal_and_log
{
	my ($sql) = @_;
	$position = log_position($node);
	return ($session->refusal($sql), log_of($node, $position));
}

my $named = mint_hs256({ kid => 'first' }, default_claims(client_id => 'shop', aud => 'billing'), test_secret());
my ($messages, $log) = refusal_and_log("SELECT token_auth.verify('$named')");
like($log, qr/DETAIL:  .*Issuer "idp", key "first"\./, 'the log names issuer and key of a refused token');
unlike($messages, qr/"idp"|first/, '... the client is not told');
like($messages, qr/^DETAIL: .*\n?^HINT: /m, '... but why, and what to do');
unlike($messages, qr/orders-api/, '... without a configured value');
unlike($messages . $log, qr/^CONTEXT:|^STATEMENT:|\tSTATEMENT:/m, '... neither gets a context or a statement');
($messages, $log) = refusal_and_log("SELECT token_auth.verify('" . new_token(exp => time - 999, iat => time - 1999) . "')");
like($log, qr/Issuer "idp"/, 'the log names the issuer of an expired one');
$node->safe_psql('postgres', "SELECT token_auth.revoke_subject('idp', 'bob', 'infinity')");
($messages, $log) = refusal_and_log("SELECT token_auth.verify('" . new_token(sub => 'bob') . "')");
like($log, qr/Issuer "idp"/, '... and of a revoked one');
unlike($messages, qr/"idp"/, '... which the client is not told');
my $odd = mint_hs256({ kid => "odd\nLOG:  00000: forged line" }, default_claims(client_id => 'shop'), test_secret());
($messages, $log) = refusal_and_log("SELECT token_auth.verify('$odd')");
like($messages, qr/^ERROR:  28T00: /m, 'a kid with a line break is refused');
unlike($messages . $log, qr/^LOG:  00000: forged line/m, '... and makes no line of its own');
my $odd_issuer = mint_hs256({}, default_claims(iss => "https://x\nLOG:  00000: forged line" . 'x' x 1000), test_secret());
($messages, $log) = refusal_and_log("SELECT token_auth.verify('$odd_issuer')");
like($messages, qr/^ERROR:  28T04: /m, 'an issuer with a line break is refused');
unlike($messages . $log, qr/^LOG:  00000: forged line/m, '... and makes no line of its own');
unlike($messages . $log, qr/x{100}/, '... and is cut');
$session->quit;

# --- what the server itself says about a statement with a token, once the library is loaded ------
$node->safe_psql('postgres', q{
	CREATE ROLE logged LOGIN;
	ALTER ROLE logged SET log_statement = 'all';
	ALTER ROLE logged SET log_min_duration_statement = 0;
	CREATE TABLE note (n int, t text);
	GRANT ALL ON note TO logged;
});
$session = connect_to($node, user => 'logged');
$session->query('SELECT token_auth.subject()');
my %by_server = (
	'division by zero' => [ '22012', "SELECT token_auth.set_local_token('%s'), 1 / (SELECT count(*) FROM note)" ],
	'a syntax error' => [ '42601', "SELECT token_auth.set_local_token('%s') FRO note" ],
	'a missing privilege' => [ '42501', "SELECT token_auth.verify('%s')" ],
	'a missing function' => [ '42883', "SELECT token_auth.set_locale_token('%s')" ],
	'a cast' => [ '22P02', "SELECT '%s'::int" ],
	'a cast to jsonb' => [ '22P02', "SELECT '%s'::jsonb" ],
	'a stored setting' => [ '22023', "ALTER ROLE logged SET token_auth.token = '%s'" ],
	'a prepared statement' => [ '22012', "PREPARE p AS SELECT token_auth.set_local_token(\$1), 1 / (SELECT count(*) FROM note); EXECUTE p('%s')" ],
	'a DO block' => [ '22012', "DO \$\$ BEGIN EXECUTE 'SELECT 1 / (SELECT count(*) FROM note), token_auth.set_local_token(''%s'')'; END \$\$" ],
	'a timeout' => [ '57014', "SET statement_timeout = '1ms'; SELECT token_auth.set_local_token('%s'), count(*) FROM generate_series(1, 10000000)" ],
	'COPY' => [ '22P02', "COPY note FROM stdin;\n%s\tx\n\\." ],
	'no error' => [ undef, "SELECT token_auth.set_local_token('%s')" ],
	'no error, in an expression' => [ undef, "SELECT length('Bearer %s')" ],
);
for my $name (sort keys %by_server)
{
	my ($sqlstate, $sql) = @{ $by_server{$name} };
	my $token = new_token();
	$position = log_position($node);
	my $messages = $session->refusal(sprintf $sql, $token);
	$session->query('RESET statement_timeout; DEALLOCATE ALL');
	like($messages, qr/^ERROR:  $sqlstate: /m, "the server's error: $name") if $sqlstate;
	# the JSON parser shows the header, which is no secret
	$token =~ s/^[^.]*\.//;
	is(leaks(log_of($node, $position), $token), '', "$name: the log has no token");
}
# what goes out of a message, and what stays in it
$node->safe_psql('postgres', q{
	CREATE TABLE message (n int, t text);
	GRANT SELECT ON message TO logged;
	CREATE FUNCTION log_message(number int) RETURNS void LANGUAGE plpgsql
	AS $$ BEGIN RAISE LOG 'message: %|', (SELECT t FROM message WHERE n = number); END $$;
});
my $shown = new_token();
my @messages = (
	[ $shown, '***' ],
	[ "a $shown", 'a ***' ],
	[ "$shown b", '*** b' ],
	[ "a $shown b $shown c", 'a *** b *** c' ],
	[ "$shown $shown,$shown", '*** ***,***' ],
	[ "$shown=$shown/$shown+$shown", '***=***/***+***' ],
	[ "token=$shown; id_$shown, id.$shown", 'token=***; id_***, id.***' ],
	[ "\x{e9}$shown\x{e9}", "\x{e9}***\x{e9}" ],
	[ "ey $shown eyJ", 'ey *** eyJ' ],
	[ substr($shown, 0, index($shown, '.') + 1), '***' ],
	[ "$shown " x 10_000, '*** ' x 10_000 ],
	# nothing of this is a token, which must not take long to say
	[ 'eyJ' x 1_000_000, 'eyJ' x 1_000_000 ],
	[ 'eyJhbGci.x ' x 200_000, 'eyJhbGci.x ' x 200_000 ],
	[ '.' x 1_000_000, '.' x 1_000_000 ],
);
for my $n (0 .. $#messages)
{
	my ($message, $expected) = @{ $messages[$n] };
	my $name = length $expected < 60 ? $expected : substr($expected, 0, 20) . ' ...';
	utf8::encode($_) for $message, $expected, $name;
	my $file = "$PostgreSQL::Test::Utils::tmp_check/message";
	append_to_file($file, $message);
	$node->safe_psql('postgres', "INSERT INTO message VALUES ($n, convert_from(pg_read_binary_file('$file'), 'UTF8'))");
	unlink $file;
	$position = log_position($node);
	is($session->refusal("SELECT log_message($n)"), '', "a message is logged: $name");
	my ($logged) = log_of($node, $position) =~ /message: (.*)\|$/m;
	ok(defined $logged && $logged eq $expected, '... with stars for its tokens, and nothing else changed')
	  or diag(substr($logged // 'not logged', 0, 200));
}
# neighbours
$position = log_position($node);
$session->query('SELECT 1 / (SELECT count(*) FROM note) AS no_token_here');
like(log_of($node, $position), qr/STATEMENT:  SELECT 1 \/ \(SELECT count\(\*\) FROM note\) AS no_token_here/, 'a statement without a token is logged');
$position = log_position($node);
like($session->refusal('SELECT * FROM evaluation_of_all_the_regions.monthly_totals_by_region'),
	qr/ERROR:  42P01: relation "evaluation_of_all_the_regions\.monthly_totals_by_region" does not exist/, 'a long name is no token');
like(log_of($node, $position), qr/STATEMENT:  SELECT \* FROM evaluation_of_all_the_regions\.monthly_totals_by_region/, '... in the log neither');
$session->quit;

# --- changes leave a line each ------------------------------------------------------------------
my $jwks = jwks($key);
$session = connect_to($node);
my $one = new_token(sub => 'carol', jti => 'one');
my @changes = (
	[ "SELECT token_auth.add_issuer('https://new.example.com', '{orders-api}', name => 'new')", qr/added issuer "https:\/\/new\.example\.com" by "\w+"/ ],
	[ "SELECT token_auth.add_secret('new', '$secret', 'HS256', 'hand')", qr/added secret "hand" of issuer "https:\/\/new\.example\.com"/ ],
	[ "SELECT token_auth.import_jwks('new', '$jwks')", qr/added key "$key->{kid}" of issuer "https:\/\/new\.example\.com"/ ],
	[ "SELECT token_auth.disable_key('new', 'hand')", qr/disabled key "hand" of issuer "https:\/\/new\.example\.com"/ ],
	[ "SELECT token_auth.enable_key('new', 'hand')", qr/enabled key "hand" of issuer "https:\/\/new\.example\.com"/ ],
	[ "SELECT token_auth.revoke_token_id('new', 'some id')", qr/revoked token "some id" of issuer "https:\/\/new\.example\.com"/ ],
	[ "SELECT token_auth.revoke_subject('new', 'mallory')", qr/revoked subject "mallory" of issuer "https:\/\/new\.example\.com"/ ],
	[ "SELECT token_auth.revoke_session('new', 'a session')", qr/revoked session "a session" of issuer "https:\/\/new\.example\.com"/ ],
	[ "SELECT token_auth.revoke_client('new', 'kiosk', 'infinity')", qr/banned client "kiosk" of issuer "https:\/\/new\.example\.com"/ ],
	[ "SELECT token_auth.revoke_device('new', 'laptop', 'infinity')", qr/banned device "laptop" of issuer "https:\/\/new\.example\.com"/ ],
	[ "SELECT token_auth.revoke_issuer('new', 'infinity')", qr/banned issuer "https:\/\/new\.example\.com" by "\w+"/ ],
	[ "SELECT token_auth.reinstate('new', 'session_id', 'a session')", qr/reinstated session "a session" of issuer "https:\/\/new\.example\.com"/ ],
	[ "SELECT token_auth.reinstate('new', 'issuer', '')", qr/reinstated issuer "https:\/\/new\.example\.com" by "\w+"/ ],
	[ "SELECT token_auth.revoke_session('new', repeat('é', 200) || ' and then?')", qr/revoked session "(?:é|\\xc3\\xa9){200} and then\?" of issuer/ ],
	[ "INSERT INTO token_auth.revocation (issuer, kind, value, expires_at) VALUES ('x', 'token_id', 'spent', '2020-01-01'); SELECT token_auth.prune_revocations()", qr/pruned 1 revocations by "\w+"/ ],
	[ "SELECT token_auth.revoke_token('$one')", qr/revoked token "one" of issuer "https:\/\/idp\.example\.com"/ ],
	[ "SELECT token_auth.reinstate('new', 'subject', 'mallory')", qr/reinstated subject "mallory" of issuer "https:\/\/new\.example\.com"/ ],
	[ "SELECT token_auth.drop_issuer('new')", qr/dropped issuer "https:\/\/new\.example\.com"/ ],
);
for my $change (@changes)
{
	my ($sql, $expected) = @$change;
	$position = log_position($node);
	$session->query($sql);
	my $log = log_of($node, $position);
	like($log, qr/LOG:  \w+: token_auth: $expected/, "a line in the log: $sql");
	is(scalar(() = $log =~ /LOG:  \w+: token_auth: /g), 1, '... one');
	is(leaks($log, $_), '', '... without token or secret') for $one, $secret;
}
# what changes nothing says nothing
for my $sql ("SELECT token_auth.revoke_token('$one')", "SELECT token_auth.reinstate('idp', 'subject', 'nobody')",
	"SELECT token_auth.enable_key('idp', 'first')")
{
	$position = log_position($node);
	is($session->query($sql), 'f', "$sql changes nothing");
	unlike(log_of($node, $position), qr/LOG:  \w+: token_auth: /, '... and leaves no line');
}
$session->quit;

# --- log_accepted -----------------------------------------------------------------------------
$session = connect_to($node, user => 'app');
$position = log_position($node);
like($session->refusal("LOAD 'token_auth'; SET token_auth.log_accepted = on"), qr/42501/, 'an ordinary role cannot set log_accepted');
$session->query("SELECT token_auth.set_session_token('$good'); SELECT token_auth.subject()");
unlike(log_of($node, $position), qr/token accepted/, '... and nothing is logged without it');
$session->quit;
$node->safe_psql('postgres', 'ALTER ROLE app SET token_auth.log_accepted = on');
my $id = payload($good)->{jti};
for my $way (grep { /set_|SET|config|EXECUTE in PL/ && !/DO block/ } sort keys %ways)
{
	$session = connect_to($node, user => 'app');
	$position = log_position($node);
	$session->query('SET client_min_messages = log');
	my $messages = $session->refusal(sprintf $ways{$way}, $good);
	$session->query('SELECT token_auth.subject(); SELECT count(*) FROM orders') if $way !~ /local|LOCAL|EXECUTE/;
	my $log = log_of($node, $position);
	like($log, qr/LOG:  \w+: token_auth: token accepted: issuer "https:\/\/idp\.example\.com", subject "alice", token id "\Q$id\E", client "shop", session user "app"/,
		"log_accepted: $way leaves a line");
	is(scalar(() = $log =~ /token accepted/g), 1, '... one');
	is(leaks($log, $good), '', '... without the token');
	is(leaks($messages, $good), '', '... which the client does not get either');
	$session->quit;
}
my $odd_subject = new_token(sub => "alice\n2026 LOG:  00000: forged\x1b[2J" . 'x' x 200, client_id => 'caf' . chr(0xe9));
$session = connect_to($node, user => 'app');
$position = log_position($node);
$session->query("SELECT token_auth.set_session_token('$odd_subject')");
$log = log_of($node, $position);
like($log, qr/subject "alice\\x0a2026 LOG:  00000: forged\\x1b\[2J[^\n]*\.\.\."/, 'odd text is escaped and cut');
unlike($log, qr/x{70}|\x1b/, '... all of it');
$session->quit;

stop_servers($node);
done_testing();
