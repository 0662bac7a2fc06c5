#!/bin/bash
# SPDX-License-Identifier: LGPL-2.1-or-later
# Copyright The agentid authors
# A client secret and every token that its sessions had are looked for everywhere on the host: files,
# the journal, arguments, environments, core files. They must be nowhere but in the secret's own file.
. "$(dirname "$0")/lib.sh"
CANARY=canary-$(openssl rand -hex 16)
PATTERNS=$STORY_DIR/patterns

prepare_root()
{
    make_root debian || return 1
    install -m 0755 "$INTEGRATION/session/agent-probe" "$ROOT/usr/local/bin/agent-probe"
    secret_file node-agent "$CANARY"
    for account in svc-unit svc-su svc-wrong; do
        add_account $account || return 1
        agent_conf "app-$account" $account <<CONF
source = oidc
issuer = $PROVIDER
client_id = node-agent
client_auth = client_secret_basic
client_secret = file:/etc/agentid/secrets/node-agent
scope = orders.read
resource = urn:orders-api
subject = node-agent
audience = $([ $account = svc-wrong ] && echo another-api || echo orders-api)
CONF
    done
    local stacks=$ROOT/usr/share/doc/agentid/examples/pam.d
    cp "$stacks/su" "$ROOT/etc/pam.d/su"
    cp "$stacks/systemd-unit" "$ROOT/etc/pam.d/agent-unit"
    sed -i 's/pam_agentid.so/pam_agentid.so debug/' "$ROOT/etc/pam.d/su" "$ROOT/etc/pam.d/agent-unit"
    printf 'd /run/probe 1777 root root -\n' >"$ROOT/etc/tmpfiles.d/probe.conf"
    mkdir -p "$ROOT/var/log/journal"
    cat >"$ROOT/etc/systemd/system/agent.service" <<'UNIT'
[Service]
User=svc-unit
PAMName=agent-unit
ExecStart=/usr/local/bin/agent-probe unit stay
UNIT
    chroot "$ROOT" systemctl -q disable ssh.service cron.service
    chroot "$ROOT" systemctl -q enable agentid-keyringd.service
}

probe_of() { cat "/proc/$LEADER/root/run/probe/$1"; }
token_serials() { awk '$8 == "user" && $9 ~ /^agentid:token/ { print $1 }' /proc/keys; }
# collect: the signature of every token that there is now becomes a pattern. Root owns the keys.
collect()
{
    local serial
    for serial in $(token_serials); do
        keyctl pipe $((16#$serial)) 2>/dev/null | awk -F. 'NF == 3 { print substr($3, 1, 60) }'
    done >>"$PATTERNS"
}
collect_for()
{
    local until=$(($(uptime_s) + $1))
    while [ "$(uptime_s)" -lt $until ]; do
        collect
        search_processes || return 1
        sleep 0.5
    done
    sort -u -o "$PATTERNS" "$PATTERNS"
}

# ---- searching ----

files_with_canary()
{
    grep -r -a -l -F --devices=skip -f "$PATTERNS" "$ROOT" "/proc/$LEADER/root/run" "/proc/$LEADER/root/tmp" \
        "/proc/$LEADER/root/dev/shm" 2>/dev/null | grep -v '/etc/agentid/secrets/node-agent$'
}
in_no_file()
{
    local found
    found=$(files_with_canary)
    [ -z "$found" ] || { echo "found in: $found"; return 1; }
}
# A journal may compress its entries: it is asked, too.
in_no_journal()
{
    in_root journalctl -q --no-pager -o export >"$STORY_DIR/journal" || return 1
    [ -s "$STORY_DIR/journal" ] && expect_fail 1 grep -a -q -F -f "$PATTERNS" "$STORY_DIR/journal"
}
# Every process of the booted root: arguments and environment.
search_processes()
{
    local pid space
    space=$(readlink "/proc/$LEADER/ns/pid")
    for pid in /proc/[0-9]*; do
        [ "$(readlink "$pid/ns/pid" 2>/dev/null)" = "$space" ] || continue
        if cat "$pid/cmdline" "$pid/environ" 2>/dev/null | grep -a -q -F -f "$PATTERNS"; then
            echo "in the arguments or environment of $pid: $(cat "$pid/comm")"
            return 1
        fi
    done
}
has_tokens() { [ "$(wc -l <"$PATTERNS")" -ge $(($1 + patterns_before)) ]; }

# ---- core files ----

daemon_pid() { in_root systemctl show -P MainPID "$1"; }
dumps_no_core()
{
    local pid
    pid=$(daemon_pid "$1")
    in_root grep -q '^Max core file size  *0  *0' "/proc/$pid/limits" || { echo "core size limit"; return 1; }
    in_root kill -SEGV "$pid" && wait_for 10 is_replaced "$1" "$pid" && in_no_file
}
is_replaced() { [ "$(daemon_pid "$1")" != "$2" ] && in_root systemctl -q is-active "$1"; }
# /proc/PID of a process that cannot be dumped or traced by its own uid belongs to root.
is_undumpable() { [ "$(in_root stat -c %u "/proc/$(daemon_pid "$1")/environ")" = 0 ]; }

start_oidc_provider SECRET="$CANARY" LIFETIME=6 || give_up "the provider did not start"
prepare_root >&2 || give_up "the root could not be made"
printf '%s\n' "$CANARY" "$(printf 'node-agent:%s' "$CANARY" | base64 -w0 | cut -c1-40)" >"$PATTERNS"
patterns_before=2
boot_root --link-journal=no || give_up "the root did not boot: $(tail -n 3 "$STORY_DIR/console")"
check "a unit's session opens" in_root systemctl start agent.service
in_root su svc-su -c 'agent-probe su' >&2 &
at_exit "end_process $!"
check "a session that is refused" expect_fail 1 in_root su svc-wrong -c true
check "in no argument and no environment while tokens come and go" collect_for 16
check "tokens were collected ($(($(wc -l <"$PATTERNS") - patterns_before)))" has_tokens 4
check "in no file" in_no_file
check "in no journal" in_no_journal
check "fetch can be neither traced nor dumped" is_undumpable agentid-fetch.service
check "a crash of fetch leaves nothing" dumps_no_core agentid-fetch.service
check "a crash of keyringd leaves nothing" dumps_no_core agentid-keyringd.service
in_root systemctl stop agent.service
check "after the close, in no file" in_no_file
check "after the close, in no journal" in_no_journal
# The search itself: a planted pattern is found.
head -1 "$PATTERNS" >"$ROOT/var/tmp/planted"
check "a planted secret in a file is found" expect_fail 1 in_no_file
rm "$ROOT/var/tmp/planted"
in_root logger "$(head -1 "$PATTERNS")"
check "a planted secret in the journal is found" expect_fail 1 in_no_journal
[ $failures -eq 0 ] || in_root journalctl -q --no-pager -n 100 >&2
finish
