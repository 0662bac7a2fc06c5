#!/bin/bash
# SPDX-License-Identifier: LGPL-2.1-or-later
# Copyright The agentid authors
# policy: what it prints pins the agent exactly, what it prints it finds nothing in, and a wildcard is
# refused wherever it stands. unit/test_policy.c has what lint finds.
# shellcheck source=tests/cli/lib.sh
. "${srcdir:-.}/tests/cli/lib.sh"
own_namespace "$@"
own_configuration
policy() { "$ADMIN" policy "$@"; }
# lint_finds STATUS TEXT: in what stands in $WORK/document.
lint_finds()
{
    expect "$1" policy lint "$WORK/document"
    out_has "$2"
}

printf '[issuer]\nurl = https://id.example.com/host01\n' >"$CONF/agentid.conf"
printf '[agent]\nid = a\naccount = nobody\n[token]\nsource = host\naudience = api\n' >"$CONF/agents.d/a.conf"
cat >"$CONF/agents.d/kc.conf" <<'END'
[agent]
id = kc
account = daemon
[token]
source = oidc
issuer = https://kc.example/realms/r
client_id = kc-client
client_auth = client_secret_basic
client_secret = file:/etc/agentid/secret
subject = agent:kc
audience = orders-api
END

# Assertions of the host, although the token is Keycloak's; and, where the section says so, of Keycloak.
cat >"$CONF/agents.d/c.conf" <<'END'
[agent]
id = c
account = bin
[token]
source = oidc
issuer = https://kc.example/realms/r
client_id = c-client
client_auth = client_secret_basic
client_secret = file:/etc/agentid/secret
subject = agent:c-there
audience = orders-api
[credential aws]
type = aws-sts
role_arn = arn:aws:iam::123456789012:role/r
region = eu-west-1
[credential vault]
type = vault
address = https://vault.example
role = r
assertion = oidc
assertion_audience = vault.example
[credential gcp]
type = gcp-wif
provider = //iam.googleapis.com/projects/12/locations/global/workloadIdentityPools/my-providers/providers/prov
END

# AWS: the host's issuer, and Keycloak, whose azp AWS compares in place of aud.
expect 0 policy trust --account 123456789012 aws a
cp "$WORK/out" "$WORK/document"
out_json 'j["Statement"] == [{"Effect": "Allow",
    "Principal": {"Federated": "arn:aws:iam::123456789012:oidc-provider/id.example.com/host01"},
    "Action": "sts:AssumeRoleWithWebIdentity",
    "Condition": {"StringEquals": {"id.example.com/host01:aud": "sts.amazonaws.com",
                                   "id.example.com/host01:sub": "agent:a"}}}]'
lint_finds 0 "AWS trust policy: nothing found"
expect 0 policy trust --account 123456789012 aws kc
cp "$WORK/out" "$WORK/document"
out_json 'j["Statement"][0]["Condition"] == {"StringEquals": {"kc.example/realms/r:aud": "kc-client",
    "kc.example/realms/r:oaud": "orders-api", "kc.example/realms/r:sub": "agent:kc"}}'
lint_finds 0 "AWS trust policy: nothing found"
expect 0 policy trust --account 123456789012 --no-azp --audience other aws kc
out_json 'j["Statement"][0]["Condition"] == {"StringEquals": {"kc.example/realms/r:aud": "other",
    "kc.example/realms/r:sub": "agent:kc"}}'
expect 0 policy trust --account 123456789012 aws c
out_json 'j["Statement"][0]["Condition"] == {"StringEquals": {"id.example.com/host01:aud": "sts.amazonaws.com",
    "id.example.com/host01:sub": "agent:c"}}'
expect 2 policy trust aws a
err_has "--account is needed: the number of the AWS account"
expect 2 policy trust --account 1234 aws a
err_has "--account '1234': 12 digits"

# The others, as commands. What they send is JSON that lint has nothing against.
document() { sed -n "/<<'END'/,/^END/{//!p}" "$WORK/out" >"$WORK/document"; }
expect 0 policy trust --app 1-2 azure a
out_has "az ad app federated-credential create --id '1-2' --parameters @-"
document
lint_finds 0 "Azure federated credential: nothing found"
expect 0 python3 -c 'import json, sys
j = json.load(open(sys.argv[1]))
sys.exit(j != {"name": "agentid-a", "issuer": "https://id.example.com/host01", "subject": "agent:a",
               "audiences": ["api://AzureADTokenExchange"]})' "$WORK/document"
