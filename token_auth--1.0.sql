/* token_auth--1.0.sql */

-- complain if script is sourced in psql, rather than via CREATE EXTENSION
\echo Use "CREATE EXTENSION token_auth" to load this file. \quit

-- The schema is made here: in one made by somebody else a better-matching
-- overload of a reader could forge claims.
CREATE SCHEMA token_auth;
GRANT USAGE ON SCHEMA token_auth TO PUBLIC;
COMMENT ON SCHEMA token_auth IS 'access tokens that the database itself verifies';

--
-- Tables
--
-- The C code reads them by primary key, whose columns come first, in the order
-- of the key, as text COLLATE "C". There are no foreign keys: pg_restore -j
-- would lose rows over them.
--

CREATE TABLE token_auth.issuer (
    issuer text COLLATE "C" NOT NULL,
    name text COLLATE "C" NOT NULL,
    namespace text COLLATE "C" NOT NULL,
    enabled boolean NOT NULL DEFAULT true,
    purposes text[] NOT NULL DEFAULT '{access_token}',
    local boolean NOT NULL DEFAULT false,
    audiences text[] NOT NULL,
    audience_claim text NOT NULL DEFAULT 'aud',
    clients text[],
    algorithms text[] NOT NULL DEFAULT '{RS256,PS256,ES256,Ed25519}',
    token_types text[] DEFAULT '{at+jwt,JWT}',
    required_claims text[] NOT NULL DEFAULT '{exp,iat,sub}',
    claim_constraints jsonb NOT NULL DEFAULT '{}',
    leeway interval NOT NULL DEFAULT '30 seconds',
    max_lifetime interval DEFAULT '25 hours',
    max_age interval,
    subject_claim text[] DEFAULT '{sub}',
    client_claim text[] DEFAULT '{client_id|azp|cid}',
    token_id_claim text[] DEFAULT '{jti}',
    session_claim text[] DEFAULT '{sid}',
    device_claim text[] DEFAULT '{device_id}',
    scope_claims jsonb NOT NULL DEFAULT '[["scope"],["scp"]]',
    role_claims jsonb NOT NULL DEFAULT '[["roles"]]',
    database_role_claim text[],
    database_roles name[] NOT NULL DEFAULT '{}',
    jwks_uri text,
    CONSTRAINT issuer_pkey PRIMARY KEY (issuer),
    CONSTRAINT issuer_name_key UNIQUE (name),
    CONSTRAINT issuer_is_short CHECK (octet_length(issuer) <= 512),
    CONSTRAINT issuer_name_is_given CHECK (octet_length(name) BETWEEN 1 AND 512),
    CONSTRAINT issuer_namespace_is_short CHECK (octet_length(namespace) <= 512),
    CONSTRAINT issuer_purposes_are_known
        CHECK (cardinality(purposes) > 0
               AND purposes <@ '{access_token,event,logout}'),
    CONSTRAINT issuer_audiences_are_given
        CHECK (cardinality(audiences) > 0
               AND array_position(audiences, NULL) IS NULL
               AND array_position(audiences, '') IS NULL),
    CONSTRAINT issuer_any_audience_stands_alone
        CHECK (cardinality(audiences) = 1 OR array_position(audiences, '*') IS NULL),
    CONSTRAINT issuer_audience_claim_is_given CHECK (audience_claim <> ''),
    CONSTRAINT issuer_clients_have_no_nulls
        CHECK (array_position(clients, NULL) IS NULL),
    CONSTRAINT issuer_algorithms_are_known
        CHECK (cardinality(algorithms) > 0
               AND algorithms <@ '{HS256,HS384,HS512,RS256,RS384,RS512,PS256,PS384,PS512,ES256,ES384,ES512,ES256K,EdDSA,Ed25519,Ed448}'),
    CONSTRAINT issuer_token_types_are_given
        CHECK (cardinality(token_types) > 0
               AND array_position(token_types, NULL) IS NULL),
    CONSTRAINT issuer_required_claims_have_no_nulls
        CHECK (array_position(required_claims, NULL) IS NULL),
    CONSTRAINT issuer_claim_constraints_are_an_object
        CHECK (jsonb_typeof(claim_constraints) = 'object'),
    CONSTRAINT issuer_leeway_is_at_most_5_minutes
        CHECK (leeway BETWEEN '0' AND '5 minutes'
               AND extract(year FROM leeway) = 0 AND extract(month FROM leeway) = 0),
    CONSTRAINT issuer_max_lifetime_is_positive_without_months
        CHECK (max_lifetime > '0' AND max_lifetime <= '100 years'
               AND extract(year FROM max_lifetime) = 0
               AND extract(month FROM max_lifetime) = 0),
    CONSTRAINT issuer_max_age_is_positive_without_months
        CHECK (max_age > '0' AND max_age <= '100 years'
               AND extract(year FROM max_age) = 0
               AND extract(month FROM max_age) = 0),
    CONSTRAINT issuer_paths_have_names
        CHECK (cardinality(subject_claim) > 0 AND array_position(subject_claim, NULL) IS NULL
               AND cardinality(client_claim) > 0 AND array_position(client_claim, NULL) IS NULL
               AND cardinality(token_id_claim) > 0 AND array_position(token_id_claim, NULL) IS NULL
               AND cardinality(session_claim) > 0 AND array_position(session_claim, NULL) IS NULL
               AND cardinality(device_claim) > 0 AND array_position(device_claim, NULL) IS NULL
               AND cardinality(database_role_claim) > 0
               AND array_position(database_role_claim, NULL) IS NULL),
    CONSTRAINT issuer_scope_claims_are_paths
        CHECK (jsonb_typeof(scope_claims) = 'array'
               AND NOT jsonb_path_exists(scope_claims, 'strict $[*] ? (@.type() != "array" || @.size() == 0)', '{}', true)
               AND NOT jsonb_path_exists(scope_claims, 'strict $[*][*] ? (@.type() != "string" || @ == "")', '{}', true)),
    CONSTRAINT issuer_role_claims_are_paths
        CHECK (jsonb_typeof(role_claims) = 'array'
               AND NOT jsonb_path_exists(role_claims, 'strict $[*] ? (@.type() != "array" || @.size() == 0)', '{}', true)
               AND NOT jsonb_path_exists(role_claims, 'strict $[*][*] ? (@.type() != "string" || @ == "")', '{}', true)),
    CONSTRAINT issuer_database_roles_have_no_nulls
        CHECK (array_position(database_roles, NULL) IS NULL),
    CONSTRAINT issuer_jwks_uri_is_protected
        CHECK (jwks_uri ~ '^https://[^[:space:]/]+'
               OR jwks_uri ~ '^http://(localhost|127[.]0[.]0[.]1|[[]::1])([:/]|$)')
);
COMMENT ON TABLE token_auth.issuer IS 'who may sign tokens, and what their tokens must be';
COMMENT ON COLUMN token_auth.issuer.issuer IS 'the exact iss of its tokens; '''' for tokens without one';
COMMENT ON COLUMN token_auth.issuer.name IS 'short name, which administration functions take, too';
COMMENT ON COLUMN token_auth.issuer.namespace IS 'whose people its subjects are; readers without a namespace answer for '''' only';
COMMENT ON COLUMN token_auth.issuer.enabled IS 'false: none of its tokens is accepted';
COMMENT ON COLUMN token_auth.issuer.purposes IS 'what its keys may sign: access_token, event, logout';
COMMENT ON COLUMN token_auth.issuer.local IS 'this database issues its tokens: private keys here, no JWKS from elsewhere';
COMMENT ON COLUMN token_auth.issuer.audiences IS 'who we are: a token must be for one of these; {*} = for anybody';
COMMENT ON COLUMN token_auth.issuer.audience_claim IS 'the claim that names the audience';
COMMENT ON COLUMN token_auth.issuer.clients IS 'clients whose tokens are accepted; NULL = any';
COMMENT ON COLUMN token_auth.issuer.algorithms IS 'signature algorithms of keys from its JWKS, preferred first; keys added by hand bring their own';
COMMENT ON COLUMN token_auth.issuer.token_types IS 'typ of its tokens; an element '''' = typ may be absent; NULL = any but those of other kinds of token';
COMMENT ON COLUMN token_auth.issuer.required_claims IS 'claims that must be there; alternatives are separated by |';
COMMENT ON COLUMN token_auth.issuer.claim_constraints IS 'for each claim a value, an array of values (null in it: may be absent) or an object of such rules; !name: values it must not have';
COMMENT ON COLUMN token_auth.issuer.leeway IS 'clock skew allowed, at most 5 minutes';
COMMENT ON COLUMN token_auth.issuer.max_lifetime IS 'exp - iat at most; NULL = no limit';
COMMENT ON COLUMN token_auth.issuer.max_age IS 'time since iat at most; NULL = no limit';
COMMENT ON COLUMN token_auth.issuer.subject_claim IS 'path to the subject; each name may list alternatives separated by |';
COMMENT ON COLUMN token_auth.issuer.client_claim IS 'path to the client';
COMMENT ON COLUMN token_auth.issuer.token_id_claim IS 'path to the token''s identifier';
COMMENT ON COLUMN token_auth.issuer.session_claim IS 'path to the session''s identifier';
COMMENT ON COLUMN token_auth.issuer.device_claim IS 'path to the device''s identifier';
COMMENT ON COLUMN token_auth.issuer.scope_claims IS 'paths to scopes, an array of arrays of names';
COMMENT ON COLUMN token_auth.issuer.role_claims IS 'paths to roles, an array of arrays of names';
COMMENT ON COLUMN token_auth.issuer.database_role_claim IS 'path to the database role that a token asks for';
COMMENT ON COLUMN token_auth.issuer.database_roles IS 'database roles that its tokens may ask for';
COMMENT ON COLUMN token_auth.issuer.jwks_uri IS 'where its JWK Set is published';

CREATE TABLE token_auth.key (
    issuer text COLLATE "C" NOT NULL,
    thumbprint text COLLATE "C" NOT NULL,
    key_id text COLLATE "C",
    algorithm text NOT NULL,
    jwk jsonb NOT NULL,
    origin text NOT NULL,
    added_at timestamptz NOT NULL DEFAULT now(),
    retired_at timestamptz,
    enabled boolean NOT NULL DEFAULT true,
    CONSTRAINT key_pkey PRIMARY KEY (issuer, thumbprint),
    CONSTRAINT key_issuer_is_short CHECK (octet_length(issuer) <= 512),
    CONSTRAINT key_thumbprint_is_short CHECK (octet_length(thumbprint) BETWEEN 1 AND 64),
    CONSTRAINT key_id_is_short CHECK (octet_length(key_id) <= 256),
    CONSTRAINT key_algorithm_is_known
        CHECK (algorithm IN ('HS256', 'HS384', 'HS512', 'RS256', 'RS384', 'RS512',
                             'PS256', 'PS384', 'PS512', 'ES256', 'ES384', 'ES512',
                             'ES256K', 'Ed25519', 'Ed448')),
    CONSTRAINT key_jwk_is_public
        CHECK (jsonb_typeof(jwk) = 'object'
               AND NOT jwk ?| '{d,p,q,dp,dq,qi,oth,k,priv}'),
    CONSTRAINT key_id_is_its_kid CHECK (jwk ->> 'kid' IS NOT DISTINCT FROM key_id),
    CONSTRAINT key_origin_is_known CHECK (origin IN ('manual', 'jwks', 'local'))
);
COMMENT ON TABLE token_auth.key IS 'the issuers'' keys, public parts only';
COMMENT ON COLUMN token_auth.key.issuer IS 'whose key it is';
COMMENT ON COLUMN token_auth.key.thumbprint IS 'RFC 7638, SHA-256; of a symmetric key a random name, since a hash could be guessed';
COMMENT ON COLUMN token_auth.key.key_id IS 'kid in the header of the tokens; NULL = a key without one';
COMMENT ON COLUMN token_auth.key.algorithm IS 'the one algorithm that it verifies';
COMMENT ON COLUMN token_auth.key.jwk IS 'the key (RFC 7517)';
COMMENT ON COLUMN token_auth.key.origin IS 'manual (added by hand), jwks (imported) or local (generated here)';
COMMENT ON COLUMN token_auth.key.added_at IS 'since when it is here';
COMMENT ON COLUMN token_auth.key.retired_at IS 'since when the issuer''s JWK Set no longer has it; such a key verifies nothing';
COMMENT ON COLUMN token_auth.key.enabled IS 'false: verifies nothing, whatever a JWK Set brings';

CREATE TABLE token_auth.secret (
    issuer text COLLATE "C" NOT NULL,
    thumbprint text COLLATE "C" NOT NULL,
    secret bytea NOT NULL,
    CONSTRAINT secret_pkey PRIMARY KEY (issuer, thumbprint),
    CONSTRAINT secret_issuer_is_short CHECK (octet_length(issuer) <= 512),
    CONSTRAINT secret_thumbprint_is_short CHECK (octet_length(thumbprint) BETWEEN 1 AND 64),
    CONSTRAINT secret_is_given CHECK (octet_length(secret) > 0)
);
COMMENT ON TABLE token_auth.secret IS 'private and symmetric parts of keys';
COMMENT ON COLUMN token_auth.secret.issuer IS 'whose key it is';
COMMENT ON COLUMN token_auth.secret.thumbprint IS 'that of the row in token_auth.key';
COMMENT ON COLUMN token_auth.secret.secret IS 'of a symmetric key: its octets';

CREATE TABLE token_auth.revocation (
    issuer text COLLATE "C" NOT NULL,
    kind text COLLATE "C" NOT NULL,
    value text COLLATE "C" NOT NULL,
    source text COLLATE "C" NOT NULL DEFAULT 'manual',
    issued_until timestamptz,
    expires_at timestamptz,
    reason text,
    revoked_at timestamptz NOT NULL DEFAULT clock_timestamp(),
    revoked_by text NOT NULL DEFAULT session_user,
    CONSTRAINT revocation_pkey PRIMARY KEY (issuer, kind, value, source),
    CONSTRAINT revocation_issuer_is_short CHECK (octet_length(issuer) <= 512),
    CONSTRAINT revocation_kind_is_known
        CHECK (kind IN ('token_id', 'digest', 'session_id',
                        'subject', 'client_id', 'issuer', 'device_id')),
    CONSTRAINT revocation_value_is_short CHECK (octet_length(value) <= 512),
    CONSTRAINT revocation_digest_is_sha256_in_hex
        CHECK (kind <> 'digest' OR value ~ '^[0-9a-f]{64}$'),
    CONSTRAINT revocation_of_issuer_has_empty_value
        CHECK (kind <> 'issuer' OR value = ''),
    CONSTRAINT revocation_source_is_short CHECK (octet_length(source) BETWEEN 1 AND 512),
    CONSTRAINT revocation_of_token_or_session_has_no_issued_until
        CHECK (issued_until IS NULL OR kind NOT IN ('token_id', 'digest', 'session_id')),
    CONSTRAINT revocation_up_to_a_sign_in_has_issued_until
        CHECK (issued_until IS NOT NULL OR kind NOT IN ('subject', 'client_id', 'issuer', 'device_id')),
    CONSTRAINT revocation_reason_is_short CHECK (octet_length(reason) <= 1024)
) WITH (fillfactor = 90);
COMMENT ON TABLE token_auth.revocation IS 'which tokens are refused before their time';
COMMENT ON COLUMN token_auth.revocation.issuer IS 'whose tokens; the issuer itself, never its name';
COMMENT ON COLUMN token_auth.revocation.kind IS 'token_id, digest, session_id; with a cut-off subject, client_id, issuer, device_id';
COMMENT ON COLUMN token_auth.revocation.value IS 'what the kind names; above 512 bytes sha256: and its SHA-256 in hex';
COMMENT ON COLUMN token_auth.revocation.source IS 'who says so: several may revoke the same, and the stricter counts';
COMMENT ON COLUMN token_auth.revocation.issued_until IS 'tokens whose sign-in (auth_time, else iat) is at or before this are refused; infinity is a ban';
COMMENT ON COLUMN token_auth.revocation.expires_at IS 'when what it refuses has expired anyway: afterwards the row is not needed; NULL = unknown';
COMMENT ON COLUMN token_auth.revocation.reason IS 'why, for people';
COMMENT ON COLUMN token_auth.revocation.revoked_at IS 'when the row was last changed';
COMMENT ON COLUMN token_auth.revocation.revoked_by IS 'the session user who did it';

-- Empty for ever: their relcache messages tell every backend that issuers and
-- keys, or revocations, have changed.
CREATE TABLE token_auth.configuration ();
COMMENT ON TABLE token_auth.configuration IS 'empty; its invalidation says that issuers or keys changed';

CREATE TABLE token_auth.status ();
COMMENT ON TABLE token_auth.status IS 'empty; its invalidation says that revocations changed';

-- Without policies nobody but the owner and our functions get at the rows, not
-- even pg_read_all_data. Not so for revocation: a subscriber without BYPASSRLS
-- would silently copy nothing.
ALTER TABLE token_auth.issuer ENABLE ROW LEVEL SECURITY;
ALTER TABLE token_auth.key ENABLE ROW LEVEL SECURITY;
ALTER TABLE token_auth.secret ENABLE ROW LEVEL SECURITY;

SELECT pg_catalog.pg_extension_config_dump('token_auth.issuer', '');
SELECT pg_catalog.pg_extension_config_dump('token_auth.key', '');
SELECT pg_catalog.pg_extension_config_dump('token_auth.secret', '');
SELECT pg_catalog.pg_extension_config_dump('token_auth.revocation', '');

--
-- Internal functions
--

-- RAISE would have the statement logged, which may hold a secret as a literal.
CREATE FUNCTION token_auth.raise_error(sqlstate text, message text, detail text, hint text)
RETURNS void
AS 'MODULE_PATHNAME', 'token_auth_raise_error'
LANGUAGE C VOLATILE CALLED ON NULL INPUT PARALLEL SAFE;
COMMENT ON FUNCTION token_auth.raise_error(text, text, text, text) IS
    'internal: raise an error without logging the statement';

CREATE FUNCTION token_auth.hide_statement()
RETURNS void
AS 'MODULE_PATHNAME', 'token_auth_hide_statement'
LANGUAGE C VOLATILE CALLED ON NULL INPUT PARALLEL UNSAFE;
COMMENT ON FUNCTION token_auth.hide_statement() IS
    'internal: hide the running statement from pg_stat_activity, because it may hold a secret';

CREATE FUNCTION token_auth.log_change(action text, issuer text, value text)
RETURNS void
AS 'MODULE_PATHNAME', 'token_auth_log_change'
LANGUAGE C VOLATILE CALLED ON NULL INPUT PARALLEL UNSAFE;
COMMENT ON FUNCTION token_auth.log_change(text, text, text) IS
    'internal: leave a line in the server log about a change of configuration or revocations';

CREATE FUNCTION token_auth.check_given(argument text, is_given boolean)
RETURNS void
LANGUAGE plpgsql VOLATILE CALLED ON NULL INPUT PARALLEL SAFE
SET search_path = pg_catalog, pg_temp
AS $$
BEGIN
    IF is_given IS NOT TRUE THEN
        PERFORM token_auth.raise_error('22004',
            format('argument "%s" must not be null', argument), NULL, NULL);
    END IF;
END
$$;
COMMENT ON FUNCTION token_auth.check_given(text, boolean) IS
    'internal: refuse NULL where none may be';

-- The C function revocation_lookup_value() does the same. The length is that in
-- UTF-8, so that databases of different encodings agree.
CREATE FUNCTION token_auth.lookup_value(value text)
RETURNS text
LANGUAGE sql IMMUTABLE STRICT PARALLEL SAFE
SET search_path = pg_catalog, pg_temp
AS $$
    SELECT CASE WHEN octet_length(convert_to(value, 'UTF8')) > 512
                THEN 'sha256:' || encode(sha256(convert_to(value, 'UTF8')), 'hex')
                ELSE value END
$$;
COMMENT ON FUNCTION token_auth.lookup_value(text) IS
    'internal: the form in which a value is stored and looked up';

CREATE FUNCTION token_auth.shorten_revocation_value()
RETURNS trigger
LANGUAGE plpgsql VOLATILE CALLED ON NULL INPUT PARALLEL UNSAFE SECURITY DEFINER
SET search_path = pg_catalog, pg_temp
AS $$
BEGIN
    NEW.value := token_auth.lookup_value(NEW.value);
    RETURN NEW;
END
$$;
COMMENT ON FUNCTION token_auth.shorten_revocation_value() IS
    'internal: store a long value as its SHA-256';

CREATE FUNCTION token_auth.limit_keys()
RETURNS trigger
LANGUAGE plpgsql VOLATILE CALLED ON NULL INPUT PARALLEL UNSAFE SECURITY DEFINER
SET search_path = pg_catalog, pg_temp
AS $$
BEGIN
    IF (SELECT count(*)
        FROM token_auth.key AS k
        WHERE k.issuer = NEW.issuer AND k.retired_at IS NULL) > 100 THEN
        PERFORM token_auth.raise_error('54000', 'too many keys',
            'An issuer has at most 100 keys that are not retired.',
            'Delete keys that are not needed any more from token_auth.key.');
    END IF;
    RETURN NULL;
END
$$;
COMMENT ON FUNCTION token_auth.limit_keys() IS
    'internal: an issuer has at most 100 keys';

CREATE FUNCTION token_auth.check_policy()
RETURNS trigger
AS 'MODULE_PATHNAME', 'token_auth_check_policy'
LANGUAGE C VOLATILE CALLED ON NULL INPUT PARALLEL UNSAFE;
COMMENT ON FUNCTION token_auth.check_policy() IS
    'internal: refuse an issuer''s row that tokens could not be checked by';

CREATE FUNCTION token_auth.configuration_changed()
RETURNS trigger
AS 'MODULE_PATHNAME', 'token_auth_configuration_changed'
LANGUAGE C VOLATILE CALLED ON NULL INPUT PARALLEL UNSAFE;
COMMENT ON FUNCTION token_auth.configuration_changed() IS
    'internal: have every backend read issuers and keys anew';

CREATE FUNCTION token_auth.status_changed()
RETURNS trigger
AS 'MODULE_PATHNAME', 'token_auth_status_changed'
LANGUAGE C VOLATILE CALLED ON NULL INPUT PARALLEL UNSAFE;
COMMENT ON FUNCTION token_auth.status_changed() IS
    'internal: have every backend look at revocations anew';

CREATE FUNCTION token_auth.token_revocation(token text,
    OUT issuer text, OUT token_id text, OUT digest text, OUT expires_at timestamptz)
RETURNS record
AS 'MODULE_PATHNAME', 'token_auth_token_revocation'
LANGUAGE C VOLATILE CALLED ON NULL INPUT PARALLEL UNSAFE;
COMMENT ON FUNCTION token_auth.token_revocation(text) IS
    'internal: by what a token, whose signature is checked and nothing else, can be revoked';

CREATE FUNCTION token_auth.current_token_revocation(
    OUT issuer text, OUT token_id text, OUT digest text, OUT expires_at timestamptz)
RETURNS record
AS 'MODULE_PATHNAME', 'token_auth_current_token_revocation'
LANGUAGE C VOLATILE CALLED ON NULL INPUT PARALLEL UNSAFE;
COMMENT ON FUNCTION token_auth.current_token_revocation() IS
    'internal: by what the current token can be revoked; NULLs without one';

CREATE TYPE token_auth.parsed_key AS (
    key_id text,
    algorithm text,
    thumbprint text,
    jwk jsonb,
    rejected text
);
COMMENT ON TYPE token_auth.parsed_key IS
    'internal: a key as it can be registered, or why it cannot be used';

CREATE FUNCTION token_auth.parse_jwks(jwks jsonb, algorithms text[], issuer text, tenant text)
RETURNS SETOF token_auth.parsed_key
AS 'MODULE_PATHNAME', 'token_auth_parse_jwks'
LANGUAGE C STABLE CALLED ON NULL INPUT PARALLEL SAFE ROWS 10;
COMMENT ON FUNCTION token_auth.parse_jwks(jsonb, text[], text, text) IS
    'internal: the keys of a JWK Set; issuer: whom a key''s "issuer" must name, with tenant for {tenantid}';

CREATE FUNCTION token_auth.parse_jwk(jwk jsonb, algorithms text[])
RETURNS token_auth.parsed_key
AS 'MODULE_PATHNAME', 'token_auth_parse_jwk'
LANGUAGE C STABLE CALLED ON NULL INPUT PARALLEL SAFE;
COMMENT ON FUNCTION token_auth.parse_jwk(jsonb, text[]) IS
    'internal: a single public key, or an error; algorithms: for a key that names none';

-- As people compare issuers that they typed: without scheme, case and trailing slash.
CREATE FUNCTION token_auth.loose_issuer(issuer text)
RETURNS text
LANGUAGE sql IMMUTABLE STRICT PARALLEL SAFE
SET search_path = pg_catalog, pg_temp
AS $$
    SELECT lower(regexp_replace(regexp_replace(btrim(issuer), '^[a-z][a-z0-9+.-]*://', '', 'i'),
                                '/+$', ''))
$$;
COMMENT ON FUNCTION token_auth.loose_issuer(text) IS
    'internal: an issuer without what is easily mistyped';

CREATE FUNCTION token_auth.similar_issuers(issuer_or_name text)
RETURNS text
LANGUAGE sql STABLE CALLED ON NULL INPUT PARALLEL SAFE
SET search_path = pg_catalog, pg_temp
AS $$
    SELECT string_agg(format('"%s"', similar_issuer.issuer), ' or '
                      ORDER BY similar_issuer.distance, similar_issuer.issuer)
    FROM (SELECT i.issuer,
                 CASE WHEN typed.loose IN (known.issuer, known.name) THEN 0 ELSE 1 END AS distance
          FROM token_auth.issuer AS i,
               LATERAL (SELECT token_auth.loose_issuer(i.issuer) AS issuer,
                               token_auth.loose_issuer(i.name) AS name) AS known,
               LATERAL (SELECT token_auth.loose_issuer(issuer_or_name) AS loose) AS typed
          WHERE typed.loose IN (known.issuer, known.name)
             OR (length(typed.loose) >= 3
                 AND (strpos(known.issuer, typed.loose) > 0 OR strpos(known.name, typed.loose) > 0))
             OR (length(known.issuer) >= 3 AND strpos(typed.loose, known.issuer) > 0)
             OR (length(known.name) >= 3 AND strpos(typed.loose, known.name) > 0)
          ORDER BY 2, 1
          LIMIT 3) AS similar_issuer
$$;
COMMENT ON FUNCTION token_auth.similar_issuers(text) IS
    'internal: issuers that a mistyped one may mean';

CREATE FUNCTION token_auth.issuer_of(issuer_or_name text)
RETURNS text
LANGUAGE plpgsql STABLE CALLED ON NULL INPUT PARALLEL SAFE
SET search_path = pg_catalog, pg_temp
AS $$
DECLARE
    found_issuer text;
BEGIN
    PERFORM token_auth.check_given('issuer', issuer_or_name IS NOT NULL);

    SELECT i.issuer INTO found_issuer
    FROM token_auth.issuer AS i
    WHERE issuer_or_name IN (i.issuer, i.name)
    ORDER BY i.issuer <> issuer_or_name
    LIMIT 1;

    IF NOT FOUND THEN
        PERFORM token_auth.raise_error('42704',
            format('issuer "%s" does not exist', left(issuer_or_name, 512)), NULL,
            coalesce('Did you mean ' || token_auth.similar_issuers(issuer_or_name) || '?',
                     'The table token_auth.issuer has the issuers and their names.'));
    END IF;
    RETURN found_issuer;
END
$$;
COMMENT ON FUNCTION token_auth.issuer_of(text) IS
    'internal: the issuer that an issuer or its name means; an error if there is none';

-- A revocation outlives its issuer, and must be found without it.
CREATE FUNCTION token_auth.issuer_of_revocation(issuer_or_name text)
RETURNS text
LANGUAGE plpgsql STABLE CALLED ON NULL INPUT PARALLEL SAFE
SET search_path = pg_catalog, pg_temp
AS $$
BEGIN
    IF NOT EXISTS (SELECT FROM token_auth.issuer AS i
                   WHERE issuer_or_name IN (i.issuer, i.name))
       AND EXISTS (SELECT FROM token_auth.revocation AS r
                   WHERE r.issuer = issuer_or_name) THEN
        RETURN issuer_or_name;
    END IF;
    RETURN token_auth.issuer_of(issuer_or_name);
END
$$;
COMMENT ON FUNCTION token_auth.issuer_of_revocation(text) IS
    'internal: as issuer_of(), for issuers, too, of which only revocations are left';

-- Locks of these names are taken by functions alone, and conflict with nothing
-- else: an administrator who shuts an issuer off by UPDATE must not wait for
-- the end of a transaction that adds an issuer, or imports keys.
CREATE FUNCTION token_auth.lock_changes(name text)
RETURNS void
AS 'MODULE_PATHNAME', 'token_auth_lock_changes'
LANGUAGE C VOLATILE CALLED ON NULL INPUT PARALLEL UNSAFE;
COMMENT ON FUNCTION token_auth.lock_changes(text) IS
    'internal: wait for the lock of this name and hold it until the end of the transaction';

CREATE FUNCTION token_auth.wait_for_issuers()
RETURNS void
AS 'MODULE_PATHNAME', 'token_auth_wait_for_issuers'
LANGUAGE C VOLATILE CALLED ON NULL INPUT PARALLEL UNSAFE;
COMMENT ON FUNCTION token_auth.wait_for_issuers() IS
    'internal: wait for the end of the transactions that have changed issuers so far';

CREATE FUNCTION token_auth.free_source(issuer text, kind text, value text, source text)
RETURNS text
AS 'MODULE_PATHNAME', 'token_auth_free_source'
LANGUAGE C VOLATILE STRICT PARALLEL UNSAFE;
COMMENT ON FUNCTION token_auth.free_source(text, text, text, text) IS
    'internal: the source under which a revocation waits for no other transaction: the given one, or it with a number';

CREATE FUNCTION token_auth.leeway(issuer text)
RETURNS interval
AS 'MODULE_PATHNAME', 'token_auth_leeway'
LANGUAGE C VOLATILE STRICT PARALLEL UNSAFE;
COMMENT ON FUNCTION token_auth.leeway(text) IS
    'internal: the leeway of an issuer, read without a predicate lock';

-- Excludes other functions that change the issuer's keys, so that two imports
-- do not mix, and DELETE of the issuer. It does not exclude UPDATE.
CREATE FUNCTION token_auth.lock_issuer(issuer_or_name text)
RETURNS token_auth.issuer
LANGUAGE plpgsql VOLATILE CALLED ON NULL INPUT PARALLEL UNSAFE
SET search_path = pg_catalog, pg_temp
AS $$
DECLARE
    wanted CONSTANT text := token_auth.issuer_of(issuer_or_name);
    locked token_auth.issuer;
BEGIN
    PERFORM token_auth.lock_changes('keys of ' || wanted);
    SELECT i.* INTO locked
    FROM token_auth.issuer AS i
    WHERE i.issuer = wanted
    FOR KEY SHARE;

    IF NOT FOUND THEN
        PERFORM token_auth.raise_error('42704',
            format('issuer "%s" does not exist', wanted),
            'It was dropped at the same time.', NULL);
    END IF;
    RETURN locked;
END
$$;
COMMENT ON FUNCTION token_auth.lock_issuer(text) IS
    'internal: the row of an issuer, whose keys no other function changes until the end of the transaction';

CREATE FUNCTION token_auth.gate_support(internal)
RETURNS internal
AS 'MODULE_PATHNAME', 'token_auth_gate_support'
LANGUAGE C STRICT IMMUTABLE PARALLEL SAFE;
COMMENT ON FUNCTION token_auth.gate_support(internal) IS
    'internal: tells the planner that a boolean reader lets all rows through or none';

CREATE FUNCTION token_auth.test_support(internal)
RETURNS internal
AS 'MODULE_PATHNAME', 'token_auth_test_support'
LANGUAGE C STRICT IMMUTABLE PARALLEL SAFE;
COMMENT ON FUNCTION token_auth.test_support(internal) IS
    'internal: tells the planner what a test of scopes or roles lets through';

CREATE FUNCTION token_auth.membership_support(internal)
RETURNS internal
AS 'MODULE_PATHNAME', 'token_auth_membership_support'
LANGUAGE C STRICT IMMUTABLE PARALLEL SAFE;
COMMENT ON FUNCTION token_auth.membership_support(internal) IS
    'internal: tells the planner what in_claim() lets through and costs, and how an index finds it';

--
-- The current token
--

CREATE FUNCTION token_auth.set_local_token(token text)
RETURNS text
AS 'MODULE_PATHNAME', 'token_auth_set_local_token'
LANGUAGE C VOLATILE CALLED ON NULL INPUT PARALLEL UNSAFE;
COMMENT ON FUNCTION token_auth.set_local_token(text) IS
    'verify a token and make it the current one until the end of the transaction; returns its subject; NULL or '''' clears';

