#!/usr/bin/env python3
# SPDX-License-Identifier: LGPL-2.1-or-later
# Copyright The agentid authors
"""What a machine does to agentid-keyringd and to the processes that open sessions: no room for keys, no
descriptors, no disk, system calls refused, daemons that hang, a configuration that breaks."""
import ctypes
import errno
import os
import re
import signal
import subprocess
import sys
import time

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "support"))
# pylint: disable=wrong-import-position
import credential_host as credentials
import keyringd_host as kh
import pam_host as ph
from credential_host import AWS, VAULT, section
from keyringd_host import T, AsUid, Client, wait_for

KEY_CALLS = (b"keyctl", b"add_key", b"request_key")


def descriptors(host):
    return len(os.listdir("/proc/%d/fd" % host.daemon.pid))


def refused(host, status, **arguments):
    """Opening fails with this status; its text is returned."""
    try:
        host.open(account=ph.ACCOUNT, **arguments)
    except AssertionError as e:
        assert "status=" + status in str(e), e
        return str(e)
    raise RuntimeError("opened")


# ---- F19: the key quota, which is the whole machine's ----

class Quota:
    """kernel.keys.root_maxbytes or root_maxkeys, put back whatever happens."""

    def __init__(self, what="bytes"):
        self.path, self.column = "/proc/sys/kernel/keys/root_max" + what, {"keys": 3, "bytes": 4}[what]

    def __enter__(self):
        with open(self.path, encoding="utf-8") as f:
            self.before = f.read().strip()
        return self

    def leave(self, room):
        """Only so many more than root uses now."""
        with open("/proc/key-users", encoding="utf-8") as f:
            used = next(line for line in f if line.split()[0] == "0:").split()[self.column].split("/")[0]
        self.set(int(used) + room)

    def set(self, value):
        with open(self.path, "w", encoding="utf-8") as f:
            f.write("%s\n" % value)

    def __exit__(self, *_):
        self.set(self.before)


def refused_for_quota(host, quota, room, **arguments):
    """Others' keys may go at the same moment and make room: then once more."""
    for _ in range(8):
        quota.leave(room)
        time.sleep(0.25)  # one reading of the kernel's figures serves keyringd so long
        try:
            return refused(host, "quota", **arguments)
        except RuntimeError:
            host.sessions.pop().close()
    raise AssertionError("opened 8 times with only %d bytes left" % room)


def quota_is_asked_before_a_session_is_let_in(host):
    ph.running(host, lifetime_ms=2000)
    s = host.open(account=ph.ACCOUNT)
    with Quota() as quota:
        # Enough for the opener's keyrings, too little for what keyringd puts in and keeps in reserve.
        text = refused_for_quota(host, quota, 600)
        assert "raise kernel.keys.root_maxbytes" in text and "sessions need" in text, text
        token = s.token()
        quota.leave(600)
        wait_for("the session that runs is refreshed", lambda: s.token() not in (None, token), 4)
    host.wait_log("op=open agent='' account='games' .*status=quota")
    time.sleep(0.25)
    host.open(account=ph.ACCOUNT)


def quota_that_ends_meanwhile_leaves_nothing_half_made(host):
    ph.running(host, delay_ms=700)
    for _ in range(5):
        with Quota() as quota:
            opening = kh.Session(host, account=ph.ACCOUNT)
            host.sessions.append(opening)
            wait_for("the request is under way", lambda: host.list() != [])
            quota.leave(0)
            line = opening.process.stdout.readline()
        if "status=quota" in line:
            break
        opening.close()
    assert "status=quota" in line, line
    opening.process.wait(timeout=5)
    ph.nothing_kept(host)
    host.control()
    host.open(account=ph.ACCOUNT)


def nobody_gets_what_others_need(host, what, room, sysctl):
    """Neither a session nor a credential is let in; who runs is refreshed."""
    credentials.running(host, section("aws", AWS, "refresh = always\n"), section("vault", VAULT), lifetime_ms=3000,
                        exchange_ms=4000)
    s, others = host.open(), [host.open() for _ in range(6)]
    command = subprocess.Popen(
        [kh.BUILD + "/tests/support/session_client", "--account", "svc", "--uid", "4001", "--", "sh", "-c",
         "read go; %s/agentid get vault; echo rc=$?" % kh.BUILD], stdin=subprocess.PIPE, stdout=subprocess.PIPE,
        stderr=subprocess.PIPE, text=True)
    wait_for("the session of the command", lambda: len(host.list()) == 8)
    credentials.got(s)
    with Quota(what) as quota:
        for other in others:
            quota.leave(room)
            time.sleep(0.25)
            kind, values = credentials.get(other, "vault")
            if kind == kh.ERROR:
                break
        assert (kind, values[T["STATUS"]]) == (kh.ERROR, kh.ST["quota"]) and sysctl in values[T["TEXT"]], values
        out, err = command.communicate("go\n", timeout=10)
        assert "rc=1\n" in out and err.startswith("agentid: key quota of root: ") and \
            sysctl.decode() in err, (out, err)
        before = s.token(), s.token("agentid:aws")
        wait_for("token and credential are refreshed", lambda: s.token() not in (None, before[0]) and
                 s.token("agentid:aws") not in (None, before[1]), 8)
        try:
            host.open()
            raise RuntimeError("opened")
        except AssertionError as e:
            assert "status=quota" in str(e), e
    time.sleep(0.25)
    credentials.got(other, "vault")


