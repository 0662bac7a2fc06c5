# SPDX-License-Identifier: LGPL-2.1-or-later
# Copyright The agentid authors
"""The place of trust_cases.py: two agents of one host that ask for the same role, application, service account and Vault
role; servers that judge; and what "agentid policy trust" prints for one of the agents, run or read as it is printed."""

import http.server
import json
import os
import ssl
import subprocess
import sys
import threading
import time
import urllib.error
import urllib.request

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "provider"))
# pylint: disable=wrong-import-position
import clouds  # noqa: E402
import jose  # noqa: E402
import modes  # noqa: E402
import pki  # noqa: E402
import s3  # noqa: E402
import sts  # noqa: E402
import trust  # noqa: E402

PORT, BAO = int(sys.argv[2]), sys.argv[3]
PLACE = "/run/trust"
CLOUDS, BUCKET, BAO_PORT = PORT + 1, PORT + 2, PORT + 3
ISSUER, OTHER_ISSUER = (f"https://id.test:{PORT}/{host}" for host in ("host01", "host02"))
BASE, BAO_BASE = f"http://127.0.0.1:{CLOUDS}", f"http://127.0.0.1:{BAO_PORT}"
ROOT_TOKEN = "root-of-the-trust-story"
AGENT, OTHER = "trusted", "another"
ROLE, NARROW = (f"arn:aws:iam::{trust.ACCOUNT}:role/{name}" for name in ("reports", "narrow"))
RESOURCE = clouds.PROVIDER.partition("//iam.googleapis.com/")[2]
WIDE = {"Version": "2012-10-17", "Statement": [{"Effect": "Allow", "Action": "s3:*", "Resource": "arn:aws:s3:::*"}]}
CONF = """[agent]
id = {0}
account = svc-{0}
[token]
source = host
audience = orders-api
[credential aws]
type = aws-sts
role_arn = {role}
region = eu-west-1
endpoint = {base}/aws
session_policy = /etc/agentid/policies/reports.json
[credential aws-role]
type = aws-sts
role_arn = {role}
region = eu-west-1
endpoint = {base}/aws
[credential aws-wide]
type = aws-sts
role_arn = {narrow}
region = eu-west-1
endpoint = {base}/aws
session_policy = /etc/agentid/policies/wide.json
[credential azure]
type = azure-wif
tenant = {tenant}
client_id = {app}
scope = {scope}
authority = {base}/entra
[credential gcp]
type = gcp-wif
provider = {provider}
service_account = {account}
sts_url = {base}/google/v1/token
iam_url = {base}/google
[credential vault]
type = vault
address = {base}
role = {agent}
assertion_audience = vault.test
"""
CALLS = f"""import sys
sys.path.insert(0, "/run/consumers")
import boto3
from botocore.config import Config
from botocore.exceptions import ClientError
config = Config(s3={{"addressing_style": "path"}}, retries={{"total_max_attempts": 1}})
for profile in ("aws", "aws-role", "aws-wide"):
    client = boto3.Session(profile_name=profile).client("s3", endpoint_url="http://127.0.0.1:{BUCKET}", config=config)
    for name, call in (("get reports", lambda: client.get_object(Bucket="data", Key="reports/a")),
                       ("get secrets", lambda: client.get_object(Bucket="data", Key="secrets/b")),
                       ("put reports", lambda: client.put_object(Bucket="data", Key="reports/c", Body=b"x")),
                       ("list reports", lambda: client.list_objects_v2(Bucket="data", Prefix="reports/")),
                       ("list secrets", lambda: client.list_objects_v2(Bucket="data", Prefix="secrets/")),
                       ("get elsewhere", lambda: client.get_object(Bucket="elsewhere", Key="reports/a"))):
        try:
            call()
            print(profile, name, "ok", flush=True)
        except ClientError as error:
            print(profile, name, error.response["Error"]["Code"], flush=True)
"""


def write(path, text, mode=0o644):
    os.makedirs(os.path.dirname(path), exist_ok=True)
    with open(path, "w", encoding="ascii") as file:
        file.write(text)
    os.chmod(path, mode)


# ---- before the daemons start ----

