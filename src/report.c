/*
 * report.c
 *		From verdicts to errors: the only room that chooses SQLSTATEs.
 *
 * The statement and the context of an error may hold the token or a secret as
 * a literal. The server log gets neither (errhidestmt, errhidecontext), and
 * no context is built for the client either: a PL/pgSQL function that runs
 * EXECUTE with the token in the string would show it there.
 *
 * What others log we see on its way: tokens are taken out of their messages,
 * and a statement with a token in it is left out.
 */
#include "postgres.h"

#include "redact.h"
#include "report.h"
#include "tcop/tcopprot.h"
#include "utils/elog.h"

static emit_log_hook_type previous_emit_log = NULL;

static int
report_sqlstate(const char *sqlstate)
{
	return MAKE_SQLSTATE(sqlstate[0], sqlstate[1], sqlstate[2],
						 sqlstate[3], sqlstate[4]);
}

/* Leave out every context line. The stack is set anew wherever the error is caught. */
static void
report_without_context(void)
{
	error_context_stack = NULL;
}

static bool
report_has_text(const Detail *detail)
{
	return detail != NULL && detail->text[0] != '\0';
}

void
report_refusal(Verdict verdict, const Detail *detail, const char *log_detail)
{
	const char *hint = verdict_hint(verdict);

	report_without_context();
	ereport(ERROR,
			(errcode(report_sqlstate(verdict_sqlstate(verdict))),
			 errmsg("token refused: %s", verdict_words(verdict)),
			 report_has_text(detail) ? errdetail("%s", detail->text) : 0,
			 log_detail != NULL
			 ? errdetail_log("%s%s%s", report_has_text(detail) ? detail->text : "",
							 report_has_text(detail) ? " " : "", log_detail) : 0,
			 hint != NULL ? errhint("%s", hint) : 0,
			 errhidestmt(true),
			 errhidecontext(true)));
}

void
report_unusable(const char *what, Verdict verdict, const Detail *detail)
{
	report_without_context();
	ereport(ERROR,
			(errcode(verdict == VERDICT_OUT_OF_MEMORY
					 ? ERRCODE_OUT_OF_MEMORY
					 : ERRCODE_INVALID_PARAMETER_VALUE),
			 errmsg("%s cannot be used", what),
			 report_has_text(detail) ? errdetail("%s", detail->text) : 0,
			 errhidestmt(true),
			 errhidecontext(true)));
}

void
report_error(const char *sqlstate, const char *message, const char *detail,
			 const char *hint)
{
	report_without_context();
	ereport(ERROR,
			(errcode(report_sqlstate(sqlstate)),
			 errmsg("%s", message),
			 detail != NULL ? errdetail("%s", detail) : 0,
			 hint != NULL ? errhint("%s", hint) : 0,
			 errhidestmt(true),
			 errhidecontext(true)));
}

void
report_warning(const char *message, const char *detail, const char *hint)
{
	ErrorContextCallback *context = error_context_stack;

	report_without_context();
	ereport(WARNING,
			(errcode(ERRCODE_WARNING),
			 errmsg("%s", message),
			 detail != NULL ? errdetail("%s", detail) : 0,
			 errhint("%s", hint),
			 errhidestmt(true),
			 errhidecontext(true)));
	error_context_stack = context;
}

void
report_log(const char *message)
{
	ereport(LOG_SERVER_ONLY,
			(errmsg("token_auth: %s", message),
			 errhidestmt(true),
			 errhidecontext(true)));
}

static void
report_redact(char *text)
{
	if (text != NULL)
		redact_tokens(text);
}

/*
 * Everything on its way to the server log. An error of a parallel worker
 * arrives here without its wish to hide the statement, and so does the
 * server's own error about a statement that holds a token.
 */
static void
report_emit_log(ErrorData *error)
{
	if (previous_emit_log != NULL)
		previous_emit_log(error);

	report_redact(error->message);
	report_redact(error->detail);
	report_redact(error->detail_log);
	report_redact(error->hint);
	report_redact(error->context);
	report_redact(error->internalquery);
	if (debug_query_string != NULL && redact_is_needed(debug_query_string))
		error->hide_stmt = true;
}

void
report_init(void)
{
	previous_emit_log = emit_log_hook;
	emit_log_hook = report_emit_log;
}
