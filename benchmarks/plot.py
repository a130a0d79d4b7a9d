"""The one picture of docs/performance.md: PFD on the runtimes with a broker beside these bare."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from pfd.views import Axis, Bars, Figure, Panel
from pfd_plots import save

PARTS = {"store": "store", "own code": "own code (embedded less store)", "broker": "broker ({} less embedded)"}
"""What a worker's time goes to, and what that is called among the figures."""


def draw(known: Mapping[str, Any], path: Path) -> None:
    """Draw what `make bench ARGS="runtimes added"` has found; nothing where it has not run."""
    if {"runtimes", "added"} <= set(known):
        save(runtimes_figure(known["runtimes"], known["added"][0]), path)


def runtimes_figure(runtimes: Sequence[Mapping[str, Any]], added: Mapping[str, Any]) -> Figure:
    """Throughput, wait, and what a worker's time goes to; the bars of the runtimes alone are paler."""
    celery, dramatiq = runtimes[1:3]
    waits = [celery["sides"][0], dramatiq["sides"][0], *celery["sides"][1:]]
    return Figure(
        title="PFD beside the runtimes it runs on",
        alt="Bars of jobs a second, of the wait from submission to start, and of a worker's time a job: PFD on Celery "
        "and Dramatiq above, both alone, paler, below.",
        panels=(
            _side_by_side(runtimes[0]["sides"], "No-op jobs a second, two worker processes", "jobs a second"),
            _side_by_side(waits, "Submit to start, workers idle, median", "wait", "ms"),
            _added(added),
        ),
        columns=1,
        notes=("More jobs a second and less time are better. Whiskers: half of the spread of the runs.",),
    )


def _side_by_side(sides: Sequence[Mapping[str, Any]], title: str, label: str, unit: str = "1") -> Panel:
    ordered = sorted(sides, key=lambda side: (not _is_ours(side), side["name"]))
    values = [side["median"] for side in ordered]
    names = [side["name"] if _is_ours(side) else f"bare {side['name']}" for side in ordered]
    bars = Bars(
        labels=[
            f"{name}: {value:,.0f}" if value >= 100 else f"{name}: {value:.1f}"
            for name, value in zip(names, values, strict=True)
        ],
        values=values,
        deviations=[(side["spread"][1] - side["spread"][0]) / 2 for side in ordered],
        faded=frozenset(place for place, side in enumerate(ordered) if not _is_ours(side)),
    )
    return Panel(title=title, x=Axis(label=label, unit=unit, low=0), y=Axis(label="who runs them"), marks=(bars,))


def _added(kept: Mapping[str, Any]) -> Panel:
    """The parts of the time of a worker below each other, and what a bare worker takes."""
    rows: dict[str, float] = {}
    for runtime in ("Celery", "Dramatiq"):
        # A difference of two medians may fall below nothing.
        rows |= {
            f"PFD on {runtime}: {part}": max(0.0, kept["notes"][name.format(runtime)]) for part, name in PARTS.items()
        }
    bare = {side["name"]: side["median"] for side in kept["sides"] if side["name"].startswith("bare")}
    labels, values = [*rows, *bare], [*rows.values(), *bare.values()]
    bars = Bars(labels=labels, values=values, faded=frozenset(range(len(rows), len(labels))))
    x = Axis(label="a worker's time for one no-op job", unit="ms", low=0)
    return Panel(title="What a worker's time goes to", x=x, y=Axis(label="part"), marks=(bars,))


def _is_ours(side: Mapping[str, Any]) -> bool:
    return str(side["name"]).startswith("PFD")
