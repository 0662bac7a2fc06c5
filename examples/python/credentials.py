#!/usr/bin/python3
# SPDX-License-Identifier: LGPL-2.1-or-later
# Copyright The agentid authors
"""Credential objects for SDKs that have no hook for a program, on top of agent.py in this directory.

    AccessTokenCredential("azure")      what azure-identity's credentials are: for every Azure client
    client_assertion_credential(...)    azure-identity's own, which asks Entra itself
    google_credentials("gcp")           what google.auth's credentials are

Each reads the key when the SDK asks, and keeps nothing: agentid refreshes it in place. Reading a key asks
nobody to make it, so the credential's section in the agent's file needs "at_open = yes" and
"refresh = always".
"""

import datetime
import time
import typing

from agent import NoToken, read_credential, read_token

# For a ring that does not say when a credential expires: ask again soon.
UNKNOWN_LIFETIME_S = 60
GOOGLE_LEAST_S = 230


class AccessToken(typing.NamedTuple):
    """azure.core.credentials.AccessToken, without azure-core."""

    token: str
    expires_on: int


class AccessTokenInfo:  # pylint: disable=too-few-public-methods
    """azure.core.credentials.AccessTokenInfo, without azure-core."""

    def __init__(self, token, expires_on):
        self.token = token
        self.expires_on = expires_on
        self.token_type = "Bearer"
        self.refresh_on = None


def expires_at(name):
    """The second since 1970 in which a credential expires, at the latest."""
    for line in read_credential("info").decode("ascii").splitlines():
        # NAME EXPIRY LIFETIME, and perhaps more words one day.
        words = line.split(" ")
        if words[0] == name:
            return int(words[1])
    return int(time.time()) + UNKNOWN_LIFETIME_S


def _read(name):
    # The expiry first: agentid:info is written after the credential, so it is never too late.
    expires = expires_at(name)
    return read_credential(name).decode("ascii"), expires


class AccessTokenCredential:
    """An access token that agentid got for the session, as an Azure TokenCredential.

    The scope is the one of the agent's file: the token is what it is, whatever a client asks for, and
    the service refuses one that is not for it.
    """

    def __init__(self, name):
        self._name = name

    def get_token(self, *_scopes, **_options):
        """The older protocol of azure-core."""
        return AccessToken(*_read(self._name))

    def get_token_info(self, *_scopes, options=None):  # pylint: disable=unused-argument
        """The newer one."""
        return AccessTokenInfo(*_read(self._name))


def client_assertion_credential(tenant_id, client_id, **options):
    """azure-identity's ClientAssertionCredential: the session's token is the assertion. Entra takes it
    where the token's audience is the federated credential's."""
    from azure.identity import ClientAssertionCredential  # pylint: disable=import-outside-toplevel

    return ClientAssertionCredential(tenant_id, client_id, read_token, **options)


def google_credentials(name):
    """An access token that agentid got for the session, for Google's clients.

    google-auth takes no token from here that has less than 225 seconds left, although such a one is good
    and is replaced in time: it is told more, and asks again for every request from then on.
    """
    from google.oauth2.credentials import Credentials  # pylint: disable=import-outside-toplevel

    def refresh(_request, **_options):
        token, expires = _read(name)
        expires = max(expires, int(time.time()) + GOOGLE_LEAST_S)
        return token, datetime.datetime.fromtimestamp(expires, datetime.timezone.utc).replace(tzinfo=None)

    return Credentials(token=None, refresh_handler=refresh)


if __name__ == "__main__":
    import sys

    try:
        print("token expires in", expires_at("token") - int(time.time()), "s")
    except NoToken as error:
        sys.exit(f"credentials.py: {error}")
