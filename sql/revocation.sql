-- A revoked token is refused from the next statement on: by whatever names it, by whoever may, until it is reinstated
\set VERBOSITY terse
\set SHOW_CONTEXT never
\pset format unaligned
\pset tuples_only on
\pset null none
SET client_min_messages = warning;
SET token_auth.binding = 'session';
SET timezone = 'UTC';

SELECT token_auth.add_issuer('https://revocation.test', '{orders-api}', name => 'revocation', namespace => '');
SELECT token_auth.add_issuer('https://elsewhere.test', '{orders-api}', name => 'elsewhere', namespace => '');
SELECT token_auth.add_secret(name, mint.secret(), 'HS256', 'first') FROM unnest('{revocation,elsewhere}'::text[]) AS name;
CREATE ROLE regress_revocation;
CREATE ROLE regress_revoker;
CREATE ROLE regress_inserter;

-- tokens of our issuer; all sign-ins at :signed_in
SELECT extract(epoch FROM date_trunc('second', clock_timestamp()))::bigint - 60 AS signed_in \gset
SELECT to_timestamp(:signed_in) AS signed_in_at \gset
CREATE FUNCTION pg_temp.token(claims jsonb DEFAULT '{}') RETURNS text LANGUAGE sql AS $$
    SELECT mint.token('{"iss": "https://revocation.test"}'::jsonb || claims)
$$;
CREATE FUNCTION pg_temp.signed_in(claims jsonb DEFAULT '{}') RETURNS text LANGUAGE sql AS $$
    SELECT pg_temp.token(jsonb_build_object('iat', current_setting('regress.signed_in')::bigint) || claims)
$$;
CREATE FUNCTION pg_temp.rows() RETURNS SETOF text LANGUAGE sql AS $$
    SELECT concat_ws(' ', kind, CASE WHEN kind <> 'digest' THEN value END, nullif(source, 'manual'), issued_until, reason)
    FROM token_auth.revocation WHERE issuer IN ('https://revocation.test', 'https://elsewhere.test')
    ORDER BY kind, value, source
$$;
SELECT set_config('regress.signed_in', :'signed_in', false) = :'signed_in';
SELECT pg_temp.signed_in(jsonb_build_object('jti', 'a1', 'exp', :signed_in + 3600)) AS alice,
       pg_temp.signed_in('{"jti": "a2"}') AS alice_again,
       pg_temp.signed_in('{"sub": "bob", "jti": "b1", "sid": "s1", "device_id": "d1", "client_id": "c1"}') AS bob,
       pg_temp.signed_in('{"jti": null}') AS without_id,
       pg_temp.signed_in('{"iss": "https://elsewhere.test", "jti": "a1"}') AS elsewhere,
       pg_temp.token(jsonb_build_object('iat', mint.now(-600), 'exp', mint.now(-300))) AS expired,
       pg_temp.token(jsonb_build_object('iat', mint.now(-600), 'exp', mint.now(-5), 'jti', 'late')) AS in_leeway,
       pg_temp.token(jsonb_build_object('nbf', mint.now(200), 'jti', 'early')) AS early,
       pg_temp.token('{"aud": "billing-api", "jti": "other audience"}') AS other_audience,
       mint.token('{"iss": "https://revocation.test"}', '{}', sha256('another key')) AS forged,
       mint.token('{"iss": "https://unknown.test"}') AS unknown_issuer
\gset

