/*
 * Thousands of tokens made from good ones, all refused for the reason that there is.
 * FORGER_SEED=n repeats the run that printed it.
 */
#include "test.h"

#include <stdlib.h>
#include <time.h>
#include <unistd.h>

#include "forger.h"

typedef struct Family
{
	const char *name;
	void		(*forge) (Algorithm algorithm);
} Family;

static const Family families[] = {
	{"segments", forge_segments},
	{"characters", forge_characters},
	{"base64url tails", forge_tails},
	{"octets", forge_octets},
	{"serializations", forge_serializations},
	{"mixtures of two tokens", forge_mixtures},
	{"changes by chance", forge_at_random},
	{"headers that are not plain JSON", forge_header_json},
	{"payloads that are not plain JSON", forge_payload_json},
	{"duplicate members", forge_duplicates},
	{"header parameters", forge_parameters},
	{"other algorithms", forge_algorithms},
	{"public keys as secrets", forge_confusion},
	{"key ids", forge_key_ids},
	{"embedded keys", forge_embedded_keys},
	{"signatures of other octets", forge_lengths},
	{"ECDSA numbers", forge_ecdsa},
	{"RSA numbers and parameters", forge_rsa},
	{"EdDSA scalars and points", forge_eddsa},
	{"types of token", forge_types},
	{"JSON types of claims", forge_claim_types},
	{"values of claims", forge_claim_values},
};

static int	n_tokens;

static void
run(const Family *family)
{
	forger_begin(family->name);
	for (int i = ALGORITHM_UNKNOWN + 1; i < ALGORITHM_COUNT; i++)
	{
		forger_use((Algorithm) i);
		family->forge((Algorithm) i);
	}
	CHECK(forger_made() > 0 && forger_wrong() == 0, "%s: %d tokens, %d with another verdict than they must have",
		  family->name, forger_made(), forger_wrong());
	forger_show_counts();
	n_tokens += forger_made();
}

/* A fault, the family that has to notice it, and for which algorithm's tokens. */
typedef struct Control
{
	Sabotage	sabotage;
	const char *name;
	void		(*forge) (Algorithm algorithm);
	Algorithm	algorithm;
} Control;

static const Control controls[] = {
	{SABOTAGE_NO_SIGNATURE, "no signature is checked", forge_octets, ALGORITHM_ES256},
	{SABOTAGE_HEADER_CHOOSES, "a public key serves as HMAC secret", forge_confusion, ALGORITHM_RS256},
	{SABOTAGE_ALGORITHM_IGNORED, "alg need not be the key's", forge_algorithms, ALGORITHM_RS256},
	{SABOTAGE_KID_IGNORED, "kid is ignored", forge_key_ids, ALGORITHM_ED25519},
	{SABOTAGE_TAIL_BITS, "unused bits of base64url are ignored", forge_tails, ALGORITHM_ES256},
	{SABOTAGE_SIGNATURE_LENGTH, "octets after the signature are ignored", forge_lengths, ALGORITHM_RS256},
	{SABOTAGE_DER, "ECDSA signatures may be DER", forge_ecdsa, ALGORITHM_ES256},
	{SABOTAGE_SALT, "a PSS salt may have any length", forge_rsa, ALGORITHM_PS256},
	{SABOTAGE_DUPLICATES, "the last of duplicate members counts", forge_duplicates, ALGORITHM_HS256},
	{SABOTAGE_TRAILING_BYTES, "bytes after the JSON text are ignored", forge_payload_json, ALGORITHM_HS256},
	{SABOTAGE_TRAILING_BYTES, "bytes after the JSON text are ignored", forge_header_json, ALGORITHM_HS256},
	{SABOTAGE_TRAILING_VALUES, "values after the JSON text are ignored", forge_payload_json, ALGORITHM_HS256},
	{SABOTAGE_TRAILING_VALUES, "values after the JSON text are ignored", forge_header_json, ALGORITHM_HS256},
	{SABOTAGE_NUL, "NUL in strings", forge_payload_json, ALGORITHM_HS256},
	{SABOTAGE_NO_LIMITS, "no limits for JSON", forge_header_json, ALGORITHM_HS256},
	{SABOTAGE_CRIT_IGNORED, "crit is ignored", forge_parameters, ALGORITHM_HS256},
	{SABOTAGE_NESTED, "nested tokens", forge_parameters, ALGORITHM_HS256},
	{SABOTAGE_CLAIM_CHECK + CLAIM_CHECK_TYPE, "no check of the type", forge_types, ALGORITHM_HS256},
	{SABOTAGE_CLAIM_CHECK + CLAIM_CHECK_REQUIRED, "no check of required claims", forge_claim_values, ALGORITHM_HS256},
	{SABOTAGE_CLAIM_CHECK + CLAIM_CHECK_ISSUER, "no check of the issuer", forge_claim_values, ALGORITHM_HS256},
	{SABOTAGE_CLAIM_CHECK + CLAIM_CHECK_AUDIENCE, "no check of the audience", forge_claim_values, ALGORITHM_HS256},
	{SABOTAGE_CLAIM_CHECK + CLAIM_CHECK_CLIENT, "no check of the client", forge_claim_values, ALGORITHM_HS256},
	{SABOTAGE_CLAIM_CHECK + CLAIM_CHECK_CONSTRAINTS, "no check of constraints", forge_claim_values, ALGORITHM_HS256},
	{SABOTAGE_CLAIM_CHECK + CLAIM_CHECK_PROOF, "cnf is ignored", forge_types, ALGORITHM_HS256},
	{SABOTAGE_CLAIM_CHECK + CLAIM_CHECK_LIFETIME, "no check of the lifetime", forge_claim_values, ALGORITHM_HS256},
	{SABOTAGE_CLAIM_CHECK + CLAIM_CHECK_TIME, "no check of the times", forge_claim_values, ALGORITHM_HS256},
};

/*
 * The forger itself is shown to notice: each fault must lead to a forged token
 * that is accepted. Another reason for a refusal would be no fault noticed.
 */
static void
run_control(const Control *control)
{
	forger_sabotage = control->sabotage;
	forger_begin(control->name);
	forger_use(control->algorithm);
	control->forge(control->algorithm);
	forger_sabotage = SABOTAGE_NONE;
	CHECK(forger_accepted() > 0, "noticed by %d of %d tokens, accepted: %s", forger_accepted(), forger_made(), control->name);
}

static uint64_t
seed(void)
{
	const char *given = getenv("FORGER_SEED");

	if (given != NULL && given[0] != '\0')
		return strtoull(given, NULL, 10);
	return (uint64_t) time(NULL) << 20 ^ (uint64_t) getpid();
}

int
main(void)
{
	const uint64_t used = seed();

	printf("# FORGER_SEED=%llu\n", (unsigned long long) used);
	forger_start(used);
	for (size_t i = 0; i < sizeof(families) / sizeof(families[0]); i++)
		run(&families[i]);
	CHECK(n_tokens > 10000, "%d tokens in all", n_tokens);
	for (size_t i = 0; i < sizeof(controls) / sizeof(controls[0]); i++)
		run_control(&controls[i]);
	forger_stop();
	return finish();
}
