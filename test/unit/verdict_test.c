/* Every verdict has its words, and no unverified byte is shown as it stands. */
#include "test.h"

#include <ctype.h>

static void
test_quote(void)
{
	char		long_text[200];
	Quoted		quoted;

	CHECK_TEXT(verdict_quote("a\"b\\c", 5).text, "a\\\"b\\\\c", "quotes and backslashes are escaped");
	CHECK_TEXT(verdict_quote("\n\x1b[31m\xc3\xa9", 7).text, "\\x0a\\x1b[31m\\xc3", "controls and non-ASCII are escaped");
	CHECK_TEXT(verdict_quote("a\0b", 3).text, "a\\x00b", "NUL is escaped");
	CHECK_TEXT(verdict_quote(" ~\x7f\x1f", 4).text, " ~\\x7f\\x1f", "what is printable ends at the tilde");
	CHECK_TEXT(verdict_quote("plain", 5).text, "plain", "plain text stays");
	CHECK_TEXT(verdict_quote("", 0).text, "", "nothing stays nothing");

	memset(long_text, 'x', sizeof(long_text));
	quoted = verdict_quote(long_text, sizeof(long_text));
	CHECK(strlen(quoted.text) == 67 && strcmp(quoted.text + 64, "...") == 0, "cut to 64 bytes");
	CHECK(strlen(verdict_quote(long_text, 64).text) == 64, "64 bytes are not cut");
	memset(long_text, '\n', sizeof(long_text));
	CHECK(strlen(verdict_quote(long_text, 16).text) == 64, "16 escapes fit");
	long_text[0] = 'x';
	CHECK_TEXT(verdict_quote(long_text, 17).text + 61, "...", "no escape is cut in two");
}

static void
test_table(void)
{
	for (int i = 0; i < VERDICT_COUNT; i++)
	{
		const char *name = verdict_name((Verdict) i);
		bool		well_formed = name[0] != '\0';
		char		expected[16];

		for (const char *c = name; *c; c++)
			well_formed = well_formed && (islower((unsigned char) *c) || *c == '_');
		CHECK(well_formed, "%s is an identifier", name);
		CHECK(strlen(verdict_words((Verdict) i)) > 0 &&
			  !isupper((unsigned char) verdict_words((Verdict) i)[0]) &&
			  verdict_words((Verdict) i)[strlen(verdict_words((Verdict) i)) - 1] != '.',
			  "%s: words begin in lower case, without full stop", name);
		if (i == VERDICT_OK || i == VERDICT_OUT_OF_MEMORY)
			continue;
		snprintf(expected, sizeof(expected), "28T%02d", i - VERDICT_MALFORMED);
		CHECK_TEXT(verdict_sqlstate((Verdict) i), expected, "%s is %s", name, expected);
		CHECK(verdict_hint((Verdict) i) != NULL &&
			  verdict_hint((Verdict) i)[strlen(verdict_hint((Verdict) i)) - 1] == '.',
			  "%s has a hint, a sentence", name);
	}
	CHECK_TEXT(verdict_sqlstate(VERDICT_OUT_OF_MEMORY), "53200", "out of memory has PostgreSQL's code");
	CHECK_TEXT(verdict_name((Verdict) 999), "malformed", "an unknown number is not \"ok\"");
}

static void
test_refuse(void)
{
	Detail		detail;
	char		long_text[1000];

	memset(long_text, 'x', sizeof(long_text));
	long_text[sizeof(long_text) - 1] = '\0';
	CHECK(verdict_refuse(NULL, VERDICT_EXPIRED, "no %s", "one") == VERDICT_EXPIRED, "the detail may be NULL");
	CHECK(verdict_refuse(&detail, VERDICT_EXPIRED, "%s", long_text) == VERDICT_EXPIRED &&
		  strlen(detail.text) == sizeof(detail.text) - 1, "a long detail is cut");
}

int
main(void)
{
	test_quote();
	test_table();
	test_refuse();
	return finish();
}
