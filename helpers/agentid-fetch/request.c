/* SPDX-License-Identifier: LGPL-2.1-or-later
 * Copyright The agentid authors */
#include "request.h"

#include "http.h"
#include "key_cache.h"
#include "managed.h"
#include "secret_source.h"
#include "str.h"

#include <errno.h>
#include <fcntl.h>
#include <stddef.h>
#include <string.h>

#define TIMEOUT_DEFAULT_MS 10000
#define TIMEOUT_MAX_MS 120000
#define LIFETIME_MAX_MS (366 * INT64_C(86400000))

struct text_field {
	enum aid_tag tag;
	size_t at;
};

static const struct text_field texts[] = {
	{AID_TAG_ISSUER, offsetof(struct request, issuer)},
	{AID_TAG_SUBJECT, offsetof(struct request, subject)},
	{AID_TAG_AUDIENCE, offsetof(struct request, audience)},
	{AID_TAG_CLIENT_ID, offsetof(struct request, client_id)},
	{AID_TAG_SCOPE, offsetof(struct request, scope)},
	{AID_TAG_RESOURCE, offsetof(struct request, resource)},
	{AID_TAG_CA_FILE, offsetof(struct request, ca_file)},
	{AID_TAG_ALLOWED_HOSTS, offsetof(struct request, allowed_hosts)},
	{AID_TAG_HOST_ISSUER, offsetof(struct request, host_issuer)},
	{AID_TAG_HOST_SUBJECT, offsetof(struct request, host_subject)},
	{AID_TAG_SECRET_REF, offsetof(struct request, secret_ref)},
};

/* What no field of a message has. */
static const size_t other_texts[] = {
	offsetof(struct request, requested_type),
	offsetof(struct request, subject_type),
	offsetof(struct request, actor_type),
	offsetof(struct request, token_endpoint),
};

static char **member(struct request *request, size_t at)
{
	return (char **)(void *)((char *)request + at);
}

int request_set(char **text, const char *value, struct aid_error *err)
{
	char *copy = value != NULL ? strdup(value) : NULL;

	if (value != NULL && copy == NULL)
		return aid_fail(err, AID_E_NOMEM, "out of memory");
	free(*text);
	*text = copy;
	return AID_OK;
}

static int take_texts(const struct aid_frame *frame, struct request *request, struct aid_error *err)
{
	char text[AID_URL_MAX + 1];

	for (size_t i = 0; i < sizeof(texts) / sizeof(texts[0]); i++) {
		char **out = member(request, texts[i].at);
		int r = aid_frame_text(frame, texts[i].tag, text, sizeof(text), err);

		if (r != AID_OK)
			return r;
		if (text[0] == '\0')
			continue;
		if (request_set(out, text, err) != AID_OK)
			return AID_E_NOMEM;
	}
	return AID_OK;
}

/* An absent number has a default; a present one must be right. */
static int take_int(const struct aid_frame *frame, enum aid_tag tag, int64_t min, int64_t max,
	int64_t absent, int64_t *ret_value, struct aid_error *err)
{
	if (!aid_frame_has(frame, tag)) {
		*ret_value = absent;
		return AID_OK;
	}
	return aid_frame_int(frame, tag, min, max, ret_value, err);
}

static int take_ints(const struct aid_frame *frame, struct request *request, struct aid_error *err)
{
	int64_t method, format = 0, send_audience = 0, assertion_audience = 0;
	int r;

	r = aid_frame_int(frame, AID_TAG_CLIENT_AUTH, AID_CLIENT_SECRET_BASIC, AID_FEDERATED_JWT, &method,
		err);
	if (r != AID_OK)
		return r;
	request->method = (enum aid_client_auth)method;
	r = aid_frame_int(frame, AID_TAG_MAX_LIFETIME_MS, 1000, LIFETIME_MAX_MS,
		&request->max_lifetime_ms, err);
	if (r == AID_OK)
		r = take_int(frame, AID_TAG_FORMAT, AID_FORMAT_JWT, AID_FORMAT_OPAQUE, AID_FORMAT_JWT,
			&format, err);
	if (r == AID_OK)
		r = take_int(frame, AID_TAG_SEND_AUDIENCE, 0, 1, 0, &send_audience, err);
	if (r == AID_OK)
		r = take_int(frame, AID_TAG_ASSERTION_AUDIENCE, AID_ASSERTION_AUD_ISSUER,
			AID_ASSERTION_AUD_TOKEN_ENDPOINT, AID_ASSERTION_AUD_ISSUER,
			&assertion_audience, err);
	if (r == AID_OK)
		r = take_int(frame, AID_TAG_TIMEOUT_MS, 1, TIMEOUT_MAX_MS, TIMEOUT_DEFAULT_MS,
			&request->timeout_ms, err);
	if (r != AID_OK)
		return r;
	request->format = (enum aid_token_format)format;
	request->send_audience = send_audience == 1;
	request->assertion_audience = (enum aid_assertion_audience)assertion_audience;
	return AID_OK;
}

