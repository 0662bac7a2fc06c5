# SPDX-License-Identifier: LGPL-2.1-or-later
# Copyright The agentid authors
"""The process itself: signing, its sandbox, its socket, what it leaves behind."""

import base64
import json
import os
import select
import shutil
import signal
import socket
import struct
import subprocess
import time

import fetch_client
import jose
import modes


def verified(key, token):
    header, claims = jose.check(token, key.public_key())
    return header, claims


def signing(bench):
    for name, alg in (("host.key", "ES256"), ("host-rs.key", "RS256")):
        before = time.time()
        got = bench.fetch.sign(bench.file(name), lifetime_ms=61500)
        header, claims = verified(jose.read_private(bench.file(name)), got.fields["SECRET"])
        problems = [text for text, wrong in (
            ("alg", header["alg"] != alg), ("kid", len(header["kid"]) != 43),
            ("claims", set(claims) != {"iss", "sub", "aud", "iat", "nbf", "exp", "jti"}),
            ("lifetime", claims["exp"] - claims["iat"] != 61),
            ("nbf", claims["nbf"] != claims["iat"] - 5), ("iat", abs(claims["iat"] - before) > 2),
            ("jti", claims["jti"] != got.fields["JTI"]),
            ("EXPIRES_MS", got.fields["EXPIRES_MS"] != claims["exp"] * 1000)) if wrong]
        bench.case(f"SIGN {alg}", ", ".join(problems) or None)
    bench.expect("SIGN for two days", bench.fetch.sign(bench.file("host.key"), lifetime_ms=172800000),
                 "AID_E_PROTOCOL", "number")
    bench.expect("SIGN with a file that is no key", bench.fetch.sign(bench.file("secret")),
                 "AID_E_CREDENTIAL")
    got = bench.fetch.call("SIGN", {"ISSUER": "i", "SUBJECT": "s", "AUDIENCE": "a",
                                    "LIFETIME_MS": 60000, "FDS": "h"})
    bench.expect("SIGN without a descriptor", got, "AID_E_PROTOCOL", "descriptors")


def rotated_file(bench):
    path = bench.file("rotating.key")
    kids = []
    for name in ("k1.key", "k2.key", "k1.key"):
        shutil.copyfile(bench.file(name), path)
        os.utime(path, (time.time() - 100 - len(kids),) * 2)
        for _ in range(3):
            header, _ = verified(jose.read_private(path), bench.fetch.sign(path).fields["SECRET"])
        kids.append(header["kid"])
    bench.case("a rewritten key file is read again",
               None if kids[0] == kids[2] != kids[1] else str(kids))
    # Same size and within the clock's tick: the time stamp alone would not tell.
    key_a, key_b = (open(bench.file(n), "rb").read() for n in ("k1.key", "k2.key"))
    bad = 0
    for turn in range(40):
        with open(path, "r+b") as f:
            f.write(key_a if turn % 2 else key_b)
        token = bench.fetch.sign(path).fields["SECRET"]
        try:
            verified(jose.read_private(path), token)
        except Exception:  # pylint: disable=broad-except
            bad += 1
    bench.case("a key file rewritten in place, 40 times quickly", None if bad == 0 else f"{bad} stale")


def sandboxed(bench):
    with open(f"/proc/{bench.fetch.pid}/status", encoding="ascii") as f:
        status = dict(line.split(":\t", 1) for line in f.read().splitlines() if ":\t" in line)
    for name, want in (("Seccomp", "2"), ("NoNewPrivs", "1"), ("CapEff", "0" * 16),
                       ("CapPrm", "0" * 16), ("CapBnd", None), ("Groups", " ")):
        got = status[name].strip() if want else "x"
        bench.case(f"{name} of the process", None if want is None or got == want.strip() else got)
    bench.case("uid", None if set(status["Uid"].split()) == {"65534"} else status["Uid"])
    owner = os.stat(f"/proc/{bench.fetch.pid}/environ").st_uid
    bench.case("undumpable: /proc belongs to root", None if owner == 0 else f"to uid {owner}")
    with open(f"/proc/{bench.fetch.pid}/limits", encoding="ascii") as f:
        core = [line.split()[4:6] for line in f if line.startswith("Max core file size")]
    bench.case("no core file", None if core == [["0", "0"]] else str(core))


