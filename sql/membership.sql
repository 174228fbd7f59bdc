-- in_claim() answers value = ANY (members), whatever plan finds the rows: every index, join, cursor, worker and cached plan
\pset tuples_only
\pset format unaligned
\pset null none
\set VERBOSITY terse
SET client_min_messages = warning;
SET token_auth.binding = 'session';
-- a kind of scan that is not allowed costs so much that every plan would be compiled
SET jit = off;
SELECT mint.issuer();
SELECT mint.issuer('https://partner.test');
CREATE ROLE regress_app;
CREATE EXTENSION btree_gin;
CREATE EXTENSION btree_gist;
CREATE EXTENSION bloom;
CREATE COLLATION public.of_icu (provider = icu, locale = 'en');
CREATE COLLATION public.no_case (provider = icu, locale = 'und-u-ks-level2', deterministic = false);
CREATE DOMAIN public.word_domain AS text;
CREATE DOMAIN public.code_domain AS varchar(10);
CREATE DOMAIN public.uuid_domain AS uuid;
CREATE DOMAIN public.number_domain AS int;

-- Who may hold which members: of text and numbers, in every form that they have in a claim.
CREATE TABLE public.holder (name text PRIMARY KEY, claims jsonb, token text);
INSERT INTO public.holder (name, claims) VALUES
    ('anonymous', NULL),
    ('absent', '{}'),
    ('null', '{"words": null, "others": null}'),
    ('empty', '{"words": [], "others": []}'),
    ('one', '{"words": "w3", "others": "7"}'),
    ('number', '{"words": 7, "others": 3}'),
    ('few', '{"words": ["w1", "w2", "w1", "W4", "w5 ", "", "nobody", "3", "7.0", 11], "others": ["w2", "w9", 5, 5, 5.0, 2.5, "5", "-2"]}'),
    ('foreign', '{"words": [99999999999, -99999999999, 9223372036854775807, 9223372036854775808.0, "9223372036854775808", "-9223372036854775808", 70000, -40000, "2147483648", "x", 4, "4", "4.00", 4.5, "+6", " 8", "9 ", "0x9", "1e1", "{00000003-0000-4000-8000-00000000CAFE}", "000000050000400080000000-0000cafe", "00000006-0000-4000-8000-00000000cafe "], "others": ["00000002-0000-4000-8000-00000000cafe", 1]}'),
    ('many', (SELECT jsonb_build_object('words', jsonb_agg('w' || i) || jsonb_agg(i * 3) || jsonb_agg(format('%s-0000-4000-8000-00000000cafe', lpad(i::text, 8, '0'))),
                                        'others', jsonb_agg(i * 2)) FROM generate_series(0, 150, 2) AS i));
UPDATE public.holder SET token = coalesce(mint.token(claims), '');
SELECT token AS few FROM public.holder WHERE name = 'few' \gset
SELECT token AS many FROM public.holder WHERE name = 'many' \gset
SELECT mint.token('{"words": {"w1": true}, "mixed": ["w1", true], "deep": {"in": {"words": ["w1"]}}}') AS odd,
       mint.token('{"iss": "https://partner.test", "words": ["w1", 1]}') AS partner,
       mint.token(jsonb_build_object('iat', mint.now(-600), 'exp', mint.now(-300), 'words', '["w1"]'::jsonb)) AS expired \gset

CREATE TABLE public.thing (id int, word text, code varchar(10), sign char(3), title name, in_domain public.word_domain, short public.code_domain,
                           key uuid, key_too public.uuid_domain, n8 bigint, n4 int, n2 smallint, n4_too public.number_domain,
                           bytes text COLLATE "C", icu text COLLATE public.of_icu, caseless text COLLATE public.no_case, pad text);
SELECT setseed(0.25);
INSERT INTO public.thing
SELECT id, w, w, w, w, w, w, k, k, n, n, n, n, w, w, w, repeat('x', 100)
FROM (SELECT id, CASE WHEN id % 17 = 0 THEN NULL WHEN id % 19 = 0 THEN 'W' || a WHEN id % 23 = 0 THEN '' ELSE 'w' || a END,
             CASE WHEN id % 13 > 0 THEN format('%s-0000-4000-8000-00000000cafe', lpad(b::text, 8, '0'))::uuid END,
             CASE WHEN id % 11 > 0 THEN c - 2 END
      FROM (SELECT id, floor(random() * 12)::int, floor(random() * 12)::int, floor(random() * 12)::int FROM generate_series(1, 400) AS id) AS t (id, a, b, c)) AS u (id, w, k, n);
INSERT INTO public.thing (id, word, n8) VALUES (401, 'w99', 99999999999), (402, 'w99', -9223372036854775808), (403, 'w99', 9223372036854775807);
INSERT INTO public.thing (id, n4) VALUES (404, 70000), (405, -40000), (406, 2147483647);
ANALYZE public.thing;
GRANT SELECT ON public.thing TO regress_app;

