-- each profile takes the tokens of its kind of issuer, and refuses what its rule refuses
\set VERBOSITY terse
\pset format unaligned
\pset tuples_only on
SET client_min_messages = warning;

-- a good token of each kind, as its issuer makes them, signed with the secret of mint.token()
CREATE TEMP TABLE good (profile text, audience text, header jsonb, claims jsonb);
INSERT INTO good VALUES
    ('generic', 'orders-api', '{"typ": "JWT"}',
     '{"iss": "https://generic.test", "sub": "alice", "aud": "orders-api", "scope": "orders:read", "jti": "j1"}'),
    ('rfc9068', 'orders-api', '{"typ": "at+JWT"}',
     '{"iss": "https://rfc9068.test", "sub": "alice", "aud": "orders-api", "client_id": "shop", "jti": "j1",
       "scope": "orders:read", "roles": ["buyer"], "groups": [{"value": "eu", "display": "Europe"}], "entitlements": ["beta"]}'),
    ('entra', 'api://orders', '{"typ": "JWT"}',
     '{"iss": "https://login.microsoftonline.com/11111111-2222-3333-4444-555555555555/v2.0", "ver": "2.0",
       "tid": "11111111-2222-3333-4444-555555555555", "aud": "api://orders", "azp": "shop", "scp": "Orders.Read Orders.Write",
       "oid": "alice-oid", "sub": "pairwise", "uti": "u1", "sid": "s1", "groups": ["g1"]}'),
    ('entra v1', 'api://orders', '{"typ": "JWT"}',
     '{"iss": "https://sts.windows.net/11111111-2222-3333-4444-555555555555/", "ver": "1.0",
       "tid": "11111111-2222-3333-4444-555555555555", "aud": "api://orders", "appid": "shop", "scp": "Orders.Read",
       "oid": "alice-oid", "sub": "pairwise", "uti": "u1"}'),
    ('okta', 'api://orders', '{}',
     '{"iss": "https://org.okta.test/oauth2/default", "sub": "alice@okta.test", "aud": "api://orders", "cid": "shop",
       "uid": "00u1", "scp": ["orders:read", "openid"], "jti": "j1", "ver": 1}'),
    ('auth0', 'https://orders.test', '{"typ": "JWT"}',
     '{"iss": "https://tenant.auth0.test/", "sub": "auth0|alice", "aud": ["https://orders.test", "https://tenant.auth0.test/userinfo"],
       "azp": "shop", "scope": "openid orders:read", "permissions": ["orders:write"]}'),
    ('keycloak', 'orders-api', '{"typ": "JWT"}',
     '{"iss": "https://keycloak.test/realms/shop", "sub": "alice", "aud": ["orders-api", "account"], "typ": "Bearer", "azp": "shop",
       "sid": "s1", "jti": "j1", "scope": "openid email", "realm_access": {"roles": ["staff"]},
       "resource_access": {"orders-api": {"roles": ["buyer"]}, "account": {"roles": ["manage-account"]},
                           "billing-api": {"roles": ["owner"]}}}'),
    ('cognito', 'client1', '{}',
     '{"iss": "https://cognito-idp.eu-central-1.amazonaws.com/eu-central-1_x", "sub": "alice", "client_id": "client1",
       "token_use": "access", "scope": "orders/read", "cognito:groups": ["buyers"], "jti": "j1", "origin_jti": "o1", "username": "a"}'),
    ('firebase', 'project-1', '{"typ": "JWT"}',
     '{"iss": "https://securetoken.google.com/project-1", "sub": "alice", "aud": "project-1", "auth_time": 1700000000,
       "user_id": "alice", "role": "editor", "firebase": {"identities": {}, "sign_in_provider": "password"}}'),
    ('supabase', 'authenticated', '{"typ": "JWT"}',
     '{"iss": "https://ref.supabase.test/auth/v1", "sub": "alice", "aud": "authenticated", "role": "authenticated",
       "session_id": "s1", "is_anonymous": false, "aal": "aal1"}');
