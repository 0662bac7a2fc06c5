#!/bin/bash
# SPDX-License-Identifier: LGPL-2.1-or-later
# Copyright The agentid authors
# Every kind of wrong configuration: file, line, value and limit in one sentence, the same from
# "agentid check" and from the daemon's log; and a session that runs goes on with the last good one.
. "$(dirname "$0")/lib.sh"
CONF=/etc/agentid
LOG=$STORY_DIR/daemons.log

prepare()
{
    make_root debian && add_account runner && add_account second || return 1
    host_conf <<'CONF'
[issuer]
url = https://id.example.com/host01
CONF
    good_agents
    enter_root && in_place /usr/bin/agentid issuer init --alg ES256 && start_daemons
}

good_agents()
{
    rm -rf "$ROOT/etc/agentid/agents.d" && mkdir -m 0755 "$ROOT/etc/agentid/agents.d"
    agent_conf good runner <<'CONF'
source = host
audience = api
lifetime = 5s
CONF
}

# The session that runs all the time.
session_id() { in_place /usr/bin/agentid list --json good | jq -r '.[0].session // empty'; }
refreshes() { in_place /usr/bin/agentid list --json good | jq -r '.[0].refreshes // 0'; }
has_session() { [ -n "$(session_id)" ]; }
refreshed_since() { [ "$(refreshes)" -gt "$1" ]; }

start_session()
{
    in_place /usr/bin/agentid exec good -- sleep 3600 </dev/null >/dev/null 2>&1 &
    at_exit "end_process $!"
    wait_for 10 has_session && SESSION=$(session_id)
}

reload() { kill -HUP "$(pgrep -o -f '^/usr/sbin/agentid-keyringd' --ns "$LEADER" --nslist pid)"; }
# In a field of the log, the quotes of the sentence are double ones.
log_has() { tr "'" '"' <"$LOG" | grep -qF -- "$(printf '%s' "$1" | tr "'" '"')"; }

# says SENTENCE: check finds it and exits with 6; the daemon logs it when it is told to reload.
says()
{
    local out=$STORY_DIR/check.txt got=0
    in_place /usr/bin/agentid check >"$out" 2>&1 || got=$?
    [ "$got" -eq 6 ] || { echo "agentid check exited with $got, not 6"; cat "$out"; return 1; }
    grep -qF -- "error    $1" "$out" || { echo "agentid check does not say: $1"; cat "$out"; return 1; }
    : >"$LOG"
    reload
    wait_for 10 log_has "$1" || { echo "the log does not say: $1"; cat "$LOG"; return 1; }
}

# bad NAME SENTENCE COMMAND...: the command, fed with stdin, spoils the good configuration.
bad()
{
    local name=$1 sentence=$2
    shift 2
    good_agents
    "$@" && check "$name" says "$sentence"
}

second_agent() { agent_conf second second; }
edit() { sed -i "$1" "$ROOT$CONF/agents.d/good.conf"; }
spoil() { chmod "$1" "$ROOT$CONF/agents.d/good.conf"; }
give_away() { chown "$1" "$ROOT$CONF/agents.d/good.conf"; }
copy_agent() { sed "$1" "$ROOT$CONF/agents.d/good.conf" >"$ROOT$CONF/agents.d/zz.conf"; }
open_directory() { chmod 0777 "$ROOT$CONF/agents.d"; }

oidc_tail='client_id = c
client_auth = client_secret_basic
client_secret = file:/etc/agentid/secrets/s
subject = agent:second
audience = api'

prepare || give_up "the root or the daemons did not start"
check "a good configuration is in force" expect_fail 0 in_place /usr/bin/agentid check
check "a session runs" start_session

G=$CONF/agents.d/good.conf
S=$CONF/agents.d/second.conf
bad "unknown section" "$G:9: [tokens]: unknown section; this file has [agent] and [token]" \
    edit '$a [tokens]'
bad "unknown key" "$G:9: [token] lifetme: unknown key; did you mean lifetime?" edit '$a lifetme = 5s'
bad "a key twice" "$G:9: [token] lifetime stands twice, first in line 8; one is allowed" \
    edit '$a lifetime = 5s'
bad "two agents with one id" \
    "$CONF/agents.d/zz.conf:2: [agent] id = 'good' is taken by $G; an id names one agent" \
    copy_agent 's/runner/second/'
bad "two agents for one account" \
    "$CONF/agents.d/zz.conf:3: [agent] account = 'runner' belongs to the agent of $G; an account has one agent" \
    copy_agent 's/good/other/'
bad "wildcard in an audience" \
    "$G:7: [token] audience = 'api-*': '*' is a wildcard; a pin names exactly one value, so that no other token fits" \
    edit 's/audience = .*/audience = api-*/'
bad "wildcard in a subject" \
    "$S:10: [token] subject = 'agent:?': '?' is a wildcard; a pin names exactly one value, so that no other token fits" \
    second_agent <<CONF
source = oidc
issuer = https://idp.example.com
client_id = c
client_auth = client_secret_basic
subject = agent:?
audience = api
client_secret = file:/etc/agentid/secrets/s
CONF
bad "http:// issuer that is not loopback" \
    "$S:7: [token] issuer = 'http://idp.example.com': http:// is allowed for localhost, 127.0.0.0/8 and [::1] only; use https://" \
    second_agent <<CONF
