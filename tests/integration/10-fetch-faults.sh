#!/bin/bash
# SPDX-License-Identifier: LGPL-2.1-or-later
# Copyright The agentid authors
# agentid-fetch against a provider that misbehaves on purpose, over its own socket, in a network, mount
# and process namespace of its own. By hand: AID_SRC=. AID_BUILD=/path/to/build tests/integration/10-fetch-faults.sh
set -u
# shellcheck source=tests/integration/fetch_lib.sh
. "$(dirname "$0")/fetch_lib.sh"
fetch_story fetch_faults.py
