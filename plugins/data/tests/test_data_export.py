from __future__ import annotations

import csv
import json
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from click.testing import CliRunner
from scipy.io import loadmat

import pfd
from pfd import ArtifactError, DataError
from pfd_plugin_data import Dataset, Finding, export, export_dataset, find_dataset, generate_dataset_task, open_dataset
from pfd_plugin_data.cli import data

TIMES = np.array([0.1, 0.25, 1 / 3])
MASK = np.arange(6.0).reshape(3, 2)


@pytest.fixture
def dataset(make_info, write_dataset, noise) -> Dataset:
    """Two recordings, one of two channels with a strange name, one of unknown speed; with truth."""
    first = make_info("a/1, x", n_samples=100_000, sensors=("DE", "F,E"), origins={"rpm": "the tacho"})
    second = make_info("b", n_samples=77, rpm=None, load=None, geometry=None, fault_size=None, fault_type=None)
    signals = [(first, noise(2, 100_000)), (second, noise(1, 77, seed=1))]
    findings = [Finding("clipped", ("b",), "at its limits")]
    return open_dataset(write_dataset(signals, findings=findings, impact_times=TIMES, mask=MASK))


def read_npz(folder: Path, record: dict[str, Any]) -> tuple[np.ndarray, np.ndarray, Any]:
    with np.load(folder / record["files"][0], allow_pickle=False) as found:
        columns = json.loads(str(found["columns"]))
        return found["signal"], found["truth_impact_times"], columns["rpm"]


def read_mat(folder: Path, record: dict[str, Any]) -> tuple[np.ndarray, np.ndarray, Any]:
    found = loadmat(folder / record["files"][0])
    rpm = found["rpm"]
    return found["signal"].T, found["truth_impact_times"].ravel(), float(rpm[0, 0]) if rpm.size else None


def read_parquet(folder: Path, record: dict[str, Any]) -> tuple[np.ndarray, np.ndarray, Any]:
    import pyarrow.parquet as pq

    table = pq.read_table(folder / record["files"][0])
    times = pq.read_table(folder / record["files"][1])["impact_times"].to_numpy()
    rpm = json.loads(table.schema.metadata[b"pfd.recording"])["rpm"]
    return np.array([column.to_numpy() for column in table.columns]), times, rpm


def read_csv(folder: Path, record: dict[str, Any]) -> tuple[np.ndarray, np.ndarray, Any]:
    with (folder / record["files"][0]).open(encoding="utf-8", newline="") as file:
        heads, *rows = csv.reader(file)
    assert heads == ["time_s", *(channel["sensor"] for channel in record["channels"])]
    values = np.array(rows, dtype=np.float64)
    np.testing.assert_allclose(values[:, 0], np.arange(len(values)) / record["sample_rate_hz"], rtol=1e-11)
    times = np.loadtxt(folder / record["files"][1], skiprows=1)
    return values[:, 1:].T.astype(np.float32), times, record["rpm"]


READERS: dict[str, Callable[[Path, dict[str, Any]], tuple[np.ndarray, np.ndarray, Any]]] = {
    "mat": read_mat,
    "parquet": read_parquet,
    "npz": read_npz,
    "csv": read_csv,
}


@pytest.mark.parametrize("kind", READERS)
def test_what_is_exported_is_read_back_to_the_last_bit(dataset: Dataset, tmp_path: Path, kind: Any) -> None:
    target = tmp_path / "out"
    written = export_dataset(dataset, target, kind)
    assert sorted(written) == sorted(target.iterdir())
    about = json.loads(written[0].read_text(encoding="utf-8"))
    assert (about["name"], about["fingerprint"], about["format"]) == (dataset.name, dataset.fingerprint, kind)
    assert [record["fault_type"] for record in about["recordings"]] == ["ball", None]
    assert about["findings"] == [{"kind": "clipped", "records": ["b"], "text": "at its limits"}]
    assert [record["record_id"] for record in about["recordings"]] == ["a/1, x", "b"]
    assert [record["origins"] for record in about["recordings"]] == [{"rpm": "the tacho"}, {}]
    for index, record in enumerate(about["recordings"]):
        signal, times, rpm = READERS[kind](target, record)
        assert signal.dtype == np.float32
        np.testing.assert_array_equal(signal, dataset.read(index))
        np.testing.assert_array_equal(times, TIMES)
        assert rpm == dataset.recordings[index].rpm
    assert [path.name for path in tmp_path.iterdir() if path.name.startswith(".")] == []


