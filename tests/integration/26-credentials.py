#!/usr/bin/env python3
# SPDX-License-Identifier: LGPL-2.1-or-later
# Copyright The agentid authors
"""Credentials that a session's identity is exchanged for, with a fetch that does what each case says."""
import concurrent.futures
import hashlib
import json
import os
import re
import signal
import subprocess
import sys
import time

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "support"))
# pylint: disable=wrong-import-position
import keyringd_host as kh
from credential_host import AWS, UNREACHABLE, VAULT, get, got, info, refused, running, section, state
from keyringd_host import ST, T, AsUid, Client, wait_for

DENIED = {"status": ST["denied"], "text": "sts: HTTP 403 AccessDenied"}


# ---- when ----

def made_when_it_is_first_asked_for(host):
    running(host, section("aws", AWS), section("vault", VAULT))
    s = host.open()
    assert host.exchanged() == [] and s.key("agentid:aws") is None
    assert [state(host, s, n) for n in ("aws", "vault")] == ["unused", "unused"]
    before = time.time()
    assert got(s).startswith("cred-aws-")
    asked = host.exchanged()
    assert len(asked) == 1 and asked[0]["name"] == "aws" and asked[0]["source"] == "oidc", asked
    assert asked[0]["session_name"] == "a." + s.opened()["session"], asked
    assert asked[0]["audience"] == "sts.amazonaws.com" and asked[0]["fds"] == "s", asked
    assert asked[0]["secrets"] == ["first-secret"]
    key = s.key("agentid:aws")
    described = subprocess.run(["keyctl", "rdescribe", str(key)], capture_output=True, text=True, check=True).stdout
    assert described.strip() == "user;0;0;0b2f0000;agentid:aws", described
    assert kh.keys_by_timeout()[key][0] in ("4m", "5m"), kh.keys_by_timeout()[key]
    expires, lifetime = info(s)["aws"]
    assert 298 <= expires - before <= 301 and lifetime in (299, 300), info(s)
    assert len(info(s)["token"]) == 1
    for _ in range(3):
        got(s)
    assert len(host.exchanged()) == 1 and state(host, s) == "fresh" and state(host, s, "vault") == "unused"
    assert "cred-aws-" not in host.log() and "op=exchange agent='a'" in host.log()


def the_host_vouches(host):
    host.issue_ourselves()
    host.write("/etc/agentid/policy.json", '{"Statement": []}')
    text = open("/etc/agentid/agents.d/a.conf", encoding="utf-8").read()
    host.write("/etc/agentid/agents.d/a.conf", text + section("aws", AWS, "session_policy = /etc/agentid/policy.json\n"))
    host.control()
    host.start_fetch()
    host.start()
    s = host.open()
    got(s)
    asked = host.exchanged()[0]
    assert (asked["source"], asked["fds"], asked["host_subject"]) == ("host", "h", "agent:a"), asked
    assert "PRIVATE KEY" in asked["secrets"][0]
    assert asked["options"] == {
        "role_arn": "arn:aws:iam::123456789012:role/agent", "region": "eu-west-1",
        "session_policy": '{"Statement": []}', "ca_file": "/etc/ssl/certs/ca-certificates.crt"}, asked
    os.unlink("/etc/agentid/policy.json")
    subprocess.run(["keyctl", "revoke", str(s.key("agentid:aws"))], check=True)
    time.sleep(5.2)
    refused(s, "config", "session_policy: /etc/agentid/policy.json")


def at_open(host):
    running(host, section("aws", AWS, "at_open = yes\n"), section("vault", VAULT, "at_open = yes\n"), delay_ms=200)
    s = host.open()
    assert s.token("agentid:aws").startswith("cred-aws-") and s.token("agentid:vault").startswith("cred-vault-")
    assert len(host.exchanged()) == 2 and host.info(s)[T["STATE"]] == b"fresh"
    host.control(exchange=DENIED)
    other = host.open()
    assert other.token().startswith("tok-") and other.key("agentid:aws") is None
    assert state(host, other) == "failing" and b"AccessDenied" in host.credentials(other)["aws"][T["LAST_ERROR"]]
    assert "op=exchange agent='a' session='%s' credential='aws' status=denied" % other.opened()["session"] in host.log()
    host.control(exchange="hang")
    begun = time.monotonic()
    host.open(extra=("--timeout", "2500"))
    assert 1.5 < time.monotonic() - begun < 2.5, "the open did not wait until its deadline"
    host.control(exchange_script=[UNREACHABLE] * 2)
    late = host.open()
    wait_for("it is tried again", lambda: late.key("agentid:aws") and late.key("agentid:vault"), 5)


