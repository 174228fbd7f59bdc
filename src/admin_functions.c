/*
 * admin_functions.c
 *		What the administration functions in SQL need of C.
 *
 * Keys are parsed here and stored by SQL. Errors are raised here, too: the
 * server logs the statement of a PL/pgSQL RAISE, and a statement that adds a
 * secret or revokes a token may hold it as a literal.
 */
#include "postgres.h"

#include "activity.h"
#include "catalog.h"
#include "catalog/pg_type.h"
#include "change_lock.h"
#include "core/jwk.h"
#include "core/jws.h"
#include "core/secret_form.h"
#include "core/signature.h"
#include "encoding.h"
#include "fmgr.h"
#include "foreign.h"
#include "funcapi.h"
#include "lib/stringinfo.h"
#include "miscadmin.h"
#include "report.h"
#include "revocation.h"
#include "settings.h"
#include "storage/lmgr.h"
#include "utils/array.h"
#include "utils/builtins.h"
#include "utils/datum.h"
#include "utils/fmgrprotos.h"
#include "utils/jsonb.h"

/*
 * Arguments
 */

/* Text argument n as a string, or NULL. */
static char *
string_argument(FunctionCallInfo fcinfo, int n)
{
	return PG_ARGISNULL(n) ? NULL : text_to_cstring(PG_GETARG_TEXT_PP(n));
}

/* Text argument n as UTF-8, or NULL. */
static char *
utf8_argument(FunctionCallInfo fcinfo, int n)
{
	char	   *string = string_argument(fcinfo, n);

	return string == NULL ? NULL : encoding_to_utf8(string);
}

static void
require_argument(FunctionCallInfo fcinfo, int n, const char *name)
{
	if (PG_ARGISNULL(n))
		report_error("22004", psprintf("argument \"%s\" must not be null", name),
					 NULL, NULL);
}

/* A jsonb argument as the UTF-8 text that the core reads. */
static char *
json_argument(FunctionCallInfo fcinfo, int n)
{
	Jsonb	   *jsonb = PG_GETARG_JSONB_P(n);

	return encoding_to_utf8(JsonbToCString(NULL, &jsonb->root, VARSIZE(jsonb)));
}

/* The algorithms that a name means, which must be known. */
static AlgorithmSet
algorithms_by_name(const char *name)
{
	AlgorithmSet set = algorithm_set_by_name(name);

	if (set == 0)
		report_error("22023",
					 psprintf("algorithm \"%s\" is not known",
							  verdict_quote(name, strlen(name)).text),
					 NULL,
					 "Known are HS256, HS384, HS512, RS256, RS384, RS512, PS256, PS384, PS512, ES256, ES384, ES512, ES256K, Ed25519, Ed448 and EdDSA.");
	return set;
}

/* Algorithms in order of preference, each once. */
typedef struct AlgorithmList
{
	Algorithm	algorithms[ALGORITHM_COUNT];
	size_t		n_algorithms;
	AlgorithmSet set;
} AlgorithmList;

static void
append_algorithms(AlgorithmList *list, AlgorithmSet set)
{
	for (int i = ALGORITHM_UNKNOWN + 1; i < ALGORITHM_COUNT; i++)
	{
		if ((set & ~list->set & ALGORITHM_BIT(i)) == 0)
			continue;
		list->algorithms[list->n_algorithms++] = (Algorithm) i;
		list->set |= ALGORITHM_BIT(i);
	}
}

/* Argument n, a text[] of algorithms; at least one. */
static AlgorithmList
algorithms_argument(FunctionCallInfo fcinfo, int n)
{
	AlgorithmList list = {0};
	Datum	   *names;
	bool	   *nulls;
	int			n_names;

	require_argument(fcinfo, n, "algorithms");
	deconstruct_array(PG_GETARG_ARRAYTYPE_P(n), TEXTOID, -1, false,
					  TYPALIGN_INT, &names, &nulls, &n_names);
	for (int i = 0; i < n_names; i++)
	{
		if (nulls[i])
			report_error("22004", "argument \"algorithms\" must not hold nulls",
						 NULL, NULL);
		append_algorithms(&list, algorithms_by_name(TextDatumGetCString(names[i])));
	}
	if (list.n_algorithms == 0)
		report_error("22023", "argument \"algorithms\" must not be empty",
					 NULL, "Name the algorithms that the keys may be for.");
	return list;
}

