-- Row-level security by the token, as the README shows it: what each user sees, writes and never sees
\pset tuples_only
\pset format unaligned
\pset null none
\set VERBOSITY terse
SET client_min_messages = warning;
SELECT mint.issuer();
CREATE ROLE regress_owner;
CREATE ROLE regress_app;
SELECT mint.token('{"scope": "orders:read orders:write", "teams": ["blue", "green"]}') AS alice,
       mint.token('{"sub": "bob", "scope": "orders:read orders:write"}') AS bob,
       mint.token('{"sub": "alice", "scope": "orders:read:all profile"}') AS alice_without_scope,
       mint.token('{"sub": "alice", "scope": null}') AS alice_without_any_scope,
       mint.token('{"sub": "alice", "scope": "orders:read"}') AS alice_read_only,
       mint.token('{"sub": "dora", "scope": "orders:read"}') AS dora \gset
CREATE TABLE public.orders (id int PRIMARY KEY, owner_id text NOT NULL DEFAULT token_auth.subject(), item text);
CREATE INDEX orders_owner ON public.orders (owner_id);
INSERT INTO public.orders SELECT i, 'u' || i % 500, 'i' || i FROM generate_series(1001, 21000) AS i;
INSERT INTO public.orders VALUES (1, 'alice', 'apple'), (2, 'alice', 'anvil'), (3, 'bob', 'book'), (4, 'bob', 'bell');
CREATE TABLE public.line (order_id int, n int);
INSERT INTO public.line SELECT i, 10 * i FROM generate_series(1, 4) AS i;
ALTER TABLE public.orders OWNER TO regress_owner;
ALTER TABLE public.line OWNER TO regress_owner;
GRANT SELECT, INSERT, UPDATE, DELETE ON public.orders, public.line TO regress_app;
ALTER TABLE public.orders ENABLE ROW LEVEL SECURITY, FORCE ROW LEVEL SECURITY;
CREATE POLICY own ON public.orders TO regress_app, regress_owner
    USING (owner_id = token_auth.subject() AND token_auth.has_scope('orders:read'));
CREATE POLICY write_scope ON public.orders AS RESTRICTIVE FOR INSERT TO regress_app
    WITH CHECK (token_auth.has_scope('orders:write'));
ANALYZE public.orders;
CREATE VIEW public.invoker AS SELECT id, owner_id, item FROM public.orders;
ALTER VIEW public.invoker SET (security_invoker = true);
CREATE VIEW public.barrier WITH (security_barrier) AS SELECT id, owner_id, item FROM public.orders WHERE item <> 'anvil';
ALTER VIEW public.barrier OWNER TO regress_owner;
CREATE VIEW public.checked AS SELECT id, owner_id, item FROM public.orders WHERE item LIKE 'a%' WITH CHECK OPTION;
ALTER VIEW public.checked OWNER TO regress_owner;
CREATE VIEW public.mine AS SELECT id, item FROM public.line JOIN public.orders ON id = order_id WHERE owner_id = token_auth.subject();
ALTER VIEW public.mine SET (security_invoker = true);
GRANT SELECT, INSERT, UPDATE, DELETE ON public.invoker, public.barrier, public.checked, public.mine TO regress_app;
SET ROLE regress_app;

-- no rows: no token, a token without the scope or with a longer one, another's token
SELECT count(*) FROM public.orders;
BEGIN;
SELECT token_auth.set_local_token(:'alice_without_scope');
SELECT token_auth.scopes();
SELECT count(*) FROM public.orders;
COMMIT;
BEGIN;
SELECT token_auth.set_local_token(:'alice_without_any_scope');
SELECT count(*) FROM public.orders;
COMMIT;
BEGIN;
SELECT token_auth.set_local_token(:'dora');
SELECT count(*) FROM public.orders;
COMMIT;
BEGIN;
SELECT token_auth.set_local_token(:'alice');
SELECT * FROM public.orders ORDER BY id;
COMMIT;
SELECT count(*) FROM public.orders;
BEGIN;
SELECT token_auth.set_local_token(:'bob');
SELECT * FROM public.orders ORDER BY id;
SELECT * FROM public.orders WHERE owner_id = 'alice' OR true OR id = 1 ORDER BY id;
COMMIT;

