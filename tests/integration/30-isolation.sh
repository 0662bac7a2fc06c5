#!/bin/bash
# SPDX-License-Identifier: LGPL-2.1-or-later
# Copyright The agentid authors
# Who must not get at a session's token, and what its own agent must not do with it, with real daemons.
# shellcheck source=tests/integration/lib.sh
. "$(dirname "$0")/lib.sh"

make_root root || give_up "no root"
add_account svc-agent1
add_account other
host_conf <<'CONF'
[issuer]
url = https://host01.example.com
CONF
agent_conf agent-1 svc-agent1 <<'CONF'
source = host
audience = orders-api
lifetime = 30s
CONF
echo 'session required pam_agentid.so' >>"$ROOT/etc/pam.d/su"
agent_uid=$(chroot "$ROOT" id -u svc-agent1)
other_uid=$(chroot "$ROOT" id -u other)

# ---- one session that stays open, and others beside it ----

# as_agent SCRIPT: in a new session of the agent. as_uid UID SCRIPT: outside of any session.
as_agent() { in_place /usr/bin/su svc-agent1 -c "$1" </dev/null; }
as_uid()
{
    in_place /usr/bin/setpriv --reuid "$1" --regid "$1" --clear-groups \
        /usr/bin/keyctl session - /bin/sh -c "exec 2>&1; $2" </dev/null 2>/dev/null
}
# As as_agent, but without chroot, in which the kernel makes no user namespace.
as_agent_unconfined()
{
    clean_env nsenter -t "$LEADER" -m -p -w -- "$AID_BUILD/tests/support/session_client" \
        --socket "$ROOT/run/agentid/keyringd.sock" --account svc-agent1 --uid "$agent_uid" --service su \
        -- /bin/sh -c "$1" </dev/null | grep -v '^opened \|^closed$'
}

open_session()
{
    as_agent 'cd /tmp; ring=$(keyctl request keyring agentid) || exit 1
        echo "$ring $(keyctl search $ring user agentid:token) $(keyctl search $ring user agentid:cookie)" >serials.new
        mv serials.new serials; while [ ! -e stop ]; do sleep 0.2; done' >&2 &
    at_exit "touch $ROOT/tmp/stop; wait_for 5 is_gone $!"
    wait_for 20 test -s "$ROOT/tmp/serials" || return 1
    read -r ring token cookie <"$ROOT/tmp/serials"
}

# all_refused WHO COMMAND: prints what was not refused. $ring $token $cookie are the serials.
# Each attempt has to end with the kernel's "Permission denied" (or with there being no such key for it).
attempts='
try() { out=$("$@" 2>&1) && { echo "NOT REFUSED: $*: $out"; return; }
    case $out in *"Permission denied"*|*"Required key not available"*|*"Can"?"t find"*) ;; *) echo "ODD: $*: $out";; esac; }'
outside="$attempts"'
for key in $token $cookie; do
    try keyctl pipe $key; try keyctl print $key; try keyctl rdescribe $key; try keyctl update $key x
    try keyctl setperm $key 0x3f3f3f3f; try keyctl chown $key $(id -u); try keyctl timeout $key 9999
    try keyctl revoke $key; try keyctl invalidate $key; try keyctl link $key @s; try keyctl unlink $key $ring
done
try keyctl list $ring; try keyctl rdescribe $ring; try keyctl search $ring user agentid:token
try keyctl link $ring @s; try keyctl link $ring @u; try keyctl clear $ring; try keyctl revoke $ring
try keyctl invalidate $ring; try keyctl timeout $ring 1; try keyctl setperm $ring 0x3f3f3f3f
try keyctl add user agentid:token forged $ring; try keyctl newring agentid $ring
grep "agentid" /proc/keys && echo "SEEN in /proc/keys"
try keyctl pipe %user:agentid:token
:'
inside="$attempts"'
ring=$(keyctl request keyring agentid); token=$(keyctl search $ring user agentid:token)
for key in $token $(keyctl search $ring user agentid:cookie) $(keyctl search $ring user agentid:info); do
    try keyctl update $key x; try keyctl setperm $key 0x3f3f3f3f; try keyctl chown $key $(id -u)
    try keyctl timeout $key 9999; try keyctl timeout $key 0; try keyctl revoke $key; try keyctl link $key @u
    try keyctl link $key @s; try keyctl unlink $key $ring
