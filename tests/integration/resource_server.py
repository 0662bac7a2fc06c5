#!/usr/bin/python3
# SPDX-License-Identifier: LGPL-2.1-or-later
# Copyright The agentid authors
"""A resource server on loopback that accepts tokens of one issuer.

usage: resource_server.py DIRECTORY AUDIENCE PORTFILE

DIRECTORY is what "agentid issuer publish" wrote. The port is written to PORTFILE when the server
listens. Every request needs a bearer token whose signature, iss, aud and exp are right; the
answer is the token's subject and jti. GET /revoked-once answers 401 to the first request with
a right token and 200 to the next, as a server does that has just lost its sessions; GET /never
answers 401 to every one, and how many there were.
"""

import base64
import http.server
import json
import os
import sys
import time

from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec, padding, rsa, utils


class Refused(Exception):
    """Why a token is not good enough."""


def b64(text):
    return base64.urlsafe_b64decode(text + "=" * (-len(text) % 4))


def number(text):
    return int.from_bytes(b64(text), "big")


def verify_signature(jwk, alg, signed, signature):
    if alg == "RS256" and jwk["kty"] == "RSA":
        key = rsa.RSAPublicNumbers(number(jwk["e"]), number(jwk["n"])).public_key()
        key.verify(signature, signed, padding.PKCS1v15(), hashes.SHA256())
    elif alg == "ES256" and jwk["kty"] == "EC" and len(signature) == 64:
        key = ec.EllipticCurvePublicNumbers(number(jwk["x"]), number(jwk["y"]), ec.SECP256R1())
        der = utils.encode_dss_signature(
            int.from_bytes(signature[:32], "big"), int.from_bytes(signature[32:], "big"))
        key.public_key().verify(der, signed, ec.ECDSA(hashes.SHA256()))
    else:
        raise Refused(f"alg {alg}")


class Verifier:
    def __init__(self, directory, audience):
        with open(os.path.join(directory, ".well-known/openid-configuration"), encoding="ascii") as f:
            self.issuer = json.load(f)["issuer"]
        self.directory = directory
        self.audience = audience

    def claims(self, token):
        """The claims of a token that passes every check."""
        head, body, signature = token.split(".")
        header = json.loads(b64(head))
        with open(os.path.join(self.directory, "jwks.json"), encoding="ascii") as f:
            keys = [k for k in json.load(f)["keys"] if k["kid"] == header["kid"]]
        if len(keys) != 1:
            raise Refused(f"kid {header['kid']}")
        verify_signature(keys[0], header["alg"], f"{head}.{body}".encode(), b64(signature))
        claims = json.loads(b64(body))
        if claims["iss"] != self.issuer or claims["aud"] != self.audience:
            raise Refused(f"iss {claims['iss']} aud {claims['aud']}")
        if claims["exp"] <= time.time():
            raise Refused("expired")
        return claims


class Handler(http.server.BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"

    def do_GET(self):  # pylint: disable=invalid-name
        try:
            scheme, _, token = self.headers.get("Authorization", "").partition(" ")
            if scheme != "Bearer":
                raise Refused("no bearer token")
            claims = self.server.verifier.claims(token)
            if self.path == "/revoked-once" and not self.server.refused_once:
                self.server.refused_once = True
                raise Refused("revoked, try again")
            if self.path == "/never":
                self.server.never += 1
                raise Refused(f"never, request {self.server.never}")
            self.answer(200, {"sub": claims["sub"], "jti": claims["jti"]})
        except (Refused, InvalidSignature, ValueError, KeyError) as error:
            self.answer(401, {"error": str(error) or type(error).__name__})

    def answer(self, status, document):
        body = json.dumps(document).encode() + b"\n"
        self.send_response(status)
        self.send_header("Content-Type", "application/json")
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, format, *args):  # pylint: disable=redefined-builtin
        """Nothing: a request's headers hold a token."""


def main():
    directory, audience, port_file = sys.argv[1:]
    server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    server.verifier = Verifier(directory, audience)
    server.refused_once = False
    server.never = 0
    with open(port_file + ".new", "w", encoding="ascii") as f:
        f.write(str(server.server_address[1]))
    os.rename(port_file + ".new", port_file)
    server.serve_forever()


if __name__ == "__main__":
    main()
