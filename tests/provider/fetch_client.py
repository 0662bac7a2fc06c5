# SPDX-License-Identifier: LGPL-2.1-or-later
# Copyright The agentid authors
"""A real agentid-fetch process and the root client that agentid-keyringd is to it.

The frames are those of docs/PROTOCOL.md; the numbers are read from lib/protocol.h, lib/error.h and
lib/configuration.h, so that there is one place for them.
"""

import array
import os
import re
import resource
import select
import signal
import socket
import struct
import subprocess
import time

MAGIC, VERSION = 0x4441, 1


def enumeration(path, name):
    """The members of a C enum, whose values are given or counted."""
    with open(path, encoding="ascii") as f:
        source = re.sub(r"/\*.*?\*/", "", f.read(), flags=re.S)
    body = re.search(r"enum " + name + r"\s*\{(.*?)\}", source, re.S).group(1)
    members, value = {}, -1
    for item in body.split(","):
        item = item.strip()
        if not item:
            continue
        key, _, given = (part.strip() for part in item.partition("="))
        value = (members[given] if given in members else int(given, 0)) if given else value + 1
        members[key] = value
    return members


class Protocol:
    def __init__(self, source):
        lib = os.path.join(source, "lib")
        self.msg = enumeration(os.path.join(lib, "protocol.h"), "aid_msg")
        self.tag = enumeration(os.path.join(lib, "protocol.h"), "aid_tag")
        self.status = enumeration(os.path.join(lib, "error.h"), "aid_status")
        self.method = enumeration(os.path.join(lib, "configuration.h"), "aid_client_auth")
        self.format = enumeration(os.path.join(lib, "configuration.h"), "aid_token_format")
        self.target = enumeration(os.path.join(lib, "target.h"), "aid_target_kind")
        self.tag_name = {v: k.removeprefix("AID_TAG_") for k, v in self.tag.items()}
        self.status_name = {v: k for k, v in self.status.items()}

    def build(self, kind, number, fields):
        body = b""
        for name, value in fields.items():
            if isinstance(value, int):
                value = struct.pack("<q", value)
            elif isinstance(value, str):
                value = value.encode()
            body += struct.pack("<HH", self.tag["AID_TAG_" + name], len(value)) + value
        return struct.pack("<HHHHII", MAGIC, VERSION, self.msg["AID_MSG_" + kind], 0, number,
                           len(body)) + body

    def parse(self, frame):
        magic, version, kind, _, number, length = struct.unpack("<HHHHII", frame[:16])
        # An ERROR is in the version of what it answers.
        assert (magic, length) == (MAGIC, len(frame) - 16)
        assert version == VERSION or kind == self.msg["AID_MSG_ERROR"], version
        fields, at = {}, 16
        while at < len(frame):
            tag, size = struct.unpack("<HH", frame[at:at + 4])
            fields[self.tag_name[tag]] = frame[at + 4:at + 4 + size]
            at += 4 + size
        for name in ("STATUS", "HTTP_STATUS", "RETRY_AFTER_S", "ERRNO", "EXPIRES_MS", "LIFETIME_MS",
                     "COUNT_OF", "RENEWABLE"):
            if name in fields:
                fields[name] = struct.unpack("<q", fields[name])[0]
        for name in ("TEXT", "OAUTH_CODE", "TOKEN_ID", "JTI", "SECRET"):
            if name in fields:
                fields[name] = fields[name].decode("ascii")
        return kind, number, fields


class Answer:
    def __init__(self, protocol, frame):
        kind, self.number, self.fields = protocol.parse(frame)
        self.issued = kind == protocol.msg["AID_MSG_ISSUED"]
        self.done = kind == protocol.msg["AID_MSG_DONE"]
        self.status = "AID_OK" if self.issued or self.done else protocol.status_name[self.fields["STATUS"]]
        self.text = self.fields.get("TEXT", "")

    def __repr__(self):
        shown = {k: v for k, v in self.fields.items() if k != "SECRET"}
        return f"{self.status} {shown}"


