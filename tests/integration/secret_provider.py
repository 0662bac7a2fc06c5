# SPDX-License-Identifier: LGPL-2.1-or-later
# Copyright The agentid authors
"""usage: secret_provider.py TESTS DIRECTORY, from 65-secret-sessions.sh: a provider whose client secret stands in
DIRECTORY/secret, read for each request, and whose tokens live for some seconds."""

import os
import sys
import urllib.parse

sys.path.insert(0, os.path.join(sys.argv[1], "provider"))
import managers  # noqa: E402  pylint: disable=wrong-import-position


class Provider(managers.Provider):
    def serve(self, request, body):
        with open(os.path.join(sys.argv[2], "secret"), encoding="ascii") as f:
            self.secrets = {f.read().strip()}
        status, document, more = super().serve(request, body)
        if status == 200 and "expires_in" in document:
            document["expires_in"] = 5
        return status, document, more


provider = Provider("")
with open(os.path.join(sys.argv[2], "url.new"), "w", encoding="ascii") as out:
    out.write(provider.url)
os.rename(os.path.join(sys.argv[2], "url.new"), os.path.join(sys.argv[2], "url"))
provider.stopped.wait()
