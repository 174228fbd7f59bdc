# Nothing that the extension says depends on what a hidden row holds, or on whether it exists.
#
# PostgreSQL evaluates cheap leakproof conditions of a query before a policy. A guess
# about a hidden row is such a condition: if it is right, and only then, the row reaches the
# policy. Each case runs the same statements with a right and with a wrong guess and compares
# all that a client or an operator sees. Where they differ, it runs them once more without the
# extension: what differs there, too, PostgreSQL shows itself.
#
#	TOKEN_AUTH_SEED		the seed of the random cases, which is printed
#	TOKEN_AUTH_COUNT	the number of random cases
#	TOKEN_AUTH_ONLY		a pattern of cases' names: runs only these, and prints all that they show
use strict;
use warnings;
use FindBin;
use lib "$FindBin::Bin/../perl";
use HiddenRows;
use Oracle;
use PostgreSQL::Test::Cluster;
use PostgreSQL::Test::Utils;
use Test::More;
use TestServer;
use TokenAuth;

my $seed = $ENV{TOKEN_AUTH_SEED} || 20250101;
my $n_random = $ENV{TOKEN_AUTH_COUNT} // 400;
my $only = $ENV{TOKEN_AUTH_ONLY};

my $node = new_server('hidden', 'autovacuum = off', 'jit = off', 'checkpoint_timeout = 1h', 'log_checkpoints = off', "log_line_prefix = '%m [%p] '", 'max_worker_processes = 16');
install($node);
create_scene($node, test_secret());

# --- tokens -------------------------------------------------------------------------------
my ($alice, $bob, $carol, $eve) = @people;
my ($true, $false) = (JSON::PP::true(), JSON::PP::false());
my @claims = (scope => 'orders:read', team => 'red', org => { team => 'red' }, teams => [ 'red', 'green' ], tid => $alice, tenants => [$alice],
	dept => 1, depts => [ 1, 3 ], suspended => $false, since => 1577836800, attrs => { a => 1 }, realm_access => { roles => ['reader'] }, email_verified => $true);
my %token = (
	good => new_token(sub => $alice, @claims),
	eve => new_token(sub => $eve, @claims),
	bare => new_token(sub => 'alice'),
	ill_typed => new_token(sub => 'alice', @claims, team => { a => 1 }, teams => { a => 1 }, tid => 'none', tenants => { a => 1 },
		dept => 'many', depts => $true, suspended => 'no', since => 'ever', attrs => 1),
	foreign => new_token(iss => 'https://partner.example.com', sub => $alice, @claims),
	expired => new_token(sub => $alice, iat => time - 7200, exp => time - 3600),
	revoked => new_token(sub => $alice, jti => 'revoked'),
	unknown => new_token(iss => 'https://elsewhere.example.com', sub => $alice),
	elsewhere => new_token(aud => 'billing-api', sub => $alice),
	garbage => 'garbage',
);
($token{forged} = $token{eve}) =~ s/[^.]*$/(split m{\.}, $token{good})[2]/e;
# under these the row must be hidden
my @accepted = (undef, @token{qw(good eve bare ill_typed foreign)});