CREATE FUNCTION pg_temp.token(profile text, claims jsonb DEFAULT '{}', header jsonb DEFAULT '{}') RETURNS text
LANGUAGE sql AS $$
    SELECT mint.raw(jsonb_strip_nulls('{"alg": "HS256"}' || good.header || token.header)::text,
                    jsonb_strip_nulls(jsonb_build_object('iat', mint.now(), 'exp', mint.now(300)) ||
                                      good.claims || token.claims)::text)
    FROM good WHERE good.profile = token.profile
$$;
-- the refusal, or what readers say of the token
CREATE FUNCTION pg_temp.seen(token text) RETURNS text LANGUAGE plpgsql AS $$
DECLARE
    seen text := mint.verdict(token);
BEGIN
    IF seen <> 'accepted' THEN
        RETURN seen;
    END IF;
    PERFORM set_config('token_auth.token', token, true);
    SELECT concat_ws(' ', token_auth.subject(), 'by', token_auth.client_id(), token_auth.scopes(), token_auth.roles(),
                     token_auth.token_id(), token_auth.session_id(), CASE WHEN token_auth.is_client() THEN 'a client' END)
    INTO seen;
    PERFORM set_config('token_auth.token', '', true);
    RETURN seen;
END $$;

-- issuers that a profile does not take
SELECT profile, mint.outcome(format('SELECT token_auth.add_issuer(%L, %L, %L)', issuer, audiences, profile)) FROM (VALUES
    ('entra', 'https://login.microsoftonline.com/common/v2.0', '{api://orders}'),
    ('entra', 'https://login.microsoftonline.com/organizations/v2.0', '{api://orders}'),
    ('entra', 'https://login.microsoftonline.com/11111111-2222-3333-4444-555555555555/v2.0/', '{api://orders}'),
    ('entra', 'https://login.microsoftonline.com.attacker.test/11111111-2222-3333-4444-555555555555/v2.0', '{api://orders}'),
    ('entra', 'https://attacker.test/https://login.microsoftonline.com/11111111-2222-3333-4444-555555555555/v2.0', '{api://orders}'),
    ('entra', 'https://attacker.test/?https://sts.windows.net/11111111-2222-3333-4444-555555555555/', '{api://orders}'),
    ('entra', 'https://login.microsoftonline.com/{tenantid}/v2.0', '{api://orders}'),
    ('keycloak', 'https://keycloak.test/realms/shop', '{account}'),
    ('keycloak', 'https://keycloak.test/realms/shop', '{orders-api,account}'),
    ('cognito', 'https://cognito-idp.eu-central-1.amazonaws.com/eu-central-1_x', '{*}'),
    ('firebase', 'https://securetoken.google.com/', '{project-1}'),
    ('firebase', 'https://attacker.test/https://securetoken.google.com/project-1', '{project-1}'),
    ('firebase', 'https://securetoken.google.com.attacker.test/project-1', '{project-1}'),
    ('Generic', 'https://generic.test', '{orders-api}'), ('', 'https://generic.test', '{orders-api}'),
    (NULL, 'https://generic.test', '{orders-api}')) AS t (profile, issuer, audiences);
SELECT count(*) FROM token_auth.issuer;

SELECT profile, token_auth.add_issuer(claims ->> 'iss', ARRAY[audience], split_part(profile, ' ', 1), namespace => '')
    FROM good;
SELECT count(token_auth.add_secret(claims ->> 'iss', mint.secret(), 'HS256')) FROM good;

