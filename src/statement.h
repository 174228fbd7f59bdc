/*
 * statement.h
 *		Which token does the running statement read?
 */
#ifndef TOKEN_AUTH_STATEMENT_H
#define TOKEN_AUTH_STATEMENT_H

#include "fmgr.h"
#include "session.h"
#include "verified_token.h"

/* The judgement of a statement. Its rules are at the top of statement.c. */
typedef struct Judgement
{
	struct Judgement *outer;	/* of the statement that this one runs in, or NULL */
	MemoryContext statement;	/* per-query memory of the run; NULL outside of one */
	bool		is_bound;		/* every reader gets this token, at any depth */
	bool		is_noted;		/* a reader need not note that it was called */
	List	   *silenced;		/* calls (FuncExpr) in its plan that must not raise */
	bool		is_planning;	/* readers are asked for estimates */
	bool		covers_functions;	/* readers in functions that it calls count as its own */
	bool		made;
	uint64		assignments;	/* settings_token_assignments it was made at */
	uint64		stamp;			/* statement_stamp while it is in force */
	VerifiedToken *token;		/* held, or NULL */
	bool		heard;			/* a function in it, which it does not cover, read a token */
	VerifiedToken *heard_token; /* the last token that such a function read; held, or NULL */
} Judgement;

extern Judgement statement_judgement;

/*
 * Marks the judgement that is in force, unlike that of any other, ever. 0: there
 * is none, or a reader has to ask first. A reader in a policy compares no more
 * than this.
 */
extern uint64 statement_stamp;

extern void statement_init(void);
extern const VerifiedToken *statement_judge(MemoryContext reader);
extern const VerifiedToken *statement_missing(const VerifiedToken *token);
extern const VerifiedToken *statement_token_in_namespace(FunctionCallInfo fcinfo,
														 text *namespace);
extern bool statement_has_silenced(const Node *call);

/*
 * Is a query being planned? Then a reader is asked for an estimate only, which
 * is no place for an error: the statement may never come to it.
 */
static inline bool
statement_is_planning(void)
{
	return statement_judgement.is_planning;
}

/*
 * The token of the statement that a reader is called in, of whatever
 * namespace, or NULL. Raises an error if it is refused.
 */
static inline const VerifiedToken *
statement_any_token(FunctionCallInfo fcinfo)
{
	if (likely(statement_judgement.is_bound && statement_judgement.is_noted))
		return statement_judgement.token;
	return statement_judge(fcinfo->flinfo->fn_mcxt);
}

/*
 * The token that readers answer for: that of statement_any_token() if it is of
 * namespace ''. Where a missing token is an error, that is raised.
 */
static inline const VerifiedToken *
statement_token(FunctionCallInfo fcinfo)
{
	const VerifiedToken *token = statement_any_token(fcinfo);

	if (likely(token != NULL && token->namespace[0] == '\0'))
		return token;
	return statement_missing(token);
}

/* statement_any_token(), for readers: where a missing token is an error, that is raised. */
static inline const VerifiedToken *
statement_token_of_any_namespace(FunctionCallInfo fcinfo)
{
	const VerifiedToken *token = statement_any_token(fcinfo);

	return likely(token != NULL) ? token : statement_missing(NULL);
}

#endif							/* TOKEN_AUTH_STATEMENT_H */
