from __future__ import annotations

import csv
from pathlib import Path
from typing import Any

import pytest

import pfd
from pfd import JobFailed, ParameterError
from pfd_plugin_data import find_dataset, make_split, open_dataset
from pfd_plugin_mat_import import import_mat_dataset_task


@pytest.fixture
def files(pfd_home: Path, save, cwru) -> Path:
    """Two good recordings of one bearing, one of another, and a damaged file."""
    assert pfd_home
    save("105.mat", cwru(105))
    save("106.mat", cwru(106))
    good: Path = save("118.mat", cwru(118))
    (good.parent / "bad.mat").write_bytes(good.read_bytes()[:500])
    return good.parent


def run(**params: Any) -> dict[str, Any]:
    result: dict[str, Any] = import_mat_dataset_task.delay(params).get()
    return result


def test_a_folder_is_imported_and_what_cannot_be_is_reported(files: Path) -> None:
    handle = import_mat_dataset_task.delay({"source": str(files), "name": "cwru"})
    result = handle.get()
    assert (result["n_recordings"], result["n_bearings"]) == (3, 2)
    assert result["classes"] == {"inner_race": 2, "ball": 1}
    assert result["bearings"] == [
        {"bearing_id": "cwru-DE-B007", "fault_type": "ball", "fault_size": 0.007, "records": ["cwru-118"]},
        {
            "bearing_id": "cwru-DE-IR007",
            "fault_type": "inner_race",
            "fault_size": 0.007,
            "records": ["cwru-105", "cwru-106"],
        },
    ]
    assert result["n_failures"] == 1
    assert [item["file"] for item in result["failures"]] == ["bad.mat"]
    with handle.artifacts["bearings.csv"].open(newline="", encoding="utf-8") as file:
        rows = list(csv.DictReader(file))
    assert [row["record_id"] for row in rows] == ["cwru-118", "cwru-105", "cwru-106"]
    assert rows[1]["sample_rate_source"] == "CWRU table, X105"
    with pfd.reading() as session:
        entry = find_dataset(session, "cwru")
    with open_dataset(entry.path) as dataset:
        dataset.verify()
        assert dataset.fingerprint == result["fingerprint"]


def test_one_file_can_be_imported(files: Path) -> None:
    assert run(source=str(files / "105.mat"))["n_recordings"] == 1


def test_strict_refuses_all_and_leaves_nothing(files: Path, pfd_home: Path) -> None:
    with pytest.raises(JobFailed, match=r"1 of 4 files cannot be imported, and strict refuses all: bad\.mat"):
        run(source=str(files), strict=True)
    assert list(pfd_home.rglob("*.h5")) == []


def test_an_import_without_a_usable_file_fails_with_the_reasons(files: Path) -> None:
    with pytest.raises(JobFailed, match=r"none of 4 files could be imported: 105\.mat: not the layout uestc"):
        run(source=str(files), layout="uestc")


def test_a_source_outside_the_allowed_roots_is_refused(pfd_home: Path) -> None:
    assert pfd_home
    with pytest.raises(ParameterError, match="outside the allowed folders"):
        import_mat_dataset_task.delay({"source": "/proc"})


def test_the_same_files_give_the_same_fingerprint_whatever_the_name(files: Path) -> None:
    assert run(source=str(files), name="a")["fingerprint"] == run(source=str(files), name="b")["fingerprint"]


def test_the_cwru_recordings_make_nine_faulty_bearings_that_split_without_the_lone_healthy_one(
    test_data: Path, pfd_home: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert pfd_home
    monkeypatch.setenv("PFD_ROOTS", str(test_data))
    result = run(source=str(test_data / "cwru"), name="cwru")
    assert (result["n_recordings"], result["n_bearings"], result["n_failures"]) == (20, 10, 0)
    with pfd.reading() as session:
        entry = find_dataset(session, "cwru")
    with open_dataset(entry.path) as dataset:
        with pytest.raises(pfd.DataError, match="class 'normal' has 1 bearing"):
            make_split(dataset.recordings)
        split = make_split(dataset.recordings, leave_out=["normal"])
        assert split.stamp == (
            "split by bearing: 3 bearings train, 3 bearings validation, 3 bearings test; left out: normal"
        )
