/*
 * claim_functions.c
 *		Claims of the current token as SQL functions.
 *
 * All are STABLE and PARALLEL SAFE. Without a token they return NULL. A value
 * of another JSON type than the function returns is an error that names the
 * claim and does not show the value.
 */
#include "postgres.h"

#include "call_site.h"
#include "claim_value.h"
#include "report.h"
#include "statement.h"
#include "utils/array.h"
#include "utils/builtins.h"
#include "utils/timestamp.h"

/*
 * Facts that the token carries ready to be returned
 */

/*
 * Define what is called for each row: it compares the stamp of the judgement.
 * The rest, look_up, is a function of its own and not inlined, for which this
 * one would save registers otherwise.
 */
#define JUDGED_READER(name, look_up) \
PG_FUNCTION_INFO_V1(token_auth_##name); \
Datum \
token_auth_##name(PG_FUNCTION_ARGS) \
{ \
	CallSite   *site = call_site_judged(fcinfo); \
\
	if (likely(site != NULL)) \
		return call_site_answer(fcinfo, site); \
	return look_up; \
}

/*
 * Define a reader of one varlena member of the token; token_of says for which
 * tokens it answers.
 */
#define FACT_READER(name, member, token_of) \
static pg_noinline Datum \
look_up_##name(FunctionCallInfo fcinfo) \
{ \
	const VerifiedToken *token = token_of(fcinfo); \
	CallSite   *site; \
\
	if (token == NULL) \
		PG_RETURN_NULL(); \
	site = call_site_find(fcinfo, token); \
	if (site == NULL) \
		site = call_site_keep_varlena(fcinfo, token, token->member); \
	call_site_note_judged(fcinfo, site); \
	return call_site_answer(fcinfo, site); \
} \
\
JUDGED_READER(name, look_up_##name(fcinfo))

FACT_READER(subject, subject, statement_token)
FACT_READER(token_id, token_id, statement_token)
FACT_READER(client_id, client_id, statement_token)
FACT_READER(session_id, session_id, statement_token)
FACT_READER(audience, audience, statement_token)
FACT_READER(claims, claims, statement_token)
FACT_READER(scopes, scopes.array, statement_token)
FACT_READER(roles, roles.array, statement_token)

/* These name the issuer themselves, so they answer for every namespace. */
FACT_READER(issuer, issuer, statement_token_of_any_namespace)
FACT_READER(issuer_name, issuer_name, statement_token_of_any_namespace)
FACT_READER(identity, identity, statement_token_of_any_namespace)

/* A NumericDate in microseconds since 1970 as timestamptz, or NULL */
static Datum
return_time(FunctionCallInfo fcinfo, int64 time)
{
	if (time == TIME_ABSENT)
		PG_RETURN_NULL();
	PG_RETURN_TIMESTAMPTZ(UNIX_US_TO_TIMESTAMPTZ(time));
}

#define TIME_READER(name, member) \
PG_FUNCTION_INFO_V1(token_auth_##name); \
Datum \
token_auth_##name(PG_FUNCTION_ARGS) \
{ \
	const VerifiedToken *token = statement_token(fcinfo); \
\
	if (token == NULL) \
		PG_RETURN_NULL(); \
	return return_time(fcinfo, token->times.member); \
}

TIME_READER(issued_at, issued_at)
TIME_READER(not_before, not_before)
TIME_READER(expires_at, expires_at)
TIME_READER(authenticated_at, authenticated_at)

PG_FUNCTION_INFO_V1(token_auth_is_client);

/* is_client() returns boolean: the token speaks for a client, not for a user (RFC 9068 section 5) */
Datum
token_auth_is_client(PG_FUNCTION_ARGS)
{
	const VerifiedToken *token = statement_token(fcinfo);

	if (token == NULL)
		PG_RETURN_NULL();
	PG_RETURN_BOOL(token->is_client);
}

PG_FUNCTION_INFO_V1(token_auth_is_authenticated);

/* is_authenticated() returns boolean: a token is set and good, of whatever namespace */
Datum
token_auth_is_authenticated(PG_FUNCTION_ARGS)
{
	PG_RETURN_BOOL(statement_any_token(fcinfo) != NULL);
}

/* The token, if it is of the namespace in argument 0, or NULL. */
static const VerifiedToken *
token_of_first_argument(FunctionCallInfo fcinfo)
{
	if (PG_ARGISNULL(0))
	{
		(void) statement_any_token(fcinfo);
		return NULL;
	}
	return statement_token_in_namespace(fcinfo, PG_GETARG_TEXT_PP(0));
}

PG_FUNCTION_INFO_V1(token_auth_subject_in_namespace);

/* subject(namespace text) returns text: the subject, if the token is of that namespace */
Datum
token_auth_subject_in_namespace(PG_FUNCTION_ARGS)
{
	const VerifiedToken *token = token_of_first_argument(fcinfo);
	CallSite   *site;

	if (token == NULL)
		PG_RETURN_NULL();
	site = call_site_find(fcinfo, token);
	if (site == NULL)
		site = call_site_keep_varlena(fcinfo, token, token->subject);
	return call_site_answer(fcinfo, site);
}

/*
 * Claims by path
 */

/* Where a claim's value of one SQL type comes from. */
typedef bool (*ClaimConversion) (const ClaimValue *claim, Datum *value);

typedef struct ClaimType
{
	ClaimConversion convert;	/* false: the claim is of another type */
	const char *expected;		/* "a JSON string", for the error */
	bool		by_value;
	int16		length;
} ClaimType;

/* The claim at the path argument as this type, worked out now. */
static bool
read_claim(FunctionCallInfo fcinfo, const VerifiedToken *token, int argument,
		   const ClaimType *type, Datum *value)
{
	ClaimValue	claim;

	if (!claim_value_find(token->claims, PG_GETARG_ARRAYTYPE_P(argument), &claim))
		return false;
	if (type->convert(&claim, value))
		return true;
	if (call_site_may_raise(fcinfo))
		claim_value_refuse(&claim, type->expected);
	return false;
}

/* The claim at the path argument, or NULL; remembered if the path is a constant. */
static pg_noinline Datum
answer_claim(FunctionCallInfo fcinfo, const VerifiedToken *token, int argument,
			 const ClaimType *type)
{
	CallSite   *site;
	Datum		value = (Datum) 0;
	bool		found;

	if (token == NULL || PG_ARGISNULL(argument))
		PG_RETURN_NULL();

	site = call_site_find(fcinfo, token);
	if (site == NULL)
	{
		found = read_claim(fcinfo, token, argument, type, &value);
		if (!call_site_has_constant(fcinfo, argument) || statement_is_planning())
		{
			if (!found)
				PG_RETURN_NULL();
			return value;
		}

		site = call_site_renew(fcinfo, token);
		if (found && type->by_value)
		{
			site->value = value;
			site->is_null = false;
		}
		else if (found)
			call_site_keep(site, value, type->length);
		site->serial = token->serial;
	}
	call_site_note_judged(fcinfo, site);
	return call_site_answer(fcinfo, site);
}

#define CLAIM_READER(name, conversion, expected, by_value, length) \
static const ClaimType name##_type = {conversion, expected, by_value, length}; \
JUDGED_READER(name, answer_claim(fcinfo, statement_token(fcinfo), 0, &name##_type))

/* *INDENT-OFF* */
CLAIM_READER(claim, claim_value_text, "a value", false, -1)
CLAIM_READER(claim_jsonb, claim_value_jsonb, "a value", false, -1)
CLAIM_READER(claim_uuid, claim_value_uuid, "a string that holds a UUID", false, UUID_LEN)
CLAIM_READER(claim_bigint, claim_value_bigint, "a whole number in the range of bigint", true, 8)
CLAIM_READER(claim_boolean, claim_value_boolean, "true or false", true, 1)
CLAIM_READER(claim_timestamptz, claim_value_timestamptz, "a NumericDate", true, 8)
CLAIM_READER(claim_array, claim_value_array, "an array of strings or numbers", false, -1)
/* *INDENT-ON* */

PG_FUNCTION_INFO_V1(token_auth_claim_in_namespace);

/* claim_in_namespace(namespace text, VARIADIC path text[]) returns text */
Datum
token_auth_claim_in_namespace(PG_FUNCTION_ARGS)
{
	return answer_claim(fcinfo, token_of_first_argument(fcinfo), 1, &claim_type);
}

/* A claim of a fixed name, as this type. */
static Datum
answer_named_claim(FunctionCallInfo fcinfo, const char *name,
				   const ClaimType *type)
{
	const VerifiedToken *token = statement_token(fcinfo);
	CallSite   *site;
	ClaimValue	claim;
	Datum		value;

	if (token == NULL)
		PG_RETURN_NULL();
	site = call_site_find(fcinfo, token);
	if (site == NULL)
	{
		site = call_site_renew(fcinfo, token);
		if (claim_value_find_member(token->claims, name, &claim))
		{
			if (!type->convert(&claim, &value))
				claim_value_refuse(&claim, type->expected);
			call_site_keep(site, value, type->length);
		}
		site->serial = token->serial;
	}
	return call_site_answer(fcinfo, site);
}

PG_FUNCTION_INFO_V1(token_auth_actor);

/* actor() returns jsonb: who acts for the subject (RFC 8693 section 4.1) */
Datum
token_auth_actor(PG_FUNCTION_ARGS)
{
	return answer_named_claim(fcinfo, "act", &claim_jsonb_type);
}

static pg_noinline Datum
look_up_subject_uuid(FunctionCallInfo fcinfo)
{
	const VerifiedToken *token = statement_token(fcinfo);
	CallSite   *site;
	pg_uuid_t	uuid;

	if (token == NULL)
		PG_RETURN_NULL();
	site = call_site_find(fcinfo, token);
	if (site == NULL)
	{
		bool		is_uuid = token->subject != NULL &&
			claim_value_parse_uuid(VARDATA_ANY(token->subject),
								   VARSIZE_ANY_EXHDR(token->subject), &uuid);

		if (!is_uuid && statement_is_planning())
			PG_RETURN_NULL();
		site = call_site_renew(fcinfo, token);
		if (token->subject != NULL)
		{
			if (!is_uuid)
				report_error("22023", "the subject of the token is not a UUID",
							 NULL, "Compare token_auth.subject(), which is text.");
			call_site_keep(site, UUIDPGetDatum(&uuid), UUID_LEN);
		}
		site->serial = token->serial;
	}
	call_site_note_judged(fcinfo, site);
	return call_site_answer(fcinfo, site);
}

/* subject_uuid() returns uuid: the subject, where it is a UUID; another form is an error */
JUDGED_READER(subject_uuid, look_up_subject_uuid(fcinfo))
