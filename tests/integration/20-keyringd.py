#!/usr/bin/env python3
# SPDX-License-Identifier: LGPL-2.1-or-later
# Copyright The agentid authors
"""agentid-keyringd with a fetch that does what each case says."""
import os
import signal
import subprocess
import sys
import time

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "support"))
# pylint: disable=wrong-import-position
import keyringd_host as kh
from keyringd_host import ST, T, AsUid, Client, has_ended, wait_for


def running(host, **control):
    host.control(**control)
    host.start_fetch()
    host.start()


def open_and_close(host):
    running(host)
    s = host.open()
    assert s.token().startswith("tok-")
    serials = [s.ring] + kh.links(s.ring)
    assert kh.anchored_rings() == [s.ring]
    keys = {d: t for k, (t, d, _) in kh.keys_by_timeout().items() if k in serials}
    for name in ("agentid", "agentid:token", "agentid:meta", "agentid:cookie", "agentid:info"):
        assert name in keys, name
        assert keys[name] != "perm", name + " has no timeout"
    assert "closed" in s.close()
    assert kh.anchored_rings() == []
    found = kh.keys_by_timeout()
    assert [k for k in serials if k in found and "R" not in found[k][2]] == [], "a key is left"
    assert host.list() == []
    assert "tok-" not in host.log() and "first-secret" not in host.log()
    assert host.stop() == 0


def refresh_in_place(host):
    running(host, lifetime_ms=3000)
    s = host.open()
    key, token = s.key(), s.token()
    for _ in range(3):
        token = wait_for("another token", lambda t=token: (lambda n: n if n and n != t else None)(s.token()), 4)
        assert s.key() == key, "the serial changed"
    info = host.info(s)
    assert info[T["REFRESHES"]] >= 3 and info[T["STATE"]] == b"fresh"


def backoff_keeps_the_old_token(host):
    running(host, lifetime_ms=4000, script=["ok"], default={"status": ST["unreachable"], "text": "refused"})
    s = host.open()
    token = s.token()
    wait_for("retrying", lambda: host.info(s)[T["STATE"]] == b"retrying", 5)
    assert s.token() == token
    wait_for("expired", lambda: host.info(s)[T["STATE"]] == b"expired", 5)
    wait_for("reads fail", lambda: s.token() is None, 2)
    assert b"refused" in host.info(s)[T["LAST_ERROR"]]
    host.control(lifetime_ms=4000)
    wait_for("recovery", lambda: s.token(), 40)
    assert host.info(s)[T["STATE"]] == b"fresh"


def breaker_opens_and_closes(host):
    running(host, lifetime_ms=2000, script=["ok"] * 3, default={"status": ST["timeout"], "text": "no answer"})
    sessions = [host.open() for _ in range(3)]
    host.wait_log(r"op=breaker .*opened after 5 failures in a row: no answer", 15)
    asked = len(host.journal())
    try:
        host.open(extra=("--timeout", "5000"))
        raise RuntimeError("opened")
    except AssertionError as e:
        assert "status=busy" in str(e) and "failed 5 times in a row" in str(e), e
    assert len(host.journal()) == asked, "an open reached the provider"
    host.control(lifetime_ms=300000)
    host.wait_log(r"op=breaker .*closed", 12)
    wait_for("all recover", lambda: all(x.token() for x in sessions), 5)


def credential_is_read_again(host):
    running(host, lifetime_ms=300000, script=["ok", {"status": ST["credential"], "text": "invalid_client"}, "ok"])
    s = host.open()
    host.write("/etc/agentid/secret", "second-secret\n", 0o600)
    client = Client()
    kind, _, _ = client.ask(kh.REFRESH, SESSION=s.opened()["session"])
    assert kind == kh.DONE
    actions = host.journal()
    assert [a["secrets"] for a in actions] == [["first-secret"], ["second-secret"], ["second-secret"]]
    assert actions[1]["fds"] == "s"
    host.control(default={"status": ST["credential"], "text": "invalid_client"})
    kind, _, values = client.ask(kh.REFRESH, SESSION=s.opened()["session"])
    assert kind == kh.ERROR and values[T["STATUS"]] == ST["credential"]
    assert len(host.journal()) == 5, "read again more than once"


