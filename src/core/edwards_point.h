/*
 * edwards_point.h
 *		Points that an Ed25519 or Ed448 public key may be.
 */
#ifndef TOKEN_AUTH_EDWARDS_POINT_H
#define TOKEN_AUTH_EDWARDS_POINT_H

#include <stddef.h>

#include "core/algorithm.h"
#include "core/verdict.h"

/*
 * Is this the one encoding of a point that is on the curve and not of low
 * order? VERDICT_MALFORMED if not (RFC 8032 sections 5.1.3 and 5.2.3).
 *
 *	algorithm	ALGORITHM_ED25519 or ALGORITHM_ED448
 *	bytes		as many as algorithm_info()->coordinate_size
 */
extern Verdict edwards_point_check(Algorithm algorithm,
								   const unsigned char *bytes, size_t n_bytes,
								   Detail *detail);

#endif							/* TOKEN_AUTH_EDWARDS_POINT_H */
