/*
 * Any text as token, against an issuer with a key of every algorithm: nothing
 * passes but the signing inputs of issuer/signed.txt. The private halves of
 * those keys were thrown away when the seeds had been made.
 */
#include "fuzz.h"

#include <jansson.h>

#include "core/strict_json.h"
#include "core/token.h"
#include "policies.h"
#include "reading.h"

#define MAX_LENGTH 16384
#define MAX_SIGNED 256
#define USED_POLICIES 2

static const Jwk *jwks[ALGORITHM_COUNT];
static TokenKeys keys = {jwks, 0, ALGORITHMS_PUBLIC | ALGORITHMS_SECRET};
static ClaimPolicy *parsed[USED_POLICIES];
static char *signed_inputs[MAX_SIGNED];
static size_t n_signed;

/* A line of a file, without its end; NULL after the last. */
static char *
read_line(FILE *file)
{
	char	   *line = NULL;
	size_t		room = 0;
	ssize_t		length = getline(&line, &room, file);

	if (length > 0)
	{
		line[length - 1] = '\0';
		return line;
	}
	free(line);
	return NULL;
}

static void
read_keys(void)
{
	const JwkPolicy policy = {.any_type = true};
	FILE	   *file = fopen(ISSUER "/keys.jsonl", "r");
	char	   *line;

	REQUIRE(file != NULL);
	while ((line = read_line(file)) != NULL)
	{
		Jwk		   *jwk;

		REQUIRE(jwk_parse(line, strlen(line), &policy, &jwk, NULL) == VERDICT_OK);
		REQUIRE(keys.n_keys < ALGORITHM_COUNT);
		jwks[keys.n_keys++] = jwk;
		free(line);
	}
	REQUIRE(keys.n_keys == ALGORITHM_COUNT - 1);
	fclose(file);
}

static void
read_signed(void)
{
	FILE	   *file = fopen(ISSUER "/signed.txt", "r");

	REQUIRE(file != NULL);
	while ((signed_inputs[n_signed] = read_line(file)) != NULL)
	{
		n_signed++;
		REQUIRE(n_signed < MAX_SIGNED);
	}
	REQUIRE(n_signed > 0);
	fclose(file);
}

static void
start(void)
{
	if (n_signed > 0)
		return;
	read_keys();
	read_signed();
	for (size_t i = 0; i < USED_POLICIES; i++)
	{
		REQUIRE(claim_policy_parse(policies[i], strlen(policies[i]), &parsed[i], NULL) == VERDICT_OK);
		parsed[i]->time.leeway_us = 30 * 1000000;
	}
}

static bool
was_signed(const Jws *jws)
{
	for (size_t i = 0; i < n_signed; i++)
	{
		if (strlen(signed_inputs[i]) == jws->signing_input_size &&
			memcmp(signed_inputs[i], jws->text, jws->signing_input_size) == 0)
			return true;
	}
	return false;
}

/* Steps up to the first of the signature's that fails, then all. */
static void
require_trace(const TokenTrace *trace, const Jws *jws)
{
	bool		expected = true;

	for (int i = 0; i < TOKEN_STEP_COUNT; i++)
	{
		REQUIRE(trace->steps[i].made == expected);
		if (trace->steps[i].made && trace->steps[i].verdict != VERDICT_OK)
		{
			require_sentence(&trace->steps[i].detail);
			expected = expected && i > TOKEN_STEP_SIGNATURE;
		}
	}
	if (trace->steps[TOKEN_STEP_SIGNATURE].made &&
		trace->steps[TOKEN_STEP_SIGNATURE].verdict == VERDICT_OK)
		REQUIRE(was_signed(jws));
}

static void
verify(Token *token, const ClaimPolicy *policy)
{
	TokenTrace	trace;
	Detail		detail = {""};
	Detail		traced_detail = {""};
	Verdict		verdict = token_verify(token, policy, &keys, NOW_US, NULL, &detail);

	require_answer(verdict, &detail, verdict == VERDICT_OK ? token : NULL);
	if (verdict == VERDICT_OK)
	{
		REQUIRE(was_signed(token->jws));
		REQUIRE(token->reading.issuer != NULL && strcmp(token->reading.issuer, ISSUER_NAME) == 0);
		require_reading(&token->reading);
	}
	else
		require_nothing_read(&token->reading);

	REQUIRE(token_verify(token, policy, &keys, NOW_US, &trace, &traced_detail) == verdict);
	REQUIRE(strcmp(detail.text, traced_detail.text) == 0);
	require_trace(&trace, token->jws);
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	Token	   *token;
	Detail		detail = {""};
	Verdict		verdict;

	start();
	verdict = token_open((const char *) data, size, MAX_LENGTH, &token, &detail);
	require_answer(verdict, &detail, token);
	if (verdict != VERDICT_OK)
		return 0;
	for (size_t i = 0; i < USED_POLICIES; i++)
		verify(token, parsed[i]);
	token_free(token);
	return 0;
}
