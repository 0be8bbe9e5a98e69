"""What was measured, for people: tables, a drawing, and all of it as JSON."""

import json
import os
import platform
import subprocess
from xml.sax.saxutils import escape

from figures import FIELDS, SHOWN

TITLES = {"near": "Straight to the gateway", "far": "Through the slow line",
          "counted": "Bytes fetched from the store for bytes asked"}
COLOURS = ("#1b6ca8", "#5a9bd4", "#2e8b57", "#8fbc5a", "#c0504d", "#e08a7d", "#b8860b", "#dcc06a",
           "#777777", "#aaaaaa")


def short(value):
    """A number as short as it tells something."""
    if value is None:
        return "–"
    if value >= 100:
        return f"{value:.0f}"
    if value >= 10:
        return f"{value:.1f}"
    return f"{value:.2f}" if value >= 0.1 else f"{value:.3f}"


def rows(results, line):
    """(title, work, state, field) of what was measured on a line, in the order of SHOWN."""
    have = {cell[1:3] for cell in results.cells if cell[0] == line}
    for work, fields in SHOWN.items():
        for state in ("cold", "warm", "again"):
            if (work, state) not in have:
                continue
            for field in ("fetched",) if line == "counted" else fields:
                yield f"{work}, {state}", work, state, field
    for work, field, title in (("sequential", "cpu", "processor time, sequential"),
                               ("frames x1", "cpu", "processor time, frames x1"),
                               ("sequential", "rss", "peak memory, sequential"),
                               ("frames x16", "rss", "peak memory, frames x16"),
                               ("ls -lR", "rss", "peak memory, ls -lR")):
        if (work, "cold") in have and line != "counted":
            yield title, work, "cold", field


def table(results, line):
    """Lines of a table in markdown. In brackets: how much better shotlake is than that one."""
    peers = results.peers(line)
    yield "| | unit | " + " | ".join(peers) + " |"
    yield "|---|---|" + "---|" * len(peers)
    for title, work, state, field in rows(results, line):
        _get, unit, more = FIELDS[field]
        label = {"p50": "median ", "p99": "99 % within ", "first": "first bytes "}.get(field, "")
        ours = results.value(line, work, state, "shotlake", field)
        cells = []
        for peer in peers:
            value = results.value(line, work, state, peer, field)
            times = None
            if value and ours and peer != "shotlake":
                times = ours / value if more else value / ours
            cells.append(short(value) + (f" ({short(times)}x)" if times else ""))
        yield f"| {title} | {label}{unit} | " + " | ".join(cells) + " |"


def goal_table(goals):
    yield "| goal | needed | got | |"
    yield "|---|---|---|---|"
    for g in goals:
        word = {True: "pass", False: "**FAIL**", None: "not measured"}[g.passed]
        sign = "≥" if g.at_least else "≤"
        detail = f" ({g.detail})" if g.detail and g.passed is not None else ""
        yield f"| {g.text} | {sign} {short(g.need)} | {short(g.got)}{detail} | {word} |"


def markdown(results, goals, settings):
    out = ["# shotlake beside others", "", settings_line(settings), ""]
    out += [f"* {note}" for note in results.notes]
    out += [f"* not measured: {who}: {why}" for who, why in results.absent.items()]
    for line in TITLES:
        if results.peers(line):
            out += ["", f"## {TITLES[line]}", "", *table(results, line)]
    out += ["", "## Goals", "", *goal_table(goals), ""]
    return "\n".join(out)


def settings_line(settings):
    return ", ".join(f"{k}: {v}" for k, v in settings.items())


def machine():
    def first(*command):
        try:
            return subprocess.run(command, capture_output=True, text=True, check=False,
                                  timeout=20).stdout.splitlines()[0].strip()
        except (OSError, IndexError, subprocess.TimeoutExpired):
            return "absent"

    return {"kernel": platform.release(), "cores": os.cpu_count(),
            "s3fs": first("s3fs", "--version"), "rclone": first("rclone", "version"),
            "curl": first("curl", "--version")}


def as_json(results, goals, settings):
    cells = [{"line": c[0], "work": c[1], "state": c[2], "peer": c[3], "samples": samples}
             for c, samples in results.cells.items()]
    return json.dumps({"settings": settings, "machine": machine(), "notes": results.notes,
                       "absent": results.absent, "goals": [g.as_json() for g in goals],
                       "cells": cells}, indent=1)


# The drawing

WIDTH, LABEL, BAR, GAP, HEAD = 1000, 330, 13, 12, 34


def _bars(results, line, peers, title, work, state, field, top):
    """A group of bars: (lines of SVG, its height). The longest is the best or the worst."""
    _get, unit, _more = FIELDS[field]
    values = [(p, results.value(line, work, state, p, field)) for p in peers]
    values = [(p, v) for p, v in values if v is not None]
    most = max((v for _, v in values), default=0) or 1
    out = [f'<text x="8" y="{top + 10}" class="t">{escape(title)} [{escape(unit)}]</text>']
    for i, (peer, value) in enumerate(values):
        y, long = top + i * BAR, (WIDTH - LABEL - 90) * value / most
        colour = COLOURS[peers.index(peer) % len(COLOURS)]
        out.append(f'<text x="{LABEL - 6}" y="{y + 10}" class="p">{escape(peer)}</text>'
                   f'<rect x="{LABEL}" y="{y}" width="{max(long, 1):.1f}" height="{BAR - 2}" '
                   f'fill="{colour}"/><text x="{LABEL + max(long, 1) + 5:.1f}" y="{y + 10}" '
                   f'class="v">{short(value)}</text>')
    return out, max(len(values), 1) * BAR + GAP


def svg(results, settings):
    """All figures as bars, each group with a scale of its own."""
    body, top = [f'<text x="8" y="18" class="p0">{escape(settings_line(settings))}</text>'], 34
    for line, title in TITLES.items():
        peers = results.peers(line)
        if not peers:
            continue
        body.append(f'<text x="8" y="{top + 16}" class="h">{escape(title)}</text>')
        top += HEAD
        for row in rows(results, line):
            lines, height = _bars(results, line, peers, *row, top)
            body += lines
            top += height
    style = ("text{font-family:sans-serif;font-size:11px;fill:#222}.h{font-size:16px;font-weight:"
             "bold}.p{text-anchor:end;fill:#555}.t{font-weight:bold}.v{fill:#555}")
    return (f'<svg xmlns="http://www.w3.org/2000/svg" width="{WIDTH}" height="{top + 10}" '
            f'viewBox="0 0 {WIDTH} {top + 10}"><style>{style}</style>'
            f'<rect width="100%" height="100%" fill="white"/>' + "\n".join(body) + "</svg>\n")


def write(folder, results, goals, settings):
    """results.md, results.svg and results.json in `folder`."""
    os.makedirs(folder, exist_ok=True)
    for name, text in (("results.md", markdown(results, goals, settings)),
                       ("results.svg", svg(results, settings)),
                       ("results.json", as_json(results, goals, settings))):
        with open(os.path.join(folder, name), "w", encoding="utf-8") as f:
            f.write(text)