def quota_of_bytes_is_asked_before_a_credential_is_got(host):
    nobody_gets_what_others_need(host, "bytes", 600, b"raise kernel.keys.root_maxbytes")


def quota_of_keys_is_asked_before_a_credential_is_got(host):
    nobody_gets_what_others_need(host, "keys", 12, b"raise kernel.keys.root_maxkeys")


# Room for the credential, but not for what has to be noted of it.
def quota_that_ends_under_a_credential(host):
    credentials.running(host, section("aws", AWS), delay_ms=300)
    sessions = [host.open() for _ in range(6)]
    for asked, (s, room) in enumerate(zip(sessions, range(40, 280, 40))):
        with Quota() as quota:
            client = Client()
            client.send(kh.GET, [("SESSION", s.opened()["session"]), ("NAME", "aws")])
            wait_for("it is asked for", lambda n=asked + 1: len(host.exchanged()) == n)
            quota.leave(room)
            kind, _, values = client.receive()
        assert (kind, values[T["STATUS"]]) == (kh.ERROR, kh.ST["quota"]), (room, values)
        assert s.token("agentid:aws") is None and "aws" not in credentials.info(s), room


def quota_of_the_process_that_opens(host):
    ph.running(host)
    with Quota() as quota:
        for _ in range(5):
            quota.leave(-100)
            text, _ = ph.pam("open", "token")
            if ph.code_of(text) == ph.SESSION_ERR:
                break
    assert ph.code_of(text) == ph.SESSION_ERR and "status=quota" in text and "token:not-found" in text, text
    ph.nothing_kept(host)
    assert host.journal() == [], "the provider was asked"
    text, _ = ph.pam("open", "token", "close")
    assert "open=0\ntoken=tok-" in text and "close=0" in text, text


# ---- F20: the kernel refuses to keep keys ----

def refuse_calls(calls, number):
    """In a child before exec: these system calls fail with that number."""
    seccomp = ctypes.CDLL("libseccomp.so.2")
    seccomp.seccomp_init.restype = ctypes.c_void_p
    allow, fail = 0x7fff0000, 0x00050000

    def install():
        context = ctypes.c_void_p(seccomp.seccomp_init(ctypes.c_uint32(allow)))
        for name in calls:
            if seccomp.seccomp_rule_add(context, ctypes.c_uint32(fail | number),
                                        seccomp.seccomp_syscall_resolve_name(name), ctypes.c_uint(0)) != 0:
                os._exit(99)
        if seccomp.seccomp_load(context) != 0:
            os._exit(99)
    return install


def key_calls_that_are_refused(host):
    ph.running(host)
    for number in (errno.EPERM, errno.ENOSYS, errno.ENOMEM):
        for calls in (KEY_CALLS, (b"keyctl",), (b"add_key",)):
            text, _ = ph.pam("open", "state", preexec_fn=refuse_calls(calls, number))
            assert ph.code_of(text) in (ph.SESSION_ERR, ph.BUF_ERR), text
            assert re.search(r"log: .*op=open account='games' status=\S+ detail='", text), text
            assert "state=same" in text, text
    text, _ = ph.pam("open", "token", "close", options="on_error=ignore",
                  preexec_fn=refuse_calls(KEY_CALLS, errno.ENOSYS))
    assert "open=0" in text and "ignored=yes" in text and "token:" in text and "close=0" in text, text
    assert host.journal() == [], "a token was got although nothing could keep it"
    ph.nothing_kept(host)


def session_keyring_that_was_revoked(host):
    ph.running(host)
    text, _ = ph.pam("revoke-session", "open", "token", "close")
    assert "open=0\ntoken=tok-" in text and "close=0" in text, text
    ph.nothing_kept(host)


# ---- F23: daemons that hang ----

