/*
 * verdict.c
 *		Why a token is refused: names, SQLSTATEs, words and hints.
 *
 * One table, so that a refusal reads the same in an error, in inspect() and
 * in the statistics.
 */
#include "core/verdict.h"

#include <stdio.h>
#include <string.h>

typedef struct VerdictInfo
{
	const char *name;
	const char *sqlstate;
	const char *words;			/* completes "token refused: " */
	const char *hint;			/* the caller's next act */
} VerdictInfo;

static const VerdictInfo verdict_table[VERDICT_COUNT] = {
	[VERDICT_OK] = {
		"ok", "00000", "it is accepted", NULL
	},
	[VERDICT_MALFORMED] = {
		"malformed", "28T00", "it is malformed",
		"Pass the token exactly as its issuer handed it out: one signed JWT in compact form."
	},
	[VERDICT_EXPIRED] = {
		"expired", "28T01", "it has expired",
		"Obtain a new access token and set it."
	},
	[VERDICT_NOT_YET_VALID] = {
		"not_yet_valid", "28T02", "it is not valid yet",
		"Compare the clocks of the issuer and of this server, or try again later."
	},
	[VERDICT_SIGNATURE_INVALID] = {
		"signature_invalid", "28T03", "its signature does not verify",
		"Obtain a new access token from the issuer; this one was altered or signed with another key."
	},
	[VERDICT_ISSUER_UNKNOWN] = {
		"issuer_unknown", "28T04", "its issuer is not trusted here",
		"Obtain the token from a trusted issuer, or ask an administrator to add this one."
	},
	[VERDICT_KEY_UNKNOWN] = {
		"key_unknown", "28T05", "no key of its issuer fits it",
		"Ask an administrator to import the issuer's current keys, then try again."
	},
	[VERDICT_ALGORITHM_REFUSED] = {
		"algorithm_refused", "28T06", "its signature algorithm is not allowed",
		"Have the issuer sign with an algorithm that is allowed for it."
	},
	[VERDICT_AUDIENCE_REFUSED] = {
		"audience_refused", "28T07", "it is meant for another audience",
		"Request an access token for this service."
	},
	[VERDICT_TYPE_REFUSED] = {
		"type_refused", "28T08", "it is another kind of token",
		"Pass an access token, not an ID token, refresh token or event."
	},
	[VERDICT_CLAIM_INVALID] = {
		"claim_invalid", "28T09", "a claim is missing or not acceptable",
		"Obtain a token with the claims that this issuer's tokens must carry."
	},
	[VERDICT_REVOKED] = {
		"revoked", "28T10", "it has been revoked",
		"Sign in again to obtain a new access token."
	},
	[VERDICT_LIFETIME_REFUSED] = {
		"lifetime_refused", "28T11", "it is too old or lives too long",
		"Obtain a new access token with a shorter lifetime."
	},
	[VERDICT_PROOF_REFUSED] = {
		"proof_refused", "28T12", "it is bound to a key that its bearer has not proven to hold",
		"Request a bearer token, one without the cnf claim."
	},
	[VERDICT_DEVICE_REFUSED] = {
		"device_refused", "28T13", "the device behind it is not acceptable",
		"Bring the device into compliance, then obtain a new access token."
	},
	[VERDICT_TOO_LARGE] = {
		"too_large", "28T14", "it is too large",
		"Request a smaller token, with fewer claims or group memberships."
	},
	[VERDICT_STATUS_REFUSED] = {
		"status_refused", "28T15", "its issuer reports it as no longer valid",
		"Sign in again to obtain a new access token."
	},
	[VERDICT_TOKEN_CHANGED] = {
		"token_changed", "28T16", "it is not the one that this statement began with",
		"Set the token in a statement of its own, before the statements that it is for."
	},
	[VERDICT_TOKEN_MISSING] = {
		"token_missing", "28T17", "there is none, and one is required",
		"Set an access token first, for example with token_auth.set_local_token()."
	},
	[VERDICT_OUT_OF_MEMORY] = {
		"out_of_memory", "53200", "out of memory", NULL
	},
};

/* An unknown number means a programming error: say malformed, never "ok". */
static const VerdictInfo *
verdict_info(Verdict verdict)
{
	if ((unsigned int) verdict >= VERDICT_COUNT)
		return &verdict_table[VERDICT_MALFORMED];
	return &verdict_table[verdict];
}

const char *
verdict_name(Verdict verdict)
{
	return verdict_info(verdict)->name;
}

const char *
verdict_sqlstate(Verdict verdict)
{
	return verdict_info(verdict)->sqlstate;
}

const char *
verdict_words(Verdict verdict)
{
	return verdict_info(verdict)->words;
}

const char *
verdict_hint(Verdict verdict)
{
	return verdict_info(verdict)->hint;
}

Verdict
verdict_refuse(Detail *detail, Verdict verdict, const char *format,...)
{
	va_list		arguments;

	if (detail == NULL)
		return verdict;

	va_start(arguments, format);
	if (vsnprintf(detail->text, sizeof(detail->text), format, arguments) < 0)
		detail->text[0] = '\0';
	va_end(arguments);
	return verdict;
}

/* Write one octet as printable ASCII; returns the characters used, 1 to 4. */
static size_t
escape_octet(unsigned char octet, char escaped[5])
{
	if (octet == '"' || octet == '\\')
		return (size_t) snprintf(escaped, 5, "\\%c", octet);
	if (octet < 0x20 || octet > 0x7E)
		return (size_t) snprintf(escaped, 5, "\\x%02x", octet);
	escaped[0] = (char) octet;
	return 1;
}

Quoted
verdict_quote(const char *text, size_t length)
{
	const size_t limit = sizeof(((Quoted *) NULL)->text) - sizeof("...");
	Quoted		quoted;
	size_t		used = 0;

	for (size_t i = 0; i < length; i++)
	{
		char		escaped[5];
		size_t		size = escape_octet((unsigned char) text[i], escaped);

		if (used + size > limit)
		{
			memcpy(quoted.text + used, "...", sizeof("..."));
			return quoted;
		}
		memcpy(quoted.text + used, escaped, size);
		used += size;
	}
	quoted.text[used] = '\0';
	return quoted;
}
