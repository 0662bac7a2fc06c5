/* SPDX-License-Identifier: LGPL-2.1-or-later
 * Copyright The agentid authors */
/* The sections [credential NAME] of an agent's file. Which options a type has and what they may be is in
 * the tables of target_options.c; here are the sentences with file and line. */
#include "configuration_private.h"

#include "str.h"

#include <stdio.h>
#include <string.h>

#define SECTION "credential"
#define TYPE "type"
#define WORD_SIZE 64U

struct reader {
	const struct aid_config_text *text;
	struct aid_problems *problems;
	const char *section;
	uint64_t line; /* of the section */
};

bool aid_config_is_credential(const char *section)
{
	return aid_streq(section, SECTION) || aid_str_has_prefix(section, SECTION " ");
}

static const char *name_of(const char *section)
{
	return aid_streq(section, SECTION) ? "" : section + strlen(SECTION " ");
}

static const struct aid_entry *find_key(const struct reader *reader, const char *key)
{
	for (size_t i = 0; i < reader->text->n_entries; i++) {
		const struct aid_entry *entry = &reader->text->entries[i];

		if (entry->key != NULL && aid_streq(entry->section, reader->section) &&
			aid_streq(entry->key, key))
			return entry;
	}
	return NULL;
}

/* "aws-sts, azure-wif, ..." */
static const char *list_types(char *out, size_t size)
{
	const struct aid_target *target;

	out[0] = '\0';
	for (size_t i = 0; (target = aid_target_at(i)) != NULL; i++) {
		size_t used = strlen(out);

		(void)snprintf(out + used, size - used, "%s%s", i > 0 ? ", " : "", target->name);
	}
	return out;
}

/* NULL when the reason was said. */
static const struct aid_target *read_type(const struct reader *reader)
{
	const struct aid_entry *entry = find_key(reader, TYPE);
	const struct aid_target *target;
	char types[160];

	if (entry == NULL || entry->value == NULL) {
		/* In a damaged file it may stand in a line that is a problem already. */
		if (!reader->text->damaged)
			aid_problems_add(reader->problems, reader->text->file, reader->line,
				"[%s] type is missing: it is one of %s", reader->section,
				list_types(types, sizeof(types)));
		return NULL;
	}
	target = aid_target_by_name(entry->value);
	if (target == NULL)
		aid_problems_add(reader->problems, reader->text->file, entry->line,
			"[%s] type = '%.80s': it is one of %s", reader->section, entry->value,
			list_types(types, sizeof(types)));
	return target;
}

static void refuse_key(const struct reader *reader, const struct aid_target *target,
	const struct aid_entry *entry)
{
	const struct aid_target_option *option;

	for (size_t i = 0; (option = aid_target_option_at(target, i)) != NULL; i++) {
		if (!aid_config_is_misspelt(option->name, entry->key))
			continue;
		aid_problems_add(reader->problems, reader->text->file, entry->line,
			"[%s] %.64s: unknown key; did you mean %s?", reader->section, entry->key,
			option->name);
		return;
	}
	aid_problems_add(reader->problems, reader->text->file, entry->line,
		"[%s] %.64s: unknown key; type %s has none of this name", reader->section, entry->key,
		target->name);
}

static void refuse_value(const struct reader *reader, const struct aid_target *target,
	const struct aid_entry *entry, const struct aid_error *err)
{
	const struct aid_target_option *option = aid_target_option(target, entry->key);

	/* What stands where a reference should stand may be the secret itself. */
	if (option->use == AID_USE_REFERENCE)
		aid_problems_add(reader->problems, reader->text->file, entry->line, "[%s] %s: %s",
			reader->section, entry->key, err->text);
	else
		aid_problems_add(reader->problems, reader->text->file, entry->line,
			"[%s] %s = '%.80s': %s", reader->section, entry->key, entry->value, err->text);
}

