/* SPDX-License-Identifier: LGPL-2.1-or-later
 * Copyright The agentid authors */
#include "credential.h"

#include "managed.h"
#include "str.h"

#include <errno.h>
#include <fcntl.h>
#include <string.h>

#define TIMEOUT_DEFAULT_MS 10000
#define TIMEOUT_MAX_MS 120000
#define LIFETIME_MIN_MS 1000
#define LIFETIME_MAX_MS (12 * INT64_C(3600000))
#define ASSERTION_MAX_MS 300000       /* one of our own: it is used at once */
#define ASSERTION_OIDC_MAX_MS 3600000 /* of a provider, which says itself how long */

/* The descriptors of a frame by their letters. */
struct letters {
	char all[AID_IPC_FDS_MAX + 1];
	const int *fds;
	bool used[AID_IPC_FDS_MAX];
};

static int read_letters(const struct aid_frame *frame, const int *fds, size_t n_fds,
	struct letters *letters, struct aid_error *err)
{
	int r = aid_frame_text(frame, AID_TAG_FDS, letters->all, sizeof(letters->all), err);

	letters->fds = fds;
	if (r == AID_OK && strlen(letters->all) != n_fds)
		return aid_fail(err, AID_E_PROTOCOL, "frame: %zu descriptors called '%s'", n_fds,
			letters->all);
	return r;
}

static int fd_of(struct letters *letters, char letter)
{
	const char *at = strchr(letters->all, letter);

	if (letter == '\0' || at == NULL)
		return -1;
	letters->used[at - letters->all] = true;
	return letters->fds[at - letters->all];
}

/* What a manager of secrets is shown is no request's. */
static void use_managers(const struct credential *c, struct letters *letters)
{
	bool any = (c->request != NULL && c->request->secret_ref != NULL) ||
		(c->assertion_request != NULL && c->assertion_request->secret_ref != NULL);

	for (const char *letter = MANAGED_LETTERS; any && *letter != '\0'; letter++)
		(void)fd_of(letters, *letter);
}

static int all_used(const struct letters *letters, struct aid_error *err)
{
	for (size_t i = 0; letters->all[i] != '\0'; i++) {
		if (!letters->used[i])
			return aid_fail(err, AID_E_PROTOCOL, "frame: nobody wants descriptor '%c' of '%s'",
				letters->all[i], letters->all);
	}
	return AID_OK;
}

/* In capitals where they are those of the target's client; the host's key is the host's for both. */
static int finish_request(struct request *request, struct letters *letters, bool capitals,
	struct aid_error *err)
{
	const char *wanted = request_letters(request);
	char found[AID_IPC_FDS_MAX + 1] = "";
	int fds[AID_IPC_FDS_MAX];
	size_t count = 0;

	for (size_t i = 0; wanted[i] != '\0'; i++) {
		bool upper = capitals && wanted[i] != 'h';
		int fd = fd_of(letters, (char)(upper ? wanted[i] - 'a' + 'A' : wanted[i]));

		if (fd < 0)
			continue;
		found[count] = wanted[i];
		fds[count++] = fd;
	}
	return request_finish(request, found, fds, err);
}

static int read_host(const struct aid_frame *frame, struct letters *letters, struct credential *c,
	struct aid_error *err)
{
	static const enum aid_tag tags[] = {AID_TAG_HOST_ISSUER, AID_TAG_HOST_SUBJECT, AID_TAG_AUDIENCE};
	char **const texts[] = {&c->host_issuer, &c->host_subject, &c->audience};
	char text[1024];
	int fd = fd_of(letters, 'h');
	int r = AID_OK;

	for (size_t i = 0; i < sizeof(tags) / sizeof(tags[0]) && r == AID_OK; i++) {
		r = aid_frame_text_required(frame, tags[i], text, sizeof(text), err);
		if (r == AID_OK)
			r = request_set(texts[i], text, err);
	}
	if (r != AID_OK)
		return r;
	c->assertion_lifetime_ms = ASSERTION_MAX_MS;
	if (aid_frame_has(frame, AID_TAG_LIFETIME_MS))
		r = aid_frame_int(frame, AID_TAG_LIFETIME_MS, LIFETIME_MIN_MS, ASSERTION_MAX_MS,
			&c->assertion_lifetime_ms, err);
	if (r != AID_OK)
		return r;
	if (fd < 0)
		return aid_fail(err, AID_E_PROTOCOL, "frame: descriptors '%s', 'h' is wanted", letters->all);
	c->key_fd = fcntl(fd, F_DUPFD_CLOEXEC, 3);
	return c->key_fd >= 0 ? AID_OK : aid_fail_errno(err, AID_E_BUSY, errno, "host key");
}

