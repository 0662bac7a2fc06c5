/* SPDX-License-Identifier: LGPL-2.1-or-later
 * Copyright The agentid authors */
/* What a daemon does to itself before it believes a byte from anybody. Only a program's main() calls
 * these: they change the process. All but the last function need no library. */
#ifndef AID_SANDBOX_H
#define AID_SANDBOX_H

#include "error.h"

#include <sys/types.h>

/* No core dump, no ptrace by the same uid, no new privileges through execve, umask 077. Undumpable
 * is undone by execve and by some changes of identity: call it last, and again after those. */
int aid_sandbox_enter(struct aid_error *err) AID_WUR;

/* Opens /dev/null on whichever of descriptors 0, 1 and 2 is closed, and closes everything from
 * first_free up, so that no descriptor of the starter's leaks in and no file lands on stderr. */
int aid_sandbox_descriptors(int first_free, struct aid_error *err) AID_WUR;

/* Empties the ambient, inheritable, permitted and effective sets and, while that is still possible,
 * the bounding set: root stays root by ownership alone. Done by a process that has none: success. */
int aid_sandbox_drop_capabilities(struct aid_error *err) AID_WUR;

/* Becomes uid and gid for good: no supplementary groups, all three ids of each kind, and a check
 * that there is no way back. uid 0 is refused. */
int aid_sandbox_drop_user(uid_t uid, gid_t gid, struct aid_error *err) AID_WUR;

/* A seccomp filter: add_key, request_key and keyctl fail with EPERM, and so do execve, ptrace, bpf and
 * other calls a network worker has no business with. Holds for threads made later. Lives in the
 * oidc archive, because it needs libseccomp. */
int aid_sandbox_deny_keyrings(struct aid_error *err) AID_WUR;

#endif
