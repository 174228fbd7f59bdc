-- only sound public keys are registered, each for one algorithm, and none verifies after it is withdrawn
\set VERBOSITY terse
\pset format unaligned
\pset tuples_only on
\getenv srcdir PG_ABS_SRCDIR
\set signed :srcdir '/test/fixtures/signed.jsonl'
\set lines `cat :'signed'`
SET client_min_messages = warning;

-- public keys, keys in PEM and tokens that test/fixtures/sign has made
CREATE TEMP TABLE fixture AS
    SELECT line ->> 'kind' AS kind, line ->> 'name' AS name, line -> 'jwk' AS jwk,
           line ->> 'pem' AS pem, line ->> 'token' AS token
    FROM (SELECT text::jsonb FROM regexp_split_to_table(rtrim(:'lines', E'\n'), '\n') AS text) AS t (line);
CREATE FUNCTION pg_temp.jwk(name text, members jsonb DEFAULT '{}') RETURNS jsonb LANGUAGE sql AS $$
    SELECT jsonb_strip_nulls(jwk || members) FROM fixture WHERE fixture.name = jwk.name
$$;
CREATE FUNCTION pg_temp.signed(name text) RETURNS text LANGUAGE sql AS $$
    SELECT token FROM fixture WHERE fixture.name = signed.name
$$;
CREATE FUNCTION pg_temp.set(VARIADIC keys jsonb[]) RETURNS jsonb LANGUAGE sql AS $$
    SELECT jsonb_build_object('keys', to_jsonb(keys))
$$;
CREATE FUNCTION pg_temp.bytes(text text) RETURNS bytea LANGUAGE sql AS $$
    SELECT decode(rpad(translate(text, '-_', '+/'), (length(text) + 3) / 4 * 4, '='), 'base64')
$$;
-- the key with a member computed of its octets
CREATE FUNCTION pg_temp.hex(name text, member text, hex text) RETURNS jsonb LANGUAGE sql AS $$
    SELECT pg_temp.jwk(name, jsonb_build_object(member, mint.base64url(decode(hex, 'hex'))))
$$;
CREATE FUNCTION pg_temp.modulus() RETURNS bytea LANGUAGE sql AS $$
    SELECT pg_temp.bytes(pg_temp.jwk('RS256') ->> 'n')
$$;
CREATE FUNCTION pg_temp.add_key(jwk jsonb) RETURNS text LANGUAGE sql AS $$
    SELECT regexp_replace(mint.outcome(format('SELECT token_auth.add_key(''https://fixtures.test'', %L)', jwk)), ', near byte \d+', '')
$$;

SELECT token_auth.add_issuer('https://fixtures.test', '{orders-api}');
UPDATE token_auth.issuer SET max_lifetime = NULL;

-- refused: keys under which anybody could sign, and keys that are none
CREATE TEMP TABLE hostile (number int GENERATED ALWAYS AS IDENTITY, name text, jwk jsonb);
INSERT INTO hostile (name, jwk) VALUES
    ('e = 1', pg_temp.hex('RS256', 'e', '01')), ('e = 2', pg_temp.hex('RS256', 'e', '02')),
    ('e = 65536', pg_temp.hex('RS256', 'e', '010000')), ('e with a leading zero', pg_temp.hex('RS256', 'e', '00010001')),
    ('e = 0', pg_temp.hex('RS256', 'e', '00')), ('e empty', pg_temp.jwk('RS256', '{"e": ""}')),
    ('e of 33 bits', pg_temp.hex('RS256', 'e', '0100000001')), ('e missing', pg_temp.jwk('RS256', '{"e": null}')),
    ('e a number', pg_temp.jwk('RS256', '{"e": 65537}')),
    ('n even', pg_temp.hex('RS256', 'n', encode(set_byte(pg_temp.modulus(), 255, get_byte(pg_temp.modulus(), 255) & 254), 'hex'))),
    ('n with a leading zero', pg_temp.hex('RS256', 'n', '00' || encode(pg_temp.modulus(), 'hex'))),
    ('n of 1024 bits', pg_temp.hex('RS256', 'n', 'ff' || encode(substr(pg_temp.modulus(), 130), 'hex'))),
    ('n of 512 bits', pg_temp.hex('RS256', 'n', 'ff' || encode(substr(pg_temp.modulus(), 194), 'hex'))),
    ('n of 2047 bits', pg_temp.hex('RS256', 'n', encode(set_byte(pg_temp.modulus(), 0, 127), 'hex'))),
    ('n of 16384 bits', pg_temp.hex('RS256', 'n', repeat('ff', 2048))),
    ('n divisible by 3', pg_temp.hex('RS256', 'n', repeat('ff', 256))),
    ('n = 187', pg_temp.hex('RS256', 'n', 'bb')), ('n empty', pg_temp.jwk('RS256', '{"n": ""}')),
    ('n with padding', pg_temp.jwk('RS256', jsonb_build_object('n', pg_temp.jwk('RS256') ->> 'n' || '=='))),
    ('n missing', pg_temp.jwk('RS256', '{"n": null}')),
    ('off the curve', pg_temp.jwk('ES256', jsonb_build_object('y', pg_temp.jwk('ES256') -> 'x'))),
    ('(0, 0)', pg_temp.hex('ES256', 'x', repeat('00', 32)) || pg_temp.hex('ES256', 'y', repeat('00', 32)) - 'x' ||
               jsonb_build_object('x', mint.base64url(decode(repeat('00', 32), 'hex')))),
    ('x = p', pg_temp.hex('ES256', 'x', 'ffffffff00000001000000000000000000000000ffffffffffffffffffffffff')),
    ('x of 33 octets', pg_temp.hex('ES256', 'x', '00' || encode(pg_temp.bytes(pg_temp.jwk('ES256') ->> 'x'), 'hex'))),
    ('x of 33 octets, the last a zero', pg_temp.hex('ES256', 'x', encode(pg_temp.bytes(pg_temp.jwk('ES256') ->> 'x'), 'hex') || '00')),
    ('x of 31 octets', pg_temp.hex('ES256', 'x', encode(substr(pg_temp.bytes(pg_temp.jwk('ES256') ->> 'x'), 2), 'hex'))),
    ('y missing', pg_temp.jwk('ES256', '{"y": null}')),
    ('x of another curve', pg_temp.jwk('ES384', '{"crv": "P-256", "alg": "ES256"}')),
    ('crv missing', pg_temp.jwk('ES256', '{"crv": null}')), ('crv P-224', pg_temp.jwk('ES256', '{"crv": "P-224"}')),
    ('crv in small letters', pg_temp.jwk('ES256', '{"crv": "p-256"}')),
    ('crv Ed25519 for EC', pg_temp.jwk('ES256', '{"crv": "Ed25519"}')),
    ('crv X25519', pg_temp.jwk('Ed25519', '{"crv": "X25519"}')),
    ('Ed25519, 31 octets', pg_temp.hex('Ed25519', 'x', repeat('11', 31))),
    ('Ed25519, 33 octets', pg_temp.hex('Ed25519', 'x', encode(pg_temp.bytes(pg_temp.jwk('Ed25519') ->> 'x'), 'hex') || '00')),
    ('Ed448, 56 octets', pg_temp.hex('Ed448', 'x', repeat('11', 56))),
    ('Ed448, 58 octets', pg_temp.hex('Ed448', 'x', encode(pg_temp.bytes(pg_temp.jwk('Ed448') ->> 'x'), 'hex') || '00')),
    ('Ed448, y = p', pg_temp.hex('Ed448', 'x', repeat('ff', 28) || 'fe' || repeat('ff', 27) || '00')),
    ('Ed448, no point', pg_temp.hex('Ed448', 'x', '02' || repeat('00', 56))),
    ('Ed448, order 1', pg_temp.hex('Ed448', 'x', '01' || repeat('00', 56))),
    ('Ed448, order 2', pg_temp.hex('Ed448', 'x', 'fe' || repeat('ff', 27) || 'fe' || repeat('ff', 27) || '00')),
    ('Ed448, order 4', pg_temp.hex('Ed448', 'x', repeat('00', 57))),
    ('Ed448, order 4, other sign', pg_temp.hex('Ed448', 'x', repeat('00', 56) || '80'));
