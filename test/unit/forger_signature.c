/*
 * forger_signature.c
 *		Forgeries of signatures: numbers, forms and parameters that are not the one.
 */
#include <openssl/bn.h>
#include <openssl/core_names.h>
#include <openssl/ec.h>
#include <openssl/evp.h>
#include <openssl/rsa.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "forger.h"

#define MAX_SIGNATURE 2200

static void
expect_signature(const char *token, const void *signature, size_t size, unsigned int expected)
{
	forger_take(forger_resigned(token, signature, size), expected);
}

/*
 * Octets too few, too many, or others
 */

static void
fill(unsigned char *octets, size_t size, int with)
{
	for (size_t i = 0; i < size; i++)
		octets[i] = (unsigned char) (with >= 0 ? with : (int) forger_random(256));
}

/* As long as some other algorithm's, or cut, or stretched at either end. */
static void
forge_sizes(const char *token, const unsigned char *signature, size_t size)
{
	static const size_t others[] = {1, 2, 16, 20, 28, 32, 48, 56, 57, 63, 64, 65, 72, 96, 114, 128, 132, 139, 255, 256, 257, 384, 512};
	unsigned char octets[MAX_SIGNATURE];

	for (size_t i = 0; i < sizeof(others) / sizeof(others[0]); i++)
	{
		for (int with = -1; with < 0x100; with += with < 1 ? 1 : 0xFE)
		{
			fill(octets, sizeof(octets), with);
			expect_signature(token, octets, others[i], V(SIGNATURE_INVALID));
			expect_signature(token, octets, size, V(SIGNATURE_INVALID));
			memcpy(octets, signature, size);
			expect_signature(token, octets, size + others[i], V(SIGNATURE_INVALID));
			if (others[i] < size)
				expect_signature(token, signature, others[i], V(SIGNATURE_INVALID));
			memmove(octets + others[i], signature, size);
			fill(octets, others[i], with);
			expect_signature(token, octets, size + others[i], V(SIGNATURE_INVALID));
			if (others[i] < size)
				expect_signature(token, signature + others[i], size - others[i], V(SIGNATURE_INVALID));
		}
	}
}

static void
forge_orders(const char *token, const unsigned char *signature, size_t size)
{
	unsigned char octets[MAX_SIGNATURE];

	for (size_t i = 0; i < size; i++)
		octets[i] = signature[size - 1 - i];
	expect_signature(token, octets, size, V(SIGNATURE_INVALID));
	memcpy(octets, signature + size / 2, size / 2);
	memcpy(octets + size / 2, signature, size / 2);
	expect_signature(token, octets, size / 2 * 2, V(SIGNATURE_INVALID));
	memcpy(octets, signature, size);
	memcpy(octets + size, signature, size);
	expect_signature(token, octets, 2 * size, V(SIGNATURE_INVALID));
	for (size_t i = 0; i < size; i++)
		octets[i] = (unsigned char) ~signature[i];
	expect_signature(token, octets, size, V(SIGNATURE_INVALID));
	for (size_t i = 0; i < size; i++)
		sprintf((char *) octets + 2 * i, "%02x", signature[i]);
	expect_signature(token, octets, 2 * size, V(SIGNATURE_INVALID));
	expect_signature(token, strrchr(token, '.') + 1, strlen(strrchr(token, '.') + 1), V(SIGNATURE_INVALID));
}

void
forge_lengths(Algorithm algorithm)
{
	char	   *token = forger_token(algorithm);
	unsigned char signature[1024];
	size_t		size = forger_signature(token, signature);

	forge_sizes(token, signature, size);
	forge_orders(token, signature, size);
	free(token);
}

/*
 * ECDSA
 */

/* A token and the numbers of its signature. */
typedef struct EcdsaToken
{
	char	   *text;
	int			half;
	BIGNUM	   *order;
	BIGNUM	   *r;
	BIGNUM	   *s;
} EcdsaToken;

static EcdsaToken
ecdsa_token(Algorithm algorithm)
{
	EcdsaToken	token = {.text = forger_token(algorithm)};
	unsigned char signature[1024];

	token.half = (int) forger_signature(token.text, signature) / 2;
	token.r = BN_bin2bn(signature, token.half, NULL);
	token.s = BN_bin2bn(signature + token.half, token.half, NULL);
	EVP_PKEY_get_bn_param(forger_keys[algorithm].pkey, OSSL_PKEY_PARAM_EC_ORDER, &token.order);
	return token;
}

static void
ecdsa_token_free(EcdsaToken *token)
{
	BN_free(token->order);
	BN_free(token->r);
	BN_free(token->s);
	free(token->text);
}

/* r || s; not at all if one of them has no room. */
static void
expect_pair(const EcdsaToken *token, const BIGNUM *r, const BIGNUM *s, unsigned int expected)
{
	unsigned char raw[132];

	if (BN_bn2binpad(r, raw, token->half) == token->half &&
		BN_bn2binpad(s, raw + token->half, token->half) == token->half)
		expect_signature(token->text, raw, 2 * (size_t) token->half, expected);
}

