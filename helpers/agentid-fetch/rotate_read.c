/* SPDX-License-Identifier: LGPL-2.1-or-later
 * Copyright The agentid authors */
/* An AID_MSG_ROTATE_SECRET taken apart. */
#include "rotate.h"

#include "pkey.h"
#include "rotate_access.h"
#include "str.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define OPTIONS_MAX 32U
#define TIMEOUT_MAX_MS 120000

/* "name=value" of AID_TAG_OPTIONS, each ended by a NUL. */
struct options {
	const char *bytes;
	size_t length;
};

static const char *find(const struct options *options, const char *name)
{
	size_t length = strlen(name);

	for (size_t at = 0; at < options->length; at += strlen(options->bytes + at) + 1) {
		const char *entry = options->bytes + at;

		if (strncmp(entry, name, length) == 0 && entry[length] == '=')
			return entry + length + 1;
	}
	return NULL;
}

static int text(const struct options *options, const char *name, const char **ret_text,
	struct aid_error *err)
{
	*ret_text = find(options, name);
	return *ret_text != NULL && (*ret_text)[0] != '\0'
		? AID_OK : aid_fail(err, AID_E_PROTOCOL, "frame: the rotation has no %s", name);
}

static int number(const struct options *options, const char *name, uint64_t max, int64_t *ret_number,
	struct aid_error *err)
{
	const char *value = find(options, name);
	uint64_t parsed;

	if (value == NULL || aid_str_parse_uint(value, 0, max, &parsed) != AID_OK)
		return aid_fail(err, AID_E_PROTOCOL, "frame: %s of the rotation is no number up to %llu", name,
			(unsigned long long)max);
	*ret_number = (int64_t)parsed;
	return AID_OK;
}

static int read_options(const struct aid_frame *frame, struct options *options, struct aid_error *err)
{
	const struct aid_field *field = &frame->fields[AID_TAG_OPTIONS];

	*options = (struct options){(const char *)field->bytes, field->length};
	if (field->length == 0 || options->bytes[field->length - 1] != '\0')
		return aid_fail(err, AID_E_PROTOCOL, "frame: the options of the rotation have no end");
	return AID_OK;
}

static int read_order(const struct options *options, struct rotate *rotate, struct aid_error *err)
{
	struct aid_rotation_order order = {.every_ms = 0};
	const struct {
		const char *name;
		uint64_t max;
		int64_t *out;
	} times[] = {
		{"every_ms", UINT64_C(31622400000), &order.every_ms},
		{"lease_ms", 3600000, &order.lease_ms},
		{"overlap_ms", 86400000, &rotate->overlap_ms},
	};
	const struct {
		const char *name;
		bool *out;
	} flags[] = {{"force", &order.force}, {"mend", &order.mend}, {"dry_run", &order.dry_run}};
	int64_t value;
	int r = AID_OK;

	for (size_t i = 0; i < sizeof(times) / sizeof(times[0]) && r == AID_OK; i++)
		r = number(options, times[i].name, times[i].max, times[i].out, err);
	for (size_t i = 0; i < sizeof(flags) / sizeof(flags[0]) && r == AID_OK; i++) {
		r = number(options, flags[i].name, 1, &value, err);
		*flags[i].out = r == AID_OK && value == 1;
	}
	aid_rotation_init(&rotate->machine, &order);
	return r;
}

/* A number that says the same of one host always, and nothing about it. */
static int read_host(const struct options *options, struct rotate *rotate, struct aid_error *err)
{
	uint8_t digest[AID_SHA256_BYTES];
	char named[256];
	const char *host;
	int length;
	int r = text(options, "host", &host, err);

	if (r != AID_OK)
		return r;
	length = snprintf(named, sizeof(named), "agentid rotation %s", host);
	if (length < 0 || (size_t)length >= sizeof(named))
		return aid_fail(err, AID_E_PROTOCOL, "frame: the host's name is too long");
	if (aid_sha256(named, (size_t)length, digest) != AID_OK)
		return aid_fail(err, AID_E_NOMEM, "out of memory");
	aid_str_hex(digest, (AID_ROTATION_HOST_SIZE - 1) / 2, rotate->host);
	return AID_OK;
}

static int read_provider(const struct options *options, struct rotate *rotate, struct aid_error *err)
{
	const char *name;
	int r = text(options, "provider", &name, err);

	if (r == AID_OK && !aid_streq(name, "keycloak-admin"))
		return aid_fail(err, AID_E_PROTOCOL, "frame: provider '%.32s' is unknown", name);
	rotate->provider = &rotate_keycloak;
	if (r == AID_OK)
		r = text(options, "admin_url", &name, err);
	return r == AID_OK ? request_set(&rotate->admin_url, name, err) : r;
}

/* ---- who asks for tokens ---- */

/* The client's secret is the manager's: there is no descriptor of it. */
static int read_client(const struct aid_frame *frame, struct rotate *rotate, struct aid_error *err)
{
	int r = request_begin(frame, &rotate->client, err);

	if (r != AID_OK)
		return r;
	if (rotate->client->method != AID_CLIENT_SECRET_BASIC &&
		rotate->client->method != AID_CLIENT_SECRET_POST)
		return aid_fail(err, AID_E_PROTOCOL, "frame: a client without a secret cannot be rotated");
	if (rotate->client->issuer == NULL || rotate->client->client_id == NULL ||
		rotate->client->secret_ref == NULL)
		return aid_fail(err, AID_E_PROTOCOL, "frame: issuer, client id or secret is missing");
	rotate->timeout_ms = rotate->client->timeout_ms;
	return AID_OK;
}

