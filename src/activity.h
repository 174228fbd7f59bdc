/*
 * activity.h
 *		What pg_stat_activity shows of the running statement.
 */
#ifndef TOKEN_AUTH_ACTIVITY_H
#define TOKEN_AUTH_ACTIVITY_H

extern void activity_hide_tokens(void);
extern void activity_hide_statement(void);

#endif							/* TOKEN_AUTH_ACTIVITY_H */
