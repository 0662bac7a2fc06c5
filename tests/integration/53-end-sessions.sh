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
# Serials of token keys, decimal.
tokens() { awk '$9 ~ /^agentid:token/ && $2 !~ /[RD]/ { print $1 }' /proc/keys | while read -r serial; do echo $((16#$serial)); done | sort; }
three_sessions()
{
    local before
    before=$(tokens)
    session runner
    session runner
    session second
    wait_for 10 sessions_are 3 || return 1
    serials=$(comm -13 <(echo "$before") <(tokens))
    [ "$(echo "$serials" | wc -l)" -ge 3 ] || { echo "only these tokens: $serials"; return 1; }
}
all_end()
{
    # shellcheck disable=SC2086 # one word a serial
    end_sessions && sessions_are 0 && keys_gone $serials
}
may_open() { agentid exec "$1" -- true; }
third_is_cut_off()
{
    expect_fail 4 may_open third >"$STORY_DIR/third" 2>&1 && expect_text 'cut off|revoked' "$STORY_DIR/third"
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
check "all of them end, and their tokens are revoked" all_end
check "the agents may open sessions again" eval 'may_open runner && may_open second'
check "whom the administrator cut off stays cut off" third_is_cut_off
check "it fails where no daemon answers" nobody_answers
finish
