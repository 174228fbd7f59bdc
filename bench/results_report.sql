-- The tables of bench/results, from what it measured: one file for each below :work,
-- with columns separated by tabs. Reads more samples from its input.
\set ON_ERROR_STOP on
\set QUIET on
\pset tuples_only on
\pset format unaligned
SET client_min_messages = error;

\copy bench.sample FROM pstdin

-- noise: half of the samples lie as close to the median as this, in per cent
CREATE TEMPORARY TABLE median AS
SELECT part, way, measure, q[2]::numeric AS value, n,
    CASE WHEN n > 1 THEN round(((q[3] - q[1]) / 2 / q[2] * 100)::numeric, 1) END AS noise
FROM (SELECT part, way, measure, count(*) AS n,
          percentile_cont('{0.25,0.5,0.75}'::float8[]) WITHIN GROUP (ORDER BY value) AS q
      FROM bench.sample
      GROUP BY part, way, measure) AS s;

CREATE FUNCTION pg_temp.median(part text, way text, measure text) RETURNS numeric LANGUAGE sql AS $$
    SELECT value FROM pg_temp.median AS m WHERE m.part = $1 AND m.way = $2 AND m.measure = $3
$$;

CREATE FUNCTION pg_temp.noise(part text, way text, measure text) RETURNS text LANGUAGE sql AS $$
    SELECT coalesce((SELECT noise::text FROM pg_temp.median AS m WHERE m.part = $1 AND m.way = $2 AND m.measure = $3), '-')
$$;

-- Of two ways: the median over what was measured right beside each other or, where it
-- was not, over the rounds of what their medians there are.
CREATE TEMPORARY TABLE by_round AS
SELECT part, way, measure, round, percentile_cont(0.5) WITHIN GROUP (ORDER BY value)::numeric AS value
FROM bench.sample
GROUP BY part, way, measure, round;

CREATE FUNCTION pg_temp.ratio(part text, way text, base text, measure text) RETURNS numeric LANGUAGE sql AS $$
    SELECT coalesce(CASE WHEN $3 LIKE '%literal' THEN pg_temp.median($1, $2, 'ratio ' || $4) END,
        (SELECT percentile_cont(0.5) WITHIN GROUP (ORDER BY w.value / b.value)::numeric
         FROM pg_temp.by_round AS w JOIN pg_temp.by_round AS b USING (part, measure, round)
         WHERE w.part = $1 AND w.way = $2 AND b.way = $3 AND w.measure = $4))
$$;

-- Three digits that say something.
CREATE FUNCTION pg_temp.digits(value numeric) RETURNS text LANGUAGE sql AS $$
    SELECT CASE WHEN value >= 100 THEN round(value) WHEN value >= 10 THEN round(value, 1) ELSE round(value, 2) END::text
$$;

-- As it is written, for the page.
CREATE TEMPORARY VIEW way AS
SELECT *, '`' || replace(replace(expression, '%1$L', '''...'''), '%2$L', '''{...}''') || '`' AS written
FROM bench.way;

--
-- Policies
--

\o :work/policies.tsv
SELECT concat_ws(E'\t', written,
    pg_temp.digits(pg_temp.median(part, role, 'seq')), round(pg_temp.ratio(part, role, literal, 'seq'), 3), pg_temp.noise(part, role, 'seq'),
    p.workers, pg_temp.digits(pg_temp.median(part, role, 'parallel')), pg_temp.digits(pg_temp.ratio(part, role, literal, 'parallel')), pg_temp.noise(part, role, 'parallel'),
    round(pg_temp.median(part, role, 'index'), 2), round(pg_temp.ratio(part, role, literal, 'index'), 2), pg_temp.noise(part, role, 'index'))
FROM way LEFT JOIN (SELECT way AS role, coalesce(workers, 0) AS workers FROM bench.plan WHERE measure = 'parallel') AS p USING (role)
WHERE part = 'policy'
ORDER BY number;

-- each plan that there is gets a letter
CREATE TEMPORARY TABLE shape AS
SELECT shape, chr((64 + row_number() OVER (ORDER BY min(measure), min(number)))::int) AS letter
FROM bench.plan JOIN way ON role = way
WHERE measure LIKE 'join %'
GROUP BY shape;

