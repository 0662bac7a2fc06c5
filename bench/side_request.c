/* SPDX-License-Identifier: LGPL-2.1-or-later
 * Copyright The agentid authors */
/* "request:KIND URL": the bytes that agentid-fetch sends for an exchange, by one warm libcurl handle. Each
 * has an assertion of its own, because servers refuse one that was used; it is signed and put into the form
 * before the request, which is the difference between the first two phases. The answer is taken and not
 * looked at. */
#include "bench.h"
#include "making.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <curl/curl.h>

#define BODY_MAX 65536U

struct request {
	struct bench_exchange *exchange;
	CURL *curl;
	size_t length;
	char body[BODY_MAX];
};

static size_t keep(char *bytes, size_t size, size_t n, void *context)
{
	struct request *request = context;

	if (n > BODY_MAX - request->length)
		return 0;
	memcpy(request->body + request->length, bytes, n);
	request->length += n;
	return size * n;
}

static struct curl_slist *add(struct curl_slist *lines, const char *name, const char *value)
{
	char line[256];

	(void)snprintf(line, sizeof(line), "%s%s", name, value);
	lines = curl_slist_append(lines, line);
	if (lines == NULL)
		bench_die("out of memory");
	return lines;
}

static struct curl_slist *make_lines(const struct aid_exchange_call *call)
{
	struct curl_slist *lines =
		add(NULL, "Accept: ", call->accept != NULL ? call->accept : "application/json");

	lines = add(lines, "Expect:", "");
	if (call->content_type != NULL)
		lines = add(lines, "Content-Type: ", call->content_type);
	for (size_t i = 0; i < AID_HTTP_LINES_MAX && call->headers[i] != NULL; i++)
		lines = add(lines, aid_secret_peek(call->headers[i]), "");
	return lines;
}

static void perform(struct request *request, const struct aid_exchange_call *call)
{
	CURLcode rc = curl_easy_setopt(request->curl, CURLOPT_POSTFIELDS, aid_secret_peek(call->body));
	long status = 0;

	request->length = 0;
	rc |= curl_easy_setopt(request->curl, CURLOPT_POSTFIELDSIZE, (long)aid_secret_length(call->body));
	if (rc == CURLE_OK)
		rc = curl_easy_perform(request->curl);
	if (rc != CURLE_OK)
		bench_die("request: %s", curl_easy_strerror(rc));
	(void)curl_easy_getinfo(request->curl, CURLINFO_RESPONSE_CODE, &status);
	if (status != 200)
		bench_die("request: status %ld: %.*s", status, (int)request->length, request->body);
}

static void once(void *state, double *us)
{
	struct request *request = state;
	int64_t begin = bench_now_ns(), made, cpu;
	struct aid_exchange_call call;

	bench_exchange_call(request->exchange, &call);
	made = bench_now_ns();
	cpu = bench_cpu_ns();
	perform(request, &call);
	us[0] = (double)(bench_now_ns() - begin) / 1000.0;
	us[1] = (double)(bench_now_ns() - made) / 1000.0;
	us[2] = (double)(bench_cpu_ns() - cpu) / 1000.0;
	aid_exchange_call_done(&call);
}

static void set_options(struct request *request, const struct aid_exchange_call *call, const char *ca_file)
{
	CURL *curl = request->curl;
	CURLcode rc = CURLE_OK;

	rc |= curl_easy_setopt(curl, CURLOPT_URL, call->url);
	rc |= curl_easy_setopt(curl, CURLOPT_HTTP_VERSION, (long)CURL_HTTP_VERSION_2TLS);
	rc |= curl_easy_setopt(curl, CURLOPT_HTTPHEADER, make_lines(call));
	rc |= curl_easy_setopt(curl, CURLOPT_USERAGENT, "agentid/" PACKAGE_VERSION);
	rc |= curl_easy_setopt(curl, CURLOPT_WRITEFUNCTION, keep);
	rc |= curl_easy_setopt(curl, CURLOPT_WRITEDATA, request);
	rc |= curl_easy_setopt(curl, CURLOPT_PROXY, "");
	if (ca_file != NULL)
		rc |= curl_easy_setopt(curl, CURLOPT_CAINFO, ca_file);
	if (rc != CURLE_OK)
		bench_die("libcurl refused an option");
}

void side_request_init(struct side *side, const char *words, const struct side_options *options)
{
	struct request *request = calloc(1, sizeof(*request));
	struct aid_exchange_call call;

	if (request == NULL || curl_global_init(CURL_GLOBAL_DEFAULT) != CURLE_OK)
		bench_die("libcurl does not start");
	request->curl = curl_easy_init();
	if (request->curl == NULL)
		bench_die("libcurl does not start");
	request->exchange = bench_exchange_new(words, options);
	bench_exchange_call(request->exchange, &call);
	set_options(request, &call, options->ca_file);
	aid_exchange_call_done(&call);
	*side = (struct side){.phases = {"signed", "request", "processor"}, .state = request, .once = once};
}