# --- how a relation is read ---------------------------------------------------------------
# select or change returns the statement for a relation and a condition.
my $by_scan = sub { "SELECT id, body FROM $_[0] WHERE $_[1]" };
my $force_parallel = $node->pg_version >= 16 ? 'debug_parallel_query' : 'force_parallel_mode';
my %reads = (
	seq => { settings => [ 'enable_indexscan = off', 'enable_bitmapscan = off' ], select => $by_scan },
	index => { settings => [ 'enable_seqscan = off', 'enable_bitmapscan = off' ], select => $by_scan },
	bitmap => { settings => [ 'enable_seqscan = off', 'enable_indexscan = off' ], select => $by_scan },
	parallel => { select => $by_scan, settings => [ "$force_parallel = on", 'parallel_leader_participation = off', 'max_parallel_workers_per_gather = 1',
		'parallel_setup_cost = 0', 'parallel_tuple_cost = 0', 'min_parallel_table_scan_size = 0' ] },
	exists => { select => sub { "SELECT EXISTS (SELECT FROM $_[0] WHERE $_[1])" } },
	aggregate => { select => sub { "SELECT count(*), max(body) FROM $_[0] WHERE $_[1]" } },
	nested_loop => { settings => [ 'enable_hashjoin = off', 'enable_mergejoin = off' ],
		select => sub { "SELECT a.id, w.n FROM (VALUES (1), (2)) AS w(n) LEFT JOIN $_[0] AS a ON a.dept >= w.n AND $_[1]" } },
	union => { select => sub { "SELECT id FROM $_[0] WHERE $_[1] UNION ALL SELECT 0 LIMIT 1" } },
	materialized => { select => sub { "WITH m AS MATERIALIZED (SELECT id FROM $_[0] WHERE $_[1]) SELECT id FROM m" } },
	outputs => { select => sub { "SELECT id, token_auth.claim_uuid('realm_access') FROM $_[0] WHERE $_[1] ORDER BY token_auth.claim_bigint('team')" } },
	filtered => { select => sub { "SELECT dept, count(*) FILTER (WHERE token_auth.claim_boolean('team')) FROM $_[0] WHERE $_[1] GROUP BY dept" } },
	window => { select => sub { "SELECT id, count(*) OVER (ORDER BY body) FROM $_[0] WHERE $_[1]" } },
	limited => { select => sub { "SELECT body FROM $_[0] WHERE $_[1] ORDER BY body LIMIT 1" } },
	sampled => { only => qr/plain|parted/, select => sub { "SELECT id FROM $_[0] TABLESAMPLE SYSTEM (100) WHERE $_[1]" } },
	correlated => { select => sub { "SELECT n, (SELECT body FROM $_[0] WHERE $_[1] AND dept >= n LIMIT 1) FROM generate_series(1, 2) AS n" } },
	recursive => { select => sub { "WITH RECURSIVE r AS (SELECT id, 1 AS n FROM $_[0] WHERE $_[1] UNION ALL SELECT id, n + 1 FROM r WHERE n < 2) SELECT id, n FROM r" } },
	joined => { select => sub { "SELECT a.id, b.dept FROM (SELECT * FROM $_[0] WHERE $_[1]) AS a LEFT JOIN guarded.plain_claim_uuid AS b ON a.team = b.team" } },
	locked => { select => sub { "SELECT id FROM $_[0] WHERE $_[1] FOR UPDATE" } },
	update => { change => sub { "UPDATE $_[0] SET amount = amount WHERE $_[1] RETURNING id" } },
	delete => { change => sub { "DELETE FROM $_[0] WHERE $_[1] RETURNING id" } },
	insert => { change => sub { "INSERT INTO guarded.sink SELECT id, body FROM $_[0] WHERE $_[1] RETURNING id" } },
	on_conflict => { only => qr/plain|parted|invoker/,
		change => sub { "INSERT INTO $_[0] (id, owner, body) SELECT id, owner, body FROM $_[0] WHERE $_[1] ON CONFLICT DO NOTHING RETURNING id" } },
	merge => { only => qr/plain|parted/, alone => 1,
		change => sub { "MERGE INTO $_[0] USING (VALUES (1)) AS v ON $_[1] WHEN MATCHED THEN DELETE" } },
);

# --- how a statement is run -----------------------------------------------------------------
# main returns what runs it under the token, and before what runs ahead of that
# without one. $_ has the statement (literal; parameter, with $1), the value, one that
# matches nothing (neutral), its type, and an expression that sets the token (set).
#	inside	the run sets the token itself		select	only for SELECT
#	rows	only for what returns rows			silent	does not reach the policy
my $explain = 'EXPLAIN (ANALYZE, COSTS OFF, TIMING OFF, SUMMARY OFF, BUFFERS OFF)';
my %runs = (
	plain => { main => sub { $_->{literal} } },
	generic => { before => sub { prepared('generic') }, main => sub { "EXECUTE q($_->{value})" } },
	custom => { before => sub { prepared('custom') }, main => sub { "EXECUTE q($_->{value})" } },
	cursor => { select => 1, main => sub { ("DECLARE c CURSOR FOR $_->{literal}", 'FETCH 1 FROM c', 'FETCH ALL FROM c') } },
	scroll => { select => 1, main => sub { ("DECLARE c SCROLL CURSOR FOR $_->{literal}", 'FETCH ALL FROM c', 'FETCH BACKWARD ALL FROM c') } },
	hold => { select => 1, main => sub { ("DECLARE c CURSOR WITH HOLD FOR $_->{literal}", 'COMMIT', 'FETCH ALL FROM c') } },
	copy => { rows => 1, main => sub { "COPY ($_->{literal}) TO STDOUT" } },
	explain => { main => sub { "$explain $_->{literal}" } },
	explain_only => { silent => 1, main => sub { "EXPLAIN (COSTS OFF) $_->{literal}" } },
	explain_execute => { before => sub { prepared('generic') }, main => sub { "$explain EXECUTE q($_->{value})" } },
	into_table => { select => 1, main => sub { "CREATE TEMPORARY TABLE taken AS $_->{literal}" } },
	sql_function => { select => 1, before => sub { function('text', 'sql', "SELECT string_agg(s::text, ',') FROM ($_->{literal}) AS s") },
		main => sub { 'SELECT pg_temp.probe()' } },
	plpgsql_function => { rows => 1, before => sub { function('SETOF text', 'plpgsql', "DECLARE r record; BEGIN FOR r IN $_->{literal} LOOP RETURN NEXT r::text; END LOOP; END") },
		main => sub { 'SELECT pg_temp.probe()' } },
	# its plan is made without a token
	do_loop => { inside => 1, rows => 1,
		main => sub { block("DECLARE r record; BEGIN FOR i IN 1 .. 2 LOOP IF i = 2 THEN PERFORM $_->{set}; END IF; FOR r IN $_->{literal} LOOP RAISE NOTICE '%', r; END LOOP; END LOOP; END") } },
	do_execute => { inside => 1,
		main => sub { block("DECLARE n bigint; BEGIN PERFORM $_->{set}; EXECUTE \$s\$ $_->{literal} \$s\$; GET DIAGNOSTICS n = ROW_COUNT; RAISE NOTICE '% rows', n; END") } },
	do_prepared => { inside => 1, before => sub { prepared('generic') }, main => sub { block("BEGIN PERFORM $_->{set}; EXECUTE \$s\$ EXECUTE q($_->{value}) \$s\$; END") } },
	one_string => { inside => 1, before => sub { prepared('generic') }, main => sub { "SELECT $_->{set} IS NULL\\; EXECUTE q($_->{value})" } },
);

