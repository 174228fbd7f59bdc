# shellcheck shell=bash
#
# minting.sh
#	Keys and tokens with the openssl command alone. Sourced by demo.
#
# Files in the current folder: NAME.pem is a private key, NAME.alg its
# algorithm (RFC 7518 section 3.1).

base64url()
{
	openssl base64 -A | tr '+/' '-_' | tr -d '='
}

unhex()
{
	tr -d '\n' | perl -e 'print pack "H*", <STDIN>'
}

# Make a key pair.
key_pair()	# name algorithm
{
	local options
	case $2 in
		RS256) options="-algorithm RSA -pkeyopt rsa_keygen_bits:2048" ;;
		ES256) options="-algorithm EC -pkeyopt ec_paramgen_curve:P-256" ;;
	esac
	# shellcheck disable=SC2086
	openssl genpkey -quiet $options -out "$1.pem" && echo "$2" >"$1.alg"
}

# Print the public half as a JSON Web Key Set (RFC 7517).
jwk_set()	# name
{
	local algorithm members x y
	algorithm=$(cat "$1.alg")
	case $algorithm in
		RS256)
			x=$(openssl rsa -in "$1.pem" -noout -modulus | cut -d= -f2 | unhex | base64url)
			members="\"kty\":\"RSA\",\"n\":\"$x\",\"e\":\"AQAB\""
			;;
		ES256)
			# the encoded key ends with the point: x and y, 32 octets each
			x=$(openssl pkey -in "$1.pem" -pubout -outform DER | tail -c 64 | head -c 32 | base64url)
			y=$(openssl pkey -in "$1.pem" -pubout -outform DER | tail -c 32 | base64url)
			members="\"kty\":\"EC\",\"crv\":\"P-256\",\"x\":\"$x\",\"y\":\"$y\""
			;;
	esac
	echo "{\"keys\":[{$members,\"kid\":\"$1-1\",\"alg\":\"$algorithm\",\"use\":\"sig\"}]}"
}

# Sign standard input: the octets of a JWS signature.
signature()	# name
{
	case $(cat "$1.alg") in
		RS256) openssl dgst -sha256 -sign "$1.pem" ;;
		ES256)
			# from DER to r and s, 32 octets each (RFC 7518 section 3.4)
			openssl dgst -sha256 -sign "$1.pem" | openssl asn1parse -inform DER |
				awk -F: '/INTEGER/ { printf "%64s", $NF }' | tr ' ' 0 | unhex
			;;
	esac
}

# Print a signed token (RFC 7515 section 7.1).
token()	# name claims
{
	local input
	input=$(printf '{"typ":"at+jwt","alg":"%s","kid":"%s-1"}' "$(cat "$1.alg")" "$1" | base64url)
	input=$input.$(printf %s "$2" | base64url)
	echo "$input.$(printf %s "$input" | signature "$1" | base64url)"
}
