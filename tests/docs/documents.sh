#!/bin/sh
# SPDX-License-Identifier: LGPL-2.1-or-later
# Copyright The agentid authors
# What the documents say about numbers, names and files is what the source says.
set -u
src=${srcdir:?}
bad=0

complain() { echo "documents: $*"; bad=1; }

# enum_numbers NAME PREFIX: "NUMBER NAME" of each value of an enum of lib/protocol.h.
enum_numbers()
{
    sed -e 's|/\*[^*]*\*/||g' -e 's|/\*.*$||' "$src/lib/protocol.h" | awk -v enum="$1" -v prefix="$2" '
        $1 == "enum" && $2 == enum { inside = 1; next }
        inside && /^};/ { exit }
        inside && match($0, prefix "[A-Z0-9_]+") {
            name = substr($0, RSTART + length(prefix), RLENGTH - length(prefix))
            if (match($0, /= *[0-9]+/)) next_number = substr($0, RSTART + 1) + 0
            print next_number++, name
        }'
}

check_protocol()
{
    for what in "aid_tag AID_TAG_ 50" "aid_msg AID_MSG_ 15"; do
        # shellcheck disable=SC2086 # three words on purpose
        set -- $what
        list=$(enum_numbers "$1" "$2")
        count=$(printf '%s\n' "$list" | wc -l)
        [ "$count" -ge "$3" ] || complain "only $count values of $1 were found in lib/protocol.h"
        missing=$(printf '%s\n' "$list" | grep -v ' COUNT$' | while read -r number name; do
            grep -q "^| $number | $name |" "$src/docs/PROTOCOL.md" || echo "$number $name"
        done)
        [ -z "$missing" ] || complain "docs/PROTOCOL.md has no row for: $(echo "$missing" | tr "\n" " ")"
    done
    version=$(sed -n 's/^#define AID_IPC_VERSION //p' "$src/lib/protocol.h")
    grep -q "^| 2 | 2 | version: $version |" "$src/docs/PROTOCOL.md" ||
        complain "docs/PROTOCOL.md does not say version $version"
}

check_permissions()
{
    for name in SESSION RING KEY META; do
        value=$(sed -n "s/^#define AID_PERM_$name \(0x[0-9a-f]*\)U/\1/p" "$src/lib/keyring.h")
        for page in man/agentid-keyring.7 docs/ARCHITECTURE.md; do
            { [ -n "$value" ] && grep -q "$value" "$src/$page"; } ||
                complain "$page does not have AID_PERM_$name '$value'"
        done
    done
}

check_statuses()
{
    names=$(sed -n '/status_names\[\] = {/,/};/p' "$src/lib/error.c" | grep -o '"[a-z-]*"' | tr -d '"')
    [ -n "$names" ] || complain "no status names were found in lib/error.c"
    for name in $names; do
        grep -qE "^\.Li $name( [,.])?\$" "$src/man/agentid-keyringd.8" ||
            complain "man/agentid-keyringd.8 does not have the status '$name'"
    done
}

# Links of the form [text](path) are files of the tree.
check_links()
{
    found=0
    for page in README.md HACKING.md SECURITY.md; do
        for path in $(grep -o '](\([^)#:]*\))' "$src/$page" | sed 's/^](//; s/)$//'); do
            found=$((found + 1))
            [ -e "$src/$path" ] || complain "$page links to $path, which is not there"
        done
    done
    [ $found -ge 5 ] || complain "only $found links were found"
}

# The tests that docs/THREATS.md names are there.
check_named_tests()
{
    paths=$(grep -oE '`[a-z]+/[0-9a-z_-]+\.(c|sh|py)`' "$src/docs/THREATS.md" | tr -d '`')
    [ "$(echo "$paths" | wc -l)" -ge 20 ] || complain "docs/THREATS.md names too few tests: $paths"
    for path in $paths; do
        [ -e "$src/tests/$path" ] || complain "docs/THREATS.md names tests/$path, which is not there"
    done
}

