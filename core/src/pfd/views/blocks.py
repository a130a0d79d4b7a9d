"""Blocks: what the result of a task is shown as, in a terminal, a report, a notebook or a dashboard."""

from __future__ import annotations

from typing import Annotated, Literal, Self

from pydantic import BeforeValidator, Field, StrictBool, StrictFloat, StrictInt, TypeAdapter, model_validator

from pfd.views.figure import Figure
from pfd.views.link import Link
from pfd.views.text import Line, Lines, Number, Title, ViewModel, as_number

MOST_ROWS, MOST_COLUMNS = 100_000, 200

Cell = Annotated[
    StrictBool | StrictInt | StrictFloat | Line | Link | None,
    Field(union_mode="left_to_right"),
    BeforeValidator(as_number),
]
"""What stands in a table: scalars of NumPy become Python's own, NaN and infinities None."""


class Metric(ViewModel):
    """A figure that counts.  `low` and `high` bound its confidence interval; `baseline` is what a guess reaches."""

    name: Title
    value: Cell
    unit: Line = ""
    low: Number = None
    high: Number = None
    baseline: Number = None
    note: Line = ""


class Metrics(ViewModel):
    """The figures of a result, the most telling first."""

    block: Literal["metrics"] = "metrics"
    title: Line = ""
    items: tuple[Metric, ...] = Field(min_length=1, max_length=MOST_COLUMNS)


class Column(ViewModel):
    """A column of a table, with the unit of its numbers."""

    name: Title
    unit: Line = ""


def columns(*named: str | tuple[str, str]) -> tuple[Column, ...]:
    """Columns by their names, or by name and unit."""
    pairs = ((one, "") if isinstance(one, str) else one for one in named)
    return tuple(Column(name=name, unit=unit) for name, unit in pairs)


class Table(ViewModel):
    """Rows under named columns; a cell is a text, a number, a truth value, a link, or nothing.

    `more` says how many rows were left out.
    """

    block: Literal["table"] = "table"
    title: Line = ""
    columns: tuple[Column, ...] = Field(min_length=1, max_length=MOST_COLUMNS)
    rows: tuple[tuple[Cell, ...], ...] = Field(default=(), max_length=MOST_ROWS)
    more: int = Field(default=0, ge=0)
    note: Line = ""

    @model_validator(mode="after")
    def _is_rectangular(self) -> Self:
        for number, row in enumerate(self.rows):
            if len(row) != len(self.columns):
                raise ValueError(f"row {number} has {len(row)} cells for {len(self.columns)} columns")
        return self


class Image(ViewModel):
    """A picture among the artifacts of the job, PNG or SVG."""

    block: Literal["image"] = "image"
    artifact: Title
    alt: Title
    title: Line = ""


class Text(ViewModel):
    """Sentences; an empty line parts paragraphs.  It is text, and no markup."""

    block: Literal["text"] = "text"
    text: Lines
    title: Line = ""


class Warning(ViewModel):  # noqa: A001  (the block's name on the wire and in every client)
    """What a reader must not miss."""

    block: Literal["warning"] = "warning"
    text: Title


class Download(ViewModel):
    """A file among the artifacts of the job."""

    block: Literal["download"] = "download"
    artifact: Title
    label: Line = ""


Block = Annotated[
    Metrics | Table | Figure | Image | Text | Warning | Download,
    Field(discriminator="block"),
]

BLOCKS: TypeAdapter[tuple[Block, ...]] = TypeAdapter(tuple[Block, ...])
"""Validates a list of blocks, and reads it from JSON."""
