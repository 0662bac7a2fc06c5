# SPDX-License-Identifier: LGPL-2.1-or-later
# Run from the tree by ci/integration; whole directories.
EXTRA_DIST += tests/README.md tests/integration tests/provider
include tests/abi/local.mk
include tests/cli/local.mk
include tests/docs/local.mk
include tests/keyring/local.mk
include tests/keyringd/local.mk
include tests/pam/local.mk
include tests/support/local.mk
include tests/unit/local.mk
