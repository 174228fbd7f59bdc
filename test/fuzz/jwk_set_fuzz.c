/* Any text as JWK Set: its usable keys are sound, of one sort, and each is found by its kid. */
#include "fuzz.h"

#include "core/jwk.h"
#include "key_answer.h"

static const JwkPolicy policies[] = {
	{0},
	{.symmetric = true},
	{.any_type = true},
};

static void
require_entry(const JwkSetEntry *entry)
{
	if (entry->jwk != NULL)
		require_sound_key(entry->jwk);
	else
		require_sentence(&entry->detail);
	if (entry->jwk != NULL && entry->jwk->key_id != NULL)
		REQUIRE(entry->key_id != NULL && strcmp(entry->key_id, entry->jwk->key_id) == 0);
	for (const char *c = entry->key_id; c != NULL && *c != '\0'; c++)
		REQUIRE((unsigned char) *c >= 0x20 && *c != 0x7F);
}

/* The key that is selected, if one is: for one of the algorithms, and of that kid. */
static const Jwk *
selection(const Jwk *const *keys, size_t n_keys, const char *key_id, AlgorithmSet algorithms)
{
	const Jwk  *selected;
	Detail		detail = {""};
	Verdict		verdict = jwk_select(keys, n_keys, key_id, algorithms, &selected, &detail);

	require_answer(verdict, &detail, selected);
	if (selected != NULL)
		REQUIRE((ALGORITHM_BIT(selected->algorithm) & algorithms) != 0);
	if (selected != NULL && key_id != NULL)
		REQUIRE(strcmp(selected->key_id, key_id) == 0);
	return selected;
}

/* A kid and an algorithm mean one key, whatever else is in the set. */
static void
require_selection(const Jwk *const *keys, size_t n_keys)
{
	for (size_t i = 0; i < n_keys; i++)
	{
		const AlgorithmSet algorithm = ALGORITHM_BIT(keys[i]->algorithm);

		if (keys[i]->key_id != NULL)
			REQUIRE(selection(keys, n_keys, keys[i]->key_id, algorithm) == keys[i]);
		(void) selection(keys, n_keys, keys[i]->key_id, ~algorithm);
		(void) selection(keys, n_keys, keys[i]->key_id, ~(AlgorithmSet) 0);
		REQUIRE((keys[i]->secret != NULL) == (keys[0]->secret != NULL));
	}
	for (int i = ALGORITHM_UNKNOWN; i < ALGORITHM_COUNT; i++)
		(void) selection(keys, n_keys, NULL, ALGORITHM_BIT(i));
	REQUIRE(selection(keys, 0, NULL, ~(AlgorithmSet) 0) == NULL);
}

static void
check(const char *text, size_t length, const JwkPolicy *policy)
{
	const Jwk  *keys[JWK_SET_MAX_KEYS];
	size_t		n_keys = 0;
	JwkSet	   *set;
	Detail		detail = {""};
	Verdict		verdict = jwk_set_parse(text, length, policy, &set, &detail);

	require_answer(verdict, &detail, set);
	if (verdict != VERDICT_OK)
		return;
	REQUIRE(set->n_entries <= JWK_SET_MAX_KEYS);
	for (size_t i = 0; i < set->n_entries; i++)
	{
		require_entry(&set->entries[i]);
		if (set->entries[i].jwk != NULL)
			keys[n_keys++] = set->entries[i].jwk;
	}
	require_selection(keys, n_keys);
	jwk_set_free(set);
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	for (size_t i = 0; i < sizeof(policies) / sizeof(policies[0]); i++)
		check((const char *) data, size, &policies[i]);
	return 0;
}
