/* SPDX-License-Identifier: LGPL-2.1-or-later
 * Copyright The agentid authors */
/* The message types and fields of agentid's two local protocols, and the fixed paths and sizes.
 * docs/PROTOCOL.md explains each, and when a change here raises AID_IPC_VERSION. */
#ifndef AID_PROTOCOL_H
#define AID_PROTOCOL_H

/* The newest and the oldest version spoken. */
#define AID_IPC_VERSION 1
#define AID_IPC_VERSION_MIN 1

#define AID_RUN_DIR RUNSTATEDIR "/agentid"
#define AID_SOCKET_PATH AID_RUN_DIR "/keyringd.sock"
#define AID_FETCH_SOCKET_PATH AID_RUN_DIR "/fetch.sock"
/* In a container: what agentid serve made. */
#define AID_SESSION_SOCKET_PATH AID_RUN_DIR "/session.sock"
#define AID_ACCOUNTS_PATH AID_RUN_DIR "/accounts"
#define AID_STATE_DIR LOCALSTATEDIR "/agentid"

#define AID_SESSION_ID_BYTES 8 /* shown as 16 hexadecimal digits */
#define AID_SESSION_ID_SIZE (2 * AID_SESSION_ID_BYTES + 1)
#define AID_COOKIE_BYTES 32
#define AID_CHALLENGE_BYTES 16
#define AID_TOKEN_MAX 16384 /* bytes of one token; a larger one is refused */
#define AID_CLAIMS_MAX 16384 /* bytes of the claims of a verified token, as JSON */

/* Types with this bit are answers: a reader skips fields of them that it does not know. */
#define AID_MSG_ANSWER 16U

enum aid_msg {
	/* client to keyringd */
	AID_MSG_OPEN = 1,    /* root. ACCOUNT UID SERVICE RING [AGENT RHOST TTY INVOCATION
			* TIMEOUT_MS] -> OPENED */
	AID_MSG_CLOSE = 2,   /* COOKIE, or root with SESSION -> DONE */
	AID_MSG_REFRESH = 3, /* COOKIE, or root with SESSION: get a fresh token now -> DONE */
	AID_MSG_LIST = 4,    /* [AGENT] -> SESSION_INFO ..., DONE; others than root see their own uid's */
	AID_MSG_STATUS = 5,  /* [AGENT] -> DAEMON_INFO, AGENT_INFO ..., DONE */
	AID_MSG_REVOKE = 6,  /* root. AGENT -> DONE with COUNT sessions cut */
	AID_MSG_ALLOW = 7,   /* root. AGENT -> DONE with COUNT 1 if it was cut off, else 0 */
	AID_MSG_VERIFY = 8,  /* anybody. SECRET AUDIENCE MAX_LIFETIME_MS, ISSUERS or COOKIE [SUBJECT
			* TIMEOUT_MS CERTIFICATE, PROOF METHOD URI] -> VERIFIED */
	AID_MSG_GET = 9,     /* COOKIE, or root with SESSION; NAME: have this credential in the ring
			* -> DONE */
	AID_MSG_ROTATE = 10, /* root. AGENT [DRY_RUN]: change its client's secret now -> ROTATE_STEP
			* ..., DONE with COUNT 1 if it was changed */
	AID_MSG_READ = 11,   /* to agentid serve alone: CHALLENGE NAME -> CREDENTIAL */
	/* keyringd to client */
	AID_MSG_OPENED = 16, /* SESSION COOKIE AGENT EXPIRES_MS */
	AID_MSG_DONE = 17,   /* [COUNT_OF, TEXT: a remark for a person]; fetch says it of RETIRE */
	AID_MSG_SESSION_INFO = 18,
	AID_MSG_AGENT_INFO = 19,
	AID_MSG_DAEMON_INFO = 20,
	AID_MSG_ERROR = 21, /* STATUS TEXT [OAUTH_CODE HTTP_STATUS RETRY_AFTER_S ERRNO VERSION_MIN
			 * VERSION_MAX]; the same in every version */
	AID_MSG_VERIFIED = 22, /* CLAIMS ISSUER SUBJECT EXPIRES_MS TOKEN_ID; fetch says it too */
	AID_MSG_CREDENTIAL_INFO = 23, /* of LIST: a credential of the SESSION_INFO before it */
	AID_MSG_ROTATE_STEP = 24, /* of ROTATE: NAME ELAPSED_MS [TEXT]; fetch says it too */
	/* agentid serve to client */
	AID_MSG_HELLO = 25, /* CHALLENGE: the request has to repeat it */
	AID_MSG_CREDENTIAL = 26, /* SECRET [EXPIRES_MS] */
	/* keyringd to fetch */
	AID_MSG_SIGN = 32,  /* source = host: ISSUER SUBJECT AUDIENCE LIFETIME_MS; fd 0: signing key */
	AID_MSG_TOKEN = 33, /* source = oidc: see docs/PROTOCOL.md; descriptors as FDS says */
	AID_MSG_RETIRE = 34, /* the same and SECRET, a token to revoke at the provider -> DONE; with
			* CREDENTIAL_TYPE as EXCHANGE, for a credential */
	AID_MSG_EXCHANGE = 35, /* an assertion for a credential: CREDENTIAL_TYPE NAME OPTIONS SOURCE ...,
			* see docs/PROTOCOL.md */
	AID_MSG_JUDGE = 36, /* VERIFY with TRUSTS for ISSUERS; fd 0: the host's key set -> VERIFIED */
	AID_MSG_ROTATE_SECRET = 37, /* the fields of TOKEN and OPTIONS: change the client's secret
			* -> ROTATE_STEP ..., ROTATED */
	/* fetch to keyringd; errors come as AID_MSG_ERROR */
	AID_MSG_ISSUED = 48, /* SECRET EXPIRES_MS LIFETIME_MS TOKEN_ID [JTI RENEWABLE] */
	AID_MSG_ROTATED = 49 /* STATE TEXT [ROTATED_MS NEXT_MS] */
};

