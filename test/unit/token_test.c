/* The whole trip: every step refuses what it should, in order, and no later one runs too early. */
#include "test.h"

#include <openssl/evp.h>
#include <stdlib.h>

#include "core/token.h"
#include "test_sign.h"

#define NOW (INT64_C(1800000000) * S)
#define HEADER "{\"alg\":\"ES256\",\"kid\":\"k1\",\"typ\":\"at+jwt\"}"
#define CLAIMS "{\"iss\":\"https://idp.example\",\"aud\":\"orders\",\"sub\":\"alice\",\"client_id\":\"app\"," \
	"\"exp\":1800000300,\"iat\":1800000000,\"jti\":\"j\",\"scope\":\"read write\"}"
#define POLICY "{\"issuer\":\"https://idp.example\",\"audiences\":[\"orders\"],\"token_types\":[\"at+jwt\"]," \
	"\"required_claims\":[\"exp\",\"sub\"],\"subject_claim\":[\"sub\"],\"scope_claims\":[[\"scope\"]]}"

static TestKey key;
static TestKey other;
static const Jwk *jwks[1];
static TokenKeys keys;
static ClaimPolicy *policy;

static Verdict
judge(const char *text, TokenTrace *trace, Detail *detail)
{
	Token	   *token;
	Verdict		verdict = token_open(text, strlen(text), 16384, &token, detail);

	if (verdict == VERDICT_OK)
		verdict = token_verify(token, policy, &keys, NOW, trace, detail);
	token_free(token);
	return verdict;
}

static void
check(const TestKey *signer, const char *header, const char *claims, Verdict expected,
	  const char *word, const char *name)
{
	char	   *text = test_sign(signer, header, claims);
	Detail		detail = {""};

	CHECK_VERDICT(judge(text, NULL, &detail), &detail, expected, name);
	if (expected != VERDICT_OK)
		CHECK_DETAIL(&detail, word);
	free(text);
}

static void
test_open(void)
{
	check(&key, HEADER, "[]", VERDICT_MALFORMED, "payload", "the payload is an array");
	check(&key, HEADER, "payload", VERDICT_MALFORMED, "payload", "the payload is text");
	check(&key, HEADER, "{\"sub\":\"a\",\"sub\":\"b\"}", VERDICT_MALFORMED, "twice", "sub twice");
	check(&key, HEADER, "{\"sub\":\"a\",\"s\\u0075b\":\"b\"}", VERDICT_MALFORMED, "twice", "sub twice, once escaped");
	check(&key, HEADER, "{\"iss\":[\"https://idp.example\"]}", VERDICT_CLAIM_INVALID, "iss", "iss an array");
	check(&key, HEADER, "{\"iss\":null}", VERDICT_CLAIM_INVALID, "iss", "iss null");
	check(&key, HEADER, "{\"a\":\"\xff\"}", VERDICT_MALFORMED, "UTF-8", "the payload is not UTF-8");
	{
		char	   *text = test_sign(&key, HEADER, CLAIMS);
		Token	   *token;
		unsigned char digest[32];

		CHECK(token_open(text, strlen(text), 100, &token, NULL) == VERDICT_TOO_LARGE && token == NULL, "too large");
		if (CHECK(token_open(text, strlen(text), 16384, &token, NULL) == VERDICT_OK, "a token is opened"))
		{
			EVP_Digest(text, (size_t) (strrchr(text, '.') - text), digest, NULL, EVP_sha256(), NULL);
			CHECK_TEXT(token->issuer, "https://idp.example", "its issuer is known");
			CHECK(memcmp(token->digest, digest, 32) == 0, "the digest is of the signing input");
			CHECK(token->reading.subject == NULL, "nothing else is read yet");
		}
		token_free(token);
		free(text);
	}
}

static void
test_steps(void)
{
	check(&key, "{\"alg\":\"ES384\",\"kid\":\"k1\"}", CLAIMS, VERDICT_ALGORITHM_REFUSED, "ES384", "an algorithm that the issuer may not use");
	check(&key, "{\"alg\":\"ES256\",\"kid\":\"k2\"}", CLAIMS, VERDICT_KEY_UNKNOWN, "k2", "an unknown kid");
	check(&other, HEADER, CLAIMS, VERDICT_SIGNATURE_INVALID, "signature", "another key's signature");
	check(&other, HEADER, "{\"exp\":1}", VERDICT_SIGNATURE_INVALID, "signature", "an unsigned token is not said to be expired");
	check(&key, "{\"alg\":\"ES256\",\"kid\":\"k1\",\"typ\":\"JWT\"}", CLAIMS, VERDICT_TYPE_REFUSED, "typ", "another type");
	check(&key, HEADER, "{}", VERDICT_CLAIM_INVALID, "exp", "no claims");
	check(&key, HEADER, "{\"iss\":\"x\",\"exp\":1,\"sub\":\"a\"}", VERDICT_ISSUER_UNKNOWN, "iss", "another issuer");
	check(&key, HEADER, "{\"iss\":\"https://idp.example\",\"exp\":1,\"sub\":\"a\",\"aud\":\"x\"}", VERDICT_AUDIENCE_REFUSED, "aud", "another audience");
	check(&key, HEADER, "{\"iss\":\"https://idp.example\",\"exp\":1,\"sub\":\"a\",\"aud\":\"orders\",\"cnf\":{}}", VERDICT_PROOF_REFUSED, "cnf", "sender-constrained");
	check(&key, HEADER, "{\"iss\":\"https://idp.example\",\"exp\":1,\"sub\":\"a\",\"aud\":\"orders\"}", VERDICT_EXPIRED, "1970", "expired");
	check(&key, HEADER, CLAIMS, VERDICT_OK, NULL, "a good token");
	check(&key, "{\"alg\":\"ES256\",\"typ\":\"at+jwt\"}", CLAIMS, VERDICT_OK, NULL, "without kid there is one key");
}

