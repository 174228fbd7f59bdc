/*
 * seeds.c
 *		Writes issuer/ and corpus/: what the fuzz targets begin with.
 *
 * Tokens of every algorithm, with keys made here whose private halves end with
 * this program, and what the published vectors have of other shapes.
 */
#include <jansson.h>
#include <openssl/bio.h>
#include <openssl/bn.h>
#include <openssl/core_names.h>
#include <openssl/crypto.h>
#include <openssl/evp.h>
#include <openssl/pem.h>
#include <openssl/x509.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include "core/base64url.h"
#include "policies.h"
#include "test_sign.h"

static TestKey keys[ALGORITHM_COUNT];
static FILE *signed_inputs;

static FILE *
open_file(const char *folder, const char *name)
{
	char		path[256];
	FILE	   *file;

	mkdir(folder, 0777);
	snprintf(path, sizeof(path), "%s/%s", folder, name);
	file = fopen(path, "w");
	if (file == NULL)
	{
		perror(path);
		exit(1);
	}
	return file;
}

static void
write_seed(const char *target, const char *name, const void *bytes, size_t size)
{
	char		folder[64];
	FILE	   *file;

	snprintf(folder, sizeof(folder), "corpus/%s", target);
	file = open_file(folder, name);
	fwrite(bytes, 1, size, file);
	fclose(file);
}

static void
write_text(const char *target, const char *name, const char *text)
{
	write_seed(target, name, text, strlen(text));
}

/*
 * The issuer, and its tokens
 */

/* The JWK of a key, with its secret if it is one; malloc'd. */
static char *
key_text(const TestKey *key)
{
	char		encoded[BASE64URL_ENCODED_SIZE(sizeof(key->secret)) + 1];
	char	   *text;

	if (key->pkey != NULL)
		return jwk_public_text(key->jwk);
	text = malloc(512);
	encoded[base64url_encode(key->secret, sizeof(key->secret), encoded)] = '\0';
	snprintf(text, 512, "{\"kty\":\"oct\",\"alg\":\"%s\",\"kid\":\"%s\",\"k\":\"%s\"}",
			 algorithm_info(key->algorithm)->name, key->jwk->key_id, encoded);
	return text;
}

static void
make_issuer(void)
{
	FILE	   *file = open_file("issuer", "keys.jsonl");

	for (int i = ALGORITHM_UNKNOWN + 1; i < ALGORITHM_COUNT; i++)
	{
		const char *name = algorithm_info((Algorithm) i)->name;
		char	   *text;

		test_key_make(&keys[i], (Algorithm) i, name);
		text = key_text(&keys[i]);
		fprintf(file, "%s\n", text);
		write_text("jwk", name, text);
		free(text);
	}
	fclose(file);
}

static void
write_token(const char *name, Algorithm algorithm, const char *header, const char *payload)
{
	char	   *text = test_sign(&keys[algorithm], header, payload);

	write_text("token", name, text);
	write_text("jws", name, text);
	*strrchr(text, '.') = '\0';
	fprintf(signed_inputs, "%s\n", text);
	free(text);
}

#define COMMON "\"iss\":\"" ISSUER_NAME "\",\"aud\":\"orders\",\"sub\":\"alice\",\"exp\":1800000300,\"iat\":1800000000"
#define RFC9068 COMMON ",\"client_id\":\"app\",\"jti\":\"j1\""
#define ENTRA COMMON ",\"azp\":\"app\",\"tid\":\"t1\",\"oid\":\"o1\",\"uti\":\"u1\""

