#!/usr/bin/env python3
# SPDX-License-Identifier: LGPL-2.1-or-later
# Copyright The agentid authors
"""The wall clock steps under live sessions. The kernel ends keys by that clock, so it is stepped for
real, for the whole machine, for a second or two at a time, and put back by the boot clock whatever
happens. The real keyringd and the real fetch; this host is the issuer.

A machine that sleeps cannot be had in a test: what is shown instead is that both daemons stand still
for longer than a token lives. The kernel's part in a sleep, that CLOCK_BOOTTIME and the wall clock go
on and a timer on the former fires at the end of it, is taken from timerfd_create(2)."""
import base64
import contextlib
import json
import os
import signal
import subprocess
import sys
import time

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "support"))
# pylint: disable=wrong-import-position
import keyringd_host as kh
from keyringd_host import wait_for

HOUR = 3600
STEP_LIMIT_S = 6  # reached only on a machine that is busy with other things
SOON_S = 4  # up to 1 s is chance, so that not all sessions ask at once


def boot():
    return time.clock_gettime(time.CLOCK_BOOTTIME)


def offset():
    return time.time() - boot()


def set_offset(seconds):
    try:
        time.clock_settime(time.CLOCK_REALTIME, boot() + seconds)
    except PermissionError as e:
        raise AssertionError("this machine does not let its clock be set, so nothing is shown: %s" % e) from e


def guard_clock():
    """A process beside the story, in a session of its own: when the story has ended in any way, it puts
    the clock back. Returns the descriptor that tells it."""
    right = offset()
    read, write = os.pipe()
    if os.fork() == 0:
        os.setsid()
        os.close(write)
        for s in (signal.SIGTERM, signal.SIGINT, signal.SIGHUP):
            signal.signal(s, signal.SIG_IGN)
        os.read(read, 1)
        if abs(offset() - right) > 0.5:
            set_offset(right)
        os._exit(0)
    os.close(read)
    return write


@contextlib.contextmanager
def stepped(seconds):
    right = offset()
    begun = boot()
    set_offset(right + seconds)
    try:
        yield
    finally:
        set_offset(right)
    assert boot() - begun < STEP_LIMIT_S, "the clock was wrong for %.1f s" % (boot() - begun)


def issuing(host, lifetime):
    """The signing key counts from now on; when the clock is set back, it is still the only one."""
    host.issue_ourselves(lifetime=lifetime)
    fetch = kh.RealFetch()
    fetch.start()
    host.fetch = fetch.process
    host.start()
    return host.open()


def claims(token):
    body = token.split(".")[1]
    return json.loads(base64.urlsafe_b64decode(body + "=" * (-len(body) % 4)))


def fresh(session, since):
    """A token made at or after since. Whatever can be read has not expired."""
    token = session.token()
    if token is None:
        return None
    now = time.time()
    found = claims(token)
    # Reading takes some milliseconds, in which a token's last second may end.
    assert found["exp"] > now - 0.2, "expired %.1f s ago, and was read" % (now - found["exp"])
    return found if since - 1 <= found["iat"] <= now + 1 else None


def wait_for_fresh(what, session, older_s, seconds):
    """A token made from now on, or that many seconds ago at most."""
    since = time.time() - older_s
    wait_for(what, lambda: fresh(session, since), seconds)


def seconds_left(session):
    """What /proc/keys says of the token: seconds, or None when it has another unit or is gone."""
    left = kh.keys_by_timeout().get(session.key(), ("gone",))[0]
    return int(left[:-1]) if left[-1] == "s" and left[:-1].isdigit() else None


def an_hour_forward_and_back(host):
    s = issuing(host, "20s")
    old = s.token()
    with stepped(HOUR):
        wait_for_fresh("a token of the new hour", s, 0, SOON_S)
        assert s.token() != old
        future = s.token()
    wait_for_fresh("a token of the old hour", s, 5, SOON_S)
    assert s.token() != future
    left = seconds_left(s)
    assert left is not None and left <= 20, "after the step back the kernel keeps the token for %s s" % left
    host.wait_log("event=clock_step .*moved by 3[56][0-9]{5} ms")
    host.wait_log("event=clock_step .*moved by -3[56][0-9]{5} ms")
    assert "tampered" not in host.log(), "the step is taken for somebody's deed"


