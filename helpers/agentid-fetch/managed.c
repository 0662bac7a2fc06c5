/* SPDX-License-Identifier: LGPL-2.1-or-later
 * Copyright The agentid authors */
#include "managed_private.h"

#include "clock.h"
#include "job.h"
#include "str.h"

#include <fcntl.h>
#include <stdio.h>
#include <string.h>

#define SECRETS_MAX 4096U
#define FRESH_MS 5000         /* so long a reading is for all who come: one wave of refreshes */
#define PATIENCE_MS 2000      /* so long a slow manager is waited for where there is a last secret */
#define PAUSE_MS 2000         /* after a failure */
#define PAUSE_MAX_S 60
#define AGAIN_EVERY_MS 30000  /* so often a refused secret is read again that has not changed */
#define IDLE_MS 600000        /* what nobody asks for is forgotten */

/* ---- which there are ---- */

static void wipe(struct managed *m)
{
	aid_secret_free(aid_steal(&m->secret));
	aid_secret_free(aid_steal(&m->refused));
	m->wants_pending = false;
}

static void free_manager(struct manager *manager)
{
	if (manager == NULL)
		return;
	manager_cancel(manager);
	manager->kind->forget(manager);
	aid_target_values_done(&manager->options);
	aid_secret_free(manager->assertion);
	if (manager->key_fd >= 0)
		(void)close(manager->key_fd);
	if (manager->proof_fd >= 0)
		(void)close(manager->proof_fd);
	free(manager->packed);
	free(manager->host_issuer);
	free(manager);
}

static void drop(struct managed *m)
{
	struct manager *manager = m->manager;

	managed_cancel(m);
	LIST_REMOVE(m, link);
	manager->fetch->n_managed--;
	wipe(m);
	aid_secret_free(m->current);
	free(m->reference);
	free(m);
	if (!LIST_EMPTY(&manager->secrets))
		return;
	LIST_REMOVE(manager, link);
	free_manager(manager);
}

static struct managed *oldest(struct fetch *fetch)
{
	struct managed *found = NULL, *m;
	struct manager *manager;

	LIST_FOREACH(manager, &fetch->managers, link) {
		LIST_FOREACH(m, &manager->secrets, link) {
			if (m->held == 0 && (found == NULL || m->used_boot_ms < found->used_boot_ms))
				found = m;
		}
	}
	return found;
}

void managed_free_all(struct fetch *fetch)
{
	while (!LIST_EMPTY(&fetch->managers))
		drop(LIST_FIRST(&LIST_FIRST(&fetch->managers)->secrets));
}

static struct manager *find_manager(struct fetch *fetch, enum aid_manager number,
	const struct aid_field *options, const char *host_issuer)
{
	struct manager *manager;

	LIST_FOREACH(manager, &fetch->managers, link) {
		if (manager->number == number && manager->packed_length == options->length &&
			memcmp(manager->packed, options->bytes, options->length) == 0 &&
			aid_streq(manager->host_issuer, host_issuer))
			return manager;
	}
	return NULL;
}

static int new_manager(struct fetch *fetch, enum aid_manager number, const struct aid_field *options,
	const char *host_issuer, struct manager **ret_manager, struct aid_error *err)
{
	struct manager *manager = calloc(1, sizeof(*manager));
	int r;

	if (manager == NULL)
		return aid_fail(err, AID_E_NOMEM, "out of memory");
	manager->fetch = fetch;
	manager->number = number;
	manager->kind = number == AID_MANAGER_VAULT ? &manager_vault : &manager_aws;
	manager->key_fd = manager->proof_fd = -1;
	manager->packed_length = options->length;
	manager->packed = malloc(options->length);
	manager->host_issuer = strdup(host_issuer);
	aid_target_values_init(&manager->options, aid_manager_target(number));
	r = aid_target_unpack(&manager->options, (const char *)options->bytes, options->length, 0, err);
	if (r == AID_OK && (manager->packed == NULL || manager->host_issuer == NULL))
		r = aid_fail(err, AID_E_NOMEM, "out of memory");
	if (r != AID_OK) {
		(void)aid_prefix(err, "[%s]", aid_manager_target(number)->name);
		free_manager(manager);
		return r;
	}
	memcpy(manager->packed, options->bytes, options->length);
	*ret_manager = manager;
	return AID_OK;
}