-- refused: what cannot be revoked, and leaves no row behind
SELECT mint.outcome(format('SELECT token_auth.revoke_token(%L)', token))
FROM unnest(ARRAY[NULL, '', 'x', :'forged', :'unknown_issuer', 'Bearer ' || :'alice']) AS token;
SELECT mint.outcome('SELECT token_auth.revoke_token_id(NULL, ''a1'')');
SELECT mint.outcome('SELECT token_auth.revoke_token_id(''revocation'', NULL)');
SELECT mint.outcome('SELECT token_auth.revoke_subject(NULL, ''alice'')');
SELECT mint.outcome('SELECT token_auth.revoke_subject(''revocation'', NULL)');
SELECT mint.outcome('SELECT token_auth.revoke_subject(''revocation'', ''alice'', NULL)');
SELECT mint.outcome('SELECT token_auth.reinstate(''revocation'', ''subjects'', ''alice'')');
SELECT mint.outcome('SELECT token_auth.reinstate(''revocation'', NULL, ''alice'')');
SELECT mint.outcome('SELECT token_auth.reinstate(''revocation'', ''subject'', NULL)');
SELECT mint.outcome('SELECT token_auth.reinstate(''revocation'', ''subject'', ''alice'', NULL)');
SELECT mint.outcome(format('SELECT token_auth.revoke_subject(''revocation'', ''alice'', reason => %L)', repeat('x', 1025)));
-- a typing error does not revoke nobody
\set VERBOSITY default
SELECT token_auth.revoke_subject('https://revocation.test/', 'alice');
SELECT token_auth.revoke_subject('Revocation', 'alice');
SELECT token_auth.revoke_token_id('revocation.tes', 'a1');
SELECT token_auth.revoke_token_id('nothing like it', 'a1');
SELECT token_auth.reinstate('http://revocation.test', 'subject', 'alice');
\set VERBOSITY terse
-- nothing to do: no error, and no row
SELECT token_auth.revoke_token(:'expired'), token_auth.reinstate('revocation', 'subject', 'alice'),
       token_auth.revoke_current_token();
SELECT pg_temp.rows();
SELECT mint.verdict(:'alice');

-- a token by itself: with another of the same subject beside it, and one of the same jti elsewhere
SELECT token_auth.revoke_token(:'alice', 'stolen'), token_auth.revoke_token(:'alice', 'again');
SELECT mint.verdict(:'alice');
SELECT mint.verdict(:'alice_again');
SELECT mint.verdict(:'elsewhere');
SELECT pg_temp.rows();
SELECT value = encode(sha256(convert_to(substring(:'alice' FROM '^(.*)\.'), 'UTF8')), 'hex'),
       expires_at = to_timestamp(:signed_in + 3600)
FROM token_auth.revocation WHERE kind = 'digest' AND issuer = 'https://revocation.test';
-- either row is enough
SELECT token_auth.reinstate('revocation', 'token_id', 'a1'), mint.verdict(:'alice');
SELECT token_auth.reinstate('https://revocation.test', 'digest', value)
FROM token_auth.revocation WHERE kind = 'digest' AND issuer = 'https://revocation.test';
SELECT mint.verdict(:'alice');
-- a token without jti: by its digest
SELECT token_auth.revoke_token(:'without_id'), token_auth.revoke_token(:'without_id');
SELECT mint.verdict(:'without_id');
SELECT mint.verdict(pg_temp.signed_in('{"jti": null, "sub": "carol"}'));
-- what else is refused now may be good elsewhere or later: only the signature is asked for
SELECT token_auth.revoke_token(:'early'), token_auth.revoke_token(:'other_audience'), token_auth.revoke_token(:'in_leeway');
SELECT mint.verdict(:'in_leeway');
SELECT kind, value FROM token_auth.revocation WHERE kind = 'token_id' AND issuer = 'https://revocation.test' ORDER BY 2;
-- a revoked one can be revoked on, a disabled issuer's cannot be looked at
UPDATE token_auth.issuer SET enabled = false WHERE name = 'revocation';
SELECT mint.outcome(format('SELECT token_auth.revoke_token(%L)', :'alice_again'));
SELECT token_auth.revoke_token_id('revocation', 'of a disabled issuer');
UPDATE token_auth.issuer SET enabled = true WHERE name = 'revocation';
DELETE FROM token_auth.revocation WHERE issuer IN ('https://revocation.test', 'https://elsewhere.test');
SELECT mint.verdict(:'without_id');

-- by jti, of an issuer or its name; the longer time to keep the row counts
SELECT token_auth.revoke_token_id('https://revocation.test', 'a1', '2100-01-01', 'first'),
       token_auth.revoke_token_id('revocation', 'a1', '2100-01-01', 'the same');
