/*
 * jwk.h
 *		JSON Web Keys that are safe to verify with (RFC 7517, 7518, 8037).
 */
#ifndef TOKEN_AUTH_JWK_H
#define TOKEN_AUTH_JWK_H

#include <openssl/types.h>
#include <stdbool.h>

#include "core/algorithm.h"
#include "core/verdict.h"

struct json_t;

/* A usable key: it passed every check, and verifies exactly one algorithm. */
typedef struct Jwk
{
	char	   *key_id;			/* kid, or NULL */
	Algorithm	algorithm;
	char		thumbprint[44]; /* RFC 7638, SHA-256, base64url */
	EVP_PKEY   *pkey;			/* RSA, EC, OKP; NULL for oct */
	unsigned char *secret;		/* oct; NULL otherwise */
	size_t		secret_size;
	size_t		signature_size; /* octets of its signatures, exactly */
} Jwk;

/* What a registration asks of a key beyond being sound. */
typedef struct JwkPolicy
{
	/*
	 * Algorithms allowed, preferred first. A key that names none gets the
	 * first that fits its type; n_algorithms 0: a key must name its own, or
	 * have a type and curve that leave one choice.
	 */
	const Algorithm *algorithms;
	size_t		n_algorithms;
	bool		symmetric;		/* oct is expected, and only oct */
	bool		any_type;		/* oct and public keys, though not in one set */

	/*
	 * For issuers that publish several tenants' keys in one set (Microsoft
	 * Entra): a key's "issuer" member must equal this one, after {tenantid}
	 * is replaced by tenant. NULL: not looked at.
	 */
	const char *issuer;
	const char *tenant;
} JwkPolicy;

typedef struct JwkSetEntry
{
	Jwk		   *jwk;			/* NULL if unusable */
	char	   *key_id;			/* kid as printable text, or NULL */
	Detail		detail;			/* why unusable, naming the member */
} JwkSetEntry;

typedef struct JwkSet
{
	size_t		n_entries;
	JwkSetEntry *entries;
} JwkSet;

#define JWK_SET_MAX_KEYS 100

/*
 * A JWK, judged. The caller owns *jwk. VERDICT_MALFORMED, or
 * VERDICT_ALGORITHM_REFUSED for an algorithm that the policy does not allow;
 * the detail names the member.
 */
extern Verdict jwk_parse(const char *text, size_t length,
						 const JwkPolicy *policy, Jwk **jwk, Detail *detail);
extern Verdict jwk_from_json(const struct json_t *object,
							 const JwkPolicy *policy, Jwk **jwk,
							 Detail *detail);

/* Is there a member that only the owner of the key should have? */
extern Verdict jwk_check_private(const struct json_t *object,
								 const JwkPolicy *policy, Detail *detail);

/*
 * A public key in PEM: SubjectPublicKeyInfo, PKCS #1 or an X.509 certificate,
 * of which nothing but the key is read. ALGORITHM_UNKNOWN: as the key's type
 * and curve leave one choice. key_id may be NULL.
 */
extern Verdict jwk_from_pem(const char *pem, size_t length,
							Algorithm algorithm, const char *key_id,
							Jwk **jwk, Detail *detail);
extern void jwk_free(Jwk *jwk);

/* The registered form: public members, kid, alg, use; malloc'd; NULL on out of memory. */
extern char *jwk_public_text(const Jwk *jwk);

/* RFC 7638, SHA-256, base64url, of a JWK that need not be one to verify with. */
extern Verdict jwk_thumbprint(const char *text, size_t length,
							  char thumbprint[44], Detail *detail);
extern Verdict jwk_thumbprint_json(const struct json_t *object,
								   char thumbprint[44], Detail *detail);

/*
 * A JWK Set, or one JWK as a set of one.
 *
 * A key that cannot be used does not spoil the set. These do: a private member
 * anywhere, oct keys beside public ones, and more than JWK_SET_MAX_KEYS keys.
 * Two keys of one kid and algorithm are both unusable; the same key twice is
 * usable once.
 */
extern Verdict jwk_set_parse(const char *text, size_t length,
							 const JwkPolicy *policy, JwkSet **set,
							 Detail *detail);
extern void jwk_set_free(JwkSet *set);

/*
 * The one key that a token's kid and algorithms mean, among one issuer's keys.
 *
 *	key_id		the header's kid, or NULL		algorithms	what alg can mean
 *
 * VERDICT_KEY_UNKNOWN if there is none or more than one;
 * VERDICT_ALGORITHM_REFUSED if the only keys are for other algorithms.
 */
extern Verdict jwk_select(const Jwk *const *keys, size_t n_keys,
						  const char *key_id, AlgorithmSet algorithms,
						  const Jwk **selected, Detail *detail);

#endif							/* TOKEN_AUTH_JWK_H */
