#!/bin/bash
# SPDX-License-Identifier: LGPL-2.1-or-later
# Copyright The agentid authors
# An agent in containers of runc, crun and podman, of root and of its own account: once with the session's
# keyring, once with nothing but the socket of agentid serve, and what such a container does not get at.
# shellcheck source=tests/integration/lib.sh
. "$(dirname "$0")/lib.sh"

HOME_DIR=/run/home/svc-box
BOX=$HOME_DIR/box
SOCKET=$HOME_DIR/agentid.sock
OUT=$STORY_DIR/out

# enter_host: this machine's own programs, with agentid over them, in a private place; sets LEADER. crun and
# podman want control groups of one kind.
enter_host()
{
    unshare -m -p -f --kill-child=KILL -- /bin/bash -c '
        mount --make-rprivate / && mount -t proc proc /proc && mount -t tmpfs -o mode=0755 tmpfs /run &&
        mkdir -p /run/etc/up /run/etc/work /run/lib/up /run/lib/work /run/home /run/agentid /run/mounted &&
        mount -t overlay -o lowerdir=/etc,upperdir=/run/etc/up,workdir=/run/etc/work overlay /etc &&
        mount -t overlay -o lowerdir=/var/lib,upperdir=/run/lib/up,workdir=/run/lib/work overlay /var/lib &&
        mount -t overlay -o "lowerdir=$1/usr:/usr" overlay /usr &&
        systemd-sysusers /usr/lib/sysusers.d/agentid.conf >/dev/null 2>&1
        [ "$(stat -f -c %T /sys/fs/cgroup)" = cgroup2fs ] || { umount -R /sys/fs/cgroup; mount -t cgroup2 none /sys/fs/cgroup; }
        exec /bin/bash -c "trap exit TERM; while :; do sleep 3600 & wait; done"' bash "$AID_INST" \
        </dev/null >&2 &
    UNSHARED=$!
    at_exit 'end_process $UNSHARED'
    wait_for 10 has_child "$UNSHARED" || return 1
    LEADER=$(child_of "$UNSHARED")
    wait_for 10 in_place test -x /usr/sbin/agentid-keyringd
}

# Without uids of its own to map, as for any account that useradd -r makes.
configure()
{
    # shellcheck disable=SC2016 # for the inner shell
    in_place /bin/bash -c '
        useradd -r -m -d "$0" -s /bin/bash svc-box && mkdir -p /etc/agentid/agents.d /run/sudo &&
        printf "auth sufficient pam_rootok.so\naccount sufficient pam_permit.so\nsession required pam_agentid.so\n" |
            tee /etc/pam.d/su >/etc/pam.d/su-l &&
        printf "auth sufficient pam_permit.so\naccount sufficient pam_permit.so\nsession sufficient pam_permit.so\n" >/etc/pam.d/sudo &&
        printf "Defaults !pam_session\nsvc-box ALL=(ALL) NOPASSWD: ALL\n" >/etc/sudoers.d/box && chmod 0440 /etc/sudoers.d/box &&
        printf "[issuer]\nurl = https://host01.example.com\n" >/etc/agentid/agentid.conf &&
        printf "[agent]\nid = box-agent\naccount = svc-box\n\n[token]\nsource = host\naudience = orders-api\nlifetime = 60s\nrefresh_at = 10%%\n" \
            >/etc/agentid/agents.d/a.conf' "$HOME_DIR" </dev/null
}