done
try keyctl search $ring user agentid:meta
try keyctl timeout $ring 9999; try keyctl setperm $ring 0x3f3f3f3f; try keyctl revoke $ring
try keyctl clear $ring; try keyctl link $ring @u; try keyctl add user agentid:token forged $ring
try keyctl newring x $ring; try keyctl timeout @s 1; try keyctl setperm @s 0x3f3f3f3f
[ "$(keyctl pipe %user:agentid:token | cut -c1-2)" = ey ] || echo "LOST"'

refused_outside() # UID
{
    as_uid "$1" "ring=$ring token=$token cookie=$cookie; $outside" >"$STORY_DIR/attempts" 2>&1
    [ ! -s "$STORY_DIR/attempts" ] || { cat "$STORY_DIR/attempts"; return 1; }
}
refused_inside()
{
    as_agent "$inside" >"$STORY_DIR/attempts" 2>&1
    [ ! -s "$STORY_DIR/attempts" ] || { cat "$STORY_DIR/attempts"; return 1; }
}
# The other session of the same account has a ring of its own and gets at the first one as little.
refused_in_other_session()
{
    as_agent "ring=$ring token=$token cookie=$cookie; ${outside%%grep \"agentid\"*}" >"$STORY_DIR/attempts" 2>&1
    [ ! -s "$STORY_DIR/attempts" ] || { cat "$STORY_DIR/attempts"; return 1; }
}

# ---- look-alikes ----

subject='cut -d. -f2 | tr _- /+ | base64 -d 2>/dev/null | grep -o "agent:agent-1" | head -1'
ignores_nested_ring()
{
    as_agent 'nest=$(keyctl newring nest @s); fake=$(keyctl newring agentid $nest)
        keyctl add user agentid:token forged $fake >/dev/null; keyctl setperm $fake 0x0b3f0000
        keyctl add user agentid:token forged @s >/dev/null
        agentid get | '"$subject" >"$STORY_DIR/out" 2>&1
    expect_text '^agent:agent-1$' "$STORY_DIR/out"
}
refuses_displacing_ring()
{
    as_agent 'fake=$(keyctl newring agentid @s); keyctl add user agentid:token forged $fake >/dev/null
        keyctl setperm $fake 0x0b3f0000; agentid get; echo "status $?"' >"$STORY_DIR/out" 2>&1
    expect_fail 1 grep forged "$STORY_DIR/out" && expect_text '^status [1-9]' "$STORY_DIR/out"
}
# Inside of a user namespace the agent is root, outside its ring is still its own.
refuses_ring_of_namespace()
{
    as_agent_unconfined 'unshare -U -r sh -c "fake=\$(keyctl newring agentid @s); keyctl add user agentid:token forged \$fake >/dev/null
            keyctl setperm \$fake 0x0b3f0000"
        '"$AID_INST"'/usr/bin/agentid get; echo "status $?"' >"$STORY_DIR/out" 2>&1
    expect_fail 1 grep forged "$STORY_DIR/out" && expect_text '^status [1-9]' "$STORY_DIR/out"
}
# A namespace of its own gives the agent no more than it has: it reads, and changes nothing.
namespace_gives_nothing()
{
    echo "$inside" >"$STORY_DIR/inside.sh"
    as_agent_unconfined "unshare -U -r sh $STORY_DIR/inside.sh" >"$STORY_DIR/attempts" 2>&1
    [ ! -s "$STORY_DIR/attempts" ] || { cat "$STORY_DIR/attempts"; return 1; }
}

destroyed_key_comes_back()
{
    as_agent 'ring=$(keyctl request keyring agentid); keyctl invalidate $(keyctl search $ring user agentid:token)
        keyctl pipe %user:agentid:token >/dev/null 2>&1 && echo "still there"
        for i in $(seq 300); do
            keyctl pipe %user:agentid:token 2>/dev/null | '"$subject"' | grep . && break; sleep 0.2
        done' >"$STORY_DIR/out" 2>&1
    [ "$(cat "$STORY_DIR/out")" = agent:agent-1 ] || { cat "$STORY_DIR/out"; return 1; }
}

# ---- the daemons ----

