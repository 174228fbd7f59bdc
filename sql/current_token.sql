-- The current token follows the transaction: what sets it, what refuses, what brings back the one before
\pset tuples_only
\pset format unaligned
\pset null none
SET client_min_messages = warning;
SET token_auth.binding = 'session';
SELECT mint.issuer();
CREATE ROLE regress_app;
CREATE ROLE regress_bypass BYPASSRLS;
SELECT mint.token() AS alice,
       mint.token('{"sub": "bob"}') AS bob,
       mint.token('{"sub": "carol"}') AS carol,
       mint.token('{}', '{}', sha256('another key')) AS forged,
       mint.token(jsonb_build_object('iat', mint.now(-600), 'exp', mint.now(-300))) AS expired,
       mint.token(jsonb_build_object('iat', mint.now(-600), 'exp', mint.now(-300)), '{}', sha256('another key')) AS expired_and_forged,
       mint.token(jsonb_build_object('nbf', mint.now(200))) AS early
\gset
SET ROLE regress_app;

-- refused: each at once and by its own SQLSTATE; no token is left
\set SHOW_CONTEXT never
SELECT token_auth.set_session_token(:'alice');
SELECT token_auth.set_session_token(:'forged');
SELECT token_auth.set_local_token(:'forged');
SELECT token_auth.set_session_token('Bearer ' || :'bob');
SELECT token_auth.set_session_token('bEARER ' || :'bob');
\set VERBOSITY terse
SELECT regexp_replace(mint.outcome(format('SELECT token_auth.set_session_token(%L)', token)), 'Byte \d+', 'Byte <n>')
FROM unnest(ARRAY[:'expired', :'expired_and_forged', :'early', 'x', 'a.b.c', :'bob' || ' ', E'\n' || :'bob',
                  :'bob' || '.', '"' || :'bob' || '"', 'none', '********']) AS t (token);
SELECT token_auth.subject(), token_auth.is_authenticated();

-- refused: what SET takes without a look, every time it is used, by each reader that asks
SET token_auth.token = 'x';
SELECT mint.outcome('SELECT token_auth.subject()');
SELECT mint.outcome('SELECT token_auth.subject()');
SELECT mint.outcome('SELECT token_auth.is_authenticated()');
SELECT mint.outcome('SELECT token_auth.has_scope(''orders:read'')');
SELECT mint.outcome('SELECT token_auth.has_scope(NULL)');
SELECT mint.outcome('SELECT token_auth.claim(NULL)');
SELECT set_config('token_auth.token', :'forged', false) = :'forged';
SELECT mint.outcome('SELECT token_auth.subject()');
SELECT set_config('token_auth.token', :'alice', false) = :'alice';
SELECT token_auth.subject();

-- refused in a transaction: the savepoint brings back the token that counted before
BEGIN;
SELECT token_auth.set_local_token(:'bob');
SAVEPOINT before_refusal;
SELECT token_auth.set_local_token(:'forged');
SELECT token_auth.subject();
ROLLBACK TO before_refusal;
SELECT token_auth.subject();
COMMIT;
SELECT token_auth.subject();

-- a refused session token leaves none, where the caller swallows the error, too: a savepoint, an exception block, autocommit
CREATE FUNCTION pg_temp.swallow(token text) RETURNS text LANGUAGE plpgsql AS $$
BEGIN
    BEGIN
        PERFORM token_auth.set_session_token(token);
    EXCEPTION WHEN OTHERS THEN
        RETURN concat(SQLSTATE, ' ', token_auth.subject(), ' ', token_auth.is_authenticated());
    END;
    RETURN token_auth.subject();
