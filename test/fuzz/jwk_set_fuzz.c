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

/* A kid and an algorithm mean one key, whatever else is in the set. */
static void
require_selection(const Jwk *const *keys, size_t n_keys)
{
	for (size_t i = 0; i < n_keys; i++)
	{
		const Jwk  *selected;
		Detail		detail = {""};
		Verdict		verdict = jwk_select(keys, n_keys, keys[i]->key_id,
										 ALGORITHM_BIT(keys[i]->algorithm), &selected, &detail);

		require_answer(verdict, &detail, selected);
		if (keys[i]->key_id != NULL)
			REQUIRE(selected == keys[i]);
		REQUIRE((keys[i]->secret != NULL) == (keys[0]->secret != NULL));
	}
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
