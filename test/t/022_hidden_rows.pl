# What a hidden row holds, and whether it exists, shows in nothing that the extension says.
#
# PostgreSQL evaluates cheap leakproof conditions of a query before a policy. A
# guess about a hidden row is such a condition: the policy is evaluated for
# the row if and only if the guess is right. Each case runs the same statements with a right
# and with a wrong guess, and compares everything that a client or an operator sees.
#
#	TOKEN_AUTH_SEED		seed of the random cases, printed when they begin
#	TOKEN_AUTH_COUNT	number of random cases
use strict;
use warnings;
use FindBin;
use lib "$FindBin::Bin/../perl";
use Oracle;
use PostgreSQL::Test::Cluster;
use PostgreSQL::Test::Utils;
use Test::More;
use TestServer;
use TokenAuth;

my ($alice, $bob, $carol, $eve) = map { "0000000$_-9dc0-41d1-b245-5ffdce74fad2" } 1 .. 4;
my $node = new_server('hidden', 'autovacuum = off', "log_line_prefix = '%m [%p] '", 'max_worker_processes = 16', 'jit = off');
install($node);

# --- tokens -------------------------------------------------------------------------------
my @well_typed = (scope => 'orders:read', team => 'red', org => { team => 'red' }, teams => [ 'red', 'green' ],
	tid => $alice, tenants => [$alice], dept => 1, depts => [ 1, 3 ], suspended => JSON::PP::false(), since => 1577836800,
	attrs => { a => 1 }, realm_access => { roles => ['reader'] }, email_verified => JSON::PP::true());
my %token = (
	good => new_token(sub => $alice, @well_typed),
	eve => new_token(sub => $eve, @well_typed),
	bare => new_token(sub => 'alice'),
	ill_typed => new_token(sub => 'alice', @well_typed, tid => 'none', dept => 'many', suspended => 'no', since => 'ever', teams => { a => 1 },
		tenants => { a => 1 }, depts => JSON::PP::true(), attrs => 1, team => { a => 1 }),
	foreign => new_token(iss => 'https://partner.example.com', sub => $alice, @well_typed),
	expired => new_token(sub => $alice, iat => time - 7200, exp => time - 3600),
	revoked => new_token(sub => $alice, jti => 'revoked'),
	unknown => new_token(iss => 'https://elsewhere.example.com', sub => $alice),
	elsewhere => new_token(aud => 'billing-api', sub => $alice),
	garbage => 'garbage',
);
($token{forged} = $token{eve}) =~ s/[^.]*$/(split m{\.}, $token{good})[2]/e;

# --- what is guessed: a condition of the hidden row, with a right and a wrong value of one length -----
my $hidden_id = 100002;
my $hidden = "id = $hidden_id AND ";
my %guesses = (
	body_ge => { before => "${hidden}body >= ", type => 'text', right => 'topsecret-41', wrong => 'topsecret-43' },
	body_eq => { before => "${hidden}body = ", type => 'text', right => 'topsecret-42', wrong => 'topsecret-44' },
	body_only => { before => 'body = ', type => 'text', right => 'topsecret-42', wrong => 'topsecret-44' },
	body_between => { before => "${hidden}body < 'u' AND body > ", type => 'text', right => 'topsecret-41', wrong => 'topsecret-43' },
	amount => { before => "${hidden}amount > ", type => 'int', right => '7331', wrong => '7353', neutral => '99999' },
	amount_only => { before => 'amount = ', type => 'int', right => '7342', wrong => '7353', neutral => '99999' },
	owner => { before => "${hidden}owner_id >= ", type => 'uuid', right => $bob, wrong => $carol, neutral => $eve },
	moment => { before => "${hidden}moment >= ", type => 'timestamptz', right => '2031-03-04 05:06:07+00', wrong => '2031-03-04 05:06:09+00', neutral => '2099-01-01' },
	exists => { before => 'id = ', type => 'int', right => $hidden_id, wrong => 100009, neutral => 99 },
);