provider=projects/12/locations/global/workloadIdentityPools/pool/providers/prov
expect 0 policy trust --provider $provider --service-account sa@p.iam.gserviceaccount.com gcp a
out_has "--attribute-condition=\"assertion.sub == 'agent:a'\""
out_has "--allowed-audiences='https://iam.googleapis.com/$provider'"
out_has "--member='principal://iam.googleapis.com/projects/12/locations/global/workloadIdentityPools/pool/subject/agent:a'"
"$BASH" -n "$WORK/out" || complain "the commands for Google are no shell"
expect 0 policy trust --provider projects/12/locations/global/workloadIdentityPools/my-providers/providers/prov gcp c
out_has "providers create-oidc 'prov' --project='12'"
out_has "--workload-identity-pool='my-providers' --issuer-uri='https://id.example.com/host01'"
out_has "--allowed-audiences='https://iam.googleapis.com/projects/12/locations/global/workloadIdentityPools/my-providers/providers/prov'"
out_has "assertion.sub == 'agent:c'"
for wrong in projects/12 "$provider/x" "x$provider" "${provider#projects/}"; do
    expect 2 policy trust --provider "$wrong" gcp a
    err_has "--provider '$wrong': it is projects/NUMBER/"
done
expect 0 policy trust --audience vault.example vault a
out_has "vault write 'auth/jwt/config' bound_issuer='https://id.example.com/host01' jwks_url='https://id.example.com/host01/jwks.json'"
document
lint_finds 0 "Vault role: nothing found"
out_json_document() { expect 0 python3 -c 'import json, sys
j = json.load(open(sys.argv[1]))
sys.exit(not eval(sys.argv[2]))' "$WORK/document" "$1"; }
out_json_document '(j["token_ttl"], j["token_max_ttl"]) == ("600s", "3600s")'
expect 2 policy trust vault a
err_has "--audience is needed"
expect 0 policy trust --audience vault.example vault kc
out_has "bound_issuer='https://kc.example/realms/r' oidc_discovery_url='https://kc.example/realms/r'"
out_lacks jwks_url
out_has '"bound_subject": "agent:kc"'
expect 0 policy trust vault c
out_has "oidc_discovery_url='https://kc.example/realms/r'"
out_has '"bound_subject": "agent:c-there", "bound_audiences": ["vault.example"]'
cat >>"$CONF/agents.d/c.conf" <<'END'
[credential vault2]
type = vault
address = https://vault2.example
role = r
assertion_audience = vault2.example
END
sed 's/^role = r$/&\nmax_lifetime = 2h/' "$CONF/agents.d/c.conf" >"$WORK/c.conf"
mv "$CONF/agents.d/c.conf" "$WORK/kept.conf"
sed -n '1,/vault2/p' "$WORK/c.conf" | sed '$d' >"$CONF/agents.d/c.conf"
expect 0 policy trust vault c
document
out_json_document '(j["token_ttl"], j["token_max_ttl"]) == ("7200s", "7200s")'
mv "$WORK/kept.conf" "$CONF/agents.d/c.conf"
expect 2 policy trust vault c
err_has "agent 'c' has more than one [credential] of type vault, with different assertions: --audience says which"
expect 0 policy trust --audience vault2.example vault c
out_has "jwks_url='https://id.example.com/host01/jwks.json'"
out_has '"bound_subject": "agent:c", "bound_audiences": ["vault2.example"]'
expect 0 policy trust --realm r --client c keycloak a
out_has '"jwt.credential.sub": "agent:a"'
out_has '"issuer": "https://id.example.com/host01"'
out_has '"alias": "agentid-id-example-com-host01"'
out_has '"jwt.credential.issuer": "agentid-id-example-com-host01"'
expect 0 policy trust --realm r --client c keycloak kc
out_has '"jwt.credential.sub": "agent:kc"'
out_has '"issuer": "https://id.example.com/host01"'
expect 2 policy trust --realm r --client c --audience x keycloak a
err_has "Keycloak takes its realm's issuer and no other"

# Wildcards, and what would leave its quotes.
for arguments in "--app a* azure a" "--audience * vault a" "--provider $provider* gcp a" "--account 12345678901? aws a" \
    "--realm r --client c? keycloak a"; do
    # shellcheck disable=SC2086 # words on purpose
    set -f; expect 2 policy trust $arguments; set +f
    err_has "a wildcard would let in more than this agent"
done
expect 2 policy trust --audience "v' ; rm -rf /" vault a
err_has "printable ASCII without spaces, quotes and variables is allowed"
expect 2 policy permissions --bucket 'b*' --prefix p/ --read aws a
err_has "--bucket 'b*': a wildcard would let in more than this agent"
expect 3 policy trust --account 123456789012 aws nobody
err_is "agentid: there is no agent 'nobody'"
expect 2 policy trust tencent a
err_has "'tencent': aws, azure, gcp, keycloak and vault are known"
expect 2 policy trust aws
err_has "a kind and an AGENT are needed"

# Permissions.
expect 0 policy permissions --bucket b --prefix reports/ --read aws a
out_json '[(s["Action"], s["Resource"]) for s in j["Statement"]] == [("s3:ListBucket", "arn:aws:s3:::b"),
    (["s3:GetObject"], "arn:aws:s3:::b/reports/*")]'
