# shellcheck shell=bash
# SPDX-License-Identifier: LGPL-2.1-or-later
# Copyright The agentid authors
# The cases of module.sh. PAM codes: 0 success, 5 buffer, 6 permission, 14 session, 25 ignore
# (which a stack of nothing else turns into 6).

# ---- what it does
daemon serve
stack
expect "open, read, close" "open=0 token=fake-token close=0 token:@(revoked|not-found)" \
	"$(run $agent_user open token close token)"
expect "no ring is left" 0 "$(rings)"
expect "the daemon is told who and where from" \
	"*open account='$agent_user' service='test' rhost='198.51.100.7' tty='pts/3'*close*" \
	"$(: >/run/daemon.log; run $agent_user rhost=198.51.100.7 tty=pts/3 open close >/dev/null; cat /run/daemon.log)"
expect "nothing of the process changes" "open=0 close=0 state=same" "$(run $agent_user open close state)"
expect "nested opens close one by one" "open=0 open=0 token=fake-token close=0 token:@(revoked|not-found) close=0 close=0" \
	"$(run $agent_user open open token close token close close)"
expect "the other module types never succeed" "auth=6 account=6 setcred=6 chauthtok=6 open=0 close=0" \
	"$(run $agent_user auth account setcred chauthtok open close)"
stack agent=fake-agent debug
expect "agent= is passed on, debug logs steps" "log: *op=open opened session='0123456789abcdef' agent='fake-agent' open=0 log: *op=close closed * close=0" \
	"$(run $agent_user open close)"
expect "the daemon got agent=" "*agent='fake-agent'*" "$(cat /run/daemon.log)"

# ---- closing
stack
expect "a forked child that ends silently revokes nothing" "open=0 token=fake-token close=0" \
	"$(run $agent_user open silent-child token close)"
expect "pam_end without close revokes nothing" "open=0 token=fake-token close=0 token:@(revoked|not-found)" \
	"$(run $agent_user open end token close token)"
expect "close as the agent itself" "open=0 close=0 token:@(revoked|not-found)" \
	"$(run $agent_user open uid="$agent_uid" close token)"
expect "close as the agent on another handle" "open=0 close=0 token:@(revoked|not-found)" \
	"$(run $agent_user open end uid="$agent_uid" close token)"
expect "close after the session keyring was revoked" "open=0 close=0" \
	"$(run $agent_user open revoke-session close)"
expect "that close reached the daemon" "*close*" "$(tail -1 /run/daemon.log)"
expect "close after another session keyring was joined" "open=0 close=0" \
	"$(run $agent_user open join-session close)"
expect "close with nothing to end" "close=0 close=0" "$(run $agent_user close close)"
expect "no ring is left after closing" 0 "$(rings)"

# ---- who passes at once
stop_daemon
expect "an account that is no agent's passes without the daemon" "open=0 close=0" "$(run daemon open close)"
expect "root passes" "open=0 close=0" "$(run root open close)"
expect "a user that does not exist is no agent" "open=0" "$(run no-such-user open)"
index "$agent_user fake-agent" "gone-account other"
expect "an agent without account is refused" "log: *op=open account='gone-account' status=not-found detail='the agent?s account does not exist on this host' open=14" \
	"$(run gone-account open)"
index "$agent_user fake-agent"
expect "a mistyped option does not lock out others" "log: *unknown option \"on_errror=ignore\"* open=0" \
	"$(stack on_errror=ignore; run daemon open)"
chmod 0666 /run/agentid/accounts
expect "an index that others may write is not believed" "open=0 token:not-found" "$(stack; run $agent_user open token)"
rm /run/agentid/accounts
expect "without index and configuration nobody is an agent" "open=0" "$(run $agent_user open)"
mkdir -p "$sysconfdir"/agentid/agents.d
printf '[agent]\nid = fake-agent\naccount = %s\n[token]\nsource = host\naudience = x\n' $agent_user \
	>"$sysconfdir"/agentid/agents.d/fake-agent.conf
