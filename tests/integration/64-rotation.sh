#!/bin/bash
# SPDX-License-Identifier: LGPL-2.1-or-later
# Copyright The agentid authors
# Client secrets that agentid changes by itself, at real Keycloaks and in the real OpenBao: by hand, by the
# clock, on two hosts, after somebody's hands, after a death half-way; sessions refresh all the time.
# shellcheck source=tests/integration/lib.sh
. "$(dirname "$0")/lib.sh"
BAO=$("$AID_SRC/ci/servers" openbao) || give_up "no OpenBao"
BAO_PORT=18222
ISSUER_PORT=18081
export BAO_ADDR=http://127.0.0.1:$BAO_PORT BAO_TOKEN=root-of-the-rotation-story
ENTRY=agents/kc-turn

# ---- the manager ----

bao() { HOME=$STORY_DIR "$BAO" "$@"; }
start_bao()
{
    HOME=$STORY_DIR "$BAO" server -dev -dev-root-token-id="$BAO_TOKEN" -dev-listen-address=127.0.0.1:$BAO_PORT \
        -dev-no-store-token </dev/null >"$STORY_DIR/bao.log" 2>&1 &
    at_exit "end_process $!"
    wait_for 20 bao status
}

# What README says that a host needs, and no more.
set_up_bao()
{
    bao secrets enable -path=kv kv-v2 && bao auth enable jwt &&
        bao write auth/jwt/config jwks_url="http://127.0.0.1:$ISSUER_PORT/jwks.json" &&
        bao policy write rotate - <<<'path "kv/data/agents/kc-turn" { capabilities = ["read", "update"] }' &&
        bao write auth/jwt/role/agentid role_type=jwt user_claim=sub bound_audiences="$BAO_ADDR" \
            bound_subject=host token_policies=rotate token_ttl=5m
}
put_entry() { bao kv put -mount=kv "$ENTRY" "$@"; }
entry() { bao kv get -mount=kv -format=json "$ENTRY" | jq -r ".data.data.$1 // empty"; }
version() { bao kv get -mount=kv -format=json "$ENTRY" | jq -r .data.metadata.version; }
now_utc() { date -u -d "${1:-now}" +%Y-%m-%dT%H:%M:%SZ; }

# ---- the provider ----

admin()
{
    local method=$1 path=$2 token
    shift 2
    token=$(curl -fsS -u rotator:rotator-secret -d grant_type=client_credentials \
        "$BASE/realms/my-realm/protocol/openid-connect/token" | jq -r .access_token) || return 1
    curl -fsS -X "$method" -H "Authorization: Bearer $token" -H 'Content-Type: application/json' "$@" \
        "$BASE/admin/realms/my-realm$path"
}
client_id() { admin GET "/clients?clientId=kc-turn" | jq -r '.[0].id'; }
set_at_provider() { admin PUT "/clients/$(client_id)" -d "{\"clientId\":\"kc-turn\",\"secret\":\"$1\",\"attributes\":{}}"; }
at_provider() { admin GET "/clients/$(client_id)/client-secret" | jq -r .value; }
takes() { curl -fsS -o /dev/null -u "kc-turn:$1" -d grant_type=client_credentials "$BASE/realms/my-realm/protocol/openid-connect/token"; }
refuses() { expect_fail 22 takes "$1"; }

# policy PROFILES POLICIES: of the realm, as the administrator.
policy()
{
    local token
    token=$(curl -fsS -d grant_type=password -d client_id=admin-cli -d username=admin -d password=admin \
        "$BASE/realms/master/protocol/openid-connect/token" | jq -r .access_token) || return 1
    curl -fsS -X PUT -H "Authorization: Bearer $token" -H 'Content-Type: application/json' -d "{\"profiles\":[$1]}" \
        "$BASE/admin/realms/my-realm/client-policies/profiles" &&
        curl -fsS -X PUT -H "Authorization: Bearer $token" -H 'Content-Type: application/json' -d "{\"policies\":[$2]}" \
            "$BASE/admin/realms/my-realm/client-policies/policies"
}
two_valid()
{
    # shellcheck disable=SC2016
    policy '{"name":"turn","executors":[{"executor":"secret-rotation","configuration":{"expiration-period":86400,
        "rotated-expiration-period":3600,"remaining-rotation-period":600}}]}' \
        '{"name":"turn","enabled":true,"conditions":[{"condition":"client-access-type",
        "configuration":{"type":["confidential"]}}],"profiles":["turn"]}'
}

# ---- hosts ----

# agent_file EVERY: of the host in ROOT.
agent_file()
{
    agent_conf kc-turn svc-turn <<CONF
source = oidc
issuer = $BASE/realms/my-realm
client_id = kc-turn
client_auth = client_secret_basic
client_secret = vault:kv/$ENTRY#client_secret
subject = agent:kc-turn
audience = orders-api

[rotate]
provider = keycloak-admin
${1:+every = $1}
admin_client_id = rotator
admin_client_secret = file:/etc/agentid/secrets/rotator
lease = 5s
CONF
}

