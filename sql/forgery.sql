-- Nothing that an ordinary role can write makes a claim appear, weakens a check, or reads what is ours
\pset tuples_only
\pset format unaligned
\pset null none
\set VERBOSITY terse
SET client_min_messages = warning;
SET token_auth.binding = 'session';
SELECT mint.issuer();
CREATE ROLE regress_app;
CREATE ROLE regress_reader IN ROLE pg_read_all_data, pg_write_all_data, pg_read_all_settings, pg_monitor;
CREATE ROLE regress_admin;
CREATE SCHEMA regress_evil AUTHORIZATION regress_app;
GRANT CREATE, TEMPORARY ON DATABASE :"DBNAME" TO regress_app;
CREATE TABLE public.orders (owner_id text, item text);
INSERT INTO public.orders VALUES ('alice', 'apple'), ('bob', 'book');
ALTER TABLE public.orders ENABLE ROW LEVEL SECURITY;
CREATE POLICY own ON public.orders TO regress_app USING (owner_id = token_auth.subject() AND token_auth.has_scope('orders:read'));
GRANT SELECT ON public.orders TO regress_app;
SELECT mint.token() AS alice, mint.token('{}', '{}', sha256('another key')) AS forged, mint.token('{"jti": "given up"}') AS given_up \gset
SELECT token_auth.revoke_token(:'given_up', 'test');
ANALYZE token_auth.issuer, token_auth.key, token_auth.secret, token_auth.revocation;

--
-- What the catalog says
--

-- who may execute what: everybody these, and nobody but the owner anything else
SELECT oid::regprocedure::text FROM pg_proc WHERE pronamespace = 'token_auth'::regnamespace AND has_function_privilege('regress_app', oid, 'EXECUTE') ORDER BY oid::regprocedure::text COLLATE "C";
SELECT DISTINCT a.grantee::regrole, a.privilege_type, a.is_grantable FROM pg_proc, aclexplode(proacl) AS a
WHERE pronamespace = 'token_auth'::regnamespace AND a.grantee <> 0 AND a.grantee <> proowner;
SELECT oid::regprocedure FROM pg_proc WHERE pronamespace = 'token_auth'::regnamespace AND proacl IS NULL;
-- tables: nobody at all; the schema: to be used by everybody
SELECT relname, relkind, a.grantee::regrole, a.privilege_type FROM pg_class, aclexplode(relacl) AS a
WHERE relnamespace = 'token_auth'::regnamespace AND a.grantee <> relowner AND NOT (a.grantee = 'pg_monitor'::regrole AND relkind = 'v');
SELECT attrelid::regclass, attname FROM pg_attribute WHERE attacl IS NOT NULL AND attrelid IN (SELECT oid FROM pg_class WHERE relnamespace = 'token_auth'::regnamespace);
SELECT CASE a.grantee WHEN 0 THEN 'PUBLIC' ELSE a.grantee::regrole::text END, a.privilege_type FROM pg_namespace, aclexplode(nspacl) AS a
WHERE nspname = 'token_auth' AND a.grantee <> nspowner;
-- all of it belongs to a superuser, and to the extension
SELECT count(*) FROM pg_class JOIN pg_roles AS r ON r.oid = relowner WHERE relnamespace = 'token_auth'::regnamespace AND NOT rolsuper;
SELECT count(*) FROM pg_proc JOIN pg_roles AS r ON r.oid = proowner WHERE pronamespace = 'token_auth'::regnamespace AND NOT rolsuper;
SELECT rolsuper FROM pg_namespace JOIN pg_roles AS r ON r.oid = nspowner WHERE nspname = 'token_auth';
SELECT oid::regprocedure FROM pg_proc AS p WHERE pronamespace = 'token_auth'::regnamespace
   AND NOT EXISTS (SELECT FROM pg_depend WHERE classid = 'pg_proc'::regclass AND objid = p.oid AND deptype = 'e' AND refobjid = (SELECT oid FROM pg_extension WHERE extname = 'token_auth'));
