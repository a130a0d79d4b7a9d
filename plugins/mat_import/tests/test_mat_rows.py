from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest
from pydantic import ValidationError

import pfd
from pfd import DataError
from pfd_plugin_data import find_dataset, open_dataset
from pfd_plugin_mat_import import import_mat_dataset_task, importing
from pfd_plugin_mat_import.assembly import Imported
from pfd_plugin_mat_import.conversion import convert_file
from pfd_plugin_mat_import.importing import import_files
from pfd_plugin_mat_import.layouts import generic
from pfd_plugin_mat_import.params import ChannelMap, FileMapping
from pfd_plugin_mat_import.reader import PLACE_BYTES, Reader
from pfd_plugin_mat_import.sources import find_files

WINDOWS = np.random.default_rng(0).standard_normal((24, 64))
RIG = {"fault_type": "normal", "bearing_id": "b", "sample_rate_hz": 1000.0}


def convert(path: Path, *channels: ChannelMap, **mapping: Any) -> tuple[Imported, ...]:
    mapping = {"values": RIG} | mapping
    return convert_file(path, mapping=FileMapping(channels=channels or (ChannelMap(variable="x"),), **mapping))


def ids(found: tuple[Imported, ...]) -> list[str]:
    return [one.info.record_id for one in found]


@pytest.mark.parametrize("side", ["rows", "columns"])
def test_a_matrix_of_windows_is_as_many_recordings(save, side: str) -> None:
    path = save("w.mat", {"x": WINDOWS if side == "rows" else WINDOWS.T})
    found = convert(path, **{side: "recordings"})
    assert ids(found) == [f"w-{index:03d}" for index in range(1, 25)]
    np.testing.assert_array_equal(np.stack([one.signal[0] for one in found]), WINDOWS.astype(np.float32))
    assert {one.info.sha256 for one in found} == {found[0].info.sha256}


def test_recordings_have_values_of_their_own_where_a_vector_holds_them(save) -> None:
    labels = np.arange(24) % 2
    path = save("w.mat", {"x": WINDOWS, "y": labels[:, None], "hz": np.linspace(10, 33, 24), "id": ["p", "q"] * 12})
    found = convert(
        path,
        rows="recordings",
        values={"sample_rate_hz": 1000},
        variables={"fault_type": "y", "shaft_hz": "hz", "bearing_id": "id"},
        words={"0": "normal", "1": "ball"},
    )
    assert [one.info.fault_type for one in found] == ["normal", "ball"] * 12
    assert [one.info.bearing_id for one in found] == ["p", "q"] * 12
    assert found[23].info.rpm == 1980.0
    with pytest.raises(DataError, match="short holds 23 values, for 24 recordings"):
        convert(save("s.mat", {"x": WINDOWS, "short": labels[1:]}), rows="recordings", variables={"rpm": "short"})


def test_an_array_of_three_sides_has_the_channels_of_each_recording(save) -> None:
    cube = np.random.default_rng(1).standard_normal((5, 64, 3))
    found = convert(save("c.mat", {"x": cube}), rows="recordings")
    assert [one.sensor for one in found[4].info.channels] == ["x-1", "x-2", "x-3"]
    np.testing.assert_array_equal(found[4].signal, cube[4].T.astype(np.float32))
    [second] = {
        one.info.channels[0].sensor
        for one in convert(save("c.mat", {"x": cube}), ChannelMap(variable="x", channel=2), rows="recordings")
    }
    assert second == "x-2"
    # One recording is not taken for as many as it has samples, though MATLAB's readers drop its single side.
    assert ids(convert(save("one.mat", {"x": cube[:1]}), rows="recordings")) == ["one-001"]
    assert ids(convert(save("row.mat", {"x": WINDOWS[:1]}), rows="recordings")) == ["row-001"]


