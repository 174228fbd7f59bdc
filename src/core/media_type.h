/*
 * media_type.h
 *		Media types as typ and cty carry them (RFC 7515 section 4.1.9).
 */
#ifndef TOKEN_AUTH_MEDIA_TYPE_H
#define TOKEN_AUTH_MEDIA_TYPE_H

#include <stdbool.h>

/*
 * Do two names mean the same media type? ASCII case does not count, and
 * "application/" may be left out before a name without another slash.
 */
extern bool media_type_equal(const char *a, const char *b);

#endif							/* TOKEN_AUTH_MEDIA_TYPE_H */
