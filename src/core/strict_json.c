/*
 * strict_json.c
 *		Text to JSON object, or a refusal: one reading for one text.
 *
 * Two parsers that read one text differently are how a token passes a gateway
 * as one person and the database as another: hence no duplicate members, no
 * bytes after the end, nothing guessed. The limits are checked on the text,
 * before the parser allocates anything: brackets cost a hundred times their
 * own size once they are parsed.
 */
#include "core/strict_json.h"

#include <jansson.h>
#include <openssl/crypto.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#define KIB ((size_t) 1024)

const JsonLimits strict_json_header_limits = {
	.size = 2 * KIB, .depth = 16, .members = 256, .string = 2 * KIB,
	.name = "token's header"
};

/* members: memberships are array claims, and a thousand of them are real */
const JsonLimits strict_json_claims_limits = {
	.size = 64 * KIB, .depth = 16, .members = 4096, .string = 4 * KIB,
	.name = "token's payload"
};

const JsonLimits strict_json_policy_limits = {
	.size = 256 * KIB, .depth = 16, .members = 16384, .string = 4 * KIB,
	.name = "issuer's policy"
};

/* string: x5c, which is ignored, carries whole certificates */
const JsonLimits strict_json_key_limits = {
	.size = 64 * KIB, .depth = 16, .members = 256, .string = 16 * KIB,
	.name = "JWK", .secret = true
};

const JsonLimits strict_json_key_set_limits = {
	.size = 1024 * KIB, .depth = 16, .members = 65536, .string = 16 * KIB,
	.name = "JWK Set", .secret = true
};

/* octets of a number, and of its exponent: far beyond any double or int64 */
#define NUMBER_MAX_SIZE 64
#define EXPONENT_MAX_SIZE 5

/*
 * What an octet outside strings means to the scan. All that is not listed is
 * some part of a word, in JSON or not.
 */
enum
{
	OCTET_WORD,
	OCTET_NUMBER,
	OCTET_EXPONENT,				/* of a number, which words have, too */
	OCTET_QUOTE,
	OCTET_OPENING,
	OCTET_CLOSING,
	OCTET_COMMA,
	OCTET_BETWEEN
};

static const unsigned char octet_classes[256] = {
	['\t'] = OCTET_BETWEEN,['\n'] = OCTET_BETWEEN,['\r'] = OCTET_BETWEEN,
	[' '] = OCTET_BETWEEN,[':'] = OCTET_BETWEEN,
	['"'] = OCTET_QUOTE,
	['+'] = OCTET_NUMBER,['-'] = OCTET_NUMBER,['.'] = OCTET_NUMBER,
	['0'] = OCTET_NUMBER,['1'] = OCTET_NUMBER,['2'] = OCTET_NUMBER,
	['3'] = OCTET_NUMBER,['4'] = OCTET_NUMBER,['5'] = OCTET_NUMBER,
	['6'] = OCTET_NUMBER,['7'] = OCTET_NUMBER,['8'] = OCTET_NUMBER,
	['9'] = OCTET_NUMBER,
	['E'] = OCTET_EXPONENT,['e'] = OCTET_EXPONENT,
	[','] = OCTET_COMMA,
	['['] = OCTET_OPENING,['{'] = OCTET_OPENING,
	[']'] = OCTET_CLOSING,['}'] = OCTET_CLOSING
};

/* Where a scan through JSON text stands: between two of its elements. */
typedef struct Scan
{
	const char *text;
	size_t		length;
	size_t		position;		/* octets behind it */
	size_t		depth;
	size_t		members;
	size_t		string;			/* octets of the last string, without quotes */
	bool		number_too_long;	/* it stands at the octet that is too many */
	size_t		longest;		/* octets of the longest element, with quotes */
} Scan;

/* From an opening quote past the closing one, or to the end of the text. */
static void
scan_string(Scan *scan)
{
	const char *start = scan->text + scan->position + 1;
	const char *end = scan->text + scan->length;
	const char *octet = start;

	while (octet < end && *octet != '"')
	{
		if (*octet == '\\' && end - octet > 1)
			octet++;			/* and what it escapes */
		octet++;
	}
	scan->string = (size_t) (octet - start);
	scan->position = (size_t) (octet - scan->text) + (octet < end ? 1 : 0);
}

