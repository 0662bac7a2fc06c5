#!/bin/bash
# SPDX-License-Identifier: LGPL-2.1-or-later
# Copyright The agentid authors
# get: reads the ring of root and no other, and says why when there is nothing.
# shellcheck source=tests/cli/lib.sh
. "${srcdir:-.}/tests/cli/lib.sh"
own_namespace "$@"

expect 3 "$AGENTID" get
err_is "agentid: no agent session here: no ring in the session keyring"

ring=$(keyctl newring agentid @s)
key=$(keyctl add user agentid:token "the-token" "$ring")
aws=$(keyctl add user agentid:aws '{"Version": 1}' "$ring")
keyctl setperm "$key" 0x0b2f0000
keyctl setperm "$aws" 0x0b2f0000
expect 3 "$AGENTID" get
err_has "no ring of root in the session keyring"
keyctl setperm "$ring" 0x0b3f0000

expect 0 "$AGENTID" get
out_is "the-token"
[ "$(wc -c <"$WORK/out")" -eq 9 ] || complain "the output has $(wc -c <"$WORK/out") bytes, not 9"
expect 0 "$AGENTID" get aws
out_is '{"Version": 1}'
on_terminal "$AGENTID" get
out_has $'the-token\r'
expect 3 "$AGENTID" get vault
err_has "agentid:vault: Required key not available"
for name in meta cookie info 'a b' ''; do
    expect 2 "$AGENTID" get "$name"
    err_has "'$name' is no name of a credential"
done
expect 2 "$AGENTID" get token aws
err_has "one NAME is allowed, 2 are given"
expect 2 "$AGENTID" get --wait 10
err_has "--wait '10': a duration such as 10s, at most 1h"
expect 2 "$AGENTID" get --wait
err_has "--wait needs a value"

# Another user in the session reads it as well: possession counts, not the user id.
expect 0 setpriv --reuid 65534 --clear-groups "$AGENTID" get
out_is "the-token"

# Waiting for what comes later, and in vain.
late=$(keyctl add user agentid:late "x" @s)
(sleep 0.3; keyctl link "$late" "$ring"; keyctl setperm "$late" 0x0b2f0000) &
expect 0 "$AGENTID" get --wait 10s late
out_is "x"
wait
expect 3 "$AGENTID" get --wait 1s never
err_has "agentid:never: Required key not available"

# Nobody else of the same user may look into it while it may hold a token, nor does it leave a core.
ulimit -S -c unlimited
setpriv --reuid 65534 --clear-groups "$AGENTID" get --wait 10s hidden &
reader=$!
for _ in $(seq 100); do
    [ "$(stat -c %u /proc/$reader/environ)" -ne 0 ] || [ "$(cat /proc/$reader/comm)" != agentid ] || break
    sleep 0.02
done
[ "$(stat -c %u /proc/$reader/environ)" -eq 0 ] || complain "a process of the same user may read agentid's memory"
expect 1 setpriv --reuid 65534 --clear-groups cat /proc/$reader/environ
grep -q '^Max core file size  *0 ' /proc/$reader/limits || complain "agentid may leave a core"
kill $reader
wait $reader
ulimit -S -c 0

# Expired and revoked.
keyctl timeout "$aws" 1
sleep 1.1
expect 3 "$AGENTID" get aws
err_has "agentid:aws: Key has expired"
keyctl revoke "$key"
expect 4 "$AGENTID" get
err_has "agentid:token: Key has been revoked"
run bash -c '"$0" get late >/dev/full' "$AGENTID"
[ "$status" -eq 1 ] || complain "get to a full device exited with $status"
keyctl revoke "$ring"
expect 4 "$AGENTID" get
err_has "the agent session was ended"
finish
