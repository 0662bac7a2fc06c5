# SPDX-License-Identifier: LGPL-2.1-or-later
# Copyright The agentid authors
"""A private host for agentid-keyringd: its own /run, /etc/agentid, /var/lib/agentid and process
numbers. A story calls enter() first, which runs it again inside, then uses Host."""
import json
import os
import re
import shutil
import signal
import socket
import subprocess
import sys
import time

import fake_fetch as wire

SRC = os.environ.get("AID_SRC") or os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__))))
BUILD = os.environ.get("AID_BUILD") or os.getcwd()
CONTROL, JOURNAL = "/run/fake-control.json", "/run/fake-journal"
SOCKET, FETCH = "/run/agentid/keyringd.sock", "/run/agentid/fetch.sock"
(OPEN, CLOSE, REFRESH, LIST, STATUS_REQUEST, REVOKE, ALLOW, VERIFY, GET) = range(1, 10)
(OPENED, DONE, SESSION_INFO, AGENT_INFO, DAEMON_INFO, ERROR, VERIFIED, CREDENTIAL_INFO) = range(16, 24)
T = {"STATUS": 0, "TEXT": 1, "RETRY_AFTER": 4, "AGENT": 6, "ACCOUNT": 7, "UID": 8, "SERVICE": 9, "RING": 12,
     "SESSION": 13, "COOKIE": 14, "TIMEOUT_MS": 16, "COUNT": 17, "EXPIRES": 18, "STATE": 23, "FAILURES": 24,
     "REFRESHES": 25, "LAST_ERROR": 26, "SESSIONS": 29, "CONFIG_ERROR": 32, "FETCH_UP": 34, "TOKEN_ID": 36, "TYPE": 59, "NAME": 60}
ST = {"timeout": -3, "unreachable": -4, "protocol": -5, "denied": -6, "untrusted": -8, "not-found": -9,
      "config": -10, "quota": -12, "credential": -13, "busy": -14, "version": -15, "revoked": -16}


def enter():
    """Runs the story in private namespaces, as its process 1."""
    if os.environ.get("AID_INSIDE") == "1":
        subprocess.run("mount --make-rprivate / && mount -t tmpfs tmpfs /run && mkdir -p /etc/agentid "
                       "/var/lib/agentid && mount -t tmpfs tmpfs /etc/agentid && "
                       "mount -t tmpfs tmpfs /var/lib/agentid", shell=True, check=True)
        os.chmod("/etc/agentid", 0o755)
        return
    if os.geteuid() != 0:
        print("SKIP: needs root")
        sys.exit(77)
    for directory in ("/etc/agentid", "/var/lib/agentid"):
        os.makedirs(directory, exist_ok=True)
    done = subprocess.run(["unshare", "-m", "-p", "-f", "--kill-child", "--mount-proc", "keyctl", "session", "-",
                           sys.executable] + sys.argv, env=dict(os.environ, AID_INSIDE="1"), check=False)
    sys.exit(done.returncode)


def wait_for(what, condition, seconds=10.0):
    deadline = time.monotonic() + seconds
    while time.monotonic() < deadline:
        value = condition()
        if value:
            return value
        time.sleep(0.02)
    raise AssertionError("%s: not within %s s" % (what, seconds))


class Client:
    """A connection to keyringd that speaks frames."""
    version = 1  # of the requests, unless they say another

    def __init__(self, path=SOCKET, timeout=10):
        self.socket = socket.socket(socket.AF_UNIX, socket.SOCK_SEQPACKET)
        self.socket.settimeout(timeout)
        self.socket.connect(path)

    def send(self, kind, fields=(), ident=7, version=None):
        self.socket.send(wire.frame(kind, ident, [(T[k], v) for k, v in fields], version or self.version))

    def receive(self):
        data = self.socket.recv(65536)
        if not data:
            raise ConnectionError("closed")
        return wire.parse(data)

    def ask(self, kind, **fields):
        self.send(kind, fields.items())
        return self.receive()

    def many(self, kind, **fields):
        self.send(kind, fields.items())
        items = []
        while True:
            kind, _, values = self.receive()
            if kind in (DONE, ERROR):
                return items
            items.append((kind, values))

    def close(self):
        self.socket.close()


