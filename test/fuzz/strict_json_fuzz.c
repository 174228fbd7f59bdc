/* Any text as JSON object: within its limits, and the same when written and read again. */
#include "fuzz.h"

#include <jansson.h>
#include <math.h>

#include "core/strict_json.h"

/* What a parsed value has of what is limited. */
typedef struct Extent
{
	size_t		depth;
	size_t		members;
	size_t		string;
} Extent;

static void
measure(const json_t *value, size_t depth, Extent *extent)
{
	const char *name;
	json_t	   *member;

	if (json_is_object(value) || json_is_array(value))
		depth++;
	if (depth > extent->depth)
		extent->depth = depth;
	extent->members += json_object_size(value) + json_array_size(value);
	if (json_string_length(value) > extent->string)
		extent->string = json_string_length(value);
	if (json_is_real(value))
		REQUIRE(isfinite(json_real_value(value)));

	json_object_foreach((json_t *) value, name, member)
	{
		if (strlen(name) > extent->string)
			extent->string = strlen(name);
		measure(member, depth, extent);
	}
	for (size_t i = 0; i < json_array_size(value); i++)
		measure(json_array_get(value, i), depth, extent);
}

static void
check_extent(const json_t *object, const JsonLimits *limits)
{
	Extent		extent = {0};

	REQUIRE(json_is_object(object));
	measure(object, 0, &extent);
	REQUIRE(extent.depth <= limits->depth);
	REQUIRE(extent.members <= limits->members);
	REQUIRE(extent.string <= limits->string);
}

/* Written out, it is the same object still. */
static void
check_written(const json_t *object)
{
	const JsonLimits unlimited = {SIZE_MAX, SIZE_MAX, SIZE_MAX, SIZE_MAX, "text", false};
	char	   *text = strict_json_text(object);
	json_t	   *again;

	REQUIRE(text != NULL);
	REQUIRE(strict_json_object(text, strlen(text), &unlimited, &again, NULL) == VERDICT_OK);
	REQUIRE(json_equal(object, again) == 1);
	json_decref(again);
	free(text);
}

/* So it is with its escapes resolved, and those are all that is gone. */
static void
check_resolved(const json_t *object, const char *text, size_t length)
{
	const JsonLimits unlimited = {SIZE_MAX, SIZE_MAX, SIZE_MAX, SIZE_MAX, "text", false};
	char	   *resolved = malloc(length);
	size_t		size;
	json_t	   *again;

	memcpy(resolved, text, length);
	size = strict_json_resolve_escapes(resolved, length);
	REQUIRE(size <= length);
	REQUIRE(strict_json_object(resolved, size, &unlimited, &again, NULL) == VERDICT_OK);
	REQUIRE(json_equal(object, again) == 1);
	REQUIRE(strict_json_resolve_escapes(resolved, size) == size);
	json_decref(again);
	free(resolved);
}

static void
check_strings(const json_t *object)
{
	const char *name;
	json_t	   *member;

	json_object_foreach((json_t *) object, name, member)
	{
		Detail		detail = {""};
		const char *value;
		Verdict		verdict = strict_json_string(object, name, 256, &value, &detail);

		if (strlen(name) < 64 && strspn(name, "abcdefghijklmnopqrstuvwxyz_") == strlen(name))
			require_answer(verdict, &detail, value);
		if (verdict == VERDICT_OK)
			REQUIRE(json_is_string(member) && strlen(value) == json_string_length(member) &&
					strlen(value) <= 256);
	}
}

/*
 * The plain parser reads the same. What it reads as an object is refused only
 * for its limits, which the scan of the text counts, and never as JSON.
 */
static void
check_plain(const json_t *object, const char *text, size_t length,
			Verdict verdict, const Detail *detail)
{
	json_t	   *plain = json_loadb(text, length, JSON_REJECT_DUPLICATES, NULL);

	if (verdict == VERDICT_OK)
		REQUIRE(json_equal(object, plain) == 1);
	else if (json_is_object(plain))
		REQUIRE(verdict == VERDICT_TOO_LARGE ||
				strstr(detail->text, " nests objects and arrays deeper than ") != NULL ||
				strstr(detail->text, " has a number out of range, ") != NULL ||
				(memchr(text, '\0', length) != NULL &&
				 strstr(detail->text, " has a NUL character.") != NULL));
	json_decref(plain);
}

/* An object that goes on is no JSON text, though it may end an array. */
static void
check_continued(const char *text, size_t length)
{
	static const char *const more[] = {",{}", ",1", "]", "],{}", "],[", "]]"};
	const JsonLimits unlimited = {SIZE_MAX, SIZE_MAX, SIZE_MAX, SIZE_MAX, "text", false};
	char	   *continued = malloc(length + 4);

	memcpy(continued, text, length);
	for (size_t i = 0; i < sizeof(more) / sizeof(more[0]); i++)
	{
		const size_t size = strlen(more[i]);
		json_t	   *object;

		memcpy(continued + length, more[i], size);
		REQUIRE(strict_json_object(continued, length + size, &unlimited, &object, NULL) == VERDICT_MALFORMED);
	}
	free(continued);
}

static void
check(const char *text, size_t length, const JsonLimits *limits)
{
	json_t	   *object;
	Detail		detail = {""};
	Verdict		verdict = strict_json_object(text, length, limits, &object, &detail);

	require_answer(verdict, &detail, object);
	check_plain(object, text, length, verdict, &detail);
	if (verdict != VERDICT_OK)
		return;
	REQUIRE(length <= limits->size);
	check_extent(object, limits);
	check_written(object);
	check_resolved(object, text, length);
	check_continued(text, length);
	check_strings(object);
	json_decref(object);
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	const JsonLimits tight = {
		.size = 512, .depth = 4, .members = 12, .string = 16, .name = "text"
	};
	/* the parser's own limit of depth is one level nearer than in plain text */
	const JsonLimits wide = {SIZE_MAX, 1024, SIZE_MAX, SIZE_MAX, "text", false};

	check((const char *) data, size, &tight);
	check((const char *) data, size, &wide);
	check((const char *) data, size, &strict_json_header_limits);
	check((const char *) data, size, &strict_json_claims_limits);
	return 0;
}
