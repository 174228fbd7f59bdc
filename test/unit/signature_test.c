/* A signature verifies under its own key and algorithm, unchanged, or not at all. */
#include "test.h"

#include <openssl/bn.h>
#include <openssl/ec.h>
#include <openssl/err.h>
#include <openssl/evp.h>
#include <openssl/hmac.h>
#include <openssl/rsa.h>
#include <limits.h>
#include <stdlib.h>

#include "core/base64url.h"
#include "core/jws.h"
#include "core/signature.h"
#include "test_sign.h"

static TestKey keys[ALGORITHM_COUNT];

static Verdict
verify_text(const char *text, const Jwk *jwk, Detail *detail)
{
	Jws		   *jws;
	Verdict		verdict = jws_parse(text, strlen(text), 65536, &jws, detail);

	if (verdict == VERDICT_OK)
		verdict = signature_verify(jws, jwk, detail);
	jws_free(jws);
	return verdict;
}

static void
header_for(Algorithm algorithm, char header[64])
{
	snprintf(header, 64, "{\"alg\":\"%s\"}", algorithm_info(algorithm)->name);
}

/* Flip one bit of every octet of header, payload and signature. */
static void
test_changes(Algorithm algorithm)
{
	const char *name = algorithm_info(algorithm)->name;
	char		header[64];
	char	   *text;
	Jws		   *jws;
	int			n_accepted = 0;

	header_for(algorithm, header);
	text = test_sign(&keys[algorithm], header, "{\"sub\":\"alice\"}");
	CHECK(jws_parse(text, strlen(text), 65536, &jws, NULL) == VERDICT_OK, "%s: a token", name);
	for (size_t i = 0; i < jws->signature_size; i++)
	{
		jws->signature[i] ^= 0x10;
		n_accepted += signature_verify(jws, keys[algorithm].jwk, NULL) == VERDICT_OK;
		jws->signature[i] ^= 0x10;
	}
	for (size_t i = 0; i < jws->signing_input_size; i++)
	{
		jws->text[i] ^= 1;
		n_accepted += signature_verify(jws, keys[algorithm].jwk, NULL) == VERDICT_OK;
		jws->text[i] ^= 1;
	}
	jws->signature_size--;
	n_accepted += signature_verify(jws, keys[algorithm].jwk, NULL) == VERDICT_OK;
	jws->signature_size++;
	jws->signing_input_size--;
	n_accepted += signature_verify(jws, keys[algorithm].jwk, NULL) == VERDICT_OK;
	jws->signing_input_size++;
	memset(jws->signature, 0, jws->signature_size);
	n_accepted += signature_verify(jws, keys[algorithm].jwk, NULL) == VERDICT_OK;
	memset(jws->signature, 0xff, jws->signature_size);
	n_accepted += signature_verify(jws, keys[algorithm].jwk, NULL) == VERDICT_OK;
	CHECK(n_accepted == 0, "%s: no change of a byte verifies (%d)", name, n_accepted);
	jws_free(jws);

	CHECK_VERDICT(verify_text(text, keys[algorithm].jwk, NULL), NULL, VERDICT_OK, name);
	CHECK(ERR_peek_error() == 0, "%s: OpenSSL's error queue is empty", name);
	free(text);
}

/* Whatever the header says, the key's own algorithm is the only one. */
static void
test_other_algorithms(Algorithm key_algorithm)
{
	const TestKey *key = &keys[key_algorithm];
	int			n_wrong = 0;

	for (int i = ALGORITHM_UNKNOWN + 1; i < ALGORITHM_COUNT; i++)
	{
		char		header[64];
		char	   *text;
		Verdict		verdict;

		if (i == (int) key_algorithm)
			continue;
		header_for((Algorithm) i, header);
		text = test_sign(key, header, "{}");	/* right key, right signature, wrong claim */
		verdict = verify_text(text, key->jwk, NULL);
		n_wrong += verdict != VERDICT_ALGORITHM_REFUSED;
		free(text);
		text = test_sign(&keys[i], header, "{}");
		verdict = verify_text(text, key->jwk, NULL);
		n_wrong += verdict != VERDICT_ALGORITHM_REFUSED;
		free(text);
	}
	CHECK(n_wrong == 0, "%s: every other alg is refused", algorithm_info(key_algorithm)->name);
}

