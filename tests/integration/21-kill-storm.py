#!/usr/bin/env python3
# SPDX-License-Identifier: LGPL-2.1-or-later
# Copyright The agentid authors
"""200 times SIGKILL for keyringd, for fetch or for both, at random moments under 50 sessions with 10 s
tokens of the host issuer: no session is lost, no key leaks, none is without a timeout."""
import os
import random
import sys
import time

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "support"))
# pylint: disable=wrong-import-position
import keyringd_host as kh
from keyringd_host import T, wait_for

SESSIONS, KILLS, PAUSE_MAX_S, SEED = 50, 200, 0.9, int(os.environ.get("AID_SEED", "1"))


def storm(host, fetch, sessions, rng):
    missing = 0
    for n in range(KILLS):
        time.sleep(rng.random() * PAUSE_MAX_S)
        which = rng.choice(("keyringd", "fetch", "both"))
        if which != "fetch":
            host.kill()
        if which != "keyringd":
            fetch.kill()
        for start in rng.sample((0, 1), 2):
            if start == 0 and which != "fetch":
                host.start(wait=False)
            if start == 1 and which != "keyringd":
                fetch.start()
        if n % 10 == 9:
            missing += sum(1 for s in sessions if s.token() is None)
    return missing


def no_session_lost_in_200_kills(host):
    rng = random.Random(SEED)
    host.issue_ourselves()
    fetch = kh.RealFetch()
    fetch.start()
    host.start()
    sessions = [host.open() for _ in range(SESSIONS)]
    ids = sorted(s.opened()["session"] for s in sessions)
    missing = storm(host, fetch, sessions, rng)
    wait_for("keyringd serves", lambda: len(host.list_or_none() or []) == SESSIONS, 10)
    assert sorted(i[T["SESSION"]].decode() for i in host.list()) == ids, "a session was lost"
    keys = kh.kept_keys()
    assert len(keys) >= 5 * SESSIONS, "%d keys" % len(keys)
    forever = [k for k in keys.values() if k[0] == "perm"]
    assert forever == [], "without a timeout: %s" % forever
    tokens = [s.token() for s in sessions]
    wait_for("every token is replaced once more",
             lambda: all(s.token() not in (None, t) for s, t in zip(sessions, tokens)), 15)
    assert all(i[T["STATE"]] == b"fresh" for i in host.list())
    refreshes = sum(i[T["REFRESHES"]] for i in host.list())
    sys.stderr.write("%d refreshes, %d of %d samples without a token\n" % (refreshes, missing, 20 * SESSIONS))
    for s in sessions:
        assert "closed" in s.close()
    host.sessions = []
    assert host.list() == [] and kh.anchored_rings() == []
    found = kh.keys_by_timeout()
    leaked = [found[k] for k in keys if k in found and "R" not in found[k][2] and found[k][0] != "expd"]
    assert leaked == [], "leaked: %s" % leaked
    fetch.kill()


if __name__ == "__main__":
    kh.enter()
    sys.exit(kh.run_cases("21-kill-storm", [no_session_lost_in_200_kills], kh.Host()))