# --- policies: false for the hidden row under each of these tokens, and without one ------------------
my %policies = (
	subject => 'owner = token_auth.subject()',
	subject_uuid => 'owner_id = token_auth.subject_uuid()',
	claim => "team = token_auth.claim('team')",
	claim_path => "team = token_auth.claim('org', 'team')",
	claim_uuid => "tenant = token_auth.claim_uuid('tid')",
	claim_bigint => "dept = token_auth.claim_bigint('dept')",
	claim_boolean => "flag = token_auth.claim_boolean('suspended')",
	claim_boolean_alone => "owner = token_auth.subject() AND token_auth.claim_boolean('suspended') IS NOT TRUE",
	claim_timestamptz => "moment <= token_auth.claim_timestamptz('since')",
	claim_array => "team = ANY (token_auth.claim_array('teams'))",
	claim_jsonb => "attrs = token_auth.claim_jsonb('attrs')",
	claims => "team = token_auth.claims() ->> 'team'",
	in_claim_text => "token_auth.in_claim(team, 'teams')",
	in_claim_uuid => "token_auth.in_claim(tenant, 'tenants')",
	in_claim_int => "token_auth.in_claim(dept, 'depts')",
	in_claim_bigint => "token_auth.in_claim(dept::bigint, 'depts')",
	in_claim_smallint => "token_auth.in_claim(dept::smallint, 'depts')",
	has_scope => "token_auth.has_scope('orders:admin') OR owner = token_auth.subject()",
	has_any_scope => "owner = token_auth.subject() OR token_auth.has_any_scope('orders:admin', 'orders:audit')",
	has_all_scopes => "owner = token_auth.subject() OR token_auth.has_all_scopes('orders:read', 'orders:audit')",
	has_role => "owner = token_auth.subject() OR token_auth.has_role('auditor')",
	scopes => "owner = token_auth.subject() OR 'orders:admin' = ANY (token_auth.scopes())",
	roles => "owner = token_auth.subject() OR 'auditor' = ANY (token_auth.roles())",
	require_scope => "owner = token_auth.subject() AND token_auth.require_scope('orders:write')",
	require_scope_or => "owner = token_auth.subject() OR (team = 'none' AND token_auth.require_scope('orders:write'))",
	is_client => 'owner = token_auth.subject() AND NOT token_auth.is_client()',
	client_id => 'owner = token_auth.client_id()',
	identity => 'owner = token_auth.identity()',
	issuer => 'owner = token_auth.issuer() OR owner = token_auth.issuer_name()',
	issued_at => 'moment < token_auth.issued_at()',
	is_authenticated => 'owner = token_auth.subject() AND token_auth.is_authenticated()',
	namespace => "owner = token_auth.subject('partner') OR token_auth.has_role('auditor', 'partner')",
	claim_in_namespace => "team = token_auth.claim_in_namespace('partner', 'team')",
	read_own => "token_auth.has_scope('orders:read') AND owner = token_auth.subject()",
	tenant_and_owner => "owner = token_auth.subject() AND tenant = token_auth.claim_uuid('tid')",
	initplan => 'owner = (SELECT token_auth.subject())',
	initplan_typed => "tenant = (SELECT token_auth.claim_uuid('tid'))",
	subplan => 'EXISTS (SELECT FROM guarded.member AS m WHERE m.team = guarded_row.team AND m.name = token_auth.subject())',
	hashed_subplan => 'team IN (SELECT m.team FROM guarded.member AS m WHERE m.name = token_auth.subject())',
	conditional => "CASE WHEN team = 'none' THEN token_auth.in_claim(team, 'teams') ELSE owner_id = token_auth.subject_uuid() END",
	sql_inlined => 'owner = guarded.me_sql()',
	sql_inlined_typed => 'owner_id = guarded.me_uuid_sql()',
	sql_definer => 'owner = guarded.me_definer()',
	plpgsql => 'owner = guarded.me_plpgsql()',
	plpgsql_row => 'guarded.may_see(team)',
	plpgsql_typed => 'owner_id = guarded.me_uuid_plpgsql()',
);

# Cases that no extension can defend: a pattern of policies, of tokens, and why.
my @excluded = (
	[ qr/^plpgsql_typed$/, qr/^(?:bare|ill_typed)$/, 'a function of one\'s own that calls a reader which raises: only the function knows when it will' ],
);

my @relations = qw(plain barrier view parted);
push @relations, 'invoker' if $node->pg_version >= 15;

# --- how a relation is read: a statement, or the parts of one that goes on after it ------------------
my $force_parallel = $node->pg_version >= 16 ? 'debug_parallel_query' : 'force_parallel_mode';
my @settings_of_parallel = ("SET $force_parallel = on", 'SET parallel_leader_participation = off', 'SET max_parallel_workers_per_gather = 1',
	'SET parallel_setup_cost = 0', 'SET parallel_tuple_cost = 0', 'SET min_parallel_table_scan_size = 0');
