/*
 * settling.c
 *		Raises what the readers of conditions may raise, before the first row.
 *
 * Some readers raise an error because of what the token says. In a condition
 * that must not depend on a row having reached it, so before the first row
 * each is called once. The walk follows the order in which the executor
 * evaluates conditions, as if nothing were known of any row: a reader behind a
 * test of the token that fails is never reached and is not asked.
 */
#include "postgres.h"

#include "catalog/pg_proc.h"
#include "catalog/pg_type.h"
#include "common/hashfn.h"
#include "executor/executor.h"
#include "nodes/makefuncs.h"
#include "nodes/nodeFuncs.h"
#include "readers.h"
#include "settling.h"
#include "utils/builtins.h"
#include "utils/lsyscache.h"
#include "utils/memutils.h"
#include "utils/uuid.h"

/*
 * The result of a condition, as far as the token alone decides it
 */

typedef struct Outcome
{
	bool		is_known;
	bool		is_null;
	Datum		value;
} Outcome;

static const Outcome unknown = {false, true, (Datum) 0};
static const Outcome known_true = {true, false, BoolGetDatum(true)};
static const Outcome known_false = {true, false, BoolGetDatum(false)};

static Outcome settle_expression(Node *node, Settling *settling);
static bool settle_walker(Node *node, void *context);

static bool
is_true(Outcome outcome)
{
	return outcome.is_known && !outcome.is_null && DatumGetBool(outcome.value);
}

static bool
is_false(Outcome outcome)
{
	return outcome.is_known && !outcome.is_null && !DatumGetBool(outcome.value);
}

/* Limits the expressions that may be evaluated before there is a row. */
typedef struct Extent
{
	bool		inside_case;	/* CaseTestExpr has a value */
	bool		is_condition;	/* may call functions of PostgreSQL, which may raise */
} Extent;

/* Is the function neither a reader nor one that may be called before there is a row? */
static bool
is_unfit(Oid function, void *context)
{
	const Extent *extent = context;

	if (reader_of_function(function) != NULL)
		return false;
	if (func_volatile(function) == PROVOLATILE_VOLATILE)
		return true;
	return !get_func_leakproof(function) &&
		(!extent->is_condition || reader_may_be_in(function, NULL));
}

static bool
asks_for_more_walker(Node *node, void *context)
{
	Extent	   *extent = context;

	if (node == NULL)
		return false;
	switch (nodeTag(node))
	{
		case T_Param:
			return castNode(Param, node)->paramkind != PARAM_EXTERN;
		case T_CaseTestExpr:
			return !extent->inside_case;
		case T_CaseExpr:
			{
				Extent		inside = {true, extent->is_condition};

				return expression_tree_walker(node, asks_for_more_walker, &inside);
			}
		case T_CoerceViaIO:
		case T_MinMaxExpr:
		case T_SQLValueFunction:
			if (!extent->is_condition)
				return true;
			/* FALLTHROUGH */
		case T_Const:
		case T_FuncExpr:
		case T_OpExpr:
		case T_DistinctExpr:
		case T_NullIfExpr:
		case T_ScalarArrayOpExpr:
		case T_BoolExpr:
		case T_NullTest:
		case T_BooleanTest:
		case T_CaseWhen:
		case T_CoalesceExpr:
		case T_RelabelType:
		case T_ArrayExpr:
		case T_List:
			/* a column ends this soonest, and asks no catalog */
			return expression_tree_walker(node, asks_for_more_walker, context) ||
				check_functions_in_node(node, is_unfit, extent);
		default:
			return true;
	}
}

/*
 * Does the token alone decide what the expression comes to? A condition may
 * call PostgreSQL's own functions for that.
 */
static bool
is_of_token_alone(Node *node, bool is_condition)
{
	Extent		extent = {false, is_condition};

	return !asks_for_more_walker(node, &extent);
}

static bool
comes_from_row_walker(Node *node, void *context)
{
	if (node == NULL)
		return false;
	switch (nodeTag(node))
	{
		case T_Var:
		case T_Aggref:
		case T_WindowFunc:
		case T_SubPlan:
		case T_AlternativeSubPlan:
			return true;
		case T_Param:
			return castNode(Param, node)->paramkind != PARAM_EXTERN;
		default:
			return expression_tree_walker(node, comes_from_row_walker, context);
	}
}

/*
 * Returns the reader that this node calls, with its arguments, if the content of
 * the token may make it raise an error; otherwise NULL. An operator of one's own
 * may call a reader.
 */
