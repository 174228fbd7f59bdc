/*
 * strict_json.h
 *		Text to JSON object, or a refusal: one reading for one text.
 */
#ifndef TOKEN_AUTH_STRICT_JSON_H
#define TOKEN_AUTH_STRICT_JSON_H

#include <stdbool.h>

#include "core/verdict.h"

struct json_t;

typedef struct JsonLimits
{
	size_t		size;			/* octets of text */
	size_t		depth;			/* nesting of objects and arrays; the top is 1 */
	size_t		members;		/* members and elements, all levels together */
	size_t		string;			/* octets of one string or member name, as written */
	const char *name;			/* what details call the text */
	bool		secret;			/* keys: the parser's memory is cleansed */
} JsonLimits;

extern const JsonLimits strict_json_header_limits;
extern const JsonLimits strict_json_claims_limits;
extern const JsonLimits strict_json_policy_limits;
extern const JsonLimits strict_json_key_limits;
extern const JsonLimits strict_json_key_set_limits;

/*
 * Parse one JSON object. The caller owns it.
 *
 * VERDICT_TOO_LARGE for too much of it, VERDICT_MALFORMED for too deep, for
 * anything but a JSON object, for duplicate member names, bytes after the
 * end, and numbers that neither int64 nor double can hold.
 */
extern Verdict strict_json_object(const char *text, size_t length,
								  const JsonLimits *limits,
								  struct json_t **object, Detail *detail);

/*
 * Overwrite every string in a value that the caller owns and nobody shares,
 * then release it. Names of members stay as they are.
 */
extern void strict_json_forget(struct json_t *value);

/*
 * Read a member that must be a string, if it is there, of 0 to max_size
 * octets without control characters. *value is borrowed; NULL if absent.
 */
extern Verdict strict_json_string(const struct json_t *object,
								  const char *name, size_t max_size,
								  const char **value, Detail *detail);

/* A JSON value's type as details name it: "a string", "null". */
extern const char *strict_json_type_name(const struct json_t *value);

/*
 * Write each \u escape of a character beyond ASCII as UTF-8, in place, in a
 * text that was parsed. Returns the new length. Escapes of ASCII characters
 * stay, among them those that JSON asks for; and so does everything else, such
 * as the digits of a number.
 */
extern size_t strict_json_resolve_escapes(char *text, size_t length);

/* Compact UTF-8 text, malloc'd; NULL on out of memory. */
extern char *strict_json_text(const struct json_t *value);

#endif							/* TOKEN_AUTH_STRICT_JSON_H */
