#!/usr/bin/env python3
# SPDX-License-Identifier: LGPL-2.1-or-later
# Copyright The agentid authors
"""What agentid-keyringd makes of requests to verify, with a fetch that does what each case says."""
import os
import signal
import sys
import time

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "support"))
# pylint: disable=wrong-import-position
import keyringd_host as kh
from keyringd_host import ST, AsUid, Client, wait_for

VERIFY, JUDGE = 8, 36
kh.T.update({"SECRET": 35, "ISSUER": 38, "SUBJECT": 39, "AUDIENCE": 40, "MAX_LIFETIME": 54, "ISSUERS": 68,
             "PROOF": 70})
T = kh.T
ISSUER = "https://idp.example/r"
INVALID, TOOBIG = -17, -11


def request(**more):
    fields = {"SECRET": "a.b.c", "AUDIENCE": "api", "MAX_LIFETIME": 3600000, "ISSUERS": ISSUER, "TIMEOUT_MS": 3000}
    fields.update(more)
    return {name: value for name, value in fields.items() if value is not None}


def running(host, **control):
    host.control(**control)
    host.write("/etc/agentid/agents.d/a.conf", host.agent_text("a", "svc", issuer=ISSUER))
    host.start_fetch()
    host.start()


def refused(status, part, uid=4001, **more):
    kind, values = AsUid(uid).ask(VERIFY, **request(**more))
    text = values.get(T["TEXT"], b"").decode()
    assert (kind, values.get(T["STATUS"])) == (kh.ERROR, status) and part in text, (kind, values)


def asked(host):
    return [entry for entry in host.journal() if entry["kind"] == JUDGE]


def requests_that_are_wrong(host):
    running(host)
    refused(INVALID, "there is no token", SECRET=None)
    refused(TOOBIG, "a token of 0 bytes", SECRET="")
    refused(TOOBIG, "a token of 16385 bytes, 1 to 16384", SECRET="x" * 16385)
    refused(TOOBIG, "a DPoP proof of 8193 bytes", PROOF="x" * 8193)
    refused(ST["protocol"], "text 71 is missing", PROOF="x")
    refused(INVALID, "no audience", AUDIENCE=None)
    refused(INVALID, "audience 'a*' has a wildcard", AUDIENCE="a*")
    refused(INVALID, "subject 'agent:?' has a wildcard", SUBJECT="agent:?")
    refused(ST["protocol"], "has 256 bytes", AUDIENCE="x" * 256)
    refused(INVALID, "no issuer is named", ISSUERS=None)
    refused(TOOBIG, "over 8 issuers", ISSUERS=" ".join([ISSUER] * 9))
    refused(ST["denied"], "issuer 'https://idp.example/R' is not allowed", ISSUERS="https://idp.example/R")
    refused(ST["not-found"], "no such session", ISSUERS=None, COOKIE=b"c" * 32)
    refused(ST["protocol"], "", TIMEOUT_MS=100)
    refused(ST["protocol"], "", MAX_LIFETIME=86400001)
    assert not asked(host), "fetch was asked"


def answers_of_fetch(host):
    running(host, script=["ok", {"status": ST["untrusted"], "text": "not of ours"}])
    refused(ST["protocol"], "agentid-fetch answered with message 48")
    refused(ST["untrusted"], "not of ours")
    host.control(default="garbage")
    refused(ST["unreachable"], "agentid-fetch ended twice")
    assert len(asked(host)) == 4, asked(host)


def fetch_that_is_gone(host):
    running(host)
    host.stop_fetch()
    begun = time.monotonic()
    refused(ST["unreachable"], "agentid-fetch is not reachable", TIMEOUT_MS=500)
    assert 0.4 < time.monotonic() - begun < 1.0


