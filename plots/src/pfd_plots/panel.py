"""One panel on its axes: its marks, how large it should be, and the room that what belongs to it takes."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from matplotlib.axes import Axes

from pfd.views import Bars, Diagonal, Mark, Matrix, Note, Palette, Panel, role_numbers
from pfd_plots.marks import draw_mark
from pfd_plots.style import TICKS

ROW = 0.21
"""Height of a lying bar or of a named row of a matrix, inches."""

SQUARE = 0.17
"""Side of a cell of a matrix that has names on both sides."""

DOT = 0.04
"""Side of a cell of a square matrix that has none, where there are hundreds of them."""

WRITTEN = 0.5
"""Width of a cell that a number is written in."""

LOWEST, HIGHEST, TALLEST = 1.9, 2.9, 24.0
"""Height of a panel of curves, from narrow to wide ones; of any panel, at most; inches."""

SCALE, SCALE_GAP = 0.13, 0.10
"""Width of the scale of colours, and what lies between it and the panel, inches."""


@dataclass(frozen=True)
class Overhang:
    """How far what belongs to a panel reaches beyond its axes, inches."""

    left: float = 0.0
    right: float = 0.0
    bottom: float = 0.0
    top: float = 0.0


class DrawnPanel:
    """A panel on its axes.  `width` and `height` of the axes and `over` are in inches."""

    def __init__(self, axis: Axes, panel: Panel, palette: Palette, *, leaky: bool, follows: bool) -> None:
        self.panel = panel
        self.over = Overhang()
        self.width = self.height = 1.0
        self.left = self.bottom = 0.0
        self._apart = 0.0  # the scale of colours from the axes
        self.axis, self.palette = axis, palette
        self.follows = follows  # the axis of y is that of the panel on the left
        self.listed: list[tuple[Any, str, bool]] = []
        self.notes: list[tuple[Any, str]] = []
        self.scale: Axes | None = None
        self.meaning = ""  # of its colours
        self.matrix: Any = None
        self.leaky = leaky or (panel.provenance is not None and panel.provenance.leaky)

    # -- what is in it

    def draw(self) -> None:
        """Draw all marks and the frame."""
        axis, panel = self.axis, self.panel
        axis.set_xscale(panel.x.scale)
        axis.set_yscale(panel.y.scale)
        for mark, number in zip(panel.marks, role_numbers(panel), strict=True):
            drawn = draw_mark(axis, mark, number, self.palette)
            if isinstance(mark, Note):
                self.notes.append((drawn, mark.text))
            elif mark.name and not isinstance(mark, Matrix):
                self.listed.append((drawn, mark.name, isinstance(mark, Diagonal)))
            if isinstance(mark, Matrix):
                self.matrix = drawn
        self._set_limits()
        self._frame()

    def add_scale(self) -> None:
        """Give the colours of a matrix their scale, in axes of their own."""
        matrices = [mark for mark in self.panel.marks if isinstance(mark, Matrix)]
        if matrices:
            figure: Any = self.axis.figure
            self.scale = figure.add_axes((0, 0, 0.1, 0.1), facecolor=self.palette.paper)
            lying = "horizontal" if self.panel.legend_below else "vertical"
            figure.colorbar(self.matrix, cax=self.scale, orientation=lying).outline.set_visible(False)
            self.scale.tick_params(colors=self.palette.muted, length=0, labelsize=TICKS)
            self.meaning = matrices[-1].label

    def _set_limits(self) -> None:
        axis, x, y = self.axis, self.panel.x, self.panel.y
        if not any(isinstance(mark, Bars) for mark in self.panel.marks):
            axis.margins(x=0)
        if x.low is not None or x.high is not None:
            axis.set_xlim(x.low, x.high)
        if y.low is not None or y.high is not None:
            axis.set_ylim(y.low, y.high)
        if self.panel.equal:
            axis.set_aspect("equal", anchor="NW")

    def _frame(self) -> None:
        axis, palette = self.axis, self.palette
        axis.set_facecolor(palette.paper)
        for name, along in (("x", axis.xaxis), ("y", axis.yaxis)):
            if self.matrix is None and not names_along(self.panel.marks, name):
                along.grid(color=palette.rule, linewidth=0.8)
        axis.set_axisbelow(True)
        axis.tick_params(which="both", colors=palette.muted, length=0, labelsize=TICKS)
        for side, spine in axis.spines.items():
            spine.set_visible(self.leaky or side in ("bottom", "left"))
            spine.set(color=palette.warning if self.leaky else palette.rule, linewidth=1.6 if self.leaky else 0.9)
        for along in (axis.xaxis, axis.yaxis):
            along.get_offset_text().set(color=palette.muted, fontsize=TICKS)

    # -- how large it is

    def wanted_height(self, width: float) -> float:
        """How high axes of this width should be."""
        low, high = self.axis.get_ylim()
        if self.panel.equal:
            left, right = self.axis.get_xlim()
            return min(3 * width, TALLEST, width * abs((high - low) / ((right - left) or 1.0)))
        rows = len(names_along(self.panel.marks, "y"))
        curves = min(HIGHEST, max(LOWEST, 0.5 * width))
        return min(TALLEST, max(ROW * rows, 0.6 if rows else curves))

    def wanted_width(self) -> float:
        """How wide it looks well, with all that stands beside its axes."""
        lying = [mark for mark in self.panel.marks if isinstance(mark, Bars) and mark.across]
        if lying:
            return 3.4 if self.follows else 4.8
        return 5.0 if self.panel.equal else 6.2

    def needed_width(self) -> float:
        """How wide it has to be for the names and cells that stand side by side in it."""
        needed = 0.0
        for mark in self.panel.marks:
            if isinstance(mark, Bars) and not mark.across:
                needed = max(needed, 1.2 + ROW * len(mark.labels))
            if isinstance(mark, Matrix):
                side = WRITTEN if mark.written else SQUARE if mark.column_labels else DOT if self.panel.equal else 0.0
                needed = max(needed, 2.6 + side * len(mark.values[0]))
        return needed

    def place(self, left: float, bottom: float, width: float, height: float) -> None:
        """Put the axes at this place of the figure."""
        self.left, self.bottom, self.width, self.height = left, bottom, width, height
        self._put(self.axis, left, bottom, width, height)

    def place_scale(self) -> None:
        """Put the scale of colours beside the axes, or below what is written below them."""
        if self.scale is None:
            return
        if self.panel.legend_below:
            below = self._apart + SCALE_GAP + SCALE
            self._put(self.scale, self.left + 0.25 * self.width, self.bottom - below, 0.5 * self.width, SCALE)
        else:
            beside = self.left + self.width + self._apart + SCALE_GAP
            self._put(self.scale, beside, self.bottom, SCALE, self.height)

    def measure(self) -> None:
        """Learn how far ticks, labels and the scale of colours reach."""
        self.over = self._reach(self.axis)
        if self.scale is not None:
            self._apart = self.over.bottom if self.panel.legend_below else self.over.right
            self.place_scale()
            self.over = self._reach(self.axis, self.scale)

    def _put(self, axis: Axes, left: float, bottom: float, width: float, height: float) -> None:
        all_width, all_height = self._inches()
        axis.set_position((left / all_width, bottom / all_height, width / all_width, height / all_height))

    def _inches(self) -> tuple[float, float]:
        figure: Any = self.axis.figure
        width, height = figure.get_size_inches()
        return float(width), float(height)

    def _reach(self, *axes: Axes) -> Overhang:
        figure: Any = self.axis.figure
        renderer = figure.canvas.get_renderer()
        boxes = [box for axis in axes if (box := axis.get_tightbbox(renderer)) is not None]
        inner = self.axis.get_window_extent()
        left, bottom, right, top = (
            min(box.x0 for box in boxes),
            min(box.y0 for box in boxes),
            max(box.x1 for box in boxes),
            max(box.y1 for box in boxes),
        )
        beyond = (inner.x0 - left, right - inner.x1, inner.y0 - bottom, top - inner.y1)
        # To a hundredth of an inch, so that a second look finds the same.
        return Overhang(*(max(0.0, math.ceil(100 * float(one) / figure.dpi) / 100) for one in beyond))


def names_along(marks: Sequence[Mark], along: str) -> tuple[str, ...]:
    """The names of bars, rows or columns along one of the axes."""
    for mark in marks:
        if isinstance(mark, Bars) and mark.across == (along == "y"):
            return mark.labels
        if isinstance(mark, Matrix) and (named := mark.row_labels if along == "y" else mark.column_labels):
            return named
    return ()
