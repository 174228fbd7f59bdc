/*
 * forger_sabotage.c
 *		Faults in the verifier, of the kinds that verifiers have had.
 *
 * The linker leads calls between the rooms of the core, and from them to
 * jansson and OpenSSL, through here (ld's --wrap). A forger that does not
 * notice such a fault would not notice it in the code either.
 */
#include <jansson.h>
#include <openssl/ec.h>
#include <openssl/evp.h>
#include <openssl/hmac.h>
#include <openssl/rsa.h>
#include <stdlib.h>
#include <string.h>

#include "core/base64url.h"
#include "core/jwk.h"
#include "core/media_type.h"
#include "core/signature.h"
#include "core/strict_json.h"
#include "forger.h"

#define WRAP(type, name, arguments) \
	extern type __real_##name arguments; \
	extern type __wrap_##name arguments; \
	type __wrap_##name arguments

/* CVE-2015-9235 and many after it: the header says HMAC, so the key is a secret. */
static bool
is_mac_of_pem(const Jws *jws, const Jwk *jwk)
{
	char	   *pem;
	bool		matches = false;

	if (jwk->pkey == NULL)
		return false;
	pem = test_key_pem(jwk->pkey);
	for (int i = ALGORITHM_HS256; i <= ALGORITHM_HS512; i++)
	{
		unsigned char mac[64];
		unsigned int size;

		HMAC(EVP_get_digestbyname(algorithm_info((Algorithm) i)->digest), pem, (int) strlen(pem),
			 (const unsigned char *) jws->text, jws->signing_input_size, mac, &size);
		matches = matches || (jws->algorithms == ALGORITHM_BIT(i) && jws->signature_size == size &&
							  memcmp(jws->signature, mac, size) == 0);
	}
	free(pem);
	return matches;
}

/* Put r and s in place of a signature that is DER. */
static void
unwrap_der(Jws *jws, size_t half, unsigned char raw[132])
{
	const unsigned char *der = jws->signature;
	ECDSA_SIG  *pair = d2i_ECDSA_SIG(NULL, &der, (long) jws->signature_size);

	if (pair == NULL)
		return;
	ECDSA_SIG_free(pair);
	jws->signature_size = test_raw_ecdsa(jws->signature, jws->signature_size, half, raw);
	jws->signature = raw;
}

/* What verify says once its view of the token has been bent. */
static Verdict
verify_bent(Jws bent, const Jwk *jwk, Verdict (*verify) (const Jws *, const Jwk *, Detail *))
{
	const AlgorithmInfo *info = algorithm_info(jwk->algorithm);
	unsigned char raw[132];

	if (forger_sabotage == SABOTAGE_ALGORITHM_IGNORED)
		bent.algorithms = ALGORITHM_BIT(jwk->algorithm);
	if (forger_sabotage == SABOTAGE_SIGNATURE_LENGTH && bent.signature_size > jwk->signature_size)
		bent.signature_size = jwk->signature_size;
	if (forger_sabotage == SABOTAGE_DER && info->family == FAMILY_ECDSA)
		unwrap_der(&bent, info->coordinate_size, raw);
	return verify(&bent, jwk, NULL);
}

WRAP(Verdict, signature_verify, (const Jws *jws, const Jwk *jwk, Detail *detail))
{
	if (forger_sabotage == SABOTAGE_NO_SIGNATURE)
		return VERDICT_OK;
	if (forger_sabotage == SABOTAGE_HEADER_CHOOSES && is_mac_of_pem(jws, jwk))
		return VERDICT_OK;
	if (forger_sabotage == SABOTAGE_ALGORITHM_IGNORED || forger_sabotage == SABOTAGE_DER ||
		forger_sabotage == SABOTAGE_SIGNATURE_LENGTH)
		return verify_bent(*jws, jwk, __real_signature_verify);
	return __real_signature_verify(jws, jwk, detail);
}

WRAP(Verdict, jwk_select, (const Jwk *const *keys, size_t n_keys, const char *key_id,
						   AlgorithmSet algorithms, const Jwk **selected, Detail *detail))
{
	if (forger_sabotage == SABOTAGE_KID_IGNORED)
		key_id = NULL;
	if (forger_sabotage == SABOTAGE_HEADER_CHOOSES || forger_sabotage == SABOTAGE_ALGORITHM_IGNORED)
		algorithms = ALGORITHMS_PUBLIC | ALGORITHMS_SECRET;
	return __real_jwk_select(keys, n_keys, key_id, algorithms, selected, detail);
}

