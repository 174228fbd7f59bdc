/*
 * statement.c
 *		Which token does the running statement read?
 *
 * A token is judged once per statement, not per row. A statement is one run of
 * the executor: statement_timestamp() does not mark statements, for a DO block,
 * a CALL that commits in a loop or a string of several statements run many
 * under one. There are two kinds.
 *
 * A statement over rows whose plan depends on the token is bound to it. It is
 * judged when the executor starts, before partitions are pruned, and what its
 * readers may raise because of the token is raised then (plan_settling.c). From
 * there to the end of ExecutorFinish every reader gets that one token, also in
 * functions and statements that run inside. A change of the token is refused
 * where it is made, or when the statement ends if no check hook is asked: RESET
 * and function SET clauses. So nothing that a reader does shows whether a
 * row reached it. PostgreSQL evaluates cheap leakproof conditions of the user
 * before a policy, so that any effect of the policy would show which hidden rows
 * meet them. A cursor is bound at DECLARE and judged again at each FETCH.
 *
 * Any other statement is judged by its first reader. It starts unjudged, and
 * when it ends the judgement of the statement around it is restored. A reader
 * that meets another token than the first reader of its run did is an error.
 * If the statement reads tables, that includes readers in functions that it
 * calls. Outside of statements (planning, PL/pgSQL's simple expressions) every
 * call judges. A reader belongs to a run if its expression lives in the memory
 * of the run.
 *
 * docs/statements.md describes this for maintainers.
 */
#include "postgres.h"

#include "access/parallel.h"
#include "access/xact.h"
#include "activity.h"
#include "compat.h"
#include "executor/executor.h"
#include "optimizer/planner.h"
#include "plan_readers.h"
#include "plan_settling.h"
#include "report.h"
#include "statement.h"
#include "tcop/pquery.h"
#include "utils/memutils.h"
#include "utils/plancache.h"
#include "utils/portal.h"

Judgement	statement_judgement = {0};
uint64		statement_stamp = 0;

static uint64 last_stamp = 0;

static ExecutorStart_hook_type previous_executor_start = NULL;
static ExecutorRun_hook_type previous_executor_run = NULL;
static ExecutorFinish_hook_type previous_executor_finish = NULL;
static planner_hook_type previous_planner = NULL;

/*
 * Marks a bound statement for its parallel workers. They get the flags of
 * ExecutorStart, and only the part of the plan that they have to run.
 * PostgreSQL's own flags are the low bits.
 */
#define EXEC_FLAG_TOKEN_BOUND (1 << 30)

/*
 * Assignments of the token outside parallel mode. In parallel mode the token is
 * what it was when that began: the processes that share a statement could not
 * agree on a change.
 */
static uint64 serial_assignments = 0;

/*
 * A query that is bound, or whose readers may be called again after a run:
 * cursors, set-returning SQL functions, data-modifying CTEs that the main query
 * does not read.
 */
typedef struct KnownQuery
{
	MemoryContextCallback callback;
	dlist_node	node;
	QueryDesc  *query;
	Portal		portal;			/* of a query that can be rewound, or NULL */
	bool		is_running;		/* not between its runs */
	bool		is_bound;		/* findings.token is what it was started under */
	List	   *silenced;		/* as in its judgement */
	Judgement	findings;		/* of its last run, as that ended; outer is not kept */
	VerifiedToken *token_at_end;	/* current at its end, if findings.heard; held, or NULL */
} KnownQuery;

/*
 * Records the statement_timestamp() at which the library was loaded. A plan that was made
 * in that statement may be without the mark of plan_readers_mark().
 */
static TimestampTz loaded_at = 0;

static dlist_head known_queries = DLIST_STATIC_INIT(known_queries);

/*
 * Judging
 */

static bool
is_same(const VerifiedToken *a, const VerifiedToken *b)
{
	if (a == b)
		return true;
	return a != NULL && b != NULL && strcmp(a->raw, b->raw) == 0;
}

static void pg_attribute_noreturn()
refuse_changed(void)
{
	Detail		detail = {"Something in the statement set another token, or cleared it, after the token had been read."};

	report_refusal(VERDICT_TOKEN_CHANGED, &detail, NULL);
}

