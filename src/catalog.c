/*
 * catalog.c
 *		Our tables: where they are, how to read them, when they have changed.
 *
 * Tables are read directly by index, without SQL: no search_path, operator,
 * rule, policy or privilege of the session has a part in it.
 *
 * What is read is what is committed now, or REPEATABLE READ would keep access,
 * and what this transaction has changed. So there is a snapshot of our own: a
 * row that is updated meanwhile shows its old or its new version, never
 * neither. But the scan itself returns every version of a row that is not yet
 * dead to all, and the snapshot is asked row by row: that takes no predicate
 * locks, and a SERIALIZABLE reader cannot make who revokes a token or withdraws
 * a key fail. Versions that are dead to all the scan marks in the index, so
 * that the next scan need not visit them: otherwise whoever has a token could
 * slow down all its sessions by logging out and rolling back many times.
 *
 * A change is announced by a relcache message for one of two empty tables that
 * nobody opens, so that no busy relcache entry is rebuilt because of it. The
 * messages follow the transaction, reach every backend of the database and,
 * for configuration, hot standbys. Of a few revocations there is more to tell:
 * revocation_signal.c.
 *
 * A message can only be understood while the OID of its table is known. So the
 * signal tables are looked up before anything is read, and forgotten only
 * together with everything that was judged.
 */
#include "postgres.h"

#include "access/htup_details.h"
#include "access/relscan.h"
#include "access/table.h"
#include "access/tableam.h"
#include "access/transam.h"
#include "catalog.h"
#include "catalog/dependency.h"
#include "catalog/namespace.h"
#include "catalog/pg_class.h"
#include "catalog/pg_collation.h"
#include "commands/extension.h"
#include "compat.h"
#include "report.h"
#include "utils/builtins.h"
#include "utils/fmgroids.h"
#include "utils/inval.h"
#include "utils/lsyscache.h"
#include "utils/snapmgr.h"
#include "utils/syscache.h"

uint64		catalog_configuration_generation = 1;
uint64		catalog_status_generation = 1;

static const struct
{
	const char *table;
	const char *index;			/* primary key, or NULL */
}			catalog_names[CATALOG_TABLE_COUNT] = {
	[CATALOG_ISSUER] = {"issuer", "issuer_pkey"},
	[CATALOG_KEY] = {"key", "key_pkey"},
	[CATALOG_SECRET] = {"secret", "secret_pkey"},
	[CATALOG_REVOCATION] = {"revocation", "revocation_pkey"},
	[CATALOG_CONFIGURATION] = {"configuration", NULL},
	[CATALOG_STATUS] = {"status", NULL}
};

/* OIDs found so far; forgotten on any message about one of these tables. */
static struct
{
	Oid			table;
	Oid			index;
}			catalog_oids[CATALOG_TABLE_COUNT];

static void
catalog_forget_oids(void)
{
	memset(catalog_oids, 0, sizeof(catalog_oids));
}

static bool
catalog_is(CatalogTable which, Oid relation)
{
	return OidIsValid(relation) && relation == catalog_oids[which].table;
}

/*
 * Note what a relcache message means to us. As long as a table has not been
 * looked up, nothing judged by it is remembered either.
 */
static void
catalog_invalidate(Datum arg, Oid relation)
{
	bool		configuration = catalog_is(CATALOG_CONFIGURATION, relation);
	bool		status = catalog_is(CATALOG_STATUS, relation);

	if (catalog_is(CATALOG_REVOCATION, relation))
	{
		/* vacuumed, altered or dropped: often enough to spare the keys */
		memset(&catalog_oids[CATALOG_REVOCATION], 0,
			   sizeof(catalog_oids[CATALOG_REVOCATION]));
		status = true;
	}
	else if (!OidIsValid(relation) || catalog_is(CATALOG_ISSUER, relation) ||
			 catalog_is(CATALOG_KEY, relation) ||
			 catalog_is(CATALOG_SECRET, relation))
	{
		catalog_forget_oids();
		configuration = status = true;
	}

	catalog_configuration_generation += configuration;
	catalog_status_generation += status;
}

