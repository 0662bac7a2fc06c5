/* SPDX-License-Identifier: LGPL-2.1-or-later
 * Copyright The agentid authors */
#include "rotation.h"

#include "chance.h"
#include "clock.h"
#include "daemon.h"
#include "fetchrequest.h"
#include "ipc.h"
#include "refresh.h"
#include "schedule.h"
#include "str.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define MARGIN_MS 250 /* fetch's own sentence comes before our deadline */
#define SENDS_MAX 2
#define FIRST_MS 1000 /* after a start, within which whatever was left half done is found */
#define MENDED_MS 1000 /* within which sessions that fail try again with the new secret */
#define ANSWER_BYTES 1024U

static void on_due(struct kd_daemon *daemon, struct kd_timer *timer);
static void on_deadline(struct kd_daemon *daemon, struct kd_timer *timer);

static struct kd_rotation *rotation_of(struct kd_list *node)
{
	return KD_CONTAINER(node, struct kd_rotation, node);
}

void kd_rotations_init(struct kd_rotations *rotations)
{
	kd_list_init(&rotations->list);
}

struct kd_rotation *kd_rotation_find(const struct kd_daemon *daemon, const char *agent)
{
	const struct kd_list *list = &daemon->rotations.list;

	for (struct kd_list *n = list->next; n != list; n = n->next) {
		if (aid_streq(rotation_of(n)->agent, agent))
			return rotation_of(n);
	}
	return NULL;
}

static const struct aid_rotate_config *config_of(const struct kd_daemon *daemon,
	const struct kd_rotation *rotation)
{
	const struct aid_agent *agent =
		daemon->config == NULL ? NULL : aid_config_agent(daemon->config, rotation->agent);

	return agent == NULL || agent->rotate.provider == 0 ? NULL : &agent->rotate;
}

/* ---- who waits for it ---- */

static struct kd_client *let_go(struct kd_rotation *rotation)
{
	struct kd_client *client = rotation->client;

	rotation->client = NULL;
	if (client != NULL)
		client->rotation = NULL;
	return client;
}

void kd_rotation_leave(struct kd_daemon *daemon, struct kd_client *client)
{
	(void)daemon;
	if (client->rotation != NULL)
		(void)let_go(client->rotation);
}

static void refuse(struct kd_daemon *daemon, struct kd_rotation *rotation, const struct aid_error *err)
{
	struct kd_client *client = let_go(rotation);

	if (client != NULL)
		kd_client_answer_error(daemon, client, err);
}

static void forget(struct kd_daemon *daemon, struct kd_rotation *rotation, const char *why)
{
	struct aid_error err = AID_ERROR_INIT;

	(void)aid_fail(&err, AID_E_CONFIG, "%s", why);
	refuse(daemon, rotation, &err);
	kd_loop_clear(&daemon->loop, &rotation->timer);
	kd_loop_clear(&daemon->loop, &rotation->deadline);
	kd_list_remove(&rotation->node);
	free(rotation);
}

void kd_rotations_done(struct kd_daemon *daemon)
{
	struct kd_list *list = &daemon->rotations.list;

	while (!kd_list_is_empty(list))
		forget(daemon, rotation_of(list->next), "agentid-keyringd stops");
}

/* ---- the schedule ---- */

static void ask_in(struct kd_daemon *daemon, struct kd_rotation *rotation, int64_t wait_ms)
{
	kd_loop_set(&daemon->loop, &rotation->timer, aid_clock_boot_ms() + (wait_ms > 0 ? wait_ms : 0));
}

static void take_up(struct kd_daemon *daemon, const char *agent)
{
	struct kd_rotation *rotation = kd_rotation_find(daemon, agent);

	if (rotation == NULL) {
		rotation = calloc(1, sizeof(*rotation));
		if (rotation == NULL)
			return;
		(void)snprintf(rotation->agent, sizeof(rotation->agent), "%s", agent);
		rotation->timer.fire = on_due;
		rotation->deadline.fire = on_deadline;
		kd_list_append(&daemon->rotations.list, &rotation->node);
	}
	rotation->wanted = true;
	rotation->failures = 0;
	rotation->mended_boot_ms = 0;
	/* What has changed may be that it is due now, or what made it fail. */
	if (rotation->state == KD_ROTATION_IDLE)
		ask_in(daemon, rotation, kd_schedule_spread(FIRST_MS, kd_random32()));
}

