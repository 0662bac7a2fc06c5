# SPDX-License-Identifier: LGPL-2.1-or-later
# The parts of agentid-keyringd that need no daemon around them, and the two library files that it
# alone uses.
keyringd_programs = \
	%D%/test_breaker \
	%D%/test_credential_record \
	%D%/test_heap \
	%D%/test_hostkey \
	%D%/test_leader \
	%D%/test_quota \
	%D%/test_record \
	%D%/test_schedule \
	%D%/test_secret_source \
	%D%/test_sessions \
	%D%/test_store \
	%D%/test_verify_limit

if HAVE_CMOCKA
check_PROGRAMS += $(keyringd_programs)
TESTS += $(keyringd_programs)
endif

keyringd_cppflags = $(AM_CPPFLAGS) -I$(top_srcdir)/helpers/agentid-keyringd
keyringd_libs = libagentid-config.la libagentid-base.la $(CMOCKA_LIBS)

%C%_test_breaker_SOURCES = %D%/test_breaker.c helpers/agentid-keyringd/breaker.c
%C%_test_breaker_CPPFLAGS = $(keyringd_cppflags)
%C%_test_breaker_LDADD = $(keyringd_libs)
%C%_test_credential_record_SOURCES = %D%/test_credential_record.c \
	helpers/agentid-keyringd/credentialrecord.c
%C%_test_credential_record_CPPFLAGS = $(keyringd_cppflags)
%C%_test_credential_record_LDADD = $(keyringd_libs)
%C%_test_heap_SOURCES = %D%/test_heap.c helpers/agentid-keyringd/heap.c
%C%_test_heap_CPPFLAGS = $(keyringd_cppflags)
%C%_test_heap_LDADD = $(keyringd_libs)
%C%_test_hostkey_SOURCES = %D%/test_hostkey.c helpers/agentid-keyringd/hostkey.c \
	tests/support/fake_clock.c tests/support/fake_clock.h
%C%_test_hostkey_CPPFLAGS = $(keyringd_cppflags) -I$(srcdir)/tests/support
%C%_test_hostkey_LDADD = $(keyringd_libs)
%C%_test_leader_SOURCES = %D%/test_leader.c helpers/agentid-keyringd/leader.c
%C%_test_leader_CPPFLAGS = $(keyringd_cppflags)
%C%_test_leader_LDADD = $(keyringd_libs)
%C%_test_quota_SOURCES = %D%/test_quota.c helpers/agentid-keyringd/quota.c
%C%_test_quota_CPPFLAGS = $(keyringd_cppflags)
%C%_test_quota_LDADD = $(keyringd_libs)
%C%_test_record_LDADD = $(keyringd_libs)
%C%_test_schedule_SOURCES = %D%/test_schedule.c helpers/agentid-keyringd/schedule.c
%C%_test_schedule_CPPFLAGS = $(keyringd_cppflags)
%C%_test_schedule_LDADD = $(keyringd_libs)
%C%_test_secret_source_LDADD = $(keyringd_libs)
%C%_test_sessions_SOURCES = %D%/test_sessions.c helpers/agentid-keyringd/sessions.c helpers/agentid-keyringd/agent.c
%C%_test_sessions_CPPFLAGS = $(keyringd_cppflags)
%C%_test_sessions_LDADD = $(keyringd_libs)
%C%_test_store_SOURCES = %D%/test_store.c helpers/agentid-keyringd/store.c \
	helpers/agentid-keyringd/sessions.c helpers/agentid-keyringd/agent.c \
	tests/support/fake_clock.c tests/support/fake_clock.h
%C%_test_store_CPPFLAGS = $(keyringd_cppflags) -I$(srcdir)/tests/support
%C%_test_store_LDADD = $(keyringd_libs)
%C%_test_verify_limit_SOURCES = %D%/test_verify_limit.c helpers/agentid-keyringd/verify_limit.c
%C%_test_verify_limit_CPPFLAGS = $(keyringd_cppflags)
%C%_test_verify_limit_LDADD = $(keyringd_libs)
