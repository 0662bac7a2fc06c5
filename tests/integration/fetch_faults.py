# SPDX-License-Identifier: LGPL-2.1-or-later
# Copyright The agentid authors
"""usage: fetch_faults.py DIRECTORY PROGRAM SOURCE, from 10-fetch-faults.sh."""

import os
import sys

SOURCE = sys.argv[3]
sys.path.insert(0, os.path.join(SOURCE, "tests", "provider"))
sys.path.insert(0, os.path.join(SOURCE, "tests", "integration"))

# pylint: disable=wrong-import-position
import fetch_bench  # noqa: E402
import fetch_cases  # noqa: E402
import fetch_process  # noqa: E402
import fetch_retire  # noqa: E402
import fetch_stories  # noqa: E402


def main():
    bench = fetch_bench.Bench("10-fetch-faults", sys.argv[1], sys.argv[2], SOURCE)
    bench.tell(fetch_cases.STORIES + fetch_stories.STORIES + fetch_retire.STORIES + fetch_process.STORIES)
    fetch_process.no_secret_in_log(bench)
    print(f"{bench.successes} passed, {bench.failures} failed")
    sys.exit(1 if bench.failures else 0)


main()
