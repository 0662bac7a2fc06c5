/* SPDX-License-Identifier: LGPL-2.1-or-later
 * Copyright The agentid authors */
/* Shared by the http*.c files. */
#ifndef AID_HTTP_PRIVATE_H
#define AID_HTTP_PRIVATE_H

#include "http.h"
#include "http_trust.h"

#include <curl/curl.h>
#include <sys/queue.h>

/* Connections that may be reused for one another: one multi handle, one TLS session cache. */
struct aid_http_pool {
	struct aid_http *http;
	LIST_ENTRY(aid_http_pool) link;
	char *scope;
	X509_STORE *store;              /* a reference; NULL: http: only */
	struct aid_secret *certificate; /* NULL: none */
	struct aid_secret *private_key;
	CURLM *multi;
	CURLSH *share;
	int64_t timer_boot_ms;          /* -1: curl has no timer */
	int64_t used_boot_ms;
	size_t transfers;
	int alert;                      /* the last fatal TLS alert, 0: none */
	bool alert_received;
};

struct aid_http {
	int epoll;
	struct aid_trust *trust;
	LIST_HEAD(, aid_http_pool) pools;
	size_t n_pools;
	LIST_HEAD(, aid_http_transfer) transfers;
	int64_t next_deadline_boot_ms; /* not later than the earliest of any transfer */
	struct aid_http_pool **by_fd;  /* whose multi handle a descriptor belongs to */
	size_t n_by_fd;
};

enum aid_http_fault { FAULT_NONE, FAULT_BODY, FAULT_HEADERS, FAULT_CODING, FAULT_MEMORY };

struct aid_http_transfer {
	struct aid_http *http;
	struct aid_http_pool *pool;
	LIST_ENTRY(aid_http_transfer) link;
	CURL *easy;
	struct curl_slist *headers;
	struct aid_secret *sent;
	struct aid_secret *lines[AID_HTTP_LINES_MAX];
	struct aid_secret *body;
	bool take_redirect, is_put, is_instance;
	aid_http_done_fn *done;
	void *data;
	struct aid_url url;
	int64_t deadline_boot_ms;
	int64_t timeout_ms;
	size_t max_body;
	bool allow_loopback;
	bool asked_again;
	/* of the response */
	enum aid_http_fault fault;
	const char *refusal; /* of an address; NULL: none was refused */
	char address[48];
	size_t header_lines, header_bytes;
	char retry_after[64];
	char cache_control[256];
	char date[64];
	char location[512];
	char notice[320];
	char curl_text[CURL_ERROR_SIZE];
};

/* The pool for a request; a new one takes a reference to store. AID_E_BUSY, AID_E_NOMEM. */
int aid_http_get_pool(struct aid_http *http, const struct aid_http_request *request,
	X509_STORE *store, struct aid_http_pool **ret_pool, struct aid_error *err) AID_WUR;
void aid_http_drop_pool(struct aid_http_pool *pool);

/* Sets every option; the secrets of the transfer must outlive it. */
int aid_http_set_options(struct aid_http_transfer *transfer, const struct aid_http_request *request,
	struct aid_error *err) AID_WUR;
/* What a failed transfer means. */
void aid_http_explain(const struct aid_http_transfer *transfer, CURLcode code, struct aid_error *err);
void aid_http_wipe_headers(struct curl_slist *headers);

#endif
