# SPDX-License-Identifier: LGPL-2.1-or-later
# Copyright The agentid authors
"""A manager that fails in each way, many who want one secret, and how long the last one is used."""

import re
import time

import exchange_cases
import managers
import modes

FRESH_S = 5.2  # FRESH_MS of managed.c, and a little
HOST = "https://host.example"


def pack(options):
    return b"".join(f"{k}={v}".encode() + b"\0" for k, v in options.items() if v is not None)


class Asker:
    """A token from provider, with a secret that a manager has."""

    def __init__(self, bench, provider, tag, files=("host.key",), fds="h", **options):
        self.bench, self.provider, self.tag, self.files, self.fds = bench, provider, tag, files, fds
        self.options = {**options, "ca_file": bench.file("ca.pem")}

    def send(self, reference, **more):
        fields = self.bench.fields(self.provider.url, FORMAT=self.bench.fetch.protocol.format["AID_FORMAT_OPAQUE"],
                                   SECRET_REF=reference, HOST_ISSUER=HOST,
                                   **{"FDS": self.fds, self.tag: pack(self.options), **more})
        return self.bench.fetch.send("TOKEN", fields, [self.bench.file(f) for f in self.files])

    def ask(self, reference, **more):
        return self.bench.answer(self.send(reference, **more))


def vault_asker(bench, provider, vault, **options):
    return Asker(bench, provider, "VAULT", address=vault.url, role="agentid", **options)


def log_has(bench, *patterns):
    """None where the log has a line with all of them, else what is missing."""
    for line in bench.fetch.log_text().decode().splitlines():
        if all(re.search(p, line) for p in patterns):
            return None
    return f"no line of the log has {patterns}"


def wave(bench):
    provider, vault = managers.Provider("right"), managers.Vault()
    vault.values["a"] = "right"
    asker = vault_asker(bench, provider, vault)
    for number in (1, 2):
        begun = time.monotonic()
        asked = [asker.send("vault:kv/a#s", TIMEOUT_MS=60000) for _ in range(1000)]
        got = [bench.answer(n, 60) for n in asked]
        wrong = [a for a in got if a.status != "AID_OK"]
        bench.case(f"F28 1000 requests, wave {number}", repr(wrong[0]) if wrong else None)
        bench.case(f"F28 wave {number}: one request to the manager", None if vault.count("kv/data/a") == number
                   else f"{vault.count('kv/data/a')} until now")
        bench.case(f"F28 wave {number}: one login in all", None if vault.count("/login") == 1 else "more")
        time.sleep(max(0.0, begun + FRESH_S + 1 - time.monotonic()) if number == 1 else 0)
    provider.stop()
    vault.stop()


def rotated(bench):
    provider, vault = managers.Provider("old"), managers.Vault()
    vault.values["r"] = "old"
    asker = vault_asker(bench, provider, vault)
    bench.expect("F32 the first token", asker.ask("vault:kv/r#s"), "AID_OK")
    provider.secrets, vault.values["r"] = {"new"}, "new"
    bench.expect("F32 the secret was changed under us", asker.ask("vault:kv/r#s"), "AID_OK")
    bench.case("F32 by one reading more", None if vault.count("kv/data/r") == 2 else str(vault.asked))
    bench.case("F32 and one request more", None if provider.count("/token") == 3 else str(provider.asked))
    provider.secrets = {"other"}
    for error in ("invalid_client", "unauthorized_client"):
        provider.error = error
        readings, tokens = vault.count("kv/data/r"), provider.count("/token")
        text = "read again and is the same" if error == "invalid_client" else "read again less than 30 s ago and is the same"
        bench.expect(f"F32 a wrong secret, {error}", asker.ask("vault:kv/r#s"), "AID_E_DENIED", f"{error}.*{text}",
                     HTTP_STATUS=401, OAUTH_CODE=error)
        more = 1 if error == "invalid_client" else 0
        bench.case(f"F32 a wrong secret, {error}: {more} more reading", None
                   if vault.count("kv/data/r") == readings + more else str(vault.asked))
        bench.case(f"F32 a wrong secret, {error}: the provider is asked once", None
                   if provider.count("/token") == tokens + 1 else str(provider.asked))
    asked = [asker.send("vault:kv/r#s") for _ in range(50)]
    readings = vault.count("kv/data/r")
    got = {bench.answer(n).status for n in asked}
    bench.case("F32 fifty that fail do not read again", None if got == {"AID_E_DENIED"} and
               vault.count("kv/data/r") == readings else f"{got} {vault.count('kv/data/r') - readings}")
    # A secret that comes meanwhile is taken at the next reading.
    provider.secrets, vault.values["r"] = {"canary-newest"}, "canary-newest"
    time.sleep(FRESH_S)
    bench.expect("F32 and the one that is right comes by itself", asker.ask("vault:kv/r#s"), "AID_OK")
    provider.stop()
    vault.stop()