END
$$;
CREATE FUNCTION pg_temp.swallow_without_token(token text) RETURNS text LANGUAGE sql SET token_auth.token = '' AS 'SELECT pg_temp.swallow(token)';
SELECT token_auth.set_session_token(:'alice');
BEGIN;
SAVEPOINT a;
SELECT token_auth.set_session_token(:'forged');
ROLLBACK TO a;
SELECT token_auth.subject();
SELECT detail FROM token_auth.inspect();
COMMIT;
SELECT token_auth.subject();
SELECT token_auth.set_session_token(:'alice');
SELECT pg_temp.swallow(:'forged');
SELECT token_auth.subject();
SELECT token_auth.set_session_token(:'alice');
SELECT pg_temp.swallow_without_token(:'forged');
SELECT token_auth.subject();
SELECT token_auth.set_session_token(:'alice');
BEGIN;
SELECT token_auth.set_local_token(:'bob');
SELECT pg_temp.swallow(:'expired');
ROLLBACK;
SELECT token_auth.subject();
SELECT token_auth.set_session_token(:'alice');
SELECT token_auth.set_session_token('x');
SELECT token_auth.subject();
SHOW token_auth.token;
-- ... the next one that is set counts; what rolls that back brings none back from before the refusal
SELECT token_auth.set_session_token(:'alice');
BEGIN;
SELECT token_auth.set_local_token(:'carol');
SAVEPOINT a;
SELECT pg_temp.swallow('x');
SELECT token_auth.set_local_token(:'bob');
SELECT token_auth.subject();
ROLLBACK TO a;
SELECT token_auth.subject();
SELECT token_auth.set_session_token(:'bob');
SAVEPOINT b;
SELECT token_auth.set_local_token(:'carol');
ROLLBACK TO b;
SELECT token_auth.subject();
COMMIT;
SELECT token_auth.subject();
BEGIN;
SELECT token_auth.set_session_token(:'bob');
SELECT token_auth.set_local_token(:'carol');
SELECT pg_temp.swallow('x');
COMMIT;
SELECT token_auth.subject();
SELECT token_auth.set_session_token(:'bob');
BEGIN;
SELECT pg_temp.swallow('x');
SELECT token_auth.set_session_token(:'carol');
ROLLBACK;
SELECT token_auth.subject();
SELECT token_auth.set_session_token(:'alice');

-- NULL and '' clear, each way of setting
SELECT token_auth.set_session_token(NULL), token_auth.is_authenticated(), token_auth.subject();
SELECT token_auth.set_session_token(:'alice');
SELECT token_auth.set_session_token(''), token_auth.is_authenticated(), token_auth.subject();
SET token_auth.token = :'alice';
SELECT token_auth.subject();
SET token_auth.token = '';
SELECT token_auth.subject();
SELECT set_config('token_auth.token', :'alice', false) <> '';
SELECT set_config('token_auth.token', NULL, false);
SELECT token_auth.subject();
SET token_auth.token = :'alice';
SET token_auth.token TO DEFAULT;
SELECT token_auth.subject();
SET token_auth.token = :'alice';
RESET token_auth.token;
SELECT token_auth.subject();
SELECT token_auth.set_session_token(:'alice');
SELECT token_auth.clear_token();
SELECT token_auth.subject();
SELECT token_auth.clear_token();

-- a local token ends with its transaction, and so does a local NULL
SELECT token_auth.set_session_token(:'alice');
BEGIN;
SELECT token_auth.set_local_token(:'bob');
SELECT token_auth.subject();
COMMIT;
SELECT token_auth.subject();
BEGIN;
SELECT token_auth.set_local_token(NULL);
SELECT token_auth.subject(), token_auth.is_authenticated();
COMMIT;
SELECT token_auth.subject();
BEGIN;
SET LOCAL token_auth.token = :'carol';
SELECT token_auth.subject();
SELECT set_config('token_auth.token', :'bob', true) <> '';
SELECT token_auth.subject();
SET LOCAL token_auth.token = '';
SELECT token_auth.subject();
COMMIT;
SELECT token_auth.subject();

-- a session token outlives COMMIT, not ROLLBACK
BEGIN;
SELECT token_auth.set_session_token(:'bob');
COMMIT;
SELECT token_auth.subject();
BEGIN;
SELECT token_auth.set_session_token(:'carol');
SELECT token_auth.subject();
ROLLBACK;
SELECT token_auth.subject();
BEGIN;
SELECT token_auth.set_local_token(:'carol');
SELECT token_auth.set_session_token(:'alice');
SELECT token_auth.subject();
COMMIT;
SELECT token_auth.subject();
BEGIN;
SELECT token_auth.set_session_token(:'bob');
SELECT token_auth.set_local_token(:'carol');
SELECT token_auth.subject();
COMMIT;
SELECT token_auth.subject();

