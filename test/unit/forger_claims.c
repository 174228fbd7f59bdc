/*
 * forger_claims.c
 *		Tokens that the issuer itself signed, and that are not for here.
 */
#include <jansson.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "forger.h"

/* The good token but for one claim: value is JSON text, or NULL for none. */
static void
expect_claim(Algorithm algorithm, const char *name, const char *value, unsigned int expected)
{
	json_t	   *claims = json_loads(FORGER_CLAIMS, 0, NULL);
	char	   *header = forger_header(algorithm);
	char	   *payload;

	if (value == NULL)
		json_object_del(claims, name);
	else if (json_object_set_new(claims, name, json_loads(value, JSON_DECODE_ANY, NULL)) != 0)
		abort();
	payload = json_dumps(claims, JSON_COMPACT);
	forger_take(test_sign(&forger_keys[algorithm], header, payload), expected);
	free(payload);
	free(header);
	json_decref(claims);
}

/*
 * Types of token
 */

/* typ is JSON text, or NULL for none. */
static void
expect_type(Algorithm algorithm, const char *typ, unsigned int expected)
{
	const char *name = algorithm_info(algorithm)->name;
	char		header[1024];

	snprintf(header, sizeof(header), "{\"alg\":\"%s\",\"kid\":\"%s\"%s%s}", name, name,
			 typ != NULL ? ",\"typ\":" : "", typ != NULL ? typ : "");
	forger_take(test_sign(&forger_keys[algorithm], header, FORGER_CLAIMS), expected);
}

static void
forge_header_types(Algorithm algorithm)
{
	static const char *const types[] = {
		"JWT", "jwt", "", " ", "at+jwt ", " at+jwt", "at-jwt", "at+jw", "at+jwtx", "text/at+jwt", "application/", "application/application/at+jwt",
		"application/x/at+jwt", "at+jwt; charset=utf-8", "id+jwt", "rt+jwt", "at+jwt,JWT", "at+j\xc5\xb4t", "\xc4\xb1t+jwt",
		"logout+jwt", "secevent+jwt", "dpop+jwt", "statuslist+jwt", "token-introspection+jwt", "txntoken+jwt", "client-authentication+jwt",
		"oauth-authz-req+jwt", "kb+jwt", "entity-statement+jwt", "jwk-set+jwt", "Application/Logout+JWT", "JOSE", "JOSE+JSON", "openid4vci-proof+jwt"
	};
	static const char *const malformed[] = {"null", "1", "true", "[\"at+jwt\"]", "{}", "\"at+jwt\\n\"", "\"at+jwt\\u0000\""};

	for (size_t i = 0; i < sizeof(types) / sizeof(types[0]); i++)
	{
		char		quoted[128];

		snprintf(quoted, sizeof(quoted), "\"%s\"", types[i]);
		expect_type(algorithm, quoted, V(TYPE_REFUSED));
	}
	for (size_t i = 0; i < sizeof(malformed) / sizeof(malformed[0]); i++)
		expect_type(algorithm, malformed[i], V(MALFORMED));
	expect_type(algorithm, NULL, V(TYPE_REFUSED));
	expect_type(algorithm, "\"AT+JWT\"", V(OK));
	expect_type(algorithm, "\"application/at+jwt\"", V(OK));
}

/* ID tokens, events, logout and refresh tokens of the same issuer. */
void
forge_types(Algorithm algorithm)
{
	static const char *const tells[] = {"events", "nonce", "at_hash", "c_hash"};
	static const char *const values[] = {"null", "false", "0", "\"\"", "\"x\"", "[]", "{}", "{\"http://schemas.openid.net/event/backchannel-logout\":{}}"};
	static const char *const uses[] = {"\"id\"", "\"Access\"", "\"access \"", "\"\"", "null", "1", "[\"access\"]", "{}"};
	static const char *const kinds[] = {"\"ID\"", "\"Refresh\"", "\"Offline\"", "\"Logout\""};

	forge_header_types(algorithm);
	for (size_t i = 0; i < sizeof(tells) / sizeof(tells[0]); i++)
	{
		for (size_t j = 0; j < sizeof(values) / sizeof(values[0]); j++)
			expect_claim(algorithm, tells[i], values[j], V(TYPE_REFUSED));
	}
	for (size_t i = 0; i < sizeof(uses) / sizeof(uses[0]); i++)
		expect_claim(algorithm, "token_use", uses[i], V(TYPE_REFUSED));
	for (size_t i = 0; i < sizeof(kinds) / sizeof(kinds[0]); i++)
		expect_claim(algorithm, "typ", kinds[i], V(TYPE_REFUSED));
	for (size_t j = 0; j < sizeof(values) / sizeof(values[0]); j++)
		expect_claim(algorithm, "cnf", values[j], V(PROOF_REFUSED));
	expect_claim(algorithm, "cnf", "{\"jkt\":\"0ZcOCORZNYy-DWpqq30jZyJGHTN0d2HglBV3uiguA4I\"}", V(PROOF_REFUSED));
	expect_claim(algorithm, "cnf", "{\"x5t#S256\":\"bwcK0esc3ACC3DB2Y5_lESsXE8o9ltc05O89jdN-dg2\"}", V(PROOF_REFUSED));
	expect_claim(algorithm, "token_use", "\"access\"", V(OK));
}

