"""/edits/NAME-ID/ holds an edit's manifest and a folder a shot with links to its media, for those who
hold the edit, as long as they do; nobody else finds a trace of it."""

import json
import os
import stat
import subprocess

import common
from common import check, equal, errno_of, eventually

FRAMES = [f"show/R1/sh010/plate/bg_v001.{n}.exr" for n in range(1001, 1005)]
AGAIN = [f"show/R2/sh010/plate/fg_v001.000{n}.exr" for n in range(1, 3)]
MOVIE = "show/R1/ref/sh020_ref.mov"
RIVAL = ["show/R2/rival.mov"]
ACME_UID, RIVAL_UID = 61001, 61002


def conform(world):
    """Two shots of the first vendor, one of them of two sequences whose folders have one name."""
    def clip(name, url):
        return {"OTIO_SCHEMA": "Clip.1", "name": name, "media_reference": {
            "OTIO_SCHEMA": "ExternalReference.1", "target_url": url}}

    clips = [clip("sh010", "/v/bg_v001.[1001-1004].exr"), clip("sh010", "/v/fg_v001.[0001-0002].exr"),
             clip("sh020", "/v/sh020_ref.mov"), clip("sh010", "/v/bg_v001.[1001-1004].exr"),
             clip("sh030", "/v/nowhere.mov")]
    track = {"OTIO_SCHEMA": "Track.1", "kind": "Video", "children": clips}
    path = world.write("cut.otio", json.dumps({
        "OTIO_SCHEMA": "Timeline.1", "name": "cut",
        "tracks": {"OTIO_SCHEMA": "Stack.1", "children": [track]}}))
    out = world.host.json("conform", path, "--name", "R1/v05", "--whole", status=3)
    return out["edit"], out["manifest"]


def links_below(top):
    """{path: what the link says} of every link below `top`."""
    found = {}
    for folder, folders, files in os.walk(top):
        for name in folders + files:
            path = os.path.join(folder, name)
            if os.path.islink(path):
                found[os.path.relpath(path, top)] = os.readlink(path)
    return found


def output(*words, cwd):
    return subprocess.run(words, cwd=cwd, capture_output=True, text=True, check=True,
                          env=dict(os.environ, LC_ALL="C")).stdout.splitlines()


def whole_folder(world, at, edit, manifest):
    """What the holder has: the manifest's very bytes, and links that lead to the frames."""
    top = f"{at}/edits/R1_v05-{edit}"
    equal(os.listdir(f"{at}/edits"), [f"R1_v05-{edit}"], "the edits")
    equal(links_below(top), {
        "sh010/plate": "../../../show/R1/sh010/plate",
        "sh010/plate-2": "../../../show/R2/sh010/plate",
        "sh020/sh020_ref.mov": f"../../../{MOVIE}"}, "the links")
    equal(sorted(os.listdir(top)), ["cut.otio", "sh010", "sh020", "shots.csv"],
          "the folder")
    equal(common.read(f"{top}/cut.otio"), common.read(f"{at}/{manifest}"), "the manifest")
    equal(os.stat(f"{top}/cut.otio").st_size, world.lake.size_and_mtime(manifest)[0], "its size")
    equal(os.getxattr(f"{top}/cut.otio", "user.shotlake.key").decode(), manifest, "its key")
    for key, path in [(f, f"sh010/plate/{os.path.basename(f)}") for f in FRAMES] + [
            (f, f"sh010/plate-2/{os.path.basename(f)}") for f in AGAIN] + [
            (MOVIE, "sh020/sh020_ref.mov")]:
        equal(common.read(f"{top}/{path}"), common.content(key, 5000), path)


def link_calls(at, edit):
    """What programs ask of a link."""
    path = f"{at}/edits/R1_v05-{edit}/sh010/plate"
    st = os.lstat(path)
    check(stat.S_ISLNK(st.st_mode) and stat.S_IMODE(st.st_mode) == 0o777, f"mode {st.st_mode:o}")
    equal(st.st_size, len(os.readlink(path)), "the link's size")
    equal(st.st_blocks, 0, "the link's blocks")
    with os.scandir(os.path.dirname(path)) as entries:
        check(all(e.is_symlink() for e in entries), "the type that a listing tells")
    equal(os.listxattr(path, follow_symlinks=False), [], "the link's attributes")
    check(errno_of(os.open, path, os.O_RDONLY | os.O_NOFOLLOW) != 0, "O_NOFOLLOW opens a link")
    check(errno_of(os.readlink, f"{at}/{MOVIE}") != 0, "readlink of a file")
    equal(os.path.realpath(path), f"{at}/show/R1/sh010/plate", "the real path")
    found = output("find", "-L", "edits", "-type", "f", "-name", "*.exr", cwd=at)
    equal(len(found), len(FRAMES + AGAIN), "find -L")
    long = output("ls", "-l", os.path.dirname(path), cwd=at)
    check(any(line.startswith("lrwxrwxrwx") and line.endswith(" plate -> ../../../show/R1/sh010/plate")
              for line in long), f"ls -l: {long}")


