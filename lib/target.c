/* SPDX-License-Identifier: LGPL-2.1-or-later
 * Copyright The agentid authors */
#include "target_private.h"

#include "str.h"

#include <stdio.h>
#include <string.h>

const struct aid_target *aid_target_by_name(const char *name)
{
	for (const struct aid_target *t = aid_targets; t->name != NULL; t++) {
		if (aid_streq(t->name, name))
			return t;
	}
	return NULL;
}

const struct aid_target *aid_target_by_kind(int64_t kind)
{
	for (const struct aid_target *t = aid_targets; t->name != NULL; t++) {
		if ((int64_t)t->kind == kind)
			return t;
	}
	return NULL;
}

const struct aid_target *aid_target_at(size_t index)
{
	size_t i = 0;

	while (i < index && aid_targets[i].name != NULL)
		i++;
	return aid_targets[i].name != NULL ? &aid_targets[i] : NULL;
}

const struct aid_target_option *aid_target_option_at(const struct aid_target *target, size_t index)
{
	const struct aid_target_option *option = target->options;

	for (; option->name != NULL; option++) {
		if (index-- == 0)
			return option;
	}
	if (target->has_own_only)
		return NULL;
	for (option = aid_target_common_options; option->name != NULL; option++) {
		if (index-- == 0)
			return option;
	}
	return NULL;
}

/* AID_TARGET_OPTIONS_MAX where there is none. */
static size_t place_of(const struct aid_target *target, const char *name)
{
	const struct aid_target_option *option;

	for (size_t i = 0; (option = aid_target_option_at(target, i)) != NULL; i++) {
		if (aid_streq(option->name, name))
			return i;
	}
	return AID_TARGET_OPTIONS_MAX;
}

const struct aid_target_option *aid_target_option(const struct aid_target *target, const char *name)
{
	return aid_target_option_at(target, place_of(target, name));
}

void aid_target_values_init(struct aid_target_values *values, const struct aid_target *target)
{
	*values = (struct aid_target_values){.target = target};
}

void aid_target_values_done(struct aid_target_values *values)
{
	for (size_t i = 0; i < AID_TARGET_OPTIONS_MAX; i++) {
		free(values->texts[i]);
		values->texts[i] = NULL;
	}
}

/* What stands in a file is text: a policy, a boundary. Whether it is right JSON, fetch sees. */
static int check_contents(const struct aid_target_option *option, const char *bytes, size_t length,
	struct aid_error *err)
{
	if (length == 0 || length > (size_t)option->max)
		return aid_fail(err, AID_E_CONFIG, "%s: the file has %zu bytes; 1 to %lld are allowed",
			option->name, length, (long long)option->max);
	for (size_t i = 0; i < length; i++) {
		char c = bytes[i];

		if ((c < 0x20 || c > 0x7e) && c != '\t' && c != '\n' && c != '\r')
			return aid_fail(err, AID_E_CONFIG,
				"%s: byte 0x%02x at %zu in the file is no printable ASCII", option->name,
				(unsigned int)(unsigned char)c, i);
	}
	return AID_OK;
}

int aid_target_set(struct aid_target_values *values, const char *name, const char *value,
	struct aid_error *err)
{
	size_t place = place_of(values->target, name);
	const struct aid_target_option *option;
	int r;

	option = place < AID_TARGET_OPTIONS_MAX ? aid_target_option_at(values->target, place) : NULL;
	if (option == NULL)
		return aid_fail(err, AID_E_NOTFOUND, "type %s has no option '%.32s'",
			values->target->name, name);
	if (values->texts[place] != NULL)
		return aid_fail(err, AID_E_INVALID, "%s stands twice", name);
	if (values->travelled && option->use == AID_USE_FILE)
		r = check_contents(option, value, strlen(value), err);
	else
		r = option->check(option, value, err);
	if (r != AID_OK)
		return r;
	values->texts[place] = strdup(value);
	if (values->texts[place] == NULL)
		return aid_fail(err, AID_E_NOMEM, "out of memory");
	return AID_OK;
}

