/* SPDX-License-Identifier: LGPL-2.1-or-later
 * Copyright The agentid authors */
#include "pam_session.h"

#include "accounts.h"
#include "log.h"
#include "session.h"
#include "status.h"
#include "str.h"

#include <pwd.h>
#include <security/pam_ext.h>
#include <security/pam_modutil.h>
#include <string.h>
#include <syslog.h>

#define DATA_NAME "agentid_sessions"
#define QUOTED_SIZE 160U

/* The sessions of one handle, the newest first: an application may open several, nested. ring is 0
 * for an open that failed and was ignored, so that its close does not end the one before. */
struct opened {
	struct opened *older;
	struct aid_session session;
};
struct opened_list {
	struct opened *newest;
};

/* One call of the application. */
struct call {
	pam_handle_t *pamh;
	const char *op;
	struct aid_options options;
	const char *user;
};

static void opened_free(struct opened *opened)
{
	explicit_bzero(opened, sizeof(*opened));
	free(opened);
}

/* Nothing is revoked here: libpam also calls this in a forked child (PAM_DATA_SILENT), and an
 * application that ends without closing may have handed its session on to another process. */
static void list_cleanup(pam_handle_t *pamh, void *data, int error_status)
{
	struct opened_list *list = data;

	(void)pamh;
	(void)error_status;
	while (list->newest != NULL) {
		struct opened *older = list->newest->older;

		opened_free(list->newest);
		list->newest = older;
	}
	free(list);
}

/* NULL when this handle has opened nothing yet. libpam keeps the list for us and hands it out as
 * const. */
static struct opened_list *list_get(pam_handle_t *pamh)
{
	const void *data = NULL;

	if (pam_get_data(pamh, DATA_NAME, &data) != PAM_SUCCESS)
		return NULL;
	return (struct opened_list *)(uintptr_t)data;
}

static struct opened_list *list_get_or_make(pam_handle_t *pamh)
{
	struct opened_list *list = list_get(pamh);

	if (list != NULL)
		return list;
	list = calloc(1, sizeof(*list));
	if (list != NULL && pam_set_data(pamh, DATA_NAME, list, list_cleanup) != PAM_SUCCESS) {
		free(list);
		return NULL;
	}
	return list;
}

static const char *item(const struct call *call, int which)
{
	const void *text = NULL;

	return pam_get_item(call->pamh, which, &text) == PAM_SUCCESS ? text : NULL;
}

static void log_failure(const struct call *call, const struct aid_error *err)
{
	char user[QUOTED_SIZE], detail[sizeof(err->text)];
	size_t i;

	/* Printable already; only the quote that ends the field matters. */
	for (i = 0; err->text[i] != '\0'; i++) {
		detail[i] = err->text[i];
		if (detail[i] == '\'')
			detail[i] = '"';
	}
	detail[i] = '\0';
	pam_syslog(call->pamh, LOG_ERR, "op=%s account='%s' status=%s%s detail='%s'", call->op,
		aid_log_quote(call->user == NULL ? "" : call->user, user, sizeof(user)),
		aid_status_name(err->status),
		call->options.on_error == AID_ON_ERROR_IGNORE ? " ignored=yes" : "", detail);
}

static void log_step(const struct call *call, const char *what, const struct aid_session *session)
{
	if (call->options.debug)
		pam_syslog(call->pamh, LOG_DEBUG, "op=%s %s session='%s' agent='%s'", call->op, what,
			session == NULL ? "" : session->id, session == NULL ? "" : session->agent);
}

static int finish(const struct call *call, int status, const struct aid_error *err)
{
	if (status != AID_OK)
		log_failure(call, err);
	return aid_status_to_pam(status, call->options.on_error);
}

static int find_user(struct call *call, struct aid_error *err)
{
	if (pam_get_user(call->pamh, &call->user, NULL) == PAM_SUCCESS && call->user != NULL &&
		call->user[0] != '\0')
		return AID_OK;
	return aid_fail(err, AID_E_INVALID, "the application names no user");
}

/* *ret_account is NULL for an account that is no agent's. It belongs to the handle. */
static int find_account(const struct call *call, const struct passwd **ret_account,
	struct aid_error *err)
{
	const struct passwd *account;
	bool is_agent = false;
	int r;

	*ret_account = NULL;
	if (aid_streq(call->user, "root"))
		return AID_OK;
	r = aid_accounts_has(AID_ACCOUNTS_PATH, &aid_config_default_paths, call->user, &is_agent, err);
	if (r == AID_OK && !is_agent)
		return AID_OK;
	account = pam_modutil_getpwnam(call->pamh, call->user);
	if (account != NULL && account->pw_uid == 0)
		return AID_OK;
	if (r != AID_OK)
		return r;
	if (account == NULL)
		return aid_fail(err, AID_E_NOTFOUND, "the agent's account does not exist on this host");
	*ret_account = account;
	return AID_OK;
}

