-- Under binding = 'transaction' only a token set in this transaction counts, whatever is left over
\pset tuples_only
\pset format unaligned
\pset null none
SET client_min_messages = warning;
SELECT mint.issuer();
CREATE ROLE regress_app;
GRANT CREATE ON SCHEMA public TO regress_app;
SELECT mint.token() AS alice, mint.token('{"sub": "bob"}') AS bob, mint.token('{"sub": "carol"}') AS carol \gset

CREATE FUNCTION public.try_token(token text) RETURNS text LANGUAGE plpgsql AS $$
BEGIN
    BEGIN
        PERFORM token_auth.set_local_token(token);
        RAISE EXCEPTION 'undo';
    EXCEPTION WHEN raise_exception THEN
        NULL;
    END;
    RETURN token_auth.subject();
END
$$;
CREATE FUNCTION public.without_token() RETURNS text LANGUAGE plpgsql SET token_auth.token = '' AS $$
BEGIN
    RETURN concat(token_auth.subject(), 'inside');
END
$$;
CREATE FUNCTION public.without_token_then(token text) RETURNS text LANGUAGE plpgsql SET token_auth.token = '' AS $$
BEGIN
    RETURN token_auth.set_local_token(token);
END
$$;
CREATE FUNCTION public.set_inside(token text) RETURNS text LANGUAGE plpgsql SET work_mem = '1MB' AS $$
BEGIN
    RETURN token_auth.set_local_token(token);
END
$$;
CREATE PROCEDURE public.set_and_commit(token text) LANGUAGE plpgsql AS $$
BEGIN
    PERFORM token_auth.set_local_token(token);
    RAISE WARNING 'local before COMMIT: %', token_auth.subject();
    COMMIT;
    RAISE WARNING 'local after COMMIT: %', token_auth.subject();
    PERFORM set_config('token_auth.token', token, false);
    RAISE WARNING 'set before COMMIT: %', token_auth.subject();
    COMMIT;
    RAISE WARNING 'set after COMMIT: %', token_auth.subject();
    PERFORM set_config('token_auth.token', token, false);
    ROLLBACK;
    RAISE WARNING 'set after ROLLBACK: %', token_auth.subject();
END
$$;
SET ROLE regress_app;

-- the default, also in a session that knows the setting only from its first use of the extension
SELECT token_auth.is_authenticated();
SHOW token_auth.binding;

-- refused: a token for the session; one for the transaction passes
\set SHOW_CONTEXT never
SELECT token_auth.set_session_token(:'alice');
\set VERBOSITY terse
SELECT mint.outcome('SELECT token_auth.set_session_token(''x'')');
BEGIN;
SELECT token_auth.set_local_token(:'alice');
SELECT token_auth.subject(), token_auth.is_authenticated(), token_auth.has_scope('orders:read');
COMMIT;
SELECT token_auth.subject(), token_auth.is_authenticated(), token_auth.has_scope('orders:read');

-- refused in the same words: SET and set_config() outside a transaction block, where no statement could read the token
\set VERBOSITY default
SET token_auth.token = :'alice';
\set VERBOSITY terse
SELECT detail FROM token_auth.inspect();
SET SESSION token_auth.token = 'x';
SELECT set_config('token_auth.token', :'alice', false);
SELECT coalesce(set_config('token_auth.token', :'alice', false) <> '', false) AS is_set, 1;
PREPARE setting AS SELECT set_config('token_auth.token', $1, false);
EXECUTE setting(:'alice');
SELECT token_auth.subject();
-- passes: what clears, what can be read in the same statement or string, and what does not count anyway
SET token_auth.token = '';
SET token_auth.token TO DEFAULT;
RESET token_auth.token;
SELECT set_config('token_auth.token', '', false), set_config('token_auth.token', NULL, false);
EXECUTE setting('');
SELECT set_config('token_auth.token', :'alice', false) <> '', token_auth.subject();
SELECT set_config('token_auth.token', :'alice', false) <> '' \; SELECT token_auth.subject();
DO $$ BEGIN PERFORM set_config('token_auth.token', mint.token(), false); RAISE WARNING '%', token_auth.subject(); END $$;
SELECT token_auth.subject();

-- not counted: what SET or set_config() leaves over; inside a transaction it counts to its end
SET token_auth.token = :'alice';
SELECT token_auth.subject();
SELECT set_config('token_auth.token', :'alice', false) <> '';
SELECT token_auth.subject();
BEGIN;
SET token_auth.token = :'alice';
SELECT token_auth.subject();
SELECT set_config('token_auth.token', :'bob', false) <> '';
SELECT token_auth.subject();
COMMIT;
SELECT token_auth.subject();
BEGIN;
SET token_auth.token = :'alice';
SET LOCAL token_auth.token = :'bob';
COMMIT;
SELECT token_auth.subject();
BEGIN;
SET token_auth.token = :'alice';
SET LOCAL token_auth.token = '';
COMMIT;
SHOW token_auth.token;
SELECT token_auth.subject();
BEGIN;
SET token_auth.token = :'alice';
SELECT token_auth.set_local_token(NULL);
COMMIT AND CHAIN;
SHOW token_auth.token;
SELECT token_auth.subject();
COMMIT;
BEGIN;
SET token_auth.token = :'alice';
SAVEPOINT a;
SELECT token_auth.set_local_token(NULL);
RELEASE a;
COMMIT;
SHOW token_auth.token;
SET token_auth.token = :'alice' \; SELECT token_auth.subject();
SELECT token_auth.subject();

