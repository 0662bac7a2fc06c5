#!/bin/sh
# SPDX-License-Identifier: LGPL-2.1-or-later
# Copyright The agentid authors
# What the module and the library export and need is a promise: compare it with the maps.
set -eu

builddir=${abs_builddir:-$PWD}
srcdir=$(cd "$(dirname "$0")/../.." && pwd)
failures=0
command -v readelf >/dev/null || { echo "needs readelf"; exit 77; }

same() { # WHAT WANTED GOT
	if [ "$2" = "$3" ]; then
		echo "ok - $1"
	else
		echo "FAILED - $1"
		echo "wanted: $2"
		echo "got:    $3"
		failures=$((failures + 1))
	fi
}

globals() { # MAP: the names between "global:" and "local:"
	sed -n '/global:/,/local:/s/^[[:space:]]*\([a-z_0-9]*\);$/\1/p' "$1" | sort | tr '\n' ' '
}

exported() { # FILE
	nm -D --defined-only "$1" | awk '$2 ~ /[TDBR]/ {print $3}' | sed 's/@.*//' | sort | tr '\n' ' '
}

needed() { # FILE
	readelf -d "$1" | sed -n 's/.*(NEEDED).*\[\(.*\)\.so\..*\]/\1/p' | sort | tr '\n' ' '
}

# A sanitizer brings libraries of its own, and keeps functions that nothing calls.
sanitized() { grep -q '^SANITIZE_CFLAGS = .*-fsanitize' "$builddir/Makefile"; }

check() { # FILE MAP NEEDED
	same "$(basename "$1") exports what its map says" "$(globals "$2")" "$(exported "$1")"
	sanitized || same "$(basename "$1") needs no other library" "$3" "$(needed "$1")"
	same "$(basename "$1") has no text relocation" "" "$(readelf -d "$1" | grep TEXTREL || :)"
	same "$(basename "$1") has no executable stack" "RW " \
		"$(readelf -lW "$1" | awk '$1 == "GNU_STACK" {print $7 " "}')"
}

check "$builddir/modules/pam_agentid/.libs/pam_agentid.so" \
	"$srcdir/modules/pam_agentid/pam_agentid.map" "libc libeconf libkeyutils libpam "
check "$builddir/.libs/libagentid.so.1" "$srcdir/lib/libagentid.map" "libc libkeyutils "
same "the soname is kept" "libagentid.so.1" \
	"$(readelf -d "$builddir/.libs/libagentid.so.1" | sed -n 's/.*SONAME.*\[\(.*\)\]/\1/p')"

# Nothing that would act on the whole process of an application.
sanitized || same "pam_agentid.so calls nothing that changes its host" "" \
	"$(nm -D --undefined-only "$builddir/modules/pam_agentid/.libs/pam_agentid.so" |
		grep -Ew 'umask|chdir|setlocale|setenv|putenv|signal|sigaction|sigprocmask|fork|vfork|exit|_exit|abort|atexit|setuid|setgid|setresuid|setresgid|setrlimit|prctl|pthread_create|system|popen|srand' || :)"
[ $failures = 0 ]
