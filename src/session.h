/*
 * session.h
 *		Which token is current here, and is it good for this statement?
 */
#ifndef TOKEN_AUTH_SESSION_H
#define TOKEN_AUTH_SESSION_H

#include "authenticate.h"
#include "fmgr.h"
#include "settings.h"

/* Why there is no current token. */
typedef enum SessionAbsence
{
	SESSION_NEVER_SET,
	SESSION_CLEARED,
	SESSION_ENDED_WITH_TRANSACTION,
	SESSION_ROLLED_BACK,
	SESSION_REFUSED,
	SESSION_IGNORED_BY_BINDING,
	SESSION_CONNECTION_IGNORED,
	SESSION_UNKNOWN_ORIGIN,
	SESSION_EXPIRED,
	SESSION_OTHER_NAMESPACE
} SessionAbsence;

/* What the running statement was found to run under. Its law is in session.c. */
typedef struct Judgement
{
	struct Judgement *outer;	/* of the statement that this one runs in, or NULL */
	MemoryContext statement;	/* per-query memory of the run; NULL outside */
	bool		covers_functions;	/* what functions in it read counts, too */
	bool		made;
	uint64		assignments;	/* settings_token_assignments it was made at */
	uint64		stamp;			/* settings_judgement_stamp while it is in force */
	VerifiedToken *token;		/* pinned; NULL: none */
	bool		heard;			/* a function in it, which it does not cover, read a token */
	VerifiedToken *heard_token; /* this one, last; pinned; NULL: none */
} Judgement;

extern Judgement session_judgement;

extern void session_init(void);
extern const VerifiedToken *session_judge(MemoryContext reader);
extern const VerifiedToken *session_missing(const VerifiedToken *token);
extern void session_refuse_missing(const VerifiedToken *token) pg_attribute_noreturn();
extern const VerifiedToken *session_token_in_namespace(FunctionCallInfo fcinfo,
													   text *namespace);
extern const char *session_raw_token(SessionAbsence *absence);
extern const char *session_why_none(void);
extern const VerifiedToken *session_set_token(const char *raw, bool local);
extern void session_clear_token(void);

/* Is a statement running? If not, a reader may be asked for an estimate only. */
static inline bool
session_is_in_statement(void)
{
	return session_judgement.statement != NULL;
}

/*
 * The token of the statement that a reader is called in, of whatever
 * namespace, or NULL. Raises an error if it is refused.
 */
static inline const VerifiedToken *
session_any_token(FunctionCallInfo fcinfo)
{
	if (likely(session_judgement.made &&
			   session_judgement.assignments == settings_token_assignments &&
			   session_judgement.statement == fcinfo->flinfo->fn_mcxt))
		return session_judgement.token;
	return session_judge(fcinfo->flinfo->fn_mcxt);
}

/*
 * The token that readers answer for: that of session_any_token() if it is of
 * namespace ''. Where a missing token is an error, that is raised.
 */
static inline const VerifiedToken *
session_token(FunctionCallInfo fcinfo)
{
	const VerifiedToken *token = session_any_token(fcinfo);

	if (likely(token != NULL && token->namespace[0] == '\0'))
		return token;
	return session_missing(token);
}

/* session_any_token(), for readers: where a missing token is an error, that is raised. */
static inline const VerifiedToken *
session_token_of_any_namespace(FunctionCallInfo fcinfo)
{
	const VerifiedToken *token = session_any_token(fcinfo);

	return likely(token != NULL) ? token : session_missing(NULL);
}

#endif							/* TOKEN_AUTH_SESSION_H */
