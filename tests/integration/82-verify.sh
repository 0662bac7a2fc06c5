#!/bin/bash
# SPDX-License-Identifier: LGPL-2.1-or-later
# Copyright The agentid authors
# Agents that verify each other: on one host, whose issuer cannot be reached, and on two hosts with an
# issuer each; and every token and proof that must be refused.
# shellcheck source=tests/integration/lib.sh
. "$(dirname "$0")/lib.sh"

PKI=$STORY_DIR/pki
ISSUER1=https://host01.test:8443
ISSUER2=https://host02.test:8443
LAB=$ISSUER2/lab
BROKEN=$ISSUER2/broken
DOWN=https://host02.test:8444
API=https://api.test/orders
declare -A ROOTS LEADERS

# ---- two hosts ----

# on NUMBER: the host that in_place and the like are about.
on() { ROOT=${ROOTS[$1]} LEADER=${LEADERS[$1]}; }
in_place() { clean_env nsenter -t "$LEADER" -n -m -p -r -w -- "$@"; }
as_nobody() { in_place setpriv --reuid 65534 --regid 65534 --clear-groups "$@"; }

install_host() # NUMBER
{
    make_root "host$1" || return 1
    ROOTS[$1]=$ROOT
    printf '127.0.0.1 localhost\n10.98.0.1 host01.test\n10.98.0.2 host02.test\n' >"$ROOT/etc/hosts"
    install -m 0644 "$PKI/ca.pem" "$ROOT/etc/agentid/ca.pem"
    install -m 0755 "$AID_SRC/examples/python/agent.py" "$AID_SRC/examples/python/peer.py" \
        "$INTEGRATION/verify_many.py" "$ROOT/usr/local/bin/"
    mkdir -p "$ROOT/srv/www/lab"
}

agent() # ID ACCOUNT AUDIENCE
{
    add_account "$2"
    printf 'source = host\naudience = %s\n' "$3" | agent_conf "$1" "$2"
}

configure()
{
    install_host 1 || return 1
    host_conf <<CONF
[issuer]
url = $ISSUER1
[fetch]
ca_file = /etc/agentid/ca.pem
[verify]
issuers = $ISSUER2 $LAB $BROKEN $DOWN
CONF
    agent agent-1 svc-agent1 agent:agent-2
    agent agent-2 svc-agent2 agent:agent-1
    agent agent-3 svc-agent3 agent:agent-b
    install_host 2 || return 1
    host_conf <<CONF
[issuer]
url = $ISSUER2
[fetch]
ca_file = /etc/agentid/ca.pem
[verify]
issuers = $ISSUER1
CONF
    agent agent-b svc-agentb agent:agent-3
}

enter_host() # NUMBER
{
    ROOT=${ROOTS[$1]}
    enter_root --net || return 1
    LEADERS[$1]=$LEADER
    in_place /usr/bin/agentid issuer init --alg ES256 </dev/null >&2
}

connect_hosts()
{
    ip link add "aidv$$" netns "${LEADERS[1]}" type veth peer name "aidv$$" netns "${LEADERS[2]}" || return 1
    for n in 1 2; do
        nsenter -t "${LEADERS[$n]}" -n sh -c "ip addr add 10.98.0.$n/24 dev aidv$$ &&
            ip link set aidv$$ up && ip link set lo up" || return 1
    done
}

# serve_issuer NUMBER: what "agentid issuer publish" wrote, over TLS.
serve_issuer()
{
    on "$1"
    in_place /usr/bin/agentid issuer publish /srv/www </dev/null >&2 || return 1
    nsenter -t "$LEADER" -n python3 "$INTEGRATION/verify_serve.py" serve "$ROOT/srv/www" \
        "$PKI/host0$1.test" "10.98.0.$1" 8443 </dev/null >>"$STORY_DIR/web$1.log" 2>&1 &
    at_exit "end_process $!"
    wait_for 10 nsenter -t "$LEADER" -n curl -fsS -o /dev/null --cacert "$PKI/ca.pem" \
        --resolve "host0$1.test:8443:10.98.0.$1" "https://host0$1.test:8443/jwks.json"
}

