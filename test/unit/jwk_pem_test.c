/* What PEM can say and a JWK cannot is refused; what it says else is the same key. */
#include "test.h"

#include <openssl/bio.h>
#include <openssl/bn.h>
#include <openssl/core_names.h>
#include <openssl/ec.h>
#include <openssl/err.h>
#include <openssl/evp.h>
#include <openssl/pem.h>
#include <openssl/x509.h>
#include <stdlib.h>

#include "core/jwk.h"
#include "test_sign.h"

static void
refuse(const char *pem, size_t length, Algorithm algorithm, Verdict expected, const char *word, const char *name)
{
	Jwk		   *jwk;
	Detail		detail = {""};

	CHECK_VERDICT(jwk_from_pem(pem, length, algorithm, NULL, &jwk, &detail), &detail, expected, name);
	CHECK_DETAIL(&detail, word);
	CHECK(jwk == NULL && ERR_peek_error() == 0, "and there is no key, and nothing in OpenSSL's queue");
	jwk_free(jwk);
}

/* Refused with exactly these words, as other tests hold for the same key as a JWK; frees pem. */
static void
refuse_key(char *pem, Algorithm algorithm, const char *words, const char *name)
{
	Jwk		   *jwk;
	Detail		detail = {""};

	CHECK_VERDICT(jwk_from_pem(pem, strlen(pem), algorithm, NULL, &jwk, &detail), &detail, VERDICT_MALFORMED, name);
	if (!CHECK_TEXT(detail.text, words, "%s: %s", name, words))
		printf("# detail: %s\n", detail.text);
	CHECK(jwk == NULL && ERR_peek_error() == 0, "and there is no key, and nothing in OpenSSL's queue");
	jwk_free(jwk);
	free(pem);
}

static void
accept_key(char *pem, Algorithm algorithm, const char *name)
{
	Jwk		   *jwk;
	Detail		detail = {""};

	CHECK_VERDICT(jwk_from_pem(pem, strlen(pem), algorithm, NULL, &jwk, &detail), &detail, VERDICT_OK, name);
	jwk_free(jwk);
	free(pem);
}

static char *
bio_text(BIO *bio)
{
	char	   *data;
	long		size = BIO_get_mem_data(bio, &data);
	char	   *text = strndup(data, (size_t) size);

	BIO_free(bio);
	return text;
}

static char *
block_pem(const char *label, const unsigned char *der, int size)
{
	BIO		   *bio = BIO_new(BIO_s_mem());

	PEM_write_bio(bio, label, "", der, size);
	return bio_text(bio);
}

static char *
concatenate(const char *a, const char *b)
{
	char	   *text = malloc(strlen(a) + strlen(b) + 1);

	strcpy(text, a);
	return strcat(text, b);
}

static void
refuse_joined(const char *a, const char *b, const char *name)
{
	char	   *text = concatenate(a, b);

	refuse(text, strlen(text), ALGORITHM_ES256, VERDICT_MALFORMED, "PEM", name);
	free(text);
}

static void
test_form(const TestKey *key)
{
	char	   *pem = test_key_pem(key->pkey);
	char	   *spaced = concatenate("\n  ", pem);
	char		big[17000];
	Jwk		   *jwk;

	refuse("", 0, ALGORITHM_ES256, VERDICT_MALFORMED, "PEM", "nothing");
	refuse("ssh-ed25519 AAAA", 16, ALGORITHM_ES256, VERDICT_MALFORMED, "BEGIN", "an SSH key");
	refuse("{\"kty\":\"EC\"}", 12, ALGORITHM_ES256, VERDICT_MALFORMED, "BEGIN", "a JWK");
	refuse_joined("key:\n", pem, "text before");
	refuse_joined("-----BEGIN \n", pem, "a line before that begins like a block");
	refuse_joined("-----BEGIN PUBLIC KEY----\n", pem, "a line before that lacks a dash");
	refuse_joined("-----BEGIN PUBLIC KE-----\n", pem, "another block's beginning before");
	refuse_joined(pem, "x", "text after");
	refuse_joined(pem, pem, "two blocks");
	refuse(pem, strlen(pem) - 10, ALGORITHM_ES256, VERDICT_MALFORMED, "PEM", "cut off");
	refuse(pem, strlen(pem) + 1, ALGORITHM_ES256, VERDICT_MALFORMED, "PEM", "a NUL after");
	refuse("-----BEGIN PRIVATE KEY-----", 27, ALGORITHM_ES256, VERDICT_MALFORMED, "private key", "the first line of a private key");
	refuse("-----BEGIN PUBLIC KEY-----\nPRIVATE KEY-----", 43, ALGORITHM_ES256, VERDICT_MALFORMED, "exactly one well-formed", "words of a private key in another line");
	memset(big, ' ', sizeof(big));
	refuse(big, sizeof(big), ALGORITHM_ES256, VERDICT_TOO_LARGE, "bytes", "17 kB");
	refuse(pem, strlen(pem), ALGORITHM_ES384, VERDICT_ALGORITHM_REFUSED, "crv", "an algorithm of another curve");
	refuse(pem, strlen(pem), ALGORITHM_HS256, VERDICT_ALGORITHM_REFUSED, "alg", "an algorithm with secrets");
	CHECK(jwk_from_pem(pem, strlen(pem), ALGORITHM_ES256, "a\nb", &jwk, NULL) == VERDICT_MALFORMED, "a key id with a newline");
	CHECK(jwk_from_pem(pem, strlen(pem), ALGORITHM_ES256, "a\xff", &jwk, NULL) == VERDICT_MALFORMED, "a key id that is not UTF-8");
	CHECK(jwk_from_pem(spaced, strlen(spaced), ALGORITHM_UNKNOWN, "k", &jwk, NULL) == VERDICT_OK &&
		  jwk->algorithm == ALGORITHM_ES256 && strcmp(jwk->key_id, "k") == 0, "one block with white space around");
	jwk_free(jwk);
	free(spaced);
	free(pem);
}

