/*
 * implicit_transaction.c
 *		Is the running statement one that only sets a setting?
 *
 * Outside a transaction block a statement that the client sends is a transaction
 * of its own. If all it does is to set a token for that transaction, nothing can
 * ever read the token.
 */
#include "postgres.h"

#include "access/transam.h"
#include "access/xact.h"
#include "implicit_transaction.h"
#include "miscadmin.h"
#include "nodes/nodeFuncs.h"
#include "tcop/pquery.h"
#include "utils/fmgroids.h"

static bool
is_not_built_in(Oid function, void *context)
{
	return function >= FirstUnpinnedObjectId;
}

/* Does an expression call anything but set_config() and built-in operators? */
static bool
calls_other_functions(Node *node, void *context)
{
	if (node == NULL)
		return false;
	if (IsA(node, SubPlan) ||
		(IsA(node, FuncExpr) && ((FuncExpr *) node)->funcid != F_SET_CONFIG) ||
		check_functions_in_node(node, is_not_built_in, context))
		return true;
	return expression_tree_walker(node, calls_other_functions, context);
}

static bool
has_table(const PlannedStmt *statement)
{
	ListCell   *cell;

	foreach(cell, statement->rtable)
	{
		if (lfirst_node(RangeTblEntry, cell)->rtekind != RTE_RESULT)
			return true;
	}
	return false;
}

/* SET, or SELECT set_config(): nothing in such a statement can read the token. */
static bool
only_sets(const PlannedStmt *statement)
{
	const VariableSetStmt *set = (VariableSetStmt *) statement->utilityStmt;

	if (set != NULL)
		return IsA(set, VariableSetStmt) && set->kind == VAR_SET_VALUE &&
			!set->is_local;		/* of SET LOCAL the server warns */
	return statement->commandType == CMD_SELECT && !has_table(statement) &&
		statement->subplans == NIL &&
		!calls_other_functions((Node *) statement->planTree->targetlist, NULL);
}

/*
 * Does the client run SET, or SELECT set_config(), outside a transaction block?
 *
 * Not where anything could read the token afterwards: in a string of several
 * statements, in a DO block or a function, or beside set_config() in the same
 * SELECT. Nor in a background worker, which may run several statements in one
 * transaction without a block.
 */
bool
implicit_transaction_only_sets(void)
{
	return MyBackendType == B_BACKEND && IsTransactionState() &&
		!IsTransactionBlock() &&
		ActivePortal != NULL && list_length(ActivePortal->stmts) == 1 &&
		only_sets(linitial_node(PlannedStmt, ActivePortal->stmts));
}
