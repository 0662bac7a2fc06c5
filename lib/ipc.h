/* SPDX-License-Identifier: LGPL-2.1-or-later
 * Copyright The agentid authors */
/* Frames over AF_UNIX SOCK_SEQPACKET sockets, one message per frame. docs/PROTOCOL.md has the layout.
 *
 * The codec half is pure (bytes in, status out) and fuzzed. A reader accepts each field at most once.
 * A request with a field that it does not know is an error, because that field may forbid something;
 * in an answer such a field is skipped. */
#ifndef AID_IPC_H
#define AID_IPC_H

#include "error.h"
#include "protocol.h"
#include "versions.h"

#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

#define AID_IPC_FRAME_MAX 65536U
#define AID_IPC_HEADER 16U
#define AID_IPC_FDS_MAX 4U

/* Builds one frame in a buffer of the caller. Errors are kept until aid_writer_end(). */
struct aid_writer {
	uint8_t *buffer;
	size_t capacity;
	size_t length;
	bool overflow;
};

void aid_writer_begin(struct aid_writer *writer, void *buffer, size_t capacity, enum aid_msg type,
	uint32_t id);
void aid_writer_bytes(struct aid_writer *writer, enum aid_tag tag, const void *bytes, size_t length);
/* NULL writes nothing: the field is absent. */
void aid_writer_text(struct aid_writer *writer, enum aid_tag tag, const char *text);
void aid_writer_int(struct aid_writer *writer, enum aid_tag tag, int64_t value);
/* status, text, oauth_code, http_status, retry_after_s, sys_errno of err. */
void aid_writer_error(struct aid_writer *writer, const struct aid_error *err);
/* Puts another version than the newest into the frame's header; also after aid_writer_end(). */
void aid_writer_speak(struct aid_writer *writer, unsigned int version);
/* AID_E_TOOBIG when something did not fit; else the frame is buffer[0..length). */
int aid_writer_end(struct aid_writer *writer) AID_WUR;

struct aid_field {
	const uint8_t *bytes; /* NULL: absent */
	size_t length;
};

/* A parsed frame; the fields point into the buffer it was parsed from. */
struct aid_frame {
	enum aid_msg type;
	unsigned int version;
	uint32_t id;
	struct aid_field fields[AID_TAG_COUNT];
};

/* AID_E_VERSION for another version (frame->id and ->version are set all the same), AID_E_PROTOCOL. */
int aid_frame_parse(const void *bytes, size_t length, struct aid_frame *ret_frame,
	struct aid_error *err) AID_WUR;
/* The same for a frame that was kept, by this or another release: any version, which the caller looks
 * at. Fields that this release does not know are skipped as in any answer. */
int aid_frame_parse_kept(const void *bytes, size_t length, struct aid_frame *ret_frame,
	struct aid_error *err) AID_WUR;
bool aid_frame_has(const struct aid_frame *frame, enum aid_tag tag);
/* AID_E_PROTOCOL when absent, not 8 bytes long, or outside [min, max]. */
int aid_frame_int(const struct aid_frame *frame, enum aid_tag tag, int64_t min, int64_t max,
	int64_t *ret_value, struct aid_error *err) AID_WUR;
/* Copies printable ASCII text into out with a final NUL; an absent field gives "". */
int aid_frame_text(const struct aid_frame *frame, enum aid_tag tag, char *out, size_t size,
	struct aid_error *err) AID_WUR;
/* The same, and AID_E_PROTOCOL when absent or empty. */
int aid_frame_text_required(const struct aid_frame *frame, enum aid_tag tag, char *out, size_t size,
	struct aid_error *err) AID_WUR;
/* Exactly length bytes. */
int aid_frame_bytes(const struct aid_frame *frame, enum aid_tag tag, void *out, size_t length,
	struct aid_error *err) AID_WUR;
/* The error that an AID_MSG_ERROR frame carries; err->status is never AID_OK afterwards. */
void aid_frame_error(const struct aid_frame *frame, struct aid_error *err);
/* The same. When it refuses the version of a request, this returns the one to repeat it in; 0 for any
 * other error, and when there is no common version, which err then says of both sides. */
unsigned int aid_frame_agree(const struct aid_frame *frame, struct aid_error *err);
/* The answer to a frame that aid_frame_parse() refused with AID_E_VERSION: an ERROR in the version of
 * its sender, who can read it. */
void aid_writer_refusal(struct aid_writer *writer, void *buffer, size_t capacity,
	const struct aid_frame *refused, const struct aid_error *err);

/* Who is at the other end, as the kernel says it. */
struct aid_peer {
	uid_t uid;
	gid_t gid;
	pid_t pid;
};

/* Connects within timeout_ms, which also bounds each later send on the descriptor.
 * AID_E_UNREACHABLE when nobody listens, AID_E_TIMEOUT, AID_E_IO. */
int aid_ipc_connect(const char *path, int64_t timeout_ms, int *ret_fd, struct aid_error *err) AID_WUR;
/* Bounds each later receive; aid_ipc_call() does not need it. */
int aid_ipc_limit_receive(int fd, int64_t timeout_ms, struct aid_error *err) AID_WUR;
int aid_ipc_peer(int fd, struct aid_peer *ret_peer, struct aid_error *err) AID_WUR;
/* Sends one frame with up to AID_IPC_FDS_MAX descriptors; never raises SIGPIPE.
 * AID_E_BUSY when the socket is full (non-blocking), AID_E_UNREACHABLE when the peer is gone. */
int aid_ipc_send(int fd, const void *bytes, size_t length, const int *fds, size_t n_fds,
	struct aid_error *err) AID_WUR;
/* Receives one frame. Descriptors beyond max_fds are closed and the frame refused. The caller owns
 * fds[0..*ret_n_fds). AID_E_BUSY: nothing there (non-blocking); AID_E_TIMEOUT; AID_E_UNREACHABLE:
 * the peer closed. */
int aid_ipc_recv(int fd, void *buffer, size_t capacity, size_t *ret_length, int *fds, size_t max_fds,
	size_t *ret_n_fds, struct aid_error *err) AID_WUR;
/* Sends a frame and waits until deadline_boot_ms for one that answers it; the answer is in buffer.
 * An AID_MSG_ERROR answer becomes the error it carries. Where the other side speaks an older version
 * that this side speaks too, the request is repeated in that one. */
int aid_ipc_call(int fd, struct aid_writer *request, void *buffer, size_t capacity,
	int64_t deadline_boot_ms, struct aid_frame *ret_reply, struct aid_error *err) AID_WUR;

#endif
