/*
 * secret_form.h
 *		Octets that are not a shared secret, recognized by their form.
 */
#ifndef TOKEN_AUTH_SECRET_FORM_H
#define TOKEN_AUTH_SECRET_FORM_H

#include <stdbool.h>
#include <stddef.h>

/* The right use of such octets, from which the server side makes a hint. */
typedef enum SecretRemedy
{
	SECRET_REMEDY_PEM,			/* a public key in PEM */
	SECRET_REMEDY_TO_PEM,		/* a public key, to be converted to PEM */
	SECRET_REMEDY_PUBLIC_PART,	/* a private key: its public key */
	SECRET_REMEDY_JWK,			/* a public key as JWK, or a JWK Set */
	SECRET_REMEDY_DECODE_K,		/* an oct JWK: the octets of its member k */
	SECRET_REMEDY_SECRET		/* nothing in it: the issuer's secret itself */
} SecretRemedy;

typedef struct SecretForm
{
	const char *name;			/* "a public key in PEM" */
	SecretRemedy remedy;
	bool		is_encoded;		/* in base64 or hexadecimal digits */
} SecretForm;

/*
 * Recognizes octets under which others could sign, if they were an HMAC
 * secret: keys, certificates and tokens, as text, in DER, or in an encoding of
 * these; and one octet repeated.
 *
 * Returns false, with *form unchanged, for octets that may be a secret. The
 * bare numbers of a public key (n, x and y) have no form and may be one. Only
 * the first 4096 octets are looked at. Allocates nothing, so that no shortage
 * of memory lets a key pass as a secret.
 */
extern bool secret_form_find(const unsigned char *bytes, size_t size,
							 SecretForm *form);

#endif							/* TOKEN_AUTH_SECRET_FORM_H */
