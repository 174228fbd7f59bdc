/*
 * fuzz.h
 *		What every fuzz target asks of an answer, whatever the input.
 */
#ifndef TOKEN_AUTH_FUZZ_H
#define TOKEN_AUTH_FUZZ_H

#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "core/verdict.h"

/* What libFuzzer calls, and what it offers to custom mutators. */
extern int	LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);
extern size_t LLVMFuzzerCustomMutator(uint8_t *data, size_t size,
									  size_t max_size, unsigned int seed);
extern size_t LLVMFuzzerCustomCrossOver(const uint8_t *data1, size_t size1,
										const uint8_t *data2, size_t size2,
										uint8_t *out, size_t max_size,
										unsigned int seed);
extern size_t LLVMFuzzerMutate(uint8_t *data, size_t size, size_t max_size);

/* libFuzzer keeps the input of a program that aborts. */
#define REQUIRE(condition) \
	((condition) ? (void) 0 : require_failed(__FILE__, __LINE__, #condition))

static inline void
require_failed(const char *file, int line, const char *condition)
{
	fprintf(stderr, "%s:%d: not so: %s\n", file, line, condition);
	abort();
}

/* A detail is one sentence of printable ASCII. */
static inline void
require_sentence(const Detail *detail)
{
	const size_t length = strnlen(detail->text, sizeof(detail->text));

	REQUIRE(length > 0);
	REQUIRE(length < sizeof(detail->text));
	for (size_t i = 0; i < length; i++)
		REQUIRE(detail->text[i] >= 0x20 && detail->text[i] < 0x7F);
}

/* A refusal says why and hands out nothing. */
static inline void
require_answer(Verdict verdict, const Detail *detail, const void *output)
{
	REQUIRE((unsigned int) verdict < VERDICT_OUT_OF_MEMORY);
	REQUIRE((verdict == VERDICT_OK) == (output != NULL));
	if (verdict != VERDICT_OK)
		require_sentence(detail);
}

#endif							/* TOKEN_AUTH_FUZZ_H */
