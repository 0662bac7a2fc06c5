/* SPDX-License-Identifier: LGPL-2.1-or-later
 * Copyright The agentid authors */
/* Linked in the place of lib/versions.c by the story of upgrades: the same programs as another
 * release would have them, with the numbers that the story gives. */
#include "versions.h"

const struct aid_versions aid_ipc_versions = {OTHER_MIN, OTHER_MAX};
const unsigned int aid_record_format = OTHER_FORMAT;
