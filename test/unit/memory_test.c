/* When memory runs out, at whichever allocation: a verdict says so, nothing leaks, nothing passes. */
#include "test.h"

#include <jansson.h>
#include <openssl/crypto.h>
#include <stdlib.h>

#include "core/signature.h"
#include "core/strict_json.h"
#include "core/token.h"
#include "test_sign.h"

#define NOW (INT64_C(1800000000) * S)
#define HEADER "{\"alg\":\"ES256\",\"kid\":\"k1\",\"typ\":\"at+jwt\"}"
#define CLAIMS "{\"iss\":\"i\",\"aud\":[\"orders\",\"x\"],\"sub\":\"alice\",\"exp\":1800000300," \
	"\"iat\":1800000000,\"scope\":\"read write\",\"roles\":[\"a\",\"b\",\"c\"]}"

/* longer by far than the buffer with which jansson begins */
#define X16 "xxxxxxxxxxxxxxxx"
#define X256 X16 X16 X16 X16 X16 X16 X16 X16 X16 X16 X16 X16 X16 X16 X16 X16
#define LONG_CLAIMS "{\"iss\":\"i\",\"aud\":[\"orders\",\"" X256 "\"],\"sub\":\"alice-" X256 "-bob\"," \
	"\"exp\":1800000300,\"iat\":1800000000,\"scope\":\"read " X256 X256 X256 X256 X256 " write\"," \
	"\"roles\":[\"a\",\"" X16 "\",\"" X256 X256 "\\u00e9\"]}"
#define NAMES_CLAIMS "{\"iss\":\"i\",\"aud\":\"orders\",\"exp\":1800000300.0000000000000000000000000000000001," \
	"\"" X16 X16 "\":1,\"" X256 X256 X256 X256 "\":{\"" X256 "\":[9223372036854775807,-1.2345678901234567e-100]}," \
	"\"sub\":\"alice\",\"sub" X16 X16 X16 X16 "\":\"bob\"}"

/* read by no check, which would stumble over what is read beyond the end */
#define NOTE_CLAIMS "{\"iss\":\"i\",\"aud\":\"orders\",\"sub\":\"alice\",\"exp\":1800000300,\"note\":\"" X256 X256 X256 "\"}"
#define MALFORMED_CLAIMS "{\"iss\":\"i\",\"exp\":1800000300.0000000000000000000000000000000001,}"
#define POLICY "{\"issuer\":\"i\",\"audiences\":[\"orders\"],\"token_types\":[\"at+jwt\"]," \
	"\"required_claims\":[\"exp\",\"sub\"],\"subject_claim\":[\"sub\"],\"scope_claims\":[[\"scope\"]]," \
	"\"role_claims\":[[\"roles\"]]}"

void	   *__real_malloc(size_t size);
void	   *__real_calloc(size_t n, size_t size);
void	   *__real_realloc(void *old, size_t size);
char	   *__real_strdup(const char *text);
char	   *__real_strndup(const char *text, size_t length);
void	   *__wrap_malloc(size_t size);
void	   *__wrap_calloc(size_t n, size_t size);
void	   *__wrap_realloc(void *old, size_t size);
char	   *__wrap_strdup(const char *text);
char	   *__wrap_strndup(const char *text, size_t length);

typedef enum Victim
{
	VICTIM_NONE,
	VICTIM_CORE,
	VICTIM_JANSSON,
	VICTIM_OPENSSL
} Victim;

/* Whose allocations fail, and which of them. */
typedef struct Shortage
{
	Victim		victim;
	size_t		least;			/* octets; smaller ones succeed */
	bool		once;			/* the next one succeeds again */
} Shortage;

static Shortage shortage;

/* The allocation that fails, counted down to 0; negative: none. */
static int	countdown = -1;
static bool met;

static bool
fails(Victim asking, size_t size)
{
	if (asking != shortage.victim || size < shortage.least || countdown < 0)
		return false;
	if (countdown > 0)
	{
		countdown--;
		return false;
	}
	if (shortage.once)
		countdown = -1;
	met = true;
	return true;
}

void *
__wrap_malloc(size_t size)
{
	return fails(VICTIM_CORE, size) ? NULL : __real_malloc(size);
}

