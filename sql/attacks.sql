-- every known attack on JWT verifiers is refused, by name; a neighbour that passes begins with =
\set VERBOSITY terse
\pset format unaligned
\pset tuples_only on
\getenv srcdir PG_ABS_SRCDIR
\set signed :srcdir '/test/fixtures/signed.jsonl'
\set lines `cat :'signed'`
SET client_min_messages = warning;
SET token_auth.binding = 'session';

-- what test/fixtures/sign has signed, for https://fixtures.test
CREATE TEMP TABLE fixture AS
    SELECT line ->> 'kind' AS kind, line ->> 'name' AS name, line -> 'jwk' AS jwk,
           line ->> 'pem' AS pem, line ->> 'token' AS token
    FROM (SELECT text::jsonb FROM regexp_split_to_table(rtrim(:'lines', E'\n'), '\n') AS text) AS t (line);
CREATE FUNCTION pg_temp.signed(name text) RETURNS text LANGUAGE sql AS $$
    SELECT token FROM fixture WHERE fixture.name = $1
$$;
CREATE FUNCTION pg_temp.pem(name text) RETURNS text LANGUAGE sql AS $$
    SELECT pem FROM fixture WHERE fixture.name = $1
$$;
CREATE FUNCTION pg_temp.bytes(text text) RETURNS bytea LANGUAGE sql AS $$
    SELECT decode(rpad(translate(text, '-_', '+/'), (length(text) + 3) / 4 * 4, '='), 'base64')
$$;
-- signing input and signature of a token
CREATE FUNCTION pg_temp.input(token text) RETURNS text LANGUAGE sql AS $$
    SELECT regexp_replace(token, '\.[^.]*$', '')
$$;
CREATE FUNCTION pg_temp.signature(token text) RETURNS bytea LANGUAGE sql AS $$
    SELECT pg_temp.bytes(split_part(token, '.', 3))
$$;
-- the token with another signature
CREATE FUNCTION pg_temp.resigned(token text, signature bytea) RETURNS text LANGUAGE sql AS $$
    SELECT pg_temp.input(token) || '.' || mint.base64url(signature)
$$;
-- a token of any bytes at all, signed with the key of https://idp.test
CREATE FUNCTION pg_temp.raw(header bytea, payload bytea) RETURNS text LANGUAGE sql AS $$
    SELECT input || '.' || mint.base64url(hmac(convert_to(input, 'UTF8'), mint.secret(), 'sha256'))
    FROM (SELECT mint.base64url(header) || '.' || mint.base64url(payload)) AS t (input)
$$;
-- good claims as text, with one more member in front: names may occur twice
CREATE FUNCTION pg_temp.claims(member text) RETURNS text LANGUAGE sql AS $$
    SELECT '{' || member || ', ' || substr(mint.claims()::text, 2)
$$;
CREATE FUNCTION pg_temp.payload(member text) RETURNS text LANGUAGE sql AS $$
    SELECT mint.raw('{"alg": "HS256", "typ": "JWT"}', pg_temp.claims(member))
$$;
CREATE FUNCTION pg_temp.header(header text) RETURNS text LANGUAGE sql AS $$
    SELECT mint.raw(header, mint.claims()::text)
$$;
-- a token with one claim that is not of JSON's jsonb: {"exp": 1e400}
CREATE FUNCTION pg_temp.claim(claim text, value text) RETURNS text LANGUAGE sql AS $$
    SELECT mint.raw('{"alg": "HS256", "typ": "JWT"}', '{"' || claim || '": ' || value || ', ' ||
                    substr((mint.claims() - claim)::text, 2))
$$;
-- signed as spelled: the last characters of header and payload are given
CREATE FUNCTION pg_temp.spelled(header text, payload text, header_end text, payload_end text) RETURNS text LANGUAGE sql AS $$
    SELECT input || '.' || mint.base64url(hmac(convert_to(input, 'UTF8'), mint.secret(), 'sha256'))
    FROM (SELECT left(h, length(h) - length(header_end)) || header_end || '.' ||
                 left(p, length(p) - length(payload_end)) || payload_end
          FROM mint.base64url(convert_to(header, 'UTF8')) AS h, mint.base64url(convert_to(payload, 'UTF8')) AS p) AS t (input)
$$;
-- the verdict, without where jansson stopped reading and how long DER came out
CREATE FUNCTION pg_temp.verdict(token text) RETURNS text LANGUAGE sql AS $$
    SELECT regexp_replace(mint.verdict(token), ', near byte \d+|(?<=signature has )7\d(?= bytes)', '')
