/*
 * key_answer.c
 *		What every fuzz target asks of a key that was accepted.
 */
#include "key_answer.h"

#include <jansson.h>
#include <openssl/evp.h>
#include <openssl/rsa.h>

#include "core/base64url.h"
#include "core/jws.h"
#include "core/signature.h"
#include "fuzz.h"

static void
require_thumbprint(const char thumbprint[44])
{
	unsigned char digest[BASE64URL_DECODED_SIZE(43)];
	size_t		size;

	REQUIRE(strnlen(thumbprint, 44) == 43);
	REQUIRE(base64url_decode(thumbprint, 43, digest, &size) && size == 32);
}

static bool
same_or_absent(const char *a, const char *b)
{
	return a == NULL || b == NULL ? a == b : strcmp(a, b) == 0;
}

/* The registered form of a public key is that key; a secret's says nothing. */
static void
require_public_text(const Jwk *jwk)
{
	const JwkPolicy policy = {0};
	char	   *text = jwk_public_text(jwk);
	Jwk		   *again;

	REQUIRE(text != NULL);
	if (jwk->pkey == NULL)
	{
		json_t	   *members = json_loads(text, JSON_REJECT_DUPLICATES, NULL);

		REQUIRE(members != NULL && json_object_get(members, "k") == NULL);
		json_decref(members);
	}
	else
	{
		REQUIRE(jwk_parse(text, strlen(text), &policy, &again, NULL) == VERDICT_OK);
		REQUIRE(strcmp(again->thumbprint, jwk->thumbprint) == 0);
		REQUIRE(again->algorithm == jwk->algorithm);
		REQUIRE(again->signature_size == jwk->signature_size);
		REQUIRE(same_or_absent(again->key_id, jwk->key_id));
		jwk_free(again);
	}
	free(text);
}

/*
 * Signatures that a weak key takes: all zeros, ones at the ends (the neutral
 * point with S = 0; r = s = 1), and the padded digest itself (RSA, e = 1).
 */
#define N_FORGERIES 3

static void
make_forgery(int which, const Jws *jws, const AlgorithmInfo *info,
			 unsigned char *signature, size_t size)
{
	static const unsigned char sha256_prefix[] = {
		0x30, 0x31, 0x30, 0x0d, 0x06, 0x09, 0x60, 0x86, 0x48, 0x01, 0x65,
		0x03, 0x04, 0x02, 0x01, 0x05, 0x00, 0x04, 0x20
	};
	const size_t tail = sizeof(sha256_prefix) + 32;

	memset(signature, 0, size);
	if (which == 1 && info->family == FAMILY_EDDSA)
		signature[0] = 1;
	else if (which == 1)
		signature[size / 2 - 1] = signature[size - 1] = 1;
	else if (which == 2 && size > tail + 11)
	{
		memset(signature, 0xff, size);
		signature[0] = 0;
		signature[1] = 1;
		signature[size - tail - 1] = 0;
		memcpy(signature + size - tail, sha256_prefix, sizeof(sha256_prefix));
		EVP_Digest(jws->text, jws->signing_input_size, signature + size - 32, NULL, EVP_sha256(), NULL);
	}
}

/* Always the same bytes, for all that the key has of it: the smallest of tokens. */
static void
require_unforgeable(const Jwk *jwk)
{
	const AlgorithmInfo *info = algorithm_info(jwk->algorithm);
	unsigned char signature[1024];
	char		input[] = "e30.e30";
	Jws			jws = {
		.text = input, .signing_input_size = strlen(input),
		.algorithms = ALGORITHM_BIT(jwk->algorithm),
		.signature = signature, .signature_size = jwk->signature_size
	};

	REQUIRE(jwk->signature_size > 0 && jwk->signature_size <= sizeof(signature));
	for (int i = 0; i < N_FORGERIES; i++)
	{
		make_forgery(i, &jws, info, signature, jwk->signature_size);
		REQUIRE(signature_verify(&jws, jwk, NULL) != VERDICT_OK);
	}
}

void
require_sound_key(const Jwk *jwk)
{
	REQUIRE(algorithm_info(jwk->algorithm) != NULL);
	REQUIRE((jwk->pkey == NULL) == (jwk->secret != NULL));
	require_thumbprint(jwk->thumbprint);
	require_public_text(jwk);
	require_unforgeable(jwk);
}
