/*
 * membership_functions.c
 *		Is a row's value a member of an array claim?
 *
 * The members are read once per call site and token, into a hash table of
 * their bytes in the value's type. Nothing depends on the value but the answer,
 * and no error is raised because of it: in_claim() is LEAKPROOF.
 *
 * claim_members_...() are the same members as an array, for the planner to put
 * in its place where an index can find them (planner_support.c).
 */
#include "postgres.h"

#include "call_site.h"
#include "catalog/pg_type.h"
#include "claim_value.h"
#include "utils/array.h"
#include "utils/builtins.h"
#include "utils/lsyscache.h"

/* A member, or a value that may be one, as the bytes of its type. */
typedef struct Member
{
	const char *bytes;
	size_t		size;
} Member;

typedef struct MemberEntry
{
	Member		member;
	uint32		hash;
	char		status;			/* simplehash's */
} MemberEntry;

static inline uint64
load(const char *bytes, size_t size)
{
	uint64		word = 0;

	memcpy(&word, bytes, size);
	return word;
}

#define MIX(hash, word) (((hash) ^ (word)) * UINT64CONST(0x9E3779B97F4A7C15))

/* Octets from the beginning that count; of longer members also the middle and the end. */
#define HASHED_SIZE 64

/*
 * Made for each row, so of words and not of octets, and in two halves that the
 * processor works out side by side. Members that differ nowhere in what counts
 * make in_claim() slow, as a list would be.
 */
static inline uint32
hash_member(Member member)
{
	const char *at = member.bytes;
	const char *end = member.bytes + member.size;
	const char *limit = member.size > HASHED_SIZE ? at + HASHED_SIZE : end;
	uint64		even = member.size;
	uint64		odd = 0;

	if (member.size >= 8)
	{
		for (; limit - at >= 16; at += 16)
		{
			even = MIX(even, load(at, 8));
			odd = MIX(odd, load(at + 8, 8));
		}
		if (limit - at >= 8)
			even = MIX(even, load(at, 8));
		if (member.size > HASHED_SIZE)
			even = MIX(even, load(member.bytes + member.size / 2, 8));
		odd = MIX(odd, load(end - 8, 8));
	}
	else if (member.size >= 4)
		even = MIX(even, load(at, 4) << 32 | load(end - 4, 4));
	else if (member.size > 0)
		even = MIX(even, load(at, 1) << 16 | load(at + member.size / 2, 1) << 8 | load(end - 1, 1));

	even ^= odd >> 32 | odd << 32;
	even = MIX(even, even >> 32);
	return (uint32) (even >> 32);
}

static inline bool
same_member(Member a, Member b)
{
	return a.size == b.size && memcmp(a.bytes, b.bytes, a.size) == 0;
}

#define SH_PREFIX members
#define SH_ELEMENT_TYPE MemberEntry
#define SH_KEY_TYPE Member
#define SH_KEY member
#define SH_HASH_KEY(table, key) hash_member(key)
#define SH_EQUAL(table, a, b) same_member(a, b)
#define SH_STORE_HASH
#define SH_GET_HASH(table, entry) ((entry)->hash)
#define SH_SCOPE static inline
#define SH_DECLARE
#define SH_DEFINE
#include "lib/simplehash.h"

/* Members as values of one SQL type. */
typedef struct MemberType
{
	Oid			type;
	bool		(*parse) (char *text, Member *member);	/* false: not of this type */
	Datum		(*datum) (const Member *member);
} MemberType;

static bool
parse_text(char *text, Member *member)
{
	member->bytes = text;
	member->size = strlen(text);
	return true;
}

static Datum
text_datum(const Member *member)
{
	return PointerGetDatum(cstring_to_text_with_len(member->bytes, (int) member->size));
}

static bool
parse_uuid(char *text, Member *member)
{
	pg_uuid_t  *uuid = palloc(sizeof(pg_uuid_t));

	member->bytes = (const char *) uuid->data;
	member->size = UUID_LEN;
	return claim_value_parse_uuid(text, strlen(text), uuid);
}

