# SPDX-License-Identifier: LGPL-2.1-or-later
EXTRA_DIST += \
	%D%/analyze \
	%D%/analyzer.h \
	%D%/bench \
	%D%/bootstrap \
	%D%/build \
	%D%/check \
	%D%/checksums.txt \
	%D%/common.sh \
	%D%/consumers.txt \
	%D%/demo \
	%D%/distcheck \
	%D%/fuzz \
	%D%/integration \
	%D%/lint \
	%D%/moto.txt \
	%D%/package \
	%D%/packages-demo.txt \
	%D%/packages-root.txt \
	%D%/packages.txt \
	%D%/package-rpm \
	%D%/release \
	%D%/sanitize \
	%D%/servers \
	%D%/test
