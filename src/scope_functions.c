/*
 * scope_functions.c
 *		Scopes and roles of the current token as SQL functions.
 *
 * Sets are exact: 'read' is not in 'read:all'. Absent means empty means false.
 */
#include "postgres.h"

#include "call_site.h"
#include "miscadmin.h"
#include "report.h"
#include "statement.h"
#include "utils/array.h"
#include "utils/builtins.h"

/* The order of a NameSet: by bytes, the shorter first where one begins with the other. */
static int
compare_names(const void *a, const void *b)
{
	const text *left = a;
	const text *right = *(text *const *) b;
	size_t		left_length = VARSIZE_ANY_EXHDR(left);
	size_t		right_length = VARSIZE_ANY_EXHDR(right);
	int			order = memcmp(VARDATA_ANY(left), VARDATA_ANY(right),
							   Min(left_length, right_length));

	if (order != 0 || left_length == right_length)
		return order;
	return left_length < right_length ? -1 : 1;
}

static bool
set_contains(const NameSet *set, const text *name)
{
	return bsearch(name, set->names, set->n_names, sizeof(text *),
				   compare_names) != NULL;
}

/* Remember what the constant argument came to. */
static void
keep_outcome(FunctionCallInfo fcinfo, const VerifiedToken *token, bool outcome)
{
	CallSite   *site = call_site_renew(fcinfo, token);

	site->value = BoolGetDatum(outcome);
	site->is_null = false;
	site->serial = token->serial;
	call_site_note_judged(fcinfo, site);
}

/* Does the set contain argument 0? Remembered where that is a constant. */
static bool
answer_contains(FunctionCallInfo fcinfo, const VerifiedToken *token,
				const NameSet *set)
{
	CallSite   *site = call_site_find(fcinfo, token);
	bool		contains;

	if (site != NULL)
	{
		call_site_note_judged(fcinfo, site);
		return DatumGetBool(site->value);
	}
	contains = set_contains(set, PG_GETARG_TEXT_PP(0));
	if (call_site_has_constant(fcinfo, 0))
		keep_outcome(fcinfo, token, contains);
	return contains;
}

static pg_noinline Datum
look_up_scope(FunctionCallInfo fcinfo)
{
	const VerifiedToken *token = statement_token(fcinfo);

	if (token == NULL || PG_ARGISNULL(0))
		PG_RETURN_BOOL(false);
	PG_RETURN_BOOL(answer_contains(fcinfo, token, &token->scopes));
}

PG_FUNCTION_INFO_V1(token_auth_has_scope);

/* has_scope(scope text) returns boolean */
Datum
token_auth_has_scope(PG_FUNCTION_ARGS)
{
	CallSite   *site = call_site_judged(fcinfo);

	if (likely(site != NULL))
		return site->value;
	return look_up_scope(fcinfo);
}

PG_FUNCTION_INFO_V1(token_auth_has_role);

/* has_role(role text) returns boolean: NULL where the token says that its list is incomplete */
Datum
token_auth_has_role(PG_FUNCTION_ARGS)
{
	const VerifiedToken *token = statement_token(fcinfo);

	if (token == NULL || PG_ARGISNULL(0))
		PG_RETURN_BOOL(false);
	if (answer_contains(fcinfo, token, &token->roles))
		PG_RETURN_BOOL(true);
	if (token->roles_incomplete)
		PG_RETURN_NULL();
	PG_RETURN_BOOL(false);
}

/* The token, if it is of the namespace in argument 1, or NULL. */
static const VerifiedToken *
token_of_second_argument(FunctionCallInfo fcinfo)
{
	if (PG_ARGISNULL(0) || PG_ARGISNULL(1))
	{
		(void) statement_any_token(fcinfo);
		return NULL;
	}
	return statement_token_in_namespace(fcinfo, PG_GETARG_TEXT_PP(1));
}

PG_FUNCTION_INFO_V1(token_auth_has_scope_in_namespace);

/* has_scope(scope text, namespace text) returns boolean */
Datum
token_auth_has_scope_in_namespace(PG_FUNCTION_ARGS)
{
	const VerifiedToken *token = token_of_second_argument(fcinfo);

	PG_RETURN_BOOL(token != NULL &&
				   set_contains(&token->scopes, PG_GETARG_TEXT_PP(0)));
}

