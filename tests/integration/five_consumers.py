#!/usr/bin/python3
# SPDX-License-Identifier: LGPL-2.1-or-later
# Copyright The agentid authors
"""One SDK or program in a session, over and over, as its documentation has it.

usage: five_consumers.py NAME SERVER BAO-ADDRESS STOP

Calls until the file STOP is there, and once more then. Each call prints a line: the second, "ok" or "failed", and why."""

import json
import os
import subprocess
import sys
import time
import urllib.request

NAME, SERVER, BAO, STOP = sys.argv[1:]
SCOPE = "https://vault.azure.net/.default"


def boto3():
    import boto3 as sdk  # pylint: disable=import-outside-toplevel
    sts = sdk.client("sts", endpoint_url=SERVER + "/aws")
    return lambda: sts.get_caller_identity()["Arn"]


def azure():
    from azure.core import PipelineClient  # pylint: disable=import-outside-toplevel
    from azure.core.pipeline import policies  # pylint: disable=import-outside-toplevel
    from azure.core.rest import HttpRequest  # pylint: disable=import-outside-toplevel
    from credentials import AccessTokenCredential  # pylint: disable=import-outside-toplevel
    client = PipelineClient(SERVER, policies=[policies.BearerTokenCredentialPolicy(AccessTokenCredential("azure"), SCOPE)])

    def call():
        answer = client.send_request(HttpRequest("GET", SERVER + "/use/entra"), enforce_https=False)
        answer.raise_for_status()
        return answer.json()
    return call


def google_session(credentials):
    from google.auth.transport.requests import AuthorizedSession  # pylint: disable=import-outside-toplevel
    session = AuthorizedSession(credentials)

    def call():
        answer = session.get(SERVER + "/use/google", timeout=5)
        answer.raise_for_status()
        return answer.json()
    return call


def google():
    """By the executable source: the session's own token is what Google's library exchanges."""
    from google.auth import default  # pylint: disable=import-outside-toplevel
    return google_session(default(scopes=["https://www.googleapis.com/auth/cloud-platform"])[0])


def google_token():
    from credentials import google_credentials  # pylint: disable=import-outside-toplevel
    return google_session(google_credentials("gcp"))


def output(*command):
    done = subprocess.run(command, capture_output=True, text=True, check=False, stdin=subprocess.DEVNULL, timeout=20)
    if done.returncode != 0:
        raise OSError(f"{command[0]} exited with {done.returncode}: {done.stderr.strip()[-200:]}")
    return done.stdout


def awscli():
    return lambda: output("/usr/bin/python3", "-W", "ignore", "-m", "awscli", "--endpoint-url", SERVER + "/aws", "sts",
                          "get-caller-identity", "--query", "Arn", "--output", "text").strip()


def bao():
    os.environ["BAO_ADDR"] = BAO
    return lambda: json.loads(output("/run/bao/bao", "token", "lookup", "-format=json"))["data"]["meta"]["role"]


def http():
    def call():
        name, value = output("agentid", "header", "xch").strip().split(": ", 1)
        with urllib.request.urlopen(urllib.request.Request(SERVER + "/use/xch", headers={name: value}), timeout=5) as answer:
            return json.load(answer)
    return call


def main():
    call = {"boto3": boto3, "awscli": awscli, "azure": azure, "google": google, "google-token": google_token,
            "bao": bao, "http": http}[NAME]()
    last = False
    while not last:
        last = os.path.exists(STOP)
        try:
            word, detail = "ok", call()
        except Exception as error:  # pylint: disable=broad-except
            word, detail = "failed", f"{type(error).__name__} {error}"
        print(f"{time.time():.2f} {word} {str(detail)[:300]!r}", flush=True)
        time.sleep(4 if NAME == "awscli" and not last else 0.7)


main()
