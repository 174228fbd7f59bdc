-- A second issuer opens no policy that stood before: readers answer for the namespace '' unless they name another
\pset tuples_only
\pset format unaligned
\pset null none
\set VERBOSITY default
SET client_min_messages = notice;
SELECT mint.issuer();
-- the second is of its own namespace, and says so
SELECT mint.issuer('https://partner.test');
\set VERBOSITY terse
SELECT token_auth.add_issuer('https://twin.test', '{orders-api}', namespace => '');
SELECT token_auth.add_secret('https://twin.test', mint.secret(), 'HS256') IS NOT NULL;
SELECT token_auth.add_issuer('https://other.test', '{orders-api}', name => 'other', namespace => 'shared');
SELECT token_auth.add_secret('other', mint.secret(), 'HS256') IS NOT NULL;
SELECT issuer, name, namespace FROM token_auth.issuer ORDER BY issuer;
SET client_min_messages = warning;
SET token_auth.binding = 'session';
CREATE ROLE regress_app;
CREATE TABLE public.orders (owner_id text, item text);
INSERT INTO public.orders VALUES ('alice', 'apple'), ('bob', 'book');
ALTER TABLE public.orders ENABLE ROW LEVEL SECURITY;
CREATE POLICY own ON public.orders TO regress_app USING (owner_id = token_auth.subject() AND token_auth.has_scope('orders:read'));
GRANT SELECT ON public.orders TO regress_app;
CREATE TABLE public.parcel (owner text, item text);
INSERT INTO public.parcel VALUES ('https://idp.test#alice', 'of idp'), ('https://partner.test#alice', 'of partner');
ALTER TABLE public.parcel ENABLE ROW LEVEL SECURITY;
CREATE POLICY own ON public.parcel TO regress_app USING (owner = token_auth.identity());
GRANT SELECT ON public.parcel TO regress_app;
CREATE FUNCTION public.value(expression text) RETURNS text LANGUAGE plpgsql AS $$
DECLARE
    value text;
    detail text;
BEGIN
    EXECUTE 'SELECT (' || expression || ')::text' INTO value;
    RETURN coalesce(value, 'NULL');
EXCEPTION WHEN OTHERS THEN
    GET STACKED DIAGNOSTICS detail = PG_EXCEPTION_DETAIL;
    RETURN concat_ws(' ', SQLSTATE, SQLERRM, nullif(detail, ''));
