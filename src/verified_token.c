/*
 * verified_token.c
 *		Verified tokens, and the references that keep them in memory.
 *
 * A verified token is held in two ways, as a cached plan is in plancache.c. A
 * reference is for the function that asked for the token: it belongs to the
 * current resource owner, and one that is not released is reported and dropped
 * when the owner ends. A place is a variable that outlives the function; the
 * token is held until the place gets another one. The token is freed when
 * neither holds it and the cache has forgotten it.
 */
#include "postgres.h"

#include "utils/memutils.h"
#include "utils/resowner.h"
#include "verified_token.h"

typedef struct Reference
{
	dlist_node	node;
	ResourceOwner owner;
	VerifiedToken *token;
} Reference;

static dlist_head references = DLIST_STATIC_INIT(references);

/* A free reference, so that taking one mostly allocates nothing. */
static Reference *spare = NULL;

/* Frees the token if nothing holds it and the cache does not remember it. */
void
verified_token_free_if_unused(VerifiedToken *token)
{
	if (token->holders == 0 && !token->remembered)
		MemoryContextDelete(token->context);
}

static void
drop_holder(VerifiedToken *token)
{
	Assert(token->holders > 0);
	token->holders--;
	verified_token_free_if_unused(token);
}

/*
 * Takes a reference to the token for the current resource owner, and returns
 * the token. The caller gives it back with verified_token_release().
 */
VerifiedToken *
verified_token_get(VerifiedToken *token)
{
	Reference  *reference = spare != NULL ? spare
		: MemoryContextAlloc(TopMemoryContext, sizeof(Reference));

	spare = NULL;
	reference->owner = CurrentResourceOwner;
	reference->token = token;
	dlist_push_head(&references, &reference->node);
	token->holders++;
	return token;
}

static void
drop_reference(Reference *reference)
{
	VerifiedToken *token = reference->token;

	dlist_delete(&reference->node);
	if (spare == NULL)
		spare = reference;
	else
		pfree(reference);
	drop_holder(token);
}

/* Gives back a reference that verified_token_get() took. Ignores NULL. */
void
verified_token_release(VerifiedToken *token)
{
	dlist_iter	iter;

	if (token == NULL)
		return;
	dlist_foreach(iter, &references)
	{
		Reference  *reference = dlist_container(Reference, node, iter.cur);

		if (reference->token == token && reference->owner == CurrentResourceOwner)
		{
			drop_reference(reference);
			return;
		}
	}
	elog(ERROR, "verified token is not held by the current resource owner");
}

/* Makes *place hold this token, or none if it is NULL, instead of the one before. */
void
verified_token_put(VerifiedToken **place, VerifiedToken *token)
{
	VerifiedToken *before = *place;

	if (token == before)
		return;
	if (token != NULL)
		token->holders++;
	*place = token;
	if (before != NULL)
		drop_holder(before);
}

/* Drops the references of a resource owner that ends; after success there must be none. */
static void
release_owner(ResourceReleasePhase phase, bool is_commit, bool is_top_level,
			  void *arg)
{
	dlist_mutable_iter iter;

	if (phase != RESOURCE_RELEASE_AFTER_LOCKS)
		return;
	dlist_foreach_modify(iter, &references)
	{
		Reference  *reference = dlist_container(Reference, node, iter.cur);

		if (reference->owner != CurrentResourceOwner)
			continue;
		if (is_commit)
			elog(WARNING, "reference to a verified token was not released");
		drop_reference(reference);
	}
}

void
verified_token_init(void)
{
	spare = MemoryContextAlloc(TopMemoryContext, sizeof(Reference));
	RegisterResourceReleaseCallback(release_owner, NULL);
}
