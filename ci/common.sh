# shellcheck shell=sh
# SPDX-License-Identifier: LGPL-2.1-or-later
# Copyright The agentid authors
# Sourced by the scripts of ci/. Each of them prints one "ok NAME" or "not ok NAME" line per case
# and exits 1 after any "not ok", so that ci/test only has to count.
set -u
export LC_ALL=C.UTF-8 TZ=UTC DEBIAN_FRONTEND=noninteractive PYTHONDONTWRITEBYTECODE=1
# What a caller's environment must not change in a build.
unset CFLAGS CPPFLAGS LDFLAGS CC MAKEFLAGS DESTDIR TMPDIR LD_PRELOAD
export PATH="/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin:${PATH:-}"
AID_SRC=$(cd "$(dirname "$0")/.." && pwd)
AID_CACHE=${XDG_CACHE_HOME:-${HOME:-/root}/.cache}/agentid-ci
AID_JOBS=$(nproc)
export AID_SRC AID_CACHE AID_JOBS
failures=0

# A directory for everything that is made: ci/test's, or an own one that goes at exit.
work_dir()
{
    [ -z "${AID_WORK:-}" ] || return 0
    AID_WORK=$(mktemp -d /tmp/agentid-ci.XXXXXXXX)
    export AID_WORK
    chmod 0755 "$AID_WORK"
    mkdir -p "$AID_WORK/log"
    trap '[ -n "${AID_KEEP:-}" ] || rm -rf "$AID_WORK"' EXIT
    trap 'exit 130' INT TERM HUP
}

pass() { echo "ok $*"; }
fail() { echo "not ok $*"; failures=$((failures + 1)); }
finish() { [ "$failures" -eq 0 ]; exit; }

# show_log FILE: the end of a log below a "not ok" line.
show_log() { tail -n "${2:-40}" "$1" | cut -c1-400 | sed 's/^/#   /'; }

# run_case NAME COMMAND...: one case, its output in a log that is shown only when it fails.
run_case()
{
    name=$1
    shift
    log=$AID_WORK/log/$(printf '%s' "$name" | tr -c 'A-Za-z0-9._-' _).log
    begun=$(date +%s)
    if "$@" >"$log" 2>&1 </dev/null; then
        pass "$name ($(($(date +%s) - begun)) s)"
    else
        fail "$name: $1 exited with $? after $(($(date +%s) - begun)) s"
        show_log "$log"
        return 1
    fi
}

# The files of the tree, tracked or new, without what a build in the tree may have left.
list_source()
{
    git -c safe.directory='*' -C "$AID_SRC" ls-files -co --exclude-standard 2>/dev/null ||
        (cd "$AID_SRC" && find . -type f ! -path './.git/*' ! -path './autom4te.cache/*' \
            ! -path './build-aux/*' ! -name configure ! -name Makefile.in)
}

# A copy of the tree with a configure script, so that nothing is written into the tree itself.
copy_source()
{
    [ ! -x "$AID_WORK/src/configure" ] || return 0
    rm -rf "$AID_WORK/src"
    mkdir -p "$AID_WORK/src"
    list_source | (cd "$AID_SRC" && while read -r f; do [ ! -f "$f" ] || echo "$f"; done |
        tar -cf - -T -) | tar -C "$AID_WORK/src" -xf - &&
        (cd "$AID_WORK/src" && autoreconf -fi)
}

# configure_in DIR OPTION...: the layout of Debian, so that what is tested lies where it will.
configure_in()
{
    mkdir -p "$1" && cd "$1" || return 1
    shift
    "$AID_WORK/src/configure" -q --prefix=/usr --sysconfdir=/etc --libexecdir=/usr/libexec \
        --libdir="/usr/lib/$(gcc -print-multiarch)" "$@"
}

make_in()
{
    dir=$1
    shift
    make -C "$dir" -s -j"$AID_JOBS" "$@"
}
