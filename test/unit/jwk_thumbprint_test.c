/* A thumbprint names one key: it is made of canonical members alone (RFC 7638). */
#include "test.h"

#include <stdlib.h>

#include "core/jwk.h"

/* RFC 7517 A.1, RFC 8037 A.2 */
#define RSA_N "0vx7agoebGcQSuuPiLJXZptN9nndrQmbXEps2aiAFbWhM78LhWx4cbbfAAtVT86zwu1RK7aPFFxuhDR1L6tSoc_BJECPebWKRXjBZCiFV4n3oknjhMstn64tZ_2W-5JsGY4Hc5n9yBXArwl93lqt7_RN5w6Cf0h4QyQ5v-65YGjQR0_FDW2QvzqY368QQMicAtaSqzs8KJZgnYb9c7d0zgdAZHzu6qMQvRL5hajrn1n91CbOpbISD08qNLyrdkt-bFTWhAI4vMQFh6WeZu0fM4lFd2NcRwr3XPksINHaQ-G_xBniIqbw0Ls1jF44-csFCur-kEgU8awapJzKnqDKgw"
#define OKP_X "11qYAYKxCrfVS_7TyWQHOg7hcvPapiMlrwIaaPcHURo"

#define RSA "\"kty\":\"RSA\",\"n\":\"" RSA_N "\",\"e\":\"AQAB\""
#define OKP "\"kty\":\"OKP\",\"crv\":\"Ed25519\",\"x\":\"" OKP_X "\""

static const JwkPolicy any_public = {0};

static void
check_thumbprint(const char *text, const char *expected, const char *name)
{
	char		thumbprint[44] = "";
	Detail		detail = {""};

	if (!CHECK(jwk_thumbprint(text, strlen(text), thumbprint, &detail) == VERDICT_OK &&
			   strcmp(thumbprint, expected) == 0, "thumbprint: %s", name))
		printf("# %s %s\n", thumbprint, detail.text);
}

static void
test_thumbprint(void)
{
	static const char *const empty[] = {
		"{\"kty\":\"oct\",\"k\":\"\"}",
		"{\"kty\":\"EC\",\"crv\":\"P-256\",\"x\":\"\",\"y\":\"AA\"}",
		"{\"kty\":\"EC\",\"crv\":\"P-256\",\"x\":\"AA\",\"y\":\"\"}",
		"{\"kty\":\"OKP\",\"crv\":\"Ed25519\",\"x\":\"\"}",
		"{\"kty\":\"RSA\",\"e\":\"\",\"n\":\"AQ\"}",
		"{\"kty\":\"AKP\",\"alg\":\"ML-DSA-44\",\"pub\":\"\"}",
	};
	char		thumbprint[44];
	Detail		detail = {""};
	Jwk		   *jwk;

	CHECK(jwk_thumbprint("{\"kty\":\"RSA\"}", strlen("{\"kty\":\"RSA\"}"), thumbprint, NULL) == VERDICT_MALFORMED, "no thumbprint without members");
	CHECK(jwk_thumbprint("{}", strlen("{}"), thumbprint, NULL) == VERDICT_MALFORMED, "nor without kty");
	CHECK(jwk_thumbprint("{\"kty\":\"EC\",\"crv\":\"P\\\"256\",\"x\":\"AA\",\"y\":\"AA\"}", strlen("{\"kty\":\"EC\",\"crv\":\"P\\\"256\",\"x\":\"AA\",\"y\":\"AA\"}"), thumbprint, NULL) == VERDICT_MALFORMED, "nor of what needs escapes");
	CHECK(jwk_thumbprint("{\"kty\":\"oct\",\"k\":\"AB\"}", strlen("{\"kty\":\"oct\",\"k\":\"AB\"}"), thumbprint, NULL) == VERDICT_MALFORMED, "nor of a second spelling");
	for (size_t i = 0; i < sizeof(empty) / sizeof(empty[0]); i++)
	{
		CHECK(jwk_thumbprint(empty[i], strlen(empty[i]), thumbprint, &detail) == VERDICT_MALFORMED, "nor of an empty member: %s", empty[i]);
		CHECK_DETAIL(&detail, "canonical");
	}
	CHECK(jwk_thumbprint("{\"kty\":\"RSA\",\"e\":\"AAEAAQ\",\"n\":\"AQ\"}", strlen("{\"kty\":\"RSA\",\"e\":\"AAEAAQ\",\"n\":\"AQ\"}"), thumbprint, NULL) == VERDICT_MALFORMED, "nor of a number with leading zeros");

	check_thumbprint("{" RSA ",\"alg\":\"RS256\",\"kid\":\"2011-04-29\"}",
					 "NzbLsXh8uDCcd-6MNwXF4W_7noWXFZAfHkxZsRGC9Xs", "RFC 7638 section 3.1");
	check_thumbprint("{" OKP ",\"d\":\"nWGxne_9WmC6hEr0kuwsxERJxWl7MmkZcDusAxyuf2A\"}",
					 "kPrK_qmxVWaYVA9wwBF6Iuo3vVzz7TxHCTwXBygrS4k", "RFC 8037 A.3");
	check_thumbprint("{\"kty\":\"EC\",\"x\":\"l8tFrhx-34tV3hRICRDY9zCkDlpBhF42UQUfWVAWBFs\",\"y\":\"9VE4jf_Ok_o64zbTTlcuNJajHmt6v9TDVrU0CdvGRDA\",\"crv\":\"P-256\"}",
					 "0ZcOCORZNYy-DWpqq30jZyJGHTN0d2HglBV3uiguA4I", "RFC 9449 section 6.1");

	if (CHECK(jwk_parse("{" OKP "}", strlen("{" OKP "}"), &any_public, &jwk, NULL) == VERDICT_OK, "a key"))
		CHECK_TEXT(jwk->thumbprint, "kPrK_qmxVWaYVA9wwBF6Iuo3vVzz7TxHCTwXBygrS4k", "has its thumbprint");
	jwk_free(jwk);
}

