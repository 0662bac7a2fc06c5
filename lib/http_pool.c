/* SPDX-License-Identifier: LGPL-2.1-or-later
 * Copyright The agentid authors */
/* Pools of connections, and the epoll set that curl's sockets are in. */
#include "http_private.h"

#include "clock.h"
#include "str.h"

#include <string.h>
#include <sys/epoll.h>

#define POOLS_MAX 256U
#define HOST_CONNECTIONS_MAX 16L /* a storm must not become one of TLS handshakes */
#define STREAMS_MAX 1000L /* of one HTTP/2 connection, where the server allows as many */
#define POOL_IDLE_MS (600 * INT64_C(1000))
#define FDS_MAX (1U << 20)

static void free_pool(struct aid_http_pool *pool)
{
	if (pool == NULL)
		return;
	if (pool->multi != NULL)
		(void)curl_multi_cleanup(pool->multi);
	if (pool->share != NULL)
		(void)curl_share_cleanup(pool->share);
	X509_STORE_free(pool->store);
	aid_secret_free(pool->certificate);
	aid_secret_free(pool->private_key);
	free(pool->scope);
	free(pool);
}

void aid_http_drop_pool(struct aid_http_pool *pool)
{
	LIST_REMOVE(pool, link);
	pool->http->n_pools--;
	free_pool(pool);
}

static int remember_fd(struct aid_http *http, int fd, struct aid_http_pool *pool)
{
	size_t wanted = (size_t)fd + 1;

	if (fd < 0 || wanted > FDS_MAX)
		return AID_E_INVALID;
	if (wanted > http->n_by_fd) {
		struct aid_http_pool **bigger;

		wanted = (wanted + 63) & ~(size_t)63;
		bigger = reallocarray(http->by_fd, wanted, sizeof(struct aid_http_pool *));
		if (bigger == NULL)
			return AID_E_NOMEM;
		for (size_t i = http->n_by_fd; i < wanted; i++)
			bigger[i] = NULL;
		http->by_fd = bigger;
		http->n_by_fd = wanted;
	}
	http->by_fd[fd] = pool;
	return AID_OK;
}

static int on_socket(CURL *easy, curl_socket_t fd, int what, void *data, void *unused)
{
	struct aid_http_pool *pool = data;
	struct aid_http *http = pool->http;
	struct epoll_event event = {.data.fd = fd};

	(void)easy;
	(void)unused;
	if (what == CURL_POLL_REMOVE) {
		if (fd >= 0 && (size_t)fd < http->n_by_fd)
			http->by_fd[fd] = NULL;
		/* curl may have closed it already, which took it out of the set. */
		(void)epoll_ctl(http->epoll, EPOLL_CTL_DEL, fd, NULL);
		return 0;
	}
	if (remember_fd(http, fd, pool) != AID_OK)
		return -1;
	if ((what & CURL_POLL_IN) != 0)
		event.events |= EPOLLIN;
	if ((what & CURL_POLL_OUT) != 0)
		event.events |= EPOLLOUT;
	if (epoll_ctl(http->epoll, EPOLL_CTL_MOD, fd, &event) == 0)
		return 0;
	return epoll_ctl(http->epoll, EPOLL_CTL_ADD, fd, &event) == 0 ? 0 : -1;
}

static int on_timer(CURLM *multi, long timeout_ms, void *data)
{
	struct aid_http_pool *pool = data;

	(void)multi;
	pool->timer_boot_ms = timeout_ms < 0 ? -1 : aid_clock_boot_ms() + timeout_ms;
	return 0;
}

static int set_up_multi(struct aid_http_pool *pool)
{
	CURLM *m = pool->multi;

	if (m == NULL || pool->share == NULL)
		return AID_E_NOMEM;
	if (curl_multi_setopt(m, CURLMOPT_SOCKETFUNCTION, on_socket) != CURLM_OK ||
		curl_multi_setopt(m, CURLMOPT_SOCKETDATA, pool) != CURLM_OK ||
		curl_multi_setopt(m, CURLMOPT_TIMERFUNCTION, on_timer) != CURLM_OK ||
		curl_multi_setopt(m, CURLMOPT_TIMERDATA, pool) != CURLM_OK ||
		curl_multi_setopt(m, CURLMOPT_PIPELINING, CURLPIPE_MULTIPLEX) != CURLM_OK ||
		curl_multi_setopt(m, CURLMOPT_MAX_CONCURRENT_STREAMS, STREAMS_MAX) != CURLM_OK ||
		curl_multi_setopt(m, CURLMOPT_MAX_HOST_CONNECTIONS, HOST_CONNECTIONS_MAX) != CURLM_OK ||
		curl_multi_setopt(m, CURLMOPT_MAXCONNECTS, HOST_CONNECTIONS_MAX) != CURLM_OK ||
		curl_share_setopt(pool->share, CURLSHOPT_SHARE, CURL_LOCK_DATA_SSL_SESSION) != CURLSHE_OK)
		return AID_E_INVALID;
	return AID_OK;
}

