/* SPDX-License-Identifier: LGPL-2.1-or-later
 * Copyright The agentid authors */
/* Preloaded into a program: it is killed by SIGKILL right before its system call number DIE_AT, of
 * those that change keys or files or talk to somebody. When it ends otherwise, all went by. */
#include "str.h"

#include <dlfcn.h>
#include <signal.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <unistd.h>

#define ARGUMENTS 5

static void *next(const char *name)
{
	void *real = dlsym(RTLD_NEXT, name);

	if (real == NULL)
		abort();
	return real;
}

static void pass_by(void)
{
	static uint64_t left;
	static bool known;
	const char *number = secure_getenv("DIE_AT");

	if (!known && (number == NULL || aid_str_parse_uint(number, 1, UINT32_MAX, &left) != AID_OK))
		abort();
	known = true;
	if (--left == 0)
		(void)kill(getpid(), SIGKILL);
}

/* What libkeyutils makes its calls by. */
long syscall(long number, ...)
{
	long (*real)(long number, ...);
	long a[ARGUMENTS];
	va_list args;

	va_start(args, number);
	for (int i = 0; i < ARGUMENTS; i++)
		a[i] = va_arg(args, long);
	va_end(args);
	*(void **)&real = next("syscall");
	pass_by();
	return real(number, a[0], a[1], a[2], a[3], a[4]);
}

int accept4(int fd, struct sockaddr *address, socklen_t *size, int flags)
{
	int (*real)(int fd, struct sockaddr *address, socklen_t *size, int flags);

	*(void **)&real = next("accept4");
	pass_by();
	return real(fd, address, size, flags);
}

ssize_t sendmsg(int fd, const struct msghdr *message, int flags)
{
	ssize_t (*real)(int fd, const struct msghdr *message, int flags);

	*(void **)&real = next("sendmsg");
	pass_by();
	return real(fd, message, flags);
}

ssize_t recvmsg(int fd, struct msghdr *message, int flags)
{
	ssize_t (*real)(int fd, struct msghdr *message, int flags);

	*(void **)&real = next("recvmsg");
	pass_by();
	return real(fd, message, flags);
}

ssize_t write(int fd, const void *bytes, size_t length)
{
	ssize_t (*real)(int fd, const void *bytes, size_t length);

	*(void **)&real = next("write");
	pass_by();
	return real(fd, bytes, length);
}

int fchmod(int fd, mode_t mode)
{
	int (*real)(int fd, mode_t mode);

	*(void **)&real = next("fchmod");
	pass_by();
	return real(fd, mode);
}

int fsync(int fd)
{
	int (*real)(int fd);

	*(void **)&real = next("fsync");
	pass_by();
	return real(fd);
}

int rename(const char *from, const char *to)
{
	int (*real)(const char *from, const char *to);

	*(void **)&real = next("rename");
	pass_by();
	return real(from, to);
}

int unlinkat(int directory, const char *name, int flags)
{
	int (*real)(int directory, const char *name, int flags);

	*(void **)&real = next("unlinkat");
	pass_by();
	return real(directory, name, flags);
}
