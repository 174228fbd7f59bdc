-- Every statement is judged anew, wherever it runs, and one statement knows one token only
\pset tuples_only
\pset format unaligned
\pset null none
\set VERBOSITY terse
SET client_min_messages = warning;
SET token_auth.binding = 'session';
SELECT mint.issuer();
UPDATE token_auth.issuer SET leeway = '0';
CREATE ROLE regress_app;
SELECT mint.token() AS alice, mint.token() AS alice_again, mint.token('{"sub": "bob"}') AS bob, mint.token('{"sub": "carol"}') AS carol \gset

CREATE TABLE public.note (owner text, body text);
INSERT INTO public.note SELECT 'alice', 'a' || i FROM generate_series(1, 3) AS i UNION ALL SELECT 'bob', 'b' || i FROM generate_series(1, 2) AS i;
INSERT INTO public.note SELECT 'carol', 'c' || lpad(i::text, 3, '0') FROM generate_series(1, 200) AS i;
ALTER TABLE public.note ENABLE ROW LEVEL SECURITY;
ALTER TABLE public.note FORCE ROW LEVEL SECURITY;
CREATE POLICY own ON public.note TO regress_app USING (owner = token_auth.subject());
GRANT SELECT, INSERT, UPDATE, DELETE ON public.note TO regress_app;
ANALYZE public.note;
CREATE TABLE public.parted (owner text, body text) PARTITION BY LIST (owner);
CREATE TABLE public.parted_alice PARTITION OF public.parted FOR VALUES IN ('alice');
CREATE TABLE public.parted_bob PARTITION OF public.parted FOR VALUES IN ('bob');
INSERT INTO public.parted SELECT * FROM public.note WHERE owner IN ('alice', 'bob');
ALTER TABLE public.parted ENABLE ROW LEVEL SECURITY;
CREATE POLICY own ON public.parted TO regress_app USING (owner = token_auth.subject());
GRANT SELECT ON public.parted TO regress_app;
CREATE FUNCTION public.me() RETURNS text LANGUAGE plpgsql STABLE AS $$ BEGIN RETURN token_auth.subject(); END $$;
CREATE FUNCTION public.me_too() RETURNS text LANGUAGE sql STABLE SECURITY DEFINER AS 'SELECT token_auth.subject()';
CREATE TABLE public.wrapped AS SELECT * FROM public.note WHERE owner IN ('alice', 'bob');
ALTER TABLE public.wrapped ENABLE ROW LEVEL SECURITY;
CREATE POLICY own ON public.wrapped TO regress_app USING (owner = public.me());
CREATE TABLE public.wrapped_too AS TABLE public.wrapped;
ALTER TABLE public.wrapped_too ENABLE ROW LEVEL SECURITY;
CREATE POLICY own ON public.wrapped_too TO regress_app USING (owner = public.me_too());
GRANT SELECT ON public.wrapped, public.wrapped_too TO regress_app;
CREATE TABLE public.digit (d int);
INSERT INTO public.digit SELECT generate_series(0, 9);
GRANT SELECT ON public.digit TO regress_app;
GRANT CREATE ON SCHEMA public TO regress_app;
SET SESSION AUTHORIZATION regress_app;

-- A token that lives this long, and a wait for its end.
CREATE FUNCTION public.short_token(seconds double precision, sub text DEFAULT 'alice') RETURNS text LANGUAGE sql AS $$
    SELECT mint.token(jsonb_build_object('sub', sub, 'exp', round((extract(epoch FROM clock_timestamp()) + seconds)::numeric, 3)))
$$;
CREATE FUNCTION public.expiry(token text) RETURNS timestamptz LANGUAGE sql AS $$
    SELECT to_timestamp((convert_from(decode(rpad(translate(payload, '-_', '+/'), (length(payload) + 3) / 4 * 4, '='), 'base64'), 'UTF8')::jsonb ->> 'exp')::float8)
    FROM split_part(token, '.', 2) AS payload
$$;
CREATE FUNCTION public.wait_until(moment timestamptz) RETURNS text LANGUAGE plpgsql AS $$
BEGIN
    WHILE clock_timestamp() <= moment LOOP
    END LOOP;
    RETURN 'waited';
END
$$;
CREATE FUNCTION public.count_as(token text) RETURNS text LANGUAGE plpgsql AS $$
DECLARE
    who text := token_auth.set_local_token(token);
    n bigint;
BEGIN
    SELECT count(*) INTO n FROM public.note;
    RETURN concat(who, ' ', n);
END
$$;
CREATE FUNCTION public.counts(tokens text[]) RETURNS SETOF text LANGUAGE plpgsql AS $$
DECLARE
    token text;
    n bigint;
BEGIN
    FOREACH token IN ARRAY tokens LOOP
        PERFORM token_auth.set_local_token(token);
        SELECT count(*) INTO n FROM public.note;
        RETURN NEXT (SELECT concat(token_auth.subject(), ' ', n));
        EXECUTE 'SELECT count(*) FROM public.note WHERE body > $1' INTO n USING 'a';
        RETURN NEXT 'EXECUTE ' || n;
        RETURN QUERY SELECT 'RETURN QUERY ' || max(body) FROM public.note;
    END LOOP;
END
$$;
CREATE FUNCTION public.reset_token() RETURNS boolean LANGUAGE plpgsql AS $$ BEGIN RESET token_auth.token; RETURN true; END $$;
CREATE FUNCTION public.raise_subject() RETURNS text LANGUAGE plpgsql AS $$ BEGIN RAISE EXCEPTION 'subject %', token_auth.subject(); END $$;

