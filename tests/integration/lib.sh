# shellcheck shell=bash
# SPDX-License-Identifier: LGPL-2.1-or-later
# Copyright The agentid authors
# Verbs for the stories in this directory. A story is started by ci/integration, which sets
#   AID_SRC    the source tree            AID_BUILD  the build directory
#   AID_INST   "make install DESTDIR="    AID_WORK   scratch space of the run
# and prints one line per case, "ok NAME" or "not ok NAME: why". Everything else goes to stderr.
# What a story starts is ended by itself, by process id.
set -u
: "${AID_SRC:?run it by ci/integration}" "${AID_BUILD:?}" "${AID_INST:?}" "${AID_WORK:?}"
STORY=$(basename "$0" .sh)
STORY_DIR=$AID_WORK/story/$STORY
INTEGRATION=$AID_SRC/tests/integration
# A machine on which nobody else uses root's keys counts every key; on a shared one set this to 1.
AID_SHARED_MACHINE=${AID_SHARED_MACHINE:-0}
failures=0
cleanups=()

rm -rf "$STORY_DIR"
mkdir -p "$STORY_DIR"

# ---- cases ----

ok() { echo "ok $STORY: $1"; }
not_ok()
{
    echo "not ok $STORY: $1: ${2:-}"
    failures=$((failures + 1))
}

# check NAME COMMAND...: one case; what the command printed explains a failure.
check()
{
    local name=$1 out=$STORY_DIR/check.out
    shift
    if "$@" >"$out" 2>&1 </dev/null; then
        ok "$name"
    else
        not_ok "$name" "'$*' exited with $?: $(tail -n 3 "$out" | tr '\n' ' ' | cut -c1-600)"
        sed 's/^/    /' "$out" >&2
        return 1
    fi
}

# expect_fail STATUS COMMAND...: succeeds if the command exits with exactly that status.
expect_fail()
{
    local want=$1 got=0
    shift
    "$@" || got=$?
    [ "$got" -eq "$want" ] || { echo "'$*' exited with $got, not $want"; return 1; }
}

# expect_text PATTERN FILE
expect_text() { grep -qE -- "$1" "$2" || { echo "no '$1' in:"; tail -n 12 "$2"; return 1; }; }

# The clock of the wall may be moved by a story.
uptime_s()
{
    local up
    read -r up _ </proc/uptime
    echo "${up%.*}"
}

# wait_for SECONDS COMMAND...: polls until the command succeeds, or gives up.
wait_for()
{
    local deadline=$(($(uptime_s) + $1))
    shift
    until "$@" >/dev/null 2>&1; do
        [ "$(uptime_s)" -lt $deadline ] || { echo "waited in vain for: $*"; return 1; }
        sleep 0.1
    done
}

