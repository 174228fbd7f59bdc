/* A token is used only for what, by whom and when its issuer's policy says (RFC 7519, 8725, 9068). */
#include "test.h"

#include <jansson.h>
#include <stdlib.h>

#include "core/claims.h"

#define NOW (INT64_C(1800000000) * S)
#define POLICY "\"issuer\":\"https://idp.example\",\"audiences\":[\"orders\",\"billing\"]"
#define PATHS ",\"subject_claim\":[\"sub\"],\"client_claim\":[\"client_id|azp|cid\"],\"token_id_claim\":[\"jti\"]," \
	"\"session_claim\":[\"sid\"],\"device_claim\":[\"device\",\"id\"]," \
	"\"scope_claims\":[[\"scope\"],[\"scp\"]]," \
	"\"role_claims\":[[\"roles\"],[\"groups\"],[\"realm_access\",\"roles\"]]"
#define CLAIMS "\"iss\":\"https://idp.example\",\"aud\":\"orders\",\"sub\":\"alice\",\"exp\":1800000300,\"iat\":1800000000"

static ClaimPolicy *
policy_of(const char *members)
{
	char		text[4000];
	ClaimPolicy *policy;
	Detail		detail = {""};

	snprintf(text, sizeof(text), "{" POLICY "%s}", members);
	if (claim_policy_parse(text, strlen(text), &policy, &detail) != VERDICT_OK)
		CHECK(false, "a policy is read: %s", detail.text);
	return policy;
}

static json_t *
claims_of(const char *text)
{
	json_error_t error;
	json_t	   *claims = json_loads(text, JSON_REJECT_DUPLICATES, &error);

	if (claims == NULL)
		CHECK(false, "claims are JSON: %s in %s", error.text, text);
	return claims;
}

static void
check(ClaimCheck which, const char *members, const char *type, const char *text,
	  Verdict expected, const char *word, const char *name)
{
	ClaimPolicy *policy = policy_of(members);
	json_t	   *claims = claims_of(text);
	Detail		detail = {""};

	CHECK_VERDICT(claims_check(which, type, claims, policy, NOW, &detail), &detail, expected, name);
	if (expected != VERDICT_OK)
	{
		CHECK_DETAIL(&detail, word);
		CHECK(strstr(detail.text, "billing") == NULL && strstr(detail.text, "the-configured") == NULL,
			  "and nothing that is configured");
	}
	json_decref(claims);
	claim_policy_free(policy);
}

/* rules within rules: seven levels around those that are given, and eight */
#define NESTED_7(rules) "{\"a\":{\"b\":{\"c\":{\"d\":{\"e\":{\"f\":{\"g\":" rules "}}}}}}}"
#define NESTED_8(rules) "{\"z\":" NESTED_7(rules) "}"

static void
test_policy(void)
{
	static const struct
	{
		const char *text;
		const char *word;
	}			refused[] = {
		{"{}", "issuer"},
		{"{\"issuer\":null,\"audiences\":[\"a\"]}", "issuer"},
		{"{\"issuer\":[\"x\"],\"audiences\":[\"a\"]}", "issuer"},
		{"{\"issuer\":\"x\"}", "audiences"},
		{"{\"issuer\":\"x\",\"audiences\":null}", "audiences"},
		{"{\"issuer\":\"x\",\"audiences\":[]}", "audiences"},
		{"{\"issuer\":\"x\",\"audiences\":\"a\"}", "audiences"},
		{"{\"issuer\":\"x\",\"audiences\":[\"\"]}", "audiences"},
		{"{\"issuer\":\"x\",\"audiences\":[1]}", "audiences"},
		{"{\"issuer\":\"x\",\"audiences\":[\"a\",\"*\"]}", "audiences"},
		{"{" POLICY ",\"audience_claim\":\"\"}", "audience_claim"},
		{"{" POLICY ",\"audience_claim\":[\"aud\"]}", "audience_claim"},
		{"{" POLICY ",\"clients\":\"a\"}", "clients"},
		{"{" POLICY ",\"clients\":[null]}", "clients"},
		{"{" POLICY ",\"token_types\":[]}", "token_types"},
		{"{" POLICY ",\"token_types\":\"JWT\"}", "token_types"},
		{"{" POLICY ",\"required_claims\":[\"\"]}", "required_claims"},
		{"{" POLICY ",\"required_claims\":[\"a||b\"]}", "required_claims"},
		{"{" POLICY ",\"required_claims\":[\"|a\"]}", "required_claims"},
		{"{" POLICY ",\"required_claims\":[\"a|\"]}", "required_claims"},
		{"{" POLICY ",\"required_claims\":{\"a\":1}}", "required_claims"},
		{"{" POLICY ",\"subject_claim\":\"sub\"}", "subject_claim"},
		{"{" POLICY ",\"subject_claim\":[]}", "subject_claim"},
		{"{" POLICY ",\"client_claim\":[1]}", "client_claim"},
		{"{" POLICY ",\"token_id_claim\":[\"\"]}", "token_id_claim"},
		{"{" POLICY ",\"session_claim\":{}}", "session_claim"},
		{"{" POLICY ",\"device_claim\":[[\"a\"]]}", "device_claim"},
		{"{" POLICY ",\"scope_claims\":[\"scope\"]}", "scope_claims"},
		{"{" POLICY ",\"scope_claims\":[[]]}", "scope_claims"},
		{"{" POLICY ",\"role_claims\":\"roles\"}", "role_claims"},
		{"{" POLICY ",\"role_claims\":[[\"a\",null]]}", "role_claims"},
		{"{" POLICY ",\"audience_claim\":\"aud||azp\"}", "audience_claim"},
		{"{" POLICY ",\"claim_constraints\":null}", "claim_constraints"},
		{"{" POLICY ",\"claim_constraints\":[]}", "claim_constraints"},
		{"{" POLICY ",\"claim_constraints\":{\"a\":[]}}", "claim_constraints"},
		{"{" POLICY ",\"claim_constraints\":{\"a\":[[1]]}}", "claim_constraints"},
		{"{" POLICY ",\"claim_constraints\":{\"!\":1}}", "claim_constraints"},
		{"{" POLICY ",\"claim_constraints\":{\"!a\":{}}}", "claim_constraints"},
		{"{" POLICY ",\"claim_constraints\":{\"!a\":null}}", "claim_constraints"},
		{"{" POLICY ",\"claim_constraints\":{\"!a\":[]}}", "claim_constraints"},
		{"{" POLICY ",\"claim_constraints\":{\"a\":{\"b\":{\"!c\":[{}]}}}}", "claim_constraints"},
		{"{\"issuer\":\"x\",\"audiences\":[\"*\",\"a\"]}", "audiences"},
		{"{\"issuer\":\"x\",\"audiences\":[\"*\",\"*\"]}", "audiences"},
		{"{\"issuer\":\"x\",\"audiences\":[\"a\",\"\"]}", "audiences"},
		{"{\"issuer\":\"x\",\"audiences\":{\"a\":1}}", "audiences"},
		{"{" POLICY ",\"audience_claim\":1}", "audience_claim"},
		{"{" POLICY ",\"audience_claim\":\"|\"}", "audience_claim"},
		{"{" POLICY ",\"clients\":[\"a\",\"\"]}", "clients"},
		{"{" POLICY ",\"token_types\":[1]}", "token_types"},
		{"{" POLICY ",\"token_types\":{\"JWT\":1}}", "token_types"},
		{"{" POLICY ",\"subject_claim\":{\"sub\":1}}", "subject_claim"},
		{"{" POLICY ",\"scope_claims\":[[\"a\"],\"b\"]}", "scope_claims"},
		{"{" POLICY ",\"claim_constraints\":{\"a\":[1,{}]}}", "claim_constraints"},
		{"{" POLICY ",\"claim_constraints\":{\"a\":[1,[]]}}", "claim_constraints"},
		{"{" POLICY ",\"claim_constraints\":{\"!a\":[1,null]}}", "claim_constraints"},
		{"{" POLICY ",\"claim_constraints\":{\"!a\":[1,[2]]}}", "claim_constraints"},
		{"{" POLICY ",\"claim_constraints\":{\"b\":1,\"!a\":{}}}", "claim_constraints"},
		{"{" POLICY ",\"claim_constraints\":" NESTED_8("{\"a\":1}") "}", "claim_constraints"},
		{"{" POLICY "," POLICY "}", "twice"},
		{"[]", "policy"},
	};
	ClaimPolicy *policy;
	Detail		detail;

	for (size_t i = 0; i < sizeof(refused) / sizeof(refused[0]); i++)
	{
		CHECK_VERDICT(claim_policy_parse(refused[i].text, strlen(refused[i].text), &policy, &detail),
					  &detail, VERDICT_MALFORMED, refused[i].text);
		CHECK_DETAIL(&detail, refused[i].word);
		CHECK(policy == NULL, "and there is no policy");
	}
	policy = policy_of(PATHS ",\"clients\":null,\"token_types\":null,\"required_claims\":null,"
					   "\"claim_constraints\":{},\"audience_claim\":null,\"name\":{\"other\":1}");
	CHECK(policy != NULL && policy->time.max_age_us == DURATION_UNLIMITED &&
		  policy->time.max_lifetime_us == DURATION_UNLIMITED && policy->time.leeway_us == 0,
		  "a policy with nulls and other members is read; times are the caller's");
	claim_policy_free(policy);
	claim_policy_free(policy_of(",\"claim_constraints\":" NESTED_7("{\"a\":1}")));
	claim_policy_free(policy_of(",\"claim_constraints\":{\"!a\":[1],\"!\u00e9\":\"x\",\"b\":[null],\"\":1,\"c\":null},"
								"\"token_types\":[\"\"],\"required_claims\":[],\"clients\":[],\"scope_claims\":[],\"audience_claim\":\"a|b\","
								"\"subject_claim\":[\"a\"],\"client_claim\":null,\"role_claims\":null"));
	claim_policy_free(NULL);
}

