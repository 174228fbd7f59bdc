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

my $node = new_server('log', 'log_min_messages = debug1');
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
	'COPY' => "COPY (SELECT token_auth.set_session_token('%s')) TO STDOUT",
	'EXPLAIN ANALYZE' => "EXPLAIN ANALYZE SELECT token_auth.set_session_token('%s')",
	'a cursor' => "BEGIN; DECLARE c CURSOR FOR SELECT token_auth.verify('%s'); FETCH c; ROLLBACK",
	'a parallel worker' => "SET debug_parallel_query = on; SET force_parallel_mode = on; "
	  . "SET token_auth.token = '%s'; SELECT subject_in_worker() FROM orders LIMIT 1",
);

for my $kind (sort keys %refused)
{
	my ($sqlstate, $token) = @{ $refused{$kind} };

	for my $way (sort keys %ways)
	{
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

done_testing();
