-- The token cannot be read back or stored, and an ordinary role can change no setting but the token
\pset tuples_only
\pset format unaligned
\pset null none
\set VERBOSITY terse
SET client_min_messages = warning;
SET token_auth.binding = 'session';
SELECT mint.issuer();
CREATE ROLE regress_app LOGIN;
ALTER ROLE regress_app SET token_auth.binding = 'session';
CREATE ROLE regress_trusted;
CREATE ROLE regress_bypass BYPASSRLS;
GRANT CREATE ON SCHEMA public TO regress_app;
SELECT mint.token() AS alice, mint.token('{"sub": "bob"}') AS bob,
       mint.token(jsonb_build_object('iat', mint.now(-600), 'exp', mint.now(-300))) AS expired,
       current_user AS administrator, current_database() AS database \gset
SELECT format('user=%s options=''-c client_min_messages=warning''', :'administrator') AS as_administrator,
       'user=regress_app options=''-c client_min_messages=warning''' AS as_app \gset

-- Does anything of the token stand in this text? Its signature alone is 43 characters.
CREATE FUNCTION public.shows(token text, shown text) RETURNS boolean LANGUAGE sql IMMUTABLE AS $$
    SELECT strpos(shown, split_part(token, '.', 1)) > 0
        OR strpos(shown, split_part(token, '.', 2)) > 0
        OR strpos(shown, split_part(token, '.', 3)) > 0
$$;
CREATE FUNCTION public.show_all_shows(token text) RETURNS boolean LANGUAGE plpgsql AS $$
DECLARE
    setting record;
    found boolean := false;
BEGIN
    FOR setting IN EXECUTE 'SHOW ALL' LOOP
        found := found OR public.shows(token, setting::text);
    END LOOP;
    RETURN found;
END
$$;
-- The token in a statement of an inner level: as an error's context it would be shown.
CREATE FUNCTION public.run(statement text) RETURNS void LANGUAGE plpgsql AS $$
BEGIN
    EXECUTE statement;
END
$$;
-- What a client sees of an error, but for what the token may not be in.
CREATE FUNCTION public.error_shows(token text, statement text) RETURNS text LANGUAGE plpgsql AS $$
DECLARE
    detail text;
    hint text;
    context text;
BEGIN
    EXECUTE format('SELECT public.run(%L)', statement);
    RETURN 'accepted';
EXCEPTION WHEN OTHERS THEN
    GET STACKED DIAGNOSTICS detail = PG_EXCEPTION_DETAIL, hint = PG_EXCEPTION_HINT, context = PG_EXCEPTION_CONTEXT;
    -- the outermost lines are of this function and of the test itself
    RETURN concat(SQLSTATE, ' shown in the message: ', public.shows(token, SQLERRM || detail || hint),
                  CASE WHEN SQLSTATE LIKE '28%' THEN ', in the context: ' || public.shows(token, context) END);
END
$$;

-- not readable: while it is set, by whoever holds the connection
SET ROLE regress_app;
SELECT public.shows(:'alice', set_config('token_auth.token', :'alice', false));
SELECT public.shows(:'alice', :'alice');
SELECT public.shows(:'alice', current_setting('token_auth.token'));
SHOW token_auth.token;
SELECT public.show_all_shows(:'alice');
SELECT count(*) FROM pg_settings AS s WHERE public.shows(:'alice', s::text);
SELECT name FROM pg_settings WHERE name = 'token_auth.token';
SELECT public.shows(:'alice', set_config('token_auth.token', :'bob', true));
SELECT token_auth.subject();
SET token_auth.token = '';
SELECT '"' || current_setting('token_auth.token') || '"';

-- ... nor as the value of a connection option
SELECT format('user=regress_app options=''-c client_min_messages=warning -c token_auth.token=%s''', :'alice') AS connection \gset
\c -reuse-previous=on :connection
SELECT token_auth.subject();
SELECT count(*) FROM pg_settings AS s WHERE public.shows(:'alice', s::text);
SELECT public.shows(:'alice', current_setting('token_auth.token')), public.show_all_shows(:'alice');
\c -reuse-previous=on :as_administrator
SET token_auth.binding = 'session';
SELECT token_auth.is_authenticated();

