/* SPDX-License-Identifier: LGPL-2.1-or-later
 * Copyright The agentid authors */
/* The verification of a token that somebody showed to a process of this host. Nobody here has asked for
 * that token, so nothing of it is believed or logged: the reason goes to whoever wants to know. Why a
 * document of the issuer cannot be had is logged, once for all who wait for it. */
#include "fetch.h"

#include "bearer.h"
#include "clock.h"
#include "dpop.h"
#include "job_private.h"
#include "jwt.h"
#include "provider.h"
#include "replay.h"
#include "str.h"
#include "trusts.h"

#include <string.h>

#define PIN_SIZE 256U
#define TIMEOUT_MAX_MS 60000
#define LIFETIME_MIN_MS 1000
#define LIFETIME_MAX_MS (86400 * INT64_C(1000))
#define SUBJECT_MAX 1024U

struct judgement {
	struct aid_secret *token;
	struct aid_secret *proof;       /* NULL: none */
	char audience[PIN_SIZE];
	char subject[PIN_SIZE];         /* "": any */
	char method[AID_DPOP_METHOD_MAX + 1];
	char uri[AID_DPOP_URI_MAX + 1];
	char certificate[AID_THUMBPRINT_SIZE]; /* "": none */
	int64_t max_lifetime_ms;
	int64_t timeout_ms;
	uint8_t *texts;                 /* what the trusts point to */
	struct aid_trusts trusts;
	const struct aid_trust *trust;  /* of the token's issuer */
	unsigned int algs;
	bool refetched;
};

static void free_judgement(void *data)
{
	struct judgement *j = data;

	if (j == NULL)
		return;
	aid_secret_free(j->token);
	aid_secret_free(j->proof);
	free(j->texts);
	free(j);
}

static int take_bytes(const struct aid_frame *frame, enum aid_tag tag, size_t max,
	struct aid_secret **ret_bytes, struct aid_error *err)
{
	const struct aid_field *field = &frame->fields[tag];

	if (field->length < 1 || field->length > max)
		return aid_fail(err, AID_E_PROTOCOL, "frame: field %d of %zu bytes, 1 to %zu are allowed",
			(int)tag, field->length, max);
	*ret_bytes = aid_secret_from(field->bytes, field->length);
	return *ret_bytes != NULL ? AID_OK : aid_fail(err, AID_E_NOMEM, "out of memory");
}

static int read_texts(const struct aid_frame *frame, struct judgement *j, struct aid_error *err)
{
	int r = aid_frame_text_required(frame, AID_TAG_AUDIENCE, j->audience, sizeof(j->audience), err);

	if (r == AID_OK)
		r = aid_frame_text(frame, AID_TAG_SUBJECT, j->subject, sizeof(j->subject), err);
	if (r == AID_OK)
		r = aid_frame_int(frame, AID_TAG_MAX_LIFETIME_MS, LIFETIME_MIN_MS, LIFETIME_MAX_MS,
			&j->max_lifetime_ms, err);
	if (r == AID_OK)
		r = aid_frame_int(frame, AID_TAG_TIMEOUT_MS, 1, TIMEOUT_MAX_MS, &j->timeout_ms, err);
	if (r == AID_OK && aid_frame_has(frame, AID_TAG_CERTIFICATE))
		r = aid_certificate_thumbprint(frame->fields[AID_TAG_CERTIFICATE].bytes,
			frame->fields[AID_TAG_CERTIFICATE].length, j->certificate, err);
	if (r != AID_OK || !aid_frame_has(frame, AID_TAG_PROOF))
		return r;
	r = take_bytes(frame, AID_TAG_PROOF, AID_DPOP_MAX, &j->proof, err);
	if (r == AID_OK)
		r = aid_frame_text_required(frame, AID_TAG_METHOD, j->method, sizeof(j->method), err);
	if (r == AID_OK)
		r = aid_frame_text_required(frame, AID_TAG_URI, j->uri, sizeof(j->uri), err);
	return r;
}

static int read_trusts(const struct aid_frame *frame, struct judgement *j, struct aid_error *err)
{
	const struct aid_field *field = &frame->fields[AID_TAG_TRUSTS];

	j->texts = malloc(field->length + 1);
	if (j->texts == NULL)
		return aid_fail(err, AID_E_NOMEM, "out of memory");
	if (field->length > 0)
		memcpy(j->texts, field->bytes, field->length);
	return aid_trusts_parse(j->texts, field->length, &j->trusts, err);
}

static int choose_trust(struct judgement *j, struct aid_error *err)
{
	const char *issuers[AID_TRUSTS_MAX];
	size_t index;
	int r;

	for (size_t i = 0; i < j->trusts.count; i++)
		issuers[i] = j->trusts.items[i].issuer;
	r = aid_bearer_issuer(j->token, issuers, j->trusts.count, &index, err);
	if (r != AID_OK)
		return r;
	j->trust = &j->trusts.items[index];
	return aid_algs_parse(j->trust->algs, &j->algs, err);
}

