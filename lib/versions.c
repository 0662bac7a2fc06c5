/* SPDX-License-Identifier: LGPL-2.1-or-later
 * Copyright The agentid authors */
/* The numbers alone: see versions.h. */
#include "versions.h"

#include "protocol.h"
#include "record.h"

const struct aid_versions aid_ipc_versions = {AID_IPC_VERSION_MIN, AID_IPC_VERSION};
const unsigned int aid_record_format = AID_RECORD_FORMAT;
