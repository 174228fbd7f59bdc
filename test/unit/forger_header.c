/*
 * forger_header.c
 *		Forgeries of headers and payloads: what JSON they are, and which key they ask for.
 *
 * Most are signed by the issuer's own key: a signature does not excuse them.
 */
#include <openssl/core_names.h>
#include <openssl/evp.h>
#include <openssl/hmac.h>
#include <openssl/x509.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "core/base64url.h"
#include "forger.h"

#define TEXT_SIZE 4096

static Octets
octets_of(const char *text)
{
	return octets(text, strlen(text));
}

static void
expect_signed(const TestKey *key, Octets header, Octets payload, unsigned int expected)
{
	forger_take(forger_signed(key, header, payload), expected);
}

/*
 * JSON that is not a plain object of the right size
 */

/* Signs text, in place of header or payload, with the issuer's key. */
typedef struct Place
{
	const TestKey *key;
	char	   *good;			/* what belongs there */
	char	   *header;			/* NULL if it is what is replaced */
} Place;

static void
expect_text(const Place *place, Octets text, unsigned int expected)
{
	if (place->header != NULL)
		expect_signed(place->key, octets_of(place->header), text, expected);
	else
		expect_signed(place->key, text, OCTETS(FORGER_CLAIMS), expected);
}

/* A member more than there should be, before the closing brace. */
static void
expect_member(const Place *place, const char *member, unsigned int expected)
{
	const size_t length = strlen(place->good);
	const size_t size = strlen(member);
	char	   *text = malloc(length + size + 2);

	snprintf(text, length + size + 2, "%.*s,%s}", (int) (length - 1), place->good, member);
	expect_text(place, octets(text, length + size + 1), expected);
	free(text);
}

static void
expect_wrapped(const Place *place, Octets before, Octets after, unsigned int expected)
{
	const size_t length = strlen(place->good);
	char	   *text = malloc(before.size + length + after.size);

	memcpy(text, before.bytes, before.size);
	memcpy(text + before.size, place->good, length);
	memcpy(text + before.size + length, after.bytes, after.size);
	expect_text(place, octets(text, before.size + length + after.size), expected);
	free(text);
}

/*
 * The parser reads each text inside an array: elements more than there should
 * be, and text that closes the array before its end.
 */
static void
forge_elements(const Place *place)
{
	static const char *const after[] = {
		",{}", ",1", ",null", ",\"x\"", ",[]", ",,", ",{},{}", " , { } ", ":{}", ",\"x\":1",
		"]", "] ", "]]", "]}", "],", "],[", "],[]", "][", "],\"x\"]", "],{}", "]{}", "],[{}", "]x", "]\"", "],[\"",
		",{}]", ",{}],[", ",[", ",\"", "["
	};
	static const char *const before[] = {
		"],", "]", "][", "],[", "],[\"x\",", "{},", "1,", "\"x\",", "null,", "[],", "\",", "\"],", "\",\"x\",", ",", "["
	};

	for (size_t i = 0; i < sizeof(after) / sizeof(after[0]); i++)
		expect_wrapped(place, OCTETS(""), octets_of(after[i]), V(MALFORMED));
	for (size_t i = 0; i < sizeof(before) / sizeof(before[0]); i++)
		expect_wrapped(place, octets_of(before[i]), OCTETS(""), V(MALFORMED));
	expect_wrapped(place, OCTETS(""), OCTETS("]\0"), V(MALFORMED));
	expect_wrapped(place, OCTETS("{\"x\":1},"), OCTETS(",{}"), V(MALFORMED));
	expect_wrapped(place, OCTETS("],"), OCTETS("]"), V(MALFORMED));
	expect_wrapped(place, OCTETS("],["), OCTETS("],["), V(MALFORMED));
}

