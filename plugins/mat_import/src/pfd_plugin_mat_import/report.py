"""What an import leaves beside the dataset: a table of its recordings, and its findings."""

from __future__ import annotations

import json
from collections.abc import Sequence
from pathlib import Path
from typing import Any, TypeVar

from pydantic import BaseModel

import pfd_plugin_data as data
from pfd import write_json
from pfd.csv_tables import write_csv
from pfd_plugin_mat_import.findings import Measured
from pfd_plugin_mat_import.params import Finding, ImportedBearing

T = TypeVar("T", bound=BaseModel)

MOST_OF_A_LIST = 50_000
"""Most letters that the result spends on failures, and on findings."""

MAX_LISTED = 100_000
"""Most letters that the result spends on bearings and the names of their recordings."""


def write_table(path: Path, recordings: Sequence[tuple[str, Measured]]) -> None:
    """One line a recording, ordered by bearing: of which bearing it is, and where its values are from."""
    rows = [_row(file, measured) for file, measured in recordings]
    rows.sort(key=lambda row: (row["bearing_id"], row["record_id"]))
    write_csv(path, list(rows[0]) if rows else ["bearing_id"], [list(row.values()) for row in rows])


def _row(file: str, measured: Measured) -> dict[str, Any]:
    info, origins = measured.info, measured.info.origins
    return {
        "bearing_id": info.bearing_id,
        "bearing_source": origins.get("bearing_id"),
        "fault_type": info.fault_type,
        "fault_source": origins.get("fault_type"),
        "fault_size_in": info.fault_size,
        "record_id": info.record_id,
        "file": file,
        "rpm": info.rpm,
        "rpm_source": info.rpm_source,
        "rpm_measured": info.rpm_measured,
        "rpm_uncertainty": info.rpm_uncertainty,
        "load": info.load,
        "load_source": origins.get("load"),
        "sample_rate_hz": info.sample_rate_hz,
        "sample_rate_source": origins.get("sample_rate_hz"),
        "n_samples": info.n_samples,
        "channels": " ".join(channel.sensor for channel in info.channels),
        "units": " ".join(channel.unit or "?" for channel in info.channels),
        "unit_source": origins.get("unit"),
        "geometry": json.dumps(info.geometry) if info.geometry else None,
        "geometry_source": origins.get("geometry"),
        "treatment": info.treatment,
        "sha256": info.sha256,
        "notes": "; ".join(measured.notes),
    }


def write_findings(path: Path, findings: Sequence[Finding], recordings: Sequence[tuple[str, Measured]]) -> None:
    """All findings, and of each recording what was measured and where its values are from."""
    found = {
        "findings": [finding.model_dump() for finding in findings],
        "recordings": [{"file": file, **measured.to_json()} for file, measured in recordings],
    }
    write_json(path, found, indent=1)


def for_dataset(findings: Sequence[Finding]) -> list[data.Finding]:
    """The findings as a dataset keeps them."""
    return [data.Finding(finding.kind, tuple(finding.records), finding.text) for finding in findings]


def within(items: Sequence[T]) -> list[T]:
    """As many of the first as a result may hold."""
    found, left = [], MOST_OF_A_LIST
    for item in items:
        left -= len(item.model_dump_json())
        if left < 0:
            break
        found.append(item)
    return found


def bearings(recordings: Sequence[Measured]) -> list[ImportedBearing]:
    """The bearings and their recordings, as many as a result may hold."""
    members: dict[str, list[Measured]] = {}
    for measured in recordings:
        members.setdefault(measured.info.bearing_id, []).append(measured)
    found, left = [], MAX_LISTED
    for name, group in sorted(members.items()):
        records = []
        left -= len(name)
        for measured in group:
            left -= len(measured.info.record_id)
            if left < 0:
                break
            records.append(measured.info.record_id)
        if left < 0 and not records:
            break
        info = group[0].info
        found.append(
            ImportedBearing(bearing_id=name, fault_type=info.fault_type, fault_size=info.fault_size, records=records)
        )
    return found
