"""Where panels stand in a picture of Plotly's, which leaves that to whoever makes it: by pixels, as texts take them."""

from __future__ import annotations

import math
import textwrap
from collections.abc import Sequence
from typing import NamedTuple

from pfd.views.figure import Figure, Panel
from pfd.views.marks import Bars, Matrix, Rule

IN_A_ROW = 3

USUAL, NARROWEST = 960, 250
"""Pixels: the width of a picture where none is given, and that of a panel, below which fewer stand in a row."""

LINE = 15
"""Pixels of a line of small text."""

EDGE, _MARGIN_LEFT, _MARGIN_RIGHT = 12, 70, 30
_LETTER = 6.2
"""Pixels of a letter of a name beside an axis, on average."""

_CURVES, _ROW, _LEAST, _MOST = 250, 20, 110, 900
_AXIS, _SCALE = 55, 60
_BETWEEN_X, _BETWEEN_Y = 95, 12


class Place(NamedTuple):
    """Of the axes of a panel, in shares of the picture; `below` is where what belongs to it ends."""

    x: tuple[float, float]
    y: tuple[float, float]
    below: float


class Grid:
    """The places of all panels of a figure.

    Attributes
    ----------
    columns : panels in a row.
    places : one a panel.
    plot_height : pixels from the top of the titles of the first row to the foot of the last one.
    """

    def __init__(self, figure: Figure, width: int | None) -> None:
        self._figure = figure
        labels = [
            len(mark.label) for panel in figure.panels for mark in panel.marks if isinstance(mark, Rule) and mark.y
        ]
        self.margin_right = _MARGIN_RIGHT + 6 * max(labels, default=0)
        self._whole = width or USUAL
        columns = figure.columns or min(IN_A_ROW, len(figure.panels))
        self.columns = columns if width is None else max(1, min(columns, self._whole // NARROWEST))
        panels = figure.panels
        first, others = panels[:: self.columns], [one for at, one in enumerate(panels) if at % self.columns]
        self.margin_left = min(max(_MARGIN_LEFT, *map(_beside, first)), round(0.45 * self._whole))
        self._between = _BETWEEN_X if figure.share_y or not others else max(_BETWEEN_X, *map(_beside, others))
        self._width = self._whole - self.margin_left - self.margin_right
        self._rows = [panels[first : first + self.columns] for first in range(0, len(panels), self.columns)]
        self._widths = [self._row_widths(row) for row in self._rows]
        sized = list(zip(self._rows, self._widths, strict=True))
        self._heads = [max(map(self.head, row, widths)) for row, widths in sized]
        self._axes = [max(map(_height, row, widths)) for row, widths in sized]
        self._feet = [max(map(foot, row, widths)) for row, widths in sized]
        self.plot_height = sum((*self._heads, *self._axes, *self._feet)) + _BETWEEN_Y * (len(self._rows) - 1)
        self.places = self._placed()

    def wrapped(self, texts: Sequence[str], pixels: float | None = None, letter: float = 6.0) -> list[str]:
        """Lines that fit into so many pixels, into the whole picture by default."""
        room = max(20, int((pixels or self._whole - 2 * EDGE) / letter))
        return [line for text in texts for line in textwrap.wrap(text, room) or [""]]

    def head_lines(self, panel: Panel, pixels: float) -> tuple[list[str], list[str], list[str], list[str]]:
        """What stands above a panel, from below: that it leaks, what must not be missed, scores, and its title."""
        split = panel.provenance
        leaky = split is not None and split.leaky
        strip = self.wrapped([f"LEAKY SPLIT: {split.text}"], pixels, 7.0) if split is not None and leaky else []
        grave = self.wrapped([f"CAUTION: {text}" for text in panel.cautions], pixels, 6.5)
        small = [*panel.lines, *([split.text] if split is not None and not leaky else [])]
        title = self.wrapped([panel.title], pixels, 7.5) if panel.title else []
        return strip, grave, self.wrapped(small, pixels), title

    def head(self, panel: Panel, pixels: float) -> int:
        """Pixels of what stands above a panel, labels of rules included."""
        lines = sum(map(len, self.head_lines(panel, pixels)))
        return 12 + LINE * lines + self.above_rules(panel)

    def above_rules(self, panel: Panel) -> int:
        """Pixels of the labels that stand at the upper ends of rules."""
        return LINE if any(isinstance(mark, Rule) and mark.label and mark.x is not None for mark in panel.marks) else 0

    def panel_width(self, number: int) -> float:
        """Pixels of the axes of a panel, where the picture is as wide as was said."""
        row, column = divmod(number, self.columns)
        return self._widths[row][column]

    def names_apart(self, number: int, count: int, *, along: str) -> int:
        """Of so many names along an axis of a panel, each how many-th can be written."""
        row = number // self.columns
        width, height = self.panel_width(number), float(self._axes[row])
        room = min(width, height) if self._figure.panels[number].equal else width if along == "x" else height
        return max(1, math.ceil(LINE * 0.8 * count / room))

    def _row_widths(self, row: Sequence[Panel]) -> list[float]:
        shares = [panel.share for panel in row] + [1.0] * (self.columns - len(row))
        room = self._width - self._between * (self.columns - 1)
        return [room * share / sum(shares) for share in shares][: len(row)]

    def _placed(self) -> list[Place]:
        found = []
        at = float(self.plot_height)
        for row, widths, head, height, foot in zip(
            self._rows, self._widths, self._heads, self._axes, self._feet, strict=True
        ):
            top, left = at - head, 0.0
            for _, width in zip(row, widths, strict=True):
                x = (left / self._width, min(1.0, (left + width) / self._width))
                y = (max(0.0, (top - height) / self.plot_height), min(1.0, top / self.plot_height))
                found.append(Place(x, y, max(0.0, (top - height - foot) / self.plot_height)))
                left += width + self._between
            at = top - height - foot - _BETWEEN_Y
        return found


def _beside(panel: Panel) -> int:
    """Pixels on the left of the axes of a panel, for the names along it and the label of its axis."""
    names = [label for mark in panel.marks if isinstance(mark, Bars) and mark.across for label in mark.labels]
    names += [label for mark in panel.marks if isinstance(mark, Matrix) for label in mark.row_labels]
    longest = max(map(len, (*names, *panel.y.tick_labels)), default=0)
    return round(34 + _LETTER * longest) if longest else 0


def _height(panel: Panel, width: float) -> int:
    """Pixels of the axes of a panel."""
    rows = [len(mark.labels) for mark in panel.marks if isinstance(mark, Bars) and mark.across]
    rows += [len(mark.row_labels) for mark in panel.marks if isinstance(mark, Matrix)]
    named = max(rows, default=0)
    if panel.equal:
        cells = [len(mark.values) / len(mark.values[0]) for mark in panel.marks if isinstance(mark, Matrix)]
        side = min(max(420, _ROW * named), width)
        return math.ceil(min(_MOST, max(_LEAST, side * max(cells, default=1.0))))
    return min(_MOST, max(_LEAST, _ROW * named)) if named else _CURVES


def foot(panel: Panel, width: float) -> int:
    """Pixels of what stands below the axes of a panel: its labels, its legend, the scale of its colours."""
    listed = sum(bool(mark.name) for mark in panel.marks if not isinstance(mark, Matrix))
    legend = 19 * (listed + bool(panel.legend)) + 8 if listed else 0
    has_scale = panel.legend_below and any(isinstance(mark, Matrix) for mark in panel.marks)
    return under(panel, width) + legend + (_SCALE if has_scale else 0)


def under(panel: Panel, width: float) -> int:
    """Pixels of the numbers, names and the label below the axes of a panel."""
    names = [len(label) for mark in panel.marks if isinstance(mark, Matrix) for label in mark.column_labels]
    names += [len(label) for mark in panel.marks if isinstance(mark, Bars) and not mark.across for label in mark.labels]
    longest = 6 * max(names, default=0)
    return _AXIS + (longest if len(names) * longest > width else 0)  # they are turned where they do not fit
