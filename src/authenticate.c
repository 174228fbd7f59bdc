/*
 * authenticate.c
 *		The one door: a raw token in, a verified token or a verdict out.
 *
 * Tokens that passed are remembered by the whole of their text, for one
 * generation of the configuration: then neither signature, claims nor keys are
 * looked at again. Time and revocation always are. Refused tokens are not
 * remembered, so nobody can fill this memory who holds no valid token, and
 * token_auth.cache_size bounds it.
 */
#include "postgres.h"

#include "access/tupmacs.h"
#include "access/xact.h"
#include "access/xlog.h"
#include "authenticate.h"
#include "catalog.h"
#include "catalog/pg_type.h"
#include "claim_value.h"
#include "common/hashfn.h"
#include "core/strict_json.h"
#include "encoding.h"
#include "foreign.h"
#include "issuer_store.h"
#include "mb/pg_wchar.h"
#include "settings.h"
#include "utils/builtins.h"
#include "utils/fmgrprotos.h"
#include "utils/hsearch.h"
#include "utils/memutils.h"
#include "utils/timestamp.h"

static MemoryContext tokens_context = NULL;
static HTAB *remembered = NULL;
static dlist_head remembered_by_use = DLIST_STATIC_INIT(remembered_by_use);
static Size remembered_size = 0;
static uint64 remembered_generation = 0;
static uint64 last_serial = 0;

typedef struct RememberedToken
{
	const char *raw;			/* key; points into the token */
	VerifiedToken *token;
} RememberedToken;

static uint32
hash_raw(const void *key, Size size)
{
	const char *raw = *(const char *const *) key;

	return hash_bytes((const unsigned char *) raw, (int) strlen(raw));
}

static int
compare_raw(const void *a, const void *b, Size size)
{
	return strcmp(*(const char *const *) a, *(const char *const *) b);
}

void
authenticate_init(void)
{
	HASHCTL		control = {
		.keysize = sizeof(const char *),
		.entrysize = sizeof(RememberedToken),
		.hash = hash_raw,
		.match = compare_raw
	};

	tokens_context = AllocSetContextCreate(TopMemoryContext,
										   "token_auth tokens",
										   ALLOCSET_SMALL_SIZES);
	control.hcxt = tokens_context;
	remembered = hash_create("token_auth verified tokens", 64, &control,
							 HASH_ELEM | HASH_FUNCTION | HASH_COMPARE |
							 HASH_CONTEXT);
}

static int64
now_unix_us(void)
{
	return TIMESTAMPTZ_TO_UNIX_US(GetCurrentTimestamp());
}

/*
 * Remembering
 */

static void
forget(VerifiedToken *token)
{
	hash_search(remembered, &token->raw, HASH_REMOVE, NULL);
	dlist_delete(&token->by_use);
	remembered_size -= token->size;
	token->remembered = false;
	verified_token_free_if_unused(token);
}

static void
forget_least_used(Size allowed)
{
	while (remembered_size > allowed)
		forget(dlist_tail_element(VerifiedToken, by_use, &remembered_by_use));
}

static void
remember(VerifiedToken *token)
{
	Size		allowed = (Size) settings_cache_size_kb * 1024;
	RememberedToken *entry;

	token->size = MemoryContextMemAllocated(token->context, true);
	if (token->size > allowed)
		return;
	forget_least_used(allowed - token->size);
	entry = hash_search(remembered, &token->raw, HASH_ENTER, NULL);
	entry->token = token;
	dlist_push_head(&remembered_by_use, &token->by_use);
	remembered_size += token->size;
	token->remembered = true;
}

/* The token of this text that was verified under the current configuration, or NULL. */
static VerifiedToken *
recall(const char *raw)
{
	RememberedToken *entry;

	if (remembered_generation != catalog_configuration_generation)
	{
		forget_least_used(0);
		remembered_generation = catalog_configuration_generation;
	}
	forget_least_used((Size) settings_cache_size_kb * 1024);
	entry = hash_search(remembered, &raw, HASH_FIND, NULL);
	if (entry == NULL)
		return NULL;
	dlist_move_head(&remembered_by_use, &entry->token->by_use);
	return entry->token;
}

