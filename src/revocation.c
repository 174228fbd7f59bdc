/*
 * revocation.c
 *		Which tokens are refused before their time.
 *
 * The table is probed by index, a probe for each kind that the token has a
 * value for, and again after each signal that concerns the token. For an issuer
 * of whom nothing of a kind is revoked it is known, until the next signal, and
 * not probed for each of its tokens.
 */
#include "postgres.h"

#include "access/htup_details.h"
#include "catalog.h"
#include "change_lock.h"
#include "common/cryptohash.h"
#include "common/hashfn.h"
#include "common/sha2.h"
#include "encoding.h"
#include "miscadmin.h"
#include "revocation.h"
#include "utils/builtins.h"
#include "utils/memutils.h"
#include "utils/timestamp.h"

static const struct
{
	const char *name;			/* as in the table */
	bool		has_cut_off;	/* refuses only sign-ins up to issued_until */
}			kinds[REVOCATION_KIND_COUNT] = {
	[REVOCATION_TOKEN_ID] = {"token_id", false},
	[REVOCATION_DIGEST] = {"digest", false},
	[REVOCATION_SESSION_ID] = {"session_id", false},
	[REVOCATION_SUBJECT] = {"subject", true},
	[REVOCATION_CLIENT_ID] = {"client_id", true},
	[REVOCATION_ISSUER] = {"issuer", true},
	[REVOCATION_DEVICE_ID] = {"device_id", true}
};

/* Longest value, in UTF-8, that is stored as it is: a btree row has a limit. */
#define LOOKUP_VALUE_SIZE 512

/*
 * The form in which a value is stored and looked up: itself, or where that is
 * above 512 bytes its SHA-256. The SQL function lookup_value() does the same.
 */
char *
revocation_lookup_value(const char *value)
{
	static const char prefix[] = "sha256:";
	char	   *utf8;
	uint8		digest[PG_SHA256_DIGEST_LENGTH];
	pg_cryptohash_ctx *hash;
	char	   *text;

	utf8 = encoding_to_utf8(value);
	if (strlen(utf8) <= LOOKUP_VALUE_SIZE)
		return pstrdup(value);

	hash = pg_cryptohash_create(PG_SHA256);
	if (hash == NULL || pg_cryptohash_init(hash) < 0 ||
		pg_cryptohash_update(hash, (uint8 *) utf8, strlen(utf8)) < 0 ||
		pg_cryptohash_final(hash, digest, sizeof(digest)) < 0)
		elog(ERROR, "could not compute SHA-256 hash");
	pg_cryptohash_free(hash);

	text = palloc0(sizeof(prefix) + 2 * sizeof(digest));
	memcpy(text, prefix, sizeof(prefix));
	hex_encode((char *) digest, sizeof(digest), text + strlen(prefix));
	return text;
}

/*
 * What is known of issuers
 */

typedef enum Presence
{
	PRESENCE_UNKNOWN,
	PRESENCE_NONE,
	PRESENCE_SOME
} Presence;

/* Of which kinds an issuer has rows, as long as nothing else is heard. */
typedef struct KnownIssuer
{
	char	   *issuer;			/* NULL: none yet */
	RevocationsHeard heard;		/* before any of it was found out */
	uint64		configuration_generation;	/* grows at least every recheck_interval */
	Presence	kinds[REVOCATION_KIND_COUNT];
} KnownIssuer;

/* Rows to look at, perhaps deleted ones, before an issuer counts as one who has some. */
#define MOST_ROWS 16

/* Two issuers of one slot take turns, which costs time only. */
#define KNOWN_ISSUERS 16

static KnownIssuer known_issuers[KNOWN_ISSUERS];

/*
 * What is known of this issuer now. The first look after a signal finds out
 * nothing, or each revocation of a burst would make it ask twice.
 *
 *	may_learn	signals will tell of all that changes from here on
 *
 * NULL where they do not, or if this is such a first look.
 */
static KnownIssuer *
know_issuer(const char *issuer, bool may_learn)
{
	KnownIssuer *known;
	RevocationsHeard heard = revocation_signal_heard();
	bool		is_same;

	if (!may_learn)
		return NULL;
	known = &known_issuers[hash_bytes((const unsigned char *) issuer,
									  (int) strlen(issuer)) % KNOWN_ISSUERS];
	is_same = known->issuer != NULL && strcmp(known->issuer, issuer) == 0;
	if (is_same && known->heard.of_all == heard.of_all &&
		known->heard.of_some == heard.of_some &&
		known->configuration_generation == catalog_configuration_generation)
		return known;

	if (!is_same)
	{
		char	   *name = MemoryContextStrdup(TopMemoryContext, issuer);

		if (known->issuer != NULL)
			pfree(known->issuer);
		known->issuer = name;
	}
	known->heard = heard;
	known->configuration_generation = catalog_configuration_generation;
	memset(known->kinds, PRESENCE_UNKNOWN, sizeof(known->kinds));
	return NULL;
}

/*
 * Probing
 */

/* Does a row of this kind refuse a token with this sign-in? */
static bool
row_covers(CatalogScan *scan, HeapTuple row, RevocationKind kind,
		   const RevocationKeys *keys)
{
	bool		is_null;
	Datum		issued_until;

	if (!kinds[kind].has_cut_off)
		return true;
	issued_until = catalog_column(scan, row, "issued_until", &is_null);
	return is_null || !keys->has_signed_in_at ||
		keys->signed_in_at <= DatumGetTimestampTz(issued_until);
}

