#!/bin/bash
# SPDX-License-Identifier: LGPL-2.1-or-later
# Copyright The agentid authors
# Credentials in a real PAM session, made and refreshed by the real daemons at an STS that checks what AWS
# documents and at the real OpenBao, both of which are restarted once, and read by boto3, awscli and bao.
# shellcheck source=tests/integration/lib.sh
. "$(dirname "$0")/lib.sh"

CONSUMERS=$("$AID_SRC/ci/servers" consumers) || give_up "no consumers"
BAO=$("$AID_SRC/ci/servers" openbao) || give_up "no OpenBao"
STS_PORT=18511
BAO_PORT=18212
KEYS_PORT=18513
LIFETIME=12
export BAO_ADDR=http://127.0.0.1:$BAO_PORT BAO_TOKEN=root-of-the-exchange-story PYTHONDONTWRITEBYTECODE=1
HOME_DIR=/run/home/svc-cloud
SAID=$STORY_DIR/said

# What a session of the account is opened with: su, and the module alone.
configure()
{
    in_place /bin/bash -c '
        useradd -m -d "$0" -s /bin/bash svc-cloud && mkdir -p /etc/agentid/agents.d /etc/agentid/policies /run/issuer &&
        printf "auth sufficient pam_rootok.so\naccount sufficient pam_permit.so\nsession required pam_agentid.so\n" >/etc/pam.d/su-l &&
        printf "[issuer]\nurl = https://host01.example.com\n" >/etc/agentid/agentid.conf &&
        printf "{\"Version\": \"2012-10-17\", \"Statement\": [{\"Effect\": \"Allow\", \"Action\": \"s3:GetObject\", \"Resource\": \"*\"}]}" \
            >/etc/agentid/policies/orders.json &&
        cat >/etc/agentid/agents.d/a.conf' "$HOME_DIR" <<CONF
[agent]
id = cloud-agent
account = svc-cloud

[token]
source = host
audience = orders-api
lifetime = 30s

[credential aws]
type = aws-sts
role_arn = arn:aws:iam::123456789012:role/orders-agent
region = eu-west-1
endpoint = http://127.0.0.1:$STS_PORT
session_policy = /etc/agentid/policies/orders.json
at_open = yes
refresh = always

[credential vault]
type = vault
address = $BAO_ADDR
role = orders
assertion_audience = vault

[credential lasting]
type = vault
address = $BAO_ADDR
role = lasting
assertion_audience = vault

[credential other]
type = vault
address = $BAO_ADDR
role = of-another-agent
assertion_audience = vault
CONF
}

start_sts()
{
    /usr/bin/python3 -W ignore "$INTEGRATION/sts_server.py" "$STORY_DIR/issuer" agent:cloud-agent $LIFETIME $STS_PORT \
        "$STORY_DIR/sts.log" </dev/null >&2 &
    STS=$!
    wait_for 10 curl -sS -o /dev/null "http://127.0.0.1:$STS_PORT/"
}

# A development server keeps everything in memory: after a restart it knows no token any more.
start_bao()
{
    "$BAO" server -dev -dev-no-store-token -dev-root-token-id="$BAO_TOKEN" -dev-listen-address="127.0.0.1:$BAO_PORT" \
        </dev/null >>"$STORY_DIR/bao.log" 2>&1 &
    BAO_PID=$!
    wait_for 20 curl -fsS -o /dev/null "$BAO_ADDR/v1/sys/health" || return 1
    "$BAO" auth enable jwt </dev/null >&2 &&
        "$BAO" write auth/jwt/config jwks_url="http://127.0.0.1:$KEYS_PORT/jwks.json" \
            bound_issuer=https://host01.example.com </dev/null >&2 &&
        bao_role orders agent:cloud-agent ${LIFETIME}s && bao_role of-another-agent agent:another ${LIFETIME}s &&
        bao_role lasting agent:cloud-agent 5m
}
bao_role()
{
    "$BAO" write "auth/jwt/role/$1" role_type=jwt user_claim=sub bound_audiences=vault "bound_subject=$2" \
        token_policies=orders token_ttl="$3" token_max_ttl=10m </dev/null >&2
}
restart_servers()
{
    end_process "$STS"
    end_process "$BAO_PID"
    sleep 1
    start_sts && start_bao
}

