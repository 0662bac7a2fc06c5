# SPDX-License-Identifier: LGPL-2.1-or-later
# Copyright The agentid authors
"""What each issuer of provider.py does wrong: functions that answer one request.

An answering function writes to the connection and returns True where it may be used again.
"""

import base64
import dataclasses
import email.utils
import itertools
import json
import socket
import struct
import time
import urllib.parse

import jose

SUBJECT, AUDIENCE, CLIENT = "agent:a", "orders-api", "client:1"
RETIRED = "canary-of-retired.token_1~+/="
SECRET = "canary s3cr:t+%\u00e9/"


@dataclasses.dataclass
class Request:
    method: str
    path: str
    headers: dict
    body: bytes
    base: str
    secure: bool

    @property
    def mode(self):
        return self.path.split("/")[1]

    @property
    def issuer(self):
        return self.base + "/" + self.mode

    def form(self):
        return dict(urllib.parse.parse_qsl(self.body.decode(), keep_blank_values=True))


def reply(connection, status, body, *headers, content_type="application/json"):
    if isinstance(body, (dict, list)):
        body = json.dumps(body).encode()
    lines = [f"HTTP/1.1 {status} X", f"Content-Type: {content_type}", f"Content-Length: {len(body)}",
             *headers, "", ""]
    connection.sendall("\r\n".join(lines).encode() + body)
    return True


def send_parts(connection, parts, pause=0.0):
    for part in parts:
        connection.sendall(part)
        if pause:
            time.sleep(pause)
    return False


# ---- the right answers ----

def metadata(request, **changes):
    return {"issuer": request.issuer, "token_endpoint": request.issuer + "/token",
            "jwks_uri": request.issuer + "/jwks", "grant_types_supported": ["client_credentials"],
            "revocation_endpoint": request.issuer + "/revoke", **changes}


def discovery(_, connection, request):
    return reply(connection, 200, metadata(request))


def jwks(server, connection, request):
    kid = server.variables.get("published", "k1")
    keys = [jose.jwk(server.keys[kid], kid, alg="ES256"),
            {"kty": "oct", "k": "AAAA", "kid": "secret"}, {"kty": "RSA", "use": "enc", "kid": "enc"}]
    return reply(connection, 200, {"keys": keys}, "Cache-Control: max-age=600")


def claims(request, **changes):
    now = int(time.time())
    out = {"iss": request.issuer, "sub": SUBJECT, "aud": AUDIENCE, "azp": CLIENT, "iat": now,
           "exp": now + 300, "jti": f"{now}-{id(request)}", **changes}
    return {k: v for k, v in out.items() if v is not None}


def mint(server, request, alg="ES256", header=None, **changes):
    kid = server.variables.get("signing", "k1")
    return jose.sign(server.keys[kid], alg, {"kid": kid, **(header or {})}, claims(request, **changes))


def token_body(token, **changes):
    out = {"access_token": token, "token_type": "Bearer", "expires_in": 300, **changes}
    return {k: v for k, v in out.items() if v is not None}


def token(server, connection, request):
    return reply(connection, 200, token_body(mint(server, request)), "Cache-Control: no-store")


def revoke(server, connection, request):
    """RFC 7009: 200 for whatever token; GET /revoked tells all forms."""
    with server.lock:
        server.variables.setdefault("revoked", []).append(request.form())
    return reply(connection, 200, b"")


# ---- ways to be wrong ----

def status(code, *headers, body=b"", wait=0):
    return lambda s, c, r: (time.sleep(wait), reply(c, code, body, *headers))[1]


def oauth_error(code, error, *headers, **more):
    return status(code, *headers, body=json.dumps({"error": error, **more}).encode())


def text(body):
    return lambda s, c, r: reply(c, 200, body)


def with_body(**changes):
    return lambda s, c, r: reply(c, 200, token_body(mint(s, r), **changes))


def with_number(literal):
    """expires_in exactly as written here, which json.dumps might write otherwise."""
    def write(server, connection, request):
        body = json.dumps(token_body(mint(server, request), expires_in=None))
        return reply(connection, 200, (body[:-1] + f', "expires_in": {literal}}}').encode())
    return write


def with_claims(alg="ES256", header=None, **changes):
    return lambda s, c, r: reply(c, 200, token_body(
        mint(s, r, alg, header, **{k: v(r) if callable(v) else v for k, v in changes.items()})))


def opaque(**changes):
    return lambda s, c, r: reply(c, 200, token_body("opaque-token_1", **changes))


def raw(head, parts, pause=0.0):
    return lambda s, c, r: send_parts(c, itertools.chain((head,), parts()), pause)


def forever(part):
    while True:
        yield part


def silent(server, connection, __):
    """Until the client goes; GET /stats tells how many wait."""
    with server.lock:
        server.counts["silent"] += 1
    try:
        connection.recv(1)
    finally:
        with server.lock:
            server.counts["silent"] -= 1
    return False


def reset(server, connection, request):
    connection.sendall(b"HTTP/1.1 200 OK\r\nContent-Length: 500\r\n\r\n{\"access")
    connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
    return False


