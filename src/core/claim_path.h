/*
 * claim_path.h
 *		Where in a token a claim stands.
 */
#ifndef TOKEN_AUTH_CLAIM_PATH_H
#define TOKEN_AUTH_CLAIM_PATH_H

#include <stdbool.h>

struct json_t;

/*
 * The first of the members that names lists ("azp|appid") which is present
 * and not null; NULL if there is none.
 */
extern const struct json_t *claim_find(const struct json_t *claims,
									   const char *names);

/*
 * What stands at a path, a JSON array of such names; NULL if nothing does, or
 * if the path leads through something that is not an object.
 */
extern const struct json_t *claim_at_path(const struct json_t *claims,
										  const struct json_t *path);

/* Is name one of those that names lists? */
extern bool claim_names_include(const char *names, const char *name);

#endif							/* TOKEN_AUTH_CLAIM_PATH_H */
