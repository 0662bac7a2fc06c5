/* SPDX-License-Identifier: LGPL-2.1-or-later
 * Copyright The agentid authors */
/* The form of one value. Every refusal says what is allowed; the caller puts key and value before. */
#include "configuration_private.h"

#include "secret_source.h"
#include "str.h"
#include "syntax.h"

#include <string.h>

#define ACCOUNT_MAX 32U
#define SECRET_REF_MAX 1023U
#define NAME_MAX_BYTES 63U

typedef int (*setter)(const struct aid_option *option, const char *value, void *field,
	struct aid_error *err);

static int set_text(void *field, const char *value)
{
	char *copy = strdup(value);
	char *old;

	if (copy == NULL)
		return AID_E_NOMEM;
	memcpy(&old, field, sizeof(old));
	free(old);
	memcpy(field, &copy, sizeof(copy));
	return AID_OK;
}

static int set_unsigned(void *field, uint64_t value)
{
	unsigned int number = (unsigned int)value;

	memcpy(field, &number, sizeof(number));
	return AID_OK;
}

static int set_agent_id(const struct aid_option *option, const char *value, void *field,
	struct aid_error *err)
{
	(void)option;
	if (!aid_str_is_agent_id(value))
		return aid_fail(err, AID_E_CONFIG,
			"an id is 1 to 63 lower-case letters, digits, '.', '_' and '-', first a letter or digit");
	return set_text(field, value);
}

static int set_account(const struct aid_option *option, const char *value, void *field,
	struct aid_error *err)
{
	(void)option;
	if (aid_streq(value, "root"))
		return aid_fail(err, AID_E_CONFIG, "root cannot be an agent");
	if (strlen(value) > ACCOUNT_MAX || !aid_syntax_only(value, AID_ALNUM "_.@+$\\-") || value[0] == '-' ||
		aid_syntax_only(value, AID_DIGITS))
		return aid_fail(err, AID_E_CONFIG,
			"an account is a user name of at most %u letters, digits and '_.@+$\\-', not a number",
			ACCOUNT_MAX);
	return set_text(field, value);
}

static int set_count(const struct aid_option *option, const char *value, void *field,
	struct aid_error *err)
{
	uint64_t number;

	if (aid_str_parse_uint(value, (uint64_t)option->min, (uint64_t)option->max, &number) != AID_OK)
		return aid_fail(err, AID_E_CONFIG, "a whole number from %lld to %lld is allowed",
			(long long)option->min, (long long)option->max);
	return set_unsigned(field, number);
}

static int set_bool(const struct aid_option *option, const char *value, void *field,
	struct aid_error *err)
{
	bool flag;
	int r = aid_syntax_bool(value, &flag, err);

	(void)option;
	if (r == AID_OK)
		memcpy(field, &flag, sizeof(flag));
	return r;
}

static int set_duration(const struct aid_option *option, const char *value, void *field,
	struct aid_error *err)
{
	int64_t ms;
	int r = aid_syntax_duration(value, option->min, option->max, &ms, err);

	if (r == AID_OK)
		memcpy(field, &ms, sizeof(ms));
	return r;
}

static int set_percent(const struct aid_option *option, const char *value, void *field,
	struct aid_error *err)
{
	unsigned int percent;
	int r = aid_syntax_percent(value, option->min, option->max, &percent, err);

	return r == AID_OK ? set_unsigned(field, percent) : r;
}

static int set_choice(const struct aid_option *option, const char *value, void *field,
	struct aid_error *err)
{
	unsigned int number;
	int r = aid_syntax_choice(value, option->names, &number, err);

	return r == AID_OK ? set_unsigned(field, number) : r;
}

static int set_word(const struct aid_option *option, const char *value, void *field,
	struct aid_error *err)
{
	unsigned int number;
	int r = aid_syntax_choice(value, option->names, &number, err);

	return r == AID_OK ? set_text(field, value) : r;
}

static int check_service(const void *data, const char *part, struct aid_error *err)
{
	(void)data;
	if (strlen(part) > NAME_MAX_BYTES || !aid_syntax_only(part, AID_ALNUM "_.-"))
		return aid_fail(err, AID_E_CONFIG,
			"a PAM service is named with at most %u letters, digits, '_', '.' and '-'",
			NAME_MAX_BYTES);
	return AID_OK;
}

static int set_names(const struct aid_option *option, const char *value, void *field,
	struct aid_error *err)
{
	char **parts;
	char **old;
	int r = aid_syntax_list(value, check_service, NULL, &parts, err);

	(void)option;
	if (r != AID_OK)
		return r;
	memcpy(&old, field, sizeof(old));
	aid_syntax_list_free(old);
	memcpy(field, &parts, sizeof(parts));
	return AID_OK;
}

static int set_joined(const char *value, aid_syntax_part check, const void *data, void *field,
	struct aid_error *err)
{
	AID_FREE char *joined = strdup(value);
	size_t used = 0;
	char **parts;
	int r;

