# SPDX-License-Identifier: LGPL-2.1-or-later
include modules/pam_agentid/local.mk
