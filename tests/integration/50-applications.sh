#!/bin/bash
# SPDX-License-Identifier: LGPL-2.1-or-later
# Copyright The agentid authors
# Every PAM application, in a booted Debian with the packaged stacks: open, read, a refresh seen,
# close, no key left. This host is the issuer; tokens live 6 seconds.
. "$(dirname "$0")/lib.sh"
. "$INTEGRATION/session/probe.sh"

prepare_root()
{
    make_root debian || return 1
    install -m 0755 "$INTEGRATION/session/agent-probe" "$ROOT/usr/local/bin/agent-probe"
    printf '[issuer]\nurl = https://id.example.com/host01\n' | host_conf
    for app in pamtester ssh su sulogin sudo cron unit; do
        add_account "svc-$app" || return 1
        printf 'source = host\naudience = orders-api\nlifetime = 6s\n' | agent_conf "app-$app" "svc-$app"
    done
    add_account plain
    local stacks=$ROOT/usr/share/doc/agentid/examples/pam.d
    cp "$stacks/sshd" "$stacks/su" "$stacks/sudo" "$stacks/cron" "$ROOT/etc/pam.d/"
    cp "$stacks/systemd-unit" "$ROOT/etc/pam.d/agent-unit"
    printf 'd /run/probe 1777 root root -\n' >"$ROOT/etc/tmpfiles.d/probe.conf"
    cat >"$ROOT/etc/pam.d/agent-pamtester" <<'STACK'
auth    required pam_permit.so
account required pam_permit.so
session required pam_agentid.so
session optional pam_exec.so quiet type=open_session /usr/local/bin/agent-probe pamtester
STACK
    cat >"$ROOT/etc/systemd/system/agent.service" <<'UNIT'
[Service]
User=svc-unit
PAMName=agent-unit
ExecStart=/usr/local/bin/agent-probe unit stay
UNIT
    chroot "$ROOT" systemctl -q enable agentid-keyringd.socket agentid-keyringd.service agentid-fetch.socket
    chroot "$ROOT" ssh-keygen -q -t ed25519 -N '' -f /root/key
    install -d -m 0700 "$ROOT/home/svc-ssh/.ssh"
    cp "$ROOT/root/key.pub" "$ROOT/home/svc-ssh/.ssh/authorized_keys"
    chroot "$ROOT" chown -R svc-ssh: /home/svc-ssh/.ssh
    # cron runs once a minute: its job starts while the other applications are tried.
    echo '* * * * * svc-cron test -e /run/probe/cron || /usr/local/bin/agent-probe cron' >"$ROOT/etc/cron.d/probe"
}

# application NAME UID COMMAND...
application()
{
    local name=$1 uid=$2
    shift 2
    check "$name: the session opens" in_root "$@" || return
    judge "$name" "$uid"
}

unit_pid() { in_root systemctl show -P MainPID agent.service; }
unit_is() { [ "$(in_root systemctl is-active agent.service)" = "$1" ]; }
start_unit()
{
    rm -f "$(result_file unit)"
    in_root systemctl start agent.service && wait_for 20 has_result unit
}
# unit_ends NAME COMMAND...: the unit's session is over soon after COMMAND.
unit_ends()
{
    local name=$1 keys
    shift
    start_unit || { not_ok "unit: $name" "the unit did not start"; return; }
    keys=$(all_keys unit)
    # shellcheck disable=SC2086 # one word a serial
    check "unit: $name: its keys are there before" expect_fail 1 keys_gone $keys
    check "unit: $name" "$@"
    # shellcheck disable=SC2086 # one word a serial
    check "unit: $name: no key is left" wait_for 5 keys_gone $keys
}
kill_unit() { in_root kill -KILL "$(unit_pid)" && wait_for 5 unit_is failed; }
restart_unit()
{
    rm -f "$(result_file unit)"
    in_root systemctl restart agent.service && wait_for 20 has_result unit && saw_token unit "$(uid_of svc-unit)"
}

# ---- the kill switch ----

list_shows() { in_root agentid list >"$STORY_DIR/list" && expect_text "$1" "$STORY_DIR/list"; }
list_is_empty() { in_root agentid list --json >"$STORY_DIR/list" && expect_fail 1 grep -q app- "$STORY_DIR/list"; }
unit_is_refused()
{
    expect_fail 1 in_root systemctl start agent.service
    in_root journalctl -q --no-pager -n 60 >"$STORY_DIR/journal"
    expect_text 'app-unit.*(revoke|cut off|allow)' "$STORY_DIR/journal"
}
kill_switch()
{
    start_unit || { not_ok "revoke" "the unit did not start"; return; }
    keys=$(all_keys unit)
    check "list: shows the session with its account" list_shows 'app-unit.*svc-unit|svc-unit.*app-unit'
    check "status: shows the agent" in_root_sh 'agentid status | grep app-unit'
    check "revoke: cuts the agent off" in_root agentid revoke app-unit
    # shellcheck disable=SC2086 # one word a serial
    check "revoke: its keys are gone at once" wait_for 2 keys_gone $keys
    in_root systemctl stop agent.service
    check "revoke: keeps it out, and says so" unit_is_refused
    check "allow: lets it in again" in_root agentid allow app-unit
    check "allow: the unit starts" start_unit
    in_root systemctl stop agent.service
}

plain_account()
{
    in_root su plain -c 'keyctl search @s keyring agentid' >"$STORY_DIR/plain" 2>&1 && return 1
    expect_text 'Required key not available|key.*not' "$STORY_DIR/plain"
}

prepare_root >&2 || give_up "the root could not be made"
in_chroot agentid issuer init >&2 || give_up "agentid issuer init failed"
boot_root || give_up "the root did not boot: $(tail -n 3 "$STORY_DIR/console")"
check "the daemons run" in_root systemctl is-active agentid-keyringd.service
before=$(root_keys)

application pamtester 0 pamtester agent-pamtester svc-pamtester open_session close_session
application ssh "$(uid_of svc-ssh)" ssh -i /root/key -o BatchMode=yes -o StrictHostKeyChecking=no \
    svc-ssh@127.0.0.1 agent-probe ssh
application su "$(uid_of svc-su)" su svc-su -c 'agent-probe su'
application sulogin "$(uid_of svc-sulogin)" su - svc-sulogin -c 'agent-probe sulogin'
application sudo "$(uid_of svc-sudo)" sudo -u svc-sudo agent-probe sudo
check "plain: an account that is no agent gets no ring" plain_account
unit_ends "stops" in_root systemctl stop agent.service
judge unit "$(uid_of svc-unit)"
unit_ends "dies by SIGKILL" kill_unit
unit_ends "restarts and has a new token" restart_unit
in_root systemctl stop agent.service
kill_switch
check "cron: the job ran" wait_for 75 has_result cron
judge cron "$(uid_of svc-cron)"
check "list: is empty after all" wait_for 10 list_is_empty
check "root's keys are as many as before ($before)" wait_for 60 keys_are_back "$before"
[ $failures -eq 0 ] || in_root journalctl -q --no-pager -n 200 >&2
finish
