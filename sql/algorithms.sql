-- each algorithm verifies with its own key, and with no other key, algorithm or signature
\set VERBOSITY terse
\pset format unaligned
\pset tuples_only on
\getenv srcdir PG_ABS_SRCDIR
\set signed :srcdir '/test/fixtures/signed.jsonl'
\set lines `cat :'signed'`
SET client_min_messages = warning;

-- tokens of https://fixtures.test: the asymmetric ones as test/fixtures/sign has signed them
CREATE TEMP TABLE signed (number int GENERATED ALWAYS AS IDENTITY, name text, algorithm text, jwk jsonb, token text);
INSERT INTO signed (name, algorithm, jwk, token)
    SELECT name, name, jsonb_build_object('kty', 'oct', 'alg', name, 'kid', lower(name), 'k', mint.base64url(secret)),
           mint.raw(jsonb_build_object('alg', name, 'kid', lower(name), 'typ', 'JWT')::text,
                    mint.claims('{"iss": "https://fixtures.test"}')::text, secret, digest)
    FROM (VALUES ('HS256', 'sha256', sha256('h')), ('HS384', 'sha384', sha384('h')), ('HS512', 'sha512', sha512('h')))
         AS t (name, digest, secret);
INSERT INTO signed (name, algorithm, jwk, token)
    SELECT line ->> 'name', regexp_replace(line ->> 'name', '^EdDSA with ', ''), line -> 'jwk', line ->> 'token'
    FROM (SELECT text::jsonb FROM regexp_split_to_table(rtrim(:'lines', E'\n'), '\n') AS text) AS t (line)
    WHERE line ->> 'kind' = 'algorithm';
CREATE FUNCTION pg_temp.bytes(text text) RETURNS bytea LANGUAGE sql AS $$
    SELECT decode(rpad(translate(text, '-_', '+/'), (length(text) + 3) / 4 * 4, '='), 'base64')
$$;
-- the same token with a bit of its signature flipped
CREATE FUNCTION pg_temp.flipped(token text) RETURNS text LANGUAGE sql AS $$
    SELECT regexp_replace(token, '[^.]+$', mint.base64url(set_bit(signature, last, 1 - get_bit(signature, last))))
    FROM pg_temp.bytes(split_part(token, '.', 3)) AS signature, LATERAL (SELECT length(signature) * 8 - 8) AS t (last)
$$;
CREATE FUNCTION pg_temp.verify_jws(token text, jwks jsonb, algorithms text[]) RETURNS text LANGUAGE sql AS $$
    SELECT mint.outcome(format('SELECT token_auth.verify_jws(%L, %L, %L)', token, jwks, algorithms))
$$;

-- through an issuer that has the keys by hand, which bring their algorithms
SELECT token_auth.add_issuer('https://fixtures.test', '{orders-api}');
UPDATE token_auth.issuer SET max_lifetime = NULL;
SELECT mint.verdict(token) FROM signed WHERE name = 'RS256';
SELECT count(token_auth.add_key('https://fixtures.test', jwk)) FROM signed
    WHERE jwk ->> 'kty' <> 'oct' AND name !~ '^EdDSA';
SELECT count(token_auth.add_secret('https://fixtures.test', pg_temp.bytes(jwk ->> 'k'), algorithm, jwk ->> 'kid'))
    FROM signed WHERE jwk ->> 'kty' = 'oct';
SELECT algorithms FROM token_auth.issuer;
SELECT algorithm, origin FROM token_auth.key ORDER BY algorithm COLLATE "C";
SELECT name, mint.verdict(pg_temp.flipped(token)), mint.verdict(token) FROM signed ORDER BY number;
-- a bit of the payload flipped, which stays JSON
SELECT name, mint.verdict(array_to_string(ARRAY[parts[1], mint.base64url(convert_to(replace(convert_from(
    pg_temp.bytes(parts[2]), 'UTF8'), 'alice', 'blice'), 'UTF8')), parts[3]], '.'))
    FROM signed, string_to_array(token, '.') AS parts ORDER BY number;

-- through verify_jws
SELECT name, pg_temp.verify_jws(pg_temp.flipped(token), jwk, ARRAY[algorithm]),
       pg_temp.verify_jws(token, jwk, ARRAY[algorithm]) FROM signed ORDER BY number;
SELECT name, convert_from(token_auth.verify_jws(token, jwk, ARRAY[algorithm]), 'UTF8')::jsonb ->> 'sub'
    FROM signed ORDER BY number;