sub prepared { return ("SET plan_cache_mode = force_$_[0]_plan", "PREPARE q($_->{type}) AS $_->{parameter}", "EXECUTE q($_->{neutral})") }
sub block { return "DO \$do\$ $_[0] \$do\$" }
sub function { return "CREATE FUNCTION pg_temp.probe() RETURNS $_[0] LANGUAGE $_[1] AS \$f\$ $_[2] \$f\$" }

# --- attacks -----------------------------------------------------------------------------------
# What is tried beside a guess:
#	token, by		the token, set before the statement by set_local_token() or by the setting
#	role			who runs it				before		statements after the token is set
#	where			a condition beside the guess
#	ahead, after	expressions that the statement evaluates before and after it reads;
#					%s reads once more
#	series			an expression that is evaluated between two reads for two rows
#	between			statements between those of a cursor
#	again			runs it once more from a savepoint
#	behind			statements after it
#	unprobed		reads no claim after it
#	unused			not in a transaction block: a token that nothing uses is warned of
#	rollback		what it did must not remain
#	rare			not with every policy
#	way				which of the ways to read hidden rows it is
my @ways = ('another token in the statement', 'a refused token', 'in_claim() that raises', 'the warning of an unused token', 'a reader that raises', 'others');
my %attacks = (
	no_token => {},
	good => { token => 'good' },
	good_by_setting => { token => 'good', by => 'setting' },
	foreign => { token => 'foreign' },
	foreign_by_setting => { token => 'foreign', by => 'setting' },
	bare => { token => 'bare', way => 4 },
	bare_by_setting => { token => 'bare', by => 'setting', way => 4 },
	ill_typed => { token => 'ill_typed', way => 4 },
	ill_typed_by_setting => { token => 'ill_typed', by => 'setting', way => 4 },
	missing => { role => 'app_strict', way => 4 },
	missing_inspected => { role => 'app_strict', again => 1, behind => ['SELECT step, outcome, detail FROM token_auth.inspect()'], way => 4 },
	logged => { token => 'good', role => 'app_logged', unprobed => 1 },
	logged_by_setting => { token => 'good', by => 'setting', role => 'app_logged', unprobed => 1 },
	logged_refusal => { token => 'forged', by => 'setting', role => 'app_logged', way => 1 },
	logged_change => { token => 'good', by => 'setting', before => ["SET LOCAL token_auth.token = '$token{eve}'"], role => 'app_logged', unprobed => 1 },
	refused_again => { token => 'garbage', by => 'setting', again => 1, behind => ['SELECT step, outcome, detail FROM token_auth.inspect()'], way => 1 },
	revoked_before => { token => 'leaving', before => ['SELECT token_auth.revoke_current_token()'], rollback => 1, way => 1 },
	inspected => { token => 'good', by => 'setting', behind => ['SELECT step, outcome, detail FROM token_auth.inspect()'] },
	unused => { token => 'good', unused => 1, way => 3 },
	unused_foreign => { token => 'foreign', unused => 1, way => 3 },
	unused_by_setting => { token => 'good', by => 'setting', unused => 1, way => 3 },
	then_foreign_clears => { token => 'foreign', after => [ 'token_auth.clear_token()::text', 'token_auth.subject()' ], way => 0 },
	then_first_token => { after => [ "token_auth.set_local_token('$token{eve}')", 'token_auth.subject()' ], way => 0 },
	then_function_reads => { token => 'good', after => ["guarded.change_and_read('$token{eve}')"], way => 0 },
	between_first_garbage => { between => ["SET LOCAL token_auth.token = 'garbage'"], way => 1 },
	between_expired => { token => 'good', between => ["SET LOCAL token_auth.token = '$token{expired}'"], way => 1 },
	between_savepoint => { token => 'good', between => [ 'SAVEPOINT s', "SELECT token_auth.set_local_token('$token{eve}')", 'ROLLBACK TO s' ], way => 0 },
);
# what PostgreSQL lets everybody see of work on the tables of the extension
my @statistics = ("SELECT relname, seq_scan, idx_scan FROM pg_stat_xact_all_tables WHERE schemaname = 'token_auth' ORDER BY relname",
	"SELECT relation::regclass, mode FROM pg_locks WHERE pid = pg_backend_pid() AND relation IN (SELECT oid FROM pg_class WHERE relnamespace = 'token_auth'::regnamespace) ORDER BY 1, 2");
