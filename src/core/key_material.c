/*
 * key_material.c
 *		The numbers of a key, judged: from JWK members to OpenSSL and back.
 *
 * OpenSSL imports keys under which everybody can sign: an RSA exponent of 1,
 * 512-bit moduli, the point at infinity, Edwards points of low order. What
 * passes here is safe to verify with for as long as it is kept.
 */
#include "core/key_material.h"

#include <jansson.h>
#include <openssl/bn.h>
#include <openssl/core_names.h>
#include <openssl/crypto.h>
#include <openssl/err.h>
#include <openssl/evp.h>
#include <openssl/param_build.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>

#include "core/base64url.h"
#include "core/edwards_point.h"
#include "core/secret_form.h"
#include "core/strict_json.h"

#define RSA_MIN_BITS 2048		/* RFC 7518 section 3.3 */
#define RSA_MAX_BITS (8 * KEY_MATERIAL_MAX_SIZE)
#define RSA_MAX_EXPONENT_SIZE 4 /* a long one makes each verification slow */
#define COORDINATE_MAX_SIZE 66	/* P-521 */

/* One base64url member, decoded. The decoder may need three octets more. */
typedef struct Octets
{
	unsigned char bytes[KEY_MATERIAL_MAX_SIZE + 3];
	size_t		size;
} Octets;

static Verdict
out_of_memory(Detail *detail)
{
	return verdict_refuse(detail, VERDICT_OUT_OF_MEMORY, "Out of memory.");
}

/* OpenSSL says neither why nor whether memory was short. */
static Verdict
not_accepted(Detail *detail)
{
	return verdict_refuse(detail, VERDICT_MALFORMED,
						  "OpenSSL does not accept this public key.");
}

static Verdict
decode_member(const json_t *jwk, const char *name, Octets *octets,
			  Detail *detail)
{
	const json_t *member = json_object_get(jwk, name);
	size_t		length;

	if (!json_is_string(member))
		return verdict_refuse(detail, VERDICT_MALFORMED,
							  "The member \"%s\" is %s; a base64url string is expected.",
							  name, strict_json_type_name(member));
	length = json_string_length(member);
	if (length > (KEY_MATERIAL_MAX_SIZE * 4 + 2) / 3)
		return verdict_refuse(detail, VERDICT_MALFORMED,
							  "The member \"%s\" has more than %d bytes.",
							  name, KEY_MATERIAL_MAX_SIZE);
	if (!base64url_decode(json_string_value(member), length,
						  octets->bytes, &octets->size))
		return verdict_refuse(detail, VERDICT_MALFORMED,
							  "The member \"%s\" is not base64url without padding.",
							  name);
	return VERDICT_OK;
}

/* Exactly as many octets as the curve's field has (RFC 7518 section 6.2.1.2). */
static Verdict
decode_coordinate(const json_t *jwk, const char *name, size_t size,
				  Octets *octets, Detail *detail)
{
	Verdict		verdict = decode_member(jwk, name, octets, detail);

	if (verdict != VERDICT_OK)
		return verdict;
	if (octets->size != size)
		return verdict_refuse(detail, VERDICT_MALFORMED,
							  "The member \"%s\" has %zu bytes; the curve's coordinates have %zu.",
							  name, octets->size, size);
	return VERDICT_OK;
}

/* A positive number without leading zero octets (RFC 7518 section 2). */
static Verdict
decode_number(const json_t *jwk, const char *name, Octets *octets,
			  Detail *detail)
{
	Verdict		verdict = decode_member(jwk, name, octets, detail);

	if (verdict != VERDICT_OK)
		return verdict;
	if (octets->size == 0 || octets->bytes[0] == 0)
		return verdict_refuse(detail, VERDICT_MALFORMED,
							  "The member \"%s\" is not a positive number in the fewest bytes possible.",
							  name);
	return VERDICT_OK;
}

/* Build a key from parameters; NULL if OpenSSL would not. */
static EVP_PKEY *
pkey_from_params(const char *type, OSSL_PARAM *params)
{
	EVP_PKEY_CTX *ctx = EVP_PKEY_CTX_new_from_name(NULL, type, NULL);
	EVP_PKEY   *pkey = NULL;

	if (ctx == NULL ||
		EVP_PKEY_fromdata_init(ctx) != 1 ||
		EVP_PKEY_fromdata(ctx, &pkey, EVP_PKEY_PUBLIC_KEY, params) != 1 ||
		EVP_PKEY_get_bits(pkey) <= 0)	/* where memory is short */
	{
		EVP_PKEY_free(pkey);
		pkey = NULL;
	}
	EVP_PKEY_CTX_free(ctx);
	ERR_clear_error();
	return pkey;
}