-- A query whose conditions are written «type value claim»: by in_claim(), or in plain SQL with literals; claims is NULL without a token.
CREATE FUNCTION public.by_claim(query text) RETURNS text LANGUAGE sql IMMUTABLE AS $$
    SELECT regexp_replace(query, '«(\w+) ([^ ]+) (\w+)»', 'token_auth.in_claim(\2, ''\3'')', 'g')
$$;
CREATE FUNCTION public.members(type text, claim jsonb) RETURNS text[] LANGUAGE sql IMMUTABLE AS $$
    SELECT coalesce(array_agg(CASE type WHEN 'uuid' THEN lower(translate(member, '{-}', '')) ELSE member END), '{}')
    FROM jsonb_array_elements_text(CASE jsonb_typeof(claim) WHEN 'array' THEN claim ELSE coalesce(nullif(jsonb_build_array(claim), '[null]'), '[]') END) AS t (member)
    WHERE type <> 'int' OR member ~ '^-?[0-9]+(\.0*)?$'
$$;
CREATE FUNCTION public.by_expectation(query text, claims jsonb) RETURNS text LANGUAGE plpgsql IMMUTABLE AS $$
DECLARE
    part text[];
    result text := query;
BEGIN
    LOOP
        part := regexp_match(result, '«(\w+) ([^ ]+) (\w+)»');
        EXIT WHEN part IS NULL;
        result := replace(result, format('«%s %s %s»', VARIADIC part),
            CASE WHEN claims IS NULL THEN 'false'
                 ELSE format(CASE part[1] WHEN 'text' THEN 'CASE WHEN %1$s IS NOT NULL THEN %1$s::text COLLATE "C" = ANY (%2$L) END'
                                          WHEN 'uuid' THEN 'CASE WHEN %1$s IS NOT NULL THEN replace(%1$s::text, ''-'', '''') = ANY (%2$L) END'
                                          ELSE 'CASE WHEN %1$s IS NOT NULL THEN %1$s::numeric = ANY (%2$L::numeric[]) END' END,
                             part[2], public.members(part[1], claims -> part[3])) END);
    END LOOP;
    RETURN result;
END
$$;
CREATE FUNCTION public.answer(query text) RETURNS text LANGUAGE plpgsql AS $$
DECLARE
    answer text;
BEGIN
    EXECUTE query INTO answer;
    RETURN answer;
END
$$;
CREATE FUNCTION public.plan(query text) RETURNS text LANGUAGE plpgsql AS $$
DECLARE
    plan text;
BEGIN
    EXECUTE 'EXPLAIN (COSTS OFF, FORMAT JSON) ' || query INTO plan;
    RETURN plan;
END
$$;
-- Which kinds of scan the planner may use. A plan that has another nevertheless found no other way.
CREATE FUNCTION public.allow(scans text) RETURNS void LANGUAGE sql AS $$
    SELECT set_config('enable_seqscan', (scans ~ 'seq')::text, false), set_config('enable_indexscan', (scans ~ 'index')::text, false),
           set_config('enable_indexonlyscan', (scans ~ 'only')::text, false), set_config('enable_bitmapscan', (scans ~ 'bitmap')::text, false)
$$;
CREATE FUNCTION public.become(holder public.holder) RETURNS void LANGUAGE sql AS $$ SELECT set_config('token_auth.token', holder.token, false) $$;

-- Every query under every holder and kind of scan: a line for each wrong answer. Returns what looked for the members in an index.
CREATE FUNCTION public.try(queries text[], scans text[] DEFAULT '{seq,index,only,bitmap}') RETURNS text LANGUAGE plpgsql AS $$
DECLARE
    query text;
    scan text;
    holder public.holder;
    expected text;
    found text;
    used jsonb = '[]';
    answers int = 0;
BEGIN
    FOREACH query IN ARRAY queries LOOP
        FOR holder IN SELECT * FROM public.holder ORDER BY name LOOP
            PERFORM public.allow('seq,index,only,bitmap'), public.become(holder);
            expected := public.answer(public.by_expectation(query, holder.claims));
            answers := answers + coalesce(length(expected), 0);
            FOREACH scan IN ARRAY scans LOOP
                PERFORM public.allow(scan);
                found := public.answer(public.by_claim(query));
                IF found IS DISTINCT FROM expected THEN
                    RAISE WARNING '% % %: found %, expected %', scan, holder.name, query, found, expected;
                END IF;
                IF holder.name = 'few' THEN
                    used := used || jsonb_path_query_array(public.plan(public.by_claim(query))::jsonb, 'strict $.** ? (@."Index Cond" like_regex "claim_members")."Node Type"');
                END IF;
            END LOOP;
        END LOOP;
    END LOOP;
    PERFORM public.allow('seq,index,only,bitmap');
    IF answers = 0 THEN
        RAISE WARNING 'nothing was ever found';
    END IF;
    RETURN coalesce((SELECT string_agg(DISTINCT node, ', ' ORDER BY node) FROM jsonb_array_elements_text(used) AS t (node)), 'none');
END
$$;
CREATE FUNCTION public.try_index(definition text, VARIADIC conditions text[]) RETURNS text LANGUAGE plpgsql AS $$
DECLARE
    used text;
BEGIN
    EXECUTE 'CREATE INDEX tried ON public.thing ' || definition;
    used := public.try(ARRAY(SELECT 'SELECT string_agg(id::text, '' '' ORDER BY id) FROM public.thing WHERE ' || c FROM unnest(conditions) AS c));
    DROP INDEX public.tried;
    RETURN concat(definition, ': ', used);
END
$$;
SET max_parallel_workers_per_gather = 0;

-- refused: a claim that is no list, by its name, also where an index or only the planner asks
CREATE INDEX thing_word ON public.thing (word);
SET token_auth.token = :'odd';
SELECT statement, mint.outcome('SELECT ' || statement)
FROM unnest(ARRAY['token_auth.claim_members_text(''words'')', 'token_auth.claim_members_uuid(''mixed'')', 'token_auth.claim_members_bigint(''deep'', ''in'')',
                  'token_auth.claim_members_text(VARIADIC ''{}'')', 'FROM public.thing WHERE token_auth.in_claim(word, ''words'')',
                  'FROM public.thing WHERE token_auth.in_claim(n4, ''mixed'')', 'FROM public.thing WHERE key = ANY (token_auth.claim_members_uuid(''words''))']) AS t (statement);
-- ... but for a path that comes from a row there is no error, or it would tell of rows below a policy
SELECT path, token_auth.in_claim('w1'::text, VARIADIC path), token_auth.in_claim(1, VARIADIC path),
       token_auth.claim_members_text(VARIADIC path), token_auth.claim_members_bigint(VARIADIC path), token_auth.claim_members_uuid(VARIADIC path)
FROM (VALUES ('{words}'::text[]), ('{mixed}'), ('{}'), ('{sub}'), ('{deep,in,words}'), ('{deep,in}'), ('{deep,in,words,0}'), ('{deep,in,words,-1}'),
             ('{deep,in,words,1}'), ('{{deep,in},{words,0}}'), (NULL), ('{NULL}'), ('{deep,NULL}')) AS t (path);
DO $$
DECLARE
    path text;
BEGIN
    FOREACH path IN ARRAY '{words,sub,mixed,sub}'::text[] LOOP
        RAISE WARNING '%: % %', path, token_auth.in_claim('alice'::text, path), token_auth.claim_members_text(path);
    END LOOP;
END
$$;
-- refused: by an index, too, an expired token, one that is none, and none where there must be one
SET enable_seqscan = off;
SET token_auth.token = :'expired';
SELECT mint.outcome('SELECT FROM public.thing WHERE token_auth.in_claim(word, ''words'')');
SET token_auth.token = 'x';
SELECT mint.outcome('SELECT FROM public.thing WHERE token_auth.in_claim(word, ''words'')'), mint.outcome('SELECT token_auth.claim_members_text(''words'')');
SET token_auth.on_expired = 'anonymous';
SET token_auth.token = :'expired';
SELECT count(*) FROM public.thing WHERE token_auth.in_claim(word, 'words');
RESET token_auth.on_expired;
SET token_auth.token = '';
SET token_auth.on_missing = 'error';
SELECT mint.outcome('SELECT FROM public.thing WHERE token_auth.in_claim(word, ''words'')'), mint.outcome('SELECT token_auth.claim_members_text(''words'')');
RESET token_auth.on_missing;
-- ... and one of another namespace is none
SET token_auth.token = :'partner';
SELECT token_auth.is_authenticated(), token_auth.in_claim('w1'::text, 'words'), token_auth.claim_members_text('words'), token_auth.claim_members_bigint('words');
SELECT count(*) FROM public.thing WHERE token_auth.in_claim(word, 'words');
RESET enable_seqscan;

-- refused: the rest of a cursor under another token or none, whatever scan it stopped in; the same token goes on
CREATE INDEX thing_n4 ON public.thing USING hash (n4);
CREATE FUNCTION public.fetch_twice(query text, first text, second text, scans text) RETURNS text LANGUAGE plpgsql AS $$
DECLARE
    rows refcursor;
    id int;
    first_id int;
    n int = 0;
BEGIN
    PERFORM public.allow(scans), set_config('token_auth.token', first, true);
    OPEN rows SCROLL FOR EXECUTE query;
    FETCH rows INTO first_id;
    PERFORM set_config('token_auth.token', second, true);
    LOOP
        FETCH rows INTO id;
        EXIT WHEN NOT FOUND;
        n := n + 1;
    END LOOP;
    FETCH FIRST FROM rows INTO id;
    CLOSE rows;
    RETURN concat_ws(' ', 'more:', n > 0, 'same first:', id = first_id);
EXCEPTION WHEN OTHERS THEN
    RETURN SQLSTATE;
END
$$;
SELECT scans, name, public.fetch_twice(query, :'few', token, scans)
FROM unnest('{seq,index,only,bitmap}'::text[]) WITH ORDINALITY AS s (scans, i),
     unnest('{1,2,3}'::int[], ARRAY['SELECT id FROM public.thing WHERE token_auth.in_claim(word, ''words'')', 'SELECT id FROM public.thing WHERE token_auth.in_claim(n4, ''words'')',
           'SELECT b.id FROM public.thing AS a JOIN public.thing AS b USING (id) WHERE token_auth.in_claim(a.word, ''words'') AND token_auth.in_claim(b.word, ''words'')']) AS q (j, query),
     public.holder AS h
WHERE h.name IN ('few', 'many', 'anonymous') ORDER BY i, j, name;
SELECT public.allow('seq,index,only,bitmap');
DROP INDEX public.thing_word, public.thing_n4;

-- the members themselves: of their type, in their order; what is not of the type is left out
SET enable_seqscan = on;
DO $$
DECLARE
    holder public.holder;
BEGIN
    FOR holder IN SELECT * FROM public.holder WHERE name <> 'many' ORDER BY name LOOP
        PERFORM public.become(holder);
        RAISE WARNING E'%: %\n%\n%\n%', holder.name, holder.claims -> 'words', token_auth.claim_members_text('words'), token_auth.claim_members_bigint('words'), token_auth.claim_members_uuid('words');
    END LOOP;
END
$$;

-- every type of value, without an index: in_claim() as it is written, in a condition, negated
SELECT public.try(ARRAY(
    SELECT format('SELECT string_agg(concat(id, %2$s), '' '' ORDER BY id) FROM public.thing WHERE %1$s', condition, shown)
    FROM unnest(ARRAY['«text word words»', '«text code words»', '«text sign words»', '«text title words»', '«text in_domain words»', '«text short words»', '«text bytes words»', '«text icu words»', '«text caseless words»',
                      '«uuid key words»', '«uuid key_too words»', '«int n8 words»', '«int n4 words»', '«int n2 words»', '«int n4_too words»']) AS c (condition),
         unnest(ARRAY[condition, 'NOT ' || condition]) AS s (shown)), '{seq}');
SELECT public.try(ARRAY(
    SELECT 'SELECT string_agg(id::text, '' '' ORDER BY id) FROM public.thing WHERE ' || condition
    FROM unnest(ARRAY['NOT «text word words»', '«text word words» IS NOT TRUE', '«text word words» IS NULL', '«text word words» = false', '«text word words» OR «int n4 others»',
                      '«text word words» <> «text word others»', 'CASE WHEN id > 200 THEN «text word words» ELSE «int n4 words» END', 'coalesce(«uuid key words», id < 9)']) AS c (condition)), '{seq}');
-- ... and so are the members themselves
DO $$
DECLARE
    holder public.holder;
BEGIN
    FOR holder IN SELECT * FROM public.holder ORDER BY name LOOP
        PERFORM public.become(holder);
        RAISE WARNING '%: %', holder.name, (SELECT count(*) FROM public.thing WHERE
            token_auth.in_claim(word, 'words') IS TRUE <> (word = ANY (token_auth.claim_members_text('words'))) IS TRUE OR
            token_auth.in_claim(caseless, 'words') IS TRUE <> (caseless COLLATE "C" = ANY (token_auth.claim_members_text('words'))) IS TRUE OR
            token_auth.in_claim(n8, 'words') IS TRUE <> (n8 = ANY (token_auth.claim_members_bigint('words'))) IS TRUE OR
            token_auth.in_claim(n4, 'words') IS TRUE <> (n4 = ANY (token_auth.claim_members_bigint('words'))) IS TRUE OR
            token_auth.in_claim(n2, 'words') IS TRUE <> (n2 = ANY (token_auth.claim_members_bigint('words'))) IS TRUE OR
            token_auth.in_claim(key, 'words') IS TRUE <> (key = ANY (token_auth.claim_members_uuid('words'))) IS TRUE);
    END LOOP;
END
$$;

-- every kind of index finds the rows that a scan of the table does; after the index, what looked in it for the members
SELECT public.try_index('(word)', '«text word words»', '«text word words» AND id % 2 = 0', '«text word words» AND «text word others»', '«text word words» AND word > ''w2''',
                        '«text word words» OR «text word others»', '«text word words» OR word = ''w7''', '«text word words» AND word IN (''w1'', ''w3'')');
SELECT public.try_index('(word DESC NULLS LAST)', '«text word words»');
SELECT public.try_index('USING hash (word)', '«text word words»', '«text word words» AND word = ''w2''', '«text word words» AND «text word others»', '«text word words» OR word = ''w7''');
SELECT public.try_index('USING brin (word) WITH (pages_per_range = 1)', '«text word words»', '«text word words» AND word > ''w2''');
SELECT public.try_index('USING brin (word text_bloom_ops) WITH (pages_per_range = 1)', '«text word words»');
SELECT public.try_index('USING gin (word)', '«text word words»', '«text word words» AND word > ''w2''');
SELECT public.try_index('USING gist (word)', '«text word words»');
SELECT public.try_index('USING spgist (word)', '«text word words»');
SELECT public.try_index('USING bloom (word, n4)', '«text word words»', '«text word words» AND n4 = 3');
SELECT public.try_index('(word text_pattern_ops)', '«text word words»', '«text word words» AND word LIKE ''w1%''');
SELECT public.try_index('(word COLLATE "C")', '«text word words»');
SELECT public.try_index('(word COLLATE public.of_icu)', '«text word words»');
SELECT public.try_index('(word) INCLUDE (id)', '«text word words»');
SELECT public.try_index('(word) WHERE id % 2 = 0', '«text word words» AND id % 2 = 0', '«text word words»');
SELECT public.try_index('(word, n4)', '«text word words»', '«text word words» AND n4 > 3', '«text word words» AND «int n4 others»', '«text word words» AND n4 IN (1, 2, 7)');
SELECT public.try_index('(lower(word))', '«text lower(word) words»', '«text word words»');
SELECT public.try_index('(code)', '«text code words»', '«text code words» AND code = ''w2''');
SELECT public.try_index('USING hash (code)', '«text code words»');
SELECT public.try_index('(code varchar_pattern_ops)', '«text code words»');
SELECT public.try_index('(sign)', '«text sign words»');
SELECT public.try_index('((sign::text))', '«text sign words»');
SELECT public.try_index('(title)', '«text title words»');
SELECT public.try_index('((title::text))', '«text title words»');
SELECT public.try_index('(in_domain)', '«text in_domain words»');
SELECT public.try_index('USING hash (short)', '«text short words»');
SELECT public.try_index('(key)', '«uuid key words»', '«uuid key words» AND «uuid key others»');
SELECT public.try_index('USING hash (key)', '«uuid key words»');
SELECT public.try_index('USING brin (key) WITH (pages_per_range = 1)', '«uuid key words»');
SELECT public.try_index('(key_too)', '«uuid key_too words»');
SELECT public.try_index('(n8)', '«int n8 words»', '«int n8 words» AND n8 > 4');
SELECT public.try_index('(n4)', '«int n4 words»', '«int n4 words» AND «int n4 others»');
SELECT public.try_index('(n2)', '«int n2 words»');
SELECT public.try_index('(n4_too)', '«int n4_too words»');
SELECT public.try_index('USING hash (n4)', '«int n4 words»', '«int n4 words» AND n4 = 4');
SELECT public.try_index('USING hash (n2)', '«int n2 words»');
SELECT public.try_index('USING brin (n4) WITH (pages_per_range = 1)', '«int n4 words»');
SELECT public.try_index('USING brin (n4 int4_minmax_multi_ops) WITH (pages_per_range = 1)', '«int n4 words»');
SELECT public.try_index('USING brin (n4 int4_bloom_ops) WITH (pages_per_range = 1)', '«int n4 words»');
SELECT public.try_index('(bytes)', '«text bytes words»');
SELECT public.try_index('(icu)', '«text icu words»');
-- ... none of which may be one that takes a word for another
SELECT public.try_index('(caseless)', '«text caseless words»');
SELECT public.try_index('USING hash (caseless)', '«text caseless words»');
SELECT public.try_index('USING brin (word COLLATE public.no_case) WITH (pages_per_range = 1)', '«text word words»');
SELECT public.try_index('(caseless COLLATE "C")', '«text caseless words»');
-- ... where the members are of another column than the first, PostgreSQL 17 can do more
SELECT definition, public.try_index(definition, VARIADIC conditions) <> '' AS tried
FROM (VALUES ('(n4, word)', '{«text word words»,«text word words» AND n4 = 3,«text word words» AND n4 > 3,«int n4 words» AND «text word words»}'::text[]),
             ('USING brin (n4, word) WITH (pages_per_range = 1)', '{«text word words»,«int n4 words» AND «text word words»}'),
             ('USING gin (n4, word)', '{«text word words»,«text word words» AND n4 = 3}')) AS t (definition, conditions);

-- the order of an index is not relied upon where the members disturb it
CREATE INDEX thing_word_n4_id ON public.thing (word, n4, id);
CREATE INDEX thing_n4_word_id ON public.thing (n4, word, id);
CREATE INDEX thing_n4_id ON public.thing (n4, id);
CREATE INDEX thing_word ON public.thing USING hash (word);
SET enable_sort = off;
SELECT public.try(ARRAY(
    SELECT format('SELECT string_agg(concat(id, '':'', n4, word), '' '') FROM (SELECT * FROM public.thing WHERE %s ORDER BY %s) AS sorted', condition, sorted)
    FROM unnest(ARRAY['«text word words»', '«int n4 words»', '«text word words» AND «int n4 words»', '«text word words» AND «text word others»', '«text word words» AND word IN (''w1'', ''W4'')', '«text word words» AND n4 IN (1, 3, 5)', 'n4 = 3 AND «text word words»']) AS c (condition),
         unnest(ARRAY['word, n4, id', 'n4, word, id', 'word DESC, n4 DESC, id DESC', 'n4, id', 'word, id LIMIT 7']) AS s (sorted))) <> 'none';
RESET enable_sort;

-- joins: on the inner and the outer side, merged with a mark and restore, outer, semi, anti, lateral
CREATE TABLE public.other AS SELECT * FROM public.thing WHERE id % 3 = 0;
CREATE INDEX other_word ON public.other (word);
CREATE INDEX other_n4 ON public.other USING hash (n4);
ANALYZE public.other;
SELECT format($$
    'SELECT string_agg(concat(a.id, '':'', b.id), '' '' ORDER BY a.id, b.id) FROM public.other AS b JOIN public.thing AS a ON a.n4 = b.n4 AND a.id < 60 AND «text a.word words»',
    'SELECT string_agg(concat(a.id, '':'', b.id), '' '' ORDER BY a.id, b.id) FROM public.other AS b JOIN public.thing AS a ON a.word = b.word AND «text a.word words» AND b.id < 60',
    'SELECT string_agg(concat(a.id, '':'', b.id), '' '' ORDER BY a.id, b.id) FROM public.other AS b JOIN public.thing AS a ON a.id = b.id AND «text a.word words» AND «int b.n4 words»',
    'SELECT string_agg(concat(a.id, '':'', b.id), '' '' ORDER BY a.id, b.id) FROM public.thing AS a LEFT JOIN public.other AS b ON a.id = b.id AND «text b.word words»',
    'SELECT string_agg(concat(a.id, '':'', b.id), '' '' ORDER BY a.id, b.id) FROM public.thing AS a LEFT JOIN public.other AS b ON a.id = b.id AND «text a.word words»',
    'SELECT string_agg(concat(a.id, '':'', b.id), '' '' ORDER BY a.id, b.id) FROM public.thing AS a FULL JOIN public.other AS b ON a.id = b.id AND «text a.word words» AND «int b.n4 words»',
    'SELECT string_agg(a.id::text, '' '' ORDER BY a.id) FROM public.thing AS a WHERE EXISTS (SELECT FROM public.other AS b WHERE b.n4 = a.n4 AND «text b.word words»)',
    'SELECT string_agg(a.id::text, '' '' ORDER BY a.id) FROM public.thing AS a WHERE NOT EXISTS (SELECT FROM public.other AS b WHERE b.n4 = a.n4 AND «text b.word words»)',
    'SELECT string_agg(a.id::text, '' '' ORDER BY a.id) FROM public.thing AS a WHERE a.n4 NOT IN (SELECT b.n4 FROM public.other AS b WHERE «int b.n4 words» IS TRUE)',
    'SELECT string_agg(concat(a.id, '':'', b.id), '' '' ORDER BY a.id, b.id) FROM public.other AS b, LATERAL (SELECT * FROM public.thing AS t WHERE «text t.word words» AND t.n4 >= b.n4 ORDER BY t.id LIMIT 2) AS a',
    'SELECT string_agg(id::text, '' '' ORDER BY id) FROM (SELECT * FROM public.thing UNION ALL SELECT * FROM public.other) AS u WHERE «text word words» AND «int n4 others»'
    $$) AS joins \gset
SELECT public.try(ARRAY[:joins]) <> 'none';
SET enable_hashjoin = off;
SET enable_mergejoin = off;
SELECT public.try(ARRAY[:joins]) <> 'none';
SET enable_mergejoin = on;
SET enable_nestloop = off;
SET enable_sort = off;
SELECT public.try(ARRAY[:joins]) <> 'none';
RESET enable_hashjoin;
RESET enable_mergejoin;
RESET enable_nestloop;
RESET enable_sort;

-- partitions and children, each with its own kind of index
CREATE TABLE public.parted (LIKE public.thing) PARTITION BY LIST (n4);
CREATE TABLE public.parted_1 PARTITION OF public.parted FOR VALUES IN (1, 2, 3);
CREATE TABLE public.parted_rest PARTITION OF public.parted DEFAULT;
INSERT INTO public.parted TABLE public.thing;
CREATE INDEX ON public.parted_1 (word);
CREATE INDEX ON public.parted_rest USING hash (word);
CREATE INDEX ON public.parted (n4);
CREATE TABLE public.parent AS SELECT * FROM public.thing WHERE id < 100;
CREATE TABLE public.child () INHERITS (public.parent);
INSERT INTO public.child SELECT * FROM public.thing WHERE id >= 100;
CREATE INDEX ON public.parent USING brin (word) WITH (pages_per_range = 1);
CREATE INDEX ON public.child (word, n4);
ANALYZE public.parted, public.parent, public.child;
SELECT public.try(ARRAY(
    SELECT format('SELECT string_agg(id::text, '' '' ORDER BY id) FROM public.%s WHERE %s', relation, condition)
    FROM unnest('{parted,parent,child}'::text[]) AS r (relation),
         unnest(ARRAY['«text word words»', '«int n4 words»', '«text word words» AND «int n4 others»', '«text word words» OR «int n4 words»']) AS c (condition))) <> 'none';
SET enable_partitionwise_join = on;
SELECT public.try(ARRAY['SELECT string_agg(concat(a.id, '':'', b.id), '' '' ORDER BY a.id, b.id) FROM public.parted AS a JOIN public.parted AS b ON a.n4 = b.n4 AND a.id = b.id AND «text a.word words» AND «int b.n4 others»']) <> 'none';
RESET enable_partitionwise_join;

-- workers: the same rows
SET max_parallel_workers_per_gather = 2;
SET parallel_setup_cost = 0;
SET parallel_tuple_cost = 0;
SET min_parallel_table_scan_size = 0;
SET min_parallel_index_scan_size = 0;
SET parallel_leader_participation = off;
SELECT public.plan('SELECT sum(id) FROM public.thing WHERE token_auth.in_claim(word, ''words'')') ~ 'Gather' AS parallel;
CREATE FUNCTION public.of_workers() RETURNS TABLE (name text, scans text, agrees boolean) LANGUAGE plpgsql AS $$
DECLARE
    holder public.holder;
    query CONSTANT text := 'SELECT string_agg(id::text, '' '' ORDER BY id) FROM public.thing WHERE «text word words» AND n4 > 0';
BEGIN
    FOR holder IN SELECT * FROM public.holder AS h WHERE h.name IN ('few', 'many', 'anonymous') ORDER BY h.name LOOP
        PERFORM public.become(holder);
        FOREACH scans IN ARRAY '{seq,index,bitmap}'::text[] LOOP
            PERFORM public.allow(scans);
            name := holder.name;
            agrees := public.answer(public.by_claim(query)) IS NOT DISTINCT FROM public.answer(public.by_expectation(query, holder.claims));
            RETURN NEXT;
        END LOOP;
    END LOOP;
    PERFORM public.allow('seq,index,only,bitmap');
END
$$;
SELECT * FROM public.of_workers();
RESET parallel_setup_cost;
RESET parallel_tuple_cost;
RESET min_parallel_table_scan_size;
RESET min_parallel_index_scan_size;
RESET parallel_leader_participation;
SET max_parallel_workers_per_gather = 0;

-- a generic plan that was made under one token answers for the token at hand, as do plans in PL/pgSQL
SET plan_cache_mode = force_generic_plan;
PREPARE mine AS SELECT count(*), min(id), max(id) FROM public.thing WHERE token_auth.in_claim(word, 'words');
PREPARE mine_above (int, text) AS SELECT count(*) FROM public.thing WHERE token_auth.in_claim(word, 'words') AND id > $1 AND token_auth.in_claim(n4, $2);
CREATE FUNCTION public.mine() RETURNS bigint LANGUAGE plpgsql STABLE AS $$ BEGIN RETURN (SELECT count(*) FROM public.thing WHERE token_auth.in_claim(word, 'words')); END $$;
CREATE FUNCTION public.mine_in_sql() RETURNS bigint LANGUAGE sql STABLE SECURITY DEFINER AS $$ SELECT count(*) FROM public.thing WHERE token_auth.in_claim(word, 'words') $$;
SET enable_seqscan = off;
SET token_auth.token = :'many';
EXECUTE mine;
EXECUTE mine_above(10, 'others');
SELECT substring(public.plan('EXECUTE mine') from '"Index Cond": "[^"]*');
SELECT public.mine(), public.mine_in_sql();
SET token_auth.token = :'few';
EXECUTE mine;
EXECUTE mine_above(10, 'words');
SELECT public.mine(), public.mine_in_sql();
SET token_auth.token = '';
EXECUTE mine;
SELECT public.mine(), public.mine_in_sql();
SET token_auth.token = :'odd';
EXECUTE mine;
SET token_auth.token = :'many';
EXECUTE mine;
SELECT public.mine(), public.mine_in_sql();
DROP INDEX public.thing_word_n4_id;
DROP INDEX public.thing_word;
EXECUTE mine;
ALTER TABLE public.thing ALTER COLUMN word TYPE varchar(20);
CREATE INDEX thing_word ON public.thing (word);
EXECUTE mine;
SELECT public.mine(), public.mine_in_sql();
RESET enable_seqscan;
RESET plan_cache_mode;
DO $$
DECLARE
    holder public.holder;
BEGIN
    FOR round IN 1 .. 2 LOOP
        FOR holder IN SELECT * FROM public.holder WHERE name IN ('few', 'many', 'anonymous') ORDER BY name LOOP
            PERFORM public.become(holder);
            RAISE WARNING '% % % %', holder.name, public.mine(), public.mine_in_sql(), (SELECT count(*) FROM public.thing WHERE token_auth.in_claim(word, 'words'));
        END LOOP;
    END LOOP;
END
$$;

-- members outlive what the session remembers: a token verified anew between two rows of a cursor
SET token_auth.cache_size = 0;
SET enable_seqscan = off;
SET enable_hashjoin = off;
SET enable_mergejoin = off;
SET enable_material = off;
SET enable_memoize = off;
BEGIN;
SELECT set_config('token_auth.token', :'many', true) <> '';
DECLARE rows SCROLL CURSOR FOR SELECT a.id FROM public.other AS b JOIN public.thing AS a ON token_auth.in_claim(a.word, 'words') AND a.n4 > b.n4;
FETCH ABSOLUTE 5 FROM rows \gset first_
UPDATE token_auth.issuer SET leeway = '10 seconds';
SELECT token_auth.in_claim('w2'::text, 'words');
MOVE FORWARD 1000 FROM rows;
SET LOCAL token_auth.token = '';
SELECT token_auth.subject();
SELECT set_config('token_auth.token', :'many', true) <> '';
MOVE ABSOLUTE 0 FROM rows;
MOVE FORWARD ALL FROM rows;
FETCH ABSOLUTE 5 FROM rows \gset second_
SELECT :'first_id' = :'second_id';
COMMIT;
RESET token_auth.cache_size;
RESET enable_seqscan;
RESET enable_hashjoin;
RESET enable_mergejoin;
RESET enable_material;
RESET enable_memoize;

-- below a policy: rows that a restrictive one with an ordinary function has let through, by the index all the same
CREATE FUNCTION public.is_odd(id int) RETURNS boolean LANGUAGE plpgsql COST 0.0001 AS $$ BEGIN RETURN id % 2 = 1; END $$;
ALTER TABLE public.thing ENABLE ROW LEVEL SECURITY;
CREATE POLICY member ON public.thing TO regress_app USING (token_auth.in_claim(word, 'words'));
CREATE POLICY odd ON public.thing AS RESTRICTIVE TO regress_app USING (public.is_odd(id));
SET ROLE regress_app;
SET enable_seqscan = off;
SET token_auth.token = :'few';
SELECT substring(public.plan('SELECT count(*) FROM public.thing') from '"Index Cond": "[^"]*');
SELECT substring(public.plan('SELECT count(*) FROM public.thing WHERE token_auth.in_claim(n4, ''others'')') from '"Index Cond": "[^"]*');
SELECT count(*), count(*) FILTER (WHERE id % 2 = 0), count(*) FILTER (WHERE word NOT IN ('w1', 'w2', 'W4', '')) FROM public.thing;
SELECT count(*) FROM public.thing WHERE token_auth.in_claim(n4, 'others');
-- ... and a function of the caller sees no other rows
CREATE FUNCTION pg_temp.spy(id int, word text) RETURNS boolean LANGUAGE plpgsql COST 0.0001 AS $$
BEGIN
    IF id % 2 = 0 OR word NOT IN ('w1', 'w2', 'W4', '') THEN
        RAISE WARNING 'spied % %', id, word;
    END IF;
    RETURN true;
END
$$;
SELECT count(*) FROM public.thing WHERE pg_temp.spy(id, word);
SELECT count(*) FROM public.thing WHERE pg_temp.spy(id, word) AND token_auth.in_claim(n4, 'others');
-- ... and the policy needs no privilege on the schema, whoever plans
RESET ROLE;
REVOKE USAGE ON SCHEMA token_auth FROM PUBLIC;
SET ROLE regress_app;
SET token_auth.token = :'few';
SELECT count(*) > 0, substring(public.plan('SELECT count(*) FROM public.thing') from '"Index Cond": "[^"]*') FROM public.thing;
RESET ROLE;
GRANT USAGE ON SCHEMA token_auth TO PUBLIC;
SET ROLE regress_app;
SET token_auth.token = '';
SET token_auth.token = '';
SELECT count(*) FROM public.thing;
RESET ROLE;
RESET enable_seqscan;

DROP POLICY odd ON public.thing;
DROP FUNCTION public.by_claim, public.members, public.by_expectation, public.answer, public.plan, public.allow,
              public.try, public.try_index, public.fetch_twice, public.of_workers, public.mine, public.mine_in_sql, public.is_odd, public.become;
DROP TABLE public.thing, public.other, public.parted, public.parent, public.child, public.holder;
DROP DOMAIN public.word_domain, public.code_domain, public.uuid_domain, public.number_domain;
DROP COLLATION public.of_icu, public.no_case;
DROP EXTENSION btree_gin;
DROP EXTENSION btree_gist;
DROP EXTENSION bloom;
DROP OWNED BY regress_app;
DROP ROLE regress_app;
SELECT token_auth.drop_issuer('https://partner.test');
SELECT token_auth.drop_issuer('https://idp.test');