static void
test_other_key(Algorithm algorithm)
{
	TestKey		other;
	char		header[64];
	char	   *text;

	if (keys[algorithm].pkey == NULL)
		return;
	test_key_make(&other, algorithm, NULL);
	header_for(algorithm, header);
	text = test_sign(&other, header, "{}");
	CHECK_VERDICT(verify_text(text, keys[algorithm].jwk, NULL), NULL, VERDICT_SIGNATURE_INVALID, "another key of the algorithm");
	free(text);
	test_key_free(&other);
}

/* A public key, in any form that an attacker has it, is no HMAC secret. */
static void
test_confusion(void)
{
	const TestKey *rsa = &keys[ALGORITHM_RS256];
	char	   *pem = test_key_pem(rsa->pkey);
	char	   *jwk_text = jwk_public_text(rsa->jwk);
	const char *secrets[] = {pem, jwk_text};

	for (size_t i = 0; i < 2; i++)
	{
		char	   *input = test_compact("{\"alg\":\"HS256\"}", "{}", NULL, 0);
		unsigned char mac[32];
		char	   *text;

		HMAC(EVP_sha256(), secrets[i], (int) strlen(secrets[i]), (unsigned char *) input, strlen(input), mac, NULL);
		text = test_compact("{\"alg\":\"HS256\"}", "{}", mac, sizeof(mac));
		CHECK_VERDICT(verify_text(text, rsa->jwk, NULL), NULL, VERDICT_ALGORITHM_REFUSED, "a public key as HMAC secret");
		free(text);
		free(input);
	}
	free(pem);
	free(jwk_text);
}

static Verdict
verify_octets(const TestKey *key, const char *header, const unsigned char *signature, size_t size)
{
	char	   *text = test_compact(header, "{}", signature, size);
	Verdict		verdict = verify_text(text, key->jwk, NULL);

	free(text);
	return verdict;
}

int			__real_EVP_DigestVerify(EVP_MD_CTX *ctx, const unsigned char *signature, size_t size,
									const unsigned char *text, size_t length);
int			__wrap_EVP_DigestVerify(EVP_MD_CTX *ctx, const unsigned char *signature, size_t size,
									const unsigned char *text, size_t length);

/* What OpenSSL answers in place of the truth; -9: the truth. */
static int	forced_answer = -9;

int
__wrap_EVP_DigestVerify(EVP_MD_CTX *ctx, const unsigned char *signature, size_t size,
						const unsigned char *text, size_t length)
{
	return forced_answer != -9 ? forced_answer :
		__real_EVP_DigestVerify(ctx, signature, size, text, length);
}

/* Of OpenSSL's answers 1 is yes and all others are no. */
static void
test_answers(void)
{
	static const int answers[] = {0, -1, -2, 2, 3, INT_MAX, INT_MIN};
	char	   *text = test_sign(&keys[ALGORITHM_ES256], "{\"alg\":\"ES256\"}", "{}");

	for (size_t i = 0; i < sizeof(answers) / sizeof(answers[0]); i++)
	{
		forced_answer = answers[i];
		CHECK_VERDICT(verify_text(text, keys[ALGORITHM_ES256].jwk, NULL), NULL, VERDICT_SIGNATURE_INVALID, "another answer than 1");
	}
	forced_answer = -9;
	free(text);
}

/*
 * r and s from numbers: 0, 1, n - 1, n, n + 1, and the largest that fits. Even
 * where a library says yes to each (CVE-2022-21449), only 1 and n - 1 verify.
 */