def strangers(bench):
    os.chmod(bench.fetch.path, 0o666)
    os.chmod(bench.directory, 0o755)
    child = os.fork()
    if child == 0:
        code = 1
        try:
            os.setgid(65534)
            os.setuid(65534)
            client = bench.fetch.connect()
            client.settimeout(5)
            code = 0 if client.recv(100) == b"" else 2
        except ConnectionError:
            code = 0
        finally:
            os._exit(code)
    _, status = os.waitpid(child, 0)
    bench.case("a peer that is not root is sent away", None if status == 0 else f"{status}")
    os.chmod(bench.fetch.path, 0o600)
    logged = b"uid 65534 connected, only root may" in bench.fetch.log_text()
    bench.case("and the log says so", None if logged else "it does not")


def bad_frames(bench):
    good = bench.fetch.protocol.build("SIGN", 5, {"ISSUER": "i"})
    rows = [("garbage", b"x" * 100, "AID_E_PROTOCOL"), ("an empty header", b"\0" * 16, "AID_E_PROTOCOL"),
            ("cut", good[:-1], "AID_E_PROTOCOL"),
            ("version 2", good[:2] + b"\2\0" + good[4:], "AID_E_VERSION"),
            ("a message for keyringd", bench.fetch.protocol.build("LIST", 5, {}), "AID_E_PROTOCOL"),
            ("a field twice", good[:12] + struct.pack("<I", 2 * (len(good) - 16)) + 2 * good[16:],
             "AID_E_PROTOCOL")]
    for name, frame, status in rows:
        client = bench.fetch.connect()
        client.sendall(frame)
        bench.expect(f"frame: {name}", bench.fetch.receive(5, client), status)
        client.close()
    number = bench.fetch.send("TOKEN", {"ISSUER": "https://x.example"})
    bench.expect("TOKEN without its fields", bench.answer(number), "AID_E_PROTOCOL", "number")
    number = bench.fetch.send("TOKEN", bench.fields(bench.base() + "/ok"))
    bench.expect("TOKEN without its descriptor", bench.answer(number), "AID_E_PROTOCOL", "descriptors")


def lost_client(bench):
    client = bench.fetch.connect()
    for _ in range(50):
        bench.fetch.send("TOKEN", bench.fields(bench.base() + "/silent~lost"),
                         [bench.file("secret")], client)
    bench.unanswered("requests are under way", lambda now: now >= 8)
    client.close()
    bench.unanswered("a client that goes leaves no request behind", lambda now: now == 0)
    bench.expect("a client that goes takes its requests along", bench.token("ok"), "AID_OK")


def no_descriptor_left(bench):
    """Room for 16 descriptors: a connection too many is turned away, and no loop spins."""
    bench.fetch.stop()
    bench.fetch = bench.start_fetch(files=16)
    bench.fetch.sign(bench.file("host.key"))
    clients = [bench.fetch.connect() for _ in range(12)]
    last = clients[-1]
    got = select.select([last], [], [], 5)[0] and last.recv(10)
    bench.case("no descriptor left: a connection is closed", None if got == b"" else str(got))
    before = cpu_ticks(bench.fetch.pid)
    time.sleep(0.5)
    spent = cpu_ticks(bench.fetch.pid) - before
    bench.case("and the loop does not spin", None if spent < 20 else f"{spent} ticks")
    for client in clients:
        client.close()
    deadline = time.monotonic() + 5
    while bench.fetch.descriptors() > 12 and time.monotonic() < deadline:
        time.sleep(0.02)
    bench.expect("and it goes on", bench.fetch.sign(bench.file("host.key")), "AID_OK")


def cpu_ticks(pid):
    with open(f"/proc/{pid}/stat", encoding="ascii") as f:
        fields = f.read().rpartition(")")[2].split()
    return int(fields[11]) + int(fields[12])


