"""Tables of delimited text: as the public data sets have them, and what else there is."""

from __future__ import annotations

import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from pfd import DataError
from pfd_plugin_mat_import import csv_file, formats, recorded_file
from pfd_plugin_mat_import.conversion import convert_file
from pfd_plugin_mat_import.csv_division import HEAD_LINES
from pfd_plugin_mat_import.importing import import_files
from pfd_plugin_mat_import.params import ChannelMap, FileMapping, SpeedMap
from pfd_plugin_mat_import.reader import Reader
from pfd_plugin_mat_import.recorded_file import Alias
from pfd_plugin_mat_import.sources import find_files

Write = Callable[..., Path]


@pytest.fixture
def write(tmp_path: Path) -> Write:
    """Write a text into a folder `files`."""

    def put(text: str, name: str = "a.csv", encoding: str = "utf-8") -> Path:
        path = tmp_path / "files" / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(text.encode(encoding))
        return path

    return put


def values(path: Path, *names: str, header: bool | None = None) -> dict[str, Any]:
    """Some variables of a file, or all of them, as lists."""
    found = formats.variables(path, header=header)
    wanted = [one for one in found if (one.name in names if names else not isinstance(one.name, Alias))]
    read = formats.read(path, wanted, header=header)
    return {name: np.asarray(value).tolist() for name, value in read.items()}


def mapping(*channels: dict[str, Any], **values: Any) -> FileMapping:
    known = {"fault_type": "ball", "bearing_id": "b", "sample_rate_hz": 1000} | values
    return FileMapping(channels=tuple(ChannelMap(**channel) for channel in channels), values=known)


def rows_of(signal: np.ndarray[Any, Any], delimiter: str, end: str = "") -> str:
    return "".join(delimiter.join(f"{value:.6f}" for value in row) + end + "\n" for row in signal)


@pytest.fixture
def signal() -> np.ndarray[Any, Any]:
    return np.random.default_rng(0).standard_normal((400, 8)).round(6)


@pytest.mark.parametrize(("name", "delimiter"), [("ball_20_0.csv", ","), ("health_20_0.csv", "\t")])
def test_a_file_of_seu_is_read_behind_its_preamble(write: Write, signal, name: str, delimiter: str) -> None:
    preamble = f"Title{delimiter}{name}\nChannels,8\n\nRate: 5120\n" + "\n" * 11 + "Data\n"
    assert preamble.count("\n") == 16
    path = write(preamble + rows_of(signal, delimiter, end=delimiter), name, "gb18030")
    [found] = convert_file(path, mapping=mapping({"variable": "2", "sensor": "planetary"}, {"variable": "8"}))
    assert [channel.sensor for channel in found.info.channels] == ["planetary", "8"]
    np.testing.assert_array_equal(found.signal, signal.T[[1, 7]].astype(np.float32))


def test_a_file_of_jnu_is_one_channel(write: Write, signal) -> None:
    path = write(rows_of(signal[:, :1], ","), "ib600_2.csv")
    [found] = convert_file(path, mapping=mapping({"variable": "1"}, sample_rate_hz=50_000))
    np.testing.assert_array_equal(found.signal, signal.T[:1].astype(np.float32))


def test_the_columns_of_a_file_of_xjtu_sy_go_by_their_names(write: Write, signal) -> None:
    header = "Horizontal_vibration_signals,Vertical_vibration_signals\n"
    path = write(header + rows_of(signal[:, :2], ","), "35Hz12kN/Bearing1_1/1.csv")
    with pytest.raises(DataError, match=r"it holds Horizontal_vibration_signals \(column 1, numbers\), Vertical"):
        convert_file(path)
    wanted = mapping({"variable": "Vertical*", "axis": "y"}, {"variable": "Horizontal_vibration_signals"})
    np.testing.assert_array_equal(convert_file(path, mapping=wanted)[0].signal, signal.T[[1, 0]].astype(np.float32))


