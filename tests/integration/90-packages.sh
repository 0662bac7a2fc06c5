#!/bin/bash
# SPDX-License-Identifier: LGPL-2.1-or-later
# Copyright The agentid authors
# The Debian packages in a fresh, booted Debian: README's section "Install" as it is written, every PAM
# application, an upgrade and a downgrade under 50 sessions, wrong configurations meanwhile, a full disk, the
# profile without its daemon, removal, and purge: then every file is as before.
. "$(dirname "$0")/lib.sh"
. "$INTEGRATION/session/probe.sh"
. "$INTEGRATION/packages/verbs.sh"
older=0.0.9~test
agents=(ssh su sudo cron unit)

older_packages()
{
    flock "$AID_WORK/package.lock" true
    ls "$AID_WORK/debs-$older"/agentid_*.deb || "$AID_SRC/ci/package" --version $older
}

prepare_root()
{
    need_packages && older_packages && make_bare_root debian || return 1
    mkdir "$ROOT/root/debs" "$ROOT/root/older"
    cp "$DEBS"/*.deb "$ROOT/root/debs/" && cp "$AID_WORK/debs-$older"/*.deb "$ROOT/root/older/"
    rm -f "$ROOT"/root/*/*dbgsym*
    current=$(dpkg-deb -f "$ROOT"/root/debs/agentid_*.deb Version)
    install -m 0755 "$INTEGRATION/session/agent-probe" "$ROOT/usr/local/bin/agent-probe"
    install -m 0755 "$AID_SRC/debian/tests/session" "$ROOT/root/autopkgtest"
    printf 'd /run/probe 1777 root root -\n' >"$ROOT/etc/tmpfiles.d/probe.conf"
    printf '[Service]\nUser=svc-unit\nPAMName=agent-unit\nExecStart=/usr/local/bin/agent-probe unit stay\n' \
        >"$ROOT/etc/systemd/system/agent.service"
    for account in plain svc-load1 svc-load2 svc-load3 svc-load4 svc-load5 svc-opener "${agents[@]/#/svc-}"; do
        add_account "$account" || return 1
    done
    chroot "$ROOT" ssh-keygen -q -t ed25519 -N '' -f /root/key
    for account in root plain svc-ssh; do
        home=$(chroot "$ROOT" getent passwd $account | cut -d: -f6)
        install -d -m 0700 "$ROOT$home/.ssh"
        cp "$ROOT/root/key.pub" "$ROOT$home/.ssh/authorized_keys"
        chroot "$ROOT" chown -R "$account:" "$home/.ssh"
    done
}

# configure: this host is the issuer; what the packages brought is not touched.
configure()
{
    printf '[issuer]\nurl = https://id.example.com/host01\n' | host_conf
    for n in 1 2 3 4 5; do
        printf 'source = host\naudience = orders-api\nlifetime = 10s\n' | agent_conf load$n svc-load$n
    done
    printf 'source = host\naudience = orders-api\n' | agent_conf opener svc-opener
    for app in "${agents[@]}"; do
        printf 'source = host\naudience = orders-api\nlifetime = 6s\n' | agent_conf "app-$app" "svc-$app"
    done
    in_root agentid issuer init --alg ES256 && in_root agentid check && in_root systemctl reload agentid-keyringd.service
}

