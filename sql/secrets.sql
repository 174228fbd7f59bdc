-- nothing that others know is a secret: keys, certificates and tokens are refused as one, also where a row has one already
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
CREATE FUNCTION pg_temp.pem(name text) RETURNS text LANGUAGE sql AS $$
    SELECT pem FROM fixture WHERE kind = 'pem' AND fixture.name = pem.name
$$;
CREATE FUNCTION pg_temp.jwk(name text) RETURNS jsonb LANGUAGE sql AS $$
    SELECT jwk FROM fixture WHERE fixture.name = jwk.name
$$;
-- the base64 in a PEM block, in one line
CREATE FUNCTION pg_temp.body(pem text) RETURNS text LANGUAGE sql AS $$
    SELECT regexp_replace(pem, '-----[^\n]*-----|\s', '', 'g')
$$;
CREATE FUNCTION pg_temp.add_secret(secret bytea, OUT said text, OUT hint text) LANGUAGE plpgsql AS $$
DECLARE
    detail text;
BEGIN
    PERFORM token_auth.add_secret('secrets.test', secret, 'HS256');
    said := 'accepted';
EXCEPTION WHEN OTHERS THEN
    GET STACKED DIAGNOSTICS detail = PG_EXCEPTION_DETAIL, hint = PG_EXCEPTION_HINT;
    said := concat_ws(' ', SQLSTATE, SQLERRM || ':', detail);
END $$;

SELECT token_auth.add_issuer('https://secrets.test', '{orders-api}');

-- refused: each form, with what to call instead
CREATE TEMP TABLE form (number int GENERATED ALWAYS AS IDENTITY, name text, secret bytea);
INSERT INTO form (name, secret)
    SELECT name || ' in PEM', convert_to(pem, 'UTF8') FROM fixture WHERE kind = 'pem' AND name <> 'two blocks' ORDER BY name COLLATE "C";
INSERT INTO form (name, secret)
    SELECT name || ', decoded', decode(pg_temp.body(pem), 'base64') FROM fixture
    WHERE kind = 'pem' AND name IN ('RSA PUBLIC KEY', 'CERTIFICATE', 'compressed point') ORDER BY name COLLATE "C";
INSERT INTO form (name, secret) VALUES
    ('PEM behind a byte order mark, with CRLF', '\xefbbbf' || convert_to(replace(pg_temp.pem('compressed point'), E'\n', E'\r\n'), 'UTF8')),
    ('PEM behind text', convert_to(E'\n Subject: CN=idp\n' || pg_temp.pem('compressed point'), 'UTF8')),
    ('base64 without its PEM block', convert_to(pg_temp.body(pg_temp.pem('compressed point')), 'UTF8')),
    ('DER as hexadecimal digits', convert_to(decode(pg_temp.body(pg_temp.pem('compressed point')), 'base64')::text, 'UTF8')),
    ('PEM in base64', convert_to(encode(convert_to(pg_temp.pem('compressed point'), 'UTF8'), 'base64'), 'UTF8')),
    ('OpenSSH', 'ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIGJpjEhJoNm+cLuKsA9D1+vQ8nbB0dwCF8KnyGA6IbOG alice@example.com'),
    ('a JWK', convert_to(pg_temp.jwk('ES256')::text, 'UTF8')),
    ('a JWK Set', convert_to(jsonb_build_object('keys', jsonb_build_array(pg_temp.jwk('RS256')))::text, 'UTF8')),
    ('a JWK Set of more than 1024 bytes', convert_to(jsonb_build_object('keys', jsonb_build_array(pg_temp.jwk('RS256'), pg_temp.jwk('RS384'),
        pg_temp.jwk('RS512')))::text, 'UTF8')),
    ('an oct JWK', '{"kty": "oct", "alg": "HS256", "k": "-ebuDNsVZ2iJtoZ-akfXTSCt4UO2cruLCsbWlBinggE"}'),
    ('a JSON document', convert_to(jsonb_build_object('realm', 'shop', 'public_key', pg_temp.body(pg_temp.pem('compressed point')))::text, 'UTF8')),
    ('a token', convert_to(mint.token(), 'UTF8')),
    ('zeros', decode(repeat('00', 32), 'hex')), ('one letter', convert_to(repeat('x', 64), 'UTF8'));
