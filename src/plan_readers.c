/*
 * plan_readers.c
 *		Which readers a plan calls, and what they may raise.
 *
 * A plan names the functions that it was made from in PlannedStmt.invalItems,
 * as hash values of pg_proc: also those of inlined SQL functions, of index
 * conditions and of partitions that were pruned. A policy may also ask by way
 * of a function of one's own. The plan does not tell that there is such a
 * policy, so plan_readers_mark() notes it, in a field that means much the same:
 * dependsOnRole.
 *
 * Some readers raise an error because of what the token says. In a condition
 * that must not depend on a row having reached it, so before the first row
 * each is asked once (plan_readers_settle()). The walk follows the order in
 * which the executor evaluates conditions, as if nothing were known of any
 * row: a reader behind a test of the token that fails is never reached and is
 * not asked. What the main query only returns is left out. It is worked out
 * for rows that have passed every policy.
 */
#include "postgres.h"

#include "access/htup_details.h"
#include "access/transam.h"
#include "catalog/namespace.h"
#include "catalog/pg_proc.h"
#include "catalog/pg_type.h"
#include "common/hashfn.h"
#include "executor/executor.h"
#include "miscadmin.h"
#include "nodes/makefuncs.h"
#include "nodes/nodeFuncs.h"
#include "plan_readers.h"
#include "utils/builtins.h"
#include "utils/catcache.h"
#include "utils/inval.h"
#include "utils/lsyscache.h"
#include "utils/memutils.h"
#include "utils/rel.h"
#include "utils/relcache.h"
#include "utils/syscache.h"
#include "utils/uuid.h"

/*
 * The readers
 */

typedef enum ReaderNeed
{
	NEEDS_NOTHING,				/* answers without a token, whatever on_missing says */
	NEEDS_TOKEN,
	NEEDS_DEFAULT_NAMESPACE
} ReaderNeed;

#define ANY_ARGUMENTS (-1)

static const struct
{
	const char *name;
	int			n_arguments;	/* to tell overloads apart */
	ReaderNeed	need;
	bool		may_raise;		/* because of what the token says */
}			reader_names[] = {
	{"actor", ANY_ARGUMENTS, NEEDS_DEFAULT_NAMESPACE, false},
	{"audience", ANY_ARGUMENTS, NEEDS_DEFAULT_NAMESPACE, false},
	{"authenticated_at", ANY_ARGUMENTS, NEEDS_DEFAULT_NAMESPACE, false},
	{"claim", ANY_ARGUMENTS, NEEDS_DEFAULT_NAMESPACE, false},
	{"claim_array", ANY_ARGUMENTS, NEEDS_DEFAULT_NAMESPACE, true},
	{"claim_bigint", ANY_ARGUMENTS, NEEDS_DEFAULT_NAMESPACE, true},
	{"claim_boolean", ANY_ARGUMENTS, NEEDS_DEFAULT_NAMESPACE, true},
	{"claim_in_namespace", ANY_ARGUMENTS, NEEDS_TOKEN, false},
	{"claim_jsonb", ANY_ARGUMENTS, NEEDS_DEFAULT_NAMESPACE, false},
	{"claim_members_bigint", ANY_ARGUMENTS, NEEDS_DEFAULT_NAMESPACE, true},
	{"claim_members_text", ANY_ARGUMENTS, NEEDS_DEFAULT_NAMESPACE, true},
	{"claim_members_uuid", ANY_ARGUMENTS, NEEDS_DEFAULT_NAMESPACE, true},
	{"claim_timestamptz", ANY_ARGUMENTS, NEEDS_DEFAULT_NAMESPACE, true},
	{"claim_uuid", ANY_ARGUMENTS, NEEDS_DEFAULT_NAMESPACE, true},
	{"claims", ANY_ARGUMENTS, NEEDS_DEFAULT_NAMESPACE, false},
	{"client_id", ANY_ARGUMENTS, NEEDS_DEFAULT_NAMESPACE, false},
	{"expires_at", ANY_ARGUMENTS, NEEDS_DEFAULT_NAMESPACE, false},
	{"has_all_scopes", ANY_ARGUMENTS, NEEDS_DEFAULT_NAMESPACE, false},
	{"has_any_scope", ANY_ARGUMENTS, NEEDS_DEFAULT_NAMESPACE, false},
	{"has_role", 1, NEEDS_DEFAULT_NAMESPACE, false},
	{"has_role", 2, NEEDS_TOKEN, false},
	{"has_scope", 1, NEEDS_DEFAULT_NAMESPACE, false},
	{"has_scope", 2, NEEDS_TOKEN, false},
	{"identity", ANY_ARGUMENTS, NEEDS_TOKEN, false},
	{"in_claim", ANY_ARGUMENTS, NEEDS_DEFAULT_NAMESPACE, true},
	{"is_authenticated", ANY_ARGUMENTS, NEEDS_NOTHING, false},
	{"is_client", ANY_ARGUMENTS, NEEDS_DEFAULT_NAMESPACE, false},
	{"issued_at", ANY_ARGUMENTS, NEEDS_DEFAULT_NAMESPACE, false},
	{"issuer", ANY_ARGUMENTS, NEEDS_TOKEN, false},
	{"issuer_name", ANY_ARGUMENTS, NEEDS_TOKEN, false},
	{"not_before", ANY_ARGUMENTS, NEEDS_DEFAULT_NAMESPACE, false},
	{"require_scope", ANY_ARGUMENTS, NEEDS_NOTHING, true},
	{"roles", ANY_ARGUMENTS, NEEDS_DEFAULT_NAMESPACE, false},
	{"scopes", ANY_ARGUMENTS, NEEDS_DEFAULT_NAMESPACE, false},
	{"session_id", ANY_ARGUMENTS, NEEDS_DEFAULT_NAMESPACE, false},
	{"subject", 0, NEEDS_DEFAULT_NAMESPACE, false},
	{"subject", 1, NEEDS_TOKEN, false},
	{"subject_uuid", ANY_ARGUMENTS, NEEDS_DEFAULT_NAMESPACE, true},
	{"token_id", ANY_ARGUMENTS, NEEDS_DEFAULT_NAMESPACE, false},
};

