/* A kid names one key or none, and one bad key spoils a set only where it must. */
#include "test.h"

#include <stdlib.h>

#include "core/jwk.h"
#include "test_sign.h"

#define X1 "f83OJ3D2xF1Bg8vub9tLe1gHMzV76e8Tus9uPHvRVEU"
#define Y1 "x_FEzRu9m36HLN_tue659LNpXW6pCyStikYjKIWI5a0"
#define X2 "l8tFrhx-34tV3hRICRDY9zCkDlpBhF42UQUfWVAWBFs"
#define Y2 "9VE4jf_Ok_o64zbTTlcuNJajHmt6v9TDVrU0CdvGRDA"
#define EC1 "\"kty\":\"EC\",\"crv\":\"P-256\",\"x\":\"" X1 "\",\"y\":\"" Y1 "\""
#define EC2 "\"kty\":\"EC\",\"crv\":\"P-256\",\"x\":\"" X2 "\",\"y\":\"" Y2 "\""
#define OKP "\"kty\":\"OKP\",\"crv\":\"Ed25519\",\"x\":\"11qYAYKxCrfVS_7TyWQHOg7hcvPapiMlrwIaaPcHURo\""
#define OCT "\"kty\":\"oct\",\"alg\":\"HS256\",\"k\":\"AyM1SysPpbyDfgZld3umj1qzKObwVMkoqQ-EstJQLr_T\""

#define RSA_N "0vx7agoebGcQSuuPiLJXZptN9nndrQmbXEps2aiAFbWhM78LhWx4cbbfAAtVT86zwu1RK7aPFFxuhDR1L6tSoc_BJECPebWKRXjBZCiFV4n3oknjhMstn64tZ_2W-5JsGY4Hc5n9yBXArwl93lqt7_RN5w6Cf0h4QyQ5v-65YGjQR0_FDW2QvzqY368QQMicAtaSqzs8KJZgnYb9c7d0zgdAZHzu6qMQvRL5hajrn1n91CbOpbISD08qNLyrdkt-bFTWhAI4vMQFh6WeZu0fM4lFd2NcRwr3XPksINHaQ-G_xBniIqbw0Ls1jF44-csFCur-kEgU8awapJzKnqDKgw"

static const JwkPolicy any_public = {0};
static const JwkPolicy any_type = {.any_type = true};

static Verdict
parse(const char *text, const JwkPolicy *policy, JwkSet **set, Detail *detail)
{
	return jwk_set_parse(text, strlen(text), policy, set, detail);
}

static void
refuse(const char *text, const JwkPolicy *policy, Verdict expected, const char *word, const char *name)
{
	JwkSet	   *set;
	Detail		detail;

	CHECK_VERDICT(parse(text, policy, &set, &detail), &detail, expected, name);
	CHECK_DETAIL(&detail, word);
	CHECK(set == NULL, "and there is no set");
	jwk_set_free(set);
}

/* usable: a letter a key, y or n */
static void
check_usable(const char *text, const JwkPolicy *policy, const char *usable, const char *name)
{
	JwkSet	   *set;
	Detail		detail = {""};
	char		found[JWK_SET_MAX_KEYS + 1] = "";

	CHECK_VERDICT(parse(text, policy, &set, &detail), &detail, VERDICT_OK, name);
	for (size_t i = 0; set != NULL && i < set->n_entries; i++)
	{
		found[i] = set->entries[i].jwk != NULL ? 'y' : 'n';
		if (found[i] == 'n')
			CHECK_DETAIL(&set->entries[i].detail, " ");
	}
	if (!CHECK_TEXT(found, usable, "%s: %s are usable", name, usable))
		printf("# usable: %s\n", found);
	jwk_set_free(set);
}