static void
forge_wrappings(const Place *place)
{
	expect_wrapped(place, OCTETS("["), OCTETS("]"), V(MALFORMED));
	expect_wrapped(place, OCTETS("\xef\xbb\xbf"), OCTETS(""), V(MALFORMED));
	expect_wrapped(place, OCTETS("\xff\xfe"), OCTETS(""), V(MALFORMED));
	expect_wrapped(place, OCTETS("\0"), OCTETS(""), V(MALFORMED));
	expect_wrapped(place, OCTETS("/**/"), OCTETS(""), V(MALFORMED));
	expect_wrapped(place, OCTETS("{}"), OCTETS(""), V(MALFORMED));
	expect_wrapped(place, OCTETS(""), OCTETS("{}"), V(MALFORMED));
	expect_wrapped(place, OCTETS(""), OCTETS("}"), V(MALFORMED));
	expect_wrapped(place, OCTETS(""), OCTETS("x"), V(MALFORMED));
	expect_wrapped(place, OCTETS(""), OCTETS(","), V(MALFORMED));
	expect_wrapped(place, OCTETS(""), OCTETS("\0"), V(MALFORMED));
	expect_wrapped(place, OCTETS(""), OCTETS("\0{}"), V(MALFORMED));
	expect_wrapped(place, OCTETS(""), OCTETS("//"), V(MALFORMED));
	expect_wrapped(place, OCTETS(""), OCTETS(" \xc2\xa0"), V(MALFORMED));
	expect_wrapped(place, OCTETS("\""), OCTETS("\""), V(MALFORMED));
	expect_text(place, OCTETS(" "), V(MALFORMED));
	expect_text(place, OCTETS("null"), V(MALFORMED));
	expect_text(place, OCTETS("1"), V(MALFORMED));
	expect_text(place, OCTETS("\"{}\""), V(MALFORMED));
	expect_text(place, OCTETS("[]"), V(MALFORMED));
	expect_text(place, OCTETS("[[\"alg\",\"none\"]]"), V(MALFORMED));
}

static void
forge_utf16(const Place *place, bool little_endian)
{
	const size_t length = strlen(place->good);
	char	   *wide = malloc(2 * length);

	for (size_t i = 0; i < length; i++)
	{
		wide[2 * i] = (char) (little_endian ? place->good[i] : '\0');
		wide[2 * i + 1] = (char) (little_endian ? '\0' : place->good[i]);
	}
	expect_text(place, octets(wide, 2 * length), V(MALFORMED));
	free(wide);
}

/* Every beginning of it but the whole. */
static void
forge_truncations(const Place *place)
{
	for (size_t i = 1; i < strlen(place->good); i++)
		expect_text(place, octets(place->good, i), V(MALFORMED));
}

static void
forge_syntax(const Place *place)
{
	static const char *const members[] = {
		"", "\"x\"", "\"x\":", "x:1", "'x':1", "\"x\":1,", "\"x\" 1", "\"x\"=1", "1:1", "null:1", "\"x\":'a'",
		"\"x\":NaN", "\"x\":Infinity", "\"x\":-Infinity", "\"x\":nan", "\"x\":undefined", "\"x\":True",
		"\"x\":01", "\"x\":+1", "\"x\":0x10", "\"x\":.5", "\"x\":1.", "\"x\":1e", "\"x\":--1", "\"x\":1_000",
		"\"x\":1e400", "\"x\":-1e400", "\"x\":9223372036854775808", "\"x\":-9223372036854775809",
		"\"x\":[1,]", "\"x\":[,1]", "\"x\":[1 2]", "\"x\":{,}", "\"x\":[}", "\"x\":{]", "\"x\":[", "\"x\":{",
		"\"x\":/**/1", "\"x\":1//", "#\"x\":1", "\"x\":\"\\x41\"", "\"x\":\"\\u12\"", "\"x\":\"\\u00g0\"", "\"x\":\"\\'\"",
		"\"x\":\"a\nb\"", "\"x\":\"a\tb\"", "\"x\":\"\x01\"", "\"x\":\"\\\"",
		"\"x\":\"\\u0000\"", "\"\\u0000\":1", "\"sub\\u0000\":1", "\"x\":\"\\ud800\"", "\"x\":\"\\udc00\"",
		"\"x\":\"\\ud800\\u0041\"", "\"x\":\"\\udc00\\ud800\"",
		"\"x\":\"\xff\"", "\"x\":\"\x80\"", "\"x\":\"\xc0\x80\"", "\"x\":\"\xc0\xaf\"", "\"x\":\"\xc1\xbf\"",
		"\"x\":\"\xe0\x80\xaf\"", "\"x\":\"\xed\xa0\x80\"", "\"x\":\"\xed\xbf\xbf\"", "\"x\":\"\xf0\x80\x80\xaf\"",
		"\"x\":\"\xf4\x90\x80\x80\"", "\"x\":\"\xf5\x80\x80\x80\"", "\"x\":\"\xc3\"", "\"x\":\"\xe2\x82\"", "\"\xff\":1"
	};

	for (size_t i = 0; i < sizeof(members) / sizeof(members[0]); i++)
		expect_member(place, members[i], V(MALFORMED));
}

