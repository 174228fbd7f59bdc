/* Published vectors: no invalid one is accepted, no valid one refused but for a stated reason. */
#include "test.h"

#include <jansson.h>
#include <stdlib.h>

#include "core/jwk.h"
#include "core/jws.h"
#include "core/signature.h"

#define MAX_LISTED 200

/* A line of refused_on_purpose.tsv */
typedef struct Listed
{
	char		source[64];
	char		id[64];
	char		outcome[16];
	bool		only_for_its_secret;	/* refused, but for that accepted */
	bool		met;
} Listed;

static Listed listed[MAX_LISTED];
static size_t n_listed;

static void
read_list(void)
{
	FILE	   *file = fopen(VECTORS "/refused_on_purpose.tsv", "r");
	char		line[1024];

	while (file != NULL && fgets(line, sizeof(line), file) != NULL && n_listed < MAX_LISTED)
	{
		Listed	   *entry = &listed[n_listed];

		if (sscanf(line, "%63[^\t]\t%63[^\t]\t%15[^\t]\t", entry->source, entry->id, entry->outcome) == 3 &&
			strcmp(entry->source, "source") != 0)
		{
			entry->only_for_its_secret = strstr(line, "\tthe secret is one byte repeated; but for that ") != NULL;
			n_listed++;
		}
	}
	CHECK(file != NULL && n_listed > 0, "the list of exceptions is there");
	if (file != NULL)
		fclose(file);
}

static Listed *
find_listed(const char *source, const char *id)
{
	for (size_t i = 0; i < n_listed; i++)
	{
		if (strcmp(listed[i].source, source) == 0 && strcmp(listed[i].id, id) == 0)
			return &listed[i];
	}
	return NULL;
}

/* The keys of set, as one issuer would have them. */
static Verdict
verify_with_set(const char *token, const JwkSet *set, Detail *detail)
{
	const Jwk  *keys[JWK_SET_MAX_KEYS];
	const Jwk  *key;
	size_t		n_keys = 0;
	Jws		   *jws;
	Verdict		verdict = jws_parse(token, strlen(token), 65536, &jws, detail);

	if (verdict != VERDICT_OK)
		return verdict;
	for (size_t i = 0; i < set->n_entries; i++)
	{
		if (set->entries[i].jwk != NULL)
			keys[n_keys++] = set->entries[i].jwk;
	}
	verdict = jwk_select(keys, n_keys, jws->key_id, jws->algorithms, &key, detail);
	if (verdict == VERDICT_OK)
		verdict = signature_verify(jws, key, detail);
	jws_free(jws);
	return verdict;
}

static Verdict
verify(const char *token, const char *keys, const Algorithm *algorithms,
	   size_t n_algorithms, Detail *detail)
{
	const JwkPolicy policy = {
		.algorithms = algorithms, .n_algorithms = n_algorithms, .any_type = true
	};
	JwkSet	   *set;
	Verdict		verdict = jwk_set_parse(keys, strlen(keys), &policy, &set, detail);

	if (verdict != VERDICT_OK)
		return verdict;
	verdict = verify_with_set(token, set, detail);
	jwk_set_free(set);
	return verdict;
}

/*
 * Verifies under the secret that one source uses, 32 zeros, which no JWK may
 * have: its tokens are still to be told apart.
 */
static bool
is_accepted_under_zeros(const char *token)
{
	static const char text[] = "{\"kty\":\"oct\",\"alg\":\"HS256\",\"kid\":\"hs256-key\",\"k\":\"AyM1SysPpbyDfgZld3umj1qzKObwVMkoqQ-EstJQLr8\"}";
	const JwkPolicy policy = {.symmetric = true};
	const Jwk  *key;
	Jwk		   *jwk;
	Jws		   *jws = NULL;
	Detail		detail;
	bool		accepted;

	if (jwk_parse(text, strlen(text), &policy, &jwk, &detail) != VERDICT_OK)
		return false;
	memset(jwk->secret, 0, jwk->secret_size);
	key = jwk;
	accepted = jws_parse(token, strlen(token), 65536, &jws, &detail) == VERDICT_OK &&
		jwk_select(&key, 1, jws->key_id, jws->algorithms, &key, &detail) == VERDICT_OK &&
		signature_verify(jws, key, &detail) == VERDICT_OK;
	jws_free(jws);
	jwk_free(jwk);
	return accepted;
}

/*
 * Under any policy a user might have: each algorithm alone, and none stated.
 * So an invalid token is refused whichever one asks for, and not for want of
 * the right question.
 */
static bool
is_accepted(const char *token, const char *keys, Detail *detail)
{
	Detail		unwanted;

	if (verify(token, keys, NULL, 0, detail) == VERDICT_OK)
		return true;
	for (int i = ALGORITHM_UNKNOWN + 1; i < ALGORITHM_COUNT; i++)
	{
		const Algorithm algorithm = (Algorithm) i;

		if (verify(token, keys, &algorithm, 1, &unwanted) == VERDICT_OK)
			return true;
	}
	return false;
}

static void
run(const json_t *line)
{
	const char *source = json_string_value(json_object_get(line, "source"));
	const char *id = json_string_value(json_object_get(line, "id"));
	const char *expect = json_string_value(json_object_get(line, "expect"));
	const json_t *jwk = json_object_get(line, "jwk");
	char	   *keys = json_dumps(jwk != NULL ? jwk : json_object_get(line, "jwks"), 0);
	Listed	   *exception = find_listed(source, id);
	Detail		detail = {""};
	bool		accepted;
	bool		expected = strcmp(expect, "valid") == 0;

	accepted = is_accepted(json_string_value(json_object_get(line, "token")), keys, &detail);
	if (exception != NULL)
	{
		exception->met = true;
		expected = strcmp(exception->outcome, "accepted") == 0;
	}
	if (strcmp(expect, "invalid") == 0)
		CHECK(exception == NULL, "an invalid case has no exception");
	else if (strcmp(expect, "either") == 0)
		CHECK(exception != NULL, "%s %s has a stated outcome", source, id);
	if (!CHECK(accepted == expected, "%s: %s %s: %s", expected ? "accepted" : "refused", source, id,
			   json_string_value(json_object_get(line, "comment"))) && !accepted)
		printf("# %s\n", detail.text);
	if (strstr(keys, "\"k\": \"AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA\"") != NULL)
	{
		expected = exception != NULL && exception->only_for_its_secret;
		CHECK(is_accepted_under_zeros(json_string_value(json_object_get(line, "token"))) == expected,
			  "%s, but for its secret: %s %s", expected ? "accepted" : "refused", source, id);
	}
	free(keys);
}

int
main(void)
{
	FILE	   *file = fopen(VECTORS "/published.jsonl", "r");
	static char line[1 << 16];
	int			n_lines = 0;

	read_list();
	while (file != NULL && fgets(line, sizeof(line), file) != NULL)
	{
		json_t	   *vector = json_loads(line, 0, NULL);

		if (CHECK(vector != NULL, "line %d is JSON", n_lines + 1))
			run(vector);
		json_decref(vector);
		n_lines++;
	}
	if (file != NULL)
		fclose(file);
	CHECK(n_lines == 543, "all 543 vectors were run");
	for (size_t i = 0; i < n_listed; i++)
		CHECK(listed[i].met, "listed case exists: %s %s", listed[i].source, listed[i].id);
	return finish();
}
