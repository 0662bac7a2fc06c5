# SPDX-License-Identifier: LGPL-2.1-or-later
# AID_SANITIZE: --enable-sanitizers=address,undefined, --enable-fuzzing (clang), --enable-coverage.
AC_DEFUN([AID_SANITIZE], [
AC_ARG_ENABLE([sanitizers],
    [AS_HELP_STRING([--enable-sanitizers=LIST], [build with -fsanitize=LIST])],
    [], [enable_sanitizers=no])
AC_ARG_ENABLE([fuzzing],
    [AS_HELP_STRING([--enable-fuzzing], [link the fuzz targets with libFuzzer (clang)])],
    [], [enable_fuzzing=no])
AC_ARG_ENABLE([coverage],
    [AS_HELP_STRING([--enable-coverage], [build for gcov])],
    [], [enable_coverage=no])
SANITIZE_CFLAGS=
FUZZ_LDFLAGS=
AS_IF([test "x$enable_sanitizers" != xno], [
    SANITIZE_CFLAGS="-fsanitize=$enable_sanitizers -fno-omit-frame-pointer -fno-sanitize-recover=all"])
AS_IF([test "x$enable_fuzzing" = xyes], [
    SANITIZE_CFLAGS="$SANITIZE_CFLAGS -fsanitize=fuzzer-no-link"
    FUZZ_LDFLAGS="-fsanitize=fuzzer"])
AS_IF([test "x$enable_coverage" = xyes], [
    SANITIZE_CFLAGS="$SANITIZE_CFLAGS --coverage"])
AC_SUBST([SANITIZE_CFLAGS])
AC_SUBST([FUZZ_LDFLAGS])
AM_CONDITIONAL([FUZZING], [test "x$enable_fuzzing" = xyes])
])
