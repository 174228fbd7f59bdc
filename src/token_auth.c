/*
 * token_auth.c
 *		The library's entry point.
 *
 * Needs no preload: whichever function or setting is used first loads it. With
 * shared_preload_libraries new sessions and parallel workers start faster.
 */
#include "postgres.h"

#include "authenticate.h"
#include "catalog.h"
#include "core/signature.h"
#include "fmgr.h"
#include "issuer_store.h"
#include "miscadmin.h"
#include "readers.h"
#include "report.h"
#include "revocation_signal.h"
#include "session.h"
#include "settings.h"
#include "statement.h"
#include "statement_text.h"
#include "verified_token.h"

PG_MODULE_MAGIC;

extern PGDLLEXPORT void _PG_init(void);

/*
 * After an error in here the server would call it again, but a setting cannot
 * be defined twice, and a second round of hooks would call itself for ever. So
 * a cancel waits: defining a setting may warn, and a warning looks for one.
 * Where memory gave out in the middle, the session is of no use any more: it
 * may lack what a statement or a transaction has to end with.
 */
void
_PG_init(void)
{
	static bool has_begun = false;
	static bool is_initialized = false;

	if (is_initialized)
		return;
	settings_check_options();
	if (has_begun)
		report_error("55000", "token_auth cannot be loaded in this session",
					 "An earlier attempt ended with an error half way.",
					 "Reconnect.");

	HOLD_INTERRUPTS();
	has_begun = true;
	settings_define();
	issuer_store_init();
	verified_token_init();
	authenticate_init();
	catalog_init();
	revocation_signal_init();
	session_init();
	readers_init();
	statement_init();
	report_init();
	statement_text_init();
	if (process_shared_preload_libraries_in_progress)
		signature_prepare();	/* once for all backends, which are forks of this process */
	is_initialized = true;
	RESUME_INTERRUPTS();
}
