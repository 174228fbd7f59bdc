/*
 * readers.c
 *		Which functions read the token, and what they may raise.
 *
 * Readers are identified by their names in our schema, and in plans by their
 * hash values of pg_proc.
 */
#include "postgres.h"

#include "access/htup_details.h"
#include "access/transam.h"
#include "catalog/namespace.h"
#include "catalog/pg_proc.h"
#include "readers.h"
#include "utils/catcache.h"
#include "utils/inval.h"
#include "utils/syscache.h"

#define ANY_ARGUMENTS (-1)

static const struct
{
	const char *name;
	int			n_arguments;	/* to tell overloads apart */
	ReaderNeed	need;
	bool		may_raise;		/* because of what the token says */
}			reader_names[] = {
	{"actor", ANY_ARGUMENTS, NEEDS_DEFAULT_NAMESPACE, false},
	{"audience", ANY_ARGUMENTS, NEEDS_DEFAULT_NAMESPACE, false},
	{"authenticated_at", ANY_ARGUMENTS, NEEDS_DEFAULT_NAMESPACE, false},
	{"claim", ANY_ARGUMENTS, NEEDS_DEFAULT_NAMESPACE, false},
	{"claim_array", ANY_ARGUMENTS, NEEDS_DEFAULT_NAMESPACE, true},
	{"claim_bigint", ANY_ARGUMENTS, NEEDS_DEFAULT_NAMESPACE, true},
	{"claim_boolean", ANY_ARGUMENTS, NEEDS_DEFAULT_NAMESPACE, true},
	{"claim_in_namespace", ANY_ARGUMENTS, NEEDS_TOKEN, false},
	{"claim_jsonb", ANY_ARGUMENTS, NEEDS_DEFAULT_NAMESPACE, false},
	{"claim_members_bigint", ANY_ARGUMENTS, NEEDS_DEFAULT_NAMESPACE, true},
	{"claim_members_text", ANY_ARGUMENTS, NEEDS_DEFAULT_NAMESPACE, true},
	{"claim_members_uuid", ANY_ARGUMENTS, NEEDS_DEFAULT_NAMESPACE, true},
	{"claim_timestamptz", ANY_ARGUMENTS, NEEDS_DEFAULT_NAMESPACE, true},
	{"claim_uuid", ANY_ARGUMENTS, NEEDS_DEFAULT_NAMESPACE, true},
	{"claims", ANY_ARGUMENTS, NEEDS_DEFAULT_NAMESPACE, false},
	{"client_id", ANY_ARGUMENTS, NEEDS_DEFAULT_NAMESPACE, false},
	{"expires_at", ANY_ARGUMENTS, NEEDS_DEFAULT_NAMESPACE, false},
	{"has_all_scopes", ANY_ARGUMENTS, NEEDS_DEFAULT_NAMESPACE, false},
	{"has_any_scope", ANY_ARGUMENTS, NEEDS_DEFAULT_NAMESPACE, false},
	{"has_role", 1, NEEDS_DEFAULT_NAMESPACE, false},
	{"has_role", 2, NEEDS_TOKEN, false},
	{"has_scope", 1, NEEDS_DEFAULT_NAMESPACE, false},
	{"has_scope", 2, NEEDS_TOKEN, false},
	{"identity", ANY_ARGUMENTS, NEEDS_TOKEN, false},
	{"in_claim", ANY_ARGUMENTS, NEEDS_DEFAULT_NAMESPACE, true},
	{"is_authenticated", ANY_ARGUMENTS, NEEDS_NOTHING, false},
	{"is_client", ANY_ARGUMENTS, NEEDS_DEFAULT_NAMESPACE, false},
	{"issued_at", ANY_ARGUMENTS, NEEDS_DEFAULT_NAMESPACE, false},
	{"issuer", ANY_ARGUMENTS, NEEDS_TOKEN, false},
	{"issuer_name", ANY_ARGUMENTS, NEEDS_TOKEN, false},
	{"not_before", ANY_ARGUMENTS, NEEDS_DEFAULT_NAMESPACE, false},
	{"require_scope", ANY_ARGUMENTS, NEEDS_NOTHING, true},
	{"roles", ANY_ARGUMENTS, NEEDS_DEFAULT_NAMESPACE, false},
	{"scopes", ANY_ARGUMENTS, NEEDS_DEFAULT_NAMESPACE, false},
	{"session_id", ANY_ARGUMENTS, NEEDS_DEFAULT_NAMESPACE, false},
	{"subject", 0, NEEDS_DEFAULT_NAMESPACE, false},
	{"subject", 1, NEEDS_TOKEN, false},
	{"subject_uuid", ANY_ARGUMENTS, NEEDS_DEFAULT_NAMESPACE, true},
	{"token_id", ANY_ARGUMENTS, NEEDS_DEFAULT_NAMESPACE, false},
};

