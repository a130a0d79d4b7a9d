"""Experiments as they are kept: the reader of rows."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from sqlalchemy import select
from sqlalchemy.orm import Session

from pfd import Seal, StoredFile, load_settings
from pfd.lazy import RenamedAttribute
from pfd.records import require_row
from pfd_plugin_training.records import ExperimentRow

CHANGED = "restore it from a backup, or train the model again"


@dataclass(frozen=True)
class ExperimentEntry:
    """A stored experiment.

    Parameters
    ----------
    dataset_fingerprint : of the content it learnt from.
    provenance : how it was split and selected, in one line; it belongs beside every score.
    leaky : whether training has looked at what is judged.
    leaks : how, once for each way; empty where it has not.
    split_protocol : what lies whole on one side of the split, such as `"bearing"`.
    split_digest : equal for two experiments on a dataset whose splits deal its windows alike.
    classes : names, in the order of the columns of probabilities.
    split : protocol, seed, the name and fold of a stored one, and the recordings of each part, by index and by id.
    config : all that is needed to train it again.
    metrics : scores of each part.
    model_file, predictions_file : where they lie, and whether they are as they were written.
    """

    id: int
    job_id: str
    model: str
    dataset_id: int
    dataset_name: str
    dataset_fingerprint: str
    feature_set_id: int | None
    random_seed: int
    provenance: str
    leaky: bool
    classes: tuple[str, ...]
    split: Mapping[str, Any]
    config: Mapping[str, Any]
    metrics: Mapping[str, Any]
    model_file: StoredFile
    predictions_file: StoredFile
    leaks: tuple[str, ...] = ()
    split_protocol: str | None = None
    split_digest: str | None = None

    stamp = RenamedAttribute("provenance")

    @property
    def model_path(self) -> Path:
        """Where the model lies; `load_model` loads it."""
        return self.model_file.path

    @property
    def predictions_path(self) -> Path:
        """Where the predictions lie; `read_predictions` reads them."""
        return self.predictions_file.path


def find_experiment(session: Session, ref: int, *, home: Path | None = None) -> ExperimentEntry:
    """The experiment of that id.  `home` is PFD_HOME, by default the configured one.

    Raises
    ------
    DataError : there is none; the message names the newest ones.
    """
    return _entry(_found(session, ref), home or load_settings().values.home)


def require_experiment(session: Session, ref: int) -> None:
    """Raise `DataError`, with the newest ones, where there is no such experiment."""
    _found(session, ref)


def _found(session: Session, ref: int) -> ExperimentRow:
    return require_row(session, ExperimentRow, ref, "experiment", made_by="train_model_task")


def experiment_names(session: Session) -> Iterator[tuple[str, str]]:
    """The ids of experiments, newest first, each with what it is."""
    query = select(ExperimentRow.id, ExperimentRow.model, ExperimentRow.dataset_name).order_by(ExperimentRow.id.desc())
    for ref, model, dataset_name in session.execute(query.execution_options(yield_per=500)):
        yield str(ref), f"{model} on {dataset_name}"


def stored_files(session: Session, home: Path) -> Iterator[StoredFile]:
    """The files of each experiment."""
    for row in session.scalars(select(ExperimentRow).order_by(ExperimentRow.id)):
        entry = _entry(row, home)
        yield entry.model_file
        yield entry.predictions_file


def _entry(row: ExperimentRow, home: Path) -> ExperimentEntry:
    def file(what: str, name: str, seal: object) -> StoredFile:
        return StoredFile(f"{what} of experiment {row.id}", home, name, Seal.from_json(seal), CHANGED)

    return ExperimentEntry(
        id=row.id,
        job_id=row.job_id,
        model=row.model,
        dataset_id=row.dataset_id,
        dataset_name=row.dataset_name,
        dataset_fingerprint=row.dataset_fingerprint,
        feature_set_id=row.feature_set_id,
        random_seed=row.random_seed,
        provenance=row.provenance,
        leaky=row.leaky,
        classes=tuple(row.classes),
        split=row.split,
        config=row.config,
        metrics=row.metrics,
        model_file=file("model", row.model_path, row.model_seal),
        predictions_file=file("predictions", row.predictions_path, row.predictions_seal),
        leaks=tuple(map(str, row.leaks)),
        split_protocol=row.split_protocol,
        split_digest=row.split_digest,
    )