def test_all_columns_of_a_file_of_mafaulda_are_one_matrix_read_in_well_under_a_second(
    write: Write, signal, note: Callable[[str], None]
) -> None:
    long = np.tile(signal, (625, 1))  # 250,000 lines
    path = write(rows_of(signal, ",") * 625, "normal/12.288.csv")
    values(path, "1")  # loads pyarrow
    began = time.monotonic()
    [found] = convert_file(path, mapping=mapping({"variable": "table", "sensor": "mfs"}, sample_rate_hz=50_000))
    seconds = time.monotonic() - began
    note(f"a table of {path.stat().st_size / 1e6:.0f} MB converted in {seconds:.2f} s")
    assert seconds < 5  # of a busy machine
    np.testing.assert_array_equal(found.signal, long.T.astype(np.float32))
    assert [channel.sensor for channel in found.info.channels][::7] == ["mfs-1", "mfs-8"]


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("1\n2\n", {"1": [1, 2]}),
        ("1;2,5\n-3;1,5e1\n", {"1": [1, -3], "2": [2.5, 15]}),
        ("1,5\t2\n.5\t,5\n1\t2\n", None),
        ("1,5\t2\n1\t,5\n", {"1": [1.5, 1], "2": [2, 0.5]}),
        ("3;a;b\n1,5;a;b\n2,5;c;d\n", {"1": [3, 1.5, 2.5], "2": ["a", "a", "c"], "3": ["b", "b", "d"]}),
        ("  1.5   2\t3\n 4 5  6 \n", {"1": [1.5, 4], "2": [2, 5], "3": [3, 6]}),
        ("1,5  2\n3  4,5\n", {"1": [1.5, 3], "2": [2, 4.5]}),
        ("1.5, +2\n3, 4\n", {"1": [1.5, 3], "2": [2, 4]}),
        ("1,2\r\n3,4\r\n\r\n", {"1": [1, 3], "2": [2, 4]}),
        ("1,2\r3,4", {"1": [1, 3], "2": [2, 4]}),
        ('"t","x, y"\n"1","2"\n"3","4"\n', {"t": [1, 3], "x, y": [2, 4]}),
        ("# t x\n1 2\n3 4\n", {"t": [1, 3], "x": [2, 4]}),
        (",x\n0,5\n1,6\n", {"x": [5, 6], "1": [0, 1]}),
        (",0,1\n0,.5,.6\n1,.7,.8\n", {"1": [0, 1], "2": [0.5, 0.7], "3": [0.6, 0.8]}),
        ("0,1,2\n", {"1": 0, "2": 1, "3": 2}),
        ("1,2,3\n3,4,5\n", {"1": [1, 3], "2": [2, 4], "3": [3, 5]}),
        ("800,1000\n.5,.6\n", {"1": [800, 0.5], "2": [1000, 0.6]}),
        ('"800","1000"\n.5,.6\n.7,.8\n', {"800": [0.5, 0.7], "1000": [0.6, 0.8]}),
        ('"1","2"\n.5,.6\n.7,.8\n', {"1": [0.5, 0.7], "2": [0.6, 0.8]}),
        ("# rate, 25600\n1,2\n3,4\n", {"1": [1, 3], "2": [2, 4]}),
        ("# 0 1\n1.5 2\n3 4\n", {"1": [1.5, 3], "2": [2, 4]}),
        ("#1,.5\n#2,.6\n", {"1": ["#1", "#2"], "2": [0.5, 0.6]}),
        ("Rate,25600\nSize,8\n1,2,3\n4,5,6\n", {"1": [1, 4], "2": [2, 5], "3": [3, 6]}),
        ("t,x,\n1,2,\n3,4,\n", {"t": [1, 3], "x": [2, 4]}),
        ("Rate,25600\nt,x\n1,2\n3,4\n", {"t": [1, 3], "x": [2, 4]}),
        ("note\n1,2\n3,4\n", {"1": [1, 3], "2": [2, 4]}),
        ("t,x,table\n1,2,7\n3,4,8\n", {"t": [1, 3], "x": [2, 4], "table": [7, 8]}),
        ("time;a\n10:00;1,5\n10:01;2,5\n", {"time": ["10:00", "10:01"], "1": ["10:00", "10:01"], "a": [1.5, 2.5]}),
        ("a,label\n1,x\n2,7\n3,y\n", {"a": [1, 2, 3], "label": ["x", "7", "y"]}),
        ("1,2\n\n3,4\n", None),
    ],
)
def test_delimiter_decimal_mark_header_and_preamble_are_found(
    write: Write, text: str, expected: dict[str, Any] | None
) -> None:
    path = write(text)
    if expected is None:
        with pytest.raises(DataError):
            values(path)
    else:
        assert values(path, *expected) == expected
        assert set(values(path)) - set(expected) <= {"1", "2", "3", "table"}  # no column more


