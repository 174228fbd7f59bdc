-- One database of bench/revocations: a table of orders under a policy, and :rows
-- revocations, none of which concerns those who read it.
\set ON_ERROR_STOP on
\set QUIET on
\pset tuples_only on
\pset format unaligned
SET client_min_messages = error;

CREATE EXTENSION token_auth;
\ir ../test/minting.sql
CREATE SCHEMA bench;
GRANT USAGE ON SCHEMA bench TO PUBLIC;
GRANT USAGE ON SCHEMA token_auth TO support;
GRANT INSERT ON token_auth.revocation TO support;
GRANT EXECUTE ON FUNCTION token_auth.revoke_token_id(text, text, timestamptz, text) TO support;

\o /dev/null
SELECT mint.issuer('https://sso.example.com/realms/shop');
\o

-- A token with values for three of the kinds of revocation (digest, subject,
-- issuer), or for all seven.
CREATE FUNCTION bench.token(kinds int) RETURNS text LANGUAGE sql AS $$
    SELECT mint.token(jsonb_build_object('iss', 'https://sso.example.com/realms/shop', 'exp', mint.now(86400),
                                         'sub', md5('the reader')::uuid) ||
        CASE kinds WHEN 3 THEN '{"jti": null, "client_id": null}'
        ELSE jsonb_build_object('sid', gen_random_uuid(), 'device_id', gen_random_uuid()) END)
$$;

CREATE TABLE bench.orders (id bigint PRIMARY KEY, owner_id text NOT NULL, item text NOT NULL);
INSERT INTO bench.orders SELECT i, md5('the reader')::uuid, 'item ' || i FROM generate_series(1, 100000) AS i;
ALTER TABLE bench.orders ENABLE ROW LEVEL SECURITY;
CREATE POLICY read_own ON bench.orders FOR SELECT USING (owner_id = token_auth.subject());
GRANT SELECT ON bench.orders TO PUBLIC;

--
-- Statements one after another in one session, whose plans are kept: a client's
-- share of the time would hide that of the server. In microseconds each.
--

CREATE FUNCTION bench.subject_us(n int) RETURNS double precision LANGUAGE plpgsql AS $$
DECLARE
    began timestamptz := clock_timestamp();
BEGIN
    FOR i IN 1 .. n LOOP
        PERFORM token_auth.subject();
    END LOOP;
    RETURN extract(epoch FROM clock_timestamp() - began) / n * 1e6;
END
$$;

CREATE FUNCTION bench.row_us(n int) RETURNS double precision LANGUAGE plpgsql AS $$
DECLARE
    began timestamptz := clock_timestamp();
    found_item text;
BEGIN
    FOR i IN 1 .. n LOOP
        SELECT item INTO STRICT found_item FROM bench.orders WHERE id = 1 + i::bigint * 7919 % 100000;
    END LOOP;
    RETURN extract(epoch FROM clock_timestamp() - began) / n * 1e6;
END
$$;

-- What status_changed() announces counts in its own session at once. So the
-- first read looks into the table again, and the second does not.
CREATE TABLE bench.changed ();
CREATE TRIGGER status_changed AFTER DELETE ON bench.changed EXECUTE FUNCTION token_auth.status_changed();
GRANT DELETE ON bench.changed TO PUBLIC;

CREATE FUNCTION bench.recheck_us(n int) RETURNS double precision LANGUAGE plpgsql AS $$
DECLARE
    began timestamptz;
    rechecked timestamptz;
    difference interval := '0';
BEGIN
    FOR i IN 1 .. n LOOP
        DELETE FROM bench.changed;
        began := clock_timestamp();
        PERFORM token_auth.subject();
        rechecked := clock_timestamp();
        PERFORM token_auth.subject();
        difference := difference + ((rechecked - began) - (clock_timestamp() - rechecked));
    END LOOP;
    RETURN extract(epoch FROM difference) / n * 1e6;
END
$$;

--
-- The burst: how far each reader has come, and by turns of half a second, since
-- the machine is seldom equally fast for longer, whether revocations are announced.
--

CREATE UNLOGGED TABLE bench.progress (run int, sessions int, pid int, at timestamptz, cpu_ns bigint);
CREATE TABLE bench.turn (run int, sessions int, number int, announced boolean, began timestamptz, ended timestamptz);

CREATE FUNCTION bench.note_progress(run int, sessions int) RETURNS void LANGUAGE sql SECURITY DEFINER AS $$
    INSERT INTO bench.progress
    SELECT run, sessions, pg_backend_pid(), clock_timestamp(), split_part(pg_read_file('/proc/self/schedstat'), ' ', 1)::bigint
$$;

CREATE PROCEDURE bench.announce(announced boolean) LANGUAGE plpgsql AS $$
BEGIN
    EXECUTE format('ALTER TABLE token_auth.revocation %s TRIGGER status_changed',
                   CASE WHEN announced THEN 'ENABLE ALWAYS' ELSE 'DISABLE' END);
END
$$;

-- No, yes, yes, no: what grows steadily meanwhile weighs on both alike.
CREATE PROCEDURE bench.take_turns(run int, sessions int, n int) LANGUAGE plpgsql AS $$
DECLARE
    began timestamptz;
BEGIN
    FOR i IN 0 .. n - 1 LOOP
        CALL bench.announce(i % 4 IN (1, 2));
        COMMIT;
        began := clock_timestamp();
        PERFORM pg_sleep(0.5);
        INSERT INTO bench.turn VALUES (run, sessions, i, i % 4 IN (1, 2), began, clock_timestamp());
        COMMIT;
    END LOOP;
END
$$;

-- Without triggers: they would look at each row, and there is nobody to be told.
ALTER TABLE token_auth.revocation DISABLE TRIGGER USER;
INSERT INTO token_auth.revocation (issuer, kind, value, issued_until, expires_at)
SELECT 'https://sso.example.com/realms/shop', kind,
    CASE kind WHEN 'digest' THEN encode(sha256(i::text::bytea), 'hex') ELSE md5(i::text)::uuid::text END,
    CASE kind WHEN 'subject' THEN now() END,
    CASE WHEN kind <> 'subject' THEN now() + '1 hour' END
FROM generate_series(1, :rows) AS i,
     LATERAL (SELECT ('{token_id,token_id,token_id,token_id,digest,digest,digest,subject,subject,session_id}'::text[])[1 + i % 10]) AS k (kind);
ALTER TABLE token_auth.revocation ENABLE ALWAYS TRIGGER shorten_value;
ALTER TABLE token_auth.revocation ENABLE ALWAYS TRIGGER merge;
ALTER TABLE token_auth.revocation ENABLE ALWAYS TRIGGER status_changed;
ALTER TABLE token_auth.revocation ENABLE ALWAYS TRIGGER status_truncated;

VACUUM (ANALYZE);
CHECKPOINT;