/* x, -x modulo the order, x beyond the order, its neighbours, and the ends of the range */
#define N_NUMBERS 10

static void
make_numbers(const EcdsaToken *token, const BIGNUM *x, BIGNUM *numbers[N_NUMBERS])
{
	for (int i = 0; i < N_NUMBERS; i++)
		numbers[i] = i < 2 ? BN_dup(x) : BN_new();
	BN_sub(numbers[1], token->order, x);
	BN_add(numbers[2], token->order, x);
	BN_add(numbers[3], x, BN_value_one());
	BN_sub(numbers[4], x, BN_value_one());
	BN_zero(numbers[5]);
	BN_one(numbers[6]);
	BN_copy(numbers[7], token->order);
	BN_sub(numbers[8], token->order, BN_value_one());
	BN_one(numbers[9]);
	BN_lshift(numbers[9], numbers[9], 8 * token->half);
	BN_sub(numbers[9], numbers[9], BN_value_one());
}

static void
forge_pairs(const EcdsaToken *token)
{
	BIGNUM	   *r[N_NUMBERS];
	BIGNUM	   *s[N_NUMBERS];

	make_numbers(token, token->r, r);
	make_numbers(token, token->s, s);
	for (int i = 0; i < N_NUMBERS; i++)
	{
		for (int j = 0; j < N_NUMBERS; j++)
		{
			/* n - s is as good as s */
			expect_pair(token, r[i], s[j], i == 0 && j < 2 ? V(OK) : V(SIGNATURE_INVALID));
		}
	}
	expect_pair(token, token->s, token->r, V(SIGNATURE_INVALID));
	for (int i = 0; i < N_NUMBERS; i++)
	{
		BN_free(r[i]);
		BN_free(s[i]);
	}
}

/* DER, also cut to the right length. */
static void
forge_der(const EcdsaToken *token, const BIGNUM *s)
{
	ECDSA_SIG  *pair = ECDSA_SIG_new();
	unsigned char *der = NULL;
	size_t		size;

	ECDSA_SIG_set0(pair, BN_dup(token->r), BN_dup(s));
	size = (size_t) i2d_ECDSA_SIG(pair, &der);
	expect_signature(token->text, der, size, V(SIGNATURE_INVALID));
	if (size > 2 * (size_t) token->half)
		expect_signature(token->text, der, 2 * (size_t) token->half, V(SIGNATURE_INVALID));
	OPENSSL_free(der);
	ECDSA_SIG_free(pair);
}

void
forge_ecdsa(Algorithm algorithm)
{
	EcdsaToken	token;
	BIGNUM	   *negative;

	if (algorithm_info(algorithm)->family != FAMILY_ECDSA)
		return;
	token = ecdsa_token(algorithm);
	negative = BN_dup(token.s);
	BN_sub(negative, token.order, token.s);
	forge_pairs(&token);
	forge_der(&token, token.s);
	forge_der(&token, negative);
	BN_free(negative);
	ecdsa_token_free(&token);
}

/*
 * RSA
 */

static void
expect_number(const char *token, const BIGNUM *number, size_t size)
{
	unsigned char octets[1024];

	if (BN_bn2binpad(number, octets, (int) size) == (int) size)
		expect_signature(token, octets, size, V(SIGNATURE_INVALID));
}

/* n - s, s + n, and what has itself as its power */
static void
forge_rsa_numbers(const char *token, const EVP_PKEY *pkey)
{
	unsigned char signature[1024];
	size_t		size = forger_signature(token, signature);
	BIGNUM	   *s = BN_bin2bn(signature, (int) size, NULL);
	BIGNUM	   *n = NULL;
	BIGNUM	   *number = BN_new();

	EVP_PKEY_get_bn_param(pkey, OSSL_PKEY_PARAM_RSA_N, &n);
	BN_sub(number, n, s);
	expect_number(token, number, size);
	BN_add(number, n, s);
	expect_number(token, number, size);
	expect_number(token, n, size);
	BN_sub(number, n, BN_value_one());
	expect_number(token, number, size);
	BN_zero(number);
	expect_number(token, number, size);
	expect_number(token, BN_value_one(), size);
	BN_lshift1(number, s);
	expect_number(token, number, size);
	BN_free(number);
	BN_free(n);
	BN_free(s);
}

static void
expect_options(const char *token, const TestKey *key, const SignOptions *options, unsigned int expected)
{
	unsigned char signature[1024];
	char	   *input = strndup(token, (size_t) (strrchr(token, '.') - token));
	size_t		size = forger_sign(key, options, input, signature);

	expect_signature(token, signature, size, expected);
	free(input);
}