class Fetch:
    """agentid-fetch as an unprivileged user, listening on a socket of ours."""

    def __init__(self, program, source, directory, uid=65534, environment=None, notify=None,
                 files=None):
        self.protocol = Protocol(source)
        self.path = os.path.join(directory, "fetch.sock")
        self.log_path = os.path.join(directory, "fetch.log")
        if os.path.exists(self.path):
            os.unlink(self.path)
        listener = socket.socket(socket.AF_UNIX, socket.SOCK_SEQPACKET)
        listener.bind(self.path)
        os.chmod(self.path, 0o600)
        listener.listen(64)
        self.log = open(self.log_path, "ab")
        self.pid = os.fork()
        if self.pid == 0:
            if files:
                resource.setrlimit(resource.RLIMIT_NOFILE, (files, files))
            self._child(program, listener, uid, environment or {}, notify)
        listener.close()
        self.number = 0
        self.waiting = {}
        self.client = self.connect()

    def _child(self, program, listener, uid, environment, notify):
        try:
            env = {"LISTEN_FDS": "1", "LISTEN_PID": str(os.getpid()), **environment}
            # Sanitizers read theirs before main() does.
            env.update({k: v for k, v in os.environ.items() if k.endswith("SAN_OPTIONS")})
            if notify:
                env.update(notify)
            os.dup2(listener.fileno(), 3)
            os.set_inheritable(3, True)
            os.dup2(self.log.fileno(), 2)
            os.setgroups([])
            os.setresgid(uid, uid, uid)
            os.setresuid(uid, uid, uid)
            os.execve(program, [program], env)
        finally:
            os._exit(127)

    def connect(self):
        client = socket.socket(socket.AF_UNIX, socket.SOCK_SEQPACKET)
        client.setsockopt(socket.SOL_SOCKET, socket.SO_SNDBUF, 4 << 20)
        client.connect(self.path)
        return client

    def send(self, kind, fields, files=(), client=None):
        self.number += 1
        frame = self.protocol.build(kind, self.number, fields)
        fds = []
        try:
            for path in files:
                fds.append(os.open(path, os.O_RDONLY | os.O_CLOEXEC) if isinstance(path, str) else path)
            control = [(socket.SOL_SOCKET, socket.SCM_RIGHTS, array.array("i", fds))] if fds else []
            (client or self.client).sendmsg([frame], control)
        finally:
            for path, fd in zip(files, fds):
                if isinstance(path, str):
                    os.close(fd)
        return self.number

    def receive(self, seconds=20, client=None):
        client = client or self.client
        if not select.select([client], [], [], seconds)[0]:
            raise TimeoutError("no answer")
        frame = client.recv(65536)
        if not frame:
            raise ConnectionError("agentid-fetch closed the connection")
        return Answer(self.protocol, frame)

    def call(self, kind, fields, files=(), seconds=20):
        number = self.send(kind, fields, files)
        while True:
            answer = self.receive(seconds)
            if answer.number == number:
                return answer
            self.waiting[answer.number] = answer

    def sign(self, key, issuer="https://host.example", subject="agent:a", audience="aud",
             lifetime_ms=300000):
        return self.call("SIGN", {"ISSUER": issuer, "SUBJECT": subject, "AUDIENCE": audience,
                                  "LIFETIME_MS": lifetime_ms, "FDS": "h"}, [key])

    # ---- what the process looks like from outside ----

    def descriptors(self):
        return len(os.listdir(f"/proc/{self.pid}/fd"))

    def resident_kib(self):
        with open(f"/proc/{self.pid}/smaps_rollup", encoding="ascii") as f:
            return sum(int(line.split()[1]) for line in f if line.startswith("Private_"))

    def alive(self):
        return os.waitpid(self.pid, os.WNOHANG) == (0, 0)

    def stop(self, seconds=10):
        """SIGTERM; the exit status, or None when it had to be killed."""
        self.client.close()
        os.kill(self.pid, signal.SIGTERM)
        deadline = time.monotonic() + seconds
        while time.monotonic() < deadline:
            pid, status = os.waitpid(self.pid, os.WNOHANG)
            if pid:
                self.log.close()
                return os.waitstatus_to_exitcode(status)
            time.sleep(0.01)
        os.kill(self.pid, signal.SIGKILL)
        os.waitpid(self.pid, 0)
        self.log.close()
        return None

    def log_text(self):
        with open(self.log_path, "rb") as f:
            return f.read()


def run(*command):
    subprocess.run(command, check=True, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
