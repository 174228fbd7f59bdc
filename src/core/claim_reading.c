/*
 * claim_reading.c
 *		What the claims say, read the way the issuer's policy names them.
 *
 * A claim of another type than it should have is refused, never converted;
 * one that is absent grants nothing.
 */
#include <jansson.h>
#include <stdlib.h>
#include <string.h>

#include "core/claim_path.h"
#include "core/claims.h"
#include "core/strict_json.h"

#define LAST_SECOND INT64_C(253402300799)	/* 9999-12-31 23:59:59 UTC */
#define US_PER_S INT64_C(1000000)

static Verdict
out_of_memory(Detail *detail)
{
	return verdict_refuse(detail, VERDICT_OUT_OF_MEMORY, "Out of memory.");
}

static Verdict
refuse_type(const char *name, const json_t *value, const char *expected,
			Detail *detail)
{
	return verdict_refuse(detail, VERDICT_CLAIM_INVALID,
						  "The claim \"%s\" is %s; %s is expected.",
						  verdict_quote(name, strlen(name)).text,
						  strict_json_type_name(value), expected);
}

/* The name that stands for a path in details: its last. */
static const char *
path_name(const json_t *path)
{
	return json_string_value(json_array_get(path, json_array_size(path) - 1));
}

/*
 * Sets of strings
 */

/* Takes a copy; false on out of memory. */
static bool
set_add(StringSet *set, const char *text, size_t length)
{
	const size_t n = set->n_strings;
	char	   *copy;

	if ((n & (n - 1)) == 0)		/* full: the room is always a power of two */
	{
		const size_t room = n == 0 ? 1 : 2 * n;
		char	  **strings = realloc(set->strings, room * sizeof(char *));

		if (strings == NULL)
			return false;
		set->strings = strings;
	}
	copy = strndup(text, length);
	if (copy == NULL)
		return false;
	set->strings[set->n_strings++] = copy;
	return true;
}

static int
compare_strings(const void *a, const void *b)
{
	return strcmp(*(char *const *) a, *(char *const *) b);
}

static void
set_sort(StringSet *set)
{
	size_t		n_unique = 0;

	if (set->n_strings == 0)
		return;
	qsort(set->strings, set->n_strings, sizeof(char *), compare_strings);
	for (size_t i = 1; i < set->n_strings; i++)
	{
		if (strcmp(set->strings[n_unique], set->strings[i]) == 0)
			free(set->strings[i]);
		else
			set->strings[++n_unique] = set->strings[i];
	}
	set->n_strings = n_unique + 1;
}

static void
set_clear(StringSet *set)
{
	for (size_t i = 0; i < set->n_strings; i++)
		free(set->strings[i]);
	free(set->strings);
	set->strings = NULL;
	set->n_strings = 0;
}

/*
 * Scopes and roles
 */

/* How the values of a kind of claim are put into a set. */
typedef Verdict (*AddString) (StringSet *set, const char *name,
							  const char *text, size_t length, Detail *detail);
typedef Verdict (*AddElement) (StringSet *set, const char *name,
							   const json_t *element, Detail *detail);

/* One scope-token of RFC 6749 section 3.3. */
static Verdict
add_scope(StringSet *set, const char *name, const char *text, size_t length,
		  Detail *detail)
{
	if (length == 0)
		return verdict_refuse(detail, VERDICT_CLAIM_INVALID,
							  "The claim \"%s\" has an empty scope; one space separates scopes.",
							  verdict_quote(name, strlen(name)).text);
	for (size_t i = 0; i < length; i++)
	{
		if (text[i] <= 0x20 || text[i] > 0x7E || text[i] == '"' || text[i] == '\\')
			return verdict_refuse(detail, VERDICT_CLAIM_INVALID,
								  "The claim \"%s\" has a scope with a character that scopes cannot have: \"%s\".",
								  verdict_quote(name, strlen(name)).text,
								  verdict_quote(text, length).text);
	}
	return set_add(set, text, length) ? VERDICT_OK : out_of_memory(detail);
}

static Verdict
add_scope_list(StringSet *set, const char *name, const char *text,
			   size_t length, Detail *detail)
{
	const char *end = text + length;

	if (length == 0)
		return VERDICT_OK;
	for (;;)
	{
		const char *space = memchr(text, ' ', (size_t) (end - text));
		const char *stop = space != NULL ? space : end;
		Verdict		verdict = add_scope(set, name, text,
										(size_t) (stop - text), detail);

		if (verdict != VERDICT_OK || space == NULL)
			return verdict;
		text = space + 1;
	}
}

