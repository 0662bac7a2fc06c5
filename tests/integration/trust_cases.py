#!/usr/bin/python3
# SPDX-License-Identifier: LGPL-2.1-or-later
# Copyright The agentid authors
"""usage: trust_cases.py configure|run PORT BAO, from 85-trust.sh, in its private place.

What the daemons never send is made here with the host's own key, so that each refusal is for one difference."""

import base64
import glob
import json
import re
import secrets
import subprocess
import sys
import time
import urllib.parse

import trust_place as place
from trust_place import AGENT, ISSUER, OTHER, OTHER_ISSUER, ask, clouds, jose, trust

failures = []


# ---- cases ----

def case(name, problem=None):
    print(f"{'not ok' if problem else 'ok'} 85-trust: {name}{': ' + problem if problem else ''}", flush=True)
    if problem:
        failures.append(name)


def in_session(agent, *command):
    return subprocess.run(["/usr/bin/agentid", "exec", agent, "--", *command], stdin=subprocess.DEVNULL,
                          stdout=subprocess.PIPE, stderr=subprocess.PIPE, check=False)


def expect_got(kind):
    done = in_session(AGENT, "/usr/bin/agentid", "get", kind)
    case(f"{kind}: this agent gets in", None if done.returncode == 0 and done.stdout else done.stderr.decode())


def expect_refused(kind, pattern):
    done = in_session(OTHER, "/usr/bin/agentid", "get", kind)
    right = done.returncode == 4 and not done.stdout and re.search(pattern, done.stderr.decode())
    case(f"{kind}: another agent of this host does not", None if right else f"{done.returncode} {done.stderr.decode()}")


def claims_of(token):
    body = token.split(".")[1]
    return json.loads(base64.urlsafe_b64decode(body + "=" * (-len(body) % 4)))


class Forger:
    """Assertions as this host makes them for the agent, with what each case changes."""

    def __init__(self, cloud, other_key):
        paths = glob.glob("/var/lib/agentid/issuer/*.pem")
        assert len(paths) == 1, paths
        self.key, self.other_key = jose.read_private(paths[0]), other_key
        self.first = {}
        for kind, token in cloud.seen:
            if claims_of(token)["sub"] == "agent:" + AGENT:
                self.first.setdefault(kind, claims_of(token))

    def make(self, kind, **changes):
        now = int(time.time())
        claims = {**self.first[kind], "iat": now, "nbf": now - 5, "exp": now + 60, "jti": secrets.token_urlsafe(16),
                  **changes}
        return jose.sign(self.key, "RS256", {"kid": jose.thumbprint(self.key)}, claims)

    def by_other_host(self, kind):
        claims = claims_of(self.make(kind, iss=OTHER_ISSUER))
        return jose.sign(self.other_key, "ES256", {"kid": "other"}, claims)

    def by_stranger(self, kind):
        stranger = jose.rsa.generate_private_key(65537, 2048)
        return jose.sign(stranger, "RS256", {"kid": jose.thumbprint(self.key)}, claims_of(self.make(kind)))


def send(kind, token):
    if kind == "vault":
        return ask("POST", place.BAO_BASE + "/v1/auth/jwt/login", json.dumps({"role": AGENT, "jwt": token}).encode())
    forms = {
        "aws": ("/aws", {"Action": "AssumeRoleWithWebIdentity", "Version": "2011-06-15", "RoleArn": place.ROLE,
                         "RoleSessionName": "forged", "WebIdentityToken": token}),
        "azure": (f"/entra/{clouds.TENANT}/oauth2/v2.0/token", {
            "client_id": clouds.APP, "scope": clouds.SCOPE, "grant_type": "client_credentials", "client_assertion": token,
            "client_assertion_type": "urn:ietf:params:oauth:client-assertion-type:jwt-bearer"}),
        "gcp": ("/google/v1/token", {
            "grant_type": "urn:ietf:params:oauth:grant-type:token-exchange", "audience": clouds.PROVIDER,
            "scope": clouds.CLOUD_PLATFORM, "requested_token_type": clouds.TYPE + "access_token",
            "subject_token": token, "subject_token_type": clouds.TYPE + "jwt"}),
    }
    path, form = forms[kind]
    return ask("POST", place.BASE + path, urllib.parse.urlencode(form).encode(),
               {"Content-Type": clouds.FORM, "Accept": "text/xml"})


DENIED = "403 .*<Code>AccessDenied"
REFUSALS = {
    "aws": {"another subject": DENIED, "another host that is registered": DENIED,
            "an issuer that is not": "400 .*No OpenIDConnect provider found",
            "another issuer by this host's key": "400 .*InvalidIdentityToken.*retrieve verification key",
            "another audience that is registered": DENIED, "another audience": "400 .*Incorrect token audience",
            "an expired assertion": "400 .*ExpiredTokenException", "another key": "400 .*Signature is invalid",
            "one that was used before": "400 .*used before"},
    "azure": {"another subject": "AADSTS700213", "another host that is registered": "AADSTS700211",
              "an issuer that is not": "AADSTS700211", "another issuer by this host's key": "AADSTS700211",
              "another audience that is registered": "AADSTS700212", "another audience": "AADSTS700212",
              "an expired assertion": "AADSTS700024", "another key": "AADSTS50027",
              "one that was used before": "AADSTS700024"},
    "gcp": {"another subject": "401 .*rejected by the attribute condition",
            "another host that is registered": "400 .*No OpenIDConnect provider", "an issuer that is not": "400 .*No OpenID",
            "another issuer by this host's key": "400 .*No OpenIDConnect provider",
            "another audience that is registered": "400 .*audience in ID Token does not match",
            "another audience": "400 .*audience in ID Token does not match", "an expired assertion": "400 .*times of the ID",
            "another key": "400 .*Signature is invalid", "one that was used before": "401 .*rejected"},
    "vault": {"another subject": r"400 .*\(sub\) claim", "another host that is registered": "400 .*signature|400 .*key",
              "an issuer that is not": r"400 .*\(iss\) claim", "another issuer by this host's key": r"400 .*\(iss\) claim",
              "another audience that is registered": r"400 .*\(aud\) claim", "another audience": r"400 .*\(aud\) claim",
              "an expired assertion": "400 .*expired", "another key": "400 .*signature"},
}


