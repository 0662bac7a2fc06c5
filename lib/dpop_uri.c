/* SPDX-License-Identifier: LGPL-2.1-or-later
 * Copyright The agentid authors */
/* aid_dpop_normalise() of dpop.h. Nothing is connected to by what comes out; it is only compared. */
#include "dpop.h"

#include "str.h"

#include <stdio.h>
#include <string.h>

#define ALNUM "0123456789abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ"
#define UNRESERVED ALNUM "-._~"

static char lower(char c)
{
	static const char letters[] = "abcdefghijklmnopqrstuvwxyz";

	if (c >= 'A' && c <= 'Z')
		return letters[c - 'A'];
	return c;
}

static int hex_value(char c)
{
	if (c >= '0' && c <= '9')
		return c - '0';
	c = lower(c);
	return c >= 'a' && c <= 'f' ? c - 'a' + 10 : -1;
}

/* RFC 3986 section 6.2.2: one spelling of each escape, none where none is needed. False: a broken
 * one, or a byte that no URI has. */
static bool spell_path(const char *path, size_t length, char *out)
{
	static const char digits[] = "0123456789ABCDEF";

	for (size_t i = 0; i < length; i++) {
		int high, low;

		if (path[i] != '%') {
			if (strchr(UNRESERVED "/:@!$&'()*+,;=", path[i]) == NULL)
				return false;
			*out++ = path[i];
			continue;
		}
		high = i + 2 < length ? hex_value(path[i + 1]) : -1;
		low = i + 2 < length ? hex_value(path[i + 2]) : -1;
		if (high < 0 || low < 0)
			return false;
		i += 2;
		if (high * 16 + low > 0 && strchr(UNRESERVED, high * 16 + low) != NULL) {
			*out++ = (char)(high * 16 + low);
			continue;
		}
		*out++ = '%';
		*out++ = digits[high];
		*out++ = digits[low];
	}
	*out = '\0';
	return true;
}

/* RFC 3986 section 5.2.4, in place; path begins with a slash. */
static void remove_dots(char *path)
{
	char *out = path;
	const char *in = path;

	while (*in != '\0') {
		size_t length = 1 + strcspn(in + 1, "/");
		bool is_last = in[length] == '\0';

		if (length == 2 && in[1] == '.') {
			if (is_last)
				*out++ = '/';
		} else if (length == 3 && in[1] == '.' && in[2] == '.') {
			while (out > path && *--out != '/')
				;
			if (is_last)
				*out++ = '/';
		} else {
			memmove(out, in, length);
			out += length;
		}
		in += length;
	}
	if (out == path)
		*out++ = '/';
	*out = '\0';
}

static bool is_authority(const char *text, size_t length)
{
	size_t name = length;

	if (length > 0 && text[0] == '[') {
		const char *end = memchr(text, ']', length);

		name = end == NULL ? 0 : (size_t)(end - text) + 1;
		if (name < 3 || strspn(text + 1, "0123456789abcdefABCDEF:.") != name - 2)
			return false;
	} else {
		name = strspn(text, ALNUM "-._");
		name = name > length ? length : name;
	}
	if (name == 0)
		return false;
	if (name == length)
		return true;
	return text[name] == ':' && length - name <= 6 &&
		strspn(text + name + 1, "0123456789") >= length - name - 1;
}

/* Host in lower case and a port that is not the scheme's own. */
static size_t spell_authority(const char *text, size_t length, const char *own_port, char *out)
{
	size_t own = strlen(own_port);

	if (length > own && memcmp(text + length - own, own_port, own) == 0)
		length -= own;
	else if (text[length - 1] == ':')
		length--;
	for (size_t i = 0; i < length; i++)
		out[i] = lower(text[i]);
	return length;
}

int aid_dpop_normalise(const char *uri, char out[AID_DPOP_URI_MAX + 2], struct aid_error *err)
{
	char scheme[9] = "";
	const char *authority;
	size_t length, used, path;
	bool is_tls;

	if (strnlen(uri, AID_DPOP_URI_MAX + 1) > AID_DPOP_URI_MAX)
		return aid_fail(err, AID_E_TOOBIG, "a URI of over %u bytes", AID_DPOP_URI_MAX);
	for (size_t i = 0; i < sizeof(scheme) - 1 && uri[i] != '\0'; i++)
		scheme[i] = lower(uri[i]);
	is_tls = aid_str_has_prefix(scheme, "https://");
	if (!is_tls && !aid_str_has_prefix(scheme, "http://"))
		return aid_fail(err, AID_E_PROTOCOL, "'%.80s' is no http or https URI", uri);
	authority = uri + strlen(is_tls ? "https://" : "http://");
	length = strcspn(authority, "/?#");
	if (!is_authority(authority, length))
		return aid_fail(err, AID_E_PROTOCOL, "'%.80s' names no host, or a user", uri);
	used = (size_t)snprintf(out, 9, "%s", is_tls ? "https://" : "http://");
	used += spell_authority(authority, length, is_tls ? ":443" : ":80", out + used);
	path = length + strcspn(authority + length, "?#");
	out[used] = '/';
	out[used + 1] = '\0';
	if (path > length && !spell_path(authority + length, path - length, out + used))
		return aid_fail(err, AID_E_PROTOCOL, "'%.80s' has a path that no URI has", uri);
	remove_dots(out + used);
	return AID_OK;
}
