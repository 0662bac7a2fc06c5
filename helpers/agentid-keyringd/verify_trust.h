/* SPDX-License-Identifier: LGPL-2.1-or-later
 * Copyright The agentid authors */
/* Whose tokens may be verified, and how the keys of each issuer are had: the configuration's part of a
 * verification. */
#ifndef KD_VERIFY_TRUST_H
#define KD_VERIFY_TRUST_H

#include "error.h"
#include "trusts.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct aid_frame;
struct kd_daemon;

/* For the issuers that the request names, or that of the session whose cookie it shows.
 * *ret_with_keys: this host is among them. AID_E_DENIED for an issuer that is not configured:
 * agentid-fetch shall not connect to where any user wants it to. */
int kd_verify_trusts(const struct kd_daemon *daemon, const struct aid_frame *frame,
	uint8_t out[AID_TRUSTS_BYTES_MAX], size_t *ret_length, bool *ret_with_keys, struct aid_error *err)
	AID_WUR;
/* The key set of the host's own issuer, opened. AID_E_CONFIG. */
int kd_verify_open_keys(const struct kd_daemon *daemon, int *ret_fd, struct aid_error *err) AID_WUR;
/* AID_E_REVOKED: an answer is about an agent of this host that is cut off, or nothing says that it is not.
 * AID_E_PROTOCOL: it does not say whom it is about. */
int kd_verify_check_cut_off(const struct kd_daemon *daemon, const struct aid_frame *frame,
	struct aid_error *err) AID_WUR;

#endif