/*
 * Reading a token into the server's types
 */

static text *
text_from_utf8(const char *utf8, bool *converted)
{
	char	   *text;

	if (utf8 == NULL)
		return NULL;
	text = encoding_from_utf8(utf8);
	if (text == NULL)
	{
		*converted = false;
		return NULL;
	}
	return cstring_to_text(text);
}

static int
compare_text_data(const void *a, const void *b)
{
	return strcmp(*(char *const *) a, *(char *const *) b);
}

/* A set as a text[]; sorted anew, another encoding may order it otherwise. */
static ArrayType *
array_from_set(const StringSet *set, bool *converted)
{
	char	  **strings = palloc(sizeof(char *) * Max(set->n_strings, 1));
	Datum	   *elements = palloc(sizeof(Datum) * Max(set->n_strings, 1));

	for (size_t i = 0; i < set->n_strings; i++)
	{
		strings[i] = encoding_from_utf8(set->strings[i]);
		if (strings[i] == NULL)
		{
			*converted = false;
			return NULL;
		}
	}
	qsort(strings, set->n_strings, sizeof(char *), compare_text_data);
	for (size_t i = 0; i < set->n_strings; i++)
		elements[i] = CStringGetTextDatum(strings[i]);
	return construct_array(elements, (int) set->n_strings, TEXTOID, -1, false,
						   TYPALIGN_INT);
}

/*
 * The claims as jsonb, from the payload itself. Only where the server would
 * have to translate \u escapes, and might raise an error that shows them, they
 * are resolved before.
 */
static Jsonb *
jsonb_from_payload(const Token *token, bool *converted)
{
	char	   *text = (char *) token->jws->payload;

	if (GetDatabaseEncoding() != PG_UTF8)
	{
		text = pstrdup(text);
		text[strict_json_resolve_escapes(text, strlen(text))] = '\0';
		text = encoding_from_utf8(text);
		if (text == NULL)
		{
			*converted = false;
			return NULL;
		}
	}
	return DatumGetJsonbP(DirectFunctionCall1(jsonb_in, CStringGetDatum(text)));
}

static NameSet
names_from_set(const StringSet *set, bool *converted)
{
	NameSet		result = {.array = array_from_set(set, converted)};
	char	   *name;

	if (result.array == NULL)
		return result;
	result.names = palloc(sizeof(text *) * Max(set->n_strings, 1));
	name = ARR_DATA_PTR(result.array);
	while ((size_t) result.n_names < set->n_strings)
	{
		result.names[result.n_names++] = (text *) name;
		name += VARSIZE_ANY(name);
		name = (char *) att_align_nominal(name, TYPALIGN_INT);
	}
	return result;
}

static char *
hex_from_digest(const unsigned char *digest, size_t size)
{
	char	   *hex = palloc0(2 * size + 1);

	hex_encode((const char *) digest, size, hex);
	return hex;
}

static const char *
lookup_value(text *value)
{
	return value == NULL ? NULL
		: revocation_lookup_value(text_to_cstring(value));
}

static void
set_revocation_keys(VerifiedToken *verified, const Token *token,
					const Issuer *issuer)
{
	RevocationKeys *keys = &verified->revocation_keys;
	const ClaimTimes *times = &verified->times;
	int64		signed_in_at = times->authenticated_at != TIME_ABSENT
		? times->authenticated_at : times->issued_at;

	keys->issuer = issuer->issuer;
	keys->values[REVOCATION_TOKEN_ID] = lookup_value(verified->token_id);
	keys->values[REVOCATION_DIGEST] = hex_from_digest(token->digest,
													  sizeof(token->digest));
	keys->values[REVOCATION_SESSION_ID] = lookup_value(verified->session_id);
	keys->values[REVOCATION_SUBJECT] = lookup_value(verified->subject);
	keys->values[REVOCATION_CLIENT_ID] = lookup_value(verified->client_id);
	keys->values[REVOCATION_ISSUER] = "";
	keys->values[REVOCATION_DEVICE_ID] = lookup_value(verified->device_id);
	keys->has_signed_in_at = signed_in_at != TIME_ABSENT;
	if (keys->has_signed_in_at)
		keys->signed_in_at = UNIX_US_TO_TIMESTAMPTZ(signed_in_at);
	revocation_hash_keys(keys);
}

