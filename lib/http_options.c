/* SPDX-License-Identifier: LGPL-2.1-or-later
 * Copyright The agentid authors */
/* What curl is told, from one table, every answer checked; and what its error codes mean. */
#include "http_private.h"

#include "http_header.h"
#include "net_filter.h"
#include "str.h"

#include <arpa/inet.h>
#include <errno.h>
#include <netinet/in.h>
#include <openssl/x509v3.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>

#define BODY_FIRST 3072U
#define LOW_SPEED_BYTES 64L
#define LOW_SPEED_SECONDS 5L
#define USER_AGENT "agentid/" PACKAGE_VERSION

/* RFC 8446 section 6. */
enum tls_alert {
	ALERT_HANDSHAKE_FAILURE = 40,
	ALERT_BAD_CERTIFICATE = 42,
	ALERT_CERTIFICATE_UNKNOWN = 46,
	ALERT_UNKNOWN_CA = 48,
	ALERT_ACCESS_DENIED = 49,
	ALERT_PROTOCOL_VERSION = 70,
	ALERT_INSUFFICIENT_SECURITY = 71,
	ALERT_CERTIFICATE_REQUIRED = 116
};

/* A body grows in steps: most answers fit the first, and 1000 waiting ones must not lock 256 MiB. */
static int make_room(struct aid_http_transfer *t, size_t more)
{
	AID_AUTO(aid_secret) *bigger = NULL;
	size_t have = t->body != NULL ? aid_secret_length(t->body) : 0;
	size_t capacity = t->body != NULL ? aid_secret_capacity(t->body) : BODY_FIRST;

	if (t->body != NULL && more <= capacity - have)
		return AID_OK;
	while (capacity < have + more)
		capacity *= 4;
	bigger = aid_secret_new(capacity < t->max_body ? capacity : t->max_body);
	if (bigger == NULL)
		return AID_E_NOMEM;
	if (have > 0 && aid_secret_append(bigger, aid_secret_peek(t->body), have) != AID_OK)
		return AID_E_TOOBIG;
	aid_secret_free(t->body);
	t->body = aid_steal(&bigger);
	return AID_OK;
}

static size_t on_body(char *bytes, size_t size, size_t count, void *data)
{
	struct aid_http_transfer *t = data;
	size_t length = size * count;
	size_t have = t->body != NULL ? aid_secret_length(t->body) : 0;

	if (length > t->max_body - have) {
		t->fault = FAULT_BODY;
		return 0;
	}
	if (make_room(t, length) != AID_OK || aid_secret_append(t->body, bytes, length) != AID_OK) {
		t->fault = FAULT_MEMORY;
		return 0;
	}
	return length;
}

static size_t on_header(char *line, size_t size, size_t count, void *data)
{
	struct aid_http_transfer *t = data;
	size_t length = size * count;
	char coding[32];

	t->header_lines++;
	t->header_bytes += length;
	if (t->header_lines > AID_HTTP_HEADERS_MAX || t->header_bytes > AID_HTTP_HEADER_BYTES_MAX) {
		t->fault = FAULT_HEADERS;
		return 0;
	}
	if (aid_http_header_is(line, length, "content-encoding", coding, sizeof(coding)) &&
		!aid_streq(coding, "identity")) {
		t->fault = FAULT_CODING;
		return 0;
	}
	(void)(aid_http_header_is(line, length, "retry-after", t->retry_after, sizeof(t->retry_after)) ||
		aid_http_header_is(line, length, "cache-control", t->cache_control,
			sizeof(t->cache_control)) ||
		aid_http_header_is(line, length, "date", t->date, sizeof(t->date)) ||
		aid_http_header_is(line, length, "location", t->location, sizeof(t->location)));
	return length;
}

static void note_address(struct aid_http_transfer *t, const struct sockaddr *address)
{
	struct sockaddr_in6 in6;
	struct sockaddr_in in;

	memcpy(&in, address, sizeof(in));
	if (address->sa_family == AF_INET)
		(void)inet_ntop(AF_INET, &in.sin_addr, t->address, sizeof(t->address));
	if (address->sa_family == AF_INET6) {
		memcpy(&in6, address, sizeof(in6));
		(void)inet_ntop(AF_INET6, &in6.sin6_addr, t->address, sizeof(t->address));
	}
}