/*
 * RSA
 */

static const unsigned char small_primes[] = {
	3, 5, 7, 11, 13, 17, 19, 23, 29, 31, 37, 41, 43, 47, 53, 59, 61, 67, 71, 73,
	79, 83, 89, 97, 101, 103, 107, 109, 113, 127, 131, 137, 139, 149, 151, 157,
	163, 167
};

/* Is residue a power of 65537 modulo prime? */
static bool
is_power_of_f4(BN_ULONG residue, BN_ULONG prime)
{
	BN_ULONG	power = 1;

	do
	{
		if (power == residue)
			return true;
		power = power * 65537 % prime;
	} while (power != 1);
	return false;
}

/*
 * Small factors, and the fingerprint of ROCA (CVE-2017-15361): the primes of
 * Infineon's library are k M + (65537^a mod M), so modulo each small prime the
 * modulus is a power of 65537. Other moduli pass for such by a chance of 2^-27.
 */
static Verdict
check_modulus_residues(const BIGNUM *n, Detail *detail)
{
	bool		fingerprint = true;

	for (size_t i = 0; i < sizeof(small_primes); i++)
	{
		BN_ULONG	residue = BN_mod_word(n, small_primes[i]);

		if (residue == 0)
			return verdict_refuse(detail, VERDICT_MALFORMED,
								  "The member \"n\" is divisible by %d.",
								  small_primes[i]);
		fingerprint = fingerprint && is_power_of_f4(residue, small_primes[i]);
	}
	if (fingerprint)
		return verdict_refuse(detail, VERDICT_MALFORMED,
							  "The member \"n\" is of a kind that can be factored (ROCA, CVE-2017-15361).");
	return VERDICT_OK;
}

static Verdict
check_modulus_size(int bits, Detail *detail)
{
	if (bits < RSA_MIN_BITS || bits > RSA_MAX_BITS)
		return verdict_refuse(detail, VERDICT_MALFORMED,
							  "The member \"n\" has %d bits; %d to %d are accepted.",
							  bits, RSA_MIN_BITS, RSA_MAX_BITS);
	return VERDICT_OK;
}

static Verdict
check_modulus(const BIGNUM *n, Detail *detail)
{
	Verdict		verdict = check_modulus_size(BN_num_bits(n), detail);

	if (verdict != VERDICT_OK)
		return verdict;
	if (!BN_is_odd(n))
		return verdict_refuse(detail, VERDICT_MALFORMED,
							  "The member \"n\" is even.");
	return check_modulus_residues(n, detail);
}

/* With e = 1 every padded digest is its own signature. */
static Verdict
check_exponent(const BIGNUM *e, Detail *detail)
{
	if (BN_num_bytes(e) > RSA_MAX_EXPONENT_SIZE ||
		!BN_is_odd(e) || BN_is_one(e))
		return verdict_refuse(detail, VERDICT_MALFORMED,
							  "The member \"e\" is not an odd number from 3 to 4294967295.");
	return VERDICT_OK;
}

static Verdict
rsa_from_numbers(const BIGNUM *n, const BIGNUM *e, EVP_PKEY **pkey,
				 Detail *detail)
{
	OSSL_PARAM_BLD *builder = OSSL_PARAM_BLD_new();
	OSSL_PARAM *params = NULL;

	if (builder != NULL &&
		OSSL_PARAM_BLD_push_BN(builder, OSSL_PKEY_PARAM_RSA_N, n) == 1 &&
		OSSL_PARAM_BLD_push_BN(builder, OSSL_PKEY_PARAM_RSA_E, e) == 1)
		params = OSSL_PARAM_BLD_to_param(builder);
	OSSL_PARAM_BLD_free(builder);
	if (params == NULL)
	{
		ERR_clear_error();
		return out_of_memory(detail);
	}

	*pkey = pkey_from_params("RSA", params);
	OSSL_PARAM_free(params);
	return *pkey != NULL ? VERDICT_OK : not_accepted(detail);
}

