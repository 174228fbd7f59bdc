-- Scopes and roles are exact sets; absent means empty means false, and an incomplete list of roles is unknown
\pset tuples_only
\pset format unaligned
\pset null none
\set VERBOSITY terse
SET client_min_messages = warning;
SET token_auth.binding = 'session';
SELECT mint.issuer();
UPDATE token_auth.issuer SET role_claims = '[["roles"], ["realm_access", "roles"], ["groups"]]';
CREATE ROLE regress_app;
SET ROLE regress_app;
-- The value of an expression, or the error. Each is a statement of its own.
CREATE FUNCTION pg_temp.value(expression text) RETURNS text LANGUAGE plpgsql AS $$
DECLARE
    value text;
    detail text;
BEGIN
    EXECUTE 'SELECT (' || expression || ')::text' INTO value;
    RETURN coalesce(value, 'NULL');
EXCEPTION WHEN OTHERS THEN
    GET STACKED DIAGNOSTICS detail = PG_EXCEPTION_DETAIL;
    RETURN concat_ws(' ', SQLSTATE, SQLERRM, nullif(detail, ''));
END
$$;
CREATE TEMPORARY TABLE question (i int GENERATED ALWAYS AS IDENTITY, expression text);
INSERT INTO question (expression) VALUES
    ('token_auth.scopes()'), ('token_auth.has_scope(''read'')'), ('token_auth.has_scope(''read:all'')'), ('token_auth.has_scope(''rea'')'), ('token_auth.has_scope(''READ'')'),
    ('token_auth.has_scope(''read read:all'')'), ('token_auth.has_scope('' read'')'), ('token_auth.has_scope('''')'), ('token_auth.has_scope(''%'')'), ('token_auth.has_scope(''*'')'),
    ('token_auth.has_scope(NULL)'), ('token_auth.has_scope(''read:all'', '''')'), ('token_auth.has_scope(''read:all'', ''x'')'), ('token_auth.has_scope(''read:all'', NULL)'), ('token_auth.has_scope(NULL, '''')'),
    ('token_auth.has_any_scope(''read'', ''write'')'), ('token_auth.has_any_scope(''x'', ''read:all'')'), ('token_auth.has_any_scope(''x'')'), ('token_auth.has_any_scope(NULL)'),
    ('token_auth.has_any_scope(NULL, ''read:all'')'), ('token_auth.has_any_scope(VARIADIC ''{}'')'), ('token_auth.has_any_scope(VARIADIC NULL)'), ('token_auth.has_any_scope(VARIADIC ''{{x,y},{z,read:all}}'')'),
    ('token_auth.has_all_scopes(''read:all'', ''write'')'), ('token_auth.has_all_scopes(''read:all'', ''read:all'')'), ('token_auth.has_all_scopes(''read:all'', ''x'')'), ('token_auth.has_all_scopes(''read:all'', NULL)'),
    ('token_auth.has_all_scopes(NULL)'), ('token_auth.has_all_scopes(VARIADIC ''{}'')'), ('token_auth.has_all_scopes(VARIADIC NULL)'),
    ('token_auth.require_scope(''read'')'), ('token_auth.require_scope(''read:all'')'), ('token_auth.require_scope('''')'), ('token_auth.require_scope(NULL)');

-- without a token: NULL or false, and require_scope() asks for one
SELECT expression, pg_temp.value(expression) FROM question ORDER BY i;
\set SHOW_CONTEXT never
\set VERBOSITY default
SELECT token_auth.require_scope('read');

-- refused: the scope is missing, and is named; one that is there passes
SELECT token_auth.set_session_token(mint.token('{"scope": "write read:all"}'));
SELECT token_auth.require_scope('read');
SELECT token_auth.require_scope('write');
\set VERBOSITY terse

-- one string, words between blanks; sorted, each once
SELECT expression, pg_temp.value(expression) FROM question ORDER BY i;
-- an array, and both spellings of the claim
SELECT token_auth.set_session_token(mint.token('{"scope": ["write", "read:all", "write"]}'));
SELECT expression, pg_temp.value(expression) FROM question ORDER BY i;
SELECT token_auth.set_session_token(mint.token('{"scope": "b a", "scp": ["c", "a"]}'));
SELECT token_auth.scopes();
SELECT token_auth.set_session_token(mint.token('{"scope": null, "scp": "a b"}'));
SELECT token_auth.scopes();

-- absent or empty: no scope at all
SELECT token_auth.set_session_token(mint.token('{"scope": ""}'));
SELECT token_auth.scopes(), token_auth.has_scope(''), token_auth.has_scope('read'), token_auth.has_any_scope('', 'read'), token_auth.has_all_scopes('');
SELECT token_auth.set_session_token(mint.token('{"scope": null}'));
SELECT token_auth.scopes(), token_auth.has_scope(''), token_auth.has_scope('read'), token_auth.has_any_scope('', 'read'), token_auth.has_all_scopes('');
SELECT token_auth.set_session_token(mint.token('{"scope": []}'));
SELECT token_auth.scopes(), token_auth.has_scope(''), token_auth.has_all_scopes(VARIADIC '{}');