static Verdict
add_scope_element(StringSet *set, const char *name, const json_t *element,
				  Detail *detail)
{
	if (!json_is_string(element))
		return refuse_type(name, element, "an array of strings", detail);
	return add_scope(set, name, json_string_value(element),
					 json_string_length(element), detail);
}

/* A role is any string; an empty one is none. */
static Verdict
add_role(StringSet *set, const char *name, const char *text, size_t length,
		 Detail *detail)
{
	(void) name;
	if (length == 0)
		return VERDICT_OK;
	return set_add(set, text, length) ? VERDICT_OK : out_of_memory(detail);
}

/* SCIM's groups and roles are objects with a value (RFC 7643 section 4.1.2). */
static Verdict
add_role_element(StringSet *set, const char *name, const json_t *element,
				 Detail *detail)
{
	if (json_is_object(element))
		element = json_object_get(element, "value");
	if (!json_is_string(element))
		return verdict_refuse(detail, VERDICT_CLAIM_INVALID,
							  "The claim \"%s\" has an element that is neither a string nor an object with a string \"value\".",
							  verdict_quote(name, strlen(name)).text);
	return add_role(set, name, json_string_value(element),
					json_string_length(element), detail);
}

static Verdict
add_value(StringSet *set, const char *name, const json_t *value,
		  AddString add_string, AddElement add_element, Detail *detail)
{
	if (json_is_string(value))
		return add_string(set, name, json_string_value(value),
						  json_string_length(value), detail);
	if (!json_is_array(value))
		return refuse_type(name, value, "a string or an array", detail);
	for (size_t i = 0; i < json_array_size(value); i++)
	{
		Verdict		verdict = add_element(set, name, json_array_get(value, i),
										  detail);

		if (verdict != VERDICT_OK)
			return verdict;
	}
	return VERDICT_OK;
}

/* What stands at each of the paths, in one set. */
static Verdict
read_set(const json_t *claims, const json_t *paths, AddString add_string,
		 AddElement add_element, StringSet *set, Detail *detail)
{
	for (size_t i = 0; i < json_array_size(paths); i++)
	{
		const json_t *path = json_array_get(paths, i);
		const json_t *value = claim_at_path(claims, path);
		Verdict		verdict;

		if (value == NULL)
			continue;
		verdict = add_value(set, path_name(path), value, add_string,
							add_element, detail);
		if (verdict != VERDICT_OK)
			return verdict;
	}
	set_sort(set);
	return VERDICT_OK;
}

/*
 * Microsoft Entra leaves groups out of a token when there are too many, and
 * says so in _claim_names, or in hasgroups where the token travels in a URL
 * (learn.microsoft.com/entra/identity-platform/access-token-claims-reference,
 * "Groups overage claim").
 */
static bool
roles_are_incomplete(const json_t *claims, const json_t *role_claims)
{
	const json_t *has_groups = json_object_get(claims, "hasgroups");
	const char *name;
	json_t	   *source;

	if (has_groups != NULL && !json_is_false(has_groups))
		return true;
	json_object_foreach(json_object_get(claims, "_claim_names"), name, source)
	{
		for (size_t i = 0; i < json_array_size(role_claims); i++)
		{
			const json_t *path = json_array_get(role_claims, i);

			if (claim_names_include(json_string_value(json_array_get(path, 0)), name))
				return true;
		}
	}
	return false;
}

/*
 * Audience
 */

/* RFC 7519 section 4.1.3: a string, or an array of strings. */
static Verdict
read_audiences(const json_t *claims, const char *name, StringSet *set,
			   Detail *detail)
{
	const json_t *value = claim_find(claims, name);

	if (value == NULL)
		return VERDICT_OK;
	if (json_is_string(value))
		return set_add(set, json_string_value(value), json_string_length(value)) ?
			VERDICT_OK : out_of_memory(detail);
	if (json_array_size(value) == 0)
		return refuse_type(name, value, "a string or an array of strings that is not empty",
						   detail);
	for (size_t i = 0; i < json_array_size(value); i++)
	{
		const json_t *element = json_array_get(value, i);

		if (!json_is_string(element))
			return verdict_refuse(detail, VERDICT_CLAIM_INVALID,
								  "The claim \"%s\" has an element that is not a string.",
								  verdict_quote(name, strlen(name)).text);
		if (!set_add(set, json_string_value(element), json_string_length(element)))
			return out_of_memory(detail);
	}
	set_sort(set);
	return VERDICT_OK;
}