# ---- verbs ----

token_of() { in_place /usr/bin/agentid exec "$1" -- /usr/bin/agentid get </dev/null; }

# verify TOKEN-FILE ARGUMENT...
verify()
{
    local file=$1
    shift
    as_nobody /usr/bin/agentid verify "$@" <"$file"
}
verify_lab() { verify "$CASES/$1.token" --audience orders --issuer "$LAB" "${@:2}"; }
tokens() { "$INTEGRATION/verify_tokens.py" "$@" "${ROOTS[2]}/srv/www/lab" "$LAB" orders "$API"; }
# The descriptor is opened here and read there.
verify_bound() # TOKEN PROOF ARGUMENT...
{
    verify_lab "$1" --dpop /dev/fd/3 --method GET --uri "$API" "${@:3}" 3<"$CASES/$2.dpop"
}

# refused STATUS PATTERN COMMAND...
refused()
{
    expect_fail "$1" "${@:3}" >"$STORY_DIR/out" 2>"$STORY_DIR/err" || { cat "$STORY_DIR/err"; return 1; }
    [ ! -s "$STORY_DIR/out" ] || { echo "claims of a refused token"; return 1; }
    expect_text "^agentid: $2" "$STORY_DIR/err"
}
refuses() { local pattern=$1; shift; check "refused: $*" refused 4 "$pattern" verify_lab "$@"; }
# A proof is good for a minute, which a busy machine may take for what comes before.
with_new_proofs() { tokens --proofs && "$@"; }
refuses_proof() { check "refused: proof $1" with_new_proofs refused 4 "DPoP proof: $2" verify_bound bound "$1"; }

# ---- cases ----

shows_claims()
{
    verify_lab good --json >"$STORY_DIR/out" || return 1
    python3 -c 'import json, sys
claims = json.load(sys.stdin)
assert claims["sub"] == "agent:lab" and claims["aud"][1] == "orders", claims
assert claims["note"] == "\x1b[2J\xe9", claims' <"$STORY_DIR/out" || return 1
    verify_lab good >"$STORY_DIR/out" || return 1
    expect_text "^issuer   $LAB\$" "$STORY_DIR/out" && expect_text '^subject  agent:lab$' "$STORY_DIR/out" &&
        expect_text '^expires  in 4m ' "$STORY_DIR/out" && expect_fail 1 grep -qP '[^\x20-\x7e\n]' "$STORY_DIR/out"
}

once_only()
{
    with_new_proofs verify_bound bound again >"$STORY_DIR/out" || return 1
    refused 4 "DPoP proof: jti '.*' was used before" verify_bound bound again
}

peers_on_one_host()
{
    token_of agent-1 >"$STORY_DIR/a1" && verify "$STORY_DIR/a1" --audience agent:agent-2 \
        --issuer "$ISSUER1" --subject agent:agent-1 >"$STORY_DIR/out" &&
        expect_text '^subject  agent:agent-1$' "$STORY_DIR/out"
}

own_issuer()
{
    in_place /usr/bin/agentid exec agent-2 -- /usr/bin/agentid verify --audience agent:agent-2 --json \
        <"$STORY_DIR/a1" >"$STORY_DIR/out" && expect_text '"sub":"agent:agent-1"' "$STORY_DIR/out"
}

# serve_agent ID ARGUMENT...: sets PORT.
serve_agent()
{
    rm -f "$STORY_DIR/port"
    in_place /usr/bin/agentid exec "$1" -- /usr/local/bin/peer.py serve --audience "agent:$1" "${@:2}" \
        </dev/null >"$STORY_DIR/port" 2>>"$STORY_DIR/peer.log" &
    at_exit "end_process $!"
    wait_for 10 test -s "$STORY_DIR/port" && PORT=$(cat "$STORY_DIR/port")
}
call() { in_place /usr/bin/agentid exec "$1" -- /usr/local/bin/peer.py call --audience "agent:$1" "${@:2}" </dev/null; }

