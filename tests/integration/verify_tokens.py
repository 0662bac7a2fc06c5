#!/usr/bin/python3
# SPDX-License-Identifier: LGPL-2.1-or-later
# Copyright The agentid authors
"""An issuer that signs whatever a test wants, and what a client of it would send.

usage: verify_tokens.py [--proofs] DIRECTORY ISSUER AUDIENCE URI

Writes to DIRECTORY the issuer's documents (.well-known/openid-configuration, jwks.json) and to
DIRECTORY/cases one file NAME.token for each token, NAME.dpop for each proof, and client.pem and
other.pem: two certificates. With --proofs it writes new proofs for the tokens that are there, with the same keys: a proof
is good for a minute only.
"""
import base64
import datetime
import hashlib
import hmac
import json
import os
import sys
import time
import uuid

from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec, utils


def b64(data):
    return base64.urlsafe_b64encode(data).decode().rstrip("=")


def part(document):
    return b64(json.dumps(document).encode())


def jwk_of(key):
    numbers = key.public_key().public_numbers()
    return {"kty": "EC", "crv": "P-256", "x": b64(numbers.x.to_bytes(32, "big")),
            "y": b64(numbers.y.to_bytes(32, "big"))}


def thumbprint(key):
    jwk = jwk_of(key)
    text = json.dumps({n: jwk[n] for n in sorted(jwk)}, separators=(",", ":"))
    return b64(hashlib.sha256(text.encode()).digest())


def sign(key, header, claims):
    signed = part(header) + "." + part(claims)
    r, s = utils.decode_dss_signature(key.sign(signed.encode(), ec.ECDSA(hashes.SHA256())))
    return signed + "." + b64(r.to_bytes(32, "big") + s.to_bytes(32, "big"))


def certificate(name):
    key = ec.generate_private_key(ec.SECP256R1())
    subject = x509.Name([x509.NameAttribute(x509.NameOID.COMMON_NAME, name)])
    now = datetime.datetime.now(datetime.timezone.utc)
    return (x509.CertificateBuilder().subject_name(subject).issuer_name(subject).public_key(key.public_key())
            .serial_number(1).not_valid_before(now).not_valid_after(now + datetime.timedelta(days=1))
            .sign(key, hashes.SHA256()))


class Lab:
    def __init__(self, directory, issuer, audience, uri):
        self.directory, self.issuer, self.audience, self.uri = directory, issuer, audience, uri
        self.key = ec.generate_private_key(ec.SECP256R1())
        self.client, self.other = self.key_of("client"), self.key_of("other")
        self.header = {"alg": "ES256", "kid": "lab", "typ": "JWT"}

    def write(self, name, text):
        path = os.path.join(self.directory, name)
        os.makedirs(os.path.dirname(path), exist_ok=True)
        with open(path, "w", encoding="ascii") as f:
            f.write(text)

    def key_of(self, name):
        path = os.path.join(self.directory, "cases", name + ".key")
        if os.path.exists(path):
            with open(path, "rb") as f:
                return serialization.load_pem_private_key(f.read(), None)
        key = ec.generate_private_key(ec.SECP256R1())
        self.write(f"cases/{name}.key", key.private_bytes(
            serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()).decode())
        return key

    def documents(self):
        self.write(".well-known/openid-configuration",
                   json.dumps({"issuer": self.issuer, "jwks_uri": self.issuer + "/jwks.json"}))
        self.write("jwks.json", json.dumps({"keys": [dict(jwk_of(self.key), kid="lab", use="sig")]}))

    def claims(self, **more):
        now = int(time.time())
        claims = {"iss": self.issuer, "sub": "agent:lab", "aud": self.audience, "iat": now, "exp": now + 300,
                  "jti": uuid.uuid4().hex}
        claims.update(more)
        return {name: value for name, value in claims.items() if value is not None}

    def token(self, name, **more):
        text = sign(self.key, self.header, self.claims(**more))
        self.write(f"cases/{name}.token", text + "\n")
        return text

    def plain(self):
        now = int(time.time())
        good = self.token("good", aud=["else", self.audience], note="\u001b[2J\u00e9")
        self.token("audience", aud=[self.audience + "2", self.audience.upper()])
        self.token("expired", iat=now - 400, exp=now - 100)
        self.token("future", iat=now + 100, exp=now + 200)
        self.token("lasting", exp=now + 7200)
        self.token("foreign", iss="https://elsewhere.example")
        self.token("large", filler="x" * 12500)
        self.token("broken", iss=self.issuer.replace("/lab", "/broken"))
        self.token("down", iss=self.issuer.replace(":8443/lab", ":8444"))
        self.token("unknown-cnf", cnf={"kid": "k"})
        head, body, signature = good.split(".")
        other = part(self.claims(sub="agent:root"))
        self.write("cases/tampered.token", ".".join((head, other, signature)))
        self.write("cases/none.token", part({"alg": "none"}) + "." + body + ".")
        self.write("cases/none-signed.token", part({"alg": "none"}) + "." + body + "." + signature)
        # Whoever takes the public key for a shared one falls for this.
        signed = part({"alg": "HS256", "kid": "lab"}) + "." + body
        secret = self.key.public_key().public_bytes(serialization.Encoding.PEM,
                                                    serialization.PublicFormat.SubjectPublicKeyInfo)
        self.write("cases/hs256.token", signed + "." + b64(hmac.new(secret, signed.encode(), "sha256").digest()))
        self.write("cases/unknown-key.token", sign(self.other, dict(self.header, kid="new"), self.claims()))
        self.write("cases/wrong-key.token", sign(self.other, self.header, self.claims()))
        self.write("cases/typ.token", sign(self.key, dict(self.header, typ="dpop+jwt"), self.claims()))
        self.write("cases/text.token", "no token at all")
        self.write("cases/empty.token", "")

    def proof(self, name, token, key=None, typ="dpop+jwt", **more):
        key = key or self.client
        claims = {"jti": uuid.uuid4().hex, "htm": "GET", "htu": self.uri, "iat": int(time.time()),
                  "ath": b64(hashlib.sha256(token.encode()).digest())}
        claims.update(more)
        self.write(f"cases/{name}.dpop", sign(key, {"typ": typ, "alg": "ES256", "jwk": jwk_of(key)}, claims))

    def bound(self):
        self.token("bound", cnf={"jkt": thumbprint(self.client)})
        for name in ("client", "other"):
            cert = certificate(name)
            self.write(f"cases/{name}.pem", cert.public_bytes(serialization.Encoding.PEM).decode())
            if name == "client":
                self.token("mtls", cnf={"x5t#S256": b64(cert.fingerprint(hashes.SHA256()))})

    def proofs(self):
        with open(os.path.join(self.directory, "cases/bound.token"), encoding="ascii") as f:
            token = f.read().strip()
        for name in ("bound", "again"):
            self.proof(name, token)
        self.proof("other-key", token, key=self.other)
        self.proof("other-uri", token, htu=self.uri + "/else")
        self.proof("other-method", token, htm="POST")
        self.proof("other-token", token + "x")
        self.proof("old", token, iat=int(time.time()) - 120)
        self.proof("ahead", token, iat=int(time.time()) + 60)
        self.proof("other-typ", token, typ="JWT")
        self.write("cases/large.dpop", "x" * 9000)


def main():
    arguments = [word for word in sys.argv[1:] if word != "--proofs"]
    lab = Lab(*arguments)
    if len(arguments) == len(sys.argv) - 1:
        lab.documents()
        lab.plain()
        lab.bound()
    lab.proofs()


if __name__ == "__main__":
    main()