static void
test_ecdsa_numbers(Algorithm algorithm)
{
	const AlgorithmInfo *info = algorithm_info(algorithm);
	const size_t half = info->coordinate_size;
	BIGNUM	   *order = NULL;
	unsigned char values[6][66] = {{0}};
	char		header[64];
	int			n_accepted = 0;
	int			n_wrong = 0;

	EVP_PKEY_get_bn_param(keys[algorithm].pkey, "order", &order);
	values[1][half - 1] = 1;
	BN_bn2binpad(order, values[3], (int) half);
	BN_sub_word(order, 1);
	BN_bn2binpad(order, values[2], (int) half);
	BN_add_word(order, 2);
	BN_bn2binpad(order, values[4], (int) half);
	memset(values[5], 0xff, half);
	header_for(algorithm, header);
	for (int r = 0; r < 6; r++)
	{
		for (int s = 0; s < 6; s++)
		{
			unsigned char raw[132];

			memcpy(raw, values[r], half);
			memcpy(raw + half, values[s], half);
			n_accepted += verify_octets(&keys[algorithm], header, raw, 2 * half) != VERDICT_SIGNATURE_INVALID;
			forced_answer = 1;
			n_wrong += verify_octets(&keys[algorithm], header, raw, 2 * half) !=
				((r == 1 || r == 2) && (s == 1 || s == 2) ? VERDICT_OK : VERDICT_SIGNATURE_INVALID);
			forced_answer = -9;
		}
	}
	CHECK(n_wrong == 0, "%s: nor do those out of range if the library says yes", info->name);
	CHECK(n_accepted == 0, "%s: r and s at the edges do not verify", info->name);
	BN_free(order);
}

/* DER in place of raw, and raw with s replaced by n - s, which is as good. */
static void
test_ecdsa_forms(void)
{
	const TestKey *key = &keys[ALGORITHM_ES256];
	char	   *text = test_sign(key, "{\"alg\":\"ES256\"}", "{}");
	Jws		   *jws;
	ECDSA_SIG  *pair = ECDSA_SIG_new();
	unsigned char *der = NULL;
	unsigned char raw[65];
	BIGNUM	   *order = NULL;
	BIGNUM	   *s;
	int			size;

	CHECK(jws_parse(text, strlen(text), 65536, &jws, NULL) == VERDICT_OK, "a token");
	ECDSA_SIG_set0(pair, BN_bin2bn(jws->signature, 32, NULL), BN_bin2bn(jws->signature + 32, 32, NULL));
	size = i2d_ECDSA_SIG(pair, &der);
	CHECK_VERDICT(verify_octets(key, "{\"alg\":\"ES256\"}", der, (size_t) size), NULL, VERDICT_SIGNATURE_INVALID, "DER");
	raw[0] = 0;
	memcpy(raw + 1, jws->signature, 64);
	CHECK_VERDICT(verify_octets(key, "{\"alg\":\"ES256\"}", raw, 65), NULL, VERDICT_SIGNATURE_INVALID, "a leading zero");
	memcpy(raw, jws->signature, 64);
	raw[64] = 0;
	CHECK_VERDICT(verify_octets(key, "{\"alg\":\"ES256\"}", raw, 65), NULL, VERDICT_SIGNATURE_INVALID, "a trailing zero");
	EVP_PKEY_get_bn_param(key->pkey, "order", &order);
	s = BN_dup(ECDSA_SIG_get0_s(pair));
	BN_sub(s, order, s);
	BN_bn2binpad(s, raw + 32, 32);
	CHECK_VERDICT(verify_octets(key, "{\"alg\":\"ES256\"}", raw, 64), NULL, VERDICT_OK, "n - s: hence nothing is remembered by the signature");
	BN_free(s);
	BN_free(order);
	ECDSA_SIG_free(pair);
	OPENSSL_free(der);
	jws_free(jws);
	free(text);
}