SELECT mint.verdict(:'alice');
SELECT mint.verdict(:'alice_again');
SELECT mint.verdict(:'elsewhere');
SELECT token_auth.revoke_token_id('revocation', 'a1', '2099-01-01', 'shorter'), expires_at, reason FROM token_auth.revocation WHERE value = 'a1';
SELECT token_auth.revoke_token_id('revocation', 'a1', '2101-01-01');
SELECT expires_at, reason FROM token_auth.revocation WHERE value = 'a1';
SELECT token_auth.revoke_token_id('revocation', 'a1', reason => 'for ever');
SELECT expires_at, reason FROM token_auth.revocation WHERE value = 'a1';
SELECT token_auth.revoke_token_id('revocation', 'a1', '2101-01-01', 'not any more'), expires_at, reason FROM token_auth.revocation WHERE value = 'a1';
SELECT token_auth.revoke_token_id('revocation', 'A1'), token_auth.revoke_token_id('revocation', 'a1 '), token_auth.revoke_token_id('revocation', '');
DELETE FROM token_auth.revocation WHERE issuer = 'https://revocation.test' AND value = 'a1';
SELECT mint.verdict(:'alice');
DELETE FROM token_auth.revocation WHERE issuer = 'https://revocation.test';

-- by subject, up to a sign-in: at the cut-off, after it, before it
SELECT token_auth.revoke_subject('revocation', 'alice', to_timestamp(:signed_in) - interval '1 microsecond');
SELECT mint.verdict(:'alice');
SELECT token_auth.revoke_subject('revocation', 'alice', to_timestamp(:signed_in));
SELECT mint.verdict(:'alice');
SELECT mint.verdict(pg_temp.signed_in(jsonb_build_object('iat', :signed_in + 1)));
SELECT mint.verdict(pg_temp.signed_in(jsonb_build_object('iat', :signed_in + 0.000001)));
SELECT mint.verdict(pg_temp.signed_in(jsonb_build_object('iat', :signed_in - 1)));
SELECT mint.verdict(:'bob');
SELECT mint.verdict(:'elsewhere');
-- auth_time is the sign-in where there is one: a refreshed token does not outlive it
SELECT mint.verdict(pg_temp.signed_in(jsonb_build_object('iat', :signed_in + 1, 'auth_time', :signed_in)));
SELECT mint.verdict(pg_temp.signed_in(jsonb_build_object('iat', :signed_in + 1, 'auth_time', :signed_in + 1)));
SELECT mint.verdict(pg_temp.signed_in(jsonb_build_object('iat', :signed_in - 1, 'auth_time', :signed_in + 1)));
-- without either it cannot be told from an old one
UPDATE token_auth.issuer SET required_claims = '{exp,sub}', max_lifetime = NULL WHERE name = 'revocation';
SELECT mint.verdict(pg_temp.token('{"iat": null}'));
SELECT mint.verdict(pg_temp.token('{"iat": null, "sub": "bob"}'));
SELECT mint.verdict(pg_temp.token(jsonb_build_object('iat', NULL, 'auth_time', :signed_in + 1)));
UPDATE token_auth.revocation SET issued_until = '-infinity' WHERE issuer = 'https://revocation.test' AND value = 'alice';
SELECT mint.verdict(pg_temp.token('{"iat": null}'));
SELECT mint.verdict(:'alice');
UPDATE token_auth.issuer SET required_claims = '{exp,iat,sub}', max_lifetime = '25 hours' WHERE name = 'revocation';
-- the later cut-off wins, a ban over every other, and only reinstate() takes it back
SELECT token_auth.revoke_subject('revocation', 'alice', '2020-01-02', 'later'),
       token_auth.revoke_subject('revocation', 'alice', '2020-01-01', 'earlier'),
       token_auth.revoke_subject('revocation', 'alice', '2020-01-02', 'the same'),
       token_auth.revoke_subject('revocation', 'alice', '2020-01-03');
SELECT pg_temp.rows();
SELECT token_auth.revoke_subject('revocation', 'alice');
SELECT issued_until BETWEEN :'signed_in_at'::timestamptz + interval '1 minute' AND clock_timestamp(),
       revoked_at BETWEEN issued_until AND clock_timestamp(), revoked_by = session_user
FROM token_auth.revocation WHERE value = 'alice';
SELECT mint.verdict(:'alice');
SELECT token_auth.revoke_subject('revocation', 'alice', 'infinity', 'banned'),
       token_auth.revoke_subject('revocation', 'alice', 'infinity'),
       token_auth.revoke_subject('revocation', 'alice', clock_timestamp() + interval '1000 years');
