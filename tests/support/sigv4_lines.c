/* SPDX-License-Identifier: LGPL-2.1-or-later
 * Copyright The agentid authors */
/* Signs what stands in the lines of its input with lib/sigv4.h, for comparison with another signer. A line is
 * METHOD PATH QUERY BODY MILLISECONDS and then names and values of headers, in hexadecimal digits and with a tab
 * between; the answer is the signature. */
#include "sigv4.h"

#include "str.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define KEY "wJalrXUtnFEMI/K7MDENG+bPxRfiCYEXAMPLEKEY"
#define TOKEN "SESSIONTOKENEXAMPLE"
#define FIELDS_MAX 64U

static char *unhex(const char *text)
{
	size_t length = strlen(text) / 2;
	char *out = calloc(1, length + 1);

	if (out == NULL || aid_str_unhex(text, out, length) != AID_OK)
		abort();
	return out;
}

static int sign_line(char *line)
{
	AID_AUTO(aid_secret) *secret = aid_secret_from(KEY, sizeof(KEY) - 1);
	AID_AUTO(aid_secret) *token = aid_secret_from(TOKEN, sizeof(TOKEN) - 1);
	const struct aid_sigv4_keys keys = {"AKIDEXAMPLE", secret, token};
	struct aid_sigv4_header headers[FIELDS_MAX / 2];
	struct aid_sigv4_signed made = {.authorization = NULL};
	struct aid_error err = AID_ERROR_INIT;
	char *fields[FIELDS_MAX], *rest = line;
	size_t count = 0;

	while (count < FIELDS_MAX && rest != NULL)
		fields[count++] = unhex(strsep(&rest, "\t"));
	if (count < 5)
		abort();
	for (size_t i = 5; i + 1 < count; i += 2)
		headers[(i - 5) / 2] = (struct aid_sigv4_header){fields[i], fields[i + 1]};
	const struct aid_sigv4_request request = {
		.method = fields[0], .path = fields[1], .query = fields[2], .body = fields[3],
		.body_length = strlen(fields[3]), .now_wall_ms = strtoll(fields[4], NULL, 10),
		.headers = headers, .n_headers = (count - 5) / 2, .region = "eu-west-1",
		.service = "secretsmanager",
	};
	if (aid_sigv4_sign(&keys, &request, &made, &err) != AID_OK)
		(void)printf("%s\n", err.text);
	else
		(void)printf("%s\n", made.signature);
	aid_secret_free(made.authorization);
	for (size_t i = 0; i < count; i++)
		free(fields[i]);
	return 0;
}

int main(void)
{
	char *line = NULL;
	size_t size = 0;
	ssize_t length;

	while ((length = getline(&line, &size, stdin)) > 0) {
		line[length - (line[length - 1] == '\n' ? 1 : 0)] = '\0';
		(void)sign_line(line);
	}
	free(line);
	return 0;
}
