/* SPDX-License-Identifier: LGPL-2.1-or-later
 * Copyright The agentid authors */
/* agentid verify: has another agent's token verified by the daemons, and says what it says. */
#include "commands.h"

#include "clock.h"
#include "output.h"
#include "str.h"
#include "trusts.h"
#include "verify_call.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#define LIFETIME_MIN_MS 1000
#define TIMEOUT_MIN_MS 500

struct verify {
	struct aid_verify_request request;
	const char *issuers[AID_TRUSTS_MAX + 1];
	size_t n_issuers;
	const char *proof_file;
	const char *certificate_file;
	bool json;
};

/* Up to the limit and one byte more, so that what is too long is seen to be; without the line's end. */
static int read_text(int fd, const char *name, size_t max, struct aid_secret **ret_text)
{
	AID_AUTO(aid_secret) *text = aid_secret_new(max + 1);
	size_t room;

	if (text == NULL) {
		cli_error("out of memory");
		return CLI_FAILURE;
	}
	for (;;) {
		char *tail = aid_secret_tail(text, &room);
		ssize_t got = room > 0 ? read(fd, tail, room) : 0;

		if (got < 0 && errno == EINTR)
			continue;
		if (got < 0) {
			cli_error("%s: %s", name, strerrordesc_np(errno));
			return CLI_FAILURE;
		}
		if (got == 0)
			break;
		aid_secret_grown(text, (size_t)got);
	}
	for (size_t n = aid_secret_length(text);
		n > 0 && strchr(" \t\r\n", aid_secret_peek(text)[n - 1]) != NULL; n--)
		aid_secret_truncate(text, n - 1);
	*ret_text = aid_steal(&text);
	return -1;
}

static int read_file(const char *path, size_t max, struct aid_secret **ret_text)
{
	AID_FD(fd);

	fd = open(path, O_RDONLY | O_CLOEXEC | O_NOCTTY);
	if (fd < 0) {
		cli_error("%s: %s", path, strerrordesc_np(errno));
		return CLI_FAILURE;
	}
	return read_text(fd, path, max, ret_text);
}

static int parse_time(const struct cli *cli, const char *option, int64_t min_ms, int64_t max_ms,
	int64_t *ret_ms)
{
	if (aid_str_parse_duration(optarg, ret_ms) == AID_OK && *ret_ms >= min_ms && *ret_ms <= max_ms)
		return -1;
	return cli_usage(cli, "%s '%s': a duration from %lld to %lld s, such as 10s", option, optarg,
		(long long)(min_ms + 999) / 1000, (long long)(max_ms / 1000));
}

static int take_issuer(const struct cli *cli, struct verify *verify)
{
	if (verify->n_issuers == AID_TRUSTS_MAX)
		return cli_usage(cli, "--issuer: at most %u are allowed", AID_TRUSTS_MAX);
	verify->issuers[verify->n_issuers++] = optarg;
	verify->request.issuers = verify->issuers;
	return -1;
}

static int take_option(const struct cli *cli, int letter, char **argv, struct verify *verify)
{
	struct aid_verify_request *request = &verify->request;

	switch (letter) {
	case 'a':
		request->audience = optarg;
		return -1;
	case 'i':
		return take_issuer(cli, verify);
	case 's':
		request->subject = optarg;
		return -1;
	case 'l':
		return parse_time(cli, "--max-lifetime", LIFETIME_MIN_MS, AID_VERIFY_LIFETIME_MAX_MS,
			&request->max_lifetime_ms);
	case 'd':
		verify->proof_file = optarg;
		return -1;
	case 'm':
		request->method = optarg;
		return -1;
	case 'u':
		request->uri = optarg;
		return -1;
	case 'c':
		verify->certificate_file = optarg;
		return -1;
	case 't':
		return parse_time(cli, "--timeout", TIMEOUT_MIN_MS, AID_VERIFY_TIMEOUT_MAX_MS,
			&request->timeout_ms);
	case 'j':
		verify->json = true;
		return -1;
	default:
		return cli_other_option(cli, letter, argv);
	}
}

