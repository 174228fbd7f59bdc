-- A parallel plan stays parallel with the policy inside, and its workers see the leader's token or refuse
\pset tuples_only
\pset format unaligned
\pset null none
\set VERBOSITY terse
SET client_min_messages = warning;
SELECT mint.issuer();
CREATE ROLE regress_app LOGIN;
ALTER ROLE regress_app SET token_auth.binding = 'session';
GRANT CREATE ON SCHEMA public TO regress_app;
SELECT mint.token('{"teams": [1, 2], "scope": "orders:read orders:write"}') AS alice, mint.token('{"sub": "bob", "teams": [3]}') AS bob,
       mint.token(jsonb_build_object('iat', mint.now(-600), 'exp', mint.now(-300))) AS expired,
       mint.token('{}', '{}', sha256('another key')) AS forged,
       current_user AS administrator \gset
SELECT format('user=%s options=''-c client_min_messages=warning''', :'administrator') AS as_administrator,
       'user=regress_app options=''-c client_min_messages=warning -c parallel_setup_cost=0 -c parallel_tuple_cost=0'
       ' -c min_parallel_table_scan_size=0 -c max_parallel_workers_per_gather=2''' AS as_app \gset

CREATE TABLE public.big (owner text, n int);
INSERT INTO public.big SELECT CASE WHEN i % 3 = 0 THEN 'alice' ELSE 'bob' END, i FROM generate_series(1, 9000) AS i;
ALTER TABLE public.big SET (parallel_workers = 2);
ALTER TABLE public.big ENABLE ROW LEVEL SECURITY;
CREATE POLICY own ON public.big TO regress_app USING (owner = token_auth.subject() AND token_auth.has_scope('orders:read'));
CREATE TABLE public.item (team int, n int);
INSERT INTO public.item SELECT i % 5, i FROM generate_series(1, 9000) AS i;
ALTER TABLE public.item SET (parallel_workers = 2);
GRANT SELECT ON public.big, public.item TO regress_app;
ANALYZE public.big, public.item;
-- Does the plan have a Gather, and the reader below it? Do workers run it?
CREATE FUNCTION public.below_gather(query text, reader text) RETURNS boolean LANGUAGE plpgsql AS $$
DECLARE
    plan text;
    line text;
BEGIN
    FOR line IN EXECUTE 'EXPLAIN (COSTS OFF) ' || query LOOP
        plan := concat(plan, line, ' ');
    END LOOP;
    RETURN plan ~ ('Gather.*Parallel Seq Scan.*Filter:.*' || reader);
END
$$;
CREATE FUNCTION public.workers_run(query text) RETURNS boolean LANGUAGE plpgsql AS $$
DECLARE
    plan text;
BEGIN
    EXECUTE 'EXPLAIN (ANALYZE, COSTS OFF, TIMING OFF, FORMAT JSON) ' || query INTO plan;
    RETURN plan ~ '"Workers Launched": [12]';
END
$$;
-- SQLSTATE, and whether the error's parts show the token
CREATE FUNCTION public.refusal(query text, token text) RETURNS text LANGUAGE plpgsql AS $$
DECLARE
    detail text;
    hint text;
    context text;
    plan text;
BEGIN
    EXECUTE 'EXPLAIN (ANALYZE, COSTS OFF, TIMING OFF, FORMAT JSON) ' || query INTO plan;
    RETURN 'accepted';
EXCEPTION WHEN OTHERS THEN
    GET STACKED DIAGNOSTICS detail = PG_EXCEPTION_DETAIL, hint = PG_EXCEPTION_HINT, context = PG_EXCEPTION_CONTEXT;
    RETURN concat(SQLSTATE, ' shown: ', strpos(SQLERRM || detail || hint || context, right(token, 40)) > 0);
