/* No memory that is given back still holds a secret, whether the key that it belongs to is accepted or refused. */
#include "test.h"

#include <jansson.h>
#include <malloc.h>
#include <openssl/crypto.h>
#include <openssl/evp.h>
#include <openssl/hmac.h>
#include <openssl/pem.h>
#include <pthread.h>
#include <stdint.h>
#include <stdlib.h>

#include "core/base64url.h"
#include "core/jwk.h"
#include "core/jws.h"
#include "core/key_material.h"
#include "core/signature.h"
#include "test_sign.h"

/*
 * Memory is looked through when it is given back: the core's by ld's --wrap,
 * jansson's and OpenSSL's by the functions that they offer for that.
 */
void		__real_free(void *old);
void	   *__real_realloc(void *old, size_t size);
void		__wrap_free(void *old);
void	   *__wrap_realloc(void *old, size_t size);

/* So many octets in a row of a secret give it away. */
#define WINDOW 12

#define SECRET_SIZE 96

/* What is searched for: a secret's octets, and how base64url writes them. */
static unsigned char secret[SECRET_SIZE];
static char secret_text[BASE64URL_ENCODED_SIZE(SECRET_SIZE) + 1];

static bool watching;
static int	n_freed;
static int	n_octets_found;
static int	n_text_found;

static bool
holds(const unsigned char *memory, size_t size, const void *sought, size_t sought_size)
{
	for (size_t i = 0; i + WINDOW <= size; i++)
	{
		for (size_t j = 0; j + WINDOW <= sought_size; j++)
		{
			if (memcmp(memory + i, (const unsigned char *) sought + j, WINDOW) == 0)
				return true;
		}
	}
	return false;
}

static void
look_through(void *old)
{
	const size_t size = old == NULL ? 0 : malloc_usable_size(old);

	if (!watching || old == NULL)
		return;
	n_freed++;
	n_octets_found += holds(old, size, secret, sizeof(secret));
	n_text_found += holds(old, size, secret_text, strlen(secret_text));
}

void
__wrap_free(void *old)
{
	look_through(old);
	__real_free(old);
}

/* What it leaves behind where it moves the memory is not cleansed, and so it is like free(). */
void *
__wrap_realloc(void *old, size_t size)
{
	look_through(old);
	return __real_realloc(old, size);
}

static void *
openssl_malloc(size_t size, const char *file, int line)
{
	(void) file;
	(void) line;
	return malloc(size);
}

static void *
openssl_realloc(void *old, size_t size, const char *file, int line)
{
	(void) file;
	(void) line;
	return realloc(old, size);
}

static void
openssl_free(void *old, const char *file, int line)
{
	(void) file;
	(void) line;
	free(old);
}

static void
jansson_free(void *old)
{
	free(old);
}

static void *
jansson_malloc(size_t size)
{
	return malloc(size);
}

/* Octets that no other memory has, and no two windows of them alike. */
static void
make_secret(void)
{
	for (size_t i = 0; i < sizeof(secret); i++)
		secret[i] = (unsigned char) (0x80 | (i * 37 + 11) % 128);
	secret_text[base64url_encode(secret, sizeof(secret), secret_text)] = '\0';
}

static void
begin(void)
{
	n_freed = n_octets_found = n_text_found = 0;
	watching = true;
}

static void
end(const char *name)
{
	watching = false;
	CHECK(n_octets_found == 0 && n_text_found == 0, "%s: %d pieces of memory given back, the secret in %d, its text in %d",
		  name, n_freed, n_octets_found, n_text_found);
}

/* Text with the secret in place of the %s. */
static char *
text_with_secret(const char *format)
{
	const char *hole = strstr(format, "%s");
	char	   *text = malloc(strlen(format) + strlen(secret_text) + 1);

	sprintf(text, "%.*s%s%s", (int) (hole - format), format, secret_text, hole + 2);
	return text;
}

static const JwkPolicy any_secret = {.symmetric = true};
static const JwkPolicy any_type = {.any_type = true};
static const JwkPolicy any_public = {0};

