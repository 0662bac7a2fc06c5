# SPDX-License-Identifier: LGPL-2.1-or-later
# Copyright The agentid authors
"""The real OpenBao: JWT login with bound_subject, renewal, revocation, and each way to be kept out."""

import json
import os
import signal
import subprocess
import time
import urllib.error
import urllib.request

from cryptography.hazmat.primitives import serialization

import exchange_cases
import jose

PORT = 18200
ROOT = "root-token-of-the-test"


class Bao:
    def __init__(self, bench):
        self.bench, self.base = bench, f"http://127.0.0.1:{PORT}"
        self.log = open(bench.file("bao.log"), "wb")
        self.process = subprocess.Popen(
            [bench.bao, "server", "-dev", f"-dev-root-token-id={ROOT}", f"-dev-listen-address=127.0.0.1:{PORT}",
             "-dev-no-store-token"], stdout=self.log, stderr=self.log,
            env={"HOME": bench.directory, "PATH": "/usr/bin:/bin"})
        deadline = time.monotonic() + 30
        while self.ask("GET", "sys/health")[0] != 200:
            if time.monotonic() > deadline or self.process.poll() is not None:
                raise TimeoutError("OpenBao does not start")
            time.sleep(0.1)
        self.set_up()

    def ask(self, method, path, body=None, token=ROOT, namespace=None):
        """Status and document."""
        headers = {"X-Vault-Token": token, **({"X-Vault-Namespace": namespace} if namespace else {})}
        request = urllib.request.Request(f"{self.base}/v1/{path}", method=method, headers=headers,
                                         data=json.dumps(body).encode() if body is not None else None)
        try:
            with urllib.request.urlopen(request, timeout=10) as answer:
                text = answer.read()
                return answer.status, json.loads(text) if text else {}
        except urllib.error.HTTPError as error:
            return error.code, {}
        except OSError:
            return 0, {}

    def must(self, method, path, body=None, **more):
        status, document = self.ask(method, path, body, **more)
        if status not in (200, 204):
            raise AssertionError(f"{method} {path}: {status}")
        return document

    def set_up(self):
        public = jose.read_private(self.bench.file("host.key")).public_key().public_bytes(
            serialization.Encoding.PEM, serialization.PublicFormat.SubjectPublicKeyInfo).decode()
        self.must("PUT", "sys/namespaces/team", {})
        for namespace, mount in ((None, "jwt"), (None, "agents/jwt"), ("team", "jwt")):
            self.must("POST", f"sys/auth/{mount}", {"type": "jwt"}, namespace=namespace)
            self.must("POST", f"auth/{mount}/config", {
                "jwt_validation_pubkeys": [public], "bound_issuer": self.bench.base() + "/hostid"}, namespace=namespace)
            for role, more in (("agent", {"token_ttl": "5m", "token_max_ttl": "1h"}), ("short", {"token_ttl": "50s",
                               "token_max_ttl": "50s"}), ("batch", {"token_type": "batch", "token_ttl": "5m"}),
                               ("strict", {"token_ttl": "5m", "clock_skew_leeway": -1}), ("long", {"token_ttl": "48h"})):
                self.must("POST", f"auth/{mount}/role/{role}", {
                    "role_type": "jwt", "user_claim": "sub", "bound_audiences": ["vault"],
                    "bound_subject": "agent:a", "token_policies": ["agent"], **more}, namespace=namespace)

    def lookup(self, token, namespace=None):
        return self.ask("GET", "auth/token/lookup-self", token=token, namespace=namespace)

    def tokens(self):
        """The accessors of all that live."""
        return set(self.must("LIST", "auth/token/accessors")["data"]["keys"])

    def stop(self):
        self.process.kill()
        self.process.wait()
        self.log.close()


def retire(bench, target, token, **options):
    return bench.answer(target.send(message="RETIRE", files=[], FDS="", SOURCE=None, HOST_ISSUER=None,
                                    HOST_SUBJECT=None, AUDIENCE=None, MAX_LIFETIME_MS=None, SECRET=token,
                                    options=options))


