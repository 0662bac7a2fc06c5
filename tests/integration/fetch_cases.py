# SPDX-License-Identifier: LGPL-2.1-or-later
# Copyright The agentid authors
"""One request, one answer: the table of what each fault must lead to. All are under way at once."""

SHORT = {"TIMEOUT_MS": 2000}
OPAQUE = {"FORMAT": 2, "SUBJECT": None, "AUDIENCE": None}

# name, mode, status, pattern of the sentence, fields of the answer or of the request
REFUSALS = [
    ("F1 429 with Retry-After", "429", "AID_E_BUSY", "HTTP 429", {"RETRY_AFTER_S": 2, "HTTP_STATUS": 429}),
    ("F2 Retry-After is capped", "429-long", "AID_E_BUSY", "", {"RETRY_AFTER_S": 120}),
    ("F2 Retry-After garbage", "429-garbage", "AID_E_BUSY", "", {"RETRY_AFTER_S": None}),
    ("F3 500", "500", "AID_E_UNREACHABLE", "HTTP 500", {"HTTP_STATUS": 500}),
    ("F3 502", "502", "AID_E_UNREACHABLE", "HTTP 502", {}),
    ("F3 503", "503", "AID_E_BUSY", "HTTP 503", {"RETRY_AFTER_S": 7}),
    ("404", "404", "AID_E_PROTOCOL", "HTTP 404 without an OAuth error object", {}),
    ("F32 401 invalid_client", "401-client", "AID_E_CREDENTIAL", "HTTP 401 invalid_client",
     {"OAUTH_CODE": "invalid_client", "HTTP_STATUS": 401}),
    ("F32 401 unauthorized_client", "401-unauthorized", "AID_E_CREDENTIAL", "unauthorized_client", {}),
    ("F32 400 invalid_client", "400-client", "AID_E_CREDENTIAL", "", {"HTTP_STATUS": 400}),
    ("400 unauthorized_client", "400-unauthorized", "AID_E_DENIED", "", {}),
    ("400 invalid_scope, a line break in its text", "scope", "AID_E_DENIED",
     r"HTTP 400 invalid_scope \(no 'x'\?\?X: y\)", {"OAUTH_CODE": "invalid_scope"}),
    ("F13 use_dpop_nonce", "nonce", "AID_E_DENIED", "use_dpop_nonce", {"OAUTH_CODE": "use_dpop_nonce"}),
    ("a secret that the provider repeats", "echo", "AID_E_DENIED", "left out: it repeats", {}),
    ("F18 a token from the future", "clock-token", "AID_E_EXPIRED", "3[56][0-9][0-9] s ahead of ours", {}),
]

TRANSPORTS = [
    ("F4 body of 1 byte a second", "drip", "AID_E_TIMEOUT", "", {}),
    ("F4 headers of 6 bytes a second", "header-drip", "AID_E_TIMEOUT", "", {}),
    ("F4 silence", "silent", "AID_E_TIMEOUT", "no complete answer in", SHORT),
    ("F4 silence at discovery", "silent-discovery", "AID_E_TIMEOUT", "waited for discovery", SHORT),
    ("F4 silence at the key set", "silent-jwks", "AID_E_TIMEOUT", "waited for the key set", SHORT),
    ("F4 endless chunks", "endless", "AID_E_TOOBIG", "body over 262144 bytes", {}),
    ("F5 body cut short", "cut", "AID_E_UNREACHABLE", "cut short", {}),
    ("F5 reset in the body", "reset", "AID_E_UNREACHABLE", "", {}),
    ("F5 closed without an answer", "closed", "AID_E_UNREACHABLE", "", {}),
    ("F7 body of 1 GiB", "huge", "AID_E_TOOBIG", "larger than allowed", {}),
    ("F7 endless discovery", "huge-discovery", "AID_E_TOOBIG", "body over 65536 bytes", {}),
    ("F7 a million headers", "headers", "AID_E_TOOBIG", "over 100 lines", {}),
    ("F7 a header of 60000 bytes", "long-header", "AID_E_TOOBIG", "32768 bytes", {}),
    ("F7 gzip", "gzip", "AID_E_PROTOCOL", "Content-Encoding", {}),
    ("not HTTP", "not-http", "AID_E_PROTOCOL", "", {}),
    ("204", "status-204", "AID_E_PROTOCOL", "", {}),
]

