/* Keys under which forgeries verify are no keys: low order, in every encoding. */
#include "test.h"

#include <openssl/evp.h>

#include "core/edwards_point.h"

static Verdict
check_hex(Algorithm algorithm, const char *hex, Detail *detail)
{
	unsigned char bytes[57];
	const size_t size = algorithm_info(algorithm)->coordinate_size;

	for (size_t i = 0; i < size; i++)
	{
		unsigned int byte;

		sscanf(hex + 2 * i, "%2x", &byte);
		bytes[i] = (unsigned char) byte;
	}
	return edwards_point_check(algorithm, bytes, size, detail);
}

static void
check_refused(Algorithm algorithm, const char *hex, const char *word, const char *name)
{
	Detail		detail;

	CHECK_VERDICT(check_hex(algorithm, hex, &detail), &detail, VERDICT_MALFORMED, name);
	CHECK_DETAIL(&detail, word);
}

#define ZEROS_28 "00000000000000000000000000000000000000000000000000000000"
#define ONES_27 "ffffffffffffffffffffffffffffffffffffffffffffffffffffff"

static void
test_ed25519(void)
{
	static const struct
	{
		const char *hex;
		const char *word;
		const char *name;
	}			refused[] = {
		{"0100000000000000000000000000000000000000000000000000000000000000", "low order", "order 1"},
		{"ecffffffffffffffffffffffffffffffffffffffffffffffffffffffffffff7f", "low order", "order 2"},
		{"0000000000000000000000000000000000000000000000000000000000000080", "low order", "order 4"},
		{"0000000000000000000000000000000000000000000000000000000000000000", "low order", "order 4, the other"},
		{"c7176a703d4dd84fba3c0b760d10670f2a2053fa2c39ccc64ec7fd7792ac037a", "low order", "order 8"},
		{"c7176a703d4dd84fba3c0b760d10670f2a2053fa2c39ccc64ec7fd7792ac03fa", "low order", "order 8, second"},
		{"26e8958fc2b227b045c3f489f2ef98f0d5dfac05d3c63339b13802886d53fc05", "low order", "order 8, third"},
		{"26e8958fc2b227b045c3f489f2ef98f0d5dfac05d3c63339b13802886d53fc85", "low order", "order 8, fourth"},
		{"0100000000000000000000000000000000000000000000000000000000000080", "low order", "order 1 with a sign"},
		{"ecffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffff", "low order", "order 2 with a sign"},
		{"edffffffffffffffffffffffffffffffffffffffffffffffffffffffffffff7f", "canonical", "y = p"},
		{"edffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffff", "canonical", "y = p with a sign"},
		{"eeffffffffffffffffffffffffffffffffffffffffffffffffffffffffffff7f", "canonical", "y = p + 1"},
		{"eeffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffff", "canonical", "y = p + 1 with a sign"},
		{"ffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffff", "canonical", "all ones"},
		{"0200000000000000000000000000000000000000000000000000000000000000", "does not encode", "y = 2 is not on the curve"},
	};

	for (size_t i = 0; i < sizeof(refused) / sizeof(refused[0]); i++)
		check_refused(ALGORITHM_ED25519, refused[i].hex, refused[i].word, refused[i].name);
	CHECK_VERDICT(check_hex(ALGORITHM_ED25519, "d75a980182b10ab7d54bfed3c964073a0ee172f3daa62325af021a68f707511a", NULL),
				  NULL, VERDICT_OK, "RFC 8032 test 1");
	CHECK_VERDICT(check_hex(ALGORITHM_ED25519, "5866666666666666666666666666666666666666666666666666666666666666", NULL),
				  NULL, VERDICT_OK, "the base point");
}

static void
test_ed448(void)
{
	check_refused(ALGORITHM_ED448, "01" ZEROS_28 ZEROS_28, "low order", "order 1");
	check_refused(ALGORITHM_ED448, "fe" ONES_27 "fe" ONES_27 "00", "low order", "order 2");
	check_refused(ALGORITHM_ED448, "00" ZEROS_28 ZEROS_28, "low order", "order 4");
	check_refused(ALGORITHM_ED448, "00" ZEROS_28 "000000000000000000000000000000000000000000000000000000" "80", "low order", "order 4, the other");
	check_refused(ALGORITHM_ED448, "01" ZEROS_28 "000000000000000000000000000000000000000000000000000000" "80", "low order", "order 1 with a sign");
	check_refused(ALGORITHM_ED448, "ff" ONES_27 "fe" ONES_27 "00", "canonical", "y = p");
	check_refused(ALGORITHM_ED448, "00" ZEROS_28 "000000000000000000000000000000000000000000000000000000" "01", "canonical", "y = 2^448");
	CHECK_VERDICT(check_hex(ALGORITHM_ED448, "5fd7449b59b461fd2ce787ec616ad46a1da1342485a70e1f8a0ea75d80e96778edf124769b46c7061bd6783df1e50f6cd1fa1abeafe8256180", NULL),
				  NULL, VERDICT_OK, "RFC 8032 test 1");
}

/* About half of all y are on the curve; every key that OpenSSL makes is good. */
static void
test_many(void)
{
	static const Algorithm algorithms[] = {ALGORITHM_ED25519, ALGORITHM_ED448};

	for (size_t i = 0; i < 2; i++)
	{
		const AlgorithmInfo *info = algorithm_info(algorithms[i]);
		unsigned char bytes[57] = {0};
		size_t		size;
		int			n_good = 0;
		int			n_on_curve = 0;

		for (int n = 0; n < 100; n++)
		{
			EVP_PKEY   *pkey = EVP_PKEY_Q_keygen(NULL, NULL, info->curve);

			size = sizeof(bytes);
			EVP_PKEY_get_raw_public_key(pkey, bytes, &size);
			n_good += edwards_point_check(algorithms[i], bytes, size, NULL) == VERDICT_OK;
			EVP_PKEY_free(pkey);
			bytes[0] ^= 1;
			bytes[3] ^= 0x55;
			n_on_curve += edwards_point_check(algorithms[i], bytes, size, NULL) == VERDICT_OK;
		}
		CHECK(n_good == 100, "%s: all keys made are good", info->name);
		CHECK(n_on_curve > 20 && n_on_curve < 80, "%s: of changed ones about half (%d)", info->name, n_on_curve);
	}
}

int
main(void)
{
	test_ed25519();
	test_ed448();
	test_many();
	return finish();
}