# make_host NAME: sets ROOT.
make_host()
{
    make_root "$1" && add_account svc-turn || return 1
    printf 'rotation-%s\n' "$1" >"$ROOT/etc/machine-id"
    printf '[issuer]\nurl = http://127.0.0.1:%s\n\n[secrets vault]\naddress = %s\nrole = agentid\n' \
        "$ISSUER_PORT" "$BAO_ADDR" | host_conf
    secret_file rotator rotator-secret
    agent_file ""
    "$AID_BUILD/libtool" --mode=install install -m 0755 "$AID_BUILD/tests/support/session_client" \
        "$ROOT/usr/local/bin/session_client" >&2
}
# vouch: all hosts sign with one key here, so that one file of keys is enough for the manager.
vouch()
{
    if [ -n "${KEY_OF:-}" ]; then
        mkdir -p "$ROOT/var/lib/agentid" && cp -a "$KEY_OF/var/lib/agentid/issuer" "$ROOT/var/lib/agentid/"
    else
        KEY_OF=$ROOT
        in_chroot agentid issuer init && mkdir "$ROOT/published" && in_chroot agentid issuer publish /published &&
            cp "$ROOT/published/jwks.json" "$STORY_DIR/published/" && set_up_bao
    fi
}

reload() { in_place /bin/sh -c 'kill -HUP $(pgrep -o -x agentid-keyring)'; }
# every TIME: the same file with another interval, taken up.
every()
{
    agent_file "$1"
    reload
}

hold_session()
{
    coproc HOLDER { in_place /usr/local/bin/session_client --account svc-turn --uid "$(in_place id -u svc-turn)" \
        --service agent 2>&1; }
    at_exit "end_process $HOLDER_PID"
    read -r -t 20 line <&"${HOLDER[0]}" && [ "${line%% *}" = opened ] || { echo "${line:-nothing}"; return 1; }
}
sessions() { in_place agentid list --json </dev/null | jq "$1"; }
has_refreshed() { [ "$(sessions 'map(.refreshes) | add // 0')" -gt "$1" ]; }
refreshes_on() { wait_for 20 has_refreshed "$(sessions 'map(.refreshes) | add // 0')"; }
none_fails() { [ "$(sessions 'map(.failures) | add // 0')" -eq 0 ]; }
agent_status() { in_place agentid status --json kc-turn </dev/null | jq -r ".agents[0].$1 // empty"; }

# ---- cases ----

is_in_step() { [ -n "$(entry client_secret)" ] && [ "$(entry client_secret)" = "$(at_provider)" ] && [ -z "$(entry client_secret_pending)" ]; }

dry_run()
{
    local before
    before=$(version)
    in_place agentid rotate --dry-run kc-turn >"$STORY_DIR/out" 2>&1 || { cat "$STORY_DIR/out"; return 1; }
    expect_text '^ +[0-9]+ ms  read +version [0-9]+; the secret is [0-9]+ s old$' "$STORY_DIR/out" &&
        expect_text '^ +[0-9]+ ms  prove-current' "$STORY_DIR/out" && expect_text '^ +[0-9]+ ms  look' "$STORY_DIR/out" &&
        expect_text '^kc-turn: nothing was changed \(dry run\)$' "$STORY_DIR/out" &&
        [ "$(version)" = "$before" ] && takes "$(entry client_secret)"
}

by_hand()
{
    local old step
    old=$(entry client_secret)
    in_place agentid rotate kc-turn >"$STORY_DIR/out" 2>&1 || { cat "$STORY_DIR/out"; return 1; }
    for step in read stage set prove promote forget; do
        expect_text "^ +[0-9]+ ms  $step( |\$)" "$STORY_DIR/out" || return 1
    done
    expect_text '^kc-turn: the secret is rotated$' "$STORY_DIR/out" && is_in_step || return 1
    [ "$(entry client_secret)" != "$old" ] && [ "$(entry client_secret_previous)" = "$old" ] &&
        [ "$(entry owner)" = team-a ] && [ -n "$(agent_status secret_rotated_at)" ]
}
old_is_dead() { refuses "$(entry client_secret_previous)"; }
old_lives() { takes "$(entry client_secret_previous)"; }

has_version() { [ "$(version)" -ge "$1" ]; }
# Two writes for each rotation, and a rotation for each interval at most.
by_the_clock()
{
    local before began
    every 2s
    before=$(version)
    began=$(date +%s)
    wait_for 20 has_version $((before + 4)) || return 1
    every ""
    [ $(($(version) - before)) -le $((2 * (($(date +%s) - began) / 2 + 1))) ] || { echo "version $(version)"; return 1; }
    wait_for 10 is_in_step
}

