/*
 * forger_text.c
 *		Forgeries of a token's text: what anybody can do who holds no key.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "core/base64url.h"
#include "forger.h"

#define ALPHABET "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_"

/* A token's three segments as strings; free them with free_parts(). */
typedef struct Parts
{
	char	   *text[3];
} Parts;

static Parts
split(const char *token)
{
	const char *first = strchr(token, '.');
	const char *second = strchr(first + 1, '.');

	Parts		parts;

	parts.text[0] = strndup(token, (size_t) (first - token));
	parts.text[1] = strndup(first + 1, (size_t) (second - first - 1));
	parts.text[2] = strdup(second + 1);
	return parts;
}

static void
free_parts(Parts *parts)
{
	for (int i = 0; i < 3; i++)
		free(parts->text[i]);
}

/* printf() into a string of its own; malloc'd. */
static char *text_of(const char *format,...) __attribute__((format(printf, 1, 2)));

static char *
text_of(const char *format,...)
{
	va_list		arguments;
	int			length;
	char	   *text;

	va_start(arguments, format);
	length = vsnprintf(NULL, 0, format, arguments);
	va_end(arguments);
	text = malloc((size_t) length + 1);
	va_start(arguments, format);
	vsprintf(text, format, arguments);
	va_end(arguments);
	return text;
}

/* Text in which other octets stand in place of size at offset. */
static void
expect_replaced(const char *text, size_t offset, size_t size, Octets by, unsigned int expected)
{
	const size_t length = strlen(text);
	char	   *forged = malloc(length - size + by.size);

	memcpy(forged, text, offset);
	memcpy(forged + offset, by.bytes, by.size);
	memcpy(forged + offset + by.size, text + offset + size, length - offset - size);
	forger_expect(forged, length - size + by.size, expected);
	free(forged);
}

/* Segments left out, emptied, repeated, exchanged; and dots too many. */
void
forge_segments(Algorithm algorithm)
{
	static const int orders[][3] = {{0, 2, 1}, {1, 0, 2}, {1, 2, 0}, {2, 0, 1}, {2, 1, 0}, {0, 0, 0}, {0, 0, 2}, {0, 1, 0}, {0, 1, 1}, {1, 1, 1}, {2, 2, 2}, {1, 1, 2}};
	char	   *token = forger_token(algorithm);
	Parts		parts = split(token);
	const char *h = parts.text[0];
	const char *p = parts.text[1];
	const char *s = parts.text[2];

	for (size_t i = 0; i < sizeof(orders) / sizeof(orders[0]); i++)
		forger_take(text_of("%s.%s.%s", parts.text[orders[i][0]], parts.text[orders[i][1]], parts.text[orders[i][2]]), V_REFUSED);
	forger_take(text_of("%s.%s.", h, p), V(SIGNATURE_INVALID));
	forger_take(text_of("%s..%s", h, s), V(MALFORMED));
	forger_take(text_of(".%s.%s", p, s), V(MALFORMED));
	forger_take(text_of("%s..", h), V(MALFORMED));
	forger_take(text_of("..%s", s), V(MALFORMED));
	forger_take(text_of("%s", h), V(MALFORMED));
	forger_take(text_of("%s.%s", h, p), V(MALFORMED));
	forger_take(text_of("%s.%s", h, s), V(MALFORMED));
	forger_take(text_of("%s%s%s", h, p, s), V(MALFORMED));
	forger_take(text_of("%s%s.%s", h, p, s), V(MALFORMED));
	forger_take(text_of("%s.%s%s", h, p, s), V(MALFORMED));
	forger_take(text_of(".%s", token), V(MALFORMED));
	forger_take(text_of("%s.", token), V(MALFORMED));
	forger_take(text_of("%s..%s.%s", h, p, s), V(MALFORMED));
	forger_take(text_of("%s.%s..%s", h, p, s), V(MALFORMED));
	forger_take(text_of("%s.%s.%s.%s", h, p, s, s), V(MALFORMED));
	forger_take(text_of("%s.%s", token, token), V(MALFORMED));
	forger_take(text_of("%s%s", token, token), V(MALFORMED));
	forger_take(text_of("%s...", h), V(MALFORMED));
	forger_take(strdup("."), V(MALFORMED));
	forger_take(strdup(".."), V(MALFORMED));
	forger_take(strdup("...."), V(MALFORMED));
	forger_take(strdup(""), V(MALFORMED));
	free_parts(&parts);
	free(token);
}

