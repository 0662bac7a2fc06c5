/* SPDX-License-Identifier: LGPL-2.1-or-later
 * Copyright The agentid authors */
#include "verify.h"

#include "clock.h"
#include "daemon.h"
#include "file.h"
#include "ipc.h"
#include "str.h"
#include "verify_call.h"
#include "verify_trust.h"

#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define MARGIN_MS 250 /* fetch's own sentence comes before our deadline */
#define SENDS_MAX 2   /* of one token to a fetch that ends under it */

/* Waits or flies until fetch answers or the deadline passes. */
struct verification {
	struct kd_list node;
	struct kd_client *client; /* NULL: it went away, and fetch works on all the same */
	struct kd_verifier *verifier;
	struct kd_timer deadline;
	struct aid_secret *frame;
	uint32_t id;
	uint8_t sends;
	bool flying;
	unsigned int version; /* of the frame */
	bool with_keys; /* the host's own issuer is among the accepted ones */
};

void kd_verify_init(struct kd_verify *verify)
{
	kd_list_init(&verify->waiting);
	kd_list_init(&verify->flying);
}

static void forget(struct kd_daemon *daemon, struct verification *v)
{
	kd_list_remove(&v->node);
	kd_loop_clear(&daemon->loop, &v->deadline);
	if (v->client != NULL)
		v->client->verification = NULL;
	v->verifier->flying--;
	daemon->verify.count--;
	aid_secret_free(v->frame);
	free(v);
}

static void refuse(struct kd_daemon *daemon, struct verification *v, const struct aid_error *err)
{
	struct kd_client *client = v->client;

	forget(daemon, v);
	if (client != NULL)
		kd_client_answer_error(daemon, client, err);
}

/* What flies keeps its place among those of its uid: else whoever leaves at once could give fetch more
 * to do than anybody may. */
void kd_verify_leave(struct kd_daemon *daemon, struct kd_client *client)
{
	struct verification *v = client->verification;

	if (v == NULL)
		return;
	client->verification = NULL;
	v->client = NULL;
	if (!v->flying)
		forget(daemon, v);
}

void kd_verify_done(struct kd_daemon *daemon)
{
	struct kd_list *const lists[] = {&daemon->verify.waiting, &daemon->verify.flying};

	for (size_t i = 0; i < sizeof(lists) / sizeof(lists[0]); i++) {
		while (!kd_list_is_empty(lists[i]))
			forget(daemon, KD_CONTAINER(lists[i]->next, struct verification, node));
	}
}

static void on_deadline(struct kd_daemon *daemon, struct kd_timer *timer)
{
	struct verification *v = KD_CONTAINER(timer, struct verification, deadline);
	struct aid_error err = AID_ERROR_INIT;

	kd_fetch_was_silent(&daemon->fetch, &err);
	refuse(daemon, v, &err);
}

/* ---- the request ---- */

static bool has_wildcard(const char *text)
{
	return strpbrk(text, "*?") != NULL;
}

static int read_pin(const struct aid_frame *frame, enum aid_tag tag, const char *what,
	char out[AID_VERIFY_PIN_MAX + 1], struct aid_error *err)
{
	int r = aid_frame_text(frame, tag, out, AID_VERIFY_PIN_MAX + 1, err);

	if (r == AID_OK && has_wildcard(out))
		return aid_fail(err, AID_E_INVALID,
			"%s '%.80s' has a wildcard; it names exactly one value, so that no other token fits",
			what, out);
	return r;
}

static int copy_bytes(const struct aid_frame *frame, enum aid_tag tag, size_t max,
	struct aid_writer *writer, struct aid_error *err)
{
	const struct aid_field *field = &frame->fields[tag];

	if (field->bytes == NULL)
		return AID_OK;
	if (field->length < 1 || field->length > max)
		return aid_fail(err, AID_E_TOOBIG, "%s of %zu bytes, 1 to %zu are allowed",
			tag == AID_TAG_SECRET ? "a token" : tag == AID_TAG_PROOF ? "a DPoP proof"
								 : "a certificate",
			field->length, max);
	aid_writer_bytes(writer, tag, field->bytes, field->length);
	return AID_OK;
}

