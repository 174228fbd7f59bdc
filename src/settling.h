/*
 * settling.h
 *		Raises what the readers of conditions may raise, before the first row.
 */
#ifndef TOKEN_AUTH_SETTLING_H
#define TOKEN_AUTH_SETTLING_H

#include "nodes/execnodes.h"
#include "nodes/params.h"
#include "nodes/pg_list.h"

typedef struct Settling
{
	ParamListInfo parameters;
	uint64		serial;			/* of the token; 0: none */
	bool		is_settled;		/* by the leader: nothing is evaluated */
	MemoryContext memory;		/* of what is evaluated; NULL: nothing was yet */
	ExprContext *context;
	bool		settles_outputs;	/* of a sub-query, which a condition may ask */
	bool		has_barriers;	/* policies or views of the plan may call readers */
	bool		is_output;		/* what is settled now: its calls are not silenced */
	List	   *silenced;		/* calls of readers whose arguments come from a row */
} Settling;

extern void settling_conditions(List *conditions, Settling *settling);
extern void settling_each(List *expressions, Settling *settling);
extern bool settling_gate(List *conditions, Settling *settling);
extern void settling_end(Settling *settling);

#endif							/* TOKEN_AUTH_SETTLING_H */
