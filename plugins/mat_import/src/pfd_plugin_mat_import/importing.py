"""Importing files one by one, each on its own, so that a damaged one takes none of the others down."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass

from pfd import DataError
from pfd_plugin_mat_import.assembly import Imported
from pfd_plugin_mat_import.reader import Reader, Request
from pfd_plugin_mat_import.sources import SourceFile
from pfd_plugin_mat_import.table import Table

MAX_RECORDINGS = 100_000
"""Most recordings of one import."""


@dataclass(frozen=True)
class Outcome:
    """What became of a file: one of its recordings, or the reason why there is none.

    `file` is relative to the source; `last` is whether nothing more comes of it.
    """

    file: str
    imported: Imported | None = None
    reason: str = ""
    last: bool = True


def import_files(files: Sequence[SourceFile], reader: Reader, table: Table | None = None) -> Iterator[Outcome]:
    """Read the files.  A recording that was in an earlier file already is a reason not to take its file."""
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
        elif reason := _why_not(imported, origin):
            yield Outcome(file.name, reason=reason)
        else:
            for index, one in enumerate(imported, start=1):
                origin[one.info.record_id] = file.name, one.info.sha256
                yield Outcome(file.name, one, last=index == len(imported))


def _why_not(imported: Sequence[Imported], origin: Mapping[str, tuple[str, str]]) -> str:
    """Why the recordings of a file are not taken, beside those that are; empty where they are."""
    if len(origin) + len(imported) > MAX_RECORDINGS:
        return f"with it the import would have more than {MAX_RECORDINGS:,} recordings; import it in parts"
    names: set[str] = set()
    for one in imported:
        record = one.info.record_id
        if record in names:
            return f"two of its recordings are {record}; give each a record_id of its own"
        names.add(record)
        if record in origin:
            earlier, sha256 = origin[record]
            if sha256 == one.info.sha256:
                return f"{record} was imported already, from {earlier}"
            return f"{earlier} is {record} as well, with other content; give each a record_id by mapping"
    return ""
