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
#include "session.h"

typedef struct CallSite
{
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
