"""Importing a file or a folder: each file on its own, so that a damaged one takes none of the others down."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from pfd import DataError
from pfd_plugin_mat_import.layouts import Imported
from pfd_plugin_mat_import.reader import Reader

MAX_FILES = 2000
"""Most files of one import; the result names each of them."""


@dataclass(frozen=True)
class Outcome:
    """What became of one file: a recording, or the reason why there is none.  `file` is relative to the source."""

    file: str
    imported: Imported | None = None
    reason: str = ""


def find_files(source: Path) -> list[Path]:
    """The MATLAB files to import: the file itself, or those of a folder and its sub-folders, in order of their names.

    Raises
    ------
    DataError : there is none, or too many.
    """
    if source.is_file():
        return [source]
    if not source.is_dir():
        raise DataError(f"{source} does not exist", hint="give a .mat file or a folder of them")
    files = sorted(path for path in source.rglob("*") if path.suffix.lower() == ".mat" and not path.is_dir())
    if not files:
        raise DataError(f"no .mat file in {source}", hint="give a .mat file or a folder of them")
    if len(files) > MAX_FILES:
        raise DataError(
            f"{len(files)} .mat files in {source}, at most {MAX_FILES} at a time", hint="import it in parts"
        )
    return files


def import_files(files: list[Path], source: Path, layout: str = "auto") -> Iterator[Outcome]:
    """Read the files one by one.  A recording that was in an earlier file already is a reason not to take it again."""
    origin: dict[str, str] = {}
    folder = source if source.is_dir() else source.parent
    with Reader(layout) as reader:
        for path in files:
            raw = path.relative_to(folder).as_posix()
            name = raw.encode(errors="backslashreplace").decode()
            try:
                if name != raw:
                    raise DataError("its name is not UTF-8")
                if not path.resolve().is_relative_to(folder.resolve()):
                    raise DataError("a link that leads out of the folder")
                imported = reader.read(path)
                if (record := imported.info.record_id) in origin:
                    raise DataError(f"{record} was imported already, from {origin[record]}")
            except DataError as error:
                yield Outcome(name, reason=error.message)
            else:
                origin[record] = name
                yield Outcome(name, imported)
