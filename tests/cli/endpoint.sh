#!/bin/bash
# SPDX-License-Identifier: LGPL-2.1-or-later
# Copyright The agentid authors
# agentid aws-endpoint: who gets the credential from the port and who does not, where the authorisation token
# is, and what is passed on to and from the command. integration/84-exchange.sh has the SDKs themselves.
# shellcheck source=tests/cli/lib.sh
. "${srcdir:-.}/tests/cli/lib.sh"
own_namespace "$@"
command -v curl >/dev/null || { echo "needs curl"; exit 77; }

endpoint=("$AGENTID" aws-endpoint)
session=$(printf 'A%.0s' $(seq 600))
secret=s/+k
ring=$(keyctl newring agentid @s)
put()
{
    local key
    key=$(keyctl add user "agentid:$1" "$2" "$ring")
    keyctl setperm "$key" 0x0b2f0000
}
aws() { printf '{"Version":1,"AccessKeyId":"%s","SecretAccessKey":"%s","SessionToken":"%s\\u002f=","Expiration":"2030-01-02T03:04:05Z"}' "$1" "$secret" "$session"; }
put aws "$(aws ASIA1)"
put second "$(aws ASIA2)"
put token eyJ.e.s
put lasting '{"Version":1,"AccessKeyId":"ASIA1","SecretAccessKey":"k","Expiration":"2030-01-02T03:04:05Z"}'
keyctl setperm "$ring" 0x0b3f0000

# The client: "ask [NAME=VALUE...]" prints the status and the body. Headers replace those of an SDK.
cat >$WORK/ask <<'CLIENT'
import os, socket, sys, urllib.parse
url = urllib.parse.urlsplit(os.environ["AWS_CONTAINER_CREDENTIALS_FULL_URI"])
given = dict(word.split("=", 1) for word in sys.argv[1:])
with open(os.environ["AWS_CONTAINER_AUTHORIZATION_TOKEN_FILE"]) as file:
    token = file.read()
headers = {"Host": url.netloc, "Authorization": token, "Accept": "application/json"}
for name, value in given.items():
    if name[0].isupper():
        headers[name] = value.replace("TOKEN", token)
lines = ["%s %s HTTP/1.1" % (given.get("method", "GET"), given.get("path", url.path))]
lines += ["%s: %s" % item for item in headers.items() if item[1] != "none"]
request = given.get("raw", "\r\n".join(lines + ["", ""])).encode().replace(b"\\r\\n", b"\r\n") + b"x" * int(given.get("more", 0))
with socket.create_connection((url.hostname, url.port)) as s:
    s.sendall(request)
    answer = b""
    while part := s.recv(65536):
        answer += part
head, _, body = answer.partition(b"\r\n\r\n")
length = [line for line in head.split(b"\r\n") if line.startswith(b"Content-Length: ")]
assert length == [b"Content-Length: %d" % len(body)], answer
print(head.split()[1].decode(), body.decode())
CLIENT
ask=(python3 "$WORK/ask")

# answers STATUS TEXT WORD...: what the endpoint says to that request, and on standard error where it refuses.
answers()
{
    local code=$1 text=$2
    shift 2
    expect 0 "${endpoint[@]}" -- "${ask[@]}" "$@"
    case $out in "$code "*) ;; *) complain "not $code for '$*': $out $err" ;; esac
    if [ "$code" = 200 ]; then
        [ -z "$err" ] || complain "an error with a credential: $err"
        return
    fi
    out_lacks ASIA
    out_lacks "$session"
    err_is "agentid: aws-endpoint: $text"
    out=${out#* }
    out_json "set(j) == {'code', 'message'} and j['code'] and j['message'] == '''$text'''"
}

