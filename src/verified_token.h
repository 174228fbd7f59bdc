/*
 * verified_token.h
 *		Verified tokens, and the references that keep them in memory.
 */
#ifndef TOKEN_AUTH_VERIFIED_TOKEN_H
#define TOKEN_AUTH_VERIFIED_TOKEN_H

#include "core/claims.h"
#include "lib/ilist.h"
#include "revocation.h"
#include "utils/array.h"
#include "utils/jsonb.h"

/* Names, sorted bytewise, unique, none of them NULL. */
typedef struct NameSet
{
	ArrayType  *array;			/* text[] */
	text	  **names;			/* each of them, inside the array */
	int			n_names;
} NameSet;

/*
 * A token that passed every check once. Its content never changes;
 * authenticate() decides each time whether it still passes. It lives as long as
 * it is held or the cache remembers it.
 */
typedef struct VerifiedToken
{
	const char *raw;
	uint64		serial;			/* unlike that of any other, ever */

	/* what it says, in the database's encoding; NULL: it does not say */
	const char *namespace;
	text	   *issuer;
	text	   *issuer_name;
	text	   *identity;		/* issuer#subject */
	text	   *subject;
	text	   *client_id;
	text	   *token_id;
	text	   *session_id;
	text	   *device_id;
	ArrayType  *audience;
	NameSet		scopes;
	NameSet		roles;
	Jsonb	   *claims;
	ClaimTimes	times;
	bool		is_client;
	bool		roles_incomplete;

	/* by what it is judged again */
	TimePolicy	time_policy;
	RevocationKeys revocation_keys;
	const char *log_detail;		/* issuer and key, for the server log only */
	uint64		configuration_generation;
	RevocationsHeard heard;		/* when it was last found not revoked */

	/* memory */
	MemoryContext context;
	Size		size;
	int			holders;		/* references and places, see verified_token.c */
	bool		remembered;
	dlist_node	by_use;
} VerifiedToken;

extern void verified_token_init(void);
extern VerifiedToken *verified_token_get(VerifiedToken *token);
extern void verified_token_release(VerifiedToken *token);
extern void verified_token_put(VerifiedToken **place, VerifiedToken *token);
extern void verified_token_free_if_unused(VerifiedToken *token);

#endif							/* TOKEN_AUTH_VERIFIED_TOKEN_H */