# No session says whose issuer is meant: nothing is said about the token.
example_without_session()
{
    rm -f "$STORY_DIR/port"
    in_place /usr/local/bin/peer.py serve --audience agent:agent-2 </dev/null >"$STORY_DIR/port" 2>>"$STORY_DIR/peer.log" &
    at_exit "end_process $!"
    wait_for 10 test -s "$STORY_DIR/port" || return 1
    nsenter -t "$LEADER" -n curl -s -w '%{http_code}\n' -H "Authorization: Bearer $(cat "$STORY_DIR/a1")" \
        "http://127.0.0.1:$(cat "$STORY_DIR/port")/" >"$STORY_DIR/out"
    expect_text 'no issuer is named' "$STORY_DIR/out" && expect_text '^503$' "$STORY_DIR/out"
}

example_on_one_host()
{
    serve_agent agent-2 --subject agent:agent-1 || return 1
    call agent-1 --subject agent:agent-2 "http://127.0.0.1:$PORT/stock" >"$STORY_DIR/out" || return 1
    expect_text '^200 agent:agent-2 \{"caller": "agent:agent-1", "path": "/stock"\}$' "$STORY_DIR/out"
}
another_caller()
{
    expect_fail 1 call agent-3 "http://127.0.0.1:$PORT/stock" >"$STORY_DIR/out" &&
        expect_text "^401 .*token audience 'agent:agent-b' lacks 'agent:agent-2'" "$STORY_DIR/out"
}
another_server()
{
    expect_fail 1 call agent-1 --subject agent:agent-3 "http://127.0.0.1:$PORT/stock" 2>"$STORY_DIR/err" &&
        expect_text "^peer.py: token subject 'agent:agent-2' is not 'agent:agent-3'" "$STORY_DIR/err"
}

example_on_two_hosts()
{
    on 2
    serve_agent agent-b --issuer "$ISSUER1" --subject agent:agent-3 --address 10.98.0.2 || return 1
    on 1
    call agent-3 --issuer "$ISSUER2" --subject agent:agent-b "http://10.98.0.2:$PORT/stock" >"$STORY_DIR/out" &&
        expect_text '^200 agent:agent-b \{"caller": "agent:agent-3"' "$STORY_DIR/out"
}

verify_b() { on 2 && token_of agent-b >"$STORY_DIR/b" && on 1 && verify "$STORY_DIR/b" --audience agent:agent-3 --issuer "$ISSUER2"; }
rotated_elsewhere()
{
    on 2
    in_place /usr/bin/agentid issuer rotate --now </dev/null >&2 || return 1
    refused 4 "kid '.*' is not in the key set" verify_b || return 1
    on 2
    in_place /usr/bin/agentid issuer publish /srv/www </dev/null >&2 || return 1
    on 1
    # Whoever shows unknown keys has the set fetched again every five seconds.
    wait_for 15 verify_b
}

rotated_here()
{
    in_place /usr/bin/agentid issuer rotate --overlap 1s </dev/null >&2 || return 1
    peers_on_one_host || return 1
    cp "$STORY_DIR/a1" "$STORY_DIR/old"
    in_place /usr/bin/agentid issuer rotate --now </dev/null >&2 || return 1
    refused 4 "kid '.*' is not in the key set" verify "$STORY_DIR/old" --audience agent:agent-2 --issuer "$ISSUER1" &&
        peers_on_one_host
}

cut_off()
{
    peers_on_one_host || return 1
    in_place /usr/bin/agentid revoke agent-1 </dev/null >&2 || return 1
    refused 4 'the token is of an agent that is cut off on this host' verify "$STORY_DIR/a1" \
        --audience agent:agent-2 --issuer "$ISSUER1" || return 1
    in_place /usr/bin/agentid allow agent-1 </dev/null >&2
    verify "$STORY_DIR/a1" --audience agent:agent-2 --issuer "$ISSUER1"
}

