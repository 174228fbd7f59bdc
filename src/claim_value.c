/*
 * claim_value.c
 *		One claim of a verified token, and its value as SQL types.
 *
 * The server's own input functions would put a value that they refuse into
 * their error; so what can be refused is parsed here.
 */
#include "postgres.h"

#include <math.h>

#include "catalog/pg_type.h"
#include "claim_value.h"
#include "report.h"
#include "utils/builtins.h"
#include "utils/fmgroids.h"
#include "utils/fmgrprotos.h"
#include "utils/numeric.h"
#include "utils/timestamp.h"

/* The end of the year 9999 in seconds since 1970; no NumericDate lies after it. */
#define NUMERIC_DATE_MAX INT64CONST(253402300799)

/*
 * Find the claim at path; false if it is absent, JSON null, or the path has a
 * NULL in it. The rules are those of jsonb_extract_path().
 */
bool
claim_value_find(Jsonb *claims, ArrayType *path, ClaimValue *claim)
{
	LOCAL_FCINFO(call, 2);
	Datum		value;

	InitFunctionCallInfoData(*call, NULL, 2, InvalidOid, NULL, NULL);
	call->args[0].value = JsonbPGetDatum(claims);
	call->args[0].isnull = false;
	call->args[1].value = PointerGetDatum(path);
	call->args[1].isnull = false;
	value = jsonb_extract_path(call);
	if (call->isnull)
		return false;

	claim->value = DatumGetJsonbP(value);
	claim->path = path;
	if (JB_ROOT_IS_SCALAR(claim->value))
	{
		JsonbValue	scalar;

		(void) JsonbExtractScalar(&claim->value->root, &scalar);
		if (scalar.type == jbvNull)
			return false;
	}
	return true;
}

bool
claim_value_find_member(Jsonb *claims, const char *name, ClaimValue *claim)
{
	Datum		element = CStringGetTextDatum(name);
	ArrayType  *path = construct_array(&element, 1, TEXTOID, -1, false,
									   TYPALIGN_INT);

	return claim_value_find(claims, path, claim);
}

void
claim_value_refuse(const ClaimValue *claim, const char *expected)
{
	Datum		name = OidFunctionCall2(F_ARRAY_TO_STRING_ANYARRAY_TEXT,
										PointerGetDatum(claim->path),
										CStringGetTextDatum("."));
	char	   *shown = TextDatumGetCString(name);

	report_error("22023",
				 psprintf("claim \"%s\" of the token is not %s",
						  verdict_quote(shown, strlen(shown)).text, expected),
				 NULL, NULL);
}

/* The scalar of a claim, if it is one of this type. */
static bool
scalar_of_type(const ClaimValue *claim, enum jbvType type, JsonbValue *scalar)
{
	return JB_ROOT_IS_SCALAR(claim->value) &&
		JsonbExtractScalar(&claim->value->root, scalar) &&
		scalar->type == type;
}

/* A string as it is, any other value in its JSON form, as jsonb_extract_path_text() does. */
bool
claim_value_text(const ClaimValue *claim, Datum *value)
{
	JsonbValue	scalar;

	if (scalar_of_type(claim, jbvString, &scalar))
		*value = PointerGetDatum(cstring_to_text_with_len(scalar.val.string.val,
														  scalar.val.string.len));
	else
		*value = CStringGetTextDatum(JsonbToCString(NULL, &claim->value->root,
													VARSIZE(claim->value)));
	return true;
}

/* A copy: at an empty path the value is the token's own, which the session may drop. */
bool
claim_value_jsonb(const ClaimValue *claim, Datum *value)
{
	*value = JsonbPGetDatum(DatumGetJsonbPCopy(JsonbPGetDatum(claim->value)));
	return true;
}

static int
hex_digit(char c)
{
	if (c >= '0' && c <= '9')
		return c - '0';
	if (c >= 'a' && c <= 'f')
		return c - 'a' + 10;
	if (c >= 'A' && c <= 'F')
		return c - 'A' + 10;
	return -1;
}

/* A UUID in the forms that the type uuid reads: hyphens after any four digits, braces around. */
bool
claim_value_parse_uuid(const char *text, size_t length, pg_uuid_t *uuid)
{
	const char *end = text + length;
	bool		braces = length >= 2 && text[0] == '{' && end[-1] == '}';

	if (braces)
	{
		text++;
		end--;
	}
	for (int i = 0; i < UUID_LEN; i++)
	{
		int			high;
		int			low;

		if (i > 0 && i % 2 == 0 && text < end && *text == '-')
			text++;
		if (end - text < 2)
			return false;
		high = hex_digit(text[0]);
		low = hex_digit(text[1]);
		if (high < 0 || low < 0)
			return false;
		uuid->data[i] = high << 4 | low;
		text += 2;
	}
	return text == end;
}

