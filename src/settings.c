/*
 * settings.c
 *		Every setting, and the token that one of them holds.
 *
 * The raw token lives in the setting token_auth.token. So SET LOCAL,
 * savepoints, ROLLBACK, RESET, connection options and the copy into parallel
 * workers come from the server's own machinery. Being set says nothing about
 * being valid: a token is believed after verification only.
 *
 * A value is kept with a mark in front of the token: the transaction that set
 * it, and whether it came with a statement or with the connection. The mark
 * travels with the value through SET LOCAL, ROLLBACK and RESET and to parallel
 * workers. So under binding = 'transaction' a value that an earlier transaction
 * left behind does not count, whichever way it comes back, and a worker decides
 * by its leader's transaction as the leader does. Besides, nothing is left
 * behind: settings_end_transaction() empties the setting before each commit.
 *
 * A refused set_session_token() must end the token before it, although its
 * error makes the server restore that value. So settings_void_tokens() changes
 * the marks of all values that could be restored, in place. Values that are
 * set later count, and if those are rolled back, the void ones return.
 */
#include "postgres.h"

#include "access/parallel.h"
#include "access/xact.h"
#include "activity.h"
#include "compat.h"
#include "implicit_transaction.h"
#include "miscadmin.h"
#include "report.h"
#include "settings.h"
#include "utils/acl.h"

#define TOKEN_SETTING "token_auth.token"

int			settings_binding = BINDING_TRANSACTION;
int			settings_on_missing = TOLERANCE_ANONYMOUS;
int			settings_on_expired = TOLERANCE_ERROR;
int			settings_recheck_interval_s = 10;
int			settings_max_token_size = 16 * 1024;
int			settings_cache_size_kb = 1024;
bool		settings_log_accepted = false;
uint64		settings_token_assignments = 0;
bool		settings_token_cleared = false;

/* The callbacks that settings_watch_token() registers. */
static void (*before_token_is_set) (const char *raw) = NULL;
static void (*after_token_is_set) (void) = NULL;

/*
 * The mark: eight hexadecimal digits, the local transaction id of the
 * transaction that set the value, 0 if that is not known; then the origin, a
 * letter that is no such digit.
 */
#define MARK_DIGITS 8
#define MARK_SIZE (MARK_DIGITS + 1)

typedef enum TokenOrigin
{
	ORIGIN_NONE = '\0',
	ORIGIN_STATEMENT = 's',
	ORIGIN_CONNECTION = 'o',
	ORIGIN_STATEMENT_VOID = 'S',
	ORIGIN_CONNECTION_VOID = 'O'
} TokenOrigin;

static char *token_value = NULL;

/* The mark of token_value. */
static TokenOrigin token_origin = ORIGIN_NONE;
static LocalTransactionId token_transaction = InvalidLocalTransactionId;

/* RESET made a void token of the connection count again, in this transaction. */
static bool connection_token_revived = false;

/*
 * When the statement began that set the token and could not read it, as
 * implicit_transaction_only_sets() has it; 0 if there was none.
 */
static TimestampTz lone_set_began_at = 0;

/* A function of ours assigns the setting, and not SET or set_config(). */
static bool assigning = false;

/* The record of token_auth.token: its stack records what this transaction set. */
static struct config_generic *token_setting = NULL;

/* The setting is being defined, and gets the values of its placeholder. */
static bool defining = false;

/* While it is being defined: its first value is of an earlier transaction. */
static bool first_is_leftover = false;

/* The last assignment dropped a value that was left over. */
static bool token_discarded = false;

/*
 * A parallel worker gets the leader's value. It has the leader's mark only if
 * the leader had this library loaded.
 */
static bool leader_is_trusted = true;

static const struct config_enum_entry binding_options[] = {
	{"session", BINDING_SESSION, false},
	{"transaction", BINDING_TRANSACTION, false},
	{NULL, 0, false}
};

static const struct config_enum_entry tolerance_options[] = {
	{"anonymous", TOLERANCE_ANONYMOUS, false},
	{"error", TOLERANCE_ERROR, false},
	{NULL, 0, false}
};

/*
 * The mark of a value
 */

/* The transaction whose tokens count here: in a parallel worker the leader's. */
static LocalTransactionId
current_transaction(void)
{
	if (IsParallelWorker())
		return compat_local_transaction_id(MyProc->lockGroupLeader);
	return compat_local_transaction_id(MyProc);
}

