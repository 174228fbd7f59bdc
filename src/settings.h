/*
 * settings.h
 *		Every setting, and the token that one of them holds.
 */
#ifndef TOKEN_AUTH_SETTINGS_H
#define TOKEN_AUTH_SETTINGS_H

typedef enum SettingsBinding
{
	BINDING_SESSION,
	BINDING_TRANSACTION
} SettingsBinding;

typedef enum SettingsTolerance
{
	TOLERANCE_ANONYMOUS,
	TOLERANCE_ERROR
} SettingsTolerance;

extern int	settings_binding;	/* SettingsBinding */
extern int	settings_on_missing;	/* SettingsTolerance */
extern int	settings_on_expired;	/* SettingsTolerance */
extern int	settings_recheck_interval_s;
extern int	settings_max_token_size;
extern int	settings_cache_size_kb;
extern bool settings_log_accepted;

/* Grows with every assignment of the token, rollbacks included. */
extern uint64 settings_token_assignments;

/* The token was emptied by a statement, not by the end of a transaction. */
extern bool settings_token_cleared;

/* Why settings_token() has none. */
typedef enum SettingsAbsence
{
	ABSENCE_NOT_SET,
	ABSENCE_IGNORED_BY_BINDING,
	ABSENCE_CONNECTION_IGNORED,
	ABSENCE_UNKNOWN_ORIGIN
} SettingsAbsence;

/* Was a transaction nothing but a statement that set the token? */
typedef enum LoneSet
{
	LONE_SET_NONE,
	LONE_SET_SESSION,			/* by SET, or set_config() for the session */
	LONE_SET_LOCAL				/* by set_config() for the transaction */
} LoneSet;

extern void settings_check_options(void);
extern void settings_define(void);
extern void settings_watch_token(void (*before) (const char *raw), void (*after) (void));
extern const char *settings_token(SettingsAbsence *absence);
extern bool settings_token_ends(void);
extern bool settings_session_token_ends(void);
extern LoneSet settings_lone_set(void);
extern void settings_assign_token(const char *token, bool local);
extern void settings_void_tokens(void);
extern void settings_discard_leftover(void);
extern void settings_end_transaction(void);
extern void settings_roll_back(void);

#endif							/* TOKEN_AUTH_SETTINGS_H */
