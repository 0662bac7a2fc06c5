# SPDX-License-Identifier: LGPL-2.1-or-later
# Copyright The agentid authors
"""AWS STS AssumeRoleWithWebIdentity, as strict as its documentation: what it checks, in which order, and
the XML that it answers with. A used jti is refused, too, which AWS does not do."""

import datetime
import json
import re
import secrets
import time
import urllib.parse
import urllib.request

import jose
import modes as m
import trust

NAMESPACE = "https://sts.amazonaws.com/doc/2011-06-15/"
PARAMETERS = {"Action", "Version", "RoleArn", "RoleSessionName", "WebIdentityToken", "DurationSeconds",
              "Policy"}
AUDIENCE = "sts.amazonaws.com"
ROLE = "arn:aws:iam::123456789012:role/agents/Reports"
ROLE_OIDC = "arn:aws:iam::123456789012:role/FromProvider"
ROLE_LONG = "arn:aws:iam::123456789012:role/Long"


class Refused(Exception):
    def __init__(self, status, code, message):
        super().__init__(message)
        self.status, self.code = status, code


class Account:
    """The providers that are registered, each with its audiences; and the roles: the trust policy, what the role
    may do, and MaxSessionDuration."""

    def __init__(self):
        self.providers, self.roles = {}, {}

    def add_role(self, arn, document, longest=3600, permissions=None):
        self.roles[arn] = {"trust": trust.AwsTrust(document), "max": longest, "permissions": permissions}


def default_account(base):
    account = Account()
    account.providers = {base + "/hostid": {AUDIENCE}, base + "/ok": {m.CLIENT}}
    account.add_role(ROLE, trust.aws_document(base + "/hostid", AUDIENCE, m.SUBJECT))
    account.add_role(ROLE_LONG, trust.aws_document(base + "/hostid", AUDIENCE, m.SUBJECT), 43200)
    # azp stands for aud where a token has it.
    account.add_role(ROLE_OIDC, trust.aws_document(base + "/ok", m.CLIENT, m.SUBJECT))
    return account


def published_keys(issuer):
    try:
        with urllib.request.urlopen(issuer + "/.well-known/openid-configuration", timeout=3) as answer:
            document = json.load(answer)
        with urllib.request.urlopen(document["jwks_uri"], timeout=3) as answer:
            keys = json.load(answer)["keys"]
    except OSError as error:
        raise Refused(400, "IDPCommunicationError", "Couldn't reach the provider") from error
    if document["issuer"] != issuer:
        raise Refused(400, "InvalidIdentityToken", "Issuer of the provider differs")
    return {key["kid"]: key for key in keys if key["kty"] in ("RSA", "EC")}


def verified(token, issuers):
    """Header and claims, after the signature by a key that the token's issuer publishes."""
    try:
        header, claims = (json.loads(jose.unb64(part)) for part in token.split(".")[:2])
    except ValueError as error:
        raise Refused(400, "InvalidIdentityToken", "The token is no JWT") from error
    if claims.get("iss") not in issuers:
        raise Refused(400, "InvalidIdentityToken", "No OpenIDConnect provider found in your account")
    key = published_keys(claims["iss"]).get(header.get("kid"))
    if header.get("alg") not in ("RS256", "ES256") or key is None:
        raise Refused(400, "InvalidIdentityToken", "Couldn't retrieve verification key")
    try:
        jose.check(token, jose.public_key(key))
    except Exception as error:
        raise Refused(400, "InvalidIdentityToken", "Signature is invalid") from error
    return header, claims


def check_times(claims, now):
    if not isinstance(claims.get("exp"), int) or not isinstance(claims.get("iat"), int):
        raise Refused(400, "InvalidIdentityToken", "exp and iat are integers")
    if claims["exp"] <= now:
        raise Refused(400, "ExpiredTokenException", "Token expired")
    if claims["iat"] > now + 300 or claims.get("nbf", 0) > now + 5:
        raise Refused(400, "InvalidIdentityToken", "The token is from the future")


