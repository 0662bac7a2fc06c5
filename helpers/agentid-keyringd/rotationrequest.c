/* SPDX-License-Identifier: LGPL-2.1-or-later
 * Copyright The agentid authors */
/* The request for a rotation: the fields of TOKEN, with which the new secret is proved, the order, and
 * what the admin client proves itself with. */
#include "fetchrequest_private.h"

#include "rotation.h"

#include <stdio.h>
#include <string.h>
#include <sys/utsname.h>
#include <fcntl.h>
#include <unistd.h>

#define OPTIONS_MAX 4096U
#define HOST_SIZE 160U
#define MACHINE_ID "/etc/machine-id"

struct options {
	char bytes[OPTIONS_MAX];
	size_t length;
	bool overrun;
};

static void add(struct options *options, const char *name, const char *value)
{
	size_t room = sizeof(options->bytes) - options->length;
	int length = snprintf(options->bytes + options->length, room, "%s=%s", name, value);

	if (length < 0 || (size_t)length >= room)
		options->overrun = true;
	else
		options->length += (size_t)length + 1;
}

static void add_number(struct options *options, const char *name, int64_t value)
{
	char text[24];

	(void)snprintf(text, sizeof(text), "%lld", (long long)value);
	add(options, name, text);
}

/* Which host this is, for the lease: no two of them may be taken for one, and one of them is itself after
 * a restart. fetch makes a number of it that says nothing about the host. */
static void host_name(char out[HOST_SIZE])
{
	struct utsname name;
	char id[40] = "";
	int fd = open(MACHINE_ID, O_RDONLY | O_CLOEXEC | O_NOFOLLOW | O_NONBLOCK | O_NOCTTY);

	if (fd >= 0) {
		ssize_t length = read(fd, id, sizeof(id) - 1);

		(void)close(fd);
		id[length > 0 ? length : 0] = '\0';
		id[strcspn(id, "\n")] = '\0';
	}
	if (uname(&name) != 0)
		name.nodename[0] = '\0';
	(void)snprintf(out, HOST_SIZE, "%s/%s", id, name.nodename);
}

static int add_place(struct kd_building *b, struct options *options, struct aid_error *err)
{
	const struct aid_rotate_config *rotate = &b->agent->config->rotate;
	char text[1024];
	int r = aid_rotate_admin_url(b->agent->config, text, sizeof(text), err);

	if (r != AID_OK)
		return r;
	add(options, "admin_url", text);
	add(options, "admin_client_id", rotate->admin_client_id);
	host_name(text);
	add(options, "host", text);
	return AID_OK;
}

static int add_admin(struct kd_building *b, struct aid_error *err)
{
	const struct aid_rotate_config *rotate = &b->agent->config->rotate;
	int r;

	switch (rotate->admin_client_auth) {
	case AID_CLIENT_SECRET_BASIC:
	case AID_CLIENT_SECRET_POST:
		return kd_building_reference(b, "admin_client_secret", rotate->admin_client_secret, 'S', err);
	case AID_PRIVATE_KEY_JWT:
		return kd_building_reference(b, "admin_client_key", rotate->admin_client_key, 'K', err);
	case AID_FEDERATED_JWT:
		r = kd_building_host_key(b, err);
		if (r == AID_OK)
			kd_building_host_names(b);
		return r;
	case AID_TLS_CLIENT_AUTH:
		break;
	}
	return aid_fail(err, AID_E_CONFIG, "admin_client_auth %d is unknown",
		(int)rotate->admin_client_auth);
}

static void add_order(struct kd_building *b, struct options *options)
{
	const struct aid_rotate_config *rotate = &b->agent->config->rotate;
	const struct kd_rotation_order *order = b->ask->rotation;
	int64_t every_ms = rotate->every_ms;
	int64_t overlap_ms = rotate->overlap_ms;

	if (every_ms > 0 && overlap_ms > every_ms)
		overlap_ms = every_ms;
	add(options, "provider", aid_rotate_provider_name(rotate->provider));
	add_number(options, "every_ms", every_ms);
	add_number(options, "lease_ms", rotate->lease_ms);
	add_number(options, "overlap_ms", overlap_ms);
	add_number(options, "admin_client_auth", rotate->admin_client_auth);
	add_number(options, "force", order->force ? 1 : 0);
	add_number(options, "mend", order->mend ? 1 : 0);
	add_number(options, "dry_run", order->dry_run ? 1 : 0);
}

int kd_building_rotation(struct kd_building *b, struct aid_error *err)
{
	struct options options = {.length = 0};
	int r;

	if (b->agent->config->rotate.provider == 0)
		return aid_fail(err, AID_E_CONFIG, "agent '%s' has no section [rotate]", b->agent->id);
	add_order(b, &options);
	r = add_place(b, &options, err);
	if (r != AID_OK)
		return r;
	if (options.overrun)
		return aid_fail(err, AID_E_TOOBIG, "the options of the rotation are over %u bytes", OPTIONS_MAX);
	aid_writer_bytes(&b->writer, AID_TAG_OPTIONS, options.bytes, options.length);
	return add_admin(b, err);
}