static void
refuse_exactly(const char *text, const char *word, const char *name)
{
	char	   *copy = copy_exactly(text, strlen(text));

	refuse(copy, strlen(text), ALGORITHM_ES256, VERDICT_MALFORMED, word, name);
	free(copy);
}

static void
test_edges(const TestKey *key)
{
	char	   *pem = test_key_pem(key->pkey);
	char	   *text = malloc((size_t) 17 * 1024);
	Jwk		   *jwk;

	refuse_exactly(" ", "does not begin", "a space");
	refuse_exactly(" \r\n\t", "does not begin", "white space");
	refuse_exactly("-----BEGIN", "does not begin", "a beginning cut off");
	refuse_exactly("-----BEGIN ", "exactly one", "a beginning alone");
	refuse_exactly("-----BEGIN PRIVATE KEY----", "exactly one", "a label cut off");

	sprintf(text, " \r\n\t%s\r\n\t%*s", pem, 16 * 1024, "");
	refuse(text, (size_t) 16 * 1024 + 1, ALGORITHM_ES256, VERDICT_TOO_LARGE, "16385", "16385 bytes");
	CHECK(jwk_from_pem(text, (size_t) 16 * 1024, ALGORITHM_ES256, NULL, &jwk, NULL) == VERDICT_OK, "16384 bytes, of which most are white space");
	jwk_free(jwk);
	free(text);
	free(pem);
}

#define NOT_WELL_FORMED "The PEM block does not hold a well-formed public key."

/* The members are never looked at, and no passphrase is asked for. */
static void
refuse_private(BIO *bio, const char *label, const char *name)
{
	const size_t at = strlen("-----BEGIN ");
	char	   *pem = bio_text(bio);

	CHECK(strncmp(pem + at, label, strlen(label)) == 0 && pem[at + strlen(label)] == '-', "%s is labelled %s", name, label);
	refuse_key(pem, ALGORITHM_UNKNOWN, "The PEM block is a private key; pass the public key that belongs to it.", name);
}

/* A private key that is called a public one. */
static void
refuse_relabelled(unsigned char *der, int size, const char *label, const char *name)
{
	char	   *pem = block_pem(label, der, size);

	OPENSSL_free(der);
	refuse_key(pem, ALGORITHM_RS256, NOT_WELL_FORMED, name);
}

