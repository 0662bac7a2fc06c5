/* SPDX-License-Identifier: LGPL-2.1-or-later
 * Copyright The agentid authors */
/* Exchange targets: the kinds of credential that a session's identity is exchanged for, and the options
 * that a section [credential NAME] has for each. The tables of target_options.c are the one list:
 * configuration, command, keyringd and fetch walk them. No network, no JSON here.
 *
 * An option's sentence follows "NAME = 'VALUE': ", which the caller puts before it. */
#ifndef AID_TARGET_H
#define AID_TARGET_H

#include "cleanup.h"
#include "error.h"

#include <stddef.h>
#include <stdint.h>

#define AID_TARGET_OPTIONS_MAX 40U     /* of one kind, the common ones with it */
#define AID_TARGET_TEXT_MAX 8192U      /* bytes of one value or of one file */
#define AID_TARGET_PACKED_MAX 32768U   /* bytes of all that travels */
#define AID_CREDENTIAL_NAME_MAX 32U
#define AID_SESSION_POLICY_MAX 2048U   /* characters; the AWS limit */
#define AID_ACCESS_BOUNDARY_MAX 2048U  /* the same; Google's */

/* The numbers travel in IPC frames: append only. */
enum aid_target_kind {
	AID_TARGET_AWS_STS = 1, /* AssumeRoleWithWebIdentity */
	AID_TARGET_AZURE_WIF,   /* Entra workload identity federation */
	AID_TARGET_GCP_WIF,     /* Google STS, impersonation, access boundary */
	AID_TARGET_RFC8693,     /* token exchange at any server */
	AID_TARGET_VAULT,       /* JWT login at Vault or OpenBao */
	AID_TARGET_OIDC,        /* a second client-credentials token */
	AID_TARGET_LAST_WK = AID_TARGET_OIDC
};

enum aid_target_use {
	AID_USE_SENT,      /* the value itself goes to fetch */
	AID_USE_FILE,      /* a path: what stands in the file goes to fetch */
	AID_USE_REFERENCE, /* a secret reference (secret_source.h): a descriptor goes to fetch */
	AID_USE_LOCAL      /* stays with keyringd, or goes in a field of its own */
};

struct aid_target_option {
	const char *name;
	enum aid_target_use use;
	bool required;
	int (*check)(const struct aid_target_option *option, const char *value, struct aid_error *err);
	int64_t min, max;         /* milliseconds, per cent, bytes: what check makes of them */
	const char *fallback;     /* the default as one would write it; NULL: none */
	const char *const *names; /* NULL-terminated; of a choice */
	const char *meaning;      /* for manual pages: what it does, in a sentence or two */
};

struct aid_target_values;

struct aid_target {
	enum aid_target_kind kind;
	bool has_assertion;
	bool has_own_only;                       /* none of the common options */
	const char *name;                        /* as "type =" has it */
	const struct aid_target_option *options; /* its own; name NULL ends them */
	const char *assertion_audience;          /* the default; NULL: derived, or it must be given */
	const char *max_lifetime;                /* the default */
	const char *meaning;
	/* What holds between options. */
	int (*check)(const struct aid_target_values *values, struct aid_error *err);
};

/* NULL for a name or number that is none. */
const struct aid_target *aid_target_by_name(const char *name);
const struct aid_target *aid_target_by_kind(int64_t kind);
/* For manual pages and lists: NULL past the end. */
const struct aid_target *aid_target_at(size_t index);
/* An option of the kind, a common one included; NULL where it has none of that name. */
const struct aid_target_option *aid_target_option(const struct aid_target *target, const char *name);
/* The options of a kind in order, its own before the common ones; NULL past the end. */
const struct aid_target_option *aid_target_option_at(const struct aid_target *target, size_t index);

/* What may stand in [credential NAME]: [a-z0-9-]{1,32}, and no name of a key that agentid makes itself. */
int aid_credential_name_check(const char *name, struct aid_error *err) AID_WUR;

/* The options of one credential. */
struct aid_target_values {
	const struct aid_target *target;
	char *texts[AID_TARGET_OPTIONS_MAX]; /* in the order of aid_target_option_at(); NULL: not given */
	bool travelled;                      /* came by aid_target_unpack() */
	int64_t max_lifetime_ms;             /* of those that travelled */
};

void aid_target_values_init(struct aid_target_values *values, const struct aid_target *target);
void aid_target_values_done(struct aid_target_values *values);
/* Forgets an option, which may then be set anew. */
void aid_target_unset(struct aid_target_values *values, const char *name);

/* Checks and keeps a copy. AID_E_CONFIG with the sentence; AID_E_NOTFOUND for an option the kind does
 * not have; AID_E_INVALID for one that is set already; AID_E_NOMEM. */
int aid_target_set(struct aid_target_values *values, const char *name, const char *value,
	struct aid_error *err) AID_WUR;
/* The value, else the option's default, else NULL. */
const char *aid_target_get(const struct aid_target_values *values, const char *name);
bool aid_target_is_set(const struct aid_target_values *values, const char *name);
/* Of an option that is a duration or a percentage: milliseconds, a number; absent is -1. */
int64_t aid_target_number(const struct aid_target_values *values, const char *name);
int64_t aid_target_max_lifetime_ms(const struct aid_target_values *values);
/* Required options and what holds between them; call it when all are set. AID_E_CONFIG. */
int aid_target_complete(const struct aid_target_values *values, struct aid_error *err) AID_WUR;
/* Who the assertion is for: the option, or the kind's default, which may come from another option.
 * AID_E_CONFIG where there is none. */
int aid_target_audience(const struct aid_target_values *values, char *out, size_t size,
	struct aid_error *err) AID_WUR;

/* The host (and port) that is asked, or a name for it; issuer is [token]'s, which type oidc asks. */
void aid_target_host(const struct aid_target_values *values, const char *issuer, char *out, size_t size);

/* What stands in the file of an option with AID_USE_FILE. Borrowed. */
struct aid_target_file {
	const char *option;
	const char *bytes;
	size_t length;
};

/* AID_TAG_OPTIONS: "name=value" of each option that travels, each ended by a NUL; of a file its
 * contents. AID_E_CONFIG for contents that are too long or no text, or are not there; AID_E_TOOBIG. */
int aid_target_pack(const struct aid_target_values *values, const struct aid_target_file *files,
	size_t n_files, char *out, size_t size, size_t *ret_length, struct aid_error *err) AID_WUR;
/* The same back, every option checked again, and then all. Options that do not travel are refused, and
 * of those none is required. AID_E_PROTOCOL for bytes of another form, AID_E_CONFIG, AID_E_NOMEM. The
 * caller has made values with _init and ends it with _done, also on failure. */
int aid_target_unpack(struct aid_target_values *values, const char *bytes, size_t length,
	int64_t max_lifetime_ms, struct aid_error *err) AID_WUR;

#endif
