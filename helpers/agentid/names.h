/* SPDX-License-Identifier: LGPL-2.1-or-later
 * Copyright The agentid authors */
/* What the adapters take as arguments, for them and for agentid setup, which writes such arguments. */
#ifndef AID_NAMES_H
#define AID_NAMES_H

#include <stdbool.h>

#define HOST_NAME_SIZE 256U

/* What may stand in "agentid:NAME" and is no other key of the ring. */
bool name_is_credential(const char *name);
/* A host name or address with an optional port, and nothing else. */
bool name_is_host(const char *name);

#endif
