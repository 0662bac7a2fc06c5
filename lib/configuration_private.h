/* SPDX-License-Identifier: LGPL-2.1-or-later
 * Copyright The agentid authors */
/* Between the files of the configuration: text (one file's lines), table (what each key means),
 * values (one value's form) and configuration.c (which files, and what holds across them). */
#ifndef AID_CONFIGURATION_PRIVATE_H
#define AID_CONFIGURATION_PRIVATE_H

#include "configuration.h"
#include "secret.h"

/* ---- files ---- */

#define AID_CONFIG_PATH_SIZE 1024U

/* File names of a directory, sorted. */
struct aid_config_names {
	char **items;
	size_t count;
};

/* The *.conf names of a directory; none where it does not exist or is a problem. AID_E_NOMEM. */
int aid_config_list(const char *path, struct aid_config_names *ret_names,
	struct aid_problems *problems) AID_WUR;
bool aid_config_names_have(const struct aid_config_names *names, const char *name);
void aid_config_names_done(struct aid_config_names *names);
/* "directory/name" into out; a problem and false where it is too long. */
bool aid_config_join(char out[AID_CONFIG_PATH_SIZE], const char *directory, const char *name,
	struct aid_problems *problems);
/* *ret_bytes stays NULL where there is no file, a mask, or a problem. AID_E_NOMEM. */
int aid_config_read(const char *path, struct aid_secret **ret_bytes, struct aid_problems *problems)
	AID_WUR;

/* ---- text: what libeconf would read without a word is refused before it reads ---- */

/* One line: a section (key and value NULL) or a key of the section before it. */
struct aid_entry {
	char *section;
	char *key;
	char *value;
	uint64_t line;
};

struct aid_config_text {
	const char *file; /* borrowed: what problems name */
	struct aid_entry *entries;
	size_t n_entries;
	bool damaged;     /* a line was refused: what is missing may stand there */
};

/* AID_OK also when lines were refused: those are problems and left out. AID_E_NOMEM, AID_E_IO. */
int aid_config_text_parse(const char *file, const char *bytes, size_t length,
	struct aid_config_text *ret_text, struct aid_problems *problems) AID_WUR;
void aid_config_text_done(struct aid_config_text *text);

/* ---- values ---- */

enum aid_value_type {
	AID_VALUE_AGENT_ID,
	AID_VALUE_ACCOUNT,
	AID_VALUE_NAMES,    /* char **: names separated by commas or blanks */
	AID_VALUE_COUNT,    /* unsigned int, min to max */
	AID_VALUE_BOOL,
	AID_VALUE_DURATION, /* int64_t milliseconds, min to max */
	AID_VALUE_PERCENT,  /* unsigned int, min to max */
	AID_VALUE_CHOICE,   /* enum counted from 1 in the order of names */
	AID_VALUE_WORD,     /* char *: one of names */
	AID_VALUE_WORDS,    /* char *: some of names; stored with commas */
	AID_VALUE_HOSTS,    /* char *: host names; stored with commas */
	AID_VALUE_PIN,      /* char *: printable, at most max bytes, no wildcard */
	AID_VALUE_URL,      /* char *: https URL without query, a pin too */
	AID_VALUE_URLS,     /* char *: such URLs without a comma; stored with commas */
	AID_VALUE_URI,      /* char *: absolute URI without fragment (RFC 8707 section 2) */
	AID_VALUE_SCOPE,    /* char *: RFC 6749 section 3.3 */
	AID_VALUE_PATH,     /* char *: absolute path */
	AID_VALUE_SECRET,   /* char *: reference of secret_source.h; never shown, it may be a secret */
	AID_VALUE_CLIENT_SECRET, /* the same, and a secrets manager's (secret_manager.h) */
	AID_VALUE_MANAGER   /* struct aid_target_values: one option of a secrets manager, by its key */
};

#define AID_FOR_HOST 1U
#define AID_FOR_OIDC 2U
#define AID_FOR_AUTH(method) (1U << (method))
#define AID_FOR_JWT (1U << AID_FORMAT_JWT)

/* One key. Masks say where it applies; 0 is everywhere. */
struct aid_option {
	const char *section;
	const char *key;
	enum aid_value_type type;
	bool required;            /* wherever it applies */
	bool unless_opaque;       /* but not with format = opaque */
	size_t offset;            /* into struct aid_agent or struct aid_config */
	int64_t min, max;
	const char *fallback;     /* the default as one would write it; NULL: none */
	const char *const *names; /* NULL-terminated */
	unsigned int sources;     /* AID_FOR_HOST, AID_FOR_OIDC */
	unsigned int auths;       /* AID_FOR_AUTH(...) */
	unsigned int formats;     /* AID_FOR_JWT */
};