	if (joined == NULL)
		return AID_E_NOMEM;
	r = aid_syntax_list(value, check, data, &parts, err);
	if (r != AID_OK)
		return r;
	for (size_t i = 0; parts[i] != NULL; i++) {
		size_t length = strlen(parts[i]);

		if (i > 0)
			joined[used++] = ',';
		memcpy(joined + used, parts[i], length);
		used += length;
	}
	joined[used] = '\0'; /* the parts and their commas are never longer than the value */
	aid_syntax_list_free(parts);
	return set_text(field, joined);
}

static int check_word(const void *data, const char *part, struct aid_error *err)
{
	const struct aid_option *option = data;
	unsigned int number;

	return aid_syntax_choice(part, option->names, &number, err);
}

static int set_words(const struct aid_option *option, const char *value, void *field,
	struct aid_error *err)
{
	return set_joined(value, check_word, option, field, err);
}

static int check_host(const void *data, const char *part, struct aid_error *err)
{
	(void)data;
	return aid_syntax_host(part, err);
}

static int set_hosts(const struct aid_option *option, const char *value, void *field,
	struct aid_error *err)
{
	(void)option;
	return set_joined(value, check_host, NULL, field, err);
}

static int set_pin(const struct aid_option *option, const char *value, void *field,
	struct aid_error *err)
{
	int r = aid_syntax_pin(value, (size_t)option->max, err);

	return r == AID_OK ? set_text(field, value) : r;
}

static int set_url(const struct aid_option *option, const char *value, void *field,
	struct aid_error *err)
{
	int r = aid_syntax_url(value, (size_t)option->max, err);

	return r == AID_OK ? set_text(field, value) : r;
}

static int check_url(const void *data, const char *part, struct aid_error *err)
{
	const struct aid_option *option = data;

	return aid_syntax_url(part, (size_t)option->max, err);
}

static int set_urls(const struct aid_option *option, const char *value, void *field,
	struct aid_error *err)
{
	return set_joined(value, check_url, option, field, err);
}

static int set_uri(const struct aid_option *option, const char *value, void *field,
	struct aid_error *err)
{
	int r = aid_syntax_uri(value, (size_t)option->max, err);

	return r == AID_OK ? set_text(field, value) : r;
}

static int set_scope(const struct aid_option *option, const char *value, void *field,
	struct aid_error *err)
{
	int r = aid_syntax_scope(value, (size_t)option->max, err);

	return r == AID_OK ? set_text(field, value) : r;
}

static int set_path(const struct aid_option *option, const char *value, void *field,
	struct aid_error *err)
{
	int r = aid_syntax_path(value, err);

	(void)option;
	return r == AID_OK ? set_text(field, value) : r;
}

static int set_secret(const struct aid_option *option, const char *value, void *field,
	struct aid_error *err)
{
	bool any = option->type == AID_VALUE_CLIENT_SECRET;

	if (strlen(value) > SECRET_REF_MAX)
		return aid_fail(err, AID_E_CONFIG, "a reference has at most %u bytes", SECRET_REF_MAX);
	if ((any ? aid_secret_ref_check(value, err) : aid_secret_ref_check_local(value, err)) != AID_OK)
		return AID_E_CONFIG;
	return set_text(field, value);
}

/* A later file may set it again. */
static int set_manager(const struct aid_option *option, const char *value, void *field,
	struct aid_error *err)
{
	struct aid_target_values *values = field;
	int r;

	if (values->target == NULL)
		aid_target_values_init(values, aid_manager_target((enum aid_manager)option->min));
	aid_target_unset(values, option->key);
	r = aid_target_set(values, option->key, value, err);
	return r == AID_OK || r == AID_E_NOMEM ? r : AID_E_CONFIG;
}

int aid_value_set(const struct aid_option *option, const char *value, void *object,
	struct aid_error *err)
{
	static const setter setters[] = {
		[AID_VALUE_AGENT_ID] = set_agent_id,
		[AID_VALUE_ACCOUNT] = set_account,
		[AID_VALUE_NAMES] = set_names,
		[AID_VALUE_COUNT] = set_count,
		[AID_VALUE_BOOL] = set_bool,
		[AID_VALUE_DURATION] = set_duration,
		[AID_VALUE_PERCENT] = set_percent,
		[AID_VALUE_CHOICE] = set_choice,
		[AID_VALUE_WORD] = set_word,
		[AID_VALUE_WORDS] = set_words,
		[AID_VALUE_HOSTS] = set_hosts,
		[AID_VALUE_PIN] = set_pin,
		[AID_VALUE_URL] = set_url,
		[AID_VALUE_URLS] = set_urls,
		[AID_VALUE_URI] = set_uri,
		[AID_VALUE_SCOPE] = set_scope,
		[AID_VALUE_PATH] = set_path,
		[AID_VALUE_SECRET] = set_secret,
		[AID_VALUE_CLIENT_SECRET] = set_secret,
		[AID_VALUE_MANAGER] = set_manager,
	};

	return setters[option->type](option, value, (char *)object + option->offset, err);
}
