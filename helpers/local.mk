# SPDX-License-Identifier: LGPL-2.1-or-later
include helpers/agentid-keyringd/local.mk
include helpers/agentid-fetch/local.mk
include helpers/agentid/local.mk
