/*
 * claim_policy.c
 *		What one issuer's tokens must be, as its row says it.
 *
 * Checked strictly once, when the configuration is loaded, so that the checks
 * of tokens can trust it: a misspelt rule must not come to mean "no rule".
 */
#include <jansson.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "core/claims.h"
#include "core/strict_json.h"

#define CONSTRAINT_MAX_DEPTH 8

/* A member's shape; the word for it completes "is not ". */
typedef struct MemberRule
{
	const char *name;
	bool		(*is_valid) (const json_t *value);
	const char *expected;
} MemberRule;

static bool
is_filled_string(const json_t *value)
{
	return json_is_string(value) && json_string_length(value) > 0;
}

static bool
is_text(const json_t *value)
{
	return json_is_string(value);
}

/* One name or alternatives; an empty alternative is a typing error. */
static bool
is_names(const json_t *value)
{
	const char *text = json_string_value(value);
	const size_t length = json_string_length(value);

	return is_filled_string(value) &&
		text[0] != '|' && text[length - 1] != '|' && strstr(text, "||") == NULL;
}

static bool
is_names_or_null(const json_t *value)
{
	return json_is_null(value) || is_names(value);
}

static bool
is_array_of(const json_t *value, bool (*is_valid) (const json_t *element))
{
	if (!json_is_array(value))
		return false;
	for (size_t i = 0; i < json_array_size(value); i++)
	{
		if (!is_valid(json_array_get(value, i)))
			return false;
	}
	return true;
}

/* "*" means unchecked; beside others somebody meant something else. */
static bool
is_audiences(const json_t *value)
{
	const size_t n = json_array_size(value);

	if (n == 0 || !is_array_of(value, is_filled_string))
		return false;
	for (size_t i = 0; i < n && n > 1; i++)
	{
		if (strcmp(json_string_value(json_array_get(value, i)), "*") == 0)
			return false;
	}
	return true;
}

static bool
is_clients(const json_t *value)
{
	return json_is_null(value) || is_array_of(value, is_filled_string);
}

static bool
is_token_types(const json_t *value)
{
	return json_is_null(value) ||
		(json_array_size(value) > 0 && is_array_of(value, is_text));
}

static bool
is_required_claims(const json_t *value)
{
	return json_is_null(value) || is_array_of(value, is_names);
}

static bool
is_path(const json_t *value)
{
	return json_array_size(value) > 0 && is_array_of(value, is_names);
}

static bool
is_path_or_null(const json_t *value)
{
	return json_is_null(value) || is_path(value);
}

static bool
is_paths(const json_t *value)
{
	return json_is_null(value) || is_array_of(value, is_path);
}

static bool
is_scalar(const json_t *value)
{
	return !json_is_object(value) && !json_is_array(value);
}

static bool
is_scalar_not_null(const json_t *value)
{
	return is_scalar(value) && !json_is_null(value);
}

/* A rule of a name with a leading "!": the values that the claim must not have. */
static bool
is_exclusion(const json_t *rule)
{
	return is_scalar_not_null(rule) ||
		(json_array_size(rule) > 0 && is_array_of(rule, is_scalar_not_null));
}

static bool
is_constraint_object(const json_t *value, int depth)
{
	const char *name;
	json_t	   *rule;

	if (!json_is_object(value) || depth > CONSTRAINT_MAX_DEPTH)
		return false;
	json_object_foreach((json_t *) value, name, rule)
	{
		if (name[0] == '!' ? name[1] == '\0' || !is_exclusion(rule) :
			!(is_scalar(rule) ||
			  (json_array_size(rule) > 0 && is_array_of(rule, is_scalar)) ||
			  is_constraint_object(rule, depth + 1)))
			return false;
	}
	return true;
}

static bool
is_claim_constraints(const json_t *value)
{
	return is_constraint_object(value, 1);
}

