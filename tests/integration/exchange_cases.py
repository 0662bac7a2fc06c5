# SPDX-License-Identifier: LGPL-2.1-or-later
# Copyright The agentid authors
"""How to ask for an exchange, and what each target's documented answers must lead to."""

import json
import re
import time

import clouds
import jose
import modes
import sts

SESSION = "my-agent.0123456789abcdef"
AWS = {"role_arn": sts.ROLE, "region": "eu-west-1"}
POLICY = json.dumps({"Version": "2012-10-17", "Statement": [
    {"Effect": "Allow", "Action": "s3:GetObject", "Resource": "arn:aws:s3:::reports/*"}]}, indent=1)


def pack(options):
    return b"".join(f"{k}={v}".encode() + b"\0" for k, v in options.items() if v is not None)


class Target:
    """One kind with the options that are right for the stubs, and the assertion it wants."""

    def __init__(self, bench, kind, mode, meant_for, key, **options):
        self.bench, self.kind, self.mode, self.meant_for, self.key = bench, kind, mode, meant_for, key
        self.options = options

    def url(self, mode=None):
        return f"{self.bench.base()}/{mode or self.mode}"

    def fields(self, options, more):
        bench = self.bench
        number = bench.fetch.protocol.target["AID_TARGET_" + self.kind]
        out = {"CREDENTIAL_TYPE": number, "NAME": self.kind.lower().replace("_", "-"),
               "SESSION_NAME": SESSION, "MAX_LIFETIME_MS": 3600000, "TIMEOUT_MS": 9000,
               "OPTIONS": pack(options), "SOURCE": "host", "HOST_ISSUER": bench.base() + "/hostid",
               "HOST_SUBJECT": modes.SUBJECT, "AUDIENCE": self.meant_for, "FDS": "h", **more}
        return {k: v for k, v in out.items() if v is not None}

    def send(self, mode=None, files=None, options=None, message="EXCHANGE", **more):
        chosen = {**self.defaults(mode), **(options or {})}
        files = [self.key] if files is None else files
        return self.bench.fetch.send(message, self.fields(chosen, more), [self.bench.file(f) for f in files])

    def ask(self, mode=None, files=None, options=None, **more):
        return self.bench.answer(self.send(mode, files, options, **more))

    def defaults(self, mode):
        place = {"AWS_STS": ("endpoint",), "AZURE_WIF": ("authority",), "VAULT": ("address",),
                 "GCP_WIF": ("sts_url", "iam_url"), "RFC8693": ("issuer",)}[self.kind]
        urls = {name: self.url(mode) + ("/v1/token" if name == "sts_url" else "") for name in place}
        return {**self.options, **urls, "ca_file": self.bench.file("ca.pem")}


def aws(bench):
    return Target(bench, "AWS_STS", "aws", sts.AUDIENCE, "host.key", **AWS)


def azure(bench):
    return Target(bench, "AZURE_WIF", "entra", clouds.AZURE_AUDIENCE, "host-rs.key", tenant=clouds.TENANT,
                  client_id=clouds.APP, scope=clouds.SCOPE)


def gcp(bench):
    return Target(bench, "GCP_WIF", "google", "https:" + clouds.PROVIDER, "host.key", provider=clouds.PROVIDER)


def vault(bench):
    return Target(bench, "VAULT", "vault", "vault", "host.key", role="agent")


class Rfc8693(Target):
    """Its client has a secret, and a descriptor S."""

    def send(self, mode=None, files=None, options=None, message="EXCHANGE", **more):
        more.setdefault("FDS", "hS")
        return super().send(mode, ["host.key", "secret"] if files is None else files, options, message, **more)


def rfc8693(bench):
    return Rfc8693(bench, "RFC8693", "xch", "https://token.example", "host.key", client_id=modes.CLIENT,
                   client_auth="client_secret_post", audience="billing-api", subject=modes.SUBJECT)


def logged(bench, name="sts-log"):
    return bench.control("/" + name)


# ---- AWS ----

