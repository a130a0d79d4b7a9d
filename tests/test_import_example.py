"""The mappings of docs/how-to/import-recordings.md, each run as it stands there on files that it is for.

The structures are those that the authors of the data sets publish; the numbers in them are made here.
"""

from __future__ import annotations

import re
import tomllib
import zlib
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from scipy.io import savemat

import pfd
from pfd_plugin_data import Dataset, find_dataset, open_dataset
from pfd_plugin_mat_import import import_mat_dataset_task

PAGE = Path(__file__).parent.parent / "docs" / "how-to" / "import-recordings.md"
BLOCKS = [tomllib.loads(text) for text in re.findall(r"```toml\n(.*?)```", PAGE.read_text(encoding="utf-8"), re.DOTALL)]


def noise(*shape: int, of: str = "") -> Any:
    """Noise of its own for each name: equal samples are one measurement."""
    return np.random.default_rng(zlib.crc32(of.encode())).standard_normal(shape)


def structs(**fields: list[Any]) -> Any:
    """An array of structs."""
    names = list(fields)
    return np.array(list(zip(*fields.values(), strict=True)), dtype=[(name, object) for name in names])


def own_layout() -> None:
    for name in ("K04_IR_1500", "K001_H_900"):
        savemat(f"rig/{name}.mat", {"run": {"vibration": noise(2, 3000, of=name), "load": "0.7 Nm"}})


def check_own_layout(dataset: Dataset) -> None:
    assert {info.bearing_id for info in dataset.recordings} == {"K04", "K001"}
    assert [one.sensor for one in dataset.recordings[0].channels] == ["motor-1", "motor-2"]
    assert dataset.recordings[0].origins["load"] == "user: variable run.load"


def paderborn() -> None:
    for bearing in ("K001", "KA04", "KI16", "KB23"):
        name = f"N15_M07_F10_{bearing}_1"
        slow = 1500 + 3 * noise(4001, of=name)
        y = structs(
            Name=[
                "force",
                "phase_current_1",
                "phase_current_2",
                "speed",
                "temp_2_bearing_module",
                "torque",
                "vibration_1",
            ],
            Type=["Measure"] * 7,
            Data=[
                noise(4001, of=name),
                noise(64001, of=name),
                noise(64001, of=name),
                slow,
                noise(2, of=name),
                noise(4001, of=name),
                noise(64001, of=name),
            ],
            Raster=["Mech_4kHz", "HostService", "HostService", "Mech_4kHz", "Temp_1Hz", "Mech_4kHz", "HostService"],
        )
        x = structs(Name=["HostService", "Mech_4kHz"], Data=[np.arange(64001) / 64e3, np.arange(4001) / 4e3])
        savemat(f"paderborn/{name}.mat", {name: {"Info": "", "X": x, "Y": y, "Description": ""}})


def check_paderborn(dataset: Dataset) -> None:
    told = {info.bearing_id: info.fault_type for info in dataset.recordings}
    assert told == {"K001": "normal", "KA04": "outer_race", "KB23": "inner_race+outer_race", "KI16": "inner_race"}
    info = dataset.recordings[0]
    assert (info.sample_rate_hz, info.n_samples, info.load) == (64_000.0, 64_001, "M07_F10")
    assert info.rpm == pytest.approx(1500, abs=0.5)
    profile = dataset.speed(0)
    assert profile is not None
    assert (profile.slowest_hz, profile.fastest_hz) == pytest.approx((25, 25), rel=2e-3)


def ottawa() -> None:
    t = np.arange(200_000) / 200e3
    turns = 14 * t + 5 * t**2
    for name in ("H-A-1", "I-A-2", "O-A-3"):
        channels = {"Channel_1": noise(200_000, 1, of=name), "Channel_2": ((turns * 1024 % 1 < 0.5) * 5.0)[:, None]}
        savemat(f"ottawa/{name}.mat", channels)


def check_ottawa(dataset: Dataset) -> None:
    assert [info.label for info in dataset.recordings] == ["normal", "inner_race", "outer_race"]
    assert [len(info.channels) for info in dataset.recordings] == [1, 1, 1]
    profile = dataset.speed(0)
    assert profile is not None
    assert profile.hz([0, 0.5, 1]) == pytest.approx([14, 19, 24], rel=0.01)
    assert dataset.recordings[0].rpm == pytest.approx(19 * 60, rel=1e-3)


