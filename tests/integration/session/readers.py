#!/usr/bin/python3
# SPDX-License-Identifier: LGPL-2.1-or-later
# Copyright The agentid authors
"""100 readers of one session's token, each sending it to a resource server again and again.

usage: readers.py PORT REFRESHES

Ends after REFRESHES refreshes have been seen, and prints what happened. Exits 1 if a read ever found
no token, or the server ever said 401.
"""

import ctypes
import hashlib
import http.client
import multiprocessing
import sys
import threading
import time

PROCESSES, THREADS, PAUSE_S = 10, 10, 0.3
KEYCTL = 250  # x86-64
SEARCH, READ = 10, 11
SESSION_KEYRING = -3
libc = ctypes.CDLL(None, use_errno=True)
libc.syscall.restype = ctypes.c_long


def read_token():
    """The token, found anew each time as a program does that starts now; or an errno."""
    key = libc.syscall(KEYCTL, SEARCH, SESSION_KEYRING, b"user", b"agentid:token", 0)
    if key < 0:
        return None, ctypes.get_errno()
    buffer = ctypes.create_string_buffer(16384)
    length = libc.syscall(KEYCTL, READ, key, buffer, len(buffer))
    if length < 0:
        return None, ctypes.get_errno()
    return buffer.raw[:length], 0


class Counts:
    def __init__(self):
        self.requests = multiprocessing.Value("q", 0)
        self.refused = multiprocessing.Value("q", 0)
        self.missing = multiprocessing.Value("q", 0)
        self.over = multiprocessing.Event()


def add(value):
    with value.get_lock():
        value.value += 1


def reader(port, counts):
    connection = http.client.HTTPConnection("127.0.0.1", port, timeout=20)
    while not counts.over.is_set():
        token, errno = read_token()
        if token is None:
            add(counts.missing)
            print(f"{time.time():.3f} read failed with errno {errno}", file=sys.stderr)
        else:
            connection.request("GET", "/", headers={"Authorization": "Bearer " + token.decode()})
            answer = connection.getresponse()
            body = answer.read()
            add(counts.requests)
            if answer.status != 200:
                add(counts.refused)
                print(f"{time.time():.3f} {answer.status} {body[:200]}", file=sys.stderr)
        time.sleep(PAUSE_S)


def process(port, counts):
    threads = [threading.Thread(target=reader, args=(port, counts)) for _ in range(THREADS)]
    for thread in threads:
        thread.start()
        time.sleep(PAUSE_S / THREADS)
    for thread in threads:
        thread.join()


def watch(refreshes):
    """Returns when the token has changed that often, or after ten seconds without a change."""
    seen, last, changed = 0, None, time.monotonic()
    while seen <= refreshes and time.monotonic() - changed < 10:
        token, _ = read_token()
        digest = hashlib.sha256(token or b"").digest()
        if token and digest != last:
            seen, last, changed = seen + 1, digest, time.monotonic()
        time.sleep(0.05)
    return seen - 1


def main():
    port, refreshes = int(sys.argv[1]), int(sys.argv[2])
    counts = Counts()
    processes = [multiprocessing.Process(target=process, args=(port, counts)) for _ in range(PROCESSES)]
    for one in processes:
        one.start()
    seen = watch(refreshes)
    counts.over.set()
    for one in processes:
        one.join()
    print(f"readers {PROCESSES * THREADS} refreshes {seen} requests {counts.requests.value} "
          f"refused {counts.refused.value} missing {counts.missing.value}")
    return int(seen < refreshes or counts.refused.value > 0 or counts.missing.value > 0
               or counts.requests.value == 0)


if __name__ == "__main__":
    sys.exit(main())
