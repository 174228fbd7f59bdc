/* What PEM can say and a JWK cannot is refused; what it says else is the same key. */
#include "test.h"

#include <openssl/bio.h>
#include <openssl/ec.h>
#include <openssl/evp.h>
#include <openssl/param_build.h>
#include <openssl/core_names.h>
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
	CHECK(jwk == NULL, "and there is no key");
	jwk_free(jwk);
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
	refuse_joined(pem, "x", "text after");
	refuse_joined(pem, pem, "two blocks");
	refuse(pem, strlen(pem) - 10, ALGORITHM_ES256, VERDICT_MALFORMED, "PEM", "cut off");
	refuse(pem, strlen(pem) + 1, ALGORITHM_ES256, VERDICT_MALFORMED, "PEM", "a NUL after");
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
test_private(const TestKey *key)
{
	BIO		   *bio = BIO_new(BIO_s_mem());
	char	   *pem;

	PEM_write_bio_PrivateKey(bio, key->pkey, NULL, NULL, 0, NULL, NULL);
	pem = bio_text(bio);
	refuse(pem, strlen(pem), ALGORITHM_ES256, VERDICT_MALFORMED, "private", "a private key");
	free(pem);

	bio = BIO_new(BIO_s_mem());
	PEM_write_bio_PrivateKey(bio, key->pkey, EVP_aes_128_cbc(), (const unsigned char *) "secret", 6, NULL, NULL);
	pem = bio_text(bio);
	refuse(pem, strlen(pem), ALGORITHM_ES256, VERDICT_MALFORMED, "private", "an encrypted one, unasked for its passphrase");
	free(pem);

	bio = BIO_new(BIO_s_mem());
	PEM_write_bio_PrivateKey_traditional(bio, key->pkey, EVP_aes_128_cbc(), (const unsigned char *) "secret", 6, NULL, NULL);
	pem = bio_text(bio);
	refuse(pem, strlen(pem), ALGORITHM_ES256, VERDICT_MALFORMED, "private", "an old encrypted one");
	free(pem);
}

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

static void
test_ec(const TestKey *key)
{
	static const char infinity[] =
		"-----BEGIN PUBLIC KEY-----\n"
		"MBkwEwYHKoZIzj0CAQYIKoZIzj0DAQcDAgAA\n"
		"-----END PUBLIC KEY-----\n";
	char	   *compressed = ec_pem(key->pkey, "compressed", "named_curve");
	char	   *explicit = ec_pem(key->pkey, "uncompressed", "explicit");
	Jwk		   *jwk;
	Detail		detail = {""};
	Verdict		verdict;

	refuse(infinity, strlen(infinity), ALGORITHM_ES256, VERDICT_MALFORMED, "key", "the point at infinity");
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

static char *
certificate_pem(EVP_PKEY *pkey)
{
	X509	   *certificate = X509_new();
	BIO		   *bio = BIO_new(BIO_s_mem());

	ASN1_INTEGER_set(X509_get_serialNumber(certificate), 1);
	X509_gmtime_adj(X509_getm_notBefore(certificate), -7200);
	X509_gmtime_adj(X509_getm_notAfter(certificate), -3600);
	X509_set_pubkey(certificate, pkey);
	X509_sign(certificate, pkey, EVP_sha256());
	PEM_write_bio_X509(bio, certificate);
	X509_free(certificate);
	return bio_text(bio);
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
test_labels(const TestKey *ec)
{
	TestKey		rsa;
	BIO		   *bio = BIO_new(BIO_s_mem());
	EVP_PKEY   *small = EVP_PKEY_Q_keygen(NULL, NULL, "RSA", (size_t) 1024);
	EVP_PKEY   *x25519 = EVP_PKEY_Q_keygen(NULL, NULL, "X25519");
	EVP_PKEY   *brainpool = EVP_PKEY_Q_keygen(NULL, NULL, "EC", "brainpoolP256r1");
	EVP_PKEY   *pss = EVP_PKEY_Q_keygen(NULL, NULL, "RSA-PSS", (size_t) 2048);
	char	   *pem;

	pem = test_key_pem(small);
	refuse(pem, strlen(pem), ALGORITHM_RS256, VERDICT_MALFORMED, "1024 bits", "1024 bits");
	free(pem);
	pem = test_key_pem(x25519);
	refuse(pem, strlen(pem), ALGORITHM_ED25519, VERDICT_MALFORMED, "key", "X25519");
	free(pem);
	pem = test_key_pem(brainpool);
	refuse(pem, strlen(pem), ALGORITHM_ES256, VERDICT_MALFORMED, "key", "a curve that JOSE does not know");
	free(pem);
	if (pss != NULL)
	{
		pem = test_key_pem(pss);
		refuse(pem, strlen(pem), ALGORITHM_RS256, VERDICT_MALFORMED, "key", "a key restricted to PSS");
		free(pem);
	}
	EVP_PKEY_free(small);
	EVP_PKEY_free(x25519);
	EVP_PKEY_free(brainpool);
	EVP_PKEY_free(pss);

	test_key_make(&rsa, ALGORITHM_RS256, NULL);
	pem = test_key_pem(rsa.pkey);
	refuse(pem, strlen(pem), ALGORITHM_UNKNOWN, VERDICT_MALFORMED, "alg", "RSA without an algorithm");
	free(pem);
	check_same(test_key_pem(rsa.pkey), &rsa, "PUBLIC KEY");
	check_same(certificate_pem(rsa.pkey), &rsa, "CERTIFICATE, an expired one");
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
	check_same(certificate_pem(ec->pkey), ec, "an EC certificate");
	test_key_free(&rsa);
	refuse("-----BEGIN PGP KEY-----\nAAAA\n-----END PGP KEY-----\n", 51, ALGORITHM_RS256, VERDICT_MALFORMED, "PGP KEY", "another label");
	refuse("-----BEGIN PUBLIC KEY-----\nAAAA\n-----END PUBLIC KEY-----\n", 57, ALGORITHM_RS256, VERDICT_MALFORMED, "PEM", "no DER inside");
}

int
main(void)
{
	TestKey		key;

	test_key_make(&key, ALGORITHM_ES256, NULL);
	test_form(&key);
	test_private(&key);
	test_ec(&key);
	test_labels(&key);
	test_key_free(&key);
	return finish();
}
