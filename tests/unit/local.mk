# SPDX-License-Identifier: LGPL-2.1-or-later
# One program per file of lib/, from the source of the same name: a line in the list, and a line with
# what it links. unit.h has the assertions; tests/support/ has what stands in for seams.
unit_programs = \
	%D%/test_aws_keys \
	%D%/test_b64 \
	%D%/test_bearer \
	%D%/test_client_auth \
	%D%/test_configuration \
	%D%/test_configuration_files \
	%D%/test_configuration_credential \
	%D%/test_configuration_rotate \
	%D%/test_configuration_table \
	%D%/test_discovery \
	%D%/test_dpop \
	%D%/test_error \
	%D%/test_exchange \
	%D%/test_exchange_vault \
	%D%/test_faults \
	%D%/test_file \
	%D%/test_http_header \
	%D%/test_http_url \
	%D%/test_ipc \
	%D%/test_issuer \
	%D%/test_issuer_dir \
	%D%/test_json \
	%D%/test_jwa \
	%D%/test_jwk \
	%D%/test_jwks \
	%D%/test_jws \
	%D%/test_jwt \
	%D%/test_keycloak_admin \
	%D%/test_keyring_info \
	%D%/test_kv_vault \
	%D%/test_log \
	%D%/test_net_filter \
	%D%/test_notify \
	%D%/test_oauth \
	%D%/test_policy \
	%D%/test_replay \
	%D%/test_rotation \
	%D%/test_rotation_kv \
	%D%/test_rotation_model \
	%D%/test_sandbox \
	%D%/test_secret \
	%D%/test_secret_arena \
	%D%/test_secret_manager \
	%D%/test_secretsmanager \
	%D%/test_signing_key \
	%D%/test_sigv4 \
	%D%/test_str \
	%D%/test_target \
	%D%/test_timestamp \
	%D%/test_xml \
	%D%/test_trusts

EXTRA_DIST += %D%/areas.h %D%/exchange_bench.h %D%/forge.h %D%/manager_bench.h %D%/rfc_jws.h \
	%D%/test_keys.h %D%/unit.h \
	tests/support/fake_clock.c tests/support/fake_clock.h

if HAVE_CMOCKA
check_PROGRAMS += $(unit_programs)
TESTS += $(unit_programs)
endif

unit_base = libagentid-base.la $(CMOCKA_LIBS)
unit_oidc = libagentid-oidc.la $(unit_base)
unit_net = libagentid-net.la $(unit_oidc)

%C%_test_aws_keys_LDADD = $(unit_net)
%C%_test_b64_LDADD = $(unit_oidc)
%C%_test_bearer_SOURCES = %D%/forge.c %D%/test_bearer.c
%C%_test_bearer_LDADD = $(unit_oidc)
%C%_test_client_auth_SOURCES = %D%/forge.c %D%/test_client_auth.c
%C%_test_client_auth_LDADD = $(unit_net)
%C%_test_configuration_LDADD = libagentid-config.la $(unit_base)
%C%_test_configuration_files_LDADD = libagentid-config.la $(unit_base)
%C%_test_configuration_credential_LDADD = libagentid-config.la $(unit_base)
%C%_test_configuration_rotate_LDADD = libagentid-config.la $(unit_base)
%C%_test_configuration_table_LDADD = libagentid-config.la $(unit_base)
%C%_test_discovery_LDADD = $(unit_net)
%C%_test_dpop_SOURCES = %D%/forge.c %D%/test_dpop.c
%C%_test_dpop_LDADD = $(unit_oidc)
%C%_test_error_LDADD = $(unit_base)
%C%_test_exchange_SOURCES = %D%/exchange_bench.c %D%/test_exchange.c
%C%_test_exchange_LDADD = $(unit_net)
%C%_test_exchange_vault_SOURCES = %D%/exchange_bench.c %D%/test_exchange_vault.c
%C%_test_exchange_vault_LDADD = $(unit_net)
%C%_test_faults_SOURCES = %D%/forge.c %D%/test_faults.c
%C%_test_faults_LDADD = $(unit_oidc)
%C%_test_faults_LDFLAGS = $(AM_LDFLAGS) \
	-Wl,--wrap=malloc,--wrap=calloc,--wrap=strdup,--wrap=mmap
%C%_test_file_LDADD = $(unit_base)
%C%_test_http_header_LDADD = $(unit_net)
%C%_test_http_url_LDADD = $(unit_net)
%C%_test_ipc_LDADD = $(unit_base)
%C%_test_issuer_LDADD = $(unit_oidc)
%C%_test_issuer_dir_LDADD = $(unit_base)
%C%_test_json_LDADD = $(unit_oidc)
%C%_test_jwa_LDADD = $(unit_base)
%C%_test_jwk_SOURCES = %D%/forge.c %D%/test_jwk.c
%C%_test_jwk_LDADD = $(unit_oidc)
%C%_test_jwks_LDADD = $(unit_net)
%C%_test_jws_SOURCES = %D%/forge.c %D%/test_jws.c
%C%_test_jws_LDADD = $(unit_oidc)
%C%_test_jwt_SOURCES = %D%/forge.c %D%/test_jwt.c
%C%_test_jwt_LDADD = $(unit_oidc)
%C%_test_keycloak_admin_LDADD = $(unit_net)
%C%_test_kv_vault_LDADD = $(unit_net)
%C%_test_secret_manager_LDADD = $(unit_base)
%C%_test_secretsmanager_LDADD = $(unit_net)
%C%_test_sigv4_LDADD = $(unit_oidc)
%C%_test_keyring_info_LDADD = $(unit_base)
%C%_test_log_LDADD = $(unit_base)
%C%_test_net_filter_LDADD = $(unit_net)
%C%_test_notify_LDADD = $(unit_base)
%C%_test_oauth_LDADD = $(unit_net)
%C%_test_replay_LDADD = $(unit_oidc)
%C%_test_policy_LDADD = $(unit_oidc)
%C%_test_rotation_LDADD = $(unit_net)
%C%_test_rotation_kv_LDADD = $(unit_net)
%C%_test_rotation_model_LDADD = $(unit_net)
%C%_test_sandbox_LDADD = $(unit_net)
%C%_test_secret_LDADD = $(unit_base)
%C%_test_secret_arena_LDADD = $(unit_base)
%C%_test_signing_key_LDADD = $(unit_oidc)
%C%_test_str_LDADD = $(unit_base)
%C%_test_target_LDADD = libagentid-config.la $(unit_base)
%C%_test_timestamp_LDADD = $(unit_net)
%C%_test_xml_LDADD = $(unit_net)
%C%_test_trusts_LDADD = $(unit_base)
