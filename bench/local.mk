# SPDX-License-Identifier: LGPL-2.1-or-later
# Tools of bench/run; built on demand, never installed.
EXTRA_PROGRAMS = bench/bench-compare bench/bench-hold bench/bench-mint

bench_bench_compare_SOURCES = \
	%D%/bench.c %D%/bench.h \
	%D%/compare.c \
	%D%/making.c %D%/making.h \
	%D%/side.h \
	%D%/side_curl.c \
	%D%/side_exchange.c \
	%D%/side_library.c \
	%D%/side_pam.c %D%/side_pam.h \
	%D%/side_raw.c \
	%D%/side_request.c \
	%D%/side_sign.c \
	%D%/side_spawn.c
bench_bench_compare_CFLAGS = $(AM_CFLAGS) $(CRYPTO_CFLAGS) $(CURL_CFLAGS)
bench_bench_compare_LDADD = libagentid.la libagentid-net.la libagentid-oidc.la libagentid-base.la \
	$(CRYPTO_LIBS) $(CURL_LIBS) $(PAM_LIBS)

bench_bench_hold_SOURCES = \
	%D%/bench.c %D%/bench.h \
	%D%/hold.c \
	%D%/hold_lateness.c %D%/hold_lateness.h \
	%D%/side.h \
	%D%/side_pam.c %D%/side_pam.h
bench_bench_hold_LDADD = libagentid-base.la $(PAM_LIBS)

bench_bench_mint_SOURCES = \
	%D%/bench.c %D%/bench.h \
	%D%/mint.c
bench_bench_mint_CFLAGS = $(AM_CFLAGS) $(CRYPTO_CFLAGS)
bench_bench_mint_LDADD = $(CRYPTO_LIBS)

CLEANFILES += $(EXTRA_PROGRAMS)
EXTRA_DIST += %D%/README.md %D%/cases.sh %D%/endpoint.sh %D%/keycloak-realm.json \
	%D%/keycloak.sh %D%/lib.sh %D%/run %D%/strict.py

.PHONY: bench bench-programs
bench-programs: $(EXTRA_PROGRAMS)

# Every benchmark is run even when one is past its limit; the target fails when any was.
bench: all bench-programs
	status=0; \
	for name in `$(srcdir)/%D%/run --list`; do \
		AID_BUILD='$(abs_builddir)' $(srcdir)/%D%/run $$name || status=1; \
	done; exit $$status
