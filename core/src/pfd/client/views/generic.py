"""The view of any job: its figures, tables and series, and its result field by field."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from pfd.client.views.job_view import JobView
from pfd.errors import ArtifactError
from pfd.job import ENDED
from pfd.series.reader import Point
from pfd.view_files import FIGURE, TABLE
from pfd.views import (
    Axis,
    Block,
    Column,
    Curve,
    Download,
    Figure,
    Image,
    Metric,
    Metrics,
    Panel,
    Table,
    Text,
    Warning,  # noqa: A004
    kept,
)
from pfd.views.text import LARGEST

PICTURES = (".png", ".svg")
MOST_ROWS, MOST_COLUMNS = 1_000, 60
MOST_FILES, MOST_PANELS, MOST_CURVES = 50, 40, 60
BESIDE = 8
"""Single values that stand beside each other."""

MOST_NESTED = 20
"""Rows whose own tables are shown."""


def blocks(view: JobView) -> Iterator[Block]:
    """All there is to see of a job, the most telling first; a part that cannot be shown says so."""
    for part in (JobView.standing, of_result, of_files, of_series, downloads):
        try:
            found = list(part(view))
        except Exception as error:  # of foreign results, files and rows anything may be true
            found = [Warning(text=f"a part cannot be shown: {type(error).__name__}: {str(error)[:500]}")]
        yield from found


def of_result(view: JobView) -> Iterator[Block]:
    """The result: sentences as warnings, single values as metrics, lists of objects as tables."""
    result, said = dict(view.result), []
    for name in view.declared.lines:
        said += _sentences(result, name)
    yield from (Warning(text=text) for text in dict.fromkeys(said) if text.strip())
    first = [name for name in view.declared.fields if name in result]
    names = [*first, *(name for name in result if name not in first)]
    single = [Metric(name=name, value=result[name]) for name in names if _is_scalar(result[name]) and name.strip()]
    for start in range(0, len(single), MOST_COLUMNS):
        yield Metrics(items=tuple(single[start : start + MOST_COLUMNS]))
    for name in names:
        if name.strip():
            yield from _of_value(name, result[name])


def of_files(view: JobView) -> Iterator[Block]:
    """Figures, tables and pictures that the task has kept; one that is damaged is told of."""
    for name in view.figures:
        yield _unless_damaged(view.figure, name)
    for name in view.tables:
        yield _unless_damaged(view.table, name)
    drawn = set(view.figures)
    seen: set[str] = set()
    for name in view.files:
        stem = next((name.removesuffix(suffix) for suffix in PICTURES if name.endswith(suffix)), None)
        if stem is not None and stem not in drawn | seen:
            seen.add(stem)
            yield Image(artifact=name, alt=f"A picture of the job: {stem}", title=stem)


def of_series(view: JobView) -> Iterator[Block]:
    """One figure of all series: a panel for what is measured alike, as `train_loss` and `val_loss` are."""
    series = view.all_points()
    panels = [panel for name, points in series.items() for panel in _panels(name, points)]
    if panels:
        shown = ", ".join(dict.fromkeys(panel.title for panel in panels))
        yield Figure(
            title="Recorded while the task ran" if view.job.state in ENDED else "Recorded so far",
            alt=f"What the task has recorded step by step: {shown}.",
            panels=tuple(panels[:MOST_PANELS]),
            columns=min(2, len(panels)),
            notes=(f"{len(panels) - MOST_PANELS} more panels are not shown.",) if len(panels) > MOST_PANELS else (),
        )


def downloads(view: JobView) -> Iterator[Block]:
    """The files that are shown in no other block."""
    files = [name for name in view.files if not name.endswith((FIGURE, TABLE, *PICTURES))]
    for name in files[:MOST_FILES]:
        yield Download(artifact=name)
    if len(files) > MOST_FILES:
        yield Text(text=f"… and {len(files) - MOST_FILES} more files")


def _unless_damaged(read: Any, name: str) -> Block:
    try:
        found: Block = read(name)
    except ArtifactError as error:
        return Warning(text=str(error))
    return found


def _panels(series: str, points: Sequence[Point]) -> Iterator[Panel]:
    measured: dict[str, list[str]] = {}
    for point in points:
        for name in filter(str.strip, point.values):
            alike = measured.setdefault(name.rpartition("_")[2].strip() or name, [])
            if name not in alike:
                alike.append(name)
    for what, names in measured.items():
        marks = []
        for name in names[:MOST_CURVES]:
            column = [_drawn(point.values.get(name)) for point in points]
            chosen = kept(column)
            steps = [points[index].step for index in chosen]
            marks.append(Curve(x=steps, y=[column[index] for index in chosen], name=name))
        title = series if len(measured) == 1 else f"{series}: {what}"
        yield Panel(title=title, x=Axis(label="step"), y=Axis(label=what), marks=tuple(marks))


def _drawn(value: float | None) -> float | None:
    """A value on a curve; what went beyond all bounds is a gap, as an infinity is."""
    return value if value is None or abs(value) <= LARGEST else None


def _is_scalar(value: object) -> bool:
    return value is None or isinstance(value, bool | int | float | str)


def _of_value(name: str, value: Any) -> Iterator[Block]:
    if isinstance(value, Mapping) and value:
        yield from _of_mapping(name, value)
    elif _is_rows(value):
        yield from _of_rows(name, value)
    elif isinstance(value, list):
        yield Metrics(items=(Metric(name=name, value=_cell(value)),))


def _of_mapping(name: str, value: Mapping[Any, Any]) -> Iterator[Block]:
    """A few single values beside each other, many as a table."""
    pairs = [(str(key), _cell(inner)) for key, inner in value.items() if str(key).strip()]
    if pairs and len(pairs) <= BESIDE and all(_is_scalar(inner) for inner in value.values()):
        yield Metrics(title=name, items=tuple(Metric(name=key, value=inner) for key, inner in pairs))
    elif pairs:
        both = (Column(name="name"), Column(name="value"))
        yield Table(title=name, columns=both, rows=tuple(pairs[:MOST_ROWS]), more=max(0, len(pairs) - MOST_ROWS))


def _of_rows(name: str, rows: Sequence[Mapping[str, Any]]) -> Iterator[Block]:
    """Objects as a table; what is a table within one of them comes below, named after its first field."""
    heads = [head for head in dict.fromkeys(key for row in rows for key in row) if head.strip()][:MOST_COLUMNS]
    nested = [head for head in heads[1:] if any(_is_rows(row.get(head)) for row in rows)]
    flat = [head for head in heads if head not in nested]
    if flat:
        cells = tuple(tuple(_cell(row.get(head)) for head in flat) for row in rows[:MOST_ROWS])
        columns = tuple(Column(name=head) for head in flat)
        yield Table(title=name, columns=columns, rows=cells, more=max(0, len(rows) - MOST_ROWS))
    for row in rows[:MOST_NESTED] if nested else ():
        for head in nested:
            if _is_rows(row.get(head)):
                yield from _of_rows(f"{head} of {heads[0]} {_cell(row.get(heads[0]))}", row[head])


def _is_rows(value: object) -> bool:
    return isinstance(value, list) and bool(value) and all(isinstance(row, Mapping) and row for row in value)


def _cell(value: Any) -> Any:
    """A value within one cell: a list or an object by its items, one behind the other."""
    if _is_scalar(value):
        return value
    if isinstance(value, Mapping):
        return ", ".join(f"{key} {_brief(inner)}" for key, inner in value.items()) or "–"
    return ", ".join(map(_brief, value)) or "–"


def _brief(value: Any) -> str:
    return f"{value:.4g}" if isinstance(value, float) else str(_cell(value))


def _sentences(result: dict[str, Any], name: str) -> list[str]:
    """The list of sentences of that name, taken out of a result and of the objects of its lists."""
    found = [str(text) for text in result.pop(name, ())] if isinstance(result.get(name), list) else []
    for key, value in result.items():
        if isinstance(value, list) and value and all(isinstance(row, Mapping) for row in value):
            rows = [dict(row) for row in value]
            for row in rows:
                if isinstance(row.get(name), list):
                    found += map(str, row.pop(name))
            result[key] = rows
    return found
