/*
 * media_type.c
 *		Media types as typ and cty carry them (RFC 7515 section 4.1.9).
 */
#include "core/media_type.h"

#include <stddef.h>
#include <string.h>

/* tolower() and strcasecmp() would ask the locale: Turkish has another i */
static char
fold(char character)
{
	if (character >= 'A' && character <= 'Z')
		return (char) (character - 'A' + 'a');
	return character;
}

static bool
equal_folded(const char *a, const char *b, size_t length)
{
	for (size_t i = 0; i < length; i++)
	{
		if (fold(a[i]) != fold(b[i]))
			return false;
	}
	return true;
}

/* Past "application/", where that may be left out. */
static const char *
short_name(const char *type)
{
	static const char prefix[] = "application/";
	const size_t size = sizeof(prefix) - 1;

	if (strlen(type) > size && equal_folded(type, prefix, size) &&
		strchr(type + size, '/') == NULL)
		return type + size;
	return type;
}

bool
media_type_equal(const char *a, const char *b)
{
	size_t		length;

	a = short_name(a);
	b = short_name(b);
	length = strlen(a);
	return length == strlen(b) && equal_folded(a, b, length);
}
