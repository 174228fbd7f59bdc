/* One value has one spelling, and nothing else decodes (RFC 4648 section 3.5). */
#include "test.h"

#include <stdlib.h>

#include "core/base64url.h"

static bool
decodes(const char *text, size_t length)
{
	unsigned char bytes[256];
	size_t		n_bytes;

	return base64url_decode(text, length, bytes, &n_bytes);
}

static void
test_refusals(void)
{
	static const char *const refused[] = {
		"A", "AAAAA",			/* no octets have this length */
		"Zg==", "Zg=", "Zm8=",	/* padding */
		"Zh", "Zv", "Zm9", "Zm-",	/* unused bits that are not zero */
		"Z+8A", "Z/8A",			/* base64's other alphabet */
		" Zm8", "Zm8 ", "Zm\n8", "Zm.v", "Zm~v", "Zm\x80v", "Zm,v"
	};

	for (size_t i = 0; i < sizeof(refused) / sizeof(refused[0]); i++)
		CHECK(!decodes(refused[i], strlen(refused[i])), "refused: case %zu", i);
	CHECK(!decodes("Zm\0v", 4), "refused: NUL inside");
	CHECK(!decodes("Zm9v\0", 5), "refused: NUL at the end");
}

/* Of all texts of two and three characters as many decode as there are values. */
static void
test_one_spelling(void)
{
	int			n_two = 0;
	int			n_three = 0;

	for (int a = 0; a < 256; a++)
	{
		for (int b = 0; b < 256; b++)
		{
			char		text[3] = {(char) a, (char) b, 'A'};

			n_two += decodes(text, 2);
			for (const char *c = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_="; *c; c++)
			{
				text[2] = *c;
				n_three += decodes(text, 3);
			}
		}
	}
	CHECK(n_two == 256, "256 texts of two characters decode (%d)", n_two);
	CHECK(n_three == 65536, "65536 texts of three characters decode (%d)", n_three);
}

/* The alphabet ends where decoding does. */
static void
test_span(void)
{
	int			n_known = 0;

	for (int c = 0; c < 256; c++)
	{
		const char	text[4] = {'A', 'A', 'A', (char) c};
		const bool	known = decodes(text, 4);

		n_known += known;
		if (base64url_span(text, 4) != (known ? 4 : 3))
			CHECK(false, "character %d counts as it decodes", c);
	}
	CHECK(n_known == 64, "64 characters count (%d)", n_known);
	CHECK(base64url_span("", 0) == 0 && base64url_span("AAAA", 2) == 2 && base64url_span(".AA", 3) == 0, "the span ends with the text");
}

static void
test_vectors(void)
{
	static const struct
	{
		const char *bytes;
		const char *text;
	}			vectors[] = {
		{"", ""}, {"f", "Zg"}, {"fo", "Zm8"}, {"foo", "Zm9v"},
		{"foob", "Zm9vYg"}, {"fooba", "Zm9vYmE"}, {"foobar", "Zm9vYmFy"},
		{"\xfb\xff\xbf", "-_-_"},
	};

	for (size_t i = 0; i < sizeof(vectors) / sizeof(vectors[0]); i++)
	{
		char		text[16] = {0};
		unsigned char bytes[16];
		size_t		n_bytes;
		size_t		n = strlen(vectors[i].bytes);

		base64url_encode((const unsigned char *) vectors[i].bytes, n, text);
		CHECK_TEXT(text, vectors[i].text, "encodes to \"%s\"", vectors[i].text);
		CHECK(base64url_decode(text, strlen(text), bytes, &n_bytes) &&
			  n_bytes == n && memcmp(bytes, vectors[i].bytes, n) == 0,
			  "decodes \"%s\"", vectors[i].text);
	}
}

/* In buffers of exactly the promised size: the sanitizer watches. */
static void
test_round_trip(void)
{
	bool		good = true;

	srand(1);
	for (size_t n = 0; n < 200; n++)
	{
		unsigned char *bytes = malloc(n + 1);
		char	   *text = malloc(BASE64URL_ENCODED_SIZE(n) + 1);
		unsigned char *back;
		size_t		length;
		size_t		n_back;

		for (size_t i = 0; i < n; i++)
			bytes[i] = (unsigned char) rand();
		length = base64url_encode(bytes, n, text);
		back = malloc(BASE64URL_DECODED_SIZE(length));
		good = good && base64url_decode(text, length, back, &n_back) &&
			n_back == n && memcmp(bytes, back, n) == 0;
		free(bytes);
		free(text);
		free(back);
	}
	CHECK(good, "all lengths up to 200 survive a round trip");
}

int
main(void)
{
	test_refusals();
	test_one_spelling();
	test_span();
	test_vectors();
	test_round_trip();
	return finish();
}
