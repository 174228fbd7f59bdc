/* Any object as claims: each check answers, and what passes is so in the claims themselves. */
#include "fuzz.h"

#include <jansson.h>

#include "core/claims.h"
#include "core/strict_json.h"
#include "policies.h"
#include "reading.h"

static const TimePolicy times[N_POLICIES] = {
	{30 * 1000000, 90000 * INT64_C(1000000), DURATION_UNLIMITED},
	{0, DURATION_UNLIMITED, 3600 * INT64_C(1000000)},
	{300 * 1000000, DURATION_UNLIMITED, DURATION_UNLIMITED},
	{INT64_MAX, 0, INT64_MAX},
	{INT64_MIN, INT64_MAX, 0},
};

static const int64_t clocks[] = {
	INT64_MIN, 0, NOW_US, LAST_TIME_US, INT64_MAX
};

static const char *const types[] = {
	NULL, "", "at+jwt", "application/AT+JWT", "JWT", "logout+jwt", "\xc3\xa9\n"
};

static ClaimPolicy *
parsed_policy(size_t i)
{
	static ClaimPolicy *parsed[N_POLICIES];

	if (parsed[i] == NULL)
	{
		REQUIRE(claim_policy_parse(policies[i], strlen(policies[i]), &parsed[i], NULL) == VERDICT_OK);
		parsed[i]->time = times[i];
	}
	return parsed[i];
}

static Verdict
make_check(ClaimCheck check, const char *type, const json_t *claims,
		   const ClaimPolicy *policy, int64_t now_us)
{
	Detail		detail = {""};
	Verdict		verdict = claims_check(check, type, claims, policy, now_us, &detail);

	require_answer(verdict, &detail, verdict == VERDICT_OK ? claims : NULL);
	return verdict;
}

static bool
is_listed(const char *text, const json_t *list)
{
	for (size_t i = 0; i < json_array_size(list); i++)
	{
		if (strcmp(json_string_value(json_array_get(list, i)), text) == 0)
			return true;
	}
	return false;
}

/* The reading's audiences are all that a claim of the right form can name. */
static void
require_audience(const ClaimReading *reading, const ClaimPolicy *policy, Verdict verdict)
{
	const json_t *ours = json_object_get(policy->document, "audiences");
	bool		named = is_listed("*", ours);

	for (size_t i = 0; i < reading->audiences.n_strings; i++)
		named = named || is_listed(reading->audiences.strings[i], ours);
	REQUIRE((verdict == VERDICT_OK) == named);
}

static void
require_issuer(const json_t *claims, const ClaimPolicy *policy, Verdict verdict)
{
	const json_t *expected = json_object_get(policy->document, "issuer");
	const json_t *issuer = json_object_get(claims, "iss");

	if (json_string_length(expected) == 0)
		REQUIRE((verdict == VERDICT_OK) == (issuer == NULL));
	else
		REQUIRE((verdict == VERDICT_OK) == (issuer != NULL && json_equal(issuer, expected) == 1));
}

/* The clock alone, at all its ends; an expired token does not come back to life. */
static void
check_clock(const json_t *claims, const ClaimPolicy *policy, const ClaimTimes *claim_times)
{
	bool		expired = false;

	for (size_t i = 0; i < sizeof(clocks) / sizeof(clocks[0]); i++)
	{
		Verdict		verdict = make_check(CLAIM_CHECK_TIME, NULL, claims, policy, clocks[i]);

		REQUIRE(claims_check_time(claim_times, &policy->time, clocks[i], NULL) == verdict);
		REQUIRE(!expired || verdict == VERDICT_EXPIRED);
		expired = verdict == VERDICT_EXPIRED;
		make_check(CLAIM_CHECK_LIFETIME, NULL, claims, policy, clocks[i]);
	}
	REQUIRE(expired || claim_times->expires_at == TIME_ABSENT);
}

static void
check_reading(const json_t *claims, const ClaimPolicy *policy)
{
	ClaimReading reading;
	ClaimTimes	claim_times;
	Detail		detail = {""};
	Verdict		verdict = claims_read(claims, policy, &reading, &detail);

	require_answer(verdict, &detail, verdict == VERDICT_OK ? &reading : NULL);
	if (verdict != VERDICT_OK)
	{
		require_nothing_read(&reading);
		REQUIRE(make_check(CLAIM_CHECK_REQUIRED, NULL, claims, policy, NOW_US) != VERDICT_OK);
		return;
	}
	require_reading(&reading);
	require_audience(&reading, policy, make_check(CLAIM_CHECK_AUDIENCE, NULL, claims, policy, NOW_US));
	REQUIRE(claims_read_times(claims, &claim_times, NULL) == VERDICT_OK);
	REQUIRE(memcmp(&claim_times, &reading.times, sizeof(claim_times)) == 0);
	check_clock(claims, policy, &claim_times);
	claim_reading_clear(&reading);
	require_nothing_read(&reading);
}

static void
check(const json_t *claims, const ClaimPolicy *policy)
{
	Verdict		verdicts[CLAIM_CHECK_COUNT];

	for (int i = 0; i < CLAIM_CHECK_COUNT; i++)
		verdicts[i] = make_check((ClaimCheck) i, "at+jwt", claims, policy, NOW_US);
	for (size_t i = 0; i < sizeof(types) / sizeof(types[0]); i++)
		make_check(CLAIM_CHECK_TYPE, types[i], claims, policy, NOW_US);
	require_issuer(claims, policy, verdicts[CLAIM_CHECK_ISSUER]);
	REQUIRE((verdicts[CLAIM_CHECK_PROOF] == VERDICT_OK) == (json_object_get(claims, "cnf") == NULL));
	check_reading(claims, policy);
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	json_t	   *claims;
	char	   *before;
	char	   *after;

	if (strict_json_object((const char *) data, size, &strict_json_claims_limits, &claims, NULL) != VERDICT_OK)
		return 0;
	before = strict_json_text(claims);
	for (size_t i = 0; i < N_POLICIES; i++)
		check(claims, parsed_policy(i));
	after = strict_json_text(claims);
	REQUIRE(strcmp(before, after) == 0);
	free(before);
	free(after);
	json_decref(claims);
	return 0;
}