def keyringd_that_hangs(host):
    ph.running(host)
    host.daemon.send_signal(signal.SIGSTOP)
    try:
        text, took = ph.pam("open", options="timeout=1")
        assert ph.code_of(text) == ph.SESSION_ERR and "status=timeout" in text and took < 2, (took, text)
        text, took = ph.pam("open", "close", options="timeout=1 on_error=ignore")
        assert "open=0" in text and took < 2, (took, text)
        text, took = ph.pam("user=daemon", "open", options="timeout=1")
        assert "open=0" in text and took < 1, (took, text)
    finally:
        host.daemon.send_signal(signal.SIGCONT)
    ph.nothing_kept(host)
    text, _ = ph.pam("open", "token", "close")
    assert "open=0\ntoken=tok-" in text, text


def fetch_that_hangs_is_replaced(host):
    host.issue_ourselves(ph.ACCOUNT, "60s")
    host.write("/etc/agentid/agentid.conf", "[issuer]\nurl = https://id.example.com/host\n[fetch]\nuser = nobody\n")
    host.start("--standalone", "--fetch", kh.BUILD + "/agentid-fetch")
    s = host.open(account=ph.ACCOUNT)
    pids = fetch_pids()
    assert len(pids) == 1, pids
    token = s.token()
    os.kill(pids[0], signal.SIGSTOP)
    host.wait_log("agentid-fetch gave no sign of life for", 15)
    wait_for("another fetch", lambda: fetch_pids() not in ([], pids), 5)
    assert s.token() == token
    kind, _, values = Client().ask(kh.REFRESH, SESSION=s.opened()["session"])
    assert kind == kh.DONE, values
    assert s.token() not in (None, token)


def fetch_pids():
    found = []
    for pid in filter(str.isdigit, os.listdir("/proc")):
        try:
            if os.readlink("/proc/%s/exe" % pid) == kh.BUILD + "/agentid-fetch":
                found.append(int(pid))
        except OSError:
            pass
    return found


# ---- F24, F27: connections and descriptors ----

def a_thousand_idle_connections_of_one_uid(host):
    ph.running(host)
    s = host.open(account=ph.ACCOUNT)
    before = descriptors(host)
    read, write = os.pipe()
    pid = os.fork()
    if pid == 0:
        os.close(write)
        os.setuid(4003)
        kept = []
        for _ in range(1000):
            try:
                kept.append(Client(timeout=3))
            except OSError:
                pass
        os.read(read, 1)
        os._exit(0)
    os.close(read)
    try:
        wait_for("the connections", lambda: descriptors(host) >= before + 60)
        for uid in (4004, 4005):
            begun = time.monotonic()
            assert AsUid(uid).ask(kh.LIST)[0] == kh.DONE
            assert time.monotonic() - begun < 1
        text, took = ph.pam("open", "token", "close")
        assert "open=0\ntoken=tok-" in text and took < 2, (took, text)
        kind, _, values = Client().ask(kh.REFRESH, SESSION=s.opened()["session"])
        assert kind == kh.DONE, values
        assert descriptors(host) <= before + 66
    finally:
        os.close(write)
        os.waitpid(pid, 0)
    wait_for("the descriptors are back", lambda: descriptors(host) <= before, 5)


def no_descriptor_left_for_the_daemon(host):
    host.write("/etc/agentid/agents.d/a.conf", host.agent_text("a", ph.ACCOUNT))
    host.start_fetch()
    host.start(wrapper=("prlimit", "--nofile=40:40", "setpriv", "--bounding-set", "-sys_resource"))
    first = host.open(account=ph.ACCOUNT)
    for _ in range(40):
        try:
            host.open(account=ph.ACCOUNT, extra=("--timeout", "1000"))
        except AssertionError as e:
            assert re.search("status=(busy|timeout|io|unreachable)", str(e)), e
            break
    else:
        raise AssertionError("40 descriptors served 40 sessions")
    assert len(host.sessions) > 10
    for s in host.sessions[1:]:
        s.kill()
    wait_for("the others end", lambda: len(host.list()) == 1)
    kind, _, values = Client().ask(kh.REFRESH, SESSION=first.opened()["session"])
    assert kind == kh.DONE, values
    host.open(account=ph.ACCOUNT)


# ---- F25: nowhere to write ----

def log_that_nobody_reads(host):
    ph.issuing(host, lifetime="5s")
    s = host.open(account=ph.ACCOUNT)
    host.kill()
    read, write = os.pipe()
    os.set_blocking(write, False)
    try:
        while True:
            os.write(write, b"x" * 4096)
    except BlockingIOError:
        os.set_blocking(write, True)
    full = open("/dev/full", "w", encoding="utf-8")
    for sink in (write, full):
        host.start(wait=False, stderr=sink)
        wait_for("keyringd serves", lambda: host.list_or_none() is not None)
        token = s.token()
        wait_for("a refresh", lambda t=token: s.token() not in (None, t), 6)
        text, _ = ph.pam("open", "token", "close")
        assert "open=0\ntoken=ey" in text, text
        host.kill()
    full.close()
    os.close(write)
    os.close(read)
    host.start()


