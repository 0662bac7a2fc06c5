#!/bin/bash
# SPDX-License-Identifier: LGPL-2.1-or-later
# Copyright The agentid authors
# The daemons under a real systemd, from the Debian packages: sandbox figures, socket activation, restarts and crashes under a
# live session, a broken configuration at start, a stopped journal, a full /run, a read-only /.
. "$(dirname "$0")/lib.sh"
max_exposure=2.0

prepare_root()
{
    make_package_root debian || return 1
    install -m 0755 "$INTEGRATION/session/agent-probe" "$ROOT/usr/local/bin/agent-probe"
    printf '[issuer]\nurl = https://id.example.com/host01\n' | host_conf
    for n in 1 2; do
        add_account "svc-agent$n" || return 1
        printf 'source = host\naudience = orders-api\nlifetime = 10s\n' | agent_conf "agent$n" "svc-agent$n"
    done
    cp "$ROOT/usr/share/doc/agentid/examples/pam.d/systemd-unit" "$ROOT/etc/pam.d/agent-unit"
    printf 'd /run/probe 1777 root root -\n' >"$ROOT/etc/tmpfiles.d/probe.conf"
    for n in 1 2; do
        printf '[Service]\nUser=svc-agent%s\nPAMName=agent-unit\nExecStart=/usr/local/bin/agent-probe %s stay\n' \
            "$n" "$n" >"$ROOT/etc/systemd/system/agent$n.service"
    done
    # As the package has it, the daemon starts with the host; here it is left to its socket.
    chroot "$ROOT" systemctl -q disable agentid-keyringd.service
    chroot "$ROOT" systemctl -q enable agentid-keyringd.socket agentid-fetch.socket
    in_chroot agentid issuer init
}

exposure()
{
    systemd-analyze security --offline=true --root="$ROOT" "$1" 2>/dev/null |
        sed -n 's/.*exposure level for [^:]*: \([0-9.]*\).*/\1/p'
}
is_tight()
{
    local figure
    figure=$(exposure "$1")
    echo "$1: exposure ${figure:-unknown}"
    awk -v f="${figure:-10}" -v max=$max_exposure 'BEGIN { exit !(f + 0 <= max) }'
}
units_verify()
{
    in_root systemd-analyze verify --man=no agentid-keyringd.service agentid-fetch.service agentid-keyringd.socket \
        agentid-fetch.socket >"$STORY_DIR/verify" 2>&1 || { cat "$STORY_DIR/verify"; return 1; }
    expect_fail 1 grep agentid "$STORY_DIR/verify"
}

active() { in_root systemctl is-active "$1"; }
main_pid() { in_root systemctl show -P MainPID "$1"; }
restarts() { in_root systemctl show -P NRestarts "$1"; }
result_of() { cat "/proc/$LEADER/root/run/probe/$1"; }
unit_has_token()
{
    rm -f "/proc/$LEADER/root/run/probe/$1"
    in_root systemctl restart "agent$1.service" || return 1
    wait_for 25 result_of "$1" && result_of "$1" | grep -q "^subject=agent:agent$1"
}

# kill_daemon UNIT SIGNAL: it comes back by itself, as another process.
kill_daemon()
{
    local old
    old=$(main_pid "$1")
    in_root kill "-$2" "$old" && wait_for "${3:-10}" is_replaced "$1" "$old"
}
is_replaced() { [ "$(main_pid "$1")" != "$2" ] && [ "$(main_pid "$1")" != 0 ] && active "$1"; }