-- the same for the owner, whom FORCE does not spare
SET ROLE regress_owner;
SELECT count(*) FROM public.orders;
BEGIN;
SELECT token_auth.set_local_token(:'alice');
SELECT * FROM public.orders ORDER BY id;
COMMIT;
SET ROLE regress_app;

-- refused: writing without a token, for another, without the scope; one's own passes
INSERT INTO public.orders VALUES (5, 'alice', 'axe');
INSERT INTO public.orders (id, item) VALUES (5, 'axe');
BEGIN;
SELECT token_auth.set_local_token(:'alice');
SAVEPOINT s;
INSERT INTO public.orders VALUES (5, 'bob', 'axe');
ROLLBACK TO s;
UPDATE public.orders SET owner_id = 'bob' WHERE id = 1;
ROLLBACK TO s;
INSERT INTO public.orders VALUES (3, 'alice', 'axe') ON CONFLICT (id) DO UPDATE SET item = 'stolen';
ROLLBACK TO s;
UPDATE public.orders SET item = 'stolen' WHERE id = 3;
DELETE FROM public.orders WHERE id = 3 RETURNING id;
SELECT id FROM public.orders WHERE id = 3 FOR UPDATE;
MERGE INTO public.orders AS o USING (VALUES (3)) AS v (id) ON o.id = v.id WHEN MATCHED THEN DELETE WHEN NOT MATCHED THEN DO NOTHING;
INSERT INTO public.orders (id, item) VALUES (5, 'axe') RETURNING *;
UPDATE public.orders SET item = upper(item) RETURNING id, item;
DELETE FROM public.orders WHERE id = 5 RETURNING id;
ROLLBACK;
BEGIN;
SELECT token_auth.set_local_token(:'alice_read_only');
SELECT count(*) FROM public.orders;
INSERT INTO public.orders (id, item) VALUES (5, 'axe');
ROLLBACK;
RESET ROLE;
SELECT * FROM public.orders WHERE id <= 5 ORDER BY id;
SET ROLE regress_app;

-- a prepared statement asks for the token of each execution, with custom and with generic plans
PREPARE by_item (text) AS SELECT id FROM public.orders WHERE item > $1 ORDER BY id;
BEGIN;
SELECT token_auth.set_local_token(:'alice');
EXECUTE by_item('');
COMMIT;
EXECUTE by_item('');
SET plan_cache_mode = force_generic_plan;
BEGIN;
SELECT token_auth.set_local_token(:'bob');
EXECUTE by_item('');
SELECT token_auth.set_local_token(:'alice_without_scope');
EXECUTE by_item('');
SELECT token_auth.set_local_token(:'alice');
EXECUTE by_item('');
COMMIT;
EXECUTE by_item('');
RESET plan_cache_mode;

-- joins and sub-selects
BEGIN;
SELECT token_auth.set_local_token(:'alice');
SELECT id, n FROM public.orders JOIN public.line ON id = order_id ORDER BY id;
SELECT order_id, item FROM public.line LEFT JOIN public.orders ON id = order_id ORDER BY order_id;
SELECT order_id FROM public.line WHERE order_id IN (SELECT id FROM public.orders) ORDER BY 1;
SELECT order_id FROM public.line WHERE NOT EXISTS (SELECT FROM public.orders WHERE id = order_id) ORDER BY 1;
WITH o AS MATERIALIZED (SELECT * FROM public.orders) SELECT a.id, b.id FROM o AS a, o AS b WHERE a.id < b.id;
SELECT a.id, b.id FROM public.orders AS a FULL JOIN public.orders AS b ON a.id = b.id + 1 ORDER BY 1, 2;

-- views: of the invoker, behind a barrier, and updated through
SELECT * FROM public.invoker ORDER BY id;
SELECT * FROM public.barrier ORDER BY id;
SELECT * FROM public.mine ORDER BY id;
UPDATE public.invoker SET item = 'avocado' WHERE item LIKE 'a%' RETURNING id, item;
UPDATE public.barrier SET item = 'apricot' WHERE id IN (1, 3) RETURNING id, item;
INSERT INTO public.checked VALUES (6, 'alice', 'almond') RETURNING id;
SAVEPOINT s;
INSERT INTO public.checked VALUES (7, 'alice', 'plum');
ROLLBACK TO s;
INSERT INTO public.checked VALUES (7, 'bob', 'almond');
ROLLBACK TO s;
UPDATE public.invoker SET owner_id = 'bob' WHERE id = 1;
ROLLBACK TO s;
DELETE FROM public.invoker RETURNING id;
ROLLBACK;
SELECT count(*) FROM public.invoker;
SELECT count(*) FROM public.barrier;

