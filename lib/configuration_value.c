/* SPDX-License-Identifier: LGPL-2.1-or-later
 * Copyright The agentid authors */
/* The form of one value. Every refusal says what is allowed; the caller puts key and value before. */
#include "configuration_private.h"

#include "secret_source.h"
#include "str.h"

#include <stdio.h>
#include <string.h>

#define ACCOUNT_MAX 32U
#define PATH_MAX_BYTES 1023U
#define SECRET_REF_MAX 1023U
#define NAMES_MAX 64U
#define NAME_MAX_BYTES 63U
#define HOST_MAX 253U

#define DIGITS "0123456789"
#define LOWER "abcdefghijklmnopqrstuvwxyz"
#define UPPER "ABCDEFGHIJKLMNOPQRSTUVWXYZ"
#define ALNUM DIGITS LOWER UPPER

typedef int (*part_check)(const struct aid_option *option, const char *part, struct aid_error *err);
typedef int (*setter)(const struct aid_option *option, const char *value, void *field,
	struct aid_error *err);

static bool only_of(const char *text, const char *set)
{
	return *text != '\0' && text[strspn(text, set)] == '\0';
}

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
	if (strlen(value) > ACCOUNT_MAX || !only_of(value, ALNUM "_.@+$\\-") || value[0] == '-' ||
		only_of(value, DIGITS))
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

	(void)option;
	if (aid_str_parse_bool(value, &flag) != AID_OK)
		return aid_fail(err, AID_E_CONFIG, "yes or no is allowed");
	memcpy(field, &flag, sizeof(flag));
	return AID_OK;
}

/* In the largest unit without a remainder, as one would write it. */
static const char *show_duration(int64_t ms, char *out, size_t size)
{
	int64_t seconds = ms / 1000;

	if (seconds % 3600 == 0)
		(void)snprintf(out, size, "%lldh", (long long)(seconds / 3600));
	else if (seconds % 60 == 0)
		(void)snprintf(out, size, "%lldm", (long long)(seconds / 60));
	else
		(void)snprintf(out, size, "%llds", (long long)seconds);
	return out;
}

static int set_duration(const struct aid_option *option, const char *value, void *field,
	struct aid_error *err)
{
	char least[24];
	char most[24];
	int64_t ms;

	(void)show_duration(option->min, least, sizeof(least));
	(void)show_duration(option->max, most, sizeof(most));
	if (aid_str_parse_duration(value, &ms) != AID_OK)
		return aid_fail(err, AID_E_CONFIG,
			"a duration is a whole number with s, m, h or d, from %s to %s", least, most);
	if (ms < option->min || ms > option->max)
		return aid_fail(err, AID_E_CONFIG, "%s to %s is allowed", least, most);
	memcpy(field, &ms, sizeof(ms));
	return AID_OK;
}

static int set_percent(const struct aid_option *option, const char *value, void *field,
	struct aid_error *err)
{
	unsigned int percent;

	if (aid_str_parse_percent(value, &percent) != AID_OK || percent < option->min ||
		percent > option->max)
		return aid_fail(err, AID_E_CONFIG, "%lld%% to %lld%% is allowed", (long long)option->min,
			(long long)option->max);
	return set_unsigned(field, percent);
}

/* Where value stands in names, from 1; 0 where it does not. */
static unsigned int position(const char *const *names, const char *value)
{
	for (unsigned int i = 0; names[i] != NULL; i++) {
		if (aid_streq(names[i], value))
			return i + 1;
	}
	return 0;
}

static int fail_names(const char *const *names, struct aid_error *err)
{
	char list[160] = "";

	for (size_t i = 0; names[i] != NULL; i++) {
		size_t used = strlen(list);

		(void)snprintf(list + used, sizeof(list) - used, "%s%s", i == 0 ? "" : ", ", names[i]);
	}
	return aid_fail(err, AID_E_CONFIG, "allowed: %s", list);
}

static int set_choice(const struct aid_option *option, const char *value, void *field,
	struct aid_error *err)
{
	unsigned int number = position(option->names, value);

	if (number == 0)
		return fail_names(option->names, err);
	return set_unsigned(field, number);
}

static int set_word(const struct aid_option *option, const char *value, void *field,
	struct aid_error *err)
{
	if (position(option->names, value) == 0)
		return fail_names(option->names, err);
	return set_text(field, value);
}

static void free_parts(char **parts)
{
	if (parts == NULL)
		return;
	for (size_t i = 0; parts[i] != NULL; i++)
		free(parts[i]);
	free(parts);
}