static const Reader *
raising_reader(Node *node, List **arguments)
{
	const Reader *reader = NULL;

	if (IsA(node, FuncExpr))
	{
		reader = reader_of_function(((FuncExpr *) node)->funcid);
		*arguments = ((FuncExpr *) node)->args;
	}
	else if (IsA(node, OpExpr))
	{
		reader = reader_of_function(((OpExpr *) node)->opfuncid);
		*arguments = ((OpExpr *) node)->args;
	}
	return reader != NULL && reader->may_raise ? reader : NULL;
}

static bool
may_raise_walker(Node *node, void *context)
{
	List	   *arguments;

	if (node == NULL)
		return false;
	return raising_reader(node, &arguments) != NULL ||
		expression_tree_walker(node, may_raise_walker, context);
}

static void
prepare_evaluation(Settling *settling)
{
	settling->memory = AllocSetContextCreate(CurrentMemoryContext,
											 "token_auth settling",
											 ALLOCSET_SMALL_SIZES);
	MemoryContextSwitchTo(settling->memory);	/* evaluate_expression() switches back */
	settling->context = CreateStandaloneExprContext();
	settling->context->ecxt_param_list_info = settling->parameters;
}

/* Evaluates an expression as the executor does. Raises the errors of its readers. */
static Outcome
evaluate_expression(Node *node, Settling *settling)
{
	MemoryContext caller = CurrentMemoryContext;
	ExprState  *state;
	Outcome		outcome = {.is_known = true};

	if (settling->is_settled)
		return unknown;
	if (settling->memory == NULL)
		prepare_evaluation(settling);
	MemoryContextSwitchTo(settling->memory);
	state = ExecInitExprWithParams((Expr *) node, settling->parameters);
	outcome.value = ExecEvalExprSwitchContext(state, settling->context, &outcome.is_null);
	MemoryContextSwitchTo(caller);
	return outcome;
}

/* Returns some value of a type that in_claim() takes, or NULL for other types. */
static Node *
any_value(Oid type)
{
	static const pg_uuid_t zero = {{0}};

	switch (type)
	{
		case TEXTOID:
			return (Node *) makeConst(type, -1, InvalidOid, -1,
									  PointerGetDatum(cstring_to_text("")), false, false);
		case UUIDOID:
			return (Node *) makeConst(type, -1, InvalidOid, UUID_LEN,
									  UUIDPGetDatum(&zero), false, false);
		case INT8OID:
			return (Node *) makeConst(type, -1, InvalidOid, sizeof(int64),
									  Int64GetDatum(0), false, FLOAT8PASSBYVAL);
		case INT4OID:
			return (Node *) makeConst(type, -1, InvalidOid, sizeof(int32),
									  Int32GetDatum(0), false, true);
		case INT2OID:
			return (Node *) makeConst(type, -1, InvalidOid, sizeof(int16),
									  Int16GetDatum(0), false, true);
		default:
			return NULL;
	}
}

/*
 * Records a call that raised nothing under a token. The path is kept whole: a
 * path could be made up that has the hash of another one.
 */
typedef struct SettledCall
{
	uint64		serial;
	Oid			function;
	struct varlena *path;		/* NULL: none, or no call yet */
} SettledCall;

#define SETTLED_CALLS 32
#define SETTLED_PATH_SIZE 256

static SettledCall settled_calls[SETTLED_CALLS];

/* Returns the place of a call with this path, or NULL if it is too long to remember. */
static SettledCall *
settled_call_place(Oid function, const struct varlena *path)
{
	uint32		hash = murmurhash32(function);

	if (path == NULL)
		return &settled_calls[hash % SETTLED_CALLS];
	if (VARATT_IS_EXTENDED(path) || VARSIZE(path) > SETTLED_PATH_SIZE)
		return NULL;
	hash = hash_combine(hash, hash_bytes((const unsigned char *) path, (int) VARSIZE(path)));
	return &settled_calls[hash % SETTLED_CALLS];
}

static bool
is_same_path(const struct varlena *a, const struct varlena *b)
{
	if (a == NULL || b == NULL)
		return a == b;
	return VARSIZE(a) == VARSIZE(b) && memcmp(a, b, VARSIZE(a)) == 0;
}

static void
remember_settled_call(SettledCall *place, uint64 serial, Oid function,
					  const struct varlena *path)
{
	struct varlena *copy = NULL;

	if (path != NULL)
	{
		copy = MemoryContextAlloc(TopMemoryContext, VARSIZE(path));
		memcpy(copy, path, VARSIZE(path));
	}
	if (place->path != NULL)
		pfree(place->path);
	*place = (SettledCall) {serial, function, copy};
}