static curl_socket_t on_open_socket(void *data, curlsocktype purpose, struct curl_sockaddr *address)
{
	struct aid_http_transfer *t = data;
	const char *reason = "not an outgoing connection";

	if (purpose == CURLSOCKTYPE_IPCXN)
		reason = t->is_instance ? aid_net_instance_refusal(&address->addr)
					: aid_net_refusal(&address->addr, t->allow_loopback);
	if (reason != NULL) {
		t->refusal = reason;
		note_address(t, &address->addr);
		return CURL_SOCKET_BAD;
	}
	return socket(address->family, address->socktype | SOCK_CLOEXEC, address->protocol);
}

static void on_tls_event(const SSL *ssl, int where, int value)
{
	struct aid_http_pool *pool = SSL_CTX_get_app_data(SSL_get_SSL_CTX(ssl));

	if ((where & SSL_CB_ALERT) == 0 || value >> 8 != SSL3_AL_FATAL)
		return;
	pool->alert = value & 0xff;
	pool->alert_received = (where & SSL_CB_READ) != 0;
}

/* The name must stand among the alternative names: a common name alone is refused. */
static bool set_host(SSL_CTX *context, const char *host)
{
	X509_VERIFY_PARAM *param = SSL_CTX_get0_param(context);

	X509_VERIFY_PARAM_set_hostflags(param,
		X509_CHECK_FLAG_NEVER_CHECK_SUBJECT | X509_CHECK_FLAG_NO_PARTIAL_WILDCARDS);
	return X509_VERIFY_PARAM_set1_ip_asc(param, host) == 1 ||
		X509_VERIFY_PARAM_set1_host(param, host, 0) == 1;
}

static CURLcode on_tls_context(CURL *easy, void *context, void *data)
{
	const struct aid_http_transfer *t = data;
	struct aid_http_pool *pool = t->pool;

	(void)easy;
	if (pool->store == NULL || aid_trust_apply(context, pool->store) != AID_OK ||
		!set_host(context, t->url.host))
		return CURLE_SSL_CONNECT_ERROR;
	pool->alert = 0;
	/* The connection outlives the transfer, and not the pool. */
	SSL_CTX_set_app_data((SSL_CTX *)context, pool);
	SSL_CTX_set_info_callback(context, on_tls_event);
	return CURLE_OK;
}

enum kind { NUMBER, OFFSET, POINTER, FUNCTION };

struct option {
	CURLoption option;
	enum kind kind;
	int64_t number;
	const void *pointer;
	void (*function)(void);
};

#define SET_NUMBER(name, value) {CURLOPT_##name, NUMBER, (value), NULL, NULL}
#define SET_OFFSET(name, value) {CURLOPT_##name, OFFSET, (int64_t)(value), NULL, NULL}
#define SET_POINTER(name, value) {CURLOPT_##name, POINTER, 0, (value), NULL}
#define SET_FUNCTION(name, value) {CURLOPT_##name, FUNCTION, 0, NULL, (void (*)(void))(value)}

static int set_all(CURL *easy, const struct option *options, size_t count, struct aid_error *err)
{
	for (size_t i = 0; i < count; i++) {
		const struct option *o = &options[i];
		CURLcode code = CURLE_BAD_FUNCTION_ARGUMENT;

		switch (o->kind) {
		case NUMBER:
			code = curl_easy_setopt(easy, o->option, (long)o->number);
			break;
		case OFFSET:
			code = curl_easy_setopt(easy, o->option, (curl_off_t)o->number);
			break;
		case POINTER:
			code = curl_easy_setopt(easy, o->option, o->pointer);
			break;
		case FUNCTION:
			code = curl_easy_setopt(easy, o->option, o->function);
			break;
		}
		if (code != CURLE_OK)
			return aid_fail(err, code == CURLE_OUT_OF_MEMORY ? AID_E_NOMEM : AID_E_CONFIG,
				"libcurl refuses option %d: %s", (int)o->option, curl_easy_strerror(code));
	}
	return AID_OK;
}

