"""What stands along the axes of a panel: names, ticks and labels, as they have room."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Any

from matplotlib.ticker import MaxNLocator

from pfd.views import Axis, Matrix
from pfd_plots.marks import CELL
from pfd_plots.panel import DrawnPanel, names_along
from pfd_plots.style import LEGEND, SMALL, TICKS
from pfd_plots.texts import letters, plain_lines, plain_text

NAME = 40
"""Letters of the name of a bar, a row, a column or a tick, at most."""

TICK = 0.45
"""From one number along an axis to the next, inches."""

SMALLEST = 5.0
"""Of letters that names shrink to where there is little room, points; then only every second name, third, … stands."""


def write_labels(drawn: DrawnPanel, room: float) -> None:
    """Write names and labels along the axes as they have room now; names of rows have these inches."""
    axis, panel, ink = drawn.axis, drawn.panel, drawn.palette.ink
    style: dict[str, Any] = {"color": ink, "fontsize": SMALL, "linespacing": 1.1}
    axis.set_xlabel(_in_lines(panel.x.text, drawn.width), **style)
    _name(drawn, "x", panel.x, drawn.width, NAME)
    _name(drawn, "y", panel.y, drawn.height, min(NAME, letters(room, TICKS)))
    if drawn.follows:
        axis.tick_params(axis="y", which="both", labelleft=False)
    else:
        axis.set_ylabel(_in_lines(panel.y.text, drawn.height), **style)
    if drawn.scale is not None:
        lying = panel.legend_below
        write, length = (drawn.scale.set_xlabel, drawn.width) if lying else (drawn.scale.set_ylabel, drawn.height)
        write(_in_lines(drawn.meaning, length), **style)
    for note, text in drawn.notes:
        note.set_text("\n".join(plain_lines(text, letters(0.9 * drawn.width, SMALL), 4)))
    _fit_cells(drawn)


def _name(drawn: DrawnPanel, name: str, given: Axis, length: float, most: int) -> None:
    names = names_along(drawn.panel.marks, name)
    places: Sequence[Any] = range(len(names))
    if given.ticks:
        places, names = given.ticks, given.tick_labels
    if name == "x" and not places and isinstance(locator := drawn.axis.xaxis.get_major_locator(), MaxNLocator):
        locator.set_params(nbins=min(9, max(2, int(length / TICK))))
    if not places or (name == "y" and drawn.follows):
        return
    set_ticks = drawn.axis.set_xticks if name == "x" else drawn.axis.set_yticks
    if not names:
        set_ticks(places)
        return
    pitch = 72 * length / len(names)
    size = min(TICKS, max(SMALLEST, 0.8 * pitch))
    texts = [plain_text(one, most) for one in names]
    widest = max(len(text) for text in texts) * 0.62 * TICKS
    upright = name == "x" and widest > 0.95 * pitch
    if name == "x" and not upright:
        size = TICKS
    every = math.ceil(1.15 * size / pitch) if upright or name == "y" else 1
    style: dict[str, Any] = {"fontsize": size, "color": drawn.palette.ink if not given.ticks else None}
    set_ticks(places[::every], texts[::every], rotation=90 if upright else 0, **_known(style))


def _fit_cells(drawn: DrawnPanel) -> None:
    written = [text for text in drawn.axis.texts if text.get_gid() == CELL]
    if written:
        matrix = next(mark for mark in drawn.panel.marks if isinstance(mark, Matrix))
        pitch = 72 * drawn.width / len(matrix.values[0])
        longest = max(len(text.get_text()) for text in written)
        size = min(LEGEND, pitch / (0.66 * longest), 72 * drawn.height / len(matrix.values) * 0.8)
        for text in written:
            text.set_fontsize(max(1.0, size))


def _in_lines(label: str, inches: float) -> str:
    return "\n".join(plain_lines(label, letters(inches, SMALL), 2))


def _known(style: dict[str, Any]) -> dict[str, Any]:
    return {name: value for name, value in style.items() if value is not None}
