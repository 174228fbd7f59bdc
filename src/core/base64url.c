/*
 * base64url.c
 *		Base64url without padding, one spelling for one value (RFC 7515 section 2).
 *
 * A lax decoder gives one signed token up to sixteen spellings, and so lets it
 * slip past whatever remembers tokens by their text. RFC 4648 section 3.5
 * allows to refuse unused bits that are not zero.
 */
#include "core/base64url.h"

#include <string.h>

static const char alphabet[] =
"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_";

/* The six bits that a character stands for and KNOWN, or 0. */
#define KNOWN 0x40U

static const unsigned char sextets[256] = {
	['A'] = 64, 65, 66, 67, 68, 69, 70, 71, 72, 73, 74, 75, 76,
	77, 78, 79, 80, 81, 82, 83, 84, 85, 86, 87, 88, 89,
	['a'] = 90, 91, 92, 93, 94, 95, 96, 97, 98, 99, 100, 101, 102,
	103, 104, 105, 106, 107, 108, 109, 110, 111, 112, 113, 114, 115,
	['0'] = 116, 117, 118, 119, 120, 121, 122, 123, 124, 125,
	['-'] = 126,
	['_'] = 127
};

static unsigned int
sextet(char character)
{
	return sextets[(unsigned char) character];
}

/* How many characters of the alphabet text begins with. */
size_t
base64url_span(const char *text, size_t length)
{
	size_t		n = 0;

	while (n < length && sextet(text[n]) != 0)
		n++;
	return n;
}

/* Four characters to three octets; false if one is not in the alphabet. */
static bool
decode_group(const char *text, unsigned char *bytes)
{
	const unsigned int a = sextet(text[0]);
	const unsigned int b = sextet(text[1]);
	const unsigned int c = sextet(text[2]);
	const unsigned int d = sextet(text[3]);

	bytes[0] = (unsigned char) (a << 2 | (b & ~KNOWN) >> 4);
	bytes[1] = (unsigned char) (b << 4 | (c & ~KNOWN) >> 2);
	bytes[2] = (unsigned char) (c << 6 | (d & ~KNOWN));
	return (a & b & c & d & KNOWN) != 0;
}

/*
 * Decode text into bytes, which has room for BASE64URL_DECODED_SIZE(length).
 *
 * False, with bytes undefined, if a character is not in the alphabet (padding
 * and white space are not), if no number of octets has this length, or if
 * unused bits at the end are not zero.
 */
bool
base64url_decode(const char *text, size_t length,
				 unsigned char *bytes, size_t *n_bytes)
{
	const size_t rest = length % 4;
	char		last[4] = {'A', 'A', 'A', 'A'}; /* zero bits */

	if (rest == 1)
		return false;

	*n_bytes = 0;
	for (const char *end = text + (length - rest); text < end; text += 4)
	{
		if (!decode_group(text, bytes + *n_bytes))
			return false;
		*n_bytes += 3;
	}
	if (rest == 0)
		return true;

	memcpy(last, text, rest);
	if (!decode_group(last, bytes + *n_bytes))
		return false;
	*n_bytes += rest - 1;
	return bytes[*n_bytes] == 0;	/* where the unused bits went */
}

/*
 * Encode bytes into text, which has room for BASE64URL_ENCODED_SIZE(n_bytes).
 *
 * Returns the number of characters; no terminating NUL is written.
 */
size_t
base64url_encode(const unsigned char *bytes, size_t n_bytes, char *text)
{
	unsigned int pending = 0;
	unsigned int n_pending = 0;
	size_t		n = 0;

	for (size_t i = 0; i < n_bytes; i++)
	{
		pending = (pending << 8 | bytes[i]) & 0xFFFF;
		n_pending += 8;
		while (n_pending >= 6)
		{
			n_pending -= 6;
			text[n++] = alphabet[pending >> n_pending & 0x3F];
		}
	}
	if (n_pending > 0)
		text[n++] = alphabet[pending << (6 - n_pending) & 0x3F];
	return n;
}