-- refused first; a token that passes begins with =, and shows subject, client, scopes, roles, token id, session
SELECT profile, name, pg_temp.seen(pg_temp.token(profile, claims, header))
FROM (VALUES
    ('generic', 'an ID token: no scope, no client', '{"scope": null}'::jsonb, '{}'::jsonb),
    ('generic', 'an ID token: nonce', '{"nonce": "n"}', '{}'),
    ('generic', 'no typ', '{}', '{"typ": null}'),
    ('generic', 'another typ', '{}', '{"typ": "example+jwt"}'),
    ('generic', 'no subject', '{"sub": null}', '{}'),
    ('generic', '= scope', '{}', '{}'),
    ('generic', '= at+jwt', '{}', '{"typ": "at+jwt"}'),
    ('generic', '= scp for scope', '{"scope": null, "scp": ["a", "b"]}', '{}'),
    ('generic', '= both', '{"scope": "b a", "scp": "c a"}', '{}'),
    ('generic', '= client_id for scope', '{"scope": null, "client_id": "shop"}', '{}'),
    ('generic', '= azp', '{"scope": null, "azp": "shop"}', '{}'),
    ('generic', '= cid', '{"scope": null, "cid": "shop"}', '{}'),
    ('generic', '= a client for itself', '{"sub": "shop", "client_id": "shop"}', '{}'),

    ('rfc9068', 'typ JWT', '{}', '{"typ": "JWT"}'),
    ('rfc9068', 'no typ', '{}', '{"typ": null}'),
    ('rfc9068', 'no exp', '{"exp": null}', '{}'),
    ('rfc9068', 'no aud', '{"aud": null}', '{}'),
    ('rfc9068', 'no sub', '{"sub": null}', '{}'),
    ('rfc9068', 'no client_id', '{"client_id": null}', '{}'),
    ('rfc9068', 'azp for client_id', '{"client_id": null, "azp": "shop"}', '{}'),
    ('rfc9068', 'no iat', '{"iat": null}', '{}'),
    ('rfc9068', 'no jti', '{"jti": null}', '{}'),
    ('rfc9068', 'no iss', '{"iss": null}', '{}'),
    ('rfc9068', 'a group without value', '{"groups": [{"display": "Europe"}]}', '{}'),
    ('rfc9068', '= as it should be', '{}', '{}'),
    ('rfc9068', '= the long name of the type', '{}', '{"typ": "application/at+jwt"}'),
    ('rfc9068', '= no scope is no scope', '{"scope": null}', '{}'),

    ('entra', 'another tenant', '{"tid": "99999999-2222-3333-4444-555555555555"}', '{}'),
    ('entra', 'no tenant', '{"tid": null}', '{}'),
    ('entra', 'our tenant among others', '{"tid": ["11111111-2222-3333-4444-555555555555"]}', '{}'),
    ('entra', 'no client', '{"azp": null}', '{}'),
    ('entra', 'an ID token: neither scp nor roles', '{"scp": null}', '{}'),
    ('entra', 'no oid', '{"oid": null}', '{}'),
    ('entra', 'another audience', '{"aud": "00000003-0000-0000-c000-000000000000"}', '{}'),
    ('entra', '= for a user', '{}', '{}'),
    ('entra', '= for an app: roles are no scopes', '{"scp": null, "roles": ["Orders.Read.All"], "idtyp": "app"}', '{}'),
    ('entra', '= scope is not read', '{"scope": "admin"}', '{}'),
    ('entra v1', 'no client', '{"appid": null}', '{}'),
    ('entra v1', 'another tenant', '{"tid": "99999999-2222-3333-4444-555555555555"}', '{}'),
    ('entra v1', '= appid', '{}', '{}'),

    ('okta', 'no cid', '{"cid": null}', '{}'),
    ('okta', 'an ID token: no scp', '{"scp": null}', '{}'),
    ('okta', 'scopes in one string of an array', '{"scp": ["orders:read openid"]}', '{}'),
    ('okta', 'another type', '{}', '{"typ": "example+jwt"}'),
    ('okta', '= array of scopes', '{}', '{}'),
    ('okta', '= groups are roles', '{"groups": ["Everyone", "Buyers"]}', '{}'),
    ('okta', '= with a type', '{}', '{"typ": "JWT"}'),
    ('okta', '= scope is not read', '{"scope": "admin"}', '{}'),

    ('auth0', 'an ID token: audience is the client', '{"aud": "shop", "azp": null}', '{}'),
    ('auth0', 'no client', '{"azp": null}', '{}'),
    ('auth0', '= permissions are roles, not scopes', '{}', '{}'),
    ('auth0', '= client_id in the RFC 9068 profile', '{"azp": null, "client_id": "shop", "jti": "j1"}', '{"typ": "at+jwt"}'),
    ('auth0', '= for a client, by gty', '{"gty": "client-credentials"}', '{}'),
    ('auth0', '= for a client, by gty among others', '{"gty": ["client-credentials", "x"]}', '{}'),
    ('auth0', '= for a client, by sub', '{"sub": "shop@clients"}', '{}'),
    ('auth0', '= a user of another client', '{"sub": "kiosk@clients"}', '{}'),

    ('keycloak', 'an ID token', '{"typ": "ID"}', '{}'),
    ('keycloak', 'a refresh token', '{"typ": "Refresh"}', '{}'),
    ('keycloak', 'an offline token', '{"typ": "Offline"}', '{}'),
    ('keycloak', 'no typ claim', '{"typ": null}', '{}'),
    ('keycloak', 'typ claim in small letters', '{"typ": "bearer"}', '{}'),
    ('keycloak', 'audience account alone', '{"aud": "account"}', '{}'),
    ('keycloak', 'no client', '{"azp": null}', '{}'),
    ('keycloak', 'roles are no array', '{"realm_access": {"roles": {"admin": true}}}', '{}'),
    ('keycloak', '= roles of the realm and of ourselves', '{}', '{}'),
    ('keycloak', '= no roles', '{"realm_access": null, "resource_access": {"billing-api": {"roles": ["owner"]}}}', '{}'),
    ('keycloak', '= roles at the top are not read', '{"roles": ["admin"], "realm_access": "x"}', '{}'),

    ('cognito', 'an ID token', '{"token_use": "id", "aud": "client1"}', '{}'),
    ('cognito', 'no token_use', '{"token_use": null}', '{}'),
    ('cognito', 'another client', '{"client_id": "client2"}', '{}'),
    ('cognito', 'another client, ours as aud', '{"client_id": "client2", "aud": "client1"}', '{}'),
    ('cognito', 'no client', '{"client_id": null}', '{}'),
    ('cognito', '= without aud and typ', '{}', '{}'),

    ('firebase', 'anonymous', '{"firebase": {"identities": {}, "sign_in_provider": "anonymous"}}', '{}'),
    ('firebase', 'no sign-in', '{"firebase": null}', '{}'),
    ('firebase', 'another project', '{"aud": "project-2"}', '{}'),
    ('firebase', 'at+jwt', '{}', '{"typ": "at+jwt"}'),
    ('firebase', '= by password', '{}', '{}'),
    ('firebase', '= without a role', '{"role": null}', '{}'),

    ('supabase', 'the anon key', '{"role": "anon"}', '{}'),
    ('supabase', 'the service_role key', '{"role": "service_role"}', '{}'),
    ('supabase', 'anonymous sign-in', '{"is_anonymous": true}', '{}'),
    ('supabase', 'no role', '{"role": null}', '{}'),
    ('supabase', 'no subject, as the keys have none', '{"sub": null}', '{}'),
    ('supabase', 'another audience', '{"aud": "anon"}', '{}'),
    ('supabase', '= a user', '{}', '{}'),
    ('supabase', '= a role of the application''s own', '{"role": "editor"}', '{}')) AS t (profile, name, claims, header);