static Datum
uuid_datum(const Member *member)
{
	return PointerGetDatum(member->bytes);
}

static bool
parse_bigint(char *text, Member *member)
{
	int64	   *number = palloc(sizeof(int64));

	member->bytes = (const char *) number;
	member->size = sizeof(int64);
	return claim_value_parse_bigint(text, number);
}

static Datum
bigint_datum(const Member *member)
{
	return Int64GetDatum(*(const int64 *) member->bytes);
}

static const MemberType text_members = {TEXTOID, parse_text, text_datum};
static const MemberType uuid_members = {UUIDOID, parse_uuid, uuid_datum};
static const MemberType bigint_members = {INT8OID, parse_bigint, bigint_datum};

/*
 * Reading the claim
 */

/*
 * The members of the claim at path that are of this type, and in *n_members
 * how many, in the current memory context; NULL if there is no claim. A claim
 * that is no array has none, or is an error: not if the path comes from a row,
 * which the error would leak.
 */
static Member *
read_members(const VerifiedToken *token, ArrayType *path, bool refuse,
			 const MemberType *type, int *n_members)
{
	ClaimValue	claim;
	List	   *texts = NIL;
	ListCell   *cell;
	Member	   *list;

	*n_members = 0;
	if (!claim_value_find(token->claims, path, &claim))
		return NULL;
	if (!claim_value_members(&claim, &texts))
	{
		if (refuse)
			claim_value_refuse(&claim, "an array of strings or numbers");
		texts = NIL;
	}

	list = palloc(sizeof(Member) * Max(list_length(texts), 1));
	foreach(cell, texts)
	{
		if (type->parse(lfirst(cell), &list[*n_members]))
			(*n_members)++;
	}
	return list;
}

/* The members at the path in argument 1, as a hash table in the current memory context. */
static members_hash *
hash_members(FunctionCallInfo fcinfo, const VerifiedToken *token,
			 bool path_is_constant, const MemberType *type)
{
	int			n_members;
	Member	   *list = read_members(token, PG_GETARG_ARRAYTYPE_P(1),
									path_is_constant, type, &n_members);
	members_hash *table;

	/* twice the room: a look-up ends at an empty place, and most find nothing */
	table = members_create(CurrentMemoryContext, 2 * (uint32) n_members, NULL);
	for (int i = 0; i < n_members; i++)
	{
		bool		found;

		(void) members_insert(table, list[i], &found);
	}
	return table;
}

/* The same, remembered where the path is a constant. */
static pg_noinline members_hash *
find_members(FunctionCallInfo fcinfo, const VerifiedToken *token,
			 const MemberType *type)
{
	CallSite   *site = call_site_find(fcinfo, token);
	MemoryContext caller;

	if (site == NULL)
	{
		if (!call_site_has_constant(fcinfo, 1) || statement_is_planning())
			return hash_members(fcinfo, token, false, type);

		site = call_site_renew(fcinfo, token);
		caller = MemoryContextSwitchTo(site->context);
		site->detail = hash_members(fcinfo, token, true, type);
		MemoryContextSwitchTo(caller);
		site->serial = token->serial;
	}
	call_site_note_judged(fcinfo, site);
	return site->detail;
}

/*
 * in_claim()
 */

/*
 * Find the members to look for the value in. Without a token, or a path, the
 * answer is false; for a NULL it is NULL.
 */
#define IN_CLAIM_PROLOGUE(members, type) \
	const CallSite *site = call_site_judged(fcinfo); \
\
	if (likely(site != NULL)) \
	{ \
		if (PG_ARGISNULL(0)) \
			PG_RETURN_NULL(); \
		(members) = site->detail; \
	} \
	else \
	{ \
		const VerifiedToken *token = statement_token(fcinfo); \
\
		if (token == NULL || PG_ARGISNULL(1)) \
			PG_RETURN_BOOL(false); \
		if (PG_ARGISNULL(0)) \
			PG_RETURN_NULL(); \
		(members) = find_members(fcinfo, token, &(type)); \
	}

static inline Datum
answer_in_claim(members_hash *members, const void *bytes, size_t size)
{
	PG_RETURN_BOOL(members_lookup(members, (Member) {bytes, size}) != NULL);
}

