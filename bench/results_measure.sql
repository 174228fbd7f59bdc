-- The measurements of bench/results that are made inside the server: in PL/pgSQL,
-- whose share is that of a statement in a loop, and without EXPLAIN ANALYZE, which
-- slows each row down. Included by results.sql.

CREATE FUNCTION bench.us_since(began timestamptz) RETURNS double precision LANGUAGE sql AS $$
    SELECT extract(epoch FROM clock_timestamp() - began)::double precision * 1e6
$$;

-- Give this session the claims, by both ways.
CREATE FUNCTION bench.present(token text, claims text) RETURNS void LANGUAGE plpgsql AS $$
BEGIN
    PERFORM token_auth.set_session_token(token);
    PERFORM set_config('request.jwt.claims', claims, false);
END
$$;

CREATE FUNCTION bench.present_tenant(tenant int) RETURNS void LANGUAGE sql AS $$
    SELECT bench.present(t.token, c.claims)
    FROM bench.token_es256 AS t JOIN bench.claims AS c USING (n)
    WHERE n = tenant
$$;

CREATE PROCEDURE bench.alter_policies(part text, value text, list text DEFAULT '{}') LANGUAGE plpgsql AS $$
DECLARE
    command text;
BEGIN
    FOR command IN SELECT bench.policies(part, 'ALTER', value, list) LOOP
        EXECUTE command;
    END LOOP;
END
$$;

-- Milliseconds of a query. Another answer than expected ends the benchmark.
CREATE FUNCTION bench.ms(query text, expected bigint) RETURNS double precision LANGUAGE plpgsql AS $$
DECLARE
    began timestamptz := clock_timestamp();
    took double precision;
    answer bigint;
BEGIN
    EXECUTE query INTO answer;
    took := bench.us_since(began) / 1000;
    IF answer IS DISTINCT FROM expected THEN
        RAISE EXCEPTION 'as %: % instead of %: %', current_user, answer, expected, query;
    END IF;
    RETURN took;
END
$$;

-- Microseconds of a statement whose plan is kept.
CREATE FUNCTION bench.index_us(n int, expected bigint) RETURNS double precision LANGUAGE plpgsql AS $$
DECLARE
    began timestamptz := clock_timestamp();
    answer bigint;
BEGIN
    FOR i IN 1 .. n LOOP
        SELECT count(item) INTO answer FROM bench.orders;
        IF answer IS DISTINCT FROM expected THEN
            RAISE EXCEPTION 'as %: % instead of %', current_user, answer, expected;
        END IF;
    END LOOP;
    RETURN bench.us_since(began) / n;
END
$$;

-- The nodes of a plan, as in "Aggregate (Hash Join (Seq Scan lines, Hash (Index Scan orders)))".
CREATE FUNCTION bench.shape(node jsonb) RETURNS text LANGUAGE plpgsql AS $$
DECLARE
    below text;
BEGIN
    SELECT string_agg(bench.shape(child), ', ' ORDER BY ordinality) INTO below
    FROM jsonb_array_elements(node->'Plans') WITH ORDINALITY AS c (child, ordinality)
    WHERE child->>'Parent Relationship' NOT IN ('InitPlan', 'SubPlan');
    RETURN concat_ws(' ', node->>'Node Type', coalesce(node->>'Relation Name', node->>'Index Name'), '(' || below || ')');
END
$$;

-- Note the plan of a query, and the rows that a scan of the table was expected to
-- yield; run it if launched workers are to be counted.
CREATE PROCEDURE bench.explain(way text, measure text, relation text, query text, run boolean DEFAULT false) LANGUAGE plpgsql AS $$
DECLARE
    plan jsonb;
BEGIN
    EXECUTE format('EXPLAIN (FORMAT JSON%s) %s', CASE WHEN run THEN ', ANALYZE, TIMING OFF' ELSE '' END, query) INTO plan;
    DELETE FROM bench.plan AS p WHERE p.way = explain.way AND p.measure = explain.measure;
    INSERT INTO bench.plan
    SELECT way, measure, bench.shape(plan->0->'Plan'),
        (jsonb_path_query_first(plan, 'strict $.**?(@."Relation Name" == $table && @."Plan Rows" >= 0)', jsonb_build_object('table', relation))->>'Plan Rows')::bigint,
        (jsonb_path_query_first(plan, 'strict $.**."Workers Launched"'))::int;
END
$$;
GRANT INSERT, DELETE, SELECT ON bench.sample, bench.plan TO PUBLIC;