def check_parameters(form):
    known = PARAMETERS | {f"PolicyArns.member.{i}.arn" for i in range(1, 11)}
    lengths = {"RoleArn": (20, 2048), "RoleSessionName": (2, 64), "WebIdentityToken": (4, 20000),
               "Policy": (1, 2048)}
    if set(form) - known:
        raise Refused(400, "ValidationError", f"unknown: {sorted(set(form) - known)}")
    for name in ("RoleArn", "RoleSessionName", "WebIdentityToken"):
        if name not in form:
            raise Refused(400, "ValidationError", f"{name} is missing")
    for name, (least, most) in lengths.items():
        if name in form and not least <= len(form[name]) <= most:
            raise Refused(400, "ValidationError", f"{name} has {len(form[name])} characters")
    if (form.get("Action"), form.get("Version")) != ("AssumeRoleWithWebIdentity", "2011-06-15"):
        raise Refused(400, "InvalidAction", "Could not find operation")
    if not re.fullmatch(r"[\w+=,.@-]*", form["RoleSessionName"], re.ASCII):
        raise Refused(400, "ValidationError", "RoleSessionName has other characters")
    if not 900 <= int(form.get("DurationSeconds", 3600)) <= 43200:
        raise Refused(400, "ValidationError", "DurationSeconds is out of range")


def check_policy(form):
    if "Policy" not in form:
        return
    try:
        policy = json.loads(form["Policy"])
        assert policy["Version"] in ("2012-10-17", "2008-10-17")
        for statement in policy["Statement"]:
            assert statement["Effect"] in ("Allow", "Deny") and statement["Action"] and statement["Resource"]
    except (ValueError, KeyError, TypeError, AssertionError) as error:
        raise Refused(400, "MalformedPolicyDocument", "This policy contains invalid Json") from error


def assume(server, request, form):
    account = server.variables.get("sts-account") or default_account(request.base)
    check_parameters(form)
    check_policy(form)
    if form["RoleArn"] not in account.roles:
        raise Refused(403, "AccessDenied", "Not authorized to perform sts:AssumeRoleWithWebIdentity")
    role = account.roles[form["RoleArn"]]
    _, claims = verified(form["WebIdentityToken"], set(account.providers))
    check_times(claims, time.time())
    if not isinstance(claims.get("aud"), str) or \
            claims.get("azp", claims["aud"]) not in account.providers[claims["iss"]]:
        raise Refused(400, "InvalidIdentityToken", "Incorrect token audience")
    if not role["trust"].allows(claims):
        raise Refused(403, "AccessDenied", "Not authorized to perform sts:AssumeRoleWithWebIdentity")
    if int(form.get("DurationSeconds", 3600)) > role["max"]:
        raise Refused(400, "ValidationError", "DurationSeconds exceeds the MaxSessionDuration set for this role")
    used = server.variables.setdefault("sts-used", set())
    with server.lock:
        if claims["jti"] in used:
            raise Refused(400, "InvalidIdentityToken", "The token was used before")
        used.add(claims["jti"])
        server.variables.setdefault("sts-log", []).append(
            {**{k: v for k, v in form.items() if k != "WebIdentityToken"}, "claims": claims})
    return claims


def success(form, claims, fraction=""):
    seconds = int(form.get("DurationSeconds", 3600))
    end = datetime.datetime.utcfromtimestamp(time.time() + seconds).strftime("%Y-%m-%dT%H:%M:%S")
    role = form["RoleArn"].rpartition("/")[2]
    return f"""<AssumeRoleWithWebIdentityResponse xmlns="{NAMESPACE}">
  <AssumeRoleWithWebIdentityResult>
    <SubjectFromWebIdentityToken>{claims["sub"]}</SubjectFromWebIdentityToken>
    <Audience>{claims["aud"]}</Audience>
    <AssumedRoleUser>
      <Arn>arn:aws:sts::123456789012:assumed-role/{role}/{form["RoleSessionName"]}</Arn>
      <AssumedRoleId>AROA123EXAMPLE123EXAMPLE:{form["RoleSessionName"]}</AssumedRoleId>
    </AssumedRoleUser>
    <Credentials>
      <SessionToken>{"FwoGZXIvYXdzE" + secrets.token_urlsafe(300)}</SessionToken>
      <SecretAccessKey>{"canary+" + secrets.token_urlsafe(30)}</SecretAccessKey>
      <Expiration>{end}{fraction}Z</Expiration>
      <AccessKeyId>ASIA{secrets.token_hex(8).upper()}</AccessKeyId>
    </Credentials>
    <Provider>{claims["iss"]}</Provider>
    <PackedPolicySize>6</PackedPolicySize>
  </AssumeRoleWithWebIdentityResult>
  <ResponseMetadata><RequestId>ad4156e9-bce1-11e2-82e6-6b6efEXAMPLE</RequestId></ResponseMetadata>
</AssumeRoleWithWebIdentityResponse>
"""


