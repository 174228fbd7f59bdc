-- A reader is planned like the literal it stands for: the same index, join, order and number of rows; and nothing of it is folded into the plan
\pset tuples_only
\pset format unaligned
\pset null none
\set VERBOSITY terse
SET client_min_messages = warning;
SET token_auth.binding = 'session';
SELECT mint.issuer();
UPDATE token_auth.issuer SET role_claims = '[["roles"]]';
CREATE ROLE regress_app;
-- One tenant has a third of the rows, one has ten, one has none; the others have what is left.
CREATE TABLE public.orders (id int PRIMARY KEY, tenant text, customer int, key uuid, placed int, note text);
INSERT INTO public.orders
SELECT i, CASE WHEN i % 3 = 0 THEN 'big' WHEN i <= 14 THEN 'small' ELSE 'tenant ' || i % 500 END, i % 1000,
       format('%s-0000-4000-8000-00000000cafe', lpad((i % 1000)::text, 8, '0'))::uuid, i * 7919 % 30000, repeat('x', 60)
FROM generate_series(1, 30000) AS i;
CREATE INDEX orders_tenant ON public.orders (tenant);
CREATE INDEX orders_customer ON public.orders (customer);
CREATE INDEX orders_key ON public.orders (key);
CREATE TABLE public.line (order_id int, n int, tenant text);
INSERT INTO public.line SELECT i % 30000 + 1, i, CASE WHEN i % 3 = 2 THEN 'big' WHEN i < 14 THEN 'small' ELSE 'tenant ' || (i % 30000 + 1) % 500 END FROM generate_series(1, 60000) AS i;
CREATE INDEX line_order_id ON public.line (order_id);
VACUUM ANALYZE public.orders, public.line;
SET max_parallel_workers_per_gather = 0;
SET jit = off;

CREATE FUNCTION public.plan(query text) RETURNS jsonb LANGUAGE plpgsql AS $$
DECLARE
    plan jsonb;
BEGIN
    EXECUTE 'EXPLAIN (FORMAT JSON) ' || query INTO plan;
    RETURN plan #> '{0,Plan}';
END
$$;
-- What the plan does and on how many rows, without its conditions and costs.
CREATE FUNCTION public.shape(plan jsonb, depth int DEFAULT 0) RETURNS text LANGUAGE sql AS $$
    SELECT concat(repeat(' ', depth), concat_ws(' ', plan ->> 'Node Type', plan ->> 'Join Type', plan ->> 'Index Name', plan ->> 'Relation Name', plan ->> 'Plan Rows'), E'\n',
                  (SELECT string_agg(public.shape(child, depth + 1), '' ORDER BY i) FROM jsonb_array_elements(plan -> 'Plans') WITH ORDINALITY AS t (child, i)))
$$;
CREATE FUNCTION public.estimate(query text) RETURNS bigint LANGUAGE sql AS $$ SELECT (public.plan(query) ->> 'Plan Rows')::bigint $$;
CREATE FUNCTION public.rows_where(condition text) RETURNS bigint LANGUAGE sql AS $$ SELECT public.estimate('SELECT * FROM public.orders WHERE ' || condition) $$;
-- The number of rows, estimated against true: exact up to a factor of 2, or both few.
CREATE FUNCTION public.is_near(condition text) RETURNS text LANGUAGE plpgsql AS $$
DECLARE
    estimated float8 = public.rows_where(condition);
    actual float8;
BEGIN
    EXECUTE 'SELECT count(*) FROM public.orders WHERE ' || condition INTO actual;
    IF greatest(estimated, actual, 100) <= 2 * greatest(least(estimated, actual), 100) THEN
        RETURN 'near';
    END IF;
    RETURN format('%s estimated, %s there', estimated, actual);
END
$$;
CREATE TABLE public.holder (name text PRIMARY KEY, tenants text[], customers int[], token text);
INSERT INTO public.holder (name, tenants, customers) VALUES
    ('big', '{big}', '{7}'), ('small', '{small}', '{7,8}'), ('ordinary', '{tenant 8}', '{1,2,3,4,5}'), ('both', '{small,big}', '{}'),
    ('nobody', '{nobody}', '{-1}'), ('none', '{}', '{}'),
    ('many', (SELECT array_agg('tenant ' || i) FROM generate_series(1, 100) AS i), (SELECT array_agg(i) FROM generate_series(1, 150) AS i));
