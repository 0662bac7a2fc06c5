# SPDX-License-Identifier: LGPL-2.1-or-later
if HAVE_CMOCKA
check_PROGRAMS += %D%/test_configuration
TESTS += %D%/test_configuration
endif

%C%_test_configuration_SOURCES = %D%/test_configuration.c
%C%_test_configuration_CFLAGS = $(AM_CFLAGS) $(CMOCKA_CFLAGS)
%C%_test_configuration_LDADD = libagentid-config.la libagentid-base.la $(CMOCKA_LIBS)