/* Payloads for the first policy, "at+jwt", and for the second, "JWT". */
static const struct
{
	const char *name;
	const char *type;
	const char *payload;
}			tokens[] = {
	{"scopes", "at+jwt", "{" RFC9068 ",\"scope\":\"orders:read orders:write\",\"nbf\":1799999000}"},
	{"roles", "application/at+jwt", "{" RFC9068 ",\"groups\":[{\"value\":\"g1\",\"display\":\"x\"},\"g2\"],\"roles\":\"r\",\"sid\":\"s\"}"},
	{"audiences", "at+jwt", "{\"iss\":\"" ISSUER_NAME "\",\"aud\":[\"x\",\"bills\"],\"sub\":\"a\",\"exp\":1.8000003e9,\"iat\":1800000000.25,\"client_id\":\"a\",\"jti\":\"j\"}"},
	{"client", "at+jwt", "{\"iss\":\"" ISSUER_NAME "\",\"aud\":\"orders\",\"sub\":\"app@clients\",\"exp\":1800000300,\"iat\":1800000000,\"client_id\":\"app\",\"jti\":\"j\",\"gty\":[\"client-credentials\"]}"},
	{"expired", "at+jwt", "{\"iss\":\"" ISSUER_NAME "\",\"aud\":\"orders\",\"sub\":\"a\",\"exp\":1700000000,\"iat\":1600000000,\"client_id\":\"a\",\"jti\":\"j\"}"},
	{"future", "at+jwt", "{" RFC9068 ",\"nbf\":253402300799,\"auth_time\":0}"},
	{"bound", "at+jwt", "{" RFC9068 ",\"cnf\":{\"jkt\":\"0ZcOCORZNYy-DWpqq30jZyJGHTN0d2HglBV3uiguA4I\"}}"},
	{"event", "secevent+jwt", "{" RFC9068 ",\"events\":{\"https://schemas.openid.net/secevent/caep/event-type/session-revoked\":{}}}"},
	{"id_token", "JWT", "{" COMMON ",\"nonce\":\"n\",\"at_hash\":\"h\",\"azp\":\"app\"}"},
	{"entra", "JWT", "{" ENTRA ",\"ver\":\"2.0\",\"scp\":\"Orders.Read Orders.Write\",\"roles\":[\"Reader\"]}"},
	{"overage", "JWT", "{" ENTRA ",\"scp\":\"a\",\"_claim_names\":{\"groups\":\"src1\"},\"_claim_sources\":{\"src1\":{\"endpoint\":\"https://x\"}},\"hasgroups\":true}"},
	{"app_only", "JWT", "{" ENTRA ",\"roles\":[\"App\"],\"idtyp\":\"app\",\"wids\":[\"w\"]}"},
	{"escapes", "at+jwt", "{" RFC9068 ",\"name\":\"\\u00e9\\ud83d\\ude00\\\"\\n\xc3\xa9\",\"deep\":[[[{\"a\":[{}]}]]],\"n\":[-1,1e10,true,null]}"},
	{"keycloak", "JWT", "{" COMMON ",\"azp\":\"app\",\"typ\":\"Bearer\",\"realm_access\":{\"roles\":[\"r\"],\"verified\":true},\"device\":{\"id\":\"d\"}}"},
	{"account", "JWT", "{\"iss\":\"" ISSUER_NAME "\",\"aud\":[\"orders\",\"account\"],\"exp\":1800000300,\"typ\":\"Bearer\"}"},
	{"refresh", "JWT", "{" COMMON ",\"typ\":\"Refresh\",\"nonce\":null}"},
	{"null_audience", "at+jwt", "{\"iss\":\"" ISSUER_NAME "\",\"aud\":null,\"sub\":\"a\",\"exp\":1800000300,\"iat\":1800000000,\"client_id\":\"a\",\"jti\":\"j\"}"},
	{"wrong_types", "at+jwt", "{\"iss\":\"" ISSUER_NAME "\",\"aud\":[1],\"sub\":7,\"exp\":\"1800000300\",\"iat\":-1,\"client_id\":null,\"jti\":[]}"},
};

#define N_TOKENS (sizeof(tokens) / sizeof(tokens[0]))

