/*
 * plan_readers.c
 *		Which plans depend on the token.
 *
 * A plan names the functions that it was made from in PlannedStmt.invalItems,
 * as hash values of pg_proc: also those of inlined SQL functions, of index
 * conditions and of partitions that were pruned. A policy may also ask by way
 * of a function of one's own. The plan does not show that there is such a
 * policy, so plan_readers_mark() notes it, in a field that means much the same:
 * dependsOnRole.
 */
#include "postgres.h"

#include "nodes/nodeFuncs.h"
#include "plan_readers.h"
#include "readers.h"
#include "utils/rel.h"
#include "utils/relcache.h"
#include "utils/syscache.h"

static bool
asks_functions_walker(Node *node, void *context)
{
	if (node == NULL)
		return false;
	if (IsA(node, Query))
		return query_tree_walker((Query *) node, asks_functions_walker, context, 0);
	return check_functions_in_node(node, reader_may_be_in, NULL) ||
		expression_tree_walker(node, asks_functions_walker, context);
}

/* Does a policy for this table, or a security_barrier view, call functions that may read? */
static bool
has_asking_barrier(const RangeTblEntry *entry)
{
	return asks_functions_walker((Node *) entry->securityQuals, NULL) ||
		(entry->security_barrier && asks_functions_walker((Node *) entry->subquery, NULL));
}

static bool
has_barriers_walker(Node *node, void *context)
{
	if (node == NULL)
		return false;
	if (IsA(node, Query))
		return plan_readers_have_barriers((Query *) node);
	return expression_tree_walker(node, has_barriers_walker, context);
}

/*
 * Returns true if policies or security_barrier views, of this query or of one
 * inside, call functions that are not built in: these may ask a reader.
 */
bool
plan_readers_have_barriers(Query *query)
{
	ListCell   *cell;

	if (query->hasRowSecurity &&
		asks_functions_walker((Node *) query->withCheckOptions, NULL))
		return true;
	foreach(cell, query->rtable)
	{
		if (has_asking_barrier(lfirst_node(RangeTblEntry, cell)))
			return true;
	}
	return query_tree_walker(query, has_barriers_walker, NULL, 0);
}

/* Notes in a new plan that there are such barriers; plancache.c then also compares the role. */
void
plan_readers_mark(PlannedStmt *plan, bool has_barriers)
{
	if (has_barriers)
		plan->dependsOnRole = true;
}

/*
 * May there be policies that the plan has no mark of? It was made before the
 * library was loaded.
 */
static bool
may_have_policies(const PlannedStmt *plan)
{
	ListCell   *cell;

	foreach(cell, plan->rtable)
	{
		const RangeTblEntry *entry = lfirst_node(RangeTblEntry, cell);
		Relation	relation;
		bool		has_policies;

		if (entry->security_barrier)
			return true;
		if (entry->rtekind != RTE_RELATION)
			continue;
		relation = RelationIdGetRelation(entry->relid);
		if (relation == NULL)
			continue;
		has_policies = relation->rd_rel->relrowsecurity;
		RelationClose(relation);
		if (has_policies)
			return true;
	}
	return false;
}

/* Does the plan go over rows, other than the one of a query without FROM? */
static bool
has_rows(const PlannedStmt *plan)
{
	ListCell   *cell;

	foreach(cell, plan->rtable)
	{
		switch (lfirst_node(RangeTblEntry, cell)->rtekind)
		{
			case RTE_RESULT:
			case RTE_SUBQUERY:	/* its own tables are in the list */
			case RTE_JOIN:
			case RTE_CTE:
				break;
			default:
				return true;
		}
	}
	return false;
}

/*
 * Finds out whether a plan depends on the token, and in which ways. A function
 * of one's own may be one that reads the token.
 *
 *	is_marked	false: the plan may be older than plan_readers_mark()
 */
void
plan_readers_find(const PlannedStmt *plan, bool is_marked, PlanReaders *found)
{
	bool		has_functions = false;
	ListCell   *cell;

	memset(found, 0, sizeof(*found));
	if (plan->invalItems == NIL || plan->commandType == CMD_UTILITY || !has_rows(plan))
		return;

	readers_know();
	foreach(cell, plan->invalItems)
	{
		const PlanInvalItem *item = lfirst_node(PlanInvalItem, cell);
		const Reader *reader = item->cacheId == PROCOID ? reader_of_hash(item->hashValue) : NULL;

		if (reader == NULL)
		{
			has_functions |= item->cacheId == PROCOID;
			continue;
		}
		found->depends = true;
		found->may_raise |= reader->may_raise;
		found->need_token |= reader->need != NEEDS_NOTHING;
		found->need_default_namespace |= reader->need == NEEDS_DEFAULT_NAMESPACE;
	}
	if (has_functions &&
		(plan->dependsOnRole || (!is_marked && may_have_policies(plan))))
		found->depends = true;
	found->need_token |= found->depends && has_functions;
}
