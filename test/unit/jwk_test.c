/* A key is refused if anybody but its owner could sign with it (RFC 7517, 7518, 8037). */
#include "test.h"

#include <openssl/bn.h>
#include <openssl/core_names.h>
#include <openssl/evp.h>
#include <openssl/pem.h>
#include <openssl/rsa.h>
#include <openssl/x509.h>
#include <stdlib.h>

#include "core/base64url.h"
#include "core/jwk.h"
#include "test_sign.h"

/* RFC 7517 A.1, RFC 7515 A.3, RFC 8037 A.2, RFC 7515 A.1 */
#define RSA_N "0vx7agoebGcQSuuPiLJXZptN9nndrQmbXEps2aiAFbWhM78LhWx4cbbfAAtVT86zwu1RK7aPFFxuhDR1L6tSoc_BJECPebWKRXjBZCiFV4n3oknjhMstn64tZ_2W-5JsGY4Hc5n9yBXArwl93lqt7_RN5w6Cf0h4QyQ5v-65YGjQR0_FDW2QvzqY368QQMicAtaSqzs8KJZgnYb9c7d0zgdAZHzu6qMQvRL5hajrn1n91CbOpbISD08qNLyrdkt-bFTWhAI4vMQFh6WeZu0fM4lFd2NcRwr3XPksINHaQ-G_xBniIqbw0Ls1jF44-csFCur-kEgU8awapJzKnqDKgw"
#define EC_X "f83OJ3D2xF1Bg8vub9tLe1gHMzV76e8Tus9uPHvRVEU"
#define EC_Y "x_FEzRu9m36HLN_tue659LNpXW6pCyStikYjKIWI5a0"
#define OKP_X "11qYAYKxCrfVS_7TyWQHOg7hcvPapiMlrwIaaPcHURo"
#define OCT_K "AyM1SysPpbyDfgZld3umj1qzKObwVMkoqQ-EstJQLr_T-1qS0gZH75aKtMN3Yj0iPS4hcgUuTwjAzZr1Z9CAow"

#define RSA "\"kty\":\"RSA\",\"n\":\"" RSA_N "\",\"e\":\"AQAB\""
#define EC "\"kty\":\"EC\",\"crv\":\"P-256\",\"x\":\"" EC_X "\",\"y\":\"" EC_Y "\""
#define OKP "\"kty\":\"OKP\",\"crv\":\"Ed25519\",\"x\":\"" OKP_X "\""
#define OCT "\"kty\":\"oct\",\"k\":\"" OCT_K "\""

static const JwkPolicy any_public = {0};
static const JwkPolicy any_secret = {.symmetric = true};
static const JwkPolicy any_type = {.any_type = true};

static Verdict
parse(const char *text, const JwkPolicy *policy, Detail *detail)
{
	Jwk		   *jwk;
	Verdict		verdict = jwk_parse(text, strlen(text), policy, &jwk, detail);

	if ((jwk != NULL) != (verdict == VERDICT_OK))
		printf("# a key without VERDICT_OK, or the reverse\n");
	jwk_free(jwk);
	return verdict;
}

static void
refuse(const char *text, const JwkPolicy *policy, Verdict expected, const char *word, const char *name)
{
	Detail		detail;

	CHECK_VERDICT(parse(text, policy, &detail), &detail, expected, name);
	CHECK_DETAIL(&detail, word);
}

static void
accept(const char *text, const JwkPolicy *policy, const char *name)
{
	Detail		detail;

	CHECK_VERDICT(parse(text, policy, &detail), &detail, VERDICT_OK, name);
}

static void
test_private(void)
{
	static const char *const members[] = {"d", "p", "q", "dp", "dq", "qi", "oth", "priv", "k"};
	char		text[2000];
	char		word[16];

	for (size_t i = 0; i < sizeof(members) / sizeof(members[0]); i++)
	{
		snprintf(text, sizeof(text), "{" EC ",\"%s\":null}", members[i]);
		snprintf(word, sizeof(word), "\"%s\"", members[i]);
		refuse(text, &any_public, VERDICT_MALFORMED, word, "a private member");
		refuse(text, &any_type, VERDICT_MALFORMED, word, "a private member, any type");
	}
	refuse("{" OCT ",\"d\":\"AQ\",\"alg\":\"HS256\"}", &any_secret, VERDICT_MALFORMED, "\"d\"", "d in an oct key");
	refuse("{" OCT ",\"alg\":\"HS256\"}", &any_public, VERDICT_MALFORMED, "\"k\"", "oct among public keys");
	refuse("{" EC "}", &any_secret, VERDICT_MALFORMED, "kty", "EC where oct is expected");
	accept("{" EC "}", &any_public, "a public key");
	accept("{" EC "}", &any_type, "a public key, any type");
	accept("{" OCT ",\"alg\":\"HS256\"}", &any_secret, "a secret");
	accept("{" OCT ",\"alg\":\"HS256\"}", &any_type, "a secret, any type");
}

