/* SPDX-License-Identifier: LGPL-2.1-or-later
 * Copyright The agentid authors */
/* What the kernel and the daemons say. */
#include "check.h"

#include "client.h"
#include "keyring.h"
#include "output.h"
#include "str.h"

#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/timex.h>
#include <unistd.h>

#define PTRACE_SCOPE "/proc/sys/kernel/yama/ptrace_scope"
#define SESSIONS_LOW 100
/* A session as agentid-keyring(7) has it: the ring, and token, info, cookie and meta. */
#define SESSION_KEYS 5
#define TOKEN_TYPICAL 1300U
#define INFO_TYPICAL 32U
#define META_TYPICAL 512U

static int64_t session_cost(void)
{
	return (int64_t)(aid_quota_cost(strlen(AID_RING_NAME), 0) +
		aid_quota_cost(strlen(AID_KEY_TOKEN), TOKEN_TYPICAL) +
		aid_quota_cost(strlen(AID_KEY_INFO), INFO_TYPICAL) +
		aid_quota_cost(strlen(AID_KEY_COOKIE), AID_COOKIE_BYTES) +
		aid_quota_cost(strlen(AID_KEY_META), META_TYPICAL));
}

static void check_quota(struct check *check)
{
	struct aid_error err = AID_ERROR_INIT;
	char used[OUTPUT_TIME_SIZE], max[OUTPUT_TIME_SIZE];
	struct aid_quota quota;
	int64_t by_keys, by_bytes, room;

	if (aid_quota_read(0, &quota, &err) != AID_OK) {
		check_say(check, CHECK_ERROR, "key quota", NULL, 0, "%s", err.text);
		return;
	}
	by_keys = (quota.keys_max - quota.keys) / SESSION_KEYS;
	by_bytes = (quota.bytes_max - quota.bytes) / session_cost();
	room = by_keys < by_bytes ? by_keys : by_bytes;
	check_say(check, room < SESSIONS_LOW ? CHECK_WARNING : CHECK_OK, "key quota", NULL, 0,
		"%s of %s and %lld of %lld keys used: room for about %lld more sessions%s",
		output_bytes(quota.bytes, used), output_bytes(quota.bytes_max, max),
		(long long)quota.keys, (long long)quota.keys_max, (long long)(room < 0 ? 0 : room),
		room < SESSIONS_LOW ? "; raise kernel.keys.root_maxbytes and root_maxkeys" : "");
}

/* Containers often forbid keyctl(2). */
static void check_keyctl(struct check *check)
{
	struct aid_error err = AID_ERROR_INIT;
	aid_serial ring;

	if (aid_ring_find(&ring, &err) == AID_E_DENIED)
		check_say(check, CHECK_ERROR, "keyctl", NULL, 0,
			"the kernel's key system calls are forbidden here (%s); a container needs a seccomp profile that allows keyctl",
			err.text);
}

static void check_ptrace(struct check *check)
{
	char text[8] = "";
	ssize_t length = 0;
	AID_FD(fd);

	fd = open(PTRACE_SCOPE, O_RDONLY | O_CLOEXEC);
	if (fd >= 0)
		length = read(fd, text, sizeof(text) - 1);
	if (length < 1)
		check_say(check, CHECK_WARNING, "ptrace", NULL, 0,
			"the kernel has no Yama: processes of one account can read each other's memory, tokens in it included");
	else if (text[0] == '0')
		check_say(check, CHECK_WARNING, "ptrace", NULL, 0,
			"kernel.yama.ptrace_scope is 0: processes of one account can read each other's memory, tokens in it included; 1 or more prevents it");
}

static void check_clock(struct check *check)
{
	struct timex timex = {0};
	int state = adjtimex(&timex);

	if (state == TIME_ERROR)
		check_say(check, CHECK_WARNING, "clock", NULL, 0,
			"the clock is not synchronised; verifiers refuse tokens from a clock that is off");
}

void check_host(struct check *check)
{
	check_keyctl(check);
	check_quota(check);
	check_ptrace(check);
	check_clock(check);
}

/* ---- daemons ---- */

static int visit_daemon(struct check *check, const struct aid_frame *frame, struct aid_error *err)
{
	char version[32];
	char config_error[512];
	int64_t fetch_up;
	int r = aid_frame_text(frame, AID_TAG_VERSION, version, sizeof(version), err);

	if (r == AID_OK)
		r = aid_frame_text(frame, AID_TAG_CONFIG_ERROR, config_error, sizeof(config_error), err);
	if (r == AID_OK)
		r = client_int(frame, AID_TAG_FETCH_UP, 0, &fetch_up, err);
	if (r != AID_OK)
		return r;
	check_say(check, aid_streq(version, PACKAGE_VERSION) ? CHECK_OK : CHECK_WARNING, "daemon", NULL,
		0, "agentid-keyringd %s runs; this command is %s", version, PACKAGE_VERSION);
	if (config_error[0] != '\0')
		check_say(check, CHECK_WARNING, "daemon", NULL, 0,
			"the last configuration that it read is not good, what was good before is in force: %s",
			config_error);
	if (fetch_up == 0)
		check_say(check, CHECK_WARNING, "daemon", NULL, 0,
			"agentid-fetch is not connected: no token can be fetched");
	return AID_OK;
}

static int visit(void *context, const struct aid_frame *frame, struct aid_error *err)
{
	struct check *check = context;
	char agent[64];
	char state[32];
	int r;

	if (frame->type == AID_MSG_DAEMON_INFO)
		return visit_daemon(check, frame, err);
	r = aid_frame_text(frame, AID_TAG_AGENT, agent, sizeof(agent), err);
	if (r == AID_OK)
		r = aid_frame_text(frame, AID_TAG_STATE, state, sizeof(state), err);
	if (r == AID_OK && aid_streq(state, "revoked"))
		check_say(check, CHECK_WARNING, "agent", NULL, 0,
			"%s is cut off; \"agentid allow %s\" lets it in again", agent, agent);
	return r;
}

void check_daemons(struct check *check)
{
	struct aid_error err = AID_ERROR_INIT;
	int r = client_ask(AID_MSG_STATUS, NULL, visit, check, NULL, &err);

	if (r != AID_OK)
		check_say(check, r == AID_E_UNREACHABLE ? CHECK_WARNING : CHECK_ERROR, "daemon", NULL, 0,
			"%s", err.text);
}