-- not counted in a chained transaction
BEGIN;
SET token_auth.token = :'alice';
SELECT token_auth.subject();
COMMIT AND CHAIN;
SELECT token_auth.subject();
SELECT token_auth.set_local_token(:'bob');
ROLLBACK AND CHAIN;
SELECT token_auth.subject();
SET token_auth.token = :'alice';
ROLLBACK AND CHAIN;
SELECT token_auth.subject();
COMMIT;
SELECT token_auth.subject();

-- not counted after a procedure's COMMIT or ROLLBACK
CALL public.set_and_commit(:'alice');
SELECT token_auth.subject();

-- savepoints go back to the token of this transaction, or to none
BEGIN;
SAVEPOINT a;
SELECT token_auth.set_local_token(:'alice');
ROLLBACK TO a;
SELECT token_auth.subject();
SELECT token_auth.set_local_token(:'alice');
SAVEPOINT b;
SELECT token_auth.set_local_token(:'bob');
ROLLBACK TO b;
SELECT token_auth.subject();
SAVEPOINT c;
SET token_auth.token = :'bob';
RELEASE c;
SELECT token_auth.subject();
COMMIT;
SELECT token_auth.subject();
BEGIN;
SELECT public.try_token(:'alice');
SELECT token_auth.subject();
COMMIT;

-- the empty SET clause of a function, and what a function with another clause sets
BEGIN;
SELECT token_auth.set_local_token(:'alice');
SELECT public.without_token();
SELECT token_auth.subject();
SELECT public.without_token_then(:'bob');
SELECT token_auth.subject();
SELECT public.set_inside(:'bob');
SELECT token_auth.subject();
COMMIT;
SELECT token_auth.subject();
SELECT public.set_inside(:'bob'), token_auth.subject();
SELECT token_auth.subject();

-- a failed transaction leaves nothing
BEGIN;
SET token_auth.token = :'alice';
SELECT 1 / 0;
ROLLBACK;
SELECT token_auth.subject();
BEGIN;
SET token_auth.token = :'alice';
SELECT 1 / 0;
COMMIT;
SELECT token_auth.subject();

-- RESET in the transaction that set it
BEGIN;
SELECT token_auth.set_local_token(:'alice');
RESET token_auth.token;
SELECT token_auth.subject();
ROLLBACK;

-- a session token from before the binding changed is left over and not counted
RESET ROLE;
SET token_auth.binding = 'session';
SET ROLE regress_app;
SELECT token_auth.set_session_token(:'alice');
SELECT token_auth.subject();
RESET ROLE;
SET token_auth.binding = 'transaction';
SET ROLE regress_app;
SELECT token_auth.subject(), token_auth.is_authenticated();
RESET ROLE;

-- ... nor does anything bring it back: ROLLBACK TO, an exception block, a SET clause, ROLLBACK
SET token_auth.binding = 'session';
SET ROLE regress_app;
SELECT token_auth.set_session_token(:'alice');
RESET ROLE;
SET token_auth.binding = 'transaction';
SET ROLE regress_app;
BEGIN;
SAVEPOINT a;
SELECT token_auth.set_local_token(:'bob');
ROLLBACK TO a;
SELECT token_auth.subject();
ROLLBACK;
RESET ROLE;
SET token_auth.binding = 'session';
SET ROLE regress_app;
SELECT token_auth.set_session_token(:'alice');
RESET ROLE;
SET token_auth.binding = 'transaction';
SET ROLE regress_app;
SELECT public.try_token(:'bob'), token_auth.subject();
RESET ROLE;
SET token_auth.binding = 'session';
SET ROLE regress_app;
SELECT token_auth.set_session_token(:'alice');
RESET ROLE;
SET token_auth.binding = 'transaction';
SET ROLE regress_app;
SELECT public.without_token(), token_auth.subject();
SELECT public.without_token_then(:'bob'), token_auth.subject();
SELECT token_auth.subject();
RESET ROLE;
SET token_auth.binding = 'session';
SET ROLE regress_app;
SELECT token_auth.set_session_token(:'alice');
RESET ROLE;
SET token_auth.binding = 'transaction';
SET ROLE regress_app;
BEGIN;
SET LOCAL token_auth.token = :'bob';
ROLLBACK;
SELECT token_auth.subject();
-- outside any executor run: PL/pgSQL's simple expressions
DO $$ BEGIN RAISE WARNING '%', token_auth.subject(); END $$;
RESET ROLE;

