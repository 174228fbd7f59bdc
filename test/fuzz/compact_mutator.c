/*
 * compact_mutator.c
 *		Mutations of a compact JWS inside its segments.
 *
 * A mutation of the text hardly ever leaves it base64url of JSON. So three of
 * four are made in what a segment decodes to, and encoded again.
 */
#include "fuzz.h"

#include "core/base64url.h"

/* Where a segment of three stands in a text; false if there are not three. */
static bool
find_segment(const uint8_t *text, size_t length, unsigned int which,
			 size_t *start, size_t *size)
{
	const uint8_t *first = memchr(text, '.', length);
	const uint8_t *second;
	size_t		dots[2];

	if (first == NULL)
		return false;
	dots[0] = (size_t) (first - text);
	second = memchr(first + 1, '.', length - dots[0] - 1);
	if (second == NULL)
		return false;
	dots[1] = (size_t) (second - text);

	*start = which == 0 ? 0 : dots[which - 1] + 1;
	*size = (which == 2 ? length : dots[which]) - *start;
	return true;
}

/* Put new_size octets in place of some; 0 if there is no room. */
static size_t
replace(uint8_t *text, size_t length, size_t max_length, size_t start,
		size_t size, const uint8_t *new_text, size_t new_size)
{
	if (length - size + new_size > max_length)
		return 0;
	memmove(text + start + new_size, text + start + size, length - start - size);
	memcpy(text + start, new_text, new_size);
	return length - size + new_size;
}

size_t
LLVMFuzzerCustomMutator(uint8_t *data, size_t size, size_t max_size,
						unsigned int seed)
{
	const unsigned int which = seed % 4;
	size_t		room = max_size / 4 * 3;
	size_t		start;
	size_t		segment_size;
	size_t		n_bytes;
	size_t		new_size = 0;
	uint8_t    *bytes;
	char	   *text;

	if (which == 3 || !find_segment(data, size, which, &start, &segment_size))
		return LLVMFuzzerMutate(data, size, max_size);

	bytes = malloc(BASE64URL_DECODED_SIZE(max_size));
	text = malloc(BASE64URL_ENCODED_SIZE(room) + 1);
	if (base64url_decode((const char *) data + start, segment_size, bytes, &n_bytes) &&
		n_bytes <= room)
	{
		n_bytes = LLVMFuzzerMutate(bytes, n_bytes, room);
		new_size = replace(data, size, max_size, start, segment_size,
						   (uint8_t *) text, base64url_encode(bytes, n_bytes, text));
	}
	free(text);
	free(bytes);
	return new_size > 0 ? new_size : LLVMFuzzerMutate(data, size, max_size);
}

/* One token with a segment of another. */
size_t
LLVMFuzzerCustomCrossOver(const uint8_t *data1, size_t size1,
						  const uint8_t *data2, size_t size2,
						  uint8_t *out, size_t max_size, unsigned int seed)
{
	size_t		start;
	size_t		size;
	size_t		other_start;
	size_t		other_size;

	if (size1 > max_size ||
		!find_segment(data1, size1, seed % 3, &start, &size) ||
		!find_segment(data2, size2, seed % 3, &other_start, &other_size))
		return 0;
	memcpy(out, data1, size1);
	return replace(out, size1, max_size, start, size, data2 + other_start, other_size);
}