static void
test_private(const TestKey *key)
{
	const unsigned char *secret = (const unsigned char *) "secret";
	EVP_PKEY   *rsa = EVP_PKEY_Q_keygen(NULL, NULL, "RSA", (size_t) 2048);
	EVP_PKEY   *ed25519 = EVP_PKEY_Q_keygen(NULL, NULL, "ED25519");
	unsigned char *der = NULL;
	BIO		   *bio = BIO_new(BIO_s_mem());
	int			size;

	PEM_write_bio_PrivateKey(bio, key->pkey, NULL, NULL, 0, NULL, NULL);
	refuse_private(bio, "PRIVATE KEY", "a private key");
	bio = BIO_new(BIO_s_mem());
	PEM_write_bio_PrivateKey(bio, ed25519, NULL, NULL, 0, NULL, NULL);
	refuse_private(bio, "PRIVATE KEY", "a private Ed25519 key");
	bio = BIO_new(BIO_s_mem());
	PEM_write_bio_PrivateKey(bio, key->pkey, EVP_aes_128_cbc(), secret, 6, NULL, NULL);
	refuse_private(bio, "ENCRYPTED PRIVATE KEY", "an encrypted one, unasked for its passphrase");
	bio = BIO_new(BIO_s_mem());
	PEM_write_bio_PrivateKey_traditional(bio, key->pkey, NULL, NULL, 0, NULL, NULL);
	refuse_private(bio, "EC PRIVATE KEY", "an old EC one");
	bio = BIO_new(BIO_s_mem());
	PEM_write_bio_PrivateKey_traditional(bio, key->pkey, EVP_aes_128_cbc(), secret, 6, NULL, NULL);
	refuse_private(bio, "EC PRIVATE KEY", "an old encrypted one");
	bio = BIO_new(BIO_s_mem());
	PEM_write_bio_PrivateKey_traditional(bio, rsa, NULL, NULL, 0, NULL, NULL);
	refuse_private(bio, "RSA PRIVATE KEY", "an old RSA one");

	size = i2d_PrivateKey(rsa, &der);
	refuse_relabelled(der, size, "RSA PUBLIC KEY", "a private RSA key that is called public");
	der = NULL;
	size = i2d_PrivateKey(ed25519, &der);
	refuse_relabelled(der, size, "PUBLIC KEY", "a private Ed25519 key that is called public");
	EVP_PKEY_free(rsa);
	EVP_PKEY_free(ed25519);
}

/*
 * RSA
 */

#define BAD_EXPONENT "The member \"e\" is not an odd number from 3 to 4294967295."

static void
test_exponents(const BIGNUM *n)
{
	static const struct
	{
		const char *e;			/* hexadecimal */
		const char *words;
		const char *name;
	}			refused[] = {
		{"0", "The member \"e\" is not a positive number in the fewest bytes possible.", "e = 0"},
		{"1", BAD_EXPONENT, "e = 1"}, {"2", BAD_EXPONENT, "e = 2"}, {"10000", BAD_EXPONENT, "e = 65536"},
		{"FFFFFFFE", BAD_EXPONENT, "e = 2^32 - 2"}, {"100000000", BAD_EXPONENT, "e = 2^32"},
		{"100000001", BAD_EXPONENT, "e = 2^32 + 1"},
		{"8000000000000000000000000000000000000000000000000000000000000001", BAD_EXPONENT, "e of 256 bits"},
	};
	BIGNUM	   *e = NULL;

	for (size_t i = 0; i < sizeof(refused) / sizeof(refused[0]); i++)
	{
		BN_hex2bn(&e, refused[i].e);
		refuse_key(test_rsa_pem(n, e), ALGORITHM_RS256, refused[i].words, refused[i].name);
	}
	BN_copy(e, n);
	refuse_key(test_rsa_pem(n, e), ALGORITHM_PS256, BAD_EXPONENT, "e = n");
	BN_set_word(e, 3);
	accept_key(test_rsa_pem(n, e), ALGORITHM_RS256, "e = 3");
	BN_set_word(e, 0xFFFFFFFF);
	accept_key(test_rsa_pem(n, e), ALGORITHM_RS256, "e = 2^32 - 1");
	BN_free(e);
}

static char *
modulus_pem(const BIGNUM *n)
{
	BIGNUM	   *e = BN_new();
	char	   *pem;

	BN_set_word(e, 65537);
	pem = test_rsa_pem(n, e);
	BN_free(e);
	return pem;
}

/* These kinds are not written out as members. */
#define NO_MEMBERS "The key is not RSA, EC on P-256, P-384, P-521 or secp256k1, Ed25519 or Ed448."

