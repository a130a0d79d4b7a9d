"""How a job ended, printed: its result, its files, or why it failed."""

from __future__ import annotations

import itertools
import os
import shutil
import textwrap
from collections import Counter
from collections.abc import Collection, Mapping, Sequence
from pathlib import Path
from typing import Any

from pfd.cli import output
from pfd.cli.live import elapsed
from pfd.cli.state import Session
from pfd.console import cut, echo, on_terminal, one_line, print_fields, print_heading, print_json, print_table
from pfd.hints import Hint
from pfd.job import ENDED, Job, State

LONGEST, LONGEST_LIST, MOST_ROWS, MOST_FILES = 2000, 100, 50, 10
"""Characters of one value and of a list, rows of a list of objects, lines of files; `--json` gives all."""

MOST_KEYS = 6
"""Columns that a mapping of numbers may take in a table."""

LEAST_WIDTH = 20
"""Characters of a line of a sentence, however narrow the terminal."""


def show_outcome(session: Session, job: Job, *, as_json: bool) -> None:
    """Print the end of a job.

    Raises
    ------
    JobError : it did not end well; of what kind the error is says how.
    """
    if as_json:
        print_json(as_dict(session, job))
    elif job.state is State.SUCCESS:
        show_result(session, job.task, job.result or {})
        for line in where(list(files(session, job).values())):
            echo(one_line(line))
    require_success(session, job)


def require_success(session: Session, job: Job) -> None:
    """Raise what stands for a bad end of a job; the traceback of its task is printed where `--debug` asks for it."""
    from pfd.client.outcome import failure_of
    from pfd.store.rows import require_end

    require_end(job)
    if job.state is State.SUCCESS:
        return
    if session.debug and job.failure and job.failure.traceback:
        echo(job.failure.traceback, err=True)
    raise failure_of(job)


def files(session: Session, job: Job) -> dict[str, Path]:
    """Where the published files of a job lie."""
    return session.dispatcher.handle(job.id).artifacts


def where(paths: Sequence[Path]) -> list[str]:
    """Lines that say where files lie: one a file, or of many their folder and how many there are."""
    if len(paths) > MOST_FILES:
        return [f"files: {len(paths)} in {os.path.commonpath([path.parent for path in paths])}"]
    return [f"file: {path}" for path in paths]


def as_dict(session: Session, job: Job) -> dict[str, Any]:
    """A job as JSON for other programs; result, failure and files once it has ended."""
    shown: dict[str, Any] = {
        "id": job.id,
        "task": job.task,
        "queue": job.queue,
        "state": job.state.value,
        **job.info,
        "attempt": job.attempt,
        "seconds": elapsed(job),
    }
    if job.state in ENDED:
        failure = job.failure
        shown["result"] = job.result
        hint = failure and failure.hint and Hint(failure.hint).in_shell()
        shown["failure"] = failure and {"type": failure.type, "message": failure.message, "hint": hint}
        shown["artifacts"] = {name: str(path) for name, path in files(session, job).items()}
    return shown


def show_result(session: Session, task: str, result: Mapping[str, Any]) -> None:
    """Print a result: the fields that its plugin thinks worth a line first, then the others."""
    view = session.registry.result_views().get(task)
    result, lines = apart(result, view.lines if view else ())
    first = [name for name in (view.fields if view else ()) if name in result]
    names = [*first, *(name for name in result if name not in first)]
    print_fields({name: brief(result[name]) for name in names if not _is_rows(result[name])})
    for name in filter(lambda name: _is_rows(result[name]), names):
        print_heading(name)
        show_rows(result[name])
    show_lines(lines)


def apart(result: Mapping[str, Any], names: Collection[str]) -> tuple[dict[str, Any], dict[str, list[str]]]:
    """A result without its lists of sentences, and these by name: those of the objects in its lists with the others.

    A sentence that several objects have comes once.
    """
    lines: dict[str, dict[str, None]] = {}

    def without(found: Mapping[str, Any]) -> dict[str, Any]:
        left = {}
        for name, value in found.items():
            if name in names and isinstance(value, list):
                lines.setdefault(name, {}).update(dict.fromkeys(map(str, value)))
            else:
                left[name] = [without(row) for row in value] if _is_rows(value) else value
        return left

    return without(result), {name: list(said) for name, said in lines.items() if said}


