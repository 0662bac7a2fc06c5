/* SPDX-License-Identifier: LGPL-2.1-or-later
 * Copyright The agentid authors */
/* AWS keys of this host itself, from where a cloud serves them to an instance or a container, or from an
 * AssumeRoleWithWebIdentity (target_aws.c). Pure: requests and what their answers mean. Version 1 of the
 * instance metadata service, which needs no token, is not spoken. */
#ifndef AID_AWS_KEYS_H
#define AID_AWS_KEYS_H

#include "exchange.h"

#define AID_AWS_KEY_ID_MAX 128U
#define AID_AWS_ROLE_MAX 64U
#define AID_IMDS_ADDRESS "http://169.254.169.254"

struct aid_aws_keys {
	char id[AID_AWS_KEY_ID_MAX + 1];
	struct aid_secret *secret; /* owned; NULL: no keys */
	struct aid_secret *token;  /* owned */
	int64_t expires_wall_ms;
};

void aid_aws_keys_done(struct aid_aws_keys *keys);

/* The JSON that a credential_process prints: what the exchange of type aws-sts makes. AID_E_PROTOCOL. */
int aid_aws_keys_of_process(const struct aid_secret *json, struct aid_aws_keys *ret_keys,
	struct aid_error *err) AID_WUR;

/* Instance metadata: a token; the role; keys of the role. address: AID_IMDS_ADDRESS. */
int aid_imds_token(const char *address, struct aid_exchange_call *ret_call, struct aid_error *err) AID_WUR;
int aid_imds_token_answer(const struct aid_exchange_answer *answer, struct aid_secret **ret_token,
	struct aid_error *err) AID_WUR;
int aid_imds_role(const char *address, const struct aid_secret *token, struct aid_exchange_call *ret_call,
	struct aid_error *err) AID_WUR;
int aid_imds_role_answer(const struct aid_exchange_answer *answer, char out[AID_AWS_ROLE_MAX + 1],
	struct aid_error *err) AID_WUR;
int aid_imds_keys(const char *address, const struct aid_secret *token, const char *role,
	struct aid_exchange_call *ret_call, struct aid_error *err) AID_WUR;

/* The endpoint of a container: 169.254.170.2 (ECS), 169.254.170.23 (EKS), or a loopback host. token: what
 * stands in the file for it; NULL: none. */
int aid_container_check(const char *url, struct aid_error *err) AID_WUR;
int aid_container_keys(const char *url, const struct aid_secret *token, struct aid_exchange_call *ret_call,
	struct aid_error *err) AID_WUR;

/* Of aid_imds_keys() and aid_container_keys(). AID_E_NOTFOUND where no role is attached, AID_E_EXPIRED for
 * keys that have expired, else as for an exchange. */
int aid_aws_keys_answer(const struct aid_exchange_answer *answer, struct aid_aws_keys *ret_keys,
	struct aid_error *err) AID_WUR;

#endif
