# SPDX-License-Identifier: LGPL-2.1-or-later
# Two programs behind one command: agentid starts often and links little; agentid-admin brings
# libeconf and the cryptography for check and issuer.
bin_PROGRAMS += agentid
pkglibexec_PROGRAMS += agentid-admin

agentid_SOURCES = \
	%D%/admin_exec.c \
	%D%/cli.c %D%/cli.h \
	%D%/client.c %D%/client.h \
	%D%/commands.h \
	%D%/exec.c \
	%D%/get.c \
	%D%/help.c \
	%D%/jsonout.c %D%/jsonout.h \
	%D%/list.c \
	%D%/main.c \
	%D%/output.c %D%/output.h \
	%D%/revoke.c \
	%D%/sessioninfo.c %D%/sessioninfo.h \
	%D%/status.c \
	%D%/verify.c
agentid_CFLAGS = $(AM_CFLAGS) $(HARDEN_PIE_CFLAGS)
agentid_LDFLAGS = $(AM_LDFLAGS) $(HARDEN_PIE_LDFLAGS)
agentid_LDADD = libagentid-base.la

agentid_admin_SOURCES = \
	%D%/admin/main.c \
	%D%/check.c %D%/check.h \
	%D%/check_agents.c \
	%D%/check_host.c \
	%D%/check_pam.c \
	%D%/cli.c \
	%D%/client.c \
	%D%/help.c \
	%D%/issuer.c \
	%D%/jsonout.c \
	%D%/output.c
agentid_admin_CFLAGS = $(AM_CFLAGS) $(HARDEN_PIE_CFLAGS)
agentid_admin_LDFLAGS = $(AM_LDFLAGS) $(HARDEN_PIE_LDFLAGS)
agentid_admin_LDADD = libagentid-oidc.la libagentid-config.la libagentid-base.la