/*
 * Fill *verified; false if a text cannot be represented. It points to what token
 * and issuer hold, and to memory of the current context.
 */
static bool
read_token(VerifiedToken *verified, const Token *token, const Issuer *issuer)
{
	const ClaimReading *reading = &token->reading;
	bool		converted = true;

	verified->raw = token->jws->text;
	verified->namespace = issuer->namespace;
	verified->issuer = cstring_to_text(issuer->issuer);
	verified->issuer_name = cstring_to_text(issuer->name);
	verified->subject = text_from_utf8(reading->subject, &converted);
	verified->client_id = text_from_utf8(reading->client_id, &converted);
	verified->token_id = text_from_utf8(reading->token_id, &converted);
	verified->session_id = text_from_utf8(reading->session_id, &converted);
	verified->device_id = text_from_utf8(reading->device_id, &converted);
	verified->audience = array_from_set(&reading->audiences, &converted);
	verified->scopes = names_from_set(&reading->scopes, &converted);
	verified->roles = names_from_set(&reading->roles, &converted);
	verified->claims = jsonb_from_payload(token, &converted);
	if (!converted)
		return false;

	if (verified->subject != NULL)
		verified->identity = cstring_to_text(psprintf("%s#%s", issuer->issuer,
													  text_to_cstring(verified->subject)));
	verified->times = reading->times;
	verified->is_client = reading->is_client;
	verified->roles_incomplete = reading->roles_incomplete;
	verified->time_policy = issuer->policy->time;
	set_revocation_keys(verified, token, issuer);
	return true;
}

/*
 * Packing: what a token says is copied to memory of just its size, which a
 * remembered token keeps. It is done twice, first to count.
 */
typedef struct Packing
{
	char	   *next;			/* where the next piece goes; NULL: only count */
	Size		size;
} Packing;

static void *
pack(Packing *packing, const void *piece, Size size)
{
	void	   *copy = packing->next;

	if (piece == NULL)
		return NULL;
	packing->size += MAXALIGN(size);
	if (copy == NULL)
		return (void *) piece;
	memcpy(copy, piece, size);
	packing->next += MAXALIGN(size);
	return copy;
}

static char *
pack_string(Packing *packing, const char *string)
{
	return string == NULL ? NULL : pack(packing, string, strlen(string) + 1);
}

static void *
pack_varlena(Packing *packing, const void *varlena)
{
	return varlena == NULL ? NULL : pack(packing, varlena, VARSIZE_ANY(varlena));
}

static void
pack_names(Packing *packing, NameSet *set)
{
	const char *array = (const char *) set->array;

	set->array = pack_varlena(packing, set->array);
	set->names = pack(packing, set->names, sizeof(text *) * set->n_names);
	for (int i = 0; i < set->n_names; i++)
		set->names[i] = (text *) ((char *) set->array +
								  ((const char *) set->names[i] - array));
}

/* All that the token points to. */
static void
pack_pieces(Packing *packing, VerifiedToken *token)
{
	RevocationKeys *keys = &token->revocation_keys;

	token->raw = pack_string(packing, token->raw);
	token->namespace = pack_string(packing, token->namespace);
	token->issuer = pack_varlena(packing, token->issuer);
	token->issuer_name = pack_varlena(packing, token->issuer_name);
	token->identity = pack_varlena(packing, token->identity);
	token->subject = pack_varlena(packing, token->subject);
	token->client_id = pack_varlena(packing, token->client_id);
	token->token_id = pack_varlena(packing, token->token_id);
	token->session_id = pack_varlena(packing, token->session_id);
	token->device_id = pack_varlena(packing, token->device_id);
	token->audience = pack_varlena(packing, token->audience);
	pack_names(packing, &token->scopes);
	pack_names(packing, &token->roles);
	token->claims = pack_varlena(packing, token->claims);
	token->log_detail = pack_string(packing, token->log_detail);
	keys->issuer = pack_string(packing, keys->issuer);
	for (RevocationKind kind = 0; kind < REVOCATION_KIND_COUNT; kind++)
		keys->values[kind] = pack_string(packing, keys->values[kind]);
}

