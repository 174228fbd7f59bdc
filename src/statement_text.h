/*
 * statement_text.h
 *		Tokens in the texts that pg_prepared_statements and pg_cursors show.
 */
#ifndef TOKEN_AUTH_STATEMENT_TEXT_H
#define TOKEN_AUTH_STATEMENT_TEXT_H

extern void statement_text_init(void);

#endif							/* TOKEN_AUTH_STATEMENT_TEXT_H */