static void
test_pss_parameters(void)
{
	static const struct
	{
		int			salt;
		const char *mgf1;
		Verdict		expected;
		const char *name;
	}			cases[] = {
		{0, "SHA256", VERDICT_SIGNATURE_INVALID, "PS256 without salt"},
		{20, "SHA256", VERDICT_SIGNATURE_INVALID, "PS256 with a short salt"},
		{222, "SHA256", VERDICT_SIGNATURE_INVALID, "PS256 with the longest salt"},
		{32, "SHA1", VERDICT_SIGNATURE_INVALID, "PS256 with MGF1 of SHA-1"},
		{32, "SHA256", VERDICT_OK, "PS256 as it should be"},
	};
	const TestKey *key = &keys[ALGORITHM_PS256];
	char	   *input = test_compact("{\"alg\":\"PS256\"}", "{}", NULL, 0);

	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++)
	{
		EVP_MD_CTX *ctx = EVP_MD_CTX_new();
		EVP_PKEY_CTX *key_ctx;
		unsigned char signature[256];
		size_t		size = sizeof(signature);

		EVP_DigestSignInit_ex(ctx, &key_ctx, "SHA256", NULL, NULL, key->pkey, NULL);
		EVP_PKEY_CTX_set_rsa_padding(key_ctx, RSA_PKCS1_PSS_PADDING);
		EVP_PKEY_CTX_set_rsa_pss_saltlen(key_ctx, cases[i].salt);
		EVP_PKEY_CTX_set_rsa_mgf1_md(key_ctx, EVP_get_digestbyname(cases[i].mgf1));
		EVP_DigestSign(ctx, signature, &size, (unsigned char *) input, strlen(input));
		CHECK_VERDICT(verify_octets(key, "{\"alg\":\"PS256\"}", signature, size), NULL, cases[i].expected, cases[i].name);
		EVP_MD_CTX_free(ctx);
	}
	free(input);
}

/* RFC 8032's S is below the order: S + L is another spelling, and refused. */
static void
test_eddsa_malleability(void)
{
	static const unsigned char order[32] = {
		0xed, 0xd3, 0xf5, 0x5c, 0x1a, 0x63, 0x12, 0x58, 0xd6, 0x9c, 0xf7, 0xa2,
		0xde, 0xf9, 0xde, 0x14, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0x10
	};
	const TestKey *key = &keys[ALGORITHM_ED25519];
	char	   *text = test_sign(key, "{\"alg\":\"EdDSA\"}", "{}");
	Jws		   *jws;
	unsigned int carry = 0;

	CHECK(jws_parse(text, strlen(text), 65536, &jws, NULL) == VERDICT_OK, "a token");
	CHECK_VERDICT(signature_verify(jws, key->jwk, NULL), NULL, VERDICT_OK, "EdDSA is Ed25519 for such a key");
	for (int i = 0; i < 32; i++)
	{
		carry += (unsigned int) jws->signature[32 + i] + order[i];
		jws->signature[32 + i] = (unsigned char) carry;
		carry >>= 8;
	}
	CHECK_VERDICT(signature_verify(jws, key->jwk, NULL), NULL, VERDICT_SIGNATURE_INVALID, "S + L");
	jws_free(jws);
	free(text);
}

/* What is fetched beforehand changes no verdict, and leaves no error behind. */
static void
test_prepare(void)
{
	ERR_raise(ERR_LIB_USER, ERR_R_INTERNAL_ERROR);
	signature_prepare();
	CHECK(ERR_peek_error() == 0, "the error queue is empty");
	signature_prepare();
	CHECK(ERR_peek_error() == 0, "and after another time");
}

int
main(void)
{
	for (int i = ALGORITHM_UNKNOWN + 1; i < ALGORITHM_COUNT; i++)
		test_key_make(&keys[i], (Algorithm) i, NULL);
	test_prepare();
	for (int i = ALGORITHM_UNKNOWN + 1; i < ALGORITHM_COUNT; i++)
	{
		test_changes((Algorithm) i);
		test_other_algorithms((Algorithm) i);
		test_other_key((Algorithm) i);
		if (algorithm_info((Algorithm) i)->family == FAMILY_ECDSA)
			test_ecdsa_numbers((Algorithm) i);
	}
	test_answers();
	test_confusion();
	test_ecdsa_forms();
	test_pss_parameters();
	test_eddsa_malleability();
	for (int i = ALGORITHM_UNKNOWN + 1; i < ALGORITHM_COUNT; i++)
		test_key_free(&keys[i]);
	return finish();
}