/* Returns the path of a call whose arguments, except for a value to look for, are constants. */
static struct varlena *
constant_path(List *arguments)
{
	if (arguments == NIL)
		return NULL;
	return (struct varlena *) DatumGetPointer(llast_node(Const, arguments)->constvalue);
}

static bool
has_constant_path(List *arguments)
{
	return arguments == NIL ||
		(IsA(llast(arguments), Const) && !llast_node(Const, arguments)->constisnull);
}

/* Returns a call of the reader with some value to look for, or NULL if its type has none. */
static Node *
probe_of(const Reader *reader, Node *call, List *arguments)
{
	Node	   *value;

	if (!reader->looks_for_value)
		return call;
	value = any_value(exprType(linitial(arguments)));
	if (value == NULL)
		return NULL;
	return (Node *) makeFuncExpr(reader->function, BOOLOID,
								 list_make2(value, lsecond(arguments)),
								 InvalidOid, InvalidOid, COERCE_EXPLICIT_CALL);
}

/*
 * Calls a reader whose path is a constant, or that has none. Raises its
 * error, which for in_claim() depends on the path alone.
 */
static void
settle_constant_call(const Reader *reader, Node *call, List *arguments, Settling *settling)
{
	struct varlena *path = constant_path(arguments);
	SettledCall *place = settling->serial == 0 ? NULL
		: settled_call_place(reader->function, path);
	Node	   *probe;

	if (place != NULL && place->serial == settling->serial &&
		place->function == reader->function && is_same_path(place->path, path))
		return;
	probe = probe_of(reader, call, arguments);
	if (probe == NULL || settling->is_settled)
		return;
	(void) evaluate_expression(probe, settling);
	if (place != NULL)
		remember_settled_call(place, settling->serial, reader->function, path);
}

/* AND (is_and) and OR: evaluated in order until one decides the result. */
static Outcome
settle_series(List *conditions, bool is_and, Settling *settling)
{
	Outcome		result = is_and ? known_true : known_false;
	ListCell   *cell;

	foreach(cell, conditions)
	{
		Outcome		outcome = settle_expression(lfirst(cell), settling);

		if (is_and ? is_false(outcome) : is_true(outcome))
			return outcome;
		if (is_and ? !is_true(outcome) : !is_false(outcome))
			result = unknown;
	}
	return result;
}

static Outcome
settle_boolean(BoolExpr *expression, Settling *settling)
{
	Outcome		outcome;

	switch (expression->boolop)
	{
		case AND_EXPR:
			return settle_series(expression->args, true, settling);
		case OR_EXPR:
			return settle_series(expression->args, false, settling);
		case NOT_EXPR:
			outcome = settle_expression(linitial(expression->args), settling);
			if (is_true(outcome))
				return known_false;
			return is_false(outcome) ? known_true : unknown;
	}
	return unknown;
}

/* Replaces the CaseTestExpr in a condition of CASE x WHEN y by x. */
static Node *
insert_case_argument(Node *node, void *context)
{
	if (node == NULL)
		return NULL;
	if (IsA(node, CaseTestExpr))
		return context;
	if (IsA(node, CaseExpr))
		return node;			/* its conditions test its own argument */
	return expression_tree_mutator(node, insert_case_argument, context);
}

static Outcome
settle_case_condition(CaseExpr *expression, CaseWhen *when, Settling *settling)
{
	Node	   *condition = (Node *) when->expr;

	if (expression->arg != NULL)
		condition = insert_case_argument(condition, expression->arg);
	return settle_expression(condition, settling);
}

/* CASE: a branch is reached unless its condition, or one before it, decides otherwise. */
static Outcome
settle_case(CaseExpr *expression, Settling *settling)
{
	ListCell   *cell;
	bool		is_certain = true;

	(void) settle_expression((Node *) expression->arg, settling);
	foreach(cell, expression->args)
	{
		CaseWhen   *when = lfirst_node(CaseWhen, cell);
		Outcome		condition = settle_case_condition(expression, when, settling);
		Outcome		result;

		if (condition.is_known && !is_true(condition))
			continue;
		result = settle_expression((Node *) when->result, settling);
		if (is_true(condition))
			return is_certain ? result : unknown;
		is_certain = false;
	}
	if (is_certain)
		return settle_expression((Node *) expression->defresult, settling);
	(void) settle_expression((Node *) expression->defresult, settling);
	return unknown;
}

