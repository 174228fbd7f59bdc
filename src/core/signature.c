/*
 * signature.c
 *		Does this key's signature cover these bytes?
 *
 * The key says with which algorithm; the header only has to agree (RFC 8725
 * section 3.1). Of OpenSSL's answers 1 is yes and all others are no. Each
 * verification has a context of its own: copying into a used one crashes on
 * OpenSSL 3.5 and 3.6.
 */
#include "core/signature.h"

#include <limits.h>
#include <openssl/bn.h>
#include <openssl/core_names.h>
#include <openssl/crypto.h>
#include <openssl/ec.h>
#include <openssl/err.h>
#include <openssl/evp.h>
#include <openssl/hmac.h>
#include <openssl/rsa.h>
#include <stdbool.h>
#include <string.h>

#define EC_MAX_SIZE 66			/* octets of a number of the largest curve, P-521 */

static Verdict
out_of_memory(Detail *detail)
{
	return verdict_refuse(detail, VERDICT_OUT_OF_MEMORY, "Out of memory.");
}

/* Empty OpenSSL's queue of errors. Does it say that memory ran out? */
static bool
errors_tell_of_memory(void)
{
	bool		found = false;
	unsigned long error;

	while ((error = ERR_get_error()) != 0)
		found = found || ERR_GET_REASON(error) == ERR_R_MALLOC_FAILURE;
	return found;
}

static Verdict
refuse_signature(Detail *detail)
{
	return verdict_refuse(detail, VERDICT_SIGNATURE_INVALID,
						  "The signature is not that of the key over this header and payload.");
}

/* A FIPS build, say, without this curve: not the signature's fault. */
static Verdict
not_available(const AlgorithmInfo *info, Detail *detail)
{
	return verdict_refuse(detail, VERDICT_ALGORITHM_REFUSED,
						  "This server's OpenSSL cannot verify %s.", info->name);
}

static Verdict
verify_hmac(const Jws *jws, const Jwk *jwk, const AlgorithmInfo *info,
			Detail *detail)
{
	unsigned char expected[EVP_MAX_MD_SIZE];
	unsigned int size = 0;
	const EVP_MD *digest = EVP_get_digestbyname(info->digest);
	bool		computed;
	bool		equal;

	if (digest == NULL || jwk->secret_size > INT_MAX)
		return not_available(info, detail);
	computed = HMAC(digest, jwk->secret, (int) jwk->secret_size,
					(const unsigned char *) jws->text, jws->signing_input_size,
					expected, &size) != NULL;
	ERR_clear_error();
	if (!computed)
		return out_of_memory(detail);

	equal = size == jws->signature_size &&
		CRYPTO_memcmp(expected, jws->signature, size) == 0;
	OPENSSL_cleanse(expected, sizeof(expected));
	return equal ? VERDICT_OK : refuse_signature(detail);
}

/* RFC 7518 section 3.5: MGF1 with the same digest, a salt as long as it. */
static bool
set_pss(EVP_PKEY_CTX *ctx)
{
	return EVP_PKEY_CTX_set_rsa_padding(ctx, RSA_PKCS1_PSS_PADDING) == 1 &&
		EVP_PKEY_CTX_set_rsa_pss_saltlen(ctx, RSA_PSS_SALTLEN_DIGEST) == 1;
}

/* Verify with a public key; signature as OpenSSL wants it. */
static Verdict
verify_digest(const Jws *jws, const Jwk *jwk, const AlgorithmInfo *info,
			  const unsigned char *signature, size_t signature_size,
			  Detail *detail)
{
	EVP_MD_CTX *ctx = EVP_MD_CTX_new();
	EVP_PKEY_CTX *key_ctx = NULL;	/* ctx's own */
	Verdict		verdict;

	if (ctx == NULL)
		return out_of_memory(detail);
	ERR_clear_error();			/* what others left there says nothing of this one */
	if (EVP_DigestVerifyInit_ex(ctx, &key_ctx, info->digest, NULL, NULL,
								jwk->pkey, NULL) != 1 ||
		(info->family == FAMILY_RSA_PSS && !set_pss(key_ctx)))
		verdict = not_available(info, detail);
	else if (EVP_DigestVerify(ctx, signature, signature_size,
							  (const unsigned char *) jws->text,
							  jws->signing_input_size) == 1)
		verdict = VERDICT_OK;
	else
		verdict = refuse_signature(detail);
	EVP_MD_CTX_free(ctx);
	return errors_tell_of_memory() && verdict != VERDICT_OK
		? out_of_memory(detail) : verdict;
}

static Verdict
verify_as_it_is(const Jws *jws, const Jwk *jwk, const AlgorithmInfo *info,
				Detail *detail)
{
	return verify_digest(jws, jwk, info, jws->signature, jws->signature_size,
						 detail);
}