pid_of() { in_place /usr/bin/pgrep -x -o "$1"; }
# May a process of UID look into another one?
peek='import ctypes, os, sys
pid = int(sys.argv[1])
libc = ctypes.CDLL(None, use_errno=True)
for name in ("mem", "environ", "maps", "auxv"):
    try:
        with open("/proc/%d/%s" % (pid, name), "rb") as f:
            f.read(1)
        print("OPENED " + name)
    except OSError:
        pass
libc.ptrace.argtypes = [ctypes.c_long] * 4
if libc.ptrace(16, pid, 0, 0) == 0:
    print("ATTACHED")'
cannot_peek() # UID PID
{
    in_place /usr/bin/setpriv --reuid "$1" --regid "$1" --clear-groups /usr/bin/python3 -c "$peek" "$2" \
        >"$STORY_DIR/peek" 2>&1 </dev/null
    [ ! -s "$STORY_DIR/peek" ] || { cat "$STORY_DIR/peek"; return 1; }
}
field() { in_place /bin/sh -c "sed -n 's/^$2:[[:space:]]*//p' /proc/$1/status"; }
# has_no_power PID SET...: the capability sets are empty, and no program it starts can have more.
has_no_power()
{
    local pid=$1 set
    shift
    for set; do
        [ "$(field "$pid" "$set")" = 0000000000000000 ] || { echo "$set $(field "$pid" "$set")"; return 1; }
    done
    [ "$(field "$pid" NoNewPrivs)" = 1 ] || { echo "NoNewPrivs $(field "$pid" NoNewPrivs)"; return 1; }
}
leaves_no_core() # PID
{
    in_place /bin/cat "/proc/$1/limits" >"$STORY_DIR/limits" && expect_text '^Max core file size +0 +0 ' "$STORY_DIR/limits"
}
token_is_nowhere_in_proc()
{
    # A JWT starts with the base64url of '{"'.
    in_place /bin/sh -c 'for p in /proc/[0-9]*; do tr "\0" "\n" <$p/environ; tr "\0" "\n" <$p/cmdline; done 2>/dev/null' \
        >"$STORY_DIR/proc"
    expect_text 'agentid-keyringd' "$STORY_DIR/proc" && expect_fail 1 grep -qE 'eyJ[A-Za-z0-9_-]{10}' "$STORY_DIR/proc"
}

enter_root || give_up "no private place"
in_place /usr/bin/agentid issuer init </dev/null >&2 || give_up "issuer init exited with $?"
start_daemons || give_up "the daemons do not start"
open_session || give_up "no session"

check "another uid gets at nothing" refused_outside "$other_uid"
check "the same uid outside the session gets at nothing" refused_outside "$agent_uid"
check "another session of the same account gets at nothing" refused_in_other_session
check "the agent can read, and change nothing" refused_inside
check "a user namespace gives the agent nothing more" namespace_gives_nothing
check "a planted ring deeper down is passed over" ignores_nested_ring
check "a planted ring in the place of the real one is refused" refuses_displacing_ring
check "a ring planted by root of a user namespace is refused" refuses_ring_of_namespace
check "a key that the agent destroyed comes back" destroyed_key_comes_back
# The kernel keeps 15 letters of a name. The older process is the daemon, the younger one starts fetch.
keyringd=$(pid_of agentid-keyring)
fetch=$(pid_of agentid-fetch)
fetch_uid=$(chroot "$ROOT" id -u agentid-fetch)
for uid in "$agent_uid" "$fetch_uid"; do
    check "uid $([ "$uid" = "$fetch_uid" ] && echo of fetch || echo of the agent) cannot look into keyringd" cannot_peek "$uid" "$keyringd"
    check "uid $([ "$uid" = "$fetch_uid" ] && echo of fetch || echo of the agent) cannot look into fetch" cannot_peek "$uid" "$fetch"
done
check "keyringd has no capability" has_no_power "$keyringd" CapInh CapPrm CapEff CapBnd CapAmb
check "fetch has no capability" has_no_power "$fetch" CapInh CapPrm CapEff CapAmb
check "keyringd leaves no core" leaves_no_core "$keyringd"
check "fetch leaves no core" leaves_no_core "$fetch"
check "no token in any environment or command line" token_is_nowhere_in_proc
finish
