/*
 * authenticate.h
 *		The one door: a raw token in, a verified token or a verdict out.
 */
#ifndef TOKEN_AUTH_AUTHENTICATE_H
#define TOKEN_AUTH_AUTHENTICATE_H

#include "compat.h"
#include "core/token.h"
#include "verified_token.h"

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
								   Refusal *refusal) COMPAT_MUST_USE;
extern VerifiedToken *authenticate_traced(const char *raw,
										  AuthenticationCheck *checks,
										  AuthenticationSources *sources);
extern bool authenticate_signature(const char *raw, SignedToken *facts,
								   Refusal *refusal);

#endif							/* TOKEN_AUTH_AUTHENTICATE_H */
