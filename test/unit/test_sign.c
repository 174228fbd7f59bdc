/*
 * test_sign.c
 *		Issuers for tests: keys, and tokens signed with them.
 */
#include "test_sign.h"

#include <openssl/bio.h>
#include <openssl/bn.h>
#include <openssl/core_names.h>
#include <openssl/ec.h>
#include <openssl/evp.h>
#include <openssl/hmac.h>
#include <openssl/objects.h>
#include <openssl/param_build.h>
#include <openssl/pem.h>
#include <openssl/rsa.h>
#include <openssl/x509.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "core/base64url.h"

static void
require(int condition, const char *what)
{
	if (condition)
		return;
	printf("Bail out! %s\n", what);
	exit(1);
}

static EVP_PKEY *
generate(const AlgorithmInfo *info)
{
	switch (info->family)
	{
		case FAMILY_RSA_PKCS1:
		case FAMILY_RSA_PSS:
			return EVP_PKEY_Q_keygen(NULL, NULL, "RSA", (size_t) 2048);
		case FAMILY_ECDSA:
			return EVP_PKEY_Q_keygen(NULL, NULL, "EC", info->curve);
		case FAMILY_EDDSA:
			return EVP_PKEY_Q_keygen(NULL, NULL, info->curve);
		case FAMILY_HMAC:
			break;
	}
	return NULL;
}

char *
test_key_pem(const EVP_PKEY *pkey)
{
	BIO		   *bio = BIO_new(BIO_s_mem());
	char	   *data;
	char	   *pem;
	long		size;

	require(PEM_write_bio_PUBKEY(bio, pkey) == 1, "cannot write PEM");
	size = BIO_get_mem_data(bio, &data);
	pem = strndup(data, (size_t) size);
	BIO_free(bio);
	return pem;
}

char *
test_rsa_pem(const BIGNUM *n, const BIGNUM *e)
{
	OSSL_PARAM_BLD *builder = OSSL_PARAM_BLD_new();
	EVP_PKEY_CTX *ctx = EVP_PKEY_CTX_new_from_name(NULL, "RSA", NULL);
	EVP_PKEY   *pkey = NULL;
	OSSL_PARAM *params;
	char	   *pem;

	OSSL_PARAM_BLD_push_BN(builder, OSSL_PKEY_PARAM_RSA_N, n);
	OSSL_PARAM_BLD_push_BN(builder, OSSL_PKEY_PARAM_RSA_E, e);
	params = OSSL_PARAM_BLD_to_param(builder);
	require(EVP_PKEY_fromdata_init(ctx) == 1 &&
			EVP_PKEY_fromdata(ctx, &pkey, EVP_PKEY_PUBLIC_KEY, params) == 1,
			"cannot state an RSA key");
	pem = test_key_pem(pkey);
	OSSL_PARAM_free(params);
	OSSL_PARAM_BLD_free(builder);
	EVP_PKEY_CTX_free(ctx);
	EVP_PKEY_free(pkey);
	return pem;
}

static int
curve_nid(const char *curve)
{
	int			nid = EC_curve_nist2nid(curve);

	return nid != NID_undef ? nid : OBJ_sn2nid(curve);
}

char *
test_point_pem(Algorithm algorithm, const unsigned char *point, size_t size)
{
	const AlgorithmInfo *info = algorithm_info(algorithm);
	X509_PUBKEY *key = X509_PUBKEY_new();
	BIO		   *bio = BIO_new(BIO_s_mem());
	unsigned char *octets = OPENSSL_memdup(point, size);
	char	   *data;
	char	   *pem;
	long		length;

	if (info->family == FAMILY_ECDSA)
		X509_PUBKEY_set0_param(key, OBJ_nid2obj(EVP_PKEY_EC), V_ASN1_OBJECT,
							   OBJ_nid2obj(curve_nid(info->curve)), octets, (int) size);
	else
		X509_PUBKEY_set0_param(key, OBJ_nid2obj(algorithm == ALGORITHM_ED448 ? EVP_PKEY_ED448 : EVP_PKEY_ED25519),
							   V_ASN1_UNDEF, NULL, octets, (int) size);
	require(PEM_write_bio_X509_PUBKEY(bio, key) == 1, "cannot state a point");
	length = BIO_get_mem_data(bio, &data);
	pem = strndup(data, (size_t) length);
	BIO_free(bio);
	X509_PUBKEY_free(key);
	return pem;
}

void
test_modulus(BIGNUM *n, int bits)
{
	bool		smooth;

	do
	{
		BN_rand(n, bits, BN_RAND_TOP_ONE, BN_RAND_BOTTOM_ODD);
		smooth = false;
		for (BN_ULONG p = 3; p < 200; p += 2)
			smooth = smooth || BN_mod_word(n, p) == 0;
	} while (smooth);
}

/* Each prime is k M + 65537^a mod M, M the product of small primes; so is n. */
void
test_roca_modulus(BIGNUM *n)
{
	static const int primes[] = {
		2, 3, 5, 7, 11, 13, 17, 19, 23, 29, 31, 37, 41, 43, 47, 53, 59, 61, 67, 71,
		73, 79, 83, 89, 97, 101, 103, 107, 109, 113, 127, 131, 137, 139, 149, 151,
		157, 163, 167
	};
	BN_CTX	   *ctx = BN_CTX_new();
	BIGNUM	   *m = BN_new();
	BIGNUM	   *base = BN_new();
	BIGNUM	   *power = BN_new();

	BN_one(m);
	for (size_t i = 0; i < sizeof(primes) / sizeof(primes[0]); i++)
		BN_mul_word(m, (BN_ULONG) primes[i]);
	BN_set_word(base, 65537);
	BN_set_word(n, 123456789);
	BN_mod_exp(power, base, n, m, ctx);
	BN_rand(n, 2048 - BN_num_bits(m), BN_RAND_TOP_TWO, BN_RAND_BOTTOM_ANY);
	BN_mul(n, n, m, ctx);
	BN_add(n, n, power);
	while (BN_num_bits(n) < 2048)
		BN_lshift1(m, m), BN_add(n, n, m);
	BN_free(power);
	BN_free(base);
	BN_free(m);
	BN_CTX_free(ctx);
}

