/*
 * encoding.h
 *		Between the database's encoding and the UTF-8 of JSON.
 */
#ifndef TOKEN_AUTH_ENCODING_H
#define TOKEN_AUTH_ENCODING_H

extern char *encoding_to_utf8(const char *text);
extern char *encoding_from_utf8(const char *text);

#endif							/* TOKEN_AUTH_ENCODING_H */
