# SPDX-License-Identifier: LGPL-2.1-or-later
# Copyright The agentid authors
"""The programs of this tree as another release would have them: with other version numbers."""
import os
import shutil
import subprocess

import keyringd_host as kh

PROGRAMS = ["agentid", "agentid-keyringd", "agentid-fetch", "modules/pam_agentid/pam_agentid.la",
            "tests/support/session_client"]


def path(name):
    return os.path.join(os.environ.get("AID_WORK") or os.path.dirname(kh.BUILD), "release-" + name)


def build(name, oldest, newest, record_format):
    """A copy of the build directory in which lib/versions.c alone is another file. Returns its path."""
    copy = path(name)
    shutil.rmtree(copy, ignore_errors=True)
    subprocess.run(["cp", "-a", kh.BUILD, copy], check=True)
    made = [os.path.join(root, f) for root, _, files in os.walk(copy + "/lib") for f in files
            if f.endswith("libagentid_base_la-versions.o")]
    assert made, "libtool's object of lib/versions.c is not where it was"
    for target in made:
        subprocess.run(["cc", "-std=c11", "-O2", "-fPIC", "-I" + kh.SRC + "/lib", "-DOTHER_MIN=%d" % oldest,
                        "-DOTHER_MAX=%d" % newest, "-DOTHER_FORMAT=%d" % record_format, "-c",
                        kh.SRC + "/tests/support/other_versions.c", "-o", target], check=True)
    os.utime(copy + "/lib/libagentid_base_la-versions.lo")
    done = subprocess.run(["make", "-s", "-C", copy, *PROGRAMS], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout[-2000:] + done.stderr[-2000:]
    return copy