key_of() { result_of "$1" | sed -n 's/^keys=\([0-9]*\) .*/\1/p'; }
# refreshed_since N TEXT: agentid status or list shows more refreshes than before.
refreshes() { in_root agentid list --json | python3 -c '
import json, sys
print(sum(s.get("refreshes", 0) for s in json.load(sys.stdin) if s["agent"] == sys.argv[1]))' "$1"; }
has_refreshed() { [ "$(refreshes "$1")" -gt "$2" ]; }
session_goes_on()
{
    local before
    before=$(refreshes agent1)
    active agent1.service && wait_for 15 has_refreshed agent1 "$before"
}

# ---- faults ----

# Without a valid configuration nobody knows what to ask the provider for: it lives on until it can be read.
session_is_kept() { active agent1.service && in_root agentid list | grep -q agent1; }

broken_at_start()
{
    printf '[agent]\nid = broken\nacount = svc-agent1\n' >"$ROOT/etc/agentid/agents.d/broken.conf"
    in_root systemctl restart agentid-keyringd.service || true
    wait_for 10 active agentid-keyringd.service || return 1
    in_root_sh 'agentid status; journalctl -q --no-pager -u agentid-keyringd -n 30' >"$STORY_DIR/broken" 2>&1
    expect_text "broken.conf:3.*acount" "$STORY_DIR/broken"
}
repaired()
{
    rm "$ROOT/etc/agentid/agents.d/broken.conf"
    in_root systemctl reload agentid-keyringd.service && wait_for 10 unit_has_token 2
}
broken_reload()
{
    printf '[agent]\nid = broken\nacount = svc-agent1\n' >"$ROOT/etc/agentid/agents.d/broken.conf"
    in_root systemctl reload agentid-keyringd.service
    unit_has_token 2 || return 1
    in_root agentid status >"$STORY_DIR/status" 2>&1
    expect_text "acount" "$STORY_DIR/status"
}
without_journal()
{
    in_root systemctl stop systemd-journald.socket systemd-journald-dev-log.socket systemd-journald-audit.socket \
        systemd-journald.service
    unit_has_token 2 && kill_daemon agentid-keyringd.service KILL && kill_daemon agentid-fetch.service KILL &&
        unit_has_token 2
}
run_is_full()
{
    in_root_sh 'dd if=/dev/zero of=/run/fill bs=64k 2>/dev/null; echo > /run/fill2' 2>/dev/null
    in_root agentid revoke agent2 >&2
    in_root agentid allow agent2 >&2
    in_root /usr/sbin/runuser -u svc-agent2 -- agentid list && session_goes_on
}
read_only_root()
{
    in_root mount -o remount,bind,ro / && unit_has_token 2 && kill_daemon agentid-keyringd.service KILL &&
        session_goes_on && in_root agentid revoke agent2
}

prepare_root >&2 || give_up "the root could not be made"
boot_root || give_up "the root did not boot: $(tail -n 3 "$STORY_DIR/console")"
check "the units verify" units_verify
for unit in agentid-keyringd.service agentid-fetch.service; do
    check "$unit: exposure $(exposure $unit) (limit $max_exposure)" is_tight $unit
done
check "sockets: both daemons wait for the first session" expect_fail 3 active agentid-keyringd.service
check "sockets: the first session starts them" unit_has_token 1
check "sockets: keyringd runs" active agentid-keyringd.service
check "sockets: fetch runs" active agentid-fetch.service
check "the running keyringd has no capability" in_root_sh \
    "grep -q '^CapEff:.0000000000000000' /proc/$(main_pid agentid-keyringd.service)/status"
check "the running fetch is not root" in_root_sh \
    "grep -q '^Uid:.[1-9]' /proc/$(main_pid agentid-fetch.service)/status"
check "keyringd restarts under a session" kill_daemon agentid-keyringd.service TERM
check "the session goes on" session_goes_on
check "keyringd is killed under a session" kill_daemon agentid-keyringd.service KILL
check "fetch is killed under a session" kill_daemon agentid-fetch.service KILL
check "the session goes on after both" session_goes_on
check "fetch hangs: its watchdog ends it" kill_daemon agentid-fetch.service STOP 30
check "the session goes on after the hang" session_goes_on
check "keyringd hangs: its watchdog ends it" kill_daemon agentid-keyringd.service STOP 45
check "the session goes on after this hang, too" session_goes_on
check "a configuration that is broken at reload changes nothing" broken_reload
check "a configuration that is broken at start is named with file and line" broken_at_start
check "and the session is kept" session_is_kept
check "once repaired, new sessions open" repaired
check "and the one that was kept is refreshed" session_goes_on
check "without a journal, sessions open and daemons restart" without_journal
check "with /run full, the kill switch works and the session goes on" run_is_full
in_root rm -f /run/fill /run/fill2
check "with / read-only, sessions open and the kill switch works" read_only_root
[ $failures -eq 0 ] || { in_root journalctl -q --no-pager -n 200 >&2; cat "$STORY_DIR/console" >&2; }
finish
