/*
 * readers.h
 *		Which functions read the token, and what they may raise.
 */
#ifndef TOKEN_AUTH_READERS_H
#define TOKEN_AUTH_READERS_H

typedef enum ReaderNeed
{
	NEEDS_NOTHING,				/* answers without a token, whatever on_missing says */
	NEEDS_TOKEN,
	NEEDS_DEFAULT_NAMESPACE
} ReaderNeed;

typedef struct Reader
{
	Oid			function;
	uint32		hash;			/* as in PlanInvalItem */
	ReaderNeed	need;
	bool		may_raise;
	bool		looks_for_value;	/* in_claim(): its first argument is a row's value */
} Reader;

extern void readers_init(void);
extern void readers_know(void);
extern const Reader *reader_of_hash(uint32 hash);
extern const Reader *reader_of_function(Oid function);
extern bool reader_may_be_in(Oid function, void *context);

#endif							/* TOKEN_AUTH_READERS_H */
