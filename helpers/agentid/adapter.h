/* SPDX-License-Identifier: LGPL-2.1-or-later
 * Copyright The agentid authors */
/* What the adapters share: commands that other programs start to get a credential of this session, in the
 * form which that program documents. Each prints on standard output what its program reads, and on
 * standard error, in one line, why there is nothing (gcp alone says that in its answer). */
#ifndef AID_ADAPTER_H
#define AID_ADAPTER_H

#include "cli.h"
#include "credential.h"

#include <stdbool.h>
#include <stddef.h>

#define ADAPTER_HOSTS_MAX 32U

struct adapter {
	const char *credential; /* the NAME; set the default before adapter_parse() */
	const char *operation;  /* get, store, ...: NULL for adapters that have none */
	const char *audience;   /* --audience, or NULL */
	const char *username;   /* --username; set the default before */
	const char *hosts[ADAPTER_HOSTS_MAX]; /* --host, each a host[:port] */
	size_t n_hosts;
};

enum adapter_positional { ADAPTER_NAME = 1, ADAPTER_OPERATION };

/* Takes the options among letters (a: --audience, c: --credential, o: --host, u: --username), then an
 * optional NAME or one operation. Returns -1, or the status to end with. */
int adapter_parse(const struct cli *cli, int argc, char **argv, const char *letters,
	enum adapter_positional positional, struct adapter *adapter);
/* Whether one of --host is host, exactly but for the case of letters. */
bool adapter_has_host(const struct adapter *adapter, const char *host);
/* What can be read from fd into out, with a NUL. AID_E_TOOBIG, AID_E_IO. */
int adapter_read(int fd, char *out, size_t size, size_t *ret_length, struct aid_error *err) AID_WUR;

#endif