def life(bench, bao, target):
    got = target.ask()
    bench.expect("vault: login", got, "AID_OK", RENEWABLE=1)
    token = got.fields["SECRET"]
    status, document = bao.lookup(token)
    bench.case("vault: the token is the agent's", None if status == 200 and
               document["data"]["policies"] == ["agent", "default"] and
               290 <= document["data"]["ttl"] <= 300 else f"{status} {document}")
    got = target.ask(PREVIOUS=token, options={"increment": "15m"})
    bench.expect("vault: renewed", got, "AID_OK", RENEWABLE=1, SECRET=token)
    bench.expect("vault: renewed without an assertion: what should sign it is no key",
                 target.ask(PREVIOUS=token, files=["secret"]), "AID_OK", SECRET=token)
    bench.case("vault: by what was asked for", None if 890000 < got.fields["LIFETIME_MS"] <= 900000 else repr(got))
    bench.expect("vault: revoked", retire(bench, target, token), "AID_OK", "^$", COUNT_OF=1)
    bench.case("vault: and it is none any more", None if bao.lookup(token)[0] == 403 else "it is")
    bench.expect("vault: one that has ended is not called revoked", retire(bench, target, token), "AID_OK",
                 "HTTP 403: the token had ended, or its policies", COUNT_OF=0)
    got = target.ask(PREVIOUS=token)
    bench.expect("vault: a revoked token leads to a new login", got, "AID_OK")
    bench.case("vault: with a new token", None if got.fields["SECRET"] != token else "it is the old one")
    first = target.ask(options={"role": "short"})
    bench.expect("vault: a short token", first, "AID_OK")
    got = target.ask(PREVIOUS=first.fields["SECRET"], options={"role": "short"})
    bench.case("vault: a renewal that gives too little leads to a new login",
               None if got.status == "AID_OK" and got.fields["SECRET"] != first.fields["SECRET"] else repr(got))
    got = target.ask(options={"role": "batch"})
    bench.expect("vault: a batch token", got, "AID_OK", RENEWABLE=None)
    bench.expect("vault: a batch token cannot be revoked", retire(bench, target, got.fields["SECRET"]),
                 "AID_E_DENIED", "HTTP 400")
    bench.expect("vault: another mount", target.ask(options={"mount": "agents/jwt"}), "AID_OK")
    got = target.ask(options={"namespace": "team"})
    bench.expect("vault: a namespace", got, "AID_OK")
    status = bao.lookup(got.fields["SECRET"], namespace="team")[0]
    bench.case("vault: the token is of the namespace", None if status == 200 else str(status))
    got = retire(bench, target, got.fields["SECRET"], namespace="team")
    bench.expect("vault: revoked in the namespace", got, "AID_OK", "^$", COUNT_OF=1)


def kept_out(bench, bao, target):
    rows = [
        ("another subject", "AID_E_DENIED", r"HTTP 400 .*\(sub\) claim", {"HOST_SUBJECT": "agent:b"}),
        ("another audience", "AID_E_DENIED", "HTTP 400 .*audience", {"AUDIENCE": "vault2"}),
        ("another issuer", "AID_E_DENIED", "HTTP 400 .*issuer", {"HOST_ISSUER": "https://other.example"}),
        ("another key", "AID_E_DENIED", "HTTP 400 .*error validating token", {"files": ["host-rs.key"]}),
        ("another role", "AID_E_DENIED", "HTTP 400 .*could not be found", {"options": {"role": "nobody"}}),
        ("another mount", "AID_E_DENIED", "HTTP 403 .permission denied", {"options": {"mount": "elsewhere"}}),
        ("a token that lives too long", "AID_E_DENIED",
         r"credential lifetime 172800 s exceeds max_lifetime 3600 s: .*\[credential vault\] max_lifetime",
         {"options": {"role": "long"}}),
        ("a role in capitals", "AID_E_CONFIG", "lower-case letters .the server makes them so",
         {"options": {"role": "Agent"}}),
        ("a token to renew with a line break", "AID_E_PROTOCOL", "no bearer token", {"PREVIOUS": "a\r\nX: y"}),
    ]
    bench.expect("vault: a token to revoke with a line break", retire(bench, target, "a\r\nX: y"), "AID_E_PROTOCOL",
                 "no bearer token")
    alive = bao.tokens()
    for name, status, text, more in rows:
        bench.expect(f"vault refuses {name}", target.ask(**more), status, text)
    bench.case("vault: what was refused does not live on", None if bao.tokens() <= alive else "a token does")


def too_late(bench, bao, target):
    """The server sleeps while the assertion grows old."""
    os.kill(bao.process.pid, signal.SIGSTOP)
    number = target.send(LIFETIME_MS=1000, options={"role": "strict"})
    time.sleep(2.5)
    os.kill(bao.process.pid, signal.SIGCONT)
    bench.expect("vault refuses an expired assertion", bench.answer(number), "AID_E_DENIED",
                 "HTTP 400 .*expired")


def sealed(bench, bao, target):
    token = target.ask().fields["SECRET"]
    bao.must("PUT", "sys/seal")
    bench.expect("F34 vault: sealed", target.ask(), "AID_E_BUSY", "HTTP 503 .Vault is sealed", HTTP_STATUS=503)
    bench.expect("F34 vault: sealed at renewal", target.ask(PREVIOUS=token), "AID_E_BUSY", "Vault is sealed")
    bench.expect("F34 vault: sealed at revocation", retire(bench, target, token), "AID_E_BUSY", "Vault is sealed")
    bao.stop()
    bench.expect("F17 vault: gone", target.ask(), "AID_E_UNREACHABLE", "connect")


def openbao(bench):
    bao = Bao(bench)
    target = exchange_cases.vault(bench)
    target.url = lambda mode=None: bao.base
    try:
        life(bench, bao, target)
        kept_out(bench, bao, target)
        too_late(bench, bao, target)
        sealed(bench, bao, target)
    finally:
        bao.stop()


STORIES = [openbao]