def configure():
    authority = pki.Authority("trust")
    write(PLACE + "/ca.pem", authority.pem().decode())
    authority.issue(PLACE + "/id.test", "id.test", ("id.test",))
    with open("/etc/hosts", "a", encoding="ascii") as file:
        file.write("\n127.0.0.1 id.test\n")
    write("/etc/agentid/agentid.conf", f"[issuer]\nurl = {ISSUER}\n")
    for agent in (AGENT, OTHER):
        home = f"/run/home/svc-{agent}"
        subprocess.run(["useradd", "-m", "-d", home, "-s", "/bin/bash", "svc-" + agent], check=True)
        write(f"/etc/agentid/agents.d/{agent}.conf", CONF.format(
            agent, agent=AGENT, role=ROLE, narrow=NARROW, base=BASE, tenant=clouds.TENANT, app=clouds.APP,
            scope=clouds.SCOPE, provider=clouds.PROVIDER, account=clouds.ACCOUNT))
    write(f"/run/home/svc-{AGENT}/.aws/config", "".join(
        f"[profile {name}]\nregion = eu-west-1\ncredential_process = /usr/bin/agentid aws {name}\n"
        for name in ("aws", "aws-role", "aws-wide")))
    write(PLACE + "/calls.py", CALLS)
    write("/etc/agentid/policies/wide.json", json.dumps(WIDE))
    write("/etc/agentid/policies/reports.json", policy(
        "permissions", "--bucket", "data", "--prefix", "reports/", "--read", "aws", AGENT))
    os.makedirs(PLACE + "/www/host01")


def policy(*arguments):
    """What "agentid policy" prints."""
    done = subprocess.run(["/usr/bin/agentid", "policy", *arguments], stdout=subprocess.PIPE, check=True)
    return done.stdout.decode("ascii")


# ---- servers ----

class Cloud(http.server.ThreadingHTTPServer):
    """What the stubs call their server, and every assertion that was sent here."""
    daemon_threads = True

    def __init__(self, port, handler):
        super().__init__(("127.0.0.1", port), handler)
        self.variables, self.lock, self.seen = {}, threading.Lock(), []
        threading.Thread(target=self.serve_forever, daemon=True).start()

    def see(self, kind, form):
        name = {"aws": "WebIdentityToken", "azure": "client_assertion", "gcp": "subject_token", "vault": "jwt"}[kind]
        if name in form and form.get("subject_token_type") != clouds.TYPE + "access_token":
            self.seen.append((kind, form[name]))