-- refused: a token in a place where it would be stored; no message shows it
ALTER ROLE regress_app SET token_auth.token = :'alice';
SELECT format('ALTER DATABASE %I SET token_auth.token = %L', :'database', :'alice') AS statement \gset
:statement;
SELECT format('ALTER ROLE regress_app IN DATABASE %I SET token_auth.token = %L', :'database', :'alice') AS statement \gset
:statement;
ALTER ROLE ALL SET token_auth.token = :'alice';
ALTER SYSTEM SET token_auth.token = :'alice';
CREATE FUNCTION public.stored() RETURNS int LANGUAGE sql SET token_auth.token = :'alice' AS 'SELECT 1';
CREATE PROCEDURE public.stored() LANGUAGE sql SET token_auth.token = :'alice' AS 'SELECT 1';
ALTER FUNCTION public.run(text) SET token_auth.token = :'alice';
SET token_auth.token = :'alice';
CREATE FUNCTION public.stored() RETURNS int LANGUAGE sql SET token_auth.token FROM CURRENT AS 'SELECT 1';
ALTER ROLE regress_app SET token_auth.token FROM CURRENT;
RESET token_auth.token;
SET ROLE regress_app;
ALTER ROLE regress_app SET token_auth.token = :'alice';
CREATE FUNCTION public.stored() RETURNS int LANGUAGE sql SET token_auth.token = :'alice' AS 'SELECT 1';
RESET ROLE;
SELECT count(*) FROM pg_db_role_setting WHERE public.shows(:'alice', setconfig::text);
SELECT count(*) FROM pg_proc WHERE public.shows(:'alice', proconfig::text);
SELECT public.error_shows(:'alice', format('ALTER ROLE regress_app SET token_auth.token = %L', :'alice'));

-- ... but the empty value may be
ALTER ROLE regress_app SET token_auth.token = '';
ALTER ROLE regress_app RESET token_auth.token;
CREATE FUNCTION public.stored() RETURNS int LANGUAGE sql SET token_auth.token = '' AS 'SELECT 1';
ALTER FUNCTION public.stored() SET token_auth.token FROM CURRENT;
DROP FUNCTION public.stored();

-- refused: no error of a refused token shows it, neither in a message nor in a context
SELECT public.error_shows(token, format('SELECT token_auth.set_local_token(%L)', token))
FROM unnest(ARRAY[:'expired', 'Bearer ' || :'alice', :'alice' || ' ', :'alice' || '.x', :'alice' || 'A']) AS t (token);
SELECT public.error_shows(:'expired', format('SELECT set_config(''token_auth.token'', %L, true), token_auth.subject()', :'expired'));
SELECT public.error_shows(:'expired', format('SELECT token_auth.verify(%L)', :'expired'));

-- nor has a warning or a log line of ours the statement for its context
\c -
SELECT token_auth.is_authenticated();
UPDATE token_auth.issuer SET max_lifetime = NULL;
SELECT mint.raw('{"alg":"HS256","typ":"JWT"}',
    '{"iss":"https://idp.test","sub":"alice","aud":"orders-api","iat":1000000000,"exp":253402300000,"jti":"1","client_id":"shop"}') AS lasting \gset
\set VERBOSITY default
\set SHOW_CONTEXT always
SET SESSION AUTHORIZATION regress_bypass;
SELECT public.run(format('SELECT token_auth.set_local_token(%L), token_auth.subject()', :'lasting'));
RESET SESSION AUTHORIZATION;
SET token_auth.log_accepted = on;
SET SESSION AUTHORIZATION regress_app;
SET client_min_messages = log;
SELECT public.run(format('SELECT token_auth.set_local_token(%L), token_auth.subject()', :'lasting'));
\set VERBOSITY terse
\set SHOW_CONTEXT errors
\c -
UPDATE token_auth.issuer SET max_lifetime = '25 hours';