/* Replace *value by a copy with a mark in front. Returns false if memory gave out. */
static bool
mark_value(char **value, LocalTransactionId transaction, TokenOrigin origin)
{
	size_t		size = strlen(*value) + 1;
	char	   *marked = compat_guc_malloc(MARK_SIZE + size);

	if (marked == NULL)
		return false;
	for (int i = 0; i < MARK_DIGITS; i++)
		marked[i] = "0123456789abcdef"[transaction >> (4 * (MARK_DIGITS - 1 - i)) & 0xf];
	marked[MARK_DIGITS] = origin;
	memcpy(marked + MARK_SIZE, *value, size);
	compat_guc_free(*value);
	*value = marked;
	return true;
}

/* Every value but the empty one has a mark. */
static bool
is_marked(const char *value)
{
	return value != NULL && *value != '\0';
}

/* Make the mark of the new value that of token_value. */
static void
read_mark(const char *value)
{
	token_origin = ORIGIN_NONE;
	token_transaction = InvalidLocalTransactionId;
	if (!is_marked(value))
		return;
	token_origin = (unsigned char) value[MARK_DIGITS];
	token_transaction = strtoul(value, NULL, 16);
}

/* Make a value void, in place. */
static void
void_value(char *value)
{
	if (!is_marked(value))
		return;
	if (value[MARK_DIGITS] == ORIGIN_STATEMENT)
		value[MARK_DIGITS] = ORIGIN_STATEMENT_VOID;
	else if (value[MARK_DIGITS] == ORIGIN_CONNECTION)
		value[MARK_DIGITS] = ORIGIN_CONNECTION_VOID;
}

static char *
connection_value(void)
{
	return ((struct config_string *) token_setting)->reset_val;
}

/*
 * Make every value void that the setting has or can be given back: the current
 * one, those that ROLLBACK or the end of a function restores, and that of a
 * connection option. The last counts again after RESET.
 */
void
settings_void_tokens(void)
{
	for (GucStack *stack = token_setting->stack; stack != NULL; stack = stack->prev)
	{
		void_value(stack->prior.val.stringval);
		if (stack->state == GUC_SET_LOCAL)
			void_value(stack->masked.val.stringval);
	}
	void_value(token_value);
	void_value(connection_value());
	read_mark(token_value);
	connection_token_revived = false;
	settings_token_assignments++;
	if (after_token_is_set != NULL)
		after_token_is_set();
	settings_token_cleared = false;
}

/*
 * Is this value being assigned by RESET, RESET ALL or DISCARD ALL, and not
 * brought back by the end of a transaction or function? Only statements that
 * change a setting for the session leave a stack entry of this state.
 */
static bool
is_reset(const char *newval)
{
	return token_setting != NULL && newval == connection_value() &&
		IsTransactionState() &&
		token_setting->stack != NULL && token_setting->stack->state == GUC_SET;
}

/*
 * Returns, at the end of a transaction, whether all of it was a statement that
 * set the token, so that nothing could ever read that token. If a later
 * statement has begun, as in a pipeline of the extended protocol, it was not.
 */
LoneSet
settings_lone_set(void)
{
	bool		is_lone = lone_set_began_at != 0 &&
		lone_set_began_at == GetCurrentStatementStartTimestamp() &&
		token_setting->stack != NULL && token_origin == ORIGIN_STATEMENT;

	lone_set_began_at = 0;
	return !is_lone ? LONE_SET_NONE
		: token_setting->stack->state == GUC_LOCAL ? LONE_SET_LOCAL
		: LONE_SET_SESSION;
}

/*
 * The setting
 */

/* Sources whose values stand in a file or a catalog for others to read. */
static bool
source_is_stored(GucSource source)
{
	return source < PGC_S_CLIENT || source == PGC_S_TEST;
}

/* Mark a value by where it comes from. Returns false if memory gave out. */
static bool
mark_new_value(char **newval, GucSource source)
{
	bool		is_known = source >= PGC_S_INTERACTIVE && !first_is_leftover &&
		!IsParallelWorker() && IsTransactionState();

	if (source < PGC_S_INTERACTIVE)
		return mark_value(newval, InvalidLocalTransactionId, ORIGIN_CONNECTION);
	first_is_leftover = false;
	return mark_value(newval,
					  is_known ? current_transaction() : InvalidLocalTransactionId,
					  ORIGIN_STATEMENT);
}