class Handler(http.server.BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"

    def answer(self, request):
        server = self.server
        prefix = request.path.split("/")[1]
        if prefix == "v1":
            return self.vault(request)
        kind, answer = {"aws": ("aws", sts.answer), "entra": ("azure", clouds.entra),
                        "google": ("gcp", clouds.google)}[prefix]
        if request.headers.get("content-type") == clouds.FORM:
            server.see(kind, request.form())
        return answer(server, self, request)

    def vault(self, request):
        """On to the real one."""
        if request.path.endswith("/login"):
            self.server.see("vault", json.loads(request.body))
        headers = {k: v for k, v in request.headers.items() if k.startswith(("x-vault-", "content-type"))}
        status, body = ask(request.method, BAO_BASE + request.path, request.body or None, headers)
        return modes.reply(self, status, body.encode())

    def sendall(self, data):
        self.wfile.write(data)

    def do_POST(self):
        headers = {name.lower(): value for name, value in self.headers.items()}
        body = self.rfile.read(int(headers.get("content-length", 0)))
        self.answer(modes.Request(self.command, self.path, headers, body, BASE, False))

    do_GET = do_PUT = do_DELETE = do_POST

    def log_message(self, *_):
        pass


class BucketHandler(Handler):
    def answer(self, request):
        return s3.answer(self.server, self, request)


def ask(method, url, body=None, headers=()):
    request = urllib.request.Request(url, method=method, data=body, headers=dict(headers))
    try:
        with urllib.request.urlopen(request, timeout=10) as answer:
            return answer.status, answer.read().decode()
    except urllib.error.HTTPError as error:
        return error.code, error.read().decode()


def serve_issuers():
    """Both hosts' documents, over TLS; the other host is made up here."""
    key = jose.ec.generate_private_key(jose.ec.SECP256R1())
    directory = PLACE + "/www/host02/"
    write(directory + ".well-known/openid-configuration",
          json.dumps({"issuer": OTHER_ISSUER, "jwks_uri": OTHER_ISSUER + "/jwks.json"}))
    write(directory + "jwks.json", json.dumps({"keys": [jose.jwk(key, "other", alg="ES256")]}))
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(PLACE + "/id.test.pem", PLACE + "/id.test.key")

    class Files(http.server.SimpleHTTPRequestHandler):
        def __init__(self, *args):
            super().__init__(*args, directory=PLACE + "/www")

        def log_message(self, *_):
            pass

    server = http.server.ThreadingHTTPServer(("127.0.0.1", PORT), Files)
    server.socket = context.wrap_socket(server.socket, server_side=True)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    return key


def start_bao():
    environment = {"HOME": PLACE, "PATH": "/usr/bin:/bin", "SSL_CERT_FILE": PLACE + "/ca.pem"}
    with open(PLACE + "/bao.log", "wb") as log:
        process = subprocess.Popen(
            [BAO, "server", "-dev", "-dev-no-store-token", "-dev-root-token-id=" + ROOT_TOKEN,
             f"-dev-listen-address=127.0.0.1:{BAO_PORT}"], stdout=log, stderr=log, env=environment)
    deadline = time.monotonic() + 30
    while True:
        try:
            if ask("GET", BAO_BASE + "/v1/sys/health")[0] == 200:
                break
        except OSError:
            pass
        if time.monotonic() > deadline or process.poll() is not None:
            raise TimeoutError("OpenBao does not start")
        time.sleep(0.1)
    status, body = ask("POST", BAO_BASE + "/v1/sys/auth/jwt", b'{"type": "jwt"}', {"X-Vault-Token": ROOT_TOKEN})
    assert status == 204, body
    return process


# ---- loading what is printed ----

RECORDER = """#!/usr/bin/python3
import json, os, sys
with open("%s/recorded", "a") as file:
    file.write(json.dumps([os.path.basename(sys.argv[0]), sys.argv[1:], sys.stdin.read()]) + "\\n")
"""


def run_printed(text):
    """In a shell in which az and gcloud write down what they are told, and vault is OpenBao's own program. The other
    programs' commands, each with what it reads from standard input."""
    directory = PLACE + "/bin/"
    recorded = PLACE + "/recorded"
    for name in ("az", "gcloud"):
        write(directory + name, RECORDER % PLACE, 0o755)
    write(directory + "vault", f'#!/bin/sh\nBAO_ADDR={BAO_BASE} BAO_TOKEN={ROOT_TOKEN} exec {BAO} "$@"\n', 0o755)
    write(recorded, "")
    subprocess.run(["/bin/sh", "-e"], input=text.encode(), check=True, stdout=sys.stderr,
                   env={"PATH": directory + ":/usr/bin:/bin", "HOME": PLACE})
    with open(recorded, encoding="ascii") as file:
        return [json.loads(line) for line in file]


def options_of(words, *positional):
    """{name: value} of "--name=value" behind the words that have to stand before."""
    trust.need(tuple(words[:len(positional)]) == positional, f"command {words}")
    return dict(word.removeprefix("--").split("=", 1) for word in words[len(positional):])


def load_azure():
    (program, words, document), = run_printed(policy("trust", "--app", clouds.APP, "azure", AGENT))
    trust.need([program, *words] == ["az", "ad", "app", "federated-credential", "create", "--id", clouds.APP,
                                     "--parameters", "@-"], f"command {words}")
    return trust.AzureTrust(json.loads(document))


def load_gcp():
    provider, binding = run_printed(policy("trust", "--provider", RESOURCE, "--service-account", clouds.ACCOUNT,
                                           "gcp", AGENT))
    options = options_of(provider[1], "iam", "workload-identity-pools", "providers", "create-oidc", "host-1")
    trust.need((options.pop("project"), options.pop("location"), options.pop("workload-identity-pool")) ==
               ("123", "global", "pool-1"), "provider")
    loaded = trust.GoogleTrust(options.pop("issuer-uri"), options.pop("allowed-audiences").split(","),
                               dict([options.pop("attribute-mapping").split("=")]), options.pop("attribute-condition"))
    trust.need(not options, f"options {options}")
    options = options_of(binding[1], "iam", "service-accounts", "add-iam-policy-binding", clouds.ACCOUNT)
    trust.need(options["role"] == "roles/iam.workloadIdentityUser" and len(options) == 2, "binding")
    return loaded, {options["member"]}


def load(cloud):
    document = json.loads(policy("trust", "--account", trust.ACCOUNT, "aws", AGENT))
    account = sts.Account()
    # The other host is registered here, too, and another audience of this one.
    account.providers = {ISSUER: {sts.AUDIENCE, "other.example"}, OTHER_ISSUER: {sts.AUDIENCE}}
    account.add_role(ROLE, document, permissions={"Version": "2012-10-17", "Statement": [
        {"Effect": "Allow", "Action": "s3:*", "Resource": ["arn:aws:s3:::data", "arn:aws:s3:::data/*"]}]})
    account.add_role(NARROW, document, permissions={"Version": "2012-10-17", "Statement": [
        {"Effect": "Allow", "Action": ["s3:GetObject", "s3:PutObject"], "Resource": "arn:aws:s3:::data/reports/*"}]})
    cloud.variables["sts-account"] = account
    cloud.variables["entra-trust"] = load_azure()
    cloud.variables["google-trust"], cloud.variables["google-members"] = load_gcp()
    run_printed(policy("trust", "vault", AGENT))