-- refused: one statement under two tokens
BEGIN;
SELECT token_auth.set_local_token(:'alice');
SAVEPOINT s;
SELECT body, token_auth.set_local_token(:'bob') FROM public.note;
\echo :SQLSTATE
ROLLBACK TO s;
SELECT body, token_auth.set_local_token(:'alice') FROM public.note ORDER BY body;
SELECT body FROM public.note ORDER BY body;
SELECT token_auth.subject(), token_auth.set_local_token(:'bob'), token_auth.subject();
ROLLBACK TO s;
SELECT token_auth.subject(), token_auth.set_local_token(:'bob'), token_auth.is_authenticated();
ROLLBACK TO s;
SELECT token_auth.subject(), token_auth.set_local_token(:'bob'), token_auth.has_scope('orders:read');
ROLLBACK TO s;
SELECT token_auth.subject(), token_auth.set_local_token(:'bob'), token_auth.identity();
ROLLBACK TO s;
-- ... and in what WITH changes and nobody reads, which the executor comes to when the rest is done
CREATE TEMPORARY TABLE seen (body text, subject text);
WITH unread AS (INSERT INTO seen SELECT body, token_auth.set_local_token(:'bob') FROM public.note)
SELECT 'the rest';
ROLLBACK TO s;
CREATE TEMPORARY TABLE seen (body text, subject text);
WITH unread AS (INSERT INTO seen SELECT body, 'bob' FROM public.note)
SELECT token_auth.subject(), token_auth.set_local_token(:'bob');
ROLLBACK TO s;
CREATE TEMPORARY TABLE seen (body text, subject text);
WITH unread AS (INSERT INTO seen SELECT body, token_auth.subject() FROM public.note)
SELECT token_auth.subject();
SELECT body, subject FROM seen ORDER BY body;
ROLLBACK TO s;
-- ... also where its last act would be to end the token: it is the statement's to its end
CREATE TEMPORARY TABLE seen (body text, subject text);
WITH written AS (INSERT INTO seen SELECT body, token_auth.subject() FROM public.note RETURNING body)
SELECT count(*), token_auth.set_local_token(:'bob') FROM written;
ROLLBACK TO s;
CREATE TEMPORARY TABLE seen (body text, subject text);
WITH written AS (INSERT INTO seen SELECT body, token_auth.subject() FROM public.note RETURNING body)
SELECT count(*), token_auth.clear_token() FROM written;
ROLLBACK TO s;
-- passes: to revoke it; the statement is not judged again when it ends
CREATE TEMPORARY TABLE seen (body text, subject text);
WITH written AS (INSERT INTO seen SELECT body, token_auth.subject() FROM public.note RETURNING body)
SELECT count(*), token_auth.revoke_current_token() FROM written;
SELECT mint.outcome('SELECT token_auth.subject()');
ROLLBACK TO s;
-- the same person's other token is another one
SELECT token_auth.subject(), token_auth.set_local_token(:'alice_again'), token_auth.subject();
ROLLBACK TO s;
SELECT token_auth.subject(), token_auth.clear_token(), token_auth.subject();
ROLLBACK TO s;
SELECT token_auth.subject(), set_config('token_auth.token', '', true), token_auth.subject();
ROLLBACK TO s;
SELECT token_auth.subject(), set_config('token_auth.token', :'bob', true) <> '', token_auth.subject();
ROLLBACK TO s;
SELECT token_auth.subject(), set_config('token_auth.token', 'x', true), token_auth.subject();
ROLLBACK TO s;
UPDATE public.note SET body = body RETURNING token_auth.set_local_token(:'bob');
ROLLBACK TO s;
DELETE FROM public.note RETURNING token_auth.set_local_token(:'bob');
ROLLBACK TO s;
WITH other AS MATERIALIZED (SELECT token_auth.set_local_token(:'bob')) SELECT token_auth.subject(), (SELECT * FROM other), token_auth.subject();
ROLLBACK TO s;
SELECT d, (SELECT count(*) FROM public.note WHERE d >= 0), public.count_as(CASE d WHEN 0 THEN :'bob' ELSE :'alice' END) FROM public.digit;
ROLLBACK TO s;
SELECT token_auth.clear_token();
SELECT token_auth.subject(), token_auth.set_local_token(:'bob'), token_auth.subject();
ROLLBACK TO s;
-- ... also where the policy asks by way of a function
SELECT body, token_auth.set_local_token(:'bob') FROM public.wrapped;
ROLLBACK TO s;
SELECT body, token_auth.set_local_token(:'alice') FROM public.wrapped ORDER BY body;

-- refused: a change after the last row was read, and one that is taken back
SAVEPOINT s;
SELECT body, token_auth.set_local_token(:'bob') FROM (SELECT body FROM public.note ORDER BY body OFFSET 0) AS sorted;
ROLLBACK TO s;
SELECT d, token_auth.set_local_token(:'bob'), token_auth.set_local_token(:'alice'), token_auth.subject() FROM public.digit;
ROLLBACK TO s;
-- refused when the statement ends: a change that no check hook is asked for
SELECT mint.outcome('SELECT token_auth.subject() FROM public.digit WHERE public.reset_token()');
-- ... until then readers answer for the token that it began with
SELECT mint.outcome('SELECT public.raise_subject() FROM public.digit WHERE d = 0 AND public.reset_token() AND token_auth.is_authenticated()');
-- passes: in a statement without rows there and back again, the first reader after the change, a change after the last one
SELECT token_auth.subject(), token_auth.set_local_token(:'bob'), token_auth.set_local_token(:'alice'), token_auth.subject();
SELECT token_auth.set_local_token(:'bob'), token_auth.subject();
SELECT token_auth.subject(), token_auth.set_local_token(:'alice');
SELECT token_auth.clear_token(), token_auth.subject();
COMMIT;

-- what was read stays what was read, even if nothing else remembers the token
\c -
SET client_min_messages = warning;
SET token_auth.binding = 'session';
SET token_auth.cache_size = 0;
SET SESSION AUTHORIZATION regress_app;
BEGIN;
SELECT token_auth.set_local_token(:'alice');
SELECT concat(token_auth.subject(), ' ', token_auth.set_local_token(:'bob'));
SELECT token_auth.set_local_token(:'alice');
SELECT concat(token_auth.subject(), ' ', token_auth.scopes(), ' ', token_auth.claims() ->> 'sub', ' ', token_auth.claim('client_id'), ' ',
              token_auth.claim_array('no'), ' ', token_auth.set_local_token(:'bob'), ' ', token_auth.set_local_token(:'carol'), ' ', token_auth.clear_token());
SELECT token_auth.set_local_token(:'alice');
SELECT sub, scopes, token_auth.set_local_token(:'bob'), sub || '!'
FROM (SELECT token_auth.subject() AS sub, token_auth.scopes() AS scopes OFFSET 0) AS remembered;
COMMIT;
DO $$
DECLARE
    tokens text[] := ARRAY[mint.token(), mint.token('{"sub": "bob"}'), mint.token('{"sub": "carol"}')];
    read text := '';
BEGIN
    FOR i IN 0 .. 29 LOOP
        PERFORM token_auth.set_local_token(tokens[i % 3 + 1]);
        read := read || left(token_auth.subject(), 1) || left(token_auth.claim('sub'), 1);
        IF token_auth.has_scope('orders:read') IS NOT TRUE OR NOT token_auth.in_claim(token_auth.subject(), 'sub') THEN
            RAISE WARNING 'remembered of another token';
        END IF;
    END LOOP;
    RAISE WARNING '%', read;
    read := concat(token_auth.subject(), ' ', token_auth.set_local_token(tokens[1]), ' ', token_auth.set_local_token(tokens[2]), ' ', token_auth.claim('sub'), ' ',
                   token_auth.clear_token(), token_auth.claims());
    RAISE WARNING '%', read;
END
$$;
RESET SESSION AUTHORIZATION;
RESET token_auth.cache_size;
SET SESSION AUTHORIZATION regress_app;

-- ... the claims as a whole, too, when the token is dropped for one that is verified anew
RESET SESSION AUTHORIZATION;
SET token_auth.cache_size = 0;
SET token_auth.recheck_interval = 0;
DO $$
DECLARE
    long text := mint.token(jsonb_build_object('note', (SELECT jsonb_agg(repeat('n', 3000)) FROM generate_series(1, 3))));
    claims text := token_auth.verify(long)::text;
    path text[] := '{}';
    z text := '!';
    read text;
