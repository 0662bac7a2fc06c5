# SPDX-License-Identifier: LGPL-2.1-or-later
# Copyright The agentid authors
"""The table of modes: issuer path to what is different there. "~" and more may follow a name, for a
fresh issuer that behaves the same."""

import email.utils
import gzip
import json
import time

import modes as m


def refusals():
    return {
        "429": {"token": m.status(429, "Retry-After: 2")},
        "429-long": {"token": m.status(429, "Retry-After: 86400")},
        "429-date": {"token": lambda s, c, r: m.reply(
            c, 429, b"", "Retry-After: " + email.utils.formatdate(time.time() + 30, usegmt=True))},
        "429-garbage": {"token": m.status(429, "Retry-After: soon")},
        "500": {"token": m.status(500)},
        "502": {"token": m.status(502, body=b"<html>bad gateway")},
        "503": {"token": m.status(503, "Retry-After: 7")},
        "404": {"token": m.status(404, body=b"<html>not here")},
        "401-client": {"token": m.oauth_error(401, "invalid_client")},
        "401-unauthorized": {"token": m.oauth_error(401, "unauthorized_client")},
        "400-client": {"token": m.oauth_error(400, "invalid_client")},
        "400-unauthorized": {"token": m.oauth_error(400, "unauthorized_client")},
        "scope": {"token": m.oauth_error(400, "invalid_scope", error_description="no 'x'\r\nX: y")},
        "nonce": {"token": m.oauth_error(400, "use_dpop_nonce", "DPoP-Nonce: 1")},
        "echo": {"token": m.echo_secret},
        "clock": {"token": m.clock_refusal},
        "clock-token": {"token": m.clock_token},
    }


def transports():
    ok = b"HTTP/1.1 200 OK\r\nContent-Type: application/json\r\n"
    chunk = b"4000\r\n" + b" " * 0x4000 + b"\r\n"
    return {
        "drip": {"token": m.raw(ok + b"Content-Length: 1000\r\n\r\n", lambda: m.forever(b" "), 1.0)},
        "header-drip": {"token": m.raw(ok, lambda: m.forever(b"X: y\r\n"), 1.0)},
        "silent": {"token": m.silent},
        "silent-discovery": {"discovery": m.silent},
        "silent-jwks": {"jwks": m.silent},
        "endless": {"token": m.raw(ok + b"Transfer-Encoding: chunked\r\n\r\n",
                                   lambda: m.forever(chunk))},
        "cut": {"token": m.raw(ok + b"Content-Length: 500\r\n\r\n", lambda: [b'{"access_token":"x"'])},
        "reset": {"token": m.reset},
        "ragged": {"token": m.ragged},
        "closed": {"token": lambda s, c, r: False},
        "huge": {"token": m.raw(ok + b"Content-Length: 1073741824\r\n\r\n",
                                lambda: m.forever(b" " * 65536))},
        "huge-discovery": {"discovery": m.raw(ok + b"Transfer-Encoding: chunked\r\n\r\n",
                                              lambda: m.forever(chunk))},
        "headers": {"token": m.raw(ok, lambda: (b"X-%d: y\r\n" % i for i in range(10 ** 6)))},
        "long-header": {"token": m.raw(ok, lambda: [b"X: " + b"y" * 60000 + b"\r\n\r\n"])},
        "gzip": {"token": lambda s, c, r: m.reply(c, 200, gzip.compress(b" " * 10 ** 7),
                                                  "Content-Encoding: gzip")},
        "not-http": {"token": m.raw(b"SSH-2.0-OpenSSH_9\r\n", lambda: [])},
        "status-204": {"token": m.raw(b"HTTP/1.1 204 No Content\r\n\r\n", lambda: [])},
    }


def bodies():
    good = '{"access_token":"x","token_type":"Bearer","expires_in":5'
    out = {
        "html": b"<html><body>login</body></html>",
        "empty": b"",
        "utf8": good.encode() + b',"scope":"\xff\xfe"}',
        "duplicate": (good + ',"access_token":"y"}').encode(),
        "deep": m.deep(),
        "trailing": (good + "} x").encode(),
        "array": b"[1]",
        "half": good.encode(),
    }
    return {name: {"token": m.text(body)} for name, body in out.items()}