many() # COMMAND...: before the program
{
    cp "$CASES/good.token" "$ROOT/srv/token" && "$@" /usr/local/bin/verify_many.py 1000 orders "$LAB" \
        /srv/token </dev/null >"$STORY_DIR/out" || return 1
    cat "$STORY_DIR/out" >&2
    expect_text '^verified=1000 refused=0 lost=0 wrong=0 ' "$STORY_DIR/out"
}

fetch_pid() { in_place pgrep -x agentid-fetch; }
# signal_keyringd SIGNAL: it and its supervisor.
signal_keyringd() { in_place pgrep -x agentid-keyring | xargs -r nsenter -t "$LEADER" -p -r -m kill "-$1"; }
# within SECONDS COMMAND...
within()
{
    local begun=$EPOCHREALTIME took
    "${@:2}" || return 1
    took=$(echo "$EPOCHREALTIME $begun" | awk '{ print $1 - $2 }')
    awk -v t="$took" -v m="$1" 'BEGIN { exit !(t <= m) }' || { echo "took $took s"; return 1; }
}
fetch_stands_still()
{
    local pid
    pid=$(fetch_pid) || return 1
    in_place kill -STOP "$pid"
    within 1.5 refused 5 'agentid-fetch gave no answer in time' verify_lab good --timeout 1s
    local result=$?
    in_place kill -CONT "$pid"
    return $result
}
fetch_dies()
{
    tokens --proofs && in_place kill -KILL "$(fetch_pid)" || return 1
    verify_lab good >"$STORY_DIR/out" || return 1
    # Proofs of before may have been used: the memory of it is gone.
    refused 4 'DPoP proof: it is from before agentid-fetch started' verify_bound bound again
}
keyringd_stands_still()
{
    signal_keyringd STOP
    within 1.5 refused 5 '.*' verify_lab good --timeout 1s
    local result=$?
    signal_keyringd CONT
    return $result
}
keyringd_is_gone()
{
    signal_keyringd TERM
    wait_for 5 expect_fail 1 in_place pgrep -r R,S,D,T -x agentid-keyring || {
        in_place ps -ef
        tail -n 5 "$STORY_DIR/daemons.log"
        return 1
    }
    refused 5 '/run/agentid/keyringd.sock: ' verify_lab good --timeout 1s
}

# ---- the story ----

mkdir -p "$PKI"
python3 "$INTEGRATION/verify_serve.py" certify "$PKI" host01.test host02.test >&2 || give_up "no certificates"
configure || give_up "no roots"
enter_host 1 || give_up "host 1 is not there"
enter_host 2 || give_up "host 2 is not there"
connect_hosts || give_up "the hosts are not connected"
on 1
start_daemons || give_up "the daemons of host 1 do not start"
on 2
start_daemons || give_up "the daemons of host 2 do not start"
on 1
CASES=${ROOTS[2]}/srv/www/lab/cases

check "one host: a peer's token, without reaching the issuer" peers_on_one_host
check "one host: the own session's issuer is the default" own_issuer
check "one host: the example without a session does not judge" example_without_session
check "one host: the example, each sure of the other" example_on_one_host
check "one host: the example refuses another caller" another_caller
check "one host: the example refuses another server" another_server
check "an agent that is cut off is refused before its token expires" cut_off
check "the issuer's keys are rotated here" rotated_here

check "without an issuer and a session there is nothing to go by" refused 3 'no issuer is named' \
    verify "$STORY_DIR/a1" --audience agent:agent-2
check "nobody makes us ask where they want" refused 4 "issuer 'https://evil.example' is not allowed" \
    verify "$STORY_DIR/a1" --audience agent:agent-2 --issuer https://evil.example
check "one issuer that is not allowed spoils the list" refused 4 "issuer 'https://evil.example' is not allowed" \
    verify "$STORY_DIR/a1" --audience agent:agent-2 --issuer "$ISSUER1" --issuer https://evil.example