static void
check_key(const char *format, const JwkPolicy *policy, Verdict expected, const char *name)
{
	char	   *text = text_with_secret(format);
	Jwk		   *jwk;
	Verdict		verdict;

	begin();
	verdict = jwk_parse(text, strlen(text), policy, &jwk, NULL);
	jwk_free(jwk);
	end(name);
	CHECK(verdict == expected, "%s: %s", name, verdict_name(verdict));
	free(text);
}

static void
check_set(const char *format, const JwkPolicy *policy, Verdict expected, const char *name)
{
	char	   *text = text_with_secret(format);
	JwkSet	   *set;
	Verdict		verdict;

	begin();
	verdict = jwk_set_parse(text, strlen(text), policy, &set, NULL);
	jwk_set_free(set);
	end(name);
	CHECK(verdict == expected, "%s: %s", name, verdict_name(verdict));
	free(text);
}

static void
check_thumbprint(const char *format, Verdict expected, const char *name)
{
	char	   *text = text_with_secret(format);
	char		thumbprint[44];
	Verdict		verdict;

	begin();
	verdict = jwk_thumbprint(text, strlen(text), thumbprint, NULL);
	end(name);
	CHECK(verdict == expected, "%s: %s", name, verdict_name(verdict));
	free(text);
}

#define OCT(more) "{\"kty\":\"oct\",\"alg\":\"HS256\",\"k\":\"%s\"" more "}"
#define EC_POINT "\"kty\":\"EC\",\"crv\":\"P-256\",\"x\":\"f83OJ3D2xF1Bg8vub9tLe1gHMzV76e8Tus9uPHvRVEU\",\"y\":\"x_FEzRu9m36HLN_tue659LNpXW6pCyStikYjKIWI5a0\""

static void
test_keys(void)
{
	check_key(OCT(""), &any_secret, VERDICT_OK, "a secret");
	check_key(OCT(",\"kid\":\"k\""), &any_type, VERDICT_OK, "a secret with more after it");
	check_key(OCT(""), &any_public, VERDICT_MALFORMED, "a secret where a public key is expected");
	check_key(OCT(",\"use\":\"enc\""), &any_secret, VERDICT_MALFORMED, "a secret for encryption");
	check_key(OCT(",\"d\":\"x\""), &any_secret, VERDICT_MALFORMED, "a secret with a private member");
	check_key("{\"kty\":\"oct\",\"alg\":\"HS256\",\"k\":[\"%s\"]}", &any_secret, VERDICT_MALFORMED, "a secret in an array");
	check_key("{\"kty\":\"oct\",\"alg\":\"HS256\",\"k\":\"%s=\"}", &any_secret, VERDICT_MALFORMED, "a padded secret");
	check_key("{\"kty\":\"oct\",\"alg\":\"HS256\",\"key\":\"%s\"}", &any_secret, VERDICT_MALFORMED, "a secret under another name");
	check_key("{" EC_POINT ",\"d\":\"%s\"}", &any_public, VERDICT_MALFORMED, "a private key");
	check_key("{" EC_POINT ",\"priv\":{\"d\":[\"%s\"]}}", &any_public, VERDICT_MALFORMED, "a private key, oddly");
}

static void
test_texts(void)
{
	check_key("[" OCT("") "]", &any_secret, VERDICT_MALFORMED, "an array with a secret");
	check_key("\"%s\"", &any_secret, VERDICT_MALFORMED, "a secret alone");
	check_key(OCT("") OCT(""), &any_secret, VERDICT_MALFORMED, "a secret and more text");
	check_key(OCT("") ",{}", &any_secret, VERDICT_MALFORMED, "a secret and an object");
	check_key(OCT(",}"), &any_secret, VERDICT_MALFORMED, "a secret in no JSON");
	check_key(OCT(",\"k\":1"), &any_secret, VERDICT_MALFORMED, "a secret, and k twice");
	check_key("{\"k\":\"%s\"", &any_secret, VERDICT_MALFORMED, "a secret in text that breaks off");
	check_key("{\"kty\":\"oct\",\"k\":\"%s", &any_secret, VERDICT_MALFORMED, "text that breaks off in a secret");
	check_key("{\"k\":\"%s\\x\"}", &any_secret, VERDICT_MALFORMED, "a secret with a false escape");
}

