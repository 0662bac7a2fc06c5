/* SPDX-License-Identifier: LGPL-2.1-or-later
 * Copyright The agentid authors */
#include "options.h"

#include "log.h"
#include "str.h"

#include <string.h>

#define TIMEOUT_DEFAULT_MS 10000
#define TIMEOUT_MAX_MS 60000 /* applications give up soon after: sshd waits 120 s in all */
#define QUOTED_SIZE 160U

static bool set_agent(const char *value, struct aid_options *options)
{
	options->agent = value;
	return aid_str_is_agent_id(value);
}

static bool set_on_error(const char *value, struct aid_options *options)
{
	options->on_error = aid_streq(value, "ignore") ? AID_ON_ERROR_IGNORE : AID_ON_ERROR_FAIL;
	return aid_streq(value, "ignore") || aid_streq(value, "fail");
}

static bool set_timeout(const char *value, struct aid_options *options)
{
	uint64_t seconds;

	if (aid_str_parse_uint(value, 1, TIMEOUT_MAX_MS / 1000, &seconds) == AID_OK) {
		options->timeout_ms = (int64_t)seconds * 1000;
		return true;
	}
	return aid_str_parse_duration(value, &options->timeout_ms) == AID_OK &&
		options->timeout_ms <= TIMEOUT_MAX_MS;
}

static bool set_debug(const char *value, struct aid_options *options)
{
	(void)value;
	options->debug = true;
	return true;
}

/* A name that ends in '=' takes a value. */
static const struct option_row {
	const char *name;
	bool (*set)(const char *value, struct aid_options *options);
	const char *wanted;
} rows[] = {
	{"agent=", set_agent, "an agent id: a-z, 0-9, '.', '_', '-', at most 63"},
	{"debug", set_debug, "nothing"},
	{"on_error=", set_on_error, "fail or ignore"},
	{"timeout=", set_timeout, "1s to 60s"},
};

static const struct option_row *find_row(const char *argument)
{
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		bool takes_value = rows[i].name[strlen(rows[i].name) - 1] == '=';

		if (takes_value ? aid_str_has_prefix(argument, rows[i].name)
				: aid_streq(argument, rows[i].name))
			return &rows[i];
	}
	return NULL;
}

int aid_options_parse(int argc, const char **argv, struct aid_options *ret_options,
	struct aid_error *err)
{
	struct aid_options options = {.timeout_ms = TIMEOUT_DEFAULT_MS};
	char quoted[QUOTED_SIZE];

	*ret_options = options;
	for (int i = 0; i < argc; i++) {
		const struct option_row *row = find_row(argv[i]);

		if (row == NULL)
			return aid_fail(err, AID_E_CONFIG, "unknown option '%s'",
				aid_log_quote(argv[i], quoted, sizeof(quoted)));
		if (!row->set(argv[i] + strlen(row->name), &options))
			return aid_fail(err, AID_E_CONFIG, "option '%s': wanted %s",
				aid_log_quote(argv[i], quoted, sizeof(quoted)), row->wanted);
	}
	*ret_options = options;
	return AID_OK;
}