#define OPS_14 "\"a\",\"b\",\"c\",\"d\",\"e\",\"f\",\"g\",\"h\",\"i\",\"j\",\"k\",\"l\",\"m\",\"n\""

/* A member of so many octets: that many are accepted, and one more is refused. */
static void
check_size(const char *name, size_t size)
{
	char		text[3000];
	char		words[100];

	snprintf(words, sizeof(words), "The member \"%s\" has %zu bytes; at most %zu are accepted.", name, size + 1, size);
	snprintf(text, sizeof(text), "{" EC ",\"%s\":\"%0*d\"}", name, (int) size + 1, 0);
	refuse(text, &(JwkPolicy) {.issuer = "i"}, VERDICT_MALFORMED, words, name);
	snprintf(text, sizeof(text), "{" EC ",\"%s\":\"%0*d\"}", name, (int) size, 0);
	if (strcmp(name, "kid") == 0)
		accept(text, &any_public, name);
	else
		refuse(text, &(JwkPolicy) {.issuer = "i"}, VERDICT_MALFORMED, "another issuer's", name);
}

static void
test_declarations(void)
{
	check_size("kid", 256);
	check_size("issuer", 2048);
	refuse("{}", &any_public, VERDICT_MALFORMED, "kty", "no kty");
	refuse("{\"kty\":\"rsa\"}", &any_public, VERDICT_MALFORMED, "kty", "an unknown kty");
	refuse("{\"kty\":[\"RSA\"]}", &any_public, VERDICT_MALFORMED, "kty", "kty an array");
	refuse("{\"kty\":\"AKP\",\"alg\":\"ML-DSA-44\",\"pub\":\"AA\"}", &any_public, VERDICT_MALFORMED, "kty", "a kty of the future");
	refuse("{" EC ",\"use\":\"enc\"}", &any_public, VERDICT_MALFORMED, "use", "use enc");
	refuse("{" EC ",\"use\":null}", &any_public, VERDICT_MALFORMED, "use", "use null");
	refuse("{" EC ",\"key_ops\":\"verify\"}", &any_public, VERDICT_MALFORMED, "key_ops", "key_ops a string");
	refuse("{" EC ",\"key_ops\":[]}", &any_public, VERDICT_MALFORMED, "key_ops", "key_ops empty");
	refuse("{" EC ",\"key_ops\":[\"sign\"]}", &any_public, VERDICT_MALFORMED, "key_ops", "key_ops without verify");
	refuse("{" EC ",\"key_ops\":[\"verify\",\"verify\"]}", &any_public, VERDICT_MALFORMED, "key_ops", "key_ops twice the same");
	refuse("{" EC ",\"key_ops\":[\"verify\",1]}", &any_public, VERDICT_MALFORMED, "key_ops", "key_ops with a number");
	refuse("{" EC ",\"key_ops\":[\"verify\",\"encrypt\"],\"use\":\"sig\"}", &any_public, VERDICT_MALFORMED, "key_ops", "key_ops against use");
	refuse("{" EC ",\"key_ops\":[\"verify\",1,2,3,4,5,6,7,8,9,10,11,12,13,14,15,16]}", &any_public, VERDICT_MALFORMED, "key_ops", "key_ops without end");
	refuse("{" EC ",\"key_ops\":[1,\"verify\"]}", &any_public, VERDICT_MALFORMED, "not a string", "key_ops that begins with a number");
	refuse("{" EC ",\"key_ops\":[\"a\",\"verify\",\"a\"]}", &any_public, VERDICT_MALFORMED, "twice", "key_ops twice the first");
	refuse("{" EC ",\"key_ops\":[\"verify\",\"a\",\"a\"]}", &any_public, VERDICT_MALFORMED, "twice", "key_ops twice the last");
	refuse("{" EC ",\"key_ops\":[\"encrypt\",\"verify\"],\"use\":\"sig\"}", &any_public, VERDICT_MALFORMED, "contradicts", "key_ops that begins against use");
	refuse("{" EC ",\"key_ops\":[" OPS_14 ",\"o\",\"p\",\"verify\"]}", &any_public, VERDICT_MALFORMED, "more than 16", "17 operations");
	accept("{" EC ",\"key_ops\":[" OPS_14 ",\"o\",\"verify\"]}", &any_public, "16 operations");
	accept("{" EC ",\"key_ops\":[\"encrypt\",\"verify\"]}", &any_public, "key_ops without use");
	refuse("{" EC ",\"kid\":1}", &any_public, VERDICT_MALFORMED, "kid", "kid a number");
	refuse("{" EC ",\"kid\":\"a\\tb\"}", &any_public, VERDICT_MALFORMED, "kid", "kid with a tab");
	refuse("{" EC ",\"kty\":\"EC\"}", &any_public, VERDICT_MALFORMED, "twice", "kty twice");
	refuse("[{" EC "}]", &any_public, VERDICT_MALFORMED, "object", "an array");
	accept("{" EC ",\"use\":\"sig\",\"key_ops\":[\"verify\",\"sign\"],\"kid\":\"k\"}", &any_public, "use and key_ops that agree");
	accept("{" EC ",\"x5c\":[\"x\"],\"unknown\":{}}", &any_public, "other members are ignored");
}

