# SPDX-License-Identifier: LGPL-2.1-or-later
cli_tests = \
	%D%/adapters.sh \
	%D%/check.sh \
	%D%/daemon.sh \
	%D%/endpoint.sh \
	%D%/get.sh \
	%D%/help.sh \
	%D%/issuer.sh \
	%D%/policy.sh \
	%D%/setup.sh
TESTS += $(cli_tests)
EXTRA_DIST += $(cli_tests) %D%/fake_keyringd.py %D%/lib.sh
