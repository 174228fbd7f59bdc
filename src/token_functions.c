/*
 * token_functions.c
 *		Setting, verifying and inspecting a token as SQL functions.
 */
#include "postgres.h"

#include "activity.h"
#include "authenticate.h"
#include "claim_value.h"
#include "fmgr.h"
#include "funcapi.h"
#include "report.h"
#include "session.h"
#include "utils/builtins.h"
#include "utils/fmgroids.h"
#include "utils/inval.h"
#include "utils/jsonb.h"
#include "utils/timestamp.h"

/* Argument 0 as a string; NULL stays NULL. */
static const char *
token_argument(FunctionCallInfo fcinfo)
{
	return PG_ARGISNULL(0) ? NULL : text_to_cstring(PG_GETARG_TEXT_PP(0));
}

static Datum
set_token(FunctionCallInfo fcinfo, bool local)
{
	const VerifiedToken *token = session_set_token(token_argument(fcinfo), local);

	if (token == NULL || token->subject == NULL)
		PG_RETURN_NULL();
	PG_RETURN_TEXT_P(DatumGetTextPCopy(PointerGetDatum(token->subject)));
}

PG_FUNCTION_INFO_V1(token_auth_set_local_token);

/* set_local_token(token text) returns text: the subject of what is the transaction's token now */
Datum
token_auth_set_local_token(PG_FUNCTION_ARGS)
{
	return set_token(fcinfo, true);
}

PG_FUNCTION_INFO_V1(token_auth_set_session_token);

/* set_session_token(token text) returns text: the subject of what is the session's token now */
Datum
token_auth_set_session_token(PG_FUNCTION_ARGS)
{
	return set_token(fcinfo, false);
}

PG_FUNCTION_INFO_V1(token_auth_clear_token);

/* clear_token() returns void */
Datum
token_auth_clear_token(PG_FUNCTION_ARGS)
{
	session_clear_token();
	PG_RETURN_VOID();
}

/* The raw token to look at, or an error that it is NULL. */
static const char *
required_token(FunctionCallInfo fcinfo)
{
	if (PG_ARGISNULL(0))
		report_error("22004", "token must not be NULL", NULL, NULL);
	return token_argument(fcinfo);
}

PG_FUNCTION_INFO_V1(token_auth_verify);

/* verify(token text) returns jsonb: the claims, after every check that a session makes */
Datum
token_auth_verify(PG_FUNCTION_ARGS)
{
	const char *raw = required_token(fcinfo);
	Refusal		refusal;
	VerifiedToken *token;
	Jsonb	   *claims;

	activity_hide_tokens();
	AcceptInvalidationMessages();
	token = authenticate(raw, NULL, &refusal);
	if (token == NULL)
		report_refusal(refusal.verdict, &refusal.detail, refusal.log_detail);

	claims = DatumGetJsonbPCopy(JsonbPGetDatum(token->claims));
	verified_token_release(token);
	PG_RETURN_JSONB_P(claims);
}

/*
 * What revokes a token: issuer, token id, digest, expiry
 */

static Datum
return_revocation(FunctionCallInfo fcinfo, const char *issuer,
				  const char *token_id, const char *digest, int64 expires_at)
{
	TupleDesc	descriptor;
	Datum		values[4] = {0};
	bool		nulls[4] = {true, true, true, true};

	if (get_call_result_type(fcinfo, NULL, &descriptor) != TYPEFUNC_COMPOSITE)
		elog(ERROR, "return type must be a row type");
	if (issuer != NULL)
	{
		values[0] = CStringGetTextDatum(issuer);
		nulls[0] = false;
	}
	if (token_id != NULL)
	{
		values[1] = CStringGetTextDatum(token_id);
		nulls[1] = false;
	}
	if (digest != NULL)
	{
		values[2] = CStringGetTextDatum(digest);
		nulls[2] = false;
	}
	if (expires_at != TIME_ABSENT)
	{
		values[3] = TimestampTzGetDatum(UNIX_US_TO_TIMESTAMPTZ(expires_at));
		nulls[3] = false;
	}
	return HeapTupleGetDatum(heap_form_tuple(BlessTupleDesc(descriptor),
											 values, nulls));
}

static Datum
return_revocation_of(FunctionCallInfo fcinfo, const char *raw)
{
	SignedToken facts;
	Refusal		refusal;

	AcceptInvalidationMessages();
	if (!authenticate_signature(raw, &facts, &refusal))
		report_refusal(refusal.verdict, &refusal.detail, refusal.log_detail);
	return return_revocation(fcinfo, facts.issuer, facts.token_id,
							 facts.digest, facts.expires_at);
}

PG_FUNCTION_INFO_V1(token_auth_token_revocation);

/* token_revocation(token text) returns record: of a token whose signature verifies, expired or not */
Datum
token_auth_token_revocation(PG_FUNCTION_ARGS)
{
	const char *raw = required_token(fcinfo);

	activity_hide_tokens();
	return return_revocation_of(fcinfo, raw);
}

PG_FUNCTION_INFO_V1(token_auth_current_token_revocation);

/*
 * current_token_revocation() returns record: of the current token; NULLs without one
 *
 * Its signature counts and nothing else: who logs out late is not told that the
 * token has expired.
 */