SELECT pg_temp.rows();
SELECT mint.verdict(pg_temp.token(jsonb_build_object('iat', mint.now(20))));
-- a ban that was written with a time to keep it stands all the same
UPDATE token_auth.revocation SET expires_at = '2100-01-01' WHERE issuer = 'https://revocation.test';
SELECT token_auth.revoke_subject('revocation', 'alice', 'epoch') IS NOT NULL;
SELECT mint.verdict(:'alice');
SELECT token_auth.reinstate('revocation', 'token_id', 'alice'), token_auth.reinstate('elsewhere', 'subject', 'alice'),
       token_auth.reinstate('revocation', 'subject', 'Alice'), token_auth.reinstate('revocation', 'subject', 'alice', 'other source');
SELECT mint.verdict(:'alice');
SELECT token_auth.reinstate('revocation', 'subject', 'alice'), token_auth.reinstate('revocation', 'subject', 'alice');
SELECT mint.verdict(:'alice');

-- rows written directly count the same, of every kind
SELECT kind, mint.outcome(format(
    'INSERT INTO token_auth.revocation (issuer, kind, value, issued_until) VALUES (''https://revocation.test'', %L, %L, %L)',
    kind, value, issued_until)), mint.verdict(:'bob'), mint.verdict(:'alice'), mint.verdict(:'elsewhere'),
    token_auth.reinstate('revocation', kind, value), mint.verdict(:'bob')
FROM (VALUES ('token_id', 'b1', NULL), ('session_id', 's1', NULL), ('subject', 'bob', :'signed_in_at'),
             ('client_id', 'c1', :'signed_in_at'), ('device_id', 'd1', :'signed_in_at'),
             ('digest', encode(sha256(convert_to(substring(:'bob' FROM '^(.*)\.'), 'UTF8')), 'hex'), NULL))
     AS t (kind, value, issued_until);
-- a whole issuer, up to a sign-in
INSERT INTO token_auth.revocation (issuer, kind, value, issued_until) VALUES ('https://revocation.test', 'issuer', '', :'signed_in_at');
SELECT mint.verdict(:'alice');
SELECT mint.verdict(:'bob');
SELECT mint.verdict(:'elsewhere');
SELECT mint.verdict(pg_temp.token());
SELECT token_auth.reinstate('revocation', 'issuer', '');
-- several sources: the stricter counts, each is withdrawn by itself
INSERT INTO token_auth.revocation (issuer, kind, value, source, issued_until) VALUES
    ('https://revocation.test', 'subject', 'bob', 'a feed', '2020-01-01'),
    ('https://revocation.test', 'subject', 'bob', 'b feed', 'infinity');
SELECT token_auth.revoke_subject('revocation', 'bob', '2020-01-02');
SELECT mint.verdict(:'bob');
SELECT token_auth.reinstate('revocation', 'subject', 'bob'), mint.verdict(:'bob');
SELECT token_auth.reinstate('revocation', 'subject', 'bob', 'b feed'), mint.verdict(:'bob');
SELECT pg_temp.rows();
-- with the rows that have a number because several transactions revoked at one time; but not those of another name
INSERT INTO token_auth.revocation (issuer, kind, value, source)
SELECT 'https://revocation.test', 'session_id', 's', source
FROM unnest('{manual,manual 2,manual 12,manual 2 feed,manual2,manual 1/2 3,manual feed 2,holder,holder 3}'::text[]) AS source;
SELECT token_auth.reinstate('revocation', 'session_id', 's'), token_auth.reinstate('revocation', 'session_id', 's');
SELECT string_agg(source, ', ' ORDER BY source) FROM token_auth.revocation WHERE kind = 'session_id';
SELECT token_auth.reinstate('revocation', 'session_id', 's', 'holder 3'), token_auth.reinstate('revocation', 'session_id', 's', 'manual feed'),
       token_auth.reinstate('revocation', 'session_id', 's', 'holder');