-- A way's expected sum or count, from those who see all.
CREATE FUNCTION bench.answer(query text) RETURNS bigint LANGUAGE plpgsql AS $$
DECLARE
    answer bigint;
BEGIN
    EXECUTE query INTO answer;
    RETURN answer;
END
$$;

-- The roles of a part, each round beginning with another one.
CREATE FUNCTION bench.turns(part text, round int) RETURNS SETOF name LANGUAGE sql AS $$
    SELECT role FROM bench.way WHERE way.part = turns.part
    ORDER BY (row_number() OVER (ORDER BY number) + round) % (count(*) OVER ())
$$;

-- Note one sample of a way: milliseconds of a query. It is spared where the last
-- one took longer than so many; each way is measured once at least.
CREATE PROCEDURE bench.sample_ms(way text, part text, measure text, round int, query text, expected bigint, spare_ms double precision) LANGUAGE plpgsql AS $$
BEGIN
    IF EXISTS (SELECT FROM bench.sample AS s
               WHERE s.way = sample_ms.way AND s.measure = sample_ms.measure AND s.value > spare_ms) THEN
        RETURN;
    END IF;
    INSERT INTO bench.sample VALUES (part, way, measure, round, bench.ms(query, expected));
END
$$;

CREATE PROCEDURE bench.only_seq_scans(is_so boolean) LANGUAGE plpgsql AS $$
BEGIN
    PERFORM set_config(name, CASE WHEN is_so THEN 'off' ELSE 'on' END, false)
    FROM unnest('{enable_indexscan,enable_bitmapscan,enable_indexonlyscan}'::text[]) AS name;
END
$$;

-- Up to so many workers, and costs that stand in the way of none, whatever the size.
CREATE PROCEDURE bench.allow_workers(n int) LANGUAGE plpgsql AS $$
BEGIN
    PERFORM set_config('max_parallel_workers_per_gather', n::text, false);
    PERFORM set_config(name, CASE n WHEN 0 THEN boot_val ELSE '0' END, false)
    FROM pg_settings
    WHERE name IN ('parallel_setup_cost', 'parallel_tuple_cost', 'min_parallel_table_scan_size');
END
$$;

-- Note how many times as long as one way another takes, each time right after it or
-- right before: the machine's speed changes within seconds.
CREATE PROCEDURE bench.duel(part text, measure text, round int, passes int, query text, way name, expected bigint, base name, base_expected bigint) LANGUAGE plpgsql AS $$
DECLARE
    way_ms double precision;
    base_ms double precision;
BEGIN
    CALL bench.only_seq_scans(true);
    FOR pass IN 1 .. passes LOOP
        FOR turn IN 1 .. 2 LOOP
            IF (turn = 1) = (pass % 2 = 1) THEN
                PERFORM set_config('role', base, false);
                base_ms := bench.ms(query, base_expected);
            ELSE
                PERFORM set_config('role', way, false);
                way_ms := bench.ms(query, expected);
            END IF;
        END LOOP;
        PERFORM set_config('role', 'none', false);
        INSERT INTO bench.sample VALUES (part, way, 'ratio ' || measure, round, way_ms / base_ms);
    END LOOP;
    CALL bench.only_seq_scans(false);
END
$$;

-- Those of which a ratio is promised.
CREATE PROCEDURE bench.duels(part text, measure text, round int, passes int, query text, expected bigint, literal_expected bigint) LANGUAGE plpgsql AS $$
DECLARE
    w record;
BEGIN
    FOR w IN SELECT role, literal FROM bench.way AS t
             WHERE t.part = duels.part AND expression LIKE '%token\_auth.%' AND role !~ '(scope|claim_array)$' ORDER BY number LOOP
        CALL bench.duel(part, measure, round, passes, query, w.role, expected, w.literal, literal_expected);
    END LOOP;
END
$$;

--
-- Policies
--

-- Fast ways are scanned more often in a round: their ratio is the one that is close.
CREATE PROCEDURE bench.measure_scans(round int, passes int, expected bigint) LANGUAGE plpgsql AS $$
DECLARE
    way name;
