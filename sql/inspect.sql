-- inspect() tells of every check what it found, raises for no token, and says why there is no current one
\set VERBOSITY terse
\pset format unaligned
\pset tuples_only on
SET client_min_messages = warning;
SET token_auth.binding = 'session';

-- no token was ever set here
SELECT * FROM token_auth.inspect();

SELECT mint.issuer();
SELECT token_auth.add_issuer('https://login.microsoftonline.com/11111111-2222-3333-4444-555555555555/v2.0', '{api://orders}', 'entra', name => 'entra');
SELECT token_auth.add_secret('entra', mint.secret(), 'HS256', 'k1');
SELECT mint.issuer('https://disabled.test');
UPDATE token_auth.issuer SET enabled = false WHERE name = 'disabled.test';

-- times and sizes differ from run to run
CREATE FUNCTION pg_temp.inspect(token text) RETURNS TABLE (step text, outcome text, detail text) LANGUAGE sql AS $$
    SELECT step, outcome, regexp_replace(regexp_replace(regexp_replace(detail, '\d{4}-\d\d-\d\d \d\d:\d\d:\d\d', '<time>', 'g'),
                          ', near byte \d+', ''), '\d+ bytes', '<n> bytes')
    FROM token_auth.inspect(token)
$$;
CREATE FUNCTION pg_temp.outcomes(token text) RETURNS text LANGUAGE sql AS $$
    SELECT string_agg(CASE outcome WHEN 'pass' THEN '+' WHEN 'skipped' THEN '.' ELSE step || ' ' || left(detail, 5) END, ' ')
    FROM token_auth.inspect(token)
    WHERE step NOT IN ('subject', 'client', 'scopes', 'roles', 'device', 'namespace')
$$;

-- the steps and their order
SELECT step FROM token_auth.inspect('');
-- after a failed step everything is skipped up to the signature; after it every check is made
SELECT name, pg_temp.outcomes(token) FROM (VALUES
    ('no token', ''),
    ('no JSON', mint.raw('{"alg": "HS256"}', 'hello')),
    ('unknown issuer', mint.token('{"iss": "https://nobody.test", "aud": "x"}')),
    ('disabled issuer', mint.token('{"iss": "https://disabled.test"}')),
    ('no issuer', mint.token('{"iss": null}')),
    ('algorithm', mint.token('{}', '{"alg": "HS512"}')),
    ('kid', mint.token('{"aud": "x"}', '{"kid": "x"}')),
    ('signature', mint.token(jsonb_build_object('aud', 'x', 'exp', 0), '{}', sha256('x'))),
    ('type', mint.token('{}', '{"typ": "JOSE"}')),
    ('claim', mint.token('{"sub": null}')),
    ('audience', mint.token('{"aud": "x"}')),
    ('proof', mint.token('{"cnf": {}}')),
    ('lifetime', mint.token(jsonb_build_object('exp', mint.now(1000000)))),
    ('expired', mint.token('{"exp": 0}')),
    ('nearly all', mint.token('{"sub": null, "aud": "x", "cnf": {}, "exp": 0}', '{"typ": "JOSE"}')),
    ('good', mint.token())) AS t (name, token);
-- as a whole: one that fails before its signature, one that fails after, one that passes
SELECT * FROM pg_temp.inspect(mint.token('{"sub": "mallory", "iss": "https://idp.test"}', '{"kid": "x"}'));
SELECT * FROM pg_temp.inspect(mint.token('{"jti": "j1", "exp": 0, "aud": "billing-api", "cnf": {}, "sid": "s1"}', '{"typ": "at+jwt"}'));
SELECT * FROM pg_temp.inspect(mint.token('{"scope": "b a", "roles": ["r2", "r1"], "device_id": "d1"}'));
-- nothing of an unverified token is shown but what finds its issuer and key
SELECT count(*) FROM token_auth.inspect(mint.token('{"sub": "mallory", "client_id": "mallory", "scope": "mallory"}', '{}', sha256('x')))
    WHERE detail ~ 'mallory';
