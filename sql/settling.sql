-- What readers may raise is raised before the first row: whether a row reached them shows in no error, and what cannot be reached raises nothing
\pset tuples_only
\pset format unaligned
\pset null none
\set VERBOSITY terse
SET client_min_messages = warning;
SELECT mint.issuer();
CREATE ROLE regress_app;
-- Row 2 is bob's: hidden to everybody else.
CREATE TABLE public.doc (id int PRIMARY KEY, owner text, owner_id uuid, team text, needs text, body text);
INSERT INTO public.doc VALUES (1, 'alice', '00000000-0000-4000-8000-00000000000a', 'red', 'orders:read', 'open'),
    (2, 'bob', '00000000-0000-4000-8000-00000000000b', 'blue', 'secret:read', 'topsecret');
INSERT INTO public.doc SELECT i, 'nobody', gen_random_uuid(), 'green', 'orders:read', 'filler ' || i FROM generate_series(3, 500) AS i;
ANALYZE public.doc;
ALTER TABLE public.doc ENABLE ROW LEVEL SECURITY;
GRANT SELECT, INSERT, UPDATE, DELETE ON public.doc TO regress_app;
CREATE TABLE public.plain AS TABLE public.doc;
GRANT SELECT, INSERT, UPDATE, DELETE ON public.plain TO regress_app;
SELECT mint.token('{"teams": {"red": true}, "words": ["red"], "flag": "yes", "kind": "user", "n": 7}') AS alice, mint.token('{"sub": "00000000-0000-4000-8000-00000000000a", "kind": "service"}') AS service \gset
-- The role that serves, with a token that is not changed meanwhile.
CREATE FUNCTION public.as_app(token text, query text) RETURNS text LANGUAGE plpgsql AS $$
DECLARE
    result text;
BEGIN
    SET LOCAL ROLE regress_app;
    PERFORM set_config('token_auth.token', token, true);
    BEGIN
        EXECUTE query INTO result;
    EXCEPTION WHEN OTHERS THEN
        result := concat_ws(' ', SQLSTATE, SQLERRM);
    END;
    PERFORM set_config('token_auth.token', '', true);
    RESET ROLE;
    RETURN coalesce(result, 'no rows');
END
$$;
-- Two guesses about row 2, the wrong one and the right one, under a policy: equal, or what each one gave.
CREATE FUNCTION public.guess(token text, policy text, query text DEFAULT 'SELECT count(*) FROM public.doc WHERE id = 2 AND body >= %L') RETURNS text LANGUAGE plpgsql AS $$
DECLARE
    outcome text[];
BEGIN
    EXECUTE 'CREATE POLICY tried ON public.doc TO regress_app USING (' || policy || ')';
    outcome := ARRAY[public.as_app(token, format(query, 'u')), public.as_app(token, format(query, 'topsecret'))];
    DROP POLICY tried ON public.doc;
    RETURN CASE WHEN outcome[1] = outcome[2] THEN outcome[1] ELSE 'LEAK: ' || array_to_string(outcome, ' or ') END;
END
$$;
-- ... which would tell of a function that shows where it was called
CREATE FUNCTION public.tells(owner text) RETURNS boolean LANGUAGE plpgsql AS $$ BEGIN RAISE 'reached'; END $$;
SELECT public.guess(:'alice', 'public.tells(owner)');

