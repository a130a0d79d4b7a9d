"""Feature sets as they are kept: the row, and the reader of rows."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from sqlalchemy import select
from sqlalchemy.orm import Session

from pfd import DataError, load_settings
from pfd_plugin_features.records import FeatureSetRow


@dataclass(frozen=True)
class FeatureSetEntry:
    """A stored feature set.  `path` is absolute; `version` is that of the features' definitions."""

    id: int
    job_id: str
    dataset_id: int
    dataset_fingerprint: str
    path: Path
    version: int
    window: int
    hop: int
    sample_rate_hz: float
    lowpass_hz: float | None
    channel: str
    n_windows: int
    features: tuple[str, ...]


def find_feature_set(session: Session, ref: int, *, home: Path | None = None) -> FeatureSetEntry:
    """The feature set of that id.  `home` is PFD_HOME, by default the configured one.

    Raises
    ------
    DataError : there is none; the message names the newest ones.
    """
    row = session.get(FeatureSetRow, ref)
    if row is None:
        newest = session.scalars(select(FeatureSetRow.id).order_by(FeatureSetRow.id.desc()).limit(5)).all()
        known = f"the newest are {', '.join(map(str, newest))}" if newest else "there is none yet"
        raise DataError(f"no feature set {ref}; {known}", hint="extract_features_task makes one")
    return FeatureSetEntry(
        id=row.id,
        job_id=row.job_id,
        dataset_id=row.dataset_id,
        dataset_fingerprint=row.dataset_fingerprint,
        path=(home or load_settings().values.home) / row.path,
        version=row.version,
        window=row.window,
        hop=row.hop,
        sample_rate_hz=row.sample_rate_hz,
        lowpass_hz=row.lowpass_hz,
        channel=row.channel,
        n_windows=row.n_windows,
        features=tuple(row.features),
    )
