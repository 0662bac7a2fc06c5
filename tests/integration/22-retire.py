#!/usr/bin/env python3
# SPDX-License-Identifier: LGPL-2.1-or-later
# Copyright The agentid authors
"""Tokens of ended sessions are revoked at the provider, behind everybody's back: the end itself waits
for nothing, and what cannot be revoked is tried again until it expires."""
import os
import re
import sys
import time

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "support"))
# pylint: disable=wrong-import-position
import keyringd_host as kh
from keyringd_host import ST, T, Client, wait_for


def running(host, **control):
    host.control(**control)
    host.start_fetch()
    host.start()


def still_to_revoke():
    """What the end of sessions waits for before a package is removed."""
    kind, values = Client().many(kh.STATUS_REQUEST)[0]
    assert kind == kh.DAEMON_INFO
    return values[T["COUNT"]]


def resident_kib(pid):
    with open("/proc/%d/status" % pid, encoding="utf-8") as f:
        return int(re.search(r"VmRSS:\s+(\d+)", f.read()).group(1))


def close_revokes_at_the_provider(host):
    running(host)
    s = host.open()
    wanted = host.info(s)[T["TOKEN_ID"]].decode()
    assert "closed" in s.close()
    wait_for("a revocation", host.retired)
    wait_for("its answer", lambda: still_to_revoke() == 0)
    time.sleep(0.3)
    entries = host.retired()
    assert [e["token"] for e in entries] == [wanted], entries
    assert entries[0]["fds"] == "s" and entries[0]["secrets"] == ["first-secret"]
    assert entries[0]["issuer"] == "https://idp.example/realms/r"


def a_dead_leader_and_the_kill_switch_too(host):
    running(host)
    sessions = [host.open() for _ in range(4)]
    wanted = {host.info(s)[T["TOKEN_ID"]].decode() for s in sessions}
    sessions[0].kill()
    wait_for("a revocation", lambda: len(host.retired()) == 1)
    kind, _, values = Client().ask(kh.REVOKE, AGENT="a")
    assert kind == kh.DONE and values[T["COUNT"]] == 3
    wait_for("all revocations", lambda: len(host.retired()) == 4)
    assert {e["token"] for e in host.retired()} == wanted
    assert Client().ask(kh.ALLOW, AGENT="a")[0] == kh.DONE


def the_current_token_is_meant(host):
    running(host, lifetime_ms=3000)
    s = host.open()
    first = host.info(s)[T["TOKEN_ID"]]
    wait_for("a refresh", lambda: host.info(s)[T["TOKEN_ID"]] != first)
    wanted = host.info(s)[T["TOKEN_ID"]].decode()
    s.close()
    wait_for("a revocation", host.retired)
    assert host.retired()[0]["token"] == wanted


def close_waits_for_nobody(host):
    running(host, retire="hang")
    sessions = [host.open() for _ in range(20)]
    keys = [s.key() for s in sessions]
    for s in sessions:
        start = time.monotonic()
        assert "closed" in s.close()
        assert time.monotonic() - start < 1
    found = kh.keys_by_timeout()
    assert [k for k in keys if k in found and "R" not in found[k][2]] == [], "a key is left"
    assert kh.anchored_rings() == []
    assert len(host.retired()) <= 8, "more than half of the connections to a host"
    assert still_to_revoke() == 20
    host.open()


def a_dead_fetch_neither(host):
    running(host)
    s = host.open()
    host.stop_fetch()
    start = time.monotonic()
    assert "closed" in s.close()
    assert time.monotonic() - start < 1 and host.retired() == []
    host.start_fetch()
    wait_for("the revocation, when fetch is there", host.retired)


def transient_failures_are_retried(host):
    running(host, retire_script=[{"status": ST["busy"], "retry_after": 1}, {"status": ST["unreachable"]},
                                 {"status": ST["timeout"]}])
    host.open().close()
    wait_for("four attempts", lambda: len(host.retired()) == 4, 15)
    at = [e["at"] for e in host.retired()]
    assert 1.0 <= at[1] - at[0] < 2.6, at
    assert len({e["token"] for e in host.retired()}) == 1
    time.sleep(0.5)
    assert len(host.retired()) == 4, "asked again after success"


def one_failing_issuer_is_asked_by_one(host):
    running(host, retire={"status": ST["busy"], "retry_after": 60})
    for s in [host.open() for _ in range(30)]:
        s.close()
    time.sleep(0.5)
    assert len(host.retired()) <= 8, "all were sent to an issuer that has no time"
    host.open()


def a_refusal_is_final(host):
    running(host, retire={"status": ST["denied"], "text": "HTTP 400 invalid_request"})
    host.open().close()
    host.wait_log(r"op=retire agent='a' token='[0-9a-f]{16}' status=denied detail='HTTP 400 invalid_request'")
    time.sleep(0.5)
    assert len(host.retired()) == 1


def a_changed_secret_is_read_again(host):
    running(host, retire_script=[{"status": ST["credential"], "text": "invalid_client"}])
    s = host.open()
    s.close()
    wait_for("another attempt", lambda: len(host.retired()) == 2)
    host.control(retire={"status": ST["credential"], "text": "invalid_client"})
    host.open().close()
    host.wait_log(r"op=retire agent='a' .*status=credential")
    assert len(host.retired()) == 4


