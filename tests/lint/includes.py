#!/usr/bin/python3
"""Holds every #include against the table of arrows: which folder may use which.

usage: includes.py SOURCE_ROOT

The layers are the security argument in small: policy that cannot include curl cannot be talked
into fetching something, a cache that cannot include policy cannot decide.
"""
import os
import re
import sys

# Folder -> (folders it may include besides itself, libraries it may include).
ARROWS = {
    "policy/base": ((), ()),
    "policy": (("policy/base",), ("lmdb", "openssl", "jansson", "roaring", "utf8proc",
                                    "zlib")),
    "fs/store": (("policy/base",), ()),
    "fs/s3": (("fs/store", "policy/base"), ("curl", "openssl", "expat", "jansson")),
    "fs/dir": (("fs/store", "policy/base"), ()),
    "fs/lake": (("fs/store", "policy", "policy/base"), ("jansson", "roaring", "zlib")),
    "fs/cache": (("fs/store", "policy/base"), ("openssl",)),
    "fs/auth": (("policy", "policy/base"), ("curl", "crypt", "openssl", "jansson")),
    "fs/view": (("policy", "fs/lake", "fs/store", "policy/base"), ("roaring",)),
    "fs/fuse": (("fs/view", "fs/auth", "fs/cache", "fs/lake", "fs/store", "policy", "policy/base"),
                ("fuse", "jansson", "roaring")),
    "conform": (("fs/lake", "fs/store", "policy", "policy/base"),
                ("expat", "gsf", "jansson", "roaring", "zip")),
    "tools": (("*",), ("*",)),
    "tests": (("*",), ("*",)),
}

# How a library's headers begin. What is in neither table is refused: a new dependency is a
# decision, not a line in some file.
LIBRARIES = {
    "cmocka.h": "cmocka", "crypt.h": "crypt", "curl/": "curl", "expat.h": "expat", "fuse3/": "fuse", "fuse": "fuse",
    "gsf/": "gsf",
    "jansson.h": "jansson", "lmdb.h": "lmdb", "openssl/": "openssl", "roaring/": "roaring",
    "utf8proc.h": "utf8proc", "zip.h": "zip", "zlib.h": "zlib",
}
LIBC_FOLDERS = ("arpa/", "asm/", "bits/", "linux/", "net/", "netinet/", "sys/")
LIBC = set("""
assert ctype dirent dlfcn endian errno fcntl fenv fnmatch ftw getopt glob grp ifaddrs inttypes
langinfo libgen limits locale malloc math netdb poll pthread pwd regex sched search semaphore setjmp
signal spawn stdalign stdarg stdatomic stdbool stddef stdint stdio stdlib stdnoreturn string
strings syslog termios threads time unistd utime wchar wctype
""".split())

INCLUDE = re.compile(r'\s*#\s*include\s*(?:"([^"]+)"|<([^>]+)>|(\S.*))')


def folder_of(path):
    """The row of ARROWS that a root-relative path belongs to: the longest that fits."""
    fits = [f for f in ARROWS if path.startswith(f + "/")]
    return max(fits, key=len) if fits else None


def library_of(header):
    """A library's name, "" for libc, None for an unknown header."""
    if header.startswith(LIBC_FOLDERS) or (header.endswith(".h") and header[:-2] in LIBC):
        return ""
    for start, name in LIBRARIES.items():
        if header.startswith(start):
            return name
    return None


def check_quoted(root, folder, name):
    path = "policy/" + name if name.startswith("base/") else name
    if not os.path.isfile(os.path.join(root, path)):
        return "no such file below the root (includes are root-relative)"
    if path.startswith("policy/base/") and not name.startswith("base/"):
        return 'written "base/…"'
    target = folder_of(path)
    if target is None or not path.endswith(".h"):
        return "not a header of a known folder"
    allowed = ARROWS[folder][0]
    if target == folder or target in allowed or "*" in allowed:
        return None
    return f"{folder} may not use {target}"


def check_angled(folder, name):
    library = library_of(name)
    if library is None:
        return "neither libc nor a known library (tests/lint/includes.py)"
    allowed = ARROWS[folder][1]
    if library == "" or library in allowed or "*" in allowed:
        return None
    return f"{folder} may not use the library {library}"


def check_file(root, path):
    folder = folder_of(path)
    if folder is None:
        yield f"{path}: in no folder of the table"
        return
    with open(os.path.join(root, path), encoding="utf-8") as f:
        for number, line in enumerate(f, 1):
            m = INCLUDE.match(line)
            if not m:
                continue
            quoted, angled, other = m.groups()
            if other:
                why = "neither quoted nor in angle brackets"
            else:
                why = check_quoted(root, folder, quoted) if quoted else check_angled(folder, angled)
            if why:
                yield f"{path}:{number}: {quoted or angled or other}: {why}"


def sources(root):
    for top in ("fs", "policy", "conform", "tools", "tests"):
        for folder, folders, files in os.walk(os.path.join(root, top)):
            folders.sort()
            for name in sorted(files):
                if name.endswith((".c", ".h")):
                    yield os.path.relpath(os.path.join(folder, name), root)


def main():
    if len(sys.argv) != 2:
        sys.exit("usage: includes.py SOURCE_ROOT")
    files = list(sources(sys.argv[1]))
    bad = [line for path in files for line in check_file(sys.argv[1], path)]
    print("\n".join(bad) if bad else f"{len(files)} files: every #include follows an arrow")
    return 1 if bad or not files else 0


if __name__ == "__main__":
    sys.exit(main())