/*
 * Past a number or a word, or to where a number or its exponent gets too long.
 * Readers of the claims have other ranges than the parser: 1e-20000 is zero to
 * one and an error to the other.
 */
static void
scan_word(Scan *scan)
{
	size_t		number = 0;		/* octets of it */
	size_t		exponent = 0;	/* of its exponent, the e included */

	for (; scan->position < scan->length; scan->position++)
	{
		const unsigned char class = octet_classes[(unsigned char) scan->text[scan->position]];

		if (class > OCTET_EXPONENT)
			return;
		number = class == OCTET_WORD ? 0 : number + 1;
		if (class == OCTET_WORD)
			exponent = 0;
		else if (exponent > 0 || class == OCTET_EXPONENT)
			exponent++;
		scan->number_too_long = number > NUMBER_MAX_SIZE || exponent > EXPONENT_MAX_SIZE;
		if (scan->number_too_long)
			return;
	}
}

/*
 * Past the next element: a string, a word, or a single octet.
 *
 * An opening bracket counts for its first member, a comma for the next: exact
 * but for empty objects and arrays, which count as if they had one.
 */
static void
scan_element(Scan *scan)
{
	const size_t start = scan->position;

	switch (octet_classes[(unsigned char) scan->text[start]])
	{
		case OCTET_QUOTE:
			scan_string(scan);
			break;
		case OCTET_OPENING:
			scan->depth++;
			scan->members++;
			scan->position++;
			break;
		case OCTET_CLOSING:
			if (scan->depth > 0)
				scan->depth--;
			scan->position++;
			break;
		case OCTET_COMMA:
			scan->members++;
			scan->position++;
			break;
		case OCTET_BETWEEN:
			scan->position++;
			break;
		default:
			scan_word(scan);
			break;
	}
	if (scan->position - start > scan->longest)
		scan->longest = scan->position - start;
}

/*
 * The limits, on text that need not be JSON: the parser finds out about that.
 * *longest is how many octets the longest string, number or word has.
 */
static Verdict
check_limits(const char *text, size_t length, const JsonLimits *limits,
			 size_t *longest, Detail *detail)
{
	Scan		scan = {.text = text, .length = length};

	if (length > limits->size)
		return verdict_refuse(detail, VERDICT_TOO_LARGE,
							  "The %s has %zu bytes; at most %zu are accepted.",
							  limits->name, length, limits->size);

	while (scan.position < length)
	{
		scan_element(&scan);
		if (scan.depth > limits->depth)
			return verdict_refuse(detail, VERDICT_MALFORMED,
								  "The %s nests objects and arrays deeper than %zu levels.",
								  limits->name, limits->depth);
		if (scan.members > limits->members)
			return verdict_refuse(detail, VERDICT_TOO_LARGE,
								  "The %s has more than %zu members and elements.",
								  limits->name, limits->members);
		if (scan.number_too_long)
			return verdict_refuse(detail, VERDICT_MALFORMED,
								  "The %s has a number out of range, near byte %zu.",
								  limits->name, scan.position);
		if (scan.string > limits->string)
			return verdict_refuse(detail, VERDICT_TOO_LARGE,
								  "The %s has a string of more than %zu bytes.",
								  limits->name, limits->string);
	}
	*longest = scan.longest;
	return VERDICT_OK;
}

/* jansson's own words quote the text, which nobody has verified. */
static const char *
syntax_words(enum json_error_code code)
{
	switch (code)
	{
		case json_error_duplicate_key:
			return "a member name that occurs twice";
		case json_error_invalid_utf8:
			return "invalid UTF-8";
		case json_error_null_character:
		case json_error_null_byte_in_key:
			return "a NUL character";
		case json_error_numeric_overflow:
			return "a number out of range";
		case json_error_end_of_input_expected:
			return "more after the end of the JSON text";
		case json_error_premature_end_of_input:
			return "the end of the text inside the JSON text";
		case json_error_stack_overflow:
			return "too deep nesting";
		default:
			return "something that is not JSON";
	}
}

