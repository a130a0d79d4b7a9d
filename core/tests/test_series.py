"""Series of a job: recorded while it runs, read by others, left by a kill, and whole whatever is recorded."""

from __future__ import annotations

import errno
import logging
import math
import os
import time
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pfd.errors import ParameterError
from pfd.series import reader, writer
from pfd.series.reader import Point, merged, names, read
from pfd.series.writer import SeriesWriter, series_path

LOG = logging.getLogger("test-series")


def a_writer(folder: Path, claim: int = 1) -> SeriesWriter:
    return SeriesWriter(series_path(folder, claim), LOG)


def losses(points: tuple[Point, ...]) -> list[tuple[int, float | None]]:
    return [(point.step, point.values["loss"]) for point in points]


def test_what_is_recorded_is_read_while_it_is_written(tmp_path: Path) -> None:
    series = a_writer(tmp_path)
    series.record("training", 0, {"loss": 2.0, "accuracy": 0.1})
    deadline = time.monotonic() + 30
    while not read(tmp_path, "training").points:
        assert time.monotonic() < deadline
        time.sleep(0.01)
    first = read(tmp_path, "training")
    assert losses(first.points) == [(0, 2.0)]
    series.record("training", 1, {"loss": 1.0})
    series.record("validation", 1, {"loss": 1.5})
    series.close()
    assert losses(read(tmp_path, "training", first.cursor).points) == [(1, 1.0)]
    assert names(tmp_path) == ("training", "validation")
    assert read(tmp_path, "training", read(tmp_path, "training").cursor).points == ()


def test_no_file_is_made_where_nothing_is_recorded(tmp_path: Path) -> None:
    a_writer(tmp_path / "none").close()
    assert not (tmp_path / "none").exists()
    assert (names(tmp_path / "none"), read(tmp_path / "none", "x").points) == ((), ())


def test_what_is_no_number_is_a_gap_and_what_looks_like_a_scalar_is_one(tmp_path: Path) -> None:
    import numpy as np

    series = a_writer(tmp_path)
    series.record("s", np.int64(3), {"a": np.float32(1.5), "b": math.nan, "c": np.inf, "d": True, "e": np.array(2.0)})
    series.close()
    [point] = read(tmp_path, "s").points
    assert (point.step, point.values) == (3, {"a": 1.5, "b": None, "c": None, "d": 1, "e": 2.0})
    assert b"NaN" not in series_path(tmp_path, 1).read_bytes()


@pytest.mark.parametrize(
    ("series", "step", "values", "says"),
    [
        ("", 0, {"a": 1}, "not a name"),
        ("../x\x00", 0, {"a": 1}, "not a name"),
        ("é", 0, {"a": 1}, "not a name"),
        (None, 0, {"a": 1}, "not a name"),
        ("s", -1, {"a": 1}, "step -1"),
        ("s", 0.5, {"a": 1}, "step 0.5"),
        ("s", "1", {"a": 1}, "step"),
        ("s", True, {"a": 1}, "step True"),
        ("s", 2**60, {"a": 1}, "step"),
        ("s", 0, {}, "0 values"),
        ("s", 0, {str(number): 1 for number in range(65)}, "65 values"),
        ("s", 0, {"a": "1"}, "a='1'"),
        ("s", 0, {"a": [1]}, "is not a number"),
        ("s", 0, {"a" * 101: 1}, "no name"),
        ("s", 0, {"a\x1b[31m": 1}, "no name"),
        ("s", 0, {" ": 1}, "no name"),
        (["s"], 0, {"a": 1}, "not a name"),
    ],
)
def test_what_cannot_be_recorded_is_refused_and_named(
    tmp_path: Path, series: Any, step: Any, values: dict[str, Any], says: str
) -> None:
    recorded = a_writer(tmp_path)
    recorded.record("s", 0, {"a": 1})
    with pytest.raises(ParameterError) as found:
        recorded.record(series, step, values)
    assert says in str(found.value)
    recorded.close()
    assert len(read(tmp_path, "s").points) == 1


