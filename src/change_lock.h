/*
 * change_lock.h
 *		Locks by which functions that change our tables exclude each other.
 */
#ifndef TOKEN_AUTH_CHANGE_LOCK_H
#define TOKEN_AUTH_CHANGE_LOCK_H

extern void change_lock_wait(const char *name);
extern bool change_lock_try(const char *name);

#endif							/* TOKEN_AUTH_CHANGE_LOCK_H */