static void
test_type(void)
{
	static const char *const foreign[] = {
		"logout+jwt", "secevent+jwt", "dpop+jwt", "statuslist+jwt",
		"token-introspection+jwt", "txntoken+jwt", "client-authentication+jwt",
		"oauth-authz-req+jwt", "kb+jwt", "entity-statement+jwt", "jwk-set+jwt",
		"application/secevent+jwt", "Logout+JWT"
	};
	const char *only = ",\"token_types\":[\"at+jwt\"]";
	const char *absent = ",\"token_types\":[\"at+jwt\",\"\"]";

	for (size_t i = 0; i < sizeof(foreign) / sizeof(foreign[0]); i++)
		check(CLAIM_CHECK_TYPE, "", foreign[i], "{" CLAIMS "}", VERDICT_TYPE_REFUSED, foreign[i], "a foreign type");
	check(CLAIM_CHECK_TYPE, ",\"token_types\":[\"secevent+jwt\"]", "secevent+jwt", "{}", VERDICT_TYPE_REFUSED, "secevent", "even where it is listed");
	check(CLAIM_CHECK_TYPE, only, "JWT", "{}", VERDICT_TYPE_REFUSED, "JWT", "a type that is not listed");
	check(CLAIM_CHECK_TYPE, only, NULL, "{}", VERDICT_TYPE_REFUSED, "missing", "no type");
	check(CLAIM_CHECK_TYPE, absent, "", "{}", VERDICT_TYPE_REFUSED, "typ", "an empty type is not no type");
	check(CLAIM_CHECK_TYPE, absent, "application/", "{}", VERDICT_TYPE_REFUSED, "typ", "nor is a bare prefix");
	check(CLAIM_CHECK_TYPE, only, "at+jwt2", "{}", VERDICT_TYPE_REFUSED, "typ", "a longer type");
	check(CLAIM_CHECK_TYPE, only, "at+jwt", "{}", VERDICT_OK, NULL, "the type");
	check(CLAIM_CHECK_TYPE, only, "application/at+JWT", "{}", VERDICT_OK, NULL, "the type as RFC 9068 figure 2 has it");
	check(CLAIM_CHECK_TYPE, absent, NULL, "{}", VERDICT_OK, NULL, "no type where that is allowed");
	check(CLAIM_CHECK_TYPE, "", "anything", "{}", VERDICT_OK, NULL, "any type");
	check(CLAIM_CHECK_TYPE, "", NULL, "{}", VERDICT_OK, NULL, "any type or none");
	check(CLAIM_CHECK_TYPE, ",\"token_types\":null", NULL, "{}", VERDICT_OK, NULL, "any type or none, where null says so");
	check(CLAIM_CHECK_TYPE, ",\"token_types\":[\"x\"]", NULL, "{}", VERDICT_TYPE_REFUSED, "missing", "no type, where a short one is listed");
	check(CLAIM_CHECK_TYPE, ",\"token_types\":[\"y\",\"x\"]", "x", "{}", VERDICT_OK, NULL, "a short type");
	check(CLAIM_CHECK_TYPE, ",\"token_types\":[\"y\",\"x\"]", "z", "{}", VERDICT_TYPE_REFUSED, "\"z\"", "another short type");

	check(CLAIM_CHECK_TYPE, "", "JWT", "{\"events\":{}}", VERDICT_TYPE_REFUSED, "events", "a security event");
	check(CLAIM_CHECK_TYPE, "", "JWT", "{\"nonce\":\"n\"}", VERDICT_TYPE_REFUSED, "nonce", "an ID token");
	check(CLAIM_CHECK_TYPE, "", "JWT", "{\"nonce\":null}", VERDICT_TYPE_REFUSED, "nonce", "an ID token, odd");
	check(CLAIM_CHECK_TYPE, "", "JWT", "{\"at_hash\":\"h\"}", VERDICT_TYPE_REFUSED, "at_hash", "an ID token with at_hash");
	check(CLAIM_CHECK_TYPE, "", "JWT", "{\"c_hash\":\"h\"}", VERDICT_TYPE_REFUSED, "c_hash", "an ID token with c_hash");
	check(CLAIM_CHECK_TYPE, "", "JWT", "{\"token_use\":\"id\"}", VERDICT_TYPE_REFUSED, "token_use", "Cognito's ID token");
	check(CLAIM_CHECK_TYPE, "", "JWT", "{\"token_use\":[\"access\"]}", VERDICT_TYPE_REFUSED, "token_use", "token_use an array");
	check(CLAIM_CHECK_TYPE, "", "JWT", "{\"typ\":\"ID\"}", VERDICT_TYPE_REFUSED, "typ", "Keycloak's ID token");
	check(CLAIM_CHECK_TYPE, "", "JWT", "{\"typ\":\"Refresh\"}", VERDICT_TYPE_REFUSED, "typ", "Keycloak's refresh token");
	check(CLAIM_CHECK_TYPE, "", "JWT", "{\"typ\":\"Offline\"}", VERDICT_TYPE_REFUSED, "Offline", "Keycloak's offline token");
	check(CLAIM_CHECK_TYPE, "", "JWT", "{\"typ\":\"Logout\"}", VERDICT_TYPE_REFUSED, "Logout", "Keycloak's logout token");
	check(CLAIM_CHECK_TYPE, "", "JWT", "{\"typ\":\"Bearer\",\"token_use\":\"access\"}", VERDICT_OK, NULL, "access tokens of both");
}

