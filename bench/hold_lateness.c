/* SPDX-License-Identifier: LGPL-2.1-or-later
 * Copyright The agentid authors */
#include "hold_lateness.h"

#include "clock.h"
#include "ipc.h"
#include "record.h"
#include "str.h"

#include <errno.h>
#include <linux/keyctl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/syscall.h>
#include <unistd.h>

/* Shorter than any refresh interval measured, so that none is passed over. */
#define POLL_MS 2000
#define TIMEOUT_MS 5000

struct watched {
	int32_t meta; /* serial of agentid:meta */
	char session[AID_SESSION_ID_SIZE];
	int64_t due_boot_ms; /* of refresh number due_number; 0: not known */
	int64_t due_number;
};

struct watch {
	const char *agent;
	struct watched *items;
	size_t count;
};

static bool read_record(int32_t meta, struct aid_record *ret_record)
{
	uint8_t bytes[AID_RECORD_MAX];
	long length = syscall(SYS_keyctl, KEYCTL_READ, meta, bytes, sizeof(bytes));

	return length > 0 && (size_t)length <= sizeof(bytes) &&
		aid_record_decode(bytes, (size_t)length, ret_record, NULL) == AID_OK;
}

static void find_sessions(struct watch *watch, const int32_t *rings, size_t n_rings)
{
	struct aid_record record;

	watch->items = calloc(n_rings, sizeof(*watch->items));
	if (watch->items == NULL)
		bench_die("out of memory");
	for (size_t i = 0; i < n_rings; i++) {
		long meta = syscall(SYS_keyctl, KEYCTL_SEARCH, rings[i], "user", "agentid:meta", 0);

		if (meta <= 0 || !read_record((int32_t)meta, &record) ||
			!aid_streq(record.agent, watch->agent))
			continue;
		watch->items[watch->count].meta = (int32_t)meta;
		memcpy(watch->items[watch->count++].session, record.session, sizeof(record.session));
	}
}

static int by_session(const void *a, const void *b)
{
	return memcmp(((const struct watched *)a)->session, ((const struct watched *)b)->session,
		AID_SESSION_ID_SIZE);
}

static void note_due(struct watch *watch, const struct aid_frame *frame)
{
	int64_t wall_to_boot = aid_clock_boot_ms() - aid_clock_wall_ms();
	struct watched wanted = {0}, *found;
	int64_t due, refreshes;

	if (aid_frame_text(frame, AID_TAG_SESSION, wanted.session, sizeof(wanted.session), NULL) !=
			AID_OK ||
		aid_frame_int(frame, AID_TAG_REFRESH_MS, 1, INT64_MAX, &due, NULL) != AID_OK ||
		aid_frame_int(frame, AID_TAG_REFRESHES, 0, INT64_MAX, &refreshes, NULL) != AID_OK)
		return;
	found = bsearch(&wanted, watch->items, watch->count, sizeof(wanted), by_session);
	if (found == NULL)
		return;
	found->due_boot_ms = due + wall_to_boot;
	found->due_number = refreshes + 1;
}

static void list_sessions(struct watch *watch)
{
	static uint8_t buffer[AID_IPC_FRAME_MAX];
	struct aid_error err = AID_ERROR_INIT;
	struct aid_writer writer;
	struct aid_frame frame = {.type = AID_MSG_SESSION_INFO};
	size_t length, n_fds;
	int fd;

	aid_writer_begin(&writer, buffer, sizeof(buffer), AID_MSG_LIST, 1);
	aid_writer_text(&writer, AID_TAG_AGENT, watch->agent);
	if (aid_writer_end(&writer) != AID_OK ||
		aid_ipc_connect(AID_SOCKET_PATH, TIMEOUT_MS, &fd, &err) != AID_OK ||
		aid_ipc_send(fd, buffer, writer.length, NULL, 0, &err) != AID_OK)
		bench_die("list: %s", err.text);
	while (frame.type == AID_MSG_SESSION_INFO) {
		if (aid_ipc_recv(fd, buffer, sizeof(buffer), &length, NULL, 0, &n_fds, &err) != AID_OK ||
			aid_frame_parse(buffer, length, &frame, &err) != AID_OK)
			bench_die("list: %s", err.text);
		if (frame.type == AID_MSG_SESSION_INFO)
			note_due(watch, &frame);
	}
	(void)close(fd);
	if (frame.type != AID_MSG_DONE)
		bench_die("list: answer %d", (int)frame.type);
}

static void note_received(struct watch *watch, struct bench_samples *late)
{
	struct aid_record record;

	for (size_t i = 0; i < watch->count; i++) {
		struct watched *item = &watch->items[i];

		if (item->due_boot_ms == 0 || !read_record(item->meta, &record) ||
			record.refreshes != item->due_number)
			continue;
		bench_samples_add(late, (double)(record.received_boot_ms - item->due_boot_ms));
		item->due_boot_ms = 0;
	}
}

void bench_watch_lateness(const int32_t *rings, size_t n_rings, const char *agent, int64_t seconds,
	struct bench_samples *late)
{
	struct watch watch = {.agent = agent};

	find_sessions(&watch, rings, n_rings);
	if (watch.count == 0)
		bench_die("no session of %s", agent);
	qsort(watch.items, watch.count, sizeof(*watch.items), by_session);
	for (int64_t left_ms = seconds * 1000; left_ms > 0; left_ms -= POLL_MS) {
		list_sessions(&watch);
		bench_sleep_us(POLL_MS * 1000);
		note_received(&watch, late);
	}
	free(watch.items);
}

int64_t bench_count_refreshes(const int32_t *rings, size_t n_rings, const char *agent)
{
	struct watch watch = {.agent = agent};
	struct aid_record record;
	int64_t count = 0;

	find_sessions(&watch, rings, n_rings);
	for (size_t i = 0; i < watch.count; i++)
		if (read_record(watch.items[i].meta, &record))
			count += record.refreshes;
	free(watch.items);
	return count;
}
