# In databases that do not speak UTF-8, claims are read in the database's
# encoding, what it cannot represent is refused, and revocations by such names
# find their tokens.
use strict;
use warnings;
use FindBin;
use lib "$FindBin::Bin/../perl";
use PostgreSQL::Test::Cluster;
use PostgreSQL::Test::Utils;
use Test::More;
use TestServer qw(:DEFAULT outcome);
use TokenAuth;

my $node = new_server('encoding', 'token_auth.binding = session');
$node->safe_psql('postgres', 'CREATE ROLE app LOGIN');

# The sessions speak UTF-8 where that can be converted; text below is in bytes.
my $name = "Ren\xc3\xa9e";    # two bytes in UTF-8, one in LATIN1
my $euro = "\xe2\x82\xac";    # not in LATIN1
my $long = "\xc3\xa9" x 600;    # above 512 bytes in each of them

# Claims are made as text: a Perl string of bytes would be encoded once more.
sub token
{
	my ($subject, %more) = @_;
	my $claims = join ',', map { "\"$_\":$more{$_}" } sort keys %more;
	my $now = time;
	return mint_hs256('{"alg":"HS256","typ":"JWT","kid":"first"}',
		qq({"iss":"https://idp.example.com","aud":"orders-api","iat":$now,"exp":) . ($now + 600)
		  . qq(,"client_id":"shop","sub":"$subject") . ($claims ne '' ? ",$claims" : '') . '}',
		test_secret());
}

for my $encoding (qw(LATIN1 EUC_JP SQL_ASCII UTF8))
{
	my $database = lc $encoding;
	$node->safe_psql('postgres', "CREATE DATABASE $database ENCODING '$encoding' LOCALE 'C' TEMPLATE template0");
	install($node, $database);
	my $session = connect_to($node, user => 'app', dbname => $database);
	my $administrator = connect_to($node, dbname => $database);
	if ($encoding ne 'SQL_ASCII')
	{
		$_->query("SET client_encoding = 'UTF8'") for $session, $administrator;
	}

	# refused: what has no character there
	my $lacks = $encoding eq 'LATIN1' ? $euro : $encoding eq 'EUC_JP' ? "\xf0\x9f\x98\x80" : undef;
	if (defined $lacks)
	{
		is(outcome($session, "SELECT token_auth.set_session_token('" . token("x$lacks") . "')"), '28T09',
			"$encoding: a subject with a character that it lacks is refused");
		is(outcome($session, "SELECT token_auth.set_session_token('" . token('x', note => "\"$lacks\"") . "')"), '28T09',
			'... and any other claim');
		is(outcome($session, "SELECT token_auth.set_session_token('" . token('x', note => '"' . ($encoding eq 'LATIN1' ? '\\u20ac' : '\\ud83d\\ude00') . '"') . "')"), '28T09',
			'... also as an escape');
	}
	is(outcome($session, "SELECT token_auth.set_session_token('" . token("\xc3\x28") . "')"), '28T00', "$encoding: bytes that are no UTF-8 are refused");
	is(outcome($session, "SELECT token_auth.set_session_token('" . token('a\\u0000b') . "')"), '28T00', '... and a NUL');

	# refused: what has the same character there as another; two people would be one
	if ($encoding eq 'EUC_JP')
	{
		is(outcome($session, "SELECT token_auth.set_session_token('" . token("alice\xef\xbf\xa4") . "')"), "alice\xef\xbf\xa4", "$encoding: a character that stands for two");
		is(outcome($session, "SELECT token_auth.set_session_token('" . token("alice\xc2\xa6") . "')"), '28T09', '... is the one that it is read as, and not the other');
		is(outcome($session, "SELECT token_auth.set_session_token('" . token('alice\\u00a6') . "')"), '28T09', '... nor as an escape');
		is(outcome($session, "SELECT token_auth.set_session_token('" . token('x', "k\xc2\xa6" => 1, "k\xef\xbf\xa4" => 2) . "')"), '28T09', '... nor in the name of a claim');
	}

	# numbers are read as they are written, whatever stands beside them
	for my $beside ('"x"', '"\\u0041"', '"\\u00e9"')
	{
		is(outcome($session, "SELECT token_auth.set_session_token('"
			. token('x', teams => '[9007199254740993.0]', amount => '0.10', large => '12345678901234567890.5', note => $beside) . "')"), 'x', "$encoding: numbers beside $beside");
		is(outcome($session, q{SELECT token_auth.in_claim(9007199254740993, 'teams'), token_auth.in_claim(9007199254740992, 'teams'), token_auth.claim('amount'), token_auth.claim('large')}),
			't|f|0.10|12345678901234567890.5', '... are read exactly');
	}

	# read
	is(outcome($session, "SELECT token_auth.set_session_token('" . token($name) . "')"), $name, "$encoding: a name that it has");
	is(outcome($session, 'SELECT token_auth.subject()'), $name, '... is the subject');
	is(outcome($session, "SELECT token_auth.claims() ->> 'sub'"), $name, '... in the claims, too');
	is(outcome($session, "SELECT token_auth.claim('sub') = '$name'"), 't', '... and equal');
	is(outcome($session, "SELECT token_auth.set_session_token('" . token('Ren\\u00e9e') . "')"), $name, '... also as an escape');

	# revoked
	is(outcome($administrator, "SELECT token_auth.revoke_subject('idp', 'Rene'), token_auth.revoke_subject('idp', 'Renee')"), 't|t', 'a like name is revoked');
	is(outcome($session, 'SELECT token_auth.subject()'), $name, '... which is another');
	is(outcome($administrator, "SELECT token_auth.revoke_subject('idp', '$name')"), 't', 'it is revoked itself');
	is(outcome($session, 'SELECT token_auth.subject()'), '28T10', '... and refused');
	is(outcome($session, "SELECT token_auth.set_session_token('" . token('Ren\\u00e9e') . "')"), '28T10', '... in either spelling');

	is(outcome($session, "SELECT token_auth.set_session_token('" . token($long) . "') = '$long'"), 't', "$encoding: a long subject");
	is(outcome($administrator, "SELECT token_auth.revoke_subject('idp', '$long')"), 't', '... is revoked');
	is(outcome($administrator, "SELECT count(*) FROM token_auth.revocation WHERE value LIKE 'sha256:%'"), '1', '... by its hash');
	is(outcome($session, 'SELECT token_auth.subject()'), '28T10', '... and refused');
	is(outcome($administrator, "SELECT token_auth.reinstate('idp', 'subject', '$long')"), 't', '... and reinstated');
	is(outcome($session, "SELECT token_auth.subject() = '$long'"), 't', '... and good again');
	$_->quit for $session, $administrator;
}

stop_servers($node);
done_testing();
