/* SPDX-License-Identifier: LGPL-2.1-or-later
 * Copyright The agentid authors */
#include "trusts.h"

#include "str.h"

#include <string.h>

#define TEXTS 5U

static int parse_one(const char **at, const char *end, struct aid_trust *trust, struct aid_error *err)
{
	const char *texts[TEXTS];

	for (size_t i = 0; i < TEXTS; i++) {
		const char *nul = memchr(*at, '\0', (size_t)(end - *at));

		if (nul == NULL)
			return aid_fail(err, AID_E_PROTOCOL, "frame: an issuer is cut");
		if (**at != '\0' && !aid_str_is_printable(*at))
			return aid_fail(err, AID_E_PROTOCOL, "frame: an issuer's text is not printable");
		texts[i] = *at;
		*at = nul + 1;
	}
	if (texts[0][0] == '\0' || strlen(texts[0]) > AID_TRUST_ISSUER_MAX)
		return aid_fail(err, AID_E_PROTOCOL, "frame: an issuer is not 1 to %u bytes long",
			AID_TRUST_ISSUER_MAX);
	if (texts[4][0] != '\0' && !aid_streq(texts[4], "host"))
		return aid_fail(err, AID_E_PROTOCOL, "frame: issuer source '%.16s' is unknown", texts[4]);
	*trust = (struct aid_trust){texts[0], texts[1], texts[2], texts[3], texts[4][0] != '\0'};
	return AID_OK;
}

int aid_trusts_parse(const void *bytes, size_t length, struct aid_trusts *ret_trusts,
	struct aid_error *err)
{
	struct aid_trusts trusts = {0};
	const char *at = bytes;
	const char *end = at + length;

	if (length == 0)
		return aid_fail(err, AID_E_PROTOCOL, "frame: no issuer");
	if (length > AID_TRUSTS_BYTES_MAX)
		return aid_fail(err, AID_E_TOOBIG, "frame: issuers of %zu bytes, at most %u", length,
			AID_TRUSTS_BYTES_MAX);
	while (at < end) {
		int r;

		if (trusts.count == AID_TRUSTS_MAX)
			return aid_fail(err, AID_E_TOOBIG, "frame: over %u issuers", AID_TRUSTS_MAX);
		r = parse_one(&at, end, &trusts.items[trusts.count++], err);
		if (r != AID_OK)
			return r;
	}
	*ret_trusts = trusts;
	return AID_OK;
}

int aid_trusts_render(const struct aid_trusts *trusts, void *out, size_t size, size_t *ret_length,
	struct aid_error *err)
{
	char *at = out;
	size_t used = 0;

	for (size_t i = 0; i < trusts->count; i++) {
		const struct aid_trust *trust = &trusts->items[i];
		const char *const texts[TEXTS] = {trust->issuer, trust->ca_file, trust->allowed_hosts,
			trust->algs, trust->is_host ? "host" : ""};

		for (size_t t = 0; t < TEXTS; t++) {
			size_t length = strlen(texts[t]) + 1;

			if (length > size - used)
				return aid_fail(err, AID_E_TOOBIG, "the issuers take over %zu bytes", size);
			memcpy(at + used, texts[t], length);
			used += length;
		}
	}
	*ret_length = used;
	return AID_OK;
}
