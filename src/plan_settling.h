/*
 * plan_settling.h
 *		Raises what the readers of a plan may raise, before the first row.
 */
#ifndef TOKEN_AUTH_PLAN_SETTLING_H
#define TOKEN_AUTH_PLAN_SETTLING_H

#include "nodes/params.h"
#include "nodes/plannodes.h"

extern List *plan_settle(const PlannedStmt *plan, ParamListInfo parameters,
						 uint64 serial, bool is_settled);

#endif							/* TOKEN_AUTH_PLAN_SETTLING_H */