/* Judges the current token, now; raises a refusal. Returns NULL if there is none. */
static VerifiedToken *
judge_current(void)
{
	if (!IsInParallelMode())
		serial_assignments = settings_token_assignments;
	else if (serial_assignments != settings_token_assignments)
		refuse_changed();
	return session_judge_current();
}

static bool
is_below(MemoryContext context, MemoryContext ancestor)
{
	while (context != NULL && context != ancestor)
		context = context->parent;
	return context != NULL;
}

/*
 * Does a reader belong to the running statement? Its expression lives in the
 * statement's per-query memory or, where a row is looked at again after a
 * concurrent update, below it. An expression of a PL/pgSQL function lives
 * elsewhere, and is a statement of its own.
 */
static bool
is_of_running_statement(MemoryContext reader)
{
	return statement_judgement.statement != NULL &&
		is_below(reader, statement_judgement.statement);
}

/*
 * Returns true if this call of a reader stands in a condition of the running
 * statement, and could not be settled before its first row.
 */
bool
statement_has_silenced(const Node *call)
{
	return statement_judgement.silenced != NIL &&
		list_member_ptr(statement_judgement.silenced, call);
}

/* Notes that a statement runs under this token; another than before is an error. */
static void
judge_statement(Judgement *judgement, VerifiedToken *token)
{
	if (!judgement->made)
	{
		verified_token_put(&judgement->token, token);
		judgement->made = true;
	}
	else if (!is_same(judgement->token, token))
		refuse_changed();

	judgement->assignments = settings_token_assignments;
	judgement->stamp = ++last_stamp;
	if (judgement == &statement_judgement)
		statement_stamp = judgement->stamp;
}

/* Notes that a reader was called in this statement, or in a function that it calls. */
static void
note_reading(Judgement *judgement, bool is_own, VerifiedToken *token)
{
	if (is_own || judgement->covers_functions)
		judge_statement(judgement, token);
	else if (judgement->statement != NULL)
	{
		verified_token_put(&judgement->heard_token, token);
		judgement->heard = true;
	}
}

/* Notes the same for all statements around the running one. */
static void
note_reading_outside(VerifiedToken *token)
{
	for (Judgement *outer = statement_judgement.outer; outer != NULL; outer = outer->outer)
		note_reading(outer, false, token);
}

/* Is its portal in charge of it, while it does not run? */
static bool
is_being_rewound(const KnownQuery *known)
{
	return known->portal != NULL && known->portal->queryDesc == known->query &&
		known->portal->status == PORTAL_ACTIVE && !known->is_running;
}

static void
judge_rewound_query(KnownQuery *known, MemoryContext reader, VerifiedToken *token)
{
	if (known->is_bound && !is_same(known->findings.token, token))
		refuse_changed();
	if (known->findings.heard && !is_same(known->token_at_end, token))
		refuse_changed();
	if (known->is_bound)
		return;
	note_reading(&known->findings, reader == known->findings.statement, token);
	if (known->findings.heard)
		verified_token_put(&known->token_at_end, token);
}

/*
 * Judges the token for cursors that are being rewound. Such a cursor computes
 * its index keys and its LIMIT without running. They must be
 * those of the token that its other keys and its rows are under. Its own readers
 * live just in its memory: what is below may be of a function's query.
 */
static void
judge_rewound_queries(MemoryContext reader, VerifiedToken *token)
{
	dlist_iter	iter;

	dlist_foreach(iter, &known_queries)
	{
		KnownQuery *known = dlist_container(KnownQuery, node, iter.cur);

		if (is_being_rewound(known))
			judge_rewound_query(known, reader, token);
	}
}

/*
 * Notes that readers are called inside a bound statement. Statements between it
 * and the reader may be cursors, which go on when the bound one has ended.
 */
static void
note_reading_inside(Judgement *innermost)
{
	for (Judgement *judgement = innermost;
		 judgement != NULL && judgement->is_bound && !judgement->heard;
		 judgement = judgement->outer)
	{
		verified_token_put(&judgement->heard_token, judgement->token);
		judgement->heard = true;
	}
}

/*
 * Judges the current token for a reader whose memory this is: the slow path of
 * statement_any_token(). A statement that has begun keeps what it was judged
 * under, but not beside another token.
 */
