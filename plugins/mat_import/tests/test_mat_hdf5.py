from __future__ import annotations

import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import h5py
import numpy as np
import pytest

from pfd import DataError
from pfd_plugin_data import DatasetWriter
from pfd_plugin_mat_import import formats, hdf5
from pfd_plugin_mat_import.conversion import convert_file
from pfd_plugin_mat_import.params import ChannelMap, FileMapping

RIG = {"fault_type": "ball", "bearing_id": "b", "sample_rate_hz": 1000}


def values(path: Path) -> dict[str, Any]:
    return formats.read(path, formats.variables(path))


def put(file: Any, name: str, value: Any, kind: str) -> Any:
    file[name] = value
    file[name].attrs["MATLAB_class"] = np.bytes_(kind)
    return file[name]


def test_each_kind_of_value_is_read_as_of_older_versions(v73) -> None:
    def build(file: Any) -> None:
        put(file, "text", np.array([[104], [105]], "u2"), "char")
        put(file, "matrix", np.arange(6.0).reshape(3, 2), "double")
        put(file, "complex", np.array([[(1.0, 2.0)]], [("real", "f8"), ("imag", "f8")]), "double")
        put(file, "empty", np.array([0, 0], "u8"), "double").attrs["MATLAB_empty"] = 1
        put(file, "#refs#/a", np.array([[7.0]]), "double")
        put(file, "#refs#/b", np.array([[8.0]]), "double")
        refs = np.array([[file["#refs#/a"].ref], [file["#refs#/b"].ref]], h5py.ref_dtype)
        put(file, "cell", refs, "cell")
        file.create_group("one").attrs["MATLAB_class"] = np.bytes_("struct")
        put(file, "one/x", np.array([[1.0]]), "double")
        file.create_group("many").attrs["MATLAB_class"] = np.bytes_("struct")
        file["many/x"] = refs
        file.create_group("sparse").attrs["MATLAB_sparse"] = 3
        put(file, "object", np.array([[1, 2]], "u4"), "string").attrs["MATLAB_object_decode"] = 3

    found = values(v73("x.mat", {}, build))
    assert found["text"] == "hi"
    assert found["matrix"].tolist() == [[0, 2, 4], [1, 3, 5]]
    assert found["complex"] == 1 + 2j
    assert found["empty"].size == 0
    assert found["cell"] == [7.0, 8.0]
    assert found["one"] == {"x": 1.0}
    assert found["many"] == [{"x": 7.0}, {"x": 8.0}]
    assert found["sparse"] is found["object"] is None
    assert "#refs#" not in found


def test_a_v73_file_of_a_known_layout_and_one_of_the_users_are_imported(v73) -> None:
    known = v73("N_800_1.mat", {"Data": np.arange(300.0)[None], "SampleFrequency": [[20000.0]]})
    assert convert_file(known)[0].info.n_samples == 300

    def build(file: Any) -> None:
        put(file, "run/x", np.arange(30.0).reshape(10, 3).T, "double")

    own = v73("own.mat", {}, build)
    [found] = convert_file(own, mapping=FileMapping(channels=(ChannelMap(variable="run.x"),), values=RIG))
    assert found.signal.shape == (3, 10)
    assert found.signal[1].tolist() == list(range(1, 30, 3))


def test_the_fixtures_of_v7_and_v73_hold_the_same(test_data: Path) -> None:
    old, new = (values(test_data / "mat_fixtures" / name) for name in ("v7.mat", "v73.mat"))
    assert set(old) == set(new)
    compared = [_compare(old[name], new[name], name) for name in old]
    assert sum(compared) > 500


def _compare(old: Any, new: Any, at: str) -> int:
    if isinstance(old, dict):
        assert set(old) == set(new), at
        return sum(_compare(old[name], new[name], f"{at}.{name}") for name in old)
    if isinstance(old, list) or getattr(getattr(old, "dtype", None), "kind", "") == "O":
        assert len(old) == len(new), at
        return sum(_compare(*pair, f"{at}({index})") for index, pair in enumerate(zip(old, new, strict=True)))
    if np.size(old) or np.size(new) > 1:
        np.testing.assert_array_equal(new, old, err_msg=at)
    return 1


def _claims_much(file: Any) -> None:
    file.create_dataset("Data", shape=(1, 2**40), dtype="f8", chunks=(1, 2**16))


def _lies_in_another_file(file: Any) -> None:
    file.create_dataset("Data", shape=(1, 8), dtype="f8", external=[("/etc/passwd", 0, 64)])


def _is_a_link(file: Any) -> None:
    file["Data"] = h5py.ExternalLink("/etc/passwd", "/x")


def _is_a_soft_link(file: Any) -> None:
    file["Data"] = h5py.SoftLink("/SampleFrequency")