static int open_session(const struct call *call, const struct passwd *account,
	struct aid_session *ret_session, struct aid_error *err)
{
	const char *service = item(call, PAM_SERVICE);
	const struct aid_session_request request = {
		.socket = AID_SOCKET_PATH,
		.account = account->pw_name,
		.uid = account->pw_uid,
		.agent = call->options.agent,
		.service = service == NULL ? "" : service,
		.rhost = item(call, PAM_RHOST),
		.tty = item(call, PAM_TTY),
		.timeout_ms = call->options.timeout_ms,
	};

	return aid_session_open(&request, ret_session, err);
}

/* Opens and remembers. The memory is there before anything is opened. */
static int open_kept(const struct call *call, const struct passwd *account, struct aid_error *err)
{
	struct opened_list *list = list_get_or_make(call->pamh);
	struct opened *opened;
	int r;

	if (list == NULL)
		return aid_fail(err, AID_E_NOMEM, "out of memory");
	opened = calloc(1, sizeof(*opened));
	if (opened == NULL)
		return aid_fail(err, AID_E_NOMEM, "out of memory");
	r = open_session(call, account, &opened->session, err);
	if (r != AID_OK && call->options.on_error == AID_ON_ERROR_FAIL) {
		opened_free(opened);
		return r;
	}
	opened->older = list->newest;
	list->newest = opened;
	if (r == AID_OK)
		log_step(call, "opened", &opened->session);
	return r;
}

/* An account that is no agent's passes; if an agent became it, the agent's token stays behind. */
static int pass_no_agent(const struct call *call, struct aid_error *err)
{
	bool left;
	int r = aid_ring_leave(&left, err);

	log_step(call, left ? "no-agent, left an agent's session keyring" : "no-agent", NULL);
	return r;
}

int aid_pam_open(pam_handle_t *pamh, int argc, const char **argv)
{
	struct call call = {.pamh = pamh, .op = "open"};
	struct aid_error err = AID_ERROR_INIT;
	struct aid_error options_err = AID_ERROR_INIT;
	const struct passwd *account;
	int options_status = aid_options_parse(argc, argv, &call.options, &options_err);
	int r = find_user(&call, &err);

	/* A mistyped option is an error for agents; it must not lock everybody else out. */
	if (options_status != AID_OK)
		log_failure(&call, &options_err);
	if (r == AID_OK)
		r = find_account(&call, &account, &err);
	if (r != AID_OK)
		return finish(&call, r, &err);
	if (account == NULL)
		return finish(&call, pass_no_agent(&call, &err), &err);
	if (options_status != AID_OK)
		return PAM_SESSION_ERR;
	return finish(&call, open_kept(&call, account, &err), &err);
}

/* The session that this handle opened last. */
static int close_newest(const struct call *call, struct opened_list *list, struct aid_error *err)
{
	struct opened *opened = list->newest;
	int r = AID_OK;

	list->newest = opened->older;
	if (opened->session.ring != 0)
		r = aid_session_close(AID_SOCKET_PATH, &opened->session, call->options.timeout_ms, err);
	log_step(call, r == AID_OK ? "closed" : "not-closed", &opened->session);
	opened_free(opened);
	return r;
}

/* Close may come in another process than open, on another handle: the ring of this process's
 * session keyring then says which session it is. */
static int close_found(struct call *call, struct aid_error *err)
{
	const struct passwd *account;
	int r = find_user(call, err);

	if (r == AID_OK)
		r = find_account(call, &account, err);
	if (r != AID_OK || account == NULL)
		return r;
	r = aid_session_close(AID_SOCKET_PATH, NULL, call->options.timeout_ms, err);
	log_step(call, r == AID_OK ? "closed" : "not-closed", NULL);
	return r;
}

int aid_pam_close(pam_handle_t *pamh, int argc, const char **argv)
{
	struct call call = {.pamh = pamh, .op = "close"};
	struct aid_error err = AID_ERROR_INIT;
	struct opened_list *list = list_get(pamh);
	int r;

	/* The session ends whatever the options say: keeping it would be worse. */
	if (aid_options_parse(argc, argv, &call.options, &err) != AID_OK)
		log_failure(&call, &err);
	if (list != NULL) {
		if (list->newest == NULL)
			return PAM_SUCCESS;
		(void)find_user(&call, NULL);
		r = close_newest(&call, list, &err);
	} else {
		r = close_found(&call, &err);
	}
	return finish(&call, r == AID_E_NOTFOUND ? AID_OK : r, &err);
}
