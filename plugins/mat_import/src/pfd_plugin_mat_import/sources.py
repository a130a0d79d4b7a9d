"""The files that a source stands for: a file, a folder, a pattern; and those in the zip files among them.

A folder stands for its .mat and .zip files alone: a .csv beside them is a table of labels as often as a recording.  Of
the other formats a pattern that ends as their names do takes them.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path, PurePath

from pfd import DataError
from pfd_plugin_mat_import.reader import Reader
from pfd_plugin_mat_import.recorded_file import OTHER_SUFFIXES, in_words, other_suffixes

MAX_FILES = 2000
"""Most files of one import; the result names each of them."""

_SUFFIXES = (".mat", ".zip")
_MAGIC = "*?["
_HINT = "give a .mat or .zip file, a folder of them, or a pattern such as 'rig/*.mat' or 'rig/*.csv'"


@dataclass(frozen=True)
class SourceFile:
    """A file to import: its path within the source, where it lies (`member` of a zip file at `path`, or `path`), or the
    `reason` why it is refused already."""

    name: str
    path: Path
    member: str | None = None
    reason: str = ""


def find_files(source: Path, reader: Reader, table: Path | None = None) -> list[SourceFile]:
    """The files to import, in order of their names.  `reader` lists what is in zip files; the user's `table` is none.

    Raises
    ------
    DataError : there is none, or too many.
    """
    folder, paths, others = _paths(source)
    paths = [path for path in paths if table is None or path.resolve() != table.resolve()]
    if len(paths) > MAX_FILES:
        raise DataError(f"{len(paths)} files in {source}, at most {MAX_FILES} at a time", hint="import it in parts")
    files = [file for path in paths for file in _files(path, folder, reader)]
    if not files:
        if not (held := other_suffixes(others)):
            raise DataError(f"no .mat file in {source}", hint=_HINT)
        pattern = f"'{folder}/**/*{next(iter(held))}'"
        raise DataError(
            f"no .mat file in {source}: {in_words(held)}",
            hint=f"give a pattern such as {pattern}, and a mapping that says where the signals lie",
        )
    if len(files) > MAX_FILES:
        raise DataError(f"{len(files)} files in {source}, at most {MAX_FILES} at a time", hint="import it in parts")
    return files


def _paths(source: Path) -> tuple[Path, list[Path], list[Path]]:
    """The folder that the names of files are relative to, the files, and what lies beside them."""
    if source.is_file():
        return source.parent, [source], []
    if source.is_dir():
        return source, *_taken(source.rglob("*"), _SUFFIXES)
    parts = source.parts
    at = next((index for index, part in enumerate(parts) if any(letter in part for letter in _MAGIC)), None)
    if at is None:
        raise DataError(f"{source} does not exist", hint=_HINT)
    folder, named = Path(*parts[:at]), source.suffix.lower()
    suffixes = (*_SUFFIXES, named) if named in OTHER_SUFFIXES else _SUFFIXES
    return folder, *_taken(folder.glob(str(PurePath(*parts[at:]))), suffixes)


def _taken(paths: Iterator[Path], suffixes: tuple[str, ...]) -> tuple[list[Path], list[Path]]:
    files = sorted(path for path in paths if not path.is_dir())
    taken = [path for path in files if path.suffix.lower() in suffixes]
    return taken, [path for path in files if path.suffix.lower() not in suffixes]


def _files(path: Path, folder: Path, reader: Reader) -> Iterator[SourceFile]:
    raw = path.relative_to(folder).as_posix()
    name = raw.encode(errors="backslashreplace").decode()
    if name != raw:
        yield SourceFile(name, path, reason="its name is not UTF-8")
    elif not path.resolve().is_relative_to(folder.resolve()):
        yield SourceFile(name, path, reason="a link that leads out of the folder")
    elif path.suffix.lower() != ".zip" or not path.is_file():
        yield SourceFile(name, path)
    else:
        try:
            members = reader.members(path)
        except DataError as error:
            yield SourceFile(name, path, reason=error.message)
            return
        if not members:
            yield SourceFile(name, path, reason="no .mat file in it")
        for member, reason in members:
            shown = f"{name}/{member}".encode(errors="backslashreplace").decode()
            yield SourceFile(shown, path, member, reason)