# bundle NAME ROOTLESS SECCOMP MOUNT [MOUNT2]: an image with nothing in it but this machine's /usr.
bundle()
{
    # shellcheck disable=SC2016 # for the inner shell
    in_place /bin/bash -c 'mkdir -p "$0/rootfs"/{proc,sys,dev,tmp,run/agentid,usr,etc} && cd "$0/rootfs" &&
        ln -s usr/bin bin && ln -s usr/lib lib && ln -s usr/lib64 lib64' "$BOX/$1" </dev/null
    # shellcheck disable=SC2016 # jq's
    runc spec -b "$STORY_DIR" && jq --arg rootless "$2" --arg seccomp "$3" --arg mount "$4" --arg second "${5:-}" --argjson uid "$BOX_UID" --argjson gid "$BOX_GID" '
        def rootless: if $rootless == "no" then .process.user = {uid: $uid, gid: $gid} else
            .linux.namespaces |= map(select(.type != "network" and .type != "cgroup")) + [{type: "user"}] |
            .linux.uidMappings = [{containerID: 0, hostID: $uid, size: 1}] |
            .linux.gidMappings = [{containerID: 0, hostID: $gid, size: 1}] |
            .mounts |= map(select(.type != "cgroup" and .type != "sysfs") |
                if .options then .options |= map(select(startswith("gid=") | not)) else . end) end;
        .process.terminal = false | .process.rlimits = [] | .process.args = ["/usr/bin/sh", "/tmp/run"] |
        .root.readonly = false | del(.linux.resources) | .linux.maskedPaths -= ["/proc/keys"] | rootless |
        .mounts += [{destination: "/usr", type: "bind", source: "/usr", options: ["rbind", "ro"]}] |
        if $mount == "" then . else .mounts += [{destination: "/run/agentid/session.sock", type: "bind", source: $mount, options: ["rbind", "ro"]}] end |
        if $second == "" then . else .mounts += [{destination: "/tmp/first", type: "bind", source: $second, options: ["rbind", "ro"]}] end |
        if $seccomp == "" then . else .linux.seccomp = {defaultAction: "SCMP_ACT_ALLOW", architectures: ["SCMP_ARCH_X86_64"],
            syscalls: [{names: ["keyctl", "add_key", "request_key"], action: "SCMP_ACT_ERRNO", errnoRet: 1}]} end' \
        "$STORY_DIR/config.json" | in_place tee "$BOX/$1/config.json" >/dev/null
    rm -f "$STORY_DIR/config.json"
}
# say_in BUNDLE: what the container runs, from stdin.
say_in() { in_place tee "$BOX/$1/rootfs/tmp/run" >/dev/null; }

podman_conf()
{
    in_place tee "$HOME_DIR/$1" >/dev/null <<CONF
[containers]
keyring = $2
default_ulimits = ["nofile=1024:1024", "nproc=1024:1024"]
log_driver = "k8s-file"
[engine]
runtime = "crun"
cgroup_manager = "cgroupfs"
events_logger = "file"
CONF
}

# in_session SCRIPT: in a new session of the agent.
# runc wants to own its standard output.
in_session() { in_place su svc-box -c "cd $HOME_DIR; set -o pipefail; { $1; } 2>&1 | cat" </dev/null; }
as_stranger() { in_place setpriv --reuid "$BOX_UID" --regid "$BOX_UID" --clear-groups keyctl session - sh -c "$1" </dev/null; }
# Names, so that no two of them meet.
number=0
name() { number=$((number + 1)); NAME=box$number; }

# The runtimes, as the account itself and as root; each ends with what the container runs.
runc_rootless() { name; RUN="runc --root $HOME_DIR/state run $1 --bundle $BOX/$2 $NAME"; }
crun_rootless() { name; RUN="crun --cgroup-manager=disabled --root $HOME_DIR/state run $1 --bundle $BOX/$2 $NAME"; }
runc_rootful() { name; RUN="sudo -n runc run $1 --bundle $BOX/$2 $NAME"; }
crun_rootful() { name; RUN="sudo -n crun --cgroup-manager=disabled run $1 --bundle $BOX/$2 $NAME"; }
podman_options="--storage-driver vfs run --rm --network none --cgroups=disabled -v /usr:/usr:ro"
# Uid 0 owns the keys of every session: root's containers run as the account.
podman_rootless()
{
    RUN="env CONTAINERS_CONF=$HOME_DIR/$1 XDG_RUNTIME_DIR=$HOME_DIR podman $podman_options $2 --rootfs $BOX/podman/rootfs sh /tmp/run"
}
podman_rootful()
{
    RUN="sudo -n env CONTAINERS_CONF=$HOME_DIR/$1 podman --root /run/podman --runroot /run/podman-run $podman_options --user $BOX_UID:$BOX_GID $2 \
        --rootfs $BOX/podman-root/rootfs sh /tmp/run"
}