BEGIN
    FOR i IN 1 .. 3 LOOP
        PERFORM token_auth.set_local_token(long);
        -- what is repeated takes the place of what is freed
        read := concat(token_auth.claim_jsonb(VARIADIC path), token_auth.set_local_token(long), repeat(z, 9000), repeat(z, 5000), repeat(z, 7000), repeat(z, 3000),
                       repeat(z, 3000), repeat(z, 3000), repeat(z, 9000), repeat(z, 9000), repeat(z, 12000), repeat(z, 20000));
        RAISE WARNING 'a path that may change: %', starts_with(read, claims || 'alice!!!');
        read := concat(token_auth.claim_jsonb(VARIADIC '{}'), token_auth.set_local_token(long), repeat(z, 9000), repeat(z, 5000), repeat(z, 7000), repeat(z, 3000),
                       repeat(z, 3000), repeat(z, 3000), repeat(z, 9000), repeat(z, 9000), repeat(z, 12000), repeat(z, 20000));
        RAISE WARNING 'a constant path: %', starts_with(read, claims || 'alice!!!');
    END LOOP;
END
$$;
RESET token_auth.recheck_interval;
RESET token_auth.cache_size;
SET SESSION AUTHORIZATION regress_app;

-- a function that sets tokens and queries under each: every query is a statement
BEGIN;
SELECT * FROM public.counts(ARRAY[:'alice', :'bob', :'carol']);
SELECT public.counts(ARRAY[:'bob', :'alice']);
SELECT token_auth.set_local_token(:'carol');
SELECT token_auth.subject(), public.count_as(:'alice'), public.count_as(:'bob');
-- refused: a statement that reads a table has one token, in the functions that it calls, too
SELECT split_part(mint.outcome(format('SELECT public.count_as(CASE d %% 2 WHEN 0 THEN %L ELSE %L END) FROM public.digit WHERE d < 4 ORDER BY d', :'bob', :'alice')), ' ', 1);
COMMIT;
-- ... and its bare expressions see the token that it has set
CREATE FUNCTION public.subject_as(token text) RETURNS text LANGUAGE plpgsql AS $$
BEGIN
    PERFORM token_auth.set_local_token(token);
    RETURN token_auth.subject();
END
$$;
BEGIN;
SELECT public.subject_as(:'alice');
SELECT public.subject_as(:'bob');
ROLLBACK;
DO $$
BEGIN
    PERFORM token_auth.set_local_token(mint.token());
    RAISE WARNING '%', token_auth.subject();
    PERFORM token_auth.set_local_token(mint.token('{"sub": "bob"}'));
    RAISE WARNING '%', token_auth.subject();
END
$$;

-- a query that is planned inside a running statement, after the token changed
CREATE FUNCTION public.plan_as(token text, query text) RETURNS bigint LANGUAGE plpgsql AS $$
DECLARE
    n bigint;
BEGIN
    PERFORM token_auth.set_local_token(token);
    EXECUTE query INTO n;
    RETURN n;
END
$$;
BEGIN;
SELECT token_auth.set_local_token(:'alice');
SELECT token_auth.subject(), public.plan_as(:'bob', 'SELECT count(*) FROM public.note'), public.plan_as(:'carol', 'SELECT count(*) FROM public.note'),
       public.plan_as(:'alice', 'SELECT count(*) FROM public.note'), token_auth.subject();
-- ... also where the executor's start reads the token, to leave partitions out
SAVEPOINT s;
SELECT token_auth.subject(), public.plan_as(:'bob', 'SELECT count(*) FROM public.parted'), public.plan_as(:'alice', 'SELECT count(*) FROM public.parted'), token_auth.subject();
ROLLBACK TO s;
SELECT public.plan_as(:'bob', 'SELECT count(*) FROM public.parted'), public.plan_as(:'alice', 'SELECT count(*) FROM public.parted');
ROLLBACK TO s;
SET LOCAL plan_cache_mode = force_generic_plan;
SELECT public.plan_as(:'bob', 'SELECT count(*) FROM public.parted'), public.plan_as(:'alice', 'SELECT count(*) FROM public.parted');
COMMIT;

-- refused: a cursor on partitions that were left out under another token
BEGIN;
SELECT token_auth.set_local_token(:'alice');
DECLARE parted CURSOR FOR SELECT body FROM public.parted;
DECLARE parted_too CURSOR FOR SELECT body FROM public.parted ORDER BY body;
FETCH parted_too;
SELECT token_auth.set_local_token(:'bob');
SELECT mint.outcome('FETCH parted');
COMMIT;

-- a generic plan follows the token
SET plan_cache_mode = force_generic_plan;
PREPARE notes AS SELECT count(*), min(body) FROM public.note;
PREPARE parted AS SELECT count(*), min(body) FROM public.parted;
CREATE FUNCTION public.cached_count() RETURNS bigint LANGUAGE plpgsql AS $$ BEGIN RETURN (SELECT count(*) FROM public.note); END $$;
CREATE FUNCTION public.expires_soon() RETURNS boolean LANGUAGE plpgsql AS $$ BEGIN RETURN token_auth.expires_at() < clock_timestamp() + '1 minute'; END $$;
SELECT token_auth.set_session_token(:'alice');
EXECUTE notes;
EXECUTE parted;
SELECT public.cached_count();
SELECT token_auth.set_session_token(:'bob');
EXECUTE notes;
EXECUTE parted;
SELECT public.cached_count();
SELECT token_auth.clear_token();
EXECUTE notes;
EXECUTE parted;
SELECT public.cached_count();
SET token_auth.token = 'x';
EXECUTE notes;
SELECT public.cached_count();
SET token_auth.token = '';

-- SQL functions: a set that is fetched row by row is one statement
CREATE FUNCTION public.mine() RETURNS SETOF text LANGUAGE sql VOLATILE AS 'SELECT body FROM public.note ORDER BY body';
CREATE FUNCTION public.mine_unsorted() RETURNS SETOF text LANGUAGE sql VOLATILE AS 'SELECT body FROM public.note';
CREATE FUNCTION public.mine_inlined() RETURNS SETOF text LANGUAGE sql STABLE AS 'SELECT body FROM public.note';
SELECT token_auth.set_session_token(:'alice');
SELECT public.mine();
SELECT mint.outcome(format('SELECT public.mine(), token_auth.set_local_token(%L)', :'bob'));
SELECT mint.outcome(format('SELECT public.mine_unsorted(), token_auth.set_local_token(%L)', :'bob'));
SELECT mint.outcome(format('SELECT public.mine_unsorted(), token_auth.clear_token()', :'bob'));
SELECT mint.outcome(format('SELECT public.mine_unsorted(), token_auth.set_local_token(%L)', :'alice'));
SELECT mint.outcome(format('SELECT m, token_auth.set_local_token(%L) FROM public.mine_inlined() AS m', :'bob'));
SELECT public.mine(), token_auth.subject();

-- passes: a function that sets its own token and queries, called from a cursor that reads none
CREATE FUNCTION public.count_parted(token text) RETURNS bigint LANGUAGE sql AS $$
    SELECT token_auth.set_local_token(token);
    SELECT count(*) FROM public.parted;