def remember(server, form, body):
    """What was given out, for who is asked with it: s3.py."""
    key, secret, token = (re.search(f"<{tag}>(.*?)<", body)[1]
                          for tag in ("AccessKeyId", "SecretAccessKey", "SessionToken"))
    server.variables.setdefault("sts-given", {})[key] = {
        "secret": secret, "token": token, "role": form["RoleArn"], "policy": form.get("Policy"),
        "end": time.time() + int(form.get("DurationSeconds", 3600))}


def failure(code, message):
    return (f'<ErrorResponse xmlns="{NAMESPACE}"><Error><Type>Sender</Type><Code>{code}</Code>'
            f"<Message>{message}</Message></Error><RequestId>r</RequestId></ErrorResponse>")


def answer(server, connection, request):
    """The request is looked at as a whole: what AWS ignores is a mistake of the client's here."""
    xml = "text/xml"
    pairs = urllib.parse.parse_qsl(request.body.decode(), keep_blank_values=True)
    form = dict(pairs)
    try:
        if request.method != "POST" or "authorization" in request.headers or len(form) != len(pairs) or \
                request.headers.get("content-type") != "application/x-www-form-urlencoded":
            raise Refused(400, "ValidationError", "not an unsigned POST of a form")
        if request.headers.get("accept") != xml:
            raise Refused(400, "ValidationError", "JSON is not documented")
        claims = assume(server, request, form)
    except Refused as refused:
        return m.reply(connection, refused.status, failure(refused.code, refused).encode(), content_type=xml)
    fraction = ".123" if request.mode == "aws-fraction" else ""
    body = success(form, claims, fraction)
    remember(server, form, body)
    return m.reply(connection, 200, body.encode(), content_type=xml)


def error(status, code, message="words"):
    return lambda s, c, r: m.reply(c, status, failure(code, message).encode(), content_type="text/xml")


def changed(old, new):
    """The right answer with one thing wrong in it."""
    def write(server, connection, request):
        form = request.form()
        body = success(form, assume(server, request, form))
        assert re.search(old, body, re.S)
        return m.reply(connection, 200, re.sub(old, new, body, flags=re.S).encode(), content_type="text/xml")
    return write


def late(server, connection, request):
    time.sleep(1.3)
    return answer(server, connection, request)


def replay(server, connection, request):
    """Somebody else has used this one already."""
    assume(server, request, request.form())
    return answer(server, connection, request)


BOMB = "<!DOCTYPE x [" + '<!ENTITY a0 "aaaaaaaaaa">' + "".join(
    f'<!ENTITY a{i} "{f"&a{i - 1};" * 10}">' for i in range(1, 10)) + "]>"
FAULTS = {
    "bomb": changed("^", BOMB),
    "entity": changed("<SessionToken>.*?<", "<SessionToken>&a9;<"),
    "twice": changed("(<AccessKeyId>.*?</AccessKeyId>)", r"\1\1"),
    "missing": changed("<SecretAccessKey>.*?</SecretAccessKey>", ""),
    "epoch": changed("<Expiration>.*?<", "<Expiration>1767323045<"),
    "past": changed("<Expiration>.*?<", "<Expiration>2020-01-01T00:00:00Z<"),
    "long": changed("<Expiration>.*?<", "<Expiration>2199-01-01T00:00:00Z<"),
    "quote": changed("<SecretAccessKey>.*?<", '<SecretAccessKey>a","x":"b<'),
    "deep": lambda s, c, r: m.reply(c, 200, b"<a>" * 20000, content_type="text/xml"),
    "big-token": changed("<SessionToken>.*?<", f"<SessionToken>{'a' * 16385}<"),
    "late": late,
    "replay": replay,
    "idp": error(400, "IDPCommunicationError"),
    "throttled": error(400, "Throttling", "Rate exceeded"),
    "packed": error(400, "PackedPolicyTooLarge"),
    "region": error(403, "RegionDisabledException"),
    "echo": lambda s, c, r: m.reply(c, 400, failure(
        "InvalidIdentityToken", r.form()["WebIdentityToken"][40:200]).encode(), content_type="text/xml"),
}