check "a wildcard is no audience" refused 2 "audience '\*' has a wildcard" \
    verify "$STORY_DIR/a1" --audience '*' --issuer "$ISSUER1"

serve_issuer 1 || give_up "issuer 1 is not served"
serve_issuer 2 || give_up "issuer 2 is not served"
tokens >&2 || give_up "no lab issuer"
on 1
check "two hosts: the example, each sure of the other" example_on_two_hosts
check "two hosts: the issuer's keys are rotated there" rotated_elsewhere

check "claims as JSON, and for a terminal" shows_claims
refuses "token audience .* lacks 'orders'" audience
refuses 'the token expired ' expired
refuses "token '(nbf|iat)' is " future
refuses 'token lifetime 7200 s exceeds the limit of 3600 s' lasting
refuses 'token lifetime 300 s exceeds the limit of 60 s' good --max-lifetime 60s
refuses "token subject 'agent:lab' is not 'agent:other'" good --subject agent:other
refuses "token issuer 'https://elsewhere.example' is not the accepted one, '$LAB'" foreign
refuses 'a token of [0-9]* bytes, 1 to 16384 are allowed' large
refuses 'a token of 0 bytes' empty
refuses 'the ES256 signature is wrong' tampered
refuses 'the token has an empty header, payload or signature' none
refuses "token alg 'none' is no asymmetric signature" none-signed
refuses "token alg 'HS256' is no asymmetric signature" hs256
refuses "kid 'new' is not in the key set" unknown-key
refuses 'the ES256 signature is wrong' wrong-key
refuses "token typ 'dpop\+jwt' is none of" typ
refuses 'the token is no JWT' text
refuses 'the token is bound \(cnf\) in a way that cannot be checked' unknown-cnf

check "a bound token with its proof" with_new_proofs verify_bound bound bound
check "a proof is good for one request" once_only
refuses 'the token is bound to a key \(cnf jkt\): a DPoP proof is needed' bound
check "refused: a proof with a token that needs none" refused 4 'there is a DPoP proof, and the token is not bound' \
    with_new_proofs verify_bound good bound
refuses_proof other-key 'its key .* is not that of the token.s cnf.jkt'
refuses_proof other-uri "htu '$API/else' is not the request's '$API'"
refuses_proof other-method "htm 'POST' is not the request's method 'GET'"
refuses_proof other-token 'ath is not the hash of this token'
refuses_proof old 'it is 1[0-9]* s old, at most 60 s are allowed'
refuses_proof ahead "'iat' is [0-9]* s in the future"
refuses_proof other-typ "typ 'JWT' is not dpop\+jwt"
check "refused: a proof that is too large" refused 4 'a DPoP proof of [0-9]* bytes, 1 to 8192' verify_bound bound large
check "a token of a TLS client with its certificate" verify_lab mtls --certificate /dev/fd/3 3<"$CASES/client.pem"
refuses 'the token is bound to a TLS certificate \(cnf x5t#S256\): the client.s is needed' mtls
check "refused: another client's certificate" refused 4 "the client's certificate .* is not that" \
    verify_lab mtls --certificate /dev/fd/3 3<"$CASES/other.pem"

check "an issuer without documents: no verdict" refused 5 '.*host02.test.*HTTP 404' \
    verify "$CASES/broken.token" --audience orders --issuer "$BROKEN"
check "and the same when it is asked again at once" refused 5 '.*host02.test.*HTTP 404' \
    verify "$CASES/broken.token" --audience orders --issuer "$BROKEN"
check "an issuer that is down is an error at once" within 3 refused 5 '.*host02.test' \
    verify "$CASES/down.token" --audience orders --issuer "$DOWN"
check "1,000 at once of root" many in_place
check "1,000 at once of one user" many as_nobody
check "agentid-fetch stands still: an error in time" fetch_stands_still
check "agentid-fetch dies: it is asked again" fetch_dies
check "agentid-keyringd stands still: an error in time" keyringd_stands_still
check "agentid-keyringd is gone: an error at once" keyringd_is_gone
finish