/* As most decoders are: what the last character says too much is dropped. */
WRAP(bool, base64url_decode, (const char *text, size_t length, unsigned char *bytes, size_t *n_bytes))
{
	static const char alphabet[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_";
	const char *last = length > 0 && text[length - 1] != '\0' ? strchr(alphabet, text[length - 1]) : NULL;
	const int	kept = length % 4 == 2 ? 0x30 : length % 4 == 3 ? 0x3C : 0x3F;
	char	   *copy;
	bool		done;

	if (forger_sabotage != SABOTAGE_TAIL_BITS || last == NULL)
		return __real_base64url_decode(text, length, bytes, n_bytes);
	copy = malloc(length);
	memcpy(copy, text, length);
	copy[length - 1] = alphabet[(last - alphabet) & kept];
	done = __real_base64url_decode(copy, length, bytes, n_bytes);
	free(copy);
	return done;
}

WRAP(int, EVP_PKEY_CTX_set_rsa_pss_saltlen, (EVP_PKEY_CTX *ctx, int size))
{
	const bool	verifies = EVP_PKEY_CTX_get_operation(ctx) == EVP_PKEY_OP_VERIFYCTX;

	if (forger_sabotage == SABOTAGE_SALT && verifies)
		size = RSA_PSS_SALTLEN_AUTO;
	return __real_EVP_PKEY_CTX_set_rsa_pss_saltlen(ctx, size);
}

WRAP(json_t *, json_loadb, (const char *text, size_t length, size_t flags, json_error_t *error))
{
	json_t	   *value;

	if (forger_sabotage == SABOTAGE_DUPLICATES)
		flags &= ~(size_t) JSON_REJECT_DUPLICATES;
	if (forger_sabotage == SABOTAGE_TRAILING_BYTES)
		flags |= JSON_DISABLE_EOF_CHECK;
	if (forger_sabotage == SABOTAGE_NUL)
		flags |= JSON_ALLOW_NUL;
	value = __real_json_loadb(text, length, flags, error);

	/* an array of two elements is how the core reads one value */
	while (forger_sabotage == SABOTAGE_TRAILING_VALUES && json_array_size(value) > 2)
		json_array_remove(value, 2);
	return value;
}

WRAP(Verdict, strict_json_object, (const char *text, size_t length, const JsonLimits *limits,
								   struct json_t **object, Detail *detail))
{
	const JsonLimits none = {SIZE_MAX, SIZE_MAX, SIZE_MAX, SIZE_MAX, "text", false};

	if (forger_sabotage == SABOTAGE_NO_LIMITS)
		limits = &none;
	return __real_strict_json_object(text, length, limits, object, detail);
}

WRAP(json_t *, json_object_get, (const json_t *object, const char *name))
{
	if (forger_sabotage == SABOTAGE_CRIT_IGNORED && name != NULL && strcmp(name, "crit") == 0)
		return NULL;
	return __real_json_object_get(object, name);
}

WRAP(bool, media_type_equal, (const char *a, const char *b))
{
	if (forger_sabotage == SABOTAGE_NESTED && strcmp(b, "JWT") == 0)
		return false;
	return __real_media_type_equal(a, b);
}

WRAP(Verdict, claims_check, (ClaimCheck check, const char *type, const struct json_t *claims,
							 const ClaimPolicy *policy, int64_t now_us, Detail *detail))
{
	if ((int) forger_sabotage == SABOTAGE_CLAIM_CHECK + (int) check)
		return VERDICT_OK;
	return __real_claims_check(check, type, claims, policy, now_us, detail);
}

WRAP(Verdict, claims_check_required, (const struct json_t *claims, const ClaimPolicy *policy,
									  ClaimReading *reading, Detail *detail))
{
	if ((int) forger_sabotage == SABOTAGE_CLAIM_CHECK + CLAIM_CHECK_REQUIRED)
		return claims_read(claims, policy, reading, detail);
	return __real_claims_check_required(claims, policy, reading, detail);
}
