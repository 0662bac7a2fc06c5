# SPDX-License-Identifier: LGPL-2.1-or-later
# Copyright The agentid authors
# shellcheck shell=bash
# A fast TLS token endpoint on loopback, to be sourced: nginx sends what bench-mint signs, over
# HTTP/2 or 1.1, with a private CA made at run time. Needs openssl and nginx, root or not.
#
#   endpoint_start DIR PORT MINT REALM:LIFETIME_S ...
#
# starts both as children of this shell and sets endpoint_url, endpoint_ca and endpoint_pids. The
# issuer of a realm is $endpoint_url/REALM; the token is for sub "agent:bench", aud "bench-api",
# azp "bench", 1.3 kB long; any client secret is accepted.

# Private CA and a certificate for localhost and 127.0.0.1.
endpoint_certificate() {
	local dir=$1
	openssl req -x509 -newkey ec -pkeyopt ec_paramgen_curve:P-256 -nodes -days 2 \
		-subj '/CN=bench CA' -addext basicConstraints=critical,CA:TRUE \
		-addext keyUsage=critical,keyCertSign -keyout "$dir/ca.key" -out "$dir/ca.pem"
	openssl req -newkey ec -pkeyopt ec_paramgen_curve:P-256 -nodes -subj /CN=localhost \
		-keyout "$dir/server.key" -out "$dir/server.csr"
	printf '%s\n' 'subjectAltName=DNS:localhost,IP:127.0.0.1' 'basicConstraints=CA:FALSE' \
		'keyUsage=digitalSignature' 'extendedKeyUsage=serverAuth' >"$dir/server.ext"
	openssl x509 -req -days 2 -in "$dir/server.csr" -CA "$dir/ca.pem" -CAkey "$dir/ca.key" \
		-CAcreateserial -extfile "$dir/server.ext" -out "$dir/server.pem"
}

# A POST to a plain file is refused by nginx with 405, whose error page is the token itself.
endpoint_nginx_conf() {
	local dir=$1 port=$2
	cat <<-EOF
	daemon off;
	master_process off;
	pid $dir/nginx.pid;
	error_log $dir/nginx.log crit;
	worker_rlimit_nofile 65536;
	events { worker_connections 8192; }
	http {
	  access_log off;
	  default_type application/json;
	  client_body_temp_path $dir/body; proxy_temp_path $dir/proxy; fastcgi_temp_path $dir/fastcgi;
	  uwsgi_temp_path $dir/uwsgi; scgi_temp_path $dir/scgi;
	  keepalive_requests 100000000; keepalive_timeout 600s;
	  open_file_cache max=100; open_file_cache_valid 1s;
	  http2_max_concurrent_streams 1024;
	  server {
	    listen 127.0.0.1:$port ssl http2 backlog=4096;
	    server_name localhost;
	    ssl_certificate $dir/server.pem; ssl_certificate_key $dir/server.key;
	    ssl_protocols TLSv1.2 TLSv1.3;
	    root $dir/www;
	    location ~ ^/([a-z0-9-]+)/token\$ {
	      add_header Cache-Control no-store always;
	      error_page 405 =200 /\$1/token.json;
	      return 405;
	    }
	    location ~ ^/([a-z0-9-]+)/\$ {
	      default_type text/xml;
	      error_page 405 =200 /\$1/answer;
	      return 405;
	    }
	  }
	}
	EOF
}

# Sets endpoint_ca.
endpoint_prepare() {
	mkdir -p "$1/www"
	endpoint_certificate "$1" >"$1/openssl.log" 2>&1 || return 1
	endpoint_ca=$1/ca.pem
}

endpoint_start() {
	local dir=$1 port=$2 mint=$3
	shift 3
	endpoint_prepare "$dir" || return 1
	endpoint_nginx_conf "$dir" "$port" >"$dir/nginx.conf"
	endpoint_url=https://localhost:$port
	"$mint" --directory "$dir/www" --url "$endpoint_url" --token-bytes 1300 "$@" &
	endpoint_pids=$!
	nginx -q -e "$dir/nginx.log" -c "$dir/nginx.conf" &
	endpoint_pids="$endpoint_pids $!"
	endpoint_await "$endpoint_url/${1%%:*}/ready" && return 0
	tail -n 5 "$dir/openssl.log" "$dir/nginx.log" >&2
	return 1
}

endpoint_await() {
	local n=0
	until curl -sf --cacert "$endpoint_ca" -o /dev/null "$1"; do
		n=$((n + 1))
		[ $n -lt 200 ] || return 1
		sleep 0.05
	done
}
