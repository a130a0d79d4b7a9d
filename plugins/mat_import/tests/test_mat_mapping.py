from __future__ import annotations

import os
from pathlib import Path, PurePosixPath
from typing import Any

import numpy as np
import pytest
from pydantic import ValidationError

from pfd import DataError
from pfd_plugin_data import ChannelInfo
from pfd_plugin_mat_import.assembly import Imported, assemble
from pfd_plugin_mat_import.conversion import convert_file
from pfd_plugin_mat_import.layouts.base import Draft, Known
from pfd_plugin_mat_import.params import ChannelMap, FileMapping, ImportMatDatasetParams
from pfd_plugin_mat_import.table import MAX_BYTES, read_table

RIG = {"fault_type": "inner_race", "bearing_id": "rig-7", "sample_rate_hz": 25_600}


def channel(variable: str, **more: Any) -> ChannelMap:
    return ChannelMap(variable=variable, **more)


def convert(path: Path, *channels: ChannelMap, row: dict[str, str] | None = None, **mapping: Any) -> Imported:
    [found] = convert_file(path, mapping=FileMapping(channels=channels, **mapping), row=row)
    return found


@pytest.mark.parametrize("options", [{}, {"do_compression": True}, {"format": "4"}], ids=["v5", "v7", "v4"])
def test_a_file_of_any_layout_is_imported_as_the_user_says(save, options) -> None:
    signal = np.sin(np.arange(400.0))
    path = save("a.mat", {"acc": signal[:, None], "speed": 1480.0, "other": 1}, **options)
    found = convert(
        path, channel("acc", sensor="motor", axis="radial", unit="g"), values=RIG, variables={"rpm": "speed"}
    )
    info = found.info
    assert (info.record_id, info.bearing_id, info.fault_type) == ("a", "rig-7", "inner_race")
    assert (info.sample_rate_hz, info.rpm, info.rpm_source) == (25_600.0, 1480.0, "user: variable speed")
    assert found.info.origins["sample_rate_hz"] == "user: mapping.values"
    assert {found.info.origins[name] for name in ("sensor", "axis", "unit")} == {"user: mapping.channels"}
    [one] = info.channels
    assert (one.sensor, one.axis, one.unit) == ("motor", "radial", "g")
    np.testing.assert_array_equal(found.signal[0], signal.astype(np.float32))


def test_where_a_unit_came_from_is_said_also_where_some_channels_have_their_own(save) -> None:
    path = save("a.mat", {"x": np.arange(9.0), "y": np.arange(9.0)})
    own, all_, bare = channel("x", unit="g"), channel("y", unit="m/s2"), channel("y")
    for channels, values, units, origin in (
        ((own, all_), {"unit": "mm/s"}, ["g", "m/s2"], "user: mapping.channels"),
        ((own, bare), {"unit": "mm/s"}, ["g", "mm/s"], "user: mapping.channels and user: mapping.values"),
        ((bare,), {"unit": "mm/s"}, ["mm/s"], "user: mapping.values"),
        ((bare,), {}, [None], None),
    ):
        info = convert(path, *channels, values=RIG | values).info
        assert [one.unit for one in info.channels] == units
        assert info.origins.get("unit") == origin


def test_a_unit_of_a_layout_that_does_not_say_where_it_has_it_from_is_that_of_the_file() -> None:
    channels = (ChannelInfo("DE", None, "g"), ChannelInfo("FE"))
    draft = Draft("r", list(np.zeros((2, 9), np.float32)), channels, {}, "a layout of a third party")
    values = {"fault_type": "ball", "bearing_id": "b", "sample_rate_hz": "1000", "unit": "mm/s"}
    given = {name: Known(value, "user") for name, value in values.items()}
    info = assemble(draft, given, {}, "-").info
    assert [one.unit for one in info.channels] == ["g", "mm/s"]
    assert info.origins["unit"] == "file and user"