static void
test_refusals(void)
{
	char	   *text = malloc((size_t) 1200 * 1024);
	size_t		n = (size_t) sprintf(text, "{\"keys\":[{\"kty\":\"x\"}");

	refuse("{\"keys\":{}}", &any_public, VERDICT_MALFORMED, "\"keys\"", "keys an object");
	refuse("{\"keys\":null}", &any_public, VERDICT_MALFORMED, "\"keys\"", "keys null");
	refuse("{\"keys\":[{" EC1 "},1]}", &any_public, VERDICT_MALFORMED, "Key 2", "a number among the keys");
	refuse("{\"keys\":[1,{" EC1 "}]}", &any_public, VERDICT_MALFORMED, "Key 1 ", "a number before the keys");
	refuse("{\"keys\":[{" EC1 ",\"d\":\"AQ\"},{" EC2 "}]}", &any_public, VERDICT_MALFORMED, "Key 1 of the JWK Set: The member \"d\"", "a private member in the first key");
	refuse("{\"keys\":[{" OCT "},{" EC1 "}]}", &any_type, VERDICT_MALFORMED, "mixes", "a secret before public keys");
	refuse("{\"keys\":[{" EC1 "},{" EC2 "},{" OCT "}]}", &any_type, VERDICT_MALFORMED, "mixes", "a secret after public keys");
	refuse("{\"keys\":[{" OCT "},{\"kty\":\"x\"}]}", &any_type, VERDICT_MALFORMED, "mixes", "a secret beside an unknown type");
	refuse("{\"keys\":[{" OCT "},{}]}", &any_type, VERDICT_MALFORMED, "mixes", "a secret beside no type");
	refuse("[{" EC1 "}]", &any_public, VERDICT_MALFORMED, "object", "an array");
	refuse("{\"keys\":[{" EC1 "}],\"keys\":[]}", &any_public, VERDICT_MALFORMED, "twice", "keys twice");
	refuse("{\"keys\":[{" EC1 "},{" EC2 ",\"d\":\"AQ\"}]}", &any_public, VERDICT_MALFORMED, "Key 2 of the JWK Set: The member \"d\"", "a private member");
	refuse("{\"keys\":[{\"kty\":\"?\",\"d\":\"AQ\"}]}", &any_public, VERDICT_MALFORMED, "\"d\"", "a private member in an unusable key");
	refuse("{" EC1 ",\"d\":\"AQ\"}", &any_public, VERDICT_MALFORMED, "\"d\"", "a private member in a lone key");
	refuse("{\"keys\":[{" EC1 "},{" OCT "}]}", &any_public, VERDICT_MALFORMED, "\"k\"", "a secret among public keys");
	refuse("{\"keys\":[{" EC1 "},{" OCT "}]}", &any_type, VERDICT_MALFORMED, "mixes", "secrets and public keys, any type");

	for (int i = 0; i < 99; i++)
		n += (size_t) sprintf(text + n, ",{\"kty\":\"x\"}");
	strcpy(text + n, "]}");
	{
		JwkSet	   *set;

		CHECK(parse(text, &any_public, &set, NULL) == VERDICT_OK && set->n_entries == 100, "100 keys are a set");
		jwk_set_free(set);
	}
	n += (size_t) sprintf(text + n, ",{\"kty\":\"x\"}");
	strcpy(text + n, "]}");
	refuse(text, &any_public, VERDICT_TOO_LARGE, "101 keys", "101 keys");
	for (int i = 0; i < 10000; i++)
		n += (size_t) sprintf(text + n, ",{\"kty\":\"x\"}");
	strcpy(text + n, "]}");
	refuse(text, &any_public, VERDICT_TOO_LARGE, "10101 keys", "ten thousand keys");
	memset(text, ' ', (size_t) 1200 * 1024);
	text[1200 * 1024 - 1] = '\0';
	refuse(text, &any_public, VERDICT_TOO_LARGE, "bytes", "more than 1 MiB");
	free(text);
}