/*
 * Keys
 */

static void
release_key(void *key)
{
	jwk_free(key);
}

static void
release_key_set(void *set)
{
	jwk_set_free(set);
}

static void
release_text(void *text)
{
	free(text);
}

/* A key as it is registered; NULL if the database's encoding lacks a character. */
static Jsonb *
jsonb_from_key(const Jwk *jwk)
{
	ForeignSlot *slot = foreign_slot(CurrentMemoryContext, release_text);
	char	   *document;

	slot->object = jwk_public_text(jwk);
	if (slot->object == NULL)
		ereport(ERROR,
				(errcode(ERRCODE_OUT_OF_MEMORY), errmsg("out of memory"),
				 errhidestmt(true)));
	document = encoding_from_utf8(slot->object);
	if (document == NULL)
		return NULL;
	return DatumGetJsonbP(DirectFunctionCall1(jsonb_in, CStringGetDatum(document)));
}

/* The columns of the composite type parsed_key. */
typedef struct ParsedKey
{
	Datum		values[5];
	bool		nulls[5];
} ParsedKey;

enum
{
	COLUMN_KEY_ID,
	COLUMN_ALGORITHM,
	COLUMN_THUMBPRINT,
	COLUMN_JWK,
	COLUMN_REJECTED
};

static void
set_column(ParsedKey *row, int column, const char *text)
{
	if (text == NULL)
		return;
	row->values[column] = CStringGetTextDatum(text);
	row->nulls[column] = false;
}

static void
clear_row(ParsedKey *row)
{
	memset(row->values, 0, sizeof(row->values));
	memset(row->nulls, true, sizeof(row->nulls));
}

/* A usable key; false if the database's encoding lacks a character. */
static bool
row_from_key(ParsedKey *row, const Jwk *jwk)
{
	Jsonb	   *jsonb = jsonb_from_key(jwk);

	clear_row(row);
	if (jsonb == NULL)
		return false;
	if (jwk->key_id != NULL)
		set_column(row, COLUMN_KEY_ID, encoding_from_utf8(jwk->key_id));
	set_column(row, COLUMN_ALGORITHM, algorithm_info(jwk->algorithm)->name);
	set_column(row, COLUMN_THUMBPRINT, jwk->thumbprint);
	row->values[COLUMN_JWK] = JsonbPGetDatum(jsonb);
	row->nulls[COLUMN_JWK] = false;
	return true;
}

static const char character_missing[] =
"The member \"kid\" holds a character that the database's encoding lacks, or has for another one, too.";

/* A key of a set, usable or not. */
static void
row_from_entry(ParsedKey *row, const JwkSetEntry *entry)
{
	if (entry->jwk == NULL)
	{
		clear_row(row);
		set_column(row, COLUMN_KEY_ID, entry->key_id);
		set_column(row, COLUMN_REJECTED, entry->detail.text);
	}
	else if (!row_from_key(row, entry->jwk))
		set_column(row, COLUMN_REJECTED, character_missing);
}

/* The set in jsonb argument n, owned by the current memory context. */
static const JwkSet *
key_set_argument(FunctionCallInfo fcinfo, int n, const JwkPolicy *policy)
{
	ForeignSlot *slot = foreign_slot(CurrentMemoryContext, release_key_set);
	char	   *text = json_argument(fcinfo, n);
	JwkSet	   *set = NULL;
	Detail		detail = {""};
	Verdict		verdict;

	verdict = jwk_set_parse(text, strlen(text), policy, &set, &detail);
	slot->object = set;
	explicit_bzero(text, strlen(text));
	if (verdict != VERDICT_OK)
		report_unusable("JWK Set", verdict, &detail);
	return set;
}

PG_FUNCTION_INFO_V1(token_auth_parse_jwks);