const VerifiedToken *
statement_judge(MemoryContext reader)
{
	bool		is_of_statement = is_of_running_statement(reader);
	VerifiedToken *token;

	if (statement_judgement.is_bound)
	{
		note_reading_inside(&statement_judgement);
		statement_judgement.is_noted = true;
		statement_stamp = statement_judgement.stamp;
		return statement_judgement.token;
	}
	if (is_of_statement && statement_judgement.made &&
		statement_judgement.assignments == settings_token_assignments)
		return statement_judgement.token;

	token = judge_current();
	note_reading(&statement_judgement, is_of_statement, token);
	note_reading_outside(token);
	judge_rewound_queries(reader, token);
	return is_of_statement ? statement_judgement.token : token;
}

/*
 * The slow path of statement_token(): there is no token, or one of another
 * namespace. Returns NULL, unless that is to be an error. For a bound statement
 * that was decided when it started.
 */
const VerifiedToken *
statement_missing(const VerifiedToken *token)
{
	if (settings_on_missing == TOLERANCE_ERROR && !statement_judgement.is_bound)
		session_refuse_missing(token);
	return NULL;
}

/* Returns the token if it is of this namespace, or NULL. A missing token may be an error. */
const VerifiedToken *
statement_token_in_namespace(FunctionCallInfo fcinfo, text *namespace)
{
	const VerifiedToken *token = statement_any_token(fcinfo);

	if (token == NULL)
		return statement_missing(NULL);
	if (VARSIZE_ANY_EXHDR(namespace) != strlen(token->namespace) ||
		memcmp(VARDATA_ANY(namespace), token->namespace,
			   VARSIZE_ANY_EXHDR(namespace)) != 0)
		return NULL;
	return token;
}

/*
 * Changes of the token, which settings.c reports
 */

/* Raises an error if a bound statement is about to set another token; '' clears it. */
static void
before_token_is_set(const char *raw)
{
	const VerifiedToken *token = statement_judgement.token;

	if (statement_judgement.is_bound &&
		strcmp(raw, token != NULL ? token->raw : "") != 0)
		refuse_changed();
}

/* Resets the stamp after each assignment, also by ROLLBACK and RESET. Must not raise. */
static void
after_token_is_set(void)
{
	if (!statement_judgement.is_bound)
		statement_stamp = 0;
	if (!IsInParallelMode())
		serial_assignments = settings_token_assignments;
}

/* Does the setting still hold the token that the bound statement started under? */
static void
check_unchanged(void)
{
	const VerifiedToken *token = statement_judgement.token;
	SessionAbsence absence;
	const char *raw;

	if (statement_judgement.assignments == settings_token_assignments)
		return;
	raw = session_raw_token(&absence);
	if (strcmp(raw != NULL ? raw : "", token != NULL ? token->raw : "") != 0)
		refuse_changed();
	statement_judgement.assignments = settings_token_assignments;
}

/*
 * The judgement in force. begin_*() and end_judgement() are pg_noinline: gcc
 * would otherwise warn that variables of the caller's PG_TRY may be clobbered.
 */

/*
 * Begins a statement that is not judged yet. The caller keeps the judgement
 * around it in *outer until end_judgement().
 */
static pg_noinline void
begin_judgement(Judgement *outer, MemoryContext statement, bool covers_functions)
{
	memset(&statement_judgement, 0, sizeof(statement_judgement));
	statement_stamp = 0;
	statement_judgement.outer = outer;
	statement_judgement.statement = statement;
	statement_judgement.covers_functions = covers_functions;
}

/*
 * Begins a statement inside a bound one: the token stays. Whether it calls
 * readers is noted if it is not bound itself.
 */
static pg_noinline void
begin_inside(Judgement *outer, MemoryContext statement, bool is_bound_itself)
{
	begin_judgement(outer, statement, true);
	statement_judgement.is_bound = true;
	statement_judgement.is_noted = is_bound_itself;
	verified_token_put(&statement_judgement.token, outer->token);
	statement_judgement.assignments = outer->assignments;
	statement_judgement.stamp = outer->stamp;
	if (is_bound_itself)
	{
		statement_stamp = outer->stamp;
		note_reading_inside(outer);
	}
}

static pg_noinline void
end_judgement(const Judgement *outer)
{
	verified_token_put(&statement_judgement.token, NULL);
	verified_token_put(&statement_judgement.heard_token, NULL);
	statement_judgement = *outer;
	if (outer->is_bound)
		statement_stamp = outer->is_noted ? outer->stamp : 0;
	else
		statement_stamp = outer->made &&
			outer->assignments == settings_token_assignments ? outer->stamp : 0;
}