static const MemberRule member_rules[] = {
	{"issuer", is_text, "a string"},
	{"audiences", is_audiences,
	"an array of audiences, or {*} alone for any"},
	{"audience_claim", is_names_or_null, "the name of a claim"},
	{"clients", is_clients, "an array of client identifiers"},
	{"token_types", is_token_types, "an array of media types"},
	{"required_claims", is_required_claims, "an array of claim names"},
	{"claim_constraints", is_claim_constraints,
		"an object that gives for each claim a value, an array of values, "
	"or an object of such rules"},
	{"subject_claim", is_path_or_null, "a path of claim names"},
	{"client_claim", is_path_or_null, "a path of claim names"},
	{"token_id_claim", is_path_or_null, "a path of claim names"},
	{"session_claim", is_path_or_null, "a path of claim names"},
	{"device_claim", is_path_or_null, "a path of claim names"},
	{"scope_claims", is_paths, "an array of paths of claim names"},
	{"role_claims", is_paths, "an array of paths of claim names"},
};

/* Without these two nothing would be known about whose token it is, or for whom. */
static bool
is_obligatory(const char *name)
{
	return strcmp(name, "issuer") == 0 || strcmp(name, "audiences") == 0;
}

#define N_MEMBERS (sizeof(member_rules) / sizeof(member_rules[0]))

const char *
claim_policy_member(size_t i)
{
	return i < N_MEMBERS ? member_rules[i].name : NULL;
}

static Verdict
check_members(const json_t *document, Detail *detail)
{
	for (size_t i = 0; i < N_MEMBERS; i++)
	{
		const MemberRule *rule = &member_rules[i];
		const json_t *value = json_object_get(document, rule->name);

		if (value == NULL && !is_obligatory(rule->name))
			continue;
		if (value == NULL || !rule->is_valid(value))
			return verdict_refuse(detail, VERDICT_MALFORMED,
								  "The issuer's \"%s\" is not %s.",
								  rule->name, rule->expected);
	}
	return VERDICT_OK;
}

/*
 * Read a policy. The caller owns *policy and sets its times: no leeway and no
 * limits so far. VERDICT_MALFORMED or VERDICT_TOO_LARGE name the member.
 */
Verdict
claim_policy_parse(const char *text, size_t length, ClaimPolicy **policy,
				   Detail *detail)
{
	json_t	   *document;
	Verdict		verdict;

	*policy = NULL;
	verdict = strict_json_object(text, length, &strict_json_policy_limits,
								 &document, detail);
	if (verdict != VERDICT_OK)
		return verdict;
	verdict = check_members(document, detail);
	if (verdict == VERDICT_OK)
	{
		*policy = calloc(1, sizeof(ClaimPolicy));
		if (*policy == NULL)
			verdict = verdict_refuse(detail, VERDICT_OUT_OF_MEMORY,
									 "Out of memory.");
	}
	if (verdict != VERDICT_OK)
	{
		json_decref(document);
		return verdict;
	}

	(*policy)->document = document;
	(*policy)->time.max_lifetime_us = DURATION_UNLIMITED;
	(*policy)->time.max_age_us = DURATION_UNLIMITED;
	return VERDICT_OK;
}

void
claim_policy_free(ClaimPolicy *policy)
{
	if (policy == NULL)
		return;
	json_decref(policy->document);
	free(policy);
}

/* Append to text of size what fits, and say so by the new length. */
static size_t
append(char *text, size_t size, size_t length, const char *more)
{
	const int	written = snprintf(text + length, size - length, "%s", more);

	return written < 0 || (size_t) written >= size - length
		? size - 1 : length + (size_t) written;
}

static size_t
append_path(char *text, size_t size, size_t length, const json_t *path)
{
	for (size_t i = 0; i < json_array_size(path); i++)
	{
		const char *name = json_string_value(json_array_get(path, i));

		length = append(text, size, length, i > 0 ? "." : "");
		length = append(text, size, length, verdict_quote(name, strlen(name)).text);
	}
	return length;
}

void
claim_policy_source(const ClaimPolicy *policy, const char *member,
					char *text, size_t size)
{
	const json_t *paths = json_object_get(policy->document, member);
	size_t		length = 0;

	text[0] = '\0';
	if (json_is_string(json_array_get(paths, 0)))
	{
		append_path(text, size, 0, paths);
		return;
	}
	for (size_t i = 0; i < json_array_size(paths); i++)
	{
		length = append(text, size, length, i > 0 ? ", " : "");
		length = append_path(text, size, length, json_array_get(paths, i));
	}
}
