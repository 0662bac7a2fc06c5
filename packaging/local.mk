# SPDX-License-Identifier: LGPL-2.1-or-later
systemd_templates = \
	%D%/systemd/agentid-fetch.service.in \
	%D%/systemd/agentid-keyringd.service.in
EXTRA_DIST += $(systemd_templates)
dist_systemdsystemunit_DATA = \
	%D%/systemd/agentid-fetch.socket \
	%D%/systemd/agentid-keyringd.socket
nodist_systemdsystemunit_DATA = \
	%D%/systemd/agentid-fetch.service \
	%D%/systemd/agentid-keyringd.service
CLEANFILES += $(nodist_systemdsystemunit_DATA)

substitute = $(AM_V_GEN)$(MKDIR_P) %D%/systemd && $(SED) -e 's|@sbindir[@]|$(sbindir)|' \
	-e 's|@pkglibexecdir[@]|$(pkglibexecdir)|'
%D%/systemd/agentid-fetch.service: $(srcdir)/%D%/systemd/agentid-fetch.service.in Makefile
	$(substitute) $(srcdir)/%D%/systemd/agentid-fetch.service.in >$@.tmp && mv $@.tmp $@
%D%/systemd/agentid-keyringd.service: $(srcdir)/%D%/systemd/agentid-keyringd.service.in Makefile
	$(substitute) $(srcdir)/%D%/systemd/agentid-keyringd.service.in >$@.tmp && mv $@.tmp $@

sysusersdir = $(prefix)/lib/sysusers.d
dist_sysusers_DATA = %D%/sysusers.d/agentid.conf
sysctldir = $(prefix)/lib/sysctl.d
dist_sysctl_DATA = %D%/sysctl.d/60-agentid.conf
pamconfigsdir = $(datadir)/pam-configs
dist_pamconfigs_DATA = %D%/pam-configs/agentid
pamstacksdir = $(docdir)/examples/pam.d
dist_pamstacks_DATA = \
	%D%/pam/cron \
	%D%/pam/sshd \
	%D%/pam/su \
	%D%/pam/sudo \
	%D%/pam/systemd-unit

dist_bashcompletion_DATA = %D%/bash-completion/agentid

EXTRA_DIST += \
	%D%/rpm/agentid.spec \
	%D%/rpm/files.txt \
	%D%/rpm/macros.debian \
	%D%/rpm/rpmlint.toml

# For scripts of packages that are being removed.
dist_pkglibexec_SCRIPTS = %D%/end-sessions