$attacks{counted} = { token => 'good', role => 'app_counted', behind => \@statistics, unprobed => 1 };
$attacks{counted_by_setting} = { token => 'good', by => 'setting', role => 'app_counted', behind => \@statistics, unprobed => 1 };
$attacks{counted_change} = { token => 'good', between => ["SET LOCAL token_auth.token = '$token{eve}'"], role => 'app_counted', behind => \@statistics, unprobed => 1 };
$attacks{"refused_$_"} = { token => $_, by => 'setting', way => 1 } for qw(expired revoked unknown elsewhere garbage forged);

my %changes = (
	clear => 'token_auth.clear_token()::text',
	set_other => "token_auth.set_local_token('$token{eve}')",
	set_same => "token_auth.set_local_token('$token{good}')",
	set_foreign => "token_auth.set_local_token('$token{foreign}')",
	config => "set_config('token_auth.token', '$token{eve}', true) IS NULL",
	config_refused => "set_config('token_auth.token', 'garbage', true) IS NULL",
	reset => 'guarded.reset_token()',
	own_clause => 'guarded.with_clause()',
	undone => "guarded.undone('$token{eve}')",
	revoke => 'token_auth.revoke_current_token()',
);
for my $change (sort keys %changes)
{
	my @common = (token => $change eq 'revoke' ? 'leaving' : 'good', rollback => $change eq 'revoke', rare => 1, way => 0);

	$attacks{"then_$change"} = { @common, after => [ $changes{$change}, 'token_auth.subject()' ] };
	$attacks{"first_$change"} = { @common, ahead => [ $changes{$change} ], after => ['token_auth.subject()'] };
	$attacks{"twice_$change"} = { @common, after => [ $changes{$change}, '%s' ] };
	$attacks{"series_$change"} = { @common, series => $changes{$change} };
	# with a column, or PostgreSQL evaluates it for rows that have not reached the policy
	$attacks{"where_$change"} = { @common, where => "concat($changes{$change}, body) IS NOT NULL" };
	$attacks{"between_$change"} = { @common, between => ["SELECT $changes{$change}"] };
}