END
$$;
-- A volatile one is not run to estimate: without a leader that takes part, only workers call it.
CREATE FUNCTION public.subject_in_worker() RETURNS text LANGUAGE plpgsql VOLATILE PARALLEL SAFE AS $$ BEGIN RETURN token_auth.subject(); END $$;
CREATE FUNCTION public.in_worker() RETURNS text LANGUAGE plpgsql VOLATILE PARALLEL SAFE AS $$
BEGIN
    RETURN concat_ws(' ', token_auth.is_authenticated(), token_auth.subject(), token_auth.subject(''), token_auth.issuer(), token_auth.issuer_name(),
        token_auth.identity(), token_auth.audience(), token_auth.client_id(), token_auth.session_id(), token_auth.token_id(), token_auth.issued_at(),
        token_auth.not_before(), token_auth.expires_at(), token_auth.authenticated_at(), token_auth.actor(), token_auth.is_client(),
        token_auth.claims(), token_auth.claim('sub'), token_auth.claim_jsonb('teams'), token_auth.claim_array('teams'),
        token_auth.claim_in_namespace('', 'sub'), token_auth.in_claim(2, 'teams'), token_auth.in_claim('alice', 'sub'), token_auth.scopes(),
        token_auth.has_scope('orders:read'), token_auth.has_any_scope('a', 'orders:write'), token_auth.has_all_scopes('orders:read', 'orders:write'),
        token_auth.require_scope('orders:read'), token_auth.roles(), token_auth.has_role('r'), token_auth.has_role('r', ''));
END
$$;
\set query 'SELECT owner, count(*), sum(n) FROM public.big GROUP BY owner'

-- refused in workers, as everywhere: expired, forged, malformed; the error does not show the token
\c -reuse-previous=on :as_app
SET parallel_leader_participation = off;
SET token_auth.token = :'alice';
SELECT token_auth.is_authenticated();
SELECT public.workers_run(:'query'), public.below_gather(:'query', 'token_auth.subject'), public.below_gather(:'query', 'token_auth.has_scope');
SET token_auth.token = :'expired';
SELECT public.refusal('SELECT count(*) FROM public.item WHERE public.subject_in_worker() IS NOT NULL', :'expired');
SELECT public.refusal(:'query', :'expired');
SET token_auth.token = :'forged';
SELECT public.refusal('SELECT count(*) FROM public.item WHERE public.subject_in_worker() IS NOT NULL', :'forged');
SELECT format('Bearer %s', :'alice') AS bearer \gset
SET token_auth.token = :'bearer';
SELECT public.refusal('SELECT count(*) FROM public.item WHERE public.subject_in_worker() IS NOT NULL', :'alice');
SET token_auth.token = '';
SELECT public.refusal('SELECT count(*) FROM public.item WHERE public.subject_in_worker() IS NULL', :'alice');
:query;

-- the serial rows: a session token
SELECT token_auth.set_session_token(:'alice');
SET max_parallel_workers_per_gather = 0;
:query;
SELECT count(*) FROM public.item WHERE token_auth.in_claim(team, 'teams');
SET max_parallel_workers_per_gather = 2;
:query;
SELECT count(*) FROM public.item WHERE token_auth.in_claim(team, 'teams');
SELECT public.below_gather('SELECT count(*) FROM public.item WHERE token_auth.in_claim(team, ''teams'')', 'in_claim');
SELECT count(*) FROM public.item WHERE public.subject_in_worker() = 'alice';
-- ... and of a transaction, after ROLLBACK TO, in a function, with an InitPlan
BEGIN;
SELECT token_auth.set_local_token(:'bob');
:query;
SAVEPOINT a;
SELECT token_auth.set_local_token(:'alice');
:query;
ROLLBACK TO a;
:query;
SET LOCAL token_auth.token = :'alice';
:query;
SELECT token_auth.clear_token();
:query;
COMMIT;
:query;
BEGIN;
SELECT token_auth.clear_token();
SAVEPOINT a;
SELECT token_auth.set_local_token(:'bob');
ROLLBACK TO a;
:query;
ROLLBACK;
SELECT token_auth.set_session_token(:'alice');
SELECT count(*) FROM public.big WHERE owner = (SELECT token_auth.subject());
CREATE FUNCTION public.count_as(token text) RETURNS SETOF bigint LANGUAGE plpgsql AS $$
BEGIN
    PERFORM token_auth.set_local_token(token);
    RETURN QUERY SELECT count(*) FROM public.item WHERE public.subject_in_worker() = 'bob';