CREATE TEMPORARY VIEW join_plan AS
SELECT w.*, p.measure, p.shape, p.rows, l.shape AS literal_shape, l.rows AS literal_rows
FROM way AS w JOIN bench.plan AS p ON p.way = w.role JOIN bench.plan AS l ON l.way = w.literal AND l.measure = p.measure
WHERE p.measure LIKE 'join %';

\o :work/joins.tsv
SELECT concat_ws(E'\t', written, substr(measure, 6), rows, literal_rows, letter,
    CASE WHEN rows = literal_rows AND shape = literal_shape THEN 'yes' ELSE 'no' END,
    pg_temp.digits(pg_temp.median(part, role, measure)), pg_temp.digits(pg_temp.ratio(part, role, literal, measure)), pg_temp.noise(part, role, measure))
FROM join_plan JOIN shape USING (shape)
ORDER BY measure, number;

\o :work/shapes.tsv
SELECT concat_ws(E'\t', letter, shape) FROM shape ORDER BY letter;

--
-- Membership
--

\o :work/membership.tsv
SELECT concat_ws(E'\t', members, written,
    coalesce(pg_temp.digits(pg_temp.median(part, role, 'seq ' || members)), '-'), coalesce(round(pg_temp.ratio(part, role, literal, 'seq ' || members), 2)::text, '-'), pg_temp.noise(part, role, 'seq ' || members),
    -- what is above the scan is the same for all
    (SELECT regexp_replace(shape, '^Aggregate \((.*)\)$', '\1') FROM bench.plan WHERE way = role AND measure = 'index ' || members),
    coalesce(pg_temp.digits(pg_temp.median(part, role, 'index ' || members)), '-'), coalesce(pg_temp.digits(pg_temp.ratio(part, role, literal, 'index ' || members)), '-'), pg_temp.noise(part, role, 'index ' || members))
FROM way, bench.member_token AS t
WHERE part = 'membership'
ORDER BY members, number;

--
-- Verification
--

CREATE TEMPORARY TABLE verification AS
SELECT algorithm, octet_length(token) AS octets, floor, cold, above, cached, greatest(f_noise, c_noise) AS noise
FROM bench.sample_token
     JOIN (SELECT way AS algorithm, value AS floor, noise AS f_noise FROM median WHERE part = 'verify' AND measure = 'floor') AS f USING (algorithm)
     JOIN (SELECT way AS algorithm, value AS cold, noise AS c_noise FROM median WHERE part = 'verify' AND measure = 'cold') AS c USING (algorithm)
     JOIN (SELECT way AS algorithm, value AS cached FROM median WHERE part = 'verify' AND measure = 'cached') AS d USING (algorithm)
     JOIN (SELECT way AS algorithm, percentile_cont(0.5) WITHIN GROUP (ORDER BY c.value - f.value)::numeric AS above
           FROM by_round AS c JOIN by_round AS f USING (part, way, round)
           WHERE part = 'verify' AND c.measure = 'cold' AND f.measure = 'floor'
           GROUP BY way) AS e USING (algorithm);

\o :work/verification.tsv
SELECT concat_ws(E'\t', algorithm, octets, round(floor, 1), round(cold, 1), round(above, 1), round(cached, 2), coalesce(noise::text, '-'))
FROM verification
ORDER BY array_position(string_to_array(:'algorithms', ' '), algorithm);

\o :work/statements.tsv
SELECT concat_ws(E'\t', written, round(value, 2), coalesce(noise::text, '-'))
FROM (VALUES (1, 'sql', 'HS256 in SQL with pgcrypto, as pgjwt does it'),
          (2, 'set same', '`set_local_token()`, the current token again'),
          (3, 'set other', '`set_local_token()`, a hundred remembered tokens in turn'),
          (4, 'set_config', '`set_config(''request.jwt.claims'', ..., true)`, a hundred in turn'),
          (5, 'constant', '`SELECT ''...''::text`'),
          (6, 'subject', '`SELECT token_auth.subject()`'),
          (7, 'setting', '`SELECT current_setting(''request.jwt.claims'', true)::json->>''sub''`')) AS w (number, way, written)
     JOIN median USING (way)