/* What jansson allocates with. */
typedef struct Allocator
{
	json_malloc_t malloc;
	json_free_t free;
#if JANSSON_VERSION_HEX >= 0x020f00
	json_realloc_t realloc;		/* since 2.15; json_set_alloc_funcs() drops it */
#endif
} Allocator;

#if JANSSON_VERSION_HEX >= 0x020f00
static void
get_allocator(Allocator *allocator)
{
	json_get_alloc_funcs2(&allocator->malloc, &allocator->realloc, &allocator->free);
}

static void
set_allocator(const Allocator *allocator)
{
	json_set_alloc_funcs2(allocator->malloc, allocator->realloc, allocator->free);
}
#else
static void
get_allocator(Allocator *allocator)
{
	json_get_alloc_funcs(&allocator->malloc, &allocator->free);
}

static void
set_allocator(const Allocator *allocator)
{
	json_set_alloc_funcs(allocator->malloc, allocator->free);
}
#endif

static Allocator usual;

/* Once it has failed, it fails until the text at hand is done with. */
static bool exhausted;

static void *
malloc_until_exhausted(size_t size)
{
	void	   *memory = exhausted ? NULL : usual.malloc(size);

	exhausted = memory == NULL;
	return memory;
}

/*
 * jansson cleanses nothing: its buffer and, where the text is not JSON, the
 * strings that it has read so far would be freed with a secret in them. What
 * it frees while it parses a key is therefore kept until it is done. Then it
 * is cleansed, and freed: these notes say how large it is.
 */
typedef struct Note
{
	void	   *memory;
	size_t		size;			/* 0: jansson has freed it */
} Note;

static struct
{
	Note	   *notes;
	size_t		n_notes;
	size_t		n_allocated;	/* notes of memory that jansson got */
	size_t		room;
} kept;

/* Makes room for a note and, for all that was allocated, another one each. */
static bool
reserve_notes(void)
{
	const size_t least = kept.n_notes + kept.n_allocated + 2;
	Note	   *notes;

	if (least <= kept.room)
		return true;
	notes = realloc(kept.notes, 2 * least * sizeof(Note));
	if (notes == NULL)
		return false;
	kept.notes = notes;
	kept.room = 2 * least;
	return true;
}

static void *
malloc_noted(size_t size)
{
	void	   *memory;

	exhausted = exhausted || !reserve_notes();
	memory = malloc_until_exhausted(size);
	if (memory != NULL)
	{
		kept.notes[kept.n_notes++] = (Note) {memory, size};
		kept.n_allocated++;
	}
	return memory;
}

static void
free_noted(void *memory)
{
	if (kept.n_notes < kept.room)
		kept.notes[kept.n_notes++] = (Note) {memory, 0};
	else
		usual.free(memory);		/* of no note, then: there is room for those */
}

/* By address. That a block was freed comes before how large it is. */
static int
compare_notes(const void *a, const void *b)
{
	const Note *left = a;
	const Note *right = b;

	if (left->memory != right->memory)
		return (uintptr_t) left->memory < (uintptr_t) right->memory ? -1 : 1;
	return left->size < right->size ? -1 : left->size > right->size;
}

/* Cleanses and frees the memory that jansson has freed. */
static void
free_kept(void)
{
	const size_t n = kept.n_notes;
	Note	   *notes = kept.notes;

	if (n > 0)
		qsort(notes, n, sizeof(Note), compare_notes);
	for (size_t i = 0; i < n; i++)
	{
		if (notes[i].size != 0)
			continue;
		if (i + 1 < n && notes[i + 1].memory == notes[i].memory)
			OPENSSL_cleanse(notes[i].memory, notes[i + 1].size);
		usual.free(notes[i].memory);
	}
	free(notes);
	memset(&kept, 0, sizeof(kept));
}

/*
 * json_loadb(), all or nothing; exhausted says whether memory was short.
 *
 * Where jansson (2.14) cannot enlarge the buffer of the string that it is
 * reading, it drops the octet at hand and goes on: a claim would be read that
 * nobody signed, and a string whose closing quote is dropped is copied on
 * beyond its end. So no allocation may succeed after one that failed: without
 * the memory to copy it to, it gives the string up. The allocator is that of
 * the whole process, which has one thread, and is given back at once.
 */