#define MAX_READERS 64

/* All readers, sorted by hash. */
static Reader readers[MAX_READERS];
static int	n_readers = 0;
static bool readers_known = false;

static void
forget_readers(Datum arg, int cache, uint32 hash)
{
	readers_known = false;
}

void
readers_init(void)
{
	CacheRegisterSyscacheCallback(PROCOID, forget_readers, (Datum) 0);
	CacheRegisterSyscacheCallback(NAMESPACEOID, forget_readers, (Datum) 0);
}

static int
compare_readers(const void *a, const void *b)
{
	uint32		left = ((const Reader *) a)->hash;
	uint32		right = ((const Reader *) b)->hash;

	return left < right ? -1 : left > right;
}

/* Adds the functions of our schema that an entry of reader_names stands for. */
static void
add_readers(int entry, Oid schema)
{
	CatCList   *list = SearchSysCacheList1(PROCNAMEARGSNSP,
										   CStringGetDatum(reader_names[entry].name));

	for (int i = 0; i < list->n_members && n_readers < MAX_READERS; i++)
	{
		Form_pg_proc function = (Form_pg_proc) GETSTRUCT(&list->members[i]->tuple);
		Reader	   *reader = &readers[n_readers];

		if (function->pronamespace != schema ||
			(reader_names[entry].n_arguments != ANY_ARGUMENTS &&
			 reader_names[entry].n_arguments != function->pronargs))
			continue;
		reader->function = function->oid;
		reader->hash = GetSysCacheHashValue1(PROCOID, ObjectIdGetDatum(function->oid));
		reader->need = reader_names[entry].need;
		reader->may_raise = reader_names[entry].may_raise;
		reader->looks_for_value = strcmp(reader_names[entry].name, "in_claim") == 0;
		n_readers++;
	}
	ReleaseSysCacheList(list);
}

/* Looks the readers up anew if pg_proc or pg_namespace has changed. The functions below need it. */
void
readers_know(void)
{
	Oid			schema;

	if (readers_known)
		return;
	readers_known = true;		/* a message that comes meanwhile takes it back */
	n_readers = 0;
	schema = get_namespace_oid("token_auth", true);
	for (size_t entry = 0; OidIsValid(schema) && entry < lengthof(reader_names); entry++)
		add_readers((int) entry, schema);
	qsort(readers, n_readers, sizeof(Reader), compare_readers);
}

/* Returns the reader with this hash value of pg_proc, or NULL. */
const Reader *
reader_of_hash(uint32 hash)
{
	Reader		key = {.hash = hash};

	return bsearch(&key, readers, n_readers, sizeof(Reader), compare_readers);
}

/* Returns the reader of this OID, or NULL. */
const Reader *
reader_of_function(Oid function)
{
	if (function < FirstNormalObjectId)
		return NULL;
	for (int i = 0; i < n_readers; i++)
	{
		if (readers[i].function == function)
			return &readers[i];
	}
	return NULL;
}

/*
 * A check_function_callback: returns true if the function may call a reader,
 * as PostgreSQL did not bring it.
 */
bool
reader_may_be_in(Oid function, void *context)
{
	return function >= FirstNormalObjectId;
}
