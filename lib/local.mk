# SPDX-License-Identifier: LGPL-2.1-or-later
# Convenience archives, by what they may link (libtool links each in whole):
#   base   keyutils          the PAM module, libagentid and everything else
#   config libeconf          whoever reads configuration
#   oidc   jansson crypto    agentid-fetch and the issuer commands only
#   net    curl expat seccomp     agentid-fetch alone
noinst_LTLIBRARIES += libagentid-base.la libagentid-config.la libagentid-oidc.la \
	libagentid-net.la

libagentid_base_la_SOURCES = \
	%D%/cleanup.h \
	%D%/clock.c %D%/clock.h \
	%D%/error.c %D%/error.h \
	%D%/file.c %D%/file.h \
	%D%/ipc.c %D%/ipc_frame.c %D%/ipc.h \
	%D%/issuer_dir.c %D%/issuer_dir.h \
	%D%/jwa.c %D%/jwa.h \
	%D%/keyring.c %D%/keyring.h %D%/keyring_private.h \
	%D%/keyring_info.c %D%/keyring_place.c %D%/keyring_read.c %D%/keyring_store.c \
	%D%/log.c %D%/log.h \
	%D%/notify.c %D%/notify.h \
	%D%/protocol.h \
	%D%/quota.c \
	%D%/record.c %D%/record.h \
	%D%/sandbox.c %D%/sandbox.h \
	%D%/secret.c %D%/secret.h \
	%D%/secret_arena.c %D%/secret_arena.h \
	%D%/secret_manager.c %D%/secret_manager.h \
	%D%/secret_source.c %D%/secret_source.h \
	%D%/session.c %D%/session.h \
	%D%/str.c %D%/str.h \
	%D%/syntax.c %D%/syntax.h \
	%D%/target.c %D%/target.h %D%/target_private.h \
	%D%/target_check.c %D%/target_check_all.c %D%/target_check_cloud.c %D%/target_check_manager.c \
	%D%/target_options.c \
	%D%/target_place.c \
	%D%/trusts.c %D%/trusts.h \
	%D%/verify_call.c %D%/verify_call.h \
	%D%/versions.c %D%/versions_text.c %D%/versions.h
libagentid_base_la_CFLAGS = $(AM_CFLAGS) $(KEYUTILS_CFLAGS)
libagentid_base_la_LIBADD = $(KEYUTILS_LIBS)

libagentid_config_la_SOURCES = \
	%D%/configuration.c %D%/configuration.h \
	%D%/configuration_accounts.c \
	%D%/configuration_across.c \
	%D%/configuration_credential.c \
	%D%/configuration_draft.c \
	%D%/configuration_files.c \
	%D%/configuration_manager.c \
	%D%/configuration_private.h \
	%D%/configuration_rotate.c \
	%D%/configuration_table.c \
	%D%/configuration_text.c \
	%D%/configuration_value.c
libagentid_config_la_CFLAGS = $(AM_CFLAGS) $(ECONF_CFLAGS)
libagentid_config_la_LIBADD = $(ECONF_LIBS)

libagentid_oidc_la_SOURCES = \
	%D%/b64.c %D%/b64.h \
	%D%/digest.c %D%/digest.h \
	%D%/bearer.c %D%/bearer.h \
	%D%/dpop.c %D%/dpop_uri.c %D%/dpop.h \
	%D%/issuer.c %D%/issuer_publish.c %D%/issuer.h %D%/issuer_private.h \
	%D%/json.c %D%/json_build.c %D%/json_walk.c %D%/json.h \
	%D%/jwk.c %D%/jwk.h \
	%D%/jws.c %D%/jws.h \
	%D%/jwt.c %D%/jwt_sign.c %D%/jwt.h \
	%D%/pkey.c %D%/pkey_certificate.c %D%/pkey_make.c %D%/pkey_sign.c %D%/pkey.h %D%/pkey_private.h \
	%D%/replay.c %D%/replay.h \
	%D%/policy.c %D%/policy.h %D%/policy_private.h \
	%D%/policy_aws.c %D%/policy_azure.c %D%/policy_gcp.c %D%/policy_vault.c \
	%D%/signing_key.c %D%/signing_key.h \
	%D%/sigv4.c %D%/sigv4.h \
	%D%/thumbprint.c
libagentid_oidc_la_CFLAGS = $(AM_CFLAGS) $(JANSSON_CFLAGS) $(CRYPTO_CFLAGS)
libagentid_oidc_la_LIBADD = $(JANSSON_LIBS) $(CRYPTO_LIBS)

libagentid_net_la_SOURCES = \
	%D%/aws_keys.c %D%/aws_keys.h \
	%D%/client_auth.c %D%/client_auth.h \
	%D%/discovery.c %D%/discovery.h \
	%D%/exchange.c %D%/exchange.h %D%/exchange_private.h \
	%D%/http.c %D%/http.h \
	%D%/http_header.c %D%/http_header.h \
	%D%/http_options.c %D%/http_private.h \
	%D%/http_pool.c \
	%D%/http_trust.c %D%/http_trust.h \
	%D%/http_url.c \
	%D%/jwks.c %D%/jwks.h \
	%D%/keycloak_admin.c %D%/keycloak_admin.h \
	%D%/kv_vault.c %D%/kv_vault.h \
	%D%/manager.c %D%/manager_private.h \
	%D%/net_filter.c %D%/net_filter.h \
	%D%/oauth.c %D%/oauth.h \
	%D%/rotation.c %D%/rotation.h \
	%D%/rotation_kv.c %D%/rotation_kv.h \
	%D%/sandbox_seccomp.c \
	%D%/secretsmanager.c %D%/secretsmanager_answer.c %D%/secretsmanager.h \
	%D%/target_aws.c %D%/target_azure.c %D%/target_gcp.c %D%/target_vault.c \
	%D%/timestamp.c %D%/timestamp.h \
	%D%/vault_login.c %D%/vault_private.h \
	%D%/xml.c %D%/xml.h
libagentid_net_la_CFLAGS = $(AM_CFLAGS) $(CURL_CFLAGS) $(CRYPTO_CFLAGS) $(EXPAT_CFLAGS) \
	$(SECCOMP_CFLAGS)
libagentid_net_la_LIBADD = $(CURL_LIBS) $(SSL_LIBS) $(CRYPTO_LIBS) $(EXPAT_LIBS) $(SECCOMP_LIBS)

# The installed library: base only. The soname is .so.1. A new function is 2:0:1, which keeps it; a
# changed one is a new node of the map.
lib_LTLIBRARIES += libagentid.la
libagentid_la_SOURCES = %D%/agentid.c %D%/agentid_verify.c %D%/agentid.h %D%/agentid_private.h
libagentid_la_LDFLAGS = $(AM_LDFLAGS) -version-info 2:0:1 -Wl,--gc-sections \
	-Wl,--version-script=$(srcdir)/%D%/libagentid.map
libagentid_la_LIBADD = libagentid-base.la
EXTRA_libagentid_la_DEPENDENCIES = %D%/libagentid.map
include_HEADERS = lib/agentid.h
EXTRA_DIST += %D%/libagentid.map

pkgconfigdir = $(libdir)/pkgconfig
pkgconfig_DATA = lib/agentid.pc
