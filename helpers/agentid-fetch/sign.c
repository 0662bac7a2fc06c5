/* SPDX-License-Identifier: LGPL-2.1-or-later
 * Copyright The agentid authors */
/* Tokens of the host as its own issuer: no network, no waiting. */
#include "fetch.h"

#include "clock.h"
#include "jwt.h"
#include "str.h"

#define TEXT_SIZE 1024
#define LIFETIME_MIN_MS 1000
#define LIFETIME_MAX_MS (86400 * INT64_C(1000))

struct params {
	char issuer[TEXT_SIZE];
	char subject[TEXT_SIZE];
	char audience[TEXT_SIZE];
	int64_t lifetime_ms;
};

static int read_params(const struct aid_frame *frame, struct params *p, struct aid_error *err)
{
	char letters[AID_IPC_FDS_MAX + 1];
	int r;

	r = aid_frame_text_required(frame, AID_TAG_ISSUER, p->issuer, sizeof(p->issuer), err);
	if (r == AID_OK)
		r = aid_frame_text_required(frame, AID_TAG_SUBJECT, p->subject, sizeof(p->subject), err);
	if (r == AID_OK)
		r = aid_frame_text_required(frame, AID_TAG_AUDIENCE, p->audience, sizeof(p->audience),
			err);
	if (r == AID_OK)
		r = aid_frame_int(frame, AID_TAG_LIFETIME_MS, LIFETIME_MIN_MS, LIFETIME_MAX_MS,
			&p->lifetime_ms, err);
	if (r == AID_OK)
		r = aid_frame_text(frame, AID_TAG_FDS, letters, sizeof(letters), err);
	if (r == AID_OK && letters[0] != '\0' && !aid_streq(letters, "h"))
		r = aid_fail(err, AID_E_PROTOCOL, "frame: descriptors '%s', 'h' is wanted", letters);
	return r;
}

static int make(struct fetch *fetch, const struct aid_frame *frame, int fd,
	struct aid_jwt_signed *ret_token, struct params *p, struct aid_error *err)
{
	const struct aid_signing_key *key;
	struct aid_jwt_request request;
	int r;

	r = read_params(frame, p, err);
	if (r != AID_OK)
		return r;
	r = key_cache_get(fetch->keys, fd, &key, err);
	if (r != AID_OK)
		return r;
	request = (struct aid_jwt_request){
		.issuer = p->issuer,
		.subject = p->subject,
		.audience = p->audience,
		.kid = aid_signing_key_thumbprint(key),
		.now_wall_ms = aid_clock_wall_ms(),
		/* A token counts whole seconds; rounding may only make it shorter. */
		.lifetime_ms = p->lifetime_ms / 1000 * 1000,
		.with_not_before = true,
	};
	return aid_jwt_sign(key, aid_signing_key_default_alg(key), &request, ret_token, err);
}

void sign(struct fetch *fetch, struct client *client, const struct aid_frame *frame, const int *fds,
	size_t n_fds)
{
	struct aid_jwt_signed token = {0};
	struct aid_error err = AID_ERROR_INIT;
	struct params params = {0};
	int r;

	if (n_fds != 1)
		r = aid_fail(&err, AID_E_PROTOCOL, "frame: %zu descriptors, 1 is wanted", n_fds);
	else
		r = make(fetch, frame, fds[0], &token, &params, &err);
	if (r != AID_OK) {
		say(fetch, SAY_WARNING, "sign", params.subject, r, err.text);
		client_send_error(fetch, client, frame->id, &err);
		return;
	}
	client_send_issued(fetch, client, frame->id,
		&(struct issued){token.token, token.expires_wall_ms, token.jti, false});
	aid_jwt_signed_done(&token);
}