static void
make_tokens(void)
{
	char		header[256];

	signed_inputs = open_file("issuer", "signed.txt");
	for (int i = ALGORITHM_UNKNOWN + 1; i < ALGORITHM_COUNT; i++)
	{
		const char *name = algorithm_info((Algorithm) i)->name;

		snprintf(header, sizeof(header), "{\"alg\":\"%s\",\"kid\":\"%s\",\"typ\":\"at+jwt\"}", name, name);
		write_token(name, (Algorithm) i, header, tokens[0].payload);
	}
	for (size_t i = 0; i < N_TOKENS; i++)
	{
		snprintf(header, sizeof(header), "{\"alg\":\"ES256\",\"typ\":\"%s\"}", tokens[i].type);
		write_token(tokens[i].name, ALGORITHM_ES256, header, tokens[i].payload);
		write_text("claims", tokens[i].name, tokens[i].payload);
		write_text("strict_json", tokens[i].name, tokens[i].payload);
	}
	write_token("EdDSA", ALGORITHM_ED25519,
				"{\"typ\":\"at+jwt\",\"alg\":\"EdDSA\",\"kid\":\"Ed25519\",\"jku\":\"https://x/jwks\",\"x5c\":[\"MIIB\"]}",
				tokens[0].payload);
	write_token("no_kid", ALGORITHM_HS256, "{\"alg\":\"HS256\",\"typ\":\"at+jwt\"}", tokens[1].payload);
	fclose(signed_inputs);
}

/* Headers that are refused, over a signature that nobody looks at. */
static void
make_refused_headers(void)
{
	static const char *const members[] = {
		"\"crit\":[\"exp\"],\"exp\":1", "\"crit\":[]", "\"b64\":false", "\"enc\":\"A128GCM\"", "\"zip\":\"DEF\"",
		"\"cty\":\"JWT\"", "\"alg\":\"none\"", "\"typ\":1", "\"kid\":\"\\u0000\"", "\"jwk\":{\"kty\":\"oct\",\"k\":\"AA\"}"
	};

	for (size_t i = 0; i < sizeof(members) / sizeof(members[0]); i++)
	{
		char		header[256];
		char		name[16];
		char	   *text;

		snprintf(header, sizeof(header), "{\"alg\":\"ES256\",%s}", members[i]);
		snprintf(name, sizeof(name), "refused%zu", i);
		text = test_compact(header, "{}", (const unsigned char *) name, strlen(name));
		write_text("jws", name, text);
		free(text);
	}
}

/*
 * Keys in other forms
 */

static json_t *
public_jwk(Algorithm algorithm)
{
	char	   *text = key_text(&keys[algorithm]);
	json_t	   *jwk = json_loads(text, 0, NULL);

	free(text);
	return jwk;
}

static void
write_json(const char *target, const char *name, json_t *value)
{
	char	   *text = json_dumps(value, JSON_COMPACT);

	write_text(target, name, text);
	free(text);
	json_decref(value);
}

/* The same key, with a member of another value. */
static json_t *
with_member(json_t *jwk, const char *name, const char *value)
{
	json_object_set_new(jwk, name, json_string(value));
	return jwk;
}

static void
write_too_many_keys(void)
{
	json_t	   *array = json_array();

	for (int i = 0; i <= JWK_SET_MAX_KEYS; i++)
		json_array_append_new(array, json_pack("{}"));
	write_json("jwk_set", "too_many", json_pack("{so}", "keys", array));
}

static void
make_key_sets(void)
{
	json_t	   *public = json_array();
	json_t	   *secret = json_array();
	json_t	   *same = json_array();

	for (int i = ALGORITHM_UNKNOWN + 1; i < ALGORITHM_COUNT; i++)
		json_array_append_new(keys[i].pkey != NULL ? public : secret, public_jwk((Algorithm) i));
	for (int i = ALGORITHM_ES256; i <= ALGORITHM_ES512; i++)
	{
		json_t	   *jwk = public_jwk((Algorithm) i);

		json_object_set_new(jwk, "kid", json_string("k"));
		json_array_append(same, jwk);
		json_array_append_new(same, jwk);
	}
	write_json("jwk_set", "public", json_pack("{so}", "keys", public));
	write_json("jwk_set", "secret", json_pack("{so}", "keys", secret));
	write_json("jwk_set", "same_kid", json_pack("{so}", "keys", same));
	write_json("jwk_set", "ambiguous",
			   json_pack("{s[oo]}", "keys", with_member(public_jwk(ALGORITHM_RS256), "kid", "k"),
						 with_member(with_member(public_jwk(ALGORITHM_PS256), "kid", "k"), "alg", "RS256")));
	write_json("jwk_set", "mixed", json_pack("{s[oo]}", "keys", public_jwk(ALGORITHM_HS256), public_jwk(ALGORITHM_ES256)));
	write_json("jwk_set", "one", public_jwk(ALGORITHM_ED25519));
	write_json("jwk_set", "partly", json_pack("{s[{ss}o]}", "keys", "kty", "AKP", public_jwk(ALGORITHM_ED448)));
	write_text("jwk_set", "empty", "{\"keys\":[]}");
	write_text("jwk_set", "no_array", "{\"keys\":{}}");
	write_text("jwk_set", "no_object", "{\"keys\":[1]}");
	write_too_many_keys();
}

