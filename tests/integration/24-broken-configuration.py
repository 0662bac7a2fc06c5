#!/usr/bin/env python3
# SPDX-License-Identifier: LGPL-2.1-or-later
# Copyright The agentid authors
"""A configuration with mistakes, at the start of the daemon and while it runs: what is broken is refused
by name, and nothing else is."""
import os
import signal
import socket
import subprocess
import sys
import time

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "support"))
# pylint: disable=wrong-import-position
import keyringd_host as kh
import pam_host as ph
from keyringd_host import T, Client, wait_for

AGENTS = "/etc/agentid/agents.d/"
CONF = "/etc/agentid/agentid.conf"
BROKEN = "[agent]\nid = a\naccount = %s\nnonsense = 1\n" % ph.ACCOUNT
RECHECK_S = 10


def agent(host, name, account, directory=AGENTS, file=None, **extra):
    host.write(directory + (file or name) + ".conf", host.agent_text(name, account, **extra))


def running(host, **control):
    """Agents a and b, each with a session."""
    agent(host, "a", ph.ACCOUNT)
    agent(host, "b", "svc-b")
    host.control(**control)
    host.start_fetch()
    host.start()
    return host.open(account=ph.ACCOUNT), host.open(account="svc-b")


def refused(host, account, *sentences, status="config", **arguments):
    try:
        host.open(account=account, **arguments)
    except AssertionError as e:
        for sentence in ("status=" + status, *sentences):
            assert sentence in str(e), (sentence, str(e))
        return
    raise RuntimeError("opened")


def agent_info(name):
    infos = {v[T["AGENT"]].decode(): v for kind, v in Client().many(kh.STATUS_REQUEST) if kind == kh.AGENT_INFO}
    return infos.get(name)


def config_error():
    return Client().many(kh.STATUS_REQUEST)[0][1].get(T["CONFIG_ERROR"], b"").decode()


def reload(host):
    before = host.log().count("op=config ")
    host.daemon.send_signal(signal.SIGHUP)
    wait_for("the configuration is read", lambda: host.log().count("op=config ") > before and
             Client().many(kh.STATUS_REQUEST))


def accounts():
    with open("/run/agentid/accounts", encoding="utf-8") as f:
        return f.read()


def check(*sentences):
    done = subprocess.run([kh.BUILD + "/agentid-admin", "check"], check=False, capture_output=True, text=True)
    assert done.returncode == 6, done
    for sentence in sentences:
        assert sentence in done.stdout + done.stderr, (sentence, done)


class Manager:
    """Hears what the daemon tells the service manager."""

    def __init__(self):
        self.path = "/run/notify"
        if os.path.exists(self.path):
            os.unlink(self.path)
        self.socket = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
        self.socket.bind(self.path)
        self.socket.settimeout(5)
        self.environment = {"NOTIFY_SOCKET": self.path}

    def status(self):
        """The next STATUS= line."""
        while True:
            for line in self.socket.recv(4096).decode().splitlines():
                if line.startswith("STATUS="):
                    return line


# ---- one agent's file ----

def start_with_one_broken_file(host):
    a, b = running(host, lifetime_ms=4000)
    host.kill()
    host.write(AGENTS + "a.conf", BROKEN)
    check(AGENTS + "a.conf:4", "nonsense")
    manager = Manager()
    host.start(env=manager.environment)
    assert "a.conf:4" in manager.status()
    assert len(host.list()) == 2 and a.token() and b.token()
    refused(host, ph.ACCOUNT, "account '%s' is not valid: %sa.conf:4" % (ph.ACCOUNT, AGENTS), "nonsense")
    refused(host, ph.ACCOUNT, "agent 'a' is not valid", extra=("--agent", "a"))
    host.open(account="svc-b")
    assert accounts() == "%s a\nsvc-b b\n" % ph.ACCOUNT
    text, _ = ph.pam("open")
    assert ph.code_of(text) == ph.SESSION_ERR and "a.conf:4" in text, text
    info = agent_info("a")
    assert info[T["STATE"]] == b"misconfigured" and b"a.conf:4" in info[T["LAST_ERROR"]], info
    assert agent_info("b")[T["STATE"]] == b"ok"
    shown = subprocess.run([kh.BUILD + "/agentid", "status"], capture_output=True, text=True, check=False)
    assert "misconfigured" in shown.stdout and "a.conf:4" in shown.stdout, shown
    # The session of a stays until its token expires, and says why; that of b is refreshed.
    token = b.token()
    wait_for("b is refreshed", lambda: b.token() not in (None, token), 6)
    wait_for("a says why it is not", lambda: host.info(a)[T["FAILURES"]] > 0, 6)
    assert b"a.conf:4" in host.info(a)[T["LAST_ERROR"]]
    host.wait_log(r"op=refresh agent='a' .*status=config .*a\.conf:4", 2)
    agent(host, "a", ph.ACCOUNT)
    reload(host)
    wait_for("a is refreshed", lambda: a.token() and host.info(a)[T["STATE"]] == b"fresh", 6)
    assert not config_error() and agent_info("a")[T["STATE"]] == b"ok"
    assert manager.status() == "STATUS=Serving; 2 agents"
    host.open(account=ph.ACCOUNT)


