"""Marks on the axes of matplotlib: curves, bands, bars, points, matrices, rules, notes."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import matplotlib as mpl
import numpy as np
import numpy.typing as npt
from matplotlib.axes import Axes
from matplotlib.patches import Rectangle

from pfd.views import STROKES, Band, Bars, Curve, Diagonal, Mark, Matrix, Note, Palette, Points, Rule
from pfd_plots.style import LEGEND, SMALL, TICKS
from pfd_plots.texts import plain_text

RULE_NAME = 12
"""Letters of what stands at the end of a rule, at most."""

BAR = 0.72
"""Width of a bar, of what there is for it."""

CELL = "cell"
"""What the numbers written in cells are marked with."""

_LINES: dict[str, Any] = {"solid": "-", "dashed": (0, (3.5, 2)), "dotted": (0, (1, 1.6))}

_CORNERS = {
    "upper left": (0.02, 0.97, "left", "top"),
    "upper right": (0.98, 0.97, "right", "top"),
    "lower left": (0.02, 0.03, "left", "bottom"),
    "lower right": (0.98, 0.03, "right", "bottom"),
}


def draw_mark(axis: Axes, mark: Mark, number: int, palette: Palette) -> Any:
    """Draw one mark in the colour of its role, of a series by its `number`; what a legend shows of it comes back.

    Names of bars, rows and columns, and the lines of a note, are left to whoever knows their room.
    """
    colour = palette.of(mark.role, number)
    if isinstance(mark, Curve):
        stroke = mark.stroke or STROKES[number // len(palette.series) % len(STROKES)]
        style: dict[str, Any] = {"linestyle": _LINES[stroke], "linewidth": mark.width, "zorder": 3}
        steps = "steps-post" if mark.steps else "default"
        return axis.plot(column(mark.x), column(mark.y), color=colour, drawstyle=steps, **style)[0]
    if isinstance(mark, Points):
        style = {"linestyle": "none", "marker": "o", "markersize": mark.size, "markeredgewidth": 0, "zorder": 3}
        return axis.plot(column(mark.x), column(mark.y), color=colour, **style)[0]
    if isinstance(mark, Band):
        return axis.fill_between(
            column(mark.x), column(mark.low), column(mark.high), color=colour, alpha=0.25, linewidth=0
        )
    if isinstance(mark, Diagonal):
        return axis.plot([0, 1], [0, 1], color=colour, linewidth=1, linestyle=_LINES["dashed"])[0]
    if isinstance(mark, Rule):
        return _draw_rule(axis, mark, colour)
    if isinstance(mark, Note):
        return _draw_note(axis, mark, colour)
    if isinstance(mark, Bars):
        return _draw_bars(axis, mark, colour, palette)
    return _draw_matrix(axis, mark, palette)


def column(values: Sequence[float | None]) -> npt.NDArray[np.float64]:
    """A column as float64, its gaps as NaN."""
    return np.array(values, dtype=np.float64)


def _draw_rule(axis: Axes, rule: Rule, colour: str) -> Any:
    upright = rule.x is not None
    at: Any = rule.x if upright else rule.y
    if rule.to is not None:
        strip = axis.axvspan if upright else axis.axhspan
        drawn: Any = strip(at, rule.to, color=colour, alpha=0.14, linewidth=0)
    else:
        line = axis.axvline if upright else axis.axhline
        drawn = line(at, color=colour, linewidth=rule.width, linestyle=_LINES[rule.stroke])
    if rule.label:
        middle = at if rule.to is None else (at + rule.to) / 2
        text: dict[str, Any] = {"fontsize": TICKS - 1, "color": colour, "textcoords": "offset points"}
        if upright:
            text |= {"xycoords": axis.get_xaxis_transform(), "xytext": (0, 2), "ha": "center", "va": "bottom"}
        else:
            text |= {"xycoords": axis.get_yaxis_transform(), "xytext": (3, 0), "ha": "left", "va": "center"}
        label = plain_text(rule.label, RULE_NAME)
        axis.annotate(label, (middle, 1) if upright else (1, middle), annotation_clip=False, **text)
    return drawn


def _draw_note(axis: Axes, note: Note, colour: str) -> Any:
    text = plain_text(note.text)
    style: dict[str, Any] = {"color": colour, "fontsize": SMALL, "zorder": 4}
    if note.x is not None and note.y is not None:
        return axis.annotate(text, (note.x, note.y), ha="center", va="bottom", **style)
    across, up, ha, va = _CORNERS[note.corner]
    return axis.text(across, up, text, transform=axis.transAxes, ha=ha, va=va, **style)


def _draw_bars(axis: Axes, bars: Bars, colour: str, palette: Palette) -> Any:
    places = np.arange(len(bars.labels))
    values = np.nan_to_num(column(bars.values))
    colours = [palette.faded if place in bars.faded else colour for place in places]
    whiskers = column(bars.deviations) if bars.deviations else None
    style: dict[str, Any] = {"color": colours, "error_kw": {"ecolor": palette.ink, "elinewidth": 1}}
    ends = (-0.6, len(places) - 0.4)
    if bars.across:
        axis.set_ylim(ends[::-1])
        axis.axvline(0, color=palette.rule, linewidth=1, zorder=0)
        return axis.barh(places, values, height=BAR, xerr=whiskers, **style)
    axis.set_xlim(ends)
    axis.axhline(0, color=palette.rule, linewidth=1, zorder=0)
    return axis.bar(places, values, width=BAR, yerr=whiskers, **style)


def _draw_matrix(axis: Axes, matrix: Matrix, palette: Palette) -> Any:
    cells = np.ma.masked_invalid(np.array(matrix.values, dtype=np.float64))
    rows, columns = cells.shape
    (left, right), (first, last) = matrix.x or (-0.5, columns - 0.5), matrix.y or (-0.5, rows - 0.5)
    low, high = matrix.limits()
    colours = colour_map(matrix, palette)
    if axis.get_xscale() == axis.get_yscale() == "linear":
        bottom, top = (first, last) if matrix.upward else (last, first)
        style: dict[str, Any] = {"origin": "lower" if matrix.upward else "upper", "interpolation": "nearest"}
        drawn: Any = axis.imshow(
            cells, aspect="auto", extent=(left, right, bottom, top), vmin=low, vmax=high, cmap=colours, **style
        )
    else:  # where an image would be drawn as if the axis were linear
        edges = np.linspace(left, right, columns + 1), np.linspace(first, last, rows + 1)
        drawn = axis.pcolormesh(*edges, cells, vmin=low, vmax=high, cmap=colours, rasterized=True)
        if not matrix.upward:
            axis.set_ylim(last, first)
    edge = "black" if matrix.diverging else palette.ink  # the middle of such a scale is white in each theme
    for frame in matrix.frames:
        side = frame.last - frame.first + 1
        corner = (frame.first - 0.5, frame.first - 0.5)
        axis.add_patch(Rectangle(corner, side, side, fill=False, edgecolor=edge, linewidth=1.4, zorder=4))
    if matrix.written:
        _write_cells(axis, cells, (left, right), (first, last), drawn)
    return drawn


def _write_cells(axis: Axes, cells: Any, x: tuple[float, float], y: tuple[float, float], drawn: Any) -> None:
    rows, columns = cells.shape
    across, up = (x[1] - x[0]) / columns, (y[1] - y[0]) / rows
    missing = np.ma.getmaskarray(cells)
    for (row, place), value in np.ndenumerate(cells.data):
        if not missing[row, place]:
            red, green, blue, _ = drawn.to_rgba(value)
            # What is read on a cell is black or white, as its luminance asks for, whatever the theme; nearly so, since
            # those two are colours of themes as well, of which another picture has others.
            ink = "#010101" if 0.299 * red + 0.587 * green + 0.114 * blue > 0.55 else "#fefefe"
            middle = (x[0] + (place + 0.5) * across, y[0] + (row + 0.5) * up)
            axis.text(*middle, f"{value:.3g}", color=ink, ha="center", va="center", fontsize=LEGEND, gid=CELL)


def colour_map(matrix: Matrix, palette: Palette) -> Any:
    """The colours of a matrix, red for what is large where they have a middle; what is missing is grey."""
    known = {name.lower(): name for name in mpl.colormaps}
    wanted = f"{palette.diverging}_r" if matrix.diverging else palette.sequential
    return mpl.colormaps[known[wanted.lower()]].with_extremes(bad=palette.faded)