-- refused, whatever the guess: a claim of another type in each kind of policy
SELECT policy, public.guess(:'alice', policy) FROM unnest(ARRAY[
    'owner_id = token_auth.subject_uuid()', 'owner_id = token_auth.claim_uuid(''sub'')', 'token_auth.claim_boolean(''flag'')', 'token_auth.claim_boolean(''flag'') IS NOT TRUE',
    'id = token_auth.claim_bigint(''kind'')', 'token_auth.claim_timestamptz(''kind'') > now()', 'owner = ANY (token_auth.claim_array(''kind''))',
    'token_auth.in_claim(team, ''teams'')', 'token_auth.in_claim(owner_id, ''teams'')', 'token_auth.in_claim(id, ''teams'')', 'token_auth.in_claim(id::int8, ''teams'')', 'token_auth.in_claim(id::int2, ''teams'')',
    'owner = ''x'' OR token_auth.in_claim(team, ''teams'')', 'NOT token_auth.in_claim(team, ''teams'')', 'owner_id IS NOT DISTINCT FROM token_auth.subject_uuid()',
    'owner_id = coalesce(owner_id, token_auth.subject_uuid())', 'CASE WHEN id > 1 THEN owner_id = token_auth.subject_uuid() ELSE true END',
    'owner_id IN (SELECT token_auth.subject_uuid())', 'EXISTS (SELECT FROM public.plain AS p WHERE p.id = doc.id AND p.owner_id = token_auth.subject_uuid())',
    'owner_id = (SELECT max(p.owner_id::text)::uuid FROM public.plain AS p WHERE p.owner_id = token_auth.subject_uuid())',
    'token_auth.require_scope(''admin'')', 'token_auth.require_scope(''admin'') AND owner = token_auth.subject()', 'token_auth.require_scope(NULL)',
    'owner = token_auth.subject() OR token_auth.require_scope(''admin'')',
    'id = ANY (ARRAY[0, id, token_auth.claim_bigint(''kind'')])', 'id <= greatest(0, token_auth.claim_bigint(''kind''), id)', '(id, body) < (token_auth.claim_bigint(''kind''), ''x'')',
    'EXISTS (SELECT FROM public.plain AS p TABLESAMPLE system (token_auth.claim_bigint(''kind'')))',
    '0 < (SELECT sum(p.id) OVER (ROWS BETWEEN token_auth.claim_bigint(''kind'') PRECEDING AND CURRENT ROW) FROM public.plain AS p LIMIT 1)',
    '0 < (SELECT count(*) FROM (SELECT FROM public.plain AS p LIMIT token_auth.claim_bigint(''kind'')) AS few)']) AS t (policy);
-- ... in a policy that asks an inlined function of one's own
CREATE FUNCTION public.my_id() RETURNS uuid LANGUAGE sql STABLE AS 'SELECT token_auth.subject_uuid()';
SELECT public.guess(:'alice', 'owner_id = public.my_id()');
-- ... in conditions of the user, which may be evaluated before the policy
SELECT condition, public.guess(:'alice', 'owner = token_auth.subject()', 'SELECT count(*) FROM public.doc WHERE id = 2 AND body >= %L AND ' || condition) FROM unnest(ARRAY[
    'token_auth.in_claim(team, VARIADIC ''{}'')', 'token_auth.in_claim(team, ''teams'')', 'NOT token_auth.in_claim(team, ''teams'')', 'owner_id = token_auth.subject_uuid()', 'token_auth.require_scope(''admin'')']) AS t (condition);
-- ... by way of an index
CREATE INDEX doc_owner_id ON public.doc (owner_id);
CREATE INDEX doc_team ON public.doc (team);
CREATE INDEX doc_body ON public.doc (body);
SET enable_seqscan = off;
SELECT policy, public.guess(:'alice', policy) FROM unnest(ARRAY['owner_id = token_auth.subject_uuid()', 'token_auth.in_claim(team, ''teams'')', 'token_auth.claim_boolean(''flag'')']) AS t (policy);
SET enable_indexscan = off;
SELECT policy, public.guess(:'alice', policy) FROM unnest(ARRAY['owner_id = token_auth.subject_uuid()', 'token_auth.in_claim(team, ''teams'')', 'token_auth.claim_boolean(''flag'')']) AS t (policy);
RESET enable_indexscan;
RESET enable_seqscan;

-- ... by an operator of one's own
CREATE OPERATOR public.@? (FUNCTION = token_auth.claim_boolean, RIGHTARG = text[]);
CREATE OPERATOR public.=@ (FUNCTION = token_auth.in_claim, LEFTARG = text, RIGHTARG = text[]);
SELECT policy, public.guess(:'alice', policy) FROM unnest(ARRAY['OPERATOR(public.@?) ''{flag}''::text[]', 'OPERATOR(public.@?) ARRAY[team, left(body, 0)]', 'team OPERATOR(public.=@) ''{teams}''::text[]']) AS t (policy);
DROP OPERATOR public.@? (NONE, text[]), public.=@ (text, text[]);
-- ... an argument that is worked out without a row, and a parameter
SET regress.path = 'flag';
SELECT policy, public.guess(:'alice', policy) FROM unnest(ARRAY['token_auth.claim_boolean(current_setting(''regress.path'')) IS NOT TRUE', 'token_auth.require_scope(current_setting(''regress.path'')) IS NOT TRUE']) AS t (policy);
-- NULL, whatever the guess: an argument that comes from a row
SELECT policy, public.guess(:'alice', policy) FROM unnest(ARRAY[
    'token_auth.require_scope(needs)', 'token_auth.claim_boolean(VARIADIC ARRAY[team])', 'token_auth.claim_uuid(VARIADIC ARRAY[lower(''SUB'' || left(body, 0))]) IS NOT NULL',
    'token_auth.in_claim(team, VARIADIC ARRAY[''teams'' || left(body, 0)])']) AS t (policy);