/* parse_jwks(jwks jsonb, algorithms text[], issuer text, tenant text) */
Datum
token_auth_parse_jwks(PG_FUNCTION_ARGS)
{
	ReturnSetInfo *result = (ReturnSetInfo *) fcinfo->resultinfo;
	AlgorithmList allowed;
	JwkPolicy	policy = {0};
	const JwkSet *set;

	require_argument(fcinfo, 0, "jwks");
	allowed = algorithms_argument(fcinfo, 1);
	policy.algorithms = allowed.algorithms;
	policy.n_algorithms = allowed.n_algorithms;
	policy.issuer = utf8_argument(fcinfo, 2);
	policy.tenant = utf8_argument(fcinfo, 3);
	set = key_set_argument(fcinfo, 0, &policy);

	InitMaterializedSRF(fcinfo, 0);
	for (size_t i = 0; i < set->n_entries; i++)
	{
		ParsedKey	row;

		row_from_entry(&row, &set->entries[i]);
		tuplestore_putvalues(result->setResult, result->setDesc,
							 row.values, row.nulls);
	}
	return (Datum) 0;
}

PG_FUNCTION_INFO_V1(token_auth_parse_jwk);

/*
 * parse_jwk(jwk jsonb, algorithms text[]) returns parsed_key
 *
 * A key added by hand brings its own algorithm, whether or not the issuer's
 * JWK Set may have it. A key that leaves a choice gets the issuer's favourite.
 */
Datum
token_auth_parse_jwk(PG_FUNCTION_ARGS)
{
	ForeignSlot *slot = foreign_slot(CurrentMemoryContext, release_key);
	AlgorithmList preferred;
	char	   *document;
	JwkPolicy	policy = {0};
	Jwk		   *jwk = NULL;
	Detail		detail = {""};
	Verdict		verdict;
	ParsedKey	row;
	TupleDesc	descriptor;

	require_argument(fcinfo, 0, "jwk");
	preferred = algorithms_argument(fcinfo, 1);
	append_algorithms(&preferred, ALGORITHMS_PUBLIC);
	policy.algorithms = preferred.algorithms;
	policy.n_algorithms = preferred.n_algorithms;

	document = json_argument(fcinfo, 0);
	verdict = jwk_parse(document, strlen(document), &policy, &jwk, &detail);
	slot->object = jwk;
	explicit_bzero(document, strlen(document));
	if (verdict != VERDICT_OK)
		report_unusable("JWK", verdict, &detail);
	if (!row_from_key(&row, jwk))
		report_error("22023", "JWK cannot be used", character_missing, NULL);

	if (get_call_result_type(fcinfo, NULL, &descriptor) != TYPEFUNC_COMPOSITE)
		elog(ERROR, "return type must be a row type");
	BlessTupleDesc(descriptor);
	return HeapTupleGetDatum(heap_form_tuple(descriptor, row.values, row.nulls));
}

PG_FUNCTION_INFO_V1(token_auth_jwk_thumbprint);

/* jwk_thumbprint(jwk jsonb) returns text: RFC 7638, SHA-256 */
Datum
token_auth_jwk_thumbprint(PG_FUNCTION_ARGS)
{
	char	   *text = json_argument(fcinfo, 0);
	char		thumbprint[44];
	Detail		detail = {""};
	Verdict		verdict = jwk_thumbprint(text, strlen(text), thumbprint, &detail);

	explicit_bzero(text, strlen(text));
	if (verdict != VERDICT_OK)
		report_unusable("JWK", verdict, &detail);
	PG_RETURN_TEXT_P(cstring_to_text(thumbprint));
}

/* The one algorithm in a set, or ALGORITHM_UNKNOWN if there are more. */
static Algorithm
only_algorithm(AlgorithmSet set)
{
	for (int i = ALGORITHM_UNKNOWN + 1; i < ALGORITHM_COUNT; i++)
	{
		if (set == ALGORITHM_BIT(i))
			return (Algorithm) i;
	}
	return ALGORITHM_UNKNOWN;
}

PG_FUNCTION_INFO_V1(token_auth_jwk_from_pem);

