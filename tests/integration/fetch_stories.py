# SPDX-License-Identifier: LGPL-2.1-or-later
# Copyright The agentid authors
"""What takes more than one request: methods, TLS, names and addresses, caches, storms."""

import json
import os
import socket
import subprocess
import time

import jose
import modes

SOURCE = os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__))))
PROVIDER = os.path.join(SOURCE, "tests", "provider")


def retry_date(bench):
    got = bench.token("429-date")
    wait = got.fields.get("RETRY_AFTER_S", -1)
    bench.case("F2 Retry-After as a date", None if 25 <= wait <= 30 else f"{got!r}")


def clock_offset(bench):
    got = bench.token("clock", method="AID_PRIVATE_KEY_JWT", files=("client-es.key",), FDS="k",
                      ALG="ES256")
    bench.expect("F18 an assertion that is refused: the offset is told", got, "AID_E_CREDENTIAL",
                 "the provider's clock is 3[56][0-9][0-9] s ahead of ours")


def lifetimes(bench):
    got = bench.token("expires-short")
    left = got.fields["LIFETIME_MS"]
    bench.case("F9 expires_in shorter than exp counts", None if 55000 < left <= 60000 else f"{left}")


def client_authentication(bench):
    rows = [("AID_CLIENT_SECRET_BASIC", "basic", "s", ("secret",), {}),
            ("AID_CLIENT_SECRET_POST", "post", "s", ("secret",), {}),
            ("AID_PRIVATE_KEY_JWT", "jwt-rs256", "k", ("client-rs.key",), {}),
            ("AID_PRIVATE_KEY_JWT", "jwt-ps256", "k", ("client-rs.key",), {"ALG": "PS256"}),
            ("AID_PRIVATE_KEY_JWT", "jwt-es256", "k", ("client-es.key",), {"ALG": "ES256"}),
            ("AID_FEDERATED_JWT", "federated", "h", ("host.key",),
             {"HOST_ISSUER": "https://host.example", "HOST_SUBJECT": "agent:a"})]
    for method, mode, letters, files, more in rows:
        for again in ("", " again"):
            got = bench.token(mode, method=method, FDS=letters, files=files, **more)
            bench.expect(f"{method} {mode}{again}", got, "AID_OK")
    got = bench.token("jwt-es256", method="AID_PRIVATE_KEY_JWT", FDS="k", files=("client-es.key",))
    bench.expect("a key that does not fit the algorithm", got, "AID_E_CREDENTIAL", "RS256")
    got = bench.token("basic", method="AID_CLIENT_SECRET_BASIC", files=("host.key",))
    bench.expect("a wrong secret", got, "AID_E_CREDENTIAL", "invalid_client")


def mutual_tls(bench):
    base = bench.base("good")
    more = {"method": "AID_TLS_CLIENT_AUTH", "FDS": "kc"}
    got = bench.token("mtls", base, files=("client.key", "client.pem"), **more)
    bench.expect("tls_client_auth", got, "AID_OK")
    got = bench.token("mtls", base, files=("stranger.key", "stranger.pem"), **more)
    bench.expect("tls_client_auth with a stranger's certificate", got, "AID_E_CREDENTIAL", "alert")
    got = bench.token("mtls", base, files=("stranger.key", "client.pem"), **more)
    bench.expect("tls_client_auth with another's key", got, "AID_E_CREDENTIAL", "certificate or key")
    got = bench.token("mtls", base, files=("client.key", "client.pem"), **more)
    bench.expect("tls_client_auth: identities are not mixed", got, "AID_OK")


def secrets(bench):
    def write(data):
        with open(bench.file("odd"), "wb") as f:
            f.write(data)
        os.chmod(bench.file("odd"), 0o600)

    for name, data, text in (("empty", b"", "empty"), ("a newline only", b"\n", "empty"),
                             ("4097 bytes", b"x" * 4097, "over 4096"),
                             ("8000 bytes", b"x" * 8000, "over 4097")):
        write(data)
        bench.expect(f"client secret: {name}", bench.token("post", files=("odd",)),
                     "AID_E_CREDENTIAL", text)
    write(modes.SECRET.encode())
    bench.expect("client secret without a newline", bench.token("post", files=("odd",)), "AID_OK")
    write(modes.SECRET.encode() + b"\n\n")
    bench.expect("only one newline is cut", bench.token("post", files=("odd",)), "AID_E_CREDENTIAL")
    reader, writer = os.pipe()
    number = bench.fetch.send("TOKEN", bench.fields(bench.base() + "/post"), [reader])
    bench.expect("a pipe is no secret", bench.answer(number), "AID_E_CREDENTIAL", "regular file")
    os.close(reader)
    os.close(writer)
    write(b"no key")
    got = bench.token("jwt-es256", method="AID_PRIVATE_KEY_JWT", FDS="k", ALG="ES256", files=("odd",))
    bench.expect("a file that holds no key", got, "AID_E_CREDENTIAL")


