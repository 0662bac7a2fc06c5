#!/usr/bin/python3
# SPDX-License-Identifier: LGPL-2.1-or-later
# Copyright The agentid authors
"""A credential of an agent session inside a container that has agentid serve's socket and no more.

Needs nothing but Python; docs/PROTOCOL.md ("Messages of session.sock") has what is said here.
"""
import socket
import struct
import sys

SOCKET = "/run/agentid/session.sock"
MAGIC, VERSION, READ, ERROR, HELLO, CREDENTIAL = 0x4441, 1, 11, 21, 25, 26
TEXT, SECRET, NAME, CHALLENGE = 1, 35, 60, 84


def parse(frame):
    if len(frame) < 16:
        raise OSError("agentid serve: it has hung up")
    magic, _version, kind, _zero, _number, length = struct.unpack_from("<HHHHII", frame)
    if magic != MAGIC or length != len(frame) - 16:
        raise OSError("agentid serve: not a frame")
    fields, at = {}, 16
    while at < len(frame):
        tag, size = struct.unpack_from("<HH", frame, at)
        fields[tag] = frame[at + 4:at + 4 + size]
        at += 4 + size
    if kind == ERROR:
        raise OSError("agentid serve: " + fields.get(TEXT, b"refused").decode("ascii"))
    return kind, fields


def read_credential(name="token", path=SOCKET):
    """Ask for each use and do not keep it: it changes with every refresh."""
    with socket.socket(socket.AF_UNIX, socket.SOCK_SEQPACKET) as s:
        s.settimeout(30)
        s.connect(path)
        kind, hello = parse(s.recv(65536))
        if kind != HELLO:
            raise OSError("agentid serve: no greeting")
        body = b"".join(struct.pack("<HH", tag, len(value)) + value
                        for tag, value in ((CHALLENGE, hello[CHALLENGE]), (NAME, name.encode("ascii"))))
        s.send(struct.pack("<HHHHII", MAGIC, VERSION, READ, 0, 1, len(body)) + body)
        kind, answer = parse(s.recv(65536))
        if kind != CREDENTIAL:
            raise OSError("agentid serve: no credential")
        return answer[SECRET].decode("ascii")


if __name__ == "__main__":
    try:
        sys.stdout.write(read_credential(*sys.argv[1:3]))
    except OSError as error:
        sys.exit(str(error))