/* "x": open * depth, close * depth */
static void
forge_nesting(const Place *place, const char *open, const char *close, int depth)
{
	char		text[TEXT_SIZE] = "\"x\":";

	for (int i = 0; i < depth; i++)
		strcat(text, open);
	strcat(text, "1");
	for (int i = 0; i < depth; i++)
		strcat(text, close);
	expect_member(place, text, depth < 16 ? V(OK) : V(MALFORMED));
}

/* "x": [1, 1, ...] or "x": "aaa..." of some size */
static void
forge_bulk(const Place *place, char character, size_t size, unsigned int expected)
{
	char	   *text = malloc(2 * size + 16);
	size_t		used = (size_t) sprintf(text, "\"x\":%c", character == 'a' ? '"' : '[');

	for (size_t i = 0; i < size; i++)
	{
		text[used++] = character;
		if (character != 'a' && i + 1 < size)
			text[used++] = ',';
	}
	strcpy(text + used, character == 'a' ? "\"" : "]");
	expect_member(place, text, expected);
	free(text);
}

static void
forge_json(const Place *place)
{
	forge_wrappings(place);
	forge_elements(place);
	forge_utf16(place, true);
	forge_utf16(place, false);
	forge_truncations(place);
	forge_syntax(place);
	forge_nesting(place, "[", "]", 16);
	forge_nesting(place, "{\"a\":", "}", 16);
	forge_nesting(place, "[", "]", 200);
	forge_bulk(place, '1', 5000, V(TOO_LARGE));
	forge_bulk(place, 'a', 5000, V(TOO_LARGE));
}

void
forge_header_json(Algorithm algorithm)
{
	Place		place = {&forger_keys[algorithm], forger_header(algorithm), NULL};

	forge_json(&place);
	forge_bulk(&place, '1', 300, V(TOO_LARGE));
	forge_bulk(&place, 'a', 2048, V(TOO_LARGE));
	forge_nesting(&place, "[", "]", 15);
	free(place.good);
}

void
forge_payload_json(Algorithm algorithm)
{
	Place		place = {&forger_keys[algorithm], strdup(FORGER_CLAIMS), forger_header(algorithm)};

	forge_json(&place);
	expect_text(&place, OCTETS(""), V(MALFORMED));
	forge_bulk(&place, '1', 40000, V(TOO_LARGE));
	forge_bulk(&place, 'a', 70000, V(TOO_LARGE));
	forge_nesting(&place, "[", "]", 15);
	forge_bulk(&place, '1', 4000, V(OK));
	free(place.good);
	free(place.header);
}

/* A name with one of its letters escaped, or none for at == strlen(name). */
static void
forge_twice(const Place *place, const char *name, size_t at, const char *value)
{
	char		member[128];

	if (name[at] == '\0')
		snprintf(member, sizeof(member), "\"%s\":%s", name, value);
	else
		snprintf(member, sizeof(member), "\"%.*s\\u%04x%s\":%s", (int) at, name, name[at], name + at + 1, value);
	expect_member(place, member, V(MALFORMED));
}