static int read_judgement(const struct aid_frame *frame, struct judgement *j, struct aid_error *err)
{
	int r = take_bytes(frame, AID_TAG_SECRET, AID_TOKEN_MAX, &j->token, err);

	if (r == AID_OK)
		r = read_texts(frame, j, err);
	if (r == AID_OK)
		r = read_trusts(frame, j, err);
	if (r == AID_OK)
		r = choose_trust(j, err);
	return r;
}

/* ---- what the bearer has to prove ---- */

static int check_certificate(const struct judgement *j, const char *wanted, struct aid_error *err)
{
	if (j->certificate[0] == '\0')
		return aid_fail(err, AID_E_DENIED,
			"the token is bound to a TLS certificate (cnf x5t#S256): the client's is needed "
			"(--certificate)");
	if (!aid_streq(j->certificate, wanted))
		return aid_fail(err, AID_E_DENIED,
			"the client's certificate %s is not that of the token's cnf x5t#S256, %s",
			j->certificate, wanted);
	return AID_OK;
}

static int note_proof(struct fetch *fetch, const char *key, const char *jti, struct aid_error *err)
{
	int r;

	if (fetch->replay == NULL)
		fetch->replay = aid_replay_new(AID_REPLAY_MAX,
			AID_DPOP_AGE_MS + AID_DPOP_AHEAD_MS + INT64_C(1000));
	if (fetch->replay == NULL)
		return aid_fail(err, AID_E_NOMEM, "out of memory");
	r = aid_replay_note(fetch->replay, key, jti, aid_clock_boot_ms(), err);
	return r == AID_OK ? AID_OK : aid_prefix(err, "DPoP proof");
}

static int check_proof(struct fetch *fetch, const struct judgement *j, const char *key,
	struct aid_error *err)
{
	const struct aid_dpop_params params = {
		.method = j->method,
		.uri = j->uri,
		.token = j->token,
		.thumbprint = key,
		.now_wall_ms = aid_clock_wall_ms(),
		.remembered_ms = aid_clock_boot_ms() - fetch->started_boot_ms,
	};
	struct aid_dpop_proof proof;
	int r;

	if (j->proof == NULL)
		return aid_fail(err, AID_E_DENIED,
			"the token is bound to a key (cnf jkt): a DPoP proof is needed (--dpop)");
	r = aid_dpop_verify(j->proof, &params, &proof, err);
	return r == AID_OK ? note_proof(fetch, key, proof.jti, err) : r;
}

/* The proof last: what is refused for another reason does not use it up. */
static int check_binding(struct fetch *fetch, const struct judgement *j, const struct aid_json *claims,
	struct aid_error *err)
{
	struct aid_binding binding;
	int r = aid_bearer_binding(claims, &binding, err);

	if (r == AID_OK && binding.x5t[0] != '\0')
		r = check_certificate(j, binding.x5t, err);
	if (r == AID_OK && binding.jkt[0] != '\0')
		return check_proof(fetch, j, binding.jkt, err);
	if (r == AID_OK && j->proof != NULL)
		return aid_fail(err, AID_E_DENIED,
			"there is a DPoP proof, and the token is not bound to a key (cnf jkt): anybody can make "
			"a proof for such a token");
	return r;
}

/* ---- the answer ---- */

static int verify(struct fetch *fetch, const struct judgement *j, const struct aid_jwk_set *keys,
	struct aid_claims *claims, struct aid_json **ret_document, struct aid_error *err)
{
	const struct aid_jwt_params params = {
		.issuer = j->trust->issuer,
		.audience = j->audience,
		.subject = j->subject[0] != '\0' ? j->subject : NULL,
		.algs = j->algs,
		.max_lifetime_ms = j->max_lifetime_ms,
		.now_wall_ms = aid_clock_wall_ms(),
		.skew_ms = AID_JWT_SKEW_MS,
		.is_peer = true,
	};
	int r = aid_jwt_verify_all(j->token, &params, keys, claims, ret_document, err);

	return r == AID_OK ? check_binding(fetch, j, *ret_document, err) : r;
}

static int send_claims(struct fetch *fetch, struct client *client, uint32_t id,
	const struct judgement *j, const struct aid_claims *claims, const struct aid_json *document,
	struct aid_error *err)
{
	char text[AID_CLAIMS_MAX + 1], token_id[AID_TOKEN_ID_SIZE];
	struct verified verified = {
		.claims = text,
		.issuer = j->trust->issuer,
		.token_id = token_id,
		.expires_wall_ms = claims->expires_wall_ms,
	};
	const char *subject;
	int r = aid_json_render(document, text, sizeof(text), &verified.length);

