#!/usr/bin/env python3
# SPDX-License-Identifier: LGPL-2.1-or-later
# Copyright The agentid authors
"""Each step once fails: agentid-keyringd is killed right before each of its system calls that change a
key or a file or talk to somebody, so is a rotation of the issuer's key; each allocation of keyringd and of
the module finds no memory."""
import os
import signal
import subprocess
import sys

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "support"))
# pylint: disable=wrong-import-position
import keyringd_host as kh
import pam_host as ph
from keyringd_host import ST, T, Client, wait_for


def ask_everything(host, session, other_opens):
    """A refresh, an open, a close; each may find nobody there."""
    try:
        client = Client(timeout=5)
        client.ask(kh.REFRESH, SESSION=session.opened()["session"])
        client.close()
    except OSError:
        pass
    other = kh.Session(host, account=ph.ACCOUNT, extra=("--timeout", "3000"))
    line = other.process.stdout.readline()
    other_opens.append(line.startswith("opened "))
    other.close()


def ended(process):
    """Its connections end a moment before it does."""
    try:
        process.wait(timeout=0.2)
    except subprocess.TimeoutExpired:
        return False
    return True


def judge_after_death(host, session, n):
    """A clean start finds everything in order."""
    host.start()
    assert session.token() is not None, "death %d: the session has lost its token" % n
    wait_for("death %d: only the session that runs" % n, lambda: [i[T["SESSION"]].decode() for i in host.list()] ==
             [session.opened()["session"]], 5)
    assert kh.anchored_rings() == [session.ring], "death %d: a ring is left" % n
    kept = kh.kept_keys()
    assert [k for k in kept.values() if k[0] == "perm"] == [], "death %d: no timeout: %s" % (n, kept)
    kind, _, values = Client().ask(kh.REFRESH, SESSION=session.opened()["session"])
    assert kind == kh.DONE or values[T["STATUS"]] == ST["busy"], "death %d: %s" % (n, values)
    host.kill()


def death_before_every_step(host):
    ph.running(host)
    session = host.open(account=ph.ACCOUNT)
    host.kill()
    opens = []
    for n in range(1, 500):
        environment = {"LD_PRELOAD": ph.preload("die_at"), "DIE_AT": str(n)}
        host.start(wait=False, env=environment)
        started = wait_for("start or death", lambda: host.daemon.poll() is not None or
                           "op=start status=ok" in host.log())
        if started and host.daemon.poll() is None:
            ask_everything(host, session, opens)
        if not ended(host.daemon):
            break
        assert host.daemon.returncode == -signal.SIGKILL, host.log()[-500:]
        judge_after_death(host, session, n)
        with open(host.log_path, "w", encoding="utf-8"):
            pass
    sys.stderr.write("%d steps, %d of %d openings went well\n" % (n - 1, sum(opens), len(opens)))
    assert n > 40 and opens[-1] and not all(opens), (n, opens)
    host.kill()
    host.start()


CREDENTIALS = ("[credential aws]\ntype = aws-sts\nrole_arn = arn:aws:iam::123456789012:role/agent\nregion = eu-west-1\n"
               "[credential vault]\ntype = vault\naddress = https://vault.example\nrole = agent\nassertion_audience = v\n"
               "at_open = yes\n")


def get(session, name):
    client = Client(timeout=5)
    kind, _, values = client.ask(kh.GET, SESSION=session.opened()["session"], NAME=name)
    client.close()
    return kind, values


def ask_for_credentials(session, n):
    """One is made and one replaced, each anew each time; each may find nobody there."""
    for name in ("aws", "vault"):
        try:
            if n % 2 == 0 and session.key("agentid:" + name):
                subprocess.run(["keyctl", "revoke", str(session.key("agentid:" + name))], check=True)
            get(session, name)
        except OSError:
            pass


