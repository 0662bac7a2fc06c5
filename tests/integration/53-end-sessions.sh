#!/bin/bash
# SPDX-License-Identifier: LGPL-2.1-or-later
# Copyright The agentid authors
# What a package runs before it is removed: every session ends, and nobody's being cut off changes.
. "$(dirname "$0")/lib.sh"

agentid() { in_place /usr/bin/agentid "$@"; }
end_sessions() { in_place /usr/libexec/agentid/end-sessions; }
sessions_are() { [ "$(agentid list --json | jq length)" -eq "$1" ]; }

prepare()
{
    make_root debian && add_account runner && add_account second && add_account third || return 1
    host_conf <<'CONF'
[issuer]
url = https://id.example.com/host01
CONF
    printf 'source = host\naudience = api\n' >"$STORY_DIR/token"
    agent_conf runner runner <"$STORY_DIR/token" && agent_conf second second <"$STORY_DIR/token" &&
        agent_conf third third <"$STORY_DIR/token" &&
        enter_root && agentid issuer init --alg ES256 && start_daemons
}
session()
{
    agentid exec "$1" -- sleep 3600 </dev/null >/dev/null 2>&1 &
    at_exit "end_process $!"
}
# Not those that the daemon keeps: its keyrings, and who is cut off.
keys_of_sessions()
{
    local serial serials
    serials=$(all_serials) || return 1
    for serial in $serials; do
        case $(keyctl rdescribe "$serial") in
        *";agentid:door:"* | *";agentid:rings"* | *";agentid:revoked:"*) ;;
        *) printf '%s ' "$serial" ;;
        esac
    done
}
three_sessions()
{
    session runner
    session runner
    session second
    wait_for 10 sessions_are 3 && serials=$(keys_of_sessions) || return 1
    # Each has a ring with token, info, cookie and record.
    [ "$(echo "$serials" | wc -w)" -ge 15 ] || { echo "only these keys: $serials"; return 1; }
}
all_end()
{
    # shellcheck disable=SC2086 # one word a serial
    end_sessions && sessions_are 0 && wait_for 5 keys_gone $serials
}
may_open() { agentid exec "$1" -- true; }
third_is_cut_off()
{
    expect_fail 4 may_open third >"$STORY_DIR/third" 2>&1 && expect_text 'cut off|revoked' "$STORY_DIR/third"
}
# with_wrapper COMMAND...: while /usr/local/bin/agentid, which end-sessions finds first, does what stdin says.
with_wrapper()
{
    local wrapper=$ROOT/usr/local/bin/agentid result
    cat >"$wrapper" && chmod 0755 "$wrapper"
    "$@"
    result=$?
    rm "$wrapper"
    return $result
}
# The administrator is quicker: between the list and what comes of it.
cut_off_meanwhile()
{
    session second
    wait_for 10 sessions_are 1 || return 1
    with_wrapper end_sessions <<'WRAPPER' || return 1
#!/bin/sh
/usr/bin/agentid "$@" || exit
[ "$1" != list ] || [ -e /run/cut-off ] || { touch /run/cut-off && /usr/bin/agentid revoke second; } >/dev/null
WRAPPER
    in_place test -e /run/cut-off && expect_fail 4 may_open second && sessions_are 0 && agentid allow second &&
        may_open second
}
# What the providers have not been asked for yet is forgotten with the daemon: the fourth answer says that it is done.
waits_for_providers()
{
    session runner
    wait_for 10 sessions_are 1 || return 1
    with_wrapper end_sessions <<'WRAPPER' || return 1
#!/bin/sh
[ "$1" != revoke ] || touch /run/revoked
if [ "$1" = status ] && [ -e /run/revoked ]; then
    echo >>/run/asked
    [ "$(wc -l </run/asked)" -gt 3 ] || { /usr/bin/agentid "$@" | sed 's/"revoking":0/"revoking":12/'; exit; }
fi
exec /usr/bin/agentid "$@"
WRAPPER
    [ "$(in_place wc -l /run/asked | cut -d ' ' -f 1)" -eq 4 ]
}
# As a package's removal does: a deadline, when the agent is cut off.
ended_too_early()
{
    session runner
    wait_for 10 sessions_are 1 || return 1
    with_wrapper expect_fail 124 in_place timeout 5 /usr/libexec/agentid/end-sessions <<'WRAPPER' || return 1
#!/bin/sh
/usr/bin/agentid "$@" || exit
[ "$1" != revoke ] || { touch /run/cut && sleep 60; }
WRAPPER
    in_place test -e /run/cut && sessions_are 0 && may_open runner
}
nobody_answers()
{
    pkill -TERM -f '^/usr/sbin/agentid-keyringd' --ns "$LEADER" --nslist pid
    wait_for 10 expect_fail 5 agentid list
    expect_fail 1 end_sessions >"$STORY_DIR/nobody" 2>&1 && expect_text 'agentid-keyringd does not run' "$STORY_DIR/nobody"
}

prepare || give_up "the root or the daemons did not start"
check "without a session there is nothing to do" end_sessions
agentid revoke third >/dev/null
check "two agents have three sessions" three_sessions
check "all of them end, and their keys are revoked" all_end
check "the agents may open sessions again" eval 'may_open runner && may_open second'
check "whom the administrator cut off stays cut off" third_is_cut_off
check "whom the administrator cuts off meanwhile stays cut off" cut_off_meanwhile
check "it ends when the providers have been asked to revoke" waits_for_providers
check "ended by a deadline, it leaves nobody cut off" ended_too_early
check "it fails where no daemon answers" nobody_answers
finish