BEGIN
    FOR pass IN 1 .. passes LOOP
        FOR way IN SELECT bench.turns('policy', round * passes + pass) LOOP
            PERFORM set_config('role', way, false);
            CALL bench.only_seq_scans(true);
            CALL bench.sample_ms(way, 'policy', 'seq', round, 'SELECT count(*) FROM bench.orders', expected,
                                 CASE pass WHEN 1 THEN 'infinity'::float8 ELSE 500 END);
            IF pass % 2 = 1 THEN
                CALL bench.allow_workers(2);
                CALL bench.sample_ms(way, 'policy', 'parallel', round, 'SELECT count(*) FROM bench.orders', expected,
                                     CASE pass WHEN 1 THEN 2000 ELSE 500 END);
                IF pass = 1 AND round = 1 THEN
                    CALL bench.explain(way, 'parallel', 'orders', 'SELECT count(*) FROM bench.orders', true);
                END IF;
                CALL bench.allow_workers(0);
            END IF;
            CALL bench.only_seq_scans(false);
            PERFORM set_config('role', 'none', false);
        END LOOP;
    END LOOP;
    CALL bench.duels('policy', 'seq', round, passes, 'SELECT count(*) FROM bench.orders', expected, expected);
END
$$;

CREATE PROCEDURE bench.measure_joins(round int, size text, expected bigint) LANGUAGE plpgsql AS $$
DECLARE
    query text := 'SELECT sum(l.quantity) FROM bench.orders AS o JOIN bench.lines AS l ON l.order_id = o.id';
    way name;
BEGIN
    FOR way IN SELECT bench.turns('policy', round) LOOP
        PERFORM set_config('role', way, false);
        CALL bench.explain(way, 'join ' || size, 'orders', query);
        CALL bench.sample_ms(way, 'policy', 'join ' || size, round, query, expected, 'infinity');
        PERFORM set_config('role', 'none', false);
    END LOOP;
END
$$;

CREATE PROCEDURE bench.measure_lookups(round int, n int, expected bigint) LANGUAGE plpgsql AS $$
DECLARE
    way name;
BEGIN
    FOR way IN SELECT bench.turns('policy', round) LOOP
        PERFORM set_config('role', way, false);
        -- a plan of its own first
        PERFORM bench.index_us(20, expected);
        INSERT INTO bench.sample VALUES ('policy', way, 'index', round, bench.index_us(n, expected));
        PERFORM set_config('role', 'none', false);
    END LOOP;
END
$$;

CREATE PROCEDURE bench.measure_policies(round int) LANGUAGE plpgsql AS $$
DECLARE
    tenant int;
    sizes text[] := '{big,small}';
    owned bigint;
    lines bigint;
BEGIN
    CALL bench.allow_workers(0);
    FOR i IN 1 .. 2 LOOP
        tenant := CASE i WHEN 1 THEN 1 ELSE (SELECT max(n) FROM bench.claims) END;
        CALL bench.alter_policies('policy', bench.uuid('tenant', tenant)::text);
        PERFORM bench.present_tenant(tenant);
        owned := bench.answer(format('SELECT count(*) FROM bench.orders WHERE owner = %L', bench.uuid('tenant', tenant)));
        lines := bench.answer(format('SELECT sum(quantity) FROM bench.lines WHERE order_id IN (SELECT id FROM bench.orders WHERE owner = %L)',
                                     bench.uuid('tenant', tenant)));
        CALL bench.measure_joins(round, sizes[i], lines);
        IF i = 1 THEN
            CALL bench.measure_scans(round, 8, owned);
        ELSE
            CALL bench.measure_lookups(round, 2000, owned);
        END IF;
    END LOOP;
    CALL bench.alter_policies('policy', bench.uuid('tenant', 1)::text);
END
$$;

--
-- Membership
--

-- Would a scan with so many members take minutes? Where a tenth of them took seconds.
CREATE FUNCTION bench.is_too_slow(way text, members int) RETURNS boolean LANGUAGE sql AS $$
    SELECT NOT EXISTS (SELECT FROM bench.sample AS s WHERE s.way = is_too_slow.way AND measure = 'seq ' || members / 10 AND value < 3000)
        AND members > (SELECT min(t.members) FROM bench.member_token AS t)
$$;

-- One way, with and without the column's index.
CREATE PROCEDURE bench.measure_member(round int, way text, members int, expected bigint) LANGUAGE plpgsql AS $$
DECLARE
    query constant text := 'SELECT count(id) FROM bench.documents';
    what text;
BEGIN
    FOREACH what IN ARRAY ARRAY['seq', 'index'] LOOP
        CALL bench.only_seq_scans(what = 'seq');
        CALL bench.explain(way, what || ' ' || members, 'documents', query);
        FOR pass IN 1 .. 3 LOOP
            EXIT WHEN bench.is_too_slow(way, members) AND
                EXISTS (SELECT FROM bench.plan AS p WHERE p.way = measure_member.way AND p.measure = what || ' ' || members AND shape LIKE '%Seq Scan%');
            CALL bench.sample_ms(way, 'membership', what || ' ' || members, round, query, expected,
                                 CASE pass WHEN 1 THEN 6000 ELSE 300 END);
        END LOOP;
        CALL bench.only_seq_scans(false);
    END LOOP;