/*
 * Neither size nor form is judged here: the server would print the refused
 * value in the context line of a parallel worker.
 */
static bool
check_token(char **newval, void **extra, GucSource source)
{
	/* GUC_ALLOW_IN_PARALLEL is there for the definition alone, see settings_define() */
	if (!defining && IsInParallelMode() && !InitializingParallelWorker)
	{
		GUC_check_errcode(ERRCODE_INVALID_TRANSACTION_STATE);
		GUC_check_errmsg("token_auth.token cannot be set during a parallel operation");
		return false;
	}
	if (before_token_is_set != NULL && source >= PGC_S_INTERACTIVE &&
		source != PGC_S_TEST && !InitializingParallelWorker)
		before_token_is_set(*newval);
	if (**newval == '\0')
		return true;

	if (source_is_stored(source))
	{
		GUC_check_errcode(ERRCODE_INVALID_PARAMETER_VALUE);
		GUC_check_errmsg("token_auth.token cannot be stored in the configuration");
		GUC_check_errdetail("A token in a configuration file, or in the settings of a role, a database or a function, would stand there in clear.");
		GUC_check_errhint("Set the token in the session, with token_auth.set_local_token() or token_auth.set_session_token().");
		return false;
	}

	/* a parallel worker's comes with the leader's mark */
	if (InitializingParallelWorker && !defining)
		return true;

	if (first_is_leftover && source >= PGC_S_INTERACTIVE &&
		settings_binding == BINDING_TRANSACTION)
	{
		first_is_leftover = false;
		**newval = '\0';
		return true;
	}
	if (!mark_new_value(newval, source))
	{
		/* the server's own message would show the value */
		GUC_check_errcode(ERRCODE_OUT_OF_MEMORY);
		GUC_check_errmsg("out of memory");
		return false;
	}
	return true;
}

static void
assign_token(const char *newval, void *extra)
{
	read_mark(newval);
	if (token_origin == ORIGIN_CONNECTION_VOID && is_reset(newval))
	{
		connection_value()[MARK_DIGITS] = token_origin = ORIGIN_CONNECTION;
		connection_token_revived = true;
	}
	lone_set_began_at = token_origin == ORIGIN_STATEMENT &&
		!defining && !assigning && implicit_transaction_only_sets()
		? GetCurrentStatementStartTimestamp() : 0;
	settings_token_assignments++;
	if (after_token_is_set != NULL)
		after_token_is_set();
	settings_token_cleared = IsTransactionState();
	token_discarded = false;
	if (newval != NULL && *newval != '\0')
		activity_hide_tokens();
}

/* Returns whether there is a token that is not void, be it counted here or not. */
static bool
token_is_set(void)
{
	return token_origin == ORIGIN_STATEMENT || token_origin == ORIGIN_CONNECTION;
}

static const char *
show_token(void)
{
	return token_is_set() ? "********" : "";
}

/*
 * Is there a value below everything that this transaction assigned? Asked
 * before the setting is defined, of its placeholder.
 */
static bool
placeholder_has_leftover(void)
{
	struct config_generic *setting = compat_find_setting(TOKEN_SETTING);
	struct config_string *string = (struct config_string *) setting;
	const char *value;
	GucSource	source;
	GucStack   *stack;

	if (setting == NULL || setting->vartype != PGC_STRING)
		return false;

	value = *string->variable;
	source = setting->source;
	for (stack = setting->stack; stack != NULL; stack = stack->prev)
	{
		value = stack->prior.val.stringval;
		source = stack->source;
	}
	return value != NULL && *value != '\0' && source >= PGC_S_INTERACTIVE &&
		value != string->reset_val;
}

static void
define_token(void)
{
	bool		had_leftover = !IsParallelWorker() && placeholder_has_leftover();

	first_is_leftover = had_leftover;
	defining = true;
	DefineCustomStringVariable(TOKEN_SETTING,
							   "The access token of the session or transaction.",
							   "It is verified when first used, and cannot be read back.",
							   &token_value,
							   "",
							   PGC_USERSET,
							   GUC_NO_SHOW_ALL | GUC_NOT_IN_SAMPLE |
							   GUC_DISALLOW_IN_FILE | GUC_ALLOW_IN_PARALLEL,
							   check_token, assign_token, show_token);
	token_discarded = had_leftover &&
		settings_binding == BINDING_TRANSACTION && *token_value == '\0';
	settings_token_cleared = false;
	defining = first_is_leftover = false;
	token_setting = compat_find_setting(TOKEN_SETTING);
	Assert(token_setting != NULL);
}

