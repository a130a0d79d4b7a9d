"""Experiments as they are kept: what writes their rows before they are trained, and what reads them."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from sqlalchemy import select, type_coerce
from sqlalchemy.orm import Session
from sqlalchemy.types import NullType

from pfd import DataError, ParameterError, Seal, StoredFile, load_settings
from pfd.lazy import RenamedAttribute
from pfd.records import require_row
from pfd.tracked import RowStatus, SubmittedJob, draft_for_job, reason_of, require_success, status_of
from pfd_plugin_training.records import ExperimentRow

CHANGED = "restore it from a backup, or train the model again"


MAX_NAME = 200
"""Characters of the name of an experiment."""

BY_THE_RUN = (
    *("dataset_name", "dataset_fingerprint", "provenance", "leaky", "leaks", "split_protocol", "split_digest"),
    *("classes", "split", "metrics", "model_path", "predictions_path", "model_seal", "predictions_seal"),
)
"""What a run fills in."""

NEEDED = (
    *("job_id", "model", "dataset_id", "dataset_name", "dataset_fingerprint", "random_seed", "provenance", "leaky"),
    *("classes", "split", "config", "metrics", "model_path", "predictions_path"),
)
"""What every trained experiment has."""


@dataclass(frozen=True)
class ExperimentSummary:
    """An experiment in a list: also one whose job has not run, or has failed.

    Parameters
    ----------
    name : as it was created with; empty where nobody named it.
    created_at : seconds since the epoch.
    job_id : the job that trains it, or has; None where none was submitted yet.
    reason : why it FAILED or was CANCELLED.
    dataset_id, model, leaky, test_accuracy : None where that is not known yet.
    """

    id: int
    name: str
    created_at: float
    job_id: str | None
    status: RowStatus
    reason: str
    model: str | None
    dataset_id: int | None
    dataset_name: str | None
    leaky: bool | None
    test_accuracy: float | None


@dataclass(frozen=True)
class ExperimentEntry:
    """A trained experiment.

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
    """The trained experiment of that id.  `home` is PFD_HOME, by default the configured one.

    Raises
    ------
    DataError : there is none, and the message names the newest ones; or it has not been trained, and the message says
        what has become of it.
    """
    return entry_of(_trained(session, ref), home or load_settings().values.home)


def require_experiment(session: Session, ref: int) -> None:
    """Raise `DataError` where there is no such experiment, with the newest ones, or it has not been trained."""
    _trained(session, ref)


def _trained(session: Session, ref: int) -> ExperimentRow:
    row = _found(session, ref)
    require_success(session, row, f"experiment {ref}")
    return row


def _found(session: Session, ref: int) -> ExperimentRow:
    return require_row(session, ExperimentRow, ref, "experiment", made_by="train_model_task")


def experiment_names(session: Session) -> Iterator[tuple[str, str]]:
    """The ids of trained experiments, newest first, each with what it is."""
    columns = (ExperimentRow.id, ExperimentRow.name, ExperimentRow.model, ExperimentRow.dataset_name)
    trained = status_of(ExperimentRow) == RowStatus.SUCCESS
    query = select(*columns).where(trained).order_by(ExperimentRow.id.desc())
    for ref, name, model, dataset_name in session.execute(query.execution_options(yield_per=500)):
        yield str(ref), f"{model} on {dataset_name}{f': {name}' if name else ''}"


def list_experiments(
    session: Session, *, status: RowStatus | str | None = None, limit: int | None = None, before: int | None = None
) -> list[ExperimentSummary]:
    """Experiments of any status, or of one, newest first: at most `limit`, those with ids below `before`."""
    query = select(*_SUMMARY, status_of(ExperimentRow), reason_of(ExperimentRow)).order_by(ExperimentRow.id.desc())
    if status is not None:
        query = query.where(status_of(ExperimentRow) == RowStatus(status))
    if before is not None:
        query = query.where(ExperimentRow.id < before)
    return [_summary(*found) for found in session.execute(query.limit(limit))]


def summarize_experiment(session: Session, ref: int) -> ExperimentSummary:
    """What has become of the experiment of that id, whatever its status.

    Raises
    ------
    DataError : there is none; the message names the newest ones.
    """
    found = list_experiments(session, limit=1, before=ref + 1)
    if not found or found[0].id != ref:
        _found(session, ref)  # which says that there is none
    return found[0]


