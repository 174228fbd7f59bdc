/*
 * jwk_pem.c
 *		Public keys in PEM, read by way of their JWK members.
 *
 * SubjectPublicKeyInfo can say what a JWK cannot: curves by explicit
 * parameters, compressed points, the point at infinity. What OpenSSL makes of
 * it is therefore written out as members and judged like any other JWK.
 */
#include <jansson.h>
#include <openssl/bio.h>
#include <openssl/err.h>
#include <openssl/evp.h>
#include <openssl/pem.h>
#include <openssl/x509.h>
#include <string.h>

#include "core/jwk.h"
#include "core/key_material.h"

#define PEM_MAX_SIZE ((size_t) 16 * 1024)

static const char white_space[] = " \t\r\n";
static const char begin[] = "-----BEGIN ";

/* One PEM block, decoded; OpenSSL's memory. */
typedef struct PemBlock
{
	char	   *label;
	char	   *header;			/* "Proc-Type: ..." of an encrypted key */
	unsigned char *der;
	long		der_size;
} PemBlock;

static void
block_clear(PemBlock *block)
{
	OPENSSL_free(block->label);
	OPENSSL_free(block->header);
	OPENSSL_clear_free(block->der, block->der == NULL ? 0 : (size_t) block->der_size);
}

static bool
is_white_space(const char *text, size_t length)
{
	for (size_t i = 0; i < length; i++)
	{
		if (text[i] == '\0' || strchr(white_space, text[i]) == NULL)
			return false;
	}
	return true;
}

/*
 * Does the first line call the block a private key? Asked before OpenSSL copies
 * it: its decoder for base64 frees what it holds without cleansing it.
 */
static bool
is_private(const char *pem, size_t length)
{
	static const char words[] = "PRIVATE KEY-----";
	const size_t size = sizeof(words) - 1;

	for (size_t i = 0; i + size <= length && pem[i] != '\n'; i++)
	{
		if (memcmp(pem + i, words, size) == 0)
			return true;
	}
	return false;
}

/* Is the label that was read that of the first line? */
static bool
begins_with_label(const char *pem, size_t length, const char *label)
{
	static const char dashes[] = "-----";
	const size_t size = strlen(label);

	return length >= strlen(begin) + size + strlen(dashes) &&
		memcmp(pem + strlen(begin), label, size) == 0 &&
		memcmp(pem + strlen(begin) + size, dashes, strlen(dashes)) == 0;
}

/* Read the only block, before and after which there is white space at most. */
static Verdict
read_block(const char *pem, size_t length, PemBlock *block, Detail *detail)
{
	BIO		   *bio;
	char	   *rest;
	long		rest_size;
	bool		is_read;

	while (length > 0 && is_white_space(pem, 1))
	{
		pem++;
		length--;
	}
	if (length < strlen(begin) || memcmp(pem, begin, strlen(begin)) != 0)
		return verdict_refuse(detail, VERDICT_MALFORMED,
							  "The text does not begin with \"-----BEGIN \"; one PEM block is expected.");
	if (is_private(pem, length))
		return verdict_refuse(detail, VERDICT_MALFORMED,
							  "The PEM block is a private key; pass the public key that belongs to it.");
	bio = BIO_new_mem_buf(pem, (int) length);
	if (bio == NULL)
		return verdict_refuse(detail, VERDICT_OUT_OF_MEMORY, "Out of memory.");

	is_read = PEM_read_bio(bio, &block->label, &block->header, &block->der,
						   &block->der_size) == 1 &&
		begins_with_label(pem, length, block->label);	/* it skips lines before a block */
	rest_size = BIO_get_mem_data(bio, &rest);
	is_read = is_read && (rest_size <= 0 || is_white_space(rest, (size_t) rest_size));
	BIO_free(bio);
	ERR_clear_error();
	if (!is_read)
		return verdict_refuse(detail, VERDICT_MALFORMED,
							  "The text is not exactly one well-formed PEM block.");
	return VERDICT_OK;
}

static EVP_PKEY *
decode_public_key(const unsigned char **der, long size)
{
	return d2i_PUBKEY(NULL, der, size);
}