-- clear_token() clears what was set for the transaction and for the session; ROLLBACK undoes it
BEGIN;
SELECT token_auth.set_local_token(:'carol');
SELECT token_auth.clear_token();
SELECT token_auth.subject();
ROLLBACK;
SELECT token_auth.subject();
BEGIN;
SELECT token_auth.set_local_token(:'carol');
SELECT token_auth.clear_token();
COMMIT;
SELECT token_auth.subject();

-- savepoints: ROLLBACK TO brings the earlier token back, whatever was released inside; RELEASE keeps
BEGIN;
SELECT token_auth.set_local_token(:'alice');
SAVEPOINT a;
SAVEPOINT b;
SELECT token_auth.set_local_token(:'bob');
RELEASE b;
SELECT token_auth.subject();
ROLLBACK TO a;
SELECT token_auth.subject();
SAVEPOINT b;
SELECT token_auth.set_local_token(:'carol');
RELEASE a;
SELECT token_auth.subject();
COMMIT;
SELECT token_auth.subject();
BEGIN;
SAVEPOINT a;
SELECT token_auth.set_session_token(:'bob');
SAVEPOINT b;
SELECT token_auth.clear_token();
ROLLBACK TO b;
SELECT token_auth.subject();
ROLLBACK TO a;
SELECT token_auth.subject();
SELECT token_auth.set_session_token(:'carol');
RELEASE a;
COMMIT;
SELECT token_auth.subject();

-- COMMIT AND CHAIN ends a local token, ROLLBACK AND CHAIN brings the session's back
BEGIN;
SELECT token_auth.set_local_token(:'bob');
COMMIT AND CHAIN;
SELECT token_auth.subject();
SELECT token_auth.set_session_token(:'alice');
ROLLBACK AND CHAIN;
SELECT token_auth.subject();
COMMIT;

-- a PL/pgSQL exception block is a savepoint
SELECT token_auth.set_session_token(:'alice');
SET SESSION AUTHORIZATION DEFAULT;
CREATE FUNCTION public.try_token(token text, fail boolean) RETURNS text LANGUAGE plpgsql AS $$
BEGIN
    BEGIN
        PERFORM token_auth.set_local_token(token);
        IF fail THEN
            RAISE EXCEPTION 'undo';
        END IF;
    EXCEPTION WHEN raise_exception OR invalid_authorization_specification THEN
        NULL;
    END;
    RETURN token_auth.subject();
END
$$;
CREATE PROCEDURE public.set_and_commit(token text, local boolean) LANGUAGE plpgsql AS $$
BEGIN
    IF local THEN
        PERFORM token_auth.set_local_token(token);
    ELSE
        PERFORM token_auth.set_session_token(token);
    END IF;
    RAISE WARNING 'before COMMIT: %', token_auth.subject();
    COMMIT;
    RAISE WARNING 'after COMMIT: %', token_auth.subject();
    PERFORM token_auth.clear_token();
    ROLLBACK;
    RAISE WARNING 'after ROLLBACK: %', token_auth.subject();
END
$$;
CREATE FUNCTION public.without_token() RETURNS text LANGUAGE plpgsql SET token_auth.token = '' AS $$
BEGIN
    RETURN (SELECT concat(token_auth.subject(), ' ', token_auth.is_authenticated()));
END
$$;
CREATE FUNCTION public.set_inside(token text) RETURNS text LANGUAGE plpgsql SET work_mem = '1MB' AS $$
BEGIN
    RETURN token_auth.set_local_token(token);
END
$$;
SET ROLE regress_app;
BEGIN;
SELECT public.try_token(:'bob', fail => true);
SELECT token_auth.subject();
SELECT public.try_token(:'bob', fail => false);
SELECT token_auth.subject();
SELECT public.try_token(:'forged', fail => false);
SELECT token_auth.subject();
COMMIT;

-- transactions that a procedure ends
CALL public.set_and_commit(:'bob', local => true);
CALL public.set_and_commit(:'bob', local => false);

-- a function's SET clause: an empty token lasts as long as the function, one set inside longer
SELECT public.without_token();
SELECT token_auth.subject();
BEGIN;
SELECT public.set_inside(:'carol');
SELECT token_auth.subject();
COMMIT;
SELECT token_auth.subject();

-- RESET ALL and DISCARD ALL clear
SELECT token_auth.set_session_token(:'alice');
RESET ALL;
SELECT token_auth.subject(), token_auth.is_authenticated();
RESET ROLE;
SET token_auth.binding = 'session';
SET ROLE regress_app;
SELECT token_auth.set_session_token(:'alice');
DISCARD ALL;
SELECT token_auth.subject(), token_auth.is_authenticated();
SET client_min_messages = warning;
SET token_auth.binding = 'session';
SET ROLE regress_app;

