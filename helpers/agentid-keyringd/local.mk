# SPDX-License-Identifier: LGPL-2.1-or-later
sbin_PROGRAMS += agentid-keyringd

agentid_keyringd_SOURCES = \
	%D%/accounts.c %D%/accounts.h \
	%D%/agent.c %D%/agent.h \
	%D%/breaker.c %D%/breaker.h \
	%D%/chance.h \
	%D%/client.c %D%/client.h \
	%D%/credential.c %D%/credential.h %D%/credentials.c \
	%D%/credentialrecord.c %D%/credentialrecord.h \
	%D%/credentialstore.c %D%/credentialstore.h \
	%D%/daemon.c %D%/daemon.h \
	%D%/ending.c %D%/ending.h \
	%D%/exchangerequest.c \
	%D%/fetchlink.c %D%/fetchlink.h \
	%D%/fetchrequest.c %D%/fetchrequest.h %D%/fetchrequest_private.h \
	%D%/heap.c %D%/heap.h \
	%D%/hostkey.c %D%/hostkey.h \
	%D%/issued.c %D%/issued.h \
	%D%/killswitch.c %D%/killswitch.h \
	%D%/leader.c %D%/leader.h \
	%D%/list.h \
	%D%/listing.c %D%/listing.h \
	%D%/loop.c %D%/loop.h \
	%D%/main.c \
	%D%/managedrequest.c \
	%D%/opening.c %D%/opening.h \
	%D%/quota.c %D%/quota.h \
	%D%/recover.c %D%/recover.h \
	%D%/refresh.c %D%/refresh.h \
	%D%/reload.c %D%/reload.h \
	%D%/requests.c %D%/requests.h \
	%D%/retire.c %D%/retire.h \
	%D%/retire_store.c %D%/retire_store.h \
	%D%/rotation.c %D%/rotationrequest.c %D%/rotation.h \
	%D%/schedule.c %D%/schedule.h \
	%D%/sessions.c %D%/sessions.h \
	%D%/sink.c %D%/sink.h \
	%D%/sockets.c %D%/sockets.h \
	%D%/startup.c %D%/startup.h \
	%D%/store.c %D%/store.h \
	%D%/supervise.c %D%/supervise.h \
	%D%/verify.c %D%/verify_limit.c %D%/verify.h \
	%D%/verify_trust.c %D%/verify_trust.h
agentid_keyringd_CFLAGS = $(AM_CFLAGS) $(HARDEN_PIE_CFLAGS)
agentid_keyringd_LDFLAGS = $(AM_LDFLAGS) $(HARDEN_PIE_LDFLAGS)
agentid_keyringd_LDADD = libagentid-config.la libagentid-base.la