bool
claim_value_uuid(const ClaimValue *claim, Datum *value)
{
	JsonbValue	scalar;
	pg_uuid_t  *uuid = palloc(sizeof(pg_uuid_t));

	*value = UUIDPGetDatum(uuid);
	return scalar_of_type(claim, jbvString, &scalar) &&
		claim_value_parse_uuid(scalar.val.string.val, scalar.val.string.len,
							   uuid);
}

/* A whole decimal number in the range of bigint; "7.00" is whole too. */
bool
claim_value_parse_bigint(const char *text, int64 *number)
{
	char	   *end;

	if (*text != '-' && (*text < '0' || *text > '9'))
		return false;
	errno = 0;
	*number = strtoll(text, &end, 10);
	if (errno != 0 || end == text)
		return false;
	if (*end == '.')
		end += 1 + strspn(end + 1, "0");
	return *end == '\0';
}

static char *
numeric_text(Numeric number)
{
	return DatumGetCString(DirectFunctionCall1(numeric_out,
											   NumericGetDatum(number)));
}

bool
claim_value_bigint(const ClaimValue *claim, Datum *value)
{
	JsonbValue	scalar;
	int64		number;

	if (!scalar_of_type(claim, jbvNumeric, &scalar) ||
		!claim_value_parse_bigint(numeric_text(scalar.val.numeric), &number))
		return false;
	*value = Int64GetDatum(number);
	return true;
}

bool
claim_value_boolean(const ClaimValue *claim, Datum *value)
{
	JsonbValue	scalar;

	if (!scalar_of_type(claim, jbvBool, &scalar))
		return false;
	*value = BoolGetDatum(scalar.val.boolean);
	return true;
}

/* A NumericDate: seconds since 1970 UTC, perhaps with a fraction (RFC 7519 section 2) */
bool
claim_value_timestamptz(const ClaimValue *claim, Datum *value)
{
	JsonbValue	scalar;
	double		seconds;

	if (!scalar_of_type(claim, jbvNumeric, &scalar))
		return false;
	seconds = DatumGetFloat8(DirectFunctionCall1(numeric_float8_no_overflow,
												 NumericGetDatum(scalar.val.numeric)));
	if (!(seconds >= 0 && seconds <= NUMERIC_DATE_MAX))
		return false;
	*value = TimestampTzGetDatum(UNIX_US_TO_TIMESTAMPTZ((int64) rint(seconds * USECS_PER_SEC)));
	return true;
}

/* A string or number as text, or NULL for any other value. */
static char *
member_text(const JsonbValue *member)
{
	if (member->type == jbvString)
		return pnstrdup(member->val.string.val, member->val.string.len);
	if (member->type == jbvNumeric)
		return numeric_text(member->val.numeric);
	return NULL;
}

/*
 * The members of an array of strings and numbers, in order, as a List of char
 * pointers. jsonb wraps a scalar into an array of one, so a claim that is one
 * string counts as such here; claim_value_array() asks for a real array.
 */
bool
claim_value_members(const ClaimValue *claim, List **members)
{
	JsonbIterator *iterator = JsonbIteratorInit(&claim->value->root);
	JsonbValue	member;

	*members = NIL;
	if (!JB_ROOT_IS_ARRAY(claim->value))
		return false;
	(void) JsonbIteratorNext(&iterator, &member, true);
	while (JsonbIteratorNext(&iterator, &member, true) == WJB_ELEM)
	{
		char	   *text = member_text(&member);

		if (text == NULL)
			return false;
		*members = lappend(*members, text);
	}
	return true;
}

bool
claim_value_array(const ClaimValue *claim, Datum *value)
{
	List	   *members;
	ListCell   *cell;
	Datum	   *elements;
	int			n_elements = 0;

	if (JB_ROOT_IS_SCALAR(claim->value) ||
		!claim_value_members(claim, &members))
		return false;

	elements = palloc(sizeof(Datum) * Max(list_length(members), 1));
	foreach(cell, members)
		elements[n_elements++] = CStringGetTextDatum(lfirst(cell));
	*value = PointerGetDatum(construct_array(elements, n_elements, TEXTOID,
											 -1, false, TYPALIGN_INT));
	return true;
}