/* jwk_from_pem(pem text, algorithm text, key_id text) returns jsonb */
Datum
token_auth_jwk_from_pem(PG_FUNCTION_ARGS)
{
	ForeignSlot *slot = foreign_slot(CurrentMemoryContext, release_key);
	AlgorithmSet meant = ALGORITHMS_PUBLIC;
	char	   *pem;
	Jwk		   *jwk = NULL;
	Jsonb	   *jsonb;
	Detail		detail = {""};
	Verdict		verdict;

	require_argument(fcinfo, 0, "pem");
	pem = utf8_argument(fcinfo, 0);
	if (!PG_ARGISNULL(1))
		meant = algorithms_by_name(string_argument(fcinfo, 1));
	if (meant & ALGORITHMS_SECRET)
		report_error("22023", "a public key cannot be for a symmetric algorithm",
					 NULL, "Use token_auth.add_secret() for a shared secret.");

	verdict = jwk_from_pem(pem, strlen(pem), only_algorithm(meant),
						   utf8_argument(fcinfo, 2), &jwk, &detail);
	slot->object = jwk;
	if (verdict == VERDICT_OK && (meant & ALGORITHM_BIT(jwk->algorithm)) == 0)
		verdict = verdict_refuse(&detail, VERDICT_ALGORITHM_REFUSED,
								 "The key is not one for this algorithm.");
	if (verdict != VERDICT_OK)
		report_unusable("PEM key", verdict, &detail);

	jsonb = jsonb_from_key(jwk);
	if (jsonb == NULL)
		report_error("22023", "PEM key cannot be used", character_missing, NULL);
	PG_RETURN_JSONB_P(jsonb);
}

/* Returns the hint: the function to call instead of add_secret(), or the secret to pass. */
static const char *
secret_hint(SecretRemedy remedy)
{
	switch (remedy)
	{
		case SECRET_REMEDY_PEM:
			return "Add it as a public key: token_auth.add_key() with the result of token_auth.jwk_from_pem().";
		case SECRET_REMEDY_TO_PEM:
			return "Convert it to PEM, and add it as a public key: token_auth.add_key() with the result of token_auth.jwk_from_pem().";
		case SECRET_REMEDY_PUBLIC_PART:
			return "Leave the private key to the issuer. Add its public key: token_auth.add_key() with the result of token_auth.jwk_from_pem().";
		case SECRET_REMEDY_JWK:
			return "Use token_auth.add_key() for a JWK, token_auth.import_jwks() for a JWK Set.";
		case SECRET_REMEDY_DECODE_K:
			return "Pass to token_auth.add_secret() the bytes that the member \"k\" encodes in base64url, instead of the JWK.";
		case SECRET_REMEDY_SECRET:
			break;
	}
	return "Pass the secret that the issuer signs tokens with, which nobody else knows.";
}

PG_FUNCTION_INFO_V1(token_auth_check_secret_form);

/* check_secret_form(secret bytea) returns void: refuses keys and the like */
Datum
token_auth_check_secret_form(PG_FUNCTION_ARGS)
{
	bytea	   *secret = PG_GETARG_BYTEA_PP(0);
	SecretForm	form;

	if (secret_form_find((const unsigned char *) VARDATA_ANY(secret),
						 VARSIZE_ANY_EXHDR(secret), &form))
		report_error("22023", "secret cannot be used",
					 psprintf("It is %s%s, not a secret.", form.name,
							  form.is_encoded ? ", encoded as text" : ""),
					 secret_hint(form.remedy));
	PG_RETURN_VOID();
}

/*
 * The JOSE part alone
 */

static void
release_jws(void *jws)
{
	jws_free(jws);
}

/* The token in text argument n, owned by the current memory context. */
static const Jws *
jws_argument(FunctionCallInfo fcinfo, int n)
{
	ForeignSlot *slot = foreign_slot(CurrentMemoryContext, release_jws);
	text	   *token = PG_GETARG_TEXT_PP(n);
	Jws		   *jws = NULL;
	Detail		detail = {""};
	Verdict		verdict;

	verdict = jws_parse(VARDATA_ANY(token), VARSIZE_ANY_EXHDR(token),
						settings_max_token_size, &jws, &detail);
	slot->object = jws;
	if (verdict != VERDICT_OK)
		report_refusal(verdict, &detail, NULL);
	return jws;
}

/*
 * The usable keys among those in jsonb argument n, of whatever algorithm; at
 * least one. A key that leaves a choice is for the first allowed algorithm.
 */
