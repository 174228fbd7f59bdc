-- CREATE EXTENSION needs no preload and no other setting, takes no schema that is there already, and hands nothing out
\set VERBOSITY terse
\getenv srcdir PG_ABS_SRCDIR
\set minting :srcdir '/test/minting.sql'

-- refused: a schema of that name, made by somebody before
CREATE SCHEMA token_auth;
CREATE EXTENSION token_auth;
DROP SCHEMA token_auth;

-- default privileges of the installing role give nobody a part in it
CREATE ROLE install_app;
ALTER DEFAULT PRIVILEGES GRANT EXECUTE ON FUNCTIONS TO install_app;
ALTER DEFAULT PRIVILEGES GRANT ALL ON TABLES TO install_app;
ALTER DEFAULT PRIVILEGES GRANT ALL ON SCHEMAS TO install_app;
CREATE EXTENSION token_auth;
SELECT has_function_privilege('install_app', 'token_auth.add_secret(text, bytea, text, text)', 'EXECUTE') AS may_add_a_secret,
       has_table_privilege('install_app', 'token_auth.secret', 'SELECT') AS may_read_secrets,
       has_table_privilege('install_app', 'token_auth.revocation', 'DELETE') AS may_delete_revocations,
       has_schema_privilege('install_app', 'token_auth', 'CREATE') AS may_create,
       has_function_privilege('install_app', 'token_auth.subject()', 'EXECUTE') AS may_read_the_subject;
DROP EXTENSION token_auth;
ALTER DEFAULT PRIVILEGES REVOKE EXECUTE ON FUNCTIONS FROM install_app;
ALTER DEFAULT PRIVILEGES REVOKE ALL ON TABLES FROM install_app;
ALTER DEFAULT PRIVILEGES REVOKE ALL ON SCHEMAS FROM install_app;
DROP ROLE install_app;

CREATE EXTENSION token_auth;

-- no token, no identity
SELECT token_auth.is_authenticated(), token_auth.subject(), token_auth.has_scope('orders:read');

SET client_min_messages = warning;
\set ECHO none
\i :minting
\set ECHO all
SELECT mint.issuer(), token_auth.verify(mint.token()) ->> 'sub' AS subject, token_auth.drop_issuer('https://idp.test');
