/*
 * settings.c
 *		Every setting, and the token that one of them holds.
 *
 * The raw token lives in the setting token_auth.token. So SET LOCAL,
 * savepoints, ROLLBACK, RESET, connection options and the copy into parallel
 * workers come from the server's own machinery. Being set says nothing about
 * being valid: a token is believed after verification only.
 *
 * Under binding = 'transaction' only a token counts that was set in the
 * current transaction. The law that makes this hold in parallel workers too,
 * which cannot tell when a value was set: outside a transaction the setting is
 * empty. settings_discard_leftover() and the check hook at load time restore it
 * where something else was left behind.
 */
#include "postgres.h"

#include "access/parallel.h"
#include "access/xact.h"
#include "activity.h"
#include "compat.h"
#include "report.h"
#include "settings.h"
#include "utils/acl.h"

#define TOKEN_SETTING "token_auth.token"

int			settings_binding = BINDING_SESSION;
int			settings_on_missing = TOLERANCE_ANONYMOUS;
int			settings_on_expired = TOLERANCE_ERROR;
int			settings_recheck_interval_s = 10;
int			settings_max_token_size = 16 * 1024;
int			settings_cache_size_kb = 1024;
bool		settings_log_accepted = false;
uint64		settings_token_assignments = 0;
bool		settings_token_cleared = false;

/* The room that is told of changes, as settings_watch_token() has it. */
static void (*before_token_is_set) (const char *raw) = NULL;
static void (*after_token_is_set) (void) = NULL;

static char *token_value = NULL;

/* The current value came with the connection, not from a statement. */
static bool token_from_connection = false;

/* The record of token_auth.token: its stack tells what this transaction set. */
static struct config_generic *token_setting = NULL;

/* The setting is being defined, and gets the values of its placeholder. */
static bool defining = false;

/* While it is being defined: its first value is left over, drop it. */
static bool drop_leftover = false;

/* The last assignment dropped a value that was left over. */
static bool token_discarded = false;

/*
 * A parallel worker gets the leader's value. Only if the leader had this
 * library loaded did the law above hold there.
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

/* Sources whose values stand in a file or a catalog for others to read. */
static bool
source_is_stored(GucSource source)
{
	return source < PGC_S_CLIENT || source == PGC_S_TEST;
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

	if (drop_leftover && source >= PGC_S_INTERACTIVE)
	{
		drop_leftover = false;
		**newval = '\0';
		return true;
	}

	if (source < PGC_S_INTERACTIVE)
	{
		/* the mark travels with the value, through RESET and ROLLBACK too */
		*extra = compat_guc_malloc(1);
		if (*extra == NULL)
		{
			/* the server's own message would show the value */
			GUC_check_errcode(ERRCODE_OUT_OF_MEMORY);
			GUC_check_errmsg("out of memory");
			return false;
		}
	}
	return true;
}

static void
assign_token(const char *newval, void *extra)
{
	token_from_connection = (extra != NULL);
	settings_token_assignments++;
	if (after_token_is_set != NULL)
		after_token_is_set();
	settings_token_cleared = IsTransactionState();
	token_discarded = false;
	if (newval != NULL && *newval != '\0')
		activity_hide_tokens();
}

static const char *
show_token(void)
{
	return token_value != NULL && *token_value != '\0' ? "********" : "";
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
	bool		had_leftover = settings_binding == BINDING_TRANSACTION &&
		!IsParallelWorker() && placeholder_has_leftover();

	drop_leftover = had_leftover;
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
	token_discarded = had_leftover && *token_value == '\0';
	settings_token_cleared = false;
	defining = drop_leftover = false;
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
							 "With \"transaction\" only a token set in the current transaction counts: right for every database behind a transaction pooler.",
							 &settings_binding,
							 BINDING_SESSION,
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

/* Under binding = 'transaction': was the value set in this transaction? */
static bool
token_is_of_this_transaction(void)
{
	if (token_from_connection)
		return false;
	if (IsParallelWorker())
		return leader_is_trusted;
	return token_setting->stack != NULL;
}

/*
 * The raw token that counts here, or NULL with the reason in *absence.
 */
const char *
settings_token(SettingsAbsence *absence)
{
	*absence = token_discarded ? ABSENCE_IGNORED_BY_BINDING : ABSENCE_NOT_SET;
	if (token_value == NULL || *token_value == '\0')
		return NULL;

	if (settings_binding == BINDING_TRANSACTION &&
		!token_is_of_this_transaction())
	{
		*absence = IsParallelWorker() && !token_from_connection
			? ABSENCE_UNKNOWN_ORIGIN : ABSENCE_IGNORED_BY_BINDING;
		return NULL;
	}
	return token_value;
}

/*
 * Has a room told of changes of the token.
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
	(void) set_config_option(TOKEN_SETTING, token,
							 PGC_USERSET, PGC_S_SESSION,
							 local ? GUC_ACTION_LOCAL : GUC_ACTION_SET,
							 true, 0, false);
}

/*
 * Empty the setting where binding = 'transaction' and its value was not set
 * in this transaction, as when the binding has just been changed. The value
 * of a connection option stays: workers know it for what it is.
 */
void
settings_discard_leftover(void)
{
	if (settings_binding == BINDING_TRANSACTION &&
		token_value != NULL && *token_value != '\0' &&
		!token_from_connection &&
		token_setting->stack == NULL &&
		!IsInParallelMode() && !IsParallelWorker())
	{
		settings_assign_token("", false);
		token_discarded = true;
	}
}

/* Before commit: leave nothing behind that binding = 'transaction' would not count. */
void
settings_end_transaction(void)
{
	if (settings_binding == BINDING_TRANSACTION &&
		token_value != NULL && *token_value != '\0' &&
		!token_from_connection && !IsParallelWorker())
	{
		settings_assign_token("", false);
		settings_token_cleared = false;
	}
}