static Verdict
rsa_from_members(const json_t *jwk, const AlgorithmInfo *info,
				 EVP_PKEY **pkey, Detail *detail)
{
	Octets		modulus;
	Octets		exponent;
	BIGNUM	   *n = NULL;
	BIGNUM	   *e = NULL;
	Verdict		verdict;

	(void) info;
	verdict = decode_number(jwk, "n", &modulus, detail);
	if (verdict == VERDICT_OK)
		verdict = decode_number(jwk, "e", &exponent, detail);
	if (verdict != VERDICT_OK)
		return verdict;

	n = BN_bin2bn(modulus.bytes, (int) modulus.size, NULL);
	e = BN_bin2bn(exponent.bytes, (int) exponent.size, NULL);
	if (n == NULL || e == NULL)
		verdict = out_of_memory(detail);
	if (verdict == VERDICT_OK)
		verdict = check_modulus(n, detail);
	if (verdict == VERDICT_OK)
		verdict = check_exponent(e, detail);
	if (verdict == VERDICT_OK)
		verdict = rsa_from_numbers(n, e, pkey, detail);
	BN_free(n);
	BN_free(e);
	return verdict;
}

/*
 * Elliptic curves
 */

static Verdict
refuse_point(Detail *detail)
{
	return verdict_refuse(detail, VERDICT_MALFORMED,
						  "The members \"x\" and \"y\" are not a point of the curve.");
}

/* On the curve, and not at infinity. */
static bool
ec_point_is_sound(EVP_PKEY *pkey)
{
	EVP_PKEY_CTX *ctx = EVP_PKEY_CTX_new_from_pkey(NULL, pkey, NULL);
	bool		sound = ctx != NULL && EVP_PKEY_public_check(ctx) == 1;

	EVP_PKEY_CTX_free(ctx);
	ERR_clear_error();
	return sound;
}

static Verdict
ec_from_point(const char *curve, unsigned char *point, size_t point_size,
			  EVP_PKEY **pkey, Detail *detail)
{
	OSSL_PARAM	params[3];

	params[0] = OSSL_PARAM_construct_utf8_string(OSSL_PKEY_PARAM_GROUP_NAME,
												 (char *) curve, 0);
	params[1] = OSSL_PARAM_construct_octet_string(OSSL_PKEY_PARAM_PUB_KEY,
												  point, point_size);
	params[2] = OSSL_PARAM_construct_end();

	*pkey = pkey_from_params("EC", params);
	if (*pkey != NULL && ec_point_is_sound(*pkey))
		return VERDICT_OK;
	EVP_PKEY_free(*pkey);
	*pkey = NULL;
	return refuse_point(detail);
}

static Verdict
ec_from_members(const json_t *jwk, const AlgorithmInfo *info,
				EVP_PKEY **pkey, Detail *detail)
{
	const size_t size = info->coordinate_size;
	unsigned char point[1 + 2 * COORDINATE_MAX_SIZE];
	Octets		x;
	Octets		y;
	Verdict		verdict;

	verdict = decode_coordinate(jwk, "x", size, &x, detail);
	if (verdict == VERDICT_OK)
		verdict = decode_coordinate(jwk, "y", size, &y, detail);
	if (verdict != VERDICT_OK)
		return verdict;

	point[0] = 0x04;			/* uncompressed: SEC 1 section 2.3.3 */
	memcpy(point + 1, x.bytes, size);
	memcpy(point + 1 + size, y.bytes, size);
	return ec_from_point(info->curve, point, 1 + 2 * size, pkey, detail);
}

/*
 * Edwards curves
 */

static Verdict
okp_from_members(const json_t *jwk, const AlgorithmInfo *info,
				 EVP_PKEY **pkey, Detail *detail)
{
	const bool	is_ed448 = strcmp(info->curve, "Ed448") == 0;
	Octets		x;
	Verdict		verdict;

	verdict = decode_coordinate(jwk, "x", info->coordinate_size, &x, detail);
	if (verdict == VERDICT_OK)
		verdict = edwards_point_check(is_ed448 ? ALGORITHM_ED448 : ALGORITHM_ED25519,
									  x.bytes, x.size, detail);
	if (verdict != VERDICT_OK)
		return verdict;

	*pkey = EVP_PKEY_new_raw_public_key_ex(NULL, info->curve, NULL,
										   x.bytes, x.size);
	ERR_clear_error();
	return *pkey != NULL ? VERDICT_OK : not_accepted(detail);
}

