/*
 * jwk.c
 *		JSON Web Keys that are safe to verify with (RFC 7517, 7518, 8037).
 *
 * One key verifies one algorithm (RFC 8725 section 3.1): the choice is made
 * here, when the key is registered, and never by a token.
 */
#include "core/jwk.h"

#include <jansson.h>
#include <openssl/crypto.h>
#include <openssl/evp.h>
#include <stdlib.h>
#include <string.h>

#include "core/key_material.h"
#include "core/strict_json.h"

#define KEY_ID_MAX_SIZE 256
#define ISSUER_MAX_SIZE 2048
#define KEY_OPS_MAX 16			/* RFC 7517 section 4.3 knows eight */

static Verdict
out_of_memory(Detail *detail)
{
	return verdict_refuse(detail, VERDICT_OUT_OF_MEMORY, "Out of memory.");
}

static bool
same(const char *a, const char *b)
{
	return strcmp(a, b) == 0;
}

/* Reads a string member that must be there. */
static Verdict
required_string(const json_t *object, const char *name, const char **value,
				Detail *detail)
{
	Verdict		verdict = strict_json_string(object, name, KEY_ID_MAX_SIZE,
											 value, detail);

	if (verdict == VERDICT_OK && *value == NULL)
		return verdict_refuse(detail, VERDICT_MALFORMED,
							  "The member \"%s\" is missing.", name);
	return verdict;
}

/*
 * Private members (RFC 7518 sections 6.2.2, 6.3.2 and 6.4, RFC 9964). Who
 * sends one by mistake has published a private key, and should hear of it.
 */
Verdict
jwk_check_private(const struct json_t *object, const JwkPolicy *policy,
				  Detail *detail)
{
	static const char *const members[] = {
		"d", "p", "q", "dp", "dq", "qi", "oth", "priv", "k"
	};
	const char *type = json_string_value(json_object_get(object, "kty"));
	const bool	is_secret = type != NULL && same(type, "oct") &&
		(policy->symmetric || policy->any_type);

	for (size_t i = 0; i < sizeof(members) / sizeof(members[0]); i++)
	{
		if (is_secret && same(members[i], "k"))
			continue;
		if (json_object_get(object, members[i]) != NULL)
			return verdict_refuse(detail, VERDICT_MALFORMED,
								  "The member \"%s\" is private; a public key is expected.",
								  members[i]);
	}
	return VERDICT_OK;
}

static Verdict
check_type(const char *type, const JwkPolicy *policy, Detail *detail)
{
	const bool	is_secret = same(type, "oct");
	Quoted		quoted = verdict_quote(type, strlen(type));

	if (!is_secret && !same(type, "RSA") && !same(type, "EC") && !same(type, "OKP"))
		return verdict_refuse(detail, VERDICT_MALFORMED,
							  "The member \"kty\" is \"%s\"; RSA, EC, OKP or oct is expected.",
							  quoted.text);
	if (policy->any_type || is_secret == policy->symmetric)
		return VERDICT_OK;
	return verdict_refuse(detail, VERDICT_MALFORMED,
						  "The member \"kty\" is \"%s\"; %s is expected.", quoted.text,
						  policy->symmetric ? "oct" : "a public key, RSA, EC or OKP,");
}

/* RFC 7517 section 4.3: key_ops names no operation twice, and "verify". */
static Verdict
check_key_ops(const json_t *operations, Detail *detail)
{
	const size_t n = json_array_size(operations);
	bool		verifies = false;

	if (!json_is_array(operations))
		return verdict_refuse(detail, VERDICT_MALFORMED,
							  "The member \"key_ops\" is %s; an array of strings is expected.",
							  strict_json_type_name(operations));
	if (n > KEY_OPS_MAX)
		return verdict_refuse(detail, VERDICT_MALFORMED,
							  "The member \"key_ops\" has more than %d elements.",
							  KEY_OPS_MAX);
	for (size_t i = 0; i < n; i++)
	{
		const json_t *operation = json_array_get(operations, i);

		if (!json_is_string(operation))
			return verdict_refuse(detail, VERDICT_MALFORMED,
								  "The member \"key_ops\" has an element that is not a string.");
		for (size_t j = 0; j < i; j++)
		{
			if (json_equal(operation, json_array_get(operations, j)))
				return verdict_refuse(detail, VERDICT_MALFORMED,
									  "The member \"key_ops\" names an operation twice.");
		}
		verifies = verifies || same(json_string_value(operation), "verify");
	}
	if (!verifies)
		return verdict_refuse(detail, VERDICT_MALFORMED,
							  "The member \"key_ops\" does not name \"verify\".");
	return VERDICT_OK;
}

