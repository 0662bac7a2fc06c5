/* SPDX-License-Identifier: LGPL-2.1-or-later
 * Copyright The agentid authors */
#include "syntax.h"

#include "cleanup.h"
#include "str.h"

#include <stdio.h>
#include <string.h>

#define HOST_MAX 253U

bool aid_syntax_only(const char *text, const char *set)
{
	return *text != '\0' && text[strspn(text, set)] == '\0';
}

int aid_syntax_bool(const char *value, bool *ret_flag, struct aid_error *err)
{
	return aid_str_parse_bool(value, ret_flag) == AID_OK
		? AID_OK : aid_fail(err, AID_E_CONFIG, "yes or no is allowed");
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

int aid_syntax_duration(const char *value, int64_t min_ms, int64_t max_ms, int64_t *ret_ms,
	struct aid_error *err)
{
	char least[24];
	char most[24];
	int64_t ms;

	(void)show_duration(min_ms, least, sizeof(least));
	(void)show_duration(max_ms, most, sizeof(most));
	if (aid_str_parse_duration(value, &ms) != AID_OK)
		return aid_fail(err, AID_E_CONFIG,
			"a duration is a whole number with s, m, h or d, from %s to %s", least, most);
	if (ms < min_ms || ms > max_ms)
		return aid_fail(err, AID_E_CONFIG, "%s to %s is allowed", least, most);
	*ret_ms = ms;
	return AID_OK;
}

int aid_syntax_percent(const char *value, int64_t min, int64_t max, unsigned int *ret_percent,
	struct aid_error *err)
{
	unsigned int percent;

	if (aid_str_parse_percent(value, &percent) != AID_OK || percent < min || percent > max)
		return aid_fail(err, AID_E_CONFIG, "%lld%% to %lld%% is allowed", (long long)min,
			(long long)max);
	*ret_percent = percent;
	return AID_OK;
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

int aid_syntax_choice(const char *value, const char *const *names, unsigned int *ret_place,
	struct aid_error *err)
{
	unsigned int place = position(names, value);

	if (place == 0)
		return fail_names(names, err);
	*ret_place = place;
	return AID_OK;
}

void aid_syntax_list_free(char **parts)
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
	if (count == AID_LIST_MAX)
		return aid_fail(err, AID_E_CONFIG, "at most %u names are allowed", AID_LIST_MAX);
	parts[count] = strndup(start, length);
	if (parts[count] == NULL)
		return AID_E_NOMEM;
	for (size_t i = 0; i < count; i++) {
		if (aid_streq(parts[i], parts[count]))
			return aid_fail(err, AID_E_CONFIG, "'%.64s' stands twice", parts[i]);
	}
	return AID_OK;
}

int aid_syntax_list(const char *value, aid_syntax_part check, const void *data, char ***ret_parts,
	struct aid_error *err)
{
	const char *separators = strchr(value, ',') != NULL ? "," : " \t";
	char **parts = calloc(AID_LIST_MAX + 1, sizeof(*parts));
	size_t count = 0;
	int r = AID_OK;

	if (parts == NULL)
		return AID_E_NOMEM;
	for (const char *at = value; r == AID_OK; count++) {
		size_t length = strcspn(at, separators);

		r = take_part(at, length, parts, count, err);
		if (r == AID_OK)
			r = check(data, parts[count], err);
		if (at[length] == '\0')
			break;
		at += length + 1;
		at += separators[0] == ' ' ? strspn(at, separators) : 0;
	}
	if (r != AID_OK) {
		aid_syntax_list_free(parts);
		return r;
	}
	*ret_parts = parts;
	return AID_OK;
}

int aid_syntax_pin(const char *value, size_t max, struct aid_error *err)
{
	const char *wildcard = strpbrk(value, "*?");

	if (wildcard != NULL)
		return aid_fail(err, AID_E_CONFIG,
			"'%c' is a wildcard; a pin names exactly one value, so that no other token fits",
			*wildcard);
	if (!aid_str_is_printable(value) || strlen(value) > max)
		return aid_fail(err, AID_E_CONFIG, "at most %zu printable ASCII bytes are allowed", max);
	return AID_OK;
}

static bool is_host_name(const char *host)
{
	size_t length = strlen(host);

	return length <= HOST_MAX && aid_syntax_only(host, AID_ALNUM ".-") && host[0] != '-' && host[0] != '.' &&
		strstr(host, "..") == NULL;
}

int aid_syntax_host(const char *value, struct aid_error *err)
{
	if (!is_host_name(value))
		return aid_fail(err, AID_E_CONFIG,
			"'%.64s' is no host name; names without scheme, port and wildcard are allowed", value);
	return AID_OK;
}

static bool is_loopback(const char *host)
{
	return aid_streq(host, "localhost") || aid_streq(host, "[::1]") ||
		(aid_str_has_prefix(host, "127.") && aid_syntax_only(host, AID_DIGITS "."));
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
		if (!aid_syntax_only(authority + 1, AID_DIGITS "abcdefABCDEF:."))
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

int aid_syntax_url(const char *value, size_t max, struct aid_error *err)
{
	bool https = aid_str_has_prefix(value, "https://");
	const char *rest = value + (https ? strlen("https://") : strlen("http://"));
	AID_FREE char *authority = NULL;
	int r = aid_syntax_pin(value, max, err);

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
	return AID_OK;
}

int aid_syntax_uri(const char *value, size_t max, struct aid_error *err)
{
	size_t scheme = strspn(value, AID_ALNUM "+.-");

	if (scheme == 0 || value[scheme] != ':' || value[scheme + 1] == '\0' ||
		strpbrk(value, "# \"<>\\^`{|}") != NULL || strlen(value) > max)
		return aid_fail(err, AID_E_CONFIG,
			"an absolute URI without fragment of at most %zu bytes is allowed (RFC 8707)",
			max);
	return AID_OK;
}

int aid_syntax_scope(const char *value, size_t max, struct aid_error *err)
{
	if (!aid_str_is_printable(value) || strpbrk(value, "\"\\") != NULL ||
		strstr(value, "  ") != NULL || strlen(value) > max)
		return aid_fail(err, AID_E_CONFIG,
			"scopes with single blanks between, without '\"' and '\\', at most %zu bytes, are allowed",
			max);
	return AID_OK;
}

int aid_syntax_path(const char *value, struct aid_error *err)
{
	if (value[0] != '/' || strlen(value) > AID_PATH_MAX || strstr(value, "/../") != NULL)
		return aid_fail(err, AID_E_CONFIG,
			"an absolute path without '..' of at most %u bytes is needed", AID_PATH_MAX);
	return AID_OK;
}
