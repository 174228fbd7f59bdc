/*
 * session.c
 *		Which token is current here, and is it good for this statement?
 *
 * A token is judged once per statement, not per row. A statement is one run of
 * the executor: statement_timestamp() does not mark statements, for a DO block,
 * a CALL that commits in a loop or a string of several statements run many
 * under one. So each ExecutorRun starts unjudged and, when it ends, gives its
 * outer run's judgement back. The first reader of a run judges; later ones
 * compare two values. Everywhere else (planning, starting the executor,
 * PL/pgSQL's simple expressions) every call judges: a reader tells by the
 * memory that its expression lives in whether it is of the run.
 *
 * One statement, one token: a reader that meets another token than the first
 * reader of its run did is an error, or a query could return rows that neither
 * token may see. Where the run reads tables, that goes for the readers in
 * functions that it calls, too.
 */
#include "postgres.h"

#include "access/parallel.h"
#include "access/xact.h"
#include "activity.h"
#include "compat.h"
#include "executor/executor.h"
#include "miscadmin.h"
#include "optimizer/planner.h"
#include "report.h"
#include "session.h"
#include "tcop/pquery.h"
#include "utils/acl.h"
#include "utils/builtins.h"
#include "utils/inval.h"
#include "utils/portal.h"

Judgement	session_judgement = {0};

/* The last token found good; pinned, so that setting it again costs little. */
static VerifiedToken *current = NULL;

/* Assignments of the setting when a token was last logged as accepted. */
static uint64 logged_assignments = 0;

/* Why the setting is empty, unless a statement emptied it. */
static SessionAbsence last_end = SESSION_NEVER_SET;

/* set_local_token() ran outside a transaction block, and nothing has read yet. */
static bool local_token_unused = false;

static bool warned_of_bypass = false;

static uint64 last_stamp = 0;

static ExecutorStart_hook_type previous_executor_start = NULL;
static ExecutorRun_hook_type previous_executor_run = NULL;
static ExecutorFinish_hook_type previous_executor_finish = NULL;
static planner_hook_type previous_planner = NULL;

/*
 * In parallel mode the token is what it was when that began: the processes
 * that share a statement could not agree on a change.
 */
static bool parallel_assignments_known = false;
static uint64 parallel_assignments = 0;

/*
 * A query whose readers are called again after a run: a cursor, a set-returning
 * SQL function, what WITH changes and nobody reads.
 */
typedef struct UsedQuery
{
	MemoryContextCallback callback;
	dlist_node	node;
	QueryDesc  *query;
	Portal		portal;			/* of a query that can be rewound, or NULL */
	bool		is_running;		/* not between its runs */
	Judgement	ended;			/* of its last run, as that ended; outer is not kept */
	VerifiedToken *token_at_end;	/* where that heard one: current when it ended; pinned; NULL: none */
} UsedQuery;

static dlist_head used_queries = DLIST_STATIC_INIT(used_queries);

/*
 * The current token
 */

/* Let *place, which keeps what it points to pinned, point to this token; NULL: none. */
static void
replace_pinned(VerifiedToken **place, VerifiedToken *token)
{
	if (token == *place)
		return;
	if (token != NULL)
		authenticate_pin(token);
	if (*place != NULL)
		authenticate_unpin(*place);
	*place = token;
}

/* The raw token that counts, or NULL with the reason. */
const char *
session_raw_token(SessionAbsence *absence)
{
	SettingsAbsence why;
	const char *raw = settings_token(&why);

	*absence = why == ABSENCE_IGNORED_BY_BINDING ? SESSION_IGNORED_BY_BINDING
		: why == ABSENCE_CONNECTION_IGNORED ? SESSION_CONNECTION_IGNORED
		: why == ABSENCE_UNKNOWN_ORIGIN ? SESSION_UNKNOWN_ORIGIN
		: settings_token_cleared ? SESSION_CLEARED
		: last_end;
	return raw;
}

#define HOW_TO_BIND \
	"For connections that no pool shares, ALTER ROLE or ALTER DATABASE ... SET token_auth.binding = 'session' allows it."

