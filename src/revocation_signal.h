/*
 * revocation_signal.h
 *		How sessions hear that something was revoked.
 */
#ifndef TOKEN_AUTH_REVOCATION_SIGNAL_H
#define TOKEN_AUTH_REVOCATION_SIGNAL_H

/* What a backend had heard of at some time; later is more. */
typedef struct RevocationsHeard
{
	uint64		of_all;			/* signals that concern every token */
	uint64		of_some;		/* signals that concern those with a hash */
} RevocationsHeard;

extern void revocation_signal_init(void);
extern uint32 revocation_signal_hash(const char *issuer, const char *kind,
									 const char *value);
extern RevocationsHeard revocation_signal_heard(void);
extern bool revocation_signal_concerns(uint32 hash, RevocationsHeard since);

#endif							/* TOKEN_AUTH_REVOCATION_SIGNAL_H */