TLS_ROWS = (("expired", "expired"), ("future", "not yet valid"), ("other-host", "[Hh]ost"),
            ("self-signed", "self.signed"), ("unknown-ca", "issuer|verify"), ("sha1", "weak|too"),
            ("rsa512", "weak|small|too"), ("common-name", "[Hh]ost"), ("constrained", "permitted"),
            ("tls1.1", "alert|protocol"))


def tls(bench):
    for kind, text in TLS_ROWS:
        before = bench.count("requests")
        got = bench.token("ok", bench.base(kind))
        bench.expect(f"F14 {kind}", got, "AID_E_UNTRUSTED", text)
        sent = bench.count("requests") - before - 1
        bench.case(f"F14 {kind}: nothing is sent", None if sent == 0 else f"{sent} requests")
    bench.expect("F14 a right certificate", bench.token("ok", bench.base("good")), "AID_OK")
    got = bench.token("cut", bench.base("good"))
    bench.expect("F5 TLS ends in the body", got, "AID_E_UNREACHABLE", "cut short|connection lost")
    got = bench.token("ragged", bench.base("good"))
    bench.expect("F5 TLS ends without close_notify in a body of no length", got,
                 "AID_E_PROTOCOL|AID_E_UNREACHABLE".split("|")[got.status == "AID_E_UNREACHABLE"],
                 "JSON|connection lost")
    got = bench.token("ok", bench.base("http", "idp.test"))
    bench.expect("http to a host that is not loopback", got, "AID_E_CONFIG", "only https")


def ca_files(bench):
    path, base = bench.file("private-ca.pem"), bench.base("good")

    def write(data, mode=0o644):
        with open(path, "wb") as f:
            f.write(data)
        os.chmod(path, mode)

    with open(bench.file("ca.pem"), "rb") as f:
        good = f.read()
    rows = [("missing", None, 0, "cannot be used"), ("empty", b"", 0o644, "no certificate"),
            ("garbage", b"x" * 1000, 0o644, "no certificate"), ("unreadable", good, 0o600, "cannot be used"),
            ("world-writable", good, 0o666, "0666")]
    for number, (name, data, mode, text) in enumerate(rows):
        path = bench.file(f"ca-{name}.pem")
        if data is not None:
            write(data, mode)
        got = bench.token(f"ok~{number}", base, CA_FILE=path)
        bench.expect(f"F15 ca_file {name}", got, "AID_E_CONFIG", text)
    path = bench.file("private-ca.pem")
    write(good)
    bench.expect("F15 a right ca_file", bench.token("ok~ca", base, CA_FILE=path), "AID_OK")
    os.chmod(path, 0o666)
    bench.expect("F15 it becomes writable: the last good one stays",
                 bench.token("ok~ca", base, CA_FILE=path), "AID_OK")
    write(b"")
    got = bench.token("ok~ca2", base, CA_FILE=path)
    bench.expect("F15 it becomes empty: the last good one stays", got, "AID_OK")
    logged = b"no certificate in it; the certificates read before stay in use" in bench.fetch.log_text()
    bench.case("F15 and the log says so", None if logged else "it does not")
    write(good)