/* What is there already, once more, also in other words (RFC 7515 section 4). */
void
forge_duplicates(Algorithm algorithm)
{
	static const char *const parameters[] = {"alg", "kid", "typ"};
	static const char *const claims[] = {"iss", "aud", "sub", "client_id", "tenant", "exp", "iat", "jti", "sid", "scope", "groups"};
	Place		header = {&forger_keys[algorithm], forger_header(algorithm), NULL};
	Place		payload = {&forger_keys[algorithm], strdup(FORGER_CLAIMS), forger_header(algorithm)};

	for (size_t i = 0; i < sizeof(parameters) / sizeof(parameters[0]); i++)
	{
		for (size_t at = 0; at <= strlen(parameters[i]); at++)
			forge_twice(&header, parameters[i], at, "\"none\"");
	}
	for (size_t i = 0; i < sizeof(claims) / sizeof(claims[0]); i++)
	{
		for (size_t at = 0; at <= strlen(claims[i]); at++)
			forge_twice(&payload, claims[i], at, "\"root\"");
	}
	expect_member(&payload, "\"x\":1,\"x\":1", V(MALFORMED));
	expect_member(&payload, "\"x\":{\"y\":1,\"\\u0079\":2}", V(MALFORMED));
	expect_member(&payload, "\"x\":[{\"y\":1,\"y\":1}]", V(MALFORMED));
	free(header.good);
	free(payload.good);
	free(payload.header);
}

/*
 * Header parameters that ask for what we do not do
 */

void
forge_parameters(Algorithm algorithm)
{
	static const char *const refused[] = {
		"\"crit\":[]", "\"crit\":null", "\"crit\":\"exp\"", "\"crit\":{}", "\"crit\":[\"alg\"]", "\"crit\":[\"exp\"],\"exp\":1",
		"\"crit\":[\"b64\"],\"b64\":true", "\"crit\":[\"b64\"],\"b64\":false", "\"crit\":[\"x\",\"x\"],\"x\":1", "\"crit\":[1]",
		"\"\\u0063rit\":[\"x\"]", "\"b64\":false", "\"b64\":true", "\"b64\":null", "\"zip\":\"DEF\"", "\"zip\":null",
		"\"enc\":\"A128GCM\"", "\"enc\":null", "\"cty\":1", "\"cty\":null", "\"cty\":[\"JWT\"]", "\"cty\":\"a\\nb\""
	};
	static const char *const nested[] = {"\"cty\":\"JWT\"", "\"cty\":\"jwt\"", "\"cty\":\"application/JWT\"", "\"cty\":\"APPLICATION/jwt\""};
	Place		place = {&forger_keys[algorithm], forger_header(algorithm), NULL};

	for (size_t i = 0; i < sizeof(refused) / sizeof(refused[0]); i++)
		expect_member(&place, refused[i], V(MALFORMED));
	for (size_t i = 0; i < sizeof(nested) / sizeof(nested[0]); i++)
		expect_member(&place, nested[i], V(TYPE_REFUSED));
	expect_member(&place, "\"cty\":\"json\",\"x\":[null],\"exp\":1", V(OK));
	free(place.good);
}

/*
 * alg
 */

/* alg is a text of JSON; alg and kid may be NULL */
static void
header_text(char header[TEXT_SIZE], const char *alg, const char *kid, const char *more)
{
	const int	length = snprintf(header, TEXT_SIZE, "{\"typ\":\"at+jwt\"%s%s%s%s%s%s}",
								  alg != NULL ? ",\"alg\":" : "", alg != NULL ? alg : "",
								  kid != NULL ? ",\"kid\":\"" : "", kid != NULL ? kid : "",
								  kid != NULL ? "\"" : "", more);

	if (length < 0 || length >= TEXT_SIZE)
		abort();
}

