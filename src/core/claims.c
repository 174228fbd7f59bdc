/*
 * claims.c
 *		Registered claims against an issuer's policy and a clock (RFC 7519).
 *
 * What is asked for and not there is refused, and so is every kind of token
 * that the same issuer signs with the same key for another purpose.
 */
#include "core/claims.h"

#include <jansson.h>
#include <string.h>
#include <time.h>

#include "core/claim_path.h"
#include "core/media_type.h"
#include "core/strict_json.h"

#define US_PER_S INT64_C(1000000)
#define MAX_LEEWAY_US (300 * US_PER_S)
/* past the last exp that there can be, with leeway */
#define MAX_NOW_US (INT64_C(253402300800) * US_PER_S + MAX_LEEWAY_US)

/* What every check is given. */
typedef struct CheckInput
{
	const char *type;			/* typ, or NULL */
	const json_t *claims;
	const json_t *policy;
	const TimePolicy *time;
	int64_t		now_us;
} CheckInput;

static bool
is_text(const json_t *value, const char *text)
{
	return json_is_string(value) && strcmp(json_string_value(value), text) == 0;
}

/* Is text an element of an array of strings? */
static bool
is_listed(const char *text, const json_t *list)
{
	for (size_t i = 0; i < json_array_size(list); i++)
	{
		if (is_text(json_array_get(list, i), text))
			return true;
	}
	return false;
}

/*
 * Type
 */

/* Explicit types of tokens that are not access tokens (RFC 8725 section 3.11). */
static bool
is_foreign_type(const char *type)
{
	static const char *const foreign[] = {
		"logout+jwt",			/* OpenID Connect Back-Channel Logout */
		"secevent+jwt",			/* RFC 8417 */
		"dpop+jwt",				/* RFC 9449 */
		"statuslist+jwt",		/* Token Status List */
		"token-introspection+jwt",	/* RFC 9701 */
		"txntoken+jwt",			/* Transaction Tokens */
		"client-authentication+jwt",	/* RFC 7523 bis */
		"oauth-authz-req+jwt",	/* RFC 9101 */
		"kb+jwt",				/* RFC 9901 */
		"entity-statement+jwt", /* OpenID Federation */
		"jwk-set+jwt",			/* OpenID Federation */
	};

	for (size_t i = 0; i < sizeof(foreign) / sizeof(foreign[0]); i++)
	{
		if (media_type_equal(type, foreign[i]))
			return true;
	}
	return false;
}

static bool
is_allowed_type(const char *type, const json_t *allowed)
{
	for (size_t i = 0; i < json_array_size(allowed); i++)
	{
		const char *name = json_string_value(json_array_get(allowed, i));

		if (type == NULL ? name[0] == '\0' :
			name[0] != '\0' && media_type_equal(type, name))
			return true;
	}
	return false;
}

/*
 * Identity providers sign ID tokens, events and logout tokens with the key and
 * issuer of access tokens, and often without a typ: their claims give them away.
 */
static Verdict
check_tells(const json_t *claims, Detail *detail)
{
	static const struct
	{
		const char *claim;
		const char *kind;
	}			tells[] = {
		{"events", "a security event or logout token"},
		{"nonce", "an ID token"},
		{"at_hash", "an ID token"},
		{"c_hash", "an ID token"},
	};
	static const char *const keycloak_types[] = {"ID", "Refresh", "Offline", "Logout"};
	const json_t *use = json_object_get(claims, "token_use");	/* Amazon Cognito */
	const json_t *type = json_object_get(claims, "typ");

	for (size_t i = 0; i < sizeof(tells) / sizeof(tells[0]); i++)
	{
		if (json_object_get(claims, tells[i].claim) != NULL)
			return verdict_refuse(detail, VERDICT_TYPE_REFUSED,
								  "It has the claim \"%s\" and so is %s, not an access token.",
								  tells[i].claim, tells[i].kind);
	}
	if (use != NULL && !is_text(use, "access"))
		return verdict_refuse(detail, VERDICT_TYPE_REFUSED,
							  "The claim \"token_use\" is not \"access\".");
	for (size_t i = 0; i < sizeof(keycloak_types) / sizeof(keycloak_types[0]); i++)
	{
		if (is_text(type, keycloak_types[i]))
			return verdict_refuse(detail, VERDICT_TYPE_REFUSED,
								  "The claim \"typ\" is \"%s\": it is not an access token.",
								  keycloak_types[i]);
	}
	return VERDICT_OK;
}

