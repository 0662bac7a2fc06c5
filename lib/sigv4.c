/* SPDX-License-Identifier: LGPL-2.1-or-later
 * Copyright The agentid authors */
#include "sigv4.h"

#include "digest.h"
#include "pkey.h"
#include "str.h"
#include "syntax.h"

#include <stdio.h>
#include <string.h>
#include <strings.h>
#include <time.h>

#define ALGORITHM "AWS4-HMAC-SHA256"
#define SEGMENTS_MAX 128U
#define PAIRS_MAX 128U
#define YEAR_10000_MS INT64_C(253402300800000)
#define SCOPE_MAX 160U
#define NAMES_MAX 1024U

/* What goes wrong in the small steps is always this: it did not fit, or there was no memory. */
struct text {
	struct aid_secret *bytes;
	bool full;
};

static void add_bytes(struct text *out, const char *bytes, size_t length)
{
	if (out->bytes == NULL || aid_secret_append(out->bytes, bytes, length) != AID_OK)
		out->full = true;
}

static void add(struct text *out, const char *text)
{
	add_bytes(out, text, strlen(text));
}

static void add_encoded(struct text *out, const char *bytes, size_t length, const char *also)
{
	for (size_t i = 0; i < length; i++) {
		char one[4] = {bytes[i], '\0'};

		if (!aid_syntax_only(one, AID_ALNUM "-._~") && (one[0] == '\0' || strchr(also, one[0]) == NULL))
			(void)snprintf(one, sizeof(one), "%%%02X", (unsigned int)(unsigned char)bytes[i]);
		add(out, one);
	}
}

struct piece {
	const char *at;
	size_t length;
};

/* RFC 3986 section 5.2.4, and two slashes are one. */
static void add_path(struct text *out, const char *path)
{
	struct piece segments[SEGMENTS_MAX];
	size_t count = 0, length = strlen(path);
	const char *at = path;

	while (*at != '\0') {
		struct piece segment = {at, strcspn(at, "/")};

		at += segment.length + (at[segment.length] != '\0' ? 1 : 0);
		if (segment.length == 2 && memcmp(segment.at, "..", 2) == 0) {
			count -= count > 0 ? 1 : 0;
		} else if (segment.length > 0 && !(segment.length == 1 && segment.at[0] == '.')) {
			if (count == SEGMENTS_MAX) {
				out->full = true;
				return;
			}
			segments[count++] = segment;
		}
	}
	for (size_t i = 0; i < count; i++) {
		add(out, "/");
		add_encoded(out, segments[i].at, segments[i].length, "");
	}
	if (count == 0 || path[length - 1] == '/')
		add(out, "/");
}

struct pair {
	struct piece name, value;
};

static int order_of(const struct piece *a, const struct piece *b)
{
	size_t common = a->length < b->length ? a->length : b->length;
	int order = memcmp(a->at, b->at, common);

	if (order != 0)
		return order;
	return a->length == b->length ? 0 : a->length < b->length ? -1 : 1;
}

static bool goes_before(const struct pair *a, const struct pair *b)
{
	int order = order_of(&a->name, &b->name);

	return order < 0 || (order == 0 && order_of(&a->value, &b->value) < 0);
}

static void add_query(struct text *out, const char *query)
{
	struct pair pairs[PAIRS_MAX];
	size_t count = 0;

	for (const char *at = query; at != NULL && *query != '\0';) {
		size_t length = strcspn(at, "&");
		const char *equals = memchr(at, '=', length);
		size_t name = equals != NULL ? (size_t)(equals - at) : length;
		struct pair pair = {{at, name}, {at + name, 0}};
		size_t place = count;

		if (equals != NULL)
			pair.value = (struct piece){equals + 1, length - name - 1};
		if (count == PAIRS_MAX) {
			out->full = true;
			return;
		}
		for (; place > 0 && goes_before(&pair, &pairs[place - 1]); place--)
			pairs[place] = pairs[place - 1];
		pairs[place] = pair;
		count++;
		at = at[length] != '\0' ? at + length + 1 : NULL;
	}
	for (size_t i = 0; i < count; i++) {
		add(out, i > 0 ? "&" : "");
		/* It is encoded already; whatever else is in it is encoded now. */
		add_encoded(out, pairs[i].name.at, pairs[i].name.length, "%");
		add(out, "=");
		add_encoded(out, pairs[i].value.at, pairs[i].value.length, "%");
	}
}