static void
test_moduli(BIGNUM *n)
{
	static const int sizes[] = {512, 1024, 2047};
	char		words[128];
	char		name[32];

	BN_zero(n);
	refuse_key(modulus_pem(n), ALGORITHM_RS256, "The member \"n\" is not a positive number in the fewest bytes possible.", "n = 0");
	BN_set_word(n, 187);
	refuse_key(modulus_pem(n), ALGORITHM_RS256, "The member \"n\" has 8 bits; 2048 to 8192 are accepted.", "n = 187");
	for (size_t i = 0; i < sizeof(sizes) / sizeof(sizes[0]); i++)
	{
		test_modulus(n, sizes[i]);
		snprintf(words, sizeof(words), "The member \"n\" has %d bits; 2048 to 8192 are accepted.", sizes[i]);
		snprintf(name, sizeof(name), "n of %d bits", sizes[i]);
		refuse_key(modulus_pem(n), ALGORITHM_RS256, words, name);
	}
	test_modulus(n, 8193);
	refuse_key(modulus_pem(n), ALGORITHM_RS256, "The member \"n\" has 8193 bits; 2048 to 8192 are accepted.", "n of 8193 bits");
	test_modulus(n, 16384);
	refuse_key(modulus_pem(n), ALGORITHM_RS256, "The member \"n\" has 16384 bits; 2048 to 8192 are accepted.", "n of 16384 bits");
	test_modulus(n, 2047);
	BN_lshift1(n, n);
	refuse_key(modulus_pem(n), ALGORITHM_RS256, "The member \"n\" is even.", "n even");
	do
		test_modulus(n, 2040);
	while (!BN_mul_word(n, 163) || BN_num_bits(n) != 2048);
	refuse_key(modulus_pem(n), ALGORITHM_RS256, "The member \"n\" is divisible by 163.", "n with a small factor");
	test_roca_modulus(n);
	refuse_key(modulus_pem(n), ALGORITHM_RS256, "The member \"n\" is of a kind that can be factored (ROCA, CVE-2017-15361).", "ROCA");
	test_modulus(n, 8192);
	accept_key(modulus_pem(n), ALGORITHM_RS256, "n of 8192 bits");
	test_modulus(n, 2048);
	accept_key(modulus_pem(n), ALGORITHM_RS256, "n of 2048 bits");
}

static char *
certificate_pem(EVP_PKEY *pkey, EVP_PKEY *signer)
{
	X509	   *certificate = X509_new();
	BIO		   *bio = BIO_new(BIO_s_mem());

	ASN1_INTEGER_set(X509_get_serialNumber(certificate), 1);
	X509_gmtime_adj(X509_getm_notBefore(certificate), -7200);
	X509_gmtime_adj(X509_getm_notAfter(certificate), -3600);
	X509_set_pubkey(certificate, pkey);
	X509_sign(certificate, signer, EVP_sha256());
	PEM_write_bio_X509(bio, certificate);
	X509_free(certificate);
	return bio_text(bio);
}

/* Where n is good and e = 1, in each of the blocks that hold RSA. */
static void
test_hostile_blocks(const BIGNUM *n, EVP_PKEY *signer)
{
	char	   *pem = test_rsa_pem(n, BN_value_one());
	BIO		   *bio = BIO_new_mem_buf(pem, -1);
	EVP_PKEY   *hostile = PEM_read_bio_PUBKEY(bio, NULL, NULL, NULL);
	unsigned char *der = NULL;
	int			size = i2d_PublicKey(hostile, &der);

	BIO_free(bio);
	free(pem);
	bio = BIO_new(BIO_s_mem());
	PEM_write_bio(bio, "RSA PUBLIC KEY", "", der, size);
	OPENSSL_free(der);
	refuse_key(bio_text(bio), ALGORITHM_RS256, BAD_EXPONENT, "e = 1 as RSA PUBLIC KEY");

	refuse_key(certificate_pem(hostile, signer), ALGORITHM_RS256, BAD_EXPONENT, "e = 1 in a CERTIFICATE");
	EVP_PKEY_free(hostile);
}

/*
 * Edwards curves: OpenSSL imports any octets.
 */

#define LOW_ORDER "The member \"x\" is a point of low order, under which signatures can be forged."
#define NOT_CANONICAL "The member \"x\" is not the canonical encoding of a point."
#define NOT_ON_CURVE "The member \"x\" does not encode a point of the curve."
#define ZEROS_28 "00000000000000000000000000000000000000000000000000000000"
#define ZEROS_27 "000000000000000000000000000000000000000000000000000000"
#define ONES_27 "ffffffffffffffffffffffffffffffffffffffffffffffffffffff"

