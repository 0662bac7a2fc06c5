/* SPDX-License-Identifier: LGPL-2.1-or-later
 * Copyright The agentid authors */
/* What the daemon knows about an agent beyond its configuration, and the issuers with their
 * breakers. Both stay when a reload takes the configuration away, as long as sessions need them. */
#ifndef KD_AGENT_H
#define KD_AGENT_H

#include "breaker.h"
#include "configuration.h"
#include "heap.h"
#include "list.h"

#include <stdbool.h>
#include <stdint.h>

#define KD_AGENT_ID_SIZE 64

/* Tokens of ended sessions that the issuer shall revoke, see retire.h. */
struct kd_retire_queue {
	struct kd_list waiting;
	struct kd_timer timer;   /* after a failure or a login: until then nothing is sent */
	int64_t login_boot_ms;   /* when a login last asked the issuer or had its answer */
	unsigned int flying;
	unsigned int failures;   /* transient ones in a row; while there are any, one flies at a time */
	bool paused;
	bool told;               /* that the issuer cannot revoke */
};

/* Also a target that credentials come from, see kd_credential_target(). */
struct kd_issuer {
	struct kd_list node;
	char *name;             /* the URL; "host" for the host issuer; "target HOST" */
	struct kd_breaker breaker;
	struct kd_list waiting; /* sessions whose refresh is due while the breaker is open */
	struct kd_timer timer;  /* for the probe */
	int64_t renewed_boot_ms; /* when the rings of those that wait were renewed */
	struct kd_retire_queue retire;
	char last_error[160];
};

struct kd_agent {
	struct kd_list node;
	char id[KD_AGENT_ID_SIZE];
	char account[KD_AGENT_ID_SIZE];
	const struct aid_agent *config; /* NULL: not in the configuration in force */
	struct kd_issuer *issuer;       /* NULL as long as config was never there */
	struct kd_list sessions;
	uint32_t n_sessions;
	bool revoked;
	/* What its tokens said when it was cut off, because its configuration may go before they expire.
	 * NULL: not known; a subject of "": any. */
	char *cut_issuer;
	char *cut_subject;
	size_t token_size;              /* the largest seen, for admission */
	size_t credential_sizes[AID_TARGET_LAST_WK + 1]; /* the same of each kind */
	char *last_error;
	char *problem;                  /* of its file, which is refused; NULL: none */
};

struct kd_agents {
	struct kd_list list;
	struct kd_list issuers;
};

void kd_agents_init(struct kd_agents *agents);
void kd_agents_done(struct kd_agents *agents);
struct kd_agent *kd_agents_find(const struct kd_agents *agents, const char *id);
/* Finds or makes; NULL without memory. */
struct kd_agent *kd_agents_get(struct kd_agents *agents, const char *id);
struct kd_issuer *kd_issuers_get(struct kd_agents *agents, const char *name);
/* Copies; NULL: its file is good. */
void kd_agent_set_problem(struct kd_agent *agent, const char *text);
void kd_agent_set_error(struct kd_agent *agent, const char *text);
/* Copies; NULL: nothing is known. */
void kd_agent_set_cut(struct kd_agent *agent, const char *issuer, const char *subject);
/* What room a credential of this kind needs: the largest seen, or what it commonly has. */
size_t kd_agent_credential_size(const struct kd_agent *agent, enum aid_target_kind kind);
void kd_agent_saw_credential(struct kd_agent *agent, enum aid_target_kind kind, size_t size);
/* Frees agents that have neither configuration, refused or not, nor sessions nor a mark of the kill
 * switch. */
void kd_agents_forget_unused(struct kd_agents *agents);

#endif