/* Operations that contradict "use": "sig" (RFC 7517 section 4.3). */
static Verdict
check_use_agrees(const json_t *operations, Detail *detail)
{
	for (size_t i = 0; i < json_array_size(operations); i++)
	{
		const char *operation = json_string_value(json_array_get(operations, i));

		if (!same(operation, "verify") && !same(operation, "sign"))
			return verdict_refuse(detail, VERDICT_MALFORMED,
								  "The member \"key_ops\" contradicts the member \"use\".");
	}
	return VERDICT_OK;
}

static Verdict
check_purpose(const json_t *object, Detail *detail)
{
	const json_t *operations = json_object_get(object, "key_ops");
	const char *use;
	Verdict		verdict = strict_json_string(object, "use", KEY_ID_MAX_SIZE,
											 &use, detail);

	if (verdict != VERDICT_OK)
		return verdict;
	if (use != NULL && !same(use, "sig"))
		return verdict_refuse(detail, VERDICT_MALFORMED,
							  "The member \"use\" is \"%s\"; \"sig\" is expected.",
							  verdict_quote(use, strlen(use)).text);
	if (operations == NULL)
		return VERDICT_OK;
	verdict = check_key_ops(operations, detail);
	if (verdict == VERDICT_OK && use != NULL)
		verdict = check_use_agrees(operations, detail);
	return verdict;
}

/* Does issuer, with its {tenantid} replaced by tenant, equal expected? */
static bool
issuer_matches(const char *issuer, const char *tenant, const char *expected)
{
	static const char placeholder[] = "{tenantid}";
	const char *hole = tenant != NULL ? strstr(issuer, placeholder) : NULL;
	size_t		before;
	size_t		filled;

	if (hole == NULL)
		return same(issuer, expected);
	before = (size_t) (hole - issuer);
	filled = before + strlen(tenant);
	return strlen(expected) >= filled &&
		memcmp(expected, issuer, before) == 0 &&
		memcmp(expected + before, tenant, filled - before) == 0 &&
		same(expected + filled, hole + strlen(placeholder));
}

/*
 * Microsoft Entra publishes all tenants' keys in one set, and in each key's
 * "issuer" who may sign with it.
 */
static Verdict
check_issuer(const json_t *object, const JwkPolicy *policy, Detail *detail)
{
	const char *issuer;
	Verdict		verdict;

	if (policy->issuer == NULL)
		return VERDICT_OK;
	verdict = strict_json_string(object, "issuer", ISSUER_MAX_SIZE, &issuer,
								 detail);
	if (verdict != VERDICT_OK || issuer == NULL)
		return verdict;
	if (!issuer_matches(issuer, policy->tenant, policy->issuer))
		return verdict_refuse(detail, VERDICT_MALFORMED,
							  "The member \"issuer\" is \"%s\": the key is another issuer's.",
							  verdict_quote(issuer, strlen(issuer)).text);
	return VERDICT_OK;
}

/* The algorithms that a key of this type and curve can verify. */
static AlgorithmSet
fitting_algorithms(const char *type, const char *curve)
{
	AlgorithmSet set = 0;

	for (int i = ALGORITHM_UNKNOWN + 1; i < ALGORITHM_COUNT; i++)
	{
		const AlgorithmInfo *info = algorithm_info((Algorithm) i);

		if (same(info->key_type, type) &&
			(info->curve == NULL || same(info->curve, curve)))
			set |= ALGORITHM_BIT(i);
	}
	return set;
}

