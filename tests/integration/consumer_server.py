#!/usr/bin/python3
# SPDX-License-Identifier: LGPL-2.1-or-later
# Copyright The agentid authors
"""The other ends of the programs that the adapters answer, over TLS on loopback.

usage: consumer_server.py DIRECTORY ISSUER-DIRECTORY AUDIENCE

Writes DIRECTORY/ca.pem and, when it listens, DIRECTORY/port. Wherever a program sends the session's
token, its signature, iss, aud and exp are verified. The paths:

  /token            any request with a bearer token: its subject
  /aws              what AWS's clients send to STS: signed for the access key and with the session token
                    of DIRECTORY/aws
  /google/...       STS token exchange and a resource
  /kube/api/v1/...  a list of namespaces
  /git/...          the files of DIRECTORY/git, for Basic oauth2:TOKEN; /git-bearer/... for Bearer
  /v2/...           a registry with one manifest, for Basic oauth2:TOKEN
  /TENANT/...       Entra: the tenant's discovery, and client credentials with an assertion
  /azure            a resource for the access token that Entra's stub gave, or the one of DIRECTORY/azure
"""

import base64
import hashlib
import http.server
import json
import os
import re
import ssl
import sys
import urllib.parse

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "provider"))
import pki  # noqa: E402  pylint: disable=wrong-import-position
from resource_server import InvalidSignature, Refused, Verifier  # noqa: E402  pylint: disable=wrong-import-position

EXCHANGE = "urn:ietf:params:oauth:grant-type:token-exchange"
JWT = "urn:ietf:params:oauth:token-type:jwt"
ACCESS_TOKEN = "urn:ietf:params:oauth:token-type:access_token"
GOOGLE_AUDIENCE = "//iam.googleapis.com/projects/1/locations/global/workloadIdentityPools/p/providers/r"
IMAGE = b'{"architecture":"amd64","os":"linux","rootfs":{"type":"layers","diff_ids":[]}}'
MANIFEST = {"schemaVersion": 2, "mediaType": "application/vnd.docker.distribution.manifest.v2+json",
            "config": {"mediaType": "application/vnd.docker.container.image.v1+json", "size": len(IMAGE),
                       "digest": "sha256:" + hashlib.sha256(IMAGE).hexdigest()}, "layers": []}


def check(condition, why):
    if not condition:
        raise Refused(why)


