/*
 * test_sign.h
 *		Issuers for tests: keys, and tokens signed with them.
 */
#ifndef TOKEN_AUTH_TEST_SIGN_H
#define TOKEN_AUTH_TEST_SIGN_H

#include <openssl/types.h>

#include "core/jwk.h"

/* A key to sign with, made anew; for HMAC a secret of fixed octets. */
typedef struct TestKey
{
	Algorithm	algorithm;
	EVP_PKEY   *pkey;			/* NULL for HMAC */
	unsigned char secret[64];
	Jwk		   *jwk;			/* what a verifier knows of it */
} TestKey;

extern void test_key_make(TestKey *key, Algorithm algorithm, const char *key_id);
extern void test_key_free(TestKey *key);

/* The public key in PEM; malloc'd. */
extern char *test_key_pem(const EVP_PKEY *pkey);

/*
 * Keys for tests that are not made but stated, in PEM; malloc'd. OpenSSL is
 * asked for no opinion of the numbers, and none of the octets of a point.
 */
extern char *test_rsa_pem(const BIGNUM *n, const BIGNUM *e);
extern char *test_point_pem(Algorithm algorithm, const unsigned char *point,
							size_t size);

/* A random odd number of so many bits without small factors. */
extern void test_modulus(BIGNUM *n, int bits);

/* One of 2048 bits, of the form that Infineon's library made (CVE-2017-15361). */
extern void test_roca_modulus(BIGNUM *n);

/* The compact JWS of header and payload text; malloc'd. */
extern char *test_sign(const TestKey *key, const char *header,
					   const char *payload);

/* header.payload.signature, of any octets; malloc'd. */
extern char *test_compact(const char *header, const char *payload,
						  const unsigned char *signature, size_t size);

/* Raw r || s from DER. */
extern size_t test_raw_ecdsa(const unsigned char *der, size_t size,
							 size_t half, unsigned char *raw);

#endif							/* TOKEN_AUTH_TEST_SIGN_H */