/*
 * Refuse to load where a connection option, which anybody can give, has taken
 * the place of what a superuser stored for the role or database. The server
 * keeps one value of a setting that it does not know yet; once the option is
 * dropped for lack of privilege, the built-in default would be all that is left.
 */
void
settings_check_options(void)
{
	static const char *const protected[] = {
		"token_auth.binding", "token_auth.cache_size",
		"token_auth.log_accepted", "token_auth.max_token_size",
		"token_auth.on_expired", "token_auth.on_missing",
		"token_auth.recheck_interval"
	};

	for (size_t i = 0; i < lengthof(protected); i++)
	{
		struct config_generic *setting = compat_find_setting(protected[i]);

		if (setting != NULL && (setting->flags & GUC_CUSTOM_PLACEHOLDER) &&
			setting->reset_source == PGC_S_CLIENT &&
			setting->reset_scontext == PGC_BACKEND &&
			pg_parameter_aclcheck(protected[i], setting->reset_srole,
								  ACL_SET) != ACLCHECK_OK)
			report_error("42501",
						 psprintf("permission denied to set parameter \"%s\"",
								  protected[i]),
						 "It was given as a connection option.",
						 "Connect without that option.");
	}
}

/*
 * Define the settings. Only a superuser, or a role that was granted SET ON
 * PARAMETER, can change any but the token itself.
 *
 * GUC_ALLOW_IN_PARALLEL: the library may be loaded inside a parallel plan.
 * Without it the server would then drop what was configured, and go on with
 * the defaults.
 */
void
settings_define(void)
{
	leader_is_trusted = !IsParallelWorker() || InitializingParallelWorker;

	DefineCustomEnumVariable("token_auth.binding",
							 "How long a token that was set counts.",
							 "With \"transaction\" only a token set in the current transaction counts. \"session\" is for connections that serve one client from login to logout, and that no pool shares.",
							 &settings_binding,
							 BINDING_TRANSACTION,
							 binding_options,
							 PGC_SUSET, GUC_ALLOW_IN_PARALLEL,
							 NULL, NULL, NULL);
	DefineCustomIntVariable("token_auth.cache_size",
							"Memory for verified tokens that a session remembers.",
							"0 remembers none but the current one.",
							&settings_cache_size_kb,
							1024, 0, MAX_KILOBYTES,
							PGC_SUSET, GUC_UNIT_KB | GUC_ALLOW_IN_PARALLEL,
							NULL, NULL, NULL);
	DefineCustomBoolVariable("token_auth.log_accepted",
							 "Logs each token that becomes current.",
							 NULL,
							 &settings_log_accepted,
							 false,
							 PGC_SUSET, GUC_ALLOW_IN_PARALLEL,
							 NULL, NULL, NULL);
	DefineCustomIntVariable("token_auth.max_token_size",
							"The largest token that is looked at.",
							NULL,
							&settings_max_token_size,
							16 * 1024, 256, 64 * 1024,
							PGC_SUSET, GUC_UNIT_BYTE | GUC_ALLOW_IN_PARALLEL,
							NULL, NULL, NULL);
	DefineCustomEnumVariable("token_auth.on_expired",
							 "What an expired token means to a reader.",
							 "\"error\" refuses it, \"anonymous\" treats it as no token.",
							 &settings_on_expired,
							 TOLERANCE_ERROR,
							 tolerance_options,
							 PGC_SUSET, GUC_ALLOW_IN_PARALLEL,
							 NULL, NULL, NULL);
	DefineCustomEnumVariable("token_auth.on_missing",
							 "What a missing token means to a reader.",
							 "\"anonymous\" answers NULL or false, \"error\" raises 28T17.",
							 &settings_on_missing,
							 TOLERANCE_ANONYMOUS,
							 tolerance_options,
							 PGC_SUSET, GUC_ALLOW_IN_PARALLEL,
							 NULL, NULL, NULL);
	DefineCustomIntVariable("token_auth.recheck_interval",
							"Longest time for which a judgement is trusted without a look into the tables.",
							NULL,
							&settings_recheck_interval_s,
							10, 0, 60,
							PGC_SUSET, GUC_UNIT_S | GUC_ALLOW_IN_PARALLEL,
							NULL, NULL, NULL);
	define_token();
	MarkGUCPrefixReserved("token_auth");
}

