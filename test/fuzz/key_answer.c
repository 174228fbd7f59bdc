/*
 * key_answer.c
 *		What every fuzz target asks of a key that was accepted.
 */
#include "key_answer.h"

#include <jansson.h>
#include <openssl/bn.h>
#include <openssl/core_names.h>
#include <openssl/ec.h>
#include <openssl/evp.h>
#include <openssl/objects.h>
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

/*
 * The numbers
 *
 * src/core is not asked: its limits are stated here again, and its formulas
 * are not used.
 */

static BIGNUM *
number_of(const EVP_PKEY *pkey, const char *parameter)
{
	BIGNUM	   *number = NULL;

	REQUIRE(EVP_PKEY_get_bn_param(pkey, parameter, &number) == 1);
	return number;
}

/* RFC 7518 section 3.3, and what docs/limits.md says of the largest. */
static void
require_rsa_numbers(const EVP_PKEY *pkey, size_t signature_size)
{
	BIGNUM	   *n = number_of(pkey, OSSL_PKEY_PARAM_RSA_N);
	BIGNUM	   *e = number_of(pkey, OSSL_PKEY_PARAM_RSA_E);

	REQUIRE(EVP_PKEY_is_a(pkey, "RSA"));
	REQUIRE(BN_num_bits(n) >= 2048 && BN_num_bits(n) <= 8192);
	REQUIRE(signature_size == (size_t) BN_num_bytes(n));
	/* what has a factor up to 167 has a prime one, and 2 is among them */
	for (BN_ULONG factor = 2; factor <= 167; factor++)
		REQUIRE(BN_mod_word(n, factor) != 0);
	REQUIRE(BN_is_odd(e) && BN_num_bits(e) >= 2 && BN_num_bits(e) <= 32);
	BN_free(n);
	BN_free(e);
}

/* y^2 = x^3 + a x + b modulo p, with x and y less than p; so (x, y) is no infinity. */
static void
require_ec_numbers(const EVP_PKEY *pkey, const char *curve)
{
	const int	nist = EC_curve_nist2nid(curve);
	EC_GROUP   *group = EC_GROUP_new_by_curve_name(nist != NID_undef ? nist : OBJ_sn2nid(curve));
	BIGNUM	   *x = number_of(pkey, OSSL_PKEY_PARAM_EC_PUB_X);
	BIGNUM	   *y = number_of(pkey, OSSL_PKEY_PARAM_EC_PUB_Y);
	BIGNUM	   *p = BN_new();
	BIGNUM	   *a = BN_new();
	BIGNUM	   *b = BN_new();
	BIGNUM	   *right = BN_new();
	BN_CTX	   *ctx = BN_CTX_new();

	REQUIRE(EVP_PKEY_is_a(pkey, "EC"));
	REQUIRE(EC_GROUP_get_curve(group, p, a, b, ctx) == 1);
	REQUIRE(BN_cmp(x, p) < 0 && BN_cmp(y, p) < 0);
	REQUIRE(BN_mod_sqr(right, x, p, ctx) == 1 && BN_mod_add(right, right, a, p, ctx) == 1 &&
			BN_mod_mul(right, right, x, p, ctx) == 1 && BN_mod_add(right, right, b, p, ctx) == 1 &&
			BN_mod_sqr(y, y, p, ctx) == 1);
	REQUIRE(BN_cmp(y, right) == 0);
	BN_CTX_free(ctx);
	BN_free(right);
	BN_free(b);
	BN_free(a);
	BN_free(p);
	BN_free(y);
	BN_free(x);
	EC_GROUP_free(group);
}

/* number * factor + summand modulo p, where factor and summand may be negative */
static void
multiply_add(BIGNUM *number, long factor, long summand, const BIGNUM *p, BN_CTX *ctx)
{
	REQUIRE(BN_mul_word(number, (BN_ULONG) labs(factor)) == 1);
	BN_set_negative(number, factor < 0);
	REQUIRE((summand < 0 ? BN_sub_word : BN_add_word) (number, (BN_ULONG) labs(summand)) == 1);
	REQUIRE(BN_nnmod(number, number, p, ctx) == 1);
}

/*
 * a x^2 + y^2 = 1 + d x^2 y^2 modulo p, where d is the fraction n/m. Of low
 * order are the points with x = 0 or y = 0 and, if the cofactor is 8, those
 * whose double has y = 0: there y^2 = a x^2, so d y^4 = a (2 y^2 - 1).
 */