/* COALESCE: evaluated in order until one is not NULL. */
static Outcome
settle_coalesce(CoalesceExpr *expression, Settling *settling)
{
	ListCell   *cell;
	bool		is_certain = true;

	foreach(cell, expression->args)
	{
		Outcome		outcome = settle_expression(lfirst(cell), settling);

		if (outcome.is_known && !outcome.is_null)
			return is_certain ? outcome : unknown;
		is_certain &= outcome.is_known;
	}
	return unknown;
}

/* Settles a call of a reader that is not evaluated as part of something larger. */
static void
settle_reader(Node *call, Settling *settling)
{
	List	   *arguments = NIL;
	const Reader *reader = raising_reader(call, &arguments);

	if (reader == NULL)
		return;
	if (has_constant_path(arguments))
		settle_constant_call(reader, call, arguments, settling);
	else if (is_of_token_alone(llast(arguments), true))
	{
		Node	   *probe = probe_of(reader, call, arguments);

		if (probe != NULL)
			(void) evaluate_expression(probe, settling);
	}
	else if (settling->has_barriers && !settling->is_output &&
			 comes_from_row_walker(llast(arguments), NULL))
		settling->silenced = lappend(settling->silenced, call);
}

static bool
settle_walker(Node *node, void *context)
{
	ListCell   *cell;

	if (node == NULL || !IsA(node, List))
	{
		(void) settle_expression(node, context);
		return false;
	}
	foreach(cell, (List *) node)
		(void) settle_walker(lfirst(cell), context);
	return false;
}

static bool
is_condition(Node *node)
{
	switch (nodeTag(node))
	{
		case T_FuncExpr:
		case T_OpExpr:
		case T_ScalarArrayOpExpr:
		case T_DistinctExpr:
		case T_BoolExpr:
		case T_NullTest:
		case T_BooleanTest:
		case T_CaseExpr:
		case T_CoalesceExpr:
			return exprType(node) == BOOLOID;
		default:
			return false;
	}
}

/*
 * Asks every reader in the expression that may raise and can be reached, and
 * returns what the expression comes to where the token alone decides.
 */
static Outcome
settle_expression(Node *node, Settling *settling)
{
	List	   *arguments;

	if (node == NULL)
		return unknown;
	if (is_condition(node) ? is_of_token_alone(node, true)
		: raising_reader(node, &arguments) == NULL && is_of_token_alone(node, false))
		return evaluate_expression(node, settling);

	switch (nodeTag(node))
	{
		case T_BoolExpr:
			return settle_boolean((BoolExpr *) node, settling);
		case T_CaseExpr:
			return settle_case((CaseExpr *) node, settling);
		case T_CoalesceExpr:
			return settle_coalesce((CoalesceExpr *) node, settling);
		default:
			settle_reader(node, settling);
			break;
	}
	(void) expression_tree_walker(node, settle_walker, settling);
	return unknown;
}

/* Settles conditions that let a row through if all are true: the first that is not ends it. */
static Outcome
settle_filter(List *conditions, Settling *settling)
{
	Outcome		result = known_true;
	ListCell   *cell;

	foreach(cell, conditions)
	{
		Outcome		outcome = settle_expression(lfirst(cell), settling);

		if (outcome.is_known && !is_true(outcome))
			return outcome;
		if (!outcome.is_known)
			result = unknown;
	}
	return result;
}

/* Settles a list of conditions. Those after the last that may raise do not matter. */
void
settling_conditions(List *conditions, Settling *settling)
{
	int			n_conditions = list_length(conditions);

	while (n_conditions > 0 &&
		   !may_raise_walker(list_nth(conditions, n_conditions - 1), NULL))
		n_conditions--;
	if (n_conditions > 0)
		(void) settle_filter(list_truncate(list_copy(conditions), n_conditions), settling);
}

/* Settles expressions that are evaluated whatever the others come to. */
void
settling_each(List *expressions, Settling *settling)
{
	if (may_raise_walker((Node *) expressions, NULL))
		(void) settle_walker((Node *) expressions, settling);
}

/* Settles a condition without columns; returns false if it lets no row through. */
bool
settling_gate(List *conditions, Settling *settling)
{
	Outcome		outcome = settle_filter(conditions, settling);

	return !outcome.is_known || is_true(outcome);
}

/* Frees what was needed for evaluating. */
void
settling_end(Settling *settling)
{
	if (settling->memory != NULL)
		MemoryContextDelete(settling->memory);
}
