"""Where in somebody's code an error has come from, for whoever wrote that code.

Of a traceback, the frames of this package and of Python's import system are left out: nobody mends those.
"""

from __future__ import annotations

import importlib
import inspect
import traceback
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

_NOT_THEIRS = (Path(__file__).parent, Path(importlib.__file__ or "").parent)


def first_line(error: BaseException, otherwise: str = "") -> str:
    """The first line that an error says, whatever its own `__str__` does; `otherwise` where it says nothing."""
    try:
        lines = str(error).strip().splitlines()
    except Exception:  # somebody's own broken class
        lines = []
    return lines[0] if lines else otherwise


def reason(error: BaseException) -> str:
    """The type of an error and the first line that it says."""
    said = first_line(error)
    return f"{type(error).__name__}: {said}" if said else type(error).__name__


def place(error: BaseException, folder: Path | None = None) -> str:
    """`file:line` of the innermost frame that lies in a folder, else of the innermost one of others; or empty."""
    if isinstance(error, SyntaxError) and error.filename and Path(error.filename).is_relative_to(folder or Path("/")):
        return f"{error.filename}:{error.lineno or 1}"
    frames = [frame for frame in traceback.extract_tb(error.__traceback__) if not _passed_over(frame.filename, folder)]
    within = [frame for frame in frames if folder is not None and Path(frame.filename).is_relative_to(folder)]
    return next((f"{frame.filename}:{frame.lineno}" for frame in reversed(within or frames)), "")


def is_own(error: BaseException, folder: Path | None) -> bool:
    """Whether an error was raised by the code in a folder itself, and not by a library that it uses."""
    frames = [frame for frame in traceback.extract_tb(error.__traceback__) if not _passed_over(frame.filename, folder)]
    if isinstance(error, SyntaxError):
        return folder is not None and Path(error.filename or "").is_relative_to(folder)
    return folder is not None and bool(frames) and Path(frames[-1].filename).is_relative_to(folder)


def own_trace(error: BaseException, folder: Path | None = None) -> str:
    """The traceback of an error and of its causes, as text, without the frames that nobody mends."""
    shown = traceback.TracebackException.from_exception(error)
    for one in _chain(shown):
        kept = [frame for frame in one.stack if not _passed_over(frame.filename, folder)]
        one.stack = traceback.StackSummary.from_list(kept)
    return "".join(shown.format())


def _chain(error: traceback.TracebackException | None) -> Iterator[traceback.TracebackException]:
    while error is not None:
        yield error
        error = error.__cause__ or error.__context__


def code_place(function: Callable[..., Any] | Any) -> str:
    """`file:line` of the definition of a function or class; empty where there is none to show."""
    try:
        found = inspect.unwrap(function)
        file = inspect.getsourcefile(found)
        if code := getattr(found, "__code__", None):
            return f"{file}:{code.co_firstlineno}"
        return f"{file}:{inspect.getsourcelines(found)[1]}"
    except (TypeError, ValueError, OSError):
        return ""


def _passed_over(filename: str, folder: Path | None) -> bool:
    if folder is not None and Path(filename).is_relative_to(folder):
        return False
    return filename.startswith("<") or any(map(Path(filename).is_relative_to, _NOT_THEIRS))
