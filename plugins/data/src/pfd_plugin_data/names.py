"""What can be typed for a dataset or a split.  Light: a shell that completes a word waits for it."""

from __future__ import annotations

from collections.abc import Iterator

from sqlalchemy import select
from sqlalchemy.orm import Session

from pfd_plugin_data.records import DatasetRow, SplitRow


def dataset_names(session: Session) -> Iterator[tuple[str, str]]:
    """The names of datasets, newest first, each with what the newest of that name holds."""
    seen: set[str] = set()
    query = select(DatasetRow.name, DatasetRow.n_recordings, DatasetRow.n_bearings).order_by(DatasetRow.id.desc())
    for name, n_recordings, n_bearings in session.execute(query.execution_options(yield_per=500)):
        if name not in seen:
            seen.add(name)
            yield name, f"{n_recordings} recordings of {n_bearings} bearings"


def split_names(session: Session) -> Iterator[tuple[str, str]]:
    """The names of splits, newest first, each with how it deals."""
    first_folds = select(SplitRow.name, SplitRow.protocol, SplitRow.dataset_id).where(SplitRow.fold == 0)
    query = first_folds.order_by(SplitRow.id.desc()).execution_options(yield_per=500)
    for name, protocol, dataset_id in session.execute(query):
        yield name, f"{protocol}, dataset {dataset_id}"
