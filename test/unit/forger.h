/*
 * forger.h
 *		Tokens that must all be refused, made from tokens that are good.
 */
#ifndef TOKEN_AUTH_FORGER_H
#define TOKEN_AUTH_FORGER_H

#include <stdbool.h>
#include <stdint.h>

#include "core/claims.h"
#include "test_sign.h"

#define FORGER_NOW 1800000000	/* seconds since 1970 UTC */
#define FORGER_ISSUER "https://idp.example"
#define FORGER_CLAIMS \
	"{\"iss\":\"" FORGER_ISSUER "\",\"aud\":\"orders\",\"sub\":\"alice\",\"client_id\":\"app\"," \
	"\"tenant\":\"t1\",\"exp\":1800000300,\"iat\":1800000000,\"jti\":\"j1\",\"sid\":\"s1\"," \
	"\"scope\":\"read write\",\"groups\":[\"g1\",{\"value\":\"g2\"}]}"

/* A set of verdicts. */
#define V(name) (1U << VERDICT_##name)
#define V_REFUSED (((1U << VERDICT_OUT_OF_MEMORY) - 1) & ~V(OK))

/* Octets that need not be text. */
typedef struct Octets
{
	const void *bytes;
	size_t		size;
} Octets;

static inline Octets
octets(const void *bytes, size_t size)
{
	const Octets result = {bytes, size};

	return result;
}

#define OCTETS(literal) octets((literal), sizeof(literal) - 1)
#define NO_OCTETS octets(NULL, 0)

/* The issuer's keys, one of each algorithm, and a stranger's. */
extern TestKey forger_keys[ALGORITHM_COUNT];
extern TestKey forger_strangers[ALGORITHM_COUNT];

/* Faults that the forger has to notice, one at a time; see forger_sabotage.c. */
typedef enum Sabotage
{
	SABOTAGE_NONE,
	SABOTAGE_NO_SIGNATURE,		/* every signature is good */
	SABOTAGE_HEADER_CHOOSES,	/* a public key in PEM serves as HMAC secret */
	SABOTAGE_ALGORITHM_IGNORED, /* alg need not be the key's */
	SABOTAGE_KID_IGNORED,
	SABOTAGE_TAIL_BITS,			/* base64url with unused bits set */
	SABOTAGE_SIGNATURE_LENGTH,	/* more octets than there should be */
	SABOTAGE_DER,				/* ECDSA signatures in DER */
	SABOTAGE_SALT,				/* PSS with a salt of any length */
	SABOTAGE_DUPLICATES,
	SABOTAGE_TRAILING_BYTES,
	SABOTAGE_TRAILING_VALUES,	/* {},{} */
	SABOTAGE_NUL,
	SABOTAGE_NO_LIMITS,
	SABOTAGE_CRIT_IGNORED,
	SABOTAGE_NESTED,			/* cty "JWT" */
	SABOTAGE_CLAIM_CHECK		/* the first of CLAIM_CHECK_COUNT */
} Sabotage;

extern Sabotage forger_sabotage;

/* Keys and policy; all choices, also OpenSSL's, follow from the seed. */
extern void forger_start(uint64_t seed);
extern void forger_stop(void);
extern uint64_t forger_random(uint64_t below);

/* What is counted from here on, and for whose key the forgeries are. */
extern void forger_begin(const char *family);
extern void forger_use(Algorithm algorithm);
extern int	forger_made(void);
extern int	forger_wrong(void);
extern int	forger_accepted(void);
extern void forger_show_counts(void);

/*
 * Make the whole trip with a token, whose verdict must be one of expected.
 * Refused, it must be refused as well where the issuer has only the one key.
 */
extern void forger_expect(const char *text, size_t length, unsigned int expected);

/* The same of a malloc'd string, which is freed. */
extern void forger_take(char *text, unsigned int expected);

/* A good token, and its header; malloc'd. */
extern char *forger_header(Algorithm algorithm);
extern char *forger_token(Algorithm algorithm);

/* How to sign, where it is not as the algorithm has it. */
typedef struct SignOptions
{
	const char *digest;
	int			padding;		/* RSA_..._PADDING */
	int			salt;
	const char *mgf1;
} SignOptions;

extern SignOptions forger_options(Algorithm algorithm);

/* The signature of a key over an input; ECDSA raw. Returns its size, at most 1024. */
extern size_t forger_sign(const TestKey *key, const SignOptions *options,
						  const char *input, unsigned char *signature);

/* header.payload.signature by a key; malloc'd. */
extern char *forger_signed(const TestKey *key, Octets header, Octets payload);
extern char *forger_compact(Octets header, Octets payload, Octets signature);

/* A good token's text with its signature replaced; malloc'd. */
extern char *forger_resigned(const char *token, const void *signature, size_t size);

/* The signature of a token's text, decoded. Returns its size, at most 1024. */
extern size_t forger_signature(const char *token, unsigned char *signature);

/* Families of forgeries of one algorithm's tokens. */
extern void forge_segments(Algorithm algorithm);
extern void forge_characters(Algorithm algorithm);
extern void forge_tails(Algorithm algorithm);
extern void forge_octets(Algorithm algorithm);
extern void forge_serializations(Algorithm algorithm);
extern void forge_mixtures(Algorithm algorithm);
extern void forge_at_random(Algorithm algorithm);
extern void forge_header_json(Algorithm algorithm);
extern void forge_payload_json(Algorithm algorithm);
extern void forge_duplicates(Algorithm algorithm);
extern void forge_parameters(Algorithm algorithm);
extern void forge_algorithms(Algorithm algorithm);
extern void forge_confusion(Algorithm algorithm);
extern void forge_key_ids(Algorithm algorithm);
extern void forge_embedded_keys(Algorithm algorithm);
extern void forge_lengths(Algorithm algorithm);
extern void forge_ecdsa(Algorithm algorithm);
extern void forge_rsa(Algorithm algorithm);
extern void forge_eddsa(Algorithm algorithm);
extern void forge_types(Algorithm algorithm);
extern void forge_claim_types(Algorithm algorithm);
extern void forge_claim_values(Algorithm algorithm);

#endif							/* TOKEN_AUTH_FORGER_H */
