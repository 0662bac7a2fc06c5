#!/usr/bin/python3
# SPDX-License-Identifier: LGPL-2.1-or-later
# Copyright The agentid authors
"""AWS, Entra, Google and a token exchange for a real session, as strict as in tests/provider, with short lives.

usage: five_server.py DIRECTORY ISSUER-DIRECTORY LIFETIME PORT

ISSUER-DIRECTORY is what "agentid issuer publish" wrote. What is given out lives for LIFETIME seconds and is written to
DIRECTORY/given, one JSON line each, with jti and signature of the assertion, or of the session's token where Google's library
showed that ("by_token"); a server that is started again goes on with it.
DIRECTORY/secret is the secret of the exchange's client. Beside what provider.py serves:

  POST /aws          GetCallerIdentity, by credentials that were given out and have not ended
  /use/KIND          200 for such a token of entra, google or xch"""

import json
import os
import re
import socket
import sys
import threading
import time

SOURCE = os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__))))
sys.path.insert(0, os.path.join(SOURCE, "tests", "provider"))
# pylint: disable=wrong-import-position
import clouds  # noqa: E402
import jose  # noqa: E402
import modes  # noqa: E402
import provider  # noqa: E402
import sts  # noqa: E402
import trust  # noqa: E402
from sts_server import IDENTITY  # noqa: E402

NOW = threading.local()  # the request that is being answered
ASSERTIONS = ("WebIdentityToken", "client_assertion", "subject_token")


class Server(provider.Server):
    def __init__(self, directory, issuer, lifetime):  # pylint: disable=super-init-not-called
        self.directory, self.issuer, self.lifetime = directory, issuer, lifetime
        self.lock, self.counts, self.variables, self.given = threading.Lock(), provider.collections.Counter(), {}, {}
        if not os.path.exists(self.file("k1.key")):
            jose.write_private(self.file("k1.key"), jose.ec.generate_private_key(jose.ec.SECP256R1()))
            with open(self.file("secret"), "w", encoding="utf-8") as f:
                f.write(modes.SECRET)
        self.keys = {"k1": jose.read_private(self.file("k1.key"))}
        if os.path.exists(self.file("given")):
            with open(self.file("given"), encoding="ascii") as f:
                self.given = {entry["secret"]: entry for entry in map(json.loads, f)}

    def file(self, name):
        return os.path.join(self.directory, name)

    def listen_on(self, port):
        listener = socket.create_server(("127.0.0.1", port), backlog=128)
        self.accept(listener, None)

    def give(self, secret, **more):
        form = NOW.request.form()
        assertion = next((form[name] for name in ASSERTIONS if name in form), "")
        _, claims, signature = assertion.split(".")
        claims = json.loads(jose.unb64(claims))
        entry = {"secret": secret, "kind": NOW.request.mode, "end": time.time() + self.lifetime, "jti": claims["jti"],
                 "signature": signature, "by_token": claims["aud"] == clouds.PROVIDER, **more}
        with self.lock, open(self.file("given"), "a", encoding="ascii") as f:
            self.given[secret] = entry
            f.write(json.dumps(entry) + "\n")

    def is_good(self, secret, kind):
        entry = self.given.get(secret)
        return entry is not None and entry["kind"] == kind and entry["end"] > time.time()

    def use(self, connection, request):
        scheme, _, token = request.headers.get("authorization", "").partition(" ")
        good = scheme == "Bearer" and self.is_good(token, request.path.split("/")[2])
        return modes.reply(connection, 200 if good else 401, {"ok": good})

    def identity(self, connection, request):
        match = re.search("Credential=([A-Z0-9]+)/", request.headers.get("authorization", ""))
        token = request.headers.get("x-amz-security-token", "")
        if not match or not self.is_good(token, "aws") or self.given[token]["key"] != match[1]:
            body = sts.failure("ExpiredToken", "The security token included in the request is expired")
            return modes.reply(connection, 403, body.encode(), content_type="text/xml")
        body = IDENTITY % (sts.NAMESPACE, self.given[token]["arn"], match[1])
        return modes.reply(connection, 200, body.encode(), content_type="text/xml")

    # ---- the tables of tests/provider, with this host as the issuer and short lives ----

    def adapt(self):
        with open(os.path.join(self.issuer, ".well-known/openid-configuration"), encoding="ascii") as f:
            issuer = json.load(f)["issuer"]
        verified, success, reply, answer, once = sts.verified, sts.success, modes.reply, modes.answer, clouds.once
        account = sts.Account()
        account.providers = {issuer: {sts.AUDIENCE}}
        account.add_role(sts.ROLE, trust.aws_document(issuer, sts.AUDIENCE, modes.SUBJECT))
        self.variables.update({
            "sts-account": account,
            "entra-trust": trust.AzureTrust({"name": "a", "issuer": issuer, "subject": modes.SUBJECT,
                                             "audiences": [clouds.AZURE_AUDIENCE]}),
            "google-trust": trust.GoogleTrust(issuer, ["https:" + clouds.PROVIDER, clouds.PROVIDER],
                                              {"google.subject": "assertion.sub"}, f"assertion.sub == '{modes.SUBJECT}'")})
        sts.verified = lambda token, _: verified(token, {issuer})
        sts.published_keys = self.published_keys

        def short_success(form, claims, fraction=""):
            end = time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime(time.time() + self.lifetime))
            body = re.sub("<Expiration>.*?<", f"<Expiration>{end}<", success(form, claims, fraction))
            key, token, arn = (re.search(f"<{tag}>(.*?)<", body)[1] for tag in ("AccessKeyId", "SessionToken", "Arn"))
            self.give(token, key=key, arn=arn)
            return body

        def short_reply(connection, status, body, *headers, **more):
            if status == 200 and isinstance(body, dict) and "access_token" in body:
                body = {**body, "expires_in": self.lifetime}
                self.give(body["access_token"])
            return reply(connection, status, body, *headers, **more)

        def watched(server, connection, request):
            NOW.request = request
            if request.path.startswith("/use/"):
                return self.use(connection, request)
            if request.mode == "aws" and request.form().get("Action") == "GetCallerIdentity":
                return self.identity(connection, request)
            return answer(server, connection, request)

        # The session's token, which google-auth shows itself, is for many uses; an assertion is for one.
        clouds.once = lambda server, kind, claims: claims["aud"] == clouds.PROVIDER or once(server, kind, claims)
        sts.success, modes.reply, modes.answer = short_success, short_reply, watched
        modes.define()
        modes.MODES["xch"] = {"token": lambda s, c, r: clouds.exchange(exp=int(time.time()) + self.lifetime)(s, c, r)}

    def published_keys(self, _issuer):
        with open(os.path.join(self.issuer, "jwks.json"), encoding="ascii") as f:
            return {key["kid"]: key for key in json.load(f)["keys"]}


def main():
    directory, issuer, lifetime, port = sys.argv[1:]
    server = Server(directory, issuer, int(lifetime))
    server.adapt()
    server.listen_on(int(port))


if __name__ == "__main__":
    main()
