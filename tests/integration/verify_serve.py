#!/usr/bin/python3
# SPDX-License-Identifier: LGPL-2.1-or-later
# Copyright The agentid authors
"""A static web server with TLS, and certificates of a private CA for it.

usage: verify_serve.py certify DIRECTORY NAME...    writes ca.pem, NAME.pem and NAME.key
       verify_serve.py serve DIRECTORY CERTIFICATE ADDRESS PORT   CERTIFICATE without .pem
"""
import functools
import http.server
import os
import ssl
import sys

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "provider"))
# pylint: disable=wrong-import-position
import pki


def certify(directory, *names):
    authority = pki.Authority("verify")
    with open(os.path.join(directory, "ca.pem"), "wb") as f:
        f.write(authority.pem())
    for name in names:
        authority.issue(os.path.join(directory, name), name, (name,))


def serve(directory, certificate, address, port):
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(certificate + ".pem", certificate + ".key")
    handler = functools.partial(http.server.SimpleHTTPRequestHandler, directory=directory)
    server = http.server.ThreadingHTTPServer((address, int(port)), handler)
    server.socket = context.wrap_socket(server.socket, server_side=True)
    server.serve_forever()


if __name__ == "__main__":
    {"certify": certify, "serve": serve}[sys.argv[1]](*sys.argv[2:])
