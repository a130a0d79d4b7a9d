"""The tasks: domain functions with a job's progress, files and table around them."""

from __future__ import annotations

import contextlib
from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from typing import Any

import numpy as np
import numpy.typing as npt

from pfd import DataError, Hint, TaskContext
from pfd_plugin_data import FAULTS, DatasetWriter, RecordingInfo, keep_overview, open_dataset, register_dataset
from pfd_plugin_mat_import import report
from pfd_plugin_mat_import.bearings import unite
from pfd_plugin_mat_import.copies import CopyFinder
from pfd_plugin_mat_import.examining import examine
from pfd_plugin_mat_import.findings import Measured, find
from pfd_plugin_mat_import.importing import import_files
from pfd_plugin_mat_import.params import FileFailure, Finding, ImportMatDatasetParams, ImportMatDatasetResult
from pfd_plugin_mat_import.reader import Reader
from pfd_plugin_mat_import.sources import find_files
from pfd_plugin_mat_import.table import Table, read_table

SHOWN_FAILURES = 100
SHOWN_FINDINGS = 50


_Keep = Callable[[RecordingInfo, npt.NDArray[np.float32], Mapping[str, npt.NDArray[Any]]], None]
"""Takes a recording that was read into the dataset, with the course of its speed."""


def import_mat_dataset(params: ImportMatDatasetParams, ctx: TaskContext) -> ImportMatDatasetResult:
    """Import files of recordings as a dataset; what cannot be imported is reported with its reason."""
    table = read_table(params.mapping.table)
    path = ctx.artifact(f"{params.name}.h5")
    entry = None
    with contextlib.ExitStack() as stack:
        reader = stack.enter_context(Reader(params.layout, params.mapping))
        writer = None if params.dry_run else stack.enter_context(DatasetWriter(path, params.name))
        copies = CopyFinder()
        recordings, failures = _import(params, ctx, reader, table, copies, writer.add if writer else None)
        if writer:
            _require_usable(params, failures, len({file for file, _ in recordings}) + len(failures))
        shared = copies.find()
        infos, united = unite([recording.info for _, recording in recordings], shared)
        if writer:
            for info, (_, before) in zip(infos, recordings, strict=True):
                if info is not before.info:
                    writer.correct(info)
        recordings = [(file, replace(one, info=info)) for info, (file, one) in zip(infos, recordings, strict=True)]
        measured = [recording for _, recording in recordings]
        findings = united + find(measured, shared) + _of_table(table)
        if writer:
            writer.tell(report.for_dataset(findings))
    report.write_table(ctx.artifact("bearings.csv"), recordings)
    report.write_findings(ctx.artifact("findings.json"), findings, recordings)
    if not params.dry_run:
        with open_dataset(path) as dataset, ctx.session() as session:
            entry = register_dataset(session, dataset, job_id=ctx.job_id, home=ctx.settings.home)
        with open_dataset(path) as dataset:
            keep_overview(ctx, dataset.recordings, dataset, entry.id)
    else:
        keep_overview(ctx, [recording.info for recording in measured])
    ctx.progress(1.0, _outcome(len(measured), len(failures), dry_run=params.dry_run))
    classes = Counter(recording.info.fault_type for recording in measured if recording.info.fault_type)
    return ImportMatDatasetResult(
        dataset_id=entry.id if entry else None,
        name=params.name,
        fingerprint=entry.fingerprint if entry else None,
        dry_run=params.dry_run,
        n_recordings=len(measured),
        n_bearings=len({recording.info.bearing_id for recording in measured}),
        classes={fault: classes[fault] for fault in FAULTS if classes[fault]},
        n_unlabelled=len(measured) - classes.total(),
        bearings=report.bearings(measured),
        failures=report.within(failures[:SHOWN_FAILURES]),
        n_failures=len(failures),
        findings=report.within(findings[:SHOWN_FINDINGS]),
        n_findings=len(findings),
    )


def _import(
    params: ImportMatDatasetParams,
    ctx: TaskContext,
    reader: Reader,
    table: Table,
    copies: CopyFinder,
    keep: _Keep | None,
) -> tuple[list[tuple[str, Measured]], list[FileFailure]]:
    """Read, measure and keep each file; the recordings by the files that they are from, and what could not be read."""
    recordings: list[tuple[str, Measured]] = []
    failures: list[FileFailure] = []
    files = find_files(params.source, reader, params.mapping.table)
    done = 0
    classes: Counter[str] = Counter()
    for outcome, found in examine(import_files(files, reader, table), copies):
        ctx.check_cancelled()
        if outcome.imported is None or found is None:
            ctx.log.warning("%s: %s", outcome.file, outcome.reason)
            failures.append(FileFailure(file=outcome.file, reason=outcome.reason))
        else:
            speed_hz = outcome.imported.speed_hz
            if keep:
                keep(found.info, outcome.imported.signal, {} if speed_hz is None else {"speed_hz": speed_hz})
            recordings.append((outcome.file, found))
            classes[found.info.fault_type or "unlabelled"] += 1
            ctx.record("classes", len(recordings), **classes)
        done += outcome.last
        ctx.progress(done / len(files), f"File {done}/{len(files)}", file=outcome.file, failures=len(failures))
    return recordings, failures


def _require_usable(params: ImportMatDatasetParams, failures: Sequence[FileFailure], total: int) -> None:
    if not failures or (not params.strict and len(failures) < total):
        return
    shown = "; ".join(f"{item.file}: {item.reason}" for item in failures[:2])
    more = f"; and {len(failures) - 2} more" if len(failures) > 2 else ""
    if len(failures) == total:
        hint = (
            None
            if params.layout == "auto"
            else f"{Hint.parameter('layout', 'auto')} recognises the layout of each file"
        )
        raise DataError(f"none of {total} files could be imported: {shown}{more}", hint=hint)
    raise DataError(
        f"{len(failures)} of {total} files cannot be imported, and strict refuses all: {shown}{more}",
        hint=f"mend or remove them, or import the others with {Hint.parameter('strict', False)}",
    )


def _outcome(imported: int, refused: int, *, dry_run: bool) -> str:
    what = "recordings would be imported" if dry_run else "recordings imported"
    return f"{imported} {what}{f', {refused} files refused' if refused else ''}"


def _of_table(table: Table) -> list[Finding]:
    if not (unused := table.unused):
        return []
    return [
        Finding(kind="odd", records=[], text=f"the table has rows of files that are not there: {', '.join(unused[:5])}")
    ]
