/* SPDX-License-Identifier: LGPL-2.1-or-later
 * Copyright The agentid authors */
#include "requests.h"

#include "clock.h"
#include "credential.h"
#include "daemon.h"
#include "ending.h"
#include "killswitch.h"
#include "listing.h"
#include "opening.h"
#include "refresh.h"
#include "rotation.h"
#include "str.h"
#include "verify.h"

#include <string.h>

/* How often the processes of a session may have it refreshed out of turn. */
#define ASKED_EVERY_MS 60000

/* The session a request is about: by its cookie for anybody, by its id for root. */
static int find_session(const struct kd_daemon *daemon, const struct kd_client *client,
	const struct aid_frame *frame, struct kd_session **ret_session, struct aid_error *err)
{
	uint8_t cookie[AID_COOKIE_BYTES], id[AID_SESSION_ID_BYTES];
	char text[AID_SESSION_ID_SIZE];
	struct kd_session *session = NULL;
	int r;

	if (aid_frame_has(frame, AID_TAG_COOKIE)) {
		r = aid_frame_bytes(frame, AID_TAG_COOKIE, cookie, sizeof(cookie), err);
		if (r != AID_OK)
			return r;
		session = kd_sessions_by_cookie(&daemon->sessions, cookie);
		explicit_bzero(cookie, sizeof(cookie));
	} else {
		r = aid_frame_text_required(frame, AID_TAG_SESSION, text, sizeof(text), err);
		if (r != AID_OK)
			return r;
		if (client->peer.uid != 0)
			return aid_fail(err, AID_E_DENIED,
				"uid %u: only root may name a session; others show its cookie",
				client->peer.uid);
		if (aid_str_unhex(text, id, sizeof(id)) != AID_OK)
			return aid_fail(err, AID_E_INVALID, "'%s' is no session id", text);
		session = kd_sessions_by_id(&daemon->sessions, id);
	}
	if (session == NULL || session->state == KD_OPENING)
		return aid_fail(err, AID_E_NOTFOUND, "there is no such session");
	*ret_session = session;
	return AID_OK;
}

static void serve_close(struct kd_daemon *daemon, struct kd_client *client,
	const struct aid_frame *frame)
{
	struct kd_session *session;
	struct aid_error err = AID_ERROR_INIT;

	if (find_session(daemon, client, frame, &session, &err) != AID_OK) {
		kd_client_answer_error(daemon, client, &err);
		return;
	}
	kd_session_end(daemon, session, AID_E_NOTFOUND, "closed");
	kd_client_answer_done(daemon, client, 1, NULL);
}

static int may_refresh(const struct kd_client *client, struct kd_session *session,
	struct aid_error *err)
{
	int64_t now = aid_clock_boot_ms();
	int64_t left = session->asked_boot_ms + ASKED_EVERY_MS - now;

	if (session->state == KD_TAMPERED)
		return aid_fail(err, AID_E_NOTFOUND, "the ring of this session is gone");
	if (client->peer.uid == 0 || session->job != NULL)
		return AID_OK;
	if (session->asked_boot_ms != 0 && left > 0) {
		(void)aid_fail(err, AID_E_BUSY,
			"a session may ask for a refresh every %d s; wait %lld s more",
			ASKED_EVERY_MS / 1000, (long long)(left + 999) / 1000);
		err->retry_after_s = (int)((left + 999) / 1000);
		return AID_E_BUSY;
	}
	session->asked_boot_ms = now;
	return AID_OK;
}

static void serve_refresh(struct kd_daemon *daemon, struct kd_client *client,
	const struct aid_frame *frame)
{
	struct kd_session *session;
	struct aid_error err = AID_ERROR_INIT;
	int r = find_session(daemon, client, frame, &session, &err);

	if (r == AID_OK)
		r = may_refresh(client, session, &err);
	if (r == AID_OK)
		r = kd_refresh_start(daemon, session, &err);
	if (r == AID_OK && session->job == NULL)
		r = aid_fail(&err, AID_E_BUSY, "issuer '%.64s' fails and is left alone for a while",
			session->agent->issuer->name);
	if (r != AID_OK) {
		kd_client_answer_error(daemon, client, &err);
		return;
	}
	kd_client_wait(daemon, client, session);
}

