#!/bin/sh
# SPDX-License-Identifier: LGPL-2.1-or-later
# Copyright The agentid authors
# The C example, in a session and outside of one.
set -eu

builddir=${abs_builddir:-$PWD}
show=$builddir/tests/keyring/show-token
[ "$(id -u)" = 0 ] && command -v keyctl >/dev/null || { echo "needs root and keyctl"; exit 77; }

# What the daemon writes, by hand: a ring of root's with a token and when it expires.
out=$(keyctl session - sh -eu -c '
	ring=$(keyctl newring agentid @s)
	keyctl add user agentid:token example-token "$ring" >/dev/null
	keyctl add user agentid:info "token $(($(date +%s) + 100))
" "$ring" >/dev/null
	keyctl setperm "$ring" 0x0b3f0000
	"$0"' "$show" 2>&1)
echo "$out"
echo "$out" | grep -qx "Authorization: Bearer example-token" || { echo "FAILED - token"; exit 1; }
echo "$out" | grep -qx "([89][0-9] s left)\|(100 s left)" || { echo "FAILED - time left"; exit 1; }

out=$(keyctl session - "$show" 2>&1) && { echo "FAILED - outside a session: no error"; exit 1; }
echo "$out" | grep -q "show-token: no agent session here" || { echo "FAILED - outside: $out"; exit 1; }
