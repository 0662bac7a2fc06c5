#!/usr/bin/env python3
# SPDX-License-Identifier: LGPL-2.1-or-later
# Copyright The agentid authors
"""Speaks agentid-fetch's side of the protocol and does what a control file says.

fake_fetch.py [--socket PATH] [--control FILE] [--journal FILE]

Without --socket it takes a listening socket as descriptor 3 (LISTEN_FDS). The control file is read
for every request: {"lifetime_ms": 300000, "script": [ACTION, ...], "default": ACTION, "delay_ms": 0,
"version": that of the answers, else the one of the request}.
An ACTION is "ok", "hang", "exit", "garbage", {"status": N, "retry_after": N, "text": "..."}, or, of a
verification, {"issuer": "...", "subject": "..."}; the
script is used up action by action (by all processes together: a counter stands beside the file). A
token is "tok-" and 24 characters. Revocations have "retire" and "retire_script" in place of "default"
and "script"; "unsupported" is one more ACTION there. Exchanges have "exchange" and "exchange_script",
"exchange_ms" for their lifetime, "exchange_pad" and "renewable"; a credential is "cred-NAME-" and 24
characters. The journal gets one JSON line for each request."""
import argparse
import fcntl
import hashlib
import json
import os
import random
import select
import socket
import struct
import sys
import time

MAGIC, VERSION = 0x4441, 1
DONE, ERROR, VERIFIED, SIGN, TOKEN, RETIRE, EXCHANGE, ISSUED = 17, 21, 22, 32, 33, 34, 35, 48
STATUS, TEXT, RETRY_AFTER, COUNT_OF, EXPIRES, LIFETIME = 0, 1, 4, 17, 18, 21
SECRET, TOKEN_ID, JTI, ISSUER, SUBJECT, AUDIENCE, FDS = 35, 36, 37, 38, 39, 40, 55
SOURCE, SCOPE, HOST_SUBJECT, CREDENTIAL_TYPE, NAME, SESSION_NAME, OPTIONS, PREVIOUS, RENEWABLE = (
    27, 45, 53, 59, 60, 61, 62, 63, 64)
NUMBERS = {0, 3, 4, 5, 8, 12, 16, 17, 18, 19, 20, 21, 22, 24, 25, 29, 30, 31, 33, 34, 42, 47, 48, 51, 54, 59, 64}


def field(tag, value):
    if isinstance(value, int):
        value = struct.pack("<q", value)
    elif isinstance(value, str):
        value = value.encode()
    return struct.pack("<HH", tag, len(value)) + value


def frame(kind, ident, fields, version=VERSION):
    body = b"".join(field(t, v) for t, v in fields)
    return struct.pack("<HHHHII", MAGIC, version, kind, 0, ident, len(body)) + body


def parse(data):
    magic, version, kind, _, ident, length = struct.unpack("<HHHHII", data[:16])
    assert magic == MAGIC and length == len(data) - 16, "no frame"
    fields, at = {}, 16
    while at < len(data):
        tag, size = struct.unpack("<HH", data[at:at + 4])
        value = data[at + 4:at + 4 + size]
        fields[tag] = struct.unpack("<q", value)[0] if tag in NUMBERS else value
        at += 4 + size
    return kind, ident, fields


def control_version(path):
    """The version to answer in, whatever was asked; 0: that of the request."""
    with open(path, encoding="utf-8") as f:
        return json.load(f).get("version", 0)


def next_action(path, kind):
    names = {RETIRE: ("retire_script", "retire", ".retired"),
             EXCHANGE: ("exchange_script", "exchange", ".exchanged")}.get(kind, ("script", "default", ".count"))
    with open(path, encoding="utf-8") as f:
        control = json.load(f)
    script = control.get(names[0], [])
    action = control.get(names[1], "ok")
    if script:
        with open(path + names[2], "a+", encoding="utf-8") as counter:
            fcntl.flock(counter, fcntl.LOCK_EX)
            counter.seek(0)
            done = int(counter.read() or 0)
            if done < len(script):
                action = script[done]
                counter.truncate(0)
                counter.write(str(done + 1))
    return control, action


def issued(ident, control, fields, version):
    """What fetch answers to EXCHANGE."""
    lifetime = control.get("exchange_ms", 300000)
    payload = b"cred-" + fields[NAME] + b"-" + hashlib.sha256(os.urandom(16)).hexdigest()[:24].encode()
    payload += b"x" * control.get("exchange_pad", 0)
    return frame(ISSUED, ident, [
        (SECRET, payload), (EXPIRES, int(time.time() * 1000) + lifetime), (LIFETIME, lifetime),
        (TOKEN_ID, hashlib.sha256(payload).hexdigest()[:16]), (JTI, "AKIA1"),
        (RENEWABLE, int(control.get("renewable", False)))], version)


