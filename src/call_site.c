/*
 * call_site.c
 *		What a reader remembers at one place in a plan.
 */
#include "postgres.h"

#include "call_site.h"
#include "nodes/primnodes.h"
#include "utils/datum.h"
#include "utils/memutils.h"

/*
 * Forget what the call site remembers of another token, and begin anew. The
 * serial is set by call_site_keep(), once there is something to remember.
 */
CallSite *
call_site_renew(FunctionCallInfo fcinfo, const VerifiedToken *token)
{
	CallSite   *site = fcinfo->flinfo->fn_extra;
	MemoryContext context;

	if (site == NULL)
	{
		context = AllocSetContextCreate(fcinfo->flinfo->fn_mcxt,
										"token_auth call site",
										ALLOCSET_SMALL_SIZES);
		site = MemoryContextAllocZero(fcinfo->flinfo->fn_mcxt,
									  sizeof(CallSite));
		site->context = context;
		fcinfo->flinfo->fn_extra = site;
	}
	site->stamp = CALL_SITE_NO_STAMP;
	site->serial = 0;
	site->is_null = true;
	site->value = (Datum) 0;
	site->detail = NULL;
	MemoryContextReset(site->context);
	return site;
}

/* Remember a by-reference value (length as in pg_type), copied. */
void
call_site_keep(CallSite *site, Datum value, int16 length)
{
	MemoryContext caller = MemoryContextSwitchTo(site->context);

	site->value = datumCopy(value, false, length);
	site->is_null = false;
	MemoryContextSwitchTo(caller);
}

/* Remember a varlena, copied, or NULL: all that there is to remember of this token. */
CallSite *
call_site_keep_varlena(FunctionCallInfo fcinfo, const VerifiedToken *token,
					   const void *varlena)
{
	CallSite   *site = call_site_renew(fcinfo, token);

	if (varlena != NULL)
		call_site_keep(site, PointerGetDatum(varlena), -1);
	site->serial = token->serial;
	return site;
}

/*
 * Is this argument a constant of the plan? A parameter is not: PL/pgSQL
 * evaluates one expression with many values of it.
 */
bool
call_site_has_constant(FunctionCallInfo fcinfo, int argument)
{
	Node	   *expression = fcinfo->flinfo->fn_expr;
	Node	   *node;

	if (expression == NULL || !IsA(expression, FuncExpr) ||
		argument >= list_length(((FuncExpr *) expression)->args))
		return false;
	node = list_nth(((FuncExpr *) expression)->args, argument);
	return IsA(node, Const);
}

/*
 * Returns true if the reader may raise an error because of what the token says.
 * It returns NULL instead for an estimate, and in a condition of a plan that was
 * settled if an argument comes from a row: the error would show that the row
 * was reached.
 */
bool
call_site_may_raise(FunctionCallInfo fcinfo)
{
	return !statement_is_planning() &&
		!statement_has_silenced(fcinfo->flinfo->fn_expr);
}