static void
test_required(void)
{
	static const struct
	{
		const char *text;
		const char *word;
	}			mistyped[] = {
		{"{\"iss\":[\"https://idp.example\"]}", "iss"},
		{"{\"sub\":{\"a\":1}}", "sub"},
		{"{\"sub\":1}", "sub"},
		{"{\"sub\":null}", "sub"},
		{"{\"sub\":\"\"}", "sub"},
		{"{\"jti\":7}", "jti"},
		{"{\"jti\":\"\"}", "jti"},
		{"{\"client_id\":[\"a\"]}", "client_id"},
		{"{\"azp\":true}", "azp"},
		{"{\"cid\":1.5}", "cid"},
		{"{\"sid\":{}}", "sid"},
		{"{\"device\":{\"id\":7}}", "id"},
		{"{\"aud\":null}", "aud"},
		{"{\"aud\":7}", "aud"},
		{"{\"aud\":[]}", "aud"},
		{"{\"aud\":[\"a\",1]}", "aud"},
		{"{\"aud\":[[\"a\"]]}", "aud"},
		{"{\"aud\":{\"a\":1}}", "aud"},
		{"{\"exp\":\"1800000300\"}", "exp"},
		{"{\"exp\":true}", "exp"},
		{"{\"exp\":null}", "exp"},
		{"{\"exp\":-1}", "exp"},
		{"{\"exp\":-0.5}", "exp"},
		{"{\"exp\":253402300800}", "exp"},
		{"{\"exp\":253402300799.5}", "exp"},
		{"{\"exp\":1e300}", "exp"},
		{"{\"exp\":9223372036854775807}", "exp"},
		{"{\"nbf\":-9223372036854775808}", "nbf"},
		{"{\"iat\":[1]}", "iat"},
		{"{\"auth_time\":\"now\"}", "auth_time"},
		{"{\"scope\":1}", "scope"},
		{"{\"scope\":{\"a\":true}}", "scope"},
		{"{\"scope\":\"a  b\"}", "scope"},
		{"{\"scope\":\" a\"}", "scope"},
		{"{\"scope\":\"a \"}", "scope"},
		{"{\"scope\":\" \"}", "scope"},
		{"{\"scope\":\"a\\tb\"}", "scope"},
		{"{\"scope\":\"a\\nb\"}", "scope"},
		{"{\"scope\":\"a\\\"b\"}", "scope"},
		{"{\"scope\":\"a\\\\b\"}", "scope"},
		{"{\"scope\":\"a\\u007fb\"}", "scope"},
		{"{\"scope\":\"\\u0001\"}", "scope"},
		{"{\"scope\":\"\\u00e9\"}", "scope"},
		{"{\"scp\":[\"a b\"]}", "scp"},
		{"{\"scp\":[\"\"]}", "scp"},
		{"{\"scp\":[1]}", "scp"},
		{"{\"scp\":[[\"a\"]]}", "scp"},
		{"{\"roles\":{\"admin\":true}}", "roles"},
		{"{\"roles\":true}", "roles"},
		{"{\"roles\":[\"a\",1]}", "roles"},
		{"{\"roles\":[{\"display\":\"a\"}]}", "roles"},
		{"{\"roles\":[{\"value\":1}]}", "roles"},
		{"{\"realm_access\":{\"roles\":1}}", "roles"},
	};
	const char *required = PATHS ",\"required_claims\":[\"exp\",\"sub\",\"scope|scp|client_id\"]";

	check(CLAIM_CHECK_REQUIRED, required, NULL, "{\"sub\":\"a\",\"scp\":\"x\"}", VERDICT_CLAIM_INVALID, "The claim \"exp\" is required", "exp is missing");
	check(CLAIM_CHECK_REQUIRED, required, NULL, "{\"exp\":1,\"scp\":\"x\"}", VERDICT_CLAIM_INVALID, "\"sub\"", "sub is missing");
	check(CLAIM_CHECK_REQUIRED, required, NULL, "{\"exp\":1,\"sub\":null,\"scp\":\"x\"}", VERDICT_CLAIM_INVALID, "\"sub\"", "sub is null");
	check(CLAIM_CHECK_REQUIRED, required, NULL, "{\"exp\":1,\"sub\":\"a\"}", VERDICT_CLAIM_INVALID, "One of the claims \"scope|scp|client_id\"", "all of three are missing");
	check(CLAIM_CHECK_REQUIRED, required, NULL, "{\"exp\":1,\"sub\":\"a\",\"sco\":\"x\",\"client_id2\":\"x\"}", VERDICT_CLAIM_INVALID, "scope", "names are compared in full");
	check(CLAIM_CHECK_REQUIRED, required, NULL, "{\"exp\":1,\"sub\":\"a\",\"scp\":\"x\"}", VERDICT_OK, NULL, "one of three is there");
	for (size_t i = 0; i < sizeof(mistyped) / sizeof(mistyped[0]); i++)
		check(CLAIM_CHECK_REQUIRED, PATHS, NULL, mistyped[i].text, VERDICT_CLAIM_INVALID, mistyped[i].word, mistyped[i].text);
	check(CLAIM_CHECK_REQUIRED, PATHS, NULL, "{" CLAIMS ",\"scope\":\"\",\"roles\":[]}", VERDICT_OK, NULL, "claims of the right types");
	check(CLAIM_CHECK_REQUIRED, PATHS, NULL, "{}", VERDICT_OK, NULL, "nothing, where nothing is required");
	check(CLAIM_CHECK_REQUIRED, PATHS, NULL, "{\"exp\":253402300799,\"nbf\":0,\"iat\":1.7e9}", VERDICT_OK, NULL, "times at the edges");
	check(CLAIM_CHECK_REQUIRED, PATHS, NULL, "{\"exp\":253402300799.0,\"nbf\":0.0}", VERDICT_OK, NULL, "times at the edges, with fractions");
}