class AsUid:
    """Asks one thing as another uid."""

    def __init__(self, uid):
        self.uid = uid

    def ask(self, kind, **fields):
        read, write = os.pipe()
        pid = os.fork()
        if pid == 0:
            os.setgroups([])
            os.setgid(self.uid)
            os.setuid(self.uid)
            code = 1
            try:
                client = Client()
                client.send(kind, fields.items())
                os.write(write, client.socket.recv(65536))
                code = 0
            finally:
                os._exit(code)
        os.close(write)
        data = b""
        while chunk := os.read(read, 65536):
            data += chunk
        os.close(read)
        os.waitpid(pid, 0)
        kind, _, values = wire.parse(data)
        return kind, values


class Session:
    """A process that opened a session and stays in it until its input ends."""

    def __init__(self, host, account="svc", uid=4001, extra=(), build=BUILD):
        self.process = subprocess.Popen(
            [build + "/tests/support/session_client", "--socket", SOCKET, "--account", account, "--uid", str(uid),
             "--service", "exec", *extra], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
        self.host = host
        self.line = None

    def opened(self):
        """The fields of the opened line; raises with the failure's text."""
        if self.line is None:
            self.line = self.process.stdout.readline().strip()
        if not self.line.startswith("opened "):
            raise AssertionError(self.line)
        return dict(p.split("=", 1) for p in self.line.split()[1:])

    @property
    def ring(self):
        return int(self.opened()["ring"])

    def key(self, name="agentid:token"):
        done = subprocess.run(["keyctl", "search", str(self.ring), "user", name], capture_output=True, text=True,
                              check=False)
        return int(done.stdout) if done.returncode == 0 else None

    def token(self, name="agentid:token"):
        key = self.key(name)
        if key is None:
            return None
        done = subprocess.run(["keyctl", "pipe", str(key)], capture_output=True, check=False)
        return done.stdout.decode() if done.returncode == 0 else None

    def close(self):
        out, _ = self.process.communicate(timeout=15)
        return out

    def kill(self):
        self.process.kill()
        self.process.wait()


def links(keyring):
    """The serials that a keyring links; none when it is gone."""
    done = subprocess.run(["keyctl", "rlist", str(keyring)], capture_output=True, text=True, check=False)
    return [int(word) for word in done.stdout.split()] if done.returncode == 0 and "empty" not in done.stdout else []


def anchored_rings():
    """What this instance's daemon would find after a restart: other instances share the machine."""
    with open("/proc/1/stat", encoding="ascii", errors="replace") as stat:
        first = stat.read().rpartition(")")[2].split()[19]
    name = f"agentid:door:{os.stat('/proc/self/ns/pid').st_ino}-{first}:/run/agentid"
    with open("/proc/keys", encoding="utf-8") as f:
        doors = [int(line.split()[0], 16) for line in f if " %s: " % name in line]
    return [ring for door in doors for anchor in links(door) for holder in links(anchor) for ring in links(holder)]


def has_ended(pid):
    """Gone, or waiting for a process 1 that does not reap."""
    try:
        with open("/proc/%d/stat" % pid, encoding="utf-8") as f:
            return f.read().rsplit(")", 1)[1].split()[0] == "Z"
    except OSError:
        return True


def keys_by_timeout():
    """/proc/keys: {serial: (timeout text, description)} of what is agentid's."""
    found = {}
    with open("/proc/keys", encoding="utf-8") as f:
        for line in f:
            parts = line.split()
            if len(parts) > 8 and parts[8].startswith("agentid"):
                found[int(parts[0], 16)] = (parts[3], parts[8].rstrip(":"), parts[1])
    return found


def kept_keys():
    """Rings of this daemon and what is in them: {serial: (timeout, name, flags)}."""
    rings = anchored_rings()
    serials = set(rings + [key for ring in rings for key in links(ring)])
    return {s: k for s, k in keys_by_timeout().items() if s in serials}


class RealFetch:
    """agentid-fetch with its socket held open across its deaths, as a service manager does."""

    def __init__(self):
        if os.path.exists(FETCH):
            os.unlink(FETCH)
        self.listener = socket.socket(socket.AF_UNIX, socket.SOCK_SEQPACKET)
        self.listener.bind(FETCH)
        os.chmod(FETCH, 0o600)
        self.listener.listen(64)
        self.process = None
        self.log_path = "/run/fetch.log"
        with open(self.log_path, "w", encoding="utf-8"):
            pass
        os.chmod(self.log_path, 0o666)

    def start(self, build=BUILD):
        read = self.listener.fileno()
        self.process = subprocess.Popen(
            ["sh", "-c", "LISTEN_PID=$$ exec %s 3<&%d" % (build + "/agentid-fetch", read)],
            pass_fds=[read], env={"LISTEN_FDS": "1"}, user="nobody", group="nogroup", extra_groups=[],
            stderr=open(self.log_path, "a", encoding="utf-8"))

    def kill(self):
        self.process.kill()
        self.process.wait()


class Host:
    def __init__(self):
        self.daemon = self.fetch = None
        self.log_path = "/run/keyringd.log"
        self.sessions = []
        os.makedirs("/run/agentid", exist_ok=True)
        for path in (JOURNAL, CONTROL + ".count", CONTROL + ".retired", CONTROL + ".exchanged"):
            with open(path, "w", encoding="utf-8"):
                pass
            os.chmod(path, 0o666)
        self.control()
        self.write("/etc/agentid/agents.d/a.conf", self.agent_text("a", "svc"))
        self.write("/etc/agentid/secret", "first-secret\n", 0o600)

    @staticmethod
    def write(path, text, mode=0o644):
        os.makedirs(os.path.dirname(path), exist_ok=True)
        with open(path + ".new", "w", encoding="utf-8") as f:
            f.write(text)
        os.chmod(path + ".new", mode)
        os.rename(path + ".new", path)

    @staticmethod
    def agent_text(name, account, extra_agent="", extra_token="", issuer="https://idp.example/realms/r"):
        return ("[agent]\nid = %s\naccount = %s\n%s[token]\nsource = oidc\nissuer = %s\nclient_id = c\n"
                "client_auth = client_secret_basic\nclient_secret = file:/etc/agentid/secret\naudience = api\n"
                "subject = agent:%s\n%s" % (name, account, extra_agent, issuer, name, extra_token))

    def issue_ourselves(self, account="svc", lifetime="10s"):
        """Agent a gets its tokens from this host's own issuer, for which the real fetch signs."""
        os.unlink("/etc/agentid/agents.d/a.conf")
        self.write("/etc/agentid/agentid.conf", "[issuer]\nurl = https://id.example.com/host\n")
        self.write("/etc/agentid/agents.d/a.conf", "[agent]\nid = a\naccount = %s\n[token]\nsource = host\n"
                   "audience = api\nlifetime = %s\n" % (account, lifetime))
        done = subprocess.run([BUILD + "/agentid-admin", "issuer", "init", "--alg", "ES256"], check=False,
                              capture_output=True, text=True)
        assert done.returncode == 0, done.stderr

    def control(self, **what):
        for counter in (".count", ".retired", ".exchanged"):
            with open(CONTROL + counter, "w", encoding="utf-8"):
                pass
        self.write(CONTROL, json.dumps(dict({"lifetime_ms": 300000}, **what)))

    @staticmethod
    def _journal():
        with open(JOURNAL, encoding="utf-8") as f:
            return [json.loads(line) for line in f]

    def journal(self):
        """Requests for tokens."""
        return [entry for entry in self._journal() if entry["kind"] not in (wire.RETIRE, wire.EXCHANGE)]

    def exchanged(self, name=None):
        """Requests for credentials."""
        return [entry for entry in self._journal() if entry["kind"] == wire.EXCHANGE and
                name in (None, entry["name"])]

    def retired(self):
        """Tokens that the provider was asked to revoke."""
        return [entry for entry in self._journal() if entry["kind"] == wire.RETIRE]

    def log(self):
        with open(self.log_path, encoding="utf-8") as f:
            return f.read()

    def start_fetch(self):
        if os.path.exists(FETCH):
            os.unlink(FETCH)
        self.fetch = subprocess.Popen([sys.executable, SRC + "/tests/support/fake_fetch.py", "--socket", FETCH])
        wait_for("the socket of fetch", lambda: os.path.exists(FETCH))

    def stop_fetch(self):
        self.fetch.kill()
        self.fetch.wait()

    def start(self, *arguments, wrapper=(), wait=True, env=None, stderr=None, build=BUILD):
        log = open(self.log_path, "a", encoding="utf-8")
        before = self.log().count("op=start status=ok")
        self.daemon = subprocess.Popen([*wrapper, os.environ.get("AID_KEYRINGD", build + "/agentid-keyringd"),
                                        *arguments], stderr=stderr or log, env=env or {})
        log.close()
        if wait:
            wait_for("start of keyringd", lambda: self.log().count("op=start status=ok") > before or
                     self.daemon.poll() is not None)
            assert self.daemon.poll() is None, self.log()[-600:]

    def kill(self):
        self.daemon.kill()
        self.daemon.wait()

    def stop(self):
        if self.daemon and self.daemon.poll() is None:
            self.daemon.send_signal(signal.SIGTERM)
            return self.daemon.wait(timeout=10)
        return None

    def open(self, **arguments):
        session = Session(self, **arguments)
        self.sessions.append(session)
        session.opened()
        return session

    def list(self):
        client = Client()
        items = [values for kind, values in client.many(LIST) if kind == SESSION_INFO]
        client.close()
        return items

    def credentials(self, session):
        """By name, what LIST says of a session's credentials."""
        client = Client()
        items = [values for kind, values in client.many(LIST) if kind == CREDENTIAL_INFO]
        client.close()
        return {i[T["NAME"]].decode(): i for i in items if i[T["SESSION"]].decode() == session.opened()["session"]}

    def list_or_none(self):
        """None while nobody answers."""
        try:
            return self.list()
        except OSError:
            return None

    def info(self, session):
        wanted = session.opened()["session"].encode()
        return next((i for i in self.list() if i[T["SESSION"]] == wanted), None)

    def wait_log(self, pattern, seconds=10.0):
        return wait_for("log line '%s'" % pattern, lambda: re.search(pattern, self.log()), seconds)

    def end_sessions(self):
        for session in self.sessions:
            if session.process.poll() is None:
                session.close()
        self.sessions = []

    def reset(self):
        """Between cases: no session, no daemon, fresh files."""
        self.end_sessions()
        self.stop()
        if self.fetch and self.fetch.poll() is None:
            self.stop_fetch()
        for directory in ("/etc/agentid", "/var/lib/agentid"):
            for name in os.listdir(directory):
                path = directory + "/" + name
                if os.path.isdir(path):
                    shutil.rmtree(path)
                else:
                    os.unlink(path)
        with open(self.log_path, "w", encoding="utf-8"):
            pass
        self.__init__()


def run_cases(story, cases, host):
    """Each case is a function of the host; prints its verdict. Exit status for the story."""
    failed = 0
    only = sys.argv[1:]
    for case in cases:
        name = case.__name__.replace("_", "-")
        if only and name not in only:
            continue
        try:
            with open(host.log_path, "w", encoding="utf-8"):
                pass
            case(host)
            print("ok %s: %s" % (story, name), flush=True)
        except Exception as e:  # pylint: disable=broad-except
            failed += 1
            print("not ok %s: %s: %s: %s" % (story, name, type(e).__name__, str(e)[:500]), flush=True)
            sys.stderr.write("---- log of keyringd\n%s----\n" % host.log()[-3000:])
        finally:
            host.reset()
    return 1 if failed else 0