def forty_days_forward_and_back(host):
    """The ring, its record and the cookie outlive the step, and so does the session."""
    s = issuing(host, "20s")
    ring = s.ring
    with stepped(40 * 24 * HOUR):
        wait_for_fresh("a token of that day", s, 0, SOON_S)
        assert s.ring == ring and s.key("agentid:cookie") and s.key("agentid:meta")
        host.kill()
        host.start()
        assert len(host.list()) == 1
    wait_for_fresh("a token of today", s, 5, SOON_S)
    assert "tampered" not in host.log(), "the step is taken for somebody's deed"
    assert "closed" in s.close() and host.list() == []


def an_hour_back_and_forward(host):
    s = issuing(host, "20s")
    old = s.token()
    with stepped(-HOUR):
        wait_for_fresh("a token of the earlier hour", s, 0, SOON_S)
        assert s.token() != old
        left = seconds_left(s)
        assert left is not None and left <= 20, "the kernel keeps the token for %s s" % left
        early = s.token()
    wait_for_fresh("a token of the right hour", s, 5, SOON_S)
    assert s.token() != early


def no_life_is_won_by_a_step_back(host):
    """fetch is held, so that no new token takes the old one's place."""
    s = issuing(host, "5s")
    ends = claims(s.token())["exp"] - offset()
    host.fetch.send_signal(signal.SIGSTOP)
    try:
        time.sleep(max(0, ends - boot() - 1.5))
        assert s.token() is not None
        with stepped(-HOUR):
            while boot() < ends + 0.7:
                before = boot()
                assert s.token() is None or before < ends + 0.05, "read %.2f s after its life" % (before - ends)
                time.sleep(0.05)
        assert s.token() is None
    finally:
        host.fetch.send_signal(signal.SIGCONT)
    wait_for_fresh("a fresh token", s, 5, 12)


def a_step_while_keyringd_is_down(host):
    s = issuing(host, "120s")
    host.kill()
    with stepped(HOUR):
        assert s.token() is None, "the kernel gave out a token of the hour before"
        host.start()
        wait_for_fresh("a token of the new hour", s, 0, SOON_S)
        host.list()  # it does one thing after the other: now the record is written, too
    host.kill()
    host.start()
    wait_for_fresh("a token of the right hour", s, 5, SOON_S)
    left = seconds_left(s)
    assert left is None or left <= 120, left


def both_daemons_stand_still_for_a_token_s_life(host):
    s = issuing(host, "5s")
    daemons = (host.daemon, host.fetch)
    for d in daemons:
        d.send_signal(signal.SIGSTOP)
    try:
        wait_for("the kernel ends the token by itself", lambda: s.token() is None, 6.5)
        time.sleep(1)
    finally:
        for d in daemons:
            d.send_signal(signal.SIGCONT)
    wait_for_fresh("a fresh token at once", s, 3, SOON_S)


def a_ring_whose_life_is_over(host):
    """None can be put back; a step of more than 60 years would do that."""
    s = issuing(host, "120s")
    subprocess.run(["keyctl", "timeout", str(s.ring), "1"], check=True)
    wait_for("the ring ends", lambda: s.token() is None, 4)
    kind, _, values = kh.Client().ask(kh.REFRESH, SESSION=s.opened()["session"])
    assert kind == kh.ERROR, values
    host.wait_log("event=ring_tampered")
    assert host.info(s)[kh.T["STATE"]] == b"tampered"
    other = host.open()
    assert fresh(other, time.time() - 10)


CASES = [an_hour_forward_and_back, forty_days_forward_and_back, an_hour_back_and_forward, no_life_is_won_by_a_step_back,
         a_step_while_keyringd_is_down, both_daemons_stand_still_for_a_token_s_life,
         a_ring_whose_life_is_over]

if __name__ == "__main__":
    if os.environ.get("AID_INSIDE") != "1":
        GUARD = guard_clock()
    kh.enter()
    sys.exit(kh.run_cases("73-clock", CASES, kh.Host()))
