/* The table is closed, and names compare exactly (RFC 7515 section 4.1.1). */
#include "test.h"

#include <openssl/ec.h>
#include <openssl/evp.h>
#include <openssl/objects.h>

#include "core/algorithm.h"

/* Both of r and s are compared with it. */
static void
test_order(const AlgorithmInfo *info)
{
	const int	nist = EC_curve_nist2nid(info->curve);
	EC_GROUP   *group = EC_GROUP_new_by_curve_name(nist != NID_undef ? nist : OBJ_sn2nid(info->curve));
	unsigned char order[66] = {0};

	CHECK(group != NULL && info->coordinate_size <= sizeof(order) &&
		  BN_bn2binpad(EC_GROUP_get0_order(group), order, (int) info->coordinate_size) > 0 &&
		  memcmp(order, info->order, info->coordinate_size) == 0, "the order of %s", info->curve);
	EC_GROUP_free(group);
}

int
main(void)
{
	static const char *const unknown[] = {
		"", "none", "None", "NONE", "noNE", "hs256", "HS256 ", " HS256", "RS1",
		"RSA1_5", "HS", "ES256k", "eddsa", "ed25519", "ED25519", "ES521",
		"A128GCM", "dir", "ML-DSA-44"
	};

	for (size_t i = 0; i < sizeof(unknown) / sizeof(unknown[0]); i++)
		CHECK(algorithm_set_by_name(unknown[i]) == 0, "unknown: \"%s\"", unknown[i]);
	CHECK(algorithm_set_by_name(NULL) == 0, "unknown: no name");
	CHECK(algorithm_info(ALGORITHM_UNKNOWN) == NULL, "nothing is known about unknown");
	CHECK(algorithm_info((Algorithm) 99) == NULL, "nor about what is not in the table");

	for (int i = ALGORITHM_UNKNOWN + 1; i < ALGORITHM_COUNT; i++)
	{
		const AlgorithmInfo *info = algorithm_info((Algorithm) i);

		CHECK(algorithm_set_by_name(info->name) == ALGORITHM_BIT(i), "%s means itself", info->name);
		CHECK(info->digest == NULL || EVP_get_digestbyname(info->digest) != NULL,
			  "OpenSSL knows the digest of %s", info->name);
		CHECK((info->order != NULL) == (info->family == FAMILY_ECDSA), "%s has an order if its key is a curve's", info->name);
		if (info->order != NULL)
			test_order(info);
	}
	CHECK(algorithm_set_by_name("EdDSA") ==
		  (ALGORITHM_BIT(ALGORITHM_ED25519) | ALGORITHM_BIT(ALGORITHM_ED448)),
		  "EdDSA means both curves");
	CHECK((ALGORITHMS_PUBLIC & ALGORITHMS_SECRET) == 0, "no algorithm is public and secret");
	CHECK((ALGORITHMS_PUBLIC | ALGORITHMS_SECRET) ==
		  (ALGORITHM_BIT(ALGORITHM_COUNT) - 1 - ALGORITHM_BIT(ALGORITHM_UNKNOWN)),
		  "every algorithm is public or secret");
	return finish();
}
