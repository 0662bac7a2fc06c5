# SPDX-License-Identifier: LGPL-2.1-or-later
check_PROGRAMS += tests/keyring/check_keyring
tests_keyring_check_keyring_SOURCES = %D%/check_keyring.c
tests_keyring_check_keyring_CFLAGS = $(AM_CFLAGS) $(KEYUTILS_CFLAGS)
tests_keyring_check_keyring_LDADD = libagentid-base.la $(KEYUTILS_LIBS)
TESTS += tests/keyring/check_keyring
