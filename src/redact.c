/*
 * redact.c
 *		Tokens in text that others can read.
 *
 * A signed token is known by its look: a long run of base64url characters and
 * dots that starts as the encoding of a JSON object does. One that was cut off
 * at the end looks the same as soon as its header is whole; before that there
 * is nothing in it worth hiding.
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

	for (int i = 0; i < lengthof(starts); i++)
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

/* Where the first token in text starts, or NULL. */
static const char *
find_token(const char *text)
{
	while (*text != '\0')
	{
		size_t		run = run_length(text);

		if (run >= TOKEN_MIN_LENGTH && starts_as_object(text) &&
			memchr(text, '.', run) != NULL)
			return text;
		text += Max(run, 1);
	}
	return NULL;
}

bool
redact_is_needed(const char *text)
{
	return find_token(text) != NULL;
}

/* Replace every token in text, in place, by "***". */
void
redact_tokens(char *text)
{
	char	   *token;

	while ((token = unconstify(char *, find_token(text))) != NULL)
	{
		char	   *rest = token + run_length(token);

		memcpy(token, "***", 3);
		memmove(token + 3, rest, strlen(rest) + 1);
		text = token + 3;
	}
}
