/*
 * base64url.h
 *		Base64url without padding, one spelling for one value (RFC 7515 section 2).
 */
#ifndef TOKEN_AUTH_BASE64URL_H
#define TOKEN_AUTH_BASE64URL_H

#include <stdbool.h>
#include <stddef.h>

/* octets that length characters can hold at most, and characters for n octets */
#define BASE64URL_DECODED_SIZE(length) ((length) / 4 * 3 + 3)
#define BASE64URL_ENCODED_SIZE(n) (((n) + 2) / 3 * 4)

extern size_t base64url_span(const char *text, size_t length);
extern bool base64url_decode(const char *text, size_t length,
							 unsigned char *bytes, size_t *n_bytes);
extern size_t base64url_encode(const unsigned char *bytes, size_t n_bytes,
							   char *text);

#endif							/* TOKEN_AUTH_BASE64URL_H */