INSERT INTO hostile (name, jwk) SELECT 'Ed25519, ' || name, pg_temp.hex('Ed25519', 'x', x) FROM (VALUES
    ('order 1', '0100000000000000000000000000000000000000000000000000000000000000'),
    ('order 1, other sign', '0100000000000000000000000000000000000000000000000000000000000080'),
    ('order 2', 'ecffffffffffffffffffffffffffffffffffffffffffffffffffffffffffff7f'),
    ('order 2, other sign', 'ecffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffff'),
    ('order 4', '0000000000000000000000000000000000000000000000000000000000000000'),
    ('order 4, other sign', '0000000000000000000000000000000000000000000000000000000000000080'),
    ('order 8', '26e8958fc2b227b045c3f489f2ef98f0d5dfac05d3c63339b13802886d53fc05'),
    ('order 8, other sign', '26e8958fc2b227b045c3f489f2ef98f0d5dfac05d3c63339b13802886d53fc85'),
    ('order 8, another', 'c7176a703d4dd84fba3c0b760d10670f2a2053fa2c39ccc64ec7fd7792ac037a'),
    ('order 8, another, other sign', 'c7176a703d4dd84fba3c0b760d10670f2a2053fa2c39ccc64ec7fd7792ac03fa'),
    ('y = p', 'edffffffffffffffffffffffffffffffffffffffffffffffffffffffffffff7f'),
    ('y = p, other sign', 'edffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffff'),
    ('y = p + 1', 'eeffffffffffffffffffffffffffffffffffffffffffffffffffffffffffff7f'),
    ('y = p + 1, other sign', 'eeffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffff'),
    ('y = p + 2', 'efffffffffffffffffffffffffffffffffffffffffffffffffffffffffffff7f'),
    ('no point', '0200000000000000000000000000000000000000000000000000000000000000')) AS t (name, x);
INSERT INTO hostile (name, jwk) SELECT name, pg_temp.jwk(key, members) FROM (VALUES
    ('private d', 'ES256', '{"d": "AAAA"}'::jsonb), ('private p', 'RS256', '{"p": "AAAA"}'), ('private q', 'RS256', '{"q": "AAAA"}'),
    ('private dp', 'RS256', '{"dp": "AAAA"}'), ('private dq', 'RS256', '{"dq": "AAAA"}'), ('private qi', 'RS256', '{"qi": "AAAA"}'),
    ('private oth', 'RS256', '{"oth": []}'), ('private k', 'RS256', '{"k": "AAAA"}'), ('private priv', 'ES256', '{"priv": "AAAA"}'),
    ('use enc', 'ES256', '{"use": "enc"}'), ('use SIG', 'ES256', '{"use": "SIG"}'), ('use an array', 'ES256', '{"use": ["sig"]}'),
    ('key_ops sign', 'ES256', '{"key_ops": ["sign"]}'), ('key_ops empty', 'ES256', '{"key_ops": []}'),
    ('key_ops twice', 'ES256', '{"key_ops": ["verify", "verify"]}'), ('key_ops a string', 'ES256', '{"key_ops": "verify"}'),
    ('key_ops against use', 'ES256', '{"use": "sig", "key_ops": ["verify", "encrypt"]}'),
    ('key_ops a number', 'ES256', '{"key_ops": ["verify", 1]}'),
    ('alg of another curve', 'ES256', '{"alg": "ES384"}'), ('alg of another type', 'RS256', '{"alg": "ES256"}'),
    ('alg none', 'RS256', '{"alg": "none"}'), ('alg HS256', 'RS256', '{"alg": "HS256"}'), ('alg RSA-OAEP', 'RS256', '{"alg": "RSA-OAEP"}'),
    ('alg a number', 'RS256', '{"alg": 256}'), ('alg an array', 'RS256', '{"alg": ["RS256"]}'),
    ('kty missing', 'RS256', '{"kty": null}'), ('kty oct', 'RS256', '{"kty": "oct"}'), ('kty rsa', 'RS256', '{"kty": "rsa"}'),
    ('kty AKP', 'RS256', '{"kty": "AKP", "alg": "ML-DSA-44", "pub": "AAAA"}'), ('kty a number', 'RS256', '{"kty": 1}'),
    ('kid a number', 'RS256', '{"kid": 1}'), ('kid of 257 bytes', 'RS256', jsonb_build_object('kid', repeat('k', 257))),
    ('kid with a newline', 'RS256', '{"kid": "a\nb"}')) AS t (name, key, members);