def hust() -> None:
    for name in ("N500", "I604", "IB502"):
        savemat(
            f"hust/{name}.mat", {"data": noise(4000, 1, of=name), "fs": 51200, "rpm": 1480 + np.arange(3.0)[:, None]}
        )


def check_hust(dataset: Dataset) -> None:
    told = {info.bearing_id: (info.fault_type, info.load, info.rpm) for info in dataset.recordings}
    assert told == {
        "I6": ("inner_race", "4", 1481.0),
        "IB5": ("inner_race+ball", "2", 1481.0),
        "N5": ("normal", "0", 1481.0),
    }


def kaist() -> None:
    for name in ("0Nm_Normal", "0Nm_BPFI_03", "2Nm_BPFO_10", "4Nm_Misalign_01", "4Nm_Unbalance_0583mg"):
        x = {"start_value": 0.0, "increment": 3.90625e-05, "number_of_values": 3000}
        signal = {"x_values": x, "y_values": {"values": noise(3000, 4, of=name)}, "function_record": {"name": "Signal"}}
        savemat(f"kaist/{name}.mat", {"Signal": signal})


def check_kaist(dataset: Dataset) -> None:
    assert {info.sample_rate_hz for info in dataset.recordings} == {25_600.0}
    assert {len(info.channels) for info in dataset.recordings} == {4}
    told = {info.bearing_id: info.fault_type for info in dataset.recordings}
    assert told == {
        "Normal": "normal",
        "BPFI_03": "inner_race",
        "BPFO_10": "outer_race",
        "Misalign_01": "misalignment",
        "Unbalance_0583mg": "imbalance",
    }


def hit_sm() -> None:
    for number, name in enumerate(("Normal_600", "IR2_900", "OR8_1200")):
        savemat(f"hit-sm/{name}.mat", {f"a{number}": noise(4000, 1, of=name)})


def check_hit_sm(dataset: Dataset) -> None:
    told = {info.bearing_id: (info.fault_type, info.rpm) for info in dataset.recordings}
    assert told == {"IR2": ("inner_race", 900), "Normal": ("normal", 600), "OR8": ("outer_race", 1200)}


def wind_turbine() -> None:
    for day in ("07", "08"):
        tach = np.cumsum(np.full(60, 1 / 30)) - 0.02
        savemat(
            f"wind-turbine/data-201303{day}T015746Z.mat",
            {"vibration": noise(2 * 97656, 1, of=day), "tach": tach[:, None]},
        )


def check_wind_turbine(dataset: Dataset) -> None:
    assert {info.fault_type for info in dataset.recordings} == {None}
    assert dataset.recordings[0].rpm == pytest.approx(1800, rel=1e-6)
    assert dataset.recordings[0].speed_changes


def windows() -> None:
    labels = np.arange(120) % 3
    savemat("windows/train.mat", {"X": noise(120, 2048), "y": labels[:, None], "bearing": labels[:, None] + 10})


def check_windows(dataset: Dataset) -> None:
    assert [info.label for info in dataset.recordings[:4]] == ["normal", "inner_race", "outer_race", "normal"]
    assert [info.bearing_id for info in dataset.recordings[:2]] == ["10", "11"]
    assert (len(dataset.recordings), dataset.recordings[119].record_id) == (120, "train-120")
    np.testing.assert_array_equal(dataset.read(119)[0], noise(120, 2048)[119].astype(np.float32))


def seu() -> None:
    for name, delimiter in (("ball_20_0", ","), ("comb_30_2", "\t")):
        rows = [delimiter.join(f"{value:.6f}" for value in row) + delimiter for row in noise(3000, 8, of=name)]
        Path(f"bearingset/{name}.csv").write_text("\n".join(["Title", *[""] * 14, "Data", *rows]), encoding="utf-8")


def check_seu(dataset: Dataset) -> None:
    told = {info.label: (info.rpm, info.load) for info in dataset.recordings}
    assert told == {"ball": (1200.0, "0"), "inner_race+outer_race": (1800.0, "2")}
    np.testing.assert_allclose(dataset.read(0)[0], noise(3000, 8, of="ball_20_0")[:, 1], atol=1e-6)


