/* SPDX-License-Identifier: LGPL-2.1-or-later
 * Copyright The agentid authors */
/* The module's arguments. pam_agentid(8) describes each; the table in options.c is the list. */
#ifndef AID_PAM_OPTIONS_H
#define AID_PAM_OPTIONS_H

#include "error.h"

#include <stdint.h>

enum aid_on_error { AID_ON_ERROR_FAIL, AID_ON_ERROR_IGNORE };

struct aid_options {
	const char *agent; /* NULL: the agent of the account; points into argv */
	enum aid_on_error on_error;
	int64_t timeout_ms;
	bool debug;
};

/* AID_E_CONFIG names the first argument that is unknown or has a bad value; *ret_options then holds
 * the defaults. */
int aid_options_parse(int argc, const char **argv, struct aid_options *ret_options,
	struct aid_error *err) AID_WUR;

#endif
