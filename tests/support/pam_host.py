# SPDX-License-Identifier: LGPL-2.1-or-later
# Copyright The agentid authors
"""The real module in the real libpam, against the keyringd of a keyringd_host.Host."""
import os
import re
import subprocess
import time

import keyringd_host as kh

ACCOUNT = "games"  # every Debian has it
SUCCESS, SYSTEM_ERR, BUF_ERR, SESSION_ERR = 0, 4, 5, 14


def preload(name):
    return kh.BUILD + "/tests/support/.libs/%s.so" % name


def running(host, **control):
    """Agent a on ACCOUNT, with a fetch that does as told."""
    host.write("/etc/agentid/agents.d/a.conf", host.agent_text("a", ACCOUNT))
    host.control(**control)
    host.start_fetch()
    host.start()


def issuing(host, lifetime="10s", account=ACCOUNT, keyringd=kh.BUILD, fetch_of=kh.BUILD):
    """Agent a with the host issuer and the real fetch, which is returned."""
    host.issue_ourselves(account, lifetime)
    fetch = kh.RealFetch()
    fetch.start(fetch_of)
    host.fetch = fetch.process
    host.start(build=keyringd)
    return fetch


def pam(*steps, options="", build=kh.BUILD, **arguments):
    """What pam_run says of the steps: its lines, and how long it took. The module is that of a build."""
    stack = "session required %s/modules/pam_agentid/.libs/pam_agentid.so %s\n" % (build, options)
    if not os.path.exists("/run/pam/test") or open("/run/pam/test", encoding="utf-8").read() != stack:
        kh.Host.write("/run/pam/test", stack)
    arguments.setdefault("timeout", 60)
    before = time.monotonic()
    done = subprocess.run([kh.BUILD + "/tests/pam/pam_run", "/run/pam", "test", ACCOUNT, *steps], text=True,
                          stdout=subprocess.PIPE, stderr=subprocess.STDOUT, check=False, **arguments)
    assert done.returncode == 0, "pam_run ended with %d: %s" % (done.returncode, done.stdout)
    return done.stdout, time.monotonic() - before


def code_of(text, step="open"):
    return int(re.search(r"^%s=(\d+)" % step, text, re.M).group(1))


def nothing_kept(host):
    kh.wait_for("no session", lambda: host.list() == [])
    kh.wait_for("no ring", lambda: kh.kept_keys() == {})