def test_what_is_missing_is_nan_and_what_is_infinite_stays_so(write: Write) -> None:
    found = values(write("a,b\n,nan\nNA,NaN\n1,inf\n2,-INF\n"))
    np.testing.assert_array_equal(found["a"], [np.nan, np.nan, 1, 2])
    np.testing.assert_array_equal(found["b"], [np.nan, np.nan, np.inf, -np.inf])
    # Of one column, a blank line is a gap: left out, it would shift what comes after it.
    np.testing.assert_array_equal(values(write("1\n\n2\n"))["1"], [1, np.nan, 2])


@pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig", "utf-16", "latin-1"])
def test_the_encoding_is_found(write: Write, encoding: str) -> None:
    lines = "".join(f"{number};ü{number}\n" for number in range(400))
    found = values(write(f"préambule\nZähler;wörter\n{lines}", encoding=encoding))
    assert found["Zähler"] == list(range(400))
    assert found["wörter"][399] == "ü399"


def test_a_name_that_two_columns_have_is_refused_and_their_numbers_are_not(write: Write) -> None:
    path = write("x,x,t\n1,2,3\n4,5,6\n")
    with pytest.raises(DataError, match="x is the name of several columns; say which by its number: 1, 2"):
        values(path, "x")
    assert values(path, "2", "t") == {"2": [2, 5], "t": [3, 6]}
    path = write("table,table\n1,2\n3,4\n")
    with pytest.raises(DataError, match="table is the name of several columns"):
        values(path, "table")
    assert values(write("table,word\n1,a\n2,b\n"), "table") == {"table": [1, 2]}


@pytest.mark.parametrize("others", ["2.5,1,7\n", "2.5\n", "x,y,1\n"])
@pytest.mark.parametrize("header", ["", "a,b\n"])
def test_no_line_is_left_out_where_the_number_of_fields_changes(write: Write, header: str, others: str) -> None:
    path = write(header + "1.5,1\n" * 100 + others * 3000)
    line = 101 + header.count("\n")
    with pytest.raises(DataError, match=rf"line {line} has \d fields?, where line \d+ has 2"):
        formats.variables(path)


@pytest.mark.parametrize(
    "text",
    [
        "1.5 2 3\n" * 9 + "2.5\n" * 30,
        "1,5;2\n" * 9 + "a\n" + "2,5\n" * 30,
        "10:00 1.5 ok\n" * 9 + "2.5\n" * 30,
        "1.5;2\n" * 9 + "a,b\n" + "1.5,2\n" * 30,
        "t,a\n" + "10:00,1.5\n10:01,2.5\n" * 9 + "t,b,a\n" + "10:02,ok,1.5\n" * 30,
        "1.5,ok\n" * 9 + "t,a,b\n" + "3,1.5,ok\n" * 30,
    ],
)
def test_rows_of_another_kind_than_the_data_are_no_preamble(write: Write, text: str) -> None:
    with pytest.raises(DataError, match=r"line \d+ (has \d|is ')"):
        formats.variables(write(text))


def test_notes_with_numbers_are_a_preamble(write: Write) -> None:
    notes = ["rate 25600", "size 8", "Channel 1 is x", "Channel 2 is y", "# 1 2 3", "", "Range: 5", "Data"]
    for delimiter in " ,;\t":
        path = write("\n".join([*notes, f"1.5{delimiter}2", f"3{delimiter}4", ""]))
        assert values(path) == {"1": [1.5, 3], "2": [2, 4]}


@pytest.mark.parametrize(
    ("text", "name", "column"),
    [
        ("acc,rpm\nNA,NA\n,\n1,2\n3,4\n", "acc", "1"),
        ("acc\n\n\n1\n3\n", "acc", "1"),
        ("note\nt,acc\nx,NA\ny,NA\nz,1\nz,3\n", "acc", "2"),
    ],
)
def test_gaps_before_the_first_number_are_gaps_and_no_header(write: Write, text: str, name: str, column: str) -> None:
    path = write(text)
    for asked in (name, column):
        np.testing.assert_array_equal(values(path, asked)[asked], [np.nan, np.nan, 1, 3])
    with pytest.raises(DataError, match="samples"):
        convert_file(path, mapping=mapping({"variable": name}))


def test_a_last_column_without_a_number_keeps_its_name(write: Write) -> None:
    np.testing.assert_array_equal(values(write("a,b\n1,\n2,\n"), "b")["b"], [np.nan, np.nan])
    assert set(values(write("a\n1,\n2,\n"))) == {"a"}  # it is the delimiter at the end of each line


