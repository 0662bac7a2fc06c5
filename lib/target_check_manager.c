/* SPDX-License-Identifier: LGPL-2.1-or-later
 * Copyright The agentid authors */
/* The forms of option values that only secrets managers have. */
#include "target_private.h"

#include "str.h"
#include "syntax.h"

#include <string.h>

int aid_option_role_id(const struct aid_target_option *option, const char *value, struct aid_error *err)
{
	if (strlen(value) > (size_t)option->max || !aid_syntax_only(value, AID_ALNUM "_.-"))
		return aid_fail(err, AID_E_CONFIG,
			"at most %lld letters, digits, '_', '.' and '-' are allowed", (long long)option->max);
	return AID_OK;
}

int aid_option_container_url(const struct aid_target_option *option, const char *value,
	struct aid_error *err)
{
	static const char *const starts[] = {"http://169.254.170.2/", "http://169.254.170.23/",
		"http://127.0.0.1/", "http://127.0.0.1:", "http://localhost/", "http://localhost:",
		"http://[::1]/", "http://[::1]:"};

	if (strlen(value) > (size_t)option->max || !aid_syntax_only(value, AID_ALNUM "-._~/:?=&%[]"))
		return aid_fail(err, AID_E_CONFIG,
			"at most %lld letters, digits and '-._~/:?=&%%' are allowed", (long long)option->max);
	for (size_t i = 0; i < sizeof(starts) / sizeof(starts[0]); i++) {
		if (aid_str_has_prefix(value, starts[i]))
			return AID_OK;
	}
	return aid_fail(err, AID_E_CONFIG, "keys of a container are served at http://169.254.170.2/, "
		"http://169.254.170.23/ or a loopback host");
}