static const char *
absence_words(SessionAbsence absence)
{
	switch (absence)
	{
		case SESSION_NEVER_SET:
			return "No token was set in this session.";
		case SESSION_CLEARED:
			return "The token was cleared.";
		case SESSION_ENDED_WITH_TRANSACTION:
			return "The last token ended with its transaction.";
		case SESSION_ROLLED_BACK:
			return "The setting of the last token was rolled back.";
		case SESSION_REFUSED:
			return "The last call of set_session_token() was refused, which ends the token before it, too.";
		case SESSION_IGNORED_BY_BINDING:
			return "The token was set for the session, but token_auth.binding is \"transaction\": only a token set in the current transaction counts. " HOW_TO_BIND;
		case SESSION_CONNECTION_IGNORED:
			return "The token came with the connection, but token_auth.binding is \"transaction\": only a token set in the current transaction counts. " HOW_TO_BIND;
		case SESSION_UNKNOWN_ORIGIN:
			return "The library was loaded in a parallel worker first, which cannot tell in which transaction the token was set.";
		case SESSION_EXPIRED:
			return "The token has expired, and token_auth.on_expired treats it as none.";
		case SESSION_OTHER_NAMESPACE:
			return "The token's issuer has a namespace of its own, which only readers that name it answer for.";
	}
	return "";
}

static void pg_attribute_noreturn()
refuse_missing(SessionAbsence absence)
{
	Detail		detail;

	strlcpy(detail.text, absence_words(absence), sizeof(detail.text));
	report_refusal(VERDICT_TOKEN_MISSING, &detail, NULL);
}

static const char *
quote_text(text *value)
{
	Quoted	   *quoted;

	if (value == NULL)
		return "none";
	quoted = palloc(sizeof(Quoted));
	*quoted = verdict_quote(VARDATA_ANY(value), VARSIZE_ANY_EXHDR(value));
	return quoted->text;
}

static void
log_accepted(const VerifiedToken *token)
{
	if (!settings_log_accepted || IsParallelWorker() ||
		logged_assignments == settings_token_assignments)
		return;
	logged_assignments = settings_token_assignments;
	report_log(psprintf("token accepted: issuer \"%s\", subject \"%s\", token id \"%s\", client \"%s\", session user \"%s\"",
						quote_text(token->issuer), quote_text(token->subject),
						quote_text(token->token_id), quote_text(token->client_id),
						GetUserNameFromId(GetSessionUserId(), false)));
}

static bool
counts_as_none(const Refusal *refusal)
{
	return refusal->verdict == VERDICT_EXPIRED &&
		settings_on_expired == TOLERANCE_ANONYMOUS;
}

/* Authenticate raw now and hold it, or raise why not; NULL if it may be and counts as none. */
static VerifiedToken *
accept(const char *raw, bool may_be_none)
{
	Refusal		refusal;
	VerifiedToken *token = authenticate(raw, current, &refusal);

	if (token == NULL)
	{
		if (may_be_none && counts_as_none(&refusal))
			return NULL;
		report_refusal(refusal.verdict, &refusal.detail, refusal.log_detail);
	}
	replace_pinned(&current, token);
	return token;
}

/*
 * The current token as of now, or NULL with the reason. Takes in what other
 * transactions have committed: a query that opens no table would not.
 */
static VerifiedToken *
find_current(SessionAbsence *absence)
{
	const char *raw;
	VerifiedToken *token;

	AcceptInvalidationMessages();
	raw = session_raw_token(absence);
	if (raw == NULL)
	{
		if (*absence == SESSION_UNKNOWN_ORIGIN)
			refuse_missing(*absence);
		return NULL;
	}

	token = accept(raw, true);
	if (token == NULL)
		*absence = SESSION_EXPIRED;
	else
		log_accepted(token);
	return token;
}

static bool
is_same(const VerifiedToken *a, const VerifiedToken *b)
{
	if (a == b)
		return true;
	return a != NULL && b != NULL && strcmp(a->raw, b->raw) == 0;
}