/* Sets *fitting, which is not empty afterwards. */
static Verdict
read_fitting(const json_t *object, const char *type, AlgorithmSet *fitting,
			 Detail *detail)
{
	const char *curve = "";
	Verdict		verdict = VERDICT_OK;

	if (same(type, "EC") || same(type, "OKP"))
		verdict = required_string(object, "crv", &curve, detail);
	if (verdict != VERDICT_OK)
		return verdict;
	*fitting = fitting_algorithms(type, curve);
	if (*fitting == 0)
		return verdict_refuse(detail, VERDICT_MALFORMED,
							  "The member \"crv\" is \"%s\", which is no signature curve known for this \"kty\".",
							  verdict_quote(curve, strlen(curve)).text);
	return VERDICT_OK;
}

/* The members of set that alg can mean; all of it if alg is absent. */
static Verdict
narrow_by_alg(const json_t *object, AlgorithmSet *set, Detail *detail)
{
	const char *name;
	Verdict		verdict = strict_json_string(object, "alg", KEY_ID_MAX_SIZE,
											 &name, detail);

	if (verdict != VERDICT_OK || name == NULL)
		return verdict;
	if (algorithm_set_by_name(name) == 0)
		return verdict_refuse(detail, VERDICT_ALGORITHM_REFUSED,
							  "The member \"alg\" is \"%s\", which is no signature algorithm known here.",
							  verdict_quote(name, strlen(name)).text);
	*set &= algorithm_set_by_name(name);
	if (*set == 0)
		return verdict_refuse(detail, VERDICT_MALFORMED,
							  "The member \"alg\" does not fit the key's type or curve.");
	return VERDICT_OK;
}

/* The policy's favourite in set. */
static Verdict
choose_allowed(AlgorithmSet set, const JwkPolicy *policy,
			   Algorithm *algorithm, Detail *detail)
{
	for (size_t i = 0; i < policy->n_algorithms; i++)
	{
		*algorithm = policy->algorithms[i];
		if (*algorithm != ALGORITHM_UNKNOWN &&
			(set & ALGORITHM_BIT(*algorithm)) != 0)
			return VERDICT_OK;
	}
	return verdict_refuse(detail, VERDICT_ALGORITHM_REFUSED,
						  "The key is for an algorithm that is not allowed: see its \"alg\", \"kty\" and \"crv\".");
}

/* The only one in set, where no policy prefers one. */
static Verdict
choose_only(AlgorithmSet set, Algorithm *algorithm, Detail *detail)
{
	if ((set & (set - 1)) != 0)
		return verdict_refuse(detail, VERDICT_MALFORMED,
							  "The member \"alg\" is missing; it must say which algorithm the key is for.");
	for (int i = ALGORITHM_UNKNOWN + 1; i < ALGORITHM_COUNT; i++)
	{
		if (set == ALGORITHM_BIT(i))
			*algorithm = (Algorithm) i;
	}
	return VERDICT_OK;
}

static Verdict
choose_algorithm(const json_t *object, const char *type,
				 const JwkPolicy *policy, Algorithm *algorithm, Detail *detail)
{
	AlgorithmSet set;
	Verdict		verdict = read_fitting(object, type, &set, detail);

	if (verdict == VERDICT_OK)
		verdict = narrow_by_alg(object, &set, detail);
	if (verdict != VERDICT_OK)
		return verdict;
	if (policy->n_algorithms > 0)
		return choose_allowed(set, policy, algorithm, detail);
	return choose_only(set, algorithm, detail);
}

/* The members that are read as text; *algorithm is set on VERDICT_OK. */
static Verdict
read_declarations(const json_t *object, const JwkPolicy *policy,
				  const char **key_id, Algorithm *algorithm, Detail *detail)
{
	const char *type;
	Verdict		verdict = jwk_check_private(object, policy, detail);

	if (verdict == VERDICT_OK)
		verdict = required_string(object, "kty", &type, detail);
	if (verdict == VERDICT_OK)
		verdict = check_type(type, policy, detail);
	if (verdict == VERDICT_OK)
		verdict = strict_json_string(object, "kid", KEY_ID_MAX_SIZE, key_id, detail);
	if (verdict == VERDICT_OK)
		verdict = check_purpose(object, detail);
	if (verdict == VERDICT_OK)
		verdict = check_issuer(object, policy, detail);
	if (verdict == VERDICT_OK)
		verdict = choose_algorithm(object, type, policy, algorithm, detail);
	return verdict;
}