static void
test_issuer_audience_client(void)
{
	const char *cognito = ",\"audience_claim\":\"client_id\"";
	const char *clients = PATHS ",\"clients\":[\"the-configured\",\"app\"]";
	const char *any = "\"issuer\":\"https://idp.example\",\"audiences\":[\"*\"]";
	ClaimPolicy *policy;
	json_t	   *claims;
	char		text[200];

	check(CLAIM_CHECK_ISSUER, "", NULL, "{\"iss\":\"https://idp.example/\"}", VERDICT_ISSUER_UNKNOWN, "\"iss\" is \"https://idp.example/\"", "a trailing slash");
	check(CLAIM_CHECK_ISSUER, "", NULL, "{\"iss\":\"HTTPS://idp.example\"}", VERDICT_ISSUER_UNKNOWN, "iss", "another case");
	check(CLAIM_CHECK_ISSUER, "", NULL, "{\"iss\":[\"https://idp.example\"]}", VERDICT_ISSUER_UNKNOWN, "\"iss\" is an array", "an array");
	check(CLAIM_CHECK_ISSUER, "", NULL, "{}", VERDICT_ISSUER_UNKNOWN, "\"iss\" is absent", "no issuer");
	check(CLAIM_CHECK_ISSUER, "", NULL, "{" CLAIMS "}", VERDICT_OK, NULL, "the issuer");

	check(CLAIM_CHECK_AUDIENCE, "", NULL, "{}", VERDICT_AUDIENCE_REFUSED, "aud", "no audience");
	check(CLAIM_CHECK_AUDIENCE, "", NULL, "{\"aud\":null}", VERDICT_AUDIENCE_REFUSED, "aud", "null");
	check(CLAIM_CHECK_AUDIENCE, "", NULL, "{\"aud\":7}", VERDICT_AUDIENCE_REFUSED, "aud", "a number");
	check(CLAIM_CHECK_AUDIENCE, "", NULL, "{\"aud\":[]}", VERDICT_AUDIENCE_REFUSED, "aud", "an empty array");
	check(CLAIM_CHECK_AUDIENCE, "", NULL, "{\"aud\":\"Orders\"}", VERDICT_AUDIENCE_REFUSED, "Orders", "another case");
	check(CLAIM_CHECK_AUDIENCE, "", NULL, "{\"aud\":[\"y\"]}", VERDICT_AUDIENCE_REFUSED, "names \"y\", and", "an array of one other");
	check(CLAIM_CHECK_AUDIENCE, "", NULL, "{\"aud\":[\"y\",\"z\"]}", VERDICT_AUDIENCE_REFUSED, "names \"y\" and others, and", "an array of two others");
	check(CLAIM_CHECK_AUDIENCE, "", NULL, "{\"aud\":[1,\"z\"]}", VERDICT_AUDIENCE_REFUSED, "no audience", "an array that begins with a number");
	check(CLAIM_CHECK_AUDIENCE, "", NULL, "{\"aud\":\"*\"}", VERDICT_AUDIENCE_REFUSED, "aud", "a token for everybody");
	check(CLAIM_CHECK_AUDIENCE, "", NULL, "{\"aud\":\"orders x\"}", VERDICT_AUDIENCE_REFUSED, "aud", "no list in a string");
	check(CLAIM_CHECK_AUDIENCE, "", NULL, "{\"aud\":[[\"orders\"],\"x\"]}", VERDICT_AUDIENCE_REFUSED, "aud", "nested");
	check(CLAIM_CHECK_AUDIENCE, "", NULL, "{\"aud\":{\"orders\":1}}", VERDICT_AUDIENCE_REFUSED, "aud", "an object");
	check(CLAIM_CHECK_AUDIENCE, "", NULL, "{\"aud\":\"orders\"}", VERDICT_OK, NULL, "the audience");
	check(CLAIM_CHECK_AUDIENCE, "", NULL, "{\"aud\":[\"billing\",\"x\"]}", VERDICT_OK, NULL, "the first of several");
	check(CLAIM_CHECK_AUDIENCE, "", NULL, "{\"aud\":[\"x\",\"billing\"]}", VERDICT_OK, NULL, "one of several");
	check(CLAIM_CHECK_AUDIENCE, cognito, NULL, "{\"aud\":\"orders\"}", VERDICT_AUDIENCE_REFUSED, "client_id", "in another claim than configured");
	check(CLAIM_CHECK_AUDIENCE, cognito, NULL, "{\"client_id\":\"orders\"}", VERDICT_OK, NULL, "in the configured claim");

	snprintf(text, sizeof(text), "{%s}", any);
	CHECK(claim_policy_parse(text, strlen(text), &policy, NULL) == VERDICT_OK, "audience * is a policy");
	claims = claims_of("{}");
	CHECK_VERDICT(claims_check(CLAIM_CHECK_AUDIENCE, NULL, claims, policy, NOW, NULL), NULL, VERDICT_OK, "and checks nothing");
	json_decref(claims);
	claim_policy_free(policy);

	snprintf(text, sizeof(text), "{\"issuer\":\"\",\"audiences\":[\"a\"]}");
	CHECK(claim_policy_parse(text, strlen(text), &policy, NULL) == VERDICT_OK, "the empty issuer is a policy");
	claims = claims_of("{\"iss\":\"\"}");
	CHECK_VERDICT(claims_check(CLAIM_CHECK_ISSUER, NULL, claims, policy, NOW, NULL), NULL, VERDICT_ISSUER_UNKNOWN, "an empty iss is not no iss");
	json_decref(claims);
	claims = claims_of("{\"sub\":\"a\"}");
	CHECK_VERDICT(claims_check(CLAIM_CHECK_ISSUER, NULL, claims, policy, NOW, NULL), NULL, VERDICT_OK, "no iss");
	json_decref(claims);
	claim_policy_free(policy);

	check(CLAIM_CHECK_CLIENT, clients, NULL, "{}", VERDICT_CLAIM_INVALID, "client", "no client");
	check(CLAIM_CHECK_CLIENT, clients, NULL, "{\"azp\":\"other\"}", VERDICT_CLAIM_INVALID, "other", "another client");
	check(CLAIM_CHECK_CLIENT, clients, NULL, "{\"azpx\":\"app\"}", VERDICT_CLAIM_INVALID, "client", "a longer name than the path's");
	check(CLAIM_CHECK_CLIENT, clients, NULL, "{\"azp\":[\"app\"]}", VERDICT_CLAIM_INVALID, "client", "an array");
	check(CLAIM_CHECK_CLIENT, clients, NULL, "{\"client_id\":\"other\",\"azp\":\"app\"}", VERDICT_CLAIM_INVALID, "other", "the first name present counts");
	check(CLAIM_CHECK_CLIENT, ",\"clients\":[]" PATHS, NULL, "{\"azp\":\"app\"}", VERDICT_CLAIM_INVALID, "app", "an empty list allows none");
	check(CLAIM_CHECK_CLIENT, ",\"clients\":[\"app\"]", NULL, "{\"azp\":\"app\"}", VERDICT_CLAIM_INVALID, "client", "a list without a path to the client");
	check(CLAIM_CHECK_CLIENT, clients, NULL, "{\"azp\":\"app\"}", VERDICT_OK, NULL, "a listed client");
	check(CLAIM_CHECK_CLIENT, clients, NULL, "{\"client_id\":null,\"azp\":\"app\"}", VERDICT_OK, NULL, "null is not present");
	check(CLAIM_CHECK_CLIENT, PATHS, NULL, "{}", VERDICT_OK, NULL, "no list");
	check(CLAIM_CHECK_CLIENT, PATHS ",\"clients\":null", NULL, "{}", VERDICT_OK, NULL, "null for a list");
}

