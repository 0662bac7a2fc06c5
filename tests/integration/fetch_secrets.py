# SPDX-License-Identifier: LGPL-2.1-or-later
# Copyright The agentid authors
"""usage: fetch_secrets.py DIRECTORY PROGRAM SOURCE BAO MOTO SIGNER, from 63-secrets.sh."""

import os
import sys

SOURCE = sys.argv[3]
sys.path.insert(0, os.path.join(SOURCE, "tests", "provider"))
sys.path.insert(0, os.path.join(SOURCE, "tests", "integration"))
sys.path.append(sys.argv[5])

# pylint: disable=wrong-import-position
import fetch_bench  # noqa: E402
import secrets_aws  # noqa: E402
import secrets_faults  # noqa: E402
import secrets_vault  # noqa: E402


def main():
    bench = fetch_bench.Bench("63-secrets", sys.argv[1], sys.argv[2], SOURCE)
    bench.bao, bench.moto, bench.signer = sys.argv[4:7]
    bench.tell(secrets_vault.STORIES + secrets_aws.STORIES + secrets_faults.STORIES)
    print(f"{bench.successes} passed, {bench.failures} failed")
    sys.exit(1 if bench.failures else 0)


main()