/* A character that cannot be there, put in or put in place of another. */
void
forge_characters(Algorithm algorithm)
{
	static const char *const spellings[] = {
		" ", "\t", "\n", "\r\n", "=", "==", "+", "/", "~", "%", "%2E", ":", "\"", "\\", "\x7f", "\x01",
		"\xc2\xa0", "\xef\xbb\xbf", "\xe2\x80\xa4", "\xc0\xae", "\xff", "\x80", "\xe2\x80\x8b", "&", "*", ","
	};
	char	   *token = forger_token(algorithm);
	const size_t length = strlen(token);

	for (size_t i = 0; i < sizeof(spellings) / sizeof(spellings[0]); i++)
	{
		const Octets by = {spellings[i], strlen(spellings[i])};
		const size_t dot = (size_t) (strchr(token, '.') - token);

		expect_replaced(token, 0, 0, by, V(MALFORMED));
		expect_replaced(token, dot, 0, by, V(MALFORMED));
		expect_replaced(token, dot, 1, by, V(MALFORMED));
		expect_replaced(token, dot + 1, 0, by, V(MALFORMED));
		expect_replaced(token, length, 0, by, V(MALFORMED));
		expect_replaced(token, length - 1, 1, by, V(MALFORMED));
		expect_replaced(token, forger_random(length), 0, by, V(MALFORMED));
		expect_replaced(token, forger_random(length), 1, by, V(MALFORMED));
	}
	expect_replaced(token, 0, 0, OCTETS("\0"), V(MALFORMED));
	expect_replaced(token, length, 0, OCTETS("\0"), V(MALFORMED));
	expect_replaced(token, forger_random(length), 0, OCTETS("\0"), V(MALFORMED));
	expect_replaced(token, length, 0, OCTETS("\0.x.y"), V(MALFORMED));
	free(token);
}

/* The other spellings that a lax decoder takes for the same octets. */
void
forge_tails(Algorithm algorithm)
{
	char	   *token = forger_token(algorithm);
	size_t		start = 0;

	for (int i = 0; i < 3; i++)
	{
		const size_t size = strcspn(token + start, ".");
		const size_t last = start + size - 1;
		const int	value = (int) (strchr(ALPHABET, token[last]) - ALPHABET);
		const int	unused = size % 4 == 2 ? 4 : size % 4 == 3 ? 2 : 0;

		for (int bits = 1; bits < 1 << unused; bits++)
			expect_replaced(token, last, 1, octets(&ALPHABET[value | bits], 1), V(MALFORMED));
		expect_replaced(token, start + size, 0, OCTETS("A"), V_REFUSED);
		expect_replaced(token, last, 1, OCTETS(""), V_REFUSED);
		expect_replaced(token, last, 0, OCTETS("AAAAA"), V_REFUSED);
		start += size + 1;
	}
	free(token);
}

/* A bit of each octet that the segments decode to. */
void
forge_octets(Algorithm algorithm)
{
	static const unsigned int expected[] = {V_REFUSED, V(MALFORMED) | V(SIGNATURE_INVALID) | V(CLAIM_INVALID), V(SIGNATURE_INVALID)};
	char	   *token = forger_token(algorithm);
	Parts		parts = split(token);
	unsigned char bytes[1024];

	for (int i = 0; i < 3; i++)
	{
		char	   *text = parts.text[i];
		size_t		n;
		char		again[BASE64URL_ENCODED_SIZE(sizeof(bytes)) + 1];

		if (!base64url_decode(text, strlen(text), bytes, &n))
			abort();
		for (size_t j = 0; j < n; j++)
		{
			const unsigned char bit = (unsigned char) (1 << forger_random(8));

			bytes[j] ^= bit;
			again[base64url_encode(bytes, n, again)] = '\0';
			parts.text[i] = again;
			forger_take(text_of("%s.%s.%s", parts.text[0], parts.text[1], parts.text[2]), expected[i]);
			bytes[j] ^= bit;
		}
		parts.text[i] = text;
	}
	free_parts(&parts);
	free(token);
}

/* Each octet of a text as one UTF-16 unit. */
static void
expect_utf16(const char *token, bool little_endian, bool mark)
{
	const size_t length = strlen(token);
	char	   *wide = malloc(2 * length + 2);
	size_t		used = 0;

	if (mark)
	{
		wide[used++] = (char) (little_endian ? 0xff : 0xfe);
		wide[used++] = (char) (little_endian ? 0xfe : 0xff);
	}
	for (size_t i = 0; i < length; i++)
	{
		wide[used++] = (char) (little_endian ? token[i] : '\0');
		wide[used++] = (char) (little_endian ? '\0' : token[i]);
	}
	forger_expect(wide, used, V(MALFORMED));
	free(wide);
}