/* What a memory context and its first block need for themselves, or a little more. */
#define CONTEXT_OVERHEAD 512

/* A copy in a memory context of its own, below parent. */
static VerifiedToken *
copy_token(MemoryContext parent, const VerifiedToken *token)
{
	VerifiedToken counted = *token;
	Packing		counting = {NULL, MAXALIGN(sizeof(VerifiedToken))};
	Packing		packing = {NULL, 0};
	VerifiedToken *copy;
	MemoryContext context;
	Size		block;

	pack_pieces(&counting, &counted);
	block = MAXALIGN(Max(counting.size + CONTEXT_OVERHEAD, 1024));
	/* one block: a chunk of it must be less than an eighth of the largest */
	context = GenerationContextCreate(parent, "token_auth token", 0, block, 16 * block);
	copy = MemoryContextAlloc(context, counting.size);
	*copy = *token;
	copy->context = context;
	packing.next = (char *) copy + MAXALIGN(sizeof(VerifiedToken));
	pack_pieces(&packing, copy);
	Assert(packing.next == (char *) copy + counting.size);
	return copy;
}

/*
 * A verified token of its own memory, below the memory context parent, or NULL
 * if its text cannot be represented. keep() makes it outlive parent. Leaves
 * what it needed meanwhile in the current memory context.
 */
static VerifiedToken *
make_verified(MemoryContext parent, const Token *token, const Issuer *issuer,
			  const char *log_detail)
{
	VerifiedToken verified = {.log_detail = log_detail};

	if (!read_token(&verified, token, issuer))
		return NULL;
	verified.serial = ++last_serial;
	return copy_token(parent, &verified);
}

static void
keep(VerifiedToken *token)
{
	/* a change that arrived while it was verified: then anew next time */
	if (token->configuration_generation == catalog_configuration_generation)
		remember(token);
	MemoryContextSetParent(token->context, tokens_context);
}

/*
 * The trip of a token
 */

typedef struct Trip
{
	Token	   *token;			/* owned by the memory context of the trip */
	const Issuer *issuer;
	const char *log_detail;
} Trip;

static void
release_token(void *token)
{
	token_free(token);
}

/* From text to an unverified token. */
static Verdict
open_token(Trip *trip, const char *raw, Detail *detail)
{
	ForeignSlot *slot = foreign_slot(CurrentMemoryContext, release_token);
	Token	   *token = NULL;
	Verdict		verdict;

	verdict = token_open(raw, strlen(raw), settings_max_token_size, &token,
						 detail);
	slot->object = token;
	trip->token = token;
	return verdict;
}

static const char *
describe_for_log(const Issuer *issuer, const Token *token)
{
	const char *key_id = token->jws->key_id;

	if (key_id == NULL)
		return psprintf("Issuer \"%s\", no key named.", issuer->name);
	return psprintf("Issuer \"%s\", key \"%s\".", issuer->name,
					verdict_quote(key_id, strlen(key_id)).text);
}

/* The issuer that the token names, if it may sign access tokens here. */
static Verdict
find_issuer(Trip *trip, Detail *detail)
{
	const char *claimed = trip->token->issuer != NULL ? trip->token->issuer : "";
	const char *name = encoding_from_utf8(claimed);

	if (name != NULL)
		trip->issuer = issuer_store_find(name);

	if (trip->issuer != NULL)
		trip->log_detail = describe_for_log(trip->issuer, trip->token);
	if (trip->issuer != NULL && trip->issuer->enabled &&
		trip->issuer->signs_access_tokens)
		return VERDICT_OK;

	if (trip->token->issuer == NULL)
		return verdict_refuse(detail, VERDICT_ISSUER_UNKNOWN,
							  "The token names no issuer.");
	return verdict_refuse(detail, VERDICT_ISSUER_UNKNOWN,
						  "No issuer \"%s\" is trusted for access tokens.",
						  verdict_quote(claimed, strlen(claimed)).text);
}

