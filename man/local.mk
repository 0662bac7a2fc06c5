# SPDX-License-Identifier: LGPL-2.1-or-later
dist_man_MANS += \
	%D%/agentid-fetch.8 \
	%D%/agentid-keyring.7 \
	%D%/agentid-keyringd.8 \
	%D%/pam_agentid.8
