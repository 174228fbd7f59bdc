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
 * text from one encoding in another, in the current memory context; NULL if
 * that lacks a character. pg_do_encoding_conversion() would raise an error
 * with bytes of the text in it.
 */
static char *
convert(const char *text, int from, int to)
{
	int			length = (int) strlen(text);
	int			size = length * MAX_CONVERSION_GROWTH + 1;
	Oid			conversion = FindDefaultConversionProc(from, to);
	char	   *converted;

	if (!OidIsValid(conversion))
		return NULL;
	converted = palloc(size);
	if (pg_do_encoding_conversion_buf(conversion, from, to,
									  (unsigned char *) unconstify(char *, text),
									  length, (unsigned char *) converted,
									  size, true) < length)
		return NULL;
	return converted;
}

/*
 * UTF-8 text in the database's encoding, in the current memory context; NULL
 * if it has a character that this encoding lacks, or has for another one, too:
 * two subjects must not become one (EUC_JP has one code for U+00A6 and U+FFE4).
 */
char *
encoding_from_utf8(const char *text)
{
	int			encoding = GetDatabaseEncoding();
	char	   *converted;
	char	   *back;

	if (encoding == PG_UTF8 || encoding == PG_SQL_ASCII)
		return pstrdup(text);

	converted = convert(text, PG_UTF8, encoding);
	if (converted == NULL)
		return NULL;
	back = convert(converted, encoding, PG_UTF8);
	return back != NULL && strcmp(back, text) == 0 ? converted : NULL;
}