/* Under binding = 'transaction': was the token set in this transaction? */
static bool
token_is_of_this_transaction(void)
{
	return token_origin == ORIGIN_STATEMENT &&
		token_transaction != InvalidLocalTransactionId &&
		token_transaction == current_transaction();
}

static SettingsAbsence
why_ignored(void)
{
	if (token_origin == ORIGIN_CONNECTION)
		return ABSENCE_CONNECTION_IGNORED;
	return IsParallelWorker() && !leader_is_trusted
		? ABSENCE_UNKNOWN_ORIGIN : ABSENCE_IGNORED_BY_BINDING;
}

/*
 * The raw token that counts here, or NULL with the reason in *absence.
 */
const char *
settings_token(SettingsAbsence *absence)
{
	*absence = token_discarded ? ABSENCE_IGNORED_BY_BINDING : ABSENCE_NOT_SET;
	if (!token_is_set())
		return NULL;

	if (settings_binding == BINDING_TRANSACTION &&
		!token_is_of_this_transaction())
	{
		*absence = why_ignored();
		return NULL;
	}
	return token_value + MARK_SIZE;
}

/*
 * Does a token end with the transaction or savepoint that is ending? The id of
 * the transaction may be gone by then.
 */
bool
settings_token_ends(void)
{
	return token_is_set() &&
		(settings_binding == BINDING_SESSION ||
		 (token_origin == ORIGIN_STATEMENT && token_setting->stack != NULL));
}

/* Was the token of this transaction meant for the session, and ends all the same? */
bool
settings_session_token_ends(void)
{
	return settings_binding == BINDING_TRANSACTION && settings_token_ends() &&
		token_setting->stack->state == GUC_SET;
}

/*
 * Registers callbacks for changes of the token.
 *
 *	before	is called before a statement sets it, '' for none, and may raise an
 *			error; RESET, ROLLBACK and the end of a function's SET do not ask
 *	after	is called after each assignment, and must not raise
 */
void
settings_watch_token(void (*before) (const char *raw), void (*after) (void))
{
	before_token_is_set = before;
	after_token_is_set = after;
}

/* Assign the setting; '' clears it. Lasts to the end of the transaction if local. */
void
settings_assign_token(const char *token, bool local)
{
	assigning = true;
	(void) set_config_option(TOKEN_SETTING, token,
							 PGC_USERSET, PGC_S_SESSION,
							 local ? GUC_ACTION_LOCAL : GUC_ACTION_SET,
							 true, 0, false);
	assigning = false;
}

/*
 * Empty the setting where binding = 'transaction' and its value was not set
 * in this transaction, as when the binding has just been changed: it does not
 * count, and need not be kept. The value of a connection option stays.
 */
void
settings_discard_leftover(void)
{
	if (settings_binding == BINDING_TRANSACTION &&
		token_origin == ORIGIN_STATEMENT &&
		token_setting->stack == NULL &&
		!IsInParallelMode() && !IsParallelWorker())
	{
		settings_assign_token("", false);
		token_discarded = true;
	}
}

/* May the transaction leave a value behind that a statement set? */
static bool
has_leavings(void)
{
	return token_origin == ORIGIN_STATEMENT ||
		token_origin == ORIGIN_STATEMENT_VOID ||
		(token_setting->stack != NULL &&
		 token_setting->stack->state == GUC_SET_LOCAL);
}

/*
 * Before commit: leave nothing behind that binding = 'transaction' would not
 * count; neither the value nor one that SET LOCAL covers until the commit.
 */
void
settings_end_transaction(void)
{
	connection_token_revived = false;
	if (settings_binding == BINDING_TRANSACTION && !IsParallelWorker() &&
		has_leavings())
	{
		settings_assign_token("", false);
		settings_token_cleared = false;
	}
}

/* At the end of a transaction or savepoint that is rolled back, with a RESET that was in it. */
void
settings_roll_back(void)
{
	assigning = false;
	if (!connection_token_revived)
		return;
	connection_token_revived = false;
	void_value(connection_value());
	read_mark(token_value);
}
