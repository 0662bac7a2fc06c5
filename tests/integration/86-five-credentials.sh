#!/bin/bash
# SPDX-License-Identifier: LGPL-2.1-or-later
# Copyright The agentid authors
# One agent's file with a token and five credentials, one PAM session: each is refreshed 30 times at short lifetimes and every
# server is restarted once, while the SDKs and programs go on in that session unchanged.
# shellcheck source=tests/integration/lib.sh
. "$(dirname "$0")/lib.sh"

CONSUMERS=$("$AID_SRC/ci/servers" consumers) || give_up "no consumers"
BAO=$("$AID_SRC/ci/servers" openbao) || give_up "no OpenBao"
PORT=18521
BAO_PORT=18522
CLUSTER_PORT=18523
KEYS_PORT=18524
LIFETIME=10
REFRESHES=30
SERVER=http://127.0.0.1:$PORT
provider=//iam.googleapis.com/projects/123/locations/global/workloadIdentityPools/pool-1/providers/host-1
export BAO_ADDR=http://127.0.0.1:$BAO_PORT PYTHONDONTWRITEBYTECODE=1
HOME_DIR=/run/home/svc-five
SAID=$STORY_DIR/said
kinds=(boto3 awscli azure google google-token bao http)

configure()
{
    in_place /bin/bash -c '
        useradd -m -d "$0" -s /bin/bash svc-five && mkdir -p /etc/agentid/agents.d /run/issuer && mkdir -m 0700 /etc/agentid/secrets &&
        printf "auth sufficient pam_rootok.so\naccount sufficient pam_permit.so\nsession required pam_agentid.so\n" >/etc/pam.d/su-l &&
        printf "[issuer]\nurl = https://host01.example.com\n" >/etc/agentid/agentid.conf && cat >/etc/agentid/agents.d/a.conf' "$HOME_DIR" <<CONF
[agent]
id = a
account = svc-five

[token]
source = host
audience = $provider
lifetime = ${LIFETIME}s
refresh_at = 15%

[credential aws]
type = aws-sts
role_arn = arn:aws:iam::123456789012:role/agents/Reports
region = eu-west-1
endpoint = $SERVER/aws
$(often)

[credential azure]
type = azure-wif
tenant = 11111111-2222-4333-8444-555555555555
client_id = aaaaaaaa-bbbb-4ccc-8ddd-eeeeeeeeeeee
scope = https://vault.azure.net/.default
authority = $SERVER/entra
$(often)

[credential gcp]
type = gcp-wif
provider = $provider
sts_url = $SERVER/google/v1/token
$(often)

[credential vault]
type = vault
address = $BAO_ADDR
role = five
assertion_audience = vault
$(often)

[credential xch]
type = rfc8693
issuer = $SERVER/xch
client_id = client:1
client_auth = client_secret_post
client_secret = file:/etc/agentid/secrets/xch
assertion_audience = https://token.example
audience = billing-api
subject = agent:a
$(often)
CONF
}
often() { printf 'at_open = yes\nrefresh = always\nrefresh_at = 15%%\n'; }

# ---- the servers ----