static Algorithm
chosen(const char *text, const JwkPolicy *policy)
{
	Jwk		   *jwk;
	Algorithm	algorithm = ALGORITHM_UNKNOWN;

	if (jwk_parse(text, strlen(text), policy, &jwk, NULL) == VERDICT_OK)
		algorithm = jwk->algorithm;
	jwk_free(jwk);
	return algorithm;
}

static void
test_algorithm(void)
{
	static const Algorithm preferred[] = {ALGORITHM_PS256, ALGORITHM_RS256, ALGORITHM_ES384, ALGORITHM_ED25519};
	static const Algorithm hs512[] = {ALGORITHM_HS512};
	const JwkPolicy policy = {.algorithms = preferred, .n_algorithms = 4};
	const JwkPolicy secret = {.algorithms = hs512, .n_algorithms = 1, .symmetric = true};

	refuse("{" RSA "}", &any_public, VERDICT_MALFORMED, "\"alg\" is missing", "RSA without alg or policy");
	refuse("{" OCT "}", &any_secret, VERDICT_MALFORMED, "\"alg\" is missing", "oct without alg or policy");
	refuse("{" RSA ",\"alg\":\"RSA-OAEP\"}", &any_public, VERDICT_ALGORITHM_REFUSED, "alg", "an encryption key");
	refuse("{" RSA ",\"alg\":\"none\"}", &any_public, VERDICT_ALGORITHM_REFUSED, "alg", "alg none");
	refuse("{" RSA ",\"alg\":7}", &any_public, VERDICT_MALFORMED, "alg", "alg a number");
	refuse("{" RSA ",\"alg\":\"ES256\"}", &any_public, VERDICT_MALFORMED, "alg", "alg of another kty");
	refuse("{" RSA ",\"alg\":\"HS256\"}", &any_public, VERDICT_MALFORMED, "alg", "RSA for HS256");
	refuse("{" EC ",\"alg\":\"ES384\"}", &any_public, VERDICT_MALFORMED, "alg", "alg of another curve");
	refuse("{" EC ",\"alg\":\"ES256K\"}", &any_public, VERDICT_MALFORMED, "alg", "alg of a curve as large");
	refuse("{" OKP ",\"alg\":\"Ed448\"}", &any_public, VERDICT_MALFORMED, "alg", "alg of the other Edwards curve");
	refuse("{" EC "}", &policy, VERDICT_ALGORITHM_REFUSED, "alg", "a curve that is not allowed");
	refuse("{" RSA ",\"alg\":\"RS512\"}", &policy, VERDICT_ALGORITHM_REFUSED, "alg", "an alg that is not allowed");
	refuse("{\"kty\":\"EC\",\"crv\":\"P-192\",\"x\":\"AA\",\"y\":\"AA\"}", &any_public, VERDICT_MALFORMED, "crv", "an unknown curve");
	refuse("{\"kty\":\"OKP\",\"crv\":\"X25519\",\"x\":\"" OKP_X "\"}", &any_public, VERDICT_MALFORMED, "crv", "a key agreement curve");
	refuse("{\"kty\":\"EC\",\"x\":\"AA\",\"y\":\"AA\"}", &any_public, VERDICT_MALFORMED, "crv", "no curve");
	refuse("{\"kty\":\"EC\",\"crv\":\"Ed25519\",\"x\":\"" OKP_X "\",\"y\":\"" OKP_X "\"}", &any_public, VERDICT_MALFORMED, "crv", "Ed25519 as EC");

	CHECK(chosen("{" RSA "}", &policy) == ALGORITHM_PS256, "without alg the policy's first that fits");
	CHECK(chosen("{" RSA ",\"alg\":\"RS256\"}", &policy) == ALGORITHM_RS256, "alg decides among allowed ones");
	CHECK(chosen("{" OKP ",\"alg\":\"EdDSA\"}", &policy) == ALGORITHM_ED25519, "EdDSA is decided by the curve");
	CHECK(chosen("{" OKP "}", &any_public) == ALGORITHM_ED25519, "Ed25519 leaves one choice");
	CHECK(chosen("{" EC "}", &any_public) == ALGORITHM_ES256, "P-256 leaves one choice");
	CHECK(chosen("{" OCT "}", &secret) == ALGORITHM_HS512, "oct gets the policy's");
}

