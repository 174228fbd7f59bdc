/*
 * key_material.h
 *		The numbers of a key, judged: from JWK members to OpenSSL and back.
 */
#ifndef TOKEN_AUTH_KEY_MATERIAL_H
#define TOKEN_AUTH_KEY_MATERIAL_H

#include <openssl/types.h>

#include "core/algorithm.h"
#include "core/verdict.h"

struct json_t;

/* octets of the longest number or secret: an RSA modulus of 8192 bits */
#define KEY_MATERIAL_MAX_SIZE 1024

/*
 * The public key that the members n and e, crv, x and y, or crv and x say.
 * The caller owns *pkey. VERDICT_MALFORMED, naming the member, for numbers
 * under which a signature can be forged or that cost too much to verify with.
 */
extern Verdict key_material_public(const struct json_t *jwk,
								   Algorithm algorithm, EVP_PKEY **pkey,
								   Detail *detail);

/*
 * The secret that the member k says, malloc'd; the caller cleanses and frees
 * it. At least as long as the digest (RFC 7518 section 3.2), and of no form
 * that secret_form_find() recognizes.
 */
extern Verdict key_material_secret(const struct json_t *jwk,
								   Algorithm algorithm,
								   unsigned char **secret, size_t *secret_size,
								   Detail *detail);

/* The members that say a public key, as a new JSON object of the caller's. */
extern Verdict key_material_members(const EVP_PKEY *pkey,
									struct json_t **members, Detail *detail);

#endif							/* TOKEN_AUTH_KEY_MATERIAL_H */