-- ... which for the rows that are there lets through what it should
CREATE POLICY by_need ON public.doc TO regress_app USING (token_auth.require_scope(needs));
SELECT public.as_app(:'alice', 'SELECT count(*) FROM public.doc'), public.as_app(:'alice', 'SELECT count(*) FROM public.doc WHERE needs = ''secret:read''');
DROP POLICY by_need ON public.doc;

-- passes: what a test of the token itself keeps from being reached
SELECT policy, public.guess(:'alice', policy) FROM unnest(ARRAY[
    'CASE WHEN token_auth.claim(''kind'') = ''service'' THEN owner_id = token_auth.subject_uuid() ELSE owner = token_auth.subject() END',
    'CASE token_auth.claim(''kind'') WHEN ''service'' THEN owner_id = token_auth.subject_uuid() ELSE owner = token_auth.subject() END',
    'owner = token_auth.subject() OR (token_auth.has_scope(''admin'') AND owner_id = token_auth.subject_uuid())',
    'token_auth.has_scope(''admin'') AND token_auth.in_claim(team, ''teams'')',
    'NOT token_auth.has_scope(''orders:read'') AND token_auth.claim_boolean(''flag'')',
    'CASE WHEN token_auth.subject() ~ ''^[0-9a-f-]{36}$'' THEN owner_id = token_auth.subject_uuid() ELSE owner = token_auth.subject() END',
    'CASE token_auth.claims() ->> ''kind'' WHEN ''service'' THEN owner_id = token_auth.subject_uuid() ELSE owner = token_auth.subject() END',
    'CASE WHEN current_user = ''other'' THEN owner_id = token_auth.subject_uuid() ELSE owner = token_auth.subject() END',
    'id <= greatest(token_auth.claim_bigint(''n''), -1) AND owner = token_auth.subject()',
    'owner = coalesce(token_auth.subject(), token_auth.subject_uuid()::text)']) AS t (policy);
SELECT public.guess(:'service', 'CASE WHEN token_auth.claim(''kind'') = ''service'' THEN owner_id = token_auth.subject_uuid() ELSE owner = token_auth.subject() END',
    'SELECT string_agg(id::text, '' '') FROM public.doc WHERE body <> %L');
-- ... an output of the main query, which rows that passed the policy ask for
CREATE POLICY own ON public.doc TO regress_app USING (owner = token_auth.subject());
SELECT public.as_app(:'alice', 'SELECT token_auth.subject_uuid() FROM public.doc WHERE id = 2'), public.as_app(:'alice', 'SELECT token_auth.subject_uuid() FROM public.doc WHERE id = 1'),
    public.as_app(:'alice', 'SELECT CASE WHEN id > 1 THEN token_auth.require_scope(''admin'') ELSE true END FROM public.doc');

-- refused, and not taken for NULL: a sub-query in an output, and conditions where no policy asks a reader
SELECT query, public.as_app(:'alice', query) FROM unnest(ARRAY[
    'SELECT (SELECT token_auth.require_scope(p.needs)) FROM public.plain AS p WHERE id = 2', 'SELECT (SELECT token_auth.require_scope(d.needs || ''!'')) FROM public.doc AS d',
    'WITH g AS MATERIALIZED (SELECT body, token_auth.require_scope(needs) FROM public.plain WHERE id = 2) SELECT body FROM g', 'SELECT body FROM public.plain WHERE id = 2 AND token_auth.require_scope(needs) IS NOT FALSE']) AS t (query);