static Verdict
check_type(const CheckInput *in, Detail *detail)
{
	const json_t *allowed = json_object_get(in->policy, "token_types");
	const bool	is_any = allowed == NULL || json_is_null(allowed);

	if (in->type != NULL && is_foreign_type(in->type))
		return verdict_refuse(detail, VERDICT_TYPE_REFUSED,
							  "The header parameter typ is \"%s\", which is never an access token.",
							  verdict_quote(in->type, strlen(in->type)).text);
	if (is_any || is_allowed_type(in->type, allowed))
		return check_tells(in->claims, detail);
	if (in->type == NULL)
		return verdict_refuse(detail, VERDICT_TYPE_REFUSED,
							  "The header parameter typ is missing.");
	return verdict_refuse(detail, VERDICT_TYPE_REFUSED,
						  "The header parameter typ is \"%s\", which this issuer's access tokens are not.",
						  verdict_quote(in->type, strlen(in->type)).text);
}

/*
 * Presence and JSON types
 */

static Verdict
check_present(const json_t *claims, const ClaimPolicy *policy, Detail *detail)
{
	const json_t *required = json_object_get(policy->document, "required_claims");

	for (size_t i = 0; i < json_array_size(required); i++)
	{
		const char *names = json_string_value(json_array_get(required, i));
		Quoted		quoted;

		if (claim_find(claims, names) != NULL)
			continue;
		quoted = verdict_quote(names, strlen(names));
		if (strchr(names, '|') != NULL)
			return verdict_refuse(detail, VERDICT_CLAIM_INVALID,
								  "One of the claims \"%s\" is required, and all are missing.",
								  quoted.text);
		return verdict_refuse(detail, VERDICT_CLAIM_INVALID,
							  "The claim \"%s\" is required, and missing.",
							  quoted.text);
	}
	return VERDICT_OK;
}

Verdict
claims_check_required(const struct json_t *claims, const ClaimPolicy *policy,
					  ClaimReading *reading, Detail *detail)
{
	const Verdict readable = claims_read(claims, policy, reading, detail);
	const Verdict present = check_present(claims, policy, detail);

	return present != VERDICT_OK ? present : readable;
}

/* For who asks for this check alone. */
static Verdict
check_required(const CheckInput *in, Detail *detail)
{
	const ClaimPolicy policy = {.document = (json_t *) in->policy};
	ClaimReading reading;
	Verdict		verdict = claims_check_required(in->claims, &policy, &reading, detail);

	claim_reading_clear(&reading);
	return verdict;
}

/*
 * Issuer, audience, client
 */

/* Code point by code point: no URL is normalized (RFC 9068 section 4). */
static Verdict
check_issuer(const CheckInput *in, Detail *detail)
{
	const char *expected = json_string_value(json_object_get(in->policy, "issuer"));
	const json_t *issuer = json_object_get(in->claims, "iss");

	if (expected[0] == '\0' ? issuer == NULL : is_text(issuer, expected))
		return VERDICT_OK;
	if (!json_is_string(issuer))
		return verdict_refuse(detail, VERDICT_ISSUER_UNKNOWN,
							  "The claim \"iss\" is %s.", strict_json_type_name(issuer));
	return verdict_refuse(detail, VERDICT_ISSUER_UNKNOWN,
						  "The claim \"iss\" is \"%s\", which is not the issuer whose keys were used.",
						  verdict_quote(json_string_value(issuer),
										json_string_length(issuer)).text);
}

