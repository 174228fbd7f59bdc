/*
 * signature.h
 *		Does this key's signature cover these bytes?
 */
#ifndef TOKEN_AUTH_SIGNATURE_H
#define TOKEN_AUTH_SIGNATURE_H

#include "core/jwk.h"
#include "core/jws.h"

extern Verdict signature_verify(const Jws *jws, const Jwk *jwk, Detail *detail);

#endif							/* TOKEN_AUTH_SIGNATURE_H */