static void
test_entries(void)
{
	check_usable("{\"keys\":[]}", &any_public, "", "an empty set");
	check_usable("{" EC1 "}", &any_public, "y", "a lone key");
	check_usable("{\"kty\":\"unknown\"}", &any_public, "n", "a lone unknown key");
	check_usable("{\"keys\":[{\"kty\":\"unknown\"},{" EC1 "},{" EC2 ",\"use\":\"enc\"}]}", &any_public, "nyn", "unusable keys do not spoil others");
	check_usable("{\"keys\":[{" EC1 "},{" EC2 "}]}", &any_public, "yy", "keys without kid");
	check_usable("{\"keys\":[{" EC1 ",\"kid\":\"a\"},{" EC2 ",\"kid\":\"a\"}]}", &any_public, "nn", "one kid for two keys");
	check_usable("{\"keys\":[{" EC1 ",\"kid\":\"a\"},{" EC2 ",\"kid\":\"b\"}]}", &any_public, "yy", "two kids for two keys");
	check_usable("{\"keys\":[{" EC1 ",\"kid\":\"a\"},{" EC2 ",\"kid\":\"a\",\"alg\":\"ES256\"}]}", &any_public, "nn", "one kid, one states alg");
	check_usable("{\"keys\":[{" EC1 ",\"kid\":\"a\"},{" OKP ",\"kid\":\"a\"}]}", &any_public, "yy", "one kid, two key types (RFC 7517 section 4.5)");
	check_usable("{\"keys\":[{" EC1 ",\"kid\":\"a\",\"use\":\"sig\"},{" EC2 ",\"kid\":\"a\",\"use\":\"enc\"}]}", &any_public, "yn", "one kid for signatures and encryption");
	check_usable("{\"keys\":[{" EC1 ",\"kid\":\"a\"},{\"kty\":\"EC\",\"crv\":\"P-256\",\"x\":\"" X1 "\",\"y\":\"" X1 "\",\"kid\":\"a\"}]}", &any_public, "nn", "one kid, one key off the curve");
	check_usable("{\"keys\":[{" EC1 ",\"kid\":\"a\"},{" OKP "},{" EC2 ",\"kid\":\"a\"}]}", &any_public, "nyn", "one kid for two keys that are no neighbours");
	check_usable("{\"keys\":[{" OKP ",\"kid\":\"b\"},{" EC1 ",\"kid\":\"a\"},{" EC2 ",\"kid\":\"a\"}]}", &any_public, "ynn", "one kid for the last two");
	check_usable("{\"keys\":[{" EC1 ",\"kid\":\"a\"},{" EC1 ",\"kid\":\"a\"},{" EC2 ",\"kid\":\"a\"}]}", &any_public, "nnn", "the same key twice, and another of its kid");
	check_usable("{\"keys\":[{" EC2 ",\"kid\":\"a\"},{" EC1 ",\"kid\":\"a\"},{" EC1 ",\"kid\":\"a\"}]}", &any_public, "nnn", "and in another order");
	check_usable("{\"keys\":[{" EC1 ",\"kid\":\"a\"},{" EC1 ",\"kid\":\"a\"},{" OKP ",\"kid\":\"a\"}]}", &any_public, "yny", "the same key twice, and one of another type");
	check_usable("{\"keys\":[{" EC1 ",\"kid\":\"a\",\"alg\":\"ES256\"},{\"kty\":\"EC\",\"crv\":\"P-256\",\"x\":\"" X1 "\",\"y\":\"" X1 "\",\"kid\":\"a\",\"alg\":\"ES384\"}]}", &any_public, "yn", "one kid, one unusable key for another algorithm");
	check_usable("{\"keys\":[{" EC1 "},{\"kty\":\"EC\",\"crv\":\"P-256\",\"x\":\"" X1 "\",\"y\":\"" X1 "\"}]}", &any_public, "yn", "no kid, one key off the curve");
	check_usable("{\"keys\":[{" EC1 ",\"kid\":\"a\"},{\"kty\":\"EC\",\"crv\":\"P-256\",\"x\":\"" X1 "\",\"y\":\"" X1 "\"}]}", &any_public, "yn", "a kid, and an unusable key without");
	check_usable("{\"keys\":[{\"kty\":\"EC\",\"crv\":\"P-256\",\"x\":\"" X1 "\",\"y\":\"" X1 "\",\"kid\":\"a\"},{" EC1 ",\"kid\":\"a\"}]}", &any_public, "nn", "one kid, the first key off the curve");
	check_usable("{\"keys\":[{" EC1 ",\"kid\":\"a\",\"use\":\"enc\"},{" EC2 ",\"kid\":\"a\",\"use\":\"sig\"}]}", &any_public, "ny", "one kid for encryption and signatures");
	check_usable("{\"keys\":[{" OCT ",\"kid\":\"a\"},{" OCT ",\"kid\":\"b\"}]}", &any_type, "yy", "a set of secrets");
	{
		JwkSet	   *set;

		CHECK(parse("{\"keys\":[{" EC1 ",\"kid\":\"a\"},{" EC1 ",\"kid\":\"a\"}]}", &any_public, &set, NULL) == VERDICT_OK &&
			  set->entries[0].jwk != NULL && set->entries[1].jwk == NULL &&
			  strstr(set->entries[1].detail.text, "twice") != NULL, "the same key twice is usable once");
		jwk_set_free(set);
		CHECK(parse("{\"keys\":[{\"kty\":\"?\",\"kid\":\"a\\nb\"},{" EC1 ",\"kid\":\"k\"},{" EC1 ",\"kid\":7}]}", &any_public, &set, NULL) == VERDICT_OK &&
			  strcmp(set->entries[0].key_id, "a\\x0ab") == 0 && strcmp(set->entries[1].key_id, "k") == 0 &&
			  set->entries[2].key_id == NULL, "kids are shown as printable text");
		jwk_set_free(set);
	}
}

