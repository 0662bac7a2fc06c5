/* SPDX-License-Identifier: LGPL-2.1-or-later
 * Copyright The agentid authors */
/* The configuration in force: loaded, put in force, and written down for the PAM module. */
#ifndef KD_RELOAD_H
#define KD_RELOAD_H

#include "daemon.h"

/* Loads; every problem is logged with file and line. On failure config and agents stay as they are
 * and config_error says why. Returns true when the new one is in daemon->config and *ret_old, which
 * the caller frees after kd_reload_apply(), holds the one before. */
bool kd_reload_load(struct kd_daemon *daemon, struct aid_config **ret_old);
/* Agents get their configuration; sessions of those that vanished or changed account end; sessions
 * that were failing try again at once. Writes the index of accounts. */
void kd_reload_apply(struct kd_daemon *daemon);

#endif
