#!/bin/bash
# SPDX-License-Identifier: LGPL-2.1-or-later
# Copyright The agentid authors
# The built module in a real libpam, against a stand-in for the daemon, in a private /run and /etc/agentid.
set -eu

builddir=${abs_builddir:-$PWD}
self=$(readlink -f "$0")
if [ "${1:-}" != inside ]; then
	[ "$(id -u)" = 0 ] && unshare -m true 2>/dev/null || { echo "needs root and mount namespaces"; exit 77; }
	exec unshare -m -p -f --mount-proc env abs_builddir="$builddir" bash "$self" inside
fi

mount -t tmpfs -o mode=0755 tmpfs /run
mkdir -m 0755 /run/agentid /run/pam /run/etc
# The module was built for one configuration directory: nothing of the host's is touched.
variable() { sed -n "s/^$1 = //p" "$builddir/Makefile"; }
prefix=$(variable prefix)
sysconfdir=$(variable sysconfdir)
sysconfdir=${sysconfdir/'${prefix}'/$prefix}
cp -a /etc/passwd /etc/group /etc/nsswitch.conf /etc/ld.so.cache /etc/alternatives /run/etc
mkdir -p "$sysconfdir"
mount --bind /run/etc "$sysconfdir"
mkdir -m 0755 "$sysconfdir/agentid"
confdir=/run/pam
socket=/run/agentid/keyringd.sock
module=$builddir/modules/pam_agentid/.libs/pam_agentid.so
failures=0
fake_pid=

# An account that every Debian has stands for the agent's.
agent_user=games
agent_uid=$(id -u games)

daemon() { # MODE: starts the stand-in and waits until it listens
	stop_daemon
	: >/run/daemon.log
	"$builddir/tests/pam/fake_keyringd" "$socket" "$1" >>/run/daemon.log 2>&1 &
	fake_pid=$!
	for _ in $(seq 100); do
		grep -q ready /run/daemon.log && return
		read -rt 0.05 <> <(:) || :
	done
	echo "the stand-in does not start"; cat /run/daemon.log; exit 1
}

stop_daemon() {
	[ -z "$fake_pid" ] && return
	kill -CONT "$fake_pid" 2>/dev/null || :
	kill -KILL "$fake_pid" 2>/dev/null || :
	wait "$fake_pid" 2>/dev/null || :
	fake_pid=
	rm -f "$socket"
}

stack() { # OPTIONS...: the stack under test
	for type in auth account password session; do
		echo "$type required $module $*"
	done >$confdir/test
	cp $confdir/test $confdir/other
}

run() { # USER STEP...
	local user=$1
	shift
	"$builddir/tests/pam/pam_run" $confdir test "$user" "$@" 2>&1 || echo "exit=$?"
}

expect() { # NAME WANTED GOT: WANTED is a pattern for the whole output, lines joined by blanks
	local got
	got=$(tr '\n' ' ' <<<"$3")
	got=${got% }
	# shellcheck disable=SC2053
	if [[ $got == $2 ]]; then
		echo "ok - $1"
	else
		echo "FAILED - $1"; echo "  wanted: $2"; echo "  got:    $got"
		failures=$((failures + 1))
	fi
}

# Of the rings that were placed, how many live: a revoked one is listed until the kernel collects it.
rings() { # not 0 where it cannot count
	awk 'NR == FNR {placed[$1]; next} $1 in placed && $2 !~ /R/ {n++} END {print n + 0}' $socket.rings /proc/keys
}

index() { printf '%s\n' "$@" >/run/agentid/accounts; chmod 0644 /run/agentid/accounts; }

index "$agent_user fake-agent"
. "$(dirname "$self")/module_cases.sh"
stop_daemon
[ $failures = 0 ]
