# SPDX-License-Identifier: LGPL-2.1-or-later
dist_man_MANS += \
	%D%/agentid-adapters.7 \
	%D%/agentid-agent.conf.5 \
	%D%/agentid-containers.7 \
	%D%/agentid-fetch.8 \
	%D%/agentid-keyring.7 \
	%D%/agentid-keyringd.8 \
	%D%/agentid-policy.1 \
	%D%/agentid-setup.1 \
	%D%/agentid-verify.1 \
	%D%/agentid.1 \
	%D%/agentid.conf.5 \
	%D%/agentid.3 \
	%D%/agentid_verify.3 \
	%D%/pam_agentid.8

# The footer of an installed page names the version.
install-data-hook:
	for page in $(dist_man_MANS); do \
		$(SED) -i 's/^\.Os$$/.Os $(PACKAGE) $(VERSION)/' \
			"$(DESTDIR)$(mandir)/man$${page##*.}/$${page##*/}" || exit 1; \
	done
