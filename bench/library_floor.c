/*
 * library_floor.c
 *		What OpenSSL alone takes to check the signature of a token.
 *
 *	library_floor ALGORITHM KEY_FILE TOKEN_FILE
 *
 * The key is read and the signature decoded beforehand: what is left is what
 * nobody who verifies with OpenSSL can go below. Prints microseconds of the wall
 * clock, the mean over a tenth of a second.
 */
#include <openssl/bio.h>
#include <openssl/crypto.h>
#include <openssl/ec.h>
#include <openssl/evp.h>
#include <openssl/hmac.h>
#include <openssl/pem.h>
#include <openssl/rsa.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "core/base64url.h"

#define MEASURED_US 100000.0
#define AT_A_TIME 20			/* between looks at the clock */

typedef struct Floor
{
	const char *digest;			/* NULL where the algorithm brings its own */
	bool		is_pss;
	EVP_PKEY   *pkey;			/* NULL for HMAC */
	unsigned char secret[64];
	const char *input;
	size_t		input_size;
	unsigned char *signature;
	size_t		signature_size;
} Floor;

static void
require(bool condition, const char *what)
{
	if (condition)
		return;
	fprintf(stderr, "library_floor: %s\n", what);
	exit(1);
}

static double
now_us(void)
{
	struct timespec now;

	clock_gettime(CLOCK_MONOTONIC, &now);
	return (double) now.tv_sec * 1e6 + (double) now.tv_nsec / 1e3;
}

static char *
read_file(const char *name)
{
	static const size_t room = 16384;
	FILE	   *file = fopen(name, "r");
	char	   *text = calloc(1, room);
	size_t		size;

	require(file != NULL && text != NULL, name);
	size = fread(text, 1, room - 1, file);
	fclose(file);
	require(size > 0, name);
	return text;
}

static void
read_key(Floor *measured, const char *algorithm, const char *name)
{
	char	   *text = read_file(name);
	BIO		   *bio;
	size_t		size;

	if (algorithm[0] == 'H')
	{
		require(OPENSSL_hexstr2buf_ex(measured->secret, sizeof(measured->secret), &size, text, '\0') == 1 &&
				size == sizeof(measured->secret), "no secret");
	}
	else
	{
		bio = BIO_new_mem_buf(text, -1);
		measured->pkey = PEM_read_bio_PUBKEY(bio, NULL, NULL, NULL);
		require(measured->pkey != NULL, "no key");
		BIO_free(bio);
	}
	free(text);
}

/* ECDSA: OpenSSL wants DER, a token has r and s side by side. */
static void
encode_ecdsa(Floor *measured)
{
	const int	half = (int) measured->signature_size / 2;
	ECDSA_SIG  *pair = ECDSA_SIG_new();
	unsigned char *der = NULL;
	int			size;

	require(ECDSA_SIG_set0(pair, BN_bin2bn(measured->signature, half, NULL),
						   BN_bin2bn(measured->signature + half, half, NULL)) == 1, "no r and s");
	size = i2d_ECDSA_SIG(pair, &der);
	require(size > 0, "no DER");
	ECDSA_SIG_free(pair);
	free(measured->signature);
	measured->signature = der;
	measured->signature_size = (size_t) size;
}

static void
read_token(Floor *measured, const char *algorithm, const char *name)
{
	char	   *token = read_file(name);
	char	   *dot = strrchr(token, '.');

	require(dot != NULL, "no token");
	measured->input = token;
	measured->input_size = (size_t) (dot - token);
	measured->signature = malloc(strlen(dot));
	require(measured->signature != NULL &&
			base64url_decode(dot + 1, strlen(dot + 1), measured->signature, &measured->signature_size),
			"no signature");
	if (algorithm[0] == 'E' && algorithm[1] == 'S')
		encode_ecdsa(measured);
}

static bool
verify_hmac(const Floor *measured)
{
	unsigned char expected[EVP_MAX_MD_SIZE];
	unsigned int size;

	return HMAC(EVP_get_digestbyname(measured->digest), measured->secret,
				(int) sizeof(measured->secret), (const unsigned char *) measured->input,
				measured->input_size, expected, &size) != NULL &&
		size == measured->signature_size &&
		CRYPTO_memcmp(expected, measured->signature, size) == 0;
}

static bool
verify(const Floor *measured)
{
	EVP_MD_CTX *ctx;
	EVP_PKEY_CTX *key_ctx = NULL;
	bool		good;

	if (measured->pkey == NULL)
		return verify_hmac(measured);
	ctx = EVP_MD_CTX_new();
	good = EVP_DigestVerifyInit_ex(ctx, &key_ctx, measured->digest, NULL, NULL, measured->pkey, NULL) == 1;
	if (measured->is_pss)
		good = good && EVP_PKEY_CTX_set_rsa_padding(key_ctx, RSA_PKCS1_PSS_PADDING) == 1 &&
			EVP_PKEY_CTX_set_rsa_pss_saltlen(key_ctx, RSA_PSS_SALTLEN_DIGEST) == 1;
	good = good && EVP_DigestVerify(ctx, measured->signature, measured->signature_size,
									(const unsigned char *) measured->input, measured->input_size) == 1;
	EVP_MD_CTX_free(ctx);
	return good;
}

int
main(int argc, char **argv)
{
	Floor		measured = {0};
	char		digest[8] = "SHA";
	double		began;
	double		took;
	long		n = 0;

	if (argc != 4 || strlen(argv[1]) != 5)
	{
		fprintf(stderr, "usage: library_floor ALGORITHM KEY_FILE TOKEN_FILE\n");
		return 2;
	}
	strncat(digest, argv[1] + 2, 3);
	measured.digest = strcmp(argv[1], "EdDSA") == 0 ? NULL : digest;
	measured.is_pss = argv[1][0] == 'P';
	read_key(&measured, argv[1], argv[2]);
	read_token(&measured, argv[1], argv[3]);

	/* the first ones find out what there is in the library */
	for (int i = 0; i < AT_A_TIME; i++)
		require(verify(&measured), "the signature is not good");
	began = now_us();
	do
	{
		for (int i = 0; i < AT_A_TIME; i++)
			require(verify(&measured), "the signature is not good");
		n += AT_A_TIME;
		took = now_us() - began;
	} while (took < MEASURED_US);
	printf("%.3f\n", took / (double) n);

	EVP_PKEY_free(measured.pkey);
	OPENSSL_free(measured.signature);
	free((char *) measured.input);
	return 0;
}