def test_several_places_are_the_channels_of_each_recording(save) -> None:
    path = save("w.mat", {"x": WINDOWS, "y": -WINDOWS, "z": WINDOWS[1:]})
    x, y, z = (ChannelMap(variable=name) for name in "xyz")
    found = convert(path, x, y, rows="recordings")
    assert [one.sensor for one in found[0].info.channels] == ["x", "y"]
    np.testing.assert_array_equal(found[7].signal, np.stack([WINDOWS[7], -WINDOWS[7]]).astype(np.float32))
    with pytest.raises(DataError, match="its channels differ in recordings: x 24, z 23"):
        convert(path, x, z, rows="recordings")


def test_a_cell_has_a_recording_in_each_place_of_any_length(save) -> None:
    cell = np.empty(3, object)
    cell[:] = [np.arange(9.0), np.arange(7.0), np.arange(8.0)]
    found = convert(save("c.mat", {"x": cell}), rows="recordings")
    assert [one.info.n_samples for one in found] == [9, 7, 8]


@pytest.mark.parametrize(
    ("value", "mapping", "reason"),
    [
        (WINDOWS, {}, r"x holds 24 rows: are they recordings or channels\?  Say mapping\.rows='recordings'"),
        (WINDOWS.T, {}, r"x holds 24 columns: .*mapping\.columns='recordings' or mapping\.columns='channels'"),
        (np.zeros((3, 4, 5)), {}, r"x is 3×4×5: mapping\.rows='recordings' takes its first side"),
        (np.zeros((3, 4, 5)), {"columns": "recordings"}, "x is 3×4×5: columns='recordings' is for a matrix"),
        (np.zeros((3, 4, 5)), {"rows": "channels"}, "x is 3×4×5"),
        (np.arange(9.0)[:, None], {"rows": "recordings"}, "9 recordings of one sample; is it columns='recordings'"),
        ("text", {"rows": "recordings"}, "x is a str: rows='recordings' is for a matrix"),
        (np.zeros((257, 300)), {"rows": "channels"}, "x holds 257 channels; 1 to 256 are read"),
        (np.zeros((10_001, 2)), {"rows": "recordings"}, "10,001 recordings; 1 to 10,000 are read of one file"),
    ],
)
def test_an_array_that_is_not_what_it_is_said_to_be_is_refused(save, value, mapping, reason) -> None:
    with pytest.raises(DataError, match=reason):
        convert(save("a.mat", {"x": value}), **mapping)


def test_rows_and_columns_say_also_which_side_are_channels(save) -> None:
    path = save("a.mat", {"x": WINDOWS, "square": np.arange(9.0).reshape(3, 3)})
    assert convert(path, rows="channels")[0].signal.shape == (24, 64)
    assert convert(path, columns="channels")[0].signal.shape == (64, 24)
    [found] = convert(path, ChannelMap(variable="square"), columns="channels")
    assert found.signal[0].tolist() == [0, 3, 6]


def test_a_gap_in_one_recording_is_the_reason_of_its_file_or_cut_from_it_alone(save) -> None:
    damaged = WINDOWS.copy()
    damaged[3, 60] = np.nan
    path = save("w.mat", {"x": damaged})
    with pytest.raises(DataError, match="x holds 1 of 64 samples that are not numbers"):
        convert(path, rows="recordings")
    assert [one.info.n_samples for one in convert(path, rows="recordings", gaps="drop")][2:5] == [64, 60, 64]