@pytest.mark.parametrize(
    ("text", "named", "plain"),
    [
        ("0,1\n.5,.6\n", {"1": 0.5, "2": 0.6}, {"1": [0, 0.5], "2": [1, 0.6]}),
        ("0\n-5\n", {"1": -5}, {"1": [0, -5]}),
        ("0,1,2\n3,4,5\n", {"1": 3, "2": 4, "3": 5}, {"1": [0, 3], "2": [1, 4], "3": [2, 5]}),
        ("1,2\n3,.5\n", {"1": 3, "2": 0.5}, {"1": [1, 3], "2": [2, 0.5]}),
        ("rate: 5\n1;2\n3;,5\n", {"1": 3, "2": 0.5}, {"1": [1, 3], "2": [2, 0.5]}),
        ("x,2\n3,4\n5,6\n", {"x": [3, 5], "2": [4, 6]}, {"2": [2, 4, 6]}),
        (",0,1\n5,.5,.6\n", {"1": 5, "2": 0.5, "3": 0.6}, {"2": [0, 0.5]}),
    ],
)
def test_a_first_line_that_may_be_header_or_data_is_refused_until_the_user_says_which(
    write: Write, text: str, named: dict[str, Any], plain: dict[str, Any]
) -> None:
    path = write(text)
    with pytest.raises(DataError, match=r"line \d is .*: is it the header, or data\?  Say mapping.header=true or"):
        formats.variables(path)
    assert values(path, *named, header=True) == named
    assert values(path, *plain, header=False) == plain


def test_what_is_said_of_the_header_is_held_to(write: Write) -> None:
    path = write("800,1000\n.5,.6\n.7,.8\n")
    assert values(path, header=True) == {"800": [0.5, 0.7], "1000": [0.6, 0.8]}
    assert values(write("t,\n1,2\n3,4\n"), header=True) == {"t": [1, 3], "2": [2, 4]}
    for text, header, reason in (
        ("t,x\n1,2\n3,4\n", False, "header=false, and line 1 is 't,x'"),
        ("a note\n1\n2\n", False, "header=false, and line 1 is 'a note'"),
        ("1,2\n", True, "header=true, and line 1 is the only one"),
        ("\n0\n.5\n", True, "header=true, and line 1 has no name"),
    ):
        with pytest.raises(DataError, match=reason):
            formats.variables(write(text), header=header)
    np.save(path.with_suffix(".npy"), np.arange(9.0))
    for asked in (formats.variables, lambda path, **said: formats.read(path, [], **said)):
        with pytest.raises(DataError, match=r"mapping.header is for tables of text"):
            asked(path.with_suffix(".npy"), header=False)


def test_a_mapping_says_whether_its_tables_have_a_header(write: Write) -> None:
    path = write("0,1\n" + ".5,.6\n-.7,.8\n" * 40)
    said = {header: mapping({"variable": "1"}).model_copy(update={"header": header}) for header in (True, False)}
    assert {header: convert_file(path, mapping=one)[0].signal.shape for header, one in said.items()} == {
        True: (1, 80),
        False: (1, 81),
    }
    with Reader(mapping=said[True]) as reader:
        assert reader.read(path)[0].signal[0, :2].tolist() == [0.5, np.float32(-0.7)]


def test_a_name_that_is_the_number_of_another_column_is_refused(write: Write) -> None:
    path = write('"2","1","x"\n.5,1,5\n.7,2,6\n')
    for name in ("1", "2"):
        with pytest.raises(DataError, match=f"{name} is the name of column {3 - int(name)}, and the number of another"):
            values(path, name)
    assert values(path, "3", "x") == {"3": [5, 6], "x": [5, 6]}
    np.testing.assert_array_equal(values(path, "table")["table"], [[0.5, 1, 5], [0.7, 2, 6]])


def test_table_is_of_the_columns_that_nothing_else_asks_for(write: Write, signal) -> None:
    names = [f"s{number}" for number in range(8)]
    rows = enumerate(rows_of(signal, ",").split())
    lines = "".join(f"{row},{'normal' if number % 2 else 'ball'},{number}\n" for number, row in rows)
    path = write(",".join([*names, "label", "bearing"]) + "\n" + lines)
    windows = FileMapping(
        channels=(ChannelMap(variable="table"),),
        rows="recordings",
        values={"sample_rate_hz": 1000},
        variables={"fault_type": "label", "bearing_id": "10"},
    )
    found = convert_file(path, mapping=windows)
    np.testing.assert_array_equal([one.signal[0] for one in found], signal.astype(np.float32))
    assert [one.info.label for one in found[:2]] == ["ball", "normal"]
    without = windows.model_copy(update={"variables": {"bearing_id": "bearing"}, "values": {"fault_type": "ball"}})
    with pytest.raises(DataError, match="label holds text: table is of numbers; ask for its columns by their names"):
        convert_file(path, mapping=without)


