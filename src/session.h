/*
 * session.h
 *		Which token is current here?
 */
#ifndef TOKEN_AUTH_SESSION_H
#define TOKEN_AUTH_SESSION_H

#include "authenticate.h"
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

extern void session_init(void);
extern VerifiedToken *session_judge_current(void);
extern VerifiedToken *session_get_current(void) COMPAT_MUST_USE;
extern void session_refuse_missing(const VerifiedToken *token) pg_attribute_noreturn();
extern const char *session_raw_token(SessionAbsence *absence);
extern const char *session_why_none(void);
extern const VerifiedToken *session_set_token(const char *raw, bool local);
extern void session_clear_token(void);

#endif							/* TOKEN_AUTH_SESSION_H */
