/* SPDX-License-Identifier: LGPL-2.1-or-later
 * Copyright The agentid authors */
#include "sink.h"

#include <poll.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <unistd.h>

static bool can_write(int fd)
{
	struct pollfd p = {.fd = fd, .events = POLLOUT};

	return poll(&p, 1, 0) == 1 && (p.revents & POLLOUT) != 0;
}

static enum kd_log_kind kind_of(int fd)
{
	struct stat st;

	if (fstat(fd, &st) != 0)
		return KD_LOG_OTHER;
	if (S_ISSOCK(st.st_mode))
		return KD_LOG_SOCKET;
	return S_ISREG(st.st_mode) ? KD_LOG_FILE : KD_LOG_OTHER;
}

/* A socket, as the journal's, can be told not to wait, and a file has no reader; of others it is asked
 * before. */
static bool put(struct kd_log *log, const char *text, size_t length)
{
	if (log->kind == KD_LOG_UNKNOWN)
		log->kind = kind_of(log->fd);
	if (log->kind == KD_LOG_SOCKET)
		return send(log->fd, text, length, MSG_DONTWAIT | MSG_NOSIGNAL) == (ssize_t)length;
	if (log->kind == KD_LOG_OTHER && !can_write(log->fd))
		return false;
	return write(log->fd, text, length) >= 0;
}

/* The detail is the last field, and a provider's own words may be in it: a quote there must not end
 * the field and begin others. */
static void keep_detail_whole(char *line, size_t length)
{
	static const char field[] = " detail='";
	char *text = memmem(line, length, field, sizeof(field) - 1);

	if (text == NULL)
		return;
	for (text += sizeof(field) - 1; text + 1 < line + length; text++) {
		if (*text == '\'')
			*text = '"';
	}
}

AID_PRINTF(4, 0)
static size_t format(const struct kd_log *log, int priority, char *line, const char *fmt,
	va_list args)
{
	int used = 0, n;

	if (log->prefix)
		used = snprintf(line, KD_LOG_LINE_MAX, "<%d>", priority);
	n = vsnprintf(line + used, KD_LOG_LINE_MAX - 1 - (size_t)used, fmt, args);
	if (n < 0)
		return 0;
	used += n;
	if (used > KD_LOG_LINE_MAX - 2)
		used = KD_LOG_LINE_MAX - 2;
	keep_detail_whole(line, (size_t)used);
	line[used++] = '\n';
	return (size_t)used;
}

void kd_log_line(struct kd_log *log, int priority, const char *fmt, ...)
{
	char line[KD_LOG_LINE_MAX];
	va_list args;
	size_t length;

	if (log->dropped > 0) {
		char note[64];
		int n = snprintf(note, sizeof(note), "op=log status=busy dropped=%llu\n",
			(unsigned long long)log->dropped);

		if (n <= 0 || !put(log, note, (size_t)n)) {
			log->dropped++;
			return;
		}
		log->dropped = 0;
	}
	va_start(args, fmt);
	length = format(log, priority, line, fmt, args);
	va_end(args);
	if (!put(log, line, length))
		log->dropped++;
}
