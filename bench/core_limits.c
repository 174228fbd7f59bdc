/*
 * core_limits.c
 *		What the worst that may arrive costs the core: time, memory, signature checks.
 *
 *	core_limits REPEATS
 *
 * One line a case, its columns separated by tabs: what arrived, octets,
 * outcome, median and worst processor time in microseconds, the most memory
 * held at a time in kB, signature checks.
 */
#include <jansson.h>
#include <malloc.h>
#include <openssl/bn.h>
#include <openssl/crypto.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "core/base64url.h"
#include "core/token.h"
#include "test_sign.h"

#define KIB ((size_t) 1024)
#define NOW (INT64_C(1800000000) * 1000000)
#define CLAIMS "\"iss\":\"https://idp.test\",\"aud\":\"orders\",\"sub\":\"alice\",\"client_id\":\"app\",\"iat\":1799990000"
#define EXPIRED "{" CLAIMS ",\"exp\":1799999000"
#define GOOD "{" CLAIMS ",\"exp\":1800000300"
#define POLICY "{\"issuer\":\"https://idp.test\",\"audiences\":[\"orders\"],\"token_types\":[\"at+jwt\"]," \
	"\"required_claims\":[\"exp\",\"sub\"],\"subject_claim\":[\"sub\"]," \
	"\"scope_claims\":[[\"scope\"]],\"role_claims\":[[\"roles\"]]}"

/*
 * Memory, of whichever library: these stand before the C library's own.
 */

extern void *__libc_malloc(size_t size);
extern void *__libc_calloc(size_t n, size_t size);
extern void *__libc_realloc(void *old, size_t size);
extern void __libc_free(void *old);

static size_t held;
static size_t most_held;

static void *
count(void *memory)
{
	held += malloc_usable_size(memory);
	if (held > most_held)
		most_held = held;
	return memory;
}

void *
malloc(size_t size)
{
	return count(__libc_malloc(size));
}

void *
calloc(size_t n, size_t size)
{
	return count(__libc_calloc(n, size));
}

void *
realloc(void *old, size_t size)
{
	held -= malloc_usable_size(old);
	return count(__libc_realloc(old, size));
}

void
free(void *old)
{
	held -= malloc_usable_size(old);
	__libc_free(old);
}

/*
 * Signature checks
 */

extern Verdict __real_signature_verify(const Jws *jws, const Jwk *jwk,
									   Detail *detail);
extern Verdict __wrap_signature_verify(const Jws *jws, const Jwk *jwk,
									   Detail *detail);
static int	n_signature_checks;

Verdict
__wrap_signature_verify(const Jws *jws, const Jwk *jwk, Detail *detail)
{
	n_signature_checks++;
	return __real_signature_verify(jws, jwk, detail);
}

/*
 * Measuring
 */

/* What arrives: text, for a token together with the keys of its issuer. */
typedef struct Arrival
{
	const char *text;
	size_t		length;
	const Jwk *const *keys;
	size_t		n_keys;
	size_t		max_size;		/* token_auth.max_token_size */
} Arrival;

typedef Verdict (*Reader) (const Arrival *arrival);

static size_t repeats;
static ClaimPolicy *policy;

/* Of the processor, so that other programs do not count. */
static double
now_us(void)
{
	struct timespec now;

	clock_gettime(CLOCK_THREAD_CPUTIME_ID, &now);
	return (double) now.tv_sec * 1e6 + (double) now.tv_nsec / 1e3;
}

static int
compare_times(const void *a, const void *b)
{
	const double left = *(const double *) a;
	const double right = *(const double *) b;

	return (left > right) - (left < right);
}

/* The first reading warms up what libraries keep for good. */
static void
measure(const char *what, Reader reader, const Arrival *arrival)
{
	double	   *times = malloc(repeats * sizeof(double));
	Verdict		verdict = reader(arrival);
	const size_t before = held;

	most_held = held;
	n_signature_checks = 0;
	for (size_t i = 0; i < repeats; i++)
	{
		const double began = now_us();

		verdict = reader(arrival);
		times[i] = now_us() - began;
	}
	qsort(times, repeats, sizeof(double), compare_times);
	printf("%s\t%zu\t%s%s\t%.0f\t%.0f\t%zu\t%zu\n", what, arrival->length,
		   verdict_name(verdict), held == before ? "" : ", memory is left",
		   times[repeats / 2], times[repeats - 1],
		   (most_held - before + KIB - 1) / KIB,
		   (size_t) n_signature_checks / repeats);
	free(times);
}