def ragged(_, connection, __):
    """The end of the body is the end of the connection, and TLS is not told."""
    connection.sendall(b"HTTP/1.1 200 OK\r\nConnection: close\r\n\r\n"
                       b'{"access_token":"x","token_type":"Bearer","expires_in":5')
    connection.shutdown(socket.SHUT_RDWR)
    return False


def redirect(code, location):
    return status(code, "Location: " + location)


def with_metadata(**changes):
    """None: the member is not there."""
    def write(server, connection, request):
        document = metadata(request, **{k: v(server, request) if callable(v) else v for k, v in changes.items()})
        return reply(connection, 200, {k: v for k, v in document.items() if v is not None})
    return write


def on_port(kind, path):
    return lambda s, r: f"https://localhost:{s.variables['ports'][kind]}/{r.mode}/{path}"


def clock_refusal(_, connection, __):
    ahead = email.utils.formatdate(time.time() + 3600, usegmt=True)
    return reply(connection, 400, {"error": "invalid_client",
                                   "error_description": "Token is not active"}, "Date: " + ahead)


def clock_token(server, connection, request):
    ahead = time.time() + 3600
    body = token_body(mint(server, request, iat=int(ahead), exp=int(ahead) + 300))
    return reply(connection, 200, body, "Date: " + email.utils.formatdate(ahead, usegmt=True))


# ---- client authentication, strictly ----

def refuse_client(connection, why):
    return reply(connection, 401, {"error": "invalid_client", "error_description": why})


def check_basic(_, request):
    kind, _, value = request.headers.get("authorization", "").partition(" ")
    user, _, password = base64.b64decode(value).decode().partition(":")
    unquote = urllib.parse.unquote_plus
    return kind == "Basic" and (unquote(user), unquote(password)) == (CLIENT, SECRET) and \
        "client_id" not in request.form()


def check_post(_, request):
    form = request.form()
    return (form.get("client_id"), form.get("client_secret")) == (CLIENT, SECRET)


def check_assertion(name, issuer=None, subject=None, **header):
    def check(server, request):
        form = request.form()
        if form.get("client_assertion_type") != \
                "urn:ietf:params:oauth:client-assertion-type:jwt-bearer":
            return False
        head, said = jose.check(form["client_assertion"], server.clients[name])
        now = time.time()
        used = server.variables.setdefault("used", set())
        fresh = said["jti"] not in used
        used.add(said["jti"])
        return fresh and said["iss"] == (issuer or CLIENT) and said["sub"] == (subject or CLIENT) \
            and said["aud"] == request.issuer and now - 15 <= said["iat"] <= now + 15 \
            and said["iat"] < said["exp"] <= said["iat"] + 60 and form.get("client_id") == CLIENT \
            and all(head[k] == v for k, v in header.items())
    return check


def authenticated(check):
    def answer_token(server, connection, request):
        form = request.form()
        if form.get("grant_type") != "client_credentials" or not check(server, request):
            return refuse_client(connection, "no")
        server.variables["last_form"] = {k: v for k, v in form.items() if k in (
            "scope", "audience", "resource")}
        return token(server, connection, request)
    return answer_token


def authenticated_revoke(check):
    def answer_revoke(server, connection, request):
        if "grant_type" in request.form() or not check(server, request):
            return refuse_client(connection, "no")
        return revoke(server, connection, request)
    return answer_revoke


def echo_token(_, connection, request):
    return reply(connection, 400, {"error": "invalid_request",
                                   "error_description": "bad token " + request.form()["token"]})


def check_certificate(_, connection, request):
    peer = connection.getpeercert() if request.secure else None
    subject = dict(pair for rdn in (peer or {}).get("subject", ()) for pair in rdn)
    return subject.get("commonName") == "client-1" and request.form().get("client_id") == CLIENT


def echo_secret(_, connection, request):
    return reply(connection, 400, {"error": "invalid_request",
                                   "error_description": "bad value " + request.form()["client_secret"]})


def deep():
    return b'{"access_token":' + b"[" * 100000 + b"]" * 100000 + b"}"


def stats(server, connection):
    with server.lock:
        return reply(connection, 200, dict(server.counts))


def answer(server, connection, request):
    parts = request.path.split("/")
    if request.path == "/stats":
        return stats(server, connection)
    if request.path == "/revoked":
        with server.lock:
            return reply(connection, 200, list(server.variables.get("revoked", [])))
    if parts[1] == "set":
        server.variables[parts[2]] = parts[3]
        return reply(connection, 200, {})
    mode = MODES.get(request.mode.split("~")[0])
    if mode is None:
        return reply(connection, 404, {"error": "no such mode"})
    if "any" in mode:
        return mode["any"](server, connection, request)
    if request.path.endswith("/.well-known/openid-configuration"):
        return mode.get("discovery", discovery)(server, connection, request)
    right = {"jwks": jwks, "token": token, "revoke": revoke}[parts[2]]
    return mode.get(parts[2], right)(server, connection, request)


MODES = {}


def define():
    """For provider.py; late, because the modules of the tables need this one."""
    import clouds  # pylint: disable=import-outside-toplevel
    import wrong  # pylint: disable=import-outside-toplevel
    MODES.update(clouds.table())
    MODES.update(wrong.table())