def read_only_root_and_full_run(host):
    ph.issuing(host, lifetime="5s")
    s = host.open(account=ph.ACCOUNT)
    ph.pam("open", "close")
    used = os.statvfs("/run")
    kib = (used.f_blocks - used.f_bfree) * used.f_frsize // 1024
    mount = "mount -o %s,remount,size=%dk /run && mount -o bind,remount,%s /"
    try:
        subprocess.run(mount % ("rw", kib, "ro"), shell=True, check=True)
        token = s.token()
        wait_for("a refresh", lambda: s.token() not in (None, token), 6)
        text, _ = ph.pam("open", "token", "close")
        assert "open=0\ntoken=ey" in text, text
        host.kill()
        host.start(wait=False, stderr=subprocess.DEVNULL)
        wait_for("keyringd serves", lambda: host.list_or_none() is not None)
        token = s.token()
        wait_for("a refresh", lambda: s.token() not in (None, token), 6)
        text, _ = ph.pam("open", "token", "close")
        assert "open=0\ntoken=ey" in text, text
    finally:
        subprocess.run(mount % ("rw", 1 << 20, "rw"), shell=True, check=True)


# ---- F31: a configuration that breaks while keyringd runs ----

def breakages(good):
    """{name: (file, text or None to delete it, mode)}"""
    a, general = "/etc/agentid/agents.d/a.conf", "/etc/agentid/agentid.conf"
    return {
        "syntax": (a, good.replace("[token]", "[token"), 0o644),
        "unknown key": (a, good + "nonsense = x\n", 0o644),
        "cut in the middle": (a, good[:good.index("[token]") + 12], 0o644),
        "others may write it": (a, good, 0o666),
        "unknown section": (general, "[isuer]\nurl = https://id.example.com\n", 0o644),
        "no such value": (general, "[fetch]\nuser =\n", 0o644),
        "a secret in it": (a, good.replace("file:/etc/agentid/secret", "hunter2"), 0o644),
    }


def configuration_that_breaks_in_each_way(host):
    ph.running(host)
    good = host.agent_text("a", ph.ACCOUNT)
    s = host.open(account=ph.ACCOUNT)
    for name, (path, text, mode) in breakages(good).items():
        host.write("/etc/agentid/agents.d/a.conf", good)
        host.write("/etc/agentid/agentid.conf", "")
        host.daemon.send_signal(signal.SIGHUP)
        wait_for(name + ": the good one is read", lambda: not config_error(), 5)
        host.write(path, text, mode)
        checked = subprocess.run([kh.BUILD + "/agentid-admin", "check"], check=False, capture_output=True, text=True)
        assert checked.returncode != 0, "%s: agentid check finds nothing: %s" % (name, checked.stdout)
        host.daemon.send_signal(signal.SIGHUP)
        wait_for(name + ": the error is known", config_error, 5)
        assert b"hunter2" not in config_error() and "hunter2" not in checked.stdout + checked.stderr, name
        text, _ = ph.pam("open", "token", "close")
        assert "open=0\ntoken=tok-" in text, (name, text)
        kind, _, values = Client().ask(kh.REFRESH, SESSION=s.opened()["session"])
        assert kind == kh.DONE, (name, values)
        host.kill()
        host.start()
        text, _ = ph.pam("open")
        assert ph.code_of(text) == ph.SESSION_ERR and "status=config" in text, (name, text)
        assert s.token() is not None, name


def config_error():
    _, daemon = Client().many(kh.STATUS_REQUEST)[0]
    return daemon.get(T["CONFIG_ERROR"], b"")


CASES = [quota_is_asked_before_a_session_is_let_in, quota_that_ends_meanwhile_leaves_nothing_half_made,
         quota_of_bytes_is_asked_before_a_credential_is_got, quota_of_keys_is_asked_before_a_credential_is_got,
         quota_that_ends_under_a_credential,
         quota_of_the_process_that_opens, key_calls_that_are_refused, session_keyring_that_was_revoked,
         keyringd_that_hangs, fetch_that_hangs_is_replaced,
         a_thousand_idle_connections_of_one_uid, no_descriptor_left_for_the_daemon, log_that_nobody_reads,
         read_only_root_and_full_run, configuration_that_breaks_in_each_way]

if __name__ == "__main__":
    kh.enter()
    sys.exit(kh.run_cases("74-faults", CASES, kh.Host()))