printf '[issuer]\nurl = https://host.example\n' >"$sysconfdir/agentid/agentid.conf"
expect "without index the configuration says who is an agent" "log: *status=unreachable* open=14" "$(run $agent_user open)"
expect "and who is not" "open=0" "$(run daemon open)"
printf 'bad = 1\n' >>"$sysconfdir"/agentid/agents.d/fake-agent.conf
expect "a broken configuration without index is no leave" "log: *status=unreachable* open=14" "$(run $agent_user open)"
expect "nor does it lock anybody else out" "open=0" "$(run daemon open)"
rm -r "$sysconfdir"/agentid/agents.d "$sysconfdir"/agentid/agentid.conf
index "$agent_user fake-agent"

# ---- options
for bad in unknown agent= agent=UPPER on_error=maybe timeout=0 timeout=61 timeout=2m timeout=x debug=1; do
	stack $bad
	expect "option $bad is refused by name" "log: *status=config*option \"$bad\"* open=14" "$(run $agent_user open)"
done
stack $'a\033b'
expect "a strange option is quoted" 'log: *unknown option "a\\x1bb"* open=14' "$(run $agent_user open)"
for good in timeout=1 timeout=1s timeout=60s timeout=1m on_error=fail agent=a; do
	expect "option $good is known" "log: *status=unreachable* open=14" "$(stack "$good"; run $agent_user open)"
done

# ---- a daemon that is down or misbehaves
expect "down, on_error=ignore" "log: *status=unreachable ignored=yes* open=0 token:not-found close=0" \
	"$(stack on_error=ignore; run $agent_user open token close)"
for mode in silent backlog; do
	daemon $mode
	expect "$mode: the deadline holds" "log: *status=timeout* open=14" "$(stack timeout=1; run $agent_user open)"
	expect "$mode: the deadline holds under signals" "log: *status=timeout* open=14" "$(run $agent_user alarms open)"
	expect "$mode: on_error=ignore" "log: *status=timeout ignored=yes* open=0" \
		"$(stack timeout=1 on_error=ignore; run $agent_user open)"
done
stack timeout=1
daemon serve
kill -STOP "$fake_pid"
expect "stopped: the deadline holds" "log: *status=timeout* open=14 state=same" "$(run $agent_user open state)"
daemon error
expect "its error is passed on, quoted" "log: *status=busy detail='provider \"x\" asks to wait' open=14" "$(run $agent_user open)"
for mode in hangup:unreachable garbage:protocol version:version other-id:protocol other-type:protocol; do
	daemon "${mode%:*}"
	expect "${mode%:*}: refused" "log: *status=${mode#*:} * open=14 token:not-found" "$(run $agent_user open token)"
done
expect "no ring is left after failures" 0 "$(rings)"

# ---- failures that were ignored do not confuse later closes
stack on_error=ignore timeout=1
daemon serve
expect "an ignored open has nothing to close" \
	"open=0 log: *unreachable ignored* open=0 close=0 close=0" "$(run $agent_user open hide open unhide close close)"
expect "its close does not end the session before" "0" \
	"$(: >/run/daemon.log; run $agent_user open hide open unhide close >/dev/null; grep -c '^close' /run/daemon.log)"
stack

# ---- hostile surroundings
expect "descriptors 0 to 2 closed" "open=0 token=fake-token close=0 state=same" \
	"$(run $agent_user close-stdio open token close state)"
# A leak checker would try for ever to open its files.
export ASAN_OPTIONS=detect_leaks=0
expect "no descriptor to be had" "log: *status=io*Too many open files* open=@(4|14)*" "$(run $agent_user nofile=3 open)"
expect "no descriptor to be had, 0 to 2 closed" "log: *status=io*Too many open files* open=@(4|14)* state=same" \
	"$(run $agent_user close-stdio nofile=3 open state)"
unset ASAN_OPTIONS
expect "signals while opening" "open=0 token=fake-token close=0" "$(run $agent_user alarms open token close)"
long=$(printf 'x%.0s' $(seq 5000))
expect "strangers' text is cut and made printable" "*open account='$agent_user' service='test' rhost='x*' tty='a\\\\x0ab\\\\x27\\\\x1b'*" \
	"$(: >/run/daemon.log; run $agent_user rhost="$long" tty=$'a\nb\'\e' open close >/dev/null; cut -c1-400 /run/daemon.log)"
expect "a user name of 5000 bytes is no agent" "open=0" "$(run "$long" open)"
