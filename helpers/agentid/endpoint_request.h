/* SPDX-License-Identifier: LGPL-2.1-or-later
 * Copyright The agentid authors */
/* The head of an HTTP/1.1 request (RFC 9112), as AWS's SDKs send it to a container endpoint: a GET without a
 * body, one on a connection. Stricter than the RFC: no folded lines, no bytes but ASCII. */
#ifndef AID_ENDPOINT_REQUEST_H
#define AID_ENDPOINT_REQUEST_H

#include "error.h"

#include <stdbool.h>
#include <stddef.h>

#define ENDPOINT_REQUEST_MAX 8192U
#define ENDPOINT_HEADERS_MAX 64U

/* A part of the head; at is NULL where it does not have it. */
struct endpoint_text {
	const char *at;
	size_t length;
};

struct endpoint_request {
	struct endpoint_text method;
	struct endpoint_text target;
	struct endpoint_text host;
	struct endpoint_text authorization;
	bool has_body;
};

/* Whether the empty line that ends the head is there. */
bool endpoint_request_is_whole(const char *bytes, size_t length);
/* What follows the head is ignored. AID_E_PROTOCOL, also for a header that decides and stands there twice. */
int endpoint_request_parse(const char *bytes, size_t length, struct endpoint_request *ret_request,
	struct aid_error *err) AID_WUR;
bool endpoint_text_is(const struct endpoint_text *text, const char *wanted);

#endif