SELECT string_agg(source, ', ' ORDER BY source) FROM token_auth.revocation WHERE kind = 'session_id';
DELETE FROM token_auth.revocation WHERE kind = 'session_id';
-- one transaction may revoke much, without a lock of the server for each
BEGIN;
SELECT count(token_auth.revoke_session('revocation', 'session ' || i)) FROM generate_series(1, 2000) AS i;
SELECT count(*) BETWEEN 64 AND 128 FROM pg_locks WHERE locktype = 'advisory' AND pid = pg_backend_pid();
SELECT source, count(*) FROM token_auth.revocation WHERE kind = 'session_id' GROUP BY source;
ROLLBACK;
-- UPDATE, DELETE, TRUNCATE, COPY
UPDATE token_auth.revocation SET issued_until = 'infinity' WHERE value = 'bob';
SELECT mint.verdict(:'bob');
UPDATE token_auth.revocation SET value = 'alice' WHERE value = 'bob';
SELECT mint.verdict(:'bob');
SELECT mint.verdict(:'alice');
DELETE FROM token_auth.revocation WHERE value = 'alice';
SELECT mint.verdict(:'alice');
COPY token_auth.revocation (issuer, kind, value, issued_until) FROM stdin;
https://revocation.test	token_id	a1	\N
https://revocation.test	subject	bob	infinity
\.
SELECT mint.verdict(:'alice');
SELECT mint.verdict(:'bob');
SELECT count(*) FROM token_auth.revocation WHERE issuer <> 'https://revocation.test';
TRUNCATE token_auth.revocation;
SELECT mint.verdict(:'alice');
SELECT mint.verdict(:'bob');
INSERT INTO token_auth.revocation (issuer, kind, value, issued_until)
SELECT 'https://revocation.test', 'subject', name, 'infinity' FROM unnest('{alice,bob,carol}'::text[]) AS name
ON CONFLICT DO NOTHING;
MERGE INTO token_auth.revocation AS r USING (VALUES ('alice')) AS t (name) ON r.value = t.name
WHEN MATCHED THEN DELETE;
SELECT mint.verdict(:'alice');
SELECT mint.verdict(:'bob');
DELETE FROM token_auth.revocation;
-- what logical replication brings
SET session_replication_role = replica;
INSERT INTO token_auth.revocation (issuer, kind, value, issued_until) VALUES
    ('https://revocation.test', 'subject', 'bob', 'infinity'), ('https://revocation.test', 'subject', repeat('b', 600), 'infinity');
SELECT mint.verdict(:'bob');
SELECT left(value, 7) FROM token_auth.revocation ORDER BY value;
DELETE FROM token_auth.revocation;
SELECT mint.verdict(:'bob');
-- ... and what is here already: the stricter counts, and nothing stands in the way of what comes next
INSERT INTO token_auth.revocation (issuer, kind, value, source, issued_until, expires_at, reason) VALUES
    ('https://revocation.test', 'subject', 'bob', 'manual', '2020-01-01', NULL, 'here'), ('https://revocation.test', 'subject', 'bob', 'feed', 'infinity', NULL, 'here'),
    ('https://revocation.test', 'subject', repeat('b', 600), 'manual', '2020-01-01', NULL, 'here'),
    ('https://revocation.test', 'token_id', 'one', 'manual', NULL, '2030-01-01', 'here'), ('https://revocation.test', 'token_id', 'two', 'manual', NULL, '2030-01-01', NULL);
COPY token_auth.revocation (issuer, kind, value, source, issued_until, expires_at, reason) FROM stdin;
https://revocation.test	subject	bob	manual	infinity	\N	\N
https://revocation.test	subject	bob	feed	2020-01-01	\N	there
\.
INSERT INTO token_auth.revocation (issuer, kind, value, issued_until, expires_at, reason) VALUES
    ('https://revocation.test', 'subject', repeat('b', 600), 'infinity', NULL, 'there'),
    ('https://revocation.test', 'token_id', 'one', NULL, '2029-01-01', 'there'), ('https://revocation.test', 'token_id', 'two', NULL, NULL, 'there'), ('https://revocation.test', 'token_id', 'three', NULL, NULL, 'there');
SELECT kind, left(value, 7), source, issued_until, expires_at, reason FROM token_auth.revocation ORDER BY kind, value, source;
SELECT mint.verdict(:'bob');
RESET session_replication_role;
SELECT mint.outcome('INSERT INTO token_auth.revocation (issuer, kind, value) VALUES (''https://revocation.test'', ''token_id'', ''one'')');
DELETE FROM token_auth.revocation;
SELECT count(*) FILTER (WHERE tgenabled <> 'A'), count(*) > 10 FROM pg_trigger WHERE tgrelid::regclass::text LIKE 'token_auth.%' AND NOT tgisinternal;

-- refused: rows that would mean nothing
CREATE FUNCTION pg_temp.insert(kind text, value text, issued_until timestamptz DEFAULT NULL, issuer text DEFAULT 'https://revocation.test',
                               source text DEFAULT 'manual', reason text DEFAULT NULL) RETURNS text LANGUAGE sql AS $$
    SELECT mint.outcome(format('INSERT INTO token_auth.revocation (issuer, kind, value, issued_until, source, reason) VALUES (%L, %L, %L, %L, %L, %L)',
                               issuer, kind, value, issued_until, source, reason))