END
$$;
SELECT token_auth.subject(), public.count_as(:'bob'), public.count_as(:'alice'), token_auth.subject();
CREATE TEMPORARY TABLE copied AS SELECT count(*) FROM public.item WHERE public.subject_in_worker() = 'alice';
SELECT * FROM copied;
DROP TABLE copied;
-- every reader answers in a worker as in the leader
SELECT public.in_worker() AS answer \gset
SELECT count(*) FROM public.item WHERE public.in_worker() = :'answer';
SELECT split_part(:'answer', ' ', 2);

-- a worker is the first to load the library: the token counts there, and in the leader afterwards
\c -
SET parallel_leader_participation = off;
SET token_auth.token = :'alice';
SELECT count(*) FROM public.item WHERE public.subject_in_worker() = 'alice';
SELECT token_auth.subject();
\c -
SET parallel_leader_participation = off;
BEGIN;
SET LOCAL token_auth.token = :'alice';
SELECT count(*) FROM public.item WHERE public.subject_in_worker() = 'alice';
SELECT token_auth.subject();
COMMIT;
SELECT token_auth.subject();
\c -
SET token_auth.token = :'alice';
SELECT count(*) FROM public.item WHERE public.subject_in_worker() = 'alice';
SELECT token_auth.subject();
\c -
SET parallel_leader_participation = off;
SET token_auth.token = :'forged';
SELECT public.refusal('SELECT count(*) FROM public.item WHERE public.subject_in_worker() = ''alice''', :'forged');

-- refused: another token in the middle of a parallel plan, by whoever is in it
\c -
CREATE FUNCTION public.change_in_worker(token text) RETURNS text LANGUAGE plpgsql VOLATILE PARALLEL SAFE AS $$ BEGIN RETURN token_auth.set_local_token(token); END $$;
SELECT token_auth.set_session_token(:'alice');
SELECT split_part(mint.outcome(format('EXPLAIN (ANALYZE, COSTS OFF) SELECT count(*) FROM public.item WHERE public.change_in_worker(%L) IS NOT NULL', :'bob')), ' ', 1);
SET parallel_leader_participation = off;
SELECT split_part(mint.outcome(format('EXPLAIN (ANALYZE, COSTS OFF) SELECT count(*) FROM public.item WHERE public.change_in_worker(%L) IS NOT NULL', :'bob')), ' ', 1);
SELECT token_auth.subject();

-- the settings count in workers, too
\c -reuse-previous=on :as_administrator
ALTER ROLE regress_app SET token_auth.on_expired = 'anonymous';
\c -reuse-previous=on :as_app
SET parallel_leader_participation = off;
SET token_auth.token = :'expired';
SELECT count(*) FROM public.item WHERE public.subject_in_worker() IS NULL;
SELECT token_auth.is_authenticated();
SELECT count(*) FROM public.item WHERE public.subject_in_worker() IS NULL;
\c -reuse-previous=on :as_administrator
ALTER ROLE regress_app RESET token_auth.on_expired;
ALTER ROLE regress_app SET token_auth.on_missing = 'error';
\c -reuse-previous=on :as_app
SET parallel_leader_participation = off;
SELECT public.refusal('SELECT count(*) FROM public.item WHERE public.subject_in_worker() IS NULL', :'alice');
SELECT token_auth.is_authenticated();
SELECT public.refusal('SELECT count(*) FROM public.item WHERE public.subject_in_worker() IS NULL', :'alice');
SELECT public.refusal(:'query', :'alice');

-- binding = 'transaction': the token of this transaction counts in workers, what is left over nowhere
\c -reuse-previous=on :as_administrator
ALTER ROLE regress_app RESET token_auth.on_missing;
ALTER ROLE regress_app SET token_auth.binding = 'transaction';
\c -reuse-previous=on :as_app
SELECT token_auth.is_authenticated();
SET parallel_leader_participation = off;
SELECT count(*) FROM public.item WHERE public.subject_in_worker() = 'alice';
SET token_auth.token = :'alice';
SELECT count(*) FROM public.item WHERE public.subject_in_worker() = 'alice';
:query;
BEGIN;
SELECT token_auth.set_local_token(:'alice');
SELECT public.workers_run(:'query');
SELECT count(*) FROM public.item WHERE public.subject_in_worker() = 'alice';
:query;
SAVEPOINT a;
SELECT token_auth.set_local_token(:'bob');
:query;
SELECT count(*) FROM public.item WHERE public.subject_in_worker() = 'bob';
ROLLBACK TO a;
:query;
SELECT count(*) FROM public.item WHERE public.subject_in_worker() = 'alice';
COMMIT;
:query;
SELECT count(*) FROM public.item WHERE public.subject_in_worker() IS NULL;
BEGIN;
SET token_auth.token = :'alice';
SELECT count(*) FROM public.item WHERE public.subject_in_worker() = 'alice';
:query;
COMMIT;
SELECT count(*) FROM public.item WHERE public.subject_in_worker() IS NULL;
BEGIN;
SAVEPOINT a;
SELECT token_auth.set_local_token(:'bob');
ROLLBACK TO a;
SELECT count(*) FROM public.item WHERE public.subject_in_worker() IS NULL;
COMMIT;