typedef struct Reader
{
	Oid			function;
	uint32		hash;			/* as in PlanInvalItem */
	ReaderNeed	need;
	bool		may_raise;
	bool		looks_for_value;	/* in_claim(): its first argument is a row's value */
} Reader;

#define MAX_READERS 64

/* All that there are, sorted by hash. */
static Reader readers[MAX_READERS];
static int	n_readers = 0;
static bool readers_known = false;

static void
forget_readers(Datum arg, int cache, uint32 hash)
{
	readers_known = false;
}

void
plan_readers_init(void)
{
	CacheRegisterSyscacheCallback(PROCOID, forget_readers, (Datum) 0);
	CacheRegisterSyscacheCallback(NAMESPACEOID, forget_readers, (Datum) 0);
}

static int
compare_readers(const void *a, const void *b)
{
	uint32		left = ((const Reader *) a)->hash;
	uint32		right = ((const Reader *) b)->hash;

	return left < right ? -1 : left > right;
}

/* Adds the functions of our schema that an entry of reader_names stands for. */
static void
add_readers(int entry, Oid schema)
{
	CatCList   *list = SearchSysCacheList1(PROCNAMEARGSNSP,
										   CStringGetDatum(reader_names[entry].name));

	for (int i = 0; i < list->n_members && n_readers < MAX_READERS; i++)
	{
		Form_pg_proc function = (Form_pg_proc) GETSTRUCT(&list->members[i]->tuple);
		Reader	   *reader = &readers[n_readers];

		if (function->pronamespace != schema ||
			(reader_names[entry].n_arguments != ANY_ARGUMENTS &&
			 reader_names[entry].n_arguments != function->pronargs))
			continue;
		reader->function = function->oid;
		reader->hash = GetSysCacheHashValue1(PROCOID, ObjectIdGetDatum(function->oid));
		reader->need = reader_names[entry].need;
		reader->may_raise = reader_names[entry].may_raise;
		reader->looks_for_value = strcmp(reader_names[entry].name, "in_claim") == 0;
		n_readers++;
	}
	ReleaseSysCacheList(list);
}

