#!/bin/bash
# SPDX-License-Identifier: LGPL-2.1-or-later
# Copyright The agentid authors
# The Python example in real sessions, against a server that checks every token it gets.
# shellcheck source=tests/integration/lib.sh
. "$(dirname "$0")/lib.sh"

make_root root || give_up "no root"
add_account svc-agent1
cp "$AID_SRC/examples/python/agent.py" "$ROOT/usr/local/bin/agent.py"
mkdir -p "$ROOT/srv/issuer"
host_conf <<'CONF'
[issuer]
url = https://host01.example.com
CONF
agent_conf py-agent svc-agent1 <<'CONF'
source = host
audience = orders-api
lifetime = 5s
CONF

serve_api()
{
    python3 "$INTEGRATION/resource_server.py" "$ROOT/srv/issuer" orders-api "$STORY_DIR/port" \
        </dev/null >&2 &
    at_exit "end_process $!"
    wait_for 10 test -s "$STORY_DIR/port" && API=http://127.0.0.1:$(cat "$STORY_DIR/port")
}

in_session() { in_place /usr/bin/agentid exec py-agent -- "$@" </dev/null; }

one_request()
{
    in_session /usr/local/bin/agent.py "$API/" >"$STORY_DIR/out" &&
        expect_text '^200 \{"sub": "agent:py-agent", "jti": ".+"\}$' "$STORY_DIR/out"
}

# agentid itself leaves no core; what it runs may.
core_limit()
{
    (ulimit -S -c 4 && in_session /bin/bash -c 'ulimit -S -c' >"$STORY_DIR/out") && [ "$(cat "$STORY_DIR/out")" = 4 ]
}

over_refreshes()
{
    in_session /usr/local/bin/agent.py -n 14 -i 1 "$API/" >"$STORY_DIR/out" || return 1
    [ "$(grep -c '^200 ' "$STORY_DIR/out")" -eq 14 ] || { cat "$STORY_DIR/out"; return 1; }
    tokens=$(sort -u "$STORY_DIR/out" | wc -l)
    [ "$tokens" -ge 3 ] || { echo "$tokens tokens in 14 s of 5 s lifetime"; return 1; }
}

asks_again()
{
    in_session /usr/local/bin/agent.py "$API/revoked-once" >"$STORY_DIR/out" &&
        expect_text '^200 ' "$STORY_DIR/out"
}

asks_once_more_only()
{
    expect_fail 1 in_session /usr/local/bin/agent.py "$API/never" >"$STORY_DIR/out" || return 1
    expect_text '^401 .*never, request 2"\}$' "$STORY_DIR/out"
}

without_session()
{
    expect_fail 1 in_place /usr/sbin/runuser -u svc-agent1 -- /usr/local/bin/agent.py "$API/" \
        2>"$STORY_DIR/err" </dev/null || return 1
    expect_text '^agent.py: no agentid ring in this session$' "$STORY_DIR/err"
}

# A key of the same name beside the ring is what a plain search finds first.
passes_over_a_planted_key()
{
    in_session /bin/sh -c "keyctl add user agentid:token planted @s >/dev/null &&
        [ \"\$(keyctl pipe %user:agentid:token)\" = planted ] && exec agent.py $API/" >"$STORY_DIR/out" &&
        expect_text '^200 ' "$STORY_DIR/out"
}

refuses_a_planted_ring()
{
    expect_fail 1 in_session /bin/sh -c "ring=\$(keyctl newring agentid @s) &&
        keyctl add user agentid:token planted \$ring >/dev/null && exec agent.py $API/" \
        2>"$STORY_DIR/err" || return 1
    expect_text '^agent.py: no agentid ring in this session$' "$STORY_DIR/err"
}

enter_root || give_up "no private place"
in_place /usr/bin/agentid issuer init </dev/null >&2 || give_up "issuer init exited with $?"
in_place /usr/bin/agentid issuer publish /srv/issuer </dev/null >&2 || give_up "issuer publish exited with $?"
start_daemons || give_up "the daemons do not start"
serve_api || give_up "the resource server does not start"

check "a request with the session's token" one_request
check "the program may leave a core as before" core_limit
check "every request over two refreshes and more" over_refreshes
check "a 401 is asked again with the token read anew" asks_again
check "and only once" asks_once_more_only
check "without a session there is one plain sentence" without_session
check "a planted key is passed over" passes_over_a_planted_key
check "a planted ring is not believed" refuses_a_planted_ring
finish