/* Is the token revoked by this kind? */
static bool
probe(CatalogScan *scan, RevocationKind kind, const RevocationKeys *keys)
{
	const char *values[] = {keys->issuer, kinds[kind].name, keys->values[kind]};
	HeapTuple	row;
	bool		covered = false;

	catalog_scan_begin(scan, lengthof(values), values);
	while (!covered && (row = catalog_scan_next(scan)) != NULL)
		covered = row_covers(scan, row, kind, keys);
	return covered;
}

/* Has the issuer perhaps rows of this kind? */
static Presence
find_presence(CatalogScan *scan, RevocationKind kind, const char *issuer)
{
	const char *values[] = {issuer, kinds[kind].name};

	return catalog_is_empty(scan, lengthof(values), values, MOST_ROWS)
		? PRESENCE_NONE : PRESENCE_SOME;
}

/* The first kind by which the token is revoked, as the table names it, or NULL. */
static const char *
probe_kinds(const RevocationKeys *keys, KnownIssuer *known)
{
	const char *covered_by = NULL;
	CatalogScan scan;

	catalog_open(&scan, CATALOG_REVOCATION);
	for (RevocationKind kind = 0; kind < REVOCATION_KIND_COUNT && covered_by == NULL; kind++)
	{
		if (keys->values[kind] == NULL)
			continue;
		if (known != NULL && known->kinds[kind] == PRESENCE_UNKNOWN)
			known->kinds[kind] = find_presence(&scan, kind, keys->issuer);
		if (known != NULL && known->kinds[kind] == PRESENCE_NONE)
			continue;
		if (probe(&scan, kind, keys))
			covered_by = kinds[kind].name;
	}
	catalog_close(&scan);
	return covered_by;
}

static bool
has_none_of_these(const KnownIssuer *known, const RevocationKeys *keys)
{
	for (RevocationKind kind = 0; kind < REVOCATION_KIND_COUNT; kind++)
	{
		if (keys->values[kind] != NULL && known->kinds[kind] != PRESENCE_NONE)
			return false;
	}
	return true;
}

/*
 * Is a token with these keys revoked?
 *
 *	may_learn	signals will tell of all that changes from here on
 *
 * Returns the kind by which it is, as the table names it, or NULL.
 */
const char *
revocation_covers(const RevocationKeys *keys, bool may_learn)
{
	KnownIssuer *known = know_issuer(keys->issuer, may_learn);

	if (known != NULL && has_none_of_these(known, keys))
		return NULL;
	return probe_kinds(keys, known);
}

/* Fill in what signals about a token with these keys look like. */
void
revocation_hash_keys(RevocationKeys *keys)
{
	for (RevocationKind kind = 0; kind < REVOCATION_KIND_COUNT; kind++)
	{
		if (keys->values[kind] != NULL)
			keys->hashes[kind] = revocation_signal_hash(keys->issuer, kinds[kind].name,
														keys->values[kind]);
	}
}

/* Has nothing been heard since then that concerns a token with these keys? */
bool
revocation_stands(const RevocationKeys *keys, RevocationsHeard since)
{
	for (RevocationKind kind = 0; kind < REVOCATION_KIND_COUNT; kind++)
	{
		if (keys->values[kind] != NULL &&
			revocation_signal_concerns(keys->hashes[kind], since))
			return false;
	}
	return true;
}

/*
 * Writing
 */

/*
 * Locks for all values of a source. Few: a transaction keeps those that it has
 * taken, and the server's table of locks has a limit. Two values of one lock
 * cost a row under another source, and only while both are being revoked.
 */
#define WRITER_LOCKS 128

/*
 * Reserves a row for this transaction. Returns false, without waiting, if
 * another transaction has reserved it or is writing it.
 */
static bool
reserve_row(CatalogScan *scan, const char *const *key, const char *source)
{
	const char *values[] = {key[0], key[1], key[2], source};
	uint32		hash = revocation_signal_hash(key[0], key[1], key[2]);

	if (!change_lock_try(psprintf("revocation %u by %s", hash % WRITER_LOCKS, source)))
		return false;
	catalog_scan_begin(scan, lengthof(values), values);
	return !catalog_scan_is_contended(scan);
}

/*
 * Returns the source under which this transaction can revoke by this value
 * without waiting for another one: the given one or, where an open or prepared
 * transaction writes the row of that name, the first that is free among
 * "source 2", "source 3", ....
 *
 * Rows of different sources have different keys, and the stricter of them
 * counts. So nobody who leaves a transaction open holds up somebody else's
 * revocation of the same, nor takes it back by rolling back. A lock reserves
 * the row until the end of the transaction: of two functions at the same moment
 * one goes on to the next name. Transactions that write the row without a
 * function, or prune or reinstate it, take no lock; they are noticed if they
 * began before. A name is skipped only because of another transaction that
 * runs, so there are never more rows than transactions that ran at one time.
 */
char *
revocation_free_source(const char *issuer, const char *kind, const char *value,
					   const char *source)
{
	const char *key[] = {issuer, kind, revocation_lookup_value(value)};
	char	   *name = pstrdup(source);
	CatalogScan scan;

	catalog_open(&scan, CATALOG_REVOCATION);
	for (int number = 2; !reserve_row(&scan, key, name); number++)
	{
		CHECK_FOR_INTERRUPTS();
		name = psprintf("%s %d", source, number);
	}
	catalog_close(&scan);
	return name;
}