/* Looks the readers up anew if pg_proc or pg_namespace has changed. */
static void
know_readers(void)
{
	Oid			schema;

	if (readers_known)
		return;
	readers_known = true;		/* a message that comes meanwhile takes it back */
	n_readers = 0;
	schema = get_namespace_oid("token_auth", true);
	for (size_t entry = 0; OidIsValid(schema) && entry < lengthof(reader_names); entry++)
		add_readers((int) entry, schema);
	qsort(readers, n_readers, sizeof(Reader), compare_readers);
}

static const Reader *
reader_of_hash(uint32 hash)
{
	Reader		key = {.hash = hash};

	return bsearch(&key, readers, n_readers, sizeof(Reader), compare_readers);
}

static const Reader *
reader_of_function(Oid function)
{
	if (function < FirstNormalObjectId)
		return NULL;
	for (int i = 0; i < n_readers; i++)
	{
		if (readers[i].function == function)
			return &readers[i];
	}
	return NULL;
}

/*
 * Which plans depend on the token
 */

/* Is the function one that PostgreSQL did not bring, and so may ask a reader? */
static bool
is_not_built_in(Oid function, void *context)
{
	return function >= FirstNormalObjectId;
}

static bool
asks_functions_walker(Node *node, void *context)
{
	if (node == NULL)
		return false;
	if (IsA(node, Query))
		return query_tree_walker((Query *) node, asks_functions_walker, context, 0);
	return check_functions_in_node(node, is_not_built_in, NULL) ||
		expression_tree_walker(node, asks_functions_walker, context);
}

/* Does a policy for this table, or a view that promises to act as one, ask functions? */
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

/* Notes in a new plan that there are such barriers; plancache.c then also asks for the role. */
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
 * Finds out whether a plan depends on the token, and on what of it. A function
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

	know_readers();
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

/*
 * What a condition comes to, as far as the token alone decides that
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

typedef struct Settling
{
	ParamListInfo parameters;
	uint64		serial;			/* of the token; 0: none */
	bool		is_settled;		/* by the leader: nothing is evaluated */
	MemoryContext memory;		/* of what is evaluated; NULL: nothing was yet */
	ExprContext *context;
	bool		settles_outputs;	/* of a sub-query, which a condition may ask */
	List	   *silenced;		/* calls of readers whose arguments come from a row */
} Settling;

static Outcome settle(Node *node, Settling *settling);
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

/* What an expression may consist of, to be evaluated before there is a row. */
typedef struct Extent
{
	bool		inside_case;	/* CaseTestExpr stands for something */
	bool		is_condition;	/* functions of PostgreSQL count: they may raise, too */
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
		(!extent->is_condition || is_not_built_in(function, NULL));
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
 * The reader that this node calls, if that may raise an error because of what
 * the token says, and its arguments; or NULL. An operator of one's own may stand
 * for a reader.
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
	MemoryContextSwitchTo(settling->memory);	/* evaluate() switches back */
	settling->context = CreateStandaloneExprContext();
	settling->context->ecxt_param_list_info = settling->parameters;
}

/* The executor's own answer; raises what a reader raises. */
static Outcome
evaluate(Node *node, Settling *settling)
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

/* Some value of a type that in_claim() takes. */
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
 * Calls that were found to raise nothing, under a token. Each has its place by
 * its path, which is remembered whole: with a hash alone one could make up a
 * path that passes for another one.
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

/* The place of a call with this path, or NULL if it is too long to remember. */
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

/* The path of a call whose arguments, but for a value to look for, are constants. */
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

/* A call of the reader, in which a value that it looks for is some value. */
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
 * Calls a reader whose path is a constant, or that has none. Raises what it
 * raises. Of in_claim() that lies in the path alone.
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
	(void) evaluate(probe, settling);
	if (place != NULL)
		remember_settled_call(place, settling->serial, reader->function, path);
}

/* AND, and a list of conditions: evaluated in order until one is not true. */
static Outcome
settle_and(List *conditions, Settling *settling)
{
	Outcome		result = known_true;
	ListCell   *cell;

	foreach(cell, conditions)
	{
		Outcome		outcome = settle(lfirst(cell), settling);

		if (is_false(outcome))
			return outcome;
		if (!is_true(outcome))
			result = unknown;
	}
	return result;
}

