#!/bin/bash
# SPDX-License-Identifier: LGPL-2.1-or-later
# Copyright The agentid authors
# --help, --version, wrong arguments, and that table, page and completion know the same commands.
# shellcheck source=tests/cli/lib.sh
. "${srcdir:-.}/tests/cli/lib.sh"
WORK=$(mktemp -d)
trap 'rm -rf "$WORK"' EXIT

adapters="header aws aws-endpoint gcp kube git-credential docker-credential vault-token"
commands="get $adapters exec serve list status revoke allow rotate verify check issuer policy setup"
expect 0 "$AGENTID" --help
for command in $commands; do
    out_has "
  $command "
    grep -q "^\.It Cm $command\$" "$SRC/man/agentid.1" || complain "agentid.1 does not have $command"
done
[ "$(grep -cE '^  [a-z-]+ +[A-Z]' <<<"$out")" -eq "$(wc -w <<<"$commands")" ] ||
    complain "the help lists other commands than: $commands"
grep -q "_agentid_reply \"$commands help --help --version\"" "$SRC/packaging/bash-completion/agentid" ||
    complain "the completion does not offer: $commands"
for command in get $adapters exec serve list status revoke allow rotate verify; do
    expect 0 "$AGENTID" "$command" --help
    out_has "usage: agentid $command"
    expect 0 "$AGENTID" help "$command"
    out_has "usage: agentid $command"
    expect 2 "$AGENTID" "$command" --nonsense
    err_has "agentid $command: unknown option '--nonsense'"
    err_has "usage: agentid $command"
done
for command in check issuer policy setup; do
    expect 0 "$ADMIN" "$command" --help
    out_has "usage: agentid $command"
    expect 0 "$AGENTID" help "$command"
    out_has "usage: agentid $command"
done
# Every long option of the help is in the page, without its dashes, and in the completion.
for command in get $adapters exec serve list status rotate verify check issuer policy setup; do
    page=agentid.1
    [ ! -e "$SRC/man/agentid-$command.1" ] || page=agentid-$command.1
    run "$AGENTID" help "$command"
    for option in $(grep -oE -- '--[a-z]+(-[a-z]+)*' <<<"$out" | sort -u); do
        grep -qE "Fl -${option#--}( |\$)" "$SRC/man/$page" || complain "$page does not have $option of $command"
        grep -q -- "$option" "$SRC/packaging/bash-completion/agentid" ||
            complain "the completion does not have $option of $command"
    done
done
expect 0 "$AGENTID" --version
expect 2 "$AGENTID"
err_is 'agentid: a command is needed; "agentid help" lists them'
expect 2 "$AGENTID" frobnicate
err_is "agentid: unknown command 'frobnicate'; \"agentid help\" lists them"
expect 2 "$AGENTID" help frobnicate
expect 2 "$AGENTID" exec
err_has "an AGENT is needed"
expect 2 "$AGENTID" exec alpha
err_has "a COMMAND is needed"
expect 2 "$AGENTID" exec alpha --
err_has "a COMMAND is needed"
expect 2 "$AGENTID" exec --timeout 1d alpha true
err_has "--timeout '1d': a duration such as 10s, at most 10m"

# The completion as bash runs it.
complete_words()
{
    "$BASH" -c '. "$1/packaging/bash-completion/agentid"; shift
        COMP_WORDS=("$@"); COMP_CWORD=$(($# - 1)); _agentid; printf "%s\n" "${COMPREPLY[@]}"' \
        bash "$SRC" "$@"
}
run complete_words agentid re
out_is "revoke"
run complete_words agentid issuer ro
out_is "rotate"
run complete_words agentid issuer init --alg E
out_is "ES256"
run complete_words agentid list --j
out_is "--json"
run complete_words agentid exec --t
out_is "--timeout"
finish
