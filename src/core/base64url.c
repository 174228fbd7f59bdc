/*
 * base64url.c
 *		Base64url without padding, one spelling for one value (RFC 7515 section 2).
 *
 * A lax decoder gives one signed token up to sixteen spellings, and so lets it
 * slip past whatever remembers tokens by their text. RFC 4648 section 3.5
 * allows to refuse unused bits that are not zero.
 */
#include "core/base64url.h"

static const char alphabet[] =
"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_";

/* The six bits that a character stands for, or -1. */
static int
sextet(char character)
{
	if (character >= 'A' && character <= 'Z')
		return character - 'A';
	if (character >= 'a' && character <= 'z')
		return character - 'a' + 26;
	if (character >= '0' && character <= '9')
		return character - '0' + 52;
	if (character == '-')
		return 62;
	if (character == '_')
		return 63;
	return -1;
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
	unsigned int pending = 0;	/* bits not written yet */
	unsigned int n_pending = 0;
	size_t		n = 0;

	if (length % 4 == 1)
		return false;

	for (size_t i = 0; i < length; i++)
	{
		int			value = sextet(text[i]);

		if (value < 0)
			return false;
		pending = pending << 6 | (unsigned int) value;
		n_pending += 6;
		if (n_pending >= 8)
		{
			n_pending -= 8;
			bytes[n++] = (unsigned char) (pending >> n_pending);
			pending &= (1U << n_pending) - 1;
		}
	}
	*n_bytes = n;
	return pending == 0;
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