-- ... or return to the token of the connection option
SELECT format('options=''-c client_min_messages=warning -c token_auth.binding=session -c token_auth.token=%s''', :'carol') AS connection \gset
\c -reuse-previous=on :connection
SET ROLE regress_app;
SELECT token_auth.subject();
SELECT token_auth.set_session_token(:'bob');
RESET token_auth.token;
SELECT token_auth.subject();
SELECT token_auth.set_session_token(:'bob');
RESET ALL;
SELECT token_auth.subject();
SELECT token_auth.clear_token();
SELECT token_auth.subject();
DISCARD ALL;
SELECT token_auth.subject();
BEGIN;
SELECT token_auth.set_local_token(NULL);
SELECT token_auth.subject();
ROLLBACK;
SELECT token_auth.subject();
-- ... also after a refused session token, which ends it; ROLLBACK undoes that return
SET client_min_messages = error;
SELECT token_auth.set_session_token('x');
SELECT token_auth.subject();
BEGIN;
SELECT token_auth.set_local_token(:'bob');
COMMIT;
SELECT token_auth.subject();
BEGIN;
SET LOCAL token_auth.token TO DEFAULT;
SELECT token_auth.subject();
COMMIT;
BEGIN;
RESET token_auth.token;
SELECT token_auth.subject();
ROLLBACK;
SELECT token_auth.subject();
RESET token_auth.token;
SELECT token_auth.subject();
SELECT token_auth.set_session_token(:'bob');
SELECT token_auth.set_session_token('x');
BEGIN;
SET LOCAL token_auth.token TO DEFAULT;
SELECT token_auth.subject();
COMMIT;
RESET ALL;
SELECT token_auth.subject();
SELECT token_auth.set_session_token('x');
DISCARD ALL;
SELECT token_auth.subject();
BEGIN;
SELECT token_auth.set_local_token(:'bob');
ROLLBACK;
SELECT token_auth.subject();
\set options 'options=''-c client_min_messages=warning -c token_auth.binding=session -c token_auth.token=x'''
\c -reuse-previous=on :options
SET ROLE regress_app;
SELECT token_auth.subject();
\c -reuse-previous=on "options='-c client_min_messages=warning -c token_auth.binding=session'"

-- set before the library is there: counts when it is
SET ROLE regress_app;
SET token_auth.token = :'alice';
SELECT token_auth.subject();
\c -
SET ROLE regress_app;
BEGIN;
SET LOCAL token_auth.token = :'alice';
SAVEPOINT a;
SET LOCAL token_auth.token = :'bob';
SELECT token_auth.subject();
ROLLBACK TO a;
SELECT token_auth.subject();
COMMIT;
SELECT token_auth.subject();

-- the autocommit trap: a warning when nothing used the token, and only then
SELECT token_auth.set_local_token(:'alice');
SELECT token_auth.set_local_token(:'alice'), token_auth.subject();
SELECT token_auth.set_local_token(:'alice') \; SELECT token_auth.subject();
SELECT token_auth.set_local_token(NULL);
SELECT token_auth.set_local_token(:'forged');
SELECT token_auth.set_session_token(:'alice');
BEGIN;
SELECT token_auth.set_local_token(:'bob');
COMMIT;
SELECT token_auth.set_session_token(NULL);
SELECT set_config('token_auth.token', :'alice', true) <> '';
SELECT set_config('token_auth.token', :'alice', true) <> '', token_auth.subject();
SELECT set_config('token_auth.token', :'alice', true) <> '' \; SELECT token_auth.subject();
BEGIN;
SELECT set_config('token_auth.token', :'alice', true) <> '';
COMMIT;

-- setting the same token again is what every transaction behind a pooler does
BEGIN;
SELECT token_auth.set_local_token(:'alice');
SELECT token_auth.set_local_token(:'alice');
SELECT token_auth.subject();
COMMIT;
BEGIN;
SELECT token_auth.set_local_token(:'alice');
SELECT token_auth.subject();
COMMIT;

