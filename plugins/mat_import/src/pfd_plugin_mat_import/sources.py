"""The files that a source stands for: a file, a folder, a pattern; and those in the zip files among them."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path, PurePath

from pfd import DataError
from pfd_plugin_mat_import.reader import Reader

MAX_FILES = 2000
"""Most files of one import; the result names each of them."""

_SUFFIXES = (".mat", ".zip")
_MAGIC = "*?["
_HINT = "give a .mat or .zip file, a folder of them, or a pattern such as 'rig/*.mat'"


@dataclass(frozen=True)
class SourceFile:
    """A file to import: its path within the source, where it lies (`member` of a zip file at `path`, or `path`), or the
    `reason` why it is refused already."""

    name: str
    path: Path
    member: str | None = None
    reason: str = ""


def find_files(source: Path, reader: Reader) -> list[SourceFile]:
    """The MATLAB files to import, in order of their names.  `reader` lists what is in zip files.

    Raises
    ------
    DataError : there is none, or too many.
    """
    folder, paths = _paths(source)
    if len(paths) > MAX_FILES:
        raise DataError(f"{len(paths)} files in {source}, at most {MAX_FILES} at a time", hint="import it in parts")
    files = [file for path in paths for file in _files(path, folder, reader)]
    if not files:
        raise DataError(f"no .mat file in {source}", hint=_HINT)
    if len(files) > MAX_FILES:
        raise DataError(f"{len(files)} files in {source}, at most {MAX_FILES} at a time", hint="import it in parts")
    return files


def _paths(source: Path) -> tuple[Path, list[Path]]:
    """The folder that the names of files are relative to, and the files."""
    if source.is_file():
        return source.parent, [source]
    if source.is_dir():
        return source, _taken(source.rglob("*"))
    parts = source.parts
    at = next((index for index, part in enumerate(parts) if any(letter in part for letter in _MAGIC)), None)
    if at is None:
        raise DataError(f"{source} does not exist", hint=_HINT)
    folder = Path(*parts[:at])
    return folder, _taken(folder.glob(str(PurePath(*parts[at:]))))


def _taken(paths: Iterator[Path]) -> list[Path]:
    return sorted(path for path in paths if path.suffix.lower() in _SUFFIXES and not path.is_dir())


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
