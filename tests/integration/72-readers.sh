#!/bin/bash
# SPDX-License-Identifier: LGPL-2.1-or-later
# Copyright The agentid authors
# 100 concurrent readers over 50 refreshes of 5 second tokens, against a resource server that checks
# signature and expiry of every request: no 401, and no read that finds nothing.
. "$(dirname "$0")/lib.sh"
refreshes=50

prepare_root()
{
    make_root root || return 1
    install -m 0755 "$INTEGRATION/session/readers.py" "$ROOT/usr/local/bin/readers.py"
    "$AID_BUILD/libtool" --mode=install install -m 0755 "$AID_BUILD/tests/support/session_client" \
        "$ROOT/usr/local/bin/session_client" || return 1
    add_account svc-agent1 || return 1
    printf '[issuer]\nurl = https://id.example.com/host01\n' | host_conf
    printf 'source = host\naudience = orders-api\nlifetime = 5s\n' | agent_conf agent1 svc-agent1
    in_chroot agentid issuer init && mkdir "$ROOT/published" && in_chroot agentid issuer publish /published
}
start_resource_server()
{
    python3 "$INTEGRATION/resource_server.py" "$ROOT/published" orders-api "$STORY_DIR/port" >&2 </dev/null &
    at_exit "end_process $!"
    wait_for 10 test -f "$STORY_DIR/port"
}
refuses() { [ "$(curl -s -o /dev/null -w '%{http_code}' -H "Authorization: Bearer $1" "http://127.0.0.1:$(cat "$STORY_DIR/port")/")" = 401 ]; }
readers()
{
    in_place session_client --account svc-agent1 --uid "$(in_place id -u svc-agent1)" --service agent -- \
        /usr/local/bin/readers.py "$(cat "$STORY_DIR/port")" $refreshes >"$STORY_DIR/readers" 2>&1
    local status=$?
    sed 's/^/# /' "$STORY_DIR/readers" | tail -n 20 >&2
    return $status
}
said() { expect_text "$1" "$STORY_DIR/readers"; }

prepare_root >&2 || give_up "the root could not be made"
start_resource_server || give_up "the resource server did not start"
enter_root && start_daemons || give_up "the daemons did not start: $(tail -n 3 "$STORY_DIR/daemons.log")"
check "the resource server refuses what is no token" refuses abc
check "100 readers, $refreshes refreshes" readers
check "no request was refused" said ' refused 0 '
check "no read found nothing" said ' missing 0$'
check "the session is closed" said '^closed$'
[ $failures -eq 0 ] || tail -n 100 "$STORY_DIR/daemons.log" >&2
finish