INSERT INTO hostile (name, jwk) VALUES ('an empty object', '{}'), ('an array', '[]'), ('a string', '"RSA"'), ('null', 'null'),
    ('a set', pg_temp.set(pg_temp.jwk('RS256'))), ('a secret', '{"kty": "oct", "alg": "HS256", "k": "-ebuDNsVZ2iJtoZ-akfXTSCt4UO2cruLCsbWlBinggE"}');
SELECT name, pg_temp.add_key(jwk) FROM hostile ORDER BY number;
SELECT count(*) FROM token_auth.key;
-- nor does verify_jws take one
SELECT name FROM hostile WHERE name !~ '^a (set|secret)$' AND mint.outcome(format('SELECT token_auth.verify_jws(%L, %L, %L)',
    pg_temp.signed('RS256'), jwk, '{RS256,RS384,ES256,ES384,Ed25519,Ed448}')) !~ '^22';
-- under two of them everybody's signature would be good: padding alone with e = 1, and one constant for every message
SELECT mint.outcome(format('SELECT token_auth.verify_jws(%L, %L, ''{RS256}'')', input || '.' || mint.base64url(decode(
           '0001' || repeat('ff', 202) || '003031300d060960864801650304020105000420', 'hex') || sha256(convert_to(input, 'UTF8'))),
           pg_temp.hex('RS256', 'e', '01')))
FROM (SELECT mint.base64url('{"alg":"RS256","kid":"rs256"}') || '.' || mint.base64url('{"sub":"root"}')) AS t (input);
SELECT mint.outcome(format('SELECT token_auth.verify_jws(%L, %L, ''{Ed25519}'')',
           mint.base64url('{"alg":"Ed25519","kid":"ed25519"}') || '.' || mint.base64url('{"sub":"root"}') || '.' ||
           mint.base64url(decode('01' || repeat('00', 63), 'hex')),
           (SELECT jwk FROM hostile WHERE name = 'Ed25519, order 1')));

-- nor does a set bring one in beside a good key, where the issuer takes every algorithm and the key itself is judged
SELECT token_auth.add_issuer('https://hostile.test', '{orders-api}', namespace => '');
UPDATE token_auth.issuer SET algorithms = '{RS256,RS384,RS512,PS256,PS384,PS512,ES256,ES384,ES512,ES256K,Ed25519,Ed448}'
    WHERE issuer = 'https://hostile.test';
CREATE FUNCTION pg_temp.import_beside(jwk jsonb, OUT said text, OUT registered text) LANGUAGE plpgsql AS $$
BEGIN
    BEGIN
        SELECT string_agg(concat_ws(' ', key_id, algorithm, action), ', ') INTO said
            FROM token_auth.import_jwks('https://hostile.test', pg_temp.set(pg_temp.jwk('PS512'), jwk));
    EXCEPTION WHEN OTHERS THEN
        GET STACKED DIAGNOSTICS said = PG_EXCEPTION_DETAIL;
        said := concat_ws(' ', SQLSTATE, SQLERRM, said);
    END;
    -- the next key meets no trace of this one
    WITH gone AS (DELETE FROM token_auth.key WHERE issuer = 'https://hostile.test' RETURNING key_id)
    SELECT coalesce(string_agg(key_id, ', ' ORDER BY key_id), 'none') INTO registered FROM gone;
END $$;
SELECT name, said, registered FROM (SELECT * FROM hostile ORDER BY number) AS h, LATERAL pg_temp.import_beside(jwk);
SELECT token_auth.drop_issuer('https://hostile.test');

-- taken: what is sound, whatever else it carries
SELECT name, pg_temp.add_key(jwk) FROM (VALUES
    ('RS256', pg_temp.jwk('RS256')), ('e = 3', pg_temp.hex('RS512', 'e', '03')), ('e of 32 bits', pg_temp.hex('PS256', 'e', 'ffffffff')),
    ('with use and key_ops', pg_temp.jwk('ES256', '{"use": "sig", "key_ops": ["verify"]}')),
    ('key_ops without use', pg_temp.jwk('ES384', '{"key_ops": ["sign", "verify", "encrypt"]}')),
    ('with a certificate and unknown members', pg_temp.jwk('RS384', '{"x5c": ["AAAA"], "x5t": "AAAA", "nbf": 1, "custom": {"a": []}}')),
    ('EdDSA', pg_temp.jwk('Ed25519', '{"alg": "EdDSA"}')), ('without alg, one choice', pg_temp.jwk('Ed448', '{"alg": null}')),
    ('without alg, of the issuer''s list', pg_temp.jwk('PS384', '{"alg": null}')),
    ('without kid', pg_temp.jwk('ES512', '{"kid": null}'))) AS t (name, jwk);
SELECT key_id, algorithm, origin, jwk - 'n' - 'x' - 'y' - 'e' FROM token_auth.key ORDER BY key_id;
SELECT count(*) FROM token_auth.key WHERE thumbprint <> token_auth.jwk_thumbprint(jwk);
SELECT mint.verdict(pg_temp.signed('RS256')), mint.verdict(pg_temp.signed('ES256'));
-- refused: the same key again, and another key of the same kid and algorithm
SELECT pg_temp.add_key(pg_temp.jwk('RS256'));
SELECT pg_temp.add_key(pg_temp.jwk('RS256', '{"alg": "PS256", "kid": "another"}'));
SELECT pg_temp.add_key(pg_temp.jwk('PS512', '{"alg": "RS256", "kid": "rs256"}'));
SELECT pg_temp.add_key(pg_temp.jwk('PS512', '{"alg": "PS256", "kid": "rs256"}'));
-- what is stored has no members but the key's own
SELECT token_auth.jwks('fixtures.test') #> '{keys,0}' ? 'x5c', jsonb_array_length(token_auth.jwks('fixtures.test') -> 'keys');

-- secrets
CREATE FUNCTION pg_temp.add_secret(secret bytea, algorithm text, key_id text) RETURNS text LANGUAGE sql AS $$
    SELECT mint.outcome(format('SELECT token_auth.add_secret(''fixtures.test'', %L, %L, %L)', secret, algorithm, key_id))