def a_file_that_breaks_while_it_runs(host):
    """The last good form stays in force for that agent; changes of the others count."""
    a, b = running(host, lifetime_ms=4000)
    host.write(AGENTS + "a.conf", BROKEN.replace(ph.ACCOUNT, "root"))
    agent(host, "c", "svc-c")
    os.unlink(AGENTS + "b.conf")
    reload(host)
    token = a.token()
    wait_for("a is refreshed", lambda: a.token() not in (None, token), 6)
    host.open(account=ph.ACCOUNT)
    host.open(account="svc-c")
    wait_for("b has ended", lambda: b.token() is None)
    info = agent_info("a")
    assert info[T["STATE"]] == b"misconfigured", info
    assert info[T["LAST_ERROR"]].startswith(b"the last good configuration is in force; " + AGENTS.encode() + b"a.conf:3")
    assert accounts() == "%s a\nsvc-c c\n" % ph.ACCOUNT
    # Broken again in another way: what was good is still known.
    host.write(AGENTS + "a.conf", "garbage", 0o666)
    reload(host)
    host.open(account=ph.ACCOUNT)
    os.unlink(AGENTS + "a.conf")
    reload(host)
    wait_for("a has ended with its file", lambda: a.token() is None)
    refused(host, ph.ACCOUNT, "account '%s' is no agent" % ph.ACCOUNT, status="not-found")


def a_file_that_says_nothing(host):
    """Nobody knows whose it is: no account loses its sessions, or its place in the index, for that."""
    a, b = running(host)
    host.kill()
    host.write(AGENTS + "a.conf", "garbage", 0o666)
    host.start()
    assert len(host.list()) == 2 and a.token() and b.token()
    assert accounts() == "%s a\nsvc-b b\n" % ph.ACCOUNT
    refused(host, ph.ACCOUNT, "account '%s' may stand in a file that is not valid: %sa.conf" % (ph.ACCOUNT, AGENTS))
    text, _ = ph.pam("open", "token")
    assert ph.code_of(text) == ph.SESSION_ERR and "a.conf" in text, text
    host.open(account="svc-b")
    # The id is known now, the account still is not.
    host.write(AGENTS + "a.conf", "[agent]\nid = a\n")
    reload(host)
    assert accounts() == "%s a\nsvc-b b\n" % ph.ACCOUNT and a.token()
    refused(host, ph.ACCOUNT, "account '%s' may stand in a file that is not valid: %sa.conf" % (ph.ACCOUNT, AGENTS))
    assert agent_info("a")[T["STATE"]] == b"misconfigured"
    # Gone is gone.
    os.unlink(AGENTS + "a.conf")
    reload(host)
    wait_for("a has ended", lambda: a.token() is None)
    assert accounts() == "svc-b b\n" and b.token()


def a_file_that_is_mended_is_seen_without_a_signal(host):
    running(host)
    host.kill()
    host.write(AGENTS + "a.conf", BROKEN)
    host.start()
    refused(host, ph.ACCOUNT, "a.conf:4")
    said = host.log().count("nonsense")
    time.sleep(RECHECK_S + 1)
    assert host.log().count("nonsense") == said + 0, "the same problem is told again"
    agent(host, "a", ph.ACCOUNT)
    wait_for("it is in force", lambda: not config_error(), RECHECK_S + 3)
    host.open(account=ph.ACCOUNT)


# ---- two files that claim the same ----

