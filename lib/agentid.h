/* SPDX-License-Identifier: LGPL-2.1-or-later
 * Copyright The agentid authors */
/* libagentid: read the credentials of one's own agent session, and have another agent's verified.
 * agentid(3) and agentid_verify(3) are the reference.
 *
 * Credentials are in the kernel's keyring of the session: no daemon is asked for them, no file or
 * environment variable read and no connection made. Only agentid_verify() asks the daemon. Functions return AGENTID_OK or a negative status, never
 * print and keep no state outside the handle; what they leave in errno means nothing. A handle may
 * be used by several threads at once and in a forked child. */
#ifndef AGENTID_H
#define AGENTID_H

#include <stddef.h>
#include <stdint.h>

#ifdef __cplusplus
extern "C" {
#endif

enum agentid_status {
	AGENTID_OK = 0,
	AGENTID_E_NOMEM = -1,
	AGENTID_E_IO = -2,        /* the kernel refused a key operation for an odd reason */
	AGENTID_E_TIMEOUT = -3,   /* agentid_wait: nothing changed; agentid_verify: no answer in time */
	AGENTID_E_UNREACHABLE = -4, /* agentid_verify: the daemon or the issuer is not there */
	AGENTID_E_PROTOCOL = -5,  /* agentid:info, or a token, is in a form this version does not know */
	AGENTID_E_DENIED = -6,    /* this process may not, for example in a container; agentid_verify:
				   * the token is for somebody else, or its proof is missing or wrong */
	AGENTID_E_EXPIRED = -7,   /* no fresh one came in time; it comes back by itself */
	AGENTID_E_UNTRUSTED = -8, /* agentid_verify: signature, algorithm or issuer */
	AGENTID_E_NOTFOUND = -9,  /* no agent session here, or no such credential in it */
	AGENTID_E_CONFIG = -10,   /* agentid_verify: the host is not configured for it */
	AGENTID_E_TOOBIG = -11,   /* the buffer is too small */
	AGENTID_E_BUSY = -14,     /* the credential changed at every try; the daemon has no time */
	AGENTID_E_VERSION = -15,  /* the daemon speaks another version */
	AGENTID_E_REVOKED = -16,  /* the session was closed or cut off: it does not come back */
	AGENTID_E_INVALID = -17   /* an argument is wrong */
};

/* The name of the session's own token. */
#define AGENTID_TOKEN "token"

struct agentid;
struct agentid_secret;

/* Finds this process's session: the ring that root owns, not one that only has its name.
 * *ret_handle is freed with agentid_free(). */
int agentid_new(struct agentid **ret_handle);
void agentid_free(struct agentid *handle);

/* The name of a credential is that of its section in the agent's file, or "token". What is read is what
 * is there: nobody is asked to make it, see agentid(3). */

/* Copies a credential into buffer, without a final NUL. *ret_length is its length, also with
 * AGENTID_E_TOOBIG. Read it for each use instead of keeping it: it changes with every refresh. */
int agentid_read(struct agentid *handle, const char *credential, void *buffer, size_t size,
	size_t *ret_length);
/* The same into memory of the library, which is kept out of core files and wiped when freed. */
int agentid_get(struct agentid *handle, const char *credential, struct agentid_secret **ret_secret);
/* A NUL follows the text; the length does not count it. */
const char *agentid_secret_text(const struct agentid_secret *secret);
size_t agentid_secret_length(const struct agentid_secret *secret);
void agentid_secret_free(struct agentid_secret *secret);

/* How long a credential is still valid, at least, in milliseconds. */
int agentid_time_left(struct agentid *handle, const char *credential, int64_t *ret_ms);
/* Waits until a credential can be read and is another than the one *stamp stands for, and sets
 * *stamp. With *stamp 0 it waits only for one that can be read. timeout_ms -1 waits without limit.
 * Else AGENTID_E_TIMEOUT, or why there is none to read. A change is noticed within a second, and
 * within a twentieth of the time left. */
int agentid_wait(struct agentid *handle, const char *credential, uint64_t *stamp, int timeout_ms);

/* What another agent's token has to say. Fill it with zeros and set what is wanted. */
struct agentid_verify {
	size_t size;                /* sizeof(struct agentid_verify) */
	const char *audience;       /* required: who we are; in aud exactly */
	const char *const *issuers; /* accepted ones, NULL-terminated; NULL: that of the own session */
	const char *subject;        /* sub is exactly this; NULL: any */
	const char *proof;          /* the DPoP header of the request, with: */
	const char *method;         /* its method */
	const char *uri;            /* and URI */
	const char *certificate;    /* PEM certificate of the TLS client */
	int max_lifetime_s;         /* of the token; 0: one hour */
	int timeout_ms;             /* 0: ten seconds */
};

/* Has the daemon verify a token. *ret_claims gets its claims, one JSON object, on success only. On
 * failure reason (may be NULL), of size bytes, gets one English sentence. Needs no handle. */
int agentid_verify(const struct agentid_verify *wanted, const char *token, size_t length,
	struct agentid_secret **ret_claims, char *reason, size_t size);

/* One English phrase, for any number. */
const char *agentid_strerror(int status);

#ifdef __cplusplus
}
#endif

#endif
