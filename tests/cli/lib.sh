# shellcheck shell=bash
# SPDX-License-Identifier: LGPL-2.1-or-later
# Copyright The agentid authors
# Verbs for the tests of agentid(1). They run in the build directory, in a mount namespace of their
# own with an empty /run and /etc/agentid, so that nothing of the host is seen or touched.
set -u
SRC=$(cd "${srcdir:?}" && pwd)
export AGENTID=$PWD/agentid
export ADMIN=$PWD/agentid-admin
bad=0

# own_namespace "$@": runs the script again in a mount namespace and an empty session keyring; skips
# where that is not allowed.
own_namespace()
{
    if [ -z "${AID_CLI_INSIDE:-}" ]; then
        [ "$(id -u)" -eq 0 ] || { echo "needs root"; exit 77; }
        unshare -m true 2>/dev/null || { echo "needs mount namespaces"; exit 77; }
        command -v keyctl >/dev/null || { echo "needs keyctl"; exit 77; }
        AID_CLI_INSIDE=1 exec keyctl session - unshare -m "$BASH" "$0" "$@"
    fi
    mount -t tmpfs -o mode=0755 none /run
    WORK=/run/test
    mkdir -p $WORK /run/agentid
}

# own_configuration: empty configuration directories, where the programs of this build look for them.
own_configuration()
{
    local prefix
    prefix=$(sed -n 's/^prefix = //p' Makefile)
    CONF=$(eval "prefix=$prefix; echo $(sed -n 's/^sysconfdir = //p' Makefile)")/agentid
    cover "${CONF%/agentid}"
    cover "$prefix/lib"
    mkdir -p "$CONF/agents.d"
    local dir=$CONF
    while [ "$dir" != / ]; do
        dir=$(dirname "$dir")
        [ "$(stat -c %u "$dir")" -eq 0 ] || { echo "needs $dir to belong to root"; exit 77; }
    done
}

# overlay DIR: what is written there from now on is gone with the namespace.
overlay()
{
    local upper
    upper=$(mktemp -d $WORK/up.XXXX)
    # Its mode is the mount's, and others than root load libraries from there.
    chmod 0755 "$upper"
    mount -t overlay -o "lowerdir=$1,upperdir=$upper,workdir=$(mktemp -d $WORK/wk.XXXX)" \
        none "$1" || { echo "needs overlay mounts on $1"; exit 77; }
}

# cover DIR: empty, or the same where programs and libraries need it; made where it is missing.
cover()
{
    local dir=$1
    while [ ! -d "$dir" ]; do dir=$(dirname "$dir"); done
    case $dir in
        /etc | /usr/lib) overlay "$dir" ;;
        "$1") mount -t tmpfs -o mode=0755 none "$dir" ;;
        *) overlay "$dir" && mkdir -p "$1" ;;
    esac
}

own_pam()
{
    mount -t tmpfs -o mode=0755 none /etc/pam.d
}

complain() { echo "FAIL: $*"; bad=$((bad + 1)); }

# run COMMAND...: status in $status, output in $out and $err.
run()
{
    status=0
    "$@" >"$WORK/out" 2>"$WORK/err" </dev/null || status=$?
    out=$(cat "$WORK/out")
    err=$(cat "$WORK/err")
}

# expect STATUS COMMAND...
expect()
{
    local want=$1
    shift
    run "$@"
    [ "$status" -eq "$want" ] || complain "'$*' exited with $status, not $want: $out $err"
}

# out_has, err_has TEXT: the last output holds it, literally.
out_has() { case $out in *"$1"*) ;; *) complain "no '$1' in the output: $out" ;; esac }
err_has() { case $err in *"$1"*) ;; *) complain "no '$1' in the errors: $err" ;; esac }
out_lacks() { case $out in *"$1"*) complain "'$1' in the output: $out" ;; esac }
err_is() { [ "$err" = "$1" ] || complain "the error is '$err', not '$1'"; }
out_is() { [ "$out" = "$1" ] || complain "the output is '$out', not '$1'"; }

# out_json EXPRESSION: the output is JSON and the expression of python, in which it is j, is true.
out_json()
{
    printf '%s' "$out" | python3 -c 'import json, sys
j = json.load(sys.stdin)
sys.exit(0 if eval(sys.argv[1]) else 1)' "$1" || complain "not ($1): $out"
}

# on_terminal COMMAND...: the same with a terminal as standard output.
on_terminal()
{
    status=0
    out=$(python3 -c 'import os, pty, sys
sys.exit(os.waitstatus_to_exitcode(pty.spawn(sys.argv[1:])))' "$@" </dev/null 2>"$WORK/err") || status=$?
}

# start_daemon SCENARIO: a stand-in for agentid-keyringd; ready when this returns.
start_daemon()
{
    stop_daemon
    rm -f /run/agentid/keyringd.sock
    python3 "$SRC/tests/cli/fake_keyringd.py" "$1" &
    daemon=$!
    for _ in $(seq 100); do
        [ -S /run/agentid/keyringd.sock ] && return
        sleep 0.05
    done
    complain "the stand-in for agentid-keyringd did not start"
}

stop_daemon()
{
    [ -n "${daemon:-}" ] || return 0
    kill "$daemon" 2>/dev/null
    wait "$daemon" 2>/dev/null
    daemon=
}

finish()
{
    stop_daemon
    [ "$bad" -eq 0 ] || echo "$bad checks failed"
    [ "$bad" -eq 0 ]
    exit
}
