/* SPDX-License-Identifier: LGPL-2.1-or-later
 * Copyright The agentid authors */
/* agentid check: each function looks at one thing and says what it found, in one sentence. */
#ifndef AID_CHECK_H
#define AID_CHECK_H

#include "configuration.h"
#include "jsonout.h"

#include <stdbool.h>
#include <stdint.h>

enum check_level { CHECK_OK, CHECK_WARNING, CHECK_ERROR };

struct check {
	bool json;
	bool colour;
	struct jsonout out;
	const struct aid_config *config; /* NULL where it is wrong */
	size_t counts[CHECK_ERROR + 1];
	bool config_wrong;
};

/* file NULL: none; line 0: none. subject is a word or two for people and for JSON. */
void check_say(struct check *check, enum check_level level, const char *subject, const char *file,
	uint64_t line, const char *fmt, ...) AID_PRINTF(6, 7);

/* Secrets, accounts, CA files and the issuer key that the agents need. */
void check_agents(struct check *check);
/* What a client proves itself with. NULL where there is none; signing_alg where the key signs. */
struct check_client {
	const char *file;
	const char *section; /* without its brackets */
	const char *secret, *key, *certificate;
	const char *signing_alg;
};
void check_client(struct check *check, const struct check_client *client);
/* A secret of file: or credential:; reference NULL: none. */
void check_secret(struct check *check, const char *file, const char *section, const char *option,
	const char *reference);
/* The sections [secrets NAME], and whether one of them needs the issuer key. */
void check_managers(struct check *check);
bool check_managers_sign(const struct aid_config *config);
/* A file of CA certificates; agentid-fetch opens it, as its own unprivileged user. */
void check_ca_file(struct check *check, const char *path, const char *file);
/* What the credentials of one agent point to. */
void check_credentials(struct check *check, const struct aid_agent *agent);
/* True where one of them relies on [fetch] ca_file. */
bool check_credentials_need_host_ca(const struct aid_agent *agent);
/* Kernel, key quota, clock, ptrace. */
void check_host(struct check *check);
/* agentid-keyringd and agentid-fetch as they run now. */
void check_daemons(struct check *check);
/* The stacks in directory that name pam_agentid.so. */
void check_pam(struct check *check, const char *directory);

#endif
