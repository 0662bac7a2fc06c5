#!/bin/bash
# SPDX-License-Identifier: LGPL-2.1-or-later
# Copyright The agentid authors
# The adapters in real sessions, started by the real programs and libraries that they are for, against
# servers that verify what they get.
# shellcheck source=tests/integration/lib.sh
. "$(dirname "$0")/lib.sh"

CONSUMERS=$("$AID_SRC/ci/servers" consumers) || give_up "no consumers"
BAO=$("$AID_SRC/ci/servers" openbao) || give_up "no OpenBao"
export PYTHONDONTWRITEBYTECODE=1
provider=//iam.googleapis.com/projects/1/locations/global/workloadIdentityPools/p/providers/r

configure()
{
    in_place /bin/bash -c '
        useradd -m -d /run/home/svc-agent1 -s /bin/bash svc-agent1 &&
        useradd -M -d /run/home -s /bin/bash svc-agent2 &&
        mkdir -p /etc/agentid/agents.d /run/issuer &&
        printf "[issuer]\nurl = https://host01.example.com\n" >/etc/agentid/agentid.conf &&
        cat >/etc/agentid/agents.d/a.conf &&
        sed "s/adapter-agent/other-agent/; s/svc-agent1/svc-agent2/" /etc/agentid/agents.d/a.conf \
            >/etc/agentid/agents.d/b.conf' <<'CONF'
[agent]
id = adapter-agent
account = svc-agent1

[token]
source = host
audience = orders-api
lifetime = 60s
CONF
}

serve_consumers()
{
    local consumer=$STORY_DIR/consumer
    mkdir -p "$consumer/issuer"
    cp -r "/proc/$LEADER/root/run/issuer/." "$consumer/issuer"
    git init -q --bare "$consumer/git/repo.git" &&
        git -c init.defaultBranch=main init -q "$consumer/work" &&
        git -C "$consumer/work" -c user.name=t -c user.email=t@example.com commit -q --allow-empty -m first &&
        git -C "$consumer/work" push -q "$consumer/git/repo.git" HEAD:refs/heads/main &&
        git -C "$consumer/git/repo.git" symbolic-ref HEAD refs/heads/main &&
        git -C "$consumer/git/repo.git" update-server-info || return 1
    printf '{"Version":1,"AccessKeyId":"ASIAEXAMPLE","SecretAccessKey":"secret/+1","SessionToken":"session==","Expiration":"%s"}' \
        "$(date -u -d '+15 minutes' +%Y-%m-%dT%H:%M:%SZ)" >"$consumer/aws"
    printf eyJ.azure.token >"$consumer/azure"
    /usr/bin/python3 -W ignore::DeprecationWarning "$INTEGRATION/consumer_server.py" "$consumer" \
        "$consumer/issuer" orders-api </dev/null >&2 &
    at_exit "end_process $!"
    wait_for 10 test -s "$consumer/port" || return 1
    PORT=$(cat "$consumer/port")
    URL=https://localhost:$PORT
    CA=$consumer/ca.pem
}

# in_session COMMAND...: in a new session of the agent, with what these programs may see.
# shellcheck disable=SC2016 # for the inner shell
in_session()
{
    in_place /usr/bin/agentid exec adapter-agent -- /bin/bash -c 'cd && export PYTHONPATH=/run/consumers:/run/examples \
        PYTHONDONTWRITEBYTECODE=1 AWS_CA_BUNDLE=$0 REQUESTS_CA_BUNDLE=$0 SSL_CERT_FILE=$0 URL=$1 CA=$0
        shift && exec "$@"' "$CA" "$URL" "$@" </dev/null
}

# with_key NAME FILE COMMAND...: the same with a credential that root put into the session's ring, and its
# line in agentid:info, as the daemon writes both.
with_key()
{
    local name=$1 payload=$2 said=/run/home/svc-agent1/ring pid ring
    shift 2
    in_place rm -f /run/go "$said"
    # shellcheck disable=SC2016 # for the inner shell
    in_session /bin/bash -c 'keyctl search @s keyring agentid >ring.new && mv ring.new ring
        until [ -e /run/go ]; do sleep 0.05; done; exec "$@"' bash "$@" &
    pid=$!
    wait_for 10 in_place test -s "$said" && ring=$(in_place cat "$said") &&
        in_place keyctl padd user "agentid:$name" "$ring" <"$payload" >/dev/null &&
        {
            in_place keyctl pipe "$(in_place keyctl search "$ring" user agentid:info)" &&
                printf '%s %s 900\n' "$name" "$(($(date +%s) + 900))"
        } | in_place keyctl padd user agentid:info "$ring" >/dev/null
    in_place touch /run/go
    wait $pid
}

