/* Nothing but one signed compact JWS gets in; nothing in its header can ask for more. */
#include "test.h"

#include <stdlib.h>

#include "core/jws.h"
#include "test_sign.h"

#define PAYLOAD "{\"sub\":\"alice\"}"

static Verdict
parse(const char *text, size_t length, Detail *detail)
{
	Jws		   *jws;
	Verdict		verdict = jws_parse(text, length, 4096, &jws, detail);

	if ((jws != NULL) != (verdict == VERDICT_OK))
		printf("# a jws without VERDICT_OK, or the reverse\n");
	jws_free(jws);
	return verdict;
}

static void
check_text(const char *text, Verdict expected, const char *word, const char *name)
{
	char	   *copy = copy_exactly(text, strlen(text));
	Detail		detail;

	CHECK_VERDICT(parse(copy, strlen(text), &detail), &detail, expected, name);
	if (word != NULL)
		CHECK_DETAIL(&detail, word);
	free(copy);
}

static void
check_header(const char *header, Verdict expected, const char *word, const char *name)
{
	char	   *text = test_compact(header, PAYLOAD, (const unsigned char *) "sig", 3);

	check_text(text, expected, word, name);
	free(text);
}

/* eyJhbGciOiJIUzI1NiJ9 is {"alg":"HS256"}, e30 is {} */
static void
test_form(void)
{
	check_text("", VERDICT_MALFORMED, "empty", "nothing");
	check_text("Bearer eyJhbGciOiJIUzI1NiJ9.e30.c2ln", VERDICT_MALFORMED, "Bearer", "Bearer");
	check_text("bEARER eyJhbGciOiJIUzI1NiJ9.e30.c2ln", VERDICT_MALFORMED, "Bearer", "bearer in other case");
	check_text("Bearer ", VERDICT_MALFORMED, "Bearer", "Bearer alone");
	check_text("Bearer", VERDICT_MALFORMED, "1 segments", "a word that could be a segment");
	check_text("Bearex eyJhbGciOiJIUzI1NiJ9.e30.c2ln", VERDICT_MALFORMED, "Byte 7 ", "another word");
	check_text("Cearer eyJhbGciOiJIUzI1NiJ9.e30.c2ln", VERDICT_MALFORMED, "Byte 7 ", "and another");
	check_text("B", VERDICT_MALFORMED, "1 segments", "a letter");
	check_text("{", VERDICT_MALFORMED, "JSON", "a brace");
	check_text("\"", VERDICT_MALFORMED, "JSON", "a quote");
	check_text("a{b", VERDICT_MALFORMED, "Byte 2 ", "a brace inside");
	check_text("a\"b", VERDICT_MALFORMED, "Byte 2 ", "a quote inside");
	check_text("a.b.c.d.e.f", VERDICT_MALFORMED, "6 segments", "six segments");
	check_text("{\"payload\":\"e30\"}", VERDICT_MALFORMED, "JSON", "JSON serialization");
	check_text("\"eyJhbGciOiJIUzI1NiJ9.e30.c2ln\"", VERDICT_MALFORMED, "JSON", "a quoted token");
	check_text("a.b.c.d.e", VERDICT_MALFORMED, "JWE", "JWE");
	check_text("eyJhbGciOiJIUzI1NiJ9.e30", VERDICT_MALFORMED, "2 segments", "two segments");
	check_text("eyJhbGciOiJIUzI1NiJ9.e30.c2ln.", VERDICT_MALFORMED, "4 segments", "a trailing dot");
	check_text("eyJhbGciOiJIUzI1NiJ9.e30.c2ln.a", VERDICT_MALFORMED, "4 segments", "four segments");
	check_text("eyJhbGciOiJIUzI1NiJ9", VERDICT_MALFORMED, "1 segments", "one segment");
	check_text(" eyJhbGciOiJIUzI1NiJ9.e30.c2ln", VERDICT_MALFORMED, "Byte 1 ", "a leading space");
	check_text("eyJhbGciOiJIUzI1NiJ9.e30.c2ln ", VERDICT_MALFORMED, "Byte", "a trailing space");
	check_text("eyJhbGciOiJIUzI1NiJ9.e30.c2ln\n", VERDICT_MALFORMED, "Byte", "a newline");
	check_text("eyJhbGciOiJIUzI1NiJ9.e30=.c2ln", VERDICT_MALFORMED, "Byte", "padding");
	check_text("eyJhbGciOiJIUzI1NiJ9.e30.c2ln~", VERDICT_MALFORMED, "Byte", "SD-JWT");
	check_text("eyJhbGciOiJIUzI1NiJ9.e31.c2ln", VERDICT_MALFORMED, "payload", "unused bits in the payload");
	check_text("eyJhbGciOiJIUzI1NiJ9.e30.c2lnZh", VERDICT_MALFORMED, "signature", "unused bits in the signature");
	check_text("eyJhbGciOiJIUzI1NiJ9.e30.c2lnZ", VERDICT_MALFORMED, "signature", "a truncated signature");
	check_text(".e30.c2ln", VERDICT_MALFORMED, "header", "no header");
	check_text("eyJhbGciOiJIUzI1NiJ9..c2ln", VERDICT_MALFORMED, "payload", "no payload");
	check_text("..", VERDICT_MALFORMED, "header", "nothing but dots");
	check_text("eyJhbGciOiJIUzI1NiJ9.e30.", VERDICT_SIGNATURE_INVALID, "empty", "no signature");
	check_text("eyJhbGciOiJub25lIn0.e30.", VERDICT_ALGORITHM_REFUSED, "none", "unsecured");
	check_text("eyJhbGciOiJIUzI1NiJ9.e30.c2ln", VERDICT_OK, NULL, "a compact JWS");

	CHECK_VERDICT(parse("eyJhbGciOiJIUzI1NiJ9.e30.c2ln\0", 30, NULL), NULL, VERDICT_MALFORMED, "a NUL at the end");
	CHECK_VERDICT(parse("eyJhbGciOi\0IUzI1NiJ9.e30.c2ln", 29, NULL), NULL, VERDICT_MALFORMED, "a NUL inside");
}

