-- What bench/results measures on: keys, tokens, tables, and for each way of writing
-- a policy a role to which it applies. :rows rows, :tokens tenants and as many tokens
-- of each algorithm; :folder is where results_tokens wrote them.
\set ON_ERROR_STOP on
\set QUIET on
\pset tuples_only on
\pset format unaligned
SET client_min_messages = error;

CREATE EXTENSION token_auth;
CREATE EXTENSION pgcrypto;
CREATE SCHEMA bench;
CREATE SCHEMA auth;
GRANT USAGE ON SCHEMA bench, auth TO PUBLIC;

--
-- Keys and tokens
--

\o /dev/null
SELECT token_auth.add_issuer('https://sso.example.com/realms/shop', '{orders-api}');
SELECT CASE WHEN algorithm = 'HS256' THEN
        token_auth.add_secret('https://sso.example.com/realms/shop', decode(key, 'hex'), algorithm, algorithm || '-2026')
    ELSE token_auth.add_key('https://sso.example.com/realms/shop', token_auth.jwk_from_pem(key, algorithm, algorithm || '-2026'))
    END
FROM unnest(string_to_array(:'algorithms', ' ')) AS algorithm,
     pg_read_file(:'folder' || '/' || algorithm || '.key') AS key;
\o

CREATE TABLE bench.sample_token (algorithm text PRIMARY KEY, token text NOT NULL);
INSERT INTO bench.sample_token
SELECT algorithm, pg_read_file(:'folder' || '/' || algorithm || '.token')
FROM unnest(string_to_array(:'algorithms', ' ')) AS algorithm;

CREATE TABLE bench.member_token (members int PRIMARY KEY, claims text NOT NULL, token text NOT NULL);
CREATE TABLE bench.claims (n int, claims text NOT NULL);
CREATE UNLOGGED TABLE bench.token (algorithm text, n int, token text);
SELECT format('COPY bench.member_token FROM %L', :'folder' || '/members.tsv'),
    format('COPY bench.claims FROM %L', :'folder' || '/claims.tsv') \gexec
SELECT format('COPY bench.token FROM %L', file)
FROM (SELECT :'folder' || '/' || name FROM pg_ls_dir(:'folder') AS name WHERE name LIKE 'tokens\_%.tsv') AS f (file) \gexec
CREATE TABLE bench.token_rs256 AS SELECT n, token FROM bench.token WHERE algorithm = 'RS256' ORDER BY n;
CREATE TABLE bench.token_es256 AS SELECT n, token FROM bench.token WHERE algorithm = 'ES256' ORDER BY n;
CREATE TABLE bench.token_eddsa AS SELECT n, token FROM bench.token WHERE algorithm = 'EdDSA' ORDER BY n;
DROP TABLE bench.token;
ALTER TABLE bench.claims ADD PRIMARY KEY (n);
ALTER TABLE bench.token_rs256 ADD PRIMARY KEY (n);
ALTER TABLE bench.token_es256 ADD PRIMARY KEY (n);
ALTER TABLE bench.token_eddsa ADD PRIMARY KEY (n);

--
-- Tables. Tenant 1 owns most, and tenants have fewer the higher their number, like
-- words in a text; the row with a tenant's number is the tenant's.
--

-- results_tokens.c makes the same
CREATE FUNCTION bench.uuid(what text, n bigint) RETURNS uuid LANGUAGE sql IMMUTABLE AS $$
    SELECT left(encode(sha256(convert_to(what || ' ' || n, 'UTF8')), 'hex'), 32)::uuid
$$;

-- A number from 0 to 1 for each i, evenly spread: the same in each run.
CREATE FUNCTION bench.spread(i bigint) RETURNS double precision LANGUAGE sql IMMUTABLE AS $$
    SELECT i * 0.6180339887498949 - floor(i * 0.6180339887498949)
$$;

CREATE TABLE bench.orders (id bigint, owner text NOT NULL, owner_id uuid NOT NULL, item text NOT NULL);
INSERT INTO bench.orders
SELECT i, owner, owner, 'item ' || i
FROM generate_series(1, :rows) AS i,
     LATERAL (SELECT CASE WHEN i <= :tokens THEN i ELSE least(:tokens, floor(:tokens ^ bench.spread(i)))::bigint END) AS t (tenant),
     LATERAL (SELECT bench.uuid('tenant', tenant)) AS o (owner);
ALTER TABLE bench.orders ADD PRIMARY KEY (id);
CREATE INDEX ON bench.orders (owner);
CREATE INDEX ON bench.orders (owner_id);

CREATE TABLE bench.lines (order_id bigint NOT NULL, quantity int NOT NULL);
INSERT INTO bench.lines SELECT 1 + (i * 7919) % :rows, i % 9 + 1 FROM generate_series(1, :rows::bigint) AS i;
CREATE INDEX ON bench.lines (order_id);

-- ten thousand teams, all of one size
CREATE TABLE bench.documents (id bigint PRIMARY KEY, team text NOT NULL, team_id uuid NOT NULL);
INSERT INTO bench.documents
SELECT i, team, team FROM generate_series(1, :rows) AS i, LATERAL (SELECT bench.uuid('team', 1 + i % 10000)) AS t (team);
CREATE INDEX ON bench.documents (team);
CREATE INDEX ON bench.documents (team_id);

--
-- Ways to write a policy. In those with a literal %1$L is the tenant or the team
-- that is asked for, %2$L the array of teams.
--