UPDATE public.holder SET token = mint.token(jsonb_build_object('sub', coalesce(tenants[1], '-'), 'customer', 7, 'key', '00000007-0000-4000-8000-00000000cafe', 'tenants', tenants, 'customers', customers,
    'keys', ARRAY(SELECT format('%s-0000-4000-8000-00000000cafe', lpad(c::text, 8, '0')) FROM unnest(customers) AS c WHERE c >= 0),
    'scope', 'orders:read big', 'roles', ARRAY['auditor', 'small']));
SELECT token AS big FROM public.holder WHERE name = 'big' \gset
SELECT token AS small FROM public.holder WHERE name = 'small' \gset
SELECT token AS many FROM public.holder WHERE name = 'many' \gset
CREATE FUNCTION public.become(holder public.holder) RETURNS void LANGUAGE sql AS $$ SELECT set_config('token_auth.token', holder.token, false) $$;

-- not asked for an estimate: what may raise an error in a statement that never comes to it
SET token_auth.token = :'small';
SELECT public.rows_where('token_auth.require_scope(''admin'')'), public.rows_where('token_auth.claim_boolean(''customer'')'),
       public.rows_where('token_auth.require_scope(''admin'') AND tenant = token_auth.subject()') = public.rows_where('tenant = ''small''');

-- a reader's plan is the literal's, for a tenant with many rows and for one with few
CREATE FUNCTION public.unlike(query text) RETURNS TABLE (name text, by_reader text, by_literal text) LANGUAGE plpgsql AS $$
DECLARE
    holder public.holder;
    part text[] = regexp_match(query, '«([^|]+)\|([^»]+)»');
BEGIN
    FOR holder IN SELECT * FROM public.holder AS h ORDER BY h.name LOOP
        PERFORM public.become(holder);
        name := holder.name;
        by_reader := public.shape(public.plan(replace(query, format('«%s|%s»', VARIADIC part), part[1])));
        by_literal := public.shape(public.plan(replace(query, format('«%s|%s»', VARIADIC part),
            replace(replace(replace(part[2], '$sub', quote_nullable(coalesce(holder.tenants[1], '-'))), '$tenants', quote_literal(holder.tenants)), '$customers', quote_literal(holder.customers)))));
        IF by_reader IS DISTINCT FROM by_literal THEN
            RETURN NEXT;
        END IF;
    END LOOP;
