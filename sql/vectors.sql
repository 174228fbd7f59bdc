-- published vectors: no invalid one is accepted, and no valid one refused but for a reason in the list
\set VERBOSITY terse
\pset format unaligned
\pset tuples_only on
\getenv srcdir PG_ABS_SRCDIR
\set published :srcdir '/test/vectors/published.jsonl'
\set refused :srcdir '/test/vectors/refused_on_purpose.tsv'
\set lines `cat :'published'`
\set exceptions `cat :'refused'`

-- jsonb cannot carry duplicate members: none of these has any
CREATE TEMP TABLE vector AS
    SELECT number, line ->> 'source' AS source, line ->> 'id' AS id, line ->> 'expect' AS expect,
           coalesce(line -> 'jwk', line -> 'jwks') AS keys, line ->> 'token' AS token
    FROM (SELECT text::jsonb, number FROM regexp_split_to_table(rtrim(:'lines', E'\n'), '\n')
          WITH ORDINALITY AS t (text, number)) AS t (line, number);
CREATE TEMP TABLE exception AS
    SELECT fields[1] AS source, fields[2] AS id, fields[3] AS outcome, fields[4] AS reason
    FROM (SELECT string_to_array(line, E'\t') FROM regexp_split_to_table(rtrim(:'exceptions', E'\n'), '\n') AS line) AS t (fields)
    WHERE fields[1] <> 'source';
SELECT count(*) FROM vector;

-- with each algorithm that a user might allow, alone and all together
CREATE TEMP TABLE attempt AS
    SELECT number, mint.outcome(format('SELECT token_auth.verify_jws(%L, %L, %L)', token, keys, algorithms)) AS outcome
    FROM vector, LATERAL (
        SELECT ARRAY[a] FROM unnest('{HS256,HS384,HS512,RS256,RS384,RS512,PS256,PS384,PS512,
                                      ES256,ES384,ES512,ES256K,EdDSA,Ed25519,Ed448}'::text[]) AS a
        UNION ALL SELECT '{HS256,HS384,HS512,RS256,RS384,RS512,PS256,PS384,PS512,ES256,ES384,ES512,ES256K,Ed25519,Ed448}'::text[]
        ) AS a (algorithms);
CREATE TEMP TABLE result AS
    SELECT number, bool_or(outcome = 'accepted') AS accepted FROM attempt GROUP BY number;

-- none of these may be there
SELECT source, id, 'accepted' FROM vector JOIN result USING (number) WHERE accepted AND expect = 'invalid';
SELECT source, id, 'refused' FROM vector JOIN result USING (number) LEFT JOIN exception USING (source, id)
    WHERE NOT accepted AND expect = 'valid' AND exception.outcome IS DISTINCT FROM 'refused';
SELECT source, id, 'not as listed' FROM vector JOIN result USING (number) JOIN exception USING (source, id)
    WHERE accepted <> (exception.outcome = 'accepted');
SELECT source, id, 'not in the list' FROM vector LEFT JOIN exception USING (source, id)
    WHERE expect = 'either' AND exception.outcome IS NULL;
SELECT source, id, 'not a vector' FROM exception LEFT JOIN vector USING (source, id) WHERE vector.id IS NULL;
SELECT source, id, 'without a reason' FROM exception WHERE coalesce(reason, '') = '';
-- every refusal is one of ours
SELECT left(outcome, 5), count(DISTINCT number) > 0 FROM attempt
    WHERE outcome !~ '^(accepted|28T\d\d|22023) ?' GROUP BY 1;

\pset tuples_only off
SELECT source, count(*) AS vectors, count(*) FILTER (WHERE accepted) AS accepted,
       count(*) FILTER (WHERE NOT accepted AND expect = 'invalid') AS refused,
       count(*) FILTER (WHERE NOT accepted AND expect <> 'invalid') AS "refused on purpose"
    FROM vector JOIN result USING (number) GROUP BY source ORDER BY source COLLATE "C";
SELECT reason, count(*) FROM exception WHERE outcome = 'refused' GROUP BY reason ORDER BY reason COLLATE "C";