-- every profile: no tokens of other kinds, not bound ones, not without exp and iat, not for others
SELECT profile, count(*) FILTER (WHERE outcome ~ '^28T08') AS type, count(*) FILTER (WHERE outcome ~ '^28T12') AS proof,
       count(*) FILTER (WHERE outcome ~ '^28T09') AS claim, count(*) FILTER (WHERE outcome ~ '^28T07') AS audience, count(*)
FROM good, LATERAL (SELECT mint.verdict(pg_temp.token(profile, claims, header)) FROM (VALUES
    ('{"events": {}}'::jsonb, '{}'::jsonb), ('{"nonce": "n"}', '{}'), ('{"at_hash": "h"}', '{}'), ('{"c_hash": "h"}', '{}'),
    ('{"token_use": "id"}', '{}'), ('{"typ": "ID"}', '{}'), ('{}', '{"typ": "logout+jwt"}'),
    ('{}', '{"typ": "application/secevent+jwt"}'), ('{}', '{"typ": "DPOP+JWT"}'),
    ('{"cnf": {"jkt": "x"}}', '{}'), ('{"exp": null}', '{}'), ('{"iat": null}', '{}'),
    ('{"aud": "somebody", "client_id": "somebody"}', '{}')) AS t (claims, header)) AS o (outcome)
GROUP BY profile ORDER BY profile;