$$;
SELECT name, pg_temp.add_secret(secret, algorithm, key_id) FROM (VALUES
    ('31 octets', substr(sha256('s'), 2), 'HS256', NULL), ('47 octets', substr(sha384('s'), 2), 'HS384', NULL),
    ('63 octets', substr(sha512('s'), 2), 'HS512', NULL), ('a password', 'secret', 'HS256', NULL), ('empty', '', 'HS256', NULL),
    ('1025 octets', decode(repeat('5aa5', 512) || '5a', 'hex'), 'HS256', NULL),
    ('RS256', sha256('s'), 'RS256', NULL), ('none', sha256('s'), 'none', NULL), ('hs256', sha256('s'), 'hs256', NULL),
    ('no algorithm', sha256('s'), NULL, NULL), ('no secret', NULL, 'HS256', NULL), ('empty kid', sha256('s'), 'HS256', ''),
    ('kid of 257 bytes', sha256('s'), 'HS256', repeat('k', 257)), ('kid with a newline', sha256('s'), 'HS256', E'a\nb'),
    ('kid of a public key, another algorithm', sha256('s'), 'HS256', 'rs256'),
    ('the same secret', sha256('s'), 'HS256', 'again'), ('the same kid', sha256('t'), 'HS256', 'rs256'),
    ('without kid', sha256('u'), 'HS256', NULL)) AS t (name, secret, algorithm, key_id);
SELECT count(*) FROM token_auth.secret;
-- no part of one is shown by the public set or the key table, and none but the owner reads the table
SELECT token_auth.jwks('fixtures.test')::text ~ 'oct|"k"', count(*) FILTER (WHERE jwk ? 'k') FROM token_auth.key;
SELECT count(*) FROM token_auth.key WHERE algorithm = 'HS256' AND thumbprint IN (
    SELECT token_auth.jwk_thumbprint(jsonb_build_object('kty', 'oct', 'k', mint.base64url(secret))) FROM token_auth.secret);