static void
test_rsa_numbers(void)
{
	static const Algorithm rs256[] = {ALGORITHM_RS256};
	const JwkPolicy policy = {.algorithms = rs256, .n_algorithms = 1};
	static const struct
	{
		const char *e;
		const char *name;
	}			exponents[] = {
		{"AQ", "e = 1"}, {"AA", "e = 0"}, {"", "e empty"}, {"Ag", "e = 2"},
		{"BA", "e = 4"}, {"AAEAAQ", "e with a leading zero"},
		{"AQAAAAE", "e = 2^32 + 1"}, {"AQAC", "e even"}, {"AQAB=", "e padded"},
	};
	char		text[4000];

	for (size_t i = 0; i < sizeof(exponents) / sizeof(exponents[0]); i++)
	{
		snprintf(text, sizeof(text), "{\"kty\":\"RSA\",\"n\":\"" RSA_N "\",\"e\":\"%s\"}", exponents[i].e);
		refuse(text, &policy, VERDICT_MALFORMED, "\"e\"", exponents[i].name);
	}
	refuse("{\"kty\":\"RSA\",\"n\":\"" RSA_N "\"}", &policy, VERDICT_MALFORMED, "\"e\"", "no e");
	refuse("{\"kty\":\"RSA\",\"n\":\"AQ\",\"e\":\"AQAB\"}", &policy, VERDICT_MALFORMED, "\"n\"", "n = 1");
	refuse("{\"kty\":\"RSA\",\"n\":\"\",\"e\":\"AQAB\"}", &policy, VERDICT_MALFORMED, "\"n\"", "n empty");
	refuse("{\"kty\":\"RSA\",\"n\":7,\"e\":\"AQAB\"}", &policy, VERDICT_MALFORMED, "\"n\"", "n a number");
	refuse("{\"kty\":\"RSA\",\"n\":\"AAAA" RSA_N "\",\"e\":\"AQAB\"}", &policy, VERDICT_MALFORMED, "\"n\"", "n with leading zeros");
	accept("{" RSA "}", &policy, "RFC 7517's key");
	accept("{\"kty\":\"RSA\",\"n\":\"" RSA_N "\",\"e\":\"Aw\"}", &policy, "e = 3");
	accept("{\"kty\":\"RSA\",\"n\":\"" RSA_N "\",\"e\":\"_____w\"}", &policy, "e = 2^32 - 1");
}

/* A JWK of a modulus that is a random number but for what a case asks. */
static char *
rsa_jwk(BIGNUM *n)
{
	unsigned char bytes[2048];
	char		encoded[BASE64URL_ENCODED_SIZE(2048) + 1];
	char	   *text = malloc(4000);
	int			size = BN_bn2bin(n, bytes);

	encoded[base64url_encode(bytes, (size_t) size, encoded)] = '\0';
	snprintf(text, 4000, "{\"kty\":\"RSA\",\"alg\":\"RS256\",\"n\":\"%s\",\"e\":\"AQAB\"}", encoded);
	return text;
}

static void
check_modulus(BIGNUM *n, bool good, const char *word, const char *name)
{
	char	   *text = rsa_jwk(n);

	if (good)
		accept(text, &any_public, name);
	else
		refuse(text, &any_public, VERDICT_MALFORMED, word, name);
	free(text);
}

static bool
is_prime(BN_ULONG number)
{
	for (BN_ULONG factor = 3; factor < number; factor += 2)
	{
		if (number % factor == 0)
			return false;
	}
	return true;
}

/* As long as the modulus, in whole octets. */
static void
check_signature_size(BIGNUM *n, int bits)
{
	char	   *text;
	Jwk		   *jwk;

	test_modulus(n, bits);
	text = rsa_jwk(n);
	if (CHECK(jwk_parse(text, strlen(text), &any_public, &jwk, NULL) == VERDICT_OK, "%d bits", bits))
		CHECK(jwk->signature_size == (bits <= 2048 ? 256 : bits <= 2056 ? 257 : 258), "make signatures of %zu octets", jwk->signature_size);
	jwk_free(jwk);
	free(text);
}

