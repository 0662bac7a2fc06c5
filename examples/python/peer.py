#!/usr/bin/python3
# SPDX-License-Identifier: LGPL-2.1-or-later
# Copyright The agentid authors
"""Two agents that talk to each other over HTTP, each sure of who the other is.

One serves, in its session:

    peer.py serve --audience agent:orders --subject agent:billing --port 8080

and the other calls, in its own:

    peer.py call --audience agent:billing --subject agent:orders http://127.0.0.1:8080/stock

The caller's token has to be for the server ("audience" in its agent's file). The server has it verified
by the daemons of its host, and answers with a token of its own, so that the caller knows whom it
talked to. A real server speaks TLS, so that nobody on the way sees either token. Needs requests and
libkeyutils for agent.py, and libagentid.
"""

import argparse
import ctypes
import http.server
import json
import sys

import requests

from agent import AgentAuth, NoToken, read_token

_agentid = ctypes.CDLL("libagentid.so.1")


class _Verify(ctypes.Structure):
    """struct agentid_verify of agentid.h."""

    _fields_ = [("size", ctypes.c_size_t), ("audience", ctypes.c_char_p),
                ("issuers", ctypes.POINTER(ctypes.c_char_p)), ("subject", ctypes.c_char_p),
                ("proof", ctypes.c_char_p), ("method", ctypes.c_char_p), ("uri", ctypes.c_char_p),
                ("certificate", ctypes.c_char_p), ("max_lifetime_s", ctypes.c_int),
                ("timeout_ms", ctypes.c_int)]


_agentid.agentid_verify.argtypes = [ctypes.POINTER(_Verify), ctypes.c_char_p, ctypes.c_size_t,
                                    ctypes.POINTER(ctypes.c_void_p), ctypes.c_char_p, ctypes.c_size_t]
_agentid.agentid_secret_text.argtypes = [ctypes.c_void_p]
_agentid.agentid_secret_text.restype = ctypes.c_char_p
_agentid.agentid_secret_free.argtypes = [ctypes.c_void_p]
_agentid.agentid_secret_free.restype = None

# E_PROTOCOL, E_DENIED, E_EXPIRED, E_UNTRUSTED, E_TOOBIG, E_REVOKED: what is wrong is the token. Every other
# is no verdict on it: there is no session whose issuer is meant, nobody answers, a wrong argument.
REFUSED = (-5, -6, -7, -8, -11, -16)


class Refused(Exception):
    """The token is not good enough, and why."""


class CannotTell(Exception):
    """The token could not be judged; to let it pass would be to trust anybody."""


def _bytes(text):
    return None if text is None else text.encode("utf-8")


def verify(token, audience, issuers=None, subject=None, proof=None, method=None, uri=None, timeout_ms=0):
    """The claims of a token that another agent showed. Threads may call it at once."""
    names = [_bytes(issuer) for issuer in issuers or []]
    wanted = _Verify(size=ctypes.sizeof(_Verify), audience=_bytes(audience), subject=_bytes(subject),
                     proof=_bytes(proof), method=_bytes(method), uri=_bytes(uri), timeout_ms=timeout_ms)
    if names:
        wanted.issuers = (ctypes.c_char_p * (len(names) + 1))(*names, None)
    secret = ctypes.c_void_p()
    reason = ctypes.create_string_buffer(256)
    token = _bytes(token)
    status = _agentid.agentid_verify(ctypes.byref(wanted), token, len(token), ctypes.byref(secret), reason,
                                     len(reason))
    if status != 0:
        kind = Refused if status in REFUSED else CannotTell
        raise kind(reason.value.decode("ascii", "replace"))
    try:
        return json.loads(_agentid.agentid_secret_text(secret))
    finally:
        _agentid.agentid_secret_free(secret)


class Handler(http.server.BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"

    def caller(self):
        """Who sent this request."""
        known = self.server.arguments
        scheme, _, token = self.headers.get("Authorization", "").partition(" ")
        proofs = self.headers.get_all("DPoP") or []
        if scheme.lower() not in ("bearer", "dpop") or not token:
            raise Refused("no token")
        if len(proofs) != (1 if scheme.lower() == "dpop" else 0):
            raise Refused(f"{len(proofs)} DPoP headers with {scheme}")
        bound = {"proof": proofs[0], "method": self.command,
                 "uri": self.server.base + self.path.partition("?")[0]} if proofs else {}
        return verify(token, known.audience, known.issuer, known.subject, **bound)

    def do_GET(self):  # pylint: disable=invalid-name
        try:
            self.answer(200, {"caller": self.caller()["sub"], "path": self.path})
        except Refused as error:
            self.answer(401, {"error": str(error)})
        except (CannotTell, NoToken) as error:
            self.answer(503, {"error": str(error)})

    def answer(self, status, document):
        body = json.dumps(document).encode() + b"\n"
        headers = {"Agent-Token": read_token()} if status == 200 else {}
        self.send_response(status)
        for name, value in headers.items():
            self.send_header(name, value)
        if status == 401:
            self.send_header("WWW-Authenticate", 'Bearer error="invalid_token"')
        self.send_header("Content-Type", "application/json")
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, format, *args):  # pylint: disable=redefined-builtin
        """Nothing: a request's headers hold a token."""


def serve(arguments):
    server = http.server.ThreadingHTTPServer((arguments.address, arguments.port), Handler)
    server.arguments = arguments
    server.base = arguments.base or f"http://{arguments.address}:{server.server_address[1]}"
    print(server.server_address[1], flush=True)
    server.serve_forever()


def call(arguments):
    """Asks, and believes the answer only when the token in it is of whom we meant to ask."""
    with requests.Session() as session:
        session.auth = AgentAuth()
        session.trust_env = False
        response = session.get(arguments.url, timeout=10, allow_redirects=False)
    if not response.ok:
        print(response.status_code, response.text.strip())
        return 1
    claims = verify(response.headers.get("Agent-Token", ""), arguments.audience, arguments.issuer,
                    arguments.subject)
    print(response.status_code, claims["sub"], response.text.strip())
    return 0


def main():
    parser = argparse.ArgumentParser(description="Two agents that know each other.")
    commands = parser.add_subparsers(required=True)
    for name, run in (("serve", serve), ("call", call)):
        command = commands.add_parser(name)
        command.set_defaults(run=run)
        command.add_argument("--audience", required=True, help="who we are")
        command.add_argument("--issuer", action="append", help="of the other; default: our own issuer")
        command.add_argument("--subject", help="who the other must be")
    commands.choices["serve"].add_argument("--address", default="127.0.0.1")
    commands.choices["serve"].add_argument("--port", type=int, default=0)
    commands.choices["serve"].add_argument("--base", help="our URL as callers see it, for DPoP proofs")
    commands.choices["call"].add_argument("url")
    arguments = parser.parse_args()
    return arguments.run(arguments)


if __name__ == "__main__":
    try:
        sys.exit(main())
    except (NoToken, Refused, CannotTell, requests.RequestException) as error:
        sys.exit(f"peer.py: {error}")
