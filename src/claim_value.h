/*
 * claim_value.h
 *		One claim of a verified token, and its value as SQL types.
 */
#ifndef TOKEN_AUTH_CLAIM_VALUE_H
#define TOKEN_AUTH_CLAIM_VALUE_H

#include "postgres.h"

#include "datatype/timestamp.h"
#include "nodes/pg_list.h"
#include "utils/array.h"
#include "utils/jsonb.h"
#include "utils/uuid.h"

/* Microseconds since 1970 UTC to and from PostgreSQL's time, which starts in 2000. */
#define UNIX_EPOCH_OFFSET_US \
	((int64) (POSTGRES_EPOCH_JDATE - UNIX_EPOCH_JDATE) * USECS_PER_DAY)
#define UNIX_US_TO_TIMESTAMPTZ(us) ((TimestampTz) ((us) - UNIX_EPOCH_OFFSET_US))
#define TIMESTAMPTZ_TO_UNIX_US(time) ((int64) (time) + UNIX_EPOCH_OFFSET_US)

typedef struct ClaimValue
{
	ArrayType  *path;			/* text[] */
	Jsonb	   *value;			/* never JSON null */
} ClaimValue;

extern bool claim_value_find(Jsonb *claims, ArrayType *path, ClaimValue *claim);
extern bool claim_value_find_member(Jsonb *claims, const char *name,
									ClaimValue *claim);
extern void claim_value_refuse(const ClaimValue *claim,
							   const char *expected) pg_attribute_noreturn();

/* Conversions: false if the claim is of another JSON type or out of range. */
extern bool claim_value_text(const ClaimValue *claim, Datum *value);
extern bool claim_value_jsonb(const ClaimValue *claim, Datum *value);
extern bool claim_value_uuid(const ClaimValue *claim, Datum *value);
extern bool claim_value_bigint(const ClaimValue *claim, Datum *value);
extern bool claim_value_boolean(const ClaimValue *claim, Datum *value);
extern bool claim_value_timestamptz(const ClaimValue *claim, Datum *value);
extern bool claim_value_array(const ClaimValue *claim, Datum *value);

/* The strings and numbers of an array claim as text; one of them alone is an array of one. */
extern bool claim_value_members(const ClaimValue *claim, List **members);

extern bool claim_value_parse_uuid(const char *text, size_t length,
								   pg_uuid_t *uuid);
extern bool claim_value_parse_bigint(const char *text, int64 *number);

#endif							/* TOKEN_AUTH_CLAIM_VALUE_H */