SELECT count(*) FROM pg_depend AS d JOIN pg_extension AS e ON d.refclassid = 'pg_extension'::regclass AND d.refobjid = e.oid AND e.extname = 'token_auth' AND d.deptype = 'e'
WHERE d.classid IN ('pg_cast'::regclass, 'pg_operator'::regclass, 'pg_event_trigger'::regclass, 'pg_language'::regclass, 'pg_transform'::regclass);
-- a function with its owner's rights, or with a body, has a search_path of its own: without a schema that others write in
SELECT oid::regprocedure, proconfig FROM pg_proc
WHERE pronamespace = 'token_auth'::regnamespace AND (prosecdef OR prolang <> (SELECT oid FROM pg_language WHERE lanname = 'c'))
  AND proconfig IS DISTINCT FROM '{"search_path=pg_catalog, pg_temp"}';
-- every object has a comment
SELECT pg_describe_object(classid, objid, 0) FROM pg_depend JOIN pg_extension AS e ON refclassid = 'pg_extension'::regclass AND refobjid = e.oid
WHERE e.extname = 'token_auth' AND deptype = 'e' AND obj_description(objid, classid::regclass::name) IS NULL ORDER BY 1;
-- what every function says of itself
SELECT oid::regprocedure FROM pg_proc WHERE pronamespace = 'token_auth'::regnamespace AND proleakproof AND proname <> 'in_claim';
-- secret, issuer and key have row security and no policy; the triggers that announce a change fire always
SELECT relname, relrowsecurity FROM pg_class WHERE oid IN ('token_auth.issuer'::regclass, 'token_auth.key'::regclass, 'token_auth.secret'::regclass) ORDER BY relname;
SELECT count(*) FROM pg_policy JOIN pg_class AS c ON polrelid = c.oid WHERE relnamespace = 'token_auth'::regnamespace;
SELECT tgrelid::regclass, tgname, tgenabled FROM pg_trigger WHERE tgrelid IN (SELECT oid FROM pg_class WHERE relnamespace = 'token_auth'::regnamespace) AND tgfoid IN ('token_auth.configuration_changed'::regproc, 'token_auth.status_changed'::regproc) AND tgenabled <> 'A';

--
-- What a role gets by trying
--

-- refused: our tables, to an ordinary role
SET ROLE regress_app;
SELECT split_part(mint.outcome(format(attempt, name)), ' ', 1), count(*)
FROM unnest('{issuer,key,secret,revocation,configuration,status}'::text[]) AS t (name),
     unnest(ARRAY['SELECT * FROM token_auth.%I', 'SELECT count(*) FROM token_auth.%I', 'SELECT NULL FROM token_auth.%I', 'TABLE token_auth.%I', 'INSERT INTO token_auth.%I DEFAULT VALUES', 'DELETE FROM token_auth.%I', 'TRUNCATE token_auth.%I',
                  'LOCK TABLE token_auth.%I IN ACCESS SHARE MODE', 'CREATE TABLE regress_evil.copy (LIKE token_auth.%I)', 'CREATE TABLE regress_evil.child () INHERITS (token_auth.%I)',
                  'CREATE TRIGGER t AFTER INSERT ON token_auth.%I EXECUTE FUNCTION suppress_redundant_updates_trigger()', 'CREATE RULE r AS ON INSERT TO token_auth.%I DO INSTEAD NOTHING', 'CREATE POLICY p ON token_auth.%I', 'ALTER TABLE token_auth.%I DISABLE ROW LEVEL SECURITY',
                  'ALTER TABLE token_auth.%I DISABLE TRIGGER ALL', 'ALTER TABLE token_auth.%I OWNER TO regress_app', 'DROP TABLE token_auth.%I', 'GRANT SELECT ON token_auth.%I TO regress_app', 'COMMENT ON TABLE token_auth.%I IS NULL',
                  'CREATE PUBLICATION p FOR TABLE token_auth.%I', 'CREATE INDEX ON token_auth.%I ((true))']) AS u (attempt)
GROUP BY 1;
COPY token_auth.secret TO STDOUT;
SELECT mint.outcome('CREATE TABLE regress_evil.guess (issuer text REFERENCES token_auth.issuer)');
CREATE VIEW regress_evil.secrets AS SELECT * FROM token_auth.secret;
SELECT mint.outcome('SELECT * FROM regress_evil.secrets');
SELECT count(*) FROM pg_stats WHERE schemaname = 'token_auth';
SELECT mint.outcome('SELECT * FROM pg_statistic');

