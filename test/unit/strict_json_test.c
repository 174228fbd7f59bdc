/* One text has one reading: everything else is refused before it costs anything. */
#include "test.h"

#include <jansson.h>
#include <stdint.h>
#include <stdlib.h>

#include "core/strict_json.h"

static const JsonLimits limits = {
	.size = 200, .depth = 3, .members = 6, .string = 10, .name = "text"
};

static Verdict
parse(const char *text, size_t length, const JsonLimits *by, Detail *detail)
{
	json_t	   *object = NULL;
	char	   *copy = copy_exactly(text, length);
	Verdict		verdict = strict_json_object(copy, length, by, &object, detail);

	free(copy);
	if ((verdict == VERDICT_OK) != (object != NULL))
		printf("# an object without VERDICT_OK, or the reverse\n");
	json_decref(object);
	return verdict;
}

static void
check(const char *text, Verdict expected, const char *name)
{
	Detail		detail;
	Verdict		verdict = parse(text, strlen(text), &limits, &detail);

	CHECK_VERDICT(verdict, &detail, expected, name);
	if (expected != VERDICT_OK)
		CHECK_DETAIL(&detail, "text");
}

static void
test_syntax(void)
{
	check("", VERDICT_MALFORMED, "nothing");
	check("[]", VERDICT_MALFORMED, "an array");
	check("\"a\"", VERDICT_MALFORMED, "a string");
	check("null", VERDICT_MALFORMED, "null");
	check("{\"a\":1}x", VERDICT_MALFORMED, "bytes after the end");
	check("{\"a\":1}{}", VERDICT_MALFORMED, "another object");
	check("{\"a\":1,}", VERDICT_MALFORMED, "a trailing comma");
	check("{\"a\":1,\"a\":1}", VERDICT_MALFORMED, "a name twice");
	check("{\"a\":1,\"\\u0061\":1}", VERDICT_MALFORMED, "a name twice, once escaped");
	check("{\"b\":{\"a\":1,\"a\":1}}", VERDICT_MALFORMED, "a name twice, inside");
	check("{\"a\":\"\\u0000\"}", VERDICT_MALFORMED, "an escaped NUL");
	check("{\"\\u0000\":1}", VERDICT_MALFORMED, "an escaped NUL in a name");
	check("{\"a\":\"\\ud800\"}", VERDICT_MALFORMED, "a lone surrogate");
	check("{\"a\":\"\xff\"}", VERDICT_MALFORMED, "invalid UTF-8");
	check("{\"a\":\"\xc0\xaf\"}", VERDICT_MALFORMED, "overlong UTF-8");
	check("\xef\xbb\xbf{}", VERDICT_MALFORMED, "a byte order mark");
	check("{\"a\":9223372036854775808}", VERDICT_MALFORMED, "an integer out of range");
	check("{\"a\":1e400}", VERDICT_MALFORMED, "a number out of range");
	check("{\"a\":NaN}", VERDICT_MALFORMED, "NaN");
	check("{\"a\":01}", VERDICT_MALFORMED, "a leading zero");
	check("{'a':1}", VERDICT_MALFORMED, "single quotes");
	check("{\"a\":1/*c*/}", VERDICT_MALFORMED, "a comment");
	check("{\"a\":\"", VERDICT_MALFORMED, "the end inside a string");
	check("{\"a\":\"x", VERDICT_MALFORMED, "the end inside a string, after a letter");
	check("{\"a\":\"\\", VERDICT_MALFORMED, "the end inside an escape");
	check("{\"a\":1", VERDICT_MALFORMED, "the end after a number");
	check("{}", VERDICT_OK, "an empty object");
	check(" { \"a\" : [ 1 , \"\\u00e9\" ] } ", VERDICT_OK, "white space around");
	check("{\"a\":9223372036854775807}", VERDICT_OK, "the largest integer");

	CHECK_VERDICT(parse("{}\0", 3, &limits, NULL), NULL, VERDICT_MALFORMED, "a NUL after the end");
	CHECK_VERDICT(parse("{\"a\0b\":1}", 9, &limits, NULL), NULL, VERDICT_MALFORMED, "a NUL inside");
	CHECK_VERDICT(parse("{\"a\":1\0}", 8, &limits, NULL), NULL, VERDICT_MALFORMED, "a NUL behind a number");
	CHECK_VERDICT(parse("{\"a\":true\0}", 11, &limits, NULL), NULL, VERDICT_MALFORMED, "a NUL behind a word");
}

