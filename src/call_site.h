/*
 * call_site.h
 *		What a reader remembers at one place in a plan.
 *
 * A reader's answer depends on the token alone, so it is worked out once per
 * call site and token. The copy belongs to the call site (fn_mcxt): the
 * session may drop the token while an expression still holds the answer.
 */
#ifndef TOKEN_AUTH_CALL_SITE_H
#define TOKEN_AUTH_CALL_SITE_H

#include "postgres.h"

#include "fmgr.h"
#include "statement.h"

typedef struct CallSite
{
	uint64		stamp;			/* statement_stamp that it answers under */
	uint64		serial;			/* the token's; 0: nothing remembered */
	Datum		value;
	bool		is_null;
	void	   *detail;			/* what else the reader worked out, or NULL */
	MemoryContext context;		/* holds all of it */
} CallSite;

extern CallSite *call_site_renew(FunctionCallInfo fcinfo,
								 const VerifiedToken *token);
extern void call_site_keep(CallSite *site, Datum value, int16 length);
extern CallSite *call_site_keep_varlena(FunctionCallInfo fcinfo,
										const VerifiedToken *token,
										const void *varlena);
extern bool call_site_has_constant(FunctionCallInfo fcinfo, int argument);
extern bool call_site_may_raise(FunctionCallInfo fcinfo);

/* No judgement's: those are counted up from 1. */
#define CALL_SITE_NO_STAMP PG_UINT64_MAX

/*
 * The call site, if what it remembers is the answer under the judgement in
 * force; or NULL. For readers whose answer depends on nothing but the token.
 */
static inline CallSite *
call_site_judged(FunctionCallInfo fcinfo)
{
	CallSite   *site = fcinfo->flinfo->fn_extra;

	return likely(site != NULL && site->stamp == statement_stamp) ? site : NULL;
}

/*
 * Notes that what the call site remembers is the answer under the judgement in
 * force, which the reader has just asked for: if its expression is the
 * statement's own, or the statement is bound to one token. Any other is judged
 * at each call.
 */
static inline void
call_site_note_judged(FunctionCallInfo fcinfo, CallSite *site)
{
	bool		is_of_statement = statement_judgement.is_bound ||
		statement_judgement.statement == fcinfo->flinfo->fn_mcxt;

	site->stamp = is_of_statement && statement_stamp != 0 ? statement_stamp : CALL_SITE_NO_STAMP;
}

/* The remembered answer for this token, or NULL. */
static inline CallSite *
call_site_find(FunctionCallInfo fcinfo, const VerifiedToken *token)
{
	CallSite   *site = fcinfo->flinfo->fn_extra;

	return likely(site != NULL && site->serial == token->serial) ? site : NULL;
}

/* Return what a call site remembers. */
static inline Datum
call_site_answer(FunctionCallInfo fcinfo, const CallSite *site)
{
	if (site->is_null)
		PG_RETURN_NULL();
	return site->value;
}

#endif							/* TOKEN_AUTH_CALL_SITE_H */
