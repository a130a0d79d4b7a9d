"""Feature sets as they are kept: the rows, read and written."""

from __future__ import annotations

import shutil
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from sqlalchemy import select
from sqlalchemy.orm import Session

from pfd import DataError, Seal, StoredFile, load_settings, replacing
from pfd.lazy import RenamedAttribute
from pfd.records import require_row
from pfd_plugin_data import Split
from pfd_plugin_features.records import FeatureSetRow

if TYPE_CHECKING:
    from pfd_plugin_data import DatasetEntry

MADE_OF = "; made of "
"""In the provenance of a selection, between its words and those of the set that it was made from."""


def on_split(split: Split) -> str:
    """How the provenance of a selection names the split that it was made on."""
    return f"on split {split.source}: {_dealt(split)}" if split.source else f"on {_dealt(split)}"


def _dealt(split: Split) -> str:
    """What a split is, under whatever name.  The digest tells it from all others, also where the words do not."""
    return f"seed {split.seed}, {split.provenance} [{split.digest}]"


@dataclass(frozen=True)
class FeatureSetEntry:
    """A stored feature set.  `version` is that of the features' definitions.

    `speed_source` is None where lines went by the declared speeds.  A selection names the set it was `selected_from`,
    and the protocol and digest of the split that it was made on; its `provenance` is one line for people.
    """

    id: int
    job_id: str
    dataset_id: int
    dataset_fingerprint: str
    file: StoredFile
    version: int
    window: int
    hop: int
    sample_rate_hz: float
    lowpass_hz: float | None
    channel: str
    n_windows: int
    features: tuple[str, ...]
    n_unusable: int | None = None
    speed_source: str | None = None
    selected_from: int | None = None
    split_protocol: str | None = None
    split_digest: str | None = None
    provenance: str | None = None
    leaky: bool = False

    stamp = RenamedAttribute("provenance")

    @property
    def path(self) -> Path:
        """Where its file lies; `read_features` reads it."""
        return self.file.path

    @property
    def speeds(self) -> str | None:
        """How a provenance names the speeds that lines went by; None for the declared ones."""
        return f"features by {self.speed_source} speeds" if self.speed_source else None

    def require_unchanged(self, source: DatasetEntry) -> None:
        """Raise `DataError` where its dataset is not the one any more that it was made from."""
        if source.fingerprint != self.dataset_fingerprint:
            raise DataError(
                f"dataset {source.id} has changed since feature set {self.id} was made from it",
                hint="extract the features again",
            )

    def leak(self, split: Split) -> str | None:
        """How what is judged under `split` has been looked at in choosing these features; None where it has not."""
        if self.leaky:
            return "its features were selected in sight of what is judged"
        if self.selected_from is not None and self.split_digest != split.digest:
            return "its features were selected on another split"
        return None


def find_feature_set(session: Session, ref: int, *, home: Path | None = None) -> FeatureSetEntry:
    """The feature set of that id.  `home` is PFD_HOME, by default the configured one.

    Raises
    ------
    DataError : there is none; the message names the newest ones.
    """
    return _entry(_found(session, ref), home or load_settings().values.home)


def require_feature_set(session: Session, ref: int) -> None:
    """Raise `DataError`, with the newest ones, where there is no such feature set."""
    _found(session, ref)


def _found(session: Session, ref: int) -> FeatureSetRow:
    return require_row(session, FeatureSetRow, ref, "feature set", made_by="extract_features_task")


def feature_set_names(session: Session) -> Iterator[tuple[str, str]]:
    """The ids of feature sets, newest first, each with what it holds."""
    query = select(FeatureSetRow.id, FeatureSetRow.features, FeatureSetRow.dataset_id).order_by(FeatureSetRow.id.desc())
    for ref, features, dataset_id in session.execute(query.execution_options(yield_per=500)):
        yield str(ref), f"{len(features)} features of dataset {dataset_id}"


def find_same(session: Session, wanted: Mapping[str, Any], *, home: Path) -> list[FeatureSetEntry]:
    """Feature sets that were made as `wanted` says, newest first, those of the same dataset before those of a copy.

    `wanted` holds columns of the table.  Whether their files are as they were written is for `is_intact` to see.
    """
    query = select(FeatureSetRow).where(FeatureSetRow.selected_from.is_(None))
    columns = {name: value for name, value in wanted.items() if name not in ("dataset_id", "features", "libraries")}
    for name, value in columns.items():
        query = query.where(getattr(FeatureSetRow, name) == value)  # a value of None becomes IS NULL
    rows = [
        row
        for row in session.scalars(query.order_by(FeatureSetRow.id.desc()))
        if list(row.features) == list(wanted["features"]) and row.libraries == wanted["libraries"]
    ]
    rows.sort(key=lambda row: row.dataset_id != wanted["dataset_id"])
    return [_entry(row, home) for row in rows]


def is_intact(entry: FeatureSetEntry) -> bool:
    """Whether the file is there and is known to hold what was written."""
    try:
        entry.file.intact()
    except DataError:
        return False
    return entry.file.seal is not None


def stored_files(session: Session, home: Path) -> Iterator[StoredFile]:
    """The file of each feature set."""
    for row in session.scalars(select(FeatureSetRow).order_by(FeatureSetRow.id)):
        yield _entry(row, home).file


def place_again(source: Path, path: Path) -> None:
    """Give a stored file a second name, under which another job publishes it: a link, which takes no room on the disk.

    Files of feature sets are replaced whole and never written again, so that neither name changes what the other
    holds.  Where the file system has no such links it is a copy.
    """
    try:
        path.hardlink_to(source)
    except OSError:
        with replacing(path) as temporary:
            shutil.copyfile(source, temporary)


def _entry(row: FeatureSetRow, home: Path) -> FeatureSetEntry:
    return FeatureSetEntry(
        id=row.id,
        job_id=row.job_id,
        dataset_id=row.dataset_id,
        dataset_fingerprint=row.dataset_fingerprint,
        file=StoredFile(
            f"table of feature set {row.id}", home, row.path, Seal.from_json(row.seal), "extract the features again"
        ),
        version=row.version,
        window=row.window,
        hop=row.hop,
        sample_rate_hz=row.sample_rate_hz,
        lowpass_hz=row.lowpass_hz,
        channel=row.channel,
        n_windows=row.n_windows,
        features=tuple(row.features),
        n_unusable=row.n_unusable,
        speed_source=row.speed_source,
        selected_from=row.selected_from,
        split_protocol=row.split_protocol,
        split_digest=row.split_digest,
        provenance=row.provenance,
        leaky=bool(row.leaky),
    )