static void
forge_no_algorithm(Algorithm algorithm)
{
	static const char *const values[] = {
		NULL, "\"none\"", "\"None\"", "\"NONE\"", "\"nOnE\"", "\"noNE\"", "\"\\u006eone\"", "\"\"", "\" \"", "null", "true", "1",
		"[]", "{}", "[\"RS256\"]", "[\"ES256\",\"none\"]", "\"rs256\"", "\"Rs256\"", "\"es256\"", "\"ES256 \"", "\" HS256\"",
		"\"HS1\"", "\"HS224\"", "\"RS1\"", "\"RS\"", "\"ES521\"", "\"ES256K1\"", "\"ES256k\"", "\"eddsa\"", "\"ed25519\"", "\"Ed25519ph\"",
		"\"RSA-OAEP\"", "\"dir\"", "\"A128KW\"", "\"ML-DSA-44\"", "\"SHA256withRSA\"", "\"http://www.w3.org/2001/04/xmldsig-more#rsa-sha256\""
	};
	const TestKey *key = &forger_keys[algorithm];
	const char *name = algorithm_info(algorithm)->name;
	char		header[TEXT_SIZE];
	unsigned char signature[1024];
	char	   *token = forger_token(algorithm);
	size_t		size = forger_signature(token, signature);

	for (size_t i = 0; i < sizeof(values) / sizeof(values[0]); i++)
	{
		header_text(header, values[i], name, "");
		expect_signed(key, octets_of(header), OCTETS(FORGER_CLAIMS), V(ALGORITHM_REFUSED));
		forger_take(forger_compact(octets_of(header), OCTETS(FORGER_CLAIMS), octets(signature, size)), V(ALGORITHM_REFUSED));
		forger_take(forger_compact(octets_of(header), OCTETS(FORGER_CLAIMS), OCTETS("")), V(ALGORITHM_REFUSED));
		forger_take(forger_compact(octets_of(header), OCTETS(FORGER_CLAIMS), OCTETS("x")), V(ALGORITHM_REFUSED));
	}
	free(token);
}

/* Can a key of the one sign as the other says? */
static bool
is_compatible(Algorithm a, Algorithm b)
{
	const AlgorithmInfo *left = algorithm_info(a);
	const AlgorithmInfo *right = algorithm_info(b);

	if (strcmp(left->key_type, right->key_type) != 0)
		return false;
	return left->family != FAMILY_EDDSA && left->family != FAMILY_ECDSA;
}

/* The header says another algorithm than the key has; both ways of signing. */
static void
forge_other_algorithm(Algorithm algorithm, Algorithm other)
{
	const TestKey *key = &forger_keys[algorithm];
	const SignOptions as_other = forger_options(other);
	unsigned char signature[1024];
	char		quoted[32];
	char		header[TEXT_SIZE];
	char	   *token;
	size_t		size;

	snprintf(quoted, sizeof(quoted), "\"%s\"", algorithm_info(other)->name);
	header_text(header, quoted, algorithm_info(algorithm)->name, "");
	expect_signed(key, octets_of(header), OCTETS(FORGER_CLAIMS), V(ALGORITHM_REFUSED));
	header_text(header, quoted, algorithm_info(other)->name, "");
	expect_signed(key, octets_of(header), OCTETS(FORGER_CLAIMS), V(SIGNATURE_INVALID));
	header_text(header, quoted, NULL, "");
	expect_signed(key, octets_of(header), OCTETS(FORGER_CLAIMS), V(SIGNATURE_INVALID));
	if (!is_compatible(algorithm, other))
		return;

	header_text(header, quoted, algorithm_info(algorithm)->name, "");
	token = forger_compact(octets_of(header), OCTETS(FORGER_CLAIMS), NO_OCTETS);
	size = forger_sign(key, &as_other, token, signature);
	free(token);
	forger_take(forger_compact(octets_of(header), OCTETS(FORGER_CLAIMS), octets(signature, size)), V(ALGORITHM_REFUSED));
	/* and signed like that, but said to be what the key is for */
	token = forger_token(algorithm);
	*strrchr(token, '.') = '\0';
	size = forger_sign(key, &as_other, token, signature);
	*strchr(token, '\0') = '.';
	forger_take(forger_resigned(token, signature, size), V(SIGNATURE_INVALID));
	free(token);
}

void
forge_algorithms(Algorithm algorithm)
{
	forge_no_algorithm(algorithm);
	for (int i = ALGORITHM_UNKNOWN + 1; i < ALGORITHM_COUNT; i++)
	{
		if (i != (int) algorithm)
			forge_other_algorithm(algorithm, (Algorithm) i);
	}
}

/*
 * A public key as HMAC secret (CVE-2015-9235, CVE-2026-34950)
 */

