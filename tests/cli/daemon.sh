#!/bin/bash
# SPDX-License-Identifier: LGPL-2.1-or-later
# Copyright The agentid authors
# list, status, revoke and allow against a stand-in for agentid-keyringd.
# shellcheck source=tests/cli/lib.sh
. "${srcdir:-.}/tests/cli/lib.sh"
own_namespace "$@"

# Nobody answers.
for command in "list" "status" "revoke alpha" "allow alpha" "exec alpha -- true"; do
    # shellcheck disable=SC2086 # a command of several words
    expect 5 "$AGENTID" $command
    err_is "agentid: agentid-keyringd does not run: /run/agentid/keyringd.sock: No such file or directory"
done

start_daemon normal
expect 0 "$AGENTID" list
out_has "AGENT  ACCOUNT    SERVICE  FROM"
out_has "alpha  svc-alpha  sshd     host \"a\"\\b"
out_has "2h ago"
out_has "in 4m 1"
out_lacks "LAST ERROR"
out_lacks $'\033'
expect 0 "$AGENTID" list --json
out_json 'len(j) == 2 and j[0]["rhost"] == "host \"a\"\\b" and j[1]["rhost"] is None'
out_json 'j[0]["agent"] == "alpha" and j[0]["uid"] == 1234 and 240 < j[0]["expires_in_s"] < 253'
out_json 'j[0]["opened_at"].endswith("Z") and j[1]["refresh_at"] is None and j[0]["own"] is False'

expect 0 "$AGENTID" status
out_has "version 9.9.9, started 1m 3"
out_has "1.2 MB of 25.0 MB used"
out_has "in force"
out_has "none: this process is in no agent session"
out_has "beta   svc-beta   oidc    1         ok"
expect 0 "$AGENTID" status --json
out_json 'j["daemon"]["fetch_connected"] is True and j["daemon"]["revoking"] == 0 and j["session"] is None and len(j["agents"]) == 2'
expect 0 "$AGENTID" status --json beta
out_json '[a["agent"] for a in j["agents"]] == ["beta"]'
expect 3 "$AGENTID" status unknown
err_is "agentid: 'unknown': no such agent"
expect 3 "$AGENTID" exec unknown -- true
err_is "agentid: 'unknown': no such agent"
expect 3 "$AGENTID" exec alpha -- true
err_is "agentid: account 'svc-alpha' of agent 'alpha' does not exist"

expect 0 "$AGENTID" revoke alpha
out_is 'alpha is cut off: 2 sessions ended; "agentid allow alpha" lets it in again'
err_is ""
expect 0 "$AGENTID" revoke typo
out_has "typo is cut off: 0 sessions ended"
err_is "agentid: warning: no agent 'typo' is configured here"
expect 0 "$AGENTID" revoke full-disk
err_is "agentid: warning: the mark could not be written"
expect 0 "$AGENTID" allow alpha
out_is "alpha may open sessions again"
expect 0 "$AGENTID" allow beta
out_is "beta was not cut off"
expect 3 "$AGENTID" revoke unknown
err_is "agentid: 'unknown': no such agent"
expect 4 "$AGENTID" revoke forbidden
err_is "agentid: only root may do this"
expect 2 "$AGENTID" revoke 'Alpha!'
err_has "'Alpha!' is no agent id"
expect 2 "$AGENTID" revoke
err_has "one AGENT is needed, 0 are given"
expect 2 "$AGENTID" list --yaml
err_has "unknown option '--yaml'"

# Colour: on a terminal only, and not where NO_COLOR says so.
export TERM=xterm
on_terminal "$AGENTID" list
out_has $'\033[32mfresh\033[0m'
on_terminal env NO_COLOR=1 "$AGENTID" list
out_lacks $'\033'
on_terminal env TERM=dumb "$AGENTID" list
out_lacks $'\033'

# Output that cannot be written is a failure.
run bash -c '"$0" list >/dev/full' "$AGENTID"
[ "$status" -eq 1 ] || complain "list to a full device exited with $status"
err_has "standard output: No space left on device"

start_daemon failing
expect 0 "$AGENTID" list
out_has "LAST ERROR"
out_has "token endpoint: HTTP status 503"
expect 0 "$AGENTID" status
out_has "refused, the last good one is in force: /etc/agentid/agents.d/x.conf:3: wrong"
out_has "not connected: no token can be fetched, 3 tokens of ended sessions to be revoked"
expect 0 "$AGENTID" status --json
out_json 'j["daemon"]["revoking"] == 3 and j["daemon"]["configuration_error"] == "/etc/agentid/agents.d/x.conf:3: wrong"'

start_daemon empty
expect 0 "$AGENTID" list
out_is "no sessions"
expect 0 "$AGENTID" list --json
out_is "[]"

start_daemon garbage
expect 1 "$AGENTID" list --json
out_is ""
start_daemon silent
expect 5 "$AGENTID" status --json
out_is ""
err_has "the other side closed the connection"

# A socket that somebody else serves is not believed.
stop_daemon
rm -f /run/agentid/keyringd.sock
chmod 0777 /run/agentid
setpriv --reuid 65534 --clear-groups env srcdir="$SRC" \
    python3 "$SRC/tests/cli/fake_keyringd.py" normal &
daemon=$!
for _ in $(seq 100); do [ -S /run/agentid/keyringd.sock ] && break; sleep 0.05; done
expect 1 "$AGENTID" list
err_is "agentid: /run/agentid/keyringd.sock is served by uid 65534, not by root"
# Of a token that says nothing.
expect 5 bash -c 'echo a.b.c | "$0" verify --audience x --issuer https://x.example' "$AGENTID"
err_is "agentid: /run/agentid/keyringd.sock is served by uid 65534, not by root"
finish