void *
__wrap_calloc(size_t n, size_t size)
{
	return fails(VICTIM_CORE, n * size) ? NULL : __real_calloc(n, size);
}

void *
__wrap_realloc(void *old, size_t size)
{
	return fails(VICTIM_CORE, size) ? NULL : __real_realloc(old, size);
}

char *
__wrap_strdup(const char *text)
{
	return fails(VICTIM_CORE, strlen(text) + 1) ? NULL : __real_strdup(text);
}

char *
__wrap_strndup(const char *text, size_t length)
{
	return fails(VICTIM_CORE, length + 1) ? NULL : __real_strndup(text, length);
}

/*
 * jansson's library has no sanitizer. Each of its allocations has its size in
 * front, and behind it octets that must stay. The last of them is a quote: a
 * string that is read beyond its end ends there, and the test goes on.
 */
#define FRONT_SIZE 16
#define FENCE "0123456\""

static int	n_overruns;

static void *
jansson_malloc(size_t size)
{
	char	   *memory = fails(VICTIM_JANSSON, size) ? NULL : __real_malloc(FRONT_SIZE + size + sizeof(FENCE));

	if (memory == NULL)
		return NULL;
	memcpy(memory, &size, sizeof(size));
	memcpy(memory + FRONT_SIZE + size, FENCE, sizeof(FENCE));
	return memory + FRONT_SIZE;
}

static void
jansson_free(void *old)
{
	char	   *memory = old;
	size_t		size;

	if (memory == NULL)
		return;
	memory -= FRONT_SIZE;
	memcpy(&size, memory, sizeof(size));
	n_overruns += memcmp(memory + FRONT_SIZE + size, FENCE, sizeof(FENCE)) != 0;
	free(memory);
}

static void *
openssl_malloc(size_t size, const char *file, int line)
{
	(void) file;
	(void) line;
	return fails(VICTIM_OPENSSL, size) ? NULL : __real_malloc(size);
}

static void *
openssl_realloc(void *old, size_t size, const char *file, int line)
{
	(void) file;
	(void) line;
	return fails(VICTIM_OPENSSL, size) ? NULL : __real_realloc(old, size);
}

static void
openssl_free(void *old, const char *file, int line)
{
	(void) file;
	(void) line;
	free(old);
}

static TestKey key;
static char *good;
static char *good_long;
static char *good_names;
static char *good_note;
static char *forged;
static char *malformed;
static char *set_text;
static char *pem;

static bool
same_set(const StringSet *a, const StringSet *b)
{
	bool		same = a->n_strings == b->n_strings;

	for (size_t i = 0; same && i < a->n_strings; i++)
		same = strcmp(a->strings[i], b->strings[i]) == 0;
	return same;
}

/* An accepted token says what was signed, all of it, and nothing else. */
static bool
says(const Token *token, const ClaimPolicy *policy, const char *signed_claims)
{
	const Shortage during = shortage;
	const ClaimReading *found = &token->reading;
	ClaimReading expected;
	json_t	   *claims;
	bool		equal;

	shortage.victim = VICTIM_NONE;
	claims = json_loads(signed_claims, JSON_REJECT_DUPLICATES, NULL);
	equal = json_equal(token->claims, claims) == 1 &&
		claims_read(claims, policy, &expected, NULL) == VERDICT_OK &&
		strcmp(found->subject, expected.subject) == 0 &&
		same_set(&found->audiences, &expected.audiences) &&
		same_set(&found->scopes, &expected.scopes) && same_set(&found->roles, &expected.roles);
	claim_reading_clear(&expected);
	json_decref(claims);
	shortage = during;
	return equal;
}

static int	n_misread;

static Verdict
judge(const char *text, const char *signed_claims)
{
	const Jwk  *jwks[1] = {key.jwk};
	const TokenKeys keys = {jwks, 1, ALGORITHM_BIT(ALGORITHM_ES256)};
	ClaimPolicy *policy;
	Token	   *token = NULL;
	Verdict		verdict = claim_policy_parse(POLICY, strlen(POLICY), &policy, NULL);

	if (verdict == VERDICT_OK)
		verdict = token_open(text, strlen(text), 16384, &token, NULL);
	if (verdict == VERDICT_OK)
		verdict = token_verify(token, policy, &keys, NOW, NULL, NULL);
	if (verdict == VERDICT_OK && !says(token, policy, signed_claims))
		n_misread++;
	token_free(token);
	claim_policy_free(policy);
	return verdict;
}