/* Is the claim, or an element of it, one of the audiences that we are? */
static bool
is_for_us(const json_t *audience, const json_t *ours)
{
	if (json_is_string(audience))
		return is_listed(json_string_value(audience), ours);
	for (size_t i = 0; i < json_array_size(audience); i++)
	{
		const char *one = json_string_value(json_array_get(audience, i));

		if (one != NULL && is_listed(one, ours))
			return true;
	}
	return false;
}

static Verdict
check_audience(const CheckInput *in, Detail *detail)
{
	const json_t *ours = json_object_get(in->policy, "audiences");
	const char *name = json_string_value(json_object_get(in->policy, "audience_claim"));
	const json_t *audience;
	const char *shown;
	Quoted		quoted;

	if (name == NULL)
		name = "aud";
	audience = claim_find(in->claims, name);
	if (is_listed("*", ours) || is_for_us(audience, ours))
		return VERDICT_OK;

	quoted = verdict_quote(name, strlen(name));
	if (audience == NULL)
		return verdict_refuse(detail, VERDICT_AUDIENCE_REFUSED,
							  "The claim \"%s\" is missing.", quoted.text);

	shown = json_string_value(json_is_array(audience) ?
							  json_array_get(audience, 0) : audience);
	if (shown == NULL)
		return verdict_refuse(detail, VERDICT_AUDIENCE_REFUSED,
							  "The claim \"%s\" names no audience.", quoted.text);
	return verdict_refuse(detail, VERDICT_AUDIENCE_REFUSED,
						  "The claim \"%s\" names \"%s\"%s, and not this service.",
						  quoted.text, verdict_quote(shown, strlen(shown)).text,
						  json_array_size(audience) > 1 ? " and others" : "");
}

static Verdict
check_client(const CheckInput *in, Detail *detail)
{
	const json_t *allowed = json_object_get(in->policy, "clients");
	const json_t *client;

	if (allowed == NULL || json_is_null(allowed))
		return VERDICT_OK;
	client = claim_at_path(in->claims, json_object_get(in->policy, "client_claim"));
	if (!json_is_string(client))
		return verdict_refuse(detail, VERDICT_CLAIM_INVALID,
							  "The claim that names the client is %s; this issuer's tokens are accepted for certain clients only.",
							  strict_json_type_name(client));
	if (is_listed(json_string_value(client), allowed))
		return VERDICT_OK;
	return verdict_refuse(detail, VERDICT_CLAIM_INVALID,
						  "The client \"%s\" is not one of those accepted.",
						  verdict_quote(json_string_value(client),
										json_string_length(client)).text);
}

/*
 * Constraints
 */

/* Equal in JSON type and value to the rule or, if that is a list, to an element of it. */
static bool
is_among(const json_t *value, const json_t *rule)
{
	if (!json_is_array(rule))
		return json_equal(value, rule) == 1;
	for (size_t i = 0; i < json_array_size(rule); i++)
	{
		if (json_equal(value, json_array_get(rule, i)) == 1)
			return true;
	}
	return false;
}

/* Does the rule exclude this value? Of numbers in every spelling: 1, 1.0. */
static bool
is_excluded_value(const json_t *value, const json_t *rule)
{
	if (json_is_array(rule))
	{
		for (size_t i = 0; i < json_array_size(rule); i++)
		{
			if (is_excluded_value(value, json_array_get(rule, i)))
				return true;
		}
		return false;
	}
	if (json_is_number(value) && json_is_number(rule))
		return json_number_value(value) == json_number_value(rule);
	return json_equal(value, rule) == 1;
}

/* Neither the claim nor, if it is an array, an element of it is excluded. */
static bool
is_excluded(const json_t *value, const json_t *rule)
{
	for (size_t i = 0; i < json_array_size(value); i++)
	{
		if (is_excluded_value(json_array_get(value, i), rule))
			return true;
	}
	return value != NULL && is_excluded_value(value, rule);
}

