# SPDX-License-Identifier: LGPL-2.1-or-later
# Copyright The agentid authors
"""usage: fetch_keycloak.py DIRECTORY PROGRAM SOURCE BASE, from 62-exchange-keycloak.sh."""

import base64
import json
import os
import re
import sys

DIRECTORY, PROGRAM, SOURCE, BASE = sys.argv[1:]
sys.path.insert(0, os.path.join(SOURCE, "tests", "provider"))

# pylint: disable=wrong-import-position
import fetch_client  # noqa: E402

ISSUER = BASE + "/realms/my-realm"
CLIENT = "kc-exchange"
FAILURES = []


def case(name, problem):
    print(f"{'not ok' if problem else 'ok'} 62-exchange-keycloak: {name}{': ' + problem if problem else ''}", flush=True)
    if problem:
        FAILURES.append(name)


def expect(name, got, status, text=""):
    right = got.status == status and re.search(text, got.text)
    case(name, None if right else f"{got!r}, {status} and '{text}' were expected")


def claims(token):
    body = token.split(".")[1]
    return json.loads(base64.urlsafe_b64decode(body + "=" * (-len(body) % 4)))


def secret(client):
    path = os.path.join(DIRECTORY, client)
    with open(path, "w", encoding="ascii") as file:
        file.write(client + "-secret\n")
    os.chmod(path, 0o600)
    return path


def asked(fetch, client=CLIENT, message="EXCHANGE", options=(), **more):
    """The client's own token is fetched and exchanged by itself, as audience of another API."""
    proto = fetch.protocol
    packed = {"issuer": ISSUER, "client_id": client, "client_auth": "client_secret_basic", "audience": "billing-api",
              "subject": "agent:" + client, **dict(options)}
    fields = {"CREDENTIAL_TYPE": proto.target["AID_TARGET_RFC8693"], "NAME": "billing", "SESSION_NAME": "a.0123",
              "OPTIONS": b"".join(f"{k}={v}".encode() + b"\0" for k, v in packed.items()),
              "MAX_LIFETIME_MS": 600000, "TIMEOUT_MS": 20000, "FDS": "S", **more}
    files = [secret(client)]
    if message == "EXCHANGE" and "SECRET" not in more:
        fields.update({"SOURCE": "oidc", "ISSUER": ISSUER, "CLIENT_ID": client, "AUDIENCE": "orders-api",
                       "SUBJECT": "agent:" + client, "CLIENT_AUTH": proto.method["AID_CLIENT_SECRET_BASIC"],
                       "FDS": "sS"})
        files *= 2
    return fetch.call(message, fields, files, 30)


def main():
    fetch = fetch_client.Fetch(PROGRAM, SOURCE, DIRECTORY)
    got = asked(fetch)
    expect("a token for billing-api", got, "AID_OK")
    if got.issued:
        token = got.fields["SECRET"]
        said = claims(token)
        case("its audience is that one alone", None if said["aud"] == "billing-api" else str(said["aud"]))
        case("it is still about the agent", None if said["sub"] == "agent:kc-exchange" and said["azp"] == CLIENT
             else str(said))
        expect("it is revoked", asked(fetch, message="RETIRE", SECRET=token), "AID_OK", "^$")
        session = fetch.call("TOKEN", {
            "ISSUER": ISSUER, "CLIENT_ID": CLIENT, "SUBJECT": "agent:" + CLIENT, "AUDIENCE": "orders-api",
            "CLIENT_AUTH": fetch.protocol.method["AID_CLIENT_SECRET_BASIC"], "MAX_LIFETIME_MS": 600000, "FDS": "s"},
            [secret(CLIENT)], 30).fields["SECRET"]
        got = asked(fetch, SECRET=session, options={"subject_token": "session"}.items())
        expect("the session's own token is exchanged", got, "AID_OK")
    expect("an audience that this client does not have", asked(fetch, options={"audience": "kc-basic"}.items()),
           "AID_E_DENIED", "Requested audience not available")
    # Keycloak says invalid_client of the audience, too.
    expect("an audience that nobody is", asked(fetch, options={"audience": "nobody"}.items()),
           "AID_E_CREDENTIAL", "Audience not found")
    expect("a client that may not exchange", asked(fetch, client="kc-basic"), "AID_E_DENIED",
           "Standard token exchange is not enabled")
    expect("another subject in the token", asked(fetch, options={"subject": "agent:other"}.items()),
           "AID_E_DENIED", "sub")
    case("no token in the log", "there is one" if b"eyJ" in fetch.log_text() else None)
    case("SIGTERM ends it with status 0", None if fetch.stop() == 0 else "it does not")
    sys.exit(1 if FAILURES else 0)


main()