my %reads = (
	seq => { settings => [ 'SET enable_indexscan = off', 'SET enable_bitmapscan = off' ],
		select => sub { "SELECT id, body FROM $_[0] WHERE $_[1]" } },
	index => { settings => [ 'SET enable_seqscan = off', 'SET enable_bitmapscan = off' ],
		select => sub { "SELECT id, body FROM $_[0] WHERE $_[1]" } },
	bitmap => { settings => [ 'SET enable_seqscan = off', 'SET enable_indexscan = off' ],
		select => sub { "SELECT id, body FROM $_[0] WHERE $_[1]" } },
	parallel => { settings => \@settings_of_parallel, slow => 1,
		select => sub { "SELECT id, body FROM $_[0] WHERE $_[1]" } },
	exists => { select => sub { "SELECT EXISTS (SELECT FROM $_[0] WHERE $_[1])" } },
	aggregate => { select => sub { "SELECT count(*), max(body) FROM $_[0] WHERE $_[1]" } },
	nested_loop => { settings => [ 'SET enable_hashjoin = off', 'SET enable_mergejoin = off' ],
		select => sub { "SELECT a.id, w.n FROM (VALUES (1), (2)) AS w(n) LEFT JOIN $_[0] AS a ON a.dept >= w.n AND $_[1]" } },
	materialized => { select => sub { "WITH m AS MATERIALIZED (SELECT id FROM $_[0] WHERE $_[1]) SELECT id FROM m" } },
	locked => { select => sub { "SELECT id FROM $_[0] WHERE $_[1] FOR UPDATE" } },
	update => { change => sub { "UPDATE $_[0] SET amount = amount WHERE $_[1] RETURNING id" } },
	delete => { change => sub { "DELETE FROM $_[0] WHERE $_[1] RETURNING id" } },
	insert => { change => sub { "INSERT INTO guarded.sink SELECT id, body FROM $_[0] WHERE $_[1] RETURNING id" } },
	on_conflict => { only => qr/plain|parted|invoker/,
		change => sub { "INSERT INTO $_[0] (id, owner, body) SELECT id, owner, body FROM $_[0] WHERE $_[1] ON CONFLICT DO NOTHING RETURNING id" } },
	merge => { only => qr/plain|parted/, alone => 1,
		change => sub { "MERGE INTO $_[0] USING (VALUES (1)) AS v ON $_[1] WHEN MATCHED THEN DELETE" } },
);
delete $reads{merge} if $node->pg_version < 15;

# --- how a statement is run -----------------------------------------------------------------
# statement returns it for a literal or for $1. before happens without a token.
# inside: the run sets the token itself, from an expression.
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
	explain_execute => { before => sub { prepared('generic') }, main => sub { "$explain EXECUTE q($_->{value})" } },
	into_table => { select => 1, main => sub { "CREATE TEMPORARY TABLE taken AS $_->{literal}" } },
	sql_function => { select => 1,
		before => sub { "CREATE FUNCTION pg_temp.probe() RETURNS text LANGUAGE sql AS \$f\$ SELECT string_agg(s::text, ',') FROM ($_->{literal}) AS s \$f\$" },
		main => sub { 'SELECT pg_temp.probe()' } },
	plpgsql_function => { rows => 1,
		before => sub { "CREATE FUNCTION pg_temp.probe() RETURNS SETOF text LANGUAGE plpgsql AS \$f\$ DECLARE r record; BEGIN FOR r IN $_->{literal} LOOP RETURN NEXT r::text; END LOOP; END \$f\$" },
		main => sub { 'SELECT pg_temp.probe()' } },
	do_execute => { inside => 1,
		main => sub { "DO \$do\$ DECLARE n bigint; BEGIN PERFORM $_->{set}; EXECUTE \$s\$ $_->{literal} \$s\$; GET DIAGNOSTICS n = ROW_COUNT; RAISE NOTICE '% rows', n; END \$do\$" } },
	do_loop => { inside => 1, rows => 1,
		main => sub { "DO \$do\$ DECLARE r record; BEGIN FOR i IN 1 .. 2 LOOP IF i = 2 THEN PERFORM $_->{set}; END IF; FOR r IN $_->{literal} LOOP RAISE NOTICE '%', r; END LOOP; END LOOP; END \$do\$" } },
	do_prepared => { inside => 1, before => sub { prepared('generic') },
		main => sub { "DO \$do\$ BEGIN PERFORM $_->{set}; EXECUTE \$s\$ EXECUTE q($_->{value}) \$s\$; END \$do\$" } },
	together => { inside => 1, before => sub { prepared('generic') },
		main => sub { "SELECT $_->{set} IS NULL\\; EXECUTE q($_->{value})" } },
);

sub prepared
{
	my ($kind) = @_;
	return ("SET plan_cache_mode = force_${kind}_plan", "PREPARE q($_->{type}) AS $_->{parameter}", "EXECUTE q($_->{neutral})");
}