END
$$;

CREATE PROCEDURE bench.measure_members(round int, members int) LANGUAGE plpgsql AS $$
DECLARE
    way name;
    expected bigint;
BEGIN
    FOR way IN SELECT bench.turns('membership', round) LOOP
        expected := bench.answer(format('SELECT count(*) FROM bench.documents WHERE team IN (SELECT bench.uuid(''team'', i)::text FROM generate_series(1, %s) AS i)',
                                        CASE WHEN way LIKE '%literal' THEN 1 ELSE members END));
        PERFORM set_config('role', way, false);
        CALL bench.measure_member(round, way, members, expected);
        PERFORM set_config('role', 'none', false);
    END LOOP;
    CALL bench.duels('membership', 'seq ' || members, round, 4, 'SELECT count(id) FROM bench.documents',
                     bench.answer(format('SELECT count(*) FROM bench.documents WHERE team IN (SELECT bench.uuid(''team'', i)::text FROM generate_series(1, %s) AS i)', members)),
                     bench.answer('SELECT count(*) FROM bench.documents WHERE team = bench.uuid(''team'', 1)::text'));
END
$$;

CREATE PROCEDURE bench.measure_membership(round int) LANGUAGE plpgsql AS $$
DECLARE
    t bench.member_token;
    teams uuid[];
BEGIN
    CALL bench.allow_workers(0);
    FOR t IN SELECT * FROM bench.member_token ORDER BY members LOOP
        teams := ARRAY(SELECT bench.uuid('team', i) FROM generate_series(1, t.members) AS i);
        CALL bench.alter_policies('membership', teams[1]::text, teams::text);
        PERFORM bench.present(t.token, t.claims);
        CALL bench.measure_members(round, t.members);
    END LOOP;
END
$$;

--
-- Verification: expressions that PL/pgSQL evaluates by itself, a tenth of a second
-- long, and microseconds each
--

CREATE FUNCTION bench.verify_us(token text) RETURNS double precision LANGUAGE plpgsql AS $$
DECLARE
    claims jsonb := token_auth.verify(token);
    began timestamptz := clock_timestamp();
    n int := 0;
BEGIN
    WHILE clock_timestamp() < began + '0.1 s' LOOP
        FOR i IN 1 .. 20 LOOP
            claims := token_auth.verify(token);
        END LOOP;
        n := n + 20;
    END LOOP;
    RETURN bench.us_since(began) / n;
END
$$;

