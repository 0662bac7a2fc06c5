/* SPDX-License-Identifier: LGPL-2.1-or-later
 * Copyright The agentid authors */
/* The KV half of kv_vault.h. */
#include "kv_vault.h"

#include "manager_private.h"
#include "str.h"
#include "syntax.h"
#include "vault_private.h"

#include <stdio.h>
#include <string.h>

#define CONFLICT "check-and-set parameter did not match"
#define DATA_MAX 65536U

static bool append(char *out, size_t size, const char *text)
{
	size_t used = strlen(out);
	int length = snprintf(out + used, size - used, "%s", text);

	return length >= 0 && (size_t)length < size - used;
}

/* Each segment escaped; the slashes stay. */
static bool append_path(char *out, size_t size, const char *path)
{
	for (; *path != '\0'; path++) {
		char one[4] = {*path, '\0'};

		if (!aid_syntax_only(one, AID_ALNUM "-._~/"))
			(void)snprintf(one, sizeof(one), "%%%02X", (unsigned int)(unsigned char)*path);
		if (!append(out, size, one))
			return false;
	}
	return true;
}

/* VAULT/v1/MOUNT/BETWEEN/PATH */
static int set_url(const struct aid_vault *vault, const struct aid_kv_place *place, const char *between,
	struct aid_exchange_call *call, struct aid_error *err)
{
	char *url = call->url;
	bool v2 = place->version == 2;

	if (append(url, sizeof(call->url), vault->address) && append(url, sizeof(call->url), "/v1/") &&
		append_path(url, sizeof(call->url), place->mount) && append(url, sizeof(call->url), "/") &&
		(!v2 || (append(url, sizeof(call->url), between) && append(url, sizeof(call->url), "/"))) &&
		append_path(url, sizeof(call->url), place->path))
		return AID_OK;
	return aid_fail(err, AID_E_TOOBIG, "the path of the secret makes a URL over %u bytes", AID_URL_MAX);
}

int aid_kv_detect(const struct aid_vault *vault, const char *path, struct aid_exchange_call *ret_call,
	struct aid_error *err)
{
	aid_vault_begin(ret_call);
	if (!append(ret_call->url, sizeof(ret_call->url), vault->address) ||
		!append(ret_call->url, sizeof(ret_call->url), "/v1/sys/internal/ui/mounts/") ||
		!append_path(ret_call->url, sizeof(ret_call->url), path))
		return aid_fail(err, AID_E_TOOBIG, "the path of the secret makes a URL over %u bytes",
			AID_URL_MAX);
	return aid_vault_headers(vault, ret_call, err);
}

/* The mount is the beginning of path, and nothing else: the rest of the URL is ours. */
static int place_at(const char *path, size_t mount, unsigned int version, const char *host,
	struct aid_kv_place *ret_place, struct aid_error *err)
{
	size_t length = strlen(path);

	if (mount == 0 || mount + 1 >= length || path[mount] != '/' || length > AID_VAULT_PATH_MAX)
		return aid_fail(err, AID_E_PROTOCOL,
			"host '%.64s': what is mounted is not the beginning of the path", host);
	*ret_place = (struct aid_kv_place){.version = version};
	memcpy(ret_place->mount, path, mount);
	memcpy(ret_place->path, path + mount + 1, length - mount - 1);
	return AID_OK;
}

int aid_kv_detect_answer(const struct aid_vault *vault, const struct aid_exchange_answer *answer,
	const char *path, struct aid_kv_place *ret_place, struct aid_error *err)
{
	const struct aid_json *data, *options;
	AID_AUTO(aid_json) *document = NULL;
	const char *mount, *type, *version = "1";
	size_t length;
	int r;

	if (answer->status == 404)
		return place_at(path, strcspn(path, "/"), 1, answer->host, ret_place, err);
	if (answer->status != 200)
		return aid_vault_refuse(answer, vault->token, NULL, err);
	r = aid_answer_json(answer, &document, err);
	if (r != AID_OK)
		return r;
	if (aid_json_object(document, "data", &data, NULL) != AID_OK ||
		aid_json_text(data, "path", 2, AID_VAULT_PATH_MAX, &mount, NULL) != AID_OK ||
		aid_json_text(data, "type", 1, 64, &type, NULL) != AID_OK)
		return aid_fail(err, AID_E_PROTOCOL, "host '%.64s': no path and type of a mount in the answer",
			answer->host);
	if (!aid_streq(type, "kv") && !aid_streq(type, "generic"))
		return aid_fail(err, AID_E_CONFIG, "host '%.64s': the mount is no KV secrets engine",
			answer->host);
	if (aid_json_object(data, "options", &options, NULL) == AID_OK)
		(void)!aid_json_text(options, "version", 1, 1, &version, NULL);
	length = strlen(mount) - (mount[strlen(mount) - 1] == '/' ? 1 : 0);
	if (length > strlen(path) || memcmp(mount, path, length) != 0)
		length = 0;
	if (!aid_streq(version, "1") && !aid_streq(version, "2"))
		return aid_fail(err, AID_E_PROTOCOL, "host '%.64s': KV engine of another version than 1 or 2",
			answer->host);
	return place_at(path, length, version[0] == '2' ? 2 : 1, answer->host, ret_place, err);
}

