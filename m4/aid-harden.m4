# SPDX-License-Identifier: LGPL-2.1-or-later
# AID_HARDEN: compiler and linker hardening, on by default.
AC_DEFUN([AID_HARDEN], [
AC_ARG_ENABLE([hardening],
    [AS_HELP_STRING([--disable-hardening], [build without hardening flags])],
    [], [enable_hardening=yes])
HARDEN_CFLAGS=
HARDEN_LDFLAGS=
HARDEN_PIE_CFLAGS=
HARDEN_PIE_LDFLAGS=
AS_IF([test "x$enable_hardening" = xyes], [
    AX_APPEND_COMPILE_FLAGS([-fstack-protector-strong -fstack-clash-protection dnl
        -fcf-protection -ftrivial-auto-var-init=zero], [HARDEN_CFLAGS], [-Werror])
    # A sanitizer brings its own checks; FORTIFY_SOURCE hides calls from it.
    AS_IF([test -z "$SANITIZE_CFLAGS"],
        [HARDEN_CFLAGS="$HARDEN_CFLAGS -U_FORTIFY_SOURCE -D_FORTIFY_SOURCE=3"
         AX_APPEND_LINK_FLAGS([-Wl,-z,defs], [HARDEN_LDFLAGS])])
    AX_APPEND_LINK_FLAGS([-Wl,-z,relro -Wl,-z,now -Wl,-z,noexecstack -Wl,--as-needed],
        [HARDEN_LDFLAGS])
    AX_APPEND_COMPILE_FLAGS([-fPIE], [HARDEN_PIE_CFLAGS])
    AX_APPEND_LINK_FLAGS([-pie], [HARDEN_PIE_LDFLAGS])
])
AC_SUBST([HARDEN_CFLAGS])
AC_SUBST([HARDEN_LDFLAGS])
AC_SUBST([HARDEN_PIE_CFLAGS])
AC_SUBST([HARDEN_PIE_LDFLAGS])
])