-- foreign explicit types stay out even where an issuer's tokens may be of any type
UPDATE token_auth.issuer SET token_types = NULL WHERE issuer = 'https://generic.test';
SELECT typ, left(mint.verdict(pg_temp.token('generic', '{}', jsonb_build_object('typ', typ))), 8) FROM unnest(
    '{logout+jwt,secevent+jwt,dpop+jwt,statuslist+jwt,token-introspection+jwt,txntoken+jwt,client-authentication+jwt,
      oauth-authz-req+jwt,kb+jwt,entity-statement+jwt,jwk-set+jwt,Application/LOGOUT+jwt,example+jwt,JWT}'::text[]) AS typ;
SELECT left(mint.verdict(pg_temp.token('generic', '{}', '{"typ": null}')), 8);
UPDATE token_auth.issuer SET token_types = '{logout+jwt,JWT}' WHERE issuer = 'https://generic.test';
SELECT left(mint.verdict(pg_temp.token('generic', '{}', '{"typ": "logout+jwt"}')), 8);

-- asked for: anonymous sign-in and Supabase's anon key
UPDATE token_auth.issuer SET claim_constraints = '{}' WHERE name ~ 'supabase|securetoken';
SELECT pg_temp.seen(pg_temp.token('supabase', '{"role": "anon"}')), pg_temp.seen(pg_temp.token('supabase', '{"is_anonymous": true}')),
       pg_temp.seen(pg_temp.token('firebase', '{"firebase": {"sign_in_provider": "anonymous"}}'));

-- groups that Entra left out: a role is unknown, not absent; what is listed counts
CREATE FUNCTION pg_temp.has_role(token text, role text) RETURNS text LANGUAGE plpgsql AS $$
DECLARE
    found text;
BEGIN
    PERFORM set_config('token_auth.token', token, true);
    SELECT coalesce(token_auth.has_role(role)::text, 'unknown') INTO found;
    PERFORM set_config('token_auth.token', '', true);
    RETURN found;
END $$;
SELECT name, pg_temp.has_role(token, 'g1'), pg_temp.has_role(token, 'Orders.Admin') FROM (VALUES
    ('overage', pg_temp.token('entra', '{"groups": null, "_claim_names": {"groups": "src1"},
                 "_claim_sources": {"src1": {"endpoint": "https://graph.test"}}}')),
    ('overage beside roles', pg_temp.token('entra', '{"groups": null, "_claim_names": {"groups": "src1"}, "roles": ["Orders.Admin"]}')),
    ('hasgroups', pg_temp.token('entra', '{"groups": null, "hasgroups": true}')),
    ('overage of something else', pg_temp.token('entra', '{"_claim_names": {"photo": "src1"}}')),
    ('all listed', pg_temp.token('entra')),
    ('none', pg_temp.token('entra', '{"groups": null}'))) AS t (name, token);

-- keys of all tenants stand in one set of Entra's: only our tenant's count
\getenv srcdir PG_ABS_SRCDIR
\set signed :srcdir '/test/fixtures/signed.jsonl'
\set lines `cat :'signed'`
CREATE TEMP TABLE fixture AS
    SELECT line ->> 'name' AS name, line -> 'jwk' AS jwk
    FROM (SELECT text::jsonb FROM regexp_split_to_table(rtrim(:'lines', E'\n'), '\n') AS text) AS t (line);
SELECT * FROM token_auth.import_jwks('https://login.microsoftonline.com/11111111-2222-3333-4444-555555555555/v2.0',
    (SELECT jsonb_build_object('keys', jsonb_agg(jwk - 'alg' || jsonb_build_object('issuer', issuer, 'x5c', '["MIIC"]'::jsonb) ORDER BY name))
     FROM fixture JOIN (VALUES
        ('RS256', 'https://login.microsoftonline.com/{tenantid}/v2.0'),
        ('RS384', 'https://login.microsoftonline.com/99999999-2222-3333-4444-555555555555/v2.0'),
        ('RS512', 'https://login.microsoftonline.com/11111111-2222-3333-4444-555555555555/v2.0'),
        ('PS256', 'https://login.microsoftonline.com/{tenantid}/v2.0/')) AS t (name, issuer) USING (name)));

SELECT count(token_auth.drop_issuer(issuer)) FROM token_auth.issuer;
