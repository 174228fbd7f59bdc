# The tokens and keys that the other tests make are what the RFCs say:
# openssl and published vectors agree with TokenAuth.pm.
use strict;
use warnings;
use File::Temp qw(tempdir);
use FindBin;
use lib "$FindBin::Bin/../perl";
use JSON::PP qw(decode_json);
use Test::More;
use TokenAuth;

my $folder = tempdir(CLEANUP => 1);

sub file
{
	my ($name, $content) = @_;
	open my $file, '>:raw', "$folder/$name" or die "$name: $!";
	print $file $content;
	close $file or die "$name: $!";
	return "$folder/$name";
}

# Does openssl take this signature under the public half of a key?
sub verifies
{
	my ($key, $token) = @_;
	my ($input, $signature) = $token =~ /^(.*)\.([^.]*)$/;
	my $public = "$folder/public.pem";
	my $input_file = file('input', $input);
	my $raw = base64url_decode($signature);
	my $signature_file = file('signature', $key->{alg} eq 'ES256' ? signature_der($raw) : $raw);

	system("openssl pkey -in $key->{pem} -pubout -out $public") == 0 or die;
	my $command = $key->{alg} eq 'EdDSA'
	  ? "openssl pkeyutl -verify -rawin -pubin -inkey $public -in $input_file -sigfile $signature_file"
	  : "openssl dgst -sha256 -verify $public -signature $signature_file $input_file";
	return system("$command >/dev/null 2>&1") == 0;
}

my %signature_size = (RS256 => 256, ES256 => 64, EdDSA => 64);

for my $alg (sort keys %signature_size)
{
	my $key = keypair($alg);
	my $token = mint($key, default_claims(sub => 'bob'));
	(my $tampered = $token) =~ s/\.(.)/'.' . ($1 eq 'e' ? 'f' : 'e')/e;

	ok(!verifies($key, $tampered), "$alg: a changed payload does not verify");
	ok(!verifies(keypair($alg), $token), "$alg: another key does not verify");
	ok(verifies($key, $token), "$alg: openssl verifies");
	is(length(base64url_decode((split /\./, $token)[2])), $signature_size{$alg},
		"$alg: the signature is as long as JWA says");
	is_deeply(header($token), { typ => 'at+jwt', alg => $alg, kid => $key->{kid} },
		"$alg: the header names the key");
	is(payload($token)->{sub}, 'bob', "$alg: the claims are those given");
	ok(!exists $key->{jwk}{d}, "$alg: the JWK is the public half");
}

# r and s are 32 octets each, whatever zeros they begin with (RFC 7518 section 3.4).
for my $r ("\x7f" x 32, "\xff" x 32, "\0" x 31 . "\x01", "\0\x80" . "\x11" x 30)
{
	my $raw = $r . "\0\0" . "\x22" x 30;
	is(unpack('H*', TokenAuth::signature_raw(signature_der($raw))), unpack('H*', $raw),
		'ES256: from raw to DER and back: ' . unpack('H8', $r));
}
my $parsed = `openssl asn1parse -inform DER -in @{[ file('der', signature_der("\0\x80" . "\x11" x 62)) ]}`;
like($parsed, qr/INTEGER +:80(?:11){30}$/m, 'ES256: DER integers are minimal and positive');

# The members of the JWKs against what openssl prints of the same key.
my $rsa = keypair('RS256');
is(length(base64url_decode($rsa->{jwk}{n})), 256, 'RS256: n has no leading zero');
my ($ec, $ed) = (keypair('ES256'), keypair('EdDSA', kid => 'mine', use => undef));
my $ec_text = `openssl pkey -in $ec->{pem} -noout -text`;
(my $ec_point) = $ec_text =~ /pub:\s*((?:[0-9a-f]{2}[:\s]*)+)/;
$ec_point =~ s/[^0-9a-f]//g;
is('04' . unpack('H*', join '', map { base64url_decode($ec->{jwk}{$_}) } qw(x y)), $ec_point,
	'ES256: x and y are the point');
my ($ed_point) = `openssl pkey -in $ed->{pem} -noout -text` =~ /pub:\s*((?:[0-9a-f]{2}[:\s]*)+)/;
$ed_point =~ s/[^0-9a-f]//g;
is(unpack('H*', base64url_decode($ed->{jwk}{x})), $ed_point, 'EdDSA: x is the point');

my $set = decode_json(jwks($rsa, $ed, oct_jwk('secret', kid => 'shared')));
is_deeply([ map { $_->{kid} } @{ $set->{keys} } ], [ $rsa->{kid}, 'mine', 'shared' ],
	'a JWK Set holds the keys given');
ok(!exists $set->{keys}[1]{use}, 'undef takes a member of a JWK away');

# RFC 7515 appendix A.1: texts are used to the byte.
my $secret = base64url_decode(
	'AyM1SysPpbyDfgZld3umj1qzKObwVMkoqQ-EstJQLr_T-1qS0gZH75aKtMN3Yj0iPS4hcgUuTwjAzZr1Z9CAow');
is( mint_hs256(
		qq({"typ":"JWT",\r\n "alg":"HS256"}),
		qq({"iss":"joe",\r\n "exp":1300819380,\r\n "http://example.com/is_root":true}),
		$secret),
	'eyJ0eXAiOiJKV1QiLA0KICJhbGciOiJIUzI1NiJ9'
	  . '.eyJpc3MiOiJqb2UiLA0KICJleHAiOjEzMDA4MTkzODAsDQogImh0dHA6Ly9leGFtcGxlLmNvbS9pc19yb290Ijp0cnVlfQ'
	  . '.dBjftJeZ4CVP-mB92K27uhbUJU1p1r_wW1gFWFOEjXk',
	'HS256: the token of RFC 7515 appendix A.1');

my $claims = payload(mint_hs256({ typ => undef }, default_claims(jti => undef, exp => 5), 'x' x 32));
ok(!exists $claims->{jti}, 'undef takes a claim away');
is($claims->{exp}, 5, 'a claim given replaces the default');
ok(abs($claims->{iat} - time) < 60, 'iat is now');
ok(!exists header(mint_hs256({ typ => undef }, {}, 'x' x 32))->{typ}, 'undef takes a header member away');
isnt(payload(mint($ec, default_claims()))->{jti}, payload(mint($ec, default_claims()))->{jti},
	'no two tokens have one jti');

done_testing();
