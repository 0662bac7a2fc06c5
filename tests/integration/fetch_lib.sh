# shellcheck shell=bash
# SPDX-License-Identifier: LGPL-2.1-or-later
# Copyright The agentid authors
# For the stories about agentid-fetch alone: fetch_story PROGRAM.py [ARGUMENT...] runs PROGRAM.py with
# DIRECTORY, agentid-fetch and the source tree, in a network, mount and process namespace of its own.
: "${AID_SRC:?run it by ci/integration}" "${AID_BUILD:?}"
AID_SRC=$(cd "$AID_SRC" && pwd)
work=$(mktemp -d "${TMPDIR:-/tmp}/fetch-story.XXXXXX") || exit 1
trap 'rm -rf "$work"' EXIT
chmod 0755 "$work"
fetch=$AID_BUILD/agentid-fetch
# libtool may have made a wrapper script of it: the program itself is wanted.
[ ! -x "$AID_BUILD/.libs/agentid-fetch" ] || fetch=$AID_BUILD/.libs/agentid-fetch

# A cable with nobody at the other end: addresses on it are local, .7 and ::7 swallow every packet.
network='ip link set lo up && ip link add hole0 type veth peer name hole1 &&
    ip link set hole0 up && ip link set hole1 up &&
    ip address add 10.9.9.1/24 dev hole0 && ip address add fd00:9::1/64 dev hole0 nodad &&
    ip neighbour add 10.9.9.7 lladdr 02:00:00:00:00:07 dev hole0 &&
    ip neighbour add fd00:9::7 lladdr 02:00:00:00:00:07 dev hole0'
hosts='mount --make-rprivate / && mount -t tmpfs -o mode=0755 tmpfs "$1" &&
    printf "127.0.0.1 localhost rebound.test\n10.9.9.1 idp.test\n" >"$1/hosts" &&
    printf "fd00:9::7 split.test\n10.9.9.1 split.test\n10.9.9.7 hole.test\n169.254.169.254 meta.test\n" >>"$1/hosts" &&
    printf "nameserver 127.0.0.1\noptions timeout:2 attempts:2\n" >"$1/resolv.conf" &&
    printf "hosts: files dns\n" >"$1/nsswitch.conf" &&
    for f in hosts resolv.conf nsswitch.conf; do
        chmod 0644 "$1/$f" && mount --bind "$1/$f" "/etc/$f" || exit 1; done'
export PYTHONDONTWRITEBYTECODE=1

fetch_story()
{
    local program=$1
    shift
    unshare --net --mount --pid --fork --mount-proc --kill-child \
        bash -c "$network"' && '"$hosts"' || exit 1
            exec /usr/bin/python3 -W ignore::DeprecationWarning "$3/tests/integration/$4" "$1" "$2" "$3" "${@:5}"' \
        bash "$work" "$fetch" "$AID_SRC" "$program" "$@"
}