static void
test_edwards(void)
{
	static const struct
	{
		Algorithm	algorithm;
		const char *hex;
		const char *words;
		const char *name;
	}			refused[] = {
		{ALGORITHM_ED25519, "0100000000000000000000000000000000000000000000000000000000000000", LOW_ORDER, "Ed25519, order 1"},
		{ALGORITHM_ED25519, "ecffffffffffffffffffffffffffffffffffffffffffffffffffffffffffff7f", LOW_ORDER, "Ed25519, order 2"},
		{ALGORITHM_ED25519, "0000000000000000000000000000000000000000000000000000000000000000", LOW_ORDER, "Ed25519, order 4"},
		{ALGORITHM_ED25519, "0000000000000000000000000000000000000000000000000000000000000080", LOW_ORDER, "Ed25519, order 4, the other"},
		{ALGORITHM_ED25519, "c7176a703d4dd84fba3c0b760d10670f2a2053fa2c39ccc64ec7fd7792ac037a", LOW_ORDER, "Ed25519, order 8"},
		{ALGORITHM_ED25519, "c7176a703d4dd84fba3c0b760d10670f2a2053fa2c39ccc64ec7fd7792ac03fa", LOW_ORDER, "Ed25519, order 8, second"},
		{ALGORITHM_ED25519, "26e8958fc2b227b045c3f489f2ef98f0d5dfac05d3c63339b13802886d53fc05", LOW_ORDER, "Ed25519, order 8, third"},
		{ALGORITHM_ED25519, "26e8958fc2b227b045c3f489f2ef98f0d5dfac05d3c63339b13802886d53fc85", LOW_ORDER, "Ed25519, order 8, fourth"},
		{ALGORITHM_ED25519, "0100000000000000000000000000000000000000000000000000000000000080", LOW_ORDER, "Ed25519, x = 0 with a sign"},
		{ALGORITHM_ED25519, "ecffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffff", LOW_ORDER, "Ed25519, x = 0 with a sign, order 2"},
		{ALGORITHM_ED25519, "edffffffffffffffffffffffffffffffffffffffffffffffffffffffffffff7f", NOT_CANONICAL, "Ed25519, y = p"},
		{ALGORITHM_ED25519, "eeffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffff", NOT_CANONICAL, "Ed25519, y = p + 1 with a sign"},
		{ALGORITHM_ED25519, "f0ffffffffffffffffffffffffffffffffffffffffffffffffffffffffffff7f", NOT_CANONICAL, "Ed25519, y = p + 3, of full order"},
		{ALGORITHM_ED25519, "0200000000000000000000000000000000000000000000000000000000000000", NOT_ON_CURVE, "Ed25519, off the curve"},
		{ALGORITHM_ED448, "01" ZEROS_28 ZEROS_28, LOW_ORDER, "Ed448, order 1"},
		{ALGORITHM_ED448, "fe" ONES_27 "fe" ONES_27 "00", LOW_ORDER, "Ed448, order 2"},
		{ALGORITHM_ED448, "00" ZEROS_28 ZEROS_28, LOW_ORDER, "Ed448, order 4"},
		{ALGORITHM_ED448, "00" ZEROS_28 ZEROS_27 "80", LOW_ORDER, "Ed448, order 4, the other"},
		{ALGORITHM_ED448, "01" ZEROS_28 ZEROS_27 "80", LOW_ORDER, "Ed448, x = 0 with a sign"},
		{ALGORITHM_ED448, "ff" ONES_27 "fe" ONES_27 "00", NOT_CANONICAL, "Ed448, y = p"},
		{ALGORITHM_ED448, "02" ZEROS_27 "ff" ONES_27 "00", NOT_CANONICAL, "Ed448, y = p + 3, of full order"},
		{ALGORITHM_ED448, "00" ZEROS_28 ZEROS_27 "01", NOT_CANONICAL, "Ed448, y = 2^448"},
		{ALGORITHM_ED448, "02" ZEROS_28 ZEROS_28, NOT_ON_CURVE, "Ed448, off the curve"},
		/* these OpenSSL does not read */
		{ALGORITHM_ED25519, "58666666666666666666666666666666666666666666666666666666666666", NOT_WELL_FORMED, "Ed25519, 31 octets"},
		{ALGORITHM_ED25519, "586666666666666666666666666666666666666666666666666666666666666600", NOT_WELL_FORMED, "Ed25519, 33 octets"},
		{ALGORITHM_ED448, "01" ZEROS_28 ZEROS_27, NOT_WELL_FORMED, "Ed448, 56 octets"},
		{ALGORITHM_ED448, "01" ZEROS_28 ZEROS_28 "00", NOT_WELL_FORMED, "Ed448, 58 octets"},
	};
	static const char base_point[] = "5866666666666666666666666666666666666666666666666666666666666666";
	unsigned char bytes[64];
	size_t		size;

	for (size_t i = 0; i < sizeof(refused) / sizeof(refused[0]); i++)
	{
		OPENSSL_hexstr2buf_ex(bytes, sizeof(bytes), &size, refused[i].hex, '\0');
		refuse_key(test_point_pem(refused[i].algorithm, bytes, size), refused[i].algorithm, refused[i].words, refused[i].name);
	}
	OPENSSL_hexstr2buf_ex(bytes, sizeof(bytes), &size, base_point, '\0');
	accept_key(test_point_pem(ALGORITHM_ED25519, bytes, size), ALGORITHM_ED25519, "Ed25519, the base point");
}

/*
 * Elliptic curves
 */

