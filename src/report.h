/*
 * report.h
 *		From verdicts to errors: the only room that chooses SQLSTATEs.
 */
#ifndef TOKEN_AUTH_REPORT_H
#define TOKEN_AUTH_REPORT_H

#include "core/verdict.h"

/*
 * Raise a refusal.
 *
 *	detail		a sentence for the client, or NULL
 *	log_detail	what only the server log may name (issuer, key), or NULL
 */
extern void report_refusal(Verdict verdict, const Detail *detail,
						   const char *log_detail) pg_attribute_noreturn();

/* Refuse configuration input ("JWK", "JWK Set", "PEM key"): 22023. */
extern void report_unusable(const char *what, Verdict verdict,
							const Detail *detail) pg_attribute_noreturn();

/* Raise an error of a standard SQLSTATE; detail and hint may be NULL. */
extern void report_error(const char *sqlstate, const char *message,
						 const char *detail,
						 const char *hint) pg_attribute_noreturn();

/* A warning about the use of tokens; detail may be NULL. */
extern void report_warning(const char *message, const char *detail,
						   const char *hint);

/* A line in the server log, and nowhere else. */
extern void report_log(const char *message);

extern void report_init(void);

#endif							/* TOKEN_AUTH_REPORT_H */