$$;
SELECT regexp_replace(outcome, ' Failing row .*', '') FROM unnest(ARRAY[
    pg_temp.insert('subjects', 'x', now()), pg_temp.insert('Subject', 'x', now()), pg_temp.insert('', 'x'), pg_temp.insert(NULL, 'x'),
    pg_temp.insert('subject', 'x'), pg_temp.insert('client_id', 'x'), pg_temp.insert('device_id', 'x'), pg_temp.insert('issuer', ''),
    pg_temp.insert('token_id', 'x', now()), pg_temp.insert('digest', repeat('0', 64), now()), pg_temp.insert('session_id', 'x', now()),
    pg_temp.insert('digest', repeat('0', 63)), pg_temp.insert('digest', repeat('A', 64)), pg_temp.insert('digest', repeat('0', 65)),
    pg_temp.insert('issuer', 'x', now()), pg_temp.insert('subject', NULL, now()),
    pg_temp.insert('subject', 'x', now(), issuer => NULL), pg_temp.insert('subject', 'x', now(), issuer => repeat('x', 513)),
    pg_temp.insert('subject', 'x', now(), source => ''), pg_temp.insert('subject', 'x', now(), source => repeat('x', 513)),
    pg_temp.insert('subject', 'x', now(), source => NULL),
    pg_temp.insert('subject', 'x', now(), reason => repeat('x', 1025))]) AS outcome;
-- neighbours
SELECT pg_temp.insert('subject', '', now()), pg_temp.insert('digest', repeat('0', 64)), pg_temp.insert('issuer', '', '-infinity'),
       pg_temp.insert('subject', 'x', now(), issuer => repeat('x', 512)), pg_temp.insert('subject', 'x', now(), source => repeat('x', 512)),
       pg_temp.insert('subject', 'x', now(), reason => repeat('x', 1024)), pg_temp.insert('subject', 'y', now(), issuer => '');
DELETE FROM token_auth.revocation;

-- values that are too long for an index, by every way in
CREATE TEMP TABLE long (name text, value text);
INSERT INTO long VALUES ('512', repeat('a', 512)), ('513', repeat('a', 513)), ('600 of 2 bytes', repeat('ä', 300)),
                        ('10000', repeat('0123456789', 1000));
SELECT name, token_auth.revoke_subject('revocation', value), token_auth.revoke_subject('revocation', value, 'epoch'),
       mint.verdict(pg_temp.signed_in(jsonb_build_object('sub', value))),
       mint.verdict(pg_temp.signed_in(jsonb_build_object('sub', value || 'x'))),
       token_auth.revoke_token_id('revocation', value),
       mint.verdict(pg_temp.signed_in(jsonb_build_object('sub', 'bob', 'jti', value)))
FROM long;
SELECT kind, value = repeat('a', 512) FROM token_auth.revocation WHERE value LIKE 'a%' ORDER BY 1;
SELECT name, kind FROM long JOIN token_auth.revocation AS r ON r.value = 'sha256:' || encode(sha256(convert_to(long.value, 'UTF8')), 'hex') ORDER BY 1, 2;
SELECT count(*), max(octet_length(value)) FROM token_auth.revocation;
SELECT name, token_auth.reinstate('revocation', 'subject', value), token_auth.reinstate('revocation', 'token_id', value) FROM long;
SELECT count(*) FROM token_auth.revocation;
INSERT INTO token_auth.revocation (issuer, kind, value, issued_until) SELECT 'https://revocation.test', 'subject', value, 'infinity' FROM long;
UPDATE token_auth.revocation SET value = repeat('b', 20000) WHERE value LIKE 'a%';
SELECT name, mint.verdict(pg_temp.signed_in(jsonb_build_object('sub', value))) FROM long;
SELECT pg_temp.insert('subject', value, 'infinity') FROM long WHERE name = '10000';
SELECT substring(pg_temp.insert('digest', repeat('0', 513)) FROM '^.*?"revocation_\w+"');
DELETE FROM token_auth.revocation;