int aid_kv_read(const struct aid_vault *vault, const struct aid_kv_place *place, int64_t version,
	struct aid_exchange_call *ret_call, struct aid_error *err)
{
	char query[40];
	int r;

	aid_vault_begin(ret_call);
	if (version < 0 || version > AID_KV_VERSION_MAX || (version > 0 && place->version != 2))
		return aid_fail(err, AID_E_INVALID, "version %lld of the secret cannot be asked for",
			(long long)version);
	r = set_url(vault, place, "data", ret_call, err);
	if (r != AID_OK)
		return r;
	(void)snprintf(query, sizeof(query), "?version=%lld", (long long)version);
	if (version > 0 && !append(ret_call->url, sizeof(ret_call->url), query))
		return aid_fail(err, AID_E_TOOBIG, "the path of the secret makes a URL over %u bytes",
			AID_URL_MAX);
	return aid_vault_headers(vault, ret_call, err);
}

static int not_found(const struct aid_exchange_answer *answer, struct aid_error *err)
{
	AID_AUTO(aid_json) *document = NULL;
	const struct aid_json *data, *metadata;
	bool deleted = aid_answer_json(answer, &document, NULL) == AID_OK &&
		aid_json_object(document, "data", &data, NULL) == AID_OK &&
		aid_json_object(data, "metadata", &metadata, NULL) == AID_OK;

	(void)aid_fail(err, AID_E_NOTFOUND, "host '%.64s': HTTP 404, %s", answer->host,
		deleted ? "the newest version of the secret is deleted" : "there is no such secret");
	if (err != NULL)
		err->http_status = answer->status;
	return AID_E_NOTFOUND;
}

static int take_data(const struct aid_kv_place *place, const char *host, struct aid_kv_secret *secret,
	struct aid_error *err)
{
	const struct aid_json *outer, *metadata;

	if (aid_json_object(secret->document, "data", &outer, NULL) != AID_OK)
		return aid_fail(err, AID_E_PROTOCOL, "host '%.64s': no data in the answer", host);
	secret->data = outer;
	secret->version = 0;
	if (place->version != 2)
		return AID_OK;
	if (aid_json_object(outer, "data", &secret->data, NULL) != AID_OK)
		return aid_fail(err, AID_E_PROTOCOL, "host '%.64s': no data.data in the answer", host);
	if (aid_json_object(outer, "metadata", &metadata, NULL) != AID_OK ||
		aid_json_int(metadata, "version", 1, AID_KV_VERSION_MAX, &secret->version, NULL) != AID_OK)
		return aid_fail(err, AID_E_PROTOCOL, "host '%.64s': no data.metadata.version in the answer",
			host);
	return AID_OK;
}

int aid_kv_read_answer(const struct aid_vault *vault, const struct aid_kv_place *place,
	const struct aid_exchange_answer *answer, struct aid_kv_secret *ret_secret, struct aid_error *err)
{
	struct aid_kv_secret secret = {.document = NULL};
	int r;

	if (answer->status == 404)
		return not_found(answer, err);
	if (answer->status != 200)
		return aid_vault_refuse(answer, vault->token, NULL, err);
	r = aid_answer_json(answer, &secret.document, err);
	if (r == AID_OK)
		r = take_data(place, answer->host, &secret, err);
	if (r != AID_OK) {
		aid_kv_secret_done(&secret);
		return r;
	}
	*ret_secret = secret;
	return AID_OK;
}

int aid_kv_field(const struct aid_kv_secret *secret, const char *field, const char *host,
	struct aid_secret **ret_value, struct aid_error *err)
{
	return aid_manager_value(secret->data, field, host, ret_value, err);
}

void aid_kv_secret_done(struct aid_kv_secret *secret)
{
	aid_json_free(secret->document);
	*secret = (struct aid_kv_secret){.document = NULL};
}

/* data behind what the body has. */
static int add_data(struct aid_exchange_call *call, const struct aid_json *data, struct aid_error *err)
{
	size_t room, length;
	char *tail = aid_secret_tail(call->body, &room);

	if (aid_json_render(data, tail, room, &length) != AID_OK)
		return aid_fail(err, AID_E_TOOBIG, "the fields of the secret are over %u bytes", DATA_MAX);
	aid_secret_grown(call->body, length);
	return AID_OK;
}

int aid_kv_write(const struct aid_vault *vault, const struct aid_kv_place *place,
	const struct aid_json *data, int64_t cas, struct aid_exchange_call *ret_call, struct aid_error *err)
{
	char start[64] = "{\"data\":";
	int r;

	aid_vault_begin(ret_call);
	if (cas < -1 || cas > AID_KV_VERSION_MAX || (cas >= 0 && place->version != 2))
		return aid_fail(err, AID_E_INVALID, "cas %lld cannot be asked for of KV version %u",
			(long long)cas, place->version);
	if (cas >= 0)
		(void)snprintf(start, sizeof(start), "{\"options\":{\"cas\":%lld},\"data\":", (long long)cas);
	r = set_url(vault, place, "data", ret_call, err);
	if (r == AID_OK)
		r = aid_call_room(ret_call, DATA_MAX + sizeof(start), err);
	if (r == AID_OK && place->version == 2)
		r = aid_call_text(ret_call, start, err);
	if (r == AID_OK)
		r = add_data(ret_call, data, err);
	if (r == AID_OK && place->version == 2)
		r = aid_call_text(ret_call, "}", err);
	return r == AID_OK ? aid_vault_headers(vault, ret_call, err) : r;
}