# --- attacks -----------------------------------------------------------------------------------
# token: the one that is set before the statement, by set_local_token() or by the setting. where: a
# condition beside the guess. after: expressions that the statement evaluates after it has
# read. between: statements between those of a cursor. role: who runs it. way: which of the known
# ways it is. unused: outside a transaction block, so that an unused token is warned of.
my %attacks = (
	no_token => {},
	good => { token => 'good' },
	good_setting => { token => 'good', by => 'setting' },
	foreign => { token => 'foreign' },
	foreign_setting => { token => 'foreign', by => 'setting' },
	bare => { token => 'bare', way => 5 },
	logged => { token => 'good', role => 'app_logged' },
	logged_setting => { token => 'good', by => 'setting', role => 'app_logged' },
	logged_refusal => { token => 'forged', by => 'setting', role => 'app_logged', way => 2 },
	missing => { role => 'app_strict', way => 5 },
	ill_typed => { token => 'ill_typed', way => 5 },
	ill_typed_setting => { token => 'ill_typed', by => 'setting', way => 5 },
	revoked_here => { token => 'leaving', before => ['SELECT token_auth.revoke_current_token()'], rollback => 1, way => 2 },
	unused => { token => 'good', unused => 1, way => 4 },
	unused_foreign => { token => 'foreign', unused => 1, way => 4 },
);
$attacks{"refused_$_"} = { token => $_, by => 'setting', way => 2 } for qw(expired revoked unknown elsewhere garbage forged);

# 28T16: another token, or none, in the same statement
my %changes = (
	clear => 'token_auth.clear_token()::text',
	set_other => "token_auth.set_local_token('$token{eve}')",
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
	my @common = (token => $change eq 'revoke' ? 'leaving' : 'good', rollback => $change eq 'revoke', way => 1);

	$attacks{"then_$change"} = { @common, after => [ $changes{$change}, 'token_auth.subject()' ] };
	$attacks{"before_$change"} = { @common, ahead => [ $changes{$change} ], after => ['token_auth.subject()'] };
	$attacks{"where_$change"} = { @common, where => "concat($changes{$change}, body) IS NOT NULL" };
	$attacks{"between_$change"} = { @common, between => ["SELECT $changes{$change}"] };
}
$attacks{then_foreign_clears} = { token => 'foreign', after => [ $changes{clear}, 'token_auth.subject()' ], way => 1 };
$attacks{then_none_sets} = { after => [ "token_auth.set_local_token('$token{eve}')", 'token_auth.subject()' ], way => 1 };
$attacks{then_function} = { token => 'good', after => ["guarded.change_and_read('$token{eve}')"], way => 1 };
$attacks{between_refused} = { between => ["SET LOCAL token_auth.token = 'garbage'"], way => 2 };
$attacks{between_expired} = { token => 'good', between => ["SET LOCAL token_auth.token = '$token{expired}'"], way => 2 };

# readers that raise, called beside the guess: in_claim() is leakproof
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
	in_bigint => "token_auth.in_claim(amount::bigint, VARIADIC '{}')",
	in_not => "NOT token_auth.in_claim(team, 'realm_access')",
	in_or => "(token_auth.in_claim(team, 'realm_access') OR body > 'a')",
	typed_uuid => "owner_id = token_auth.claim_uuid('realm_access')",
	typed_bigint => "amount = token_auth.claim_bigint('team')",
	typed_boolean => "token_auth.claim_boolean('team')",
	typed_timestamptz => "moment > token_auth.claim_timestamptz('team')",
	typed_array => "team = ANY (token_auth.claim_array('realm_access'))",
	typed_column_path => 'token_auth.claim_uuid(body) IS NULL',
	in_typed_value => "token_auth.in_claim(token_auth.claim_uuid('realm_access'), 'teams')",
	require => "token_auth.require_scope('orders:write')",
	require_or => "(token_auth.require_scope('orders:write') OR body > 'a')",
	initplan => "body <> (SELECT token_auth.claim_uuid('realm_access')::text)",
	initplan_require => "id <> (SELECT 1 WHERE token_auth.require_scope('orders:write'))",
);
$attacks{"where_$_"} = { token => 'good', where => $conditions{$_}, way => $_ =~ /^in_/ ? 3 : 5 } for sort keys %conditions;
$attacks{where_in_root_foreign} = { token => 'foreign', where => $conditions{in_root}, way => 3 };
$attacks{where_in_root_missing} = { role => 'app_strict', where => $conditions{in_root}, way => 3 };

