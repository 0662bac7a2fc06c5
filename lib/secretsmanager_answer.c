/* SPDX-License-Identifier: LGPL-2.1-or-later
 * Copyright The agentid authors */
/* The answers of secretsmanager.h. */
#include "secretsmanager.h"

#include "manager_private.h"
#include "secret_source.h"
#include "str.h"
#include "syntax.h"

#include <stdio.h>
#include <string.h>

#define VALUE_MAX 65536U
#define CODE_MAX 63U

/* The documented errors, by what can be done about them. */
static const struct {
	const char *code;
	int status;
} codes[] = {
	{"ResourceNotFoundException", AID_E_NOTFOUND},
	{"InvalidRequestException", AID_E_NOTFOUND}, /* marked for deletion */
	{"InvalidParameterException", AID_E_CONFIG},
	{"ValidationException", AID_E_CONFIG},
	{"DecryptionFailure", AID_E_DENIED},
	{"EncryptionFailure", AID_E_DENIED},
	{"AccessDeniedException", AID_E_DENIED},
	{"AccessDenied", AID_E_DENIED},
	{"ResourceExistsException", AID_E_DENIED},
	{"ThrottlingException", AID_E_BUSY},
	{"Throttling", AID_E_BUSY},
	{"TooManyRequestsException", AID_E_BUSY},
	{"RequestLimitExceeded", AID_E_BUSY},
	{"LimitExceededException", AID_E_BUSY},
	{"ServiceUnavailable", AID_E_BUSY},
	{"InternalServiceError", AID_E_UNREACHABLE},
	{"InternalFailure", AID_E_UNREACHABLE},
	{"UnrecognizedClientException", AID_E_CREDENTIAL},
	{"InvalidClientTokenId", AID_E_CREDENTIAL},
	{"InvalidSignatureException", AID_E_CREDENTIAL},
	{"SignatureDoesNotMatch", AID_E_CREDENTIAL},
	{"IncompleteSignature", AID_E_CREDENTIAL},
	{"MissingAuthenticationToken", AID_E_CREDENTIAL},
	{"ExpiredTokenException", AID_E_CREDENTIAL},
	{"ExpiredToken", AID_E_CREDENTIAL},
	{"RequestExpired", AID_E_EXPIRED},
	{"RequestTimeTooSkewed", AID_E_EXPIRED},
};

/* "ns#Code:url" */
static bool take_code(const char *type, char out[CODE_MAX + 1])
{
	const char *hash = strchr(type, '#');
	const char *start = hash != NULL ? hash + 1 : type;
	size_t length = strcspn(start, ":");

	if (length == 0 || length > CODE_MAX)
		return false;
	memcpy(out, start, length);
	out[length] = '\0';
	return aid_syntax_only(out, AID_ALNUM "._-");
}

/* The same code stands for a wrong key and for a wrong clock. */
static bool is_about_time(const char *message)
{
	return message != NULL && (strstr(message, "Signature expired") != NULL ||
		strstr(message, "Signature not yet current") != NULL);
}

static int refuse(const struct aid_sm *sm, const struct aid_exchange_answer *answer,
	const struct aid_secret *value, struct aid_error *err)
{
	struct aid_manager_refusal refusal = {
		.status = AID_OK, .first = sm->keys->secret, .second = value};
	AID_AUTO(aid_json) *document = NULL;
	const char *type, *message = NULL;
	char code[CODE_MAX + 1];

	if (aid_answer_json(answer, &document, NULL) != AID_OK)
		return aid_manager_refuse(answer, &refusal, err);
	if (aid_json_text(document, "message", 1, 8192, &message, NULL) != AID_OK)
		(void)!aid_json_text(document, "Message", 1, 8192, &message, NULL);
	if (aid_json_text(document, "__type", 1, 512, &type, NULL) == AID_OK && take_code(type, code))
		refusal.code = code;
	for (size_t i = 0; i < sizeof(codes) / sizeof(codes[0]); i++) {
		if (aid_streq(codes[i].code, refusal.code))
			refusal.status = codes[i].status;
	}
	if (refusal.status == AID_E_CREDENTIAL && is_about_time(message))
		refusal.status = AID_E_EXPIRED;
	refusal.message = message;
	return aid_manager_refuse(answer, &refusal, err);
}

bool aid_sm_keys_refused(const struct aid_error *err)
{
	return err->status == AID_E_CREDENTIAL && err->http_status != 0;
}

static int take_version(const struct aid_json *document, const char *host,
	char out[AID_SM_VERSION_MAX + 1], struct aid_error *err)
{
	const char *version;

	if (aid_json_text(document, "VersionId", 1, AID_SM_VERSION_MAX, &version, NULL) != AID_OK ||
		!aid_syntax_only(version, AID_ALNUM "-_.+/="))
		return aid_fail(err, AID_E_PROTOCOL, "host '%.64s': no VersionId of at most %u characters in "
			"the answer", host, AID_SM_VERSION_MAX);
	memcpy(out, version, strlen(version) + 1);
	return AID_OK;
}

int aid_sm_get_answer(const struct aid_sm *sm, const struct aid_exchange_answer *answer,
	struct aid_sm_secret *ret_secret, struct aid_error *err)
{
	struct aid_sm_secret secret = {.value = NULL};
	AID_AUTO(aid_json) *document = NULL;
	const char *text;
	int r;