/*
 * JSON types
 */

void
forge_claim_types(Algorithm algorithm)
{
	static const char *const no_string[] = {"true", "false", "0", "1", "1.5", "[]", "[\"alice\"]", "{}", "{\"value\":\"alice\"}"};
	static const char *const strings[] = {"iss", "sub", "jti", "client_id", "azp", "cid", "sid"};
	static const char *const no_time[] = {
		"\"1800000300\"", "\"\"", "true", "[]", "[1800000300]", "{}", "-1", "-0.5", "253402300800", "1e300", "9223372036854775807", "-9223372036854775808"
	};
	static const char *const times[] = {"exp", "nbf", "iat", "auth_time"};
	static const char *const no_audience[] = {"null", "true", "0", "1.5", "[]", "{}", "[1]", "[null]", "[[\"orders\"]]", "[\"orders\",1]", "[\"orders\",null]", "{\"orders\":1}"};
	static const char *const no_scope[] = {
		"1", "true", "{}", "[1]", "[null]", "[\"read write\"]", "[\"\"]", "[[\"read\"]]", "\" read\"", "\"read \"", "\"read  write\"",
		"\"read\\twrite\"", "\"read\\nwrite\"", "\"a\\\"b\"", "\"a\\\\b\"", "\"\\u00e9\"", "\"a\\u007f\"", "\" \"", "\"read\\u00a0write\""
	};
	static const char *const no_roles[] = {"1", "true", "{}", "[1]", "[null]", "[{}]", "[{\"value\":1}]", "[{\"value\":null}]", "[[\"g1\"]]", "{\"value\":\"g1\"}"};

	for (size_t i = 0; i < sizeof(strings) / sizeof(strings[0]); i++)
	{
		for (size_t j = 0; j < sizeof(no_string) / sizeof(no_string[0]); j++)
			expect_claim(algorithm, strings[i], no_string[j], V(CLAIM_INVALID));
		expect_claim(algorithm, strings[i], "null", V(CLAIM_INVALID));
	}
	for (size_t i = 0; i < sizeof(times) / sizeof(times[0]); i++)
	{
		for (size_t j = 0; j < sizeof(no_time) / sizeof(no_time[0]); j++)
			expect_claim(algorithm, times[i], no_time[j], V(CLAIM_INVALID));
		expect_claim(algorithm, times[i], "null", V(CLAIM_INVALID));
	}
	for (size_t i = 0; i < sizeof(no_audience) / sizeof(no_audience[0]); i++)
		expect_claim(algorithm, "aud", no_audience[i], V(CLAIM_INVALID));
	for (size_t i = 0; i < sizeof(no_scope) / sizeof(no_scope[0]); i++)
		expect_claim(algorithm, "scope", no_scope[i], V(CLAIM_INVALID));
	for (size_t i = 0; i < sizeof(no_roles) / sizeof(no_roles[0]); i++)
		expect_claim(algorithm, "groups", no_roles[i], V(CLAIM_INVALID));
}

/*
 * Values
 */

typedef struct ClaimCase
{
	const char *name;
	const char *value;
	unsigned int expected;
} ClaimCase;

