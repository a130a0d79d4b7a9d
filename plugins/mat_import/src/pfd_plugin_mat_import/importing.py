"""Importing files one by one, each on its own, so that a damaged one takes none of the others down."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from pfd import DataError
from pfd_plugin_mat_import.assembly import Imported
from pfd_plugin_mat_import.reader import Reader, Request
from pfd_plugin_mat_import.sources import SourceFile
from pfd_plugin_mat_import.table import Table


@dataclass(frozen=True)
class Outcome:
    """What became of one file: a recording, or the reason why there is none.  `file` is relative to the source."""

    file: str
    imported: Imported | None = None
    reason: str = ""


def import_files(files: Sequence[SourceFile], reader: Reader, table: Table | None = None) -> Iterator[Outcome]:
    """Read the files.  A recording that was in an earlier file already is a reason not to take it again."""
    table = table or Table({})
    origin: dict[str, tuple[str, str]] = {}
    readable = (
        Request(file.name, str(file.path), file.member, table.row(file.name)) for file in files if not file.reason
    )
    found = reader.read_all(readable)
    for file in files:
        if file.reason:
            yield Outcome(file.name, reason=file.reason)
            continue
        imported = next(found)
        if isinstance(imported, DataError):
            yield Outcome(file.name, reason=imported.message)
        elif (record := imported.info.record_id) in origin:
            earlier, sha256 = origin[record]
            reason = f"{record} was imported already, from {earlier}"
            if sha256 != imported.info.sha256:
                reason = f"{earlier} is {record} as well, with other content; give each a record_id by mapping"
            yield Outcome(file.name, reason=reason)
        else:
            origin[record] = file.name, imported.info.sha256
            yield Outcome(file.name, imported)