-- refused: the schema, the extension, the triggers of a whole session
SELECT split_part(mint.outcome(statement), ' ', 1), statement
FROM unnest(ARRAY['CREATE FUNCTION token_auth.subject(integer) RETURNS text LANGUAGE sql AS ''SELECT 1''', 'CREATE TABLE token_auth.t ()', 'CREATE VIEW token_auth.v AS SELECT 1', 'DROP SCHEMA token_auth', 'DROP EXTENSION token_auth',
    'ALTER EXTENSION token_auth DROP FUNCTION token_auth.subject()', 'ALTER FUNCTION token_auth.subject() OWNER TO regress_app', 'CREATE OR REPLACE FUNCTION token_auth.subject() RETURNS text LANGUAGE sql AS ''SELECT 1''', 'ALTER FUNCTION token_auth.subject() RENAME TO s',
    'ALTER FUNCTION token_auth.subject() SET SCHEMA regress_evil', 'ALTER FUNCTION token_auth.subject() SET token_auth.token = ''''', 'DROP FUNCTION token_auth.subject()', 'GRANT EXECUTE ON FUNCTION token_auth.add_issuer TO regress_app', 'ALTER SCHEMA token_auth RENAME TO t',
    'SET session_replication_role = replica', 'SET row_security = off; SELECT * FROM public.orders',
    'CREATE FUNCTION regress_evil.c() RETURNS text AS ''$libdir/token_auth'', ''token_auth_subject'' LANGUAGE c', 'CREATE EVENT TRIGGER e ON ddl_command_end EXECUTE FUNCTION x()', 'CREATE CAST (text AS jsonb) WITHOUT FUNCTION', 'LOAD ''token_auth''',
    'ALTER POLICY own ON public.orders USING (true)', 'CREATE POLICY open ON public.orders USING (true)', 'SET token_auth.subject = ''alice''', 'SET token_auth.claims = ''{}''', 'SELECT set_config(''token_auth.binding'', ''session'', false)']) AS t (statement);

-- refused: every function that is not for everybody, called directly or as a trigger
SELECT count(*) > 30 FROM pg_proc WHERE pronamespace = 'token_auth'::regnamespace AND NOT has_function_privilege(oid, 'EXECUTE');
SELECT split_part(mint.outcome(format('SELECT token_auth.%I(%s)', proname, (SELECT string_agg(quote_nullable(CASE type::regtype::text WHEN 'token_auth.parsed_key' THEN NULL WHEN 'text' THEN 'x' WHEN 'boolean' THEN 't' WHEN 'bytea' THEN '' WHEN 'timestamp with time zone' THEN 'now' ELSE '{}' END) || '::' || type::regtype, ', ' ORDER BY i) FROM unnest(proargtypes) WITH ORDINALITY AS a (type, i)))), ' ', 1) AS sqlstate, count(*) > 0
FROM pg_proc WHERE pronamespace = 'token_auth'::regnamespace AND NOT has_function_privilege(oid, 'EXECUTE') AND prokind = 'f' AND prorettype NOT IN ('trigger'::regtype, 'internal'::regtype) GROUP BY 1;
SELECT oid::regprocedure, split_part(mint.outcome(format('SELECT token_auth.%I()', proname)), ' ', 1)
FROM pg_proc WHERE pronamespace = 'token_auth'::regnamespace AND prorettype = 'trigger'::regtype ORDER BY oid::regprocedure::text COLLATE "C";
CREATE TABLE regress_evil.t (value text, issuer text, retired_at timestamptz);
SELECT oid::regprocedure, split_part(mint.outcome(format('CREATE TRIGGER t BEFORE INSERT ON regress_evil.t FOR EACH ROW EXECUTE FUNCTION token_auth.%I()', proname)), ' ', 1)
FROM pg_proc WHERE pronamespace = 'token_auth'::regnamespace AND prorettype = 'trigger'::regtype ORDER BY oid::regprocedure::text COLLATE "C";
-- ... and to the owner a trigger function is one only where it is a trigger
RESET ROLE;
SELECT oid::regprocedure, split_part(mint.outcome(format('SELECT token_auth.%I()', proname)), ' ', 1)
FROM pg_proc WHERE pronamespace = 'token_auth'::regnamespace AND prorettype = 'trigger'::regtype ORDER BY oid::regprocedure::text COLLATE "C";

