from __future__ import annotations

import csv
import zipfile
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import scipy.io

from pfd_plugin_mat_import.findings import Measured, find
from pfd_plugin_mat_import.importing import Outcome, import_files
from pfd_plugin_mat_import.measures import measure
from pfd_plugin_mat_import.reader import Reader
from pfd_plugin_mat_import.sources import find_files


@pytest.fixture(scope="module")
def imported(test_data: Path) -> dict[str, Outcome]:
    with Reader() as reader:
        return {outcome.file: outcome for outcome in import_files(find_files(test_data, reader), reader)}


def manifest(folder: Path) -> list[dict[str, str]]:
    with (folder / "manifest.csv").open(newline="", encoding="utf-8") as file:
        return list(csv.DictReader(file))


def test_every_recording_of_the_manifest_is_imported_as_the_manifest_says(test_data, imported) -> None:
    rows = manifest(test_data)
    assert rows
    for row in rows:
        outcome = imported[row["file"]]
        assert outcome.imported is not None, f"{row['file']}: {outcome.reason}"
        info = outcome.imported.info
        size = float(row["fault_size_in"]) if row["fault_size_in"] else None
        assert info.fault_type == row["fault"]
        assert info.fault_size == (0.0 if row["fault"] == "normal" else size)
        assert info.load == row["load"]
        assert info.rpm == float(row["rpm"])
        assert info.sample_rate_hz == float(row["fs_hz"])
        assert info.n_samples == int(row["samples"])
        assert info.sha256 == row["sha256"]


def test_the_signals_are_those_of_the_files(test_data: Path, imported) -> None:
    for name, variable in [
        ("cwru/174.mat", "X173_DE_time"),
        ("cwru/97.mat", "X097_DE_time"),
        ("uestc/B_800_5.mat", "Data"),
    ]:
        expected = scipy.io.loadmat(test_data / name, variable_names=[variable])[variable][:, 0]
        np.testing.assert_array_equal(imported[name].imported.signal[0], expected.astype(np.float32))


def test_the_twelve_kilohertz_fault_files_are_nine_bearings(imported) -> None:
    infos = [outcome.imported.info for name, outcome in imported.items() if name.startswith("cwru/")]
    faulty = [info for info in infos if info.sample_rate_hz == 12_000]
    assert len(faulty) == 18
    bearings: dict[str, int] = {}
    for info in faulty:
        bearings[info.bearing_id] = bearings.get(info.bearing_id, 0) + 1
    assert len(bearings) == 9
    assert set(bearings.values()) == {2}


def test_174_is_the_bearing_of_169_and_the_healthy_one_runs_at_48_kilohertz(imported) -> None:
    info = {name: outcome.imported.info for name, outcome in imported.items() if outcome.imported}
    assert info["cwru/174.mat"].bearing_id == info["cwru/169.mat"].bearing_id
    assert info["cwru/97.mat"].sample_rate_hz == info["cwru/174.mat"].sample_rate_hz == 48_000


def test_renamed_files_of_cwru_are_the_same_recordings(test_data: Path, tmp_path: Path, imported) -> None:
    files = sorted((test_data / "cwru").glob("*.mat"))
    for index, path in enumerate(files):
        (tmp_path / f"measurement {index}.mat").symlink_to(path)
    with Reader() as reader:
        for index, path in enumerate(files):
            info = reader.read(tmp_path / f"measurement {index}.mat")[0].info
            expected = imported[f"cwru/{path.name}"].imported.info
            assert replace(info, source=expected.source) == expected


def test_all_at_once_out_of_a_zip_file_is_the_same(test_data: Path, tmp_path: Path, imported) -> None:
    path = tmp_path / "all.zip"
    known = [row["file"] for row in manifest(test_data)]
    with zipfile.ZipFile(path, "w", zipfile.ZIP_STORED) as file:
        for name in known:
            file.write(test_data / name, name)
    with Reader() as reader:
        found = {one.file: one for one in import_files(find_files(path, reader), reader)}
    assert {f"all.zip/{name}" for name in known} == set(found)
    for name in known:
        packed, plain = found[f"all.zip/{name}"].imported, imported[name].imported
        assert packed is not None, found[f"all.zip/{name}"].reason
        assert packed.info == plain.info
        np.testing.assert_array_equal(packed.signal, plain.signal)


def test_physics_agrees_with_the_geometry_and_the_speed_that_were_taken(test_data: Path, imported) -> None:
    """Inner race faults at 12 kHz and of MFPT show their line within 1 %, and all of them the shaft's."""
    for name, outcome in imported.items():
        if outcome.imported is None or not name.startswith(("cwru/", "mfpt/")):
            continue
        info = outcome.imported.info
        found = measure(info, outcome.imported.signal)
        assert not found.constant
        if info.sample_rate_hz == 12_000 or name.startswith("mfpt/"):
            assert found.shaft_line is not None
            assert found.shaft_line.present, name
        if info.fault_type == "inner_race" and info.sample_rate_hz != 48_000:
            assert found.fault_line is not None
            assert found.fault_line.present, name
            assert abs(found.fault_line.found_hz / found.fault_line.expected_hz - 1) < 0.01


def test_the_healthy_files_of_another_rate_are_found(test_data: Path, imported) -> None:
    infos = [one.imported for name, one in imported.items() if name.startswith("cwru/") and one.imported]
    found = find([Measured(one.info, measure(one.info, one.signal), ()) for one in infos])
    [rates] = [finding.text for finding in found if finding.kind == "rate_by_class"]
    assert "normal 48000" in rates
    assert "ball 12000;" in rates
    assert not [finding for finding in found if finding.kind == "constant"]


def test_every_other_file_is_reported_with_a_reason(test_data: Path, imported) -> None:
    known = {row["file"] for row in manifest(test_data)}
    others = {name: outcome for name, outcome in imported.items() if name not in known}
    assert len(others) == len(list((test_data / "mat_fixtures").glob("*.mat")))
    for outcome in others.values():
        assert outcome.imported is None
        assert outcome.reason