def _is_virtual(file: Any) -> None:
    layout = h5py.VirtualLayout(shape=(8,), dtype="f8")
    layout[:] = h5py.VirtualSource("other.h5", "x", shape=(8,))
    file.create_virtual_dataset("Data", layout)


def _refers_in_circles(file: Any) -> None:
    cell = file.create_dataset("Data", shape=(2, 1), dtype=h5py.ref_dtype)
    cell[:] = [[cell.ref], [cell.ref]]


def _holds_itself(file: Any) -> None:
    group = file.create_group("Data")
    group["again"] = group["more"] = group


def _is_of_variable_length(file: Any) -> None:
    file.create_dataset("Data", shape=(2,), dtype=h5py.vlen_dtype("f8"))[0] = [1.0, 2.0]


def _nests_deeply(file: Any) -> None:
    group = file.create_group("Data")
    for _ in range(hdf5.MAX_DEPTH + 2):
        group = group.create_group("x")


def _refers_a_thousand_times_a_thousand_times_a_thousand(file: Any) -> None:
    parts = [file.create_dataset(f"#refs#/{name}", shape=(1000, 1), dtype=h5py.ref_dtype) for name in "abc"]
    whole = file.create_dataset("Data", shape=(1000, 1), dtype=h5py.ref_dtype)
    for cell, part in zip((whole, *parts), (*parts, None), strict=True):
        if part is not None:
            cell[:] = np.full((1000, 1), part.ref, h5py.ref_dtype)


def _holds_millions_of_cells_that_refer_to_nothing(file: Any) -> None:
    file.create_dataset("Data", shape=(20_000_000, 1), dtype=h5py.ref_dtype, chunks=(1_000_000, 1), compression="gzip")


def _is_packed_twice(file: Any) -> None:
    plist = h5py.h5p.create(h5py.h5p.DATASET_CREATE)
    plist.set_chunk((1, 10_000_000))
    plist.set_deflate(9)
    plist.set_deflate(9)
    space = h5py.h5s.create_simple((1, 10_000_000))
    made = h5py.h5d.create(file.id, b"Data", h5py.h5t.IEEE_F64LE, space, plist)
    made.write(h5py.h5s.ALL, h5py.h5s.ALL, np.zeros((1, 10_000_000)))


def _is_stored_in_pieces_that_are_not_there(file: Any) -> None:
    file.create_dataset("Data", shape=(1, 5_000_000), dtype="f8", chunks=(1, 1), compression="gzip")


def _unfolds(file: Any) -> None:
    file.create_dataset("Data", data=np.zeros((1, 20_000_000)), chunks=(1, 1_000_000), compression="gzip")


@pytest.mark.parametrize(
    ("build", "reason"),
    [
        (_refers_a_thousand_times_a_thousand_times_a_thousand, "100,000 parts"),
        (_holds_millions_of_cells_that_refer_to_nothing, "are stored of it"),
        (_is_packed_twice, "packed in a way"),
        (_is_stored_in_pieces_that_are_not_there, "pieces"),
        (_unfolds, "are stored of it"),
        (_claims_much, "claim"),
        (_lies_in_another_file, "lie in another file"),
        (_is_a_link, "is a link"),
        (_is_a_soft_link, "is a link"),
        (_is_virtual, "lie in another file"),
        (_refers_in_circles, "nest deeper"),
        (_holds_itself, "nest deeper"),
        (_is_of_variable_length, "variable length"),
        (_nests_deeply, "nest deeper"),
    ],
)
def test_what_no_recording_needs_is_refused_at_once(v73, build: Callable[[Any], None], reason: str) -> None:
    path = v73("N_800_1.mat", {"SampleFrequency": [[20e3]]}, build)
    began = time.monotonic()
    with pytest.raises(DataError, match=reason):
        convert_file(path)
    assert time.monotonic() - began < 5


@pytest.fixture
def plain(tmp_path: Path) -> Callable[..., Path]:
    """Write a plain HDF5 file by a function."""

    def write(build: Callable[[Any], None], name: str = "a.h5") -> Path:
        path = tmp_path / name
        with h5py.File(path, "w") as file:
            build(file)
        return path

    return write


def _recording(file: Any) -> None:
    file.attrs.update({"rate": 25_600, "fault": "ball", "rig": np.bytes_("A")})
    file["vibration"] = np.arange(600.0).reshape(3, 200)
    file["vibration"].attrs["unit"] = "g"
    file["run/speed"] = 1500
    file["run/x"] = np.arange(4).reshape(1, 4)
    file["labels/sensor"] = "/vibration"
    file["words"] = ["inner race", "é"]
    file["fixed"] = np.array([b"a", b"bc"])
    file["pair"] = np.array([(1, 2.0)], [("a", "i4"), ("b", "f8")])