-- stored before the library was there: ignored, with a warning that does not show it
\c -
ALTER ROLE regress_app SET token_auth.token = :'alice';
\c -reuse-previous=on :as_app
SELECT token_auth.subject(), token_auth.is_authenticated();
SELECT token_auth.subject(), current_setting('token_auth.token');
RESET token_auth.token;
SELECT token_auth.subject();
SELECT token_auth.set_session_token(:'bob');
RESET ALL;
SELECT token_auth.subject();
\c -reuse-previous=on :as_administrator
ALTER ROLE regress_app RESET token_auth.token;
SELECT format('ALTER DATABASE %I SET token_auth.token = %L', :'database', :'alice') AS statement \gset
:statement;
\c -reuse-previous=on :as_app
SELECT token_auth.subject(), token_auth.is_authenticated();
\c -reuse-previous=on :as_administrator
SELECT format('ALTER DATABASE %I RESET token_auth.token', :'database') AS statement \gset
:statement;
\c -

-- refused: an ordinary role changes a setting; each next to one that was granted it
CREATE TABLE public.setting (name text, value text);
INSERT INTO public.setting VALUES ('binding', 'session'), ('cache_size', '0'), ('log_accepted', 'on'), ('max_token_size', '64kB'),
    ('on_expired', 'anonymous'), ('on_missing', 'error'), ('recheck_interval', '60s');
GRANT SELECT ON public.setting TO regress_app, regress_trusted;
CREATE TABLE public.attempt (statement text);
INSERT INTO public.attempt VALUES ('SET token_auth.%1$s = %2$L'), ('SET LOCAL token_auth.%1$s = %2$L'),
    ('SELECT set_config(''token_auth.%1$s'', %2$L, false)'), ('UPDATE pg_settings SET setting = %2$L WHERE name = ''token_auth.%1$s'''),
    ('ALTER ROLE %3$I SET token_auth.%1$s = %2$L'),
    ('CREATE FUNCTION pg_temp.weak() RETURNS int LANGUAGE sql SET token_auth.%1$s = %2$L AS ''SELECT 1''');
GRANT SELECT ON public.attempt TO regress_app, regress_trusted;
ALTER ROLE regress_app RESET token_auth.binding;
SELECT token_auth.is_authenticated();
SELECT format('GRANT SET ON PARAMETER token_auth.%s TO regress_trusted', name) FROM public.setting \gexec
SET ROLE regress_app;
SELECT name, mint.outcome(format(statement, name, value, current_user)), count(*)
FROM public.setting, public.attempt GROUP BY 1, 2 ORDER BY name COLLATE "C";
SELECT name, setting FROM pg_settings WHERE name LIKE 'token\_auth.%' ORDER BY name COLLATE "C";
RESET ROLE;
BEGIN;
SET LOCAL ROLE regress_trusted;
SELECT name, mint.outcome(format(statement, name, value, current_user)), count(*)
FROM public.setting, public.attempt WHERE statement LIKE 'S%' GROUP BY 1, 2 ORDER BY name COLLATE "C";
SELECT name, setting FROM pg_settings WHERE name LIKE 'token\_auth.%' ORDER BY name COLLATE "C";
ROLLBACK;

-- refused: the same before the library is there, where any name may be set
\c -reuse-previous=on :as_administrator
UPDATE public.setting SET value = 'transaction' WHERE name = 'binding';
SELECT format('ALTER ROLE regress_app SET token_auth.%s = %L', name, value) FROM public.setting ORDER BY name \gexec
\c -reuse-previous=on :as_app
SET token_auth.binding = 'session';
SET token_auth.cache_size = '2MB';
SET token_auth.log_accepted = off;
SET token_auth.max_token_size = '1kB';
SET token_auth.on_expired = 'error';
SET token_auth.on_missing = 'anonymous';
SET token_auth.recheck_interval = '1s';
SET client_min_messages = error;
SELECT token_auth.is_authenticated();
SELECT name, setting FROM pg_settings WHERE name LIKE 'token\_auth.%' ORDER BY name COLLATE "C";
RESET ALL;
SELECT name, setting FROM pg_settings WHERE name LIKE 'token\_auth.%' ORDER BY name COLLATE "C";