# in_claim() is leakproof, and so is a reader that is given no column
my %conditions = (
	in_root => "token_auth.in_claim(team, VARIADIC '{}')",
	in_object => "token_auth.in_claim(team, 'realm_access')",
	in_boolean => "token_auth.in_claim(team, 'email_verified')",
	in_null_path => 'token_auth.in_claim(team, VARIADIC NULL)',
	in_null_name => 'token_auth.in_claim(team, NULL)',
	in_two_dimensions => "token_auth.in_claim(team, VARIADIC '{{teams,a},{b,c}}')",
	in_column_path => 'token_auth.in_claim(team, VARIADIC ARRAY[body])',
	in_row_path => "token_auth.in_claim(team, VARIADIC CASE WHEN body > 't' THEN '{}'::text[] ELSE '{teams}' END)",
	in_uuid => "token_auth.in_claim(owner_id, 'realm_access')",
	in_int => "token_auth.in_claim(amount, 'email_verified')",
	in_smallint => "token_auth.in_claim(7::smallint, 'realm_access')",
	in_bigint => "token_auth.in_claim(amount::bigint, VARIADIC '{}')",
	in_not => "NOT token_auth.in_claim(team, 'realm_access')",
	in_or => "(token_auth.in_claim(team, 'realm_access') OR body > 'a')",
	in_case => "CASE WHEN body > 't' THEN token_auth.in_claim(team, 'realm_access') ELSE true END",
	in_operator => "team OPERATOR(guarded.=@) '{realm_access}'",
	in_is_true => "token_auth.in_claim(team, 'realm_access') IS NOT TRUE",
	in_typed_value => "token_auth.in_claim(token_auth.claim_uuid('realm_access'), 'teams')",
	typed_uuid => "owner_id = token_auth.claim_uuid('realm_access')",
	typed_bigint => "amount = token_auth.claim_bigint('team')",
	typed_boolean => "token_auth.claim_boolean('team')",
	typed_boolean_or => "(token_auth.claim_boolean('team') OR body > 'a')",
	typed_timestamptz => "moment > token_auth.claim_timestamptz('team')",
	typed_array => "team = ANY (token_auth.claim_array('realm_access'))",
	typed_case => "CASE WHEN body > 't' THEN token_auth.claim_uuid('realm_access') = owner_id ELSE true END",
	typed_distinct => "amount IS DISTINCT FROM token_auth.claim_bigint('team')",
	typed_coalesce => "coalesce(amount, token_auth.claim_bigint('team')) > 0",
	typed_nullif => "nullif(amount, token_auth.claim_bigint('team')) > 0",
	typed_greatest => "greatest(amount, token_auth.claim_bigint('team')) > 0",
	typed_row => "(amount, id) >= (token_auth.claim_bigint('team'), 1)",
	typed_list => "amount = ANY (ARRAY[7342, token_auth.claim_bigint('team')])",
	typed_cast => "owner = token_auth.claim_uuid('realm_access')::text",
	typed_member => "owner_id = ANY (ARRAY(SELECT token_auth.claim_uuid('realm_access') FROM guarded.member))",
	typed_values => "amount > (SELECT max(v) FROM (VALUES (token_auth.claim_bigint('team')), (2)) AS t(v))",
	typed_series => "amount > (SELECT count(*) FROM generate_series(1, token_auth.claim_bigint('team')))",
	typed_aggregate => "amount > (SELECT count(token_auth.claim_bigint('team')) FROM guarded.member)",
	typed_filter => "amount > (SELECT count(*) FILTER (WHERE token_auth.claim_boolean('team')) FROM guarded.member)",
	typed_having => "amount > (SELECT count(*) FROM guarded.member HAVING count(*) > token_auth.claim_bigint('team'))",
	typed_order => "owner <> (SELECT name FROM guarded.member ORDER BY token_auth.claim_uuid('realm_access') LIMIT 1)",
	typed_limit => "owner <> (SELECT name FROM guarded.member LIMIT token_auth.claim_bigint('team'))",
	typed_sample => "amount > (SELECT count(*) FROM guarded.member TABLESAMPLE BERNOULLI (token_auth.claim_bigint('team')))",
	typed_window => "amount > (SELECT count(*) OVER (ROWS token_auth.claim_bigint('team') PRECEDING) FROM guarded.member)",
	typed_cte => "owner <> (WITH w AS MATERIALIZED (SELECT token_auth.claim_uuid('realm_access')::text AS u) SELECT u FROM w)",
	typed_column_path => 'token_auth.claim_uuid(body) IS NULL',
	typed_initplan => "body <> (SELECT token_auth.claim_uuid('realm_access')::text)",
	require => "token_auth.require_scope('orders:write')",
	require_or => "(token_auth.require_scope('orders:write') OR body > 'a')",
	require_initplan => "id <> (SELECT 1 WHERE token_auth.require_scope('orders:write'))",
);
$attacks{"where_$_"} = { token => 'good', where => $conditions{$_}, rare => 1, way => $_ =~ /^in_/ ? 2 : 4 } for sort keys %conditions;
$attacks{where_in_root_foreign} = { token => 'foreign', where => $conditions{in_root}, way => 2 };
$attacks{where_in_root_missing} = { role => 'app_strict', where => $conditions{in_root}, way => 2 };
# another relation with a policy, which is read when a row that is right needs its answer
my %elsewhere = (
	scope => 'body IS NULL OR EXISTS (SELECT FROM guarded.plain_has_scope)',
	uuid => 'body IS NULL OR EXISTS (SELECT FROM guarded.barrier_claim_uuid)',
	index => 'amount > (SELECT count(body) FROM guarded.plain_subject_uuid)',
	members => 'amount > (SELECT count(*) FROM guarded.parted_in_claim_text)',
	function => 'amount > (SELECT count(*) FROM guarded.plain_plpgsql)',
);
for my $relation (sort keys %elsewhere)
{
	$attacks{"where_other_$relation"} = { token => 'good', by => 'setting', where => "($elsewhere{$relation})", way => 4 };
	$attacks{"where_other_${relation}_ill_typed"} = { token => 'ill_typed', where => "($elsewhere{$relation})", way => 4 };
	$attacks{"where_other_${relation}_refused"} = { token => 'expired', by => 'setting', where => "($elsewhere{$relation})", way => 1 };
}
$attacks{where_require_missing} = { where => $conditions{require_or}, way => 4 };

# --- what cannot be defended -----------------------------------------------------------------------
# Patterns of policies and of tokens, and the reason.
my @excluded = (
	[ qr/^plpgsql_typed$/, qr/^(?:bare|ill_typed)$/, 'the policy calls a function of one\'s own, which alone knows when it calls a reader that raises' ],
);
# Conditions beside a guess by which PostgreSQL itself shows which is right.
my %undefended = (
	'it calls functions that are given no column for rows that have not reached the policy' => 'body <> guarded.telling()',
	'it evaluates an InitPlan when a row that has not reached the policy needs its value' => 'body <> (SELECT guarded.telling())',
);

# --- cases -----------------------------------------------------------------------------------------
# A case is a hash of the names of its policy, relation, read, run, attack and guess.
# Before each script the session has verified a token that ended with its transaction, and its statistics are 0.
my $oracle = Oracle->new($node, first => [ 'BEGIN', "SELECT token_auth.set_local_token('$token{good}')", 'COMMIT', 'SELECT pg_stat_force_next_flush()' ]);