$$;
BEGIN;
DECLARE each_one CURSOR FOR SELECT public.count_parted(token) FROM unnest(ARRAY[:'alice', :'bob', :'carol', :'alice']) AS token;
FETCH each_one;
FETCH each_one;
FETCH each_one;
FETCH each_one;
ROLLBACK;
DROP FUNCTION public.count_parted(text);

-- PL/pgSQL's loop over a query fetches in portions: a portion under another token is refused
CREATE FUNCTION public.change_in_loop(token text) RETURNS int LANGUAGE plpgsql AS $$
DECLARE
    n int := 0;
    r record;
BEGIN
    FOR r IN SELECT body FROM public.note LOOP
        n := n + 1;
        PERFORM token_auth.set_local_token(token);
    END LOOP;
    RETURN n;
END
$$;
SELECT token_auth.set_session_token(:'carol');
SELECT mint.outcome(format('SELECT public.change_in_loop(%L)', :'alice'));
SELECT public.change_in_loop(:'carol');

-- triggers see the token of now: before, after, and deferred to the commit
RESET SESSION AUTHORIZATION;
CREATE TABLE public.entry (owner text, body text);
CREATE TABLE public.audit (moment text, who text, body text);
ALTER TABLE public.entry ENABLE ROW LEVEL SECURITY;
CREATE POLICY own ON public.entry TO regress_app USING (owner = token_auth.subject());
GRANT SELECT, INSERT, UPDATE, DELETE ON public.entry, public.audit TO regress_app;
SET SESSION AUTHORIZATION regress_app;
CREATE FUNCTION public.own_it() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN NEW.owner := token_auth.subject(); RETURN NEW; END $$;
CREATE FUNCTION public.audit_it() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    INSERT INTO public.audit VALUES (TG_NAME, token_auth.identity(), NEW.body);
    IF token_auth.subject() <> NEW.owner THEN
        RAISE WARNING '% found % instead of %', TG_NAME, token_auth.subject(), NEW.owner;
    END IF;
    RETURN NULL;
END
$$;
CREATE FUNCTION public.change_it() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    PERFORM token_auth.set_local_token(TG_ARGV[0]);
    RETURN NEW;
END
$$;
RESET SESSION AUTHORIZATION;
CREATE TRIGGER own_it BEFORE INSERT ON public.entry FOR EACH ROW EXECUTE FUNCTION public.own_it();
CREATE TRIGGER audit_after AFTER INSERT ON public.entry FOR EACH ROW EXECUTE FUNCTION public.audit_it();
CREATE CONSTRAINT TRIGGER audit_deferred AFTER INSERT ON public.entry DEFERRABLE INITIALLY DEFERRED FOR EACH ROW EXECUTE FUNCTION public.audit_it();
SET SESSION AUTHORIZATION regress_app;
SELECT token_auth.clear_token();
BEGIN;
SELECT token_auth.set_local_token(:'alice');
INSERT INTO public.entry (body) SELECT 'e' || d FROM public.digit WHERE d < 2;
SELECT token_auth.set_local_token(:'bob');
INSERT INTO public.entry (body) VALUES ('f') RETURNING owner;
COMMIT;
SELECT * FROM public.audit ORDER BY moment COLLATE "C", who, body;
SELECT token_auth.set_session_token(:'alice');
RESET SESSION AUTHORIZATION;
SELECT format('CREATE TRIGGER zz_change_it BEFORE INSERT ON public.entry FOR EACH ROW EXECUTE FUNCTION public.change_it(%L)', :'bob') AS statement \gset
:statement;
SET SESSION AUTHORIZATION regress_app;
SELECT mint.outcome($$INSERT INTO public.entry (body) VALUES ('g')$$);
SELECT token_auth.subject();
-- ... and a trigger is part of the statement that fires it, not of the one that called the function
RESET SESSION AUTHORIZATION;
DROP TRIGGER zz_change_it ON public.entry;
ALTER TABLE public.entry DISABLE TRIGGER audit_deferred;
SET SESSION AUTHORIZATION regress_app;
CREATE FUNCTION public.insert_as(token text) RETURNS text LANGUAGE plpgsql AS $$
DECLARE
    inserted text;
BEGIN
    PERFORM token_auth.set_local_token(token);
    INSERT INTO public.entry (body) VALUES ('h') RETURNING owner INTO inserted;
    RETURN inserted;
END
$$;
SELECT public.insert_as(:'alice'), public.insert_as(:'bob');
SELECT token_auth.subject(), public.insert_as(:'bob'), public.insert_as(:'alice'), token_auth.subject();

-- an error in the middle, and on: the judgement is that of the outer statement again
CREATE FUNCTION public.fail_inside(token text) RETURNS text LANGUAGE plpgsql AS $$
BEGIN
    BEGIN
        PERFORM token_auth.set_local_token(token);
        PERFORM 1 / (d - 5) FROM public.digit WHERE token_auth.subject() IS NOT NULL;
    EXCEPTION WHEN division_by_zero THEN
        RETURN SQLSTATE;
    END;
    RETURN 'no error';
END
$$;
CREATE FUNCTION public.mix_inside(token text) RETURNS text LANGUAGE plpgsql AS $$
BEGIN
    BEGIN
        PERFORM token_auth.subject(), token_auth.set_local_token(token), token_auth.subject();
    EXCEPTION WHEN invalid_authorization_specification THEN
        RETURN SQLSTATE;
    END;
    RETURN 'no error';
END
$$;
SELECT token_auth.subject(), public.fail_inside(:'bob'), token_auth.subject(), public.mix_inside(:'bob'), token_auth.subject();
BEGIN;
SAVEPOINT s;
SELECT 1 / d, token_auth.subject() FROM public.digit;
ROLLBACK TO s;
SELECT token_auth.set_local_token(:'bob');
SELECT token_auth.subject();
ROLLBACK TO s;
SELECT token_auth.subject();
COMMIT;

-- other statements that run a query
SELECT token_auth.set_session_token(:'bob');
COPY public.note TO STDOUT;
COPY (SELECT token_auth.subject()) TO STDOUT;
CREATE TEMPORARY TABLE copied AS SELECT body FROM public.note;
SELECT * FROM copied ORDER BY body;
SET token_auth.token = 'x';
COPY public.note TO STDOUT;
CREATE TEMPORARY TABLE copied_too AS SELECT body FROM public.note;
EXPLAIN (ANALYZE, COSTS OFF, TIMING OFF) SELECT body FROM public.note;
SET token_auth.token = '';

