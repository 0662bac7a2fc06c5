/* SPDX-License-Identifier: LGPL-2.1-or-later
 * Copyright The agentid authors */
/* The forms of option values that one vendor documents. */
#include "target_private.h"

#include "str.h"
#include "syntax.h"

#include <stdlib.h>
#include <string.h>

#define ARN_NAME AID_ALNUM "+=,.@_/-"
#define REGION_MAX 32U
#define GUID_LENGTH 36U
#define TENANT_MAX 253U

static int refuse_wildcard(const char *value, const char *what, struct aid_error *err)
{
	const char *wildcard = strpbrk(value, "*?");

	return wildcard == NULL ? AID_OK
		: aid_fail(err, AID_E_CONFIG, "'%c' is a wildcard; %s is named exactly", *wildcard, what);
}

/* Cuts the text before separator off *at, into a part of at most size - 1 bytes. */
static bool take_part(const char **at, char separator, char *out, size_t size)
{
	size_t length = strcspn(*at, (char[]){separator, '\0'});

	if ((*at)[length] != separator || length >= size)
		return false;
	memcpy(out, *at, length);
	out[length] = '\0';
	*at += length + 1;
	return true;
}

static bool is_account(const char *text)
{
	return strlen(text) == 12 && aid_syntax_only(text, AID_DIGITS);
}

/* arn:PARTITION:iam::OWNER:KIND/NAME */
static bool is_iam_arn(const char *value, const char *kind, bool vendor_allowed)
{
	char partition[24], service[8], region[4], owner[16], type[16];

	if (!aid_str_has_prefix(value, "arn:"))
		return false;
	value += strlen("arn:");
	if (!take_part(&value, ':', partition, sizeof(partition)) ||
		!take_part(&value, ':', service, sizeof(service)) ||
		!take_part(&value, ':', region, sizeof(region)) ||
		!take_part(&value, ':', owner, sizeof(owner)) ||
		!take_part(&value, '/', type, sizeof(type)))
		return false;
	return aid_str_has_prefix(partition, "aws") && aid_syntax_only(partition, AID_LOWER "-") &&
		aid_streq(service, "iam") && region[0] == '\0' && aid_streq(type, kind) &&
		(is_account(owner) || (vendor_allowed && aid_streq(owner, "aws"))) &&
		aid_syntax_only(value, ARN_NAME);
}

int aid_option_role_arn(const struct aid_target_option *option, const char *value,
	struct aid_error *err)
{
	size_t length = strlen(value);
	int r = refuse_wildcard(value, "a role", err);

	if (r != AID_OK)
		return r;
	if (length < (size_t)option->min || length > (size_t)option->max)
		return aid_fail(err, AID_E_CONFIG, "%zu bytes; %lld to %lld are allowed", length,
			(long long)option->min, (long long)option->max);
	if (!is_iam_arn(value, "role", false))
		return aid_fail(err, AID_E_CONFIG,
			"arn:aws:iam::ACCOUNT:role/NAME is the form, ACCOUNT 12 digits");
	return AID_OK;
}

/* The parts are separated by '-', the last is a number. */
int aid_option_region(const struct aid_target_option *option, const char *value, struct aid_error *err)
{
	const char *last = strrchr(value, '-');
	uint64_t number;

	(void)option;
	if (strlen(value) > REGION_MAX || !aid_syntax_only(value, AID_LOWER AID_DIGITS "-") ||
		last == NULL || aid_str_parse_uint(last + 1, 1, 99, &number) != AID_OK ||
		value[0] == '-' || strstr(value, "--") != NULL || strchr(value, '-') == last)
		return aid_fail(err, AID_E_CONFIG, "a region is written as us-east-1");
	return AID_OK;
}

