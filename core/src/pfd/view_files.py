"""Views as files among the artifacts of a job, and the pictures that a program with `pfd-plots` makes of them."""

from __future__ import annotations

import importlib
import importlib.util
import logging
from collections.abc import Callable
from pathlib import Path
from types import ModuleType
from typing import TypeVar

from pydantic import ValidationError

from pfd.artifacts import replacing
from pfd.characters import one_line
from pfd.csv_tables import write_csv
from pfd.errors import ArtifactError
from pfd.views.blocks import Table
from pfd.views.figure import Figure
from pfd.views.link import Link

FIGURE, TABLE = ".figure.json", ".table.json"

MOST_BYTES = 32 * 1024 * 1024
"""Of a file that is read as a view."""

DRAWER = "pfd_plots"

T = TypeVar("T", Figure, Table)


def drawer() -> ModuleType | None:
    """The package that makes pictures of figures; None where it is not installed."""
    return importlib.import_module(DRAWER) if importlib.util.find_spec(DRAWER) else None


def write_figure(
    artifact: Callable[[str], Path], name: str, figure: Figure, log: logging.Logger, *, pictures: bool = True
) -> None:
    """Write a figure as JSON and, where that can be drawn here and is asked for, as pictures."""
    _require_name(name)
    figure = figure.decimated()
    _write(artifact(f"{name}{FIGURE}"), figure.model_dump_json().encode())
    if not pictures:
        return
    files = [artifact(f"{name}{suffix}") for suffix in (".png", ".svg")]
    try:
        if (drawing := drawer()) is None:
            log.info("no pictures of %s are made here: pip install pfd-plots", name)
        else:
            drawing.save(figure, *files)
    except Exception as error:  # a fault of the drawing, or of a library below it: the figure itself is kept
        for path in files:  # of an earlier figure of that name
            path.unlink(missing_ok=True)
        log.warning("no picture of %s can be drawn: %s", name, one_line(f"{type(error).__name__}: {error}"))


def write_table(artifact: Callable[[str], Path], name: str, table: Table) -> None:
    """Write a table as JSON and as CSV."""
    _require_name(name)
    _write(artifact(f"{name}{TABLE}"), table.model_dump_json().encode())
    header = [f"{column.name}, {column.unit}" if column.unit else column.name for column in table.columns]
    rows = ([cell.text if isinstance(cell, Link) else cell for cell in row] for row in table.rows)
    write_csv(artifact(f"{name}.table.csv"), header, rows)


def as_view(name: str, content: bytes, kind: type[T]) -> T:
    """A view from what its file holds.  Raises `ArtifactError`, which names it, where that is damaged."""
    try:
        return kind.model_validate_json(content)
    except (ValidationError, RecursionError) as error:
        said = error.errors(include_url=False, include_input=False)[0] if isinstance(error, ValidationError) else None
        where = ".".join(str(part) for part in said["loc"]) if said else ""
        what = one_line(f"{where}: {said['msg']}" if said else "nested too deep")
        raise ArtifactError(f"{name} is no {kind.__name__.lower()}: {what}", hint="run the job again") from error


def _require_name(name: str) -> None:
    if not name or name.endswith("/"):
        raise ArtifactError(f"{name!r} names no file", hint="name a figure or a table, such as 'spectrum'")


def _write(path: Path, data: bytes) -> None:
    if len(data) > MOST_BYTES:
        raise ArtifactError(
            f"{path.name} would have {len(data)} bytes, more than {MOST_BYTES}",
            hint="keep fewer rows or cells; all of them can be an artifact in a format of their own",
        )
    with replacing(path) as temporary:
        temporary.write_bytes(data)
