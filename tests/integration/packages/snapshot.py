#!/usr/bin/python3
# SPDX-License-Identifier: LGPL-2.1-or-later
# Copyright The agentid authors
"""Every file of a root, and what became of it.

usage: snapshot.py take ROOT >FILE
       snapshot.py compare BEFORE AFTER ALLOWED

compare prints each path that came, went or changed in kind, owner, mode or content, and exits 1 if one
of them matches no line of ALLOWED: "REGULAR-EXPRESSION  who writes it".
"""

import hashlib
import os
import re
import stat
import sys

VOLATILE = {"proc", "sys", "dev", "run", "tmp"}


def content(path, state):
    if stat.S_ISLNK(state.st_mode):
        return os.readlink(path)
    if stat.S_ISREG(state.st_mode):
        with open(path, "rb") as stream:
            return hashlib.sha256(stream.read()).hexdigest()
    return "-"


def describe(path):
    state = os.lstat(path)
    return f"{state.st_mode:o} {state.st_uid}:{state.st_gid} {content(path, state)}"


def take(root):
    for directory, below, files in os.walk(root):
        if directory == root:
            below[:] = [name for name in below if name not in VOLATILE]
        for name in sorted(below + files):
            path = os.path.join(directory, name)
            print(f"{os.path.relpath(path, root)}\t{describe(path)}")


def load(name):
    with open(name, encoding="utf-8", errors="surrogateescape") as lines:
        return dict(line.rstrip("\n").split("\t", 1) for line in lines)


def rules(name):
    with open(name, encoding="utf-8") as lines:
        return [re.compile(line.split()[0]) for line in lines if line.strip() and not line.startswith("#")]


def compare(before, after, allowed):
    bad = 0
    for path in sorted(before.keys() | after.keys()):
        if before.get(path) == after.get(path):
            continue
        known = any(rule.fullmatch(path) for rule in allowed)
        bad += not known
        what = "came" if path not in before else "went" if path not in after else "changed"
        print(f"{'allowed' if known else 'NOT ALLOWED'}: {what}: {path}: {before.get(path)} -> {after.get(path)}")
    print(f"{len(before)} paths before, {len(after)} after, {bad} that should be as before")
    return bad


if __name__ == "__main__":
    if sys.argv[1] == "take":
        take(sys.argv[2])
    else:
        sys.exit(compare(load(sys.argv[2]), load(sys.argv[3]), rules(sys.argv[4])) > 0)
