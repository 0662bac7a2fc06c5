#!/bin/bash
# SPDX-License-Identifier: LGPL-2.1-or-later
# Copyright The agentid authors
# check: what it finds, in which words, and what it exits with.
# shellcheck source=tests/cli/lib.sh
. "${srcdir:-.}/tests/cli/lib.sh"
own_namespace "$@"
own_configuration
check() { "$ADMIN" check "$@"; }

oidc_agent()
{
    cat >"$CONF/agents.d/a.conf" <<END
[agent]
id = a
account = nobody
[token]
source = oidc
audience = api
subject = agent:a
issuer = https://idp.example
client_id = c
ca_file = $WORK/ca.pem
END
    cat >>"$CONF/agents.d/a.conf"
}
echo "a certificate" >"$WORK/ca.pem"
(umask 077; echo hunter2 >"$WORK/secret")

expect 0 check
out_has "ok       configuration: 0 agents"
out_has "key quota: "
out_has "warning  daemon: agentid-keyringd does not run"
out_has "0 errors, "
expect 4 setpriv --reuid 65534 --clear-groups "$ADMIN" check
expect 2 check everything
err_has "'everything' is one argument too many"

# A good agent, then everything it points to goes wrong.
oidc_agent <<END
client_auth = client_secret_basic
client_secret = file:$WORK/secret
END
expect 0 check
out_has "ok       configuration: 1 agent"
out_has "accounts and secrets are there"
chmod 0640 "$WORK/secret"
expect 1 check
out_has "error    $CONF/agents.d/a.conf: [token] client_secret: $WORK/secret: mode 0640, at most 0600 is allowed"
out_lacks hunter2
rm "$WORK/secret"
expect 1 check
out_has "[token] client_secret: $WORK/secret: no such file"
(umask 077; : >"$WORK/secret")
expect 1 check
out_has "[token] client_secret: file:$WORK/secret is empty"
(umask 077; echo hunter2 >"$WORK/secret")

# A secret that a manager has: what it points to is judged, and nothing is asked of it.
cat >"$CONF/agentid.conf" <<END
[secrets vault]
address = https://vault.example
auth = approle
role_id = r
secret_id = file:$WORK/secret
ca_file = $WORK/ca.pem
END
sed -i 's|^client_secret = .*|client_secret = vault:kv/a#s|' "$CONF/agents.d/a.conf"
expect 0 check
out_has "ok       secrets: client secrets come from https://vault.example"
chmod 0640 "$WORK/secret"
expect 1 check
out_has "error    secret: [secrets vault] secret_id: $WORK/secret: mode 0640, at most 0600 is allowed"
chmod 0600 "$WORK/secret"
sed -i 's|^client_secret = .*|client_secret = aws-sm:a|' "$CONF/agents.d/a.conf"
expect 6 check
out_has "[token] client_secret needs a section [secrets aws-sm] in $CONF/agentid.conf"
sed -i 's|^role_id = r|role = r|' "$CONF/agentid.conf"
expect 6 check
out_has "$CONF/agentid.conf: [secrets vault] role has no meaning with auth = approle; take one of them out"
sed -i '/^auth = /d; /^secret_id = /d' "$CONF/agentid.conf"
expect 6 check
out_has "$CONF/agentid.conf: [secrets vault] auth = jwt needs [issuer] url"
rm "$CONF/agentid.conf"
sed -i "s|^client_secret = .*|client_secret = file:$WORK/secret|" "$CONF/agents.d/a.conf"
sed -i 's/nobody/no-such-account/' "$CONF/agents.d/a.conf"
expect 1 check
out_has "[agent] account = 'no-such-account': no such account on this host"
sed -i 's/no-such-account/nobody/' "$CONF/agents.d/a.conf"
: >"$WORK/ca.pem"
expect 1 check
out_has "ca_file = '$WORK/ca.pem': the file is empty"
echo x >"$WORK/ca.pem"
chmod 0666 "$WORK/ca.pem"
expect 1 check
out_has "ca_file = '$WORK/ca.pem': mode 0666, owner 0; root must own it and nobody else write it"
chmod 0600 "$WORK/ca.pem"
expect 1 check
out_has "ca_file = '$WORK/ca.pem': mode 0600; agentid-fetch needs to read it, as any user may"
chmod 0644 "$WORK/ca.pem"

# Keys of client assertions.
(umask 077; openssl genpkey -algorithm EC -pkeyopt ec_paramgen_curve:P-256 -out "$WORK/key.pem" 2>/dev/null)
oidc_agent <<END
client_auth = private_key_jwt
client_key = file:$WORK/key.pem
signing_alg = ES256
END
expect 0 check
sed -i /signing_alg/d "$CONF/agents.d/a.conf"
expect 1 check
out_has "[token] signing_alg = RS256: the key of file:$WORK/key.pem is of another kind"
echo "no key" >"$WORK/key.pem"
expect 1 check
out_has "[token] client_key: file:$WORK/key.pem: "

