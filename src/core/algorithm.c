/*
 * algorithm.c
 *		The closed table of signature algorithms.
 *
 * RFC 7518 section 3, RFC 8037 (EdDSA), RFC 8812 (ES256K), RFC 9864 (Ed25519,
 * Ed448). What is not here does not exist for us: "none" needs no rule.
 */
#include "core/algorithm.h"

#include <string.h>

#define HMAC(bits) \
	{ "HS" #bits, FAMILY_HMAC, "oct", NULL, "SHA" #bits, (bits) / 8, 0 }
#define RSA_PKCS1(bits) \
	{ "RS" #bits, FAMILY_RSA_PKCS1, "RSA", NULL, "SHA" #bits, 0, 0 }
#define RSA_PSS(bits) \
	{ "PS" #bits, FAMILY_RSA_PSS, "RSA", NULL, "SHA" #bits, 0, 0 }
#define ECDSA(name, curve, digest, size) \
	{ name, FAMILY_ECDSA, "EC", curve, digest, 2 * (size_t) (size), size }
#define EDDSA(name, size) \
	{ name, FAMILY_EDDSA, "OKP", name, NULL, 2 * (size_t) (size), size }

static const AlgorithmInfo algorithm_table[ALGORITHM_COUNT] = {
	[ALGORITHM_HS256] = HMAC(256),
	[ALGORITHM_HS384] = HMAC(384),
	[ALGORITHM_HS512] = HMAC(512),
	[ALGORITHM_RS256] = RSA_PKCS1(256),
	[ALGORITHM_RS384] = RSA_PKCS1(384),
	[ALGORITHM_RS512] = RSA_PKCS1(512),
	[ALGORITHM_PS256] = RSA_PSS(256),
	[ALGORITHM_PS384] = RSA_PSS(384),
	[ALGORITHM_PS512] = RSA_PSS(512),
	[ALGORITHM_ES256] = ECDSA("ES256", "P-256", "SHA256", 32),
	[ALGORITHM_ES384] = ECDSA("ES384", "P-384", "SHA384", 48),
	[ALGORITHM_ES512] = ECDSA("ES512", "P-521", "SHA512", 66),
	[ALGORITHM_ES256K] = ECDSA("ES256K", "secp256k1", "SHA256", 32),
	[ALGORITHM_ED25519] = EDDSA("Ed25519", 32),
	[ALGORITHM_ED448] = EDDSA("Ed448", 57),
};

/* What is known about an algorithm, or NULL for ALGORITHM_UNKNOWN. */
const AlgorithmInfo *
algorithm_info(Algorithm algorithm)
{
	if (algorithm == ALGORITHM_UNKNOWN ||
		(unsigned int) algorithm >= ALGORITHM_COUNT)
		return NULL;
	return &algorithm_table[algorithm];
}

AlgorithmSet
algorithm_set_by_name(const char *name)
{
	if (name == NULL)
		return 0;
	if (strcmp(name, "EdDSA") == 0)
		return ALGORITHM_BIT(ALGORITHM_ED25519) | ALGORITHM_BIT(ALGORITHM_ED448);

	for (int i = ALGORITHM_UNKNOWN + 1; i < ALGORITHM_COUNT; i++)
	{
		if (strcmp(name, algorithm_table[i].name) == 0)
			return ALGORITHM_BIT(i);
	}
	return 0;
}