/* Other forms in which tokens come: none of them is the compact one. */
void
forge_serializations(Algorithm algorithm)
{
	char	   *token = forger_token(algorithm);
	Parts		parts = split(token);
	const char *h = parts.text[0];
	const char *p = parts.text[1];
	const char *s = parts.text[2];
	char	   *encoded = forger_compact(octets(token, strlen(token)), OCTETS("{}"), OCTETS("x"));

	forger_take(text_of("{\"protected\":\"%s\",\"payload\":\"%s\",\"signature\":\"%s\"}", h, p, s), V(MALFORMED));
	forger_take(text_of("{\"payload\":\"%s\",\"signatures\":[{\"protected\":\"%s\",\"signature\":\"%s\"}]}", p, h, s), V(MALFORMED));
	forger_take(text_of("{\"%s\":\"\"}", token), V(MALFORMED));
	forger_take(text_of("\"%s\"", token), V(MALFORMED));
	forger_take(text_of("'%s'", token), V(MALFORMED));
	forger_take(text_of("[%s]", token), V(MALFORMED));
	forger_take(text_of("Bearer %s", token), V(MALFORMED));
	forger_take(text_of("bEARER %s", token), V(MALFORMED));
	forger_take(text_of("DPoP %s", token), V(MALFORMED));
	forger_take(text_of("Bearer%s", token), V_REFUSED);
	forger_take(text_of("Authorization: Bearer %s", token), V(MALFORMED));
	forger_take(text_of("access_token=%s", token), V(MALFORMED));
	forger_take(text_of("%s.%s.%s.%s.%s", h, p, s, p, s), V(MALFORMED));
	forger_take(text_of("%s....%s", h, s), V(MALFORMED));
	forger_take(text_of("%s..%s.%s.%s", h, s, p, s), V(MALFORMED));
	forger_take(text_of("%s~", token), V(MALFORMED));
	forger_take(text_of("%s~WyJzYWx0Il0~", token), V(MALFORMED));
	forger_take(text_of("%s%%00", token), V(MALFORMED));
	forger_take(encoded, V_REFUSED);
	expect_utf16(token, true, true);
	expect_utf16(token, true, false);
	expect_utf16(token, false, true);
	expect_utf16(token, false, false);
	free_parts(&parts);
	free(token);
}

/* Segments of two good tokens in one. */
static void
mix(const char *a, const char *b, unsigned int expected)
{
	Parts		left = split(a);
	Parts		right = split(b);

	for (int choice = 1; choice < 7; choice++)
	{
		const char *h = (choice & 1 ? &right : &left)->text[0];
		const char *p = (choice & 2 ? &right : &left)->text[1];
		const char *s = (choice & 4 ? &right : &left)->text[2];
		char	   *text = text_of("%s.%s.%s", h, p, s);

		/* where a segment is the same in both, so may be the token */
		if (strcmp(text, a) != 0 && strcmp(text, b) != 0)
			forger_expect(text, strlen(text), expected);
		free(text);
	}
	free_parts(&left);
	free_parts(&right);
}

void
forge_mixtures(Algorithm algorithm)
{
	static const char other_claims[] =
	"{\"iss\":\"" FORGER_ISSUER "\",\"aud\":\"orders\",\"sub\":\"bob\",\"client_id\":\"app\",\"tenant\":\"t2\","
	"\"exp\":1800000300,\"iat\":1800000000,\"jti\":\"j2\"}";
	char	   *token = forger_token(algorithm);
	char	   *header = forger_header(algorithm);
	char	   *other = test_sign(&forger_keys[algorithm], header, other_claims);

	mix(token, other, V(SIGNATURE_INVALID));
	free(other);
	for (int i = ALGORITHM_UNKNOWN + 1; i < ALGORITHM_COUNT; i++)
	{
		if (i == (int) algorithm)
			continue;
		other = forger_token((Algorithm) i);
		mix(token, other, V(SIGNATURE_INVALID));
		free(other);
	}
	free(header);
	free(token);
}

/* One change of a text, by chance; the text has room for one character more. */
static void
change_at_random(char *text)
{
	const size_t length = strlen(text);
	const size_t at = forger_random(length);
	const size_t to = forger_random(length);
	const char	character = (ALPHABET ".")[forger_random(65)];
	char		swapped;

	switch (forger_random(6))
	{
		case 0:
			memmove(text + at + 1, text + at, length - at + 1);
			text[at] = character;
			break;
		case 1:
			memmove(text + at, text + at + 1, length - at);
			break;
		case 2:
			swapped = text[at];
			text[at] = text[to];
			text[to] = swapped;
			break;
		case 3:
			memmove(text + at, text + to, length - (at > to ? at : to));
			break;
		default:
			text[at] = character;
			break;
	}
}

#define N_RANDOM 300
#define MAX_CHANGES 4

void
forge_at_random(Algorithm algorithm)
{
	char	   *token = forger_token(algorithm);

	for (int i = 0; i < N_RANDOM; i++)
	{
		char	   *text = malloc(strlen(token) + MAX_CHANGES + 1);

		strcpy(text, token);
		for (uint64_t n = 1 + forger_random(MAX_CHANGES); n > 0 && text[0] != '\0'; n--)
			change_at_random(text);
		if (strcmp(text, token) != 0)
			forger_expect(text, strlen(text), V_REFUSED);
		free(text);
	}
	free(token);
}
