-- prune_revocations() deletes what no token can match any more, and nothing else
\set VERBOSITY terse
\set SHOW_CONTEXT never
\pset format unaligned
\pset tuples_only on
\pset null none
SET client_min_messages = warning;
-- a zone whose clocks were put on by six hours half a day ago: there the last day had 18 hours
SELECT count(set_config('timezone', format('AAA0BBB-6,%s/%s,%s', day, hour, (day + 100) % 365), false))
FROM (SELECT extract(doy FROM t) - 1, extract(hour FROM t) FROM (SELECT now() AT TIME ZONE 'UTC' - interval '12 h') AS n (t)) AS half_a_day_ago (day, hour);
SELECT extract(epoch FROM now() - (now() - interval '1 day')) / 3600 < 24;

CREATE FUNCTION pg_temp.issuer(name text, leeway interval DEFAULT '30 s', max_lifetime interval DEFAULT '25 h', max_age interval DEFAULT NULL,
                               claim_constraints jsonb DEFAULT '{"auth_time": [null]}') RETURNS void LANGUAGE sql AS $$
    SELECT token_auth.add_issuer('https://' || name || '.test', '{orders-api}', name => name, namespace => '');
    SELECT token_auth.add_secret(name, mint.secret(), 'HS256');
    UPDATE token_auth.issuer AS i SET leeway = $2, max_lifetime = $3, max_age = $4, claim_constraints = $5 WHERE i.name = $1;
$$;
SELECT pg_temp.issuer('plain'), pg_temp.issuer('lenient', leeway => '5 min'), pg_temp.issuer('strict', leeway => '0'),
       pg_temp.issuer('young', max_lifetime => NULL, max_age => '1 h'), pg_temp.issuer('younger', max_age => '1 h'), pg_temp.issuer('day', max_lifetime => '1 day'),
       pg_temp.issuer('endless', max_lifetime => NULL), pg_temp.issuer('refreshing', claim_constraints => '{}'),
       pg_temp.issuer('sometimes', claim_constraints => '{"auth_time": [null, 1]}'), pg_temp.issuer('never one', claim_constraints => '{"!auth_time": [1]}');

-- Rows named by how long ago.
CREATE FUNCTION pg_temp.expired(name text, ago interval, kind text DEFAULT 'token_id') RETURNS boolean LANGUAGE sql AS $$
    INSERT INTO token_auth.revocation (issuer, kind, value, source, expires_at)
    VALUES ('https://' || name || '.test', kind, CASE kind WHEN 'digest' THEN repeat('0', 64) ELSE 'x' END, ago, clock_timestamp() - make_interval(secs => extract(epoch FROM ago)))
    RETURNING true
$$;
CREATE FUNCTION pg_temp.cut_off(name text, ago interval, kind text DEFAULT 'subject', expired interval DEFAULT NULL) RETURNS boolean LANGUAGE sql AS $$
    INSERT INTO token_auth.revocation (issuer, kind, value, source, issued_until, expires_at)
    VALUES ('https://' || name || '.test', kind, CASE kind WHEN 'issuer' THEN '' ELSE 'x' END, concat_ws(', expired ', ago, expired),
            clock_timestamp() - make_interval(secs => extract(epoch FROM ago)), clock_timestamp() - expired)
    RETURNING true
$$;
CREATE FUNCTION pg_temp.prune() RETURNS SETOF text LANGUAGE plpgsql AS $$
BEGIN
    RETURN NEXT 'pruned: ' || token_auth.prune_revocations();
    RETURN QUERY SELECT format('left: %s %s: %s', substring(issuer FROM '//(.*)[.]'), kind, string_agg(source, '; ' ORDER BY length(source), source))
                 FROM token_auth.revocation GROUP BY issuer, kind ORDER BY issuer, kind;
END
$$;
SET intervalstyle = 'postgres';
SELECT pg_temp.prune();

-- tokens and sessions: expiry plus the leeway of the issuer, or the largest there is where the issuer is gone; unknown is for ever
SELECT count(pg_temp.expired(name, ago::interval, kind))
FROM unnest('{plain,lenient,strict,gone}'::text[]) AS name, unnest('{-1 h,0,1 s,45 s,4 min,6 min,100 years}'::text[]) AS ago,
     unnest('{token_id,digest,session_id}'::text[]) AS kind
WHERE kind = 'token_id' OR name = 'plain';
INSERT INTO token_auth.revocation (issuer, kind, value, source, expires_at, revoked_at) VALUES
    ('https://plain.test', 'token_id', 'x', 'unknown', NULL, '1970-01-01'), ('https://plain.test', 'session_id', 'x', 'unknown', NULL, '1970-01-01'),
    ('https://plain.test', 'digest', repeat('0', 64), 'unknown', NULL, '1970-01-01'), ('https://gone.test', 'token_id', 'x', 'unknown', NULL, '1970-01-01'),
    ('https://plain.test', 'token_id', 'x', 'never', 'infinity', '1970-01-01'), ('https://plain.test', 'token_id', 'x', 'always', '-infinity', '1970-01-01');
SELECT pg_temp.prune();
SELECT pg_temp.prune();
DELETE FROM token_auth.revocation;

-- cut-offs: until the longest life of a token has passed; for ever where that is not known: without a limit, without the
-- issuer, or where a token that is refreshed may keep its sign-in; and a ban
SELECT count(pg_temp.cut_off(name, ago::interval))
FROM unnest('{plain,day,young,younger,endless,refreshing,sometimes,"never one",gone}'::text[]) AS name,
     unnest('{50 min,70 min,20 h,24 h,24 h 2 min,25 h,25 h 2 min,100 years}'::text[]) AS ago;
