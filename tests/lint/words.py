#!/usr/bin/python3
"""Sizes and words: functions of at most 70 lines, files of at most 600, nothing left to do later.

usage: words.py SOURCE_ROOT
"""
import ast
import os
import re
import sys

FUNCTION_LINES = 70
FILE_LINES = 600

# What may be longer, and why. (path, function) or (path, None) for the file.
# The server's whole life, and the store's whole contract on it, read better in one piece.
ALLOWED = {("tests/harness/rgw.py", None), ("tests/unit/test_s3_http_faults.c", None),
           ("tests/unit/test_s3_http.c", None)}

TOPS = ("fs", "policy", "conform", "tools", "tests", "packaging")
SKIPPED = ("tests/data/", "tests/harness/packages/")
TEXT = (".c", ".h", ".py", ".sh", ".md", ".build", ".1", ".service", ".yaml", ".yml")
# Written apart, so that this file passes its own test.
LATER = re.compile(r"\b(TO" r"DO|FIX" r"ME|XX" r"X)\b")
NAME = re.compile(r"(\w+)\s*\(")


def c_functions(lines):
    """(name, first line, number of lines). The brace of a function, and only that, stands alone
    in the first column; its signature begins after the last blank line or end of something."""
    start = None
    for i, line in enumerate(lines):
        if line == "{" and start is None:
            start = i
            while start > 0 and lines[start - 1] and lines[start - 1][-1] not in ";}/":
                start -= 1
        elif line.startswith("}") and start is not None:
            m = NAME.search(" ".join(lines[start:i]))
            yield m.group(1) if m else "?", start + 1, i - start + 1
            start = None


def python_functions(text):
    for node in ast.walk(ast.parse(text)):
        if isinstance(node, (ast.FunctionDef, ast.AsyncFunctionDef)):
            yield node.name, node.lineno, node.end_lineno - node.lineno + 1


def check_file(path, text):
    lines = text.splitlines()
    is_c, is_python = path.endswith((".c", ".h")), path.endswith(".py") or "python" in text[:40]
    if (is_c or is_python) and len(lines) > FILE_LINES and (path, None) not in ALLOWED:
        yield f"{path}: {len(lines)} lines, more than {FILE_LINES}"
    functions = c_functions(lines) if is_c else python_functions(text) if is_python else ()
    for name, at, n in functions:
        if n > FUNCTION_LINES and (path, name) not in ALLOWED:
            yield f"{path}:{at}: {name}() has {n} lines, more than {FUNCTION_LINES}"
    for number, line in enumerate(lines, 1):
        m = LATER.search(line)
        if m:
            yield f"{path}:{number}: {m.group(1)}: do it, or make it an issue"


def files(root):
    yield from (n for n in ("meson.build", "README.md") if os.path.isfile(os.path.join(root, n)))
    for top in TOPS:
        for where, folders, names in os.walk(os.path.join(root, top)):
            folders[:] = sorted(f for f in folders if f != "__pycache__")
            for name in sorted(names):
                path = os.path.relpath(os.path.join(where, name), root)
                if not path.startswith(SKIPPED) and (name.endswith(TEXT) or "." not in name):
                    yield path


def main():
    if len(sys.argv) != 2:
        sys.exit("usage: words.py SOURCE_ROOT")
    bad, n = [], 0
    for path in files(sys.argv[1]):
        with open(os.path.join(sys.argv[1], path), "rb") as f:
            data = f.read()
        if b"\0" in data:
            continue
        n += 1
        bad += check_file(path, data.decode("utf-8", "replace"))
    stale = [p for p, _ in ALLOWED if not os.path.isfile(os.path.join(sys.argv[1], p))]
    bad += [f"{p}: allowed to be longer, and not there" for p in stale]
    print("\n".join(bad) if bad else f"{n} files: sizes and words are right")
    return 1 if bad else 0


if __name__ == "__main__":
    sys.exit(main())
