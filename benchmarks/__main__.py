"""`python -m benchmarks [NAME …] [--runs N]`: measure, print, and keep the results."""

from __future__ import annotations

import argparse
import importlib
import json
import os
import platform
from dataclasses import asdict
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from benchmarks.measure import Comparison
from benchmarks.plot import draw

NAMES = (
    "cold_start",
    "latency",
    "dispatcher",
    "throughput",
    "progress",
    "listing",
    "searching",
    "claim",
    "events",
    "feed",
    "showing",
    "recording",
    "memory",
    "runtimes",
    "added",
    "trouble",
    "footprint",
    "generation",
    "features",
    "mat_import",
    "import_memory",
    "window_read",
    "dataset_memory",
    "chaos",
    "foreign",
)
RESULTS = Path(__file__).with_name("results.json")
PAGE = Path(__file__).parent.parent / "docs" / "performance.md"
PICTURE = PAGE.with_suffix(".svg")


def main() -> None:
    parser = argparse.ArgumentParser(prog="python -m benchmarks", description=__doc__)
    parser.add_argument("names", nargs="*", metavar="NAME", help=f"which ones: {', '.join(NAMES)} (all)")
    parser.add_argument("--runs", type=int, default=5, help="rounds of each comparison")
    chosen = parser.parse_args()
    known = json.loads(RESULTS.read_text(encoding="utf-8")) if RESULTS.exists() else {}
    for name in chosen.names or NAMES:
        found = importlib.import_module(f"benchmarks.{name}").measure(chosen.runs)
        known[name] = [_kept(one) for one in found]
        for one in known[name]:
            print(_lines(one), flush=True)
        known["machine"] = (
            f"{platform.system()} {platform.machine()}, {os.cpu_count()} cores, CPython {platform.python_version()}"
        )
        known["date"] = datetime.now(UTC).date().isoformat()
        # After each: a run of all takes a while, and what comes later may fail.
        RESULTS.write_text(json.dumps(known, indent=2) + "\n", encoding="utf-8")
        draw(known, PICTURE)
        PAGE.write_text(_page(known), encoding="utf-8")


def _kept(one: Comparison) -> dict[str, Any]:
    sides = [one.ours, *one.peers]
    return {
        "title": one.title,
        "goal": one.goal,
        "sides": [{**asdict(side), "median": side.median, "spread": side.spread} for side in sides],
        "ratios": {peer.name: one.ratio(peer) for peer in one.peers},
        "notes": dict(one.notes),
    }


def _lines(kept: dict[str, Any]) -> str:
    lines = [
        f"### {kept['title']}",
        "",
        f"Goal: {kept['goal']}.",
        "",
        "| | median | spread | ratio | set-up |",
        "|---|---|---|---|---|",
    ]
    for side in kept["sides"]:
        low, high = side["spread"]
        ratio = f"{kept['ratios'][side['name']]:.2f} ×" if side["name"] in kept["ratios"] else ""
        lines.append(
            f"| {side['name']} | {_number(side['median'])} {side['unit']} | {_number(low)}–{_number(high)} "
            f"| {ratio} | {side['setup']} |"
        )
    simple = {name: value for name, value in kept["notes"].items() if isinstance(value, float | int | str)}
    if simple:
        said = (f"{name} {_number(value) if isinstance(value, float) else value}" for name, value in simple.items())
        lines += ["", f"Also: {'; '.join(said)}."]
    return "\n".join([*lines, ""])


def _number(value: float) -> str:
    size = abs(value)
    return f"{value:,.0f}" if size >= 100 else f"{value:.1f}" if size >= 2 else f"{value:.2f}"


def _page(known: dict[str, Any]) -> str:
    parts = [
        "# Performance",
        "",
        "Written by `make bench`; do not edit.  Runs of both sides are interleaved in random order.  A ratio above 1",
        "means that PFD is that many times better than the peer in the same run; trust it more than the times.",
        "",
        "To repeat all of it: `make bench`, an hour on a machine that does nothing else; a part by name, such as",
        '`make bench ARGS="runtimes added --runs 5"`.  Names: ' + ", ".join(f"`{name}`" for name in NAMES) + ".",
        "",
        "PostgreSQL, Redis, clients and workers share the machine's cores.  What many machines need is worked out in",
        "[Scale](explanation/scale.md).",
        "",
        f"Measured on {known['date']}, {known['machine']}.",
        "",
    ]
    if PICTURE.exists():
        parts += ["![PFD on Celery and Dramatiq beside both bare](performance.svg)", ""]
    for name in NAMES:
        parts += [_lines(kept) for kept in known.get(name, [])]
    return "\n".join(parts)


if __name__ == "__main__":
    main()
