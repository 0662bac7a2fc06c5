#!/bin/bash
# SPDX-License-Identifier: LGPL-2.1-or-later
# Copyright The agentid authors
# Possession is inherited by whatever a process starts: an agent that becomes another account through
# the packaged stacks must leave its session keyring behind.
# shellcheck source=tests/integration/lib.sh
. "$(dirname "$0")/lib.sh"

make_root root || give_up "no root"
add_account svc-agent1
add_account svc-agent2
add_account other
cp "$ROOT/usr/share/doc/agentid/examples/pam.d/su" "$ROOT/usr/share/doc/agentid/examples/pam.d/sudo" \
    "$ROOT/etc/pam.d/"
echo 'svc-agent1 ALL=(ALL) NOPASSWD: ALL' >"$ROOT/etc/sudoers.d/agent"
chmod 0440 "$ROOT/etc/sudoers.d/agent"
host_conf <<'CONF'
[issuer]
url = https://host01.example.com
CONF
for n in 1 2; do
    agent_conf "agent-$n" "svc-agent$n" <<'CONF'
source = host
audience = orders-api
CONF
done

as_agent() { in_place /usr/bin/su svc-agent1 -c "$1" </dev/null; }
subject_as() { as_agent "sudo -n -u $1 keyctl pipe %user:agentid:token" | claim sub; }

agent_reads() { [ "$(as_agent 'keyctl pipe %user:agentid:token' | claim sub)" = agent:agent-1 ]; }
other_agent_reads_its_own() { [ "$(subject_as svc-agent2)" = agent:agent-2 ]; }

# reads_nothing ACCOUNT: not by name, and not by the serial that the agent tells it.
reads_nothing()
{
    as_agent "sudo -n -u $1 id -un; key=\$(keyctl request user agentid:token); [ -n \"\$key\" ] &&
        sudo -n -u $1 sh -c \"keyctl pipe %user:agentid:token; keyctl pipe \$key\"" >"$STORY_DIR/out" 2>&1
    expect_text "^$1\$" "$STORY_DIR/out" || return 1
    expect_text "Can't find 'user:agentid:token'" "$STORY_DIR/out" || return 1
    expect_fail 1 grep -q 'eyJ' "$STORY_DIR/out"
}

enter_root || give_up "no private place"
in_place /usr/bin/agentid issuer init </dev/null >&2 || give_up "issuer init exited with $?"
start_daemons || give_up "the daemons do not start"

check "the agent reads its token" agent_reads
check "sudo to an account that is no agent: nothing to read" reads_nothing other
check "sudo to another agent: only that one's token" other_agent_reads_its_own
finish