out_json 'j["Statement"][0]["Condition"] == {"StringLike": {"s3:prefix": "reports/*"}}'
expect 0 policy permissions --bucket b --prefix reports/ --write aws a
out_json '[s["Action"] for s in j["Statement"]] == [["s3:PutObject"]]'
expect 0 policy permissions --bucket b --prefix reports/ --read --write aws a
out_json 'j["Statement"][1]["Action"] == ["s3:GetObject", "s3:PutObject"]'
expect 0 policy permissions --bucket b --prefix reports/ --bucket-policy --role-arn arn:aws-cn:iam::123456789012:role/r aws a
out_json 'j["Statement"] == [{"Sid": "DenyAllButTheAgent", "Effect": "Deny", "Principal": "*", "Action": "s3:*",
    "Resource": "arn:aws-cn:s3:::b/reports/*",
    "Condition": {"ArnNotEquals": {"aws:PrincipalArn": "arn:aws-cn:iam::123456789012:role/r"}}}]'
for prefix in reports /reports/; do
    expect 2 policy permissions --bucket b --prefix $prefix --read aws a
    err_has "--prefix '$prefix': it ends with /"
done
expect 2 policy permissions --bucket b --prefix p/ aws a
err_has "--read, --write or --bucket-policy is needed"
expect 2 policy permissions --bucket b --prefix p/ --bucket-policy --role-arn x aws a
err_has "--role-arn 'x': it is no ARN of a role"

# Lint: one line each, exit status 1, and the issuers of the configuration.
cat >"$WORK/document" <<'END'
{"Statement": [{"Effect": "Allow", "Principal": {"Federated": "arn:aws:iam::123456789012:oidc-provider/evil.example"},
  "Action": "sts:AssumeRoleWithWebIdentity", "Condition": {"StringLike": {"evil.example:sub": "agent:*"}}}]}
END
lint_finds 1 "$WORK/document: \$.Statement[0].Principal.Federated: 'arn:aws:iam::123456789012:oidc-provider/evil.example': this issuer is not of this host or of one of its agents; write \"Principal\": {"
out_has "\$.Statement[0].Condition.StringLike.evil.example:sub: 'agent:*': a wildcard lets in other agents too; write \"StringEquals\""
expect 1 policy lint --json "$WORK/document"
out_json '(j["kind"] == "AWS trust policy" and len(j["findings"]) == 6 and j["more"] is False and
    all(set(f) == {"path", "value", "why", "instead"} for f in j["findings"]))'
expect 1 policy lint --issuer https://evil.example "$WORK/document"
out_lacks "this issuer is not"
# Issuers that stand there twice count once.
many() { for i in $(seq "$1"); do echo --issuer "https://i$i.example"; done; }
# shellcheck disable=SC2046 # words on purpose
expect 1 policy lint $(many 64) $(many 64) "$WORK/document"
# shellcheck disable=SC2046
expect 2 policy lint $(many 65) "$WORK/document"
err_has "--issuer: at most 64 are allowed"
for i in $(seq 70); do
    sed "s|id = kc|id = many$i|; s|daemon|many$i|; s|realms/r|realms/r$i|" "$CONF/agents.d/kc.conf" >"$CONF/agents.d/many$i.conf"
done
sed 's|evil.example|kc.example/realms/r70|' "$WORK/document" >"$WORK/last"
expect 1 policy lint "$WORK/last"
out_lacks "this issuer is not"
rm "$CONF"/agents.d/many*
expect 1 bash -c '"$0" policy lint - <"$1"' "$ADMIN" "$WORK/document"
echo '{"a": 1}' >"$WORK/document"
expect 2 policy lint "$WORK/document"
err_has "it is neither a trust policy of AWS"
echo '{"a": 1' >"$WORK/document"
expect 2 policy lint "$WORK/document"
err_has "$WORK/document: "
expect 2 policy lint "$WORK/none"
err_has "No such file or directory"
expect 2 policy lint
err_has "one FILE is needed"
rm "$CONF/agentid.conf" "$CONF"/agents.d/[ac].conf
expect 6 policy trust --realm r --client c keycloak kc
err_has "the assertions of this host need [issuer] url in agentid.conf"
rm "$CONF"/agents.d/*
printf '{"issuer":"https://x.example","subject":"agent:a","audiences":["x"]}' >"$WORK/document"
lint_finds 0 "nothing found"
err_has "no issuer is configured here, so issuers were not judged; see --issuer"
expect 2 policy
err_has "lint, permissions and trust are known"
finish
