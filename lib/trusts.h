/* SPDX-License-Identifier: LGPL-2.1-or-later
 * Copyright The agentid authors */
/* The value of AID_TAG_TRUSTS: which issuers a token may be from, and how each one's keys are had. For
 * every issuer five texts, each with a final NUL: URL, CA file, allowed hosts, algorithms, source. */
#ifndef AID_TRUSTS_H
#define AID_TRUSTS_H

#include "error.h"

#include <stddef.h>

#define AID_TRUSTS_MAX 8U         /* issuers of one request */
#define AID_TRUSTS_BYTES_MAX 16384U
#define AID_TRUST_ISSUER_MAX 512U /* bytes of one URL */

/* Borrowed texts; "" for none. */
struct aid_trust {
	const char *issuer;
	const char *ca_file;
	const char *allowed_hosts; /* comma-separated */
	const char *algs;          /* comma-separated; "": every one known */
	bool is_host;              /* this host: its key set comes as a descriptor */
};

struct aid_trusts {
	struct aid_trust items[AID_TRUSTS_MAX];
	size_t count;
};

/* The texts stay in bytes. AID_E_PROTOCOL; AID_E_TOOBIG over a limit above. */
int aid_trusts_parse(const void *bytes, size_t length, struct aid_trusts *ret_trusts,
	struct aid_error *err) AID_WUR;
/* AID_E_TOOBIG when it does not fit. */
int aid_trusts_render(const struct aid_trusts *trusts, void *out, size_t size, size_t *ret_length,
	struct aid_error *err) AID_WUR;

#endif
