/* SPDX-License-Identifier: LGPL-2.1-or-later
 * Copyright The agentid authors */
/* The signing half of jwt.h. */
#include "jwt.h"

#include "b64.h"
#include "str.h"

#include <inttypes.h>
#include <string.h>

#define PART_MAX 4096U /* bytes of a header or a payload */
#define JTI_BYTES 16U
#define BACKDATE_S 5   /* of nbf: a verifier's clock may be that far behind */
#define LIFETIME_MAX_MS (INT64_C(24) * 3600 * 1000)

static int check_request(const struct aid_jwt_request *request, struct aid_error *err)
{
	if (request->issuer == NULL || request->subject == NULL || request->audience == NULL)
		return aid_fail(err, AID_E_INVALID, "a token needs issuer, subject and audience");
	if (request->lifetime_ms < 1000 || request->lifetime_ms > LIFETIME_MAX_MS ||
		request->lifetime_ms % 1000 != 0)
		return aid_fail(err, AID_E_INVALID,
			"token lifetime %" PRId64 " ms, whole seconds from 1 s to 24 h are allowed",
			request->lifetime_ms);
	return AID_OK;
}

static struct aid_json *build_header(enum aid_alg alg, const char *kid)
{
	AID_AUTO(aid_json) *header = aid_json_new_object();

	if (header == NULL || aid_json_put_text(header, "alg", aid_alg_info(alg)->name) != AID_OK ||
		aid_json_put_text(header, "typ", "JWT") != AID_OK)
		return NULL;
	if (kid != NULL && aid_json_put_text(header, "kid", kid) != AID_OK)
		return NULL;
	return aid_steal(&header);
}

static struct aid_json *build_payload(const struct aid_jwt_request *request, const char *jti,
	int64_t issued_s)
{
	AID_AUTO(aid_json) *payload = aid_json_new_object();

	if (payload == NULL || aid_json_put_text(payload, "iss", request->issuer) != AID_OK ||
		aid_json_put_text(payload, "sub", request->subject) != AID_OK ||
		aid_json_put_text(payload, "aud", request->audience) != AID_OK ||
		aid_json_put_int(payload, "iat", issued_s) != AID_OK ||
		aid_json_put_int(payload, "exp", issued_s + request->lifetime_ms / 1000) != AID_OK ||
		aid_json_put_text(payload, "jti", jti) != AID_OK)
		return NULL;
	if (request->with_not_before &&
		aid_json_put_int(payload, "nbf", issued_s - BACKDATE_S) != AID_OK)
		return NULL;
	return aid_steal(&payload);
}

/* Header, dot and payload: what is signed. No secret yet. */
struct input {
	char text[2 * AID_B64_SIZE(PART_MAX)];
	size_t length;
};

static int add_part(struct input *input, const struct aid_json *part, struct aid_error *err)
{
	char text[PART_MAX + 1];
	size_t length;
	int r;

	if (part == NULL)
		return aid_fail(err, AID_E_NOMEM, "out of memory");
	r = aid_json_render(part, text, sizeof(text), &length);
	if (r == AID_E_TOOBIG)
		return aid_fail(err, AID_E_INVALID, "token header or claims over %u bytes", PART_MAX);
	if (r != AID_OK)
		return aid_fail(err, r, "out of memory");
	input->length += aid_b64_encode(text, length, input->text + input->length);
	return AID_OK;
}

static int build_input(enum aid_alg alg, const struct aid_jwt_request *request, const char *jti,
	struct input *input, struct aid_error *err)
{
	AID_AUTO(aid_json) *header = build_header(alg, request->kid);
	AID_AUTO(aid_json) *payload = build_payload(request, jti, request->now_wall_ms / 1000);
	int r;

	r = add_part(input, header, err);
	if (r != AID_OK)
		return r;
	input->text[input->length++] = '.';
	return add_part(input, payload, err);
}

static int add_signature(const struct input *input, const struct aid_signing_key *key,
	enum aid_alg alg, struct aid_secret **ret_token, struct aid_error *err)
{
	char encoded[1 + AID_B64_SIZE(AID_SIGNATURE_MAX)];
	AID_AUTO(aid_secret) *token = NULL;
	uint8_t signature[AID_SIGNATURE_MAX];
	size_t length;
	int r;

	r = aid_signing_key_sign(key, alg, input->text, input->length, signature, &length, err);
	if (r != AID_OK)
		return r;
	encoded[0] = '.';
	length = 1 + aid_b64_encode(signature, length, encoded + 1);
	token = aid_secret_new(input->length + length);
	if (token == NULL || aid_secret_append(token, input->text, input->length) != AID_OK ||
		aid_secret_append(token, encoded, length) != AID_OK)
		r = aid_fail(err, AID_E_NOMEM, "out of memory");
	explicit_bzero(signature, sizeof(signature));
	explicit_bzero(encoded, sizeof(encoded));
	if (r == AID_OK)
		*ret_token = aid_steal(&token);
	return r;
}

int aid_jwt_sign(const struct aid_signing_key *key, enum aid_alg alg,
	const struct aid_jwt_request *request, struct aid_jwt_signed *ret_signed, struct aid_error *err)
{
	AID_AUTO(aid_secret) *token = NULL;
	struct input input;
	uint8_t random[JTI_BYTES];
	char jti[sizeof(ret_signed->jti) + 2];
	int r;

	r = check_request(request, err);
	if (r != AID_OK)
		return r;
	if (((unsigned int)alg & aid_signing_key_algs(key)) == 0)
		return aid_fail(err, AID_E_CONFIG, "a key for %s cannot sign with %s",
			aid_alg_info(aid_signing_key_default_alg(key))->name,
			aid_alg_info(alg) != NULL ? aid_alg_info(alg)->name : "?");
	if (aid_random(random, sizeof(random)) != AID_OK)
		return aid_fail(err, AID_E_IO, "the random generator failed");
	(void)aid_b64_encode(random, sizeof(random), jti);
	input.length = 0;
	r = build_input(alg, request, jti, &input, err);
	if (r == AID_OK)
		r = add_signature(&input, key, alg, &token, err);
	if (r != AID_OK)
		return r;
	ret_signed->token = aid_steal(&token);
	ret_signed->expires_wall_ms =
		(request->now_wall_ms / 1000) * 1000 + request->lifetime_ms;
	memcpy(ret_signed->jti, jti, sizeof(ret_signed->jti));
	return AID_OK;
}

void aid_jwt_signed_done(struct aid_jwt_signed *token)
{
	aid_secret_free(token->token);
	token->token = NULL;
}
