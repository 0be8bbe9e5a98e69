"""The exit status of each outcome, 0 to 6."""

import common
from common import check, equal


def test(world):
    host = world.host
    host.run("scan", status=1)  # no ledger yet
    world.ready("show/a.mov", "show/b.mov", "one/twice.mov", "two/twice.mov")
    good, absent, twice = "file:///x/a.mov", "file:///x/absent.mov", "file:///x/twice.mov"

    def conform(urls, status):
        out = host.run("conform", world.timeline_of_urls(urls), status=status)
        return out.splitlines()[-1]

    edit = conform([good], 0)
    missing = conform([good, absent], 3)
    ambiguous = conform([good, twice], 4)
    equal(conform([good, absent, twice], 4) not in (edit, missing, ambiguous), True, "a new id")

    world.grant(ambiguous, "acme")
    check("one/twice.mov" not in host.view("acme"), "an ambiguous object is never granted")
    check("two/twice.mov" not in host.view("acme"), "an ambiguous object is never granted")

    until = ["--until", common.FOREVER]
    for words in (["edit", "show", "aaaaaaaaaa"], ["edit", "manifest", "aaaaaaaaaa"],
                  ["edit", "shots", "aaaaaaaaaa"], ["grant", "aaaaaaaaaa", "acme", *until],
                  ["revoke", "aaaaaaaaaa", "acme"], ["revoke", edit, "nobody"],
                  ["view", "nobody"], ["explain", "nobody", "show/a.mov"],
                  ["explain", "acme", "show/absent.mov"], ["who", "show/absent.mov"],
                  ["view", "acme", "show/b.mov"], ["media", "show/absent.mov"], ["acl", "show", "absent"]):
        done = host.call(*words)
        equal(done.returncode, 5, f"status of {words}: {done.stderr}")
        equal(done.stderr.count("\n"), 1, f"lines on stderr of {words}: {done.stderr!r}")
    host.run("acl", "set", "absent", "-", stdin="[]", status=5)
    host.run("grant", edit, "acme", *until, "--act-as", "acme", status=6)
    for words in (["view", "acme"], ["edit", "list"], ["ledger"], ["status"], ["who", "show"]):
        host.run(*words)


if __name__ == "__main__":
    common.run(test, mounts=False)