static const ClaimCase claim_cases[] = {
	{"iss", NULL, V(ISSUER_UNKNOWN)},
	{"iss", "\"\"", V(ISSUER_UNKNOWN)},
	{"iss", "\"" FORGER_ISSUER "/\"", V(ISSUER_UNKNOWN)},
	{"iss", "\"HTTPS://idp.example\"", V(ISSUER_UNKNOWN)},
	{"iss", "\"https://IDP.example\"", V(ISSUER_UNKNOWN)},
	{"iss", "\"https://idp.example:443\"", V(ISSUER_UNKNOWN)},
	{"iss", "\"http://idp.example\"", V(ISSUER_UNKNOWN)},
	{"iss", "\"https://idp.example.evil\"", V(ISSUER_UNKNOWN)},
	{"iss", "\"https://idp.exampl\"", V(ISSUER_UNKNOWN)},
	{"iss", "\" https://idp.example\"", V(ISSUER_UNKNOWN)},
	{"iss", "\"https://idp.example \"", V(ISSUER_UNKNOWN)},
	{"iss", "\"https://idp.example#\"", V(ISSUER_UNKNOWN)},
	{"iss", "\"https://\\u0456dp.example\"", V(ISSUER_UNKNOWN)},
	{"iss", "\"https://idp.example\\u200b\"", V(ISSUER_UNKNOWN)},
	{"aud", NULL, V(AUDIENCE_REFUSED)},
	{"aud", "\"\"", V(AUDIENCE_REFUSED)},
	{"aud", "\"bills\"", V(AUDIENCE_REFUSED)},
	{"aud", "\"Orders\"", V(AUDIENCE_REFUSED)},
	{"aud", "\"orders \"", V(AUDIENCE_REFUSED)},
	{"aud", "\"order\"", V(AUDIENCE_REFUSED)},
	{"aud", "\"orders2\"", V(AUDIENCE_REFUSED)},
	{"aud", "\"orders bills\"", V(AUDIENCE_REFUSED)},
	{"aud", "\"orders,bills\"", V(AUDIENCE_REFUSED)},
	{"aud", "\"*\"", V(AUDIENCE_REFUSED)},
	{"aud", "[\"*\"]", V(AUDIENCE_REFUSED)},
	{"aud", "[\"bills\",\"\"]", V(AUDIENCE_REFUSED)},
	{"aud", "[\"[orders]\"]", V(AUDIENCE_REFUSED)},
	{"exp", NULL, V(CLAIM_INVALID)},
	{"exp", "0", V(EXPIRED)},
	{"exp", "1", V(EXPIRED)},
	{"exp", "-0.0", V(EXPIRED)},
	{"exp", "1799999970", V(EXPIRED)},
	{"exp", "1799999969.9", V(EXPIRED)},
	{"exp", "1.79999997e9", V(EXPIRED)},
	{"exp", "1800003601", V(LIFETIME_REFUSED)},
	{"exp", "1800003600.5", V(LIFETIME_REFUSED)},
	{"exp", "253402300799", V(LIFETIME_REFUSED)},
	{"nbf", "1800000031", V(NOT_YET_VALID)},
	{"nbf", "1800000030.5", V(NOT_YET_VALID)},
	{"nbf", "253402300799", V(NOT_YET_VALID)},
	{"iat", NULL, V(CLAIM_INVALID)},
	{"iat", "1800000031", V(NOT_YET_VALID)},
	{"iat", "253402300799", V(NOT_YET_VALID)},
	{"iat", "1799998199", V(LIFETIME_REFUSED)},
	{"iat", "0", V(LIFETIME_REFUSED)},
	{"sub", NULL, V(CLAIM_INVALID)},
	{"sub", "\"\"", V(CLAIM_INVALID)},
	{"jti", NULL, V(CLAIM_INVALID)},
	{"jti", "\"\"", V(CLAIM_INVALID)},
	{"sid", "\"\"", V(CLAIM_INVALID)},
	{"client_id", NULL, V(CLAIM_INVALID)},
	{"client_id", "\"\"", V(CLAIM_INVALID)},
	{"client_id", "\"web\"", V(CLAIM_INVALID)},
	{"client_id", "\"App\"", V(CLAIM_INVALID)},
	{"client_id", "\"app \"", V(CLAIM_INVALID)},
	{"tenant", NULL, V(CLAIM_INVALID)},
	{"tenant", "null", V(CLAIM_INVALID)},
	{"tenant", "\"t3\"", V(CLAIM_INVALID)},
	{"tenant", "\"T1\"", V(CLAIM_INVALID)},
	{"tenant", "[\"t1\"]", V(CLAIM_INVALID)},
	{"tenant", "[\"t1\",\"t2\"]", V(CLAIM_INVALID)},
	{"tenant", "{\"t1\":1}", V(CLAIM_INVALID)},
	{"tenant", "1", V(CLAIM_INVALID)},
	{"role", "\"root\"", V(CLAIM_INVALID)},
	{"role", "[\"user\",\"root\"]", V(CLAIM_INVALID)},
	/* and what is just good enough */
	{"aud", "[\"bills\",\"orders\"]", V(OK)},
	{"exp", "1799999971", V(OK)},
	{"exp", "1800003600", V(OK)},
	{"nbf", "1800000030", V(OK)},
	{"iat", "1800000030", V(OK)},
	{"iat", "1799998200", V(OK)},
	{"role", "\"user\"", V(OK)},
	{"tenant", "\"t2\"", V(OK)},
	{"scope", NULL, V(OK)},
	{"scope", "\"\"", V(OK)},
};

void
forge_claim_values(Algorithm algorithm)
{
	for (size_t i = 0; i < sizeof(claim_cases) / sizeof(claim_cases[0]); i++)
		expect_claim(algorithm, claim_cases[i].name, claim_cases[i].value, claim_cases[i].expected);
}