static Verdict
read_token(const Arrival *arrival)
{
	const TokenKeys keys = {arrival->keys, arrival->n_keys,
	ALGORITHMS_PUBLIC | ALGORITHMS_SECRET};
	Token	   *token;
	Verdict		verdict = token_open(arrival->text, arrival->length,
									 arrival->max_size, &token, NULL);

	if (verdict == VERDICT_OK)
		verdict = token_verify(token, policy, &keys, NOW, NULL, NULL);
	token_free(token);
	return verdict;
}

/* Unusable if no key of it can be used. */
static Verdict
read_key_set(const Arrival *arrival)
{
	const JwkPolicy any = {0};
	JwkSet	   *set;
	Verdict		verdict = jwk_set_parse(arrival->text, arrival->length, &any,
										&set, NULL);

	jwk_set_free(set);
	return verdict;
}

static Verdict
read_pem(const Arrival *arrival)
{
	Jwk		   *jwk;
	Verdict		verdict = jwk_from_pem(arrival->text, arrival->length,
									   ALGORITHM_RS256, NULL, &jwk, NULL);

	jwk_free(jwk);
	return verdict;
}

/*
 * Texts
 */

/* Text that grows up to a size; what does not fit is left out. */
typedef struct Text
{
	char	   *octets;
	size_t		length;
	size_t		size;
} Text;

static Text
text_begin(const char *start, size_t size)
{
	Text		text = {malloc(size + 1), 0, size};

	text.length = (size_t) snprintf(text.octets, size + 1, "%s", start);
	return text;
}

static bool
text_add(Text *text, const char *more, size_t spare)
{
	const size_t length = strlen(more);

	if (text->length + length + spare > text->size)
		return false;
	memcpy(text->octets + text->length, more, length + 1);
	text->length += length;
	return true;
}

/* Octets of payload that fit into a token of that size with this header. */
static size_t
payload_room(size_t token_size)
{
	return (token_size - 300) / 4 * 3;
}

static const char *const header = "{\"alg\":\"ES256\",\"kid\":\"k\",\"typ\":\"at+jwt\"}";

static void
measure_token(const char *what, const TestKey *key, const char *its_header,
			  const char *payload, const Arrival *under)
{
	char	   *text = test_sign(key, its_header, payload);
	Arrival		arrival = *under;

	arrival.text = text;
	arrival.length = strlen(text);
	measure(what, read_token, &arrival);
	free(text);
}

/* Long strings, and so few parts: as many octets as there may be. */
static char *
payload_of_strings(const char *start, size_t size)
{
	Text		text = text_begin(start, size);
	char		member[4100];
	int			n = 0;

	do
		snprintf(member, sizeof(member), ",\"m%d\":\"%01000d\"", n, n);
	while (n++ < 4000 && text_add(&text, member, 1));
	text_add(&text, "}", 0);
	return text.octets;
}

/* As many members as there may be, or as fit. */
static char *
payload_of_members(const char *start, size_t size)
{
	Text		text = text_begin(start, size);
	char		member[32];
	int			n = 0;

	do
		snprintf(member, sizeof(member), ",\"%x\":1", n);
	while (n++ < 4080 && text_add(&text, member, 1));
	text_add(&text, "}", 0);
	return text.octets;
}

/* Roles, in the order that a sort likes least, each twice. */
static char *
payload_of_roles(const char *start, size_t size)
{
	Text		text = text_begin(start, size);
	char		role[32];
	int			n = 4000;

	text_add(&text, ",\"roles\":[\"r\"", 2);
	do
		snprintf(role, sizeof(role), ",\"%05d\"", n / 2);
	while (n-- > 0 && text_add(&text, role, 2));
	text_add(&text, "]}", 0);
	return text.octets;
}

/* Arrays nested to a depth, as often as fits. */
static char *
payload_nested(const char *start, size_t depth, size_t size)
{
	Text		text = text_begin(start, size);
	char		nest[256] = ",";
	size_t		n = 0;

	text_add(&text, ",\"a\":[0", 2);
	memset(nest + 1, '[', depth - 2);
	memset(nest + depth - 1, ']', depth - 2);
	nest[2 * depth - 3] = '\0';
	while (n++ < 4000 / depth && text_add(&text, nest, 2))
		;
	text_add(&text, "]}", 0);
	return text.octets;
}

