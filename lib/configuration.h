/* SPDX-License-Identifier: LGPL-2.1-or-later
 * Copyright The agentid authors */
/* The configuration: VENDORDIR/agentid/agentid.conf and SYSCONFDIR/agentid/agentid.conf (and its
 * agentid.conf.d), and one file per agent in agents.d/ of both. agentid.conf(5) and
 * agentid-agent.conf(5) describe every key; the option tables in configuration_table.c are the one list.
 *
 * Loading finds every problem, not only the first, each with file and line. agentid check refuses a
 * configuration with any problem; the daemon refuses the agents whose files are wrong. */
#ifndef AID_CONFIGURATION_H
#define AID_CONFIGURATION_H

#include "cleanup.h"
#include "error.h"
#include "secret_manager.h"
#include "target.h"

#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

#define AID_AGENTS_MAX 4096U
#define AID_CONFIG_FILE_MAX 65536U /* bytes */
#define AID_CREDENTIALS_MAX 16U    /* of one agent */

enum aid_source { AID_SOURCE_OIDC = 1, AID_SOURCE_HOST };

enum aid_client_auth {
	AID_CLIENT_SECRET_BASIC = 1,
	AID_CLIENT_SECRET_POST,
	AID_PRIVATE_KEY_JWT,
	AID_TLS_CLIENT_AUTH,
	AID_FEDERATED_JWT
};

enum aid_token_format { AID_FORMAT_JWT = 1, AID_FORMAT_OPAQUE };

enum aid_assertion_audience { AID_ASSERTION_AUD_ISSUER = 1, AID_ASSERTION_AUD_TOKEN_ENDPOINT };

/* [token] of an agent. Strings are NULL where the key is absent. */
struct aid_token_config {
	enum aid_source source;
	char *audience;          /* required in the token; what the host issuer writes */
	int64_t max_lifetime_ms; /* default 10 min */
	unsigned int refresh_at; /* percent, default 80 */
	/* source = host */
	int64_t lifetime_ms;     /* default 5 min */
	/* source = oidc */
	char *issuer;
	char *client_id;
	enum aid_client_auth client_auth;
	char *client_secret;     /* secret reference, see secret_source.h */
	char *client_key;        /* private_key_jwt, tls_client_auth: reference of a PEM private key */
	char *client_certificate; /* tls_client_auth: reference of a PEM certificate chain */
	char *signing_alg;       /* RS256 (default), PS256, ES256 */
	char *subject;           /* pinned; required unless format = opaque */
	char *scope;
	char *resource;
	bool send_audience;      /* default no */
	enum aid_token_format format;
	enum aid_assertion_audience assertion_audience;
	char *algorithms;        /* accepted, comma-separated; default: every asymmetric one known */
	char *allowed_hosts;     /* comma-separated hosts endpoints may have beside the issuer's */
	char *ca_file;           /* default: [fetch] ca_file */
	bool revoke_at_end;      /* default yes */
};

enum aid_rotate_provider { AID_ROTATE_KEYCLOAK_ADMIN = 1 };

/* [rotate] of an agent. */
struct aid_rotate_config {
	enum aid_rotate_provider provider; /* 0: there is no such section */
	int64_t every_ms;        /* 0: only when asked for */
	char *admin_url;         /* NULL: from the issuer, see aid_rotate_admin_url() */
	char *admin_client_id;
	enum aid_client_auth admin_client_auth; /* default client_secret_basic */
	char *admin_client_secret;
	char *admin_client_key;
	int64_t lease_ms;        /* default 60 s */
	int64_t overlap_ms;      /* default 5 min */
};

/* [credential NAME] of an agent. */
struct aid_credential {
	char *name;
	uint64_t line;           /* where its section begins */
	struct aid_target_values options;
};

struct aid_agent {
	char *file;              /* where it stands */
	char *id;
	char *account;
	char **services;         /* NULL-terminated PAM services allowed; NULL: any */
	unsigned int max_sessions; /* 0: only the key quota limits */
	struct aid_token_config token;
	struct aid_rotate_config rotate;
	struct aid_credential *credentials;
	size_t n_credentials;
};

/* A file of an agent that is not believed. */
struct aid_refused {
	char *file;
	char *id;                /* NULL where the file does not say it well enough */
	char *account;           /* the same */
	char *text;              /* "FILE:LINE: TEXT" of its first problem */
	bool held;               /* the agent that the file held before stays in force */
};

struct aid_config {
	char *host_issuer;       /* [issuer] url; NULL where it is not set */
	char *issuer_key_dir;    /* default AID_STATE_DIR "/issuer" */
	char *fetch_user;        /* account of agentid-fetch without systemd; default agentid-fetch */
	char *ca_file;           /* default /etc/ssl/certs/ca-certificates.crt */
	char *verify_issuers;    /* whose tokens may be verified beside host_issuer's and the agents'; comma-separated; NULL: none */
	struct aid_target_values managers[AID_MANAGER_COUNT]; /* [secrets NAME]; target NULL: none */
	struct aid_agent *agents;
	size_t n_agents;         /* sorted by id */
	struct aid_refused *refused;
	size_t n_refused;
};