static void
make_key_variants(void)
{
	json_t	   *jwk = public_jwk(ALGORITHM_ES256);

	json_object_del(jwk, "alg");
	json_object_set_new(jwk, "key_ops", json_pack("[ss]", "verify", "sign"));
	json_object_set_new(jwk, "issuer", json_string("https://login.example/{tenantid}/v2.0"));
	json_object_set_new(jwk, "x5c", json_pack("[s]", "MIIB"));
	write_json("jwk", "entra", jwk);
	jwk = public_jwk(ALGORITHM_RS256);
	json_object_del(jwk, "alg");
	json_object_del(jwk, "kid");
	write_json("jwk", "bare", jwk);
	jwk = public_jwk(ALGORITHM_ED25519);
	write_json("jwk", "private", with_member(with_member(jwk, "alg", "EdDSA"), "d", "AAAA"));
	write_text("jwk", "operations",
			   "{\"kty\":\"EC\",\"crv\":\"P-256\",\"key_ops\":[\"verify\",1,2,3,4,5,6,7,8,9,10,11,12,13,14,15,16]}");
	write_text("jwk", "future", "{\"kty\":\"AKP\",\"alg\":\"ML-DSA-44\",\"pub\":\"AAAA\"}");
}

/* Under these, if they were accepted, anybody could sign. */
static void
make_hostile_keys(void)
{
	static const char *const texts[] = {
		/* neutral, of order 4 and 2, and neutral again as p + 1 */
		"{\"kty\":\"OKP\",\"crv\":\"Ed25519\",\"x\":\"AQAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA\"}",
		"{\"kty\":\"OKP\",\"crv\":\"Ed25519\",\"x\":\"AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA\"}",
		"{\"kty\":\"OKP\",\"crv\":\"Ed25519\",\"x\":\"7P_______________________________________38\"}",
		"{\"kty\":\"OKP\",\"crv\":\"Ed25519\",\"x\":\"7v_______________________________________38\"}",
		"{\"kty\":\"OKP\",\"crv\":\"Ed448\",\"x\":\"AQAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA\"}",
		"{\"kty\":\"EC\",\"crv\":\"P-256\",\"x\":\"AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA\",\"y\":\"AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA\"}",
		"{\"kty\":\"RSA\",\"alg\":\"RS256\",\"n\":\"uw\",\"e\":\"AQAB\"}",
		"{\"kty\":\"oct\",\"alg\":\"HS256\",\"k\":\"\"}"
	};
	char		name[16];

	for (size_t i = 0; i < sizeof(texts) / sizeof(texts[0]); i++)
	{
		snprintf(name, sizeof(name), "hostile%zu", i);
		write_text("jwk", name, texts[i]);
	}
	write_json("jwk", "exponent1", with_member(public_jwk(ALGORITHM_RS256), "e", "AQ"));
	write_json("jwk", "exponent2", with_member(public_jwk(ALGORITHM_RS256), "e", "Ag"));
	write_json("jwk", "exponent3", with_member(public_jwk(ALGORITHM_RS256), "e", "Aw"));
}

static void
write_pem(const char *name, const char *label, unsigned char *der, int size)
{
	BIO		   *bio = BIO_new(BIO_s_mem());
	char	   *text;
	long		length;

	PEM_write_bio(bio, label, "", der, size);
	length = BIO_get_mem_data(bio, &text);
	write_seed("jwk_from_pem", name, text, (size_t) length);
	BIO_free(bio);
	OPENSSL_free(der);
}

static void
write_public_key(const char *name, const EVP_PKEY *pkey)
{
	unsigned char *der = NULL;
	int			size = i2d_PUBKEY(pkey, &der);

	write_pem(name, "PUBLIC KEY", der, size);
}

