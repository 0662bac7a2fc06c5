# SPDX-License-Identifier: LGPL-2.1-or-later
dist_doc_DATA = \
	%D%/ARCHITECTURE.md \
	%D%/PROTOCOL.md \
	%D%/THREATS.md \
	HACKING.md \
	NEWS \
	README.md \
	SECURITY.md

# Kept in their directories: the paths in the documents are these.
examplesdir = $(docdir)/examples
dist_examples_DATA = examples/README.md
agentsexamplesdir = $(docdir)/examples/agents.d
dist_agentsexamples_DATA = \
	examples/agents.d/federated-jwt.conf \
	examples/agents.d/host.conf \
	examples/agents.d/keycloak-secret.conf \
	examples/agents.d/rotated-secret.conf \
	examples/agents.d/vault-secret.conf \
	examples/agents.d/oidc-provider.conf \
	examples/agents.d/private-key-jwt.conf
cexamplesdir = $(docdir)/examples/c
dist_cexamples_DATA = examples/c/show-token.c
pythonexamplesdir = $(docdir)/examples/python
dist_pythonexamples_SCRIPTS = examples/python/agent.py examples/python/credentials.py \
	examples/python/container.py examples/python/peer.py
systemdexamplesdir = $(docdir)/examples/systemd
dist_systemdexamples_DATA = examples/systemd/my-ai-agent.service