/* A P-256 key as PEM, its point in any form and its curve by name or not. */
static char *
ec_pem(const EVP_PKEY *pkey, const char *point_format, const char *encoding)
{
	EVP_PKEY   *copy = EVP_PKEY_dup((EVP_PKEY *) pkey);
	char	   *pem;

	EVP_PKEY_set_utf8_string_param(copy, OSSL_PKEY_PARAM_EC_POINT_CONVERSION_FORMAT, point_format);
	EVP_PKEY_set_utf8_string_param(copy, OSSL_PKEY_PARAM_EC_ENCODING, encoding);
	pem = test_key_pem(copy);
	EVP_PKEY_free(copy);
	return pem;
}

/* A JWK has no way to say infinity; what it says off the curve is refused in the same words. */
static void
test_infinity(Algorithm algorithm)
{
	static const char words[] = "The members \"x\" and \"y\" are not a point of the curve.";
	const AlgorithmInfo *info = algorithm_info(algorithm);
	const JwkPolicy policy = {0};
	char		zeros[89] = "";
	char		text[300];
	char		name[64];
	Jwk		   *jwk;
	Detail		detail = {""};

	snprintf(name, sizeof(name), "%s, the point at infinity", info->curve);
	refuse_key(test_point_pem(algorithm, (const unsigned char *) "", 1), algorithm, words, name);

	memset(zeros, 'A', (info->coordinate_size * 4 + 2) / 3);
	snprintf(text, sizeof(text), "{\"kty\":\"EC\",\"crv\":\"%s\",\"x\":\"%s\",\"y\":\"%s\"}", info->curve, zeros, zeros);
	CHECK(jwk_parse(text, strlen(text), &policy, &jwk, &detail) == VERDICT_MALFORMED, "%s, (0, 0) as a JWK", info->curve);
	CHECK_TEXT(detail.text, words, "is refused in the same words");
	jwk_free(jwk);
}

/* Points that OpenSSL does not read: on no curve, or no points at all. */
static void
test_off_curve(Algorithm algorithm)
{
	const AlgorithmInfo *info = algorithm_info(algorithm);
	const size_t size = 1 + 2 * info->coordinate_size;
	unsigned char point[1 + 2 * 66];
	size_t		n;
	TestKey		key;
	char		name[64];

	test_key_make(&key, algorithm, NULL);
	EVP_PKEY_get_octet_string_param(key.pkey, OSSL_PKEY_PARAM_PUB_KEY, point, sizeof(point), &n);
	accept_key(test_point_pem(algorithm, point, size), algorithm, info->curve);
	point[size - 1] ^= 1;
	snprintf(name, sizeof(name), "%s, off the curve", info->curve);
	refuse_key(test_point_pem(algorithm, point, size), algorithm, NOT_WELL_FORMED, name);
	point[size - 1] ^= 1;
	snprintf(name, sizeof(name), "%s, an octet short", info->curve);
	refuse_key(test_point_pem(algorithm, point, size - 1), algorithm, NOT_WELL_FORMED, name);
	memset(point + 1, 0xff, info->coordinate_size);
	snprintf(name, sizeof(name), "%s, x > p", info->curve);
	refuse_key(test_point_pem(algorithm, point, size), algorithm, NOT_WELL_FORMED, name);
	memset(point + 1, 0, size - 1);
	snprintf(name, sizeof(name), "%s, (0, 0)", info->curve);
	refuse_key(test_point_pem(algorithm, point, size), algorithm, NOT_WELL_FORMED, name);
	snprintf(name, sizeof(name), "%s, no octets", info->curve);
	refuse_key(test_point_pem(algorithm, point, 0), algorithm, NOT_WELL_FORMED, name);
	test_key_free(&key);
}

static void
test_ec(const TestKey *key)
{
	char	   *compressed = ec_pem(key->pkey, "compressed", "named_curve");
	char	   *explicit = ec_pem(key->pkey, "uncompressed", "explicit");
	Jwk		   *jwk;
	Detail		detail = {""};
	Verdict		verdict;

	for (int i = ALGORITHM_ES256; i <= ALGORITHM_ES256K; i++)
	{
		test_infinity((Algorithm) i);
		test_off_curve((Algorithm) i);
	}
	CHECK_VERDICT(jwk_from_pem(compressed, strlen(compressed), ALGORITHM_ES256, NULL, &jwk, &detail), &detail, VERDICT_OK, "a compressed point");
	CHECK(jwk != NULL && strcmp(jwk->thumbprint, key->jwk->thumbprint) == 0, "is the same key");
	jwk_free(jwk);

	/* OpenSSL may or may not find the curve's name; another key it must not be */
	verdict = jwk_from_pem(explicit, strlen(explicit), ALGORITHM_ES256, NULL, &jwk, &detail);
	CHECK(strlen(explicit) > 300 && (verdict == VERDICT_MALFORMED ||
		  (verdict == VERDICT_OK && strcmp(jwk->thumbprint, key->jwk->thumbprint) == 0)),
		  "explicit parameters: %s", verdict_name(verdict));
	jwk_free(jwk);
	free(compressed);
	free(explicit);
}

