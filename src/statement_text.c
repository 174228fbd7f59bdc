/*
 * statement_text.c
 *		Tokens in the texts that pg_prepared_statements and pg_cursors show.
 *
 * A session keeps the text of a prepared statement and of a cursor as it was
 * written, tokens in literals included, and shows it to everybody who uses the
 * session; behind a pooler, these are later clients. No hook is called where
 * the extended protocol keeps a statement. Tokens are therefore masked when
 * the function behind one of the two views is about to be executed, in all
 * texts that the session has then, whether they were kept before or after the
 * library was loaded.
 *
 * The texts are copies that belong to the statement or the cursor, and are not
 * parsed again. Parse trees and pg_stat_statements refer to positions in them,
 * so that no character may move.
 */
#include "postgres.h"

#include "catalog/objectaccess.h"
#include "commands/prepare.h"
#include "executor/executor.h"
#include "executor/tuptable.h"
#include "fmgr.h"
#include "nodes/execnodes.h"
#include "redact.h"
#include "statement_text.h"
#include "utils/builtins.h"
#include "utils/fmgroids.h"
#include "utils/memutils.h"
#include "utils/portal.h"
#include "utils/tuplestore.h"

static object_access_hook_type previous_object_access = NULL;

/* Masks the text of one prepared statement or cursor. */
typedef void (*MaskText) (const char *name);

static void
mask_prepared_statement(const char *name)
{
	PreparedStatement *statement = FetchPreparedStatement(name, false);

	if (statement != NULL)
		redact_mask_tokens(unconstify(char *, statement->plansource->query_string));
}

static void
mask_cursor(const char *name)
{
	Portal		portal = GetPortalByName(name);

	if (PortalIsValid(portal) && portal->sourceText != NULL)
		redact_mask_tokens(unconstify(char *, portal->sourceText));
}

/* Calls the function of a view. Its rows are in result->setResult, which the caller ends. */
static void
call_view_function(Oid function, ReturnSetInfo *result)
{
	LOCAL_FCINFO(fcinfo, 0);
	FmgrInfo   *info = palloc(sizeof(FmgrInfo));

	memset(result, 0, sizeof(*result));
	result->type = T_ReturnSetInfo;
	result->econtext = CreateStandaloneExprContext();
	result->allowedModes = SFRM_Materialize;
	fmgr_info(function, info);
	InitFunctionCallInfoData(*fcinfo, info, 0, InvalidOid, NULL, (Node *) result);
	(void) FunctionCallInvoke(fcinfo);
}

/* Masks the texts of all rows that a view's function returns; their first column is the name. */
static void
mask_texts(Oid function, MaskText mask)
{
	MemoryContext context = AllocSetContextCreate(CurrentMemoryContext,
												  "token_auth statement texts",
												  ALLOCSET_SMALL_SIZES);
	MemoryContext caller = MemoryContextSwitchTo(context);
	ReturnSetInfo result;
	TupleTableSlot *slot;

	call_view_function(function, &result);
	slot = MakeSingleTupleTableSlot(result.setDesc, &TTSOpsMinimalTuple);
	while (tuplestore_gettupleslot(result.setResult, true, false, slot))
	{
		bool		is_null;
		Datum		name = slot_getattr(slot, 1, &is_null);

		if (!is_null)
			mask(TextDatumGetCString(name));
	}
	ExecDropSingleTupleTableSlot(slot);
	tuplestore_end(result.setResult);
	MemoryContextSwitchTo(caller);
	MemoryContextDelete(context);
}

/* Masks the texts behind a view when an executor is set up to call its function. */
static void
statement_text_object_access(ObjectAccessType access, Oid class, Oid object,
							 int sub_object, void *argument)
{
	if (previous_object_access != NULL)
		previous_object_access(access, class, object, sub_object, argument);
	if (access != OAT_FUNCTION_EXECUTE)
		return;
	if (object == F_PG_PREPARED_STATEMENT)
		mask_texts(object, mask_prepared_statement);
	else if (object == F_PG_CURSOR)
		mask_texts(object, mask_cursor);
}

void
statement_text_init(void)
{
	previous_object_access = object_access_hook;
	object_access_hook = statement_text_object_access;
}
