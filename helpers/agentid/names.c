/* SPDX-License-Identifier: LGPL-2.1-or-later
 * Copyright The agentid authors */
#include "names.h"

#include "str.h"

#include <string.h>

bool name_is_credential(const char *name)
{
	return aid_str_is_agent_id(name) && !aid_streq(name, "cookie") && !aid_streq(name, "meta") &&
		!aid_streq(name, "info");
}

bool name_is_host(const char *name)
{
	static const char allowed[] = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789.-:[]_";
	size_t length = strlen(name);

	return length > 0 && length < HOST_NAME_SIZE && strspn(name, allowed) == length && name[0] != '-';
}
