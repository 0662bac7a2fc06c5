/* SPDX-License-Identifier: LGPL-2.1-or-later
 * Copyright The agentid authors */
/* Which process is at the other end of a connection on the loopback interface. The kernel does not tell that
 * of TCP, but whose socket it is, and who has it open. So the authorisation token alone, which any process of
 * the account can read, gets nobody outside of the session in. */
#include "endpoint.h"

#include "cleanup.h"
#include "serve.h"
#include "str.h"

#include <dirent.h>
#include <errno.h>
#include <linux/inet_diag.h>
#include <linux/netlink.h>
#include <linux/sock_diag.h>
#include <netinet/in.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <unistd.h>

#define ANSWER_BYTES 2048U
#define LINK_BYTES 64U

struct question {
	struct nlmsghdr header;
	struct inet_diag_req_v2 body;
};

static int fill_question(int fd, struct question *question, struct aid_error *err)
{
	struct sockaddr_in ours = {0}, theirs = {0};
	socklen_t size = sizeof(ours), other = sizeof(theirs);

	if (getsockname(fd, (struct sockaddr *)&ours, &size) != 0 ||
		getpeername(fd, (struct sockaddr *)&theirs, &other) != 0 || theirs.sin_family != AF_INET)
		return aid_fail(err, AID_E_DENIED, "the client has gone");
	*question = (struct question){
		.header = {.nlmsg_len = sizeof(*question), .nlmsg_type = SOCK_DIAG_BY_FAMILY, .nlmsg_flags = NLM_F_REQUEST},
		.body = {.sdiag_family = AF_INET, .sdiag_protocol = IPPROTO_TCP, .idiag_states = ~0U},
	};
	/* As the client sees it; the family takes in IPv6 sockets that talk IPv4. */
	question->body.id.idiag_sport = theirs.sin_port;
	question->body.id.idiag_dport = ours.sin_port;
	question->body.id.idiag_src[0] = theirs.sin_addr.s_addr;
	question->body.id.idiag_dst[0] = ours.sin_addr.s_addr;
	question->body.id.idiag_cookie[0] = question->body.id.idiag_cookie[1] = INET_DIAG_NOCOOKIE;
	return AID_OK;
}

static int ask_kernel(const struct question *question, struct inet_diag_msg *ret_answer, struct aid_error *err)
{
	union {
		struct nlmsghdr header;
		char bytes[ANSWER_BYTES];
	} answer;
	AID_FD(fd);
	ssize_t got;

	fd = socket(AF_NETLINK, SOCK_DGRAM | SOCK_CLOEXEC, NETLINK_SOCK_DIAG);
	if (fd < 0 || send(fd, question, sizeof(*question), 0) != (ssize_t)sizeof(*question))
		return aid_fail_errno(err, AID_E_IO, errno, "sock_diag(7)");
	do {
		got = recv(fd, &answer, sizeof(answer), 0);
	} while (got < 0 && errno == EINTR);
	if (got >= (ssize_t)NLMSG_LENGTH(sizeof(struct nlmsgerr)) && answer.header.nlmsg_type == NLMSG_ERROR)
		return aid_fail_errno(err, AID_E_DENIED, -((struct nlmsgerr *)NLMSG_DATA(&answer.header))->error,
			"sock_diag(7) about the client");
	if (got < (ssize_t)NLMSG_LENGTH(sizeof(*ret_answer)) || answer.header.nlmsg_type != SOCK_DIAG_BY_FAMILY)
		return aid_fail(err, AID_E_IO, "sock_diag(7): an unknown answer");
	memcpy(ret_answer, NLMSG_DATA(&answer.header), sizeof(*ret_answer));
	return AID_OK;
}

int endpoint_peer_of(int fd, uid_t *ret_uid, unsigned int *ret_inode, struct aid_error *err)
{
	struct inet_diag_msg answer;
	struct question question;
	int r = fill_question(fd, &question, err);

	if (r == AID_OK)
		r = ask_kernel(&question, &answer, err);
	if (r != AID_OK)
		return r;
	if (answer.id.idiag_sport != question.body.id.idiag_sport || answer.idiag_inode == 0)
		return aid_fail(err, AID_E_DENIED, "the client has closed its socket");
	*ret_uid = answer.idiag_uid;
	*ret_inode = answer.idiag_inode;
	return AID_OK;
}

static bool has_socket(pid_t pid, const char *wanted)
{
	char path[32], text[LINK_BYTES];
	const struct dirent *entry;
	bool found = false;
	DIR *dir;

	(void)snprintf(path, sizeof(path), "/proc/%d/fd", (int)pid);
	dir = opendir(path);
	if (dir == NULL)
		return false;
	/* NOLINTNEXTLINE(concurrency-mt-unsafe): the command has one thread. */
	while (!found && (entry = readdir(dir)) != NULL) {
		ssize_t length = readlinkat(dirfd(dir), entry->d_name, text, sizeof(text) - 1);

		text[length > 0 ? length : 0] = '\0';
		found = aid_streq(text, wanted);
	}
	(void)closedir(dir);
	return found;
}

/* With a pidfd from before it was looked at, so that the pid is the same process's until the end. */
static int check_process(const char *name, const char *wanted, pid_t ancestor, struct aid_error *err)
{
	struct serve_peer peer = {.uid = getuid(), .pidfd = -1};
	AID_FD(pidfd);
	uint64_t pid;

	if (aid_str_parse_uint(name, 1, INT32_MAX, &pid) != AID_OK)
		return AID_E_NOTFOUND;
	peer.pid = (pid_t)pid;
	pidfd = (int)syscall(SYS_pidfd_open, peer.pid, 0);
	if (pidfd < 0 || !has_socket(peer.pid, wanted))
		return AID_E_NOTFOUND;
	peer.pidfd = pidfd;
	return serve_peer_descends(&peer, ancestor, err);
}

/* A process that its user may not look into is not found: it must not be undumpable. */
int endpoint_peer_descends(unsigned int inode, pid_t ancestor, struct aid_error *err)
{
	char wanted[LINK_BYTES];
	const struct dirent *entry;
	DIR *proc = opendir("/proc");
	int r = AID_E_NOTFOUND;

	if (proc == NULL)
		return aid_fail_errno(err, AID_E_IO, errno, "/proc");
	(void)snprintf(wanted, sizeof(wanted), "socket:[%u]", inode);
	(void)aid_fail(err, AID_E_DENIED, "no process of this account that can be looked into has the connection");
	/* NOLINTNEXTLINE(concurrency-mt-unsafe): the command has one thread. */
	while (r != AID_OK && (entry = readdir(proc)) != NULL)
		r = check_process(entry->d_name, wanted, ancestor, err);
	(void)closedir(proc);
	return r == AID_OK ? AID_OK : AID_E_DENIED;
}
