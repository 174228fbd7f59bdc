/*
 * activity.c
 *		What pg_stat_activity shows of the running statement.
 *
 * A statement that passes a token or a secret as a literal would show it to
 * everybody who may see this role's statements, for as long as the session is
 * idle afterwards.
 */
#include "postgres.h"

#include "activity.h"
#include "compat.h"
#include "redact.h"
#include "utils/backend_status.h"

static bool
is_reported(void)
{
	return MyBEEntry != NULL && pgstat_track_activities &&
		MyBEEntry->st_state == STATE_RUNNING;
}

/* Reporting a statement forgets its query id; keep it. */
static void
report_statement(const char *statement)
{
	CompatQueryId query_id = pgstat_get_my_query_id();

	pgstat_report_activity(STATE_RUNNING, statement);
	pgstat_report_query_id(query_id, true);
}

/*
 * Take tokens out of the running statement. This runs in an assign hook, which
 * must not throw: hence malloc.
 */
void
activity_hide_tokens(void)
{
	char	   *statement;

	if (!is_reported() || !redact_is_needed(MyBEEntry->st_activity_raw))
		return;

	statement = strdup(MyBEEntry->st_activity_raw);
	if (statement != NULL)
		redact_tokens(statement);
	report_statement(statement != NULL ? statement : "***");
	free(statement);
}

/* Hide all of the running statement: a secret has no look to know it by. */
void
activity_hide_statement(void)
{
	if (is_reported())
		report_statement("***");
}