static bool is_blank(char c)
{
	return c == ' ' || c == '\t';
}

/* Without blanks at either end, and one blank for many. */
static void add_value(struct text *out, const char *value)
{
	bool begun = false, gap = false;

	for (; *value != '\0'; value++) {
		if (is_blank(*value)) {
			gap = begun;
			continue;
		}
		if (gap)
			add(out, " ");
		add_bytes(out, value, 1);
		begun = true;
		gap = false;
	}
}

struct headers {
	struct aid_sigv4_header items[AID_SIGV4_HEADERS_MAX];
	size_t count;
};

/* By name, those of one name in the order they came. */
static bool insert(struct headers *headers, const char *name, const char *value)
{
	size_t place = headers->count;

	if (headers->count == AID_SIGV4_HEADERS_MAX)
		return false;
	for (; place > 0 && strcasecmp(name, headers->items[place - 1].name) < 0; place--)
		headers->items[place] = headers->items[place - 1];
	headers->items[place] = (struct aid_sigv4_header){name, value};
	headers->count++;
	return true;
}

static bool collect(const struct aid_sigv4_keys *keys, const struct aid_sigv4_request *request,
	const char *date, struct headers *headers)
{
	headers->count = 0;
	for (size_t i = 0; i < request->n_headers; i++) {
		if (!insert(headers, request->headers[i].name, request->headers[i].value))
			return false;
	}
	if (!insert(headers, "x-amz-date", date))
		return false;
	return keys->token == NULL ||
		insert(headers, "x-amz-security-token", aid_secret_peek(keys->token));
}

static void add_lower(struct text *out, const char *name)
{
	for (; *name != '\0'; name++) {
		char c = (char)(*name >= 'A' && *name <= 'Z' ? *name + 32 : *name);

		add_bytes(out, &c, 1);
	}
}

static void add_headers(struct text *out, const struct headers *headers, struct text *names)
{
	for (size_t i = 0; i < headers->count; i++) {
		const struct aid_sigv4_header *header = &headers->items[i];

		if (i > 0 && aid_streq_nocase(header->name, headers->items[i - 1].name)) {
			add(out, ",");
		} else {
			add(out, i > 0 ? "\n" : "");
			add_lower(out, header->name);
			add(out, ":");
			add(names, i > 0 ? ";" : "");
			add_lower(names, header->name);
		}
		add_value(out, header->value);
	}
	add(out, "\n");
}

static int hash_hex(const void *bytes, size_t length, char out[AID_SIGV4_HEX_SIZE])
{
	uint8_t digest[AID_SHA256_BYTES];

	if (aid_sha256(bytes, length, digest) != AID_OK)
		return AID_E_NOMEM;
	aid_str_hex(digest, sizeof(digest), out);
	return AID_OK;
}

static size_t room_for(const struct aid_sigv4_request *request, const struct headers *headers)
{
	size_t room = 1024 + 3 * strlen(request->path);

	if (request->query != NULL)
		room += 4 * strlen(request->query) + 8;
	for (size_t i = 0; i < headers->count; i++)
		room += 2 * strlen(headers->items[i].name) + strlen(headers->items[i].value) + 8;
	return room;
}

/* Its hash, because the text has the session's token in it. */
static int hash_canonical(const struct aid_sigv4_request *request, const struct headers *headers,
	struct text *names, char out[AID_SIGV4_HEX_SIZE])
{
	AID_AUTO(aid_secret) *bytes = aid_secret_new(room_for(request, headers));
	struct text text = {bytes, bytes == NULL};
	char body[AID_SIGV4_HEX_SIZE];

	add(&text, request->method);
	add(&text, "\n");
	add_path(&text, request->path);
	add(&text, "\n");
	add_query(&text, request->query);
	add(&text, "\n");
	add_headers(&text, headers, names);
	add(&text, "\n");
	add(&text, names->full ? "" : aid_secret_peek(names->bytes));
	add(&text, "\n");
	if (hash_hex(request->body, request->body_length, body) != AID_OK)
		return AID_E_NOMEM;
	add(&text, body);
	if (text.full || names->full)
		return AID_E_TOOBIG;
	return hash_hex(aid_secret_peek(bytes), aid_secret_length(bytes), out);
}

