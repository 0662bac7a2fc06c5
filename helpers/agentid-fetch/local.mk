# SPDX-License-Identifier: LGPL-2.1-or-later
pkglibexec_PROGRAMS += agentid-fetch

agentid_fetch_SOURCES = \
	%D%/credential.c %D%/credential.h \
	%D%/exchange.c \
	%D%/fetch.h \
	%D%/form.c %D%/form.h \
	%D%/job.c %D%/job_secret.c %D%/job_tell.c %D%/job_work.c %D%/job.h %D%/job_private.h \
	%D%/judge.c \
	%D%/key_cache.c %D%/key_cache.h \
	%D%/main.c \
	%D%/managed.c %D%/managed_aws.c %D%/managed_read.c %D%/managed_vault.c \
	%D%/managed.h %D%/managed_private.h \
	%D%/provider.c %D%/provider.h \
	%D%/request.c %D%/request.h \
	%D%/rotate.c %D%/rotate.h \
	%D%/rotate_access.c %D%/rotate_access.h \
	%D%/rotate_kv.c %D%/rotate_provider.c %D%/rotate_read.c \
	%D%/say.c \
	%D%/server.c \
	%D%/sign.c
agentid_fetch_CPPFLAGS = $(AM_CPPFLAGS) -I$(srcdir)/%D%
agentid_fetch_CFLAGS = $(AM_CFLAGS) $(HARDEN_PIE_CFLAGS)
agentid_fetch_LDFLAGS = $(AM_LDFLAGS) $(HARDEN_PIE_LDFLAGS)
agentid_fetch_LDADD = libagentid-net.la libagentid-oidc.la libagentid-base.la