@pytest.mark.parametrize("shape", [(400, 3), (3, 400)])
def test_a_matrix_holds_several_channels_along_its_shorter_side(save, shape) -> None:
    matrix = np.arange(1200.0).reshape(3, 400)
    path = save("a.mat", {"x": matrix if shape == (3, 400) else matrix.T})
    found = convert(path, channel("x"), values=RIG)
    assert [one.sensor for one in found.info.channels] == ["x-1", "x-2", "x-3"]
    np.testing.assert_array_equal(found.signal, matrix.astype(np.float32))
    second = convert(path, channel("x", channel=2), values=RIG)
    np.testing.assert_array_equal(second.signal, matrix[1:2].astype(np.float32))


def test_channels_lie_in_structs_cells_and_struct_arrays(save) -> None:
    cell = np.empty((1, 2), object)
    cell[0, 0], cell[0, 1] = np.arange(50.0), np.arange(50.0) + 1
    runs = np.array([(np.arange(50.0) + 2, 10.0), (np.arange(50.0) + 3, 20.0)], dtype=[("y", object), ("hz", object)])
    path = save(
        "a.mat", {"cell": cell, "rig": {"runs": runs, "deep": {"er": np.arange(50.0) + 4}}}, do_compression=True
    )
    found = convert(
        path,
        channel("cell"),
        channel("cell{2}", sensor="again"),
        channel("rig.runs(2).y"),
        channel("rig.deep.er"),
        values=RIG,
        variables={"shaft_hz": "rig.runs(2).hz"},
    )
    assert [one.sensor for one in found.info.channels] == ["cell-1", "cell-2", "again", "rig.runs(2).y", "rig.deep.er"]
    assert found.signal[:, 0].tolist() == [0, 1, 1, 3, 4]
    assert (found.info.rpm, found.info.rpm_source) == (1200.0, "user: variable rig.runs(2).hz, Hz")


def test_variables_whose_names_vary_are_found_by_a_pattern(save) -> None:
    path = save("a.mat", {"run17_x": np.arange(9.0), "run17_y": np.arange(9.0)})
    assert convert(path, channel("run*_x", sensor="x"), values=RIG).info.n_samples == 9
    with pytest.raises(DataError, match=r"run\* fits run17_x, run17_y"):
        convert(path, channel("run*"), values=RIG)


@pytest.mark.parametrize(
    ("place", "reason"),
    [
        ("y", "y is not a variable of the file"),
        ("x.z", r"there is no field z, but a, t"),
        ("x.a.z", "there is no field z, but a ndarray"),
        ("x.a(99)", r"there is no \(99\) of 9"),
        ("x.a(0)", r"there is no \(0\)"),
        ("x..a", "is no place such as"),
        ("x.t", "not one channel of numbers"),
        ("m", "along which side its samples run is unknown"),
    ],
)
def test_a_place_that_is_not_there_is_said(save, place, reason) -> None:
    path = save("a.mat", {"x": {"a": np.arange(9.0), "t": "text"}, "m": np.ones((4, 4))})
    with pytest.raises(DataError, match=reason):
        convert(path, channel(place), values=RIG)


def test_channels_of_different_length_are_refused_in_any_layout(save) -> None:
    path = save("a.mat", {"x": np.arange(9.0), "y": np.arange(8.0)})
    with pytest.raises(DataError, match="differ in length: x 9, y 8"):
        convert(path, channel("x"), channel("y"), values=RIG)


def test_what_nobody_tells_is_asked_for_and_not_guessed(save) -> None:
    path = save("IR007.mat", {"x": np.arange(9.0)})
    with pytest.raises(DataError, match="tells fault_type and bearing_id; say it by mapping"):
        convert(path, channel("x"), values={"sample_rate_hz": 1000})
    with pytest.raises(DataError, match="tells bearing_id and sample_rate_hz"):
        convert(path, channel("x"), values={"fault_type": "normal"})