-- ... nor the connection option's
SELECT format('user=regress_app options=''-c client_min_messages=warning -c parallel_setup_cost=0 -c parallel_tuple_cost=0'
       ' -c min_parallel_table_scan_size=0 -c max_parallel_workers_per_gather=2 -c token_auth.token=%s''', :'alice') AS with_token \gset
\c -reuse-previous=on :with_token
SET parallel_leader_participation = off;
SELECT public.refusal('SELECT count(*) FROM public.item WHERE public.subject_in_worker() = ''alice''', :'alice') IN ('28T17 shown: f', 'accepted');
SELECT token_auth.is_authenticated();
SELECT count(*) FROM public.item WHERE public.subject_in_worker() = 'alice';
:query;
BEGIN;
SELECT token_auth.set_local_token(:'bob');
SELECT count(*) FROM public.item WHERE public.subject_in_worker() = 'bob';
RESET token_auth.token;
SELECT count(*) FROM public.item WHERE public.subject_in_worker() IS NULL;
COMMIT;

-- ... nor in the workers of an index, which no statement of the leader's precedes
\c -reuse-previous=on :as_app
SET max_parallel_maintenance_workers = 2;
SELECT set_config('regress.leader', pg_backend_pid()::text, false) <> '';
CREATE TABLE public.bait AS SELECT i FROM generate_series(1, 10000) AS i;
CREATE FUNCTION public.thief(i int) RETURNS int LANGUAGE plpgsql IMMUTABLE PARALLEL SAFE AS $$
BEGIN
    IF pg_backend_pid() <> current_setting('regress.leader')::int THEN
        RAISE EXCEPTION 'a worker, for %', coalesce(token_auth.subject(), 'nobody');
    END IF;
    -- until the error of a worker arrives
    FOR attempt IN 1 .. 6000 LOOP
        PERFORM pg_sleep(0.01);
    END LOOP;
    RAISE EXCEPTION 'no worker came';
END
$$;
-- what a session-level SET and a local clear leave behind
BEGIN;
SET token_auth.token = :'alice';
SELECT token_auth.set_local_token(NULL);
COMMIT;
CREATE INDEX ON public.bait (public.thief(i));
BEGIN;
SET token_auth.token = :'alice';
SET LOCAL token_auth.token = '';
COMMIT AND CHAIN;
CREATE INDEX ON public.bait (public.thief(i));
ROLLBACK;
CREATE PROCEDURE public.clear_and_commit(token text) LANGUAGE plpgsql AS $$
BEGIN
    PERFORM set_config('token_auth.token', token, false), token_auth.set_local_token(NULL);
    COMMIT;
    CREATE INDEX ON public.bait (public.thief(i));
END
$$;
CALL public.clear_and_commit(:'alice');
-- the token of this transaction counts there
BEGIN;
SELECT token_auth.set_local_token(:'bob');
CREATE INDEX ON public.bait (public.thief(i));
ROLLBACK;
-- a token from before the binding changed does not, nor one that ROLLBACK brings back
SELECT format('user=%s options=''-c client_min_messages=error -c min_parallel_table_scan_size=0 -c max_parallel_maintenance_workers=2 -c token_auth.binding=session''',
              :'administrator') AS as_maintainer \gset