-- an algorithm that the caller does not allow
SELECT name, pg_temp.verify_jws(token, jwk, ARRAY(SELECT DISTINCT algorithm FROM signed
    WHERE algorithm <> outer_signed.algorithm)) FROM signed AS outer_signed ORDER BY number;
-- no token with another key than its own, whatever that key's alg says
SELECT t.name, k.name FROM signed AS t, signed AS k, LATERAL (VALUES (k.jwk), (k.jwk - 'alg')) AS j (jwk)
    WHERE t.jwk - 'alg' <> k.jwk - 'alg'
      AND pg_temp.verify_jws(t.token, j.jwk || jsonb_build_object('kid', t.jwk -> 'kid'), ARRAY[t.algorithm, k.algorithm]) !~ '^2';
-- nor by its own key under another algorithm
SELECT t.name, a.algorithm FROM signed AS t, (SELECT DISTINCT algorithm FROM signed) AS a
    WHERE a.algorithm <> t.algorithm
      AND pg_temp.verify_jws(t.token, t.jwk || jsonb_build_object('alg', a.algorithm), ARRAY[t.algorithm, a.algorithm]) !~ '^2';
-- all of one set; oct and public keys do not share a set
SELECT count(token_auth.verify_jws(token, (SELECT jsonb_build_object('keys', jsonb_agg(jwk)) FROM signed
    WHERE jwk ->> 'kty' <> 'oct' AND name !~ '^EdDSA'), ARRAY(SELECT algorithm FROM signed)))
    FROM signed WHERE jwk ->> 'kty' <> 'oct';
SELECT pg_temp.verify_jws(token, (SELECT jsonb_build_object('keys', jsonb_agg(jwk)) FROM signed), '{RS256}')
    FROM signed WHERE name = 'RS256';

-- EdDSA names both curves, Ed25519 and Ed448 one each
SELECT t.name, k.jwk ->> 'alg', a, pg_temp.verify_jws(t.token, k.jwk, ARRAY[a])
    FROM signed AS t, signed AS k, unnest('{EdDSA,Ed25519,Ed448}'::text[]) AS a
    WHERE t.name IN ('Ed25519', 'EdDSA with Ed25519') AND k.jwk ->> 'kid' = 'ed25519' ORDER BY t.number, k.number, a;
SELECT t.name, pg_temp.verify_jws(t.token, k.jwk, '{EdDSA}') FROM signed AS t, signed AS k
    WHERE t.name = 'EdDSA with Ed448' AND k.name = 'Ed25519';

-- what cannot be asked of verify_jws
SELECT what, pg_temp.verify_jws(token, jwks, algorithms) FROM signed, LATERAL (VALUES
    ('no algorithms', jwk, '{}'::text[]), ('none', jwk, '{none}'), ('a misspelt one', jwk, '{rs256}'),
    ('a misspelt one among others', jwk, '{RS256,RS265}'), ('NULL among them', jwk, '{RS256,NULL}'),
    ('encryption', jwk, '{RSA-OAEP}'), ('no key', '{}', '{RS256}'), ('an empty set', '{"keys": []}', '{RS256}'),
    ('an array', jsonb_build_array(jwk), '{RS256}'), ('a string', to_jsonb(jwk ->> 'n'), '{RS256}'),
    ('another key only', (SELECT s.jwk FROM signed AS s WHERE s.name = 'ES256'), '{RS256,ES256}'),
    ('an unusable key', jwk || '{"e": "AQ"}', '{RS256}'),
    ('an unusable key beside a good one', jsonb_build_object('keys', jsonb_build_array(jwk || '{"e": "AQ", "kid": "x"}', jwk)), '{RS256}'),
    ('another kid', jwk || '{"kid": "x"}', '{RS256}'),
    ('a key without kid', jwk - 'kid', '{RS256}'),
    ('no kid, no alg', jwk - 'kid' - 'alg', '{RS256}'),
    ('no alg, two algorithms', jwk - 'alg', '{PS256,RS256}')) AS t (what, jwks, algorithms)
    WHERE name = 'RS256';
SELECT mint.outcome('SELECT token_auth.verify_jws(NULL, ''{}'', ''{RS256}'')'),
       mint.outcome('SELECT token_auth.verify_jws('''', NULL, ''{RS256}'')'),
       mint.outcome('SELECT token_auth.verify_jws('''', ''{}'', NULL)');
