/*
 * plan_settling.c
 *		Raises what the readers of a plan may raise, before the first row.
 *
 * Each condition of the plan is settled. Outputs of the main query are left
 * out: they are computed for rows that have passed every policy.
 */
#include "postgres.h"

#include "compat.h"
#include "miscadmin.h"
#include "plan_settling.h"
#include "readers.h"
#include "settling.h"

static void
settle_check_options(List *options, Settling *settling)
{
	ListCell   *cell;

	foreach(cell, options)
	{
		WithCheckOption *option = lfirst_node(WithCheckOption, cell);

		settling_conditions((List *) option->qual, settling);
	}
}

static void
settle_merge_actions(List *actions, Settling *settling)
{
	ListCell   *cell;

	foreach(cell, actions)
	{
		MergeAction *action = lfirst_node(MergeAction, cell);

		settling_conditions((List *) action->qual, settling);
	}
}

/* What is checked of the rows of each target table, and which of them are chosen. */
static void
settle_modification(ModifyTable *plan, Settling *settling)
{
	ListCell   *cell;

	foreach(cell, plan->withCheckOptionLists)
	{
		settle_check_options(lfirst(cell), settling);
	}
	foreach(cell, plan->mergeActionLists)
	{
		settle_merge_actions(lfirst(cell), settling);
	}
	settling_conditions((List *) plan->onConflictWhere, settling);
}

/*
 * Settles the conditions that only this kind of node has; returns false if
 * they let no row through.
 */
static bool
settle_own_conditions(Plan *plan, Settling *settling)
{
	switch (nodeTag(plan))
	{
		case T_Result:
			return settling_gate((List *) ((Result *) plan)->resconstantqual, settling);
		case T_ModifyTable:
			settle_modification((ModifyTable *) plan, settling);
			break;
		case T_IndexScan:
			settling_each(((IndexScan *) plan)->indexqual, settling);
			settling_each(((IndexScan *) plan)->indexorderby, settling);
			break;
		case T_IndexOnlyScan:
			settling_each(((IndexOnlyScan *) plan)->indexqual, settling);
			settling_each(((IndexOnlyScan *) plan)->indexorderby, settling);
			settling_each(((IndexOnlyScan *) plan)->recheckqual, settling);
			break;
		case T_BitmapIndexScan:
			settling_each(((BitmapIndexScan *) plan)->indexqual, settling);
			break;
		case T_BitmapHeapScan:
			settling_each(((BitmapHeapScan *) plan)->bitmapqualorig, settling);
			break;
		case T_TidScan:
			settling_each(((TidScan *) plan)->tidquals, settling);
			break;
		case T_TidRangeScan:
			settling_each(((TidRangeScan *) plan)->tidrangequals, settling);
			break;
		case T_FunctionScan:
			settling_each(((FunctionScan *) plan)->functions, settling);
			break;
		case T_ValuesScan:
			settling_each(((ValuesScan *) plan)->values_lists, settling);
			break;
		case T_ForeignScan:
			settling_each(((ForeignScan *) plan)->fdw_exprs, settling);
			settling_each(((ForeignScan *) plan)->fdw_recheck_quals, settling);
			break;
		case T_CustomScan:
			settling_each(((CustomScan *) plan)->custom_exprs, settling);
			break;
		case T_NestLoop:
		case T_MergeJoin:
		case T_HashJoin:
			settling_conditions(((Join *) plan)->joinqual, settling);
			if (IsA(plan, MergeJoin))
				settling_each(((MergeJoin *) plan)->mergeclauses, settling);
			if (IsA(plan, HashJoin))
			{
				settling_each(((HashJoin *) plan)->hashclauses, settling);
				settling_each(((HashJoin *) plan)->hashkeys, settling);
			}
			break;
		case T_SampleScan:
			settling_each(list_make1(((SampleScan *) plan)->tablesample), settling);
			break;
		case T_TableFuncScan:
			settling_each(list_make1(((TableFuncScan *) plan)->tablefunc), settling);
			break;
		case T_WindowAgg:
			settling_each(list_make2(((WindowAgg *) plan)->startOffset,
								   ((WindowAgg *) plan)->endOffset), settling);
			settling_each(((WindowAgg *) plan)->runCondition, settling);
			break;
		case T_Hash:
			settling_each(((Hash *) plan)->hashkeys, settling);
			break;
		case T_Memoize:
			settling_each(((Memoize *) plan)->param_exprs, settling);
			break;
		case T_Limit:
			settling_each(list_make2(((Limit *) plan)->limitOffset,
								   ((Limit *) plan)->limitCount), settling);
			break;
		default:
			break;
	}
	return true;
}