/* Binds the statement that has just begun to this token; NULL: none. */
static void
bind_statement(VerifiedToken *token)
{
	verified_token_put(&statement_judgement.token, token);
	statement_judgement.is_bound = true;
	statement_judgement.is_noted = true;
	statement_judgement.assignments = settings_token_assignments;
	statement_judgement.stamp = ++last_stamp;
	statement_stamp = statement_judgement.stamp;
	note_reading_outside(token);
}

/*
 * Queries that are known
 */

/*
 * Does a statement read tables? Then what functions in it read decides about
 * its rows, as where a policy asks a function who is there. One that only
 * calls functions leaves the statements inside them to themselves.
 */
static bool
reads_tables(const QueryDesc *query)
{
	ListCell   *cell;

	foreach(cell, query->plannedstmt->rtable)
	{
		if (lfirst_node(RangeTblEntry, cell)->rtekind == RTE_RELATION)
			return true;
	}
	return false;
}

static void
forget_query(void *arg)
{
	KnownQuery *known = arg;

	dlist_delete(&known->node);
	verified_token_put(&known->findings.token, NULL);
	verified_token_put(&known->findings.heard_token, NULL);
	verified_token_put(&known->token_at_end, NULL);
}

static pg_noinline KnownQuery *
find_known_query(const QueryDesc *query)
{
	dlist_iter	iter;

	dlist_foreach(iter, &known_queries)
	{
		KnownQuery *known = dlist_container(KnownQuery, node, iter.cur);

		if (known->query == query)
			return known;
	}
	return NULL;
}

static bool
is_bound_query(const QueryDesc *query)
{
	const KnownQuery *known = find_known_query(query);

	return known != NULL && known->is_bound;
}

static KnownQuery *
make_known_query(QueryDesc *query)
{
	MemoryContext context = query->estate->es_query_cxt;
	KnownQuery *known = MemoryContextAllocZero(context, sizeof(KnownQuery));

	known->query = query;
	known->findings.statement = context;
	known->findings.covers_functions = reads_tables(query);
	dlist_push_head(&known_queries, &known->node);
	known->callback.func = forget_query;
	known->callback.arg = known;
	MemoryContextRegisterResetCallback(context, &known->callback);
	return known;
}

static KnownQuery *
find_or_make_known_query(QueryDesc *query)
{
	KnownQuery *known = find_known_query(query);

	return known != NULL ? known : make_known_query(query);
}

/* Keeps what the query was bound to when it started. */
static void
remember_bound_query(QueryDesc *query)
{
	KnownQuery *known = find_or_make_known_query(query);

	MemoryContext caller = MemoryContextSwitchTo(query->estate->es_query_cxt);

	known->is_bound = true;
	known->silenced = list_copy(statement_judgement.silenced);
	MemoryContextSwitchTo(caller);
	verified_token_put(&known->findings.token, statement_judgement.token);
	known->findings.assignments = statement_judgement.assignments;
}

/* Copies the findings of a run, except for fields that describe only that run. */
static void
copy_findings(Judgement *to, const Judgement *from)
{
	verified_token_put(&to->token, from->token);
	to->made = from->made;
	to->assignments = from->assignments;
	to->stamp = from->stamp;
	verified_token_put(&to->heard_token, from->heard_token);
	to->heard = from->heard;
}

/*
 * Is this query the one of the cursor, or of the client's portal, that is being
 * fetched from, and not of a function that is called from there? The portals
 * of EXECUTE and of simple queries, which run as soon as they have started,
 * are not visible.
 */
static bool
is_cursor(const QueryDesc *query)
{
	return ActivePortal != NULL && ActivePortal->queryDesc == query &&
		ActivePortal->visible;
}

/* Keeps the token that the query's readers were called under; they may be called again. */
static void
remember_query(QueryDesc *query)
{
	KnownQuery *known = find_or_make_known_query(query);
	VerifiedToken *token;

	copy_findings(&known->findings, &statement_judgement);
	if (known->findings.heard && is_cursor(query))
	{
		token = session_get_current();
		verified_token_put(&known->token_at_end, token);
		verified_token_release(token);
	}
}

