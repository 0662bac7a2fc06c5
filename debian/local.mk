# SPDX-License-Identifier: LGPL-2.1-or-later
# The packages are built from the source tarball.
EXTRA_DIST += \
	%D%/agentid.dirs \
	%D%/agentid.install \
	%D%/agentid.links \
	%D%/agentid.lintian-overrides \
	%D%/agentid.postinst \
	%D%/agentid.postrm \
	%D%/agentid.prerm \
	%D%/changelog \
	%D%/control \
	%D%/copyright \
	%D%/libagentid-dev.install \
	%D%/libagentid1.install \
	%D%/libagentid1.symbols \
	%D%/libpam-agentid.install \
	%D%/libpam-agentid.postinst \
	%D%/libpam-agentid.prerm \
	%D%/rules \
	%D%/source/format \
	%D%/tests/control \
	%D%/tests/library \
	%D%/tests/session