static int set_identity(struct aid_http_transfer *t, struct aid_error *err)
{
	const struct aid_http_pool *pool = t->pool;
	struct curl_blob certificate, key;

	if (pool->certificate == NULL)
		return AID_OK;
	certificate = (struct curl_blob){.data = (void *)(uintptr_t)aid_secret_peek(pool->certificate),
		.len = aid_secret_length(pool->certificate), .flags = CURL_BLOB_NOCOPY};
	key = (struct curl_blob){.data = (void *)(uintptr_t)aid_secret_peek(pool->private_key),
		.len = aid_secret_length(pool->private_key), .flags = CURL_BLOB_NOCOPY};
	const struct option options[] = {
		SET_POINTER(SSLCERT_BLOB, &certificate),
		SET_POINTER(SSLKEY_BLOB, &key),
		SET_POINTER(SSLCERTTYPE, "PEM"),
		SET_POINTER(SSLKEYTYPE, "PEM"),
	};
	return set_all(t->easy, options, sizeof(options) / sizeof(options[0]), err);
}

static int add_line(struct aid_http_transfer *t, const char *line, struct aid_error *err)
{
	struct curl_slist *longer = curl_slist_append(t->headers, line);

	if (longer == NULL)
		return aid_fail(err, AID_E_NOMEM, "out of memory");
	t->headers = longer;
	return AID_OK;
}

/* "name: value" of a constant of ours. */
static int add_pair(struct aid_http_transfer *t, const char *name, const char *value,
	struct aid_error *err)
{
	char line[128];
	int length = snprintf(line, sizeof(line), "%s: %s", name, value);

	if (length < 0 || (size_t)length >= sizeof(line))
		return aid_fail(err, AID_E_INVALID, "http request: a header line over %zu bytes",
			sizeof(line) - 1);
	return add_line(t, line, err);
}

static int add_lines(struct aid_http_transfer *t, const struct aid_http_request *request,
	struct aid_error *err)
{
	int r = add_pair(t, "Accept", request->accept != NULL ? request->accept : "application/json", err);

	if (r == AID_OK)
		r = add_line(t, "Expect:", err);
	if (r == AID_OK && request->content_type != NULL)
		r = add_pair(t, "Content-Type", request->content_type, err);
	for (size_t i = 0; i < AID_HTTP_LINES_MAX && r == AID_OK; i++) {
		if (t->lines[i] != NULL)
			r = add_line(t, aid_secret_peek(t->lines[i]), err);
	}
	return r;
}

static int set_request(struct aid_http_transfer *t, const struct aid_http_request *request,
	struct aid_error *err)
{
	int r = add_lines(t, request, err);

	if (r != AID_OK)
		return r;
	const struct option get[] = {
		SET_POINTER(HTTPHEADER, t->headers),
		SET_NUMBER(HTTPGET, 1),
	};
	if (t->sent == NULL && !t->is_put)
		return set_all(t->easy, get, sizeof(get) / sizeof(get[0]), err);
	const struct option post[] = {
		SET_POINTER(HTTPHEADER, t->headers),
		SET_NUMBER(POST, 1),
		SET_POINTER(POSTFIELDS, t->sent != NULL ? aid_secret_peek(t->sent) : ""),
		SET_OFFSET(POSTFIELDSIZE_LARGE, t->sent != NULL ? aid_secret_length(t->sent) : 0),
		SET_POINTER(CUSTOMREQUEST, t->is_put ? "PUT" : NULL),
	};
	return set_all(t->easy, post, sizeof(post) / sizeof(post[0]), err);
}