#define RULE ",\"claim_constraints\":"

static void
test_constraints(void)
{
	check(CLAIM_CHECK_CONSTRAINTS, RULE "{\"tid\":\"t1\"}", NULL, "{}", VERDICT_CLAIM_INVALID, "\"tid\"", "a value, absent");
	check(CLAIM_CHECK_CONSTRAINTS, RULE "{\"tid\":\"t1\"}", NULL, "{\"tid\":\"t2\"}", VERDICT_CLAIM_INVALID, "\"tid\"", "another value");
	check(CLAIM_CHECK_CONSTRAINTS, RULE "{\"tid\":\"t1\"}", NULL, "{\"tid\":\"T1\"}", VERDICT_CLAIM_INVALID, "\"tid\"", "another case");
	check(CLAIM_CHECK_CONSTRAINTS, RULE "{\"tid\":\"t1\"}", NULL, "{\"tid\":[\"t1\"]}", VERDICT_CLAIM_INVALID, "\"tid\"", "in an array");
	check(CLAIM_CHECK_CONSTRAINTS, RULE "{\"n\":1}", NULL, "{\"n\":\"1\"}", VERDICT_CLAIM_INVALID, "\"n\"", "a string for a number");
	check(CLAIM_CHECK_CONSTRAINTS, RULE "{\"n\":1}", NULL, "{\"n\":1.0}", VERDICT_CLAIM_INVALID, "\"n\"", "a real for an integer");
	check(CLAIM_CHECK_CONSTRAINTS, RULE "{\"b\":true}", NULL, "{\"b\":\"true\"}", VERDICT_CLAIM_INVALID, "\"b\"", "a string for a boolean");
	check(CLAIM_CHECK_CONSTRAINTS, RULE "{\"b\":false}", NULL, "{}", VERDICT_CLAIM_INVALID, "\"b\"", "absent is not false");
	check(CLAIM_CHECK_CONSTRAINTS, RULE "{\"a\":[\"x\",\"y\"]}", NULL, "{\"a\":\"z\"}", VERDICT_CLAIM_INVALID, "\"a\"", "none of the values");
	check(CLAIM_CHECK_CONSTRAINTS, RULE "{\"a\":[\"x\",\"y\"]}", NULL, "{}", VERDICT_CLAIM_INVALID, "\"a\"", "values, absent");
	check(CLAIM_CHECK_CONSTRAINTS, RULE "{\"a\":null}", NULL, "{\"a\":1}", VERDICT_CLAIM_INVALID, "\"a\"", "must be absent");
	check(CLAIM_CHECK_CONSTRAINTS, RULE "{\"o\":{\"p\":\"x\"}}", NULL, "{\"o\":{\"p\":\"y\"}}", VERDICT_CLAIM_INVALID, "\"p\"", "another value inside");
	check(CLAIM_CHECK_CONSTRAINTS, RULE "{\"o\":{\"p\":\"x\"}}", NULL, "{\"o\":\"x\"}", VERDICT_CLAIM_INVALID, "\"o\"", "no object");
	check(CLAIM_CHECK_CONSTRAINTS, RULE "{\"o\":{\"p\":[\"x\",null]}}", NULL, "{}", VERDICT_CLAIM_INVALID, "\"o\"", "the object is absent");
	check(CLAIM_CHECK_CONSTRAINTS, RULE "{\"o\":{\"!p\":\"x\"}}", NULL, "{\"o\":{\"p\":\"x\"}}", VERDICT_CLAIM_INVALID, "\"p\"", "an excluded value inside");
	check(CLAIM_CHECK_CONSTRAINTS, RULE "{\"!aud\":\"account\"}", NULL, "{\"aud\":\"account\"}", VERDICT_CLAIM_INVALID, "\"aud\"", "an excluded value");
	check(CLAIM_CHECK_CONSTRAINTS, RULE "{\"!aud\":[\"account\",\"x\"]}", NULL, "{\"aud\":[\"orders\",\"account\"]}", VERDICT_CLAIM_INVALID, "\"aud\"", "an excluded element");
	check(CLAIM_CHECK_CONSTRAINTS, RULE "{\"!n\":1}", NULL, "{\"n\":1.0}", VERDICT_CLAIM_INVALID, "\"n\"", "an excluded number in another spelling");
	check(CLAIM_CHECK_CONSTRAINTS, RULE "{\"!n\":[0,1]}", NULL, "{\"n\":[2,1.0]}", VERDICT_CLAIM_INVALID, "\"n\"", "and in an array");
	check(CLAIM_CHECK_CONSTRAINTS, RULE "{\"!b\":true}", NULL, "{\"b\":true}", VERDICT_CLAIM_INVALID, "\"b\"", "an excluded boolean");
	check(CLAIM_CHECK_CONSTRAINTS, RULE "{\"!a\":\"first\"}", NULL, "{\"a\":[\"first\",\"x\"]}", VERDICT_CLAIM_INVALID, "\"a\"", "an excluded first element");
	check(CLAIM_CHECK_CONSTRAINTS, RULE "{\"typ\":\"Bearer\",\"!role\":[\"anon\",\"service_role\"]}", NULL, "{\"typ\":\"Bearer\",\"role\":\"anon\"}", VERDICT_CLAIM_INVALID, "\"role\"", "the second rule");

	check(CLAIM_CHECK_CONSTRAINTS, "", NULL, "{}", VERDICT_OK, NULL, "no rules");
	check(CLAIM_CHECK_CONSTRAINTS, RULE "{\"tid\":\"t1\",\"n\":1,\"b\":true}", NULL, "{\"tid\":\"t1\",\"n\":1,\"b\":true}", VERDICT_OK, NULL, "the values");
	check(CLAIM_CHECK_CONSTRAINTS, RULE "{\"a\":[\"x\",null]}", NULL, "{}", VERDICT_OK, NULL, "may be absent");
	check(CLAIM_CHECK_CONSTRAINTS, RULE "{\"a\":[\"x\",2]}", NULL, "{\"a\":\"x\"}", VERDICT_OK, NULL, "the first of the values");
	check(CLAIM_CHECK_CONSTRAINTS, RULE "{\"a\":[\"x\",2]}", NULL, "{\"a\":2}", VERDICT_OK, NULL, "one of the values");
	check(CLAIM_CHECK_CONSTRAINTS, RULE "{\"a\":null}", NULL, "{\"a\":null}", VERDICT_OK, NULL, "null is absent");
	check(CLAIM_CHECK_CONSTRAINTS, RULE "{\"o\":{\"p\":\"x\",\"!q\":1}}", NULL, "{\"o\":{\"p\":\"x\"}}", VERDICT_OK, NULL, "the value inside");
	check(CLAIM_CHECK_CONSTRAINTS, RULE "{\"!aud\":\"account\"}", NULL, "{\"aud\":[\"orders\",\"accounts\"]}", VERDICT_OK, NULL, "no element is excluded");
	check(CLAIM_CHECK_CONSTRAINTS, RULE "{\"!is_anonymous\":true}", NULL, "{}", VERDICT_OK, NULL, "absent is not excluded");
	check(CLAIM_CHECK_CONSTRAINTS, RULE "{\"!n\":0}", NULL, "{\"n\":\"x\"}", VERDICT_OK, NULL, "a string is not the number 0");
	check(CLAIM_CHECK_CONSTRAINTS, RULE "{\"!n\":\"x\"}", NULL, "{\"n\":0}", VERDICT_OK, NULL, "nor 0 a string");
	check(CLAIM_CHECK_CONSTRAINTS, RULE "{\"!n\":[0]}", NULL, "{\"n\":1}", VERDICT_OK, NULL, "nor 1 the number 0");
	check(CLAIM_CHECK_CONSTRAINTS, RULE "{\"a!b\":\"x\",\"c\":1}", NULL, "{\"a!b\":\"x\",\"c\":1}", VERDICT_OK, NULL, "a name with ! inside");
}