-- refused: a cursor that is fetched under another token; passes when the first one is back
SELECT token_auth.set_session_token(:'carol');
BEGIN;
DECLARE plain CURSOR FOR SELECT body FROM public.note;
DECLARE sorted CURSOR FOR SELECT body FROM public.note ORDER BY body DESC;
DECLARE in_init_plan CURSOR FOR SELECT d FROM public.digit WHERE (SELECT token_auth.subject()) = 'carol';
DECLARE back_again CURSOR FOR SELECT d FROM public.digit WHERE token_auth.subject() = 'carol';
DECLARE without_reader CURSOR FOR SELECT d FROM public.digit;
DECLARE unfetched CURSOR FOR SELECT body FROM public.note ORDER BY body;
DECLARE scrolled SCROLL CURSOR FOR SELECT body FROM public.note ORDER BY body;
FETCH plain;
FETCH sorted;
FETCH in_init_plan;
FETCH back_again;
FETCH without_reader;
FETCH 3 FROM scrolled;
SAVEPOINT s;
SELECT token_auth.clear_token();
SELECT mint.outcome('FETCH plain');
SELECT mint.outcome('FETCH sorted');
SELECT mint.outcome('FETCH in_init_plan');
SELECT mint.outcome('FETCH BACKWARD scrolled');
FETCH without_reader;
SELECT token_auth.set_local_token(:'bob');
SELECT mint.outcome('FETCH plain');
-- ... a cursor is bound when it is declared
SELECT mint.outcome('FETCH ALL FROM unfetched');
SELECT token_auth.set_local_token(:'carol');
FETCH back_again;
COMMIT;

-- refused: a cursor that is rewound, which works out its index keys, while its own functions set another token and the first one again
CREATE TEMPORARY TABLE keyed AS SELECT owner, owner || i AS body, i AS id FROM unnest('{alice,bob}'::text[]) AS owner, generate_series(1, 3) AS i;
CREATE INDEX ON keyed (owner, id);
CREATE INDEX ON keyed (id);
ANALYZE keyed;
SET enable_seqscan = off;
SET enable_bitmapscan = off;
CREATE FUNCTION pg_temp.switch(token text) RETURNS int LANGUAGE plpgsql STABLE AS $$
BEGIN
    IF current_setting('regress.switch') = 'on' THEN
        PERFORM set_config('token_auth.token', token, true);
    END IF;
    RETURN 0;
END
$$;
SET regress.switch = off;
BEGIN;
SELECT token_auth.set_local_token(:'alice');
DECLARE rewound SCROLL CURSOR FOR
    SELECT body FROM keyed WHERE id = pg_temp.switch(:'bob') UNION ALL
    SELECT body FROM keyed WHERE owner = token_auth.subject() UNION ALL
    SELECT body FROM keyed WHERE id = pg_temp.switch(:'alice');
FETCH FROM rewound;
SAVEPOINT s;
MOVE ABSOLUTE 0 FROM rewound;
FETCH FROM rewound;
SET LOCAL regress.switch = on;
SELECT mint.outcome('MOVE ABSOLUTE 0 FROM rewound');
ROLLBACK;
-- ... also where a function is asked for the key
BEGIN;
SELECT token_auth.set_local_token(:'alice');
DECLARE rewound SCROLL CURSOR FOR
    SELECT body FROM keyed WHERE id = pg_temp.switch(:'bob') UNION ALL
    SELECT body FROM keyed WHERE owner = public.me() UNION ALL
    SELECT body FROM keyed WHERE id = pg_temp.switch(:'alice');
FETCH FROM rewound;
SET LOCAL regress.switch = on;
SELECT mint.outcome('MOVE ABSOLUTE 0 FROM rewound');
ROLLBACK;
-- ... where the function that is asked for the key has a portal of its own
CREATE FUNCTION pg_temp.me_in_loop() RETURNS text LANGUAGE plpgsql STABLE AS $$
DECLARE
    r record;
BEGIN
    FOR r IN SELECT token_auth.subject() AS me LOOP
        RETURN r.me;
    END LOOP;
END
$$;
CREATE FUNCTION pg_temp.n_letters() RETURNS int LANGUAGE plpgsql STABLE AS $$ BEGIN RETURN length(token_auth.subject()); END $$;
BEGIN;
SELECT token_auth.set_local_token(:'alice');
DECLARE rewound SCROLL CURSOR FOR SELECT body FROM keyed WHERE owner = pg_temp.me_in_loop();
FETCH FROM rewound;
SELECT token_auth.set_local_token(:'bob');
SELECT mint.outcome('MOVE BACKWARD ALL FROM rewound');
ROLLBACK;
-- ... where what is worked out is the LIMIT of a query that reads no table
BEGIN;
SELECT token_auth.set_local_token(:'alice');
DECLARE rewound SCROLL CURSOR FOR SELECT i FROM generate_series(1, 10) AS i LIMIT pg_temp.n_letters();
DECLARE rewound_too SCROLL CURSOR FOR SELECT i FROM generate_series(1, 10) AS i LIMIT pg_temp.n_letters();
FETCH FROM rewound;
FETCH FROM rewound_too;
MOVE BACKWARD ALL FROM rewound_too;
FETCH FROM rewound_too;
SELECT token_auth.set_local_token(:'bob');
SELECT mint.outcome('MOVE BACKWARD ALL FROM rewound');
ROLLBACK;
BEGIN;
SELECT token_auth.set_local_token(:'alice');
DECLARE held SCROLL CURSOR WITH HOLD FOR SELECT i FROM generate_series(1, 10) AS i LIMIT pg_temp.n_letters();
COMMIT;
FETCH ALL FROM held;
CLOSE held;
-- ... passes: rewound under its own token, in every way
BEGIN;
SELECT token_auth.set_local_token(:'alice');
DECLARE rewound SCROLL CURSOR FOR SELECT body FROM keyed WHERE owner = token_auth.subject();
DECLARE rewound_too SCROLL CURSOR FOR SELECT body FROM keyed WHERE owner = public.me();
MOVE ABSOLUTE 0 FROM rewound;
FETCH 2 FROM rewound;
FETCH 2 FROM rewound_too;
MOVE ABSOLUTE 0 FROM rewound;
MOVE ABSOLUTE 0 FROM rewound_too;
FETCH ALL FROM rewound;
FETCH ALL FROM rewound_too;
FETCH BACKWARD 2 FROM rewound;
MOVE BACKWARD ALL FROM rewound;
FETCH 1 FROM rewound;
FETCH RELATIVE 0 FROM rewound;
FETCH ABSOLUTE 3 FROM rewound_too;
FETCH FIRST FROM rewound_too;
FETCH LAST FROM rewound_too;
FETCH PRIOR FROM rewound_too;
ROLLBACK;
-- ... WITH HOLD, before it has run
BEGIN;
SELECT token_auth.set_local_token(:'alice');
DECLARE held SCROLL CURSOR WITH HOLD FOR
    SELECT body FROM keyed WHERE id = pg_temp.switch(:'bob') UNION ALL
    SELECT body FROM keyed WHERE owner = token_auth.subject() UNION ALL
    SELECT body FROM keyed WHERE id = pg_temp.switch(:'alice') UNION ALL
    SELECT body FROM keyed WHERE id < 9 AND owner = token_auth.subject();
SET LOCAL regress.switch = on;
COMMIT;
BEGIN;
SELECT token_auth.set_local_token(:'alice');
DECLARE held SCROLL CURSOR WITH HOLD FOR
    SELECT body FROM keyed WHERE id = pg_temp.switch(:'bob') UNION ALL
    SELECT body FROM keyed WHERE owner = public.me() UNION ALL
    SELECT body FROM keyed WHERE id = pg_temp.switch(:'alice') UNION ALL
    SELECT body FROM keyed WHERE id < 9 AND owner = public.me();