-- refused: the predefined roles. They see no issuer, key or secret, and change none
SET ROLE regress_reader;
SELECT (SELECT count(*) FROM token_auth.issuer), (SELECT count(*) FROM token_auth.key), (SELECT count(*) FROM token_auth.secret);
SELECT count(*) FROM pg_stats WHERE schemaname = 'token_auth' AND tablename IN ('issuer', 'key', 'secret');
COPY token_auth.secret TO STDOUT;
BEGIN;
SET LOCAL row_security = off;
SELECT count(*) FROM token_auth.secret;
ROLLBACK;
SELECT mint.outcome($$INSERT INTO token_auth.issuer (issuer, name, namespace, audiences) VALUES ('https://evil.test', 'evil', '', '{orders-api}')$$);
SELECT mint.outcome($$INSERT INTO token_auth.key (issuer, thumbprint, algorithm, jwk, origin) VALUES ('https://idp.test', 'evil', 'HS256', '{"kty": "oct"}', 'manual')$$);
SELECT mint.outcome($$INSERT INTO token_auth.secret VALUES ('https://idp.test', 'evil', sha256('another key'))$$);
UPDATE token_auth.issuer SET audiences = '{*}', max_lifetime = NULL, namespace = '' RETURNING issuer;
UPDATE token_auth.secret SET secret = sha256('another key') RETURNING issuer;
UPDATE token_auth.key SET enabled = true RETURNING issuer;
DELETE FROM token_auth.issuer RETURNING issuer;
DELETE FROM token_auth.key RETURNING issuer;
DELETE FROM token_auth.secret RETURNING issuer;
SELECT mint.outcome('TRUNCATE token_auth.secret'), mint.outcome('ALTER TABLE token_auth.secret DISABLE ROW LEVEL SECURITY');
SELECT split_part(mint.outcome(format('SELECT token_auth.%I(%s)', proname, (SELECT string_agg(quote_nullable(CASE type::regtype::text WHEN 'token_auth.parsed_key' THEN NULL WHEN 'text' THEN 'x' WHEN 'boolean' THEN 't' WHEN 'bytea' THEN '' WHEN 'timestamp with time zone' THEN 'now' ELSE '{}' END) || '::' || type::regtype, ', ' ORDER BY i) FROM unnest(proargtypes) WITH ORDINALITY AS a (type, i)))), ' ', 1) AS sqlstate, count(*) > 0
FROM pg_proc WHERE pronamespace = 'token_auth'::regnamespace AND NOT has_function_privilege('regress_app', oid, 'EXECUTE') AND prokind = 'f' AND prorettype NOT IN ('trigger'::regtype, 'internal'::regtype) GROUP BY 1;
SELECT split_part(mint.outcome(format('SELECT token_auth.set_local_token(%L)', :'forged')), ' ', 1), split_part(mint.outcome(format('SELECT token_auth.set_local_token(%L)', :'alice')), ' ', 1);
RESET ROLE;
SELECT (SELECT count(*) FROM token_auth.issuer), (SELECT count(*) FROM token_auth.key), (SELECT count(*) FROM token_auth.secret);

--
-- Claims that nobody signed
--

SET ROLE regress_app;
-- refused: tokens with other keys, without a signature, or with a key that they bring along
SELECT name, split_part(mint.outcome(format('SELECT token_auth.set_local_token(%L)', token)), ' ', 1)
FROM (VALUES ('another key', :'forged'),
             ('no signature', split_part(:'alice', '.', 1) || '.' || split_part(:'alice', '.', 2) || '.'),
             ('two parts', split_part(:'alice', '.', 1) || '.' || split_part(:'alice', '.', 2)),
             ('another payload', split_part(:'alice', '.', 1) || '.' || split_part(mint.token('{"sub": "bob"}'), '.', 2) || '.' || split_part(:'alice', '.', 3)),
             ('alg none', mint.token('{}', '{"alg": "none"}')),
             ('alg None', mint.token('{}', '{"alg": "None"}')),
             ('alg absent', mint.token('{}', '{"alg": null}')),
             ('alg of another kind', mint.token('{}', '{"alg": "RS256"}')),
             ('alg of another digest', mint.token('{}', '{"alg": "HS512"}')),
             ('empty key', mint.token('{}', '{}', '')),
             ('key in the header', mint.token('{}', '{"jwk": {"kty": "oct", "k": "YW5vdGhlcg"}}', 'another')),
             ('key that kid names', mint.token('{}', '{"kid": "../../dev/null"}', '')),
             ('another issuer', mint.token('{"iss": "https://evil.test"}')),
             ('issuer by its name', mint.token('{"iss": "idp.test"}')),
             ('issuer with a slash', mint.token('{"iss": "https://idp.test/"}')),
             ('no issuer', mint.token('{"iss": null}')),
             ('issuer in an array', mint.token('{"iss": ["https://idp.test"]}')),
             ('the token itself', :'alice')) AS t (name, token);