static int take_algs(const struct aid_frame *frame, struct request *request, struct aid_error *err)
{
	const struct aid_alg_info *info;
	char text[256];
	int r;

	r = aid_frame_text(frame, AID_TAG_ALGS, text, sizeof(text), err);
	if (r == AID_OK)
		r = aid_algs_parse(text, &request->algs, err);
	if (r == AID_OK)
		r = aid_frame_text(frame, AID_TAG_ALG, text, sizeof(text), err);
	if (r != AID_OK)
		return r;
	info = aid_alg_by_name(text[0] != '\0' ? text : "RS256");
	if (info == NULL || (AID_ALGS_SIGNING & (unsigned int)info->alg) == 0)
		return aid_fail(err, AID_E_CONFIG, "signing_alg '%.32s' is not one of RS256 PS256 ES256",
			text);
	request->alg = info->alg;
	return AID_OK;
}

/* Editors end a file with a newline; a secret that ends with one is not expected by anybody. */
static int read_secret(int fd, struct request *request, struct aid_error *err)
{
	struct aid_error why = AID_ERROR_INIT;
	size_t length;
	int r;

	r = secret_read(fd, "client secret", AID_CLIENT_SECRET_MAX + 1, &request->secret, &why);
	if (r != AID_OK)
		return aid_fail(err, AID_E_CREDENTIAL, "%s", why.text);
	length = aid_secret_length(request->secret);
	if (length > 0 && aid_secret_peek(request->secret)[length - 1] == '\n')
		aid_secret_truncate(request->secret, length - 1);
	length = aid_secret_length(request->secret);
	if (length == 0)
		return aid_fail(err, AID_E_CREDENTIAL, "the client secret is empty");
	if (length > AID_CLIENT_SECRET_MAX)
		return aid_fail(err, AID_E_CREDENTIAL, "the client secret is over %u bytes",
			AID_CLIENT_SECRET_MAX);
	return AID_OK;
}

static int read_pem(int fd, const char *what, struct aid_secret **ret_pem, struct aid_error *err)
{
	struct aid_error why = AID_ERROR_INIT;

	if (secret_read(fd, what, AID_KEY_FILE_MAX, ret_pem, &why) != AID_OK)
		return aid_fail(err, AID_E_CREDENTIAL, "%s", why.text);
	return AID_OK;
}

static int keep_fd(int fd, struct request *request, struct aid_error *err)
{
	request->key_fd = fcntl(fd, F_DUPFD_CLOEXEC, 3);
	if (request->key_fd < 0)
		return aid_fail_errno(err, AID_E_BUSY, errno, "private key");
	return AID_OK;
}

static int take_fd(char letter, int fd, struct request *request, struct aid_error *err)
{
	switch (letter) {
	case 's':
		return read_secret(fd, request, err);
	case 'c':
		return read_pem(fd, "client certificate", &request->certificate, err);
	case 'k':
		if (request->method == AID_TLS_CLIENT_AUTH)
			return read_pem(fd, "private key", &request->private_key, err);
		return keep_fd(fd, request, err);
	case 'h':
		return keep_fd(fd, request, err);
	default:
		return aid_fail(err, AID_E_PROTOCOL, "frame: descriptor letter 0x%02x is unknown",
			(unsigned int)(unsigned char)letter);
	}
}

/* Each method brings exactly its own descriptors. */
const char *request_letters(const struct request *request)
{
	switch (request->method) {
	case AID_CLIENT_SECRET_BASIC:
	case AID_CLIENT_SECRET_POST:
		return request->secret_ref != NULL ? "" : "s";
	case AID_PRIVATE_KEY_JWT:
		return "k";
	case AID_TLS_CLIENT_AUTH:
		return "kc";
	case AID_FEDERATED_JWT:
		return "h";
	}
	return "";
}

static bool same_letters(const char *a, const char *b)
{
	size_t length = strlen(a);

	if (length != strlen(b))
		return false;
	for (size_t i = 0; i < length; i++) {
		if (strchr(b, a[i]) == NULL || strchr(a + i + 1, a[i]) != NULL)
			return false;
	}
	return true;
}

static int take_fds(struct request *request, const char *letters, const int *fds, struct aid_error *err)
{
	const char *wanted = request_letters(request);
	int r = AID_OK;

	if (!same_letters(letters, wanted))
		return aid_fail(err, AID_E_PROTOCOL,
			"frame: %zu descriptors called '%s', '%s' are wanted for method %d", strlen(letters),
			letters, wanted, (int)request->method);
	for (size_t i = 0; letters[i] != '\0' && r == AID_OK; i++)
		r = take_fd(letters[i], fds[i], request, err);
	return r;
}

