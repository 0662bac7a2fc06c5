#!/usr/bin/env python3
# SPDX-License-Identifier: LGPL-2.1-or-later
# Copyright The agentid authors
"""1,000 sessions of one agent run "agentid get" at once, with the real daemons, at a strict STS on loopback; and then
once more, when nobody is there to be asked."""
import json
import os
import signal
import socket
import subprocess
import sys
import time

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "support"))
# pylint: disable=wrong-import-position
import keyringd_host as kh
from keyringd_host import wait_for

SESSIONS, PORT = 1000, 18521
LOG, OUT = "/run/sts.log", "/run/out"
AWS = ("[credential aws]\ntype = aws-sts\nrole_arn = arn:aws:iam::123456789012:role/agent\nregion = eu-west-1\n"
       "endpoint = http://127.0.0.1:%d\n" % PORT)
# Each end of input is a signal to all sessions at once.
SCRIPT = "read x; %s/agentid get aws >$0.1 2>&1; read x <&%d; %s/agentid get aws >$0.2 2>&1"


def listens(port):
    with socket.socket() as s:
        return s.connect_ex(("127.0.0.1", port)) == 0


def start_sts(host):
    os.makedirs("/run/issuer")
    done = subprocess.run([kh.BUILD + "/agentid-admin", "issuer", "publish", "/run/issuer"], capture_output=True,
                          text=True, check=False)
    assert done.returncode == 0, done.stderr
    host.write(LOG, "")
    server = subprocess.Popen(["/usr/bin/python3", "-W", "ignore", kh.SRC + "/tests/integration/sts_server.py",
                               "/run/issuer", "agent:a", "3600", str(PORT), LOG])
    wait_for("the STS", lambda: listens(PORT))
    return server


def start(host):
    host.issue_ourselves(lifetime="10m")
    with open("/etc/agentid/agents.d/a.conf", "a", encoding="utf-8") as conf:
        conf.write(AWS)
    fetch = kh.RealFetch()
    fetch.start()
    host.fetch = fetch.process
    host.start()
    return fetch


def open_all():
    """Sessions that wait, and the two pipes whose end lets them go on."""
    gates = [os.pipe(), os.pipe()]
    os.makedirs(OUT)
    os.chmod(OUT, 0o777)
    for read, _ in gates:
        os.set_inheritable(read, True)
    script = SCRIPT % (kh.BUILD, gates[1][0], kh.BUILD)
    sessions = [subprocess.Popen(
        [kh.BUILD + "/tests/support/session_client", "--timeout", "60000", "--account", "svc", "--uid", "4001", "--",
         "sh", "-c", script, "%s/%d" % (OUT, n)], stdin=gates[0][0], stdout=subprocess.DEVNULL,
        pass_fds=[gates[1][0]]) for n in range(SESSIONS)]
    for read, _ in gates:
        os.close(read)
    return sessions, [write for _, write in gates]


def results(number):
    """What each session has been given by its get of that number; None as long as it has nothing."""
    texts = []
    for n in range(SESSIONS):
        try:
            with open("%s/%d.%d" % (OUT, n, number), encoding="utf-8") as f:
                texts.append(f.read())
        except FileNotFoundError:
            texts.append("")
    return texts if all(texts) else None


def given():
    with open(LOG, encoding="ascii") as f:
        return [json.loads(line) for line in f]


def all_at_once(host):
    fetch = start(host)
    server = start_sts(host)
    try:
        sessions, gates = open_all()
        wait_for("the sessions", lambda: host.log().count("op=open agent='a'") == SESSIONS, 60)
        assert given() == []
        begun = time.monotonic()
        os.close(gates[0])
        first = wait_for("an answer for each", lambda: results(1), 60)
        took = time.monotonic() - begun
        keys = [json.loads(text)["AccessKeyId"] if text.startswith("{") else text for text in first]
        known = {entry["key"] for entry in given()}
        wrong = [key for key in keys if key not in known]
        print("# %d sessions asked at once: %d failed, %.1f s, the server saw %d requests" % (
            SESSIONS, len(wrong), took, len(given())), flush=True)
        assert not wrong, (len(wrong), wrong[:5])
        assert len(set(keys)) == len(given()) == SESSIONS, (len(set(keys)), len(given()))
        assert len({entry["session_name"] for entry in given()}) == SESSIONS
        exchanges = [line for line in host.log().splitlines() if line.startswith("op=exchange ")]
        assert len(exchanges) == SESSIONS and all(" status=ok " in line for line in exchanges), len(exchanges)
        fresh_ones_ask_nobody(host, gates[1], first, server)
        for session in sessions:
            assert session.wait(timeout=30) == 0
        wait_for("no session is left", lambda: host.list() == [], 30)
    finally:
        server.kill()
        server.wait()
        fetch.kill()


def fresh_ones_ask_nobody(host, gate, first, server):
    everybody = [host.daemon.pid, host.fetch.pid, server.pid]
    for pid in everybody:
        os.kill(pid, signal.SIGSTOP)
    try:
        os.close(gate)
        assert wait_for("each has it", lambda: results(2), 30) == first
    finally:
        for pid in everybody:
            os.kill(pid, signal.SIGCONT)
    assert len(given()) == SESSIONS


CASES = [all_at_once]

if __name__ == "__main__":
    kh.enter()
    sys.exit(kh.run_cases("77-credential-storm", CASES, kh.Host()))
