"""Tables for spreadsheets, which run a text that begins as a formula does."""

from __future__ import annotations

import csv
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from pfd.csv_tables import from_cell, to_cell, write_csv
from pfd_plugin_data import ChannelInfo, export_dataset, open_dataset

FORMULAS = ["=1+1", "+cmd|' /C calc'!A0", "-2+3", "@SUM(A1)", "\t=1", "\r=1", "\n=1", "＝1", "=", "'=1", "''@x", "-"]
NUMBERS = ["-1", "+1", "-1.5", "-.5e-3", "0", "-12.", "1e9"]


@pytest.mark.parametrize("text", FORMULAS)
def test_a_text_that_begins_as_a_formula_does_is_marked_and_read_back_as_it_was(tmp_path: Path, text: str) -> None:
    write_csv(tmp_path / "t.csv", [text, "n"], [[text, -1.5], ["plain", None]])
    with (tmp_path / "t.csv").open(encoding="utf-8", newline="") as file:
        rows = list(csv.reader(file))
    assert rows[0][0] == rows[1][0] == f"'{text}"
    assert from_cell(rows[1][0]) == text
    assert rows[1][1] == "-1.5"
    assert rows[2] == ["plain", ""]


@pytest.mark.parametrize("number", NUMBERS)
def test_numbers_stay_numbers(number: str) -> None:
    assert to_cell(number) == number == from_cell(number)
    assert to_cell(float(number)) == float(number)


@given(st.text(st.one_of(st.sampled_from("'=+-@\t\r\n1."), st.characters())))
def test_any_text_is_read_back_as_it_was(text: str) -> None:
    assert from_cell(str(to_cell(text))) == text


def test_floats_have_as_many_digits_as_asked_for_and_a_lone_surrogate_is_written(tmp_path: Path) -> None:
    write_csv(tmp_path / "t.csv", ["x"], [[1 / 3], ["\ud800"]], digits=3)
    assert (tmp_path / "t.csv").read_text(encoding="utf-8") == "x\n0.333\n\\ud800\n"
    write_csv(tmp_path / "t.csv", ["x"], [[1 / 3]])
    assert float((tmp_path / "t.csv").read_text(encoding="utf-8").split()[1]) == 1 / 3


def test_the_columns_of_an_exported_recording_run_nothing_in_a_spreadsheet(
    make_info, write_dataset, tmp_path: Path
) -> None:
    names = ("=cmd", "-x,y", "a", '@"q"')
    info = make_info("r0", sensors=names)
    assert all(isinstance(channel, ChannelInfo) for channel in info.channels)
    path = write_dataset([(info, np.full((4, 100), -1.5, np.float32))])
    with open_dataset(path) as dataset:
        export_dataset(dataset, tmp_path / "out", "csv")
    [table] = (tmp_path / "out").glob("*.csv")
    with table.open(encoding="utf-8", newline="") as file:
        rows = list(csv.reader(file))
    assert rows[0] == ["time_s", "'=cmd", "'-x,y", "a", '\'@"q"']
    assert [from_cell(head) for head in rows[0][1:]] == list(names)
    assert rows[1][1] == "-1.5"