/*
 * The parser reads the text inside an array of its own making: neither may the
 * text add elements to it, nor close it and go on. Without limits, only the
 * form can be why it is refused.
 */
static void
test_enclosure(void)
{
	static const JsonLimits unlimited = {SIZE_MAX, SIZE_MAX, SIZE_MAX, SIZE_MAX, "text", false};
	static const char *const texts[] = {
		"{\"a\":1},{}", "{\"a\":1},{\"a\":1}", "{\"a\":1},1", "{\"a\":1},null", "{\"a\":1},\"x\"", "{\"a\":1},[]",
		"{\"a\":1},", "{\"a\":1},,", "{\"a\":1} , { } ", "{\"a\":1},{},{}", "{\"a\":1}:{}", "{\"a\":1},\"x\":1",
		"{\"a\":1}]", "{\"a\":1}] ", "{\"a\":1}]]", "{\"a\":1}]}", "{\"a\":1}],", "{\"a\":1}],[", "{\"a\":1}],[]", "{\"a\":1}][",
		"{\"a\":1}],\"x\"]", "{\"a\":1}],{}", "{\"a\":1}]{}", "{\"a\":1}],[{}", "{\"a\":1}]x", "{\"a\":1}]\"", "{\"a\":1}],[\"",
		"{\"a\":1},{}]", "{\"a\":1},{}],[", "{\"a\":1},[", "{\"a\":1},\"", "{\"a\":1}}", "{\"a\":1}[",
		"],{\"a\":1}", "]{\"a\":1}", "][{\"a\":1}", "],[{\"a\":1}", "],[\"x\",{\"a\":1}", "]", "]]", "],", "],[", "],\"x\"]",
		",{\"a\":1}", ",", "{},{\"a\":1}", "1,{\"a\":1}", "\"x\",{\"a\":1}", "null,{\"a\":1}", "[],{\"a\":1}", "\",{\"a\":1}",
		"\"],{\"a\":1}", "\",\"x\",{\"a\":1}", "[{\"a\":1}", "[{\"a\":1}]", "{},{}", "1,2", "[],[]", "\"", "\",\""
	};

	for (size_t i = 0; i < sizeof(texts) / sizeof(texts[0]); i++)
	{
		Detail		detail = {""};

		CHECK_VERDICT(parse(texts[i], strlen(texts[i]), &unlimited, &detail), &detail, VERDICT_MALFORMED, texts[i]);
	}
	CHECK_VERDICT(parse("{\"a\":1}]\0", 9, &unlimited, NULL), NULL, VERDICT_MALFORMED, "a bracket and a NUL");
	CHECK_VERDICT(parse("{\"a\":1},\0", 9, &unlimited, NULL), NULL, VERDICT_MALFORMED, "a comma and a NUL");
	CHECK_VERDICT(parse("{\"a\":1}", 7, &unlimited, NULL), NULL, VERDICT_OK, "the object alone");
}

/* What the detail says of a text that goes on, or that breaks off. */
static void
check_words(const char *text, const char *words)
{
	Detail		detail = {""};

	CHECK_VERDICT(parse(text, strlen(text), &limits, &detail), &detail, VERDICT_MALFORMED, text);
	CHECK_DETAIL(&detail, words);
}

static void
test_words(void)
{
	check_words("{\"a\":1}x", "more after the end of the JSON text, near byte 8");
	check_words("{\"a\":1},{}", "more after the end");
	check_words("{\"a\":1}]", "more after the end");
	check_words("{\"a\":\"}\"} }", "more after the end");
	check_words("{\"a\":1", "the end of the text inside the JSON text, near byte 6");
	check_words("{\"a\":\"}", "the end of the text inside");
	check_words("{\"a\":[1", "the end of the text inside");
	check_words("{\"a\":1,}", "something that is not JSON, near byte 8");
	check_words("{\"a\":[1 2]}", "something that is not JSON");
	check_words("{\"a\":1,\"a\":2}", "occurs twice");
	check_words("{}\xff", "invalid UTF-8");
	check_words("{\"a\":1e999}", "a number out of range");
	check_words("[{}]", "not an object");
	check_words("\"a\"", "something that is not JSON, near byte 3");
}