static json_t *
load(const char *text, size_t length, bool secret, json_error_t *error)
{
	Allocator	current;
	json_t	   *value;

	/* ours is still there if somebody else's threw out of here the last time */
	get_allocator(&current);
	if (current.malloc != malloc_until_exhausted && current.malloc != malloc_noted)
		usual = current;
	exhausted = false;
	kept.n_notes = kept.n_allocated = 0;
	json_set_alloc_funcs(secret ? malloc_noted : malloc_until_exhausted,
						 secret ? free_noted : usual.free);
	value = json_loadb(text, length, JSON_REJECT_DUPLICATES, error);
	set_allocator(&usual);
	free_kept();
	if (!exhausted)
		return value;
	strict_json_forget(value);
	return NULL;
}

/*
 * Parse text as the second element of an array.
 *
 * The first is a string that makes the parser's buffer large enough for all
 * that follows, or ends the parsing: a number or a word whose octets are
 * dropped is not given up, but fails an assertion. The parser keeps one element
 * at a time, and with it at most one octet more: the one that shows where a
 * number or a word ends, or the bracket after a string that is not closed. The
 * first string has some more than that.
 */
static json_t *
parse_element(const char *text, size_t length, size_t longest, bool secret,
			  json_error_t *error)
{
	const size_t guard = longest + 8;
	const size_t before = guard + 4;
	const size_t size = before + length + 1;
	char	   *array = malloc(size);
	json_t	   *parsed;

	exhausted = array == NULL;
	if (array == NULL)
		return NULL;
	array[0] = '[';
	array[1] = '"';
	memset(array + 2, 'x', guard);
	array[before - 2] = '"';
	array[before - 1] = ',';
	memcpy(array + before, text, length);
	array[size - 1] = ']';
	parsed = load(array, size, secret, error);
	OPENSSL_cleanse(array, size);
	free(array);

	/* counted from where the text began */
	error->position -= (int) before;
	return parsed;
}

/* Octets up to the bracket that closes the first one, or all. */
static size_t
first_value_size(const char *text, size_t length)
{
	Scan		scan = {.text = text, .length = length};

	for (size_t i = 0; i < length; i++)
	{
		if (i == scan.position)
			scan_element(&scan);
		if (scan.depth == 0 && (text[i] == '}' || text[i] == ']'))
			return i + 1;
	}
	return length;
}

/* To the parser, text that goes on or breaks off is an array gone wrong. */
static enum json_error_code
syntax_error(const char *text, size_t length, const json_error_t *error)
{
	const enum json_error_code code = json_error_code(error);

	if (code != json_error_invalid_syntax && code != json_error_premature_end_of_input)
		return code;
	if (error->position > (int) length)
		return json_error_premature_end_of_input;
	if (error->position > (int) first_value_size(text, length))
		return json_error_end_of_input_expected;
	return code;
}

static Verdict
refuse_syntax(const char *text, size_t length, const json_error_t *error,
			  const JsonLimits *limits, Detail *detail)
{
	const int	end = (int) length;

	return verdict_refuse(detail, VERDICT_MALFORMED,
						  "The %s has %s, near byte %d.", limits->name,
						  syntax_words(syntax_error(text, length, error)),
						  error->position < end ? error->position : end);
}

/* The element that was the text, if it is an object; otherwise, why not. */
static Verdict
take_object(json_t *parsed, size_t length, const JsonLimits *limits,
			json_t **object, Detail *detail)
{
	json_t	   *value = json_array_get(parsed, 1);

	/* {},{} is two elements but no JSON text */
	if (json_array_size(parsed) != 2)
		return verdict_refuse(detail, VERDICT_MALFORMED,
							  "The %s has %s.", limits->name,
							  syntax_words(json_error_end_of_input_expected));
	if (json_is_array(value))
		return verdict_refuse(detail, VERDICT_MALFORMED,
							  "The %s is JSON but not an object.", limits->name);
	if (!json_is_object(value))
		return verdict_refuse(detail, VERDICT_MALFORMED,
							  "The %s has %s, near byte %zu.", limits->name,
							  syntax_words(json_error_invalid_syntax), length);
	*object = json_incref(value);
	return VERDICT_OK;
}