/*
 * Times
 */

static Verdict
refuse_time(const char *name, Detail *detail)
{
	return verdict_refuse(detail, VERDICT_CLAIM_INVALID,
						  "The claim \"%s\" is not a time from 1970 to 9999 in seconds.",
						  name);
}

/* A NumericDate (RFC 7519 section 2): seconds, of which there may be fractions. */
static Verdict
read_time(const json_t *claims, const char *name, int64_t *time_us,
		  Detail *detail)
{
	const json_t *value = json_object_get(claims, name);

	*time_us = TIME_ABSENT;
	if (value == NULL)
		return VERDICT_OK;
	if (!json_is_number(value))
		return refuse_type(name, value, "a number of seconds since 1970", detail);
	if (json_is_integer(value))
	{
		const json_int_t seconds = json_integer_value(value);

		if (seconds < 0 || seconds > LAST_SECOND)
			return refuse_time(name, detail);
		*time_us = seconds * US_PER_S;
	}
	else
	{
		const double seconds = json_real_value(value);
		int64_t		whole;

		/* asked so that NaN, too, is refused */
		if (!(seconds >= 0 && seconds <= (double) LAST_SECOND))
			return refuse_time(name, detail);
		whole = (int64_t) seconds;
		*time_us = whole * US_PER_S +
			(int64_t) ((seconds - (double) whole) * (double) US_PER_S + 0.5);
	}
	return VERDICT_OK;
}

Verdict
claims_read_times(const struct json_t *claims, ClaimTimes *times,
				  Detail *detail)
{
	Verdict		verdict = read_time(claims, "exp", &times->expires_at, detail);

	if (verdict == VERDICT_OK)
		verdict = read_time(claims, "nbf", &times->not_before, detail);
	if (verdict == VERDICT_OK)
		verdict = read_time(claims, "iat", &times->issued_at, detail);
	if (verdict == VERDICT_OK)
		verdict = read_time(claims, "auth_time", &times->authenticated_at, detail);
	return verdict;
}

/*
 * Strings
 */

/* Registered claims are strings whether or not the policy reads them. */
static Verdict
check_registered_strings(const json_t *claims, Detail *detail)
{
	static const char *const names[] = {
		"iss", "sub", "jti", "client_id", "azp", "cid", "sid"
	};

	for (size_t i = 0; i < sizeof(names) / sizeof(names[0]); i++)
	{
		const json_t *value = json_object_get(claims, names[i]);

		if (value != NULL && !json_is_string(value))
			return refuse_type(names[i], value, "a string", detail);
	}
	return VERDICT_OK;
}

/*
 * An identifier. An empty one is refused: compared with a column or kept as a
 * revocation it would mean everybody who has none.
 */
static Verdict
read_identifier(const json_t *claims, const json_t *path, const char **text,
				Detail *detail)
{
	const json_t *value = claim_at_path(claims, path);

	*text = NULL;
	if (value == NULL)
		return VERDICT_OK;
	if (!json_is_string(value))
		return refuse_type(path_name(path), value, "a string", detail);
	if (json_string_length(value) == 0)
		return verdict_refuse(detail, VERDICT_CLAIM_INVALID,
							  "The claim \"%s\" is empty.",
							  verdict_quote(path_name(path), strlen(path_name(path))).text);
	*text = json_string_value(value);
	return VERDICT_OK;
}

static Verdict
read_identifiers(const json_t *claims, const json_t *document,
				 ClaimReading *reading, Detail *detail)
{
	const struct
	{
		const char *path;
		const char **text;
	}			wanted[] = {
		{"subject_claim", &reading->subject},
		{"client_claim", &reading->client_id},
		{"token_id_claim", &reading->token_id},
		{"session_claim", &reading->session_id},
		{"device_claim", &reading->device_id},
	};

	reading->issuer = json_string_value(json_object_get(claims, "iss"));
	for (size_t i = 0; i < sizeof(wanted) / sizeof(wanted[0]); i++)
	{
		Verdict		verdict = read_identifier(claims,
											  json_object_get(document, wanted[i].path),
											  wanted[i].text, detail);

		if (verdict != VERDICT_OK)
			return verdict;
	}
	return VERDICT_OK;
}