/* Outside parallel mode, and once in a worker: from here on the token must stay. */
static void
note_parallel_assignments(void)
{
	if (IsInParallelMode() && parallel_assignments_known)
		return;
	parallel_assignments = settings_token_assignments;
	parallel_assignments_known = true;
}

static bool
changed_in_parallel_mode(void)
{
	return IsInParallelMode() && parallel_assignments_known &&
		parallel_assignments != settings_token_assignments;
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
	return session_judgement.statement != NULL &&
		is_below(reader, session_judgement.statement);
}

static void pg_attribute_noreturn()
refuse_changed(void)
{
	Detail		detail = {"Something in the statement set another token, or cleared it, after the token had been read."};

	report_refusal(VERDICT_TOKEN_CHANGED, &detail, NULL);
}

/* Note that a statement runs under this token; another than before is an error. */
static void
judge_statement(Judgement *judgement, VerifiedToken *token)
{
	if (!judgement->made)
	{
		replace_pinned(&judgement->token, token);
		judgement->made = true;
	}
	else if (!is_same(judgement->token, token))
		refuse_changed();

	judgement->assignments = settings_token_assignments;
	judgement->stamp = ++last_stamp;
	if (judgement == &session_judgement)
		settings_judgement_stamp = judgement->stamp;
}

/* A reader was called in this statement, or in a function that it calls. */
static void
note_reading(Judgement *judgement, bool is_own, VerifiedToken *token)
{
	if (is_own || judgement->covers_functions)
		judge_statement(judgement, token);
	else if (judgement->statement != NULL)
	{
		replace_pinned(&judgement->heard_token, token);
		judgement->heard = true;
	}
}

/* Its portal is in charge of it, and it does not run. */
static bool
is_being_rewound(const UsedQuery *used)
{
	return used->portal != NULL && used->portal->queryDesc == used->query &&
		used->portal->status == PORTAL_ACTIVE && !used->is_running;
}

/*
 * A cursor that is rewound works out its index keys, and its LIMIT, without
 * running. They must be those of the token that its other keys and its rows are
 * under. Its own readers live just in its memory: what is below may be of a
 * function's query.
 */
static void
judge_rewound_queries(MemoryContext reader, VerifiedToken *token)
{
	dlist_iter	iter;

	dlist_foreach(iter, &used_queries)
	{
		UsedQuery  *used = dlist_container(UsedQuery, node, iter.cur);

		if (!is_being_rewound(used))
			continue;
		if (used->ended.heard && !is_same(used->token_at_end, token))
			refuse_changed();
		note_reading(&used->ended, reader == used->ended.statement, token);
		if (used->ended.heard)
			replace_pinned(&used->token_at_end, token);
	}
}

/*
 * The slow path of session_any_token(): judge the current token for a reader
 * whose memory this is. A statement that has begun keeps what it was judged
 * under, but not beside another token.
 */
const VerifiedToken *
session_judge(MemoryContext reader)
{
	bool		is_of_statement = is_of_running_statement(reader);
	SessionAbsence absence;
	VerifiedToken *token;

	if (is_of_statement && session_judgement.made &&
		session_judgement.assignments == settings_token_assignments)
		return session_judgement.token;

	if (changed_in_parallel_mode())
		refuse_changed();
	token = find_current(&absence);
	local_token_unused = false;

	note_reading(&session_judgement, is_of_statement, token);
	for (Judgement *outer = session_judgement.outer; outer != NULL; outer = outer->outer)
		note_reading(outer, false, token);
	judge_rewound_queries(reader, token);
	return is_of_statement ? session_judgement.token : token;
}

/*
 * Why readers do not answer for the current token: there is none, it counts as
 * none, or it is of another namespace. NULL if they do, or if it is refused.
 */
const char *
session_why_none(void)
{
	SessionAbsence absence;
	Refusal		refusal;
	VerifiedToken *token;
	const char *raw = session_raw_token(&absence);

	if (raw == NULL)
		return absence_words(absence);
	token = authenticate(raw, current, &refusal);
	if (token == NULL)
		return counts_as_none(&refusal) ? absence_words(SESSION_EXPIRED) : NULL;
	replace_pinned(&current, token);
	return token->namespace[0] != '\0'
		? absence_words(SESSION_OTHER_NAMESPACE) : NULL;
}