source = oidc
issuer = http://idp.example.com
$oidc_tail
CONF
bad "duration without unit" \
    "$G:8: [token] lifetime = '300': a duration is a whole number with s, m, h or d, from 5s to 1h" \
    edit 's/lifetime = .*/lifetime = 300/'
bad "lifetime above max_lifetime" "$G:8: [token] lifetime = 1200s is over max_lifetime = 600s" \
    edit 's/lifetime = .*/lifetime = 20m/'
bad "max_lifetime above its limit" "$G:9: [token] max_lifetime = '2h': 30s to 1h is allowed" \
    edit '$a max_lifetime = 2h'
bad "required key missing" "$G:5: [token] audience is missing: every agent needs it" edit '/audience/d'
bad "key that has no meaning" \
    "$G:9: [token] subject has no meaning with source = host; take one of them out" \
    edit '$a subject = agent:x'
bad "secret pasted into the configuration" \
    "$S:10: [token] client_secret: secret reference starts with none of file:, credential:, vault: and aws-sm:" \
    second_agent <<CONF
source = oidc
issuer = https://idp.example.com
client_id = c
client_auth = client_secret_basic
client_secret = hunter2-hunter2
subject = agent:second
audience = api
CONF
check "the pasted secret is not repeated" expect_fail 1 grep -r hunter2 "$STORY_DIR/check.txt" "$LOG"
# with_credential LINE...: the good agent, and a credential of these lines.
with_credential() { { printf '[credential aws]\ntype = aws-sts\nregion = eu-west-1\n'; printf '%s\n' "$@"; } >>"$ROOT$CONF/agents.d/good.conf"; }
role='role_arn = arn:aws:iam::123456789012:role/agent'
bad "a credential that nobody vouches for" \
    "$G:9: [credential aws] assertion = oidc needs [token] source = oidc" with_credential "$role" 'assertion = oidc'
bad "a credential without what its type needs" \
    "$G:9: [credential aws] role_arn is missing: type aws-sts needs it" with_credential
bad "an option that its type does not have" \
    "$G:13: [credential aws] tenant: unknown key; type aws-sts has none of this name" with_credential "$role" 'tenant = x'
bad "world-writable file" "$G: mode 0666, at most 0755 is allowed" spoil 0666
bad "group-writable file" "$G: mode 0664, at most 0755 is allowed" spoil 0664
bad "file that is not root's" "$G: owned by uid 1000, not by root" give_away 1000
bad "world-writable directory" \
    "$CONF/agents.d: directory mode 0777 lets others write; at most 0755 is allowed" open_directory

# A missing secret is no mistake of form: check says so, and the log when a session is opened.
missing_secret()
{
    local out=$STORY_DIR/check.txt got=0
    good_agents
    mkdir -p "$ROOT/etc/agentid/secrets" && chmod 0700 "$ROOT/etc/agentid/secrets"
    second_agent <<CONF
source = oidc
issuer = https://127.0.0.1:9
$oidc_tail
CONF
    in_place /usr/bin/agentid check >"$out" 2>&1 || got=$?
    [ "$got" -eq 1 ] || { echo "agentid check exited with $got, not 1"; cat "$out"; return 1; }
    expect_text "error +$S: \[token\] client_secret: /etc/agentid/secrets/s: no such file" "$out" || return 1
    : >"$LOG"
    reload
    wait_for 10 log_has "op=config status=ok agents=2" || return 1
    expect_fail 3 in_place /usr/bin/agentid exec second -- true || return 1
    wait_for 10 log_has "/etc/agentid/secrets/s: no such file"
}
check "missing secret" missing_secret

# Nor is a policy that is not there.
missing_policy()
{
    local out=$STORY_DIR/check.txt got=0
    good_agents
    with_credential "$role" "session_policy = $CONF/policy.json"
    in_place /usr/bin/agentid check >"$out" 2>&1 || got=$?
    [ "$got" -eq 1 ] || { echo "agentid check exited with $got, not 1"; cat "$out"; return 1; }
    expect_text "error +$G:9: \[credential aws\] session_policy: $CONF/policy.json: no such file" "$out" || return 1
    echo '{"Statement": []}' >"$ROOT$CONF/policy.json"
    in_place /usr/bin/agentid check >"$out" 2>&1 || return 1
    expect_text "ok +credential: agent 'good' has 'aws': aws-sts at sts.eu-west-1, assertion by this host" "$out"
}
check "missing policy of a credential" missing_policy

# All this time the session kept its token fresh.
went_on()
{
    local before
    [ "$(session_id)" = "$SESSION" ] || { echo "session $SESSION is gone"; return 1; }
    before=$(refreshes)
    wait_for 15 refreshed_since "$before"
}
check "the session that ran goes on and is refreshed" went_on
back()
{
    good_agents
    : >"$LOG"
    reload
    wait_for 10 log_has "op=config status=ok agents=1" && expect_fail 0 in_place /usr/bin/agentid check
}
check "a mended configuration is taken" back
finish
