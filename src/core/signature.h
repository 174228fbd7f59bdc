/*
 * signature.h
 *		Does this key's signature cover these bytes?
 */
#ifndef TOKEN_AUTH_SIGNATURE_H
#define TOKEN_AUTH_SIGNATURE_H

#include "core/jwk.h"
#include "core/jws.h"

/*
 * Do what OpenSSL does once in a process, before the first signature has to
 * wait for it. A server that forks does it in the parent, for all its children.
 */
extern void signature_prepare(void);
extern Verdict signature_verify(const Jws *jws, const Jwk *jwk, Detail *detail);

#endif							/* TOKEN_AUTH_SIGNATURE_H */