def redirects():
    to = {"http": "http://127.0.0.1:9/x", "file": "file:///etc/passwd",
          "metadata": "http://169.254.169.254/latest", "other": "https://evil.example/"}
    out = {f"redirect-{code}": {"token": m.redirect(code, to["metadata"])}
           for code in (301, 302, 303, 307, 308)}
    out.update({f"redirect-{k}": {"token": m.redirect(302, v)} for k, v in to.items()})
    out["redirect-discovery"] = {"discovery": m.redirect(302, to["other"])}
    out["redirect-jwks"] = {"jwks": m.redirect(302, to["other"])}
    return out


def lifetimes():
    literals = {"zero": "0", "negative": "-1", "1e18": "1e18", "long": "1000000000000000000",
                "text": '"300"', "text-bad": '"300s"', "text-zero": '"0"', "fraction": "300.5",
                "true": "true", "null": "null", "short": "60"}
    out = {f"expires-{name}": {"token": m.with_number(v)} for name, v in literals.items()}
    out["expires-missing"] = {"token": m.with_body(expires_in=None)}
    out["opaque"] = {"token": m.opaque()}
    out["opaque-missing"] = {"token": m.opaque(expires_in=None)}
    out["opaque-long"] = {"token": m.opaque(expires_in=900)}
    return out


def tokens():
    bad = {"crlf": "abc\r\nX: y", "nul": "abc\0def", "space": "abc def", "big": "a" * 65536,
           "limit": "a" * 16385, "umlaut": "abc\u00e4", "blank": "", "equals": "=="}
    out = {f"token-{name}": {"token": m.with_body(access_token=v)} for name, v in bad.items()}
    out["token-number"] = {"token": m.with_body(access_token=5)}
    out["token-missing"] = {"token": m.with_body(access_token=None)}
    out["type-dpop"] = {"token": m.with_body(token_type="DPoP")}
    out["type-missing"] = {"token": m.with_body(token_type=None)}
    out["type-lower"] = {"token": m.with_body(token_type="bearer")}
    return out


def claims():
    now = time.time
    wrong = m.with_claims
    return {
        "iss": {"token": wrong(iss="https://evil.example")},
        "aud": {"token": wrong(aud=["other", "orders-api2"])},
        "aud-list": {"token": wrong(aud=["account", m.AUDIENCE])},
        "sub": {"token": wrong(sub="agent:b")},
        "azp": {"token": wrong(azp="somebody")},
        "expired": {"token": wrong(exp=lambda r: int(now()) - 100, iat=lambda r: int(now()) - 200)},
        "nbf": {"token": wrong(nbf=lambda r: int(now()) + 600)},
        "no-exp": {"token": wrong(exp=None)},
        "exp-text": {"token": wrong(exp="soon")},
        "long": {"token": wrong(exp=lambda r: int(now()) + 900)},
        "none": {"token": wrong("none")},
        "none-signed": {"token": lambda s, c, r: m.reply(c, 200, m.token_body(
            m.mint(s, r, "none") + "AAAA"))},
        "hs256": {"token": wrong("HS256")},
        "kid-path": {"token": wrong(header={"kid": "../../etc/passwd"})},
        "kid-sql": {"token": wrong(header={"kid": "' OR 1=1 --"})},
        "crit": {"token": wrong(header={"crit": ["exp"]})},
        "jwe": {"token": m.with_body(access_token="a.b.c.d.e")},
        "forged": {"token": lambda s, c, r: m.reply(c, 200, m.token_body(m.jose.sign(
            s.keys["k2"], "ES256", {"kid": "k1"}, m.claims(r))))},
        "same-kids": {"jwks": lambda s, c, r: m.reply(c, 200, {"keys": [
            m.jose.jwk(s.keys[k], "k1") for k in ("k1", "k2")]})},
    }


