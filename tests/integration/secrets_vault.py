# SPDX-License-Identifier: LGPL-2.1-or-later
# Copyright The agentid authors
"""The real OpenBao with a store on disk: both KV engines, both logins, a seal, a restart."""

import os
import subprocess
import time

from cryptography.hazmat.primitives import serialization

import exchange_vault
import jose
import managers
import secrets_faults as faults

PORT = 18206
POLICY = """path "kv/data/agents/*" { capabilities = ["read"] }
path "old/agents/*" { capabilities = ["read"] }
path "deep/kv/data/*" { capabilities = ["read"] }"""


class Bao(exchange_vault.Bao):
    # pylint: disable=super-init-not-called
    def __init__(self, bench):
        self.bench, self.base, self.root = bench, f"http://127.0.0.1:{PORT}", None
        self.log = open(bench.file("bao-store.log"), "wb")
        os.makedirs(bench.file("bao-store"), exist_ok=True)
        with open(bench.file("bao.hcl"), "w", encoding="ascii") as f:
            f.write(f'storage "raft" {{ path = "{bench.file("bao-store")}"\n node_id = "one" }}\n'
                    f'listener "tcp" {{ address = "127.0.0.1:{PORT}"\n tls_disable = true }}\n'
                    f'api_addr = "{self.base}"\ncluster_addr = "http://127.0.0.1:{PORT + 1}"\n')
        self.start()
        made = self.must("PUT", "sys/init", {"secret_shares": 1, "secret_threshold": 1})
        self.key, self.root = made["keys"][0], made["root_token"]
        self.unseal()
        self.set_up()

    def start(self):
        self.process = subprocess.Popen([self.bench.bao, "server", f"-config={self.bench.file('bao.hcl')}"],
                                        stdout=self.log, stderr=self.log,
                                        env={"HOME": self.bench.directory, "PATH": "/usr/bin:/bin"})
        deadline = time.monotonic() + 30
        while self.ask("GET", "sys/init")[0] != 200:
            if time.monotonic() > deadline or self.process.poll() is not None:
                raise TimeoutError("OpenBao does not start")
            time.sleep(0.05)

    def unseal(self):
        self.must("PUT", "sys/unseal", {"key": self.key})
        deadline = time.monotonic() + 30
        while self.ask("GET", "sys/health")[0] != 200:
            if time.monotonic() > deadline:
                raise TimeoutError("OpenBao does not unseal")
            time.sleep(0.05)

    def ask(self, method, path, body=None, token=None, namespace=None):
        return super().ask(method, path, body, token or self.root or "none", namespace)

    def set_up(self):
        public = jose.read_private(self.bench.file("host.key")).public_key().public_bytes(
            serialization.Encoding.PEM, serialization.PublicFormat.SubjectPublicKeyInfo).decode()
        for mount, version in (("kv", "2"), ("old", "1"), ("deep/kv", "2")):
            self.must("POST", f"sys/mounts/{mount}", {"type": "kv", "options": {"version": version}})
        self.must("PUT", "sys/policies/acl/agentid", {"policy": POLICY})
        self.must("POST", "sys/auth/jwt", {"type": "jwt"})
        self.must("POST", "auth/jwt/config", {"jwt_validation_pubkeys": [public], "bound_issuer": faults.HOST})
        self.must("POST", "auth/jwt/role/agentid", {
            "role_type": "jwt", "user_claim": "sub", "bound_audiences": [self.base], "bound_subject": "host",
            "token_policies": ["agentid"], "token_ttl": "20m"})
        self.must("POST", "sys/auth/approle", {"type": "approle"})
        self.must("POST", "auth/approle/role/agentid", {"token_policies": ["agentid"], "token_ttl": "20m"})
        self.role_id = self.must("GET", "auth/approle/role/agentid/role-id")["data"]["role_id"]
        made = self.must("POST", "auth/approle/role/agentid/secret-id")["data"]["secret_id"]
        with open(self.bench.file("approle"), "w", encoding="ascii") as f:
            os.fchmod(f.fileno(), 0o600)
            f.write(made + "\n")
        for wait in range(100):  # an engine of version 2 is made ready in the background
            if self.ask("POST", "kv/data/agents/a", {"data": {"s": "canary-bao-1", "t": "x"}})[0] == 200:
                break
            time.sleep(0.05)
        self.must("POST", "old/agents/a", {"s": "canary-bao-1"})
        self.must("POST", "deep/kv/data/x", {"data": {"s": "canary-bao-1"}})