# What is left to do from before is done.
at_rest() { every 1h && wait_for 10 is_in_step; }
changed_at_provider()
{
    at_rest || return 1
    set_at_provider by-hand-1 && wait_for 30 is_in_step && [ "$(entry client_secret)" = by-hand-1 ] && refreshes_on
}
changed_in_manager()
{
    local right
    at_rest || return 1
    right=$(at_provider)
    put_entry client_secret=by-hand-2 owner=team-a && wait_for 30 is_in_step && [ "$(entry client_secret)" = "$right" ] &&
        refreshes_on
}
changed_in_both()
{
    at_rest || return 1
    put_entry client_secret=by-hand-3 owner=team-a && set_at_provider by-hand-4 && wait_for 30 is_in_step &&
        [ "$(entry client_secret)" = by-hand-4 ] && refreshes_on
}

# left_half_done BY: as a host leaves it that dies between setting and promoting.
left_half_done()
{
    put_entry client_secret="$(entry client_secret)" owner=team-a client_secret_pending=half-done \
        client_secret_rotation="rotated=$(now_utc) staged=$(now_utc "$1") by=0000000000000000" &&
        set_at_provider half-done && every 1h && wait_for 30 is_in_step && [ "$(entry client_secret)" = half-done ]
}
other_has_the_lease()
{
    put_entry client_secret="$(entry client_secret)" client_secret_pending=half-done \
        client_secret_rotation="rotated=$(now_utc) staged=$(now_utc '+3 seconds') by=0000000000000000" || return 1
    expect_fail 1 in_place agentid rotate kc-turn >"$STORY_DIR/out" 2>&1
    expect_text 'another host is rotating the secret of client' "$STORY_DIR/out"
}

wrong_admin()
{
    secret_file rotator wrong
    expect_fail 1 in_place agentid rotate kc-turn >"$STORY_DIR/out" 2>&1
    secret_file rotator rotator-secret
    expect_text "admin client 'rotator'" "$STORY_DIR/out" && [ -n "$(agent_status rotation_error)" ] &&
        takes "$(entry client_secret)"
}

two_hosts()
{
    local before
    before=$(version)
    for LEADER in $HOST1 $HOST2; do ROOT=$(readlink /proc/$LEADER/root) && every 2s; done
    wait_for 20 has_version $((before + 4)) || return 1
    for LEADER in $HOST1 $HOST2; do ROOT=$(readlink /proc/$LEADER/root) && every ""; done
    wait_for 10 is_in_step || return 1
    # Each rotation is two writes: who comes second writes nothing.
    [ $((($(version) - before) % 2)) -eq 0 ] || { echo "version $(version), from $before"; return 1; }
    for LEADER in $HOST1 $HOST2; do refreshes_on || return 1; done
}

no_secret_in_logs() { expect_fail 1 grep -F -e "$(entry client_secret)" -e "$(entry client_secret_previous)" -e half-done -e by-hand "$STORY_DIR/daemons.log"; }

story()
{
    start_keycloak "$1" || { not_ok "$1: Keycloak starts" "$(tail -n 3 "$KC/log" | tr '\n' ' ')"; return; }
    BASE=$(cat "$KC/http")
    make_host "one-$1" >&2 && vouch >&2 || { not_ok "$1: a host is made"; return; }
    put_entry client_secret="$(at_provider)" owner=team-a >&2
    enter_root && start_daemons || { not_ok "$1: the daemons start" "$(tail -n 3 "$STORY_DIR/daemons.log")"; return; }
    HOST1=$LEADER
    check "$1: a session opens" hold_session || return
    check "$1: a dry run shows what there is and changes nothing" dry_run
    check "$1: one rotation by hand" by_hand
    check "$1: the old secret is refused" old_is_dead
    check "$1: the session goes on" refreshes_on
    two_valid && check "$1: with the client policy, a rotation" by_hand && check "$1: which leaves the old secret valid" old_lives
    policy "" ""
    "${2:-true}" "$1"
    check "$1: no session has failed" none_fails
    check "$1: no secret is in a log" no_secret_in_logs
    end_process "$UNSHARED"
}

more()
{
    check "$1: rotations by the clock" by_the_clock
    check "$1: an admin client that is refused is named, and changes nothing" wrong_admin
    check "$1: a secret that was changed at the provider" changed_at_provider
    check "$1: a secret that was changed in the manager" changed_in_manager
    check "$1: a secret that was changed in both" changed_in_both
    check "$1: a rotation that a dead host left half done" left_half_done '-1 hour'
    check "$1: one that a living host is at is left alone" other_has_the_lease
    wait_for 20 is_in_step
    make_host "two-$1" >&2 && vouch && enter_root && start_daemons ||
        { not_ok "$1: a second host starts"; return; }
    HOST2=$LEADER
    check "$1: a session on a second host" hold_session || return
    check "$1: two hosts rotate as one" two_hosts
    LEADER=$HOST1
}

start_bao || give_up "OpenBao does not start: $(tail -n 3 "$STORY_DIR/bao.log")"
mkdir -p "$STORY_DIR/published"
serve_directory "$STORY_DIR/published" $ISSUER_PORT || give_up "the host's keys are not served"
for version in 24.0.5 26.7.3; do
    if [ "$version" = 26.7.3 ]; then story "$version" more; else story "$version"; fi
done
[ $failures -eq 0 ] || cat "$STORY_DIR/daemons.log" >&2
finish
