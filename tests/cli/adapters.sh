#!/bin/bash
# SPDX-License-Identifier: LGPL-2.1-or-later
# Copyright The agentid authors
# The adapters, by the protocols of the programs that start them: what they print, for whom, and what
# they say when there is nothing. integration/83-adapters.sh has those programs themselves.
# shellcheck source=tests/cli/lib.sh
. "${srcdir:-.}/tests/cli/lib.sh"
own_namespace "$@"

jwt=eyJhbGciOiJub25lIn0.eyJzdWIiOiJhIn0.c2ln
aws='{"Version":1,"AccessKeyId":"ASIA1","SecretAccessKey":"s/+k","SessionToken":"t==","Expiration":"2030-01-02T03:04:05Z"}'
export HOME=$WORK/home
mkdir -p "$HOME/.docker"
unset DOCKER_CONFIG KUBERNETES_EXEC_INFO
ring=$(keyctl newring agentid @s)

# put NAME PAYLOAD: as agentid-keyringd would.
put()
{
    local key
    key=$(keyctl add user "agentid:$1" "$2" "$ring")
    keyctl setperm "$key" 0x0b2f0000
}

# with_input TEXT STATUS COMMAND...: the same as expect, with TEXT as standard input.
with_input()
{
    local want=$2
    printf '%b' "$1" >"$WORK/in"
    shift 2
    status=0
    "$@" >"$WORK/out" 2>"$WORK/err" <"$WORK/in" || status=$?
    out=$(cat "$WORK/out")
    err=$(cat "$WORK/err")
    [ "$status" -eq "$want" ] || complain "'$*' exited with $status, not $want: $out $err"
}
out_is_empty() { [ -z "$out" ] || complain "the output is not empty: $out"; }
# one_line: on standard error, of agentid.
one_line()
{
    [ "$(wc -l <"$WORK/err")" -eq 1 ] || complain "not one line of error: $err"
    case $err in "agentid: "*) ;; *) complain "not a sentence of agentid's: $err" ;; esac
}

put token "$jwt"
put vault hvs.CAESI
put aws "$aws"
put odd $'a\nb'
put info $'token 1893553445\n'
keyctl setperm "$ring" 0x0b3f0000

# header
expect 0 "$AGENTID" header
out_is "Authorization: Bearer $jwt"
expect 0 "$AGENTID" header vault
out_is "Authorization: Bearer hvs.CAESI"
expect 1 "$AGENTID" header odd
err_is "agentid: agentid:odd holds bytes that may not stand in a bearer token"
expect 1 "$AGENTID" header aws
out_is_empty
expect 3 "$AGENTID" header none
err_is "agentid: agentid:none: Required key not available"
expect 2 "$AGENTID" header a b
err_has "'b' is one argument too many"
expect 2 "$AGENTID" header --host x
err_has "unknown option '--host'"

# aws
expect 0 "$AGENTID" aws
out_is "$aws"
expect 1 "$AGENTID" aws token
err_is "agentid: agentid:token is no credential for AWS: it is no JSON object with AccessKeyId"
out_is_empty
put forever '{"Version":1,"AccessKeyId":"ASIA1","SecretAccessKey":"k"}'
expect 1 "$AGENTID" aws forever
err_has "no JSON object with Expiration"
out_is_empty
expect 3 "$AGENTID" aws none
out_is_empty
one_line

# gcp
aud=//iam.googleapis.com/projects/1/locations/global/workloadIdentityPools/p/providers/r
type=urn:ietf:params:oauth:token-type:jwt
google() { env "GOOGLE_EXTERNAL_ACCOUNT_AUDIENCE=$aud" "GOOGLE_EXTERNAL_ACCOUNT_TOKEN_TYPE=$type" "$@"; }
expect 0 google "$AGENTID" gcp --audience "$aud"
out_is "{\"version\":1,\"success\":true,\"token_type\":\"$type\",\"id_token\":\"$jwt\",\"expiration_time\":1893553445}"
# refused MESSAGE: the failure of an executable, with status 0, no token and no other output.
refused()
{
    out_json "j['version'] == 1 and j['success'] is False and j['code'] and '$1' in j['message']"
    out_lacks "$jwt"
    [ -z "$err" ] || complain "an error that google-auth would read as JSON: $err"
}
expect 0 google "$AGENTID" gcp --audience "$aud/"
refused "--audience is another"
expect 0 "$AGENTID" gcp --audience "$aud"
refused "GOOGLE_EXTERNAL_ACCOUNT_AUDIENCE is not set"
expect 0 google env GOOGLE_EXTERNAL_ACCOUNT_TOKEN_TYPE=urn:ietf:params:oauth:token-type:saml2 "$AGENTID" gcp --audience "$aud"
refused "a jwt or an id_token can be had"
expect 0 google env GOOGLE_EXTERNAL_ACCOUNT_INTERACTIVE=1 "$AGENTID" gcp --audience "$aud"
refused "there is no interactive mode"
expect 0 google "$AGENTID" gcp --audience "$aud" vault
refused "agentid:vault is no JWT"
expect 0 google "$AGENTID" gcp --audience "$aud" none
refused "agentid:none: Required key not available"
expect 2 google "$AGENTID" gcp
err_has "--audience is needed"