def reading(bench, bao, asker):
    bench.expect("OpenBao: KV 2, jwt", asker.ask("vault:kv/agents/a#s"), "AID_OK")
    bench.case("OpenBao: the log says the version", faults.log_has(
        bench, "op=secret of='vault:kv/agents/a#s' status=ok", "version 1 of KV 2 at 127.0.0.1"))
    bench.expect("OpenBao: KV 1", asker.ask("vault:old/agents/a#s"), "AID_OK")
    bench.case("OpenBao: the log says that it has none", faults.log_has(bench, "of='vault:old/agents/a#s'", "KV 1"))
    bench.expect("OpenBao: a mount of two segments", asker.ask("vault:deep/kv/x#s"), "AID_OK")
    for name, reference, status, text in (
            ("no such secret", "vault:kv/agents/none#s", "AID_E_NOTFOUND", "there is no such secret"),
            ("no such field", "vault:kv/agents/a#u", "AID_E_NOTFOUND", "the secret has no field 'u'"),
            ("not allowed", "vault:kv/others/a#s", "AID_E_DENIED", "HTTP 403"),
            ("no such mount", "vault:nowhere/a#s", "AID_E_DENIED", "HTTP 403")):
        bench.expect(f"OpenBao: {name}", asker.ask(reference), status, text)
    bao.must("POST", "kv/data/agents/d", {"data": {"s": "canary-bao-1"}})
    bao.must("DELETE", "kv/data/agents/d")
    bench.expect("OpenBao: deleted", asker.ask("vault:kv/agents/d#s"), "AID_E_NOTFOUND", "the newest version of the secret is deleted")


def kept_out(bench, bao, provider, asker):
    for name, text, more in (
            ("another role", "could not be found", {"role": "nobody"}),
            ("another audience", "audience", {"role": "agentid", "audience": "elsewhere"}),
            ("another subject", r"\(sub\) claim", {"role": "agentid", "subject": "agent:a"})):
        other = faults.Asker(bench, provider, "VAULT", address=bao.base, **more)
        bench.expect(f"OpenBao: {name}", other.ask("vault:kv/agents/a#s"), "AID_E_CONFIG", "login: .*HTTP 400 .*" + text)
    wrong = faults.Asker(bench, provider, "VAULT", ("secret",), "v", address=bao.base, auth="approle", role_id=bao.role_id,
                         max_age="2h")
    bench.expect("OpenBao: a wrong secret id", wrong.ask("vault:kv/agents/a#s"), "AID_E_CONFIG", "login: .*HTTP 400")
    right = faults.Asker(bench, provider, "VAULT", ("approle",), "v", address=bao.base, auth="approle", role_id=bao.role_id)
    bench.expect("OpenBao: AppRole", right.ask("vault:kv/agents/a#s"), "AID_OK")


def sealed(bench, bao, provider, asker):
    """In one stretch, because a reading is for all who come within five seconds."""
    time.sleep(faults.FRESH_S)
    bao.must("POST", "kv/data/agents/a", {"data": {"s": "canary-bao-2"}})
    provider.secrets = {"canary-bao-2"}
    for accessor in bao.ask("LIST", "auth/token/accessors")[1]["data"]["keys"]:
        if bao.ask("POST", "auth/token/lookup-accessor", {"accessor": accessor})[1]["data"]["path"] != "auth/token/root":
            bao.must("POST", "auth/token/revoke-accessor", {"accessor": accessor})
    tokens = provider.count("/token")
    bench.expect("OpenBao: a token that was revoked leads to a new login", asker.ask("vault:kv/agents/a#s"), "AID_OK")
    bench.case("F32 OpenBao: the new secret without a refusal", None if provider.count("/token") == tokens + 1 else "asked twice")
    bench.case("OpenBao: the log says the new version", faults.log_has(bench, "of='vault:kv/agents/a#s'", "version 2 of KV 2"))
    bao.must("PUT", "sys/seal")
    time.sleep(faults.FRESH_S)
    bench.expect("F33 OpenBao: sealed, and the last one is used", asker.ask("vault:kv/agents/a#s"), "AID_OK")
    bench.case("F33 OpenBao: the log says why", faults.log_has(bench, "HTTP 503 .Vault is sealed", "the last one"))
    bench.expect("F33 OpenBao: sealed, and there is none", asker.ask("vault:kv/agents/z#s"), "AID_E_BUSY", "Vault is sealed")
    bao.process.kill()
    bao.process.wait()
    bench.expect("F33 OpenBao: gone", asker.ask("vault:kv/agents/y#s"), "AID_E_UNREACHABLE", "client secret: .*connect")
    bao.start()
    bao.unseal()
    time.sleep(2.1)
    bench.expect("F33 OpenBao: and it is there again", asker.ask("vault:old/agents/a#s"), "AID_E_DENIED", "invalid_client")
    bench.expect("F33 OpenBao: unsealed", asker.ask("vault:kv/agents/a#s"), "AID_OK")


def openbao(bench):
    provider = managers.Provider("canary-bao-1")
    bao = Bao(bench)
    asker = faults.Asker(bench, provider, "VAULT", address=bao.base, role="agentid")
    try:
        reading(bench, bao, asker)
        kept_out(bench, bao, provider, asker)
        sealed(bench, bao, provider, asker)
    finally:
        bao.stop()
        provider.stop()


STORIES = [openbao]
