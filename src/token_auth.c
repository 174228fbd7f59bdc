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
#include "report.h"
#include "revocation.h"
#include "session.h"
#include "settings.h"

PG_MODULE_MAGIC;

extern PGDLLEXPORT void _PG_init(void);

void
_PG_init(void)
{
	report_init();
	settings_define();
	catalog_init();
	issuer_store_init();
	revocation_init();
	authenticate_init();
	session_init();
}