-- a load that is interrupted, as that warning makes possible, leaves nothing half done
\c -
CREATE DOMAIN public.loads_late AS text CHECK (token_auth.subject() IS NULL OR true);
CREATE TYPE public.loads_late_too AS (value public.loads_late);
\c -
SET client_min_messages = error;
SET token_auth.cache_size = '2MB';
SELECT pg_cancel_backend(pg_backend_pid()), json_populate_record(NULL::public.loads_late_too, '{"value": "x"}');
SELECT token_auth.is_authenticated();
SHOW token_auth.cache_size;
DROP TYPE public.loads_late_too;
DROP DOMAIN public.loads_late;

-- refused: the same as connection options. Where one is given what the superuser stored must count all the same, or nothing work.
\c -reuse-previous=on "user=regress_app options='-c client_min_messages=error -c token_auth.binding=session -c token_auth.cache_size=2MB -c token_auth.log_accepted=off -c token_auth.max_token_size=1kB -c token_auth.on_expired=error -c token_auth.on_missing=anonymous -c token_auth.recheck_interval=1s'"
SELECT mint.outcome('SELECT token_auth.subject()') ~ '^(28T17|42501) ', mint.outcome('SELECT token_auth.set_session_token(NULL)') ~ '^(55000|42501) ';
SELECT name, setting FROM pg_settings WHERE name LIKE 'token\_auth.%' AND mint.outcome('SELECT token_auth.is_authenticated()') = 'accepted'
   AND setting IS DISTINCT FROM (SELECT CASE value WHEN '64kB' THEN '65536' ELSE rtrim(value, 's') END FROM public.setting AS s WHERE 'token_auth.' || s.name = pg_settings.name);

-- refused: the same as connection options, where nothing is stored
\c -reuse-previous=on :as_administrator
ALTER ROLE regress_app RESET ALL;
\c -reuse-previous=on "user=regress_app options='-c client_min_messages=error -c token_auth.binding=session -c token_auth.max_token_size=64kB -c token_auth.on_expired=anonymous -c token_auth.recheck_interval=60s'"
SELECT mint.outcome('SELECT token_auth.is_authenticated()') ~ '^(accepted$|42501 )';
SELECT name, setting FROM pg_settings WHERE name IN ('token_auth.binding', 'token_auth.max_token_size', 'token_auth.on_expired', 'token_auth.recheck_interval')
   AND setting NOT IN ('transaction', '16384', 'error', '10');

-- a misspelt setting, which PostgreSQL takes while the library is not loaded, leaves the default: session tokens are refused
\c -reuse-previous=on :as_administrator
ALTER ROLE regress_app SET token_auth.bindign = 'session';
\c -reuse-previous=on :as_app
SELECT token_auth.set_session_token(:'alice');
SELECT token_auth.is_authenticated(), current_setting('token_auth.binding');
\c -reuse-previous=on :as_administrator
ALTER ROLE regress_app RESET ALL;

-- refused: values out of range and names that are none
\c -reuse-previous=on :as_administrator
SELECT token_auth.is_authenticated();
SELECT mint.outcome(statement) FROM unnest(ARRAY[
    'SET token_auth.recheck_interval = 61', 'SET token_auth.recheck_interval = -1',
    'SET token_auth.max_token_size = ''65kB''', 'SET token_auth.max_token_size = 0',
    'SET token_auth.binding = ''none''', 'SET token_auth.on_missing = ''ignore''', 'SET token_auth.on_expired = ''ignore''',
    'SET token_auth.cache_size = -1', 'SET token_auth.bindings = ''session''']) AS t (statement);
SELECT mint.outcome(statement) FROM unnest(ARRAY[
    'SET token_auth.recheck_interval = 0', 'SET token_auth.recheck_interval = 60', 'SET token_auth.max_token_size = ''64kB''',
    'SET token_auth.cache_size = 0', 'SET token_auth.binding = ''session''']) AS t (statement);

