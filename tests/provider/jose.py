# SPDX-License-Identifier: LGPL-2.1-or-later
# Copyright The agentid authors
"""Just enough JOSE for a provider that sometimes lies: signing, key sets, checking assertions."""

import base64
import hashlib
import hmac
import json

from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec, padding, rsa, utils


def b64(data):
    return base64.urlsafe_b64encode(data).rstrip(b"=").decode()


def unb64(text):
    return base64.urlsafe_b64decode(text + "=" * (-len(text) % 4))


def number(value, length=None):
    return b64(value.to_bytes(length or (value.bit_length() + 7) // 8, "big"))


def jwk(key, kid, **more):
    public = key.public_key().public_numbers()
    if isinstance(key, rsa.RSAPrivateKey):
        out = {"kty": "RSA", "n": number(public.n), "e": number(public.e)}
    else:
        out = {"kty": "EC", "crv": "P-256", "x": number(public.x, 32), "y": number(public.y, 32)}
    return {**out, "kid": kid, "use": "sig", **more}


def thumbprint(key):
    """RFC 7638, which is the kid of this host's keys."""
    members = ("e", "kty", "n") if isinstance(key, rsa.RSAPrivateKey) else ("crv", "kty", "x", "y")
    public = jwk(key, "")
    text = json.dumps({k: public[k] for k in members}, separators=(",", ":"), sort_keys=True)
    return b64(hashlib.sha256(text.encode()).digest())


def public_key(document):
    """The key that a JWK is."""
    def integer(name):
        return int.from_bytes(unb64(document[name]), "big")
    if document["kty"] == "RSA":
        return rsa.RSAPublicNumbers(integer("e"), integer("n")).public_key()
    return ec.EllipticCurvePublicNumbers(integer("x"), integer("y"), ec.SECP256R1()).public_key()


def signature(key, alg, signed):
    if alg == "none":
        return b""
    if alg == "HS256":
        secret = key.public_key().public_bytes(serialization.Encoding.PEM,
                                               serialization.PublicFormat.SubjectPublicKeyInfo)
        return hmac.new(secret, signed, hashlib.sha256).digest()
    if isinstance(key, rsa.RSAPrivateKey):
        return key.sign(signed, padding.PKCS1v15(), hashes.SHA256())
    r, s = utils.decode_dss_signature(key.sign(signed, ec.ECDSA(hashes.SHA256())))
    return r.to_bytes(32, "big") + s.to_bytes(32, "big")


def sign(key, alg, header, claims):
    header = {"alg": alg, "typ": "JWT", **header}
    signed = (b64(json.dumps(header).encode()) + "." + b64(json.dumps(claims).encode())).encode()
    return signed.decode() + "." + b64(signature(key, alg, signed))


def check(token, public_key):
    """The header and claims of an assertion; raises when its signature is wrong."""
    head, body, sig = token.split(".")
    header, claims, raw = json.loads(unb64(head)), json.loads(unb64(body)), unb64(sig)
    signed = (head + "." + body).encode()
    if header["alg"] == "ES256":
        raw = utils.encode_dss_signature(int.from_bytes(raw[:32], "big"),
                                         int.from_bytes(raw[32:], "big"))
        public_key.verify(raw, signed, ec.ECDSA(hashes.SHA256()))
    elif header["alg"] == "PS256":
        public_key.verify(raw, signed, padding.PSS(padding.MGF1(hashes.SHA256()), 32),
                          hashes.SHA256())
    elif header["alg"] == "RS256":
        public_key.verify(raw, signed, padding.PKCS1v15(), hashes.SHA256())
    else:
        raise ValueError(header["alg"])
    return header, claims


def write_private(path, key):
    with open(path, "wb") as f:
        f.write(key.private_bytes(serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8,
                                  serialization.NoEncryption()))


def read_private(path):
    with open(path, "rb") as f:
        return serialization.load_pem_private_key(f.read(), None)