def test_a_run_that_begins_anew_takes_back_what_came_after(tmp_path: Path) -> None:
    for claim, steps in ((3, range(5)), (12, range(3, 6))):
        series = a_writer(tmp_path, claim)
        for step in steps:
            series.record("training", step, {"loss": claim + step / 10})
        series.close()
    found = read(tmp_path, "training")
    assert [point.step for point in found.points] == [0, 1, 2, 3, 4, 3, 4, 5]
    assert losses(merged(found.points)) == [(0, 3.0), (1, 3.1), (2, 3.2), (3, 12.3), (4, 12.4), (5, 12.5)]


def test_what_one_run_records_of_a_step_is_one_point_in_whatever_order_steps_come(tmp_path: Path) -> None:
    series = a_writer(tmp_path)
    for step in (0, 4, 2, 1, 3):
        series.record("s", step, {"train": float(step)})
        series.record("s", step, {"val": -float(step)})
    series.close()
    found = merged(read(tmp_path, "s").points)
    assert [(point.step, point.values) for point in found] == [
        (step, {"train": float(step), "val": -float(step)}) for step in range(5)
    ]


def test_each_quantity_of_a_long_series_is_kept(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(writer, "DENSE", 50)
    series = a_writer(tmp_path)
    for step in range(400):
        series.record("s", step, {"train": 1.0})
        series.record("s", step, {"val": 2.0})
    series.close()
    points = read(tmp_path, "s").points
    assert sum("train" in point.values for point in points) == sum("val" in point.values for point in points) > 50


@pytest.mark.parametrize("value", [10**5000, -(10**400), 2**70], ids=["vast", "minus vast", "large"])
def test_a_huge_number_ends_nothing(tmp_path: Path, value: int) -> None:
    series = a_writer(tmp_path)
    series.record("s", 0, {"a": value})
    series.record("s", 1, {"a": 1.0})
    series.close()
    first, second = read(tmp_path, "s").points
    assert first.values["a"] in (None, float(2**70))
    assert second.values["a"] == 1.0


def test_a_line_of_which_a_full_disk_took_a_part_spoils_no_other(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    series = a_writer(tmp_path)
    write = os.write
    rooms = iter([7])

    def full(file: int, data: Any) -> int:
        if (room := next(rooms, None)) is None:
            raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))
        return write(file, bytes(data)[:room])

    with monkeypatch.context() as patch:
        patch.setattr(os, "write", full)
        series._pending.append(("s", 1, 5.0, {"a": 1}))
        series._write()
    series.record("s", 2, {"a": 2})
    series.close()
    assert [point.step for point in read(tmp_path, "s").points] == [2]


def test_a_foreign_line_with_an_infinity_or_a_step_that_is_none_reaches_no_program(tmp_path: Path) -> None:
    path = series_path(tmp_path, 1)
    path.write_bytes(b'["s",1,5.0,{"a":1e999}]\n["s",-1,5.0,{"a":1}]\n["s",' + b"9" * 4000 + b',5.0,{"a":1}]\n')
    assert [point.values for point in read(tmp_path, "s").points] == [{"a": None}]


def test_a_reader_that_follows_misses_nothing_across_runs(tmp_path: Path) -> None:
    seen: list[Point] = []
    cursor = ""
    for claim in (1, 2, 7):
        series = a_writer(tmp_path, claim)
        for step in range(4):
            series.record("s", step, {"a": step})
        series.close()
        found = read(tmp_path, "s", cursor)
        seen, cursor = [*seen, *found.points], found.cursor
    assert tuple(seen) == read(tmp_path, "s").points


@given(st.binary(max_size=300))
def test_whatever_lies_in_a_file_the_points_beside_it_are_read(junk: bytes) -> None:
    good = b'["s",1,5.0,{"a":2}]\n'
    found = list(reader._points(good + junk + b"\n" + good))
    assert found[0] == found[-1] == ("s", Point(1, 5.0, {"a": 2}))