-- the first failure is what verify() raises
SELECT name, mint.verdict(token) ~ ('^' || left((SELECT detail FROM token_auth.inspect(token) WHERE outcome = 'fail' LIMIT 1), 5))
FROM (VALUES ('malformed', 'x'), ('kid', mint.token('{}', '{"kid": "x"}')), ('type', mint.token('{"aud": "x"}', '{"typ": "JOSE"}')),
             ('expired', mint.token('{"exp": 0}')), ('both', mint.token('{"exp": 0, "cnf": {}}'))) AS t (name, token);

-- revoked, by each kind
SELECT token_auth.revoke_token_id('https://idp.test', 'j1'), token_auth.revoke_subject('https://idp.test', 'eve', 'infinity');
SELECT step, outcome, detail FROM pg_temp.inspect(mint.token('{"jti": "j1"}')) WHERE step = 'revocation';
SELECT step, outcome, detail FROM pg_temp.inspect(mint.token('{"sub": "eve"}')) WHERE step = 'revocation';
SELECT step, outcome, detail FROM pg_temp.inspect(mint.token('{"jti": "j1", "exp": 0}')) WHERE step IN ('time', 'revocation');
SELECT step, outcome, detail FROM pg_temp.inspect(mint.token('{"jti": "j2"}')) WHERE step = 'revocation';

-- facts are those of the issuer's profile: where they stand, and what is missing
CREATE FUNCTION pg_temp.entra(claims jsonb) RETURNS text LANGUAGE sql AS $$
    SELECT mint.token('{"iss": "https://login.microsoftonline.com/11111111-2222-3333-4444-555555555555/v2.0", "aud": "api://orders",
        "tid": "11111111-2222-3333-4444-555555555555", "client_id": null, "azp": "shop", "oid": "alice-oid", "scope": null,
        "scp": "Orders.Read", "deviceid": "d1"}' || claims, '{"kid": "k1"}')
$$;
SELECT * FROM pg_temp.inspect(pg_temp.entra('{"groups": ["g1"]}')) OFFSET 14;
SELECT * FROM pg_temp.inspect(pg_temp.entra('{"_claim_names": {"groups": "src1"}, "deviceid": null}')) WHERE step IN ('roles', 'device');

-- it raises for no token
CREATE TEMP TABLE odd (token text);
INSERT INTO odd SELECT repeat(c, n) FROM unnest(ARRAY['.', 'A', '{', '"', ' ', '=', '~', U&'\00e4', U&'\0001', 'Bearer ', 'eyJ', 'e30.']) AS c,
    unnest('{1,2,3,4,1000,20000}'::int[]) AS n;
INSERT INTO odd SELECT left(mint.token(), i) FROM generate_series(0, 340, 7) AS i;
INSERT INTO odd SELECT overlay(t PLACING c FROM i FOR 1) FROM (SELECT mint.token()) AS t (t), unnest('{.,A,-,!,~}'::text[]) AS c,
    generate_series(1, 340, 13) AS i WHERE substr(t, i, 1) <> c;
INSERT INTO odd SELECT mint.raw(header, payload) FROM unnest(ARRAY['', '{}', '[]', 'null', '0', '""', '{"alg": null}', '{"alg": {}}', '{"alg": "HS256", "kid": []}',
        '{"alg": "HS256"}', '{"alg": "HS256", "typ": {}}']) AS header,
    unnest(ARRAY['', '{}', '[]', 'null', '0', '""', '{"iss": 1}', '{"iss": ""}', '{"iss": "https://idp.test"}',
        '{"iss": "https://idp.test", "exp": {}, "aud": {}, "sub": [], "scope": 1, "roles": 1, "jti": 1, "nbf": "", "iat": [], "cnf": null}',
        '{"iss": "https://idp.test", "x": 1e-20000}', '{"iss": "https://idp.test", "sub": "' || repeat('s', 4000) || '"}']) AS payload;
SELECT count(*) > 300 FROM odd;
SELECT DISTINCT mint.outcome(format('SELECT * FROM token_auth.inspect(%L)', token)) FROM odd;
SELECT DISTINCT steps FROM odd, LATERAL (SELECT count(*) AS steps FROM token_auth.inspect(token)
    WHERE step NOT IN ('subject', 'client', 'scopes', 'roles', 'device', 'namespace')) AS i;
