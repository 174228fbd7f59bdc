-- The tables of bench/revocations, from what it measured: one file for each
-- below :work, with columns separated by tabs.
\set ON_ERROR_STOP on
\set QUIET on
\pset tuples_only on
\pset format unaligned
SET client_min_messages = error;

--
-- Statements
--

CREATE TEMPORARY TABLE sample (rows text, kinds int, what text, us double precision);
\copy sample FROM pstdin

-- noise: half of the samples lie as close to the median as this, in per cent
CREATE TEMPORARY TABLE median AS
SELECT what, kinds, rows, us::numeric, round(((high - low) / 2 / us * 100)::numeric) AS noise
FROM (SELECT what, kinds, rows, percentile_cont('{0.25,0.5,0.75}'::float8[]) WITHIN GROUP (ORDER BY us) AS q
      FROM sample
      GROUP BY what, kinds, rows) AS s, LATERAL (SELECT q[1], q[2], q[3]) AS quartile (low, us, high);

CREATE TEMPORARY VIEW compared AS
SELECT what, kinds, a.us AS empty, b.us AS loaded, greatest(a.noise, b.noise)::text AS noise
FROM median AS a JOIN median AS b USING (what, kinds)
WHERE a.rows = 'empty' AND b.rows = 'loaded';

\o :work/statements.tsv
SELECT concat_ws(E'\t', CASE what WHEN 'subject' THEN 'SELECT token_auth.subject()' ELSE 'SELECT one row by its key, under the policy' END,
                 round(empty, 2), round(loaded, 2), round(loaded / empty, 2), noise)
FROM compared
WHERE what IN ('subject', 'row') AND kinds = 7
ORDER BY what DESC;

\o :work/rechecks.tsv
SELECT concat_ws(E'\t', 'a revocation that may concern it', kinds, round(empty, 1), round(loaded, 1),
                 round(empty / kinds, 1), round(loaded / kinds, 1), noise)
FROM compared
WHERE what = 'recheck'
ORDER BY kinds;
-- what is more than a statement that does not look, and is not by probes alone
SELECT concat_ws(E'\t', 'recheck_interval = 0', kinds, round(a.empty - b.empty, 1), round(a.loaded - b.loaded, 1), '-', '-', a.noise)
FROM compared AS a JOIN compared AS b USING (kinds)
WHERE a.what = 'watchful' AND b.what = 'subject'
ORDER BY kinds;
\o

--
-- The burst
--

-- What a reader did in a turn, of which it was all the time in that turn.
CREATE TEMPORARY TABLE turn AS
WITH step AS (
    SELECT run, sessions, pid, at,
        lag(at) OVER (PARTITION BY run, sessions, pid ORDER BY at) AS before,
        cpu_ns - lag(cpu_ns) OVER (PARTITION BY run, sessions, pid ORDER BY at) AS cpu_ns
    FROM bench.progress),
reader AS (
    SELECT t.run, t.sessions, t.number, t.announced, pid, count(*) * :reads AS reads,
        sum(extract(epoch FROM at - before)) AS seconds, sum(cpu_ns) / 1000 AS cpu_us
    FROM bench.turn AS t
         JOIN step AS s ON s.run = t.run AND s.sessions = t.sessions AND s.before >= t.began AND s.at <= t.ended
    GROUP BY t.run, t.sessions, t.number, t.announced, pid)
SELECT run, sessions, number, announced, sum(reads / seconds)::double precision AS rate, (sum(cpu_us) / sum(reads))::double precision AS cpu_us
FROM reader
GROUP BY run, sessions, number, announced
HAVING count(*) = sessions;

-- no, yes, yes, no; and, as the noise, the last no beside the first of the next four
CREATE TEMPORARY TABLE ratio AS
SELECT sessions, true AS announced,
    sum(rate) FILTER (WHERE announced) / sum(rate) FILTER (WHERE NOT announced) AS rate,
    sum(cpu_us) FILTER (WHERE announced) / sum(cpu_us) FILTER (WHERE NOT announced) AS cpu
FROM turn
GROUP BY run, sessions, number / 4
HAVING count(*) = 4
UNION ALL
SELECT a.sessions, false, b.rate / a.rate, b.cpu_us / a.cpu_us
FROM turn AS a JOIN turn AS b ON b.run = a.run AND b.sessions = a.sessions AND b.number = a.number + 1
WHERE a.number % 4 = 3;

-- The median, as a change in per cent, and where it lies with 95 % confidence (order statistics).
CREATE FUNCTION pg_temp.change(ratios double precision[]) RETURNS text LANGUAGE sql AS $$
    SELECT format('%s (%s to %s)', round(m[2]::numeric, 1), round(m[1]::numeric, 1), round(m[3]::numeric, 1))
    FROM (SELECT percentile_disc(ARRAY[greatest(0.5 - 0.98 / sqrt(cardinality(ratios)), 0), 0.5,
                                       least(0.5 + 0.98 / sqrt(cardinality(ratios)), 1)]) WITHIN GROUP (ORDER BY (r - 1) * 100)
          FROM unnest(ratios) AS r) AS t (m)
$$;

-- how many revocations a second came about
CREATE TEMPORARY TABLE revoked AS
SELECT revoked_at FROM token_auth.revocation WHERE revoked_at >= (SELECT min(began) FROM bench.turn);
CREATE INDEX ON revoked (revoked_at);

CREATE TEMPORARY VIEW revocation_rate AS
SELECT sessions, announced, round(sum(n) / sum(extract(epoch FROM ended - began))) AS rate
FROM bench.turn, LATERAL (SELECT count(*) AS n FROM revoked WHERE revoked_at BETWEEN began AND ended) AS r
GROUP BY sessions, announced;

\o :work/burst.tsv
SELECT concat_ws(E'\t', sessions, CASE WHEN announced THEN 'yes' ELSE 'no' END,
    (SELECT rate FROM revocation_rate AS r WHERE r.sessions = t.sessions AND r.announced = t.announced),
    round(percentile_cont(0.5) WITHIN GROUP (ORDER BY t.rate)),
    (SELECT pg_temp.change(array_agg(r.rate)) FROM ratio AS r WHERE r.sessions = t.sessions AND r.announced = t.announced),
    round(percentile_cont(0.5) WITHIN GROUP (ORDER BY t.cpu_us)::numeric, 2),
    (SELECT pg_temp.change(array_agg(r.cpu)) FROM ratio AS r WHERE r.sessions = t.sessions AND r.announced = t.announced))
FROM turn AS t
GROUP BY sessions, announced
ORDER BY sessions, announced;
\o
