/* Any text as an issuer's policy: one that is accepted can be asked about any token. */
#include "fuzz.h"

#include <jansson.h>

#include "core/claims.h"
#include "core/strict_json.h"
#include "policies.h"
#include "reading.h"

/* Tokens that have most of what a policy may ask for, in good form and in bad. */
static const char *const payloads[] = {
	"{}",
	"{\"iss\":\"" ISSUER_NAME "\",\"sub\":\"alice\",\"aud\":[\"orders\",\"bills\"],\"exp\":1800000300,"
	"\"iat\":1800000000,\"jti\":\"j\",\"client_id\":\"app\",\"azp\":\"app\",\"tid\":\"t1\",\"scope\":\"a b\","
	"\"scp\":[\"c\"],\"roles\":[\"r\",{\"value\":\"s\"}],\"realm_access\":{\"roles\":[\"q\"],\"verified\":true},"
	"\"device\":{\"id\":\"d\"},\"_claim_names\":{\"groups\":\"src1\"},\"a\":{\"b\":null,\"c\":{\"d\":1}}}",
	"{\"iss\":\"\",\"aud\":\"orders\",\"sub\":\"\",\"roles\":1,\"scope\":\"a  b\",\"azp\":[],\"a\":[[],{}]}",
	"{\"aud\":[],\"tid\":{\"x\":[1,2,{\"y\":1.5}]},\"cnf\":null,\"events\":{},\"token_use\":\"id\"}",
};

#define N_PAYLOADS (sizeof(payloads) / sizeof(payloads[0]))

static const json_t *
parsed_payload(size_t i)
{
	static json_t *parsed[N_PAYLOADS];

	if (parsed[i] == NULL)
		REQUIRE(strict_json_object(payloads[i], strlen(payloads[i]), &strict_json_claims_limits,
								   &parsed[i], NULL) == VERDICT_OK);
	return parsed[i];
}

static void
check_payload(const ClaimPolicy *policy, const json_t *claims)
{
	ClaimReading reading;

	for (int i = 0; i < CLAIM_CHECK_COUNT; i++)
	{
		Detail		detail = {""};
		Verdict		verdict = claims_check((ClaimCheck) i, "JWT", claims, policy, NOW_US, &detail);

		require_answer(verdict, &detail, verdict == VERDICT_OK ? claims : NULL);
	}
	if (claims_read(claims, policy, &reading, NULL) == VERDICT_OK)
		require_reading(&reading);
	else
		require_nothing_read(&reading);
	claim_reading_clear(&reading);
}

/* Whatever the room, the answer is a printable text that ends in it. */
static void
check_sources(const ClaimPolicy *policy)
{
	static const char *const members[] = {
		"subject_claim", "client_claim", "device_claim", "scope_claims", "role_claims", "issuer"
	};

	for (size_t i = 0; i < sizeof(members) / sizeof(members[0]); i++)
	{
		for (size_t size = 1; size < 64; size = 2 * size + 1)
		{
			char	   *text = malloc(size);

			claim_policy_source(policy, members[i], text, size);
			REQUIRE(strnlen(text, size) < size);
			for (const char *c = text; *c != '\0'; c++)
				REQUIRE(*c >= 0x20 && *c < 0x7F);
			free(text);
		}
	}
}

/* Written out, the policy is accepted still. */
static void
check_written(const ClaimPolicy *policy)
{
	char	   *text = strict_json_text(policy->document);
	ClaimPolicy *again;

	REQUIRE(claim_policy_parse(text, strlen(text), &again, NULL) == VERDICT_OK);
	REQUIRE(json_equal(policy->document, again->document) == 1);
	claim_policy_free(again);
	free(text);
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	ClaimPolicy *policy;
	Detail		detail = {""};
	Verdict		verdict = claim_policy_parse((const char *) data, size, &policy, &detail);

	require_answer(verdict, &detail, policy);
	if (verdict != VERDICT_OK)
		return 0;
	for (size_t i = 0; i < N_PAYLOADS; i++)
		check_payload(policy, parsed_payload(i));
	check_sources(policy);
	check_written(policy);
	claim_policy_free(policy);
	return 0;
}