/* The hostile key stands at this place, 0 or 1, and a good one at the other. */
static void
refuse_beside(const char *members, size_t at, const char *words)
{
	char		text[1200];
	JwkSet	   *set;
	Detail		detail = {""};

	snprintf(text, sizeof(text), "{\"keys\":[{%s},{%s}]}", at == 0 ? members : EC2, at == 0 ? EC2 : members);
	CHECK_VERDICT(parse(text, &any_public, &set, &detail), &detail, VERDICT_OK, "a set with a hostile key");
	CHECK(set != NULL && set->n_entries == 2 && set->entries[1 - at].jwk != NULL, "has the good one");
	CHECK(set != NULL && set->entries[at].jwk == NULL, "and not the hostile one");
	CHECK_TEXT(set == NULL ? "" : set->entries[at].detail.text, words, "key %zu: %s", at + 1, words);
	jwk_set_free(set);
}

/* Under these anybody could sign: wherever they stand, they are not in the set. */
static void
test_hostile(void)
{
	static const char bad_exponent[] = "The member \"e\" is not an odd number from 3 to 4294967295.";
	static const char low_order[] = "The member \"x\" is a point of low order, under which signatures can be forged.";
	static const char off_curve[] = "The members \"x\" and \"y\" are not a point of the curve.";
	const struct
	{
		const char *members;
		const char *words;
	}			hostile[] = {
		{"\"kty\":\"RSA\",\"alg\":\"RS256\",\"n\":\"" RSA_N "\",\"e\":\"AQ\"", bad_exponent},
		{"\"kty\":\"RSA\",\"alg\":\"PS256\",\"n\":\"" RSA_N "\",\"e\":\"Ag\"", bad_exponent},
		{"\"kty\":\"RSA\",\"alg\":\"RS512\",\"n\":\"" RSA_N "\",\"e\":\"AQAAAAE\"", bad_exponent},
		{"\"kty\":\"RSA\",\"alg\":\"RS256\",\"n\":\"uw\",\"e\":\"AQAB\"", "The member \"n\" has 8 bits; 2048 to 8192 are accepted."},
		{"\"kty\":\"EC\",\"crv\":\"P-256\",\"x\":\"" X1 "\",\"y\":\"" Y2 "\"", off_curve},
		{"\"kty\":\"EC\",\"crv\":\"secp256k1\",\"x\":\"" X1 "\",\"y\":\"" Y1 "\"", off_curve},
		{"\"kty\":\"EC\",\"crv\":\"P-256\",\"x\":\"" X1 "A\",\"y\":\"" Y1 "\"", "The member \"x\" has 33 bytes; the curve's coordinates have 32."},
		{"\"kty\":\"OKP\",\"crv\":\"Ed25519\",\"x\":\"AQAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA\"", low_order},
		{"\"kty\":\"OKP\",\"crv\":\"Ed25519\",\"x\":\"JuiVj8KyJ7BFw_SJ8u-Y8NXfrAXTxjM5sTgCiG1T_AU\"", low_order},
		{"\"kty\":\"OKP\",\"crv\":\"Ed25519\",\"x\":\"8P_______________________________________38\"", "The member \"x\" is not the canonical encoding of a point."},
		{"\"kty\":\"OKP\",\"crv\":\"Ed25519\",\"x\":\"AgAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA\"", "The member \"x\" does not encode a point of the curve."},
		{"\"kty\":\"OKP\",\"crv\":\"Ed448\",\"x\":\"AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA\"", low_order},
	};

	for (size_t i = 0; i < sizeof(hostile) / sizeof(hostile[0]); i++)
	{
		refuse_beside(hostile[i].members, 0, hostile[i].words);
		refuse_beside(hostile[i].members, 1, hostile[i].words);
	}
}