/*
 * Do time and revocation still let it pass?
 *
 * On a standby no signal tells of changes. In a transaction that has written
 * they do not tell of all: a statement that fails before its triggers have
 * fired takes its changes back in silence. So nothing is learnt there.
 */
static Verdict
judge(VerifiedToken *token, Detail *detail)
{
	int64		now_us = now_unix_us();
	RevocationsHeard heard = revocation_signal_heard();
	bool		is_standby = RecoveryInProgress();	/* asked once: a promotion may come between */
	bool		may_learn = !is_standby && !TransactionIdIsValid(GetTopTransactionIdIfAny());
	const char *revoked_by;
	Verdict		verdict;

	verdict = claims_check_time(&token->times, &token->time_policy, now_us,
								detail);
	if (verdict != VERDICT_OK)
		return verdict;

	if (!is_standby && revocation_stands(&token->revocation_keys, token->heard))
		return VERDICT_OK;
	revoked_by = revocation_covers(&token->revocation_keys, may_learn);
	if (revoked_by != NULL)
		return verdict_refuse(detail, VERDICT_REVOKED,
							  "It is revoked by its %s.", revoked_by);
	if (may_learn)
		token->heard = heard;
	return VERDICT_OK;
}

static Verdict
verify_token(Trip *trip, TokenTrace *trace, Detail *detail)
{
	TokenKeys	keys = issuer_keys_named(trip->issuer->keys,
										 trip->token->jws->key_id);

	return token_verify(trip->token, trip->issuer->policy, &keys,
						now_unix_us(), trace, detail);
}

static Verdict
refuse_unrepresentable(Detail *detail)
{
	return verdict_refuse(detail, VERDICT_CLAIM_INVALID,
						  "A claim holds a character that the database's encoding lacks, or has for another one, too.");
}

/* Everything but time and revocation, which judge() looks at; *verified is below parent. */
static Verdict
make_trip(Trip *trip, const char *raw, MemoryContext parent,
		  VerifiedToken **verified, Detail *detail)
{
	uint64		generation = catalog_configuration_generation;
	Verdict		verdict;

	if ((verdict = open_token(trip, raw, detail)) != VERDICT_OK ||
		(verdict = find_issuer(trip, detail)) != VERDICT_OK ||
		(verdict = verify_token(trip, NULL, detail)) != VERDICT_OK)
		return verdict;

	*verified = make_verified(parent, trip->token, trip->issuer,
							  trip->log_detail);
	if (*verified == NULL)
		return refuse_unrepresentable(detail);
	(*verified)->configuration_generation = generation;
	return VERDICT_OK;
}

static MemoryContext
begin_trip(MemoryContext *caller)
{
	MemoryContext context = AllocSetContextCreate(CurrentMemoryContext,
												  "token_auth trip",
												  ALLOCSET_DEFAULT_SIZES);

	*caller = MemoryContextSwitchTo(context);
	return context;
}

static void
end_trip(MemoryContext context, MemoryContext caller)
{
	MemoryContextSwitchTo(caller);
	MemoryContextDelete(context);
}

static VerifiedToken *
verify_anew(const char *raw, Refusal *refusal)
{
	MemoryContext caller;
	MemoryContext context = begin_trip(&caller);
	Trip		trip = {0};
	VerifiedToken *verified = NULL;

	refusal->verdict = make_trip(&trip, raw, caller, &verified,
								 &refusal->detail);
	if (trip.log_detail != NULL)
		refusal->log_detail = MemoryContextStrdup(caller, trip.log_detail);
	end_trip(context, caller);
	return verified;
}

/* The limit may have been lowered since a token was verified. */
static bool
is_within_limit(const char *raw)
{
	return strlen(raw) <= (size_t) settings_max_token_size;
}

static bool
is_known(const VerifiedToken *token, const char *raw)
{
	return token != NULL &&
		token->configuration_generation == catalog_configuration_generation &&
		strcmp(token->raw, raw) == 0;
}

