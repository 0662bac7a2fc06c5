/* SPDX-License-Identifier: LGPL-2.1-or-later
 * Copyright The agentid authors */
/* What a rotation asks of the provider. keycloak-admin: as the admin client, which gets a token once for
 * each rotation, finds the client, reads its secret, and sets it where it is another. */
#include "rotate.h"

static void find_client(struct rotate *rotate);

static struct aid_keycloak keycloak_of(const struct rotate *rotate)
{
	return (struct aid_keycloak){rotate->admin_url, rotate->client->client_id, rotate->admin_token};
}

static void call(struct rotate *rotate, struct aid_exchange_call *call, int r, struct aid_error *err,
	rotate_next *next)
{
	if (r == AID_OK)
		rotate_call(rotate, call, rotate->admin->issuer, rotate->admin->ca_file, next);
	else
		rotate_failed(rotate, err);
	aid_exchange_call_done(call);
}

/* ---- the admin client ---- */

static void got_token(struct rotate *rotate, const struct aid_exchange_answer *answer)
{
	struct aid_error err = AID_ERROR_INIT;

	if (rotate_take_token(rotate->admin, answer, &rotate->admin_token, &err) != AID_OK) {
		(void)aid_prefix(&err, "admin client '%.64s'", rotate->admin->client_id);
		rotate_failed(rotate, &err);
		return;
	}
	find_client(rotate);
}

/* ---- what the client has ---- */

static bool is(const struct rotate *rotate, const struct aid_secret *secret)
{
	return secret != NULL && aid_secret_equal(rotate->found, secret);
}

static void was_read(struct rotate *rotate, const struct aid_exchange_answer *answer);
static void change(struct rotate *rotate);

static void read_secret(struct rotate *rotate)
{
	const struct aid_keycloak kc = keycloak_of(rotate);
	struct aid_exchange_call request;
	struct aid_error err = AID_ERROR_INIT;
	int r = aid_keycloak_read(&kc, &rotate->keycloak, &request, &err);

	call(rotate, &request, r, &err, was_read);
}

static void was_found(struct rotate *rotate, const struct aid_exchange_answer *answer)
{
	const struct aid_keycloak kc = keycloak_of(rotate);
	struct aid_error err = AID_ERROR_INIT;

	if (aid_keycloak_find_answer(&kc, answer, &rotate->keycloak, &err) != AID_OK)
		rotate_failed(rotate, &err);
	else
		read_secret(rotate);
}

static void find_client(struct rotate *rotate)
{
	const struct aid_keycloak kc = keycloak_of(rotate);
	struct aid_exchange_call request;
	struct aid_error err = AID_ERROR_INIT;
	int r = aid_keycloak_find(&kc, &request, &err);

	call(rotate, &request, r, &err, was_found);
}

static int take_found(struct rotate *rotate, const struct aid_exchange_answer *answer,
	struct aid_error *err)
{
	const struct aid_keycloak kc = keycloak_of(rotate);
	struct aid_secret *found = NULL;
	int r = aid_keycloak_read_answer(&kc, answer, &found, err);

	if (r != AID_OK)
		return r;
	aid_secret_free(rotate->found);
	rotate->found = found;
	return AID_OK;
}

/* Dry runs and mending look; a rotation that finds another secret than it expects says so. */
static void was_read(struct rotate *rotate, const struct aid_exchange_answer *answer)
{
	struct aid_error err = AID_ERROR_INIT;

	if (take_found(rotate, answer, &err) != AID_OK) {
		rotate_failed(rotate, &err);
		return;
	}
	rotate->found_other = !is(rotate, rotate->current) && !is(rotate, rotate->pending);
	if (rotate->machine.step == AID_ROTATION_LOOK) {
		if (!is(rotate, rotate->current))
			rotate_remark(rotate, "the provider has another secret than the manager");
		rotate_ended(rotate, is(rotate, rotate->current) ? AID_ROTATION_WAS_OK : AID_ROTATION_WAS_OTHER);
	} else if (is(rotate, rotate->pending)) {
		rotate_remark(rotate, "the provider had it already");
		rotate_ended(rotate, AID_ROTATION_WAS_OK);
	} else {
		change(rotate);
	}
}

/* ---- what it is to have ---- */

static struct aid_keycloak_change change_of(const struct rotate *rotate)
{
	return (struct aid_keycloak_change){rotate->pending, rotate->found, rotate->overlap_ms / 1000,
		rotate_their_ms(rotate) / 1000};
}

static void was_read_again(struct rotate *rotate, const struct aid_exchange_answer *answer)
{
	struct aid_error err = AID_ERROR_INIT;

	if (take_found(rotate, answer, &err) != AID_OK) {
		rotate_failed(rotate, &err);
		return;
	}
	if (!is(rotate, rotate->pending))
		rotate_remark(rotate, "the provider made one of its own in its place");
	else if (rotate->found_other)
		rotate_remark(rotate, "the provider had another secret than the manager");
	rotate_ended(rotate, is(rotate, rotate->pending) ? AID_ROTATION_WAS_OK : AID_ROTATION_WAS_OTHER);
}

static void was_set(struct rotate *rotate, const struct aid_exchange_answer *answer)
{
	const struct aid_keycloak_change done = change_of(rotate);
	const struct aid_keycloak kc = keycloak_of(rotate);
	struct aid_exchange_call request;
	struct aid_error err = AID_ERROR_INIT;
	int r = aid_keycloak_set_answer(&kc, &done, answer, &err);

	request = (struct aid_exchange_call){.accept = NULL};
	if (r == AID_OK)
		r = aid_keycloak_read(&kc, &rotate->keycloak, &request, &err);
	call(rotate, &request, r, &err, was_read_again);
}

static void change(struct rotate *rotate)
{
	const struct aid_keycloak_change wanted = change_of(rotate);
	const struct aid_keycloak kc = keycloak_of(rotate);
	struct aid_exchange_call request;
	struct aid_error err = AID_ERROR_INIT;
	int r = aid_keycloak_set(&kc, &rotate->keycloak, &wanted, &request, &err);

	call(rotate, &request, r, &err, was_set);
}

/* Both begin with what the client has. */
static void begin(struct rotate *rotate)
{
	if (rotate->admin_token == NULL)
		rotate_ask_token(rotate, rotate->admin, got_token);
	else
		find_client(rotate);
}

const struct rotate_provider rotate_keycloak = {begin, begin};