int aid_http_set_options(struct aid_http_transfer *t, const struct aid_http_request *request,
	struct aid_error *err)
{
	int64_t limit_ms = t->is_instance ? AID_HTTP_INSTANCE_TIMEOUT_MS : AID_HTTP_CONNECT_TIMEOUT_MS;
	int64_t connect_ms = t->timeout_ms < limit_ms ? t->timeout_ms : limit_ms;
	const char *scheme = t->url.is_tls ? "https" : "http";
	const struct option options[] = {
		SET_POINTER(URL, request->url),
		SET_POINTER(PROTOCOLS_STR, scheme),
		SET_POINTER(REDIR_PROTOCOLS_STR, scheme),
		SET_NUMBER(FOLLOWLOCATION, 0),
		SET_NUMBER(MAXREDIRS, 0),
		SET_NUMBER(UNRESTRICTED_AUTH, 0),
		SET_NUMBER(POSTREDIR, 0),
		SET_NUMBER(AUTOREFERER, 0),
		SET_NUMBER(CONNECTTIMEOUT_MS, connect_ms),
		SET_NUMBER(TIMEOUT_MS, t->timeout_ms),
		SET_NUMBER(LOW_SPEED_LIMIT, LOW_SPEED_BYTES),
		SET_NUMBER(LOW_SPEED_TIME, LOW_SPEED_SECONDS),
		SET_NUMBER(NOSIGNAL, 1),
		SET_NUMBER(NOPROGRESS, 1),
		SET_OFFSET(MAXFILESIZE_LARGE, t->max_body),
		SET_NUMBER(BUFFERSIZE, 16384),
		SET_POINTER(ACCEPT_ENCODING, NULL),
		SET_NUMBER(HTTP_CONTENT_DECODING, 0),
		SET_NUMBER(HTTP09_ALLOWED, 0),
		SET_NUMBER(HTTP_VERSION, t->url.is_tls ? CURL_HTTP_VERSION_2TLS : CURL_HTTP_VERSION_1_1),
		SET_NUMBER(SSL_ENABLE_ALPN, 1),
		SET_NUMBER(PIPEWAIT, t->url.is_tls),
		SET_NUMBER(SSL_VERIFYPEER, 1),
		SET_NUMBER(SSL_VERIFYHOST, 2),
		SET_NUMBER(SSLVERSION, CURL_SSLVERSION_TLSv1_2),
		SET_NUMBER(SSL_SESSIONID_CACHE, t->pool->certificate == NULL),
		/* The store comes from on_tls_context(): curl must not parse a bundle each time. */
		SET_POINTER(CAINFO, NULL),
		SET_POINTER(CAPATH, NULL),
		SET_FUNCTION(SSL_CTX_FUNCTION, on_tls_context),
		SET_POINTER(SSL_CTX_DATA, t),
		SET_POINTER(PROXY, ""),
		SET_POINTER(NOPROXY, "*"),
		SET_POINTER(PRE_PROXY, ""),
		SET_NUMBER(NETRC, CURL_NETRC_IGNORED),
		SET_NUMBER(HTTPAUTH, CURLAUTH_NONE),
		SET_POINTER(USERAGENT, USER_AGENT),
		SET_NUMBER(HAPPY_EYEBALLS_TIMEOUT_MS, 200),
		SET_NUMBER(DNS_CACHE_TIMEOUT, 60),
		SET_FUNCTION(OPENSOCKETFUNCTION, on_open_socket),
		SET_POINTER(OPENSOCKETDATA, t),
		SET_FUNCTION(WRITEFUNCTION, on_body),
		SET_POINTER(WRITEDATA, t),
		SET_FUNCTION(HEADERFUNCTION, on_header),
		SET_POINTER(HEADERDATA, t),
		SET_POINTER(ERRORBUFFER, t->curl_text),
		SET_POINTER(SHARE, t->pool->share),
		SET_POINTER(PRIVATE, t),
	};
	int r = set_all(t->easy, options, sizeof(options) / sizeof(options[0]), err);

	if (r == AID_OK)
		r = set_identity(t, err);
	return r == AID_OK ? set_request(t, request, err) : r;
}

void aid_http_wipe_headers(struct curl_slist *headers)
{
	for (struct curl_slist *h = headers; h != NULL; h = h->next)
		explicit_bzero(h->data, strlen(h->data));
	curl_slist_free_all(headers);
}

static int explain_fault(const struct aid_http_transfer *t, struct aid_error *err)
{
	const char *host = t->url.host;

	switch (t->fault) {
	case FAULT_NONE:
		break;
	case FAULT_BODY:
		return aid_fail(err, AID_E_TOOBIG, "host '%.64s': body over %zu bytes", host, t->max_body);
	case FAULT_HEADERS:
		return aid_fail(err, AID_E_TOOBIG, "host '%.64s': response headers over %u lines or %u bytes",
			host, AID_HTTP_HEADERS_MAX, AID_HTTP_HEADER_BYTES_MAX);
	case FAULT_CODING:
		return aid_fail(err, AID_E_PROTOCOL,
			"host '%.64s': response has a Content-Encoding, none was asked for", host);
	case FAULT_MEMORY:
		return aid_fail(err, AID_E_NOMEM, "out of memory");
	}
	return AID_OK;
}

/* A handshake that fails by an alert about what one side is, is no passing trouble; a client
 * certificate that the server does not take is for the caller to read again. */
