#!/bin/bash
# SPDX-License-Identifier: LGPL-2.1-or-later
# Copyright The agentid authors
# A session through the real PAM, with the real daemons, whose client secret the real OpenBao has: nothing
# secret is on the host, and a secret that is changed at OpenBao is picked up by the session that runs.
. "$(dirname "$0")/lib.sh"
BAO=http://127.0.0.1:18216
ID=http://127.0.0.1:18218
export BAO_ADDR=$BAO BAO_TOKEN=root-of-the-test

start_provider()
{
    echo first-canary >"$STORY_DIR/secret"
    /usr/bin/python3 "$INTEGRATION/secret_provider.py" "$AID_SRC/tests" "$STORY_DIR" </dev/null >&2 &
    at_exit "end_process $!"
    wait_for 10 test -f "$STORY_DIR/url" && PROVIDER=$(cat "$STORY_DIR/url")
}

start_bao()
{
    bao=$("$AID_SRC/ci/servers" openbao) || return 1
    env -i HOME="$STORY_DIR" PATH=/usr/bin:/bin "$bao" server -dev -dev-root-token-id=$BAO_TOKEN \
        -dev-listen-address=${BAO#http://} -dev-no-store-token </dev/null >"$STORY_DIR/bao.log" 2>&1 &
    at_exit "end_process $!"
    wait_for 20 "$bao" status
}

# The host is an issuer that OpenBao trusts: it reads its keys, as any verifier does.
set_up_bao()
{
    in_place agentid issuer init --alg ES256 && in_place agentid issuer publish /srv || return 1
    serve_directory "$ROOT/srv" 18218
    "$bao" secrets enable -path=kv kv-v2 && "$bao" auth enable jwt || return 1
    "$bao" write auth/jwt/config jwks_url=$ID/jwks.json bound_issuer=$ID || return 1
    printf 'path "kv/data/agents/runner" { capabilities = ["read"] }\n' | "$bao" policy write agentid - || return 1
    "$bao" write auth/jwt/role/agentid role_type=jwt user_claim=sub bound_audiences=$BAO bound_subject=host \
        token_policies=agentid token_ttl=5m
}
put_secret() { wait_for 5 "$bao" kv put kv/agents/runner client_secret="$1"; }

prepare()
{
    make_root debian && add_account runner && start_provider && start_bao || return 1
    mkdir -p "$ROOT/srv"
    host_conf <<CONF
[issuer]
url = $ID

[secrets vault]
address = $BAO
role = agentid
CONF
    agent_conf runner runner <<CONF
source = oidc
issuer = $PROVIDER
client_id = runner
client_auth = client_secret_post
client_secret = vault:kv/agents/runner#client_secret
format = opaque
CONF
    printf 'auth required pam_permit.so\naccount required pam_permit.so\nsession required pam_agentid.so\n' \
        >"$ROOT/etc/pam.d/agent"
    enter_root && set_up_bao >&2 && put_secret first-canary >&2 && start_daemons
}

refreshes() { in_place agentid list --json </dev/null | jq '[.[] | .refreshes] | add // 0'; }
has_refreshed() { [ "$(refreshes)" -gt "$1" ]; }
start_session()
{
    in_place agentid exec runner -- sleep 3600 </dev/null >/dev/null 2>&1 &
    at_exit "end_process $!"
    wait_for 10 has_refreshed -1 && wait_for 10 has_refreshed 0
}
# At the manager first, then at the provider; the session that runs goes on.
is_rotated()
{
    local before
    put_secret second-canary && echo second-canary >"$STORY_DIR/secret"
    before=$(refreshes)
    wait_for 20 has_refreshed $((before + 1)) && expect_text "version 2 of KV 2" "$STORY_DIR/daemons.log"
}
sealed()
{
    local before
    "$bao" operator seal >&2
    before=$(refreshes)
    wait_for 20 has_refreshed $((before + 1)) && expect_text "the last one, read [0-9]+ s ago, is used" "$STORY_DIR/daemons.log"
}
nothing_secret() { ! grep -rlE 'first-canary|second-canary' "$ROOT/etc" "$ROOT/var" "$STORY_DIR/daemons.log"; }

prepare || give_up "the root, the servers or the daemons did not start"
check "agentid check has nothing against it" expect_fail 0 in_place agentid check
check "a PAM session opens with the secret of OpenBao" in_place pamtester agent runner open_session close_session
check "the log says which version" expect_text "op=secret .*vault:kv/agents/runner#client_secret.*version 1 of KV 2" "$STORY_DIR/daemons.log"
check "a session is refreshed" start_session
check "F32 a secret that is changed at OpenBao is picked up" is_rotated
check "F33 OpenBao is sealed, and the session goes on" sealed
check "nothing secret is on the host" nothing_secret
finish
