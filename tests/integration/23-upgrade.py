#!/usr/bin/env python3
# SPDX-License-Identifier: LGPL-2.1-or-later
# Copyright The agentid authors
"""Parts of two releases that meet, as during an upgrade or a downgrade. "newer" speaks versions 1 and
2 of the protocol, "next" only 3; both are this tree with other numbers linked in."""
import functools
import os
import re
import socket
import subprocess
import sys
import threading
import time

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "support"))
# pylint: disable=wrong-import-position
import keyringd_host as kh
import other_release
import pam_host as ph
from keyringd_host import ST, T, Client, wait_for

THIS, NEWER, NEXT = kh.BUILD, None, None
OTHER = "no common protocol version: this side speaks %s, the other side %s;"
AT_ONCE_S = 2


def running(host, build):
    """Agent a on an account of the host, served by this release's fetch or what stands for it."""
    host.write("/etc/agentid/agents.d/a.conf", host.agent_text("a", ph.ACCOUNT))
    host.control()
    host.start_fetch()
    restart(host, build)


def restart(host, build, kill=False):
    if host.daemon:
        host.kill() if kill else host.stop()
    Client.version = 3 if build == NEXT else 1
    host.start(build=build)


def opens(host, module, options="on_error=fail"):
    text, _ = ph.pam("open", "token", "close", options=options, build=module)
    assert ph.code_of(text) == ph.SUCCESS and "token=" in text and ph.code_of(text, "close") == ph.SUCCESS, text
    ph.nothing_kept(host)


def fails_at_once(host, module, sentence):
    """The module says the sentence, does what on_error says, and leaves nothing behind."""
    for options, code in (("on_error=fail", ph.SESSION_ERR), ("on_error=ignore", ph.SUCCESS)):
        text, seconds = ph.pam("open", "token", "state", options=options + " timeout=20s", build=module)
        assert ph.code_of(text) == code and "token=" not in text and "state=same" in text, text
        assert len(re.findall("^log: .*op=open .*status=version", text, re.M)) == 1 and sentence in text, text
        assert seconds < AT_ONCE_S, seconds
    ph.nothing_kept(host)


# ---- the module, the command, and keyringd ----

def newer_module_older_daemon(host):
    running(host, THIS)
    opens(host, NEWER)
    assert re.search("op=accept pid=.* status=version detail='protocol version 2, this side speaks 1'", host.log())


def older_module_newer_daemon(host):
    running(host, NEWER)
    opens(host, THIS)
    opens(host, NEWER)
    assert "status=version" not in host.log()


def no_common_version(host):
    running(host, THIS)
    fails_at_once(host, NEXT, OTHER % ("3", "1"))
    opens(host, THIS)
    restart(host, NEXT)
    fails_at_once(host, THIS, OTHER % ("1", "3"))
    fails_at_once(host, NEWER, OTHER % ("1 to 2", "3"))
    opens(host, NEXT)


def close_by_another_release(host):
    """Its opener is of a release that the daemon no longer speaks: root ends the keys itself."""
    running(host, THIS)
    s = host.open(account=ph.ACCOUNT)
    restart(host, NEXT)
    assert s.token() and len(host.list()) == 1
    assert "status=version" in s.close()
    wait_for("its keys are gone", lambda: s.token() is None)


def commands_of_another_release(host):
    running(host, THIS)
    host.open(account=ph.ACCOUNT)

    def run(build, *arguments):
        return subprocess.run([build + "/agentid", *arguments], capture_output=True, text=True, check=False, timeout=20)

    for build in (THIS, NEWER):
        for command in (["list"], ["status"], ["revoke", "a"], ["allow", "a"]):
            done = run(build, *command)
            assert done.returncode == 0 and (command[0] != "list" or ph.ACCOUNT in done.stdout), done
        host.open(account=ph.ACCOUNT)
    for command in (["list"], ["revoke", "a"]):
        done = run(NEXT, *command)
        assert done.returncode != 0 and OTHER % ("3", "1") in done.stderr, done
        assert len(done.stderr.strip().splitlines()) == 1, done.stderr


# ---- keyringd and fetch ----

def newer_keyringd_older_fetch(host):
    ph.issuing(host, lifetime="5s", keyringd=NEWER)
    s = host.open(account=ph.ACCOUNT)
    token = s.token()
    wait_for("it is refreshed", lambda: s.token() not in (None, token), 8)
    said = re.findall("op=fetch status=version detail='protocol version 2, this side speaks 1; going on in version 1'",
                      host.log())
    assert len(said) == 1, host.log()


