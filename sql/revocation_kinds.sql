-- A token is revoked by anything that it carries: itself, session, subject, client, device, issuer; and by nothing else
\set VERBOSITY terse
\set SHOW_CONTEXT never
\pset format unaligned
\pset tuples_only on
\pset null none
SET client_min_messages = warning;
SET timezone = 'UTC';

SELECT token_auth.add_issuer('https://kinds.test', '{orders-api}', name => 'kinds', namespace => '');
SELECT token_auth.add_issuer('https://elsewhere.test', '{orders-api}', name => 'elsewhere', namespace => '');
SELECT token_auth.add_secret(name, mint.secret(), 'HS256', 'first') FROM unnest('{kinds,elsewhere}'::text[]) AS name;
CREATE ROLE regress_kinds;

SELECT mint.now(-60) AS signed_in \gset
SELECT set_config('regress.signed_in', :'signed_in', false) = :'signed_in';
CREATE FUNCTION pg_temp.token(claims jsonb) RETURNS text LANGUAGE sql AS $$
    SELECT mint.token(jsonb_build_object('iss', 'https://kinds.test', 'iat', current_setting('regress.signed_in')::bigint) || claims)
$$;
CREATE FUNCTION pg_temp.rows() RETURNS SETOF text LANGUAGE sql AS $$
    SELECT concat_ws(' ', issuer, kind, value, nullif(source, 'manual'), issued_until, reason)
    FROM token_auth.revocation ORDER BY issuer, kind, value, source
$$;
-- the token, and one that shares nothing with it but the issuer; one that shares everything but the issuer
SELECT pg_temp.token('{"sub": "s", "jti": "t", "sid": "i", "client_id": "c", "device_id": "d"}') AS token,
       pg_temp.token('{"sub": "s2", "jti": "t2", "sid": "i2", "client_id": "c2", "device_id": "d2"}') AS other,
       pg_temp.token('{"sub": "t", "jti": "i", "sid": "c", "client_id": "d", "device_id": "s"}') AS crossed,
       pg_temp.token('{"sub": "s2", "jti": null, "client_id": null}') AS bare,
       pg_temp.token('{"iss": "https://elsewhere.test", "sub": "s", "jti": "t", "sid": "i", "client_id": "c", "device_id": "d"}') AS elsewhere
\gset