# Whoever leaves before the answer has not given fetch less to do.
def who_leaves_keeps_a_place(host):
    running(host, default="hang")
    pid = os.fork()
    if pid == 0:
        os.setgroups([])
        os.setgid(4001)
        os.setuid(4001)
        for _ in range(32):
            client = Client()
            client.send(VERIFY, request(TIMEOUT_MS=2000).items())
            client.close()
        os._exit(0)
    assert os.waitpid(pid, 0)[1] == 0
    wait_for("32 requests", lambda: len(asked(host)) == 32, 2)
    refused(ST["busy"], "32 verifications of uid 4001 are under way")
    refused(ST["timeout"], "no answer in time", uid=4002, TIMEOUT_MS=500)
    host.control(default={"status": ST["denied"], "text": "judged"})
    # The others' time is over.
    wait_for("room", lambda: AsUid(4001).ask(VERIFY, **request())[1].get(T["TEXT"]) == b"judged", 3)


# Fetch ended under it, and so did who asked: the next fetch is asked nothing.
def who_leaves_while_fetch_is_gone(host):
    running(host, default="hang")
    leaver = Client()
    leaver.send(VERIFY, request().items())
    wait_for("the request", lambda: len(asked(host)) == 1, 2)
    host.stop_fetch()
    host.wait_log("op=fetch status=unreachable")
    leaver.close()
    kind, _, _ = Client().ask(kh.LIST)
    assert kind == kh.DONE
    host.control(default={"status": ST["denied"], "text": "judged"})
    host.start_fetch()
    refused(ST["denied"], "judged")
    assert len(asked(host)) == 2, asked(host)


def cut_off_and_not_configured(host):
    running(host, default={"issuer": ISSUER, "subject": "agent:a"})
    host.write("/etc/agentid/agents.d/b.conf", host.agent_text("b", "games", issuer=ISSUER))
    host.daemon.send_signal(signal.SIGHUP)
    host.wait_log("op=config status=ok agents=2")
    assert Client().ask(VERIFY, **request())[0] == kh.VERIFIED
    assert Client().ask(kh.REVOKE, AGENT="a")[0] == kh.DONE
    refused(ST["revoked"], "is cut off on this host")
    os.unlink("/etc/agentid/agents.d/a.conf")
    host.daemon.send_signal(signal.SIGHUP)
    host.wait_log("op=config status=ok agents=1")
    refused(ST["revoked"], "is cut off on this host")
    host.kill()
    host.start()
    refused(ST["revoked"], "the token is of an agent that is cut off on this host")
    host.kill()
    host.write("/var/lib/agentid/revoked/a", "", 0o600)  # as one that was made by hand
    host.start()
    refused(ST["revoked"], "may be of agent 'a', which is cut off on this host")
    host.control(default={"issuer": ISSUER, "subject": "agent:b"})
    assert Client().ask(VERIFY, **request())[0] == kh.VERIFIED, "the token of another agent"
    host.control(default={"issuer": ISSUER, "subject": "agent:a"})
    assert Client().ask(kh.ALLOW, AGENT="a")[0] == kh.DONE
    assert Client().ask(VERIFY, **request())[0] == kh.VERIFIED


def too_many_a_second(host):
    running(host, default={"status": ST["denied"], "text": "judged"})
    pid = os.fork()
    if pid == 0:
        os.setgroups([])
        os.setgid(4001)
        os.setuid(4001)
        busy = 0
        client = Client()
        for _ in range(3000):
            _, _, values = client.ask(VERIFY, **request())
            busy += b"over 500 verifications of uid 4001 in a second" in values[T["TEXT"]]
        os._exit(0 if busy > 0 else 1)
    assert os.waitpid(pid, 0)[1] == 0, "nobody was told to wait"


CASES = [requests_that_are_wrong, answers_of_fetch, fetch_that_is_gone, who_leaves_keeps_a_place,
         who_leaves_while_fetch_is_gone, cut_off_and_not_configured, too_many_a_second]

if __name__ == "__main__":
    kh.enter()
    sys.exit(kh.run_cases("25-verify-limits", CASES, kh.Host()))