SELECT count(*) FROM odd, LATERAL (SELECT count(*) FILTER (WHERE outcome = 'fail') AS failed FROM token_auth.inspect(token)) AS i WHERE failed = 0;
SELECT mint.outcome('SELECT token_auth.inspect(NULL)');

-- the current token: every reason why there is none
CREATE ROLE regress_inspect;
SELECT mint.token() AS token, mint.token(jsonb_build_object('exp', mint.now(-10000))) AS expired,
       pg_temp.entra('{}') AS other \gset
\c -
\set VERBOSITY terse
SET client_min_messages = warning;
SET token_auth.binding = 'session';
SET ROLE regress_inspect;
SELECT mint.outcome('SELECT token_auth.inspect('''')');
SELECT * FROM token_auth.inspect() LIMIT 1;
BEGIN;
SELECT token_auth.set_local_token(:'token');
SELECT * FROM token_auth.inspect() LIMIT 1;
COMMIT;
SELECT * FROM token_auth.inspect() LIMIT 1;
BEGIN;
SELECT token_auth.set_local_token(:'token');
ROLLBACK;
SELECT * FROM token_auth.inspect() LIMIT 1;
BEGIN;
SAVEPOINT s;
SELECT token_auth.set_local_token(:'token');
ROLLBACK TO s;
SELECT * FROM token_auth.inspect() LIMIT 1;
COMMIT;
SELECT token_auth.set_session_token(:'token');
SELECT step, outcome FROM token_auth.inspect() WHERE step IN ('current token', 'signature', 'subject', 'namespace');
SELECT token_auth.clear_token();
SELECT * FROM token_auth.inspect() LIMIT 1;
SELECT token_auth.set_session_token(:'token');
RESET token_auth.token;
SELECT * FROM token_auth.inspect() LIMIT 1;
SELECT token_auth.set_session_token(:'token');
DISCARD ALL;
SET client_min_messages = warning;
SET token_auth.binding = 'session';
SET ROLE regress_inspect;
SELECT * FROM token_auth.inspect() LIMIT 1;
-- ignored by binding: one that came with the connection, and so in no transaction
\set connection 'options=''-c token_auth.token=' :token ''''
\c -reuse-previous=on :connection
SET client_min_messages = warning;
SET token_auth.binding = 'session';
SELECT step, outcome FROM token_auth.inspect() WHERE step IN ('current token', 'signature', 'subject');
SET token_auth.binding = 'transaction';
SET ROLE regress_inspect;
SELECT * FROM token_auth.inspect() LIMIT 1;
SELECT token_auth.subject();
BEGIN;
SELECT token_auth.set_local_token(:'token');
SELECT * FROM token_auth.inspect() LIMIT 1;
COMMIT;
\c -reuse-previous=on options=
SET client_min_messages = warning;
SET token_auth.binding = 'session';
-- another namespace
SET ROLE regress_inspect;
BEGIN;
SELECT token_auth.set_local_token(:'other');
SELECT * FROM token_auth.inspect() WHERE step IN ('current token', 'namespace');
SELECT token_auth.subject(), token_auth.subject('entra');
COMMIT;
-- expired, and treated as none; a forged one never is
SET token_auth.token = :'expired';
SELECT step, outcome FROM token_auth.inspect() WHERE outcome = 'fail';
SELECT mint.outcome('SELECT token_auth.subject()') ~ '^28T01';
RESET ROLE;
SET token_auth.on_expired = 'anonymous';
SET ROLE regress_inspect;
SELECT step, outcome FROM token_auth.inspect() WHERE outcome = 'fail';
SELECT mint.outcome('SELECT token_auth.subject()');
SET token_auth.token = 'forged';
SELECT step, outcome FROM token_auth.inspect() WHERE outcome = 'fail';
SELECT mint.outcome('SELECT token_auth.subject()') ~ '^28T00';
RESET token_auth.token;
RESET ROLE;
RESET token_auth.on_expired;

SELECT count(token_auth.drop_issuer(issuer)) FROM token_auth.issuer;
DELETE FROM token_auth.revocation WHERE issuer = 'https://idp.test';
DROP ROLE regress_inspect;
