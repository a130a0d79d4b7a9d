from __future__ import annotations

import csv
import json
import time
from pathlib import Path
from typing import Any

import numpy as np
import psutil
import pytest
from click.testing import CliRunner

import pfd
from pfd import JobCancelled, JobFailed, KeyConflict, ParameterError
from pfd_plugin_data import find_dataset, list_datasets, make_split, open_dataset
from pfd_plugin_data.cli import data
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
    assert rows[1]["sample_rate_source"] == rows[1]["bearing_source"] == "CWRU table, X105"
    assert (rows[1]["rpm_source"], rows[1]["units"], rows[1]["unit_source"]) == ("file X105RPM", "g g g", "data set")
    with pfd.reading() as session:
        entry = find_dataset(session, "cwru")
    with open_dataset(entry.path) as dataset:
        dataset.verify()
        assert dataset.fingerprint == result["fingerprint"]
        of = {info.record_id: info.origins for info in dataset.recordings}
    assert of["cwru-105"] == dict.fromkeys(
        ("fault_type", "fault_size", "fault_origin", "bearing_id", "specimen", "geometry", "load", "sample_rate_hz"),
        "CWRU table, X105",
    ) | {
        "record_id": "file",
        "rpm": "file X105RPM",
        "sensor": "file, names of the variables",
        **dict.fromkeys(("axis", "unit", "licence"), "data set"),
    }


def test_files_with_odd_values_take_none_of_the_others_down(files: Path, save, mfpt, v73) -> None:
    noise = np.random.default_rng(0).standard_normal((300, 1))
    save("huge_baseline.mat", mfpt(gs=noise * 1e30))
    save("tiny_baseline.mat", mfpt(gs=noise * 1e-35))
    save("slow_baseline.mat", mfpt(sr=5e-324))
    save("fast_baseline.mat", mfpt(rate=1e306))
    save("named.mat", {"A" * 400_000: 1.0}, format="4")

    def build(file: Any) -> None:
        group = file.create_group("bearing")
        group.attrs["MATLAB_class"] = np.bytes_("struct")
        for name, value in {"gs": noise.T, "sr": [[97656.0]], "rate": [[25.0]]}.items():
            group[name] = np.asarray(value, float)
            group[name].attrs["MATLAB_class"] = np.bytes_("double")
        group["load"] = np.array([[0xD800]], np.uint16)  # half of a character
        group["load"].attrs["MATLAB_class"] = np.bytes_("char")

    (files / "surrogate_baseline.mat").write_bytes(v73("surrogate_baseline.mat", {}, build).read_bytes())
    result = run(source=str(files), name="odd")
    reasons = {item["file"]: item["reason"] for item in result["failures"]}
    assert set(reasons) == {"bad.mat", "slow_baseline.mat", "fast_baseline.mat", "named.mat"}
    assert "not 1 to 1e+09" in reasons["slow_baseline.mat"]
    assert "not 0, or 0.01 to 1e+07" in reasons["fast_baseline.mat"]
    assert len(reasons["named.mat"]) < 500
    assert result["n_recordings"] == 6  # three of CWRU, the huge, the tiny, and the one with half a character
    with pfd.reading() as session, open_dataset(find_dataset(session, "odd").path) as dataset:
        assert "\ufffd" in {info.load for info in dataset.recordings}


def test_two_recordings_of_one_id_are_not_said_to_be_the_same(pfd_home: Path, save, uestc) -> None:
    first = save("rig1/N_800_1.mat", uestc())
    save("rig2/N_800_1.mat", uestc(Data=np.arange(300.0)[:, None] ** 2))
    save("rig3/N_800_1.mat", uestc())
    [other, same] = run(source=str(first.parents[1]))["failures"]
    assert "rig1/N_800_1.mat is uestc-N_800_1 as well, with other content" in other["reason"]
    assert same["reason"] == "uestc-N_800_1 was imported already, from rig1/N_800_1.mat"


def test_one_file_can_be_imported(files: Path) -> None:
    assert run(source=str(files / "105.mat"))["n_recordings"] == 1


def test_findings_are_in_the_result_and_in_a_file(files: Path, save, cwru) -> None:
    save("106.mat", cwru(105) | {"X105RPM": 1500})
    save("119.mat", cwru(119, rpm=1500))
    handle = import_mat_dataset_task.delay({"source": str(files)})
    result = handle.get()
    found = json.loads(handle.artifacts["findings.json"].read_text(encoding="utf-8"))
    assert found["findings"] == result["findings"]
    assert result["n_findings"] == len(result["findings"])
    [odd] = [finding for finding in result["findings"] if finding["kind"] == "odd"]
    assert odd["records"] == ["cwru-119"]
    assert "X119RPM says 1500 rpm, the table 1772 at 1 hp" in odd["text"]
    [one] = [recording for recording in found["recordings"] if recording["file"] == "119.mat"]
    assert one["record_id"] == "cwru-119"
    assert one["origins"]["rpm"] == "file X119RPM"
    assert one["bandwidth_of"] == "DE"