static void
test_sets(void)
{
	check_set("{\"keys\":[" OCT(",\"kid\":\"a\"") "]}", &any_secret, VERDICT_OK, "a set with a secret");
	check_set(OCT(",\"kid\":\"a\""), &any_type, VERDICT_OK, "a lone secret");
	check_set("{\"keys\":[{" EC_POINT "}," OCT("") "]}", &any_type, VERDICT_MALFORMED, "a secret beside a public key");
	check_set("{\"keys\":[{" EC_POINT "},{" EC_POINT ",\"d\":\"%s\"}]}", &any_public, VERDICT_MALFORMED, "a private key in a set");
	check_set("{\"keys\":" OCT("") "}", &any_secret, VERDICT_MALFORMED, "a secret where the keys should be");
	check_set("{\"keys\":[],\"k\":\"%s\"}", &any_secret, VERDICT_OK, "a secret beside the keys");
	check_set("{\"keys\":[" OCT("") ",]}", &any_secret, VERDICT_MALFORMED, "a set in no JSON");
}

static void
test_thumbprints(void)
{
	check_thumbprint(OCT(""), VERDICT_OK, "a secret's thumbprint");
	check_thumbprint("{" EC_POINT ",\"d\":\"%s\"}", VERDICT_OK, "a private key's thumbprint");
	check_thumbprint("{\"kty\":\"oct\",\"k\":\"%s=\"}", VERDICT_MALFORMED, "a padded secret's thumbprint");
}

/* A MAC that is right and one that is wrong. */
static void
test_verification(void)
{
	char	   *text = text_with_secret(OCT(""));
	Jwk		   *jwk;
	TestKey		key;
	char	   *token;
	Jws		   *jws;
	Verdict		right;
	Verdict		wrong;

	test_key_make(&key, ALGORITHM_HS256, NULL);
	token = test_sign(&key, "{\"alg\":\"HS256\"}", "{}");
	begin();
	CHECK(jwk_parse(text, strlen(text), &any_secret, &jwk, NULL) == VERDICT_OK, "a secret to verify with");
	CHECK(jws_parse(token, strlen(token), 4096, &jws, NULL) == VERDICT_OK, "a token");
	right = signature_verify(jws, key.jwk, NULL);
	wrong = signature_verify(jws, jwk, NULL);
	jws_free(jws);
	jwk_free(jwk);
	end("verification");
	CHECK(right == VERDICT_OK && wrong == VERDICT_SIGNATURE_INVALID, "a MAC of one key is not that of another");
	free(token);
	free(text);
	test_key_free(&key);
}

static Verdict
read_pem(const char *label)
{
	BIO		   *bio = BIO_new(BIO_s_mem());
	char	   *pem;
	long		size;
	Jwk		   *jwk;
	Verdict		verdict;

	PEM_write_bio(bio, label, "", secret, sizeof(secret));
	size = BIO_get_mem_data(bio, &pem);
	begin();
	verdict = jwk_from_pem(pem, (size_t) size, ALGORITHM_ES256, NULL, &jwk, NULL);
	watching = false;
	jwk_free(jwk);
	BIO_free(bio);
	return verdict;
}

/* Of a block that is not called private, OpenSSL's decoder for base64 leaves text behind. */
static void
test_pem(void)
{
	CHECK(read_pem("PRIVATE KEY") == VERDICT_MALFORMED, "a private key in PEM is refused");
	end("a private key in PEM");
	CHECK(read_pem("PUBLIC KEY") == VERDICT_MALFORMED, "a private key that is called public is refused");
	CHECK(n_freed > 0 && n_octets_found == 0,
		  "a private key that is called public: %d pieces of memory given back, the secret in %d", n_freed, n_octets_found);
}

/*
 * The stack: each of these runs in a thread whose stack is this memory, which
 * is looked through when the thread has ended.
 */
static unsigned char stack[512 * 1024] __attribute__((aligned(4096)));

static char *key_text;
static json_t *key_object;
static Jwk *mac_key;
static Jws *mac_token;

/* No step after the one that is looked at, which would write over what it left. */
static void
decode_secret(void)
{
	unsigned char *bytes;
	size_t		size;

	(void) key_material_secret(key_object, ALGORITHM_HS256, &bytes, &size, NULL);
	OPENSSL_clear_free(bytes, size);
}