static void
measure_payloads(const TestKey *key, const Arrival *under, const char *size)
{
	const size_t room = payload_room(under->max_size);
	struct
	{
		const char *what;
		char	   *payload;
	}			cases[] = {
		{"expired, long strings", payload_of_strings(EXPIRED, room)},
		{"expired, as many members as fit", payload_of_members(EXPIRED, room)},
		{"expired, as many roles as fit", payload_of_roles(EXPIRED, room)},
		{"accepted, as many roles as fit", payload_of_roles(GOOD, room)},
		{"expired, 16 levels deep", payload_nested(EXPIRED, 16, room)},
		{"17 levels deep", payload_nested(EXPIRED, 17, room)},
	};

	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++)
	{
		char		what[200];

		snprintf(what, sizeof(what), "token of %s: %s", size, cases[i].what);
		measure_token(what, key, header, cases[i].payload, under);
		free(cases[i].payload);
	}
}

/* A token of brackets, of members beyond the limit, and of no dots at all. */
static void
measure_bombs(const TestKey *key, const Arrival *under)
{
	const size_t room = payload_room(under->max_size);
	char	   *payload = malloc(room + 1);
	char	   *text = malloc(under->max_size + 2);
	Arrival		arrival = *under;

	memset(payload, '[', room);
	payload[room] = '\0';
	measure_token("token of 64 kB: nothing but [", key, header, payload, under);
	for (size_t i = 0; i < room; i++)
		payload[i] = "[],"[i % 3];
	payload[0] = '[';
	measure_token("token of 64 kB: nothing but [],", key, header, payload, under);

	memset(text, 'A', under->max_size + 1);
	text[under->max_size + 1] = '\0';
	arrival.text = text;
	arrival.length = under->max_size;
	measure("64 kB of A", read_token, &arrival);
	memset(text, '.', under->max_size);
	measure("64 kB of dots", read_token, &arrival);
	arrival.length++;
	measure("64 kB and a byte", read_token, &arrival);
	free(text);
	free(payload);
}

static void
measure_headers(const TestKey *key, const Arrival *under)
{
	Text		text = text_begin("{\"alg\":\"ES256\",\"kid\":\"", 20 * KIB);
	char	   *payload = payload_of_members(GOOD, 2 * KIB);

	for (size_t i = 0; i < 16 * KIB; i++)
		text_add(&text, "k", 2);
	text_add(&text, "\"}", 0);
	measure_token("token with a kid of 16 kB", key, text.octets, payload, under);
	free(text.octets);

	text = text_begin("{\"alg\":\"ES256\",\"kid\":\"", 2 * KIB);
	while (text_add(&text, "k", 2))
		;
	text_add(&text, "\"}", 0);
	measure_token("token with a kid that fills a header of 2 kB", key, text.octets, payload, under);
	free(text.octets);
	free(payload);
}

/* A token with the signature of another one, for each sort of key. */
static void
measure_signatures(const Arrival *under)
{
	static const Algorithm algorithms[] = {
		ALGORITHM_HS512, ALGORITHM_RS256, ALGORITHM_PS512, ALGORITHM_ES256,
		ALGORITHM_ES384, ALGORITHM_ES512, ALGORITHM_ES256K, ALGORITHM_ED25519, ALGORITHM_ED448
	};
	char	   *payload = payload_of_strings(GOOD, payload_room(under->max_size) - 300);

	for (size_t i = 0; i < sizeof(algorithms) / sizeof(algorithms[0]); i++)
	{
		const char *name = algorithm_info(algorithms[i])->name;
		char		its_header[100];
		char		what[100];
		TestKey		key;
		Arrival		arrival = *under;
		char	   *text;
		char	   *other;
		size_t		signed_length;

		test_key_make(&key, algorithms[i], "k");
		snprintf(its_header, sizeof(its_header), "{\"alg\":\"%s\",\"kid\":\"k\",\"typ\":\"at+jwt\"}", name);
		snprintf(what, sizeof(what), "token of 16 kB: bad signature, %s", name);
		text = test_sign(&key, its_header, payload);
		other = test_sign(&key, its_header, GOOD "}");
		arrival.text = text;
		arrival.length = strlen(text);
		arrival.keys = (const Jwk *const *) &key.jwk;
		signed_length = strlen(strrchr(other, '.'));
		memcpy(text + arrival.length - signed_length, strrchr(other, '.'), signed_length);
		measure(what, read_token, &arrival);
		free(other);
		free(text);
		test_key_free(&key);
	}
	free(payload);
}