static Verdict
import_material(const json_t *object, Jwk *jwk, Detail *detail)
{
	const AlgorithmInfo *info = algorithm_info(jwk->algorithm);
	Verdict		verdict;

	if (info->family == FAMILY_HMAC)
		verdict = key_material_secret(object, jwk->algorithm, &jwk->secret,
									  &jwk->secret_size, detail);
	else
		verdict = key_material_public(object, jwk->algorithm, &jwk->pkey,
									  detail);
	if (verdict != VERDICT_OK)
		return verdict;

	jwk->signature_size = info->signature_size != 0 ? info->signature_size :
		((size_t) EVP_PKEY_get_bits(jwk->pkey) + 7) / 8;
	return VERDICT_OK;
}

/* Fill a zeroed jwk; after a refusal the caller frees it half filled. */
static Verdict
fill(const json_t *object, const JwkPolicy *policy, Jwk *jwk, Detail *detail)
{
	const char *key_id = NULL;
	Verdict		verdict = read_declarations(object, policy, &key_id,
											&jwk->algorithm, detail);

	if (verdict == VERDICT_OK)
		verdict = import_material(object, jwk, detail);
	if (verdict == VERDICT_OK)
		verdict = jwk_thumbprint_json(object, jwk->thumbprint, detail);
	if (verdict != VERDICT_OK || key_id == NULL)
		return verdict;
	jwk->key_id = strdup(key_id);
	return jwk->key_id != NULL ? VERDICT_OK : out_of_memory(detail);
}

Verdict
jwk_from_json(const struct json_t *object, const JwkPolicy *policy,
			  Jwk **jwk, Detail *detail)
{
	Verdict		verdict;

	*jwk = calloc(1, sizeof(Jwk));
	if (*jwk == NULL)
		return out_of_memory(detail);
	verdict = fill(object, policy, *jwk, detail);
	if (verdict != VERDICT_OK)
	{
		jwk_free(*jwk);
		*jwk = NULL;
	}
	return verdict;
}

Verdict
jwk_parse(const char *text, size_t length, const JwkPolicy *policy,
		  Jwk **jwk, Detail *detail)
{
	json_t	   *object;
	Verdict		verdict;

	*jwk = NULL;
	verdict = strict_json_object(text, length, &strict_json_key_limits,
								 &object, detail);
	if (verdict != VERDICT_OK)
		return verdict;
	verdict = jwk_from_json(object, policy, jwk, detail);
	strict_json_forget(object);
	return verdict;
}

void
jwk_free(Jwk *jwk)
{
	if (jwk == NULL)
		return;
	if (jwk->secret != NULL)
		OPENSSL_cleanse(jwk->secret, jwk->secret_size);
	free(jwk->secret);
	EVP_PKEY_free(jwk->pkey);
	free(jwk->key_id);
	free(jwk);
}

/* The public members of a key; of an oct key there are none but kty. */
static Verdict
public_members(const Jwk *jwk, json_t **members)
{
	if (jwk->pkey != NULL)
		return key_material_members(jwk->pkey, members, NULL);
	*members = json_pack("{ss}", "kty", "oct");
	return *members != NULL ? VERDICT_OK : VERDICT_OUT_OF_MEMORY;
}

char *
jwk_public_text(const Jwk *jwk)
{
	const char *algorithm = algorithm_info(jwk->algorithm)->name;
	json_t	   *members;
	char	   *text = NULL;

	if (public_members(jwk, &members) != VERDICT_OK)
		return NULL;
	if ((jwk->key_id == NULL ||
		 json_object_set_new(members, "kid", json_string(jwk->key_id)) == 0) &&
		json_object_set_new(members, "alg", json_string(algorithm)) == 0 &&
		json_object_set_new(members, "use", json_string("sig")) == 0)
		text = strict_json_text(members);
	json_decref(members);
	return text;
}