static int explain_tls(const struct aid_http_transfer *t, struct aid_error *err)
{
	int alert = t->pool->alert;
	int status = AID_E_UNREACHABLE;

	if (alert == ALERT_HANDSHAKE_FAILURE || alert == ALERT_PROTOCOL_VERSION ||
		alert == ALERT_INSUFFICIENT_SECURITY)
		status = AID_E_UNTRUSTED;
	if (t->pool->certificate != NULL && t->pool->alert_received &&
		((alert >= ALERT_BAD_CERTIFICATE && alert <= ALERT_CERTIFICATE_UNKNOWN) ||
			alert == ALERT_UNKNOWN_CA || alert == ALERT_ACCESS_DENIED ||
			alert == ALERT_CERTIFICATE_REQUIRED))
		status = AID_E_CREDENTIAL;
	if (alert == 0)
		return aid_fail(err, status, "host '%.64s': connection lost: %.96s", t->url.host,
			t->curl_text);
	return aid_fail(err, status, "host '%.64s': TLS failed (alert %d): %.96s", t->url.host, alert,
		t->curl_text);
}

static int explain_connect(const struct aid_http_transfer *t, struct aid_error *err)
{
	long number = 0;

	if (t->refusal != NULL)
		return aid_fail(err, AID_E_UNTRUSTED, "host '%.64s': address %s is refused: %s",
			t->url.host, t->address, t->refusal);
	(void)curl_easy_getinfo(t->easy, CURLINFO_OS_ERRNO, &number);
	if (number == 0)
		return aid_fail(err, AID_E_UNREACHABLE, "host '%.64s': no connection", t->url.host);
	return aid_fail_errno(err, AID_E_UNREACHABLE, (int)number, "host '%.64s': connect", t->url.host);
}

void aid_http_explain(const struct aid_http_transfer *t, CURLcode code, struct aid_error *err)
{
	static const struct {
		CURLcode code;
		int status;
		const char *what;
	} meanings[] = {
		{CURLE_COULDNT_RESOLVE_HOST, AID_E_UNREACHABLE, "name does not resolve"},
		{CURLE_OPERATION_TIMEDOUT, AID_E_TIMEOUT, "no complete answer in time"},
		{CURLE_PEER_FAILED_VERIFICATION, AID_E_UNTRUSTED, "TLS certificate refused"},
		{CURLE_SSL_INVALIDCERTSTATUS, AID_E_UNTRUSTED, "TLS certificate status refused"},
		{CURLE_SSL_ISSUER_ERROR, AID_E_UNTRUSTED, "TLS certificate issuer refused"},
		{CURLE_SSL_CERTPROBLEM, AID_E_CREDENTIAL, "our TLS client certificate or key cannot be used"},
		{CURLE_GOT_NOTHING, AID_E_UNREACHABLE, "connection closed without an answer"},
		{CURLE_PARTIAL_FILE, AID_E_UNREACHABLE, "answer cut short"},
		{CURLE_HTTP2, AID_E_UNREACHABLE, "HTTP/2 connection failed"},
		{CURLE_HTTP2_STREAM, AID_E_UNREACHABLE, "HTTP/2 stream failed"},
		{CURLE_FILESIZE_EXCEEDED, AID_E_TOOBIG, "body announced larger than allowed"},
		{CURLE_OUT_OF_MEMORY, AID_E_NOMEM, "out of memory"},
	};

	if (explain_fault(t, err) != AID_OK)
		return;
	if (code == CURLE_COULDNT_CONNECT) {
		(void)explain_connect(t, err);
		return;
	}
	if (code == CURLE_SSL_CONNECT_ERROR || code == CURLE_RECV_ERROR || code == CURLE_SEND_ERROR) {
		(void)explain_tls(t, err);
		return;
	}
	for (size_t i = 0; i < sizeof(meanings) / sizeof(meanings[0]); i++) {
		if (code != meanings[i].code)
			continue;
		(void)aid_fail(err, meanings[i].status, "host '%.64s': %s (limit %lld ms): %.96s",
			t->url.host, meanings[i].what, (long long)t->timeout_ms, t->curl_text);
		return;
	}
	(void)aid_fail(err, AID_E_PROTOCOL, "host '%.64s': %.128s", t->url.host,
		t->curl_text[0] != '\0' ? t->curl_text : curl_easy_strerror(code));
}
