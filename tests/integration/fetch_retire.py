# SPDX-License-Identifier: LGPL-2.1-or-later
# Copyright The agentid authors
"""Revocation of a token (RFC 7009): what each answer of the provider must lead to."""

import modes

SHORT = {"TIMEOUT_MS": 1500}

# name, mode, status, pattern of the sentence, fields of the answer, fields of the request
ROWS = [
    ("revoked", "ok", "AID_OK", "^$", {"COUNT_OF": 1}, {}),
    ("200 with a body", "retire-body", "AID_OK", "^$", {"COUNT_OF": 1}, {}),
    ("503 with Retry-After", "retire-503", "AID_E_BUSY", "HTTP 503", {"RETRY_AFTER_S": 7}, {}),
    ("500", "retire-500", "AID_E_UNREACHABLE", "HTTP 500", {}, {}),
    ("closed without an answer", "retire-cut", "AID_E_UNREACHABLE", "", {}, {}),
    ("silence", "retire-silent", "AID_E_TIMEOUT", "", {}, SHORT),
    ("unsupported_token_type is no failure", "retire-unsupported", "AID_OK", "HTTP 400 unsupported_token_type",
     {"COUNT_OF": 0}, {}),
    ("no endpoint is no failure", "retire-none", "AID_OK", "no revocation_endpoint", {"COUNT_OF": 0}, {}),
    ("401", "retire-client", "AID_E_CREDENTIAL", "invalid_client", {"HTTP_STATUS": 401}, {}),
    ("a token of another client", "retire-refused", "AID_E_DENIED", "Unmatching clients", {}, {}),
    ("a token that the provider repeats", "retire-echo", "AID_E_DENIED", "left out: it repeats a secret", {}, {}),
    ("a redirect", "retire-redirect", "AID_E_UNTRUSTED", "redirect 302", {}, {}),
    ("an endpoint that is a number", "retire-number", "AID_E_UNTRUSTED", "'revocation_endpoint' is not a string",
     {}, {}),
    ("an endpoint on another host", "retire-host", "AID_E_UNTRUSTED", "'evil.example', which is neither", {}, {}),
    ("an endpoint by http", "retire-http", "AID_E_UNTRUSTED", "only https", {}, {}),
    ("an endpoint for metadata", "retire-metadata", "AID_E_UNTRUSTED", "only https", {}, {}),
    ("discovery 500", "discovery-500", "AID_E_UNREACHABLE", "HTTP 500", {}, {}),
    ("no token", "ok", "AID_E_PROTOCOL", "token of 0 bytes", {}, {"SECRET": ""}),
    ("a token that is too long", "ok", "AID_E_PROTOCOL", "token of 16385 bytes", {}, {"SECRET": "a" * 16385}),
    ("the longest token", "ok", "AID_OK", "^$", {"COUNT_OF": 1}, {"SECRET": "+" * 16384}),
]


def retirement(bench):
    for name, mode, status, text, fields, more in ROWS:
        got = bench.retire(mode, **{("token" if k == "SECRET" else k): v for k, v in more.items()})
        bench.expect(f"F35 {name}", got, status, text, **fields)
    sent = [form for form in bench.control("/revoked") if form["token"] == modes.RETIRED]
    wanted = {"token": modes.RETIRED, "token_type_hint": "access_token", "client_id": modes.CLIENT,
              "client_secret": modes.SECRET}
    bench.case("F35 the form", None if sent and all(f == wanted for f in sent) else "it is another one")
    for mode in ("retire-host", "retire-number", "retire-none"):
        bench.expect(f"F35 {mode}: tokens are issued all the same", bench.token(mode), "AID_OK")
    asked = bench.count("/retire-host/revoke")
    bench.case("F35 nothing is sent to a refused endpoint", None if asked == 0 else f"{asked} times")


def retiring_clients(bench):
    rows = [("AID_CLIENT_SECRET_BASIC", "basic", "s", ("secret",)),
            ("AID_CLIENT_SECRET_POST", "post", "s", ("secret",)),
            ("AID_PRIVATE_KEY_JWT", "jwt-rs256", "k", ("client-rs.key",))]
    for method, mode, letters, files in rows:
        got = bench.retire(mode, method=method, FDS=letters, files=files)
        bench.expect(f"F35 {method}", got, "AID_OK", "^$", COUNT_OF=1)
    more = {"method": "AID_TLS_CLIENT_AUTH", "FDS": "kc", "base": bench.base("good")}
    got = bench.retire("mtls", files=("client.key", "client.pem"), **more)
    bench.expect("F35 AID_TLS_CLIENT_AUTH", got, "AID_OK", "^$", COUNT_OF=1)
    got = bench.retire("mtls", files=("stranger.key", "stranger.pem"), **more)
    bench.expect("F35 with a stranger's certificate", got, "AID_E_CREDENTIAL", "alert")


def retirement_leaves_nothing(bench):
    logged = bench.fetch.log_text()
    bench.case("F35 no token in the log", None if b"canary-of-retired" not in logged else "there is one")
    bench.case("F35 each failure has a line", None if logged.count(b"op=retire ") >= 8 else
               f"{logged.count(b'op=retire ')} lines")


STORIES = [retirement, retiring_clients, retirement_leaves_nothing]