BODIES = [(f"F6 {name}", name, "AID_E_PROTOCOL", "token response", {}) for name in
          ("html", "empty", "utf8", "duplicate", "deep", "trailing", "array", "half")]

REDIRECTS = [(f"F8 redirect-{name}", f"redirect-{name}", "AID_E_UNTRUSTED", r"redirect 30\d to '", {})
             for name in (301, 302, 303, 307, 308, "http", "file", "metadata", "other", "discovery",
                          "jwks")]

LIFETIMES = [(f"F9 expires_in {name}", f"expires-{name}", "AID_E_PROTOCOL", "expires_in is no whole", {})
             for name in ("zero", "negative", "1e18", "long", "text-bad", "text-zero", "fraction",
                          "true", "null")] + [
    ("F9 expires_in as text", "expires-text", "AID_OK", "", {}),
    ("F9 expires_in missing in a JWT", "expires-missing", "AID_OK", "", {}),
    ("F9 opaque without expires_in", "opaque-missing", "AID_E_PROTOCOL", "no expires_in", OPAQUE),
    ("F9 opaque that lives too long", "opaque-long", "AID_E_DENIED",
     "token lifetime 900 s exceeds max_lifetime 600 s", OPAQUE),
    ("opaque", "opaque", "AID_OK", "", OPAQUE),
    ("opaque where a JWT is wanted", "opaque", "AID_E_PROTOCOL", "", {}),
]

TOKENS = [(f"F10 {name}", f"token-{name}", "AID_E_PROTOCOL", "access_token", {}) for name in
          ("crlf", "nul", "space", "umlaut", "blank", "equals", "number", "missing")] + [
    ("F10 64 KiB", "token-big", "AID_E_TOOBIG", "65536 bytes, at most 16384", {}),
    ("F10 one byte too many", "token-limit", "AID_E_TOOBIG", "16385 bytes, at most 16384", {}),
    ("F12 token_type DPoP", "type-dpop", "AID_E_PROTOCOL", "token_type is 'DPoP'", {}),
    ("token_type missing", "type-missing", "AID_E_PROTOCOL", "token_type", {}),
    ("token_type in lower case", "type-lower", "AID_OK", "", {}),
]
# A NUL is refused where JSON is parsed, before there is an access_token.
TOKENS[1] = ("F10 nul", "token-nul", "AID_E_PROTOCOL", "token response", {})

CLAIMS = [
    ("F11 iss", "iss", "AID_E_UNTRUSTED", "iss", {}),
    ("F11 aud", "aud", "AID_E_DENIED", "aud", {}),
    ("F11 aud is a list with ours", "aud-list", "AID_OK", "", {}),
    ("F11 sub", "sub", "AID_E_DENIED", "sub", {}),
    ("F11 azp", "azp", "AID_E_DENIED", "azp", {}),
    ("F11 expired", "expired", "AID_E_EXPIRED", "exp", {}),
    ("F11 nbf", "nbf", "AID_E_EXPIRED", "nbf", {}),
    ("F11 no exp", "no-exp", "AID_E_PROTOCOL", "exp", {}),
    ("F11 exp is text", "exp-text", "AID_E_PROTOCOL", "exp", {}),
    ("F11 lives too long", "long", "AID_E_DENIED", "lifetime 900 s exceeds max_lifetime 600 s", {}),
    ("F11 alg none", "none", "AID_E_PROTOCOL", "empty header, payload or signature", {}),
    ("F11 alg none with a signature", "none-signed", "AID_E_UNTRUSTED", "alg", {}),
    ("F11 HS256 with the public key", "hs256", "AID_E_UNTRUSTED", "alg", {}),
    ("F11 kid is a path", "kid-path", "AID_E_UNTRUSTED", "kid", {}),
    ("F11 kid is SQL", "kid-sql", "AID_E_UNTRUSTED", "kid", {}),
    ("F11 crit", "crit", "AID_E_PROTOCOL", "crit", {}),
    ("F11 JWE", "jwe", "AID_E_PROTOCOL", "", {}),
    ("F11 another key's signature", "forged", "AID_E_UNTRUSTED", "signature", {}),
    ("F11 two keys of one kid", "same-kids", "AID_E_UNTRUSTED", "k1", {}),
]