# Returns whether the parts of a case go together.
sub fits
{
	my ($case) = @_;
	my ($read, $run, $attack) = ($reads{ $case->{read} }, $runs{ $case->{run} }, $attacks{ $case->{attack} });
	my $wraps = $attack->{after} || $attack->{series};

	return !($read->{only} && $case->{relation} !~ $read->{only}
		|| $read->{change} && ($run->{select} || $attack->{series})
		|| $read->{alone} && ($run->{rows} || $wraps)
		|| $case->{read} eq 'locked' && $case->{run} =~ /^(?:scroll|hold)$/ && !$wraps
		|| $attack->{unused} && !$run->{inside}
		|| $attack->{between} && $case->{run} !~ /^(?:cursor|scroll|hold)$/
		|| $attack->{rollback} && $case->{run} eq 'hold'
		|| $attack->{again} && ($run->{inside} || $case->{run} =~ /^(?:cursor|scroll|hold|into_table)$/));
}

# Returns why a case cannot be defended, or undef.
sub exclusion
{
	my ($case) = @_;
	my $token = $attacks{ $case->{attack} }{token} || '';
	my ($found) = grep { $case->{policy} =~ $_->[0] && $token =~ $_->[1] } @excluded;
	return $found && $found->[2];
}

# Returns the statement of a case, with the value that is guessed.
sub statement
{
	my ($case, $value) = @_;
	my ($read, $attack) = ($reads{ $case->{read} }, $attacks{ $case->{attack} });
	my @relation_and_condition = ("guarded.$case->{relation}_$case->{policy}",
		join ' AND ', "$guesses{ $case->{guess} }{before}$value", grep { defined } $attack->{where}, $case->{beside});
	my $text = ($read->{select} || $read->{change})->(@relation_and_condition);

	return $text if !$attack->{after} && !$attack->{series};
	my ($with, $from) = $read->{change} ? ("WITH d AS ($text) ", 'd') : ('', "($text) AS d");
	my $count = "(SELECT count(*) FROM $from)";
	return "SELECT n, (SELECT count(*) FROM $from WHERE n > 0), $attack->{series} FROM generate_series(1, 2) AS n" if $attack->{series};
	my @outputs = map { s/^%s$/$count/r } @{ $attack->{ahead} || [] }, $count, @{ $attack->{after} };
	return "${with}SELECT " . join ', ', map { "$outputs[$_] AS output_$_" } 0 .. $#outputs;
}

