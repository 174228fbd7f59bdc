/* Any text as PEM: an accepted key is sound, and has the algorithm and kid that were asked for. */
#include "fuzz.h"

#include <openssl/bio.h>
#include <openssl/err.h>
#include <openssl/pem.h>

#include "core/jwk.h"
#include "key_answer.h"

/* One of each type and curve; which is tried depends on the size. */
static const Algorithm algorithms[] = {
	ALGORITHM_HS256, ALGORITHM_RS256, ALGORITHM_PS512,
	ALGORITHM_ES256, ALGORITHM_ES384, ALGORITHM_ES512, ALGORITHM_ES256K,
	ALGORITHM_ED25519, ALGORITHM_ED448
};

/* Nothing stands behind the key in its block; BER without a length tells nothing. */
static void
require_whole_block(const char *pem, size_t length)
{
	const char *begin = memchr(pem, '-', length);
	BIO		   *bio = BIO_new_mem_buf(begin, (int) (pem + length - begin));
	char	   *label = NULL;
	char	   *header = NULL;
	unsigned char *der = NULL;
	const unsigned char *start;
	long		der_size;
	long		size;
	int			tag;
	int			class;

	REQUIRE(PEM_read_bio(bio, &label, &header, &der, &der_size) == 1);
	start = der;
	if ((ASN1_get_object(&start, &size, &tag, &class, der_size) & 0x81) == 0)
		REQUIRE(start + size == der + der_size);
	OPENSSL_free(label);
	OPENSSL_free(header);
	OPENSSL_free(der);
	BIO_free(bio);
}

static void
check(const char *pem, size_t length, Algorithm algorithm, const char *key_id)
{
	Jwk		   *jwk;
	Detail		detail = {""};
	Verdict		verdict = jwk_from_pem(pem, length, algorithm, key_id, &jwk, &detail);

	REQUIRE(ERR_peek_error() == 0);
	require_answer(verdict, &detail, jwk);
	if (verdict != VERDICT_OK)
		return;
	REQUIRE(jwk->pkey != NULL);
	REQUIRE(algorithm == ALGORITHM_UNKNOWN || jwk->algorithm == algorithm);
	REQUIRE(key_id == NULL ? jwk->key_id == NULL : strcmp(jwk->key_id, key_id) == 0);
	require_whole_block(pem, length);
	require_sound_key(jwk);
	jwk_free(jwk);
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	const size_t n = sizeof(algorithms) / sizeof(algorithms[0]);

	check((const char *) data, size, ALGORITHM_UNKNOWN, NULL);
	check((const char *) data, size, algorithms[size % n], "k1");
	return 0;
}

/* Mutate the DER in a block and write it as PEM again; 0 if there is none. */
static size_t
mutate_der(uint8_t *data, size_t size, size_t max_size)
{
	BIO		   *in = BIO_new_mem_buf(data, (int) size);
	BIO		   *out = BIO_new(BIO_s_mem());
	char	   *label = NULL;
	char	   *header = NULL;
	char	   *text;
	unsigned char *der = NULL;
	long		der_size;
	size_t		new_size = 0;

	if (PEM_read_bio(in, &label, &header, &der, &der_size) == 1)
	{
		const size_t room = (size_t) der_size + 64;
		unsigned char *mutated = malloc(room);

		memcpy(mutated, der, (size_t) der_size);
		PEM_write_bio(out, label, header, mutated,
					  (long) LLVMFuzzerMutate(mutated, (size_t) der_size, room));
		free(mutated);
		new_size = (size_t) BIO_get_mem_data(out, &text);
		if (new_size <= max_size)
			memcpy(data, text, new_size);
		else
			new_size = 0;
	}
	ERR_clear_error();
	OPENSSL_free(label);
	OPENSSL_free(header);
	OPENSSL_free(der);
	BIO_free(in);
	BIO_free(out);
	return new_size;
}

size_t
LLVMFuzzerCustomMutator(uint8_t *data, size_t size, size_t max_size,
						unsigned int seed)
{
	size_t		new_size = seed % 4 == 0 ? 0 : mutate_der(data, size, max_size);

	return new_size > 0 ? new_size : LLVMFuzzerMutate(data, size, max_size);
}