def names_and_addresses(bench):
    dns = subprocess.Popen(["/usr/bin/python3", os.path.join(PROVIDER, "dns.py")],
                           stdout=subprocess.PIPE)
    dns.stdout.readline()
    port = bench.ports["good"]
    rows = [("F16 NXDOMAIN", "nx.dns.test", "AID_E_UNREACHABLE", "does not resolve|resolve"),
            ("F16 SERVFAIL", "servfail.dns.test", "AID_E_UNREACHABLE", "resolve"),
            ("F16 a name server that is silent", "mute.dns.test", "AID_E_TIMEOUT|AID_E_UNREACHABLE", ""),
            ("F16 rebinding by DNS", "rebind.dns.test", "AID_E_UNTRUSTED", "127.0.0.1 is refused"),
            ("F16 rebinding by hosts", "rebound.test", "AID_E_UNTRUSTED", "127.0.0.1 is refused"),
            ("F8 instance metadata", "meta.test", "AID_E_UNTRUSTED", "169.254.169.254 is refused"),
            ("F8 instance metadata by address", "169.254.169.254", "AID_E_UNTRUSTED", "is refused"),
            ("F8 mapped instance metadata", "[::ffff:169.254.169.254]", "AID_E_UNTRUSTED", "is refused"),
            ("F8 instance metadata by IPv6", "[fd00:ec2::254]", "AID_E_UNTRUSTED", "is refused"),
            ("F8 this host", "0.0.0.0", "AID_E_UNTRUSTED", "is refused"),
            ("F17 blackhole", "hole.test", "AID_E_TIMEOUT", "")]
    begun = time.monotonic()
    asked = [(bench.ask("ok", f"https://{host}:{port}", TIMEOUT_MS=9000), name, status, text)
             for name, host, status, text in rows]
    for number, name, status, text in asked:
        got = bench.answer(number)
        bench.expect(name, got, got.status if got.status in status.split("|") else status, text)
    spent = time.monotonic() - begun
    bench.case("F16 F17 all are bounded", None if spent < 11 else f"{spent:.1f} s")
    got = bench.token("ok", f"https://idp.test:{port}")
    bench.expect("a private address", got, "AID_OK")
    begun = time.monotonic()
    got = bench.token("ok", f"https://split.test:{port}")
    bench.expect("F17 IPv6 is broken and IPv4 is not", got, "AID_OK" if got.status == "AID_OK" else
                 "AID_E_UNTRUSTED", "" if got.status == "AID_OK" else "[Hh]ost")
    bench.case("F17 and it takes no second", None if time.monotonic() - begun < 2.5 else "it does")
    got = bench.token("ok", f"https://many.dns.test:{port}", TIMEOUT_MS=9000)
    bench.case("F16 1000 addresses", None if got.status in ("AID_E_UNTRUSTED", "AID_E_TIMEOUT")
               else f"{got!r}")
    dns.kill()
    dns.wait()


def refused_connection(bench):
    closed = socket.create_server(("127.0.0.1", 0))
    port = closed.getsockname()[1]
    closed.close()
    got = bench.token("ok", f"http://127.0.0.1:{port}")
    bench.expect("F17 connection refused", got, "AID_E_UNREACHABLE", "Connection refused", ERRNO=111)


def key_rotation(bench):
    bench.expect("before the provider rotates", bench.token("rotate"), "AID_OK")
    bench.control("/set/signing/k2")
    bench.control("/set/published/k2")
    before = bench.count("/rotate/jwks")
    asked = [bench.ask("rotate") for _ in range(20)]
    states = {bench.answer(number).status for number in asked}
    bench.case("an unknown kid: the keys are fetched again", None if states == {"AID_OK"} else str(states))
    fetched = bench.count("/rotate/jwks") - before
    bench.case("once for all", None if fetched == 1 else f"{fetched} times")
    bench.control("/set/signing/k1")
    got = bench.token("rotate")
    bench.expect("an unknown kid within five minutes is refused", got, "AID_E_UNTRUSTED", "kid")
    fetched = bench.count("/rotate/jwks") - before
    bench.case("without a fetch", None if fetched == 1 else f"{fetched} times")
    bench.control("/set/published/k1")


def single_flight(bench):
    asked = [bench.ask("slow~flight") for _ in range(100)]
    states = [bench.answer(number).status for number in asked]
    bench.case("100 first requests at once", None if set(states) == {"AID_OK"} else str(set(states)))
    for path in ("/.well-known/openid-configuration", "/jwks"):
        count = bench.count("/slow~flight" + path)
        bench.case(f"one {path} for all", None if count == 1 else f"{count} times")


STORMS = 40


