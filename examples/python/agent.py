#!/usr/bin/python3
# SPDX-License-Identifier: LGPL-2.1-or-later
# Copyright The agentid authors
"""An agent that calls an API with the token of its agentid session.

Run it in a session (a systemd unit with PAMName=, ssh, su, sudo, cron, or agentid exec):

    agent.py https://orders.example.com/v1/orders

The token is read from the kernel for every request and never kept: agentid refreshes it in place,
so what was right a minute ago may be old. Reading takes a few microseconds and no network. Needs
requests (Debian: python3-requests) and libkeyutils (Debian: libkeyutils1), nothing of agentid.
"""

import argparse
import ctypes
import os
import struct
import sys
import time

import requests

SESSION_KEYRING = -3
RING_DESCRIPTION = "0b3f0000;agentid"
TOKEN_MAX = 16384

_keyutils = ctypes.CDLL("libkeyutils.so.1", use_errno=True)
_keyutils.keyctl_search.argtypes = [ctypes.c_int32, ctypes.c_char_p, ctypes.c_char_p, ctypes.c_int32]
_keyutils.keyctl_describe.argtypes = [ctypes.c_int32, ctypes.c_char_p, ctypes.c_size_t]
_keyutils.keyctl_read.argtypes = [ctypes.c_int32, ctypes.c_char_p, ctypes.c_size_t]
for _name in ("keyctl_search", "keyctl_describe", "keyctl_read"):
    getattr(_keyutils, _name).restype = ctypes.c_long


class NoToken(Exception):
    """There is no token to read: no agent session, expired, closed or cut off."""


def _checked(result):
    if result < 0:
        number = ctypes.get_errno()
        raise OSError(number, os.strerror(number))
    return result


def _describe(key):
    """Type, owner's uid, and permissions with name, as agentid-keyring(7) shows them."""
    buffer = ctypes.create_string_buffer(4096)
    _checked(_keyutils.keyctl_describe(key, buffer, len(buffer)))
    kind, uid, _gid, rest = buffer.value.decode("ascii", "replace").split(";", 3)
    return kind, int(uid), rest


def _read(key, size):
    """The payload. The key may grow between two calls, so ask again with what the kernel wants."""
    while True:
        buffer = ctypes.create_string_buffer(size)
        length = _checked(_keyutils.keyctl_read(key, buffer, size))
        if length <= size:
            return buffer.raw[:length]
        size = length


def _is_ring(key):
    """True for a ring that agentid made. A look-alike that the session planted is not root's."""
    try:
        return _describe(key) == ("keyring", 0, RING_DESCRIPTION)
    except OSError:
        return False


def find_ring():
    """The serial of this session's ring."""
    found = _keyutils.keyctl_search(SESSION_KEYRING, b"keyring", b"agentid", 0)
    if found > 0 and _is_ring(found):
        return found
    serials = _read(SESSION_KEYRING, 1024)
    for (key,) in struct.iter_unpack("=i", serials):
        if _is_ring(key):
            return key
    raise NoToken("no agentid ring in this session")


def read_credential(name):
    """A credential of the session as it is now, in bytes; "token" is the session's own token."""
    try:
        key = _checked(_keyutils.keyctl_search(find_ring(), b"user", b"agentid:" + name.encode(), 0))
        kind, uid, _rest = _describe(key)
        if (kind, uid) != ("user", 0):
            raise NoToken(f"agentid:{name} is not root's")
        return _read(key, TOKEN_MAX)
    except OSError as error:
        raise NoToken(f"{name}: {error.strerror}") from error


def read_token():
    """The session's token as it is now."""
    return read_credential("token").decode("ascii")


class AgentAuth(requests.auth.AuthBase):
    """Puts the current token on each request.

    A 401 is answered once by a request with the token read anew: the old one may have been
    replaced, or have expired, while the request was under way. A second 401 goes to the caller.
    """

    def __call__(self, request):
        request.headers["Authorization"] = "Bearer " + read_token()
        request.register_hook("response", self._retry_once)
        return request

    def _retry_once(self, response, **kwargs):
        if response.status_code != 401 or getattr(response.request, "agentid_retried", False):
            return response
        _drain(response)
        again = response.request.copy()
        again.agentid_retried = True
        again.headers["Authorization"] = "Bearer " + read_token()
        answer = response.connection.send(again, **kwargs)
        answer.history.append(response)
        answer.request = again
        return answer


def _drain(response):
    """Reads the body to its end, so that the connection can be used again."""
    _ = response.content
    response.close()


def main():
    parser = argparse.ArgumentParser(description="Call an API with the session's token.")
    parser.add_argument("url")
    parser.add_argument("-n", type=int, default=1, metavar="COUNT", help="how many requests")
    parser.add_argument("-i", type=float, default=0, metavar="SECONDS", help="pause between them")
    arguments = parser.parse_args()

    with requests.Session() as session:
        session.auth = AgentAuth()
        session.trust_env = False  # no ~/.netrc that would replace our Authorization, no proxy
        for number in range(arguments.n):
            time.sleep(arguments.i if number > 0 else 0)
            response = session.get(arguments.url, timeout=10, allow_redirects=False)
            print(response.status_code, response.text.strip(), flush=True)
            if not response.ok:
                return 1
    return 0


if __name__ == "__main__":
    try:
        sys.exit(main())
    except NoToken as error:
        sys.exit(f"agent.py: {error}")
    except requests.RequestException as error:
        sys.exit(f"agent.py: {error}")