END
$$;
SELECT query, u.* FROM unnest(ARRAY[
    'SELECT * FROM public.orders WHERE tenant = «token_auth.subject()|$sub»',
    'SELECT * FROM public.orders WHERE tenant = «token_auth.claim(''sub'')|$sub»',
    'SELECT * FROM public.orders WHERE tenant = «token_auth.claim_in_namespace('''', ''sub'')|$sub»',
    'SELECT * FROM public.orders WHERE customer = «token_auth.claim_bigint(''customer'')|7::bigint»',
    'SELECT * FROM public.orders WHERE key = «token_auth.claim_uuid(''key'')|''00000007-0000-4000-8000-00000000cafe''::uuid»',
    'SELECT * FROM public.orders WHERE tenant > «token_auth.subject()|$sub»',
    'SELECT * FROM public.orders WHERE tenant = «token_auth.subject()|$sub» ORDER BY placed LIMIT 10',
    'SELECT * FROM public.orders WHERE tenant = «token_auth.subject()|$sub» ORDER BY tenant, id LIMIT 10',
    'SELECT tenant, count(*) FROM public.orders WHERE tenant = «token_auth.subject()|$sub» GROUP BY tenant',
    'SELECT * FROM public.orders AS o JOIN public.line AS l ON l.order_id = o.id WHERE o.tenant = «token_auth.subject()|$sub»',
    'SELECT * FROM public.orders AS o LEFT JOIN public.line AS l ON l.order_id = o.id AND l.tenant = «token_auth.subject()|$sub» WHERE o.id < 100',
    'SELECT * FROM public.orders AS o WHERE EXISTS (SELECT FROM public.line AS l WHERE l.order_id = o.id AND l.tenant = «token_auth.subject()|$sub»)',
    'SELECT * FROM public.orders AS o WHERE o.tenant = «token_auth.subject()|$sub» AND NOT EXISTS (SELECT FROM public.line AS l WHERE l.order_id = o.id)',
    'SELECT * FROM public.orders WHERE «token_auth.in_claim(tenant, ''tenants'')|tenant = ANY ($tenants)»',
    'SELECT * FROM public.orders AS o JOIN public.line AS l ON l.order_id = o.id WHERE «token_auth.in_claim(o.tenant, ''tenants'')|o.tenant = ANY ($tenants)»',
    'SELECT * FROM public.orders AS o LEFT JOIN public.line AS l ON l.order_id = o.id AND «token_auth.in_claim(l.tenant, ''tenants'')|l.tenant = ANY ($tenants)» WHERE o.id < 100',
    'SELECT * FROM public.orders AS o WHERE EXISTS (SELECT FROM public.line AS l WHERE l.order_id = o.id AND «token_auth.in_claim(l.tenant, ''tenants'')|l.tenant = ANY ($tenants)»)'
    ]) AS t (query), public.unlike(query) AS u;

-- in_claim() through what indexes there are: which condition each kind gets
CREATE FUNCTION public.through(condition text) RETURNS text LANGUAGE sql AS $$
    SELECT concat_ws(' ', node ->> 'Node Type', node ->> 'Index Cond')
    FROM jsonb_path_query(public.plan('SELECT * FROM public.orders WHERE ' || condition), 'strict $.** ? (exists (@."Index Cond"))') AS t (node)
$$;
SELECT condition, public.through(condition)
FROM unnest(ARRAY['token_auth.in_claim(tenant, ''tenants'')', 'token_auth.in_claim(customer, ''customers'')', 'token_auth.in_claim(key, ''keys'')',
                  'tenant = token_auth.subject()', 'customer = token_auth.claim_bigint(''customer'')', 'key = token_auth.claim_uuid(''key'')',
                  'token_auth.in_claim(tenant, ''tenants'') OR customer = 3', 'token_auth.in_claim(tenant, ''tenants'') AND customer = -1',
                  'token_auth.in_claim(tenant, VARIADIC ARRAY[tenant])', 'NOT token_auth.in_claim(tenant, ''tenants'')', 'token_auth.in_claim(tenant COLLATE "C", ''tenants'')',
                  'token_auth.in_claim(''x''::text, ''tenants'')', 'token_auth.in_claim(tenant, (SELECT ''tenants''))']) AS t (condition);
-- an index that has the members in its first column keeps its order; one that has not is not trusted for it
SET enable_bitmapscan = off;
SET enable_seqscan = off;
CREATE FUNCTION public.sorts(query text) RETURNS boolean LANGUAGE sql AS $$ SELECT public.plan(query)::text ~ '"(Incremental )?Sort"' $$;
CREATE INDEX orders_tenant_placed ON public.orders (tenant, placed);
CREATE INDEX orders_placed_tenant ON public.orders (placed, tenant);
DROP INDEX public.orders_tenant;
SELECT public.sorts('SELECT * FROM public.orders WHERE token_auth.in_claim(tenant, ''tenants'') ORDER BY tenant, placed'),
       public.sorts('SELECT * FROM public.orders WHERE token_auth.in_claim(tenant, ''tenants'') ORDER BY tenant DESC, placed DESC'),
       public.sorts('SELECT * FROM public.orders WHERE token_auth.in_claim(tenant, ''tenants'') ORDER BY placed'),
       public.plan('SELECT tenant, placed FROM public.orders WHERE token_auth.in_claim(tenant, ''tenants'')') ->> 'Node Type';
-- ... before PostgreSQL 17 the second column gets no members
SELECT public.through('placed = 7 AND token_auth.in_claim(tenant, ''tenants'')') ~ 'claim_members' = (current_setting('server_version_num')::int >= 170000);
SELECT string_agg(id::text, ' ') = (SELECT string_agg(id::text, ' ') FROM (SELECT id FROM public.orders WHERE tenant = 'small' AND placed < 9000 ORDER BY placed OFFSET 0) AS s)
FROM (SELECT id FROM public.orders WHERE token_auth.in_claim(tenant, 'tenants') AND placed < 9000 ORDER BY placed) AS t;
DROP INDEX public.orders_tenant_placed, public.orders_placed_tenant;
-- a hash index finds members by a bitmap only; its other conditions stay
RESET enable_bitmapscan;
CREATE INDEX orders_tenant ON public.orders USING hash (tenant);
SELECT public.through('token_auth.in_claim(tenant, ''tenants'')');
SELECT public.through('token_auth.in_claim(tenant, ''tenants'') AND tenant = ''small''');
SELECT public.through('tenant = token_auth.subject()');
SELECT jsonb_path_query_first(public.plan('SELECT * FROM public.line AS l JOIN public.orders AS o ON o.tenant = l.tenant AND l.n < 5 AND token_auth.in_claim(l.tenant, ''tenants'')'), 'strict $.** ? (@."Index Name" == "orders_tenant")."Node Type"');
DROP INDEX public.orders_tenant;
CREATE INDEX orders_tenant ON public.orders USING brin (tenant);
SELECT public.through('token_auth.in_claim(tenant, ''tenants'')');
DROP INDEX public.orders_tenant;
CREATE INDEX orders_tenant ON public.orders (tenant);
RESET enable_seqscan;

-- how many rows: skewed values, several members, none; with the literal the same number
CREATE FUNCTION public.not_near(conditions text[]) RETURNS TABLE (name text, condition text, near text) LANGUAGE plpgsql AS $$
DECLARE
    holder public.holder;
BEGIN
    FOR holder IN SELECT * FROM public.holder AS h ORDER BY h.name LOOP
        PERFORM public.become(holder);
        FOREACH condition IN ARRAY conditions LOOP
            name := holder.name;
            near := public.is_near(condition);
            IF near <> 'near' THEN
                RETURN NEXT;
            END IF;
        END LOOP;
    END LOOP;
END
$$;
SELECT * FROM public.not_near(ARRAY['tenant = token_auth.subject()', 'token_auth.in_claim(tenant, ''tenants'')', 'token_auth.in_claim(customer, ''customers'')', 'token_auth.in_claim(key, ''keys'')',
    'NOT token_auth.in_claim(tenant, ''tenants'')', 'token_auth.in_claim(tenant, ''tenants'') AND customer < 500', 'token_auth.has_scope(tenant)', 'token_auth.has_role(tenant)',
    'NOT token_auth.has_scope(tenant)', 'token_auth.in_claim(tenant, ''absent'')']);
-- ... of a test beside a condition: all rows if it holds, those of the condition if not
SET token_auth.token = :'small';
SELECT condition, public.is_near(condition)
FROM unnest(ARRAY['tenant = token_auth.subject() OR token_auth.has_role(''auditor'')', 'tenant = token_auth.subject() OR token_auth.has_role(''manager'')',
                  'tenant = token_auth.subject() OR NOT token_auth.has_role(''auditor'')', 'tenant = token_auth.subject() OR NOT token_auth.has_role(''manager'')',
                  'tenant = token_auth.subject() OR token_auth.has_scope(''orders:read'', '''')', 'tenant = token_auth.subject() OR token_auth.has_scope(''orders:read'', ''x'')',
                  'tenant = token_auth.subject() OR token_auth.has_any_scope(''x'', ''big'')', 'tenant = token_auth.subject() OR token_auth.has_all_scopes(''x'', ''big'')',
                  'tenant = token_auth.subject() OR token_auth.is_client()', 'tenant = token_auth.subject() OR NOT token_auth.is_authenticated()',
                  'tenant = token_auth.subject() OR token_auth.has_role(NULL)', 'tenant = ''small'' OR (token_auth.has_role(''auditor'') AND token_auth.in_claim(customer, ''customers''))']) AS t (condition);
SET token_auth.token = '';
SELECT condition, public.is_near(condition)
FROM unnest(ARRAY['tenant = token_auth.subject() OR token_auth.has_role(''auditor'')', 'tenant = token_auth.subject()', 'token_auth.in_claim(tenant, ''tenants'')',
                  'NOT token_auth.in_claim(tenant, ''tenants'')', 'token_auth.has_scope(tenant)', 'tenant = ''small'' OR token_auth.is_authenticated()',
                  'tenant = ''small'' OR NOT token_auth.is_authenticated()']) AS t (condition);

-- a test by itself is asked once, before the scan; below a policy it is a filter that costs no estimate, and the index is used
ALTER TABLE public.orders ENABLE ROW LEVEL SECURITY;
CREATE POLICY tenant ON public.orders TO regress_app USING (tenant = token_auth.subject() AND token_auth.has_scope('orders:read'));
CREATE POLICY several ON public.orders FOR DELETE TO regress_app USING (token_auth.in_claim(tenant, 'tenants') AND token_auth.has_scope('orders:read') AND token_auth.is_authenticated());
GRANT SELECT, DELETE ON public.orders TO regress_app;
GRANT SELECT ON public.line TO regress_app;
SET token_auth.token = :'small';
SET ROLE regress_app;
EXPLAIN (COSTS OFF) SELECT * FROM public.line WHERE token_auth.has_scope('orders:read');
EXPLAIN (COSTS OFF) SELECT * FROM public.orders;
SELECT node ->> 'Index Cond' FROM jsonb_path_query(public.plan('DELETE FROM public.orders'), 'strict $.** ? (exists (@."Index Cond"))') AS t (node) ORDER BY 1;
SELECT public.estimate('SELECT * FROM public.orders') AS by_policy \gset
RESET ROLE;
SELECT public.rows_where('tenant = ''small''') = :by_policy;
SET ROLE regress_app;
SET parallel_setup_cost = 0;
SET parallel_tuple_cost = 0;
SET min_parallel_table_scan_size = 0;
SET max_parallel_workers_per_gather = 2;
SET token_auth.token = :'big';
SELECT query, EXISTS (SELECT FROM jsonb_path_query(public.plan(query), 'strict $.** ? (@."Node Type" like_regex "^Gather")') AS t (node)
                      WHERE node::text ~ '"Parallel Aware": true' AND node::text ~ 'token_auth') AS parallel
FROM unnest(ARRAY['SELECT sum(placed) FROM public.orders', 'SELECT sum(n) FROM public.line WHERE token_auth.in_claim(tenant, ''tenants'')',
                  'SELECT sum(n) FROM public.line WHERE token_auth.has_scope(tenant)', 'SELECT sum(l.n) FROM public.line AS l JOIN public.orders AS o ON o.id = l.order_id']) AS t (query);
RESET parallel_setup_cost;
RESET parallel_tuple_cost;
RESET min_parallel_table_scan_size;
SET max_parallel_workers_per_gather = 0;

-- refused: a plan made under one token has nothing of it: under another it answers for that one, under none for nobody
SET plan_cache_mode = force_generic_plan;
PREPARE mine AS SELECT count(*), min(tenant) FROM public.orders;
PREPARE scoped AS SELECT count(*) FROM public.line WHERE n <= 10 AND token_auth.has_scope('big');
PREPARE either AS SELECT count(*) FROM public.line WHERE n <= 10 AND (tenant = token_auth.subject() OR token_auth.has_role('auditor'));
PREPARE of_scope AS SELECT count(DISTINCT tenant), min(tenant) FROM public.line WHERE token_auth.has_scope(tenant);
EXECUTE mine;
EXECUTE scoped;
EXECUTE either;
EXECUTE of_scope;
SET token_auth.token = :'small';
EXECUTE mine;
SELECT mint.token('{"sub": "small", "scope": "tenant"}') AS narrow \gset
SET token_auth.token = :'narrow';
EXECUTE mine;
EXECUTE scoped;
EXECUTE either;
EXECUTE of_scope;
SET token_auth.token = '';
EXECUTE mine;
EXECUTE scoped;
EXECUTE either;
EXECUTE of_scope;
SET token_auth.token = 'x';
EXECUTE mine;
EXECUTE scoped;
SET token_auth.token = :'big';
EXECUTE mine;
EXECUTE scoped;
EXECUTE either;
EXECUTE of_scope;
-- ... and one made under none shows a token's rows
SET token_auth.token = '';
DEALLOCATE ALL;
PREPARE mine AS SELECT count(*), min(tenant) FROM public.orders;
PREPARE several AS SELECT count(*) FROM public.line WHERE token_auth.in_claim(tenant, 'tenants');
EXECUTE mine;
EXECUTE several;
SET token_auth.token = :'big';
EXECUTE mine;
EXECUTE several;
SET token_auth.token = :'many';
EXECUTE mine;
EXECUTE several;
RESET plan_cache_mode;

-- a claim that is no array is an error where in_claim() is reached, not where it is planned
SELECT mint.token('{"sub": "small", "tenants": {"a": 1}}') AS odd \gset
SET token_auth.token = :'odd';
SELECT count(*) FROM public.line WHERE tenant = token_auth.subject() OR (token_auth.has_scope('none') AND token_auth.in_claim(tenant, 'tenants'));
SELECT count(*) FROM public.line WHERE false AND token_auth.in_claim(tenant, 'tenants');
SELECT mint.outcome('EXPLAIN SELECT FROM public.line WHERE token_auth.in_claim(tenant, ''tenants'')');
SELECT mint.outcome('SELECT count(*) FROM public.line WHERE token_auth.in_claim(tenant, ''tenants'')');
SET enable_seqscan = off;
SELECT mint.outcome('SELECT count(*) FROM public.line WHERE token_auth.in_claim(tenant, ''tenants'')');
RESET enable_seqscan;
RESET ROLE;

DROP FUNCTION public.plan, public.shape, public.estimate, public.rows_where, public.is_near, public.not_near, public.become, public.unlike, public.through, public.sorts;
DROP TABLE public.orders, public.line, public.holder;
DROP OWNED BY regress_app;
DROP ROLE regress_app;
SELECT token_auth.drop_issuer('https://idp.test');