FAULTS = {
    "sealed": ((503, {"errors": ["Vault is sealed"]}, {}), "AID_E_BUSY", r"HTTP 503 \(Vault is sealed\)"),
    "throttled": ((429, {"errors": ["too many"]}, {"Retry-After": "1"}), "AID_E_BUSY", r"HTTP 429 \(too many\)"),
    "denied": ((403, {"errors": ["permission denied"]}, {}), "AID_E_DENIED", r"HTTP 403 \(permission denied\)"),
    "gone": ((404, {"errors": []}, {}), "AID_E_NOTFOUND", "HTTP 404, there is no such secret"),
    "broken": ((500, b"oops", {}), "AID_E_UNREACHABLE", "HTTP 500"),
    "nothing": ((200, b"", {}), "AID_E_PROTOCOL", "empty answer"),
    "html": ((200, b"<html>", {}), "AID_E_PROTOCOL", "JSON"),
    "empty": ((200, {"data": {"data": {"s": ""}, "metadata": {"version": 8}}}, {}), "AID_E_DENIED",
              "field .*s.* of the secret is empty"),
    "fieldless": ((200, {"data": {"data": {"t": "x"}, "metadata": {"version": 8}}}, {}), "AID_E_NOTFOUND",
                  "the secret has no field .*s"),
    "number": ((200, {"data": {"data": {"s": 5}, "metadata": {"version": 8}}}, {}), "AID_E_PROTOCOL",
               "field .*s.* of the secret is no text"),
    "slow": ((None, b"", {}), "AID_E_TIMEOUT", "no (complete )?answer (with)?in"),
}


def faults(bench):
    provider, vault = managers.Provider("right"), managers.Vault()
    asker = vault_asker(bench, provider, vault, max_age="10s")
    for name, (fault, status, text) in FAULTS.items():
        vault.faults[name] = fault
        if name != "slow":
            bench.expect(f"F33 {name} at the start", asker.ask(f"vault:kv/{name}#s"), status, "client secret: .*" + text)
    vault.faults.clear()
    vault.values.update({name + "2": "right" for name in FAULTS})
    begun = time.monotonic()
    for name in FAULTS:
        bench.expect(f"F33 {name}: right before", asker.ask(f"vault:kv/{name}2#s"), "AID_OK")
        vault.faults[name + "2"] = FAULTS[name][0]
    read = time.monotonic()
    time.sleep(max(0.0, read + FRESH_S - time.monotonic()))
    asked = {name: asker.send(f"vault:kv/{name}2#s") for name in FAULTS}
    for name, (_, _, text) in FAULTS.items():
        bench.expect(f"F33 {name}: the last one is used", bench.answer(asked[name]), "AID_OK")
        problem = log_has(bench, f"of='vault:kv/{name}2#s'", text, "the last one, read [56] s ago, is used")
        if name == "slow":
            problem = log_has(bench, "of='vault:kv/slow2#s'", "status=timeout", "the manager is slow; the last one is used")
        bench.case(f"F33 {name}: and the log says why", problem)
    time.sleep(max(0.0, read + 10.1 - time.monotonic()))
    asked = {name: asker.send(f"vault:kv/{name}2#s", TIMEOUT_MS=3000) for name in FAULTS}
    for name, (_, status, text) in FAULTS.items():
        bench.expect(f"F33 {name}: no longer than max_age", bench.answer(asked[name]), status, text)
    bench.case("F33 max_age ends by itself", log_has(bench, "status=expired", "older than max_age"))
    vault.faults.clear()
    time.sleep(2.1)
    bench.expect("F33 and afterwards it is right again", asker.ask("vault:kv/gone2#s"), "AID_OK")
    bench.case("F33 in good time", None if time.monotonic() - begun < 30 else "slow")
    provider.stop()
    vault.stop()