WHERE part = 'statement'
ORDER BY number;

--
-- A new session, a new worker
--

\o :work/start.tsv
SELECT concat_ws(E'\t', written, round(off.value, 2), coalesce(off.noise::text, '-'), round(preloaded.value, 2), coalesce(preloaded.noise::text, '-'))
FROM (VALUES (1, 'select', 'connect, `SELECT 1` in a transaction, disconnect'),
          (2, 'token', 'connect, `set_local_token()` in a transaction, disconnect'),
          (3, 'worker literal before', 'a statement with one parallel worker, a literal, before the session used token_auth'),
          (4, 'worker literal', 'the same afterwards'),
          (5, 'worker subject', 'the same with `subject()`, for which the worker verifies the token')) AS w (number, way, written)
     JOIN median AS off USING (way) JOIN median AS preloaded USING (part, way)
WHERE off.measure = 'off' AND preloaded.measure = 'on' AND part = 'start'
ORDER BY number;

--
-- Transactions: a way's name is what it rotates over, and the algorithm or the setting
--

CREATE TEMPORARY TABLE rate AS
SELECT part, split_part(way, ' ', 1) AS rotation, split_part(way, ' ', 2) AS identity,
    split_part(measure, ' ', 1)::int AS clients, split_part(measure, ' ', 2) AS mode,
    value AS tps, noise,
    pg_temp.ratio(part, way, split_part(way, ' ', 1) || ' setting', measure) AS ratio
FROM median
WHERE part IN ('direct', 'pooled');

CREATE TEMPORARY VIEW rates AS
SELECT part, mode, rotation, identity, string_agg(concat_ws(E'\t', round(tps), coalesce(round(ratio, 3)::text, '-'), coalesce(noise::text, '-')), E'\t' ORDER BY clients) AS cells
FROM rate
GROUP BY part, mode, rotation, identity;

CREATE FUNCTION pg_temp.rate_rows(part text, mode text) RETURNS SETOF text LANGUAGE sql AS $$
    SELECT concat_ws(E'\t', CASE identity WHEN 'none' THEN 'none, and a literal in the policy' WHEN 'setting' THEN 'set_config() of claims' ELSE 'set_local_token(), ' || identity END,
        CASE rotation WHEN 'one' THEN '1' ELSE rotation END, cells)
    FROM pg_temp.rates AS r
    WHERE r.part = $1 AND r.mode = $2
    ORDER BY CASE rotation WHEN 'one' THEN 1 ELSE rotation::int END, array_position('{none,setting}', identity), identity
$$;

\o :work/direct_simple.tsv
SELECT pg_temp.rate_rows('direct', 'simple');
\o :work/direct_pipelined.tsv
SELECT pg_temp.rate_rows('direct', 'pipelined');
\o :work/pooled_simple.tsv
SELECT pg_temp.rate_rows('pooled', 'simple');
\o :work/pooled_pipelined.tsv
SELECT pg_temp.rate_rows('pooled', 'pipelined');

--
-- What was promised
--

CREATE TEMPORARY TABLE promise (number serial, what text, promised text, measured text, is_reached boolean);

INSERT INTO promise (what, promised, measured, is_reached)
SELECT written || ', every row read', '<= 1.05 x the literal', round(ratio, 3) || ' x', ratio <= 1.05
FROM way, LATERAL (SELECT pg_temp.ratio(part, role, literal, 'seq') AS ratio) AS r
WHERE role IN ('text_subject', 'text_claim', 'uuid_subject', 'uuid_claim')
ORDER BY number;

INSERT INTO promise (what, promised, measured, is_reached)
SELECT written || ', every row read', '>= 20 x faster than bare `auth.uid()`', round(ratio, 1) || ' x', ratio >= 20
FROM way, LATERAL (SELECT 1 / pg_temp.ratio(part, role, 'uuid_auth', 'seq') AS ratio) AS r
WHERE role IN ('uuid_subject', 'uuid_claim')
ORDER BY number;

