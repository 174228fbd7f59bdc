/*
 * planner_support.c
 *		What the planner should know of boolean readers.
 *
 * A reader's answer is that of the token at hand, and so are the estimates
 * here: the planner asks the readers themselves, which are STABLE, as it does
 * for owner = subject(). Nothing is folded into the plan, which may run under
 * another token.
 */
#include "postgres.h"

#include "catalog/namespace.h"
#include "catalog/pg_collation.h"
#include "catalog/pg_proc.h"
#include "catalog/pg_type.h"
#include "compat.h"
#include "fmgr.h"
#include "nodes/makefuncs.h"
#include "nodes/nodeFuncs.h"
#include "nodes/pathnodes.h"
#include "nodes/supportnodes.h"
#include "optimizer/cost.h"
#include "optimizer/optimizer.h"
#include "utils/builtins.h"
#include "utils/lsyscache.h"
#include "utils/syscache.h"

/*
 * A call of a function that stands beside this one in its schema, or NULL. It
 * is found whoever plans: a policy asks for no privilege on the schema either.
 *
 *	args	its arguments: one or none
 */
static Expr *
call_beside(Oid funcid, const char *name, List *args)
{
	Oid			type = args == NIL ? InvalidOid : exprType(linitial(args));
	Oid			function = GetSysCacheOid3(PROCNAMEARGSNSP, Anum_pg_proc_oid,
										   CStringGetDatum(name),
										   PointerGetDatum(buildoidvector(&type, list_length(args))),
										   ObjectIdGetDatum(get_func_namespace(funcid)));

	Assert(list_length(args) <= 1);
	if (!OidIsValid(function))
		return NULL;
	return (Expr *) makeFuncExpr(function, get_func_rettype(function), args,
								 InvalidOid, InvalidOid, COERCE_EXPLICIT_CALL);
}

/* value = ANY (array), by bytes where they are text; or NULL if there is no such operator. */
static ScalarArrayOpExpr *
make_any(Node *value, Expr *array, Oid collation)
{
	ScalarArrayOpExpr *any;
	List	   *equal = list_make2(makeString("pg_catalog"), makeString("="));
	Oid			operator;

	if (array == NULL)
		return NULL;
	operator = OpernameGetOprid(equal, exprType(value),
								get_element_type(exprType((Node *) array)));
	if (!OidIsValid(operator))
		return NULL;

	any = makeNode(ScalarArrayOpExpr);
	any->opno = operator;
	any->opfuncid = get_opcode(operator);
	any->useOr = true;
	any->inputcollid = collation;
	any->args = list_make2(value, array);
	any->location = -1;
	return any;
}

/* The part of the rows that this lets through, estimated for the request's place. */
static Node *
answer_selectivity(SupportRequestSelectivity *request, ScalarArrayOpExpr *any)
{
	if (any == NULL)
		return NULL;
	request->selectivity = clause_selectivity(request->root, (Node *) any,
											  request->varRelid, request->jointype,
											  request->sjinfo);
	return (Node *) request;
}

/*
 * Readers that raise or answer a claim
 */

PG_FUNCTION_INFO_V1(token_auth_gate_support);

/*
 * gate_support(internal) returns internal: for claim_boolean() and require_scope()
 *
 * Without an argument from a row such a reader lets every row through or none.
 * If none, no estimate matters; so it never narrows one. By default the planner
 * would take a third of the rows for it. It is not asked: its answer may be an
 * error, in a statement that never comes to it.
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

/*
 * Tests
 */

/* The set that a test with one argument looks into, as an array; or NULL. */
static Expr *
set_of_test(Oid funcid, List *args)
{
	const char *name = get_func_name(funcid);

	if (list_length(args) != 1 || name == NULL)
		return NULL;
	if (strcmp(name, "has_scope") == 0)
		return call_beside(funcid, "scopes", NIL);
	if (strcmp(name, "has_role") == 0)
		return call_beside(funcid, "roles", NIL);
	return NULL;
}

/* 1 or 0: what the test says now. */
static Selectivity
outcome_of_test(const SupportRequestSelectivity *request)
{
	FuncExpr   *call = makeFuncExpr(request->funcid, BOOLOID, request->args,
									InvalidOid, request->inputcollid,
									COERCE_EXPLICIT_CALL);
	Node	   *value = estimate_expression_value(request->root, (Node *) call);
	Const	   *outcome;

	/* a parameter that is not known yet */
	if (!IsA(value, Const))
		return 1.0;
	outcome = castNode(Const, value);
	return !outcome->constisnull && DatumGetBool(outcome->constvalue) ? 1.0 : 0.0;
}

PG_FUNCTION_INFO_V1(token_auth_test_support);

/*
 * test_support(internal) returns internal: for has_scope(), has_role(), is_client() and their kind
 *
 * As good as a constant: in owner = subject() OR has_role('auditor') the one
 * who is an auditor sees all. A test of a row's value is one for equality with
 * any of the set.
 */
