# shellcheck shell=bash
# SPDX-License-Identifier: LGPL-2.1-or-later
# Copyright The agentid authors
# Sourced by the story of the packages.

# readme_block N: the Nth block of commands of README's section "Install".
readme_block()
{
    sed -n '/^## Install$/,/^## Install from source$/p' "$AID_SRC/README.md" | awk -v n="$1" '
        /^```/ { if (inside) exit; if (++block == n * 2 - 1) inside = 1; next } inside'
}

# as_written N: runs that block, line by line, in the directory with the packages; whoever types it says yes
# to apt.
as_written()
{
    local commands
    commands=$(readme_block "$1")
    [ -n "$commands" ] || { echo "README.md has no block $1 in its section Install"; return 1; }
    echo "$commands"
    yes | clean_env nsenter -t "$LEADER" -a -- /bin/bash -ec "cd /root/debs; $commands"
    return "${PIPESTATUS[1]}"
}

# install_from DIRECTORY [PACKAGE...]: with dpkg, whatever is there now.
install_from()
{
    local directory=$1
    shift
    [ $# -gt 0 ] || set -- agentid libpam-agentid
    in_root_sh "cd /root/$directory && dpkg -i $(printf '%s_*.deb ' "$@")"
}
version_of() { in_root dpkg-query -W -f '${Version}' "$1"; }
is_version() { [ "$(version_of agentid)" = "$1" ] && in_root agentid status | grep -qF "version ${2:-$1},"; }

active() { in_root systemctl is-active "$@"; }

# ---- sessions that stay ----

# start_load COUNT: sessions of load1 to load5, each a process that sleeps.
start_load()
{
    in_root_sh "for i in \$(seq $1); do agentid exec load\$((i % 5 + 1)) -- sleep 3600 >/dev/null 2>&1 &
        echo \$! >>/run/probe/load.pids; done"
    wait_for 20 has_load "$1"
}
end_load() { in_root_sh 'kill $(cat /run/probe/load.pids)'; }
list_to() { in_root agentid list --json >"$1"; }
has_load() { list_to "$STORY_DIR/load.json" && [ "$(jq '[.[] | select(.agent | startswith("load"))] | length' "$STORY_DIR/load.json")" -eq "$1" ]; }

# remember_load: what the sessions are now. load_goes_on: all of them are there and have been refreshed since.
remember_load() { list_to "$STORY_DIR/remembered.json" && cat "$STORY_DIR/remembered.json"; }
refreshed_since()
{
    list_to "$STORY_DIR/now.json" && jq -e -n --slurpfile before "$STORY_DIR/remembered.json" --slurpfile now "$STORY_DIR/now.json" '
        ($now[0] | map({(.session): .refreshes}) | add) as $count |
        $before[0] | map(select(.agent | startswith("load"))) |
        length == 50 and all(($count[.session] // -1) > .refreshes)' >/dev/null
}
load_goes_on() { wait_for 25 refreshed_since || { cat "$STORY_DIR/now.json"; return 1; }; }
# Only those of the load: a job of cron may have come and gone.
load_is_kept()
{
    list_to "$STORY_DIR/now.json" && jq -e -n --slurpfile before "$STORY_DIR/remembered.json" --slurpfile now "$STORY_DIR/now.json" '
        ($now[0] | map(.session)) as $there |
        $before[0] | map(select(.agent | startswith("load")) | .session) | length == 50 and
        (. - $there | . == [] or ("gone: \(.)" | halt_error(1)))'
}

# start_opener: opens and closes sessions until stop_opener, which fails if one of them was refused.
start_opener()
{
    in_root_sh 'rm -f /run/probe/stop; (while [ ! -e /run/probe/stop ]; do
        if agentid exec opener -- true; then echo opened; else echo "refused: $?"; fi
        done) >/run/probe/opener 2>&1 & echo $! >/run/probe/opener.pid'
    wait_for 10 in_root grep -q opened /run/probe/opener
}
stop_opener()
{
    in_root touch /run/probe/stop
    wait_for 20 in_root_sh 'test ! -d "/proc/$(cat /run/probe/opener.pid)"' || return 1
    echo "$(grep -c '^opened' "$(result_file opener)") sessions opened"
    expect_fail 1 grep -v '^opened' "$(result_file opener)"
}

# ---- logins of those who are no agents ----

ssh_as() { in_root ssh -i /root/key -o BatchMode=yes -o StrictHostKeyChecking=no -o LogLevel=ERROR "$1@127.0.0.1" "${@:2}"; }
logins_work()
{
    [ "$(ssh_as root id -u)" = 0 ] && [ "$(ssh_as plain id -un)" = plain ] &&
        [ "$(in_root su - plain -c 'id -un')" = plain ] && [ "$(in_root sudo -u plain id -un)" = plain ] &&
        [ "$(in_root su - root -c 'id -u')" = 0 ]
}

# ---- a full disk ----

# fill DIRECTORY: puts a file system without room over it. make_room DIRECTORY. put_back DIRECTORY: what is
# there now goes to the disk.
fill()
{
    in_root_sh "mount -t tmpfs -o size=64m,mode=0755 tmpfs /mnt && cp -a '$1/.' /mnt/ && mount --bind /mnt '$1' || exit 1
        dd if=/dev/zero of=/mnt/filler bs=4k 2>/dev/null; test -s /mnt/filler"
}
make_room() { in_root rm /mnt/filler; }
put_back() { in_root_sh "umount '$1' && rm -rf '$1'/* && cp -a /mnt/. '$1/' && umount /mnt"; }
no_space()
{
    expect_fail 100 as_written 1 >"$STORY_DIR/full" 2>&1
    cat "$STORY_DIR/full"
    expect_text 'No space left on device' "$STORY_DIR/full"
}