def death_before_every_step_of_credentials(host):
    """None outlives what is known of it, none is without a timeout, and each can be had again."""
    host.write("/etc/agentid/agents.d/a.conf", host.agent_text("a", ph.ACCOUNT, extra_token=CREDENTIALS))
    host.control(exchange_ms=600000)
    host.start_fetch()
    host.start()
    session = host.open(account=ph.ACCOUNT)
    host.kill()
    opens = []
    for n in range(1, 500):
        host.start(wait=False, env={"LD_PRELOAD": ph.preload("die_at"), "DIE_AT": str(n)})
        wait_for("start or death", lambda: host.daemon.poll() is not None or "op=start status=ok" in host.log())
        if host.daemon.poll() is None:
            ask_for_credentials(session, n)
            ask_everything(host, session, opens)
        if not ended(host.daemon):
            break
        assert host.daemon.returncode == -signal.SIGKILL, host.log()[-500:]
        host.start()
        for name in ("aws", "vault"):
            kind, values = get(session, name)
            assert kind == kh.DONE or b"ended its own key" in values[T["TEXT"]], "death %d: %s" % (n, values)
            assert kind != kh.DONE or session.token("agentid:" + name), "death %d: %s cannot be read" % (n, name)
        host.kill()
        judge_after_death(host, session, n)
        with open(host.log_path, "w", encoding="utf-8"):
            pass
    sys.stderr.write("%d steps, %d of %d openings went well\n" % (n - 1, sum(opens), len(opens)))
    assert n > 60 and opens[-1], (n, opens)
    host.kill()
    host.start()


def death_before_every_step_of_a_rotation(host):
    ph.issuing(host, lifetime="60s")
    session = host.open(account=ph.ACCOUNT)
    admin = [kh.BUILD + "/agentid-admin", "issuer"]
    for n in range(1, 200):
        done = subprocess.run(admin + ["rotate", "--now"], check=False, capture_output=True, text=True,
                              env={"LD_PRELOAD": ph.preload("die_at"), "DIE_AT": str(n)})
        shown = subprocess.run(admin + ["show"], check=False, capture_output=True, text=True)
        assert shown.returncode == 0, "death %d: %s" % (n, shown.stderr)
        token = session.token()
        kind, _, values = Client().ask(kh.REFRESH, SESSION=session.opened()["session"])
        assert kind == kh.DONE and session.token() not in (None, token), "death %d: %s" % (n, values)
        if done.returncode != -signal.SIGKILL:
            break
    assert done.returncode == 0 and n > 4, (n, done.returncode, done.stderr)
    sys.stderr.write("%d steps\n" % (n - 1))


def without_memory(n, *steps):
    return ph.pam(*steps, env={"LD_PRELOAD": ph.preload("fail_alloc"), "FAIL_AT": str(n)})[0]


def module_without_memory(host, index):
    """Each allocation of open and of close fails once, by itself. True when one failed."""
    failed = 0
    for n in range(1, 2000):
        if not index:
            os.unlink("/run/agentid/accounts")
        text = without_memory(n, "open", "token", "close")
        assert ph.code_of(text) in (ph.SUCCESS, ph.SYSTEM_ERR, ph.BUF_ERR, ph.SESSION_ERR), (n, text)
        if ph.code_of(text) != ph.SUCCESS:
            failed += 1
        else:
            assert "token=tok-" in text, (n, text)
        if "no memory" not in text:
            break
        if not index:
            host.daemon.send_signal(signal.SIGHUP)
            wait_for("the index", lambda: os.path.exists("/run/agentid/accounts"))
    assert ph.code_of(text) == ph.code_of(text, "close") == ph.SUCCESS, text
    sys.stderr.write("%d allocations, %d of them needed\n" % (n - 1, failed))
    assert failed > 0
    ph.nothing_kept(host)


def no_memory_for_the_module(host):
    ph.running(host)
    module_without_memory(host, True)


def no_memory_for_the_module_without_an_index(host):
    ph.running(host)
    module_without_memory(host, False)


def no_memory_for_the_daemon(host):
    ph.running(host)
    session = host.open(account=ph.ACCOUNT)
    host.kill()
    opens, deaths = [], 0
    for n in range(1, 500):
        host.start(env={"LD_PRELOAD": ph.preload("fail_alloc"), "FAIL_AT": str(n)})
        ask_everything(host, session, opens)
        failed = "no memory" in host.log()
        if not ended(host.daemon):
            host.kill()
        else:
            assert host.daemon.returncode in (1, -signal.SIGABRT), host.daemon.returncode
            deaths += 1
        judge_after_death(host, session, n)
        if not failed:
            break
        with open(host.log_path, "w", encoding="utf-8"):
            pass
    sys.stderr.write("%d allocations, %d deaths, %d of %d openings went well\n" %
                     (n - 1, deaths, sum(opens), len(opens)))
    assert n > 5 and opens[-1] and not all(opens), (n, opens)
    host.start()


CASES = [death_before_every_step, death_before_every_step_of_credentials, death_before_every_step_of_a_rotation, no_memory_for_the_module,
         no_memory_for_the_module_without_an_index, no_memory_for_the_daemon]

if __name__ == "__main__":
    kh.enter()
    sys.exit(kh.run_cases("75-every-step", CASES, kh.Host()))