static EVP_PKEY *
decode_rsa_public_key(const unsigned char **der, long size)
{
	return d2i_PublicKey(EVP_PKEY_RSA, NULL, der, size);
}

/* Who signed the certificate, and until when it holds, is nobody's business here. */
static EVP_PKEY *
decode_certificate(const unsigned char **der, long size)
{
	X509	   *certificate = d2i_X509(NULL, der, size);
	EVP_PKEY   *pkey = certificate == NULL ? NULL : X509_get_pubkey(certificate);

	X509_free(certificate);
	return pkey;
}

typedef struct PemFormat
{
	const char *label;
	EVP_PKEY   *(*decode) (const unsigned char **der, long size);
} PemFormat;

static const PemFormat pem_formats[] = {
	{"PUBLIC KEY", decode_public_key},
	{"RSA PUBLIC KEY", decode_rsa_public_key},
	{"CERTIFICATE", decode_certificate},
};

static const PemFormat *
find_format(const char *label)
{
	for (size_t i = 0; i < sizeof(pem_formats) / sizeof(pem_formats[0]); i++)
	{
		if (strcmp(pem_formats[i].label, label) == 0)
			return &pem_formats[i];
	}
	return NULL;
}

static Verdict
check_label(const PemBlock *block, Detail *detail)
{
	if (block->header[0] != '\0')
		return verdict_refuse(detail, VERDICT_MALFORMED,
							  "The PEM block has a header, as encrypted keys have; a public key without one is expected.");
	if (find_format(block->label) == NULL)
		return verdict_refuse(detail, VERDICT_MALFORMED,
							  "The PEM block is labelled \"%s\"; PUBLIC KEY, RSA PUBLIC KEY or CERTIFICATE is expected.",
							  verdict_quote(block->label, strlen(block->label)).text);
	return VERDICT_OK;
}

static Verdict
decode_block(const PemBlock *block, EVP_PKEY **pkey, Detail *detail)
{
	const unsigned char *end = block->der;
	Verdict		verdict = check_label(block, detail);

	if (verdict != VERDICT_OK)
		return verdict;
	*pkey = find_format(block->label)->decode(&end, block->der_size);
	ERR_clear_error();
	if (*pkey != NULL && end == block->der + block->der_size)
		return VERDICT_OK;
	EVP_PKEY_free(*pkey);
	*pkey = NULL;
	return verdict_refuse(detail, VERDICT_MALFORMED,
						  "The PEM block does not hold a well-formed public key.");
}

static Verdict
jwk_from_pkey(const EVP_PKEY *pkey, Algorithm algorithm, const char *key_id,
			  Jwk **jwk, Detail *detail)
{
	const JwkPolicy policy = {
		.algorithms = &algorithm,
		.n_algorithms = algorithm == ALGORITHM_UNKNOWN ? 0 : 1
	};
	json_t	   *members;
	Verdict		verdict = key_material_members(pkey, &members, detail);

	if (verdict != VERDICT_OK)
		return verdict;
	if (key_id != NULL &&
		json_object_set_new(members, "kid", json_string(key_id)) != 0)
		verdict = verdict_refuse(detail, VERDICT_MALFORMED,
								 "The key id is not valid UTF-8.");
	else
		verdict = jwk_from_json(members, &policy, jwk, detail);
	json_decref(members);
	return verdict;
}

Verdict
jwk_from_pem(const char *pem, size_t length, Algorithm algorithm,
			 const char *key_id, Jwk **jwk, Detail *detail)
{
	PemBlock	block = {0};
	EVP_PKEY   *pkey = NULL;
	Verdict		verdict;

	*jwk = NULL;
	if (length > PEM_MAX_SIZE)
		return verdict_refuse(detail, VERDICT_TOO_LARGE,
							  "The PEM text has %zu bytes; at most %zu are accepted.",
							  length, PEM_MAX_SIZE);

	verdict = read_block(pem, length, &block, detail);
	if (verdict == VERDICT_OK)
		verdict = decode_block(&block, &pkey, detail);
	if (verdict == VERDICT_OK)
		verdict = jwk_from_pkey(pkey, algorithm, key_id, jwk, detail);
	EVP_PKEY_free(pkey);
	block_clear(&block);
	return verdict;
}
