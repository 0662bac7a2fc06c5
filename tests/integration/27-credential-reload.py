#!/usr/bin/env python3
# SPDX-License-Identifier: LGPL-2.1-or-later
# Copyright The agentid authors
"""Credentials whose section changes, goes or breaks: whose they were, and who may see them afterwards."""
import hashlib
import os
import signal
import subprocess
import sys

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "support"))
# pylint: disable=wrong-import-position
import keyringd_host as kh
from credential_host import AWS, UNREACHABLE, VAULT, got, info, refused, running, section
from keyringd_host import wait_for


def change_vault(host, address):
    host.write("/etc/agentid/agents.d/a.conf", host.agent_text("a", "svc", extra_token=section(
        "vault", VAULT.replace("vault.example:8200", address))))
    loaded = host.log().count("op=config status=ok")
    host.daemon.send_signal(signal.SIGHUP)
    wait_for("the reload", lambda: host.log().count("op=config status=ok") > loaded)


def no_server_sees_the_credential_of_another(host):
    running(host, section("vault", VAULT, "refresh = always\n"), exchange_ms=6000, renewable=True)
    s, other = host.open(), host.open()
    first = hashlib.sha256(got(s, "vault").encode()).hexdigest()[:16]
    got(other, "vault")
    change_vault(host, "other.example")
    other.close()
    host.wait_log("op=retire agent='a' .*not configured for this issuer any more")
    got(s, "vault")
    wait_for("the other server is asked", lambda: got(s, "vault") and len(host.exchanged()) > 2, 9)
    assert host.exchanged()[2]["options"]["address"] == "https://other.example", host.exchanged()
    assert "previous" not in host.exchanged()[2] and first not in [e["token"] for e in host.retired()]
    second = hashlib.sha256(s.token("agentid:vault").encode()).hexdigest()[:16]
    s.close()
    wait_for("the other server is told", lambda: second in [e["token"] for e in host.retired()], 4)
    assert {e["options"]["address"] for e in host.retired() if "name" in e} == {"https://other.example"}


def nor_after_a_failure_or_a_restart(host):
    running(host, section("vault", VAULT), exchange_ms=6000, renewable=True)
    s, same = host.open(), host.open()
    got(s, "vault")
    kept = hashlib.sha256(got(same, "vault").encode()).hexdigest()[:16]
    host.control(exchange=UNREACHABLE)
    change_vault(host, "other.example")
    got(s, "vault")
    wait_for("the other server is asked", lambda: len(host.exchanged()) > 2, 9)
    s.close()
    host.wait_log("op=retire agent='a' .*not configured for this issuer any more")
    host.kill()
    change = host.agent_text("a", "svc", extra_token=section("vault", VAULT))
    host.write("/etc/agentid/agents.d/a.conf", change)
    host.start()
    same.close()
    wait_for("its own server is told", lambda: kept in [e["token"] for e in host.retired() if "name" in e], 4)
    assert [e["token"] for e in host.retired() if "name" in e] == [kept]
    assert [e for e in host.exchanged()[2:] if "previous" in e] == []


def one_too_large_to_be_revoked(host):
    running(host, section("vault", VAULT), exchange_pad=17000)
    s = host.open()
    assert len(got(s, "vault")) > 17000
    s.close()
    host.wait_log("op=retire agent='a' token='[0-9a-f]{16}' status=too-big detail='over 16384 bytes: ")


def no_longer_configured(host):
    running(host, section("aws", AWS), section("vault", VAULT))
    s = host.open()
    got(s)
    got(s, "vault")
    host.write("/etc/agentid/agents.d/a.conf", host.agent_text("a", "svc", extra_token=section("vault", VAULT)))
    host.daemon.send_signal(signal.SIGHUP)
    wait_for("its key is gone", lambda: s.token("agentid:aws") is None, 4)
    assert s.token("agentid:vault") and list(host.credentials(s)) == ["vault"]
    wait_for("readers are told", lambda: list(info(s)) == ["token", "vault"], 2)
    refused(s, "not-found", "it has vault")
    record = s.key("agentid:meta:credentials")
    host.write("/etc/agentid/agents.d/a.conf", host.agent_text("a", "svc"))
    host.daemon.send_signal(signal.SIGHUP)
    wait_for("its key is gone, too", lambda: s.token("agentid:vault") is None, 4)
    wait_for("nothing is noted of any", lambda: list(info(s)) == ["token"] and
             "R" in kh.keys_by_timeout().get(record, ("", "", "R"))[2], 2)


def no_longer_configured_while_it_opens(host):
    running(host, section("aws", AWS, "at_open = yes\n"), exchange="hang")
    waiting, other = kh.Session(host), kh.Session(host)
    host.sessions += [waiting, other]
    wait_for("they are asked for", lambda: len(host.exchanged()) == 2)
    subprocess.run(["keyctl", "revoke", str(max(kh.anchored_rings()))], check=True)
    host.write("/etc/agentid/agents.d/a.conf", host.agent_text("a", "svc"))
    host.daemon.send_signal(signal.SIGHUP)
    lines = sorted(session.process.stdout.readline().split()[0] for session in (waiting, other))
    assert lines == ["failed", "opened"] and len(host.list()) == 1, lines


def ended_while_it_opens(host):
    running(host, section("aws", AWS, "at_open = yes\n"), exchange="hang")
    session = kh.Session(host)
    wait_for("it is asked for", lambda: len(host.exchanged()) == 1)
    session.kill()
    wait_for("the token that it had is revoked", lambda: len(host.retired()) == 1, 4)


def mended_after_a_restart(host):
    good = section("vault", VAULT, "refresh = always\n")
    running(host, good, exchange_ms=8000)
    s = host.open()
    first = got(s, "vault")
    host.kill()
    host.write("/etc/agentid/agents.d/a.conf", host.agent_text("a", "svc", extra_token=good + "type = vault\n"))
    host.start()
    wait_for("its time has come", lambda: s.token("agentid:vault") is None, 9)
    assert len(host.exchanged()) == 1
    host.write("/etc/agentid/agents.d/a.conf", host.agent_text("a", "svc", extra_token=good))
    host.daemon.send_signal(signal.SIGHUP)
    wait_for("it is got again", lambda: s.token("agentid:vault") not in (None, first), 4)


CASES = [no_server_sees_the_credential_of_another, nor_after_a_failure_or_a_restart, one_too_large_to_be_revoked,
         no_longer_configured, no_longer_configured_while_it_opens, ended_while_it_opens,
         mended_after_a_restart]

if __name__ == "__main__":
    kh.enter()
    sys.exit(kh.run_cases("27-credential-reload", CASES, kh.Host()))