/* A token of the provider is verified like a session's: it is a JWT, whatever [token] has. */
static int read_oidc(const struct aid_frame *frame, struct letters *letters, struct credential *c,
	struct aid_error *err)
{
	int64_t lifetime = ASSERTION_OIDC_MAX_MS;
	int r = request_begin(frame, &c->assertion_request, err);

	if (r == AID_OK && aid_frame_has(frame, AID_TAG_LIFETIME_MS))
		r = aid_frame_int(frame, AID_TAG_LIFETIME_MS, LIFETIME_MIN_MS, ASSERTION_OIDC_MAX_MS,
			&lifetime, err);
	if (r != AID_OK)
		return r;
	c->assertion_request->max_lifetime_ms = lifetime;
	c->assertion_request->format = AID_FORMAT_JWT;
	return finish_request(c->assertion_request, letters, false, err);
}

static int read_assertion(const struct aid_frame *frame, struct letters *letters, struct credential *c,
	struct aid_error *err)
{
	char source[8];
	int r = aid_frame_text(frame, AID_TAG_SOURCE, source, sizeof(source), err);

	if (r != AID_OK || source[0] == '\0')
		return r;
	if (c->retire || !c->options.target->has_assertion)
		return aid_fail(err, AID_E_PROTOCOL, "frame: an assertion that nobody needs");
	if (aid_streq(source, "host"))
		return read_host(frame, letters, c, err);
	if (aid_streq(source, "oidc"))
		return read_oidc(frame, letters, c, err);
	return aid_fail(err, AID_E_PROTOCOL, "frame: source '%s' is not host or oidc", source);
}

static enum aid_token_format format_of(const struct credential *c)
{
	return aid_streq(aid_target_get(&c->options, "format"), "opaque") ? AID_FORMAT_OPAQUE
									  : AID_FORMAT_JWT;
}

/* The texts that an option of the same meaning has. */
static int copy_options(const struct credential *c, struct request *request, bool with_client,
	struct aid_error *err)
{
	const struct {
		char **text;
		const char *option;
		bool of_client;
	} all[] = {
		{&request->audience, "audience", false},
		{&request->scope, "scope", false},
		{&request->resource, "resource", false},
		{&request->ca_file, "ca_file", true},
		{&request->allowed_hosts, "allowed_hosts", true},
		{&request->client_id, "client_id", true},
		{&request->issuer, "issuer", true},
		{&request->token_endpoint, "token_endpoint", true},
		{&request->requested_type, "requested_token_type", true},
	};
	const char *subject = aid_target_get(&c->options, "subject");
	int r = subject != NULL ? request_set(&request->subject, subject, err) : AID_OK;

	for (size_t i = 0; i < sizeof(all) / sizeof(all[0]) && r == AID_OK; i++) {
		if (with_client || !all[i].of_client)
			r = request_set(all[i].text, aid_target_get(&c->options, all[i].option), err);
	}
	request->format = format_of(c);
	request->max_lifetime_ms = c->max_lifetime_ms;
	return r;
}

static int take_method(const struct credential *c, struct request *request, struct aid_error *err)
{
	const struct aid_target_option *option = aid_target_option(c->options.target, "client_auth");
	const struct aid_alg_info *info = aid_alg_by_name(aid_target_get(&c->options, "signing_alg"));
	const char *name = aid_target_get(&c->options, "client_auth");
	unsigned int place = 0;

	while (option->names[place] != NULL && !aid_streq(option->names[place], name))
		place++;
	if (info == NULL || option->names[place] == NULL)
		return aid_fail(err, AID_E_CONFIG, "client_auth or signing_alg is unknown");
	request->method = (enum aid_client_auth)(place + 1);
	request->alg = info->alg;
	request->algs = AID_ALGS_ALL;
	request->assertion_audience = AID_ASSERTION_AUD_ISSUER;
	request->send_audience = true;
	return AID_OK;
}

