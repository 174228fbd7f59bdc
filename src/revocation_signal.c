/*
 * revocation_signal.c
 *		How sessions hear that something was revoked.
 *
 * A transaction that changed the table says so when it has committed, through
 * PostgreSQL's shared invalidation messages, and each session looks again
 * before its next statement. If every session looked after each revocation, a
 * burst of them would slow down all; so a message says what was revoked, as a
 * hash, and only those look that hold a token with such a hash. Messages about
 * catalog caches are the only ones that carry a hash. So it is sent as one
 * about that of text search templates by name, which only DDL asks, and of
 * whose changes nobody else wants to be told (as of those by OID: there all
 * dictionaries of a session would be made anew). An entry with the same hash
 * would be read anew, and nothing more.
 *
 * Where one transaction changed more than a few rows, or what it changed is
 * not known, the message is a relcache message for the empty table status,
 * after which all look; so after messages were lost. Neither is written to WAL,
 * but in a prepared transaction: with transactional invalidations logical
 * decoding of many small revocations spills, and takes longer for each the more
 * there are.
 *
 * Other versions of the library in the same server must agree on all this, or
 * sessions miss what others send until recheck_interval has passed. On a
 * standby, which no such message reaches, every statement looks.
 */
#include "postgres.h"

#include "access/htup_details.h"
#include "access/xact.h"
#include "catalog.h"
#include "catalog/pg_type.h"
#include "commands/trigger.h"
#include "common/hashfn.h"
#include "fmgr.h"
#include "miscadmin.h"
#include "report.h"
#include "revocation_signal.h"
#include "storage/sinval.h"
#include "utils/builtins.h"
#include "utils/inval.h"
#include "utils/syscache.h"

#define CARRIER TSTEMPLATENAMENSP

/*
 * So many hashes one transaction tells of; for more all look. Few: a session
 * that is kept from listening while 4096 messages come loses its caches.
 */
#define MAX_HASHES 8

/* A signal concerns all hashes of its bucket: with seven kinds, one in 150 that do not matter. */
#define BUCKETS 1024

/* What was heard: how many signals, and which of them was the last for a bucket. */
static uint64 heard_of_some = 0;
static uint64 last_heard[BUCKETS];

/* What the open transaction changed. */
static struct
{
	Oid			status;			/* the table status; InvalidOid: nothing */
	bool		all;			/* more than there are hashes for */
	int			n_hashes;
	uint32		hashes[MAX_HASHES];
}			changed;

static uint32
hash_text(const char *text)
{
	return hash_bytes((const unsigned char *) text, (int) strlen(text));
}

/* The hash of a row's first columns, or of what a token can be revoked by; never 0. */
uint32
revocation_signal_hash(const char *issuer, const char *kind, const char *value)
{
	uint32		hash = hash_text(issuer);

	hash = hash_combine(hash, hash_text(kind));
	hash = hash_combine(hash, hash_text(value));
	return hash != 0 ? hash : 1;
}

RevocationsHeard
revocation_signal_heard(void)
{
	RevocationsHeard heard = {catalog_status_generation, heard_of_some};

	return heard;
}

/* Was something with this hash changed, by what was heard since then? */
bool
revocation_signal_concerns(uint32 hash, RevocationsHeard since)
{
	return since.of_all != catalog_status_generation ||
		last_heard[hash % BUCKETS] > since.of_some;
}

/* A message about the carrier came; 0 stands for all, as where some were lost. */
static void
hear(Datum arg, int cache, uint32 hash)
{
	if (hash == 0)
		catalog_status_generation++;
	else
		last_heard[hash % BUCKETS] = ++heard_of_some;
}

static void
send_hashes(void)
{
	SharedInvalidationMessage messages[MAX_HASHES];

	memset(messages, 0, sizeof(messages));
	for (int i = 0; i < changed.n_hashes; i++)
	{
		messages[i].cc.id = CARRIER;
		messages[i].cc.dbId = MyDatabaseId;
		messages[i].cc.hashValue = changed.hashes[i];
	}
	SendSharedInvalidMessages(messages, changed.n_hashes);
}

