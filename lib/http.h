/* SPDX-License-Identifier: LGPL-2.1-or-later
 * Copyright The agentid authors */
/* The HTTP client: many GETs and POSTs at a time in one thread, none of them without a deadline and a
 * size limit. https with verified certificates only, http only to a loopback host; no redirect is
 * followed, though a caller may take the location of a 307 and ask there (take_redirect); no proxy, no
 * netrc, no cookies, no content coding; addresses are judged after name resolution (net_filter.h). Only
 * the http*.c files see curl.
 *
 * Connections, TLS sessions and HTTP/2 streams are shared by all requests of one scope, and one parsed
 * CA file by all scopes. Drive it from any poll loop: aid_http_fd() readable, or aid_http_timeout_ms()
 * passed, means call aid_http_drive(), which runs the callbacks. */
#ifndef AID_HTTP_H
#define AID_HTTP_H

#include "cleanup.h"
#include "error.h"
#include "secret.h"

#include <stddef.h>
#include <stdint.h>

#define AID_HTTP_TIMEOUT_MAX_MS 10000
#define AID_HTTP_CONNECT_TIMEOUT_MS 3000
#define AID_HTTP_INSTANCE_TIMEOUT_MS 1000 /* to connect where a cloud serves credentials */
#define AID_HTTP_HEADERS_MAX 100U        /* lines */
#define AID_HTTP_HEADER_BYTES_MAX 32768U /* all lines together */
#define AID_URL_MAX 2047U                /* bytes */
#define AID_HTTP_LINES_MAX 4U            /* header lines of one request */

struct aid_http;
struct aid_http_transfer;

struct aid_http_request {
	const char *url;
	const char *ca_file;  /* NULL is allowed for http: only */
	/* Requests of one scope, ca_file and client certificate share connections; of two, never. */
	const char *scope;
	bool allow_loopback;  /* the host may resolve to a loopback address */
	size_t max_body;
	int64_t timeout_ms;   /* at most AID_HTTP_TIMEOUT_MAX_MS */
	/* Borrowed for the call; PEM. Both or none. */
	const struct aid_secret *certificate;
	const struct aid_secret *private_key;
	const char *accept;       /* NULL: application/json */
	const char *content_type; /* NULL: application/x-www-form-urlencoded */
	bool take_redirect;       /* a 307 is an answer, and its location is in the response */
	bool is_put;              /* PUT, with body or without */
	bool is_instance;         /* the url is one of aid_url_parse_instance(), and nothing else */
	/* Taken over, also on failure. body: POST, else GET (but see is_put). lines: whole header lines. */
	struct aid_secret *body;
	struct aid_secret *lines[AID_HTTP_LINES_MAX];
};

struct aid_http_response {
	int status;              /* 200 to 299, 400 to 599: a redirect is an error, but see
				  * take_redirect */
	struct aid_secret *body; /* may be taken with aid_steal() */
	int retry_after_s;       /* -1: none or garbage; capped */
	int64_t max_age_s;       /* -1: not said */
	int64_t date_s;          /* the provider's clock; 0: not said */
	const char *host;
	const char *location;    /* NULL but for a redirect that is taken */
	const char *notice;      /* NULL, or a sentence for the log: ca_file has become unusable and
				  * the certificates read before are still in use */
};

/* response is NULL when there was none; err then says why:
 *   AID_E_UNTRUSTED    certificate, TLS version or key, address, redirect
 *   AID_E_CREDENTIAL   the server refused our client certificate in the TLS handshake
 *   AID_E_CONFIG       ca_file or client certificate cannot be used
 *   AID_E_TOOBIG       body, headers
 *   AID_E_PROTOCOL     no HTTP, a content coding
 *   AID_E_TIMEOUT, AID_E_UNREACHABLE, AID_E_NOMEM */
typedef void aid_http_done_fn(void *data, struct aid_http_response *response,
	const struct aid_error *err);

int aid_http_new(struct aid_http **ret_http, struct aid_error *err) AID_WUR;
/* Cancels what is under way without calling back. */
void aid_http_free(struct aid_http *http);
AID_DEFINE_AUTO(aid_http)

/* done is called exactly once, never from within this call, unless cancelled before. *ret_transfer
 * is valid until then. AID_E_CONFIG, AID_E_BUSY, AID_E_NOMEM, AID_E_UNTRUSTED for a url that
 * aid_url_parse() refuses. */
int aid_http_start(struct aid_http *http, struct aid_http_request *request, aid_http_done_fn *done,
	void *data, struct aid_http_transfer **ret_transfer, struct aid_error *err) AID_WUR;
/* Ends it without calling back; NULL is allowed. */
void aid_http_cancel(struct aid_http_transfer *transfer);

int aid_http_fd(const struct aid_http *http);
/* How long the loop may sleep; -1: until the descriptor is readable. */
int aid_http_timeout_ms(const struct aid_http *http);
void aid_http_drive(struct aid_http *http);

struct aid_url {
	char host[256];   /* lower case; an IPv6 address without brackets */
	bool is_loopback; /* 127.0.0.0/8, ::1, "localhost" */
	bool is_tls;
};

/* AID_E_UNTRUSTED, with the part and the rule, for anything but https (or http to a loopback host),
 * and for user info, a fragment, blanks, control or non-ASCII characters, more than AID_URL_MAX. */
int aid_url_parse(const char *url, struct aid_url *ret_url, struct aid_error *err) AID_WUR;
/* http to one of the addresses where a cloud serves the instance's or the container's own credentials:
 * 169.254.169.254, 169.254.170.2, 169.254.170.23. AID_E_UNTRUSTED for anything else. */
int aid_url_parse_instance(const char *url, struct aid_url *ret_url, struct aid_error *err) AID_WUR;

#endif