def hostile_environment(bench):
    bench.fetch.stop()
    keylog = bench.file("keylog")
    bench.fetch = bench.start_fetch(environment={
        "SSLKEYLOGFILE": keylog, "https_proxy": "http://127.0.0.1:9", "http_proxy": "http://127.0.0.1:9",
        "ALL_PROXY": "http://127.0.0.1:9", "SSL_CERT_FILE": "/dev/null", "SSL_CERT_DIR": "/nowhere",
        "OPENSSL_CONF": "/nowhere", "CURL_CA_BUNDLE": "/dev/null", "HOME": bench.directory,
        "RES_OPTIONS": "attempts:0", "LOCALDOMAIN": "evil.example", "TZ": "/etc/shadow",
        "HOSTALIASES": "/etc/shadow"})
    bench.expect("a hostile environment has no effect", bench.token("ok", bench.base("good")), "AID_OK")
    bench.case("no key log is written", None if not os.path.exists(keylog) else "it is")


def notifications(bench):
    bench.fetch.stop()
    path = bench.file("notify.sock")
    listener = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
    listener.bind(path)
    os.chmod(path, 0o666)
    listener.settimeout(5)
    bench.fetch = bench.start_fetch(notify={"NOTIFY_SOCKET": path, "WATCHDOG_USEC": "400000"})
    got = listener.recv(200)
    bench.case("READY=1", None if got.startswith(b"READY=1\n") else str(got))
    pings = [listener.recv(200) for _ in range(3)]
    bench.case("WATCHDOG=1", None if set(pings) == {b"WATCHDOG=1"} else str(pings))
    os.kill(bench.fetch.pid, signal.SIGSTOP)
    listener.settimeout(0.7)
    try:
        while True:
            listener.recv(200)
    except TimeoutError:
        bench.case("a stopped process does not ping", None)
    os.kill(bench.fetch.pid, signal.SIGCONT)
    listener.settimeout(5)
    bench.case("and goes on", None if listener.recv(200) == b"WATCHDOG=1" else "not")
    listener.close()


def crash(bench):
    """A core file, argv and the environment are where secrets end up that are in none of ours."""
    bench.token("post")
    pid = bench.fetch.pid
    for name in ("cmdline", "environ"):
        with open(f"/proc/{pid}/{name}", "rb") as f:
            found = modes.SECRET.encode() in f.read()
        bench.case(f"no secret in /proc/PID/{name}", "it is" if found else None)
    os.kill(pid, signal.SIGSEGV)
    _, status = os.waitpid(pid, 0)
    bench.case("SIGSEGV leaves no core", None if not os.WCOREDUMP(status) else "it does")
    bench.fetch.client.close()
    bench.fetch = bench.start_fetch()
    bench.expect("its successor works", bench.token("ok"), "AID_OK")


def refuses_root(bench):
    for argv, code in ((["--version"], 0), (["--help"], 0), (["--frobnicate"], 2), ([], 1)):
        got = subprocess.run([bench.program, *argv], stdout=subprocess.PIPE, stderr=subprocess.PIPE)
        bench.case(f"agentid-fetch {' '.join(argv)} exits {code}",
                   None if got.returncode == code else str(got))


def as_root(bench):
    directory = bench.file("root")
    os.makedirs(directory, exist_ok=True)
    fetch = fetch_client.Fetch.__new__(fetch_client.Fetch)
    try:
        fetch.__init__(bench.program, bench.source, directory, uid=0)
    except ConnectionError:
        pass
    _, status = os.waitpid(fetch.pid, 0)
    said = b"does not run as root" in fetch.log_text()
    bench.case("it does not run as root", None if os.waitstatus_to_exitcode(status) == 1 and said
               else f"{status} {fetch.log_text()}")


def no_secret_in_log(bench):
    text = bench.fetch.log_text()
    secret = modes.SECRET.encode()
    encoded = (secret, base64.b64encode(secret), b"BEGIN", b"eyJhbGciOi", b"client_assertion",
               json.dumps(modes.SECRET)[1:-1].encode())
    found = [e for e in encoded if e in text]
    bench.case("no secret and no token in the log", None if not found else str(found))


STORIES = [signing, rotated_file, sandboxed, strangers, bad_frames, lost_client, no_descriptor_left,
           hostile_environment,
           notifications, crash, refuses_root, as_root]