home_file()
{
    local path=/run/home/svc-agent1/$1
    in_place install -d -o svc-agent1 "$(dirname "$path")"
    in_place sh -c "cat >'$path' && chown svc-agent1 '$path'"
}

python=(/usr/bin/python3 -W ignore -c)

curl_header()
{
    in_session /bin/sh -c 'agentid header | curl -sS --cacert "$CA" -H @- "$URL/token"' >"$STORY_DIR/out" &&
        expect_text '^\{"sub": "agent:adapter-agent"\}$' "$STORY_DIR/out"
}

# The lines that "agentid setup" writes are those that the programs then read.
aws_config()
{
    printf '[default]\nregion = eu-west-1\n' | home_file .aws/config
    in_session agentid setup --write aws >&2
}

boto3_credential_process()
{
    with_key aws "$STORY_DIR/consumer/aws" "${python[@]}" 'import os, boto3
sts = boto3.client("sts", endpoint_url=os.environ["URL"] + "/aws")
print(sts.get_caller_identity()["Arn"], boto3.Session().get_credentials().method)' >"$STORY_DIR/out" &&
        expect_text '^arn:aws:sts::123456789012:assumed-role/r/s custom-process$' "$STORY_DIR/out"
}

awscli_credential_process()
{
    with_key aws "$STORY_DIR/consumer/aws" /usr/bin/python3 -W ignore -m awscli --endpoint-url "$URL/aws" sts \
        get-caller-identity --query Account --output text >"$STORY_DIR/out" &&
        expect_text '^123456789012$' "$STORY_DIR/out"
}

boto3_without_credential()
{
    expect_fail 1 in_session "${python[@]}" 'import os, boto3
boto3.client("sts", endpoint_url=os.environ["URL"] + "/aws").get_caller_identity()' 2>"$STORY_DIR/err" || return 1
    expect_text 'CredentialRetrievalError: .*custom-process: agentid: agent .adapter-agent. has no credential .aws., nor any other' "$STORY_DIR/err"
}

google_config()
{
    jq -n --arg audience "$provider" --arg asked "$1" --arg url "$URL/google/token" '{type: "external_account",
        audience: $audience, subject_token_type: "urn:ietf:params:oauth:token-type:jwt", token_url: $url,
        credential_source: {executable: {command: ("/usr/bin/agentid gcp --audience " + $asked), timeout_millis: 5000}}}' |
        home_file gcp.json
}

google_fetch()
{
    in_session /usr/bin/env GOOGLE_EXTERNAL_ACCOUNT_ALLOW_EXECUTABLES=1 GOOGLE_APPLICATION_CREDENTIALS=gcp.json \
        GOOGLE_CLOUD_PROJECT=p "${python[@]}" 'import os, google.auth, google.auth.transport.requests as transport
credentials, _ = google.auth.default(scopes=["https://www.googleapis.com/auth/cloud-platform"])
session = transport.AuthorizedSession(credentials)
print(session.get(os.environ["URL"] + "/google/resource").json())'
}

google_executable()
{
    google_config "$provider"
    google_fetch >"$STORY_DIR/out" && expect_text "^\{'ok': True\}\$" "$STORY_DIR/out"
}

google_other_audience()
{
    google_config "$provider-other"
    expect_fail 1 google_fetch 2>"$STORY_DIR/err" || return 1
    expect_text 'RefreshError: .*--audience is another' "$STORY_DIR/err"
}

kube_config()
{
    home_file .kube/config <<CONFIG
apiVersion: v1
kind: Config
current-context: c
clusters: [{name: c, cluster: {server: "$URL/kube", certificate-authority: "$CA"}}]
contexts: [{name: c, context: {cluster: c, user: agent}}]
users:
- name: agent
  user:
    exec: {apiVersion: $1, command: /usr/bin/agentid, args: [kube$2], interactiveMode: Never, provideClusterInfo: true}
CONFIG
}