static int copy_text(const struct aid_frame *frame, enum aid_tag tag, char *scratch, size_t size,
	struct aid_writer *writer, struct aid_error *err)
{
	int r = aid_frame_text_required(frame, tag, scratch, size, err);

	if (r == AID_OK)
		aid_writer_text(writer, tag, scratch);
	return r;
}

static int write_proof(const struct aid_frame *frame, struct aid_writer *writer, struct aid_error *err)
{
	char scratch[AID_VERIFY_URI_MAX + 1];
	int r = copy_bytes(frame, AID_TAG_CERTIFICATE, AID_VERIFY_CERTIFICATE_MAX, writer, err);

	if (r != AID_OK || !aid_frame_has(frame, AID_TAG_PROOF))
		return r;
	r = copy_bytes(frame, AID_TAG_PROOF, AID_VERIFY_PROOF_MAX, writer, err);
	if (r == AID_OK)
		r = copy_text(frame, AID_TAG_METHOD, scratch, AID_VERIFY_METHOD_MAX + 1, writer, err);
	if (r == AID_OK)
		r = copy_text(frame, AID_TAG_URI, scratch, sizeof(scratch), writer, err);
	return r;
}

static int write_pins(const struct aid_frame *frame, struct aid_writer *writer, struct aid_error *err)
{
	char pin[AID_VERIFY_PIN_MAX + 1];
	int64_t max_lifetime_ms;
	int r = read_pin(frame, AID_TAG_AUDIENCE, "audience", pin, err);

	if (r == AID_OK && pin[0] == '\0')
		return aid_fail(err, AID_E_INVALID, "no audience is named");
	if (r == AID_OK)
		aid_writer_text(writer, AID_TAG_AUDIENCE, pin);
	if (r == AID_OK)
		r = read_pin(frame, AID_TAG_SUBJECT, "subject", pin, err);
	if (r == AID_OK && pin[0] != '\0')
		aid_writer_text(writer, AID_TAG_SUBJECT, pin);
	if (r == AID_OK)
		r = aid_frame_int(frame, AID_TAG_MAX_LIFETIME_MS, 1000, AID_VERIFY_LIFETIME_MAX_MS,
			&max_lifetime_ms, err);
	if (r == AID_OK)
		aid_writer_int(writer, AID_TAG_MAX_LIFETIME_MS, max_lifetime_ms);
	return r;
}

static int write_request(const struct kd_daemon *daemon, const struct aid_frame *frame,
	struct verification *v, int64_t timeout_ms, struct aid_writer *writer, struct aid_error *err)
{
	uint8_t trusts[AID_TRUSTS_BYTES_MAX];
	size_t length;
	int r = kd_verify_trusts(daemon, frame, trusts, &length, &v->with_keys, err);

	if (r == AID_OK)
		r = write_pins(frame, writer, err);
	if (r == AID_OK)
		r = write_proof(frame, writer, err);
	if (r != AID_OK)
		return r;
	aid_writer_bytes(writer, AID_TAG_TRUSTS, trusts, length);
	aid_writer_int(writer, AID_TAG_TIMEOUT_MS, timeout_ms - MARGIN_MS);
	if (v->with_keys)
		aid_writer_text(writer, AID_TAG_FDS, "j");
	if (!aid_frame_has(frame, AID_TAG_SECRET))
		return aid_fail(err, AID_E_INVALID, "there is no token");
	return copy_bytes(frame, AID_TAG_SECRET, AID_TOKEN_MAX, writer, err);
}

static bool is_taken(const struct kd_verify *verify, uint32_t id)
{
	const struct kd_list *const lists[] = {&verify->waiting, &verify->flying};

	for (size_t i = 0; i < sizeof(lists) / sizeof(lists[0]); i++) {
		for (struct kd_list *n = lists[i]->next; n != lists[i]; n = n->next) {
			if (KD_CONTAINER(n, struct verification, node)->id == id)
				return true;
		}
	}
	return false;
}

/* Few of the numbers that an id has room for are under way. */
static uint32_t new_id(struct kd_verify *verify)
{
	uint32_t id;

	do {
		id = KD_VERIFY_SLOT | (verify->number++ << KD_FETCH_SLOT_BITS);
	} while (is_taken(verify, id));
	return id;
}