void kd_rotations_reload(struct kd_daemon *daemon)
{
	struct kd_list *list = &daemon->rotations.list;
	struct kd_list *next;

	for (struct kd_list *n = list->next; n != list; n = n->next)
		rotation_of(n)->wanted = false;
	for (size_t i = 0; i < daemon->config->n_agents; i++) {
		if (daemon->config->agents[i].rotate.provider != 0)
			take_up(daemon, daemon->config->agents[i].id);
	}
	for (struct kd_list *n = list->next; n != list; n = next) {
		next = n->next;
		if (!rotation_of(n)->wanted)
			forget(daemon, rotation_of(n), "the agent's secret is not rotated any more");
	}
}

/* A failure is not forgotten for a suspicion: then the provider would be asked all the time. Many hosts
 * were told the same time: the first of them does it, the others find it done. */
static void plan_next(struct kd_daemon *daemon, struct kd_rotation *rotation)
{
	const struct aid_rotate_config *config = config_of(daemon, rotation);

	if (config == NULL)
		return;
	if (rotation->failures > 0)
		ask_in(daemon, rotation,
			kd_schedule_rotation_again(rotation->status, rotation->failures, kd_random32()));
	else if (rotation->suspected)
		ask_in(daemon, rotation, kd_schedule_spread(FIRST_MS, kd_random32()));
	else if (rotation->next_wall_ms != 0)
		ask_in(daemon, rotation, rotation->next_wall_ms - aid_clock_wall_ms() +
			kd_schedule_rotation_spread(config->every_ms, kd_random32()));
}

/* ---- sending ---- */

static uint32_t new_id(struct kd_rotations *rotations)
{
	return KD_ROTATION_SLOT | (rotations->number++ << KD_FETCH_SLOT_BITS);
}

static int64_t time_of(const struct aid_rotate_config *config)
{
	return config->lease_ms / 2 < KD_ROTATION_MS ? config->lease_ms / 2 : KD_ROTATION_MS;
}

static void start(struct kd_daemon *daemon, struct kd_rotation *rotation,
	const struct aid_rotate_config *config, const struct kd_rotation_order *order)
{
	kd_loop_clear(&daemon->loop, &rotation->timer);
	rotation->state = KD_ROTATION_WAITING;
	rotation->order = *order;
	rotation->sends = 0;
	rotation->reopened = false;
	rotation->id = new_id(&daemon->rotations);
	kd_loop_set(&daemon->loop, &rotation->deadline, aid_clock_boot_ms() + time_of(config) + MARGIN_MS);
	daemon->fetch.send_due = true;
}

static void on_due(struct kd_daemon *daemon, struct kd_timer *timer)
{
	struct kd_rotation *rotation = KD_CONTAINER(timer, struct kd_rotation, timer);
	const struct aid_rotate_config *config = config_of(daemon, rotation);
	struct kd_rotation_order order = {.mend = rotation->suspected};

	if (rotation->state != KD_ROTATION_IDLE || config == NULL)
		return;
	rotation->suspected = false;
	if (order.mend)
		rotation->mended_boot_ms = aid_clock_boot_ms();
	start(daemon, rotation, config, &order);
}