static int take_part(const char *start, size_t length, char **parts, size_t count,
	struct aid_error *err)
{
	while (length > 0 && (start[0] == ' ' || start[0] == '\t')) {
		start++;
		length--;
	}
	while (length > 0 && (start[length - 1] == ' ' || start[length - 1] == '\t'))
		length--;
	if (length == 0)
		return aid_fail(err, AID_E_CONFIG, "a name is empty between the commas");
	if (count == NAMES_MAX)
		return aid_fail(err, AID_E_CONFIG, "at most %u names are allowed", NAMES_MAX);
	parts[count] = strndup(start, length);
	if (parts[count] == NULL)
		return AID_E_NOMEM;
	for (size_t i = 0; i < count; i++) {
		if (aid_streq(parts[i], parts[count]))
			return aid_fail(err, AID_E_CONFIG, "'%.64s' stands twice", parts[i]);
	}
	return AID_OK;
}

/* The parts of value, which commas separate or else blanks. No part may be empty or stand twice, and
 * check holds for each. */
static int split_list(const struct aid_option *option, const char *value, part_check check,
	char ***ret_parts, struct aid_error *err)
{
	const char *separators = strchr(value, ',') != NULL ? "," : " \t";
	char **parts = calloc(NAMES_MAX + 1, sizeof(*parts));
	size_t count = 0;
	int r = AID_OK;

	if (parts == NULL)
		return AID_E_NOMEM;
	for (const char *at = value; r == AID_OK; count++) {
		size_t length = strcspn(at, separators);

		r = take_part(at, length, parts, count, err);
		if (r == AID_OK)
			r = check(option, parts[count], err);
		if (at[length] == '\0')
			break;
		at += length + 1;
		at += separators[0] == ' ' ? strspn(at, separators) : 0;
	}
	if (r != AID_OK) {
		free_parts(parts);
		return r;
	}
	*ret_parts = parts;
	return AID_OK;
}

static int check_service(const struct aid_option *option, const char *part, struct aid_error *err)
{
	(void)option;
	if (strlen(part) > NAME_MAX_BYTES || !only_of(part, ALNUM "_.-"))
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
	int r = split_list(option, value, check_service, &parts, err);

	if (r != AID_OK)
		return r;
	memcpy(&old, field, sizeof(old));
	free_parts(old);
	memcpy(field, &parts, sizeof(parts));
	return AID_OK;
}

static int set_joined(const struct aid_option *option, const char *value,
	part_check check, void *field, struct aid_error *err)
{
	AID_FREE char *joined = strdup(value);
	size_t used = 0;
	char **parts;
	int r;

	if (joined == NULL)
		return AID_E_NOMEM;
	r = split_list(option, value, check, &parts, err);
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
	free_parts(parts);
	return set_text(field, joined);
}

static int check_word(const struct aid_option *option, const char *part, struct aid_error *err)
{
	return position(option->names, part) == 0 ? fail_names(option->names, err) : AID_OK;
}

static int set_words(const struct aid_option *option, const char *value, void *field,
	struct aid_error *err)
{
	return set_joined(option, value, check_word, field, err);
}

static bool is_host_name(const char *host)
{
	size_t length = strlen(host);

	return length <= HOST_MAX && only_of(host, ALNUM ".-") && host[0] != '-' && host[0] != '.' &&
		strstr(host, "..") == NULL;
}

static int check_host(const struct aid_option *option, const char *part, struct aid_error *err)
{
	(void)option;
	if (!is_host_name(part))
		return aid_fail(err, AID_E_CONFIG,
			"'%.64s' is no host name; names without scheme, port and wildcard are allowed", part);
	return AID_OK;
}

static int set_hosts(const struct aid_option *option, const char *value, void *field,
	struct aid_error *err)
{
	return set_joined(option, value, check_host, field, err);
}

/* A pin that could match two things is none. */
static int check_pin(const struct aid_option *option, const char *value, struct aid_error *err)
{
	const char *wildcard = strpbrk(value, "*?");

	if (wildcard != NULL)
		return aid_fail(err, AID_E_CONFIG,
			"'%c' is a wildcard; a pin names exactly one value, so that no other token fits",
			*wildcard);
	if (!aid_str_is_printable(value) || strlen(value) > (size_t)option->max)
		return aid_fail(err, AID_E_CONFIG, "at most %lld printable ASCII bytes are allowed",
			(long long)option->max);
	return AID_OK;
}

static int set_pin(const struct aid_option *option, const char *value, void *field,
	struct aid_error *err)
{
	int r = check_pin(option, value, err);

	return r != AID_OK ? r : set_text(field, value);
}

static bool is_loopback(const char *host)
{
	return aid_streq(host, "localhost") || aid_streq(host, "[::1]") ||
		(aid_str_has_prefix(host, "127.") && only_of(host, DIGITS "."));
}