static int build(struct kd_daemon *daemon, const struct aid_frame *frame, struct verification *v,
	int64_t timeout_ms, struct aid_error *err)
{
	AID_AUTO(aid_secret) *whole = aid_secret_new(AID_IPC_FRAME_MAX);
	struct aid_writer writer;
	size_t room;
	char *tail;
	int r;

	if (whole == NULL)
		return aid_fail(err, AID_E_NOMEM, "out of memory");
	v->id = new_id(&daemon->verify);
	tail = aid_secret_tail(whole, &room);
	aid_writer_begin(&writer, tail, room, AID_MSG_JUDGE, v->id);
	v->version = daemon->fetch.version;
	aid_writer_speak(&writer, v->version);
	r = write_request(daemon, frame, v, timeout_ms, &writer, err);
	if (r != AID_OK)
		return r;
	if (aid_writer_end(&writer) != AID_OK)
		return aid_fail(err, AID_E_TOOBIG, "the request to agentid-fetch is over %u bytes",
			AID_IPC_FRAME_MAX);
	v->frame = aid_secret_from(writer.buffer, writer.length);
	return v->frame != NULL ? AID_OK : aid_fail(err, AID_E_NOMEM, "out of memory");
}

static int begin(struct kd_daemon *daemon, struct kd_client *client, const struct aid_frame *frame,
	struct aid_error *err)
{
	struct kd_verify *verify = &daemon->verify;
	int64_t now = aid_clock_boot_ms(), timeout_ms = AID_VERIFY_TIMEOUT_MS;
	struct kd_verifier *verifier;
	struct verification *v;
	int r = AID_OK;

	if (aid_frame_has(frame, AID_TAG_TIMEOUT_MS))
		r = aid_frame_int(frame, AID_TAG_TIMEOUT_MS, AID_VERIFY_TIMEOUT_MIN_MS, AID_VERIFY_TIMEOUT_MAX_MS,
			&timeout_ms, err);
	if (r == AID_OK)
		r = kd_verify_admit(verify, client->peer.uid, now, &verifier, err);
	if (r != AID_OK)
		return r;
	v = calloc(1, sizeof(*v));
	r = v == NULL ? aid_fail(err, AID_E_NOMEM, "out of memory")
		      : build(daemon, frame, v, timeout_ms, err);
	if (r != AID_OK) {
		verifier->flying--;
		free(v);
		return r;
	}
	v->client = client;
	v->verifier = verifier;
	v->deadline.fire = on_deadline;
	client->verification = v;
	verify->count++;
	kd_list_append(&verify->waiting, &v->node);
	kd_client_wait(daemon, client, NULL);
	kd_loop_set(&daemon->loop, &v->deadline, now + timeout_ms);
	daemon->fetch.send_due = true;
	return AID_OK;
}

void kd_verify_begin(struct kd_daemon *daemon, struct kd_client *client, const struct aid_frame *frame)
{
	struct aid_error err = AID_ERROR_INIT;

	if (begin(daemon, client, frame, &err) != AID_OK)
		kd_client_answer_error(daemon, client, &err);
}

/* ---- sending ---- */

/* The fetch of now speaks another version than the one that the frame was made for. */
static int speak(struct verification *v, unsigned int version, struct aid_error *err)
{
	size_t length = aid_secret_length(v->frame), room;
	struct aid_secret *frame;
	struct aid_writer writer = {.length = length};

	if (v->version == version)
		return AID_OK;
	frame = aid_secret_new(length);
	if (frame == NULL)
		return aid_fail(err, AID_E_NOMEM, "out of memory");
	writer.buffer = (uint8_t *)aid_secret_tail(frame, &room);
	writer.capacity = room;
	memcpy(writer.buffer, aid_secret_peek(v->frame), length);
	aid_writer_speak(&writer, version);
	aid_secret_grown(frame, length);
	aid_secret_free(v->frame);
	v->frame = frame;
	v->version = version;
	return AID_OK;
}

static int send_one(const struct kd_daemon *daemon, struct verification *v, struct aid_error *err)
{
	AID_FD(keys);
	int r = speak(v, daemon->fetch.version, err);

	if (r != AID_OK)
		return r;
	if (v->with_keys) {
		r = kd_verify_open_keys(daemon, &keys, err);
		if (r != AID_OK)
			return r == AID_E_BUSY || r == AID_E_UNREACHABLE ? AID_E_IO : r;
	}
	return aid_ipc_send(daemon->fetch.watch.fd, aid_secret_peek(v->frame),
		aid_secret_length(v->frame), &keys, v->with_keys ? 1 : 0, err);
}