# What the SDKs get.
answers 200 ""
out=${out#* }
out_json "j == {'AccessKeyId': 'ASIA1', 'SecretAccessKey': 's/+k', 'Token': 'A' * 600 + '/=', 'Expiration': '2030-01-02T03:04:05Z'}"
expect 0 "${endpoint[@]}" --credential second "${ask[@]}"
out_has '"AccessKeyId":"ASIA2"'
expect 0 "${endpoint[@]}" sh -c 'curl -sS -i -H "Authorization: $(cat "$AWS_CONTAINER_AUTHORIZATION_TOKEN_FILE")" "$AWS_CONTAINER_CREDENTIALS_FULL_URI"'
out_has "HTTP/1.1 200 OK"
out_has "Content-Type: application/json"
out_has "Cache-Control: no-store"
out_has '"AccessKeyId":"ASIA1"'

# What nobody else gets.
wrong="another authorisation token than this endpoint's"
none="a request without an authorisation token"
answers 403 "$none" Authorization=none
answers 403 "$none" Authorization=
answers 403 "$wrong" Authorization=0000000000000000000000000000000000000000000000000000000000000000
answers 403 "$wrong" "Authorization=Bearer TOKEN"
answers 403 "$wrong" Authorization=TOKENa
answers 403 "$wrong" Authorization=x
for host in none evil.example localhost 127.0.0.1 127.0.0.1:1; do
    run "${endpoint[@]}" -- "${ask[@]}" Host=$host
    out_has "403 "
    err_has "agentid: aws-endpoint: the request is for another host than 127.0.0.1:"
    out_lacks ASIA
done
for path in / /credentials/ '/credentials?x' /Credentials //credentials http://127.0.0.1/credentials; do
    answers 404 "another path than /credentials" "path=$path"
done
for method in POST HEAD PUT OPTIONS get; do
    answers 405 "another method than GET" method=$method
done
answers 405 "another method than GET" method=POST Content-Length=30000 more=30000
answers 400 "a GET with a body" Content-Length=3 more=3
answers 400 "a GET with a body" Transfer-Encoding=chunked
answers 200 "" Content-Length=0
line='the request line is no "GET PATH HTTP/1.1"'
answers 400 "$line" 'raw=GET /credentials\r\n\r\n'
answers 400 "$line" 'raw=GET /credentials HTTP/2\r\n\r\n'
answers 400 "$line" 'raw=\r\n\r\n'
header='header 1 is no "NAME: VALUE", or a second Host or Authorization'
answers 400 "$header" 'raw=GET / HTTP/1.1\r\nHost : x\r\n\r\n'
answers 400 "$header" 'raw=GET / HTTP/1.1\r\n folded\r\n\r\n'
answers 400 "${header/1/2}" 'raw=GET / HTTP/1.1\r\nHost: x\r\nhost: x\r\n\r\n'
answers 400 "header 1 is no line of printable ASCII" $'raw=GET / HTTP/1.1\\r\\nHost: \x01\\r\\n\\r\\n'
pad=$(printf 'X: y\\r\\n%.0s' $(seq 63))
answers 404 "another path than /credentials" path=/x X-Long="$(printf 'l%.0s' $(seq 7000))"
run "${endpoint[@]}" -- "${ask[@]}" "raw=GET / HTTP/1.1\r\nHost: x\r\n$pad\r\n"
out_has "403 "
answers 400 "more than 64 headers" "raw=GET / HTTP/1.1\r\nHost: x\r\nX: y\r\n$pad\r\n"
answers 431 "a request over 8192 bytes" "X-Long=$(printf 'l%.0s' $(seq 8192))"
answers 431 "a request over 8192 bytes" raw=x more=200000

# A credential that is not there, or none for AWS.
endpoint=("$AGENTID" aws-endpoint --credential none)
answers 404 "agentid:none: Required key not available"
endpoint=("$AGENTID" aws-endpoint --credential token)
answers 500 "agentid:token is no credential for AWS: it is no JSON object with AccessKeyId"
endpoint=("$AGENTID" aws-endpoint --credential lasting)
answers 500 "it has no SessionToken, which a container endpoint needs"
endpoint=("$AGENTID" aws-endpoint)

# Where the token is: 64 digits that only this account reads, in memory, and gone with the command.
cat >$WORK/look <<'LOOK'
file=$AWS_CONTAINER_AUTHORIZATION_TOKEN_FILE
stat -L -c '%a %u %s' "$file"
stat -L -f -c %T "$file"
readlink "$file"
tr -d 0-9a-f <"$file" | wc -c
chmod 600 "$file" && echo x >"$file"
setpriv --reuid 65534 --clear-groups cat "$file"
xargs -0 -n 1 echo <"/proc/$PPID/cmdline"
pid=${file#/proc/} pid=${pid%%/*}
echo "locked $(awk '$1 == "VmLck:" { print $2 }' /proc/$pid/status)"
ls /proc/$pid/fd
env | grep -cE 'AWS_CONTAINER_AUTHORIZATION_TOKEN=|RELATIVE'
echo "$file" >"$1"
LOOK
expect 0 env AWS_CONTAINER_AUTHORIZATION_TOKEN=x AWS_CONTAINER_CREDENTIALS_RELATIVE_URI=/x "${endpoint[@]}" sh $WORK/look $WORK/file
out_has "400 0 64
tmpfs
/memfd:agentid-endpoint (deleted)
0"
# AddressSanitizer locks no memory.
grep -q '^SANITIZE_CFLAGS = .*-fsanitize' Makefile || out_has "locked 4"
[ "$(tail -n 2 <<<"$out")" = "3
0" ] || complain "the keeper has more than the token, or other variables are left: $out"
err_has "Operation not permitted"
err_has "Permission denied"
[ ! -e "$(cat $WORK/file)" ] || complain "the token is still there"

# gone: the file that the command wrote down is no more, and nobody listens.
gone()
{
    local file url
    read -r file url <$WORK/said
    for _ in $(seq 100); do
        [ -e "$file" ] || break
        sleep 0.05
    done
    [ ! -e "$file" ] || complain "$1: the token is still there"
    curl -s -o /dev/null "$url" && complain "$1: somebody listens at $url"
}
say='echo $AWS_CONTAINER_AUTHORIZATION_TOKEN_FILE $AWS_CONTAINER_CREDENTIALS_FULL_URI >'$WORK/said
expect 0 "${endpoint[@]}" true
expect 7 "${endpoint[@]}" sh -c "$say; exit 7"
gone "exit 7"
expect 137 "${endpoint[@]}" sh -c "$say; kill -KILL \$\$"
gone "SIGKILL of the command"
expect 143 "${endpoint[@]}" sh -c "$say; kill -TERM \$\$"
gone "SIGTERM of the command"
expect 0 sh -c 'trap "" CHLD; exec "$@"' sh "${endpoint[@]}" true
for signal in TERM HUP INT QUIT USR1 USR2; do
    expect 9 "${endpoint[@]}" sh -c "$say; trap 'exit 9' $signal; kill -$signal \$PPID; while :; do sleep 0.05; done"
    gone "SIG$signal to the endpoint"
done
# Its end is the command's, which else would ask whoever takes the port.
expect 137 "${endpoint[@]}" sh -c "$say; trap 'echo told >$WORK/told' TERM; kill -KILL \$PPID; while [ ! -e $WORK/told ]; do sleep 0.05; done"
gone "SIGKILL of the endpoint"
for _ in $(seq 100); do [ -e $WORK/told ] && break; sleep 0.05; done
[ -e $WORK/told ] || complain "the command goes on without its endpoint"
# The keeper's end is no other's.
expect 0 "${endpoint[@]}" sh -c 'pid=${AWS_CONTAINER_AUTHORIZATION_TOKEN_FILE#/proc/}; kill -KILL ${pid%%/*}'

# With the token, but from elsewhere: another session of the same account, and another account.
cat >$WORK/wait <<'WAIT'
{ echo "export AWS_CONTAINER_CREDENTIALS_FULL_URI=$AWS_CONTAINER_CREDENTIALS_FULL_URI AWS_CONTAINER_AUTHORIZATION_TOKEN_FILE=$1.token"
  cat "$AWS_CONTAINER_AUTHORIZATION_TOKEN_FILE" >"$1.token"; chmod 644 "$1.token"; } >"$1.new"
mv "$1.new" "$1"
while [ ! -e "$1.end" ]; do sleep 0.05; done
WAIT
"${endpoint[@]}" sh $WORK/wait $WORK/place 2>$WORK/place.err &
holder=$!
for _ in $(seq 100); do [ -e $WORK/place ] && break; sleep 0.05; done
# shellcheck source=/dev/null
expect 0 sh -c ". $WORK/place; exec $(printf '%q ' "${ask[@]}")"
out_has "403 "
out_has "was not started by this session"
out_lacks ASIA
run sh -c ". $WORK/place; exec setpriv --reuid 65534 --clear-groups curl -sS -H \"Authorization: \$(cat $WORK/place.token)\" \$AWS_CONTAINER_CREDENTIALS_FULL_URI"
out_is ""
err_has "curl: ("
grep -q 'agentid: aws-endpoint: a process of uid 65534 asks' $WORK/place.err || complain "nobody says that another account asked: $(cat $WORK/place.err)"
touch $WORK/place.end
wait $holder || complain "the holder exited with $?"

# An orphan of the command is of the session still; one that says nothing holds up nobody, and is told so.
expect 0 "${endpoint[@]}" sh -c "(setsid sh -c 'sleep 0.2; $(printf '%q ' "${ask[@]}") >$WORK/orphan; touch $WORK/orphan.done' &) ; while [ ! -e $WORK/orphan.done ]; do sleep 0.05; done"
grep -q '"AccessKeyId":"ASIA1"' $WORK/orphan || complain "an orphan gets nothing: $(cat $WORK/orphan)"
cat >$WORK/slow <<'SLOW'
import os, socket, subprocess, sys, time, urllib.parse
url = urllib.parse.urlsplit(os.environ["AWS_CONTAINER_CREDENTIALS_FULL_URI"])
slow = [socket.create_connection((url.hostname, url.port)) for _ in range(30)]
for s in slow:
    s.sendall(b"GET /credentials HTTP/1.1\r\n")
begin = time.monotonic()
print(subprocess.run(sys.argv[1:], stdout=subprocess.PIPE, check=True).stdout.decode()[:30], time.monotonic() - begin < 4)
print({s.recv(12) for s in slow})
SLOW
expect 0 "${endpoint[@]}" python3 $WORK/slow "${ask[@]}"
out_has '200 {"AccessKeyId":"ASIA1"'
out_has " True"
out_has "{b'HTTP/1.1 408'}"
[ "$(grep -c '^agentid: aws-endpoint: no whole request within 5000 ms$' $WORK/err)" -eq 30 ] || complain "not 30 lines: $err"

# Only so many at once.
cat >$WORK/many <<'MANY'
import os, socket, urllib.parse
url = urllib.parse.urlsplit(os.environ["AWS_CONTAINER_CREDENTIALS_FULL_URI"])
many = [socket.create_connection((url.hostname, url.port)) for _ in range(65)]
print(many[64].recv(4096).decode())
MANY
expect 0 "${endpoint[@]}" python3 $WORK/many
out_has "HTTP/1.1 503"
out_has "too many connections: 64 at once"

# Arguments, and a command that is not there.
expect 2 "${endpoint[@]}"
err_has "a COMMAND is needed"
expect 2 "${endpoint[@]}" --credential info -- true
err_has "'info' is no name of a credential"
expect 127 "${endpoint[@]}" /nonexistent
err_is "agentid: /nonexistent: No such file or directory"
expect 126 "${endpoint[@]}" /etc/passwd
expect 0 sh -c 'ulimit -S -c 1234; exec "$@"' sh env ASAN_OPTIONS=disable_coredump=0 "${endpoint[@]}" sh -c 'ulimit -S -c'
out_is 1234

# Ended.
expect 0 "${endpoint[@]}" sh -c "keyctl revoke $ring; $(printf '%q ' "${ask[@]}")"
out_has "403 "
out_has "the agent session was ended"
expect 4 "${endpoint[@]}" true
finish
