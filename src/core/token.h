/*
 * token.h
 *		The whole trip of a token, in order.
 *
 * token_open() reads what is needed to find the issuer and its keys; the
 * caller looks them up; token_verify() makes every other check. Between the
 * two no foreign object is held that the caller does not own, so the look-up
 * may throw.
 */
#ifndef TOKEN_AUTH_TOKEN_H
#define TOKEN_AUTH_TOKEN_H

#include "core/claims.h"
#include "core/jwk.h"
#include "core/jws.h"

typedef struct Token
{
	Jws		   *jws;
	struct json_t *claims;
	const char *issuer;			/* iss, unverified until token_verify(); NULL if absent */
	unsigned char digest[32];	/* SHA-256 of the signing input */
	ClaimReading reading;		/* filled by token_verify() */
} Token;

/* The checks of token_verify(), in order. */
typedef enum TokenStep
{
	TOKEN_STEP_ALGORITHM,		/* alg is one that the issuer allows */
	TOKEN_STEP_KEY,				/* exactly one key of the issuer fits kid and alg */
	TOKEN_STEP_SIGNATURE,
	TOKEN_STEP_CLAIMS			/* the first of CLAIM_CHECK_COUNT */
} TokenStep;

#define TOKEN_STEP_COUNT (TOKEN_STEP_CLAIMS + CLAIM_CHECK_COUNT)

/* What each check found, for inspect(): after the signature all are made. */
typedef struct TokenTrace
{
	struct
	{
		bool		made;		/* false: skipped, a step before it failed */
		Verdict		verdict;
		Detail		detail;
	}			steps[TOKEN_STEP_COUNT];
} TokenTrace;

typedef struct TokenKeys
{
	const Jwk *const *keys;		/* the issuer's, and no other's */
	size_t		n_keys;
	AlgorithmSet algorithms;	/* those the issuer allows */
} TokenKeys;

/*
 * Parse a token; the caller owns *token. Nothing of it is verified, and its
 * issuer serves only to look up whose keys to try. VERDICT_MALFORMED,
 * VERDICT_TOO_LARGE and what jws_parse() refuses.
 */
extern Verdict token_open(const char *text, size_t length, size_t max_length,
						  Token **token, Detail *detail);

/*
 * Make every check, and fill token->reading if all pass; with a trace, if the
 * signature is good.
 *
 *	now_us		microseconds since 1970 UTC
 *	trace		NULL: stop at the first refusal. Otherwise every claim is
 *				checked once the signature is verified, and each finding noted
 *
 * Returns the first refusal.
 */
extern Verdict token_verify(Token *token, const ClaimPolicy *policy,
							const TokenKeys *keys, int64_t now_us,
							TokenTrace *trace, Detail *detail);

/* The name of a step as inspect() shows it: "signature". */
extern const char *token_step_name(TokenStep step);
extern void token_free(Token *token);

#endif							/* TOKEN_AUTH_TOKEN_H */
