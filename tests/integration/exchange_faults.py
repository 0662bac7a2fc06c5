# SPDX-License-Identifier: LGPL-2.1-or-later
# Copyright The agentid authors
"""Every target misbehaves in every way; what is asked for wrongly; what must stay nowhere."""

import re
import shutil
import time

import exchange_cases as cases
import jose
import modes

SHORT = {"TIMEOUT_MS": 2000}

# mode, status, pattern of the sentence, fields of the answer, fields of the request
EVERYWHERE = [
    ("429", "AID_E_BUSY", "HTTP 429", {"RETRY_AFTER_S": 2, "HTTP_STATUS": 429}, {}),
    ("429-long", "AID_E_BUSY", "HTTP 429", {"RETRY_AFTER_S": 120}, {}),
    ("429-garbage", "AID_E_BUSY", "HTTP 429", {"RETRY_AFTER_S": None}, {}),
    ("500", "AID_E_UNREACHABLE", "HTTP 500", {"HTTP_STATUS": 500}, {}),
    ("502", "AID_E_UNREACHABLE", "HTTP 502", {}, {}),
    ("503", "AID_E_BUSY", "HTTP 503", {"RETRY_AFTER_S": 7}, {}),
    ("drip", "AID_E_TIMEOUT", "no complete answer", {}, {}),
    ("header-drip", "AID_E_TIMEOUT", "no complete answer", {}, {}),
    ("silent", "AID_E_TIMEOUT", "no (complete )?answer", {}, SHORT),
    ("endless", "AID_E_TOOBIG", "body over (65536|262144) bytes", {}, {}),
    ("cut", "AID_E_UNREACHABLE", "cut short", {}, {}),
    ("reset", "AID_E_UNREACHABLE", "connection lost", {}, {}),
    ("closed", "AID_E_UNREACHABLE", "connection closed without an answer", {}, {}),
    ("huge", "AID_E_TOOBIG", "larger than allowed", {}, {}),
    ("headers", "AID_E_TOOBIG", "over 100 lines", {}, {}),
    ("long-header", "AID_E_TOOBIG", "32768 bytes", {}, {}),
    ("gzip", "AID_E_PROTOCOL", "Content-Encoding", {}, {}),
    ("not-http", "AID_E_PROTOCOL", "HTTP/0.9", {}, {}),
    ("status-204", "AID_E_PROTOCOL", "HTTP 204", {}, {}),
    ("html", "AID_E_PROTOCOL", "JSON: malformed at byte 1|no AccessKeyId", {}, {}),
    ("empty", "AID_E_PROTOCOL", "empty", {}, {}),
    ("utf8", "AID_E_PROTOCOL", "JSON: not UTF-8|XML: not well-formed", {}, {}),
    ("duplicate", "AID_E_PROTOCOL", "JSON: duplicate member|XML: not well-formed", {}, {}),
    ("deep", "AID_E_PROTOCOL|AID_E_TOOBIG", "nested over 16 deep|over 16 levels|larger than allowed", {}, {}),
    ("trailing", "AID_E_PROTOCOL", "JSON: something follows|XML: not well-formed", {}, {}),
    ("array", "AID_E_PROTOCOL", "JSON: not an object|XML: syntax error", {}, {}),
    ("half", "AID_E_PROTOCOL", "JSON: cut off|XML: not well-formed", {}, {}),
    ("redirect-301", "AID_E_UNTRUSTED", "redirect 301 to 'http://169.254.169.254", {}, {}),
    ("redirect-302", "AID_E_UNTRUSTED", "redirect 302 to 'http://169.254.169.254", {}, {}),
    ("redirect-303", "AID_E_UNTRUSTED", "redirect 303", {}, {}),
    ("redirect-307", "AID_E_UNTRUSTED", "redirect 307 to 'http://169.254.169.254|only https", {}, {}),
    ("redirect-308", "AID_E_UNTRUSTED", "redirect 308", {}, {}),
    ("redirect-file", "AID_E_UNTRUSTED", "redirect 302 to 'file:", {}, {}),
    ("redirect-other", "AID_E_UNTRUSTED", "redirect 302 to 'https://evil.example", {}, {}),
]

AWS = [
    ("bomb", "AID_E_PROTOCOL", "XML: a document type is not allowed"),
    ("entity", "AID_E_PROTOCOL", "XML: undefined entity"),
    ("twice", "AID_E_PROTOCOL", "XML: an element stands twice"),
    ("missing", "AID_E_PROTOCOL", "no SecretAccessKey in the answer"),
    ("epoch", "AID_E_PROTOCOL", "Expiration is no UTC time"),
    ("past", "AID_E_EXPIRED", "has expired already"),
    ("long", "AID_E_DENIED", r"exceeds max_lifetime 3600 s.*\[credential aws-sts\] max_lifetime"),
    ("quote", "AID_E_PROTOCOL", "SecretAccessKey has a character"),
    ("deep", "AID_E_PROTOCOL", "XML: over 16 levels"),
    ("big-token", "AID_E_TOOBIG", "text is over its limit"),
    ("idp", "AID_E_UNREACHABLE", "HTTP 400 IDPCommunicationError"),
    ("throttled", "AID_E_BUSY", "HTTP 400 Throttling .Rate exceeded"),
    ("packed", "AID_E_CONFIG", "PackedPolicyTooLarge"),
    ("region", "AID_E_CONFIG", "RegionDisabledException"),
    ("echo", "AID_E_DENIED", "left out: it repeats a secret"),
]


