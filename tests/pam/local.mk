# SPDX-License-Identifier: LGPL-2.1-or-later
check_PROGRAMS += tests/pam/fake_keyringd tests/pam/pam_run

tests_pam_fake_keyringd_SOURCES = %D%/fake_keyringd.c
tests_pam_fake_keyringd_LDADD = libagentid-base.la

tests_pam_pam_run_SOURCES = %D%/pam_run.c
tests_pam_pam_run_CFLAGS = -std=gnu17 $(WARN_CFLAGS) $(HARDEN_CFLAGS) $(SANITIZE_CFLAGS)
# libpam is to find the program's own syslog().
tests_pam_pam_run_LDFLAGS = $(AM_LDFLAGS) -rdynamic
tests_pam_pam_run_LDADD = libagentid-base.la $(PAM_LIBS) $(KEYUTILS_LIBS)

EXTRA_DIST += %D%/module.sh %D%/module_cases.sh
TESTS += %D%/module.sh