enum aid_tag {
	AID_TAG_STATUS = 0,    /* int: enum aid_status */
	AID_TAG_TEXT,          /* one sentence */
	AID_TAG_OAUTH_CODE,
	AID_TAG_HTTP_STATUS,
	AID_TAG_RETRY_AFTER_S,
	AID_TAG_ERRNO,
	AID_TAG_AGENT,         /* agent id */
	AID_TAG_ACCOUNT,       /* Unix account name */
	AID_TAG_UID,
	AID_TAG_SERVICE,       /* PAM service name, "exec" for agentid exec */
	AID_TAG_RHOST,
	AID_TAG_TTY,
	AID_TAG_RING,          /* int: key serial of the ring */
	AID_TAG_SESSION,       /* 16 hexadecimal digits */
	AID_TAG_COOKIE,        /* AID_COOKIE_BYTES random bytes */
	AID_TAG_INVOCATION,    /* systemd invocation id, 32 hexadecimal digits */
	AID_TAG_TIMEOUT_MS,    /* how long the asker will wait */
	AID_TAG_COUNT_OF,      /* int: how many */
	AID_TAG_EXPIRES_MS,    /* wall clock, ms since 1970 */
	AID_TAG_OPENED_MS,     /* wall clock */
	AID_TAG_REFRESH_MS,    /* wall clock: the next refresh */
	AID_TAG_LIFETIME_MS,
	AID_TAG_PID,           /* the session's leader */
	AID_TAG_STATE,         /* "fresh", "retrying", "expired", "revoked", ... */
	AID_TAG_FAILURES,      /* int: failed refreshes in a row */
	AID_TAG_REFRESHES,     /* int: refreshes since the session opened */
	AID_TAG_LAST_ERROR,    /* one sentence, or absent */
	AID_TAG_SOURCE,        /* "oidc" or "host" */
	AID_TAG_VERSION,       /* software version */
	AID_TAG_SESSIONS,      /* int */
	AID_TAG_QUOTA_USED,    /* int: bytes of root's key quota */
	AID_TAG_QUOTA_MAX,
	AID_TAG_CONFIG_ERROR,  /* one sentence, or absent */
	AID_TAG_STARTED_MS,
	AID_TAG_FETCH_UP,      /* int 0 or 1 */
	/* keyringd <-> fetch */
	AID_TAG_SECRET,        /* a token: only this field and PREVIOUS may hold one */
	AID_TAG_TOKEN_ID,      /* 16 hexadecimal digits of the token's SHA-256 */
	AID_TAG_JTI,
	AID_TAG_ISSUER,
	AID_TAG_SUBJECT,
	AID_TAG_AUDIENCE,
	AID_TAG_CLIENT_ID,
	AID_TAG_CLIENT_AUTH,   /* int: enum aid_client_auth */
	AID_TAG_ALG,           /* JWS algorithm of our own assertion */
	AID_TAG_ALGS,          /* accepted JWS algorithms, comma-separated */
	AID_TAG_SCOPE,
	AID_TAG_RESOURCE,
	AID_TAG_SEND_AUDIENCE, /* int 0 or 1: put audience= in the request */
	AID_TAG_FORMAT,        /* int: enum aid_token_format */
	AID_TAG_CA_FILE,
	AID_TAG_ALLOWED_HOSTS, /* comma-separated, beside the issuer's own */
	AID_TAG_ASSERTION_AUDIENCE, /* int: enum aid_assertion_audience */
	AID_TAG_HOST_ISSUER,   /* federated_jwt: iss of the host's assertion */
	AID_TAG_HOST_SUBJECT,  /* federated_jwt: its sub */
	AID_TAG_MAX_LIFETIME_MS,
	AID_TAG_FDS,           /* letters in the order of the descriptors: s secret, k private key
				* (client assertion or TLS), c certificate, h host signing key,
				* j the host's own key set, v AppRole secret id, w token for a
				* container's keys */
	/* only in agentid:meta */
	AID_TAG_LEADER_START,  /* field 22 of the leader's /proc/PID/stat */
	AID_TAG_EXPIRES_BOOT_MS,  /* boot clock */
	AID_TAG_RECEIVED_BOOT_MS, /* boot clock */
	/* keyringd <-> fetch, of a credential */
	AID_TAG_CREDENTIAL_TYPE, /* int: enum aid_target_kind */
	AID_TAG_NAME,            /* of the section [credential NAME] */
	AID_TAG_SESSION_NAME,    /* who asks, for the target's own log: AGENT.SESSION */
	AID_TAG_OPTIONS,         /* aid_target_pack() */
	AID_TAG_PREVIOUS,        /* the credential to renew */
	AID_TAG_RENEWABLE,       /* int 0 or 1 */
	/* of an ERROR with the status AID_E_VERSION: what its sender speaks */
	AID_TAG_VERSION_MIN,
	AID_TAG_VERSION_MAX,
	/* only in agentid:meta: the oldest format whose rules are enough to go on with the session */
	AID_TAG_RECORD_NEEDS,
	/* agentid verify */
	AID_TAG_ISSUERS,       /* accepted ones, a blank between */
	AID_TAG_TRUSTS,        /* how to reach each: see lib/trusts.h */
	AID_TAG_PROOF,         /* DPoP proof */
	AID_TAG_METHOD,        /* of the request that the proof came with */
	AID_TAG_URI,
	AID_TAG_CERTIFICATE,   /* PEM, of the client of that request */
	AID_TAG_CLAIMS,        /* JSON */
	/* keyringd -> fetch: a client secret that a secrets manager has, see lib/secret_manager.h */
	AID_TAG_SECRET_REF,        /* in place of the descriptor s */
	AID_TAG_TARGET_SECRET_REF, /* in place of S */
	AID_TAG_VAULT,             /* aid_target_pack() of [secrets vault] */
	AID_TAG_AWS_SM,            /* of [secrets aws-sm] */
	/* rotation */
	AID_TAG_DRY_RUN,       /* int 0 or 1 */
	AID_TAG_ELAPSED_MS,    /* since the rotation began */
	AID_TAG_ROTATED_MS,    /* wall clock: when the secret was last changed */
	AID_TAG_NEXT_MS,       /* wall clock: when it is worth asking again */
	AID_TAG_ROTATE_ERROR,  /* one sentence, or absent */
	/* agentid serve */
	AID_TAG_CHALLENGE,     /* AID_CHALLENGE_BYTES random bytes */
	AID_TAG_COUNT
};

#endif
