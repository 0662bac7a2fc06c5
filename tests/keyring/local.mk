# SPDX-License-Identifier: LGPL-2.1-or-later
check_PROGRAMS += tests/keyring/check_keyring tests/keyring/check_libagentid \
	tests/keyring/show-token

tests_keyring_check_keyring_SOURCES = %D%/check_keyring.c %D%/listing.c %D%/listing.h
tests_keyring_check_keyring_CFLAGS = $(AM_CFLAGS) $(KEYUTILS_CFLAGS)
tests_keyring_check_keyring_LDADD = libagentid-base.la $(KEYUTILS_LIBS)

# The library proper for the calls under test, the archive for the daemon's half.
tests_keyring_check_libagentid_SOURCES = %D%/check_libagentid.c
tests_keyring_check_libagentid_CFLAGS = $(AM_CFLAGS) $(KEYUTILS_CFLAGS)
tests_keyring_check_libagentid_LDADD = libagentid.la libagentid-base.la $(KEYUTILS_LIBS) -lpthread

# The example as its reader compiles it: the public header and nothing else.
tests_keyring_show_token_SOURCES = examples/c/show-token.c
tests_keyring_show_token_CPPFLAGS = -I$(top_srcdir)/lib
tests_keyring_show_token_LDADD = libagentid.la

EXTRA_DIST += %D%/show_token.sh
TESTS += tests/keyring/check_keyring tests/keyring/check_libagentid %D%/show_token.sh
