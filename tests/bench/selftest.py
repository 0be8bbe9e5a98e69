"""The arithmetic of the bench and its drawing, on made-up samples; needs no mount and no server."""

import json
import xml.etree.ElementTree

import figures
import report


def sample(seconds, **more):
    spread = {"p50": seconds * 1e3, "p95": seconds * 2e3, "p99": seconds * 3e3}
    return {"seconds": seconds, "bytes": figures.GIB, "jobs": 100, "first_ms": spread,
            "whole_ms": spread, "cpu_seconds": seconds / 2, "rss_mib": 100.0, **more}


def made_up():
    results = figures.Results()
    for seconds, curl4, curl8 in ((1.0, 0.99, 0.8), (4.0, 3.99, 3.2), (2.0, 1.99, 1.6)):
        results.add("near", "sequential", "cold", "shotlake", sample(seconds))
        results.add("near", "sequential", "cold", "curl x4", sample(curl4))
        results.add("near", "sequential", "cold", "curl x8", sample(curl8))
    results.add("near", "sequential", "cold", "s3fs", sample(8.0))
    results.add("near", "sequential", "cold", "rclone & co", sample(5.0))
    results.add("counted", "random 128 KiB", "cold", "shotlake",
                sample(1.0, fetched=figures.GIB * 2))
    results.absent["shotlake passthrough"] = "no <such> option"
    return results


def check(condition, what):
    if not condition:
        raise SystemExit(f"tests/bench: {what}")


def run():
    results = made_up()
    check(results.best_curl("near", "sequential") == "curl x8", "the fastest curl")
    check(results.value("near", "sequential", "cold", "shotlake", "speed") == 0.5, "a median")
    check(results.value("near", "sequential", "cold", "nobody", "speed") is None, "nothing there")
    check(results.value("near", "sequential", "cold", "s3fs", "fetched") is None, "no such field")
    check(figures.ratio([1, 4, 2], [1, 8, 4]) == 0.5, "the ratio of rounds")
    check(figures.ratio([1, 4, 2], [4]) == 0.5, "the ratio of medians")
    check(figures.ratio([], [4]) is None, "a ratio of nothing")
    goals = {g.text: g for g in figures.goals(results, ("s3fs", "rclone & co"))}
    curl = goals["sequential, cold, of curl"]
    check(abs(curl.got - 0.8) < 1e-9 and curl.passed is False, "a goal that fails")
    best = goals["sequential, cold, of the best peer"]
    check(best.got == 2.5 and best.passed and "rclone & co" in best.detail, "a goal that passes")
    check(goals["random 128 KiB, bytes fetched of bytes asked"].passed is False, "amplification")
    check(goals["first byte, of one GET"].passed is None, "a goal without figures")
    check(goals["processor time a GiB, sequential, of s3fs"].got == 0.25, "processor time")
    settings = {"rounds": 3, "odd": "<&\">"}
    drawing = xml.etree.ElementTree.fromstring(report.svg(results, settings))
    bars = drawing.findall("{http://www.w3.org/2000/svg}rect")
    check(len(bars) == 1 + 4 + 4 + 4 + 1, f"{len(bars)} bars")
    text = report.markdown(results, list(goals.values()), settings)
    check("| sequential, cold | GiB/s | 0.50 | 0.62 (0.80x) | 0.12 (4.00x) | 0.20 (2.50x) |"
          in text, "the table:\n" + text)
    check(len(json.loads(report.as_json(results, list(goals.values()), settings))["cells"]) == 6,
          "the JSON")
    print("1 passed, 0 failed, 0 skipped")