static void adopt(int *kept, int fd)
{
	int copy = fd >= 0 ? fcntl(fd, F_DUPFD_CLOEXEC, 3) : -1;

	if (copy < 0)
		return;
	if (*kept >= 0)
		(void)close(*kept);
	*kept = copy;
}

static int fd_of(const struct aid_frame *frame, const int *fds, char letter)
{
	char letters[AID_IPC_FDS_MAX + 1];
	const char *at;

	if (aid_frame_text(frame, AID_TAG_FDS, letters, sizeof(letters), NULL) != AID_OK)
		return -1;
	at = strchr(letters, letter);
	return at != NULL ? fds[at - letters] : -1;
}

static int get_manager(struct fetch *fetch, const struct aid_frame *frame, const int *fds,
	enum aid_manager number, struct manager **ret_manager, struct aid_error *err)
{
	bool vault = number == AID_MANAGER_VAULT;
	const struct aid_field *options = &frame->fields[vault ? AID_TAG_VAULT : AID_TAG_AWS_SM];
	char host_issuer[AID_URL_MAX + 1];
	struct manager *manager;
	int r;

	if (options->length == 0)
		return aid_fail(err, AID_E_PROTOCOL, "frame: the options of [%s] are missing",
			aid_manager_target(number)->name);
	r = aid_frame_text(frame, AID_TAG_HOST_ISSUER, host_issuer, sizeof(host_issuer), err);
	if (r != AID_OK)
		return r;
	manager = find_manager(fetch, number, options, host_issuer);
	if (manager == NULL) {
		r = new_manager(fetch, number, options, host_issuer, &manager, err);
		if (r != AID_OK)
			return r;
	}
	/* What a request brings is newer than what is here. */
	adopt(&manager->key_fd, fd_of(frame, fds, 'h'));
	adopt(&manager->proof_fd, fd_of(frame, fds, vault ? 'v' : 'w'));
	*ret_manager = manager;
	return AID_OK;
}

static struct managed *find(const struct manager *manager, const char *reference)
{
	struct managed *m;

	LIST_FOREACH(m, &manager->secrets, link) {
		if (aid_streq(m->reference, reference))
			return m;
	}
	return NULL;
}

/* A manager of no secrets is on no list. */
static void forget_unused(struct manager *manager)
{
	if (LIST_EMPTY(&manager->secrets))
		free_manager(manager);
}

static struct managed *add(struct manager *manager, const char *reference,
	const struct aid_manager_place *place)
{
	struct fetch *fetch = manager->fetch;
	struct managed *m = calloc(1, sizeof(*m));

	if (m != NULL)
		m->reference = strdup(reference);
	if (m == NULL || m->reference == NULL) {
		free(m);
		return NULL;
	}
	m->manager = manager;
	m->place = *place;
	m->why = AID_ERROR_INIT;
	LIST_INIT(&m->waiting);
	if (LIST_EMPTY(&manager->secrets))
		LIST_INSERT_HEAD(&fetch->managers, manager, link);
	LIST_INSERT_HEAD(&manager->secrets, m, link);
	fetch->n_managed++;
	return m;
}

int managed_get(struct fetch *fetch, const struct aid_frame *frame, const int *fds, const char *reference,
	struct managed **ret_managed, struct aid_error *err)
{
	struct aid_manager_place place;
	struct manager *manager = NULL;
	struct managed *m;
	int r = aid_manager_parse(reference, &place, err);

	if (r != AID_OK)
		return r;
	if (fetch->n_managed == SECRETS_MAX && oldest(fetch) == NULL)
		return aid_fail(err, AID_E_BUSY, "over %u secrets of managers in use", SECRETS_MAX);
	if (fetch->n_managed == SECRETS_MAX)
		drop(oldest(fetch));
	r = get_manager(fetch, frame, fds, place.manager, &manager, err);
	if (r != AID_OK || manager == NULL)
		return r != AID_OK ? r : AID_E_NOMEM;
	m = find(manager, reference);
	if (m == NULL)
		m = add(manager, reference, &place);
	if (m == NULL) {
		forget_unused(manager);
		return aid_fail(err, AID_E_NOMEM, "out of memory");
	}
	m->held++;
	m->used_boot_ms = aid_clock_boot_ms();
	*ret_managed = m;
	return AID_OK;
}

