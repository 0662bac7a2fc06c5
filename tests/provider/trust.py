# SPDX-License-Identifier: LGPL-2.1-or-later
# Copyright The agentid authors
"""What the clouds make of the documents that let an agent in, and of policies: the part of each language that is
understood, evaluated as its documentation says. Anything else is a ValueError, not a guess."""

import re


def need(right, what):
    if not right:
        raise ValueError(what)


def listed(value):
    return value if isinstance(value, list) else [value]


# ---- AWS: trust policies of roles ----

ACCOUNT = "123456789012"


def without_scheme(issuer):
    return issuer.partition("://")[2]


def provider_arn(issuer):
    return f"arn:aws:iam::{ACCOUNT}:oidc-provider/{without_scheme(issuer)}"


def aws_document(issuer, audience, subject):
    key = without_scheme(issuer)
    return {"Version": "2012-10-17", "Statement": [{
        "Effect": "Allow", "Principal": {"Federated": provider_arn(issuer)},
        "Action": "sts:AssumeRoleWithWebIdentity",
        "Condition": {"StringEquals": {f"{key}:aud": audience, f"{key}:sub": subject}}}]}


class AwsTrust:
    """A trust policy. Every operator and every key of a statement must hold; a value matches one of those listed,
    with its case; a key that the token does not give matches nothing."""

    def __init__(self, document):
        need(set(document) == {"Version", "Statement"} and document["Version"] == "2012-10-17", "version")
        self.statements = []
        for one in listed(document["Statement"]):
            need(set(one) == {"Effect", "Principal", "Action", "Condition"} and one["Effect"] == "Allow", "statement")
            need(set(one["Principal"]) == {"Federated"} and set(one["Condition"]) == {"StringEquals"}, "principal")
            need(one["Action"] == "sts:AssumeRoleWithWebIdentity", "action")
            self.statements.append((listed(one["Principal"]["Federated"]), one["Condition"]["StringEquals"]))

    def allows(self, claims):
        """Of a token that is verified. azp takes the place of aud, which is oaud then."""
        key = without_scheme(claims["iss"])
        context = {f"{key}:aud": claims.get("azp", claims["aud"]), f"{key}:sub": claims.get("sub")}
        if "azp" in claims:
            context[f"{key}:oaud"] = claims["aud"]
        return any(provider_arn(claims["iss"]) in principals and
                   all(context.get(name) in listed(wanted) for name, wanted in condition.items())
                   for principals, condition in self.statements)


# ---- AWS: what a role, and a session policy, allow ----

def like(pattern, text, flags=0):
    body = "".join(".*" if c == "*" else "." if c == "?" else re.escape(c) for c in pattern)
    return re.fullmatch(body, text, flags | re.S) is not None


class AwsPolicy:
    def __init__(self, document):
        need(set(document) == {"Version", "Statement"} and document["Version"] == "2012-10-17", "version")
        self.statements = listed(document["Statement"])
        for one in self.statements:
            need(set(one) - {"Sid", "Condition"} == {"Effect", "Action", "Resource"}, "statement")
            need(one["Effect"] in ("Allow", "Deny") and set(one.get("Condition", {})) <= {"StringLike"}, "effect")

    def says(self, action, resource, context):
        """Allow, Deny or None. Actions are compared without their case."""
        effects = {one["Effect"] for one in self.statements
                   if any(like(p, action, re.I) for p in listed(one["Action"]))
                   and any(like(p, resource) for p in listed(one["Resource"]))
                   and all(any(like(p, context[name]) for p in listed(wanted)) if name in context else False
                           for name, wanted in one.get("Condition", {}).get("StringLike", {}).items())}
        return "Deny" if "Deny" in effects else "Allow" if effects else None


def aws_allowed(policies, action, resource, context):
    """Each of them has to allow it: a session has what its role and its session policy have in common."""
    return all(policy.says(action, resource, context) == "Allow" for policy in policies)


# ---- Entra: federated credentials of an application ----

class AzureTrust:
    def __init__(self, document):
        need(set(document) == {"name", "issuer", "subject", "audiences"}, "members")
        need(len(document["audiences"]) == 1 and len(document["name"]) <= 120, "audiences")
        self.issuer, self.subject, self.audiences = document["issuer"], document["subject"], document["audiences"]

    def number(self, claims):
        """0, or the AADSTS number of what does not match exactly."""
        if claims["iss"] != self.issuer:
            return 700211
        if claims["aud"] not in self.audiences:
            return 700212
        return 0 if claims["sub"] == self.subject else 700213


# ---- Google: providers of a workload identity pool, and who may impersonate ----

class GoogleTrust:
    """The condition is comparisons of claims with texts, joined by &&."""

    def __init__(self, issuer, audiences, mapping, condition):
        need(mapping == {"google.subject": "assertion.sub"}, "mapping")
        self.issuer, self.audiences, self.compared = issuer, audiences, []
        for part in condition.split(" && "):
            match = re.fullmatch(r"assertion\.([a-z]+) == '([^'\\]*)'", part)
            need(match, f"condition {part}")
            self.compared.append(match.groups())

    def lets_in(self, claims):
        return all(claims.get(name) == text for name, text in self.compared)


def google_member(resource, subject):
    pool = resource.rpartition("/providers/")[0]
    return f"principal:{pool}/subject/{subject}"