# kube
expect 0 "$AGENTID" kube
out_is "{\"apiVersion\":\"client.authentication.k8s.io/v1\",\"kind\":\"ExecCredential\",\"status\":{\"token\":\"$jwt\",\"expirationTimestamp\":\"2030-01-02T03:04:05Z\"}}"
info='{"kind":"ExecCredential","spec":{"interactive":false,"cluster":{"config":{"apiVersion":"x"}}},"apiVersion":"client.authentication.k8s.io/v1beta1"}'
expect 0 env KUBERNETES_EXEC_INFO="$info" "$AGENTID" kube vault
out_is '{"apiVersion":"client.authentication.k8s.io/v1beta1","kind":"ExecCredential","status":{"token":"hvs.CAESI"}}'
expect 1 env KUBERNETES_EXEC_INFO="${info/v1beta1/v1alpha1}" "$AGENTID" kube
err_has "v1alpha1' is neither client.authentication.k8s.io/v1 nor v1beta1"
out_is_empty
expect 1 env KUBERNETES_EXEC_INFO='{"spec":{}}' "$AGENTID" kube
err_has "no JSON object with an apiVersion"
expect 3 "$AGENTID" kube none
out_is_empty
one_line

# git-credential
git_helper=("$AGENTID" git-credential --host git.example.com --host git.example.com:8443)
with_input 'protocol=https\nhost=git.example.com\n\n' 0 "${git_helper[@]}" get
out_is "username=oauth2
password=$jwt
password_expiry_utc=1893553445"
bearer="capability[]=authtype
authtype=Bearer
credential=$jwt
ephemeral=1"
with_input 'capability[]=authtype\ncapability[]=state\nprotocol=https\nhost=GIT.example.com:8443\n' 0 "${git_helper[@]}" get
out_is "$bearer"
with_input 'capability[]=authtype\nprotocol=https\nhost=git.example.com\nwwwauth[]=Basic realm=x\nwwwauth[]=bearer realm="y"\n' 0 "${git_helper[@]}" get
out_is "$bearer"
with_input 'capability[]=authtype\nprotocol=https\nhost=git.example.com\nwwwauth[]=Basic realm="GitHub"\n' 0 "${git_helper[@]}" --username x-access-token get
out_has "username=x-access-token"
for request in 'protocol=http\nhost=git.example.com\n' 'protocol=https\nhost=git.example.com.evil.example\n' \
    'protocol=https\nhost=git.example.com:443\n' 'protocol=https\nhost=evil.example\n' 'host=git.example.com\n' \
    'protocol=https\n' 'protocol=https\nhost=git.example.com\nusername=alice\n' '\n' ''; do
    with_input "$request" 0 "${git_helper[@]}" get
    out_is_empty
    [ -z "$err" ] || complain "an error for '$request': $err"
done
for request in 'protocol=https\r\nhost=git.example.com\r\n' 'protocol=https\nhost\n' 'protocol=https\nhost=git.example.com\n\0x'; do
    with_input "$request" 0 "${git_helper[@]}" get
    out_is_empty
    one_line
done
with_input 'protocol=https\nhost=git.example.com\n' 0 "${git_helper[@]}" --credential none get
out_is_empty
err_is "agentid: agentid:none: Required key not available"
for operation in store erase frobnicate; do
    with_input 'protocol=https\nhost=git.example.com\npassword=x\n' 0 "${git_helper[@]}" $operation
    out_is_empty
done
expect 0 "$AGENTID" git-credential capability
out_is $'version 0\ncapability authtype'
expect 2 "$AGENTID" git-credential get
err_has "--host is needed"
expect 2 "$AGENTID" git-credential --host '*.example.com' get
err_has "--host '*.example.com': a host name with an optional port"
expect 2 "$AGENTID" git-credential --host https://git.example.com get
err_has "a host name with an optional port"

# docker-credential, by its link
ln -s "$AGENTID" $WORK/docker-credential-agentid
docker_helper=$WORK/docker-credential-agentid
not_found="credentials not found in native keychain"
with_input registry.example.com 1 "$docker_helper" get
out_is "$not_found"
err_has "$HOME/.docker/config.json, which names the registries that may be given the token: No such file"
cat >"$HOME/.docker/config.json" <<'CONFIG'
{"auths": {"other.example.com": {"auth": "eDp5"}}, "credsStore": "agentid", "note": ["{\"", {"credHelpers": 1}],
 "credHelpers": {"registry.example.com": "agentid", "https://two.example.com:5000/v2/": "agentid",
                 "x.azurecr.io": "agentid", "other.example.com": "pass", "http://plain.example.com": "agentid"}}