SET LOCAL regress.switch = on;
COMMIT;
RESET enable_seqscan;
RESET enable_bitmapscan;
DROP TABLE keyed;
DROP FUNCTION pg_temp.switch(text), pg_temp.me_in_loop(), pg_temp.n_letters();

-- ... also where the policy, or an InitPlan, asks by way of a function
SELECT token_auth.set_session_token(:'alice');
BEGIN;
DECLARE wrapped CURSOR FOR SELECT body FROM public.wrapped ORDER BY body;
DECLARE wrapped_too CURSOR FOR SELECT body FROM public.wrapped_too ORDER BY body;
DECLARE in_init_plan CURSOR FOR SELECT d FROM public.digit WHERE (SELECT public.me()) = 'alice';
DECLARE in_init_plan_too CURSOR FOR SELECT d FROM public.digit WHERE (SELECT public.me_too()) = 'alice';
FETCH wrapped;
FETCH wrapped_too;
FETCH in_init_plan;
FETCH in_init_plan_too;
SELECT token_auth.clear_token();
SELECT mint.outcome('FETCH wrapped');
SELECT mint.outcome('FETCH wrapped_too');
SELECT mint.outcome('FETCH in_init_plan');
SELECT mint.outcome('FETCH in_init_plan_too');
ROLLBACK;

-- ... and where the rows are those of a function, in a query that reads no table
CREATE FUNCTION public.notes() RETURNS SETOF text LANGUAGE plpgsql STABLE AS $$
BEGIN
    RETURN QUERY SELECT body FROM public.note WHERE owner = 'alice' ORDER BY body;
END
$$;
CREATE FUNCTION public.notes_too() RETURNS SETOF text LANGUAGE sql VOLATILE AS $$
    SELECT body FROM public.note WHERE owner = 'alice' ORDER BY body
$$;
BEGIN;
DECLARE of_function CURSOR FOR SELECT * FROM public.notes();
DECLARE of_function_back SCROLL CURSOR FOR SELECT * FROM public.notes();
DECLARE of_function_too CURSOR FOR SELECT * FROM public.notes_too();
DECLARE of_column CURSOR FOR SELECT public.notes();
DECLARE of_column_too CURSOR FOR SELECT public.notes_too();
DECLARE of_scalar CURSOR FOR SELECT public.me() FROM generate_series(1, 3);
DECLARE of_expression CURSOR FOR SELECT upper(body) FROM public.notes() AS body ORDER BY 1;
DECLARE of_none CURSOR FOR SELECT * FROM generate_series(1, 3);
FETCH of_function;
FETCH 2 FROM of_function_back;
FETCH of_function_too;
FETCH of_column;
FETCH of_column_too;
FETCH of_scalar;
FETCH of_expression;
FETCH of_none;
SELECT token_auth.clear_token();
SELECT mint.outcome('FETCH of_function');
SELECT mint.outcome('FETCH BACKWARD of_function_back');
SELECT mint.outcome('FETCH of_function_too');
SELECT mint.outcome('FETCH of_column');
SELECT mint.outcome('FETCH of_column_too');
SELECT mint.outcome('FETCH of_scalar');
SELECT mint.outcome('FETCH of_expression');
FETCH of_none;
ROLLBACK;
BEGIN;
DECLARE of_function CURSOR FOR SELECT * FROM public.notes();
DECLARE of_scalar CURSOR FOR SELECT public.me() FROM generate_series(1, 3);
FETCH of_function;
FETCH of_scalar;
SELECT token_auth.set_local_token(:'bob');
SELECT mint.outcome('FETCH of_function');
SELECT mint.outcome('FETCH of_scalar');
ROLLBACK;
BEGIN;
DECLARE of_function CURSOR FOR SELECT * FROM public.notes();
DECLARE of_scalar CURSOR FOR SELECT public.me() FROM generate_series(1, 3);
FETCH of_function;
FETCH of_scalar;
SELECT token_auth.set_local_token(:'bob');
SELECT token_auth.set_local_token(:'alice');
FETCH of_function;
FETCH of_scalar;
SELECT token_auth.revoke_current_token();
SELECT mint.outcome('FETCH of_function');
SELECT mint.outcome('FETCH of_scalar');
ROLLBACK;
BEGIN;
DECLARE held CURSOR WITH HOLD FOR SELECT * FROM public.notes();
FETCH held;
SELECT token_auth.clear_token();
COMMIT;
\echo :SQLSTATE
-- ... by the statements of a function that is called by one which reads tables
SELECT token_auth.set_session_token(:'alice');
CREATE FUNCTION public.fetch_one(name refcursor) RETURNS text LANGUAGE plpgsql AS $$
DECLARE
    one text;
BEGIN
    FETCH name INTO one;
    RETURN one;
END
$$;
BEGIN;
DECLARE of_function CURSOR FOR SELECT * FROM public.notes();
FETCH of_function;
SELECT mint.outcome(format('SELECT public.fetch_one(''of_function''), token_auth.set_local_token(%L), token_auth.subject() FROM public.digit', :'bob'));
ROLLBACK;
-- ... opened inside of a statement that has the token of another, by a function whose own statement reads it
CREATE FUNCTION public.open_it(name refcursor) RETURNS text LANGUAGE plpgsql AS $$
DECLARE
    body text;
BEGIN
    OPEN name FOR SELECT public.body_of(i) FROM generate_series(0, 1) AS i;
    FETCH name INTO body;
    RETURN body;
END
$$;
CREATE FUNCTION public.body_of(i int) RETURNS text LANGUAGE plpgsql AS $$ BEGIN RETURN (SELECT body FROM public.note ORDER BY body OFFSET i LIMIT 1); END $$;
BEGIN;
SELECT token_auth.set_local_token(:'alice');
SELECT public.open_it('opened') FROM public.note LIMIT 1;
SELECT token_auth.set_local_token(:'bob');
SELECT mint.outcome('FETCH opened');
ROLLBACK;
-- ... opened outside, and fetched from inside of such a statement
CREATE FUNCTION public.fetch_it(name refcursor) RETURNS text LANGUAGE plpgsql AS $$
DECLARE
    body text;
BEGIN
    FETCH name INTO body;
    RETURN body;
END
$$;
BEGIN;
SELECT token_auth.set_local_token(:'alice');
DECLARE opened CURSOR FOR SELECT public.notes();
FETCH opened;
SELECT public.fetch_it('opened') FROM public.note LIMIT 1;
SELECT token_auth.set_local_token(:'bob');
SELECT mint.outcome('FETCH opened');
ROLLBACK;
DROP FUNCTION public.fetch_it(refcursor);
DROP FUNCTION public.open_it(refcursor), public.body_of(int);
-- passes: what such a function set, read and took back is its own
CREATE FUNCTION public.scoped(token text) RETURNS text LANGUAGE plpgsql SET token_auth.token = '' AS $$
BEGIN
    PERFORM token_auth.set_local_token(token);
    RETURN token_auth.subject();
