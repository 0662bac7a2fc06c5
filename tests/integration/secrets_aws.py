# SPDX-License-Identifier: LGPL-2.1-or-later
# Copyright The agentid authors
"""AWS Secrets Manager: moto's, one that checks each signature, and where the host's own keys come from."""

import json
import os
import random
import string
import subprocess
import time
import urllib.request

import managers
import secrets_faults as faults

PORT = 18506
KEYS = ("ASIAEXAMPLE", "wJalrXUtnFEMI/K7MDENG+bPxRfiCYEXAMPLEKEY", "FwoGZXIvYXdzEXAMPLE+/=")
ROLE = "arn:aws:iam::123456789012:role/agentid-host"


class Moto:
    def __init__(self, bench):
        self.url, self.log = f"http://127.0.0.1:{PORT}", open(bench.file("moto.log"), "wb")
        self.process = subprocess.Popen(["/usr/bin/python3", "-W", "ignore", "-m", "moto.server", "-H", "127.0.0.1", "-p",
                                         str(PORT)], stdout=self.log, stderr=self.log,
                                        env={"PYTHONPATH": bench.moto, "PATH": "/usr/bin:/bin", "HOME": bench.directory,
                                             "PYTHONDONTWRITEBYTECODE": "1"})
        deadline = time.monotonic() + 30
        while True:
            try:
                self.ask("ListSecrets")
                return
            except OSError:
                if time.monotonic() > deadline or self.process.poll() is not None:
                    raise
                time.sleep(0.05)

    def ask(self, operation, **body):
        request = urllib.request.Request(self.url + "/", data=json.dumps(body).encode(), headers={
            "X-Amz-Target": "secretsmanager." + operation, "Content-Type": "application/x-amz-json-1.1",
            "Authorization": "AWS4-HMAC-SHA256 Credential=AK/20260101/eu-west-1/secretsmanager/aws4_request, "
                             "SignedHeaders=host, Signature=x"})
        with urllib.request.urlopen(request, timeout=10) as answer:
            return json.load(answer)

    def stop(self):
        self.process.kill()
        self.process.wait()
        self.log.close()


def moto(bench):
    provider, server = managers.Provider("canary-bao-1"), Moto(bench)
    try:
        for name, value in (("agents/a", {"SecretString": json.dumps({"s": "canary-bao-1", "n": 1})}),
                            ("whole", {"SecretString": "canary-bao-1"}), ("binary", {"SecretBinary": "AAAA"}),
                            ("gone", {"SecretString": "x"})):
            server.ask("CreateSecret", Name=name, **value)
        server.ask("DeleteSecret", SecretId="gone")
        asker = faults.Asker(bench, provider, "AWS_SM", region="eu-west-1", endpoint=server.url, role_arn=ROLE,
                             sts_endpoint=server.url)
        bench.expect("moto: a field, keys by web identity", asker.ask("aws-sm:agents/a#s"), "AID_OK")
        bench.case("moto: the log says the version", faults.log_has(
            bench, "of='aws-sm:agents/a#s' status=ok", "AWSCURRENT, version [0-9a-f-]{36}"))
        bench.expect("moto: a whole secret", asker.ask("aws-sm:whole"), "AID_OK")
        for name, reference, status, text in (
                ("binary", "aws-sm:binary", "AID_E_CONFIG", "binary .SecretBinary"),
                ("missing", "aws-sm:none", "AID_E_NOTFOUND", "ResourceNotFoundException"),
                ("deleted", "aws-sm:gone", "AID_E_NOTFOUND", "InvalidRequestException"),
                ("no such field", "aws-sm:agents/a#t", "AID_E_NOTFOUND", "no field 't'"),
                ("no text", "aws-sm:agents/a#n", "AID_E_PROTOCOL", "is no text"),
                ("a field of no JSON", "aws-sm:whole#s", "AID_E_PROTOCOL", "no JSON object")):
            bench.expect(f"moto: {name}", asker.ask(reference), status, text)
        # Somebody rotates: the new one is pending, and the provider has it already.
        server.ask("PutSecretValue", SecretId="whole", SecretString="canary-bao-2", VersionStages=["AWSPENDING"],
                   ClientRequestToken="0" * 32)
        provider.secrets = {"canary-bao-2"}
        bench.expect("F32 moto: the pending one is tried", asker.ask("aws-sm:whole"), "AID_OK")
        bench.case("F32 moto: the log says so", faults.log_has(bench, "of='aws-sm:whole'", "AWSPENDING, version 0{32}"))
        bench.expect("F32 moto: and is used from then on", asker.ask("aws-sm:whole"), "AID_OK")
        tokens = provider.count("/token")
        bench.case("F32 moto: without another refusal", None if tokens == 5 else f"{tokens} requests")
    finally:
        server.stop()
        provider.stop()


