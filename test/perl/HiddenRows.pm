# HiddenRows.pm
#	Relations with a row that policies hide, and guesses about that row.
#
#	use HiddenRows;
#
#	create_scene($node, $secret);	# roles, functions and data
#	create_relations($node, name => 'owner = token_auth.subject()');	# guarded.plain_name, ...
#	my @statements = control('SELECT token_auth.subject() FROM guarded.plain_name');
#
# Everything exists twice: in the schema guarded under the readers of token_auth,
# and in control_guarded under functions of the same names in the schema control, which read
# settings of PostgreSQL's own and raise nothing. What a guess shows there, PostgreSQL shows.
package HiddenRows;
use strict;
use warnings;
use Exporter qw(import);

our @EXPORT = qw($hidden_id @kinds_of_relations @people %guesses %policies control create_relations create_scene);

# The subjects of the rows; the hidden one is the second's.
our @people = map { "0000000$_-9dc0-41d1-b245-5ffdce74fad2" } 1 .. 4;
our $hidden_id = 100002;
# What create_relations() makes of each policy.
our @kinds_of_relations = qw(barrier invoker parted plain view);
my ($alice, $bob, $carol, $eve) = @people;
my $hidden = "id = $hidden_id AND ";

# A guess is a condition: what stands before its value, and a right and a wrong value
# of the same length. neutral matches no row; plans are made with it.
our %guesses = (
	body_ge => { before => "${hidden}body >= ", type => 'text', right => 'topsecret-41', wrong => 'topsecret-43' },
	body_eq => { before => "${hidden}body = ", type => 'text', right => 'topsecret-42', wrong => 'topsecret-44' },
	body_only => { before => 'body = ', type => 'text', right => 'topsecret-42', wrong => 'topsecret-44' },
	body_between => { before => "${hidden}body < 'u' AND body > ", type => 'text', right => 'topsecret-41', wrong => 'topsecret-43' },
	amount => { before => "${hidden}amount > ", type => 'int', right => '7331', wrong => '7353', neutral => '99999' },
	amount_only => { before => 'amount = ', type => 'int', right => '7342', wrong => '7353', neutral => '99999' },
	owner => { before => "${hidden}owner_id >= ", type => 'uuid', right => $bob, wrong => $carol, neutral => $eve },
	partition_key => { before => "${hidden}owner = ", type => 'text', right => $bob, wrong => $carol, neutral => $eve },
	moment => { before => "${hidden}moment >= ", type => 'timestamptz', right => '2031-03-04 05:06:07+00', wrong => '2031-03-04 05:06:09+00', neutral => '2099-01-01' },
	exists => { before => 'id = ', type => 'int', right => $hidden_id, wrong => 100009, neutral => 99 },
);

