/*
 * algorithm.h
 *		The closed table of signature algorithms.
 */
#ifndef TOKEN_AUTH_ALGORITHM_H
#define TOKEN_AUTH_ALGORITHM_H

#include <stddef.h>
#include <stdint.h>

typedef enum Algorithm
{
	ALGORITHM_UNKNOWN,
	ALGORITHM_HS256,
	ALGORITHM_HS384,
	ALGORITHM_HS512,
	ALGORITHM_RS256,
	ALGORITHM_RS384,
	ALGORITHM_RS512,
	ALGORITHM_PS256,
	ALGORITHM_PS384,
	ALGORITHM_PS512,
	ALGORITHM_ES256,
	ALGORITHM_ES384,
	ALGORITHM_ES512,
	ALGORITHM_ES256K,
	ALGORITHM_ED25519,
	ALGORITHM_ED448
} Algorithm;

#define ALGORITHM_COUNT (ALGORITHM_ED448 + 1)

typedef enum AlgorithmFamily
{
	FAMILY_HMAC,
	FAMILY_RSA_PKCS1,
	FAMILY_RSA_PSS,
	FAMILY_ECDSA,
	FAMILY_EDDSA
} AlgorithmFamily;

typedef struct AlgorithmInfo
{
	const char *name;			/* as JWA spells it */
	AlgorithmFamily family;
	const char *key_type;		/* kty: oct, RSA, EC, OKP */
	const char *curve;			/* crv, or NULL */
	const char *digest;			/* OpenSSL's name, or NULL */
	size_t		signature_size; /* octets; 0: as long as the RSA modulus */
	size_t		coordinate_size;	/* octets of an EC coordinate or OKP point */
	const unsigned char *order; /* of an EC curve, coordinate_size octets; or NULL */
} AlgorithmInfo;

/* A set of algorithms, one bit each. */
typedef uint32_t AlgorithmSet;

#define ALGORITHM_BIT(algorithm) ((AlgorithmSet) 1 << (algorithm))
/* every algorithm verified with a public key */
#define ALGORITHMS_PUBLIC \
	((ALGORITHM_BIT(ALGORITHM_COUNT) - 1) & ~(ALGORITHM_BIT(ALGORITHM_RS256) - 1))
#define ALGORITHMS_SECRET \
	(ALGORITHM_BIT(ALGORITHM_HS256) | ALGORITHM_BIT(ALGORITHM_HS384) | ALGORITHM_BIT(ALGORITHM_HS512))

extern const AlgorithmInfo *algorithm_info(Algorithm algorithm);

/*
 * The algorithms that a name in a header, a key or a configuration can mean:
 * one, or for "EdDSA" (RFC 8037) both of its curves, or none for a name that
 * is not in the table. Names compare exactly (RFC 7515 section 4.1.1).
 */
extern AlgorithmSet algorithm_set_by_name(const char *name);

#endif							/* TOKEN_AUTH_ALGORITHM_H */
