/* Any text: decoding inverts encoding, and one value has one spelling. */
#include "fuzz.h"

#include "core/base64url.h"

/* What was decoded encodes to the very text that it came from. */
static void
check_text(const char *text, size_t length)
{
	unsigned char *bytes = malloc(BASE64URL_DECODED_SIZE(length));
	size_t		n_bytes = SIZE_MAX;

	if (base64url_decode(text, length, bytes, &n_bytes))
	{
		char	   *again = malloc(BASE64URL_ENCODED_SIZE(n_bytes) + 1);

		REQUIRE(n_bytes == length * 3 / 4);
		REQUIRE(base64url_encode(bytes, n_bytes, again) == length);
		REQUIRE(memcmp(again, text, length) == 0);
		free(again);
	}
	free(bytes);
}

/* What was encoded decodes to the very bytes that it came from. */
static void
check_bytes(const unsigned char *bytes, size_t n_bytes)
{
	char	   *text = malloc(BASE64URL_ENCODED_SIZE(n_bytes) + 1);
	size_t		length = base64url_encode(bytes, n_bytes, text);
	unsigned char *again = malloc(BASE64URL_DECODED_SIZE(length));
	size_t		n_again;

	REQUIRE(length <= BASE64URL_ENCODED_SIZE(n_bytes));
	REQUIRE(base64url_decode(text, length, again, &n_again));
	REQUIRE(n_again == n_bytes && memcmp(again, bytes, n_bytes) == 0);
	free(again);
	free(text);
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	check_text((const char *) data, size);
	check_bytes(data, size);
	return 0;
}