/* The target tries RS256 if the size is 1 modulo 9; white space may follow the block. */
static void
write_rsa(const char *name, const BIGNUM *n, BN_ULONG exponent)
{
	BIGNUM	   *e = BN_new();
	char	   *text;
	size_t		length;

	BN_set_word(e, exponent);
	text = test_rsa_pem(n, e);
	length = strlen(text);
	text = realloc(text, length + 9);
	while (length % 9 != 1)
		text[length++] = '\n';
	write_seed("jwk_from_pem", name, text, length);
	free(text);
	BN_free(e);
}

/* Exponents with which anybody can sign or everybody waits, moduli that can be factored. */
static void
make_hostile_rsa(void)
{
	BIGNUM	   *n = BN_new();

	test_modulus(n, 2048);
	write_rsa("exponent1", n, 1);
	write_rsa("exponent2", n, 2);
	write_rsa("exponent3", n, 3);
	write_rsa("exponent65536", n, 65536);
	write_rsa("exponent33bits", n, 0x100000001);
	test_modulus(n, 2047);
	BN_lshift1(n, n);
	write_rsa("modulus_even", n, 65537);
	do
		test_modulus(n, 2040);
	while (!BN_mul_word(n, 167) || BN_num_bits(n) != 2048);
	write_rsa("modulus_167", n, 65537);
	test_modulus(n, 1024);
	write_rsa("modulus1024", n, 65537);
	test_modulus(n, 2047);
	write_rsa("modulus2047", n, 65537);
	test_modulus(n, 8193);
	write_rsa("modulus8193", n, 65537);
	test_roca_modulus(n);
	write_rsa("modulus_roca", n, 65537);
	BN_free(n);
}

#define ZEROS_28 "00000000000000000000000000000000000000000000000000000000"
#define ZEROS_27 "000000000000000000000000000000000000000000000000000000"
#define ONES_27 "ffffffffffffffffffffffffffffffffffffffffffffffffffffff"

/* What JWKs cannot say, or say in another way: infinity, and Edwards points under which anybody can sign. */
static void
make_hostile_points(void)
{
	static const struct
	{
		const char *name;
		Algorithm	algorithm;
		const char *hex;
	}			points[] = {
		{"infinity", ALGORITHM_ES256, "00"},
		{"infinity-ES384", ALGORITHM_ES384, "00"},
		{"infinity-ES512", ALGORITHM_ES512, "00"},
		{"infinity-ES256K", ALGORITHM_ES256K, "00"},
		{"neutral", ALGORITHM_ED25519, "0100000000000000000000000000000000000000000000000000000000000000"},
		{"neutral_sign", ALGORITHM_ED25519, "0100000000000000000000000000000000000000000000000000000000000080"},
		{"order2", ALGORITHM_ED25519, "ecffffffffffffffffffffffffffffffffffffffffffffffffffffffffffff7f"},
		{"order4", ALGORITHM_ED25519, "0000000000000000000000000000000000000000000000000000000000000000"},
		{"order8", ALGORITHM_ED25519, "26e8958fc2b227b045c3f489f2ef98f0d5dfac05d3c63339b13802886d53fc05"},
		{"order8_other", ALGORITHM_ED25519, "c7176a703d4dd84fba3c0b760d10670f2a2053fa2c39ccc64ec7fd7792ac037a"},
		{"y_is_p", ALGORITHM_ED25519, "edffffffffffffffffffffffffffffffffffffffffffffffffffffffffffff7f"},
		{"y_over_p", ALGORITHM_ED25519, "f0ffffffffffffffffffffffffffffffffffffffffffffffffffffffffffff7f"},
		{"no_point", ALGORITHM_ED25519, "0200000000000000000000000000000000000000000000000000000000000000"},
		{"neutral-Ed448", ALGORITHM_ED448, "01" ZEROS_28 ZEROS_28},
		{"order2-Ed448", ALGORITHM_ED448, "fe" ONES_27 "fe" ONES_27 "00"},
		{"order4-Ed448", ALGORITHM_ED448, "00" ZEROS_28 ZEROS_28},
		{"y_is_p-Ed448", ALGORITHM_ED448, "ff" ONES_27 "fe" ONES_27 "00"},
		{"y_over_p-Ed448", ALGORITHM_ED448, "02" ZEROS_27 "ff" ONES_27 "00"},
		{"no_point-Ed448", ALGORITHM_ED448, "02" ZEROS_28 ZEROS_28},
	};
	unsigned char bytes[64];
	size_t		size;

	for (size_t i = 0; i < sizeof(points) / sizeof(points[0]); i++)
	{
		char	   *text;

		OPENSSL_hexstr2buf_ex(bytes, sizeof(bytes), &size, points[i].hex, '\0');
		text = test_point_pem(points[i].algorithm, bytes, size);
		write_text("jwk_from_pem", points[i].name, text);
		free(text);
	}
}