/*
 * Authenticate a raw token, now.
 *
 *	known		a token that the caller holds and that may be this one,
 *				or NULL
 *
 * Returns a reference to the verified token, which the caller releases with
 * verified_token_release(), or NULL with *refusal filled. Raises an error only
 * if our tables cannot be read or memory runs out.
 */
VerifiedToken *
authenticate(const char *raw, VerifiedToken *known, Refusal *refusal)
{
	VerifiedToken *token = NULL;
	bool		is_new = false;

	memset(refusal, 0, sizeof(*refusal));
	issuer_store_renew(GetCurrentTimestamp());

	if (is_within_limit(raw))
		token = is_known(known, raw) ? known : recall(raw);
	if (token == NULL)
	{
		token = verify_anew(raw, refusal);
		if (token == NULL)
			return NULL;
		is_new = true;
	}

	refusal->verdict = judge(token, &refusal->detail);
	if (refusal->verdict == VERDICT_OK)
	{
		if (is_new)
			keep(token);
		return verified_token_get(token);
	}

	refusal->log_detail = pstrdup(token->log_detail);
	if (is_new)
		MemoryContextDelete(token->context);
	return NULL;
}

/*
 * Checks of a token one by one, for inspect()
 */

static const char *const trip_steps[] = {"form", "trusted issuer"};

static void
note(AuthenticationCheck *check, Verdict verdict, const Detail *detail)
{
	check->made = true;
	check->verdict = verdict;
	check->detail = *detail;
}

static void
name_checks(AuthenticationCheck *checks)
{
	int			n = 0;

	memset(checks, 0, sizeof(*checks) * AUTHENTICATION_CHECK_COUNT);
	for (size_t i = 0; i < lengthof(trip_steps); i++)
		checks[n++].step = trip_steps[i];
	for (TokenStep step = 0; step < TOKEN_STEP_COUNT; step++)
		checks[n++].step = token_step_name(step);
	checks[n++].step = "revocation";
	Assert(n == AUTHENTICATION_CHECK_COUNT);
}

static void
note_trace(AuthenticationCheck *checks, const TokenTrace *trace)
{
	for (TokenStep step = 0; step < TOKEN_STEP_COUNT; step++)
	{
		if (trace->steps[step].made)
			note(&checks[step], trace->steps[step].verdict,
				 &trace->steps[step].detail);
	}
}

/* What was found is worth a word even where it passes. */
static void
describe_form(const Token *token, Detail *detail)
{
	const Jws  *jws = token->jws;
	Quoted		type = verdict_quote(jws->type != NULL ? jws->type : "none",
									 jws->type != NULL ? strlen(jws->type) : 4);
	Quoted		key_id = verdict_quote(jws->key_id != NULL ? jws->key_id : "none",
									   jws->key_id != NULL ? strlen(jws->key_id) : 4);

	(void) verdict_refuse(detail, VERDICT_OK,
						  "alg %s, typ %s, kid %s, %zu bytes.",
						  jws->algorithm_name, type.text, key_id.text,
						  jws->length);
}

static void
find_sources(const ClaimPolicy *policy, AuthenticationSources *sources)
{
	claim_policy_source(policy, "subject_claim", sources->subject,
						sizeof(sources->subject));
	claim_policy_source(policy, "client_claim", sources->client,
						sizeof(sources->client));
	claim_policy_source(policy, "scope_claims", sources->scopes,
						sizeof(sources->scopes));
	claim_policy_source(policy, "role_claims", sources->roles,
						sizeof(sources->roles));
	claim_policy_source(policy, "device_claim", sources->device,
						sizeof(sources->device));
}

