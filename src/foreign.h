/*
 * foreign.h
 *		Objects of the core and its libraries, owned by a memory context.
 */
#ifndef TOKEN_AUTH_FOREIGN_H
#define TOKEN_AUTH_FOREIGN_H

#include "postgres.h"

/* One foreign object; released with the context that the slot lives in. */
typedef struct ForeignSlot
{
	MemoryContextCallback callback;
	void		(*release) (void *object);
	void	   *object;
} ForeignSlot;

static inline void
foreign_release(void *arg)
{
	ForeignSlot *slot = arg;

	if (slot->object != NULL)
		slot->release(slot->object);
	slot->object = NULL;
}

/*
 * Make a place for an object before the object is made: nothing can then
 * throw between its creation and its registration.
 */
static inline ForeignSlot *
foreign_slot(MemoryContext context, void (*release) (void *object))
{
	ForeignSlot *slot = MemoryContextAllocZero(context, sizeof(ForeignSlot));

	slot->release = release;
	slot->callback.func = foreign_release;
	slot->callback.arg = slot;
	MemoryContextRegisterResetCallback(context, &slot->callback);
	return slot;
}

#endif							/* TOKEN_AUTH_FOREIGN_H */