static int check_policy_arn(const void *data, const char *part, struct aid_error *err)
{
	int r = refuse_wildcard(part, "a policy", err);

	(void)data;
	if (r != AID_OK)
		return r;
	if (strlen(part) < 20 || strlen(part) > 2048 || !is_iam_arn(part, "policy", true))
		return aid_fail(err, AID_E_CONFIG,
			"'%.64s': arn:aws:iam::ACCOUNT:policy/NAME is the form, ACCOUNT 12 digits or aws", part);
	return AID_OK;
}

int aid_option_policy_arns(const struct aid_target_option *option, const char *value,
	struct aid_error *err)
{
	size_t count = 0;
	char **parts;
	int r = aid_syntax_list(value, check_policy_arn, NULL, &parts, err);

	if (r != AID_OK)
		return r;
	while (parts[count] != NULL)
		count++;
	aid_syntax_list_free(parts);
	if (count > (size_t)option->max)
		return aid_fail(err, AID_E_CONFIG, "%zu policies; at most %lld are allowed", count,
			(long long)option->max);
	return AID_OK;
}

static bool is_guid(const char *value)
{
	if (strlen(value) != GUID_LENGTH || !aid_syntax_only(value, AID_DIGITS "abcdefABCDEF-"))
		return false;
	for (size_t i = 0; i < GUID_LENGTH; i++) {
		bool hyphen = i == 8 || i == 13 || i == 18 || i == 23;

		if ((value[i] == '-') != hyphen)
			return false;
	}
	return true;
}

int aid_option_guid(const struct aid_target_option *option, const char *value, struct aid_error *err)
{
	(void)option;
	return is_guid(value) ? AID_OK : aid_fail(err, AID_E_CONFIG,
		"a GUID is needed, as 00000000-1111-2222-3333-444444444444");
}

/* "common" and its like are for people who sign in; they name no tenant, and so no domain's dot. */
int aid_option_tenant(const struct aid_target_option *option, const char *value, struct aid_error *err)
{
	(void)option;
	if (is_guid(value))
		return AID_OK;
	if (strlen(value) > TENANT_MAX || strchr(value, '.') == NULL ||
		aid_syntax_host(value, NULL) != AID_OK)
		return aid_fail(err, AID_E_CONFIG,
			"a tenant is its GUID or one of its domains; common, organizations and consumers name none");
	return AID_OK;
}

int aid_option_azure_scope(const struct aid_target_option *option, const char *value,
	struct aid_error *err)
{
	static const char ending[] = "/.default";
	size_t length = strlen(value);

	if (strchr(value, ' ') != NULL)
		return aid_fail(err, AID_E_CONFIG, "exactly one scope is allowed");
	if (refuse_wildcard(value, "a scope", err) != AID_OK)
		return AID_E_CONFIG;
	if (length < sizeof(ending) || !aid_streq(value + length - (sizeof(ending) - 1), ending))
		return aid_fail(err, AID_E_CONFIG, "a scope ends in /.default");
	return aid_syntax_uri(value, (size_t)option->max, err);
}

static bool is_pool_id(const char *text)
{
	size_t length = strlen(text);

	return length >= 4 && length <= 32 && aid_syntax_only(text, AID_LOWER AID_DIGITS "-");
}

int aid_option_gcp_provider(const struct aid_target_option *option, const char *value,
	struct aid_error *err)
{
	static const char start[] = "//iam.googleapis.com/projects/";
	static const char pools[] = "locations/global/workloadIdentityPools/";
	const char *at = value;
	char project[24], pool[40], word[16];

	(void)option;
	if (refuse_wildcard(value, "a provider", err) != AID_OK)
		return AID_E_CONFIG;
	if (aid_str_has_prefix(at, start)) {
		at += sizeof(start) - 1;
		if (take_part(&at, '/', project, sizeof(project)) && aid_syntax_only(project, AID_DIGITS) &&
			aid_str_has_prefix(at, pools)) {
			at += sizeof(pools) - 1;
			if (take_part(&at, '/', pool, sizeof(pool)) && is_pool_id(pool) &&
				take_part(&at, '/', word, sizeof(word)) && aid_streq(word, "providers") &&
				is_pool_id(at))
				return AID_OK;
		}
	}
	return aid_fail(err, AID_E_CONFIG, "the form is //iam.googleapis.com/projects/NUMBER/locations/"
		"global/workloadIdentityPools/POOL/providers/PROVIDER");
}