END
$$;
CREATE FUNCTION public.process(token text) RETURNS text LANGUAGE plpgsql AS $$
DECLARE
    who text := token_auth.set_local_token(token);
BEGIN
    who := token_auth.subject();
    PERFORM token_auth.clear_token();
    RETURN who;
END
$$;
CREATE FUNCTION public.rolled_back(token text) RETURNS text LANGUAGE plpgsql AS $$
DECLARE
    who text;
BEGIN
    PERFORM token_auth.set_local_token(token);
    who := token_auth.subject();
    RAISE division_by_zero;
EXCEPTION WHEN division_by_zero THEN
    RETURN who;
END
$$;
CREATE FUNCTION public.scoped_rows(token text) RETURNS SETOF text LANGUAGE sql VOLATILE AS 'SELECT public.scoped(token) FROM generate_series(1, 3)';
CREATE FUNCTION public.processed_rows(token text) RETURNS SETOF text LANGUAGE sql VOLATILE AS 'SELECT public.process(token) FROM generate_series(1, 3)';
CREATE PROCEDURE public.loop_over_functions(token text) LANGUAGE plpgsql AS $$
DECLARE
    n int := 0;
    r record;
BEGIN
    FOR r IN SELECT public.scoped(token) FROM generate_series(1, 100) LOOP
        n := n + 1;
    END LOOP;
    FOR r IN SELECT public.rolled_back(token) FROM generate_series(1, 100) LOOP
        n := n + 1;
    END LOOP;
    FOR r IN SELECT public.process(token) FROM generate_series(1, 100) LOOP
        n := n + 1;
        IF n % 50 = 0 THEN
            COMMIT;
        END IF;
    END LOOP;
    RAISE WARNING '% rows', n;
END
$$;
SELECT public.scoped_rows(:'bob');
CALL public.loop_over_functions(:'bob');
SELECT token_auth.set_session_token(:'alice');
SELECT public.processed_rows(:'bob');
SELECT token_auth.set_session_token(:'alice');
BEGIN;
DECLARE scoped CURSOR FOR SELECT public.scoped(token) FROM unnest(ARRAY[:'bob', :'carol', :'bob', :'carol']) AS token;
FETCH scoped;
FETCH scoped;
SELECT token_auth.clear_token();
SELECT mint.outcome('FETCH scoped');
ROLLBACK;
DROP FUNCTION public.scoped_rows(text), public.processed_rows(text), public.scoped(text), public.process(text), public.rolled_back(text);
DROP PROCEDURE public.loop_over_functions(text);
-- refused: a token that a function left there, which was revoked, for whoever comes without one
CREATE FUNCTION public.leave_revoked() RETURNS SETOF text LANGUAGE plpgsql AS $$
BEGIN
    RETURN QUERY SELECT body FROM public.note WHERE owner = 'alice';
    PERFORM token_auth.revoke_current_token();
END
$$;
BEGIN;
DECLARE left_there CURSOR FOR SELECT * FROM public.leave_revoked();
FETCH left_there;
SELECT token_auth.clear_token();
SELECT mint.outcome('FETCH left_there');
ROLLBACK;
DROP FUNCTION public.leave_revoked();
-- refused: rows that were made under a token which then was revoked, for whoever comes without one
BEGIN;
SELECT token_auth.set_local_token(:'alice');
DECLARE left_behind CURSOR FOR SELECT public.notes(), token_auth.clear_token();
FETCH left_behind;
FETCH left_behind;
SELECT token_auth.set_local_token(:'alice');
SELECT token_auth.revoke_current_token();
SELECT token_auth.clear_token();
SELECT mint.outcome('FETCH left_behind');
ROLLBACK;
-- ... passes where an expired token counts as none; not on, when it was good for the rows
RESET SESSION AUTHORIZATION;
SET token_auth.on_expired = 'anonymous';
SET SESSION AUTHORIZATION regress_app;
SELECT public.short_token(1) AS short \gset
SELECT token_auth.set_session_token(:'short');
BEGIN;
DECLARE of_good CURSOR FOR SELECT public.me() FROM generate_series(1, 5);
FETCH of_good;
SELECT public.wait_until(public.expiry(:'short'));
DECLARE of_expired CURSOR FOR SELECT public.me() FROM generate_series(1, 5);
FETCH of_expired;
FETCH of_expired;
SELECT split_part(mint.outcome('FETCH of_good'), ' ', 1);
ROLLBACK;
RESET SESSION AUTHORIZATION;
RESET token_auth.on_expired;
SET SESSION AUTHORIZATION regress_app;
SELECT token_auth.set_session_token(:'alice');
-- passes: a running statement is not interrupted, though a function in it gives its rows one by one
CREATE FUNCTION public.slow_rows(token text) RETURNS SETOF text LANGUAGE sql VOLATILE AS $$
    SELECT CASE WHEN i = 2 THEN public.wait_until(public.expiry(token)) ELSE token_auth.subject() END FROM generate_series(1, 3) AS i
$$;
CREATE FUNCTION public.slow_rows_too(token text) RETURNS SETOF text LANGUAGE sql VOLATILE AS $$
    SELECT CASE WHEN i = 2 THEN public.wait_until(public.expiry(token)) WHEN i = 1 THEN public.me() END FROM generate_series(1, 3) AS i
$$;
SELECT public.short_token(2) AS short \gset
SELECT token_auth.set_session_token(:'short');
SELECT public.slow_rows(:'short');
SELECT public.short_token(2) AS short \gset
SELECT token_auth.set_session_token(:'short');
SELECT public.slow_rows_too(:'short');
DROP FUNCTION public.slow_rows(text), public.slow_rows_too(text);
SELECT token_auth.set_session_token(:'alice');
-- ... and a loop over such a query, which fetches in portions
CREATE FUNCTION public.change_in_loop_over_function(token text) RETURNS int LANGUAGE plpgsql AS $$
DECLARE
    n int := 0;
    r record;
BEGIN
    FOR r IN SELECT public.me() AS me FROM generate_series(1, 100) LOOP
        n := n + 1;
        IF n = 5 THEN
            PERFORM token_auth.set_local_token(token);
        END IF;
    END LOOP;
    RETURN n;
END
$$;
SELECT mint.outcome(format('SELECT public.change_in_loop_over_function(%L)', :'bob'));
SELECT public.change_in_loop_over_function(:'alice');
DROP FUNCTION public.notes(), public.notes_too(), public.fetch_one(refcursor), public.change_in_loop_over_function(text);
SELECT token_auth.set_session_token(:'carol');

-- WITH HOLD: judged when the commit makes the copy, which then is a copy
BEGIN;
DECLARE held CURSOR WITH HOLD FOR SELECT body FROM public.note ORDER BY body;
FETCH held;
COMMIT;
SELECT token_auth.clear_token();
FETCH held;
CLOSE held;
SELECT token_auth.set_session_token(:'carol');
BEGIN;
DECLARE held CURSOR WITH HOLD FOR SELECT body FROM public.note ORDER BY body;
FETCH held;
SELECT token_auth.clear_token();
COMMIT;
\echo :SQLSTATE
FETCH held;
SELECT token_auth.subject();
BEGIN;
SELECT token_auth.set_local_token(:'alice');
DECLARE held CURSOR WITH HOLD FOR SELECT body FROM public.note ORDER BY body;
FETCH held;
COMMIT;
FETCH held;
CLOSE held;

