"""Which datasets there are: the table of them, read and written."""

from __future__ import annotations

import time
from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

from sqlalchemy import select
from sqlalchemy.orm import Session

from pfd import DataError, Hint, Seal, StoredFile, home_relative, load_settings
from pfd.records import upsert_for_job
from pfd_plugin_data.dataset import Dataset, open_dataset
from pfd_plugin_data.params import SpeedSource
from pfd_plugin_data.recording import FAULTS, RecordingInfo
from pfd_plugin_data.records import DatasetRow

CHANGED = "restore it from a backup, or import or generate the dataset again"


@dataclass(frozen=True)
class DatasetEntry:
    """One dataset of the store.

    `created_at` is in seconds since the epoch; `classes` counts labelled recordings.
    """

    id: int
    name: str
    file: StoredFile
    fingerprint: str
    n_recordings: int
    n_bearings: int
    classes: dict[str, int]
    created_at: float
    job_id: str

    @property
    def path(self) -> Path:
        """Where its file lies; `open` opens it."""
        return self.file.path

    def open(self, *, speed_source: SpeedSource = "declared") -> Dataset:
        """Open its file, once that is known to hold what was written; `speed_source` as for `open_dataset`.

        Raises
        ------
        DataError : as `open_dataset`; the file is another than was written, or has been changed since.
        """
        dataset = open_dataset(self.file.intact(), speed_source=speed_source)
        if dataset.fingerprint != self.fingerprint:
            dataset.close()
            raise DataError(
                f"{self.path} holds another dataset than dataset {self.id} ({self.name!r}): its fingerprint is "
                f"{dataset.fingerprint[:12]}, and {self.fingerprint[:12]} was written",
                hint=CHANGED,
            )
        return dataset

    @property
    def n_unlabelled(self) -> int:
        """Recordings whose fault is unknown."""
        return self.n_recordings - sum(self.classes.values())


def find_dataset(session: Session, ref: int | str, *, home: Path | None = None) -> DatasetEntry:
    """The dataset of that id, or the newest of that name.

    `home` is PFD_HOME, by default the configured one.

    Raises
    ------
    DataError : there is none; the nearest names are given.
    """
    return _entry(_found(session, ref), home or load_settings().values.home)


def require_dataset(session: Session, ref: int | str) -> None:
    """Raise `DataError`, with the nearest names, where there is no such dataset."""
    _found(session, ref)


def _found(session: Session, ref: int | str) -> DatasetRow:
    query = select(DatasetRow)
    if isinstance(ref, int) or ref.isdecimal():
        query = query.where(DatasetRow.id == int(ref))
    else:
        query = query.where(DatasetRow.name == ref).order_by(DatasetRow.id.desc()).limit(1)
    if (row := session.scalars(query).first()) is not None:
        return row
    names = session.scalars(select(DatasetRow.name).distinct()).all()
    listed = "'pfd data ls' lists them" if names else "there is none yet: submit generate_dataset_task to make one"
    raise DataError(f"no dataset {ref!r}", hint=Hint.did_you_mean(str(ref), names, listed))


def stored_files(session: Session, home: Path) -> Iterator[StoredFile]:
    """The file of each dataset."""
    for row in session.scalars(select(DatasetRow).order_by(DatasetRow.id)):
        yield _entry(row, home).file


def list_datasets(session: Session, *, home: Path | None = None) -> list[DatasetEntry]:
    """All datasets, newest first."""
    home = home or load_settings().values.home
    return [_entry(row, home) for row in session.scalars(select(DatasetRow).order_by(DatasetRow.id.desc()))]


def register_dataset(session: Session, dataset: Dataset, *, job_id: str, home: Path) -> DatasetEntry:
    """Write the row of the dataset that a job has made.  A re-run of the job updates its row."""
    values = {
        "name": dataset.name,
        "path": home_relative(home, dataset.path),
        "fingerprint": dataset.fingerprint,
        "n_recordings": len(dataset.recordings),
        "n_bearings": len({info.bearing_id for info in dataset.recordings}),
        "classes": _count_classes(dataset.recordings),
        "seal": Seal.of(dataset.path, dataset.digest).to_json(),
        "created_at": time.time(),
    }
    return _entry(upsert_for_job(session, DatasetRow, job_id, values), home)


def _count_classes(recordings: Sequence[RecordingInfo]) -> dict[str, int]:
    """Recordings of each fault type, in the order of `FAULTS`."""
    counts = Counter(info.fault_type for info in recordings)
    return {fault: counts[fault] for fault in FAULTS if counts[fault]}


def _entry(row: DatasetRow, home: Path) -> DatasetEntry:
    return DatasetEntry(
        id=row.id,
        name=row.name,
        file=_file(row, home),
        fingerprint=row.fingerprint,
        n_recordings=row.n_recordings,
        n_bearings=row.n_bearings,
        classes={str(name): int(count) for name, count in row.classes.items()},
        created_at=row.created_at,
        job_id=row.job_id,
    )


def _file(row: DatasetRow, home: Path) -> StoredFile:
    what = f"file of dataset {row.id} ({row.name!r})"
    if seal := Seal.from_json(row.seal):
        return StoredFile(what, home, row.path, seal, CHANGED, _verified)
    # Of an earlier version: its fingerprint is all that there is to compare with.
    return StoredFile(what, home, row.path, Seal.of_digest(row.fingerprint), CHANGED, _verified_fingerprint)


def _verified_fingerprint(path: Path) -> str:
    with open_dataset(path) as dataset:
        dataset.verify()
        return dataset.fingerprint


def _verified(path: Path) -> str:
    """The digest of a dataset whose every recording has been read and compared."""
    with open_dataset(path) as dataset:
        dataset.verify()
        return dataset.digest