static bool is_port(const char *text)
{
	uint64_t port;

	return aid_str_parse_uint(text, 1, 65535, &port) == AID_OK;
}

/* Cuts "host:port" or "[v6]:port" into its host; false where the form is wrong. */
static bool split_authority(char *authority)
{
	char *colon = strrchr(authority, ':');

	if (authority[0] == '[') {
		char *bracket = strchr(authority, ']');

		if (bracket == NULL || (bracket[1] != '\0' && (bracket[1] != ':' || !is_port(bracket + 2))))
			return false;
		bracket[1] = '\0';
		*bracket = '\0';
		if (!only_of(authority + 1, DIGITS "abcdefABCDEF:."))
			return false;
		*bracket = ']';
		return true;
	}
	if (colon != NULL) {
		if (!is_port(colon + 1))
			return false;
		*colon = '\0';
	}
	return is_host_name(authority);
}

static int set_url(const struct aid_option *option, const char *value, void *field,
	struct aid_error *err)
{
	bool https = aid_str_has_prefix(value, "https://");
	const char *rest = value + (https ? strlen("https://") : strlen("http://"));
	AID_FREE char *authority = NULL;
	int r = check_pin(option, value, err);

	if (r != AID_OK)
		return r;
	if (!https && !aid_str_has_prefix(value, "http://"))
		return aid_fail(err, AID_E_CONFIG, "an https:// URL is needed");
	authority = strndup(rest, strcspn(rest, "/#"));
	if (authority == NULL)
		return AID_E_NOMEM;
	if (strchr(authority, '@') != NULL)
		return aid_fail(err, AID_E_CONFIG, "a user name or password in the URL is not allowed");
	if (strchr(value, '#') != NULL)
		return aid_fail(err, AID_E_CONFIG, "a fragment ('#') is not allowed");
	if (!split_authority(authority))
		return aid_fail(err, AID_E_CONFIG, "https://HOST[:PORT][/PATH] is the allowed form");
	if (strpbrk(rest, " \"<>\\^`{|}") != NULL)
		return aid_fail(err, AID_E_CONFIG, "blanks and \"<>\\^`{|} are not allowed in a URL");
	if (!https && !is_loopback(authority))
		return aid_fail(err, AID_E_CONFIG,
			"http:// is allowed for localhost, 127.0.0.0/8 and [::1] only; use https://");
	return set_text(field, value);
}

static int set_uri(const struct aid_option *option, const char *value, void *field,
	struct aid_error *err)
{
	size_t scheme = strspn(value, ALNUM "+.-");

	if (scheme == 0 || value[scheme] != ':' || value[scheme + 1] == '\0' ||
		strpbrk(value, "# \"<>\\^`{|}") != NULL || strlen(value) > (size_t)option->max)
		return aid_fail(err, AID_E_CONFIG,
			"an absolute URI without fragment of at most %lld bytes is allowed (RFC 8707)",
			(long long)option->max);
	return set_text(field, value);
}

static int set_scope(const struct aid_option *option, const char *value, void *field,
	struct aid_error *err)
{
	if (!aid_str_is_printable(value) || strpbrk(value, "\"\\") != NULL ||
		strstr(value, "  ") != NULL || strlen(value) > (size_t)option->max)
		return aid_fail(err, AID_E_CONFIG,
			"scopes with single blanks between, without '\"' and '\\', at most %lld bytes, are allowed",
			(long long)option->max);
	return set_text(field, value);
}

static int set_path(const struct aid_option *option, const char *value, void *field,
	struct aid_error *err)
{
	(void)option;
	if (value[0] != '/' || strlen(value) > PATH_MAX_BYTES || strstr(value, "/../") != NULL)
		return aid_fail(err, AID_E_CONFIG,
			"an absolute path without '..' of at most %u bytes is needed", PATH_MAX_BYTES);
	return set_text(field, value);
}

static int set_secret(const struct aid_option *option, const char *value, void *field,
	struct aid_error *err)
{
	(void)option;
	if (strlen(value) > SECRET_REF_MAX)
		return aid_fail(err, AID_E_CONFIG, "a reference has at most %u bytes", SECRET_REF_MAX);
	if (aid_secret_ref_check(value, err) != AID_OK)
		return AID_E_CONFIG;
	return set_text(field, value);
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
		[AID_VALUE_URI] = set_uri,
		[AID_VALUE_SCOPE] = set_scope,
		[AID_VALUE_PATH] = set_path,
		[AID_VALUE_SECRET] = set_secret,
	};

	return setters[option->type](option, value, (char *)object + option->offset, err);
}