-- settings of other programs are none of ours
SELECT set_config(name, value, false) <> '' FROM (VALUES ('request.jwt.claims', '{"sub": "alice", "scope": "orders:read"}'), ('request.jwt.claim.sub', 'alice'), ('jwt.claims.sub', 'alice'), ('role.sub', 'alice')) AS t (name, value);
SELECT token_auth.subject(), token_auth.claims(), token_auth.is_authenticated();
SELECT count(*) FROM public.orders;

-- settings of the server that anybody may change make no difference
\c -reuse-previous=on "options='-c ignore_system_indexes=on -c client_min_messages=warning'"
SET token_auth.binding = 'session';
SET SESSION AUTHORIZATION regress_app;
SET datestyle = 'German';
SET intervalstyle = 'iso_8601';
SET timezone = 'Asia/Kathmandu';
SET bytea_output = 'escape';
SET extra_float_digits = -15;
SET standard_conforming_strings = off;
SET escape_string_warning = off;
SET backslash_quote = off;
SET quote_all_identifiers = on;
SET xmlbinary = hex;
SET array_nulls = off;
SET transform_null_equals = on;
SET enable_indexscan = off;
SET enable_seqscan = off;
SET default_transaction_isolation = 'serializable';
SET default_transaction_read_only = on;
SELECT token_auth.set_session_token(:'alice');
SELECT * FROM public.orders;
SELECT mint.outcome(format('SELECT token_auth.set_local_token(%L)', :'given_up'));
SELECT token_auth.expires_at() - token_auth.issued_at();
SELECT token_auth.set_session_token(:'forged');
\c -reuse-previous=on "options='-c client_min_messages=warning'"
SET ROLE regress_app;