# --- tables, views and functions ----------------------------------------------------------------
# Everything stands twice: under the readers, and under settings in their place. What
# differs there is PostgreSQL's own.
my $columns = 'id int, owner text, owner_id uuid, team text, tenant uuid, dept int, flag boolean, moment timestamptz, attrs jsonb, body text, amount int';
my $rows = join ",\n", map { sprintf "(%d, '%s', '%s', '%s', '%s', %d, %s, '%s', '%s', '%s', %d)", @$_ }
  [ 100001, $alice, $alice, 'red', $alice, 1, 'false', '2001-01-01 00:00:00+00', '{"a": 1}', 'memo', 10 ],
  [ $hidden_id, $bob, $bob, 'blue', $bob, 2, 'true', '2031-03-04 05:06:08+00', '{"b": 2}', 'topsecret-42', 7342 ],
  map { [ $_, $carol, $carol, 'grey', $carol, 7, 'true', '2032-01-01 00:00:00+00', '{"c": 3}', "other $_", 20 ] } 100003 .. 100007;

sub functions
{
	return q{
		CREATE TABLE guarded.member (name text, team text);
		CREATE TABLE guarded.sink (id int, body text);
		CREATE FUNCTION guarded.me_sql() RETURNS text LANGUAGE sql STABLE PARALLEL SAFE AS 'SELECT token_auth.subject()';
		CREATE FUNCTION guarded.me_uuid_sql() RETURNS uuid LANGUAGE sql STABLE PARALLEL SAFE AS 'SELECT token_auth.subject_uuid()';
		CREATE FUNCTION guarded.me_definer() RETURNS text LANGUAGE sql STABLE PARALLEL SAFE SECURITY DEFINER AS 'SELECT token_auth.subject()';
		CREATE FUNCTION guarded.me_plpgsql() RETURNS text LANGUAGE plpgsql STABLE PARALLEL SAFE AS 'BEGIN RETURN token_auth.subject(); END';
		CREATE FUNCTION guarded.me_uuid_plpgsql() RETURNS uuid LANGUAGE plpgsql STABLE PARALLEL SAFE AS 'BEGIN RETURN token_auth.subject_uuid(); END';
		CREATE FUNCTION guarded.may_see(team text) RETURNS boolean LANGUAGE plpgsql STABLE PARALLEL SAFE AS 'BEGIN RETURN team = token_auth.claim(''team''); END';
		CREATE FUNCTION guarded.telling() RETURNS text LANGUAGE plpgsql STABLE PARALLEL SAFE COST 1 AS 'BEGIN RAISE NOTICE ''reached''; RETURN ''nobody''; END';
		CREATE FUNCTION guarded.reset_token() RETURNS text LANGUAGE plpgsql AS 'BEGIN RESET token_auth.token; RETURN ''reset''; END';
		CREATE FUNCTION guarded.with_clause() RETURNS text LANGUAGE plpgsql SET token_auth.token = '' AS 'BEGIN RETURN token_auth.subject(); END';
		CREATE FUNCTION guarded.undone(token text) RETURNS text LANGUAGE plpgsql AS $$
		BEGIN
			PERFORM token_auth.set_local_token(token);
			RAISE EXCEPTION 'undone';
		EXCEPTION WHEN raise_exception THEN
			RETURN 'undone';
		END $$;
		CREATE FUNCTION guarded.change_and_read(token text) RETURNS text LANGUAGE plpgsql AS $$
		BEGIN
			PERFORM token_auth.set_local_token(token);
			RETURN token_auth.subject();
		END $$;
		INSERT INTO guarded.member VALUES ('nobody', 'blue');
		GRANT ALL ON guarded.member, guarded.sink TO app;
	};
}

# The relations of a policy.
sub relations
{
	my ($name, $using) = @_;
	my ($plain, $parted) = map { "guarded.${_}_$name" } qw(plain parted);
	my $sql = "CREATE TABLE $plain (LIKE guarded.data);
		CREATE TABLE $parted (LIKE guarded.data) PARTITION BY LIST (owner);
		CREATE TABLE ${parted}_1 PARTITION OF $parted FOR VALUES IN ('$alice');
		CREATE TABLE ${parted}_2 PARTITION OF $parted FOR VALUES IN ('$bob');
		CREATE TABLE ${parted}_3 PARTITION OF $parted DEFAULT;\n";

	for my $table ($plain, $parted)
	{
		(my $here = $using) =~ s/guarded_row/$table/;
		$sql .= "INSERT INTO $table TABLE guarded.data;\n";
		$sql .= "CREATE INDEX ON $table ($_);\n" for qw(body amount owner_id moment id);
		$sql .= "ALTER TABLE $table ENABLE ROW LEVEL SECURITY; CREATE POLICY p ON $table USING ($here);\n";
	}
	(my $here = $using) =~ s/guarded_row/guarded.data/;
	$sql .= "CREATE VIEW guarded.barrier_$name WITH (security_barrier) AS SELECT * FROM guarded.data WHERE $here;
		CREATE VIEW guarded.view_$name AS SELECT * FROM guarded.plain_$name;
		ALTER VIEW guarded.view_$name OWNER TO app;\n";
	$sql .= "CREATE VIEW guarded.invoker_$name WITH (security_invoker) AS SELECT * FROM guarded.parted_$name;\n" if $node->pg_version >= 15;
	return $sql . "GRANT ALL ON $plain, $parted, guarded.barrier_$name" . ($node->pg_version >= 15 ? ", guarded.invoker_$name" : '') . " TO app;\n";
}