-- refused: what is no list of scopes (RFC 6749 section 3.3)
RESET ROLE;
SELECT claims, split_part(mint.verdict(mint.token(claims)), ' ', 1)
FROM unnest(ARRAY['{"scope": "a  b"}', '{"scope": " a"}', '{"scope": 7}', '{"scope": {"a": true}}', '{"scope": ["a b"]}', '{"scope": [["a"]]}', '{"roles": 7}']::jsonb[]) AS t (claims);
SET ROLE regress_app;

-- roles: none, where the issuer puts them, and no scope is a role
SELECT token_auth.set_session_token(mint.token('{"scope": "admin"}'));
SELECT token_auth.roles(), token_auth.has_role('admin'), token_auth.has_role(NULL), token_auth.has_role('admin', ''), token_auth.has_role(NULL, ''), token_auth.has_role('admin', NULL);
SELECT token_auth.set_session_token(mint.token('{"roles": ["editor", "admin:all"], "realm_access": {"roles": ["viewer", "editor"]}, "wids": ["admin"], "role": "admin"}'));
SELECT token_auth.roles();
SELECT role, token_auth.has_role(role), token_auth.has_role(role, ''), token_auth.has_role(role, 'x'), token_auth.has_scope(role)
FROM unnest('{admin,admin:all,editor,viewer,view,Viewer,"",NULL}'::text[]) WITH ORDINALITY AS t (role, i) ORDER BY i;

-- a list that the issuer says is incomplete: what it has is true, what it lacks unknown
SELECT token_auth.set_session_token(mint.token('{"roles": ["editor"], "hasgroups": true}'));
SELECT token_auth.roles(), token_auth.has_role('editor'), token_auth.has_role('admin'), token_auth.has_role('editor', ''), token_auth.has_role('admin', ''), token_auth.has_role('admin', 'x'), token_auth.has_role(NULL);
SELECT count(*) FILTER (WHERE token_auth.has_role('admin')), count(*) FILTER (WHERE NOT token_auth.has_role('admin')) FROM generate_series(1, 3);
SELECT token_auth.set_session_token(mint.token('{"_claim_names": {"groups": "src1"}, "_claim_sources": {"src1": {"endpoint": "https://graph.test/"}}}'));
SELECT token_auth.roles(), token_auth.has_role('admin');
SELECT token_auth.set_session_token(mint.token('{"_claim_names": {"address": "src1"}, "roles": ["editor"], "hasgroups": false}'));
SELECT token_auth.roles(), token_auth.has_role('admin');

-- many rows, one scope each: the scope of a row, not that of the row before
SELECT token_auth.set_session_token(mint.token('{"scope": "a c", "roles": ["a", "c"]}'));
SELECT scope, token_auth.has_scope(scope), token_auth.has_scope(scope, ''), token_auth.has_any_scope(scope, 'x'), token_auth.has_all_scopes(scope, 'c'), token_auth.has_role(scope), pg_temp.value(format('token_auth.require_scope(%L)', scope))
FROM unnest('{a,b,c,NULL,a}'::text[]) WITH ORDINALITY AS t (scope, i) ORDER BY i;
DO $$
DECLARE
    scope text;
BEGIN
    FOREACH scope IN ARRAY '{a,b,c,b,a}'::text[] LOOP
        RAISE WARNING '% % % % %', scope, token_auth.has_scope(scope), token_auth.has_any_scope('b', scope), token_auth.has_all_scopes('a', scope), token_auth.has_role(scope);
    END LOOP;
END
$$;

-- what a place in a plan remembers is of one token
CREATE FUNCTION pg_temp.look() RETURNS text LANGUAGE plpgsql AS $$
BEGIN
    RETURN concat_ws(' ', token_auth.has_scope('a'), token_auth.has_scope('a', ''), token_auth.has_any_scope('a', 'b'), token_auth.has_all_scopes('a', 'b'), token_auth.scopes(), token_auth.has_role('r'), token_auth.roles());
END
$$;
DO $$
DECLARE
    scope text;
BEGIN
    FOR round IN 1 .. 2 LOOP
        FOREACH scope IN ARRAY '{a,b,a b,""}'::text[] LOOP
            PERFORM token_auth.set_local_token(mint.token(jsonb_build_object('scope', scope, 'roles', jsonb_build_array(CASE scope WHEN 'b' THEN 'r' ELSE 'q' END))));
            RAISE WARNING '%', pg_temp.look();
        END LOOP;
    END LOOP;
    PERFORM token_auth.clear_token();
    RAISE WARNING '%', pg_temp.look();
END
$$;

RESET ROLE;
DROP OWNED BY regress_app;
DROP ROLE regress_app;
SELECT token_auth.drop_issuer('https://idp.test');