static int read_options(const struct reader *reader, struct aid_credential *credential)
{
	for (size_t i = 0; i < reader->text->n_entries; i++) {
		const struct aid_entry *entry = &reader->text->entries[i];
		struct aid_error err = AID_ERROR_INIT;
		int r;

		if (entry->key == NULL || entry->value == NULL || aid_streq(entry->key, TYPE) ||
			!aid_streq(entry->section, reader->section))
			continue;
		r = aid_target_set(&credential->options, entry->key, entry->value, &err);
		if (r == AID_E_NOMEM)
			return r;
		if (r == AID_E_NOTFOUND)
			refuse_key(reader, credential->options.target, entry);
		else if (r != AID_OK)
			refuse_value(reader, credential->options.target, entry, &err);
	}
	return AID_OK;
}

/* Such a sentence begins with the option that it is about. */
static void check_complete(const struct reader *reader, const struct aid_credential *credential)
{
	struct aid_error err = AID_ERROR_INIT;
	const struct aid_entry *entry;
	char word[WORD_SIZE];

	if (aid_target_complete(&credential->options, &err) == AID_OK)
		return;
	(void)snprintf(word, sizeof(word), "%.*s", (int)strcspn(err.text, " "), err.text);
	entry = find_key(reader, word);
	aid_problems_add(reader->problems, reader->text->file,
		entry != NULL ? entry->line : reader->line, "[%s] %s", reader->section, err.text);
}

static int read_section(const struct reader *reader, struct aid_agent *agent)
{
	size_t problems = reader->problems->count;
	struct aid_credential *credential = &agent->credentials[agent->n_credentials];
	const char *name = name_of(reader->section);
	struct aid_error err = AID_ERROR_INIT;
	const struct aid_target *target;
	int r;

	if (aid_credential_name_check(name, &err) != AID_OK)
		aid_problems_add(reader->problems, reader->text->file, reader->line, "[%.80s]: %s",
			reader->section, err.text);
	else if (agent->n_credentials == AID_CREDENTIALS_MAX)
		aid_problems_add(reader->problems, reader->text->file, reader->line,
			"[%s]: an agent has at most %u credentials", reader->section, AID_CREDENTIALS_MAX);
	if (reader->problems->count > problems)
		return AID_OK;
	target = read_type(reader);
	if (target == NULL)
		return AID_OK;
	aid_target_values_init(&credential->options, target);
	credential->line = reader->line;
	credential->name = strdup(name);
	agent->n_credentials++;
	if (credential->name == NULL)
		return AID_E_NOMEM;
	r = read_options(reader, credential);
	if (r == AID_OK && reader->problems->count == problems && !reader->text->damaged)
		check_complete(reader, credential);
	return r;
}

static bool begins_credential(const struct aid_entry *entry)
{
	return entry->key == NULL && aid_config_is_credential(entry->section);
}

int aid_credentials_parse(const struct aid_config_text *text, struct aid_agent *agent,
	struct aid_problems *problems)
{
	size_t count = 0;
	int r = AID_OK;

	for (size_t i = 0; i < text->n_entries; i++)
		count += begins_credential(&text->entries[i]) ? 1 : 0;
	if (count == 0)
		return AID_OK;
	agent->credentials = calloc(AID_CREDENTIALS_MAX + 1, sizeof(*agent->credentials));
	if (agent->credentials == NULL)
		return AID_E_NOMEM;
	for (size_t i = 0; i < text->n_entries && r == AID_OK; i++) {
		const struct reader reader = {text, problems, text->entries[i].section,
			text->entries[i].line};

		if (begins_credential(&text->entries[i]))
			r = read_section(&reader, agent);
	}
	return r;
}

void aid_credentials_done(struct aid_agent *agent)
{
	for (size_t i = 0; i < agent->n_credentials; i++) {
		free(agent->credentials[i].name);
		aid_target_values_done(&agent->credentials[i].options);
	}
	free(agent->credentials);
	agent->credentials = NULL;
	agent->n_credentials = 0;
}

/* ---- what holds between a credential, its agent and the host ---- */