static void
test_limits(void)
{
	char		wide[300];

	check("{\"a\":[[[]]]}", VERDICT_MALFORMED, "four levels");
	check("{\"a\":[[]]}", VERDICT_OK, "three levels");
	check("{\"a\":[1,2,3,4,5,6]}", VERDICT_TOO_LARGE, "seven members and elements");
	check("{\"a\":[1,2,3,4,5]}", VERDICT_OK, "six members and elements");
	check("{\"a\":\"01234567890\"}", VERDICT_TOO_LARGE, "a string of eleven bytes");
	check("{\"01234567890\":1}", VERDICT_TOO_LARGE, "a name of eleven bytes");
	check("{\"a\":\"0123456789\"}", VERDICT_OK, "a string of ten bytes");
	check("{\"a\":\"[[[[\\\"]]\"}", VERDICT_OK, "brackets and quotes in a string do not count");

	memset(wide, ' ', sizeof(wide));
	wide[0] = '{';
	wide[1] = '}';
	CHECK_VERDICT(parse(wide, 201, &limits, NULL), NULL, VERDICT_TOO_LARGE, "201 bytes");
	CHECK_VERDICT(parse(wide, 200, &limits, NULL), NULL, VERDICT_OK, "200 bytes");
}

/* n times a piece, between a start and an end; malloc'd. */
static char *
repeated(const char *start, const char *piece, size_t n, const char *end)
{
	char	   *text = malloc(strlen(start) + n * strlen(piece) + strlen(end) + 1);
	char	   *at = stpcpy(text, start);

	for (size_t i = 0; i < n; i++)
		at = stpcpy(at, piece);
	strcpy(at, end);
	return text;
}

static void
check_edge(const JsonLimits *by, char *fits, char *exceeds, Verdict expected, const char *word)
{
	Detail		detail = {""};

	CHECK_VERDICT(parse(fits, strlen(fits), by, &detail), &detail, VERDICT_OK, by->name);
	CHECK_VERDICT(parse(exceeds, strlen(exceeds), by, &detail), &detail, expected, by->name);
	CHECK_DETAIL(&detail, word);
	free(fits);
	free(exceeds);
}

static char *
nested(size_t depth)
{
	char	   *start = repeated("{\"a\":", "[", depth - 1, "");
	char	   *text = repeated(start, "]", depth - 1, "}");

	free(start);
	return text;
}

/* Each kind of text has the limits that are stated here, exactly. */
static void
test_stated_limits(void)
{
	static const struct
	{
		const JsonLimits *limits;
		size_t		kib;
		size_t		members;
		size_t		string_kib;
		bool		secret;
	}			stated[] = {
		{&strict_json_header_limits, 2, 256, 2, false},
		{&strict_json_claims_limits, 64, 4096, 4, false},
		{&strict_json_policy_limits, 256, 16384, 4, false},
		{&strict_json_key_limits, 64, 256, 16, true},
		{&strict_json_key_set_limits, 1024, 65536, 16, true},
	};

	for (size_t i = 0; i < sizeof(stated) / sizeof(stated[0]); i++)
	{
		const JsonLimits *by = stated[i].limits;
		const size_t string = stated[i].string_kib * 1024;

		check_edge(by, repeated("{", " ", stated[i].kib * 1024 - 2, "}"), repeated("{", " ", stated[i].kib * 1024 - 1, "}"),
				   VERDICT_TOO_LARGE, "bytes; at most");
		check_edge(by, nested(16), nested(17), VERDICT_MALFORMED, "deeper than 16 levels");
		check_edge(by, repeated("{\"a\":[1", ",1", stated[i].members - 2, "]}"), repeated("{\"a\":[1", ",1", stated[i].members - 1, "]}"),
				   VERDICT_TOO_LARGE, "members and elements");
		if (stated[i].string_kib < stated[i].kib)
			check_edge(by, repeated("{\"a\":\"", "x", string, "\"}"), repeated("{\"a\":\"", "x", string + 1, "\"}"),
					   VERDICT_TOO_LARGE, "a string of more than");
		CHECK(by->secret == stated[i].secret, "%s: %s", by->name, by->secret ? "a secret" : "no secret");
	}
}

