-- As many different bad tokens in one session as :count says, then good ones: run by bench/limits.
\set ON_ERROR_STOP on
\set QUIET on
\pset tuples_only
\pset format unaligned
SET token_auth.binding = 'session';

CREATE TABLE limits.memory_used (id serial, what text, n bigint, us bigint, process_kb bigint, contexts_kb bigint, ours_kb bigint, tokens bigint);

CREATE FUNCTION limits.sample(what text, n bigint, seconds double precision) RETURNS void LANGUAGE sql AS $$
    INSERT INTO limits.memory_used (what, n, us, process_kb, contexts_kb, ours_kb, tokens)
    SELECT what, n, seconds / greatest(n, 1) * 1e6, limits.memory('VmRSS'), sum(total_bytes) / 1024,
        sum(total_bytes) FILTER (WHERE name LIKE 'token_auth%') / 1024, count(*) FILTER (WHERE name = 'token_auth token')
    FROM pg_backend_memory_contexts
$$;

-- Bad in turn: signature, form, issuer, key, time. No two are the same.
CREATE FUNCTION limits.bad_token(i bigint, header text, claims text) RETURNS text LANGUAGE sql STABLE AS $$
    SELECT CASE i % 5
        WHEN 0 THEN header || '.' || claims || '.' || mint.base64url(sha256(i::text::bytea))
        WHEN 1 THEN header || '.' || mint.base64url(convert_to(format('{"iss":"https://idp.test","jti":%s', i), 'UTF8')) || '.AAAA'
        WHEN 2 THEN mint.raw('{"alg":"HS256","typ":"JWT"}', format('{"iss":"https://idp%s.test"}', i))
        WHEN 3 THEN mint.raw(format('{"alg":"HS256","typ":"JWT","kid":"%s"}', i), '{"iss":"https://many.test"}')
        ELSE mint.raw('{"alg":"HS256","typ":"JWT"}', format('{"iss":"https://idp.test","sub":"alice","aud":"orders-api","client_id":"shop","iat":1,"exp":2,"jti":"%s"}', i))
    END
$$;

CREATE PROCEDURE limits.many(what text, n bigint, is_good boolean) LANGUAGE plpgsql AS $$
DECLARE
    header text := mint.base64url(convert_to('{"alg":"HS256","typ":"JWT"}', 'UTF8'));
    claims text := mint.base64url(convert_to(mint.claims()::text, 'UTF8'));
    token text;
    began timestamptz := clock_timestamp();
    spent double precision := 0;
    due bigint[] := ARRAY[1, n / 100, n / 10, n / 2, n];
BEGIN
    FOR i IN 1 .. n LOOP
        token := CASE WHEN is_good THEN mint.token(jsonb_build_object('exp', mint.now(86400))) ELSE limits.bad_token(i, header, claims) END;
        began := clock_timestamp();
        BEGIN
            PERFORM token_auth.set_session_token(token);
            IF NOT is_good THEN
                RAISE 'accepted: %', i USING errcode = 'XX000';
            END IF;
        EXCEPTION WHEN invalid_authorization_specification THEN
            NULL;
        WHEN OTHERS THEN
            IF SQLSTATE !~ '^28' THEN
                RAISE;
            END IF;
        END;
        spent := spent + extract(epoch FROM clock_timestamp() - began);
        IF i % 1000 = 0 OR i = ANY (due) THEN
            COMMIT;
        END IF;
        IF i = ANY (due) THEN
            PERFORM limits.sample(what, i, spent);
        END IF;
    END LOOP;
END
$$;

CALL limits.many('different bad tokens in one session', :count, false);
CALL limits.many('different good tokens in one session', :count / 10, true);

\o :output
SELECT concat_ws(E'\t', what, n, us, process_kb, contexts_kb, ours_kb, tokens) FROM limits.memory_used ORDER BY id;
\o