CREATE ROLE regress_keys IN ROLE pg_read_all_data;
SET ROLE regress_keys;
SELECT count(*) FROM token_auth.secret;
SELECT count(*) FROM token_auth.key;
SELECT mint.outcome('SELECT token_auth.add_key(''fixtures.test'', ''{}'')');
SELECT mint.outcome('SELECT token_auth.verify_jws('''', ''{}'', ''{RS256}'')');
SELECT mint.outcome('SELECT token_auth.jwks(''fixtures.test'')');
RESET ROLE;
DROP ROLE regress_keys;

-- PEM
CREATE FUNCTION pg_temp.from_pem(pem text, algorithm text) RETURNS text LANGUAGE sql AS $$
    SELECT mint.outcome(format('SELECT token_auth.jwk_from_pem(%L, %L)', pem, algorithm))
$$;
SELECT name, CASE WHEN name ~ '^P-' THEN left(pg_temp.from_pem(pem, 'ES256'), 5)
                  ELSE pg_temp.from_pem(pem, CASE WHEN name ~ 'RSA' THEN 'RS256' END) END FROM fixture
    WHERE kind = 'pem' AND name NOT IN ('RSA PUBLIC KEY', 'CERTIFICATE', 'compressed point') ORDER BY name COLLATE "C";
-- refused: numbers that PEM can say; they are judged as those of a JWK
CREATE FUNCTION pg_temp.der(tag text, content text) RETURNS text LANGUAGE sql AS $$
    SELECT tag || CASE WHEN size < 128 THEN lpad(to_hex(size), 2, '0') ELSE '82' || lpad(to_hex(size), 4, '0') END || content
    FROM (SELECT length(content) / 2) AS t (size)
$$;
CREATE FUNCTION pg_temp.key_info(algorithm text, key text) RETURNS text LANGUAGE sql AS $$
    SELECT format(E'-----BEGIN PUBLIC KEY-----\n%s\n-----END PUBLIC KEY-----\n', encode(decode(
        pg_temp.der('30', pg_temp.der('30', algorithm) || pg_temp.der('03', '00' || key)), 'hex'), 'base64'))
$$;
CREATE FUNCTION pg_temp.rsa(n bytea, e text) RETURNS text LANGUAGE sql AS $$
    SELECT pg_temp.key_info('06092a864886f70d0101010500', pg_temp.der('30', pg_temp.der('02', '00' || encode(n, 'hex')) || pg_temp.der('02', e)))
$$;
CREATE FUNCTION pg_temp.ec(curve text, point text) RETURNS text LANGUAGE sql AS $$
    SELECT pg_temp.key_info('06072a8648ce3d0201' || curve, point)
$$;
SELECT name, pg_temp.from_pem(pem, CASE WHEN name ~ '^[en] ' THEN 'RS256' END) FROM (VALUES
    ('e = 1', pg_temp.rsa(pg_temp.modulus(), '01')), ('e = 2', pg_temp.rsa(pg_temp.modulus(), '02')),
    ('e = 65536', pg_temp.rsa(pg_temp.modulus(), '010000')), ('e of 33 bits', pg_temp.rsa(pg_temp.modulus(), '0100000001')),
    ('n even', pg_temp.rsa(set_byte(pg_temp.modulus(), 255, get_byte(pg_temp.modulus(), 255) & 254), '010001')),
    ('n of 1024 bits', pg_temp.rsa('\xff' || substr(pg_temp.modulus(), 130), '010001')),
    ('n divisible by 3', pg_temp.rsa(decode(repeat('ff', 256), 'hex'), '010001')),
    ('n of 16384 bits', pg_temp.rsa(decode(repeat('ff', 2048), 'hex'), '010001')),
    ('Ed25519, order 1', pg_temp.key_info('06032b6570', '01' || repeat('00', 31))),
    ('Ed25519, order 8', pg_temp.key_info('06032b6570', '26e8958fc2b227b045c3f489f2ef98f0d5dfac05d3c63339b13802886d53fc05')),
    ('Ed25519, y = p', pg_temp.key_info('06032b6570', 'ed' || repeat('ff', 30) || '7f')),
    ('Ed25519, no point', pg_temp.key_info('06032b6570', '02' || repeat('00', 31))),
    ('Ed448, order 4', pg_temp.key_info('06032b6571', repeat('00', 57))),
    ('Ed448, y = p', pg_temp.key_info('06032b6571', repeat('ff', 28) || 'fe' || repeat('ff', 27) || '00')),
    ('P-256, infinity', pg_temp.ec('06082a8648ce3d030107', '00')), ('P-384, infinity', pg_temp.ec('06052b81040022', '00')),
    ('P-521, infinity', pg_temp.ec('06052b81040023', '00')), ('secp256k1, infinity', pg_temp.ec('06052b8104000a', '00')),
    ('P-256, off the curve', pg_temp.ec('06082a8648ce3d030107', '04' || repeat('01', 64)))) AS t (name, pem);
-- taken: the same way of writing, and no hostile number
SELECT pg_temp.from_pem(pg_temp.rsa(pg_temp.modulus(), '03'), 'RS256'), pg_temp.from_pem(pg_temp.key_info('06032b6570', '58' || repeat('66', 31)), NULL);
SELECT what, pg_temp.from_pem(text, algorithm) FROM fixture, LATERAL (VALUES
    ('empty', '', 'RS256'), ('white space', E' \n', 'RS256'), ('no PEM', 'ssh-rsa AAAA', 'RS256'), ('a JWK', jwk::text, 'RS256'),
    ('words in front', 'my key: ' || pem, 'RS256'), ('words behind', pem || 'x', 'RS256'), ('two blocks', pem || pem, 'RS256'),
    ('no end', left(pem, -20), 'RS256'), ('no base64', replace(pem, 'M', '!'), 'RS256'), ('bytes missing', regexp_replace(pem, '\n.{64}\n', E'\n'), 'RS256'),
    ('a byte more', regexp_replace(encode(decode(regexp_replace(pem, '-----.*?-----', '', 'g'), 'base64') || '\x00'::bytea, 'base64'),
                                   '^(.*)$', E'-----BEGIN PUBLIC KEY-----\n\\1\n-----END PUBLIC KEY-----\n'), 'RS256'),
    ('the same bytes', regexp_replace(encode(decode(regexp_replace(pem, '-----.*?-----', '', 'g'), 'base64'), 'base64'),
                                      '^(.*)$', E'-----BEGIN PUBLIC KEY-----\n\\1\n-----END PUBLIC KEY-----\n'), 'RS256'),
    ('another label', replace(pem, 'PUBLIC KEY', 'RSA PUBLIC KEY'), 'RS256'), ('a label of nothing', replace(pem, 'PUBLIC KEY', 'FOO'), 'RS256'),
    ('20 kB', pem || repeat(E'\n', 20000), 'RS256'), ('NULL', NULL, 'RS256'),
    ('RSA for ES256', pem, 'ES256'), ('RSA for HS256', pem, 'HS256'), ('RSA for none', pem, 'none'), ('RSA for nothing', pem, NULL),
    ('RSA for RS512', pem, 'RS512'), ('Windows line ends', replace(pem, E'\n', E'\r\n'), 'PS256'),
    ('white space around', E'\n ' || pem || E' \n', 'RS256')) AS t (what, text, algorithm)
    WHERE name = 'RS256';
SELECT name, token_auth.jwk_from_pem(pem, regexp_replace(name, ' .*', ''), 'k') =
       jsonb_strip_nulls(jwk || jsonb_build_object('kid', 'k', 'use', 'sig', 'alg', regexp_replace(name, 'EdDSA with ', '')))
    FROM fixture WHERE kind = 'algorithm';
SELECT name, token_auth.jwk_from_pem(pem, algorithm) - 'alg' - 'use' = pg_temp.jwk(same) - 'alg' - 'kid' FROM (VALUES
    ('RSA PUBLIC KEY', 'RS256', 'RS256'), ('compressed point', NULL, 'ES256')) AS t (name, algorithm, same) JOIN fixture USING (name);
SELECT token_auth.jwk_from_pem(pem, NULL) - 'x' - 'y' FROM fixture WHERE name = 'CERTIFICATE';
SELECT mint.outcome(format('SELECT token_auth.jwk_from_pem(%L, ''ES256'', %L)', pem, repeat('k', 257))) FROM fixture WHERE name = 'ES256';

-- thumbprints: RFC 7638 section 3.1, RFC 8037 appendix A.3, RFC 9449 section 6.1; only the required members count
SELECT token_auth.jwk_thumbprint('{"kty": "RSA", "e": "AQAB", "alg": "RS256", "kid": "2011-04-29",
    "n": "0vx7agoebGcQSuuPiLJXZptN9nndrQmbXEps2aiAFbWhM78LhWx4cbbfAAtVT86zwu1RK7aPFFxuhDR1L6tSoc_BJECPebWKRXjBZCiFV4n3oknjhMstn64tZ_2W-5JsGY4Hc5n9yBXArwl93lqt7_RN5w6Cf0h4QyQ5v-65YGjQR0_FDW2QvzqY368QQMicAtaSqzs8KJZgnYb9c7d0zgdAZHzu6qMQvRL5hajrn1n91CbOpbISD08qNLyrdkt-bFTWhAI4vMQFh6WeZu0fM4lFd2NcRwr3XPksINHaQ-G_xBniIqbw0Ls1jF44-csFCur-kEgU8awapJzKnqDKgw"}');
SELECT token_auth.jwk_thumbprint('{"kty": "OKP", "crv": "Ed25519", "x": "11qYAYKxCrfVS_7TyWQHOg7hcvPapiMlrwIaaPcHURo"}');
SELECT token_auth.jwk_thumbprint('{"kty": "EC", "x": "l8tFrhx-34tV3hRICRDY9zCkDlpBhF42UQUfWVAWBFs", "y": "9VE4jf_Ok_o64zbTTlcuNJajHmt6v9TDVrU0CdvGRDA", "crv": "P-256"}');
SELECT mint.outcome(format('SELECT token_auth.jwk_thumbprint(%L)', jwk)) FROM (VALUES
    ('{}'), ('[]'), ('{"kty": "XYZ"}'), ('{"kty": "EC", "crv": "P-256", "x": "AA"}'), ('{"kty": "RSA", "e": "AAEAAQ", "n": "u-8"}'),
    ('{"kty": "OKP", "crv": "Ed25519\"", "x": "AA"}'), ('{"kty": "OKP", "crv": "Ed25519", "x": "AB"}')) AS t (jwk);
SELECT token_auth.jwk_thumbprint(NULL) IS NULL;

-- import: refused as a whole
SELECT count(token_auth.drop_issuer(issuer)) FROM token_auth.issuer;
SELECT token_auth.add_issuer('https://fixtures.test', '{orders-api}');
UPDATE token_auth.issuer SET max_lifetime = NULL;
CREATE FUNCTION pg_temp.import(jwks jsonb, replace boolean DEFAULT true) RETURNS text LANGUAGE sql AS $$
    SELECT regexp_replace(mint.outcome(format('SELECT token_auth.import_jwks(''https://fixtures.test'', %L, %L)', jwks, replace)),
                          ', near byte \d+', '')
$$;
SELECT name, pg_temp.import(jwks) FROM (VALUES
    ('NULL', NULL), ('empty', '{"keys": []}'), ('no object', '[]'), ('a string', '"https://idp.test/jwks.json"'),
    ('keys no array', '{"keys": {}}'), ('keys null', '{"keys": null}'), ('a key no object', '{"keys": ["k"]}'),
    ('an error in place of keys', '{"error": "not_found"}'),
    ('a private member', pg_temp.set(pg_temp.jwk('RS256'), pg_temp.jwk('ES256', '{"d": "AAAA"}'))),
    ('a private member in a key that could not be used', pg_temp.set(pg_temp.jwk('RS256'), '{"kty": "XYZ", "d": "AAAA"}')),
    ('a secret', pg_temp.set(pg_temp.jwk('RS256'), '{"kty": "oct", "k": "AAAA"}')),
    ('only a secret', '{"kty": "oct", "alg": "HS256", "k": "-ebuDNsVZ2iJtoZ-akfXTSCt4UO2cruLCsbWlBinggE"}'),
    ('a secret without k', pg_temp.set(pg_temp.jwk('RS256'), '{"kty": "oct"}')),
    ('no key that can be used', pg_temp.set(pg_temp.jwk('RS256', '{"use": "enc"}'), pg_temp.jwk('ES384'))),
    ('101 keys', (SELECT jsonb_build_object('keys', jsonb_agg(pg_temp.jwk('RS256') || jsonb_build_object('kid', i))) FROM generate_series(1, 101) AS i))
    ) AS t (name, jwks);
SELECT mint.outcome(format('SELECT token_auth.import_jwks(''https://fixtures.test'', %L, NULL)', pg_temp.jwk('RS256')));
SELECT count(*) FROM token_auth.key;

-- import: a key that cannot be used does not spoil the set
UPDATE token_auth.issuer SET algorithms = algorithms || '{RS384}';
SELECT * FROM token_auth.import_jwks('https://fixtures.test', pg_temp.set(
    pg_temp.jwk('RS256'), pg_temp.jwk('ES256', '{"use": "enc"}'), '{"kty": "XYZ", "kid": "new kind"}', '{}',
    pg_temp.hex('Ed25519', 'x', '01' || repeat('00', 31)), pg_temp.jwk('PS256', '{"kid": "a\nb\"\u00f6"}'),
    pg_temp.jwk('ES384'), pg_temp.hex('RS384', 'e', '01')));
SELECT mint.verdict(pg_temp.signed('RS256')), mint.verdict(pg_temp.signed('ES256'));
-- a kid that two keys have means neither of them; the same key twice counts once
SELECT * FROM token_auth.import_jwks('https://fixtures.test', pg_temp.set(
    pg_temp.jwk('RS256'), pg_temp.jwk('RS384', '{"alg": "RS256", "kid": "rs256"}'), pg_temp.jwk('ES256'), pg_temp.jwk('ES256'),
    pg_temp.jwk('PS256', '{"kid": "es256"}')));
SELECT mint.verdict(pg_temp.signed('RS256')), mint.verdict(pg_temp.signed('ES256'));
-- keys without kid: a token without kid finds one, not two
SELECT * FROM token_auth.import_jwks('https://fixtures.test', pg_temp.set(
    pg_temp.jwk('RS256', '{"kid": null}'), pg_temp.jwk('ES256')));
SELECT mint.verdict(pg_temp.signed('RS256')), mint.verdict(pg_temp.signed('embedded jwk'));
-- 100 keys are taken
SELECT count(*), min(action) FROM token_auth.import_jwks('https://fixtures.test',
    (SELECT jsonb_build_object('keys', jsonb_agg(pg_temp.jwk('ES256', '{"use": "enc"}') || jsonb_build_object('kid', i)) || pg_temp.jwk('RS256'))
     FROM generate_series(1, 99) AS i)) WHERE action ~ 'rejected|kept';

-- rotation: a key that is gone is retired, and verifies nothing until it is back; keys by hand stay
SELECT * FROM token_auth.import_jwks('fixtures.test', pg_temp.set(pg_temp.jwk('RS256'), pg_temp.jwk('ES256')));
SELECT token_auth.add_key('fixtures.test', pg_temp.jwk('ES384'));
SELECT name, mint.verdict(token) FROM fixture WHERE name IN ('RS256', 'ES256', 'ES384', 'PS256') ORDER BY name;
SELECT * FROM token_auth.import_jwks('fixtures.test', pg_temp.jwk('PS256'), replace => false);
SELECT * FROM token_auth.import_jwks('fixtures.test', pg_temp.set(pg_temp.jwk('ES256'), pg_temp.jwk('PS256')));
SELECT name, mint.verdict(token) FROM fixture WHERE name IN ('RS256', 'ES256', 'ES384', 'PS256') ORDER BY name;
SELECT pg_temp.add_key(pg_temp.jwk('RS256'));
SELECT * FROM token_auth.import_jwks('fixtures.test', pg_temp.set(pg_temp.jwk('RS256')));
SELECT name, mint.verdict(token) FROM fixture WHERE name IN ('RS256', 'ES256', 'ES384', 'PS256') ORDER BY name;
-- what is refused changes nothing
SELECT pg_temp.import(pg_temp.set(pg_temp.jwk('PS256'), pg_temp.jwk('ES256', '{"d": "AAAA"}'))), pg_temp.import('{"keys": []}');
SELECT key_id FROM token_auth.key WHERE retired_at IS NULL ORDER BY key_id;

-- a key is its thumbprint: disabled, it stays so under another kid or algorithm, and when it is retired and brought again
SELECT token_auth.disable_key('fixtures.test', 'rs256'), token_auth.disable_key('fixtures.test', 'rs256');
SELECT * FROM token_auth.import_jwks('fixtures.test', pg_temp.set(pg_temp.jwk('RS256', '{"kid": "new", "alg": "PS256"}')));
SELECT * FROM token_auth.import_jwks('fixtures.test', pg_temp.set(pg_temp.jwk('ES256')));
SELECT * FROM token_auth.import_jwks('fixtures.test', pg_temp.set(pg_temp.jwk('RS256')));
SELECT pg_temp.add_key(pg_temp.jwk('RS256'));
SELECT mint.verdict(pg_temp.signed('RS256'));
SELECT token_auth.enable_key('fixtures.test', 'rs256'), token_auth.enable_key('fixtures.test', 'rs256');
SELECT mint.verdict(pg_temp.signed('RS256'));
-- by thumbprint, too
SELECT token_auth.disable_key('fixtures.test', token_auth.jwk_thumbprint(pg_temp.jwk('RS256')));
SELECT mint.verdict(pg_temp.signed('RS256'));
-- a disabled key of one kid makes room for another, and does not come back beside it
SELECT token_auth.add_key('fixtures.test', pg_temp.jwk('RS384', '{"kid": "rs256", "alg": "RS256"}'));
SELECT mint.outcome('SELECT token_auth.enable_key(''fixtures.test'', ''rs256'')');
SELECT mint.verdict(pg_temp.signed('RS256'));
SELECT key_id, algorithm, enabled FROM token_auth.key WHERE key_id = 'rs256' ORDER BY enabled;
-- where a kid names two, it disables both, and the thumbprint says which one is to be enabled
SELECT token_auth.disable_key('fixtures.test', 'rs256');
SELECT mint.outcome('SELECT token_auth.enable_key(''fixtures.test'', ''rs256'')');
SELECT token_auth.enable_key('fixtures.test', token_auth.jwk_thumbprint(pg_temp.jwk('RS256')));
SELECT mint.verdict(pg_temp.signed('RS256'));
SELECT count(*) FROM token_auth.key WHERE key_id = 'rs256' AND enabled;
-- a disabled key is not published
SELECT k ->> 'kid', k ->> 'alg' FROM jsonb_array_elements(token_auth.jwks('fixtures.test') -> 'keys') AS k ORDER BY 1, 2;

-- a kid that means a new key: the old one is retired, not tried beside it
SELECT token_auth.add_issuer('https://reuse.test', '{orders-api}', namespace => '', jwks => pg_temp.jwk('RS256'));
CREATE FUNCTION pg_temp.reuse(VARIADIC keys jsonb[]) RETURNS TABLE (key_id text, algorithm text, action text) LANGUAGE sql AS $$
    SELECT * FROM token_auth.import_jwks('https://reuse.test', pg_temp.set(VARIADIC keys))
$$;
SELECT * FROM token_auth.import_jwks('reuse.test', pg_temp.jwk('RS384', '{"kid": "rs256", "alg": "RS256"}'), replace => false);
SELECT * FROM pg_temp.reuse(pg_temp.jwk('RS384', '{"kid": "rs256", "alg": "RS256"}'));
SELECT token_auth.jwks('reuse.test') #>> '{keys,0,n}' = pg_temp.jwk('RS384') ->> 'n', jsonb_array_length(token_auth.jwks('reuse.test') -> 'keys');
-- a kid that goes from one key to another, in whichever order they stand in the set
SELECT * FROM pg_temp.reuse(pg_temp.jwk('RS384', '{"kid": "old", "alg": "RS256"}'), pg_temp.jwk('RS512', '{"kid": "rs256", "alg": "RS256"}'));
SELECT * FROM pg_temp.reuse(pg_temp.jwk('PS256', '{"kid": "rs256", "alg": "RS256"}'), pg_temp.jwk('RS512', '{"kid": "old", "alg": "RS256"}'));
-- refused: a kid that goes to a key of the set, while one that stays has it: nobody else loses it, and under its old kid the key is no longer published
SELECT token_auth.add_key('https://reuse.test', pg_temp.jwk('PS384', '{"kid": "by hand", "alg": "RS256"}')) IS NOT NULL;
SELECT * FROM pg_temp.reuse(pg_temp.jwk('PS256', '{"kid": "by hand", "alg": "RS256"}'), pg_temp.jwk('RS512', '{"kid": "rs256", "alg": "RS256"}'));
SELECT key_id, jwk ->> 'kid', origin, retired_at IS NULL FROM token_auth.key WHERE issuer = 'https://reuse.test' ORDER BY 1, 3;
SELECT * FROM pg_temp.reuse(pg_temp.jwk('PS256', '{"kid": "rs256", "alg": "RS256"}'), pg_temp.jwk('RS512', '{"kid": "old", "alg": "RS256"}'));

-- a row written by hand passes the same checks when it is read
INSERT INTO token_auth.key (issuer, thumbprint, key_id, algorithm, jwk, origin)
    VALUES ('https://fixtures.test', 'forged', 'ed25519', 'Ed25519', (SELECT jwk FROM hostile WHERE name = 'Ed25519, order 1'), 'manual');
SELECT mint.verdict(mint.base64url('{"alg":"Ed25519","kid":"ed25519","typ":"JWT"}') || '.' ||
    mint.base64url(convert_to(mint.claims('{"iss": "https://fixtures.test"}')::text, 'UTF8')) || '.' ||
    mint.base64url(decode('01' || repeat('00', 63), 'hex')));
SELECT mint.verdict(pg_temp.signed('ES384'));

-- refused: a row whose column key_id and whose key name two kids, or one of them none
SELECT split_part(mint.outcome(statement), ' Failing', 1) FROM (VALUES
    ('UPDATE token_auth.key SET key_id = ''another'' WHERE key_id = ''ed25519'''),
    ('UPDATE token_auth.key SET key_id = NULL WHERE key_id = ''ed25519'''),
    ('UPDATE token_auth.key SET jwk = jwk || ''{"kid": "another"}'' WHERE key_id = ''ed25519'''),
    ('UPDATE token_auth.key SET jwk = jwk - ''kid'' WHERE key_id = ''ed25519''')) AS t (statement);
