/* SPDX-License-Identifier: LGPL-2.1-or-later
 * Copyright The agentid authors */
/* Between the files of libagentid. */
#ifndef AGENTID_PRIVATE_H
#define AGENTID_PRIVATE_H

#include "agentid.h"
#include "secret.h"

#define EXPORT __attribute__((visibility("default")))

struct agentid_secret {
	struct aid_secret *bytes;
};

#endif