def strict(bench):
    """Every signature is checked."""
    provider, manager = managers.Provider("right"), managers.SecretsManager(KEYS)
    with open(bench.file("container-token"), "w", encoding="ascii") as f:
        f.write("eks-token\n")
    container = managers.Container(KEYS, "eks-token")
    asker = faults.Asker(bench, provider, "AWS_SM", ("container-token",), "w", region="eu-west-1", endpoint=manager.url,
                         container_url=container.url + "/v1/credentials")
    manager.stages["AWSCURRENT"] = "right"
    bench.expect("aws-sm: a right signature, keys of the container", asker.ask("aws-sm:a"), "AID_OK")
    manager.keys = ("ASIAOTHER", KEYS[1], KEYS[2])
    bench.expect("aws-sm: keys that are refused are got anew, once", asker.ask("aws-sm:b"), "AID_E_DENIED",
                 "UnrecognizedClientException")
    bench.case("aws-sm: by one request", None if len(container.asked) == 2 else str(container.asked))
    container.keys = manager.keys
    bench.expect("aws-sm: new keys", asker.ask("aws-sm:c"), "AID_OK")
    manager.skew_s = 600
    bench.expect("aws-sm: a wrong clock is named", asker.ask("aws-sm:d"), "AID_E_EXPIRED",
                 "InvalidSignatureException .*; the manager's clock is (599|600) s ahead of ours")
    manager.skew_s, manager.fault = 0, (400, {"__type": "ns#ThrottlingException:x"}, {})
    bench.expect("aws-sm: throttled", asker.ask("aws-sm:e"), "AID_E_BUSY", "HTTP 400 ThrottlingException")
    manager.fault = None
    asker.options["container_url"] = container.url + "/other"
    with open(bench.file("wrong-token"), "w", encoding="ascii") as f:
        f.write("other-token")
    bench.expect("aws-sm: a wrong token for the container's keys", faults.Asker(
        bench, provider, "AWS_SM", ("wrong-token",), "w", **asker.options).ask("aws-sm:f"), "AID_E_DENIED", "login: .*HTTP 401")
    for stub in (provider, manager, container):
        stub.stop()


def instance(bench):
    provider, manager = managers.Provider("right"), managers.SecretsManager(KEYS)
    manager.stages["AWSCURRENT"] = "right"
    asker = faults.Asker(bench, provider, "AWS_SM", (), "", region="eu-west-1", endpoint=manager.url)
    begun = time.monotonic()
    bench.expect("aws-sm: no instance metadata", asker.ask("aws-sm:i"), "AID_E_UNREACHABLE", "169.254.169.254")
    bench.case("aws-sm: said within 2 s", None if time.monotonic() - begun < 2 else "later")
    subprocess.run(["ip", "address", "add", "169.254.169.254/32", "dev", "lo"], check=True)
    metadata = managers.Metadata(KEYS)
    bench.expect("aws-sm: keys of the instance", asker.ask("aws-sm:j"), "AID_OK")
    bench.case("aws-sm: by version 2 alone", None if [m for m, _ in metadata.asked] == ["PUT", "GET", "GET"]
               else str(metadata.asked))
    for stub in (provider, manager, metadata):
        stub.stop()


def random_request(chance):
    def text(alphabet, most):
        return "".join(chance.choice(alphabet) for _ in range(chance.randint(0, most)))
    unreserved = string.ascii_letters + string.digits + "-._~"
    escaped = [chance.choice(unreserved) for _ in range(40)] + ["%20", "%2F", "%C3%A9", "%25", "%3d"]
    parts = [chance.choice(["", ".", "..", text(unreserved, 6), text(unreserved + " +:@!$&'()*,;=", 8), "%20x", "a%2Fb"])
             for _ in range(chance.randint(0, 6))]
    query = "&".join(text(escaped, 5) + chance.choice(["", "=", "=" + text(escaped, 5)])
                     for _ in range(chance.randint(0, 5)))
    headers = [("Host", "secretsmanager.eu-west-1.amazonaws.com")]
    names = {"host"}
    for _ in range(chance.randint(0, 6)):
        name = "X-" + text(string.ascii_letters + string.digits + "-", 10)
        if name.lower() in names or name.lower().startswith("x-amz"):
            continue
        names.add(name.lower())
        headers.append((name, text(string.ascii_letters + '  \t",;=/', 20)))
    return {"method": chance.choice(["GET", "POST", "PUT", "DELETE"]), "path": "/" + "/".join(parts), "query": query,
            "body": text(string.printable, 60), "headers": headers, "time": chance.randrange(0, 253402300800)}


def botocore_signature(request):
    # pylint: disable=import-outside-toplevel
    import botocore.auth
    import botocore.awsrequest
    import botocore.credentials
    url = "https://secretsmanager.eu-west-1.amazonaws.com" + request["path"]
    made = botocore.awsrequest.AWSRequest(method=request["method"], data=request["body"],
                                          url=url + ("?" + request["query"] if request["query"] else ""))
    for name, value in request["headers"]:
        made.headers[name] = value
    stamp = time.strftime("%Y%m%dT%H%M%SZ", time.gmtime(request["time"]))
    made.headers["X-Amz-Date"], made.headers["X-Amz-Security-Token"] = stamp, "SESSIONTOKENEXAMPLE"
    made.context["timestamp"] = stamp
    signer = botocore.auth.SigV4Auth(botocore.credentials.Credentials("AKIDEXAMPLE", KEYS[1]), "secretsmanager",
                                     "eu-west-1")
    return signer.signature(signer.string_to_sign(made, signer.canonical_request(made)), made)


def signer(bench):
    chance = random.Random(20260102)
    requests = [random_request(chance) for _ in range(1000)]
    lines = []
    for r in requests:
        fields = [r["method"], r["path"], r["query"], r["body"], str(r["time"] * 1000)]
        fields += [part for header in r["headers"] for part in header]
        lines.append("\t".join(f.encode().hex() for f in fields))
    got = subprocess.run([bench.signer], input="\n".join(lines) + "\n", stdout=subprocess.PIPE, encoding="ascii",
                         check=True).stdout.split("\n")
    wrong = [r for r, signature in zip(requests, got) if signature != botocore_signature(r)]
    bench.case("SigV4: 1000 requests are signed as botocore signs them",
               f"{len(wrong)} are not, as {wrong[0]}" if wrong else None)
    bench.case("SigV4: by a program that was there", None if os.access(bench.signer, os.X_OK) else "no program")


STORIES = [moto, strict, instance, signer]
