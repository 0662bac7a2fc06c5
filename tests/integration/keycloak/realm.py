#!/usr/bin/python3
# SPDX-License-Identifier: LGPL-2.1-or-later
# Copyright The agentid authors
"""Prints the realm "my-realm" for Keycloak's import.

usage: realm.py VERSION HOST-ISSUER CLIENT-PUBLIC-KEY.pem

Every client has a service account, tokens of 300 seconds, the subject agent:CLIENT and the audience
orders-api. The clients are the cases of 60-keycloak.sh.
"""

import base64
import hashlib
import json
import sys

from cryptography.hazmat.primitives.serialization import load_pem_public_key


def b64(number):
    raw = number.to_bytes((number.bit_length() + 7) // 8, "big")
    return base64.urlsafe_b64encode(raw).rstrip(b"=").decode()


def mapper(name, kind, config):
    return {"name": name, "protocol": "openid-connect", "protocolMapper": kind,
            "config": {**config, "access.token.claim": "true"}}


def client(client_id, **changes):
    document = {
        "clientId": client_id,
        "enabled": True,
        "protocol": "openid-connect",
        "publicClient": False,
        "serviceAccountsEnabled": True,
        "standardFlowEnabled": False,
        "directAccessGrantsEnabled": False,
        "secret": client_id + "-secret",
        "attributes": {},
        "protocolMappers": [
            mapper("subject", "oidc-hardcoded-claim-mapper",
                   {"claim.name": "sub", "claim.value": "agent:" + client_id,
                    "jsonType.label": "String"}),
            mapper("audience", "oidc-audience-mapper", {"included.custom.audience": "orders-api"}),
        ],
    }
    document.update(changes)
    return document


def key_client(client_id, pem):
    with open(pem, "rb") as file:
        numbers = load_pem_public_key(file.read()).public_numbers()
    jwk = {"kty": "RSA", "use": "sig", "alg": "RS256", "n": b64(numbers.n), "e": b64(numbers.e)}
    # RFC 7638: the members in this order, without space.
    canonical = f'{{"e":"{jwk["e"]}","kty":"RSA","n":"{jwk["n"]}"}}'
    jwk["kid"] = thumbprint(canonical)
    return client(client_id, clientAuthenticatorType="client-jwt", attributes={
        "use.jwks.string": "true", "jwks.string": json.dumps({"keys": [jwk]}),
        "token.endpoint.auth.signing.alg": "RS256"})


def thumbprint(text):
    digest = hashlib.sha256(text.encode()).digest()
    return base64.urlsafe_b64encode(digest).rstrip(b"=").decode()


def host_provider(issuer):
    config = {"issuer": issuer, "useJwksUrl": "true", "jwksUrl": issuer + "/jwks.json",
              "validateSignature": "true", "supportsClientAssertions": "true",
              "clientId": "unused", "clientSecret": "unused",
              "authorizationUrl": issuer + "/auth", "tokenUrl": issuer + "/token"}
    return {"alias": "host1", "providerId": "oidc", "enabled": True, "config": config}


def exchanger():
    """May exchange its token (standard token exchange) for one that billing-api alone takes."""
    document = client("kc-exchange", attributes={"standard.token.exchange.enabled": "true"})
    document["protocolMappers"].append(mapper("billing", "oidc-audience-mapper",
                                              {"included.client.audience": "billing-api"}))
    return document


def main():
    version, host_issuer, pem = sys.argv[1:]
    clients = [
        client("kc-basic"), client("kc-post"), client("kc-tls"), client("kc-rotate"),
        client("kc-turn", attributes={"access.token.lifespan": "4"}),
        client("kc-short", attributes={"access.token.lifespan": "10"}),
        client("kc-long", attributes={"access.token.lifespan": "900"}),
        key_client("kc-key", pem),
        client("rotator", protocolMappers=[]),
        client("orders-api", protocolMappers=[]),
    ]
    realm = {
        "realm": "my-realm", "enabled": True, "sslRequired": "none", "accessTokenLifespan": 300,
        "users": [{"username": "service-account-rotator", "enabled": True,
                   "serviceAccountClientId": "rotator",
                   "clientRoles": {"realm-management": ["manage-clients"]}}],
    }
    if not version.startswith("24."):
        realm["identityProviders"] = [host_provider(host_issuer)]
        clients.append(client("kc-fed", clientAuthenticatorType="federated-jwt", attributes={
            "jwt.credential.issuer": "host1", "jwt.credential.sub": "agent:kc-fed"}))
        clients += [exchanger(), client("billing-api", protocolMappers=[])]
    realm["clients"] = clients
    json.dump(realm, sys.stdout, indent=1)


if __name__ == "__main__":
    main()
