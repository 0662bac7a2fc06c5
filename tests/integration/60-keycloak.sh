#!/bin/bash
# SPDX-License-Identifier: LGPL-2.1-or-later
# Copyright The agentid authors
# Real Keycloaks, the version that guides are written for and the newest: sessions through the real
# PAM, with the real daemons, by every way a client can authenticate there.
. "$(dirname "$0")/lib.sh"
versions="24.0.5 26.7.3"

# kc_agent ID: an agent whose client has the same name; more [token] lines from stdin.
kc_agent()
{
    [ -d "$ROOT/home/svc-$1" ] || add_account "svc-$1"
    {
        cat <<CONF
source = oidc
issuer = $BASE/realms/my-realm
client_id = $1
subject = agent:$1
audience = orders-api
CONF
        cat
    } | agent_conf "$1" "svc-$1"
}

with_secret()
{
    secret_file "$1" "${3:-$1-secret}"
    printf 'client_auth = %s\nclient_secret = file:/etc/agentid/secrets/%s\n' "$2" "$1"
}

prepare_root()
{
    make_root "root-$1" || return 1
    mkdir -m 1777 "$ROOT/probe"
    cat >"$ROOT/etc/pam.d/agent" <<'STACK'
auth    required pam_permit.so
account required pam_permit.so
session required pam_agentid.so
session optional pam_exec.so quiet type=open_session /usr/local/bin/pam-probe
STACK
    # The session's own view: the claims of its token.
    cat >"$ROOT/usr/local/bin/pam-probe" <<'PROBE'
#!/bin/sh
umask 022
keyctl pipe %user:agentid:token 2>&1 | cut -d. -f2 >"/probe/$PAM_USER.body"
PROBE
    chmod 0755 "$ROOT/usr/local/bin/pam-probe"
    printf '[issuer]\nurl = http://127.0.0.1:18080\n' | host_conf
    BASE=$(cat "$KC/http")
    with_secret kc-basic client_secret_basic | kc_agent kc-basic
    with_secret kc-post client_secret_post | kc_agent kc-post
    with_secret kc-short client_secret_basic | kc_agent kc-short
    with_secret kc-long client_secret_basic | kc_agent kc-long
    with_secret kc-rotate client_secret_basic | kc_agent kc-rotate
    install -m 0600 "$KC/client.key" "$ROOT/etc/agentid/secrets/kc-key.pem"
    printf 'client_auth = private_key_jwt\nclient_key = file:/etc/agentid/secrets/kc-key.pem\n' | kc_agent kc-key
    [ "${1#24.}" != "$1" ] || printf 'client_auth = federated_jwt\n' | kc_agent kc-fed
    [ "${1#24.}" != "$1" ] || trust_agents
    BASE=$(cat "$KC/https")
    install -m 0644 "$KC/ca.pem" "$ROOT/etc/agentid/ca.pem"
    { with_secret kc-tls client_secret_basic; echo "ca_file = /etc/agentid/ca.pem"; } | kc_agent kc-tls
}

# ---- what "agentid policy trust" prints ----

