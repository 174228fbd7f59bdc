-- Every reader: what it answers, NULL without a claim, and an error that names the claim and not its value
\pset tuples_only
\pset format unaligned
\pset null none
\set VERBOSITY terse
SET client_min_messages = warning;
SET token_auth.binding = 'session';
SET timezone = 'UTC';
SET datestyle = 'ISO, YMD';
SELECT mint.issuer();
CREATE ROLE regress_app;
-- mint.token() leaves out what is null; here it is in
SELECT mint.raw('{"alg": "HS256", "typ": "JWT"}', replace((mint.claims() ||
           '{"sub": "c0ffee00-0000-4000-8000-00000000cafe", "jti": "j1", "sid": "s1", "aud": ["orders-api", "billing"], "auth_time": 1700000000, "nbf": 1600000000.25,
             "act": {"sub": "robot", "act": {"sub": "boss"}}, "tenant": {"id": "{C0FFEE00-0000-4000-8000-00000000CAFE}", "names": ["x", "y"], "deep": [{"a": 1}, {"a": [true]}]},
             "number": 7, "whole": 7.00, "negative": -9223372036854775808, "big": 9223372036854775808.0, "fraction": 7.5, "exponent": 1e3, "huge": "1e300",
             "yes": true, "no": false, "nothing": null, "empty": "", "empty_array": [], "empty_object": {},
             "date": 1700000000.123456, "early": -1, "late": 253402300800, "zero": 0, "secret": "sekret value", "numeral": "7", "truth": "true",
             "mixed": ["a", 1, 2.50], "nested": ["a", ["b"]], "with_null": ["a", null], "objects": [{}], "quote\"d": "q"}')::text, '"1e300"', '1e300')) AS full,
       mint.token('{"sub": "shop", "client_id": "shop", "scope": "orders:read"}') AS client,
       mint.token('{"jti": null, "aud": "orders-api"}') AS plain \gset
-- The value of an expression, or the error. Each is a statement of its own.
CREATE FUNCTION public.value(expression text) RETURNS text LANGUAGE plpgsql AS $$
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
-- Every reader of the extension, called with something
CREATE TABLE public.call (call text);
INSERT INTO public.call
SELECT format('token_auth.%I(%s)', proname,
              (SELECT string_agg(CASE type WHEN 'text'::regtype THEN quote_literal('x') WHEN 'text[]'::regtype THEN quote_literal('x')
                                 WHEN 'uuid'::regtype THEN quote_literal('c0ffee00-0000-4000-8000-00000000cafe') || '::uuid' ELSE '1::' || type::regtype END, ', ' ORDER BY i)
               FROM unnest(proargtypes) WITH ORDINALITY AS a (type, i)))
FROM pg_proc
WHERE pronamespace = 'token_auth'::regnamespace AND provolatile = 's' AND has_function_privilege('regress_app', oid, 'EXECUTE');
GRANT SELECT ON public.call TO regress_app;
SET ROLE regress_app;

-- no token: NULL or false, and no error but require_scope()'s
SELECT call, public.value(call) FROM public.call ORDER BY call COLLATE "C";
-- ... unless a missing token is an error: then every reader says so but is_authenticated()
RESET ROLE;
SET token_auth.on_missing = 'error';
SET ROLE regress_app;
SELECT call, public.value(call) FROM public.call WHERE public.value(call) NOT LIKE '28T17 %' ORDER BY call COLLATE "C";
RESET ROLE;
RESET token_auth.on_missing;
SET ROLE regress_app;

-- a refused token is an error of every reader, whatever its arguments
SET token_auth.token = 'x';
SELECT call, public.value(call) FROM public.call WHERE public.value(call) NOT LIKE '28T00 %' ORDER BY call COLLATE "C";
SELECT call, public.value(call)
FROM unnest(ARRAY['token_auth.claim(NULL)', 'token_auth.claim(VARIADIC NULL)', 'token_auth.claim_in_namespace(NULL, ''sub'')', 'token_auth.subject(NULL)',
                  'token_auth.in_claim(NULL::text, ''x'')', 'token_auth.in_claim(1, VARIADIC NULL)', 'token_auth.has_scope(NULL)', 'token_auth.has_scope(NULL, NULL)',
                  'token_auth.has_any_scope(VARIADIC NULL)', 'token_auth.has_all_scopes(VARIADIC NULL)', 'token_auth.has_role(NULL)', 'token_auth.has_role(''r'', NULL)',
                  'token_auth.require_scope(NULL)']) AS t (call)
WHERE public.value(call) NOT LIKE '28T00 %';
SET token_auth.token = '';

-- each is STABLE and PARALLEL SAFE; those a restrictive policy may stand beside are LEAKPROOF
SELECT proname, count(*), bool_or(proleakproof) FROM pg_proc
WHERE pronamespace = 'token_auth'::regnamespace AND has_function_privilege('regress_app', oid, 'EXECUTE')
  AND proname NOT IN ('set_local_token', 'set_session_token', 'clear_token', 'revoke_current_token', 'inspect')
  AND (provolatile <> 's' OR proparallel <> 's' OR proleakproof)
GROUP BY proname;

-- refused: a claim of another type, by its name and without its value
SELECT token_auth.set_session_token(:'full');
SELECT expression, public.value(expression)
FROM unnest(ARRAY[
    'token_auth.claim_uuid(''secret'')', 'token_auth.claim_uuid(''number'')', 'token_auth.claim_uuid(''tenant'')', 'token_auth.claim_uuid(''empty'')',
    'token_auth.claim_bigint(''secret'')', 'token_auth.claim_bigint(''numeral'')', 'token_auth.claim_bigint(''big'')', 'token_auth.claim_bigint(''fraction'')',
    'token_auth.claim_bigint(''huge'')', 'token_auth.claim_bigint(''yes'')', 'token_auth.claim_bigint(''empty_array'')',
    'token_auth.claim_boolean(''truth'')', 'token_auth.claim_boolean(''number'')', 'token_auth.claim_boolean(''zero'')',
    'token_auth.claim_timestamptz(''secret'')', 'token_auth.claim_timestamptz(''early'')', 'token_auth.claim_timestamptz(''late'')', 'token_auth.claim_timestamptz(''huge'')',
    'token_auth.claim_timestamptz(''numeral'')', 'token_auth.claim_array(''secret'')', 'token_auth.claim_array(''empty'')', 'token_auth.claim_array(''number'')',
    'token_auth.claim_array(''empty_object'')', 'token_auth.claim_array(''nested'')', 'token_auth.claim_array(''with_null'')', 'token_auth.claim_array(''objects'')',
    'token_auth.claim_array(''tenant'', ''deep'')', 'token_auth.claim_uuid(''tenant'', ''names'')', 'token_auth.claim_bigint(''tenant'', ''deep'', ''1'', ''a'')',
    'token_auth.in_claim(''a''::text, ''yes'')', 'token_auth.in_claim(1, ''tenant'')', 'token_auth.in_claim(1::bigint, ''nested'')',
    'token_auth.in_claim(''c0ffee00-0000-4000-8000-00000000cafe''::uuid, ''objects'')', 'token_auth.in_claim(1::smallint, ''no'')', 'token_auth.in_claim(1, ''with_null'')',
    'token_auth.claim_bigint(''quote"d'')']) AS t (expression);
SELECT token_auth.set_session_token(:'plain');
SELECT public.value('token_auth.subject_uuid()');
SELECT token_auth.set_session_token(:'full');

-- answers: the registered claims
SELECT expression, public.value(expression)
FROM unnest(ARRAY['subject()', 'subject('''')', 'subject_uuid()', 'issuer()', 'issuer_name()', 'identity()', 'audience()', 'token_id()', 'client_id()', 'session_id()',
                  'extract(epoch FROM expires_at() - issued_at())::int', 'not_before()', 'authenticated_at()',
                  'actor()', 'actor() #>> ''{act,sub}''', 'is_client()', 'is_authenticated()', 'scopes()', 'roles()', 'claims() - ''{exp,iat}''::text[] ->> ''number''',
                  'claims() ? ''nothing''', 'claims() -> ''nothing''']) AS t (name),
     LATERAL (SELECT regexp_replace(name, '(\m(?!extract)[a-z_]+)\(', 'token_auth.\1(', 'g')) AS e (expression);
SELECT token_auth.issued_at() BETWEEN now() - interval '1 hour' AND clock_timestamp();
-- ... and without the optional ones
SELECT token_auth.set_session_token(:'plain');
SELECT token_auth.subject(), token_auth.token_id(), token_auth.audience(), token_auth.session_id(), token_auth.not_before(), token_auth.authenticated_at(), token_auth.actor(), token_auth.is_client();
SELECT token_auth.set_session_token(:'client');
SELECT token_auth.subject(), token_auth.client_id(), token_auth.is_client();
SELECT token_auth.set_session_token(:'full');

-- answers: any claim, by its path
SELECT expression, public.value(expression)
FROM unnest(ARRAY[
    'token_auth.claim(''sub'')', 'token_auth.claim(''number'')', 'token_auth.claim(''whole'')', 'token_auth.claim(''yes'')', 'token_auth.claim(''empty'') = ''''',
    'token_auth.claim(''tenant'', ''names'')', 'token_auth.claim(''tenant'', ''names'', ''1'')', 'token_auth.claim(''tenant'', ''names'', ''-1'')', 'token_auth.claim(''tenant'', ''names'', ''2'')',
    'token_auth.claim(''tenant'', ''deep'', ''1'', ''a'', ''0'')', 'token_auth.claim(VARIADIC ''{tenant,deep,0,a}'')', 'token_auth.claim(''sub'', ''0'')', 'token_auth.claim(''SUB'')',
    'token_auth.claim(''nothing'')', 'token_auth.claim(''absent'')', 'token_auth.claim('''')', 'token_auth.claim(''tenant.id'')', 'token_auth.claim(''quote"d'')',
    'token_auth.claim(NULL)', 'token_auth.claim(''tenant'', NULL)', 'token_auth.claim(VARIADIC NULL)', 'token_auth.claim(VARIADIC ''{}'')::jsonb = token_auth.claims()',
    'token_auth.claim_jsonb(''tenant'', ''deep'')', 'token_auth.claim_jsonb(''yes'')', 'token_auth.claim_jsonb(''numeral'')', 'token_auth.claim_jsonb(''nothing'')', 'token_auth.claim_jsonb(VARIADIC NULL)',
    'token_auth.claim_uuid(''sub'')', 'token_auth.claim_uuid(''tenant'', ''id'')', 'token_auth.claim_uuid(''absent'')', 'token_auth.claim_uuid(''nothing'')', 'token_auth.claim_uuid(NULL)',
    'token_auth.claim_bigint(''number'')', 'token_auth.claim_bigint(''whole'')', 'token_auth.claim_bigint(''negative'')', 'token_auth.claim_bigint(''exponent'')', 'token_auth.claim_bigint(''absent'')', 'token_auth.claim_bigint(''nothing'')',
    'token_auth.claim_boolean(''yes'')', 'token_auth.claim_boolean(''no'')', 'token_auth.claim_boolean(''absent'')', 'token_auth.claim_boolean(''nothing'')',
    'token_auth.claim_timestamptz(''date'')', 'token_auth.claim_timestamptz(''zero'')', 'token_auth.claim_timestamptz(''number'')', 'token_auth.claim_timestamptz(''absent'')',
    'token_auth.claim_timestamptz(''exp'') = token_auth.expires_at()', 'token_auth.claim_timestamptz(''iat'') = token_auth.issued_at()',
    'token_auth.claim_array(''tenant'', ''names'')', 'token_auth.claim_array(''mixed'')', 'token_auth.claim_array(''empty_array'')', 'token_auth.claim_array(''absent'')', 'token_auth.claim_array(''nothing'')',
    'token_auth.claim_array(''aud'')', 'token_auth.claim_in_namespace('''', ''sub'')', 'token_auth.claim_in_namespace(''other'', ''sub'')', 'token_auth.claim_in_namespace(NULL, ''sub'')',
    'token_auth.claim_in_namespace('''', ''tenant'', ''names'', ''0'')', 'token_auth.claim_in_namespace('''', VARIADIC NULL)']) AS t (expression);

-- in_claim(): exact membership, by the type of the value
SELECT token_auth.set_session_token(mint.raw('{"alg": "HS256", "typ": "JWT"}', (mint.claims() || '{"teams": ["blue", "BLUE ", "7", "07", "7.0"], "numbers": [7, -3, 12345678901234, 2.0, 2.5, 1e2], "numerals": ["7", "-3", "007", " 9", "9 ", "+4", "0x1F", "4.0", "4.5", ""],
    "ids": ["c0ffee00-0000-4000-8000-00000000cafe", "not a uuid", "{C0FFEE00-0000-4000-8000-00000000CAFF}"], "one": "blue", "one_id": "c0ffee00-0000-4000-8000-00000000cafe", "one_number": 7, "one_numeral": "7",
    "none": [], "nothing": null, "empty": "", "a": {"b": {"c": ["deep"]}}}')::text));
SELECT expression, public.value('token_auth.' || expression)
FROM unnest(ARRAY[
    'in_claim(''blue''::text, ''teams'')', 'in_claim(''BLUE''::text, ''teams'')', 'in_claim(''blu''::text, ''teams'')', 'in_claim(''blue''::varchar, ''teams'')', 'in_claim(''7''::text, ''teams'')', 'in_claim(''''::text, ''teams'')',
    'in_claim(7, ''teams'')', 'in_claim(8, ''teams'')', 'in_claim(''7''::text, ''numbers'')', 'in_claim(''2''::text, ''numbers'')', 'in_claim(''2.0''::text, ''numbers'')',
    'in_claim(7, ''numbers'')', 'in_claim((-3)::smallint, ''numbers'')', 'in_claim(12345678901234::bigint, ''numbers'')', 'in_claim(2, ''numbers'')', 'in_claim(3, ''numbers'')', 'in_claim(100, ''numbers'')',
    'in_claim(7, ''numerals'')', 'in_claim((-3)::bigint, ''numerals'')', 'in_claim(9, ''numerals'')', 'in_claim(4, ''numerals'')', 'in_claim(31, ''numerals'')', 'in_claim(0, ''numerals'')', 'in_claim(5, ''numerals'')',
    'in_claim(''C0FFEE00-0000-4000-8000-00000000CAFE''::uuid, ''ids'')', 'in_claim(''c0ffee00-0000-4000-8000-00000000caff''::uuid, ''ids'')', 'in_claim(''c0ffee00-0000-4000-8000-00000000cafd''::uuid, ''ids'')',
    'in_claim(''blue''::text, ''one'')', 'in_claim(''b''::text, ''one'')', 'in_claim(''c0ffee00-0000-4000-8000-00000000cafe''::uuid, ''one_id'')', 'in_claim(7, ''one_number'')', 'in_claim(7::smallint, ''one_numeral'')',
    'in_claim(''x''::text, ''none'')', 'in_claim(''x''::text, ''absent'')', 'in_claim(''x''::text, ''nothing'')', 'in_claim(''''::text, ''empty'')', 'in_claim(''''::text, ''none'')',
    'in_claim(''deep''::text, ''a'', ''b'', ''c'')', 'in_claim(''deep''::text, VARIADIC ''{a,b,c}'')', 'in_claim(''deep''::text, ''a'', ''b'', ''d'')',
    'in_claim(NULL::text, ''teams'')', 'in_claim(NULL::uuid, ''ids'')', 'in_claim(NULL::bigint, ''numbers'')', 'in_claim(NULL::integer, ''numbers'')', 'in_claim(NULL::smallint, ''numbers'')',
    'in_claim(''blue''::text, NULL)', 'in_claim(''blue''::text, ''a'', NULL)', 'in_claim(''blue''::text, VARIADIC NULL)']) AS t (expression);
-- never an error because of the value, however it is typed or large
SELECT token_auth.in_claim(repeat('x', 1000000), 'teams'), token_auth.in_claim(9223372036854775807, 'numbers'), token_auth.in_claim((-9223372036854775807 - 1)::bigint, 'numerals'),
       token_auth.in_claim((-32768)::smallint, 'ids'), token_auth.in_claim(E'\x01'::text, 'teams');
-- a compressed or toasted value is read like another
CREATE TEMPORARY TABLE wide (value text);
INSERT INTO wide VALUES ('blue'), (repeat('blue', 100000));
SELECT length(value), token_auth.in_claim(value, 'teams') FROM wide ORDER BY 1;

-- nor because of a path that comes from a row: a claim of another type is not a membership
SELECT name, token_auth.in_claim('deep'::text, name), token_auth.in_claim(1, name) FROM unnest('{a,one_number,teams}'::text[]) WITH ORDINALITY AS t (name, i) ORDER BY i;
-- the path of a row, not that of the row before
SELECT name, token_auth.claim(name), token_auth.claim_jsonb(name) FROM unnest('{one,absent,one_numeral,one,teams,sub,NULL,sub}'::text[]) WITH ORDINALITY AS t (name, i) ORDER BY i;
SELECT path, token_auth.claim(VARIADIC path::text[]) FROM unnest(ARRAY['{teams,0}', '{a,b}', '{}', '{teams,1}', NULL, '{teams,0}']) WITH ORDINALITY AS t (path, i) WHERE path IS DISTINCT FROM '{}' ORDER BY i;
SELECT name, value, token_auth.in_claim(value, name) FROM unnest('{teams,numerals,teams,absent,numbers,one}'::text[], '{7,7,8,7,7,blue}'::text[]) WITH ORDINALITY AS t (name, value, i) ORDER BY i;
SELECT name, value, token_auth.in_claim(value, VARIADIC ARRAY[name]) FROM unnest('{numbers,numerals,absent,teams}'::text[], '{7,7,7,7}'::int[]) WITH ORDINALITY AS t (name, value, i) ORDER BY i;
SELECT value, token_auth.in_claim(value, 'numbers') FROM unnest('{7,8,-3,NULL,7}'::int[]) WITH ORDINALITY AS t (value, i) ORDER BY i;
DO $$
DECLARE
    name text;
    value int;
BEGIN
    FOREACH name IN ARRAY '{one,sub,absent,one_numeral,one}'::text[] LOOP
        RAISE WARNING '%: % % %', name, token_auth.claim(name), token_auth.claim_in_namespace('', name), token_auth.in_claim('blue'::text, name);
    END LOOP;
    FOREACH value IN ARRAY '{7,8,-3,7}'::int[] LOOP
        RAISE WARNING '%: %', value, token_auth.in_claim(value, 'numbers');
    END LOOP;
END
$$;
PREPARE by_name (text) AS SELECT token_auth.claim($1), token_auth.in_claim('blue'::text, $1);
SET plan_cache_mode = force_generic_plan;
EXECUTE by_name('one');
EXECUTE by_name('sub');
EXECUTE by_name('teams');
EXECUTE by_name(NULL);
RESET plan_cache_mode;

-- what a place in a plan remembers is of one token: in loops, cached plans, and rows
CREATE FUNCTION pg_temp.look() RETURNS text LANGUAGE plpgsql AS $$
BEGIN
    RETURN concat_ws(' ', token_auth.subject(), token_auth.claim('sub'), token_auth.claim_bigint('n'), token_auth.claim_array('l'), token_auth.in_claim(1, 'l'), token_auth.in_claim('1'::text, 'l'),
                     token_auth.actor(), token_auth.token_id(), token_auth.claim_boolean('b'), token_auth.claim_jsonb('absent'), token_auth.is_client());
END
$$;
CREATE TEMPORARY TABLE holder (i int, token text);
INSERT INTO holder SELECT i, mint.token(jsonb_build_object('sub', 's' || i, 'jti', 'j' || i, 'n', i, 'l', CASE WHEN i = 3 THEN '[]' ELSE jsonb_build_array(i) END, 'b', i = 2,
                                                           'act', CASE WHEN i = 1 THEN '{"sub": "a"}'::jsonb END)) FROM generate_series(1, 3) AS i;
DO $$
DECLARE
    one text;
BEGIN
    FOR round IN 1 .. 2 LOOP
        FOR one IN SELECT token FROM holder ORDER BY i LOOP
            PERFORM token_auth.set_local_token(one);
            RAISE WARNING '%', pg_temp.look();
        END LOOP;
        PERFORM token_auth.clear_token();
        RAISE WARNING '%', pg_temp.look();
    END LOOP;
END
$$;
RESET ROLE;
DROP OWNED BY regress_app;
DROP TABLE public.call;
DROP FUNCTION public.value;
DROP ROLE regress_app;
SELECT token_auth.drop_issuer('https://idp.test');
