/* SPDX-License-Identifier: LGPL-2.1-or-later
 * Copyright The agentid authors */
/* The one error type. A function that can fail returns 0 or a negative enum aid_status and, where
 * the caller gave a struct aid_error, says in one sentence which check failed, for which value and
 * against which limit. That sentence never holds a secret. Decisions read the status, never the
 * text. */
#ifndef AID_ERROR_H
#define AID_ERROR_H

#include <stdbool.h>

#define AID_WUR __attribute__((warn_unused_result))
#define AID_PRINTF(fmt, args) __attribute__((format(printf, fmt, args)))

/* Named by what the caller can do. The numbers travel in IPC frames: append only. */
enum aid_status {
	AID_OK = 0,
	AID_E_NOMEM = -1,       /* out of memory: give up this operation */
	AID_E_IO = -2,          /* a system call failed: see sys_errno */
	AID_E_TIMEOUT = -3,     /* a deadline passed: may be tried again */
	AID_E_UNREACHABLE = -4, /* the other side is not there (connect, TLS alert): try again */
	AID_E_PROTOCOL = -5,    /* the other side broke the protocol or the format: no retry */
	AID_E_DENIED = -6,      /* policy or the provider said no */
	AID_E_EXPIRED = -7,     /* too old, or not yet valid */
	AID_E_UNTRUSTED = -8,   /* signature, certificate, issuer, owner or mode is wrong */
	AID_E_NOTFOUND = -9,    /* no such agent, key, session, file */
	AID_E_CONFIG = -10,     /* the configuration is wrong: a person must act */
	AID_E_TOOBIG = -11,     /* over a named limit */
	AID_E_QUOTA = -12,      /* the kernel's key quota leaves no room */
	AID_E_CREDENTIAL = -13, /* client authentication failed: read the secret again, once */
	AID_E_BUSY = -14,       /* overloaded or rate-limited here or there: try again later */
	AID_E_VERSION = -15,    /* the peer speaks another protocol version */
	AID_E_REVOKED = -16,    /* the agent is cut off (agentid revoke) */
	AID_E_INVALID = -17,    /* a caller's argument is wrong */
	AID_E_UNSAFE = -18,     /* the process is in a state it must not go on in: stop */
	AID_E_LAST_WK = -18
};

struct aid_error {
	int status;           /* enum aid_status */
	int sys_errno;        /* 0, or the errno behind it */
	int http_status;      /* 0, or the provider's answer */
	int retry_after_s;    /* -1, or the provider's Retry-After, in seconds, already capped */
	char oauth_code[32];  /* "", or the error code of RFC 6749 section 5.2, checked */
	char text[256];       /* one sentence, printable ASCII */
};

#define AID_ERROR_INIT ((struct aid_error){.retry_after_s = -1})

/* Fills err (NULL is allowed) and returns status, so that a failure is one statement. */
int aid_fail(struct aid_error *err, int status, const char *fmt, ...) AID_PRINTF(3, 4);
/* The same for a failed system call: appends ": " and the text of the errno given. */
int aid_fail_errno(struct aid_error *err, int status, int sys_errno, const char *fmt, ...)
	AID_PRINTF(4, 5);
/* Puts "context: " before err->text; returns err->status, and AID_E_INVALID for err NULL, so that a
 * failure stays one. At most once per layer. */
int aid_prefix(struct aid_error *err, const char *fmt, ...) AID_PRINTF(2, 3);

/* "timeout", "untrusted", ...; "unknown" for a number outside the enum. */
const char *aid_status_name(int status);
/* True where the same request may succeed later without anybody changing anything. */
bool aid_status_is_transient(int status);

#endif
