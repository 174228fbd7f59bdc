/*
 * token_auth.c
 *		The library's entry point.
 *
 * Needs no preload: whichever function or setting is used first loads it.
 */
#include "postgres.h"

#include "authenticate.h"
#include "catalog.h"
#include "fmgr.h"
#include "issuer_store.h"
#include "miscadmin.h"
#include "report.h"
#include "revocation.h"
#include "session.h"
#include "settings.h"

PG_MODULE_MAGIC;

extern PGDLLEXPORT void _PG_init(void);

/*
 * After an error in here the server would call it again, and a second round of
 * hooks would call itself for ever. So what can fail comes before what must
 * not be done twice, and a cancel waits: defining a setting may warn, and a
 * warning looks for one.
 */
void
_PG_init(void)
{
	static bool is_initialized = false;

	if (is_initialized)
		return;
	settings_check_options();

	HOLD_INTERRUPTS();
	settings_define();
	issuer_store_init();
	authenticate_init();
	is_initialized = true;
	catalog_init();
	revocation_init();
	session_init();
	report_init();
	RESUME_INTERRUPTS();
}
