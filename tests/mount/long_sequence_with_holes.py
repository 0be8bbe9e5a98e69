"""A sequence of 100,000 frames with holes: what the cut uses of it is found, every hole is counted
and the first are listed, and nothing outside the cut is shown."""

import os

import common
from common import check, equal

FIRST, LAST = 100000, 199999
FOLDER = "show/long"
TRIM = (120000, 120499)  # what the second cut uses


def is_hole(n):
    return n % 7 == 3 or 150000 <= n < 150100


def name(n):
    return f"x.{n}.exr"


def cut(world, file, first, count):
    """A clip that uses `count` frames from `first` on, of a reference to all of them."""
    time = '{"OTIO_SCHEMA": "RationalTime.1", "rate": 24, "value": %d}'
    span = '{"OTIO_SCHEMA": "TimeRange.1", "start_time": %s, "duration": %s}'
    return world.write(file, f"""{{"OTIO_SCHEMA": "Clip.1", "name": "long",
      "source_range": {span % (time % first, time % count)}, "media_reference": {{
      "OTIO_SCHEMA": "ImageSequenceReference.1", "target_url_base": "/raid/long/",
      "name_prefix": "x.", "name_suffix": ".exr", "start_frame": {FIRST}, "frame_step": 1,
      "rate": 24, "frame_zero_padding": 6, "missing_frame_policy": "error",
      "available_range": {span % (time % FIRST, time % (LAST - FIRST + 1))}}}}}""")


def test(world):
    there = [n for n in range(FIRST, LAST + 1) if not is_hole(n)]
    holes = [n for n in range(FIRST, LAST + 1) if is_hole(n)]
    folder = world.lake.path(FOLDER)
    os.makedirs(folder)
    for n in there:
        os.close(os.open(f"{folder}/{name(n)}", os.O_CREAT | os.O_WRONLY, 0o600))
    world.ready(f"{FOLDER}/y.150000.exr")

    trimmed = world.host.json("conform", cut(world, "part.otio", TRIM[0], TRIM[1] - TRIM[0] + 1),
                              "--handles", "2", "--strict", status=3)
    want = [n for n in range(TRIM[0] - 2, TRIM[1] + 3)]
    (found,), (lost,) = trimmed["found"], trimmed["missing"]
    equal(found["frames"], [want[0], want[-1]], "the frames that the cut uses")
    equal(found["objects"], [f"{FOLDER}/{name(n)}" for n in want if not is_hole(n)], "those found")
    equal(lost["missing_frames"], [n for n in want if is_hole(n)], "those that are holes")

    whole = world.host.json("conform", cut(world, "all.otio", FIRST, LAST - FIRST + 1), status=3)
    equal(whole["objects"], len(there), "objects of the whole")
    (lost,) = whole["missing"]
    equal(lost["frames_missing"], len(holes), "all holes are counted")
    equal(lost["missing_frames"], holes[:len(lost["missing_frames"])], "the first are listed")
    check(0 < len(lost["missing_frames"]) < len(holes), "not all of them")

    world.grant(trimmed["edit"], "acme")
    seen = [p for p in world.host.view("acme") if p.endswith(".exr")]
    equal(seen, found["objects"], "what the vendor sees")


if __name__ == "__main__":
    common.run(test, lakes=("dir",), mounts=False)