/* Parses value into the field at option->offset of object, freeing what stood there. AID_E_CONFIG
 * with the sentence that follows "[section] key = 'value': "; AID_E_NOMEM. */
int aid_value_set(const struct aid_option *option, const char *value, void *object,
	struct aid_error *err) AID_WUR;

/* ---- table ---- */

#define AID_OPTIONS_MAX 64U

/* The keys of agentid.conf and those of an agent's file; each ends with section NULL. */
extern const struct aid_option aid_host_options[];
extern const struct aid_option aid_agent_options[];

/* An object in the making, and the line each option was last set in (0: not). */
struct aid_draft {
	const struct aid_option *options;
	void *object;
	uint64_t lines[AID_OPTIONS_MAX];
};

/* Applies the lines of one file. AID_OK also when there are problems; AID_E_NOMEM. */
int aid_draft_apply(struct aid_draft *draft, const struct aid_config_text *text,
	struct aid_problems *problems) AID_WUR;
/* Fills in the defaults of what no file set. */
int aid_draft_defaults(struct aid_draft *draft) AID_WUR;
/* The line a key was set in, 0 where it was not. */
uint64_t aid_draft_line(const struct aid_draft *draft, const char *section, const char *key);
/* The bytes of one agent's file into *ret_draft, whose object (a struct aid_agent) the caller frees
 * with aid_agent_done(). AID_OK also with problems. */
int aid_agent_parse(const char *file, const char *bytes, size_t length, struct aid_draft *ret_draft,
	struct aid_agent *ret_agent, struct aid_problems *problems) AID_WUR;
void aid_agent_done(struct aid_agent *agent);

/* Whether a key is probably a mistyped name. */
bool aid_config_is_misspelt(const char *name, const char *key);

/* What holds between the keys of [rotate] and those of [token]. */
void aid_rotate_check(const struct aid_draft *draft, const struct aid_config_text *text, uint64_t line,
	struct aid_problems *problems);

/* ---- credentials ---- */

/* Whether a section is, or was meant to be, [credential NAME]. */
bool aid_config_is_credential(const char *section);
/* The credentials of one file. AID_OK also with problems; AID_E_NOMEM. */
int aid_credentials_parse(const struct aid_config_text *text, struct aid_agent *agent,
	struct aid_problems *problems) AID_WUR;
void aid_credentials_done(struct aid_agent *agent);
/* What holds between them, [token] and [issuer]. */
void aid_credentials_check(const struct aid_agent *agent, bool has_host_issuer,
	struct aid_problems *problems);

/* True where the host's own issuer is needed to get this agent's token. */
bool aid_agent_needs_host_issuer(const struct aid_agent *agent);

/* ---- across: what holds across the files of agents, and which of them are refused ---- */

/* One agent's file, parsed, with the lines that checks across files name. */
struct aid_agent_draft {
	struct aid_draft draft;
	struct aid_agent agent;
	bool local;   /* in sysconf_dir */
	bool refused;
};

struct aid_loader {
	const struct aid_config_paths *paths;
	const struct aid_config *before;
	struct aid_problems *problems;
	struct aid_config *config;
	struct aid_draft host;
	struct aid_agent_draft *agents;
	size_t n_agents;
	struct aid_refused *refused;
	size_t n_refused;
	bool unusable; /* a problem that is not one agent's */
	bool strict;   /* all problems are wanted, and nothing is refused for one */
};

/* file is refused for the problem at this index. id and account may be NULL. AID_E_NOMEM. */
int aid_loader_refuse(struct aid_loader *loader, const char *file, size_t problem, const char *id,
	const char *account) AID_WUR;
/* The same of a draft, unless all problems are wanted. */
int aid_loader_refuse_draft(struct aid_loader *loader, struct aid_agent_draft *draft, size_t problem) AID_WUR;
/* configuration_manager.c: what holds within [secrets NAME], and between those and the agents. */
void aid_managers_check(struct aid_loader *loader);
int aid_managers_check_agents(struct aid_loader *loader) AID_WUR;
/* Adds the problems between files, and refuses drafts. AID_E_NOMEM. */
int aid_loader_check_across(struct aid_loader *loader) AID_WUR;
void aid_refused_done(struct aid_refused *refused, size_t count);

#endif
