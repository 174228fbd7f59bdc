-- What the worst that may arrive costs a session: run by bench/limits.
--
-- measure() runs a statement often and writes a row of the table: what arrived,
-- octets, SQLSTATE, median and worst time in microseconds, and by how many kB
-- the process grew at most. Times are the wall clock's.
\set ON_ERROR_STOP on
\set QUIET on
\pset tuples_only
\pset format unaligned
SET client_min_messages = error;

CREATE EXTENSION token_auth;
\ir ../test/minting.sql
CREATE SCHEMA limits;

-- A line of /proc/self/status, in kB.
CREATE FUNCTION limits.memory(name text) RETURNS bigint LANGUAGE sql VOLATILE AS $$
    SELECT substring(pg_read_file('/proc/self/status', 0, 8000) FROM name || ':\s*(\d+)')::bigint
$$;

CREATE TABLE limits.result (id serial, what text, size bigint, outcome text, median_us bigint, worst_us bigint, peak_kb bigint);

CREATE FUNCTION limits.outcome(statement text, argument text) RETURNS text LANGUAGE plpgsql AS $$
BEGIN
    EXECUTE statement USING argument;
    RETURN 'accepted';
EXCEPTION WHEN OTHERS THEN
    RETURN SQLSTATE;
END
$$;

CREATE PROCEDURE limits.measure(what text, argument text, statement text DEFAULT 'SELECT token_auth.set_local_token($1)',
                                repeats int DEFAULT 100) LANGUAGE plpgsql AS $$
DECLARE
    result text := limits.outcome(statement, argument);
    began timestamptz;
    times double precision[];
    before bigint;
BEGIN
    COPY (SELECT 5) TO '/proc/self/clear_refs';     -- VmHWM begins anew
    before := limits.memory('VmRSS');
    FOR i IN 1 .. repeats LOOP
        began := clock_timestamp();
        result := limits.outcome(statement, argument);
        times := times || extract(epoch FROM clock_timestamp() - began)::double precision;
    END LOOP;
    INSERT INTO limits.result (what, size, outcome, median_us, worst_us, peak_kb)
    SELECT what, octet_length(argument), result, percentile_disc(0.5) WITHIN GROUP (ORDER BY t) * 1e6, max(t) * 1e6,
        greatest(limits.memory('VmHWM') - before, 0)
    FROM unnest(times) AS t;
END
$$;

-- A token of about as many octets, expired, whose claims are padded.
CREATE FUNCTION limits.token(size int, claims jsonb DEFAULT '{}') RETURNS text LANGUAGE sql AS $$
    SELECT mint.token(jsonb_build_object('exp', mint.now(-60)) || claims || (
        SELECT coalesce(jsonb_object_agg('m' || i, repeat('0', 1000)), '{}')
        FROM generate_series(1, ((size - 500) * 3 / 4 - length(claims::text)) / 1010) AS i))
$$;

CREATE FUNCTION limits.list(prefix text, n int) RETURNS jsonb LANGUAGE sql AS $$
    SELECT jsonb_agg(prefix || i) FROM generate_series(1, n) AS i
$$;

CREATE FUNCTION limits.key_set(n int, jwk text) RETURNS text LANGUAGE sql AS $$
    SELECT format('{"keys":[%s]}', string_agg(jwk, ',')) FROM generate_series(1, n)
$$;

\o /dev/null
SELECT mint.issuer();

-- the library and the functions are loaded, and what they keep is there
SELECT limits.outcome('SELECT token_auth.set_local_token($1)', mint.token());

-- Tokens
CALL limits.measure('token of 16 kB: expired, long strings', limits.token(16384));
CALL limits.measure('token of 16 kB: expired, 1,000 roles', limits.token(0, jsonb_build_object('roles', limits.list('role', 1000))));
CALL limits.measure('token of 16 kB: expired, 16 levels deep', mint.raw('{"alg":"HS256","typ":"JWT"}',
    format('{"iss":"https://idp.test","a":[%s0]}', repeat(repeat('[', 14) || repeat(']', 14) || ',', 240))));