-- As pgjwt does it (https://github.com/michelp/pgjwt): HS256 in SQL, and neither
-- time nor issuer is looked at.
CREATE FUNCTION bench.decode_url(data text) RETURNS bytea LANGUAGE sql IMMUTABLE AS $$
    WITH t AS (SELECT translate(data, '-_', '+/') AS trans),
         rem AS (SELECT length(t.trans) % 4 AS remainder FROM t)
    SELECT decode(t.trans || CASE WHEN rem.remainder > 0 THEN repeat('=', (4 - rem.remainder)) ELSE '' END, 'base64')
    FROM t, rem
$$;

CREATE FUNCTION bench.encode_url(data bytea) RETURNS text LANGUAGE sql IMMUTABLE AS $$
    SELECT translate(encode(data, 'base64'), E'+/=\n', '-_')
$$;

CREATE FUNCTION bench.verify_in_sql(token text, secret bytea) RETURNS TABLE (header json, payload json, valid boolean)
LANGUAGE sql IMMUTABLE AS $$
    SELECT convert_from(bench.decode_url(r[1]), 'utf8')::json,
        convert_from(bench.decode_url(r[2]), 'utf8')::json,
        r[3] = bench.encode_url(public.hmac(convert_to(r[1] || '.' || r[2], 'utf8'), secret, 'sha256'))
    FROM regexp_split_to_array(token, '\.') AS r
$$;

CREATE FUNCTION bench.verify_in_sql_us(token text, secret bytea) RETURNS double precision LANGUAGE plpgsql AS $$
DECLARE
    began timestamptz := clock_timestamp();
    claims json;
    is_valid boolean;
    n int := 0;
BEGIN
    WHILE clock_timestamp() < began + '0.1 s' LOOP
        FOR i IN 1 .. 20 LOOP
            SELECT payload, valid INTO claims, is_valid FROM bench.verify_in_sql(token, secret);
            IF is_valid IS NOT TRUE THEN
                RAISE EXCEPTION 'the signature is not good';
            END IF;
        END LOOP;
        n := n + 20;
    END LOOP;
    RETURN bench.us_since(began) / n;
END
$$;

-- Remembered tokens in turn; with one it is the current one that is set again.
CREATE FUNCTION bench.set_us(n_tokens int, n int) RETURNS double precision LANGUAGE plpgsql AS $$
DECLARE
    tokens text[] := ARRAY(SELECT token FROM bench.token_es256 AS t WHERE t.n <= n_tokens ORDER BY t.n);
    began timestamptz;
    subject text;
BEGIN
    FOR i IN 1 .. 2 * n_tokens LOOP
        subject := token_auth.set_local_token(tokens[i % n_tokens + 1]);
    END LOOP;
    began := clock_timestamp();
    FOR i IN 1 .. n LOOP
        subject := token_auth.set_local_token(tokens[i % n_tokens + 1]);
    END LOOP;
    RETURN bench.us_since(began) / n;
END
$$;

CREATE FUNCTION bench.set_config_us(n_tokens int, n int) RETURNS double precision LANGUAGE plpgsql AS $$
DECLARE
    claims text[] := ARRAY(SELECT c.claims FROM bench.claims AS c WHERE c.n <= n_tokens ORDER BY c.n);
    began timestamptz := clock_timestamp();
    setting text;
BEGIN
    FOR i IN 1 .. n LOOP
        setting := set_config('request.jwt.claims', claims[i % n_tokens + 1], true);
    END LOOP;
    RETURN bench.us_since(began) / n;
END
$$;

CREATE FUNCTION bench.subject_us(n int) RETURNS double precision LANGUAGE plpgsql AS $$
DECLARE
    began timestamptz := clock_timestamp();
BEGIN
    FOR i IN 1 .. n LOOP
        PERFORM token_auth.subject();
    END LOOP;
    RETURN bench.us_since(began) / n;
END
$$;

CREATE FUNCTION bench.setting_us(n int) RETURNS double precision LANGUAGE plpgsql AS $$
DECLARE
    began timestamptz := clock_timestamp();
BEGIN
    FOR i IN 1 .. n LOOP
        PERFORM current_setting('request.jwt.claims', true)::json->>'sub';
    END LOOP;
    RETURN bench.us_since(began) / n;
END
$$;

CREATE FUNCTION bench.constant_us(n int) RETURNS double precision LANGUAGE plpgsql AS $$
DECLARE
    began timestamptz := clock_timestamp();
BEGIN
    FOR i IN 1 .. n LOOP
        PERFORM 'd6050d51-0433-eb02-5494-4aab43a79c27'::text;
    END LOOP;
    RETURN bench.us_since(began) / n;
END
$$;

-- Sessions that remember: how many of the first so many tokens, once verified?
CREATE FUNCTION bench.remembered(n_tokens int) RETURNS bigint LANGUAGE plpgsql AS $$
BEGIN
    PERFORM count(token_auth.verify(token)) FROM bench.token_rs256 WHERE n <= n_tokens;
    RETURN (SELECT count(*) FROM pg_backend_memory_contexts WHERE name = 'token_auth token');
END
$$;

--
-- A parallel worker's first reader: a statement that is run in one worker, by a
-- setting that is meant for tests and was renamed in PostgreSQL 16
--

CREATE TABLE bench.few AS SELECT owner FROM bench.orders WHERE id <= 100;
GRANT SELECT ON bench.few TO PUBLIC;

CREATE FUNCTION bench.worker_us(n int, condition text) RETURNS double precision LANGUAGE plpgsql AS $$
DECLARE
    query text := 'SELECT count(*) FROM bench.few WHERE owner = ' || condition;
    began timestamptz;
    took double precision;
    answer bigint;
    plan json;
BEGIN
    PERFORM set_config(name, 'on', true) FROM pg_settings WHERE name IN ('force_parallel_mode', 'debug_parallel_query');
    FOR i IN 0 .. n LOOP
        IF i = 1 THEN
            began := clock_timestamp();
        END IF;
        EXECUTE query INTO answer;
        IF answer < 1 THEN
            RAISE EXCEPTION 'no row with %', condition;
        END IF;
    END LOOP;
    took := bench.us_since(began) / n;
    EXECUTE 'EXPLAIN (ANALYZE, FORMAT JSON) ' || query INTO plan;
    IF plan::text !~ '"Workers Launched": 1' THEN
        RAISE EXCEPTION 'no worker with %', condition;
    END IF;
    RETURN took;
END
$$;