def judge(bench, name, got, status, text, **fields):
    """expect(), where one of several statuses is right."""
    if got.status in status.split("|"):
        status = got.status
    bench.expect(name, got, status, text, **fields)


def everywhere(bench):
    targets = [cases.aws(bench), cases.azure(bench), cases.gcp(bench), cases.vault(bench), cases.rfc8693(bench)]
    for target in targets:
        asked = [(target.send(f"{target.mode}-{mode}", **more), mode, status, text, fields)
                 for mode, status, text, fields, more in EVERYWHERE]
        for number, mode, status, text, fields in asked:
            judge(bench, f"{target.mode}: {mode}", bench.answer(number), status, text, **fields)


def aws_answers(bench):
    target = cases.aws(bench)
    for name, status, text in AWS:
        bench.expect(f"F34 aws: {name}", target.ask("aws-" + name), status, text)


def expired_assertion(bench):
    """The STS looks at it when its second is over; used ones are refused, so no retry used one twice."""
    got = cases.aws(bench).ask("aws-late", LIFETIME_MS=1000)
    bench.expect("F34 aws: an expired assertion", got, "AID_E_EXPIRED", "HTTP 400 ExpiredTokenException")
    got = cases.aws(bench).ask("aws-replay")
    bench.expect("aws: a replayed assertion", got, "AID_E_DENIED", "The token was used before")


def transport_security(bench):
    target = cases.aws(bench)
    for kind, text in (("expired", "certificate"), ("other-host", "certificate"), ("self-signed", "certificate"),
                       ("unknown-ca", "certificate"), ("common-name", "certificate"), ("tls1.1", "alert|protocol")):
        got = target.ask(options={"endpoint": bench.base(kind) + "/aws"})
        bench.expect(f"F14 aws: {kind}", got, "AID_E_UNTRUSTED", text)
    rows = [("http to a name", {"endpoint": "http://idp.test:1"}, "AID_E_CONFIG", "http:// is allowed for"),
            ("F16 a name that does not exist", {"endpoint": "https://nowhere.test"}, "AID_E_UNREACHABLE|AID_E_TIMEOUT",
             "name does not resolve|no complete answer"),
            ("F16 a name that leads to loopback", {"endpoint": f"https://rebound.test:{bench.ports['good']}"},
             "AID_E_UNTRUSTED", "address 127.0.0.1 is refused"),
            ("F8 a name that leads to the metadata address", {"endpoint": "https://meta.test"}, "AID_E_UNTRUSTED",
             "169.254.169.254 is refused"),
            ("F8 the metadata address", {"endpoint": "https://169.254.169.254"}, "AID_E_UNTRUSTED", "is refused"),
            ("F17 a black hole", {"endpoint": "https://hole.test"}, "AID_E_TIMEOUT|AID_E_UNREACHABLE",
             "hole.test"),
            ("F15 no CA file", {"ca_file": "/nowhere.pem"}, "AID_E_CONFIG", "/nowhere.pem")]
    for name, options, status, text in rows:
        options = {"endpoint": bench.base("good") + "/aws", **options}
        judge(bench, f"aws: {name}", target.ask(options=options), status, text)


def ca_file_broken(bench):
    """The certificates read before stay in use, and that is said once."""
    copy = bench.file("broken-ca.pem")
    shutil.copy(bench.file("ca.pem"), copy)

    def ask(name):
        got = cases.aws(bench).ask(options={"endpoint": bench.base("good") + "/aws", "ca_file": copy})
        # Who gets an answer has taken the certificate; it is about an issuer of another port.
        bench.expect(name, got, "AID_E_DENIED", "No OpenIDConnect provider")
    ask("aws: a ca_file of its own")
    with open(copy, "w", encoding="ascii") as f:
        f.write("none\n")
    for _ in range(2):
        ask("aws: a ca_file that broke")
    lines = re.findall(rb"op=trust [^\n]*broken-ca.pem[^\n]*stay in use", bench.fetch.log_text())
    bench.case("that is said once", None if len(lines) == 1 else str(lines))


