/* SPDX-License-Identifier: LGPL-2.1-or-later
 * Copyright The agentid authors */
#include "log.h"

#include <stdio.h>

#define QUOTE_MAX 128U

const char *aid_log_quote(const char *text, char *out, size_t size)
{
	size_t used = 0;

	for (size_t i = 0; text[i] != '\0' && i < QUOTE_MAX; i++) {
		unsigned char c = (unsigned char)text[i];

		if (used + 5 > size)
			break;
		if (c < 0x20 || c > 0x7e || c == '\'' || c == '"' || c == '\\')
			used += (size_t)snprintf(out + used, size - used, "\\x%02x", c);
		else
			out[used++] = (char)c;
	}
	if (size > 0)
		out[used] = '\0';
	return out;
}