static void
test_rsa_moduli(void)
{
	BIGNUM	   *n = BN_new();

	test_modulus(n, 512);
	check_modulus(n, false, "512 bits", "512 bits");
	test_modulus(n, 2047);
	check_modulus(n, false, "2047 bits", "2047 bits");
	test_modulus(n, 2048);
	check_modulus(n, true, NULL, "2048 bits");
	test_modulus(n, 8192);
	check_modulus(n, true, NULL, "8192 bits");
	test_modulus(n, 8193);
	check_modulus(n, false, "\"n\"", "8193 bits");
	test_modulus(n, 2047);
	BN_lshift1(n, n);
	check_modulus(n, false, "even", "even");
	do
		test_modulus(n, 2040);
	while (!BN_mul_word(n, 163) || BN_num_bits(n) != 2048);
	check_modulus(n, false, "163", "a small factor");
	for (BN_ULONG prime = 3; prime <= 167; prime += 2)
	{
		char		words[40];

		if (!is_prime(prime))
			continue;
		test_modulus(n, 2048);
		BN_mul_word(n, prime);
		snprintf(words, sizeof(words), "is divisible by %d.", (int) prime);
		check_modulus(n, false, words, words);
	}
	for (int bits = 2048; bits <= 2057; bits++)
		check_signature_size(n, bits);
	BN_free(n);
}

static void
test_roca(void)
{
	BIGNUM	   *n = BN_new();
	Detail		detail = {""};
	char	   *text;

	test_roca_modulus(n);
	check_modulus(n, false, "ROCA", "a modulus of ROCA's form");
	BN_add_word(n, 2);
	while (BN_mod_word(n, 3) == 0 || BN_mod_word(n, 5) == 0 || BN_mod_word(n, 7) == 0 ||
		   BN_mod_word(n, 11) == 0 || BN_mod_word(n, 13) == 0)
		BN_add_word(n, 2);
	text = rsa_jwk(n);
	CHECK(parse(text, &any_public, &detail) == VERDICT_OK || strstr(detail.text, "ROCA") == NULL,
		  "its neighbour is not");
	free(text);
	BN_free(n);
}

/* x and y as they are in a JWK, of as many octets as a case wants. */
static void
point_member(char *text, const char *name, const unsigned char *bytes, size_t size)
{
	size_t		used = (size_t) sprintf(text, ",\"%s\":\"", name);

	used += base64url_encode(bytes, size, text + used);
	strcpy(text + used, "\"");
}

/* y is NULL for the Edwards curves */
static char *
point_jwk(const AlgorithmInfo *info, const unsigned char *x, size_t x_size,
		  const unsigned char *y, size_t y_size)
{
	char	   *text = malloc(600);
	char		members[300] = "";

	point_member(members, "x", x, x_size);
	if (y != NULL)
		point_member(members + strlen(members), "y", y, y_size);
	snprintf(text, 600, "{\"kty\":\"%s\",\"crv\":\"%s\"%s}", info->key_type, info->curve, members);
	return text;
}

/* A good point that is said in another number of octets; the octets more are zeros. */
static void
refuse_size(const AlgorithmInfo *info, const char *member, size_t size,
			const unsigned char *x, const unsigned char *y)
{
	const size_t good = info->coordinate_size;
	const bool	is_x = strcmp(member, "x") == 0;
	char	   *text = point_jwk(info, x, is_x ? size : good, y, is_x ? good : size);
	char		name[64];
	char		words[128];

	snprintf(name, sizeof(name), "%s: %s of %zu octets", info->curve, member, size);
	snprintf(words, sizeof(words), "The member \"%s\" has %zu bytes; the curve's coordinates have %zu.", member, size, good);
	refuse(text, &any_public, VERDICT_MALFORMED, words, name);
	free(text);
}

