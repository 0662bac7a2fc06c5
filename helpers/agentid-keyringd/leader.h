/* SPDX-License-Identifier: LGPL-2.1-or-later
 * Copyright The agentid authors */
/* The first process of a session: a descriptor that tells its end, and its start time, which tells
 * it from a later process of the same number. */
#ifndef KD_LEADER_H
#define KD_LEADER_H

#include "error.h"

#include <stdint.h>
#include <sys/types.h>

/* The process at the other end of a socket, as it was when it connected. */
int kd_leader_of_peer(int socket, pid_t pid, int *ret_pidfd, struct aid_error *err) AID_WUR;
/* When the process of a pidfd started. AID_E_NOTFOUND: it is gone. */
int kd_leader_start_of(int pidfd, pid_t pid, int64_t *ret_start, struct aid_error *err) AID_WUR;
/* The process pid, if it still is the one that started at start. AID_E_NOTFOUND: it is gone. */
int kd_leader_find(pid_t pid, int64_t start, int *ret_pidfd, struct aid_error *err) AID_WUR;
/* Field 22 of a /proc/PID/stat text. AID_E_PROTOCOL when it is not there. Pure. */
int kd_leader_parse_start(const char *stat, int64_t *ret_start) AID_WUR;

/* When a process started, as field 22 of /proc/PID/stat has it. AID_E_NOTFOUND, AID_E_BUSY, AID_E_PROTOCOL. */
int kd_leader_start(pid_t pid, int64_t *ret_start, struct aid_error *err) AID_WUR;

#endif
