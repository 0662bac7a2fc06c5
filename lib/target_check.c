/* SPDX-License-Identifier: LGPL-2.1-or-later
 * Copyright The agentid authors */
/* The forms of option values that more than one kind of target has. */
#include "target_private.h"

#include "secret_source.h"
#include "str.h"
#include "syntax.h"

#include <string.h>

#define REFERENCE_MAX 1023U
#define KEPT_NAMES "token, info, meta and cookie"

int aid_option_pin(const struct aid_target_option *option, const char *value, struct aid_error *err)
{
	return aid_syntax_pin(value, (size_t)option->max, err);
}

/* Paths are put behind it, so it must not end in one. */
int aid_option_url(const struct aid_target_option *option, const char *value, struct aid_error *err)
{
	int r = aid_syntax_url(value, (size_t)option->max, err);

	if (r != AID_OK)
		return r;
	if (strpbrk(value, "?") != NULL)
		return aid_fail(err, AID_E_CONFIG, "a query ('?') is not allowed");
	if (value[strlen(value) - 1] == '/')
		return aid_fail(err, AID_E_CONFIG, "'/' at the end is not allowed");
	return AID_OK;
}

int aid_option_uri(const struct aid_target_option *option, const char *value, struct aid_error *err)
{
	return aid_syntax_uri(value, (size_t)option->max, err);
}

int aid_option_scope(const struct aid_target_option *option, const char *value, struct aid_error *err)
{
	return aid_syntax_scope(value, (size_t)option->max, err);
}

int aid_option_path(const struct aid_target_option *option, const char *value, struct aid_error *err)
{
	(void)option;
	return aid_syntax_path(value, err);
}

static int check_host(const void *data, const char *part, struct aid_error *err)
{
	(void)data;
	return aid_syntax_host(part, err);
}

int aid_option_hosts(const struct aid_target_option *option, const char *value, struct aid_error *err)
{
	char **parts;
	int r = aid_syntax_list(value, check_host, NULL, &parts, err);

	(void)option;
	if (r != AID_OK)
		return r;
	aid_syntax_list_free(parts);
	return AID_OK;
}

int aid_option_flag(const struct aid_target_option *option, const char *value, struct aid_error *err)
{
	bool flag;

	(void)option;
	return aid_syntax_bool(value, &flag, err);
}

int aid_option_choice(const struct aid_target_option *option, const char *value, struct aid_error *err)
{
	unsigned int place;

	return aid_syntax_choice(value, option->names, &place, err);
}

int aid_option_duration(const struct aid_target_option *option, const char *value,
	struct aid_error *err)
{
	int64_t ms;

	return aid_syntax_duration(value, option->min, option->max, &ms, err);
}

int aid_option_percent(const struct aid_target_option *option, const char *value, struct aid_error *err)
{
	unsigned int percent;

	return aid_syntax_percent(value, option->min, option->max, &percent, err);
}

/* The sentence of aid_secret_ref_check() does not show the value: it may be the secret itself. */
int aid_option_reference(const struct aid_target_option *option, const char *value,
	struct aid_error *err)
{
	(void)option;
	if (strlen(value) > REFERENCE_MAX)
		return aid_fail(err, AID_E_CONFIG, "a reference has at most %u bytes", REFERENCE_MAX);
	return aid_secret_ref_check_local(value, err) == AID_OK ? AID_OK : AID_E_CONFIG;
}

int aid_option_any_reference(const struct aid_target_option *option, const char *value,
	struct aid_error *err)
{
	(void)option;
	if (strlen(value) > REFERENCE_MAX)
		return aid_fail(err, AID_E_CONFIG, "a reference has at most %u bytes", REFERENCE_MAX);
	return aid_secret_ref_check(value, err) == AID_OK ? AID_OK : AID_E_CONFIG;
}

int aid_credential_name_check(const char *name, struct aid_error *err)
{
	static const char *const kept[] = {"token", "info", "meta", "cookie"};

	if (strlen(name) > AID_CREDENTIAL_NAME_MAX || !aid_syntax_only(name, AID_LOWER AID_DIGITS "-"))
		return aid_fail(err, AID_E_CONFIG,
			"a credential is named with 1 to %u lower-case letters, digits and '-'",
			AID_CREDENTIAL_NAME_MAX);
	for (size_t i = 0; i < sizeof(kept) / sizeof(kept[0]); i++) {
		if (aid_streq(name, kept[i]))
			return aid_fail(err, AID_E_CONFIG, KEPT_NAMES " are keys that agentid makes itself");
	}
	return AID_OK;
}
