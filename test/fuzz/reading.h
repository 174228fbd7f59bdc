/*
 * reading.h
 *		What every fuzz target asks of what was read from claims.
 */
#ifndef TOKEN_AUTH_READING_H
#define TOKEN_AUTH_READING_H

#include "core/claims.h"
#include "fuzz.h"

/* 9999-12-31, the last second's last microsecond and a rounding */
#define LAST_TIME_US (INT64_C(253402300800) * 1000000)

static inline void
require_set(const StringSet *set)
{
	REQUIRE((set->n_strings == 0) == (set->strings == NULL));
	for (size_t i = 0; i < set->n_strings; i++)
	{
		REQUIRE(set->strings[i] != NULL);
		REQUIRE(i == 0 || strcmp(set->strings[i - 1], set->strings[i]) < 0);
	}
}

/* RFC 6749 section 3.3 */
static inline void
require_scopes(const StringSet *scopes)
{
	require_set(scopes);
	for (size_t i = 0; i < scopes->n_strings; i++)
	{
		REQUIRE(scopes->strings[i][0] != '\0');
		for (const char *c = scopes->strings[i]; *c != '\0'; c++)
			REQUIRE(*c > 0x20 && *c < 0x7F && *c != '"' && *c != '\\');
	}
}

static inline void
require_time(int64_t time_us)
{
	REQUIRE(time_us == TIME_ABSENT || (time_us >= 0 && time_us <= LAST_TIME_US));
}

/* Sets are sorted and unique, identifiers not empty, times between 1970 and 9999. */
static inline void
require_reading(const ClaimReading *reading)
{
	const char *const identifiers[] = {
		reading->subject, reading->client_id, reading->token_id,
		reading->session_id, reading->device_id
	};

	for (size_t i = 0; i < sizeof(identifiers) / sizeof(identifiers[0]); i++)
		REQUIRE(identifiers[i] == NULL || identifiers[i][0] != '\0');
	require_set(&reading->audiences);
	require_scopes(&reading->scopes);
	require_set(&reading->roles);
	REQUIRE(reading->roles.n_strings == 0 || reading->roles.strings[0][0] != '\0');
	require_time(reading->times.expires_at);
	require_time(reading->times.not_before);
	require_time(reading->times.issued_at);
	require_time(reading->times.authenticated_at);
}

/* After a refusal nothing is left that somebody could take for an identity. */
static inline void
require_nothing_read(const ClaimReading *reading)
{
	const ClaimReading nothing = {0};

	REQUIRE(memcmp(reading, &nothing, sizeof(nothing)) == 0);
}

#endif							/* TOKEN_AUTH_READING_H */