def test_a_recording_of_unknown_fault_is_taken_without_a_label_only_where_that_is_asked_for(save, mfpt) -> None:
    path = save("pump.mat", {"x": np.arange(9.0)})
    rig = {"bearing_id": "pump-3", "sample_rate_hz": 1000}
    with pytest.raises(DataError, match=r"tells fault_type; .*; mapping\.unlabelled=true takes it without a label"):
        convert(path, channel("x"), values=rig)
    info = convert(path, channel("x"), values=rig, unlabelled=True).info
    assert info.fault_type is None
    assert "fault_type" not in info.origins
    # What is told stays a label, and what else is needed is needed still.
    assert convert(path, channel("x"), values=RIG, unlabelled=True).info.fault_type == "inner_race"
    with pytest.raises(DataError, match="tells bearing_id;"):
        convert(path, channel("x"), values={"sample_rate_hz": 1000}, unlabelled=True)
    with pytest.raises(DataError, match="none of normal, inner_race"):
        convert(path, channel("x"), values=rig | {"fault_type": "?"}, unlabelled=True)
    of_a_layout = convert(save("field.mat", mfpt(rate=27)), values={"bearing_id": "field-1"}, unlabelled=True).info
    assert (of_a_layout.fault_type, of_a_layout.bearing_id, of_a_layout.rpm) == (None, "field-1", 1620)


def test_names_tell_columns_by_a_pattern(save) -> None:
    path = save("K04-IR-1500rpm-0.7Nm.mat", {"x": np.arange(9.0)})
    found = convert(
        path,
        channel("x"),
        values={"sample_rate_hz": 64_000},
        name_pattern=r"(?P<bearing_id>K\d+)-(?P<fault_type>\w+)-(?P<rpm>\d+)rpm-(?P<load>[\d.]+Nm)",
        words={"IR": "inner_race"},
    )
    info = found.info
    assert (info.bearing_id, info.fault_type, info.rpm, info.load) == ("K04", "inner_race", 1500.0, "0.7Nm")
    assert info.rpm_source == found.info.origins["bearing_id"] == "user: mapping.name_pattern"


def test_a_word_that_nobody_explains_is_no_fault(save) -> None:
    path = save("a.mat", {"x": np.arange(9.0)})
    with pytest.raises(DataError, match=r"fault_type is 'IR' by user: mapping.values, none of normal, inner_race"):
        convert(path, channel("x"), values=RIG | {"fault_type": "IR"})


def test_the_table_wins_over_the_pattern_over_variables_over_values(save) -> None:
    path = save("900rpm.mat", {"x": np.arange(9.0), "speed": 800.0})
    every = {"values": RIG | {"rpm": 700}, "variables": {"rpm": "speed"}, "name_pattern": r"(?P<rpm>\d+)rpm"}
    speeds = []
    for kinds, row in [(1, None), (2, None), (3, None), (3, {"rpm": "1000"}), (3, {"rpm": ""})]:
        found = convert(path, channel("x"), row=row, **dict(list(every.items())[:kinds]))
        speeds.append((found.info.rpm, found.info.rpm_source))
    assert speeds == [
        (700.0, "user: mapping.values"),
        (800.0, "user: variable speed"),
        (900.0, "user: mapping.name_pattern"),
        (1000.0, "user: mapping.table"),
        (900.0, "user: mapping.name_pattern"),
    ]


def test_the_user_wins_over_the_layout_and_a_contradiction_is_noted(save, cwru) -> None:
    found = convert(save("105.mat", cwru(105)), values={"rpm": 1700, "bearing_id": "mine", "unit": "m/s²"})
    assert (found.info.rpm, found.info.bearing_id, found.info.sample_rate_hz) == (1700.0, "mine", 12_000.0)
    assert found.info.rpm_source == "user: mapping.values"
    assert {one.unit for one in found.info.channels} == {"m/s²"}
    assert "rpm is 1700.0 by user: mapping.values, where file X105RPM says 1797.0" in found.notes