def frames(bench):
    """What keyringd would not send."""
    provider, vault = managers.Provider("right"), managers.Vault()
    asker = vault_asker(bench, provider, vault)
    rows = [
        ("without the manager's options", {"VAULT": b""}, "AID_E_PROTOCOL", r"options of \[secrets vault\] are missing"),
        ("with options of another manager", {"VAULT": pack({"region": "eu-west-1"})}, "AID_E_PROTOCOL", "no option 'region'"),
        ("without a role", {"VAULT": pack({"address": vault.url})}, "AID_E_CONFIG", "role is missing: auth = jwt needs it"),
        ("without the host's key", {"FDS": ""}, "AID_E_PROTOCOL", "host's key or issuer is missing"),
    ]
    for number, (name, more, status, text) in enumerate(rows):
        files, asker.files = asker.files, () if "FDS" in more else asker.files
        bench.expect(f"a frame {name}", asker.ask(f"vault:kv/f{number}#s", **more), status, text)
        asker.files = files
    for name, reference, text in (("a path that leads up", "vault:kv/../sys#s", r"'\.\.' in a path"),
                                  ("no field", "vault:kv/a", "#FIELD is missing"),
                                  ("another source", "file:/etc/passwd", "no secrets manager")):
        bench.expect(f"a frame with {name}", asker.ask(reference), "AID_E_CONFIG", text)
    provider.stop()
    vault.stop()


def others(bench):
    """Not only a session's token is asked for with a client secret."""
    vault = managers.Vault()
    vault.values.update({"x": modes.SECRET, "wrong": "other"})
    more = {"VAULT": pack({"address": vault.url, "role": "agentid", "ca_file": bench.file("ca.pem")})}
    target = exchange_cases.rfc8693(bench)
    bench.expect("EXCHANGE: the target's client has its secret there", target.ask(
        files=["host.key"], FDS="h", TARGET_SECRET_REF="vault:kv/x#s", **more), "AID_OK")
    bench.expect("EXCHANGE: with a descriptor beside it", target.ask(TARGET_SECRET_REF="vault:kv/x#s", **more),
                 "AID_E_PROTOCOL", "nobody wants descriptor 'S'")
    bench.expect("EXCHANGE: and is wrong there", target.ask(
        files=["host.key"], FDS="h", TARGET_SECRET_REF="vault:kv/wrong#s", **more), "AID_E_DENIED",
        "read again and is the same")
    more.update(HOST_ISSUER=HOST, FDS="h")
    bench.expect("RETIRE: a token is revoked with it", bench.retire("post", files=("host.key",),
                                                                   SECRET_REF="vault:kv/x#s", **more), "AID_OK", COUNT_OF=1)
    bench.expect("TOKEN: with a descriptor beside it", bench.token("post", files=("host.key", "secret"), **{
        **more, "FDS": "hs", "SECRET_REF": "vault:kv/x#s"}), "AID_E_PROTOCOL", "descriptors")
    bench.expect("TOKEN: for a client that needs no secret", bench.token("post", files=("host.key",), **{
        **more, "SECRET_REF": "vault:kv/x#s", "method": "AID_TLS_CLIENT_AUTH"}), "AID_E_PROTOCOL", "needs no client secret")
    vault.stop()


def nothing_told(bench):
    text = bench.fetch.log_text().decode()
    found = [secret for secret in ("'right'", "canary-newest", "s.stub", "eyJ", "canary-bao") if secret in text]
    bench.case("no secret in the log", str(found) if found else None)


STORIES = [wave, rotated, faults, frames, others, nothing_told]
