"""The marks of a panel: what is drawn, in data's own units, without a word on how.

Colours are no part of a mark but its role: `series` counts the series that a legend tells apart, `muted` is what stands
behind them, `warning` what a reader must not miss.  Whoever draws has the colours, light and dark, in one palette.
"""

from __future__ import annotations

from typing import Annotated, Literal, Self, TypeVar

from pydantic import Field, model_validator

from pfd.views.text import Finite, Line, Number, Numbers, Rows, Title, ViewModel, Words

Role = Literal["series", "muted", "ink", "warning"]

M = TypeVar("M", bound=ViewModel)

MOST_POINTS = 20_000_000
MOST_CELLS, MOST_WRITTEN = 1_000_000, 1_024
"""Cells of a matrix, and of one whose numbers are written in them."""


class _Mark(ViewModel):
    name: Line = Field(default="", description="In the legend, where it has one.")
    role: Role = "series"
    series: int | None = Field(
        default=None, ge=0, description="The number of its colour; that of its place among the named marks otherwise."
    )


class Curve(_Mark):
    """A line through points, in the order given; None breaks it.

    `stroke` tells curves apart where colours cannot; by default it goes with the number of the series.
    """

    mark: Literal["curve"] = "curve"
    x: Numbers
    y: Numbers
    stroke: Literal["solid", "dashed", "dotted"] | None = None
    width: Finite = Field(default=1.6, gt=0, le=12, description="Points.")
    steps: bool = False

    @model_validator(mode="after")
    def _same_length(self) -> Self:
        return _require_lengths(self, x=self.x, y=self.y)


class Band(_Mark):
    """The area between two curves over the same points."""

    mark: Literal["band"] = "band"
    x: Numbers
    low: Numbers
    high: Numbers

    @model_validator(mode="after")
    def _same_length(self) -> Self:
        return _require_lengths(self, x=self.x, low=self.low, high=self.high)


class Bars(_Mark):
    """One bar for each of `labels`, the first on top or on the left, with the deviation in either direction.

    `faded` are the numbers of bars that stand behind the others.
    """

    mark: Literal["bars"] = "bars"
    labels: Words
    values: Numbers
    deviations: Numbers = ()
    faded: frozenset[int] = frozenset()
    across: bool = Field(default=True, description="Whether they lie, with their names on the left.")

    @model_validator(mode="after")
    def _same_length(self) -> Self:
        if self.deviations:
            _require_lengths(self, values=self.values, deviations=self.deviations)
        return _require_lengths(self, labels=self.labels, values=self.values)


class Points(_Mark):
    """Points without a line."""

    mark: Literal["points"] = "points"
    x: Numbers
    y: Numbers
    size: Finite = Field(default=4.0, gt=0, le=30, description="Points across.")

    @model_validator(mode="after")
    def _same_length(self) -> Self:
        return _require_lengths(self, x=self.x, y=self.y)


class Frame(ViewModel):
    """A square of a matrix that is framed: from the cell `first` to `last`, both in it, on the diagonal."""

    first: int = Field(ge=0)
    last: int = Field(ge=0)


class Matrix(_Mark):
    """Cells in colours, the first row on top, or at the bottom where `upward`.

    `x` and `y` are the values at the first and the last edge of columns and rows; without them cells are counted from
    -0.5 on.  `row_labels` and `column_labels` name each of them instead.  `diverging` scales have a middle, which is 0.
    `written` shows the number in each cell.
    """

    mark: Literal["matrix"] = "matrix"
    values: Rows
    label: Title = Field(description="What the colours mean, with its unit.")
    x: tuple[Finite, Finite] | None = None
    y: tuple[Finite, Finite] | None = None
    row_labels: Words = ()
    column_labels: Words = ()
    low: Number = None
    high: Number = None
    diverging: bool = False
    upward: bool = False
    written: bool = False
    frames: tuple[Frame, ...] = ()

    @model_validator(mode="after")
    def _is_square(self) -> Self:
        widths = {len(row) for row in self.values}
        if len(widths) != 1 or widths == {0}:
            raise ValueError("a matrix has rows of one length, and at least one cell")
        if (cells := len(self.values) * len(self.values[0])) > MOST_CELLS:
            raise ValueError(f"{cells} cells, more than {MOST_CELLS}: show the mean of blocks of them")
        if self.written and cells > MOST_WRITTEN:
            raise ValueError(f"numbers written in {cells} cells, more than {MOST_WRITTEN}: leave written out")
        if self.row_labels and len(self.row_labels) != len(self.values):
            raise ValueError(f"{len(self.row_labels)} row_labels for {len(self.values)} rows")
        if self.column_labels and len(self.column_labels) != len(self.values[0]):
            raise ValueError(f"{len(self.column_labels)} column_labels for {len(self.values[0])} columns")
        return self

    def limits(self) -> tuple[float, float]:
        """The values at both ends of the colours: as given, or else of the cells; of a diverging scale around 0."""
        present = [cell for row in self.values for cell in row if cell is not None]
        low = self.low if self.low is not None else min(present, default=0.0)
        high = self.high if self.high is not None else max(present, default=1.0)
        if self.diverging:
            most = max(abs(low), abs(high))
            return -most, most
        return low, high


class Rule(_Mark):
    """A line across the panel: upright at a value of `x`, or level at one of `y`; `to` makes a shaded strip of it.

    `label` stands at its end, above or to the right of the panel.
    """

    mark: Literal["rule"] = "rule"
    x: Number = None
    y: Number = None
    to: Number = None
    stroke: Literal["solid", "dashed", "dotted"] = "dashed"
    width: Finite = Field(default=1.0, gt=0, le=12)
    label: Line = ""

    @model_validator(mode="after")
    def _one_of_both(self) -> Self:
        if (self.x is None) == (self.y is None):
            raise ValueError("a rule stands at a value of x, or at one of y")
        return self


class Diagonal(_Mark):
    """The line from the lower left corner of the unit square to the upper right one: a guess at chance."""

    mark: Literal["diagonal"] = "diagonal"
    role: Role = "muted"


class Note(_Mark):
    """A text within the panel: at a point of the data, or in a corner."""

    mark: Literal["note"] = "note"
    text: Title
    role: Role = "muted"
    x: Number = None
    y: Number = None
    corner: Literal["upper left", "upper right", "lower left", "lower right"] = "upper right"


Mark = Annotated[
    Curve | Band | Bars | Points | Matrix | Rule | Diagonal | Note,
    Field(discriminator="mark"),
]


def _require_lengths(mark: M, **columns: tuple[object, ...]) -> M:
    lengths = {name: len(column) for name, column in columns.items()}
    if len(set(lengths.values())) > 1:
        raise ValueError(", ".join(f"{number} values of {name}" for name, number in lengths.items()))
    if max(lengths.values()) > MOST_POINTS:
        raise ValueError(f"{max(lengths.values())} points, more than {MOST_POINTS}")
    return mark