/* The name of the first rule in rules that claims break, or NULL. */
static const char *
broken_rule(const json_t *claims, const json_t *rules)
{
	const char *name;
	json_t	   *rule;

	json_object_foreach((json_t *) rules, name, rule)
	{
		const json_t *value = json_object_get(claims, name[0] == '!' ? name + 1 : name);

		if (name[0] == '!')
		{
			if (is_excluded(value, rule))
				return name + 1;
		}
		else if (json_is_object(rule))
		{
			const char *inner = json_is_object(value) ? broken_rule(value, rule) : name;

			if (inner != NULL)
				return inner;
		}
		else if (!is_among(value != NULL ? value : json_null(), rule))
			return name;
	}
	return NULL;
}

static Verdict
check_constraints(const CheckInput *in, Detail *detail)
{
	const char *name = broken_rule(in->claims,
								   json_object_get(in->policy, "claim_constraints"));

	if (name == NULL)
		return VERDICT_OK;
	return verdict_refuse(detail, VERDICT_CLAIM_INVALID,
						  "The claim \"%s\" is missing or has a value that is not accepted from this issuer.",
						  verdict_quote(name, strlen(name)).text);
}

/* A token bound to a key is no bearer token; cnf is never ignored (RFC 7800). */
static Verdict
check_proof(const CheckInput *in, Detail *detail)
{
	if (json_object_get(in->claims, "cnf") == NULL)
		return VERDICT_OK;
	return verdict_refuse(detail, VERDICT_PROOF_REFUSED,
						  "It has the claim \"cnf\": whoever presents it must prove possession of a key, which cannot be checked here.");
}

/*
 * Times
 */

/* A time as details show it. */
typedef struct TimeText
{
	char		text[64];
} TimeText;

static TimeText
time_text(int64_t time_us)
{
	const time_t seconds = (time_t) (time_us / US_PER_S);
	struct tm	utc;
	TimeText	result = {"an unknown time"};

	if (gmtime_r(&seconds, &utc) != NULL)
		(void) strftime(result.text, sizeof(result.text),
						"%Y-%m-%d %H:%M:%S UTC", &utc);
	return result;
}

/* No sum of two such values overflows. */
static int64_t
clamp(int64_t value, int64_t least, int64_t most)
{
	if (value < least)
		return least;
	return value > most ? most : value;
}

/* max_age: however long a token lives, it may not be older than this. */
static Verdict
check_age(const ClaimTimes *times, const TimePolicy *policy, int64_t now_us,
		  Detail *detail)
{
	if (policy->max_age_us < 0)
		return VERDICT_OK;
	if (times->issued_at == TIME_ABSENT)
		return verdict_refuse(detail, VERDICT_CLAIM_INVALID,
							  "The claim \"iat\" is missing, and the age of this issuer's tokens is limited.");
	if (clamp(now_us, 0, MAX_NOW_US) - times->issued_at > policy->max_age_us)
		return verdict_refuse(detail, VERDICT_LIFETIME_REFUSED,
							  "It was issued at %s and is too old.",
							  time_text(times->issued_at).text);
	return VERDICT_OK;
}

/* max_lifetime: from iat to exp. */
static Verdict
check_span(const ClaimTimes *times, const TimePolicy *policy, Detail *detail)
{
	if (policy->max_lifetime_us < 0)
		return VERDICT_OK;
	if (times->expires_at == TIME_ABSENT || times->issued_at == TIME_ABSENT)
		return verdict_refuse(detail, VERDICT_CLAIM_INVALID,
							  "The claim \"%s\" is missing, and the lifetime of this issuer's tokens is limited.",
							  times->expires_at == TIME_ABSENT ? "exp" : "iat");
	if (times->expires_at - times->issued_at > policy->max_lifetime_us)
		return verdict_refuse(detail, VERDICT_LIFETIME_REFUSED,
							  "It was issued for the time from %s to %s, which is too long.",
							  time_text(times->issued_at).text,
							  time_text(times->expires_at).text);
	return VERDICT_OK;
}

