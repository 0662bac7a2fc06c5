# SPDX-License-Identifier: LGPL-2.1-or-later
# AID_WARNINGS: collects in WARN_CFLAGS the warnings that the compiler knows,
# and -Werror where --enable-werror asks for it (never in a release tarball).
AC_DEFUN([AID_WARNINGS], [
AC_ARG_ENABLE([werror],
    [AS_HELP_STRING([--enable-werror], [treat compiler warnings as errors])],
    [], [enable_werror=no])
WARN_CFLAGS=
AX_APPEND_COMPILE_FLAGS([dnl
 -Wall -Wextra -Wshadow -Wformat=2 -Wformat-signedness -Wundef -Wvla -Wcast-qual dnl
 -Wcast-align=strict -Wpointer-arith -Wwrite-strings -Wstrict-prototypes dnl
 -Wmissing-prototypes -Wmissing-format-attribute -Wold-style-definition -Wswitch-enum dnl
 -Wnull-dereference -Wimplicit-fallthrough=5 -Wduplicated-cond -Wduplicated-branches dnl
 -Wlogical-op -Wjump-misses-init -Wdate-time], [WARN_CFLAGS], [-Werror])
# Linux-PAM's headers convert signs inside macros: the module does without these two.
WARN_CONVERSION_CFLAGS=
AX_APPEND_COMPILE_FLAGS([-Wconversion -Wsign-conversion], [WARN_CONVERSION_CFLAGS], [-Werror])
AS_IF([test "x$enable_werror" = xyes], [WARN_CFLAGS="$WARN_CFLAGS -Werror"])
AC_SUBST([WARN_CFLAGS])
AC_SUBST([WARN_CONVERSION_CFLAGS])
])
