/* SPDX-License-Identifier: LGPL-2.1-or-later
 * Copyright The agentid authors */
/* From lines to a filled structure, and which keys may and must stand together in an agent's file. */
#include "configuration_private.h"

#include "str.h"

#include <stdio.h>
#include <string.h>

#define NAME_MAX_BYTES 63U
#define MISSPELT_MAX 2U /* letters by which a key may be off to be guessed */

static const struct aid_option *find_option(const struct aid_option *options, const char *section,
	const char *key)
{
	for (const struct aid_option *option = options; option->section != NULL; option++) {
		if (aid_streq(option->section, section) && aid_streq(option->key, key))
			return option;
	}
	return NULL;
}

static bool knows_section(const struct aid_option *options, const char *section)
{
	for (const struct aid_option *option = options; option->section != NULL; option++) {
		if (aid_streq(option->section, section))
			return true;
	}
	return false;
}

/* How many letters to change, add or take away to make one name of the other (Levenshtein). */
static size_t distance(const char *a, const char *b)
{
	size_t row[NAME_MAX_BYTES + 1];
	size_t length = strlen(b);

	if (length > NAME_MAX_BYTES)
		return SIZE_MAX;
	for (size_t j = 0; j <= length; j++)
		row[j] = j;
	for (size_t i = 0; a[i] != '\0'; i++) {
		size_t diagonal = row[0];

		row[0] = i + 1;
		for (size_t j = 0; j < length; j++) {
			size_t least = diagonal + (a[i] == b[j] ? 0 : 1);

			diagonal = row[j + 1];
			least = diagonal + 1 < least ? diagonal + 1 : least;
			row[j + 1] = row[j] + 1 < least ? row[j] + 1 : least;
		}
	}
	return row[length];
}

bool aid_config_is_misspelt(const char *name, const char *key)
{
	return distance(name, key) <= MISSPELT_MAX;
}

/* The key (of a section) that was probably meant, or NULL. */
static const struct aid_option *nearest_key(const struct aid_option *options, const char *section,
	const char *key)
{
	const struct aid_option *nearest = NULL;
	size_t least = MISSPELT_MAX + 1;

	for (const struct aid_option *option = options; option->section != NULL; option++) {
		size_t letters = distance(option->key, key);

		if (!aid_streq(option->section, section) || letters >= least)
			continue;
		nearest = option;
		least = letters;
	}
	return nearest;
}

static void refuse_key(const struct aid_option *options, const struct aid_config_text *text,
	const struct aid_entry *entry, struct aid_problems *problems)
{
	const struct aid_option *meant = nearest_key(options, entry->section, entry->key);

	for (const struct aid_option *option = options; meant == NULL && option->section != NULL;
		option++) {
		if (!aid_streq(option->key, entry->key))
			continue;
		aid_problems_add(problems, text->file, entry->line,
			"[%s] %.64s: unknown key; it belongs into section [%s]", entry->section, entry->key,
			option->section);
		return;
	}
	if (meant != NULL)
		aid_problems_add(problems, text->file, entry->line,
			"[%s] %.64s: unknown key; did you mean %s?", entry->section, entry->key, meant->key);
	else
		aid_problems_add(problems, text->file, entry->line,
			"[%s] %.64s: unknown key; the manual page lists the known ones", entry->section,
			entry->key);
}

/* The sections a table knows: "agent, token". */
static const char *list_sections(const struct aid_option *options, char *out, size_t size)
{
	const char *last = NULL;

	out[0] = '\0';
	for (const struct aid_option *option = options; option->section != NULL; option++) {
		size_t used = strlen(out);

		if (aid_streq(last, option->section))
			continue;
		(void)snprintf(out + used, size - used, "%s[%s]", used == 0 ? "" : " and ",
			option->section);
		last = option->section;
	}
	return out;
}

static bool is_secret(const struct aid_option *option)
{
	const struct aid_target_option *of_manager;

	if (option->type != AID_VALUE_MANAGER)
		return option->type == AID_VALUE_SECRET || option->type == AID_VALUE_CLIENT_SECRET;
	of_manager = aid_target_option(aid_manager_target((enum aid_manager)option->min), option->key);
	return of_manager == NULL || of_manager->use == AID_USE_REFERENCE;
}

static void refuse_value(const struct aid_option *option, const struct aid_config_text *text,
	const struct aid_entry *entry, const struct aid_error *err, struct aid_problems *problems)
{
	/* What stands where a reference should stand may be the secret itself. */
	if (is_secret(option))
		aid_problems_add(problems, text->file, entry->line, "[%s] %s: %s", entry->section,
			entry->key, err->text);
	else
		aid_problems_add(problems, text->file, entry->line, "[%s] %s = '%.80s': %s",
			entry->section, entry->key, entry->value, err->text);
}