def older_keyringd_newer_fetch(host):
    ph.issuing(host, lifetime="5s", fetch_of=NEWER)
    s = host.open(account=ph.ACCOUNT)
    token = s.token()
    wait_for("it is refreshed", lambda: s.token() not in (None, token), 8)
    assert "status=version" not in host.log()


def fetch_of_no_common_version(host):
    """A session lives through an upgrade in which fetch is replaced first, and then keyringd."""
    fetch = ph.issuing(host, lifetime="8s")
    s = host.open(account=ph.ACCOUNT)
    fetch.kill()
    fetch.start(NEXT)
    for options, code in (("on_error=fail", ph.SESSION_ERR), ("on_error=ignore", ph.SUCCESS)):
        text, seconds = ph.pam("open", "token", options=options + " timeout=20s")
        assert ph.code_of(text) == code and "agentid-fetch: " + OTHER % ("1", "3") in text, text
        assert seconds < AT_ONCE_S, seconds
    kind, _, values = Client().ask(kh.REFRESH, SESSION=s.opened()["session"])
    assert kind == kh.ERROR and values[T["STATUS"]] == ST["version"] and s.token(), values
    token = s.token()
    restart(host, NEXT, kill=True)
    wait_for("it is refreshed", lambda: s.token() not in (None, token), 10)
    host.fetch = fetch.process


def fetch_that_answers_in_another_version(host):
    ph.running(host, version=9)
    started = time.monotonic()
    text, _ = ph.pam("open", options="on_error=fail timeout=20s")
    assert ph.code_of(text) == ph.SESSION_ERR and time.monotonic() - started < AT_ONCE_S, text
    assert "agentid-fetch answered twice in protocol version 9, this side speaks 1" in text, text
    host.control()
    opens(host, THIS)


# ---- peers of releases that nobody has written yet ----

class Peer(threading.Thread):
    """In the place of keyringd: answers each packet with what the story says, in turn."""

    def __init__(self, *answers):
        super().__init__(daemon=True)
        if os.path.exists(kh.SOCKET):
            os.unlink(kh.SOCKET)
        self.listener = socket.socket(socket.AF_UNIX, socket.SOCK_SEQPACKET)
        self.listener.bind(kh.SOCKET)
        self.listener.listen(8)
        self.answers, self.versions = answers, []
        self.start()

    def run(self):
        while True:
            connection, _ = self.listener.accept()
            for answer in self.answers:
                data = connection.recv(65536)
                if not data:
                    break
                self.versions.append(int.from_bytes(data[2:4], "little"))
                ident = int.from_bytes(data[8:12], "little")
                if answer is None:
                    break
                connection.send(kh.wire.frame(answer[0], ident, answer[1], answer[2]))
            connection.close()


def refusal(oldest, newest, version=1, extra=()):
    return (kh.ERROR, [(0, ST["version"]), (1, "not this one"), (65, oldest), (66, newest), *extra], version)


def peers_of_the_future(host):
    host.write("/etc/agentid/agents.d/a.conf", host.agent_text("a", ph.ACCOUNT))
    opened = [(13, "0011223344556677"), (14, b"c" * 32), (6, "a"), (18, 2**40), (900, b"whatever"), (65535, "")]
    rows = [
        ("an answer that tells more than we know", [(kh.OPENED, opened, 1)], None, [1]),
        ("a refusal in a version of its own", [refusal(7, 9, 9, [(901, "more")])], OTHER % ("1", "7 to 9"), [1]),
        ("a refusal without a range", [(kh.ERROR, [(0, ST["version"]), (1, "not this one")], 5)], "not this one", [1]),
        ("one that refuses what it says it speaks", [refusal(1, 1), refusal(1, 1)], "not this one", [1, 1]),
        ("an answer in another version", [(kh.OPENED, opened, 4)], "protocol version 4, this side speaks 1", [1]),
        ("one that hangs up", [None], "the other side closed the connection", [1]),
    ]
    for name, answers, sentence, versions in rows:
        peer = Peer(*answers)
        text, seconds = ph.pam("open", options="on_error=fail timeout=20s")
        assert seconds < AT_ONCE_S, (name, seconds)
        assert ph.code_of(text) == (ph.SUCCESS if sentence is None else ph.SESSION_ERR), (name, text)
        assert sentence is None or sentence in text, (name, text)
        assert peer.versions == versions, (name, peer.versions)
    os.unlink(kh.SOCKET)


# ---- the record of a session that outlives the daemon that wrote it ----

MANY = 50
NEEDS, UNKNOWN = 67, 900


