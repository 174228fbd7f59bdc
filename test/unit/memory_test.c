/* When memory runs out, at whichever allocation: a verdict says so, nothing leaks, nothing passes. */
#include "test.h"

#include <jansson.h>
#include <openssl/crypto.h>
#include <stdlib.h>

#include "core/token.h"
#include "test_sign.h"

#define NOW (INT64_C(1800000000) * S)
#define HEADER "{\"alg\":\"ES256\",\"kid\":\"k1\",\"typ\":\"at+jwt\"}"
#define CLAIMS "{\"iss\":\"i\",\"aud\":[\"orders\",\"x\"],\"sub\":\"alice\",\"exp\":1800000300," \
	"\"iat\":1800000000,\"scope\":\"read write\",\"roles\":[\"a\",\"b\",\"c\"]}"
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

/* The allocation that fails, counted down to 0; negative: none. */
static int	countdown = -1;
static bool met;

typedef enum Victim
{
	VICTIM_NONE,
	VICTIM_CORE,
	VICTIM_JANSSON,
	VICTIM_OPENSSL
} Victim;

static Victim victim;

static bool
fails(Victim asking)
{
	if (asking != victim || countdown < 0)
		return false;
	if (countdown > 0)
	{
		countdown--;
		return false;
	}
	met = true;
	return true;
}

void *
__wrap_malloc(size_t size)
{
	return fails(VICTIM_CORE) ? NULL : __real_malloc(size);
}

void *
__wrap_calloc(size_t n, size_t size)
{
	return fails(VICTIM_CORE) ? NULL : __real_calloc(n, size);
}

void *
__wrap_realloc(void *old, size_t size)
{
	return fails(VICTIM_CORE) ? NULL : __real_realloc(old, size);
}

char *
__wrap_strdup(const char *text)
{
	return fails(VICTIM_CORE) ? NULL : __real_strdup(text);
}

char *
__wrap_strndup(const char *text, size_t length)
{
	return fails(VICTIM_CORE) ? NULL : __real_strndup(text, length);
}

static void *
jansson_malloc(size_t size)
{
	return fails(VICTIM_JANSSON) ? NULL : __real_malloc(size);
}

static void *
openssl_malloc(size_t size, const char *file, int line)
{
	(void) file;
	(void) line;
	return fails(VICTIM_OPENSSL) ? NULL : __real_malloc(size);
}

static void *
openssl_realloc(void *old, size_t size, const char *file, int line)
{
	(void) file;
	(void) line;
	return fails(VICTIM_OPENSSL) ? NULL : __real_realloc(old, size);
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
static char *forged;
static char *set_text;
static char *pem;

static Verdict
judge(const char *text)
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
	token_free(token);
	claim_policy_free(policy);
	return verdict;
}

static Verdict
try_good(void)
{
	return judge(good);
}

static Verdict
try_forged(void)
{
	return judge(forged);
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

/*
 * Fail the first allocation and all after it, then the second and so on, until
 * the trip is made without meeting one. Only the core always says out of
 * memory: jansson reports an invalid token at times, and OpenSSL nothing.
 */
static void
run(Verdict (*try) (void), Verdict expected, Victim whose, const char *name)
{
	static const char *const names[] = {"none", "core", "jansson", "OpenSSL"};
	int			n_wrong = 0;
	int			n = 0;
	Verdict		verdict;

	do
	{
		met = false;
		countdown = n;
		victim = whose;
		verdict = try();
		victim = VICTIM_NONE;
		countdown = -1;
		if (!met)
			break;
		if (verdict == VERDICT_OK ? expected != VERDICT_OK :
			whose == VICTIM_CORE && verdict != VERDICT_OUT_OF_MEMORY)
		{
			printf("# allocation %d: %s\n", n, verdict_name(verdict));
			n_wrong++;
		}
	} while (n++ < 20000);
	CHECK(n_wrong == 0 && verdict == expected, "%s, %s: %d allocations failed", name,
		  names[whose], n);
}

int
main(void)
{
	char	   *jwk_text;

	if (CRYPTO_set_mem_functions(openssl_malloc, openssl_realloc, openssl_free) != 1)
		CHECK(false, "OpenSSL's allocator is ours");
	json_set_alloc_funcs(jansson_malloc, free);

	test_key_make(&key, ALGORITHM_ES256, "k1");
	good = test_sign(&key, HEADER, CLAIMS);
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
		run(try_good, VERDICT_OK, whose, "a good token");
		run(try_forged, VERDICT_SIGNATURE_INVALID, whose, "a forged token");
		run(try_set, VERDICT_OK, whose, "a JWK Set");
		run(try_pem, VERDICT_OK, whose, "a PEM key");
		run(try_secret, VERDICT_OK, whose, "a secret");
	}

	test_key_free(&key);
	free(good);
	free(forged);
	free(pem);
	free(set_text);
	return finish();
}