# Returns the statements of a case, with its right or its wrong guess.
sub script
{
	my ($case, $which) = @_;
	my ($read, $run, $attack, $guess) = ($reads{ $case->{read} }, $runs{ $case->{run} }, $attacks{ $case->{attack} }, $guesses{ $case->{guess} });
	# the token that is revoked is the case's own: what was rolled back for one token makes all of its statements slow
	my $token = !$attack->{token} ? undef
	  : $attack->{token} eq 'leaving' ? ($case->{token} ||= new_token(sub => $alice, @claims)) : $token{ $attack->{token} };
	my $by_setting = ($attack->{by} || '') eq 'setting';
	my $set = !defined $token ? "'no token'" : $by_setting ? "set_config('token_auth.token', '$token', true)" : "token_auth.set_local_token('$token')";

	local $_ = {
		type => $guess->{type}, value => "'$guess->{$which}'", neutral => "'" . ($guess->{neutral} // 'zzzzz') . "'", set => $set,
		literal => statement($case, "'$guess->{$which}'"), parameter => statement($case, '$1'),
	};
	my @main = $run->{main}->();
	splice @main, 1, 0, @{ $attack->{between} } if $attack->{between};
	@main = ('SAVEPOINT s', @main, 'ROLLBACK TO s', @main, 'ROLLBACK TO s') if $attack->{again};

	my @script = ((map { "SET $_" } @{ $read->{settings} || [] }), $run->{before} ? $run->{before}->() : ());
	return [ @script, @main ] if $attack->{unused};
	push @script, 'BEGIN';
	push @script, $by_setting ? "SET LOCAL token_auth.token = '$token'" : "SELECT $set" if defined $token && !$run->{inside};
	return [ @script, @{ $attack->{before} || [] }, @main, @{ $attack->{behind} || [] },
		$attack->{unprobed} ? () : 'SELECT token_auth.is_authenticated(), token_auth.subject()', $attack->{rollback} ? 'ROLLBACK' : 'COMMIT' ];
}

sub name_of
{
	my ($case) = @_;
	return join ' ', map { "$_=$case->{$_}" } grep { defined $case->{$_} } qw(attack policy relation read run guess beside using);
}

# Runs cases; returns for each a hash of what the right guess shows otherwise than the wrong one.
#	control		runs them without the extension
my %unsound;
sub compare
{
	my ($control, @cases) = @_;
	my %found;

	for my $role (qw(app app_counted app_logged app_strict))
	{
		my @mine = grep { ($attacks{ $cases[$_]{attack} }{role} || 'app') eq $role } 0 .. $#cases or next;
		my @outcomes = $oracle->run($role, map { my $case = $cases[$_]; map { [ $control ? control(@{ script($case, $_) }) : @{ script($case, $_) } ] } qw(wrong right) } @mine);

		for my $i (@mine)
		{
			my @pair = splice @outcomes, 0, 2;
			$found{$i} = differences(@pair, @{ $guesses{ $cases[$i]{guess} } }{qw(wrong right)});
			note(join "\n", name_of($cases[$i]) . ($control ? ', without the extension' : ''),
				map { my $which = ('wrong', 'right')[$_]; map { "-- $which guess, $_:\n$pair[$which eq 'right']{$_}" } qw(rows messages log) } 0, 1) if defined $only;
			# faults of this program, not of what it tests
			for my $outcome (@pair)
			{
				$unsound{$1} = name_of($cases[$i]) if $outcome->{messages} =~ /^ERROR:  ((?:42(?!501)|0A000|22P02|42501: permission).*)/m;
			}
		}
	}
	return map { $found{$_} } 0 .. $#cases;
}

# Runs cases and returns those that leak, with a hash of fields each. A difference
# that the control has in the same field is PostgreSQL's own.
my ($n_pairs, $n_own) = (0, 0);
sub leaks_of_cases
{
	my (@cases) = @_;
	my @found = compare(0, @cases);
	my @suspects = grep { %{ $found[$_] } } 0 .. $#cases;
	my @own = compare(1, @cases[@suspects]);
	# what EXPLAIN counts depends on the order of conditions and on the index that is taken, which may be others
	# without the extension: there the guess is also alone, and beside a policy that no index serves
	my @explained = grep { $_->{run} =~ /^explain/ } @cases[@suspects];
	my @alone = compare(1, map { my $case = $_; map { +{ %$case, beside => undef, attack => 'no_token', policy => $_ } } $case->{policy}, 'plpgsql_row' } @explained);
	my @leaks;

	$n_pairs += @cases;
	for my $i (@suspects)
	{
		my $own = { %{ shift @own }, $cases[$i]{run} =~ /^explain/ ? map { %$_ } splice @alone, 0, 2 : () };
		my %fields = map { $_ => $found[$i]{$_} } grep { !$own->{$_} } keys %{ $found[$i] };

		push @leaks, { %{ $cases[$i] }, fields => \%fields } if %fields;
		next if %fields;
		$n_own++;
		note(describe({ %{ $cases[$i] }, fields => $own }) . '    ... without the extension, too');
	}
	return @leaks;
}

# Returns a text with the first line in which each field differs.
sub describe
{
	my ($leak) = @_;
	my $text = name_of($leak) . "\n";

	for my $field (sort keys %{ $leak->{fields} })
	{
		my ($wrong, $right) = map { [ split /\n/, $_ ] } @{ $leak->{fields}{$field} };
		while (@$wrong && @$right && $wrong->[0] eq $right->[0]) { shift @$wrong; shift @$right; }
		$text .= sprintf "    %s: wrong guess: %s; right guess: %s\n", $field, map { substr($_->[0] // 'no more', 0, 160) } $wrong, $right;
	}
	return $text;
}

# Runs cases, and asserts for each attack that none of them leaks.
my (%pairs_of_way, %leaks_of_way);
sub test_attacks
{
	my (@cases) = @_;
	my (%pairs, %leaks);

	$pairs{ $_->{attack} }++ for @cases;
	push @{ $leaks{ $_->{attack} } }, $_ for leaks_of_cases(@cases);
	for my $attack (sort keys %pairs)
	{
		my $way = $ways[ $attacks{$attack}{way} // $#ways ];

		$pairs_of_way{$way} += $pairs{$attack};
		$leaks_of_way{$way} += @{ $leaks{$attack} || [] };
		is_silent("$attack, with $pairs{$attack} policies", @{ $leaks{$attack} || [] });
	}
	return;
}

# Asserts that there are no leaks; shows the first of them.
sub is_silent
{
	my ($name, @leaks) = @_;
	my $n_shown = @leaks < 4 ? @leaks : 4;

	return is(scalar @leaks, 0, "$name: nothing shows which guess is right") || diag(map { describe($_) } @leaks[ 0 .. $n_shown - 1 ]);
}

sub wanted { return grep { !defined $only || name_of($_) =~ /$only/ } @_ }
sub one_of { return $_[ int rand @_ ] }

# Returns a case whose parts are random but for those given.
sub random_case
{
	my (%given) = @_;
	while (1)
	{
		my %case = (policy => one_of(sort keys %policies), attack => one_of(sort keys %attacks), relation => one_of(@kinds_of_relations), read => one_of(sort keys %reads),
			# a plan that is made without a token shows most: nothing is refused while it is made
			run => one_of(('generic') x 4, sort keys %runs), guess => one_of(sort keys %guesses), %given);
		return \%case if fits(\%case) && !exclusion(\%case);
	}
}

# --- the oracle can fail: it sees which guess is right where the policy itself tells -----------------------
create_relations($node, %policies, telling => 'team = guarded.telling()');
for my $guess (sort keys %guesses)
{
	for my $relation ('plain_subject', 'parted_subject', 'data')
	{
		is($node->safe_psql('postgres', join '; ', map { "SELECT count(*) FROM guarded.$relation WHERE $guesses{$guess}{before}'$guesses{$guess}{$_}'" } qw(right wrong)),
			"1\n0", "$guess: the right guess finds a row of $relation without a policy, the wrong one none");
	}
}

my %telling = (policy => 'telling', attack => 'good', relation => 'plain', read => 'seq', run => 'generic', guess => 'body_ge');
# these two have outputs that raise, which below a sub-query or an Append are settled: the statement does not come to the policy
my @telling = grep { fits($_) && !$runs{ $_->{run} }{silent} && $_->{read} !~ /^(?:filtered|outputs)$/ } map { +{ %telling, %$_ } }
  (map { my $read = $_; map { { read => $read, run => $_ } } sort keys %runs } sort keys %reads),
  (map { my $read = $_; map { { read => $read, relation => $_ } } @kinds_of_relations } sort keys %reads),
  (map { my $run = $_; map { { run => $run, relation => $_ } } @kinds_of_relations } sort keys %runs),
  (map { my $guess = $_; map { { guess => $guess, relation => $_ } } @kinds_of_relations } sort keys %guesses);
@telling = () if defined $only;
my @told = compare(0, @telling);
is_deeply([ map { name_of($telling[$_]) } grep { !%{ $told[$_] } } 0 .. $#telling ], [], 'a policy that tells is seen to tell, in ' . @telling . ' ways to read and run');

for my $why (sort keys %undefended)
{
	local $attacks{undefended} = { where => $undefended{$why} };
	my ($differences) = compare(1, { policy => 'subject', attack => 'undefended', relation => 'plain', read => 'seq', run => 'generic', guess => 'body_ge' });
	ok($differences->{messages}, "PostgreSQL without the extension: $why");
}

# --- the row is hidden ------------------------------------------------------------------------------------
# Returns the names of the policies that show the row with one of the tokens.
sub showing
{
	my (@names) = @_;
	my @outcomes = $oracle->run('app', map { my $name = $_; map { [ 'BEGIN', defined $_ ? "SELECT token_auth.set_local_token('$_')" : (),
		"SELECT 'visible' FROM guarded.plain_$name WHERE id = $hidden_id", 'COMMIT' ] } @accepted } @names);
	return grep { my $seen; $seen ||= $_->{rows} =~ /^visible$/m for splice @outcomes, 0, scalar @accepted; $seen } @names;
}
is_deeply([ showing(sort keys %policies) ], [], 'each policy hides the row with each of the tokens');

# --- every policy with every attack -----------------------------------------------------------------------
srand(1);
test_attacks(wanted(map { my $policy = $_; map { random_case(policy => $policy, attack => $_) }
	grep { !exclusion({ policy => $policy, attack => $_ }) && (!$attacks{$_}{rare} || rand() < 1 / 3) } sort keys %attacks } sort keys %policies));

# --- random policies, conditions and attacks -----------------------------------------------------------------
note("TOKEN_AUTH_SEED=$seed TOKEN_AUTH_COUNT=$n_random");
srand($seed);

# Returns an expression composed of policies and of conditions on columns.
sub random_using
{
	my ($depth) = @_;
	my $kind = $depth ? int rand 6 : 5;

	return '(' . random_using($depth - 1) . one_of(' AND ', ' OR ') . random_using($depth - 1) . ')' if $kind < 3;
	return 'NOT ' . random_using($depth - 1) if $kind == 3;
	return one_of("owner_id <> '$bob'", 'flag', 'dept > 5', "body > 'u'", 'amount IS NULL') if $kind == 4;
	return '(' . $policies{ one_of(grep { $_ ne 'plpgsql_typed' } sort keys %policies) } . ')';
}

my %composed = map { ("composed_$_" => random_using(2)) } 1 .. 20 + $n_random / 8;
create_relations($node, %composed);
delete @composed{ showing(sort keys %composed) };
cmp_ok(scalar keys %composed, '>', 20, scalar(keys %composed) . ' random policies hide the row');
my @random = wanted(map {
	my $policy = one_of(sort keys %composed);
	random_case(policy => $policy, using => $composed{$policy}, beside => one_of(undef, undef, "team <> 'red'", "body < 'u' AND amount < 100000", @conditions{ sort grep { /^(?:in|typed)_/ } keys %conditions }))
} 1 .. $n_random);
is_silent(@random . ' random cases', leaks_of_cases(@random));

# --- the sum ----------------------------------------------------------------------------------------------
is_deeply(\%unsound, {}, 'PostgreSQL accepts every statement');
cmp_ok($n_own, '<=', $n_pairs / 20, "PostgreSQL itself shows which guess is right in $n_own of $n_pairs pairs");
note("$_: $leaks_of_way{$_} of $pairs_of_way{$_} pairs leak") for grep { $pairs_of_way{$_} } @ways;
stop_servers($node);
done_testing();
