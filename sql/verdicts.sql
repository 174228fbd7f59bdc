-- every refusal is earned by one fault alone, and the same token without the fault passes
\set VERBOSITY terse
\pset format unaligned
\pset tuples_only on
SET client_min_messages = warning;

SELECT mint.issuer();

-- issuers whose rows ask for more, or for less
SELECT mint.issuer('https://strict.test'), mint.issuer('https://lax.test'),
       mint.issuer('https://disabled.test'), mint.issuer('https://events.test'),
       mint.issuer('https://open.test'), token_auth.add_issuer('https://keyless.test', '{orders-api}');
UPDATE token_auth.issuer SET
    name = 'a-name', audiences = '{configured-audience,orders-api}',
    clients = '{configured-client,shop}', max_age = '1 hour',
    required_claims = '{exp,sub,department}', max_lifetime = NULL,
    claim_constraints = '{"tenant": ["configured-tenant", "t1"], "!plan": "configured-plan", "!level": 1,
                          "org": {"country": "configured-country"}}'
WHERE issuer = 'https://strict.test';
UPDATE token_auth.issuer SET required_claims = '{iat}', max_lifetime = NULL, leeway = '0',
    audiences = '{*}', token_types = NULL WHERE issuer = 'https://lax.test';
UPDATE token_auth.issuer SET required_claims = '{sub}' WHERE issuer = 'https://open.test';
UPDATE token_auth.issuer SET enabled = false WHERE issuer = 'https://disabled.test';
UPDATE token_auth.issuer SET purposes = '{event,logout}' WHERE issuer = 'https://events.test';
SELECT token_auth.revoke_token_id('https://idp.test', 'revoked');

CREATE FUNCTION pg_temp.strict(claims jsonb DEFAULT '{}') RETURNS text LANGUAGE sql AS $$
    SELECT mint.token('{"iss": "https://strict.test", "department": "sales", "tenant": "t1",
                        "org": {"country": "configured-country"}}'::jsonb || claims)
$$;
CREATE FUNCTION pg_temp.at(claim text, plus double precision) RETURNS jsonb LANGUAGE sql AS $$
    SELECT jsonb_build_object(claim, mint.now(plus))
$$;
-- a good token of exactly this size
CREATE FUNCTION pg_temp.sized(size int) RETURNS text LANGUAGE sql AS $$
    SELECT mint.raw('{"alg":"HS256"}', rpad(mint.claims('{"iss": "https://lax.test"}')::text,
                    (size - 20 - 1 - 1 - 43) * 3 / 4))
$$;

