/*
 * forger.c
 *		The issuer whose tokens are forged, and the judge.
 */
#define OPENSSL_SUPPRESS_DEPRECATED
#include "forger.h"

#include <openssl/evp.h>
#include <openssl/hmac.h>
#include <openssl/rand.h>
#include <openssl/rsa.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "core/base64url.h"
#include "core/token.h"

#define US_PER_S INT64_C(1000000)
#define MAX_TOKEN_SIZE 131072	/* beyond the limits of header and payload */
#define MAX_SHOWN 5

#define POLICY "{\"issuer\":\"" FORGER_ISSUER "\",\"audiences\":[\"orders\"],\"clients\":[\"app\"]," \
	"\"token_types\":[\"at+jwt\"],\"required_claims\":[\"exp\",\"iat\",\"sub\",\"jti\",\"client_id\"]," \
	"\"claim_constraints\":{\"tenant\":[\"t1\",\"t2\"],\"!role\":\"root\"}," \
	"\"subject_claim\":[\"sub\"],\"client_claim\":[\"client_id\"],\"token_id_claim\":[\"jti\"]," \
	"\"session_claim\":[\"sid\"],\"scope_claims\":[[\"scope\"]],\"role_claims\":[[\"groups\"]]}"

TestKey		forger_keys[ALGORITHM_COUNT];
TestKey		forger_strangers[ALGORITHM_COUNT];
Sabotage	forger_sabotage = SABOTAGE_NONE;

static const Jwk *jwks[ALGORITHM_COUNT];
static const Jwk *lone_jwk[1];
static TokenKeys issuer = {jwks, 0, ALGORITHMS_PUBLIC | ALGORITHMS_SECRET};
static const TokenKeys lone = {lone_jwk, 1, ALGORITHMS_PUBLIC | ALGORITHMS_SECRET};
static ClaimPolicy *policy;
static char lone_header[256];	/* the first segment of that key's good tokens */

static const char *family;
static int	n_made;
static int	n_wrong;
static int	n_accepted;			/* of those */
static int	counts[VERDICT_COUNT];

/*
 * Chance
 */

static uint64_t state;

/* xorshift64* */
static uint64_t
next_random(void)
{
	state ^= state >> 12;
	state ^= state << 25;
	state ^= state >> 27;
	return state * UINT64_C(2685821657736338717);
}

uint64_t
forger_random(uint64_t below)
{
	return (next_random() >> 16) % below;
}

static int
random_octets(unsigned char *octets, int n)
{
	for (int i = 0; i < n; i++)
		octets[i] = (unsigned char) (next_random() >> 32);
	return 1;
}

static int
random_ready(void)
{
	return 1;
}

/* Keys and nonces, too, come from the seed: a failure can be repeated. */
static const RAND_METHOD random_method = {
	.bytes = random_octets,
	.pseudorand = random_octets,
	.status = random_ready
};

/*
 * The issuer
 */

/* Secrets of tests are all the same unless changed. */
static void
change_secret(TestKey *key, unsigned char by)
{
	if (key->pkey != NULL)
		return;
	key->secret[0] ^= by;
	key->jwk->secret[0] ^= by;
}

void
forger_start(uint64_t seed)
{
	state = seed | 1;
	RAND_set_rand_method(&random_method);
	for (int i = ALGORITHM_UNKNOWN + 1; i < ALGORITHM_COUNT; i++)
	{
		test_key_make(&forger_keys[i], (Algorithm) i, algorithm_info((Algorithm) i)->name);
		test_key_make(&forger_strangers[i], (Algorithm) i, "stranger");
		change_secret(&forger_keys[i], (unsigned char) i);
		change_secret(&forger_strangers[i], 0x80);
		jwks[issuer.n_keys++] = forger_keys[i].jwk;
	}
	if (claim_policy_parse(POLICY, strlen(POLICY), &policy, NULL) != VERDICT_OK)
		abort();
	policy->time.leeway_us = 30 * US_PER_S;
	policy->time.max_lifetime_us = 3600 * US_PER_S;
	policy->time.max_age_us = 1800 * US_PER_S;
}

