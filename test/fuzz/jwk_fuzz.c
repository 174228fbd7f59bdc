/* Any text as JWK: an accepted key is sound, and the same when written and read again. */
#include "fuzz.h"

#include "core/jwk.h"
#include "key_answer.h"

static const Algorithm preferred[] = {
	ALGORITHM_RS256, ALGORITHM_PS256, ALGORITHM_ES256, ALGORITHM_ED25519
};

static const JwkPolicy policies[] = {
	{0},
	{.symmetric = true},
	{.any_type = true},
	{
		.algorithms = preferred, .n_algorithms = 4,
		.issuer = "https://login.example/t1/v2.0", .tenant = "t1"
	},
};

static void
require_allowed(const Jwk *jwk, const JwkPolicy *policy)
{
	bool		allowed = policy->n_algorithms == 0;

	for (size_t i = 0; i < policy->n_algorithms; i++)
		allowed = allowed || policy->algorithms[i] == jwk->algorithm;
	REQUIRE(allowed);
	if (!policy->any_type)
		REQUIRE((jwk->secret != NULL) == policy->symmetric);
}

static void
check(const char *text, size_t length, const JwkPolicy *policy)
{
	char		thumbprint[44];
	Jwk		   *jwk;
	Detail		detail = {""};
	Verdict		verdict = jwk_parse(text, length, policy, &jwk, &detail);

	require_answer(verdict, &detail, jwk);
	if (verdict != VERDICT_OK)
		return;
	require_allowed(jwk, policy);
	require_sound_key(jwk);
	REQUIRE(jwk_thumbprint(text, length, thumbprint, NULL) == VERDICT_OK);
	REQUIRE(strcmp(thumbprint, jwk->thumbprint) == 0);
	jwk_free(jwk);
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	const char *text = (const char *) data;
	char		thumbprint[44] = "";
	Detail		detail = {""};
	Verdict		verdict = jwk_thumbprint(text, size, thumbprint, &detail);

	require_answer(verdict, &detail, thumbprint[0] != '\0' ? thumbprint : NULL);
	for (size_t i = 0; i < sizeof(policies) / sizeof(policies[0]); i++)
		check(text, size, &policies[i]);
	return 0;
}