static bool says(const struct aid_credential *credential, const char *option, const char *value)
{
	return aid_streq(aid_target_get(&credential->options, option), value);
}

static bool needs_assertion(const struct aid_credential *credential)
{
	if (!credential->options.target->has_assertion)
		return false;
	return credential->options.target->kind != AID_TARGET_RFC8693 ||
		!says(credential, "subject_token", "session") || says(credential, "actor_token", "assertion");
}

static enum aid_source source_with(bool has_host_issuer, const struct aid_credential *credential)
{
	const char *wanted = aid_target_get(&credential->options, "assertion");

	if (!needs_assertion(credential))
		return 0;
	if (wanted != NULL)
		return aid_streq(wanted, "host") ? AID_SOURCE_HOST : AID_SOURCE_OIDC;
	return has_host_issuer ? AID_SOURCE_HOST : AID_SOURCE_OIDC;
}

enum aid_source aid_credential_source(const struct aid_config *config,
	const struct aid_credential *credential)
{
	return source_with(config->host_issuer != NULL, credential);
}

static bool is_federated(const struct aid_credential *credential)
{
	return says(credential, "client_auth", "federated_jwt");
}

/* The first reason against it, or false. */
static bool is_impossible(const struct aid_agent *agent, const struct aid_credential *credential,
	bool has_host_issuer, struct aid_error *err)
{
	const struct aid_token_config *token = &agent->token;
	enum aid_source source = source_with(has_host_issuer, credential);
	bool second = credential->options.target->kind == AID_TARGET_OIDC;

	if (!has_host_issuer && (source == AID_SOURCE_HOST || is_federated(credential)))
		(void)aid_fail(err, AID_E_CONFIG, "%s needs [issuer] url in agentid.conf",
			source == AID_SOURCE_HOST ? "assertion = host" : "client_auth = federated_jwt");
	else if (source == AID_SOURCE_OIDC && token->source == AID_SOURCE_HOST)
		(void)aid_fail(err, AID_E_CONFIG, "assertion = oidc needs [token] source = oidc");
	else if (source == AID_SOURCE_OIDC && token->format == AID_FORMAT_OPAQUE)
		(void)aid_fail(err, AID_E_CONFIG,
			"assertion = oidc needs a [token] that can be verified, not format = opaque");
	else if (second && token->source == AID_SOURCE_HOST)
		(void)aid_fail(err, AID_E_CONFIG, "type = oidc needs [token] source = oidc");
	else if (second && token->subject == NULL && says(credential, "format", "jwt") &&
		aid_target_get(&credential->options, "subject") == NULL)
		(void)aid_fail(err, AID_E_CONFIG, "subject is missing: [token] has none");
	return err->status != AID_OK;
}

void aid_credentials_check(const struct aid_agent *agent, bool has_host_issuer,
	struct aid_problems *problems)
{
	/* Without it every credential would repeat one problem. */
	if (agent->token.source == 0)
		return;
	for (size_t i = 0; i < agent->n_credentials; i++) {
		const struct aid_credential *credential = &agent->credentials[i];
		struct aid_error err = AID_ERROR_INIT;

		if (is_impossible(agent, credential, has_host_issuer, &err))
			aid_problems_add(problems, agent->file, credential->line,
				"[" SECTION " %s] %s", credential->name, err.text);
	}
}

const struct aid_credential *aid_agent_credential(const struct aid_agent *agent, const char *name)
{
	for (size_t i = 0; i < agent->n_credentials; i++) {
		if (aid_streq(agent->credentials[i].name, name))
			return &agent->credentials[i];
	}
	return NULL;
}

const char *aid_agent_credential_names(const struct aid_agent *agent, char *out, size_t size)
{
	out[0] = '\0';
	for (size_t i = 0; i < agent->n_credentials; i++) {
		size_t used = strlen(out);

		(void)snprintf(out + used, size - used, "%s%s", i > 0 ? ", " : "",
			agent->credentials[i].name);
	}
	return out;
}