def test_a_renamed_file_of_mfpt_is_imported_with_the_fault_that_the_user_gives(save, mfpt) -> None:
    path = save("data_1.mat", mfpt())
    found = convert(path, values={"fault_type": "outer_race", "bearing_id": "b"})
    assert (found.info.fault_type, found.info.rpm, found.info.origins["sample_rate_hz"]) == (
        *("outer_race", 1500.0),
        "file bearing.sr",
    )


def test_a_geometry_is_given_by_its_numbers(save) -> None:
    path = save("a.mat", {"x": np.arange(9.0)})
    numbers = {"n_balls": 8, "ball_d_mm": 6.75, "pitch_d_mm": 28.5}
    found = convert(path, channel("x"), values=RIG | numbers)
    assert found.info.geometry == numbers | {"contact_deg": 0.0}
    assert found.info.origins["geometry"] == "user: mapping.values"
    assert "the contact angle is not given, and taken as 0 degrees" in found.notes
    assert convert(path, channel("x"), values=RIG | numbers | {"contact_deg": 0}).notes == ()
    with pytest.raises(DataError, match="a geometry needs pitch_d_mm as well"):
        convert(path, channel("x"), values=RIG | {"n_balls": 8, "ball_d_mm": 6.75})
    with pytest.raises(DataError, match="no bearing has this geometry"):
        convert(path, channel("x"), values=RIG | numbers | {"pitch_d_mm": 6})


@pytest.mark.parametrize(("number", "name"), [(10000001.0, "10000001"), (10000002.0, "10000002"), (0.125, "0.125")])
def test_bearings_that_are_told_apart_by_numbers_stay_apart(save, number: float, name: str) -> None:
    path = save("a.mat", {"x": np.arange(9.0), "serial": number})
    rig = {key: value for key, value in RIG.items() if key != "bearing_id"}
    assert convert(path, channel("x"), values=rig, variables={"bearing_id": "serial"}).info.bearing_id == name


def test_of_two_speeds_the_later_kind_wins_whichever_unit_it_has(save) -> None:
    path = save("a.mat", {"x": np.arange(9.0)})
    found = convert(path, channel("x"), values=RIG | {"rpm": 1800}, row={"shaft_hz": "20"})
    assert (found.info.rpm, found.info.rpm_source) == (1200.0, "user: mapping.table, Hz")
    found = convert(path, channel("x"), values=RIG | {"shaft_hz": 20}, row={"rpm": "1800"})
    assert found.info.rpm == 1800.0
    with pytest.raises(DataError, match=r"rpm and shaft_hz are both given by user: mapping\.values"):
        convert(path, channel("x"), values=RIG | {"rpm": 1800, "shaft_hz": 20})


def test_a_pattern_that_does_not_fit_a_name_is_noted(save) -> None:
    path = save("a.mat", {"x": np.arange(9.0)})
    found = convert(path, channel("x"), values=RIG, name_pattern=r"(?P<rpm>\d+)rpm")
    assert found.notes == ("mapping.name_pattern does not fit its name",)


@pytest.mark.parametrize("value", ["fast", "-3", "nan", "0"])
def test_a_number_that_is_none_is_refused_with_where_it_is_from(save, value) -> None:
    path = save("a.mat", {"x": np.arange(9.0)})
    with pytest.raises(
        DataError, match=r"sample_rate_hz is .* by user: mapping\.table(, not a number|: not 1 to 1e\+09)"
    ):
        convert(path, channel("x"), values=RIG, row={"sample_rate_hz": value})


def test_the_same_name_in_two_folders_is_two_recordings(save) -> None:
    path = save("a.mat", {"x": np.arange(9.0)})
    mapping = FileMapping(channels=(channel("x"),), values=RIG)
    names = ["one/a.mat", "two/a.mat"]
    found = [convert_file(path, mapping=mapping, name=PurePosixPath(name))[0].info.record_id for name in names]
    assert found == ["one/a", "two/a"]