_SUMMARY = (
    *(ExperimentRow.id, ExperimentRow.name, ExperimentRow.created_at, ExperimentRow.job_id, ExperimentRow.model),
    *(ExperimentRow.dataset_id, ExperimentRow.dataset_name, ExperimentRow.leaky),
    type_coerce(ExperimentRow.metrics, NullType()),  # as it is stored, since a damaged row hides no other
)


def _summary(
    number: int,
    name: str,
    created_at: float,
    job_id: str | None,
    model: str | None,
    dataset_id: int | None,
    dataset_name: str | None,
    leaky: bool | None,
    metrics: object,
    status: RowStatus,
    reason: str,
) -> ExperimentSummary:
    return ExperimentSummary(
        number, name, created_at, job_id, status, reason, model, dataset_id, dataset_name, leaky, _accuracy(metrics)
    )


def _accuracy(metrics: object) -> float | None:
    """The accuracy in the test part, from metrics as they are stored; None where they do not say it."""
    try:
        found = json.loads(metrics) if isinstance(metrics, str) else metrics
        accuracy = found["test"]["accuracy"]  # type: ignore[index]
    except (ValueError, LookupError, TypeError, RecursionError):
        return None
    return float(accuracy) if isinstance(accuracy, float | int) and 0 <= accuracy <= 1 else None


def create_experiment(session: Session, name: str = "") -> int:
    """Make an experiment that a job is to train later, which is given its id as `experiment_id`; that id.

    Raises
    ------
    ParameterError : the name is too long, or would not be shown.
    """
    if len(name) > MAX_NAME or not name.isprintable():
        raise ParameterError(f"name={name[:40]!r}: a name is one line of at most {MAX_NAME} characters")
    row = ExperimentRow(name=name)
    session.add(row)
    session.flush()
    return row.id


def draft(session: Session, job: SubmittedJob) -> None:
    """Write the row of a training job when it is submitted."""
    params = job.params

    def known(name: str, kind: type) -> Any:
        """A parameter, where it is not the result of another job that is yet to come."""
        value = params.get(name)
        return value if type(value) is kind else None

    values = {
        **dict.fromkeys(BY_THE_RUN),
        "model": known("model", str),
        "dataset_id": known("dataset", int),
        "dataset_name": known("dataset", str),
        "feature_set_id": known("feature_set", int),
        "random_seed": known("random_seed", int),
        "config": {"params": dict(params)},
    }
    draft_for_job(session, ExperimentRow, job, values, what="experiment", number=params.get("experiment_id"))


def stored_files(session: Session, home: Path) -> Iterator[StoredFile]:
    """The files of each experiment that a run has written."""
    written = select(ExperimentRow).where(ExperimentRow.written_by.is_not(None))
    for row in session.scalars(written.order_by(ExperimentRow.id)):
        entry = entry_of(row, home)
        yield entry.model_file
        yield entry.predictions_file


def entry_of(row: ExperimentRow, home: Path) -> ExperimentEntry:
    """The experiment of a row that a run has written."""

    def file(what: str, name: str, seal: object) -> StoredFile:
        return StoredFile(f"{what} of experiment {row.id}", home, name, Seal.from_json(seal), CHANGED)

    found: Any = row  # a run has filled all of it
    if lacking := [name for name in NEEDED if getattr(row, name) is None]:
        raise DataError(f"experiment {row.id} is damaged: it has no {', '.join(lacking)}", hint="train it again")
    return ExperimentEntry(
        id=row.id,
        job_id=found.job_id,
        model=found.model,
        dataset_id=found.dataset_id,
        dataset_name=found.dataset_name,
        dataset_fingerprint=found.dataset_fingerprint,
        feature_set_id=row.feature_set_id,
        random_seed=found.random_seed,
        provenance=found.provenance,
        leaky=found.leaky,
        classes=tuple(found.classes),
        split=found.split,
        config=found.config,
        metrics=found.metrics,
        model_file=file("model", found.model_path, row.model_seal),
        predictions_file=file("predictions", found.predictions_path, row.predictions_seal),
        leaks=tuple(map(str, row.leaks or ())),
        split_protocol=row.split_protocol,
        split_digest=row.split_digest,
    )
