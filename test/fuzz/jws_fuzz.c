/* Any text as compact JWS: what is parsed is the whole text, in its one spelling. */
#include "fuzz.h"

#include <jansson.h>

#include "core/base64url.h"
#include "core/jws.h"

#define MAX_LENGTH 8192

static void
require_encoding(const char *segment, size_t length, const unsigned char *bytes,
				 size_t n_bytes)
{
	char	   *text = malloc(BASE64URL_ENCODED_SIZE(n_bytes) + 1);

	REQUIRE(base64url_encode(bytes, n_bytes, text) == length);
	REQUIRE(memcmp(text, segment, length) == 0);
	free(text);
}

/* Payload and signature are what the text says, and nothing else is in it. */
static void
require_parts(const Jws *jws, const char *text, size_t length)
{
	const char *payload;
	const char *signature;

	REQUIRE(jws->length == length && memcmp(jws->text, text, length) == 0);
	REQUIRE(jws->text[length] == '\0' && strlen(jws->text) == length);
	payload = strchr(jws->text, '.') + 1;
	signature = strchr(payload, '.') + 1;
	REQUIRE(strchr(signature, '.') == NULL);
	REQUIRE(jws->text + jws->signing_input_size == signature - 1);
	REQUIRE(jws->payload_size > 0 && jws->payload[jws->payload_size] == '\0');
	REQUIRE(jws->signature_size > 0);
	require_encoding(payload, (size_t) (signature - 1 - payload), jws->payload, jws->payload_size);
	require_encoding(signature, strlen(signature), jws->signature, jws->signature_size);
}

static void
require_header(const Jws *jws)
{
	static const char *const refused[] = {"crit", "b64", "enc", "zip"};

	REQUIRE(jws->algorithms != 0);
	REQUIRE(algorithm_set_by_name(jws->algorithm_name) == jws->algorithms);
	for (size_t i = 0; i < sizeof(refused) / sizeof(refused[0]); i++)
		REQUIRE(json_object_get(jws->header, refused[i]) == NULL);
	REQUIRE(jws->key_id == json_string_value(json_object_get(jws->header, "kid")));
	REQUIRE(jws->type == json_string_value(json_object_get(jws->header, "typ")));
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	const char *text = (const char *) data;
	Jws		   *jws;
	Detail		detail = {""};
	Verdict		verdict = jws_parse(text, size, MAX_LENGTH, &jws, &detail);

	require_answer(verdict, &detail, jws);
	if (size > MAX_LENGTH)
		REQUIRE(verdict == VERDICT_TOO_LARGE);
	if (verdict != VERDICT_OK)
		return 0;
	require_parts(jws, text, size);
	require_header(jws);
	jws_free(jws);

	REQUIRE(jws_parse(text, size, size - 1, &jws, &detail) == VERDICT_TOO_LARGE);
	require_answer(VERDICT_TOO_LARGE, &detail, jws);
	return 0;
}
