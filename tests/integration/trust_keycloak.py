#!/usr/bin/python3
# SPDX-License-Identifier: LGPL-2.1-or-later
# Copyright The agentid authors
"""usage: trust_keycloak.py REALM-URL HOST-KEY.pem HOST-ISSUER SUBJECT CLIENT-SUBJECT-FILE, from 60-keycloak.sh.

Shows the realm assertions of SUBJECT that are made with the host's own key, so that each refusal is for one
difference. CLIENT-SUBJECT-FILE gets the "sub" of the token that the right one leads to."""

import json
import os
import re
import secrets
import sys
import time
import urllib.error
import urllib.parse
import urllib.request

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "provider"))
# pylint: disable=wrong-import-position
import jose  # noqa: E402

REALM, KEY_FILE, ISSUER, SUBJECT, OUT = sys.argv[1:]
KEY = jose.read_private(KEY_FILE)
NO_CLIENT = "Invalid client or Invalid client credentials"
failures = []


def assertion(key=KEY, **changes):
    now = int(time.time())
    claims = {"iss": ISSUER, "sub": SUBJECT, "aud": REALM, "iat": now, "exp": now + 60,
              "jti": secrets.token_urlsafe(16), **changes}
    return jose.sign(key, "RS256", {"kid": jose.thumbprint(KEY)}, claims)


def ask(token):
    form = {"grant_type": "client_credentials", "client_assertion": token,
            "client_assertion_type": "urn:ietf:params:oauth:client-assertion-type:jwt-bearer"}
    try:
        with urllib.request.urlopen(REALM + "/protocol/openid-connect/token",
                                    urllib.parse.urlencode(form).encode(), 20) as answer:
            return answer.status, json.load(answer)
    except urllib.error.HTTPError as error:
        return error.code, json.load(error)


def case(name, problem=None):
    print(f"{'not ok' if problem else 'ok'} 60-keycloak: 26.7.3: {name}{': ' + problem if problem else ''}", flush=True)
    if problem:
        failures.append(name)


def main():
    now = int(time.time())
    good = assertion()
    status, document = ask(good)
    case("policy trust: an assertion of this host for the agent gets in", None if status == 200 else str(document))
    with open(OUT, "w", encoding="ascii") as file:
        if status == 200:
            file.write(json.loads(jose.unb64(document["access_token"].split(".")[1]))["sub"])
    for name, token, pattern in (
            ("another subject", assertion(sub=SUBJECT + "-2"), NO_CLIENT),
            ("another issuer", assertion(iss=ISSUER + "/other"), NO_CLIENT),
            ("another key", assertion(jose.rsa.generate_private_key(65537, 2048)), NO_CLIENT),
            ("another audience", assertion(aud=REALM + "/protocol/openid-connect/token"), "Invalid token audience"),
            ("a second audience", assertion(aud=[REALM, "https://other.example"]), "Multiple audiences not allowed"),
            ("an expired assertion", assertion(iat=now - 300, exp=now - 200), "Token is not active"),
            ("one that was used before", good, "Token reuse detected")):
        status, document = ask(token)
        right = status in (400, 401) and document["error"] == "invalid_client" and \
            re.search(pattern, document["error_description"])
        case(f"policy trust refuses {name}", None if right else f"{status} {document}")
    sys.exit(1 if failures else 0)


main()
