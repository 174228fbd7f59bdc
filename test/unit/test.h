/*
 * test.h
 *		Checks that print TAP: one line each, a plan at the end.
 */
#ifndef TOKEN_AUTH_TEST_H
#define TOKEN_AUTH_TEST_H

#include <stdarg.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "core/verdict.h"

#define S INT64_C(1000000)		/* a second in microseconds */

static int	n_checks;
static int	n_failures;

static inline bool __attribute__((format(printf, 4, 5)))
check_at(const char *file, int line, bool passed, const char *format,...)
{
	va_list		arguments;

	printf("%sok %d - ", passed ? "" : "not ", ++n_checks);
	va_start(arguments, format);
	vprintf(format, arguments);
	va_end(arguments);
	printf("\n");
	if (!passed)
	{
		n_failures++;
		printf("# failed at %s line %d\n", file, line);
		fflush(stdout);
	}
	return passed;
}

static inline void
check_verdict_at(const char *file, int line, Verdict actual,
				 const Detail *detail, Verdict expected, const char *name)
{
	if (!check_at(file, line, actual == expected, "%s: %s", name,
				  verdict_name(expected)))
		printf("# verdict %s: %s\n", verdict_name(actual),
			   actual == VERDICT_OK || detail == NULL ? "" : detail->text);
}

/* A refusal must say what it is about: some word of it, and nothing odd. */
static inline void
check_detail_at(const char *file, int line, const Detail *detail,
				const char *word)
{
	const size_t length = strnlen(detail->text, sizeof(detail->text));
	bool		printable = length > 0 && length < sizeof(detail->text);

	for (size_t i = 0; i < length; i++)
		printable = printable && detail->text[i] >= 0x20 && detail->text[i] < 0x7F;
	if (!check_at(file, line, printable && strstr(detail->text, word) != NULL &&
				  detail->text[length - 1] == '.', "the detail names %s", word))
		printf("# detail: %s\n", detail->text);
}

/* A copy in memory that ends where the text does, for the sanitizer; malloc'd. */
static inline char *
copy_exactly(const char *text, size_t length)
{
	char	   *copy = malloc(length);

	if (copy != NULL && length > 0)
		memcpy(copy, text, length);
	return copy;
}

static inline int
finish(void)
{
	printf("1..%d\n", n_checks);
	return n_failures == 0 && n_checks > 0 ? 0 : 1;
}

#define CHECK(condition, ...) \
	check_at(__FILE__, __LINE__, (condition), __VA_ARGS__)
#define CHECK_VERDICT(actual, detail, expected, name) \
	check_verdict_at(__FILE__, __LINE__, (actual), (detail), (expected), (name))
#define CHECK_DETAIL(detail, word) \
	check_detail_at(__FILE__, __LINE__, (detail), (word))
#define CHECK_TEXT(actual, expected, ...) \
	check_at(__FILE__, __LINE__, \
			 (actual) != NULL && strcmp((actual), (expected)) == 0, __VA_ARGS__)

#endif							/* TOKEN_AUTH_TEST_H */
