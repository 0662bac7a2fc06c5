#!/bin/bash
# SPDX-License-Identifier: LGPL-2.1-or-later
# Copyright The agentid authors
# setup: shows first, writes only with --write, keeps what is there, and touches no file that is not the
# user's own.
# shellcheck source=tests/cli/lib.sh
. "${srcdir:-.}/tests/cli/lib.sh"
own_namespace "$@"
export HOME=$WORK/home
mkdir -p "$HOME/.aws" "$HOME/.docker"
setup() { "$ADMIN" setup "$@"; }
bin=$(make -s --no-print-directory --eval 'setup-print:; @echo $(bindir)' setup-print)

# writes FILE ARGUMENT...: shows the change and leaves the file; then writes it; then has nothing to do.
writes()
{
    local file=$HOME/$1 before=none
    shift
    [ ! -e "$file" ] || before=$(sha256sum <"$file")
    expect 0 setup "$@"
    out_has "+++ $file"
    out_has "nothing was written; --write does it"
    if [ "$before" = none ]; then
        [ ! -e "$file" ] || complain "setup $* wrote $file"
    else
        [ "$before" = "$(sha256sum <"$file")" ] || complain "setup $* changed $file"
    fi
    expect 0 setup --write "$@"
    out_has "wrote $file"
    expect 0 setup --write "$@"
    out_is "$file: nothing to change"
    out=$(cat "$file")
}

# AWS: a new file; a section among others; a line that is there already.
rm -r "$HOME/.aws"
writes .aws/config aws
out_is "[default]
credential_process = $bin/agentid aws"
[ "$(stat -c %a "$HOME/.aws" "$HOME/.aws/config" | tr '\n' ' ')" = "700 600 " ] || complain "the modes are others"
printf '# mine\n[default]\nregion = eu-west-1\n\n[profile b]\ncredential_process = other\noutput = json\n[profile c]' >"$HOME/.aws/config"
chmod 0640 "$HOME/.aws/config"
writes .aws/config --profile b --credential aws2 aws
out_is "# mine
[default]
region = eu-west-1

[profile b]
credential_process = $bin/agentid aws aws2
output = json
[profile c]"
[ "$(stat -c %a "$HOME/.aws/config")" = 640 ] || complain "the mode is another"
writes .aws/config aws
out_has "[default]
credential_process = $bin/agentid aws
region = eu-west-1"
writes .aws/config --profile d aws
out_has "[profile c]

[profile d]
credential_process = $bin/agentid aws"
out_has "region = eu-west-1"
expect 0 setup --profile e aws
out_lacks region
# Headers in every form that the SDKs read; a line that goes on with a nested one is no key.
for header in '[ default ]' '[default] # mine' '[default];' '[profile default]' '[profile	"default"]'; do
    printf '%s\ns3 =\n  credential_process = nested\nCredential_Process=other' "$header" >"$HOME/.aws/config"
    expect 0 setup --write aws
    out_is "--- $HOME/.aws/config
+++ $HOME/.aws/config
-Credential_Process=other
+credential_process = $bin/agentid aws
wrote $HOME/.aws/config"
    [ "$(head -1 "$HOME/.aws/config")" = "$header" ] || complain "the header of $header changed"
    [ "$(grep -c '\[' "$HOME/.aws/config")" -eq 1 ] || complain "a second section beside $header"
done
for header in '[default2]' '#[default]' '[profile defaults]' '[profiledefault]' '[sso-session default]'; do
    printf '%s\nregion = x\n' "$header" >"$HOME/.aws/config"
    expect 0 setup --write aws
    grep -qxF '[default]' "$HOME/.aws/config" || complain "$header was taken for [default]"
done
printf '[default]\n[profile default]\n' >"$HOME/.aws/config"
expect 6 setup --write aws
err_has "it has both [default] and [profile default], of which the SDKs take different ones: remove one"

# docker: members and their order stay, passwords are not shown.
printf '{\n\t"auths": {\n\t\t"r.example.com": {\n\t\t\t"auth": "c2VjcmV0"\n\t\t}\n\t},\n\t"credHelpers": {\n\t\t"a.example.com": "pass"\n\t},\n\t"x": 1\n}' >"$HOME/.docker/config.json"
expect 0 setup --host b.example.com docker
out_is "--- $HOME/.docker/config.json
+++ $HOME/.docker/config.json
+		\"b.example.com\": \"agentid\"
nothing was written; --write does it"
writes .docker/config.json --host b.example.com docker
out_json '(list(j) == ["auths", "credHelpers", "x"] and j["auths"]["r.example.com"]["auth"] == "c2VjcmV0" and
    j["credHelpers"] == {"a.example.com": "pass", "b.example.com": "agentid"})'
for text in '{"auths":{"r":{"auth":"c2VjcmV0"}}}' '{"HttpHeaders":{"Authorization":"Basic c2VjcmV0"}}' '{"last":"c2VjcmV0"}' \
    '{"proxies":{"default":{"httpProxy":"http://u:c2VjcmV0@p"}},"credHelpers":{"b.example.com":"pass"}}' \
    '{"credHelpers":{"z":"z"},"auths":{"r":{"auth":