def xjtu_sy() -> None:
    header = "Horizontal_vibration_signals,Vertical_vibration_signals"
    for name in ("35Hz12kN/Bearing1_1/1", "35Hz12kN/Bearing1_1/2", "37.5Hz11kN/Bearing2_3/1"):
        path = Path(f"xjtu-sy/{name}.csv")
        path.parent.mkdir(parents=True, exist_ok=True)
        signal = np.random.default_rng(len(name) + int(name[-1])).standard_normal((4096, 2))
        np.savetxt(path, signal, "%.6f", ",", header=header, comments="")


def check_xjtu_sy(dataset: Dataset) -> None:
    assert {info.bearing_id for info in dataset.recordings} == {"Bearing1_1", "Bearing2_3"}
    assert {info.fault_type for info in dataset.recordings} == {None}
    last = dataset.recordings[2]
    assert (last.rpm, last.load, [one.axis for one in last.channels]) == (2250.0, "11kN", ["x", "y"])


def mafaulda() -> None:
    t = np.arange(50_000) / 50_000
    for hz, fault in ((12.288, "normal"), (13.1072, "imbalance")):
        path = Path(f"mafaulda/{fault}/{hz}.csv")
        path.parent.mkdir(parents=True, exist_ok=True)
        columns = np.random.default_rng(int(hz)).standard_normal((50_000, 8))
        columns[:, 0] = 5 * (hz * t % 1 < 0.1) + 0.05 * columns[:, 0]
        np.savetxt(path, columns, "%.5g", ",")


def check_mafaulda(dataset: Dataset) -> None:
    speeds = {info.fault_type: info.rpm for info in dataset.recordings}
    assert speeds == {"normal": pytest.approx(60 * 12.288, rel=1e-3), "imbalance": pytest.approx(786.43, rel=1e-3)}
    assert [one.sensor for one in dataset.recordings[0].channels] == ["underhang", "underhang-radial"]


SETS: dict[str, tuple[Callable[[], None], Callable[[Dataset], None], int]] = {
    "rig": (own_layout, check_own_layout, 2),
    "paderborn": (paderborn, check_paderborn, 4),
    "ottawa": (ottawa, check_ottawa, 3),
    "hust": (hust, check_hust, 3),
    "kaist": (kaist, check_kaist, 5),
    "hit-sm": (hit_sm, check_hit_sm, 3),
    "wind-turbine": (wind_turbine, check_wind_turbine, 2),
    "windows": (windows, check_windows, 120),
    "seu": (seu, check_seu, 2),
    "xjtu-sy": (xjtu_sy, check_xjtu_sy, 3),
    "mafaulda": (mafaulda, check_mafaulda, 2),
}
"""By the name of a dataset: what writes its files, what its recordings have to be, and how many there are."""


def test_each_mapping_of_the_page_is_run_here() -> None:
    assert [block["name"] for block in BLOCKS] == list(SETS)


@pytest.mark.parametrize("params", BLOCKS, ids=[block["name"] for block in BLOCKS])
def test_a_mapping_of_the_page_imports_what_it_is_for(
    pfd_home: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, params: dict[str, Any]
) -> None:
    write, check, count = SETS[params["name"]]
    monkeypatch.chdir(tmp_path)
    Path(params["source"].split("/")[0]).mkdir()
    write()
    result = import_mat_dataset_task.delay(params).get()
    assert (result["n_recordings"], result["failures"]) == (count, [])
    assert [finding for finding in result["findings"] if finding["kind"] == "odd"] == []
    with pfd.reading() as session, open_dataset(find_dataset(session, params["name"]).path) as dataset:
        dataset.verify()
        check(dataset)


@pytest.mark.parametrize("params", BLOCKS, ids=[block["name"] for block in BLOCKS])
def test_no_mapping_of_the_page_needs_more_than_three_settings_beside_those_of_any(params: dict[str, Any]) -> None:
    assert len(params["mapping"].keys() - {"channels", "values", "name_pattern", "words"}) <= 3