/* On P-256 but for the last bit of y. */
static void
make_off_curve(void)
{
	unsigned char point[65];
	size_t		size;
	char	   *text;

	EVP_PKEY_get_octet_string_param(keys[ALGORITHM_ES256].pkey, OSSL_PKEY_PARAM_PUB_KEY, point, sizeof(point), &size);
	point[64] ^= 1;
	text = test_point_pem(ALGORITHM_ES256, point, sizeof(point));
	write_text("jwk_from_pem", "off_curve", text);
	free(text);
}

static void
write_certificate(const char *name, EVP_PKEY *pkey, const EVP_MD *digest)
{
	X509	   *certificate = X509_new();
	unsigned char *der = NULL;
	int			size;

	X509_set_pubkey(certificate, pkey);
	ASN1_INTEGER_set(X509_get_serialNumber(certificate), 1);
	X509_gmtime_adj(X509_getm_notBefore(certificate), 0);
	X509_gmtime_adj(X509_getm_notAfter(certificate), 1);
	X509_sign(certificate, pkey, digest);
	size = i2d_X509(certificate, &der);
	write_pem(name, "CERTIFICATE", der, size);
	X509_free(certificate);
}

static void
make_pem(void)
{
	EVP_PKEY   *ec = keys[ALGORITHM_ES256].pkey;
	unsigned char *der = NULL;
	int			size;

	for (int i = ALGORITHM_RS512; i < ALGORITHM_COUNT; i++)
	{
		if (i != ALGORITHM_PS256 && i != ALGORITHM_PS384)
			write_public_key(algorithm_info((Algorithm) i)->name, keys[i].pkey);
	}
	size = i2d_PublicKey(keys[ALGORITHM_RS256].pkey, &der);
	write_pem("pkcs1", "RSA PUBLIC KEY", der, size);
	write_certificate("certificate-ES256", ec, EVP_sha256());
	write_certificate("certificate-Ed25519", keys[ALGORITHM_ED25519].pkey, NULL);
	write_text("jwk_from_pem", "private",
			   "-----BEGIN PRIVATE KEY-----\nMAMCAQE=\n-----END PRIVATE KEY-----\n");

	EVP_PKEY_set_utf8_string_param(ec, OSSL_PKEY_PARAM_EC_POINT_CONVERSION_FORMAT, "compressed");
	write_public_key("compressed", ec);
	EVP_PKEY_set_utf8_string_param(ec, OSSL_PKEY_PARAM_EC_ENCODING, "explicit");
	write_public_key("explicit", ec);
}

/*
 * Small texts
 */

static void
make_policies(void)
{
	static const char *const names[] = {"rfc9068", "entra", "keycloak", "cognito", "lax"};

	for (size_t i = 0; i < N_POLICIES; i++)
		write_text("claim_policy", names[i], policies[i]);
	write_text("claim_policy", "nested",
			   "{\"issuer\":\"" ISSUER_NAME "\",\"audiences\":[\"orders\"],\"required_claims\":[\"x|y\",\"iss\"],"
			   "\"claim_constraints\":{\"tid\":{\"x\":[1,2.5,null],\"!y\":[true,\"z\"]},\"a\":{\"c\":{\"d\":1}}}}");
}

