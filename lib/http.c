/* SPDX-License-Identifier: LGPL-2.1-or-later
 * Copyright The agentid authors */
/* The engine of http.h: what happens to a request, and when. */
#include "http_private.h"

#include "clock.h"
#include "http_header.h"
#include "str.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <sys/epoll.h>

#define EVENTS_AT_ONCE 64
#define HTTP_OK_FIRST 200
#define HTTP_REDIRECT_FIRST 300
#define HTTP_TEMPORARY_REDIRECT 307
#define HTTP_ERROR_FIRST 400
#define HTTP_ERROR_LAST 599

int aid_http_new(struct aid_http **ret_http, struct aid_error *err)
{
	const curl_version_info_data *version;
	AID_AUTO(aid_http) *http = NULL;

	/* Before curl does it: the system's OpenSSL configuration may load engines and lower limits. */
	if (OPENSSL_init_ssl(OPENSSL_INIT_NO_LOAD_CONFIG, NULL) != 1)
		return aid_fail(err, AID_E_NOMEM, "OpenSSL does not start");
	if (curl_global_init(CURL_GLOBAL_DEFAULT) != CURLE_OK)
		return aid_fail(err, AID_E_NOMEM, "libcurl does not start");
	version = curl_version_info(CURLVERSION_NOW);
	/* Without it a name server that is silent would stop the whole daemon. */
	if ((version->features & CURL_VERSION_ASYNCHDNS) == 0)
		return aid_fail(err, AID_E_CONFIG, "libcurl %s resolves names synchronously",
			version->version);
	http = calloc(1, sizeof(*http));
	if (http == NULL)
		return aid_fail(err, AID_E_NOMEM, "out of memory");
	http->next_deadline_boot_ms = INT64_MAX;
	http->epoll = epoll_create1(EPOLL_CLOEXEC);
	if (http->epoll < 0)
		return aid_fail_errno(err, AID_E_IO, errno, "epoll");
	http->trust = aid_trust_new();
	if (http->trust == NULL)
		return aid_fail(err, AID_E_NOMEM, "out of memory");
	*ret_http = aid_steal(&http);
	return AID_OK;
}

static void free_transfer(struct aid_http_transfer *t)
{
	if (t == NULL)
		return;
	if (t->easy != NULL)
		curl_easy_cleanup(t->easy);
	aid_http_wipe_headers(t->headers);
	aid_secret_free(t->sent);
	for (size_t i = 0; i < AID_HTTP_LINES_MAX; i++)
		aid_secret_free(t->lines[i]);
	aid_secret_free(t->body);
	free(t);
}

/* Takes a started transfer out of everything. */
static void detach(struct aid_http_transfer *t)
{
	(void)curl_multi_remove_handle(t->pool->multi, t->easy);
	t->pool->transfers--;
	t->pool->used_boot_ms = aid_clock_boot_ms();
	LIST_REMOVE(t, link);
}

void aid_http_cancel(struct aid_http_transfer *transfer)
{
	if (transfer == NULL)
		return;
	detach(transfer);
	free_transfer(transfer);
}

void aid_http_free(struct aid_http *http)
{
	if (http == NULL)
		return;
	while (!LIST_EMPTY(&http->transfers))
		aid_http_cancel(LIST_FIRST(&http->transfers));
	while (!LIST_EMPTY(&http->pools))
		aid_http_drop_pool(LIST_FIRST(&http->pools));
	aid_trust_free(http->trust);
	if (http->epoll >= 0)
		(void)close(http->epoll);
	free(http->by_fd);
	free(http);
	curl_global_cleanup();
}

static int check_request(const struct aid_http_request *request, struct aid_url *ret_url,
	struct aid_error *err)
{
	int r;