static void
parse_secret(void)
{
	Jwk		   *jwk;

	if (jwk_parse(key_text, strlen(key_text), &any_secret, &jwk, NULL) == VERDICT_OK)
		jwk_free(jwk);
}

static void
hash_secret(void)
{
	char		thumbprint[44];

	(void) jwk_thumbprint_json(key_object, thumbprint, NULL);
}

static void
verify_mac(void)
{
	(void) signature_verify(mac_token, mac_key, NULL);
}

/* Call the function far down the stack, where the thread's own end does not write. */
static void *
call_deep(void *function)
{
	volatile char space[sizeof(stack) / 2];

	space[0] = 0;
	(*(void (**) (void)) function) ();
	return (void *) (uintptr_t) space[0];
}

static void
run_on_stack(void (*function) (void))
{
	pthread_attr_t attributes;
	pthread_t	thread;

	memset(stack, 0, sizeof(stack));
	pthread_attr_init(&attributes);
	pthread_attr_setstack(&attributes, stack, sizeof(stack));
	if (pthread_create(&thread, &attributes, call_deep, &function) != 0)
		CHECK(false, "a thread begins");
	else
		pthread_join(thread, NULL);
	pthread_attr_destroy(&attributes);
}

static void
check_stack(void (*function) (void), const void *sought, size_t size, const char *name)
{
	run_on_stack(function);
	CHECK(!holds(stack, sizeof(stack), sought, size), "%s: not on the stack", name);
}

/* Leaves a secret for the search to find. */
static void
copy_secret(void)
{
	volatile unsigned char copy[200];

	for (size_t i = 0; i < sizeof(copy); i++)
		copy[i] = secret[i % sizeof(secret)];
}

static void
test_stack(void)
{
	unsigned char mac[32];
	unsigned int mac_size;
	char	   *token;

	key_text = text_with_secret(OCT(""));
	key_object = json_loads(key_text, JSON_REJECT_DUPLICATES, NULL);
	check_stack(decode_secret, secret, sizeof(secret), "a secret that is decoded");
	check_stack(parse_secret, secret, sizeof(secret), "a secret");
	check_stack(hash_secret, secret, sizeof(secret), "a secret's thumbprint");

	/* the right MAC of a token that somebody made up */
	token = test_compact("{\"alg\":\"HS256\"}", "{\"sub\":\"root\"}", secret, sizeof(mac));
	HMAC(EVP_sha256(), secret, sizeof(secret), (const unsigned char *) token,
		 (size_t) (strrchr(token, '.') - token), mac, &mac_size);
	CHECK(jwk_parse(key_text, strlen(key_text), &any_secret, &mac_key, NULL) == VERDICT_OK &&
		  jws_parse(token, strlen(token), 4096, &mac_token, NULL) == VERDICT_OK, "a token to verify");
	check_stack(verify_mac, mac, mac_size, "the MAC that a token lacks");

	run_on_stack(copy_secret);
	CHECK(holds(stack, sizeof(stack), secret, sizeof(secret)), "a secret on the stack is found");
	jws_free(mac_token);
	jwk_free(mac_key);
	json_decref(key_object);
	free(token);
	free(key_text);
}

/* The search itself finds a secret, wherever it stands. */
static void
test_search(void)
{
	/* or the compiler leaves out what is written before it */
	void		(*volatile give_back) (void *) = free;
	char	   *memory = calloc(1, 200);

	memcpy(memory + 100, secret + 40, WINDOW);
	begin();
	give_back(memory);
	watching = false;
	CHECK(n_freed == 1 && n_octets_found == 1, "a part of the secret's octets is found");
	memory = calloc(1, 200);
	memcpy(memory + 60, secret_text + 3, WINDOW);
	begin();
	give_back(memory);
	watching = false;
	CHECK(n_freed == 1 && n_text_found == 1, "and a part of its text");
}

int
main(void)
{
	if (CRYPTO_set_mem_functions(openssl_malloc, openssl_realloc, openssl_free) != 1)
		CHECK(false, "OpenSSL's allocator is ours");
	json_set_alloc_funcs(jansson_malloc, jansson_free);
	make_secret();
	test_search();
	test_keys();
	test_texts();
	test_sets();
	test_thumbprints();
	test_verification();
	test_pem();
	test_stack();
	return finish();
}