DOCUMENTS = [
    ("issuer differs", "issuer", "AID_E_UNTRUSTED", "issuer is 'https://other.example'", {}),
    ("issuer differs by a slash", "issuer-slash", "AID_E_UNTRUSTED", "the configured one is", {}),
    ("discovery 404", "discovery-404", "AID_E_PROTOCOL", "discovery of .* HTTP 404", {}),
    ("discovery 500", "discovery-500", "AID_E_UNREACHABLE", "HTTP 500", {"HTTP_STATUS": 500}),
    ("discovery is HTML", "discovery-html", "AID_E_PROTOCOL", "discovery", {}),
    ("token_endpoint is a number", "no-endpoint", "AID_E_PROTOCOL", "token_endpoint", {}),
    ("token_endpoint on another host", "endpoint-host", "AID_E_UNTRUSTED",
     "'evil.example', which is neither", {}),
    ("token_endpoint on another host by http", "endpoint-http", "AID_E_UNTRUSTED", "only https", {}),
    ("token_endpoint with user information", "endpoint-user", "AID_E_UNTRUSTED", "user information", {}),
    ("token_endpoint with a fragment", "endpoint-fragment", "AID_E_UNTRUSTED", "fragment", {}),
    ("jwks_uri is a file", "jwks-file", "AID_E_UNTRUSTED", "jwks_uri", {}),
    ("key set 500", "jwks-500", "AID_E_UNREACHABLE", "key set of .* HTTP 500", {}),
    ("key set is HTML", "jwks-html", "AID_E_PROTOCOL", "key set", {}),
    ("key set is empty", "jwks-empty", "AID_E_UNTRUSTED", "", {}),
    ("key set of 300 kB", "jwks-huge", "AID_E_TOOBIG", "", {}),
    ("key set of 101 keys", "jwks-many", "AID_E_TOOBIG", "", {}),
]

TABLE = (REFUSALS + TRANSPORTS + BODIES + REDIRECTS + LIFETIMES + TOKENS + CLAIMS + DOCUMENTS)
ANSWER_FIELDS = ("RETRY_AFTER_S", "HTTP_STATUS", "OAUTH_CODE")


def faults(bench):
    asked = []
    for name, mode, status, text, fields in TABLE:
        more = {k: v for k, v in fields.items() if k not in ANSWER_FIELDS}
        wanted = {k: v for k, v in fields.items() if k in ANSWER_FIELDS}
        asked.append((bench.ask(mode, **more), name, status, text, wanted))
    for number, name, status, text, wanted in asked:
        bench.expect(name, bench.answer(number), status, text, **wanted)


def descriptors_return(bench):
    rows = [row for row in TABLE if row not in TRANSPORTS]
    before = bench.fetch.descriptors()
    for _ in range(2):
        asked = [bench.ask(mode, **{k: v for k, v in fields.items() if k not in ANSWER_FIELDS})
                 for _, mode, _, _, fields in rows]
        for number in asked:
            bench.answer(number)
    more = bench.fetch.descriptors() - before
    bench.case("the same faults again open no more descriptors", None if more < 30 else f"{more} more")
    bench.expect("after all that a right token is issued", bench.token("ok"), "AID_OK")


STORIES = [faults, descriptors_return]