END
$$;
-- Every reader without a namespace, called with something that the token has
CREATE TABLE public.call (call text);
INSERT INTO public.call
SELECT format('token_auth.%I(%s)', proname,
              (SELECT string_agg(CASE type WHEN 'text'::regtype THEN CASE WHEN proname LIKE '%role%' THEN '''r''' ELSE '''orders:read''' END WHEN 'text[]'::regtype THEN
                                   CASE WHEN proname LIKE '%scope%' THEN '''orders:read''' WHEN proname LIKE '%uuid' THEN '''u''' WHEN proname LIKE '%bigint' OR proname LIKE '%timestamptz' THEN '''n'''
                                        WHEN proname LIKE '%boolean' THEN '''b''' WHEN proname LIKE '%array' OR proname = 'in_claim' THEN '''l''' ELSE '''sub''' END
                                 WHEN 'uuid'::regtype THEN '''c0ffee00-0000-4000-8000-00000000cafe''::uuid' ELSE '7::' || type::regtype END, ', ' ORDER BY i)
               FROM unnest(proargtypes) WITH ORDINALITY AS a (type, i)))
FROM pg_proc
WHERE pronamespace = 'token_auth'::regnamespace AND provolatile = 's' AND has_function_privilege('regress_app', oid, 'EXECUTE')
  AND NOT 'namespace' = ANY (coalesce(proargnames, '{}'));
GRANT SELECT ON public.call TO regress_app;
SET ROLE regress_app;
\set claims '{"sub": "alice", "sid": "s", "nbf": 1, "auth_time": 1, "act": {"sub": "robot"}, "roles": ["r"], "n": 7, "b": true, "l": ["orders:read", 7, "c0ffee00-0000-4000-8000-00000000cafe"], "u": "c0ffee00-0000-4000-8000-00000000cafe"}'
SELECT mint.token(:'claims') AS idp, mint.token(:'claims' || jsonb '{"iss": "https://twin.test"}') AS twin, mint.token(:'claims' || jsonb '{"iss": "https://partner.test"}') AS partner,
       mint.token(:'claims' || jsonb '{"iss": "https://other.test"}') AS other \gset

-- nothing, from readers that name no namespace: as if there were no token
SELECT token_auth.set_session_token(:'partner');
SELECT count(*) FROM public.orders;
SELECT call, public.value(call) FROM public.call WHERE public.value(call) NOT IN ('NULL', 'false') ORDER BY call COLLATE "C";
SELECT token_auth.set_session_token(:'other');
SELECT count(*) FROM public.orders;
SELECT call, public.value(call) FROM public.call WHERE public.value(call) NOT IN ('NULL', 'false') ORDER BY call COLLATE "C";
-- ... where the first issuer's tokens, and those of one trusted for the same people, have answers
SELECT token_auth.set_session_token(:'idp');
SELECT * FROM public.orders;
SELECT call FROM public.call WHERE public.value(call) IN ('NULL', 'false') AND call NOT IN ('token_auth.is_client()', 'token_auth.subject_uuid()') ORDER BY call COLLATE "C";
SELECT token_auth.set_session_token(:'twin');
SELECT * FROM public.orders;
SELECT call FROM public.call WHERE public.value(call) IN ('NULL', 'false') AND call NOT IN ('token_auth.is_client()', 'token_auth.subject_uuid()') ORDER BY call COLLATE "C";

-- identity() tells two people of one name apart
SELECT token_auth.set_session_token(:'idp');
SELECT token_auth.identity(), token_auth.issuer(), token_auth.issuer_name();
SELECT item FROM public.parcel;
SELECT token_auth.set_session_token(:'partner');
SELECT token_auth.identity(), token_auth.issuer(), token_auth.issuer_name(), token_auth.is_authenticated();
SELECT item FROM public.parcel;

-- who names the namespace gets the answer, and exactly of that one
\set named 'SELECT n, token_auth.subject(n), token_auth.has_scope(''orders:read'', n), token_auth.has_scope(''x'', n), token_auth.has_role(''r'', n), token_auth.claim_in_namespace(n, ''act'', ''sub''), token_auth.claim_in_namespace(n, ''x'') FROM unnest(ARRAY[NULL, '''', ''partner.test'', ''PARTNER.test'', ''partner'', ''partner.test '', ''https://partner.test'', ''shared'', ''other'', ''%'']) WITH ORDINALITY AS t (n, i) ORDER BY i'
:named;
SELECT token_auth.set_session_token(:'other');
:named;
SELECT token_auth.set_session_token(:'twin');
:named;
SELECT token_auth.clear_token();
:named;

-- inspect() explains it
SELECT token_auth.set_session_token(:'partner');
SELECT outcome FROM token_auth.inspect() WHERE step = 'namespace';
SELECT token_auth.set_session_token(:'idp');
SELECT outcome FROM token_auth.inspect() WHERE step = 'namespace';

-- where a missing token is an error, a token of another namespace is none for whom it does not answer
RESET ROLE;
SET token_auth.on_missing = 'error';
SET ROLE regress_app;
SELECT token_auth.set_session_token(:'partner');
SELECT public.value('token_auth.subject()');
SELECT public.value('token_auth.has_scope(''orders:read'')');
SELECT public.value('token_auth.require_scope(''orders:read'')');
SELECT public.value('token_auth.identity()');
SELECT public.value('token_auth.is_authenticated()');
SELECT public.value('token_auth.subject(''partner.test'')');
SELECT public.value('token_auth.subject(''shared'')');
SELECT token_auth.clear_token();
SELECT public.value('token_auth.subject(''partner.test'')');
SELECT public.value('token_auth.has_scope(''orders:read'', ''partner.test'')');
SELECT public.value('token_auth.claim_in_namespace(''partner.test'', ''sub'')');
RESET ROLE;
RESET token_auth.on_missing;
SET ROLE regress_app;
SELECT token_auth.set_session_token(:'partner');
SELECT public.value('token_auth.require_scope(''orders:read'')');

-- a token of any namespace can be given back
SELECT token_auth.revoke_current_token();
SELECT split_part(public.value('token_auth.identity()'), ' ', 1);
SELECT token_auth.clear_token();

-- refused: an issuer in the namespace of another, unless it is named
RESET ROLE;
SELECT token_auth.add_issuer('https://shared.test', '{orders-api}', name => 'shared');
SELECT token_auth.add_issuer('https://shared.test', '{orders-api}', name => 'shared', namespace => 'shared');
-- a namespace that changes counts from the next statement on
SET client_min_messages = error;
BEGIN;
UPDATE token_auth.issuer SET namespace = '' WHERE issuer = 'https://twin.test';
SELECT token_auth.set_local_token(:'twin');
SELECT token_auth.subject();
UPDATE token_auth.issuer SET namespace = 'apart' WHERE issuer = 'https://twin.test';
SELECT token_auth.subject(), token_auth.subject('apart');
ROLLBACK;
SELECT token_auth.clear_token();
-- the first of all is not the first any more when it is gone: its successor stays where it is
SELECT token_auth.drop_issuer('https://idp.test');
SELECT name, namespace FROM token_auth.issuer ORDER BY name;

DROP TABLE public.orders, public.parcel, public.call;
DROP FUNCTION public.value;
DROP ROLE regress_app;
SELECT token_auth.drop_issuer(issuer) FROM token_auth.issuer;
DELETE FROM token_auth.revocation;
