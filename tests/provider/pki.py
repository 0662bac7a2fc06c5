# SPDX-License-Identifier: LGPL-2.1-or-later
# Copyright The agentid authors
"""Certificates, good ones and each kind of bad one, made when the tests run."""

import datetime
import ipaddress
import os

from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec, rsa
from cryptography.x509.oid import NameOID

DAY = datetime.timedelta(days=1)
NAMES = ("localhost", "idp.test")


def name(common):
    return x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, common)])


def alternative(names):
    return x509.SubjectAlternativeName(
        [x509.DNSName(n) for n in names] + [x509.IPAddress(ipaddress.ip_address("127.0.0.1"))])


class Authority:
    def __init__(self, common, constraint=None, parent=None):
        self.key = ec.generate_private_key(ec.SECP256R1())
        self.name = name(common)
        signer = parent or self
        builder = self._builder(self.name, self.key.public_key(), signer.name)
        builder = builder.add_extension(x509.BasicConstraints(True, None), True)
        if constraint:
            builder = builder.add_extension(
                x509.NameConstraints([x509.DNSName(constraint)], None), True)
        self.certificate = builder.sign(signer.key, hashes.SHA256())
        self.parent = parent

    @staticmethod
    def _builder(subject, public_key, issuer, start=-DAY, end=30 * DAY):
        now = datetime.datetime.utcnow()
        return (x509.CertificateBuilder().subject_name(subject).issuer_name(issuer)
                .public_key(public_key).serial_number(x509.random_serial_number())
                .not_valid_before(now + start).not_valid_after(now + end))

    def pem(self):
        return self.certificate.public_bytes(serialization.Encoding.PEM)

    def issue(self, path, common="localhost", names=NAMES, key=None, start=-DAY, end=30 * DAY,
              digest=None, self_signed=False):
        """Writes path.pem (with a parent's certificate after it) and path.key."""
        key = key or ec.generate_private_key(ec.SECP256R1())
        issuer = name(common) if self_signed else self.name
        builder = self._builder(name(common), key.public_key(), issuer, start, end)
        if names:
            builder = builder.add_extension(alternative(names), False)
        certificate = builder.sign(key if self_signed else self.key, digest or hashes.SHA256())
        with open(path + ".pem", "wb") as f:
            f.write(certificate.public_bytes(serialization.Encoding.PEM))
            if self.parent:
                f.write(self.pem())
        with open(path + ".key", "wb") as f:
            f.write(key.private_bytes(serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8,
                                      serialization.NoEncryption()))
        return key


def make(directory):
    """ca.pem, client-ca.pem, client.*, stranger.*, and one server certificate per kind."""
    ca, other, clients = Authority("Test CA"), Authority("Other CA"), Authority("Client CA")
    narrow = Authority("Narrow CA", constraint="elsewhere.example", parent=ca)
    tls = os.path.join(directory, "tls")
    os.makedirs(tls, exist_ok=True)

    def at(kind):
        return os.path.join(tls, kind)

    ca.issue(at("good"))
    ca.issue(at("mtls"))
    ca.issue(at("tls1.1"))
    ca.issue(at("expired"), start=-20 * DAY, end=-10 * DAY)
    ca.issue(at("future"), start=10 * DAY)
    ca.issue(at("other-host"), common="other.example", names=("other.example",))
    ca.issue(at("self-signed"), self_signed=True)
    other.issue(at("unknown-ca"))
    # The digest of an EC signature counts by its strength, so SHA-1 is too weak at our level.
    ca.issue(at("sha1"), digest=hashes.SHA1())
    ca.issue(at("rsa512"), key=rsa.generate_private_key(65537, 1024))
    ca.issue(at("common-name"), names=())
    narrow.issue(at("constrained"))
    clients.issue(os.path.join(directory, "client"), common="client-1")
    other.issue(os.path.join(directory, "stranger"), common="client-1")
    for path, authority in (("ca.pem", ca), ("client-ca.pem", clients)):
        with open(os.path.join(directory, path), "wb") as f:
            f.write(authority.pem())
        os.chmod(os.path.join(directory, path), 0o644)
