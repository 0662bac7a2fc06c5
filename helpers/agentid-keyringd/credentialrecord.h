/* SPDX-License-Identifier: LGPL-2.1-or-later
 * Copyright The agentid authors */
/* What agentid:meta:credentials holds: one frame for each credential, one after the other, in the way of
 * agentid:meta (record.h). No secret. Pure: bytes in, status out. */
#ifndef KD_CREDENTIALRECORD_H
#define KD_CREDENTIALRECORD_H

#include "configuration.h"
#include "credential.h"

#include <stddef.h>

#define KD_CREDENTIAL_RECORD_MAX (256U + KD_TARGET_NAME_SIZE) /* of one */
#define KD_CREDENTIAL_RECORDS_MAX (AID_CREDENTIALS_MAX * KD_CREDENTIAL_RECORD_MAX)

/* Appends one at bytes[*length]. AID_E_TOOBIG. */
int kd_credential_record_add(const struct kd_credential *credential, uint8_t *bytes, size_t size,
	size_t *length) AID_WUR;
/* Reads the one at bytes[*at], or behind those of a type that this release does not know, into the plain
 * fields of *out and moves *at behind it. out_from: the name of its maker, or "". AID_E_PROTOCOL,
 * AID_E_VERSION; AID_E_NOTFOUND at the end. */
int kd_credential_record_next(const uint8_t *bytes, size_t length, size_t *at,
	struct kd_credential *out, char out_from[KD_TARGET_NAME_SIZE], struct aid_error *err) AID_WUR;

#endif