void aid_target_unset(struct aid_target_values *values, const char *name)
{
	size_t place = place_of(values->target, name);

	if (place == AID_TARGET_OPTIONS_MAX)
		return;
	free(values->texts[place]);
	values->texts[place] = NULL;
}

bool aid_target_is_set(const struct aid_target_values *values, const char *name)
{
	size_t place = place_of(values->target, name);

	return place < AID_TARGET_OPTIONS_MAX && values->texts[place] != NULL;
}

const char *aid_target_get(const struct aid_target_values *values, const char *name)
{
	const struct aid_target_option *option = aid_target_option(values->target, name);

	if (option == NULL)
		return NULL;
	if (aid_target_is_set(values, name))
		return values->texts[place_of(values->target, name)];
	return option->fallback;
}

int64_t aid_target_number(const struct aid_target_values *values, const char *name)
{
	const char *text = aid_target_get(values, name);
	unsigned int percent;
	int64_t ms;

	if (text == NULL)
		return -1;
	if (aid_str_parse_duration(text, &ms) == AID_OK)
		return ms;
	return aid_str_parse_percent(text, &percent) == AID_OK ? (int64_t)percent : -1;
}

int64_t aid_target_max_lifetime_ms(const struct aid_target_values *values)
{
	int64_t ms = aid_target_number(values, "max_lifetime");

	if (values->travelled)
		return values->max_lifetime_ms;
	if (ms < 0 && aid_str_parse_duration(values->target->max_lifetime, &ms) != AID_OK)
		return 0;
	return ms;
}

static bool travels(const struct aid_target_option *option)
{
	return option->use == AID_USE_SENT || option->use == AID_USE_FILE;
}

static int check_required(const struct aid_target_values *values, struct aid_error *err)
{
	const struct aid_target_option *option;

	for (size_t i = 0; (option = aid_target_option_at(values->target, i)) != NULL; i++) {
		if (option->required && values->texts[i] == NULL)
			return aid_fail(err, AID_E_CONFIG, "%s is missing: type %s needs it", option->name,
				values->target->name);
	}
	return AID_OK;
}

static int check_assertion(const struct aid_target_values *values, struct aid_error *err)
{
	static const char *const names[] = {
		"assertion", "assertion_audience", "assertion_scope", "assertion_resource"};
	bool host = aid_streq(aid_target_get(values, "assertion"), "host");
	char audience[512];

	for (size_t i = 0; i < sizeof(names) / sizeof(names[0]); i++) {
		if (!values->target->has_assertion && aid_target_is_set(values, names[i]))
			return aid_fail(err, AID_E_CONFIG, "%s is not for type %s, which needs no assertion",
				names[i], values->target->name);
	}
	for (size_t i = 2; host && i < sizeof(names) / sizeof(names[0]); i++) {
		if (aid_target_is_set(values, names[i]))
			return aid_fail(err, AID_E_CONFIG, "%s needs assertion = oidc", names[i]);
	}
	if (!values->target->has_assertion)
		return AID_OK;
	return aid_target_audience(values, audience, sizeof(audience), err);
}

int aid_target_complete(const struct aid_target_values *values, struct aid_error *err)
{
	int r = check_required(values, err);

	if (r == AID_OK && values->target->check != NULL)
		r = values->target->check(values, err);
	if (r == AID_OK && !values->travelled)
		r = check_assertion(values, err);
	return r;
}

/* rfc8693 asks the issuer of the new token; Google checks for its provider's name. */
static const char *derived_audience(const struct aid_target_values *values, const char **ret_prefix)
{
	*ret_prefix = "";
	if (values->target->kind == AID_TARGET_RFC8693)
		return aid_target_get(values, "issuer");
	if (values->target->kind != AID_TARGET_GCP_WIF)
		return values->target->assertion_audience;
	*ret_prefix = "https:";
	return aid_target_get(values, "provider");
}

int aid_target_audience(const struct aid_target_values *values, char *out, size_t size,
	struct aid_error *err)
{
	const char *given = aid_target_get(values, "assertion_audience");
	const char *prefix = "";
	int length;

