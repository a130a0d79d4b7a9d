"""The tasks: domain functions with a job's progress, files and table around them."""

from __future__ import annotations

import csv
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from pfd import DataError, TaskContext
from pfd_plugin_data import DatasetWriter, open_dataset, register_dataset
from pfd_plugin_mat_import.importing import find_files, import_files
from pfd_plugin_mat_import.layouts import Imported
from pfd_plugin_mat_import.params import FileFailure, ImportedBearing, ImportMatDatasetParams, ImportMatDatasetResult

SHOWN_FAILURES = 100

_Row = dict[str, Any]
"""One line of `bearings.csv`, by its heads."""


def import_mat_dataset(params: ImportMatDatasetParams, ctx: TaskContext) -> ImportMatDatasetResult:
    """Import MATLAB files as a dataset; what cannot be imported is reported with its reason."""
    files = find_files(params.source)
    path = ctx.artifact(f"{params.name}.h5")
    failures: list[FileFailure] = []
    rows: list[_Row] = []
    with DatasetWriter(path, params.name) as writer:
        for done, outcome in enumerate(import_files(files, params.source, params.layout), start=1):
            ctx.check_cancelled()
            if outcome.imported is None:
                ctx.log.warning("%s: %s", outcome.file, outcome.reason)
                failures.append(FileFailure(file=outcome.file, reason=outcome.reason))
            else:
                writer.add(outcome.imported.info, outcome.imported.signal)
                rows.append(_row(outcome.file, outcome.imported))
            ctx.progress(done / len(files), f"file {done}/{len(files)}", file=outcome.file)
        _require_usable(params, failures, len(files))
    _write_csv(ctx.artifact("bearings.csv"), rows)
    with open_dataset(path) as dataset, ctx.session() as session:
        entry = register_dataset(session, dataset, job_id=ctx.job_id, home=ctx.settings.home)
    return ImportMatDatasetResult(
        dataset_id=entry.id,
        name=entry.name,
        fingerprint=entry.fingerprint,
        n_recordings=entry.n_recordings,
        n_bearings=entry.n_bearings,
        classes=entry.classes,
        bearings=_bearings(rows),
        failures=failures[:SHOWN_FAILURES],
        n_failures=len(failures),
    )


def _require_usable(params: ImportMatDatasetParams, failures: Sequence[FileFailure], total: int) -> None:
    if not failures or (not params.strict and len(failures) < total):
        return
    shown = "; ".join(f"{item.file}: {item.reason}" for item in failures[:2])
    more = f"; and {len(failures) - 2} more" if len(failures) > 2 else ""
    if len(failures) == total:
        hint = None if params.layout == "auto" else "layout=auto recognises the layout of each file"
        raise DataError(f"none of {total} files could be imported: {shown}{more}", hint=hint)
    raise DataError(
        f"{len(failures)} of {total} files cannot be imported, and strict refuses all: {shown}{more}",
        hint="mend or remove them, or import the others with strict=false",
    )


def _row(file: str, imported: Imported) -> _Row:
    info = imported.info
    return {
        "bearing_id": info.bearing_id,
        "fault_type": info.fault_type,
        "fault_size_in": info.fault_size,
        "record_id": info.record_id,
        "file": file,
        "rpm": info.rpm,
        "rpm_source": info.rpm_source,
        "load": info.load,
        "sample_rate_hz": info.sample_rate_hz,
        "sample_rate_source": imported.rate_source,
        "n_samples": info.n_samples,
        "channels": " ".join(channel.sensor for channel in info.channels),
        "sha256": info.sha256,
    }


def _bearings(rows: Sequence[_Row]) -> list[ImportedBearing]:
    members: dict[str, list[_Row]] = {}
    for row in rows:
        members.setdefault(row["bearing_id"], []).append(row)
    return [
        ImportedBearing(
            bearing_id=name,
            fault_type=found[0]["fault_type"],
            fault_size=found[0]["fault_size_in"],
            records=[row["record_id"] for row in found],
        )
        for name, found in sorted(members.items())
    ]


def _write_csv(path: Path, rows: Sequence[_Row]) -> None:
    """One line a recording, ordered by bearing: which recordings are of which bearing, and where figures are from."""
    with path.open("w", newline="", encoding="utf-8") as file:
        writer = csv.DictWriter(file, rows[0].keys())
        writer.writeheader()
        writer.writerows(sorted(rows, key=lambda row: (row["bearing_id"], row["record_id"])))