static void serve_get(struct kd_daemon *daemon, struct kd_client *client,
	const struct aid_frame *frame)
{
	char name[AID_CREDENTIAL_NAME_MAX + 1];
	struct kd_session *session;
	struct aid_error err = AID_ERROR_INIT;
	int r = find_session(daemon, client, frame, &session, &err);

	if (r == AID_OK)
		r = aid_frame_text_required(frame, AID_TAG_NAME, name, sizeof(name), &err);
	if (r != AID_OK)
		kd_client_answer_error(daemon, client, &err);
	else
		kd_credential_get(daemon, client, session, name);
}

static void serve_revoke(struct kd_daemon *daemon, struct kd_client *client,
	const struct aid_frame *frame)
{
	char agent[KD_AGENT_ID_SIZE];
	char remark[200] = "";
	struct aid_error err = AID_ERROR_INIT;
	uint32_t cut;
	int r = aid_frame_text_required(frame, AID_TAG_AGENT, agent, sizeof(agent), &err);

	if (r == AID_OK)
		r = kd_killswitch_revoke(daemon, agent, &cut, remark, sizeof(remark), &err);
	if (r != AID_OK)
		kd_client_answer_error(daemon, client, &err);
	else
		kd_client_answer_done(daemon, client, cut, remark[0] != '\0' ? remark : NULL);
}

static void serve_allow(struct kd_daemon *daemon, struct kd_client *client,
	const struct aid_frame *frame)
{
	char agent[KD_AGENT_ID_SIZE];
	struct aid_error err = AID_ERROR_INIT;
	bool was_cut_off;
	int r = aid_frame_text_required(frame, AID_TAG_AGENT, agent, sizeof(agent), &err);

	if (r == AID_OK)
		r = kd_killswitch_allow(daemon, agent, &was_cut_off, &err);
	if (r != AID_OK)
		kd_client_answer_error(daemon, client, &err);
	else
		kd_client_answer_done(daemon, client, was_cut_off ? 1 : 0, NULL);
}

static const struct {
	enum aid_msg type;
	bool root_only;
	void (*serve)(struct kd_daemon *daemon, struct kd_client *client,
		const struct aid_frame *frame);
} requests[] = {
	{AID_MSG_OPEN, true, kd_opening_begin},
	{AID_MSG_CLOSE, false, serve_close},
	{AID_MSG_REFRESH, false, serve_refresh},
	{AID_MSG_LIST, false, kd_listing_begin},
	{AID_MSG_STATUS, false, kd_listing_begin},
	{AID_MSG_REVOKE, true, serve_revoke},
	{AID_MSG_ALLOW, true, serve_allow},
	{AID_MSG_VERIFY, false, kd_verify_begin},
	{AID_MSG_GET, false, serve_get},
	{AID_MSG_ROTATE, true, kd_rotation_begin},
};

void kd_requests_serve(struct kd_daemon *daemon, struct kd_client *client,
	const struct aid_frame *frame)
{
	struct aid_error err = AID_ERROR_INIT;

	for (size_t i = 0; i < sizeof(requests) / sizeof(requests[0]); i++) {
		if (requests[i].type != frame->type)
			continue;
		if (requests[i].root_only && client->peer.uid != 0) {
			(void)aid_fail(&err, AID_E_DENIED, "uid %u: only root may ask for this",
				client->peer.uid);
			kd_client_answer_error(daemon, client, &err);
			return;
		}
		requests[i].serve(daemon, client, frame);
		return;
	}
	(void)aid_fail(&err, AID_E_PROTOCOL, "message %d is no request", (int)frame->type);
	kd_client_answer_error(daemon, client, &err);
}