DELETE FROM token_auth.key WHERE thumbprint = 'forged';

-- issuers and names: either will do; a near miss is told
SELECT what, mint.outcome(statement) FROM (VALUES
    ('exists', 'SELECT token_auth.add_issuer(''https://fixtures.test'', ''{orders-api}'')'),
    ('name exists', 'SELECT token_auth.add_issuer(''https://second.test'', ''{orders-api}'', name => ''fixtures.test'')'),
    ('name is an issuer', 'SELECT token_auth.add_issuer(''https://second.test'', ''{orders-api}'', name => ''https://fixtures.test'')'),
    ('issuer is a name', 'SELECT token_auth.add_issuer(''fixtures.test'', ''{orders-api}'', name => ''x'')'),
    ('no issuer', 'SELECT token_auth.add_issuer(NULL, ''{orders-api}'')'),
    ('no audiences', 'SELECT token_auth.add_issuer(''https://second.test'', NULL)'),
    ('empty audiences', 'SELECT token_auth.add_issuer(''https://second.test'', ''{}'')'),
    ('audience NULL', 'SELECT token_auth.add_issuer(''https://second.test'', ''{NULL}'')'),
    ('audience empty', 'SELECT token_auth.add_issuer(''https://second.test'', ''{""}'')'),
    ('any audience beside one', 'SELECT token_auth.add_issuer(''https://second.test'', ''{*,orders-api}'')'),
    ('blank at the end', 'SELECT token_auth.add_issuer(''https://second.test '', ''{orders-api}'')'),
    ('513 bytes', format('SELECT token_auth.add_issuer(%L, ''{orders-api}'')', repeat('i', 513))),
    ('empty name', 'SELECT token_auth.add_issuer(''https://second.test'', ''{orders-api}'', name => '''')'),
    ('unprotected jwks_uri', 'SELECT token_auth.add_issuer(''https://second.test'', ''{orders-api}'', jwks_uri => ''http://second.test/jwks'')'),
    ('jwks that cannot be used', 'SELECT token_auth.add_issuer(''https://second.test'', ''{orders-api}'', jwks => ''{"keys": []}'')'),
    ('unknown to import_jwks', format('SELECT token_auth.import_jwks(''https://second.test'', %L)', pg_temp.jwk('RS256'))),
    ('unknown to add_key', format('SELECT token_auth.add_key(''https://second.test'', %L)', pg_temp.jwk('RS256'))),
    ('unknown to add_secret', 'SELECT token_auth.add_secret(''https://second.test'', sha256(''s''), ''HS256'')'),
    ('unknown to disable_key', 'SELECT token_auth.disable_key(''https://second.test'', ''rs256'')'),
    ('unknown to enable_key', 'SELECT token_auth.enable_key(''https://second.test'', ''rs256'')'),
    ('unknown to jwks', 'SELECT token_auth.jwks(''https://second.test'')'),
    ('unknown to drop_issuer', 'SELECT token_auth.drop_issuer(''https://second.test'')'),
    ('NULL to import_jwks', format('SELECT token_auth.import_jwks(NULL, %L)', pg_temp.jwk('RS256'))),
    ('NULL to add_key', format('SELECT token_auth.add_key(NULL, %L)', pg_temp.jwk('RS256'))),
    ('NULL key to add_key', 'SELECT token_auth.add_key(''fixtures.test'', NULL)'),
    ('NULL to disable_key', 'SELECT token_auth.disable_key(''fixtures.test'', NULL)'),
    ('NULL to jwks', 'SELECT token_auth.jwks(NULL)'),
    ('NULL to drop_issuer', 'SELECT token_auth.drop_issuer(NULL)'),
    ('unknown key to disable_key', 'SELECT token_auth.disable_key(''fixtures.test'', ''RS256'')'),
    ('unknown key to enable_key', 'SELECT token_auth.enable_key(''fixtures.test'', ''RS256'')')) AS t (what, statement);
SELECT count(*) FROM token_auth.issuer;
CREATE FUNCTION pg_temp.hint(statement text) RETURNS text LANGUAGE plpgsql AS $$
DECLARE
    hint text;
BEGIN
    EXECUTE statement;
    RETURN 'accepted';
EXCEPTION WHEN OTHERS THEN
    GET STACKED DIAGNOSTICS hint = PG_EXCEPTION_HINT;
    RETURN hint;
END $$;
SELECT typed, pg_temp.hint(format('SELECT token_auth.jwks(%L)', typed)) FROM unnest(
    '{https://fixtures.test/,http://fixtures.test,Fixtures.Test,fixtures,https://nobody.example,""}'::text[]) AS typed;
SELECT mint.outcome('SELECT token_auth.jwks(''https://fixtures.test'')'), mint.outcome('SELECT token_auth.jwks(''fixtures.test'')');

-- a local issuer imports none; a set given to add_issuer may hold what cannot be used, and says so
UPDATE token_auth.issuer SET local = true;
SELECT pg_temp.import(pg_temp.jwk('RS256'));
UPDATE token_auth.issuer SET local = false;
SET client_min_messages = notice;
SELECT token_auth.add_issuer('https://noted.test', '{orders-api}', namespace => '', jwks => pg_temp.set(
    pg_temp.jwk('RS256'), pg_temp.jwk('ES384'), pg_temp.jwk('ES256', '{"kid": null, "use": "enc"}')));
SET client_min_messages = warning;

-- more than 100 keys of one issuer
SELECT token_auth.add_issuer('https://many.test', '{orders-api}', namespace => '');
SELECT count(token_auth.add_secret('many.test', sha256(convert_to(i::text, 'UTF8')), 'HS256', i::text)) FROM generate_series(1, 100) AS i;
SELECT mint.outcome('SELECT token_auth.add_secret(''many.test'', sha256(''101''), ''HS256'', ''101'')');
SELECT mint.verdict(mint.token('{"iss": "https://many.test"}', '{"kid": "100"}', sha256('100'))),
       mint.verdict(mint.token('{"iss": "https://many.test"}', '{"kid": "101"}', sha256('101')));

SELECT count(token_auth.drop_issuer(issuer)) FROM token_auth.issuer;
SELECT count(*) FROM token_auth.key;
SELECT count(*) FROM token_auth.secret;