$$;
-- HMAC with the text of a public key
CREATE FUNCTION pg_temp.confused(secret text, kid text DEFAULT 'rs256') RETURNS text LANGUAGE sql AS $$
    SELECT mint.token('{"iss": "https://fixtures.test"}',
                      jsonb_build_object('alg', 'HS256', 'kid', kid), convert_to(secret, 'UTF8'))
$$;

-- one issuer signs with HS256; the other has keys for RS256, PS256, ES256, ES384, Ed25519, and a secret
SELECT mint.issuer();
SELECT token_auth.add_issuer('https://fixtures.test', '{orders-api}');
UPDATE token_auth.issuer SET max_lifetime = NULL WHERE issuer = 'https://fixtures.test';
SELECT count(token_auth.add_key('https://fixtures.test', jwk)) FROM fixture
    WHERE kind = 'algorithm' AND name IN ('RS256', 'PS256', 'ES256', 'ES384', 'Ed25519');
SELECT token_auth.add_secret('https://fixtures.test', sha256('of the fixtures'), 'HS256', 'hs256');
SELECT token_auth.add_issuer('https://other.test', '{orders-api}');
SELECT token_auth.add_secret('https://other.test', sha256('of another issuer'), 'HS256', 'other'),
       token_auth.add_secret('https://other.test', sha256('a second one'), 'HS256', 'second');

CREATE TEMP TABLE attack (number int GENERATED ALWAYS AS IDENTITY, name text, token text);

-- algorithm
INSERT INTO attack (name, token) VALUES
    ('= good', mint.token()),
    ('alg none', pg_temp.input(pg_temp.header('{"alg": "none"}')) || '.'),
    ('alg none, signed', pg_temp.header('{"alg": "none"}')),
    ('alg None', pg_temp.header('{"alg": "None"}')),
    ('alg noNE', pg_temp.header('{"alg": "noNE"}')),
    ('alg empty', pg_temp.header('{"alg": ""}')),
    ('alg missing', pg_temp.header('{"typ": "JWT"}')),
    ('alg null', pg_temp.header('{"alg": null}')),
    ('alg a number', pg_temp.header('{"alg": 256}')),
    ('alg an array', pg_temp.header('{"alg": ["HS256"]}')),
    ('alg an object', pg_temp.header('{"alg": {"HS256": true}}')),
    ('alg in small letters', pg_temp.header('{"alg": "hs256"}')),
    ('alg with a space', pg_temp.header('{"alg": "HS256 "}')),
    ('= RS256', pg_temp.signed('RS256')),
    ('RS256 to HS256, PEM', pg_temp.confused(pg_temp.pem('RS256'))),
    ('RS256 to HS256, PEM without newline', pg_temp.confused(rtrim(pg_temp.pem('RS256'), E'\n'))),
    ('RS256 to HS256, PEM after white space', pg_temp.confused(E' \n' || pg_temp.pem('RS256'))),
    ('RS256 to HS256, no kid', pg_temp.confused(pg_temp.pem('RS256'), NULL)),
    ('RS256 to HS256, kid of the secret', pg_temp.confused(pg_temp.pem('RS256'), 'hs256')),
    ('RS256 to HS256, DER', mint.token('{"iss": "https://fixtures.test"}', '{"alg": "HS256", "kid": "rs256"}',
        decode(regexp_replace(pg_temp.pem('RS256'), '-----[^-]+-----', '', 'g'), 'base64'))),
    ('RS256 to HS256, JWK', pg_temp.confused((SELECT jwk::text FROM fixture WHERE name = 'RS256'))),
    ('RS256 to HS256, modulus', mint.token('{"iss": "https://fixtures.test"}', '{"alg": "HS256", "kid": "rs256"}',
        (SELECT pg_temp.bytes(jwk ->> 'n') FROM fixture WHERE name = 'RS256'))),
    ('= HS256 with the secret', mint.token('{"iss": "https://fixtures.test"}', '{"kid": "hs256"}',
        sha256('of the fixtures'))),
    ('ES256 to HS256, PEM', pg_temp.confused(pg_temp.pem('ES256'), 'es256')),
    ('Ed25519 to HS256, x', mint.token('{"iss": "https://fixtures.test"}', '{"alg": "HS256", "kid": "ed25519"}',
        (SELECT pg_temp.bytes(jwk ->> 'x') FROM fixture WHERE name = 'Ed25519'))),
    ('= PS256', pg_temp.signed('PS256')),
    ('= ES256', pg_temp.signed('ES256')),
    ('= ES384', pg_temp.signed('ES384')),
    ('= Ed25519', pg_temp.signed('Ed25519'));
