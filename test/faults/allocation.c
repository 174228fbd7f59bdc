/*
 * allocation.c
 *		A malloc that fails when it is told to.
 *
 * Preloaded into a server (LD_PRELOAD) it serves every allocation of the
 * process: the server's, the library's, those of OpenSSL and jansson.
 *
 *	fail_allocation(n integer) returns void		the nth from now on fails; 0: none
 *	allocation_failed() returns boolean		did it? calls the fault off
 *	use_up_room(spared integer) returns void	fill what the longest-lived
 *		memory context has room for, but for so many pieces of 24 octets: what
 *		registers a callback then asks malloc for more
 */
#include "postgres.h"

#include <errno.h>

#include "fmgr.h"
#include "utils/memutils.h"

PG_MODULE_MAGIC;

/* glibc's own, under names that nobody else defines */
extern void *__libc_malloc(size_t size);
extern void *__libc_calloc(size_t count, size_t size);
extern void *__libc_realloc(void *old, size_t size);

static volatile int allocations_left = 0;	/* 0: none will fail */
static volatile bool failed = false;
static volatile bool exhausted = false;	/* every one fails */

/* the server's; this library is loaded before it, too */
extern PGDLLIMPORT MemoryContext TopMemoryContext __attribute__((weak));

static bool
fails(void)
{
	if (exhausted)
	{
		errno = ENOMEM;
		return true;
	}
	if (allocations_left == 0 || --allocations_left > 0)
		return false;
	failed = true;
	errno = ENOMEM;
	return true;
}

PGDLLEXPORT void *
malloc(size_t size)
{
	return fails() ? NULL : __libc_malloc(size);
}

PGDLLEXPORT void *
calloc(size_t count, size_t size)
{
	return fails() ? NULL : __libc_calloc(count, size);
}

PGDLLEXPORT void *
realloc(void *old, size_t size)
{
	return fails() ? NULL : __libc_realloc(old, size);
}

PG_FUNCTION_INFO_V1(fail_allocation);

Datum
fail_allocation(PG_FUNCTION_ARGS)
{
	failed = false;
	allocations_left = PG_GETARG_INT32(0);
	PG_RETURN_VOID();
}

PG_FUNCTION_INFO_V1(allocation_failed);

Datum
allocation_failed(PG_FUNCTION_ARGS)
{
	allocations_left = 0;
	PG_RETURN_BOOL(failed);
}

#define PIECE_SIZE 24			/* of a registered callback */
#define N_PIECES 64

PG_FUNCTION_INFO_V1(use_up_room);

Datum
use_up_room(PG_FUNCTION_ARGS)
{
	static const Size other_sizes[] = {12, 12, 12, 12, 60, 60, 60, 60, 120, 120, 120, 120};
	int			spared = PG_GETARG_INT32(0);
	void	   *others[lengthof(other_sizes)];
	void	   *pieces[N_PIECES];
	void	   *piece;
	int			n = 0;

	/* what is asked for in other sizes on the way must not end it sooner */
	for (int i = 0; i < lengthof(other_sizes); i++)
		others[i] = MemoryContextAlloc(TopMemoryContext, other_sizes[i]);

	exhausted = true;
	while ((piece = MemoryContextAllocExtended(TopMemoryContext, PIECE_SIZE, MCXT_ALLOC_NO_OOM)) != NULL)
		pieces[n++ % N_PIECES] = piece;
	exhausted = false;

	for (int i = 0; i < spared && i < n; i++)
		pfree(pieces[i]);
	for (int i = 0; i < lengthof(other_sizes); i++)
		pfree(others[i]);
	PG_RETURN_VOID();
}