CREATE TEMP TABLE fault (number int GENERATED ALWAYS AS IDENTITY, name text, token text);
INSERT INTO fault (name, token) VALUES
    -- malformed
    ('empty', ''),
    ('a word', 'hello'),
    ('two segments', split_part(mint.token(), '.', 1) || '.' || split_part(mint.token(), '.', 2)),
    ('four segments', mint.token() || '.x'),
    ('encrypted', mint.token() || '.a.b'),
    ('with the scheme', 'Bearer ' || mint.token()),
    ('with the scheme in small letters', 'bearer ' || mint.token()),
    ('a newline at the end', mint.token() || E'\n'),
    ('JSON serialization', '{"payload": "e30"}'),
    ('header is no JSON', mint.raw('{"alg": "HS256",}', mint.claims()::text)),
    ('header is an array', mint.raw('["HS256"]', mint.claims()::text)),
    ('payload is no JSON', mint.raw('{"alg": "HS256"}', 'hello')),
    ('payload is an array', mint.raw('{"alg": "HS256"}', '[]')),
    ('empty payload', mint.raw('{"alg": "HS256"}', '')),
    ('critical extension', mint.token('{}', '{"crit": ["exp"]}')),
    ('= unknown header parameter', mint.token('{}', '{"exp": 1}')),
    -- expired
    ('expired for as long as the leeway', mint.token(pg_temp.at('exp', -30))),
    ('expired a year ago', mint.token(pg_temp.at('exp', -31536000))),
    ('expired, without leeway', mint.token('{"iss": "https://lax.test"}' || pg_temp.at('exp', 0))),
    ('= expired within the leeway', mint.token(pg_temp.at('exp', -10))),
    ('= without exp where none is required', mint.token('{"iss": "https://lax.test", "exp": null}')),
    -- not_yet_valid
    ('nbf beyond the leeway', mint.token(pg_temp.at('nbf', 200))),
    ('nbf, without leeway', mint.token('{"iss": "https://lax.test"}' || pg_temp.at('nbf', 200))),
    ('= nbf as far ahead as the leeway', mint.token(pg_temp.at('nbf', 30))),
    ('issued in the future', mint.token(pg_temp.at('iat', 200))),
    ('= iat as far ahead as the leeway', mint.token(pg_temp.at('iat', 30))),
    -- signature_invalid
    ('another key', mint.token('{}', '{}', sha256('another'))),
    ('no signature', split_part(mint.token(), '.', 1) || '.' || split_part(mint.token(), '.', 2) || '.'),
    ('half a signature', left(mint.token(), -3)),
    ('signature of another token', split_part(mint.token(), '.', 1) || '.' ||
        split_part(mint.token('{"sub": "bob"}'), '.', 2) || '.' || split_part(mint.token(), '.', 3)),
    -- issuer_unknown
    ('unknown issuer', mint.token('{"iss": "https://nobody.test"}')),
    ('a slash more', mint.token('{"iss": "https://idp.test/"}')),
    ('another case', mint.token('{"iss": "https://IDP.test"}')),
    ('the name of an issuer', mint.token('{"iss": "a-name"}')),
    ('no issuer', mint.token('{"iss": null}')),
    ('disabled issuer', mint.token('{"iss": "https://disabled.test"}')),
    ('issuer of events only', mint.token('{"iss": "https://events.test"}')),
    -- key_unknown
    ('kid that nobody has', mint.token('{}', '{"kid": "nobody"}')),
    ('issuer without keys', mint.token('{"iss": "https://keyless.test"}', '{"alg": "RS256", "kid": "1"}')),
    -- algorithm_refused
    ('none', mint.token('{}', '{"alg": "none"}')),
    ('no algorithm', mint.token('{}', '{"alg": null}')),
    ('not that of the key', mint.token('{}', '{"alg": "HS512"}')),
    ('not one of the issuer', mint.token('{}', '{"alg": "ES256K"}')),
    -- audience_refused
    ('another audience', mint.token('{"aud": "billing-api"}')),
    ('other audiences', mint.token('{"aud": ["billing-api", "orders-api/"]}')),
    ('no audience', mint.token('{"aud": null}')),
    ('= ours among others', mint.token('{"aud": ["billing-api", "orders-api"]}')),
    ('= unchecked only where the row says so', mint.token('{"iss": "https://lax.test", "aud": "billing-api"}')),
    -- type_refused
    ('another type', mint.token('{}', '{"typ": "JOSE"}')),
    ('no type', mint.token('{}', '{"typ": null}')),
    ('a logout token', mint.token('{}', '{"typ": "logout+jwt"}')),
    ('an ID token', mint.token('{"nonce": "n"}')),
    ('nested', mint.token('{}', '{"cty": "JWT"}')),
    ('= a long name of the type', mint.token('{}', '{"typ": "application/AT+JWT"}')),
    -- claim_invalid
    ('no subject', mint.token('{"sub": null}')),
    ('empty subject', mint.token('{"sub": ""}')),
    ('subject is a number', mint.token('{"sub": 7}')),
    ('no exp', mint.token('{"exp": null}')),
    ('exp in quotes', mint.token('{"exp": "4102444800"}')),
    ('no client', mint.token('{"client_id": null, "scope": null}')),
    ('two spaces in scope', mint.token('{"scope": "orders:read  orders:write"}')),
    ('scope is a number', mint.token('{"scope": 7}')),
    ('a required claim is missing', pg_temp.strict('{"department": null}')),
    ('another client', pg_temp.strict('{"client_id": "kiosk"}')),
    ('another tenant', pg_temp.strict('{"tenant": "t2"}')),
    ('no tenant', pg_temp.strict('{"tenant": null}')),
    ('the excluded plan', pg_temp.strict('{"plan": "configured-plan"}')),
    ('the excluded plan in an array', pg_temp.strict('{"plan": ["free", "configured-plan"]}')),
    ('the excluded number in another spelling', pg_temp.strict('{"level": 1.0}')),
    ('another country', pg_temp.strict('{"org": {"country": "ZZ"}}')),
    ('no age to limit', pg_temp.strict('{"iat": null}')),
    ('no lifetime to limit: no exp', mint.token('{"iss": "https://open.test", "exp": null}')),
    ('no lifetime to limit: no iat', mint.token('{"iss": "https://open.test", "iat": null}')),
    ('= a lifetime', mint.token('{"iss": "https://open.test"}')),
    ('= all that is asked for', pg_temp.strict()),
    -- revoked
    ('revoked by jti', mint.token('{"jti": "revoked"}')),
    ('= another jti', mint.token('{"jti": "not-revoked"}')),
    -- lifetime_refused
    ('lives for a second more than 25 hours', mint.token(pg_temp.at('exp', 25 * 3600 + 1) || pg_temp.at('iat', -1))),
    ('= lives for 25 hours less a second', mint.token(pg_temp.at('exp', 25 * 3600 - 2) || pg_temp.at('iat', -1))),
    ('older than the maximal age', pg_temp.strict(pg_temp.at('iat', -3602))),
    ('= not that old', pg_temp.strict(pg_temp.at('iat', -3500))),
    ('= lives for a century where the row says so', mint.token('{"iss": "https://lax.test", "exp": 4102444800}')),
    -- proof_refused
    ('bound to a certificate', mint.token('{"cnf": {"x5t#S256": "bwcK0esc3ACC3DB2Y5_lESsXE8o9ltc05O89jdN-dg2"}}')),
    ('bound to a key', mint.token('{"cnf": {"jkt": "0ZcOCORZNYy-DWpqq30jZyJGHTN0d2HglBV3uiguA4I"}}')),
    ('bound to nothing in particular', mint.token('{"cnf": {}}')),
    -- too_large
    ('a byte more than 16 kB', pg_temp.sized(16385)),
    ('= 16 kB', pg_temp.sized(16384));