def forged(forger, kind):
    now = int(time.time())
    good = forger.make(kind)
    status, text = send(kind, good)
    case(f"{kind}: an assertion that is made here as the daemons make it gets in", None if status == 200 else text)
    tokens = {
        "another subject": forger.make(kind, sub="agent:" + OTHER),
        "another host that is registered": forger.by_other_host(kind),
        "an issuer that is not": forger.make(kind, iss=ISSUER + "x"),
        "another issuer by this host's key": forger.make(kind, iss=OTHER_ISSUER),
        "another audience that is registered": forger.make(kind, aud="other.example"),
        "another audience": forger.make(kind, aud=forger.first[kind]["aud"] + ".evil"),
        "an expired assertion": forger.make(kind, iat=now - 700, nbf=now - 705, exp=now - 600),
        "another key": forger.by_stranger(kind),
        "one that was used before": good,
    }
    for name, pattern in REFUSALS[kind].items():
        status, text = send(kind, tokens[name])
        right = status != 200 and re.search(pattern, f"{status} {text}", re.S)
        case(f"{kind} refuses {name}", None if right else f"{status} {text}")
    if kind == "vault":
        # As AWS does, too; this is why agentid sends each once.
        case("vault takes one that was used before", None if send(kind, good)[0] == 200 else "it is refused now")


def impersonation(cloud):
    """The condition and the member are two locks: where the first is open, the second holds."""
    before = cloud.variables["google-trust"]
    cloud.variables["google-trust"] = trust.GoogleTrust(
        before.issuer, before.audiences, {"google.subject": "assertion.sub"}, f"assertion.sub == 'agent:{OTHER}'")
    expect_refused("gcp", "HTTP 403 .*iam.serviceAccounts.getAccessToken")
    cloud.variables["google-trust"] = before


def sent_once(tokens):
    kinds = [kind for kind, _ in tokens]
    jtis = {claims_of(token)["jti"] for _, token in tokens}
    few = [kind for kind in REFUSALS if kinds.count(kind) < 3]
    case("no assertion was sent twice", None if len(jtis) == len(tokens) and not few else
         f"{len(jtis)} of {len(tokens)}; fewer than 3: {few}")
    lives = {claims_of(token)["exp"] - claims_of(token)["iat"] for _, token in tokens}
    case("each lives for five minutes at most", None if max(lives) <= 300 else str(lives))


CALLED = {
    "aws": {"get reports": "ok", "get secrets": "AccessDenied", "put reports": "AccessDenied", "list reports": "ok",
            "list secrets": "AccessDenied", "get elsewhere": "AccessDenied"},
    "aws-role": {"get reports": "ok", "get secrets": "ok", "put reports": "ok", "list reports": "ok",
                 "list secrets": "ok", "get elsewhere": "AccessDenied"},
    "aws-wide": {"get reports": "ok", "get secrets": "AccessDenied", "put reports": "ok",
                 "list reports": "AccessDenied", "list secrets": "AccessDenied", "get elsewhere": "AccessDenied"},
}
MEANING = {"aws": "with a session policy that is printed", "aws-role": "by the role alone",
           "aws-wide": "with a session policy that allows more than the role"}


def session_policy():
    done = in_session(AGENT, "/usr/bin/python3", "-W", "ignore", place.PLACE + "/calls.py")
    seen = {}
    for line in done.stdout.decode().splitlines():
        profile, verb, what, result = line.split()
        seen.setdefault(profile, {})[f"{verb} {what}"] = result
    for profile, wanted in CALLED.items():
        got = seen.get(profile, {})
        wrong = {name: got.get(name) for name in wanted if got.get(name) != wanted[name]}
        case(f"boto3 {MEANING[profile]}", None if not wrong else f"{wrong} {done.stderr.decode()[-400:]}")


def run():
    other_key = place.serve_issuers()
    cloud = place.Cloud(place.CLOUDS, place.Handler)
    bucket = place.Cloud(place.BUCKET, place.BucketHandler)
    bucket.variables = cloud.variables
    cloud.variables["s3-objects"] = {f"{b}/{k}": k for b in ("data", "elsewhere") for k in ("reports/a", "secrets/b")}
    bao = place.start_bao()
    try:
        place.load(cloud)
        for kind, pattern in (("aws", "HTTP 403 AccessDenied"), ("azure", "AADSTS700213"),
                              ("gcp", "rejected by the attribute condition"), ("vault", r"HTTP 400 .*\(sub\)")):
            expect_got(kind)
            expect_got(kind)
            expect_refused(kind, pattern)
        impersonation(cloud)
        session_policy()
        sent_once(cloud.seen)
        forger = Forger(cloud, other_key)
        for kind in REFUSALS:
            forged(forger, kind)
    finally:
        bao.terminate()
        bao.wait()
    sys.exit(1 if failures else 0)


{"configure": place.configure, "run": run}[sys.argv[1]]()
