/*
 * compat.h
 *		What differs between the PostgreSQL versions that we build on.
 *
 * Each difference is a function or a macro that cites the upstream commit.
 */
#ifndef TOKEN_AUTH_COMPAT_H
#define TOKEN_AUTH_COMPAT_H

#include "postgres.h"

#include "access/genam.h"
#include "nodes/plannodes.h"
#include "storage/proc.h"
#include "utils/guc.h"
#include "utils/guc_tables.h"

#if PG_VERSION_NUM < 150000
#error "token_auth needs PostgreSQL 15 or newer"
#endif

/*
 * The record of a setting or of its placeholder, or NULL.
 * PostgreSQL 16 keeps the records in a hash table (commit 3057465acf).
 */
static inline struct config_generic *
compat_find_setting(const char *name)
{
#if PG_VERSION_NUM >= 160000
	return find_option(name, false, true, 0);
#else
	struct config_generic **settings = get_guc_variables();
	int			n_settings = GetNumConfigOptions();

	for (int i = 0; i < n_settings; i++)
	{
		if (pg_strcasecmp(settings[i]->name, name) == 0)
			return settings[i];
	}
	return NULL;
#endif
}

/*
 * Memory that belongs to a setting.
 * PostgreSQL 16 gave it a memory context (commit 407b50f2d4).
 */
static inline void *
compat_guc_malloc(size_t size)
{
#if PG_VERSION_NUM >= 160000
	return guc_malloc(LOG, size);
#else
	return malloc(size);
#endif
}

static inline void
compat_guc_free(void *memory)
{
#if PG_VERSION_NUM >= 160000
	guc_free(memory);
#else
	free(memory);
#endif
}

/*
 * The local transaction id of a process, unlike that of any other transaction
 * that it runs. PostgreSQL 17 moved it (commit 28f3915b73).
 */
static inline LocalTransactionId
compat_local_transaction_id(const PGPROC *process)
{
#if PG_VERSION_NUM >= 170000
	return process->vxid.lxid;
#else
	return process->lxid;
#endif
}

/* index_beginscan() counts what it does since PostgreSQL 18 (commit 0fbceae841). */
static inline IndexScanDesc
compat_index_beginscan(Relation table, Relation index, Snapshot snapshot, int n_keys)
{
#if PG_VERSION_NUM >= 180000
	return index_beginscan(table, index, snapshot, NULL, n_keys, 0);
#else
	return index_beginscan(table, index, snapshot, n_keys, 0);
#endif
}

/* ExecutorRun lost its last parameter in PostgreSQL 18 (commit 3eea7a0c97). */
#if PG_VERSION_NUM >= 180000
#define COMPAT_EXECUTOR_RUN_PARAMETERS \
	QueryDesc *query, ScanDirection direction, uint64 count
#define COMPAT_EXECUTOR_RUN_ARGUMENTS query, direction, count
#define COMPAT_RUNS_ONCE false
#else
#define COMPAT_EXECUTOR_RUN_PARAMETERS \
	QueryDesc *query, ScanDirection direction, uint64 count, bool execute_once
#define COMPAT_EXECUTOR_RUN_ARGUMENTS query, direction, count, execute_once
#define COMPAT_RUNS_ONCE execute_once
#endif

/*
 * Does a btree scan with arrays return rows in the index's order, whichever
 * columns they are for? Since PostgreSQL 17 (commit 5bf748b86b).
 */
#define COMPAT_ARRAY_SCANS_KEEP_ORDER (PG_VERSION_NUM >= 170000)

/*
 * How a node leaves out partitions when it runs, or NULL.
 * PostgreSQL 18 keeps it in the planned statement (commit bb3ec16e14).
 */
static inline PartitionPruneInfo *
compat_prune_info(Plan *plan)
{
#if PG_VERSION_NUM >= 180000
	return NULL;
#else
	return IsA(plan, Append) ? ((Append *) plan)->part_prune_info
		: ((MergeAppend *) plan)->part_prune_info;
#endif
}

/* Marks a function whose result must not be dropped. */
#if defined(__GNUC__)
#define COMPAT_MUST_USE __attribute__((warn_unused_result))
#else
#define COMPAT_MUST_USE
#endif

/* Query ids are signed from PostgreSQL 19 on (commit c3eda50b06). */
#if PG_VERSION_NUM >= 190000
typedef int64 CompatQueryId;
#else
typedef uint64 CompatQueryId;
#endif

#endif							/* TOKEN_AUTH_COMPAT_H */