SELECT count(pg_temp.cut_off('plain', ago::interval, kind)) FROM unnest('{client_id,device_id,issuer}'::text[]) AS kind, unnest('{1 h,26 h}'::text[]) AS ago;
INSERT INTO token_auth.revocation (issuer, kind, value, source, issued_until, revoked_at) VALUES
    ('https://plain.test', 'subject', 'x', 'ban', 'infinity', '1970-01-01'), ('https://plain.test', 'issuer', '', 'ban', 'infinity', '1970-01-01'),
    ('https://plain.test', 'subject', 'x', 'of no sign-in', '-infinity', '1970-01-01'), ('https://endless.test', 'subject', 'x', 'of no sign-in', '-infinity', '1970-01-01'),
    ('https://plain.test', 'subject', 'x', 'far', '294276-12-31', '1970-01-01'), ('https://plain.test', 'subject', 'x', 'early', '4713-01-01 BC', '1970-01-01');
SELECT pg_temp.prune();
DELETE FROM token_auth.revocation;
-- one with an expiry stays until that has passed, too, and not only until then
SELECT pg_temp.cut_off('plain', '26 h', expired => '-1 h'), pg_temp.cut_off('plain', '26 h', expired => '1 h'), pg_temp.cut_off('plain', '1 h', expired => '30 min'),
       pg_temp.cut_off('endless', '26 h', expired => '1 h');
INSERT INTO token_auth.revocation (issuer, kind, value, source, issued_until, expires_at) VALUES ('https://plain.test', 'subject', 'x', 'ban', 'infinity', '1970-01-01');
SELECT pg_temp.prune();
DELETE FROM token_auth.revocation;

-- what is accepted afterwards was accepted before: tokens of every age, revoked in every way
CREATE TABLE pg_temp.token AS
SELECT name, kind, mint.token(jsonb_strip_nulls(jsonb_build_object('iss', 'https://' || name || '.test', 'sub', id, 'jti', id, 'client_id', id, 'sid', id, 'device_id', id,
           'iat', mint.now(-age), 'exp', mint.now(life - age), 'auth_time', mint.now(-signed_in)))) AS token, id, life - age AS left, least(age, signed_in) AS age,
       coalesce(signed_in, age) AS signed_in
FROM (SELECT *, name || row_number() OVER () AS id
      FROM unnest('{plain,lenient,strict,young,younger,day,endless,refreshing,sometimes}'::text[]) AS name,
           unnest('{token_id,digest,session_id,subject,client_id,device_id}'::text[]) AS kind,
           unnest('{0,10,3000,4000,86000,86500,90200}'::int[]) AS age, unnest('{20,3600,86400,90000}'::int[]) AS life,
           unnest('{NULL,0,100000,9999999}'::int[]) AS signed_in) AS t;
INSERT INTO token_auth.revocation (issuer, kind, value, issued_until, expires_at)
SELECT 'https://' || name || '.test', kind, CASE kind WHEN 'digest' THEN encode(sha256(convert_to(substring(token FROM '^(.*)\.'), 'UTF8')), 'hex') ELSE id END,
       CASE WHEN kind IN ('subject', 'client_id', 'device_id') THEN clock_timestamp() - make_interval(secs => signed_in - 1) END,
       CASE WHEN kind IN ('token_id', 'digest') THEN clock_timestamp() + make_interval(secs => "left" - 1) END
FROM pg_temp.token;
SELECT count(*) > 1000, count(*) FILTER (WHERE mint.verdict(token) NOT LIKE '28T%'), count(DISTINCT left(mint.verdict(token), 5)) > 3 FROM pg_temp.token;
SELECT token_auth.prune_revocations() > 500;
SELECT count(*) FILTER (WHERE mint.verdict(token) NOT LIKE '28T%'), count(*) FILTER (WHERE mint.verdict(token) LIKE '28T10%') > 500 FROM pg_temp.token;
DELETE FROM token_auth.revocation;
SELECT count(*) FILTER (WHERE mint.verdict(token) NOT LIKE '28T%') > 500 FROM pg_temp.token;

-- under a grant of EXECUTE alone; it dies with a rollback; a savepoint does no harm
CREATE ROLE regress_pruner;
SELECT pg_temp.expired('plain', '1 h'), pg_temp.expired('plain', '2 h');
SET SESSION AUTHORIZATION regress_pruner;
SELECT mint.outcome('SELECT token_auth.prune_revocations()');
RESET SESSION AUTHORIZATION;
GRANT EXECUTE ON FUNCTION token_auth.prune_revocations() TO regress_pruner;
SET SESSION AUTHORIZATION regress_pruner;
BEGIN;
SELECT token_auth.prune_revocations();
ROLLBACK;
BEGIN ISOLATION LEVEL SERIALIZABLE;
SAVEPOINT s;
SELECT token_auth.prune_revocations();
ROLLBACK TO s;
SELECT token_auth.prune_revocations(), token_auth.prune_revocations();
COMMIT;
RESET SESSION AUTHORIZATION;
SELECT pg_temp.prune();

-- refused: where a subscription brings revocations
BEGIN;
SELECT pg_temp.expired('plain', '1 h');
INSERT INTO pg_subscription_rel VALUES (1, 'token_auth.key'::regclass, 'r');
SELECT token_auth.prune_revocations();
SELECT pg_temp.expired('plain', '1 h');
INSERT INTO pg_subscription_rel VALUES (1, 'token_auth.revocation'::regclass, 'd');
\set VERBOSITY default
SELECT token_auth.prune_revocations();
ROLLBACK;

SELECT token_auth.drop_issuer(name) FROM unnest('{plain,lenient,strict,young,younger,day,endless,refreshing,sometimes,"never one"}'::text[]) AS name;
REVOKE EXECUTE ON FUNCTION token_auth.prune_revocations() FROM regress_pruner;
DROP ROLE regress_pruner;