/* As far as all readers of a number agree. */
static void
test_numbers(void)
{
	const JsonLimits *by = &strict_json_claims_limits;

	check_edge(by, repeated("{\"a\":1.", "5", 62, "}"), repeated("{\"a\":1.", "5", 63, "}"), VERDICT_MALFORMED, "out of range, near byte 69.");
	check_edge(by, strdup("{\"a\":1e-300}"), strdup("{\"a\":1e-0300}"), VERDICT_MALFORMED, "out of range, near byte 11.");
	check_edge(by, strdup("{\"a\":1E0300}"), strdup("{\"a\":1E00300}"), VERDICT_MALFORMED, "out of range");
	check_edge(by, strdup("{\"a\":[1e10,12345678901234567890.0,1e10,true,1e-10]}"), strdup("{\"a\":[1e10,1e00010]}"),
			   VERDICT_MALFORMED, "out of range");
}

/* A thousand memberships fit into a token; a bomb does not reach the parser. */
static void
test_claims_limits(void)
{
	char	   *text = malloc(1 << 17);
	size_t		n = (size_t) sprintf(text, "{\"teams\":[0");

	for (int i = 1; i < 1000; i++)
		n += (size_t) sprintf(text + n, ",\"team-%d\"", i);
	n += (size_t) sprintf(text + n, "]}");
	CHECK_VERDICT(parse(text, n, &strict_json_claims_limits, NULL), NULL, VERDICT_OK, "a thousand memberships");

	memset(text, '[', 1 << 17);
	CHECK_VERDICT(parse(text, 1 << 16, &strict_json_claims_limits, NULL), NULL, VERDICT_MALFORMED, "64 KiB of brackets");
	CHECK_VERDICT(parse(text, 1 << 17, &strict_json_claims_limits, NULL), NULL, VERDICT_TOO_LARGE, "128 KiB of anything");
	memset(text, ',', 1 << 16);
	CHECK_VERDICT(parse(text, 1 << 16, &strict_json_claims_limits, NULL), NULL, VERDICT_TOO_LARGE, "64 KiB of commas");
	memset(text, '\\', 1 << 16);
	text[0] = '"';
	CHECK_VERDICT(parse(text, 1 << 16, &strict_json_claims_limits, NULL), NULL, VERDICT_TOO_LARGE, "64 KiB of backslashes");
	free(text);
}

static void
test_string_member(void)
{
	json_t	   *object = json_pack("{s:s, s:i, s:n, s:s, s:s, s:s, s:s, s:s, s:s}", "good", "k\xc3\xa9y",
								   "number", 1, "null", "tab", "a\tb", "delete", "a\x7f",
								   "c1", "a\xc2\x9b", "first", "\x1f" "a", "last c1", "a\xc2\x9f",
								   "printable", " \xc2\xa0\xc3\x80\xc3\x90 ~");
	const char *value;
	Detail		detail;

	CHECK_VERDICT(strict_json_string(object, "number", 9, &value, &detail), &detail, VERDICT_MALFORMED, "a number for a string");
	CHECK_DETAIL(&detail, "\"number\"");
	CHECK_VERDICT(strict_json_string(object, "null", 9, &value, NULL), NULL, VERDICT_MALFORMED, "null for a string");
	CHECK_VERDICT(strict_json_string(object, "tab", 9, &value, NULL), NULL, VERDICT_MALFORMED, "a tab");
	CHECK_VERDICT(strict_json_string(object, "delete", 9, &value, NULL), NULL, VERDICT_MALFORMED, "DEL");
	CHECK_VERDICT(strict_json_string(object, "c1", 9, &value, NULL), NULL, VERDICT_MALFORMED, "a C1 control");
	CHECK_VERDICT(strict_json_string(object, "first", 9, &value, NULL), NULL, VERDICT_MALFORMED, "a control character in front");
	CHECK_VERDICT(strict_json_string(object, "last c1", 9, &value, NULL), NULL, VERDICT_MALFORMED, "the last C1 control");
	CHECK_VERDICT(strict_json_string(object, "printable", 9, &value, NULL), NULL, VERDICT_OK, "spaces and what looks like controls in part");
	CHECK_VERDICT(strict_json_string(object, "good", 3, &value, NULL), NULL, VERDICT_MALFORMED, "four bytes of three");
	CHECK(value == NULL, "no value with a refusal");
	CHECK_VERDICT(strict_json_string(object, "good", 4, &value, NULL), NULL, VERDICT_OK, "a printable string");
	CHECK_TEXT(value, "k\xc3\xa9y", "its value");
	CHECK(strict_json_string(object, "absent", 9, &value, NULL) == VERDICT_OK && value == NULL, "an absent member");
	json_decref(object);
}