/* Settles copies of conditions by which partitions are left out. */
static void
settle_pruning_steps(List *steps, Settling *settling)
{
	ListCell   *cell;

	foreach(cell, steps)
	{
		if (IsA(lfirst(cell), PartitionPruneStepOp))
			settling_each(lfirst_node(PartitionPruneStepOp, cell)->exprs, settling);
	}
}

static void
settle_pruned_tables(List *tables, Settling *settling)
{
	ListCell   *cell;

	foreach(cell, tables)
	{
		PartitionedRelPruneInfo *table = lfirst_node(PartitionedRelPruneInfo, cell);

		settle_pruning_steps(table->initial_pruning_steps, settling);
		settle_pruning_steps(table->exec_pruning_steps, settling);
	}
}

static void
settle_pruning(const PartitionPruneInfo *info, Settling *settling)
{
	ListCell   *cell;

	if (info == NULL)
		return;
	foreach(cell, info->prune_infos)
	{
		settle_pruned_tables(lfirst(cell), settling);
	}
}

static void settle_plan(Plan *plan, Settling *settling);

static void
settle_plans(List *plans, Settling *settling)
{
	ListCell   *cell;

	foreach(cell, plans)
	{
		settle_plan(lfirst(cell), settling);
	}
}

static void
settle_children(Plan *plan, Settling *settling)
{
	settle_plan(plan->lefttree, settling);
	settle_plan(plan->righttree, settling);
	switch (nodeTag(plan))
	{
		case T_Append:
			settle_pruning(compat_prune_info(plan), settling);
			settle_plans(((Append *) plan)->appendplans, settling);
			break;
		case T_MergeAppend:
			settle_pruning(compat_prune_info(plan), settling);
			settle_plans(((MergeAppend *) plan)->mergeplans, settling);
			break;
		case T_BitmapAnd:
			settle_plans(((BitmapAnd *) plan)->bitmapplans, settling);
			break;
		case T_BitmapOr:
			settle_plans(((BitmapOr *) plan)->bitmapplans, settling);
			break;
		case T_SubqueryScan:
			settle_plan(((SubqueryScan *) plan)->subplan, settling);
			break;
		case T_CustomScan:
			settle_plans(((CustomScan *) plan)->custom_plans, settling);
			break;
		default:
			break;
	}
}

/* Does the node compute with outputs of its children, before the rows are complete? */
static bool
makes_inner_outputs(const Plan *plan)
{
	return IsA(plan, NestLoop) || IsA(plan, MergeJoin) || IsA(plan, HashJoin) ||
		IsA(plan, Append) || IsA(plan, MergeAppend) || IsA(plan, SubqueryScan);
}

/* A node whose own conditions are false for this token does not ask its children. */
static void
settle_plan(Plan *plan, Settling *settling)
{
	bool		settles_outputs = settling->settles_outputs;

	if (plan == NULL)
		return;
	check_stack_depth();
	if (!settle_own_conditions(plan, settling))
		return;
	if (settling->has_barriers && makes_inner_outputs(plan))
		settling->settles_outputs = true;
	settle_children(plan, settling);
	settling->settles_outputs = settles_outputs;
	settling_conditions(plan->qual, settling);
	if (settling->settles_outputs)
	{
		settling->is_output = true;
		settling_each(plan->targetlist, settling);
		settling->is_output = false;
	}
}

/*
 * Raises what a reader in the conditions or in the sub-queries of this plan
 * would raise because of the token, whichever rows there are. The readers are
 * called as the executor does; the caller sees to it that they answer.
 *
 *	parameters	the values of the query's parameters
 *	serial		the serial of the token that they answer for; 0: there is none
 *	is_settled	the leader of this parallel worker has done so: nothing is raised
 *
 * Returns the calls (FuncExpr) that could not be settled, as their arguments
 * come from a row, in the current memory context. They must not raise.
 */
List *
plan_settle(const PlannedStmt *plan, ParamListInfo parameters,
			uint64 serial, bool is_settled)
{
	Settling	settling = {.parameters = parameters, .serial = serial, .is_settled = is_settled,
		.has_barriers = plan->dependsOnRole || is_settled};
	ListCell   *cell;

	readers_know();
	settle_plan(plan->planTree, &settling);
	settling.settles_outputs = true;
	foreach(cell, plan->subplans)
	{
		settle_plan(lfirst(cell), &settling);
	}
	settling_end(&settling);
	return settling.silenced;
}