# Two agents with a client each, and one that means to be the first one's client. Their subject is known when
# Keycloak has made the client.
trust_agents()
{
    local agent
    for agent in trust-a trust-b trust-c; do
        add_account "svc-$agent"
        trust_conf $agent none | agent_conf $agent "svc-$agent"
    done
}
trust_conf() # AGENT SUBJECT
{
    printf 'source = oidc\nissuer = %s/realms/trust-realm\nclient_id = %s\nclient_auth = federated_jwt\n' \
        "$(cat "$KC/http")" "${1/trust-c/trust-a}"
    printf 'subject = %s\naudience = account\n' "$2"
}
# As it is printed. The realm takes one provider of an issuer, so that the second time only the client is made.
load_trust()
{
    local agent
    export HOME=$STORY_DIR PATH=$PATH:$KC/keycloak-$1/bin
    kcadm.sh config credentials --server "$(cat "$KC/http")" --realm master --user admin --password admin >&2 || return 1
    for agent in trust-a trust-b; do
        in_chroot agentid policy trust --realm trust-realm --client $agent keycloak $agent >"$STORY_DIR/$agent.sh" &&
            sh "$STORY_DIR/$agent.sh" || return 1
    done
}
# shows_assertions AGENT: cases; then its file says the subject that the realm's tokens of that client have.
shows_assertions()
{
    local key subject=$STORY_DIR/$1.sub
    key=$(ls "$ROOT"/var/lib/agentid/issuer/*.pem)
    "$INTEGRATION/trust_keycloak.py" "$(cat "$KC/http")/realms/trust-realm" "$key" http://127.0.0.1:18080 \
        "agent:$1" "$subject" || failures=$((failures + 1))
    trust_conf "$1" "$(cat "$subject")" | agent_conf "$1" "svc-$1"
}
trust_opens() { in_place pamtester agent "svc-$1" open_session close_session || { tail -n 5 "$STORY_DIR/daemons.log"; return 1; }; }

body_of() { cat "$ROOT/probe/svc-$1.body"; }
claim_of() { printf 'x.%s.x' "$(body_of "$1")" | claim "$2"; }

# opens ID ISSUER-BASE: PAM open and close; the token in between was this client's.
opens()
{
    rm -f "$ROOT/probe/svc-$1.body"
    in_place pamtester agent "svc-$1" open_session close_session || { tail -n 5 "$STORY_DIR/daemons.log"; return 1; }
    [ "$(claim_of "$1" sub)" = "agent:$1" ] || { body_of "$1"; return 1; }
    [ "$(claim_of "$1" iss)" = "$2/realms/my-realm" ] || { claim_of "$1" iss; return 1; }
}

# refused ID PATTERN: the session does not open, and the log says why in one sentence.
refused()
{
    local from
    from=$(wc -l <"$STORY_DIR/daemons.log")
    expect_fail 1 in_place pamtester agent "svc-$1" open_session || return 1
    tail -n +"$((from + 1))" "$STORY_DIR/daemons.log" >"$STORY_DIR/why"
    expect_text "$2" "$STORY_DIR/why"
}

# ---- a secret that changes ----

# admin_secret CLIENT SECRET: changes a client's secret at Keycloak, by the rotation account.
admin_secret()
{
    local base token id
    base=$(cat "$KC/http")
    token=$(curl -fsS -u rotator:rotator-secret -d grant_type=client_credentials \
        "$base/realms/my-realm/protocol/openid-connect/token" | jq -r .access_token) || return 1
    id=$(curl -fsS -H "Authorization: Bearer $token" "$base/admin/realms/my-realm/clients?clientId=$1" | jq -r '.[0].id')
    curl -fsS -X PUT -H "Authorization: Bearer $token" -H 'Content-Type: application/json' \
        -d "{\"clientId\":\"$1\",\"secret\":\"$2\"}" "$base/admin/realms/my-realm/clients/$id"
}
changed_secret()
{
    admin_secret kc-rotate new-secret || return 1
    refused kc-rotate '(credential|unauthorized_client)' || return 1
    secret_file kc-rotate new-secret
    opens kc-rotate "$(cat "$KC/http")"
}

# ---- a session that lives ----

# start_holder ID
start_holder()
{
    coproc HOLDER { in_place "$STORY_CLIENT" --account "svc-$1" --uid "$(in_place id -u "svc-$1")" \
        --service agent 2>&1; }
    at_exit "end_process $HOLDER_PID"
    read -r -t 20 HELD <&"${HOLDER[0]}" && [ "${HELD%% *}" = opened ] || { echo "${HELD:-nothing}"; return 1; }
}
end_holder()
{
    eval "exec ${HOLDER[1]}>&-"
    read -r -t 20 line <&"${HOLDER[0]}" && [ "$line" = closed ]
}

# Whom the token was for asks the provider whether it is still good.
is_active()
{
    printf 'token=%s' "$HELD_TOKEN" | curl -fsS -u orders-api:orders-api-secret -d @- \
        "$(cat "$KC/http")/realms/my-realm/protocol/openid-connect/token/introspect" | jq -e .active
}
is_inactive() { [ "$(is_active)" = false ]; }
held_token()
{
    local ring
    ring=$(sed -n 's/.* ring=\([0-9]*\).*/\1/p' <<<"$HELD")
    HELD_TOKEN=$(keyctl pipe "$(keyctl search "$ring" user agentid:token)") && [ -n "$HELD_TOKEN" ]
}
ends_revoked()
{
    held_token && is_active && end_holder && wait_for 10 is_inactive
}

refreshes() { in_place agentid list --json </dev/null | jq '[.[] | .refreshes] | add // 0'; }
has_refreshed() { [ "$(refreshes)" -gt "$1" ]; }
# The secret of a running session changes, at Keycloak and then in the file: it is simply picked up.
rotates_under_session()
{
    local before
    admin_secret kc-short second-secret && secret_file kc-short second-secret || return 1
    before=$(refreshes)
    wait_for 20 has_refreshed "$before"
}
# The file is late: refreshes fail until it comes, the session stays, then it goes on by itself.
rotates_late()
{
    local before
    admin_secret kc-short third-secret || return 1
    wait_for 20 session_fails || return 1
    secret_file kc-short third-secret
    before=$(refreshes)
    wait_for 30 has_refreshed "$before"
}
session_fails() { in_place agentid list --json </dev/null | jq -e '.[] | select(.failures > 0)'; }

session_lives()
{
    # The client of the build, in the root, so that it runs where the daemons are.
    STORY_CLIENT=/usr/local/bin/session_client
    "$AID_BUILD/libtool" --mode=install install -m 0755 "$AID_BUILD/tests/support/session_client" \
        "$ROOT$STORY_CLIENT" >&2
    check "$1: a session of 300 second tokens opens" start_holder kc-post || return
    check "$1: the provider takes its token until the session closes, and then no more" ends_revoked
    check "$1: a session of 10 second tokens opens" start_holder kc-short || return
    check "$1: it refreshes" wait_for 20 has_refreshed 0
    check "$1: a changed secret is picked up by the next refresh" rotates_under_session
    check "$1: a secret that changes late fails, and recovers by itself" rotates_late
    check "$1: it closes" end_holder
}

keycloak()
{
    start_keycloak "$1" || { not_ok "$1: Keycloak starts" "$(tail -n 3 "$KC/log" | tr '\n' ' ')"; return; }
    ok "$1: Keycloak starts"
    prepare_root "$1" >&2 || { not_ok "$1: the root is made"; return; }
    in_chroot agentid issuer init >&2 && mkdir "$ROOT/published" && in_chroot agentid issuer publish /published >&2
    serve_directory "$ROOT/published" 18080 || { not_ok "$1: the host's JWKS is served"; return; }
    local server=${cleanups[-1]}
    if [ "${1#24.}" = "$1" ]; then
        check "$1: what policy trust prints for two agents is loaded" load_trust "$1"
        shows_assertions trust-a
        shows_assertions trust-b
    fi
    enter_root && start_daemons || { not_ok "$1: the daemons start" "$(tail -n 3 "$STORY_DIR/daemons.log")"; return; }
    local http https
    http=$(cat "$KC/http")
    https=$(cat "$KC/https")
    check "$1: client_secret_basic" opens kc-basic "$http"
    check "$1: client_secret_post" opens kc-post "$http"
    check "$1: private_key_jwt" opens kc-key "$http"
    check "$1: over TLS with a private CA" opens kc-tls "$https"
    [ "${1#24.}" != "$1" ] || check "$1: federated_jwt, without any client secret" opens kc-fed "$http"
    if [ "${1#24.}" = "$1" ]; then
        check "$1: policy trust: the first agent gets in" trust_opens trust-a
        check "$1: policy trust: the second agent gets in" trust_opens trust-b
        check "$1: policy trust: an agent that means to be the first one's client does not" refused trust-c \
            'Invalid client or Invalid client credentials'
    fi
    check "$1: tokens of 900 s are refused with the setting to change" refused kc-long \
        "900 s exceeds max_lifetime 600 s: .*[Aa]ccess [Tt]oken [Ll]ifespan.*kc-long"
    check "$1: a wrong secret is refused, and a repaired file is used at once" changed_secret
    session_lives "$1"
    # The next version has the same ports for the host's JWKS, and its own daemons.
    end_process "$UNSHARED"
    eval "$server"
}

for version in $versions; do keycloak "$version"; done
[ $failures -eq 0 ] || cat "$STORY_DIR/daemons.log" >&2
finish