static int sign_text(const struct aid_sigv4_keys *keys, const struct aid_sigv4_request *request,
	const char *date, const char *text, char out[AID_SIGV4_HEX_SIZE])
{
	AID_AUTO(aid_secret) *start = aid_secret_new(8 + aid_secret_length(keys->secret));
	struct text first = {start, start == NULL};
	uint8_t key[AID_HMAC_BYTES];
	const char *const steps[] = {request->region, request->service, "aws4_request", text};
	int r;

	add(&first, "AWS4");
	if (start != NULL)
		add_bytes(&first, aid_secret_peek(keys->secret), aid_secret_length(keys->secret));
	if (first.full)
		return AID_E_NOMEM;
	r = aid_hmac_sha256(aid_secret_peek(start), aid_secret_length(start), date, 8, key);
	for (size_t i = 0; r == AID_OK && i < sizeof(steps) / sizeof(steps[0]); i++)
		r = aid_hmac_sha256(key, sizeof(key), steps[i], strlen(steps[i]), key);
	if (r == AID_OK)
		aid_str_hex(key, sizeof(key), out);
	explicit_bzero(key, sizeof(key));
	return r;
}

static int make_authorization(const struct aid_sigv4_keys *keys, const char *scope, const char *names,
	struct aid_sigv4_signed *made)
{
	AID_AUTO(aid_secret) *value = aid_secret_new(256 + strlen(keys->id) + strlen(scope) + strlen(names));
	struct text text = {value, value == NULL};
	const char *const parts[] = {ALGORITHM, " Credential=", keys->id, "/", scope, ", SignedHeaders=",
		names, ", Signature=", made->signature};

	for (size_t i = 0; i < sizeof(parts) / sizeof(parts[0]); i++)
		add(&text, parts[i]);
	if (text.full)
		return AID_E_NOMEM;
	made->authorization = aid_steal(&value);
	return AID_OK;
}

static int make_date(int64_t wall_ms, char out[AID_SIGV4_DATE_SIZE])
{
	time_t seconds = (time_t)(wall_ms / 1000);
	struct tm utc;

	if (wall_ms < 0 || wall_ms >= YEAR_10000_MS || gmtime_r(&seconds, &utc) == NULL)
		return AID_E_INVALID;
	return strftime(out, AID_SIGV4_DATE_SIZE, "%Y%m%dT%H%M%SZ", &utc) > 0 ? AID_OK : AID_E_INVALID;
}

static int make(const struct aid_sigv4_keys *keys, const struct aid_sigv4_request *request,
	struct aid_sigv4_signed *made)
{
	AID_AUTO(aid_secret) *name_bytes = aid_secret_new(NAMES_MAX);
	struct text names = {name_bytes, name_bytes == NULL};
	char scope[SCOPE_MAX], text[SCOPE_MAX + 128];
	struct headers headers;
	int length, r;

	r = make_date(request->now_wall_ms, made->date);
	if (r != AID_OK)
		return r;
	length = snprintf(scope, sizeof(scope), "%.8s/%s/%s/aws4_request", made->date, request->region,
		request->service);
	if (length < 0 || (size_t)length >= sizeof(scope) ||
		!collect(keys, request, made->date, &headers))
		return AID_E_TOOBIG;
	r = hash_canonical(request, &headers, &names, made->canonical_hash);
	if (r != AID_OK)
		return r;
	(void)snprintf(text, sizeof(text), ALGORITHM "\n%s\n%s\n%s", made->date, scope,
		made->canonical_hash);
	r = sign_text(keys, request, made->date, text, made->signature);
	return r == AID_OK ? make_authorization(keys, scope, aid_secret_peek(name_bytes), made) : r;
}

int aid_sigv4_sign(const struct aid_sigv4_keys *keys, const struct aid_sigv4_request *request,
	struct aid_sigv4_signed *ret_signed, struct aid_error *err)
{
	struct aid_sigv4_signed made = {.authorization = NULL};
	int r = make(keys, request, &made);

	if (r == AID_E_INVALID)
		return aid_fail(err, r, "signature: %lld is no time of the years 1970 to 9999",
			(long long)request->now_wall_ms);
	if (r == AID_E_TOOBIG)
		return aid_fail(err, r, "signature: over %u headers, %u segments or %u parts of a query",
			AID_SIGV4_HEADERS_MAX, SEGMENTS_MAX, PAIRS_MAX);
	if (r != AID_OK)
		return aid_fail(err, r, "out of memory");
	*ret_signed = made;
	return AID_OK;
}