is_token()
{
    local subject
    subject=$(grep -m1 '^eyJ' "$OUT" | claim sub 2>/dev/null)
    [ "$subject" = agent:box-agent ] || { echo "no token of the agent in:"; tail -n 5 "$OUT"; return 1; }
}

# ---- recipe 1: the runtime starts in the session's keyring ----

reads_token() # RUNTIME BUNDLE
{
    "$1" --no-new-keyring "$2"
    in_session "$RUN" >"$OUT" 2>&1
    is_token
}
podman_reads_token() # RUNTIME
{
    "$1" keep.conf ""
    in_session "$RUN" >"$OUT" 2>&1
    is_token
}
# A runtime makes a new session keyring unless it is told not to.
default_has_nothing() # RUNTIME BUNDLE
{
    "$1" "" "$2"
    in_session "$RUN" >"$OUT" 2>&1
    expect_text 'no agent session here' "$OUT" && expect_fail 1 grep -q '^eyJ' "$OUT"
}
podman_default_has_nothing()
{
    podman_rootful new.conf ""
    in_session "$RUN" >"$OUT" 2>&1
    expect_text 'no agent session here' "$OUT" && expect_fail 1 grep -q '^eyJ' "$OUT"
}
sees_refresh()
{
    say_in refresh <<'RUN'
key=$(keyctl search @s user agentid:token); first=$(keyctl pipe $key)
for i in $(seq 150); do second=$(keyctl pipe $key); [ "$first" = "$second" ] || break; sleep 0.1; done
[ "$first" = "$second" ] || echo "changed"; echo "$second"
RUN
    runc_rootless --no-new-keyring refresh
    in_session "$RUN" >"$OUT" 2>&1
    expect_text '^changed$' "$OUT" && is_token
}
seccomp_refuses() # RUNTIME BUNDLE
{
    "$1" --no-new-keyring "$2"
    in_session "$RUN" >"$OUT" 2>&1
    expect_text 'agentid: search the session keyring: Operation not permitted' "$OUT" && expect_text '^status 4$' "$OUT"
}
# podman's own profile, without what makes recipe 1 possible.
podman_seccomp_refuses()
{
    jq '.syscalls[].names -= ["keyctl"]' /usr/share/containers/seccomp.json | in_place tee "$HOME_DIR/no-keyctl.json" >/dev/null
    podman_rootful keep.conf "--security-opt seccomp=$HOME_DIR/no-keyctl.json"
    in_session "$RUN" >"$OUT" 2>&1
    expect_text 'agentid: search the session keyring: Function not implemented' "$OUT" && expect_text '^status 4$' "$OUT"
}
open_other()
{
    in_session "keyctl show @s >other; keyctl search @s keyring agentid >ring; keyctl search @s user agentid:token >token
        cp /dev/null ready; while [ ! -e stop ]; do sleep 0.1; done" >&2 &
    OTHER=$!
    at_exit "in_place touch $HOME_DIR/stop; wait_for 5 is_gone $OTHER"
    wait_for 10 in_place test -e "$HOME_DIR/ready"
}
# In the container of another session of the same account, which root may be in.
others_are_closed() # RUNTIME BUNDLE
{
    local ring token
    ring=$(in_place cat "$HOME_DIR/ring") token=$(in_place cat "$HOME_DIR/token")
    say_in "$2" <<RUN
for key in $ring $token; do keyctl pipe \$key; keyctl rdescribe \$key; keyctl link \$key @s; done
keyctl search $ring user agentid:token
grep -c agentid:token /proc/keys
keyctl search @s user agentid:token >/dev/null && echo "own one is there"
RUN
    "$1" --no-new-keyring "$2"
    in_session "$RUN" >"$OUT" 2>&1
    [ "$(grep -c 'Permission denied' "$OUT")" = 7 ] || { echo "not 7 refusals:"; cat "$OUT"; return 1; }
    # Its own key, which a user namespace does not list.
    expect_text '^[01]$' "$OUT" && expect_text '^own one is there$' "$OUT" && expect_fail 1 grep -q '^eyJ' "$OUT"
}

# ---- recipe 2: the socket of agentid serve ----