/* The issuer's own key, but with other parameters than RFC 7518 section 3.5 has. */
static void
forge_rsa_parameters(const char *token, const TestKey *key)
{
	static const int salts[] = {0, 1, 8, 16, 20, 31, 32, 33, 47, 48, 49, 63, 64, 65, 100, RSA_PSS_SALTLEN_MAX};
	static const char *const digests[] = {"SHA1", "SHA224", "SHA256", "SHA384", "SHA512", "SHA3-256"};
	const SignOptions good = forger_options(key->algorithm);
	const int	good_salt = EVP_MD_get_size(EVP_get_digestbyname(good.digest));
	const bool	is_pss = good.padding == RSA_PKCS1_PSS_PADDING;

	for (size_t i = 0; i < sizeof(digests) / sizeof(digests[0]); i++)
	{
		SignOptions options = good;
		const bool	is_own = strcmp(digests[i], good.digest) == 0;

		options.digest = digests[i];
		expect_options(token, key, &options, is_own ? V(OK) : V(SIGNATURE_INVALID));
		options.mgf1 = digests[i];
		options.padding = is_pss ? RSA_PKCS1_PADDING : RSA_PKCS1_PSS_PADDING;
		expect_options(token, key, &options, V(SIGNATURE_INVALID));
		options = good;
		options.mgf1 = digests[i];
		if (is_pss)
			expect_options(token, key, &options, is_own ? V(OK) : V(SIGNATURE_INVALID));
	}
	for (size_t i = 0; i < sizeof(salts) / sizeof(salts[0]) && is_pss; i++)
	{
		SignOptions options = good;

		options.salt = salts[i];
		expect_options(token, key, &options, salts[i] == good_salt ? V(OK) : V(SIGNATURE_INVALID));
	}
}

void
forge_rsa(Algorithm algorithm)
{
	const TestKey *key = &forger_keys[algorithm];
	char	   *token;

	if (strcmp(algorithm_info(algorithm)->key_type, "RSA") != 0)
		return;
	token = forger_token(algorithm);
	forge_rsa_numbers(token, key->pkey);
	forge_rsa_parameters(token, key);
	free(token);
}

/*
 * EdDSA
 */

/* The order of the base point: a power of two and a bit (RFC 8032). */
static BIGNUM *
edwards_order(Algorithm algorithm)
{
	BIGNUM	   *order = BN_new();
	BIGNUM	   *rest = NULL;

	BN_one(order);
	if (algorithm == ALGORITHM_ED25519)
	{
		BN_lshift(order, order, 252);
		BN_dec2bn(&rest, "27742317777372353535851937790883648493");
	}
	else
	{
		BN_lshift(order, order, 446);
		BN_dec2bn(&rest, "-13818066809895115352007386748515426880336692474882178609894547503885");
	}
	BN_add(order, order, rest);
	BN_free(rest);
	return order;
}

/* S + L, S + 2L and so on, as far as there is room, L - S, and L itself. */
static void
forge_edwards_scalars(const char *token, Algorithm algorithm)
{
	unsigned char signature[1024];
	const int	half = (int) forger_signature(token, signature) / 2;
	BIGNUM	   *order = edwards_order(algorithm);
	BIGNUM	   *s = BN_lebin2bn(signature + half, half, NULL);
	BIGNUM	   *number = BN_new();

	BN_sub(number, order, s);
	BN_bn2lebinpad(number, signature + half, half);
	expect_signature(token, signature, 2 * (size_t) half, V(SIGNATURE_INVALID));
	BN_bn2lebinpad(order, signature + half, half);
	expect_signature(token, signature, 2 * (size_t) half, V(SIGNATURE_INVALID));
	BN_copy(number, s);
	for (int i = 0; i < 20; i++)
	{
		BN_add(number, number, order);
		if (BN_bn2lebinpad(number, signature + half, half) == half)
			expect_signature(token, signature, 2 * (size_t) half, V(SIGNATURE_INVALID));
	}
	BN_free(number);
	BN_free(s);
	BN_free(order);
}

/* R of low order, in each of its spellings that are short to write; S of little weight. */
static void
forge_edwards_points(const char *token)
{
	unsigned char signature[1024];
	const size_t half = forger_signature(token, signature) / 2;
	unsigned char forged[1024];

	for (int y = 0; y < 4; y++)
	{
		for (int sign = 0; sign < 2; sign++)
		{
			for (unsigned char s = 0; s < 3; s++)
			{
				memset(forged, y == 3 ? 0xff : 0, half);
				forged[0] = (unsigned char) (y == 3 ? 0xec : y);
				forged[half - 1] = (unsigned char) (y == 3 ? 0x7f : 0) | (unsigned char) (sign << 7);
				memset(forged + half, 0, half);
				forged[half] = s;
				expect_signature(token, forged, 2 * half, V(SIGNATURE_INVALID));
				memcpy(forged + half, signature + half, half);
				expect_signature(token, forged, 2 * half, V(SIGNATURE_INVALID));
			}
		}
	}
	signature[half - 1] ^= 0x80;
	expect_signature(token, signature, 2 * half, V(SIGNATURE_INVALID));
}

void
forge_eddsa(Algorithm algorithm)
{
	char	   *token;

	if (algorithm_info(algorithm)->family != FAMILY_EDDSA)
		return;
	token = forger_token(algorithm);
	forge_edwards_scalars(token, algorithm);
	forge_edwards_points(token);
	free(token);
}