Verdict
key_material_public(const struct json_t *jwk, Algorithm algorithm,
					EVP_PKEY **pkey, Detail *detail)
{
	const AlgorithmInfo *info = algorithm_info(algorithm);

	*pkey = NULL;
	switch (info->family)
	{
		case FAMILY_RSA_PKCS1:
		case FAMILY_RSA_PSS:
			return rsa_from_members(jwk, info, pkey, detail);
		case FAMILY_ECDSA:
			return ec_from_members(jwk, info, pkey, detail);
		case FAMILY_EDDSA:
			return okp_from_members(jwk, info, pkey, detail);
		case FAMILY_HMAC:
			break;
	}
	return not_accepted(detail);
}

/* Refuses octets that are too few, or whose form shows that others may know them. */
static Verdict
check_secret(const Octets *k, size_t least, Detail *detail)
{
	SecretForm	form;

	if (k->size < least)
		return verdict_refuse(detail, VERDICT_MALFORMED,
							  "The member \"k\" has %zu bytes; the algorithm needs at least %zu.",
							  k->size, least);
	if (secret_form_find(k->bytes, k->size, &form))
		return verdict_refuse(detail, VERDICT_MALFORMED,
							  "The member \"k\" is %s%s, not a secret.",
							  form.name, form.is_encoded ? ", encoded as text" : "");
	return VERDICT_OK;
}

static Verdict
copy_secret(const Octets *k, size_t least, unsigned char **secret,
			Detail *detail)
{
	Verdict		verdict = check_secret(k, least, detail);

	if (verdict != VERDICT_OK)
		return verdict;
	*secret = malloc(k->size);
	if (*secret == NULL)
		return out_of_memory(detail);
	memcpy(*secret, k->bytes, k->size);
	return VERDICT_OK;
}

Verdict
key_material_secret(const struct json_t *jwk, Algorithm algorithm,
					unsigned char **secret, size_t *secret_size,
					Detail *detail)
{
	Octets		k;
	Verdict		verdict;

	*secret = NULL;
	*secret_size = 0;
	verdict = decode_member(jwk, "k", &k, detail);
	if (verdict == VERDICT_OK)
	{
		verdict = copy_secret(&k, algorithm_info(algorithm)->signature_size,
							  secret, detail);
		*secret_size = verdict == VERDICT_OK ? k.size : 0;
	}
	OPENSSL_cleanse(&k, sizeof(k));
	return verdict;
}

/*
 * Back to members
 */

/* Set a member to octets in base64url; false on out of memory. */
static bool
set_octets(json_t *members, const char *name, const unsigned char *bytes,
		   size_t n_bytes)
{
	char		text[BASE64URL_ENCODED_SIZE(KEY_MATERIAL_MAX_SIZE)];
	size_t		length = base64url_encode(bytes, n_bytes, text);

	return json_object_set_new(members, name, json_stringn(text, length)) == 0;
}

/*
 * Set a member to a number that OpenSSL knows by another name, in as many
 * octets as it needs or, if size is not 0, in exactly size.
 */
static bool
set_number(json_t *members, const char *name, const EVP_PKEY *pkey,
		   const char *parameter, size_t size)
{
	unsigned char bytes[KEY_MATERIAL_MAX_SIZE];
	BIGNUM	   *number = NULL;
	bool		done = false;

	if (EVP_PKEY_get_bn_param(pkey, parameter, &number) == 1)
	{
		if (size == 0)
			size = (size_t) BN_num_bytes(number);
		done = size <= sizeof(bytes) &&
			BN_bn2binpad(number, bytes, (int) size) == (int) size &&
			set_octets(members, name, bytes, size);
	}
	BN_free(number);
	return done;
}

static bool
set_rsa_members(json_t *members, const EVP_PKEY *pkey)
{
	return json_object_set_new(members, "kty", json_string("RSA")) == 0 &&
		set_number(members, "n", pkey, OSSL_PKEY_PARAM_RSA_N, 0) &&
		set_number(members, "e", pkey, OSSL_PKEY_PARAM_RSA_E, 0);
}

/* The algorithm of an EC key's curve, or NULL if a JWK cannot name it. */
static const AlgorithmInfo *
ec_algorithm(const EVP_PKEY *pkey)
{
	static const struct
	{
		const char *group;		/* as OpenSSL names it */
		Algorithm	algorithm;
	}			groups[] = {
		{"prime256v1", ALGORITHM_ES256},
		{"secp384r1", ALGORITHM_ES384},
		{"secp521r1", ALGORITHM_ES512},
		{"secp256k1", ALGORITHM_ES256K},
		{"P-256", ALGORITHM_ES256},
		{"P-384", ALGORITHM_ES384},
		{"P-521", ALGORITHM_ES512},
	};
	char		group[64];

	if (EVP_PKEY_get_group_name(pkey, group, sizeof(group), NULL) != 1)
		return NULL;
	for (size_t i = 0; i < sizeof(groups) / sizeof(groups[0]); i++)
	{
		if (strcmp(group, groups[i].group) == 0)
			return algorithm_info(groups[i].algorithm);
	}
	return NULL;
}

