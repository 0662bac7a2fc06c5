#!/bin/bash
# SPDX-License-Identifier: LGPL-2.1-or-later
# Copyright The agentid authors
# agentid-fetch exchanges an assertion for credentials: at a strict AWS STS, Entra, Google and token
# exchange that check what the documentation says, at all of them when they misbehave, and at the real
# OpenBao. By hand: AID_SRC=. AID_BUILD=/path/to/build tests/integration/11-exchange.sh
set -u
# shellcheck source=tests/integration/fetch_lib.sh
. "$(dirname "$0")/fetch_lib.sh"
bao=$("$AID_SRC/ci/servers" openbao) || { echo "not ok 11-exchange: no OpenBao"; exit 1; }
fetch_story fetch_exchange.py "$bao"