/* Make the checks in order; what the token says, below parent, if its signature is good. */
static VerifiedToken *
trace_trip(const char *raw, MemoryContext parent, AuthenticationCheck *checks,
		   AuthenticationSources *sources)
{
	Trip		trip = {0};
	Detail		detail = {""};
	TokenTrace	trace;
	VerifiedToken *token;
	Verdict		verdict;

	verdict = open_token(&trip, raw, &detail);
	if (verdict == VERDICT_OK)
		describe_form(trip.token, &detail);
	note(&checks[0], verdict, &detail);
	if (verdict != VERDICT_OK)
		return NULL;

	verdict = find_issuer(&trip, &detail);
	if (verdict == VERDICT_OK)
		(void) verdict_refuse(&detail, VERDICT_OK, "Registered as \"%s\".",
							  verdict_quote(trip.issuer->name,
											strlen(trip.issuer->name)).text);
	note(&checks[1], verdict, &detail);
	if (verdict != VERDICT_OK)
		return NULL;

	memset(&trace, 0, sizeof(trace));
	(void) verify_token(&trip, &trace, &detail);
	note_trace(checks + lengthof(trip_steps), &trace);
	if (!trace.steps[TOKEN_STEP_SIGNATURE].made ||
		trace.steps[TOKEN_STEP_SIGNATURE].verdict != VERDICT_OK)
		return NULL;
	find_sources(trip.issuer->policy, sources);
	token = make_verified(parent, trip.token, trip.issuer, trip.log_detail);
	if (token == NULL)
		note(&checks[AUTHENTICATION_CHECK_COUNT - 1],
			 refuse_unrepresentable(&detail), &detail);
	return token;
}

/* The last check: is it revoked? */
static void
note_revocation(AuthenticationCheck *check, const VerifiedToken *token)
{
	Detail		detail = {""};
	const char *revoked_by = revocation_covers(&token->revocation_keys, false);
	Verdict		verdict = VERDICT_OK;

	if (revoked_by != NULL)
		verdict = verdict_refuse(&detail, VERDICT_REVOKED,
								 "It is revoked by its %s.", revoked_by);
	note(check, verdict, &detail);
}

/*
 * Make every check of a token that can be made, and note what each found in
 * checks[AUTHENTICATION_CHECK_COUNT].
 *
 * Returns what the token says, in the current memory context, if its signature
 * is good, and in *sources where that was looked for. It may have been refused
 * all the same: this is for looking at, never for deciding.
 */
VerifiedToken *
authenticate_traced(const char *raw, AuthenticationCheck *checks,
					AuthenticationSources *sources)
{
	MemoryContext caller;
	MemoryContext context = begin_trip(&caller);
	VerifiedToken *token;

	name_checks(checks);
	token = trace_trip(raw, caller, checks, sources);
	end_trip(context, caller);

	if (token != NULL)
		note_revocation(&checks[AUTHENTICATION_CHECK_COUNT - 1], token);
	return token;
}

/* exp, or TIME_ABSENT; a token with times that cannot be read is refused anyway. */
static int64
expiry_of(const Token *token)
{
	ClaimTimes	times;

	return claims_read_times(token->claims, &times, NULL) == VERDICT_OK
		? times.expires_at : TIME_ABSENT;
}

/*
 * Check issuer, key and signature of a token, and nothing else: who holds it
 * may revoke it, expired or not. Fills *facts, in the current memory context,
 * or *refusal.
 */
bool
authenticate_signature(const char *raw, SignedToken *facts, Refusal *refusal)
{
	Trip		trip = {0};
	TokenTrace	trace;
	Verdict		verdict;

	memset(refusal, 0, sizeof(*refusal));
	memset(&trace, 0, sizeof(trace));
	if ((verdict = open_token(&trip, raw, &refusal->detail)) == VERDICT_OK &&
		(verdict = find_issuer(&trip, &refusal->detail)) == VERDICT_OK)
	{
		verdict = verify_token(&trip, &trace, &refusal->detail);
		for (TokenStep step = 0; step <= TOKEN_STEP_SIGNATURE; step++)
		{
			if (!trace.steps[step].made ||
				trace.steps[step].verdict != VERDICT_OK)
			{
				refusal->verdict = verdict;
				refusal->log_detail = trip.log_detail;
				return false;
			}
		}
		facts->issuer = pstrdup(trip.issuer->issuer);
		facts->digest = hex_from_digest(trip.token->digest,
										sizeof(trip.token->digest));
		facts->expires_at = expiry_of(trip.token);
		facts->token_id = trip.token->reading.token_id == NULL ? NULL
			: encoding_from_utf8(trip.token->reading.token_id);
		return true;
	}
	refusal->verdict = verdict;
	refusal->log_detail = trip.log_detail;
	return false;
}