/* An HS token under a secret, with the kid of the public key, of the HMAC key and with none. */
static void
forge_mac(Algorithm algorithm, Octets secret)
{
	for (int i = ALGORITHM_HS256; i <= ALGORITHM_HS512; i++)
	{
		const AlgorithmInfo *info = algorithm_info((Algorithm) i);
		const char *const key_ids[] = {algorithm_info(algorithm)->name, info->name, NULL};
		char		quoted[32];

		snprintf(quoted, sizeof(quoted), "\"%s\"", info->name);
		for (int j = 0; j < 3; j++)
		{
			char		header[TEXT_SIZE];
			char	   *input;
			unsigned char mac[64];
			unsigned int size;

			header_text(header, quoted, key_ids[j], "");
			input = forger_compact(octets_of(header), OCTETS(FORGER_CLAIMS), NO_OCTETS);
			HMAC(EVP_get_digestbyname(info->digest), secret.bytes, (int) secret.size,
				 (const unsigned char *) input, strlen(input), mac, &size);
			free(input);
			forger_take(forger_compact(octets_of(header), OCTETS(FORGER_CLAIMS), octets(mac, size)),
						j == 0 && i != (int) algorithm ? V(ALGORITHM_REFUSED) : V(SIGNATURE_INVALID));
		}
	}
}

/* PEM as it is, without its last line feed, after white space, with CR LF. */
static void
forge_mac_pem(Algorithm algorithm, const char *pem)
{
	const size_t length = strlen(pem);
	char		text[TEXT_SIZE];
	size_t		used = 0;

	forge_mac(algorithm, octets(pem, length));
	forge_mac(algorithm, octets(pem, length - 1));
	forge_mac(algorithm, octets(pem, length + 1));
	snprintf(text, sizeof(text), " \n%s", pem);
	forge_mac(algorithm, octets_of(text));
	for (size_t i = 0; i < length; i++)
	{
		if (pem[i] == '\n')
			text[used++] = '\r';
		text[used++] = pem[i];
	}
	forge_mac(algorithm, octets(text, used));
}

static void
forge_mac_der(Algorithm algorithm, const EVP_PKEY *pkey)
{
	unsigned char *der = NULL;
	int			size = i2d_PUBKEY(pkey, &der);

	forge_mac(algorithm, octets(der, (size_t) size));
	OPENSSL_free(der);
	der = NULL;
	size = i2d_PublicKey(pkey, &der);	/* PKCS #1, a point, or nothing */
	if (size > 0)
		forge_mac(algorithm, octets(der, (size_t) size));
	OPENSSL_free(der);
}

/* The members of a JWK, as text and as octets: n, x, y. */
static void
forge_mac_members(Algorithm algorithm, const char *jwk)
{
	static const char *const members[] = {"\"n\":\"", "\"x\":\"", "\"y\":\"", "\"e\":\""};

	for (size_t i = 0; i < sizeof(members) / sizeof(members[0]); i++)
	{
		const char *value = strstr(jwk, members[i]);
		unsigned char bytes[1024];
		size_t		length;
		size_t		size;

		if (value == NULL)
			continue;
		value += strlen(members[i]);
		length = strcspn(value, "\"");
		forge_mac(algorithm, octets(value, length));
		if (base64url_decode(value, length, bytes, &size))
			forge_mac(algorithm, octets(bytes, size));
	}
}

void
forge_confusion(Algorithm algorithm)
{
	const TestKey *key = &forger_keys[algorithm];
	char	   *text = jwk_public_text(key->jwk);

	forge_mac(algorithm, OCTETS(""));
	forge_mac(algorithm, octets_of(text));
	forge_mac(algorithm, octets_of(key->jwk->thumbprint));
	forge_mac(algorithm, octets_of(key->jwk->key_id));
	if (key->pkey != NULL)
	{
		char	   *pem = test_key_pem(key->pkey);

		forge_mac_pem(algorithm, pem);
		forge_mac_der(algorithm, key->pkey);
		forge_mac_members(algorithm, text);
		free(pem);
	}
	free(text);
}

/*
 * kid, and keys that a header offers
 */

static void
expect_kid(const TestKey *key, const char *kid_json, unsigned int expected)
{
	char		header[TEXT_SIZE];

	snprintf(header, sizeof(header), "{\"alg\":\"%s\",\"typ\":\"at+jwt\",\"kid\":%s}", algorithm_info(key->algorithm)->name, kid_json);
	expect_signed(key, octets_of(header), OCTETS(FORGER_CLAIMS), expected);
}

