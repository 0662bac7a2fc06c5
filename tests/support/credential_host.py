# SPDX-License-Identifier: LGPL-2.1-or-later
# Copyright The agentid authors
"""Agent a with credentials on a keyringd_host.Host, and a session that asks for them."""
import keyringd_host as kh
from keyringd_host import ST, T, Client

AWS = ("type = aws-sts\nrole_arn = arn:aws:iam::123456789012:role/agent\nregion = eu-west-1\n")
VAULT = "type = vault\naddress = https://vault.example:8200\nrole = agent\nassertion_audience = vault\n"
UNREACHABLE = {"status": ST["unreachable"], "text": "refused"}


def section(name, text, more=""):
    return "[credential %s]\n%s%s" % (name, text, more)


def running(host, *sections, **control):
    host.write("/etc/agentid/agents.d/a.conf", host.agent_text("a", "svc", extra_token="".join(sections)))
    host.control(**control)
    host.start_fetch()
    host.start()


def get(session, name="aws", client=None, **fields):
    client = client or Client()
    kind, _, values = client.ask(kh.GET, SESSION=session.opened()["session"], NAME=name, **fields)
    return kind, values


def got(session, name="aws"):
    """Asks for a credential and returns it."""
    kind, values = get(session, name)
    assert kind == kh.DONE, values
    return session.token("agentid:" + name)


def refused(session, status, text, name="aws"):
    kind, values = get(session, name)
    assert kind == kh.ERROR and values[T["STATUS"]] == ST[status] and text in values[T["TEXT"]].decode(), values


def state(host, session, name="aws"):
    return host.credentials(session)[name][T["STATE"]].decode()


def info(session):
    lines = session.token("agentid:info").splitlines()
    return {line.split()[0]: [int(n) for n in line.split()[1:]] for line in lines}