\c -reuse-previous=on :as_maintainer
SELECT set_config('regress.leader', pg_backend_pid()::text, false) <> '', token_auth.set_session_token(:'alice');
CREATE INDEX ON public.bait (public.thief(i));
BEGIN;
SET LOCAL token_auth.binding = 'transaction';
CREATE INDEX ON public.bait (public.thief(i));
ROLLBACK;
SET token_auth.binding = 'transaction';
CREATE INDEX ON public.bait (public.thief(i));
BEGIN;
SELECT token_auth.set_local_token(:'bob');
ROLLBACK;
CREATE INDEX ON public.bait (public.thief(i));
-- nor one that a refused session token ended
SET token_auth.binding = 'session';
SELECT token_auth.set_session_token(:'alice');
SELECT token_auth.set_session_token(:'forged');
CREATE INDEX ON public.bait (public.thief(i));
DROP TABLE public.bait;
DROP FUNCTION public.thief;
DROP PROCEDURE public.clear_and_commit;

-- ... nor where a worker is the first to load the library: refused, or the right rows; never what is left over
\c -reuse-previous=on :as_app
SET parallel_leader_participation = off;
SET token_auth.token = :'alice';
SELECT public.refusal('SELECT count(*) FROM public.item WHERE 1 / (public.subject_in_worker() IS DISTINCT FROM ''alice'')::int = 1', :'alice') IN ('28T17 shown: f', 'accepted');
SELECT token_auth.subject();
SELECT count(*) FROM public.item WHERE public.subject_in_worker() IS NULL;
\c -
SET parallel_leader_participation = off;
BEGIN;
SET LOCAL token_auth.token = :'alice';
SELECT public.refusal('SELECT count(*) FROM public.item WHERE 1 / (public.subject_in_worker() = ''alice'')::int = 1', :'alice') IN ('28T17 shown: f', 'accepted');
SELECT token_auth.subject();
SELECT count(*) FROM public.item WHERE public.subject_in_worker() = 'alice';
COMMIT;
SELECT token_auth.subject();
\c -
SET token_auth.token = :'alice';
SELECT public.refusal('SELECT count(*) FROM public.item WHERE 1 / (public.subject_in_worker() IS DISTINCT FROM ''alice'')::int = 1', :'alice') IN ('28T17 shown: f', 'accepted');
SELECT token_auth.subject();

-- one statement, one token, for workers too: what a single function call forces into one
\c -reuse-previous=on :as_administrator
ALTER ROLE regress_app SET token_auth.binding = 'session';
CREATE TABLE public.hidden AS SELECT 2 AS id, '00000000-0000-4000-8000-00000000000b'::uuid AS owner_id, 'topsecret' AS body;
ALTER TABLE public.hidden ENABLE ROW LEVEL SECURITY;
CREATE POLICY own ON public.hidden TO regress_app USING (owner_id = token_auth.subject_uuid());
GRANT SELECT ON public.hidden TO regress_app;
CREATE FUNCTION public.peek(guess text) RETURNS bigint LANGUAGE plpgsql STABLE PARALLEL SAFE AS $$ BEGIN RETURN (SELECT count(*) FROM public.hidden WHERE id = 2 AND body >= guess); END $$;
\c -reuse-previous=on :as_app
SELECT set_config(name, 'on', false) FROM pg_settings WHERE name IN ('debug_parallel_query', 'force_parallel_mode');
SET token_auth.token = :'alice';
SELECT token_auth.subject(), token_auth.has_scope('orders:read'), token_auth.claim('client_id');
BEGIN;
SET LOCAL token_auth.token = :'bob';
SELECT token_auth.subject();
SELECT token_auth.in_claim(3, 'teams'), token_auth.in_claim(1, 'teams');
ROLLBACK;
SELECT token_auth.in_claim(3, 'teams'), token_auth.in_claim(1, 'teams');
-- refused, whatever the guess: a statement that begins in a worker is settled there
SELECT split_part(mint.outcome('SELECT public.peek(''u'')'), ' ', 1);
SELECT split_part(mint.outcome('SELECT public.peek(''topsecret'')'), ' ', 1);

\c -reuse-previous=on :as_administrator
DROP TABLE public.hidden;
DROP FUNCTION public.peek;
DROP TABLE public.big, public.item;
DROP FUNCTION public.below_gather, public.workers_run, public.refusal, public.subject_in_worker, public.in_worker, public.count_as, public.change_in_worker;
REVOKE CREATE ON SCHEMA public FROM regress_app;
DROP ROLE regress_app;
SELECT token_auth.drop_issuer('https://idp.test');
\c -reuse-previous=on "options=''"