def told(world, at, principal):
    """The command line and statfs say what the mount shows."""
    listed = set(world.host.view(principal))
    equal(set(common.tree(at)), listed, "view and mount")
    equal(os.statvfs(at).f_files, len(listed) + 1, "the names that statfs counts")


def manifest_again(world, at, edit, manifest):
    """Conforming the manifest as the vendor has it finds the same objects."""
    copy = world.path("again.otio")
    with open(copy, "wb") as f:
        f.write(common.read(f"{at}/edits/R1_v05-{edit}/cut.otio"))
    out = world.host.run("--json", "conform", copy, "--name", "again", "--whole")
    again = json.loads(out)
    keys = set(world.host.json("edit", "show", edit)["keys"]) - set(common.made_of(manifest))
    equal(set(world.host.json("edit", "show", again["edit"])["keys"]) -
          {again["manifest"], again["shots"]}, keys,
          "the objects of the manifest")


def nobody_else(world, edit):
    """Another vendor, and an access list on everything, show none of it."""
    rival = world.mount("rival")
    other = world.host.json("edit", "list")
    own = [e["edit"] for e in other if e["name"] == "cut of rival"]
    equal(os.listdir(f"{rival}/edits"), [f"cut of rival-{own[0]}"], "the other vendor's edits")
    check(errno_of(os.stat, f"{rival}/edits/R1_v05-{edit}") ==
          errno_of(os.stat, f"{rival}/edits/R1_v06-{edit}") != 0, "hidden is absent")
    world.acl("/", "supervisor")
    everything = world.mount("supervisor")
    check(MOVIE in common.tree(everything), "an access list on everything")
    check(not os.path.lexists(f"{everything}/edits"), "it shows the edits' folders")


def no_objects_of_the_lake(world):
    """A scan knows none of these names, and they have no tags."""
    world.host.run("scan")
    report = world.host.json("scan")
    equal((report["added"], report["changed"], report["removed"]), (0, 0, 0), "what a scan finds")
    keys = [k for k in world.lake.keys() if not k.startswith(".shotlake/")]
    equal(world.host.json("status")["objects"], len(keys), "the lake's objects")
    equal(world.host.json("status")["untagged"], [], "edits without all tags")


def revoke_takes_it(world, at, edit):
    """Also from who has it open, and is in there."""
    top = f"{at}/edits/R1_v05-{edit}"
    held = os.open(f"{top}/cut.otio", os.O_RDONLY)
    inside = os.open(f"{top}/sh010", os.O_RDONLY | os.O_DIRECTORY)
    check(os.pread(held, 10, 0) != b"", "the manifest reads")
    world.host.run("revoke", edit, "acme")
    eventually(lambda: errno_of(os.pread, held, 10, 0) != 0, "the open manifest is lost")
    eventually(lambda: errno_of(lambda: os.readlink("plate", dir_fd=inside)) != 0, "the link is lost")
    eventually(lambda: common.tree(at) == {}, "everything is lost")
    os.close(held)
    os.close(inside)


def per_caller(world, edit):
    """One mount for all: each caller its own edits."""
    world.grant(edit, "acme")
    shared = world.mount_per_caller(*world.principals(acme=ACME_UID, rival=RIVAL_UID))
    eventually(lambda: common.as_uid(ACME_UID, os.listdir, f"{shared}/edits") == [f"R1_v05-{edit}"],
               "the holder's edits")
    link = f"{shared}/edits/R1_v05-{edit}/sh010/plate"
    equal(common.as_uid(ACME_UID, os.readlink, link), "../../../show/R1/sh010/plate", "a link")
    equal(common.as_uid(ACME_UID, common.read, f"{link}/{os.path.basename(FRAMES[0])}"),
          common.content(FRAMES[0], 5000), "a frame through it")
    check(common.as_uid(RIVAL_UID, errno_of, os.readlink, link) != 0, "the other's link")
    check(len(common.as_uid(RIVAL_UID, os.listdir, f"{shared}/edits")) == 1, "the other's edits")
    check(errno_of(os.listdir, f"{shared}/edits") != 0, "root's edits")


def test(world):
    world.ready(*FRAMES, *AGAIN, MOVIE, *RIVAL)
    edit, manifest = conform(world)
    world.granted("rival", *RIVAL)
    world.grant(edit, "acme")
    at = world.mount("acme")
    whole_folder(world, at, edit, manifest)
    link_calls(at, edit)
    told(world, at, "acme")
    no_objects_of_the_lake(world)
    manifest_again(world, at, edit, manifest)
    nobody_else(world, edit)
    revoke_takes_it(world, at, edit)
    per_caller(world, edit)


if __name__ == "__main__":
    common.run(test)
