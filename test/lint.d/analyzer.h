/*
 * analyzer.h
 *		What the analyzer, which sees one file at a time, cannot know.
 *
 * Included before everything else in every file but verdict.c, where
 * verdict_refuse() is: it answers the verdict it was given. Otherwise each
 * refusal might be VERDICT_OK, with nothing behind the pointers that follow.
 */
#include "core/verdict.h"

#define verdict_refuse(detail, verdict, ...) \
	(verdict_refuse(detail, verdict, __VA_ARGS__), (verdict))