	if (given == NULL)
		given = derived_audience(values, &prefix);
	if (given == NULL)
		return aid_fail(err, AID_E_CONFIG, "assertion_audience is missing: type %s has no default",
			values->target->name);
	length = snprintf(out, size, "%s%s", prefix, given);
	if (length < 0 || (size_t)length >= size)
		return aid_fail(err, AID_E_TOOBIG, "assertion_audience is over %zu bytes", size - 1);
	return AID_OK;
}

static const struct aid_target_file *file_of(const struct aid_target_file *files, size_t n_files,
	const char *name)
{
	for (size_t i = 0; i < n_files; i++) {
		if (aid_streq(files[i].option, name))
			return &files[i];
	}
	return NULL;
}

static bool put(char *out, size_t size, size_t *used, const char *bytes, size_t length)
{
	if (length > size - *used)
		return false;
	memcpy(out + *used, bytes, length);
	*used += length;
	return true;
}

static int put_option(const struct aid_target_option *option, const char *bytes, size_t length,
	char *out, size_t size, size_t *used, struct aid_error *err)
{
	if (!put(out, size, used, option->name, strlen(option->name)) ||
		!put(out, size, used, "=", 1) || !put(out, size, used, bytes, length) ||
		!put(out, size, used, "", 1))
		return aid_fail(err, AID_E_TOOBIG, "the options are over %zu bytes together", size);
	return AID_OK;
}

int aid_target_pack(const struct aid_target_values *values, const struct aid_target_file *files,
	size_t n_files, char *out, size_t size, size_t *ret_length, struct aid_error *err)
{
	const struct aid_target_option *option;
	size_t used = 0;
	int r = AID_OK;

	for (size_t i = 0; (option = aid_target_option_at(values->target, i)) != NULL; i++) {
		const struct aid_target_file *file = file_of(files, n_files, option->name);

		if (values->texts[i] == NULL || !travels(option))
			continue;
		if (option->use == AID_USE_SENT) {
			r = put_option(option, values->texts[i], strlen(values->texts[i]), out, size,
				&used, err);
		} else if (file == NULL) {
			r = aid_fail(err, AID_E_CONFIG, "%s: the file was not read", option->name);
		} else {
			r = check_contents(option, file->bytes, file->length, err);
			if (r == AID_OK)
				r = put_option(option, file->bytes, file->length, out, size, &used, err);
		}
		if (r != AID_OK)
			return r;
	}
	*ret_length = used;
	return AID_OK;
}

static int take_option(struct aid_target_values *values, const char *line, struct aid_error *err)
{
	size_t length = strcspn(line, "=");
	const struct aid_target_option *option;
	char name[64];

	if (line[length] != '=' || length >= sizeof(name))
		return aid_fail(err, AID_E_PROTOCOL, "options: no name=value");
	memcpy(name, line, length);
	name[length] = '\0';
	option = aid_target_option(values->target, name);
	if (option == NULL || !travels(option))
		return aid_fail(err, AID_E_PROTOCOL, "options: type %s has no option '%.32s' that travels",
			values->target->name, aid_str_is_printable(name) ? name : "");
	if (aid_target_set(values, name, line + length + 1, err) != AID_OK)
		return aid_prefix(err, "option %s", option->name);
	return AID_OK;
}

int aid_target_unpack(struct aid_target_values *values, const char *bytes, size_t length,
	int64_t max_lifetime_ms, struct aid_error *err)
{
	int r = AID_OK;

	values->travelled = true;
	values->max_lifetime_ms = max_lifetime_ms;
	if (length > AID_TARGET_PACKED_MAX || (length > 0 && bytes[length - 1] != '\0'))
		return aid_fail(err, AID_E_PROTOCOL, "options: %zu bytes without an end, or over %u",
			length, AID_TARGET_PACKED_MAX);
	for (size_t at = 0; at < length && r == AID_OK; at += strlen(bytes + at) + 1)
		r = take_option(values, bytes + at, err);
	return r == AID_OK ? aid_target_complete(values, err) : r;
}
