/*
 * authenticate.h
 *		The one door: a raw token in, a verified token or a verdict out.
 */
#ifndef TOKEN_AUTH_AUTHENTICATE_H
#define TOKEN_AUTH_AUTHENTICATE_H

#include "core/claims.h"
#include "core/token.h"
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
 * A token that passed every check once. What it says never changes; whether it
 * still stands, the next authenticate() says. It lives as long as it is pinned
 * or remembered.
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
	int			pins;
	bool		remembered;
	dlist_node	by_use;
} VerifiedToken;

/* Why a token was refused, as report_refusal() takes it. */
typedef struct Refusal
{
	Verdict		verdict;
	Detail		detail;
	const char *log_detail;		/* or NULL */
} Refusal;

/* What each check of a token found, in order. */
typedef struct AuthenticationCheck
{
	const char *step;
	bool		made;			/* false: skipped, one before it failed */
	Verdict		verdict;
	Detail		detail;
} AuthenticationCheck;

/* form, issuer, those of the core, revocation */
#define AUTHENTICATION_CHECK_COUNT (TOKEN_STEP_COUNT + 3)

/* Where an issuer's policy looks for what a token says, in words. */
typedef struct AuthenticationSources
{
	char		subject[256];
	char		client[256];
	char		scopes[256];
	char		roles[256];
	char		device[256];
} AuthenticationSources;

/* The facts by which a token can be revoked. */
typedef struct SignedToken
{
	const char *issuer;
	const char *token_id;		/* NULL if it has none */
	const char *digest;			/* SHA-256 of the signing input, in hex */
	int64		expires_at;		/* as in ClaimTimes */
} SignedToken;

extern void authenticate_init(void);
extern VerifiedToken *authenticate(const char *raw, VerifiedToken *known,
								   Refusal *refusal);
extern VerifiedToken *authenticate_traced(const char *raw,
										  AuthenticationCheck *checks,
										  AuthenticationSources *sources);
extern bool authenticate_signature(const char *raw, SignedToken *facts,
								   Refusal *refusal);
extern void authenticate_pin(VerifiedToken *token);
extern void authenticate_unpin(VerifiedToken *token);

#endif							/* TOKEN_AUTH_AUTHENTICATE_H */