# The same of a credential's client.
(umask 077; openssl genpkey -algorithm EC -pkeyopt ec_paramgen_curve:P-256 -out "$WORK/key.pem" 2>/dev/null)
exchange_agent()
{
    oidc_agent <<END
client_auth = client_secret_basic
client_secret = file:$WORK/secret
[credential x]
type = rfc8693
issuer = https://idp.example
client_id = x
audience = y
subject = agent:x
ca_file = $WORK/ca.pem
$(cat)
END
}
exchange_agent <<END
client_auth = private_key_jwt
client_key = file:$WORK/key.pem
END
expect 1 check
out_has "[credential x] signing_alg = RS256: the key of file:$WORK/key.pem is of another kind"
echo "signing_alg = ES256" >>"$CONF/agents.d/a.conf"
expect 0 check
out_has "agent 'a' has 'x': rfc8693 at idp.example"
exchange_agent <<END
client_auth = client_secret_post
client_secret = file:$WORK/no-secret
END
expect 1 check
out_has "[credential x] client_secret: $WORK/no-secret: no such file"
exchange_agent <<END
client_auth = tls_client_auth
client_key = file:$WORK/key.pem
client_certificate = file:$WORK/secret
END
expect 1 check
out_has "[credential x] client_certificate: file:$WORK/secret holds no PEM certificate"

# A rotation.
printf '[secrets vault]\naddress = https://vault.example\nauth = approle\nrole_id = r\nsecret_id = file:%s/secret\n' "$WORK" \
    >"$CONF/agentid.conf"
cat >"$CONF/agents.d/a.conf" <<END
[agent]
id = a
account = nobody
[token]
source = oidc
issuer = https://kc.example/realms/r
client_id = c
client_auth = client_secret_basic
client_secret = vault:kv/a#s
subject = s
audience = api
[rotate]
provider = keycloak-admin
every = 599s
admin_client_id = rotator
admin_client_secret = file:$WORK/nothing
END
expect 1 check
out_has "warning  $CONF/agents.d/a.conf: [rotate] every = 599s: a secret that is changed more often than every 10 minutes costs more than it protects"
out_has "[rotate] admin_client_secret: $WORK/nothing: "
sed -i "s|nothing|secret|; s|599s|10m|" "$CONF/agents.d/a.conf"
expect 0 check
out_lacks "[rotate]"

# The issuer's key.
cat >"$CONF/agents.d/a.conf" <<END
[agent]
id = a
account = nobody
[token]
source = host
audience = api
END
printf '[issuer]\nurl = https://id.example\nkey_dir = %s/keys\n' "$WORK" >"$CONF/agentid.conf"
expect 1 check
out_has "error    $WORK/keys: no active key; \"agentid issuer init\" makes one"
expect 0 "$ADMIN" issuer init --alg ES256
expect 0 check
out_has "ok       issuer: https://id.example has an active key"

# Mistakes in the configuration: every one, file, line, value, limit; also as JSON.
echo "lifetime = 2h" >>"$CONF/agents.d/a.conf"
echo "lifetme = 1m" >>"$CONF/agents.d/a.conf"
expect 6 check
out_has "error    $CONF/agents.d/a.conf:7: [token] lifetime = '2h': 5s to 1h is allowed"
out_has "error    $CONF/agents.d/a.conf:8: [token] lifetme: unknown key; did you mean lifetime?"
out_has "2 errors, "
expect 6 check --json
out_json 'j["errors"] == 2 and [r["line"] for r in j["results"] if r["level"] == "error"] == [7, 8]'
out_json 'j["results"][0]["file"] == "'"$CONF"'/agents.d/a.conf"'
rm "$CONF/agents.d/a.conf"

# What the daemon says.
start_daemon failing
expect 0 check
out_has "agentid-keyringd 9.9.9 runs; this command is "
out_has "the last configuration that it read is not good, what was good before is in force: /etc/agentid/agents.d/x.conf:3: wrong"
out_has "agentid-fetch is not connected"
out_has "beta is cut off; \"agentid allow beta\" lets it in again"
stop_daemon

# PAM stacks.
own_pam
expect 0 check
out_has "no service in /etc/pam.d names pam_agentid.so"
echo "session required pam_agentid.so" >/etc/pam.d/good
printf '%s\n' "# session required pam_agentid.so" "session [success=ok default=bad] pam_unix.so" >/etc/pam.d/other
expect 0 check
out_has "ok       pam: 1 service opens agent sessions"
printf '%s\n' "session optional pam_keyinit.so force revoke" >/etc/pam.d/common-session
printf '%s\n' "session optional /usr/lib/security/pam_agentid.so" "@include common-session" >/etc/pam.d/bad
expect 1 check
out_has "warning  /etc/pam.d/bad:1: session optional pam_agentid.so: a session starts also where no token could be had; write required"
out_has "error    /etc/pam.d/common-session:1: pam_keyinit.so stands after pam_agentid.so (/etc/pam.d/bad:1) and takes its session keyring away; write it before"
out_has "ok       pam: 2 services open agent sessions"
printf '%s\n' "@include common-session" "session required pam_agentid.so" >/etc/pam.d/bad
expect 0 check
# Files that include each other end.
echo "session include loop" >/etc/pam.d/loop
expect 0 check
finish
