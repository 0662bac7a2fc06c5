#!/bin/bash
# SPDX-License-Identifier: LGPL-2.1-or-later
# Copyright The agentid authors
# node oidc-provider, an independent and certified implementation: a JWT by resource indicator, an
# opaque token where the configuration allows it, a refresh, and what is refused.
. "$(dirname "$0")/lib.sh"

# node_agent ID RESOURCE: [token] lines from stdin.
node_agent()
{
    add_account "svc-$1"
    {
        cat <<CONF
source = oidc
issuer = $PROVIDER
client_id = node-agent
client_auth = ${CLIENT_AUTH:-client_secret_basic}
client_secret = file:/etc/agentid/secrets/node-agent
scope = orders.read
resource = $2
CONF
        cat
    } | agent_conf "$1" "svc-$1"
}

prepare_root()
{
    make_root root || return 1
    install -m 0755 "$INTEGRATION/session/agent-probe" "$ROOT/usr/local/bin/agent-probe"
    sed -i 's|/run/probe|/probe|' "$ROOT/usr/local/bin/agent-probe"
    mkdir -m 1777 "$ROOT/probe"
    cat >"$ROOT/etc/pam.d/agent" <<'STACK'
auth    required pam_permit.so
account required pam_permit.so
session required pam_agentid.so
session optional pam_exec.so quiet type=open_session /usr/local/bin/agent-probe session
STACK
    secret_file node-agent node-agent-secret
    printf 'subject = node-agent\naudience = orders-api\n' | node_agent jwt urn:orders-api
    printf 'subject = node-agent\naudience = orders-api\n' | CLIENT_AUTH=client_secret_post node_agent post urn:orders-api
    printf 'subject = node-agent\naudience = other-api\n' | node_agent audience urn:orders-api
    printf 'subject = agent:me\naudience = orders-api\n' | node_agent subject urn:orders-api
    printf 'subject = node-agent\naudience = opaque-api\n' | node_agent unexpected urn:opaque
    printf 'format = opaque\n' | node_agent opaque urn:opaque
}

opens() { in_place pamtester agent "svc-$1" open_session close_session; }
saw()
{
    cat "$ROOT/probe/session"
    expect_text "$1" "$ROOT/probe/session"
}
refused()
{
    local from
    from=$(wc -l <"$STORY_DIR/daemons.log")
    expect_fail 1 in_place pamtester agent "svc-$1" open_session || return 1
    tail -n +"$((from + 1))" "$STORY_DIR/daemons.log" >"$STORY_DIR/why"
    expect_text "$2" "$STORY_DIR/why"
}

# Key expiry is in whole seconds, so up to one is lost of a lifetime: 10 s leave a busy machine one for the refresh.
start_oidc_provider LIFETIME=10 || give_up "the provider did not start: $(tail -n 2 "$STORY_DIR/provider.log")"
prepare_root >&2 || give_up "the root could not be made"
enter_root && start_daemons || give_up "the daemons did not start: $(tail -n 3 "$STORY_DIR/daemons.log")"
check "a JWT by resource indicator: the session opens and closes" opens jwt
check "a JWT by resource indicator: it is this client's" saw '^subject=node-agent$'
check "a JWT by resource indicator: it is refreshed in place" saw '^refreshed=yes$'
check "client_secret_post" opens post
check "another audience is refused" refused audience "aud.*other-api|other-api.*aud"
check "another subject is refused" refused subject "sub.*agent:me|agent:me.*sub"
check "an opaque token is refused where a JWT is expected" refused unexpected "unexpected"
check "an opaque token is taken where the configuration says so" opens opaque
check "an opaque token is refreshed" saw '^refreshed=yes$'
[ $failures -eq 0 ] || cat "$STORY_DIR/daemons.log" >&2
finish