struct aid_problem {
	char *file;
	uint64_t line;           /* 0: the file as a whole */
	char *text;              /* one sentence: the value and the limit */
};

struct aid_problems {
	struct aid_problem *items;
	size_t count;
	bool incomplete;         /* memory was short: there was more to say */
};

void aid_problems_done(struct aid_problems *problems);
/* Copies; a shortage of memory is kept in ->incomplete. */
void aid_problems_add(struct aid_problems *problems, const char *file, uint64_t line,
	const char *fmt, ...) AID_PRINTF(4, 5);

#define AID_PROBLEM_SIZE 1536U
/* "FILE:LINE: TEXT", or "FILE: TEXT" of a file as a whole, into out. Returns out. */
const char *aid_problem_format(const struct aid_problem *problem, char out[AID_PROBLEM_SIZE]);

/* Where the configuration is; aid_config_default_paths() has the installed places. */
struct aid_config_paths {
	const char *vendor_dir;
	const char *sysconf_dir;
};
extern const struct aid_config_paths aid_config_default_paths;

/* AID_OK and an immutable configuration, owned by the caller; or AID_E_CONFIG with at least one
 * problem, or AID_E_NOMEM. No file at all is a valid configuration without agents. It checks form
 * only: files and ownership of configuration files, values, pins, duplicates; whether secrets can be
 * read and accounts exist is for agentid check and the daemon. */
int aid_config_load(const struct aid_config_paths *paths, struct aid_config **ret_config,
	struct aid_problems *problems) AID_WUR;
/* What the daemon can work with. A problem in one agent's file refuses that agent, which is then in
 * ->refused; a problem in agentid.conf, which is about all agents, or in a directory is AID_E_CONFIG as
 * above. before is what is in force, or NULL: of two files that claim the same agent or account the one
 * in force wins, else the one in sysconf_dir over the vendor's, and else both are refused, because
 * nothing says whose the account is. A file that is refused claims nothing. AID_OK with problems. */
int aid_config_load_usable(const struct aid_config_paths *paths, const struct aid_config *before,
	struct aid_config **ret_config, struct aid_problems *problems) AID_WUR;
/* Moves the agents whose files are refused now, and were good before, from one into the other. Once,
 * when fresh comes into force in the place of before. */
void aid_config_hold(struct aid_config *fresh, struct aid_config *before);
/* The refused file that is, or may be, this agent's; NULL: none. Either name may be NULL. */
const struct aid_refused *aid_config_refused(const struct aid_config *config, const char *id,
	const char *account);
/* Whether a file is refused of which not even the account is known. */
bool aid_config_has_nameless(const struct aid_config *config);
/* [fetch] user, however wrong the rest of agentid.conf is; NULL where it is not set. The caller frees
 * it. */
char *aid_config_fetch_user(const struct aid_config_paths *paths);
/* aid_config_load() with agentid.conf alone and no agents: a mistake in an agent's file must not stand in the
 * way of changing a stolen issuer key. */
int aid_config_load_host(const struct aid_config_paths *paths, struct aid_config **ret_config,
	struct aid_problems *problems) AID_WUR;
void aid_config_free(struct aid_config *config);
AID_DEFINE_AUTO(aid_config)

/* NULL when there is none. */
const struct aid_agent *aid_config_agent(const struct aid_config *config, const char *id);
const struct aid_agent *aid_config_agent_of_account(const struct aid_config *config,
	const char *account);

/* NULL when the agent has none of that name. */
const struct aid_credential *aid_agent_credential(const struct aid_agent *agent, const char *name);
/* "aws, vault" into out, for a sentence; what does not fit is left out. Returns out. */
const char *aid_agent_credential_names(const struct aid_agent *agent, char *out, size_t size);
/* Who vouches for the agent when this credential is made; 0: nobody has to. */
enum aid_source aid_credential_source(const struct aid_config *config,
	const struct aid_credential *credential);

/* Where the admin REST API of the agent's realm is: [rotate] admin_url, or from an issuer of Keycloak's
 * form, URL/realms/REALM. AID_E_CONFIG. */
int aid_rotate_admin_url(const struct aid_agent *agent, char *out, size_t size, struct aid_error *err)
	AID_WUR;

/* Whether any agent file that root wrote has a line "account = ACCOUNT", however wrong the rest of
 * the configuration is: a mistake in one agent's file must not make every login of the host fail. */
bool aid_config_names_account(const struct aid_config_paths *paths, const char *account);
/* The first account that a file's bytes name in such a line, into out of size bytes; "" where there is
 * none that could be one. */
void aid_config_text_account(const char *bytes, size_t length, char *out, size_t size);
/* The pure half: one file's bytes. */
bool aid_config_text_names_account(const char *bytes, size_t length, const char *account);

const char *aid_source_name(enum aid_source source);
const char *aid_client_auth_name(enum aid_client_auth method);
const char *aid_rotate_provider_name(enum aid_rotate_provider provider);

#endif
