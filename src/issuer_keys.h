/*
 * issuer_keys.h
 *		The keys of one issuer.
 */
#ifndef TOKEN_AUTH_ISSUER_KEYS_H
#define TOKEN_AUTH_ISSUER_KEYS_H

#include "core/token.h"

typedef struct IssuerKeys IssuerKeys;

extern const IssuerKeys *issuer_keys_load(const char *issuer, const char *name,
										  AlgorithmSet allowed);
extern TokenKeys issuer_keys_named(const IssuerKeys *keys,
								   const char *key_id);

#endif							/* TOKEN_AUTH_ISSUER_KEYS_H */