class Handler(http.server.BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"

    def bearer(self):
        scheme, _, token = self.headers.get("Authorization", "").partition(" ")
        check(scheme == "Bearer", f"a {scheme or 'missing'} Authorization")
        return token

    def claims(self, token):
        try:
            return self.server.verifier.claims(token)
        except (InvalidSignature, ValueError, KeyError) as error:
            raise Refused(f"no token of ours: {type(error).__name__}") from error

    def basic(self):
        scheme, _, encoded = self.headers.get("Authorization", "").partition(" ")
        check(scheme == "Basic", f"a {scheme or 'missing'} Authorization")
        user, _, password = base64.b64decode(encoded).decode().partition(":")
        check(user == "oauth2", f"user {user}")
        return self.claims(password)

    def form(self):
        body = self.rfile.read(int(self.headers.get("Content-Length", "0")))
        return dict(urllib.parse.parse_qsl(body.decode(), strict_parsing=True))

    def stored(self, name):
        with open(os.path.join(self.server.directory, name), encoding="ascii") as f:
            return f.read()

    def token_subject(self, _path):
        self.answer(200, {"sub": self.claims(self.bearer())["sub"]})

    def aws(self, _path):
        form = self.form()
        key = json.loads(self.stored("aws"))
        check(form.get("Action") == "GetCallerIdentity", "another action")
        credential = re.match(r"AWS4-HMAC-SHA256 Credential=([^/]+)/", self.headers["Authorization"] or "")
        check(credential and credential.group(1) == key["AccessKeyId"], "another access key")
        check(self.headers["X-Amz-Security-Token"] == key["SessionToken"], "another session token")
        self.answer(200, ('<GetCallerIdentityResponse xmlns="https://sts.amazonaws.com/doc/2011-06-15/">'
                          "<GetCallerIdentityResult><Arn>arn:aws:sts::123456789012:assumed-role/r/s</Arn>"
                          "<UserId>A:s</UserId><Account>123456789012</Account></GetCallerIdentityResult>"
                          "</GetCallerIdentityResponse>").encode(), "text/xml")

    def google(self, path):
        if path == "/google/resource":
            check(self.bearer() == "ya29.federated", "another access token")
            self.answer(200, {"ok": True})
            return
        form = self.form()
        check(form["grant_type"] == EXCHANGE and form["audience"] == GOOGLE_AUDIENCE, "grant or audience")
        check(form["subject_token_type"] == JWT and form["requested_token_type"] == ACCESS_TOKEN, "types")
        self.claims(form["subject_token"])
        self.answer(200, {"access_token": "ya29.federated", "issued_token_type": ACCESS_TOKEN,
                          "token_type": "Bearer", "expires_in": 3599})

    def kube(self, _path):
        subject = self.claims(self.bearer())["sub"]
        self.answer(200, {"apiVersion": "v1", "kind": "NamespaceList", "metadata": {},
                          "items": [{"metadata": {"name": subject.replace(":", "-")}}]})

    def git(self, path):
        path = path.removeprefix("/git-bearer")
        if path == self.path.partition("?")[0]:
            self.basic()
            path = path.removeprefix("/git")
        else:
            self.claims(self.bearer())
        root = os.path.join(self.server.directory, "git")
        name = os.path.realpath(root + path)
        check(name.startswith(os.path.realpath(root) + "/"), "outside")
        if not os.path.isfile(name):
            self.answer(404, {})
            return
        with open(name, "rb") as f:
            self.answer(200, f.read(), "application/octet-stream")

    def registry(self, path):
        self.basic()
        if path == "/v2/":
            self.answer(200, {})
        elif "/blobs/" in path:
            self.answer(200, IMAGE, "application/octet-stream")
        else:
            self.answer(200, json.dumps(MANIFEST).encode(), MANIFEST["mediaType"])

    def entra(self, path):
        base = f"https://localhost:{self.server.server_address[1]}/tenant"
        if path.endswith("/openid-configuration"):
            self.answer(200, {"issuer": f"{base}/v2.0", "token_endpoint": f"{base}/oauth2/v2.0/token",
                              "authorization_endpoint": f"{base}/oauth2/v2.0/authorize"})
            return
        form = self.form()
        check(form["grant_type"] == "client_credentials" and form["client_id"] == "app", "grant or client")
        check(form["scope"].split() == ["https://vault.azure.net/.default"], "scope " + form["scope"])
        check(form["client_assertion_type"].endswith(":client-assertion-type:jwt-bearer"), "assertion type")
        self.claims(form["client_assertion"])
        self.answer(200, {"token_type": "Bearer", "expires_in": 3599, "ext_expires_in": 3599,
                          "access_token": "entra-token"})

    def azure(self, _path):
        check(self.bearer() in ("entra-token", self.stored("azure")), "another access token")
        self.answer(200, {"ok": True})

    routes = (("/token", token_subject), ("/aws", aws), ("/google/", google), ("/kube/", kube),
              ("/git", git), ("/v2/", registry), ("/tenant/", entra), ("/azure", azure))

    def respond(self):
        path = self.path.partition("?")[0]
        try:
            for prefix, method in self.routes:
                if path.startswith(prefix):
                    method(self, path)
                    return
            self.answer(404, {"error": path})
        except (Refused, KeyError, ValueError) as error:
            self.answer(401, {"error": str(error)})

    do_GET = do_POST = do_HEAD = respond

    def answer(self, status, document, kind="application/json"):
        body = document if isinstance(document, bytes) else json.dumps(document).encode() + b"\n"
        self.send_response(status)
        if status == 401:
            scheme = "Bearer" if self.path.startswith(("/git-bearer", "/token")) else "Basic"
            self.send_header("WWW-Authenticate", f'{scheme} realm="test"')
        self.send_header("Content-Type", kind)
        self.send_header("Content-Length", str(len(body)))
        self.send_header("Docker-Distribution-Api-Version", "registry/2.0")
        self.end_headers()
        if self.command != "HEAD":
            self.wfile.write(body)

    def log_message(self, format, *args):  # pylint: disable=redefined-builtin
        sys.stderr.write("consumer_server: %s %s\n" % (self.path.partition("?")[0], args[1:2]))


def main():
    directory, issuer_directory, audience = sys.argv[1:]
    authority = pki.Authority("Consumer Test CA")
    authority.issue(os.path.join(directory, "server"))
    with open(os.path.join(directory, "ca.pem"), "wb") as f:
        f.write(authority.pem())
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(os.path.join(directory, "server.pem"), os.path.join(directory, "server.key"))
    server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    server.socket = context.wrap_socket(server.socket, server_side=True,
                                        do_handshake_on_connect=False)
    server.verifier = Verifier(issuer_directory, audience)
    server.directory = directory
    with open(os.path.join(directory, "port.new"), "w", encoding="ascii") as f:
        f.write(str(server.server_address[1]))
    os.rename(os.path.join(directory, "port.new"), os.path.join(directory, "port"))
    server.serve_forever()


if __name__ == "__main__":
    main()