kube_list()
{
    in_session "${python[@]}" 'from kubernetes import client, config
config.load_kube_config()
print([n.metadata.name for n in client.CoreV1Api().list_namespace().items])'
}

kube_exec()
{
    kube_config "client.authentication.k8s.io/$1" ""
    kube_list >"$STORY_DIR/out" && expect_text "^\['agent-adapter-agent'\]\$" "$STORY_DIR/out"
}

kube_without_credential()
{
    kube_config client.authentication.k8s.io/v1 ", none"
    expect_fail 1 kube_list >"$STORY_DIR/out" 2>&1 || return 1
    expect_text "agentid: agent 'adapter-agent' has no credential 'none', nor any other" "$STORY_DIR/out"
}

# git_read PATH HOST-OF-THE-HELPER
git_read()
{
    in_session /usr/bin/env GIT_TERMINAL_PROMPT=0 GIT_SSL_CAINFO="$CA" git -c credential.helper= \
        -c "credential.$URL.helper=/usr/bin/agentid git-credential --host $2" ls-remote "$URL$1"
}
git_basic() { git_read /git/repo.git "localhost:$PORT" >"$STORY_DIR/out" && expect_text 'refs/heads/main$' "$STORY_DIR/out"; }
git_other_host()
{
    expect_fail 128 git_read /git/repo.git localhost 2>"$STORY_DIR/err" || return 1
    expect_text 'could not read Username' "$STORY_DIR/err"
}
git_link()
{
    in_session /usr/bin/env GIT_TERMINAL_PROMPT=0 GIT_SSL_CAINFO="$CA" git -c credential.helper= \
        -c "credential.$URL.helper=agentid --host localhost:$PORT" ls-remote "$URL/git/repo.git" >"$STORY_DIR/out" &&
        expect_text 'refs/heads/main$' "$STORY_DIR/out"
}
# git before 2.46 knows no other scheme than Basic.
git_can_bearer() { in_place git credential capability </dev/null 2>/dev/null | grep -q 'capability authtype'; }
git_bearer()
{
    git_read /git-bearer/repo.git "localhost:$PORT" >"$STORY_DIR/out" && expect_text 'refs/heads/main$' "$STORY_DIR/out"
}

skopeo_manifest() { in_session skopeo inspect --raw --tls-verify=false "docker://127.0.0.1:$PORT/app:latest"; }
skopeo_registry()
{
    in_session agentid setup --host "127.0.0.1:$PORT" --write docker >&2
    skopeo_manifest >"$STORY_DIR/out" && expect_text '"schemaVersion": 2' "$STORY_DIR/out"
}
skopeo_other_registry()
{
    echo "{\"credHelpers\": {\"127.0.0.1:$PORT\": \"agentid\"}}" | home_file .config/containers/auth.json
    echo '{"credHelpers": {"other.example.com": "agentid"}}' | home_file .docker/config.json
    expect_fail 1 skopeo_manifest >"$STORY_DIR/out" 2>&1 || return 1
    expect_text 'unauthorized|authentication required|401' "$STORY_DIR/out"
}
docker_manifest() { in_session docker manifest inspect "127.0.0.1:$PORT/app:latest"; }
docker_registry()
{
    echo "{\"credHelpers\": {\"127.0.0.1:$PORT\": \"agentid\"}}" | home_file .docker/config.json
    docker_manifest >"$STORY_DIR/out" && expect_text '"schemaVersion": 2' "$STORY_DIR/out"
}
# With credsStore docker asks for every registry: only those that are named get the token.
docker_other_registry()
{
    echo '{"credsStore": "agentid", "credHelpers": {"other.example.com": "agentid"}}' | home_file .docker/config.json
    expect_fail 1 docker_manifest >"$STORY_DIR/out" 2>&1 || return 1
    expect_text 'unauthorized|no basic auth credentials|401' "$STORY_DIR/out"
}

