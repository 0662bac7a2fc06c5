# SPDX-License-Identifier: LGPL-2.1-or-later
# Copyright The agentid authors
# shellcheck shell=bash disable=SC2154  # here is of run, endpoint_* of endpoint.sh
# What bench/run does inside its namespaces: a private root around the installed build, the
# configuration, the daemons, and the verdict. Everything it writes is on a tmpfs of its own.
private=/run/bench
confdir=$private/pam

# A writable copy of a directory of the host that nobody else sees.
cover() {
	local name=${1//\//_}
	mkdir -p "$private/cover/$name" "$private/work/$name" "$1"
	mount -t overlay overlay \
		-o "lowerdir=$1,upperdir=$private/cover/$name,workdir=$private/work/$name" "$1"
}

make_private_root() {
	mount -t tmpfs -o mode=755 tmpfs /run
	mkdir -p "$private/cover" "$private/work" "$confdir"
	{ cover /etc && cover /var/lib; } || fail 'no overlay file system'
	ip link set lo up
	ulimit -n 1048576 2>/dev/null || ulimit -n "$(ulimit -H -n)"
	ulimit -u unlimited 2>/dev/null
	echo 4194304 >/proc/sys/kernel/pid_max 2>/dev/null
}

make_variable() {
	make -s -C "$build" --eval "bench-print:; @echo \$($1)" bench-print
}

# Installs the build where it believes to be, into a cover of the file system's own directories.
install_build() {
	local prefix
	prefix=$(make_variable prefix)
	etc=$(make_variable sysconfdir)/agentid
	cover "$prefix" || fail "no overlay file system on $prefix"
	make -s -C "$build" install >"$private/install.log" 2>&1 || fail "$(tail -n 5 $private/install.log)"
	ldconfig
	PATH=$prefix/bin:$prefix/sbin:$PATH
	module=$(find "$prefix/lib" -name pam_agentid.so | head -n 1)
	[ -n "$module" ] || fail 'pam_agentid.so is not installed'
}

add_accounts() {
	local name
	for name in agentid-fetch svc-host svc-host-short svc-oidc svc-oidc-short svc-none; do
		useradd --system --no-create-home --shell /usr/sbin/nologin $name 2>/dev/null ||
			id $name >/dev/null || fail "no account $name"
	done
}

# The stack under test and the same stack without it.
write_stacks() {
	local service
	for service in agentid permit; do
		printf '%s required pam_permit.so\n' auth account >"$confdir/$service"
	done
	printf 'session required %s\n' "$module" >>"$confdir/agentid"
	printf 'session required pam_permit.so\n' >>"$confdir/permit"
}

# write_agent ID ACCOUNT LINE ...: the lines are those of [token].
write_agent() {
	local id=$1 account=$2
	shift 2
	{
		printf '[agent]\nid = %s\naccount = %s\n\n[token]\n' "$id" "$account"
		printf '%s\n' "$@"
	} >"$etc/agents.d/$id.conf"
}

write_host_agent() {
	write_agent "$1" "$2" 'source = host' "audience = ${4:-bench-api}" "lifetime = $3"
}

# Without revocation at the end: it is a second request to the provider, which the warm handle beside it
# does not make, and it would run while the next open is timed. bench/README.md says what it costs.
write_oidc_agent() {
	write_agent "$1" "$2" 'source = oidc' "issuer = $3" 'client_id = bench' \
		'client_auth = client_secret_basic' 'client_secret = file:'"$etc/secret" \
		'subject = agent:bench' 'audience = bench-api' 'max_lifetime = 10m' \
		"revoke_at_end = ${AID_BENCH_REVOKE:-no}"
}

write_configuration() {
	mkdir -p "$etc/agents.d"
	cat >"$etc/agentid.conf" <<-EOF
	[issuer]
	url = ${issuer_url:-https://bench.example}

	[fetch]
	user = agentid-fetch
	ca_file = ${endpoint_ca:-/etc/ssl/certs/ca-certificates.crt}
	EOF
	(umask 077 && printf secret >"$etc/secret")
}

start_daemons() {
	agentid-keyringd --standalone 2>"$private/keyringd.log" &
	local n=0
	until agentid status >/dev/null 2>&1; do
		n=$((n + 1))
		[ $n -lt 200 ] || fail "the daemon does not answer: $(tail -n 5 $private/keyringd.log)"
		sleep 0.05
	done
}

start_endpoint() {
	# shellcheck source=bench/endpoint.sh
	. "$here/endpoint.sh"
	mkdir -p "$private/endpoint"
	endpoint_start "$private/endpoint" 18443 "$build/bench/bench-mint" "$@" ||
		fail 'the token endpoint does not start'
}

# verdict FIGURE LIMIT UNIT [FIGURE LIMIT UNIT ...]: prints the last line; status 1 when a figure is
# over its limit. A unit that begins with ">" means that the figure must be at least the limit.
verdict() {
	local figures='' limits='' separator='' status=0
	while [ $# -ge 3 ]; do
		figures+=$separator$1${3#>}
		limits+=$separator$2${3#>}
		separator=', '
		if [ "${3#>}" = "$3" ]; then
			awk -v a="$1" -v b="$2" 'BEGIN { exit !(a + 0 <= b + 0) }' || status=1
		else
			awk -v a="$1" -v b="$2" 'BEGIN { exit !(a + 0 >= b + 0) }' || status=1
		fi
		shift 3
	done
	printf '%s: %s (limit %s)\n' "$name" "$figures" "$limits"
	return $status
}

# compare ARGUMENT ...: prints the table, keeps the figures for figure().
compare() {
	"$build/bench/bench-compare" --confdir "$confdir" "$@" >"$private/compare.out" ||
		fail "bench-compare failed: $(tail -n 3 $private/keyringd.log 2>/dev/null)"
	grep -Ev '^(best|ratio|difference) ' "$private/compare.out"
}

# figure best|ratio|difference N: of the first side against side N, as compare() found it.
figure() {
	awk -v what="$1" -v side="$2" '$1 == what && $2 == side { print $3 }' "$private/compare.out"
}

to_ms() {
	awk -v us="$1" 'BEGIN { printf "%.3f", us / 1000 }'
}

daemon_pids() {
	local exe
	for exe in /proc/[0-9]*/exe; do
		case $(readlink "$exe") in
		*/agentid-keyringd | */agentid-fetch) basename "${exe%/exe}" ;;
		esac
	done
}

# Nanoseconds on a processor, all daemons and threads together.
daemon_cpu_ns() {
	local pid
	for pid in $(daemon_pids); do
		cat "/proc/$pid"/task/*/schedstat
	done | awk '{ sum += $1 } END { printf "%.0f", sum }'
}

# The kernel keeps the sessions of a daemon that was killed; they would slow every later use of keys
# on this machine until they expire.
drop_keys() {
	local name key
	name="agentid:door:$(stat -Lc %i /proc/self/ns/pid)-$(sed 's/.*) //' /proc/1/stat | cut -d' ' -f20):/run/agentid"
	for key in $(keyctl rlist @u); do
		case $(keyctl rdescribe "$key" 2>/dev/null) in
		*";$name") keyctl unlink "$key" @u ;;
		esac
	done
}

inside() {
	name=$1 build=$2
	trap drop_keys EXIT
	make_private_root
	install_build
	add_accounts
	write_stacks
	"bench_${name//-/_}"
}