static int apply_key(struct aid_draft *draft, const struct aid_config_text *text,
	const struct aid_entry *entry, struct aid_problems *problems)
{
	const struct aid_option *option = find_option(draft->options, entry->section, entry->key);
	struct aid_error err = AID_ERROR_INIT;
	int r;

	if (option == NULL) {
		refuse_key(draft->options, text, entry, problems);
		return AID_OK;
	}
	draft->lines[option - draft->options] = entry->line;
	r = aid_value_set(option, entry->value, draft->object, &err);
	if (r == AID_E_CONFIG)
		refuse_value(option, text, entry, &err, problems);
	return r == AID_E_CONFIG ? AID_OK : r;
}

int aid_draft_apply(struct aid_draft *draft, const struct aid_config_text *text,
	struct aid_problems *problems)
{
	bool known = false;

	for (size_t i = 0; i < text->n_entries; i++) {
		const struct aid_entry *entry = &text->entries[i];
		char names[160];
		int r;

		if (draft->options == aid_agent_options && aid_config_is_credential(entry->section)) {
			known = false;
			continue;
		}
		if (entry->key == NULL) {
			known = knows_section(draft->options, entry->section);
			if (!known)
				aid_problems_add(problems, text->file, entry->line,
					"[%.80s]: unknown section; this file has %s", entry->section,
					list_sections(draft->options, names, sizeof(names)));
			continue;
		}
		/* No value: libeconf could not read the file, which is a problem already. */
		if (!known || entry->value == NULL)
			continue;
		r = apply_key(draft, text, entry, problems);
		if (r != AID_OK)
			return r;
	}
	return AID_OK;
}

static int set_default(struct aid_draft *draft, size_t index)
{
	const struct aid_option *option = &draft->options[index];

	if (draft->lines[index] != 0 || option->fallback == NULL)
		return AID_OK;
	return aid_value_set(option, option->fallback, draft->object, NULL);
}

int aid_draft_defaults(struct aid_draft *draft)
{
	for (size_t i = 0; draft->options[i].section != NULL; i++) {
		int r = set_default(draft, i);

		if (r != AID_OK)
			return r;
	}
	return AID_OK;
}

uint64_t aid_draft_line(const struct aid_draft *draft, const char *section, const char *key)
{
	const struct aid_option *option = find_option(draft->options, section, key);

	return option == NULL ? 0 : draft->lines[option - draft->options];
}

static unsigned int source_bit(enum aid_source source)
{
	return source == AID_SOURCE_HOST ? AID_FOR_HOST : AID_FOR_OIDC;
}

/* NULL where the key applies; else the choice that rules it out, such as "source = host". */
static const char *ruled_out(const struct aid_option *option, const struct aid_token_config *token,
	char *out, size_t size)
{
	if (token->source != 0 && option->sources != 0 &&
		(option->sources & source_bit(token->source)) == 0) {
		(void)snprintf(out, size, "source = %s", aid_source_name(token->source));
		return out;
	}
	if (token->client_auth != 0 && option->auths != 0 &&
		(option->auths & AID_FOR_AUTH(token->client_auth)) == 0) {
		(void)snprintf(out, size, "client_auth = %s", aid_client_auth_name(token->client_auth));
		return out;
	}
	if (token->format == AID_FORMAT_OPAQUE && option->formats != 0)
		return "format = opaque";
	return NULL;
}

/* The choice that makes a key necessary, for the sentence. */
static const char *needed_by(const struct aid_option *option, const struct aid_token_config *token,
	char *out, size_t size)
{
	if (option->auths != 0)
		(void)snprintf(out, size, "client_auth = %s needs it",
			aid_client_auth_name(token->client_auth));
	else if (option->sources != 0)
		(void)snprintf(out, size, "source = %s needs it", aid_source_name(token->source));
	else
		(void)snprintf(out, size, "every agent needs it");
	return out;
}

/* Whether enough is known to say that a key is needed: no choice it hangs on is itself missing. */
static bool need_is_known(const struct aid_option *option, const struct aid_token_config *token)
{
	return (option->sources == 0 || token->source != 0) &&
		(option->auths == 0 || token->client_auth != 0) &&
		!(option->unless_opaque && token->format == AID_FORMAT_OPAQUE);
}