typedef struct EdwardsCurve
{
	int			bits;			/* p is 2^bits - 2^middle - less */
	int			middle;
	BN_ULONG	less;
	long		a;
	long		n;
	long		m;
	bool		has_order_8;
} EdwardsCurve;

static void
require_edwards_numbers(const unsigned char *bytes, size_t size, const EdwardsCurve *curve)
{
	unsigned char number[57];
	BIGNUM	   *p = BN_new();
	BIGNUM	   *y = BN_new();
	BIGNUM	   *yy = BN_new();
	BIGNUM	   *left = BN_new();
	BIGNUM	   *right = BN_new();
	BN_CTX	   *ctx = BN_CTX_new();

	REQUIRE(BN_set_bit(left, curve->middle) == 1 && BN_set_bit(p, curve->bits) == 1 &&
			(curve->middle == 0 || BN_sub(p, p, left) == 1) && BN_sub_word(p, curve->less) == 1);
	memcpy(number, bytes, size);
	number[size - 1] &= 0x7f;
	REQUIRE(BN_lebin2bn(number, (int) size, y) != NULL);
	REQUIRE(BN_cmp(y, p) < 0);
	REQUIRE(!BN_is_zero(y));
	REQUIRE(BN_mod_sqr(yy, y, p, ctx) == 1);
	REQUIRE(!BN_is_one(yy));

	/* x^2 = (1 - y^2) / (a - d y^2) is a square if the product of the two is */
	REQUIRE(BN_copy(left, yy) != NULL && BN_copy(right, yy) != NULL);
	multiply_add(left, -1, 1, p, ctx);
	multiply_add(right, -curve->n, curve->a * curve->m, p, ctx);
	REQUIRE(BN_mod_mul(left, left, right, p, ctx) == 1);
	multiply_add(left, curve->m, 0, p, ctx);
	REQUIRE(BN_kronecker(left, p, ctx) == 1);

	REQUIRE(BN_mod_sqr(left, yy, p, ctx) == 1 && BN_copy(right, yy) != NULL);
	multiply_add(left, curve->n, 0, p, ctx);
	multiply_add(right, 2 * curve->a * curve->m, -curve->a * curve->m, p, ctx);
	REQUIRE(!curve->has_order_8 || BN_cmp(left, right) != 0);
	BN_CTX_free(ctx);
	BN_free(right);
	BN_free(left);
	BN_free(yy);
	BN_free(y);
	BN_free(p);
}

/* RFC 8032 sections 5.1 and 5.2 */
static void
require_okp_numbers(const EVP_PKEY *pkey)
{
	static const EdwardsCurve ed25519 = {.bits = 255, .less = 19, .a = -1, .n = -121665, .m = 121666, .has_order_8 = true};
	static const EdwardsCurve ed448 = {.bits = 448, .middle = 224, .less = 1, .a = 1, .n = -39081, .m = 1};
	const bool	is_ed448 = EVP_PKEY_is_a(pkey, "ED448");
	unsigned char bytes[57];
	size_t		size = sizeof(bytes);

	REQUIRE(EVP_PKEY_get_raw_public_key(pkey, bytes, &size) == 1);
	REQUIRE(size == (is_ed448 ? 57 : 32));
	require_edwards_numbers(bytes, size, is_ed448 ? &ed448 : &ed25519);
}

static void
require_numbers(const Jwk *jwk)
{
	const AlgorithmInfo *info = algorithm_info(jwk->algorithm);

	switch (info->family)
	{
		case FAMILY_HMAC:
			REQUIRE(jwk->secret_size >= info->signature_size && jwk->secret_size <= 1024);
			break;
		case FAMILY_RSA_PKCS1:
		case FAMILY_RSA_PSS:
			require_rsa_numbers(jwk->pkey, jwk->signature_size);
			break;
		case FAMILY_ECDSA:
			require_ec_numbers(jwk->pkey, info->curve);
			break;
		case FAMILY_EDDSA:
			REQUIRE(EVP_PKEY_is_a(jwk->pkey, info->curve));
			require_okp_numbers(jwk->pkey);
			break;
	}
}

void
require_sound_key(const Jwk *jwk)
{
	REQUIRE(algorithm_info(jwk->algorithm) != NULL);
	REQUIRE((jwk->pkey == NULL) == (jwk->secret != NULL));
	require_numbers(jwk);
	require_thumbprint(jwk->thumbprint);
	require_public_text(jwk);
	require_unforgeable(jwk);
}