static const Jwk **
keys_argument(FunctionCallInfo fcinfo, int n, AlgorithmList preferred,
			  size_t *n_keys)
{
	JwkPolicy	policy = {.any_type = true};
	const JwkSet *set;
	const Jwk **keys;

	append_algorithms(&preferred, ALGORITHMS_SECRET | ALGORITHMS_PUBLIC);
	policy.algorithms = preferred.algorithms;
	policy.n_algorithms = preferred.n_algorithms;
	set = key_set_argument(fcinfo, n, &policy);

	keys = palloc(sizeof(Jwk *) * (set->n_entries + 1));
	*n_keys = 0;
	for (size_t i = 0; i < set->n_entries; i++)
	{
		if (set->entries[i].jwk != NULL)
			keys[(*n_keys)++] = set->entries[i].jwk;
	}
	if (*n_keys == 0)
		report_error("22023", "JWK Set has no key that can be used",
					 set->n_entries == 0 ? "It is empty."
					 : set->entries[0].detail.text, NULL);
	return keys;
}

static void
check_signature(const Jws *jws, AlgorithmSet allowed, const Jwk *const *keys,
				size_t n_keys)
{
	const Jwk  *jwk = NULL;
	Detail		detail = {""};
	Verdict		verdict;

	verdict = jwk_select(keys, n_keys, jws->key_id, jws->algorithms & allowed,
						 &jwk, &detail);
	if (verdict == VERDICT_OK)
		verdict = signature_verify(jws, jwk, &detail);
	if (verdict != VERDICT_OK)
		report_refusal(verdict, &detail, NULL);
}

PG_FUNCTION_INFO_V1(token_auth_verify_jws);

/* verify_jws(token text, jwks jsonb, algorithms text[]) returns bytea: the payload */
Datum
token_auth_verify_jws(PG_FUNCTION_ARGS)
{
	AlgorithmList allowed;
	const Jws  *jws;
	const Jwk **keys;
	size_t		n_keys;
	Detail		detail;
	bytea	   *payload;

	require_argument(fcinfo, 0, "token");
	require_argument(fcinfo, 1, "jwks");
	allowed = algorithms_argument(fcinfo, 2);

	jws = jws_argument(fcinfo, 0);
	if ((jws->algorithms & allowed.set) == 0)
		report_refusal(verdict_refuse(&detail, VERDICT_ALGORITHM_REFUSED,
									  "The \"alg\" in the token's header, \"%s\", is not among those asked for.",
									  verdict_quote(jws->algorithm_name,
													strlen(jws->algorithm_name)).text),
					   &detail, NULL);
	keys = keys_argument(fcinfo, 1, allowed, &n_keys);
	check_signature(jws, allowed.set, keys, n_keys);

	payload = palloc(VARHDRSZ + jws->payload_size);
	SET_VARSIZE(payload, VARHDRSZ + jws->payload_size);
	memcpy(VARDATA(payload), jws->payload, jws->payload_size);
	PG_RETURN_BYTEA_P(payload);
}

/*
 * Transactions that change the same
 */

PG_FUNCTION_INFO_V1(token_auth_lock_changes);

/* lock_changes(name text) returns void: waits for the lock of this name */
Datum
token_auth_lock_changes(PG_FUNCTION_ARGS)
{
	require_argument(fcinfo, 0, "name");
	change_lock_wait(string_argument(fcinfo, 0));
	PG_RETURN_VOID();
}

PG_FUNCTION_INFO_V1(token_auth_wait_for_issuers);

/*
 * wait_for_issuers() returns void
 *
 * A lock of the table would wait as well, but its request would stop every
 * later UPDATE, and the lock itself until the end of the transaction.
 */
Datum
token_auth_wait_for_issuers(PG_FUNCTION_ARGS)
{
	LOCKTAG		table;

	SET_LOCKTAG_RELATION(table, MyDatabaseId, catalog_table_oid(CATALOG_ISSUER));
	WaitForLockers(table, ShareLock, false);
	PG_RETURN_VOID();
}

PG_FUNCTION_INFO_V1(token_auth_free_source);

