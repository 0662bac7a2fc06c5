#!/usr/bin/python3
# SPDX-License-Identifier: LGPL-2.1-or-later
# Copyright The agentid authors
"""AWS STS on loopback for a real session: it trusts what a host published, and knows what it gave out.

usage: sts_server.py DIRECTORY SUBJECT LIFETIME PORT LOG

DIRECTORY is what "agentid issuer publish" wrote. AssumeRoleWithWebIdentity is held against the documentation
(tests/provider/sts.py), signature, issuer, audience, subject and a jti that was not used before, and lets credentials
live for LIFETIME seconds. GetCallerIdentity needs credentials that were given out and have not ended. LOG gets one
JSON line for each assumed role."""

import datetime
import http.server
import json
import os
import re
import sys
import time
import urllib.parse

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "provider"))
# pylint: disable=wrong-import-position
import sts  # noqa: E402
from resource_server import InvalidSignature, Refused, Verifier  # noqa: E402

IDENTITY = """<GetCallerIdentityResponse xmlns="%s"><GetCallerIdentityResult><Arn>%s</Arn><UserId>%s</UserId>
<Account>123456789012</Account></GetCallerIdentityResult><ResponseMetadata><RequestId>r</RequestId></ResponseMetadata>
</GetCallerIdentityResponse>"""


class Handler(http.server.BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"

    def assume(self, form):
        server = self.server
        sts.check_parameters(form)
        sts.check_policy(form)
        try:
            claims = server.verifier.claims(form["WebIdentityToken"])
        except (Refused, InvalidSignature, ValueError, KeyError) as error:
            raise sts.Refused(400, "InvalidIdentityToken", f"{type(error).__name__} {error}") from error
        if claims["sub"] != server.subject:
            raise sts.Refused(403, "AccessDenied", "Not authorized to perform sts:AssumeRoleWithWebIdentity")
        if claims["jti"] in server.used:
            raise sts.Refused(400, "InvalidIdentityToken", "The token was used before")
        server.used.add(claims["jti"])
        end = time.time() + server.lifetime
        text = datetime.datetime.utcfromtimestamp(end).strftime("%Y-%m-%dT%H:%M:%SZ")
        body = re.sub("<Expiration>.*?<", f"<Expiration>{text}<", sts.success(form, claims))
        key, token, arn = (re.search(f"<{tag}>(.*?)<", body)[1] for tag in ("AccessKeyId", "SessionToken", "Arn"))
        server.given[key] = (token, arn, end)
        with open(server.log, "a", encoding="ascii") as log:
            log.write(json.dumps({"session_name": form["RoleSessionName"], "policy": form.get("Policy"), "key": key,
                                  "life": claims["exp"] - claims["iat"]}) + "\n")
        return body

    def identity(self):
        match = re.search("Credential=([A-Z0-9]+)/", self.headers.get("Authorization", ""))
        token, arn, end = self.server.given.get(match[1] if match else "", ("", "", 0))
        if not token or token != self.headers.get("X-Amz-Security-Token") or end < time.time():
            raise sts.Refused(403, "ExpiredToken", "The security token included in the request is expired")
        return IDENTITY % (sts.NAMESPACE, arn, match[1])

    def do_POST(self):
        form = dict(urllib.parse.parse_qsl(self.rfile.read(int(self.headers["Content-Length"])).decode()))
        try:
            status, body = 200, self.identity() if form["Action"] == "GetCallerIdentity" else self.assume(form)
        except sts.Refused as refused:
            status, body = refused.status, sts.failure(refused.code, refused)
        self.send_response(status)
        self.send_header("Content-Type", "text/xml")
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body.encode())

    def log_message(self, *_):
        pass


def main():
    directory, subject, lifetime, port, log = sys.argv[1:]
    http.server.ThreadingHTTPServer.request_queue_size = 1024
    server = http.server.ThreadingHTTPServer(("127.0.0.1", int(port)), Handler)
    server.verifier = Verifier(directory, sts.AUDIENCE)
    server.subject, server.lifetime, server.log = subject, int(lifetime), log
    server.used, server.given = set(), {}
    server.serve_forever()


if __name__ == "__main__":
    main()