void
forge_key_ids(Algorithm algorithm)
{
	static const char *const malformed[] = {
		"null", "true", "1", "[]", "{}", "[\"ES256\"]", "\"a\\u0000\"", "\"a\\nb\"", "\"\\u007f\"", "\"\\u0085\"", "\"\\u001b[2J\""
	};
	static const char *const unknown[] = {
		"\"\"", "\" \"", "\"stranger\"", "\"%s \"", "\" %s\"", "\"%s%s\"", "\"../../../../dev/null\"", "\"/dev/null\"", "\"%s'--\"",
		"\"' OR '1'='1\"", "\"x' UNION SELECT 'a';--\"", "\"%s/../%s\"", "\"%00\"", "\"\xc3\xa9\"", "\"%s\xe2\x80\x8b\"", "\"|cat\"", "\"*\"", "\"%\""
	};
	const TestKey *key = &forger_keys[algorithm];
	const char *name = algorithm_info(algorithm)->name;
	char		text[TEXT_SIZE];

	for (size_t i = 0; i < sizeof(malformed) / sizeof(malformed[0]); i++)
		expect_kid(key, malformed[i], V(MALFORMED));
	for (size_t i = 0; i < sizeof(unknown) / sizeof(unknown[0]); i++)
	{
		size_t		used = 0;

		for (const char *c = unknown[i]; *c != '\0'; c++)
		{
			if (strncmp(c, "%s", 2) == 0)
			{
				used += (size_t) sprintf(text + used, "%s", name);
				c++;
			}
			else
				text[used++] = *c;
		}
		text[used] = '\0';
		expect_kid(key, text, V(KEY_UNKNOWN));
	}
	for (size_t i = 1; i < strlen(name); i++)
	{
		snprintf(text, sizeof(text), "\"%.*s\"", (int) i, name);
		/* the kid of another key */
		if (strcmp(text, "\"ES256\"") != 0)
			expect_kid(key, text, V(KEY_UNKNOWN));
	}
	snprintf(text, sizeof(text), "\"%s\"", key->jwk->thumbprint);
	expect_kid(key, text, V(KEY_UNKNOWN));
	snprintf(text, sizeof(text), "\"%0256d\"", 0);
	expect_kid(key, text, V(KEY_UNKNOWN));
	snprintf(text, sizeof(text), "\"%0257d\"", 0);
	expect_kid(key, text, V(MALFORMED));
}

/* A stranger's key comes along with the token that it signed (CVE-2018-0114). */
void
forge_embedded_keys(Algorithm algorithm)
{
	static const char *const places[][2] = {
		{",\"jwk\":", ""},
		{",\"jku\":\"https://evil.example/jwks\",\"jwk\":", ""},
		{",\"jwks\":{\"keys\":[", "]}"},
		{",\"x5c\":[\"MIIB\"],\"x5t\":\"AA\",\"key\":", ""},
		{",\"x5u\":\"https://evil.example/cert\",\"keys\":[", "]"},
		{",\"x5t#S256\":\"AA\",\"cnf\":{\"jwk\":", "}"},
	};
	const TestKey *stranger = &forger_strangers[algorithm];
	const char *name = algorithm_info(algorithm)->name;
	const char *const key_ids[] = {name, NULL, "stranger", stranger->jwk->thumbprint};
	char	   *jwk = jwk_public_text(stranger->jwk);
	char		quoted[32];

	snprintf(quoted, sizeof(quoted), "\"%s\"", name);
	for (size_t i = 0; i < sizeof(places) / sizeof(places[0]); i++)
	{
		char		more[TEXT_SIZE / 2];

		snprintf(more, sizeof(more), "%s%s%s", places[i][0], jwk, places[i][1]);
		for (size_t j = 0; j < sizeof(key_ids) / sizeof(key_ids[0]); j++)
		{
			char		header[TEXT_SIZE];

			header_text(header, quoted, key_ids[j], more);
			expect_signed(stranger, octets_of(header), OCTETS(FORGER_CLAIMS), j < 2 ? V(SIGNATURE_INVALID) : V(KEY_UNKNOWN));
		}
	}
	free(jwk);
}