def a_newcomer_does_not_switch_off_who_is_in_force(host):
    a, _ = running(host)
    for name, account, sentence in (("a", "other", "[agent] id = 'a' is taken by %sa.conf"),
                                    ("0", ph.ACCOUNT, "[agent] account = '" + ph.ACCOUNT + "' belongs to the agent of %sa.conf")):
        agent(host, name, account, file="0-newcomer")
        reload(host)
        assert sentence % AGENTS in config_error() and "0-newcomer.conf" in config_error(), config_error()
        host.open(account=ph.ACCOUNT)
        assert a.token() and ph.ACCOUNT + " a\n" in accounts()
    # A file that is refused claims nothing, neither now nor at a start.
    host.write(AGENTS + "0-newcomer.conf", BROKEN)
    reload(host)
    host.open(account=ph.ACCOUNT)
    host.kill()
    host.start()
    host.open(account=ph.ACCOUNT)
    assert a.token() and ph.ACCOUNT + " a\n" in accounts()


def at_a_start_both_are_refused(host):
    """Nothing says whose the account is; everybody else is served, and running sessions stay."""
    a, b = running(host)
    host.kill()
    agent(host, "z", ph.ACCOUNT)
    check("belongs to the agent of %sa.conf" % AGENTS)
    host.start()
    refused(host, ph.ACCOUNT, AGENTS + "z.conf:3", "belongs to the agent of %sa.conf" % AGENTS)
    host.open(account="svc-b")
    assert a.token() and b.token() and {v[T["AGENT"]] for v in host.list()} == {b"a", b"b"}
    assert agent_info("a")[T["STATE"]] == agent_info("z")[T["STATE"]] == b"misconfigured"
    assert ph.ACCOUNT + " " in accounts()
    os.unlink(AGENTS + "z.conf")
    reload(host)
    host.open(account=ph.ACCOUNT)
    assert a.token() and agent_info("a")[T["STATE"]] == b"ok" and not config_error()


# ---- agentid.conf ----

def start_with_a_broken_agentid_conf(host):
    a, b = running(host, lifetime_ms=6000)
    host.kill()
    host.write(CONF, "[issuer]\nurl = https://id.example\n[fetch]\nwrong = yes\n")
    check(CONF + ":4")
    manager = Manager()
    host.start(env=manager.environment)
    status = manager.status()
    assert status.startswith("STATUS=2 sessions; no valid configuration: " + CONF + ":4"), status
    assert a.token() and b.token() and len(host.list()) == 2
    for account in (ph.ACCOUNT, "svc-b"):
        refused(host, account, "no valid configuration: " + CONF + ":4", "wrong")
    host.write(CONF, "[issuer]\nurl = https://id.example\n")
    wait_for("it is in force without a signal", lambda: not config_error(), RECHECK_S + 3)
    assert manager.status() == "STATUS=Serving; 2 agents"
    for session in (a, b):
        wait_for("it is refreshed", lambda s=session: s.token() and host.info(s)[T["STATE"]] == b"fresh", 8)
    host.open(account=ph.ACCOUNT)


def no_agent_at_all(host):
    os.unlink(AGENTS + "a.conf")
    manager = Manager()
    host.start_fetch()
    host.start(env=manager.environment)
    assert manager.status() == "STATUS=Serving; no agent is configured"
    assert host.log().count("detail='no agent is configured'") == 1 and host.daemon.poll() is None
    refused(host, "svc", "account 'svc' is no agent", status="not-found")
    agent(host, "a", "svc")
    reload(host)
    assert manager.status() == "STATUS=Serving; 1 agents"
    host.open()


def the_user_of_fetch_is_read_though_the_file_is_broken(host):
    fake = "/run/fetch"
    os.makedirs(fake, exist_ok=True)
    with open(kh.SRC + "/tests/support/fake_fetch.py", encoding="utf-8") as f:
        host.write(fake + "/fake_fetch.py", f.read(), 0o755)
    host.write(CONF, "[fetch]\nuser = nobody\nwrong = yes\n")
    host.start("--standalone", "--fetch", fake + "/fake_fetch.py")
    refused(host, "svc", CONF + ":3")
    host.write(CONF, "[fetch]\nuser = nobody\n")
    reload(host)
    host.open()
    assert os.stat("/proc/%d" % host.journal()[-1]["pid"]).st_uid == 65534


CASES = [start_with_one_broken_file, a_file_that_breaks_while_it_runs, a_file_that_says_nothing,
         a_file_that_is_mended_is_seen_without_a_signal, a_newcomer_does_not_switch_off_who_is_in_force,
         at_a_start_both_are_refused, start_with_a_broken_agentid_conf, no_agent_at_all,
         the_user_of_fetch_is_read_though_the_file_is_broken]

if __name__ == "__main__":
    kh.enter()
    sys.exit(kh.run_cases("24-broken-configuration", CASES, kh.Host()))
