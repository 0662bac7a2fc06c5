#!/bin/bash
# SPDX-License-Identifier: LGPL-2.1-or-later
# Copyright The agentid authors
# 1,000 sessions of one account, and of 100 accounts 10 each, opened at once through the real PAM and
# closed at once: none fails, and the number of root's keys returns to what it was.
. "$(dirname "$0")/lib.sh"
HOLD=/usr/local/bin/bench-hold

prepare_root()
{
    make_root root || return 1
    make -C "$AID_BUILD" -s bench/bench-hold || return 1
    "$AID_BUILD/libtool" --mode=install install -m 0755 "$AID_BUILD/bench/bench-hold" "$ROOT$HOLD" || return 1
    printf '[issuer]\nurl = https://id.example.com/host01\n' | host_conf
    printf 'auth required pam_permit.so\naccount required pam_permit.so\nsession required pam_agentid.so timeout=60\n' \
        >"$ROOT/etc/pam.d/agent"
    for ((n = 0; n <= 100; n++)); do
        echo "svc-$n:x:$((20000 + n)):$((20000 + n))::/nonexistent:/bin/sh" >>"$ROOT/etc/passwd"
        printf 'source = host\naudience = orders-api\n' | agent_conf "agent-$n" "svc-$n"
    done
    in_chroot agentid issuer init
}

says() { read -r -t 120 line <&"${STORM[0]}" && echo "# $line" >&2 && [[ $line =~ $1 ]] || { echo "said '${line:-}'"; return 1; }; }
order()
{
    echo "$1" >&"${STORM[1]}"
    says "$2"
}
sessions_are() { [ "$(in_place agentid list --json </dev/null | jq length)" = "$1" ]; }

# storm NAME COUNT GROUP...: what bench-hold is told.
storm()
{
    local name=$1 count=$2 before
    shift 2
    before=$(root_keys)
    coproc STORM { in_place $HOLD --confdir /etc/pam.d "$@" 2>&1; }
    at_exit "end_process $STORM_PID"
    check "$name: all open at once" says "^opened $count failed 0 "
    check "$name: every session has a token" order tokens "^tokens $count "
    check "$name: the daemon knows all" sessions_are "$count"
    check "$name: all close at once" order close "^closed $count failed 0 "
    # The openers keep their session keyrings, empty now, until they end.
    eval "exec ${STORM[1]}>&-"
    wait "$STORM_PID"
    check "$name: root's keys are as many as before ($before)" wait_for 60 keys_are_back "$before"
}

# Nobody closes: the processes just end.
abandoned()
{
    local before
    before=$(root_keys)
    coproc STORM { in_place $HOLD --confdir /etc/pam.d agent:svc-0:200 2>&1; }
    at_exit "end_process $STORM_PID"
    check "abandoned: 200 sessions open" says "^opened 200 failed 0 "
    eval "exec ${STORM[1]}>&-"
    check "abandoned: the daemon ends them within 5 seconds" wait_for 5 sessions_are 0
    check "abandoned: root's keys are as many as before ($before)" wait_for 60 keys_are_back "$before"
}

prepare_root >&2 || give_up "the root could not be made"
enter_root && start_daemons || give_up "the daemons did not start: $(tail -n 3 "$STORY_DIR/daemons.log")"
storm "one account" 1000 agent:svc-0:1000
groups=()
for ((n = 1; n <= 100; n++)); do groups+=("agent:svc-$n:10"); done
storm "100 accounts" 1000 "${groups[@]}"
abandoned
[ $failures -eq 0 ] || tail -n 100 "$STORY_DIR/daemons.log" >&2
finish
