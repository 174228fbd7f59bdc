/*
 * issuer_store.c
 *		Issuers, and what their tokens must be.
 *
 * Issuers that tokens named are kept per backend, with their keys, until the
 * configuration changes. An issuer that does not exist is not remembered, so
 * tokens cannot fill this memory.
 */
#include "postgres.h"

#include "catalog.h"
#include "common/int.h"
#include "catalog/pg_type.h"
#include "commands/trigger.h"
#include "encoding.h"
#include "fmgr.h"
#include "foreign.h"
#include "issuer_keys.h"
#include "issuer_store.h"
#include "report.h"
#include "settings.h"
#include "utils/array.h"
#include "utils/builtins.h"
#include "utils/fmgrprotos.h"
#include "utils/inval.h"
#include "utils/memutils.h"
#include "utils/timestamp.h"

typedef struct StoredIssuer
{
	Issuer		issuer;			/* first: callers get a pointer to it */
	MemoryContext context;
	struct StoredIssuer *next;
} StoredIssuer;

/* Everything known, and the generation at which it was read. */
static MemoryContext store_context = NULL;
static StoredIssuer *stored_issuers = NULL;
static uint64 stored_generation = 0;
static TimestampTz stored_since = 0;

void
issuer_store_init(void)
{
	store_context = AllocSetContextCreate(TopMemoryContext,
										  "token_auth issuers",
										  ALLOCSET_SMALL_SIZES);
}

static void
drop_outdated(void)
{
	if (stored_generation == catalog_configuration_generation)
		return;
	stored_issuers = NULL;
	MemoryContextReset(store_context);
	MemoryContextDeleteChildren(store_context);
	stored_generation = catalog_configuration_generation;
	stored_since = GetCurrentTimestamp();
}

/*
 * Bound the harm of a message that never came: what is older than
 * recheck_interval counts as changed, and so does all if the clock was set back.
 */
void
issuer_store_renew(TimestampTz now)
{
	if (now < stored_since ||
		TimestampDifferenceExceeds(stored_since, now,
								   settings_recheck_interval_s * 1000))
		catalog_configuration_generation++;
}

static void
release_policy(void *policy)
{
	claim_policy_free(policy);
}

#define MAX_DURATION_US (INT64CONST(36525) * USECS_PER_DAY) /* 100 years */

/*
 * An interval column in microseconds; DURATION_UNLIMITED when NULL. The table's
 * checks are repeated: what they no longer keep out must not come to mean that
 * there is no limit.
 */
static int64
duration_column(CatalogScan *scan, HeapTuple row, const char *name)
{
	bool		is_null;
	Datum		value = catalog_column(scan, row, name, &is_null);
	Interval   *interval;
	int64		days_us;
	int64		duration_us;

	if (is_null)
		return DURATION_UNLIMITED;
	interval = DatumGetIntervalP(value);
	if (interval->month != 0)
		report_error("22023",
					 psprintf("column \"%s\" of token_auth.issuer holds months", name),
					 "A month has no fixed length.", NULL);
	if (pg_mul_s64_overflow(interval->day, USECS_PER_DAY, &days_us) ||
		pg_add_s64_overflow(interval->time, days_us, &duration_us) ||
		duration_us < 0 || duration_us > MAX_DURATION_US)
		report_error("22023",
					 psprintf("column \"%s\" of token_auth.issuer is out of range", name),
					 "It must be a time from 0 to 100 years.", NULL);
	return duration_us;
}

/* The elements of a text[] column as strings; none when NULL. */
static int
text_array_column(CatalogScan *scan, HeapTuple row, const char *name,
				  Datum **elements)
{
	bool		is_null;
	Datum		value = catalog_column(scan, row, name, &is_null);
	bool	   *nulls;
	int			n_elements;

	if (is_null)
		return 0;
	deconstruct_array(DatumGetArrayTypeP(value), TEXTOID, -1, false,
					  TYPALIGN_INT, elements, &nulls, &n_elements);
	for (int i = 0; i < n_elements; i++)
	{
		if (nulls[i])
			report_error("22004",
						 psprintf("column \"%s\" of token_auth.issuer holds a NULL element", name),
						 NULL, NULL);
	}
	return n_elements;
}

static bool
signs_access_tokens(CatalogScan *scan, HeapTuple row)
{
	Datum	   *purposes;
	int			n_purposes = text_array_column(scan, row, "purposes", &purposes);

	for (int i = 0; i < n_purposes; i++)
	{
		if (strcmp(TextDatumGetCString(purposes[i]), "access_token") == 0)
			return true;
	}
	return false;
}

static AlgorithmSet
algorithms_column(CatalogScan *scan, HeapTuple row)
{
	Datum	   *names;
	int			n_names = text_array_column(scan, row, "algorithms", &names);
	AlgorithmSet set = 0;

	for (int i = 0; i < n_names; i++)
		set |= algorithm_set_by_name(TextDatumGetCString(names[i]));
	return set;
}