-- the binding changed in the middle of a transaction: what it set counts, what it found does not
SET token_auth.binding = 'session';
BEGIN;
SET token_auth.token = :'alice';
SET LOCAL token_auth.binding = 'transaction';
SET ROLE regress_app;
SELECT token_auth.subject();
COMMIT;
SHOW token_auth.binding;
SELECT token_auth.subject();
RESET ROLE;
SET token_auth.token = :'alice';
BEGIN;
SET LOCAL token_auth.binding = 'transaction';
SELECT token_auth.subject();
SAVEPOINT a;
SELECT token_auth.subject();
ROLLBACK TO a;
SELECT token_auth.subject();
SET LOCAL token_auth.on_missing = 'error';
SELECT mint.outcome('SELECT token_auth.subject()');
SELECT outcome, detail FROM token_auth.inspect() WHERE step = 'current token';
ROLLBACK;
SELECT token_auth.subject();
BEGIN;
SAVEPOINT a;
SET LOCAL token_auth.binding = 'transaction';
SELECT token_auth.subject();
ROLLBACK TO a;
SELECT token_auth.subject();
COMMIT;

-- the token of a connection option is ignored, and RESET does not make it count
ALTER ROLE regress_app LOGIN;
SELECT current_user AS administrator,
       format('user=regress_app options=''-c client_min_messages=warning -c token_auth.token=%s''', :'carol') AS connection \gset
SELECT format('user=%s options=''-c client_min_messages=warning''', :'administrator') AS administrator \gset
\c -reuse-previous=on :connection
SELECT token_auth.subject(), token_auth.is_authenticated();
SHOW token_auth.binding;
SELECT outcome, detail FROM token_auth.inspect() WHERE step = 'current token';
BEGIN;
SELECT token_auth.subject();
SELECT token_auth.set_local_token(:'alice');
SELECT token_auth.subject();
RESET token_auth.token;
SELECT token_auth.subject();
SET token_auth.token TO DEFAULT;
SELECT token_auth.subject();
SAVEPOINT a;
SELECT token_auth.set_local_token(:'alice');
ROLLBACK TO a;
SELECT token_auth.subject();
RESET ALL;
SELECT token_auth.subject();
COMMIT;
SELECT token_auth.subject();
SELECT public.without_token(), token_auth.subject();
SELECT token_auth.set_session_token(:'alice');

-- ... not even where the transaction began before the library was there
\c -
BEGIN;
SAVEPOINT a;
SET LOCAL token_auth.token = :'alice';
ROLLBACK TO a;
SELECT token_auth.subject();
SET LOCAL token_auth.token = :'alice';
SELECT token_auth.subject();
COMMIT;
SELECT token_auth.subject();

-- left over from before the library was there
\c -reuse-previous=on "user=regress_app options='-c client_min_messages=warning'"
SET token_auth.token = :'alice';
SELECT token_auth.subject();
SELECT outcome, detail FROM token_auth.inspect() WHERE step = 'current token';
\c -
SET token_auth.token = :'alice';
BEGIN;
SET LOCAL token_auth.token = :'bob';
SELECT token_auth.subject();
ROLLBACK;
SELECT token_auth.subject();
\c -
SET token_auth.token = :'alice';
BEGIN;
SAVEPOINT a;
SET LOCAL token_auth.token = :'bob';
SAVEPOINT b;
SET LOCAL token_auth.token = :'carol';
SELECT token_auth.subject();
ROLLBACK TO b;
SELECT token_auth.subject();
ROLLBACK TO a;
SELECT token_auth.subject();
COMMIT;
SELECT token_auth.subject();
\c -
SET token_auth.token = :'alice';
SELECT public.without_token(), token_auth.subject();
SELECT token_auth.subject();
\c -
SET token_auth.token = :'alice';
SELECT public.try_token(:'bob'), token_auth.subject();
\c -
SET token_auth.token = :'alice';
BEGIN;
SELECT token_auth.set_local_token(:'bob');
ROLLBACK;
SELECT token_auth.subject();
\c -
SET token_auth.token = :'alice';
BEGIN;
SELECT token_auth.subject();
ROLLBACK;
SELECT token_auth.subject();
\c -
BEGIN;
SET token_auth.token = :'alice';
SELECT token_auth.subject();
COMMIT;
SELECT token_auth.subject();

\c -reuse-previous=on :administrator
-- ... nor where the binding changes in the transaction that loads the library
\c -reuse-previous=on "options='-c client_min_messages=warning -c token_auth.binding=session'"
SET token_auth.token = :'alice';
BEGIN;
SELECT token_auth.subject();
SET LOCAL token_auth.binding = 'transaction';
DO $$ BEGIN RAISE WARNING '%', token_auth.subject(); END $$;
SELECT token_auth.subject();
ROLLBACK;
SELECT token_auth.subject();
DROP FUNCTION public.try_token, public.without_token, public.without_token_then, public.set_inside;
DROP PROCEDURE public.set_and_commit;
REVOKE CREATE ON SCHEMA public FROM regress_app;
DROP ROLE regress_app;
SELECT token_auth.drop_issuer('https://idp.test');
\c -reuse-previous=on "options=''"
