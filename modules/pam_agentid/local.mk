# SPDX-License-Identifier: LGPL-2.1-or-later
pam_LTLIBRARIES = modules/pam_agentid/pam_agentid.la

modules_pam_agentid_pam_agentid_la_SOURCES = \
	%D%/accounts.c %D%/accounts.h \
	%D%/options.c %D%/options.h \
	%D%/pam_agentid.c \
	%D%/pam_session.c %D%/pam_session.h \
	%D%/status.c %D%/status.h
# Without the conversion warnings, which the macros of libpam's headers set off.
modules_pam_agentid_pam_agentid_la_CFLAGS = -std=gnu17 -fvisibility=hidden $(WARN_CFLAGS) \
	$(HARDEN_CFLAGS) $(SANITIZE_CFLAGS)
modules_pam_agentid_pam_agentid_la_LDFLAGS = $(AM_LDFLAGS) -module -avoid-version -shared \
	-Wl,--gc-sections \
	-Wl,--version-script=$(srcdir)/%D%/pam_agentid.map
modules_pam_agentid_pam_agentid_la_LIBADD = libagentid-config.la libagentid-base.la $(PAM_LIBS)
EXTRA_modules_pam_agentid_pam_agentid_la_DEPENDENCIES = %D%/pam_agentid.map
EXTRA_DIST += %D%/pam_agentid.map %D%/README