def many_sessions(host):
    """Sessions whose tokens are due for refresh again and again, and the tokens they have now."""
    host.write("/etc/agentid/agents.d/a.conf", host.agent_text("a", ph.ACCOUNT))
    host.control(lifetime_ms=4000)
    host.start_fetch()
    host.start()
    sessions = [kh.Session(host, account=ph.ACCOUNT) for _ in range(MANY)]
    host.sessions += sessions
    return {s: (s.ring, s.token()) for s in sessions}


def all_refreshed(host, before):
    """Each has another token in the same ring; returns what they have now."""
    def new_tokens():
        now = {s: (s.ring, s.token()) for s in before}
        return now if all(t and t != before[s][1] for s, (_, t) in now.items()) else None
    after = wait_for("all are refreshed", new_tokens, 12)
    assert {i[T["STATE"]] for i in host.list()} == {b"fresh"} and len(host.list()) == MANY
    return after


def record_of(session):
    done = subprocess.run(["keyctl", "pipe", str(session.key("agentid:meta"))], capture_output=True, check=True)
    return done.stdout


def format_of(session):
    return int.from_bytes(record_of(session)[2:4], "little")


def rewrite(session, record_format, add=(), without=()):
    """The record as another release might have written it."""
    data, at, fields = record_of(session), 16, []
    while at < len(data):
        tag, size = (int.from_bytes(data[at + i:at + i + 2], "little") for i in (0, 2))
        fields.append((tag, data[at + 4:at + 4 + size]))
        at += 4 + size
    fields = [(t, v) for t, v in fields if t not in without] + list(add)
    subprocess.run(["keyctl", "pupdate", str(session.key("agentid:meta"))], check=True,
                   input=kh.wire.frame(kh.SESSION_INFO, 0, fields, record_format))


def sessions_live_through_an_upgrade_and_back(host):
    before = many_sessions(host)
    for build, record_format in ((NEXT, 3), (THIS, 1), (NEWER, 2), (THIS, 1)):
        restart(host, build, kill=True)
        assert len(host.list()) == MANY
        before = all_refreshed(host, before)
        assert {format_of(s) for s in before} == {record_format}
    assert "ended=0" in host.log() and not re.search("op=recover .*ended=[1-9]", host.log())
    assert all("closed" in s.close() for s in before)
    ph.nothing_kept(host)


def records_that_know_more(host):
    """After a downgrade: what was only added is passed over, and then no longer there."""
    before = many_sessions(host)
    host.kill()
    for s in before:
        rewrite(s, 7, [(UNKNOWN, "of another time"), (NEEDS, 1)])
    host.start()
    assert len(host.list()) == MANY
    all_refreshed(host, before)
    assert {format_of(s) for s in before} == {1} and not any(b"another time" in record_of(s) for s in before)


def records_that_are_not_enough(host):
    """What this release must not go on with is ended, by name; the others are not touched."""
    host.control()
    ph.running(host)
    kept, strange, poor = (host.open(account=ph.ACCOUNT) for _ in range(3))
    host.kill()
    rewrite(strange, 7, [(NEEDS, 5)])
    rewrite(poor, 7, without=(57,))
    host.start()
    assert [i[T["SESSION"]].decode() for i in host.list()] == [kept.opened()["session"]] and kept.token()
    for session, status, sentence in (
            (strange, "version", "session record of format 7 needs a reader of format 5, this one knows 1"),
            (poor, "protocol", "frame: number 57 is missing")):
        line = "op=recover ring=%d status=%s detail='session %s of agent a: %s'" % (
            session.ring, status, session.opened()["session"], sentence)
        assert line in host.log(), (line, host.log())
        wait_for("its keys are gone", lambda s=session: s.token() is None)


def in_version_1(case):
    @functools.wraps(case)
    def run(host):
        try:
            case(host)
        finally:
            Client.version = 1
    return run


CASES = [newer_module_older_daemon, older_module_newer_daemon, no_common_version, close_by_another_release,
         commands_of_another_release, newer_keyringd_older_fetch, older_keyringd_newer_fetch,
         fetch_of_no_common_version, fetch_that_answers_in_another_version, peers_of_the_future,
         sessions_live_through_an_upgrade_and_back, records_that_know_more, records_that_are_not_enough]

if __name__ == "__main__":
    if os.environ.get("AID_INSIDE") != "1" and os.geteuid() == 0:
        other_release.build("newer", 1, 2, 2)
        other_release.build("next", 3, 3, 3)
    kh.enter()
    NEWER, NEXT = other_release.path("newer"), other_release.path("next")
    sys.exit(kh.run_cases("23-upgrade", [in_version_1(case) for case in CASES], kh.Host()))