static int copy_secret(const struct aid_secret *from, struct aid_secret **ret_copy)
{
	if (from == NULL)
		return AID_OK;
	*ret_copy = aid_secret_from(aid_secret_peek(from), aid_secret_length(from));
	return *ret_copy != NULL ? AID_OK : AID_E_NOMEM;
}

/* Idle connections hold descriptors here and at the provider. */
static void drop_idle(struct aid_http *http)
{
	int64_t now = aid_clock_boot_ms();
	struct aid_http_pool *pool = LIST_FIRST(&http->pools);

	while (pool != NULL) {
		struct aid_http_pool *next = LIST_NEXT(pool, link);

		if (pool->transfers == 0 && now - pool->used_boot_ms > POOL_IDLE_MS)
			aid_http_drop_pool(pool);
		pool = next;
	}
}

/* Room for one more pool: the one idle for longest goes. */
static int make_room(struct aid_http *http, struct aid_error *err)
{
	struct aid_http_pool *oldest = NULL;
	struct aid_http_pool *pool;

	drop_idle(http);
	if (http->n_pools < POOLS_MAX)
		return AID_OK;
	LIST_FOREACH(pool, &http->pools, link) {
		if (pool->transfers == 0 &&
			(oldest == NULL || pool->used_boot_ms < oldest->used_boot_ms))
			oldest = pool;
	}
	if (oldest == NULL)
		return aid_fail(err, AID_E_BUSY, "over %u providers and client certificates in use",
			POOLS_MAX);
	aid_http_drop_pool(oldest);
	return AID_OK;
}

static int new_pool(struct aid_http *http, const struct aid_http_request *request, X509_STORE *store,
	struct aid_http_pool **ret_pool, struct aid_error *err)
{
	struct aid_http_pool *pool;
	int r;

	r = make_room(http, err);
	if (r != AID_OK)
		return r;
	pool = calloc(1, sizeof(*pool));
	if (pool == NULL)
		return aid_fail(err, AID_E_NOMEM, "out of memory");
	pool->http = http;
	pool->timer_boot_ms = -1;
	pool->used_boot_ms = aid_clock_boot_ms();
	pool->scope = strdup(request->scope);
	pool->multi = curl_multi_init();
	pool->share = curl_share_init();
	if (store != NULL && X509_STORE_up_ref(store) == 1)
		pool->store = store;
	if (pool->scope == NULL || copy_secret(request->certificate, &pool->certificate) != AID_OK ||
		copy_secret(request->private_key, &pool->private_key) != AID_OK ||
		set_up_multi(pool) != AID_OK) {
		free_pool(pool);
		return aid_fail(err, AID_E_NOMEM, "out of memory");
	}
	LIST_INSERT_HEAD(&http->pools, pool, link);
	http->n_pools++;
	*ret_pool = pool;
	return AID_OK;
}

static bool same_secret(const struct aid_secret *a, const struct aid_secret *b)
{
	if (a == NULL || b == NULL)
		return a == b;
	return aid_secret_equal(a, b);
}

int aid_http_get_pool(struct aid_http *http, const struct aid_http_request *request, X509_STORE *store,
	struct aid_http_pool **ret_pool, struct aid_error *err)
{
	struct aid_http_pool *pool;

	LIST_FOREACH(pool, &http->pools, link) {
		if (pool->store == store && aid_streq(pool->scope, request->scope) &&
			same_secret(pool->certificate, request->certificate) &&
			same_secret(pool->private_key, request->private_key)) {
			*ret_pool = pool;
			return AID_OK;
		}
	}
	return new_pool(http, request, store, ret_pool, err);
}