def wrong_frames(bench):
    target = cases.aws(bench)
    rows = [
        ("no kind", {"CREDENTIAL_TYPE": None}, "AID_E_PROTOCOL", "descriptors|number"),
        ("kind 7", {"CREDENTIAL_TYPE": 7}, "AID_E_PROTOCOL", "number"),
        ("kind 0", {"CREDENTIAL_TYPE": 0}, "AID_E_PROTOCOL", "number"),
        ("no name", {"NAME": None}, "AID_E_PROTOCOL", "text"),
        ("a name of ours", {"NAME": "token"}, "AID_E_CONFIG", "keys that agentid makes itself"),
        ("no options", {"OPTIONS": None}, "AID_E_CONFIG", "role_arn is missing"),
        ("options without an end", {"OPTIONS": "role_arn=x"}, "AID_E_PROTOCOL", "without an end"),
        ("an option that stays", {"OPTIONS": cases.pack({**cases.AWS, "at_open": "yes"})}, "AID_E_PROTOCOL", "at_open"),
        ("an unknown option", {"OPTIONS": cases.pack({"color": "red"})}, "AID_E_PROTOCOL", "no option 'color'"),
        ("no limit", {"MAX_LIFETIME_MS": None}, "AID_E_PROTOCOL", "number"),
        ("an assertion of ten minutes", {"LIFETIME_MS": 600000}, "AID_E_PROTOCOL", "number"),
        ("no audience", {"AUDIENCE": None}, "AID_E_PROTOCOL", "text"),
        ("no assertion", {"SOURCE": None, "FDS": "", "files": []}, "AID_E_PROTOCOL", "the assertion of type aws-sts"),
        ("another source", {"SOURCE": "moon"}, "AID_E_PROTOCOL", "source 'moon'"),
        ("no key", {"FDS": "", "files": []}, "AID_E_PROTOCOL", "'h' is wanted"),
        ("a descriptor too many", {"FDS": "hS", "files": ["host.key", "secret"]}, "AID_E_PROTOCOL",
         "nobody wants descriptor 'S'"),
        ("a key that is none", {"files": ["secret"]}, "AID_E_CREDENTIAL", "no unencrypted PEM private key"),
    ]
    for name, more, status, text in rows:
        bench.expect(f"EXCHANGE with {name}", target.ask(**more), status, text)
    got = bench.answer(target.send(message="RETIRE", files=[], FDS="", SOURCE=None, SECRET="x"))
    bench.expect("RETIRE of AWS credentials says that it cannot be", got, "AID_OK", "cannot be revoked", COUNT_OF=0)
    number = bench.fetch.send("EXCHANGE", bench.fields(bench.base() + "/ok"), [bench.file("secret")])
    bench.expect("EXCHANGE with the fields of TOKEN", bench.answer(number), "AID_E_PROTOCOL", "descriptor|number")


def storm(bench):
    """As many at once as sessions of a host may ask for; none fails, and each has its own assertion."""
    target = cases.aws(bench)
    count, begun = 400, time.monotonic()
    before = len(cases.logged(bench))
    numbers = [target.send(TIMEOUT_MS=60000) for _ in range(count)]
    wrong = [got for got in (bench.answer(n, 60) for n in numbers) if got.status != "AID_OK"]
    print(f"# {count} exchanges in {time.monotonic() - begun:.1f} s", flush=True)
    bench.case(f"{count} exchanges at once", None if not wrong else f"{len(wrong)} failed, as {wrong[0]!r}")
    jtis = {entry["claims"]["jti"] for entry in cases.logged(bench)[before:]}
    bench.case("each with an assertion of its own", None if len(jtis) == count else str(len(jtis)))


def lost_client(bench):
    target = cases.aws(bench)
    client = bench.fetch.connect()
    fields = target.fields(target.defaults("aws-silent"), {})
    for _ in range(20):
        bench.fetch.send("EXCHANGE", fields, [bench.file("host.key")], client)
    bench.unanswered("exchanges are under way", lambda now: now >= 8)
    client.close()
    bench.unanswered("a client that goes leaves no exchange behind", lambda now: now == 0)
    bench.expect("a client that goes takes its exchanges along", target.ask(), "AID_OK")


def nothing_left(bench):
    text = bench.fetch.log_text()
    secrets = (b"eyJ", b"canary", b"ya29", b"hvs.", b"FwoGZXIvYXdzE", modes.SECRET.encode(), b"BEGIN")
    found = [s for s in secrets if s in text]
    bench.case("no assertion and no credential in the log", None if not found else str(found))
    lines = re.findall(rb"op=exchange of='([^']*)' status=([a-z]+)", text)
    bench.case("each failure has a line that names credential and session",
               None if (b"aws-sts of " + cases.SESSION.encode(), b"denied") in lines else str(lines[:3]))


STORIES = [everywhere, aws_answers, expired_assertion, transport_security, ca_file_broken,
           wrong_frames, storm, lost_client,
           nothing_left]