Datum
token_auth_current_token_revocation(PG_FUNCTION_ARGS)
{
	SessionAbsence absence;
	const char *raw = session_raw_token(&absence);

	if (raw == NULL)
		return return_revocation(fcinfo, NULL, NULL, NULL, TIME_ABSENT);
	return return_revocation_of(fcinfo, raw);
}

/*
 * inspect
 */

static void
put_row(ReturnSetInfo *result, const char *step, const char *outcome,
		const char *detail)
{
	Datum		values[3] = {0};
	bool		nulls[3] = {false, false, detail == NULL || *detail == '\0'};

	values[0] = CStringGetTextDatum(step);
	values[1] = CStringGetTextDatum(outcome);
	if (!nulls[2])
		values[2] = CStringGetTextDatum(detail);
	tuplestore_putvalues(result->setResult, result->setDesc, values, nulls);
}

/* SQLSTATE, what was found, what to do */
static const char *
describe_refusal(const AuthenticationCheck *check)
{
	const char *hint = verdict_hint(check->verdict);

	return psprintf("%s %s: %s%s%s", verdict_sqlstate(check->verdict),
					verdict_name(check->verdict), check->detail.text,
					hint != NULL ? " " : "", hint != NULL ? hint : "");
}

static void
put_checks(ReturnSetInfo *result, const AuthenticationCheck *checks)
{
	for (int i = 0; i < AUTHENTICATION_CHECK_COUNT; i++)
	{
		const AuthenticationCheck *check = &checks[i];

		if (!check->made)
			put_row(result, check->step, "skipped", NULL);
		else if (check->verdict == VERDICT_OK)
			put_row(result, check->step, "pass", check->detail.text);
		else
			put_row(result, check->step, "fail", describe_refusal(check));
	}
}

/* A fact of the token and where it was looked for; without a value it is skipped. */
static void
put_fact(ReturnSetInfo *result, const char *name, const char *value,
		 const char *source)
{
	if (value == NULL)
		put_row(result, name, "skipped", psprintf("None in %s.", source));
	else
		put_row(result, name, "pass", psprintf("%s (from %s)", value, source));
}

static const char *
text_or_null(text *value)
{
	return value != NULL ? text_to_cstring(value) : NULL;
}

static const char *
join_or_null(ArrayType *set)
{
	if (ArrayGetNItems(ARR_NDIM(set), ARR_DIMS(set)) == 0)
		return NULL;
	return TextDatumGetCString(OidFunctionCall2(F_ARRAY_TO_STRING_ANYARRAY_TEXT,
												PointerGetDatum(set),
												CStringGetTextDatum(" ")));
}

/* What the token says, once its signature is known to be good. */
static void
put_facts(ReturnSetInfo *result, const VerifiedToken *token,
		  const AuthenticationSources *sources)
{
	put_fact(result, "subject", text_or_null(token->subject), sources->subject);
	put_fact(result, "client", text_or_null(token->client_id), sources->client);
	put_fact(result, "scopes", join_or_null(token->scopes.array), sources->scopes);
	put_fact(result, "roles", join_or_null(token->roles.array), sources->roles);
	if (token->roles_incomplete)
		put_row(result, "roles", "skipped",
				"The token says that its issuer left roles or groups out: has_role() is NULL for what is not listed.");
	put_fact(result, "device", text_or_null(token->device_id), sources->device);
	if (token->namespace[0] == '\0')
		put_row(result, "namespace", "pass", "Readers answer for this token.");
	else
		put_row(result, "namespace", "skipped",
				psprintf("Its issuer's people have namespace \"%s\": only readers that name it answer, as token_auth.subject('%s').",
						 token->namespace, token->namespace));
}

static void
inspect_token(ReturnSetInfo *result, const char *raw)
{
	AuthenticationCheck checks[AUTHENTICATION_CHECK_COUNT];
	AuthenticationSources sources;
	VerifiedToken *token;

	AcceptInvalidationMessages();
	token = authenticate_traced(raw, checks, &sources);
	put_checks(result, checks);
	if (token != NULL)
		put_facts(result, token, &sources);
}

PG_FUNCTION_INFO_V1(token_auth_inspect);

/* inspect(token text) returns table: a row for each check, in order; never raises because of the token */
Datum
token_auth_inspect(PG_FUNCTION_ARGS)
{
	const char *raw = required_token(fcinfo);

	activity_hide_tokens();
	InitMaterializedSRF(fcinfo, 0);
	inspect_token((ReturnSetInfo *) fcinfo->resultinfo, raw);
	return (Datum) 0;
}

PG_FUNCTION_INFO_V1(token_auth_inspect_current);

/* inspect() returns table: the same for the current token, or why there is none */
Datum
token_auth_inspect_current(PG_FUNCTION_ARGS)
{
	ReturnSetInfo *result = (ReturnSetInfo *) fcinfo->resultinfo;
	SessionAbsence absence;
	const char *raw = session_raw_token(&absence);
	const char *why_none = session_why_none();

	InitMaterializedSRF(fcinfo, 0);
	put_row(result, "current token", why_none == NULL ? "pass" : "fail",
			why_none == NULL ? "A token is set." : why_none);
	if (raw != NULL)
		inspect_token(result, raw);
	return (Datum) 0;
}