/* Takes up the judgement of a query that goes on where its run ended. */
static void
resume_judgement(const KnownQuery *known)
{
	copy_findings(&statement_judgement, &known->findings);
	if (statement_judgement.made &&
		statement_judgement.assignments == settings_token_assignments)
		statement_stamp = statement_judgement.stamp;
}

/*
 * Judges again for a cursor that goes on and whose functions read a token. The
 * rows that it keeps of them were made under that token, which must still be
 * good; and the functions go on under the token that was current when the last
 * run ended, as they may set one and take it back.
 */
static void
judge_heard(const KnownQuery *known)
{
	VerifiedToken *heard = known->findings.heard_token;
	VerifiedToken *token;
	Refusal		refusal;

	if (!is_same(statement_judge(NULL), known->token_at_end))
		refuse_changed();
	if (heard != NULL)
	{
		token = authenticate(heard->raw, heard, &refusal);
		if (token == NULL)
			report_refusal(refusal.verdict, &refusal.detail, refusal.log_detail);
		verified_token_release(token);
	}
	verified_token_put(&statement_judgement.heard_token, heard);	/* instead of what was read here */
}

/*
 * Judges a query that runs again after it called a reader. Its InitPlans, index
 * keys, Sort and choice of partitions remember results for that token: it must
 * still be the same one and, when a cursor is fetched from, still good.
 */
static void
judge_again(const KnownQuery *known)
{
	bool		is_fetch = is_cursor(known->query);

	resume_judgement(known);
	if (is_fetch)
	{
		statement_judgement.assignments = settings_token_assignments - 1;	/* forces a new judgement */
		statement_stamp = 0;
	}
	if (statement_judgement.made)
		(void) statement_judge(statement_judgement.statement);
	else if (statement_judgement.heard && is_fetch)
		judge_heard(known);
}

/*
 * Starting
 */

/* Is this the query of a parallel worker whose leader is bound? */
static bool
is_told_by_leader(int eflags)
{
	return IsParallelWorker() && (eflags & EXEC_FLAG_TOKEN_BOUND) != 0;
}

/* Refuses a missing token now, if readers of the plan would raise an error for it. */
static void
refuse_if_missing(const PlanReaders *readers)
{
	const VerifiedToken *token = statement_judgement.token;

	if (settings_on_missing != TOLERANCE_ERROR)
		return;
	if (token == NULL ? readers->need_token
		: readers->need_default_namespace && token->namespace[0] != '\0')
		session_refuse_missing(token);
}

/*
 * Raises whatever the readers of the query may raise because of the token. For
 * what a parallel worker was started for, its leader has done so.
 */
static void
settle_statement(const QueryDesc *query, const PlanReaders *readers, bool is_settled)
{
	const VerifiedToken *token = statement_judgement.token;

	if (readers->may_raise)
		statement_judgement.silenced =
			plan_settle(query->plannedstmt, query->params,
						token != NULL ? token->serial : 0, is_settled);
}

/* Judges the current token for a query that starts, and settles what it may raise. */
static void
bind_starting(const QueryDesc *query, int eflags, const PlanReaders *readers)
{
	if (!statement_judgement.is_bound)
	{
		bind_statement(judge_current());
		refuse_if_missing(readers);
	}
	settle_statement(query, readers, is_told_by_leader(eflags));
}

static void
start_executor(QueryDesc *query, int eflags)
{
	if (previous_executor_start != NULL)
		previous_executor_start(query, eflags);
	else
		standard_ExecutorStart(query, eflags);
}

static void
start_bound(QueryDesc *query, int eflags, const PlanReaders *readers)
{
	bind_starting(query, eflags, readers);
	start_executor(query, eflags | EXEC_FLAG_TOKEN_BOUND);
	check_unchanged();
	remember_bound_query(query);
}

/*
 * Starting a query may read the token, to leave out partitions. It is not of
 * the outer statement, and its rows must come under the same token.
 */
static void
start_unbound(QueryDesc *query, int eflags)
{
	start_executor(query, eflags);
	if (statement_judgement.made || statement_judgement.heard)
		remember_query(query);
}