-- refused: everything, where it cannot be read what is revoked
BEGIN;
ALTER TABLE token_auth.revocation RENAME TO renamed;
SELECT mint.verdict(:'alice');
ROLLBACK;
BEGIN;
ALTER INDEX token_auth.revocation_pkey RENAME TO renamed;
SELECT mint.verdict(:'alice');
ROLLBACK;
BEGIN;
ALTER TABLE token_auth.revocation DROP CONSTRAINT revocation_pkey, ADD CONSTRAINT revocation_pkey PRIMARY KEY (kind, issuer, value, source);
SELECT mint.verdict(:'alice');
ROLLBACK;
BEGIN;
ALTER TABLE token_auth.revocation RENAME issued_until TO renamed;
INSERT INTO token_auth.revocation (issuer, kind, value, renamed) VALUES ('https://revocation.test', 'subject', 'alice', 'infinity');
SELECT mint.verdict(:'alice');
ROLLBACK;
SELECT mint.verdict(:'alice');
REINDEX TABLE token_auth.revocation;
SELECT mint.verdict(:'alice');

-- in a transaction: it counts there at once, and dies with its rollback
SET ROLE regress_revocation;
SELECT token_auth.set_session_token(:'alice');
RESET ROLE;
BEGIN;
SELECT token_auth.revoke_subject('revocation', 'alice', 'infinity');
SELECT mint.outcome('SELECT token_auth.subject()');
ROLLBACK;
SELECT token_auth.subject();
BEGIN ISOLATION LEVEL SERIALIZABLE;
SELECT token_auth.subject();
SAVEPOINT one;
SELECT token_auth.revoke_token_id('revocation', 'a1');
SELECT mint.outcome('SELECT token_auth.subject()');
ROLLBACK TO one;
SELECT token_auth.subject();
SELECT token_auth.revoke_token_id('revocation', 'a1');
RELEASE one;
SELECT mint.outcome('SELECT token_auth.subject()');
SAVEPOINT two;
SELECT token_auth.reinstate('revocation', 'token_id', 'a1');
SELECT token_auth.subject();
ROLLBACK TO two;
SELECT mint.outcome('SELECT token_auth.subject()');
ROLLBACK;
SELECT token_auth.subject();
BEGIN;
TRUNCATE token_auth.revocation;
INSERT INTO token_auth.revocation (issuer, kind, value) VALUES ('https://revocation.test', 'token_id', 'a1');
SELECT mint.outcome('SELECT token_auth.subject()');
ROLLBACK;
SELECT token_auth.subject();
-- one that fails leaves nothing
BEGIN;
SELECT token_auth.revoke_token_id('revocation', 'a1') FROM (VALUES (1), (0)) AS t (n) WHERE 1 / n > 0 OR true;
SELECT token_auth.revoke_token_id('revocation', 'a1'), 1 / count(*) FROM pg_class WHERE false;
ROLLBACK;
SELECT token_auth.subject();

-- in functions: the next statement is refused, and so is the next expression; one that has begun is not
DO $$
BEGIN
    RAISE WARNING 'before: %', token_auth.subject();
    PERFORM token_auth.revoke_current_token('in a function');
    BEGIN
        RAISE WARNING 'after, an expression: %', token_auth.subject();
    EXCEPTION WHEN SQLSTATE '28T10' THEN
        RAISE WARNING 'after, an expression: %', SQLERRM;
    END;
    BEGIN
        PERFORM token_auth.subject();
    EXCEPTION WHEN invalid_authorization_specification THEN
        RAISE WARNING 'after, a statement: %', SQLSTATE;
    END;
    DELETE FROM token_auth.revocation;
    RAISE WARNING 'after its withdrawal: %', token_auth.subject();
END
$$;
DO $$
BEGIN
    BEGIN
        PERFORM token_auth.revoke_subject('revocation', 'alice');
        RAISE division_by_zero;
    EXCEPTION WHEN division_by_zero THEN
        RAISE WARNING 'rolled back by an exception: %', token_auth.subject();
    END;
END
$$;
SELECT token_auth.subject(), token_auth.revoke_current_token(), token_auth.subject();
SELECT token_auth.subject();
DELETE FROM token_auth.revocation;
SELECT token_auth.subject();

