#!/bin/bash
# SPDX-License-Identifier: LGPL-2.1-or-later
# Copyright The agentid authors
# su and sudo between users, agents and root, nested and from hostile surroundings: each session has its
# own ring with its own agent's token, nothing of the one before, and leaves nothing behind.
# shellcheck source=tests/integration/lib.sh
. "$(dirname "$0")/lib.sh"

make_root root || give_up "no root"
for account in svc-agent1 svc-agent2 other; do add_account $account; done
cp "$ROOT/usr/share/doc/agentid/examples/pam.d/su" "$ROOT/usr/share/doc/agentid/examples/pam.d/sudo" \
    "$ROOT/etc/pam.d/"
# Whose password it is does not matter here.
sed -i '1i auth sufficient pam_permit.so' "$ROOT/etc/pam.d/su"
printf '%s ALL=(ALL) NOPASSWD: ALL\n' svc-agent1 svc-agent2 other >"$ROOT/etc/sudoers.d/agent"
chmod 0440 "$ROOT/etc/sudoers.d/agent"
printf '[issuer]\nurl = https://host01.example.com\n' | host_conf
for n in 1 2; do printf 'source = host\naudience = orders-api\n' | agent_conf "agent-$n" "svc-agent$n"; done
# What a session sees, in one line: its account, its umask, whose token it has and in which ring.
cat >"$ROOT/usr/local/bin/see" <<'SEE'
#!/bin/sh
# Not by %user:...: for that keyctl also looks through /proc/keys, where root sees the whole machine's.
key=$(/usr/bin/keyctl request user agentid:token 2>/dev/null)
token=$([ -z "$key" ] || /usr/bin/keyctl pipe "$key" 2>/dev/null | cut -d. -f2 | tr _- /+ | base64 -d 2>/dev/null)
case $token in *agent:agent-1*) sub=agent-1 ;; *agent:agent-2*) sub=agent-2 ;; "") sub=none ;; *) sub=odd ;; esac
echo "$(id -un) $sub ring=$(/usr/bin/keyctl request keyring agentid 2>/dev/null)"
SEE
chmod 0755 "$ROOT/usr/local/bin/see"

# as_other COMMAND...: what a logged-in user starts, with a session keyring of its own.
as_other()
{
    in_place /usr/bin/setpriv --reuid other --regid other --init-groups /usr/bin/keyctl session - "$@" \
        2>"$STORY_DIR/err"
}
sh_as_other() { as_other /bin/sh -c "$1" </dev/null; }
# sees WANTED SCRIPT: what "see" says last, without the ring, is WANTED.
sees()
{
    local said
    said=$(sh_as_other "$2" | tail -n 1)
    [ "${said%% ring=*}" = "$1" ] || { echo "saw '$said'"; cat "$STORY_DIR/err"; return 1; }
}
nobody_is_left()
{
    wait_for 5 list_is_empty || { in_place /usr/bin/agentid list; return 1; }
    in_place /bin/sh -c 'grep -l "^State:.Z" /proc/[0-9]*/status' >"$STORY_DIR/zombies" 2>/dev/null
    [ ! -s "$STORY_DIR/zombies" ] || { cat "$STORY_DIR/zombies"; return 1; }
}
list_is_empty() { [ "$(in_place /usr/bin/agentid list --json </dev/null | jq length)" = 0 ]; }

# ---- who becomes whom ----

nested()
{
    sh_as_other 'su svc-agent1 -c "see; sudo -n -u svc-agent2 sh -c \"see; sudo -n -u svc-agent1 see; see\"; see"' \
        >"$STORY_DIR/nested"
    cut -d' ' -f1,2 "$STORY_DIR/nested" | tr '\n' ',' | grep -qx \
        'svc-agent1 agent-1,svc-agent2 agent-2,svc-agent1 agent-1,svc-agent2 agent-2,svc-agent1 agent-1,' || {
        cat "$STORY_DIR/nested" "$STORY_DIR/err"; return 1; }
    # Each has one ring from its beginning to its end, and the inner one of an account is another.
    sed 's/.*ring=//' "$STORY_DIR/nested" | tr '\n' ' ' >"$STORY_DIR/rings"
    read -r a b c d e <"$STORY_DIR/rings"
    [ "$a" = "$e" ] && [ "$b" = "$d" ] && [ "$a" != "$c" ] && [ "$a" != "$b" ] || { cat "$STORY_DIR/rings"; return 1; }
}
# Root may read any key by its serial; but nothing of the agent's is in the session that root gets.
agent_becomes_root()
{
    sees "root none" 'su svc-agent1 -c "sudo -n see"' && sees "root none" 'su svc-agent1 -c "su -c see"'
}