Datum
token_auth_test_support(PG_FUNCTION_ARGS)
{
	Node	   *request = (Node *) PG_GETARG_POINTER(0);
	SupportRequestSelectivity *selectivity;

	if (!IsA(request, SupportRequestSelectivity))
		PG_RETURN_POINTER(NULL);

	selectivity = (SupportRequestSelectivity *) request;
	if (contain_var_clause((Node *) selectivity->args))
		PG_RETURN_POINTER(answer_selectivity(selectivity,
											 make_any(linitial(selectivity->args),
													  set_of_test(selectivity->funcid, selectivity->args),
													  C_COLLATION_OID)));
	selectivity->selectivity = outcome_of_test(selectivity);
	PG_RETURN_POINTER(selectivity);
}

/*
 * Membership
 */

/* How many operators a look into a hash table costs, and into the claims themselves. */
#define HASHED_LOOKUP_OPERATORS 2
#define CLAIM_READING_OPERATORS 100

/*
 * Is the path of this in_claim() the same for all rows? A parameter is not,
 * as for in_claim() itself.
 */
static bool
has_constant_path(List *args)
{
	return IsA(lsecond(args), Const) && !lsecond_node(Const, args)->constisnull;
}

/* in_claim(value, path) as value = ANY (its members), or NULL. */
static ScalarArrayOpExpr *
membership_as_any(Oid funcid, List *args, Oid collation)
{
	Node	   *value = linitial(args);
	const char *members;

	if (!has_constant_path(args))
		return NULL;
	switch (exprType(value))
	{
		case TEXTOID:
			members = "claim_members_text";
			break;
		case UUIDOID:
			members = "claim_members_uuid";
			break;
		case INT8OID:
		case INT4OID:
		case INT2OID:
			members = "claim_members_bigint";
			break;
		default:
			return NULL;
	}
	return make_any(value, call_beside(funcid, members, list_make1(lsecond(args))),
					collation);
}

static Node *
membership_selectivity(SupportRequestSelectivity *request)
{
	if (!contain_var_clause((Node *) request->args))
	{
		/* all rows or none, as in gate_support() */
		request->selectivity = 1.0;
		return (Node *) request;
	}
	return answer_selectivity(request,
							  membership_as_any(request->funcid, request->args,
												C_COLLATION_OID));
}

static Node *
membership_cost(SupportRequestCost *request)
{
	Cost		reading = CLAIM_READING_OPERATORS * cpu_operator_cost;

	if (request->node == NULL || !IsA(request->node, FuncExpr))
		return NULL;
	if (has_constant_path(castNode(FuncExpr, request->node)->args))
	{
		request->startup = reading;
		request->per_tuple = HASHED_LOOKUP_OPERATORS * cpu_operator_cost;
	}
	else
	{
		request->startup = 0;
		request->per_tuple = reading;
	}
	return (Node *) request;
}

/*
 * Let the index answer value = ANY (...), if it can. The planner looks at the
 * condition that was written, and so does not know that this one is an array's.
 * Two kinds of plan must not be made: one whose order is relied upon although
 * an array stands for another column than the first; and a plain scan by an
 * access method that takes no arrays (hash). The executor unfolds an array for
 * a bitmap only; so for this query the index is one for bitmaps.
 */
static bool
index_takes_any(IndexOptInfo *index, int column)
{
	if (index->amsearcharray)
		return column == 0 || COMPAT_ARRAY_SCANS_KEEP_ORDER || !index->amhasgettuple;
	if (!index->amhasgetbitmap || index->amcanorderbyop)
		return false;			/* one that finds the nearest must stay what it is */
	index->amhasgettuple = false;
	return true;
}

/*
 * in_claim() compares bytes. So does equality of text, but for collations that
 * are not deterministic; there it would find more.
 */
static bool
compares_bytes(Oid collation)
{
	return !OidIsValid(collation) || get_collation_isdeterministic(collation);
}

static Node *
membership_index_condition(SupportRequestIndexCondition *request)
{
	ScalarArrayOpExpr *any;

	if (!IsA(request->node, FuncExpr) || request->indexarg != 0 ||
		!compares_bytes(request->indexcollation))
		return NULL;

	any = membership_as_any(request->funcid,
							castNode(FuncExpr, request->node)->args,
							request->indexcollation);
	if (any == NULL || !op_in_opfamily(any->opno, request->opfamily) ||
		!index_takes_any(request->index, request->indexcol))
		return NULL;
	request->lossy = false;
	return (Node *) list_make1(any);
}

PG_FUNCTION_INFO_V1(token_auth_membership_support);

/* membership_support(internal) returns internal: for in_claim() */
Datum
token_auth_membership_support(PG_FUNCTION_ARGS)
{
	Node	   *request = (Node *) PG_GETARG_POINTER(0);

	switch (nodeTag(request))
	{
		case T_SupportRequestSelectivity:
			PG_RETURN_POINTER(membership_selectivity((SupportRequestSelectivity *) request));
		case T_SupportRequestCost:
			PG_RETURN_POINTER(membership_cost((SupportRequestCost *) request));
		case T_SupportRequestIndexCondition:
			PG_RETURN_POINTER(membership_index_condition((SupportRequestIndexCondition *) request));
		default:
			PG_RETURN_POINTER(NULL);
	}
}
