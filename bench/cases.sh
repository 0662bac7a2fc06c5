# SPDX-License-Identifier: LGPL-2.1-or-later
# Copyright The agentid authors
# shellcheck shell=bash disable=SC2154  # private, confdir are of lib.sh, endpoint_* of endpoint.sh
# One function per benchmark: prepare, measure, print a table and the verdict.

# A session that works, before anything is timed: an account that is no agent passes in a moment.
check_session() {
	hold --in-flight 1 "agentid:$1:1" >/dev/null
	hold_ask tokens
	hold_end
	[ "$(word tokens "$hold_said")" = 1 ] || fail "no token for $1: $(tail -n 3 "$private/keyringd.log")"
}

# A key of a minute ago: agentid-fetch keeps no parsed key whose file is younger than two seconds.
make_issuer() {
	agentid issuer init --alg "$1" >"$private/issuer.log" 2>&1 ||
		fail "agentid issuer init: $(cat $private/issuer.log)"
	find "$(make_variable aid_localstatedir)/agentid/issuer" -type f -exec touch -d '1 minute ago' {} +
}

# prepare_host ALGORITHM: daemons with this host as the issuer.
prepare_host() {
	write_configuration
	write_host_agent host svc-host 5m
	make_issuer "$1"
	start_daemons
	check_session svc-host
}