def retry_after_is_kept(host):
    running(host, lifetime_ms=300000, script=[{"status": ST["busy"], "retry_after": 2, "text": "429"}, "ok"])
    host.open()
    at = [j["at"] for j in host.journal()]
    assert 2.0 <= at[1] - at[0] < 3.6, at
    host.control(default={"status": ST["busy"], "retry_after": 5, "text": "429"})
    try:
        host.open(extra=("--timeout", "1500"))
        raise RuntimeError("opened")
    except AssertionError as e:
        assert "status=busy" in str(e), e


def leader_death(host):
    running(host)
    s = host.open()
    ring = s.ring
    s.kill()
    wait_for("session ends", lambda: host.list() == [], 5)
    done = subprocess.run(["keyctl", "rdescribe", str(ring)], capture_output=True, check=False)
    assert done.returncode != 0, "the ring is still there"


def crash_recovery(host):
    running(host, lifetime_ms=12000)
    s, gone = host.open(), host.open()
    key, token = s.key(), s.token()
    host.kill()
    gone.kill()
    subprocess.run(["keyctl", "timeout", str(key), "0"], check=True)
    host.start()
    assert kh.keys_by_timeout()[key][0] != "perm", "the key without a timeout was not given one"
    assert len(host.list()) == 1
    assert s.token() == token and s.key() == key
    wait_for("refresh goes on", lambda: s.token() not in (None, token), 14)
    assert s.key() == key
    assert "closed" in s.close() and host.list() == []


def second_daemon_refused(host):
    running(host)
    log = host.log_path
    done = subprocess.run([kh.BUILD + "/agentid-keyringd"], stderr=subprocess.PIPE, text=True, check=False, timeout=5)
    assert done.returncode == 1 and "another agentid-keyringd serves /run/agentid" in done.stderr, done.stderr
    assert os.path.exists(log)


def kill_switch(host):
    running(host)
    sessions = [host.open() for _ in range(5)]
    client = Client()
    kind, _, values = client.ask(kh.REVOKE, AGENT="a")
    assert kind == kh.DONE and values[T["COUNT"]] == 5 and T["TEXT"] not in values
    assert all(x.token() is None for x in sessions)
    assert os.path.exists("/var/lib/agentid/revoked/a")
    for restart in ("", "mark", "file"):
        if restart == "mark":
            os.unlink("/var/lib/agentid/revoked/a")
        if restart:
            host.kill()
            host.start()
            client = Client()
        try:
            host.open()
            raise RuntimeError("opened")
        except AssertionError as e:
            assert "status=revoked" in str(e) and "agentid allow a lets it in again" in str(e), e
    kind, _, values = client.ask(kh.ALLOW, AGENT="a")
    assert kind == kh.DONE and values[T["COUNT"]] == 1
    host.open()
    kind, _, values = client.ask(kh.REVOKE, AGENT="nobody")
    assert kind == kh.ERROR and values[T["STATUS"]] == ST["not-found"]


def kill_switch_on_a_full_disk(host):
    running(host)
    host.open()
    subprocess.run(["mount", "-o", "remount,ro", "/var/lib/agentid"], check=True)
    try:
        kind, _, values = Client().ask(kh.REVOKE, AGENT="a")
        assert kind == kh.DONE and values[T["COUNT"]] == 1
        assert b"not kept across a reboot" in values[T["TEXT"]], values
        host.kill()
        host.start()
        try:
            host.open()
            raise RuntimeError("opened")
        except AssertionError as e:
            assert "status=revoked" in str(e), e
        assert Client().ask(kh.ALLOW, AGENT="a")[0] in (kh.DONE, kh.ERROR)
    finally:
        subprocess.run(["mount", "-o", "remount,rw", "/var/lib/agentid"], check=True)