def test_a_table_is_read_by_the_path_or_the_name_of_a_file(tmp_path: Path) -> None:
    path = tmp_path / "labels.csv"
    path.write_text("\ufefffile,fault_type,rpm\na.mat,normal,1500\nsub/b.mat, ball ,\nc.mat,ball,1\n", encoding="utf-8")
    table = read_table(path)
    assert table.row("any/a.mat") == {"fault_type": "normal", "rpm": "1500"}
    assert table.row("sub/b.mat") == {"fault_type": "ball", "rpm": ""}
    assert table.row("other/b.mat") == {}
    assert table.unused == ["c.mat"]


@pytest.mark.parametrize(
    ("text", "reason"),
    [
        ("name,rpm\na,1\n", "has no column 'file'"),
        ("file,speed\na,1\n", "has the unknown column 'speed'"),
        ("file,rpm\na\n", "line 2: it has not 2 columns"),
        ("file,rpm\na,1,2\n", "line 2: it has not 2 columns"),
        ("file,rpm\na,1\na,2\n", "line 3: a second row of a"),
        ("", "has no column 'file'"),
        ('file,rpm\n"a,1\n', "cannot be read as a table"),
    ],
)
def test_a_table_that_is_none_is_refused_with_the_reason(tmp_path: Path, text, reason) -> None:
    path = tmp_path / "labels.csv"
    path.write_text(text, encoding="utf-8")
    with pytest.raises(DataError, match=reason):
        read_table(path)


def test_a_table_that_is_not_there_or_not_text_is_said(tmp_path: Path) -> None:
    with pytest.raises(DataError, match=r"mapping.table: .*absent.csv: No such file") as caught:
        read_table(tmp_path / "absent.csv")
    assert "UTF-8" not in str(caught.value.hint)
    (tmp_path / "x.csv").write_bytes(b"file,rpm\n\xff\xfe,1\n")
    with pytest.raises(DataError, match="cannot be read as a table"):
        read_table(tmp_path / "x.csv")


@pytest.mark.parametrize(
    ("mapping", "reason"),
    [
        ({"values": {"speed": 3}}, "values.speed"),
        ({"name_pattern": "("}, "name_pattern"),
        ({"name_pattern": r"\d+"}, "named groups must be columns"),
        ({"name_pattern": r"(?P<speed>\d+)"}, "named groups must be columns .* not speed"),
        ({"words": {"IR": "inner"}}, "'inner' is none of normal"),
    ],
)
def test_a_mapping_that_cannot_be_meant_is_refused_before_anything_runs(mapping, reason) -> None:
    with pytest.raises(ValidationError, match=reason):
        ImportMatDatasetParams.model_validate({"source": "x", "mapping": mapping})


def test_channels_go_with_a_layout_of_ones_own() -> None:
    with pytest.raises(ValidationError, match=r"layout=generic needs mapping\.channels"):
        ImportMatDatasetParams.model_validate({"source": "x", "layout": "generic"})
    with pytest.raises(ValidationError, match="not for layout=cwru"):
        ImportMatDatasetParams.model_validate(
            {"source": "x", "layout": "cwru", "mapping": {"channels": [{"variable": "x"}]}}
        )


def test_a_table_that_is_a_pipe_makes_nobody_wait(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "table.csv")
    with pytest.raises(DataError, match="no regular file"):
        read_table(tmp_path / "table.csv")


def test_a_table_longer_than_is_read_is_refused_by_name(tmp_path: Path) -> None:
    with (tmp_path / "table.csv").open("wb") as file:
        file.truncate(MAX_BYTES + 1)
    with pytest.raises(DataError, match=r"table\.csv"):
        read_table(tmp_path / "table.csv")