static void
make_secret(TestKey *key, const char *key_id)
{
	const JwkPolicy policy = {.symmetric = true};
	char		encoded[BASE64URL_ENCODED_SIZE(sizeof(key->secret)) + 1];
	char		text[512];

	for (size_t i = 0; i < sizeof(key->secret); i++)
		key->secret[i] = (unsigned char) (i * 7 + 1);
	encoded[base64url_encode(key->secret, sizeof(key->secret), encoded)] = '\0';
	snprintf(text, sizeof(text), "{\"kty\":\"oct\",\"alg\":\"%s\",\"k\":\"%s\"%s%s%s}",
			 algorithm_info(key->algorithm)->name, encoded,
			 key_id ? ",\"kid\":\"" : "", key_id ? key_id : "", key_id ? "\"" : "");
	require(jwk_parse(text, strlen(text), &policy, &key->jwk, NULL) == VERDICT_OK,
			"cannot make a secret");
}

void
test_key_make(TestKey *key, Algorithm algorithm, const char *key_id)
{
	char	   *pem;

	memset(key, 0, sizeof(*key));
	key->algorithm = algorithm;
	key->pkey = generate(algorithm_info(algorithm));
	if (key->pkey == NULL)
	{
		make_secret(key, key_id);
		return;
	}
	pem = test_key_pem(key->pkey);
	require(jwk_from_pem(pem, strlen(pem), algorithm, key_id, &key->jwk, NULL) == VERDICT_OK,
			"cannot import a key");
	free(pem);
}

void
test_key_free(TestKey *key)
{
	EVP_PKEY_free(key->pkey);
	jwk_free(key->jwk);
}

size_t
test_raw_ecdsa(const unsigned char *der, size_t size, size_t half,
			   unsigned char *raw)
{
	ECDSA_SIG  *pair = d2i_ECDSA_SIG(NULL, &der, (long) size);

	require(pair != NULL, "no ECDSA signature");
	BN_bn2binpad(ECDSA_SIG_get0_r(pair), raw, (int) half);
	BN_bn2binpad(ECDSA_SIG_get0_s(pair), raw + half, (int) half);
	ECDSA_SIG_free(pair);
	return 2 * half;
}

static size_t
sign_octets(const TestKey *key, const char *input, unsigned char *signature,
			size_t room)
{
	const AlgorithmInfo *info = algorithm_info(key->algorithm);
	EVP_MD_CTX *ctx;
	EVP_PKEY_CTX *key_ctx;
	unsigned char raw[1024];
	size_t		size = room;

	if (info->family == FAMILY_HMAC)
	{
		unsigned int mac_size;

		HMAC(EVP_get_digestbyname(info->digest), key->secret, sizeof(key->secret),
			 (const unsigned char *) input, strlen(input), signature, &mac_size);
		return mac_size;
	}
	ctx = EVP_MD_CTX_new();
	require(EVP_DigestSignInit_ex(ctx, &key_ctx, info->digest, NULL, NULL, key->pkey, NULL) == 1,
			"cannot sign");
	if (info->family == FAMILY_RSA_PSS)
		require(EVP_PKEY_CTX_set_rsa_padding(key_ctx, RSA_PKCS1_PSS_PADDING) == 1 &&
				EVP_PKEY_CTX_set_rsa_pss_saltlen(key_ctx, RSA_PSS_SALTLEN_DIGEST) == 1,
				"cannot set PSS");
	require(EVP_DigestSign(ctx, signature, &size, (const unsigned char *) input, strlen(input)) == 1,
			"cannot sign");
	EVP_MD_CTX_free(ctx);
	if (info->family != FAMILY_ECDSA)
		return size;
	size = test_raw_ecdsa(signature, size, info->coordinate_size, raw);
	memcpy(signature, raw, size);
	return size;
}

static size_t
append(char *text, size_t used, const void *bytes, size_t n_bytes)
{
	return used + base64url_encode(bytes, n_bytes, text + used);
}

char *
test_compact(const char *header, const char *payload,
			 const unsigned char *signature, size_t size)
{
	char	   *text = malloc(BASE64URL_ENCODED_SIZE(strlen(header)) +
							  BASE64URL_ENCODED_SIZE(strlen(payload)) +
							  BASE64URL_ENCODED_SIZE(size) + 3);
	size_t		used = append(text, 0, header, strlen(header));

	text[used++] = '.';
	used = append(text, used, payload, strlen(payload));
	if (signature != NULL)
	{
		text[used++] = '.';
		used = append(text, used, signature, size);
	}
	text[used] = '\0';
	return text;
}

char *
test_sign(const TestKey *key, const char *header, const char *payload)
{
	unsigned char signature[2048];
	char	   *input = test_compact(header, payload, NULL, 0);
	size_t		size = sign_octets(key, input, signature, sizeof(signature));

	free(input);
	return test_compact(header, payload, signature, size);
}
