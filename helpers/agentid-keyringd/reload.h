/* SPDX-License-Identifier: LGPL-2.1-or-later
 * Copyright The agentid authors */
/* The configuration in force: loaded, put in force, and written down for the PAM module. */
#ifndef KD_RELOAD_H
#define KD_RELOAD_H

#include "daemon.h"

/* Loads; every problem is logged with file and line, and config_error says so. A problem in an agent's
 * file is that agent's alone, see aid_config_load_usable(); on failure config and agents stay as they
 * are. Returns true when the new one is in daemon->config and *ret_old, which the caller frees after
 * kd_reload_apply(), holds the one before. */
bool kd_reload_load(struct kd_daemon *daemon, struct aid_config **ret_old);
/* While anything is wrong, the files are looked at again by themselves, and what changed counts. */
void kd_reload_watch(struct kd_daemon *daemon);
/* False: no file that is not understood can be this agent's. */
bool kd_reload_may_be_configured(const struct kd_daemon *daemon, const struct kd_agent *agent);
/* Agents get their configuration; sessions of those that vanished or changed account end; sessions
 * that were failing try again at once. Writes the index of accounts. */
void kd_reload_apply(struct kd_daemon *daemon);

#endif
