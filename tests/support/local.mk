# SPDX-License-Identifier: LGPL-2.1-or-later
check_PROGRAMS += tests/support/session_client
tests_support_session_client_SOURCES = %D%/session_client.c
tests_support_session_client_LDADD = libagentid-base.la
EXTRA_DIST += %D%/fake_fetch.py %D%/keyringd_host.py