serves() # RUNTIME BUNDLE
{
    "$1" "" "$2"
    in_session "agentid serve --socket $SOCKET -- $RUN" >"$OUT" 2>&1
    is_token && expect_fail 1 in_place test -e $SOCKET
}
podman_serves() # RUNTIME
{
    "$1" new.conf "-v $SOCKET:/run/agentid/session.sock"
    in_session "agentid serve --socket $SOCKET -- $RUN" >"$OUT" 2>&1
    is_token
}
python_reads()
{
    echo 'python3 /usr/share/doc/agentid/examples/python/container.py token' | say_in python
    serves runc_rootless python
}
# What is not configured is refused in the daemon's own words, the cookie by the name.
names_are_checked()
{
    say_in names <<'RUN'
python3 /usr/share/doc/agentid/examples/python/container.py aws
python3 /usr/share/doc/agentid/examples/python/container.py cookie
python3 /usr/share/doc/agentid/examples/python/container.py ../token
agentid get aws; echo "status $?"
RUN
    runc_rootless "" names
    in_session "agentid serve --socket $SOCKET -- $RUN" >"$OUT" 2>&1
    [ "$(grep -c "^agentid serve: .* is no name of a credential" "$OUT")" = 2 ] && [ "$(grep -c "no credential 'aws'" "$OUT")" = 2 ] &&
        expect_text '^status 3$' "$OUT" || { cat "$OUT"; return 1; }
}
# keep SOCKET: a session that serves there until it is told to stop; sets KEPT.
keep()
{
    in_session "agentid serve --socket $1 -- sh -c 'touch $1.ready; while [ ! -e $1.stop ]; do sleep 0.1; done; $2' >$1.out 2>&1" >&2 &
    KEPT=$!
    at_exit "in_place touch $1.stop; wait_for 5 is_gone $KEPT"
    wait_for 10 in_place test -e "$1.ready"
}
CLIENT=/usr/share/doc/agentid/examples/python/container.py
stranger_is_refused()
{
    as_stranger "python3 $CLIENT token $SOCKET" >"$OUT" 2>&1
    expect_text 'agentid serve: process [0-9]+ was not started by this session' "$OUT" && expect_fail 1 grep -q '^eyJ' "$OUT" &&
        expect_text "op=read pid=[0-9]+ uid=$BOX_UID status=denied" <(in_place cat "$SOCKET.out")
}
root_is_refused()
{
    in_place python3 $CLIENT token "$SOCKET" >"$OUT" 2>&1
    expect_text 'was not started by this session' "$OUT" && expect_fail 1 grep -q '^eyJ' "$OUT"
}
# A container of another session that has both sockets gets its own token from one, nothing from the other.
other_container_is_refused() # RUNTIME BUNDLE
{
    echo "agentid get; python3 $CLIENT token /tmp/first" | say_in "$2"
    "$1" "" "$2"
    in_session "agentid serve --socket $SOCKET.2 -- $RUN" >"$OUT" 2>&1
    is_token && expect_text 'was not started by this session' "$OUT" && [ "$(grep -c '^eyJ' "$OUT")" = 1 ]
}
# Whoever connects has to be who asks, and asks for one thing only.
asks_for_more()
{
    cat <<'PYTHON' | in_place tee "$HOME_DIR/more.py" >/dev/null
import os, socket, struct, sys
sys.path.insert(0, "/usr/share/doc/agentid/examples/python")
sys.dont_write_bytecode = True
import container as c

def ask(kind, fields, send=None):
    s = socket.socket(socket.AF_UNIX, socket.SOCK_SEQPACKET)
    s.settimeout(10)
    try:
        s.connect(sys.argv[1])
        hello = c.parse(s.recv(65536))[1]
        body = b"".join(struct.pack("<HH", t, len(v)) + v for t, v in fields(hello))
        frame = struct.pack("<HHHHII", c.MAGIC, c.VERSION, kind, 0, 1, len(body)) + body
        send(s, frame) if send else s.send(frame)
        return c.parse(s.recv(65536))[1].get(c.SECRET, b"none").decode()
    except OSError as error:
        return str(error)

def by_child(s, frame):
    if os.fork() == 0:
        s.send(frame)
        os._exit(0)
    os.wait()

good = lambda hello: ((c.CHALLENGE, hello[c.CHALLENGE]), (c.NAME, b"token"))
for kind in range(1, 11):
    print(kind, ask(kind, lambda hello: ()))
print("stale", ask(c.READ, lambda hello: ((c.CHALLENGE, bytes(16)), (c.NAME, b"token"))))
print("child", ask(c.READ, good, by_child))
print("cookie", ask(c.READ, lambda hello: ((c.CHALLENGE, hello[c.CHALLENGE]), (c.NAME, b"token"), (14, bytes(32)))) [:3])
answers = [ask(c.READ, good) for _ in range(400)]
print("busy", any("too many connections" in a for a in answers), all(a.startswith("eyJ") or "too many" in a for a in answers))
import time; time.sleep(1)
print("after", ask(c.READ, good)[:3])
PYTHON
    in_session "agentid serve --socket $SOCKET.3 -- python3 $HOME_DIR/more.py $SOCKET.3" >"$OUT" 2>&1
    [ "$(grep -c '^[1-9][0-9]* .*does nothing else' "$OUT")" = 10 ] && expect_text '^stale .*does not repeat' "$OUT" &&
        expect_text '^child .*another process than [0-9]+ asks' "$OUT" && expect_text '^busy True True$' "$OUT" &&
        expect_text '^after eyJ$' "$OUT" || { cut -c1-200 "$OUT"; return 1; }
}
ends_with_session()
{
    keep "$SOCKET.4" "python3 $CLIENT token $SOCKET.4" && in_place agentid revoke box-agent </dev/null || return 1
    in_place touch "$SOCKET.4.stop" && wait_for 10 is_gone "$KEPT" || return 1
    in_place cat "$SOCKET.4.out" >"$OUT"
    in_place agentid allow box-agent </dev/null
    expect_text 'agentid serve: .*(ended|revoked)' "$OUT" && expect_fail 1 grep -q '^eyJ' "$OUT"
}
wrong_starts()
{
    expect_fail 3 as_stranger "agentid serve --socket $HOME_DIR/no -- true" >"$OUT" 2>&1 && expect_text 'no agent session here' "$OUT" &&
        expect_fail 6 in_session "agentid serve --socket $HOME_DIR/ring -- true" >"$OUT" 2>&1 && expect_text 'is there and is no socket' "$OUT" &&
        expect_fail 6 in_session "agentid serve --socket $SOCKET -- true" >"$OUT" 2>&1 && expect_text 'served by another process' "$OUT" &&
        expect_fail 2 in_session "agentid serve" >"$OUT" 2>&1 && expect_text 'one socket of the service manager' "$OUT" &&
        expect_fail 7 in_session "agentid serve --socket $HOME_DIR/no -- sh -c 'exit 7'"
}