/* A row as the core reads policies; it lives in the current memory context. */
static ClaimPolicy *
parse_policy(TupleDesc descriptor, HeapTuple row)
{
	ForeignSlot *slot = foreign_slot(CurrentMemoryContext, release_policy);
	Datum		record = heap_copy_tuple_as_datum(row, descriptor);
	char	   *document = encoding_to_utf8(TextDatumGetCString(DirectFunctionCall1(row_to_json, record)));
	ClaimPolicy *policy = NULL;
	Detail		detail = {""};
	Verdict		verdict;

	verdict = claim_policy_parse(document, strlen(document), &policy, &detail);
	slot->object = policy;
	if (verdict != VERDICT_OK)
		report_unusable("row of token_auth.issuer", verdict, &detail);
	return policy;
}

/* The policy: the row as the core reads it, and the times. */
static const ClaimPolicy *
load_policy(CatalogScan *scan, HeapTuple row)
{
	ClaimPolicy *policy;
	const char *name;
	bool		is_null;

	/* a rule whose column is gone would be no rule */
	for (size_t i = 0; (name = claim_policy_member(i)) != NULL; i++)
		(void) catalog_column(scan, row, name, &is_null);

	policy = parse_policy(RelationGetDescr(scan->relation), row);
	policy->time.leeway_us = Max(duration_column(scan, row, "leeway"), 0);
	policy->time.max_lifetime_us = duration_column(scan, row, "max_lifetime");
	policy->time.max_age_us = duration_column(scan, row, "max_age");
	return policy;
}

/* Fill *issuer, in the current memory context, from its row; false if there is none. */
static bool
load_issuer(const char *name, Issuer *issuer)
{
	const char *values[] = {name};
	AlgorithmSet allowed = 0;
	CatalogScan scan;
	HeapTuple	row;

	catalog_open(&scan, CATALOG_ISSUER);
	catalog_scan_begin(&scan, lengthof(values), values);
	row = catalog_scan_next(&scan);
	if (row != NULL)
	{
		issuer->issuer = catalog_text_column(&scan, row, "issuer");
		issuer->name = catalog_text_column(&scan, row, "name");
		issuer->namespace = catalog_text_column(&scan, row, "namespace");
		issuer->enabled = catalog_boolean_column(&scan, row, "enabled");
		issuer->signs_access_tokens = signs_access_tokens(&scan, row);
		issuer->policy = load_policy(&scan, row);
		allowed = algorithms_column(&scan, row);
	}
	catalog_close(&scan);

	if (row == NULL)
		return false;
	issuer->keys = issuer_keys_load(issuer->issuer, issuer->name, allowed);
	return true;
}

/*
 * The issuer whose tokens carry exactly this iss (in the database's encoding;
 * "" for tokens without one), or NULL. The result lives until the next call
 * after a change of the configuration.
 */
const Issuer *
issuer_store_find(const char *issuer)
{
	MemoryContext context;
	MemoryContext caller;
	StoredIssuer *stored;

	drop_outdated();
	for (stored = stored_issuers; stored != NULL; stored = stored->next)
	{
		if (strcmp(stored->issuer.issuer, issuer) == 0)
			return &stored->issuer;
	}

	/* an error below frees all of it with the caller's context */
	context = AllocSetContextCreate(CurrentMemoryContext, "token_auth issuer",
									ALLOCSET_SMALL_SIZES);
	caller = MemoryContextSwitchTo(context);
	stored = palloc0(sizeof(StoredIssuer));
	if (!load_issuer(issuer, &stored->issuer))
		stored = NULL;
	MemoryContextSwitchTo(caller);

	if (stored == NULL)
	{
		MemoryContextDelete(context);
		return NULL;
	}

	/* reading took locks, and so perhaps news: keep only what is current */
	if (stored_generation == catalog_configuration_generation)
	{
		MemoryContextSetParent(context, store_context);
		stored->next = stored_issuers;
		stored_issuers = stored;
	}
	return &stored->issuer;
}

PG_FUNCTION_INFO_V1(token_auth_check_policy);

/* check_policy() returns trigger: refuse an issuer's row that could not be used to check tokens */
Datum
token_auth_check_policy(PG_FUNCTION_ARGS)
{
	TriggerData *trigger = (TriggerData *) fcinfo->context;
	HeapTuple	row;

	if (!CALLED_AS_TRIGGER(fcinfo) ||
		!TRIGGER_FIRED_FOR_ROW(trigger->tg_event) ||
		!TRIGGER_FIRED_BEFORE(trigger->tg_event))
		report_error("39P01", "check_policy() can only be called as a trigger before a row is written",
					 NULL, NULL);

	row = TRIGGER_FIRED_BY_UPDATE(trigger->tg_event)
		? trigger->tg_newtuple : trigger->tg_trigtuple;
	(void) parse_policy(RelationGetDescr(trigger->tg_relation), row);
	return PointerGetDatum(row);
}

PG_FUNCTION_INFO_V1(token_auth_configuration_changed);

/* configuration_changed() returns trigger: tell every backend to read issuers and keys anew */
Datum
token_auth_configuration_changed(PG_FUNCTION_ARGS)
{
	if (!CALLED_AS_TRIGGER(fcinfo))
		report_error("39P01", "configuration_changed() can only be called as a trigger",
					 NULL, NULL);

	CacheInvalidateRelcacheByRelid(catalog_table_oid(CATALOG_CONFIGURATION));
	PG_RETURN_POINTER(NULL);
}
