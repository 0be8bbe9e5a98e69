"""A timeline that OpenTimelineIO itself would not read is conformed, and its report says at which
places; with --strict it is refused with the line and place of the first, and nothing changes."""

import common
from common import check, equal

CLIP = "show/a.mov"
GOOD = """{"OTIO_SCHEMA": "Timeline.1", "tracks": {"OTIO_SCHEMA": "Stack.1", "children": [
  {"OTIO_SCHEMA": "Track.1", "kind": "Video", "children": [
    {"OTIO_SCHEMA": "Clip.2", "active_media_reference_key": "DEFAULT_MEDIA",
     "media_references": {"DEFAULT_MEDIA":
       {"OTIO_SCHEMA": "ExternalReference.1", "target_url": "a.mov"}}}]}]}}
"""
# Each: what is changed, the line and place of the error, and what the report says.
BAD = [
    ('"Clip.2",', '"Clip.3",', 3, "/tracks/children/0/children/0", "'Clip.3' is unsupported"),
    ('"kind": "Video", ', "", 2, "/tracks/children/0", "no 'kind'"),
    ('"Clip.2", ', '"Clip.2", "enabled": 1, ', 3, "/tracks/children/0/children/0/enabled",
     "true or false is wanted"),
    ('"target_url": "a.mov"', '"target_url": "a.mov", "metadata": null', 5,
     "/tracks/children/0/children/0/media_references/DEFAULT_MEDIA/metadata", "this is null"),
]


def test(world):
    world.ready(CLIP)
    good = world.write("good.otio", GOOD)
    answer = world.host.json("conform", good, "--strict")
    equal((answer["deviations"], answer["deviation_count"]), ([], 0), "of a good file")
    for was, now, line, place, says in BAD:
        check(GOOD.count(was) == 1, was)
        bad = world.write("bad.otio", GOOD.replace(was, now))
        records = world.host.run("ledger")
        done = world.host.call("conform", bad, "--strict")
        equal(done.returncode, 1, f"strict: {now}")
        check(f"line {line}, at '{place}': " in done.stderr and says in done.stderr, done.stderr)
        equal(world.host.run("ledger"), records, "the ledger after a refusal")
        answer = world.host.json("conform", bad)
        equal([f["key"] for f in answer["found"]], [CLIP], f"lenient: {now}")
        equal([d["pointer"] for d in answer["deviations"]], [place], "the places")
        equal(answer["deviation_count"], 1, "their number")
        check(says in answer["deviations"][0]["what"], f"what: {answer['deviations']}")
        check(place in world.host.run("conform", bad), "the place in the report for people")
    # nobody may see another file than was conformed: no mode reads this
    twice = world.write("twice.otio", GOOD.replace('"kind"', '"kind": "Audio",\n "kind"'))
    for words in (["conform", twice], ["conform", twice, "--strict"]):
        done = world.host.call(*words)
        equal(done.returncode, 1, "two members of one name")
        check("line 3" in done.stderr and "'/tracks/children/0/kind': duplicate" in done.stderr,
              done.stderr)


if __name__ == "__main__":
    common.run(test, mounts=False)