# The same with settings in place of readers.
sub control
{
	my @texts = @_;
	s/\btoken_auth\b/control/g, s/\bguarded\b/control_guarded/g for @texts;
	return wantarray ? @texts : $texts[0];
}

# Functions named like ours, of PostgreSQL's own: they are inlined, and never raise.
sub control_functions
{
	my $text = "current_setting('control.token', true)";
	my %returns = (
		text => [ map({ "$_()" } qw(subject client_id identity issuer issuer_name)), 'subject(text)', 'claim(VARIADIC text[])', 'claim_in_namespace(text, VARIADIC text[])' ],
		uuid => [ 'subject_uuid()', 'claim_uuid(VARIADIC text[])' ],
		bigint => ['claim_bigint(VARIADIC text[])'],
		jsonb => [ 'claims()', 'claim_jsonb(VARIADIC text[])' ],
		timestamptz => [ 'issued_at()', 'claim_timestamptz(VARIADIC text[])' ],
		boolean => [ 'is_client()', 'is_authenticated()', 'has_scope(text)', 'has_role(text)', 'has_role(text, text)', 'require_scope(text)', 'claim_boolean(VARIADIC text[])',
			'has_any_scope(VARIADIC text[])', 'has_all_scopes(VARIADIC text[])', map { "in_claim($_, VARIADIC text[])" } qw(text uuid int bigint smallint) ],
		'text[]' => [ 'scopes()', 'roles()', 'claim_array(VARIADIC text[])' ]);
	my $sql = '';

	for my $type (sort keys %returns)
	{
		$sql .= "CREATE FUNCTION control.$_ RETURNS $type LANGUAGE sql STABLE PARALLEL SAFE AS \$\$ SELECT " . ($type eq 'text' ? $text : "nullif(left($text, 0), '')::$type") . " \$\$;\n" for @{ $returns{$type} };
	}
	return $sql . q{
		CREATE FUNCTION control.set_local_token(text) RETURNS text LANGUAGE sql AS $$ SELECT set_config('control.token', $1, true) $$;
		CREATE FUNCTION control.clear_token() RETURNS text LANGUAGE sql AS $$ SELECT set_config('control.token', '', true) $$;
		CREATE FUNCTION control.revoke_current_token() RETURNS boolean LANGUAGE sql AS $$ SELECT true $$;
		CREATE FUNCTION control.inspect() RETURNS TABLE (step text, outcome text, detail text) LANGUAGE sql AS $$ SELECT '', '', '' $$;
	};
}

sub create
{
	my (%made) = @_;
	my $sql = join '', map { relations($_, $made{$_}) } sort keys %made;
	$node->safe_psql('postgres', "SET client_min_messages = warning; BEGIN; $sql " . control($sql) . ' COMMIT; ANALYZE;');
	return;
}

my $secret = unpack 'H*', test_secret();
my $functions = functions();
my $data = "CREATE SCHEMA guarded; GRANT USAGE ON SCHEMA guarded TO PUBLIC; CREATE TABLE guarded.data ($columns); INSERT INTO guarded.data VALUES $rows;
	CREATE INDEX ON guarded.data (body); CREATE INDEX ON guarded.data (id); CREATE INDEX ON guarded.data (amount); CREATE INDEX ON guarded.data (owner_id); CREATE INDEX ON guarded.data (moment);";