	if (request->timeout_ms <= 0)
		return aid_fail(err, AID_E_TIMEOUT, "no time left for a request");
	if ((request->certificate == NULL) != (request->private_key == NULL) || request->max_body == 0)
		return aid_fail(err, AID_E_INVALID, "http request: certificate without key, or no limit");
	r = request->is_instance ? aid_url_parse_instance(request->url, ret_url, err)
				 : aid_url_parse(request->url, ret_url, err);
	if (r != AID_OK)
		return r;
	if (ret_url->is_tls && request->ca_file == NULL)
		return aid_fail(err, AID_E_CONFIG, "host '%.64s': no ca_file", ret_url->host);
	return AID_OK;
}

static int prepare(struct aid_http *http, const struct aid_http_request *request,
	struct aid_http_transfer *t, struct aid_error *err)
{
	X509_STORE *store = NULL;
	const char *notice = NULL;
	int r;

	if (t->url.is_tls) {
		r = aid_trust_get(http->trust, request->ca_file, &store, &notice, err);
		if (r != AID_OK)
			return r;
	}
	if (notice != NULL)
		(void)snprintf(t->notice, sizeof(t->notice), "%s", notice);
	r = aid_http_get_pool(http, request, store, &t->pool, err);
	if (r != AID_OK)
		return r;
	t->easy = curl_easy_init();
	if (t->easy == NULL)
		return aid_fail(err, AID_E_NOMEM, "out of memory");
	return aid_http_set_options(t, request, err);
}

static int new_transfer(struct aid_http *http, struct aid_http_request *request,
	struct aid_http_transfer **ret_transfer, struct aid_error *err)
{
	struct aid_http_transfer *t;
	struct aid_url url;
	int r;

	r = check_request(request, &url, err);
	if (r != AID_OK)
		return r;
	t = calloc(1, sizeof(*t));
	if (t == NULL)
		return aid_fail(err, AID_E_NOMEM, "out of memory");
	t->http = http;
	t->url = url;
	t->max_body = request->max_body;
	t->allow_loopback = request->allow_loopback;
	t->timeout_ms = request->timeout_ms < AID_HTTP_TIMEOUT_MAX_MS ? request->timeout_ms
								      : AID_HTTP_TIMEOUT_MAX_MS;
	t->deadline_boot_ms = aid_clock_boot_ms() + t->timeout_ms;
	t->take_redirect = request->take_redirect;
	t->is_put = request->is_put;
	t->is_instance = request->is_instance;
	t->sent = aid_steal(&request->body);
	for (size_t i = 0; i < AID_HTTP_LINES_MAX; i++)
		t->lines[i] = aid_steal(&request->lines[i]);
	r = prepare(http, request, t, err);
	if (r != AID_OK) {
		free_transfer(t);
		return r;
	}
	*ret_transfer = t;
	return AID_OK;
}

int aid_http_start(struct aid_http *http, struct aid_http_request *request, aid_http_done_fn *done,
	void *data, struct aid_http_transfer **ret_transfer, struct aid_error *err)
{
	struct aid_http_transfer *t = NULL;
	int r;

	r = new_transfer(http, request, &t, err);
	aid_secret_free(aid_steal(&request->body));
	for (size_t i = 0; i < AID_HTTP_LINES_MAX; i++)
		aid_secret_free(aid_steal(&request->lines[i]));
	if (r != AID_OK)
		return r;
	t->done = done;
	t->data = data;
	if (curl_multi_add_handle(t->pool->multi, t->easy) != CURLM_OK) {
		free_transfer(t);
		return aid_fail(err, AID_E_NOMEM, "libcurl takes no more requests");
	}
	t->pool->transfers++;
	LIST_INSERT_HEAD(&http->transfers, t, link);
	if (t->deadline_boot_ms < http->next_deadline_boot_ms)
		http->next_deadline_boot_ms = t->deadline_boot_ms;
	*ret_transfer = t;
	return AID_OK;
}

int aid_http_fd(const struct aid_http *http)
{
	return http->epoll;
}