static Outcome
settle_or(List *conditions, Settling *settling)
{
	Outcome		result = known_false;
	ListCell   *cell;

	foreach(cell, conditions)
	{
		Outcome		outcome = settle(lfirst(cell), settling);

		if (is_true(outcome))
			return outcome;
		if (!is_false(outcome))
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
			return settle_and(expression->args, settling);
		case OR_EXPR:
			return settle_or(expression->args, settling);
		case NOT_EXPR:
			outcome = settle(linitial(expression->args), settling);
			if (is_true(outcome))
				return known_false;
			return is_false(outcome) ? known_true : unknown;
	}
	return unknown;
}

/* In a condition of CASE x WHEN y, which is a test of x, puts x in its place. */
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
	return settle(condition, settling);
}

/* CASE: a branch is reached unless its condition, or one before it, decides otherwise. */
static Outcome
settle_case(CaseExpr *expression, Settling *settling)
{
	ListCell   *cell;
	bool		is_certain = true;

	(void) settle((Node *) expression->arg, settling);
	foreach(cell, expression->args)
	{
		CaseWhen   *when = lfirst_node(CaseWhen, cell);
		Outcome		condition = settle_case_condition(expression, when, settling);
		Outcome		result;

		if (condition.is_known && !is_true(condition))
			continue;
		result = settle((Node *) when->result, settling);
		if (is_true(condition))
			return is_certain ? result : unknown;
		is_certain = false;
	}
	if (is_certain)
		return settle((Node *) expression->defresult, settling);
	(void) settle((Node *) expression->defresult, settling);
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
		Outcome		outcome = settle(lfirst(cell), settling);

		if (outcome.is_known && !outcome.is_null)
			return is_certain ? outcome : unknown;
		is_certain &= outcome.is_known;
	}
	return unknown;
}

/* A reader that may raise, and is not evaluated as part of something larger. */
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
			(void) evaluate(probe, settling);
	}
	else if (comes_from_row_walker(llast(arguments), NULL))
		settling->silenced = lappend(settling->silenced, call);
}