/* What a row of the issuer table cannot be, and a policy neither. */
static void
make_refused_policies(void)
{
	static const char *const members[] = {
		"\"audiences\":[\"*\",\"orders\"]", "\"audiences\":[]", "\"required_claims\":[\"a||b\"]", "\"subject_claim\":[]",
		"\"claim_constraints\":{\"!\":1}", "\"claim_constraints\":{\"a\":{\"b\":{\"c\":{\"d\":{\"e\":{\"f\":{\"g\":{\"h\":{}}}}}}}}}",
		"\"role_claims\":[\"roles\"]", "\"token_types\":[]", "\"clients\":[\"\"]", "\"claim_constraints\":{\"!a\":[0,1.5,\"x\"]}"
	};

	for (size_t i = 0; i < sizeof(members) / sizeof(members[0]); i++)
	{
		char		text[256];
		char		name[16];

		snprintf(text, sizeof(text), "{\"issuer\":\"\",%s%s}", i < 2 ? "" : "\"audiences\":[\"*\"],", members[i]);
		snprintf(name, sizeof(name), "refused%zu", i);
		write_text("claim_policy", name, text);
	}
}

static void
make_texts(void)
{
	static const char *const no_tokens[] = {"", "Bearer a.b.c", "{\"payload\":\"\"}", "a.b.c.d.e", "a.b", "e30.e30.AA"};
	static const char *const encoded[] = {"", "AA", "AAA", "AAAA", "AB", "-_-_", "eyJhbGciOiJFUzI1NiJ9", "A", "AA=="};
	static const char *const objects[] = {
		"{}", "{\"a\":1,\"a\":2}", "{\"a\":1,\"\\u0061\":2}", "{\"a\":\"\\u0000\"}", "{\"a\":[[[[[[[[1]]]]]]]]}",
		"{\"a\":1e400}", "{\"a\":-0.0,\"b\":1e-400,\"c\":9223372036854775808}", "{\"a\":\"\\ud800\"}", "{} {}",
		"\xef\xbb\xbf{}", "[{}]", "{\"a\":\"\x7f\xc2\x85\"}", " {\"a\" : [ ] }\r\n"
	};
	char		name[16];

	for (size_t i = 0; i < sizeof(no_tokens) / sizeof(no_tokens[0]); i++)
	{
		snprintf(name, sizeof(name), "text%zu", i);
		write_text("jws", name, no_tokens[i]);
		write_text("token", name, no_tokens[i]);
	}
	for (size_t i = 0; i < sizeof(encoded) / sizeof(encoded[0]); i++)
	{
		snprintf(name, sizeof(name), "text%zu", i);
		write_text("base64url", name, encoded[i]);
	}
	for (size_t i = 0; i < sizeof(objects) / sizeof(objects[0]); i++)
	{
		snprintf(name, sizeof(name), "text%zu", i);
		write_text("strict_json", name, objects[i]);
		write_text("claims", name, objects[i]);
	}
}

/*
 * Published vectors
 */

#define MAX_VECTOR_SIZE 2500
#define MAX_SEEN 1000

static char *seen[MAX_SEEN];
static size_t n_seen;

/* Nothing of this text was there before; takes the text. */
static int
is_new(char *text)
{
	for (size_t i = 0; i < n_seen; i++)
	{
		if (strcmp(seen[i], text) == 0)
		{
			free(text);
			return 0;
		}
	}
	if (n_seen == MAX_SEEN)
		abort();
	seen[n_seen++] = text;
	return 1;
}

/* Of the tokens those whose header is a new one: they differ in shape. */
static void
write_vector(const json_t *vector, const char *name)
{
	const char *token = json_string_value(json_object_get(vector, "token"));
	const json_t *jwk = json_object_get(vector, "jwk");
	char	   *text = json_dumps(jwk != NULL ? jwk : json_object_get(vector, "jwks"), JSON_COMPACT);

	if (strlen(text) <= MAX_VECTOR_SIZE && is_new(strdup(text)))
		write_text(jwk != NULL ? "jwk" : "jwk_set", name, text);
	free(text);
	if (strlen(token) <= MAX_VECTOR_SIZE && is_new(strndup(token, strcspn(token, "."))))
		write_text("jws", name, token);
}

static void
read_vectors(void)
{
	static char line[1 << 16];
	FILE	   *file = fopen(VECTORS "/published.jsonl", "r");
	int			n = 0;

	if (file == NULL)
	{
		perror("published.jsonl");
		exit(1);
	}
	while (fgets(line, sizeof(line), file) != NULL)
	{
		json_t	   *vector = json_loads(line, 0, NULL);
		char		name[32];

		snprintf(name, sizeof(name), "published%03d", ++n);
		write_vector(vector, name);
		json_decref(vector);
	}
	fclose(file);
	while (n_seen > 0)
		free(seen[--n_seen]);
}

