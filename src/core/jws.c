/*
 * jws.c
 *		Compact JWS to its parts (RFC 7515 section 7.1); nothing is verified here.
 *
 * Everything is untrusted. Keys that a header offers (jwk, jku, x5c, x5u) are
 * not looked at, and what asks for processing that we do not do is refused.
 */
#include "core/jws.h"

#include <jansson.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>

#include "core/base64url.h"
#include "core/media_type.h"
#include "core/strict_json.h"

#define PARAMETER_MAX_SIZE 256	/* kid, typ, cty */

static Verdict
out_of_memory(Detail *detail)
{
	return verdict_refuse(detail, VERDICT_OUT_OF_MEMORY, "Out of memory.");
}

/*
 * Lexical admission
 */

/* The text's three segments. */
typedef struct Segments
{
	const char *start[3];
	size_t		length[3];
} Segments;

enum
{
	SEGMENT_HEADER,
	SEGMENT_PAYLOAD,
	SEGMENT_SIGNATURE
};

static bool
starts_with_bearer(const char *text, size_t length)
{
	static const char word[] = "bearer ";
	const size_t size = sizeof(word) - 1;

	if (length < size || text[size - 1] != ' ')
		return false;
	for (size_t i = 0; i + 1 < size; i++)
	{
		/* the bit in which ASCII's cases differ; of letters only letters result */
		if ((text[i] | 0x20) != word[i])
			return false;
	}
	return true;
}

/* Is this text something else that people pass as a token? */
static Verdict
check_not_mistaken(const char *text, size_t length, Detail *detail)
{
	if (length == 0)
		return verdict_refuse(detail, VERDICT_MALFORMED, "It is empty.");
	if (starts_with_bearer(text, length))
		return verdict_refuse(detail, VERDICT_MALFORMED,
							  "It begins with the word \"Bearer\"; the token alone is expected, without the scheme of the HTTP header.");
	if (text[0] == '{' || text[0] == '"')
		return verdict_refuse(detail, VERDICT_MALFORMED,
							  "It is JSON; only the compact serialization, three segments with dots between, is accepted.");
	return VERDICT_OK;
}

/* Count the segments, and note where the first three are. */
static Verdict
find_segments(const char *text, size_t length, Segments *segments,
			  size_t *n_segments, Detail *detail)
{
	size_t		position = 0;

	for (size_t i = 0;; i++)
	{
		const size_t size = base64url_span(text + position, length - position);

		if (i < 3)
		{
			segments->start[i] = text + position;
			segments->length[i] = size;
		}
		position += size;
		if (position == length)
		{
			*n_segments = i + 1;
			return VERDICT_OK;
		}
		if (text[position++] != '.')
			return verdict_refuse(detail, VERDICT_MALFORMED,
								  "Byte %zu is not a character that a compact JWS can have.",
								  position);
	}
}

static Verdict
split(const char *text, size_t length, Segments *segments, Detail *detail)
{
	size_t		n_segments = 0;
	Verdict		verdict = find_segments(text, length, segments, &n_segments, detail);

	if (verdict != VERDICT_OK)
		return verdict;
	if (n_segments == 5)
		return verdict_refuse(detail, VERDICT_MALFORMED,
							  "It has five segments and so is encrypted (JWE); a signed token (JWS) is expected.");
	if (n_segments != 3)
		return verdict_refuse(detail, VERDICT_MALFORMED,
							  "It has %zu segments; a compact JWS has three.",
							  n_segments);
	return VERDICT_OK;
}

/* Decode a segment into fresh memory, with a NUL after it. */
static Verdict
decode_segment(const Segments *segments, int which, unsigned char **bytes,
			   size_t *n_bytes, Detail *detail)
{
	static const char *const names[] = {"header", "payload", "signature"};
	const size_t length = segments->length[which];

	*bytes = malloc(BASE64URL_DECODED_SIZE(length) + 1);
	if (*bytes == NULL)
		return out_of_memory(detail);
	if (!base64url_decode(segments->start[which], length, *bytes, n_bytes))
		return verdict_refuse(detail, VERDICT_MALFORMED,
							  "The %s is not base64url in its one canonical form.",
							  names[which]);
	(*bytes)[*n_bytes] = '\0';
	return VERDICT_OK;
}

/*
 * Header
 */

/* alg: a string, and one of the table (RFC 8725 section 3.1). */
static Verdict
read_algorithm(Jws *jws, Detail *detail)
{
	const json_t *alg = json_object_get(jws->header, "alg");

	if (!json_is_string(alg))
		return verdict_refuse(detail, VERDICT_ALGORITHM_REFUSED,
							  "The header parameter alg is %s; the name of a signature algorithm is expected.",
							  strict_json_type_name(alg));
	jws->algorithm_name = json_string_value(alg);
	jws->algorithms = algorithm_set_by_name(jws->algorithm_name);
	if (jws->algorithms == 0)
		return verdict_refuse(detail, VERDICT_ALGORITHM_REFUSED,
							  "The header parameter alg is \"%s\", which is no signature algorithm known here.",
							  verdict_quote(json_string_value(alg), json_string_length(alg)).text);
	return VERDICT_OK;
}