SELECT name, said, hint FROM (SELECT * FROM form ORDER BY number) AS f, LATERAL pg_temp.add_secret(secret);
SELECT count(*) FROM token_auth.secret;
SELECT count(*) FROM token_auth.key;

-- a row that was written by other means verifies nothing: signed with what everybody knows
CREATE FUNCTION pg_temp.write(thumbprint text, secret bytea) RETURNS text LANGUAGE sql AS $$
    INSERT INTO token_auth.secret (issuer, thumbprint, secret) VALUES ('https://secrets.test', thumbprint, secret);
    INSERT INTO token_auth.key (issuer, thumbprint, key_id, algorithm, jwk, origin)
        VALUES ('https://secrets.test', thumbprint, thumbprint, 'HS256',
                jsonb_build_object('kty', 'oct', 'alg', 'HS256', 'kid', thumbprint), 'manual')
        RETURNING thumbprint;
$$;
CREATE FUNCTION pg_temp.signed(thumbprint text, secret bytea) RETURNS text LANGUAGE sql AS $$
    SELECT mint.verdict(mint.token('{"iss": "https://secrets.test"}', jsonb_build_object('kid', thumbprint), secret))
$$;
SELECT count(pg_temp.write('form-' || number, secret)) FROM form WHERE octet_length(secret) BETWEEN 32 AND 1024;
SELECT pg_temp.write('secret', mint.secret());
SELECT regexp_replace(pg_temp.signed('form-' || number, secret), 'form-\d+', 'form-N'), count(*)
    FROM form WHERE octet_length(secret) BETWEEN 32 AND 1024 GROUP BY 1;
SELECT pg_temp.signed('secret', mint.secret());
-- nor does verify_jws take one
SELECT outcome, count(*) FROM (SELECT number, mint.outcome(format('SELECT token_auth.verify_jws(%L, %L, ''{HS256}'')',
           mint.token('{}', '{}', secret), jsonb_build_object('kty', 'oct', 'k', mint.base64url(secret))::text)) AS outcome
       FROM form WHERE octet_length(secret) BETWEEN 32 AND 1024) AS t GROUP BY outcome ORDER BY outcome COLLATE "C";

-- taken: whatever is random, as octets and as text, and what people write
SELECT count(token_auth.check_secret_form(secret)) FROM (
    SELECT octets FROM generate_series(1, 5000) AS i, LATERAL (VALUES (sha256(i::text::bytea)), (sha384(i::text::bytea)), (sha512(i::text::bytea))) AS t (octets)
    ) AS t (octets), LATERAL (VALUES (octets), (convert_to(encode(octets, 'base64'), 'UTF8')), (convert_to(encode(octets, 'hex'), 'UTF8')),
                                     (convert_to(mint.base64url(octets), 'UTF8')), (convert_to(octets::text, 'UTF8'))) AS s (secret);
SELECT text, (pg_temp.add_secret(convert_to(text, 'UTF8'))).said FROM (VALUES
    ('a text of at least 32 random characters'), ('correct horse battery staple, and a few words more'),
    ('super-secret-jwt-token-with-at-least-32-characters-long'), ('ssh-rsa, RSA PUBLIC KEY and other words'),
    ('{a passphrase in braces with a colon: here}')) AS t (text);

-- import_jwks and add_key take no symmetric key at all
SELECT mint.outcome(format('SELECT token_auth.%s(''secrets.test'', ''{"kty": "oct", "alg": "HS256", "k": "-ebuDNsVZ2iJtoZ-akfXTSCt4UO2cruLCsbWlBinggE"}'')', name))
FROM unnest('{add_key,import_jwks}'::text[]) AS name;
SELECT token_auth.drop_issuer('secrets.test');