static void
test_coordinate_sizes(void)
{
	for (int i = ALGORITHM_ES256; i < ALGORITHM_COUNT; i++)
	{
		const AlgorithmInfo *info = algorithm_info((Algorithm) i);
		const bool	is_ec = info->family == FAMILY_ECDSA;
		const size_t good = info->coordinate_size;
		unsigned char x[70] = {0};
		unsigned char y[70] = {0};
		BIGNUM	   *number = NULL;
		size_t		size = sizeof(x);
		TestKey		key;
		char	   *text;

		test_key_make(&key, (Algorithm) i, NULL);
		if (is_ec)
		{
			EVP_PKEY_get_bn_param(key.pkey, OSSL_PKEY_PARAM_EC_PUB_X, &number);
			BN_bn2binpad(number, x, (int) good);
			EVP_PKEY_get_bn_param(key.pkey, OSSL_PKEY_PARAM_EC_PUB_Y, &number);
			BN_bn2binpad(number, y, (int) good);
			BN_free(number);
		}
		else
			EVP_PKEY_get_raw_public_key(key.pkey, x, &size);

		refuse_size(info, "x", good + 1, x, is_ec ? y : NULL);
		refuse_size(info, "x", good - 1, x, is_ec ? y : NULL);
		if (is_ec)
		{
			refuse_size(info, "y", good + 1, x, y);
			refuse_size(info, "y", good - 1, x, y);
		}
		text = point_jwk(info, x, good, is_ec ? y : NULL, good);
		accept(text, &any_public, info->curve);
		free(text);
		test_key_free(&key);
	}
}

/* Ed448 of which y, the number that x holds, is: p, 2 and the neutral element. */
static void
test_ed448_points(void)
{
	const AlgorithmInfo *info = algorithm_info(ALGORITHM_ED448);
	unsigned char x[57];
	char	   *text;

	memset(x, 0xff, 56);
	x[28] = 0xfe;
	x[56] = 0;
	text = point_jwk(info, x, sizeof(x), NULL, 0);
	refuse(text, &any_public, VERDICT_MALFORMED, "The member \"x\" is not the canonical encoding of a point.", "Ed448, y = p");
	free(text);

	memset(x, 0, sizeof(x));
	x[0] = 2;
	text = point_jwk(info, x, sizeof(x), NULL, 0);
	refuse(text, &any_public, VERDICT_MALFORMED, "The member \"x\" does not encode a point of the curve.", "Ed448, y = 2 is off the curve");
	free(text);

	x[0] = 1;
	text = point_jwk(info, x, sizeof(x), NULL, 0);
	refuse(text, &any_public, VERDICT_MALFORMED, "The member \"x\" is a point of low order", "Ed448, the identity");
	free(text);
}

static void
test_points(void)
{
	refuse("{\"kty\":\"EC\",\"crv\":\"P-256\",\"x\":\"" EC_X "\",\"y\":\"" EC_X "\"}", &any_public, VERDICT_MALFORMED, "are not a point of the curve", "off the curve");
	refuse("{\"kty\":\"EC\",\"crv\":\"P-256\",\"x\":\"AAAA" EC_X "\",\"y\":\"" EC_Y "\"}", &any_public, VERDICT_MALFORMED, "\"x\" has 35 bytes", "x too long");
	refuse("{\"kty\":\"EC\",\"crv\":\"P-256\",\"x\":\"" EC_X "\",\"y\":\"x_FEzRu9m36HLN_tue659LNpXW6pCyStikYjKIWI5Q\"}", &any_public, VERDICT_MALFORMED, "\"y\" has 31 bytes", "y too short");
	refuse("{\"kty\":\"EC\",\"crv\":\"P-256\",\"x\":\"" EC_X "\"}", &any_public, VERDICT_MALFORMED, "\"y\" is absent", "no y");
	refuse("{\"kty\":\"EC\",\"crv\":\"secp256k1\",\"x\":\"" EC_X "\",\"y\":\"" EC_Y "\"}", &any_public, VERDICT_MALFORMED, "are not a point of the curve", "a point of another curve");
	refuse("{\"kty\":\"EC\",\"crv\":\"P-256\",\"x\":\"AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA\",\"y\":\"AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA\"}", &any_public, VERDICT_MALFORMED, "are not a point of the curve", "zeros");
	refuse("{\"kty\":\"EC\",\"crv\":\"P-256\",\"x\":\"_____wAAAAEAAAAAAAAAAAAAAAD_______________8\",\"y\":\"" EC_Y "\"}", &any_public, VERDICT_MALFORMED, "are not a point of the curve", "x = p");
	accept("{" EC "}", &any_public, "RFC 7515's key");
	refuse("{\"kty\":\"OKP\",\"crv\":\"Ed25519\",\"x\":\"AQAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA\"}", &any_public, VERDICT_MALFORMED, "low order", "the identity");
	refuse("{\"kty\":\"OKP\",\"crv\":\"Ed25519\",\"x\":\"AQ\"}", &any_public, VERDICT_MALFORMED, "\"x\" has 1 bytes", "x too short");
	refuse("{\"kty\":\"OKP\",\"crv\":\"Ed448\",\"x\":\"" OKP_X "\"}", &any_public, VERDICT_MALFORMED, "\"x\" has 32 bytes", "x of the other curve");
	accept("{" OKP "}", &any_public, "RFC 8037's key");
}

