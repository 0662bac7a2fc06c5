#!/usr/bin/python3
# SPDX-License-Identifier: LGPL-2.1-or-later
# Copyright The agentid authors
"""An OpenID provider that misbehaves on purpose, one way per issuer.

usage: provider.py DIRECTORY

DIRECTORY is what pki.make() and keys() in fetch_faults.py wrote. The issuer BASE/MODE behaves as
the table MODES in modes.py says; anything it does not mention is right. BASE is http on every
address of the machine, and https with each certificate in DIRECTORY/tls. The ports are written to
DIRECTORY/ports.json. GET /stats answers how often each path was asked for, and how many connections
there were; GET /set/NAME/VALUE sets a variable that modes read.
"""

import collections
import json
import os
import socket
import ssl
import sys
import threading

import jose
import modes

LIMIT = 65536


class Server:
    def __init__(self, directory):
        self.directory = directory
        self.keys = {kid: jose.read_private(os.path.join(directory, kid + ".key"))
                     for kid in ("k1", "k2")}
        self.host_keys = {name: jose.read_private(os.path.join(directory, name + ".key"))
                          for name in ("host", "host-rs")}
        self.clients = {name: jose.read_private(os.path.join(directory, name + ".key")).public_key()
                        for name in ("client-rs", "client-es", "host")}
        self.variables = {}
        self.counts = collections.Counter()
        self.lock = threading.Lock()

    def listen(self, context):
        listener = socket.socket(socket.AF_INET6)
        listener.setsockopt(socket.IPPROTO_IPV6, socket.IPV6_V6ONLY, 0)
        listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        listener.bind(("::", 0))
        listener.listen(1024)
        threading.Thread(target=self.accept, args=(listener, context), daemon=True).start()
        return listener.getsockname()[1]

    def accept(self, listener, context):
        while True:
            plain, _ = listener.accept()
            plain.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
            threading.Thread(target=self.serve, args=(plain, context), daemon=True).start()

    def serve(self, plain, context):
        with self.lock:
            self.counts["connections"] += 1
        connection = plain
        try:
            if context is not None:
                connection = handshake(plain, context)
            buffered = b""
            while True:
                request, buffered = self.read(connection, buffered)
                if request is None or not modes.answer(self, connection, request):
                    return
        except OSError:
            pass
        finally:
            connection.close()

    def read(self, connection, data):
        while b"\r\n\r\n" not in data:
            more = connection.recv(LIMIT)
            if not more or len(data) > LIMIT:
                return None, b""
            data += more
        head, _, rest = data.partition(b"\r\n\r\n")
        lines = head.decode("latin-1").split("\r\n")
        method, path, _ = lines[0].split(" ")
        headers = {k.lower(): v for k, v in (line.split(": ", 1) for line in lines[1:])}
        length = int(headers.get("content-length", 0))
        while len(rest) < length:
            more = connection.recv(LIMIT)
            if not more:
                return None, b""
            rest += more
        secure = isinstance(connection, ssl.SSLSocket)
        base = ("https://" if secure else "http://") + headers["host"]
        with self.lock:
            self.counts[path] += 1
            self.counts["requests"] += 1
        return modes.Request(method, path, headers, rest[:length], base, secure), rest[length:]


def handshake(plain, context):
    """A client that is refused gets the alert, and not a reset that overtakes it."""
    spare = plain.dup()
    try:
        return context.wrap_socket(plain, server_side=True, suppress_ragged_eofs=False)
    except OSError:
        spare.shutdown(socket.SHUT_WR)
        spare.settimeout(5)
        while spare.recv(LIMIT):
            pass
        raise
    finally:
        spare.close()


def tls_context(directory, kind):
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    path = os.path.join(directory, "tls", kind)
    context.set_ciphers("DEFAULT:@SECLEVEL=0")
    context.load_cert_chain(path + ".pem", path + ".key")
    if kind == "tls1.1":
        context.minimum_version = ssl.TLSVersion.TLSv1
        context.maximum_version = ssl.TLSVersion.TLSv1_1
    if kind == "mtls":
        context.verify_mode = ssl.CERT_REQUIRED
        context.load_verify_locations(os.path.join(directory, "client-ca.pem"))
    return context


def main():
    directory = sys.argv[1]
    modes.define()
    server = Server(directory)
    ports = {"http": server.listen(None)}
    for entry in sorted(os.listdir(os.path.join(directory, "tls"))):
        kind, ending = os.path.splitext(entry)
        if ending == ".pem":
            ports[kind] = server.listen(tls_context(directory, kind))
    with open(os.path.join(directory, "ports.tmp"), "w", encoding="ascii") as f:
        json.dump(ports, f)
    os.rename(os.path.join(directory, "ports.tmp"), os.path.join(directory, "ports.json"))
    server.variables["ports"] = ports
    threading.Event().wait()


if __name__ == "__main__":
    main()
