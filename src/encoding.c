/*
 * encoding.c
 *		Between the database's encoding and the UTF-8 of JSON.
 */
#include "postgres.h"

#include "catalog/namespace.h"
#include "encoding.h"
#include "mb/pg_wchar.h"

/* text, of the database's encoding, as UTF-8 in the current memory context */
char *
encoding_to_utf8(const char *text)
{
	char	   *utf8 = pg_server_to_any(text, (int) strlen(text), PG_UTF8);

	return utf8 == text ? pstrdup(text) : utf8;
}

/*
 * UTF-8 text in the database's encoding, in the current memory context; NULL
 * if it has a character that this encoding lacks. The server's own conversion
 * would raise an error with bytes of the text in it.
 */
char *
encoding_from_utf8(const char *text)
{
	int			length = (int) strlen(text);
	int			encoding = GetDatabaseEncoding();
	int			size;
	Oid			conversion;
	char	   *converted;

	if (encoding == PG_UTF8 || encoding == PG_SQL_ASCII)
		return pstrdup(text);

	conversion = FindDefaultConversionProc(PG_UTF8, encoding);
	if (!OidIsValid(conversion))
		return NULL;

	size = length * MAX_CONVERSION_GROWTH + 1;
	converted = palloc(size);
	if (pg_do_encoding_conversion_buf(conversion, PG_UTF8, encoding,
									  (unsigned char *) unconstify(char *, text),
									  length, (unsigned char *) converted,
									  size, true) < length)
		return NULL;
	return converted;
}