	if (r != AID_OK)
		return aid_fail(err, r, "the claims are over %d bytes", AID_CLAIMS_MAX);
	r = aid_token_id(j->token, token_id);
	if (r != AID_OK)
		return aid_fail(err, r, "the token cannot be hashed");
	if (aid_json_text(document, "sub", 1, SUBJECT_MAX, &subject, NULL) == AID_OK &&
		aid_str_is_printable(subject))
		verified.subject = subject;
	client_send_verified(fetch, client, id, &verified);
	return AID_OK;
}

static int judge(struct fetch *fetch, struct client *client, uint32_t id, const struct judgement *j,
	const struct aid_jwk_set *keys, struct aid_error *err)
{
	AID_AUTO(aid_json) *document = NULL;
	struct aid_claims claims;
	int r = verify(fetch, j, keys, &claims, &document, err);

	return r == AID_OK ? send_claims(fetch, client, id, j, &claims, document, err) : r;
}

/* ---- keys from the network ---- */

/* True: it has its keys, or it cannot have them (*ret_r). False: it waits. */
static bool get_keys(struct job *job, const struct aid_jwk_set **ret_keys, int *ret_r,
	struct aid_error *err)
{
	const struct aid_metadata *metadata;
	int r = provider_metadata(job->provider, job, &metadata, err);

	if (r == AID_OK)
		r = provider_keys(job->provider, job, ret_keys, err);
	*ret_r = r;
	return r != AID_E_BUSY || !job->is_waiting;
}

static void advance(struct job *job, void *data)
{
	struct aid_error err = AID_ERROR_INIT;
	struct judgement *j = data;
	const struct aid_jwk_set *keys;
	int r;

	if (!get_keys(job, &keys, &r, &err))
		return;
	if (r != AID_OK) {
		job_fail_by_provider(job, &err);
		return;
	}
	r = judge(job->fetch, job->client, job->id, j, keys, &err);
	if (r == AID_E_NOTFOUND && !j->refetched) {
		j->refetched = true;
		if (provider_refetch_shown(job->provider, job))
			return;
	}
	if (r == AID_OK) {
		job_cancel(job);
		return;
	}
	if (r == AID_E_NOTFOUND)
		err.status = AID_E_UNTRUSTED;
	job_fail(job, &err);
}

static void judge_by_network(struct fetch *fetch, struct client *client, uint32_t id,
	struct judgement *j)
{
	static const struct job_work work = {"the issuer's keys", advance, free_judgement};
	const struct provider_name name = {j->trust->issuer, j->trust->ca_file, j->trust->allowed_hosts};
	struct aid_error err = AID_ERROR_INIT;
	struct job *job = job_start_work(fetch, client, id, j->timeout_ms, &name, &work, j);

	if (job == NULL)
		return;
	if (provider_lately(job->provider, &err) != AID_OK)
		job_fail_by_provider(job, &err);
	else
		job_advance(job);
}

/* ---- keys of this host ---- */

static int judge_here(struct fetch *fetch, struct client *client, uint32_t id,
	const struct judgement *j, const int *fds, size_t n_fds, struct aid_error *err)
{
	AID_AUTO(aid_secret) *bytes = NULL;
	AID_AUTO(aid_jwk_set) *keys = NULL;
	int r;

	if (n_fds != 1)
		return aid_fail(err, AID_E_PROTOCOL, "frame: %zu descriptors, the host's key set is wanted",
			n_fds);
	r = secret_read(fds[0], "the host's key set", AID_JWK_SET_BYTES_MAX, &bytes, err);
	if (r == AID_OK)
		r = aid_jwk_set_parse(aid_secret_peek(bytes), aid_secret_length(bytes), &keys, err);
	if (r != AID_OK && r != AID_E_NOMEM) {
		err->status = AID_E_CONFIG;
		return AID_E_CONFIG;
	}
	if (r == AID_OK)
		r = judge(fetch, client, id, j, keys, err);
	if (r == AID_E_NOTFOUND)
		err->status = AID_E_UNTRUSTED;
	return r;
}

void judge_start(struct fetch *fetch, struct client *client, const struct aid_frame *frame,
	const int *fds, size_t n_fds)
{
	struct judgement *j = calloc(1, sizeof(*j));
	struct aid_error err = AID_ERROR_INIT;
	int r;

	if (j == NULL)
		r = aid_fail(&err, AID_E_NOMEM, "out of memory");
	else
		r = read_judgement(frame, j, &err);
	if (r == AID_OK && !j->trust->is_host) {
		judge_by_network(fetch, client, frame->id, j);
		return;
	}
	if (r == AID_OK)
		r = judge_here(fetch, client, frame->id, j, fds, n_fds, &err);
	if (r != AID_OK)
		client_send_error(fetch, client, frame->id, &err);
	free_judgement(j);
}