def storm(bench):
    open_before = bench.fetch.descriptors()
    resident = []
    for turn in range(1, STORMS + 1):
        asked = [bench.ask("ok~storm") for _ in range(1000)]
        states = [bench.answer(number).status for number in asked]
        bad = [s for s in states if s != "AID_OK"]
        bench.case(f"1000 requests at once, time {turn}", None if not bad else f"{len(bad)} failed: {bad[0]}")
        resident.append(bench.fetch.resident_kib())
    # The heap finds its shape in the first ten storms, and how much lies about at once depends on how busy the machine
    # is: minima differ by 3 MiB. What is lost adds up: 300 bytes a request are 6 MiB from the second quarter to the last.
    grown = min(resident[-10:]) - min(resident[10:20])
    bench.case("memory does not grow storm by storm", None if grown < 6144 else f"{grown} KiB: {resident}")
    more = bench.fetch.descriptors() - open_before
    bench.case("at most 16 connections to a host", None if more <= 20 else f"{more} more descriptors")


def bodies_and_memory(bench):
    for _ in range(5):
        bench.token("ok")
    before = bench.fetch.resident_kib()
    for _ in range(20):
        for mode in ("huge", "endless", "headers", "gzip", "deep", "token-big"):
            bench.token(mode)
    grown = bench.fetch.resident_kib() - before
    bench.case("F7 memory stays flat over 120 oversized answers",
               None if grown < 2048 else f"{grown} KiB more")
    before = bench.fetch.descriptors()
    for _ in range(30):
        for mode in ("cut", "reset", "closed", "not-http"):
            bench.token(mode)
    more = bench.fetch.descriptors() - before
    bench.case("F5 no descriptor leaks over 120 broken answers", None if more < 5 else f"{more} more")


def http2(bench):
    base_files = [os.path.join(bench.directory, "tls", "good.pem"),
                  os.path.join(bench.directory, "tls", "good.key")]
    files = [bench.file(n) for n in ("h2.token", "h2.jwks", "h2.port")]
    server = subprocess.Popen(["node", os.path.join(PROVIDER, "h2.cjs"), *base_files, *files])
    try:
        deadline = time.monotonic() + 20
        while not os.path.exists(files[2]) and time.monotonic() < deadline:
            time.sleep(0.02)
        with open(files[2], encoding="ascii") as f:
            issuer = f"https://localhost:{f.read()}"
        key, now = jose.read_private(bench.file("k1.key")), int(time.time())
        with open(files[1], "w", encoding="ascii") as f:
            json.dump({"keys": [jose.jwk(key, "k1")]}, f)
        with open(files[0], "w", encoding="ascii") as f:
            json.dump({"access_token": jose.sign(key, "ES256", {"kid": "k1"}, {
                "iss": issuer, "sub": modes.SUBJECT, "aud": modes.AUDIENCE, "iat": now,
                "exp": now + 300}), "token_type": "Bearer", "expires_in": 300}, f)
        http2_story(bench, issuer)
    finally:
        server.kill()
        server.wait()


def http2_story(bench, issuer):
    fields = bench.fields(issuer)

    def ask():
        return bench.fetch.send("TOKEN", fields, [bench.file("secret")])

    bench.expect("HTTP/2", bench.answer(ask()), "AID_OK")
    for _ in range(10):
        bench.answer(ask())
    sessions, requests, _ = http2_counts(bench, issuer)
    bench.case("HTTP/2: one connection for all", None if (sessions, requests) == (2, 14)
               else f"{sessions} connections, {requests} requests")
    asked = [ask() for _ in range(1000)]
    bad = [a for a in (bench.answer(n) for n in asked) if a.status != "AID_OK"]
    bench.case("HTTP/2: 1000 requests at once", None if not bad else f"{len(bad)} failed: {bad[0]!r}")
    sessions, _, most = http2_counts(bench, issuer)
    # The server allows 100 streams of one connection.
    bench.case("HTTP/2: they share connections",
               None if sessions <= 18 and most > 18 else f"{sessions} connections, {most} at once")


def http2_counts(bench, issuer):
    got = subprocess.run(["curl", "-s", "--cacert", bench.file("ca.pem"), issuer + "/stats"],
                         check=True, stdout=subprocess.PIPE)
    counts = json.loads(got.stdout)
    return counts["sessions"], counts["requests"], counts["most"]


STORIES = [retry_date, clock_offset, lifetimes, client_authentication, mutual_tls, secrets, tls,
           ca_files, names_and_addresses, refused_connection, key_rotation, single_flight, storm,
           bodies_and_memory, http2]