INSERT INTO promise (what, promised, measured, is_reached)
SELECT 'plan and row estimate of the join', 'those of the literal',
    format('%s of %s equal', count(*) FILTER (WHERE shape = literal_shape AND rows = literal_rows), count(*)),
    bool_and(shape = literal_shape AND rows = literal_rows)
FROM join_plan
WHERE role IN ('text_subject', 'text_claim', 'uuid_subject', 'uuid_claim');

INSERT INTO promise (what, promised, measured, is_reached)
SELECT 'parallel plan', 'kept', format('%s of %s', count(*) FILTER (WHERE p.workers > 0), count(*)), bool_and(coalesce(p.workers, 0) > 0)
FROM bench.plan AS p JOIN way ON role = p.way
WHERE measure = 'parallel' AND expression LIKE '%token\_auth.%';

INSERT INTO promise (what, promised, measured, is_reached)
SELECT written || ', 100 members, every row read', '<= 1.3 x the literal', round(ratio, 2) || ' x', ratio <= 1.3
FROM way, LATERAL (SELECT pg_temp.ratio(part, role, literal, 'seq 100') AS ratio) AS r
WHERE role IN ('team_in_claim', 'team_id_in_claim')
ORDER BY number;

INSERT INTO promise (what, promised, measured, is_reached)
SELECT a.written || ', 100 members, every row read', '>= 10 x faster than `= ANY` of ' || CASE WHEN b.role LIKE '%setting' THEN 'the setting''s array' ELSE '`claim_array()`' END, round(ratio, 1) || ' x', ratio >= 10
FROM way AS a JOIN way AS b ON b.part = a.part AND b.kind = a.kind,
     LATERAL (SELECT 1 / pg_temp.ratio(a.part, a.role, b.role, 'seq 100') AS ratio) AS r
WHERE a.role LIKE '%in\_claim' AND (b.role LIKE '%claim\_array' OR b.role LIKE '%setting')
ORDER BY a.number, b.number;

INSERT INTO promise (what, promised, measured, is_reached)
SELECT 'verification, ' || algorithm, '<= OpenSSL alone + 10 us', to_char(above, 'FMSG9990.0') || ' us', above <= 10
FROM verification
ORDER BY array_position(string_to_array(:'algorithms', ' '), algorithm);

INSERT INTO promise (what, promised, measured, is_reached)
SELECT '`set_local_token()`, ' || what, '<= 3 us', round(value, 2) || ' us', value <= 3
FROM median JOIN (VALUES ('set same', 'the current token again'), ('set other', 'a hundred remembered tokens in turn')) AS w (way, what) USING (way)
WHERE part = 'statement'
ORDER BY way DESC;

CREATE TEMPORARY VIEW condition AS
SELECT rate.*, format('%s client%s%s%s', clients, CASE clients WHEN 1 THEN '' ELSE 's' END,
    CASE mode WHEN 'pipelined' THEN ', pipelined' ELSE '' END, CASE part WHEN 'pooled' THEN ', PgBouncer' ELSE '' END) AS circumstances
FROM rate;

INSERT INTO promise (what, promised, measured, is_reached)
SELECT format('transactions with %s remembered token%s, %s, %s', CASE rotation WHEN 'one' THEN '1' ELSE rotation END,
           CASE rotation WHEN 'one' THEN '' ELSE 's' END, identity, circumstances),
    '>= 0.97 x those with set_config()', round(ratio, 3) || ' x', ratio >= 0.97
FROM condition
WHERE rotation IN ('one', :'few') AND identity NOT IN ('none', 'setting')
ORDER BY part, mode DESC, clients, rotation <> 'one', identity;

INSERT INTO promise (what, promised, measured, is_reached)
SELECT format('transactions with every token cold, %s, %s', identity, circumstances),
    '>= 0.75 x those with set_config()', round(ratio, 3) || ' x', ratio >= 0.75
FROM condition
WHERE rotation = :'tokens' AND identity = 'ES256'
ORDER BY part, mode DESC, clients;

\o :work/promises.tsv
SELECT concat_ws(E'\t', what, promised, coalesce(measured, '-'), CASE WHEN is_reached THEN 'reached' WHEN NOT is_reached THEN 'missed' ELSE 'not measured' END) FROM promise ORDER BY number;
\o
