/*
 * jwk_set.c
 *		JWK Sets, and the key in them that a token means (RFC 7517 sections 4.5, 5).
 *
 * A kid names one key or none. Where a set lets it name two, trying both would
 * make the choice the token's.
 */
#include <jansson.h>
#include <stdlib.h>
#include <string.h>

#include "core/jwk.h"
#include "core/strict_json.h"

static Verdict
out_of_memory(Detail *detail)
{
	return verdict_refuse(detail, VERDICT_OUT_OF_MEMORY, "Out of memory.");
}

/* Does this JSON value have that type and text? Absent equals absent. */
static bool
same_member(const json_t *a, const json_t *b, const char *name)
{
	const json_t *left = json_object_get(a, name);
	const json_t *right = json_object_get(b, name);

	if (left == NULL || right == NULL)
		return left == right;
	return json_equal(left, right) == 1;
}

static bool
is_secret(const json_t *key)
{
	const char *type = json_string_value(json_object_get(key, "kty"));

	return type != NULL && strcmp(type, "oct") == 0;
}

/*
 * Where a symmetric key stands beside public ones, a reader that takes one for
 * the other accepts what anybody can sign: no honest set has both.
 */
static Verdict
check_one_sort(const json_t *keys, Detail *detail)
{
	for (size_t i = 1; i < json_array_size(keys); i++)
	{
		if (is_secret(json_array_get(keys, i)) != is_secret(json_array_get(keys, 0)))
			return verdict_refuse(detail, VERDICT_MALFORMED,
								  "The JWK Set mixes symmetric (oct) and public keys.");
	}
	return VERDICT_OK;
}

/* What refuses a whole set. */
static Verdict
check_keys(const json_t *keys, const JwkPolicy *policy, Detail *detail)
{
	if (!json_is_array(keys))
		return verdict_refuse(detail, VERDICT_MALFORMED,
							  "The member \"keys\" is %s; an array is expected.",
							  strict_json_type_name(keys));
	if (json_array_size(keys) > JWK_SET_MAX_KEYS)
		return verdict_refuse(detail, VERDICT_TOO_LARGE,
							  "The JWK Set has %zu keys; at most %d are accepted.",
							  json_array_size(keys), JWK_SET_MAX_KEYS);

	for (size_t i = 0; i < json_array_size(keys); i++)
	{
		const json_t *key = json_array_get(keys, i);
		Detail		reason;

		if (!json_is_object(key))
			return verdict_refuse(detail, VERDICT_MALFORMED,
								  "Key %zu of the JWK Set is %s; an object is expected.",
								  i + 1, strict_json_type_name(key));
		if (jwk_check_private(key, policy, &reason) != VERDICT_OK)
			return verdict_refuse(detail, VERDICT_MALFORMED,
								  "Key %zu of the JWK Set: %s", i + 1, reason.text);
	}
	return check_one_sort(keys, detail);
}

/* A key's kid as it may be shown; NULL if absent or on out of memory. */
static char *
shown_key_id(const json_t *key)
{
	const json_t *kid = json_object_get(key, "kid");

	if (!json_is_string(kid))
		return NULL;
	return strdup(verdict_quote(json_string_value(kid),
								json_string_length(kid)).text);
}

static Verdict
fill_entry(const json_t *key, const JwkPolicy *policy, JwkSetEntry *entry,
		   Detail *detail)
{
	Verdict		verdict = jwk_from_json(key, policy, &entry->jwk, &entry->detail);

	if (verdict == VERDICT_OUT_OF_MEMORY)
		return out_of_memory(detail);
	if (verdict != VERDICT_OK)
		entry->key_id = shown_key_id(key);
	else if (entry->jwk->key_id != NULL)
		entry->key_id = strdup(entry->jwk->key_id);
	if (entry->key_id == NULL && json_is_string(json_object_get(key, "kid")))
		return out_of_memory(detail);
	return VERDICT_OK;
}

static void
withdraw(JwkSetEntry *entry, const char *reason)
{
	if (entry->jwk == NULL)
		return;
	jwk_free(entry->jwk);
	entry->jwk = NULL;
	verdict_refuse(&entry->detail, VERDICT_MALFORMED, "%s", reason);
}

/*
 * Would a token's kid and alg mean both keys? An unusable key counts where
 * only what makes it unusable tells the two apart.
 */
static bool
is_ambiguous(const json_t *key_a, const Jwk *a, const json_t *key_b,
			 const Jwk *b)
{
	if (json_object_get(key_a, "kid") == NULL ||
		!same_member(key_a, key_b, "kid") || !same_member(key_a, key_b, "kty"))
		return false;
	if (a != NULL && b != NULL && a->algorithm == b->algorithm)
		return true;
	return same_member(key_a, key_b, "alg") && same_member(key_a, key_b, "use");
}

/* Find pairs first and withdraw then: a third key of the same kid counts too. */
static void
withdraw_ambiguous(const json_t *keys, JwkSet *set)
{
	bool		ambiguous[JWK_SET_MAX_KEYS] = {false};
	bool		repeated[JWK_SET_MAX_KEYS] = {false};

	for (size_t i = 0; i < set->n_entries; i++)
	{
		const Jwk  *a = set->entries[i].jwk;

		for (size_t j = i + 1; j < set->n_entries; j++)
		{
			const Jwk  *b = set->entries[j].jwk;

			if (!is_ambiguous(json_array_get(keys, i), a,
							  json_array_get(keys, j), b))
				continue;
			if (a != NULL && b != NULL && a->algorithm == b->algorithm &&
				strcmp(a->thumbprint, b->thumbprint) == 0)
				repeated[j] = true;
			else
				ambiguous[i] = ambiguous[j] = true;
		}
	}
	for (size_t i = 0; i < set->n_entries; i++)
	{
		if (ambiguous[i])
			withdraw(&set->entries[i],
					 "The member \"kid\" is that of another key of the set, too.");
		else if (repeated[i])
			withdraw(&set->entries[i], "The key is in the set twice.");
	}
}

