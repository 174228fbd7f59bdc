/*
 * planner_support.c
 *		What the planner should know of readers.
 */
#include "postgres.h"

#include "fmgr.h"
#include "nodes/supportnodes.h"
#include "optimizer/optimizer.h"

PG_FUNCTION_INFO_V1(token_auth_gate_support);

/*
 * gate_support(internal) returns internal: for boolean readers such as has_scope()
 *
 * Without an argument from a row such a reader lets every row through or none.
 * If none, no estimate matters; so it never narrows one. By default the planner
 * would take a third of the rows for it.
 */
Datum
token_auth_gate_support(PG_FUNCTION_ARGS)
{
	Node	   *request = (Node *) PG_GETARG_POINTER(0);
	SupportRequestSelectivity *selectivity;

	if (!IsA(request, SupportRequestSelectivity))
		PG_RETURN_POINTER(NULL);

	selectivity = (SupportRequestSelectivity *) request;
	if (contain_var_clause((Node *) selectivity->args))
		PG_RETURN_POINTER(NULL);
	selectivity->selectivity = 1.0;
	PG_RETURN_POINTER(selectivity);
}