# ---- hostile surroundings ----

hostile='env LD_PRELOAD=/nonexistent.so SSLKEYLOGFILE=/tmp/keylog https_proxy=http://127.0.0.1:1 \
    ALL_PROXY=socks5://127.0.0.1:1 OPENSSL_CONF=/tmp/openssl.cnf TZ=/etc/shadow HOME=/nonexistent \
    NOTIFY_SOCKET=/tmp/notify CREDENTIALS_DIRECTORY=/tmp JOURNAL_STREAM=1:1 LISTEN_FDS=1 AGENTID_SOCKET=/tmp/x'
hostile_environment()
{
    sees "svc-agent1 agent-1" "$hostile su svc-agent1 -c see" &&
        sees "svc-agent2 agent-2" "$hostile sudo -n -u svc-agent2 see" || return 1
    [ ! -e "$ROOT/tmp/keylog" ] || { echo "keys of TLS were logged"; return 1; }
}
umask_of_zero()
{
    sees "svc-agent1 agent-1" "umask 0; su svc-agent1 -c see" || return 1
    in_place /usr/bin/find /run/agentid /etc/agentid /var/lib/agentid -perm /022 ! -type l ! -type s >"$STORY_DIR/open"
    [ ! -s "$STORY_DIR/open" ] || { cat "$STORY_DIR/open"; return 1; }
}
ignoring='python3 -c "
import os, signal, sys
signal.signal(signal.SIGCHLD, signal.SIG_IGN)
os.execvp(sys.argv[1], sys.argv[1:])"'
no_children()
{
    sees "svc-agent1 agent-1" "$ignoring su svc-agent1 -c see" &&
        sees "svc-agent1 agent-1" "$ignoring sudo -n -u svc-agent1 see"
}
# su unblocks it after the session is open, and dies of it: the session ends by that, without a close.
pending='python3 -c "
import os, signal, sys
signal.pthread_sigmask(signal.SIG_BLOCK, [signal.SIGALRM])
os.kill(os.getpid(), signal.SIGALRM)
os.execvp(sys.argv[1], sys.argv[1:])"'
pending_alarm()
{
    sh_as_other "$pending su svc-agent1 -c see" >"$STORY_DIR/pending"
    grep -q agent-1 "$STORY_DIR/pending" || expect_text 'Alarm clock' "$STORY_DIR/err"
}
no_standard_input() { sees "svc-agent1 agent-1" 'su svc-agent1 -c see <&- 2>&-'; }
no_working_directory() { sees "svc-agent1 agent-1" 'mkdir /tmp/gone && cd /tmp/gone && rmdir /tmp/gone; su svc-agent1 -c see'; }
few_descriptors()
{
    sh_as_other 'ulimit -n 5; su svc-agent1 -c see' >"$STORY_DIR/few"
    # Refused or served, but never in the ring of somebody else.
    expect_fail 1 grep -q agent-2 "$STORY_DIR/few"
}

enter_root || give_up "no private place"
in_place /usr/bin/agentid issuer init </dev/null >&2 || give_up "issuer init exited with $?"
start_daemons || give_up "the daemons do not start"

check "a user has nothing" sees "other none" see
check "su to an agent" sees "svc-agent1 agent-1" 'su svc-agent1 -c see'
check "su - to an agent" sees "svc-agent1 agent-1" 'su - svc-agent1 -c see'
check "sudo to an agent" sees "svc-agent2 agent-2" 'sudo -n -u svc-agent2 see'
check "an agent becomes another agent" sees "svc-agent2 agent-2" 'su svc-agent1 -c "su svc-agent2 -c see"'
check "an agent becomes a user" sees "other none" 'su svc-agent1 -c "sudo -n -u other see"'
check "an agent becomes root" agent_becomes_root
check "nested sessions keep apart" nested
check "nobody is left" nobody_is_left
check "a hostile environment" hostile_environment
check "a umask of 0" umask_of_zero
check "SIGCHLD ignored" no_children
check "a SIGALRM pending" pending_alarm
check "no standard input and error" no_standard_input
check "no working directory" no_working_directory
check "few descriptors" few_descriptors
check "nobody is left after that" nobody_is_left
[ $failures -eq 0 ] || tail -n 40 "$STORY_DIR/daemons.log" >&2
finish
