"""Experiments as they are kept: the reader of rows."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from sqlalchemy import select
from sqlalchemy.orm import Session

from pfd import DataError, load_settings
from pfd_plugin_training.records import ExperimentRow


@dataclass(frozen=True)
class ExperimentEntry:
    """A stored experiment.

    Parameters
    ----------
    dataset_fingerprint : of the content it learnt from.
    stamp : how it was split and selected, in one line; it belongs beside every score.
    leaky : whether windows of one recording lie on both sides of the split.
    classes : names, in the order of the columns of probabilities.
    split : protocol, seed, the name and fold of a stored one, and the recordings of each part, by index and by id.
    config : all that is needed to train it again.
    metrics : scores of each part.
    model_path, predictions_path : absolute.
    """

    id: int
    job_id: str
    model: str
    dataset_id: int
    dataset_name: str
    dataset_fingerprint: str
    feature_set_id: int | None
    random_seed: int
    stamp: str
    leaky: bool
    classes: tuple[str, ...]
    split: Mapping[str, Any]
    config: Mapping[str, Any]
    metrics: Mapping[str, Any]
    model_path: Path
    predictions_path: Path


def find_experiment(session: Session, ref: int, *, home: Path | None = None) -> ExperimentEntry:
    """The experiment of that id.  `home` is PFD_HOME, by default the configured one.

    Raises
    ------
    DataError : there is none; the message names the newest ones.
    """
    row = session.get(ExperimentRow, ref)
    if row is None:
        newest = session.scalars(select(ExperimentRow.id).order_by(ExperimentRow.id.desc()).limit(5)).all()
        known = f"the newest are {', '.join(map(str, newest))}" if newest else "there is none yet"
        raise DataError(f"no experiment {ref}; {known}", hint="train_model_task makes one")
    home = home or load_settings().values.home
    return ExperimentEntry(
        id=row.id,
        job_id=row.job_id,
        model=row.model,
        dataset_id=row.dataset_id,
        dataset_name=row.dataset_name,
        dataset_fingerprint=row.dataset_fingerprint,
        feature_set_id=row.feature_set_id,
        random_seed=row.random_seed,
        stamp=row.stamp,
        leaky=row.leaky,
        classes=tuple(row.classes),
        split=row.split,
        config=row.config,
        metrics=row.metrics,
        model_path=home / row.model_path,
        predictions_path=home / row.predictions_path,
    )
