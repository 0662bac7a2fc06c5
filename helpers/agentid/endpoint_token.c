/* SPDX-License-Identifier: LGPL-2.1-or-later
 * Copyright The agentid authors */
#include "endpoint.h"

#include "cleanup.h"
#include "str.h"

#include <errno.h>
#include <fcntl.h>
#include <linux/close_range.h>
#include <linux/memfd.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/random.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/wait.h>

#define TOKEN_BYTES 32U
#define TOKEN_SIZE (2UL * TOKEN_BYTES) /* in hexadecimal digits */
#define TOKEN_MODE 0400
#define KEPT_FD 3
#define SEALS (F_SEAL_SEAL | F_SEAL_SHRINK | F_SEAL_GROW | F_SEAL_WRITE)
#ifndef MFD_NOEXEC_SEAL
#define MFD_NOEXEC_SEAL 0x0008U
#endif

static int make_secret(struct aid_secret **ret_secret, struct aid_error *err)
{
	char random[TOKEN_BYTES], text[TOKEN_SIZE + 1];

	if (getrandom(random, sizeof(random), 0) != (ssize_t)sizeof(random))
		return aid_fail_errno(err, AID_E_IO, errno, "random bytes");
	aid_str_hex(random, sizeof(random), text);
	*ret_secret = aid_secret_from(text, TOKEN_SIZE);
	explicit_bzero(random, sizeof(random));
	explicit_bzero(text, sizeof(text));
	return *ret_secret != NULL ? AID_OK : aid_fail(err, AID_E_NOMEM, "out of memory");
}

/* Kernels before 6.3 do not know that a memory file need not be executable. */
static int make_memory(int *ret_fd, struct aid_error *err)
{
	const unsigned int flags = MFD_CLOEXEC | MFD_ALLOW_SEALING;
	int fd = memfd_create("agentid-endpoint", flags | MFD_NOEXEC_SEAL);

	if (fd < 0 && errno == EINVAL)
		fd = memfd_create("agentid-endpoint", flags);
	if (fd < 0)
		return aid_fail_errno(err, AID_E_IO, errno, "memory file");
	*ret_fd = fd;
	return AID_OK;
}

static int fill_memory(int fd, const struct aid_secret *secret, struct aid_error *err)
{
	ssize_t length = (ssize_t)aid_secret_length(secret);

	if (write(fd, aid_secret_peek(secret), (size_t)length) != length || fchmod(fd, TOKEN_MODE) != 0 ||
		fcntl(fd, F_ADD_SEALS, SEALS) != 0)
		return aid_fail_errno(err, AID_E_IO, errno, "memory file");
	return AID_OK;
}

/* The user's processes may open its descriptors, which they may not of the parent, as that one's memory
 * will hold more; this one has the token alone. A locked page is not swapped. Nothing that the terminal sends
 * ends it. */
static _Noreturn void keep(int fd, struct aid_secret *secret, pid_t parent, int ready)
{
	int said = fcntl(ready, F_DUPFD, KEPT_FD + 1);
	sigset_t all;

	aid_secret_free(secret);
	(void)sigfillset(&all);
	if (said < 0 || pthread_sigmask(SIG_SETMASK, &all, NULL) != 0 ||
		prctl(PR_SET_PDEATHSIG, SIGKILL, 0, 0, 0) != 0 || getppid() != parent)
		_exit(1);
	(void)mlock(mmap(NULL, TOKEN_SIZE, PROT_READ, MAP_PRIVATE, fd, 0), TOKEN_SIZE);
	if (dup2(fd, KEPT_FD) != KEPT_FD || chdir("/") != 0 || prctl(PR_SET_DUMPABLE, 1, 0, 0, 0) != 0 ||
		write(said, "", 1) != 1)
		_exit(1);
	(void)close_range(0, KEPT_FD - 1, 0);
	(void)close_range(KEPT_FD + 1, ~0U, 0);
	for (;;)
		(void)pause();
}

/* Its pid is still its own: who starts the runner reaps it only later. */
static int start_keeper(int fd, struct endpoint_token *token, struct aid_error *err)
{
	AID_FD(said);
	AID_FD(ready);
	pid_t parent = getpid();
	int ends[2];
	char byte;

	if (pipe2(ends, O_CLOEXEC) != 0)
		return aid_fail_errno(err, AID_E_IO, errno, "pipe");
	said = ends[0];
	ready = ends[1];
	token->keeper = fork();
	if (token->keeper < 0)
		return aid_fail_errno(err, AID_E_IO, errno, "fork");
	if (token->keeper == 0)
		keep(fd, token->secret, parent, ready);
	token->pidfd = (int)syscall(SYS_pidfd_open, token->keeper, 0);
	if (token->pidfd < 0)
		return aid_fail_errno(err, AID_E_IO, errno, "process %d", (int)token->keeper);
	(void)close(aid_steal_fd(&ready));
	if (read(said, &byte, 1) != 1)
		return aid_fail(err, AID_E_IO, "the process that keeps the authorisation token did not start");
	return AID_OK;
}

int endpoint_token_make(struct endpoint_token *ret_token, struct aid_error *err)
{
	AID_FD(fd);
	int r = make_secret(&ret_token->secret, err);

	if (r == AID_OK)
		r = make_memory(&fd, err);
	if (r == AID_OK)
		r = fill_memory(fd, ret_token->secret, err);
	if (r == AID_OK)
		r = start_keeper(fd, ret_token, err);
	if (r == AID_OK)
		(void)snprintf(ret_token->path, sizeof(ret_token->path), "/proc/%d/fd/%d", (int)ret_token->keeper, KEPT_FD);
	return r;
}

/* By the descriptor: a keeper that somebody ended has been reaped, and its pid may be another's. */
void endpoint_token_end(struct endpoint_token *token)
{
	if (token->pidfd >= 0) {
		(void)syscall(SYS_pidfd_send_signal, token->pidfd, SIGKILL, NULL, 0);
		(void)waitid(P_PIDFD, (id_t)token->pidfd, NULL, WEXITED);
		(void)close(token->pidfd);
	}
	token->pidfd = -1;
	aid_secret_free(token->secret);
	token->secret = NULL;
}
