"""open_by_handle_at(2) opens nothing hidden: a handle recorded on another vendor's mount, one put
together from parts, and one of an object that was revoked since, all fail as a made-up one does."""

import errno
import os
import secrets

import calls
import common
import scene
from common import check, equal


def answers(mount_fd, kind, data):
    """The outcome of opening a handle in each way."""
    found = []
    for flags in (os.O_RDONLY, os.O_PATH, os.O_DIRECTORY, os.O_PATH | os.O_DIRECTORY):
        try:
            fd = calls.open_handle(mount_fd, kind, data, flags)
        except OSError as error:
            found.append(errno.errorcode[error.errno])
            continue
        found.append(("opened", common.errno_of(os.fstat, fd), common.errno_of(os.read, fd, 10)))
        os.close(fd)
    return found


def guesses(own, foreign):
    """Handles of another vendor's object: as recorded, and with this mount's generation."""
    yield "recorded on the other mount", foreign
    yield "the other's number, this mount's generation", foreign[:8] + own[8:]
    swapped = foreign[4:8] + foreign[:4]
    yield "with the halves of the number exchanged", swapped + own[8:]


def open_answers(at, path):
    """With a descriptor held, so that the kernel has the inode in memory."""
    fd = os.open(f"{at}/{path}", os.O_RDONLY)
    os.read(fd, 10)
    return fd


def test(world):
    scene.make(world)
    at, rival_at = world.mount("acme"), world.mount("rival")
    mount_fd, held = os.open(at, os.O_RDONLY), open_answers(at, scene.ACME[0])
    try:
        kind, own = calls.handle_of(f"{at}/{scene.ACME[0]}")
    except OSError as error:
        equal(error.errno, errno.EOPNOTSUPP, "name_to_handle_at of a visible object")
        return  # there are no handles at all: nothing to record
    made_up = answers(mount_fd, kind, secrets.token_bytes(8) + own[8:])
    check(all(isinstance(a, str) for a in made_up), f"a made-up handle: {made_up}")
    equal(answers(mount_fd, kind, own)[1][0], "opened", "the handle of a visible, open object")

    rival_fd = open_answers(rival_at, scene.RIVAL[0])
    for path in (scene.RIVAL[0], "show/rivaldir", "rival.mov"):
        foreign = calls.handle_of(f"{rival_at}/{path}")[1]
        for what, data in guesses(own, foreign):
            equal(answers(mount_fd, kind, data), made_up, f"{path}: {what}")
    for number in (1, 2, 3, 4, 17, 1 << 20):
        for data in (number.to_bytes(8, "little") + own[8:],
                     number.to_bytes(4, "little") + bytes(4) + own[8:],
                     bytes(4) + number.to_bytes(4, "little") + own[8:]):
            got = answers(mount_fd, kind, data)
            root = ("opened", 0, errno.EISDIR)
            check(all(a in (root, *made_up) or a == ("opened", 0, errno.EBADF) for a in got),
                  f"handle {number}: {got}")

    edit = next(e["edit"] for e in world.host.json("edit", "list") if e["name"] == "cut of acme")
    world.host.run("revoke", edit, "acme")
    common.eventually(lambda: os.listdir(at) == [], "the mount is empty")
    os.close(held)
    common.eventually(lambda: not [a for a in answers(mount_fd, kind, own)
                                   if a[0] == "opened" and 0 in a[1:]],
                      "the handle of a revoked object neither stats nor reads")
    os.close(rival_fd)
    os.close(mount_fd)


if __name__ == "__main__":
    common.run(test)
