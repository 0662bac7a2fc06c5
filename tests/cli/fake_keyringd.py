#!/usr/bin/env python3
# SPDX-License-Identifier: LGPL-2.1-or-later
# Copyright The agentid authors
"""Answers agentid(1) as agentid-keyringd would (docs/PROTOCOL.md). The argument is a scenario:
normal, failing (bad news everywhere), empty, garbage, silent (closes without an answer)."""
import os
import re
import socket
import struct
import sys
import time

PATH = "/run/agentid/keyringd.sock"
scenario = sys.argv[1]
now = int(time.time() * 1000)

with open(os.path.join(os.environ["srcdir"], "lib/protocol.h"), encoding="ascii") as header:
    text = re.sub(r"/\*.*?\*/", "", header.read(), flags=re.S)


def numbers(enum, prefix):
    body = re.search(r"enum %s \{(.*?)\};" % enum, text, re.S).group(1)
    result, number = {}, 0
    for name, value in re.findall(prefix + r"([A-Z0-9_]+)(?: = (\d+))?", body):
        number = int(value) if value else number
        result[name] = number
        number += 1
    return result


MSG, TAG = numbers("aid_msg", "AID_MSG_"), numbers("aid_tag", "AID_TAG_")


def frame(kind, ident, **fields):
    body = b""
    for name, value in fields.items():
        if value is None:
            continue
        data = struct.pack("<q", value) if isinstance(value, int) else value.encode()
        body += struct.pack("<HH", TAG[name], len(data)) + data
    return struct.pack("<HHHHII", 0x4441, 1, MSG[kind], 0, ident, len(body)) + body


def parse(packet):
    _, _, kind, _, ident, _ = struct.unpack_from("<HHHHII", packet)
    agent, at = None, 16
    while at < len(packet):
        tag, length = struct.unpack_from("<HH", packet, at)
        if tag == TAG["AGENT"]:
            agent = packet[at + 4:at + 4 + length].decode()
        at += 4 + length
    return kind, ident, agent


def sessions(ident):
    if scenario == "empty":
        return
    failing = scenario == "failing"
    yield frame("SESSION_INFO", ident, SESSION="0123456789abcdef", AGENT="alpha", ACCOUNT="svc-alpha",
                UID=1234, SERVICE="sshd", RHOST='host "a"\\b', TTY="ssh", PID=4321, RING=17,
                STATE="retrying" if failing else "fresh", OPENED_MS=now - 2 * 3600 * 1000 - 5000,
                EXPIRES_MS=now + 252500, REFRESH_MS=now + 192500, LIFETIME_MS=300000, REFRESHES=3,
                FAILURES=2 if failing else 0,
                LAST_ERROR="token endpoint: HTTP status 503" if failing else None)
    yield frame("SESSION_INFO", ident, SESSION="fedcba9876543210", AGENT="beta", ACCOUNT="svc-beta",
                UID=1235, SERVICE="exec", PID=99, RING=18, STATE="fresh", OPENED_MS=now - 1500,
                EXPIRES_MS=now + 300500, REFRESHES=0, FAILURES=0)


def status(ident, agent):
    failing = scenario == "failing"
    yield frame("DAEMON_INFO", ident, VERSION="9.9.9", STARTED_MS=now - 90000, SESSIONS=2,
                FETCH_UP=0 if failing else 1, COUNT_OF=3 if failing else None, QUOTA_USED=1234567, QUOTA_MAX=25000000,
                CONFIG_ERROR="/etc/agentid/agents.d/x.conf:3: wrong" if failing else None)
    for name in ("alpha", "beta"):
        if agent in (None, name) and scenario != "empty":
            yield frame("AGENT_INFO", ident, AGENT=name, ACCOUNT="svc-" + name, SOURCE="oidc", SESSIONS=1,
                        STATE="revoked" if failing and name == "beta" else "ok")


def answers(kind, ident, agent):
    if kind == MSG["LIST"]:
        yield from sessions(ident)
    elif kind == MSG["STATUS"]:
        yield from status(ident, agent)
    elif agent == "unknown":
        yield frame("ERROR", ident, STATUS=-9, TEXT="'unknown': no such agent")
        return
    elif agent == "forbidden":
        yield frame("ERROR", ident, STATUS=-6, TEXT="only root may do this")
        return
    counts = {MSG["REVOKE"]: 0 if agent == "typo" else 2, MSG["ALLOW"]: 0 if agent == "beta" else 1}
    yield frame("DONE", ident, COUNT_OF=counts.get(kind),
                TEXT="the mark could not be written" if agent == "full-disk" else None)


server = socket.socket(socket.AF_UNIX, socket.SOCK_SEQPACKET)
server.bind(PATH)
server.listen(8)
while True:
    client, _ = server.accept()
    with client:
        request = client.recv(65536)
        if scenario == "silent" or not request:
            continue
        if scenario == "garbage":
            client.send(b"\0" * 40)
            continue
        for answer in answers(*parse(request)):
            client.send(answer)