/* A JWK with an RSA modulus of that size that has no small factor. */
static char *
rsa_jwk(size_t bits, const char *more)
{
	BIGNUM	   *n = BN_new();
	unsigned char octets[1024];
	char		encoded[BASE64URL_ENCODED_SIZE(sizeof(octets)) + 1];
	char	   *text = malloc(2 * KIB);
	Jwk		   *jwk = NULL;
	const JwkPolicy any = {0};

	do
	{
		BN_rand(n, (int) bits, BN_RAND_TOP_ONE, BN_RAND_BOTTOM_ODD);
		encoded[base64url_encode(octets, (size_t) BN_bn2bin(n, octets), encoded)] = '\0';
		snprintf(text, 2 * KIB, "{\"kty\":\"RSA\",\"alg\":\"RS256\",\"e\":\"AQAB\",\"n\":\"%s\"%s}", encoded, more);
	} while (jwk_parse(text, strlen(text), &any, &jwk, NULL) != VERDICT_OK);
	jwk_free(jwk);
	BN_free(n);
	return text;
}

/* The largest key that is accepted, and a signature that may be its own. */
static void
measure_largest_key(const Arrival *under)
{
	const JwkPolicy any = {0};
	unsigned char signature[1024];
	char	   *key = rsa_jwk(8192, ",\"kid\":\"k\"");
	char	   *payload = payload_of_strings(GOOD, payload_room(under->max_size) - 1500);
	Jwk		   *jwk = NULL;
	Arrival		arrival = *under;
	char	   *text;

	memset(signature, 0x55, sizeof(signature));
	text = test_compact("{\"alg\":\"RS256\",\"kid\":\"k\",\"typ\":\"at+jwt\"}", payload, signature, sizeof(signature));
	(void) jwk_parse(key, strlen(key), &any, &jwk, NULL);
	arrival.text = text;
	arrival.length = strlen(text);
	arrival.keys = (const Jwk *const *) &jwk;
	measure("token of 16 kB: bad signature, RSA of 8192 bits", read_token, &arrival);
	jwk_free(jwk);
	free(text);
	free(payload);
	free(key);
}

/* An issuer with as many keys as it may have, and a token that names none, one, or another. */
static void
measure_many_keys(const Arrival *under)
{
	TestKey		keys[JWK_SET_MAX_KEYS];
	const Jwk  *jwks[JWK_SET_MAX_KEYS];
	Arrival		arrival = *under;
	char		key_id[16];
	char	   *payload = payload_of_strings(EXPIRED, payload_room(under->max_size));

	for (int i = 0; i < JWK_SET_MAX_KEYS; i++)
	{
		snprintf(key_id, sizeof(key_id), "key-%d", i);
		test_key_make(&keys[i], ALGORITHM_ES256, key_id);
		jwks[i] = keys[i].jwk;
	}
	arrival.keys = jwks;
	arrival.n_keys = JWK_SET_MAX_KEYS;
	measure_token("token without kid, issuer with 100 keys", &keys[99], "{\"alg\":\"ES256\",\"typ\":\"at+jwt\"}", payload, &arrival);
	measure_token("token with an unknown kid, issuer with 100 keys", &keys[99], "{\"alg\":\"ES256\",\"kid\":\"key\",\"typ\":\"at+jwt\"}", payload, &arrival);
	measure_token("token with the last key's kid, issuer with 100 keys", &keys[99], "{\"alg\":\"ES256\",\"kid\":\"key-99\",\"typ\":\"at+jwt\"}", payload, &arrival);
	for (int i = 0; i < JWK_SET_MAX_KEYS; i++)
		test_key_free(&keys[i]);
	free(payload);
}

/* A set of copies of a JWK, as many as wanted. */
static void
measure_key_set(const char *what, const char *jwk, size_t n)
{
	const size_t size = n * (strlen(jwk) + 1) + 100;
	Text		text = text_begin("{\"keys\":[", size);
	Arrival		arrival;

	for (size_t i = 0; i < n; i++)
	{
		if (i > 0)
			text_add(&text, ",", 0);
		text_add(&text, jwk, 0);
	}
	text_add(&text, "]}", 0);
	arrival = (Arrival) {.text = text.octets,.length = text.length};
	measure(what, read_key_set, &arrival);
	free(text.octets);
}

static void
measure_key_sets(void)
{
	TestKey		key;
	char	   *jwk;
	char	   *rsa = rsa_jwk(8192, "");

	test_key_make(&key, ALGORITHM_ES512, "k");
	jwk = jwk_public_text(key.jwk);
	measure_key_set("JWK Set of 10,000 P-521 keys", jwk, 10000);
	measure_key_set("JWK Set of 10,000 keys, as short as can be", "{\"kty\":\"x\"}", 10000);
	measure_key_set("JWK Set of 65,000 members", "{}", 65000);
	measure_key_set("JWK Set of 100 P-521 keys of one kid, none usable", jwk, 100);
	measure_key_set("JWK Set of 100 RSA keys of 8192 bits", rsa, 100);
	free(rsa);
	free(jwk);
	test_key_free(&key);
}