static void
check_same(char *pem, const TestKey *key, const char *name)
{
	Jwk		   *jwk;
	Detail		detail = {""};

	CHECK_VERDICT(jwk_from_pem(pem, strlen(pem), key->algorithm, NULL, &jwk, &detail), &detail, VERDICT_OK, name);
	CHECK(jwk != NULL && strcmp(jwk->thumbprint, key->jwk->thumbprint) == 0, "is the same key");
	jwk_free(jwk);
	free(pem);
}

static void
refuse_kind(EVP_PKEY *pkey, const char *name)
{
	refuse_key(test_key_pem(pkey), ALGORITHM_UNKNOWN, NO_MEMBERS, name);
	EVP_PKEY_free(pkey);
}

/* EVP_PKEY_Q_keygen() does not know this type. */
static EVP_PKEY *
make_rsa_pss(void)
{
	EVP_PKEY_CTX *ctx = EVP_PKEY_CTX_new_from_name(NULL, "RSA-PSS", NULL);
	EVP_PKEY   *pkey = NULL;

	EVP_PKEY_keygen_init(ctx);
	EVP_PKEY_generate(ctx, &pkey);
	EVP_PKEY_CTX_free(ctx);
	return pkey;
}

static void
test_kinds(void)
{
	/* on P-224 */
	static const char infinity[] =
		"-----BEGIN PUBLIC KEY-----\n"
		"MBYwEAYHKoZIzj0CAQYFK4EEACEDAgAA\n"
		"-----END PUBLIC KEY-----\n";

	refuse_kind(EVP_PKEY_Q_keygen(NULL, NULL, "X25519"), "X25519");
	refuse_kind(EVP_PKEY_Q_keygen(NULL, NULL, "X448"), "X448");
	refuse_kind(EVP_PKEY_Q_keygen(NULL, NULL, "EC", "brainpoolP256r1"), "a curve that JOSE does not know");
	refuse_kind(EVP_PKEY_Q_keygen(NULL, NULL, "EC", "P-224"), "a curve of NIST that JOSE does not know");
	refuse_key(strdup(infinity), ALGORITHM_UNKNOWN, NO_MEMBERS, "infinity on a curve that JOSE does not know");
	refuse_kind(make_rsa_pss(), "a key restricted to PSS");
}

/* Refuse a key with octets after it in its block, and one that lacks its last octet. */
static void
refuse_more(const char *label, const unsigned char *der, int size, const char *name)
{
	static const unsigned char zeros[64] = {0};
	unsigned char *longer = malloc((size_t) size * 2);

	memcpy(longer, der, (size_t) size);
	memcpy(longer + size, der, (size_t) size);
	refuse_key(block_pem(label, longer, size * 2), ALGORITHM_RS256, NOT_WELL_FORMED, name);
	memcpy(longer + size, zeros, sizeof(zeros));
	refuse_key(block_pem(label, longer, size + 1), ALGORITHM_RS256, NOT_WELL_FORMED, name);
	refuse_key(block_pem(label, longer, size + 64), ALGORITHM_RS256, NOT_WELL_FORMED, name);
	refuse_key(block_pem(label, der, size - 1), ALGORITHM_RS256, NOT_WELL_FORMED, name);
	accept_key(block_pem(label, der, size), ALGORITHM_RS256, label);
	free(longer);
}

/* A certificate that OpenSSL reads, of a key that it does not know. */
static void
test_unknown_key(const TestKey *key)
{
	static const unsigned char ec_public_key[] = {0x06, 0x07, 0x2A, 0x86, 0x48, 0xCE, 0x3D, 0x02, 0x01};
	char	   *certificate = certificate_pem(key->pkey, key->pkey);
	BIO		   *bio = BIO_new_mem_buf(certificate, -1);
	unsigned char *der = NULL;
	char	   *label;
	char	   *header;
	long		size;
	int			n_changed = 0;

	PEM_read_bio(bio, &label, &header, &der, &size);
	for (long i = 0; i + (long) sizeof(ec_public_key) <= size; i++)
	{
		if (memcmp(der + i, ec_public_key, sizeof(ec_public_key)) == 0)
		{
			der[i + (long) sizeof(ec_public_key) - 1] = 0x63;
			n_changed++;
		}
	}
	CHECK(n_changed == 1, "a certificate names its key's type once");
	refuse_key(block_pem("CERTIFICATE", der, (int) size), ALGORITHM_ES256, NOT_WELL_FORMED, "a certificate of a key of unknown type");
	OPENSSL_free(der);
	OPENSSL_free(label);
	OPENSSL_free(header);
	BIO_free(bio);
	free(certificate);
}

