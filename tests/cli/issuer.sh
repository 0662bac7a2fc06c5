#!/bin/bash
# SPDX-License-Identifier: LGPL-2.1-or-later
# Copyright The agentid authors
# issuer: init, publish, rotate and show.
# shellcheck source=tests/cli/lib.sh
. "${srcdir:-.}/tests/cli/lib.sh"
own_namespace "$@"
own_configuration
issuer() { "$ADMIN" issuer "$@"; }
now_s() { date +%s; }

cat >"$CONF/agentid.conf" <<END
[issuer]
url = https://id.example.com/host01
key_dir = $WORK/keys
END

expect 3 issuer show
expect 3 issuer rotate
expect 2 issuer
err_has "one of init, publish, rotate and show is needed"
expect 2 issuer destroy
err_has "'destroy': init, publish, rotate and show are known"
expect 2 issuer init --alg HS256
err_has "--alg 'HS256': RS256 and ES256 are allowed"
expect 2 issuer init --now
err_has "unknown option '--now'"
expect 2 issuer rotate --now --overlap 1h
err_has "--now and --overlap exclude each other"
expect 2 issuer rotate --overlap 31d
err_has "--overlap '31d': a duration such as 24h, at most 30d"
expect 2 issuer publish
err_has "publish needs one DIR, 0 are given"
expect 4 setpriv --reuid 65534 --clear-groups "$ADMIN" issuer show
err_has "the issuer's keys belong to root"

expect 0 issuer init
out_has "made key "
out_has ', active now'
out_has "DIR is served as https://id.example.com/host01"
expect 4 issuer init
[ "$(stat -c '%a %u' "$WORK/keys")" = "700 0" ] || complain "mode of the key directory"
[ "$(stat -c '%a' "$WORK"/keys/*.pem)" = 600 ] || complain "mode of the key"
expect 0 issuer show
out_has "issuer https://id.example.com/host01"
out_has "active"

umask 077
mkdir -m 0755 "$WORK/www"
expect 0 issuer publish "$WORK/www"
[ "$(stat -c %a "$WORK/www/jwks.json" "$WORK/www/.well-known" "$WORK/www/.well-known/openid-configuration")" = \
    $'644\n755\n644' ] || complain "a web server cannot read what was published"
run cat "$WORK/www/.well-known/openid-configuration"
out_json 'j["issuer"] == "https://id.example.com/host01"'
out_json 'j["jwks_uri"] == "https://id.example.com/host01/jwks.json"'
run cat "$WORK/www/jwks.json"
out_json 'len(j["keys"]) == 1 and j["keys"][0]["alg"] == "RS256" and "d" not in j["keys"][0]'
expect 3 issuer publish "$WORK/nowhere"

expect 0 issuer rotate --overlap 1h --alg ES256
out_has "added key "
out_has "active in 59m 59s"
expect 4 issuer rotate
expect 0 issuer show
out_has "waiting"
expect 0 issuer publish "$WORK/www"
run cat "$WORK/www/jwks.json"
out_json 'sorted(k["alg"] for k in j["keys"]) == ["ES256", "RS256"]'
expect 0 issuer rotate --now
expect 0 issuer publish "$WORK/www"
run cat "$WORK/www/jwks.json"
out_json 'len(j["keys"]) == 1'

# An agent's mistake does not stand in the way; one in agentid.conf does.
echo nonsense >"$CONF/agents.d/x.conf"
expect 0 issuer show
echo "[issuer]" >>"$CONF/agentid.conf"
expect 6 issuer show
err_is "agentid: $CONF/agentid.conf:4: section [issuer] stands twice, first in line 1; one is allowed"
finish