/* DER of a public key with an RSA modulus of as many octets; returns its size. */
static size_t
rsa_der(unsigned char *der, size_t n_octets)
{
	static const unsigned char algorithm[] = {
		0x30, 0x0d, 0x06, 0x09, 0x2a, 0x86, 0x48, 0x86, 0xf7, 0x0d, 0x01, 0x01, 0x01, 0x05, 0x00
	};
	static const unsigned char exponent[] = {0x02, 0x03, 0x01, 0x00, 0x01};
	const size_t key = 4 + n_octets + sizeof(exponent);
	const size_t bits = 1 + 4 + key;
	const size_t all = sizeof(algorithm) + 4 + bits;
	size_t		at = 0;

#define LONG_FORM(tag, size) \
	der[at++] = (tag), der[at++] = 0x82, \
	der[at++] = (unsigned char) ((size) >> 8), der[at++] = (unsigned char) (size)

	LONG_FORM(0x30, all);
	memcpy(der + at, algorithm, sizeof(algorithm));
	at += sizeof(algorithm);
	LONG_FORM(0x03, bits);
	der[at++] = 0;
	LONG_FORM(0x30, key);
	LONG_FORM(0x02, n_octets);
	memset(der + at, 0x55, n_octets);
	at += n_octets;
	memcpy(der + at, exponent, sizeof(exponent));
	return at + sizeof(exponent);
}

/* PEM around octets, standard base64 in lines. */
static char *
pem_of(const unsigned char *octets, size_t n)
{
	char	   *encoded = malloc(BASE64URL_ENCODED_SIZE(n) + 1);
	const size_t length = base64url_encode(octets, n, encoded);
	Text		text = text_begin("-----BEGIN PUBLIC KEY-----\n", 2 * length + 200);

	for (size_t i = 0; i < length; i++)
	{
		const char	octet = encoded[i];
		const char	letter[2] = {octet, '\0'};

		text_add(&text, octet == '-' ? "+" : octet == '_' ? "/" : letter, 0);
		if (i % 64 == 63)
			text_add(&text, "\n", 0);
	}
	for (size_t i = length; i % 4 != 0; i++)
		text_add(&text, "=", 0);
	text_add(&text, "\n-----END PUBLIC KEY-----\n", 0);
	free(encoded);
	return text.octets;
}

static void
measure_pem(void)
{
	static const char begin[] = "-----BEGIN PUBLIC KEY-----\n";
	unsigned char der[13000];
	char	   *pem = pem_of(der, rsa_der(der, 11900));
	char	   *junk = malloc(16 * KIB + 1);
	Arrival		arrival = {.text = pem,.length = strlen(pem)};

	measure("PEM of 16 kB: RSA of 95,200 bits", read_pem, &arrival);
	arrival = (Arrival) {.text = junk,.length = 16 * KIB};
	memset(junk, 'A', 16 * KIB);
	for (size_t i = 0; i < sizeof(begin) - 1; i++)
		junk[i] = begin[i];
	measure("PEM of 16 kB: no end", read_pem, &arrival);
	memset(junk, '-', 16 * KIB);
	measure("PEM of 16 kB: nothing but -", read_pem, &arrival);
	for (size_t i = 0; i < 16 * KIB; i++)
		junk[i] = "-----BEGIN A-----\n"[i % 18];
	measure("PEM of 16 kB: many beginnings", read_pem, &arrival);
	free(junk);
	free(pem);
}

int
main(int argc, char **argv)
{
	TestKey		key;
	Arrival		under = {.n_keys = 1};

	repeats = argc > 1 ? strtoul(argv[1], NULL, 10) : 200;
	if (repeats == 0)
		return 2;
	if (claim_policy_parse(POLICY, strlen(POLICY), &policy, NULL) != VERDICT_OK)
		return 1;
	test_key_make(&key, ALGORITHM_ES256, "k");
	under.keys = (const Jwk *const *) &key.jwk;

	under.max_size = 16 * KIB;
	measure_payloads(&key, &under, "16 kB");
	measure_signatures(&under);
	measure_largest_key(&under);
	measure_many_keys(&under);
	under.max_size = 64 * KIB;
	measure_payloads(&key, &under, "64 kB");
	measure_bombs(&key, &under);
	measure_headers(&key, &under);
	measure_key_sets();
	measure_pem();

	test_key_free(&key);
	claim_policy_free(policy);
	return 0;
}
