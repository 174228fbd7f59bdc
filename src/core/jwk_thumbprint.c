/*
 * jwk_thumbprint.c
 *		A key's own name: the hash of what makes it that key (RFC 7638).
 *
 * Only the canonical spelling of each value is accepted, and so the text can
 * be hashed as it stands. The thumbprint of an oct key is a hash of its
 * secret: harmless for random ones, a way to test guesses for others.
 */
#include <jansson.h>
#include <openssl/crypto.h>
#include <openssl/err.h>
#include <openssl/evp.h>
#include <string.h>

#include "core/base64url.h"
#include "core/jwk.h"
#include "core/strict_json.h"

#define OCTETS_MAX_SIZE 4096	/* ML-DSA-87 has 2592 */

static Verdict
out_of_memory(Detail *detail)
{
	return verdict_refuse(detail, VERDICT_OUT_OF_MEMORY, "Out of memory.");
}

/* How a member's value has to be written to have one spelling. */
typedef enum ValueForm
{
	VALUE_NAME,					/* letters, digits, hyphens */
	VALUE_OCTETS,				/* base64url */
	VALUE_NUMBER				/* base64url of the fewest octets */
} ValueForm;

/* What RFC 7638 section 3.2 and RFC 9964 hash, in lexicographic order. */
typedef struct ThumbprintMember
{
	const char *name;
	ValueForm	form;
} ThumbprintMember;

typedef struct ThumbprintForm
{
	const char *type;
	ThumbprintMember members[4];
} ThumbprintForm;

static const ThumbprintForm thumbprint_forms[] = {
	{"EC", {
		{"crv", VALUE_NAME}, {"kty", VALUE_NAME},
		{"x", VALUE_OCTETS}, {"y", VALUE_OCTETS}
	}},
	{"OKP", {
		{"crv", VALUE_NAME}, {"kty", VALUE_NAME}, {"x", VALUE_OCTETS}
	}},
	{"RSA", {
		{"e", VALUE_NUMBER}, {"kty", VALUE_NAME}, {"n", VALUE_NUMBER}
	}},
	{"oct", {
		{"k", VALUE_OCTETS}, {"kty", VALUE_NAME}
	}},
	{"AKP", {
		{"alg", VALUE_NAME}, {"kty", VALUE_NAME}, {"pub", VALUE_OCTETS}
	}},
};

static const ThumbprintForm *
thumbprint_form(const char *type)
{
	for (size_t i = 0; i < sizeof(thumbprint_forms) / sizeof(thumbprint_forms[0]); i++)
	{
		if (strcmp(thumbprint_forms[i].type, type) == 0)
			return &thumbprint_forms[i];
	}
	return NULL;
}

/* One value for one spelling: only then its hash names the key. */
static bool
is_canonical(const ThumbprintMember *member, const char *text, size_t length)
{
	unsigned char bytes[OCTETS_MAX_SIZE + 3];
	size_t		n_bytes;
	bool		canonical;

	if (member->form == VALUE_NAME)
		return strspn(text, "ABCDEFGHIJKLMNOPQRSTUVWXYZ"
					  "abcdefghijklmnopqrstuvwxyz0123456789-") == length;
	if (length > (OCTETS_MAX_SIZE * 4 + 2) / 3)
		return false;

	canonical = base64url_decode(text, length, bytes, &n_bytes) && n_bytes > 0;
	if (canonical && member->form == VALUE_NUMBER)
		canonical = bytes[0] != 0;
	OPENSSL_cleanse(bytes, sizeof(bytes));
	return canonical;
}

static bool
hash_text(EVP_MD_CTX *ctx, const char *text)
{
	return EVP_DigestUpdate(ctx, text, strlen(text)) == 1;
}

/* Hash ,"name":"value" and, for the first member, { in place of the comma. */
static Verdict
hash_member(EVP_MD_CTX *ctx, const json_t *object,
			const ThumbprintMember *member, bool is_first, Detail *detail)
{
	const json_t *value = json_object_get(object, member->name);
	const char *text = json_string_value(value);

	if (text == NULL ||
		!is_canonical(member, text, json_string_length(value)))
		return verdict_refuse(detail, VERDICT_MALFORMED,
							  "The member \"%s\" is missing or not in its canonical form.",
							  member->name);
	if (!hash_text(ctx, is_first ? "{\"" : ",\"") ||
		!hash_text(ctx, member->name) ||
		!hash_text(ctx, "\":\"") ||
		!hash_text(ctx, text) ||
		!hash_text(ctx, "\""))
		return out_of_memory(detail);
	return VERDICT_OK;
}

static Verdict
hash_members(EVP_MD_CTX *ctx, const json_t *object,
			 const ThumbprintForm *form, unsigned char digest[32],
			 Detail *detail)
{
	const size_t n = sizeof(form->members) / sizeof(form->members[0]);

	if (EVP_DigestInit_ex(ctx, EVP_sha256(), NULL) != 1)
		return out_of_memory(detail);
	for (size_t i = 0; i < n && form->members[i].name != NULL; i++)
	{
		Verdict		verdict = hash_member(ctx, object, &form->members[i],
										  i == 0, detail);

		if (verdict != VERDICT_OK)
			return verdict;
	}
	if (!hash_text(ctx, "}") || EVP_DigestFinal_ex(ctx, digest, NULL) != 1)
		return out_of_memory(detail);
	return VERDICT_OK;
}

Verdict
jwk_thumbprint_json(const struct json_t *object, char thumbprint[44],
					Detail *detail)
{
	const ThumbprintForm *form;
	const char *type;
	unsigned char digest[32];
	EVP_MD_CTX *ctx;
	Verdict		verdict;

	verdict = strict_json_string(object, "kty", 64, &type, detail);
	if (verdict != VERDICT_OK)
		return verdict;
	if (type == NULL)
		return verdict_refuse(detail, VERDICT_MALFORMED,
							  "The member \"kty\" is missing.");
	form = thumbprint_form(type);
	if (form == NULL)
		return verdict_refuse(detail, VERDICT_MALFORMED,
							  "The member \"kty\" is \"%s\", which is not known here.",
							  verdict_quote(type, strlen(type)).text);

	ctx = EVP_MD_CTX_new();
	if (ctx == NULL)
		return out_of_memory(detail);
	verdict = hash_members(ctx, object, form, digest, detail);
	EVP_MD_CTX_free(ctx);
	ERR_clear_error();
	if (verdict == VERDICT_OK)
		thumbprint[base64url_encode(digest, sizeof(digest), thumbprint)] = '\0';
	return verdict;
}

Verdict
jwk_thumbprint(const char *text, size_t length, char thumbprint[44],
			   Detail *detail)
{
	json_t	   *object;
	Verdict		verdict;

	verdict = strict_json_object(text, length, &strict_json_key_limits,
								 &object, detail);
	if (verdict != VERDICT_OK)
		return verdict;
	verdict = jwk_thumbprint_json(object, thumbprint, detail);
	strict_json_forget(object);
	return verdict;
}
