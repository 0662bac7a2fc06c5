# SPDX-License-Identifier: LGPL-2.1-or-later
# Copyright The agentid authors
"""A provider that knows one client secret, and places for secrets that misbehave as told: Vault's KV, AWS
Secrets Manager that checks each signature, the services where a cloud serves keys."""

import datetime
import http.server
import json
import threading
import time
import urllib.parse


class Stub:
    """An HTTP server in a thread, which counts what it is asked."""

    def __init__(self, address=("127.0.0.1", 0)):
        stub = self

        class Handler(http.server.BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"

            def log_message(self, *_):
                pass

            def answer(self):
                body = self.rfile.read(int(self.headers.get("Content-Length", 0)))
                with stub.lock:
                    stub.asked.append((self.command, self.path))
                status, document, more = stub.serve(self, body)
                if status is None:  # nothing, for as long as the client waits
                    stub.stopped.wait(20)
                    self.close_connection = True
                    return
                data = document if isinstance(document, bytes) else json.dumps(document).encode()
                self.send_response(status)
                for name, value in {"Content-Type": "application/json", **more}.items():
                    self.send_header(name, value)
                self.send_header("Content-Length", str(len(data)))
                self.end_headers()
                self.wfile.write(data)

            do_GET = do_POST = do_PUT = answer

        class Server(http.server.ThreadingHTTPServer):
            daemon_threads = True
            request_queue_size = 1024

        self.lock, self.asked, self.stopped = threading.Lock(), [], threading.Event()
        self.server = Server(address, Handler)
        self.url = f"http://{address[0]}:{self.server.server_port}"
        threading.Thread(target=self.server.serve_forever, args=(0.05,), daemon=True).start()

    def count(self, part):
        with self.lock:
            return sum(1 for _, path in self.asked if part in path)

    def stop(self):
        self.stopped.set()
        self.server.shutdown()
        self.server.server_close()


class Provider(Stub):
    """Tokens for whoever has the secret."""

    def __init__(self, secret):
        super().__init__()
        self.secrets = {secret}
        self.error = "invalid_client"

    def serve(self, request, body):
        if request.path == "/.well-known/openid-configuration":
            return 200, {"issuer": self.url, "token_endpoint": self.url + "/token", "jwks_uri": self.url + "/jwks",
                         "grant_types_supported": ["client_credentials"]}, {}
        given = dict(urllib.parse.parse_qsl(body.decode())).get("client_secret")
        if given not in self.secrets:
            return 401, {"error": self.error}, {}
        return 200, {"access_token": f"opaque-{time.monotonic_ns()}", "token_type": "Bearer", "expires_in": 300}, {}


class Vault(Stub):
    """KV 2 at kv/; what answers for a path is in .faults, else the value in .values."""

    def __init__(self):
        super().__init__()
        self.values, self.faults = {}, {}

    def serve(self, request, body):
        path = request.path.removeprefix("/v1/")
        if path.endswith("/login"):
            return 200, {"auth": {"client_token": "s.stub", "lease_duration": 3600, "renewable": True}}, {}
        if path.startswith("sys/internal/ui/mounts/"):
            return 200, {"data": {"path": "kv/", "type": "kv", "options": {"version": "2"}}}, {}
        name = path.removeprefix("kv/data/")
        if name in self.faults:
            return self.faults[name]
        if name not in self.values:
            return 404, {"errors": []}, {}
        return 200, {"data": {"data": {"s": self.values[name]}, "metadata": {"version": 7}}}, {}


def wire_headers(request, signed):
    return {name: request.headers[name] for name in signed.split(";")}


class SecretsManager(Stub):
    """One secret for each stage. Every request must have the signature that botocore makes of it."""

    def __init__(self, keys):
        super().__init__()
        self.keys, self.stages, self.fault, self.skew_s = keys, {}, None, 0

    def signature(self, request, body):
        # pylint: disable=import-outside-toplevel
        import botocore.auth
        import botocore.awsrequest
        import botocore.credentials
        given = dict(part.strip().split("=", 1) for part in
                     request.headers["Authorization"].removeprefix("AWS4-HMAC-SHA256 ").split(","))
        made = botocore.awsrequest.AWSRequest(method="POST", url=self.url + "/", data=body,
                                              headers=wire_headers(request, given["SignedHeaders"]))
        made.context["timestamp"] = request.headers["X-Amz-Date"]
        signer = botocore.auth.SigV4Auth(botocore.credentials.Credentials("x", self.keys[1]), "secretsmanager",
                                         "eu-west-1")
        text = signer.string_to_sign(made, signer.canonical_request(made))
        return given["Credential"].split("/")[0], given["Signature"] == signer.signature(text, made)

    def serve(self, request, body):
        if self.fault is not None:
            return self.fault
        key, right = self.signature(request, body)
        if key != self.keys[0] or request.headers.get("X-Amz-Security-Token") != self.keys[2]:
            return 400, {"__type": "UnrecognizedClientException", "message": "The security token is invalid."}, {}
        if not right:
            return 400, {"__type": "InvalidSignatureException", "message": "does not match"}, {}
        if self.skew_s:
            then = datetime.datetime.now(datetime.timezone.utc) + datetime.timedelta(seconds=self.skew_s)
            return 400, {"__type": "InvalidSignatureException", "message": "Signature expired: it is now earlier than "
                         "that"}, {"Date": then.strftime("%a, %d %b %Y %H:%M:%S GMT")}
        stage = json.loads(body)["VersionStage"]
        if stage not in self.stages:
            return 400, {"__type": "ResourceNotFoundException", "Message": "no such stage"}, {}
        return 200, {"ARN": "a", "Name": "n", "VersionId": stage.lower() + "-" * 24,
                     "SecretString": self.stages[stage], "VersionStages": [stage]}, {}


def key_document(keys, **more):
    end = datetime.datetime.now(datetime.timezone.utc) + datetime.timedelta(hours=1)
    return {"AccessKeyId": keys[0], "SecretAccessKey": keys[1], "Token": keys[2],
            "Expiration": end.strftime("%Y-%m-%dT%H:%M:%SZ"), **more}


class Metadata(Stub):
    """An instance's metadata service, of version 2 alone."""

    def __init__(self, keys):
        super().__init__(("169.254.169.254", 80))
        self.keys = keys

    def serve(self, request, body):
        base = "/latest/meta-data/iam/security-credentials/"
        if request.command == "PUT" and request.path == "/latest/api/token":
            ok = request.headers.get("X-aws-ec2-metadata-token-ttl-seconds") == "21600"
            return (200, b"imds-token==", {}) if ok else (400, b"", {})
        if request.headers.get("X-aws-ec2-metadata-token") != "imds-token==":
            return 401, b"", {}
        if request.path == base:
            return 200, b"host-role", {}
        if request.path == base + "host-role":
            return 200, key_document(self.keys, Code="Success", Type="AWS-HMAC"), {}
        return 404, b"", {}


class Container(Stub):
    def __init__(self, keys, token):
        super().__init__()
        self.keys, self.token = keys, token

    def serve(self, request, body):
        if request.headers.get("Authorization") != self.token:
            return 401, b"", {}
        return 200, key_document(self.keys), {}
