/* SPDX-License-Identifier: LGPL-2.1-or-later
 * Copyright The agentid authors */
/* AWS Signature Version 4 in its header form, for every service but S3. Pure: the time is given. */
#ifndef AID_SIGV4_H
#define AID_SIGV4_H

#include "error.h"
#include "secret.h"

#include <stddef.h>
#include <stdint.h>

#define AID_SIGV4_HEADERS_MAX 24U
#define AID_SIGV4_DATE_SIZE 17 /* "20260102T030405Z" */
#define AID_SIGV4_HEX_SIZE 65

struct aid_sigv4_keys {
	const char *id;
	const struct aid_secret *secret;
	const struct aid_secret *token; /* of a session; NULL: keys that last */
};

struct aid_sigv4_header {
	const char *name;
	const char *value;
};

struct aid_sigv4_request {
	const char *method;
	const char *path;  /* as it is sent; dot segments and empty ones count as resolved */
	const char *query; /* as it is sent, without '?'; NULL: none */
	/* Without x-amz-date and x-amz-security-token, which are signed too. "host" must be among them,
	 * with exactly what is sent. Two of one name are one header with a list of values. */
	const struct aid_sigv4_header *headers;
	size_t n_headers;
	const void *body;
	size_t body_length;
	const char *region;
	const char *service;
	int64_t now_wall_ms;
};

struct aid_sigv4_signed {
	char date[AID_SIGV4_DATE_SIZE];          /* value of X-Amz-Date */
	char canonical_hash[AID_SIGV4_HEX_SIZE]; /* of the canonical request */
	char signature[AID_SIGV4_HEX_SIZE];
	struct aid_secret *authorization;        /* value of Authorization; owned */
};

/* AID_E_TOOBIG, AID_E_NOMEM; AID_E_INVALID for a time outside the years 1970 to 9999. */
int aid_sigv4_sign(const struct aid_sigv4_keys *keys, const struct aid_sigv4_request *request,
	struct aid_sigv4_signed *ret_signed, struct aid_error *err) AID_WUR;

#endif