start_bao()
{
    BAO_PORT=$((PORT == 18200 ? 18201 : 18200))
    (umask 077 && printf 'root-%s' "$(head -c 12 /dev/urandom | od -An -tx1 | tr -d ' \n')" >"$STORY_DIR/vault")
    "$BAO" server -dev -dev-no-store-token -dev-root-token-id="$(cat "$STORY_DIR/vault")" \
        -dev-listen-address="127.0.0.1:$BAO_PORT" </dev/null >"$STORY_DIR/bao.log" 2>&1 &
    at_exit "end_process $!"
    export BAO_ADDR=http://127.0.0.1:$BAO_PORT
    wait_for 20 curl -fsS -o /dev/null "$BAO_ADDR/v1/sys/health" || return 1
    in_session agentid setup --bao --write vault >&2
}
bao_lookup()
{
    with_key vault "$STORY_DIR/vault" /usr/bin/env "BAO_ADDR=$BAO_ADDR" /run/bao/bao \
        token lookup -format=json >"$STORY_DIR/out" && [ "$(jq -r '.data.policies[0]' "$STORY_DIR/out")" = root ]
}
bao_without_token()
{
    in_session /usr/bin/env "BAO_ADDR=$BAO_ADDR" /run/bao/bao status >"$STORY_DIR/out" || return 1
    expect_fail 2 in_session /usr/bin/env "BAO_ADDR=$BAO_ADDR" /run/bao/bao token lookup \
        >"$STORY_DIR/out" 2>&1 || return 1
    expect_text 'Code: 403' "$STORY_DIR/out"
}
# The login itself succeeds; what it wants to keep is refused.
bao_stores_nothing()
{
    home_file login <"$STORY_DIR/vault"
    expect_fail 2 in_session /usr/bin/env "BAO_ADDR=$BAO_ADDR" /bin/sh -c '/run/bao/bao login - <login' \
        >"$STORY_DIR/out" 2>&1
    local result=$?
    in_place rm /run/home/svc-agent1/login
    [ $result -eq 0 ] && expect_text 'agentid: no token is stored: the session has its own' "$STORY_DIR/out" &&
        expect_fail 1 in_place test -e /run/home/svc-agent1/.vault-token
}

# What "policy trust" prints for Vault, as a person would run it; the issuer's documents are on loopback.
bao_as_root() { BAO_TOKEN=$(cat "$STORY_DIR/vault") "$BAO" "$@" </dev/null; }
trust_agent()
{
    local port=$((BAO_PORT + 10))
    serve_directory "$STORY_DIR/consumer/issuer" $port || return 1
    bao_as_root auth enable jwt || return 1
    in_place /usr/bin/agentid policy trust --audience orders-api vault adapter-agent </dev/null |
        sed "s|jwks_url='[^']*'|jwks_url='http://127.0.0.1:$port/jwks.json'|" >"$STORY_DIR/trust"
    (vault() { BAO_TOKEN=$(cat "$STORY_DIR/vault") "$BAO" "$@"; }; . "$STORY_DIR/trust")
}
# login_as AGENT: with its session's token.
login_as() { in_place /usr/bin/agentid exec "$1" -- agentid get </dev/null >"$STORY_DIR/jwt" &&
    "$BAO" write -field=token_policies auth/jwt/login role=adapter-agent jwt=@"$STORY_DIR/jwt" </dev/null; }
trust_lets_in() { login_as adapter-agent >"$STORY_DIR/out" && expect_text adapter-agent "$STORY_DIR/out"; }
trust_refuses_another()
{
    expect_fail 2 login_as other-agent >"$STORY_DIR/out" 2>&1 || return 1
    expect_text 'invalid subject|sub claim does not match' "$STORY_DIR/out"
}
lint_finds_nothing()
{
    bao_as_root read -format=json auth/jwt/role/adapter-agent >"$STORY_DIR/role.json" &&
        in_place /usr/bin/agentid policy lint - <"$STORY_DIR/role.json"
}
lint_finds_what_is_loose()
{
    echo '{"role_type": "jwt", "user_claim": "sub", "bound_claims_type": "glob", "bound_claims": {"sub": "agent:*"}}' |
        BAO_TOKEN=$(cat "$STORY_DIR/vault") "$BAO" write auth/jwt/role/loose - || return 1
    bao_as_root read -format=json auth/jwt/role/loose >"$STORY_DIR/role.json" || return 1
    expect_fail 1 in_place /usr/bin/agentid policy lint - <"$STORY_DIR/role.json" >"$STORY_DIR/out" || return 1
    expect_text "bound_claims.sub: 'agent:\\*': a wildcard" "$STORY_DIR/out" &&
        expect_text 'bound_audiences: no audience is pinned' "$STORY_DIR/out" &&
        expect_text 'bound_claims_type: .glob.: claims are compared with wildcards' "$STORY_DIR/out"
}