def aws_right(bench):
    target = aws(bench)
    before = time.time()
    got = target.ask(options={"session_policy": POLICY, "duration": "20m",
                              "policy_arns": "arn:aws:iam::aws:policy/ReadOnlyAccess"})
    bench.expect("aws-sts", got, "AID_OK")
    payload = json.loads(got.fields["SECRET"])
    end = time.mktime(time.strptime(payload["Expiration"], "%Y-%m-%dT%H:%M:%SZ")) - time.timezone
    problems = [text for text, wrong in (
        ("members", set(payload) != {"Version", "AccessKeyId", "SecretAccessKey", "SessionToken", "Expiration",
                                     "AccountId"}),
        ("Version", payload["Version"] != 1), ("AccountId", payload["AccountId"] != "123456789012"),
        ("Expiration", not before + 1198 < end < before + 1210), ("JTI", got.fields["JTI"] != payload["AccessKeyId"]),
        ("EXPIRES_MS", got.fields["EXPIRES_MS"] // 1000 != int(end))) if wrong]
    bench.case("aws-sts: the payload is credential_process JSON", ", ".join(problems) or None)
    seen = logged(bench)[-1]
    wanted = {"Policy": POLICY, "DurationSeconds": "1200", "RoleSessionName": SESSION,
              "PolicyArns.member.1.arn": "arn:aws:iam::aws:policy/ReadOnlyAccess"}
    bench.case("aws-sts: session policy, duration and session name reach the STS",
               None if all(seen[k] == v for k, v in wanted.items()) else str(seen))
    claims = seen["claims"]
    bench.case("aws-sts: the assertion is for it alone and short", None if claims["aud"] == sts.AUDIENCE and
               claims["exp"] - claims["iat"] <= 300 and "azp" not in claims else str(claims))
    bench.expect("aws-sts: a fraction in Expiration", target.ask("aws-fraction"), "AID_OK")
    got = target.ask(SESSION_NAME="agent with blanks/" + "x" * 60 + ".0123456789abcdef")
    bench.expect("aws-sts: a long session name", got, "AID_OK")
    name = logged(bench)[-1]["RoleSessionName"]
    bench.case("aws-sts: is cut before the session", None if len(name) == 64 and
               re.fullmatch(r"agent-with-blanks-x+\.0123456789abcdef", name) else name)
    jtis = {entry["claims"]["jti"] for entry in logged(bench)}
    bench.case("aws-sts: each exchange has its own jti", None if len(jtis) == 3 else str(len(jtis)))


def aws_long(bench):
    target = aws(bench)
    two_hours = {"role_arn": sts.ROLE_LONG, "duration": "2h"}
    bench.expect("aws-sts: two hours", target.ask(options=two_hours, MAX_LIFETIME_MS=7200000), "AID_OK")
    bench.expect("aws-sts: two hours where one is allowed", target.ask(options=two_hours), "AID_E_CONFIG",
                 "duration = 2h is over max_lifetime = 3600s")
    bench.expect("aws-sts: longer than the role allows",
                 target.ask(options={"duration": "2h"}, MAX_LIFETIME_MS=7200000), "AID_E_CONFIG",
                 "HTTP 400 ValidationError .DurationSeconds exceeds")


def aws_trust(bench):
    """Whoever the trust policy does not name stays out."""
    target = aws(bench)
    other_key = bench.file("stranger-host.key")
    jose.write_private(other_key, jose.ec.generate_private_key(jose.ec.SECP256R1()))
    rows = [
        ("another subject", "AID_E_DENIED", "HTTP 403 AccessDenied", {"HOST_SUBJECT": "agent:b"}),
        ("another audience", "AID_E_DENIED", "InvalidIdentityToken .Incorrect token audience",
         {"AUDIENCE": "sts.amazonaws.com.evil"}),
        ("another issuer", "AID_E_DENIED", "No OpenIDConnect provider found",
         {"HOST_ISSUER": "https://other.example"}),
        ("an issuer that cannot be reached", "AID_E_DENIED", "No OpenIDConnect provider found",
         {"HOST_ISSUER": bench.base() + "/hostid2"}),
        ("another key", "AID_E_DENIED", "Couldn't retrieve verification key", {"files": ["stranger-host.key"]}),
        ("another role", "AID_E_DENIED", "AccessDenied",
         {"options": {"role_arn": "arn:aws:iam::123456789012:role/Admin"}}),
    ]
    for name, status, text, more in rows:
        bench.expect(f"aws-sts refuses {name}", target.ask(**more), status, text)
    asked = len(logged(bench))
    wildcard = target.ask(options={"role_arn": "arn:aws:iam::123456789012:role/*"})
    bench.expect("aws-sts: a wildcard in the role", wildcard, "AID_E_CONFIG", "option role_arn: '\\*' is a wildcard")
    bench.expect("aws-sts: a session policy that is no JSON", target.ask(options={"session_policy": "{"}),
                 "AID_E_CONFIG", "session_policy: JSON: cut off")
    bench.expect("aws-sts: a session policy of 2049 characters",
                 target.ask(options={"session_policy": "x" * 2049}), "AID_E_CONFIG", "2049 bytes; 1 to 2048")
    bench.expect("aws-sts: a session policy without Statement", target.ask(options={"session_policy": "{}"}),
                 "AID_E_CONFIG", "no Statement")
    bench.expect("aws-sts: a session policy that AWS does not take",
                 target.ask(options={"session_policy": '{"Version":"1","Statement":[]}'}), "AID_E_CONFIG",
                 "MalformedPolicyDocument")
    bench.case("nothing of that was let in", None if len(logged(bench)) == asked else "something was")


def oidc_fields(bench, issuer, **more):
    """The assertion of a provider, in the place of the host's."""
    fields = bench.fields(issuer, AUDIENCE=modes.AUDIENCE, SOURCE="oidc", HOST_ISSUER=None, HOST_SUBJECT=None, **more)
    for name in ("MAX_LIFETIME_MS", "TIMEOUT_MS", "CA_FILE"):
        fields.pop(name)
    return fields


def aws_oidc(bench):
    """The provider's token has azp, and AWS takes that for the audience."""
    target = aws(bench)
    role = {"role_arn": sts.ROLE_OIDC}

    def ask(mode, **more):
        return target.ask(options=role, files=["secret"], CA_FILE=bench.file("ca.pem"),
                          **oidc_fields(bench, bench.base() + "/" + mode, **more))
    bench.expect("aws-sts with a provider's assertion", ask("ok"), "AID_OK")
    bench.expect("a provider's assertion for somebody else", ask("aud"), "AID_E_DENIED", "^assertion: .*aud")
    bench.expect("a provider's assertion about somebody else", ask("sub"), "AID_E_DENIED", "^assertion: .*sub")
    bench.expect("a forged assertion", ask("forged"), "AID_E_UNTRUSTED", "^assertion: .*signature")
    bench.expect("a provider that refuses", ask("401-client"), "AID_E_CREDENTIAL", "^assertion: host .*401")
    bench.expect("a provider's assertion that lives too long", ask("ok", LIFETIME_MS=60000), "AID_E_DENIED",
                 "^assertion: .*lifetime 300 s exceeds")
    bench.expect("an assertion without its descriptor",
                 target.ask(options=role, files=[], CA_FILE=bench.file("ca.pem"),
                            **oidc_fields(bench, bench.base() + "/ok", FDS="")),
                 "AID_E_PROTOCOL", "descriptors")


# ---- Entra, Google, token exchange ----

def azure_right(bench):
    target = azure(bench)
    before = time.time()
    got = target.ask()
    bench.expect("azure-wif", got, "AID_OK")
    bench.case("azure-wif: the payload is the bare token", None if re.fullmatch(r"eyJ0eXAi[\w.-]+", got.fields["SECRET"])
               and abs(got.fields["EXPIRES_MS"] / 1000 - before - 3599) < 5 else "no")
    rows = [
        ("another subject", "AID_E_DENIED", "AADSTS700213, correlation id 9d5a7c0e-corr", {"HOST_SUBJECT": "agent:b"}),
        ("another audience", "AID_E_DENIED", "AADSTS700212", {"AUDIENCE": "api://x"}),
        ("another issuer", "AID_E_DENIED", "AADSTS700211", {"HOST_ISSUER": "https://other.example"}),
        ("an ES256 assertion", "AID_E_DENIED", "AADSTS50027", {"files": ["host.key"]}),
        ("another tenant", "AID_E_CONFIG", "AADSTS90002", {"options": {"tenant": "contoso.example"}}),
        ("another client", "AID_E_CONFIG", "AADSTS700016", {"options": {"client_id": clouds.TENANT}}),
        ("another scope", "AID_E_CONFIG", "AADSTS500011", {"options": {"scope": "https://graph.microsoft.com/.default"}}),
        ("a scope that ends otherwise", "AID_E_CONFIG", "a scope ends in /.default", {"options": {"scope": "https://a/b"}}),
        ("a limit below its hour", "AID_E_DENIED", "exceeds max_lifetime 1800 s.*.credential azure-wif. max_lifetime",
         {"MAX_LIFETIME_MS": 1800000}),
    ]
    for name, status, text, more in rows:
        bench.expect(f"azure-wif refuses {name}", target.ask(**more), status, text)


def gcp_right(bench):
    target = gcp(bench)
    boundary = json.dumps({"accessBoundary": {"accessBoundaryRules": [{
        "availableResource": "//storage.googleapis.com/projects/_/buckets/b",
        "availablePermissions": ["inRole:roles/storage.objectViewer"]}]}})
    impersonated = {"service_account": clouds.ACCOUNT}
    rows = [("federated", {}, "ya29.fed-", 3599), ("impersonated", impersonated, "ya29.c.", 900),
            ("impersonated for an hour", {**impersonated, "lifetime": "1h"}, "ya29.c.", 3600),
            ("with a boundary", {**impersonated, "access_boundary": boundary}, "ya29.dl-", 900),
            ("federated with a boundary", {"access_boundary": boundary}, "ya29.dl-", 3599),
            ("with a project", {"user_project": "proj-1"}, "ya29.fed-", 3599)]
    for name, options, start, seconds in rows:
        before = time.time()
        got = target.ask(options=options)
        bench.expect(f"gcp-wif {name}", got, "AID_OK")
        bench.case(f"gcp-wif {name}: token and life", None if got.fields.get("SECRET", "").startswith(start) and
                   abs(got.fields["EXPIRES_MS"] / 1000 - before - seconds) < 5 else repr(got))
    bench.expect("gcp-wif with scopes", target.ask(options={
        **impersonated, "scopes": "https://www.googleapis.com/auth/devstorage.read_only"}), "AID_OK")
    last = logged(bench, "google-last")
    bench.case("gcp-wif: scopes and lifetime reach Google", None if last == {
        "scope": ["https://www.googleapis.com/auth/devstorage.read_only"], "lifetime": "900s"} else str(last))
    refusals = [
        ("another subject", "AID_E_DENIED", "HTTP 401 unauthorized_client", {"HOST_SUBJECT": "agent:b"}),
        ("another audience", "AID_E_DENIED", "HTTP 400 invalid_grant .The audience", {"AUDIENCE": "x"}),
        ("another issuer", "AID_E_DENIED", "invalid_grant", {"HOST_ISSUER": "https://other.example"}),
        ("another account", "AID_E_DENIED", "HTTP 403 PERMISSION_DENIED .Permission 'iam.serviceAccounts",
         {"options": {"service_account": "admin@proj-1.iam.gserviceaccount.com"}}),
        ("another provider", "AID_E_CONFIG", "invalid_target", {"options": {"provider": clouds.PROVIDER + "2"}}),
    ]
    for name, status, text, more in refusals:
        bench.expect(f"gcp-wif refuses {name}", target.ask(**more), status, text)
    got = target.ask("google-denied", options=impersonated)
    bench.expect("F34 gcp-wif 403 at impersonation", got, "AID_E_DENIED", "PERMISSION_DENIED")


def exchange_right(bench):
    target = rfc8693(bench)
    got = target.ask()
    bench.expect("rfc8693", got, "AID_OK")
    claims = json.loads(jose.unb64(got.fields["SECRET"].split(".")[1]))
    bench.case("rfc8693: the token is for the audience", None if claims["aud"] == "billing-api" and
               claims["sub"] == modes.SUBJECT and "act" not in claims else str(claims))
    last = logged(bench, "xch-last")
    bench.case("rfc8693: the form", None if last == {
        "grant_type": "urn:ietf:params:oauth:grant-type:token-exchange", "subject_token_type": clouds.TYPE + "jwt",
        "requested_token_type": clouds.TYPE + "access_token", "audience": "billing-api", "client_id": modes.CLIENT}
        else str(last))
    session = bench.token("ok").fields["SECRET"]
    got = target.ask(files=["secret"], FDS="S", SOURCE=None, HOST_ISSUER=None, HOST_SUBJECT=None, AUDIENCE=None,
                     SECRET=session, options={"subject_token": "session"})
    bench.expect("rfc8693 of the session's token", got, "AID_OK")
    session = bench.token("ok").fields["SECRET"]
    got = target.ask(SECRET=session, options={"subject_token": "session", "actor_token": "assertion"})
    bench.expect("rfc8693 with an actor", got, "AID_OK")
    claims = json.loads(jose.unb64(got.fields["SECRET"].split(".")[1]))
    bench.case("rfc8693: act names the actor", None if claims["act"] == {"sub": modes.SUBJECT} else str(claims))
    rows = [
        ("another issued_token_type", "AID_E_PROTOCOL", "issued_token_type is", {"mode": "xch-issued"}),
        ("another audience in the token", "AID_E_DENIED", "aud", {"mode": "xch-aud"}),
        ("another subject in the token", "AID_E_DENIED", "sub", {"mode": "xch-sub"}),
        ("an audience that is not there", "AID_E_DENIED", "invalid_target", {"options": {"audience": "orders"}}),
        ("a wildcard audience", "AID_E_CONFIG", "wildcard", {"options": {"audience": "*"}}),
        ("another issuer's assertion", "AID_E_DENIED", "invalid_request", {"HOST_ISSUER": "https://other.example"}),
        ("a part of the assertion in a sentence", "AID_E_DENIED", "left out: it repeats a secret",
         {"mode": "xch-echo-subject_token"}),
        ("a part of the assertion in a redirect", "AID_E_UNTRUSTED", "redirect 302 to '.left out: it repeats",
         {"mode": "xch-echo-location"}),
        ("a part of the session's token in a sentence", "AID_E_DENIED", "left out: it repeats a secret",
         {"mode": "xch-echo-subject_token", "SECRET": session,
          "options": {"subject_token": "session", "actor_token": "assertion"}}),
        ("a part of the actor's assertion in a sentence", "AID_E_DENIED", "left out: it repeats a secret",
         {"mode": "xch-echo-actor_token", "SECRET": session,
          "options": {"subject_token": "session", "actor_token": "assertion"}}),
    ]
    for name, status, text, more in rows:
        bench.expect(f"rfc8693 refuses {name}", target.ask(**more), status, text)
    got = bench.answer(target.send(message="RETIRE", files=["secret"], FDS="S", SOURCE=None, HOST_ISSUER=None,
                                   HOST_SUBJECT=None, AUDIENCE=None, MAX_LIFETIME_MS=None, SECRET=modes.RETIRED))
    bench.expect("rfc8693: the token is revoked", got, "AID_OK", "^$", COUNT_OF=1)
    endpoint = {"issuer": None, "token_endpoint": target.url() + "/token", "format": "opaque", "subject": None}
    bench.expect("rfc8693 at a server without metadata", target.ask(options=endpoint), "AID_OK")


def second_token(bench):
    number = bench.fetch.protocol.target["AID_TARGET_OIDC"]

    def ask(mode, options, message="EXCHANGE", **more):
        fields = bench.fields(bench.base() + "/" + mode, CREDENTIAL_TYPE=number, NAME="orders",
                              SESSION_NAME=SESSION, OPTIONS=pack(options), AUDIENCE=None, **more)
        return bench.answer(bench.fetch.send(message, fields, [bench.file("secret")]))
    bench.expect("oidc: a second token", ask("ok", {"audience": modes.AUDIENCE}), "AID_OK")
    bench.expect("oidc: for another audience", ask("ok", {"audience": "other"}), "AID_E_DENIED", "aud")
    bench.expect("oidc: about another subject", ask("ok", {"audience": modes.AUDIENCE, "subject": "agent:b"}),
                 "AID_E_DENIED", "sub")
    bench.expect("oidc: a JWT that lives too long", ask("ok", {"audience": modes.AUDIENCE}, MAX_LIFETIME_MS=60000),
                 "AID_E_DENIED", r"raise \[credential orders\] max_lifetime")
    bench.expect("oidc: opaque", ask("opaque", {"format": "opaque"}), "AID_OK")
    bench.expect("oidc: opaque that lives too long", ask("opaque-long", {"format": "opaque"}), "AID_E_DENIED",
                 r"raise \[credential orders\] max_lifetime")
    bench.expect("oidc: revoked", ask("ok", {"audience": modes.AUDIENCE}, "RETIRE", SECRET=modes.RETIRED),
                 "AID_OK", "^$", COUNT_OF=1)


STORIES = [aws_right, aws_long, aws_trust, aws_oidc, azure_right, gcp_right, exchange_right, second_token]