static int send_one(struct kd_daemon *daemon, struct kd_rotation *rotation, struct aid_error *err)
{
	const struct kd_agent *agent = kd_agents_find(&daemon->agents, rotation->agent);
	struct kd_ask ask = {.id = rotation->id, .rotation = &rotation->order};
	int64_t left = rotation->deadline.due_ms - aid_clock_boot_ms() - MARGIN_MS;
	struct kd_request request;
	int r;

	if (agent == NULL)
		return aid_fail(err, AID_E_CONFIG, "there is no agent '%s'", rotation->agent);
	ask.timeout_ms = left > 1 ? left : 1;
	rotation->version = daemon->fetch.version;
	r = kd_request_build(daemon, agent, &ask, &request, err);
	if (r == AID_OK)
		r = aid_ipc_send(daemon->fetch.watch.fd, request.frame, request.length, request.fds,
			request.n_fds, err);
	else if (r == AID_E_BUSY || r == AID_E_UNREACHABLE)
		r = AID_E_IO;
	kd_request_done(&request);
	return r;
}

/* ---- the end of one ---- */

static void log_end(struct kd_daemon *daemon, const struct kd_rotation *rotation, const char *what)
{
	kd_log_line(&daemon->log, LOG_NOTICE, "op=rotate event=rotate.%s agent='%s' status=ok", what,
		rotation->agent);
}

static void settle(struct kd_daemon *daemon, struct kd_rotation *rotation)
{
	rotation->state = KD_ROTATION_IDLE;
	kd_loop_clear(&daemon->loop, &rotation->deadline);
	plan_next(daemon, rotation);
}

static void failed(struct kd_daemon *daemon, struct kd_rotation *rotation, const struct aid_error *err)
{
	if (!rotation->order.dry_run) {
		rotation->failures++;
		rotation->status = err->status;
		rotation->suspected = rotation->suspected || rotation->order.mend;
		(void)snprintf(rotation->last_error, sizeof(rotation->last_error), "%s", err->text);
	}
	kd_log_line(&daemon->log, LOG_WARNING,
		"op=rotate event=rotate.failed agent='%s' status=%s failures=%u detail='%s'", rotation->agent,
		aid_status_name(err->status), rotation->failures, err->text);
	refuse(daemon, rotation, err);
	settle(daemon, rotation);
}

static void on_deadline(struct kd_daemon *daemon, struct kd_timer *timer)
{
	struct kd_rotation *rotation = KD_CONTAINER(timer, struct kd_rotation, deadline);
	struct aid_error err = AID_ERROR_INIT;

	kd_fetch_was_silent(&daemon->fetch, &err);
	failed(daemon, rotation, &err);
}

int kd_rotations_flush(struct kd_daemon *daemon)
{
	struct kd_list *list = &daemon->rotations.list;
	struct kd_list *next;

	for (struct kd_list *n = list->next; n != list; n = next) {
		struct kd_rotation *rotation = rotation_of(n);
		struct aid_error err = AID_ERROR_INIT;
		int r;

		next = n->next;
		if (rotation->state != KD_ROTATION_WAITING)
			continue;
		r = send_one(daemon, rotation, &err);
		if (r == AID_E_BUSY || r == AID_E_UNREACHABLE)
			return r;
		rotation->state = KD_ROTATION_FLYING;
		rotation->sends++;
		if (r != AID_OK)
			failed(daemon, rotation, &err);
	}
	return AID_OK;
}

void kd_rotations_disconnected(struct kd_daemon *daemon)
{
	struct kd_list *list = &daemon->rotations.list;
	struct aid_error err = AID_ERROR_INIT;

	(void)aid_fail(&err, AID_E_UNREACHABLE, "agentid-fetch ended twice under the rotation");
	for (struct kd_list *n = list->next; n != list; n = n->next) {
		struct kd_rotation *rotation = rotation_of(n);

		if (rotation->state != KD_ROTATION_FLYING)
			continue;
		if (rotation->sends >= SENDS_MAX)
			failed(daemon, rotation, &err);
		else
			rotation->state = KD_ROTATION_WAITING;
	}
}

/* ---- answers ---- */

/* Sessions that failed for want of the right secret need not wait out their pauses. */
static void wake_sessions(struct kd_daemon *daemon, const struct kd_rotation *rotation)
{
	struct kd_agent *agent = kd_agents_find(&daemon->agents, rotation->agent);
	struct kd_list *next;

	if (agent == NULL)
		return;
	for (struct kd_list *n = agent->sessions.next; n != &agent->sessions; n = next) {
		struct kd_session *session = KD_CONTAINER(n, struct kd_session, of_agent);

		next = n->next;
		if (session->state == KD_LIVE && session->failures > 0)
			kd_refresh_soon(daemon, session, MENDED_MS);
	}
}

