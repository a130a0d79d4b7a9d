"""`python -m benchmarks [NAME …] [--runs N]`: measure, print, and keep the results."""

from __future__ import annotations

import argparse
import importlib
import json
import platform
from dataclasses import asdict
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from benchmarks.measure import Comparison

NAMES = ("cold_start", "latency", "throughput", "runtimes", "progress", "listing", "events", "memory")
RESULTS = Path(__file__).with_name("results.json")
PAGE = Path(__file__).parent.parent / "docs" / "performance.md"


def main() -> None:
    parser = argparse.ArgumentParser(prog="python -m benchmarks", description=__doc__)
    parser.add_argument("names", nargs="*", metavar="NAME", help=f"which ones: {', '.join(NAMES)} (all)")
    parser.add_argument("--runs", type=int, default=5, help="rounds of each comparison")
    chosen = parser.parse_args()
    known = json.loads(RESULTS.read_text(encoding="utf-8")) if RESULTS.exists() else {}
    for name in chosen.names or NAMES:
        found = importlib.import_module(f"benchmarks.{name}").measure(chosen.runs)
        known[name] = [_kept(one) for one in found]
        for one in found:
            print(_lines(_kept(one)), flush=True)
    known["machine"] = f"{platform.system()} {platform.machine()}, CPython {platform.python_version()}"
    known["date"] = datetime.now(UTC).date().isoformat()
    RESULTS.write_text(json.dumps(known, indent=2) + "\n", encoding="utf-8")
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
    return "\n".join([*lines, ""])


def _number(value: float) -> str:
    return f"{value:,.0f}" if value >= 100 else f"{value:.1f}"


def _page(known: dict[str, Any]) -> str:
    parts = [
        "# Performance",
        "",
        "Written by `make bench`; do not edit.  Runs of both sides are interleaved in random order.  A ratio above 1",
        "means that PFD is that many times better than the peer in the same run; trust it more than the times.",
        "",
        f"Measured on {known['date']}, {known['machine']}.",
        "",
    ]
    for name in NAMES:
        parts += [_lines(kept) for kept in known.get(name, [])]
    return "\n".join(parts)


if __name__ == "__main__":
    main()