void
forger_stop(void)
{
	for (int i = ALGORITHM_UNKNOWN + 1; i < ALGORITHM_COUNT; i++)
	{
		test_key_free(&forger_keys[i]);
		test_key_free(&forger_strangers[i]);
	}
	claim_policy_free(policy);
	RAND_set_rand_method(NULL);
}

/*
 * The judge
 */

void
forger_begin(const char *name)
{
	family = name;
	n_made = 0;
	n_wrong = 0;
	n_accepted = 0;
	memset(counts, 0, sizeof(counts));
}

void
forger_use(Algorithm algorithm)
{
	char	   *header = forger_header(algorithm);

	lone_jwk[0] = forger_keys[algorithm].jwk;
	lone_header[base64url_encode((unsigned char *) header, strlen(header), lone_header)] = '\0';
	free(header);
}

int
forger_made(void)
{
	return n_made;
}

int
forger_wrong(void)
{
	return n_wrong;
}

int
forger_accepted(void)
{
	return n_accepted;
}

void
forger_show_counts(void)
{
	printf("#");
	for (int i = 0; i < VERDICT_COUNT; i++)
	{
		if (counts[i] > 0)
			printf(" %s %d", verdict_name((Verdict) i), counts[i]);
	}
	printf("\n");
}

static Verdict
judge(const char *text, size_t length, const TokenKeys *keys, Detail *detail)
{
	Token	   *token;
	Verdict		verdict = token_open(text, length, MAX_TOKEN_SIZE, &token, detail);

	if (verdict == VERDICT_OK)
		verdict = token_verify(token, policy, keys, FORGER_NOW * US_PER_S, NULL, detail);
	token_free(token);
	return verdict;
}

/* The token and what it met with, for a person; none while sabotage is tried. */
static void
show(const char *text, size_t length, const char *where, Verdict verdict, const Detail *detail)
{
	if (forger_sabotage != SABOTAGE_NONE || n_wrong > MAX_SHOWN)
		return;
	printf("# %s: %s by %s: %s\n# ", family, verdict_name(verdict), where, detail->text);
	for (size_t i = 0; i < length && i < 2000; i++)
		printf(text[i] > 0x20 && text[i] < 0x7F ? "%c" : "\\x%02x", (unsigned char) text[i]);
	printf("\n");
}

/* A good header means the same key for both issuers: once is enough then. */
static bool
has_good_header(const char *text, size_t length)
{
	const size_t size = strlen(lone_header);

	return length > size && text[size] == '.' && memcmp(text, lone_header, size) == 0;
}

void
forger_expect(const char *text, size_t length, unsigned int expected)
{
	Detail		detail = {""};

	/* of its very size, so that the sanitizer sees the end */
	char	   *copy = malloc(length);
	Verdict		verdict;

	memcpy(copy, text, length);
	verdict = judge(copy, length, &issuer, &detail);
	n_made++;
	counts[verdict]++;
	if ((1U << verdict & expected) == 0)
	{
		n_wrong++;
		n_accepted += verdict == VERDICT_OK;
		show(text, length, "the issuer's keys", verdict, &detail);
	}
	else if (verdict != VERDICT_OK && !has_good_header(text, length) &&
			 judge(copy, length, &lone, &detail) == VERDICT_OK)
	{
		n_wrong++;
		n_accepted++;
		show(text, length, "the one key", VERDICT_OK, &detail);
	}
	free(copy);
}

void
forger_take(char *text, unsigned int expected)
{
	forger_expect(text, strlen(text), expected);
	free(text);
}

/*
 * Good tokens, and parts of them
 */

char *
forger_header(Algorithm algorithm)
{
	const char *name = algorithm_info(algorithm)->name;
	char	   *header = malloc(128);

	snprintf(header, 128, "{\"alg\":\"%s\",\"kid\":\"%s\",\"typ\":\"at+jwt\"}", name, name);
	return header;
}

char *
forger_token(Algorithm algorithm)
{
	char	   *header = forger_header(algorithm);
	char	   *text = test_sign(&forger_keys[algorithm], header, FORGER_CLAIMS);

	free(header);
	return text;
}