/* The frame of fetch, as it is, in the client's version. */
static void pass_on(struct kd_daemon *daemon, struct kd_rotation *rotation, const struct aid_frame *frame)
{
	static const enum aid_tag copied[] = {AID_TAG_NAME, AID_TAG_ELAPSED_MS, AID_TAG_TEXT};
	struct kd_client *client = rotation->client;
	uint8_t buffer[ANSWER_BYTES];
	struct aid_writer writer;

	if (client == NULL)
		return;
	kd_client_begin(client, &writer, buffer, sizeof(buffer), AID_MSG_ROTATE_STEP);
	for (size_t i = 0; i < sizeof(copied) / sizeof(copied[0]); i++) {
		const struct aid_field *field = &frame->fields[copied[i]];

		if (field->bytes != NULL)
			aid_writer_bytes(&writer, copied[i], field->bytes, field->length);
	}
	if (aid_writer_end(&writer) != AID_OK || kd_client_send(client, &writer) != AID_OK)
		kd_client_drop(daemon, client);
}

static void stepped(struct kd_daemon *daemon, struct kd_rotation *rotation, const struct aid_frame *frame)
{
	char name[32], text[200];
	int64_t elapsed_ms = 0;

	if (aid_frame_text_required(frame, AID_TAG_NAME, name, sizeof(name), NULL) != AID_OK ||
		aid_frame_text(frame, AID_TAG_TEXT, text, sizeof(text), NULL) != AID_OK)
		return;
	(void)!aid_frame_int(frame, AID_TAG_ELAPSED_MS, 0, INT64_MAX, &elapsed_ms, NULL);
	/* Looking whether it is due is done all the time, and is no news. */
	if (!aid_streq(name, "read") || rotation->client != NULL)
		kd_log_line(&daemon->log, LOG_NOTICE,
			"op=rotate event=rotate.step agent='%s' status=ok step=%s ms=%lld%s detail='%s'",
			rotation->agent, name, (long long)elapsed_ms,
			rotation->order.dry_run ? " dry_run=yes" : "", text);
	pass_on(daemon, rotation, frame);
}

static int64_t wall_of(const struct aid_frame *frame, enum aid_tag tag)
{
	int64_t value = 0;

	(void)!aid_frame_int(frame, tag, 0, INT64_MAX / 2, &value, NULL);
	return value;
}

static void succeeded(struct kd_daemon *daemon, struct kd_rotation *rotation,
	const struct aid_frame *frame)
{
	struct kd_client *client = let_go(rotation);
	char state[32] = "", text[200] = "";
	bool changed;

	(void)!aid_frame_text(frame, AID_TAG_STATE, state, sizeof(state), NULL);
	(void)!aid_frame_text(frame, AID_TAG_TEXT, text, sizeof(text), NULL);
	changed = aid_streq(state, "rotated") || aid_streq(state, "finished") || aid_streq(state, "mended");
	if (!rotation->order.dry_run) {
		rotation->failures = 0;
		rotation->last_error[0] = '\0';
		rotation->next_wall_ms = wall_of(frame, AID_TAG_NEXT_MS);
		if (wall_of(frame, AID_TAG_ROTATED_MS) != 0)
			rotation->rotated_wall_ms = wall_of(frame, AID_TAG_ROTATED_MS);
	}
	if (changed) {
		log_end(daemon, rotation, state);
		wake_sessions(daemon, rotation);
	}
	if (client != NULL)
		kd_client_answer_done(daemon, client, changed ? 1 : 0, text);
	settle(daemon, rotation);
}

static struct kd_rotation *find_flying(const struct kd_daemon *daemon, uint32_t id)
{
	const struct kd_list *list = &daemon->rotations.list;

