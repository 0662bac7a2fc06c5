/* SPDX-License-Identifier: LGPL-2.1-or-later
 * Copyright The agentid authors */
/* AID_MSG_ROTATE_SECRET: drives the machine of lib/rotation.h. rotate.c has the order of the steps and
 * what is told of them, rotate_read.c the request, rotate_provider.c what is asked of the provider, and a
 * table of managers what is asked of the secrets manager. Each step is one or more HTTP requests and ends
 * with rotate_ended(), rotate_read() or rotate_failed(), after which it may be gone. */
#ifndef ROTATE_H
#define ROTATE_H

#include "configuration.h"
#include "exchange.h"
#include "fetch.h"
#include "keycloak_admin.h"
#include "request.h"
#include "rotation.h"
#include "rotation_kv.h"
#include "secret_manager.h"

struct rotate;
struct manager_access;

/* What a kind of secrets manager does for each step; host names who is asked. */
struct rotate_manager {
	void (*read)(struct rotate *rotate);    /* -> rotate_read() */
	void (*stage)(struct rotate *rotate);   /* rotate->pending */
	void (*take)(struct rotate *rotate);
	void (*promote)(struct rotate *rotate);
	void (*forget)(struct rotate *rotate);
};

/* The same for a provider. The second row would be RFC 7592. */
struct rotate_provider {
	void (*look)(struct rotate *rotate);    /* -> rotate->found */
	void (*set)(struct rotate *rotate);
};

extern const struct rotate_manager rotate_kv;
extern const struct rotate_provider rotate_keycloak;

typedef void rotate_next(struct rotate *rotate, const struct aid_exchange_answer *answer);

struct rotate {
	struct job *job; /* NULL: not begun */
	struct aid_rotation machine;
	const struct rotate_manager *manager;
	const struct rotate_provider *provider;
	/* of the request */
	struct request *client; /* whose secret it is: the token requests that prove one */
	struct request *admin;  /* who changes it at the provider */
	struct aid_manager_place place;
	struct aid_target_values manager_options;
	char *admin_url;
	char host[AID_ROTATION_HOST_SIZE]; /* ours, for the lease */
	int64_t overlap_ms;
	int64_t timeout_ms;
	char *token_endpoint;
	/* of the steps */
	struct aid_secret *current, *pending, *found; /* found: what the provider has */
	bool found_other;                             /* neither of the manager's */
	struct aid_secret *admin_token;
	struct aid_keycloak_client keycloak;
	struct aid_kv_place kv_place;
	struct aid_kv_secret kv;
	struct manager_access *access;
	rotate_next *next;
	int64_t began_boot_ms;
	int64_t asked_wall_ms;
	int64_t date_ms;      /* by the clock of who answered last; 0: not said */
	int64_t manager_ahead_ms; /* the manager's clock minus ours, when it was read */
	char remark[160];     /* of the step, for people */
};

/* rotate_read.c. Takes the frame apart; AID_E_PROTOCOL, AID_E_CONFIG. */
int rotate_parse(const struct aid_frame *frame, const int *fds, size_t n_fds, struct rotate **ret_rotate,
	struct aid_error *err) AID_WUR;
void rotate_free(struct rotate *rotate);

/* rotate.c */
void rotate_start(struct fetch *fetch, struct client *client, const struct aid_frame *frame,
	const int *fds, size_t n_fds);
/* Sends the call, which is empty afterwards; next gets the answer. A failure ends the rotation. */
void rotate_call(struct rotate *rotate, struct aid_exchange_call *call, const char *scope,
	const char *ca_file, rotate_next *next);
/* The same for a token request of the client, or of the admin client. */
void rotate_ask_token(struct rotate *rotate, const struct request *request, rotate_next *next);
/* Its answer. AID_E_CREDENTIAL: the provider does not take what request proves itself with. */
int rotate_take_token(const struct request *request, const struct aid_exchange_answer *answer,
	struct aid_secret **ret_token, struct aid_error *err) AID_WUR;
void rotate_read(struct rotate *rotate, const struct aid_rotation_view *view);
void rotate_ended(struct rotate *rotate, enum aid_rotation_outcome outcome);
void rotate_failed(struct rotate *rotate, const struct aid_error *err);
void rotate_remark(struct rotate *rotate, const char *fmt, ...) AID_PRINTF(2, 3);
/* Now, by the clock of who answered last. */
int64_t rotate_their_ms(const struct rotate *rotate);

#endif