static int check_required(const struct request *request, struct aid_error *err)
{
	if (request->issuer == NULL || request->client_id == NULL)
		return aid_fail(err, AID_E_PROTOCOL, "frame: issuer or client id is missing");
	if (request->format == AID_FORMAT_JWT &&
		(request->subject == NULL || request->audience == NULL))
		return aid_fail(err, AID_E_CONFIG, "subject and audience must be given for format jwt");
	if (request->method == AID_FEDERATED_JWT &&
		(request->host_issuer == NULL || request->host_subject == NULL))
		return aid_fail(err, AID_E_CONFIG, "federated_jwt without an issuer of this host");
	if (request->secret_ref != NULL && request->method != AID_CLIENT_SECRET_BASIC &&
		request->method != AID_CLIENT_SECRET_POST)
		return aid_fail(err, AID_E_PROTOCOL, "frame: method %d needs no client secret",
			(int)request->method);
	return AID_OK;
}

int request_token(const struct aid_frame *frame, enum aid_tag tag, struct aid_secret **ret_token,
	struct aid_error *err)
{
	const struct aid_field *field = &frame->fields[tag];

	if (field->length == 0 || field->length > AID_TOKEN_MAX)
		return aid_fail(err, AID_E_PROTOCOL, "token of %zu bytes, allowed 1 to %d", field->length,
			AID_TOKEN_MAX);
	*ret_token = aid_secret_from(field->bytes, field->length);
	return *ret_token != NULL ? AID_OK : aid_fail(err, AID_E_NOMEM, "out of memory");
}

int request_begin(const struct aid_frame *frame, struct request **ret_request, struct aid_error *err)
{
	AID_AUTO(request) *request = calloc(1, sizeof(*request));
	int r = AID_OK;

	if (request == NULL)
		return aid_fail(err, AID_E_NOMEM, "out of memory");
	request->key_fd = -1;
	if (frame != NULL) {
		r = take_texts(frame, request, err);
		if (r == AID_OK)
			r = take_ints(frame, request, err);
		if (r == AID_OK)
			r = take_algs(frame, request, err);
	}
	if (r != AID_OK)
		return r;
	*ret_request = aid_steal(&request);
	return AID_OK;
}

int request_finish(struct request *request, const char *letters, const int *fds, struct aid_error *err)
{
	int r = check_required(request, err);

	return r == AID_OK ? take_fds(request, letters, fds, err) : r;
}

/* What is left for the request itself: the rest is what a manager of secrets is shown. */
static void without_managers(char *letters, const int *fds, int *left)
{
	size_t count = 0;

	for (size_t i = 0; letters[i] != '\0'; i++) {
		if (strchr(MANAGED_LETTERS, letters[i]) != NULL)
			continue;
		left[count] = fds[i];
		letters[count++] = letters[i];
	}
	letters[count] = '\0';
}

int request_read(const struct aid_frame *frame, const int *fds, size_t n_fds,
	struct request **ret_request, struct aid_error *err)
{
	AID_AUTO(request) *request = NULL;
	char letters[AID_IPC_FDS_MAX + 1];
	int left[AID_IPC_FDS_MAX];
	int r;

	r = request_begin(frame, &request, err);
	if (r == AID_OK && frame->type == AID_MSG_RETIRE)
		r = request_token(frame, AID_TAG_SECRET, &request->retired, err);
	if (r == AID_OK)
		r = aid_frame_text(frame, AID_TAG_FDS, letters, sizeof(letters), err);
	if (r == AID_OK && strlen(letters) != n_fds)
		r = aid_fail(err, AID_E_PROTOCOL, "frame: %zu descriptors called '%s'", n_fds, letters);
	if (r == AID_OK && request->secret_ref != NULL) {
		without_managers(letters, fds, left);
		fds = left;
	}
	if (r == AID_OK)
		r = request_finish(request, letters, fds, err);
	if (r != AID_OK)
		return r;
	*ret_request = aid_steal(&request);
	return AID_OK;
}

void request_free(struct request *request)
{
	if (request == NULL)
		return;
	for (size_t i = 0; i < sizeof(texts) / sizeof(texts[0]); i++)
		free(*member(request, texts[i].at));
	for (size_t i = 0; i < sizeof(other_texts) / sizeof(other_texts[0]); i++)
		free(*member(request, other_texts[i]));
	aid_secret_free(request->subject_token);
	aid_secret_free(request->actor_token);
	aid_secret_free(request->retired);
	aid_secret_free(request->secret);
	aid_secret_free(request->private_key);
	aid_secret_free(request->certificate);
	if (request->key_fd >= 0)
		(void)close(request->key_fd);
	managed_release(request->managed);
	free(request->refusal);
	free(request);
}