int aid_option_service_account(const struct aid_target_option *option, const char *value,
	struct aid_error *err)
{
	static const char ending[] = ".gserviceaccount.com";
	size_t length = strlen(value);
	const char *host = strchr(value, '@');

	(void)option;
	if (refuse_wildcard(value, "a service account", err) != AID_OK)
		return AID_E_CONFIG;
	if (host == NULL || host == value || length > 255 || length < sizeof(ending) ||
		!aid_streq(value + length - (sizeof(ending) - 1), ending) ||
		aid_syntax_host(host + 1, NULL) != AID_OK ||
		strspn(value, AID_LOWER AID_DIGITS ".-") != (size_t)(host - value))
		return aid_fail(err, AID_E_CONFIG,
			"an address is needed that ends in .gserviceaccount.com");
	return AID_OK;
}

/* A scope of Google is a URL; "*" would be none, and each is checked like any URI. */
static int check_gcp_scope(const void *data, const char *part, struct aid_error *err)
{
	(void)data;
	if (refuse_wildcard(part, "a scope", err) != AID_OK)
		return AID_E_CONFIG;
	if (!aid_str_has_prefix(part, "https://"))
		return aid_fail(err, AID_E_CONFIG, "'%.64s': a scope starts with https://", part);
	return aid_syntax_uri(part, 255, err);
}

int aid_option_gcp_scopes(const struct aid_target_option *option, const char *value,
	struct aid_error *err)
{
	char **parts;
	int r;

	if (strchr(value, ',') != NULL)
		return aid_fail(err, AID_E_CONFIG, "scopes are separated by blanks");
	if (strlen(value) > (size_t)option->max)
		return aid_fail(err, AID_E_CONFIG, "%zu bytes; at most %lld are allowed", strlen(value),
			(long long)option->max);
	r = aid_syntax_list(value, check_gcp_scope, NULL, &parts, err);
	if (r == AID_OK)
		aid_syntax_list_free(parts);
	return r;
}

int aid_option_user_project(const struct aid_target_option *option, const char *value,
	struct aid_error *err)
{
	size_t length = strlen(value);

	(void)option;
	if (length < 1 || length > 30 || !aid_syntax_only(value, AID_LOWER AID_DIGITS "-"))
		return aid_fail(err, AID_E_CONFIG, "a project's id or number of at most 30 bytes is needed");
	return AID_OK;
}

/* Segments that are sent as they stand: nothing in them needs escaping, none leads elsewhere. */
int aid_option_vault_path(const struct aid_target_option *option, const char *value,
	struct aid_error *err)
{
	if (refuse_wildcard(value, "a path", err) != AID_OK)
		return AID_E_CONFIG;
	if (strlen(value) > (size_t)option->max || !aid_syntax_only(value, AID_ALNUM "_.-/") ||
		value[0] == '/' || value[strlen(value) - 1] == '/' || strstr(value, "//") != NULL ||
		strstr(value, "..") != NULL)
		return aid_fail(err, AID_E_CONFIG,
			"letters, digits, '_', '.', '-' and single '/' within are allowed, at most %lld bytes, no '..'",
			(long long)option->max);
	return AID_OK;
}

int aid_option_vault_role(const struct aid_target_option *option, const char *value,
	struct aid_error *err)
{
	if (refuse_wildcard(value, "a role", err) != AID_OK)
		return AID_E_CONFIG;
	if (strlen(value) > (size_t)option->max || !aid_syntax_only(value, AID_LOWER AID_DIGITS "_.-"))
		return aid_fail(err, AID_E_CONFIG,
			"lower-case letters (the server makes them so), digits, '_', '.' and '-' are allowed, at most %lld bytes",
			(long long)option->max);
	return AID_OK;
}