-- the role that bypasses row security is warned once in a session, the ordinary one never
SET ROLE regress_bypass;
SELECT token_auth.set_session_token(:'alice');
SELECT token_auth.set_session_token(:'bob');
SELECT token_auth.clear_token();
RESET ROLE;

-- on_missing = 'error': why there is none; is_authenticated() still answers
SET token_auth.on_missing = 'error';
SET ROLE regress_app;
SELECT mint.outcome('SELECT token_auth.subject()');
SELECT token_auth.set_session_token(:'alice');
SELECT mint.outcome('SELECT token_auth.subject()');
\c -
SET token_auth.on_missing = 'error';
SET token_auth.binding = 'session';
SET ROLE regress_app;
SELECT token_auth.is_authenticated();
SELECT mint.outcome('SELECT token_auth.subject()');
BEGIN;
SELECT token_auth.set_local_token(:'alice');
SELECT mint.outcome('SELECT token_auth.subject()');
COMMIT;
SELECT mint.outcome('SELECT token_auth.subject()');
BEGIN;
SELECT token_auth.set_local_token(:'alice');
ROLLBACK;
SELECT mint.outcome('SELECT token_auth.subject()');
BEGIN;
SAVEPOINT a;
SELECT token_auth.set_session_token(:'alice');
ROLLBACK TO a;
SELECT mint.outcome('SELECT token_auth.subject()');
COMMIT;
SELECT token_auth.set_session_token(:'alice');
SELECT token_auth.clear_token();
SELECT mint.outcome('SELECT token_auth.subject()');
SET token_auth.token = :'alice';
SET token_auth.token = '';
SELECT mint.outcome('SELECT token_auth.subject()');
SET token_auth.token = :'forged';
SELECT mint.outcome('SELECT token_auth.subject()');
SELECT mint.outcome('SELECT token_auth.is_authenticated()');
SET token_auth.token = '';

-- on_expired: an error unless a superuser says otherwise; set_* refuses it in any case
RESET ROLE;
RESET token_auth.on_missing;
SET ROLE regress_app;
SET token_auth.token = :'expired';
SELECT mint.outcome('SELECT token_auth.subject()');
SELECT mint.outcome('SELECT token_auth.is_authenticated()');
RESET ROLE;
SET token_auth.on_expired = 'anonymous';
SET ROLE regress_app;
SELECT token_auth.subject(), token_auth.is_authenticated(), token_auth.has_scope('orders:read'), token_auth.identity();
SELECT mint.outcome(format('SELECT token_auth.set_local_token(%L)', :'expired'));
SELECT mint.outcome(format('SELECT token_auth.set_session_token(%L)', :'expired'));
SET token_auth.token = :'expired';
SELECT mint.outcome('SELECT token_auth.require_scope(''orders:read'')');

-- refused: nothing but an expired token is anonymous, and a forged one never
CREATE TEMPORARY TABLE refused (token text);
INSERT INTO refused VALUES (:'forged'), (:'expired_and_forged'), (:'early'), ('x'),
    (mint.token('{"aud": "billing"}')), (mint.token('{"iss": "https://elsewhere.test"}')),
    (mint.token(jsonb_build_object('aud', 'billing', 'iat', mint.now(-600), 'exp', mint.now(-300)))),
    (mint.token('{"exp": null}')), (mint.token('{"exp": "0"}'));
DO $$
DECLARE
    one text;
BEGIN
    FOR one IN SELECT token FROM refused LOOP
        PERFORM set_config('token_auth.token', one, false);
        RAISE WARNING '%', split_part(mint.outcome('SELECT token_auth.is_authenticated()'), ' ', 1);
    END LOOP;
    PERFORM set_config('token_auth.token', '', false);
END
$$;
DROP TABLE refused;

-- an expired token that counts as none is a missing one where that is an error
RESET ROLE;
SET token_auth.on_missing = 'error';
SET ROLE regress_app;
SET token_auth.token = :'expired';
SELECT mint.outcome('SELECT token_auth.subject()');
SELECT token_auth.is_authenticated();

-- PREPARE TRANSACTION needs max_prepared_transactions and is tested with restarts
\c -reuse-previous=on "options=''"
SET client_min_messages = warning;
DROP FUNCTION public.try_token, public.without_token, public.set_inside;
DROP PROCEDURE public.set_and_commit;
DROP ROLE regress_app, regress_bypass;
SELECT token_auth.drop_issuer('https://idp.test');