-- passes: a list of conditions ends at what is NULL
SELECT public.as_app(:'alice', 'SELECT count(*) FROM public.plain WHERE token_auth.claim_boolean(''nix'') AND owner_id = token_auth.subject_uuid()');
-- refused: where a row is written, and not taken for NULL: a constraint, a trigger's condition, an output with a parameter
CREATE TABLE public.checked (path text, CHECK (token_auth.claim_boolean(VARIADIC ARRAY[path])));
CREATE TABLE public.watched (path text);
CREATE TRIGGER watch BEFORE INSERT ON public.watched FOR EACH ROW WHEN (token_auth.claim_boolean(VARIADIC ARRAY[new.path]) IS NOT TRUE) EXECUTE FUNCTION suppress_redundant_updates_trigger();
GRANT ALL ON public.checked, public.watched TO regress_app;
PREPARE output_of (text) AS SELECT token_auth.claim_boolean(VARIADIC ARRAY[$1]) FROM public.plain LIMIT 1;
SET plan_cache_mode = force_generic_plan;
SELECT query, public.as_app(:'alice', query) FROM unnest(ARRAY[
    'INSERT INTO public.checked SELECT ''flag'' FROM public.doc WHERE owner = token_auth.subject()', 'INSERT INTO public.watched SELECT ''flag'' FROM public.doc WHERE owner = token_auth.subject()',
    'EXECUTE output_of(''flag'')', 'SELECT token_auth.claim_boolean(VARIADIC ARRAY[left(''flag'', id + 4)]) FROM public.doc']) AS t (query);
RESET plan_cache_mode;
DROP TABLE public.checked, public.watched;
-- refused: each kind of statement, before it has done anything
CREATE TABLE public.unique_doc (id int PRIMARY KEY, body text, owner_id uuid);
GRANT ALL ON public.unique_doc TO regress_app;
GRANT CREATE ON SCHEMA public TO regress_app;
SELECT query, public.as_app(:'alice', query) FROM unnest(ARRAY[
    'UPDATE public.doc SET body = ''x'' WHERE owner_id = token_auth.subject_uuid() AND false IS NOT NULL RETURNING id', 'DELETE FROM public.doc WHERE token_auth.in_claim(team, ''teams'') RETURNING id',
    'INSERT INTO public.plain SELECT * FROM public.plain WHERE token_auth.claim_boolean(''flag'') RETURNING id',
    'MERGE INTO public.plain AS p USING public.doc AS d ON p.id = d.id AND p.owner_id = token_auth.subject_uuid() WHEN MATCHED THEN DO NOTHING',
    'MERGE INTO public.plain AS p USING public.doc AS d ON p.id = d.id WHEN MATCHED AND p.owner_id = token_auth.subject_uuid() THEN DO NOTHING',
    'INSERT INTO public.unique_doc VALUES (9, ''x'') ON CONFLICT (id) DO UPDATE SET body = ''y'' WHERE unique_doc.owner_id = token_auth.subject_uuid()',
    'CREATE TABLE public.made AS SELECT id FROM public.plain WHERE owner_id = token_auth.subject_uuid()',
    'WITH gone AS (DELETE FROM public.plain WHERE owner_id = token_auth.subject_uuid() RETURNING id) SELECT 1',
    'SELECT count(*) FROM public.plain AS p JOIN public.doc AS d ON p.owner_id = d.owner_id AND token_auth.in_claim(p.team, ''teams'')',
    'SELECT count(d.body) FROM public.plain AS p LEFT JOIN public.doc AS d ON p.id = d.id AND token_auth.claim_uuid(''sub'') = d.owner_id AND p.owner_id = token_auth.claim_uuid(''sub'')',
    'SELECT id FROM public.plain LIMIT token_auth.claim_bigint(''kind'')', 'SELECT count(*) FROM public.plain, generate_series(1, token_auth.claim_bigint(''kind'')) AS i',
    'SELECT id FROM public.plain GROUP BY id HAVING count(*) > token_auth.claim_bigint(''kind'')', 'SELECT id FROM public.plain WHERE id > 1000 UNION ALL SELECT id FROM public.plain WHERE token_auth.claim_bigint(''kind'') = id',
    'EXPLAIN (ANALYZE) SELECT id FROM public.plain WHERE owner_id = token_auth.subject_uuid()']) AS t (query);
