/*
 * issuer_keys.c
 *		The keys of one issuer.
 *
 * Their rows are read at once. A key is parsed when a token first names it:
 * to judge an RSA modulus takes longer than to verify with it, and an issuer
 * publishes keys of which a session sees one.
 */
#include "postgres.h"

#include "catalog.h"
#include "core/base64url.h"
#include "encoding.h"
#include "foreign.h"
#include "issuer_keys.h"
#include "nodes/pg_list.h"
#include "report.h"
#include "utils/builtins.h"
#include "utils/json.h"
#include "utils/jsonb.h"

/* A row of token_auth.key that counts. */
typedef struct StoredKey
{
	const char *key_id;			/* in UTF-8, as in a token's header; or NULL */
	const char *thumbprint;
	Algorithm	algorithm;		/* ALGORITHM_UNKNOWN: the row names none */
	Jsonb	   *document;		/* NULL if the column is */
	ForeignSlot *jwk;			/* a Jwk, once parsed */
} StoredKey;

struct IssuerKeys
{
	const char *issuer;			/* exact iss, and its name for the log */
	const char *name;
	List	   *keys;			/* of StoredKey */
	AlgorithmSet algorithms;	/* allowed, or of a key that brings its own */
};

static void
release_key(void *key)
{
	jwk_free(key);
}

/* The one algorithm of a key row, or ALGORITHM_UNKNOWN. */
static Algorithm
algorithm_column(CatalogScan *scan, HeapTuple row)
{
	char	   *name = catalog_text_column(scan, row, "algorithm");
	AlgorithmSet set = name != NULL ? algorithm_set_by_name(name) : 0;

	for (Algorithm algorithm = 0; algorithm < ALGORITHM_COUNT; algorithm++)
	{
		if (set == ALGORITHM_BIT(algorithm))
			return algorithm;
	}
	return ALGORITHM_UNKNOWN;
}

/*
 * May tokens be verified with this key row? A key of a JWKS must have an
 * algorithm that the issuer allows; one added by hand brings its own.
 */
static bool
row_counts(CatalogScan *scan, HeapTuple row, Algorithm algorithm,
		   AlgorithmSet allowed)
{
	char	   *origin = catalog_text_column(scan, row, "origin");
	bool		in_use;

	(void) catalog_column(scan, row, "retired_at", &in_use);
	if (!in_use || !catalog_boolean_column(scan, row, "enabled"))
		return false;
	return origin == NULL || strcmp(origin, "jwks") != 0 ||
		(ALGORITHM_BIT(algorithm) & allowed) != 0;
}

/* The secret of a symmetric key row, or NULL. */
static bytea *
find_secret(const char *issuer, const char *thumbprint)
{
	const char *values[] = {issuer, thumbprint};
	CatalogScan scan;
	HeapTuple	row;
	bytea	   *secret = NULL;

	catalog_open(&scan, CATALOG_SECRET);
	catalog_scan_begin(&scan, lengthof(values), values);
	row = catalog_scan_next(&scan);
	if (row != NULL)
	{
		bool		is_null;
		Datum		value = catalog_column(&scan, row, "secret", &is_null);

		if (!is_null)
			secret = DatumGetByteaPCopy(value);
	}
	catalog_close(&scan);
	return secret;
}

/* A symmetric key as the core reads keys: a JWK with its secret in it. */
static char *
symmetric_jwk(const bytea *secret, const char *key_id)
{
	size_t		size = VARSIZE_ANY_EXHDR(secret);
	char	   *encoded = palloc(BASE64URL_ENCODED_SIZE(size) + 1);
	StringInfoData jwk;

	encoded[base64url_encode((const unsigned char *) VARDATA_ANY(secret), size,
							 encoded)] = '\0';
	initStringInfo(&jwk);
	appendStringInfo(&jwk, "{\"kty\": \"oct\", \"k\": \"%s\"", encoded);
	if (key_id != NULL)
	{
		appendStringInfoString(&jwk, ", \"kid\": ");
		escape_json(&jwk, key_id);
	}
	appendStringInfoChar(&jwk, '}');
	explicit_bzero(encoded, strlen(encoded));
	return jwk.data;
}

/* Parse a symmetric key: the row names the algorithm, another table has the secret. */
static Verdict
parse_symmetric(const IssuerKeys *keys, const StoredKey *key, Jwk **jwk,
				Detail *detail)
{
	JwkPolicy	policy = {.algorithms = &key->algorithm, .n_algorithms = 1,
	.symmetric = true};
	bytea	   *secret = find_secret(keys->issuer, key->thumbprint);
	char	   *text;
	Verdict		verdict;

	if (secret == NULL)
		return verdict_refuse(detail, VERDICT_MALFORMED,
							  "The key has no secret.");
	text = symmetric_jwk(secret, key->key_id);
	verdict = jwk_parse(text, strlen(text), &policy, jwk, detail);
	explicit_bzero(text, strlen(text));
	explicit_bzero(secret, VARSIZE_ANY(secret));
	return verdict;
}