static int parse(const struct cli *cli, int argc, char **argv, struct verify *verify)
{
	static const struct option options[] = {
		{"audience", required_argument, NULL, 'a'},
		{"certificate", required_argument, NULL, 'c'},
		{"dpop", required_argument, NULL, 'd'},
		{"help", no_argument, NULL, 'h'},
		{"issuer", required_argument, NULL, 'i'},
		{"json", no_argument, NULL, 'j'},
		{"max-lifetime", required_argument, NULL, 'l'},
		{"method", required_argument, NULL, 'm'},
		{"subject", required_argument, NULL, 's'},
		{"timeout", required_argument, NULL, 't'},
		{"uri", required_argument, NULL, 'u'},
		{NULL, 0, NULL, 0},
	};
	const struct aid_verify_request *request = &verify->request;
	int letter;

	while ((letter = cli_getopt(argc, argv, "+:h", options)) != -1) {
		int status = take_option(cli, letter, argv, verify);

		if (status >= 0)
			return status;
	}
	if (optind < argc)
		return cli_usage(cli, "'%s' is one argument too many: the token is read from standard input",
			argv[optind]);
	if (request->audience == NULL)
		return cli_usage(cli, "--audience is needed: a token for anybody is a token for others");
	if ((verify->proof_file == NULL) != (request->method == NULL) ||
		(verify->proof_file == NULL) != (request->uri == NULL))
		return cli_usage(cli, "--dpop, --method and --uri go together");
	return -1;
}

/* For whoever looks at the exit status: the token is good, it is not, or it could not be judged. */
static int exit_status(int status)
{
	switch (status) {
	case AID_E_PROTOCOL:
	case AID_E_EXPIRED:
	case AID_E_UNTRUSTED:
	case AID_E_TOOBIG:
		return CLI_REFUSED;
	case AID_E_BUSY:
		return CLI_UNREACHABLE;
	default:
		return cli_exit_status(status);
	}
}

/* Strings of a stranger: nothing that a terminal acts on, nor looks like another letter. */
static void print_claims(const struct aid_secret *claims)
{
	const char *text = aid_secret_peek(claims);

	for (size_t i = 0; i < aid_secret_length(claims); i++)
		(void)putchar(text[i] >= 0x20 && text[i] < 0x7f ? text[i] : '?');
	(void)putchar('\n');
}

static void print(const struct aid_verified *verified)
{
	char when[OUTPUT_TIME_SIZE];

	(void)printf("issuer   %s\nsubject  %s\nexpires  %s\ntoken    %s\nclaims   ", verified->issuer,
		verified->subject[0] != '\0' ? verified->subject : "(see claims)",
		output_relative(verified->expires_wall_ms, aid_clock_wall_ms(), when), verified->token_id);
	print_claims(verified->claims);
}

static int ask(struct verify *verify)
{
	struct aid_verified verified;
	struct aid_error err = AID_ERROR_INIT;

	if (aid_verify_call(&verify->request, &verified, &err) != AID_OK) {
		(void)cli_fail(&err);
		return exit_status(err.status);
	}
	if (verify->json)
		(void)printf("%s\n", aid_secret_peek(verified.claims));
	else
		print(&verified);
	aid_verified_done(&verified);
	return cli_flush(CLI_OK);
}

int command_verify(const struct cli *cli, int argc, char **argv)
{
	struct verify verify = {.request = {
		.socket = AID_SOCKET_PATH,
		.max_lifetime_ms = AID_VERIFY_LIFETIME_MS,
		.timeout_ms = AID_VERIFY_TIMEOUT_MS,
	}};
	AID_AUTO(aid_secret) *token = NULL;
	AID_AUTO(aid_secret) *proof = NULL;
	AID_AUTO(aid_secret) *certificate = NULL;
	int status = parse(cli, argc, argv, &verify);

	if (status < 0 && verify.proof_file != NULL)
		status = read_file(verify.proof_file, AID_VERIFY_PROOF_MAX, &proof);
	if (status < 0 && verify.certificate_file != NULL)
		status = read_file(verify.certificate_file, AID_VERIFY_CERTIFICATE_MAX, &certificate);
	if (status < 0)
		status = read_text(STDIN_FILENO, "standard input", AID_TOKEN_MAX, &token);
	if (status >= 0)
		return status;
	verify.request.token = aid_secret_peek(token);
	verify.request.token_length = aid_secret_length(token);
	verify.request.proof = proof != NULL ? aid_secret_peek(proof) : NULL;
	verify.request.certificate = certificate != NULL ? aid_secret_peek(certificate) : NULL;
	return ask(&verify);
}
