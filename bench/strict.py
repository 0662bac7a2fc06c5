# SPDX-License-Identifier: LGPL-2.1-or-later
# Copyright The agentid authors
"""usage: strict.py DIRECTORY BAO

Starts the strict servers of the tests, and the real OpenBao, with keys and certificates made now, and waits.
DIRECTORY/ready says where they are, for a shell."""

import json
import os
import subprocess
import sys
import threading
import time

SOURCE = os.path.join(os.path.dirname(os.path.abspath(__file__)), "..")
sys.path.insert(0, os.path.join(SOURCE, "tests", "provider"))
sys.path.insert(0, os.path.join(SOURCE, "tests", "integration"))

# pylint: disable=wrong-import-position
import exchange_vault  # noqa: E402
import fetch_bench  # noqa: E402


class Place(fetch_bench.Bench):
    """The directory alone, without an agentid-fetch."""

    def __init__(self, directory, bao):  # pylint: disable=super-init-not-called
        self.directory, self.bao = directory, bao
        self.prepare()
        # The STS fetches this host's keys from beside itself.
        self.provider = subprocess.Popen(
            [sys.executable, "-W", "ignore", os.path.join(SOURCE, "tests", "provider", "provider.py"), directory],
            env={**os.environ, "SSL_CERT_FILE": self.file("ca.pem")})
        while not os.path.exists(self.file("ports.json")):
            time.sleep(0.02)
        with open(self.file("ports.json"), encoding="ascii") as f:
            self.ports = json.load(f)


def main():
    place = Place(sys.argv[1], sys.argv[2])
    bao = exchange_vault.Bao(place)
    with open(place.file("starting"), "w", encoding="ascii") as f:
        f.write(f"strict_base={place.base('good')}\nstrict_bao={bao.base}\n"
                f"strict_bao_issuer={place.base()}/hostid\n")
    os.rename(place.file("starting"), place.file("ready"))
    threading.Event().wait()


main()