static bool
set_ec_members(json_t *members, const EVP_PKEY *pkey)
{
	const AlgorithmInfo *info = ec_algorithm(pkey);

	return info != NULL &&
		json_object_set_new(members, "kty", json_string("EC")) == 0 &&
		json_object_set_new(members, "crv", json_string(info->curve)) == 0 &&
		set_number(members, "x", pkey, OSSL_PKEY_PARAM_EC_PUB_X, info->coordinate_size) &&
		set_number(members, "y", pkey, OSSL_PKEY_PARAM_EC_PUB_Y, info->coordinate_size);
}

static bool
set_okp_members(json_t *members, const EVP_PKEY *pkey, const char *curve)
{
	unsigned char bytes[COORDINATE_MAX_SIZE];
	size_t		size = sizeof(bytes);

	return EVP_PKEY_get_raw_public_key(pkey, bytes, &size) == 1 &&
		json_object_set_new(members, "kty", json_string("OKP")) == 0 &&
		json_object_set_new(members, "crv", json_string(curve)) == 0 &&
		set_octets(members, "x", bytes, size);
}

static bool
set_members(json_t *members, const EVP_PKEY *pkey)
{
	if (EVP_PKEY_is_a(pkey, "RSA"))
		return set_rsa_members(members, pkey);
	if (EVP_PKEY_is_a(pkey, "EC"))
		return set_ec_members(members, pkey);
	if (EVP_PKEY_is_a(pkey, "ED25519"))
		return set_okp_members(members, pkey, "Ed25519");
	if (EVP_PKEY_is_a(pkey, "ED448"))
		return set_okp_members(members, pkey, "Ed448");
	return false;
}

static bool
has_number(const EVP_PKEY *pkey, const char *parameter)
{
	BIGNUM	   *number = NULL;
	bool		has = EVP_PKEY_get_bn_param(pkey, parameter, &number) == 1;

	BN_free(number);
	return has;
}

/* OpenSSL imports it; it has an order like any other, and no coordinates. */
static bool
is_point_at_infinity(const EVP_PKEY *pkey)
{
	return !has_number(pkey, OSSL_PKEY_PARAM_EC_PUB_X) &&
		has_number(pkey, OSSL_PKEY_PARAM_EC_ORDER);
}

/* Can this key be written as a JWK, if there is the memory for it? */
static bool
is_of_known_kind(const EVP_PKEY *pkey)
{
	return EVP_PKEY_is_a(pkey, "RSA") || EVP_PKEY_is_a(pkey, "ED25519") ||
		EVP_PKEY_is_a(pkey, "ED448") ||
		(EVP_PKEY_is_a(pkey, "EC") && ec_algorithm(pkey) != NULL);
}

/* Why a key has no members: in the words for a JWK, where it would be one. */
static Verdict
refuse_members(const EVP_PKEY *pkey, Detail *detail)
{
	if (EVP_PKEY_is_a(pkey, "RSA") && EVP_PKEY_get_bits(pkey) > RSA_MAX_BITS)
		return check_modulus_size(EVP_PKEY_get_bits(pkey), detail);
	if (EVP_PKEY_is_a(pkey, "EC") && ec_algorithm(pkey) != NULL &&
		is_point_at_infinity(pkey))
		return refuse_point(detail);
	if (is_of_known_kind(pkey))
		return not_accepted(detail);
	return verdict_refuse(detail, VERDICT_MALFORMED,
						  "The key is not RSA, EC on P-256, P-384, P-521 or secp256k1, Ed25519 or Ed448.");
}

Verdict
key_material_members(const EVP_PKEY *pkey, struct json_t **members,
					 Detail *detail)
{
	Verdict		verdict = VERDICT_OK;

	*members = json_pack("{}");
	if (*members == NULL)
		return out_of_memory(detail);

	if (!set_members(*members, pkey))
	{
		verdict = refuse_members(pkey, detail);
		json_decref(*members);
		*members = NULL;
	}
	ERR_clear_error();
	return verdict;
}