/* Raise 28T17: there is no token, or one of another namespace. */
void
session_refuse_missing(const VerifiedToken *token)
{
	SessionAbsence absence = SESSION_OTHER_NAMESPACE;

	if (token == NULL && session_raw_token(&absence) != NULL)
		absence = SESSION_EXPIRED;
	refuse_missing(absence);
}

/*
 * The slow path of session_token(): there is no token, or one of another
 * namespace. Returns NULL, unless that is to be an error.
 */
const VerifiedToken *
session_missing(const VerifiedToken *token)
{
	if (settings_on_missing == TOLERANCE_ERROR)
		session_refuse_missing(token);
	return NULL;
}

/* The token if it is of this namespace, or NULL as session_token(). */
const VerifiedToken *
session_token_in_namespace(FunctionCallInfo fcinfo, text *namespace)
{
	const VerifiedToken *token = session_any_token(fcinfo);

	if (token == NULL)
		return session_missing(NULL);
	if (VARSIZE_ANY_EXHDR(namespace) != strlen(token->namespace) ||
		memcmp(VARDATA_ANY(namespace), token->namespace,
			   VARSIZE_ANY_EXHDR(namespace)) != 0)
		return NULL;
	return token;
}

/*
 * Setting it
 */

/*
 * Tests under a role that bypasses row security are green for the wrong
 * reason. Asked of the role of the session or of SET ROLE: a function that
 * sets the token may run as its owner.
 */
static void
warn_of_bypass(void)
{
	Oid			role = GetOuterUserId();

	if (warned_of_bypass || !has_bypassrls_privilege(role))
		return;
	warned_of_bypass = true;
	report_warning(psprintf("row-level security does not apply to role \"%s\"",
							GetUserNameFromId(role, false)),
				   "It is a superuser or has BYPASSRLS, so the token restricts nothing.",
				   "Connect as an ordinary role that does not own the tables.");
}

static void pg_attribute_noreturn()
refuse_session_token(void)
{
	report_error("55000", "a session token cannot be set",
				 "token_auth.binding is \"transaction\": only a token set in the current transaction counts.",
				 "Call token_auth.set_local_token() in each transaction. "
				 "Where no pool shares the connections of a role, ALTER ROLE ... SET token_auth.binding = 'session' (or ALTER DATABASE ...), "
				 "run by a superuser or a role with SET ON PARAMETER, allows session tokens. "
				 "Behind PgBouncer in transaction mode or an application's pool (pg.Pool, HikariCP, SQLAlchemy) do not: the next request would have the token.");
}

static const VerifiedToken *
verify_and_set(const char *raw, bool local)
{
	VerifiedToken *token = NULL;

	if (!local && settings_binding == BINDING_TRANSACTION)
		refuse_session_token();

	if (raw != NULL && *raw != '\0')
	{
		AcceptInvalidationMessages();
		token = accept(raw, false);
	}
	settings_assign_token(token != NULL ? raw : "", local);
	local_token_unused = token != NULL && local && !IsTransactionBlock();

	if (token != NULL)
	{
		log_accepted(token);
		warn_of_bypass();
	}
	return token;
}

/*
 * Verify raw and make it the current token, to the end of the transaction if
 * local. NULL or '' clears. Returns the token, or NULL if cleared.
 *
 * A session token that is not set, for whatever reason, leaves none: a caller
 * that catches the error would go on as whoever was there before. A transaction
 * token that is refused changes nothing: what counts after ROLLBACK TO is the
 * token from before the savepoint.
 */
const VerifiedToken *
session_set_token(const char *raw, bool local)
{
	const VerifiedToken *volatile token = NULL;

	activity_hide_tokens();
	if (local)
		return verify_and_set(raw, true);

	PG_TRY();
	{
		token = verify_and_set(raw, false);
	}
	PG_CATCH();
	{
		settings_void_tokens();
		last_end = SESSION_REFUSED;
		PG_RE_THROW();
	}
	PG_END_TRY();
	return token;
}