PG_FUNCTION_INFO_V1(token_auth_has_role_in_namespace);

/* has_role(role text, namespace text) returns boolean */
Datum
token_auth_has_role_in_namespace(PG_FUNCTION_ARGS)
{
	const VerifiedToken *token = token_of_second_argument(fcinfo);

	if (token == NULL)
		PG_RETURN_BOOL(false);
	if (set_contains(&token->roles, PG_GETARG_TEXT_PP(0)))
		PG_RETURN_BOOL(true);
	if (token->roles_incomplete)
		PG_RETURN_NULL();
	PG_RETURN_BOOL(false);
}

/*
 * Has the set any of the wanted names or, if all is true, all of them? Of an
 * empty list it has neither any nor, for that asks for nothing by mistake, all.
 * A NULL is never in it. The list is the caller's, and as long as they like.
 */
static bool
set_contains_listed(const NameSet *set, ArrayType *wanted, bool all)
{
	ArrayIterator names = array_create_iterator(wanted, 0, NULL);
	bool		result = false;
	Datum		name;
	bool		is_null;

	while (array_iterate(names, &name, &is_null))
	{
		CHECK_FOR_INTERRUPTS();
		result = !is_null && set_contains(set, DatumGetTextPP(name));
		if (result != all)
			break;
	}
	array_free_iterator(names);
	return result;
}

/* Has the token any, or all, of the scopes in argument 0? Remembered where that is a constant. */
static Datum
answer_listed(FunctionCallInfo fcinfo, bool all)
{
	const VerifiedToken *token;
	CallSite   *site = call_site_judged(fcinfo);
	bool		contains;

	if (likely(site != NULL))
		return site->value;
	token = statement_token(fcinfo);
	if (token == NULL || PG_ARGISNULL(0))
		PG_RETURN_BOOL(false);
	site = call_site_find(fcinfo, token);
	if (site != NULL)
	{
		call_site_note_judged(fcinfo, site);
		return site->value;
	}
	contains = set_contains_listed(&token->scopes, PG_GETARG_ARRAYTYPE_P(0), all);
	if (call_site_has_constant(fcinfo, 0))
		keep_outcome(fcinfo, token, contains);
	PG_RETURN_BOOL(contains);
}

PG_FUNCTION_INFO_V1(token_auth_has_any_scope);

/* has_any_scope(VARIADIC scopes text[]) returns boolean: false for an empty list */
Datum
token_auth_has_any_scope(PG_FUNCTION_ARGS)
{
	return answer_listed(fcinfo, false);
}

PG_FUNCTION_INFO_V1(token_auth_has_all_scopes);

/* has_all_scopes(VARIADIC scopes text[]) returns boolean: false for an empty list */
Datum
token_auth_has_all_scopes(PG_FUNCTION_ARGS)
{
	return answer_listed(fcinfo, true);
}

/* Raises the error of require_scope() for this token. */
static void pg_attribute_noreturn()
refuse_scope(FunctionCallInfo fcinfo, const VerifiedToken *token)
{
	if (PG_ARGISNULL(0))
		report_error("22004", "scope must not be NULL", NULL, NULL);
	if (token == NULL || token->namespace[0] != '\0')
		session_refuse_missing(token);
	report_error("42501",
				 psprintf("the token lacks scope \"%s\"",
						  text_to_cstring(PG_GETARG_TEXT_PP(0))),
				 NULL,
				 "Obtain a token with that scope and set it.");
}

PG_FUNCTION_INFO_V1(token_auth_require_scope);

/*
 * require_scope(scope text) returns boolean: true, or an error that names the scope
 *
 * NULL instead of an error if the scope comes from a row of a plan that was
 * settled, see call_site_may_raise().
 */
Datum
token_auth_require_scope(PG_FUNCTION_ARGS)
{
	const VerifiedToken *token = statement_any_token(fcinfo);
	bool		is_of_namespace = token != NULL && token->namespace[0] == '\0';

	if (is_of_namespace && !PG_ARGISNULL(0) &&
		answer_contains(fcinfo, token, &token->scopes))
		PG_RETURN_BOOL(true);
	if (!call_site_may_raise(fcinfo))
		PG_RETURN_NULL();
	refuse_scope(fcinfo, token);
}