-- refused: inside a transaction of any isolation level, what was withdrawn there
SELECT token_auth.set_session_token(:'carol');
BEGIN ISOLATION LEVEL SERIALIZABLE;
EXECUTE notes;
DECLARE plain CURSOR FOR SELECT body FROM public.note;
DECLARE sorted CURSOR FOR SELECT body FROM public.note ORDER BY body;
FETCH plain;
FETCH sorted;
SELECT token_auth.revoke_current_token();
SELECT mint.outcome('SELECT token_auth.subject()');
SELECT mint.outcome('EXECUTE notes');
SELECT mint.outcome('FETCH plain');
SELECT mint.outcome('FETCH sorted');
ROLLBACK;
EXECUTE notes;

-- refused: expired in an open transaction, when a statement begins or a cursor is fetched from
SELECT public.short_token(3, 'carol') AS short \gset
BEGIN ISOLATION LEVEL REPEATABLE READ;
SELECT token_auth.set_local_token(:'short');
EXECUTE notes;
DECLARE plain CURSOR FOR SELECT body FROM public.note;
DECLARE sorted CURSOR FOR SELECT body FROM public.note ORDER BY body DESC;
DECLARE in_init_plan CURSOR FOR SELECT d FROM public.digit WHERE (SELECT token_auth.subject()) = 'carol';
DECLARE in_init_plan_scope CURSOR FOR SELECT d FROM public.digit WHERE (SELECT token_auth.has_scope('orders:read'));
DECLARE unfetched CURSOR FOR SELECT body FROM public.note;
DECLARE without_reader CURSOR FOR SELECT d FROM public.digit;
DECLARE held CURSOR WITH HOLD FOR SELECT body FROM public.note;
FETCH plain;
FETCH sorted;
FETCH in_init_plan;
FETCH in_init_plan_scope;
FETCH without_reader;
FETCH held;
-- a statement that is running is not interrupted
SELECT token_auth.subject(), public.wait_until(public.expiry(:'short')), token_auth.subject();
SELECT split_part(mint.outcome('SELECT token_auth.subject()'), ' ', 1);
SELECT split_part(mint.outcome('EXECUTE notes'), ' ', 1);
SELECT split_part(mint.outcome('FETCH plain'), ' ', 1);
SELECT split_part(mint.outcome('FETCH sorted'), ' ', 1);
SELECT split_part(mint.outcome('FETCH in_init_plan'), ' ', 1);
SELECT split_part(mint.outcome('FETCH in_init_plan_scope'), ' ', 1);
SELECT split_part(mint.outcome('FETCH unfetched'), ' ', 1);
FETCH without_reader;
\set VERBOSITY sqlstate
COMMIT;
\set VERBOSITY terse
SELECT token_auth.subject();

-- refused: expired between the statements of one string
SELECT public.short_token(2) AS short \gset
\set VERBOSITY sqlstate
SELECT token_auth.set_session_token(:'short') \; SELECT token_auth.subject() \; SELECT public.wait_until(public.expiry(:'short')) \; SELECT token_auth.subject();
\set VERBOSITY terse
SELECT token_auth.set_session_token(NULL);

-- refused: expired in the middle of a DO block, by its queries and by its bare expressions
CREATE PROCEDURE public.loop_past_expiry(seconds double precision, commits boolean) LANGUAGE plpgsql AS $$
DECLARE
    token text := public.short_token(seconds);
    expiry timestamptz := public.expiry(token);
    query_refused text;
    expression_refused text;
    accepted int := 0;
    refused int := 0;
    before timestamptz;
BEGIN
    PERFORM token_auth.set_session_token(token);
    WHILE refused < 3 AND clock_timestamp() < expiry + '30 seconds' LOOP
        before := clock_timestamp();
        query_refused := NULL;
        BEGIN
            PERFORM count(*) FROM public.note;
        EXCEPTION WHEN SQLSTATE '28T01' THEN
            query_refused := SQLSTATE;
        END;
        IF query_refused IS NULL AND before > expiry OR query_refused IS NOT NULL AND clock_timestamp() < expiry THEN
            RAISE WARNING 'a query was judged by another clock';
        END IF;

        before := clock_timestamp();
        expression_refused := NULL;
        BEGIN
            IF token_auth.has_scope('orders:read') THEN
                accepted := accepted + 1;
            END IF;
        EXCEPTION WHEN SQLSTATE '28T01' THEN
            expression_refused := SQLSTATE;
            refused := refused + 1;
        END;
        IF expression_refused IS NULL AND before > expiry OR expression_refused IS NOT NULL AND clock_timestamp() < expiry THEN
            RAISE WARNING 'an expression was judged by another clock';
        END IF;
        IF commits THEN
            COMMIT;
        END IF;
    END LOOP;
    RAISE WARNING 'accepted: %, refused: %', accepted > 0, refused;
    PERFORM token_auth.clear_token();
END
$$;
DO $$ BEGIN CALL public.loop_past_expiry(1, commits => false); END $$;
-- ... and of a function, though the statement that called it is still the same
CREATE FUNCTION public.loop_past_expiry_too(token text) RETURNS text LANGUAGE plpgsql AS $$
DECLARE
    end_at timestamptz := public.expiry(token) + '30 seconds';
    accepted int := 0;
BEGIN
    PERFORM token_auth.set_local_token(token);
    WHILE clock_timestamp() < end_at LOOP
        PERFORM count(*) FROM public.note;
        accepted := accepted + 1;
    END LOOP;
    RETURN 'never refused';
EXCEPTION WHEN SQLSTATE '28T01' THEN
    RETURN concat(accepted > 0, ' ', SQLSTATE);
END
$$;
SELECT public.loop_past_expiry_too(public.short_token(1));
DO $$ BEGIN CALL public.loop_past_expiry(1, commits => true); END $$;
CALL public.loop_past_expiry(1, commits => true);

RESET SESSION AUTHORIZATION;
DROP TABLE public.note, public.parted, public.wrapped, public.wrapped_too, public.digit, public.entry, public.audit, copied;
DROP FUNCTION public.me, public.me_too, public.short_token, public.expiry, public.wait_until, public.count_as, public.counts, public.subject_as, public.plan_as,
    public.cached_count, public.expires_soon, public.mine, public.mine_unsorted, public.mine_inlined, public.change_in_loop,
    public.own_it, public.audit_it, public.change_it, public.insert_as, public.fail_inside, public.mix_inside, public.reset_token, public.raise_subject;
DROP FUNCTION public.loop_past_expiry_too;
DROP PROCEDURE public.loop_past_expiry;
REVOKE CREATE ON SCHEMA public FROM regress_app;
DROP ROLE regress_app;
SELECT token_auth.drop_issuer('https://idp.test');