def documents():
    def keys(body):
        return {"jwks": m.text(body)}
    return {
        "issuer": {"discovery": m.with_metadata(issuer="https://other.example")},
        "issuer-slash": {"discovery": m.with_metadata(issuer=lambda s, r: r.issuer + "/")},
        "discovery-404": {"discovery": m.status(404)},
        "discovery-500": {"discovery": m.status(500)},
        "discovery-html": {"discovery": m.text(b"<html>")},
        "no-endpoint": {"discovery": m.with_metadata(token_endpoint=5)},
        "endpoint-host": {"discovery": m.with_metadata(token_endpoint="https://evil.example/token")},
        "endpoint-http": {"discovery": m.with_metadata(token_endpoint="http://evil.example/token")},
        "endpoint-user": {"discovery": m.with_metadata(
            token_endpoint=lambda s, r: r.issuer.replace("://", "://u:p@") + "/token")},
        "endpoint-fragment": {"discovery": m.with_metadata(
            token_endpoint=lambda s, r: r.issuer + "/token#x")},
        "jwks-file": {"discovery": m.with_metadata(jwks_uri="file:///etc/passwd")},
        "jwks-500": {"jwks": m.status(500)},
        "jwks-html": keys(b"<html>"),
        "jwks-empty": keys(b'{"keys":[]}'),
        "jwks-huge": keys(b'{"keys":[]' + b" " * 300000 + b"}"),
        "jwks-many": keys(json.dumps({"keys": [{"kty": "oct", "k": "AA"}] * 101}).encode()),
    }


def clients():
    return {
        "basic": {"token": m.authenticated(m.check_basic), "revoke": m.authenticated_revoke(m.check_basic)},
        "post": {"token": m.authenticated(m.check_post), "revoke": m.authenticated_revoke(m.check_post)},
        "jwt-rs256": {"token": m.authenticated(m.check_assertion("client-rs", alg="RS256")),
                      "revoke": m.authenticated_revoke(m.check_assertion("client-rs", alg="RS256"))},
        "jwt-ps256": {"token": m.authenticated(m.check_assertion("client-rs", alg="PS256"))},
        "jwt-es256": {"token": m.authenticated(m.check_assertion("client-es", alg="ES256"))},
        "federated": {"token": m.authenticated(m.check_assertion(
            "host", "https://host.example", "agent:a", alg="ES256"))},
        "mtls": {"discovery": m.with_metadata(mtls_endpoint_aliases=lambda s, r: {
            "token_endpoint": m.on_port("mtls", "token")(s, r),
            "revocation_endpoint": m.on_port("mtls", "revoke")(s, r)}),
            "revoke": lambda s, c, r: (m.revoke if m.check_certificate(s, c, r) else
                                       lambda *_: m.refuse_client(c, "no certificate"))(s, c, r),
            "token": lambda s, c, r: m.reply(c, 200, m.token_body(m.mint(
                s, r, iss=f"https://localhost:{s.variables['ports']['good']}/{r.mode}")))
            if m.check_certificate(s, c, r) else m.refuse_client(c, "no certificate")},
    }


def revocations():
    def elsewhere(url):
        return {"discovery": m.with_metadata(revocation_endpoint=url)}
    return {
        "retire-503": {"revoke": m.status(503, "Retry-After: 7")},
        "retire-500": {"revoke": m.status(500)},
        "retire-silent": {"revoke": m.silent},
        "retire-cut": {"revoke": lambda s, c, r: False},
        "retire-unsupported": {"revoke": m.oauth_error(400, "unsupported_token_type")},
        "retire-client": {"revoke": m.oauth_error(401, "invalid_client")},
        "retire-refused": {"revoke": m.oauth_error(400, "invalid_token", error_description="Unmatching clients")},
        "retire-echo": {"revoke": m.echo_token},
        "retire-redirect": {"revoke": m.redirect(302, "https://evil.example/")},
        "retire-body": {"revoke": m.status(200, body=b"<html>done")},
        "retire-none": elsewhere(None),
        "retire-number": elsewhere(7),
        "retire-host": elsewhere("https://evil.example/revoke"),
        "retire-http": elsewhere("http://evil.example/revoke"),
        "retire-metadata": elsewhere("http://169.254.169.254/revoke"),
    }


def table():
    out = {"ok": {}, "slow": {"token": lambda s, c, r: (time.sleep(0.3), m.token(s, c, r))[1]},
           "rotate": {}}
    for part in (refusals, transports, bodies, redirects, lifetimes, tokens, claims, documents,
                 clients, revocations):
        out.update(part())
    return out