def unsupported_is_said_once(host):
    running(host, retire="unsupported")
    for _ in range(3):
        host.open().close()
    wait_for("three revocations", lambda: len(host.retired()) == 3)
    host.wait_log(r"op=retire issuer='https://idp.example/realms/r' status=unsupported .*unsupported_token_type")
    time.sleep(0.2)
    assert host.log().count("op=retire") == 1, host.log()


def dropped_when_the_token_expires(host):
    running(host, lifetime_ms=4000, retire={"status": ST["unreachable"]})
    host.open().close()
    host.wait_log(r"op=retire status=expired tokens=1 ", 6)
    asked = len(host.retired())
    host.control(lifetime_ms=4000)
    time.sleep(1)
    assert len(host.retired()) == asked, "a token that expired is still sent"


def not_where_it_is_not_wanted(host):
    host.write("/etc/agentid/agents.d/a.conf", host.agent_text("a", "svc", extra_token="revoke_at_end = no\n"))
    running(host)
    host.open().close()
    time.sleep(0.5)
    assert host.retired() == []


def no_issuer_sees_the_token_of_another(host):
    running(host, retire={"status": ST["busy"], "retry_after": 1})
    first, second = host.open(), host.open()
    first.close()
    wait_for("an attempt", host.retired)
    host.write("/etc/agentid/agents.d/a.conf", host.agent_text("a", "svc", issuer="https://other.example"))
    host.daemon.send_signal(1)
    host.wait_log(r"(?s)op=config status=ok.*op=config status=ok")
    second.close()
    host.wait_log(r"op=retire agent='a' .*not configured for this issuer any more", 5)
    assert {e["issuer"] for e in host.retired()} == {"https://idp.example/realms/r"}


def a_fetch_that_dies_of_it(host):
    running(host, retire="exit")
    s = host.open()
    s.close()
    for _ in range(2):
        host.fetch.wait(timeout=5)
        host.start_fetch()
    host.wait_log(r"op=retire agent='a' .*status=unreachable detail='agentid-fetch ended twice under it'")
    assert len(host.retired()) == 2
    host.open()


def kill_switch_over_many(host):
    running(host, retire="hang", pad=1200)
    many = [kh.Session(host) for _ in range(1000)]
    host.sessions += many
    for s in many:
        s.opened()
    before = resident_kib(host.daemon.pid)
    client = Client(timeout=20)
    start = time.monotonic()
    kind, _, values = client.ask(kh.REVOKE, AGENT="a")
    spent = time.monotonic() - start
    assert kind == kh.DONE and values[T["COUNT"]] == 1000
    sys.stderr.write("1000 sessions cut in %.3f s, %d KiB more\n" % (spent, resident_kib(host.daemon.pid) - before))
    assert spent < 1, spent
    assert kh.anchored_rings() == []
    assert resident_kib(host.daemon.pid) - before < 4096
    wait_for("the first revocations", lambda: len(host.retired()) == 8)
    assert "tok-" not in host.log()
    assert Client().ask(kh.ALLOW, AGENT="a")[0] == kh.DONE
    host.open()


def secrets_do_not_stay(host):
    """Not in the log, and not in the memory of the daemon once nothing waits."""
    running(host, lifetime_ms=300000)
    s = host.open()
    token = s.token()
    assert "closed" in s.close()
    wait_for("a revocation", host.retired)
    wait_for("the token leaves memory", lambda: not in_memory(host.daemon.pid, token.encode()), 3)
    host.control(retire={"status": ST["busy"], "retry_after": 60})
    s = host.open()
    token = s.token()
    s.close()
    wait_for("it waits", lambda: len(host.retired()) == 2)
    assert in_memory(host.daemon.pid, token.encode()), "this test does not see what it looks for"
    assert token not in host.log()


def in_memory(pid, needle):
    with open("/proc/%d/maps" % pid, encoding="utf-8") as maps, open("/proc/%d/mem" % pid, "rb", 0) as memory:
        for line in maps:
            area, permissions = line.split()[:2]
            if "rw" not in permissions or "[v" in line:
                continue
            low, high = (int(x, 16) for x in area.split("-"))
            try:
                memory.seek(low)
                if needle in memory.read(high - low):
                    return True
            except OSError:
                pass
    return False


CASES = [close_revokes_at_the_provider, a_dead_leader_and_the_kill_switch_too, the_current_token_is_meant,
         close_waits_for_nobody, a_dead_fetch_neither, transient_failures_are_retried,
         one_failing_issuer_is_asked_by_one, a_refusal_is_final, a_changed_secret_is_read_again,
         unsupported_is_said_once, dropped_when_the_token_expires, not_where_it_is_not_wanted,
         no_issuer_sees_the_token_of_another, a_fetch_that_dies_of_it, kill_switch_over_many, secrets_do_not_stay]

if __name__ == "__main__":
    kh.enter()
    sys.exit(kh.run_cases("22-retire", CASES, kh.Host()))