/* No token from here on, whatever was set for the session or the transaction. */
void
session_clear_token(void)
{
	settings_assign_token("", false);
}

static void
note_end(SessionAbsence why)
{
	if (settings_token_ends())
	{
		last_end = why;
		settings_token_cleared = false;
	}
}

static void
warn_of_unused_token(const char *setter)
{
	report_warning(psprintf("the token set by %s ended with its transaction before anything used it", setter),
				   NULL,
				   psprintf("Run %s and the queries it is for in one transaction: between BEGIN and COMMIT.", setter));
}

/* Refuse a session-level SET, or set_config(), that could never count. */
static void pg_attribute_noreturn()
refuse_lone_set(void)
{
	last_end = SESSION_IGNORED_BY_BINDING;
	settings_assign_token("", false);	/* or its end would be taken for that of the token */
	refuse_session_token();
}

static void
before_commit(void)
{
	LoneSet		lone_set = settings_lone_set();

	if (local_token_unused)
	{
		local_token_unused = false;
		warn_of_unused_token("set_local_token()");
	}
	else if (lone_set == LONE_SET_LOCAL)
		warn_of_unused_token("set_config()");
	else if (lone_set == LONE_SET_SESSION && settings_binding == BINDING_TRANSACTION)
		refuse_lone_set();

	note_end(settings_session_token_ends() ? SESSION_IGNORED_BY_BINDING
			 : SESSION_ENDED_WITH_TRANSACTION);
	settings_end_transaction();
}

static void
session_at_transaction_end(XactEvent event, void *arg)
{
	switch (event)
	{
		case XACT_EVENT_PRE_COMMIT:
		case XACT_EVENT_PRE_PREPARE:
			before_commit();
			break;
		case XACT_EVENT_ABORT:
			local_token_unused = false;
			note_end(SESSION_ROLLED_BACK);
			settings_roll_back();
			break;
		default:
			break;
	}
}

static void
session_at_subtransaction_end(SubXactEvent event, SubTransactionId id,
							  SubTransactionId parent, void *arg)
{
	if (event != SUBXACT_EVENT_ABORT_SUB)
		return;
	note_end(SESSION_ROLLED_BACK);
	settings_roll_back();
}

/*
 * Statements
 */

/*
 * Begin a statement, which is not judged yet. Its outer one is where the
 * caller keeps it, until end_judgement(). Neither is inlined: gcc would warn
 * of variables of PG_TRY.
 */
static pg_noinline void
begin_judgement(Judgement *outer, MemoryContext statement, bool covers_functions)
{
	memset(&session_judgement, 0, sizeof(session_judgement));
	settings_judgement_stamp = 0;
	session_judgement.outer = outer;
	session_judgement.statement = statement;
	session_judgement.covers_functions = covers_functions;
}

static pg_noinline void
end_judgement(const Judgement *outer)
{
	replace_pinned(&session_judgement.token, NULL);
	replace_pinned(&session_judgement.heard_token, NULL);
	session_judgement = *outer;
	settings_judgement_stamp =
		outer->made && outer->assignments == settings_token_assignments ? outer->stamp : 0;
}

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
	UsedQuery  *used = arg;

	dlist_delete(&used->node);
	replace_pinned(&used->ended.token, NULL);
	replace_pinned(&used->ended.heard_token, NULL);
	replace_pinned(&used->token_at_end, NULL);
}

static UsedQuery *
find_used_query(const QueryDesc *query)
{
	dlist_iter	iter;

	dlist_foreach(iter, &used_queries)
	{
		UsedQuery  *used = dlist_container(UsedQuery, node, iter.cur);

		if (used->query == query)
			return used;
	}
	return NULL;
}

static UsedQuery *
make_used_query(QueryDesc *query)
{
	MemoryContext context = query->estate->es_query_cxt;
	UsedQuery  *used = MemoryContextAllocZero(context, sizeof(UsedQuery));

	used->query = query;
	used->ended.statement = context;
	used->ended.covers_functions = reads_tables(query);
	dlist_push_head(&used_queries, &used->node);
	used->callback.func = forget_query;
	used->callback.arg = used;
	MemoryContextRegisterResetCallback(context, &used->callback);
	return used;
}

