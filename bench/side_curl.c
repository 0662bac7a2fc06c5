/* SPDX-License-Identifier: LGPL-2.1-or-later
 * Copyright The agentid authors */
/* "curl:URL": the token request that agentid-fetch makes, by one warm libcurl handle: connection,
 * TLS session and CA store stay. */
#include "bench.h"
#include "side.h"

#include <stdlib.h>
#include <string.h>

#include <curl/curl.h>

#define BODY_MAX 65536U

struct request {
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

static void once(void *state, double *us)
{
	struct request *request = state;
	int64_t begin = bench_now_ns(), cpu = bench_cpu_ns();
	long status = 0;
	CURLcode rc;

	request->length = 0;
	rc = curl_easy_perform(request->curl);
	us[0] = (double)(bench_now_ns() - begin) / 1000.0;
	us[1] = (double)(bench_cpu_ns() - cpu) / 1000.0;
	if (rc != CURLE_OK)
		bench_die("token request: %s", curl_easy_strerror(rc));
	(void)curl_easy_getinfo(request->curl, CURLINFO_RESPONSE_CODE, &status);
	if (status != 200)
		bench_die("token request: status %ld", status);
}

static void set_options(struct request *request, const char *url, const struct side_options *options)
{
	CURL *curl = request->curl;
	CURLcode rc = CURLE_OK;

	rc |= curl_easy_setopt(curl, CURLOPT_URL, url);
	rc |= curl_easy_setopt(curl, CURLOPT_HTTP_VERSION, (long)CURL_HTTP_VERSION_2TLS);
	rc |= curl_easy_setopt(curl, CURLOPT_POSTFIELDS, options->body);
	rc |= curl_easy_setopt(curl, CURLOPT_WRITEFUNCTION, keep);
	rc |= curl_easy_setopt(curl, CURLOPT_WRITEDATA, request);
	rc |= curl_easy_setopt(curl, CURLOPT_PROXY, "");
	if (options->ca_file != NULL)
		rc |= curl_easy_setopt(curl, CURLOPT_CAINFO, options->ca_file);
	if (options->user_password != NULL)
		rc |= curl_easy_setopt(curl, CURLOPT_USERPWD, options->user_password);
	if (rc != CURLE_OK)
		bench_die("libcurl refused an option");
}

void side_curl_init(struct side *side, const char *words, const struct side_options *options)
{
	struct request *request = calloc(1, sizeof(*request));

	if (request == NULL || curl_global_init(CURL_GLOBAL_DEFAULT) != CURLE_OK)
		bench_die("libcurl does not start");
	request->curl = curl_easy_init();
	if (request->curl == NULL || options->body == NULL)
		bench_die("curl:URL needs --body");
	set_options(request, words, options);
	*side = (struct side){.phases = {"request", "processor"}, .state = request, .once = once};
}