/* Does the query depend on the token? A plain EXPLAIN does not run, and is not judged. */
static bool
find_readers(const QueryDesc *query, int eflags, PlanReaders *readers)
{
	memset(readers, 0, sizeof(*readers));
	if ((eflags & EXEC_FLAG_EXPLAIN_ONLY) != 0)
		return false;
	if (is_told_by_leader(eflags))
		readers->depends = readers->may_raise = true;
	else
		plan_readers_find(query->plannedstmt,
						  GetCurrentStatementStartTimestamp() != loaded_at, readers);
	return readers->depends;
}

static void
statement_executor_start(QueryDesc *query, int eflags)
{
	Judgement	outer = statement_judgement;
	PlanReaders readers;
	bool		depends;

	settings_discard_leftover();
	depends = find_readers(query, eflags, &readers);
	PG_TRY();
	{
		if (outer.is_bound)
			begin_inside(&outer, NULL, depends);
		else
			begin_judgement(depends ? &outer : NULL, NULL, true);
		if (depends)
			start_bound(query, eflags, &readers);
		else
			start_unbound(query, eflags);
		/* one that can be rewound may be before it has run: WITH HOLD, at the commit */
		if ((eflags & EXEC_FLAG_REWIND) != 0)
			find_or_make_known_query(query)->portal = ActivePortal;
	}
	PG_FINALLY();
	{
		end_judgement(&outer);
	}
	PG_END_TRY();
}

/*
 * Running
 */

/* Binds the statement to the token that its query was started under. */
static void
rebind_statement(const KnownQuery *known)
{
	bind_statement(known->findings.token);
	statement_judgement.assignments = known->findings.assignments;
	check_unchanged();
}

/*
 * Binds a run of a bound query, the first or a later one. A cursor is
 * judged again when it is fetched from; any other must only find the token that
 * it was started under.
 */
static void
bind_again(const KnownQuery *known)
{
	VerifiedToken *token = known->findings.token;

	if (is_cursor(known->query) && !is_same(judge_current(), token))
		refuse_changed();
	rebind_statement(known);
}

/*
 * Binds a query that had started before the library was loaded: it calls none of
 * its functions before the first row. Returns false if it need not be bound.
 */
static bool
bind_late(QueryDesc *query)
{
	PlanReaders readers;

	if (!find_readers(query, query->estate->es_top_eflags, &readers))
		return false;
	bind_starting(query, query->estate->es_top_eflags, &readers);
	remember_bound_query(query);
	return true;
}

/*
 * Resumes a statement inside a bound one. Its findings must be of the same token,
 * and count when it is resumed again.
 */
static void
resume_inside(const KnownQuery *known)
{
	const VerifiedToken *token = statement_judgement.token;

	if (((known->is_bound || known->findings.made) && !is_same(known->findings.token, token)) ||
		(known->findings.heard && !is_same(known->token_at_end, token)))
		refuse_changed();
	statement_judgement.made = known->findings.made;
	statement_judgement.heard = known->findings.heard;
	verified_token_put(&statement_judgement.heard_token, known->findings.heard_token);
}

/* Begins a run, under the judgement of its start if it has one. */
static pg_noinline void
begin_run(Judgement *outer, QueryDesc *query)
{
	MemoryContext statement = query->estate->es_query_cxt;
	KnownQuery *known = find_known_query(query);
	bool		is_bound = known != NULL && known->is_bound;

	if (known != NULL)
		known->is_running = true;
	if (outer->is_bound)
	{
		begin_inside(outer, statement, is_bound);
		if (known != NULL)
			resume_inside(known);
	}
	else
	{
		begin_judgement(outer, statement, reads_tables(query));
		if (is_bound)
			bind_again(known);
		else if (known != NULL)
			judge_again(known);
		else
			is_bound = bind_late(query);
	}
	if (is_bound)
		statement_judgement.silenced = find_known_query(query)->silenced;
}

static void
run_executor(COMPAT_EXECUTOR_RUN_PARAMETERS)
{
	if (previous_executor_run != NULL)
		previous_executor_run(COMPAT_EXECUTOR_RUN_ARGUMENTS);
	else
		standard_ExecutorRun(COMPAT_EXECUTOR_RUN_ARGUMENTS);
	if (is_bound_query(query))
		check_unchanged();
	else if (!COMPAT_RUNS_ONCE || query->plannedstmt->hasModifyingCTE)
		remember_query(query);
}