static UsedQuery *
find_or_make_used_query(QueryDesc *query)
{
	UsedQuery  *used = find_used_query(query);

	return used != NULL ? used : make_used_query(query);
}

/* What was found of a run, without what is of that run alone. */
static void
copy_findings(Judgement *to, const Judgement *from)
{
	replace_pinned(&to->token, from->token);
	to->made = from->made;
	to->assignments = from->assignments;
	to->stamp = from->stamp;
	replace_pinned(&to->heard_token, from->heard_token);
	to->heard = from->heard;
}

/*
 * The token that counts now, without raising why it does not; NULL: there is
 * none. Where it is refused, the last that was good: not none, which would do
 * for everybody.
 */
static VerifiedToken *
peek_current(void)
{
	SessionAbsence absence;
	Refusal		refusal;
	const char *raw = session_raw_token(&absence);
	VerifiedToken *token;

	if (raw == NULL)
		return NULL;
	token = authenticate(raw, current, &refusal);
	if (token == NULL && counts_as_none(&refusal))
		return NULL;
	return token != NULL ? token : current;
}

/* Is this query that of the portal in charge, and not of a function that is called from one? */
static bool
is_cursor(const QueryDesc *query)
{
	return ActivePortal != NULL && ActivePortal->queryDesc == query;
}

/* The query may call readers later: keep under which token it has called some. */
static void
remember_query(QueryDesc *query)
{
	UsedQuery  *used = find_or_make_used_query(query);

	copy_findings(&used->ended, &session_judgement);
	if (used->ended.heard && is_cursor(query))
		replace_pinned(&used->token_at_end, peek_current());
}

/* A query goes on where its run ended: it is not judged anew, but by what it was. */
static void
resume_judgement(const UsedQuery *used)
{
	copy_findings(&session_judgement, &used->ended);
	if (session_judgement.made &&
		session_judgement.assignments == settings_token_assignments)
		settings_judgement_stamp = session_judgement.stamp;
}

/*
 * A cursor goes on whose functions read a token. What rows it keeps of them was
 * made under that, which must still be good; and they go on to who was there
 * when the last run ended, as functions may set a token and take it back.
 */
static void
judge_heard(const UsedQuery *used)
{
	VerifiedToken *heard = used->ended.heard_token;
	Refusal		refusal;

	if (!is_same(session_judge(NULL), used->token_at_end))
		refuse_changed();
	if (heard != NULL && authenticate(heard->raw, heard, &refusal) == NULL)
		report_refusal(refusal.verdict, &refusal.detail, refusal.log_detail);
	replace_pinned(&session_judgement.heard_token, heard);	/* and not what was asked for here */
}

/*
 * A query that called a reader before runs again. What its InitPlans, index
 * keys, Sort or choice of partitions remember was made under that token: it
 * must be the same one still and, when a cursor is fetched from, still good.
 */
static void
judge_again(const UsedQuery *used)
{
	bool		is_fetch = is_cursor(used->query);

	resume_judgement(used);
	if (is_fetch)
	{
		session_judgement.assignments = settings_token_assignments - 1; /* not now */
		settings_judgement_stamp = 0;
	}
	if (session_judgement.made)
		(void) session_judge(session_judgement.statement);
	else if (session_judgement.heard && is_fetch)
		judge_heard(used);
}

static void
run(COMPAT_EXECUTOR_RUN_PARAMETERS)
{
	const UsedQuery *used = find_used_query(query);

	if (used != NULL)
		judge_again(used);
	if (previous_executor_run != NULL)
		previous_executor_run(COMPAT_EXECUTOR_RUN_ARGUMENTS);
	else
		standard_ExecutorRun(COMPAT_EXECUTOR_RUN_ARGUMENTS);
	if (!COMPAT_RUNS_ONCE || query->plannedstmt->hasModifyingCTE)
		remember_query(query);
}

/* Not inlined for the reason that begin_judgement() is not. */
static pg_noinline void
set_running(const QueryDesc *query, bool is_running)
{
	UsedQuery  *used = find_used_query(query);

	if (used != NULL)
		used->is_running = is_running;
}