static Verdict
fill_set(const json_t *keys, const JwkPolicy *policy, JwkSet *set,
		 Detail *detail)
{
	const size_t n = json_array_size(keys);

	/* one more than none: calloc(0) may answer NULL */
	set->entries = calloc(n + 1, sizeof(JwkSetEntry));
	if (set->entries == NULL)
		return out_of_memory(detail);
	for (size_t i = 0; i < n; i++)
	{
		Verdict		verdict;

		set->n_entries = i + 1;
		verdict = fill_entry(json_array_get(keys, i), policy,
							 &set->entries[i], detail);
		if (verdict != VERDICT_OK)
			return verdict;
	}
	withdraw_ambiguous(keys, set);
	return VERDICT_OK;
}

static Verdict
set_from_keys(const json_t *keys, const JwkPolicy *policy, JwkSet **set,
			  Detail *detail)
{
	Verdict		verdict = check_keys(keys, policy, detail);

	if (verdict != VERDICT_OK)
		return verdict;
	*set = calloc(1, sizeof(JwkSet));
	if (*set == NULL)
		return out_of_memory(detail);
	verdict = fill_set(keys, policy, *set, detail);
	if (verdict != VERDICT_OK)
	{
		jwk_set_free(*set);
		*set = NULL;
	}
	return verdict;
}

/* The keys of a set, or a lone JWK as an array of one; a new reference. */
static json_t *
keys_of(json_t *document)
{
	json_t	   *keys = json_object_get(document, "keys");

	if (keys != NULL)
		return json_incref(keys);
	return json_pack("[O]", document);
}

Verdict
jwk_set_parse(const char *text, size_t length, const JwkPolicy *policy,
			  JwkSet **set, Detail *detail)
{
	json_t	   *document;
	json_t	   *keys;
	Verdict		verdict;

	*set = NULL;
	verdict = strict_json_object(text, length, &strict_json_key_set_limits,
								 &document, detail);
	if (verdict != VERDICT_OK)
		return verdict;

	keys = keys_of(document);
	if (keys == NULL)
		verdict = out_of_memory(detail);
	else
		verdict = set_from_keys(keys, policy, set, detail);
	json_decref(keys);
	strict_json_forget(document);
	return verdict;
}

void
jwk_set_free(JwkSet *set)
{
	if (set == NULL)
		return;
	for (size_t i = 0; i < set->n_entries; i++)
	{
		jwk_free(set->entries[i].jwk);
		free(set->entries[i].key_id);
	}
	free(set->entries);
	free(set);
}

/*
 * Selection
 */

/* What a search among keys came upon. */
typedef struct KeySearch
{
	const Jwk  *found;			/* the last that fits kid and algorithm */
	size_t		n_found;
	size_t		n_other_algorithm;	/* fit but for the algorithm */
} KeySearch;

static bool
names_key(const char *key_id, const Jwk *jwk)
{
	if (key_id == NULL)
		return true;
	return jwk->key_id != NULL && strcmp(jwk->key_id, key_id) == 0;
}

static KeySearch
search_keys(const Jwk *const *keys, size_t n_keys, const char *key_id,
			AlgorithmSet algorithms)
{
	KeySearch	search = {0};

	for (size_t i = 0; i < n_keys; i++)
	{
		if (!names_key(key_id, keys[i]))
			continue;
		if ((algorithms & ALGORITHM_BIT(keys[i]->algorithm)) == 0)
		{
			search.n_other_algorithm++;
			continue;
		}
		search.found = keys[i];
		search.n_found++;
	}
	return search;
}

static Verdict
refuse_without_kid(const KeySearch *search, Detail *detail)
{
	if (search->n_found > 1)
		return verdict_refuse(detail, VERDICT_KEY_UNKNOWN,
							  "The token's header has no \"kid\", and more than one key fits its algorithm; the token must name its key.");
	if (search->n_other_algorithm > 0)
		return verdict_refuse(detail, VERDICT_ALGORITHM_REFUSED,
							  "The issuer has keys, but none for the algorithm in the token's header.");
	return verdict_refuse(detail, VERDICT_KEY_UNKNOWN,
						  "No key of the issuer is known.");
}

Verdict
jwk_select(const Jwk *const *keys, size_t n_keys, const char *key_id,
		   AlgorithmSet algorithms, const Jwk **selected, Detail *detail)
{
	const KeySearch search = search_keys(keys, n_keys, key_id, algorithms);
	Quoted		quoted;

	*selected = NULL;
	if (search.n_found == 1)
	{
		*selected = search.found;
		return VERDICT_OK;
	}
	if (key_id == NULL)
		return refuse_without_kid(&search, detail);

	quoted = verdict_quote(key_id, strlen(key_id));
	if (search.n_found > 1)
		return verdict_refuse(detail, VERDICT_KEY_UNKNOWN,
							  "The kid \"%s\" is ambiguous: more than one key of the issuer has it.",
							  quoted.text);
	if (search.n_other_algorithm > 0)
		return verdict_refuse(detail, VERDICT_ALGORITHM_REFUSED,
							  "The key with the kid \"%s\" is for another algorithm than the one in the token's header.",
							  quoted.text);
	return verdict_refuse(detail, VERDICT_KEY_UNKNOWN,
						  "The issuer has no key with the kid \"%s\".",
						  quoted.text);
}