prepare_oidc() {
	start_endpoint long:300 short:15
	write_configuration
	write_oidc_agent oidc svc-oidc "$endpoint_url/long"
	start_daemons
	check_session svc-oidc
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

# A credential of the session, which has been there for a moment; keyringd is told that somebody reads it.
bench_get_credential() {
	start_endpoint long:300
	write_configuration
	write_oidc_agent oidc svc-oidc "$endpoint_url/long"
	printf '\n[credential orders]\ntype = oidc\naudience = bench-api\nmax_lifetime = 10m\nat_open = yes\n' >>"$etc/agents.d/oidc.conf"
	start_daemons
	check_session svc-oidc
	compare --session agentid:svc-oidc --batches 100 --batch 20 'spawn:agentid get orders' \
		'spawn:keyctl pipe %user:agentid:orders'
	verdict "$(figure ratio 1)" 1.3 ''
}

# A ring as agentid-keyringd makes it, in the session keyring of this run: the adapters and keyctl read
# it, and nothing else takes part.
make_ring() {
	local ring key name
	ring=$(keyctl newring agentid @s) || fail 'no ring'
	for name in token aws info; do
		key=$(keyctl padd user "agentid:$name" "$ring" <"$private/$name") || fail 'no key'
		keyctl setperm "$key" 0x0b2f0000
	done
	keyctl setperm "$ring" 0x0b3f0000
}

# Each adapter beside the same keyctl; the worst of them counts.
bench_adapters() {
	local side ratio
	head -c 960 /dev/zero | base64 -w 0 | sed 's/^/eyJ.eyJ./' >"$private/token"
	printf '{"Version":1,"AccessKeyId":"ASIAEXAMPLE","SecretAccessKey":"%040d","SessionToken":"%0800d","Expiration":"%s"}' \
		0 0 2099-01-02T03:04:05Z >"$private/aws"
	echo 'token 4070908800' >"$private/info"
	make_ring
	printf 'capability[]=authtype\nprotocol=https\nhost=git.example.com\n\n' >"$private/git"
	printf registry.example.com >"$private/docker"
	export HOME=$private/home GOOGLE_EXTERNAL_ACCOUNT_AUDIENCE=bench
	export GOOGLE_EXTERNAL_ACCOUNT_TOKEN_TYPE=urn:ietf:params:oauth:token-type:jwt
	export KUBERNETES_EXEC_INFO='{"apiVersion":"client.authentication.k8s.io/v1","spec":{"interactive":false}}'
	mkdir -p "$HOME/.docker"
	echo '{"credHelpers":{"registry.example.com":"agentid"}}' >"$HOME/.docker/config.json"
	for side in 'agentid header' 'agentid aws' 'agentid gcp --audience bench' 'agentid kube' \
		"<$private/git agentid git-credential --host git.example.com get" \
		"<$private/docker docker-credential-agentid get" 'vault-token-agentid --credential token get'; do
		compare --batches 60 --batch 20 "spawn:$side" 'spawn:keyctl pipe %user:agentid:token' >/dev/null
		ratio=$(figure ratio 1)
		printf '%-74s %6s times keyctl pipe\n' "$side" "$ratio"
		printf '%s\n' "$ratio" >>"$private/ratios"
	done
	verdict "$(sort -n "$private/ratios" | tail -n 1)" 1.3 ''
}

# The strict servers of the tests: they check every field, the assertion's signature and that it was not
# used before, as those of the vendors do. Sets strict_* from what strict.py found.
start_strict() {
	local n=0
	mkdir -p "$private/strict"
	/usr/bin/python3 -W ignore "$here/strict.py" "$private/strict" "$AID_BENCH_BAO" 2>"$private/strict.log" &
	until [ -f "$private/strict/ready" ]; do
		n=$((n + 1))
		[ $n -lt 400 ] || fail "the servers do not start: $(tail -n 5 $private/strict.log)"
		sleep 0.05
	done
	# shellcheck source=/dev/null
	. "$private/strict/ready"
}

# exchange KIND URL ISSUER CA [PHASE]: agentid-fetch beside libcurl, at one server. What is compared is the
# request with its assertion, which both sign; the request alone is told beside it.
exchange() {
	compare --batches 80 --batch 10 --program "$fetch_program" --ca "$4" --issuer "$3" \
		--key "$private/strict/host.key" --secret "$private/strict/secret" "exchange:$1 $2" "request:$1 $2"
	awk -v kind="$1" -v best="$(figure best 1)" -v median="$(figure ratio 1)" '
		/^exchange/ { b = $(NF - 3); m = $(NF - 2) }
		NF >= 5 && $(NF - 4) == "request" { printf "%s: best of either %s, median %s times; without its signature %.3f, %.3f\n\n",
			kind, best, median, b / $(NF - 3), m / $(NF - 2) }' "$private/compare.out"
}

# The same answer at once to whatever is asked, so that all of our own part shows.
start_floor() {
	local expires
	expires=$(date -u -d '+50 minutes' +%Y-%m-%dT%H:%M:%SZ) || fail 'date'
	start_endpoint long:300
	mkdir -p "$private/endpoint/www/sts"
	printf '<%sResponse xmlns="%s"><%sResult><Credentials><AccessKeyId>%s</AccessKeyId><SecretAccessKey>%040d</SecretAccessKey><SessionToken>%0800d</SessionToken><Expiration>%s</Expiration></Credentials></%sResult></%sResponse>' \
		AssumeRoleWithWebIdentity https://sts.amazonaws.com/doc/2011-06-15/ AssumeRoleWithWebIdentity ASIAEXAMPLEEXAMPLE00 \
		0 0 "$expires" AssumeRoleWithWebIdentity AssumeRoleWithWebIdentity >"$private/endpoint/www/sts/answer"
}

bench_exchange() {
	local fetch_program aws xch vault
	fetch_program=$(find "$(make_variable libexecdir)" -name agentid-fetch -type f | head -n 1)
	start_strict
	# shellcheck disable=SC2154  # of strict.py
	{
		exchange aws-sts "$strict_base/aws" "$strict_base/hostid" "$private/strict/ca.pem"
		aws=$(figure ratio 1)
		exchange rfc8693 "$strict_base/xch" "$strict_base/hostid" "$private/strict/ca.pem"
		xch=$(figure ratio 1)
		exchange vault "$strict_bao" "$strict_bao_issuer" "$private/strict/ca.pem"
		vault=$(figure ratio 1)
	}
	start_floor
	exchange aws-sts "$endpoint_url/sts" "$strict_base/hostid" "$endpoint_ca"
	verdict "$aws" 1.1 '' "$xch" 1.1 '' "$vault" 1.1 '' "$(to_ms "$(figure difference 1)")" 0.2 ' ms'
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

bench_open_keycloak() {
	# shellcheck source=bench/endpoint.sh
	. "$here/endpoint.sh"
	# shellcheck source=bench/keycloak.sh
	. "$here/keycloak.sh"
	local request=grant_type=client_credentials token
	mkdir -p "$private/endpoint"
	endpoint_prepare "$private/endpoint" || fail 'no certificate'
	keycloak_start
	token=$keycloak_url/protocol/openid-connect/token
	write_configuration
	write_oidc_agent oidc svc-oidc "$keycloak_url"
	start_daemons
	compare --batches 40 --batch 10 --phase open --ca "$endpoint_ca" --user bench:secret --body $request \
		pam:agentid:svc-oidc "curl:$token" \
		"spawn:curl -s -f --cacert $endpoint_ca -u bench:secret -d $request $token"
	verdict "$(figure ratio 1)" 1.1 '' "$(figure ratio 2)" 0.3 ''
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
	printf grant_type=client_credentials >"$private/body"
	printf 'wrk.method = "POST"\nwrk.body = "grant_type=client_credentials"\n%s\n' \
		'wrk.headers["Authorization"] = "Basic YmVuY2g6c2VjcmV0"' >"$private/post.lua"
	for streams in 1:1 1:16 1:128 4:32 16:8 64:4; do
		h2load -n 20000 -c "${streams%:*}" -m "${streams#*:}" -H "$basic" -H "$form" \
			-d "$private/body" "$url" |
			awk -v s="$streams" '/^finished/ { rate = $4 } /^status codes/ { ok = $3 }
				END { print "h2load", s, ok == 20000 ? rate : 0 }'
	done
	for threads in 4 32; do
		wrk -t 1 -c $threads -d 1s -s "$private/post.lua" "$url" |
			awk -v s=$threads '/Non-2xx/ { bad = 1 } /^Requests.sec/ { rate = $2 }
				END { print "wrk", s, bad ? 0 : rate }'
	done
}

# hold ARGUMENT ...: starts bench-hold as a coprocess and sets hold_opened to its first line.
hold() {
	coproc HOLD { exec "$build/bench/bench-hold" --confdir "$confdir" "$@"; }
	hold_pid=$HOLD_PID
	read -r hold_opened <&"${HOLD[0]}" || fail 'bench-hold failed'
	printf '%s\n' "$hold_opened"
}

# hold_ask COMMAND: sends it and sets hold_said to the answer; hold_tell prints that, too.
hold_ask() {
	printf '%s\n' "$1" >&"${HOLD[1]}"
	read -r hold_said <&"${HOLD[0]}" || fail 'bench-hold failed'
}

hold_tell() {
	hold_ask "$1"
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
	endpoint_ceiling >"$private/ceiling"
	printf 'tool and setting (connections:streams)   requests/s\n'
	awk '{ printf "%-40s %10.0f\n", $1 " " $2, $3 }' "$private/ceiling"
	ceiling=$(awk '$3 > max { max = $3 } END { print max }' "$private/ceiling")
	for round in 1 2 3 4 5; do
		printf 'round %d: ' $round
		hold --in-flight 0 agentid:svc-oidc:1000
		failed=$((failed + $(word failed "$hold_opened")))
		word seconds "$hold_opened" >>"$private/storms"
		hold_tell close
		failed=$((failed + $(word failed "$hold_said")))
		hold_end
	done
	best=$(sort -n "$private/storms" | sed -n 3p)
	awk -v s="$best" -v c="$ceiling" 'BEGIN { printf "storm median %.0f opens/s, ceiling %.0f requests/s\n", 1000 / s, c }'
	verdict "$(awk -v s="$best" -v c="$ceiling" 'BEGIN { printf "%.3f", 1000 / s / c }')" 0.9 '>' \
		$failed 0 ' failed'
}

bench_revoke() {
	prepare_host ES256
	hold --in-flight 64 agentid:svc-host:10000
	hold_tell tokens
	[ "$(word tokens "$hold_said")" = 10000 ] || fail 'not every session has a token'
	hold_tell 'run agentid revoke host >/dev/null'
	[ "$(word status "$hold_said")" = 0 ] || fail 'agentid revoke failed'
	verdict "$(word seconds "$hold_said")" 1 ' s'
	local status=$?
	hold_end
	return $status
}

private_kib() {
	local pid
	for pid in $(daemon_pids); do
		cat "/proc/$pid/smaps_rollup"
	done | awk '/^Private_(Clean|Dirty):/ { sum += $2 } END { print sum }'
}

# cost SIDE PHASE ...: median of one phase of one side, in microseconds.
cost() {
	"$build/bench/bench-compare" --batches 30 --batch 10 "$@" | awk '$(NF - 4) == "processor" { print $(NF - 2) }'
}

uptime_s() {
	cut -d ' ' -f 1 /proc/uptime
}

# count_refreshes AGENT FILE: appends how many refreshes there were by now, and when that was.
count_refreshes() {
	hold_ask "refreshes $1"
	printf '%s %s\n' "${hold_said#* }" "$(uptime_s)" >>"$2"
}

# Processor time of all daemons over so many seconds, without what a signature and a token request
# by a warm libcurl cost anybody. Sets steady_percent and prints how it came about.
steady_cpu() {
	local window=$1 sign request cpu begin host oidc
	sign=$(cost sign:RS256)
	request=$(cost --ca "$endpoint_ca" --user bench:secret --body grant_type=client_credentials \
		"curl:$endpoint_url/long/token")
	count_refreshes host-short "$private/host.count"
	count_refreshes oidc-short "$private/oidc.count"
	begin=$(uptime_s) cpu=$(daemon_cpu_ns)
	sleep "$window"
	cpu=$(($(daemon_cpu_ns) - cpu))
	window=$(awk -v from="$begin" -v to="$(uptime_s)" 'BEGIN { print to - from }')
	count_refreshes host-short "$private/host.count"
	count_refreshes oidc-short "$private/oidc.count"
	host=$(refresh_rate "$private/host.count")
	oidc=$(refresh_rate "$private/oidc.count")
	awk -v w="$window" -v cpu="$cpu" -v h="$host" -v o="$oidc" -v s="$sign" -v r="$request" 'BEGIN {
		printf "%-52s %8.2f %%\n", "processor time of the daemons", cpu / w / 1e7
		printf "%-52s %8.2f %%\n", h " signatures a second of " s " us", h * s / 1e4
		printf "%-52s %8.2f %%\n", o " requests a second by libcurl of " r " us", o * r / 1e4
		printf "percent %.2f\n", cpu / w / 1e7 - (h * s + o * r) / 1e4
	}' >"$private/steady"
	grep -v '^percent' "$private/steady"
	steady_percent=$(word percent "$(cat $private/steady)")
}

# refresh_rate FILE: refreshes a second between its two lines.
refresh_rate() {
	awk 'NR == 1 { n = $1; t = $2 } END { printf "%.1f", ($1 - n) / ($2 - t) }' "$1"
}

# 10,000 sessions, half host and half oidc. Of each half, 4,750 have tokens of 5 minutes, which are
# not due while we look; 250 have tokens of 15 s, so that refreshes come as often as 5,000 sessions
# of 5 minutes make them come (21 a second). These are opened at a pace, else they would come in
# bursts.
bench_scale() {
	local memory late_host late_oidc worst wide_audience
	# Both are in the tokens of this host, which become 1.3 kB long by them.
	wide_audience=$(printf 'urn:bench:%0230d' 0)
	# shellcheck disable=SC2034  # of lib.sh
	issuer_url=$(printf 'https://bench.example/%0230d' 0)
	start_endpoint long:300 short:15
	write_configuration
	write_host_agent host svc-host 5m "$wide_audience"
	write_host_agent host-short svc-host-short 15s "$wide_audience"
	write_oidc_agent oidc svc-oidc "$endpoint_url/long"
	write_oidc_agent oidc-short svc-oidc-short "$endpoint_url/short"
	make_issuer RS256
	start_daemons
	hold --in-flight 64 agentid:svc-host:4750 agentid:svc-oidc:4750 \
		agentid:svc-host-short:250:43 agentid:svc-oidc-short:250:43
	hold_tell tokens
	[ "$(word tokens "$hold_said")" = 10000 ] || fail 'not every session has a token'
	memory=$(private_kib | awk '{ printf "%.1f", $1 / 1024 }')
	steady_cpu 12
	hold_tell 'late host-short'
	late_host=$(word p99_ms "$hold_said")
	hold_tell 'late oidc-short'
	late_oidc=$(word p99_ms "$hold_said")
	worst=$(printf '%s\n' "$late_host" "$late_oidc" | sort -n | tail -n 1)
	verdict "$memory" 32 ' MiB' "$steady_percent" 2 ' %' "$worst" 100 ' ms'
}