CALL limits.measure('token of 16 kB: bad signature', left(limits.token(16384), -10) || repeat('A', 10));
CALL limits.measure('token of 17 kB', repeat('A', 17000));
CALL limits.measure('token of 8 MB', repeat('A', 8000000), repeats => 20);
CALL limits.measure('token of 8 MB, by SET', repeat('A', 8000000), $$SELECT set_config('token_auth.token', $1, true), token_auth.subject()$$, 20);
CALL limits.measure('token with a kid of 16 kB', mint.token(header => jsonb_build_object('kid', repeat('k', 16384))));
SET token_auth.max_token_size = '64kB';
CALL limits.measure('token of 64 kB: expired, long strings', limits.token(65536));
CALL limits.measure('token of 64 kB: expired, 4,000 roles', limits.token(0, jsonb_build_object('roles', limits.list('r', 4000))));
CALL limits.measure('token of 64 kB: every check of inspect()', limits.token(65536), 'SELECT count(*) FROM token_auth.inspect($1)');
SET token_auth.cache_size = 0;
CALL limits.measure('token of 64 kB: accepted, 4,000 roles, not remembered', limits.token(0, jsonb_build_object('exp', mint.now(3600), 'roles', limits.list('r', 4000))), 'SELECT token_auth.verify($1)');
RESET token_auth.cache_size;
RESET token_auth.max_token_size;

-- An issuer with 100 keys
SELECT token_auth.add_issuer('https://many.test', '{orders-api}');
SELECT count(token_auth.add_secret('https://many.test', sha256(i::text::bytea), 'HS256', 'key-' || i)) FROM generate_series(1, 100) AS i;
CALL limits.measure('token without kid, issuer with 100 keys', limits.token(1000, '{"iss": "https://many.test"}'));
CALL limits.measure('token with an unknown kid, issuer with 100 keys', mint.token('{"iss": "https://many.test"}', '{"kid": "key-101"}'));
CALL limits.measure('token with one of their kids', mint.token(jsonb_build_object('iss', 'https://many.test', 'exp', mint.now(-60)), '{"kid": "key-77"}', sha256('77'::bytea)));
CALL limits.measure('the same, the first after a change of keys', mint.token(jsonb_build_object('iss', 'https://many.test', 'exp', mint.now(-60)), '{"kid": "key-77"}', sha256('77'::bytea)),
    $$WITH changed AS (SELECT token_auth.disable_key('https://many.test', 'key-1')) SELECT token_auth.verify($1) FROM changed$$, 10);

-- Keys
CALL limits.measure('JWK Set of 10,000 P-256 keys', limits.key_set(10000, '{"kty":"EC","crv":"P-256","x":"MKBCTNIcKUSDii11ySs3526iDZ8AiTo7Tu6KPAqv7D4","y":"4Etl6SRW2YiLUrN5vfvVHuhp7x8PxltmWWlbbM4IFyM"}'),
    $$SELECT * FROM token_auth.import_jwks('https://many.test', $1::jsonb)$$, 20);
CALL limits.measure('JWK Set of 10,000 keys, as short as can be', limits.key_set(10000, '{"kty":"x"}'),
    $$SELECT * FROM token_auth.import_jwks('https://many.test', $1::jsonb)$$, 20);
CALL limits.measure('PEM of 16 kB', E'-----BEGIN PUBLIC KEY-----\n' || repeat(repeat('A', 64) || E'\n', 250) || E'-----END PUBLIC KEY-----\n',
    $$SELECT token_auth.jwk_from_pem($1, 'RS256')$$);
CALL limits.measure('PEM of 8 MB', repeat('A', 8000000), $$SELECT token_auth.jwk_from_pem($1, 'RS256')$$, 20);

-- Text on its way to the log, tokens from end to end
CALL limits.measure('error message of 8 MB, full of tokens', repeat('eyJ' || repeat('A', 38) || '.' || ' ', 186000),
    $$SELECT $1::int$$, 5);
DO $$
DECLARE
    message text := repeat('eyJ' || repeat('A', 38) || '.' || ' ', 186000);
    began timestamptz;
    times double precision[];
BEGIN
    FOR i IN 1 .. 5 LOOP
        began := clock_timestamp();
        RAISE LOG '%', message;
        times := times || extract(epoch FROM clock_timestamp() - began)::double precision;
    END LOOP;
    INSERT INTO limits.result (what, size, outcome, median_us, worst_us)
    SELECT 'message of 8 MB in the log, full of tokens', length(message), 'logged',
        percentile_disc(0.5) WITHIN GROUP (ORDER BY t) * 1e6, max(t) * 1e6
    FROM unnest(times) AS t;
END
$$;

\o :output
SELECT concat_ws(E'\t', what, size, outcome, median_us, worst_us, coalesce(peak_kb::text, '-'), '-') FROM limits.result ORDER BY id;
\o