# The whole life of one session: a line of three words each second, "aws KEY ARN" and "vault TOKEN VALID".
session_script()
{
    in_place sh -c "mkdir -p $HOME_DIR/.aws && cat >$HOME_DIR/.aws/config && chown -R svc-cloud $HOME_DIR/.aws" <<CONF
[default]
region = eu-west-1
credential_process = /usr/bin/keyctl pipe %user:agentid:aws
[profile agentid]
region = eu-west-1
credential_process = /usr/bin/agentid aws
CONF
    in_place sh -c "cat >$HOME_DIR/life && chmod 0755 $HOME_DIR/life" <<LIFE
export PYTHONPATH=/run/consumers PYTHONDONTWRITEBYTECODE=1
agentid list --json >list-at-open
AWS_CONFIG_FILE=/nonexistent AWS_DEFAULT_REGION=eu-west-1 agentid aws-endpoint -- /usr/bin/python3 -W ignore endpoint.py >endpoint.out 2>endpoint.err &
endpoint=\$!
agentid get other 2>other.err; echo "other \$?"
end=\$((\$(date +%s) + 45))
until [ "\$(date +%s)" -ge "\$end" ]; do
    /usr/bin/python3 -W ignore - <<'CALL'
import boto3, botocore
try:
    arn = boto3.client("sts", endpoint_url="http://127.0.0.1:$STS_PORT").get_caller_identity()["Arn"]
    print("aws", boto3.Session().get_credentials().access_key, arn, flush=True)
except Exception as error:
    print("aws failed", type(error).__name__, str(error)[:200], flush=True)
CALL
    token=\$(agentid get vault 2>&1) && echo "vault \$token \$(curl -sS -o /dev/null -w '%{http_code}' -H "X-Vault-Token: \$token" $BAO_ADDR/v1/auth/token/lookup-self)" || echo "vault failed \$token"
    sleep 0.7
done
AWS_PROFILE=agentid /usr/bin/python3 -W ignore -m awscli --endpoint-url "http://127.0.0.1:$STS_PORT" sts get-caller-identity --query Account --output text
wait \$endpoint; echo "endpoint \$?"
for name in aws vault; do keyctl pipe %user:agentid:\$name; echo; done >payloads
agentid list --json >list-at-end
agentid get lasting >last-vault
curl -sS -o /dev/null -w '%{http_code}' -H "X-Vault-Token: \$(cat last-vault)" $BAO_ADDR/v1/auth/token/lookup-self >last-was
LIFE
}

# The same beside it for SDKs that start no program: one client all the time, then awscli.
endpoint_script()
{
    in_place sh -c "cat >$HOME_DIR/endpoint.py" <<CALLS
import os, subprocess, sys, time
import boto3
session = boto3.Session()
sts = session.client("sts", endpoint_url="http://127.0.0.1:$STS_PORT")
end = time.monotonic() + 42
while time.monotonic() < end:
    try:
        arn = sts.get_caller_identity()["Arn"]
        print("aws", session.get_credentials().access_key, session.get_credentials().method, arn, flush=True)
    except Exception as error:
        print("failed", type(error).__name__, str(error)[:200], flush=True)
    time.sleep(0.7)
sys.exit(subprocess.run([sys.executable, "-W", "ignore", "-m", "awscli", "--endpoint-url", "http://127.0.0.1:$STS_PORT", "sts",
                         "get-caller-identity", "--query", "Account", "--output", "text"]).returncode)
CALLS
}

live() { in_place su - svc-cloud -c "./life" </dev/null >"$SAID" 2>"$SAID.err"; }
live_through_a_restart()
{
    live &
    local pid=$!
    sleep 22
    restart_servers || return 1
    wait $pid
}

count_keys() { awk -v what="$1" '$1 == what && $2 != "failed" { print $2 }' "$SAID" | sort -u | wc -l; }
failures_of() { grep -c "^$1 failed\|^$1 .* [45][0-9][0-9]\$" "$SAID"; }

aws_refreshed()
{
    echo "$(count_keys aws) keys, $(failures_of aws) failures"
    [ "$(count_keys aws)" -ge 4 ] && [ "$(failures_of aws)" -le 6 ] &&
        expect_text '^aws ASIA[0-9A-F]* arn:aws:sts::123456789012:assumed-role/orders-agent/cloud-agent\.[0-9a-f]{16}$' "$SAID"
}
# In place while it can be renewed; another one after the server forgot it.
vault_renewed()
{
    echo "$(count_keys vault) tokens, $(failures_of vault) failures"
    [ "$(count_keys vault)" -ge 2 ] && [ "$(count_keys vault)" -le 6 ] && [ "$(failures_of vault)" -le 15 ] &&
        [ "$(grep -c '^vault .* 200$' "$SAID")" -ge 15 ]
}
after_the_restart() { tail -n 8 "$SAID" | grep -q '^aws ASIA' && tail -n 8 "$SAID" | grep -q '^vault .* 200$'; }
awscli_through_agentid() { expect_text '^123456789012$' "$SAID"; }

