/*
 * claims.h
 *		Registered claims against an issuer's policy and a clock (RFC 7519).
 */
#ifndef TOKEN_AUTH_CLAIMS_H
#define TOKEN_AUTH_CLAIMS_H

#include <stdbool.h>
#include <stdint.h>

#include "core/verdict.h"

struct json_t;

#define TIME_ABSENT INT64_MIN

/* NumericDates as microseconds since 1970 UTC, or TIME_ABSENT. */
typedef struct ClaimTimes
{
	int64_t		expires_at;		/* exp */
	int64_t		not_before;		/* nbf */
	int64_t		issued_at;		/* iat */
	int64_t		authenticated_at;	/* auth_time */
} ClaimTimes;

#define DURATION_UNLIMITED INT64_C(-1)

typedef struct TimePolicy
{
	int64_t		leeway_us;		/* clock skew allowed, 0 .. 300 s */
	int64_t		max_lifetime_us;	/* exp - iat at most, or DURATION_UNLIMITED */
	int64_t		max_age_us;		/* now - iat at most, or DURATION_UNLIMITED */
} TimePolicy;

/*
 * What one issuer's tokens must be. Read from a JSON object whose members are
 * columns of the issuer table; others are ignored. A name of a claim may list
 * alternatives, "azp|appid": the first that is there and not null counts.
 *
 *	issuer			what iss must be; "": there must be no iss
 *	audiences		any of them will do; ["*"]: unchecked
 *	audience_claim	a name; null: aud
 *	clients			allowed clients; null: any
 *	token_types		allowed media types for typ, "": none at all; null: any
 *	required_claims	names
 *	claim_constraints	name to value, array of values (null: may be absent) or
 *					object of such rules; "!name": values it must not have
 *	subject_claim, client_claim, token_id_claim, session_claim, device_claim
 *					a path, an array of names; null: not read
 *	scope_claims, role_claims	arrays of paths, all of which are read
 *
 * Only issuer and audiences are obligatory. The caller sets time.
 */
typedef struct ClaimPolicy
{
	struct json_t *document;
	TimePolicy	time;
} ClaimPolicy;

extern Verdict claim_policy_parse(const char *text, size_t length,
								  ClaimPolicy **policy, Detail *detail);
extern void claim_policy_free(ClaimPolicy *policy);

/* The names of the members above in turn, then NULL: who reads rows asks for each. */
extern const char *claim_policy_member(size_t i);

/*
 * Where the policy looks for something, as text: member is "subject_claim",
 * "scope_claims" and the like; names of a path are joined by dots, paths by
 * commas. Printable ASCII, cut to size.
 */
extern void claim_policy_source(const ClaimPolicy *policy, const char *member,
								char *text, size_t size);

/* Sorted, unique, NUL-terminated strings. */
typedef struct StringSet
{
	char	  **strings;
	size_t		n_strings;
} StringSet;

/*
 * What the claims say, read the way the issuer's policy names them. Strings
 * are borrowed from the claims, and NULL if absent; the sets are the reading's.
 */
typedef struct ClaimReading
{
	ClaimTimes	times;
	const char *issuer;
	const char *subject;
	const char *client_id;
	const char *token_id;
	const char *session_id;
	const char *device_id;
	StringSet	audiences;
	StringSet	scopes;
	StringSet	roles;
	bool		roles_incomplete;	/* the issuer left members out (Entra overage) */
	bool		is_client;		/* speaks for a client, not a user (RFC 9068 section 5) */
} ClaimReading;

/* The checks, in the order in which they are made. */
typedef enum ClaimCheck
{
	CLAIM_CHECK_TYPE,			/* typ and the tells of other kinds of token */
	CLAIM_CHECK_REQUIRED,		/* present, and of the right JSON type */
	CLAIM_CHECK_ISSUER,
	CLAIM_CHECK_AUDIENCE,
	CLAIM_CHECK_CLIENT,
	CLAIM_CHECK_CONSTRAINTS,
	CLAIM_CHECK_PROOF,			/* cnf: sender-constrained */
	CLAIM_CHECK_LIFETIME,		/* exp - iat, age */
	CLAIM_CHECK_TIME			/* exp, nbf, iat against the clock */
} ClaimCheck;

#define CLAIM_CHECK_COUNT (CLAIM_CHECK_TIME + 1)

/* The name of a check as inspect() shows it: "audience". */
extern const char *claim_check_name(ClaimCheck check);

/*
 * Make one check.
 *
 *	type		the header's typ, or NULL
 *	now_us		microseconds since 1970 UTC
 *
 * No check relies on another having passed, but all on the signature.
 */
extern Verdict claims_check(ClaimCheck check, const char *type,
							const struct json_t *claims,
							const ClaimPolicy *policy, int64_t now_us,
							Detail *detail);

/*
 * Make CLAIM_CHECK_REQUIRED, which has to read everything, and keep what it
 * reads: all, if all can be read, even where a required claim is missing.
 */
extern Verdict claims_check_required(const struct json_t *claims,
									 const ClaimPolicy *policy,
									 ClaimReading *reading, Detail *detail);

/*
 * What the clock alone decides, to be asked again while a token is in use:
 * exp, nbf, iat, auth_time and the age. VERDICT_EXPIRED, VERDICT_NOT_YET_VALID,
 * VERDICT_LIFETIME_REFUSED or, for an age without iat, VERDICT_CLAIM_INVALID.
 */
extern Verdict claims_check_time(const ClaimTimes *times,
								 const TimePolicy *policy, int64_t now_us,
								 Detail *detail);

/* exp, nbf, iat, auth_time; VERDICT_CLAIM_INVALID unless numbers up to year 9999. */
extern Verdict claims_read_times(const struct json_t *claims,
								 ClaimTimes *times, Detail *detail);

/*
 * Read everything. VERDICT_CLAIM_INVALID, with reading cleared, if a claim
 * that is read has another JSON type or form than it should.
 */
extern Verdict claims_read(const struct json_t *claims,
						   const ClaimPolicy *policy, ClaimReading *reading,
						   Detail *detail);

/* Free the sets and zero the rest; a zeroed reading may be cleared. */
extern void claim_reading_clear(ClaimReading *reading);

#endif							/* TOKEN_AUTH_CLAIMS_H */