def show_lines(lines: Mapping[str, Sequence[str]]) -> None:
    """Print lists of sentences, each whole under its name."""
    for name, said in lines.items():
        print_heading(name)
        for text in said:
            echo(folded(one_line(text)))


def folded(text: str) -> str:
    """A sentence, on a terminal broken at words into lines of its width."""
    if not on_terminal():
        return text
    width = max(LEAST_WIDTH, shutil.get_terminal_size().columns)
    return textwrap.fill(text, width, subsequent_indent="  ", break_on_hyphens=False)


def show_rows(rows: Sequence[Mapping[str, Any]]) -> None:
    """Print objects with the same fields as a table, or one below the other where a terminal is too narrow for one.

    What is a table itself within them comes below, named after the first field of its object.
    """
    shown = rows[:MOST_ROWS]
    first, *others = shown[0]
    nested = [name for name in others if _are_rows([row[name] for row in shown])]
    spread = [_spread({name: row[name] for name in row if name not in nested}, shown) for row in shown]
    columns = list(spread[0])
    cells = [[brief(cell) for cell in row.values()] for row in spread]
    if on_terminal() and not output.fits(columns, cells):
        for number, row in enumerate(cells):
            if number:
                echo()
            print_fields(dict(zip(columns, row, strict=True)))
    else:
        print_table(columns, cells)
    if (more := len(rows) - MOST_ROWS) > 0:
        echo(f"… and {more} more")
    for row, name in itertools.product(shown, nested):
        if row[name]:
            print_heading(f"{name} of {first} {brief(row[first])}")
            show_rows(row[name])


def brief(value: Any, most: int = LONGEST) -> str:
    """A value in at most so many characters."""
    if isinstance(value, list):
        return cut(_listed(value, min(most, LONGEST_LIST)), most)
    return cut(one_line(output.short_value(value)) or "–", most)


def _listed(values: list[Any], most: int) -> str:
    """The items of a list; of a long one those that come first, and how many there are."""
    between = "; " if any(isinstance(value, Mapping | list) for value in values) else ", "
    text, shown = "", 0
    for value in values:
        longer = f"{text}{between if shown else ''}{one_line(output.short_value(value))}"
        if len(longer) > most:
            entries = output.counted(len(values), "entry", "entries")
            return f"{text}{between}… ({entries})" if shown else entries
        text, shown = longer, shown + 1
    return text or "–"


def _spread(row: Mapping[str, Any], rows: Sequence[Mapping[str, Any]]) -> dict[str, Any]:
    """A row of a table, each mapping of numbers in it as a column a key.

    A key is named after its mapping as well where another column has its name.
    """
    keys = {name: _keys([other[name] for other in rows]) for name in row}
    taken = Counter([*(name for name in row if not keys[name]), *itertools.chain.from_iterable(keys.values())])
    spread: dict[str, Any] = {}
    for name, value in row.items():
        for key in keys[name]:
            spread[key if taken[key] == 1 else f"{name}.{key}"] = (value or {}).get(key)
        if not keys[name]:
            spread[name] = value
    return spread


def _keys(values: Sequence[Any]) -> list[str]:
    """The keys of a column of small mappings of numbers; none where it is anything else."""
    keys: dict[str, None] = {}
    for value in values:
        if value is None:
            continue
        if not isinstance(value, Mapping) or not all(
            inner is None or isinstance(inner, int | float) for inner in value.values()
        ):
            return []
        keys |= dict.fromkeys(value)
    return list(keys) if len(keys) <= MOST_KEYS else []


def _are_rows(values: Sequence[Any]) -> bool:
    """Whether values are tables: all that hold anything."""
    return any(values) and all(_is_rows(value) for value in values if value)


def _is_rows(value: Any) -> bool:
    """Whether a value is a list of objects with the same fields."""
    return (
        isinstance(value, list)
        and bool(value)
        and all(isinstance(row, Mapping) and row and list(row) == list(value[0]) for row in value)
    )
