/*
 * allocation.c
 *		A malloc that fails when it is told to.
 *
 * Preloaded into a server (LD_PRELOAD) it serves every allocation of the
 * process: the server's, the library's, those of OpenSSL and jansson.
 *
 *	fail_allocation(n integer) returns void		the nth from now on fails; 0: none
 *	allocation_failed() returns boolean		did it? calls the fault off
 */
#include "postgres.h"

#include "fmgr.h"

#include <errno.h>

PG_MODULE_MAGIC;

/* glibc's own, under names that nobody else defines */
extern void *__libc_malloc(size_t size);
extern void *__libc_calloc(size_t count, size_t size);
extern void *__libc_realloc(void *old, size_t size);

static volatile int allocations_left = 0;	/* 0: none will fail */
static volatile bool failed = false;

static bool
fails(void)
{
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