@pytest.mark.parametrize(
    "line",
    [
        *(b"[]", b"{}", b"null", b'["s",1,5.0,{"a":"x"}]', b'["s","1",5,{}]', b'[1,1,5,{"a":1}]'),
        *(b'["s",1,null,{"a":1}]', b'["s",1,5.0,{"a":[1]}]', b"[" * 40_000, b"\xff\xfe"),
        b'["s",1,5.0,{"a":' + b"1" * 70_000 + b"}]",
    ],
    ids=range(11),
)
def test_a_line_that_is_no_point_is_left_out(tmp_path: Path, line: bytes) -> None:
    series_path(tmp_path, 1).write_bytes(line + b'\n["s",1,5.0,{"a":2}]\n')
    assert [point.values for point in read(tmp_path, "s").points] == [{"a": 2}]


def test_the_half_line_of_a_run_that_was_killed_is_no_point_and_comes_once_it_is_whole(tmp_path: Path) -> None:
    path = series_path(tmp_path, 1)
    path.write_bytes(b'["s",1,5.0,{"a":1}]\n["s",2,5.0')
    first = read(tmp_path, "s")
    assert [point.step for point in first.points] == [1]
    with path.open("ab") as file:
        file.write(b',{"a":1}]\n')
    assert [point.step for point in read(tmp_path, "s", first.cursor).points] == [2]


@pytest.mark.parametrize("since", ["2:0", "1:9999"])
def test_a_cursor_of_another_job_is_refused_and_not_waited_on(tmp_path: Path, since: str) -> None:
    series = a_writer(tmp_path)
    series.record("s", 0, {"a": 1})
    series.close()
    with pytest.raises(ParameterError, match="another job"):
        read(tmp_path, "s", since)


@pytest.mark.parametrize("since", ["x", "1", "1:", ":1", "-1:0", "1:0:0", "9" * 40 + ":1"])
def test_a_cursor_that_is_none_is_refused(tmp_path: Path, since: str) -> None:
    with pytest.raises(ParameterError, match="no cursor"):
        read(tmp_path, "s", since)


def test_a_long_series_is_thinned_says_so_once_and_keeps_its_last_point(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    monkeypatch.setattr(writer, "DENSE", 100)
    series = a_writer(tmp_path)
    for step in range(10_000):
        series.record("s", step, {"a": step})
    series.close()
    steps = [point.step for point in read(tmp_path, "s").points]
    assert steps[:100] == list(range(100))
    assert steps[-1] == 9_999
    assert len(steps) < 800
    assert [record.message for record in caplog.records] == [
        "series s: more than 100 points; of the further ones fewer are kept"
    ]


def test_what_is_no_file_of_ours_is_not_waited_on(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "1.series")
    (tmp_path / "2.series").mkdir()
    (tmp_path / "elsewhere").write_text('["s",1,5.0,{"a":2}]\n')
    (tmp_path / "3.series").symlink_to(tmp_path / "elsewhere")
    assert read(tmp_path, "s").points == ()
    assert names(tmp_path) == ()


def test_a_fork_of_a_task_records_as_well_and_nothing_twice(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    series = a_writer(tmp_path)
    monkeypatch.setattr(writer, "DENSE", 1)
    for step in (10, 11):  # of which the parent leaves out the second for now
        series.record("s", step, {"a": 0})
    time.sleep(0.3)
    if (child := os.fork()) == 0:
        series.record("s", 1, {"a": 1})
        series.close()
        os._exit(0)
    os.waitpid(child, 0)
    series.close()
    assert sorted(point.step for point in read(tmp_path, "s").points) == [1, 10, 11]


def test_a_disk_that_takes_nothing_ends_no_task(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    (tmp_path / "file").write_text("in the way")
    series = a_writer(tmp_path / "file")
    series.record("s", 0, {"a": 1})
    series.close()
    assert len([record for record in caplog.records if "left out" in record.message]) == 1
