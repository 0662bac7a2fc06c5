#!/usr/bin/python3
# SPDX-License-Identifier: LGPL-2.1-or-later
# Copyright The agentid authors
"""A name server on 127.0.0.1:53 whose names say what is wrong with them.

nx.*: NXDOMAIN; servfail.*: SERVFAIL; mute.*: no answer; many.*: 1000 A records (by TCP, truncated by
UDP); rebind.*: 127.0.0.1; all others: 10.9.9.1.
"""

import socket
import struct
import threading

NXDOMAIN, SERVFAIL, TRUNCATED = 3, 2, 0x0200
TYPE_A = 1


def addresses(kind):
    if kind == "many":
        # The last is the one that answers; a resolver sorts and a client tries in order.
        return [f"10.9.9.{1 if i == 0 else 7}" for i in range(1000)]
    return ["127.0.0.1" if kind == "rebind" else "10.9.9.1"]


def response(query, limit):
    end, labels = 12, []
    while query[end]:
        labels.append(query[end + 1:end + 1 + query[end]].decode())
        end += 1 + query[end]
    question, (kind,) = query[12:end + 5], struct.unpack(">H", query[end + 1:end + 3])
    name = labels[0].lower()
    if name == "mute":
        return None
    code = {"nx": NXDOMAIN, "servfail": SERVFAIL}.get(name, 0)
    answers = addresses(name) if code == 0 and kind == TYPE_A else []
    records = b"".join(struct.pack(">HHHIH", 0xc00c, TYPE_A, 1, 1, 4) + socket.inet_aton(a)
                       for a in answers)
    flags = 0x8180 | code
    if 12 + len(question) + len(records) > limit:
        flags, records, answers = flags | TRUNCATED, b"", []
    return query[:2] + struct.pack(">HHHHH", flags, 1, len(answers), 0, 0) + question + records


def serve_udp(server):
    while True:
        query, peer = server.recvfrom(4096)
        answer = response(query, 512)
        if answer:
            server.sendto(answer, peer)


def serve_one(connection):
    with connection:
        while len(head := connection.recv(2, socket.MSG_WAITALL)) == 2:
            query = connection.recv(struct.unpack(">H", head)[0], socket.MSG_WAITALL)
            answer = response(query, 65535)
            if answer:
                connection.sendall(struct.pack(">H", len(answer)) + answer)


def main():
    listener = socket.create_server(("127.0.0.1", 53))
    datagrams = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
    datagrams.bind(("127.0.0.1", 53))
    threading.Thread(target=serve_udp, args=(datagrams,), daemon=True).start()
    print("listening", flush=True)
    while True:
        threading.Thread(target=serve_one, args=(listener.accept()[0],), daemon=True).start()


if __name__ == "__main__":
    main()