# What fails does so at the restart, because the STS is away or has forgotten the key; the endpoint never does.
through_the_endpoint()
{
    local keys calls
    in_place cat "$HOME_DIR/endpoint.out" "$HOME_DIR/endpoint.err" </dev/null >"$STORY_DIR/endpoint"
    keys=$(awk '$1 == "aws" { print $2 }' "$STORY_DIR/endpoint" | sort -u | wc -l)
    calls=$(grep -c '^aws ASIA[0-9A-F]* container-role arn:aws:sts::123456789012:assumed-role/orders-agent/cloud-agent' "$STORY_DIR/endpoint")
    echo "$keys keys, $calls calls"
    expect_fail 1 grep -vE '^aws ASIA|^failed (EndpointConnectionError|ConnectionClosedError|ClientError .*ExpiredToken)|^123456789012$' \
        "$STORY_DIR/endpoint" || return 1
    [ "$keys" -ge 4 ] && [ "$calls" -ge 20 ] && expect_text '^endpoint 0$' "$SAID" && expect_text '^123456789012$' "$STORY_DIR/endpoint" &&
        tail -n 5 "$STORY_DIR/endpoint" | expect_fail 1 grep -q '^failed'
}

named_for_the_auditor()
{
    local session
    session=$(in_place jq -r '.[0].session' "$HOME_DIR/list-at-open" </dev/null)
    jq -se --arg name "cloud-agent.$session" 'length >= 4 and all(.session_name == $name and .life <= 300 and
        (.policy | test("s3:GetObject")))' "$STORY_DIR/sts.log" >/dev/null
}
ready_at_open()
{
    in_place jq -e '.[0].credentials | map({(.name): .state}) | add | .aws == "fresh" and .vault == "unused"' \
        "$HOME_DIR/list-at-open" </dev/null
}
kept_out()
{
    expect_text '^other 4$' "$SAID" &&
        in_place cat "$HOME_DIR/other.err" </dev/null >"$STORY_DIR/other.err" &&
        expect_text '^agentid: .*HTTP 400 .*sub' "$STORY_DIR/other.err"
}
# The token of a session that has ended is none any more, long before it would expire.
vault_token_is_gone()
{
    in_place cat "$HOME_DIR/last-vault" </dev/null >"$STORY_DIR/last-vault"
    [ "$(in_place cat "$HOME_DIR/last-was" </dev/null)" = 200 ] || { echo "it never was one"; return 1; }
    wait_for 8 lookup_fails
}
lookup_fails()
{
    [ "$(curl -sS -o /dev/null -w '%{http_code}' -H "X-Vault-Token: $(cat "$STORY_DIR/last-vault")" \
        "$BAO_ADDR/v1/auth/token/lookup-self")" = 403 ]
}
no_assertion_in_the_ring()
{
    in_place cat "$HOME_DIR/payloads" </dev/null >"$STORY_DIR/payloads"
    expect_text AccessKeyId "$STORY_DIR/payloads" && expect_text '^s\.' "$STORY_DIR/payloads" &&
        expect_fail 1 grep -q 'eyJ' "$STORY_DIR/payloads"
}

enter_host "$CONSUMERS" consumers || give_up "no place to be in"
configure || give_up "no configuration"
in_place /usr/bin/agentid issuer init </dev/null >&2 || give_up "issuer init exited with $?"
in_place /usr/bin/agentid issuer publish /run/issuer </dev/null >&2 || give_up "issuer publish exited with $?"
cp -r "/proc/$LEADER/root/run/issuer" "$STORY_DIR/issuer"
serve_directory "$STORY_DIR/issuer" $KEYS_PORT || give_up "the key set is not served"
at_exit 'end_process $STS; end_process $BAO_PID'
start_sts || give_up "the STS does not start"
start_bao || give_up "OpenBao does not start"
start_daemons || give_up "the daemons do not start"
session_script && endpoint_script || give_up "no script"

check "agentid check shows the credentials" in_place /usr/bin/agentid check --json
check "a session lives through a restart of both servers" live_through_a_restart
check "at_open: AWS credentials are there when it opens" ready_at_open
check "boto3 by keyctl pipe, over several refreshes" aws_refreshed
check "the same by awscli and agentid aws" awscli_through_agentid
check "boto3 and awscli by agentid aws-endpoint, over the same refreshes" through_the_endpoint
check "a Vault token in place while it can be renewed" vault_renewed
check "both work after the restart" after_the_restart
check "the STS's log names agent and session, each with the policy" named_for_the_auditor
check "a role that pins another subject keeps it out, and says so" kept_out
check "no assertion stands in the ring" no_assertion_in_the_ring
check "the Vault token is none any more when the session is closed" vault_token_is_gone
finish