Verdict
strict_json_object(const char *text, size_t length, const JsonLimits *limits,
				   struct json_t **object, Detail *detail)
{
	json_error_t error = {0};
	json_t	   *parsed;
	size_t		longest = 0;
	Verdict		verdict;

	*object = NULL;
	verdict = check_limits(text, length, limits, &longest, detail);
	if (verdict != VERDICT_OK)
		return verdict;
	if (length == 0)
		return verdict_refuse(detail, VERDICT_MALFORMED,
							  "The %s is empty; a JSON object is expected.",
							  limits->name);

	parsed = parse_element(text, length, longest, limits->secret, &error);
	if (exhausted)
		return verdict_refuse(detail, VERDICT_OUT_OF_MEMORY, "Out of memory.");
	if (parsed == NULL)
		return refuse_syntax(text, length, &error, limits, detail);
	if (memchr(text, '\0', length) != NULL)
		/* one right behind a number or a word, where jansson does not see it */
		verdict = verdict_refuse(detail, VERDICT_MALFORMED, "The %s has %s.", limits->name,
								 syntax_words(json_error_null_character));
	else
		verdict = take_object(parsed, length, limits, object, detail);
	if (verdict == VERDICT_OK)
		json_decref(parsed);
	else
		strict_json_forget(parsed);
	return verdict;
}

static void
cleanse_strings(json_t *value)
{
	const char *name;
	json_t	   *member;

	if (json_is_string(value))
		OPENSSL_cleanse((char *) json_string_value(value), json_string_length(value));
	json_object_foreach(value, name, member)
	{
		cleanse_strings(member);
	}
	for (size_t i = 0; i < json_array_size(value); i++)
		cleanse_strings(json_array_get(value, i));
}

void
strict_json_forget(struct json_t *value)
{
	cleanse_strings(value);
	json_decref(value);
}

/* Free of control characters, C0 and C1, in valid UTF-8. */
static bool
is_printable(const char *text, size_t length)
{
	const unsigned char *octets = (const unsigned char *) text;

	for (size_t i = 0; i < length; i++)
	{
		if (octets[i] < 0x20 || octets[i] == 0x7F)
			return false;
		if (octets[i] == 0xC2 && i + 1 < length && octets[i + 1] < 0xA0)
			return false;
	}
	return true;
}

Verdict
strict_json_string(const struct json_t *object, const char *name,
				   size_t max_size, const char **value, Detail *detail)
{
	const json_t *member = json_object_get(object, name);

	*value = NULL;
	if (member == NULL)
		return VERDICT_OK;
	if (!json_is_string(member))
		return verdict_refuse(detail, VERDICT_MALFORMED,
							  "The member \"%s\" is %s; a string is expected.",
							  name, strict_json_type_name(member));
	if (json_string_length(member) > max_size)
		return verdict_refuse(detail, VERDICT_MALFORMED,
							  "The member \"%s\" has %zu bytes; at most %zu are accepted.",
							  name, json_string_length(member), max_size);
	if (!is_printable(json_string_value(member), json_string_length(member)))
		return verdict_refuse(detail, VERDICT_MALFORMED,
							  "The member \"%s\" has a control character.", name);
	*value = json_string_value(member);
	return VERDICT_OK;
}

const char *
strict_json_type_name(const struct json_t *value)
{
	static const char *const names[] = {
		[JSON_OBJECT] = "an object",
		[JSON_ARRAY] = "an array",
		[JSON_STRING] = "a string",
		[JSON_INTEGER] = "a number",
		[JSON_REAL] = "a number",
		[JSON_TRUE] = "a boolean",
		[JSON_FALSE] = "a boolean",
		[JSON_NULL] = "null",
	};

	return value == NULL ? "absent" : names[json_typeof(value)];
}

/* json_dumps() would answer in memory of jansson's allocator, not malloc's. */
char *
strict_json_text(const struct json_t *value)
{
	const size_t flags = JSON_COMPACT | JSON_ENCODE_ANY;
	size_t		size = json_dumpb(value, NULL, 0, flags);
	char	   *text;

	if (size == 0)
		return NULL;
	text = malloc(size + 1);
	if (text == NULL)
		return NULL;
	if (json_dumpb(value, text, size, flags) != size)
	{
		free(text);
		return NULL;
	}
	text[size] = '\0';
	return text;
}
