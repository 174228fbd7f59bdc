-- verified tokens are remembered within token_auth.cache_size and for one configuration; what is not remembered is verified anew
\pset format unaligned
\pset tuples_only on
SET client_min_messages = error;
SET token_auth.binding = 'session';
SELECT mint.issuer();
CREATE TEMP TABLE token AS
    SELECT n, mint.token(jsonb_build_object('sub', 'subject-' || n, 'note', repeat('n', 500))) AS token,
        mint.token(jsonb_build_object('sub', 'subject-' || n, 'exp', mint.now(-3600))) AS expired
    FROM generate_series(1, 300) AS n;

-- Bytes of the tokens that the session holds: those remembered, and the current one.
CREATE FUNCTION pg_temp.held() RETURNS bigint LANGUAGE sql AS $$
    SELECT coalesce(sum(total_bytes), 0)::bigint FROM pg_backend_memory_contexts WHERE name = 'token_auth token'
$$;
CREATE FUNCTION pg_temp.n_held() RETURNS bigint LANGUAGE sql AS $$
    SELECT count(*) FROM pg_backend_memory_contexts WHERE name = 'token_auth token'
$$;
SELECT pg_temp.n_held();

-- refused tokens leave nothing
SELECT count(*), min(outcome), max(outcome)
FROM (SELECT left(mint.outcome(format('SELECT token_auth.verify(%L)', expired)), 5) AS outcome FROM token) AS verified;
SELECT pg_temp.n_held();

-- no more is remembered than there is room for, and room is used (the view counts some bytes of a memory context twice)
SET token_auth.cache_size = '64kB';
SELECT count(*) FROM token WHERE token_auth.verify(token) ->> 'sub' = 'subject-' || n;
SELECT pg_temp.held() BETWEEN 32 * 1024 AND 66 * 1024 AS full_and_bounded;
SELECT count(*) FROM token WHERE token_auth.set_session_token(token) = 'subject-' || n;
SELECT pg_temp.held() BETWEEN 32 * 1024 AND 72 * 1024 AS full_and_bounded_but_for_the_current_one;
-- what had to go is good still, and so is what is there
SELECT token_auth.verify(token) ->> 'sub' FROM token WHERE n IN (1, 300) ORDER BY n;

-- a lower limit holds from the next token on, a higher one too
SET token_auth.cache_size = '16kB';
SELECT token_auth.verify(token) ->> 'sub' FROM token WHERE n = 7;
SELECT pg_temp.held() <= 24 * 1024 AS bounded;
SET token_auth.cache_size = '1MB';
SELECT count(*) FROM token WHERE token_auth.verify(token) ->> 'sub' = 'subject-' || n;
SELECT pg_temp.held() BETWEEN 72 * 1024 AND 1032 * 1024 AS bounded_but_for_the_current_one;
-- one that is larger than all the room is not remembered, and puts nothing out
SET token_auth.cache_size = '64kB';
SELECT token_auth.verify(token) ->> 'sub' FROM token WHERE n = 1;
SELECT pg_temp.held() AS held \gset
SET token_auth.max_token_size = '64kB';
SELECT length(token_auth.verify(mint.token(jsonb_build_object('roles', (SELECT jsonb_agg('role-' || n) FROM generate_series(1, 3000) AS n)))) ->> 'roles') > 0;
SELECT pg_temp.held() = :held AS unchanged;
RESET token_auth.max_token_size;
-- none at all: the current one is held, as long as it is that
SET token_auth.cache_size = 0;
SELECT count(*) FROM token WHERE token_auth.set_session_token(token) = 'subject-' || n;
SELECT pg_temp.n_held();
SELECT count(*) FROM token WHERE token_auth.verify(token) ->> 'sub' = 'subject-' || n;
SELECT pg_temp.n_held();
-- ... and a cursor over a function that reads it holds one: each FETCH gives back what it verified anew
CREATE FUNCTION pg_temp.me() RETURNS text LANGUAGE plpgsql AS $$ BEGIN RETURN token_auth.subject(); END $$;
SET token_auth.recheck_interval = 0;
BEGIN;
SELECT token_auth.set_local_token(token) FROM token WHERE n = 1;
DECLARE over_function CURSOR FOR SELECT pg_temp.me() FROM generate_series(1, 10);
FETCH over_function;
FETCH over_function;
FETCH over_function;
FETCH over_function;
FETCH over_function;
SELECT pg_temp.n_held() <= 2 AS held_by_session_and_cursor;
CLOSE over_function;
SELECT pg_temp.n_held();
COMMIT;
-- ... nor does what fails in the middle keep one
DO $$
BEGIN
    FOR i IN 1 .. 20 LOOP
        BEGIN
            PERFORM 1 / (length(token_auth.verify(token)::text) * 0) FROM token WHERE n = i;
        EXCEPTION WHEN division_by_zero THEN
        END;
    END LOOP;
END
$$;
SELECT pg_temp.n_held();
RESET token_auth.recheck_interval;
RESET token_auth.cache_size;

-- a change of the configuration forgets all
SELECT count(*) FROM token WHERE token_auth.verify(token) ->> 'sub' = 'subject-' || n;
SELECT pg_temp.n_held() > 10 AS remembered;
UPDATE token_auth.issuer SET audiences = audiences;
SELECT token_auth.verify(token) ->> 'sub' FROM token WHERE n = 1;
SELECT pg_temp.n_held();
SELECT token_auth.clear_token();

-- refused: what was learnt from a change inside a statement that failed before its AFTER triggers could tell
SELECT mint.token('{}', '{}', sha256('forged')) AS forged, mint.token() AS good, mint.token('{"aud": "another"}') AS elsewhere \gset
CREATE FUNCTION pg_temp.fail_after(token text) RETURNS boolean LANGUAGE plpgsql AS $$
BEGIN
    RAISE WARNING '%', mint.verdict(token);
    PERFORM 1 / 0;
END
$$;
SET client_min_messages = warning;
\set VERBOSITY terse
BEGIN;
UPDATE token_auth.issuer SET leeway = leeway;
SAVEPOINT s;
UPDATE token_auth.secret SET secret = sha256('forged') RETURNING pg_temp.fail_after(:'forged');
ROLLBACK TO s;
SELECT mint.verdict(:'forged'), mint.verdict(:'good');
UPDATE token_auth.issuer SET leeway = leeway;
SAVEPOINT s;
UPDATE token_auth.issuer SET audiences = '{another}' RETURNING pg_temp.fail_after(:'elsewhere');
ROLLBACK TO s;
SELECT mint.verdict(:'elsewhere'), mint.verdict(:'good');
UPDATE token_auth.issuer SET leeway = leeway;
SAVEPOINT s;
UPDATE token_auth.key SET enabled = false RETURNING pg_temp.fail_after(:'good');
ROLLBACK TO s;
SELECT mint.verdict(:'forged'), mint.verdict(:'good');
ROLLBACK;
SET client_min_messages = error;

SELECT count(token_auth.drop_issuer(issuer)) FROM token_auth.issuer;
