# SPDX-License-Identifier: LGPL-2.1-or-later
# Copyright The agentid authors
"""A bucket that takes the credentials of sts.py: requests are signed (AWS Signature Version 4, each part checked), and
what is asked for must be allowed by the role and, where the credentials have one, by their session policy."""

import hashlib
import hmac
import json
import re
import time
import urllib.parse

import modes as m
import trust

ARN = "arn:aws:s3:::"


class Refused(Exception):
    def __init__(self, status, code, message=""):
        super().__init__(message or code)
        self.status, self.code = status, code


def digest(key, text):
    return hmac.new(key, text.encode(), hashlib.sha256).digest()


def signature(secret, request, scope, signed):
    path, _, query = request.path.partition("?")
    pairs = sorted(urllib.parse.parse_qsl(query, keep_blank_values=True))
    quoted = "&".join(f"{urllib.parse.quote(k, '-_.~')}={urllib.parse.quote(v, '-_.~')}" for k, v in pairs)
    headers = "".join(f"{name}:{' '.join(request.headers[name].split())}\n" for name in signed)
    canonical = "\n".join((request.method, path, quoted, headers, ";".join(signed),
                           request.headers["x-amz-content-sha256"]))
    text = "\n".join(("AWS4-HMAC-SHA256", request.headers["x-amz-date"], "/".join(scope),
                      hashlib.sha256(canonical.encode()).hexdigest()))
    key = ("AWS4" + secret).encode()
    for part in scope:
        key = digest(key, part)
    return digest(key, text).hex()


def given(server, request):
    """The credentials that signed the request as a whole."""
    match = re.fullmatch(r"AWS4-HMAC-SHA256 Credential=(\w+)/(\d{8})/([\w-]+)/s3/aws4_request, SignedHeaders=([\w;-]+), "
                         r"Signature=([0-9a-f]{64})", request.headers.get("authorization", ""))
    if not match:
        raise Refused(403, "AccessDenied", "not signed")
    known = server.variables.get("sts-given", {}).get(match[1])
    if known is None or known["end"] < time.time():
        raise Refused(403, "InvalidAccessKeyId")
    if request.headers.get("x-amz-security-token") != known["token"]:
        raise Refused(403, "InvalidToken")
    signed = match[4].split(";")
    if not {"host", "x-amz-content-sha256", "x-amz-date", "x-amz-security-token"} <= set(signed):
        raise Refused(403, "AccessDenied", "headers that have to be signed are not")
    if request.headers["x-amz-content-sha256"] != hashlib.sha256(request.body).hexdigest():
        raise Refused(400, "XAmzContentSHA256Mismatch")
    if signature(known["secret"], request, (match[2], match[3], "s3", "aws4_request"), signed) != match[5]:
        raise Refused(403, "SignatureDoesNotMatch")
    return known


def action_of(request):
    """Action, resource and condition keys."""
    path, _, query = request.path.partition("?")
    bucket, _, key = urllib.parse.unquote(path[1:]).partition("/")
    asked = dict(urllib.parse.parse_qsl(query, keep_blank_values=True))
    if request.method == "GET" and not key and asked.get("list-type") == "2":
        return "s3:ListBucket", ARN + bucket, {"s3:prefix": asked.get("prefix", "")}
    actions = {"GET": "s3:GetObject", "PUT": "s3:PutObject", "DELETE": "s3:DeleteObject"}
    if not key or request.method not in actions or not set(asked) <= {"x-id"}:
        raise Refused(501, "NotImplemented")
    return actions[request.method], f"{ARN}{bucket}/{key}", {}


def perform(server, action, resource, context):
    objects = server.variables["s3-objects"]
    name = resource.removeprefix(ARN)
    if action == "s3:PutObject":
        objects.setdefault(name, "")
        return b""
    if action == "s3:ListBucket":
        start = f"{name}/{context['s3:prefix']}"
        keys = [o.partition("/")[2] for o in sorted(objects) if o.startswith(start)]
        return ("<ListBucketResult>" + "".join(f"<Contents><Key>{k}</Key></Contents>" for k in keys) +
                "</ListBucketResult>").encode()
    if name not in objects:
        raise Refused(404, "NoSuchKey")
    return objects[name].encode()


def answer(server, connection, request):
    try:
        known = given(server, request)
        action, resource, context = action_of(request)
        policies = [server.variables["sts-account"].roles[known["role"]]["permissions"]]
        if known["policy"] is not None:
            policies.append(json.loads(known["policy"]))
        if not trust.aws_allowed([trust.AwsPolicy(p) for p in policies], action, resource, context):
            raise Refused(403, "AccessDenied", f"not authorized to perform: {action} on resource: {resource}")
        return m.reply(connection, 200, perform(server, action, resource, context), content_type="application/xml")
    except Refused as refused:
        body = f"<Error><Code>{refused.code}</Code><Message>{refused}</Message></Error>"
        return m.reply(connection, refused.status, body.encode(), content_type="application/xml")