# ---- recipe 2 where the runtime is no child: the mount alone ----

# mounted PATH: agentid serve in a session, with a socket there that root made, as a .socket unit does.
mounted()
{
    cat <<'PYTHON' | in_place tee /run/listen.py >/dev/null
import os, socket, sys
s = socket.socket(socket.AF_UNIX, socket.SOCK_SEQPACKET)
s.bind(sys.argv[1])
os.chmod(sys.argv[1], 0o666)
s.listen(64)
os.dup2(s.fileno(), 3)
os.set_inheritable(3, True)  # it may have been 3 already
os.execvp("su", ["su", "svc-box", "-c", "export LISTEN_FDS=1 LISTEN_PID=$$; exec agentid serve"])
PYTHON
    in_place python3 /run/listen.py "$1" </dev/null
}
mounted_container()
{
    in_place chmod 0700 /run/mounted
    mounted /run/mounted/session.sock >&2 &
    at_exit "end_process \$(in_place pgrep -f 'agentid serve$' | head -1); end_process $!"
    wait_for 10 in_place test -S /run/mounted/session.sock
    name
    wait_for 10 in_place sh -c "cd / && runc run --bundle $BOX/mounted $NAME >/run/mounted.out 2>&1 && grep -q ^eyJ /run/mounted.out"
    in_place cat /run/mounted.out >"$OUT"
    is_token
}
mounted_is_closed() { as_stranger "python3 $CLIENT token /run/mounted/session.sock" >"$OUT" 2>&1; expect_text 'Permission denied' "$OUT"; }
mounted_wants_closed()
{
    in_place mkdir -p -m 0755 /run/open
    expect_fail 1 mounted /run/open/session.sock >"$OUT" 2>&1 && expect_text 'can be reached without having it mounted' "$OUT"
}