static void
test_algorithm(void)
{
	check_header("{\"typ\":\"JWT\"}", VERDICT_ALGORITHM_REFUSED, "alg", "no alg");
	check_header("{\"alg\":\"none\"}", VERDICT_ALGORITHM_REFUSED, "none", "none");
	check_header("{\"alg\":\"noNE\"}", VERDICT_ALGORITHM_REFUSED, "noNE", "noNE");
	check_header("{\"alg\":\"\"}", VERDICT_ALGORITHM_REFUSED, "alg", "an empty alg");
	check_header("{\"alg\":null}", VERDICT_ALGORITHM_REFUSED, "null", "alg null");
	check_header("{\"alg\":256}", VERDICT_ALGORITHM_REFUSED, "number", "alg a number");
	check_header("{\"alg\":[\"HS256\"]}", VERDICT_ALGORITHM_REFUSED, "array", "alg an array");
	check_header("{\"alg\":\"hs256\"}", VERDICT_ALGORITHM_REFUSED, "hs256", "alg in lower case");
	check_header("{\"alg\":\"RSA1_5\"}", VERDICT_ALGORITHM_REFUSED, "RSA1_5", "an encryption algorithm");
	check_header("{\"alg\":\"HS256\",\"alg\":\"none\"}", VERDICT_MALFORMED, "twice", "alg twice");
	check_header("{\"alg\":\"none\",\"\\u0061lg\":\"HS256\"}", VERDICT_MALFORMED, "twice", "alg twice, once escaped");
	check_header("{\"alg\":\"a\\u001b[0m\\\"\\\\\"}", VERDICT_ALGORITHM_REFUSED, "a\\x1b[0m\\\"\\\\", "alg that would colour a terminal");
	check_header("{\"alg\":\"HS256\"}", VERDICT_OK, NULL, "alg of the table");
}