/* free_source(issuer text, kind text, value text, source text) returns text */
Datum
token_auth_free_source(PG_FUNCTION_ARGS)
{
	char	   *source = revocation_free_source(string_argument(fcinfo, 0),
												string_argument(fcinfo, 1),
												string_argument(fcinfo, 2),
												string_argument(fcinfo, 3));

	PG_RETURN_TEXT_P(cstring_to_text(source));
}

PG_FUNCTION_INFO_V1(token_auth_leeway);

/*
 * leeway(issuer text) returns interval: NULL if there is no such issuer
 *
 * In SQL a SERIALIZABLE transaction that revokes would take a predicate lock,
 * and could make one fail that changes the issuer.
 */
Datum
token_auth_leeway(PG_FUNCTION_ARGS)
{
	const char *key[] = {string_argument(fcinfo, 0)};
	CatalogScan scan;
	HeapTuple	row;
	bool		is_null = true;
	Datum		leeway = (Datum) 0;

	catalog_open(&scan, CATALOG_ISSUER);
	catalog_scan_begin(&scan, lengthof(key), key);
	row = catalog_scan_next(&scan);
	if (row != NULL)
		leeway = catalog_column(&scan, row, "leeway", &is_null);
	if (!is_null)
		leeway = datumCopy(leeway, false, sizeof(Interval));
	catalog_close(&scan);

	if (is_null)
		PG_RETURN_NULL();
	return leeway;
}

/*
 * Errors and the server log
 */

PG_FUNCTION_INFO_V1(token_auth_raise_error);

/* raise_error(sqlstate text, message text, detail text, hint text): never returns */
Datum
token_auth_raise_error(PG_FUNCTION_ARGS)
{
	char	   *sqlstate = string_argument(fcinfo, 0);
	char	   *message = string_argument(fcinfo, 1);

	if (sqlstate == NULL || strlen(sqlstate) != 5 || message == NULL)
		elog(ERROR, "raise_error() needs a SQLSTATE and a message");
	report_error(sqlstate, message, string_argument(fcinfo, 2),
				 string_argument(fcinfo, 3));
	PG_RETURN_VOID();
}

/* so many octets that their escaped form is never cut */
#define QUOTED_PIECE 16

/* Append a text escaped, but whole: issuers and users often differ at the end only. */
static void
append_whole_quoted(StringInfo line, const char *text)
{
	size_t		length = strlen(text);

	for (size_t i = 0; i < length; i += QUOTED_PIECE)
		appendStringInfoString(line, verdict_quote(&text[i],
												   Min(length - i, QUOTED_PIECE)).text);
}

PG_FUNCTION_INFO_V1(token_auth_hide_statement);

/* hide_statement() returns void: pg_stat_activity shows "***" for the running statement */
Datum
token_auth_hide_statement(PG_FUNCTION_ARGS)
{
	activity_hide_statement();
	PG_RETURN_VOID();
}

PG_FUNCTION_INFO_V1(token_auth_log_change);

/*
 * log_change(action text, issuer text, value text) returns void
 *
 * Reads: revoked subject "alice" of issuer "https://idp.example.com" by "admin"
 * without value: revoked issuer "https://idp.example.com" by "admin"
 * without issuer, too: pruned 3 revocations by "admin"
 */
Datum
token_auth_log_change(PG_FUNCTION_ARGS)
{
	char	   *action = string_argument(fcinfo, 0);
	char	   *issuer = string_argument(fcinfo, 1);
	char	   *value = string_argument(fcinfo, 2);
	char	   *user = GetUserNameFromId(GetSessionUserId(), true);
	StringInfoData line;

	initStringInfo(&line);
	appendStringInfoString(&line, action != NULL ? action : "");
	if (value != NULL)
	{
		appendStringInfoString(&line, " \"");
		append_whole_quoted(&line, value);
		appendStringInfoString(&line, "\" of issuer");
	}
	if (issuer != NULL)
	{
		appendStringInfoString(&line, " \"");
		append_whole_quoted(&line, issuer);
		appendStringInfoString(&line, "\"");
	}
	appendStringInfoString(&line, " by \"");
	append_whole_quoted(&line, user != NULL ? user : "");
	appendStringInfoString(&line, "\"");

	report_log(line.data);
	PG_RETURN_VOID();
}