-- who may: without a grant only to log out, once
SET SESSION AUTHORIZATION regress_revocation;
SELECT mint.outcome(statement) FROM unnest(ARRAY[
    format('SELECT token_auth.revoke_token(%L)', :'alice'), 'SELECT token_auth.revoke_token_id(''revocation'', ''a1'')',
    'SELECT token_auth.revoke_subject(''revocation'', ''bob'')', 'SELECT token_auth.reinstate(''revocation'', ''token_id'', ''a1'')',
    'SELECT * FROM token_auth.revocation', 'INSERT INTO token_auth.revocation (issuer, kind, value) VALUES (''x'', ''token_id'', ''y'')',
    'DELETE FROM token_auth.revocation', 'TRUNCATE token_auth.revocation']) AS statement;
SELECT count(*) > 10, count(*) FILTER (WHERE has_function_privilege(oid, 'EXECUTE'))
FROM pg_proc WHERE pronamespace = 'token_auth'::regnamespace AND obj_description(oid, 'pg_proc') LIKE 'internal:%';
SELECT token_auth.subject(), token_auth.revoke_current_token('logout');
SELECT token_auth.subject();
SELECT token_auth.revoke_current_token('once more');
SELECT token_auth.set_session_token(:'alice');
SELECT token_auth.set_session_token(:'alice_again');
SET token_auth.token = :'forged';
SELECT token_auth.revoke_current_token();
SET token_auth.token = :'expired';
SELECT token_auth.revoke_current_token();
SELECT token_auth.clear_token(), token_auth.revoke_current_token();
RESET SESSION AUTHORIZATION;
SELECT kind, reason, revoked_by FROM token_auth.revocation ORDER BY 1;
DELETE FROM token_auth.revocation;
-- a grant of one function, and of nothing else
GRANT EXECUTE ON FUNCTION token_auth.revoke_subject TO regress_revoker;
SET SESSION AUTHORIZATION regress_revoker;
SELECT mint.outcome(statement) FROM unnest(ARRAY[
    'SELECT token_auth.revoke_token_id(''revocation'', ''a1'')', 'SELECT token_auth.reinstate(''revocation'', ''subject'', ''bob'')',
    'SELECT * FROM token_auth.revocation', 'UPDATE token_auth.revocation SET issued_until = ''-infinity''', 'SELECT token_auth.revoke_subject(''nobody'', ''bob'')']) AS statement;
SELECT token_auth.revoke_subject('revocation', 'bob', reason => 'left'), token_auth.revoke_subject('revocation', 'bob', 'epoch', 'never');
-- or of INSERT
RESET SESSION AUTHORIZATION;
SELECT mint.verdict(:'bob');
GRANT INSERT ON token_auth.revocation TO regress_inserter;
SET SESSION AUTHORIZATION regress_inserter;
SELECT mint.outcome('DELETE FROM token_auth.revocation');
INSERT INTO token_auth.revocation (issuer, kind, value) VALUES ('https://revocation.test', 'token_id', 'a1');
INSERT INTO token_auth.revocation (issuer, kind, value) VALUES ('https://revocation.test', 'token_id', repeat('a', 600));
RESET SESSION AUTHORIZATION;
SELECT mint.verdict(:'alice');
SELECT kind, left(value, 7), reason, revoked_by FROM token_auth.revocation ORDER BY 1, 2;

-- revocations outlive their issuer
SELECT token_auth.drop_issuer('revocation');
SELECT mint.verdict(:'alice');
SELECT count(*) FROM token_auth.revocation;
SELECT token_auth.reinstate('https://revocation.test', 'token_id', repeat('a', 600));
SELECT mint.outcome('SELECT token_auth.reinstate(''revocation'', ''token_id'', ''a1'')');
SELECT mint.outcome('SELECT token_auth.revoke_token_id(''https://revocation.test'', ''a2'')');
SELECT token_auth.add_issuer('https://revocation.test', '{orders-api}', name => 'anew', namespace => '');
SELECT token_auth.add_secret('anew', mint.secret(), 'HS256', 'first');
SELECT mint.verdict(:'alice');
SELECT mint.verdict(:'bob');
SELECT mint.verdict(:'alice_again');
SELECT token_auth.reinstate('anew', 'token_id', 'a1');
SELECT mint.verdict(:'alice');

DELETE FROM token_auth.revocation;
SELECT token_auth.drop_issuer(name) FROM unnest('{anew,elsewhere}'::text[]) AS name;
REVOKE INSERT ON token_auth.revocation FROM regress_inserter;
REVOKE EXECUTE ON FUNCTION token_auth.revoke_subject FROM regress_revoker;
DROP ROLE regress_revocation, regress_revoker, regress_inserter;
