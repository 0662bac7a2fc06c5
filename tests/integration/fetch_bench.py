# SPDX-License-Identifier: LGPL-2.1-or-later
# Copyright The agentid authors
"""What the stories about agentid-fetch share: a provider, an agentid-fetch, how to ask it, verdicts."""

import json
import os
import re
import subprocess
import sys
import time
import traceback
import urllib.request

from cryptography.hazmat.primitives.asymmetric import ec, rsa

import fetch_client
import jose
import modes
import pki


class Bench:
    """What the stories share: a provider, an agentid-fetch, and how to ask it."""

    def __init__(self, name, directory, program, source):
        self.name, self.directory, self.program, self.source = name, directory, program, source
        self.failures = self.successes = 0
        self.prepare()
        self.provider = subprocess.Popen(
            ["/usr/bin/python3", "-W", "ignore", os.path.join(source, "tests/provider/provider.py"), directory])
        deadline = time.monotonic() + 20
        while not os.path.exists(self.file("ports.json")):
            if time.monotonic() > deadline:
                raise TimeoutError("the provider does not start")
            time.sleep(0.02)
        with open(self.file("ports.json"), encoding="ascii") as f:
            self.ports = json.load(f)
        self.fetch = self.start_fetch()

    def file(self, name):
        return os.path.join(self.directory, name)

    def start_fetch(self, **more):
        return fetch_client.Fetch(self.program, self.source, self.directory, **more)

    def prepare(self):
        pki.make(self.directory)
        for name in ("k1", "k2", "client-es", "host"):
            jose.write_private(self.file(name + ".key"), ec.generate_private_key(ec.SECP256R1()))
        for name in ("client-rs", "host-rs"):
            jose.write_private(self.file(name + ".key"), rsa.generate_private_key(65537, 2048))
        with open(self.file("secret"), "wb") as f:
            f.write(modes.SECRET.encode() + b"\n")
        for name in os.listdir(self.directory):
            path = self.file(name)
            if name.endswith((".key", "secret")):
                os.chmod(path, 0o600)
                # Older than the two seconds within which a key is not kept.
                os.utime(path, (time.time() - 3600,) * 2)

    # ---- the provider ----

    def base(self, kind="http", host=None):
        scheme = "http" if kind == "http" else "https"
        return f"{scheme}://{host or ('127.0.0.1' if kind == 'http' else 'localhost')}:{self.ports[kind]}"

    def control(self, path):
        with urllib.request.urlopen(self.base() + path) as answer:
            return json.load(answer)

    def count(self, path):
        return self.control("/stats").get(path, 0)

    # ---- requests ----

    def fields(self, issuer, **more):
        proto = self.fetch.protocol
        method = more.pop("method", "AID_CLIENT_SECRET_POST")
        out = {"ISSUER": issuer, "CLIENT_ID": modes.CLIENT, "CLIENT_AUTH": proto.method[method],
               "FORMAT": proto.format["AID_FORMAT_JWT"], "SUBJECT": modes.SUBJECT,
               "AUDIENCE": modes.AUDIENCE, "MAX_LIFETIME_MS": 600000, "TIMEOUT_MS": 9000,
               "CA_FILE": self.file("ca.pem"), "FDS": "s", **more}
        return {k: v for k, v in out.items() if v is not None}

    def ask(self, mode, base=None, files=("secret",), **more):
        """Sends, and returns the number of the request."""
        issuer = (base or self.base()) + "/" + mode
        return self.fetch.send("TOKEN", self.fields(issuer, **more), [self.file(f) for f in files])

    def answer(self, number, seconds=30):
        while number not in self.fetch.waiting:
            got = self.fetch.receive(seconds)
            self.fetch.waiting[got.number] = got
        return self.fetch.waiting.pop(number)

    def token(self, mode, base=None, files=("secret",), **more):
        return self.answer(self.ask(mode, base, files, **more))

    def retire(self, mode, token=modes.RETIRED, base=None, files=("secret",), **more):
        """Asks for a revocation, and waits for the answer."""
        issuer = (base or self.base()) + "/" + mode
        fields = self.fields(issuer, SECRET=token, **more)
        return self.answer(self.fetch.send("RETIRE", fields, [self.file(f) for f in files]))

    # ---- verdicts ----

    def case(self, name, problem):
        if problem:
            self.failures += 1
            print(f"not ok {self.name}: {name}: {problem}", flush=True)
        else:
            self.successes += 1
            print(f"ok {self.name}: {name}", flush=True)

    def expect(self, name, got, status, text="", **fields):
        problem = None
        if got.status != status:
            problem = f"{got!r}, {status} was expected"
        elif not re.search(text, got.text):
            problem = f"the sentence '{got.text}' has no '{text}'"
        for key, value in fields.items():
            if problem is None and got.fields.get(key) != value:
                problem = f"{key} is {got.fields.get(key)!r}, {value!r} was expected"
        self.case(name, problem)

    def unanswered(self, name, right, seconds=5):
        """Waits until the number of requests that the silent provider lets wait is right."""
        deadline = time.monotonic() + seconds
        while not right(self.count("silent")) and time.monotonic() < deadline:
            time.sleep(0.02)
        now = self.count("silent")
        self.case(name, None if right(now) else f"{now} requests")

    def story(self, function):
        """An exception in a story is a failure of it, and the next one is told all the same."""
        try:
            function(self)
        except Exception:  # pylint: disable=broad-except
            traceback.print_exc()
            self.case(function.__name__, traceback.format_exc(limit=-1).splitlines()[-1])
        if not self.fetch.alive():
            self.case(function.__name__, "agentid-fetch died")
            self.fetch = self.start_fetch()

    def tell(self, stories):
        """All of them, then the end of the process; the exit status."""
        try:
            for function in stories:
                self.story(function)
            status = self.fetch.stop()
            self.case("SIGTERM ends it with status 0", None if status == 0 else f"status {status}")
            if status != 0:
                sys.stderr.buffer.write(self.fetch.log_text()[-6000:])
        finally:
            self.provider.kill()
            self.provider.wait()
