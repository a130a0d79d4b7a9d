"""Tables of an import: what spreadsheets would run is marked where it is written, and read as it was."""

from __future__ import annotations

import csv
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

from pfd.csv_tables import from_cell, write_csv
from pfd_plugin_data import ChannelInfo, RecordingInfo
from pfd_plugin_mat_import.findings import Measured
from pfd_plugin_mat_import.report import write_table
from pfd_plugin_mat_import.table import read_table

FORMULAS = ["=HYPERLINK(1)", "+1+1", "-2+3", "@x", "'=x"]


def recording(text: str) -> Measured:
    measures: Any = SimpleNamespace()  # which the table does not look at
    info = RecordingInfo(
        record_id=text,
        bearing_id=text,
        specimen=None,
        geometry=None,
        fault_type=None,
        fault_size=None,
        fault_origin=None,
        severity=None,
        condition=None,
        rpm=1797.5,
        rpm_source=text,
        load=text,
        channels=(ChannelInfo(text, None, None),),
        sample_rate_hz=12_000.0,
        n_samples=100,
        sha256="0" * 64,
        source="bench",
        licence=None,
    )
    return Measured(info, measures, (text,))


@pytest.mark.parametrize("text", FORMULAS)
def test_the_table_of_an_import_runs_nothing_in_a_spreadsheet(tmp_path: Path, text: str) -> None:
    write_table(tmp_path / "bearings.csv", [(text, recording(text))])
    with (tmp_path / "bearings.csv").open(encoding="utf-8", newline="") as file:
        [row] = csv.DictReader(file)
    texts = ("bearing_id", "record_id", "file", "rpm_source", "load", "notes", "channels")
    assert {row[name] for name in texts} == {f"'{text}"}
    assert {from_cell(row[name]) for name in texts} == {text}
    assert (row["rpm"], row["sample_rate_hz"]) == ("1797.5", "12000.0")


@pytest.mark.parametrize("text", FORMULAS)
def test_a_mapping_table_that_was_written_so_is_read_as_it_was(tmp_path: Path, text: str) -> None:
    write_csv(tmp_path / "labels.csv", ["file", "load", "rpm"], [[f"{text}.mat", text, -1500]])
    assert read_table(tmp_path / "labels.csv").row(f"{text}.mat") == {"load": text, "rpm": "-1500"}