# ---- refresh ----

def kept_fresh_in_place_while_used(host):
    running(host, section("aws", AWS), exchange_ms=8000)
    s = host.open()
    value, key, seen = got(s), s.key("agentid:aws"), set()
    deadline = time.monotonic() + 20
    while time.monotonic() < deadline and len(seen) < 3:
        assert got(s) is not None
        seen.add(s.token("agentid:aws"))
        assert s.key("agentid:aws") == key, "the serial changed"
        time.sleep(0.1)
    assert len(seen) >= 3 and value in seen, seen
    assert host.credentials(s)["aws"][T["REFRESHES"]] >= 3


def an_idle_one_lapses_and_comes_back(host):
    running(host, section("aws", AWS), section("vault", VAULT, "refresh = always\n"), exchange_ms=2500)
    s = host.open()
    value, always = got(s), got(s, "vault")
    key = s.key("agentid:vault")
    wait_for("it lapses", lambda: s.token("agentid:aws") is None, 4)
    wait_for("that is seen", lambda: state(host, s) == "lapsed", 2)
    assert len(host.exchanged("aws")) == 1
    wait_for("the other one goes on", lambda: len(host.exchanged("vault")) >= 3, 6)
    assert s.token("agentid:vault") not in (None, always) and s.key("agentid:vault") == key
    assert got(s) not in (None, value) and state(host, s) == "fresh"


def a_renewable_one_is_renewed(host):
    running(host, section("vault", VAULT, "refresh = always\n"), exchange_ms=8000, renewable=True)
    s = host.open()
    first = hashlib.sha256(got(s, "vault").encode()).hexdigest()[:16]
    wait_for("a second exchange", lambda: len(host.exchanged()) > 1, 9)
    assert "previous" not in host.exchanged()[0] and host.exchanged()[1]["previous"] == first


def single_flight(host):
    running(host, section("aws", AWS), delay_ms=400)
    s = host.open()
    clients = [Client() for _ in range(100)]
    for client in clients:
        client.send(kh.GET, [("SESSION", s.opened()["session"]), ("NAME", "aws")])
    assert [client.receive()[0] for client in clients] == [kh.DONE] * 100
    assert len(host.exchanged()) == 1


# ---- what goes wrong ----

def failures(host):
    running(host, section("aws", AWS), exchange_ms=8000, exchange_script=[UNREACHABLE, "ok"], exchange=UNREACHABLE)
    s = host.open()
    refused(s, "unreachable", "refused")
    assert state(host, s) == "failing"
    wait_for("it is tried again", lambda: s.key("agentid:aws"), 4)
    value = got(s)
    wait_for("the refresh fails", lambda: state(host, s) == "retrying", 8)
    assert s.token("agentid:aws") == value and got(s) == value, "the old one was taken away"
    wait_for("it ends", lambda: s.token("agentid:aws") is None, 4)
    assert host.info(s)[T["STATE"]] == b"fresh", "the token fails with it"
    host.control()
    wait_for("it comes back", lambda: s.token("agentid:aws"), 20)


def a_refusal_is_not_repeated_quickly(host):
    running(host, section("aws", AWS), exchange=DENIED)
    s = host.open()
    refused(s, "denied", "sts: HTTP 403 AccessDenied")
    for _ in range(20):
        refused(s, "denied", "AccessDenied (asked again in ")
    assert len(host.exchanged()) == 1
    host.control()
    host.daemon.send_signal(signal.SIGHUP)
    wait_for("a reload has it tried again", lambda: s.key("agentid:aws"), 4)


def secrets_are_read_again(host):
    running(host, section("aws", AWS), exchange_script=[{"status": ST["credential"], "text": "invalid_client"}, "ok"])
    s = host.open()
    assert got(s)
    assert [e["secrets"] for e in host.exchanged()] == [["first-secret"], ["first-secret"]]


def the_breaker_is_the_targets_own(host):
    running(host, section("aws", AWS), section("vault", VAULT), exchange=UNREACHABLE)
    sessions = [host.open() for _ in range(6)]
    for s in sessions[:5]:
        refused(s, "unreachable", "refused")
    host.wait_log(r"op=breaker issuer='target sts\.eu-west-1 with https://idp\.example/realms/r' .*opened after 5 failures")
    asked = len(host.exchanged("aws"))
    refused(sessions[5], "busy", "failed 5 times in a row and is asked again in ")
    assert len(host.exchanged("aws")) == asked, "the target was asked"
    host.control()
    assert got(sessions[0], "vault") and host.open().token(), "others are left alone, too"
    wait_for("it closes again", lambda: all(s.key("agentid:aws") for s in sessions), 15)


