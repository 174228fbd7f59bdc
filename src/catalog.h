/*
 * catalog.h
 *		Our tables: where they are, how to read them, when they have changed.
 */
#ifndef TOKEN_AUTH_CATALOG_H
#define TOKEN_AUTH_CATALOG_H

#include "access/genam.h"
#include "access/htup.h"
#include "executor/tuptable.h"
#include "utils/rel.h"
#include "utils/snapshot.h"

typedef enum CatalogTable
{
	CATALOG_ISSUER,
	CATALOG_KEY,
	CATALOG_SECRET,
	CATALOG_REVOCATION,
	CATALOG_CONFIGURATION,		/* empty: its messages say that issuers or keys changed */
	CATALOG_STATUS				/* empty: its messages say that any revocation may have changed */
} CatalogTable;

#define CATALOG_TABLE_COUNT (CATALOG_STATUS + 1)

/* Grow with every change that this backend has heard of. */
extern uint64 catalog_configuration_generation;
extern uint64 catalog_status_generation;

/* A table opened for look-ups over the leading columns of its primary key. */
typedef struct CatalogScan
{
	Relation	relation;
	Relation	index;
	TupleTableSlot *slot;
	IndexScanDesc scan;			/* NULL until catalog_scan_begin() */
	Snapshot	snapshot;		/* what was committed when it was opened */
	SnapshotData candidates;	/* the rows that the snapshot is asked about */
} CatalogScan;

#define CATALOG_MAX_KEYS 4

extern void catalog_init(void);
extern Oid	catalog_table_oid(CatalogTable table);
extern void catalog_open(CatalogScan *scan, CatalogTable table);
extern void catalog_scan_begin(CatalogScan *scan, int n_keys,
							   const char *const *values);
extern HeapTuple catalog_scan_next(CatalogScan *scan);
extern bool catalog_is_empty(CatalogScan *scan, int n_keys,
							 const char *const *values, int most);
extern bool catalog_scan_is_contended(CatalogScan *scan);
extern void catalog_close(CatalogScan *scan);
extern Datum catalog_column(CatalogScan *scan, HeapTuple row,
							const char *name, bool *is_null);
extern char *catalog_text_column(CatalogScan *scan, HeapTuple row,
								 const char *name);
extern bool catalog_boolean_column(CatalogScan *scan, HeapTuple row,
								   const char *name);

#endif							/* TOKEN_AUTH_CATALOG_H */