enter_host || give_up "no place to be in"
configure || give_up "no configuration"
BOX_UID=$(in_place id -u svc-box) BOX_GID=$(in_place id -g svc-box)
in_place /usr/bin/agentid issuer init </dev/null >&2 || give_up "issuer init exited with $?"
start_daemons || give_up "the daemons do not start"
for bundle in "root no" "own yes" "refresh yes" "other-root no" "other-own yes"; do
    # shellcheck disable=SC2086 # two words
    bundle $bundle "" "" || give_up "no bundle"
done
bundle no-keys-root no eperm "" && bundle no-keys yes eperm "" && bundle served-root no eperm "$SOCKET" &&
    bundle served yes eperm "$SOCKET" && bundle python yes eperm "$SOCKET" && bundle names yes eperm "$SOCKET" &&
    bundle two yes eperm "$SOCKET.2" "$SOCKET" && bundle two-root no eperm "$SOCKET.2" "$SOCKET" && bundle mounted no eperm /run/mounted/session.sock &&
    bundle podman yes "" "" && bundle podman-root no "" "" || give_up "no bundle"
for bundle in own root no-keys no-keys-root served served-root mounted podman podman-root; do
    echo "agentid get || { agentid get; echo \"status \$?\"; }" | say_in $bundle
done
# uid 0 is not mapped in a user namespace of one's own: agentid get cannot tell there whose the ring is.
for bundle in own podman; do
    echo "keyctl pipe \$(keyctl search @s user agentid:token) || agentid get || echo \"status \$?\"" | say_in $bundle
done
podman_conf keep.conf false
podman_conf new.conf true
in_place chown -R svc-box "$HOME_DIR" && in_place sh -c "chown -R 0:0 $BOX/*root && chmod 1777 $BOX/*root/rootfs/tmp"

for runtime in runc crun; do
    check "keyring: $runtime of the account" reads_token ${runtime}_rootless own
    check "keyring: $runtime of root" reads_token ${runtime}_rootful root
    check "keyring: $runtime makes a new one by default" default_has_nothing ${runtime}_rootful root
    check "keyring: a seccomp profile without keyctl is named, $runtime" seccomp_refuses ${runtime}_rootful no-keys-root
done
check "keyring: podman of the account" podman_reads_token podman_rootless
check "keyring: podman of root" podman_reads_token podman_rootful
check "keyring: podman makes a new one by default" podman_default_has_nothing
check "keyring: a seccomp profile without keyctl is named, podman" podman_seccomp_refuses
check "keyring: a refresh is seen in the container" sees_refresh
open_other || give_up "no other session"
check "another session's ring is closed to a container of the account" others_are_closed runc_rootless other-own
check "another session's ring is closed to a container of root" others_are_closed crun_rootful other-root
for runtime in runc crun; do
    check "socket: $runtime of the account, without key calls" serves ${runtime}_rootless served
    check "socket: $runtime of root, without key calls" serves ${runtime}_rootful served-root
done
check "socket: podman of the account" podman_serves podman_rootless
check "socket: podman of root" podman_serves podman_rootful
check "socket: a client of twenty lines" python_reads
check "socket: names of credentials are checked" names_are_checked
keep "$SOCKET" true || give_up "agentid serve does not start"
check "socket: the same account outside of it is refused" stranger_is_refused
check "socket: so is root" root_is_refused
check "socket: so is a container of another session" other_container_is_refused runc_rootless two
check "socket: so is root's container of another session" other_container_is_refused crun_rootful two-root
check "socket: nothing else is answered there, and not without limit" asks_for_more
check "socket: it ends with the session" ends_with_session
check "socket: what agentid serve does not start with" wrong_starts
check "mount: a container that its directory is mounted in" mounted_container
check "mount: the account itself does not get there" mounted_is_closed
check "mount: a directory that is not closed is refused" mounted_wants_closed
finish