	for (struct kd_list *n = list->next; n != list; n = n->next) {
		if (rotation_of(n)->state == KD_ROTATION_FLYING && rotation_of(n)->id == id)
			return rotation_of(n);
	}
	return NULL;
}

static void again(struct kd_daemon *daemon, struct kd_rotation *rotation)
{
	rotation->state = KD_ROTATION_WAITING;
	daemon->fetch.send_due = true;
}

void kd_rotation_answered(struct kd_daemon *daemon, const struct aid_frame *frame)
{
	struct kd_rotation *rotation = find_flying(daemon, frame->id);
	struct aid_error err = AID_ERROR_INIT;

	if (rotation == NULL)
		return;
	if (frame->type == AID_MSG_ROTATE_STEP) {
		stepped(daemon, rotation, frame);
		return;
	}
	if (frame->type == AID_MSG_ROTATED) {
		succeeded(daemon, rotation, frame);
		return;
	}
	if (frame->type == AID_MSG_ERROR && kd_fetch_refused(daemon, frame, rotation->version, &err)) {
		again(daemon, rotation);
		return;
	}
	if (frame->type != AID_MSG_ERROR)
		(void)aid_fail(&err, AID_E_PROTOCOL, "agentid-fetch answered with message %d",
			(int)frame->type);
	failed(daemon, rotation, &err);
}

/* ---- what starts one beside the schedule ---- */

void kd_rotation_suspect(struct kd_daemon *daemon, const char *agent)
{
	struct kd_rotation *rotation = kd_rotation_find(daemon, agent);
	int64_t now = aid_clock_boot_ms();

	if (rotation == NULL || rotation->suspected || rotation->state != KD_ROTATION_IDLE)
		return;
	/* Whatever is wrong: the provider is not asked about it all the time. */
	if (rotation->mended_boot_ms != 0 && now - rotation->mended_boot_ms < KD_ROTATION_MEND_EVERY_MS)
		return;
	rotation->suspected = true;
	kd_log_line(&daemon->log, LOG_WARNING,
		"op=rotate event=rotate.suspect agent='%s' status=credential detail='the provider refuses the "
		"secret that the manager has; looking what it has'", agent);
	plan_next(daemon, rotation);
}

static int begin(struct kd_daemon *daemon, struct kd_client *client, const struct aid_frame *frame,
	struct aid_error *err)
{
	struct kd_rotation_order order = {.force = true};
	const struct aid_rotate_config *config;
	struct kd_rotation *rotation;
	char agent[KD_AGENT_ID_SIZE];
	int64_t dry_run = 0;
	int r = aid_frame_text_required(frame, AID_TAG_AGENT, agent, sizeof(agent), err);

	if (r == AID_OK && aid_frame_has(frame, AID_TAG_DRY_RUN))
		r = aid_frame_int(frame, AID_TAG_DRY_RUN, 0, 1, &dry_run, err);
	if (r != AID_OK)
		return r;
	order.dry_run = dry_run == 1;
	rotation = kd_rotation_find(daemon, agent);
	if (rotation == NULL && kd_agents_find(&daemon->agents, agent) == NULL)
		return aid_fail(err, AID_E_NOTFOUND, "'%s': no such agent", agent);
	config = rotation == NULL ? NULL : config_of(daemon, rotation);
	if (config == NULL)
		return aid_fail(err, AID_E_CONFIG, "agent '%s' has no section [rotate]", agent);
	if (rotation->state != KD_ROTATION_IDLE)
		return aid_fail(err, AID_E_BUSY, "a rotation for agent '%s' is under way", agent);
	rotation->client = client;
	client->rotation = rotation;
	kd_client_wait(daemon, client, NULL);
	start(daemon, rotation, config, &order);
	return AID_OK;
}

void kd_rotation_begin(struct kd_daemon *daemon, struct kd_client *client, const struct aid_frame *frame)
{
	struct aid_error err = AID_ERROR_INIT;

	if (begin(daemon, client, frame, &err) != AID_OK)
		kd_client_answer_error(daemon, client, &err);
}