void managed_release(struct managed *m)
{
	if (m != NULL)
		m->held--;
}

/* ---- reading ---- */

static int64_t max_age_ms(const struct managed *m)
{
	return aid_target_number(&m->manager->options, "max_age");
}

static void look_at(struct fetch *fetch, int64_t boot_ms)
{
	if (boot_ms < fetch->managed_next_boot_ms)
		fetch->managed_next_boot_ms = boot_ms;
}

static void wake(struct managed *m)
{
	struct job_list waiting = m->waiting;
	struct job *job;

	/* Whoever is woken may wait anew: on the list of the secret, not on this one. */
	LIST_INIT(&m->waiting);
	if (!LIST_EMPTY(&waiting))
		job_relink_waiting(LIST_FIRST(&waiting), &waiting);
	m->held++;
	while ((job = LIST_FIRST(&waiting)) != NULL) {
		job_stop_waiting(job);
		job_advance(job);
	}
	m->held--;
}

static void start(struct managed *m, bool again)
{
	m->reading = true;
	m->again = again;
	m->slow = m->logged_in_anew = m->redirected = false;
	m->begun_boot_ms = aid_clock_boot_ms();
	look_at(m->manager->fetch, m->begun_boot_ms + PATIENCE_MS);
	managed_read(m);
}

void managed_done(struct managed *m, struct aid_secret *value)
{
	bool same = m->secret != NULL && aid_secret_equal(m->secret, value);

	m->read_boot_ms = aid_clock_boot_ms();
	m->reading = m->failed = false;
	if (same && m->again)
		m->same_until_boot_ms = m->read_boot_ms + AGAIN_EVERY_MS;
	if (!same)
		m->serial = ++m->manager->fetch->managed_serial;
	aid_secret_free(m->secret);
	m->secret = value;
	look_at(m->manager->fetch, m->read_boot_ms + max_age_ms(m));
	say(m->manager->fetch, SAY_INFO, "secret", m->reference, AID_OK, m->version);
	wake(m);
}

void managed_failed(struct managed *m, const struct aid_error *err)
{
	int64_t now = aid_clock_boot_ms();
	int pause_s = err->retry_after_s > PAUSE_MAX_S ? PAUSE_MAX_S : err->retry_after_s;
	char detail[sizeof(err->text) + 64];

	m->reading = false;
	m->failed = true;
	m->why = *err;
	/* Nobody but us can read again what a manager has: not keyringd either. */
	if (err->status == AID_E_CREDENTIAL)
		m->why.status = AID_E_DENIED;
	m->not_before_boot_ms = now + (pause_s * 1000 > PAUSE_MS ? pause_s * 1000 : PAUSE_MS);
	if (m->again)
		m->same_until_boot_ms = now + AGAIN_EVERY_MS;
	if (m->secret != NULL)
		(void)snprintf(detail, sizeof(detail), "%s; the last one, read %lld s ago, is used", err->text,
			(long long)((now - m->read_boot_ms) / 1000));
	else
		(void)snprintf(detail, sizeof(detail), "%s", err->text);
	say(m->manager->fetch, SAY_WARNING, "secret", m->reference, err->status, detail);
	wake(m);
}

static int hand_out(const struct managed *m, struct aid_secret **ret_secret, uint64_t *ret_serial,
	struct aid_error *err)
{
	struct aid_secret *copy = aid_secret_from(aid_secret_peek(m->secret), aid_secret_length(m->secret));

	if (copy == NULL)
		return aid_fail(err, AID_E_NOMEM, "out of memory");
	*ret_secret = copy;
	*ret_serial = m->serial;
	return AID_OK;
}

static void check_age(struct managed *m, int64_t now)
{
	if (m->secret == NULL || now - m->read_boot_ms < max_age_ms(m))
		return;
	wipe(m);
	say(m->manager->fetch, SAY_WARNING, "secret", m->reference, AID_E_EXPIRED,
		"the last one is older than max_age and is not used any more");
}

