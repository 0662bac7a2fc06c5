# SPDX-License-Identifier: LGPL-2.1-or-later
EXTRA_DIST += %D%/documents.sh %D%/version.sh
TESTS += %D%/documents.sh %D%/version.sh
if HAVE_CMOCKA
check_PROGRAMS += %D%/test_examples
TESTS += %D%/test_examples
endif

%C%_test_examples_SOURCES = %D%/test_examples.c
%C%_test_examples_CFLAGS = $(AM_CFLAGS) $(CMOCKA_CFLAGS)
%C%_test_examples_LDADD = libagentid-config.la libagentid-base.la $(CMOCKA_LIBS)
