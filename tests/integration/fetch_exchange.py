# SPDX-License-Identifier: LGPL-2.1-or-later
# Copyright The agentid authors
"""usage: fetch_exchange.py DIRECTORY PROGRAM SOURCE BAO, from 11-exchange.sh."""

import os
import sys

SOURCE = sys.argv[3]
sys.path.insert(0, os.path.join(SOURCE, "tests", "provider"))
sys.path.insert(0, os.path.join(SOURCE, "tests", "integration"))

# pylint: disable=wrong-import-position
import exchange_cases  # noqa: E402
import exchange_faults  # noqa: E402
import exchange_vault  # noqa: E402
import fetch_bench  # noqa: E402


def main():
    bench = fetch_bench.Bench("11-exchange", sys.argv[1], sys.argv[2], SOURCE)
    bench.bao = sys.argv[4]
    bench.tell(exchange_cases.STORIES + exchange_vault.STORIES + exchange_faults.STORIES)
    print(f"{bench.successes} passed, {bench.failures} failed")
    sys.exit(1 if bench.failures else 0)


main()