static void
session_executor_run(COMPAT_EXECUTOR_RUN_PARAMETERS)
{
	Judgement	outer = session_judgement;

	settings_discard_leftover();
	note_parallel_assignments();
	if (IsParallelWorker())
		activity_hide_tokens();

	begin_judgement(&outer, query->estate->es_query_cxt, reads_tables(query));
	set_running(query, true);
	PG_TRY();
	{
		run(COMPAT_EXECUTOR_RUN_ARGUMENTS);
	}
	PG_FINALLY();
	{
		set_running(query, false);
		end_judgement(&outer);
	}
	PG_END_TRY();
}

static void
resume_statement(const QueryDesc *query)
{
	const UsedQuery *used = find_used_query(query);

	if (used != NULL)
		resume_judgement(used);
}

static void
finish(QueryDesc *query)
{
	if (previous_executor_finish != NULL)
		previous_executor_finish(query);
	else
		standard_ExecutorFinish(query);
}

/*
 * What WITH changes and nobody reads is run here, under the token of the rest,
 * as a part of the same statement. So are AFTER triggers; those of a statement
 * without such a WITH are left to themselves.
 */
static void
session_executor_finish(QueryDesc *query)
{
	Judgement	outer = session_judgement;

	if (!query->plannedstmt->hasModifyingCTE)
	{
		finish(query);
		return;
	}
	begin_judgement(&outer, query->estate->es_query_cxt, reads_tables(query));
	PG_TRY();
	{
		resume_statement(query);
		finish(query);
	}
	PG_FINALLY();
	{
		end_judgement(&outer);
	}
	PG_END_TRY();
}

static void
start(QueryDesc *query, int eflags)
{
	if (previous_executor_start != NULL)
		previous_executor_start(query, eflags);
	else
		standard_ExecutorStart(query, eflags);
	if (session_judgement.made)
		remember_query(query);
	/* one that can be rewound may be before it has run: WITH HOLD, at the commit */
	if ((eflags & EXEC_FLAG_REWIND) != 0)
		find_or_make_used_query(query)->portal = ActivePortal;
}

/*
 * Starting a query may read the token, to leave out partitions. It is not of
 * the outer statement, and its rows must come under the same token.
 */
static void
session_executor_start(QueryDesc *query, int eflags)
{
	Judgement	outer = session_judgement;

	begin_judgement(NULL, NULL, true);
	PG_TRY();
	{
		start(query, eflags);
	}
	PG_FINALLY();
	{
		end_judgement(&outer);
	}
	PG_END_TRY();
}

static PlannedStmt *
plan(Query *parse, const char *query_string, int cursor_options,
	 ParamListInfo parameters)
{
	if (previous_planner != NULL)
		return previous_planner(parse, query_string, cursor_options, parameters);
	return standard_planner(parse, query_string, cursor_options, parameters);
}

/*
 * Planning is outside the executor even where a running statement has a query
 * planned: that query may run under a token which was set meanwhile.
 */
static PlannedStmt *
session_planner(Query *parse, const char *query_string, int cursor_options,
				ParamListInfo parameters)
{
	Judgement	outer = session_judgement;
	PlannedStmt *volatile result = NULL;

	begin_judgement(NULL, NULL, false);
	PG_TRY();
	{
		result = plan(parse, query_string, cursor_options, parameters);
	}
	PG_FINALLY();
	{
		end_judgement(&outer);
	}
	PG_END_TRY();
	return result;
}

void
session_init(void)
{
	RegisterXactCallback(session_at_transaction_end, NULL);
	RegisterSubXactCallback(session_at_subtransaction_end, NULL);
	previous_executor_start = ExecutorStart_hook;
	ExecutorStart_hook = session_executor_start;
	previous_executor_run = ExecutorRun_hook;
	ExecutorRun_hook = session_executor_run;
	previous_executor_finish = ExecutorFinish_hook;
	ExecutorFinish_hook = session_executor_finish;
	previous_planner = planner_hook;
	planner_hook = session_planner;
}