def texts(fields):
    """What the journal keeps of a request for a credential."""
    kept = {"name": NAME, "session_name": SESSION_NAME, "source": SOURCE, "audience": AUDIENCE, "scope": SCOPE,
            "subject": SUBJECT, "host_subject": HOST_SUBJECT}
    out = {key: fields[tag].decode() for key, tag in kept.items() if tag in fields}
    if OPTIONS in fields:
        out["options"] = dict(o.split("=", 1) for o in fields[OPTIONS].decode().split("\0") if o)
    if PREVIOUS in fields:
        out["previous"] = hashlib.sha256(fields[PREVIOUS]).hexdigest()[:16]
    return out


def answer(ident, kind, control, action, fields, version):
    if isinstance(action, dict) and "subject" in action:
        return frame(VERIFIED, ident, [(ISSUER, action["issuer"]), (SUBJECT, action["subject"])], version)
    if isinstance(action, dict):
        said = [(STATUS, action["status"]), (TEXT, action.get("text", "said so"))]
        if "retry_after" in action:
            said.append((RETRY_AFTER, action["retry_after"]))
        return frame(ERROR, ident, said, version)
    if kind == EXCHANGE:
        return issued(ident, control, fields, version)
    if kind == RETIRE:
        if action == "unsupported":
            return frame(DONE, ident, [(COUNT_OF, 0), (TEXT, "HTTP 400 unsupported_token_type")], version)
        return frame(DONE, ident, [(COUNT_OF, 1)], version)
    lifetime = control.get("lifetime_ms", 300000)
    token = b"tok-" + hashlib.sha256(os.urandom(16)).hexdigest()[:24].encode()
    token += b"x" * control.get("pad", 0)
    return frame(ISSUED, ident, [
        (SECRET, token), (EXPIRES, int(time.time() * 1000) + lifetime), (LIFETIME, lifetime),
        (TOKEN_ID, hashlib.sha256(token).hexdigest()[:16]), (JTI, "j%d" % random.getrandbits(30))], version)


class Server:
    def __init__(self, listener, control, journal):
        self.listener, self.control, self.journal = listener, control, journal
        self.later = []  # (when, connection, bytes)

    def request(self, connection, data, fds):
        kind, ident, fields = parse(data)
        version = control_version(self.control) or int.from_bytes(data[2:4], "little")
        secrets = []
        for fd in fds:
            secrets.append(os.pread(fd, 4096, 0).decode(errors="replace").strip())
            os.close(fd)
        control, action = next_action(self.control, kind)
        with open(self.journal, "a", encoding="utf-8") as log:
            log.write(json.dumps({**texts(fields), "at": time.time(), "kind": kind, "action": action,
                                  "secrets": secrets, "fds": fields.get(FDS, b"").decode(),
                                  "issuer": fields.get(ISSUER, b"").decode(),
                                  "token": hashlib.sha256(fields.get(SECRET, b"")).hexdigest()[:16],
                                  "pid": os.getpid()}) + "\n")
        if action == "exit":
            os._exit(1)
        if action == "garbage":
            connection.send(b"garbage")
            return
        if action != "hang":
            due = time.monotonic() + control.get("delay_ms", 0) / 1000
            self.later.append((due, connection, answer(ident, kind, control, action, fields, version)))

    def receive(self, poll, connections, fd):
        connection = connections[fd]
        try:
            data, fds, _, _ = socket.recv_fds(connection, 65536, 4)
        except OSError:
            data = b""
        if data:
            self.request(connection, data, fds)
            return
        poll.unregister(fd)
        connections.pop(fd).close()

    def send_due(self):
        now, keep = time.monotonic(), []
        for when, connection, data in self.later:
            if when > now:
                keep.append((when, connection, data))
                continue
            try:
                connection.send(data)
            except OSError:
                pass
        self.later = keep

    def serve(self):
        poll, connections = select.poll(), {}
        poll.register(self.listener, select.POLLIN)
        while True:
            wait = min((w for w, _, _ in self.later), default=None)
            events = poll.poll(None if wait is None else max(0, (wait - time.monotonic()) * 1000))
            for fd, _ in events:
                if fd == self.listener.fileno():
                    connection, _ = self.listener.accept()
                    connection.setblocking(True)
                    connections[connection.fileno()] = connection
                    poll.register(connection, select.POLLIN)
                else:
                    self.receive(poll, connections, fd)
            self.send_due()
            notify(b"WATCHDOG=1")


def notify(text):
    path = os.environ.get("NOTIFY_SOCKET")
    if path:
        with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as s:
            s.sendto(text, path)


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("--socket")
    parser.add_argument("--control", default="/run/fake-control.json")
    parser.add_argument("--journal", default="/run/fake-journal")
    args = parser.parse_args()
    if args.socket:
        listener = socket.socket(socket.AF_UNIX, socket.SOCK_SEQPACKET)
        listener.bind(args.socket)
        listener.listen(16)
    else:
        listener = socket.socket(fileno=3)
        listener.setblocking(True)
        notify(b"READY=1")
    Server(listener, args.control, args.journal).serve()


if __name__ == "__main__":
    sys.exit(main())