static void check_option(const struct aid_draft *draft, size_t index,
	const struct aid_config_text *text, uint64_t section_line, struct aid_problems *problems)
{
	const struct aid_option *option = &draft->options[index];
	const struct aid_agent *agent = draft->object;
	char why[64];
	const char *barred = ruled_out(option, &agent->token, why, sizeof(why));

	if (draft->lines[index] != 0 && barred != NULL)
		aid_problems_add(problems, text->file, draft->lines[index],
			"[%s] %s has no meaning with %s; take one of them out", option->section,
			option->key, barred);
	/* In a damaged file the missing key may stand in a line that is a problem already. */
	if (draft->lines[index] == 0 && option->required && barred == NULL && !text->damaged &&
		need_is_known(option, &agent->token))
		aid_problems_add(problems, text->file, section_line, "[%s] %s is missing: %s",
			option->section, option->key,
			needed_by(option, &agent->token, why, sizeof(why)));
}

static uint64_t section_line(const struct aid_config_text *text, const char *section)
{
	for (size_t i = 0; i < text->n_entries; i++) {
		if (text->entries[i].key == NULL && aid_streq(text->entries[i].section, section))
			return text->entries[i].line;
	}
	return 0;
}

/* What holds between two values of one agent. */
static void check_values(const struct aid_draft *draft, const char *file,
	struct aid_problems *problems)
{
	const struct aid_agent *agent = draft->object;
	const struct aid_token_config *token = &agent->token;
	uint64_t line;

	if (token->source == AID_SOURCE_HOST && token->lifetime_ms > token->max_lifetime_ms &&
		token->max_lifetime_ms != 0) {
		line = aid_draft_line(draft, "token", "lifetime");
		aid_problems_add(problems, file,
			line != 0 ? line : aid_draft_line(draft, "token", "max_lifetime"),
			"[token] lifetime = %llds%s is over max_lifetime = %llds",
			(long long)(token->lifetime_ms / 1000), line != 0 ? "" : " (the default)",
			(long long)(token->max_lifetime_ms / 1000));
	}
	if (token->client_auth == AID_FEDERATED_JWT &&
		token->assertion_audience == AID_ASSERTION_AUD_TOKEN_ENDPOINT)
		aid_problems_add(problems, file, aid_draft_line(draft, "token", "assertion_audience"),
			"[token] assertion_audience = 'token_endpoint': client_auth = federated_jwt allows issuer only");
	line = aid_draft_line(draft, "token", "audience");
	if (token->format == AID_FORMAT_OPAQUE && line != 0 && !token->send_audience)
		aid_problems_add(problems, file, line,
			"[token] audience cannot be checked in a token with format = opaque; set send_audience = yes to ask for it or take it out");
}

int aid_agent_parse(const char *file, const char *bytes, size_t length, struct aid_draft *ret_draft,
	struct aid_agent *ret_agent, struct aid_problems *problems)
{
	struct aid_config_text text;
	int r;

	*ret_agent = (struct aid_agent){0};
	*ret_draft = (struct aid_draft){.options = aid_agent_options, .object = ret_agent};
	r = aid_config_text_parse(file, bytes, length, &text, problems);
	if (r != AID_OK)
		return r;
	r = aid_draft_apply(ret_draft, &text, problems);
	if (r == AID_OK)
		r = aid_credentials_parse(&text, ret_agent, problems);
	for (size_t i = 0; r == AID_OK && aid_agent_options[i].section != NULL; i++)
		check_option(ret_draft, i, &text, section_line(&text, aid_agent_options[i].section),
			problems);
	if (r == AID_OK)
		r = aid_draft_defaults(ret_draft);
	if (r == AID_OK)
		check_values(ret_draft, file, problems);
	if (r == AID_OK)
		aid_rotate_check(ret_draft, &text, section_line(&text, "rotate"), problems);
	aid_config_text_done(&text);
	return r;
}

bool aid_agent_needs_host_issuer(const struct aid_agent *agent)
{
	return agent->token.source == AID_SOURCE_HOST ||
		agent->token.client_auth == AID_FEDERATED_JWT;
}

void aid_agent_done(struct aid_agent *agent)
{
	struct aid_token_config *token = &agent->token;
	char *const texts[] = {agent->file, agent->id, agent->account, token->audience, token->issuer,
		token->client_id, token->client_secret, token->client_key, token->client_certificate,
		token->signing_alg, token->subject, token->scope, token->resource, token->algorithms,
		token->allowed_hosts, token->ca_file, agent->rotate.admin_url,
		agent->rotate.admin_client_id, agent->rotate.admin_client_secret,
		agent->rotate.admin_client_key};

	for (size_t i = 0; i < sizeof(texts) / sizeof(texts[0]); i++)
		free(texts[i]);
	for (char **service = agent->services; service != NULL && *service != NULL; service++)
		free(*service);
	free(agent->services);
	aid_credentials_done(agent);
	*agent = (struct aid_agent){0};
}