	if (answer->status != 200)
		return refuse(sm, answer, NULL, err);
	r = aid_answer_json(answer, &document, err);
	if (r == AID_OK)
		r = take_version(document, answer->host, secret.version_id, err);
	if (r != AID_OK)
		return r;
	if (aid_json_has(document, "SecretBinary"))
		return aid_fail(err, AID_E_CONFIG, "host '%.64s': the secret is binary (SecretBinary); a client "
			"secret is text (SecretString)", answer->host);
	if (aid_json_text(document, "SecretString", 0, VALUE_MAX, &text, NULL) != AID_OK)
		return aid_fail(err, AID_E_PROTOCOL, "host '%.64s': no SecretString in the answer", answer->host);
	if (text[0] == '\0')
		return aid_fail(err, AID_E_CREDENTIAL, "host '%.64s': the secret is empty", answer->host);
	secret.value = aid_secret_from(text, strlen(text));
	if (secret.value == NULL)
		return aid_fail(err, AID_E_NOMEM, "out of memory");
	*ret_secret = secret;
	return AID_OK;
}

int aid_sm_field(const struct aid_sm_secret *secret, const char *field, const char *host,
	struct aid_secret **ret_value, struct aid_error *err)
{
	AID_AUTO(aid_json) *document = NULL;
	size_t length = aid_secret_length(secret->value);
	struct aid_error why = AID_ERROR_INIT;

	if (field == NULL && length > AID_CLIENT_SECRET_MAX)
		return aid_fail(err, AID_E_TOOBIG, "host '%.64s': the secret has %zu bytes, at most %u are "
			"allowed", host, length, AID_CLIENT_SECRET_MAX);
	if (field == NULL) {
		*ret_value = aid_secret_from(aid_secret_peek(secret->value), length);
		return *ret_value != NULL ? AID_OK : aid_fail(err, AID_E_NOMEM, "out of memory");
	}
	if (aid_json_parse(aid_secret_peek(secret->value), length, VALUE_MAX, &document, &why) != AID_OK)
		return aid_fail(err, AID_E_PROTOCOL, "host '%.64s': the secret is no JSON object that could have "
			"a field '%.64s'", host, field);
	return aid_manager_value(document, field, host, ret_value, err);
}

void aid_sm_secret_done(struct aid_sm_secret *secret)
{
	aid_secret_free(aid_steal(&secret->value));
}

int aid_sm_put_answer(const struct aid_sm *sm, const struct aid_exchange_answer *answer,
	const char *version_id, const struct aid_secret *value, struct aid_error *err)
{
	AID_AUTO(aid_json) *document = NULL;
	char made[AID_SM_VERSION_MAX + 1];
	int r;

	if (answer->status != 200)
		return refuse(sm, answer, value, err);
	r = aid_answer_json(answer, &document, err);
	if (r == AID_OK)
		r = take_version(document, answer->host, made, err);
	if (r == AID_OK && !aid_streq(made, version_id))
		r = aid_fail(err, AID_E_PROTOCOL, "host '%.64s': version '%s' was made, '%s' was to be",
			answer->host, made, version_id);
	return r;
}

int aid_sm_done_answer(const struct aid_sm *sm, const struct aid_exchange_answer *answer,
	struct aid_error *err)
{
	return answer->status == 200 ? AID_OK : refuse(sm, answer, NULL, err);
}

static bool has_stage(const struct aid_json *stages, const char *stage)
{
	for (size_t i = 0; i < aid_json_array_count(stages); i++) {
		if (aid_streq(aid_json_array_text(stages, i), stage))
			return true;
	}
	return false;
}

static int take_stages(const struct aid_json *versions, const char *host, struct aid_sm_stages *stages,
	struct aid_error *err)
{
	const struct {
		const char *stage;
		char *out;
	} known[] = {{AID_SM_CURRENT, stages->current}, {AID_SM_PENDING, stages->pending},
		{AID_SM_PREVIOUS, stages->previous}};
	const struct aid_json *of_version;
	const char *version;

	for (size_t i = 0; (of_version = aid_json_member(versions, i, &version)) != NULL; i++) {
		if (!aid_json_is_array(of_version) || strlen(version) > AID_SM_VERSION_MAX)
			return aid_fail(err, AID_E_PROTOCOL, "host '%.64s': VersionIdsToStages is no list of "
				"stages for each version", host);
		for (size_t j = 0; j < sizeof(known) / sizeof(known[0]); j++) {
			if (has_stage(of_version, known[j].stage))
				memcpy(known[j].out, version, strlen(version) + 1);
		}
	}
	return AID_OK;
}

int aid_sm_describe_answer(const struct aid_sm *sm, const struct aid_exchange_answer *answer,
	struct aid_sm_stages *ret_stages, struct aid_error *err)
{
	struct aid_sm_stages stages = {.rotates = false};
	AID_AUTO(aid_json) *document = NULL;
	const struct aid_json *versions;
	int r;

	if (answer->status != 200)
		return refuse(sm, answer, NULL, err);
	r = aid_answer_json(answer, &document, err);
	if (r != AID_OK)
		return r;
	/* A secret without any value has none. */
	if (aid_json_object(document, "VersionIdsToStages", &versions, NULL) == AID_OK)
		r = take_stages(versions, answer->host, &stages, err);
	if (r != AID_OK)
		return r;
	(void)!aid_json_bool(document, "RotationEnabled", &stages.rotates, NULL);
	stages.deleted = aid_json_has(document, "DeletedDate");
	*ret_stages = stages;
	return AID_OK;
}