# The cases that tests/README.md names are in the files that it names; a story in Python has a case as
# a function.
check_fault_table()
{
    rows=$(grep -c '^| F[0-9]' "$src/tests/README.md")
    [ "$rows" -ge 50 ] || complain "tests/README.md has only $rows rows of faults"
    for n in $(seq 31) 34 35 36 37; do
        grep -q "^| F$n |" "$src/tests/README.md" || complain "tests/README.md has no row F$n"
    done
    missing=$(grep '^| F[0-9]' "$src/tests/README.md" | while IFS='|' read -r _ row _ file cases _; do
        file=$(echo "$file" | tr -d '` ')
        [ -n "$file" ] || continue
        [ -f "$src/tests/$file" ] || { echo "$file (the file of$row)"; continue; }
        echo "$cases" | tr ';' '\n' | sed 's/^ *//; s/ *$//' | while read -r name; do
            grep -qF -e "$name" -e "$(echo "$name" | tr - _)" "$src/tests/$file" || echo "$file: $name"
        done
    done)
    [ -z "$missing" ] || complain "tests/README.md names what is not there: $missing"
    paths=$(sed -n '/^## Acceptance/,$p' "$src/tests/README.md" | grep -oE '`[^`]+`' | tr -d '`')
    [ "$(echo "$paths" | wc -l)" -ge 40 ] || complain "tests/README.md names too few files in Acceptance: $paths"
    for path in $paths; do
        [ -e "$src/$path" ] || complain "tests/README.md names $path, which is not there"
    done
}

# The pages that stand in "See also" and belong to this project are installed pages.
check_pages()
{
    found=0
    for page in "$src"/man/*.[1-8]; do
        own=$(sed -n 's/^\.Xr \([a-z_.-]*agentid[a-z_.-]*\) \([1-8]\).*/\1.\2/p' "$page" | sort -u)
        for name in $own; do
            found=$((found + 1))
            [ -e "$src/man/$name" ] || complain "${page##*/} refers to $name, which is not there"
        done
    done
    [ $found -ge 20 ] || complain "only $found references between manual pages were found"
}

check_commands()
{
    for command in ci/demo ci/test; do
        grep -q "^sudo $command " "$src/README.md" || complain "README.md does not say 'sudo $command'"
        [ -x "$src/$command" ] || complain "$command is not a program"
    done
}

# The commands of "Install" name packages that there are; the story of the packages runs them.
check_install()
{
    commands=$(sed -n '/^## Install$/,/^## Install from source$/p' "$src/README.md" | sed -n '/^```/,/^```/p' | grep apt-get)
    for what in install remove purge; do
        names=$(echo "$commands" | sed -n "s/^sudo apt-get $what //p" | tr ' ' '\n' | sed 's|^\./||; s|_\*\.deb$||')
        [ -n "$names" ] || complain "README.md has no 'sudo apt-get $what' in its section Install"
        for name in $names; do
            grep -qx "Package: $name" "$src/debian/control" || complain "README.md installs $name, which debian/control does not have"
        done
    done
}

# What configure asks pkg-config for is what the packages are built with, in the same versions.
check_dependencies()
{
    modules=$(sed -n 's/^PKG_CHECK_MODULES(\[[A-Z]*\], \[\([^]]*\)\].*/\1/p' "$src/configure.ac")
    [ "$(echo "$modules" | wc -l)" -ge 8 ] || complain "configure.ac has too few PKG_CHECK_MODULES: $modules"
    wanted=$(echo "$modules" | sed 's/^\([^ ]*\)/pkgconfig(\1)/' | sort)
    got=$(sed -n 's/^BuildRequires: *\(pkgconfig(.*\)$/\1/p' "$src/packaging/rpm/agentid.spec.in" | sort)
    [ "$wanted" = "$got" ] || complain "packaging/rpm/agentid.spec.in requires $(echo "$got" | tr '\n' ';'), configure.ac $(echo "$wanted" | tr '\n' ';')"
    echo "$modules" | while read -r name relation version; do
        case $name in
        libcrypto) package=libssl-dev ;;
        libcurl) package=libcurl4-openssl-dev ;;
        expat) package=libexpat1-dev ;;
        lib*) package=$name-dev ;;
        *) package=lib$name-dev ;;
        esac
        grep -qE "^ $package \\($relation $version\\)( <!nocheck>)?,\$" "$src/debian/control" || echo "$package ($relation $version)"
    done >documents-dependencies.tmp
    [ ! -s documents-dependencies.tmp ] || complain "debian/control does not have: $(tr '\n' ';' <documents-dependencies.tmp)"
    rm -f documents-dependencies.tmp
}

check_protocol
check_permissions
check_statuses
check_links
check_named_tests
check_fault_table
check_pages
check_commands
check_install
check_dependencies
exit $bad