static void
test_secrets(void)
{
	char		text[3000];
	char		k[2000];
	Jwk		   *jwk;

	/* not one byte repeated, and at every length without unused bits */
	for (size_t i = 0; i < sizeof(k); i++)
		k[i] = "AQgw"[i * i / 4 % 4];
	snprintf(text, sizeof(text), "{\"kty\":\"oct\",\"alg\":\"HS256\",\"k\":\"%.42s\"}", k);
	refuse(text, &any_secret, VERDICT_MALFORMED, "\"k\"", "31 bytes for HS256");
	snprintf(text, sizeof(text), "{\"kty\":\"oct\",\"alg\":\"HS512\",\"k\":\"%.43s\"}", k);
	refuse(text, &any_secret, VERDICT_MALFORMED, "\"k\"", "32 bytes for HS512");
	snprintf(text, sizeof(text), "{\"kty\":\"oct\",\"alg\":\"HS256\",\"k\":\"%.1367s\"}", k);
	refuse(text, &any_secret, VERDICT_MALFORMED, "\"k\"", "1025 bytes");
	refuse("{\"kty\":\"oct\",\"alg\":\"HS256\",\"k\":\"\"}", &any_secret, VERDICT_MALFORMED, "\"k\"", "no bytes");
	refuse("{\"kty\":\"oct\",\"alg\":\"HS256\"}", &any_secret, VERDICT_MALFORMED, "\"k\"", "no k");
	refuse("{\"kty\":\"oct\",\"alg\":\"HS256\",\"k\":\"correct horse battery staple, and more\"}", &any_secret, VERDICT_MALFORMED, "base64url", "a password");
	refuse("{\"kty\":\"oct\",\"alg\":\"HS256\",\"k\":\"AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA\"}", &any_secret, VERDICT_MALFORMED, "\"k\" is one byte repeated, not", "32 zeros");
	refuse("{\"kty\":\"oct\",\"alg\":\"HS256\",\"k\":\"MCowBQYDK2VwAyEA11qYAYKxCrfVS_7TyWQHOg7hcvPapiMlrwIaaPcHURo\"}", &any_secret, VERDICT_MALFORMED, "\"k\" is a public key in DER, not", "RFC 8037's key in DER");
	refuse("{\"kty\":\"oct\",\"alg\":\"HS256\",\"k\":\"TUNvd0JRWURLMlZ3QXlFQTExcVlBWUt4Q3JmVlMvN1R5V1FIT2c3aGN2UGFwaU1scndJYWFQY0hVUm89\"}", &any_secret, VERDICT_MALFORMED, "encoded as text, not", "its base64");
	snprintf(text, sizeof(text), "{\"kty\":\"oct\",\"alg\":\"HS256\",\"k\":\"%.43s\"}", k);
	accept(text, &any_secret, "32 bytes for HS256");
	snprintf(text, sizeof(text), "{\"kty\":\"oct\",\"alg\":\"HS256\",\"k\":\"%.1366s\"}", k);
	accept(text, &any_secret, "1024 bytes");
	if (CHECK(jwk_parse("{" OCT ",\"alg\":\"HS256\"}", strlen("{" OCT ",\"alg\":\"HS256\"}"), &any_secret, &jwk, NULL) == VERDICT_OK, "RFC 7515's secret"))
		CHECK(jwk->secret_size == 64 && jwk->secret[0] == 0x03 && jwk->secret[63] == 0xA3 && jwk->pkey == NULL && jwk->signature_size == 32,
			  "is as long as it is, and its MACs as the digest");
	jwk_free(jwk);
}

