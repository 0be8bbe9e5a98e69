#!/usr/bin/python3
"""The help, the command line and the man page say the same.

usage: help.py SOURCE_ROOT SHOTLAKE

Of `shotlake --help` and `shotlake VERB --help`: exit status 0, on stdout, nothing on stderr, no
line over 100 columns, every option in tools/man/shotlake.1. Of the man page: every option that it
lists as an item (.It Fl …) is in some help. An unknown option goes to stderr with status 2, and is
called one. Of the completion for bash: it offers every verb and every long option of the help.
"""
import os
import re
import subprocess
import sys

WIDTH = 100
LONG = re.compile(r"(?<![\w-])--([a-z][a-z0-9-]*)")
SHORT = re.compile(r"(?<![\w-])-([a-zA-Z])(?![\w-])")
# "  edit show ID      what it does": the words before the arguments are the verb.
VERB = re.compile(r"\s{1,6}(?:shotlake )?([a-z][a-z-]*(?: [a-z][a-z-]*)?)(?=  |\s*$| [A-Z\[-])")


def run(binary, *args):
    # A lake that cannot be reached: help must not need one.
    env = dict(os.environ, SHOTLAKE_LAKE="file:///nonexistent", SHOTLAKE_STATE="/nonexistent")
    return subprocess.run([binary, *args], capture_output=True, text=True, env=env, timeout=20,
                          stdin=subprocess.DEVNULL, check=False)


def check_help(binary, verb):
    """(text, complaints) of one help page."""
    name = " ".join(["shotlake", *verb, "--help"])
    p = run(binary, *verb, "--help")
    bad = []
    if p.returncode != 0:
        bad.append(f"{name}: exit status {p.returncode}")
    if not p.stdout.strip():
        bad.append(f"{name}: nothing on stdout")
    if p.stderr:
        bad.append(f"{name}: on stderr: {p.stderr.splitlines()[0]}")
    for line in p.stdout.splitlines():
        if len(line) > WIDTH:
            bad.append(f"{name}: {len(line)} columns: {line[:60]}…")
    return p.stdout, bad


def verbs_of(text):
    found = []
    for line in text.splitlines():
        m = VERB.match(line)
        if m and m.group(1).split() not in found:
            found.append(m.group(1).split())
    return found


def man_options(man):
    """Options named anywhere in the page, and those that it lists as items."""
    man = man.replace("\\-", "-")
    anywhere = set(re.findall(r"\bFl\s+(-[a-z][a-z0-9-]*|[a-zA-Z])\b", man))
    items = set()
    for line in man.splitlines():
        if line.startswith(".It Fl"):
            items |= set(re.findall(r"\bFl\s+(-[a-z][a-z0-9-]*|[a-zA-Z])\b", line))
    return anywhere, items


def options_of(text):
    return {"-" + o for o in LONG.findall(text)} | set(SHORT.findall(text))


def check_completion(root, verbs, shown):
    """Complaints about what the completion never offers: it offers what stands in double quotes."""
    path = "packaging/completions/bash/shotlake"
    with open(os.path.join(root, path), encoding="utf-8") as f:
        offered = set(" ".join(re.findall(r'"([^"]*)"', f.read())).split())
    wanted = {w for verb in verbs for w in verb} | {f"-{o}" for o in shown if len(o) > 1}
    return [f"{path}: never offers '{w}'" for w in sorted(wanted - offered)]


def check(root, binary):
    with open(os.path.join(root, "tools/man/shotlake.1"), encoding="utf-8") as f:
        man = f.read()
    anywhere, items = man_options(man)
    text, bad = check_help(binary, [])
    verbs = verbs_of(text)
    if len(verbs) < 3:
        bad.append("shotlake --help: no list of verbs was recognised")
    shown = options_of(text)
    for verb in verbs:
        if not re.search(r"^\.It (Xo\n\.)?Cm " + " ".join(verb) + r"\b", man, re.M):
            bad.append(f"shotlake.1: no item for the verb '{' '.join(verb)}'")
        page, more = check_help(binary, verb)
        bad += more
        shown |= options_of(page)
    bad += [f"shotlake.1: -{o} is in the help and not here" for o in sorted(shown - anywhere)]
    bad += [f"shotlake.1: -{o} is here and in no help" for o in sorted(items - shown)]
    bad += check_completion(root, verbs, shown)
    p = run(binary, "--no-such-option")
    if p.returncode != 2 or p.stdout or "option" not in p.stderr:
        bad.append(f"an unknown option: status {p.returncode}, not 2 with a line on stderr alone")
    return bad, len(verbs), len(shown)


def main():
    if len(sys.argv) != 3:
        sys.exit("usage: help.py SOURCE_ROOT SHOTLAKE")
    bad, verbs, options = check(sys.argv[1], os.path.abspath(sys.argv[2]))
    print("\n".join(bad) if bad else f"{verbs} verbs, {options} options: help and manual agree")
    return 1 if bad else 0


if __name__ == "__main__":
    sys.exit(main())
