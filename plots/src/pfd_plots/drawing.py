"""A whole figure: panels in their places, the heading above and notes below; it grows with what stands in it."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Any

from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.figure import Figure as Picture

from pfd.views import PALETTES, Figure, Palette, Theme
from pfd_plots.captions import write_above
from pfd_plots.labels import write_labels
from pfd_plots.legends import write_legend
from pfd_plots.panel import DrawnPanel, Overhang
from pfd_plots.style import EDGE, GAP_X, GAP_Y, HEADING, SMALL, SPACING, plain_style
from pfd_plots.texts import letters, plain_lines

IN_A_ROW = 3
"""Panels in a row, where a figure says nothing of it."""

NARROWEST = 2.6
"""Width of a panel with all beside it; where there is less room, fewer stand in a row."""

LEAST_WIDTH, MOST_WIDTH = 5.6, 24.0
"""Of a picture that has the width its panels need, inches."""

HEADING_LINES = 3

ROUNDS = 3
"""How often panels are measured, at most: what stands beside axes depends on their size, and their size on that."""

Rows = Sequence[Sequence[DrawnPanel]]


def draw(figure: Figure, theme: Theme = "light", *, width: float | None = None) -> Picture:
    """The figure as one of matplotlib's, on its own canvas: pyplot knows nothing of it.

    `width` in inches is as wide as the panels need by default; the height follows from the texts.
    """
    with plain_style():
        return _Drawing(figure.decimated(), PALETTES[theme], width).drawn()


class _Drawing:
    def __init__(self, figure: Figure, palette: Palette, width: float | None) -> None:
        self._figure, self._palette = figure, palette
        self._picture = Picture(figsize=(8, 8), dpi=130, facecolor=palette.paper)
        FigureCanvasAgg(self._picture)
        self._rows = self._panels(width)
        self._width = width or _natural_width(self._rows)

    def drawn(self) -> Picture:
        everything = [panel for row in self._rows for panel in row]
        for panel in everything:
            panel.draw()
        for panel in everything:
            panel.add_scale()
        self._set_size(self._width)
        self._measured()
        self._written()
        return self._picture

    def _panels(self, width: float | None) -> list[list[DrawnPanel]]:
        figure = self._figure
        columns = figure.columns or min(IN_A_ROW, len(figure.panels))
        if width is not None:
            columns = max(1, min(columns, int(width / NARROWEST)))
        rows = math.ceil(len(figure.panels) / columns)
        grid = self._picture.add_gridspec(rows, columns)
        leaky = figure.provenance is not None and figure.provenance.leaky
        drawn: list[list[DrawnPanel]] = [[] for _ in range(rows)]
        for number, panel in enumerate(figure.panels):
            row, column = divmod(number, columns)
            follows = figure.share_y and column > 0
            axis = self._picture.add_subplot(grid[row, column], sharey=drawn[row][0].axis if follows else None)
            drawn[row].append(DrawnPanel(axis, panel, self._palette, leaky=leaky, follows=follows))
        return drawn

    def _measured(self) -> None:
        """Give axes the room that what stands beside them leaves; that depends on their size, hence the rounds."""
        known: list[Overhang] | None = None
        for _ in range(ROUNDS):
            beside = _beside(self._rows)
            if beside == known:
                break
            known = beside
            room = self._width - 2 * EDGE - GAP_X * (len(beside) - 1)
            left_over = max(0.3 * room, room - sum(over.left + over.right for over in beside))
            for row in self._rows:
                shares = [panel.panel.share for panel in row] + [1.0] * (len(beside) - len(row))
                widths = [left_over * share / sum(shares) for share in shares]
                self._place_row(row, widths, beside, self._room_of_names(room))

    def _room_of_names(self, room: float) -> float:
        """How wide names of rows may be, which stand once a row of the figure where its panels share them."""
        columns = len(self._rows[0])
        return 0.3 * room if self._figure.share_y and columns > 1 else 0.42 * room / columns

    def _place_row(
        self, row: Sequence[DrawnPanel], widths: Sequence[float], beside: Sequence[Overhang], names: float
    ) -> None:
        sized = list(zip(row, widths, beside, strict=False))  # a row that is not full leaves room on its right
        squares = [panel.wanted_height(width) for panel, width, _ in sized if panel.panel.equal]
        height = max(squares or [panel.wanted_height(width) for panel, width, _ in sized])
        left = EDGE
        for panel, width, over in sized:
            panel.place(left + over.left, 1.0, width, panel.wanted_height(width) if panel.panel.equal else height)
            write_labels(panel, names)
            panel.measure()
            left += over.left + width + over.right + GAP_X

    def _written(self) -> None:
        """Write what stands above and below panels, and stack all from the top down."""
        beside = _beside(self._rows)
        above: list[float] = []
        below: list[float] = []
        for row in self._rows:
            rooms = [panel.width + over.right for panel, over in zip(row, beside, strict=False)]
            above.append(max(write_above(panel, room) for panel, room in zip(row, rooms, strict=True)))
            below.append(max(write_legend(panel, room) for panel, room in zip(row, rooms, strict=True)))
        heights = [max(panel.height for panel in row) for row in self._rows]
        head, foot = self._heading(), self._notes()
        room = sum(above) + sum(heights) + sum(below) + GAP_Y * (len(self._rows) - 1)
        total = EDGE + sum(self._inches(text) + gap for text, gap in (*head, *foot)) + room + EDGE
        self._set_size(self._width, total)
        at = total - EDGE
        for text, gap in head:
            text.set_position((EDGE / self._width, at / total))
            at -= self._inches(text) + gap
        for row, up, height, down in zip(self._rows, above, heights, below, strict=True):
            at -= up + height
            for panel in row:
                panel.place(panel.left, at + height - panel.height, panel.width, panel.height)
                panel.place_scale()
            at -= down + GAP_Y
        at += GAP_Y
        for text, gap in foot:
            at -= gap
            text.set_position((EDGE / self._width, at / total))
            at -= self._inches(text)

    def _heading(self) -> list[tuple[Any, float]]:
        """The texts above all panels, each with the gap below it."""
        figure, palette, room = self._figure, self._palette, self._width - 2 * EDGE
        title = "\n".join(plain_lines(figure.title, letters(room, HEADING, bold=True), HEADING_LINES))
        written: list[tuple[Any, float]] = [
            (
                self._picture.suptitle(
                    title, x=0, y=1, ha="left", va="top", fontsize=HEADING, fontweight="bold", color=palette.ink
                ),
                0.12,
            )
        ]
        if figure.provenance is not None and figure.provenance.leaky:
            strip = {"facecolor": palette.warning, "edgecolor": "none", "pad": 2.5}
            style: dict[str, Any] = {"color": palette.paper, "fontweight": "bold", "bbox": strip}
            written.append(
                (self._text([f"LEAKY SPLIT: {figure.provenance.text}"], room - 0.1, bold=True, **style), 0.12)
            )
        if figure.cautions:
            cautions = [f"CAUTION: {text}" for text in figure.cautions]
            written.append((self._text(cautions, room, color=palette.warning), 0.10))
        return written

    def _notes(self) -> list[tuple[Any, float]]:
        """The text below all panels, with the gap above it."""
        figure = self._figure
        texts = [*figure.notes]
        if figure.provenance is not None and not figure.provenance.leaky:
            texts.insert(0, figure.provenance.text)
        return [(self._text(texts, self._width - 2 * EDGE, color=self._palette.muted), 0.18)] if texts else []

    def _text(self, texts: Sequence[str], room: float, *, bold: bool = False, **style: Any) -> Any:
        lines = [line for text in texts for line in plain_lines(text, letters(room, SMALL, bold=bold))]
        return self._picture.text(0, 0, "\n".join(lines), va="top", fontsize=SMALL, linespacing=SPACING, **style)

    def _inches(self, text: Any) -> float:
        canvas: Any = self._picture.canvas
        return float(text.get_window_extent(canvas.get_renderer()).height) / self._picture.dpi

    def _set_size(self, width: float, height: float = 40.0) -> None:
        self._picture.set_size_inches(width, height)


def _natural_width(rows: Rows) -> float:
    """As wide as its widest row, in which each panel has its share and none less than its names and cells need."""
    widths = [LEAST_WIDTH]
    for row in rows:
        shares = [panel.panel.share for panel in row]
        apart = GAP_X * (len(row) - 1) + 2 * EDGE
        widths.append(apart + sum(panel.wanted_width() * panel.panel.share for panel in row) / max(shares))
        widths.append(apart + max(panel.needed_width() * sum(shares) / panel.panel.share for panel in row))
    return min(MOST_WIDTH, max(widths))


def _beside(rows: Rows) -> list[Overhang]:
    """What stands beside the axes of each column, the most of it in any row, so that axes stand below each other."""
    columns = max(len(row) for row in rows)
    found = [[row[column].over for row in rows if column < len(row)] for column in range(columns)]
    return [Overhang(left=max(over.left for over in overs), right=max(over.right for over in overs)) for overs in found]
