/*
 * key_answer.h
 *		What every fuzz target asks of a key that was accepted.
 */
#ifndef TOKEN_AUTH_KEY_ANSWER_H
#define TOKEN_AUTH_KEY_ANSWER_H

#include "core/jwk.h"

/*
 * Its numbers are such that only its owner can sign, by arithmetic of our own;
 * it has a thumbprint and a registered form which reads as the same key; and
 * what anybody can write without a private key is not its signature.
 */
extern void require_sound_key(const Jwk *jwk);

#endif							/* TOKEN_AUTH_KEY_ANSWER_H */