@pytest.mark.parametrize("width", [64, PLACE_BYTES // 4 // 24 + 1])
def test_all_recordings_of_a_file_arrive_from_the_reading_process(save, width: int) -> None:
    windows = np.random.default_rng(2).standard_normal((24, width))
    path = save("w.mat", {"x": windows})
    mapping = FileMapping(channels=(ChannelMap(variable="x"),), rows="recordings", values=RIG)
    with Reader("auto", mapping) as reader:
        for _ in range(2):
            found = reader.read(path)
            np.testing.assert_array_equal(np.stack([one.signal[0] for one in found]), windows.astype(np.float32))


def test_recordings_of_one_file_need_ids_of_their_own_and_an_import_is_bounded(save, monkeypatch) -> None:
    folder = save("a.mat", {"x": WINDOWS, "id": np.arange(24) // 2}).parent
    save("b.mat", {"x": WINDOWS, "id": np.arange(24)})

    def reasons(**mapping: Any) -> list[str]:
        told = FileMapping(channels=(ChannelMap(variable="x"),), rows="recordings", values=RIG, **mapping)
        with Reader("auto", told) as reader:
            return [one.reason for one in import_files(find_files(folder, reader), reader) if one.last]

    assert reasons() == ["", ""]
    first, second = reasons(variables={"record_id": "id"})
    assert first == "two of its recordings are 0; give each a record_id of its own"
    assert second == ""
    monkeypatch.setattr(importing, "MAX_RECORDINGS", 40)
    assert reasons()[1] == "with it the import would have more than 40 recordings; import it in parts"


def test_windows_become_a_dataset_with_the_progress_of_files(pfd_home: Path, save) -> None:
    folder = save("w.mat", {"x": WINDOWS, "y": np.arange(24) % 2}).parent
    save("other.mat", {"z": 1.0})
    mapping = {
        "channels": [{"variable": "x"}],
        "rows": "recordings",
        "values": {"sample_rate_hz": 1000, "bearing_id": "b"},
        "variables": {"fault_type": "y"},
        "words": {"0": "normal", "1": "ball"},
    }
    handle = import_mat_dataset_task.delay({"source": str(folder), "name": "windows", "mapping": mapping})
    result = handle.get()
    assert result["classes"] == {"normal": 12, "ball": 12}
    assert (result["n_recordings"], result["n_failures"]) == (24, 1)
    with pfd.reading() as session, open_dataset(find_dataset(session, "windows").path) as dataset:
        dataset.verify()
        np.testing.assert_array_equal(dataset.read(23)[0], WINDOWS[23].astype(np.float32))


def test_the_most_recordings_of_a_file_are_read_in_seconds(save) -> None:
    many = np.random.default_rng(3).standard_normal((generic.MAX_RECORDINGS, 16)).astype(np.float32)
    path = save("many.mat", {"x": many})
    mapping = FileMapping(channels=(ChannelMap(variable="x"),), rows="recordings", values=RIG)
    with Reader("auto", mapping) as reader:
        found = reader.read(path)
    assert ids(found)[::9999] == ["many-00001", "many-10000"]
    np.testing.assert_array_equal(found[9999].signal[0], many[9999])


@pytest.mark.parametrize(
    ("mapping", "reason"),
    [
        ({"rows": "recordings", "columns": "channels"}, "rows and columns say the same"),
        ({"rows": "recordings", "channels": []}, r"rows and columns are for mapping\.channels"),
        ({"rows": "recordings", "speed": {"variable": "s", "kind": "hz"}}, "is for files of one recording"),
        ({"speed": {"variable": "s", "kind": "hz"}, "values": {"rpm": 3}}, "and so does rpm"),
        ({"speed": {"variable": "s", "kind": "hz"}, "variables": {"shaft_hz": "h"}}, "and so does shaft_hz"),
        ({"speed": {"variable": "s", "kind": "hz"}, "name_pattern": r"(?P<rpm>\d+)"}, "and so does rpm"),
        (
            {"speed": {"variable": "s", "kind": "hz", "pulses_per_rev": 2}},
            "pulses_per_rev belongs to kind=pulses or pulse_times, but kind=hz",
        ),
        (
            {"speed": {"variable": "s", "kind": "pulse_times", "sample_rate_hz": 2}},
            "sample_rate_hz belongs to kind other than pulse_times",
        ),
        ({"channels": [{"variable": "x*", "several": True, "sensor": "s"}]}, "sensor names one channel"),
        ({"channels": [{"variable": "x", "scale": 0}]}, "scale=0"),
    ],
)
def test_what_contradicts_itself_is_refused_before_anything_runs(mapping, reason) -> None:
    with pytest.raises(ValidationError, match=reason):
        FileMapping.model_validate({"channels": [{"variable": "x"}]} | mapping)
