/*
 * verdict.h
 *		Why a token is refused.
 */
#ifndef TOKEN_AUTH_VERDICT_H
#define TOKEN_AUTH_VERDICT_H

#include <stdarg.h>
#include <stddef.h>

/* The order is that of the SQLSTATEs 28T00 .. 28T17; users see both. */
typedef enum Verdict
{
	VERDICT_OK,
	VERDICT_MALFORMED,
	VERDICT_EXPIRED,
	VERDICT_NOT_YET_VALID,
	VERDICT_SIGNATURE_INVALID,
	VERDICT_ISSUER_UNKNOWN,
	VERDICT_KEY_UNKNOWN,
	VERDICT_ALGORITHM_REFUSED,
	VERDICT_AUDIENCE_REFUSED,
	VERDICT_TYPE_REFUSED,
	VERDICT_CLAIM_INVALID,
	VERDICT_REVOKED,
	VERDICT_LIFETIME_REFUSED,
	VERDICT_PROOF_REFUSED,
	VERDICT_DEVICE_REFUSED,
	VERDICT_TOO_LARGE,
	VERDICT_STATUS_REFUSED,
	VERDICT_TOKEN_CHANGED,
	VERDICT_TOKEN_MISSING,
	VERDICT_OUT_OF_MEMORY		/* not a judgement: nothing could be judged */
} Verdict;

#define VERDICT_COUNT (VERDICT_OUT_OF_MEMORY + 1)

/*
 * One sentence for whoever presented the token or the key: which check failed,
 * on what. Printable ASCII. It holds no configured value, and text from the
 * token only through verdict_quote().
 */
typedef struct Detail
{
	char		text[320];
} Detail;

/* An unverified text as it may be shown: escaped to ASCII, cut to 64 bytes. */
typedef struct Quoted
{
	char		text[64 + 4];
} Quoted;

extern const char *verdict_name(Verdict verdict);
extern const char *verdict_sqlstate(Verdict verdict);
extern const char *verdict_words(Verdict verdict);
extern const char *verdict_hint(Verdict verdict);

extern Verdict verdict_refuse(Detail *detail, Verdict verdict,
							  const char *format,...)
			__attribute__((format(printf, 3, 4)));
extern Quoted verdict_quote(const char *text, size_t length);

#endif							/* TOKEN_AUTH_VERDICT_H */
