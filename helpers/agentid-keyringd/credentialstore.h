/* SPDX-License-Identifier: LGPL-2.1-or-later
 * Copyright The agentid authors */
/* The keys of a session's credentials: agentid:NAME of each, and one record of all that keyringd goes on
 * with after a restart. The record is written last, so that it never knows of a later end than a key has;
 * a key that it does not know is revoked at the next start. */
#ifndef KD_CREDENTIALSTORE_H
#define KD_CREDENTIALSTORE_H

#include "credential.h"

#include <stddef.h>

/* Puts the payload into its key, in place where that lives; then info and record. *ret_recreated: the key
 * was gone before its time. AID_E_NOTFOUND: the ring itself is gone. */
int kd_credential_store(struct kd_credential *credential, const void *payload, size_t length,
	bool *ret_recreated, struct aid_error *err) AID_WUR;
/* Whether the key is still in the ring: its session can end it. */
bool kd_credential_key_lives(const struct kd_credential *credential);
/* Writes what a restart has to know; a failure only loses that. */
void kd_credential_note(const struct kd_session *session);
/* The same, and what readers are told of: there is one less. */
void kd_credentials_note(const struct kd_session *session);
/* Revokes the key. */
void kd_credential_revoke(struct kd_credential *credential);
/* Sets the timeout of every credential's key and of the record anew. */
void kd_credentials_set_timeouts(const struct kd_session *session);
/* Finds the session's credentials in its ring and plans them; what is there and not known is revoked.
 * stepped: the wall clock was set meanwhile. */
void kd_credentials_recover(struct kd_daemon *daemon, struct kd_session *session, bool stepped);

#endif
