/*
 * implicit_transaction.h
 *		Is the running statement one that only sets a setting?
 */
#ifndef TOKEN_AUTH_IMPLICIT_TRANSACTION_H
#define TOKEN_AUTH_IMPLICIT_TRANSACTION_H

extern bool implicit_transaction_only_sets(void);

#endif							/* TOKEN_AUTH_IMPLICIT_TRANSACTION_H */