REVOKE CREATE ON SCHEMA public FROM regress_app;
SELECT count(*) FROM public.unique_doc;
-- ... the existing row that ON CONFLICT meets, which a policy hides: PostgreSQL's own error, or ours before it
INSERT INTO public.unique_doc VALUES (2, 'topsecret', '00000000-0000-4000-8000-00000000000b');
ALTER TABLE public.unique_doc ENABLE ROW LEVEL SECURITY;
CREATE POLICY writes ON public.unique_doc FOR INSERT TO regress_app WITH CHECK (true);
CREATE POLICY own ON public.unique_doc TO regress_app USING (owner_id = token_auth.subject_uuid()) WITH CHECK (true);
SELECT public.as_app(:'alice', format('INSERT INTO public.unique_doc VALUES (%s, ''x'') ON CONFLICT (id) DO UPDATE SET body = ''y''', id)), public.as_app(:'service', format('INSERT INTO public.unique_doc VALUES (%s, ''x'') ON CONFLICT (id) DO UPDATE SET body = ''y''', id))
FROM unnest('{2,3}'::int[]) AS id;
DROP TABLE public.unique_doc;
-- passes: EXPLAIN that runs nothing
SELECT public.as_app(:'alice', 'EXPLAIN (COSTS OFF) SELECT id FROM public.plain WHERE team = left(token_auth.subject_uuid()::text, 1)') ~ 'Scan';
-- a parameter is as good as a constant: refused at the start, and not taken for NULL
PREPARE by_path (text) AS SELECT count(*) FROM public.plain WHERE token_auth.claim_boolean(VARIADIC ARRAY[$1]) IS NOT TRUE;
SET plan_cache_mode = force_generic_plan;
SELECT public.as_app(:'alice', 'EXECUTE by_path(''flag'')'), public.as_app(:'alice', 'EXECUTE by_path(''none'')');
RESET plan_cache_mode;
-- silence is for conditions of the plan only: what a function of it asks is an error there
CREATE FUNCTION public.needs_admin() RETURNS boolean LANGUAGE plpgsql AS $$ BEGIN PERFORM token_auth.require_scope('admin'); RETURN true; END $$;
CREATE FUNCTION public.needs(scope text) RETURNS boolean LANGUAGE plpgsql AS $$ BEGIN RETURN token_auth.require_scope(scope); END $$;
SELECT public.as_app(:'alice', 'SELECT public.needs_admin() FROM public.doc'), public.as_app(:'alice', 'SELECT public.needs(needs || ''!'') FROM public.doc');

-- a token that is refused is an error at once and every time, also under a plan that was made without one
PREPARE second (text) AS SELECT count(*) FROM public.doc WHERE id = 2 AND body >= $1;
SET plan_cache_mode = force_generic_plan;
SELECT public.as_app('', 'EXECUTE second(''topsecret'')');
SELECT public.as_app('garbage', 'EXECUTE second(''topsecret'')'), public.as_app('garbage', 'EXECUTE second(''u'')');
SELECT public.as_app('garbage', 'EXPLAIN (ANALYZE) EXECUTE second(''topsecret'')') = public.as_app('garbage', 'EXPLAIN (ANALYZE) EXECUTE second(''u'')');
-- ... by way of a function that the policy asks, and of a view that promises to be a barrier
CREATE FUNCTION public.me() RETURNS text LANGUAGE plpgsql AS $$ BEGIN RETURN token_auth.subject(); END $$;
ALTER POLICY own ON public.doc USING (owner = public.me());
CREATE VIEW public.barrier WITH (security_barrier) AS SELECT * FROM public.plain WHERE owner = public.me();
GRANT SELECT ON public.barrier TO regress_app;
PREPARE in_barrier (text) AS SELECT count(*) FROM public.barrier WHERE id = 2 AND body >= $1;
SELECT public.as_app('garbage', 'EXECUTE second(''topsecret'')'), public.as_app('garbage', 'EXECUTE second(''u'')');
SELECT public.as_app('garbage', 'EXECUTE in_barrier(''topsecret'')'), public.as_app('garbage', 'EXECUTE in_barrier(''u'')');
-- ... passes: a policy that asks nothing, beside functions of the user's
CREATE FUNCTION public.shout(body text) RETURNS text LANGUAGE plpgsql AS $$ BEGIN RETURN upper(body); END $$;
CREATE TABLE public.open AS SELECT 1 AS id, 'open' AS body;
ALTER TABLE public.open ENABLE ROW LEVEL SECURITY;
CREATE POLICY all_rows ON public.open TO regress_app USING (id > 0);
GRANT SELECT ON public.open TO regress_app;
SELECT public.as_app('garbage', 'SELECT public.shout(body) FROM public.open');
DROP TABLE public.open;
DROP FUNCTION public.shout(text);
-- ... passes: tables without policies and readers, and those who need a token set
SELECT public.as_app('garbage', 'SELECT count(*) FROM public.plain WHERE id = 2'), public.as_app('garbage', format('SELECT token_auth.set_local_token(%L)', :'alice')), public.as_app('garbage', 'SELECT step FROM token_auth.inspect() LIMIT 1');
-- ... and a superuser, whom no policy concerns
BEGIN;
SET LOCAL token_auth.token = 'garbage';
SELECT count(*) FROM public.doc WHERE id = 2;
COMMIT;

