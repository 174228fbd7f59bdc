-- Tokens for tests, made without the extension: HMAC by pgcrypto.
--
-- mint.token() makes a good one; its arguments overlay header and claims, where
-- a JSON null takes a member out. mint.raw() takes both as text, to be as wrong
-- as a test wants. mint.issuer() registers the issuer they are good for.
CREATE EXTENSION IF NOT EXISTS pgcrypto;
CREATE SCHEMA mint;
GRANT USAGE ON SCHEMA mint TO PUBLIC;

CREATE FUNCTION mint.base64url(bytes bytea) RETURNS text
LANGUAGE sql IMMUTABLE PARALLEL SAFE AS $$
    SELECT rtrim(translate(encode(bytes, 'base64'), E'+/\n', '-_'), '=')
$$;

CREATE FUNCTION mint.secret() RETURNS bytea
LANGUAGE sql IMMUTABLE PARALLEL SAFE AS $$
    SELECT sha256('the key of https://idp.test')
$$;

CREATE FUNCTION mint.raw(header text, payload text,
                         secret bytea DEFAULT mint.secret(),
                         digest text DEFAULT 'sha256') RETURNS text
LANGUAGE sql IMMUTABLE PARALLEL SAFE AS $$
    SELECT input || '.' || mint.base64url(public.hmac(convert_to(input, 'UTF8'), secret, digest))
    FROM (SELECT mint.base64url(convert_to(header, 'UTF8')) || '.' ||
                 mint.base64url(convert_to(payload, 'UTF8'))) AS t (input)
$$;

-- Seconds since 1970 by the wall clock.
CREATE FUNCTION mint.now(plus double precision DEFAULT 0) RETURNS bigint
LANGUAGE sql VOLATILE PARALLEL SAFE AS $$
    SELECT floor(extract(epoch FROM clock_timestamp()) + plus)::bigint
$$;

CREATE FUNCTION mint.claims(claims jsonb DEFAULT '{}') RETURNS jsonb
LANGUAGE sql VOLATILE PARALLEL SAFE AS $$
    SELECT jsonb_strip_nulls(jsonb_build_object(
        'iss', 'https://idp.test', 'sub', 'alice', 'aud', 'orders-api',
        'iat', clock.now, 'exp', clock.now + 300, 'jti', gen_random_uuid(),
        'client_id', 'shop', 'scope', 'orders:read') || claims)
    FROM (SELECT mint.now()) AS clock (now)
$$;

CREATE FUNCTION mint.token(claims jsonb DEFAULT '{}', header jsonb DEFAULT '{}',
                           secret bytea DEFAULT mint.secret()) RETURNS text
LANGUAGE sql VOLATILE PARALLEL SAFE AS $$
    SELECT mint.raw(jsonb_strip_nulls('{"alg": "HS256", "typ": "JWT"}' || header)::text,
                    mint.claims(claims)::text, secret)
$$;

-- https://idp.test, audience orders-api, with the secret that mint.token() signs with.
CREATE FUNCTION mint.issuer(issuer text DEFAULT 'https://idp.test',
                            profile text DEFAULT 'generic') RETURNS text
LANGUAGE plpgsql AS $$
DECLARE
    name text := token_auth.add_issuer(issuer, '{orders-api}', profile);
BEGIN
    PERFORM token_auth.add_secret(issuer, mint.secret(), 'HS256');
    RETURN name;
END
$$;

-- Run a statement as a test of its refusal: the SQLSTATE and the message, without what varies.
CREATE FUNCTION mint.outcome(statement text) RETURNS text
LANGUAGE plpgsql AS $$
DECLARE
    detail text;
BEGIN
    EXECUTE statement;
    RETURN 'accepted';
EXCEPTION WHEN OTHERS THEN
    GET STACKED DIAGNOSTICS detail = PG_EXCEPTION_DETAIL;
    RETURN concat_ws(' ', SQLSTATE, SQLERRM, nullif(regexp_replace(detail,
        '\d{4}-\d\d-\d\d \d\d:\d\d:\d\d', '<time>', 'g'), ''));
END
$$;

-- The outcome of verify() for a token.
CREATE FUNCTION mint.verdict(token text) RETURNS text
LANGUAGE sql VOLATILE AS $$
    SELECT mint.outcome(format('SELECT token_auth.verify(%L)', token))
$$;