static Verdict
parse_public(const StoredKey *key, Jwk **jwk, Detail *detail)
{
	JwkPolicy	policy = {.algorithms = &key->algorithm, .n_algorithms = 1};
	char	   *text = JsonbToCString(NULL, &key->document->root, -1);

	text = encoding_to_utf8(text);
	return jwk_parse(text, strlen(text), &policy, jwk, detail);
}

static bool
is_same(const char *a, const char *b)
{
	return a == NULL || b == NULL ? a == b : strcmp(a, b) == 0;
}

/*
 * Parse a key, with every check that its registration made: a row may have
 * been written by other means.
 */
static Verdict
parse_key(const IssuerKeys *keys, const StoredKey *key, Jwk **jwk,
		  Detail *detail)
{
	if (key->algorithm == ALGORITHM_UNKNOWN || key->document == NULL)
		return verdict_refuse(detail, VERDICT_ALGORITHM_REFUSED,
							  "The key names no known algorithm.");
	if (ALGORITHM_BIT(key->algorithm) & ALGORITHMS_SECRET)
		return parse_symmetric(keys, key, jwk, detail);
	return parse_public(key, jwk, detail);
}

/* Say in the log, once for each configuration, that a key row is of no use. */
static void
complain_of_key(const IssuerKeys *keys, const Detail *detail)
{
	static uint64 complained_generation = 0;

	if (complained_generation == catalog_configuration_generation)
		return;
	complained_generation = catalog_configuration_generation;
	report_log(psprintf("a key of issuer \"%s\" cannot be used: %s",
						keys->name, detail->text));
}

/*
 * Parse a key to keep. One that cannot be used is tried again when it is next
 * named: that may have been for lack of memory, which not every library tells.
 */
static void
prepare_key(const IssuerKeys *keys, const StoredKey *key)
{
	Jwk		   *jwk = NULL;
	Detail		detail = {""};
	Verdict		verdict = parse_key(keys, key, &jwk, &detail);

	key->jwk->object = jwk;
	if (verdict == VERDICT_OK && !is_same(jwk->key_id, key->key_id))
		verdict = verdict_refuse(&detail, VERDICT_MALFORMED,
								 "Its column \"key_id\" and the member \"kid\" differ.");
	if (verdict == VERDICT_OK)
		return;

	foreign_release(key->jwk);
	if (verdict == VERDICT_OUT_OF_MEMORY)
		report_unusable("row of token_auth.key", verdict, &detail);
	complain_of_key(keys, &detail);
}

static StoredKey *
read_key(CatalogScan *scan, HeapTuple row, Algorithm algorithm)
{
	StoredKey  *key = palloc0(sizeof(StoredKey));
	char	   *key_id = catalog_text_column(scan, row, "key_id");
	bool		is_null;
	Datum		document = catalog_column(scan, row, "jwk", &is_null);

	key->key_id = key_id != NULL ? encoding_to_utf8(key_id) : NULL;
	key->thumbprint = catalog_text_column(scan, row, "thumbprint");
	key->algorithm = algorithm;
	if (!is_null)
		key->document = DatumGetJsonbPCopy(document);
	key->jwk = foreign_slot(CurrentMemoryContext, release_key);
	return key;
}

/*
 * Read, into the current memory context, the keys that may verify tokens.
 *
 *	issuer, name	the issuer's row says so; they must live as long
 *	allowed			the algorithms that it allows
 */
const IssuerKeys *
issuer_keys_load(const char *issuer, const char *name, AlgorithmSet allowed)
{
	const char *values[] = {issuer};
	IssuerKeys *keys = palloc0(sizeof(IssuerKeys));
	CatalogScan scan;
	HeapTuple	row;

	keys->issuer = issuer;
	keys->name = name;
	keys->algorithms = allowed;

	catalog_open(&scan, CATALOG_KEY);
	catalog_scan_begin(&scan, lengthof(values), values);
	while ((row = catalog_scan_next(&scan)) != NULL)
	{
		Algorithm	algorithm = algorithm_column(&scan, row);

		if (!row_counts(&scan, row, algorithm, allowed))
			continue;
		keys->keys = lappend(keys->keys, read_key(&scan, row, algorithm));
		if (algorithm != ALGORITHM_UNKNOWN)
			keys->algorithms |= ALGORITHM_BIT(algorithm);
	}
	catalog_close(&scan);
	return keys;
}

/*
 * The keys that a token with this kid can mean; without one, all. key_id is in
 * UTF-8. The array is of the current memory context, what it points to lives
 * as long as the keys.
 */
TokenKeys
issuer_keys_named(const IssuerKeys *keys, const char *key_id)
{
	const Jwk **named = palloc(sizeof(Jwk *) * Max(list_length(keys->keys), 1));
	TokenKeys	result = {.keys = named, .algorithms = keys->algorithms};
	ListCell   *cell;

	foreach(cell, keys->keys)
	{
		StoredKey  *key = lfirst(cell);

		if (key_id != NULL && !is_same(key->key_id, key_id))
			continue;
		if (key->jwk->object == NULL)
			prepare_key(keys, key);
		if (key->jwk->object != NULL)
			named[result.n_keys++] = key->jwk->object;
	}
	return result;
}
