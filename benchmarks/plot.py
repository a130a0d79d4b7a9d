"""The one picture of docs/performance.md: PFD on the runtimes with a broker beside these bare."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import matplotlib as mpl
from matplotlib.axes import Axes
from matplotlib.figure import Figure

OURS, BARE = "#1b6ca8", "#b8b8b8"
PARTS = {"store": "#1b6ca8", "own code": "#e0a030", "broker": "#7a9e48"}


def draw(known: Mapping[str, Any], path: Path) -> None:
    """Draw what `make bench ARGS="runtimes added"` has found; nothing where it has not run."""
    if not {"runtimes", "added"} <= set(known):
        return
    mpl.rcParams.update({"svg.hashsalt": "pfd", "font.size": 9})  # the same file from the same figures
    figure = Figure(figsize=(8.5, 6.2), layout="constrained")
    rate, wait, parts = figure.subplots(3, 1, height_ratios=(4, 4, 4))
    _bars(rate, known["runtimes"][0], "No-op jobs a second, two worker processes (more is better)")
    celery, dramatiq = known["runtimes"][1:3]
    both = {**celery, "sides": [celery["sides"][0], dramatiq["sides"][0], *celery["sides"][1:]]}
    _bars(wait, both, "Submit to start, workers idle, p50 in ms (less is better)")
    _parts(parts, known["added"][0])
    figure.savefig(path, metadata={"Date": None})


def _bars(axes: Axes, kept: Mapping[str, Any], title: str) -> None:
    sides = sorted(kept["sides"], key=lambda side: (not _ours(side), side["name"]), reverse=True)
    medians = [side["median"] for side in sides]
    reach = [
        [side["median"] - side["spread"][0] for side in sides],
        [side["spread"][1] - side["median"] for side in sides],
    ]
    names = [side["name"] if _ours(side) else f"bare {side['name']}" for side in sides]
    colours = [OURS if _ours(side) else BARE for side in sides]
    bars = axes.barh(names, medians, xerr=reach, color=colours, ecolor="#444444", capsize=3, height=0.65)
    axes.bar_label(bars, [f"{median:,.0f}" if median >= 100 else f"{median:.1f}" for median in medians], padding=6)
    _plain(axes, title, max(side["spread"][1] for side in sides))


def _parts(axes: Axes, kept: Mapping[str, Any]) -> None:
    medians = {side["name"]: side["median"] for side in kept["sides"]}
    notes = kept["notes"]
    rows = {name: value for name, value in medians.items() if name.startswith("bare")}
    axes.barh(list(rows), list(rows.values()), color=BARE, height=0.65)
    for name in ("Celery", "Dramatiq"):
        left = 0.0
        widths = {
            "store": notes["store"],
            "own code": notes["own code (embedded less store)"],
            "broker": notes[f"broker ({name} less embedded)"],
        }
        for part, width in widths.items():
            label = part if name == "Celery" else None
            width = max(0.0, width)  # a difference of two medians may fall below nothing
            axes.barh(f"PFD on {name}", width, left=left, color=PARTS[part], label=label, height=0.65)
            left += width
    axes.legend(frameon=False, loc="upper right")
    _plain(
        axes, "A worker's milliseconds for one no-op job, and what they go to (less is better)", max(medians.values())
    )


def _ours(side: Mapping[str, Any]) -> bool:
    return str(side["name"]).startswith("PFD")


def _plain(axes: Axes, title: str, most: float) -> None:
    axes.set_title(title, loc="left", fontsize=9.5)
    axes.set_xlim(0, most * 1.15)
    axes.spines[["top", "right"]].set_visible(False)
