/*
 * claim_path.c
 *		Where in a token a claim stands.
 *
 * Issuers call the same thing by different names, and one issuer's versions
 * do: Entra's client is appid in version 1 and azp in version 2. So a name in
 * a policy may list alternatives with | between; the first that is there counts.
 */
#include "core/claim_path.h"

#include <jansson.h>
#include <string.h>

/* A name in a list, and where the next one begins (NULL after the last). */
static size_t
first_name(const char *names, const char **rest)
{
	const char *bar = strchr(names, '|');

	*rest = bar != NULL ? bar + 1 : NULL;
	return bar != NULL ? (size_t) (bar - names) : strlen(names);
}

/* json_object_getn() is newer than the oldest jansson that we build with. */
static const json_t *
member(const json_t *object, const char *name, size_t length)
{
	const char *key;
	json_t	   *value;

	if (name[length] == '\0')
		return json_object_get(object, name);
	json_object_foreach((json_t *) object, key, value)
	{
		if (strncmp(key, name, length) == 0 && key[length] == '\0')
			return value;
	}
	return NULL;
}

const struct json_t *
claim_find(const struct json_t *claims, const char *names)
{
	while (names != NULL)
	{
		const char *rest;
		size_t		length = first_name(names, &rest);
		const json_t *value = member(claims, names, length);

		if (value != NULL && !json_is_null(value))
			return value;
		names = rest;
	}
	return NULL;
}

const struct json_t *
claim_at_path(const struct json_t *claims, const struct json_t *path)
{
	const json_t *value = claims;

	if (json_array_size(path) == 0)
		return NULL;
	for (size_t i = 0; i < json_array_size(path); i++)
	{
		if (!json_is_object(value))
			return NULL;
		value = claim_find(value, json_string_value(json_array_get(path, i)));
	}
	return value;
}

bool
claim_names_include(const char *names, const char *name)
{
	while (names != NULL)
	{
		const char *rest;
		size_t		length = first_name(names, &rest);

		if (strncmp(names, name, length) == 0 && name[length] == '\0')
			return true;
		names = rest;
	}
	return false;
}