/* Parameters whose mere presence asks for what we do not do. */
static Verdict
check_no_extension(const json_t *header, Detail *detail)
{
	static const struct
	{
		const char *name;
		const char *meaning;
	}			refused[] = {
		{"crit", "requires extensions, and none is known here"},
		{"b64", "changes the encoding of the payload, which JWTs must not (RFC 7797)"},
		{"enc", "says that the token is encrypted; a signed token is expected"},
		{"zip", "says that the payload is compressed; a plain one is expected"},
	};

	for (size_t i = 0; i < sizeof(refused) / sizeof(refused[0]); i++)
	{
		if (json_object_get(header, refused[i].name) != NULL)
			return verdict_refuse(detail, VERDICT_MALFORMED,
								  "The header parameter %s %s.",
								  refused[i].name, refused[i].meaning);
	}
	return VERDICT_OK;
}

static Verdict
read_parameters(Jws *jws, Detail *detail)
{
	const char *content_type;
	Verdict		verdict;

	verdict = strict_json_string(jws->header, "kid", PARAMETER_MAX_SIZE,
								 &jws->key_id, detail);
	if (verdict == VERDICT_OK)
		verdict = strict_json_string(jws->header, "typ", PARAMETER_MAX_SIZE,
									 &jws->type, detail);
	if (verdict == VERDICT_OK)
		verdict = strict_json_string(jws->header, "cty", PARAMETER_MAX_SIZE,
									 &content_type, detail);
	if (verdict != VERDICT_OK)
		return verdict;
	if (content_type != NULL && media_type_equal(content_type, "JWT"))
		return verdict_refuse(detail, VERDICT_TYPE_REFUSED,
							  "The header parameter cty says that the payload is itself a token; nested tokens are not accepted.");
	return VERDICT_OK;
}

static Verdict
read_header(const Segments *segments, Jws *jws, Detail *detail)
{
	unsigned char *text = NULL;
	size_t		size = 0;
	Verdict		verdict;

	verdict = decode_segment(segments, SEGMENT_HEADER, &text, &size, detail);
	if (verdict == VERDICT_OK)
		verdict = strict_json_object((const char *) text, size,
									 &strict_json_header_limits,
									 &jws->header, detail);
	free(text);
	if (verdict == VERDICT_OK)
		verdict = read_algorithm(jws, detail);
	if (verdict == VERDICT_OK)
		verdict = check_no_extension(jws->header, detail);
	if (verdict == VERDICT_OK)
		verdict = read_parameters(jws, detail);
	return verdict;
}

static Verdict
read_payload_and_signature(const Segments *segments, Jws *jws, Detail *detail)
{
	Verdict		verdict;

	if (segments->length[SEGMENT_PAYLOAD] == 0)
		return verdict_refuse(detail, VERDICT_MALFORMED,
							  "The payload is empty.");
	verdict = decode_segment(segments, SEGMENT_PAYLOAD, &jws->payload,
							 &jws->payload_size, detail);
	if (verdict == VERDICT_OK)
		verdict = decode_segment(segments, SEGMENT_SIGNATURE, &jws->signature,
								 &jws->signature_size, detail);
	if (verdict == VERDICT_OK && jws->signature_size == 0)
		verdict = verdict_refuse(detail, VERDICT_SIGNATURE_INVALID,
								 "The signature is empty.");
	return verdict;
}

/* Fill a zeroed jws; after a refusal the caller frees it half filled. */
static Verdict
fill(const char *text, size_t length, Jws *jws, Detail *detail)
{
	Segments	segments;
	Verdict		verdict = split(text, length, &segments, detail);

	if (verdict == VERDICT_OK)
		verdict = read_header(&segments, jws, detail);
	if (verdict == VERDICT_OK)
		verdict = read_payload_and_signature(&segments, jws, detail);
	if (verdict != VERDICT_OK)
		return verdict;

	jws->text = malloc(length + 1);
	if (jws->text == NULL)
		return out_of_memory(detail);
	memcpy(jws->text, text, length);
	jws->text[length] = '\0';
	jws->length = length;
	jws->signing_input_size = length - segments.length[SEGMENT_SIGNATURE] - 1;
	return VERDICT_OK;
}

Verdict
jws_parse(const char *text, size_t length, size_t max_length, Jws **jws,
		  Detail *detail)
{
	Verdict		verdict;

	*jws = NULL;
	if (length > max_length)
		return verdict_refuse(detail, VERDICT_TOO_LARGE,
							  "It has %zu bytes, more than are accepted here.",
							  length);
	verdict = check_not_mistaken(text, length, detail);
	if (verdict != VERDICT_OK)
		return verdict;

	*jws = calloc(1, sizeof(Jws));
	if (*jws == NULL)
		return out_of_memory(detail);
	verdict = fill(text, length, *jws, detail);
	if (verdict != VERDICT_OK)
	{
		jws_free(*jws);
		*jws = NULL;
	}
	return verdict;
}

void
jws_free(Jws *jws)
{
	if (jws == NULL)
		return;
	free(jws->text);
	json_decref(jws->header);
	free(jws->payload);
	free(jws->signature);
	free(jws);
}