-- refused: what names nobody, and leaves no row
SELECT call, mint.outcome('SELECT token_auth.' || call) FROM unnest(ARRAY[
    'revoke_token_id(NULL, ''t'')', 'revoke_session(NULL, ''i'')', 'revoke_subject(NULL, ''s'')', 'revoke_client(NULL, ''c'')',
    'revoke_device(NULL, ''d'')', 'revoke_issuer(NULL)',
    'revoke_token_id(''kinds'', NULL)', 'revoke_session(''kinds'', NULL)', 'revoke_subject(''kinds'', NULL)', 'revoke_client(''kinds'', NULL)',
    'revoke_device(''kinds'', NULL)', 'revoke_subject(''kinds'', ''s'', NULL)', 'revoke_client(''kinds'', ''c'', NULL)',
    'revoke_device(''kinds'', ''d'', NULL)', 'revoke_issuer(''kinds'', NULL)',
    'revoke_token_id(''kind'', ''t'')', 'revoke_session(''kind'', ''i'')', 'revoke_subject(''kind'', ''s'')', 'revoke_client(''kind'', ''c'')',
    'revoke_device(''kind'', ''d'')', 'revoke_issuer(''kind'')', 'revoke_issuer('''')',
    'revoke_token_id(''kinds'', ''t'', clock_timestamp() - interval ''6 minutes'')', 'revoke_token_id(''kinds'', ''t'', ''-infinity'')',
    'revoke_session(''kinds'', ''i'', repeat(''x'', 1025))', 'revoke_issuer(''kinds'', reason => repeat(''x'', 1025))']) AS call;
\set VERBOSITY default
SELECT token_auth.revoke_session('https://KINDS.test/', 'i');
SELECT token_auth.revoke_client('Kinds', 'c');
SELECT token_auth.revoke_device('kinds.test', 'd');
SELECT token_auth.revoke_issuer('http://kinds.test');
\set VERBOSITY terse
SELECT pg_temp.rows();

-- by each kind: refused; the second time nothing changes; of the others only who shares it; reinstated by kind and value alone
CREATE TABLE pg_temp.call (n serial, call text, kind text, value text);
INSERT INTO pg_temp.call (call, kind, value) VALUES
    ('revoke_token_id(''kinds'', ''t'')', 'token_id', 't'),
    ('revoke_session(''kinds'', ''i'')', 'session_id', 'i'),
    ('revoke_subject(''kinds'', ''s'')', 'subject', 's'),
    ('revoke_client(''kinds'', ''c'')', 'client_id', 'c'),
    ('revoke_device(''kinds'', ''d'')', 'device_id', 'd'),
    ('revoke_issuer(''kinds'')', 'issuer', ''),
    ('revoke_session(''https://kinds.test'', ''i'', ''reason'')', 'session_id', 'i'),
    ('revoke_client(''https://kinds.test'', ''c'', ''infinity'', ''reason'')', 'client_id', 'c'),
    ('revoke_device(issuer => ''kinds'', device_id => ''d'', issued_until => ''infinity'', reason => ''reason'')', 'device_id', 'd'),
    ('revoke_issuer(issuer => ''kinds'', issued_until => ''infinity'', reason => ''reason'')', 'issuer', '');
CREATE FUNCTION pg_temp.changed(call text) RETURNS boolean LANGUAGE plpgsql AS $$
DECLARE changed boolean; BEGIN EXECUTE 'SELECT token_auth.' || call INTO changed; RETURN changed; END
$$;
SELECT call, pg_temp.changed(call), mint.verdict(:'token'), mint.verdict(:'other'), mint.verdict(:'crossed'), mint.verdict(:'bare'), mint.verdict(:'elsewhere'),
       CASE WHEN call LIKE '%infinity%' OR call LIKE 'revoke_session%' OR call LIKE 'revoke_token%' THEN pg_temp.changed(call) END AS again,
       token_auth.reinstate('elsewhere', kind, value) AS elsewhere, token_auth.reinstate('kinds', kind, value || 'x') AS similar,
       token_auth.reinstate('kinds', kind, value, 'feed') AS other_source, mint.verdict(:'token'),
       token_auth.reinstate('kinds', kind, value), mint.verdict(:'token')
FROM (SELECT * FROM pg_temp.call ORDER BY n) AS t;
SELECT pg_temp.rows();
-- the row says what the call said, under the issuer itself
SELECT pg_temp.changed(call) FROM (SELECT * FROM pg_temp.call WHERE call LIKE '%reason%' ORDER BY n) AS t;
SELECT pg_temp.rows();
SELECT count(*) FILTER (WHERE revoked_by = session_user AND revoked_at > clock_timestamp() - interval '1 minute') FROM token_auth.revocation;
DELETE FROM token_auth.revocation;

-- a value of one kind is not that of another, another case is another value, and '' is not absent
SELECT kind, bool_and(pg_temp.changed(format('revoke_%s(''kinds'', %L)', kind, value))), array_agg(DISTINCT mint.verdict(:'token')), array_agg(DISTINCT mint.verdict(:'bare'))
FROM unnest('{session,client,device}'::text[]) AS kind, unnest('{s,t,I,C,D,"","i ","c ","d ","c%",_}'::text[]) AS value GROUP BY kind ORDER BY kind;
SELECT count(*) FROM token_auth.revocation;
DELETE FROM token_auth.revocation;

-- a session: its tokens of whenever; the others: sign-ins up to the cut-off, which only moves on
SELECT token_auth.revoke_session('kinds', 'i'), mint.verdict(pg_temp.token(jsonb_build_object('sid', 'i', 'iat', mint.now(20)))), mint.verdict(:'token'),
       token_auth.reinstate('kinds', 'session_id', 'i'), mint.verdict(:'token');
SELECT kind, pg_temp.changed(format('revoke_%s(''kinds''%s, to_timestamp(%s))', kind, value, :signed_in - 1)), mint.verdict(:'token'),
       pg_temp.changed(format('revoke_%s(''kinds''%s, to_timestamp(%s))', kind, value, :signed_in - 2)),
       pg_temp.changed(format('revoke_%s(''kinds''%s, to_timestamp(%s))', kind, value, :signed_in)), mint.verdict(:'token'),
       mint.verdict(pg_temp.token(jsonb_build_object('sub', 's', 'client_id', 'c', 'device_id', 'd', 'iat', :signed_in + 1))),
       mint.verdict(pg_temp.token(jsonb_build_object('sub', 's', 'client_id', 'c', 'device_id', 'd', 'iat', :signed_in + 1, 'auth_time', :signed_in))),
       pg_temp.changed(format('revoke_%s(''kinds''%s, ''infinity'')', kind, value)),
       pg_temp.changed(format('revoke_%s(''kinds''%s)', kind, value)),
       mint.verdict(pg_temp.token(jsonb_build_object('sub', 's', 'client_id', 'c', 'device_id', 'd', 'iat', mint.now(20)))),
       token_auth.reinstate('kinds', CASE kind WHEN 'issuer' THEN 'issuer' WHEN 'subject' THEN kind ELSE kind || '_id' END, btrim(replace(value, ', ', ''), ''''))
FROM (VALUES ('subject', ', ''s'''), ('client', ', ''c'''), ('device', ', ''d'''), ('issuer', '')) AS t (kind, value);
-- without issued_until: what was issued up to now, not what is issued later
SELECT token_auth.revoke_issuer('kinds');
SELECT kind, issued_until > clock_timestamp() - interval '1 minute', issued_until <= revoked_at FROM token_auth.revocation;
SELECT mint.verdict(:'other'), mint.verdict(pg_temp.token(jsonb_build_object('iat', mint.now(1)))), mint.verdict(:'elsewhere');
SELECT token_auth.reinstate('kinds', 'issuer', '');

-- all issuers at once, as after a restore
SELECT count(*) FILTER (WHERE token_auth.revoke_issuer(issuer)) = count(*) FROM token_auth.issuer;
SELECT mint.verdict(:'token'), mint.verdict(:'elsewhere');
DELETE FROM token_auth.revocation;

-- as readers show them: by the paths of the issuer's profile
SELECT token_auth.add_issuer('https://cognito-idp.test/pool', '{c}', 'cognito', name => 'pool', namespace => '');
SELECT token_auth.add_issuer('https://login.microsoftonline.com/8eaef023-2b34-4da1-9baa-8bc8c9d6a490/v2.0', '{orders-api}', 'entra', name => 'entra', namespace => '');
SELECT token_auth.add_secret(name, mint.secret(), 'HS256', 'first') FROM unnest('{pool,entra}'::text[]) AS name;
SELECT pg_temp.token('{"iss": "https://cognito-idp.test/pool", "aud": null, "client_id": "c", "token_use": "access", "origin_jti": "o", "sub": "s"}') AS pool,
       pg_temp.token('{"iss": "https://login.microsoftonline.com/8eaef023-2b34-4da1-9baa-8bc8c9d6a490/v2.0", "tid": "8eaef023-2b34-4da1-9baa-8bc8c9d6a490", "oid": "o", "uti": "u", "azp": "a", "client_id": null, "jti": null, "scp": "x", "scope": null}') AS entra
\gset
SELECT mint.verdict(:'pool'), token_auth.revoke_session('pool', 'o'), mint.verdict(:'pool');
SELECT mint.verdict(:'entra'), token_auth.revoke_client('entra', 'a'), mint.verdict(:'entra'), token_auth.reinstate('entra', 'client_id', 'a'),
       token_auth.revoke_subject('entra', 's'), token_auth.revoke_token_id('entra', 'jti'), mint.verdict(:'entra'),
       token_auth.revoke_subject('entra', 'o'), mint.verdict(:'entra'), token_auth.reinstate('entra', 'subject', 'o'),
       token_auth.revoke_token_id('entra', 'u'), mint.verdict(:'entra');
DELETE FROM token_auth.revocation;

-- long values
SELECT token_auth.revoke_session('kinds', repeat('é', 300)), token_auth.revoke_client('kinds', repeat('c', 513)), token_auth.revoke_device('kinds', repeat('d', 4000)),
       token_auth.revoke_session('kinds', repeat('é', 300)), token_auth.revoke_client('kinds', repeat('c', 513), 'epoch');
SELECT mint.verdict(pg_temp.token(jsonb_build_object(claim, value))), mint.verdict(pg_temp.token(jsonb_build_object(claim, value || 'x')))
FROM (VALUES ('sid', repeat('é', 300)), ('client_id', repeat('c', 513)), ('device_id', repeat('d', 4000)), ('device_id', repeat('d', 512))) AS t (claim, value);
SELECT kind, left(value, 7), octet_length(value) FROM token_auth.revocation ORDER BY 1;
DELETE FROM token_auth.revocation;

-- who may: nobody without a grant, and then that alone
GRANT SELECT ON pg_temp.call TO regress_kinds;
SET SESSION AUTHORIZATION regress_kinds;
SELECT split_part(mint.outcome('SELECT token_auth.' || call), ' ', 1), count(*)
FROM (TABLE pg_temp.call UNION ALL VALUES (0, 'prune_revocations()', '', ''), (0, 'is_subscriber()', '', ''),
      (0, 'revoke_value(''kinds'', ''subject'', ''s'', now(), NULL, NULL)', '', '')) AS t GROUP BY 1;
RESET SESSION AUTHORIZATION;
GRANT EXECUTE ON FUNCTION token_auth.revoke_client TO regress_kinds;
SET SESSION AUTHORIZATION regress_kinds;
SELECT call, split_part(mint.outcome('SELECT token_auth.' || call), ' ', 1) FROM (SELECT * FROM pg_temp.call ORDER BY n LIMIT 6) AS t;
SELECT mint.outcome('SELECT * FROM token_auth.revocation');
RESET SESSION AUTHORIZATION;
SELECT kind, value, revoked_by FROM token_auth.revocation;
REVOKE EXECUTE ON FUNCTION token_auth.revoke_client FROM regress_kinds;

DROP TABLE pg_temp.call;
DELETE FROM token_auth.revocation;
SELECT token_auth.drop_issuer(name) FROM unnest('{kinds,elsewhere,pool,entra}'::text[]) AS name;
DROP ROLE regress_kinds;