/* Which type the tokens have that are given: a token of this host's is a JWT and nothing more. */
static int set_types(const struct credential *c, struct request *request, struct aid_error *err)
{
	const char *made = c->key_fd >= 0 ? "jwt" : "access_token";
	bool session = request->subject_token != NULL;
	const char *subject = aid_target_get(&c->options, "subject_token_type");
	int r;

	if (subject == NULL)
		subject = session ? "access_token" : made;
	r = request_set(&request->subject_type, subject, err);
	if (r == AID_OK && aid_streq(aid_target_get(&c->options, "actor_token"), "assertion"))
		r = request_set(&request->actor_type, made, err);
	return r;
}

static int read_rfc8693(const struct aid_frame *frame, struct letters *letters, struct credential *c,
	struct aid_error *err)
{
	bool session = aid_streq(aid_target_get(&c->options, "subject_token"), "session");
	struct request *request;
	char text[1024];
	int r = request_begin(NULL, &c->request, err);

	if (r != AID_OK)
		return r;
	request = c->request;
	r = copy_options(c, request, true, err);
	if (r == AID_OK)
		r = take_method(c, request, err);
	if (r == AID_OK && aid_frame_has(frame, AID_TAG_TARGET_SECRET_REF)) {
		r = aid_frame_text(frame, AID_TAG_TARGET_SECRET_REF, text, sizeof(text), err);
		if (r == AID_OK)
			r = request_set(&request->secret_ref, text, err);
	}
	if (r == AID_OK && request->issuer == NULL)
		r = request_set(&request->issuer, request->token_endpoint, err);
	if (r == AID_OK && request->method == AID_FEDERATED_JWT) {
		r = aid_frame_text_required(frame, AID_TAG_HOST_ISSUER, text, sizeof(text), err);
		if (r == AID_OK)
			r = request_set(&request->host_issuer, text, err);
		if (r == AID_OK)
			r = aid_frame_text_required(frame, AID_TAG_HOST_SUBJECT, text, sizeof(text), err);
		if (r == AID_OK)
			r = request_set(&request->host_subject, text, err);
	}
	if (r == AID_OK && session && !c->retire)
		r = request_token(frame, AID_TAG_SECRET, &request->subject_token, err);
	if (r == AID_OK)
		r = set_types(c, request, err);
	return r == AID_OK ? finish_request(request, letters, true, err) : r;
}

static int read_second_token(const struct aid_frame *frame, struct letters *letters,
	struct credential *c, struct aid_error *err)
{
	int r = request_begin(frame, &c->request, err);

	if (r == AID_OK)
		r = copy_options(c, c->request, false, err);
	return r == AID_OK ? finish_request(c->request, letters, false, err) : r;
}

/* What the kind needs beside the options. */
static int read_kind(const struct aid_frame *frame, struct letters *letters, struct credential *c,
	struct aid_error *err)
{
	enum aid_target_kind kind = c->options.target->kind;
	bool none = c->key_fd < 0 && c->assertion_request == NULL;
	int r = AID_OK;

	if (kind == AID_TARGET_RFC8693)
		r = read_rfc8693(frame, letters, c, err);
	if (kind == AID_TARGET_OIDC)
		r = read_second_token(frame, letters, c, err);
	if (r != AID_OK)
		return r;
	if (kind == AID_TARGET_RFC8693 && c->request->subject_token != NULL && c->request->actor_type == NULL)
		none = !none;
	if (c->options.target->has_assertion && !c->retire && none)
		return aid_fail(err, AID_E_PROTOCOL, "frame: the assertion of type %s is missing, or one too "
			"many", c->options.target->name);
	return AID_OK;
}