/* A good key, in a block that says that it is encrypted. */
static void
test_header(const TestKey *key)
{
	char	   *pem = test_key_pem(key->pkey);
	char	   *body = strchr(pem, '\n') + 1;
	char	   *text = malloc(strlen(pem) + 200);

	sprintf(text, "%.*sProc-Type: 4,ENCRYPTED\nDEK-Info: AES-128-CBC,00000000000000000000000000000000\n\n%s",
			(int) (body - pem), pem, body);
	refuse_key(text, ALGORITHM_ES256, "The PEM block has a header, as encrypted keys have; a public key without one is expected.", "a block that is encrypted");
	free(pem);
}

static void
test_octets_after_the_key(void)
{
	EVP_PKEY   *rsa = EVP_PKEY_Q_keygen(NULL, NULL, "RSA", (size_t) 2048);
	char	   *certificate = certificate_pem(rsa, rsa);
	BIO		   *bio = BIO_new_mem_buf(certificate, -1);
	unsigned char *der = NULL;
	char	   *label;
	char	   *header;
	long		certificate_size;
	int			size = i2d_PUBKEY(rsa, &der);

	refuse_more("PUBLIC KEY", der, size, "octets after a public key");
	OPENSSL_free(der);
	der = NULL;
	size = i2d_PublicKey(rsa, &der);
	refuse_more("RSA PUBLIC KEY", der, size, "octets after a public key of PKCS #1");
	OPENSSL_free(der);
	der = NULL;
	PEM_read_bio(bio, &label, &header, &der, &certificate_size);
	refuse_more("CERTIFICATE", der, (int) certificate_size, "octets after a certificate");
	OPENSSL_free(der);
	OPENSSL_free(label);
	OPENSSL_free(header);
	BIO_free(bio);
	free(certificate);
	EVP_PKEY_free(rsa);
}

static void
test_labels(const TestKey *ec)
{
	TestKey		rsa;
	BIO		   *bio = BIO_new(BIO_s_mem());
	char	   *pem;

	test_key_make(&rsa, ALGORITHM_RS256, NULL);
	pem = test_key_pem(rsa.pkey);
	refuse(pem, strlen(pem), ALGORITHM_UNKNOWN, VERDICT_MALFORMED, "alg", "RSA without an algorithm");
	free(pem);
	check_same(test_key_pem(rsa.pkey), &rsa, "PUBLIC KEY");
	check_same(certificate_pem(rsa.pkey, rsa.pkey), &rsa, "CERTIFICATE, an expired one");
	PEM_write_bio_PUBKEY(bio, rsa.pkey);
	BIO_free(bio);
	bio = BIO_new(BIO_s_mem());
	{
		unsigned char *der = NULL;
		int			size = i2d_PublicKey(rsa.pkey, &der);

		PEM_write_bio(bio, "RSA PUBLIC KEY", "", der, size);
		OPENSSL_free(der);
	}
	check_same(bio_text(bio), &rsa, "RSA PUBLIC KEY");
	check_same(certificate_pem(ec->pkey, ec->pkey), ec, "an EC certificate");
	test_key_free(&rsa);
	refuse("-----BEGIN PGP KEY-----\nAAAA\n-----END PGP KEY-----\n", 51, ALGORITHM_RS256, VERDICT_MALFORMED, "PGP KEY", "another label");
	refuse("-----BEGIN PUBLIC KEY-----\nAAAA\n-----END PUBLIC KEY-----\n", 57, ALGORITHM_RS256, VERDICT_MALFORMED, "PEM", "no DER inside");
}

int
main(void)
{
	TestKey		key;
	BIGNUM	   *n = BN_new();

	test_key_make(&key, ALGORITHM_ES256, NULL);
	test_form(&key);
	test_edges(&key);
	test_private(&key);
	test_modulus(n, 2048);
	test_exponents(n);
	test_hostile_blocks(n, key.pkey);
	test_moduli(n);
	test_edwards();
	test_ec(&key);
	test_kinds();
	test_labels(&key);
	test_octets_after_the_key();
	test_unknown_key(&key);
	test_header(&key);
	test_key_free(&key);
	BN_free(n);
	return finish();
}
