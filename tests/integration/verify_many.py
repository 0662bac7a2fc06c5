#!/usr/bin/python3
# SPDX-License-Identifier: LGPL-2.1-or-later
# Copyright The agentid authors
"""Many verifications at once, in one process: verify_many.py COUNT AUDIENCE ISSUER TOKEN-FILE

Prints how many were verified, refused and not judged, and the seconds it took.
"""
import collections
import sys
import threading
import time

sys.path.insert(0, "/usr/local/bin")
# pylint: disable=wrong-import-position
import peer


def main():
    count, audience, issuer, path = sys.argv[1:]
    with open(path, encoding="ascii") as f:
        token = f.read().strip()
    results, reasons = collections.Counter(), collections.Counter()
    start = threading.Event()

    def one():
        start.wait()
        try:
            good = peer.verify(token, audience, [issuer], timeout_ms=30000)["iss"] == issuer
            results["verified" if good else "wrong"] += 1
        except peer.Refused as error:
            results["refused"] += 1
            reasons[str(error)] += 1
        except peer.CannotTell as error:
            results["lost"] += 1
            reasons[str(error)] += 1

    threading.stack_size(256 * 1024)
    threads = [threading.Thread(target=one) for _ in range(int(count))]
    for thread in threads:
        thread.start()
    begun = time.monotonic()
    start.set()
    for thread in threads:
        thread.join()
    print(" ".join(f"{name}={results[name]}" for name in ("verified", "refused", "lost", "wrong")),
          f"seconds={time.monotonic() - begun:.1f}", dict(reasons.most_common(3)))


if __name__ == "__main__":
    main()