def who_may_ask(host):
    running(host, section("aws", AWS), section("vault", VAULT))
    host.write("/etc/agentid/agents.d/b.conf", host.agent_text("b", "other"))
    host.daemon.send_signal(signal.SIGHUP)
    host.wait_log("agents=2")
    s, other = host.open(), host.open(account="other", uid=4002)
    refused(s, "not-found", "agent 'a' has no credential 'gcp'; it has aws, vault", "gcp")
    refused(other, "not-found", "agent 'b' has no credential 'aws', nor any other")
    refused(s, "not-found", "agent 'a' has no credential 'token'; it has", "token")
    kind, values = AsUid(4001).ask(kh.GET, SESSION=s.opened()["session"], NAME="aws")
    assert kind == kh.ERROR and values[T["STATUS"]] == ST["denied"], values
    kind, values = AsUid(4002).ask(kh.GET, COOKIE=b"x" * 32, NAME="aws")
    assert kind == kh.ERROR and values[T["STATUS"]] == ST["not-found"], values
    assert host.exchanged() == []
    cookie = subprocess.run(["keyctl", "pipe", str(s.key("agentid:cookie"))], capture_output=True, check=True).stdout
    assert AsUid(4001).ask(kh.GET, COOKIE=cookie, NAME="aws")[0] == kh.DONE
    assert s.key("agentid:aws") and other.key("agentid:aws") is None
    kind, values = get(s, "x" * 40)
    assert kind == kh.ERROR and values[T["STATUS"]] == ST["protocol"], values


def a_session_that_ends_its_key(host):
    running(host, section("aws", AWS))
    s = host.open()
    got(s)
    subprocess.run(["keyctl", "invalidate", str(s.key("agentid:aws"))], check=True)
    refused(s, "busy", "the session ended its own key agentid:aws; another one is made after 5 s")
    time.sleep(5.1)
    assert got(s).startswith("cred-aws-")
    assert "event=key_tampered agent='a' credential='aws'" in host.log()


def large_ones(host):
    """An update over a page takes another way in the kernel."""
    running(host, section("aws", AWS, "refresh = always\n"), exchange_ms=2000, exchange_pad=17000)
    s = host.open()
    first, key = got(s), s.key("agentid:aws")
    assert len(first) > 17000
    wait_for("another one", lambda: s.token("agentid:aws") not in (None, first), 4)
    assert s.key("agentid:aws") == key


# ---- ends ----

def all_keys_go_with_the_session(host):
    running(host, section("aws", AWS), section("vault", VAULT))
    for end in ("close", "leader", "kill switch"):
        s = host.open()
        got(s)
        token = hashlib.sha256(got(s, "vault").encode()).hexdigest()[:16]
        keys = [s.ring] + kh.links(s.ring)
        assert len(keys) == 8, keys  # token info cookie meta credentials aws vault
        if end == "close":
            s.close()
        elif end == "leader":
            s.kill()
        else:
            assert Client().ask(kh.REVOKE, AGENT="a")[0] == kh.DONE
            assert Client().ask(kh.ALLOW, AGENT="a")[0] == kh.DONE
        wait_for(end, lambda: host.list() == [], 5)
        found = kh.keys_by_timeout()
        assert [k for k in keys if k in found and "R" not in found[k][2]] == [], "%s: a key is left" % end
        wait_for("vault is told", lambda t=token: [e for e in host.retired() if e["token"] == t], 4)
    wait_for("the token's provider, too", lambda: {e.get("name") for e in host.retired()} == {None, "vault"}, 10)
    assert all(e["options"]["role"] == "agent" for e in host.retired() if "name" in e)


def not_for_a_ring_that_is_gone(host):
    running(host, section("aws", AWS, "refresh = always\n"), lifetime_ms=2000, exchange_ms=5000)
    s = host.open()
    got(s)
    subprocess.run(["keyctl", "revoke", str(s.ring)], check=True)
    host.wait_log("event=ring_tampered")
    other = host.open()
    got(other)
    wait_for("the time of both has come", lambda: len(host.exchanged()) == 3, 7)
    assert "op=exchange agent='a' session='%s' credential='aws' status=not-found" % (
        s.opened()["session"]) not in host.log(), host.log()


