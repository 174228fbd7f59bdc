/* typ and cty are compared as media types (RFC 7515 section 4.1.9). */
#include "test.h"

#include "core/media_type.h"

int
main(void)
{
	CHECK(!media_type_equal("at+jwt", "jwt"), "other types differ");
	CHECK(!media_type_equal("at+jwt", "at+jwt "), "a space counts");
	CHECK(!media_type_equal("text/at+jwt", "at+jwt"), "another tree differs");
	CHECK(!media_type_equal("application/x/jwt", "x/jwt"), "the prefix stays before another slash");
	CHECK(!media_type_equal("application/", ""), "nothing is left of a bare prefix");
	CHECK(!media_type_equal("application/application/jwt", "jwt"), "one prefix at most");
	CHECK(!media_type_equal("\xe2\x84\xaa", "K"), "no case beyond ASCII");
	CHECK(!media_type_equal("a;", "a[") && !media_type_equal("a@", "a`") && !media_type_equal("a[", "a{"), "nor of what are no letters");
	CHECK(!media_type_equal("bt+jwt", "at+jwt") && !media_type_equal("at+jwu", "at+jwt"), "the first and the last letter count");
	CHECK(!media_type_equal("at+jw", "at+jwt") && !media_type_equal("at+jwt", "at+jw"), "and none may lack");
	CHECK(!media_type_equal("application/jwt", "applicatioN"), "a prefix is no type");
	CHECK(!media_type_equal("abcdefghijk/jwt", "jwt") && !media_type_equal("abcdefghijkljwt", "jwt"), "nor is another prefix of its length");
	CHECK(media_type_equal("abcxyz", "ABCXYZ"), "every letter has its case");
	CHECK(media_type_equal("at+jwt", "at+JWT"), "case does not count");
	CHECK(media_type_equal("application/at+jwt", "AT+jwt"), "the prefix may be left out");
	CHECK(media_type_equal("jwt", "Application/JWT"), "on either side");
	return finish();
}
