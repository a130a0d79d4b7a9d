"""Named splits: kept once, found by name, and of use for the dataset of their fingerprint only."""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence
from contextlib import AbstractContextManager
from dataclasses import dataclass, replace

from pydantic import TypeAdapter, ValidationError
from sqlalchemy import Select, select
from sqlalchemy.orm import Session

from pfd import DataError, Hint
from pfd_plugin_data.catalog import DatasetEntry
from pfd_plugin_data.params import DatasetName, SplitParams
from pfd_plugin_data.recording import RecordingInfo
from pfd_plugin_data.records import SplitRow
from pfd_plugin_data.splits import PARTS, Split, make_split

FIELD = "split"
"""The parameter of every task that is a `SplitParams`."""


@dataclass(frozen=True)
class StoredSplit:
    """One fold (from 1) of a named split.  `fingerprint` is that of the dataset whose recordings its indices count."""

    name: str
    fold: int
    n_folds: int
    dataset_id: int
    fingerprint: str
    split: Split
    created_at: float

    def of(self, fingerprint: str) -> Split:
        """The split under its name, for the dataset of that fingerprint.

        Raises
        ------
        DataError : it was made for another dataset, in which its indices would mean other recordings.
        """
        if fingerprint != self.fingerprint:
            raise DataError(
                f"split {self.name!r} was made for dataset {self.dataset_id} ({self.fingerprint[:12]}), "
                f"not for this one ({fingerprint[:12]})",
                hint="make one for this dataset with 'pfd data split'",
            )
        return replace(self.split, name=self.name, fold=self.fold if self.n_folds > 1 else None)


def save_splits(session: Session, name: str, entry: DatasetEntry, splits: Sequence[Split]) -> list[StoredSplit]:
    """Keep a split, or the folds of one, under a name.  What a name stands for never changes.

    Saving the same again changes nothing, so a job that runs twice may save twice.

    Raises
    ------
    DataError : no name, no split, or the name stands for other parts already.
    """
    _require_name(name)
    if not splits:
        raise DataError(f"split {name!r} would hold no fold")
    if known := session.scalars(_named(name)).all():
        before = [(row.fingerprint, row.protocol, row.digest) for row in known]
        if before != [(entry.fingerprint, split.protocol, split.digest) for split in splits]:
            raise DataError(
                f"there is a split {name!r} already, with other parts or for another dataset: {known[0].provenance}",
                hint="choose another name; 'pfd data splits' lists those taken",
            )
        return [_stored(row) for row in known]
    now = time.time()
    for fold, split in enumerate(splits):
        session.add(
            SplitRow(
                name=name,
                fold=fold,
                n_folds=len(splits),
                dataset_id=entry.id,
                fingerprint=entry.fingerprint,
                protocol=split.protocol,
                seed=split.seed,
                leaky=split.leaky,
                parts={part: list(getattr(split, part)) for part in PARTS},
                left_out=list(split.left_out),
                digest=split.digest,
                provenance=split.provenance,
                created_at=now,
            )
        )
    session.flush()
    return [_stored(row) for row in session.scalars(_named(name))]


def find_split(session: Session, name: str, fold: int | None = None) -> StoredSplit:
    """The split of that name; `fold`, from 1, where it has several.

    Raises
    ------
    DataError : there is none, with the nearest names; no such fold, or which one is not said.
    """
    query = _named(name)
    first = session.scalars(query.limit(1)).first()
    if first is None:
        names = session.scalars(select(SplitRow.name).distinct()).all()
        listed = "'pfd data splits' lists them" if names else "there is none yet: 'pfd data split' makes one"
        raise DataError(f"no split {name!r}", hint=Hint.did_you_mean(name, names, listed))
    if fold is None and first.n_folds > 1:
        raise DataError(
            f"split {name!r} has {first.n_folds} folds", hint=f"say which: {Hint.parameter('fold', 1)} is the first"
        )
    row = session.scalars(query.where(SplitRow.fold == (0 if fold is None else fold - 1))).first()
    if row is None:
        raise DataError(f"split {name!r} has no fold {fold}", hint=f"its folds are 1 to {first.n_folds}")
    return _stored(row)


def require_split(session: Session, name: str) -> None:
    """Raise `DataError`, with the nearest names, where no split has that name."""
    find_split(session, name, 1)


def choose_split(
    params: SplitParams,
    entry: DatasetEntry,
    recordings: Sequence[RecordingInfo],
    *,
    seed: int,
    sessions: Callable[[], AbstractContextManager[Session]],
    needs_labels: bool = True,
) -> Split:
    """The split of a dataset that parameters ask for: a stored one, or one made for the occasion.

    Parameters
    ----------
    recordings : those of the dataset `entry`.
    seed : of the dealing where the parameters give none.
    sessions : `ctx.session` of a task, `pfd.reading` elsewhere; opened only where a stored split is asked for.
    needs_labels : as for `make_split`.

    Raises
    ------
    DataError : no split has that name, or that fold; it was made for another dataset, or the dataset has changed since;
        the dataset cannot be split so.
    """
    try:
        if params.name is None:
            return make_split(
                recordings,
                params.protocol or "bearing",
                seed=seed if params.seed is None else params.seed,
                test_value=params.test_value,
                leave_out=params.leave_out,
                needs_labels=needs_labels,
            )
        with sessions() as session:
            stored = find_split(session, params.name, params.fold)
    except DataError as error:
        if error.hint is not None:
            error.hint = error.hint.under(FIELD)
        raise
    if stored.dataset_id == entry.id and stored.fingerprint != entry.fingerprint:
        raise DataError(
            f"dataset {entry.id} has changed since split {stored.name!r} was made: it was {stored.fingerprint[:12]} "
            f"and is {entry.fingerprint[:12]}",
            hint="make the split again under another name with 'pfd data split'",
        )
    return stored.of(entry.fingerprint)


def list_splits(session: Session, *, dataset_id: int | None = None) -> list[StoredSplit]:
    """The first fold of each named split, newest first; of one dataset only where it is given."""
    query = select(SplitRow).where(SplitRow.fold == 0).order_by(SplitRow.id.desc())
    if dataset_id is not None:
        query = query.where(SplitRow.dataset_id == dataset_id)
    return [_stored(row) for row in session.scalars(query)]


def _require_name(name: str) -> None:
    try:
        TypeAdapter(DatasetName).validate_python(name)
    except ValidationError as error:
        raise DataError(
            f"{name!r} is not a name for a split",
            hint="begin with a letter, and go on with at most 63 letters, digits, '_', '-' and '.'",
        ) from error


def _named(name: str) -> Select[SplitRow]:
    return select(SplitRow).where(SplitRow.name == name).order_by(SplitRow.fold)


def _stored(row: SplitRow) -> StoredSplit:
    train, validation, test = (tuple(int(i) for i in row.parts[part]) for part in PARTS)
    split = Split(
        row.protocol, row.seed, train, validation, test, row.provenance, row.leaky, tuple(str(n) for n in row.left_out)
    )
    return StoredSplit(row.name, row.fold + 1, row.n_folds, row.dataset_id, row.fingerprint, split, row.created_at)