static Verdict
check_lifetime(const CheckInput *in, Detail *detail)
{
	ClaimTimes	times;
	Verdict		verdict = claims_read_times(in->claims, &times, detail);

	if (verdict == VERDICT_OK)
		verdict = check_span(&times, in->time, detail);
	if (verdict == VERDICT_OK)
		verdict = check_age(&times, in->time, in->now_us, detail);
	return verdict;
}

Verdict
claims_check_time(const ClaimTimes *times, const TimePolicy *policy,
				  int64_t now_us, Detail *detail)
{
	const int64_t now = clamp(now_us, 0, MAX_NOW_US);
	const int64_t leeway = clamp(policy->leeway_us, 0, MAX_LEEWAY_US);

	/* "on or after" exp is too late (RFC 7519 section 4.1.4) */
	if (times->expires_at != TIME_ABSENT && now >= times->expires_at + leeway)
		return verdict_refuse(detail, VERDICT_EXPIRED, "It expired at %s.",
							  time_text(times->expires_at).text);
	if (times->not_before != TIME_ABSENT && now < times->not_before - leeway)
		return verdict_refuse(detail, VERDICT_NOT_YET_VALID,
							  "It is not valid before %s.",
							  time_text(times->not_before).text);
	if (times->issued_at != TIME_ABSENT && now < times->issued_at - leeway)
		return verdict_refuse(detail, VERDICT_NOT_YET_VALID,
							  "It says that it was issued at %s, which is in the future.",
							  time_text(times->issued_at).text);
	/* or it would outlive every revocation up to a time */
	if (times->authenticated_at != TIME_ABSENT && now < times->authenticated_at - leeway)
		return verdict_refuse(detail, VERDICT_NOT_YET_VALID,
							  "It says that its subject signed in at %s, which is in the future.",
							  time_text(times->authenticated_at).text);
	return check_age(times, policy, now, detail);
}

static Verdict
check_time(const CheckInput *in, Detail *detail)
{
	ClaimTimes	times;
	Verdict		verdict = claims_read_times(in->claims, &times, detail);

	if (verdict == VERDICT_OK)
		verdict = claims_check_time(&times, in->time, in->now_us, detail);
	return verdict;
}

/*
 * The table of checks
 */

typedef struct ClaimCheckInfo
{
	const char *name;
	Verdict		(*check) (const CheckInput *in, Detail *detail);
} ClaimCheckInfo;

static const ClaimCheckInfo check_table[CLAIM_CHECK_COUNT] = {
	[CLAIM_CHECK_TYPE] = {"type", check_type},
	[CLAIM_CHECK_REQUIRED] = {"required claims", check_required},
	[CLAIM_CHECK_ISSUER] = {"issuer", check_issuer},
	[CLAIM_CHECK_AUDIENCE] = {"audience", check_audience},
	[CLAIM_CHECK_CLIENT] = {"accepted client", check_client},
	[CLAIM_CHECK_CONSTRAINTS] = {"constraints", check_constraints},
	[CLAIM_CHECK_PROOF] = {"proof of possession", check_proof},
	[CLAIM_CHECK_LIFETIME] = {"lifetime", check_lifetime},
	[CLAIM_CHECK_TIME] = {"time", check_time},
};

const char *
claim_check_name(ClaimCheck check)
{
	return check_table[check].name;
}

Verdict
claims_check(ClaimCheck check, const char *type, const struct json_t *claims,
			 const ClaimPolicy *policy, int64_t now_us, Detail *detail)
{
	const CheckInput in = {
		.type = type,
		.claims = claims,
		.policy = policy->document,
		.time = &policy->time,
		.now_us = now_us
	};

	return check_table[check].check(&in, detail);
}