static size_t
append(char *text, size_t used, Octets octets)
{
	return used + base64url_encode(octets.bytes, octets.size, text + used);
}

char *
forger_compact(Octets header, Octets payload, Octets signature)
{
	char	   *text = malloc(BASE64URL_ENCODED_SIZE(header.size) + BASE64URL_ENCODED_SIZE(payload.size) +
							  BASE64URL_ENCODED_SIZE(signature.size) + 3);
	size_t		used = append(text, 0, header);

	text[used++] = '.';
	used = append(text, used, payload);
	if (signature.bytes != NULL)
	{
		text[used++] = '.';
		used = append(text, used, signature);
	}
	text[used] = '\0';
	return text;
}

char *
forger_resigned(const char *token, const void *signature, size_t size)
{
	const size_t input_size = (size_t) (strrchr(token, '.') + 1 - token);
	char	   *text = malloc(input_size + BASE64URL_ENCODED_SIZE(size) + 1);

	memcpy(text, token, input_size);
	text[append(text, input_size, octets(signature, size))] = '\0';
	return text;
}

size_t
forger_signature(const char *token, unsigned char *signature)
{
	const char *text = strrchr(token, '.') + 1;
	size_t		size;

	if (!base64url_decode(text, strlen(text), signature, &size))
		abort();
	return size;
}

/*
 * Signing
 */

SignOptions
forger_options(Algorithm algorithm)
{
	const AlgorithmInfo *info = algorithm_info(algorithm);
	const bool	is_pss = info->family == FAMILY_RSA_PSS;
	const SignOptions options = {
		.digest = info->digest,
		.padding = is_pss ? RSA_PKCS1_PSS_PADDING : RSA_PKCS1_PADDING,
		.salt = RSA_PSS_SALTLEN_DIGEST,
		.mgf1 = info->digest
	};

	return options;
}

static size_t
sign_hmac(const TestKey *key, const SignOptions *options, const char *input,
		  unsigned char *signature)
{
	unsigned int size;

	HMAC(EVP_get_digestbyname(options->digest), key->secret, sizeof(key->secret),
		 (const unsigned char *) input, strlen(input), signature, &size);
	return size;
}

size_t
forger_sign(const TestKey *key, const SignOptions *options, const char *input,
			unsigned char *signature)
{
	const AlgorithmInfo *info = algorithm_info(key->algorithm);
	EVP_MD_CTX *ctx;
	EVP_PKEY_CTX *key_ctx;
	unsigned char raw[1024];
	size_t		size = 1024;

	if (info->family == FAMILY_HMAC)
		return sign_hmac(key, options, input, signature);
	ctx = EVP_MD_CTX_new();
	if (EVP_DigestSignInit_ex(ctx, &key_ctx, options->digest, NULL, NULL, key->pkey, NULL) != 1)
		abort();
	if (EVP_PKEY_is_a(key->pkey, "RSA") && options->padding == RSA_PKCS1_PSS_PADDING &&
		(EVP_PKEY_CTX_set_rsa_padding(key_ctx, options->padding) != 1 ||
		 EVP_PKEY_CTX_set_rsa_mgf1_md_name(key_ctx, options->mgf1, NULL) != 1 ||
		 EVP_PKEY_CTX_set_rsa_pss_saltlen(key_ctx, options->salt) != 1))
		abort();
	if (EVP_DigestSign(ctx, signature, &size, (const unsigned char *) input, strlen(input)) != 1)
		abort();
	EVP_MD_CTX_free(ctx);
	if (info->family != FAMILY_ECDSA)
		return size;
	size = test_raw_ecdsa(signature, size, info->coordinate_size, raw);
	memcpy(signature, raw, size);
	return size;
}

char *
forger_signed(const TestKey *key, Octets header, Octets payload)
{
	const SignOptions options = forger_options(key->algorithm);
	unsigned char signature[1024];
	char	   *input = forger_compact(header, payload, NO_OCTETS);
	size_t		size = forger_sign(key, &options, input, signature);

	free(input);
	return forger_compact(header, payload, octets(signature, size));
}
