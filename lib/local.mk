# SPDX-License-Identifier: LGPL-2.1-or-later
# Convenience archives, by what they may link (libtool links each in whole):
#   base   keyutils          the PAM module, libagentid and everything else
#   config libeconf          whoever reads configuration
#   oidc   jansson crypto    agentid-fetch and the issuer commands only
#   net    curl seccomp      agentid-fetch alone
noinst_LTLIBRARIES += libagentid-base.la libagentid-config.la libagentid-oidc.la \
	libagentid-net.la

libagentid_base_la_SOURCES = \
	%D%/cleanup.h \
	%D%/clock.c %D%/clock.h \
	%D%/error.c %D%/error.h \
	%D%/file.c %D%/file.h \
	%D%/ipc.c %D%/ipc_frame.c %D%/ipc.h \
	%D%/issuer_dir.h \
	%D%/jwa.h \
	%D%/keyring.h \
	%D%/log.c %D%/log.h \
	%D%/notify.c %D%/notify.h \
	%D%/protocol.h \