def reload_with_broken_configuration(host):
    running(host, lifetime_ms=3000)
    s = host.open()
    assert open("/run/agentid/accounts", encoding="utf-8").read() == "svc a\n"
    host.write("/etc/agentid/agents.d/a.conf", "[agent]\nid = a\nnonsense = 1\n")
    host.daemon.send_signal(signal.SIGHUP)
    host.wait_log(r"op=config .*a\.conf:3: .*nonsense")
    token = s.token()
    wait_for("refresh goes on", lambda: s.token() not in (None, token), 5)
    host.open()
    _, daemon = Client().many(kh.STATUS_REQUEST)[0]
    assert b"a.conf:3" in daemon[T["CONFIG_ERROR"]]
    host.write("/etc/agentid/agents.d/a.conf", host.agent_text("b", "other"))
    host.daemon.send_signal(signal.SIGHUP)
    wait_for("sessions of a removed agent end", lambda: host.list() == [])
    assert open("/run/agentid/accounts", encoding="utf-8").read() == "other b\n"


def start_with_broken_configuration(host):
    running(host, lifetime_ms=4000)
    s = host.open()
    host.kill()
    good = host.agent_text("a", "svc")
    host.write("/etc/agentid/agents.d/a.conf", "[agent]\nid = a\n[nonsense]\nx = 1\n")
    host.start()
    assert host.info(s)[T["STATE"]] == b"fresh"
    try:
        host.open()
        raise RuntimeError("opened")
    except AssertionError as e:
        assert "status=config" in str(e) and "a.conf:3" in str(e), e
    wait_for("says why it cannot refresh", lambda: host.info(s)[T["FAILURES"]] > 0, 5)
    assert b"in no valid configuration" in host.info(s)[T["LAST_ERROR"]]
    host.write("/etc/agentid/agents.d/a.conf", good)
    host.daemon.send_signal(signal.SIGHUP)
    wait_for("recovery", lambda: host.info(s)[T["STATE"]] == b"fresh" and s.token(), 5)


def no_configuration_at_all(host):
    os.unlink("/etc/agentid/agents.d/a.conf")
    running(host)
    try:
        host.open()
        raise RuntimeError("opened")
    except AssertionError as e:
        assert "status=not-found" in str(e) and "account 'svc' is no agent" in str(e), e


def services_and_max_sessions(host):
    host.write("/etc/agentid/agents.d/a.conf", host.agent_text("a", "svc", "services = sshd\n"))
    host.write("/etc/agentid/agents.d/b.conf", host.agent_text("b", "svc-b", "max_sessions = 2\n"))
    running(host)
    for extra, status, text in (((), "denied", "may not be opened by service 'exec'"),
                                (("--agent", "b"), "denied", "belongs to account 'svc-b'"),
                                (("--agent", "c"), "not-found", "no agent 'c'")):
        try:
            host.open(extra=extra)
            raise RuntimeError("opened")
        except AssertionError as e:
            assert "status=" + status in str(e) and text in str(e), e
    host.open(account="svc-b")
    host.open(account="svc-b")
    try:
        host.open(account="svc-b")
        raise RuntimeError("opened")
    except AssertionError as e:
        assert "max_sessions is 2" in str(e), e


def tampering(host):
    running(host, lifetime_ms=300000)
    s, broken = host.open(), host.open()
    subprocess.run(["keyctl", "invalidate", str(s.key())], check=True)
    wait_for("the key is gone", lambda: s.token() is None)
    cookie = subprocess.run(["keyctl", "pipe", str(s.key("agentid:cookie"))], capture_output=True, check=True).stdout
    as_agent = AsUid(4001)
    kind, values = as_agent.ask(kh.REFRESH, COOKIE=cookie)
    assert kind == kh.DONE, values
    assert s.token().startswith("tok-")
    host.wait_log("event=key_tampered")
    kind, values = as_agent.ask(kh.REFRESH, COOKIE=cookie)
    assert kind == kh.ERROR and values[T["STATUS"]] == ST["busy"] and values[T["RETRY_AFTER"]] > 50, values
    subprocess.run(["keyctl", "revoke", str(broken.ring)], check=True)
    kind, _, values = Client().ask(kh.REFRESH, SESSION=broken.opened()["session"])
    assert kind == kh.ERROR, kind
    host.wait_log("event=ring_tampered")
    assert host.info(broken)[T["STATE"]] == b"tampered"