int kd_verify_flush(struct kd_daemon *daemon)
{
	struct kd_verify *verify = &daemon->verify;

	while (!kd_list_is_empty(&verify->waiting)) {
		struct verification *v = KD_CONTAINER(verify->waiting.next, struct verification, node);
		struct aid_error err = AID_ERROR_INIT;
		int r = send_one(daemon, v, &err);

		if (r == AID_E_BUSY || r == AID_E_UNREACHABLE)
			return r;
		if (r != AID_OK) {
			refuse(daemon, v, &err);
			continue;
		}
		v->sends++;
		v->flying = true;
		kd_list_remove(&v->node);
		kd_list_append(&verify->flying, &v->node);
	}
	return AID_OK;
}

static void wait_again(struct kd_daemon *daemon, struct verification *v)
{
	v->flying = false;
	kd_list_remove(&v->node);
	kd_list_prepend(&daemon->verify.waiting, &v->node);
}

void kd_verify_disconnected(struct kd_daemon *daemon)
{
	struct kd_verify *verify = &daemon->verify;
	struct aid_error err = AID_ERROR_INIT;

	(void)aid_fail(&err, AID_E_UNREACHABLE, "agentid-fetch ended twice under the request");
	while (!kd_list_is_empty(&verify->flying)) {
		struct verification *v = KD_CONTAINER(verify->flying.prev, struct verification, node);

		if (v->sends >= SENDS_MAX || v->client == NULL) {
			refuse(daemon, v, &err);
			continue;
		}
		wait_again(daemon, v);
	}
}

/* ---- the answer ---- */

static void answer(struct kd_daemon *daemon, struct verification *v, const struct aid_frame *frame)
{
	static const enum aid_tag copied[] = {AID_TAG_CLAIMS, AID_TAG_ISSUER, AID_TAG_SUBJECT,
		AID_TAG_TOKEN_ID, AID_TAG_EXPIRES_MS};
	uint8_t buffer[AID_CLAIMS_MAX + 4096];
	struct kd_client *client = v->client;
	struct aid_writer writer;

	kd_client_begin(client, &writer, buffer, sizeof(buffer), AID_MSG_VERIFIED);
	for (size_t i = 0; i < sizeof(copied) / sizeof(copied[0]); i++) {
		const struct aid_field *field = &frame->fields[copied[i]];

		if (field->bytes != NULL)
			aid_writer_bytes(&writer, copied[i], field->bytes, field->length);
	}
	forget(daemon, v);
	if (aid_writer_end(&writer) != AID_OK || kd_client_send(client, &writer) != AID_OK)
		kd_client_drop(daemon, client);
	else
		kd_client_becomes_idle(daemon, client);
}

static struct verification *find(const struct kd_verify *verify, uint32_t id)
{
	for (struct kd_list *n = verify->flying.next; n != &verify->flying; n = n->next) {
		struct verification *v = KD_CONTAINER(n, struct verification, node);

		if (v->id == id)
			return v;
	}
	return NULL;
}

void kd_verify_answered(struct kd_daemon *daemon, const struct aid_frame *frame)
{
	struct verification *v = find(&daemon->verify, frame->id);
	struct aid_error err = AID_ERROR_INIT;

	if (v == NULL)
		return;
	if (v->client == NULL) {
		forget(daemon, v);
		return;
	}
	if (frame->type == AID_MSG_ERROR && kd_fetch_refused(daemon, frame, v->version, &err)) {
		wait_again(daemon, v);
		daemon->fetch.send_due = true;
		return;
	}
	if (frame->type != AID_MSG_VERIFIED && frame->type != AID_MSG_ERROR)
		(void)aid_fail(&err, AID_E_PROTOCOL, "agentid-fetch answered with message %d",
			(int)frame->type);
	else if (frame->type == AID_MSG_VERIFIED)
		(void)!kd_verify_check_cut_off(daemon, frame, &err);
	if (err.status != AID_OK)
		refuse(daemon, v, &err);
	else
		answer(daemon, v, frame);
}