int managed_secret(struct managed *m, struct job *job, struct aid_secret **ret_secret,
	uint64_t *ret_serial, struct aid_error *err)
{
	int64_t now = aid_clock_boot_ms();

	m->used_boot_ms = now;
	check_age(m, now);
	if (m->secret != NULL && !m->failed && now - m->read_boot_ms < FRESH_MS)
		return hand_out(m, ret_secret, ret_serial, err);
	if (!m->reading && now >= m->not_before_boot_ms)
		start(m, false);
	if (m->reading && !(m->slow && m->secret != NULL)) {
		job_wait(job, &m->waiting);
		return aid_fail(err, AID_E_BUSY, "waiting for the client secret");
	}
	/* It was read at once, or it cannot be. */
	if (m->secret != NULL)
		return hand_out(m, ret_secret, ret_serial, err);
	*err = m->why;
	return aid_prefix(err, "client secret");
}

bool managed_again(struct managed *m, struct job *job, uint64_t serial, struct aid_error *err)
{
	int64_t now = aid_clock_boot_ms();
	size_t used = strlen(err->text);

	if (m->serial != serial)
		return true;
	if (!m->reading && now < m->same_until_boot_ms) {
		(void)snprintf(err->text + used, sizeof(err->text) - used,
			"; the client secret was read again less than %d s ago and is the same",
			AGAIN_EVERY_MS / 1000);
		return false;
	}
	if (!m->reading) {
		if (m->refused == NULL && m->secret != NULL && !m->wants_pending)
			m->refused = aid_secret_from(aid_secret_peek(m->secret), aid_secret_length(m->secret));
		start(m, true);
	}
	m->again = true;
	if (m->reading)
		job_wait(job, &m->waiting);
	return true;
}

void managed_changed(struct fetch *fetch, const char *reference)
{
	struct manager *manager;
	struct managed *m;

	LIST_FOREACH(manager, &fetch->managers, link) {
		LIST_FOREACH(m, &manager->secrets, link) {
			if (!aid_streq(m->reference, reference))
				continue;
			m->read_boot_ms -= FRESH_MS;
			m->same_until_boot_ms = m->not_before_boot_ms = 0;
		}
	}
}

const struct aid_error *managed_failure(const struct managed *m)
{
	return m->failed ? &m->why : NULL;
}

const char *managed_host(const struct managed *m)
{
	return m->host[0] != '\0' ? m->host : m->manager->options.target->name;
}

static void look_after(struct managed *m, int64_t now)
{
	struct fetch *fetch = m->manager->fetch;

	check_age(m, now);
	if (m->secret != NULL)
		look_at(fetch, m->read_boot_ms + max_age_ms(m));
	if (!m->reading || m->slow)
		return;
	if (now < m->begun_boot_ms + PATIENCE_MS) {
		look_at(fetch, m->begun_boot_ms + PATIENCE_MS);
		return;
	}
	m->slow = true;
	if (m->secret == NULL)
		return;
	say(fetch, SAY_WARNING, "secret", m->reference, AID_E_TIMEOUT,
		"the manager is slow; the last one is used");
	wake(m);
}

void managed_expire(struct fetch *fetch, int64_t now_boot_ms)
{
	struct manager *manager, *next_manager;
	struct managed *m, *next;

	if (now_boot_ms < fetch->managed_next_boot_ms)
		return;
	fetch->managed_next_boot_ms = INT64_MAX;
	for (manager = LIST_FIRST(&fetch->managers); manager != NULL; manager = next_manager) {
		next_manager = LIST_NEXT(manager, link);
		for (m = LIST_FIRST(&manager->secrets); m != NULL; m = next) {
			next = LIST_NEXT(m, link);
			look_after(m, now_boot_ms);
			if (m->held == 0 && !m->reading && now_boot_ms - m->used_boot_ms >= IDLE_MS)
				drop(m);
			else if (m->held == 0)
				look_at(fetch, m->used_boot_ms + IDLE_MS);
		}
	}
}
