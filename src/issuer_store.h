/*
 * issuer_store.h
 *		Issuers, and what their tokens must be.
 */
#ifndef TOKEN_AUTH_ISSUER_STORE_H
#define TOKEN_AUTH_ISSUER_STORE_H

#include "core/claims.h"
#include "datatype/timestamp.h"
#include "issuer_keys.h"

/* An issuer as it was at a configuration generation. */
typedef struct Issuer
{
	const char *issuer;			/* exact iss; "" for tokens without one */
	const char *name;
	const char *namespace;
	bool		enabled;
	bool		signs_access_tokens;
	const ClaimPolicy *policy;
	const IssuerKeys *keys;
} Issuer;

extern void issuer_store_init(void);
extern void issuer_store_renew(TimestampTz now);
extern const Issuer *issuer_store_find(const char *issuer);

#endif							/* TOKEN_AUTH_ISSUER_STORE_H */