def who_may_ask_what(host):
    running(host)
    s = host.open(uid=4001)
    other, own = AsUid(4002), AsUid(4001)
    for kind, fields in ((kh.REVOKE, {"AGENT": "a"}), (kh.ALLOW, {"AGENT": "a"}),
                         (kh.OPEN, {"ACCOUNT": "svc", "UID": 4002, "SERVICE": "exec", "RING": s.ring}),
                         (kh.CLOSE, {"SESSION": s.opened()["session"]}),
                         (kh.REFRESH, {"SESSION": s.opened()["session"]})):
        answer, values = own.ask(kind, **fields)
        assert answer == kh.ERROR and values[T["STATUS"]] == ST["denied"], (kind, values)
    answer, values = own.ask(kh.CLOSE, COOKIE=bytes(32))
    assert answer == kh.ERROR and values[T["STATUS"]] == ST["not-found"]
    assert own.ask(kh.LIST)[0] == kh.SESSION_INFO and other.ask(kh.LIST)[0] == kh.DONE
    cookie = subprocess.run(["keyctl", "pipe", str(s.key("agentid:cookie"))], capture_output=True, check=True).stdout
    assert other.ask(kh.CLOSE, COOKIE=cookie)[0] == kh.DONE, "close by cookie, from any uid"
    assert host.list() == [] and s.token() is None


def forged_rings_are_refused(host):
    running(host)
    s = host.open()
    client = Client()
    forged = int(subprocess.run(["keyctl", "newring", "agentid", "@s"], capture_output=True, text=True,
                                check=True).stdout)
    for ring in (forged, s.key(), s.ring, 12345):
        kind, _, values = client.ask(kh.OPEN, ACCOUNT="svc", UID=4001, SERVICE="exec", RING=ring)
        assert kind == kh.ERROR and values[T["STATUS"]] == ST["untrusted"], (ring, values)
    assert len(host.list()) == 1


def connection_caps(host):
    running(host)
    pid = os.fork()
    if pid == 0:
        os.setuid(4003)
        clients, refused = [], 0
        for _ in range(80):
            try:
                c = Client(timeout=3)
                c.send(kh.LIST)
                c.receive()
                clients.append(c)
            except OSError:
                refused += 1
        os._exit(0 if len(clients) == 64 and refused == 16 else 1)
    assert os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1]) == 0
    host.open()


def bad_frames(host):
    running(host)
    client = Client()
    client.send(kh.LIST, ident=99, version=2)
    kind, ident, values = client.receive()
    assert kind == kh.ERROR and ident == 99 and values[T["STATUS"]] == ST["version"]
    assert client.ask(kh.LIST)[0] == kh.DONE
    for garbage in (b"x", b"\0" * 16, b"\xff" * 4000, b"AD\1\0" + os.urandom(100),
                    kh.wire.frame(kh.CLOSE, 1, [(14, b"short")])[:-1], kh.wire.frame(kh.LIST, 1, [(999, b"x")])):
        client = Client()
        client.socket.send(garbage)
        kind, _, values = client.receive()
        assert kind == kh.ERROR and values[T["STATUS"]] == ST["protocol"], values
        try:
            client.receive()
            raise RuntimeError("still connected")
        except ConnectionError:
            pass
    client = Client()
    client.socket.send(os.urandom(50000))
    client.close()
    kind, _, values = Client().ask(77)
    assert kind == kh.ERROR and values[T["STATUS"]] == ST["protocol"]
    host.open()


def fetch_that_dies_or_talks_nonsense(host):
    running(host, script=["exit"])
    s = kh.Session(host)
    host.sessions.append(s)
    host.fetch.wait(timeout=5)
    host.start_fetch()
    s.opened()
    assert [j["action"] for j in host.journal()] == ["exit", "ok"]
    host.control(script=["garbage"])
    assert Client().ask(kh.REFRESH, SESSION=s.opened()["session"])[0] == kh.DONE


