/* SPDX-License-Identifier: LGPL-2.1-or-later
 * Copyright The agentid authors */
/* Between managed.c, which keeps secrets, managed_read.c, which asks for them, and managed_KIND.c, which
 * know what to ask. */
#ifndef MANAGED_PRIVATE_H
#define MANAGED_PRIVATE_H

#include "aws_keys.h"
#include "exchange.h"
#include "kv_vault.h"
#include "managed.h"
#include "secret_manager.h"

struct manager;

/* Logging in takes one to three requests, and then each secret one or two. */
struct manager_kind {
	bool (*is_ready)(const struct manager *manager, int64_t now_boot_ms);
	/* What to be ready for is over: the manager has refused it. */
	void (*forget)(struct manager *manager);
	int (*login_call)(struct manager *manager, struct aid_exchange_call *ret_call, struct aid_error *err);
	int (*login_answer)(struct manager *manager, const struct aid_exchange_answer *answer, bool *ret_more,
		struct aid_error *err);
	int (*call)(struct managed *managed, struct aid_exchange_call *ret_call, struct aid_error *err);
	/* *ret_value, or *ret_more. */
	int (*answer)(struct managed *managed, const struct aid_exchange_answer *answer,
		struct aid_secret **ret_value, bool *ret_more, struct aid_error *err);
};
extern const struct manager_kind manager_vault, manager_aws;

LIST_HEAD(managed_list, managed);

struct manager {
	struct fetch *fetch;
	LIST_ENTRY(manager) link;
	const struct manager_kind *kind;
	enum aid_manager number;
	/* which one it is */
	char *packed;
	size_t packed_length;
	char *host_issuer; /* "": none */
	struct aid_target_values options;
	int key_fd;        /* host's signing key, as the last request brought it; -1 */
	int proof_fd;      /* AppRole secret id, or token of a container; -1 */
	struct managed_list secrets;
	/* logging in */
	struct managed_list waiting;
	struct aid_http_transfer *transfer;
	unsigned int step;
	int64_t asked_wall_ms;
	struct aid_secret *assertion;
	/* vault */
	char active[256];  /* the node that a standby named; "": as configured */
	struct aid_secret *token;
	bool renewable;
	int64_t renew_boot_ms, until_boot_ms; /* 0: it does not expire */
	/* aws-sm */
	struct aid_aws_keys keys;
	struct aid_target_values sts;
	struct aid_exchange exchange;
	char role[AID_AWS_ROLE_MAX + 1];
};

struct managed {
	struct manager *manager;
	LIST_ENTRY(managed) link, of_waiting;
	bool is_waiting;   /* for the login */
	char *reference;
	struct aid_manager_place place;
	struct job_list waiting;
	size_t held;
	int64_t used_boot_ms;
	/* the last one that was read */
	struct aid_secret *secret; /* NULL: none, or too old */
	char version[96];          /* for the log */
	uint64_t serial;           /* another value, another number; 0: none yet */
	int64_t read_boot_ms;
	/* reading */
	bool reading;
	bool again;                /* because the provider has refused it */
	bool slow;                 /* whoever can do without it does not wait */
	bool logged_in_anew, redirected;
	int64_t begun_boot_ms;
	int64_t asked_wall_ms;
	struct aid_http_transfer *transfer;
	char url[AID_URL_MAX + 1];
	char host[256];
	/* the last failure */
	bool failed;
	struct aid_error why;
	int64_t not_before_boot_ms;
	int64_t same_until_boot_ms; /* it was read again in vain */
	/* vault */
	struct aid_kv_place kv;     /* version 0: not known */
	/* aws-sm */
	struct aid_secret *refused; /* the current one that the provider has refused */
	struct aid_secret *current; /* while the pending one is asked for */
	bool wants_pending;
};

/* managed_read.c: ends in managed_done() or managed_failed(), maybe at once. */
void managed_read(struct managed *managed);
void managed_cancel(struct managed *managed);
void manager_cancel(struct manager *manager);
/* An assertion of this host for audience, in manager->assertion. */
int manager_sign(struct manager *manager, const char *audience, struct aid_error *err) AID_WUR;

/* managed.c: takes value over. */
void managed_done(struct managed *managed, struct aid_secret *value);
void managed_failed(struct managed *managed, const struct aid_error *err);

#endif