-- refused: a function that would see the rows below the policy
CREATE FUNCTION pg_temp.spy(value text) RETURNS boolean LANGUAGE plpgsql COST 0.0000001 AS $$ BEGIN RAISE WARNING 'spied %', value; RETURN true; END $$;
BEGIN;
SELECT token_auth.set_local_token(:'alice');
SELECT id FROM public.orders WHERE pg_temp.spy(item) ORDER BY id;
SELECT id FROM public.invoker WHERE pg_temp.spy(item) ORDER BY id;
COMMIT;
SELECT id FROM public.orders WHERE pg_temp.spy(item);

-- COPY and a table-wide lock of rows obey, too
BEGIN;
SELECT token_auth.set_local_token(:'bob');
COPY public.orders TO STDOUT;
COPY (SELECT item FROM public.orders ORDER BY id) TO STDOUT;
SELECT id FROM public.orders ORDER BY id FOR SHARE;
COMMIT;

-- a membership
RESET ROLE;
CREATE TABLE public.task (team text, title text);
INSERT INTO public.task VALUES ('blue', 'b'), ('green', 'g'), ('red', 'r'), (NULL, 'n');
ALTER TABLE public.task ENABLE ROW LEVEL SECURITY;
CREATE POLICY team ON public.task TO regress_app USING (token_auth.in_claim(team, 'teams'));
GRANT SELECT ON public.task TO regress_app;
SET ROLE regress_app;
SELECT * FROM public.task;
BEGIN;
SELECT token_auth.set_local_token(:'alice');
SELECT * FROM public.task ORDER BY title;
SELECT token_auth.set_local_token(:'bob');
SELECT * FROM public.task ORDER BY title;
COMMIT;

-- the plan is that of a literal: the index is used, and the rows are estimated as well
CREATE FUNCTION pg_temp.plan(query text) RETURNS jsonb LANGUAGE plpgsql AS $$
DECLARE
    plan jsonb;
BEGIN
    EXECUTE 'EXPLAIN (FORMAT JSON) ' || query INTO plan;
    RETURN plan #> '{0,Plan}';
END
$$;
BEGIN;
SELECT token_auth.set_local_token(mint.token('{"sub": "u7"}'));
SELECT pg_temp.plan('SELECT * FROM public.orders') ->> 'Plan Rows' AS rows_by_policy \gset
SELECT jsonb_path_exists(pg_temp.plan('SELECT * FROM public.orders'), '$.** ? (@."Index Name" == "orders_owner" && @."Index Cond" == "(owner_id = token_auth.subject())")');
SELECT pg_temp.plan('SELECT * FROM public.orders WHERE id = 5') ->> 'Index Name';
RESET ROLE;
SELECT pg_temp.plan('SELECT * FROM public.orders WHERE owner_id = token_auth.subject()') ->> 'Plan Rows' AS rows_by_token,
       pg_temp.plan('SELECT * FROM public.orders WHERE owner_id = ''u7''') ->> 'Plan Rows' AS rows_by_literal \gset
SELECT :'rows_by_token' = :'rows_by_literal' AS of_the_subject, :'rows_by_policy' = :'rows_by_literal' AS of_the_policy_with_its_scope;
SET LOCAL client_min_messages = error;
SELECT token_auth.set_local_token(mint.token('{"sub": "nobody"}'));
SELECT pg_temp.plan('SELECT * FROM public.orders WHERE owner_id = token_auth.subject()') ->> 'Plan Rows' =
       pg_temp.plan('SELECT * FROM public.orders WHERE owner_id = ''nobody''') ->> 'Plan Rows';
COMMIT;

DROP VIEW public.invoker, public.barrier, public.checked, public.mine;
DROP TABLE public.orders, public.line, public.task;
DROP OWNED BY regress_app;
DROP ROLE regress_app, regress_owner;
SELECT token_auth.drop_issuer('https://idp.test');