CONFIG
with_input 'registry.example.com\n' 0 "$docker_helper" get
out_is "{\"ServerURL\":\"registry.example.com\",\"Username\":\"oauth2\",\"Secret\":\"$jwt\"}"
with_input https://two.example.com:5000/v2/ 0 "$docker_helper" get
with_input x.azurecr.io 0 "$docker_helper" get
out_json "j['Username'] == '00000000-0000-0000-0000-000000000000'"
for server in other.example.com plain.example.com http://registry.example.com registry.example.com:5000 https://index.docker.io/v1/ \
    'a b' evil.example/registry.example.com; do
    with_input "$server" 1 "$docker_helper" get
    out_is "$not_found"
    err_has "'$server' is not among the registries that may be given the token"
done
with_input '' 1 "$docker_helper" get
out_is "no credentials server URL"
with_input registry.example.com 1 "$docker_helper" --credential none get
out_is "$not_found"
err_is "agentid: agentid:none: Required key not available"
with_input evil.example 0 "$docker_helper" --host evil.example --username u get
out_json "j['Username'] == 'u'"
with_input '{"ServerURL":"a","Username":"b","Secret":"c"}' 1 "$docker_helper" store
out_has "nothing is stored"
with_input '{"Username":"b","Secret":"c"}' 1 "$docker_helper" store
out_is "no credentials server URL"
with_input '{"ServerURL":"a","Secret":"c"}' 1 "$docker_helper" store
out_is "no credentials username"
with_input registry.example.com 0 "$docker_helper" erase
out_is_empty
expect 0 "$docker_helper" list
out_json "j == {'registry.example.com': 'oauth2', 'two.example.com:5000': 'oauth2', 'x.azurecr.io': '00000000-0000-0000-0000-000000000000'}"
expect 0 "$docker_helper" version
out_has "docker-credential-agentid"
echo '{"credHelpers": {"registry.example.com": "agentid"' >"$HOME/.docker/config.json"
with_input registry.example.com 1 "$docker_helper" get
out_is "$not_found"
err_has "config.json is no JSON object"
mkdir $WORK/dockerdir
echo '{"credHelpers": {"third.example.com": "agentid"}}' >$WORK/dockerdir/config.json
with_input third.example.com 0 env DOCKER_CONFIG=$WORK/dockerdir "$docker_helper" get

# vault-token, by its link
ln -s "$AGENTID" $WORK/vault-token-agentid
vault_helper=$WORK/vault-token-agentid
expect 0 "$vault_helper" get
[ "$(cat $WORK/out; echo x)" = hvs.CAESIx ] || complain "not the token alone: $out"
expect 0 "$AGENTID" vault-token --credential none get
out_is_empty
err_is "agentid: agentid:none: Required key not available"
with_input hvs.other 4 "$vault_helper" store
err_has "no token is stored"
expect 0 "$vault_helper" erase
expect 2 "$vault_helper" frobnicate
err_has "'frobnicate': get, store and erase are known"
expect 2 "$vault_helper"
err_has "an operation is needed"

# A full disk or a closed pipe is a failure, not half an answer.
for command in header aws kube "vault-token get"; do
    # shellcheck disable=SC2086 # two words on purpose
    run bash -c '"$0" "$@" >/dev/full' "$AGENTID" $command
    [ "$status" -eq 1 ] || complain "$command to a full device exited with $status"
done

# Without memory for the answer there is none, and that is a failure.
crowded() { env LD_PRELOAD="$PWD/tests/support/.libs/full_stream.so" ASAN_OPTIONS=verify_asan_link_order=0 "$@"; }
expect 1 crowded "$AGENTID" kube
out_is_empty
err_is "agentid: out of memory"
expect 1 crowded env "GOOGLE_EXTERNAL_ACCOUNT_AUDIENCE=$aud" "GOOGLE_EXTERNAL_ACCOUNT_TOKEN_TYPE=$type" "$AGENTID" gcp --audience "$aud"
out_is_empty
err_is "agentid: out of memory"
with_input third.example.com 1 crowded "$docker_helper" --host third.example.com get
out_is "$not_found"
err_is "agentid: out of memory"
expect 1 crowded "$docker_helper" --host third.example.com list
err_is "agentid: out of memory"

# Ended.
keyctl revoke "$ring"
expect 4 "$AGENTID" header
out_is_empty
expect 4 "$AGENTID" kube
expect 0 google "$AGENTID" gcp --audience "$aud"
refused "the agent session was ended"
with_input 'protocol=https\nhost=git.example.com\n' 0 "${git_helper[@]}" get
out_is_empty
one_line
expect 0 "$vault_helper" get
out_is_empty
finish