"c2VjcmV0"}}}'; do
    echo "$text" >"$HOME/.docker/config.json"
    expect 0 setup --host b.example.com docker
    out_lacks c2VjcmV0
    out_has "\"b.example.com\": \"agentid\""
    out_has "the rest of the file keeps its contents, in other lines"
    expect 0 setup --write --host b.example.com docker
    out_lacks c2VjcmV0
    grep -q c2VjcmV0 "$HOME/.docker/config.json" || complain "a password was lost"
done
for text in '{' '{"credHelpers": 7}' '[]'; do
    echo "$text" >"$HOME/.docker/config.json"
    run setup --write --host b.example.com docker
    [ "$status" -ne 0 ] || complain "a wrong config.json was taken: $text"
    [ "$(cat "$HOME/.docker/config.json")" = "$text" ] || complain "a wrong config.json was changed"
done
rm "$HOME/.docker/config.json"
writes .docker/config.json --host b.example.com:5000 docker
out_json 'j == {"credHelpers": {"b.example.com:5000": "agentid"}}'

# git, as git reads it.
printf '[user]\n\tname = A\n[credential]\n\thelper = store' >"$HOME/.gitconfig"
writes .gitconfig --host git.example.com git
expect 0 git config --global user.name
out_is A
expect 0 git config --global --get-urlmatch credential.helper https://git.example.com/a
out_is "$bin/agentid git-credential --host git.example.com"
writes .gitconfig --host hub.example --username x-access-token git
expect 0 git config --global --get-urlmatch credential.helper https://hub.example/
out_has "--username x-access-token"

# The others.
provider=//iam.googleapis.com/projects/1/locations/global/workloadIdentityPools/p/providers/r
writes .config/agentid/gcp.json --audience $provider --service-account s@p.iam.gserviceaccount.com gcp
out_json "(j['audience'] == '$provider' and 'output_file' not in str(j) and
    j['credential_source']['executable']['command'] == '$bin/agentid gcp --audience $provider')"
writes .kube/agentid.json kube
out_json 'j["users"][0]["user"]["exec"]["args"] == ["kube"]'
printf 'default_lease = "1h"\ntoken_helper = "/old"\n# end\n' >"$HOME/.vault"
writes .vault vault
out_is "default_lease = \"1h\"
token_helper = \"$bin/vault-token-agentid\"
# end"
writes .bao --bao vault
printf '{"users": [{"user": {"token": "c2VjcmV0",\n"client-key-data": "c2VjcmV0",\n"exec": {"apiVersion": "client.authentication.k8s.io/v1"}}}]}' \
    >"$HOME/.kube/agentid.json"
expect 0 setup kube
out_lacks c2VjcmV0
out_has "-(a line that may hold a password)"
echo '{"type": "service_account"}' >"$HOME/.config/agentid/gcp.json"
expect 6 setup --write --audience $provider gcp
err_has "the file is there and is no external_account"
echo 'apiVersion: v1' >"$HOME/.kube/agentid.json"
expect 6 setup --write kube
err_has "was not made by this command"

# Not the user's own.
# refuses SENTENCE: for ~/.vault as it is now.
refuses()
{
    run setup --write vault
    [ "$status" -eq 1 ] || complain "setup exited with $status, not 1: $out"
    err_has "$1"
}
rm "$HOME/.vault"
echo x >"$WORK/elsewhere"
ln -s "$WORK/elsewhere" "$HOME/.vault"
refuses "$HOME/.vault: it is a symbolic link"
rm "$HOME/.vault"
ln "$WORK/elsewhere" "$HOME/.vault"
refuses "it is no file of uid 0, with one link"
rm "$HOME/.vault"
touch "$HOME/.vault"
chown 65534 "$HOME/.vault"
refuses "it is no file of uid 0"
rm "$HOME/.vault"
mkfifo "$HOME/.vault"
refuses "it is no file of uid 0"
rm "$HOME/.vault"
touch "$HOME/.vault"
chmod 0666 "$HOME/.vault"
refuses "that only this one may write to"
rm "$HOME/.vault"
chown 65534 "$HOME"
refuses "$HOME: it is no directory of uid 0"
chown 0 "$HOME"
mv "$HOME/.aws" "$WORK/aws"
ln -s "$WORK/aws" "$HOME/.aws"
run setup --write aws
err_has "$HOME/.aws: it is no directory of uid 0"
[ "$(cat "$WORK/elsewhere")" = x ] || complain "a file elsewhere was changed"

# Arguments.
expect 2 setup --host '*.example.com' git
err_has "--host '*.example.com': a wildcard would let in more than this agent"
for wrong in https://git.example.com git.example.com/x -x 'user@git.example.com'; do
    expect 2 setup --host="$wrong" git
    err_has "--host '$wrong': a host name with an optional port"
done
for wrong in meta cookie A '' ../x; do
    expect 2 setup --credential "$wrong" kube
    err_has "--credential"
done
err_is "agentid setup: --credential '../x': it is no name of a credential
usage: agentid setup [--write] [OPTION ...] aws|docker|gcp|git|kube|vault"
expect 2 setup --profile 'x]#' aws
err_has "--profile 'x]#': letters, digits and ._-+=@:/ are allowed"
expect 2 setup --host x --audience y git
err_has "--audience is not for git"
expect 2 setup git
err_has "git needs --host"
expect 2 setup npm
err_has "one of aws, docker, gcp, git, kube and vault is needed"
expect 2 setup --bao git
err_has "--bao is not for git"
expect 1 env -u HOME "$ADMIN" setup vault
err_is "agentid: HOME is not set to a directory"
finish
