# shellcheck shell=bash
# SPDX-License-Identifier: LGPL-2.1-or-later
# Copyright The agentid authors
# Sourced by stories with a booted root: what agent-probe found there, in /run/probe.

result_file() { echo "/proc/$LEADER/root/run/probe/$1"; }
result() { sed -n "s/^$2=//p" "$(result_file "$1")"; }
# all_keys NAME: the serials that the probe saw, on one line.
all_keys() { result "$1" keys; }
has_result() { [ -f "$(result_file "$1")" ]; }

saw_token()
{
    cat "$(result_file "$1")" || return 1
    [ "$(result "$1" subject)" = "agent:app-$1" ] && [ "$(result "$1" uid)" = "$2" ]
}
saw_refresh() { [ "$(result "$1" refreshed) $(result "$1" serial)" = "yes same" ]; }
uid_of() { in_root id -u "$1"; }

# judge NAME UID: what the probe found, and that nothing is left of the session.
judge()
{
    check "$1: the session finds its token" saw_token "$1" "$2" || return
    check "$1: a refresh is seen and the serial stays" saw_refresh "$1"
    # shellcheck disable=SC2046 # one word a serial
    check "$1: no key is left after the close" wait_for 10 keys_gone $(all_keys "$1")
}