static void
test_type_names(void)
{
	static const struct
	{
		const char *text;
		const char *name;
	}			types[] = {
		{"{}", "an object"}, {"[]", "an array"}, {"\"\"", "a string"}, {"1", "a number"}, {"1.5", "a number"},
		{"true", "a boolean"}, {"false", "a boolean"}, {"null", "null"},
	};

	for (size_t i = 0; i < sizeof(types) / sizeof(types[0]); i++)
	{
		json_t	   *value = json_loads(types[i].text, JSON_DECODE_ANY, NULL);
		char	   *text = strict_json_text(value);

		CHECK_TEXT(strict_json_type_name(value), types[i].name, "%s is %s", types[i].text, types[i].name);
		CHECK_TEXT(text, types[i].text, "and is written as it was");
		free(text);
		json_decref(value);
	}
	CHECK_TEXT(strict_json_type_name(NULL), "absent", "nothing is absent");
	CHECK(strict_json_text(NULL) == NULL, "and is not written");
}

/* Neither the parser nor what it parses sees a difference. */
static void
check_resolved(const char *text, const char *expected)
{
	char	   *resolved = copy_exactly(text, strlen(text));
	const size_t length = strict_json_resolve_escapes(resolved, strlen(text));

	CHECK(length == strlen(expected) && memcmp(resolved, expected, length) == 0, "%s", text);
	free(resolved);
}

static void
test_escapes(void)
{
	/* nothing but characters beyond ASCII */
	check_resolved("{\"a\":0.1,\"b\":9007199254740993.0}", "{\"a\":0.1,\"b\":9007199254740993.0}");
	check_resolved("{\"\\u0022\":\"\\u005c\\u0000\\u001f\\u0041\\u007f\"}", "{\"\\u0022\":\"\\u005c\\u0000\\u001f\\u0041\\u007f\"}");
	check_resolved("{\"a\":\"\\n\\\"\\/\\\\\"}", "{\"a\":\"\\n\\\"\\/\\\\\"}");
	check_resolved("{\"a\":\"\\\\u00e9\"}", "{\"a\":\"\\\\u00e9\"}");
	check_resolved("{\"a\":\"\\\\\\u00e9\"}", "{\"a\":\"\\\\\xc3\xa9\"}");
	check_resolved("{\"\\u0080\":\"\\u07ff\\u0800\\uFFFF\"}", "{\"\xc2\x80\":\"\xdf\xbf\xe0\xa0\x80\xef\xbf\xbf\"}");
	check_resolved("\"\\ud7ff\\ue000\\ud800\\udc00\\uDBFF\\uDFFF\"", "\"\xed\x9f\xbf\xee\x80\x80\xf0\x90\x80\x80\xf4\x8f\xbf\xbf\"");
	check_resolved("\"\xc3\xa9\\u00e9\\u00E9x\"", "\"\xc3\xa9\xc3\xa9\xc3\xa9x\"");
	/* what a parser would not have let through stays as it is */
	check_resolved("\\ud83d", "\\ud83d");
	check_resolved("\\ud83d\\u0041", "\\ud83d\\u0041");
	check_resolved("\\udc00\\ud83d", "\\udc00\\ud83d");
	check_resolved("\\u00e", "\\u00e");
	check_resolved("\\u", "\\u");
	check_resolved("\\ud83d\\ude0", "\\ud83d\\ude0");
	check_resolved("\\ud83d\\", "\\ud83d\\");
	check_resolved("\\ud83dxude00", "\\ud83dxude00");
	check_resolved("\"\\n00e9\"", "\"\\n00e9\"");
	check_resolved("\"xu00e9 u00e9\"", "\"xu00e9 u00e9\"");
	check_resolved("\\u00g9", "\\u00g9");
	check_resolved("\\", "\\");
	check_resolved("", "");
}

int
main(void)
{
	test_syntax();
	test_enclosure();
	test_words();
	test_limits();
	test_stated_limits();
	test_numbers();
	test_claims_limits();
	test_type_names();
	test_string_member();
	test_escapes();
	return finish();
}
