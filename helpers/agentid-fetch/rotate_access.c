/* SPDX-License-Identifier: LGPL-2.1-or-later
 * Copyright The agentid authors */
#include "rotate_access.h"

#include "clock.h"
#include "job_private.h"
#include "jwt.h"
#include "key_cache.h"
#include "kv_vault.h"
#include "secret_source.h"
#include "str.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>

#define ASSERTION_MS 60000

static int read_secret_id(int fd, struct manager_access *access, struct aid_error *err)
{
	size_t length;
	int r = secret_read(fd, "secret_id", AID_CLIENT_SECRET_MAX + 1, &access->secret_id, err);

	if (r != AID_OK)
		return r;
	length = aid_secret_length(access->secret_id);
	if (length > 0 && aid_secret_peek(access->secret_id)[length - 1] == '\n')
		aid_secret_truncate(access->secret_id, length - 1);
	return AID_OK;
}

static int take(const struct aid_frame *frame, const char *letters, const int *fds,
	struct manager_access *access, struct aid_error *err)
{
	const char *key = strchr(letters, 'h');
	const char *secret_id = strchr(letters, 'v');
	char text[1024];
	int r = aid_frame_text(frame, AID_TAG_HOST_ISSUER, text, sizeof(text), err);

	if (r == AID_OK)
		r = request_set(&access->host_issuer, text, err);
	if (r == AID_OK && secret_id != NULL)
		r = read_secret_id(fds[secret_id - letters], access, err);
	if (r != AID_OK || key == NULL)
		return r;
	access->key_fd = fcntl(fds[key - letters], F_DUPFD_CLOEXEC, 3);
	return access->key_fd >= 0 ? AID_OK : aid_fail_errno(err, AID_E_BUSY, errno, "host key");
}

int rotate_access_read(const struct aid_frame *frame, const char *letters, const int *fds,
	struct manager_access **ret_access, struct aid_error *err)
{
	struct manager_access *access = calloc(1, sizeof(*access));
	int r;

	if (access == NULL)
		return aid_fail(err, AID_E_NOMEM, "out of memory");
	access->key_fd = -1;
	r = take(frame, letters, fds, access, err);
	if (r != AID_OK) {
		rotate_access_free(access);
		return r;
	}
	*ret_access = access;
	return AID_OK;
}

void rotate_access_free(struct manager_access *access)
{
	if (access == NULL)
		return;
	if (access->key_fd >= 0)
		(void)close(access->key_fd);
	free(access->host_issuer);
	aid_secret_free(access->secret_id);
	aid_secret_free(access->token);
	free(access);
}

/* ---- Vault ---- */

static const char *option(const struct rotate *rotate, const char *name)
{
	return aid_target_get(&rotate->manager_options, name);
}

static const char *or_else(const char *text, const char *other)
{
	return text != NULL ? text : other;
}

static int make_assertion(struct rotate *rotate, struct aid_jwt_signed *ret_signed, struct aid_error *err)
{
	struct manager_access *access = rotate->access;
	const struct aid_signing_key *key;
	struct aid_jwt_request request;
	int r;

	if (access->key_fd < 0)
		return aid_fail(err, AID_E_PROTOCOL, "frame: no key to log in to the manager with");
	r = key_cache_get(rotate->job->fetch->keys, access->key_fd, &key, err);
	if (r != AID_OK)
		return r;
	request = (struct aid_jwt_request){
		.issuer = access->host_issuer,
		.subject = option(rotate, "subject"),
		.audience = or_else(option(rotate, "audience"), option(rotate, "address")),
		.kid = aid_signing_key_thumbprint(key),
		.now_wall_ms = aid_clock_wall_ms(),
		.lifetime_ms = ASSERTION_MS,
		.with_not_before = true,
	};
	return aid_jwt_sign(key, aid_signing_key_default_alg(key), &request, ret_signed, err);
}

static int log_in_by_jwt(struct rotate *rotate, const struct aid_vault *vault,
	struct aid_exchange_call *call, struct aid_error *err)
{
	struct aid_jwt_signed made = {0};
	int r = make_assertion(rotate, &made, err);

	if (r == AID_OK)
		r = aid_vault_login_jwt(vault, or_else(option(rotate, "mount"), "jwt"), option(rotate, "role"),
			made.token, call, err);
	aid_jwt_signed_done(&made);
	return r;
}

static void logged_in(struct rotate *rotate, const struct aid_exchange_answer *answer)
{
	struct manager_access *access = rotate->access;
	struct aid_vault_token token = {.token = NULL};
	struct aid_error err = AID_ERROR_INIT;

	if (aid_vault_token_answer(answer, access->secret_id, &token, &err) != AID_OK) {
		(void)aid_prefix(&err, "log in to the manager");
		rotate_failed(rotate, &err);
		return;
	}
	access->token = token.token;
	access->then(rotate);
}

void rotate_log_in(struct rotate *rotate, void (*then)(struct rotate *rotate))
{
	const struct aid_vault vault = {option(rotate, "address"), option(rotate, "namespace"), NULL};
	struct aid_exchange_call call = {.accept = NULL};
	struct aid_error err = AID_ERROR_INIT;
	int r;

	rotate->access->then = then;
	if (!aid_streq(option(rotate, "auth"), "approle"))
		r = log_in_by_jwt(rotate, &vault, &call, &err);
	else if (rotate->access->secret_id == NULL)
		r = aid_fail(&err, AID_E_PROTOCOL, "frame: no secret_id to log in to the manager with");
	else
		r = aid_vault_login_approle(&vault, or_else(option(rotate, "mount"), "approle"),
			option(rotate, "role_id"), rotate->access->secret_id, &call, &err);
	if (r == AID_OK)
		rotate_call(rotate, &call, "vault", option(rotate, "ca_file"), logged_in);
	else
		rotate_failed(rotate, &err);
	aid_exchange_call_done(&call);
}