/*
 * What is no secret
 */

/* A key in DER, in PEM and in base64. */
static void
write_secret_forms(const char *name, const char *label, unsigned char *der, int size)
{
	char		path[64];
	char		text[4096];
	BIO		   *bio = BIO_new(BIO_s_mem());
	char	   *pem;
	long		length;

	snprintf(path, sizeof(path), "%s_der", name);
	write_seed("secret_form", path, der, (size_t) size);
	snprintf(path, sizeof(path), "%s_base64", name);
	write_seed("secret_form", path, text, (size_t) EVP_EncodeBlock((unsigned char *) text, der, size));
	PEM_write_bio(bio, label, "", der, size);
	length = BIO_get_mem_data(bio, &pem);
	snprintf(path, sizeof(path), "%s_pem", name);
	write_seed("secret_form", path, pem, (size_t) length);
	BIO_free(bio);
	OPENSSL_free(der);
}

static void
write_public_forms(const char *name, const EVP_PKEY *pkey)
{
	unsigned char *der = NULL;
	int			size = i2d_PUBKEY(pkey, &der);

	write_secret_forms(name, "PUBLIC KEY", der, size);
}

/* A key of no issuer's. */
static void
write_private_forms(const char *name, EVP_PKEY *pkey)
{
	PKCS8_PRIV_KEY_INFO *info = EVP_PKEY2PKCS8(pkey);
	unsigned char *der = NULL;
	int			size = i2d_PKCS8_PRIV_KEY_INFO(info, &der);

	write_secret_forms(name, "PRIVATE KEY", der, size);
	PKCS8_PRIV_KEY_INFO_free(info);
	EVP_PKEY_free(pkey);
}

static void
make_secret_forms(void)
{
	static const char *const texts[] = {
		"ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIGJpjEhJoNm+cLuKsA9D1+vQ8nbB0dwCF8KnyGA6IbOG alice",
		"{\"kty\":\"oct\",\"k\":\"AyM1SysPpbyDfgZld3umj1qzKObwVMkoqQ-EstJQLr8\"}",
		"[\"{\\\"kty\\\" : \\\"RSA\\\"}\"]",
		"eyJhbGciOiJIUzI1NiJ9.eyJyb2xlIjoiYW5vbiJ9.c2ln",
		"\\x00000007ssh-rsa", "<RSAKeyValue>", "---- BEGIN SSH2 PUBLIC KEY ----",
		"30:2A:30:05:06:03:2B:65:70:03:21:00", "correct horse battery staple, and a few words more"
	};
	char		name[16];
	char	   *text = key_text(&keys[ALGORITHM_ES256]);

	write_public_forms("rsa", keys[ALGORITHM_RS256].pkey);
	write_public_forms("ec", keys[ALGORITHM_ES384].pkey);
	write_public_forms("ed25519", keys[ALGORITHM_ED25519].pkey);
	write_private_forms("private_ec", EVP_PKEY_Q_keygen(NULL, NULL, "EC", "P-256"));
	write_private_forms("private_ed25519", EVP_PKEY_Q_keygen(NULL, NULL, "ED25519"));
	write_text("secret_form", "jwk", text);
	free(text);
	for (size_t i = 0; i < sizeof(texts) / sizeof(texts[0]); i++)
	{
		snprintf(name, sizeof(name), "text%zu", i);
		write_text("secret_form", name, texts[i]);
	}
}

int
main(void)
{
	make_issuer();
	make_tokens();
	make_refused_headers();
	make_key_sets();
	make_key_variants();
	make_hostile_keys();
	make_policies();
	make_refused_policies();
	make_texts();
	read_vectors();
	make_hostile_rsa();
	make_hostile_points();
	make_off_curve();
	make_pem();
	make_secret_forms();
	for (int i = ALGORITHM_UNKNOWN + 1; i < ALGORITHM_COUNT; i++)
		test_key_free(&keys[i]);
	return 0;
}