int aid_http_timeout_ms(const struct aid_http *http)
{
	const struct aid_http_pool *pool;
	int64_t next = http->next_deadline_boot_ms;
	int64_t left;

	LIST_FOREACH(pool, &http->pools, link) {
		if (pool->timer_boot_ms >= 0 && pool->timer_boot_ms < next)
			next = pool->timer_boot_ms;
	}
	if (next == INT64_MAX)
		return -1;
	left = next - aid_clock_boot_ms();
	if (left < 0)
		return 0;
	return left > AID_HTTP_TIMEOUT_MAX_MS ? AID_HTTP_TIMEOUT_MAX_MS : (int)left;
}

/* The end of a transfer: out of all lists first, because the callback may start or cancel others. */
static void finish(struct aid_http_transfer *t, const struct aid_error *err)
{
	struct aid_http_response response = {.retry_after_s = -1, .max_age_s = -1, .host = t->url.host};
	long status = 0;

	(void)curl_easy_getinfo(t->easy, CURLINFO_RESPONSE_CODE, &status);
	detach(t);
	if (err != NULL) {
		t->done(t->data, NULL, err);
		free_transfer(t);
		return;
	}
	response.status = (int)status;
	response.body = aid_steal(&t->body);
	response.date_s = aid_http_date(t->date);
	response.retry_after_s = aid_http_retry_after(t->retry_after, aid_clock_wall_ms() / 1000);
	response.max_age_s = aid_http_max_age(t->cache_control);
	if (status == HTTP_TEMPORARY_REDIRECT)
		response.location = t->location;
	response.notice = t->notice[0] != '\0' ? t->notice : NULL;
	t->done(t->data, &response, NULL);
	aid_secret_free(response.body);
	free_transfer(t);
}

/* Also where it is but a name that stands in the request: then a sentence says less than it could. */
static bool repeats_sent(const struct aid_http_transfer *t, const char *text)
{
	for (size_t i = 0; i < AID_HTTP_LINES_MAX; i++) {
		if (aid_secret_repeats(t->lines[i], text))
			return true;
	}
	return aid_secret_repeats(t->sent, text);
}

static int judge_status(struct aid_http_transfer *t, struct aid_error *err)
{
	long status = 0;

	(void)curl_easy_getinfo(t->easy, CURLINFO_RESPONSE_CODE, &status);
	if ((status >= HTTP_OK_FIRST && status < HTTP_REDIRECT_FIRST) ||
		(status >= HTTP_ERROR_FIRST && status <= HTTP_ERROR_LAST))
		return AID_OK;
	if (t->take_redirect && status == HTTP_TEMPORARY_REDIRECT && t->location[0] != '\0')
		return AID_OK;
	if (status >= HTTP_REDIRECT_FIRST && status < HTTP_ERROR_FIRST)
		(void)aid_fail(err, AID_E_UNTRUSTED,
			"host '%.64s': redirect %ld to '%.96s' is not followed", t->url.host, status,
			repeats_sent(t, t->location) ? "(left out: it repeats what was sent)" : t->location);
	else
		(void)aid_fail(err, AID_E_PROTOCOL, "host '%.64s': HTTP status %ld", t->url.host, status);
	err->http_status = (int)status;
	return err->status;
}

/* RFC 9113 section 8.1: a server may answer before it has read the request and then close the stream.
 * curl 7.88 reports an error when that happens while it sends; a whole answer is an answer. */
static bool is_whole(const struct aid_http_transfer *t)
{
	curl_off_t announced = -1;

	if (t->body == NULL ||
		curl_easy_getinfo(t->easy, CURLINFO_CONTENT_LENGTH_DOWNLOAD_T, &announced) != CURLE_OK)
		return false;
	return announced > 0 && (size_t)announced == aid_secret_length(t->body);
}

