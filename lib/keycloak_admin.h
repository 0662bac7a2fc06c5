/* SPDX-License-Identifier: LGPL-2.1-or-later
 * Copyright The agentid authors */
/* The part of Keycloak's admin REST API that a rotation needs. For each step a function that makes the
 * request and one that says what the answer means. Pure: no network, no clock.
 *
 * A request is ended with aid_exchange_call_done(), also on failure. Refusals:
 *   AID_E_DENIED       401, 403: which role is wanted; 404 of the client
 *   AID_E_BUSY         429, 503: later
 *   AID_E_UNREACHABLE  the server is broken: later
 *   AID_E_PROTOCOL     no answer of the documented form */
#ifndef AID_KEYCLOAK_ADMIN_H
#define AID_KEYCLOAK_ADMIN_H

#include "exchange.h"

#define AID_KEYCLOAK_ID_MAX 64U

struct aid_keycloak {
	const char *url;                /* of the realm: "https://keycloak.example.com/admin/realms/R" */
	const char *client_id;          /* whose secret it is */
	const struct aid_secret *token; /* of the admin client */
};

struct aid_keycloak_client {
	char id[AID_KEYCLOAK_ID_MAX + 1]; /* its number there */
	int64_t created_s, expires_s;     /* of its secret, by the client policy; 0: not said */
};

/* What is known of the client. */
int aid_keycloak_find(const struct aid_keycloak *keycloak, struct aid_exchange_call *ret_call,
	struct aid_error *err) AID_WUR;
int aid_keycloak_find_answer(const struct aid_keycloak *keycloak,
	const struct aid_exchange_answer *answer, struct aid_keycloak_client *ret_client,
	struct aid_error *err) AID_WUR;

/* The client's secret. */
int aid_keycloak_read(const struct aid_keycloak *keycloak, const struct aid_keycloak_client *client,
	struct aid_exchange_call *ret_call, struct aid_error *err) AID_WUR;
int aid_keycloak_read_answer(const struct aid_keycloak *keycloak,
	const struct aid_exchange_answer *answer, struct aid_secret **ret_secret, struct aid_error *err)
	AID_WUR;

struct aid_keycloak_change {
	const struct aid_secret *fresh;
	const struct aid_secret *old; /* what the client has now; NULL: none that is to stay valid */
	int64_t overlap_s;            /* for so long, where a client policy lets two be valid */
	int64_t now_s;                /* by the provider's clock */
};
/* Gives the client this secret. Where the realm has the client policy executor secret-rotation (feature
 * client-secret-rotation) the old one stays valid for overlap_s, else it ends at once: Keycloak then takes
 * these attributes out itself. A secret whose time has passed by such a policy is replaced by Keycloak
 * with one of its own at any change: so read it afterwards. */
int aid_keycloak_set(const struct aid_keycloak *keycloak, const struct aid_keycloak_client *client,
	const struct aid_keycloak_change *change, struct aid_exchange_call *ret_call, struct aid_error *err)
	AID_WUR;
int aid_keycloak_set_answer(const struct aid_keycloak *keycloak,
	const struct aid_keycloak_change *change, const struct aid_exchange_answer *answer,
	struct aid_error *err) AID_WUR;

#endif