static Verdict
try_good(void)
{
	return judge(good, CLAIMS);
}

static Verdict
try_long(void)
{
	return judge(good_long, LONG_CLAIMS);
}

static Verdict
try_names(void)
{
	return judge(good_names, NAMES_CLAIMS);
}

static Verdict
try_forged(void)
{
	return judge(forged, CLAIMS);
}

static Verdict
try_note(void)
{
	return judge(good_note, NOTE_CLAIMS);
}

static Verdict
try_malformed(void)
{
	return judge(malformed, MALFORMED_CLAIMS);
}

static Verdict
try_set(void)
{
	const JwkPolicy policy = {0};
	JwkSet	   *set;
	Verdict		verdict = jwk_set_parse(set_text, strlen(set_text), &policy, &set, NULL);

	if (verdict == VERDICT_OK)
	{
		for (size_t i = 0; i < set->n_entries && verdict == VERDICT_OK; i++)
		{
			char	   *text = set->entries[i].jwk != NULL ? jwk_public_text(set->entries[i].jwk) : NULL;

			if (text == NULL && (set->entries[i].jwk != NULL || i != 2))
				verdict = VERDICT_OUT_OF_MEMORY;
			free(text);
		}
	}
	jwk_set_free(set);
	return verdict;
}

static Verdict
try_pem(void)
{
	Jwk		   *jwk;
	Verdict		verdict = jwk_from_pem(pem, strlen(pem), ALGORITHM_ES256, "k", &jwk, NULL);

	jwk_free(jwk);
	return verdict;
}

static Verdict
try_secret(void)
{
	static const char text[] = "{\"kty\":\"oct\",\"alg\":\"HS256\",\"k\":\"AyM1SysPpbyDfgZld3umj1qzKObwVMkoqQ-EstJQLr_T\",\"kid\":\"k\"}";
	const JwkPolicy policy = {.symmetric = true};
	Jwk		   *jwk;
	Verdict		verdict = jwk_parse(text, strlen(text), &policy, &jwk, NULL);

	jwk_free(jwk);
	return verdict;
}

/* Tokens with a MAC, right and wrong. */
static TestKey mac_key;
static char *good_mac;
static char *forged_mac;

static Verdict
verify_mac(const char *text)
{
	Jws		   *jws;
	Verdict		verdict = jws_parse(text, strlen(text), 4096, &jws, NULL);

	if (verdict == VERDICT_OK)
		verdict = signature_verify(jws, mac_key.jwk, NULL);
	jws_free(jws);
	return verdict;
}

static Verdict
try_mac(void)
{
	return verify_mac(good_mac);
}

static Verdict
try_forged_mac(void)
{
	return verify_mac(forged_mac);
}

static Verdict
try_thumbprint(void)
{
	static const char text[] = "{\"kty\":\"OKP\",\"crv\":\"Ed25519\",\"x\":\"11qYAYKxCrfVS_7TyWQHOg7hcvPapiMlrwIaaPcHURo\"}";
	char		thumbprint[44] = "";
	Verdict		verdict = jwk_thumbprint(text, strlen(text), thumbprint, NULL);

	if (verdict == VERDICT_OK && strcmp(thumbprint, "kPrK_qmxVWaYVA9wwBF6Iuo3vVzz7TxHCTwXBygrS4k") != 0)
		n_misread++;
	return verdict;
}

/* Whether a verdict that a shortage led to is none that it may lead to. */
static bool
is_wrong(Verdict verdict, Verdict expected, Victim whose)
{
	if (whose == VICTIM_CORE)
		return verdict != VERDICT_OUT_OF_MEMORY;
	return verdict == VERDICT_OK && expected != VERDICT_OK;
}

/*
 * Fail the first allocation and all after it, unless only once; then the
 * second and so on, until the trip is made without meeting one. Only the core
 * always says out of memory: jansson reports an invalid token at times, and
 * OpenSSL nothing. Returns how many failed.
 */