PG_FUNCTION_INFO_V1(token_auth_in_claim_text);

/* in_claim(value text, VARIADIC path text[]) returns boolean; compares bytes, whatever the collation */
Datum
token_auth_in_claim_text(PG_FUNCTION_ARGS)
{
	members_hash *members;
	text	   *value;

	IN_CLAIM_PROLOGUE(members, text_members);
	value = PG_GETARG_TEXT_PP(0);
	return answer_in_claim(members, VARDATA_ANY(value), VARSIZE_ANY_EXHDR(value));
}

PG_FUNCTION_INFO_V1(token_auth_in_claim_uuid);

/* in_claim(value uuid, VARIADIC path text[]) returns boolean */
Datum
token_auth_in_claim_uuid(PG_FUNCTION_ARGS)
{
	members_hash *members;

	IN_CLAIM_PROLOGUE(members, uuid_members);
	return answer_in_claim(members, PG_GETARG_UUID_P(0)->data, UUID_LEN);
}

#define IN_CLAIM_INTEGER(suffix, getarg) \
PG_FUNCTION_INFO_V1(token_auth_in_claim_##suffix); \
Datum \
token_auth_in_claim_##suffix(PG_FUNCTION_ARGS) \
{ \
	members_hash *members; \
	int64		value; \
\
	IN_CLAIM_PROLOGUE(members, bigint_members); \
	value = getarg(0); \
	return answer_in_claim(members, &value, sizeof(value)); \
}

/* in_claim(value bigint | integer | smallint, VARIADIC path text[]) returns boolean */
IN_CLAIM_INTEGER(int8, PG_GETARG_INT64)
IN_CLAIM_INTEGER(int4, PG_GETARG_INT32)
IN_CLAIM_INTEGER(int2, PG_GETARG_INT16)

/*
 * claim_members_...()
 */

/* Members as an array of their type. */
static ArrayType *
array_of_members(const Member *list, int n_members, const MemberType *type)
{
	Datum	   *values = palloc(sizeof(Datum) * Max(n_members, 1));
	int16		length;
	bool		by_value;
	char		alignment;

	for (int i = 0; i < n_members; i++)
		values[i] = type->datum(&list[i]);
	get_typlenbyvalalign(type->type, &length, &by_value, &alignment);
	return construct_array(values, n_members, type->type, length, by_value,
						   alignment);
}

/* The members at the path in argument 0 as an array; remembered where that is a constant. */
static Datum
answer_members(FunctionCallInfo fcinfo, const MemberType *type)
{
	const VerifiedToken *token = statement_token(fcinfo);
	CallSite   *site;
	bool		is_kept;
	Member	   *list;
	int			n_members;
	ArrayType  *array;

	if (token == NULL || PG_ARGISNULL(0))
		PG_RETURN_NULL();
	site = call_site_find(fcinfo, token);
	if (site != NULL)
		return call_site_answer(fcinfo, site);

	is_kept = call_site_has_constant(fcinfo, 0) && !statement_is_planning();
	list = read_members(token, PG_GETARG_ARRAYTYPE_P(0), is_kept, type,
						&n_members);
	array = list == NULL ? NULL : array_of_members(list, n_members, type);
	if (is_kept)
		return call_site_answer(fcinfo, call_site_keep_varlena(fcinfo, token, array));
	if (array == NULL)
		PG_RETURN_NULL();
	PG_RETURN_ARRAYTYPE_P(array);
}

#define CLAIM_MEMBERS(suffix, type) \
PG_FUNCTION_INFO_V1(token_auth_claim_members_##suffix); \
Datum \
token_auth_claim_members_##suffix(PG_FUNCTION_ARGS) \
{ \
	return answer_members(fcinfo, &(type)); \
}

/* claim_members_text(VARIADIC path text[]) returns text[], and so on: NULL without a token or the claim */
CLAIM_MEMBERS(text, text_members)
CLAIM_MEMBERS(uuid, uuid_members)
CLAIM_MEMBERS(bigint, bigint_members)