static void
test_proof(void)
{
	check(CLAIM_CHECK_PROOF, "", NULL, "{\"cnf\":{\"x5t#S256\":\"x\"}}", VERDICT_PROOF_REFUSED, "cnf", "bound to a certificate");
	check(CLAIM_CHECK_PROOF, "", NULL, "{\"cnf\":null}", VERDICT_PROOF_REFUSED, "cnf", "cnf null");
	check(CLAIM_CHECK_PROOF, "", NULL, "{" CLAIMS "}", VERDICT_OK, NULL, "a bearer token");
}

static void
check_times(ClaimCheck which, const char *text, TimePolicy time, int64_t now_us,
			Verdict expected, const char *word, const char *name)
{
	ClaimPolicy *policy = policy_of("");
	json_t	   *claims = claims_of(text);
	Detail		detail = {""};

	policy->time = time;
	CHECK_VERDICT(claims_check(which, NULL, claims, policy, now_us, &detail), &detail, expected, name);
	if (expected != VERDICT_OK)
		CHECK_DETAIL(&detail, word);
	json_decref(claims);
	claim_policy_free(policy);
}

static void
test_times(void)
{
	const TimePolicy strict = {0, DURATION_UNLIMITED, DURATION_UNLIMITED};
	const TimePolicy lenient = {30 * S, DURATION_UNLIMITED, DURATION_UNLIMITED};
	const TimePolicy absurd = {INT64_MAX, DURATION_UNLIMITED, DURATION_UNLIMITED};
	const TimePolicy hour = {0, 3600 * S, DURATION_UNLIMITED};
	const TimePolicy aged = {0, DURATION_UNLIMITED, 60 * S};
	const TimePolicy momentary = {0, 0, DURATION_UNLIMITED};
	const TimePolicy newborn = {0, DURATION_UNLIMITED, 0};
	const ClaimCheck time = CLAIM_CHECK_TIME;
	const ClaimCheck lifetime = CLAIM_CHECK_LIFETIME;

	check_times(time, "{\"exp\":1800000000}", strict, NOW, VERDICT_EXPIRED, "2027-01-15 08:00:00 UTC", "at exp it has expired");
	check_times(time, "{\"exp\":1800000000}", strict, NOW - 1, VERDICT_OK, NULL, "a microsecond before it has not");
	check_times(time, "{\"exp\":1800000000}", lenient, NOW + 30 * S, VERDICT_EXPIRED, "expired", "at exp and leeway it has expired");
	check_times(time, "{\"exp\":1800000000}", lenient, NOW + 30 * S - 1, VERDICT_OK, NULL, "a microsecond before it has not");
	check_times(time, "{\"exp\":1800000000.5}", strict, NOW + S / 2, VERDICT_EXPIRED, "expired", "half a second counts");
	check_times(time, "{\"exp\":1800000000.5}", strict, NOW + S / 2 - 1, VERDICT_OK, NULL, "to the microsecond");
	check_times(time, "{\"exp\":0}", strict, NOW, VERDICT_EXPIRED, "1970-01-01 00:00:00 UTC", "1970");
	check_times(time, "{\"exp\":1799999000}", absurd, NOW, VERDICT_EXPIRED, "expired", "leeway is at most 300 seconds");
	check_times(time, "{\"exp\":1799999700}", absurd, NOW, VERDICT_EXPIRED, "expired", "at exp and 300 seconds");
	check_times(time, "{\"exp\":1799999701}", absurd, NOW, VERDICT_OK, NULL, "but that is what it can be");
	check_times(time, "{\"exp\":\"x\"}", strict, NOW, VERDICT_CLAIM_INVALID, "exp", "no number");
	check_times(time, "{\"nbf\":1800000001}", strict, NOW, VERDICT_NOT_YET_VALID, "2027-01-15 08:00:01 UTC", "before nbf");
	check_times(time, "{\"nbf\":1800000000}", strict, NOW, VERDICT_OK, NULL, "at nbf");
	check_times(time, "{\"nbf\":1800000031}", lenient, NOW, VERDICT_NOT_YET_VALID, "before", "before nbf and leeway");
	check_times(time, "{\"nbf\":1800000030}", lenient, NOW, VERDICT_OK, NULL, "within leeway");
	check_times(time, "{\"iat\":1800000031}", lenient, NOW, VERDICT_NOT_YET_VALID, "future", "issued in the future");
	check_times(time, "{\"auth_time\":1800000031}", lenient, NOW, VERDICT_NOT_YET_VALID, "signed in", "signed in in the future");
	check_times(time, "{\"iat\":1800000000,\"auth_time\":253402300799}", lenient, NOW, VERDICT_NOT_YET_VALID, "signed in", "signed in in the year 9999");
	check_times(time, "{\"auth_time\":1800000030}", lenient, NOW, VERDICT_OK, NULL, "signed in within the leeway");
	check_times(time, "{\"iat\":1800000030}", lenient, NOW, VERDICT_OK, NULL, "issued within leeway");
	check_times(time, "{}", strict, NOW, VERDICT_OK, NULL, "no times");
	check_times(time, "{\"exp\":253402300799,\"nbf\":0,\"iat\":0}", lenient, INT64_MAX, VERDICT_EXPIRED, "9999-12-31 23:59:59 UTC", "the end of time");
	check_times(time, "{\"nbf\":0.000001}", strict, INT64_MIN, VERDICT_NOT_YET_VALID, "before", "a microsecond after the beginning of time");
	check_times(time, "{\"iat\":1800000000}", strict, NOW, VERDICT_OK, NULL, "at iat");
	check_times(time, "{\"auth_time\":1800000000}", strict, NOW, VERDICT_OK, NULL, "at auth_time");
	check_times(time, "{\"exp\":253402300799,\"nbf\":0,\"iat\":0}", lenient, INT64_MIN, VERDICT_OK, NULL, "the beginning of time");
	check_times(time, "{\"exp\":1800000300,\"iat\":1799999939}", aged, NOW, VERDICT_LIFETIME_REFUSED, "too old", "too old by the clock");

	check_times(lifetime, "{\"iat\":1800000000,\"exp\":1800003601}", hour, NOW, VERDICT_LIFETIME_REFUSED, "too long", "an hour and a second");
	check_times(lifetime, "{\"iat\":1800000000,\"exp\":1800003600}", hour, NOW, VERDICT_OK, NULL, "an hour");
	check_times(lifetime, "{\"exp\":1800003600}", hour, NOW, VERDICT_CLAIM_INVALID, "iat", "no iat to measure from");
	check_times(lifetime, "{\"iat\":1800000000}", hour, NOW, VERDICT_CLAIM_INVALID, "exp", "no exp to measure to");
	check_times(lifetime, "{}", strict, NOW, VERDICT_OK, NULL, "nothing to measure");
	check_times(lifetime, "{\"iat\":0,\"exp\":253402300799}", hour, NOW, VERDICT_LIFETIME_REFUSED, "too long", "all of time");
	check_times(lifetime, "{\"iat\":1799999939}", aged, NOW, VERDICT_LIFETIME_REFUSED, "too old", "61 seconds old");
	check_times(lifetime, "{\"iat\":1799999940}", aged, NOW, VERDICT_OK, NULL, "60 seconds old");
	check_times(lifetime, "{}", aged, NOW, VERDICT_CLAIM_INVALID, "iat", "of unknown age");
	check_times(lifetime, "{\"iat\":0}", aged, INT64_MAX, VERDICT_LIFETIME_REFUSED, "too old", "older than time");
	check_times(lifetime, "{\"iat\":1800000000,\"exp\":1800000000}", momentary, NOW, VERDICT_OK, NULL, "no lifetime where none is allowed");
	check_times(lifetime, "{\"iat\":1800000000,\"exp\":1800000001}", momentary, NOW, VERDICT_LIFETIME_REFUSED, "too long", "a second where none is allowed");
	check_times(lifetime, "{\"iat\":1799999999}", newborn, NOW, VERDICT_LIFETIME_REFUSED, "too old", "a second old where none is allowed");
	check_times(lifetime, "{\"iat\":0}", newborn, INT64_MIN, VERDICT_OK, NULL, "as old as time");
}