# Policies that are false for the hidden row, with each of the tokens and without one.
our %policies = (
	subject => 'owner = token_auth.subject()',
	subject_uuid => 'owner_id = token_auth.subject_uuid()',
	claim => "team = token_auth.claim('team')",
	claim_path => "team = token_auth.claim('org', 'team')",
	claim_uuid => "tenant = token_auth.claim_uuid('tid')",
	claim_bigint => "dept = token_auth.claim_bigint('dept')",
	claim_boolean => "flag = token_auth.claim_boolean('suspended')",
	claim_boolean_negated => "owner = token_auth.subject() AND token_auth.claim_boolean('suspended') IS NOT TRUE",
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
	audience => "owner = ANY (token_auth.audience())",
	require_scope => "owner = token_auth.subject() AND token_auth.require_scope('orders:write')",
	require_scope_or => "owner = token_auth.subject() OR (team = 'none' AND token_auth.require_scope('orders:write'))",
	is_client => 'owner = token_auth.subject() AND NOT token_auth.is_client()',
	client_id => 'owner = token_auth.client_id()',
	token_id => 'owner = token_auth.token_id() OR owner = token_auth.session_id()',
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

# Replaces the readers and relations in texts by those of the control.
sub control
{
	my @texts = @_;
	s/\btoken_auth\b/control/g, s/\bguarded\b/control_guarded/g for @texts;
	return wantarray ? @texts : $texts[0];
}

my $columns = 'id int, owner text, owner_id uuid, team text, tenant uuid, dept int, flag boolean, moment timestamptz, attrs jsonb, body text, amount int';
my $rows = join ', ', map { sprintf "(%d, '%s', '%s', '%s', '%s', %d, %s, '%s', '%s', '%s', %d)", @$_ }
  [ 100001, $alice, $alice, 'red', $alice, 1, 'false', '2001-01-01 00:00:00+00', '{"a": 1}', 'memo', 10 ],
  [ $hidden_id, $bob, $bob, 'blue', $bob, 2, 'true', '2031-03-04 05:06:08+00', '{"b": 2}', 'topsecret-42', 7342 ],
  map { [ $_, $carol, $carol, 'grey', $carol, 7, 'true', '2032-01-01 00:00:00+00', '{"c": 3}', "other $_", 20 ] } 100003 .. 100007;
my @indexed = qw(id body amount owner_id moment);

my $scene = qq{
	CREATE SCHEMA guarded;
	GRANT USAGE ON SCHEMA guarded TO PUBLIC;
	CREATE TABLE guarded.data ($columns);
	INSERT INTO guarded.data VALUES $rows;
} . join('', map { "CREATE INDEX ON guarded.data ($_);\n" } @indexed) . q{
	CREATE TABLE guarded.member (name text, team text);
	INSERT INTO guarded.member VALUES ('nobody', 'blue');
	CREATE TABLE guarded.sink (id int, body text);
	GRANT ALL ON guarded.member, guarded.sink TO app;

	CREATE FUNCTION guarded.me_sql() RETURNS text LANGUAGE sql STABLE PARALLEL SAFE AS 'SELECT token_auth.subject()';
	CREATE FUNCTION guarded.me_uuid_sql() RETURNS uuid LANGUAGE sql STABLE PARALLEL SAFE AS 'SELECT token_auth.subject_uuid()';
	CREATE FUNCTION guarded.me_definer() RETURNS text LANGUAGE sql STABLE PARALLEL SAFE SECURITY DEFINER AS 'SELECT token_auth.subject()';
	CREATE FUNCTION guarded.me_plpgsql() RETURNS text LANGUAGE plpgsql STABLE PARALLEL SAFE AS 'BEGIN RETURN token_auth.subject(); END';
	CREATE FUNCTION guarded.me_uuid_plpgsql() RETURNS uuid LANGUAGE plpgsql STABLE PARALLEL SAFE AS 'BEGIN RETURN token_auth.subject_uuid(); END';
	CREATE FUNCTION guarded.may_see(team text) RETURNS boolean LANGUAGE plpgsql STABLE PARALLEL SAFE AS 'BEGIN RETURN team = token_auth.claim(''team''); END';
	CREATE OPERATOR guarded.=@ (LEFTARG = text, RIGHTARG = text[], FUNCTION = token_auth.in_claim);
	-- shows that a row reached the policy
	CREATE FUNCTION guarded.telling() RETURNS text LANGUAGE plpgsql STABLE PARALLEL SAFE COST 1 AS 'BEGIN RAISE NOTICE ''reached''; RETURN ''nobody''; END';

	-- change the token in ways that no check hook of its setting sees
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
};

# Creates the roles, the schemas and what all policies share.
#	secret	what the tokens of the issuer partner are signed with
# app is the application's role. app_strict has on_missing = error, app_logged log_accepted = on. app_counted has
# recheck_interval = 0: which judgements read tables does not depend on the time.
sub create_scene
{
	my ($node, $secret) = @_;
	my $hex = unpack 'H*', $secret;

	$node->safe_psql('postgres', "
		SET client_min_messages = warning;
		SELECT token_auth.add_issuer('https://partner.example.com', '{orders-api}', name => 'partner');
		SELECT token_auth.add_secret('partner', '\\x$hex', 'HS256', 'first');
		SELECT token_auth.revoke_token_id('idp', 'revoked');
		CREATE ROLE app LOGIN;
		CREATE ROLE app_strict LOGIN IN ROLE app;
		CREATE ROLE app_logged LOGIN IN ROLE app;
		CREATE ROLE app_counted LOGIN IN ROLE app;
		ALTER ROLE app_strict SET token_auth.on_missing = 'error';
		ALTER ROLE app_logged SET token_auth.log_accepted = on;
		ALTER ROLE app_counted SET token_auth.recheck_interval = 0;
		" . control_functions() . $scene . control($scene));
	return;
}

# Functions of the readers' names: inlined, of the same types, and silent.
sub control_functions
{
	my %by_type = (
		text => [ map({ "$_()" } qw(subject client_id identity issuer issuer_name session_id token_id)), 'subject(text)', 'claim(VARIADIC text[])', 'claim_in_namespace(text, VARIADIC text[])' ],
		uuid => [ 'subject_uuid()', 'claim_uuid(VARIADIC text[])' ],
		bigint => ['claim_bigint(VARIADIC text[])'],
		jsonb => [ 'claims()', 'claim_jsonb(VARIADIC text[])' ],
		timestamptz => [ 'issued_at()', 'claim_timestamptz(VARIADIC text[])' ],
		boolean => [ 'has_role(text)', 'has_role(text, text)', 'claim_boolean(VARIADIC text[])', 'has_any_scope(VARIADIC text[])', 'has_all_scopes(VARIADIC text[])' ],
		'text[]' => [ 'audience()', 'scopes()', 'roles()', 'claim_array(VARIADIC text[])' ]);
	my $token = "current_setting('control.token', true)";
	my $sql = 'CREATE SCHEMA control; GRANT USAGE ON SCHEMA control TO PUBLIC;';

	for my $type (sort keys %by_type)
	{
		# the token itself as text, and NULL that PostgreSQL cannot know as any other type
		my $value = $type eq 'text' ? $token : "nullif(left($token, 0), '')::$type";
		$sql .= "CREATE FUNCTION control.$_ RETURNS $type LANGUAGE sql STABLE PARALLEL SAFE AS \$\$ SELECT $value \$\$;\n" for @{ $by_type{$type} };
	}
	# these are true or false for all rows, and as with a good token
	my $nothing = "left(coalesce($token, ''), 0)";
	my %gates = ('is_client()' => "$nothing <> ''", 'is_authenticated()' => "$nothing = ''", 'require_scope(text)' => "$nothing = ''",
		'has_scope(text)' => "$nothing = '' AND \$1 = 'orders:read'");
	$sql .= "CREATE FUNCTION control.$_ RETURNS boolean LANGUAGE sql STABLE PARALLEL SAFE AS \$\$ SELECT $gates{$_} \$\$;\n" for sort keys %gates;
	$sql .= "CREATE FUNCTION control.in_claim($_, VARIADIC text[]) RETURNS boolean LANGUAGE sql STABLE PARALLEL SAFE AS \$\$ SELECT \$1::text = $token \$\$;\n"
	  for qw(text uuid int bigint smallint);
	return $sql . q{
		CREATE FUNCTION control.set_local_token(text) RETURNS text LANGUAGE sql AS $$ SELECT set_config('control.token', $1, true) $$;
		CREATE FUNCTION control.clear_token() RETURNS text LANGUAGE sql AS $$ SELECT set_config('control.token', '', true) $$;
		CREATE FUNCTION control.revoke_current_token() RETURNS boolean LANGUAGE sql AS $$ SELECT true $$;
		CREATE FUNCTION control.inspect() RETURNS TABLE (step text, outcome text, detail text) LANGUAGE sql AS $$ SELECT '', '', '' $$;
	};
}

# Creates the relations of policies, given by name.
sub create_relations
{
	my ($node, %using) = @_;
	my @each = map { relations_of($_, $using{$_}) } sort keys %using;

	# a transaction for each: it locks all that it creates
	$node->safe_psql('postgres', join "\n", 'SET client_min_messages = warning;', (map { "BEGIN; $_ COMMIT;" } @each, control(@each)), 'ANALYZE;');
	return;
}

# Each relation has all rows. guarded_row in a policy names the relation itself.
sub relations_of
{
	my ($name, $using) = @_;
	my ($plain, $parted, $barrier, $view, $invoker) = map { "guarded.${_}_$name" } qw(plain parted barrier view invoker);
	my $sql = "CREATE TABLE $plain (LIKE guarded.data);
		CREATE TABLE $parted (LIKE guarded.data) PARTITION BY LIST (owner);
		CREATE TABLE ${parted}_1 PARTITION OF $parted FOR VALUES IN ('$alice');
		CREATE TABLE ${parted}_2 PARTITION OF $parted FOR VALUES IN ('$bob');
		CREATE TABLE ${parted}_3 PARTITION OF $parted DEFAULT;\n";

	for my $table ($plain, $parted)
	{
		$sql .= "INSERT INTO $table TABLE guarded.data;\n"
		  . join('', map { "CREATE INDEX ON $table ($_);\n" } @indexed)
		  . "ALTER TABLE $table ENABLE ROW LEVEL SECURITY;\n"
		  . "CREATE POLICY p ON $table USING (" . $using =~ s/guarded_row/$table/gr . ");\n";
	}
	$sql .= "CREATE VIEW $barrier WITH (security_barrier) AS SELECT * FROM guarded.data WHERE " . $using =~ s/guarded_row/guarded.data/gr . ";
		CREATE VIEW $view AS SELECT * FROM $plain;
		ALTER VIEW $view OWNER TO app;
		CREATE VIEW $invoker WITH (security_invoker) AS SELECT * FROM $parted;
		GRANT ALL ON $plain, $parted, $barrier, $invoker TO app;\n";
	return $sql;
}

1;
