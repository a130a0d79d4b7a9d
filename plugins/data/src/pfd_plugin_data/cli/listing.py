"""`pfd data ls` and `pfd data show`."""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Sequence
from dataclasses import asdict, fields
from typing import Any

import click

from pfd import reading
from pfd.console import echo, moment, one_line, print_json, print_table
from pfd_plugin_data.catalog import DatasetEntry, find_dataset, list_datasets
from pfd_plugin_data.classes import UNLABELLED
from pfd_plugin_data.dataset import Dataset
from pfd_plugin_data.recording import FAULTS, TRACED, RecordingInfo

SHOWN_ORIGINS = 2
"""Of a column."""

SHOWN_RECORDS = 3
"""Of a finding."""


@click.command("ls")
@click.option("--json", "as_json", is_flag=True, help="Print JSON.")
def ls(as_json: bool) -> None:
    """List the datasets, newest first."""
    with reading() as session:
        entries = list_datasets(session)
    if as_json:
        print_json([_entry_json(entry) for entry in entries])
        return
    if not entries:
        echo("no datasets yet; 'pfd submit generate_dataset_task' or 'import_mat_dataset_task' makes one")
        return
    rows = [
        (entry.id, entry.name, entry.n_recordings, entry.n_bearings, _counts(entry), moment(entry.created_at))
        for entry in entries
    ]
    print_table(("ID", "NAME", "RECORDINGS", "BEARINGS", "CLASSES", "MADE"), rows, right={0, 2, 3})


@click.command("show")
@click.argument("dataset")
@click.option("--verify", is_flag=True, help="Read all of it and compare with its fingerprint.")
@click.option("--json", "as_json", is_flag=True, help="Print JSON.")
def show(dataset: str, verify: bool, as_json: bool) -> None:
    """Show the recordings of a dataset, its bearings and class balance, where its columns came from, and findings.

    DATASET is an id, or a name: then the newest of that name.
    """
    with reading() as session:
        entry = find_dataset(session, dataset)
    with entry.open() as found:
        if verify:
            found.verify()
        if as_json:
            recordings = [asdict(info) for info in found.recordings]
            about = {"verified": verify, "recordings": recordings, "findings": _findings_json(found)}
            print_json(_entry_json(entry) | about)
        else:
            _show(entry, found, verified=verify)


def _show(entry: DatasetEntry, dataset: Dataset, *, verified: bool) -> None:
    echo(one_line(f"dataset {entry.id}  {entry.name}  made {moment(entry.created_at)} by job {entry.job_id}"))
    echo(one_line(entry.path))
    echo(f"fingerprint {entry.fingerprint}{' (verified)' if verified else ''}\n")
    print_table(
        ("RECORDING", "BEARING", "FAULT", "SIZE", "RPM", "MEASURED", "LOAD", "HZ", "SEC", "CHANNELS"),
        [_recording_row(info) for info in dataset.recordings],
        right={3, 4, 5, 7, 8},
        optional=(9, 6, 3),
    )
    echo()
    print_table(
        ("CLASS", "BEARINGS", "RECORDINGS", "SECONDS", "SHARE"), _balance(dataset.recordings), right={1, 2, 3, 4}
    )
    echo()
    if any(info.origins for info in dataset.recordings):
        print_table(("COLUMN", "TOLD", "FROM"), _origins(dataset.recordings), right={1})
    else:
        echo("where the values of columns came from is not told")
    echo()
    _show_findings(dataset)


def _show_findings(dataset: Dataset) -> None:
    if dataset.findings:
        rows = [(finding.kind, _named(finding.records), finding.text) for finding in dataset.findings]
        print_table(("FINDING", "RECORDINGS", "TEXT"), rows)
    else:
        echo("findings: nobody has looked for any" if dataset.findings is None else "findings: none")


def _named(records: Sequence[str]) -> str:
    more = [f"{len(records) - SHOWN_RECORDS} more"] if len(records) > SHOWN_RECORDS else []
    return ", ".join([*records[:SHOWN_RECORDS], *more]) or "-"


def _recording_row(info: RecordingInfo) -> tuple[object, ...]:
    return (
        info.record_id,
        info.bearing_id,
        info.fault_type or "?",
        "?" if info.fault_size is None else f'{info.fault_size:g}"' if info.fault_size else "-",
        "?" if info.rpm is None else f"{info.rpm:g}",
        "-" if info.rpm_measured is None else f"{info.rpm_measured:g} ±{info.rpm_uncertainty:g}",
        info.load or "?",
        f"{info.sample_rate_hz:g}",
        f"{info.n_samples / info.sample_rate_hz:.2f}",
        ",".join(channel.sensor for channel in info.channels),
    )


def _balance(recordings: Sequence[RecordingInfo]) -> list[tuple[object, ...]]:
    """One row a class: how many bearings, recordings and seconds it has, and its share of the seconds.

    What is unlabelled is not a class, and stands last.
    """
    members: defaultdict[str, list[RecordingInfo]] = defaultdict(list)
    for info in recordings:
        members[info.fault_type or UNLABELLED].append(info)
    seconds = {fault: sum(i.n_samples / i.sample_rate_hz for i in infos) for fault, infos in members.items()}
    return [
        (
            fault,
            len({info.bearing_id for info in members[fault]}),
            len(members[fault]),
            f"{seconds[fault]:.1f}",
            f"{seconds[fault] / sum(seconds.values()):.0%}",
        )
        for fault in (*FAULTS, UNLABELLED)
        if fault in members
    ]


def _origins(recordings: Sequence[RecordingInfo]) -> list[tuple[object, ...]]:
    """One row a column: of how many recordings it is told where its value came from, and from where."""
    rows: list[tuple[object, ...]] = []
    for column in TRACED:
        told = Counter(info.origins[column] for info in recordings if column in info.origins)
        shown = [origin for origin, _ in told.most_common(SHOWN_ORIGINS)]
        more = [f"{len(told) - len(shown)} more"] if len(told) > len(shown) else []
        rows.append((column, f"{told.total()}/{len(recordings)}", "; ".join(shown + more) or "-"))
    return rows


def _findings_json(dataset: Dataset) -> list[dict[str, Any]] | None:
    return None if dataset.findings is None else [asdict(finding) for finding in dataset.findings]


def _entry_json(entry: DatasetEntry) -> dict[str, Any]:
    shown = {field.name: getattr(entry, field.name) for field in fields(entry) if field.name != "file"}
    return shown | {"path": str(entry.path), "n_unlabelled": entry.n_unlabelled}


def _counts(entry: DatasetEntry) -> str:
    counts = entry.classes | ({UNLABELLED: entry.n_unlabelled} if entry.n_unlabelled else {})
    return ", ".join(f"{count} {fault}" for fault, count in counts.items())