static void
send_status(void)
{
	SharedInvalidationMessage message;

	memset(&message, 0, sizeof(message));
	message.rc.id = SHAREDINVALRELCACHE_ID;
	message.rc.dbId = MyDatabaseId;
	message.rc.relId = changed.status;
	SendSharedInvalidMessages(&message, 1);
}

static void
at_transaction_end(XactEvent event, void *arg)
{
	if (!OidIsValid(changed.status))
		return;

	switch (event)
	{
		case XACT_EVENT_PRE_PREPARE:
			/* COMMIT PREPARED may run in any backend, without us */
			CacheInvalidateRelcacheByRelid(changed.status);
			break;
		case XACT_EVENT_COMMIT:
			if (changed.all)
				send_status();
			else
				send_hashes();
			break;
		default:
			break;
	}

	/* what this backend judged by its own uncommitted rows is open again */
	catalog_status_generation++;

	if (event == XACT_EVENT_COMMIT || event == XACT_EVENT_ABORT ||
		event == XACT_EVENT_PREPARE)
		memset(&changed, 0, sizeof(changed));
}

static void
at_subtransaction_end(SubXactEvent event, SubTransactionId id,
					  SubTransactionId parent, void *arg)
{
	if (event == SUBXACT_EVENT_ABORT_SUB && OidIsValid(changed.status))
		catalog_status_generation++;
}

void
revocation_signal_init(void)
{
	CacheRegisterSyscacheCallback(CARRIER, hear, (Datum) 0);
	RegisterXactCallback(at_transaction_end, NULL);
	RegisterSubXactCallback(at_subtransaction_end, NULL);
}

/* A text column of a row, by its number; NULL if it is not such a one. */
static char *
text_column(HeapTuple row, TupleDesc descriptor, int number)
{
	Datum		value;
	bool		is_null;

	if (number > descriptor->natts ||
		TupleDescAttr(descriptor, number - 1)->atttypid != TEXTOID)
		return NULL;
	value = heap_getattr(row, number, descriptor, &is_null);
	return is_null ? NULL : TextDatumGetCString(value);
}

static void
note_hash(uint32 hash)
{
	for (int i = 0; i < changed.n_hashes; i++)
	{
		if (changed.hashes[i] == hash)
			return;
	}
	if (changed.n_hashes == MAX_HASHES)
		changed.all = true;
	else
		changed.hashes[changed.n_hashes++] = hash;
}

/* Note that a row was added or taken away. */
static void
note_row(HeapTuple row, TupleDesc descriptor)
{
	char	   *issuer = text_column(row, descriptor, 1);
	char	   *kind = text_column(row, descriptor, 2);
	char	   *value = text_column(row, descriptor, 3);

	if (issuer == NULL || kind == NULL || value == NULL)
		changed.all = true;
	else
		note_hash(revocation_signal_hash(issuer, kind, value));
}

static void
note_change(TriggerData *trigger)
{
	TupleDesc	descriptor = RelationGetDescr(trigger->tg_relation);

	if (!TRIGGER_FIRED_FOR_ROW(trigger->tg_event))
		changed.all = true;
	if (!changed.all)
		note_row(trigger->tg_trigtuple, descriptor);
	if (!changed.all && TRIGGER_FIRED_BY_UPDATE(trigger->tg_event))
		note_row(trigger->tg_newtuple, descriptor);
}

PG_FUNCTION_INFO_V1(token_auth_status_changed);

/* status_changed() returns trigger: what revokes a token was changed by this transaction */
Datum
token_auth_status_changed(PG_FUNCTION_ARGS)
{
	if (!CALLED_AS_TRIGGER(fcinfo))
		report_error("39P01", "status_changed() can only be called as a trigger",
					 NULL, NULL);

	changed.status = catalog_table_oid(CATALOG_STATUS);
	note_change((TriggerData *) fcinfo->context);
	catalog_status_generation++;
	ForceSyncCommit();
	PG_RETURN_POINTER(NULL);
}
