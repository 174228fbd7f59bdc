/*
 * report.c
 *		From verdicts to errors: the only room that chooses SQLSTATEs.
 *
 * The statement and the context of an error may hold the token or a secret as
 * a literal. The server log gets neither (errhidestmt, errhidecontext), and
 * no context is built for the client either: a PL/pgSQL function that runs
 * EXECUTE with the token in the string would show it there.
 */
#include "postgres.h"

#include "report.h"

static int
report_sqlstate(const char *sqlstate)
{
	return MAKE_SQLSTATE(sqlstate[0], sqlstate[1], sqlstate[2],
						 sqlstate[3], sqlstate[4]);
}

/* Leave out every context line; the stack is set anew wherever the error is caught. */
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
