/* SPDX-License-Identifier: LGPL-2.1-or-later
 * Copyright The agentid authors */
/* The part of keyring.h that runs inside the process that becomes the session. */
#include "keyring_private.h"

#include "cleanup.h"
#include "str.h"

#include <errno.h>
#include <keyutils.h>
#include <sys/syscall.h>

#define INVOCATION_NAME "invocation_id"
#define INVOCATION_BYTES 16
#define UID_KEEP ((uid_t)-1)
/* 32-bit machines have an older call of that name, for 16-bit uids. */
#ifdef SYS_setresuid32
#define SET_UIDS SYS_setresuid32
#else
#define SET_UIDS SYS_setresuid
#endif

/* What the direct links of a session keyring say about it. Searching would follow nested keyrings,
 * which the session may have planted. */
struct survey {
	bool has_ring;
	char invocation[2 * INVOCATION_BYTES + 1];
};

static void survey_link(aid_serial link, struct survey *survey)
{
	struct aid_key_info info;
	uint8_t id[INVOCATION_BYTES];

	if (aid_key_describe(link, &info, NULL) != AID_OK)
		return;
	if (aid_key_info_is_ring(&info))
		survey->has_ring = true;
	if (aid_streq(info.type, "user") && info.uid == 0 && aid_streq(info.name, INVOCATION_NAME) &&
		keyctl_read(link, (char *)id, sizeof(id)) == INVOCATION_BYTES)
		aid_str_hex(id, sizeof(id), survey->invocation);
}

static int survey_session(aid_serial session, struct survey *ret_survey, struct aid_error *err)
{
	AID_FREE aid_serial *links = NULL;
	struct survey survey = {0};
	size_t count;
	int r = aid_keyring_links(session, &links, &count, err);

	if (r != AID_OK)
		return r;
	for (size_t i = 0; i < count; i++)
		survey_link(links[i], &survey);
	*ret_survey = survey;
	return AID_OK;
}

/* The session keyring that systemd made for this unit, or 0. */
static aid_serial find_unit_session(uid_t account_uid, char invocation[33])
{
	long session = keyctl_get_keyring_ID(KEY_SPEC_SESSION_KEYRING, 0);
	struct aid_key_info info;
	struct survey survey;

	if (session <= 0 || aid_key_describe((aid_serial)session, &info, NULL) != AID_OK)
		return 0;
	if (info.uid != account_uid || survey_session((aid_serial)session, &survey, NULL) != AID_OK)
		return 0;
	if (survey.has_ring || survey.invocation[0] == '\0')
		return 0;
	for (size_t i = 0; i < sizeof(survey.invocation); i++)
		invocation[i] = survey.invocation[i];
	return (aid_serial)session;
}

static int restrict_session(aid_serial session, struct aid_error *err)
{
	/* Without a session keyring of its own a process is given that of its uid: never use it. */
	if (session == (aid_serial)keyctl_get_keyring_ID(KEY_SPEC_USER_SESSION_KEYRING, 0))
		return aid_fail(err, AID_E_DENIED, "the kernel gave no session keyring of its own");
	if (keyctl_setperm(session, AID_PERM_SESSION) != 0)
		return aid_key_fail(err, errno, "permissions of the session keyring");
	return AID_OK;
}

/* A new session keyring belongs to the real uid, which in su and sudo is the caller's: as many as
 * that user's quota of 200 keys would do, and the user could time it out. The system calls are made
 * directly because libc's would change every thread. */
static int join_session(aid_serial *ret_session, struct aid_error *err)
{
	uid_t real = getuid();
	long session;
	int saved_errno;

	if (real != 0 && syscall(SET_UIDS, 0, UID_KEEP, UID_KEEP) != 0)
		return aid_key_fail(err, errno, "become root for the session keyring");
	session = keyctl_join_session_keyring(NULL);
	saved_errno = errno;
	if (real != 0 && syscall(SET_UIDS, real, UID_KEEP, UID_KEEP) != 0)
		return aid_fail_errno(err, AID_E_UNSAFE, errno, "go back to uid %u", real);
	if (session < 0)
		return aid_key_fail(err, saved_errno, "join a session keyring");
	*ret_session = (aid_serial)session;
	return restrict_session((aid_serial)session, err);
}

static int add_ring(aid_serial into, aid_serial *ret_ring, struct aid_error *err)
{
	key_serial_t ring = add_key("keyring", AID_RING_NAME, NULL, 0, into);

	if (ring < 0)
		return aid_key_fail(err, errno, "make the ring");
	if (keyctl_setperm(ring, AID_PERM_RING) != 0) {
		int saved_errno = errno;

		(void)keyctl_unlink(ring, into);
		return aid_key_fail(err, saved_errno, "permissions of the ring");
	}
	*ret_ring = ring;
	return AID_OK;
}

/* Other processes of the unit may possess its keyring already. The ring gets its permissions where
 * they cannot see it, else they could link it elsewhere in between. */
static int add_ring_unseen(aid_serial session, aid_serial *ret_ring, struct aid_error *err)
{
	aid_serial ring;
	int saved_errno;
	long linked;
	int r = add_ring(KEY_SPEC_THREAD_KEYRING, &ring, err);

	if (r != AID_OK)
		return r;
	linked = keyctl_link(ring, session);
	saved_errno = errno;
	(void)keyctl_unlink(ring, KEY_SPEC_THREAD_KEYRING);
	if (linked != 0)
		return aid_key_fail(err, saved_errno, "put the ring into the unit's session keyring");
	*ret_ring = ring;
	return AID_OK;
}

int aid_ring_place(uid_t account_uid, struct aid_ring_place *ret_place, struct aid_error *err)
{
	struct aid_ring_place place = {0};
	aid_serial session;
	int r;

	if (geteuid() != 0)
		return aid_fail(err, AID_E_DENIED, "only root can open a session, this is uid %u",
			geteuid());
	session = find_unit_session(account_uid, place.invocation);
	if (session != 0) {
		r = add_ring_unseen(session, &place.ring, err);
	} else {
		place.joined = true;
		r = join_session(&session, err);
		if (r == AID_OK)
			r = add_ring(session, &place.ring, err);
	}
	if (r != AID_OK)
		return r;
	*ret_place = place;
	return AID_OK;
}

int aid_ring_leave(bool *ret_left, struct aid_error *err)
{
	aid_serial found;

	*ret_left = false;
	if (aid_ring_find(&found, NULL) != AID_OK)
		return AID_OK;
	*ret_left = true;
	return join_session(&found, err);
}

void aid_ring_abandon(aid_serial ring)
{
	(void)keyctl_unlink(ring, KEY_SPEC_SESSION_KEYRING);
	(void)keyctl_revoke(ring);
}
