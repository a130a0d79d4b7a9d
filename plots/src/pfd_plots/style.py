"""How pictures look, whatever the user's own matplotlib is set to: sizes, room between things, colours of the theme."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import matplotlib as mpl

EDGE, GAP_X, GAP_Y = 0.15, 0.28, 0.30
"""Room around all and between panels, inches."""

HEADING, PANEL_TITLE, SCORES, SMALL, TICKS, LEGEND = 13.0, 11.0, 10.0, 9.0, 8.5, 8.5
"""Sizes of texts, points."""

SPACING = 1.25
"""From one line of a text to the next, in heights of a line."""

_GROUPS = (
    *("axes", "errorbar", "figure", "grid", "hatch", "image", "legend", "lines", "mathtext", "patch", "path"),
    *("savefig", "svg", "text", "xaxis", "xtick", "yaxis", "ytick"),
)
_STYLE: Any = {
    name: value
    for name, value in mpl.rcParamsDefault.items()
    if name.partition(".")[0] in _GROUPS or name in ("font.size", "font.style", "font.weight")
}
"""What a style of the user would change; the fonts stay those of the user, who may have signs that ours lack."""

_STYLE |= {
    "svg.hashsalt": "pfd",  # the same figure gives the same file
    "svg.fonttype": "none",  # text stays text
}

_LOCK = threading.RLock()


@contextmanager
def plain_style() -> Iterator[None]:
    """The settings of matplotlib as it comes, afterwards as they were; for one thread at a time: there is one set."""
    with _LOCK, mpl.rc_context(_STYLE):
        yield