-- names of our functions, operators, types and tables elsewhere, found first
CREATE FUNCTION regress_evil.subject() RETURNS text LANGUAGE sql AS $$ SELECT 'alice' $$;
CREATE FUNCTION regress_evil.has_scope(text) RETURNS boolean LANGUAGE sql AS $$ SELECT true $$;
CREATE FUNCTION regress_evil.is_authenticated() RETURNS boolean LANGUAGE sql AS $$ SELECT true $$;
CREATE FUNCTION regress_evil.always(text, text) RETURNS boolean LANGUAGE sql IMMUTABLE AS $$ SELECT true $$;
CREATE OPERATOR regress_evil.= (LEFTARG = text, RIGHTARG = text, FUNCTION = regress_evil.always);
CREATE OPERATOR regress_evil.<> (LEFTARG = text, RIGHTARG = text, FUNCTION = regress_evil.always);
CREATE FUNCTION regress_evil.alarm(anyelement) RETURNS boolean LANGUAGE plpgsql AS $$ BEGIN RAISE WARNING 'reached as %', current_user; RETURN true; END $$;
CREATE FUNCTION regress_evil.octet_length(text) RETURNS integer LANGUAGE plpgsql AS $$ BEGIN RAISE WARNING 'reached octet_length as %', current_user; RETURN 1; END $$;
CREATE FUNCTION regress_evil.lower(text) RETURNS text LANGUAGE plpgsql AS $$ BEGIN RAISE WARNING 'reached lower as %', current_user; RETURN $1; END $$;
CREATE FUNCTION regress_evil.format(text, VARIADIC text[]) RETURNS text LANGUAGE plpgsql AS $$ BEGIN RAISE WARNING 'reached format as %', current_user; RETURN $1; END $$;
CREATE FUNCTION regress_evil.clock_timestamp() RETURNS timestamptz LANGUAGE sql AS $$ SELECT '-infinity'::timestamptz $$;
CREATE FUNCTION regress_evil.array_position(text[], text) RETURNS integer LANGUAGE plpgsql AS $$ BEGIN RAISE WARNING 'reached array_position as %', current_user; RETURN NULL; END $$;
CREATE TYPE regress_evil.jsonb AS (claims text);
CREATE TABLE regress_evil.issuer AS SELECT 'https://evil.test' AS issuer, 'evil' AS name, '' AS namespace, true AS enabled, '{orders-api}'::text[] AS audiences;
CREATE TABLE regress_evil.secret AS SELECT 'https://idp.test' AS issuer, 'evil' AS thumbprint, sha256('another key') AS secret;
CREATE TABLE regress_evil.revocation (issuer text, kind text, value text, source text);
CREATE TEMPORARY TABLE issuer AS TABLE regress_evil.issuer;
CREATE TEMPORARY TABLE secret AS TABLE regress_evil.secret;
CREATE TEMPORARY TABLE revocation AS TABLE regress_evil.revocation;
CREATE FUNCTION pg_temp.subject() RETURNS text LANGUAGE sql AS $$ SELECT 'alice' $$;
-- tokens are made before the names count
SELECT format('SELECT token_auth.set_local_token(%L)', :'forged') AS set_forged, format('SELECT token_auth.set_local_token(%L)', :'given_up') AS set_given_up \gset
SET search_path = regress_evil, pg_temp, token_auth, pg_catalog;
SELECT pg_catalog.count(*) FROM public.orders;
SELECT token_auth.subject(), token_auth.is_authenticated(), token_auth.has_scope('orders:read');
:set_forged;
:set_given_up;
BEGIN;
SELECT token_auth.set_local_token(:'alice');
SELECT * FROM public.orders;
SELECT token_auth.revoke_current_token(reason => 'evil');
SELECT token_auth.subject();
ROLLBACK;
-- ... nor do they reach into what the owner runs, who has not looked at the search_path
RESET ROLE;
SELECT token_auth.add_issuer('https://second.test', '{orders-api}', namespace => 'second');
SELECT token_auth.add_secret('https://second.test', pg_catalog.sha256('one more key of 32 bytes or more'), 'HS256', 'k');
SELECT token_auth.disable_key('https://second.test', 'k');
SELECT token_auth.enable_key('https://second.test', 'k');
SELECT token_auth.revoke_subject('https://second.test', 'alice', 'infinity');
SELECT token_auth.reinstate('https://second.test', 'subject', 'alice');
SELECT token_auth.revoke_token_id('https://second.test', pg_catalog.repeat('x', 600));
SELECT token_auth.jwks('https://second.test');
SELECT token_auth.drop_issuer('https://second.test');
INSERT INTO token_auth.revocation (issuer, kind, value) VALUES ('https://second.test', 'token_id', pg_catalog.repeat('y', 600));
DELETE FROM token_auth.revocation WHERE issuer OPERATOR(pg_catalog.=) 'https://second.test';
RESET search_path;

-- EXECUTE alone is enough to administer, and what is granted is nothing else
GRANT EXECUTE ON FUNCTION token_auth.add_issuer(text, text[], text, jsonb, text, text, text) TO regress_admin;
SET ROLE regress_admin;
SELECT token_auth.add_issuer('https://granted.test', '{orders-api}', namespace => 'granted');
SELECT mint.outcome('SELECT token_auth.drop_issuer(''https://granted.test'')');
SELECT mint.outcome('SELECT * FROM token_auth.issuer');
RESET ROLE;
REVOKE EXECUTE ON FUNCTION token_auth.add_issuer(text, text[], text, jsonb, text, text, text) FROM regress_admin;

DROP TABLE public.orders;
REVOKE ALL ON DATABASE :"DBNAME" FROM regress_app;
DROP OWNED BY regress_app;
DROP ROLE regress_app, regress_reader, regress_admin;
SELECT token_auth.drop_issuer(issuer) FROM token_auth.issuer;
DELETE FROM token_auth.revocation;
\c -reuse-previous=on "options=''"