int aid_kv_write_answer(const struct aid_vault *vault, const struct aid_kv_place *place,
	const struct aid_exchange_answer *answer, struct aid_kv_written *ret_written, struct aid_error *err)
{
	struct aid_kv_written written = {.conflict = false};
	AID_AUTO(aid_json) *document = NULL;
	const struct aid_json *data;
	int r;

	if (answer->status == 400 && aid_vault_says(answer, CONFLICT)) {
		*ret_written = (struct aid_kv_written){.conflict = true};
		return AID_OK;
	}
	if (answer->status != 200 && answer->status != 204)
		return aid_vault_refuse(answer, vault->token, NULL, err);
	if (place->version == 2) {
		r = aid_answer_json(answer, &document, err);
		if (r != AID_OK)
			return r;
		if (aid_json_object(document, "data", &data, NULL) != AID_OK ||
			aid_json_int(data, "version", 1, AID_KV_VERSION_MAX, &written.version, NULL) != AID_OK)
			return aid_fail(err, AID_E_PROTOCOL, "host '%.64s': no data.version in the answer",
				answer->host);
	}
	*ret_written = written;
	return AID_OK;
}

static int need_v2(const struct aid_kv_place *place, const char *what, struct aid_error *err)
{
	return place->version == 2
		? AID_OK : aid_fail(err, AID_E_INVALID, "a KV engine of version 1 has no %s", what);
}

int aid_kv_metadata(const struct aid_vault *vault, const struct aid_kv_place *place,
	struct aid_exchange_call *ret_call, struct aid_error *err)
{
	int r;

	aid_vault_begin(ret_call);
	r = need_v2(place, "metadata", err);
	if (r == AID_OK)
		r = set_url(vault, place, "metadata", ret_call, err);
	return r == AID_OK ? aid_vault_headers(vault, ret_call, err) : r;
}

static bool is_gone(const struct aid_json *versions, int64_t current)
{
	const struct aid_json *version;
	const char *deleted = "";
	bool destroyed = false;
	char name[24];

	(void)snprintf(name, sizeof(name), "%lld", (long long)current);
	if (aid_json_object(versions, name, &version, NULL) != AID_OK)
		return true;
	(void)!aid_json_text(version, "deletion_time", 0, 64, &deleted, NULL);
	(void)!aid_json_bool(version, "destroyed", &destroyed, NULL);
	return destroyed || deleted[0] != '\0';
}

int aid_kv_metadata_answer(const struct aid_vault *vault, const struct aid_exchange_answer *answer,
	struct aid_kv_metadata *ret_metadata, struct aid_error *err)
{
	struct aid_kv_metadata metadata = {.deleted = false};
	AID_AUTO(aid_json) *document = NULL;
	const struct aid_json *data, *versions;
	int r;

	if (answer->status == 404)
		return not_found(answer, err);
	if (answer->status != 200)
		return aid_vault_refuse(answer, vault->token, NULL, err);
	r = aid_answer_json(answer, &document, err);
	if (r != AID_OK)
		return r;
	if (aid_json_object(document, "data", &data, NULL) != AID_OK ||
		aid_json_bool(data, "cas_required", &metadata.cas_required, NULL) != AID_OK ||
		aid_json_int(data, "max_versions", 0, AID_KV_VERSION_MAX, &metadata.max_versions, NULL) !=
			AID_OK ||
		aid_json_int(data, "current_version", 0, AID_KV_VERSION_MAX, &metadata.current_version,
			NULL) != AID_OK ||
		aid_json_object(data, "versions", &versions, NULL) != AID_OK)
		return aid_fail(err, AID_E_PROTOCOL, "host '%.64s': no metadata of a secret in the answer",
			answer->host);
	metadata.deleted = metadata.current_version > 0 && is_gone(versions, metadata.current_version);
	*ret_metadata = metadata;
	return AID_OK;
}

int aid_kv_undelete(const struct aid_vault *vault, const struct aid_kv_place *place, int64_t version,
	struct aid_exchange_call *ret_call, struct aid_error *err)
{
	char body[64];
	int r;

	aid_vault_begin(ret_call);
	(void)snprintf(body, sizeof(body), "{\"versions\":[%lld]}", (long long)version);
	r = need_v2(place, "versions", err);
	if (r == AID_OK)
		r = set_url(vault, place, "undelete", ret_call, err);
	if (r == AID_OK)
		r = aid_call_room(ret_call, sizeof(body), err);
	if (r == AID_OK)
		r = aid_call_text(ret_call, body, err);
	return r == AID_OK ? aid_vault_headers(vault, ret_call, err) : r;
}