static bool
settle_walker(Node *node, void *context)
{
	ListCell   *cell;

	if (node == NULL || !IsA(node, List))
	{
		(void) settle(node, context);
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
settle(Node *node, Settling *settling)
{
	List	   *arguments;

	if (node == NULL)
		return unknown;
	if (is_condition(node) ? is_of_token_alone(node, true)
		: raising_reader(node, &arguments) == NULL && is_of_token_alone(node, false))
		return evaluate(node, settling);

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

/*
 * Plans
 */

/* Settles a list of conditions. Those after the last that may raise do not matter. */
static void
settle_conditions(List *conditions, Settling *settling)
{
	int			n_conditions = list_length(conditions);

	while (n_conditions > 0 &&
		   !may_raise_walker(list_nth(conditions, n_conditions - 1), NULL))
		n_conditions--;
	if (n_conditions > 0)
		(void) settle_and(list_truncate(list_copy(conditions), n_conditions), settling);
}

/* Settles expressions that are evaluated whatever the others come to. */
static void
settle_each(List *expressions, Settling *settling)
{
	if (may_raise_walker((Node *) expressions, NULL))
		(void) settle_walker((Node *) expressions, settling);
}

/* Settles a condition without columns; returns false if it lets no row through. */
static bool
settle_gate(List *conditions, Settling *settling)
{
	Outcome		outcome = settle_and(conditions, settling);

	return !outcome.is_known || is_true(outcome);
}

static void
settle_check_options(List *options, Settling *settling)
{
	ListCell   *cell;

	foreach(cell, options)
		settle_conditions((List *) lfirst_node(WithCheckOption, cell)->qual, settling);
}

static void
settle_merge_actions(List *actions, Settling *settling)
{
	ListCell   *cell;

	foreach(cell, actions)
		settle_conditions((List *) lfirst_node(MergeAction, cell)->qual, settling);
}

/* What is checked of the rows of each target table, and which of them are chosen. */
static void
settle_modification(ModifyTable *plan, Settling *settling)
{
	ListCell   *cell;

	foreach(cell, plan->withCheckOptionLists)
		settle_check_options(lfirst(cell), settling);
	foreach(cell, plan->mergeActionLists)
		settle_merge_actions(lfirst(cell), settling);
	settle_conditions((List *) plan->onConflictWhere, settling);
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
			return settle_gate((List *) ((Result *) plan)->resconstantqual, settling);
		case T_ModifyTable:
			settle_modification((ModifyTable *) plan, settling);
			break;
		case T_IndexScan:
			settle_each(((IndexScan *) plan)->indexqual, settling);
			settle_each(((IndexScan *) plan)->indexorderby, settling);
			break;
		case T_IndexOnlyScan:
			settle_each(((IndexOnlyScan *) plan)->indexqual, settling);
			settle_each(((IndexOnlyScan *) plan)->indexorderby, settling);
			settle_each(((IndexOnlyScan *) plan)->recheckqual, settling);
			break;
		case T_BitmapIndexScan:
			settle_each(((BitmapIndexScan *) plan)->indexqual, settling);
			break;
		case T_BitmapHeapScan:
			settle_each(((BitmapHeapScan *) plan)->bitmapqualorig, settling);
			break;
		case T_TidScan:
			settle_each(((TidScan *) plan)->tidquals, settling);
			break;
		case T_TidRangeScan:
			settle_each(((TidRangeScan *) plan)->tidrangequals, settling);
			break;
		case T_FunctionScan:
			settle_each(((FunctionScan *) plan)->functions, settling);
			break;
		case T_ValuesScan:
			settle_each(((ValuesScan *) plan)->values_lists, settling);
			break;
		case T_ForeignScan:
			settle_each(((ForeignScan *) plan)->fdw_exprs, settling);
			settle_each(((ForeignScan *) plan)->fdw_recheck_quals, settling);
			break;
		case T_CustomScan:
			settle_each(((CustomScan *) plan)->custom_exprs, settling);
			break;
		case T_NestLoop:
		case T_MergeJoin:
		case T_HashJoin:
			settle_conditions(((Join *) plan)->joinqual, settling);
			if (IsA(plan, MergeJoin))
				settle_each(((MergeJoin *) plan)->mergeclauses, settling);
			if (IsA(plan, HashJoin))
				settle_each(((HashJoin *) plan)->hashclauses, settling);
			break;
		case T_SampleScan:
			settle_each(list_make1(((SampleScan *) plan)->tablesample), settling);
			break;
		case T_TableFuncScan:
			settle_each(list_make1(((TableFuncScan *) plan)->tablefunc), settling);
			break;
		case T_WindowAgg:
			settle_each(list_make2(((WindowAgg *) plan)->startOffset,
								   ((WindowAgg *) plan)->endOffset), settling);
			settle_each(((WindowAgg *) plan)->runCondition, settling);
			break;
		case T_Hash:
			settle_each(((Hash *) plan)->hashkeys, settling);
			break;
		case T_Memoize:
			settle_each(((Memoize *) plan)->param_exprs, settling);
			break;
		case T_Limit:
			settle_each(list_make2(((Limit *) plan)->limitOffset,
								   ((Limit *) plan)->limitCount), settling);
			break;
		default:
			break;
	}
	return true;
}

static void settle_plan(Plan *plan, Settling *settling);

static void
settle_plans(List *plans, Settling *settling)
{
	ListCell   *cell;

	foreach(cell, plans)
		settle_plan(lfirst(cell), settling);
}

static void
settle_children(Plan *plan, Settling *settling)
{
	settle_plan(plan->lefttree, settling);
	settle_plan(plan->righttree, settling);
	switch (nodeTag(plan))
	{
		case T_Append:
			settle_plans(((Append *) plan)->appendplans, settling);
			break;
		case T_MergeAppend:
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

/* A node whose own conditions are false for this token does not ask its children. */
static void
settle_plan(Plan *plan, Settling *settling)
{
	if (plan == NULL)
		return;
	check_stack_depth();
	if (!settle_own_conditions(plan, settling))
		return;
	settle_children(plan, settling);
	settle_conditions(plan->qual, settling);
	if (settling->settles_outputs)
		settle_each(plan->targetlist, settling);
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
plan_readers_settle(const PlannedStmt *plan, ParamListInfo parameters,
					uint64 serial, bool is_settled)
{
	Settling	settling = {.parameters = parameters, .serial = serial, .is_settled = is_settled};
	ListCell   *cell;

	know_readers();
	settle_plan(plan->planTree, &settling);
	settling.settles_outputs = true;
	foreach(cell, plan->subplans)
		settle_plan(lfirst(cell), &settling);
	if (settling.memory != NULL)
		MemoryContextDelete(settling.memory);
	return settling.silenced;
}
