/*
 * redact.h
 *		Tokens in text that others can read.
 */
#ifndef TOKEN_AUTH_REDACT_H
#define TOKEN_AUTH_REDACT_H

extern bool redact_is_needed(const char *text);
extern void redact_tokens(char *text);
extern void redact_mask_tokens(char *text);

#endif							/* TOKEN_AUTH_REDACT_H */
