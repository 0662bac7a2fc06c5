/* SPDX-License-Identifier: LGPL-2.1-or-later
 * Copyright The agentid authors */
/* A client secret that a secrets manager has: the request says which and where, and agentid-fetch, which
 * has the network, asks. */
#include "fetchrequest_private.h"

#include "cleanup.h"
#include "secret_manager.h"
#include "str.h"

#include <stdio.h>
#include <string.h>

static const enum aid_tag tags[AID_MANAGER_COUNT] = {
	[AID_MANAGER_VAULT] = AID_TAG_VAULT, [AID_MANAGER_AWS_SM] = AID_TAG_AWS_SM};

static int write_options(struct kd_building *b, enum aid_manager manager, struct aid_error *err)
{
	const struct aid_target_values *values = &b->daemon->config->managers[manager];
	AID_FREE char *packed = malloc(AID_TARGET_PACKED_MAX);
	size_t length = 0;
	int r;

	if (packed == NULL)
		return aid_fail(err, AID_E_NOMEM, "out of memory");
	r = aid_target_pack(values, NULL, 0, packed, AID_TARGET_PACKED_MAX, &length, err);
	if (r != AID_OK)
		return r;
	if (!aid_target_is_set(values, "ca_file"))
		length += (size_t)snprintf(packed + length, AID_TARGET_PACKED_MAX - length, "ca_file=%s",
			b->daemon->config->ca_file) + 1;
	if (length > AID_TARGET_PACKED_MAX)
		return aid_fail(err, AID_E_TOOBIG, "the options of [%s] are over %u bytes",
			values->target->name, AID_TARGET_PACKED_MAX);
	aid_writer_bytes(&b->writer, tags[manager], packed, length);
	return AID_OK;
}

/* What the manager has to be shown: the host's key, or a secret of another source. */
static int add_proof(struct kd_building *b, enum aid_manager manager, struct aid_error *err)
{
	const struct aid_target_values *values = &b->daemon->config->managers[manager];
	bool vault = manager == AID_MANAGER_VAULT;
	const char *option = vault ? "secret_id" : "container_token";
	bool signs = vault ? aid_streq(aid_target_get(values, "auth"), "jwt")
			   : aid_target_is_set(values, "role_arn");

	if (signs) {
		kd_building_host_names(b);
		return kd_building_host_key(b, err);
	}
	if (!aid_target_is_set(values, option))
		return AID_OK;
	if (kd_building_reference(b, option, aid_target_get(values, option), vault ? 'v' : 'w', err) == AID_OK)
		return AID_OK;
	return aid_prefix(err, "[%s]", values->target->name);
}

int kd_building_secret(struct kd_building *b, const char *reference, char letter, struct aid_error *err)
{
	enum aid_manager manager = reference != NULL ? aid_manager_of(reference) : AID_MANAGER_NONE;
	int r;

	if (manager == AID_MANAGER_NONE)
		return kd_building_reference(b, "client_secret", reference, letter, err);
	if (b->daemon->config->managers[manager].target == NULL)
		return aid_fail(err, AID_E_CONFIG, "client_secret: there is no section [%s]",
			aid_manager_target(manager)->name);
	aid_writer_text(&b->writer, letter == 's' ? AID_TAG_SECRET_REF : AID_TAG_TARGET_SECRET_REF,
		reference);
	if (b->managers[manager])
		return AID_OK;
	b->managers[manager] = true;
	r = write_options(b, manager, err);
	return r == AID_OK ? add_proof(b, manager, err) : r;
}