/* a and c are ES256, b is EdDSA; d has no kid */
static void
test_select(void)
{
	Jwk			a = {.key_id = "a", .algorithm = ALGORITHM_ES256};
	Jwk			b = {.key_id = "b", .algorithm = ALGORITHM_ED25519};
	Jwk			c = {.key_id = "a", .algorithm = ALGORITHM_ES256};
	Jwk			d = {.key_id = NULL, .algorithm = ALGORITHM_ED448};
	const Jwk  *two[] = {&a, &b};
	const Jwk  *all[] = {&a, &b, &c, &d};
	const AlgorithmSet es256 = ALGORITHM_BIT(ALGORITHM_ES256);
	const AlgorithmSet eddsa = algorithm_set_by_name("EdDSA");
	const Jwk  *found;
	Detail		detail;

	CHECK_VERDICT(jwk_select(NULL, 0, "a", es256, &found, &detail), &detail, VERDICT_KEY_UNKNOWN, "no keys");
	CHECK_VERDICT(jwk_select(NULL, 0, NULL, es256, &found, &detail), &detail, VERDICT_KEY_UNKNOWN, "no keys and no kid");
	CHECK_VERDICT(jwk_select(two, 2, "x", es256, &found, &detail), &detail, VERDICT_KEY_UNKNOWN, "an unknown kid");
	CHECK_DETAIL(&detail, "\"x\"");
	CHECK_VERDICT(jwk_select(two, 2, "A", es256, &found, &detail), &detail, VERDICT_KEY_UNKNOWN, "kid in other case");
	CHECK_VERDICT(jwk_select(two, 2, "b", es256, &found, &detail), &detail, VERDICT_ALGORITHM_REFUSED, "the kid of another algorithm's key");
	CHECK(found == NULL, "no key with a refusal");
	CHECK_VERDICT(jwk_select(all, 4, "a", es256, &found, &detail), &detail, VERDICT_KEY_UNKNOWN, "an ambiguous kid");
	CHECK_DETAIL(&detail, "ambiguous");
	CHECK_VERDICT(jwk_select(all, 4, NULL, es256, &found, &detail), &detail, VERDICT_KEY_UNKNOWN, "no kid and two keys");
	CHECK_DETAIL(&detail, "must name its key");
	CHECK_VERDICT(jwk_select(two, 2, NULL, ALGORITHM_BIT(ALGORITHM_RS256), &found, &detail), &detail, VERDICT_ALGORITHM_REFUSED, "no kid and no key of the algorithm");
	CHECK_VERDICT(jwk_select(all, 4, "", es256, &found, &detail), &detail, VERDICT_KEY_UNKNOWN, "an empty kid is not no kid");
	CHECK_VERDICT(jwk_select(all + 3, 1, "a", es256, &found, &detail), &detail, VERDICT_KEY_UNKNOWN, "a kid and a key without");
	CHECK_DETAIL(&detail, "no key with the kid");
	CHECK_VERDICT(jwk_select(two, 2, NULL, 0, &found, &detail), &detail, VERDICT_ALGORITHM_REFUSED, "no algorithm");
	CHECK_VERDICT(jwk_select(NULL, 0, NULL, es256, &found, &detail), &detail, VERDICT_KEY_UNKNOWN, "no keys");
	CHECK_DETAIL(&detail, "No key");
	CHECK_VERDICT(jwk_select(two + 1, 1, NULL, es256, &found, &detail), &detail, VERDICT_ALGORITHM_REFUSED, "one key, of another algorithm");
	CHECK(jwk_select(two, 2, "a", es256, &found, NULL) == VERDICT_OK && found == &a, "a kid and its algorithm");
	CHECK(jwk_select(two, 2, NULL, es256, &found, NULL) == VERDICT_OK && found == &a, "no kid and one key of the algorithm");
	CHECK(jwk_select(two, 2, NULL, eddsa, &found, NULL) == VERDICT_OK && found == &b, "EdDSA finds its curve");
	CHECK_VERDICT(jwk_select(all, 4, NULL, eddsa, &found, &detail), &detail, VERDICT_KEY_UNKNOWN, "EdDSA with keys of both curves");
}

int
main(void)
{
	test_refusals();
	test_hostile();
	test_entries();
	test_select();
	return finish();
}