void
catalog_init(void)
{
	CacheRegisterRelcacheCallback(catalog_invalidate, (Datum) 0);
}

static void pg_attribute_noreturn()
catalog_missing(const char *name)
{
	report_error("42P01",
				 psprintf("relation token_auth.%s of extension token_auth is missing", name),
				 NULL, "Restore the extension, or drop and create it anew.");
}

/*
 * Find a table and its index. Both must belong to the extension: in a database
 * without it anybody could have made a schema and tables of these names.
 */
static void
catalog_look_up(CatalogTable which)
{
	Oid			extension = get_extension_oid("token_auth", true);
	Oid			schema = get_namespace_oid("token_auth", true);
	Oid			table = get_relname_relid(catalog_names[which].table, schema);
	Oid			index = InvalidOid;

	if (!OidIsValid(extension) || !OidIsValid(table) ||
		getExtensionOfObject(RelationRelationId, table) != extension)
		catalog_missing(catalog_names[which].table);

	if (catalog_names[which].index != NULL)
	{
		index = get_relname_relid(catalog_names[which].index, schema);
		if (!OidIsValid(index))
			catalog_missing(catalog_names[which].index);
	}
	catalog_oids[which].table = table;
	catalog_oids[which].index = index;
}

Oid
catalog_table_oid(CatalogTable which)
{
	if (!OidIsValid(catalog_oids[which].table))
		catalog_look_up(which);
	return catalog_oids[which].table;
}

/*
 * Is the index one over the table's first columns in their order? Another one
 * of its name would find nothing, and nothing found means not revoked.
 */
static void
check_index(const CatalogScan *scan)
{
	const FormData_pg_index *index = scan->index->rd_index;
	bool		good = index->indrelid == RelationGetRelid(scan->relation) && index->indisvalid;

	for (int i = 0; good && i < index->indnkeyatts && i < CATALOG_MAX_KEYS; i++)
		good = index->indkey.values[i] == i + 1;
	if (!good)
		report_error("55000",
					 psprintf("index token_auth.%s is not the one that extension token_auth made",
							  RelationGetRelationName(scan->index)),
					 NULL, "Restore the extension, or drop and create it anew.");
}

/*
 * Open a table for reading. A message that arrives while its lock is taken may
 * tell that the table is another one now; then look again.
 */
void
catalog_open(CatalogScan *scan, CatalogTable which)
{
	scan->scan = NULL;
	for (;;)
	{
		Oid			table;

		/* the signal tables first: a message about them must find them known */
		(void) catalog_table_oid(CATALOG_CONFIGURATION);
		(void) catalog_table_oid(CATALOG_STATUS);
		table = catalog_table_oid(which);

		scan->relation = try_table_open(table, AccessShareLock);
		if (scan->relation == NULL)
			catalog_invalidate((Datum) 0, InvalidOid);
		else if (catalog_oids[which].table == table)
			break;
		else
			table_close(scan->relation, AccessShareLock);
	}
	scan->index = index_open(catalog_oids[which].index, AccessShareLock);
	check_index(scan);
	scan->slot = table_slot_create(scan->relation, NULL);
	scan->snapshot = RegisterSnapshot(GetCatalogSnapshot(RelationGetRelid(scan->relation)));
	/* after the snapshot, which keeps what it sees from becoming dead to all */
	InitNonVacuumableSnapshot(scan->candidates, GlobalVisTestFor(scan->relation));
}

static void
begin_scan(CatalogScan *scan, Snapshot candidates, int n_keys,
		   const char *const *values)
{
	ScanKeyData keys[CATALOG_MAX_KEYS];

	Assert(n_keys <= CATALOG_MAX_KEYS && n_keys <= scan->index->rd_index->indnkeyatts);
	for (int i = 0; i < n_keys; i++)
		ScanKeyEntryInitialize(&keys[i], 0, (AttrNumber) (i + 1), BTEqualStrategyNumber,
							   InvalidOid, C_COLLATION_OID, F_TEXTEQ,
							   CStringGetTextDatum(values[i]));
	if (scan->scan != NULL &&
		(scan->scan->numberOfKeys != n_keys || scan->scan->xs_snapshot != candidates))
	{
		index_endscan(scan->scan);
		scan->scan = NULL;
	}
	if (scan->scan == NULL)
		scan->scan = compat_index_beginscan(scan->relation, scan->index,
											candidates, n_keys);
	index_rescan(scan->scan, keys, n_keys, NULL, 0);
}

