# TokenAuth.pm
#	Tokens and keys for the tests, made without the extension: core Perl and
#	the openssl command.
#
#	use FindBin;
#	use lib "$FindBin::Bin/../perl";
#	use TokenAuth;
#
#	my $key = keypair('ES256');
#	my $token = mint($key, default_claims(sub => 'alice', scope => 'orders:read'));
#	my $document = jwks($key);
#
# Headers and claims are hashes, where undef takes a member away, or texts,
# which are used to the byte.
package TokenAuth;
use strict;
use warnings;
use Carp qw(croak);
use Digest::SHA qw(hmac_sha256 sha256);
use Exporter qw(import);
use File::Temp qw(tempdir);
use JSON::PP ();
use MIME::Base64 qw(decode_base64url encode_base64url);

our @EXPORT = qw(base64url base64url_decode default_claims header jwks keypair
  mint mint_hs256 oct_jwk payload sign signature_der);

my $json = JSON::PP->new->canonical->utf8;

# How openssl makes and signs with the keys of an algorithm.
my %algorithms = (
	RS256 => {
		generate => [qw(-algorithm RSA -pkeyopt rsa_keygen_bits:2048)],
		jwk => \&rsa_members,
		sign => \&digest_signature,
	},
	ES256 => {
		generate => [qw(-algorithm EC -pkeyopt ec_paramgen_curve:P-256)],
		jwk => \&ec_members,
		sign => sub { return signature_raw(digest_signature(@_)) },
	},
	EdDSA => {
		generate => [qw(-algorithm ED25519)],
		jwk => \&ed25519_members,
		sign => \&raw_signature,
	},
);
my $folder;
my $n_keys = 0;

sub base64url { return encode_base64url($_[0], '') }
sub base64url_decode { return decode_base64url($_[0]) }

# Claims that every check passes but for what is given; times are seconds
# since 1970.
sub default_claims
{
	my (%claims) = @_;
	my $now = time;
	return {
		iss => 'https://idp.example.com',
		sub => 'alice',
		aud => 'orders-api',
		iat => $now,
		exp => $now + 3600,
		jti => 'token-' . base64url(sha256(join "\0", $now, $$, rand)),
		scope => 'orders:read',
		%claims,
	};
}

# A key pair of its own: {alg, kid, pem => path of the private key, jwk => the
# public one as a hash}. Members given are the JWK's; undef takes one away.
sub keypair
{
	my ($alg, %members) = @_;
	my $algorithm = $algorithms{$alg} or croak "no algorithm $alg";
	my $name = lc($alg) . '-' . ++$n_keys;
	my $kid = exists $members{kid} ? $members{kid} : $name;
	my $pem = scratch_path("$name.pem");

	openssl('genpkey', '-quiet', @{ $algorithm->{generate} }, '-out', $pem);
	return {
		alg => $alg,
		kid => $kid,
		pem => $pem,
		jwk => without_undef({
			$algorithm->{jwk}->($pem),
			kid => $kid, alg => $alg, use => 'sig', %members }),
	};
}

# A secret as a JWK.
sub oct_jwk
{
	my ($secret, %members) = @_;
	return without_undef({ kty => 'oct', k => base64url($secret), alg => 'HS256', %members });
}

# The JWK Set of these keys (of keypair, or JWKs), as text.
sub jwks
{
	return $json->encode({ keys => [ map { $_->{jwk} || $_ } @_ ] });
}

# A token signed with a key of keypair.
sub mint
{
	my ($key, $claims, $header) = @_;
	my $input = signing_input({ alg => $key->{alg}, kid => $key->{kid} }, $header, $claims);
	return "$input." . base64url(sign($key, $input));
}

# A token signed with a secret.
sub mint_hs256
{
	my ($header, $claims, $secret) = @_;
	my $input = signing_input({ alg => 'HS256' }, $header, $claims);
	return "$input." . base64url(hmac_sha256($input, $secret));
}

# The header and the claims that a token states, as hashes.
sub header { return $json->decode(base64url_decode((split /\./, $_[0])[0])) }
sub payload { return $json->decode(base64url_decode((split /\./, $_[0])[1])) }

# The signature of some bytes, as JWS has it.
sub sign
{
	my ($key, $bytes) = @_;
	return $algorithms{ $key->{alg} }{sign}->($key->{pem}, $bytes);
}

# A JWS ECDSA signature (r and s, 32 octets each) as DER, for openssl.
sub signature_der
{
	my ($raw) = @_;
	my $integers = '';
	for my $integer (unpack 'a32 a32', $raw)
	{
		$integer =~ s/^\0+(?=.)//s;
		$integer = "\0$integer" if ord($integer) >= 0x80;
		$integers .= pack 'C C/a*', 2, $integer;
	}
	return pack 'C C/a*', 0x30, $integers;
}

sub signature_raw
{
	my ($der) = @_;
	my (undef, $body) = unpack 'C C/a*', $der;
	my @integers = unpack '(x C/a*)2', $body;
	return join '', map { substr("\0" x 32 . $_, -32) } @integers;
}

sub signing_input
{
	my ($header, $overrides, $claims) = @_;
	$header = ref $overrides || !defined $overrides
	  ? { typ => 'at+jwt', %$header, %{ $overrides || {} } } : $overrides;
	return join '.', map { base64url(ref $_ ? $json->encode(without_undef($_)) : $_) } $header, $claims;
}

sub without_undef
{
	my ($hash) = @_;
	return { map { $_ => $hash->{$_} } grep { defined $hash->{$_} } keys %$hash };
}

sub rsa_members
{
	my ($pem) = @_;
	my ($hex) = openssl('rsa', '-in', $pem, '-noout', '-modulus') =~ /^Modulus=([0-9A-F]+)/m;
	return (kty => 'RSA', n => base64url(pack 'H*', $hex), e => 'AQAB');
}

# An SPKI ends with the point: x and y, or the Edwards point.
sub ec_members
{
	my ($pem) = @_;
	my ($x, $y) = unpack 'a32 a32', substr(public_der($pem), -64);
	return (kty => 'EC', crv => 'P-256', x => base64url($x), y => base64url($y));
}

sub ed25519_members
{
	my ($pem) = @_;
	return (kty => 'OKP', crv => 'Ed25519', x => base64url(substr(public_der($pem), -32)));
}

sub public_der
{
	my ($pem) = @_;
	return openssl('pkey', '-in', $pem, '-pubout', '-outform', 'DER');
}

sub digest_signature
{
	my ($pem, $bytes) = @_;
	return openssl('dgst', '-sha256', '-sign', $pem, scratch_file($bytes));
}

sub raw_signature
{
	my ($pem, $bytes) = @_;
	return openssl('pkeyutl', '-sign', '-rawin', '-inkey', $pem, '-in', scratch_file($bytes));
}

# A path in a folder of the test's own.
sub scratch_path
{
	my ($name) = @_;
	$folder ||= tempdir(CLEANUP => 1);
	return "$folder/$name";
}

# A file there that holds some bytes.
sub scratch_file
{
	my ($bytes) = @_;
	my $path = scratch_path('input');
	open my $file, '>:raw', $path or croak "$path: $!";
	print $file $bytes;
	close $file or croak "$path: $!";
	return $path;
}

# What an openssl command prints.
sub openssl
{
	my (@arguments) = @_;
	open my $pipe, '-|:raw', 'openssl', @arguments or croak "openssl: $!";
	my $output = do { local $/; <$pipe> };
	close $pipe or croak "openssl @arguments failed";
	return $output;
}

1;