/*
 * User or client
 */

static bool
is_text(const json_t *value, const char *text)
{
	return json_is_string(value) && strcmp(json_string_value(value), text) == 0;
}

static bool
is_or_has(const json_t *value, const char *text)
{
	for (size_t i = 0; i < json_array_size(value); i++)
	{
		if (is_text(json_array_get(value, i), text))
			return true;
	}
	return is_text(value, text);
}

/* Is the subject the client itself, or what Auth0 makes of it? */
static bool
subject_is_client(const char *subject, const char *client_id)
{
	static const char auth0_suffix[] = "@clients";
	size_t		length;

	if (subject == NULL || client_id == NULL)
		return false;
	length = strlen(client_id);
	return strncmp(subject, client_id, length) == 0 &&
		(subject[length] == '\0' || strcmp(subject + length, auth0_suffix) == 0);
}

/*
 * Nothing in a token says outright whether it speaks for a user. A client that
 * acts for itself is its own subject (RFC 9068 section 2.2, and section 5 for
 * why that matters); Entra says idtyp "app" (learn.microsoft.com, "optional
 * claims reference"); Auth0 says gty "client-credentials" and makes the
 * subject <client id>@clients (auth0.com/docs, "access token profiles").
 */
static bool
speaks_for_client(const json_t *claims, const ClaimReading *reading)
{
	const char *subject = json_string_value(json_object_get(claims, "sub"));

	return subject_is_client(reading->subject, reading->client_id) ||
		subject_is_client(subject, reading->client_id) ||
		is_text(json_object_get(claims, "idtyp"), "app") ||
		is_or_has(json_object_get(claims, "gty"), "client-credentials");
}

/*
 * Everything
 */

static Verdict
read_sets(const json_t *claims, const json_t *document, ClaimReading *reading,
		  Detail *detail)
{
	const char *audience_claim =
		json_string_value(json_object_get(document, "audience_claim"));
	const json_t *role_claims = json_object_get(document, "role_claims");
	Verdict		verdict;

	verdict = read_audiences(claims, audience_claim != NULL ? audience_claim : "aud",
							 &reading->audiences, detail);
	if (verdict == VERDICT_OK)
		verdict = read_set(claims, json_object_get(document, "scope_claims"),
						   add_scope_list, add_scope_element,
						   &reading->scopes, detail);
	if (verdict == VERDICT_OK)
		verdict = read_set(claims, role_claims, add_role, add_role_element,
						   &reading->roles, detail);
	reading->roles_incomplete = roles_are_incomplete(claims, role_claims);
	return verdict;
}

/* aud is checked even where the policy takes the audience from elsewhere. */
static Verdict
check_aud(const json_t *claims, Detail *detail)
{
	const json_t *aud = json_object_get(claims, "aud");
	StringSet	set = {0};
	Verdict		verdict;

	if (json_is_null(aud))
		return refuse_type("aud", aud, "a string or an array of strings", detail);
	verdict = read_audiences(claims, "aud", &set, detail);
	set_clear(&set);
	return verdict;
}

Verdict
claims_read(const struct json_t *claims, const ClaimPolicy *policy,
			ClaimReading *reading, Detail *detail)
{
	Verdict		verdict;

	memset(reading, 0, sizeof(*reading));
	verdict = check_registered_strings(claims, detail);
	if (verdict == VERDICT_OK)
		verdict = check_aud(claims, detail);
	if (verdict == VERDICT_OK)
		verdict = claims_read_times(claims, &reading->times, detail);
	if (verdict == VERDICT_OK)
		verdict = read_identifiers(claims, policy->document, reading, detail);
	if (verdict == VERDICT_OK)
		verdict = read_sets(claims, policy->document, reading, detail);
	if (verdict != VERDICT_OK)
	{
		claim_reading_clear(reading);
		return verdict;
	}
	reading->is_client = speaks_for_client(claims, reading);
	return VERDICT_OK;
}

void
claim_reading_clear(ClaimReading *reading)
{
	set_clear(&reading->audiences);
	set_clear(&reading->scopes);
	set_clear(&reading->roles);
	memset(reading, 0, sizeof(*reading));
}
