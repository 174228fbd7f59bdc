# A revocation that is being rewritten all the time is never overlooked: each
# look meets the row as it was or as it is.
#
# This cannot be seen in one try. Where a look can miss both, some of these do.
use strict;
use warnings;
use FindBin;
use lib "$FindBin::Bin/../perl";
use PostgreSQL::Test::Cluster;
use PostgreSQL::Test::Utils;
use Test::More;
use TestServer;
use TokenAuth;

my $node = new_server('moving', 'log_min_messages = fatal');
install($node);
my ($banned, $free) = (new_token(sub => 'banned'), new_token(sub => 'free'));
$node->safe_psql('postgres', q{
	SELECT token_auth.revoke_subject('idp', 'banned', 'infinity');
	INSERT INTO token_auth.revocation (issuer, kind, value, source, issued_until)
	VALUES ('https://idp.example.com', 'subject', 'banned', 'feed', '2000-01-01'),
	       ('https://idp.example.com', 'subject', 'free', 'feed', '2000-01-01');

	-- until the flag is taken away
	CREATE TABLE flag AS SELECT 1;
	CREATE PROCEDURE rewrite(source text) LANGUAGE plpgsql AS $$
	BEGIN
		WHILE EXISTS (SELECT FROM flag) LOOP
			UPDATE token_auth.revocation AS r SET reason = repeat('x', (random() * 1000)::int)
			WHERE r.source = rewrite.source;
			COMMIT;
		END LOOP;
	END
	$$;
	-- inspect() looks each time, whatever it saw before
	CREATE FUNCTION accepted(token text, times int) RETURNS bigint LANGUAGE sql AS $$
		SELECT count(*)
		FROM generate_series(1, times) AS i, token_auth.inspect(left(token, i + length(token))) AS t
		WHERE t.step = 'revocation' AND t.outcome = 'pass'
	$$;
});

my @writers = map { connect_to($node) } 1 .. 2;
my @readers = map { connect_to($node) } 1 .. 2;
$writers[0]->start("CALL rewrite('manual')");
$writers[1]->start("CALL rewrite('feed')");
for my $round (1 .. 6)
{
	$_->start("SELECT accepted('$banned', 2000)") for @readers;
	is($_->finish, '0', "round $round: a banned subject is refused every time") for @readers;
	$node->safe_psql('postgres', 'VACUUM token_auth.revocation');
}
$readers[0]->start("SELECT accepted('$free', 500)");
is($readers[0]->finish, '500', 'one whose rows do not cover it is accepted every time');
$node->safe_psql('postgres', 'DELETE FROM flag');
$_->finish, $_->quit for @writers;
$_->quit for @readers;

stop_servers($node);
done_testing();
