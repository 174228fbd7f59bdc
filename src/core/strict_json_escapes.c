/*
 * strict_json_escapes.c
 *		Characters that JSON text has as \u escapes, as themselves.
 *
 * For a reader that cannot translate them. It is to see the text that was
 * signed in all else: written anew by a library, a number is another.
 */
#include <string.h>

#include "core/strict_json.h"

/* The code unit of the \uXXXX at text, or 0 if there is none. */
static unsigned int
code_unit(const char *text, size_t length)
{
	unsigned int unit = 0;

	if (length < 6 || text[0] != '\\' || text[1] != 'u')
		return 0;
	for (size_t i = 2; i < 6; i++)
	{
		const char *digits = "00112233445566778899aAbBcCdDeEfF";
		const char *digit = strchr(digits, text[i]);

		if (digit == NULL || *digit == '\0')
			return 0;
		unit = unit << 4 | (unsigned int) (digit - digits) / 2;
	}
	return unit;
}

/* The character at text if it is a \u escape, or a pair of them; octets of it in *size. */
static unsigned int
escaped_character(const char *text, size_t length, size_t *size)
{
	const unsigned int high = code_unit(text, length);
	const unsigned int low = high == 0 ? 0 : code_unit(text + 6, length - 6);

	*size = 6;
	if (high < 0xD800 || high > 0xDFFF)
		return high;
	if (high > 0xDBFF || low < 0xDC00 || low > 0xDFFF)
		return 0;
	*size = 12;
	return 0x10000 + ((high - 0xD800) << 10) + (low - 0xDC00);
}

/* A character beyond ASCII as UTF-8; returns how many octets. */
static size_t
write_utf8(unsigned int character, char *text)
{
	if (character < 0x800)
	{
		text[0] = (char) (0xC0 | character >> 6);
		text[1] = (char) (0x80 | (character & 0x3F));
		return 2;
	}
	if (character < 0x10000)
	{
		text[0] = (char) (0xE0 | character >> 12);
		text[1] = (char) (0x80 | (character >> 6 & 0x3F));
		text[2] = (char) (0x80 | (character & 0x3F));
		return 3;
	}
	text[0] = (char) (0xF0 | character >> 18);
	text[1] = (char) (0x80 | (character >> 12 & 0x3F));
	text[2] = (char) (0x80 | (character >> 6 & 0x3F));
	text[3] = (char) (0x80 | (character & 0x3F));
	return 4;
}

size_t
strict_json_resolve_escapes(char *text, size_t length)
{
	size_t		written = 0;
	size_t		i = 0;

	while (i < length)
	{
		size_t		size = 1;
		const unsigned int character = escaped_character(text + i, length - i, &size);

		if (character >= 0x80)
		{
			written += write_utf8(character, text + written);
			i += size;
			continue;
		}
		/* a backslash takes the next octet with it, which may be one, too */
		if (text[i] == '\\' && i + 1 < length)
			text[written++] = text[i++];
		text[written++] = text[i++];
	}
	return written;
}