# The access token of a later exchange, and Entra asked by azure-identity itself.
azure_access_token()
{
    with_key azure "$STORY_DIR/consumer/azure" "${python[@]}" 'import os
from azure.core import PipelineClient
from azure.core.pipeline import policies
from azure.core.rest import HttpRequest
from credentials import AccessTokenCredential
policy = policies.BearerTokenCredentialPolicy(AccessTokenCredential("azure"), "https://vault.azure.net/.default")
client = PipelineClient(os.environ["URL"], policies=[policy])
print(client.send_request(HttpRequest("GET", os.environ["URL"] + "/azure")).json())' >"$STORY_DIR/out" &&
        expect_text "^\{'ok': True\}\$" "$STORY_DIR/out"
}
azure_assertion()
{
    in_session "${python[@]}" 'import os
from credentials import client_assertion_credential
credential = client_assertion_credential("tenant", "app", authority=os.environ["URL"], disable_instance_discovery=True)
print(credential.get_token("https://vault.azure.net/.default").token)' >"$STORY_DIR/out" &&
        expect_text '^entra-token$' "$STORY_DIR/out"
}
google_access_token()
{
    printf ya29.federated >"$STORY_DIR/gcp"
    with_key gcp "$STORY_DIR/gcp" "${python[@]}" 'import os, google.auth.transport.requests as transport
from credentials import google_credentials
print(transport.AuthorizedSession(google_credentials("gcp")).get(os.environ["URL"] + "/google/resource").json())' \
        >"$STORY_DIR/out" && expect_text "^\{'ok': True\}\$" "$STORY_DIR/out"
}

nothing_on_disk()
{
    for pattern in 'eyJhbGciOi' 'session==' "$(cat "$STORY_DIR/vault")"; do
        expect_fail 1 in_place grep -rqF -e "$pattern" /run/home /var/lib/agentid /run/etc/up || return 1
    done
}

enter_host "$CONSUMERS" consumers "$(dirname "$BAO")" bao "$AID_SRC/examples/python" examples || give_up "no private place"
configure || give_up "no configuration"
in_place /usr/bin/agentid issuer init </dev/null >&2 || give_up "issuer init exited with $?"
in_place /usr/bin/agentid issuer publish /run/issuer </dev/null >&2 || give_up "issuer publish exited with $?"
start_daemons || give_up "the daemons do not start"
serve_consumers || give_up "the other ends do not start"

check "curl reads its header from agentid header" curl_header
aws_config
check "boto3 by credential_process" boto3_credential_process
check "awscli by credential_process" awscli_credential_process
check "boto3 without a credential says why" boto3_without_credential
check "google-auth by an executable source" google_executable
check "google-auth for another audience is refused, and says why" google_other_audience
check "the kubernetes client by ExecCredential v1" kube_exec v1
check "the kubernetes client by ExecCredential v1beta1" kube_exec v1beta1
check "the kubernetes client without a credential says why" kube_without_credential
check "git over https by a password" git_basic
check "git over https by the helper's name" git_link
if git_can_bearer; then check "git over https by Bearer" git_bearer; fi
check "git for a host that is not allowed gets nothing" git_other_host
check "skopeo for a registry that is named" skopeo_registry
check "skopeo for a registry that docker's configuration does not name gets nothing" skopeo_other_registry
if command -v docker >/dev/null; then
    check "docker for a registry that is named" docker_registry
    check "docker for a registry that is not named gets nothing" docker_other_registry
fi
start_bao || give_up "OpenBao does not start"
check "bao by its token helper" bao_lookup
check "bao without a token goes on, and the server refuses" bao_without_token
check "bao login stores nothing" bao_stores_nothing
check "bao takes the trust that policy trust prints" trust_agent
check "and lets in this agent" trust_lets_in
check "and no other" trust_refuses_another
check "policy lint finds nothing in it" lint_finds_nothing
check "policy lint finds what is loose in another role" lint_finds_what_is_loose
check "an Azure client by an access token of the ring" azure_access_token
check "azure-identity by the token as its assertion" azure_assertion
check "a Google client by an access token of the ring" google_access_token
check "no credential was written anywhere" nothing_on_disk
finish
