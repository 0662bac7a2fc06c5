/* SPDX-License-Identifier: LGPL-2.1-or-later
 * Copyright The agentid authors */
/* Client secrets that a secrets manager has. Each is read before it is used, by one request for all who
 * want it at that time; the last one that was read is used when it cannot be read anew, at most max_age
 * long. Nothing of them is kept but in the memory of this process. */
#ifndef MANAGED_H
#define MANAGED_H

#include "fetch.h"
#include "ipc.h"

struct managed;

/* The letters of descriptors that are for managers, not for the request itself. */
#define MANAGED_LETTERS "hvw"

/* The secret that reference names at the manager whose options frame has, with the descriptors of the
 * frame. AID_E_PROTOCOL, AID_E_CONFIG, AID_E_BUSY, AID_E_NOMEM. To be released. */
int managed_get(struct fetch *fetch, const struct aid_frame *frame, const int *fds, const char *reference,
	struct managed **ret_managed, struct aid_error *err) AID_WUR;
/* NULL is allowed. */
void managed_release(struct managed *managed);

/* AID_OK and a copy of the secret, owned by the caller; *ret_serial tells it from others. Or AID_E_BUSY: the
 * job waits, and job_advance() will be called for it. Or why it cannot be had. */
int managed_secret(struct managed *managed, struct job *job, struct aid_secret **ret_secret,
	uint64_t *ret_serial, struct aid_error *err) AID_WUR;
/* The provider has refused the secret of this serial. True: it is read again, or has been meanwhile, and
 * managed_secret() says more (at once, unless the job waits). False: there is no use, for the reason that
 * is put behind err->text. */
bool managed_again(struct managed *managed, struct job *job, uint64_t serial, struct aid_error *err);
/* Somebody here has changed what reference names: whoever wants it next reads it anew. */
void managed_changed(struct fetch *fetch, const char *reference);
/* Why the last reading failed; NULL: it did not. */
const struct aid_error *managed_failure(const struct managed *managed);
/* Who is asked, for sentences. */
const char *managed_host(const struct managed *managed);

/* Forgets what is too old, and lets nobody wait for a slow manager who can do without. */
void managed_expire(struct fetch *fetch, int64_t now_boot_ms);
void managed_free_all(struct fetch *fetch);

#endif
