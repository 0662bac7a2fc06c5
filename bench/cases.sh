# SPDX-License-Identifier: LGPL-2.1-or-later
# Copyright The agentid authors
# shellcheck shell=bash
# One function per benchmark: prepare, measure, print a table and the verdict.

# host_session ALGORITHM: daemons with this host as the issuer.
prepare_host() {
	write_configuration
	write_host_agent host svc-host 5m
	agentid issuer init --alg "$1" >$private/issuer.log 2>&1 ||
		fail "agentid issuer init: $(cat $private/issuer.log)"
	start_daemons
}

prepare_oidc() {
	start_endpoint long:300 short:15
	write_configuration
	write_oidc_agent oidc svc-oidc "$endpoint_url/long"
	start_daemons
}

bench_read() {
	prepare_host RS256
	compare --session agentid:svc-host --batches 400 --batch 10 library raw
	verdict "$(figure ratio 1)" 1.2 ''
}

bench_get() {
	prepare_host RS256
	compare --session agentid:svc-host --batches 100 --batch 20 'spawn:agentid get' \
		'spawn:keyctl pipe %user:agentid:token'
	verdict "$(figure ratio 1)" 1.3 ''
}

open_host() {
	prepare_host "$1"
	compare --batches 100 --batch 20 pam:agentid:svc-host pam:permit:svc-host
	verdict "$(to_ms "$(figure difference 1)")" "$2" ' ms'
}

bench_open_es256() {
	open_host ES256 0.4
}

bench_open_rs256() {
	open_host RS256 0.6
}

bench_open_oidc() {
	prepare_oidc
	compare --batches 100 --batch 20 --phase open --ca "$endpoint_ca" --user bench:secret \
		--body grant_type=client_credentials pam:agentid:svc-oidc "curl:$endpoint_url/long/token"
	verdict "$(to_ms "$(figure difference 1)")" 0.4 ' ms'
}

bench_no_agent() {
	prepare_host ES256
	compare --batches 200 --batch 50 --phase open pam:agentid:svc-none pam:permit:svc-none
	verdict "$(figure difference 1)" 50 ' us'
}

# Highest rate of the token request that h2load (HTTP/2) or wrk (HTTP/1.1) reaches; each line of the
# table is one setting. Answers other than 200 make a setting worthless.
endpoint_ceiling() {
	local url=$endpoint_url/long/token streams threads
	local basic='Authorization: Basic YmVuY2g6c2VjcmV0'
	local form='Content-Type: application/x-www-form-urlencoded'
	printf grant_type=client_credentials >$private/body
	printf 'wrk.method = "POST"\nwrk.body = "grant_type=client_credentials"\n%s\n' \
		'wrk.headers["Authorization"] = "Basic YmVuY2g6c2VjcmV0"' >$private/post.lua
	for streams in 1:1 1:16 1:128 4:32 16:8 64:4; do
		h2load -n 20000 -c "${streams%:*}" -m "${streams#*:}" -H "$basic" -H "$form" \
			-d $private/body "$url" |
			awk -v s="$streams" '/^finished/ { rate = $4 } /^status codes/ { ok = $3 }
				END { print "h2load", s, ok == 20000 ? rate : 0 }'
	done
	for threads in 4 32; do
		wrk -t 1 -c $threads -d 1s -s $private/post.lua "$url" |
			awk -v s=$threads '/Non-2xx/ { bad = 1 } /^Requests.sec/ { rate = $2 }
				END { print "wrk", s, bad ? 0 : rate }'
	done
}

# hold ARGUMENT ...: starts bench-hold as a coprocess and sets hold_opened to its first line.
hold() {
	coproc HOLD { exec "$build/bench/bench-hold" --confdir $confdir "$@"; }
	hold_pid=$HOLD_PID
	read -r hold_opened <&"${HOLD[0]}" || fail 'bench-hold failed'
	printf '%s\n' "$hold_opened"
}

# hold_tell COMMAND: sends it and sets hold_said to the answer.
hold_tell() {
	printf '%s\n' "$1" >&"${HOLD[1]}"
	read -r hold_said <&"${HOLD[0]}" || fail 'bench-hold failed'
	printf '%s\n' "$hold_said"
}

hold_end() {
	local fd=${HOLD[1]}
	exec {fd}>&-
	wait "$hold_pid"
}

# word NAME TEXT: what follows NAME in a line of names and values.
word() {
	awk -v name="$1" '{ for (i = 1; i < NF; i++) if ($i == name) { print $(i + 1); exit } }' <<<"$2"
}

bench_storm() {
	need h2load wrk
	prepare_oidc
	local round ceiling best failed=0
	endpoint_ceiling >$private/ceiling
	printf 'tool and setting (connections:streams)   requests/s\n'
	awk '{ printf "%-40s %10.0f\n", $1 " " $2, $3 }' $private/ceiling
	ceiling=$(awk '$3 > max { max = $3 } END { print max }' $private/ceiling)
	for round in 1 2 3 4 5; do
		hold --in-flight 0 agentid:svc-oidc:1000
		failed=$((failed + $(word failed "$hold_opened")))
		word seconds "$hold_opened" >>$private/storms
		hold_tell close
		failed=$((failed + $(word failed "$hold_said")))
		hold_end
	done
	best=$(sort -n $private/storms | sed -n 3p)
	awk -v s="$best" -v c="$ceiling" 'BEGIN { printf "storm median %.0f opens/s, ceiling %.0f requests/s\n", 1000 / s, c }'
	verdict "$(awk -v s="$best" -v c="$ceiling" 'BEGIN { printf "%.3f", 1000 / s / c }')" 0.9 '>' \
		$failed 0 ' failed'
}

bench_revoke() {
	prepare_host ES256
	hold --in-flight 64 agentid:svc-host:10000
	hold_tell tokens
	[ "$(word tokens "$hold_said")" = 10000 ] || fail 'not every session has a token'
	hold_tell 'run agentid revoke host'
	[ "$(word status "$hold_said")" = 0 ] || fail 'agentid revoke failed'
	verdict "$(word seconds "$hold_said")" 1 ' s'
	local status=$?
	hold_end
	return $status
}