-- it says nothing of claims: any payload is good, and none is read
SELECT encode(token_auth.verify_jws(pg_temp.input || '.' || mint.base64url(hmac(pg_temp.input::bytea, sha256('h'), 'sha256')), jwk, '{HS256}'), 'hex')
    FROM signed, (SELECT mint.base64url('{"alg":"HS256"}') || '.' || mint.base64url('\x00ff7b')) AS pg_temp (input)
    WHERE name = 'HS256';

-- default algorithms: what a JWKS may bring without being asked for
SELECT token_auth.drop_issuer('https://fixtures.test');
SELECT token_auth.add_issuer('https://fixtures.test', '{orders-api}');
UPDATE token_auth.issuer SET max_lifetime = NULL;
SELECT * FROM token_auth.import_jwks('https://fixtures.test', (SELECT jsonb_build_object('keys', jsonb_agg(jwk ORDER BY number))
    FROM signed WHERE jwk ->> 'kty' <> 'oct' AND name !~ '^EdDSA'));
SELECT name, mint.verdict(token) FROM signed ORDER BY number;
-- ... where the keys do not say for which algorithm they are
SELECT * FROM token_auth.import_jwks('https://fixtures.test', (SELECT jsonb_build_object('keys', jsonb_agg(jwk - 'alg' ORDER BY number))
    FROM signed WHERE jwk ->> 'kty' <> 'oct' AND name !~ '^EdDSA'));
SELECT name, mint.verdict(token) FROM signed WHERE jwk ->> 'kty' = 'RSA' ORDER BY number;
-- ... and where they say EdDSA
SELECT * FROM token_auth.import_jwks('https://fixtures.test', (SELECT jwk FROM signed WHERE name = 'EdDSA with Ed25519'))
    ORDER BY action, key_id;
SELECT name, mint.verdict(token) FROM signed WHERE name ~ 'Ed25519' ORDER BY number;
-- another list, preferred first
UPDATE token_auth.issuer SET algorithms = '{PS384,RS512,ES512,ES384,Ed448}';
SELECT * FROM token_auth.import_jwks('https://fixtures.test', (SELECT jsonb_build_object('keys', jsonb_agg(jwk - 'alg' ORDER BY number))
    FROM signed WHERE jwk ->> 'kty' <> 'oct' AND name !~ '^EdDSA'));
SELECT name, mint.verdict(token) FROM signed WHERE name IN ('PS384', 'RS512', 'ES512', 'ES384', 'Ed448') ORDER BY number;
-- an algorithm taken from the list is refused, though its key is still there
UPDATE token_auth.issuer SET algorithms = '{PS384}';
SELECT name, mint.verdict(token) FROM signed WHERE name IN ('PS384', 'ES512') ORDER BY number;
-- no such list
SELECT left(mint.outcome(format('UPDATE token_auth.issuer SET algorithms = %L', list)), 5)
    FROM (VALUES ('{none}'), ('{RS256,rs512}'), ('{}'), (NULL)) AS t (list);

-- a key by hand brings its algorithm for itself, not for the keys of the JWKS
SELECT token_auth.drop_issuer('https://fixtures.test');
SELECT token_auth.add_issuer('https://fixtures.test', '{orders-api}');
UPDATE token_auth.issuer SET max_lifetime = NULL;
SELECT * FROM token_auth.import_jwks('https://fixtures.test', (SELECT jsonb_build_object('keys', jsonb_agg(jwk ORDER BY number))
    FROM signed WHERE name IN ('RS256', 'PS256', 'Ed25519')));
UPDATE token_auth.issuer SET algorithms = '{Ed25519}';
SELECT name, left(mint.verdict(token), 5) FROM signed WHERE name IN ('RS256', 'PS256', 'Ed25519') ORDER BY number;
SELECT token_auth.add_key('https://fixtures.test', jwk || jsonb_build_object('alg', alg))
    FROM signed JOIN (VALUES ('RS384', 'PS256'), ('RS512', 'RS256'), ('PS384', 'RS256'), ('PS512', 'PS256')) AS t (name, alg)
    USING (name) ORDER BY number;
SELECT name, mint.verdict(token) FROM signed WHERE name IN ('RS256', 'PS256', 'Ed25519') ORDER BY number;

SELECT token_auth.drop_issuer('https://fixtures.test');
