/*
 * redact.c
 *		Tokens in text that others can read.
 *
 * A signed token is known by its look: a long run of base64url characters and
 * dots that starts, perhaps behind some more of them, as the encoding of a JSON
 * object does. One that was cut off at the end looks the same as soon as its
 * header is whole; before that there is nothing in it worth hiding.
 */
#include "postgres.h"

#include "redact.h"

#define TOKEN_MIN_LENGTH 40

static bool
is_token_character(char c)
{
	return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') ||
		(c >= '0' && c <= '9') || c == '-' || c == '_' || c == '.';
}

/* Does text start with the encoding of '{' and of what can follow it in a header? */
static bool
starts_as_object(const char *text)
{
	static const char *const starts[] = {
		"eyJ",					/* {" */
		"eyA",					/* { and a space */
		"ewo", "ew0", "ewk"		/* { and a line feed, carriage return, tab */
	};

	for (size_t i = 0; i < lengthof(starts); i++)
	{
		if (strncmp(text, starts[i], strlen(starts[i])) == 0)
			return true;
	}
	return false;
}

/* The length of the run of token characters at the start of text. */
static size_t
run_length(const char *text)
{
	size_t		length = 0;

	while (is_token_character(text[length]))
		length++;
	return length;
}

/* Where in a run a token starts that goes to its end, or NULL. */
static const char *
find_token_in_run(const char *run, size_t length)
{
	const char *end = run + length;

	for (const char *start = run; end - start >= TOKEN_MIN_LENGTH; start++)
	{
		/* where no dot follows the first start, none follows a later one */
		if (starts_as_object(start))
			return memchr(start, '.', end - start) != NULL ? start : NULL;
	}
	return NULL;
}

/* Where the first token in text starts, or NULL. */
static const char *
find_token(const char *text)
{
	while (*text != '\0')
	{
		size_t		run = run_length(text);
		const char *token = find_token_in_run(text, run);

		if (token != NULL)
			return token;
		text += Max(run, 1);
	}
	return NULL;
}

bool
redact_is_needed(const char *text)
{
	return find_token(text) != NULL;
}

/*
 * Replace every token in text, in place, by "***". Each character is moved
 * once: a message of megabytes may be tokens from end to end, and nothing
 * interrupts the server while it writes to its log.
 */
void
redact_tokens(char *text)
{
	const char *rest = text;
	const char *token;

	while ((token = find_token(rest)) != NULL)
	{
		size_t		before = token - rest;
		const char *after = token + run_length(token);

		memmove(text, rest, before);
		memset(text + before, '*', 3);
		text += before + 3;
		rest = after;
	}
	memmove(text, rest, strlen(rest) + 1);
}

/*
 * Overwrites every character of every token in text with an asterisk. The text
 * keeps its length, so that positions in it stay valid.
 */
void
redact_mask_tokens(char *text)
{
	const char *token;

	while ((token = find_token(text)) != NULL)
	{
		size_t		length = run_length(token);

		text += token - text;
		memset(text, '*', length);
		text += length;
	}
}