static int
run(Verdict (*try) (void), Verdict expected, Shortage of, const char *name)
{
	static const char *const names[] = {"none", "core", "jansson", "OpenSSL"};
	int			n_wrong = 0;
	int			n = 0;
	Verdict		verdict;

	n_misread = n_overruns = 0;
	do
	{
		met = false;
		countdown = n;
		shortage = of;
		verdict = try();
		shortage.victim = VICTIM_NONE;
		countdown = -1;
		if (!met)
			break;
		if (is_wrong(verdict, expected, of.victim))
		{
			printf("# allocation %d: %s\n", n, verdict_name(verdict));
			n_wrong++;
		}
	} while (n++ < 20000);
	CHECK(n_wrong == 0 && n_misread == 0 && n_overruns == 0 && verdict == expected,
		  "%s, %s of %zu octets and more%s: %d allocations failed, %d readings that nobody signed, %d overruns",
		  name, names[of.victim], of.least, of.once ? ", once" : "", n, n_misread, n_overruns);
	return n;
}

/*
 * Memory that is short is short of large pieces first, and what is asked for
 * next may be there: then nothing must have been left out on the way.
 */
static void
run_sizes(Verdict (*try) (void), Verdict expected, size_t largest, const char *name)
{
	size_t		least = 32;

	run(try, expected, (Shortage) {VICTIM_JANSSON, 0, true}, name);
	while (run(try, expected, (Shortage) {VICTIM_JANSSON, least, false}, name) > 0)
	{
		run(try, expected, (Shortage) {VICTIM_JANSSON, least, true}, name);
		least *= 2;
	}
	CHECK(least > largest, "%s: allocations of %zu octets and more failed, too", name, largest);
}

/*
 * A member of every size, so that its last octet, or the one that ends it, is
 * where the parser's buffer is full. No octet may be missing then: the parser
 * would drop it from a string, and abort over a word or a number.
 */
static void
run_element(const char *start, char filler, const char *end, size_t largest,
			Verdict expected, const char *name)
{
	int			n_failed = 0;
	int			n_wrong = 0;

	n_overruns = 0;
	for (size_t size = 1; size <= largest; size++)
	{
		char		text[256];
		char		fill[200] = "";
		int			length;

		memset(fill, filler, size);
		length = snprintf(text, sizeof(text), "{\"a\":%s%s%s}", start, fill, end);
		for (int n = 0; n < 1000; n++)
		{
			json_t	   *object;
			Verdict		verdict;

			met = false;
			countdown = n / 2;
			shortage = (Shortage) {VICTIM_JANSSON, 17, n % 2 == 1};
			verdict = strict_json_object(text, (size_t) length, &strict_json_claims_limits, &object, NULL);
			shortage.victim = VICTIM_NONE;
			countdown = -1;
			json_decref(object);
			if (!met && verdict == expected)
				break;
			n_failed += met;
			n_wrong += verdict != (met ? VERDICT_OUT_OF_MEMORY : expected);
		}
	}
	CHECK(n_failed > 0 && n_wrong == 0 && n_overruns == 0, "%s of each size: %d allocations failed, %d wrong verdicts, %d overruns",
		  name, n_failed, n_wrong, n_overruns);
}

static void
test_elements(void)
{
	run_element("1.", '5', "", 62, VERDICT_OK, "a number");
	run_element("\"", 'x', "\"", 150, VERDICT_OK, "a string");
	run_element("", 'x', "", 150, VERDICT_MALFORMED, "a word");
	run_element("\"", 'x', "\n\"", 150, VERDICT_MALFORMED, "a string with a control character");
	run_element("\"", 'x', "\\x\"", 150, VERDICT_MALFORMED, "a string with a false escape");
	run_element("\"", 'x', "", 150, VERDICT_MALFORMED, "a string without end");
}