def test_a_truth_of_two_columns_keeps_them(dataset: Dataset, tmp_path: Path) -> None:
    import pyarrow.parquet as pq

    export_dataset(dataset, tmp_path / "p", "parquet")
    table = pq.read_table(tmp_path / "p" / "000001_b.mask.parquet")
    np.testing.assert_array_equal(np.column_stack([table["mask_0"], table["mask_1"]]), MASK)
    export_dataset(dataset, tmp_path / "m", "mat")
    np.testing.assert_array_equal(loadmat(tmp_path / "m" / "000001_b.mat")["truth_mask"], MASK)


def test_a_mat_file_holds_every_column(dataset: Dataset, tmp_path: Path) -> None:
    export_dataset(dataset, tmp_path / "m", "mat")
    found = loadmat(tmp_path / "m" / "000000_a-1-x.mat", simplify_cells=True)
    assert found["record_id"] == "a/1, x"
    assert found["geometry"]["ball_d_mm"] == 7.94
    assert found["sensor"].tolist() == ["DE", "F,E"]
    assert found["origins"] == {"rpm": "the tacho"}
    other = loadmat(tmp_path / "m" / "000001_b.mat")
    assert other["geometry"].size == other["origins"].size == other["fault_type"].size == 0


def test_a_folder_that_exists_and_a_format_that_does_not_are_refused(dataset: Dataset, tmp_path: Path) -> None:
    (tmp_path / "there").mkdir()
    with pytest.raises(DataError, match="exists already"):
        export_dataset(dataset, tmp_path / "there", "csv")
    with pytest.raises(DataError, match="unknown export format 'xls'"):
        export_dataset(dataset, tmp_path / "new", "xls")  # type: ignore[arg-type]
    assert not (tmp_path / "new").exists()


@pytest.mark.parametrize("error", [KeyboardInterrupt(), OSError(28, "No space left on device")])
def test_an_export_that_ends_early_leaves_nothing(
    dataset: Dataset, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, error: BaseException
) -> None:
    real = export._WRITERS["csv"]

    def failing(stem: Path, *arguments: Any) -> list[Path]:
        if stem.name.startswith("000001"):
            raise error
        return real(stem, *arguments)

    monkeypatch.setitem(export._WRITERS, "csv", failing)
    with pytest.raises(KeyboardInterrupt if isinstance(error, KeyboardInterrupt) else ArtifactError):
        export_dataset(dataset, tmp_path / "out" / "x", "csv")
    assert list((tmp_path / "out").iterdir()) == []


def test_a_recording_too_long_for_a_mat_file_is_refused_before_anything_is_written(
    dataset: Dataset, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(export, "MOST_MAT_BYTES", 1000)
    with pytest.raises(DataError, match=r"too long for a \.mat file"):
        export_dataset(dataset, tmp_path / "out", "mat")
    assert not (tmp_path / "out").exists()


def test_without_pyarrow_the_error_says_what_to_install(dataset: Dataset, tmp_path: Path) -> None:
    code = """
import sys
sys.modules["pyarrow"] = None
from pathlib import Path
from pfd import DataError
from pfd_plugin_data import export_dataset, open_dataset
try:
    export_dataset(open_dataset(sys.argv[1]), Path(sys.argv[2]), "parquet")
except DataError as error:
    print(error, error.hint)
export_dataset(open_dataset(sys.argv[1]), Path(sys.argv[2]), "npz")
"""
    command = [sys.executable, "-c", code, str(dataset.path), str(tmp_path / "out")]
    done = subprocess.run(command, capture_output=True, text=True, check=True)
    assert "needs pyarrow" in done.stdout
    assert "pfd-plugin-data[parquet]" in done.stdout


def test_the_shell_exports(pfd_home: Path, tmp_path: Path) -> None:
    assert pfd_home
    generate_dataset_task.delay({"name": "bench", "num_signals_per_fault": 3, "duration_s": 0.1}).get()
    outcome = CliRunner().invoke(data, ["export", "bench", str(tmp_path / "out"), "--format", "npz"])
    assert outcome.exit_code == 0
    assert outcome.output.startswith("13 files, ")
    listed = CliRunner().invoke(data, ["export", "bench", str(tmp_path / "two"), "--format", "mat", "--json"])
    assert len(json.loads(listed.output)) == 13
    with pfd.reading() as session, open_dataset(find_dataset(session, "bench").path) as dataset:
        first = np.load(tmp_path / "out" / "000000_normal-0000.npz", allow_pickle=False)["signal"]
        np.testing.assert_array_equal(first, dataset.read(0))