@pytest.mark.parametrize("name", ["a.h5", "a.hdf5", "a.mat"])
def test_arrays_groups_and_attributes_of_a_plain_file_are_variables(plain, name: str) -> None:
    path = plain(_recording, name)
    assert {str(variable) for variable in formats.variables(path)} == {
        *(
            "fixed (2 text)",
            "pair (1 struct)",
            "run (group)",
            "labels (group)",
            "vibration (3×200 float64)",
            "words (2 text)",
        ),
        *("@fault (text)", "@rate (int64)", "@rig (text)", "vibration@unit (text)"),
    }
    found = values(path)
    assert found["vibration"][1, 0] == 200  # in its own order, and not MATLAB's
    assert found["run"]["speed"] == 1500
    assert found["labels"]["sensor"] == "/vibration"  # a text, and nothing to be followed
    assert found["run"]["x"].tolist() == [0, 1, 2, 3]
    assert found["words"].tolist() == ["inner race", "é"]
    assert found["fixed"].tolist() == ["a", "bc"]
    assert found["pair"] == {"a": 1, "b": 2}
    assert [found[name] for name in ("@fault", "@rate", "@rig", "vibration@unit")] == ["ball", 25_600, "A", "g"]


def test_a_recording_in_a_plain_file_is_imported_by_a_mapping(plain) -> None:
    path = plain(_recording)
    with pytest.raises(DataError, match=r"none of the layouts .*: it holds .*vibration \(3×200 float64\)"):
        convert_file(path)
    mapping = FileMapping(
        channels=(ChannelMap(variable="vibration"),),
        values={"bearing_id": "b"},
        variables={"sample_rate_hz": "@rate", "fault_type": "@fault", "rpm": "run.speed", "unit": "vibration@unit"},
    )
    [found] = convert_file(path, mapping=mapping)
    assert (found.info.sample_rate_hz, found.info.rpm, found.info.channels[0].unit) == (25_600, 1500, "g")
    np.testing.assert_array_equal(found.signal, np.arange(600, dtype=np.float32).reshape(3, 200))


@pytest.mark.parametrize(
    "options",
    [{"compression": "gzip", "shuffle": True, "fletcher32": True}, {"compression": "lzf"}, {"compression": "szip"}],
    ids=["gzip", "lzf", "szip"],
)
def test_arrays_that_are_packed_as_is_usual_are_read(plain, options: dict[str, Any]) -> None:
    if options["compression"] == "szip" and not h5py.h5z.filter_avail(h5py.h5z.FILTER_SZIP):
        options = {"scaleoffset": 3}
    path = plain(lambda file: file.create_dataset("x", data=np.arange(1000.0), chunks=(100,), **options))
    if options.get("compression") in ("gzip", "lzf"):
        assert values(path)["x"].tolist() == list(range(1000))
    else:
        with pytest.raises(DataError, match="save it with gzip or lzf"):
            values(path)


def test_what_is_odd_in_a_file_keeps_nothing_else_from_being_read(plain) -> None:
    def build(file: Any) -> None:
        file["x"] = [1.0, 2.0]
        file["link"] = h5py.SoftLink("/x")
        file["lists"] = file.create_dataset("l", shape=(2,), dtype=h5py.vlen_dtype("f8"))
        file["none"] = h5py.Empty("f8")
        file["opaque"] = np.array([b"12"], "V2")

    path = plain(build)
    found = {variable.name: variable for variable in formats.variables(path)}
    assert formats.read(path, [found["x"]])["x"].tolist() == [1, 2]
    assert formats.read(path, [found["none"], found["opaque"]]) == {"none": None, "opaque": None}
    for name, reason in (("link", "is a link"), ("lists", "variable length")):
        with pytest.raises(DataError, match=reason):
            formats.read(path, [found[name]])


def test_a_dataset_of_pfd_is_none_to_import(save, uestc, tmp_path: Path) -> None:
    path = tmp_path / "a.h5"
    with DatasetWriter(path, "a") as writer:
        [convert] = convert_file(save("N_800_1.mat", uestc()))
        writer.add(convert.info, convert.signal)
    with pytest.raises(DataError, match="a dataset of PFD already"):
        formats.variables(path)


def test_texts_in_a_damaged_heap_are_refused_where_hdf5_would_look_for_them_for_ever(plain) -> None:
    path = plain(_recording)
    whole = path.read_bytes()
    at = whole.index(b"GCOL")
    text = [variable for variable in formats.variables(path) if variable.name in ("words", "@fault")]
    for place, value in ((24, 255), (8, 1), (13, 1)):
        content = bytearray(whole)
        content[at + place] = value
        path.write_bytes(content)
        with pytest.raises(DataError, match="the heap in which the texts of"):
            formats.read(path, text)
        assert formats.read(path, [variable for variable in formats.variables(path) if variable.name == "vibration"])


def test_an_array_of_more_texts_than_labels_need_is_refused(plain, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(hdf5, "MAX_TEXTS", 1)
    with pytest.raises(DataError, match="2 texts of variable length, at most 1"):
        values(plain(_recording))
