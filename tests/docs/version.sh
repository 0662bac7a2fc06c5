#!/bin/sh
# SPDX-License-Identifier: LGPL-2.1-or-later
# Copyright The agentid authors
# The version stands in configure.ac alone: what is made from it says it, and what people write by
# hand (NEWS and the packages' changelogs) begins with it. Runs in the build directory.
set -u
src=${srcdir:?}
work=$PWD/version-test.dir
bad=0
trap 'rm -rf "$work"' EXIT

# same WHAT WANTED GOT
same() { [ "$2" = "$3" ] || { echo "version: $1: wanted '$2', got '$3'"; bad=1; }; }
# first FILE EXPRESSION: the first line that the expression of sed -n prints.
first() { sed -n "$2" "$1" | head -n 1; }

version=$(first "$src/configure.ac" 's/^AC_INIT(\[agentid\], \[\([0-9.]*\)\])$/\1/p')
[ -n "$version" ] || { echo "version: configure.ac has no AC_INIT([agentid], [NUMBER])"; exit 1; }

for program in agentid agentid-keyringd agentid-fetch; do
    same "$program --version" "$program $version" "$("./$program" --version)"
done
same "agentid.pc" "$version" "$(first lib/agentid.pc 's/^Version: //p')"
same "agentid.spec" "$version" "$(first packaging/rpm/agentid.spec 's/^Version:  *//p')"

same "the newest heading of NEWS" "$version" "$(first "$src/NEWS" 's/^agentid \([^ ]*\) (.*)$/\1/p')"
same "the newest entry of agentid.spec's changelog" "$version" \
    "$(first "$src/packaging/rpm/agentid.spec.in" '/^%changelog/,$s/^\* .* - \([^ -]*\)-[0-9]*$/\1/p')"
if [ -e "$src/debian/changelog" ]; then
    # Without the revision of the packaging, and without what sorts before or after the release.
    same "the newest entry of debian/changelog" "$version" \
        "$(first "$src/debian/changelog" 's/^agentid (\([0-9.]*\)[^)]*) .*/\1/p')"
fi

make -s install-data DESTDIR="$work" >/dev/null || { echo "version: make install-data failed"; exit 1; }
pages=$(find "$work" -path '*/man/man[1-8]/*' -type f)
same "number of installed manual pages" "$(find "$src/man" -name '*.[1-8]' | wc -l)" \
    "$(printf '%s\n' "$pages" | wc -l)"
for page in $pages; do
    same "${page##*/}" ".Os agentid $version" "$(first "$page" '/^\.Os/p')"
done
exit $bad