static bool
set_is(const StringSet *set, const char *expected)
{
	char		joined[500] = "";

	for (size_t i = 0; i < set->n_strings; i++)
	{
		strcat(joined, set->strings[i]);
		strcat(joined, ",");
	}
	if (strcmp(joined, expected) != 0)
		printf("# %s\n", joined);
	return strcmp(joined, expected) == 0;
}

static ClaimReading
reading_of(const char *members, const char *text, json_t **claims)
{
	ClaimPolicy *policy = policy_of(members);
	ClaimReading reading;
	Detail		detail = {""};

	*claims = claims_of(text);
	CHECK_VERDICT(claims_read(*claims, policy, &reading, &detail), &detail, VERDICT_OK, text);
	claim_policy_free(policy);
	return reading;
}

static void
test_reading(void)
{
	json_t	   *claims;
	ClaimReading r = reading_of(PATHS,
								"{\"iss\":\"i\",\"sub\":\"alice\",\"azp\":\"app\",\"jti\":\"t\",\"sid\":\"s\","
								"\"device\":{\"id\":\"d\"},\"aud\":[\"b\",\"a\",\"b\"],"
								"\"scope\":\"write read write\",\"scp\":[\"Read\"],"
								"\"roles\":[\"z\",{\"value\":\"a\",\"display\":\"A\"}],\"groups\":\"one\","
								"\"realm_access\":{\"roles\":[\"z\",\"two words\"]},"
								"\"exp\":1800000300.25,\"nbf\":1800000000,\"iat\":1800000000,\"auth_time\":1799990000}", &claims);

	CHECK_TEXT(r.issuer, "i", "issuer");
	CHECK_TEXT(r.subject, "alice", "subject");
	CHECK_TEXT(r.client_id, "app", "client, by its second name");
	CHECK_TEXT(r.token_id, "t", "token id");
	CHECK_TEXT(r.session_id, "s", "session");
	CHECK_TEXT(r.device_id, "d", "device, by a path");
	CHECK(set_is(&r.audiences, "a,b,"), "audiences, sorted and unique");
	CHECK(set_is(&r.scopes, "Read,read,write,"), "scopes of both claims");
	CHECK(set_is(&r.roles, "a,one,two words,z,"), "roles of all three");
	CHECK(r.times.expires_at == INT64_C(1800000300250000) && r.times.not_before == NOW &&
		  r.times.issued_at == NOW && r.times.authenticated_at == NOW - 10000 * S, "times in microseconds");
	CHECK(!r.roles_incomplete && !r.is_client, "complete, and a user's");
	claim_reading_clear(&r);
	CHECK(r.subject == NULL && r.roles.n_strings == 0, "cleared");
	claim_reading_clear(&r);
	json_decref(claims);

	r = reading_of(PATHS, "{\"roles\":\"\",\"scope\":\"\",\"realm_access\":\"x\",\"device\":7}", &claims);
	CHECK(r.issuer == NULL && r.subject == NULL && r.client_id == NULL && r.token_id == NULL &&
		  r.session_id == NULL && r.device_id == NULL, "what is absent is NULL");
	CHECK(r.scopes.n_strings == 0 && r.roles.n_strings == 0 && r.audiences.n_strings == 0, "or empty");
	CHECK(r.times.expires_at == TIME_ABSENT && r.times.authenticated_at == TIME_ABSENT, "or TIME_ABSENT");
	CHECK(!r.is_client, "nobody is no client");
	claim_reading_clear(&r);
	json_decref(claims);

	r = reading_of(PATHS, "{\"scope\":\"! ~ # [ ] a:b/c\",\"roles\":[\"\",\"a\"],\"aud\":\"one\",\"exp\":0,\"nbf\":0.0000015}", &claims);
	CHECK(set_is(&r.scopes, "!,#,[,],a:b/c,~,"), "every character that a scope can have");
	CHECK(set_is(&r.roles, "a,") && set_is(&r.audiences, "one,"), "an empty role is none; one audience");
	CHECK(r.times.expires_at == 0 && r.times.not_before == 2, "times at the beginning, rounded to microseconds");
	claim_reading_clear(&r);
	json_decref(claims);

	r = reading_of("", "{\"sub\":\"a\",\"scope\":1,\"roles\":{},\"jti\":\"t\"}", &claims);
	CHECK(r.subject == NULL && r.token_id == NULL && r.scopes.n_strings == 0, "what no path names is not read");
	claim_reading_clear(&r);
	json_decref(claims);
}