static void
test_reading(void)
{
	char	   *text = test_sign(&key, HEADER, CLAIMS);
	TokenTrace	trace;
	Token	   *token;

	CHECK(token_open(text, strlen(text), 16384, &token, NULL) == VERDICT_OK &&
		  token_verify(token, policy, &keys, NOW, NULL, NULL) == VERDICT_OK, "a token is verified");
	CHECK_TEXT(token->reading.subject, "alice", "its subject");
	CHECK(token->reading.scopes.n_strings == 2 && strcmp(token->reading.scopes.strings[0], "read") == 0, "its scopes");
	CHECK(token->reading.client_id == NULL, "what the policy does not name is not read");
	CHECK(token_verify(token, policy, &keys, NOW, NULL, NULL) == VERDICT_OK, "it can be verified again");
	CHECK(token_verify(token, policy, &keys, NOW + 300 * S, NULL, NULL) == VERDICT_EXPIRED &&
		  token->reading.subject == NULL, "once expired it says nothing");
	CHECK(token_verify(token, policy, &keys, NOW + 300 * S, &trace, NULL) == VERDICT_EXPIRED &&
		  token->reading.subject != NULL && strcmp(token->reading.subject, "alice") == 0, "but what it said, to a trace");
	token_free(token);
	free(text);
	token_free(NULL);
}

/* outcome: p pass, f fail, - not made, one letter a step */
static void
check_trace(const TestKey *signer, const char *header, const char *claims, Verdict expected,
			const char *outcome, const char *name)
{
	char	   *text = test_sign(signer, header, claims);
	TokenTrace	trace;
	Detail		detail = {""};
	char		found[TOKEN_STEP_COUNT + 1] = "";

	memset(&trace, 1, sizeof(trace));
	CHECK_VERDICT(judge(text, &trace, &detail), &detail, expected, name);
	for (int i = 0; i < TOKEN_STEP_COUNT; i++)
	{
		found[i] = (char) (!trace.steps[i].made ? '-' : trace.steps[i].verdict == VERDICT_OK ? 'p' : 'f');
		if (found[i] == 'f')
			CHECK_DETAIL(&trace.steps[i].detail, " ");
	}
	if (!CHECK_TEXT(found, outcome, "%s: steps %s", name, outcome))
		printf("# steps %s\n", found);
	free(text);
}

static void
test_trace(void)
{
	check_trace(&key, "{\"alg\":\"ES384\",\"kid\":\"k1\"}", CLAIMS, VERDICT_ALGORITHM_REFUSED, "f-----------", "algorithm");
	check_trace(&key, "{\"alg\":\"ES256\",\"kid\":\"k2\"}", CLAIMS, VERDICT_KEY_UNKNOWN, "pf----------", "key");
	check_trace(&other, HEADER, "{}", VERDICT_SIGNATURE_INVALID, "ppf---------", "signature");
	check_trace(&key, HEADER, "{}", VERDICT_CLAIM_INVALID, "ppppfffppppp", "no claims");
	check_trace(&key, "{\"alg\":\"ES256\",\"kid\":\"k1\"}", "{\"iss\":\"x\",\"exp\":\"x\",\"cnf\":1,\"events\":1}", VERDICT_TYPE_REFUSED, "pppffffppfff", "nearly everything");
	check_trace(&key, HEADER, CLAIMS, VERDICT_OK, "pppppppppppp", "everything passes");
	for (int i = 0; i < TOKEN_STEP_COUNT; i++)
		CHECK(token_step_name((TokenStep) i) != NULL, "step %d is the %s", i, token_step_name((TokenStep) i));
}

int
main(void)
{
	test_key_make(&key, ALGORITHM_ES256, "k1");
	test_key_make(&other, ALGORITHM_ES256, "k1");
	jwks[0] = key.jwk;
	keys = (TokenKeys) {jwks, 1, ALGORITHM_BIT(ALGORITHM_ES256) | ALGORITHM_BIT(ALGORITHM_RS256)};
	CHECK(claim_policy_parse(POLICY, strlen(POLICY), &policy, NULL) == VERDICT_OK, "a policy");
	test_open();
	test_steps();
	test_reading();
	test_trace();
	claim_policy_free(policy);
	test_key_free(&key);
	test_key_free(&other);
	return finish();
}