def stray_key(session):
    """A credential that was stored when its daemon died, and not recorded."""
    key = subprocess.run(["keyctl", "add", "user", "agentid:stray", "x", "@s"], capture_output=True, text=True,
                         check=True).stdout.strip()
    for arguments in (["setperm", key, "0x3f3f0000"], ["link", key, str(session.ring)], ["setperm", key, "0x0b2f0000"],
                      ["unlink", key, "@s"]):
        subprocess.run(["keyctl", *arguments], check=True)
    return key


def crash_recovery(host):
    running(host, section("aws", AWS), section("idle", AWS), section("vault", VAULT, "refresh = always\n"),
            exchange_ms=6000)
    s = host.open()
    values = {n: got(s, n) for n in ("aws", "idle", "vault")}
    got(s)
    keys = {n: s.key("agentid:" + n) for n in values}
    host.kill()
    subprocess.run(["keyctl", "timeout", str(keys["aws"]), "0"], check=True)
    unknown = stray_key(s)
    host.start()
    assert kh.keys_by_timeout()[keys["aws"]][0] != "perm", "the key without a timeout was not given one"
    assert {n: s.token("agentid:" + n) for n in values} == values
    found = kh.keys_by_timeout()
    assert int(unknown) not in found or "R" in found[int(unknown)][2], "a key that nobody knows stays"
    assert state(host, s) == "fresh"
    for name in ("aws", "vault"):
        wait_for(name + " goes on", lambda n=name: s.token("agentid:" + n) not in (None, values[n]), 6)
        assert s.key("agentid:" + name) == keys[name]
    wait_for("the idle one lapses", lambda: s.token("agentid:idle") is None, 4)
    assert len(host.exchanged("idle")) == 1


def killed_while_it_is_got(host):
    running(host, section("aws", AWS), delay_ms=300)
    s = host.open()
    client = Client()
    client.send(kh.GET, [("SESSION", s.opened()["session"]), ("NAME", "aws")])
    wait_for("the request", host.exchanged, 3)
    host.kill()
    host.start()
    assert s.token() and s.key("agentid:aws") is None
    assert got(s)


def fetch_that_dies(host):
    running(host, section("aws", AWS), exchange_script=["exit", "ok"])
    s = host.open()
    client = Client()
    client.send(kh.GET, [("SESSION", s.opened()["session"]), ("NAME", "aws")])
    wait_for("fetch is gone", lambda: host.fetch.poll() is not None, 5)
    host.start_fetch()
    assert client.receive()[0] == kh.DONE and s.key("agentid:aws")


# ---- the command ----

def in_session(script, limit=20):
    """Runs a shell script in a new session, as its account; $A is the command."""
    return subprocess.run(
        [kh.BUILD + "/tests/support/session_client", "--account", "svc", "--uid", "4001", "--", "sh", "-c",
         "A=%s/agentid; %s" % (kh.BUILD, script)], capture_output=True, text=True, check=False, timeout=limit)


def while_it_stands_still(host, before, meanwhile, after):
    """Three scripts of one session; the daemon is stopped for as long as the second takes."""
    os.mkdir("/run/still")
    os.chmod("/run/still", 0o777)
    steps = "%s; touch /run/still/ready; until [ -e /run/still/stopped ]; do sleep 0.05; done; %s; touch /run/still/read; " \
            "until [ -e /run/still/on ]; do sleep 0.05; done; %s" % (before, meanwhile, after)
    with concurrent.futures.ThreadPoolExecutor() as pool:
        done = pool.submit(in_session, steps, 60)
        wait_for("the first script", lambda: os.path.exists("/run/still/ready"), 20)
        host.daemon.send_signal(signal.SIGSTOP)
        try:
            wait_for("the daemon to stand still", lambda: state_of(host.daemon.pid) == "T")
            host.write("/run/still/stopped", "")
            wait_for("the second script", lambda: os.path.exists("/run/still/read"), 20)
            assert state_of(host.daemon.pid) == "T"
        finally:
            host.daemon.send_signal(signal.SIGCONT)
        host.write("/run/still/on", "")
        return done.result()


def state_of(pid):
    with open("/proc/%d/stat" % pid, encoding="ascii") as f:
        return f.read().rsplit(")", 1)[1].split()[0]


