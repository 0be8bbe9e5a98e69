#!/usr/bin/python3
"""Every source file has its line in the DESIGN.md of its folder, and every line its file; every unit
test and fuzz harness is built.

usage: design.py SOURCE_ROOT

A file's line is an item or a table row that begins with the file's path in backquotes, relative to
the folder of the DESIGN.md, and then says what it is:

    - `s3/sigv4.[ch]`: signatures as strings to strings
    | `s3/{retry,s3_url}.c` | … |
"""
import itertools
import os
import re
import sys

FOLDERS = ("fs", "policy", "conform", "tests")
SUFFIXES = (".c", ".h", ".py", ".sh")
NOT_SOURCE = ("tests/data/", "tests/harness/packages/")

ENTRY = re.compile(r"\s*(?:[-*]|\|)\s*`([^`\s]+)`(.*)")
CHOICE = re.compile(r"\[(\w+)\]|\{([^{}]+)\}")


def expand(pattern):
    """["a.c", "a.h"] of "a.[ch]"; likewise for {x,y}."""
    pieces, at = [], 0
    for m in CHOICE.finditer(pattern):
        pieces.append([pattern[at:m.start()]])
        pieces.append(list(m.group(1)) if m.group(1) else m.group(2).split(","))
        at = m.end()
    pieces.append([pattern[at:]])
    return ["".join(p) for p in itertools.product(*pieces)]


def is_source(root, path):
    if path.startswith(NOT_SOURCE) or "/__pycache__/" in path:
        return False
    if path.endswith(SUFFIXES):
        return True
    # Scripts without a suffix, such as tests/run.
    return "." not in os.path.basename(path) and os.access(os.path.join(root, path), os.X_OK)


def sources(root, folder):
    for where, folders, files in os.walk(os.path.join(root, folder)):
        folders.sort()
        for name in sorted(files):
            path = os.path.relpath(os.path.join(where, name), root)
            if is_source(root, path):
                yield path


def listed(root, folder):
    """(path, line number, whether something is said about it) of each file that is listed."""
    with open(os.path.join(root, folder, "DESIGN.md"), encoding="utf-8") as f:
        for number, line in enumerate(f, 1):
            m = ENTRY.match(line)
            if not m:
                continue
            says = bool(re.search(r"\w", m.group(2)))
            for name in expand(m.group(1)):
                path = name if name.startswith(folder + "/") else f"{folder}/{name}"
                if path.endswith(SUFFIXES) or os.path.isfile(os.path.join(root, path)):
                    yield path, number, says


def check(root, folder):
    doc = f"{folder}/DESIGN.md"
    if not os.path.isfile(os.path.join(root, doc)):
        yield f"{doc}: missing"
        return
    seen = {}
    for path, number, says in listed(root, folder):
        if path in seen:
            yield f"{doc}:{number}: {path} is listed again (first on line {seen[path]})"
        if not os.path.isfile(os.path.join(root, path)):
            yield f"{doc}:{number}: {path} does not exist"
        if not says:
            yield f"{doc}:{number}: {path} is named and not explained"
        seen.setdefault(path, number)
    for path in sources(root, folder):
        if path not in seen:
            yield f"{doc}: {path} is not listed"


def unbuilt(root):
    """Tests in C that tests/meson.build does not name: they would never run."""
    with open(os.path.join(root, "tests/meson.build"), encoding="utf-8") as f:
        text = f.read()
    fuzzers = re.findall(r"^fuzzers = \[(.*?)\]", text, re.M | re.S)
    named = {"unit": set(re.findall(r"\['(\w+)', \[|'unit/test_(\w+)\.c'", text)),
             "fuzz": {(name, "") for name in re.findall(r"'(\w+)'", fuzzers[-1] if fuzzers else "")}}
    for folder, start in (("unit", "test_"), ("fuzz", "fuzz_")):
        built = {name for pair in named[folder] for name in pair}
        for name in sorted(os.listdir(os.path.join(root, "tests", folder))):
            if name.startswith(start) and name.endswith(".c") and name[5:-2] not in built:
                yield f"tests/meson.build: tests/{folder}/{name} is not built"


def main():
    if len(sys.argv) != 2:
        sys.exit("usage: design.py SOURCE_ROOT")
    bad = [line for folder in FOLDERS for line in check(sys.argv[1], folder)]
    bad += unbuilt(sys.argv[1])
    print("\n".join(bad) if bad else "every source file is listed once")
    return 1 if bad else 0


if __name__ == "__main__":
    sys.exit(main())