/* A stream that ended before a byte of an answer, once: the server has not taken the request. */
static bool ask_again(struct aid_http_transfer *t)
{
	if (t->asked_again || t->header_lines > 0)
		return false;
	t->asked_again = true;
	(void)curl_multi_remove_handle(t->pool->multi, t->easy);
	return curl_multi_add_handle(t->pool->multi, t->easy) == CURLM_OK;
}

static void conclude(struct aid_http_transfer *t, CURLcode code)
{
	struct aid_error err = AID_ERROR_INIT;

	if (code == CURLE_HTTP2_STREAM && is_whole(t))
		code = CURLE_OK;
	if (code == CURLE_HTTP2_STREAM && ask_again(t))
		return;
	if (code != CURLE_OK)
		aid_http_explain(t, code, &err);
	else if (judge_status(t, &err) == AID_OK) {
		finish(t, NULL);
		return;
	}
	finish(t, &err);
}

static void reap(struct aid_http_pool *pool)
{
	CURLMsg *message;
	int left;

	while ((message = curl_multi_info_read(pool->multi, &left)) != NULL) {
		struct aid_http_transfer *t = NULL;

		if (message->msg != CURLMSG_DONE)
			continue;
		(void)curl_easy_getinfo(message->easy_handle, CURLINFO_PRIVATE, (char **)&t);
		conclude(t, message->data.result);
	}
}

/* curl does not time out requests that wait for a connection, so deadlines are kept here too. */
static void expire(struct aid_http *http, int64_t now)
{
	struct aid_http_transfer *t;
	struct aid_error err;

	if (now < http->next_deadline_boot_ms)
		return;
restart:
	http->next_deadline_boot_ms = INT64_MAX;
	LIST_FOREACH(t, &http->transfers, link) {
		if (t->deadline_boot_ms <= now) {
			(void)aid_fail(&err, AID_E_TIMEOUT, "host '%.64s': no complete answer in %lld ms",
				t->url.host, (long long)t->timeout_ms);
			finish(t, &err);
			/* The callback may have changed the list. */
			goto restart;
		}
		if (t->deadline_boot_ms < http->next_deadline_boot_ms)
			http->next_deadline_boot_ms = t->deadline_boot_ms;
	}
}

static void run_sockets(struct aid_http *http)
{
	struct epoll_event events[EVENTS_AT_ONCE];
	int count = epoll_wait(http->epoll, events, EVENTS_AT_ONCE, 0);

	for (int i = 0; i < count; i++) {
		int fd = events[i].data.fd;
		struct aid_http_pool *pool = (size_t)fd < http->n_by_fd ? http->by_fd[fd] : NULL;
		int mask = 0;
		int running;

		/* An earlier event of this round may have ended it. */
		if (pool == NULL)
			continue;
		if ((events[i].events & (EPOLLIN | EPOLLHUP | EPOLLERR)) != 0)
			mask |= CURL_CSELECT_IN;
		if ((events[i].events & EPOLLOUT) != 0)
			mask |= CURL_CSELECT_OUT;
		if ((events[i].events & EPOLLERR) != 0)
			mask |= CURL_CSELECT_ERR;
		(void)curl_multi_socket_action(pool->multi, fd, mask, &running);
	}
}

void aid_http_drive(struct aid_http *http)
{
	int64_t now = aid_clock_boot_ms();
	struct aid_http_pool *pool;
	struct aid_http_pool *next;
	int running;

	run_sockets(http);
	for (pool = LIST_FIRST(&http->pools); pool != NULL; pool = next) {
		if (pool->timer_boot_ms >= 0 && pool->timer_boot_ms <= now) {
			pool->timer_boot_ms = -1;
			(void)curl_multi_socket_action(pool->multi, CURL_SOCKET_TIMEOUT, 0, &running);
		}
		/* Callbacks may add pools at the head and drop idle ones, but never one in use. */
		pool->transfers++;
		reap(pool);
		next = LIST_NEXT(pool, link);
		pool->transfers--;
	}
	expire(http, now);
}
