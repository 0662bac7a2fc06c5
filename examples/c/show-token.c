/* SPDX-License-Identifier: LGPL-2.1-or-later
 * Copyright The agentid authors
 *
 * cc show-token.c $(pkg-config --cflags --libs agentid) -o show-token */
#include <agentid.h>
#include <stdio.h>

int main(void)
{
	struct agentid *session = NULL;
	struct agentid_secret *token = NULL;
	int64_t left_ms = 0;
	int r = agentid_new(&session);

	if (r == AGENTID_OK)
		r = agentid_get(session, AGENTID_TOKEN, &token);
	if (r == AGENTID_OK)
		r = agentid_time_left(session, AGENTID_TOKEN, &left_ms);
	if (r == AGENTID_OK)
		printf("Authorization: Bearer %s\n(%lld s left)\n", agentid_secret_text(token),
			(long long)left_ms / 1000);
	else
		fprintf(stderr, "show-token: %s\n", agentid_strerror(r));
	agentid_secret_free(token);
	agentid_free(session);
	return r != AGENTID_OK;
}