/* Of an ML-DSA key of so many octets, all zeros. */
static Verdict
hash_octets(size_t size)
{
	const size_t length = (size * 4 + 2) / 3;
	char	   *text = malloc(length + 100);
	char		thumbprint[44];
	Verdict		verdict;

	sprintf(text, "{\"kty\":\"AKP\",\"alg\":\"ML-DSA-87\",\"pub\":\"%0*d\"}", (int) length, 0);
	memset(strstr(text, "pub") + 6, 'A', length);
	verdict = jwk_thumbprint(text, strlen(text), thumbprint, NULL);
	CHECK(verdict != VERDICT_OK || strlen(thumbprint) == 43, "an octet member of %zu octets: %s", size, verdict_name(verdict));
	free(text);
	return verdict;
}

static void
test_sizes(void)
{
	CHECK(hash_octets(1) == VERDICT_OK && hash_octets(2) == VERDICT_OK && hash_octets(3) == VERDICT_OK, "one octet is enough");
	CHECK(hash_octets(4097) == VERDICT_MALFORMED, "4097 octets are too many");
	CHECK(hash_octets(8192) == VERDICT_MALFORMED, "and 8192");
	CHECK(hash_octets(4096) == VERDICT_OK && hash_octets(4095) == VERDICT_OK && hash_octets(4094) == VERDICT_OK,
		  "4096 are not");
}

static void
refuse(const char *text, const char *word, const char *name)
{
	char		thumbprint[44];
	Detail		detail = {""};

	CHECK_VERDICT(jwk_thumbprint(text, strlen(text), thumbprint, &detail), &detail, VERDICT_MALFORMED, name);
	CHECK_DETAIL(&detail, word);
}

static void
test_refusals(void)
{
	refuse("{\"kty\":\"?\",\"k\":\"AA\"}", "\"?\", which is not known", "an unknown kty");
	refuse("{\"kty\":7,\"k\":\"AA\"}", "\"kty\" is a number", "kty a number");
	refuse("{\"kty\":\"oct\",\"k\":7}", "\"k\"", "a member that is a number");
	refuse("{\"kty\":\"AKP\",\"alg\":\"ML DSA\",\"pub\":\"AA\"}", "\"alg\"", "a name with a space");
	refuse("{\"kty\":\"AKP\",\"alg\":\"ML-DSA-44\",\"pub\":\"A*\"}", "\"pub\"", "no base64url");
	refuse("{\"kty\":\"RSA\",\"e\":\"AQAB\",\"n\":\"AAEB\"}", "\"n\"", "a modulus with a leading zero");
	refuse("{\"kty\":\"RSA\",\"e\":\"AQAB\",\"n\":\"AQ=\"}", "\"n\"", "a padded modulus");
	refuse("{\"kty\":\"RSA\",\"e\":\"AR\",\"n\":\"AQ\"}", "\"e\"", "a second spelling of an exponent");
	refuse("[]", "object", "an array");
}

int
main(void)
{
	test_refusals();
	test_thumbprint();
	test_sizes();
	return finish();
}