def get_makes_it_and_then_asks_nobody(host):
    running(host, section("aws", AWS), section("vault", VAULT))
    done = in_session("$A get aws; echo; kill -STOP %d; timeout 2 $A get aws; echo \" $?\"; kill -CONT %d; $A get aws"
                      % (host.daemon.pid, host.daemon.pid))
    assert "not permitted" in done.stderr, "the account may stop the daemon"
    done = while_it_stands_still(host, "$A get aws; echo", "timeout 5 $A get aws; echo \" $?\"", "$A get gcp; echo \"rc=$?\"")
    lines = done.stdout.splitlines()
    assert lines[1].startswith("cred-aws-") and lines[2] == lines[1] + " 0" and lines[3] == "rc=3", (lines, done.stderr)
    assert "agentid: agent 'a' has no credential 'gcp'; it has aws, vault" in done.stderr, done.stderr
    assert len(host.exchanged()) == 2


def get_says_why_there_is_none(host):
    running(host, section("aws", AWS), exchange=DENIED)
    done = in_session("$A get aws; echo rc=$?; $A get --wait 1s aws; echo rc=$?; $A status")
    assert "rc=4\nrc=4\n" in done.stdout and "agentid: sts: HTTP 403 AccessDenied\n" in done.stderr, done
    assert re.search(r"aws \(aws-sts\): failing, sts: HTTP 403 AccessDenied", done.stdout), done.stdout
    host.control(exchange_script=[UNREACHABLE, "ok"])
    done = in_session("$A get aws; echo rc=$?; $A get --wait 5s aws")
    assert "rc=5\ncred-aws-" in done.stdout, done
    host.stop()
    assert subprocess.run([kh.BUILD + "/agentid", "get", "aws"], check=False).returncode == 3, "no session"


def get_tells_of_the_use(host):
    running(host, section("aws", AWS), exchange_ms=6000)
    done = in_session("for i in $(seq 40); do $A get aws; echo; sleep 0.2; done", 30)
    values = [line for line in done.stdout.splitlines() if line.startswith("cred-aws-")]
    assert len(values) == 40 and len(set(values)) >= 2, values
    assert done.stderr == "", done.stderr


def a_hundred_readers(host):
    running(host, section("aws", AWS), delay_ms=500)
    done = in_session("for i in $(seq 100); do $A get aws & done; wait", 30)
    values = re.findall("cred-aws-[0-9a-f]{24}", done.stdout)
    assert len(values) == 100 and len(set(values)) == 1 and len(host.exchanged()) == 1, (len(values), done.stderr)


def shown(host):
    running(host, section("aws", AWS), section("vault", VAULT, "at_open = yes\n"), section("gcp-x", AWS),
            exchange_script=["ok", DENIED, "ok"])
    done = in_session("$A get gcp-x; $A get aws >/dev/null; $A list --json; $A list; $A status --json; $A status")
    out = done.stdout[done.stdout.index("["):]
    listed, at = json.JSONDecoder().raw_decode(out)
    status = json.loads(out[out.index("{", at):out.rindex("}") + 1])["session"]
    assert status["credentials"] == listed[0]["credentials"], status
    found = {c["name"]: c for c in status["credentials"]}
    assert {n: (c["type"], c["state"]) for n, c in found.items()} == {
        "aws": ("aws-sts", "fresh"), "vault": ("vault", "fresh"), "gcp-x": ("aws-sts", "failing")}, found
    assert 290 < found["aws"]["expires_in_s"] <= 300 and found["gcp-x"]["expires_at"] is None, found
    assert found["gcp-x"]["last_error"] == "sts: HTTP 403 AccessDenied" and found["aws"]["last_error"] is None, found
    assert re.search(r"^  aws +aws-sts .*fresh", out, re.M) and re.search(r"^  gcp-x .*AccessDenied", out, re.M), out


CASES = [made_when_it_is_first_asked_for, the_host_vouches, at_open, kept_fresh_in_place_while_used,
         an_idle_one_lapses_and_comes_back, a_renewable_one_is_renewed, single_flight, failures,
         a_refusal_is_not_repeated_quickly, secrets_are_read_again, the_breaker_is_the_targets_own, who_may_ask,
         a_session_that_ends_its_key, large_ones, all_keys_go_with_the_session, not_for_a_ring_that_is_gone,
         crash_recovery, killed_while_it_is_got, fetch_that_dies, get_makes_it_and_then_asks_nobody,
         get_says_why_there_is_none, get_tells_of_the_use, a_hundred_readers, shown]

if __name__ == "__main__":
    kh.enter()
    sys.exit(kh.run_cases("26-credentials", CASES, kh.Host()))