static void
test_parameters(void)
{
	char		long_kid[300];

	check_header("{\"alg\":\"HS256\",\"crit\":[\"exp\"]}", VERDICT_MALFORMED, "crit", "crit");
	check_header("{\"alg\":\"HS256\",\"crit\":[]}", VERDICT_MALFORMED, "crit", "crit empty");
	check_header("{\"alg\":\"HS256\",\"crit\":null}", VERDICT_MALFORMED, "crit", "crit null");
	check_header("{\"alg\":\"HS256\",\"b64\":false,\"crit\":[\"b64\"]}", VERDICT_MALFORMED, "crit", "b64 with crit");
	check_header("{\"alg\":\"HS256\",\"b64\":false}", VERDICT_MALFORMED, "b64", "b64 without crit");
	check_header("{\"alg\":\"HS256\",\"b64\":true}", VERDICT_MALFORMED, "b64", "b64 true");
	check_header("{\"alg\":\"HS256\",\"enc\":\"A128GCM\"}", VERDICT_MALFORMED, "enc", "enc");
	check_header("{\"alg\":\"HS256\",\"zip\":\"DEF\"}", VERDICT_MALFORMED, "zip", "zip");
	check_header("{\"alg\":\"HS256\",\"cty\":\"JWT\"}", VERDICT_TYPE_REFUSED, "cty", "nested");
	check_header("{\"alg\":\"HS256\",\"cty\":\"application/jwt\"}", VERDICT_TYPE_REFUSED, "cty", "nested, in full");
	check_header("{\"alg\":\"HS256\",\"cty\":1}", VERDICT_MALFORMED, "cty", "cty a number");
	check_header("{\"alg\":\"HS256\",\"typ\":[\"JWT\"]}", VERDICT_MALFORMED, "typ", "typ an array");
	check_header("{\"alg\":\"HS256\",\"kid\":7}", VERDICT_MALFORMED, "kid", "kid a number");
	check_header("{\"alg\":\"HS256\",\"kid\":\"a\\nb\"}", VERDICT_MALFORMED, "kid", "kid with a newline");
	check_header("{\"alg\":\"HS256\",\"kid\":\"a\\u0000b\"}", VERDICT_MALFORMED, "NUL", "kid with a NUL");
	snprintf(long_kid, sizeof(long_kid), "{\"alg\":\"HS256\",\"kid\":\"%0257d\"}", 0);
	check_header(long_kid, VERDICT_MALFORMED, "kid", "kid of 257 bytes");
	snprintf(long_kid, sizeof(long_kid), "{\"alg\":\"HS256\",\"kid\":\"%0256d\"}", 0);
	check_header(long_kid, VERDICT_OK, NULL, "kid of 256 bytes");
	check_header("{\"alg\":\"HS256\",\"kid\":\"../../etc'; DROP TABLE key; --\"}", VERDICT_OK, NULL, "an odd kid is only a string");
	check_header("{\"alg\":\"HS256\",\"cty\":\"json\",\"unknown\":{\"a\":[1]}}", VERDICT_OK, NULL, "unknown parameters are ignored");
	check_header("{\"alg\":\"HS256\",\"jwk\":{},\"jku\":1,\"x5u\":\"x\",\"x5c\":[],\"x5t\":null}", VERDICT_OK, NULL, "offered keys are ignored");
	check_header("[]", VERDICT_MALFORMED, "object", "header an array");
	check_header("{\"alg\":\"HS256\"}x", VERDICT_MALFORMED, "header", "bytes after the header");
}

static void
test_size(void)
{
	char		text[5000];
	char		header[2100];
	Detail		detail;

	memset(text, 'A', sizeof(text));
	CHECK_VERDICT(parse(text, 4097, &detail), &detail, VERDICT_TOO_LARGE, "more than max_length, of anything");
	memset(text, ' ', sizeof(text));
	CHECK_VERDICT(parse(text, 4097, NULL), NULL, VERDICT_TOO_LARGE, "size comes before form");
	CHECK_VERDICT(parse(text, 4096, NULL), NULL, VERDICT_MALFORMED, "max_length is accepted");
	snprintf(header, sizeof(header), "{\"alg\":\"HS256\",\"x\":\"%02029d\"}", 0);
	check_header(header, VERDICT_TOO_LARGE, "header", "a header of more than 2 KiB");
	snprintf(header, sizeof(header), "{\"alg\":\"HS256\",\"x\":\"%02026d\"}", 0);
	check_header(header, VERDICT_OK, NULL, "a header of 2 KiB");
}

static void
test_parts(void)
{
	char	   *text = test_compact("{\"alg\":\"EdDSA\",\"kid\":\"k\",\"typ\":\"JWT\"}", PAYLOAD,
									(const unsigned char *) "sig", 3);
	Jws		   *jws;
	size_t		length = strlen(text);

	if (CHECK(jws_parse(text, length, length, &jws, NULL) == VERDICT_OK, "a token is parsed"))
	{
		memset(text, 'x', length);
		CHECK(jws->length == length && memcmp(jws->text, "ey", 2) == 0, "its text is copied");
		CHECK(jws->signing_input_size == (size_t) (strrchr(jws->text, '.') - jws->text), "the signing input ends at the second dot");
		CHECK(jws->text[length] == '\0', "and ends with a NUL");
		CHECK_TEXT(jws->algorithm_name, "EdDSA", "alg");
		CHECK(jws->algorithms == algorithm_set_by_name("EdDSA"), "and what it can mean");
		CHECK_TEXT(jws->key_id, "k", "kid");
		CHECK_TEXT(jws->type, "JWT", "typ");
		CHECK_TEXT((char *) jws->payload, PAYLOAD, "payload");
		CHECK(jws->signature_size == 3 && memcmp(jws->signature, "sig", 3) == 0, "signature");
		jws_free(jws);
	}
	free(text);
}

int
main(void)
{
	test_form();
	test_algorithm();
	test_parameters();
	test_size();
	test_parts();
	return finish();
}