static pg_noinline void
end_run(const QueryDesc *query, const Judgement *outer)
{
	KnownQuery *known = find_known_query(query);

	if (known != NULL)
		known->is_running = false;
	end_judgement(outer);
}

static void
statement_executor_run(COMPAT_EXECUTOR_RUN_PARAMETERS)
{
	Judgement	outer = statement_judgement;

	settings_discard_leftover();
	if (IsParallelWorker())
		activity_hide_tokens();

	PG_TRY();
	{
		begin_run(&outer, query);
		run_executor(COMPAT_EXECUTOR_RUN_ARGUMENTS);
	}
	PG_FINALLY();
	{
		end_run(query, &outer);
	}
	PG_END_TRY();
}

/*
 * Finishing
 */

static void
finish_executor(QueryDesc *query)
{
	if (previous_executor_finish != NULL)
		previous_executor_finish(query);
	else
		standard_ExecutorFinish(query);
}

/*
 * Data-modifying CTEs that the main query does not read are run here, under the
 * token of the rest, as a part of the same statement. So are AFTER triggers; only
 * those of a statement that is neither bound nor has such a CTE are statements
 * of their own.
 */
static pg_noinline void
finish_judged(Judgement *outer, QueryDesc *query)
{
	const KnownQuery *known = find_known_query(query);
	bool		is_bound = known != NULL && known->is_bound;

	if (outer->is_bound)
		begin_inside(outer, query->estate->es_query_cxt, is_bound);
	else
	{
		begin_judgement(outer, query->estate->es_query_cxt, reads_tables(query));
		if (is_bound)
		{
			rebind_statement(known);
		}
		else if (known != NULL)
			resume_judgement(known);
	}
	if (is_bound)
		statement_judgement.silenced = known->silenced;
	finish_executor(query);
	if (is_bound)
		check_unchanged();
}

/* A cursor that is closed runs nothing here, and may be closed under any token. */
static bool
runs_when_finished(const QueryDesc *query)
{
	return query->plannedstmt->hasModifyingCTE ||
		(query->operation != CMD_SELECT && is_bound_query(query));
}

static void
statement_executor_finish(QueryDesc *query)
{
	Judgement	outer = statement_judgement;

	if (!runs_when_finished(query))
	{
		finish_executor(query);
		return;
	}
	PG_TRY();
	{
		finish_judged(&outer, query);
	}
	PG_FINALLY();
	{
		end_judgement(&outer);
	}
	PG_END_TRY();
}

/*
 * Planning
 */

static PlannedStmt *
plan_query(Query *parse, const char *query_string, int cursor_options,
	 ParamListInfo parameters)
{
	bool		has_barriers = plan_readers_have_barriers(parse);
	PlannedStmt *result;

	if (previous_planner != NULL)
		result = previous_planner(parse, query_string, cursor_options, parameters);
	else
		result = standard_planner(parse, query_string, cursor_options, parameters);
	plan_readers_mark(result, has_barriers);
	return result;
}

/*
 * Planning is outside the executor even where a running statement has a query
 * planned: that query may run under a token which was set meanwhile. Inside a
 * bound statement there is no other.
 */
static PlannedStmt *
statement_planner(Query *parse, const char *query_string, int cursor_options,
				  ParamListInfo parameters)
{
	Judgement	outer = statement_judgement;
	PlannedStmt *volatile result = NULL;

	if (outer.is_bound)
		begin_inside(&outer, NULL, true);
	else
		begin_judgement(NULL, NULL, false);
	statement_judgement.is_planning = true;
	PG_TRY();
	{
		result = plan_query(parse, query_string, cursor_options, parameters);
	}
	PG_FINALLY();
	{
		end_judgement(&outer);
	}
	PG_END_TRY();
	return result;
}

void
statement_init(void)
{
	settings_watch_token(before_token_is_set, after_token_is_set);
	serial_assignments = settings_token_assignments;
	previous_executor_start = ExecutorStart_hook;
	ExecutorStart_hook = statement_executor_start;
	previous_executor_run = ExecutorRun_hook;
	ExecutorRun_hook = statement_executor_run;
	previous_executor_finish = ExecutorFinish_hook;
	ExecutorFinish_hook = statement_executor_finish;
	previous_planner = planner_hook;
	planner_hook = statement_planner;
	loaded_at = GetCurrentStatementStartTimestamp();
	ResetPlanCache();			/* cached plans have no mark */
}