def opener_that_leaves(host):
    running(host, delay_ms=1500)
    s = kh.Session(host, extra=("--timeout", "400"))
    assert "status=timeout" in s.process.stdout.readline()
    s.process.wait()
    wait_for("nothing half-made", lambda: host.list() == [])
    time.sleep(1.5)
    assert host.list() == []
    assert kh.anchored_rings() == []
    s = kh.Session(host)
    s.process.kill()
    s.process.wait()
    wait_for("nothing half-made", lambda: host.list() == [])


def no_fetch_at_all(host):
    host.control()
    host.start()
    start = time.monotonic()
    try:
        host.open(extra=("--timeout", "2500"))
        raise RuntimeError("opened")
    except AssertionError as e:
        assert "status=unreachable" in str(e) and "agentid-fetch" in str(e), e
    assert time.monotonic() - start < 3.5


def missing_secret(host):
    running(host)
    os.unlink("/etc/agentid/secret")
    try:
        host.open()
        raise RuntimeError("opened")
    except AssertionError as e:
        assert "status=not-found" in str(e) and "client_secret: /etc/agentid/secret: no such file" in str(e), e
    host.write("/etc/agentid/secret", "x", 0o644)
    try:
        host.open()
        raise RuntimeError("opened")
    except AssertionError as e:
        assert "status=untrusted" in str(e) and "mode 0644, at most 0600" in str(e), e


def many_at_once(host):
    running(host)
    started = time.monotonic()
    sessions = [kh.Session(host) for _ in range(200)]
    host.sessions += sessions
    for s in sessions:
        s.opened()
    sys.stderr.write("200 processes opened in %.2f s\n" % (time.monotonic() - started))
    assert len(host.list()) == 200
    for s in sessions:
        s.process.stdin.close()
    for s in sessions:
        assert "closed" in s.process.stdout.read()
        s.process.wait()
    host.sessions = []
    assert host.list() == []


def standalone(host):
    fake = "/run/fetch"
    os.makedirs(fake)
    for name in ("fake_fetch.py",):
        host.write(fake + "/" + name, open(kh.SRC + "/tests/support/" + name, encoding="utf-8").read(), 0o755)
    host.write("/etc/agentid/agentid.conf", "[fetch]\nuser = nobody\n")
    host.control(lifetime_ms=3000)
    host.start("--standalone", "--fetch", fake + "/fake_fetch.py")
    s = host.open()
    with open("/proc/%d/status" % host.daemon.pid, encoding="utf-8") as f:
        status = f.read()
    for line in ("CapInh", "CapPrm", "CapEff", "CapBnd", "CapAmb"):
        assert "%s:\t0000000000000000" % line in status, status
    assert "NoNewPrivs:\t1" in status
    pid = host.journal()[-1]["pid"]
    assert os.stat("/proc/%d" % pid).st_uid == 65534
    assert os.readlink("/proc/%d/ns/net" % host.daemon.pid) != os.readlink("/proc/%d/ns/net" % pid)
    os.kill(pid, signal.SIGKILL)
    token = s.token()
    wait_for("another fetch", lambda: s.token() not in (None, token), 6)
    assert host.journal()[-1]["pid"] != pid
    host.wait_log(r"was ended by signal 9")
    host.kill()
    wait_for("fetch goes with keyringd", lambda: has_ended(host.journal()[-1]["pid"]), 5)
    host.start("--standalone", "--fetch", fake + "/fake_fetch.py")
    token = s.token()
    wait_for("goes on", lambda: s.token() not in (None, token), 6)


CASES = [open_and_close, refresh_in_place, backoff_keeps_the_old_token, breaker_opens_and_closes,
         credential_is_read_again, retry_after_is_kept, leader_death, crash_recovery, second_daemon_refused,
         kill_switch, kill_switch_on_a_full_disk, reload_with_broken_configuration,
         start_with_broken_configuration, no_configuration_at_all, services_and_max_sessions, tampering,
         who_may_ask_what, forged_rings_are_refused, connection_caps, bad_frames,
         fetch_that_dies_or_talks_nonsense, opener_that_leaves, no_fetch_at_all, missing_secret, many_at_once,
         standalone]

if __name__ == "__main__":
    kh.enter()
    sys.exit(kh.run_cases("20-keyringd", CASES, kh.Host()))
