/*
 * change_lock.c
 *		Locks by which functions that change our tables exclude each other.
 *
 * They replace locks of rows and tables, which would also exclude a plain UPDATE
 * by an administrator. A lock has a name and lasts until the end of the
 * transaction; a prepared transaction keeps it.
 *
 * PostgreSQL's advisory locks would do, but whoever can run SQL can take any of
 * them. So these have a class of their own: the fourth field of the lock tag,
 * which pg_advisory_lock() and its like set to 1 or 2 (lockfuncs.c). They are
 * shown by pg_locks, as of type advisory with this class as objsubid.
 */
#include "postgres.h"

#include "change_lock.h"
#include "common/hashfn.h"
#include "miscadmin.h"
#include "storage/lock.h"

#define LOCK_CLASS 28167

/* Two names with the same hash share a lock, which is harmless. */
static LockAcquireResult
take_lock(const char *name, bool fails_at_once)
{
	uint64		hash = hash_bytes_extended((const unsigned char *) name,
										   (int) strlen(name), 0);
	LOCKTAG		tag;

	SET_LOCKTAG_ADVISORY(tag, MyDatabaseId, (uint32) (hash >> 32),
						 (uint32) hash, LOCK_CLASS);
	return LockAcquire(&tag, ExclusiveLock, false, fails_at_once);
}

/* Takes the lock, and waits until it is free. */
void
change_lock_wait(const char *name)
{
	(void) take_lock(name, false);
}

/*
 * Takes the lock if it is free or is this transaction's already. Returns false,
 * without waiting, if another transaction has it.
 */
bool
change_lock_try(const char *name)
{
	return take_lock(name, true) != LOCKACQUIRE_NOT_AVAIL;
}
