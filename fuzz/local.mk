# SPDX-License-Identifier: LGPL-2.1-or-later
# Two lines per target: its name in the list, and what it links. README.md says how to run them and
# how to add one.
fuzz_programs = \
	%D%/fuzz_b64 \
	%D%/fuzz_configuration \
	%D%/fuzz_credentialrecord \
	%D%/fuzz_discovery \
	%D%/fuzz_dpop \
	%D%/fuzz_endpoint_request \
	%D%/fuzz_exchange \
	%D%/fuzz_http_header \
	%D%/fuzz_ipc_frame \
	%D%/fuzz_issued \
	%D%/fuzz_json \
	%D%/fuzz_jsonscan \
	%D%/fuzz_jwk \
	%D%/fuzz_jws \
	%D%/fuzz_jwt \
	%D%/fuzz_lines \
	%D%/fuzz_manager \
	%D%/fuzz_oauth \
	%D%/fuzz_policy \
	%D%/fuzz_record \
	%D%/fuzz_rotation \
	%D%/fuzz_str \
	%D%/fuzz_target \
	%D%/fuzz_trusts \
	%D%/fuzz_xml

# The main() of a target is libFuzzer's, or else the one that runs the target over its corpus.
if FUZZING
fuzz_main = $(FUZZ_LDFLAGS)
else
fuzz_main = libfuzz-replay.la
check_LTLIBRARIES += libfuzz-replay.la
TESTS += $(fuzz_programs)
endif
libfuzz_replay_la_SOURCES = %D%/fuzz.h %D%/replay.c
libfuzz_replay_la_CPPFLAGS = $(AM_CPPFLAGS) -DFUZZ_CORPUS_DIR='"$(abs_top_srcdir)/fuzz/corpus"'

fuzz_base = $(fuzz_main) libagentid-base.la
fuzz_config = $(fuzz_main) libagentid-config.la libagentid-base.la
fuzz_net = $(fuzz_main) libagentid-net.la libagentid-oidc.la libagentid-base.la
fuzz_oidc = $(fuzz_main) libagentid-oidc.la libagentid-base.la

check_PROGRAMS += $(fuzz_programs)
EXTRA_DIST += %D%/README.md %D%/corpus %D%/dict

%C%_fuzz_b64_LDADD = $(fuzz_oidc)
%C%_fuzz_configuration_LDADD = $(fuzz_config)
%C%_fuzz_credentialrecord_SOURCES = %D%/fuzz_credentialrecord.c helpers/agentid-keyringd/credentialrecord.c
%C%_fuzz_credentialrecord_CPPFLAGS = $(keyringd_cppflags)
%C%_fuzz_credentialrecord_LDADD = $(fuzz_base)
%C%_fuzz_discovery_LDADD = $(fuzz_net)
%C%_fuzz_dpop_LDADD = $(fuzz_oidc)
%C%_fuzz_endpoint_request_SOURCES = %D%/fuzz_endpoint_request.c helpers/agentid/endpoint_request.c
%C%_fuzz_endpoint_request_LDADD = $(fuzz_base)
%C%_fuzz_exchange_LDADD = $(fuzz_net)
%C%_fuzz_http_header_LDADD = $(fuzz_net)
%C%_fuzz_ipc_frame_LDADD = $(fuzz_base)
%C%_fuzz_issued_SOURCES = %D%/fuzz_issued.c helpers/agentid-keyringd/issued.c
%C%_fuzz_issued_CPPFLAGS = $(keyringd_cppflags)
%C%_fuzz_issued_LDADD = $(fuzz_base)
%C%_fuzz_json_LDADD = $(fuzz_oidc)
%C%_fuzz_jsonscan_SOURCES = %D%/fuzz_jsonscan.c helpers/agentid/jsonscan.c
%C%_fuzz_jsonscan_LDADD = $(fuzz_oidc)
%C%_fuzz_jwk_LDADD = $(fuzz_oidc)
%C%_fuzz_jws_LDADD = $(fuzz_oidc)
%C%_fuzz_jwt_LDADD = $(fuzz_oidc)
%C%_fuzz_lines_SOURCES = %D%/fuzz_lines.c modules/pam_agentid/accounts.c
%C%_fuzz_lines_LDADD = $(fuzz_config)
%C%_fuzz_manager_LDADD = $(fuzz_net)
%C%_fuzz_rotation_LDADD = $(fuzz_net)
%C%_fuzz_oauth_LDADD = $(fuzz_net)
%C%_fuzz_policy_LDADD = $(fuzz_oidc)
%C%_fuzz_record_LDADD = $(fuzz_base)
%C%_fuzz_str_LDADD = $(fuzz_base)
%C%_fuzz_trusts_LDADD = $(fuzz_base)
%C%_fuzz_target_LDADD = $(fuzz_base)
%C%_fuzz_xml_LDADD = $(fuzz_net)
