-- CREATE EXTENSION needs no preload and no other setting, and takes no schema that is there already
\set VERBOSITY terse
\getenv srcdir PG_ABS_SRCDIR
\set minting :srcdir '/test/minting.sql'

-- refused: a schema of that name, made by somebody before
CREATE SCHEMA token_auth;
CREATE EXTENSION token_auth;
DROP SCHEMA token_auth;

CREATE EXTENSION token_auth;

-- no token, no identity
SELECT token_auth.is_authenticated(), token_auth.subject(), token_auth.has_scope('orders:read');

SET client_min_messages = warning;
\i :minting