/*
 * Begin a scan for the rows whose leading key columns equal values; any one
 * before ends. The key columns are the first columns of each table, and of its
 * index, of type text COLLATE "C".
 */
void
catalog_scan_begin(CatalogScan *scan, int n_keys, const char *const *values)
{
	begin_scan(scan, &scan->candidates, n_keys, values);
}

/* The next row that the snapshot sees, or NULL. */
HeapTuple
catalog_scan_next(CatalogScan *scan)
{
	while (index_getnext_slot(scan->scan, ForwardScanDirection, scan->slot))
	{
		if (table_tuple_satisfies_snapshot(scan->relation, scan->slot,
										   scan->snapshot))
			return ExecFetchSlotHeapTuple(scan->slot, false, NULL);
	}
	return NULL;
}

/*
 * Are there certainly no rows that the snapshot sees among those whose leading
 * key columns equal values? Ends any scan before. Looks at so many versions of
 * rows at most, dead ones included: there may be millions that are deleted and
 * not vacuumed.
 */
bool
catalog_is_empty(CatalogScan *scan, int n_keys, const char *const *values,
				 int most)
{
	begin_scan(scan, SnapshotAny, n_keys, values);
	for (int i = 0; i < most; i++)
	{
		if (!index_getnext_slot(scan->scan, ForwardScanDirection, scan->slot))
			return true;
		if (table_tuple_satisfies_snapshot(scan->relation, scan->slot,
										   scan->snapshot))
			return false;
	}
	return false;
}

/*
 * Is another transaction, open or prepared, inserting, changing or deleting one
 * of the rows? Whoever wrote the same row would wait for its end.
 */
bool
catalog_scan_is_contended(CatalogScan *scan)
{
	SnapshotData dirty;

	InitDirtySnapshot(dirty);
	while (index_getnext_slot(scan->scan, ForwardScanDirection, scan->slot))
	{
		/* a dirty snapshot reports such transactions in its own fields */
		(void) table_tuple_satisfies_snapshot(scan->relation, scan->slot, &dirty);
		if (TransactionIdIsValid(dirty.xmin) || TransactionIdIsValid(dirty.xmax))
			return true;
	}
	return false;
}

void
catalog_close(CatalogScan *scan)
{
	if (scan->scan != NULL)
		index_endscan(scan->scan);
	ExecDropSingleTupleTableSlot(scan->slot);
	UnregisterSnapshot(scan->snapshot);
	index_close(scan->index, AccessShareLock);
	table_close(scan->relation, AccessShareLock);
}

/* A column by its name: an upgrade may have placed it anywhere. */
Datum
catalog_column(CatalogScan *scan, HeapTuple row, const char *name,
			   bool *is_null)
{
	AttrNumber	number = get_attnum(RelationGetRelid(scan->relation), name);

	if (number == InvalidAttrNumber)
		report_error("42703",
					 psprintf("column \"%s\" of relation token_auth.%s is missing",
							  name, RelationGetRelationName(scan->relation)),
					 NULL, NULL);
	return heap_getattr(row, number, RelationGetDescr(scan->relation), is_null);
}

/* A text column as a string in the current memory context, or NULL. */
char *
catalog_text_column(CatalogScan *scan, HeapTuple row, const char *name)
{
	bool		is_null;
	Datum		value = catalog_column(scan, row, name, &is_null);

	return is_null ? NULL : TextDatumGetCString(value);
}

/* A boolean column; false when NULL. */
bool
catalog_boolean_column(CatalogScan *scan, HeapTuple row, const char *name)
{
	bool		is_null;
	Datum		value = catalog_column(scan, row, name, &is_null);

	return !is_null && DatumGetBool(value);
}