# The example stacks in place of Debian's, which are kept.
use_stacks()
{
    mkdir "$STORY_DIR/stacks"
    for name in sshd su sudo cron; do
        cp -a "$ROOT/etc/pam.d/$name" "$STORY_DIR/stacks/" && cp "$ROOT/usr/share/doc/agentid/examples/pam.d/$name" "$ROOT/etc/pam.d/"
    done
    cp "$ROOT/usr/share/doc/agentid/examples/pam.d/systemd-unit" "$ROOT/etc/pam.d/agent-unit"
    echo '* * * * * svc-cron test -e /run/probe/cron || /usr/local/bin/agent-probe cron' >"$ROOT/etc/cron.d/probe"
}
put_stacks_back()
{
    cp -a "$STORY_DIR"/stacks/* "$ROOT/etc/pam.d/" && rm "$ROOT/etc/pam.d/agent-unit" "$ROOT/etc/cron.d/probe"
}

# ---- installation ----

# What an installation may not change.
logins_before() { sha256sum "$ROOT"/etc/pam.d/* >"$STORY_DIR/pam.d"; }
no_login_changed() { sha256sum --quiet -c "$STORY_DIR/pam.d" && logins_work; }
runs_without_agents()
{
    active agentid-keyringd.service agentid-keyringd.socket agentid-fetch.socket || return 1
    in_root journalctl -q --no-pager -u agentid-keyringd >"$STORY_DIR/log"
    expect_text 'op=config status=ok agents=0' "$STORY_DIR/log" && expect_text 'op=start status=ok' "$STORY_DIR/log"
}
secrets_are_private() { [ "$(stat -c '%a %u' "$ROOT/etc/agentid/secrets")" = "700 0" ]; }
library_loads()
{
    in_root_sh 'dpkg -i /root/debs/libagentid1_*.deb' && in_root python3 -c 'import ctypes; ctypes.CDLL("libagentid.so.1").agentid_strerror'
}

applications()
{
    local opened=()
    ssh_as svc-ssh agent-probe ssh &
    opened+=($!)
    in_root su svc-su -c 'agent-probe su' &
    opened+=($!)
    in_root sudo -u svc-sudo agent-probe sudo &
    opened+=($!)
    in_root systemctl start agent.service
    wait "${opened[@]}"
    for app in ssh su sudo; do judge $app "$(uid_of svc-$app)"; done
    check "unit: a unit with PAMName= and the example stack starts" wait_for 20 has_result unit
    check "unit: the session finds its token" saw_token unit "$(uid_of svc-unit)"
}

# ---- wrong configurations ----

# mix DAEMON MODULE: these versions of the two packages.
directory_of() { if [ "$1" = $older ]; then echo older; else echo debs; fi; }
mix()
{
    install_from "$(directory_of "$1")" agentid && install_from "$(directory_of "$2")" libpam-agentid &&
        is_version "$1" && [ "$(version_of libpam-agentid)" = "$2" ]
}

spoil() { printf '[agent]\nid = broken\nacount = plain\n' >"$ROOT/etc/agentid/agents.d/broken.conf"; }
repair() { rm "$ROOT/etc/agentid/agents.d/broken.conf" && in_root systemctl reload agentid-keyringd.service; }
says_what_is_wrong()
{
    in_root agentid status >"$STORY_DIR/status" 2>&1 || return 1
    expect_text 'broken.conf:3.*acount' "$STORY_DIR/status"
}
upgrade_with_it_broken()
{
    # Its last command is "agentid check", which says what is wrong.
    spoil && expect_fail 6 as_written 1 >"$STORY_DIR/upgrade" 2>&1 &&
        expect_text 'broken.conf:3' "$STORY_DIR/upgrade" && is_version "$current" && says_what_is_wrong &&
        load_is_kept && logins_work
}
broken_between_unpack_and_configure()
{
    in_root_sh 'cd /root/debs && dpkg --unpack agentid_*.deb libpam-agentid_*.deb' && spoil &&
        in_root dpkg --configure -a && is_version "$current" && says_what_is_wrong && load_is_kept && logins_work
}
broken_afterwards()
{
    spoil
    in_root systemctl reload agentid-keyringd.service
    # A reload sends a signal; what comes of it is not waited for.
    wait_for 10 says_what_is_wrong && in_root agentid exec load1 -- true && load_is_kept
}
repaired() { remember_load && repair && load_goes_on; }

# ---- the profile ----

stop_daemons() { in_root systemctl stop agentid-keyringd.socket agentid-fetch.socket agentid-keyringd.service agentid-fetch.service; }
start_daemons_again() { in_root systemctl start agentid-keyringd.socket agentid-fetch.socket agentid-keyringd.service; }
enable_profile()
{
    in_root_sh 'DEBIAN_FRONTEND=noninteractive pam-auth-update --enable agentid'
    expect_text '^session.*required.*pam_agentid.so on_error=fail' "$ROOT/etc/pam.d/common-session" &&
        expect_text 'pam_agentid.so' "$ROOT/etc/pam.d/common-session-noninteractive"
}
agent_is_refused()
{
    local begun=$SECONDS
    in_root journalctl -q --no-pager -n 0 --show-cursor --cursor-file=/run/probe/cursor
    expect_fail 254 ssh_as svc-ssh true || return 1
    [ $((SECONDS - begun)) -lt 14 ] || { echo "after $((SECONDS - begun)) s"; return 1; }
    in_root journalctl -q --no-pager --cursor-file=/run/probe/cursor >"$STORY_DIR/refused"
    expect_text 'pam_agentid\(sshd:session\): op=open account=.svc-ssh. status=.*keyringd\.sock' "$STORY_DIR/refused"
}
agent_has_token()
{
    [ "$(ssh_as svc-ssh 'keyctl pipe %user:agentid:token' | claim sub)" = agent:app-ssh ]
}

# ---- the end ----

sessions_are_over()
{
    # shellcheck disable=SC2086 # one word a serial
    wait_for 10 keys_gone $serials && wait_for 10 has_no_door
}
profile_is_gone() { expect_fail 1 grep -rl pam_agentid "$ROOT/etc/pam.d"; }
nothing_runs() { expect_fail 1 in_root pgrep -f agentid-; }
keeps_its_key() { ls "$ROOT"/var/lib/agentid/issuer/* "$ROOT/etc/agentid/agentid.conf"; }
issuer_key() { in_root agentid issuer show | awk '$2 == "active" { print $1 }'; }
same_key() { as_written 1 && [ "$(issuer_key)" = "$issuer" ] && in_root agentid exec load1 -- true; }
no_unit_left()
{
    in_root systemctl daemon-reload
    in_root systemctl reset-failed
    in_root systemctl list-units --all --no-legend 'agentid*' >"$STORY_DIR/units"
    in_root systemctl list-unit-files --no-legend 'agentid*' >>"$STORY_DIR/units"
    [ ! -s "$STORY_DIR/units" ] || { cat "$STORY_DIR/units"; return 1; }
}
as_before()
{
    "$INTEGRATION/packages/snapshot.py" take "$ROOT" >"$STORY_DIR/after" || return 1
    "$INTEGRATION/packages/snapshot.py" compare "$STORY_DIR/before" "$STORY_DIR/after" "$INTEGRATION/packages/allowed.txt"
}
nothing_in_run() { expect_fail 1 in_root_sh 'ls -d /run/agentid* /run/systemd/system/agentid* 2>/dev/null | grep .' ; }
no_account_left() { expect_fail 2 in_root getent passwd agentid-fetch && expect_fail 2 in_root getent group agentid-fetch; }

prepare_root >&2 || give_up "the root could not be made"
boot_root || give_up "the root did not boot: $(tail -n 3 "$STORY_DIR/console")"
check "logins work before" logins_work
logins_before
"$INTEGRATION/packages/snapshot.py" take "$ROOT" >"$STORY_DIR/before"

modules=/usr/lib/x86_64-linux-gnu/security
for place in /var/lib/dpkg $modules; do
    fill "$place" >&2 || give_up "$place could not be filled"
    check "full disk: $place: the installation fails and says why" no_space
    check "full disk: $place: logins work" logins_work
    make_room >&2
    check "full disk: $place: with room again it succeeds" as_written 1
    put_back "$place" >&2 || give_up "$place could not be put back"
    in_root dpkg --purge libpam-agentid agentid >&2
done

check "install: as README says, offline" as_written 1
check "install: the daemons run without an agent, and say so" runs_without_agents
check "install: no login has changed" no_login_changed
check "install: /etc/agentid/secrets is root's alone" secrets_are_private
check "install: libagentid1 loads by its soname" library_loads
check "install: debian/tests/session passes" in_root /root/autopkgtest
check "install: agents are configured" configure
use_stacks
applications
check "downgrade: to $older, with dpkg" install_from older
check "downgrade: it runs" is_version $older

start_load 50 || give_up "50 sessions did not open"
remember_load >&2
start_opener
check "upgrade: to $current, as README says, under 50 sessions" as_written 1
check "upgrade: the new daemon runs" is_version "$current"
check "upgrade: sessions that opened meanwhile waited, and none was refused" stop_opener
check "upgrade: all 50 sessions live on and each is refreshed" load_goes_on
check "upgrade: the unit lives on" active agent.service
remember_load >&2
check "mixed: a newer daemon with an older module" mix "$current" $older
check "mixed: it opens a session" in_root pamtester agent-unit svc-unit open_session close_session
check "mixed: an older daemon with a newer module" mix $older "$current"
check "mixed: this opens one, too" in_root pamtester agent-unit svc-unit open_session close_session
check "downgrade: all 50 sessions live on and each is refreshed" load_goes_on

check "broken before an upgrade: it succeeds, names the file and keeps the sessions" upgrade_with_it_broken
check "broken before an upgrade: repaired, each session is refreshed" repaired
install_from older >&2
check "broken during an upgrade: the same" broken_between_unpack_and_configure
check "broken during an upgrade: repaired, each session is refreshed" repaired
check "broken after an upgrade: the last good one stays in force" broken_afterwards
check "broken after an upgrade: repaired, each session is refreshed" repaired

check "cron: the job ran" wait_for 65 has_result cron
judge cron "$(uid_of svc-cron)"
in_root systemctl stop agent.service
put_stacks_back
stop_daemons
check "profile: it can be enabled while the daemons are stopped" enable_profile
check "profile: root and who is no agent log in without them" logins_work
check "profile: an agent is refused, within its deadline" agent_is_refused
start_daemons_again
check "profile: with the daemons an agent has its token in every service" agent_has_token

issuer=$(issuer_key)
serials=$(all_serials)
check "remove: 50 sessions are open before" has_load 50
check "remove: as README says" as_written 2
check "remove: every key of every session is gone, and the anchor" sessions_are_over
check "remove: no stack names the module" profile_is_gone
check "remove: logins work" logins_work
check "remove: nothing runs" nothing_runs
check "remove: configuration and the issuer's key are kept" keeps_its_key
check "remove: a new installation goes on with them" same_key
end_load
check "purge: as README says" as_written 3
in_root dpkg --purge libagentid1 >&2
check "purge: no key is left" wait_for 10 has_no_door
check "purge: no unit is left" no_unit_left
check "purge: no account is left" no_account_left
check "purge: nothing is left in /run" nothing_in_run
check "purge: every file is as before" as_before
check "purge: logins work" logins_work
[ $failures -eq 0 ] || { in_root journalctl -q --no-pager -n 300 >&2; cat "$STORY_DIR/console" >&2; }
finish
