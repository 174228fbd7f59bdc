/*
 * session.c
 *		Which token is current here?
 *
 * The last one that was set, in the transaction or in the session, if it is
 * still good. When a statement asks is up to statement.c.
 */
#include "postgres.h"

#include "access/parallel.h"
#include "access/xact.h"
#include "activity.h"
#include "miscadmin.h"
#include "report.h"
#include "session.h"
#include "utils/acl.h"
#include "utils/inval.h"

/* The last token found good; held, so that setting it again costs little. */
static VerifiedToken *current = NULL;

/* Assignments of the setting when a token was last logged as accepted. */
static uint64 logged_assignments = 0;

/* Why the setting is empty, unless a statement emptied it. */
static SessionAbsence last_end = SESSION_NEVER_SET;

/* set_local_token() ran outside a transaction block, and nothing has read yet. */
static bool local_token_unused = false;

static bool warned_of_bypass = false;

/*
 * The current token
 */

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
			return "The last call of set_session_token() was refused, which also ended the token before it.";
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

/*
 * Authenticates the raw token and makes it the current one. Raises the refusal,
 * except for an expired token where on_expired = anonymous, if may_be_none is
 * true: then returns NULL.
 */
static VerifiedToken *
accept_token(const char *raw, bool may_be_none)
{
	Refusal		refusal;
	VerifiedToken *token = authenticate(raw, current, &refusal);

	if (token == NULL)
	{
		if (may_be_none && counts_as_none(&refusal))
			return NULL;
		report_refusal(refusal.verdict, &refusal.detail, refusal.log_detail);
	}
	verified_token_put(&current, token);
	verified_token_release(token);
	return current;
}

/*
 * Returns the current token as of now, or NULL with the reason. Takes in what
 * other transactions have committed: a query that opens no table would not.
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

	token = accept_token(raw, true);
	if (token == NULL)
		*absence = SESSION_EXPIRED;
	else
		log_accepted(token);
	return token;
}

/*
 * Judges the current token for a statement that reads it. Returns the token,
 * which the caller holds before another one is judged, or NULL if there is none.
 * Raises an error if it is refused.
 */
VerifiedToken *
session_judge_current(void)
{
	SessionAbsence absence;
	VerifiedToken *token = find_current(&absence);

	local_token_unused = false;
	return token;
}

/*
 * Returns a reference to the token that counts now, or NULL if there is none,
 * without raising why. Where it is refused, that is the last one that was good:
 * not none, which would do for everybody.
 */
VerifiedToken *
session_get_current(void)
{
	SessionAbsence absence;
	Refusal		refusal;
	const char *raw = session_raw_token(&absence);
	VerifiedToken *token;

	if (raw == NULL)
		return NULL;
	token = authenticate(raw, current, &refusal);
	if (token != NULL || counts_as_none(&refusal) || current == NULL)
		return token;
	return verified_token_get(current);
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
	verified_token_put(&current, token);
	verified_token_release(token);
	return current->namespace[0] != '\0'
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
		token = accept_token(raw, false);
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

void
session_init(void)
{
	RegisterXactCallback(session_at_transaction_end, NULL);
	RegisterSubXactCallback(session_at_subtransaction_end, NULL);
}
