# One session that is handed tokens without end, good and bad ones of every
# kind, judges each rightly, and its memory does not grow.
#
# SOAK_COUNT says how many: "make soak" runs a million.
use strict;
use warnings;
use FindBin;
use lib "$FindBin::Bin/../perl";
use PostgreSQL::Test::Cluster;
use PostgreSQL::Test::Utils;
use Test::More;
use TestServer;
use TokenAuth;

plan skip_all => 'reads /proc' if !-r '/proc/self/status';

my $count = $ENV{SOAK_COUNT} || 30_000;
my $warm_up = 10_000;
my $step = 1_000;
my $allowed = 1024 * 1024;
my $day = 86_400;

my $node = new_server('soak', 'token_auth.binding = session', 'autovacuum = off');
install($node);
my @keys = map { keypair($_) } qw(RS256 ES256 EdDSA);
my $jwks = jwks(@keys);
$node->safe_psql('postgres', qq{
	CREATE ROLE app LOGIN IN ROLE pg_read_all_stats;
	CREATE TABLE token (n integer PRIMARY KEY, token text NOT NULL, outcome text NOT NULL);
	GRANT SELECT ON token TO app;
	UPDATE token_auth.issuer SET max_lifetime = '3 days', algorithms = '{RS256,ES256,EdDSA}';
	SELECT token_auth.import_jwks('idp', '$jwks');
	ALTER ROLE app SET token_auth.cache_size = '256kB';	-- less than the good ones need

	-- The tokens of these numbers, each twice: once anew, once remembered.
	-- Returns how many were judged wrongly.
	CREATE FUNCTION soak(first integer, last integer) RETURNS integer LANGUAGE plpgsql AS \$\$
	DECLARE
		n_tokens integer := (SELECT count(*) FROM public.token);
		wrong integer := 0;
		t record;
		outcome text;
	BEGIN
		FOR i IN first .. last LOOP
			SELECT * INTO STRICT t FROM public.token WHERE n = i / 2 % n_tokens;
			BEGIN
				IF i % 3 = 0 THEN
					PERFORM token_auth.set_local_token(t.token);
				ELSE
					PERFORM token_auth.set_session_token(t.token);
				END IF;
				outcome := token_auth.subject();
			EXCEPTION WHEN OTHERS THEN
				outcome := SQLSTATE;
			END;
			wrong := wrong + (outcome IS DISTINCT FROM t.outcome)::integer;
		END LOOP;
		RETURN wrong;
	END \$\$;
});

# Good ones, and of each what is wrong with it.
my @tokens;
for my $i (1 .. 30)
{
	for my $make (\&new_long_token, map { my $key = $_; sub { mint($key, default_claims(client_id => 'shop', exp => time + $day, @_)) } } @keys)
	{
		my $good = $make->(sub => "subject-$i", roles => [ map { "role-$_" } 1 .. $i ]);
		(my $forged = $good) =~ s{\.(.)([^.]*)$}{'.' . ($1 eq 'A' ? 'B' : 'A') . $2}e;

		push @tokens, [ $good, "subject-$i" ], [ $forged, '28T03' ];
		next if $i % 5;
		push @tokens, [ $make->(aud => 'someone-else'), '28T07' ],
		  [ $make->(iat => time - 3000, exp => time - 1000), '28T01' ],
		  [ $make->(sub => 17), '28T09' ],
		  [ $make->(iss => "https://$i.example.com"), '28T04' ],
		  [ substr($good, 0, 100 + $i), '28T00' ],
		  [ 'x' x 20_000, '28T14' ];
	}
}

sub new_long_token { return new_token(exp => time + $day, @_) }

my $number = 0;
$node->safe_psql('postgres', "COPY token FROM stdin;\n"
	  . join('', map { join("\t", $number++, @$_) . "\n" } @tokens) . "\\.\n");

my $session = connect_to($node, user => 'app');
my $admin = connect_to($node);
my $pid = $session->pid;

# Bytes that the session holds: all of it, and the library's memory contexts.
sub memory
{
	my $status = slurp_file("/proc/$pid/status");
	my ($resident) = $status =~ /^VmRSS:\s+(\d+) kB/m;
	my $contexts = $session->query(
		"SELECT sum(total_bytes) FROM pg_backend_memory_contexts WHERE name LIKE 'token_auth%'");
	return ($resident * 1024, $contexts);
}

my $wrong = 0;
my (@before, @after);
for (my $done = 0; $done < $count; $done += $step)
{
	@before = memory() if $done == $warm_up;
	$wrong += $session->query("SELECT soak($done, " . ($done + $step - 1) . ')');
	# keys and issuers are read anew every now and then
	$admin->query('UPDATE token_auth.issuer SET enabled = enabled');
}
@after = memory();

is($wrong, 0, "$count tokens were judged rightly");
for my $what ([ 'resident memory', 0 ], [ 'memory contexts of the library', 1 ])
{
	my ($name, $i) = @$what;
	my $growth = $after[$i] - $before[$i];

	cmp_ok($growth, '<', $allowed, "$name: $before[$i] bytes after $warm_up tokens, $after[$i] after $count");
}

$_->quit for $session, $admin;
stop_servers($node);
done_testing();