-- max_token_size is the limit; cache_size = 0 remembers none, and the current token works all the same
\c -reuse-previous=on :as_administrator
SET token_auth.binding = 'session';
SELECT token_auth.is_authenticated();
SELECT mint.token(jsonb_build_object('filler', array_agg(repeat('x', 100)))) AS large FROM generate_series(1, 120) \gset
SELECT mint.token(jsonb_build_object('filler', array_agg(repeat('x', 100)))) AS larger FROM generate_series(1, 500) \gset
SET client_min_messages = error;
SELECT split_part(mint.outcome(format('SELECT token_auth.set_local_token(%L)', :'large')), ' ', 1);
SET token_auth.max_token_size = '64kB';
SELECT split_part(mint.outcome(format('SELECT token_auth.set_local_token(%L)', :'large')), ' ', 1);
SELECT split_part(mint.outcome(format('SELECT token_auth.set_local_token(%L)', :'larger')), ' ', 1);
SELECT token_auth.set_session_token(:'bob');
SET token_auth.cache_size = 0;
SELECT token_auth.set_session_token(:'alice');
SELECT token_auth.set_session_token(:'bob');
SELECT token_auth.subject() FROM generate_series(1, 3);
SELECT token_auth.set_session_token(:'alice');
SELECT token_auth.subject();
SELECT count(*) FROM pg_backend_memory_contexts WHERE name = 'token_auth token';
SELECT token_auth.clear_token();
SELECT token_auth.subject();

-- pg_stat_activity: the literal is blotted as soon as the token is set or refused, and the query id stays
\c -reuse-previous=on :as_administrator
SET compute_query_id = on;
SET token_auth.binding = 'session';
SET client_min_messages = error;
SELECT token_auth.set_session_token(:'alice') \; SELECT query FROM pg_stat_activity WHERE pid = pg_backend_pid();
BEGIN \; SELECT token_auth.set_local_token(:'alice') \; SELECT query FROM pg_stat_activity WHERE pid = pg_backend_pid() \; COMMIT;
SET token_auth.token = :'alice' \; SELECT query FROM pg_stat_activity WHERE pid = pg_backend_pid();
BEGIN \; SET LOCAL token_auth.token = :'alice' \; SELECT query FROM pg_stat_activity WHERE pid = pg_backend_pid() \; COMMIT;
SELECT set_config('token_auth.token', :'alice', false) <> '' \; SELECT query FROM pg_stat_activity WHERE pid = pg_backend_pid();
SELECT token_auth.verify(:'alice') ->> 'sub' \; SELECT query FROM pg_stat_activity WHERE pid = pg_backend_pid();
SELECT count(*) > 0 FROM token_auth.inspect(:'expired') \; SELECT query FROM pg_stat_activity WHERE pid = pg_backend_pid();
SELECT token_auth.set_session_token(:'alice'), token_auth.set_session_token(:'bob') \; SELECT query FROM pg_stat_activity WHERE pid = pg_backend_pid();
SELECT token_auth.set_session_token(:'alice'),
       (SELECT query_id = (SELECT query_id FROM pg_stat_activity WHERE pid = pg_backend_pid()) AND query_id <> 0
        FROM pg_stat_activity WHERE pid = pg_backend_pid()) AS query_id_is_kept,
       (SELECT state || ' ' || backend_type FROM pg_stat_activity WHERE pid = pg_backend_pid());
SELECT mint.outcome(format('SELECT token_auth.set_session_token(%L)', :'expired')) LIKE '28T01%',
       (SELECT public.shows(:'expired', query) FROM pg_stat_activity WHERE pid = pg_backend_pid());
-- what is not a token stays as it was written, there and in the errors of others
SELECT 'a.b.c', token_auth.set_session_token(NULL) \; SELECT query FROM pg_stat_activity WHERE pid = pg_backend_pid();
SELECT employees_of_the_whole_department.annual_compensation_total FROM (SELECT 1 AS x) AS employees_of_the_whole_department;

DROP TABLE public.setting, public.attempt;
DROP FUNCTION public.shows, public.show_all_shows, public.run, public.error_shows;
SELECT format('REVOKE SET ON PARAMETER token_auth.%s FROM regress_trusted', name)
FROM unnest('{binding,cache_size,log_accepted,max_token_size,on_expired,on_missing,recheck_interval}'::text[]) AS t (name) \gexec
REVOKE CREATE ON SCHEMA public FROM regress_app;
DROP ROLE regress_app, regress_trusted, regress_bypass;
SELECT token_auth.drop_issuer('https://idp.test');
\c -reuse-previous=on "options=''"
