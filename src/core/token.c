/*
 * token.c
 *		The whole trip of a token, in order.
 *
 * The only coordinator: it calls and does not parse. Nothing is asked of the
 * claims before the signature over them has been verified.
 */
#include "core/token.h"

#include <jansson.h>
#include <openssl/err.h>
#include <openssl/evp.h>
#include <stdlib.h>
#include <string.h>

#include "core/signature.h"
#include "core/strict_json.h"

static Verdict
out_of_memory(Detail *detail)
{
	return verdict_refuse(detail, VERDICT_OUT_OF_MEMORY, "Out of memory.");
}

/* RFC 7519 section 4.1.1; an array has passed for an issuer (CVE-2025-30144). */
static Verdict
read_issuer(Token *token, Detail *detail)
{
	const json_t *issuer = json_object_get(token->claims, "iss");

	if (issuer != NULL && !json_is_string(issuer))
		return verdict_refuse(detail, VERDICT_CLAIM_INVALID,
							  "The claim \"iss\" is %s; a string is expected.",
							  strict_json_type_name(issuer));
	token->issuer = json_string_value(issuer);
	return VERDICT_OK;
}

/*
 * Of the signing input, because the signature can be written in many ways
 * that all verify: n - s beside s in ECDSA.
 */
static Verdict
compute_digest(Token *token, Detail *detail)
{
	const int	done = EVP_Digest(token->jws->text, token->jws->signing_input_size,
								  token->digest, NULL, EVP_sha256(), NULL);

	ERR_clear_error();
	return done == 1 ? VERDICT_OK : out_of_memory(detail);
}

static Verdict
fill(const char *text, size_t length, size_t max_length, Token *token,
	 Detail *detail)
{
	Verdict		verdict = jws_parse(text, length, max_length, &token->jws, detail);

	if (verdict == VERDICT_OK)
		verdict = strict_json_object((const char *) token->jws->payload,
									 token->jws->payload_size,
									 &strict_json_claims_limits,
									 &token->claims, detail);
	if (verdict == VERDICT_OK)
		verdict = read_issuer(token, detail);
	if (verdict == VERDICT_OK)
		verdict = compute_digest(token, detail);
	return verdict;
}

Verdict
token_open(const char *text, size_t length, size_t max_length, Token **token,
		   Detail *detail)
{
	Verdict		verdict;

	*token = calloc(1, sizeof(Token));
	if (*token == NULL)
		return out_of_memory(detail);
	verdict = fill(text, length, max_length, *token, detail);
	if (verdict != VERDICT_OK)
	{
		token_free(*token);
		*token = NULL;
	}
	return verdict;
}

/* Note in the trace, if there is one, what a step found. */
static Verdict
record(TokenTrace *trace, int step, Verdict verdict, const Detail *detail)
{
	if (trace == NULL)
		return verdict;
	trace->steps[step].made = true;
	trace->steps[step].verdict = verdict;
	if (verdict != VERDICT_OK)
		trace->steps[step].detail = *detail;
	return verdict;
}

static Verdict
check_algorithm(const Jws *jws, const TokenKeys *keys, Detail *detail)
{
	if ((jws->algorithms & keys->algorithms) != 0)
		return VERDICT_OK;
	return verdict_refuse(detail, VERDICT_ALGORITHM_REFUSED,
						  "The header parameter alg is \"%s\", with which this issuer's tokens may not be signed.",
						  verdict_quote(jws->algorithm_name, strlen(jws->algorithm_name)).text);
}

static Verdict
verify_signature(const Jws *jws, const TokenKeys *keys, TokenTrace *trace,
				 Detail *detail)
{
	const Jwk  *key = NULL;
	Verdict		verdict;

	verdict = check_algorithm(jws, keys, detail);
	if (record(trace, TOKEN_STEP_ALGORITHM, verdict, detail) != VERDICT_OK)
		return verdict;
	verdict = jwk_select(keys->keys, keys->n_keys, jws->key_id,
						 jws->algorithms & keys->algorithms, &key, detail);
	if (record(trace, TOKEN_STEP_KEY, verdict, detail) != VERDICT_OK)
		return verdict;
	verdict = signature_verify(jws, key, detail);
	return record(trace, TOKEN_STEP_SIGNATURE, verdict, detail);
}

static Verdict
check_claim(ClaimCheck check, Token *token, const ClaimPolicy *policy,
			int64_t now_us, Detail *detail)
{
	if (check == CLAIM_CHECK_REQUIRED)
		return claims_check_required(token->claims, policy, &token->reading, detail);
	return claims_check(check, token->jws->type, token->claims, policy, now_us, detail);
}

/*
 * All checks if there is a trace, else those up to the first that fails. The
 * claims are read on the way.
 */
static Verdict
check_claims(Token *token, const ClaimPolicy *policy, int64_t now_us,
			 TokenTrace *trace, Detail *detail)
{
	Verdict		first = VERDICT_OK;

	for (int check = 0; check < CLAIM_CHECK_COUNT; check++)
	{
		Detail		found = {""};
		Verdict		verdict = check_claim((ClaimCheck) check, token, policy,
										  now_us, &found);

		record(trace, TOKEN_STEP_CLAIMS + check, verdict, &found);
		if (verdict == VERDICT_OK || first != VERDICT_OK)
			continue;
		first = verdict;
		*detail = found;
		if (trace == NULL)
			break;
	}
	return first;
}

Verdict
token_verify(Token *token, const ClaimPolicy *policy, const TokenKeys *keys,
			 int64_t now_us, TokenTrace *trace, Detail *detail)
{
	Detail		unwanted;
	Verdict		verdict;

	if (detail == NULL)
		detail = &unwanted;
	if (trace != NULL)
		memset(trace, 0, sizeof(*trace));
	claim_reading_clear(&token->reading);

	verdict = verify_signature(token->jws, keys, trace, detail);
	if (verdict != VERDICT_OK)
		return verdict;

	verdict = check_claims(token, policy, now_us, trace, detail);
	if (verdict != VERDICT_OK && trace == NULL)
		claim_reading_clear(&token->reading);
	return verdict;
}

const char *
token_step_name(TokenStep step)
{
	static const char *const names[] = {
		[TOKEN_STEP_ALGORITHM] = "algorithm",
		[TOKEN_STEP_KEY] = "key",
		[TOKEN_STEP_SIGNATURE] = "signature",
	};

	if (step >= TOKEN_STEP_CLAIMS)
		return claim_check_name((ClaimCheck) (step - TOKEN_STEP_CLAIMS));
	return names[step];
}

void
token_free(Token *token)
{
	if (token == NULL)
		return;
	claim_reading_clear(&token->reading);
	json_decref(token->claims);
	jws_free(token->jws);
	free(token);
}