static void
check_flags_by(const char *members, const char *text, bool incomplete, bool is_client, const char *name)
{
	json_t	   *claims;
	ClaimReading reading = reading_of(members, text, &claims);

	CHECK(reading.roles_incomplete == incomplete && reading.is_client == is_client, "%s", name);
	claim_reading_clear(&reading);
	json_decref(claims);
}

static void
check_flags(const char *text, bool incomplete, bool is_client, const char *name)
{
	check_flags_by(PATHS, text, incomplete, is_client, name);
}

static void
test_flags(void)
{
	const char *entra = ",\"subject_claim\":[\"oid\"],\"client_claim\":[\"azp|appid\"]";

	check_flags_by(entra, "{\"oid\":\"app\",\"sub\":\"x\",\"azp\":\"app\"}", false, true, "the subject, which is another claim, is the client");
	check_flags_by(entra, "{\"oid\":\"x\",\"sub\":\"app\",\"azp\":\"app\"}", false, true, "or sub is, which is not the subject");
	check_flags_by(entra, "{\"oid\":\"x\",\"sub\":\"y\",\"azp\":\"app\"}", false, false, "or neither is");
	check_flags("{\"sub\":\"abc\",\"client_id\":\"app\"}", false, false, "a subject as long as the client's name");
	check_flags("{\"sub\":\"abc@clients\",\"client_id\":\"app\"}", false, false, "Auth0's subject of another client");
	check_flags("{\"_claim_names\":{\"groups\":\"src1\"}}", true, false, "groups are elsewhere");
	check_flags("{\"_claim_names\":{\"groupsx\":\"src1\"}}", false, false, "a longer name is elsewhere");
	check_flags("{\"_claim_names\":{\"realm_access\":\"src1\"}}", true, false, "the first name of a path is elsewhere");
	check_flags("{\"_claim_names\":{\"roles\":\"src1\"}}", true, false, "what the first path names is elsewhere");
	check_flags("{\"hasgroups\":true}", true, false, "hasgroups");
	check_flags("{\"hasgroups\":\"true\"}", true, false, "hasgroups as text");
	check_flags("{\"_claim_names\":{\"address\":\"src1\"},\"hasgroups\":false}", false, false, "something else is elsewhere");
	check_flags("{\"_claim_names\":\"groups\"}", false, false, "_claim_names is no object");
	check_flags("{\"sub\":\"app\",\"client_id\":\"app\"}", false, true, "the subject is the client");
	check_flags("{\"sub\":\"app@clients\",\"azp\":\"app\"}", false, true, "Auth0's subject");
	check_flags("{\"sub\":\"x\",\"gty\":\"client-credentials\"}", false, true, "Auth0's grant type");
	check_flags("{\"sub\":\"x\",\"gty\":[\"refresh_token\",\"client-credentials\"]}", false, true, "among others");
	check_flags("{\"sub\":\"x\",\"gty\":[\"client-credentials\",\"refresh_token\"]}", false, true, "before others");
	check_flags("{\"sub\":\"x\",\"gty\":[\"password\",\"refresh_token\"]}", false, false, "others alone");
	check_flags("{\"client_id\":\"app\"}", false, false, "a client without a subject");
	check_flags("{\"sub\":\"app\"}", false, false, "a subject without a client");
	check_flags("{\"sub\":\"ap\",\"client_id\":\"app\"}", false, false, "a beginning of the client's name");
	check_flags("{\"sub\":\"app@clients2\",\"client_id\":\"app\"}", false, false, "more than Auth0's suffix");
	check_flags("{\"sub\":\"x\",\"idtyp\":\"app\"}", false, true, "Entra's idtyp");
	check_flags("{\"sub\":\"x\",\"idtyp\":\"user\",\"gty\":\"password\",\"azp\":\"app\"}", false, false, "a user's token");
	check_flags("{\"sub\":\"app2\",\"azp\":\"app\"}", false, false, "the client's name is only the beginning");
}

static void
check_source(const char *members, const char *member, size_t size, const char *expected)
{
	ClaimPolicy *policy = policy_of(members);
	char	   *text = malloc(size);

	claim_policy_source(policy, member, text, size);
	CHECK(strcmp(text, expected) == 0, "%s in %zu octets: %s", member, size, expected);
	free(text);
	claim_policy_free(policy);
}

/* Where the policy looks, as a person is told it. */
static void
test_source(void)
{
	const char *odd = ",\"subject_claim\":[\"a\\u00e9|b\",\"c\"]";

	check_source(PATHS, "subject_claim", 100, "sub");
	check_source(PATHS, "device_claim", 100, "device.id");
	check_source(PATHS, "role_claims", 100, "roles, groups, realm_access.roles");
	check_source(",\"role_claims\":[]", "role_claims", 100, "");
	check_source("", "role_claims", 100, "");
	check_source(odd, "subject_claim", 100, "a\\xc3\\xa9|b.c");
	check_source(PATHS, "role_claims", 34, "roles, groups, realm_access.roles");
	check_source(PATHS, "role_claims", 33, "roles, groups, realm_access.role");
	check_source(PATHS, "role_claims", 8, "roles, ");
	check_source(PATHS, "role_claims", 7, "roles,");
	check_source(PATHS, "role_claims", 1, "");
}

static void
test_names(void)
{
	size_t		n_members = 0;

	while (claim_policy_member(n_members) != NULL)
		n_members++;
	CHECK(n_members == 14 && strcmp(claim_policy_member(0), "issuer") == 0 && claim_policy_member(n_members + 1) == NULL,
		  "a policy has 14 members (%zu)", n_members);
	for (int i = 0; i < CLAIM_CHECK_COUNT; i++)
		CHECK(claim_check_name((ClaimCheck) i) != NULL, "check %d has a name", i);
}

int
main(void)
{
	test_policy();
	test_type();
	test_required();
	test_issuer_audience_client();
	test_constraints();
	test_proof();
	test_times();
	test_reading();
	test_flags();
	test_source();
	test_names();
	return finish();
}