CREATE FUNCTION token_auth.set_session_token(token text)
RETURNS text
AS 'MODULE_PATHNAME', 'token_auth_set_session_token'
LANGUAGE C VOLATILE CALLED ON NULL INPUT PARALLEL UNSAFE;
COMMENT ON FUNCTION token_auth.set_session_token(text) IS
    'verify a token and make it the current one of the session; returns its subject; NULL or '''' clears; needs token_auth.binding = ''session''; refused, it leaves no token';

CREATE FUNCTION token_auth.clear_token()
RETURNS void
AS 'MODULE_PATHNAME', 'token_auth_clear_token'
LANGUAGE C VOLATILE CALLED ON NULL INPUT PARALLEL UNSAFE;
COMMENT ON FUNCTION token_auth.clear_token() IS
    'no current token from here on';

CREATE FUNCTION token_auth.is_authenticated()
RETURNS boolean
AS 'MODULE_PATHNAME', 'token_auth_is_authenticated'
LANGUAGE C STABLE CALLED ON NULL INPUT PARALLEL SAFE SUPPORT token_auth.test_support;
COMMENT ON FUNCTION token_auth.is_authenticated() IS
    'is a token set and good, of whatever namespace';

--
-- Reading it
--

CREATE FUNCTION token_auth.claims()
RETURNS jsonb
AS 'MODULE_PATHNAME', 'token_auth_claims'
LANGUAGE C STABLE CALLED ON NULL INPUT PARALLEL SAFE;
COMMENT ON FUNCTION token_auth.claims() IS
    'all claims of the current token';

CREATE FUNCTION token_auth.claim(VARIADIC path text[])
RETURNS text
AS 'MODULE_PATHNAME', 'token_auth_claim'
LANGUAGE C STABLE CALLED ON NULL INPUT PARALLEL SAFE;
COMMENT ON FUNCTION token_auth.claim(text[]) IS
    'the claim at a path as text, or NULL';

CREATE FUNCTION token_auth.claim_jsonb(VARIADIC path text[])
RETURNS jsonb
AS 'MODULE_PATHNAME', 'token_auth_claim_jsonb'
LANGUAGE C STABLE CALLED ON NULL INPUT PARALLEL SAFE;
COMMENT ON FUNCTION token_auth.claim_jsonb(text[]) IS
    'the claim at a path as jsonb, or NULL';

CREATE FUNCTION token_auth.claim_uuid(VARIADIC path text[])
RETURNS uuid
AS 'MODULE_PATHNAME', 'token_auth_claim_uuid'
LANGUAGE C STABLE CALLED ON NULL INPUT PARALLEL SAFE;
COMMENT ON FUNCTION token_auth.claim_uuid(text[]) IS
    'the claim at a path as uuid, or NULL; another type is an error';

CREATE FUNCTION token_auth.claim_bigint(VARIADIC path text[])
RETURNS bigint
AS 'MODULE_PATHNAME', 'token_auth_claim_bigint'
LANGUAGE C STABLE CALLED ON NULL INPUT PARALLEL SAFE;
COMMENT ON FUNCTION token_auth.claim_bigint(text[]) IS
    'the claim at a path as bigint, or NULL; another type is an error';

CREATE FUNCTION token_auth.claim_boolean(VARIADIC path text[])
RETURNS boolean
AS 'MODULE_PATHNAME', 'token_auth_claim_boolean'
LANGUAGE C STABLE CALLED ON NULL INPUT PARALLEL SAFE SUPPORT token_auth.gate_support;
COMMENT ON FUNCTION token_auth.claim_boolean(text[]) IS
    'the claim at a path as boolean, or NULL; another type is an error';

CREATE FUNCTION token_auth.claim_timestamptz(VARIADIC path text[])
RETURNS timestamptz
AS 'MODULE_PATHNAME', 'token_auth_claim_timestamptz'
LANGUAGE C STABLE CALLED ON NULL INPUT PARALLEL SAFE;
COMMENT ON FUNCTION token_auth.claim_timestamptz(text[]) IS
    'the NumericDate at a path as timestamptz, or NULL; another type is an error';

CREATE FUNCTION token_auth.claim_array(VARIADIC path text[])
RETURNS text[]
AS 'MODULE_PATHNAME', 'token_auth_claim_array'
LANGUAGE C STABLE CALLED ON NULL INPUT PARALLEL SAFE;
COMMENT ON FUNCTION token_auth.claim_array(text[]) IS
    'the array at a path as text[], or NULL; another type is an error';

CREATE FUNCTION token_auth.claim_in_namespace(namespace text, VARIADIC path text[])
RETURNS text
AS 'MODULE_PATHNAME', 'token_auth_claim_in_namespace'
LANGUAGE C STABLE CALLED ON NULL INPUT PARALLEL SAFE;
COMMENT ON FUNCTION token_auth.claim_in_namespace(text, text[]) IS
    'the claim at a path as text, if the token''s issuer is of this namespace';

CREATE FUNCTION token_auth.in_claim(value text, VARIADIC path text[])
RETURNS boolean
AS 'MODULE_PATHNAME', 'token_auth_in_claim_text'
LANGUAGE C STABLE CALLED ON NULL INPUT LEAKPROOF PARALLEL SAFE
SUPPORT token_auth.membership_support;
COMMENT ON FUNCTION token_auth.in_claim(text, text[]) IS
    'is the value in the array claim at a path';

CREATE FUNCTION token_auth.in_claim(value uuid, VARIADIC path text[])
RETURNS boolean
AS 'MODULE_PATHNAME', 'token_auth_in_claim_uuid'
LANGUAGE C STABLE CALLED ON NULL INPUT LEAKPROOF PARALLEL SAFE
SUPPORT token_auth.membership_support;
COMMENT ON FUNCTION token_auth.in_claim(uuid, text[]) IS
    'is the value in the array claim at a path';

CREATE FUNCTION token_auth.in_claim(value bigint, VARIADIC path text[])
RETURNS boolean
AS 'MODULE_PATHNAME', 'token_auth_in_claim_int8'
LANGUAGE C STABLE CALLED ON NULL INPUT LEAKPROOF PARALLEL SAFE
SUPPORT token_auth.membership_support;
COMMENT ON FUNCTION token_auth.in_claim(bigint, text[]) IS
    'is the value in the array claim at a path';

CREATE FUNCTION token_auth.in_claim(value integer, VARIADIC path text[])
RETURNS boolean
AS 'MODULE_PATHNAME', 'token_auth_in_claim_int4'
LANGUAGE C STABLE CALLED ON NULL INPUT LEAKPROOF PARALLEL SAFE
SUPPORT token_auth.membership_support;
COMMENT ON FUNCTION token_auth.in_claim(integer, text[]) IS
    'is the value in the array claim at a path';

CREATE FUNCTION token_auth.in_claim(value smallint, VARIADIC path text[])
RETURNS boolean
AS 'MODULE_PATHNAME', 'token_auth_in_claim_int2'
LANGUAGE C STABLE CALLED ON NULL INPUT LEAKPROOF PARALLEL SAFE
SUPPORT token_auth.membership_support;
COMMENT ON FUNCTION token_auth.in_claim(smallint, text[]) IS
    'is the value in the array claim at a path';

CREATE FUNCTION token_auth.claim_members_text(VARIADIC path text[])
RETURNS text[]
AS 'MODULE_PATHNAME', 'token_auth_claim_members_text'
LANGUAGE C STABLE CALLED ON NULL INPUT PARALLEL SAFE;
COMMENT ON FUNCTION token_auth.claim_members_text(text[]) IS
    'the members of the array claim at a path that are of this type: what an index looks for in place of in_claim()';

CREATE FUNCTION token_auth.claim_members_uuid(VARIADIC path text[])
RETURNS uuid[]
AS 'MODULE_PATHNAME', 'token_auth_claim_members_uuid'
LANGUAGE C STABLE CALLED ON NULL INPUT PARALLEL SAFE;
COMMENT ON FUNCTION token_auth.claim_members_uuid(text[]) IS
    'the members of the array claim at a path that are of this type: what an index looks for in place of in_claim()';

CREATE FUNCTION token_auth.claim_members_bigint(VARIADIC path text[])
RETURNS bigint[]
AS 'MODULE_PATHNAME', 'token_auth_claim_members_bigint'
LANGUAGE C STABLE CALLED ON NULL INPUT PARALLEL SAFE;
COMMENT ON FUNCTION token_auth.claim_members_bigint(text[]) IS
    'the members of the array claim at a path that are of this type: what an index looks for in place of in_claim()';

CREATE FUNCTION token_auth.subject()
RETURNS text
AS 'MODULE_PATHNAME', 'token_auth_subject'
LANGUAGE C STABLE CALLED ON NULL INPUT PARALLEL SAFE;
COMMENT ON FUNCTION token_auth.subject() IS
    'whom the current token is about';

CREATE FUNCTION token_auth.subject(namespace text)
RETURNS text
AS 'MODULE_PATHNAME', 'token_auth_subject_in_namespace'
LANGUAGE C STABLE CALLED ON NULL INPUT PARALLEL SAFE;
COMMENT ON FUNCTION token_auth.subject(text) IS
    'whom the current token is about, if its issuer is of this namespace';

CREATE FUNCTION token_auth.subject_uuid()
RETURNS uuid
AS 'MODULE_PATHNAME', 'token_auth_subject_uuid'
LANGUAGE C STABLE CALLED ON NULL INPUT PARALLEL SAFE;
COMMENT ON FUNCTION token_auth.subject_uuid() IS
    'whom the current token is about, as uuid; another form is an error';

CREATE FUNCTION token_auth.issuer()
RETURNS text
AS 'MODULE_PATHNAME', 'token_auth_issuer'
LANGUAGE C STABLE CALLED ON NULL INPUT PARALLEL SAFE;
COMMENT ON FUNCTION token_auth.issuer() IS
    'who issued the current token, of whatever namespace';

CREATE FUNCTION token_auth.issuer_name()
RETURNS text
AS 'MODULE_PATHNAME', 'token_auth_issuer_name'
LANGUAGE C STABLE CALLED ON NULL INPUT PARALLEL SAFE;
COMMENT ON FUNCTION token_auth.issuer_name() IS
    'the name of who issued the current token, of whatever namespace';

CREATE FUNCTION token_auth.identity()
RETURNS text
AS 'MODULE_PATHNAME', 'token_auth_identity'
LANGUAGE C STABLE CALLED ON NULL INPUT PARALLEL SAFE;
COMMENT ON FUNCTION token_auth.identity() IS
    'issuer#subject of the current token, of whatever namespace';

CREATE FUNCTION token_auth.audience()
RETURNS text[]
AS 'MODULE_PATHNAME', 'token_auth_audience'
LANGUAGE C STABLE CALLED ON NULL INPUT PARALLEL SAFE;
COMMENT ON FUNCTION token_auth.audience() IS
    'for whom the current token was issued';

CREATE FUNCTION token_auth.token_id()
RETURNS text
AS 'MODULE_PATHNAME', 'token_auth_token_id'
LANGUAGE C STABLE CALLED ON NULL INPUT PARALLEL SAFE;
COMMENT ON FUNCTION token_auth.token_id() IS
    'identifier of the current token (jti)';

CREATE FUNCTION token_auth.client_id()
RETURNS text
AS 'MODULE_PATHNAME', 'token_auth_client_id'
LANGUAGE C STABLE CALLED ON NULL INPUT PARALLEL SAFE;
COMMENT ON FUNCTION token_auth.client_id() IS
    'the client that the current token was issued to';

CREATE FUNCTION token_auth.session_id()
RETURNS text
AS 'MODULE_PATHNAME', 'token_auth_session_id'
LANGUAGE C STABLE CALLED ON NULL INPUT PARALLEL SAFE;
COMMENT ON FUNCTION token_auth.session_id() IS
    'the session at the issuer that the current token belongs to (sid)';

CREATE FUNCTION token_auth.issued_at()
RETURNS timestamptz
AS 'MODULE_PATHNAME', 'token_auth_issued_at'
LANGUAGE C STABLE CALLED ON NULL INPUT PARALLEL SAFE;
COMMENT ON FUNCTION token_auth.issued_at() IS
    'when the current token was issued (iat)';

CREATE FUNCTION token_auth.not_before()
RETURNS timestamptz
AS 'MODULE_PATHNAME', 'token_auth_not_before'
LANGUAGE C STABLE CALLED ON NULL INPUT PARALLEL SAFE;
COMMENT ON FUNCTION token_auth.not_before() IS
    'since when the current token is valid (nbf)';

CREATE FUNCTION token_auth.expires_at()
RETURNS timestamptz
AS 'MODULE_PATHNAME', 'token_auth_expires_at'
LANGUAGE C STABLE CALLED ON NULL INPUT PARALLEL SAFE;
COMMENT ON FUNCTION token_auth.expires_at() IS
    'when the current token expires (exp)';

CREATE FUNCTION token_auth.authenticated_at()
RETURNS timestamptz
AS 'MODULE_PATHNAME', 'token_auth_authenticated_at'
LANGUAGE C STABLE CALLED ON NULL INPUT PARALLEL SAFE;
COMMENT ON FUNCTION token_auth.authenticated_at() IS
    'when the subject signed in (auth_time)';

CREATE FUNCTION token_auth.actor()
RETURNS jsonb
AS 'MODULE_PATHNAME', 'token_auth_actor'
LANGUAGE C STABLE CALLED ON NULL INPUT PARALLEL SAFE;
COMMENT ON FUNCTION token_auth.actor() IS
    'who acts for the subject (RFC 8693 act)';

CREATE FUNCTION token_auth.is_client()
RETURNS boolean
AS 'MODULE_PATHNAME', 'token_auth_is_client'
LANGUAGE C STABLE CALLED ON NULL INPUT PARALLEL SAFE SUPPORT token_auth.test_support;
COMMENT ON FUNCTION token_auth.is_client() IS
    'does the current token speak for a client, not for a user (RFC 9068 section 5)';

--
-- Scopes and roles
--

CREATE FUNCTION token_auth.scopes()
RETURNS text[]
AS 'MODULE_PATHNAME', 'token_auth_scopes'
LANGUAGE C STABLE CALLED ON NULL INPUT PARALLEL SAFE;
COMMENT ON FUNCTION token_auth.scopes() IS
    'the scopes of the current token, sorted, each once';

CREATE FUNCTION token_auth.has_scope(scope text)
RETURNS boolean
AS 'MODULE_PATHNAME', 'token_auth_has_scope'
LANGUAGE C STABLE CALLED ON NULL INPUT PARALLEL SAFE SUPPORT token_auth.test_support;
COMMENT ON FUNCTION token_auth.has_scope(text) IS
    'has the current token this scope';

CREATE FUNCTION token_auth.has_scope(scope text, namespace text)
RETURNS boolean
AS 'MODULE_PATHNAME', 'token_auth_has_scope_in_namespace'
LANGUAGE C STABLE CALLED ON NULL INPUT PARALLEL SAFE SUPPORT token_auth.test_support;
COMMENT ON FUNCTION token_auth.has_scope(text, text) IS
    'has the current token this scope, and is its issuer of this namespace';

CREATE FUNCTION token_auth.has_any_scope(VARIADIC scopes text[])
RETURNS boolean
AS 'MODULE_PATHNAME', 'token_auth_has_any_scope'
LANGUAGE C STABLE CALLED ON NULL INPUT PARALLEL SAFE SUPPORT token_auth.test_support;
COMMENT ON FUNCTION token_auth.has_any_scope(text[]) IS
    'has the current token at least one of these scopes';

CREATE FUNCTION token_auth.has_all_scopes(VARIADIC scopes text[])
RETURNS boolean
AS 'MODULE_PATHNAME', 'token_auth_has_all_scopes'
LANGUAGE C STABLE CALLED ON NULL INPUT PARALLEL SAFE SUPPORT token_auth.test_support;
COMMENT ON FUNCTION token_auth.has_all_scopes(text[]) IS
    'has the current token all of these scopes';

CREATE FUNCTION token_auth.require_scope(scope text)
RETURNS boolean
AS 'MODULE_PATHNAME', 'token_auth_require_scope'
LANGUAGE C STABLE CALLED ON NULL INPUT PARALLEL SAFE SUPPORT token_auth.gate_support;
COMMENT ON FUNCTION token_auth.require_scope(text) IS
    'true if the current token has this scope, otherwise an error that names it';

CREATE FUNCTION token_auth.roles()
RETURNS text[]
AS 'MODULE_PATHNAME', 'token_auth_roles'
LANGUAGE C STABLE CALLED ON NULL INPUT PARALLEL SAFE;
COMMENT ON FUNCTION token_auth.roles() IS
    'the roles of the current token, sorted, each once';

CREATE FUNCTION token_auth.has_role(role text)
RETURNS boolean
AS 'MODULE_PATHNAME', 'token_auth_has_role'
LANGUAGE C STABLE CALLED ON NULL INPUT PARALLEL SAFE SUPPORT token_auth.test_support;
COMMENT ON FUNCTION token_auth.has_role(text) IS
    'has the current token this role; NULL where the issuer left roles out';

CREATE FUNCTION token_auth.has_role(role text, namespace text)
RETURNS boolean
AS 'MODULE_PATHNAME', 'token_auth_has_role_in_namespace'
LANGUAGE C STABLE CALLED ON NULL INPUT PARALLEL SAFE SUPPORT token_auth.test_support;
COMMENT ON FUNCTION token_auth.has_role(text, text) IS
    'has the current token this role, and is its issuer of this namespace';

--
-- Verifying without a session
--

CREATE FUNCTION token_auth.verify(token text)
RETURNS jsonb
AS 'MODULE_PATHNAME', 'token_auth_verify'
LANGUAGE C VOLATILE CALLED ON NULL INPUT PARALLEL UNSAFE;
COMMENT ON FUNCTION token_auth.verify(text) IS
    'the claims of a token that passes every check that a session makes; otherwise an error';

CREATE FUNCTION token_auth.verify_jws(token text, jwks jsonb, algorithms text[])
RETURNS bytea
AS 'MODULE_PATHNAME', 'token_auth_verify_jws'
LANGUAGE C STABLE CALLED ON NULL INPUT PARALLEL SAFE;
COMMENT ON FUNCTION token_auth.verify_jws(text, jsonb, text[]) IS
    'the payload of a compact JWS whose signature one of these keys made; otherwise an error; claims are not looked at';

CREATE FUNCTION token_auth.inspect(token text)
RETURNS TABLE (step text, outcome text, detail text)
AS 'MODULE_PATHNAME', 'token_auth_inspect'
LANGUAGE C VOLATILE CALLED ON NULL INPUT PARALLEL UNSAFE ROWS 30;
COMMENT ON FUNCTION token_auth.inspect(text) IS
    'a row for each check of a token: what was found, what was expected, what to do';

CREATE FUNCTION token_auth.inspect()
RETURNS TABLE (step text, outcome text, detail text)
AS 'MODULE_PATHNAME', 'token_auth_inspect_current'
LANGUAGE C VOLATILE CALLED ON NULL INPUT PARALLEL UNSAFE ROWS 30;
COMMENT ON FUNCTION token_auth.inspect() IS
    'a row for each check of the current token, or why there is none';

--
-- Issuers
--

-- What the tokens of each kind of issuer are like. Columns that are not set
-- here get the table's defaults.
CREATE FUNCTION token_auth.profile(profile text, issuer text, audiences text[])
RETURNS token_auth.issuer
LANGUAGE plpgsql STABLE CALLED ON NULL INPUT PARALLEL SAFE
SET search_path = pg_catalog, pg_temp
AS $$
DECLARE
    guid CONSTANT text := '[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}';
    tenant text;
    rules token_auth.issuer;
BEGIN
    rules.issuer := profile.issuer;
    rules.audiences := profile.audiences;
    rules.audience_claim := 'aud';
    rules.token_types := '{at+jwt,JWT}';
    rules.required_claims := '{exp,iat,sub}';
    rules.claim_constraints := '{}';
    rules.subject_claim := '{sub}';
    rules.client_claim := '{client_id|azp|cid}';
    rules.token_id_claim := '{jti}';
    rules.session_claim := '{sid}';
    rules.device_claim := '{device_id}';
    rules.scope_claims := '[["scope"]]';
    rules.role_claims := '[["roles"]]';

    CASE profile.profile
    WHEN 'generic' THEN
        -- an ID token has none of the alternatives
        rules.required_claims := '{exp,iat,sub,scope|scp|client_id|azp|cid}';
        rules.scope_claims := '[["scope"],["scp"]]';

    WHEN 'rfc9068' THEN
        rules.token_types := '{at+jwt}';
        rules.required_claims := '{iss,exp,aud,sub,client_id,iat,jti}';
        rules.client_claim := '{client_id}';
        rules.role_claims := '[["roles"],["groups"],["entitlements"]]';

    WHEN 'entra' THEN
        tenant := coalesce(
            substring(profile.issuer, '^https://login[.]microsoftonline[.]com/(' || guid || ')/v2[.]0$'),
            substring(profile.issuer, '^https://sts[.]windows[.]net/(' || guid || ')/$'));
        IF tenant IS NULL THEN
            PERFORM token_auth.raise_error('22023', 'issuer is not one tenant of Microsoft Entra', NULL,
                'It reads https://login.microsoftonline.com/{tenant}/v2.0, or for version 1 tokens https://sts.windows.net/{tenant}/, where {tenant} is a GUID in lower case.');
        END IF;
        rules.required_claims := '{exp,iat,oid,azp|appid,scp|roles}';
        rules.claim_constraints := jsonb_build_object('tid', tenant);
        rules.subject_claim := '{oid}';
        rules.client_claim := '{azp|appid}';
        rules.token_id_claim := '{uti}';
        rules.device_claim := '{deviceid}';
        rules.scope_claims := '[["scp"]]';
        rules.role_claims := '[["roles"],["groups"],["wids"]]';

    WHEN 'okta' THEN
        rules.token_types := '{at+jwt,JWT,""}';
        rules.required_claims := '{exp,iat,sub,cid,scp}';
        rules.client_claim := '{cid}';
        rules.scope_claims := '[["scp"]]';
        rules.role_claims := '[["groups"]]';

    WHEN 'auth0' THEN
        rules.required_claims := '{exp,iat,sub,azp|client_id}';
        rules.client_claim := '{azp|client_id}';
        rules.role_claims := '[["permissions"]]';

    WHEN 'keycloak' THEN
        IF 'account' = ANY (profile.audiences) THEN
            PERFORM token_auth.raise_error('22023', 'audience "account" cannot be used with Keycloak',
                'The tokens of every client of a Keycloak realm carry it.',
                'Add an audience of your own to the tokens: an audience mapper in a client scope.');
        END IF;
        IF EXISTS (SELECT FROM unnest(profile.audiences) AS a WHERE strpos(a, '|') > 0) THEN
            PERFORM token_auth.raise_error('22023', 'an audience with "|" cannot be used with Keycloak',
                'In paths to claims that character separates alternatives.', NULL);
        END IF;
        rules.required_claims := '{exp,iat,sub,azp}';
        rules.claim_constraints := '{"typ": "Bearer"}';
        rules.client_claim := '{azp}';
        SELECT '[["realm_access", "roles"]]'
               || coalesce(jsonb_agg(jsonb_build_array('resource_access', a, 'roles')), '[]')
        INTO rules.role_claims
        FROM unnest(profile.audiences) AS a
        WHERE a <> '*';

    WHEN 'cognito' THEN
        -- access tokens have no aud: the client is all that says for whom they are
        IF '*' = ANY (profile.audiences) THEN
            PERFORM token_auth.raise_error('22023', 'audiences of an Amazon Cognito issuer must name clients', NULL,
                'Give the identifiers of the app clients whose tokens are accepted.');
        END IF;
        rules.audience_claim := 'client_id';
        rules.clients := profile.audiences;
        rules.token_types := '{at+jwt,JWT,""}';
        rules.required_claims := '{exp,iat,sub,client_id,token_use}';
        rules.claim_constraints := '{"token_use": "access"}';
        rules.client_claim := '{client_id}';
        rules.session_claim := '{origin_jti}';
        rules.role_claims := '[["cognito:groups"]]';

    WHEN 'firebase' THEN
        IF profile.issuer !~ '^https://securetoken[.]google[.]com/[^/]+$' THEN
            PERFORM token_auth.raise_error('22023', 'issuer is not a project of Firebase', NULL,
                'It reads https://securetoken.google.com/{project}.');
        END IF;
        rules.token_types := '{JWT}';
        rules.claim_constraints := '{"firebase": {"!sign_in_provider": ["anonymous"]}}';
        rules.role_claims := '[["role"],["roles"]]';

    WHEN 'supabase' THEN
        rules.token_types := '{JWT}';
        rules.required_claims := '{exp,iat,sub,role}';
        rules.claim_constraints := '{"!role": ["anon", "service_role"], "!is_anonymous": [true]}';
        rules.session_claim := '{session_id}';
        rules.role_claims := '[["role"]]';

    ELSE
        PERFORM token_auth.raise_error('22023',
            format('profile "%s" is not known', left(profile.profile, 64)), NULL,
            'Known are generic, rfc9068, entra, okta, auth0, keycloak, cognito, firebase and supabase.');
    END CASE;
    RETURN rules;
END
$$;
COMMENT ON FUNCTION token_auth.profile(text, text, text[]) IS
    'internal: what the tokens of a kind of issuer must be';

CREATE FUNCTION token_auth.check_new_issuer(issuer text, name text, audiences text[], namespace text)
RETURNS void
LANGUAGE plpgsql STABLE CALLED ON NULL INPUT PARALLEL SAFE
SET search_path = pg_catalog, pg_temp
AS $$
BEGIN
    IF octet_length(issuer) > 512 OR octet_length(name) > 512 OR octet_length(namespace) > 512 THEN
        PERFORM token_auth.raise_error('22023', 'issuer, name or namespace is too long',
            'Each has at most 512 bytes.', NULL);
    END IF;
    IF issuer ~ '^[[:space:]]|[[:space:]]$|[[:cntrl:]]' THEN
        PERFORM token_auth.raise_error('22023', 'issuer has a blank at an end or a control character',
            'It is compared with the iss of tokens character by character.', NULL);
    END IF;
    IF name = '' THEN
        PERFORM token_auth.raise_error('22023', 'name must not be empty', NULL, NULL);
    END IF;
    IF cardinality(audiences) = 0 THEN
        PERFORM token_auth.raise_error('22023', 'audiences must not be empty', NULL,
            'Name the audience that the issuer puts into tokens for this database.');
    END IF;
    PERFORM token_auth.check_given('audiences', array_position(audiences, NULL) IS NULL);
    IF '' = ANY (audiences) THEN
        PERFORM token_auth.raise_error('22023', 'an audience must not be empty', NULL, NULL);
    END IF;
    IF '*' = ANY (audiences) AND cardinality(audiences) > 1 THEN
        PERFORM token_auth.raise_error('22023', 'audience "*" cannot stand beside others',
            'It means that audiences are not checked.', NULL);
    END IF;
END
$$;
COMMENT ON FUNCTION token_auth.check_new_issuer(text, text, text[], text) IS
    'internal: refuse an issuer that cannot be';

-- Administration takes an issuer or a name: neither may mean two issuers.
CREATE FUNCTION token_auth.check_issuer_is_new(issuer text, name text)
RETURNS void
LANGUAGE plpgsql STABLE CALLED ON NULL INPUT PARALLEL SAFE
SET search_path = pg_catalog, pg_temp
AS $$
BEGIN
    IF EXISTS (SELECT FROM token_auth.issuer AS i
               WHERE i.issuer = check_issuer_is_new.issuer) THEN
        PERFORM token_auth.raise_error('42710',
            format('issuer "%s" already exists', issuer), NULL,
            'Change its row in token_auth.issuer, or use import_jwks() for its keys.');
    END IF;
    IF EXISTS (SELECT FROM token_auth.issuer AS i
               WHERE check_issuer_is_new.name IN (i.issuer, i.name)) THEN
        PERFORM token_auth.raise_error('42710',
            format('an issuer named "%s" already exists', name), NULL,
            'Give another one: name => ''...''.');
    END IF;
    IF EXISTS (SELECT FROM token_auth.issuer AS i
               WHERE check_issuer_is_new.issuer = i.name) THEN
        PERFORM token_auth.raise_error('42710',
            format('"%s" is already the name of another issuer', issuer), NULL,
            'Rename that one in token_auth.issuer.');
    END IF;
END
$$;
COMMENT ON FUNCTION token_auth.check_issuer_is_new(text, text) IS
    'internal: refuse an issuer or a name that exists';

-- Adding never opens: policies that stand ask for the namespace ''.
CREATE FUNCTION token_auth.default_namespace(name text)
RETURNS text
LANGUAGE plpgsql VOLATILE CALLED ON NULL INPUT PARALLEL UNSAFE
SET search_path = pg_catalog, pg_temp
AS $$
BEGIN
    IF NOT EXISTS (SELECT FROM token_auth.issuer) THEN
        RETURN '';
    END IF;
    IF EXISTS (SELECT FROM token_auth.issuer AS i
               WHERE i.namespace = default_namespace.name) THEN
        PERFORM token_auth.raise_error('42710',
            format('namespace "%s" is already that of another issuer', name), NULL,
            'Give the namespace, if that is meant: namespace => ''...''.');
    END IF;
    RAISE NOTICE USING
        MESSAGE = format('tokens of this issuer belong to the namespace "%s"', name),
        DETAIL = 'Policies that stand do not let them through: subject(), has_scope() and the like answer for the namespace '''' only.',
        HINT = format('Name it in policies: subject(%1$L), has_scope(..., %1$L). If this issuer vouches for the same people as the first one, add it with namespace => ''''.', name);
    RETURN name;
END
$$;
COMMENT ON FUNCTION token_auth.default_namespace(text) IS
    'internal: the namespace of a new issuer: '''' for the first, later its name';

CREATE FUNCTION token_auth.add_issuer(issuer text, audiences text[],
    profile text DEFAULT 'generic', jwks jsonb DEFAULT NULL,
    jwks_uri text DEFAULT NULL, name text DEFAULT NULL, namespace text DEFAULT NULL)
RETURNS text
LANGUAGE plpgsql VOLATILE CALLED ON NULL INPUT PARALLEL UNSAFE SECURITY DEFINER
SET search_path = pg_catalog, pg_temp
AS $$
DECLARE
    rules token_auth.issuer;
    rejected record;
BEGIN
    PERFORM token_auth.check_given('issuer', add_issuer.issuer IS NOT NULL);
    PERFORM token_auth.check_given('audiences', add_issuer.audiences IS NOT NULL);
    PERFORM token_auth.check_given('profile', add_issuer.profile IS NOT NULL);

    name := coalesce(add_issuer.name,
        nullif(regexp_replace(regexp_replace(add_issuer.issuer, '^[a-z][a-z0-9+.-]*://', '', 'i'), '/+$', ''), ''),
        'unnamed');
    PERFORM token_auth.check_new_issuer(add_issuer.issuer, add_issuer.name,
                                        add_issuer.audiences, add_issuer.namespace);
    IF add_issuer.jwks_uri !~ '^https://[^[:space:]/]+|^http://(localhost|127[.]0[.]0[.]1|[[]::1])([:/]|$)' THEN
        PERFORM token_auth.raise_error('22023', 'jwks_uri must begin with https://',
            'Who can change the keys on their way can sign every token.', NULL);
    END IF;
    rules := token_auth.profile(add_issuer.profile, add_issuer.issuer, add_issuer.audiences);

    -- two first ones at once would both get the namespace ''; nor may the
    -- snapshot be older than the lock, or than what was waited for
    IF add_issuer.namespace IS NULL
       AND current_setting('transaction_isolation') NOT IN ('read committed', 'read uncommitted') THEN
        PERFORM token_auth.raise_error('25001',
            'add_issuer() without a namespace must run at READ COMMITTED',
            'What other transactions have added decides which namespace it gets.',
            'Give the namespace, or add the issuer in a transaction of that isolation level.');
    END IF;
    PERFORM token_auth.lock_changes('issuers');
    PERFORM token_auth.wait_for_issuers();
    PERFORM token_auth.check_issuer_is_new(add_issuer.issuer, add_issuer.name);
    namespace := coalesce(add_issuer.namespace, token_auth.default_namespace(add_issuer.name));
    INSERT INTO token_auth.issuer (
        issuer, name, namespace, audiences, audience_claim, clients,
        token_types, required_claims, claim_constraints,
        subject_claim, client_claim, token_id_claim, session_claim, device_claim,
        scope_claims, role_claims, jwks_uri)
    VALUES (
        rules.issuer, add_issuer.name, add_issuer.namespace, rules.audiences, rules.audience_claim, rules.clients,
        rules.token_types, rules.required_claims, rules.claim_constraints,
        rules.subject_claim, rules.client_claim, rules.token_id_claim, rules.session_claim, rules.device_claim,
        rules.scope_claims, rules.role_claims, add_issuer.jwks_uri);
    PERFORM token_auth.log_change('added issuer', add_issuer.issuer, NULL);

    IF add_issuer.jwks IS NOT NULL THEN
        FOR rejected IN
            SELECT i.key_id, i.action
            FROM token_auth.import_jwks(add_issuer.issuer, add_issuer.jwks) AS i
            WHERE i.action LIKE 'rejected: %'
        LOOP
            RAISE NOTICE USING
                MESSAGE = format('key %s of the JWK Set is not used', coalesce('"' || rejected.key_id || '"', 'without kid')),
                DETAIL = substr(rejected.action, length('rejected: ') + 1);
        END LOOP;
    END IF;
    RETURN add_issuer.name;
END
$$;
COMMENT ON FUNCTION token_auth.add_issuer(text, text[], text, jsonb, text, text, text) IS
    'trust an issuer''s tokens for these audiences; returns its name';

CREATE FUNCTION token_auth.drop_issuer(issuer text)
RETURNS boolean
LANGUAGE plpgsql VOLATILE CALLED ON NULL INPUT PARALLEL UNSAFE SECURITY DEFINER
SET search_path = pg_catalog, pg_temp
AS $$
DECLARE
    target CONSTANT text := (token_auth.lock_issuer(drop_issuer.issuer)).issuer;
BEGIN
    DELETE FROM token_auth.secret AS s WHERE s.issuer = target;
    DELETE FROM token_auth.key AS k WHERE k.issuer = target;
    DELETE FROM token_auth.issuer AS i WHERE i.issuer = target;
    PERFORM token_auth.log_change('dropped issuer', target, NULL);
    RETURN true;
END
$$;
COMMENT ON FUNCTION token_auth.drop_issuer(text) IS
    'remove an issuer with its keys and secrets; its revocations stay';

--
-- Keys
--

-- A token names its key by kid and algorithm: two of the same would both be unusable.
CREATE FUNCTION token_auth.key_is_ambiguous(issuer text, key_id text, algorithm text, thumbprint text)
RETURNS boolean
LANGUAGE sql STABLE CALLED ON NULL INPUT PARALLEL SAFE
SET search_path = pg_catalog, pg_temp
AS $$
    SELECT EXISTS (SELECT FROM token_auth.key AS k
                   WHERE k.issuer = key_is_ambiguous.issuer
                     AND k.key_id = key_is_ambiguous.key_id
                     AND k.algorithm = key_is_ambiguous.algorithm
                     AND k.thumbprint <> key_is_ambiguous.thumbprint
                     AND k.enabled AND k.retired_at IS NULL)
$$;
COMMENT ON FUNCTION token_auth.key_is_ambiguous(text, text, text, text) IS
    'internal: has the issuer another key in use with this kid and algorithm';

CREATE FUNCTION token_auth.check_key_is_new(issuer text, parsed token_auth.parsed_key)
RETURNS void
LANGUAGE plpgsql VOLATILE CALLED ON NULL INPUT PARALLEL UNSAFE
SET search_path = pg_catalog, pg_temp
AS $$
DECLARE
    existing token_auth.key;
BEGIN
    SELECT k.* INTO existing
    FROM token_auth.key AS k
    WHERE k.issuer = check_key_is_new.issuer AND k.thumbprint = parsed.thumbprint;

    IF FOUND THEN
        PERFORM token_auth.raise_error('42710',
            format('key "%s" already exists', coalesce(existing.key_id, existing.thumbprint)), NULL,
            CASE WHEN NOT existing.enabled THEN 'It is disabled; enable_key() enables it.'
                 WHEN existing.retired_at IS NOT NULL
                 THEN 'It is retired, since the issuer''s JWK Set has no longer had it; import_jwks() with replace => false restores it.'
            END);
    END IF;
    IF token_auth.key_is_ambiguous(check_key_is_new.issuer, parsed.key_id,
                                   parsed.algorithm, parsed.thumbprint) THEN
        PERFORM token_auth.raise_error('42710',
            format('a key with kid "%s" for %s already exists', parsed.key_id, parsed.algorithm),
            'A token could not say which of the two it means.',
            'Disable the other key first, or have the issuer give this one another kid.');
    END IF;
END
$$;
COMMENT ON FUNCTION token_auth.check_key_is_new(text, token_auth.parsed_key) IS
    'internal: refuse a key that the issuer has';

CREATE FUNCTION token_auth.import_key(issuer text, parsed token_auth.parsed_key)
RETURNS text
LANGUAGE plpgsql VOLATILE CALLED ON NULL INPUT PARALLEL UNSAFE
SET search_path = pg_catalog, pg_temp
AS $$
DECLARE
    existing token_auth.key;
BEGIN
    IF token_auth.key_is_ambiguous(import_key.issuer, parsed.key_id,
                                   parsed.algorithm, parsed.thumbprint) THEN
        -- under its old kid it is no longer published
        UPDATE token_auth.key AS k
        SET retired_at = now()
        WHERE k.issuer = import_key.issuer AND k.thumbprint = parsed.thumbprint
          AND k.origin = 'jwks' AND k.retired_at IS NULL;
        IF FOUND THEN
            PERFORM token_auth.log_change('retired key', import_key.issuer, coalesce(parsed.key_id, parsed.thumbprint));
        END IF;
        RETURN 'rejected: The member "kid" is that of another key of the issuer, too.';
    END IF;

    SELECT k.* INTO existing
    FROM token_auth.key AS k
    WHERE k.issuer = import_key.issuer AND k.thumbprint = parsed.thumbprint;
    IF NOT FOUND THEN
        INSERT INTO token_auth.key (issuer, thumbprint, key_id, algorithm, jwk, origin)
        VALUES (import_key.issuer, parsed.thumbprint, parsed.key_id, parsed.algorithm, parsed.jwk, 'jwks');
        RETURN 'added';
    END IF;

    -- a key added by hand keeps what it was added with; unchanged rows are not
    -- written, or every refresh would make all backends read anew
    UPDATE token_auth.key AS k
    SET key_id = CASE k.origin WHEN 'jwks' THEN parsed.key_id ELSE k.key_id END,
        algorithm = CASE k.origin WHEN 'jwks' THEN parsed.algorithm ELSE k.algorithm END,
        jwk = CASE k.origin WHEN 'jwks' THEN parsed.jwk ELSE k.jwk END,
        retired_at = NULL
    WHERE k.issuer = import_key.issuer AND k.thumbprint = parsed.thumbprint
      AND (k.retired_at IS NOT NULL
           OR (k.origin = 'jwks'
               AND (k.key_id, k.algorithm, k.jwk) IS DISTINCT FROM (parsed.key_id, parsed.algorithm, parsed.jwk)));

    RETURN CASE WHEN NOT existing.enabled THEN 'disabled'
                WHEN existing.retired_at IS NOT NULL THEN 'restored'
                ELSE 'kept' END;
END
$$;
COMMENT ON FUNCTION token_auth.import_key(text, token_auth.parsed_key) IS
    'internal: bring in one key of a JWK Set; returns what was done';

CREATE FUNCTION token_auth.import_jwks(issuer text, jwks jsonb, replace boolean DEFAULT true)
RETURNS TABLE (key_id text, algorithm text, action text)
LANGUAGE plpgsql VOLATILE CALLED ON NULL INPUT PARALLEL UNSAFE SECURITY DEFINER ROWS 10
SET search_path = pg_catalog, pg_temp
AS $$
DECLARE
    target token_auth.issuer;
    tenant text;
    parsed token_auth.parsed_key[];
    current_key token_auth.parsed_key;
    retired token_auth.key[];
    retired_key token_auth.key;
    done text[] := '{}';
BEGIN
    PERFORM token_auth.check_given('jwks', import_jwks.jwks IS NOT NULL);
    PERFORM token_auth.check_given('replace', import_jwks.replace IS NOT NULL);
    target := token_auth.lock_issuer(import_jwks.issuer);
    IF target.local THEN
        PERFORM token_auth.raise_error('22023', 'a local issuer imports no JWK Set',
            'Its keys are generated here.', NULL);
    END IF;

    -- Microsoft Entra publishes all tenants' keys in one set
    IF jsonb_typeof(target.claim_constraints -> 'tid') = 'string' THEN
        tenant := target.claim_constraints ->> 'tid';
    END IF;
    parsed := ARRAY(SELECT p
                    FROM token_auth.parse_jwks(import_jwks.jwks, target.algorithms,
                                               CASE WHEN tenant IS NOT NULL THEN target.issuer END,
                                               tenant) AS p);
    IF NOT EXISTS (SELECT FROM unnest(parsed) AS p WHERE p.rejected IS NULL) THEN
        -- a broken answer must not retire every key
        PERFORM token_auth.raise_error('22023', 'JWK Set has no key that can be used',
            coalesce(parsed[1].rejected, 'It is empty.'), NULL);
    END IF;

    IF import_jwks.replace THEN
        WITH missing AS (
            UPDATE token_auth.key AS k
            SET retired_at = now()
            WHERE k.issuer = target.issuer AND k.origin = 'jwks' AND k.retired_at IS NULL
              AND k.thumbprint NOT IN (SELECT p.thumbprint FROM unnest(parsed) AS p WHERE p.rejected IS NULL)
            RETURNING k.*)
        SELECT array_agg(m::token_auth.key ORDER BY m.added_at, m.thumbprint) INTO retired
        FROM missing AS m;
    END IF;

    -- a kid may go from one key to another: first who gives it up
    UPDATE token_auth.key AS k
    SET key_id = p.key_id, jwk = p.jwk
    FROM unnest(parsed) AS p
    WHERE k.issuer = target.issuer AND k.thumbprint = p.thumbprint AND p.rejected IS NULL
      AND k.origin = 'jwks' AND k.key_id IS DISTINCT FROM p.key_id;

    FOREACH current_key IN ARRAY parsed LOOP
        key_id := current_key.key_id;
        algorithm := current_key.algorithm;
        action := CASE
            WHEN current_key.rejected IS NOT NULL THEN 'rejected: ' || current_key.rejected
            WHEN current_key.thumbprint = ANY (done) THEN 'rejected: The key is in the set twice.'
            ELSE token_auth.import_key(target.issuer, current_key) END;
        done := done || current_key.thumbprint;
        IF action IN ('added', 'restored') THEN
            PERFORM token_auth.log_change(action || ' key', target.issuer,
                                          coalesce(key_id, current_key.thumbprint));
        END IF;
        RETURN NEXT;
    END LOOP;

    FOREACH retired_key IN ARRAY coalesce(retired, '{}') LOOP
        key_id := retired_key.key_id;
        algorithm := retired_key.algorithm;
        action := 'retired';
        PERFORM token_auth.log_change('retired key', target.issuer,
                                      coalesce(key_id, retired_key.thumbprint));
        RETURN NEXT;
    END LOOP;

    -- a disabled key is kept for ever, so that it stays disabled when it returns
    DELETE FROM token_auth.key AS k
    WHERE k.issuer = target.issuer AND k.origin = 'jwks' AND k.enabled
      AND k.thumbprint IN (SELECT r.thumbprint
                           FROM token_auth.key AS r
                           WHERE r.issuer = target.issuer AND r.origin = 'jwks'
                             AND r.enabled AND r.retired_at IS NOT NULL
                           ORDER BY r.retired_at DESC, r.thumbprint
                           OFFSET 100);
END
$$;
COMMENT ON FUNCTION token_auth.import_jwks(text, jsonb, boolean) IS
    'bring in an issuer''s JWK Set; with replace, keys of earlier sets that it lacks are retired';

CREATE FUNCTION token_auth.add_key(issuer text, jwk jsonb)
RETURNS text
LANGUAGE plpgsql VOLATILE CALLED ON NULL INPUT PARALLEL UNSAFE SECURITY DEFINER
SET search_path = pg_catalog, pg_temp
AS $$
DECLARE
    target token_auth.issuer;
    parsed token_auth.parsed_key;
BEGIN
    PERFORM token_auth.check_given('jwk', add_key.jwk IS NOT NULL);
    target := token_auth.lock_issuer(add_key.issuer);
    IF add_key.jwk ? 'keys' THEN
        PERFORM token_auth.raise_error('22023', 'a JWK Set is not a JWK', NULL,
            'Use import_jwks() for a set.');
    END IF;
    IF add_key.jwk ->> 'kty' = 'oct' THEN
        PERFORM token_auth.raise_error('22023', 'a symmetric key cannot be added as a JWK', NULL,
            'Use add_secret(), with the decoded octets.');
    END IF;

    parsed := token_auth.parse_jwk(add_key.jwk, target.algorithms);
    PERFORM token_auth.check_key_is_new(target.issuer, parsed);
    INSERT INTO token_auth.key (issuer, thumbprint, key_id, algorithm, jwk, origin)
    VALUES (target.issuer, parsed.thumbprint, parsed.key_id, parsed.algorithm, parsed.jwk, 'manual');
    PERFORM token_auth.log_change('added key', target.issuer, coalesce(parsed.key_id, parsed.thumbprint));
    RETURN coalesce(parsed.key_id, parsed.thumbprint);
END
$$;
COMMENT ON FUNCTION token_auth.add_key(text, jsonb) IS
    'add a public key to an issuer by hand; returns its kid, or else its thumbprint';

CREATE FUNCTION token_auth.check_secret_form(secret bytea)
RETURNS void
AS 'MODULE_PATHNAME', 'token_auth_check_secret_form'
LANGUAGE C IMMUTABLE STRICT PARALLEL SAFE;
COMMENT ON FUNCTION token_auth.check_secret_form(bytea) IS
    'internal: refuse keys, certificates, tokens and one repeated byte as a secret';

CREATE FUNCTION token_auth.check_secret(secret bytea, algorithm text, key_id text)
RETURNS void
LANGUAGE plpgsql VOLATILE CALLED ON NULL INPUT PARALLEL SAFE
SET search_path = pg_catalog, pg_temp
AS $$
DECLARE
    smallest CONSTANT integer := CASE algorithm
        WHEN 'HS256' THEN 32 WHEN 'HS384' THEN 48 WHEN 'HS512' THEN 64 END;
BEGIN
    IF smallest IS NULL THEN
        PERFORM token_auth.raise_error('22023', 'algorithm of a secret must be HS256, HS384 or HS512', NULL, NULL);
    END IF;
    PERFORM token_auth.check_secret_form(secret);
    IF octet_length(secret) < smallest THEN
        PERFORM token_auth.raise_error('22023', 'secret is too short',
            format('A key for %s has at least %s octets (RFC 7518 section 3.2).', algorithm, smallest),
            'Is the secret base64 or hex text that should be decoded, or a password?');
    END IF;
    IF octet_length(secret) > 1024 THEN
        PERFORM token_auth.raise_error('22023', 'secret is too long', 'It has at most 1024 octets.', NULL);
    END IF;
    IF octet_length(key_id) NOT BETWEEN 1 AND 256 OR key_id ~ '[[:cntrl:]]' THEN
        PERFORM token_auth.raise_error('22023', 'key_id cannot be used',
            'It has 1 to 256 bytes, without control characters.', NULL);
    END IF;
END
$$;
COMMENT ON FUNCTION token_auth.check_secret(bytea, text, text) IS
    'internal: refuse a symmetric key that cannot be used';

-- The thumbprint is random: the RFC 7638 hash of a weak secret could be guessed.
CREATE FUNCTION token_auth.add_secret(issuer text, secret bytea, algorithm text, key_id text DEFAULT NULL)
RETURNS text
LANGUAGE plpgsql VOLATILE CALLED ON NULL INPUT PARALLEL UNSAFE SECURITY DEFINER
SET search_path = pg_catalog, pg_temp
AS $$
DECLARE
    target text;
    parsed token_auth.parsed_key;
BEGIN
    PERFORM token_auth.hide_statement();
    PERFORM token_auth.check_given('secret', add_secret.secret IS NOT NULL);
    PERFORM token_auth.check_given('algorithm', add_secret.algorithm IS NOT NULL);
    target := (token_auth.lock_issuer(add_secret.issuer)).issuer;
    PERFORM token_auth.check_secret(add_secret.secret, add_secret.algorithm, add_secret.key_id);

    parsed.thumbprint := 'secret-' || gen_random_uuid();
    parsed.key_id := add_secret.key_id;
    parsed.algorithm := add_secret.algorithm;
    parsed.jwk := jsonb_strip_nulls(jsonb_build_object(
        'kty', 'oct', 'alg', add_secret.algorithm, 'kid', add_secret.key_id));
    PERFORM token_auth.check_key_is_new(target, parsed);
    IF EXISTS (SELECT FROM token_auth.secret AS s
               WHERE s.issuer = target AND s.secret = add_secret.secret) THEN
        PERFORM token_auth.raise_error('42710', 'the issuer has this secret already', NULL, NULL);
    END IF;

    INSERT INTO token_auth.secret (issuer, thumbprint, secret)
    VALUES (target, parsed.thumbprint, add_secret.secret);
    INSERT INTO token_auth.key (issuer, thumbprint, key_id, algorithm, jwk, origin)
    VALUES (target, parsed.thumbprint, parsed.key_id, parsed.algorithm, parsed.jwk, 'manual');
    PERFORM token_auth.log_change('added secret', target, coalesce(parsed.key_id, parsed.thumbprint));
    RETURN coalesce(parsed.key_id, parsed.thumbprint);
END
$$;
COMMENT ON FUNCTION token_auth.add_secret(text, bytea, text, text) IS
    'add a symmetric key to an issuer; returns its key_id, or else the name it got';

CREATE FUNCTION token_auth.check_key_exists(issuer text, key_id text)
RETURNS void
LANGUAGE plpgsql STABLE CALLED ON NULL INPUT PARALLEL SAFE
SET search_path = pg_catalog, pg_temp
AS $$
BEGIN
    PERFORM token_auth.check_given('key_id', check_key_exists.key_id IS NOT NULL);
    IF NOT EXISTS (SELECT FROM token_auth.key AS k
                   WHERE k.issuer = check_key_exists.issuer
                     AND check_key_exists.key_id IN (k.key_id, k.thumbprint)) THEN
        PERFORM token_auth.raise_error('42704',
            format('key "%s" does not exist', left(check_key_exists.key_id, 256)), NULL,
            'The table token_auth.key has the issuer''s keys: give the key_id or the thumbprint of one.');
    END IF;
END
$$;
COMMENT ON FUNCTION token_auth.check_key_exists(text, text) IS
    'internal: an error unless the issuer has a key of this kid or thumbprint';

-- Takes no lock of the issuer: it leaves nothing ambiguous, and should not wait
-- for an import.
CREATE FUNCTION token_auth.disable_key(issuer text, key_id text)
RETURNS boolean
LANGUAGE plpgsql VOLATILE CALLED ON NULL INPUT PARALLEL UNSAFE SECURITY DEFINER
SET search_path = pg_catalog, pg_temp
AS $$
DECLARE
    target CONSTANT text := token_auth.issuer_of(disable_key.issuer);
BEGIN
    PERFORM token_auth.check_key_exists(target, disable_key.key_id);
    UPDATE token_auth.key AS k
    SET enabled = false
    WHERE k.issuer = target AND k.enabled
      AND disable_key.key_id IN (k.key_id, k.thumbprint);
    IF NOT FOUND THEN
        RETURN false;
    END IF;
    PERFORM token_auth.log_change('disabled key', target, disable_key.key_id);
    RETURN true;
END
$$;
COMMENT ON FUNCTION token_auth.disable_key(text, text) IS
    'have a key, named by kid or thumbprint, verify nothing, even if a JWK Set brings it again';

-- A kid may name several keys, of which one is to stay disabled.
CREATE FUNCTION token_auth.enable_key(issuer text, key_id text)
RETURNS boolean
LANGUAGE plpgsql VOLATILE CALLED ON NULL INPUT PARALLEL UNSAFE SECURITY DEFINER
SET search_path = pg_catalog, pg_temp
AS $$
DECLARE
    target CONSTANT text := (token_auth.lock_issuer(enable_key.issuer)).issuer;
    wanted token_auth.key[];
BEGIN
    PERFORM token_auth.check_key_exists(target, enable_key.key_id);
    wanted := ARRAY(SELECT k FROM token_auth.key AS k
                    WHERE k.issuer = target AND k.thumbprint = enable_key.key_id);
    IF cardinality(wanted) = 0 THEN
        wanted := ARRAY(SELECT k FROM token_auth.key AS k
                        WHERE k.issuer = target AND k.key_id = enable_key.key_id AND NOT k.enabled);
    END IF;
    IF cardinality(wanted) > 1 THEN
        PERFORM token_auth.raise_error('22023',
            format('key_id "%s" names several disabled keys', enable_key.key_id), NULL,
            'Give the thumbprint of the one that is meant.');
    END IF;
    IF cardinality(wanted) = 0 OR wanted[1].enabled THEN
        RETURN false;
    END IF;
    IF wanted[1].retired_at IS NULL
       AND token_auth.key_is_ambiguous(target, wanted[1].key_id, wanted[1].algorithm, wanted[1].thumbprint) THEN
        PERFORM token_auth.raise_error('42710',
            format('a key with kid "%s" for %s is in use', wanted[1].key_id, wanted[1].algorithm),
            'A token could not say which of the two it means.', 'Disable the other key first.');
    END IF;

    UPDATE token_auth.key AS k
    SET enabled = true
    WHERE k.issuer = target AND k.thumbprint = wanted[1].thumbprint;
    PERFORM token_auth.log_change('enabled key', target, enable_key.key_id);
    RETURN true;
END
$$;
COMMENT ON FUNCTION token_auth.enable_key(text, text) IS
    'undo disable_key()';

CREATE FUNCTION token_auth.jwks(issuer text)
RETURNS jsonb
LANGUAGE plpgsql STABLE CALLED ON NULL INPUT PARALLEL SAFE SECURITY DEFINER
SET search_path = pg_catalog, pg_temp
AS $$
DECLARE
    target CONSTANT text := token_auth.issuer_of(jwks.issuer);
BEGIN
    RETURN jsonb_build_object('keys',
        (SELECT coalesce(jsonb_agg(k.jwk ORDER BY k.added_at, k.thumbprint), '[]')
         FROM token_auth.key AS k
         WHERE k.issuer = target AND k.enabled AND k.retired_at IS NULL
           AND k.jwk ->> 'kty' <> 'oct'));
END
$$;
COMMENT ON FUNCTION token_auth.jwks(text) IS
    'the public keys of an issuer that are in use, as a JWK Set';

CREATE FUNCTION token_auth.jwk_from_pem(pem text, algorithm text, key_id text DEFAULT NULL)
RETURNS jsonb
AS 'MODULE_PATHNAME', 'token_auth_jwk_from_pem'
LANGUAGE C IMMUTABLE CALLED ON NULL INPUT PARALLEL SAFE;
COMMENT ON FUNCTION token_auth.jwk_from_pem(text, text, text) IS
    'a public key or certificate in PEM as a JWK; algorithm NULL: as its type and curve leave one choice';

CREATE FUNCTION token_auth.jwk_thumbprint(jwk jsonb)
RETURNS text
AS 'MODULE_PATHNAME', 'token_auth_jwk_thumbprint'
LANGUAGE C IMMUTABLE STRICT PARALLEL SAFE;
COMMENT ON FUNCTION token_auth.jwk_thumbprint(jsonb) IS
    'the SHA-256 thumbprint of a JWK (RFC 7638)';

--
-- Revocation
--

-- Of two cut-offs the later counts, of two times to keep a row the longer.
CREATE FUNCTION token_auth.write_revocation(issuer text, kind text, value text, source text,
    issued_until timestamptz, expires_at timestamptz, reason text,
    revoked_at timestamptz DEFAULT clock_timestamp(), revoked_by text DEFAULT session_user)
RETURNS boolean
LANGUAGE plpgsql VOLATILE CALLED ON NULL INPUT PARALLEL UNSAFE
SET search_path = pg_catalog, pg_temp
AS $$
BEGIN
    IF octet_length(write_revocation.reason) > 1024 THEN
        PERFORM token_auth.raise_error('22023', 'reason is too long', 'It has at most 1024 bytes.', NULL);
    END IF;

    INSERT INTO token_auth.revocation AS r
        (issuer, kind, value, source, issued_until, expires_at, reason, revoked_at, revoked_by)
    VALUES (write_revocation.issuer, write_revocation.kind, write_revocation.value, write_revocation.source,
            write_revocation.issued_until, write_revocation.expires_at, write_revocation.reason,
            write_revocation.revoked_at, write_revocation.revoked_by)
    ON CONFLICT ON CONSTRAINT revocation_pkey DO UPDATE
    SET issued_until = greatest(r.issued_until, excluded.issued_until),
        expires_at = CASE WHEN r.expires_at IS NOT NULL AND excluded.expires_at IS NOT NULL
                          THEN greatest(r.expires_at, excluded.expires_at) END,
        reason = coalesce(excluded.reason, r.reason),
        revoked_at = excluded.revoked_at,
        revoked_by = excluded.revoked_by
    WHERE r.issued_until < excluded.issued_until
       OR r.expires_at < coalesce(excluded.expires_at, 'infinity');
    RETURN FOUND;
END
$$;
COMMENT ON FUNCTION token_auth.write_revocation(text, text, text, text, timestamptz, timestamptz, text, timestamptz, text) IS
    'internal: revoke; returns whether that changed anything';

-- As an error a row that is here already would hold up all that is replicated
-- after it.
CREATE FUNCTION token_auth.merge_revocation()
RETURNS trigger
LANGUAGE plpgsql VOLATILE CALLED ON NULL INPUT PARALLEL UNSAFE SECURITY DEFINER
SET search_path = pg_catalog, pg_temp
AS $$
BEGIN
    PERFORM token_auth.write_revocation(NEW.issuer, NEW.kind, NEW.value, NEW.source, NEW.issued_until,
                                        NEW.expires_at, NEW.reason, NEW.revoked_at, NEW.revoked_by);
    RETURN NULL;
END
$$;
COMMENT ON FUNCTION token_auth.merge_revocation() IS
    'internal: write a row that replication brings; one that is here already becomes as strict';

CREATE FUNCTION token_auth.is_subscriber()
RETURNS boolean
LANGUAGE sql STABLE CALLED ON NULL INPUT PARALLEL SAFE
SET search_path = pg_catalog, pg_temp
AS $$
    SELECT EXISTS (SELECT FROM pg_subscription_rel
                   WHERE srrelid = 'token_auth.revocation'::regclass)
$$;
COMMENT ON FUNCTION token_auth.is_subscriber() IS
    'internal: does a subscription bring revocations from elsewhere';

-- A subscriber writes rows of its own. In the publisher's it would be undone by
-- the next change there, and while it wrote one, what is replicated would wait.
CREATE FUNCTION token_auth.local_source(source text)
RETURNS text
LANGUAGE sql STABLE STRICT PARALLEL SAFE
SET search_path = pg_catalog, pg_temp
AS $$
    SELECT CASE WHEN token_auth.is_subscriber()
                THEN (SELECT format('%s %s/%s', source, c.system_identifier, d.oid)
                      FROM pg_control_system() AS c, pg_database AS d
                      WHERE d.datname = current_database())
                ELSE source END
$$;
COMMENT ON FUNCTION token_auth.local_source(text) IS
    'internal: the source under which functions write here; on a subscriber with what tells this database from any other';

-- free_source() numbers the rows of those who revoke the same at one time.
CREATE FUNCTION token_auth.without_number(source text)
RETURNS text
LANGUAGE sql IMMUTABLE STRICT PARALLEL SAFE
SET search_path = pg_catalog, pg_temp
AS $$
    SELECT regexp_replace(source, '^((manual|holder)( [0-9]+/[0-9]+)?) [0-9]+$', '\1')
$$;
COMMENT ON FUNCTION token_auth.without_number(text) IS
    'internal: the source that free_source() was given';

CREATE FUNCTION token_auth.revoke_value(issuer_or_name text, kind text, value text,
    issued_until timestamptz, expires_at timestamptz, reason text)
RETURNS boolean
LANGUAGE plpgsql VOLATILE CALLED ON NULL INPUT PARALLEL UNSAFE
SET search_path = pg_catalog, pg_temp
AS $$
DECLARE
    target CONSTANT text := token_auth.issuer_of(issuer_or_name);
BEGIN
    PERFORM token_auth.check_given(kind, value IS NOT NULL);
    PERFORM token_auth.check_given('issued_until',
                                   issued_until IS NOT NULL OR kind IN ('token_id', 'session_id'));
    IF expires_at < clock_timestamp() - interval '5 minutes' THEN
        PERFORM token_auth.raise_error('22023', 'expires_at lies in the past',
            'A token that has expired needs no revocation, and this one would be pruned.',
            'Leave expires_at out if it is not known.');
    END IF;
    IF NOT token_auth.write_revocation(target, kind, value,
                                       token_auth.free_source(target, kind, value, token_auth.local_source('manual')),
                                       issued_until, expires_at, reason) THEN
        RETURN false;
    END IF;
    PERFORM token_auth.log_change(
        CASE WHEN issued_until = 'infinity' THEN 'banned ' ELSE 'revoked ' END || split_part(kind, '_', 1),
        target, CASE WHEN kind <> 'issuer' THEN token_auth.lookup_value(value) END);
    RETURN true;
END
$$;
COMMENT ON FUNCTION token_auth.revoke_value(text, text, text, timestamptz, timestamptz, text) IS
    'internal: revoke by any kind, for an administrator; the argument that brings the value is called as the kind';

-- The digest always, since a token's identifier need not be there or unique.
CREATE FUNCTION token_auth.write_token_revocation(issuer text, token_id text, digest text,
    source text, expires_at timestamptz, reason text)
RETURNS boolean
LANGUAGE plpgsql VOLATILE CALLED ON NULL INPUT PARALLEL UNSAFE
SET search_path = pg_catalog, pg_temp
AS $$
DECLARE
    leeway CONSTANT interval := token_auth.leeway(write_token_revocation.issuer);
    changed boolean;
BEGIN
    IF write_token_revocation.expires_at + coalesce(leeway, '0') <= clock_timestamp() THEN
        RETURN false;
    END IF;
    changed := token_auth.write_revocation(write_token_revocation.issuer, 'digest',
        write_token_revocation.digest,
        token_auth.free_source(write_token_revocation.issuer, 'digest',
                               write_token_revocation.digest, write_token_revocation.source), NULL,
        write_token_revocation.expires_at, write_token_revocation.reason);
    IF write_token_revocation.token_id IS NOT NULL THEN
        changed := token_auth.write_revocation(write_token_revocation.issuer, 'token_id',
            write_token_revocation.token_id,
            token_auth.free_source(write_token_revocation.issuer, 'token_id',
                                   write_token_revocation.token_id, write_token_revocation.source), NULL,
            write_token_revocation.expires_at, write_token_revocation.reason) OR changed;
    END IF;
    IF changed THEN
        PERFORM token_auth.log_change('revoked token', write_token_revocation.issuer,
            token_auth.lookup_value(coalesce(write_token_revocation.token_id, write_token_revocation.digest)));
    END IF;
    RETURN changed;
END
$$;
COMMENT ON FUNCTION token_auth.write_token_revocation(text, text, text, text, timestamptz, text) IS
    'internal: revoke a token by digest and identifier; nothing if it has expired';

CREATE FUNCTION token_auth.revoke_token(token text, reason text DEFAULT NULL)
RETURNS boolean
LANGUAGE plpgsql VOLATILE CALLED ON NULL INPUT PARALLEL UNSAFE SECURITY DEFINER
SET search_path = pg_catalog, pg_temp
AS $$
DECLARE
    revoked record;
BEGIN
    PERFORM token_auth.check_given('token', revoke_token.token IS NOT NULL);
    SELECT t.* INTO revoked FROM token_auth.token_revocation(revoke_token.token) AS t;
    RETURN token_auth.write_token_revocation(revoked.issuer, revoked.token_id, revoked.digest,
                                             token_auth.local_source('manual'), revoked.expires_at,
                                             revoke_token.reason);
END
$$;
COMMENT ON FUNCTION token_auth.revoke_token(text, text) IS
    'revoke a token, whose signature must verify; returns whether that changed anything';

CREATE FUNCTION token_auth.revoke_current_token(reason text DEFAULT NULL)
RETURNS boolean
LANGUAGE plpgsql VOLATILE CALLED ON NULL INPUT PARALLEL UNSAFE SECURITY DEFINER
SET search_path = pg_catalog, pg_temp
AS $$
DECLARE
    revoked record;
BEGIN
    SELECT t.* INTO revoked FROM token_auth.current_token_revocation() AS t;
    IF revoked.issuer IS NULL THEN
        RETURN false;
    END IF;
    -- a source of its own, so that reinstate() withdraws no logout unless it is told to
    RETURN token_auth.write_token_revocation(revoked.issuer, revoked.token_id, revoked.digest,
                                             token_auth.local_source('holder'), revoked.expires_at,
                                             revoke_current_token.reason);
END
$$;
COMMENT ON FUNCTION token_auth.revoke_current_token(text) IS
    'log out: revoke the current token; false without one';

CREATE FUNCTION token_auth.revoke_token_id(issuer text, token_id text,
    expires_at timestamptz DEFAULT NULL, reason text DEFAULT NULL)
RETURNS boolean
LANGUAGE sql VOLATILE CALLED ON NULL INPUT PARALLEL UNSAFE SECURITY DEFINER
SET search_path = pg_catalog, pg_temp
AS $$
    SELECT token_auth.revoke_value(issuer, 'token_id', token_id, NULL, expires_at, reason)
$$;
COMMENT ON FUNCTION token_auth.revoke_token_id(text, text, timestamptz, text) IS
    'revoke a token by its identifier; expires_at: when it expires anyway; returns whether that changed anything';

CREATE FUNCTION token_auth.revoke_session(issuer text, session_id text, reason text DEFAULT NULL)
RETURNS boolean
LANGUAGE sql VOLATILE CALLED ON NULL INPUT PARALLEL UNSAFE SECURITY DEFINER
SET search_path = pg_catalog, pg_temp
AS $$
    SELECT token_auth.revoke_value(issuer, 'session_id', session_id, NULL, NULL, reason)
$$;
COMMENT ON FUNCTION token_auth.revoke_session(text, text, text) IS
    'revoke a session, with the tokens that are still to come from it; returns whether that changed anything';

CREATE FUNCTION token_auth.revoke_subject(issuer text, subject text,
    issued_until timestamptz DEFAULT clock_timestamp(), reason text DEFAULT NULL)
RETURNS boolean
LANGUAGE sql VOLATILE CALLED ON NULL INPUT PARALLEL UNSAFE SECURITY DEFINER
SET search_path = pg_catalog, pg_temp
AS $$
    SELECT token_auth.revoke_value(issuer, 'subject', subject, issued_until, NULL, reason)
$$;
COMMENT ON FUNCTION token_auth.revoke_subject(text, text, timestamptz, text) IS
    'refuse a subject''s tokens of sign-ins up to issued_until; infinity is a ban; returns whether that changed anything';

CREATE FUNCTION token_auth.revoke_client(issuer text, client_id text,
    issued_until timestamptz DEFAULT clock_timestamp(), reason text DEFAULT NULL)
RETURNS boolean
LANGUAGE sql VOLATILE CALLED ON NULL INPUT PARALLEL UNSAFE SECURITY DEFINER
SET search_path = pg_catalog, pg_temp
AS $$
    SELECT token_auth.revoke_value(issuer, 'client_id', client_id, issued_until, NULL, reason)
$$;
COMMENT ON FUNCTION token_auth.revoke_client(text, text, timestamptz, text) IS
    'refuse a client''s tokens of sign-ins up to issued_until; infinity is a ban; returns whether that changed anything';

CREATE FUNCTION token_auth.revoke_device(issuer text, device_id text,
    issued_until timestamptz DEFAULT clock_timestamp(), reason text DEFAULT NULL)
RETURNS boolean
LANGUAGE sql VOLATILE CALLED ON NULL INPUT PARALLEL UNSAFE SECURITY DEFINER
SET search_path = pg_catalog, pg_temp
AS $$
    SELECT token_auth.revoke_value(issuer, 'device_id', device_id, issued_until, NULL, reason)
$$;
COMMENT ON FUNCTION token_auth.revoke_device(text, text, timestamptz, text) IS
    'refuse a device''s tokens of sign-ins up to issued_until; infinity is a ban; returns whether that changed anything';

CREATE FUNCTION token_auth.revoke_issuer(issuer text,
    issued_until timestamptz DEFAULT clock_timestamp(), reason text DEFAULT NULL)
RETURNS boolean
LANGUAGE sql VOLATILE CALLED ON NULL INPUT PARALLEL UNSAFE SECURITY DEFINER
SET search_path = pg_catalog, pg_temp
AS $$
    SELECT token_auth.revoke_value(issuer, 'issuer', '', issued_until, NULL, reason)
$$;
COMMENT ON FUNCTION token_auth.revoke_issuer(text, timestamptz, text) IS
    'refuse all tokens of an issuer of sign-ins up to issued_until; returns whether that changed anything';

CREATE FUNCTION token_auth.reinstate(issuer text, kind text, value text, source text DEFAULT 'manual')
RETURNS boolean
LANGUAGE plpgsql VOLATILE CALLED ON NULL INPUT PARALLEL UNSAFE SECURITY DEFINER
SET search_path = pg_catalog, pg_temp
AS $$
DECLARE
    target CONSTANT text := token_auth.issuer_of_revocation(reinstate.issuer);
BEGIN
    PERFORM token_auth.check_given('kind', reinstate.kind IS NOT NULL);
    PERFORM token_auth.check_given('value', reinstate.value IS NOT NULL);
    PERFORM token_auth.check_given('source', reinstate.source IS NOT NULL);
    IF reinstate.kind NOT IN ('token_id', 'digest', 'session_id',
                              'subject', 'client_id', 'issuer', 'device_id') THEN
        PERFORM token_auth.raise_error('22023',
            format('kind "%s" is not known', left(reinstate.kind, 64)), NULL,
            'Known are token_id, digest, session_id, subject, client_id, issuer and device_id.');
    END IF;

    DELETE FROM token_auth.revocation AS r
    WHERE r.issuer = target AND r.kind = reinstate.kind
      AND r.value = token_auth.lookup_value(reinstate.value)
      AND token_auth.local_source(reinstate.source) IN (r.source, token_auth.without_number(r.source));
    IF NOT FOUND THEN
        IF token_auth.is_subscriber()
           AND EXISTS (SELECT FROM token_auth.revocation AS r
                       WHERE r.issuer = target AND r.kind = reinstate.kind
                         AND r.value = token_auth.lookup_value(reinstate.value)
                         AND reinstate.source IN (r.source, token_auth.without_number(r.source))) THEN
            PERFORM token_auth.raise_error('55000', 'a revocation that a subscription brought cannot be withdrawn here',
                'A later change of it would not arrive.', 'Reinstate on the publisher.');
        END IF;
        RETURN false;
    END IF;
    PERFORM token_auth.log_change('reinstated ' || split_part(reinstate.kind, '_', 1), target,
                                  CASE WHEN reinstate.kind <> 'issuer' THEN token_auth.lookup_value(reinstate.value) END);
    RETURN true;
END
$$;
COMMENT ON FUNCTION token_auth.reinstate(text, text, text, text) IS
    'withdraw a revocation; returns whether there was one';

-- A row goes when every token that it could refuse is refused for its age, the
-- leeway included. How old a sign-in may be is known only where tokens cannot
-- have an auth_time, which stays the same however often a token is refreshed;
-- then the sign-in is iat. Of an issuer that was dropped nothing is known but
-- the largest leeway that there is.
--
-- Rows that somebody else is changing stay for the next time: who revokes may
-- not be made to fail by a deadlock. In UTC a day has 24 hours, as for tokens.
CREATE FUNCTION token_auth.prune_revocations()
RETURNS bigint
LANGUAGE plpgsql VOLATILE CALLED ON NULL INPUT PARALLEL UNSAFE SECURITY DEFINER
SET search_path = pg_catalog, pg_temp
SET timezone = 'UTC'
AS $$
DECLARE
    as_of CONSTANT timestamptz := clock_timestamp();
    pruned bigint;
BEGIN
    IF token_auth.is_subscriber() THEN
        PERFORM token_auth.raise_error('55000', 'revocations that a subscription brings cannot be pruned',
            'A later cut-off for a row that is gone would not arrive here.',
            'Prune on the publisher: what is deleted there is deleted here.');
    END IF;

    DELETE FROM token_auth.revocation
    WHERE ctid = ANY (ARRAY(
        SELECT r.ctid
        FROM token_auth.revocation AS r
             LEFT JOIN token_auth.issuer AS i ON i.issuer = r.issuer
        WHERE (r.expires_at < as_of - coalesce(i.leeway, '5 minutes')
               OR (r.expires_at IS NULL AND r.issued_until IS NOT NULL))
          AND (r.issued_until IS NULL
               OR (r.issued_until < as_of - least(i.max_lifetime + i.leeway, i.max_age)
                   AND i.claim_constraints -> 'auth_time' = '[null]'))
        FOR UPDATE OF r SKIP LOCKED));
    GET DIAGNOSTICS pruned = ROW_COUNT;
    IF pruned > 0 THEN
        PERFORM token_auth.log_change(format('pruned %s revocations', pruned), NULL, NULL);
    END IF;
    RETURN pruned;
END
$$;
COMMENT ON FUNCTION token_auth.prune_revocations() IS
    'delete revocations that no token can match any more; returns how many';

--
-- Triggers
--
-- ENABLE ALWAYS: what logical replication brings counts like any other change.
--

CREATE TRIGGER limit_keys
    AFTER INSERT OR UPDATE ON token_auth.key
    FOR EACH ROW WHEN (NEW.retired_at IS NULL)
    EXECUTE FUNCTION token_auth.limit_keys();
ALTER TABLE token_auth.key ENABLE ALWAYS TRIGGER limit_keys;

CREATE TRIGGER shorten_value
    BEFORE INSERT OR UPDATE ON token_auth.revocation
    FOR EACH ROW WHEN (pg_catalog.octet_length(pg_catalog.convert_to(NEW.value, 'UTF8')) OPERATOR(pg_catalog.>) 512)
    EXECUTE FUNCTION token_auth.shorten_revocation_value();
ALTER TABLE token_auth.revocation ENABLE ALWAYS TRIGGER shorten_value;

CREATE TRIGGER merge
    BEFORE INSERT ON token_auth.revocation
    FOR EACH ROW WHEN (pg_catalog.current_setting('session_replication_role') OPERATOR(pg_catalog.=) 'replica'
                       AND pg_catalog.pg_trigger_depth() OPERATOR(pg_catalog.=) 0)
    EXECUTE FUNCTION token_auth.merge_revocation();
ALTER TABLE token_auth.revocation ENABLE ALWAYS TRIGGER merge;

CREATE TRIGGER check_policy
    BEFORE INSERT OR UPDATE ON token_auth.issuer
    FOR EACH ROW EXECUTE FUNCTION token_auth.check_policy();
ALTER TABLE token_auth.issuer ENABLE ALWAYS TRIGGER check_policy;

CREATE TRIGGER configuration_changed
    AFTER INSERT OR UPDATE OR DELETE ON token_auth.issuer
    FOR EACH ROW EXECUTE FUNCTION token_auth.configuration_changed();
CREATE TRIGGER configuration_truncated
    AFTER TRUNCATE ON token_auth.issuer
    FOR EACH STATEMENT EXECUTE FUNCTION token_auth.configuration_changed();
CREATE TRIGGER configuration_changing
    BEFORE INSERT OR UPDATE OR DELETE ON token_auth.issuer
    FOR EACH STATEMENT EXECUTE FUNCTION token_auth.configuration_changed();
ALTER TABLE token_auth.issuer ENABLE ALWAYS TRIGGER configuration_changed;
ALTER TABLE token_auth.issuer ENABLE ALWAYS TRIGGER configuration_truncated;
ALTER TABLE token_auth.issuer ENABLE ALWAYS TRIGGER configuration_changing;

CREATE TRIGGER configuration_changed
    AFTER INSERT OR UPDATE OR DELETE ON token_auth.key
    FOR EACH ROW EXECUTE FUNCTION token_auth.configuration_changed();
CREATE TRIGGER configuration_truncated
    AFTER TRUNCATE ON token_auth.key
    FOR EACH STATEMENT EXECUTE FUNCTION token_auth.configuration_changed();
CREATE TRIGGER configuration_changing
    BEFORE INSERT OR UPDATE OR DELETE ON token_auth.key
    FOR EACH STATEMENT EXECUTE FUNCTION token_auth.configuration_changed();
ALTER TABLE token_auth.key ENABLE ALWAYS TRIGGER configuration_changed;
ALTER TABLE token_auth.key ENABLE ALWAYS TRIGGER configuration_truncated;
ALTER TABLE token_auth.key ENABLE ALWAYS TRIGGER configuration_changing;

CREATE TRIGGER configuration_changed
    AFTER INSERT OR UPDATE OR DELETE ON token_auth.secret
    FOR EACH ROW EXECUTE FUNCTION token_auth.configuration_changed();
CREATE TRIGGER configuration_truncated
    AFTER TRUNCATE ON token_auth.secret
    FOR EACH STATEMENT EXECUTE FUNCTION token_auth.configuration_changed();
CREATE TRIGGER configuration_changing
    BEFORE INSERT OR UPDATE OR DELETE ON token_auth.secret
    FOR EACH STATEMENT EXECUTE FUNCTION token_auth.configuration_changed();
ALTER TABLE token_auth.secret ENABLE ALWAYS TRIGGER configuration_changed;
ALTER TABLE token_auth.secret ENABLE ALWAYS TRIGGER configuration_truncated;
ALTER TABLE token_auth.secret ENABLE ALWAYS TRIGGER configuration_changing;

CREATE TRIGGER status_changed
    AFTER INSERT OR UPDATE OR DELETE ON token_auth.revocation
    FOR EACH ROW EXECUTE FUNCTION token_auth.status_changed();
CREATE TRIGGER status_truncated
    AFTER TRUNCATE ON token_auth.revocation
    FOR EACH STATEMENT EXECUTE FUNCTION token_auth.status_changed();
ALTER TABLE token_auth.revocation ENABLE ALWAYS TRIGGER status_changed;
ALTER TABLE token_auth.revocation ENABLE ALWAYS TRIGGER status_truncated;

--
-- Privileges
--
-- Everybody may set a token and read what it says. A role that may execute the
-- rest can be every user: it is never the role that applications connect with.
--

REVOKE ALL ON ALL TABLES IN SCHEMA token_auth FROM PUBLIC;
REVOKE ALL ON ALL ROUTINES IN SCHEMA token_auth FROM PUBLIC;

-- what default privileges of the installing role have handed out besides
DO $$
DECLARE
    grantee text;
BEGIN
    FOR grantee IN
        SELECT DISTINCT quote_ident(r.rolname)
        FROM (SELECT proacl AS acl FROM pg_catalog.pg_proc
              WHERE pronamespace = 'token_auth'::pg_catalog.regnamespace
              UNION ALL
              SELECT relacl FROM pg_catalog.pg_class
              WHERE relnamespace = 'token_auth'::pg_catalog.regnamespace
              UNION ALL
              SELECT nspacl FROM pg_catalog.pg_namespace
              WHERE nspname = 'token_auth') AS object,
             LATERAL pg_catalog.aclexplode(object.acl) AS granted
             JOIN pg_catalog.pg_roles AS r ON r.oid = granted.grantee
        WHERE r.rolname <> CURRENT_USER
    LOOP
        EXECUTE 'REVOKE ALL ON ALL TABLES IN SCHEMA token_auth FROM ' || grantee;
        EXECUTE 'REVOKE ALL ON ALL ROUTINES IN SCHEMA token_auth FROM ' || grantee;
        EXECUTE 'REVOKE ALL ON SCHEMA token_auth FROM ' || grantee;
    END LOOP;
END
$$;

GRANT EXECUTE ON FUNCTION
    token_auth.set_local_token(text),
    token_auth.set_session_token(text),
    token_auth.clear_token(),
    token_auth.is_authenticated(),
    token_auth.revoke_current_token(text),
    token_auth.inspect(),
    token_auth.claims(),
    token_auth.claim(text[]),
    token_auth.claim_jsonb(text[]),
    token_auth.claim_uuid(text[]),
    token_auth.claim_bigint(text[]),
    token_auth.claim_boolean(text[]),
    token_auth.claim_timestamptz(text[]),
    token_auth.claim_array(text[]),
    token_auth.claim_in_namespace(text, text[]),
    token_auth.in_claim(text, text[]),
    token_auth.in_claim(uuid, text[]),
    token_auth.in_claim(bigint, text[]),
    token_auth.in_claim(integer, text[]),
    token_auth.in_claim(smallint, text[]),
    token_auth.claim_members_text(text[]),
    token_auth.claim_members_uuid(text[]),
    token_auth.claim_members_bigint(text[]),
    token_auth.subject(),
    token_auth.subject(text),
    token_auth.subject_uuid(),
    token_auth.issuer(),
    token_auth.issuer_name(),
    token_auth.identity(),
    token_auth.audience(),
    token_auth.token_id(),
    token_auth.client_id(),
    token_auth.session_id(),
    token_auth.issued_at(),
    token_auth.not_before(),
    token_auth.expires_at(),
    token_auth.authenticated_at(),
    token_auth.actor(),
    token_auth.is_client(),
    token_auth.scopes(),
    token_auth.has_scope(text),
    token_auth.has_scope(text, text),
    token_auth.has_any_scope(text[]),
    token_auth.has_all_scopes(text[]),
    token_auth.require_scope(text),
    token_auth.roles(),
    token_auth.has_role(text),
    token_auth.has_role(text, text)
TO PUBLIC;