-- 28T16, whatever the guess; the foreign issuer's token does not help either
SELECT token_auth.add_issuer('https://foreign.test', '{orders-api}', namespace => 'foreign') \g /dev/null
SELECT token_auth.add_secret('https://foreign.test', sha256('foreign'), 'HS256') \g /dev/null
SELECT mint.token('{"iss": "https://foreign.test"}', '{}', sha256('foreign')) AS foreign \gset
SELECT public.guess(token, 'owner = token_auth.subject()', 'SELECT ((SELECT count(*) FROM public.doc WHERE id = 2 AND body >= %L), token_auth.clear_token(), token_auth.subject())::text')
FROM unnest(ARRAY[:'alice', :'foreign']) AS token;
-- ... the warning that a token ended unused
\set VERBOSITY default
PREPARE unused (text) AS SELECT count(*) FROM public.doc WHERE id = 2 AND body >= $1;
SET ROLE regress_app;
DO $$ BEGIN PERFORM token_auth.set_local_token(mint.token()); EXECUTE 'EXECUTE unused(''topsecret'')'; END $$;
DO $$ BEGIN PERFORM token_auth.set_local_token(mint.token()); EXECUTE 'EXECUTE unused(''u'')'; END $$;
DO $$ BEGIN PERFORM token_auth.set_local_token(mint.token()); END $$;
RESET ROLE;
\set VERBOSITY terse

-- a missing token, where that is to be an error
DROP POLICY own ON public.doc;
SET token_auth.on_missing = 'error';
SELECT policy, public.guess('', policy), public.guess(:'foreign', policy) FROM unnest(ARRAY['owner = token_auth.subject()', 'token_auth.has_scope(''orders:read'')', 'owner = token_auth.subject(''foreign'')', 'owner = public.me()',
    'token_auth.is_authenticated() AND owner = public.me()', 'owner = current_user']) AS t (policy);
-- ... also for a function in a statement that asks for no more than whether there is one
CREATE FUNCTION public.count_all() RETURNS bigint LANGUAGE plpgsql AS $$ BEGIN RETURN (SELECT count(*) FROM public.plain WHERE owner = token_auth.subject()); END $$;
SELECT public.as_app('', 'SELECT count(public.count_all()) FROM public.plain WHERE token_auth.is_authenticated() IS NOT NULL'), public.as_app('', 'SELECT count(*) FROM public.plain WHERE token_auth.is_authenticated() IS NOT NULL');
DROP FUNCTION public.count_all();
RESET token_auth.on_missing;

-- the first statement of a session, in which the library is loaded while it is planned, or started
\set ECHO none
\c -
\set ECHO all
SET client_min_messages = warning;
CREATE FUNCTION public.first_guess(token text, guess text) RETURNS text LANGUAGE plpgsql AS $$
BEGIN
    PERFORM set_config('token_auth.token', token, true);
    EXECUTE 'SET LOCAL ROLE regress_app';
    EXECUTE 'SELECT (SELECT count(*) FROM public.doc WHERE id = 2 AND body >= $1), set_config(''token_auth.token'', '''', true), (SELECT count(*) FROM public.doc WHERE id = 1)' USING guess;
    RETURN 'no error';
EXCEPTION WHEN OTHERS THEN
    RETURN SQLSTATE;
END
$$;
CREATE FUNCTION public.me_stable() RETURNS text LANGUAGE plpgsql STABLE AS $$ BEGIN RETURN token_auth.subject(); END $$;
CREATE POLICY first ON public.doc TO regress_app USING (owner = public.me_stable());
\c -
SELECT public.first_guess(:'alice', 'topsecret');
\c -
SELECT public.first_guess(:'alice', 'u');
ALTER POLICY first ON public.doc USING (owner = (SELECT token_auth.subject()));
\c -
SELECT public.first_guess(:'alice', 'topsecret');
\c -
SELECT public.first_guess(:'alice', 'u');
SET client_min_messages = warning;
DROP FUNCTION public.first_guess(text, text);
DROP POLICY first ON public.doc;
DROP FUNCTION public.me_stable();

RESET plan_cache_mode;
DROP VIEW public.barrier;
DROP TABLE public.doc, public.plain;
DROP FUNCTION public.as_app, public.guess, public.tells, public.my_id, public.needs_admin, public.needs, public.me;
DROP ROLE regress_app;
SELECT token_auth.drop_issuer('https://idp.test');
SELECT token_auth.drop_issuer('https://foreign.test');