-- as Supabase defines it
create function auth.uid() returns uuid language sql stable as $$ select coalesce(nullif(current_setting('request.jwt.claim.sub', true), ''), (nullif(current_setting('request.jwt.claims', true), '')::jsonb ->> 'sub'))::uuid $$;

CREATE TABLE bench.way (
    number int GENERATED ALWAYS AS IDENTITY,
    role name PRIMARY KEY,
    part text NOT NULL,         -- policy or membership
    kind text NOT NULL,         -- the column's type
    expression text NOT NULL,
    literal name GENERATED ALWAYS AS (CASE WHEN part = 'policy' THEN kind || '_literal' WHEN kind = 'text' THEN 'team_literal' ELSE 'team_id_literal' END) STORED);
INSERT INTO bench.way (role, part, kind, expression) VALUES
    ('text_literal', 'policy', 'text', 'owner = %1$L'),
    ('text_setting', 'policy', 'text', 'owner = current_setting(''request.jwt.claims'', true)::json->>''sub'''),
    ('text_subject', 'policy', 'text', 'owner = token_auth.subject()'),
    ('text_claim', 'policy', 'text', 'owner = token_auth.claim(''sub'')'),
    ('text_subject_scope', 'policy', 'text', 'owner = token_auth.subject() AND token_auth.has_scope(''orders:read'')'),
    ('text_claim_scope', 'policy', 'text', 'owner = token_auth.claim(''sub'') AND token_auth.has_scope(''orders:read'')'),
    ('uuid_literal', 'policy', 'uuid', 'owner_id = %1$L'),
    ('uuid_auth', 'policy', 'uuid', 'owner_id = auth.uid()'),
    ('uuid_auth_select', 'policy', 'uuid', 'owner_id = (SELECT auth.uid())'),
    ('uuid_subject', 'policy', 'uuid', 'owner_id = token_auth.subject_uuid()'),
    ('uuid_claim', 'policy', 'uuid', 'owner_id = token_auth.claim_uuid(''sub'')'),
    ('team_literal', 'membership', 'text', 'team = %1$L'),
    ('team_list', 'membership', 'text', 'team = ANY (%2$L)'),
    ('team_setting', 'membership', 'text', 'team = ANY (ARRAY(SELECT json_array_elements_text(current_setting(''request.jwt.claims'', true)::json->''teams'')))'),
    ('team_claim_array', 'membership', 'text', 'team = ANY (token_auth.claim_array(''teams''))'),
    ('team_in_claim', 'membership', 'text', 'token_auth.in_claim(team, ''teams'')'),
    ('team_id_literal', 'membership', 'uuid', 'team_id = %1$L'),
    ('team_id_list', 'membership', 'uuid', 'team_id = ANY (%2$L)'),
    ('team_id_setting', 'membership', 'uuid', 'team_id = ANY (ARRAY(SELECT json_array_elements_text(current_setting(''request.jwt.claims'', true)::json->''teams'')::uuid))'),
    ('team_id_claim_array', 'membership', 'uuid', 'team_id = ANY (token_auth.claim_array(''teams'')::uuid[])'),
    ('team_id_in_claim', 'membership', 'uuid', 'token_auth.in_claim(team_id, ''teams'')');

-- What makes or alters the policies of a part, to be run.
CREATE FUNCTION bench.policies(part text, verb text, value text, list text DEFAULT '{}') RETURNS SETOF text LANGUAGE sql AS $$
    SELECT format('%s POLICY %I ON bench.%I TO %2$I USING (', verb, role, CASE way.part WHEN 'policy' THEN 'orders' ELSE 'documents' END) ||
        CASE WHEN expression LIKE '%\%_$L%' THEN format(expression, value, list) ELSE expression END || ')'
    FROM bench.way
    WHERE way.part = policies.part AND (verb = 'CREATE' OR expression LIKE '%\%_$L%')
$$;

SELECT format('CREATE ROLE %I LOGIN', role) FROM bench.way \gexec
SELECT bench.policies('policy', 'CREATE', bench.uuid('tenant', 1)::text) \gexec
SELECT bench.policies('membership', 'CREATE', bench.uuid('team', 1)::text) \gexec
ALTER TABLE bench.orders ENABLE ROW LEVEL SECURITY;
ALTER TABLE bench.documents ENABLE ROW LEVEL SECURITY;
GRANT SELECT ON ALL TABLES IN SCHEMA bench TO PUBLIC;

-- what warms a session's memory of tokens
GRANT EXECUTE ON FUNCTION token_auth.verify(text) TO text_subject;

-- Those who come through the pooler: under the same policies, as we recommend it there.
CREATE ROLE pooled_text_literal LOGIN IN ROLE text_literal;
CREATE ROLE pooled_text_setting LOGIN IN ROLE text_setting;
CREATE ROLE pooled_text_subject LOGIN IN ROLE text_subject;

-- The samples of all parts, and what EXPLAIN said.
CREATE TABLE bench.sample (part text, way text, measure text, round int, value double precision);
CREATE TABLE bench.plan (way text, measure text, shape text, rows bigint, workers int);

-- Each token's row must be the token's: a benchmark of empty answers would be fast.
DO $$
BEGIN
    IF (SELECT count(*) FROM bench.claims JOIN bench.orders ON id = n AND owner = claims::json->>'sub') <>
       (SELECT count(*) FROM bench.claims) THEN
        RAISE EXCEPTION 'a token does not own the row with its number';
    END IF;
END
$$;

\ir results_measure.sql

VACUUM (ANALYZE);
CHECKPOINT;
