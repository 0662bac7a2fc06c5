/* SPDX-License-Identifier: LGPL-2.1-or-later
 * Copyright The agentid authors */
#include "making.h"

#include "bench.h"
#include "client_auth.h"
#include "clock.h"
#include "file.h"
#include "jwt.h"
#include "oauth.h"
#include "secret_source.h"
#include "str.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define LIFETIME_MS 300000
#define MAX_LIFETIME_MS 3600000
#define FORM_MAX 8192U
#define CLIENT "client:1"

#define ROW(type, place, audience, packed) {type, place, audience, packed, sizeof(packed) - 1}

/* What the strict servers of tests/provider/ and exchange_vault.py want. */
static const struct row {
	const char *type, *place, *audience, *packed;
	size_t length;
} rows[] = {
	ROW("aws-sts", "endpoint", "sts.amazonaws.com",
		"role_arn=arn:aws:iam::123456789012:role/agents/Reports\0region=eu-west-1\0"),
	ROW("rfc8693", "issuer", "https://token.example",
		"client_id=" CLIENT "\0client_auth=client_secret_post\0audience=billing-api\0"
		"subject=" EXCHANGE_SUBJECT "\0"),
	ROW("vault", "address", "vault", "role=agent\0"),
};

static void check(int r, const struct aid_error *err)
{
	if (r != AID_OK)
		bench_die("%s", err->text);
}

static void add_option(struct bench_exchange *x, const char *name, const char *value)
{
	int n = snprintf(x->packed + x->length, sizeof(x->packed) - x->length, "%s=%s", name, value);

	if (n < 0 || (size_t)n >= sizeof(x->packed) - x->length)
		bench_die("the options are too long");
	x->length += (size_t)n + 1;
}

static int open_file(const char *path)
{
	int fd = path != NULL ? open(path, O_RDONLY | O_CLOEXEC) : -1;

	if (fd < 0)
		bench_die("%s: %s", path != NULL ? path : "a file", strerror(errno));
	return fd;
}

static struct aid_secret *read_file(int fd)
{
	struct aid_error err = AID_ERROR_INIT;
	struct aid_secret *bytes = NULL;

	check(aid_file_read(fd, AID_KEY_FILE_MAX, &bytes, &err), &err);
	if (lseek(fd, 0, SEEK_SET) != 0)
		bench_die("lseek: %s", strerror(errno));
	return bytes;
}

static void read_keys(struct bench_exchange *x, const struct side_options *options)
{
	struct aid_error err = AID_ERROR_INIT;
	struct aid_secret *pem;
	size_t length;

	x->key_fd = open_file(options->key_file);
	x->secret_fd = -1;
	pem = read_file(x->key_fd);
	check(aid_signing_key_parse(aid_secret_peek(pem), aid_secret_length(pem), &x->key, &err), &err);
	aid_secret_free(pem);
	if (!x->is_form)
		return;
	x->secret_fd = open_file(options->secret_file);
	x->secret = read_file(x->secret_fd);
	length = aid_secret_length(x->secret);
	if (length > 0 && aid_secret_peek(x->secret)[length - 1] == '\n')
		aid_secret_truncate(x->secret, length - 1);
}

struct bench_exchange *bench_exchange_new(const char *words, const struct side_options *options)
{
	struct bench_exchange *x = calloc(1, sizeof(*x));
	const char *url = strchr(words, ' ');
	size_t length = url != NULL ? (size_t)(url - words) : 0;
	struct aid_error err = AID_ERROR_INIT;
	const struct row *row = NULL;

	for (size_t i = 0; i < sizeof(rows) / sizeof(*rows); i++)
		if (strlen(rows[i].type) == length && strncmp(rows[i].type, words, length) == 0)
			row = &rows[i];
	if (x == NULL || row == NULL || options->issuer == NULL)
		bench_die("'%s': 'KIND URL' and --issuer are wanted", words);
	memcpy(x->packed, row->packed, row->length);
	x->length = row->length;
	add_option(x, row->place, url + 1);
	if (options->ca_file != NULL)
		add_option(x, "ca_file", options->ca_file);
	x->audience = row->audience;
	x->issuer = options->issuer;
	x->is_form = aid_streq(row->type, "rfc8693");
	aid_target_values_init(&x->options, aid_target_by_name(row->type));
	check(aid_target_unpack(&x->options, x->packed, x->length, MAX_LIFETIME_MS, &err), &err);
	read_keys(x, options);
	return x;
}

static struct aid_secret *make_assertion(const struct bench_exchange *x)
{
	const struct aid_jwt_request request = {
		.issuer = x->issuer,
		.subject = EXCHANGE_SUBJECT,
		.audience = x->audience,
		.kid = aid_signing_key_thumbprint(x->key),
		.now_wall_ms = aid_clock_wall_ms(),
		.lifetime_ms = LIFETIME_MS,
		.with_not_before = true,
	};
	struct aid_error err = AID_ERROR_INIT;
	struct aid_jwt_signed made = {0};

	check(aid_jwt_sign(x->key, aid_signing_key_default_alg(x->key), &request, &made, &err), &err);
	return made.token;
}

/* As form.c of agentid-fetch makes it. */
static void make_form(const struct bench_exchange *x, const struct aid_secret *assertion,
	struct aid_exchange_call *ret_call)
{
	const struct aid_exchange_grant grant = {
		.subject_token = assertion,
		.subject_type = "jwt",
		.requested_type = aid_target_get(&x->options, "requested_token_type"),
		.audience = aid_target_get(&x->options, "audience"),
	};
	const struct aid_client_auth_params client = {
		.method = AID_CLIENT_SECRET_POST,
		.client_id = CLIENT,
		.secret = x->secret,
		.now_wall_ms = aid_clock_wall_ms(),
	};
	struct aid_secret *form = aid_secret_new(FORM_MAX), *authorization = NULL;
	struct aid_error err = AID_ERROR_INIT;

	if (form == NULL)
		bench_die("out of memory");
	check(aid_oauth_exchange_form(&grant, form, &err), &err);
	check(aid_client_auth_apply(&client, form, &authorization, &err), &err);
	*ret_call = (struct aid_exchange_call){.body = form, .headers = {authorization}};
	(void)snprintf(ret_call->url, sizeof(ret_call->url), "%s/token",
		aid_target_get(&x->options, "issuer"));
}

void bench_exchange_call(const struct bench_exchange *exchange, struct aid_exchange_call *ret_call)
{
	struct aid_secret *assertion = make_assertion(exchange);
	struct aid_error err = AID_ERROR_INIT;
	const struct aid_exchange x = {.options = &exchange->options, .name = "bench",
		.session_name = EXCHANGE_SESSION, .assertion = assertion};

	if (exchange->is_form)
		make_form(exchange, assertion, ret_call);
	else
		check(aid_exchange_call(&x, ret_call, &err), &err);
	aid_secret_free(assertion);
}
