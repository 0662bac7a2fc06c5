# SPDX-License-Identifier: LGPL-2.1-or-later
# Copyright The agentid authors
# shellcheck shell=bash disable=SC2154,SC2034  # here, private, endpoint_* and fail are of the other files
# Keycloak for bench/run. The first start of a distribution takes half a minute because it builds
# itself; so one built and imported image is kept in the cache, and each run starts a copy of it.
keycloak_version=26.7.3
keycloak_port=18444

# keycloak_serve DIR LOG ARGUMENT ...: starts it as a child and waits until the realm answers at
# keycloak_probe; sets keycloak_pid. kc.sh would start Java as a child of its own; exec keeps one.
keycloak_serve() {
	local dir=$1 log=$2 n=0
	shift 2
	KC_BOOTSTRAP_ADMIN_USERNAME=admin KC_BOOTSTRAP_ADMIN_PASSWORD=admin \
		JAVA_OPTS_KC_HEAP='-Xms64m -Xmx512m' "$dir/bin/kc.sh" start-dev \
		--http-host=127.0.0.1 --import-realm "$@" >"$log" 2>&1 </dev/null &
	keycloak_pid=$!
	until curl -sf ${endpoint_ca:+--cacert "$endpoint_ca"} -o /dev/null "$keycloak_probe/realms/my-realm"; do
		n=$((n + 1))
		[ $n -lt 400 ] && kill -0 $keycloak_pid 2>/dev/null || return 1
		sleep 0.25
	done
}

# Outside: sets keycloak_image to a directory that has been started once.
keycloak_prepare() {
	local cache=${XDG_CACHE_HOME:-$HOME/.cache}/agentid-ci zip fresh
	keycloak_image=$cache/keycloak-$keycloak_version-bench-$(sha256sum <"$here/keycloak-realm.json" | cut -c1-16)
	[ ! -d "$keycloak_image" ] || return 0
	zip=$("$here/../ci/servers" keycloak $keycloak_version) || return 1
	fresh=$(mktemp -d "$cache/keycloak.XXXXXX") || return 1
	unzip -q "$zip" -d "$fresh" && mkdir -p "$fresh/keycloak-$keycloak_version/data/import" || return 1
	cp "$here/keycloak-realm.json" "$fresh/keycloak-$keycloak_version/data/import/realm.json"
	unshare -n -p -f --mount-proc --kill-child=KILL -- "$here/run" --first-start "$fresh/keycloak-$keycloak_version" || {
		tail -n 3 "$fresh"/keycloak-*/first-start.log >&2
		rm -rf "$fresh"
		return 1
	}
	mv "$fresh/keycloak-$keycloak_version" "$keycloak_image" && rmdir "$fresh"
}

keycloak_first_start() {
	ip link set lo up
	keycloak_probe=http://127.0.0.1:8080
	keycloak_serve "$1" "$1/first-start.log" --http-port=8080 || return 1
	kill $keycloak_pid
	wait $keycloak_pid
	return 0
}

# Inside: a private copy of the image, with TLS by the endpoint's certificate; sets keycloak_url.
keycloak_start() {
	cover "$keycloak_image"
	keycloak_probe=https://localhost:$keycloak_port
	keycloak_url=$keycloak_probe/realms/my-realm
	keycloak_serve "$keycloak_image" "$private/keycloak.log" --http-port=18445 \
		--https-port=$keycloak_port --https-certificate-file="$private/endpoint/server.pem" \
		--https-certificate-key-file="$private/endpoint/server.key" ||
		fail "Keycloak does not start: $(tail -n 5 $private/keycloak.log)"
}
