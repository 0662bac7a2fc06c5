# SPDX-License-Identifier: LGPL-2.1-or-later
# Two programs behind one command: agentid starts often and links little; agentid-admin brings
# libeconf and the cryptography for check, issuer, policy and setup.
bin_PROGRAMS += agentid
pkglibexec_PROGRAMS += agentid-admin

agentid_SOURCES = \
	%D%/adapter.c %D%/adapter.h \
	%D%/admin_exec.c \
	%D%/ask.c %D%/ask.h \
	%D%/aws.c %D%/aws.h \
	%D%/cli.c %D%/cli.h \
	%D%/client.c %D%/client.h \
	%D%/commands.h \
	%D%/credentialinfo.c %D%/credentialinfo.h \
	%D%/credential.c %D%/credential.h \
	%D%/docker_credential.c \
	%D%/endpoint.c %D%/endpoint.h \
	%D%/endpoint_client.c \
	%D%/endpoint_peer.c \
	%D%/endpoint_request.c %D%/endpoint_request.h \
	%D%/endpoint_token.c \
	%D%/exec.c \
	%D%/gcp.c \
	%D%/get.c \
	%D%/git_credential.c \
	%D%/header.c \
	%D%/help.c \
	%D%/jsonout.c %D%/jsonout.h \
	%D%/jsonscan.c %D%/jsonscan.h \
	%D%/kube.c \
	%D%/list.c \
	%D%/main.c \
	%D%/names.c %D%/names.h \
	%D%/output.c %D%/output.h \
	%D%/revoke.c \
	%D%/rotate.c \
	%D%/runner.c %D%/runner.h \
	%D%/serve.c %D%/serve.h \
	%D%/serve_client.c \
	%D%/serve_peer.c \
	%D%/serve_socket.c \
	%D%/session_socket.c %D%/session_socket.h \
	%D%/sessioninfo.c %D%/sessioninfo.h \
	%D%/status.c \
	%D%/vault_token.c \
	%D%/verify.c
agentid_CFLAGS = $(AM_CFLAGS) $(HARDEN_PIE_CFLAGS)
agentid_LDFLAGS = $(AM_LDFLAGS) $(HARDEN_PIE_LDFLAGS)
agentid_LDADD = libagentid-base.la

agentid_admin_SOURCES = \
	%D%/admin/main.c \
	%D%/check.c %D%/check.h \
	%D%/check_agents.c \
	%D%/check_managers.c \
	%D%/check_client.c \
	%D%/check_credentials.c \
	%D%/check_host.c \
	%D%/check_pam.c \
	%D%/cli.c \
	%D%/client.c \
	%D%/help.c \
	%D%/issuer.c \
	%D%/jsonout.c \
	%D%/names.c \
	%D%/output.c \
	%D%/policy.c %D%/policy_command.h \
	%D%/policy_permissions.c \
	%D%/policy_trust.c \
	%D%/setup.c %D%/setup.h \
	%D%/setup_file.c \
	%D%/setup_text.c
agentid_admin_CFLAGS = $(AM_CFLAGS) $(HARDEN_PIE_CFLAGS)
agentid_admin_LDFLAGS = $(AM_LDFLAGS) $(HARDEN_PIE_LDFLAGS)
agentid_admin_LDADD = libagentid-oidc.la libagentid-config.la libagentid-base.la

# For programs that know a helper by the name of its file alone.
agentid_links = docker-credential-agentid git-credential-agentid vault-token-agentid
install-exec-hook:
	cd '$(DESTDIR)$(bindir)' && rm -f $(agentid_links) && \
		for link in $(agentid_links); do $(LN_S) agentid $$link || exit 1; done
uninstall-hook:
	cd '$(DESTDIR)$(bindir)' && rm -f $(agentid_links)
