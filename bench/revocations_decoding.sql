-- What revocations cost logical decoding: run by bench/revocations in a database
-- without revocations. Writes a line for each measurement to :output.
\set ON_ERROR_STOP on
\set QUIET on
\pset tuples_only on
\pset format unaligned

-- as low as it goes, or no transaction here would be large enough to spill
SET logical_decoding_work_mem = '64kB';

CREATE TRIGGER configuration_changed AFTER INSERT ON token_auth.revocation
    FOR EACH ROW EXECUTE FUNCTION token_auth.configuration_changed();
CREATE TABLE bench.decoded (transactions text, announced text, n int, us double precision, spilled bigint);

-- Insert n rows, in one transaction or in n, and decode them. Announced not at
-- all, as the extension does it, or by a relcache invalidation for each command.
CREATE PROCEDURE bench.decode(transactions text, announced text, n int) LANGUAGE plpgsql AS $$
DECLARE
    began timestamptz;
    us double precision;
BEGIN
    TRUNCATE token_auth.revocation;
    CALL bench.announce(announced = 'message');
    EXECUTE format('ALTER TABLE token_auth.revocation %s TRIGGER configuration_changed',
                   CASE announced WHEN 'invalidation' THEN 'ENABLE ALWAYS' ELSE 'DISABLE' END);
    COMMIT;
    PERFORM pg_create_logical_replication_slot('bench', 'test_decoding');
    COMMIT;
    FOR i IN 1 .. n LOOP
        INSERT INTO token_auth.revocation (issuer, kind, value)
        VALUES ('https://sso.example.com/realms/shop', 'token_id', gen_random_uuid());
        IF transactions = 'many' THEN
            COMMIT;
        END IF;
    END LOOP;
    COMMIT;

    began := clock_timestamp();
    PERFORM count(*) FROM pg_logical_slot_get_changes('bench', NULL, NULL);
    us := extract(epoch FROM clock_timestamp() - began) * 1e6;
    COMMIT;
    INSERT INTO bench.decoded
    SELECT transactions, announced, n, us / n, spill_bytes FROM pg_stat_get_replication_slot('bench');
    COMMIT;
    PERFORM pg_drop_replication_slot('bench');
    COMMIT;
END
$$;

SELECT format('CALL bench.decode(%L, %L, %s)', transactions, announced, n)
FROM generate_series(1, :rounds) AS round, unnest('{one,many}'::text[]) AS transactions,
     unnest('{5000,10000,20000,40000}'::int[]) AS n, unnest('{none,message,invalidation}'::text[]) AS announced
ORDER BY round, transactions, n, announced
\gexec

\o :output
WITH median AS (
    SELECT transactions, announced, n, max(spilled) AS spilled,
        round(percentile_disc(0.5) WITHIN GROUP (ORDER BY us)::numeric, 1) AS us
    FROM bench.decoded
    GROUP BY transactions, announced, n)
SELECT concat_ws(E'\t',
    CASE transactions WHEN 'one' THEN 'one transaction of n rows' ELSE 'n transactions of one row' END, n,
    max(us) FILTER (WHERE announced = 'none'),
    max(us) FILTER (WHERE announced = 'message'),
    max(us) FILTER (WHERE announced = 'invalidation'),
    max(spilled) FILTER (WHERE announced = 'none') / 1024,
    max(spilled) FILTER (WHERE announced = 'message') / 1024,
    max(spilled) FILTER (WHERE announced = 'invalidation') / 1024)
FROM median
GROUP BY transactions, n
ORDER BY transactions DESC, n;
\o