at_exit() { cleanups+=("$1"); }
run_cleanups()
{
    local i
    for ((i = ${#cleanups[@]} - 1; i >= 0; i--)); do eval "${cleanups[i]}" >/dev/null 2>&1; done
    cleanups=()
    [ -n "${AID_KEEP:-}" ] || rm -rf --one-file-system "$STORY_DIR"
}
trap run_cleanups EXIT
trap 'exit 130' INT TERM
finish() { [ "$failures" -eq 0 ]; exit; }

# give_up WHY: for what every later case needs.
give_up()
{
    not_ok "can go on" "$*"
    finish
}

# ---- processes ----

is_gone() { [ ! -d "/proc/$1" ] || grep -q '^State:.Z' "/proc/$1/status"; }
end_process()
{
    kill -TERM "$1" 2>/dev/null || return 0
    wait_for 5 is_gone "$1" || kill -KILL "$1"
}
child_of() { pgrep -P "$1" | head -1; }

# ---- keys ----

# root_keys: how many keys root owns. keys_are_back COUNT: as many as before, or fewer.
root_keys() { awk '$1 == "0:" { sub("/.*", "", $4); print $4 }' /proc/key-users; }
keys_are_back() { [ "$AID_SHARED_MACHINE" = 1 ] || [ "$(root_keys)" -le "$1" ]; }
# keys_gone SERIAL...: root sees none of these (decimal) any more, or only as revoked or expired.
keys_gone()
{
    local serial
    [ $# -gt 0 ] || return 1
    for serial; do
        awk -v s="$(printf '%08x' "$serial")" '$1 == s && $2 !~ /[RD]/ && $4 != "expd" { found = 1 }
            END { exit found }' /proc/keys || { echo "key $serial is still there"; return 1; }
    done
}

# door: the keyring of the private place's daemon in root's user keyring. all_serials: it and everything in it.
door()
{
    local space first
    space=$(stat -L -c %i "/proc/$LEADER/ns/pid")
    first=$(sed 's/.*) //' "/proc/$LEADER/stat" | cut -d ' ' -f 20)
    awk -v name="agentid:door:$space-$first:" 'index($0, name) { print $1; exit }' /proc/keys
}
has_no_door() { [ -z "$(door)" ]; }
all_serials()
{
    local serials seen=
    serials=$((16#$(door))) || return 1
    while [ -n "$serials" ]; do
        seen="$seen $serials"
        # shellcheck disable=SC2086 # one word a serial
        serials=$(for s in $serials; do case $(keyctl rdescribe "$s") in keyring*) keyctl rlist "$s" ;; esac; done 2>/dev/null | tr '\n' ' ' | sed 's/ *$//')
    done
    echo "$seen"
}

# ---- a Debian root ----

# make_bare_root NAME: sets ROOT to a fresh Debian 12.
make_bare_root()
{
    ROOT=$STORY_DIR/$1
    mkdir -p "$ROOT"
    tar -C "$ROOT" --warning=no-timestamp --zstd -xf "$("$AID_SRC/ci/servers" root)" || return 1
    printf '127.0.0.1 localhost agentid-test\n' >"$ROOT/etc/hosts"
    echo agentid-test >"$ROOT/etc/hostname"
}

# make_root NAME: the same with agentid as "make install" has it.
make_root()
{
    make_bare_root "$1" && cp -a "$AID_INST/usr" "$ROOT/" || return 1
    mkdir -p "$ROOT/etc/agentid/agents.d"
    chroot "$ROOT" ldconfig
    systemd-sysusers --root="$ROOT" >/dev/null
}

# need_packages: sets DEBS to the packages that ci/package built, or builds them.
need_packages()
{
    DEBS=$AID_WORK/debs
    flock "$AID_WORK/package.lock" true
    ls "$DEBS"/agentid_*.deb >&2 || "$AID_SRC/ci/package" --only >&2
}

# make_package_root NAME: the same with agentid's packages installed.
make_package_root()
{
    need_packages && make_bare_root "$1" && mkdir "$ROOT/root/debs" && cp "$DEBS"/*.deb "$ROOT/root/debs/" &&
        in_chroot sh -c 'cd /root/debs && dpkg -i agentid_*.deb libpam-agentid_*.deb libagentid1_*.deb'
}

# in_chroot COMMAND...: in ROOT before it is booted or entered; with /proc, which reading the configuration
# needs.
in_chroot()
{
    # shellcheck disable=SC2016 # for the inner shell
    unshare -m -- /bin/sh -c 'mount -t proc proc "$0/proc" && exec chroot "$0" "$@"' "$ROOT" "$@"
}

# add_account NAME: in ROOT.
add_account() { chroot "$ROOT" useradd -m -s /bin/bash "$1"; }

# host_conf: agentid.conf of ROOT from stdin. agent_conf ID ACCOUNT: an agent; [token] from stdin.
host_conf() { cat >"$ROOT/etc/agentid/agentid.conf"; }
agent_conf()
{
    { printf '[agent]\nid = %s\naccount = %s\n\n[token]\n' "$1" "$2"; cat; } \
        >"$ROOT/etc/agentid/agents.d/$1.conf"
}

# secret_file NAME VALUE: sets SECRET_REF.
secret_file()
{
    [ -d "$ROOT/etc/agentid/secrets" ] || mkdir -m 0700 "$ROOT/etc/agentid/secrets"
    (umask 077 && printf '%s' "$2" >"$ROOT/etc/agentid/secrets/$1.new")
    mv "$ROOT/etc/agentid/secrets/$1.new" "$ROOT/etc/agentid/secrets/$1"
}

clean_env() { env -i PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin HOME=/root TERM=dumb LC_ALL=C.UTF-8 "$@"; }

# ---- a booted root ----

# boot_root: boots ROOT; sets LEADER. in_root COMMAND...: runs it there.
boot_root()
{
    systemd-nspawn -q -D "$ROOT" --system-call-filter=@keyring --boot --register=no --keep-unit \
        --console=read-only "${@:---private-network}" </dev/null >"$STORY_DIR/console" 2>&1 &
    NSPAWN=$!
    at_exit halt_root
    wait_for 20 child_of "$NSPAWN" || return 1
    wait_for 20 has_child "$NSPAWN" || return 1
    LEADER=$(child_of "$NSPAWN")
    wait_for 60 is_booted
}
has_child() { [ -n "$(child_of "$1")" ]; }
is_booted() { in_root systemctl is-system-running | grep -qE '^(running|degraded)$'; }
halt_root()
{
    [ -n "${NSPAWN:-}" ] || return 0
    in_root systemctl --force --force poweroff
    wait_for 10 is_gone "$NSPAWN" || kill -KILL "$LEADER" "$NSPAWN"
    NSPAWN=
}
in_root() { clean_env nsenter -t "$LEADER" -a -- "$@" </dev/null; }
in_root_sh() { in_root /bin/sh -c "$1"; }

# ---- daemons without systemd: private mounts and process ids, the machine's own loopback ----

# enter_root [OPTION...]: a private place with ROOT as its root, and what else unshare is told; sets
# LEADER, so that in_root works there too.
enter_root()
{
    unshare -m -p -f --kill-child=KILL "$@" -- /bin/bash -c '
        mount --make-rprivate / && mount -t proc proc "$0/proc" && mount --rbind /dev "$0/dev" &&
        mount -t tmpfs -o mode=0755 tmpfs "$0/run" && exec chroot "$0" /bin/bash -c "
            trap exit TERM; while :; do sleep 3600 & wait; done"' "$ROOT" </dev/null >&2 &
    UNSHARED=$!
    at_exit "end_process $UNSHARED"
    wait_for 10 has_child "$UNSHARED" || return 1
    LEADER=$(child_of "$UNSHARED")
    # unshare itself hears no SIGTERM; it goes when its process 1 does.
    at_exit "kill -KILL $LEADER"
    wait_for 10 root_is_entered
}
root_is_entered() { [ "$(readlink "/proc/$LEADER/root")" = "$ROOT" ] && [ -d "/proc/$LEADER/root/proc/1" ]; }
in_place() { clean_env nsenter -t "$LEADER" -m -p -r -w -- "$@"; }

# enter_host [DIRECTORY NAME]...: this machine's own programs, with agentid over them, in a private place in which
# nothing is written to the machine's /etc and /var/lib, with each DIRECTORY at /run/NAME; sets LEADER.
enter_host()
{
    unshare -m -p -f --kill-child=KILL -- /bin/bash -c '
        mount --make-rprivate / && mount -t proc proc /proc && mount -t tmpfs -o mode=0755 tmpfs /run &&
        mkdir -p /run/etc/up /run/etc/work /run/lib/up /run/lib/work /run/home /run/agentid &&
        mount -t overlay -o lowerdir=/etc,upperdir=/run/etc/up,workdir=/run/etc/work overlay /etc &&
        mount -t overlay -o lowerdir=/var/lib,upperdir=/run/lib/up,workdir=/run/lib/work overlay /var/lib &&
        mount -t overlay -o "lowerdir=$0/usr:/usr" overlay /usr || exit 1
        while [ $# -gt 0 ]; do
            mkdir "/run/$2" && mount --bind "$1" "/run/$2" || exit 1
            shift 2
        done
        systemd-sysusers /usr/lib/sysusers.d/agentid.conf >/dev/null 2>&1 || exit 1
        touch /run/entered || exit 1
        exec /bin/bash -c "trap exit TERM; while :; do sleep 3600 & wait; done"' "$AID_INST" "$@" </dev/null >&2 &
    UNSHARED=$!
    at_exit 'end_process $UNSHARED'
    wait_for 10 has_child "$UNSHARED" || return 1
    LEADER=$(child_of "$UNSHARED")
    wait_for 10 in_place test -e /run/entered
}

# start_daemons: keyringd, which starts fetch; sets KEYRINGD to its process id in the private place.
start_daemons()
{
    in_place /usr/sbin/agentid-keyringd --standalone </dev/null >>"$STORY_DIR/daemons.log" 2>&1 &
    at_exit "end_process $!"
    wait_for 15 in_place /usr/bin/agentid status || { tail -n 20 "$STORY_DIR/daemons.log" >&2; return 1; }
}

# ---- servers ----

# start_keycloak VERSION: sets KC to its directory; waits until its realm answers.
start_keycloak()
{
    KC=$AID_WORK/kc/$1
    if [ ! -f "$KC/started" ]; then
        mkdir -p "$KC" && touch "$KC/started"
        "$INTEGRATION/keycloak/start" "$1" "$KC" || return 1
        at_exit "stop_keycloak $KC"
    fi
    wait_for 120 test -f "$KC/pgid" && wait_for 300 curl -fsS -o /dev/null "$(cat "$KC/http")/realms/my-realm"
}
stop_keycloak()
{
    kill -TERM -- "-$(cat "$1/pgid")"
    rm -f "$1/started" "$1/pgid"
}

# start_oidc_provider [NAME=VALUE...]: sets PROVIDER to its URL.
start_oidc_provider()
{
    local modules
    modules=$("$AID_SRC/ci/servers" oidc-provider) || return 1
    PROVIDER=http://127.0.0.1:13000
    env NODE_PATH="$modules/node_modules" "$@" node "$INTEGRATION/oidc-provider/provider.cjs" \
        "$modules" </dev/null >"$STORY_DIR/provider.log" 2>&1 &
    at_exit "end_process $!"
    wait_for 20 curl -fsS -o /dev/null "$PROVIDER/.well-known/openid-configuration"
}

# serve_directory DIRECTORY PORT: static files on loopback.
serve_directory()
{
    python3 -m http.server --bind 127.0.0.1 --directory "$1" "$2" >"$STORY_DIR/http-$2.log" 2>&1 </dev/null &
    at_exit "end_process $!"
    wait_for 10 curl -sS -o /dev/null "http://127.0.0.1:$2/"
}

# claim NAME: of the JWT on stdin, unverified; for tests that look at what was verified before.
claim() { python3 -c 'import base64, json, sys
body = sys.stdin.read().split(".")[1].strip()
print(json.loads(base64.urlsafe_b64decode(body + "=" * (-len(body) % 4))).get(sys.argv[1], ""))' "$1"; }
