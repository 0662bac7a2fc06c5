# SPDX-License-Identifier: LGPL-2.1-or-later
dist_man_MANS += \
	%D%/agentid-agent.conf.5 \
	%D%/agentid-fetch.8 \
	%D%/agentid-keyring.7 \
	%D%/agentid-keyringd.8 \
	%D%/agentid.1 \
	%D%/agentid.conf.5 \
	%D%/agentid.3 \
	%D%/pam_agentid.8