INSERT INTO attack (name, token) SELECT name, token FROM fixture WHERE kind = 'attack'
    AND name IN ('RS512 by the RS256 key', 'PS256 by the RS256 key', 'RS256 by the PS256 key',
                 'ES256 by the ES384 key', 'ES256K by the ES256 key', 'EdDSA by the ES256 key');

-- key
INSERT INTO attack (name, token) SELECT CASE WHEN name ~ 'beside our signature' THEN '= ' ELSE '' END || name, token
    FROM fixture WHERE kind = 'attack' AND name ~ '^(another P-256 key|embedded|jku|jwk|x5)';
INSERT INTO attack (name, token) VALUES
    ('kid, SQL', mint.token('{}', jsonb_build_object('kid', ''' OR issuer = ''https://idp.test'))),
    ('kid, UNION', mint.token('{}', jsonb_build_object('kid', 'x'' UNION SELECT ''a', 'alg', 'HS256'), 'a')),
    ('kid, path', mint.token('{}', '{"kid": "../../../../dev/null"}', '')),
    ('kid, NUL', pg_temp.header('{"alg": "HS256", "kid": "a\u0000b"}')),
    ('kid, control character', pg_temp.header('{"alg": "HS256", "kid": "a\nb"}')),
    ('kid, 257 bytes', mint.token('{}', jsonb_build_object('kid', repeat('k', 257)))),
    ('kid, 256 bytes', mint.token('{}', jsonb_build_object('kid', repeat('k', 256)))),
    ('kid, a number', mint.token('{}', '{"kid": 1}')),
    ('kid, null', pg_temp.header('{"alg": "HS256", "kid": null}')),
    ('kid, empty', mint.token('{}', '{"kid": ""}')),
    ('kid in capitals', mint.token('{"iss": "https://other.test"}', '{"kid": "OTHER"}', sha256('of another issuer'))),
    ('= kid', mint.token('{"iss": "https://other.test"}', '{"kid": "other"}', sha256('of another issuer'))),
    ('kid and key of another issuer', mint.token('{}', '{"kid": "other"}', sha256('of another issuer'))),
    ('key of another issuer', mint.token('{}', '{}', sha256('of another issuer'))),
    ('issuer of another key', mint.token('{"iss": "https://other.test"}')),
    ('no kid where two keys fit', mint.token('{"iss": "https://other.test"}', '{}', sha256('of another issuer')));

-- header
INSERT INTO attack (name, token) VALUES
    ('crit with a known name', pg_temp.header('{"alg": "HS256", "crit": ["exp"], "exp": 4102444800}')),
    ('crit with an unknown name', pg_temp.header('{"alg": "HS256", "crit": ["x"], "x": 1}')),
    ('crit with a name that is not there', pg_temp.header('{"alg": "HS256", "crit": ["x"]}')),
    ('crit with a base name', pg_temp.header('{"alg": "HS256", "crit": ["alg"]}')),
    ('crit empty', pg_temp.header('{"alg": "HS256", "crit": []}')),
    ('crit a string', pg_temp.header('{"alg": "HS256", "crit": "exp"}')),
    ('crit null', pg_temp.header('{"alg": "HS256", "crit": null}')),
    ('b64 false', pg_temp.header('{"alg": "HS256", "b64": false}')),
    ('b64 false, critical', pg_temp.header('{"alg": "HS256", "b64": false, "crit": ["b64"]}')),
    ('b64 true', pg_temp.header('{"alg": "HS256", "b64": true}')),
    ('zip', pg_temp.header('{"alg": "HS256", "zip": "DEF"}')),
    ('enc', pg_temp.header('{"alg": "HS256", "enc": "A128GCM"}')),
    ('alg twice', pg_temp.header('{"alg": "none", "alg": "HS256"}')),
    ('alg twice, escaped', pg_temp.header('{"\u0061lg": "none", "alg": "HS256"}')),
    ('kid twice', pg_temp.header('{"alg": "HS256", "kid": "x", "kid": "y"}')),
    ('typ a number', pg_temp.header('{"alg": "HS256", "typ": 1}')),
    ('cty JWT', pg_temp.header('{"alg": "HS256", "cty": "JWT"}')),
    ('cty jwt, long name', pg_temp.header('{"alg": "HS256", "cty": "application/jwt"}')),
    ('cty JWT around a token', mint.raw('{"alg": "HS256", "cty": "JWT"}', mint.token())),
    ('header of more than 2 kB', mint.token('{}', jsonb_build_object('x', repeat('x', 2048)))),
    ('= header of less', mint.token('{}', jsonb_build_object('x', repeat('x', 1900)))),
    ('header of 17 levels', pg_temp.header('{"alg": "HS256", "x": ' || repeat('[', 16) || repeat(']', 16) || '}')),
    ('= header of 16 levels', pg_temp.header('{"alg": "HS256", "typ": "JWT", "x": ' || repeat('[', 15) || repeat(']', 15) || '}'));

-- form
INSERT INTO attack (name, token) VALUES
    ('JSON serialization, flattened', format('{"protected": "%s", "payload": "%s", "signature": "%s"}',
        VARIADIC string_to_array(mint.token(), '.'))),
    ('JSON serialization, general', format('{"payload": "%2$s", "signatures": [{"protected": "%1$s", "signature": "%3$s"}]}',
        VARIADIC string_to_array(mint.token(), '.'))),
    ('a compact one in quotes', '"' || mint.token() || '"'),
    ('JWE', mint.token() || '.' || mint.base64url('\x01') || '.' || mint.base64url('\x02')),
    ('JWE by its header', pg_temp.header('{"alg": "dir", "enc": "A256GCM"}') || '.AA.AA'),
    ('SD-JWT', mint.token() || '~'),
    ('detached payload', split_part(mint.token(), '.', 1) || '..' || split_part(mint.token(), '.', 3)),
    ('dots only', '..'),
    ('many dots', repeat('.', 16000)),
    ('dot at the end', mint.token() || '.'),
    ('dot in front', '.' || mint.token()),
    ('space at the end', mint.token() || ' '),
    ('space in front', ' ' || mint.token()),
    ('newline at the end', mint.token() || E'\n'),
    ('newline within', replace(mint.token(), '.', E'.\n')),
    ('padding', mint.token() || '='),
    ('padding of the header', replace(pg_temp.header('{"alg":"HS256","typ":"JWT" }'), '.', '=.')),
    ('base64, not base64url', pg_temp.input(mint.token()) || '.' || repeat('+/', 21) || 'A'),
    ('a letter beyond ASCII', mint.token() || U&'\00e4'),
    ('zero-width space', mint.token() || U&'\200b'),
    ('length of no base64', mint.token() || 'AA'),
    ('64 kB', mint.token(jsonb_build_object('x', repeat('x', 48000)))),
    ('64 kB of brackets', mint.raw('{"alg": "HS256"}', repeat('[', 48000))),
    ('1 MB', repeat('A', 1000000));
-- one token has four spellings for a lax decoder
INSERT INTO attack (name, token)
    SELECT CASE WHEN tail = last THEN '= the one spelling' ELSE 'another spelling' END,
           left(token, -1) || tail
    FROM (SELECT token, right(token, 1) AS last,
                 substr(alphabet, strpos(alphabet, right(token, 1)) / 4 * 4 + 1, 4) AS tails
          FROM (SELECT mint.token() AS token,
                       'ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_' AS alphabet) AS t) AS t,
         LATERAL regexp_split_to_table(tails, '') AS tail
    ORDER BY tail <> last;
INSERT INTO attack (name, token) VALUES
    ('unused bits of the header', pg_temp.spelled('{"alg":"HS256","typ":"JWT" }', mint.claims()::text, 'R', '')),
    ('= the header without them', pg_temp.spelled('{"alg":"HS256","typ":"JWT" }', mint.claims()::text, 'Q', '')),
    ('unused bits of the payload', pg_temp.spelled('{"alg":"HS256","typ":"JWT"}', rpad(mint.claims()::text, 400), '', 'B')),
    ('= the payload without them', pg_temp.spelled('{"alg":"HS256","typ":"JWT"}', rpad(mint.claims()::text, 400), '', 'A'));

-- signature
INSERT INTO attack (name, token) SELECT CASE WHEN name ~ 'n - s' THEN '= ' ELSE '' END || name, token
    FROM fixture WHERE kind = 'attack' AND name ~ '^(ECDSA|Ed25519|PSS)';
INSERT INTO attack (name, token)
    SELECT what, pg_temp.resigned(pg_temp.signed(name), made) FROM (VALUES
        ('empty signature', 'RS256', ''),
        ('r = s = 0', 'ES256', decode(repeat('00', 64), 'hex')),
        ('r = 0', 'ES256', decode(repeat('00', 31) || '00' || repeat('00', 31) || '01', 'hex')),
        ('s = 0', 'ES256', decode(repeat('00', 31) || '01' || repeat('00', 31) || '00', 'hex')),
        ('r = s = 1', 'ES256', decode(repeat('00', 31) || '01' || repeat('00', 31) || '01', 'hex')),
        ('r = s = n', 'ES256', decode(repeat('ffffffff00000000ffffffffffffffffbce6faada7179e84f3b9cac2fc632551', 2), 'hex')),
        ('r = s = 0, 96 bytes', 'ES384', decode(repeat('00', 96), 'hex')),
        ('r + n', 'ES256', decode(repeat('ff', 64), 'hex')),
        ('Ed25519, all zero', 'Ed25519', decode(repeat('00', 64), 'hex')),
        ('Ed25519, R of order 1, S = 0', 'Ed25519', decode('01' || repeat('00', 63), 'hex')),
        ('RSA, 0', 'RS256', decode(repeat('00', 256), 'hex')),
        ('RSA, 1', 'RS256', decode(repeat('00', 255) || '01', 'hex')),
        ('RSA, all ones', 'RS256', decode(repeat('ff', 256), 'hex'))) AS t (what, name, made);
INSERT INTO attack (name, token)
    SELECT name || ', ' || what, pg_temp.resigned(token, made)
    FROM fixture, pg_temp.signature(token) AS s, LATERAL (VALUES
        ('truncated', substr(s, 1, length(s) - 1)), ('first byte gone', substr(s, 2)),
        ('leading 00', '\x00'::bytea || s), ('trailing 00', s || '\x00'::bytea),
        ('last bit flipped', set_bit(s, length(s) * 8 - 8, 1 - get_bit(s, length(s) * 8 - 8))),
        ('twice', s || s)) AS t (what, made)
    WHERE kind = 'algorithm' AND name IN ('RS256', 'PS256', 'ES256', 'Ed25519');

-- bytes
INSERT INTO attack (name, token)
    SELECT what, pg_temp.raw('{"alg": "HS256"}', payload)
    FROM (SELECT convert_to(mint.claims()::text, 'UTF8')) AS t (good), LATERAL (VALUES
        ('BOM', '\xefbbbf'::bytea || good),
        ('UTF-16', '\xfffe'::bytea || decode(regexp_replace(encode(good, 'hex'), '(..)', '\100', 'g'), 'hex')),
        ('UTF-16 without BOM', decode(regexp_replace(encode(good, 'hex'), '(..)', '\100', 'g'), 'hex')),
        ('invalid UTF-8', replace(encode(good, 'escape'), 'alice', '\377\376')::bytea),
        ('overlong', replace(encode(good, 'escape'), 'alice', '\301\241lice')::bytea),
        ('UTF-8 of a surrogate', replace(encode(good, 'escape'), 'alice', '\355\240\200')::bytea),
        ('beyond U+10FFFF', replace(encode(good, 'escape'), 'alice', '\364\220\200\200')::bytea),
        ('cut off within a character', replace(encode(good, 'escape'), 'alice', 'a\303')::bytea),
        ('NUL at the end', good || '\x00'::bytea),
        ('NUL in a string', replace(encode(good, 'escape'), 'alice', 'al\000ice')::bytea),
        ('newline in a string', replace(encode(good, 'escape'), 'alice', E'al\nice')::bytea),
        ('more after the end', good || '{}'::bytea),
        ('a comment', good || '// x'::bytea),
        ('a trailing comma', substr(good, 1, length(good) - 1) || ',}'::bytea),
        ('cut off', substr(good, 1, length(good) - 1))) AS v (what, payload);
INSERT INTO attack (name, token)
    SELECT what || ' in the header', pg_temp.raw(header, convert_to(mint.claims()::text, 'UTF8')) FROM (VALUES
        ('BOM', '\xefbbbf'::bytea || '{"alg":"HS256","typ":"JWT"}'::bytea),
        ('invalid UTF-8', '{"alg":"HS256","typ":"JWT","x":"'::bytea || '\xff'::bytea || '"}'::bytea),
        ('NUL', '{"alg":"HS256","typ":"JWT"}'::bytea || '\x00'::bytea),
        ('more after the end', '{"alg":"HS256","typ":"JWT"}{}'),
        ('a number out of range', '{"alg":"HS256","typ":"JWT","x":1e400}')) AS t (what, header);
INSERT INTO attack (name, token) VALUES
    ('a surrogate alone', pg_temp.payload('"x": "\ud800"')),
    ('= a pair of surrogates', pg_temp.payload('"x": "\ud83d\ude00"')),
    ('\u0000 in a string', pg_temp.payload('"x": "a\u0000b"')),
    ('\u0000 in a name', pg_temp.payload('"a\u0000b": 1')),
    ('\u0000 in sub', pg_temp.claim('sub', '"alice\u0000"')),
    ('exp twice', pg_temp.payload('"exp": 4102444800')),
    ('sub twice', pg_temp.payload('"sub": "root"')),
    ('sub twice, escaped', pg_temp.payload('"su\u0062": "root"')),
    ('iss twice', pg_temp.payload('"iss": "https://other.test"')),
    ('a name twice, deep within', pg_temp.payload('"x": {"y": [{"a": 1, "a": 2}]}')),
    ('nested 17 deep', pg_temp.payload('"x": ' || repeat('[', 16) || repeat(']', 16))),
    ('= nested 16 deep', pg_temp.payload('"x": ' || repeat('[', 15) || repeat(']', 15))),
    ('nested 5000 deep', pg_temp.payload('"x": ' || repeat('[', 5000) || repeat(']', 5000))),
    ('5000 members', pg_temp.payload((SELECT string_agg(format('"%s":0', i), ',') FROM generate_series(1, 5000) AS i))),
    ('a string of 5 kB', pg_temp.payload(format('"x": "%s"', repeat('x', 5000)))),
    ('a name of 5 kB', pg_temp.payload(format('"%s": 1', repeat('x', 5000))));

-- claims
INSERT INTO attack (name, token) SELECT format('%s %s', claim, left(value, 30)), pg_temp.claim(claim, value)
    FROM (VALUES
        ('exp', '"4102444800"'), ('exp', 'null'), ('exp', 'true'), ('exp', '[4102444800]'), ('exp', '-1'), ('exp', '-0.5'),
        ('exp', '0'), ('exp', '253402300800'), ('exp', '1e12'), ('exp', '1e308'), ('exp', '1e400'),
        ('exp', '9223372036854775807'), ('exp', '9223372036854775808'), ('exp', '99999999999999999999999'),
        ('exp', 'NaN'), ('exp', 'Infinity'), ('exp', '0x7fffffff'), ('exp', '04102444800'), ('exp', '{}'),
        ('nbf', '"0"'), ('nbf', '1e400'), ('nbf', '[]'), ('iat', '"1"'), ('iat', '-1'), ('iat', '1e300'),
        ('auth_time', '"1"'), ('auth_time', '{}'), ('auth_time', '1e300'),
        ('aud', 'null'), ('aud', '7'), ('aud', '[]'), ('aud', '{}'), ('aud', '{"orders-api": true}'),
        ('aud', '[["orders-api"]]'), ('aud', '["orders-api", 7]'), ('aud', '["orders-api", null]'),
        ('aud', '"orders-api "'), ('aud', '"ORDERS-API"'), ('aud', '"*"'), ('aud', '["*"]'), ('aud', '""'),
        ('aud', '"orders-api,billing-api"'), ('aud', '"orders-api billing-api"'),
        ('iss', '["https://idp.test"]'), ('iss', '["https://idp.test", "https://other.test"]'),
        ('iss', '{"https://idp.test": 1}'), ('iss', '7'), ('iss', 'null'), ('iss', '""'), ('iss', '" https://idp.test"'),
        ('sub', '{"id": "alice"}'), ('sub', '["alice"]'), ('sub', '7'), ('sub', 'true'), ('sub', 'null'), ('sub', '""'),
        ('jti', '7'), ('jti', '["a"]'), ('jti', '""'), ('client_id', '7'), ('client_id', '["shop"]'), ('client_id', '""'),
        ('azp', '7'), ('cid', '{}'), ('sid', '7'), ('sid', '""'),
        ('scope', '{}'), ('scope', 'true'), ('scope', '["orders:read orders:write"]'), ('scope', '[["orders:read"]]'),
        ('scope', '[7]'), ('scope', '"orders:read\torders:write"'), ('scope', '" orders:read"'), ('scope', '"a\\b"'), ('scope', '"a\"b"'), ('scope', '[""]'), ('scope', '"orders:\u0131"'),
        ('x', '1e-20000'), ('x', '0.' || repeat('0', 20000) || '1'), ('x', '1' || repeat('0', 20000)),
        ('x', '1e99999'), ('x', '-1e400')) AS t (claim, value);
INSERT INTO attack (name, token) SELECT '= ' || claim || ' ' || value, pg_temp.claim(claim, value)
    FROM (VALUES
        ('exp', (mint.now(60) + 0.5)::text), ('exp', mint.now(60) || 'e0'), ('aud', '["orders-api"]'),
        ('scope', '""'), ('scope', '[]'), ('scope', '["orders:read", "orders:read"]'), ('x', '1e-300'),
        ('sub', '"O''Brien; DROP TABLE orders"')) AS t (claim, value);
UPDATE attack SET name = regexp_replace(name, '\d{10}', '<time>') WHERE name ~ '^= exp';

-- tokens of other kinds, signed with the same key
INSERT INTO attack (name, token) SELECT what, mint.token(claims, header) FROM (VALUES
    ('ID token, nonce', '{"nonce": "n"}'::jsonb, '{}'::jsonb),
    ('ID token, nonce null', '{}', '{}'),
    ('ID token, at_hash', '{"at_hash": "h"}', '{}'),
    ('ID token, c_hash', '{"c_hash": "h"}', '{}'),
    ('ID token, audience is the client', '{"aud": "shop"}', '{}'),
    ('ID token, no client and no scope', '{"client_id": null, "scope": null}', '{}'),
    ('ID token of Cognito', '{"token_use": "id"}', '{}'),
    ('ID token of Keycloak', '{"typ": "ID"}', '{}'),
    ('refresh token of Keycloak', '{"typ": "Refresh"}', '{}'),
    ('offline token of Keycloak', '{"typ": "Offline"}', '{}'),
    ('SET, type', '{}', '{"typ": "secevent+jwt"}'),
    ('SET, events', '{"events": {"https://schemas.openid.net/secevent/caep/event-type/session-revoked": {}}}', '{}'),
    ('logout token', '{"events": {"http://schemas.openid.net/event/backchannel-logout": {}}}', '{"typ": "logout+jwt"}'),
    ('DPoP proof', '{"htm": "GET"}', '{"typ": "dpop+jwt"}'),
    ('status list', '{"status_list": {}}', '{"typ": "statuslist+jwt"}'),
    ('introspection response', '{"token_introspection": {}}', '{"typ": "token-introspection+jwt"}'),
    ('transaction token', '{"txn": "t"}', '{"typ": "txntoken+jwt"}'),
    ('client authentication', '{}', '{"typ": "client-authentication+jwt"}'),
    ('request object', '{}', '{"typ": "oauth-authz-req+jwt"}'),
    ('key binding', '{}', '{"typ": "kb+jwt"}'),
    ('entity statement', '{}', '{"typ": "entity-statement+jwt"}'),
    ('key set', '{}', '{"typ": "jwk-set+jwt"}'),
    ('bound token presented as a bearer token', '{"cnf": {"jkt": "x"}}', '{}'),
    ('= access token', '{"token_use": "access", "typ": "Bearer"}', '{"typ": "at+jwt"}')) AS t (what, claims, header);
UPDATE attack SET token = pg_temp.payload('"nonce": null') WHERE name = 'ID token, nonce null';

SELECT name, pg_temp.verdict(token) FROM attack ORDER BY number;

-- accepted as expected; and no door is easier than another
SELECT name FROM attack WHERE (name ~ '^=') <> (mint.verdict(token) = 'accepted');
SELECT name FROM attack WHERE name !~ '^=' AND mint.outcome(format(
    'SELECT set_config(''token_auth.token'', %L, true), token_auth.has_scope(''orders:read'')', token)) !~ '^28T';
SELECT name FROM attack WHERE name !~ '^=' AND mint.outcome(format(
    'SELECT token_auth.set_local_token(%L)', token)) !~ '^28T';
SELECT name FROM attack WHERE mint.outcome(format('SELECT * FROM token_auth.inspect(%L)', token)) <> 'accepted';
SELECT name FROM attack, LATERAL (SELECT bool_or(outcome = 'fail') AS failed FROM token_auth.inspect(token)) AS i
    WHERE (name ~ '^=') = failed;
-- nor does a refusal repeat what it was given
SELECT DISTINCT name FROM attack, generate_series(1, least(length(token), 2000) - 11, 4) AS i
    WHERE token !~ '^\.|^A+$' AND strpos(mint.verdict(token), substr(token, i, 12)) > 0;

-- the same with the largest size that can be allowed
SELECT mint.outcome('SET token_auth.max_token_size = 65537');
SET token_auth.max_token_size = '64kB';
SELECT name, pg_temp.verdict(token) FROM (VALUES
    (1, '64 kB and a byte', repeat('A', 65537)),
    (2, '64 kB of a letter', repeat('A', 65536)),
    (3, '64 kB of dots', repeat('.', 65536)),
    (4, '64 kB of brackets', mint.raw('{"alg":"HS256","typ":"JWT"}', repeat('[', 49000))),
    (5, '64 kB of quotes', mint.raw('{"alg":"HS256","typ":"JWT"}', repeat('"', 49000))),
    (6, '64 kB of backslashes', pg_temp.payload('"x": "' || repeat('\', 48000) || '"')),
    (7, 'header of 40 kB', mint.token('{}', jsonb_build_object('kid', repeat('k', 40000)))),
    (8, 'signature of 40 kB', mint.token() || repeat('A', 40000)),
    (9, 'number of 40 kB', pg_temp.payload('"x": 1' || repeat('0', 40000))),
    (10, 'fraction of 40 kB', pg_temp.payload('"x": 0.' || repeat('0', 40000) || '1')),
    (11, 'a text of 5000 members', pg_temp.payload((SELECT string_agg(format('"%s":0', i), ',') FROM generate_series(1, 5000) AS i))),
    (12, '= 4000 members', pg_temp.payload((SELECT string_agg(format('"%s":0', i), ',') FROM generate_series(1, 4000) AS i))),
    (13, '5000 roles', mint.token(jsonb_build_object('roles', (SELECT jsonb_agg('r' || i) FROM generate_series(1, 5000) AS i)))),
    (14, '= 4000 roles', mint.token(jsonb_build_object('roles', (SELECT jsonb_agg('r' || i) FROM generate_series(1, 4000) AS i)))),
    (15, 'a scope of 5000', mint.token(jsonb_build_object('scope', (SELECT string_agg('s' || i, ' ') FROM generate_series(1, 5000) AS i))))
    ) AS t (number, name, token) ORDER BY number;
RESET token_auth.max_token_size;

-- the remembered verification of a token does not help another one, or the same one later
SELECT mint.token() AS good \gset
SELECT mint.verdict(:'good');
SELECT mint.verdict(pg_temp.input(:'good') || '.' || split_part(mint.token('{"sub": "root"}'), '.', 3));
SELECT mint.verdict(pg_temp.input(mint.token('{"sub": "root"}')) || '.' || split_part(:'good', '.', 3));
SELECT mint.verdict(:'good' || ' ');
SELECT mint.verdict(:'good');

-- expired while remembered: wait until it is
UPDATE token_auth.issuer SET leeway = '0' WHERE issuer = 'https://idp.test';
SELECT mint.token(jsonb_build_object('exp', mint.now(3))) AS short \gset
SELECT mint.verdict(:'short');
SET token_auth.token = :'short';
DO $$ BEGIN
    WHILE token_auth.is_authenticated() LOOP NULL; END LOOP;
EXCEPTION WHEN SQLSTATE '28T01' THEN RAISE WARNING '%', SQLERRM;
END $$;
SELECT mint.verdict(:'short');
RESET token_auth.token;

-- key rotated out while remembered
SELECT mint.verdict(pg_temp.signed('ES256')), mint.verdict(pg_temp.signed('PS256'));
SELECT token_auth.disable_key('https://fixtures.test', 'es256');
SELECT mint.verdict(pg_temp.signed('ES256')), mint.verdict(pg_temp.signed('PS256'));
SELECT token_auth.enable_key('https://fixtures.test', 'es256');
SELECT mint.verdict(pg_temp.signed('ES256'));

-- issuer, audience or lifetime changed while remembered
UPDATE token_auth.issuer SET audiences = '{billing-api}' WHERE issuer = 'https://idp.test';
SELECT mint.verdict(:'good');
UPDATE token_auth.issuer SET audiences = '{orders-api}' WHERE issuer = 'https://idp.test';
SELECT mint.verdict(:'good');
UPDATE token_auth.issuer SET enabled = false WHERE issuer = 'https://idp.test';
SELECT mint.verdict(:'good');
UPDATE token_auth.issuer SET enabled = true WHERE issuer = 'https://idp.test';

-- a revoked token without jti is not spelled anew: n - s is revoked with s
UPDATE token_auth.issuer SET token_id_claim = NULL WHERE issuer = 'https://fixtures.test';
SELECT token_auth.revoke_token(pg_temp.signed('ES256'));
SELECT mint.verdict(pg_temp.signed('ES256')), mint.verdict(pg_temp.signed('ECDSA n - s'));

SELECT count(token_auth.drop_issuer(issuer)) FROM token_auth.issuer;
DELETE FROM token_auth.revocation WHERE issuer = 'https://fixtures.test';
