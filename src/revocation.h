/*
 * revocation.h
 *		Which tokens are refused before their time.
 */
#ifndef TOKEN_AUTH_REVOCATION_H
#define TOKEN_AUTH_REVOCATION_H

#include "datatype/timestamp.h"
#include "revocation_signal.h"

typedef enum RevocationKind
{
	REVOCATION_TOKEN_ID,
	REVOCATION_DIGEST,
	REVOCATION_SESSION_ID,
	REVOCATION_SUBJECT,
	REVOCATION_CLIENT_ID,
	REVOCATION_ISSUER,
	REVOCATION_DEVICE_ID
} RevocationKind;

#define REVOCATION_KIND_COUNT (REVOCATION_DEVICE_ID + 1)

/* What a token can be revoked by. */
typedef struct RevocationKeys
{
	const char *issuer;
	const char *values[REVOCATION_KIND_COUNT];	/* as looked up; NULL: has none */
	uint32		hashes[REVOCATION_KIND_COUNT];	/* in signals; by revocation_hash_keys() */
	bool		has_signed_in_at;
	TimestampTz signed_in_at;	/* auth_time, else iat */
} RevocationKeys;

extern char *revocation_lookup_value(const char *value);
extern void revocation_hash_keys(RevocationKeys *keys);
extern bool revocation_stands(const RevocationKeys *keys, RevocationsHeard since);
extern const char *revocation_covers(const RevocationKeys *keys, bool may_learn);
extern char *revocation_free_source(const char *issuer, const char *kind,
									const char *value, const char *source);

#endif							/* TOKEN_AUTH_REVOCATION_H */
