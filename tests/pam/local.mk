# SPDX-License-Identifier: LGPL-2.1-or-later
check_PROGRAMS += tests/pam/fake_keyringd tests/pam/pam_run

tests_pam_fake_keyringd_SOURCES = %D%/fake_keyringd.c
tests_pam_fake_keyringd_LDADD = libagentid-base.la

tests_pam_pam_run_SOURCES = %D%/pam_run.c
tests_pam_pam_run_CFLAGS = -std=gnu17 $(WARN_CFLAGS) $(HARDEN_CFLAGS) $(SANITIZE_CFLAGS)
# libpam is to find the program's own syslog().
tests_pam_pam_run_LDFLAGS = $(AM_LDFLAGS) -rdynamic
tests_pam_pam_run_LDADD = libagentid-base.la $(PAM_LIBS) $(KEYUTILS_LIBS)

if HAVE_CMOCKA
check_PROGRAMS += tests/pam/test_module
TESTS += tests/pam/test_module
endif
tests_pam_test_module_SOURCES = %D%/test_module.c modules/pam_agentid/accounts.c \
	modules/pam_agentid/options.c modules/pam_agentid/status.c
tests_pam_test_module_CPPFLAGS = $(AM_CPPFLAGS) -I$(srcdir)/modules/pam_agentid -I$(srcdir)/tests/unit
tests_pam_test_module_LDADD = libagentid-config.la libagentid-base.la $(CMOCKA_LIBS)

EXTRA_DIST += %D%/module.sh %D%/module_cases.sh
TESTS += %D%/module.sh
