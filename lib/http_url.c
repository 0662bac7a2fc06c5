/* SPDX-License-Identifier: LGPL-2.1-or-later
 * Copyright The agentid authors */
/* URLs, as the client that will use them reads them: one parser, so no two opinions. */
#include "http.h"
#include "str.h"

#include <arpa/inet.h>
#include <curl/curl.h>
#include <netinet/in.h>
#include <stdio.h>
#include <string.h>

static bool is_loopback(const char *host)
{
	struct in6_addr in6;
	struct in_addr in;

	if (aid_streq(host, "localhost"))
		return true;
	if (inet_pton(AF_INET, host, &in) == 1)
		return ntohl(in.s_addr) >> 24 == 127;
	return inet_pton(AF_INET6, host, &in6) == 1 && IN6_IS_ADDR_LOOPBACK(&in6);
}

/* Addresses, so that no name can lead there or elsewhere. */
static const char *const instance_hosts[] = {"169.254.169.254", "169.254.170.2", "169.254.170.23"};

static int check_text(const char *url, struct aid_error *err)
{
	size_t length = strnlen(url, AID_URL_MAX + 1);

	if (length > AID_URL_MAX)
		return aid_fail(err, AID_E_UNTRUSTED, "url '%.48s...': over %u bytes", url, AID_URL_MAX);
	for (size_t i = 0; i < length; i++) {
		if (url[i] <= 0x20 || url[i] > 0x7e || url[i] == '\\')
			return aid_fail(err, AID_E_UNTRUSTED,
				"url '%.96s': blank, control, non-ASCII or backslash at byte %zu", url, i);
	}
	return AID_OK;
}

/* curl says which part is absent by its code; anything else that is not CURLUE_OK is there. */
static bool has_part(CURLU *parsed, CURLUPart part)
{
	char *text = NULL;
	CURLUcode code = curl_url_get(parsed, part, &text, 0);

	curl_free(text);
	return code != CURLUE_NO_USER && code != CURLUE_NO_PASSWORD;
}

static int take_host(CURLU *parsed, const char *url, struct aid_url *out, struct aid_error *err)
{
	char *host = NULL;
	size_t length;

	if (curl_url_get(parsed, CURLUPART_HOST, &host, 0) != CURLUE_OK)
		return aid_fail(err, AID_E_UNTRUSTED, "url '%.96s': no host", url);
	length = strlen(host);
	if (length == 0 || length >= sizeof(out->host)) {
		curl_free(host);
		return aid_fail(err, AID_E_UNTRUSTED, "url '%.96s': host of %zu bytes, 1 to %zu are allowed",
			url, length, sizeof(out->host) - 1);
	}
	for (size_t i = 0; i <= length; i++)
		out->host[i] = (char)(host[i] >= 'A' && host[i] <= 'Z' ? host[i] + 32 : host[i]);
	curl_free(host);
	if (out->host[0] == '[' && length > 2) {
		memmove(out->host, out->host + 1, length - 2);
		out->host[length - 2] = '\0';
	}
	out->is_loopback = is_loopback(out->host);
	return AID_OK;
}

static int take_parts(CURLU *parsed, const char *url, struct aid_url *out, struct aid_error *err)
{
	char *scheme = NULL;
	bool is_plain;
	int r;

	r = take_host(parsed, url, out, err);
	if (r != AID_OK)
		return r;
	if (has_part(parsed, CURLUPART_USER) || has_part(parsed, CURLUPART_PASSWORD))
		return aid_fail(err, AID_E_UNTRUSTED, "url of host '%.64s': user information is not allowed",
			out->host);
	if (strchr(url, '#') != NULL)
		return aid_fail(err, AID_E_UNTRUSTED, "url '%.96s': a fragment is not allowed", url);
	if (curl_url_get(parsed, CURLUPART_SCHEME, &scheme, 0) != CURLUE_OK)
		return aid_fail(err, AID_E_UNTRUSTED, "url '%.96s': no scheme", url);
	out->is_tls = aid_streq(scheme, "https");
	is_plain = aid_streq(scheme, "http");
	curl_free(scheme);
	if (!out->is_tls && !(is_plain && out->is_loopback))
		return aid_fail(err, AID_E_UNTRUSTED,
			"url '%.96s': only https is allowed (http to a loopback host)", url);
	return AID_OK;
}

int aid_url_parse(const char *url, struct aid_url *ret_url, struct aid_error *err)
{
	struct aid_url out = {0};
	const char *authority;
	CURLU *parsed;
	int r;

	r = check_text(url, err);
	if (r != AID_OK)
		return r;
	/* curl forgives a third slash, and takes what follows for the host. */
	authority = strstr(url, "://");
	if (authority == NULL || authority[3] == '/')
		return aid_fail(err, AID_E_UNTRUSTED, "url '%.96s': no scheme or no host", url);
	parsed = curl_url();
	if (parsed == NULL)
		return aid_fail(err, AID_E_NOMEM, "out of memory");
	if (curl_url_set(parsed, CURLUPART_URL, url, 0) == CURLUE_OK)
		r = take_parts(parsed, url, &out, err);
	else
		r = aid_fail(err, AID_E_UNTRUSTED, "url '%.96s': cannot be parsed", url);
	curl_url_cleanup(parsed);
	if (r == AID_OK)
		*ret_url = out;
	return r;
}

int aid_url_parse_instance(const char *url, struct aid_url *ret_url, struct aid_error *err)
{
	int r = check_text(url, err);

	if (r != AID_OK)
		return r;
	for (size_t i = 0; i < sizeof(instance_hosts) / sizeof(instance_hosts[0]); i++) {
		char start[40];

		(void)snprintf(start, sizeof(start), "http://%s/", instance_hosts[i]);
		if (!aid_str_has_prefix(url, start))
			continue;
		*ret_url = (struct aid_url){.is_tls = false};
		memcpy(ret_url->host, instance_hosts[i], strlen(instance_hosts[i]) + 1);
		return AID_OK;
	}
	return aid_fail(err, AID_E_UNTRUSTED, "url '%.96s': no address where a cloud serves credentials", url);
}
