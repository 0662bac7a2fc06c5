/* SPDX-License-Identifier: LGPL-2.1-or-later
 * Copyright The agentid authors */
#include "fetch.h"

#include "log.h"

#include <stdio.h>

#define QUOTED 520

static void write_line(const struct fetch *fetch, enum say_level level, const char *line)
{
	if (fetch->to_journal)
		(void)fprintf(stderr, "<%d>%s\n", (int)level, line);
	else
		(void)fprintf(stderr, "agentid-fetch: %s\n", line);
}

void say(const struct fetch *fetch, enum say_level level, const char *op, const char *subject,
	int status, const char *detail)
{
	char quoted_subject[QUOTED];
	char quoted_first[QUOTED];
	char quoted_rest[QUOTED];
	char line[3 * QUOTED + 128];
	size_t length = 0;

	/* aid_log_quote() takes 128 bytes at most; a sentence of ours may be twice as long. */
	while (length < 128 && detail[length] != '\0')
		length++;
	(void)aid_log_quote(subject, quoted_subject, sizeof(quoted_subject));
	(void)aid_log_quote(detail, quoted_first, sizeof(quoted_first));
	(void)aid_log_quote(detail + length, quoted_rest, sizeof(quoted_rest));
	(void)snprintf(line, sizeof(line), "op=%s of='%s' status=%s detail='%s%s'", op, quoted_subject,
		aid_status_name(status), quoted_first, quoted_rest);
	write_line(fetch, level, line);
}
