#!/bin/bash
# SPDX-License-Identifier: LGPL-2.1-or-later
# Copyright The agentid authors
# What "agentid policy trust" prints is loaded as it is printed, and lets in this agent's assertions and no others; and
# a session policy takes away what the role may. The real daemons at a strict STS, Entra, Google and S3, and the
# real OpenBao. 60-keycloak.sh does the same at the real Keycloak.
# shellcheck source=tests/integration/lib.sh
. "$(dirname "$0")/lib.sh"

CONSUMERS=$("$AID_SRC/ci/servers" consumers) || give_up "no consumers"
BAO=$("$AID_SRC/ci/servers" openbao) || give_up "no OpenBao"
PORT=18521 # and the ones after it: trust_place.py

# This machine's own programs, with agentid over them, in a private place; sets LEADER.
enter_host()
{
    unshare -m -p -f --kill-child=KILL -- /bin/bash -c '
        mount --make-rprivate / && mount -t proc proc /proc && mount -t tmpfs -o mode=0755 tmpfs /run &&
        mkdir -p /run/etc/up /run/etc/work /run/lib/up /run/lib/work /run/consumers /run/home /run/agentid /run/trust &&
        mount -t overlay -o lowerdir=/etc,upperdir=/run/etc/up,workdir=/run/etc/work overlay /etc &&
        mount -t overlay -o lowerdir=/var/lib,upperdir=/run/lib/up,workdir=/run/lib/work overlay /var/lib &&
        mount -t overlay -o "lowerdir=$1/usr:/usr" overlay /usr &&
        mount --bind "$2" /run/consumers && systemd-sysusers /usr/lib/sysusers.d/agentid.conf >/dev/null 2>&1
        exec /bin/bash -c "trap exit TERM; while :; do sleep 3600 & wait; done"' bash "$AID_INST" "$CONSUMERS" \
        </dev/null >&2 &
    UNSHARED=$!
    at_exit 'end_process $UNSHARED'
    wait_for 10 has_child "$UNSHARED" || return 1
    LEADER=$(child_of "$UNSHARED")
    wait_for 10 in_place test -x /usr/sbin/agentid-keyringd
}

cases() { in_place env SSL_CERT_FILE=/run/trust/ca.pem PYTHONDONTWRITEBYTECODE=1 /usr/bin/python3 -W ignore \
    "$INTEGRATION/trust_cases.py" "$@" "$PORT" "$BAO" </dev/null; }

enter_host || give_up "no place to be in"
cases configure >&2 || give_up "no configuration"
in_place /usr/bin/agentid issuer init </dev/null >&2 || give_up "issuer init exited with $?"
in_place /usr/bin/agentid issuer publish /run/trust/www/host01 </dev/null >&2 || give_up "issuer publish exited with $?"
start_daemons || give_up "the daemons do not start"
cases run || { failures=$((failures + 1)); cat "$STORY_DIR/daemons.log" >&2; }
finish
