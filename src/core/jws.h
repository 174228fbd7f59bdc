/*
 * jws.h
 *		Compact JWS to its parts (RFC 7515 section 7.1); nothing is verified here.
 */
#ifndef TOKEN_AUTH_JWS_H
#define TOKEN_AUTH_JWS_H

#include "core/algorithm.h"
#include "core/verdict.h"

struct json_t;

/* Owns everything it points to, the token's text included. */
typedef struct Jws
{
	char	   *text;			/* header.payload.signature */
	size_t		length;
	size_t		signing_input_size; /* leading octets of text that are signed */
	struct json_t *header;
	const char *algorithm_name; /* alg; borrowed from header */
	AlgorithmSet algorithms;	/* what alg can mean; never empty */
	const char *key_id;			/* kid, or NULL; borrowed from header */
	const char *type;			/* typ, or NULL; borrowed from header */
	unsigned char *payload;		/* NUL-terminated for convenience */
	size_t		payload_size;
	unsigned char *signature;
	size_t		signature_size;
} Jws;

/*
 * Parse and copy a token's text. The caller owns *jws.
 *
 *	max_length	octets of text accepted; more is VERDICT_TOO_LARGE
 *
 * VERDICT_MALFORMED, VERDICT_ALGORITHM_REFUSED (alg), VERDICT_TYPE_REFUSED
 * (nested), VERDICT_SIGNATURE_INVALID (empty). The payload may be any bytes.
 */
extern Verdict jws_parse(const char *text, size_t length, size_t max_length,
						 Jws **jws, Detail *detail);
extern void jws_free(Jws *jws);

#endif							/* TOKEN_AUTH_JWS_H */
