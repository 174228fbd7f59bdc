/*
 * plan_readers.h
 *		Which readers a plan calls, and what they may raise.
 */
#ifndef TOKEN_AUTH_PLAN_READERS_H
#define TOKEN_AUTH_PLAN_READERS_H

#include "nodes/params.h"
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

extern void plan_readers_init(void);
extern bool plan_readers_have_barriers(Query *query);
extern void plan_readers_mark(PlannedStmt *plan, bool has_barriers);
extern void plan_readers_find(const PlannedStmt *plan, bool is_marked, PlanReaders *found);
extern List *plan_readers_settle(const PlannedStmt *plan, ParamListInfo parameters,
								 uint64 serial, bool is_settled);

#endif							/* TOKEN_AUTH_PLAN_READERS_H */