start_clouds()
{
    /usr/bin/python3 -W ignore "$INTEGRATION/five_server.py" "$STORY_DIR" "$STORY_DIR/issuer" $LIFETIME $PORT </dev/null >&2 &
    CLOUDS=$!
    wait_for 15 curl -sS -o /dev/null "$SERVER/"
}
# One that keeps what it has on disk; it is sealed whenever it starts.
start_bao()
{
    mkdir -p "$STORY_DIR/bao-data"
    cat >"$STORY_DIR/bao.hcl" <<HCL
storage "raft" {
  path = "$STORY_DIR/bao-data"
  node_id = "one"
  performance_multiplier = 1
}
listener "tcp" {
  address = "127.0.0.1:$BAO_PORT"
  tls_disable = true
}
api_addr = "$BAO_ADDR"
cluster_addr = "http://127.0.0.1:$CLUSTER_PORT"
HCL
    "$BAO" server -config="$STORY_DIR/bao.hcl" </dev/null >>"$STORY_DIR/bao.log" 2>&1 &
    BAO_PID=$!
    wait_for 20 bao_answers || return 1
    [ -s "$STORY_DIR/init.json" ] || "$BAO" operator init -key-shares=1 -key-threshold=1 -format=json >"$STORY_DIR/init.json" || return 1
    "$BAO" operator unseal "$(jq -r '.unseal_keys_b64[0]' "$STORY_DIR/init.json")" >&2 && wait_for 20 curl -fsS -o /dev/null "$BAO_ADDR/v1/sys/health"
}
bao_answers() { curl -sS -o /dev/null "$BAO_ADDR/v1/sys/health"; }
as_root() { BAO_TOKEN=$(jq -r .root_token "$STORY_DIR/init.json") "$BAO" "$@" </dev/null >&2; }
# Renewed in place, and twice a minute another one.
trust()
{
    as_root auth enable jwt && as_root write auth/jwt/config jwks_url="http://127.0.0.1:$KEYS_PORT/jwks.json" \
        bound_issuer=https://host01.example.com && as_root write auth/jwt/role/five role_type=jwt user_claim=sub \
        bound_audiences=vault bound_subject=agent:a token_policies=five token_ttl=${LIFETIME}s token_max_ttl=30s
}
restart_servers()
{
    end_process "$CLOUDS"
    end_process "$BAO_PID"
    start_clouds && start_bao
}

# ---- the session ----

session_script()
{
    local config
    config=$(jq -n --arg audience "$provider" --arg url "$SERVER/google/v1/token" '{type: "external_account", audience: $audience,
        subject_token_type: "urn:ietf:params:oauth:token-type:jwt", token_url: $url, credential_source: {executable:
        {command: ("/usr/bin/agentid gcp --audience " + $audience), timeout_millis: 10000}}}')
    in_place sh -c "cat >$HOME_DIR/gcp.json" <<<"$config" || return 1
    in_place sh -c "cat >$HOME_DIR/life && chmod 0755 $HOME_DIR/life" <<LIFE
export PYTHONPATH=/run/consumers:/run/examples PYTHONDONTWRITEBYTECODE=1 AWS_DEFAULT_REGION=eu-west-1 CANARY_CONTROL=seen-by-the-sampler
export GOOGLE_EXTERNAL_ACCOUNT_ALLOW_EXECUTABLES=1 GOOGLE_APPLICATION_CREDENTIALS=\$HOME/gcp.json GOOGLE_CLOUD_PROJECT=p
agentid setup --write aws >&2 && agentid setup --bao --write vault >&2 || exit 1
for kind in ${kinds[*]}; do
    /usr/bin/python3 -W ignore /run/story/five_consumers.py \$kind $SERVER $BAO_ADDR \$HOME/stop >said.\$kind 2>&1 &
done
wait
touch done
until [ -e over ]; do sleep 0.1; done
LIFE
}
listed() { in_place /usr/bin/agentid list --json </dev/null >"$STORY_DIR/list"; }
# refreshed TIMES: the token and each of the five.
refreshed()
{
    listed && jq -e --argjson times "$1" '.[0] | [.refreshes, .credentials[].refreshes] | length == 6 and min >= $times' "$STORY_DIR/list"
}
all_consumers_began() { for kind in "${kinds[@]}"; do in_place grep -q ' ok ' "$HOME_DIR/said.$kind" || return 1; done; }
# What of this place's processes others may see, and root alone.
sample()
{
    while :; do
        in_place /bin/bash -c 'cat /proc/[0-9]*/environ /proc/[0-9]*/cmdline' </dev/null 2>/dev/null
        for serial in $(all_serials 2>/dev/null); do keyctl pipe "$serial" 2>/dev/null; echo; done >>"$STORY_DIR/payloads"
        sleep 1
    done >>"$STORY_DIR/processes"
}

