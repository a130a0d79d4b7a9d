"""Entry points of other distributions: where a list of them cannot be read, those of all others are still found.

Pydantic asks for entry points when it is imported, and so does whatever else is extended in this way; one line without
`=` in a file of anybody would end every program.  So this is guarded where all ask, in the standard library.
"""

from __future__ import annotations

import contextlib
import importlib.metadata
import sys
from collections.abc import Iterator
from importlib.metadata import Distribution, EntryPoints
from pathlib import Path
from typing import Any

_unreadable: dict[Path, str] = {}
_read: Any = vars(Distribution)["entry_points"].fget


def unreadable(group: str = "") -> Iterator[tuple[Path, str]]:
    """Files on the path that could not be read, each with the reason; where a group is given, those that name it."""
    for file, reason in tuple(_unreadable.items()):
        content = b""
        with contextlib.suppress(OSError):
            content = file.read_bytes()
        if group.encode() in content and str(file.parent.parent) in sys.path:
            yield file, reason


def _guarded(distribution: Distribution) -> EntryPoints:
    try:
        found: EntryPoints = _read(distribution)
    except Exception as error:  # its parser has no error of its own
        folder = getattr(distribution, "_path", None) or type(distribution).__name__
        _unreadable[Path(str(folder)) / "entry_points.txt"] = f"{type(error).__name__}: {error}"
        return importlib.metadata.EntryPoints()
    return found


Distribution.entry_points = property(_guarded)  # type: ignore[assignment, method-assign]