$node->safe_psql('postgres', "
	SET client_min_messages = warning;
	SELECT token_auth.add_issuer('https://partner.example.com', '{orders-api}', name => 'partner');
	SELECT token_auth.add_secret('partner', '\\x$secret', 'HS256', 'first');
	SELECT token_auth.revoke_token_id('idp', 'revoked');
	CREATE ROLE app LOGIN; CREATE ROLE app_strict LOGIN IN ROLE app; CREATE ROLE app_logged LOGIN IN ROLE app;
	ALTER ROLE app_strict SET token_auth.on_missing = 'error';
	ALTER ROLE app_logged SET token_auth.log_accepted = on;
	CREATE SCHEMA control; GRANT USAGE ON SCHEMA control TO PUBLIC;
	" . control_functions() . $data . control($data) . $functions . control($functions));
create(%policies, telling => 'team = guarded.telling()');

# --- cases -----------------------------------------------------------------------------------------
# A case is a hash of the names of policy, relation, read, run, attack and guess.
my $oracle = Oracle->new($node, first => [ 'BEGIN', "SELECT token_auth.set_local_token('$token{good}')", 'COMMIT' ]);

# The statements of a case with a guess, or undef where the parts do not fit.
sub script
{
	my ($case, $which) = @_;
	my ($read, $run, $attack, $guess) = ($reads{ $case->{read} }, $runs{ $case->{run} }, $attacks{ $case->{attack} }, $guesses{ $case->{guess} });
	my $relation = "guarded.$case->{relation}_$case->{policy}";
	my $wraps = $attack->{after};

	return if $read->{only} && $case->{relation} !~ $read->{only};
	return if $run->{select} && $read->{change};
	return if $case->{read} eq 'locked' && $case->{run} =~ /^(?:scroll|hold)$/ && !$wraps;
	return if $attack->{rollback} && $case->{run} eq 'hold';
	return if $run->{rows} && $read->{alone} || $wraps && $read->{alone};
	return if $attack->{unused} && !$run->{inside};
	return if $attack->{between} && $case->{run} !~ /^(?:cursor|scroll|hold)$/;

	my $statement = sub {
		my ($value) = @_;
		my $condition = $guess->{before} . $value . ($attack->{where} ? " AND $attack->{where}" : '');
		my $text = ($read->{select} || $read->{change})->($relation, $condition);

		return $text if !$wraps;
		my ($with, $count) = $read->{change} ? ("WITH d AS ($text) ", 'd') : ('', "($text) AS d");
		return "${with}SELECT " . join ', ', @{ $attack->{ahead} || [] }, "(SELECT count(*) FROM $count)", @{ $attack->{after} };
	};
	# one that is revoked is the case's own: revocations that are rolled back make others of the same token slow
	my $token = !$attack->{token} ? undef
	  : $attack->{token} eq 'leaving' ? ($case->{token} ||= new_token(sub => $alice, @well_typed)) : $token{ $attack->{token} };
	my $config = defined $token && "set_config('token_auth.token', '$token', true)";
	my $function = defined $token && "token_auth.set_local_token('$token')";
	my $by_setting = ($attack->{by} || '') eq 'setting';
	my %parts = (
		type => $guess->{type},
		value => "'$guess->{$which}'",
		neutral => "'" . ($guess->{neutral} // 'zzzzz') . "'",
		literal => $statement->("'$guess->{$which}'"),
		parameter => $statement->('$1'),
		set => !defined $token ? "'no token'" : $by_setting ? $config : $function,
	);

	local $_ = \%parts;
	my @main = $run->{main}->();
	splice @main, 1, 0, @{ $attack->{between} } if $attack->{between};
	my @script = (@{ $read->{settings} || [] }, $run->{before} ? $run->{before}->() : ());
	push @script, 'BEGIN' if !$attack->{unused};
	push @script, $by_setting ? "SET LOCAL token_auth.token = '$token'" : "SELECT $function" if defined $token && !$run->{inside};
	push @script, @{ $attack->{before} || [] }, @main;
	push @script, 'SELECT token_auth.is_authenticated(), token_auth.subject()', $attack->{rollback} ? 'ROLLBACK' : 'COMMIT' if !$attack->{unused};
	return \@script;
}

sub name_of
{
	my ($case) = @_;
	return join ' ', map { "$_=$case->{$_}" } qw(attack policy relation read run guess);
}

# Whether a case cannot be defended; returns the reason.
sub exclusion
{
	my ($case) = @_;
	for (@excluded)
	{
		return $_->[2] if $case->{policy} =~ $_->[0] && ($attacks{ $case->{attack} }{token} || '') =~ $_->[1];
	}
	return;
}

# Runs cases; returns what the right guess showed otherwise than the wrong one: a hash of
# fields for each. control: with settings in place of readers.
sub compare
{
	my ($control, @cases) = @_;
	my %found;

	for my $role (qw(app app_strict app_logged))
	{
		my @mine = grep { ($attacks{ $cases[$_]{attack} }{role} || 'app') eq $role } 0 .. $#cases or next;
		my @scripts = map {
			my $case = $cases[$_];
			map { [ $control ? control(@{ script($case, $_) }) : @{ script($case, $_) } ] } qw(wrong right)
		} @mine;
		my $began = time;
		my @outcomes = $oracle->run($role, @scripts);
		diag(scalar(@scripts) . " scripts in " . (time - $began));

		for my $i (@mine)
		{
			my ($wrong, $right) = splice @outcomes, 0, 2;
			my $guess = $guesses{ $cases[$i]{guess} };

			check_sound($cases[$i], $_) for $wrong, $right;
			$found{$i} = differences($wrong, $right, @$guess{qw(wrong right)});
		}
	}
	return map { $found{$_} } 0 .. $#cases;
}

# Faults of this program, and not of what it tests.
my %unsound;
sub check_sound
{
	my ($case, $outcome) = @_;
	my ($fault) = $outcome->{messages} =~ /^ERROR:  ((?:42(?:601|703|883|P\d\d|8\d\d)|0A000|22P02|42501: permission).*)/m;
	push @{ $unsound{$fault} }, name_of($case) if defined $fault;
	return;
}

# Compares, leaves out what PostgreSQL shows itself, and returns the cases that
# leak, with the fields that do.
my $n_own = 0;
sub leaks_of
{
	my (@cases) = @_;
	my @found = compare(0, @cases);
	my @suspects = grep { %{ $found[$_] } } 0 .. $#cases;
	my @control = compare(1, @cases[@suspects]);
	my @leaks;

	for my $i (@suspects)
	{
		my $own = shift @control;
		my %fields = map { $_ => $found[$i]{$_} } grep { !$own->{$_} } keys %{ $found[$i] };
		if (%fields) { push @leaks, { %{ $cases[$i] }, fields => \%fields }; }
		else { $n_own++; diag('OWN ' . describe({ %{ $cases[$i] }, fields => $own })); }
	}
	return @leaks;
}

sub describe
{
	my ($leak) = @_;
	my $text = name_of($leak) . "\n";
	for my $field (sort keys %{ $leak->{fields} })
	{
		my ($wrong, $right) = map { [ split /\n/, $_ ] } @{ $leak->{fields}{$field} };
		while (@$wrong && @$right && $wrong->[0] eq $right->[0]) { shift @$wrong; shift @$right; }
		$text .= sprintf "    %s: %s\n", $field, join ' <> ', map { substr($_->[0] // '(end)', 0, 160) } $wrong, $right;
	}
	return $text;
}

use Data::Dumper;
sub fitting { return grep { script($_, 'right') && !exclusion($_) } @_ }

# --- controls: the guesses differ, and the oracle sees what a policy tells -------------------------------
for my $guess (sort keys %guesses)
{
	for my $relation ('plain_subject', 'parted_subject', 'data')
	{
		is($node->safe_psql('postgres', join '; ', map { "SELECT count(*) FROM guarded.$relation WHERE $guesses{$guess}{before}'$guesses{$guess}{$_}'" } qw(right wrong)),
			"1\n0", "$guess in $relation: only the right guess finds the row");
	}
}

my @telling = fitting(map {
	my $read = $_;
	map {
		my $run = $_;
		map { +{ policy => 'telling', relation => $_, read => $read, run => $run, attack => 'good', guess => 'body_ge' } } @relations
	} sort keys %runs
} sort keys %reads);
my @told = compare(0, @telling);
my @silent = map { $telling[$_] } grep { !%{ $told[$_] } } 0 .. $#telling;
is(scalar @silent, 0, scalar(@telling) . ' ways to read a relation reach the policy if the guess is right')
  or diag(join "\n", map { name_of($_) } @silent);

# --- every policy, every attack ------------------------------------------------------------------------
# The other parts take turns, so that each meets each.
my %turn;
sub next_of
{
	my ($kind, @names) = @_;
	return $names[ $turn{$kind}++ % @names ];
}

# A case of a policy and an attack, whose other parts are those that are up.
sub next_case
{
	my ($policy, $attack) = @_;
	for (1 .. 1000)
	{
		my $case = { policy => $policy, attack => $attack,
			relation => next_of('relation', @relations), read => next_of('read', sort keys %reads),
			run => next_of('run', ('generic') x 3, sort keys %runs), guess => next_of('guess', sort keys %guesses) };
		return $case if script($case, 'right');
	}
	die "nothing fits $policy, $attack";
}

my @cases = fitting(map { my $policy = $_; map { next_case($policy, $_) } sort keys %attacks } sort keys %policies);
my %leaks;
push @{ $leaks{ $_->{attack} } }, $_ for leaks_of(@cases);
my %n_cases;
$n_cases{ $_->{attack} }++ for @cases;
for my $attack (sort keys %attacks)
{
	my @found = @{ $leaks{$attack} || [] };
	is(scalar @found, 0, "$attack: $n_cases{$attack} pairs of guesses") or diag(map { describe($_) } @found[ 0 .. ($#found < 2 ? $#found : 2) ]);
}
is_deeply(\%unsound, {}, 'every statement is one that PostgreSQL accepts') or diag(Dumper(\%unsound));
note(scalar(@cases) . " pairs, $n_own of which PostgreSQL tells apart itself");
stop_servers($node);
done_testing();
