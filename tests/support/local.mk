# SPDX-License-Identifier: LGPL-2.1-or-later
check_PROGRAMS += tests/support/session_client
tests_support_session_client_SOURCES = %D%/session_client.c
tests_support_session_client_LDADD = libagentid-base.la

check_PROGRAMS += tests/support/sigv4_lines
tests_support_sigv4_lines_SOURCES = %D%/sigv4_lines.c
tests_support_sigv4_lines_LDADD = libagentid-oidc.la libagentid-base.la

# Preloaded by the stories of faults. What they put in the place of libc's is to be seen; and libtool
# makes a shared object only of what is to be installed somewhere.
check_LTLIBRARIES += tests/support/die_at.la tests/support/fail_alloc.la \
	tests/support/full_stream.la
preloaded_cflags = -std=gnu17 $(WARN_CFLAGS) $(HARDEN_CFLAGS)
preloaded_ldflags = $(HARDEN_LDFLAGS) -module -avoid-version -rpath /nowhere
tests_support_die_at_la_SOURCES = %D%/die_at.c lib/str.c
tests_support_die_at_la_CFLAGS = $(preloaded_cflags)
tests_support_die_at_la_LDFLAGS = $(preloaded_ldflags)
tests_support_fail_alloc_la_SOURCES = %D%/fail_alloc.c lib/str.c
tests_support_fail_alloc_la_CFLAGS = $(preloaded_cflags)
tests_support_fail_alloc_la_LDFLAGS = $(preloaded_ldflags)
tests_support_full_stream_la_SOURCES = %D%/full_stream.c
tests_support_full_stream_la_CFLAGS = $(preloaded_cflags)
tests_support_full_stream_la_LDFLAGS = $(preloaded_ldflags)
EXTRA_DIST += %D%/credential_host.py %D%/fake_fetch.py %D%/keyringd_host.py %D%/other_release.py %D%/other_versions.c \
	%D%/pam_host.py