static void
test_issuer(void)
{
	const JwkPolicy entra = {.issuer = "https://login.example/t1/v2.0", .tenant = "t1"};
	const JwkPolicy plain = {.issuer = "https://login.example/{tenantid}/v2.0"};
	char	   *shortest = strdup("h");	/* in memory that ends there */

	refuse("{" EC ",\"issuer\":\"https://login.example/t2/v2.0\"}", &entra, VERDICT_MALFORMED, "issuer", "another tenant's key");
	refuse("{" EC ",\"issuer\":\"https://login.example/{tenantid}/v2.0x\"}", &entra, VERDICT_MALFORMED, "issuer", "more after the tenant");
	refuse("{" EC ",\"issuer\":\"https://login.example/{tenantid}\"}", &entra, VERDICT_MALFORMED, "issuer", "less after the tenant");
	refuse("{" EC ",\"issuer\":\"x{tenantid}\"}", &entra, VERDICT_MALFORMED, "issuer", "another beginning");
	refuse("{" EC ",\"issuer\":[]}", &entra, VERDICT_MALFORMED, "issuer", "issuer an array");
	refuse("{" EC ",\"issuer\":\"https://login.examplf/{tenantid}/v2.0\"}", &entra, VERDICT_MALFORMED, "issuer", "another host of the same length");
	refuse("{" EC ",\"issuer\":\"https://login.example/{tenantid}/v2.0\"}", &(JwkPolicy) {.issuer = entra.issuer, .tenant = "t2"},
		   VERDICT_MALFORMED, "issuer", "another tenant of the same length");
	refuse("{" EC ",\"issuer\":\"https://login.example/a-long-way/{tenantid}\"}", &(JwkPolicy) {.issuer = shortest, .tenant = "t1"},
		   VERDICT_MALFORMED, "issuer", "a longer issuer");
	refuse("{" EC ",\"issuer\":\"{tenantid}\"}", &(JwkPolicy) {.issuer = shortest, .tenant = "https"}, VERDICT_MALFORMED, "issuer", "a longer tenant");
	accept("{" EC ",\"issuer\":\"{tenantid}\"}", &(JwkPolicy) {.issuer = shortest, .tenant = "h"}, "a tenant that is all");
	free(shortest);
	accept("{" EC ",\"issuer\":\"https://login.example/{tenantid}/v2.0\"}", &entra, "any tenant's key");
	accept("{" EC ",\"issuer\":\"https://login.example/t1/v2.0\"}", &entra, "this tenant's key");
	accept("{" EC "}", &entra, "a key that does not say");
	accept("{" EC ",\"issuer\":\"https://login.example/{tenantid}/v2.0\"}", &plain, "without a tenant nothing is replaced");
	accept("{" EC ",\"issuer\":\"x\"}", &any_public, "not looked at without an issuer");
}

/* What is stored can be read again, and is the same key. */
static void
test_public_text(void)
{
	for (int i = ALGORITHM_UNKNOWN + 1; i < ALGORITHM_COUNT; i++)
	{
		const AlgorithmInfo *info = algorithm_info((Algorithm) i);
		TestKey		key;
		Jwk		   *again = NULL;
		char	   *text;

		test_key_make(&key, (Algorithm) i, "the-key");
		text = jwk_public_text(key.jwk);
		if (info->family == FAMILY_HMAC)
			CHECK(text != NULL && strstr(text, "\"k\"") == NULL && strstr(text, "\"kid\":\"the-key\"") != NULL,
				  "%s: the secret is not in the text", info->name);
		else
			CHECK(text != NULL && jwk_parse(text, strlen(text), &any_public, &again, NULL) == VERDICT_OK &&
				  again->algorithm == (Algorithm) i && strcmp(again->key_id, "the-key") == 0 &&
				  strcmp(again->thumbprint, key.jwk->thumbprint) == 0 &&
				  EVP_PKEY_eq(again->pkey, key.jwk->pkey) == 1,
				  "%s: the text is the key", info->name);
		jwk_free(again);
		free(text);
		test_key_free(&key);
	}
	{
		Jwk		   *jwk;
		char	   *text;
		const char *input = "{" EC ",\"kid\":\"k\",\"x5c\":[\"x\"]}";

		CHECK(jwk_parse(input, strlen(input), &any_public, &jwk, NULL) == VERDICT_OK, "a key with more members");
		text = jwk_public_text(jwk);
		CHECK_TEXT(text, "{" EC ",\"kid\":\"k\",\"alg\":\"ES256\",\"use\":\"sig\"}", "keeps those that matter");
		free(text);
		jwk_free(jwk);
		CHECK(jwk_parse("{" EC "}", strlen("{" EC "}"), &any_public, &jwk, NULL) == VERDICT_OK && jwk->key_id == NULL, "a key without kid");
		text = jwk_public_text(jwk);
		CHECK_TEXT(text, "{" EC ",\"alg\":\"ES256\",\"use\":\"sig\"}", "has none in its text");
		free(text);
		jwk_free(jwk);
	}
}

int
main(void)
{
	test_private();
	test_declarations();
	test_algorithm();
	test_rsa_numbers();
	test_rsa_moduli();
	test_roca();
	test_points();
	test_coordinate_sizes();
	test_ed448_points();
	test_secrets();
	test_issuer();
	test_public_text();
	return finish();
}