def test_table_has_no_time_and_no_column_twice(write: Write, signal) -> None:
    moments = "".join(f"{number / 1000},{row}\n" for number, row in enumerate(rows_of(signal[:, :2], ",").split()))
    path = write("time,x,y\n" + moments)
    wanted = FileMapping(
        channels=(ChannelMap(variable="table"), ChannelMap(variable="2")),
        values={"fault_type": "ball", "bearing_id": "b"},
        variables={"sample_rate_hz": "rate(time)"},
    )
    [found] = convert_file(path, mapping=wanted)
    assert [channel.sensor for channel in found.info.channels] == ["table", "2"]
    np.testing.assert_array_equal(found.signal, signal.T[[1, 0]].astype(np.float32))
    with pytest.raises(DataError, match="nothing is left of table"):
        values(path, "table", "1", "x", "y")


@pytest.mark.parametrize("asked", ["rpm", "3", "r*"])
def test_a_pattern_fits_no_second_name_and_no_column_that_is_used_by_any(write: Write, signal, asked: str) -> None:
    lines = "".join(f"{row},1500\n" for row in rows_of(signal[:, :2], ",").split())
    wanted = FileMapping(
        channels=(ChannelMap(variable="*", several=True),),
        values={"fault_type": "ball", "bearing_id": "b", "sample_rate_hz": 1000},
        speed=SpeedMap(variable=asked, kind="rpm"),
    )
    [found] = convert_file(write("x,y,rpm\n" + lines), mapping=wanted)
    assert [channel.sensor for channel in found.info.channels] == ["x", "y"]
    assert found.info.rpm == pytest.approx(1500)


def test_of_a_table_without_a_header_the_numbers_are_the_names(write: Write, signal) -> None:
    wanted = mapping({"variable": "*", "several": True}).model_copy(
        update={"speed": SpeedMap(variable="3", kind="rpm")}
    )
    told = wanted.model_copy(update={"speed": None, "variables": {"rpm": "median([3])"}})
    lines = "".join(f"{row},1500\n" for row in rows_of(signal[:, :2], ",").split())
    [found] = convert_file(write(lines), mapping=wanted)
    assert [channel.sensor for channel in found.info.channels] == ["1", "2"]
    assert convert_file(write(lines), mapping=told)[0].info.rpm == 1500
    [found] = convert_file(write("x\n" + rows_of(signal[:, :1], ",")), mapping=mapping({"variable": "*"}))
    assert found.signal.shape == (1, len(signal))


MANY = "t,x\n" + "1,2\n" * (2 * HEAD_LINES)


@pytest.mark.parametrize(
    ("text", "reason"),
    [
        (MANY + "1,2,3\n" + "1,2\n" * 9, f"line {2 * HEAD_LINES + 2} has 3 fields, where the others have 2"),
        (MANY + "1\n", f"line {2 * HEAD_LINES + 2} has 1 fields"),
        (MANY + "1,abc\n", f"line {2 * HEAD_LINES + 2}: 'abc' in column 2 is not a number"),
        (MANY.replace("1,2", "1,2,") + "1,2,7\n", f"line {2 * HEAD_LINES + 2} has a field more than the others, '7'"),
        ("t,x\n1,2\n3,4\n5,abc\n6,7\n", "line 4: 'abc' in column 2 is not a number"),
        ("1,2\n3,4\n5,6,7\n8,9\n1,2\n", "line 3 has 3 fields, where line 1 has 2"),
        ("1,2\n3,4\nt,x\n8,9\n1,2\n", "line 3 is 't,x', and line 1 is data"),
        ("25600\nData\n1\n2\n3\n", "line 2 is 'Data', and line 1 is data"),
        ("1,2\n3,4\n5\n", "line 3 has 1 field, and line 2 2: was it cut off"),
        ("1,2\n# 3,4\n5,6\n7,8\n", "line 2 is '# 3,4', and line 1 is data"),
        (
            "1,2\n1,2,3\n4,5,6\n",
            "line 2 has 3 fields, where line 1 has 2; where line 1 is none, take it away or write #",
        ),
        ("10:00,1\n10:01,2\n10:02,ok,1\n10:03,ok,2\n", "line 3 has 3 fields, where line 1 has 2"),
        ("1,5;1\n" * 3 + "1,5;1;7\n" * 5, "line 4 has 3 fields, where line 1 has 2"),
        ("1.5 1\n" * 3 + "1.5 1 7\n" * 5, "line 4 has 3 fields, where line 1 has 2"),
        (
            "a,b\n" + "1.5,2\n" * 9 + "end of data\n",
            "line 11 has 1 field, and line 10 2: was it cut off, or is it no data",
        ),
        ("a,b\n" + "1.5,2\n" * 9 + "Date;of;5\n", "line 11 has 1 field, and line 10 2"),
        ("1\r\r\n2\r\r\n", r"its lines end in \\r\\r\\n"),
        ("1\n" * (2 * HEAD_LINES) + "2\r3\n", "501 lines make 502 rows: they end in different ways"),
        ('a,b\n1,"x\n2,"y"\n3,z\n', "a quotation mark is open"),
        ("\n\n", "it is blank"),
        ("name,word\na,b\nc,d\n", "no column ends in one, and line 3 is 'c,d'"),
        ("1,\0\n", "bytes that are not text"),
        ("1" * 2**21, "more than 1 MiB"),
        (",".join(["1"] * 30_000) + "\n", "30,000 fields, at most 20,000"),
        ("version https://git-lfs.github.com/spec/v1\noid sha256:0\nsize 9\n", "pointer of Git LFS"),
        ("", "the file is empty"),
    ],
)
def test_a_line_that_is_not_as_the_others_is_said(write: Write, text: str, reason: str) -> None:
    path = write(text)
    with pytest.raises(DataError, match=reason):
        values(path, *"123", "t", "x", "b")