def test_findings_are_kept_with_the_dataset_and_shown(files: Path, save, cwru) -> None:
    save("119.mat", cwru(119, rpm=1500))
    result = run(source=str(files), name="odd")
    with pfd.reading() as session, open_dataset(find_dataset(session, "odd").path) as dataset:
        assert dataset.findings is not None
        found = [{"kind": one.kind, "records": list(one.records), "text": one.text} for one in dataset.findings]
    assert found == result["findings"]
    shown = CliRunner().invoke(data, ["show", "odd"]).output
    [line] = [line for line in shown.splitlines() if line.startswith("odd ")]
    assert line.split(maxsplit=2)[1:] == ["cwru-119", "file X119RPM says 1500 rpm, the table 1772 at 1 hp"]


def test_bearings_whose_recordings_share_samples_are_one_in_the_dataset_and_in_every_split(
    pfd_home: Path, save: Any
) -> None:
    faults = {name: ("normal", "ball", "inner_race")[number // 4] for number, name in enumerate("ABCDEFGHIJKL")}
    for number, (name, fault) in enumerate(faults.items()):
        for run_of in (1, 2):
            row = np.random.default_rng([number, run_of]).standard_normal(5000)
            folder = save(f"{fault}/{name}_{run_of}.mat", {"x": row[:, None]}).parents[1]
    first = np.random.default_rng([0, 1]).standard_normal(5000)
    save("ball/E_2.mat", {"x": first[1000:, None] * -2.5 + 1})  # of the bearing A, which is normal
    mapping = {
        "channels": [{"variable": "x"}],
        "values": {"sample_rate_hz": 12000},
        "name_pattern": r"(?P<fault_type>\w+)/(?P<bearing_id>\w)_\d",
    }
    handle = import_mat_dataset_task.delay({"source": str(folder), "name": "mixed", "mapping": mapping})
    result = handle.get()
    found = {finding["kind"]: finding for finding in result["findings"]}
    assert found["duplicate"]["records"] == ["ball/E_2", "normal/A_1"]
    assert found["duplicate"]["text"].endswith(
        "'ball/E_2' is samples 1,001 to 5,000 of 'normal/A_1' scaled by -2.5; labelled ball and normal"
    )
    assert found["one_bearing"]["records"] == ["normal/A_1", "normal/A_2"]
    assert "'A' are taken for one bearing with 'E'" in found["one_bearing"]["text"]
    assert result["n_bearings"] == 11
    assert {"ball/E_1", "ball/E_2", "normal/A_1", "normal/A_2"} == set(
        *(one["records"] for one in result["bearings"] if one["bearing_id"] == "E")
    )
    with handle.artifacts["bearings.csv"].open(newline="", encoding="utf-8") as file:
        rows = {row["record_id"]: row for row in csv.DictReader(file)}
    assert rows["normal/A_2"]["bearing_id"] == "E"
    assert rows["normal/A_2"]["bearing_source"].endswith(", 'A'; one bearing with 'E', as recordings share samples")
    with pfd.reading() as session, open_dataset(find_dataset(session, "mixed").path) as dataset:
        dataset.verify()
        assert dataset.fingerprint == result["fingerprint"]
        infos = dataset.recordings
    assert [info.bearing_id for info in infos].count("E") == 4
    together = {index for index, info in enumerate(infos) if info.bearing_id in "AE"}
    for seed in range(10):
        split = make_split(infos, seed=seed)
        assert sum(bool(together & set(part)) for part in (split.train, split.validation, split.test)) == 1
    dry = run(source=str(folder), mapping=mapping, dry_run=True)
    same = ("n_bearings", "bearings", "findings")
    assert {name: dry[name] for name in same} == {name: result[name] for name in same}


def test_a_dry_run_shows_what_would_be_imported_and_stores_no_dataset(files: Path, pfd_home: Path) -> None:
    handle = import_mat_dataset_task.delay({"source": str(files), "name": "cwru", "dry_run": True})
    result = handle.get()
    assert (result["dry_run"], result["dataset_id"], result["fingerprint"]) == (True, None, None)
    assert (result["n_recordings"], result["n_bearings"], result["n_failures"]) == (3, 2, 1)
    assert list(pfd_home.rglob("*.h5")) == []
    with pfd.reading() as session:
        assert list_datasets(session) == []
    shown = {f"{name}.table.{kind}" for name in ("classes", "bearings") for kind in ("json", "csv")}
    assert set(handle.artifacts) == {"bearings.csv", "findings.json", *shown}
    real = run(source=str(files), name="cwru")
    same = ("n_recordings", "n_bearings", "classes", "bearings", "failures", "findings")
    assert {name: real[name] for name in same} == {name: result[name] for name in same}


def test_a_dry_run_of_nothing_usable_says_why_instead_of_failing(files: Path) -> None:
    result = run(source=str(files), layout="uestc", dry_run=True)
    assert (result["n_recordings"], result["n_failures"]) == (0, 4)
    assert "not the layout uestc: it holds X105_DE_time" in result["failures"][0]["reason"]


def test_a_layout_of_ones_own_is_imported_with_a_table_and_a_row_too_many_is_said(pfd_home: Path, save) -> None:
    for name in ("a", "b"):
        folder = save(f"{name}.mat", {"x": np.arange(300.0) % 7}).parent
    (folder / "labels.csv").write_text("file,fault_type,bearing_id\na.mat,IR,b1\nb.mat,normal,b2\nc.mat,IR,b3\n")
    mapping = {
        "channels": [{"variable": "x", "unit": "g"}],
        "values": {"sample_rate_hz": 1000},
        "table": str(folder / "labels.csv"),
        "words": {"IR": "inner_race"},
    }
    result = run(source=str(folder), layout="generic", mapping=mapping)
    assert result["classes"] == {"normal": 1, "inner_race": 1}
    assert "files that are not there: c.mat" in result["findings"][-1]["text"]


def test_recordings_of_unknown_fault_are_imported_where_that_is_asked_for(pfd_home: Path, save) -> None:
    for name in ("a", "b"):
        folder = save(f"{name}.mat", {"x": np.arange(300.0) % 7}).parent
    (folder / "labels.csv").write_text("file,fault_type\na.mat,\nb.mat,normal\n")
    mapping = {
        "channels": [{"variable": "x", "unit": "g"}],
        "values": {"sample_rate_hz": 1000, "bearing_id": "pump-3"},
        "table": str(folder / "labels.csv"),
    }
    [failure] = run(source=str(folder), mapping=mapping)["failures"]
    assert failure["file"] == "a.mat"
    assert "mapping.unlabelled=true" in failure["reason"]
    result = run(source=str(folder), name="pump", mapping=mapping | {"unlabelled": True})
    assert (result["n_recordings"], result["classes"], result["n_unlabelled"]) == (2, {"normal": 1}, 1)
    assert result["bearings"][0]["fault_type"] is None
    assert {finding["kind"] for finding in result["findings"]} >= {"unlabelled"}
    runner = CliRunner()
    assert "1 normal, 1 unlabelled" in runner.invoke(data, ["ls"]).output
    shown = runner.invoke(data, ["show", "pump"]).output
    assert [line.split()[:3] for line in shown.splitlines() if line.startswith(("a ", "b "))] == [
        ["a", "pump-3", "?"],
        ["b", "pump-3", "normal"],
    ]
    assert "unlabelled         1           1" in shown
    drawn = runner.invoke(data, ["plot", "pump", "a", str(folder / "a.svg"), "--what", "wave"])
    assert drawn.exit_code == 0
    assert (folder / "a.svg").is_file()


def test_a_table_outside_the_allowed_roots_is_refused(pfd_home: Path, files: Path) -> None:
    with pytest.raises(ParameterError, match="outside the allowed folders"):
        import_mat_dataset_task.delay({"source": str(files), "mapping": {"table": "/etc/passwd"}})


def test_an_import_that_is_cancelled_midway_leaves_nothing_and_a_key_submits_it_once(
    files: Path, pfd_home: Path, save, cwru, monkeypatch: pytest.MonkeyPatch
) -> None:
    whole = save("more/x.mat", cwru(119, n=120_000))
    for number in range(300):
        whole.with_name(f"{number}.mat").hardlink_to(whole)
    params = {"source": str(files), "name": "cut"}
    monkeypatch.setenv("PFD_RUNTIME", "local")
    with pfd.Dispatcher() as dispatcher, pfd.Worker(slots=1):
        job = dispatcher.submit("import_mat_dataset_task", params, key="import-cut")
        assert dispatcher.submit("import_mat_dataset_task", params, key="import-cut").id == job.id
        with pytest.raises(KeyConflict):
            dispatcher.submit("import_mat_dataset_task", params | {"name": "other"}, key="import-cut")
        until = time.monotonic() + 60
        while not job.info.get("file"):
            assert not job.ready()
            assert time.monotonic() < until
            time.sleep(0.02)
        job.revoke()
        with pytest.raises(JobCancelled):
            job.get(timeout=30)
        assert 0 < job.info["progress"] < 1
        assert [one for one in psutil.Process().children(recursive=True) if "mat_import.reader" in _command(one)] == []
    assert list(pfd_home.rglob("*.h5")) == []
    with pfd.reading() as session:
        assert list_datasets(session) == []


def _command(process: psutil.Process) -> str:
    try:
        return " ".join(process.cmdline())
    except psutil.NoSuchProcess:
        return ""


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
        assert split.provenance == (
            "split by bearing: 3 bearings train, 3 bearings validation, 3 bearings test; left out: normal"
        )