static int read_secrets(const struct aid_frame *frame, struct credential *c, struct aid_error *err)
{
	int r = AID_OK;

	if (c->retire && c->request != NULL)
		return request_token(frame, AID_TAG_SECRET, &c->request->retired, err);
	if (c->retire)
		r = request_token(frame, AID_TAG_SECRET, &c->previous, err);
	else if (aid_frame_has(frame, AID_TAG_PREVIOUS) && c->options.target->kind == AID_TARGET_VAULT)
		r = request_token(frame, AID_TAG_PREVIOUS, &c->previous, err);
	/* Goes into a header line. */
	if (r == AID_OK && c->previous != NULL &&
		!aid_str_is_b64token(aid_secret_peek(c->previous), aid_secret_length(c->previous)))
		return aid_fail(err, AID_E_PROTOCOL, "the token to renew or to revoke is no bearer token");
	return r;
}

static int read_common(const struct aid_frame *frame, struct credential *c, struct aid_error *err)
{
	const struct aid_field *options = &frame->fields[AID_TAG_OPTIONS];
	const struct aid_target *target;
	int64_t kind;
	int r;

	r = aid_frame_int(frame, AID_TAG_CREDENTIAL_TYPE, 1, AID_TARGET_LAST_WK, &kind, err);
	if (r != AID_OK)
		return r;
	target = aid_target_by_kind(kind);
	aid_target_values_init(&c->options, target);
	r = aid_frame_text_required(frame, AID_TAG_NAME, c->name, sizeof(c->name), err);
	if (r == AID_OK)
		r = aid_credential_name_check(c->name, err);
	if (r == AID_OK)
		r = aid_frame_text(frame, AID_TAG_SESSION_NAME, c->session_name, sizeof(c->session_name),
			err);
	c->max_lifetime_ms = LIFETIME_MAX_MS;
	if (r == AID_OK && !c->retire)
		r = aid_frame_int(frame, AID_TAG_MAX_LIFETIME_MS, LIFETIME_MIN_MS, LIFETIME_MAX_MS,
			&c->max_lifetime_ms, err);
	c->timeout_ms = TIMEOUT_DEFAULT_MS;
	if (r == AID_OK && aid_frame_has(frame, AID_TAG_TIMEOUT_MS))
		r = aid_frame_int(frame, AID_TAG_TIMEOUT_MS, 1, TIMEOUT_MAX_MS, &c->timeout_ms, err);
	if (r != AID_OK)
		return r;
	return aid_target_unpack(&c->options, (const char *)options->bytes, options->length,
		c->max_lifetime_ms, err);
}

int credential_read(const struct aid_frame *frame, const int *fds, size_t n_fds,
	struct credential **ret_credential, struct aid_error *err)
{
	AID_AUTO(credential) *c = calloc(1, sizeof(*c));
	struct letters letters = {.fds = NULL};
	int r;

	if (c == NULL)
		return aid_fail(err, AID_E_NOMEM, "out of memory");
	c->key_fd = -1;
	c->retire = frame->type == AID_MSG_RETIRE;
	r = read_common(frame, c, err);
	if (r == AID_OK)
		r = read_letters(frame, fds, n_fds, &letters, err);
	if (r == AID_OK)
		r = read_assertion(frame, &letters, c, err);
	if (r == AID_OK)
		r = read_kind(frame, &letters, c, err);
	use_managers(c, &letters);
	if (r == AID_OK)
		r = all_used(&letters, err);
	if (r == AID_OK)
		r = read_secrets(frame, c, err);
	c->exchange = (struct aid_exchange){.options = &c->options, .name = c->name,
		.session_name = c->session_name, .previous = c->previous, .revoke = c->retire};
	if (r == AID_OK && c->request == NULL)
		r = aid_exchange_check(&c->exchange, err);
	if (r != AID_OK)
		return r;
	*ret_credential = aid_steal(&c);
	return AID_OK;
}

void credential_free(struct credential *credential)
{
	if (credential == NULL)
		return;
	aid_exchange_done(&credential->exchange);
	aid_target_values_done(&credential->options);
	if (credential->key_fd >= 0)
		(void)close(credential->key_fd);
	free(credential->host_issuer);
	free(credential->host_subject);
	free(credential->audience);
	request_free(credential->assertion_request);
	request_free(credential->request);
	aid_secret_free(credential->assertion);
	aid_secret_free(credential->previous);
	free(credential);
}