lives()
{
    local sampler
    in_place su - svc-five -c ./life </dev/null >"$SAID" 2>&1 &
    SESSION=$!
    wait_for 30 all_consumers_began || return 1
    sample &
    sampler=$!
    at_exit "kill $sampler"
    wait_for 40 refreshed 12 && restart_servers && wait_for 45 refreshed $REFRESHES
    local result=$?
    cat "$STORY_DIR/list"
    kill $sampler
    in_place touch "$HOME_DIR/stop"
    wait_for 30 in_place test -e "$HOME_DIR/done" && [ $result -eq 0 ]
}
each_at_its_server()
{
    local kind
    for kind in aws entra google xch; do
        count=$(jq -r --arg kind "$kind" 'select(.kind == $kind and (.by_token | not)) | .secret' "$STORY_DIR/given" | sort -u | wc -l)
        echo "$kind $count"
        [ "$count" -gt $REFRESHES ] || return 1
    done
}
# consumer KIND: no failure lasted longer than a credential lives, and the last call was right.
consumer()
{
    in_place cat "$HOME_DIR/said.$1" </dev/null >"$STORY_DIR/said.$1"
    tail -n 3 "$STORY_DIR/said.$1"
    awk -v life=$LIFETIME '$2 == "ok" { ok++; if (failing && $1 - failing > worst) worst = $1 - failing; failing = 0 }
        $2 == "failed" { failed++; if (!failing) failing = $1 }
        { last = $2 }
        END { printf "%d calls, %d failed, for %.1f s at most\n", NR, failed, worst
              exit !(last == "ok" && ok >= 5 && worst < life) }' "$STORY_DIR/said.$1"
}

# ---- no assertion anywhere ----

no_assertion_is_seen()
{
    jq -r 'select(.by_token | not) | .jti, .signature' "$STORY_DIR/given" | sort -u >"$STORY_DIR/canaries"
    [ "$(wc -l <"$STORY_DIR/canaries")" -gt $((REFRESHES * 8)) ] || { wc -l "$STORY_DIR/canaries"; return 1; }
    in_place sh -c "cat $HOME_DIR/said.* $HOME_DIR/.aws/config" </dev/null >"$STORY_DIR/home"
    for place in payloads processes daemons.log home said; do
        expect_fail 1 grep -a -F -o -m 1 -f "$STORY_DIR/canaries" "$STORY_DIR/$place" || { echo "in $place"; return 1; }
    done
}
the_search_finds()
{
    grep -aq CANARY_CONTROL=seen-by-the-sampler "$STORY_DIR/processes" && grep -aq five_consumers.py "$STORY_DIR/processes" &&
        grep -aq AccessKeyId "$STORY_DIR/payloads" && expect_text 'op=open' "$STORY_DIR/daemons.log" || return 1
    # The token that Google's library showed stands in the ring.
    jq -r 'select(.by_token) | .signature' "$STORY_DIR/given" | sort -u >"$STORY_DIR/tokens"
    [ -s "$STORY_DIR/tokens" ] && grep -a -F -q -f "$STORY_DIR/tokens" "$STORY_DIR/payloads"
}
session_is_over()
{
    in_place touch "$HOME_DIR/over"
    wait "$SESSION" && listed && [ "$(jq length "$STORY_DIR/list")" -eq 0 ]
}

enter_host "$CONSUMERS" consumers "$(dirname "$BAO")" bao "$AID_SRC/examples/python" examples "$INTEGRATION" story || give_up "no place to be in"
configure || give_up "no configuration"
in_place /usr/bin/agentid issuer init </dev/null >&2 || give_up "issuer init exited with $?"
in_place /usr/bin/agentid issuer publish /run/issuer </dev/null >&2 || give_up "issuer publish exited with $?"
cp -r "/proc/$LEADER/root/run/issuer" "$STORY_DIR/issuer"
serve_directory "$STORY_DIR/issuer" $KEYS_PORT || give_up "the key set is not served"
at_exit 'end_process $CLOUDS; end_process $BAO_PID'
start_clouds || give_up "the clouds do not start"
in_place sh -c 'umask 077 && cat >/etc/agentid/secrets/xch' <"$STORY_DIR/secret"
start_bao && trust || give_up "OpenBao does not start"
start_daemons || give_up "the daemons do not start"
session_script || give_up "no script"

check "a token and five credentials are refreshed $REFRESHES times over a restart of every server" lives
check "each of them by another exchange" each_at_its_server
for kind in "${kinds[@]}"; do check "$kind goes on unchanged" consumer "$kind"; done
check "no assertion in the ring, the log, a process or a file" no_assertion_is_seen
check "and what searches for them finds what is there" the_search_finds
check "the session ends" session_is_over
finish