-- the names of those that shall pass begin with =
SELECT name, regexp_replace(mint.verdict(token), ', near byte \d+', '') FROM fault ORDER BY number;

-- claims that the client has never seen verified are escaped and cut
SELECT mint.verdict(mint.token(jsonb_build_object('iss', E'https://b\u00f6se.test/"\n' || repeat('x', 100))));
SELECT mint.verdict(mint.token('{}', jsonb_build_object('typ', repeat('long ', 20))));
SELECT mint.verdict(mint.token('{}', jsonb_build_object('kid', E'''; DROP TABLE orders; --\u2028')));

-- what one of them looks like as a whole; its hint says what to do
\set VERBOSITY default
SELECT token_auth.verify(mint.token('{"aud": "billing-api"}'));
\set VERBOSITY terse

-- none comes without detail and hint, with a configured value, or with bytes of the token
CREATE FUNCTION pg_temp.words(token text, OUT state text, OUT words text, OUT detail text, OUT hint text,
                              OUT context text) LANGUAGE plpgsql AS $$
BEGIN
    PERFORM token_auth.verify(token);
EXCEPTION WHEN OTHERS THEN
    GET STACKED DIAGNOSTICS state = RETURNED_SQLSTATE, words = MESSAGE_TEXT,
        detail = PG_EXCEPTION_DETAIL, hint = PG_EXCEPTION_HINT, context = PG_EXCEPTION_CONTEXT;
END $$;
CREATE TEMP TABLE refusal AS SELECT number, name, token, w.*
    FROM fault, pg_temp.words(token) AS w WHERE state IS NOT NULL;
SELECT count(DISTINCT state), count(*) > 60 FROM refusal;
SELECT name FROM refusal WHERE detail = '' OR hint = '' OR state !~ '^28T\d\d$' OR words !~ '^token refused: ';
SELECT name FROM refusal WHERE concat(words, detail, hint, context) ~ 'configured';
SELECT DISTINCT name FROM refusal, generate_series(1, length(token) - 11) AS i
    WHERE strpos(concat(words, detail, hint, context), substr(token, i, 12)) > 0;
SELECT name FROM refusal WHERE concat(words, detail, hint) ~ '[^ -~]';

-- a refusal is raised again every time, and by every door
SELECT name FROM refusal WHERE mint.verdict(token) IS DISTINCT FROM mint.verdict(token);
SELECT name FROM refusal WHERE token <> '' AND state <> left(mint.outcome(format(
    'SELECT set_config(''token_auth.token'', %L, true), token_auth.subject()', token)), 5);
SELECT name FROM refusal WHERE token <> '' AND state <> left(mint.outcome(format(
    'SELECT token_auth.set_local_token(%L)', token)), 5);

-- tokens without iss are good only where an issuer was added for them, and one with an empty iss never
SELECT mint.verdict(mint.token('{"iss": null}'));
SELECT token_auth.add_issuer('', '{orders-api}', name => 'nobody');
SELECT token_auth.add_secret('nobody', mint.secret(), 'HS256') ~ '^secret-';
SELECT mint.verdict(mint.token('{"iss": null}'));
SELECT mint.verdict(mint.token('{"iss": ""}'));
SELECT mint.verdict(mint.raw('{"alg": "HS256", "typ": "JWT"}', '{"iss": null, ' || substr((mint.claims() - 'iss')::text, 2)));

-- the limit of size is a setting
SET token_auth.max_token_size = '1kB';
SELECT mint.verdict(pg_temp.sized(1025));
SELECT mint.verdict(pg_temp.sized(1024));
RESET token_auth.max_token_size;

-- NumericDates may have fractions: nothing is cut off, and a fraction counts
CREATE ROLE regress_verdicts;
SELECT mint.token('{"iss": "https://lax.test", "iat": 1700000000.25, "exp": 4102444800.5}') AS fractions,
       mint.token('{"iss": "https://lax.test", "exp": 1700000000.999999}') AS fractions_expired \gset
UPDATE token_auth.issuer SET namespace = '' WHERE issuer = 'https://lax.test';
SELECT mint.verdict(:'fractions_expired');
SET ROLE regress_verdicts;
BEGIN;
SELECT token_auth.set_local_token(:'fractions');
SELECT token_auth.issued_at() = to_timestamp(1700000000.25), token_auth.expires_at() = to_timestamp(4102444800.5);
COMMIT;
RESET ROLE;

-- token_missing: a scope is required, or the setting says that nobody goes without
SET ROLE regress_verdicts;
SELECT token_auth.require_scope('orders:read');
SELECT token_auth.subject();
RESET ROLE;
SET token_auth.on_missing = 'error';
SET ROLE regress_verdicts;
SELECT token_auth.subject();
SELECT token_auth.has_scope('orders:read');
SELECT mint.outcome('SELECT token_auth.claims()');
BEGIN;
SELECT token_auth.set_local_token(mint.token());
SELECT token_auth.subject(), token_auth.require_scope('orders:read');
COMMIT;
SELECT mint.outcome('SELECT token_auth.subject()');
RESET ROLE;
RESET token_auth.on_missing;

-- token_changed: one statement, one token
SELECT mint.token() AS alice, mint.token('{"sub": "bob"}') AS bob \gset
SET ROLE regress_verdicts;
BEGIN;
SELECT token_auth.set_local_token(:'alice');
SAVEPOINT before;
SELECT token_auth.subject(), token_auth.set_local_token(:'bob'), token_auth.subject();
ROLLBACK TO before;
SELECT token_auth.subject(), token_auth.set_local_token(NULL), token_auth.subject();
ROLLBACK TO before;
SELECT token_auth.subject(), token_auth.set_local_token(:'alice'), token_auth.subject();
SELECT token_auth.set_local_token(:'bob');
SELECT token_auth.subject();
COMMIT;
RESET ROLE;

SELECT count(token_auth.drop_issuer(issuer)) FROM token_auth.issuer;
DELETE FROM token_auth.revocation WHERE issuer = 'https://idp.test';
DROP ROLE regress_verdicts;