def test_a_column_of_text_beside_them_keeps_no_numbers_from_being_read(write: Write) -> None:
    assert values(write("t,word\n1,a\n2,3\n4,5\n6,7\n"), "t") == {"t": [1, 2, 4, 6]}
    # One that is of text in one line alone is refused only by who asks for it.
    assert values(write("t,x\n1,abc\n2,3\n4,5\n"), "t") == {"t": [1, 2, 4]}


def test_a_table_takes_no_more_memory_than_it_may(write: Write, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(recorded_file, "MAX_DATA_BYTES", 1000)
    path = write("1,x\n" * 120)
    assert len(values(path, "1")["1"]) == 120
    with pytest.raises(DataError, match="its variables claim"):
        values(path, "1", "2")
    # One long text makes all of a column as long, since an array of text is.
    path = write("1,x\n" * 10 + f"1,{'y' * 100}\n")
    with pytest.raises(DataError, match="its variables claim"):
        values(path, "2")


def test_blocks_and_pieces_that_end_anywhere_change_nothing(write: Write, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(csv_file, "_CHUNK", 7)
    monkeypatch.setattr(csv_file, "_BLOCK", 256)
    lines = "".join(f" {number}.5 \t -{number}   \r\n" for number in range(300))
    found = values(write(lines + "\r\n \r\n"), "1", "2")
    assert found == {"1": [number + 0.5 for number in range(300)], "2": [-number for number in range(300)]}
    found = values(write("a;ü\n" + "1;é\n" * 300, encoding="utf-16"), "ü")
    assert found == {"ü": ["é"] * 300}


def test_a_pattern_that_names_a_suffix_takes_its_files_and_a_folder_says_what_it_holds(
    write: Write, signal, tmp_path: Path
) -> None:
    for name in ("a/1.csv", "b/2.CSV", "b/3.txt"):
        write(rows_of(signal[:, :2], ","), name)
    folder = tmp_path / "files"
    wanted = FileMapping(
        channels=(ChannelMap(variable="2"),),
        values={"fault_type": "ball", "sample_rate_hz": 1000},
        name_pattern=r"(?P<bearing_id>\w)/\d",
    )
    with Reader(mapping=wanted) as reader:
        outcomes = list(import_files(find_files(folder / "*" / "*.csv", reader), reader))
        [found] = [outcome.imported for outcome in outcomes]
        assert found is not None
        assert (found.info.record_id, found.info.bearing_id) == ("a/1", "a")
        np.testing.assert_array_equal(found.signal[0], signal[:, 1].astype(np.float32))
        assert [file.name for file in find_files(folder / "b" / "3.txt", reader)] == ["3.txt"]
        for source in (folder, folder / "*" / "*"):
            with pytest.raises(DataError, match=r"no \.mat file in .*: it holds 2 \.csv and 1 \.txt") as caught:
                find_files(source, reader)
            assert "/**/*.csv'" in str(caught.value.hint)
