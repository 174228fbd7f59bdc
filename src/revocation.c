/*
 * revocation.c
 *		Which tokens are refused before their time.
 *
 * The table is probed by index, a probe for each kind that the token has a
 * value for, and again after each signal that concerns the token.
 */
#include "postgres.h"

#include "access/htup_details.h"
#include "catalog.h"
#include "common/cryptohash.h"
#include "common/sha2.h"
#include "encoding.h"
#include "revocation.h"
#include "utils/builtins.h"
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
	catalog_scan_end(scan);
	return covered;
}

/*
 * Is a token with these keys revoked? Returns the kind by which it is, as the
 * table names it, or NULL.
 */
const char *
revocation_covers(const RevocationKeys *keys)
{
	const char *covered_by = NULL;
	CatalogScan scan;

	catalog_open(&scan, CATALOG_REVOCATION);
	for (RevocationKind kind = 0; kind < REVOCATION_KIND_COUNT; kind++)
	{
		if (keys->values[kind] != NULL && probe(&scan, kind, keys))
		{
			covered_by = kinds[kind].name;
			break;
		}
	}
	catalog_close(&scan);
	return covered_by;
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
