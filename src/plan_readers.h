/*
 * plan_readers.h
 *		Which plans depend on the token.
 */
#ifndef TOKEN_AUTH_PLAN_READERS_H
#define TOKEN_AUTH_PLAN_READERS_H

#include "nodes/parsenodes.h"
#include "nodes/plannodes.h"

/* What a plan depends on. */
typedef struct PlanReaders
{
	bool		depends;		/* on the token at all; false: nothing else is set */
	bool		need_token;		/* without one they raise where on_missing = error */
	bool		need_default_namespace; /* so they do without one of namespace '' */
	bool		may_raise;		/* because of what the token says */
} PlanReaders;

extern bool plan_readers_have_barriers(Query *query);
extern void plan_readers_mark(PlannedStmt *plan, bool has_barriers);
extern void plan_readers_find(const PlannedStmt *plan, bool is_marked, PlanReaders *found);

#endif							/* TOKEN_AUTH_PLAN_READERS_H */
