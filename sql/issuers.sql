-- a row of token_auth.issuer that would loosen a rule by a slip, or could not be used, is refused however it is written
\set VERBOSITY terse
\pset format unaligned
\pset tuples_only on
SET client_min_messages = warning;
SELECT mint.issuer();

SELECT assignment || ': ' || regexp_replace(mint.outcome('UPDATE token_auth.issuer SET ' || assignment), ' Failing row .*| for relation "issuer"', '', 'g')
FROM unnest(ARRAY[
    $$audiences = NULL$$, $$audiences = '{}'$$, $$audiences = '{""}'$$, $$audiences = '{NULL}'$$, $$audiences = '{*,orders-api}'$$, $$audiences = '{{a},{b}}'$$,
    $$audience_claim = NULL$$, $$audience_claim = ''$$, $$audience_claim = 'aud||azp'$$,
    $$clients = '{NULL}'$$, $$clients = '{""}'$$,
    $$algorithms = NULL$$, $$algorithms = '{}'$$, $$algorithms = '{none}'$$, $$algorithms = '{rs256}'$$, $$algorithms = '{NULL}'$$,
    $$token_types = '{}'$$, $$token_types = '{NULL}'$$,
    $$required_claims = NULL$$, $$required_claims = '{NULL}'$$, $$required_claims = '{""}'$$, $$required_claims = '{a|}'$$,
    $$claim_constraints = NULL$$, $$claim_constraints = 'null'$$, $$claim_constraints = '[]'$$, $$claim_constraints = '"tid"'$$,
    $$claim_constraints = '{"tid": []}'$$, $$claim_constraints = '{"tid": [["a"]]}'$$, $$claim_constraints = '{"!role": {}}'$$, $$claim_constraints = '{"!": 1}'$$,
    $$leeway = NULL$$, $$leeway = '-1 second'$$, $$leeway = '301 seconds'$$,
    $$max_lifetime = '0'$$, $$max_lifetime = '-1 hour'$$, $$max_lifetime = '1 month'$$, $$max_lifetime = '40000 days'$$,
    $$max_age = '0'$$, $$max_age = '-1 hour'$$, $$max_age = '1 year'$$, $$max_age = '2147483647 days'$$,
    $$subject_claim = '{}'$$, $$subject_claim = '{NULL}'$$, $$subject_claim = '{""}'$$, $$client_claim = '{}'$$, $$token_id_claim = '{}'$$,
    $$session_claim = '{}'$$, $$device_claim = '{}'$$, $$database_role_claim = '{}'$$, $$database_roles = '{NULL}'$$, $$database_roles = NULL$$,
    $$scope_claims = NULL$$, $$scope_claims = 'null'$$, $$scope_claims = '{}'$$, $$scope_claims = '["scope"]'$$, $$scope_claims = '[[]]'$$, $$scope_claims = '[[1]]'$$, $$scope_claims = '[[""]]'$$,
    $$role_claims = NULL$$, $$role_claims = '"roles"'$$, $$role_claims = '["roles"]'$$, $$role_claims = '[["roles"], []]'$$,
    $$purposes = NULL$$, $$purposes = '{}'$$, $$purposes = '{access}'$$, $$purposes = '{NULL}'$$,
    $$enabled = NULL$$, $$namespace = NULL$$, $$name = ''$$, $$name = repeat('x', 513)$$, $$issuer = NULL$$, $$issuer = repeat('x', 513)$$, $$namespace = repeat('x', 513)$$,
    $$jwks_uri = 'http://idp.test/jwks'$$, $$jwks_uri = 'https://'$$, $$jwks_uri = 'http://localhost.idp.test/jwks'$$, $$jwks_uri = 'file:///etc/passwd'$$, $$jwks_uri = ''$$
    ]) AS assignment;
SELECT count(*) AS unchanged FROM token_auth.issuer WHERE issuer = 'https://idp.test' AND audiences = '{orders-api}' AND max_lifetime = '25 hours';
SELECT mint.verdict(mint.token());

-- neighbours
SELECT assignment || ': ' || mint.outcome('UPDATE token_auth.issuer SET ' || assignment)
FROM unnest(ARRAY[
    $$audiences = '{*}'$$, $$audiences = '{orders-api,bills}'$$, $$audience_claim = 'client_id|aud'$$, $$clients = NULL$$, $$clients = '{}'$$, $$clients = '{shop}'$$,
    $$token_types = NULL$$, $$token_types = '{""}'$$, $$required_claims = '{}'$$, $$required_claims = '{exp,scope|scp}'$$,
    $$claim_constraints = '{}'$$, $$claim_constraints = '{"tid": ["a", null], "!role": ["b"], "c": {"d": 1}}'$$,
    $$leeway = '0'$$, $$leeway = '5 minutes'$$, $$max_lifetime = NULL$$, $$max_lifetime = '36000 days'$$, $$max_age = '1 microsecond'$$, $$max_age = NULL$$,
    $$subject_claim = NULL$$, $$subject_claim = '{oid|sub}'$$, $$scope_claims = '[]'$$, $$role_claims = '[["a", "b"], ["c|d"]]'$$,
    $$jwks_uri = 'https://idp.test/jwks'$$, $$jwks_uri = 'http://localhost:8080/jwks'$$, $$jwks_uri = 'http://[::1]/jwks'$$, $$jwks_uri = NULL$$
    ]) AS assignment;
SELECT count(token_auth.drop_issuer(issuer)) FROM token_auth.issuer;