static int copy_to_admin(const struct request *client, const char *id, struct request *admin,
	struct aid_error *err)
{
	const struct {
		char **out;
		const char *value;
	} all[] = {
		{&admin->issuer, client->issuer},
		{&admin->client_id, id},
		{&admin->ca_file, client->ca_file},
		{&admin->allowed_hosts, client->allowed_hosts},
		{&admin->host_issuer, client->host_issuer},
		{&admin->host_subject, client->host_subject},
	};
	int r = AID_OK;

	for (size_t i = 0; i < sizeof(all) / sizeof(all[0]) && r == AID_OK; i++)
		r = request_set(all[i].out, all[i].value, err);
	admin->format = AID_FORMAT_OPAQUE;
	admin->alg = AID_ALG_RS256;
	admin->assertion_audience = AID_ASSERTION_AUD_ISSUER;
	return r;
}

/* Its letters are capitals, but for the host's key. */
static int finish_admin(struct request *admin, const char *letters, const int *fds, struct aid_error *err)
{
	const char *wanted = request_letters(admin);
	char capital = (char)(wanted[0] == 'h' ? 'h' : wanted[0] == 's' ? 'S' : 'K');
	const char *at = strchr(letters, capital);

	if (wanted[0] == '\0' || wanted[1] != '\0' || at == NULL)
		return aid_fail(err, AID_E_PROTOCOL, "frame: descriptors '%s', '%c' of the admin client is wanted",
			letters, capital);
	return request_finish(admin, wanted, &fds[at - letters], err);
}

static int read_admin(const struct options *options, const char *letters, const int *fds,
	struct rotate *rotate, struct aid_error *err)
{
	const char *id;
	int64_t method;
	int r = request_begin(NULL, &rotate->admin, err);

	if (r == AID_OK)
		r = text(options, "admin_client_id", &id, err);
	if (r == AID_OK)
		r = number(options, "admin_client_auth", AID_FEDERATED_JWT, &method, err);
	if (r == AID_OK)
		r = copy_to_admin(rotate->client, id, rotate->admin, err);
	if (r != AID_OK)
		return r;
	rotate->admin->method = (enum aid_client_auth)method;
	return finish_admin(rotate->admin, letters, fds, err);
}

/* ---- the manager ---- */

static int read_manager(const struct aid_frame *frame, struct rotate *rotate, struct aid_error *err)
{
	const struct aid_field *field = &frame->fields[AID_TAG_VAULT];
	char reference[1024];
	int r = aid_frame_text_required(frame, AID_TAG_SECRET_REF, reference, sizeof(reference), err);

	if (r == AID_OK)
		r = aid_manager_parse(reference, &rotate->place, err);
	if (r != AID_OK)
		return r;
	if (rotate->place.manager != AID_MANAGER_VAULT)
		return aid_fail(err, AID_E_CONFIG, "a secret of this manager cannot be rotated yet");
	rotate->manager = &rotate_kv;
	aid_target_values_init(&rotate->manager_options, aid_manager_target(rotate->place.manager));
	return aid_target_unpack(&rotate->manager_options, (const char *)field->bytes, field->length,
		TIMEOUT_MAX_MS, err);
}

static int read_all(const struct aid_frame *frame, const int *fds, size_t n_fds, struct rotate *rotate,
	struct aid_error *err)
{
	char letters[AID_IPC_FDS_MAX + 1];
	struct options options;
	int r = aid_frame_text(frame, AID_TAG_FDS, letters, sizeof(letters), err);

	if (r == AID_OK && strlen(letters) != n_fds)
		r = aid_fail(err, AID_E_PROTOCOL, "frame: %zu descriptors called '%s'", n_fds, letters);
	if (r == AID_OK)
		r = read_options(frame, &options, err);
	if (r == AID_OK)
		r = read_client(frame, rotate, err);
	if (r == AID_OK)
		r = read_order(&options, rotate, err);
	if (r == AID_OK)
		r = read_host(&options, rotate, err);
	if (r == AID_OK)
		r = read_provider(&options, rotate, err);
	if (r == AID_OK)
		r = read_admin(&options, letters, fds, rotate, err);
	if (r == AID_OK)
		r = read_manager(frame, rotate, err);
	return r == AID_OK ? rotate_access_read(frame, letters, fds, &rotate->access, err) : r;
}

int rotate_parse(const struct aid_frame *frame, const int *fds, size_t n_fds, struct rotate **ret_rotate,
	struct aid_error *err)
{
	struct rotate *rotate = calloc(1, sizeof(*rotate));
	int r;

	if (rotate == NULL)
		return aid_fail(err, AID_E_NOMEM, "out of memory");
	r = read_all(frame, fds, n_fds, rotate, err);
	if (r != AID_OK) {
		rotate_free(rotate);
		return r;
	}
	*ret_rotate = rotate;
	return AID_OK;
}

void rotate_free(struct rotate *rotate)
{
	if (rotate == NULL)
		return;
	request_free(rotate->client);
	request_free(rotate->admin);
	if (rotate->manager_options.target != NULL)
		aid_target_values_done(&rotate->manager_options);
	rotate_access_free(rotate->access);
	aid_kv_secret_done(&rotate->kv);
	aid_secret_free(rotate->current);
	aid_secret_free(rotate->pending);
	aid_secret_free(rotate->found);
	aid_secret_free(rotate->admin_token);
	free(rotate->admin_url);
	free(rotate->token_endpoint);
	free(rotate);
}
