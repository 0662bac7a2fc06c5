#!/bin/bash
# SPDX-License-Identifier: LGPL-2.1-or-later
# Copyright The agentid authors
# Client secrets that a secrets manager has: the real OpenBao, moto's Secrets Manager, and stubs of both
# that misbehave, with a provider that knows what the secret is.
# By hand: AID_SRC=. AID_BUILD=/path/to/build tests/integration/63-secrets.sh
set -u
# shellcheck source=tests/integration/fetch_lib.sh
. "$(dirname "$0")/fetch_lib.sh"
bao=$("$AID_SRC/ci/servers" openbao) || { echo "not ok 63-secrets: no OpenBao"; exit 1; }
moto=$("$AID_SRC/ci/servers" moto) || { echo "not ok 63-secrets: no moto"; exit 1; }
fetch_story fetch_secrets.py "$bao" "$moto" "$AID_BUILD/tests/support/sigv4_lines"
