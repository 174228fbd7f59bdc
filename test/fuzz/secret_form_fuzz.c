/* Any octets as a secret: what OpenSSL reads as a key, and what is a JSON object, is found, also in base64. */
#include "fuzz.h"

#include <jansson.h>
#include <openssl/bio.h>
#include <openssl/err.h>
#include <openssl/pem.h>
#include <openssl/x509.h>

#include "core/base64url.h"
#include "core/secret_form.h"

#define LOOKED_AT_MAX 4096

/* Is this DER, that is, the same when it is written again? */
#define IS_DER(type, data, size) \
	({ \
		const unsigned char *start_ = (data); \
		unsigned char *again_ = NULL; \
		type *object_ = d2i_##type(NULL, &start_, (long) (size)); \
		int			size_ = object_ == NULL ? -1 : i2d_##type(object_, &again_); \
		const bool	is_same_ = size_ >= 0 && (size_t) size_ == (size) && memcmp(again_, data, size) == 0; \
		OPENSSL_free(again_); \
		type##_free(object_); \
		is_same_; \
	})

static bool
is_public_key(const uint8_t *data, size_t size)
{
	const unsigned char *start = data;
	unsigned char *again = NULL;
	EVP_PKEY   *pkey = d2i_PUBKEY(NULL, &start, (long) size);
	int			again_size = pkey == NULL ? -1 : i2d_PUBKEY(pkey, &again);
	const bool	is_same = again_size >= 0 && (size_t) again_size == size && memcmp(again, data, size) == 0;

	OPENSSL_free(again);
	EVP_PKEY_free(pkey);
	return is_same;
}

static bool
is_pem(const uint8_t *data, size_t size)
{
	BIO		   *bio = BIO_new_mem_buf(data, (int) size);
	char	   *label = NULL;
	char	   *header = NULL;
	unsigned char *der = NULL;
	long		der_size;
	const bool	is_block = PEM_read_bio(bio, &label, &header, &der, &der_size) == 1;

	OPENSSL_free(label);
	OPENSSL_free(header);
	OPENSSL_free(der);
	BIO_free(bio);
	return is_block;
}

static bool
is_json_object(const uint8_t *data, size_t size)
{
	json_t	   *value = json_loadb((const char *) data, size, 0, NULL);
	const bool	is_object = json_object_size(value) > 0;

	json_decref(value);
	return is_object;
}

/* A SEQUENCE of BER without a length, which a certificate keeps when it is written again. */
static bool
has_indefinite_length(const uint8_t *data, size_t size)
{
	for (size_t i = 1; i < size; i++)
	{
		if (data[i - 1] == 0x30 && data[i] == 0x80)
			return true;
	}
	return false;
}

static bool
must_be_found(const uint8_t *data, size_t size)
{
	bool		must = is_public_key(data, size) ||
		(IS_DER(X509, data, size) && !has_indefinite_length(data, size)) ||
		IS_DER(PKCS8_PRIV_KEY_INFO, data, size) || is_pem(data, size) || is_json_object(data, size);

	ERR_clear_error();
	return must;
}

/* A form that is found is found in base64, too. */
static void
check_encoded(const uint8_t *data, size_t size)
{
	char		text[BASE64URL_ENCODED_SIZE(LOOKED_AT_MAX)];
	size_t		length;
	SecretForm	form;

	length = base64url_encode(data, size, text);
	REQUIRE(length > LOOKED_AT_MAX || secret_form_find((const unsigned char *) text, length, &form));
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	SecretForm	form = {NULL, SECRET_REMEDY_SECRET, false};
	const bool	found = secret_form_find(data, size, &form);

	REQUIRE(ERR_peek_error() == 0);
	REQUIRE(found == (form.name != NULL));
	REQUIRE(found || !form.is_encoded);
	if (size == 0 || size > LOOKED_AT_MAX)
		return 0;
	if (must_be_found(data, size))
		REQUIRE(found);
	if (found && !form.is_encoded)
		check_encoded(data, size);
	return 0;
}