int
main(void)
{
	char	   *jwk_text;

	if (CRYPTO_set_mem_functions(openssl_malloc, openssl_realloc, openssl_free) != 1)
		CHECK(false, "OpenSSL's allocator is ours");
	json_set_alloc_funcs(jansson_malloc, jansson_free);

	test_key_make(&mac_key, ALGORITHM_HS256, NULL);
	good_mac = test_sign(&mac_key, "{\"alg\":\"HS256\"}", "{}");
	forged_mac = test_sign(&mac_key, "{\"alg\":\"HS256\"}", "{}");
	forged_mac[strlen(forged_mac) - 20] ^= 1;
	test_key_make(&key, ALGORITHM_ES256, "k1");
	good = test_sign(&key, HEADER, CLAIMS);
	good_long = test_sign(&key, HEADER, LONG_CLAIMS);
	good_names = test_sign(&key, HEADER, NAMES_CLAIMS);
	good_note = test_sign(&key, HEADER, NOTE_CLAIMS);
	malformed = test_sign(&key, HEADER, MALFORMED_CLAIMS);
	forged = strdup(good);
	forged[strlen(forged) - 20] = forged[strlen(forged) - 20] == 'A' ? 'B' : 'A';
	pem = test_key_pem(key.pkey);
	jwk_text = jwk_public_text(key.jwk);
	set_text = malloc(4096);
	snprintf(set_text, 4096, "{\"keys\":[%s,{\"kty\":\"OKP\",\"crv\":\"Ed25519\",\"x\":\"11qYAYKxCrfVS_7TyWQHOg7hcvPapiMlrwIaaPcHURo\"},{\"kty\":\"x\",\"kid\":\"y\"}]}", jwk_text);
	free(jwk_text);

	for (int whose = VICTIM_CORE; whose <= VICTIM_OPENSSL; whose++)
	{
		/* once without failures: what is made once and kept is then there */
		try_good();
		try_set();
		try_pem();
		try_secret();
		try_thumbprint();
		run(try_good, VERDICT_OK, (Shortage) {whose, 0, false}, "a good token");
		run(try_forged, VERDICT_SIGNATURE_INVALID, (Shortage) {whose, 0, false}, "a forged token");
		run(try_set, VERDICT_OK, (Shortage) {whose, 0, false}, "a JWK Set");
		run(try_pem, VERDICT_OK, (Shortage) {whose, 0, false}, "a PEM key");
		run(try_secret, VERDICT_OK, (Shortage) {whose, 0, false}, "a secret");
		run(try_thumbprint, VERDICT_OK, (Shortage) {whose, 0, false}, "a thumbprint");
		run(try_mac, VERDICT_OK, (Shortage) {whose, 0, false}, "a good MAC");
		run(try_forged_mac, VERDICT_SIGNATURE_INVALID, (Shortage) {whose, 0, false}, "a forged MAC");
		if (whose == VICTIM_OPENSSL)
		{
			run(try_forged, VERDICT_SIGNATURE_INVALID, (Shortage) {whose, 0, true}, "a forged token");
			run(try_forged_mac, VERDICT_SIGNATURE_INVALID, (Shortage) {whose, 0, true}, "a forged MAC");
		}
	}
	run(try_good, VERDICT_OK, (Shortage) {VICTIM_CORE, 0, true}, "a good token");
	run(try_forged, VERDICT_SIGNATURE_INVALID, (Shortage) {VICTIM_CORE, 0, true}, "a forged token");
	run(try_set, VERDICT_OK, (Shortage) {VICTIM_CORE, 0, true}, "a JWK Set");
	run(try_pem, VERDICT_OK, (Shortage) {VICTIM_CORE, 0, true}, "a PEM key");
	run(try_secret, VERDICT_OK, (Shortage) {VICTIM_CORE, 0, true}, "a secret");
	run(try_thumbprint, VERDICT_OK, (Shortage) {VICTIM_CORE, 0, true}, "a thumbprint");
	run(try_note, VERDICT_OK, (Shortage) {VICTIM_CORE, 0, true}, "a token for one audience");
	run_sizes(try_good, VERDICT_OK, 128, "a good token");
	run_sizes(try_long, VERDICT_OK, 2048, "a token of long strings");
	run_sizes(try_names, VERDICT_OK, 2048, "a token of long names and numbers");
	run_sizes(try_note, VERDICT_OK, 1024, "a token with a long claim that is not read");
	run_sizes(try_forged, VERDICT_SIGNATURE_INVALID, 128, "a forged token");
	run_sizes(try_malformed, VERDICT_MALFORMED, 128, "a malformed token");
	test_elements();

	test_key_free(&key);
	test_key_free(&mac_key);
	free(good_mac);
	free(forged_mac);
	free(good);
	free(good_long);
	free(good_names);
	free(forged);
	free(good_note);
	free(malformed);
	free(pem);
	free(set_text);
	return finish();
}