/*
 * Is number in 1 .. order - 1? Zeros would verify for every message in
 * libraries that forget to ask (CVE-2022-21449).
 */
static bool
in_range(const unsigned char *number, const AlgorithmInfo *info)
{
	static const unsigned char zero[EC_MAX_SIZE];

	return memcmp(number, zero, info->coordinate_size) != 0 &&
		memcmp(number, info->order, info->coordinate_size) < 0;
}

/*
 * The DER that OpenSSL wants, of the r and s that RFC 7518 section 3.4 has.
 * Returns its size, 0 if r or s is out of range, or -1 on out of memory. The
 * caller frees *der with OPENSSL_free().
 */
static int
der_from_raw(const Jws *jws, const AlgorithmInfo *info, unsigned char **der)
{
	const size_t half = info->coordinate_size;
	BIGNUM	   *r;
	BIGNUM	   *s;
	ECDSA_SIG  *pair;
	int			size = -1;

	if (!in_range(jws->signature, info) || !in_range(jws->signature + half, info))
		return 0;
	r = BN_bin2bn(jws->signature, (int) half, NULL);
	s = BN_bin2bn(jws->signature + half, (int) half, NULL);
	pair = ECDSA_SIG_new();
	if (r != NULL && s != NULL && pair != NULL && ECDSA_SIG_set0(pair, r, s) == 1)
	{
		r = s = NULL;			/* pair's now */
		size = i2d_ECDSA_SIG(pair, der);
	}
	BN_free(r);
	BN_free(s);
	ECDSA_SIG_free(pair);
	ERR_clear_error();
	return size;
}

static Verdict
verify_ecdsa(const Jws *jws, const Jwk *jwk, const AlgorithmInfo *info,
			 Detail *detail)
{
	unsigned char *der = NULL;
	int			size = der_from_raw(jws, info, &der);
	Verdict		verdict;

	if (size < 0)
		verdict = out_of_memory(detail);
	else if (size == 0)
		verdict = refuse_signature(detail);
	else
		verdict = verify_digest(jws, jwk, info, der, (size_t) size, detail);
	OPENSSL_free(der);
	return verdict;
}

typedef Verdict (*Verifier) (const Jws *jws, const Jwk *jwk,
							 const AlgorithmInfo *info, Detail *detail);

static const Verifier verifiers[] = {
	[FAMILY_HMAC] = verify_hmac,
	[FAMILY_RSA_PKCS1] = verify_as_it_is,
	[FAMILY_RSA_PSS] = verify_as_it_is,
	[FAMILY_ECDSA] = verify_ecdsa,
	[FAMILY_EDDSA] = verify_as_it_is,
};

/*
 * OpenSSL keeps what it has once fetched by name. What this build or its
 * configuration has not is refused when a signature needs it.
 */
void
signature_prepare(void)
{
	static const struct
	{
		const char *key;
		const char *signature;
	}			names[] = {
		{"RSA", "RSA"},
		{"EC", "ECDSA"},
		{"ED25519", "ED25519"},
		{"ED448", "ED448"},
	};

	for (size_t i = 0; i < sizeof(names) / sizeof(names[0]); i++)
	{
		EVP_KEYMGMT_free(EVP_KEYMGMT_fetch(NULL, names[i].key, NULL));
		EVP_SIGNATURE_free(EVP_SIGNATURE_fetch(NULL, names[i].signature, NULL));
	}
	for (int i = ALGORITHM_UNKNOWN + 1; i < ALGORITHM_COUNT; i++)
	{
		const char *digest = algorithm_info((Algorithm) i)->digest;

		if (digest != NULL)
			EVP_MD_free(EVP_MD_fetch(NULL, digest, NULL));
	}
	EVP_MAC_free(EVP_MAC_fetch(NULL, OSSL_MAC_NAME_HMAC, NULL));
	ERR_clear_error();
}

/*
 * VERDICT_OK, VERDICT_SIGNATURE_INVALID, or VERDICT_ALGORITHM_REFUSED if the
 * header's alg does not mean the key's algorithm.
 */
Verdict
signature_verify(const Jws *jws, const Jwk *jwk, Detail *detail)
{
	const AlgorithmInfo *info = algorithm_info(jwk->algorithm);

	if (info == NULL ||
		(jws->algorithms & ALGORITHM_BIT(jwk->algorithm)) == 0)
		return verdict_refuse(detail, VERDICT_ALGORITHM_REFUSED,
							  "The algorithm in the token's header is not that of the key.");
	if (jws->signature_size != jwk->signature_size)
		return verdict_refuse(detail, VERDICT_SIGNATURE_INVALID,
							  "The signature has %zu bytes; those of the key have %zu.",
							  jws->signature_size, jwk->signature_size);
	return verifiers[info->family] (jws, jwk, info, detail);
}
